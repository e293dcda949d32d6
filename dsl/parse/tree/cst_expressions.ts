// How does an expression of the CST become a tree? The flat list of operands and operators is folded by the precedence
// table; what the grammar accepts too generously (`3 = x` as an argument) is reported here.
import type {
  Argument,
  BinaryOperator,
  CallExpression,
  Comprehension,
  Expression,
  IndexExpression,
  RangeClause,
  TypeExpression,
} from "../../syntax/ast.ts";
import {
  type Conversion,
  first,
  identifier,
  isReal,
  missing,
  nodeSpan,
  numberLiteral,
  tokenSpan,
} from "./cst_context.ts";
import type * as cst from "../grammar/cst_types.ts";
import { raising } from "../../../runtime/limits.ts";
import { negationLevel, operators, pipeLevel } from "../../syntax/precedence.ts";
import { joinSpans, type Span } from "../../text/source.ts";
import type { IToken } from "../tokens/chevrotain.ts";

/** An expression; `offset` is where the hole is if there is none. */
export function expression(
  c: Conversion,
  node: cst.ExpressionCstNode | undefined,
  offset: number,
  depth = 0,
): Expression {
  if (node === undefined) return missing(c, offset);
  const operands = node.children.operand ?? [];
  const below = depth + operands.reduce((sum, operand) => sum + 1 + (operand.children.Minus?.length ?? 0), 0);
  if (below > c.limits.terms) return tooDeep(c, nodeSpan(c, node, offset));
  return fold(c, node, below);
}

/** A postfix expression on its own. */
export function postfix(c: Conversion, node: cst.PostfixCstNode | undefined, offset: number, depth = 0): Expression {
  if (node === undefined) return missing(c, offset);
  const suffixes = node.children.suffix ?? [];
  if (depth + suffixes.length > c.limits.terms) return tooDeep(c, nodeSpan(c, node, offset));
  const start = primary(c, first(node.children.primary), nodeSpan(c, node, offset).start, depth + suffixes.length);
  return applySuffixes(c, start, suffixes, depth + suffixes.length);
}

/** `name` with suffixes, the left side of an entry. */
export function reference(c: Conversion, node: cst.ReferenceCstNode | undefined): Expression | undefined {
  const name = identifier(c, first(node?.children.Name));
  if (node === undefined || name === undefined) return undefined;
  const suffixes = node.children.suffix ?? [];
  if (suffixes.length > c.limits.terms) return tooDeep(c, nodeSpan(c, node));
  return applySuffixes(c, { kind: "Name", ...name, primed: false }, suffixes, suffixes.length);
}

/** `a, b.c@0` */
export function references(c: Conversion, node: cst.ReferencesCstNode | undefined, offset: number): Expression[] {
  return (node?.children.postfix ?? []).map((each) => postfix(c, each, offset));
}

/** `int [100]`; undefined when there is neither a dtype nor a bracket. */
export function type(c: Conversion, node: cst.TypeCstNode | undefined): TypeExpression | undefined {
  if (node === undefined) return undefined;
  const dtype = identifier(c, first(node.children.Name));
  const list = first(node.children.list);
  if (dtype === undefined && list === undefined) return undefined;
  const sizes = list && (list.children.expression ?? []).map((size) => expression(c, size, nodeSpan(c, list).end));
  return { ...(dtype && { dtype }), ...(sizes && { sizes }), span: nodeSpan(c, node) };
}

/** `in 0 .. 1` */
export function range(c: Conversion, node: cst.RangeCstNode | undefined): RangeClause | undefined {
  if (node === undefined) return undefined;
  const span = nodeSpan(c, node);
  const [low, high] = node.children.expression ?? [];
  return { low: expression(c, low, span.end), high: expression(c, high, span.end), span };
}

/** `t in 1 .. T` */
export function steps(c: Conversion, node: cst.StepsCstNode | undefined, depth = 0): Comprehension | undefined {
  const variable = identifier(c, first(node?.children.Name));
  if (node === undefined || variable === undefined) return undefined;
  const span = nodeSpan(c, node);
  const [from, to] = node.children.expression ?? [];
  return { variable, from: expression(c, from, span.end, depth), to: expression(c, to, span.end, depth), span };
}

function tooDeep(c: Conversion, at: Span): Expression {
  c.report({
    code: "M0102",
    title: `An expression is more than ${c.limits.terms} terms deep`,
    at,
    notes: [raising("terms")],
    hint: "name parts of it with `let`",
  });
  return { kind: "Missing", span: at };
}

// ------------------------------------------------------------------------------------------------------ precedence

/** Folds `operand { operator operand }` (precedence climbing). */
function fold(c: Conversion, node: cst.ExpressionCstNode, depth: number): Expression {
  const operands = node.children.operand ?? [];
  const signs = operands.map((operand) => [...(operand.children.Minus ?? [])]);
  const ops = (node.children.Operator ?? []).filter(isReal);
  const end = nodeSpan(c, node).end;
  let next = 0;

  function prefix(): Expression {
    const minus = signs[next]?.shift();
    if (minus === undefined) {
      const operand = operands[next];
      return postfix(c, first(operand?.children.postfix), operand ? nodeSpan(c, operand, end).end : end, depth);
    }
    const operand = climb(negationLevel);
    return { kind: "Unary", op: "-", operand, span: joinSpans(tokenSpan(c, minus), operand.span) };
  }

  function climb(lowest: number): Expression {
    let left = prefix();
    let previous: IToken | undefined;
    for (let op = ops[next]; op !== undefined; op = ops[next]) {
      const row = operators[written(op)]!;
      if (row.level < lowest) break;
      next++;
      if (previous !== undefined) reportGrouping(c, previous, op, left);
      if (row.level === pipeLevel) {
        if (first(signs[next]) !== undefined) reportSignedTarget(c, first(signs[next])!);
        const target = prefix();
        left = { kind: "Pipe", value: left, target, span: joinSpans(left.span, target.span) };
      } else {
        const right = climb(row.groups === "right" ? row.level : row.level + 1);
        const span = joinSpans(left.span, right.span);
        left = { kind: "Binary", op: written(op) as BinaryOperator, left, right, span };
      }
      previous = op;
    }
    return left;
  }

  return climb(0);
}

/** The operator, as the language spells it (a foreign spelling may stand in the text). */
function written(op: IToken): string {
  return op.tokenType.PATTERN as string;
}

/** Reports `a < b < c`, and an operator behind a pipe. */
function reportGrouping(c: Conversion, before: IToken, op: IToken, left: Expression): void {
  const at = tokenSpan(c, op);
  const [previous, row] = [operators[written(before)]!, operators[written(op)]!];
  if (row.groups === "none" && previous.groups === "none") {
    c.report({
      code: "M0102",
      title: "Comparisons do not chain",
      at,
      secondary: [{ span: tokenSpan(c, before), message: "the comparison before it" }],
      hint: "compare twice and multiply the answers, as in `(a < b) * (b < c)`",
    });
  } else if (previous.level === pipeLevel && row.level > pipeLevel) {
    const text = c.source.text.slice(left.span.start, left.span.end);
    c.report({
      code: "M0102",
      title: `\`${op.image}\` cannot follow a pipe`,
      at,
      label: "what is piped into must be a function, a model or a call",
      hint: text.length <= 40 && !text.includes("\n")
        ? `write \`(${text}) ${written(op)} …\``
        : "put the pipe in parentheses",
    });
  }
}

function reportSignedTarget(c: Conversion, minus: IToken): void {
  c.report({
    code: "M0102",
    title: "What is piped into cannot have a sign",
    at: tokenSpan(c, minus),
    hint: "write `-(x |> f)` for the opposite of what comes out",
  });
}

// ---------------------------------------------------------------------------------------------------------- leaves

function primary(c: Conversion, node: cst.PrimaryCstNode | undefined, offset: number, depth: number): Expression {
  if (node === undefined) return missing(c, offset);
  const { children } = node;
  const span = nodeSpan(c, node, offset);
  const number = numberLiteral(c, first(children.Number));
  if (number) return number;
  const name = identifier(c, first(children.Name));
  if (name) return { kind: "Name", name: name.name, primed: isReal(first(children.Prime)), span };
  const list = first(children.list);
  if (list) {
    const items = (list.children.expression ?? []).map((item) => expression(c, item, span.end, depth + 1));
    return { kind: "List", items, span };
  }
  // Parentheses leave no node; the span keeps them, so that a label underlines the whole of `(a + b)`.
  return { ...expression(c, first(children.expression), span.end, depth + 1), span };
}

function applySuffixes(
  c: Conversion,
  start: Expression,
  suffixes: readonly cst.SuffixCstNode[],
  depth: number,
): Expression {
  let object = start;
  for (const { children } of suffixes) {
    const time = first(children.time);
    const member = first(children.member);
    const call = first(children.call);
    const index = first(children.index);
    if (time) object = withTime(c, object, time, depth);
    else if (member) object = withMember(c, object, member);
    else if (call) object = withCall(c, object, call, depth);
    else if (index) {
      const span = joinSpans(object.span, nodeSpan(c, index, object.span.end));
      const indices = (index.children.indexEntry ?? []).map((each) => indexEntry(c, each, span.end, depth + 1));
      object = { kind: "Index", object, indices, span };
    }
  }
  return object;
}

function indexEntry(
  c: Conversion,
  node: cst.IndexEntryCstNode,
  offset: number,
  depth: number,
): IndexExpression["indices"][number] {
  const [left, right] = node.children.expression ?? [];
  const low = expression(c, left, offset, depth);
  if (first(node.children.DotDot) === undefined) return low;
  const span = nodeSpan(c, node, offset);
  return { kind: "Slice", low, high: expression(c, right, span.end, depth), span };
}

function withTime(c: Conversion, object: Expression, node: cst.TimeCstNode, depth: number): Expression {
  const { children } = node;
  const span = joinSpans(object.span, nodeSpan(c, node, object.span.end));
  const name = identifier(c, first(children.Name));
  const time = isReal(first(children.Star)) ? "all" as const : numberLiteral(c, first(children.Number)) ??
    (name
      ? { kind: "Name" as const, ...name, primed: false }
      : expression(c, first(children.expression), span.end, depth + 1));
  return { kind: "Time", object, time, span };
}

function withMember(c: Conversion, object: Expression, node: cst.MemberCstNode): Expression {
  const member = identifier(c, first(node.children.Word));
  if (member === undefined) return object;
  return { kind: "Member", object, member, span: joinSpans(object.span, member.span) };
}

/** What is called, with the arguments behind it. */
export function withCall(c: Conversion, callee: Expression, node: cst.CallCstNode, depth = 0): CallExpression {
  const span = joinSpans(callee.span, nodeSpan(c, node, callee.span.end));
  const nodes = node.children.argument ?? [];
  const args = nodes.map((each) => argument(c, each, span.end, depth + 1));
  const loop = first(node.children.comprehension);
  const comprehension = steps(c, first(loop?.children.steps), depth + 1);
  if (comprehension === undefined) return { kind: "Call", callee, args, span };
  const extra = nodes[1];
  if (extra !== undefined || args[0]?.name !== undefined) {
    c.report({
      code: "M0102",
      title: "`for … in …` stands in a call with one argument, without a name",
      at: extra ? nodeSpan(c, extra) : args[0]!.name!.span,
    });
  }
  const body = args[0] ?? { value: missing(c, span.end) };
  return { kind: "Call", callee, args: [{ value: body.value }], comprehension, span };
}

function argument(c: Conversion, node: cst.ArgumentCstNode, offset: number, depth: number): Argument {
  const [left, right] = node.children.expression ?? [];
  const start = expression(c, left, offset, depth);
  if (first(node.children.Equals) === undefined) return { value: start };
  const value = expression(c, right, nodeSpan(c, node, offset).end, depth);
  if (start.kind === "Name" && !start.primed) return { name: { name: start.name, span: start.span }, value };
  if (start.kind !== "Missing") {
    c.report({
      code: "M0102",
      title: "Before the `=` of an argument stands its name",
      at: start.span,
      label: "this is not a name",
      hint: "compare with `==`, or write `name = value`",
    });
  }
  return { value };
}
