// What does a program mean? The problem as mathematics, whose each symbol is, which loop runs which, and how derivatives are
// found: for `explain`.
import type { CheckedLoop, Elaboration, LeafDeclaration } from "./world/world.ts";
import { openLook } from "./elaborate/functions.ts";
import { countsSteps } from "./loops/rules.ts";
import { isWarm } from "./loops/standing.ts";
import { type Direction, estimatorFacts, type EstimatorKind, type Loop } from "./world/loop.ts";
import { stepsOf } from "./elaborate/steps.ts";
import { type CheckedProgram, endingTexts, text, throughText } from "./check/checked_program.ts";
import { loopsChanging, outersLearning } from "./elaborate/ownership.ts";
import { rowsKeys } from "./elaborate/parts.ts";
import { startKey, startText } from "./elaborate/starts.ts";
import { taskText } from "./elaborate/task_arguments.ts";
import { classArrays } from "./elaborate/class_tables.ts";
import { drawsRows, planRows, planTexts } from "./elaborate/drawn_rows.ts";
import { lookAtTask } from "./loops/task_scopes.ts";
import type { TaskItem } from "./syntax/ast.ts";
import { stops } from "./loops/until.ts";
import { count } from "./text/words.ts";
import { formatDims, formatRange } from "./world/values.ts";

/** The description, in sections. */
export function describeProgram(el: Elaboration, checked: CheckedProgram): string {
  const sections = [
    problems(el, checked),
    tasks(el, checked),
    symbols(el, checked),
    graph(el, checked),
    estimators(el, checked),
  ];
  return sections.filter((lines) => lines.length > 1).map((lines) => lines.join("\n")).join("\n\n") + "\n";
}

// ---------------------------------------------------------------------------------------------------------- problem

function problems(el: Elaboration, checked: CheckedProgram): string[] {
  const lines = ["problem"];
  for (const outer of checked.outers) {
    const { loop, across, steps } = outer;
    const over = loop.rules.flatMap((r) => r.references).map((r) => text(el, r)).join(", ");
    const sign = loop.objective.maximize ? "max" : "min";
    const tasks = across
      ? `mean over ${across.count}${across.fixed ? " fixed" : ""} ${taskText(across.clause)} of  `
      : "";
    lines.push(`  ${loop.name}:  ${sign} over ${over}   ${tasks}${text(el, loop.objective.value)}`);
    lines.push(`    by ${rulesText(el, loop)}, ${count(steps, "meta-step", "meta-steps")}`);
    lines.push(...endingTexts(el, loop).map((line) => `    ${line}`));
    lines.push(...subject(el, outer.runs, undefined, "    "));
  }
  for (const { item, across, wrt, runs } of checked.gradients) {
    const tasks = across ? `mean over ${across.count} ${taskText(across.clause)} of  ` : "";
    lines.push(`  gradient:  d / d ${wrt.map((r) => r.label).join(", ")}   ${tasks}${text(el, item.value)}`);
    lines.push(...subject(el, runs, undefined, "    "));
  }
  for (const { loop } of checked.simulations) {
    lines.push(`  ${loop.name}, run by itself`, ...constraint(el, loop, "    "));
  }
  for (const { item } of checked.evaluations) lines.push(`  ${item.name.name}: an evaluation of what was learned`);
  for (const { item, across } of [...checked.outputs, ...checked.simulations.flatMap((s) => s.outputs)]) {
    const tasks = across ? ` for each of ${across.count} ${taskText(across.clause)}` : "";
    const when = item.after ? ` after ${item.after.name}` : "";
    lines.push(`  ${item.name.name}: an output, ${text(el, item.value)}${tasks}${when}`);
  }
  return lines;
}

/** What the loops make that an objective runs. */
function subject(el: Elaboration, runs: readonly CheckedLoop[], around: Loop | undefined, indent: string): string[] {
  const inside = [...new Set(runs.filter((r) => r.around === around).map((r) => r.loop))];
  return inside.flatMap((loop) => [...constraint(el, loop, indent), ...subject(el, runs, loop, `${indent}    `)]);
}

function constraint(el: Elaboration, loop: Loop, indent: string): string[] {
  const names = loop.rules.flatMap((r) => r.references).map((r) => text(el, r.kind === "Time" ? r.object : r)).join(
    ", ",
  );
  const { timeName } = loop;
  const sign = loop.objective.maximize ? "+" : "-";
  const value = text(el, loop.objective.value);
  const rate = loop.rules.every((r) => r.optimizer.item.name.name === "sgd" && r.hyperparameters.length > 0);
  const step = rate
    ? `${names}@(t+1) = ${names}@t ${sign} ${loop.name}.lr * d/d ${names} (${value})`
    : `${names}@(t+1) = ${rulesText(el, loop)} on d/d ${names} (${value})`;
  const from = loop.from ? `, ${startsText(el, loop, names)}` : "";
  const rules = rate ? `, ${rulesText(el, loop)}` : "";
  return [
    `${indent}where ${loop.name} makes  ${names}@${timeName}  in ${timeName} = ${stepsText(el, loop)}${from}${rules}:`,
    `${indent}  ${step}`,
    ...endingTexts(el, loop).map((line) => `${indent}  ${line}`),
  ];
}

/** Where a loop goes on, and with what: of one that goes on from itself, all that lasts. */
function startsText(el: Elaboration, loop: Loop, names: string): string {
  const { value, fresh } = loop.from!;
  const from = `from ${text(el, value)}${fresh ? " with fresh states" : ""}`;
  if (!isWarm(loop)) return from;
  const kept = fresh ? [] : loop.rules.flatMap((rule) => {
    const { item } = rule.optimizer;
    const states = item.members.flatMap((m) => m.kind === "State" ? [m.name.name] : []);
    return [...states, ...(countsSteps(rule) ? ["t"] : [])].map((name) => `${name} of ${item.name.name}`);
  });
  return `${from} of the meta-step before, which keeps ${[names, ...new Set(kept)].join(", ")}`;
}

function rulesText(el: Elaboration, loop: Loop): string {
  const clauses = loop.item.clauses.filter((c) => c.kind === "By");
  return clauses.map((c) => text(el, c.rule)).join(" and ");
}

function stepsText(el: Elaboration, loop: Loop): string {
  const steps = count(stepsOf(openLook(el, "steps", loop.module), loop) ?? 0, "step", "steps");
  return stops(loop) ? `at most ${steps}` : steps;
}

// ------------------------------------------------------------------------------------------------------------ tasks

/** What the tasks draw of tables, each way in which they are given arguments once. */
function tasks(el: Elaboration, { outers, gradients, evaluations, outputs, simulations }: CheckedProgram): string[] {
  const lines = ["what tasks draw"];
  const all = [...outers, ...gradients, ...evaluations, ...outputs, ...simulations.flatMap((s) => s.outputs)];
  const clauses = new Map(
    all.flatMap(({ across }) => across ? [[taskText(across.clause), across.clause] as const] : []),
  );
  for (const [text, clause] of clauses) {
    const item = clause.definition.item as TaskItem;
    const inside = drawsRows(item) ? lookAtTask(openLook(el, "tasks", clause.module), clause) : undefined;
    const plan = inside && planRows(inside, item);
    if (plan) lines.push(`  ${text}:`, ...planTexts(plan).map((line) => `    ${line}`));
  }
  return lines;
}

// ---------------------------------------------------------------------------------------------------------- symbols

function symbols(el: Elaboration, checked: CheckedProgram): string[] {
  const learned = new Map<LeafDeclaration, string>();
  for (const { loop, learned: groups } of checked.outers) {
    for (const r of groups.flat()) for (const leaf of r.leaves) learned.set(leaf, `${loop.name} (${r.label})`);
  }
  const shown = [...el.leaves.values()].flatMap((leaf) => {
    const evolving = loopsChanging(el, { kind: "leaf", leaf });
    const outers = outersLearning(el, leaf.path, false)
      .filter((l) => !checked.outers.some((o) => o.loop === l));
    const owners = [...evolving, ...outers].map((l) => `${leaf.state ? "a state, " : ""}evolved by ${l.name}`);
    if (learned.has(leaf)) owners.push(`learned by ${learned.get(leaf)}`);
    if (leaf.start) owners.push(startText(leaf.start, leaf));
    const range = leaf.range ? ` in ${formatRange(...leaf.range)}` : "";
    // what no one learns, no loop evolves and nothing is read for says nothing
    if (owners.length === 0) return [];
    return [[
      leaf.name,
      leaf.dims.length === 0 ? `number${range}` : `${formatDims(leaf.dims)}${range}`,
      owners.join(", "),
    ]];
  });
  const rest = el.leaves.size - shown.length;
  const starts = new Set([...el.leaves.values()].map(startKey));
  const derived = new Set([...classArrays(el), ...rowsKeys(el)]);
  return [
    "symbols",
    ...columns(shown),
    ...(rest > 0 ? [`  and ${count(rest, "constant", "constants")}`] : []),
    ...[...el.parts].flatMap(([{ name, part }, rows]) =>
      rows && part ? [`  ${name.name}  ${count(rows.length, "row")} of ${part.of.name}`] : []
    ),
    ...[...el.data.keys()].filter((name) => !starts.has(name) && !derived.has(name)).map((name) =>
      `  ${name}  data ${formatDims(el.data.get(name)!.shape.map((size) => ({ size })))}`
    ),
  ];
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const width = (k: number) => Math.max(0, ...rows.map((row) => row[k]!.length));
  return rows.map((row) => `  ${row[0]!.padEnd(width(0))}  ${row[1]!.padEnd(width(1))}  ${row[2]}`.trimEnd());
}

// ------------------------------------------------------------------------------------------------------------ loops

function graph(el: Elaboration, checked: CheckedProgram): string[] {
  const lines = ["loops, each below what runs it"];
  const below = (runs: readonly CheckedLoop[], around: Loop | undefined, indent: string) => {
    for (const loop of new Set(runs.filter((r) => r.around === around).map((r) => r.loop))) {
      lines.push(`${indent}${loop.kind} ${loop.name}, ${stepsText(el, loop)}`);
      below(runs, loop, `${indent}  `);
    }
  };
  for (const { loop, steps, across, runs } of checked.outers) {
    const tasks = across ? `, ${across.count} ${taskText(across.clause)}` : "";
    lines.push(`  outer ${loop.name}, ${count(steps, "meta-step", "meta-steps")}${tasks}`);
    below(runs, undefined, "    ");
  }
  for (const { item, runs } of checked.gradients) {
    lines.push(`  gradient ${text(el, item.value)}`);
    below(runs, undefined, "    ");
  }
  for (const { loop } of checked.simulations) lines.push(`  inner ${loop.name}, ${stepsText(el, loop)}`);
  return lines;
}

// ------------------------------------------------------------------------------------------------------- estimators

const meaning: { readonly [K in EstimatorKind]: string } = {
  unroll: "exact: back through every step",
  first_order: "biased: the inner gradient counts as a constant",
  implicit: "that of a solution, exact where the loop has arrived; one linear system instead of the steps",
  forward: "exact: one pass forward for each number, nothing kept",
  finite_difference: "biased: one step, its second derivative by a difference",
  es: "unbiased for a smoothed objective: many runs at perturbed values, no derivatives",
  pes: "unbiased for a smoothed objective: windows at perturbed values, no derivatives",
};

function estimators(el: Elaboration, checked: CheckedProgram): string[] {
  const lines = ["derivatives"];
  const say = (name: string, runs: readonly CheckedLoop[], direction: Direction) => {
    const loops = new Set(runs.map((r) => r.loop));
    if (loops.size === 0) lines.push(`  ${name}: exact`);
    for (const loop of loops) {
      const { kind, span, args } = loop.through;
      const chosen = span ? "" : " (nothing is said)";
      const windowed = !args.has("window") || kind === "pes"
        ? meaning[kind]
        : kind === "es"
        ? "biased: each window forgets what steps before it did"
        : "biased: back through the last steps only";
      lines.push(`  ${name}, through ${loop.name}: ${throughText(el, loop)}${chosen}; ${windowed}`);
    }
    if (direction.kind === "forward" || direction.kind === "es") {
      lines.push(`  ${name}: the whole objective ${direction.kind === "es" ? "is sampled" : "is followed forwards"}`);
    }
  };
  for (const { loop, runs, direction } of checked.outers) say(loop.name, runs, direction);
  for (const { item, runs, direction } of checked.gradients) say(`gradient ${text(el, item.value)}`, runs, direction);
  return lines;
}

/** How the derivatives of an outer or a gradient are found, and what can be expected of them. */
export interface DerivativeKind {
  /** `outer train`, `gradient (w@T)^2`. */
  readonly name: string;
  /** `fit: unroll(window = 5)`. */
  readonly estimators: readonly string[];
  /** Known to differ from the gradient of the value: truncated, first order, a finite difference. */
  readonly biased: boolean;
  /** Right where the loop has arrived. */
  readonly implicit: boolean;
  /** From random perturbations. */
  readonly sampled: boolean;
}

/** One for each outer that runs and each gradient, in their order. */
export function derivativeKinds(el: Elaboration, checked: CheckedProgram): readonly DerivativeKind[] {
  const kindOf = (name: string, runs: readonly CheckedLoop[], direction: Direction): DerivativeKind => {
    const loops = [...new Set(runs.map((r) => r.loop))];
    return {
      name,
      estimators: loops.map((l) => `${l.name}: ${throughText(el, l)}`),
      biased: loops.some(({ through: { kind, args } }) => {
        const { biased } = estimatorFacts[kind];
        return biased === "in windows" ? args.has("window") : biased;
      }),
      implicit: loops.some((l) => l.through.kind === "implicit"),
      sampled: direction.kind === "es",
    };
  };
  return [
    ...checked.outers.map(({ loop, runs, direction }) => kindOf(`outer ${loop.name}`, runs, direction)),
    ...checked.gradients.map(({ item, runs, direction }) =>
      kindOf(`gradient ${text(el, item.value)}`, runs, direction)
    ),
  ];
}
