// Can every meta-parameter influence its objective? Follows the derivatives through the lowered functions, after `through`,
// and names those that cannot; `reach_reasons.ts` says why.
import { allInfluences, expandForInfluence, influencesInside } from "../../runtime/autodiff/influence.ts";
import { bodyOf, type EquationOf, type IrFunction } from "../../runtime/ir/types.ts";
import { leafOf, type ProgramFunction } from "../../runtime/program/program.ts";
import { openLook } from "../elaborate/functions.ts";
import { fail } from "../world/report.ts";
import type { CheckedLoop, Elaboration, LeafDeclaration, MetaReference } from "../world/world.ts";
import { stepsOf } from "../elaborate/steps.ts";
import type { Direction, Loop } from "../world/loop.ts";
import { solvesStep } from "../loops/estimators.ts";
import type { CheckedGradient, CheckedOuter, CheckedProgram } from "../check/checked_program.ts";
import {
  type Cause,
  causeOf,
  drawsByProbabilities,
  type Evidence,
  evidenceOf,
  probabilitiesOf,
  usedInputs,
} from "./reach_reasons.ts";
import { readsName } from "../loops/rules.ts";
import { withSources } from "../elaborate/sources.ts";
import { declaredHere } from "../diagnostics/messages.ts";

/** Writes what is differentiated once more, products with 0 too: asked for where something has no influence. */
export interface Rewriting {
  readonly outer: (outer: CheckedOuter) => ProgramFunction;
  readonly gradient: (gradient: CheckedGradient) => ProgramFunction;
}

/** Reports every entry of `over` and `wrt` of which nothing reaches the objective. */
export function checkReach(
  el: Elaboration,
  checked: CheckedProgram,
  /** Absent where a mistake was met: what is wrong with an estimator would be given as a reason. */
  functions: {
    readonly outers: readonly (ProgramFunction | undefined)[];
    readonly gradients: readonly (ProgramFunction | undefined)[];
  },
  again: Rewriting,
): void {
  const learned = checked.outers.flatMap((o) => o.learned.flat());
  const once = (write: () => ProgramFunction) => {
    let made: Evidence | undefined;
    return () => made ??= evidenceOf(write());
  };
  checked.outers.forEach((outer, i) => {
    const step = functions.outers[i];
    if (!step || isWrong(outer.inners)) return;
    const reach = followDerivatives(step, outer.direction);
    if (reportFlat(el, reach, outer.inners)) return;
    const moved = outer.loop.rules.map((rule) => readsName(rule.optimizer.item, "g"));
    const objective = `the objective of \`${outer.loop.name}\``;
    const item = { ...outer, objective, valued: learned, evidence: once(() => again.outer(outer)) };
    const asked = outer.learned.filter((_, k) => moved[k]).flat();
    for (const reference of asked) reportUnreached(el, reference, reach, item);
    warnOfProbabilities(el, asked, reach, step, item);
  });
  checked.gradients.forEach((gradient, i) => {
    const fn = functions.gradients[i];
    if (!fn || isWrong(gradient.inners)) return;
    const reach = followDerivatives(fn, gradient.direction);
    if (reportFlat(el, reach, gradient.inners)) return;
    const { wrt } = gradient;
    const valued = gradient.item.after ? [...wrt, ...learned] : wrt;
    const objective = "what is differentiated";
    const item = { ...gradient, objective, valued, evidence: once(() => again.gradient(gradient)) };
    for (const reference of wrt) reportUnreached(el, reference, reach, item);
    warnOfProbabilities(el, wrt, reach, fn, item);
  });
}

/** True when it is not known how one of these loops is to be differentiated (reported). */
const isWrong = (loops: ReadonlySet<Loop>) => [...loops].some((loop) => loop.through.wrong);

interface Reach {
  /** Leaves that the objective is computed from. */
  readonly read: ReadonlySet<string>;
  /** Leaves whose derivatives are not zero for good. */
  readonly differentiated: ReadonlySet<string>;
  /** Loops whose implicit derivative has no curvature to divide by. */
  readonly flat: ReadonlySet<string>;
}

function followDerivatives({ fn, inputs }: ProgramFunction, direction: Direction): Reach {
  const read = new Set<string>();
  const differentiated = new Set<string>();
  if (direction.kind === "es") { // whatever is read counts, kinks and comparisons too
    for (const position of usedInputs({ ...fn, outputs: fn.outputs.slice(0, 1) })) {
      const slot = inputs[position]!;
      const name = leafOf(slot);
      if (name !== undefined) read.add(name);
    }
    return { read, differentiated: read, flat: new Set() };
  }
  const request = fn.equations.findLast((e): e is EquationOf<"gradient"> => e.op === "gradient");
  if (!request) return { read, differentiated, flat: new Set() };
  const { body, wrt } = request.params;
  const expanded = expandForInfluence({ ...body, outputs: body.outputs.slice(0, 1) });
  const found = influencesInside(expanded)[0]!;
  const used = usedInputs(expanded);
  for (const position of wrt) {
    const slot = inputs[fn.inputs.indexOf(request.inputs[position]!)];
    const name = leafOf(slot);
    if (name === undefined) continue;
    if (used.has(position)) read.add(name);
    if (found.has(position)) differentiated.add(name);
  }
  return { read, differentiated, flat: flatLoops(expanded) };
}

/** The loops that are differentiated implicitly and whose equation does not say how its solution moves: there is none to
 *  follow. */
function flatLoops(fn: IrFunction): ReadonlySet<string> {
  const flat = new Set<string>();
  for (const equation of fn.equations) {
    const body = bodyOf(equation);
    if (!body) continue;
    for (const label of flatLoops(body)) flat.add(label);
    if (equation.op !== "implicit") continue;
    const { constants, label, equation: solved } = equation.params;
    const unknowns = allInfluences(body).map((reached) => [...reached].filter((i) => i >= constants));
    // a parameter that nothing reads has no curvature and needs none
    if (solved === "gradient" ? unknowns.every((own) => own.length === 0) : !canBeInvertible(unknowns)) flat.add(label);
  }
  return flat;
}

/** True when every row of a square matrix can be given a column of its own in which it is not zero: else it is singular,
 *  whatever its entries are. Augmenting paths (Kuhn 1955). */
function canBeInvertible(rows: readonly (readonly number[])[]): boolean {
  const owner = new Map<number, number>();
  const place = (row: number, seen: Set<number>): boolean =>
    rows[row]!.some((column) => {
      if (seen.has(column)) return false;
      seen.add(column);
      const other = owner.get(column);
      if (other !== undefined && !place(other, seen)) return false;
      owner.set(column, row);
      return true;
    });
  return rows.every((_, row) => place(row, new Set()));
}

/** True when something was reported. */
function reportFlat(el: Elaboration, { flat }: Reach, inners: ReadonlySet<Loop>): boolean {
  const loop = [...inners].find((l) => flat.has(l.name));
  if (!loop) return false;
  const cx = { elaboration: el, frames: [] };
  if (solvesStep(loop)) {
    const names = [...new Set(loop.rules.map((r) => `\`${r.optimizer.item.name.name}\``))].join(" and ");
    fail(cx, {
      code: "M0504",
      title: `One step by ${names} does not say where it leads to, so \`fixed_point\` has no solution to follow`,
      at: loop.through.span!,
      secondary: loop.rules.map((r) => ({
        span: r.span,
        message: "what it changes has no derivative, as that of a `sign`",
      })),
      hint: "name another solver, such as `implicit(solver = cg)`, if the loop ends where its gradient is zero",
    });
    return true;
  }
  fail(cx, {
    code: "M0504",
    title: `What \`${loop.name}\` minimizes has no curvature, so \`implicit\` has no solution to follow`,
    at: loop.through.span!,
    secondary: [{ span: loop.objective.span, message: "its gradient does not change with what is evolved" }],
    hint: "add a term such as `+ 0.5 * c * sum(w^2)`, or write `through unroll()`",
  });
  return true;
}

function reportUnreached(
  el: Elaboration,
  reference: MetaReference,
  reach: Reach,
  { objective, inners, runs, valued, evidence }: {
    readonly objective: string;
    readonly inners: ReadonlySet<Loop>;
    readonly runs: readonly CheckedLoop[];
    /** What has a value of its own there, whatever it would start at. */
    readonly valued: readonly MetaReference[];
    readonly evidence: () => Evidence;
  },
): void {
  const { leaves, expression } = reference;
  if (leaves.length === 0 || leaves.some((leaf) => reach.differentiated.has(leaf.name))) return;
  const cause = el.sink.isFull
    ? {}
    : outsideCause(leaves[0]!, inners) ?? ownStartCause(el, leaves[0]!, reach, valued) ?? causeOf({
      leaves,
      start: expression.kind === "Time",
      inners,
      evolved: [...new Set(runs.flatMap((run) => run.leaves))],
      steps: (loop) => stepsNow(el, loop),
    }, evidence());
  fail({ elaboration: el, frames: [] }, {
    code: "M0501",
    title: `\`${reference.label}\` cannot influence ${objective}`,
    at: expression.span,
    ...cause,
    notes: ["Its derivative is zero whatever its value is, so there is nothing to learn from"],
  });
}

/** Warns of what has a derivative, and acts on the probabilities of a draw too, through which none goes. */
function warnOfProbabilities(
  el: Elaboration,
  references: readonly MetaReference[],
  { differentiated }: Reach,
  { fn }: ProgramFunction,
  { evidence, direction }: { readonly evidence: () => Evidence; readonly direction: Direction },
): void {
  if (direction.kind === "es" || !drawsByProbabilities(fn)) return;
  for (const { leaves, label, expression } of references) {
    const reached = leaves.filter((leaf) => differentiated.has(leaf.name));
    const places = reached.length > 0 ? probabilitiesOf(reached, evidence()) : [];
    if (places.length === 0) continue;
    fail({ elaboration: el, frames: [] }, {
      code: "W0501",
      title: `The derivative with respect to \`${label}\` leaves out what it does to the probabilities of a draw`,
      at: expression.span,
      secondary: places.slice(0, 3).map((span) => ({ span, message: "no derivative passes a draw by probabilities" })),
      hint: "an inner loop with `through es(…)` follows the values themselves",
    });
  }
}

/** A hyperparameter of a loop that the objective does not run. */
function outsideCause({ loop }: LeafDeclaration, inners: ReadonlySet<Loop>): Cause | undefined {
  if (!loop || inners.has(loop)) return undefined;
  return {
    label: `\`${loop.name}\` is not part of the objective`,
    secondary: [declaredHere(loop.item.name)],
  };
}

/** What would start at a leaf that nothing reads, had it no value of its own. */
function ownStartCause(
  el: Elaboration,
  leaf: LeafDeclaration,
  { read }: Reach,
  valued: readonly MetaReference[],
): Cause | undefined {
  if (read.has(leaf.name)) return undefined;
  const cx = openLook(el, "starts", el.modules.root);
  const startsFrom = (other: LeafDeclaration) =>
    other !== leaf && withSources(cx.world.consumer, () => other.initial(cx)).sources.has(leaf.name);
  const own = valued.find((r) => r.leaves.some(startsFrom));
  return own && {
    label: `it acts through where \`${own.label}\` starts, which is learned itself and has its own value`,
    secondary: [{ span: own.expression.span, message: "learned here" }],
    hint: `leave out \`${own.label}\`: then it follows \`${leaf.name}\``,
  };
}

function stepsNow(el: Elaboration, loop: Loop): number | undefined {
  return stepsOf(openLook(el, "steps", loop.module), loop);
}
