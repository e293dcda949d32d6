// Can every meta-parameter influence its objective? Follows the derivatives through the lowered functions, after `through`,
// names those that cannot, and says why when it is plain.
import { expandGradients } from "../runtime/autodiff/expand_gradients.ts";
import { allInfluences, influences } from "../runtime/autodiff/influence.ts";
import { eliminateDeadCode } from "../runtime/ir/dead_code.ts";
import { bodyOf, type EquationOf, type IrFunction } from "../runtime/ir/types.ts";
import type { ExperimentProgram, ProgramFunction } from "../runtime/loop/program.ts";
import { openFunction } from "./consumers.ts";
import type { Label } from "./diagnostic.ts";
import { type Elaboration, fail, moduleScope } from "./elaboration.ts";
import { stepsOf } from "./inner.ts";
import type { Direction } from "./directions.ts";
import { endOnly, solvesStep } from "./estimators.ts";
import { withoutTelling } from "./finite_objectives.ts";
import type { LeafDeclaration } from "./leaves.ts";
import type { CheckedProgram } from "./lower_program.ts";
import type { Loop } from "./loops.ts";
import type { MetaReference } from "./meta_parameters.ts";
import { readsName } from "./rules.ts";
import { withSources } from "./sources.ts";

/** Reports every entry of `over` and `wrt` of which nothing reaches the objective. */
export function checkReach(el: Elaboration, checked: CheckedProgram, program: ExperimentProgram): void {
  if (el.sink.hasErrors) return; // what is wrong with an estimator would be given as a reason
  const learned = checked.outers.flatMap((o) => o.learned.flat());
  checked.outers.forEach((outer, i) => {
    const reach = followDerivatives(program.outers[i]!.step, outer.direction);
    if (reportFlat(el, reach, outer.inners)) return;
    const moved = outer.loop.rules.map((rule) => readsName(rule.optimizer.item, "g"));
    for (const reference of outer.learned.filter((_, k) => moved[k]).flat()) {
      const objective = `the objective of \`${outer.loop.name}\``;
      reportUnreached(el, reference, reach, { objective, inners: outer.inners, valued: learned });
    }
  });
  checked.gradients.forEach((gradient, i) => {
    const reach = followDerivatives(program.gradients[i]!.fn, gradient.direction);
    if (reportFlat(el, reach, gradient.inners)) return;
    for (const reference of gradient.wrt) {
      const { wrt, inners } = gradient;
      const valued = gradient.item.after ? [...wrt, ...learned] : wrt;
      reportUnreached(el, reference, reach, { objective: "what is differentiated", inners, valued });
    }
  });
}

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
      if (slot.kind === "leaf") read.add(slot.name);
    }
    return { read, differentiated: read, flat: new Set() };
  }
  const request = fn.equations.findLast((e): e is EquationOf<"gradient"> => e.op === "gradient");
  if (!request) return { read, differentiated, flat: new Set() };
  const { body, wrt } = request.params;
  const expanded = expandGradients({ ...body, outputs: body.outputs.slice(0, 1) }, { solves: "keep" });
  const found = influences(expanded, 0);
  const used = usedInputs(expanded);
  for (const position of wrt) {
    const slot = inputs[fn.inputs.indexOf(request.inputs[position]!)];
    if (slot?.kind !== "leaf") continue;
    if (used.has(position)) read.add(slot.name);
    if (found.has(position)) differentiated.add(slot.name);
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

/** The positions of the inputs that a function reads. */
function usedInputs(fn: IrFunction): ReadonlySet<number> {
  const live = eliminateDeadCode(withoutTelling(fn));
  const used = new Set(live.outputs);
  for (const equation of live.equations) for (const x of equation.inputs) used.add(x);
  return new Set(fn.inputs.flatMap((x, i) => used.has(x) ? [i] : []));
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
  { objective, inners, valued }: {
    readonly objective: string;
    readonly inners: ReadonlySet<Loop>;
    /** What has a value of its own there, whatever it would start at. */
    readonly valued: readonly MetaReference[];
  },
): void {
  const dead = reference.leaves.filter((leaf) => !reach.differentiated.has(leaf.name));
  if (dead.length < reference.leaves.length || dead.length === 0) return;
  const cause = ownStartCause(el, dead[0]!, reach, valued) ?? causeOf(el, reference, dead[0]!, reach, inners);
  fail({ elaboration: el, frames: [] }, {
    code: "M0501",
    title: `\`${reference.label}\` cannot influence ${objective}`,
    at: reference.expression.span,
    ...cause,
    notes: ["Its derivative is zero whatever the values are, so there is nothing to learn from"],
  });
}

interface Cause {
  readonly label: string;
  readonly secondary?: readonly Label[];
  readonly hint?: string;
}

/** Why a leaf has no influence. */
function causeOf(
  el: Elaboration,
  reference: MetaReference,
  leaf: LeafDeclaration,
  reach: Reach,
  inners: ReadonlySet<Loop>,
): Cause {
  const { loop } = leaf;
  if (loop && !inners.has(loop)) {
    return {
      label: `\`${loop.name}\` is not part of the objective`,
      secondary: [{ span: loop.item.name.span, message: `\`${loop.name}\` is declared here` }],
    };
  }
  if (loop && stepsNow(el, loop) === 1) {
    return {
      label: `\`${leaf.name}\` never acts: \`${loop.name}\` runs one step`,
      secondary: [{ span: loop.count.span, message: "one step" }],
    };
  }
  const start = reference.expression.kind === "Time";
  const cause = estimatorCause({ loop, start, read: reach.read.has(leaf.name) }, inners);
  if (cause) return cause;
  return reach.read.has(leaf.name)
    ? { label: "it is read only where derivatives are zero, as in a comparison, `step` or `stop_gradient`" }
    : { label: "nothing that the objective is computed from depends on it" };
}

/** What would start at a leaf that nothing reads, had it no value of its own. */
function ownStartCause(
  el: Elaboration,
  leaf: LeafDeclaration,
  { read }: Reach,
  valued: readonly MetaReference[],
): Cause | undefined {
  if (read.has(leaf.name)) return undefined;
  const scope = moduleScope(el.modules.root);
  const { cx } = openFunction(el, "starts", { consumer: "", dry: true, scope, persistent: new Set() });
  const startsFrom = (other: LeafDeclaration) =>
    other !== leaf && withSources(cx.world.consumer, () => other.initial(cx)).sources.has(leaf.name);
  const own = valued.find((r) => r.leaves.some(startsFrom));
  return own && {
    label: `it acts through where \`${own.label}\` starts, which is learned itself and has its own value`,
    secondary: [{ span: own.expression.span, message: "learned here" }],
    hint: `leave out \`${own.label}\`: then it follows \`${leaf.name}\``,
  };
}

/** Why a leaf is out of an estimator's sight. */
function estimatorCause(
  { loop, start, read }: { readonly loop: Loop | undefined; readonly start: boolean; readonly read: boolean },
  inners: ReadonlySet<Loop>,
): Cause | undefined {
  const because = (l: Loop) => l.through.span ? [{ span: l.through.span, message: "because of this" }] : [];
  const hint = "write `through unroll()`";
  if (loop && endOnly(loop)) {
    const name = loop.through.kind;
    return {
      label: name === "implicit" && solvesStep(loop)
        ? `\`fixed_point\` sees one step where \`${loop.name}\` ends, and that has no derivative with respect to it`
        : name === "implicit"
        ? `\`implicit\` sees where \`${loop.name}\` ends as a solution, and a solution does not depend on how it was reached`
        : `\`${name}\` sees the objective of \`${loop.name}\` at its end only, and no step of it`,
      secondary: because(loop),
      hint,
    };
  }
  if (loop) return undefined;
  const end = [...inners].find(endOnly);
  if (end && read) {
    const secondary = because(end);
    if (end.through.kind !== "implicit") {
      return { label: `\`${end.through.kind}\` sees only what \`${end.name}\` minimizes at its end`, secondary, hint };
    }
    const sees = `\`implicit\` sees where \`${end.name}\` ends as a solution`;
    return start
      ? {
        label: `${sees}, which forgets its start`,
        secondary,
        hint: `${hint}, or keep the start in what is minimized: \`+ 0.5 * sum((w - w@0)^2)\``,
      }
      : { label: `${sees}, and ${equationText(end)} does not move with it`, secondary };
  }
  const cut = [...inners].find((l) => l.through.args.has("window"));
  if (cut && read) {
    return {
      label: `the window of \`${cut.name}\` ends before derivatives get there`,
      secondary: because(cut),
      hint: `${hint}, or give a longer \`window\``,
    };
  }
  const first = [...inners].find((l) => l.through.kind === "first_order");
  return first && {
    label: `it acts only through the gradient of \`${first.name}\`, which counts as a constant`,
    secondary: because(first),
    hint,
  };
}

/** What must be 0 at a solution. */
function equationText(loop: Loop): string {
  return solvesStep(loop) ? "what one step changes there" : "the gradient that is zero there";
}

function stepsNow(el: Elaboration, loop: Loop): number | undefined {
  const scope = moduleScope(loop.module);
  return stepsOf(openFunction(el, "steps", { consumer: "", dry: true, scope, persistent: new Set() }).cx, loop);
}
