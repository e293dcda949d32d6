// How is a signature read? `matmul(a : [A..., n, k], b : [A..., k, m]) -> [A..., n, m]`: small letters are sizes and numbers known before
// the run, capitals with dots any number of axes (`...` alone: the same ones throughout), `any` ints or floats that stay what
// they are, and without a word what is not float becomes it; `name(sizes)(x : ...)` is a layer, `name() ~ [n, m]` what is drawn. Here they are drawn from and matched.
import type { Expression } from "../../dsl/syntax/ast.ts";
import { parseProgram } from "../../dsl/parse/parse.ts";

/** Ints or not, and how many along each axis. */
export interface ArrayOf {
  readonly int: boolean;
  readonly shape: readonly number[];
}

/** One argument of a signature. */
export interface Parameter {
  /** By name: `axis = rank(A)`. */
  readonly name?: string;
  readonly kind: "array" | "number" | "list";
  readonly dtype?: "int" | "float" | "any";
  /** Sizes, and names of stretches of axes. */
  readonly parts: readonly Part[];
}

type Part = { readonly size: Expression } | { readonly axes: Expression };

/** What comes out. */
interface Result {
  readonly kind: "array" | "drawn" | "list" | "number";
  readonly dtype: "int" | "bool" | "any" | undefined;
  readonly parts: readonly Part[];
  /** In place of parts: names of axes that meet as in NumPy. */
  readonly broadcast?: readonly string[];
}

/** A signature, read. */
export interface ReadSignature {
  readonly text: string;
  readonly name: string;
  /** Sizes of a layer, in the brackets before those of its call. */
  readonly sizes: readonly Parameter[] | undefined;
  readonly parameters: readonly Parameter[];
  readonly result: Result;
  readonly condition: Expression | undefined;
}

/** What names stand for: sizes, and stretches of axes. */
export type Bound = ReadonlyMap<string, number | readonly number[]>;

/** An expression of the language. */
export function expressionOf(text: string): Expression {
  const { program, diagnostics } = parseProgram({ name: "a.meta", text: `edition 1 let a = ${text}` });
  const item = program.items[1];
  if (item?.kind !== "Let" || diagnostics.length > 0) throw new Error(`Not an expression: ${text}`);
  return item.value;
}

/** `a, [b, c], d(e, f)` at its own commas. */
function splitAt(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    if ("([".includes(text[i] ?? " ")) depth++;
    if (")]".includes(text[i] ?? " ")) depth--;
    if (i < text.length && (text[i] !== "," || depth > 0)) continue;
    found.push(text.slice(from, i).trim());
    from = i + 1;
  }
  return found.filter((part) => part !== "");
}

const inside = (text: string) => text.slice(text.indexOf("[") + 1, text.lastIndexOf("]"));

const partsOf = (shape: string): Part[] =>
  splitAt(inside(shape)).map((part) =>
    part.endsWith("...") ? { axes: expressionOf(part.slice(0, -3) || "Axes") } : { size: expressionOf(part) }
  );

function parameterOf(text: string): Parameter {
  const [, dtype, shape] = /^\w+ : (int |float |any )?(\[.*\])$/.exec(text) ?? [];
  if (shape) {
    return {
      kind: "array",
      parts: partsOf(shape),
      ...(dtype && { dtype: dtype.trim() as Parameter["dtype"] & string }),
    };
  }
  const [, name, value] = /^(\w+) = (.*)$/.exec(text) ?? [undefined, undefined, text];
  const given = name === undefined ? {} : { name };
  if (value!.startsWith("[")) return { ...given, kind: "list", parts: partsOf(value!) };
  return { ...given, kind: "number", parts: [{ size: expressionOf(value!) }] };
}

/** Reads one line. */
export function readSignature(text: string): ReadSignature {
  const [, left, arrow, right] = /^(.*?) (->|~) (.*)$/.exec(text) ?? [];
  if (!left || !right) throw new Error(`Not a signature: ${text}`);
  const [, name, first, second] = /^(\w+)\((.*?)\)(?:\((.*)\))?$/.exec(left) ?? [];
  const [result, condition] = right.split(" if ") as [string, string?];
  const single = !left.includes(")(");
  const own = single ? left.slice(left.indexOf("(") + 1, -1) : first!;
  const read = (list: string) => splitAt(list).map(parameterOf);
  const [, word = "", rest = ""] = /^(int |bool |any |list |number )?(.*)$/.exec(result) ?? [];
  const spread = /^broadcast\((.*)\)$/.exec(rest)?.[1];
  const parts = spread ? [] : rest.startsWith("[") ? partsOf(rest) : [{ size: expressionOf(rest) }];
  return {
    text,
    name: name!,
    sizes: single ? undefined : read(own),
    parameters: read(single ? own : second!),
    result: {
      kind: arrow === "~" ? "drawn" : word === "list " ? "list" : word === "number " ? "number" : "array",
      dtype: word === "int " ? "int" : word === "bool " ? "bool" : word === "any " ? "any" : undefined,
      parts,
      ...(spread && { broadcast: splitAt(spread) }),
    },
    condition: condition === undefined ? undefined : expressionOf(condition),
  };
}

/** How it is called: two lines of one form are two cases of one call. */
export const formOf = ({ parameters }: ReadSignature) => parameters.map((p) => p.name ?? p.kind).join();

/** The number that an expression is; undefined where a name is not bound. */
function numberOf(e: Expression, bound: Bound): number | undefined {
  if (e.kind === "Number") return e.value;
  if (e.kind === "Name") {
    if (e.name === "true") return 1;
    const value = bound.get(e.name);
    return typeof value === "number" ? value : undefined;
  }
  if (e.kind === "Call" && e.callee.kind === "Name") {
    const { value } = e.args[0]!;
    if (e.callee.name === "floor") {
      const x = numberOf(value, bound);
      return x === undefined ? undefined : Math.floor(x);
    }
    const axes = axesOf(value, bound);
    if (axes === undefined) return undefined;
    return e.callee.name === "rank" ? axes.length : axes.reduce((p, n) => p * n, 1);
  }
  if (e.kind !== "Binary") throw new Error(`Unknown in a signature: ${e.kind}`);
  const [x, y] = [numberOf(e.left, bound), numberOf(e.right, bound)];
  if (x === undefined || y === undefined) return undefined;
  switch (e.op) {
    case "+":
      return x + y;
    case "-":
      return x - y;
    case "*":
      return x * y;
    case "/":
      return x / y;
    default:
      return x === y ? 1 : 0;
  }
}

/** The sizes that a stretch of axes has. */
function axesOf(e: Expression, bound: Bound): readonly number[] | undefined {
  if (e.kind === "Name") {
    const value = bound.get(e.name);
    return typeof value === "number" ? undefined : value;
  }
  if (e.kind !== "Call" || e.callee.kind !== "Name") throw new Error(`No axes: ${e.kind}`);
  const axes = axesOf(e.args[0]!.value, bound);
  return e.callee.name === "ones" ? axes?.map(() => 1) : axes?.toReversed();
}

/** The sizes of a shape whose names are bound. */
export function sizesOf(parts: readonly Part[], bound: Bound): readonly number[] | undefined {
  const sizes: number[] = [];
  for (const part of parts) {
    const more = "axes" in part ? axesOf(part.axes, bound) : numberOf(part.size, bound);
    if (more === undefined) return undefined;
    sizes.push(...(typeof more === "number" ? [more] : more));
  }
  return sizes;
}

/** Whether a condition holds. */
export const holds = (condition: Expression | undefined, bound: Bound) =>
  condition === undefined || numberOf(condition, bound) === 1;

/** The names of a signature: sizes and numbers, and stretches of axes. */
export function namesOf(signature: ReadSignature): { readonly sizes: Set<string>; readonly axes: Set<string> } {
  const sizes = new Set<string>();
  const axes = new Set<string>();
  const visit = (e: Expression, into: Set<string>): void => {
    if (e.kind === "Name" && e.name !== "true") into.add(e.name);
    if (e.kind === "Binary") [e.left, e.right].forEach((side) => visit(side, into));
    if (e.kind !== "Call" || e.callee.kind !== "Name") return;
    const under = e.callee.name === "floor" ? into : axes;
    for (const { value } of e.args) visit(value, under);
  };
  const own = [...(signature.sizes ?? []), ...signature.parameters].flatMap((p) => p.parts);
  const drawn = signature.result.kind === "drawn" ? signature.result.parts : [];
  for (const part of [...own, ...drawn]) {
    if ("axes" in part) visit(part.axes, axes);
    else visit(part.size, sizes);
  }
  return { sizes, axes };
}

/** What is given for each parameter: an array, a number, a list. */
export type Given = ArrayOf | number | readonly number[];

/** What comes out of given arguments; undefined where they do not fit. */
export function resultOf(signature: ReadSignature, given: readonly Given[]): ArrayOf | undefined {
  const parameters = [...(signature.sizes ?? []), ...signature.parameters];
  let later: [Expression, number][] = [];
  const match = (k: number, bound: Map<string, number | readonly number[]>): ArrayOf | undefined => {
    if (k === parameters.length) return finish(bound);
    const [parameter, value] = [parameters[k]!, given[k]!];
    const { int } = value as ArrayOf;
    if (parameter.dtype === "int" && !int || parameter.dtype === "float" && int) return undefined;
    const sizes = typeof value === "number" ? [value] : "shape" in value ? value.shape : value;
    return along(parameter.parts, sizes, bound, (more) => match(k + 1, more));
  };
  const along = (
    parts: readonly Part[],
    sizes: readonly number[],
    bound: Map<string, number | readonly number[]>,
    next: (bound: Map<string, number | readonly number[]>) => ArrayOf | undefined,
  ): ArrayOf | undefined => {
    const [part, ...rest] = parts;
    if (!part) return sizes.length === 0 ? next(bound) : undefined;
    if ("axes" in part) {
      const { name } = part.axes as Expression & { kind: "Name" };
      const known = bound.get(name) as readonly number[] | undefined;
      for (let n = 0; n <= sizes.length; n++) {
        const these = sizes.slice(0, n);
        if (known && known.join() !== these.join()) continue;
        const found = along(rest, sizes.slice(n), new Map(bound).set(name, these), next);
        if (found) return found;
      }
      return undefined;
    }
    const [first, ...others] = sizes;
    if (first === undefined) return undefined;
    if (part.size.kind !== "Name") {
      const before = later;
      later = [...later, [part.size, first]];
      const found = along(rest, others, bound, next);
      later = before;
      return found;
    }
    const known = part.size.name === "true" ? 1 : bound.get(part.size.name);
    return known !== undefined && known !== first
      ? undefined
      : along(rest, others, new Map(bound).set(part.size.name, first), next);
  };
  const finish = (bound: Map<string, number | readonly number[]>): ArrayOf | undefined => {
    const free = [...namesOf(signature).sizes].filter((name) => !bound.has(name));
    // a size that stands in products only
    if (free.length > 0) {
      for (let n = 1; n <= 16; n++) {
        const found = finish(new Map(bound).set(free[0]!, n));
        if (found) return found;
      }
      return undefined;
    }
    if (!later.every(([e, value]) => numberOf(e, bound) === value) || !holds(signature.condition, bound)) {
      return undefined;
    }
    const { result } = signature;
    const shape = result.broadcast
      ? result.broadcast.map((name) => bound.get(name) as readonly number[]).reduce<readonly number[] | undefined>(
        broadcast,
        [],
      )
      : sizesOf(result.parts, bound);
    if (shape === undefined || result.kind === "array" && shape.some((n) => !(n >= 1))) return undefined;
    const kept = parameters.flatMap((p, i) => p.dtype === "any" ? [(given[i] as ArrayOf).int] : []);
    return { shape, int: result.dtype === "int" || result.dtype === "any" && kept.every((int) => int) };
  };
  return match(0, new Map());
}

/** As NumPy has it; undefined where they do not fit. */
function broadcast(a: readonly number[] | undefined, b: readonly number[]): readonly number[] | undefined {
  if (a === undefined) return undefined;
  const rank = Math.max(a.length, b.length);
  const sizes: number[] = [];
  for (let i = -rank; i < 0; i++) {
    const [x, y] = [a.at(i) ?? 1, b.at(i) ?? 1];
    if (x !== y && x !== 1 && y !== 1) return undefined;
    sizes.push(x === 1 ? y : x);
  }
  return sizes;
}
