// Which programs are near a given one? Edits by spans of its tree: clauses, members and items are deleted, doubled and
// exchanged, expressions replaced by each other, names by other names, numbers by awkward ones. Used by the tests of the checks.
import fc from "fast-check";
import type { Expression } from "../../dsl/syntax/ast.ts";
import { parseProgram } from "../../dsl/parse/parse.ts";

/** A stretch of a text. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** What can be edited in a text, by kind. */
export interface Parts {
  readonly expressions: readonly Stretch[];
  /** Names wherever they stand: declared, read, members. */
  readonly names: readonly Stretch[];
  readonly numbers: readonly Stretch[];
  /** Items, clauses, members, entries: things that stand in a row. */
  readonly pieces: readonly Stretch[];
}

/** Finds the parts of a program by walking its tree. */
export function partsOf(text: string): Parts {
  const { program } = parseProgram({ name: "mutant.meta", text });
  const parts = {
    expressions: [] as Stretch[],
    names: [] as Stretch[],
    numbers: [] as Stretch[],
    pieces: [] as Stretch[],
  };
  walk(program, parts);
  return parts;
}

const expressionKinds: ReadonlySet<string> = new Set<Expression["kind"]>([
  "Number",
  "Name",
  "Member",
  "Time",
  "Call",
  "Index",
  "List",
  "Unary",
  "Binary",
  "Pipe",
]);

function walk(node: unknown, parts: { [K in keyof Parts]: Stretch[] }): void {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, parts);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  const { kind, span, name } = node as { kind?: string; span?: Stretch; name?: unknown };
  if (span && kind === undefined && typeof name === "string") parts.names.push(span);
  if (span && kind !== undefined && expressionKinds.has(kind)) {
    parts.expressions.push(span);
    if (kind === "Name") parts.names.push(span);
    if (kind === "Number") parts.numbers.push(span);
  } else if (span && kind !== undefined) parts.pieces.push(span);
  for (const [key, child] of Object.entries(node)) if (key !== "span" && key !== "comments") walk(child, parts);
}

/** One edit: which kind, and three numbers that choose the places. */
export interface Edit {
  readonly kind: (typeof editKinds)[number];
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** The kinds of edits. */
export const editKinds = [
  "delete piece",
  "double piece",
  "swap pieces",
  "replace expression",
  "replace expression by text",
  "wrap expression",
  "rename one",
  "rename all",
  "replace number",
  "delete token",
  "double token",
  "swap tokens",
] as const;

/** Edits for fast-check. */
export const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...editKinds),
    a: fc.nat(1e6),
    b: fc.nat(1e6),
    c: fc.nat(1e6),
  }),
  { minLength: 1, maxLength: 3 },
);

/** Expressions that are awkward in most places. */
export const awkward = [
  "0",
  "-1",
  "1.5",
  "inf",
  "true",
  "1e300",
  "3000000000",
  "[1, 2]",
  "[[1, 2], [3, 4]]",
  "[]",
  "normal(0, 1)",
  "sum",
  "relu",
  "dense",
  "x",
  "t",
  "T",
  "1 == 1",
  "1 / 0",
  "shape(1)",
  "range(3)",
  "-true",
  "constructor",
  "__proto__",
  "toString",
  "fan_in()",
  "sum(t for t in 0 .. 3)",
  "(1)@0",
  "range(3) == range(3)",
];
/** What may be put around an expression A, some with another expression B. */
const wrappings = (
  "-A|(A)|A + B|B - A|A * B|A / B|A^2|A^0.5|A^-1|2^A|A == B|A < B|A[0]|A[-1]|A[A]|A[0, 0]|A@t|A@0|A@T|A@(T - 1)|[A, B]|[A]|" +
  "dot(A, B)|matmul(A, B)|matmul(A, transpose(A))|sum(A)|mean(A, axis = 0)|sum(A, axis = 1, keep = true)|max(A, 0)|" +
  "max(A, axis = -1)|min(A)|argmax(A)|where(A, B, 1)|where(A > 0, A, B)|step(A)|sign(A)|floor(A)|ceil(A)|erf(A)|sqrt(A)|" +
  "abs(A)|mod(A, 2)|mod(A, B)|reshape(A, [1, 1])|reshape(A, shape(B))|reshape(A, [size(A)])|ravel(A)|flatten(A)|" +
  "stack(A, B)|concat(A, B)|concat(A, A, axis = -1)|stack(A, axis = 0)|expand_dims(A, 0)|swap_axes(A, 0, 1)|swap_last(A)|transpose(A)|" +
  "stop_gradient(A)|range(A)|take(A, range(2))|take(A, B)|windows(A, 2)|convolve(A, B)|max_pool(A)|size(A, 0)|shape(A)|" +
  "mse(A, B)|cross_entropy(A, B)|accuracy(A, B)|kl(A, B)|huber(A, B)|softmax(A)|relu(A)|gelu(A)|selu(A)|one_hot(A, 3)|" +
  "attend(A, A, A)|uniform(A, B)|normal(A, B)|truncated_normal(A)|sum(A for t in 0 .. T)|mean(A for t in 1 .. 3)|" +
  "stack(A for s in 0 .. 1)|max(A for t in 0 .. T - 1)|A |> relu|A |> dot(B)|A.x|A.lr|A.loss@T|A.T|dense(A)(B)|A(B)|A()|" +
  "fan_in() * A|sum(sum(A@t for t in 0 .. s) for s in 0 .. 2)|global_avg_pool(A)|logsumexp(A)|A |> f |> g|same_shape(A, B)"
).split(/\|(?!>)/);

const awkwardNumbers = ["0", "-1", "1.5", "1", "2", "1e10", "0.0", "1e-300", "2147483648"];
const awkwardNames = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "p",
  "g",
  "t",
  "T",
  "loss",
  "value",
  "sgd",
];

/** The text after edits. Each edit reads the tree of the text before it. */
export function mutate(text: string, list: readonly Edit[]): string {
  return list.reduce(applyEdit, text);
}

function pick<T>(list: readonly T[], n: number): T | undefined {
  return list[n % Math.max(1, list.length)];
}

function splice(text: string, at: Stretch, by: string): string {
  return text.slice(0, at.start) + by + text.slice(at.end);
}

function swap(text: string, x: Stretch | undefined, y: Stretch | undefined): string {
  if (!x || !y) return text;
  const [first, second] = x.start <= y.start ? [x, y] : [y, x];
  if (first.end > second.start) return text;
  const [one, two] = [text.slice(first.start, first.end), text.slice(second.start, second.end)];
  return splice(splice(text, second, one), first, two);
}

function applyEdit(text: string, edit: Edit): string {
  const { a, b, c } = edit;
  const parts = partsOf(text);
  const part = (at: Stretch) => text.slice(at.start, at.end);
  switch (edit.kind) {
    case "delete piece": {
      const at = pick(parts.pieces, a);
      return at ? splice(text, at, "") : text;
    }
    case "double piece": {
      const at = pick(parts.pieces, a);
      return at ? splice(text, at, `${part(at)} ${part(at)}`) : text;
    }
    case "swap pieces":
      return swap(text, pick(parts.pieces, a), pick(parts.pieces, b));
    case "replace expression": {
      const [at, other] = [pick(parts.expressions, a), pick(parts.expressions, b)];
      return at && other ? splice(text, at, part(other)) : text;
    }
    case "replace expression by text": {
      const at = pick(parts.expressions, a);
      return at ? splice(text, at, pick(awkward, c)!) : text;
    }
    case "wrap expression": {
      const [at, other] = [pick(parts.expressions, a), pick(parts.expressions, b)];
      if (!at || !other) return text;
      return splice(text, at, pick(wrappings, c)!.replaceAll("A", () => part(at)).replaceAll("B", () => part(other)));
    }
    case "rename one": {
      const [at, other] = [pick(parts.names, a), pick(parts.names, b)];
      return at && other ? splice(text, at, c % 3 === 0 ? pick(awkwardNames, c)! : part(other)) : text;
    }
    case "rename all": {
      const at = pick(parts.names, a);
      if (!at) return text;
      const name = part(at);
      const to = pick(awkwardNames, c)!;
      return parts.names.filter((n) => part(n) === name).sort((x, y) => y.start - x.start).reduce(
        (whole, n) => splice(whole, n, to),
        text,
      );
    }
    case "replace number": {
      const at = pick(parts.numbers, a);
      return at ? splice(text, at, pick(awkwardNumbers, b)!) : text;
    }
    default:
      return editTokens(text, edit);
  }
}

function editTokens(text: string, { kind, a, b }: Edit): string {
  const tokens = [...text.matchAll(/[A-Za-z_][A-Za-z_0-9]*|\d[\d_.]*(?:e[+-]?\d+)?|"[^"]*"|\|>|->|\.\.|[^\s\w]/g)].map(
    (m): Stretch => ({ start: m.index, end: m.index + m[0].length }),
  );
  const at = pick(tokens, a);
  if (!at) return text;
  const part = text.slice(at.start, at.end);
  if (kind === "delete token") return splice(text, at, "");
  if (kind === "double token") return splice(text, at, `${part} ${part}`);
  return swap(text, at, pick(tokens, b));
}
