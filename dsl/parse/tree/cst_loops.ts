// How do loops of the CST become items of the AST, and which clause has a place in which loop?
import type * as ast from "../../syntax/ast.ts";
import {
  type Conversion,
  docAbove,
  first,
  identifier,
  isReal,
  nodeSpan,
  numberLiteral,
  present,
  quotedText,
  tokenSpan,
} from "./cst_context.ts";
import type * as cst from "../grammar/cst_types.ts";
import type { ClauseRule } from "../grammar/rule_names.ts";
import { expression, postfix, range, reference, references, steps, withCall } from "./cst_expressions.ts";
import { clausesOf } from "../../syntax/keywords.ts";
import { joinSpans, type Span } from "../../text/source.ts";
import { referenceText } from "../../syntax/paths.ts";

/** `inner`, `outer` or `evaluate` */
export function loopItem(
  c: Conversion,
  node: cst.LoopItemCstNode,
): ast.InnerItem | ast.OuterItem | ast.EvaluateItem | undefined {
  const name = identifier(c, first(node.children.Name));
  const keyword = first(node.children.keyword)?.image;
  if (name === undefined || (keyword !== "inner" && keyword !== "outer" && keyword !== "evaluate")) return undefined;
  const clauses = present((node.children.clause ?? []).map((each) => {
    const converted = clause(c, each);
    return converted && fits(c, keyword, converted) ? converted : undefined;
  }));
  const span = nodeSpan(c, node);
  const base = { name, clauses, ...docAbove(c, span.start), span };
  const after = identifier(c, first(node.children.after));
  if (keyword === "inner") {
    if (after) refuseAfter(c, name, after);
    return { kind: "Inner", ...base };
  }
  return { kind: keyword === "outer" ? "Outer" : "Evaluate", ...base, ...(after && { after }) };
}

function refuseAfter(c: Conversion, { name }: ast.Identifier, after: ast.Identifier): void {
  c.report({
    code: "M0102",
    title: `An \`inner\` is run by what reads it, not \`after ${after.name}\``,
    at: after.span,
    hint: `write \`after ${after.name}\` behind the name of the outer or the evaluation that reads \`${name}\``,
  });
}

function fits(c: Conversion, loop: keyof typeof clausesOf, clause: ast.Clause): boolean {
  const word = clause.kind === "Minimize" && clause.maximize ? "maximize" : clause.kind.toLowerCase();
  if (clausesOf[loop].includes(word)) return true;
  const loops = Object.entries(clausesOf).filter(([_loop, words]) => words.includes(word)).map(([loop]) => loop);
  const article = (noun: string) => `\`${noun}\``;
  c.report({
    code: "M0102",
    title: `\`${word}\` has no place in an \`${loop}\``,
    at: { ...clause.span, end: clause.span.start + word.length },
    ...(loops.length > 0 && { label: `it belongs into ${loops.map(article).join(" and ")}` }),
    notes: [`\`${loop}\` takes ${clausesOf[loop].map(article).join(", ")}`],
    ...(word === "memory" && { hint: "write it at the top of the file: it holds for everything" }),
    ...(loop === "evaluate" && (word === "minimize" || word === "maximize") && { hint: "write `report`" }),
    ...(loop !== "evaluate" && word === "report" && { hint: "write `minimize`" }),
  });
  return false;
}

type Node<R extends ClauseRule> = R extends keyof cst.ClauseCstNode["children"]
  ? NonNullable<cst.ClauseCstNode["children"][R]>[0]
  : never;

/** How each clause is read. */
const clauses: {
  readonly [K in ast.Clause["kind"] as ClauseRule<K>]: (
    c: Conversion,
    node: Node<ClauseRule<K>>,
    span: Span,
  ) => Extract<ast.Clause, { readonly kind: K }> | undefined;
} = {
  minimizeClause(c, { children }, span) {
    const value = expression(c, first(children.expression), span.end);
    return { kind: "Minimize", maximize: first(children.Maximize) !== undefined, value, span };
  },
  overClause: (c, { children }, span) => {
    return { kind: "Over", references: references(c, first(children.references), span.end), span };
  },
  byClause: (c, { children }, span) => ({ kind: "By", rule: postfix(c, first(children.postfix), span.end), span }),
  forClause,
  untilClause,
  keepClause(c, { children }, span) {
    const of = identifier(c, first(children.Name));
    return of && { kind: "Keep", of, span };
  },
  skipClause,
  acrossClause,
  throughClause: (c, { children }, span) => {
    return { kind: "Through", estimator: postfix(c, first(children.postfix), span.end), span };
  },
  fromClause(c, { children }, span) {
    const [kept, what] = [first(children.kept), first(children.what)].map((token) => identifier(c, token));
    if (kept && what && (kept.name !== "fresh" || what.name !== "states")) {
      c.report({
        code: "M0102",
        title: `\`with ${kept.name} ${what.name}\` is unknown`,
        at: { ...kept.span, end: what.span.end },
        hint: "write `with fresh states`: the parameters go on, and what the rule keeps of its steps begins anew",
      });
    }
    return { kind: "From", value: postfix(c, first(children.postfix), span.end), fresh: kept !== undefined, span };
  },
  batchClause(c, { children }, span) {
    const size = expression(c, first(children.expression), span.end);
    const each = first(children.Each);
    const often = identifier(c, first(children.Name));
    if (each && often && often.name !== "once") {
      c.report({
        code: "M0102",
        title: `\`each ${often.name}\` is unknown`,
        at: { ...often.span, start: each.startOffset },
        hint:
          "write `each once`: every row comes once before one comes again; without it rows are drawn with replacement",
      });
    }
    return { kind: "Batch", size, of: postfix(c, first(children.postfix), span.end), once: each !== undefined, span };
  },
  clipClause(c, { children }, span) {
    const what = identifier(c, first(children.Name));
    return what && { kind: "Clip", what, bound: expression(c, first(children.expression), span.end), span };
  },
  memory: memoryParts,
  reportClause(c, { children }, span) {
    const value = expression(c, first(children.expression), span.end);
    const at = steps(c, first(children.steps));
    return { kind: "Report", value, ...(at && { at }), span };
  },
  bestClause(c, { children }, span) {
    const what = identifier(c, first(children.Name));
    return what && { kind: "Best", what, span };
  },
  everyClause(c, { children }, span) {
    const of = identifier(c, first(children.Name));
    const count = expression(c, first(children.expression), span.end);
    return { kind: "Every", count, ...(of && { of }), span };
  },
  holdClause(c, { children }, span) {
    const what = identifier(c, first(children.Name));
    return what && { kind: "Hold", what, span };
  },
};

function clause(c: Conversion, node: cst.ClauseCstNode): ast.Clause | undefined {
  const [rule, nodes] = Object.entries(node.children)[0] ?? [];
  if (rule === undefined) return undefined;
  const read = clauses[rule as ClauseRule] as (c: Conversion, node: unknown, span: Span) => ast.Clause | undefined;
  return read(c, nodes![0], nodeSpan(c, node));
}

function forClause(c: Conversion, node: cst.ForClauseCstNode, span: Span): ast.ForClause {
  const [left, right] = node.children.expression ?? [];
  const start = expression(c, left, span.end);
  if (!isReal(first(node.children.Equals))) return { kind: "For", count: start, span };
  const count = expression(c, right, span.end);
  if (start.kind === "Name" && !start.primed) {
    return { kind: "For", name: { name: start.name, span: start.span }, count, span };
  }
  if (start.kind !== "Missing") {
    c.report({
      code: "M0102",
      title: "Before the `=` of `for` stands the name of the number of steps",
      at: start.span,
      label: "this is not a name",
      hint: "write `for T = … steps`",
    });
  }
  return { kind: "For", count, span };
}

/** `until train.loss < 0.01`, `until valid has not improved for 500 steps` */
function untilClause(c: Conversion, node: cst.UntilClauseCstNode, span: Span): ast.UntilClause {
  const { children } = node;
  const [left, right] = children.expression ?? [];
  const condition = expression(c, left, span.end);
  if (!isReal(first(children.Has))) return { kind: "Until", condition, span };
  const words = present((children.Name ?? []).map((token) => identifier(c, token)));
  refuseWords(c, words, { after: "has", meant: "not improved", hint: "write `has not improved for … steps`" });
  return { kind: "Until", condition, patience: expression(c, right, span.end), span };
}

/** `skip not finite` */
function skipClause(c: Conversion, { children }: cst.SkipClauseCstNode, span: Span): ast.SkipClause {
  const words = present((children.Name ?? []).map((token) => identifier(c, token)));
  refuseWords(c, words, { after: "skip", meant: "not finite", hint: "write `skip not finite`" });
  return { kind: "Skip", span };
}

/** Two words that are no keywords, and must be these. */
function refuseWords(
  c: Conversion,
  words: readonly ast.Identifier[],
  { after, meant, hint }: { readonly after: string; readonly meant: string; readonly hint: string },
): void {
  const said = words.map(({ name }) => name).join(" ");
  if (words.length !== 2 || said === meant) return;
  const at = joinSpans(words[0]!.span, words[1]!.span);
  c.report({ code: "M0102", title: `\`${after} ${said}\` is unknown`, at, hint });
}

/** `across 25 sinusoid fixed`, `across 4 episode(known, shots = 5)` */
export function acrossClause(c: Conversion, node: cst.AcrossClauseCstNode): ast.AcrossClause | undefined {
  const task = identifier(c, first(node.children.Name));
  if (task === undefined) return undefined;
  const span = nodeSpan(c, node);
  const count = expression(c, first(node.children.expression), span.end);
  const list = first(node.children.call);
  const args = list && taskArguments(c, task, list);
  return { kind: "Across", count, task, ...(args && { args }), fixed: isReal(first(node.children.Fixed)), span };
}

/** The arguments of a task, which goes through no numbers. */
function taskArguments(c: Conversion, task: ast.Identifier, node: cst.CallCstNode): readonly ast.Argument[] {
  const { args, comprehension } = withCall(c, { kind: "Name", ...task, primed: false }, node);
  if (comprehension) {
    c.report({
      code: "M0102",
      title: "A task is given values, not a value `for` each of many",
      at: comprehension.span,
      hint: `write \`across 25 ${task.name}(…)\`, where the number says how many tasks`,
    });
  }
  return args;
}

/** `memory 2 GB` */
export function memoryParts(c: Conversion, node: cst.MemoryCstNode): ast.MemoryClause | undefined {
  const amount = numberLiteral(c, first(node.children.Number));
  const unit = identifier(c, first(node.children.Name));
  return amount && unit && { kind: "Memory", amount, unit, span: nodeSpan(c, node) };
}

/** `override fit { lr = 0.1 }` */
export function overrideItem(c: Conversion, node: cst.OverrideItemCstNode): ast.OverrideItem | undefined {
  const loop = identifier(c, first(node.children.Name));
  if (loop === undefined) return undefined;
  const span = nodeSpan(c, node);
  const entries = present((node.children.overrideEntry ?? []).map((each) => overrideEntry(c, each)));
  return { kind: "Override", loop, entries, ...docAbove(c, span.start), span };
}

function overrideEntry(c: Conversion, node: cst.OverrideEntryCstNode): ast.OverrideEntry | undefined {
  const { children } = node;
  const span = nodeSpan(c, node);
  const left = reference(c, first(children.reference));
  const target = left && overrideTarget(left);
  if (target === undefined) {
    if (left !== undefined && left.kind !== "Missing") {
      c.report({
        code: "M0102",
        title: "Before the `=` of an override stands a hyperparameter, as in `lr` or `lr@t`",
        at: left.span,
      });
    }
    return undefined;
  }
  const interval = range(c, first(children.range));
  const via = identifier(c, first(first(children.via)?.children.Name));
  return {
    ...target,
    value: expression(c, first(children.expression), span.end),
    per: present((children.Name ?? []).map((token) => identifier(c, token))),
    ...(interval && { range: interval }),
    ...(via && { via }),
    span,
  };
}

/** `lr`, `lr@t`, `net.body.lr`, `net.body.lr@t` */
function overrideTarget(left: ast.Expression): Pick<ast.OverrideEntry, "name" | "qualifier" | "time"> | undefined {
  if (left.kind === "Name" && !left.primed) return { name: { name: left.name, span: left.span } };
  if (left.kind === "Member" && isPath(left.object)) return { name: left.member, qualifier: left.object };
  if (left.kind !== "Time" || left.time === "all" || left.time.kind !== "Name") return undefined;
  const inner = left.object.kind === "Time" ? undefined : overrideTarget(left.object);
  return inner && { ...inner, time: { name: left.time.name, span: left.time.span } };
}

function isPath(value: ast.Expression): boolean {
  return value.kind === "Member" ? isPath(value.object) : value.kind === "Name" && !value.primed;
}

/** `start net.body from "earlier" as encoder` */
export function startItem(c: Conversion, node: cst.StartItemCstNode): ast.StartItem | undefined {
  const { children } = node;
  const [path, quoted] = children.String ?? [];
  const from = quotedText(c, path);
  if (from === undefined) return undefined;
  const span = nodeSpan(c, node);
  const list = references(c, first(children.references), span.end);
  const as = storedName(c, first(children.reference), quotedText(c, quoted));
  if (as && list.length > 1) {
    c.report({
      code: "M0102",
      title: "What stands after `as` is what a file calls one thing, and here start several",
      at: as.span,
      hint: "write a `start` for each",
    });
  }
  return { kind: "Start", references: list, from, ...(as && { as }), ...docAbove(c, span.start), span };
}

/** What stands after `as`. Undefined when it is no name (reported). */
function storedName(
  c: Conversion,
  node: cst.ReferenceCstNode | undefined,
  quoted: ast.QuotedText | undefined,
): ast.StoredName | undefined {
  if (quoted) return { ...quoted, quoted: true };
  const named = reference(c, node);
  if (named === undefined || named.kind === "Missing") return undefined;
  const text = isPath(named) ? referenceText(named) : undefined;
  if (text !== undefined) return { text, span: named.span, quoted: false };
  return void c.report({
    code: "M0102",
    title: "After `as` comes what the file calls it: names with points between them, or any text in quotes",
    at: named.span,
    hint: 'write `as encoder.body`, or `as "encoder.0.weight"`',
  });
}

/** `gradient E wrt a@0, fit.lr` */
export function gradientItem(c: Conversion, node: cst.GradientItemCstNode): ast.GradientItem {
  const { children } = node;
  const span = nodeSpan(c, node);
  const wrtAgain = children.Wrt?.[1];
  if (wrtAgain) reportTwice(c, wrtAgain.image, tokenSpan(c, wrtAgain));
  const expectAgain = children.expect?.[1];
  if (expectAgain) reportTwice(c, "expect", nodeSpan(c, expectAgain));
  const wrt = references(c, first(children.references), span.end);
  if (wrt.length === 0 && !c.recovered(span.start)) {
    c.report({
      code: "M0104",
      title: "A `gradient` needs `wrt` and what it is taken with respect to",
      at: { ...span, end: span.start + "gradient".length },
    });
  }
  return {
    kind: "Gradient",
    value: expression(c, first(children.expression), span.end),
    wrt,
    ...acrossAndAfter(c, children),
    expect: present((first(children.expect)?.children.expectEntry ?? []).map((each) => expectEntry(c, each))),
    ...docAbove(c, span.start),
    span,
  };
}

/** `output predictions = net@T(test.x)` */
export function outputItem(c: Conversion, node: cst.OutputItemCstNode): ast.OutputItem | undefined {
  const { children } = node;
  const name = identifier(c, first(children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  const value = expression(c, first(children.expression), span.end);
  return { kind: "Output", name, value, ...acrossAndAfter(c, children), ...docAbove(c, span.start), span };
}

/** The tasks of an item that is no loop, and the outer after which it is computed; each once. */
function acrossAndAfter(
  c: Conversion,
  children: Pick<cst.GradientItemCstNode["children"], "acrossClause" | "afterWhich">,
): Pick<ast.OutputItem, "across" | "after"> {
  for (const again of [children.acrossClause?.[1], children.afterWhich?.[1]]) {
    if (again) reportTwice(c, again.name === "afterWhich" ? "after" : "across", nodeSpan(c, again));
  }
  const acrossNode = first(children.acrossClause);
  const across = acrossNode && acrossClause(c, acrossNode);
  const after = identifier(c, first(first(children.afterWhich)?.children.Name));
  return { ...(across && { across }), ...(after && { after }) };
}

function reportTwice(c: Conversion, word: string, at: Span): void {
  c.report({ code: "M0103", title: `\`${word}\` is given twice`, at });
}

function expectEntry(c: Conversion, node: cst.ExpectEntryCstNode): ast.ExpectEntry | undefined {
  const left = reference(c, first(node.children.reference));
  if (left === undefined) return undefined;
  const span = nodeSpan(c, node);
  const [value, within] = node.children.expression ?? [];
  return { reference: left, value: expression(c, value, span.end), within: expression(c, within, span.end), span };
}

/** `record train.loss every 100 steps of task 0` */
export function recordItem(c: Conversion, node: cst.RecordItemCstNode): ast.RecordItem {
  const { children } = node;
  const span = nodeSpan(c, node);
  const kept = [...children.expression ?? []];
  const every = first(children.Every) && expression(c, kept.shift(), span.end);
  const task = first(children.Task) && expression(c, kept.shift(), span.end);
  return {
    kind: "Record",
    references: references(c, first(children.references), span.end),
    ...(every && { every }),
    ...(task && { task }),
    ...docAbove(c, span.start),
    span,
  };
}
