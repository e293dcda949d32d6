// What does each loop say? Reads the clauses of every `inner` and `outer` once, with their overrides: rules, number of
// steps, estimator, clipping, tasks.
import type {
  AcrossClause,
  Clause,
  Identifier,
  InnerItem,
  OuterItem,
  SkipClause,
  ThroughClause,
} from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";
import { definedAround, type Module } from "../modules/modules.ts";
import { fail } from "../world/report.ts";
import type { Context, Elaboration } from "../world/world.ts";
import { readThrough } from "./estimators.ts";
import { type Loop, type NamedAcross, type Through, unrolled } from "../world/loop.ts";
import { checkOverrides, readRules } from "./loop_rules.ts";
import { hintFor } from "../diagnostics/hints.ts";

const clauseNames: Readonly<Record<Clause["kind"], string>> = {
  Minimize: "minimize",
  Over: "over",
  By: "by",
  For: "for",
  Until: "until",
  Keep: "keep best",
  Skip: "skip not finite",
  Batch: "batch",
  Clip: "clip",
  Through: "through",
  From: "from",
  Across: "across",
  Memory: "memory",
  Report: "report",
  Best: "best",
  Every: "every",
  Hold: "hold last",
};

/** The first clause of a kind. A second one is reported. */
export function singleClause<K extends Clause["kind"]>(
  el: Elaboration,
  clauses: readonly Clause[],
  kind: K,
): Extract<Clause, { kind: K }> | undefined {
  const found = clauses.filter((c): c is Extract<Clause, { kind: K }> => c.kind === kind);
  for (const again of found.slice(1)) {
    el.sink.report({
      code: "M0103",
      title: `\`${clauseNames[kind]}\` is given twice`,
      at: again.span,
      secondary: [{ span: found[0]!.span, message: "given here first" }],
    });
  }
  return found[0];
}

/** Reads every loop that the root file sees into `el.loops`. An import brings definitions and runs no loop: a loop of another
 *  file counts when its name was imported. What is missing or wrong (reported) is left as a hole. */
export function readLoops(el: Elaboration): void {
  for (const { item, module } of definedAround(el.modules.root)) {
    if (item.kind === "Inner" || item.kind === "Outer") el.loops.set(item.name.name, readLoop(el, item, module));
  }
  checkOverrides(el);
}

function readLoop(el: Elaboration, item: InnerItem | OuterItem, module: Module): Loop {
  const inner = item.kind === "Inner";
  const { clauses } = item;
  const objective = singleClause(el, clauses, "Minimize");
  const count = singleClause(el, clauses, "For");
  const clip = singleClause(el, clauses, "Clip");
  const batch = singleClause(el, clauses, "Batch");
  const from = singleClause(el, clauses, "From");
  const through = singleClause(el, clauses, "Through");
  const acrossClause = singleClause(el, clauses, "Across");
  const keep = singleClause(el, clauses, "Keep");
  const skip = singleClause(el, clauses, "Skip");
  const rules = readRules(el, item, module);
  for (
    const [clause, word, example] of [
      [objective, "minimize", "minimize mse(net(train.x), train.y)"],
      [count, "for", inner ? "for T = 5 steps" : "for 1_000 steps"],
      [rules, "over", inner ? "over net by sgd(lr = 0.1)" : "over net@0 by adam(lr = 1e-3)"],
    ] as const
  ) {
    if (clause) continue;
    el.sink.report({
      code: "M0104",
      title: `\`${item.name.name}\` has no \`${word}\``,
      at: item.name.span,
      hint: `add a clause such as \`${example}\``,
    });
  }
  if (clip && clip.what.name !== "norm") {
    el.sink.report({
      code: "M0102",
      title: `\`clip ${clip.what.name}\` is unknown`,
      at: clip.what.span,
      hint: "write `clip norm` and a bound",
    });
  }
  const across = acrossClause && readAcross(el, acrossClause, module);
  const { span } = item.name;
  const hole = { kind: "Missing", span } as const;
  return {
    kind: inner ? "inner" : "outer",
    name: item.name.name,
    module,
    item,
    objective: objective ?? { kind: "Minimize", maximize: false, value: hole, span },
    count: count ?? { kind: "For", count: hole, span },
    timeName: count?.name?.name || "T",
    until: clauses.filter((c) => c.kind === "Until"),
    keep,
    skip,
    rules: rules ?? [],
    clip: clip?.bound,
    batch,
    from: inner ? from : undefined,
    after: item.kind === "Outer" ? item.after : undefined,
    through: throughOf(el, through),
    across: acrossClause && !across ? "unknown" : across,
  };
}

/** What a loop says of its derivatives, or an instance of the program. */
function throughOf(el: Elaboration, clause: ThroughClause | undefined): Through {
  const { reports } = el.sink;
  const read = clause ? readThrough(el, clause) : unrolled;
  const said = el.sink.reports > reports ? { ...read, wrong: true } : read;
  const { through: kind } = el.instance;
  return kind ? { ...said, kind, args: new Map() } : said;
}

/** Reports `skip not finite` where there are no tasks. */
export function refuseSkip(cx: Pick<Context, "elaboration" | "frames">, { name }: Identifier, skip: SkipClause): void {
  fail(cx, {
    code: "M0104",
    title: `\`${name}\` is across no tasks, so there is none to leave out`,
    at: skip.span,
    hint: "add `across 25` and the name of a task, or leave out `skip not finite`",
  });
}

/** The outer that a word names. Undefined when it names none (reported), or what could not be read. */
export function outerNamed(cx: Context, { name, span }: Identifier, why: string): Loop | undefined {
  const { loops } = cx.elaboration;
  const loop = loops.get(name);
  if (loop?.kind === "outer") return loop;
  if (name === "" || cx.scope.module.unresolved.has(name)) return undefined;
  return void fail(cx, {
    code: loop ? "M0203" : "M0201",
    title: loop ? `\`${name}\` is an inner loop` : `There is no outer \`${name}\``,
    at: span,
    notes: loop ? [why] : [],
    hint: hintFor(name, [...loops.values()].filter((l) => l.kind === "outer").map((l) => l.name)),
  });
}

/** False for an outer of an import, which defines it and runs nothing: there is no time after it (reported). */
export function runsHere(cx: Pick<Context, "elaboration" | "frames">, outer: Loop, at: Span): boolean {
  if (outer.module === cx.elaboration.modules.root) return true;
  fail(cx, {
    code: "M0203",
    title: `\`${outer.name}\` does not run: it stands in \`${outer.module.source.name}\`, and an import runs no loop`,
    at,
    hint: `declare the outer in this file`,
  });
  return false;
}

/** Whether what follows `after`, if it is there, is an outer that runs; reports why not. */
export function isAfterRun(cx: Context, after: Identifier | undefined, why: string): boolean {
  if (!after) return true;
  const loop = outerNamed(cx, after, why);
  return loop !== undefined && runsHere(cx, loop, after.span);
}

/** The task that an `across` clause names. */
export function readAcross(
  el: Elaboration,
  clause: AcrossClause,
  module: Module,
): NamedAcross | undefined {
  const definition = module.visible.get(clause.task.name);
  if (definition?.item.kind === "Task") return { ...clause, definition, module };
  const tasks = [...module.visible.values()].filter((d) => d.item.kind === "Task").map((d) => d.name);
  if (clause.task.name !== "" && !module.unresolved.has(clause.task.name)) {
    el.sink.report({
      code: definition ? "M0203" : "M0201",
      title: definition ? `\`${clause.task.name}\` is not a task` : `There is no task \`${clause.task.name}\``,
      at: clause.task.span,
      hint: hintFor(clause.task.name, tasks),
    });
  }
  return undefined;
}
