// When does an outer end before its last meta-step, and which evaluation does it give back? Reads `until` and `keep best`, which speak
// of the outer's own loss and of evaluations that are made during it.
import type { BinaryOperator, EvaluateItem, Expression, Identifier, UntilClause } from "../syntax/ast.ts";
import type { JudgedReport, ReportName, UntilRule } from "../../runtime/program/program.ts";
import { openLook } from "../elaborate/functions.ts";
import { requireInteger, requireStatic } from "../elaborate/sizes.ts";
import { visit } from "../syntax/paths.ts";
import { fail, sourceText } from "../world/report.ts";
import type { Loop } from "../world/loop.ts";
import type { Context, Elaboration } from "../world/world.ts";
import { declaredHere } from "../diagnostics/messages.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { count } from "../text/words.ts";
import type { CheckedEvaluation, Stopping } from "./checked_program.ts";

/** An outer, and all evaluations that are without mistakes. */
interface Outer {
  readonly cx: Context;
  readonly loop: Loop;
  readonly evaluations: readonly CheckedEvaluation[];
}

/** What each outer that runs by itself says of its end. What is wrong (reported) is left out. */
export function checkStopping(
  el: Elaboration,
  evaluations: readonly CheckedEvaluation[],
  used: ReadonlySet<Loop>,
): ReadonlyMap<Loop, Stopping> {
  const found = new Map<Loop, Stopping>();
  for (const loop of el.loops.values()) {
    if (loop.kind !== "outer" || loop.until.length === 0 && !loop.keep && !loop.skip) continue;
    if (used.has(loop)) refuseInside(el, loop);
    if (used.has(loop) || loop.module !== el.modules.root) continue;
    const outer = { cx: openLook(el, `${loop.name}.until`, loop.module), loop, evaluations };
    const until = loop.until.flatMap((clause) => readUntil(outer, clause) ?? []);
    const keep = loop.keep && judgedReport(outer, loop.keep.of);
    found.set(loop, { until, ...(keep ? { keep } : {}) });
  }
  return found;
}

/** Nothing outside of a run sees what an outer in it says. */
function refuseInside(el: Elaboration, { name, until, keep, skip, item }: Loop): void {
  const whole = `Inside, \`${name}\` takes as many meta-steps as it says, and gives back what the last one made`;
  const refused = [
    ...until.map(({ span }) => ({ span, words: "until", note: whole })),
    ...keep ? [{ span: keep.span, words: "keep best", note: whole }] : [],
    ...skip ? [{ span: skip.span, words: "skip not finite", note: "Nothing would say how many were left out" }] : [],
  ];
  for (const { span, words, note } of refused) {
    fail({ elaboration: el, frames: [] }, {
      code: "M0701",
      title: `\`${words}\` of an outer that another loop or item runs is not yet supported`,
      at: span,
      secondary: [declaredHere(item.name)],
      notes: [note],
    });
  }
}

function readUntil(outer: Outer, clause: UntilClause): UntilRule | undefined {
  const { cx } = outer;
  const label = sourceText(cx.elaboration, clause.condition);
  if (!clause.patience) {
    const when = readComparison(outer, clause.condition);
    return when && { label, when };
  }
  const steps = requireInteger(cx, clause.patience, "the number of meta-steps", 1);
  const { condition } = clause;
  if (condition.kind !== "Name") {
    if (condition.kind === "Missing") return undefined;
    return void fail(cx, {
      code: "M0203",
      title: "`has not improved` is asked of an evaluation",
      at: condition.span,
      hint:
        `write \`until valid has not improved for … steps\`, where \`evaluate valid\` is made during \`${outer.loop.name}\``,
    });
  }
  const of = judgedReport(outer, condition);
  if (!of || steps === undefined) return undefined;
  return { label: `${label} has not improved for ${steps} steps`, when: { kind: "not improved", of, steps } };
}

type Comparison = Extract<UntilRule["when"], { readonly kind: "comparison" }>;

const turned = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;

function readComparison(outer: Outer, condition: Expression): Comparison | undefined {
  const { cx, loop } = outer;
  if (condition.kind === "Binary" && isOrder(condition.op)) {
    const { left, op, right } = condition;
    for (const [said, number, is] of [[left, right, op], [right, left, turned[op]]] as const) {
      if (!speaksOf(outer, said) || speaksOf(outer, number)) continue;
      const than = requireStatic(cx, number, "what it is compared with");
      const of = readSaid(outer, said);
      return of && than && { kind: "comparison", of, is, than: than.value };
    }
  }
  // what is not known is said of the name
  if (hasUnknownName(outer, condition)) return undefined;
  return void fail(cx, {
    code: "M0701",
    title:
      "`until` of an outer with another condition than `<`, `<=`, `>` or `>=` between what it says and a number is not " +
      "yet supported",
    at: condition.span,
    notes: [
      `What \`${loop.name}\` says is \`${loop.name}.loss\`, \`${loop.name}.gradient_norm\`, and the evaluations that are ` +
      "made during it",
    ],
    hint: `write for example \`until ${loop.name}.loss < 0.01\`; of several \`until\` the first that holds counts`,
  });
}

const isOrder = (op: BinaryOperator): op is keyof typeof turned => op in turned;

const evaluationsOf = ({ cx }: Outer): EvaluateItem[] =>
  cx.elaboration.modules.root.program.items.filter((i) => i.kind === "Evaluate");

/** True for what the outer may say: a part of its name, or an evaluation. */
function speaksOf(outer: Outer, e: Expression): boolean {
  if (e.kind === "Name") return evaluationsOf(outer).some((i) => i.name.name === e.name);
  return e.kind === "Member" && e.object.kind === "Name" && e.object.name === outer.loop.name;
}

function hasUnknownName({ cx }: Outer, condition: Expression): boolean {
  const { visible } = cx.scope.module;
  let unknown = false;
  visit(condition, (e) => {
    if (e.kind === "Missing" || e.kind === "Name" && !visible.has(e.name)) unknown = true;
  });
  return unknown;
}

/** `train.loss`, `train.gradient_norm`, or an evaluation. */
function readSaid(outer: Outer, said: Expression): Comparison["of"] | undefined {
  if (said.kind === "Name") return reportOf(outer, said)?.of;
  if (said.kind !== "Member") return undefined;
  const { name, span } = said.member;
  if (name === "loss" || name === "gradient_norm") return { kind: name };
  return void fail(outer.cx, {
    code: "M0203",
    title: `\`until\` cannot read \`${outer.loop.name}.${name}\``,
    at: span,
    notes: [`An outer says its \`loss\` and its \`gradient_norm\``],
    hint: hintFor(name, ["loss", "gradient_norm"]),
  });
}

/** The report of an evaluation that counts: the only one, or the one that says what is better. */
function reportOf(outer: Outer, { name, span }: Identifier): { of: ReportName; made: CheckedEvaluation } | undefined {
  const { cx, loop, evaluations } = outer;
  const items = evaluationsOf(outer);
  const item = items.find((i) => i.name.name === name);
  if (!item) {
    if (name === "" || cx.scope.module.unresolved.has(name)) return undefined;
    const known = cx.scope.module.visible.has(name);
    return void fail(cx, {
      code: known ? "M0203" : "M0201",
      title: known ? `\`${name}\` is not an evaluation` : `There is no evaluation \`${name}\``,
      at: span,
      hint: hintFor(name, items.map((i) => i.name.name)),
    });
  }
  const made = evaluations.find((e) => e.item === item);
  if (!made) return undefined; // its mistakes were reported
  if (made.every?.of !== loop.name) {
    return void fail(cx, {
      code: "M0203",
      title: `\`${name}\` is not made during \`${loop.name}\``,
      at: span,
      secondary: [declaredHere(item.name)],
      hint: `add \`every 100 steps of ${loop.name}\` to it`,
    });
  }
  const { reports, best } = made;
  if (reports.length > 1 && !best) {
    return void fail(cx, {
      code: "M0209",
      title: `\`${name}\` makes ${count(reports.length, "report", "reports")}`,
      at: span,
      secondary: reports.map((r) => ({ span: r.span, message: "it could be this one" })),
      hint: "write `best highest` or `best lowest` after the one that is meant",
    });
  }
  return { of: { kind: "report", evaluation: name, report: best?.report ?? 0 }, made };
}

/** The same, where it matters what is better. */
function judgedReport(outer: Outer, name: Identifier): JudgedReport | undefined {
  const found = reportOf(outer, name);
  if (!found) return undefined;
  const { of, made: { best, item, reports } } = found;
  if (best) return { ...of, better: best.better };
  return void fail(outer.cx, {
    code: "M0104",
    title: `\`${item.name.name}\` does not say which values are better`,
    at: name.span,
    secondary: [{ span: reports[0]!.span, message: "of this" }],
    hint: "write `best highest` or `best lowest` after its `report`",
  });
}
