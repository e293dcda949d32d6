// How is an expression written? Parentheses only where the precedence table needs them; numbers as the author wrote them.
import type {
  Argument,
  CallExpression,
  Expression,
  Formal,
  Identifier,
  IndexExpression,
  RangeClause,
  ResultsExpression,
  TypeExpression,
} from "../syntax/ast.ts";
import { align, type Document, fill, flatText, group, indent, join, line, softline } from "../text/document.ts";
import { type CommentQueue, gap } from "./format_comments.ts";
import { negationLevel, operators, pipeLevel, postfixLevel } from "../syntax/precedence.ts";

/** An expression, in parentheses if it binds less tightly than `lowest`. */
export function expressionDocument(q: CommentQueue, e: Expression, lowest = 0): Document {
  const level = levelOf(e);
  if (level >= lowest) return group(bareExpression(q, e));
  return ["(", group(indent([gap(q, firstOffset(e), softline), bareExpression(q, e)])), ")"];
}

function levelOf(e: Expression): number {
  if (e.kind === "Binary") return operators[e.op]!.level;
  if (e.kind === "Pipe") return pipeLevel;
  return e.kind === "Unary" ? negationLevel : postfixLevel;
}

/** Where the first name or number of an expression ends, behind parentheses and signs: comments before it are written
 *  before the whole. */
export function firstOffset(e: Expression): number {
  switch (e.kind) {
    case "Binary":
      return firstOffset(e.left);
    case "Pipe":
      return firstOffset(e.value);
    case "Member":
    case "Time":
    case "Index":
      return firstOffset(e.object);
    case "Call":
      return firstOffset(e.callee);
    case "Unary":
      return firstOffset(e.operand);
    case "List":
    case "Results":
      return e.span.start;
    default:
      return e.span.end;
  }
}

function bareExpression(q: CommentQueue, e: Expression): Document {
  switch (e.kind) {
    case "Number":
      // Up to the end: parentheses that are not written belong to the span, and comments may stand in them.
      return [gap(q, e.span.end, ""), e.text];
    case "Name":
      return [gap(q, e.span.end, ""), e.primed ? `${e.name}'` : e.name];
    case "Member":
      return [expressionDocument(q, e.object, postfixLevel), gap(q, e.member.span.start, ""), ".", e.member.name];
    case "Time":
      return [expressionDocument(q, e.object, postfixLevel), "@", timeDocument(q, e.time)];
    case "Call":
      return callDocument(q, e);
    case "Index":
      return [expressionDocument(q, e.object, postfixLevel), listDocument(q, e.indices, e.span.end)];
    case "List":
      return [gap(q, e.span.start, ""), listDocument(q, e.items, e.span.end)];
    case "Unary":
      return [gap(q, firstOffset(e), ""), "-", expressionDocument(q, e.operand, negationLevel)];
    case "Binary":
      return binaryDocument(q, e);
    case "Pipe":
      return pipeDocument(q, e);
    case "Results":
      return resultsDocument(q, e);
    case "Missing":
      return "";
  }
}

/** `{ mean = m, spread = s }` */
function resultsDocument(q: CommentQueue, { entries, span }: ResultsExpression): Document {
  const parts = entries.map(({ name, value }): Document => [
    gap(q, name.span.start, line),
    name.name,
    " = ",
    expressionDocument(q, value),
  ]);
  return group([gap(q, span.start, ""), "{", indent(join(parts, ",")), gap(q, span.end, line), "}"]);
}

function timeDocument(q: CommentQueue, time: Expression | "all"): Document {
  if (time === "all") return "*";
  if (time.kind === "Number" || time.kind === "Name" && !time.primed) return bareExpression(q, time);
  return ["(", expressionDocument(q, time), ")"];
}

function callDocument(q: CommentQueue, e: CallExpression): Document {
  return group([expressionDocument(q, e.callee, postfixLevel), argumentsDocument(q, e)]);
}

/** `(known, shots = 5)` */
export function argumentsDocument(
  q: CommentQueue,
  e: Pick<CallExpression, "args" | "comprehension" | "span">,
): Document {
  const args = e.args.map((arg, i): Document => [
    gap(q, arg.name?.span.start ?? firstOffset(arg.value), i === 0 ? softline : line),
    argumentDocument(q, arg),
  ]);
  if (e.comprehension) args.push([gap(q, e.comprehension.span.start, line), "for ", stepsDocument(q, e.comprehension)]);
  const body = join(args, e.comprehension ? "" : ",");
  const end = gap(q, e.span.end, args.length === 0 ? "" : softline);
  return ["(", indent(body), end, ")"];
}

/** `value` or `name = value` */
function argumentDocument(q: CommentQueue, { name, value }: Argument): Document {
  return name ? [name.name, " = ", expressionDocument(q, value)] : expressionDocument(q, value);
}

/** `t in 1 .. T` */
export function stepsDocument(
  q: CommentQueue,
  { variable, from, to }: { readonly variable: Identifier; readonly from: Expression; readonly to: Expression },
): Document {
  return [gap(q, variable.span.start, ""), variable.name, " in ", rangeDocument(q, { low: from, high: to })];
}

/** `low .. high` */
export function rangeDocument(q: CommentQueue, { low, high }: Pick<RangeClause, "low" | "high">): Document {
  return [expressionDocument(q, low), gap(q, firstOffset(high), " "), ".. ", expressionDocument(q, high)];
}

/** `[a, b]`; numbers fill their lines, as a table of data would otherwise be one number to a line. */
function listDocument(q: CommentQueue, items: IndexExpression["indices"], end: number): Document {
  const itemDocument = (item: IndexExpression["indices"][number]) =>
    item.kind === "Slice" ? rangeDocument(q, item) : expressionDocument(q, item);
  if (items.length > 0 && !q.has(end) && items.every(isNumber)) {
    return group(["[", align(fill(items.map(itemDocument))), "]"]);
  }
  const parts = items.map((item, i): Document => [
    gap(q, firstOffset(item.kind === "Slice" ? item.low : item), i === 0 ? softline : line),
    itemDocument(item),
  ]);
  return group(["[", indent(join(parts, ",")), gap(q, end, parts.length === 0 ? "" : softline), "]"]);
}

function isNumber(e: IndexExpression["indices"][number]): boolean {
  return e.kind === "Number" || e.kind === "Unary" && e.operand.kind === "Number";
}

/** A chain of operators of one level is one group: `a + b - c` breaks before all its operators or none. */
function binaryDocument(q: CommentQueue, e: Expression & { kind: "Binary" }): Document {
  const { level, groups } = operators[e.op]!;
  if (groups !== "left") {
    const tight = e.op === "^";
    const left = expressionDocument(q, e.left, level + 1);
    const space = gap(q, firstOffset(e.right), tight ? "" : line);
    const right = expressionDocument(q, e.right, tight ? negationLevel : level + 1);
    return [left, indent([space, tight ? "^" : `${e.op} `, right])];
  }
  const chain: (Expression & { kind: "Binary" })[] = [];
  let first: Expression = e;
  while (first.kind === "Binary" && operators[first.op]!.level === level) {
    chain.unshift(first);
    first = first.left;
  }
  const start = expressionDocument(q, first, level);
  const rest = chain.map(({ op, right }): Document => [
    gap(q, firstOffset(right), line),
    `${op} `,
    expressionDocument(q, right, level + 1),
  ]);
  return [start, indent(rest)];
}

function pipeDocument(q: CommentQueue, e: Expression & { kind: "Pipe" }): Document {
  const chain: (Expression & { kind: "Pipe" })[] = [];
  let first: Expression = e;
  while (first.kind === "Pipe") {
    chain.unshift(first);
    first = first.value;
  }
  const start = expressionDocument(q, first, pipeLevel + 1);
  const rest = chain.map(({ target }): Document => [
    gap(q, firstOffset(target), line),
    "|> ",
    expressionDocument(q, target, postfixLevel),
  ]);
  return [start, indent(rest)];
}

/** `a, b.c@0` */
export function referencesDocument(q: CommentQueue, references: readonly Expression[]): Document {
  const last = references.at(-1);
  if (last === undefined || !q.has(firstOffset(last))) {
    return fill(references.map((each) => expressionDocument(q, each)));
  }
  const parts = references.map((each, i): Document => [
    gap(q, firstOffset(each), i === 0 ? "" : line),
    expressionDocument(q, each),
  ]);
  return group(join(parts, ","));
}

/** `int [100]` */
export function typeDocument(q: CommentQueue, { dtype, sizes, span }: TypeExpression): Document {
  const list = sizes && listDocument(q, sizes, span.end);
  return [gap(q, span.start, ""), dtype?.name ?? "", dtype && list ? " " : "", list ?? ""];
}

/** `(x : [n, 1], init = glorot())` */
export function formalsDocument(q: CommentQueue, formals: readonly Formal[]): Document {
  if (formals.length === 0) return "()";
  const parts = formals.map((formal, i): Document => [
    gap(q, formal.span.start, i === 0 ? softline : line),
    formalDocument(q, formal),
  ]);
  return group(["(", indent(join(parts, ",")), softline, ")"]);
}

function formalDocument(q: CommentQueue, { name, type, default: value }: Formal): Document {
  return [
    name.name,
    type ? [" : ", typeDocument(q, type)] : "",
    value ? [" = ", expressionDocument(q, value)] : "",
  ];
}

/** The arguments of a call as texts, for columns; undefined if the call cannot be cut up so. */
export function callTexts(q: CommentQueue, e: Expression): readonly string[] | undefined {
  if (e.kind !== "Call" || e.comprehension || e.callee.kind !== "Name" || e.callee.primed || e.args.length < 2) {
    return undefined;
  }
  if (q.has(e.span.end)) return undefined;
  const args = e.args.map((arg) => flatText(argumentDocument(q, arg))!);
  return args.map((text, i) => {
    const start = i === 0 ? `${(e.callee as Expression & { kind: "Name" }).name}(` : "";
    return `${start}${text}${i === args.length - 1 ? ")" : ","}`;
  });
}
