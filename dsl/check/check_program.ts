// Is the program without mistakes? Goes through every loop and item without running anything until all is shaped.
import type { CheckedLoop, Elaboration, LeafDeclaration, Unshaped } from "../world/world.ts";
import { type CheckedProgram, endingTexts, throughText } from "./checked_program.ts";
import { checkedLoops } from "../loops/loop_record.ts";
import { readRecords, refuseDifferentTimes } from "./check_records.ts";
import { onlyChecked, openFunction, openLook } from "../elaborate/functions.ts";
import { fail, moduleScope, needShape } from "../world/report.ts";
import { checkStates } from "../elaborate/equations.ts";
import { checkOuter, checkSharedLeaves, inPhases } from "./check_outer.ts";
import { checkGradient, checkSimulation } from "./check_items.ts";
import { checkEvaluation } from "./check_evaluation.ts";
import { checkOutput, outputsOfRuns } from "./check_output.ts";
import { checkStanding } from "./check_standing.ts";
import { checkStopping } from "./check_stopping.ts";
import { checkUnused } from "./unused_definitions.ts";
import type { Span } from "../text/source.ts";
import type { Loop } from "../world/loop.ts";
import { DiagnosticSink } from "../diagnostics/diagnostic.ts";
import { requireInteger } from "../elaborate/sizes.ts";
import { checkHeldStates } from "./check_held_states.ts";
import { checkClassNumbers } from "./check_class_numbers.ts";
import { isOfStep } from "../syntax/ast.ts";
import { tensorsIn } from "../elaborate/models.ts";
import { leadsTo, overlaps, type Path, pathText, samePath } from "../syntax/paths.ts";
import { startText } from "../elaborate/starts.ts";
import { taskText } from "../elaborate/task_arguments.ts";
import { loopsChanging } from "../elaborate/ownership.ts";
import { formatDims, formatRange } from "../world/values.ts";
import { declaredHere } from "../diagnostics/messages.ts";
import { quoted } from "../text/words.ts";

/** Checks everything. After a mistake (reported) the result is what does not depend on it. */
export function checkProgram(el: Elaboration): CheckedProgram {
  checkStatesOfItems(el);
  const { outers, gradients, evaluations, outputs, simulations, used } = goThrough(el);
  for (const loop of el.loops.values()) {
    if (loop.kind === "outer" && loop.module === el.modules.root) checkOwnRun(el, loop, used);
  }
  checkUnused(el);
  reportUnshaped(el);
  const found = <T>(looks: readonly Look<T>[]) => looks.flatMap((look) => look.found ?? []);
  const phases = inPhases(el, found(outers));
  const items = { gradients: found(gradients), evaluations: found(evaluations) };
  const checked = {
    outers: phases.filter((o) => !used.has(o.loop)),
    ...items,
    ...outputsOfRuns(el, found(simulations), found(outputs), items),
  };
  checkSharedLeaves(el, phases);
  checkStanding(el, checked);
  const stopping = checkStopping(el, checked.evaluations, used);
  const wrt = checked.gradients.flatMap((g) => g.wrt).flatMap((r) => r.leaves);
  const persistent = [...new Set([...checked.outers.flatMap((o) => o.leaves), ...wrt])];
  const startRuns = checkStarts(el, persistent);
  const recordable = new Set([
    ...checked.outers.flatMap((o) => [...o.outermost]),
    ...checked.gradients.flatMap((g) => [...g.outermost]),
    ...checked.simulations.map((s) => s.loop),
  ]);
  const learners = outers.every((o) => o.found) && !el.modules.root.torn;
  const whole = learners && [...gradients, ...simulations].every((look) => look.found);
  const records = readRecords(el, { outers: checked.outers, persistent, recordable, whole, learners });
  reportUnshaped(el);
  if (whole) checkHeldStates(el);
  checkClassNumbers(el);
  for (const outer of checked.outers) refuseDifferentTimes(el, outer, records);
  return { ...checked, records, stopping, persistent, startRuns };
}

/** The states of every rule and model, also of those that nothing uses. */
function checkStatesOfItems(el: Elaboration): void {
  for (const module of el.modules.modules) {
    for (const item of module.program.items) {
      if (item.kind === "Optimizer") checkStates(openLook(el, "check", module), item.members, ["p"]);
      if (item.kind === "Model") checkStates(openLook(el, "check", module), item.members.filter(isOfStep), []);
    }
  }
}

/** One loop or item that is gone through, and what came of it the last time. */
interface Look<T> {
  readonly go: () => T | undefined;
  found?: T | undefined;
  /** The parameters that it asked for before a call shaped them, and the calls that wait for one. */
  unshaped: Elaboration["unshaped"];
  waiting: Elaboration["waiting"];
  /** The models of which it asked for all parameters, and how many were known then. */
  counted: Elaboration["counted"];
  /** How many leaves were known before: it may shape itself what it asks for. */
  known: number;
}

function lookOf<T>(go: () => T | undefined): Look<T> {
  return { go, unshaped: new Map(), waiting: new Map(), counted: new Map(), known: -1 };
}

/** Goes through every loop and item. A parameter may be named before the call that shapes it: what waits for one, and what went on with
 *  those of a model that were known, is gone through again when something was shaped since, and all ends when nothing more is. */
function goThrough(el: Elaboration) {
  const { root } = el.modules;
  const loops = [...el.loops.values()].filter((l) => l.module === root);
  const { items } = root.program;
  const outers = loops.filter((l) => l.kind === "outer").map((l) => lookOf(() => checkOuter(el, l)));
  const gradients = items.filter((i) => i.kind === "Gradient").map((i) => lookOf(() => checkGradient(el, i)));
  const evaluations = items.filter((i) => i.kind === "Evaluate").map((i) => lookOf(() => checkEvaluation(el, i)));
  const outputs = items.filter((i) => i.kind === "Output").map((i) => lookOf(() => checkOutput(el, i)));
  const all = [...outers, ...gradients, ...evaluations, ...outputs];
  for (;;) {
    for (let open: readonly Look<unknown>[] = all; open.length > 0; open = readyOf(el, all)) look(el, open);
    const users = [...outers, ...gradients, ...evaluations].flatMap(({ found }) => found ?? []);
    const others = outputs.flatMap(({ found }) => found && !found.plain ? [found] : []);
    const used = new Set([...users, ...others].flatMap(({ inners }) => [...inners]));
    const alone = loops.filter((l) => l.kind === "inner" && !used.has(l));
    // what waits for a shape may run it
    const elsewhere = mayBeRun(el) || all.some((each) => each.unshaped.size > 0);
    const simulations = alone.map((l) => lookOf(() => elsewhere ? checkElsewhere(el, l) : checkSimulation(el, l)));
    look(el, simulations);
    if ([...all, ...simulations].some((l) => isOpen(el, l))) continue;
    for (const { unshaped, waiting } of [...all, ...simulations]) {
      for (const { path, span } of unshaped.values()) needShape(el, path, span);
      for (const [model, asked] of waiting) el.waiting.set(model, asked);
    }
    return { outers, gradients, evaluations, outputs, simulations, used };
  }
}

function look(el: Elaboration, looks: readonly Look<unknown>[]): void {
  for (const own of looks) {
    el.unshaped.clear();
    el.waiting.clear();
    el.counted.clear();
    own.known = el.leaves.size;
    own.found = own.go();
    own.unshaped = new Map(el.unshaped);
    own.waiting = new Map(el.waiting);
    own.counted = new Map(el.counted);
  }
  el.unshaped.clear();
  el.waiting.clear();
}

/** True where something was shaped since that may be what was missing. */
function isOpen(el: Elaboration, look: Look<unknown>): boolean {
  return look.known < el.leaves.size && (look.unshaped.size > 0 || hasGrown(look));
}

/** True where a model has more parameters than the loops and references went on with. */
function hasGrown({ counted }: Look<unknown>): boolean {
  return [...counted].some(([model, count]) => tensorsIn(model).length > count);
}

/** Those that are open: of these, where there are such, those for which what they miss was shaped. */
function readyOf(el: Elaboration, looks: readonly Look<unknown>[]): readonly Look<unknown>[] {
  const waiting = looks.filter((l) => isOpen(el, l));
  const shaped = (path: Path) => [...el.leaves.values()].some((leaf) => leadsTo(path, leaf.path));
  const named = waiting.filter((l) => hasGrown(l) || [...l.unshaped.values()].some(({ path }) => shaped(path)));
  return named.length > 0 ? named : waiting;
}

/** Goes through the declared values of what is learned, which no task and no loop is around: mistakes are reported. The loops that
 *  they run. */
function checkStarts(el: Elaboration, learned: readonly LeafDeclaration[]): CheckedLoop[] {
  return learned.flatMap((leaf) => {
    const { cx } = openFunction(el, "initial", {
      consumer: leaf.name,
      place: { what: `the start of \`${leaf.name}\``, span: leaf.span, start: true },
      scope: moduleScope(el.modules.root),
      ...onlyChecked,
    });
    leaf.initial(cx);
    return checkedLoops(cx.world.consumer);
  });
}

/** Reports the parameters that no call shaped. After a mistake that may be a consequence of it. */
function reportUnshaped(el: Elaboration): void {
  const inCircles = new Set<string>();
  const said: Path[] = [];
  for (const [name, asked] of el.sink.hasErrors ? [] : el.unshaped) {
    const { span } = asked;
    const way = waysOf(el, asked);
    const names = way.map((step) => pathText(step.path));
    if (names.some((step) => inCircles.has(step))) continue;
    // what waits for another parameter is a consequence of that
    if (way.length > 1 && names.at(-1) !== name) continue;
    if (way.length > 1) {
      for (const step of names) inCircles.add(step);
      fail({ elaboration: el, frames: [] }, {
        code: "M0210",
        title: `The shape of \`${name}\` depends on itself`,
        at: span,
        secondary: way.slice(1).map((step, i) => ({
          span: step.span,
          message: `this call waits for \`${names[i + 1]}\``,
        })),
        notes: [
          `The way is ${quoted(names, " → ")}: each is shaped by a call that reads the next`,
        ],
        hint: "call one of these models with something that is known, such as data",
      });
      continue;
    }
    // of a model and its parts it is said once
    if (said.some((path) => overlaps(path, asked.path))) continue;
    said.push(asked.path);
    fail({ elaboration: el, frames: [] }, {
      code: "M0203",
      title: `\`${name}\` has no shape: nothing calls \`${asked.path[0]}\` before it is needed here`,
      at: span,
      notes: ["Parameters of a model get their shapes from its first call"],
      hint: shapedByCall(el, asked.path),
    });
  }
}

/** What shapes a parameter that is needed before a call; of a model that only stands beside another, a call that counts nothing. */
function shapedByCall({ leaves }: Elaboration, path: Path): string {
  const [model] = path;
  if (path.length === 1) return `call \`${model}\` in what is computed here`;
  return path.length > 2 && ![...leaves.values()].some((leaf) => leaf.path[0] === model)
    ? `call \`${model}\`, if only where it counts nothing: \`0 * sum(${model}(…))\``
    : `call \`${pathText(path.slice(0, -1))}\` here, or make \`${path.at(-1)}\` a \`param\``;
}

/** What a parameter's shape waits for, and that in turn: until one that waits for nothing, or one that was there before. */
function waysOf(el: Elaboration, first: Unshaped): Unshaped[] {
  const way = [first];
  for (;;) {
    const { path } = way.at(-1)!;
    const next = [...el.waiting].find(([model]) => leadsTo(model.path, path))?.[1];
    if (!next) return way;
    const known = way.some((step) => samePath(step.path, next.path));
    way.push(next);
    if (known) return way;
  }
}

/** An outer that another loop or item runs does not run by itself: nothing can ask for what comes after it (reported), and
 *  only where another loop runs it does it matter how it is differentiated. */
function checkOwnRun(el: Elaboration, outer: Loop, used: ReadonlySet<Loop>): void {
  if (!used.has(outer)) {
    if (!outer.through.span) return;
    fail({ elaboration: el, frames: [] }, {
      code: "M0504",
      title: `\`${outer.name}\` is not run by another loop, so nothing differentiates through it`,
      at: outer.through.span,
      hint: "leave `through` out here, or say it in the inner loop",
    });
    return;
  }
  const isSame = (name: { readonly name: string } | undefined) => name?.name === outer.name;
  const refuse = (at: Span) =>
    fail({ elaboration: el, frames: [] }, {
      code: "M0203",
      title: `\`${outer.name}\` does not run by itself, because another loop or item runs it`,
      at,
      secondary: [declaredHere(outer.item.name)],
    });
  for (const item of el.modules.root.program.items) {
    const after = "after" in item && isSame(item.after) ? item.after : undefined;
    const every = item.kind === "Evaluate" ? item.clauses.find((c) => c.kind === "Every") : undefined;
    // `every 10 steps` without a name speaks of the only outer
    const asked = after ?? (every && (!every.of || isSame(every.of)) ? every.of ?? every : undefined);
    if (asked) refuse(asked.span);
  }
  const asked = el.asked.get(outer);
  if (asked) refuse(asked);
}

/** Goes through a loop that something may run which could not be gone through itself. It may be meant for a task, or for another
 *  loop's step: that it is in neither is no mistake. */
function checkElsewhere(el: Elaboration, loop: Loop): undefined {
  if (el.entered.has(loop)) return; // its mistakes were reported
  const own = { ...el, sink: new DiagnosticSink(el.limits, { after: true }) };
  checkSimulation(own, loop);
  for (const diagnostic of own.sink.diagnostics) {
    const { code, primary: { span } } = diagnostic;
    if (code !== "M0401" && span !== loop.item.name.span) el.sink.add(diagnostic);
  }
}

/** True when a loop that nothing ran may be meant to be run: a mistake in what would, not disuse, is why it was not. */
function mayBeRun(el: Elaboration): boolean {
  const { program: { items }, torn } = el.modules.root;
  const using = ["Outer", "Gradient", "Evaluate", "Output"];
  return el.sink.hasErrors && (torn || items.some((i) => using.includes(i.kind)));
}

export function complete<T>(list: readonly (T | undefined)[]): T[] {
  return list.filter((x) => x !== undefined);
}

/** The checked program as text, for `--emit checked`. */
export function printChecked(el: Elaboration, checked: CheckedProgram): string {
  const lines: string[] = [`precision ${el.precision}`];
  for (const leaf of el.leaves.values()) {
    const owner = [...el.loops.values()].find((l) =>
      l.kind === "inner" && loopsChanging(el, { kind: "leaf", leaf }).includes(l)
    );
    const learned = checked.persistent.includes(leaf) ? ", learned" : "";
    const range = leaf.range ? ` in ${formatRange(...leaf.range)}` : "";
    const start = leaf.start ? `, ${startText(leaf.start, leaf)}` : "";
    lines.push(
      `${leaf.name} : ${formatDims(leaf.dims)}${range}${leaf.state ? ", a state" : ""}` +
        `${owner ? `, evolved by ${owner.name}` : ""}${learned}${start}`,
    );
  }
  const cx = openLook(el, "print", el.modules.root);
  for (const loop of el.loops.values()) {
    const steps = requireInteger({ ...cx, scope: moduleScope(loop.module) }, loop.count.count, "steps", 1);
    const rules = loop.rules.map((r) => r.optimizer.item.name.name).join(", ");
    const outer = checked.outers.find((o) => o.loop === loop);
    const inside = outer ? `, runs ${[...outer.inners].map((l) => l.name).join(", ") || "nothing"}` : "";
    const tasks = outer?.across
      ? `, ${outer.across.count} ${taskText(outer.across.clause)}${outer.across.fixed ? " fixed" : ""}`
      : "";
    const ends = endingTexts(el, loop).map((ending) => `, ${ending}`).join("");
    lines.push(
      `${loop.kind} ${loop.name}: ${steps} steps by ${rules}${ends}, through ${throughText(el, loop)}${tasks}${inside}`,
    );
  }
  return lines.join("\n") + "\n";
}
