// Can every meta-parameter influence its objective? Follows the derivatives through the lowered functions, after `through`,
// names those that cannot, and says why when it is plain.
import { expandGradients } from "../runtime/autodiff/expand_gradients.ts";
import { influences } from "../runtime/autodiff/influence.ts";
import { eliminateDeadCode } from "../runtime/ir/dead_code.ts";
import type { EquationOf, IrFunction } from "../runtime/ir/types.ts";
import type { ExperimentProgram, ProgramFunction } from "../runtime/loop/program.ts";
import { openFunction } from "./consumers.ts";
import type { Label } from "./diagnostic.ts";
import { type Elaboration, fail, moduleScope } from "./elaboration.ts";
import { stepsOf } from "./inner.ts";
import type { LeafDeclaration } from "./leaves.ts";
import type { CheckedProgram } from "./lower_program.ts";
import type { Loop } from "./loops.ts";
import type { MetaReference } from "./meta_parameters.ts";

/** Reports every entry of `over` and `wrt` of which nothing reaches the objective. */
export function checkReach(el: Elaboration, checked: CheckedProgram, program: ExperimentProgram): void {
  checked.outers.forEach((outer, i) => {
    const reach = followDerivatives(program.outers[i]!.step);
    for (const reference of outer.learned.flat()) {
      reportUnreached(el, reference, reach, `the objective of \`${outer.loop.name}\``, outer.inners);
    }
  });
  checked.gradients.forEach((gradient, i) => {
    const reach = followDerivatives(program.gradients[i]!.fn);
    for (const reference of gradient.wrt) {
      reportUnreached(el, reference, reach, "what is differentiated", gradient.inners);
    }
  });
}

interface Reach {
  /** Leaves that the objective is computed from. */
  readonly read: ReadonlySet<string>;
  /** Leaves whose derivatives are not zero for good. */
  readonly differentiated: ReadonlySet<string>;
}

function followDerivatives(fn: ProgramFunction): Reach {
  const request = fn.fn.equations.findLast((e): e is EquationOf<"gradient"> => e.op === "gradient");
  const read = new Set<string>();
  const differentiated = new Set<string>();
  if (!request) return { read, differentiated };
  const { body, wrt } = request.params;
  const expanded = expandGradients({ ...body, outputs: body.outputs.slice(0, 1) });
  const found = influences(expanded, 0);
  const used = usedInputs(expanded);
  for (const position of wrt) {
    const slot = fn.inputs[fn.fn.inputs.indexOf(request.inputs[position]!)];
    if (slot?.kind !== "leaf") continue;
    if (used.has(position)) read.add(slot.name);
    if (found.has(position)) differentiated.add(slot.name);
  }
  return { read, differentiated };
}

/** The positions of the inputs that a function reads. */
function usedInputs(fn: IrFunction): ReadonlySet<number> {
  const live = eliminateDeadCode(fn);
  const used = new Set(live.outputs);
  for (const equation of live.equations) for (const x of equation.inputs) used.add(x);
  return new Set(fn.inputs.flatMap((x, i) => used.has(x) ? [i] : []));
}

function reportUnreached(
  el: Elaboration,
  reference: MetaReference,
  reach: Reach,
  objective: string,
  inners: ReadonlySet<Loop>,
): void {
  const dead = reference.leaves.filter((leaf) => !reach.differentiated.has(leaf.name));
  if (dead.length < reference.leaves.length || dead.length === 0) return;
  const cause = causeOf(el, dead[0]!, reach, inners);
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
function causeOf(el: Elaboration, leaf: LeafDeclaration, reach: Reach, inners: ReadonlySet<Loop>): Cause {
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
  const first = [...inners].find((l) => l.through.kind === "first_order");
  if (first && !loop) {
    return {
      label: `it acts only through the gradient of \`${first.name}\`, which counts as a constant`,
      secondary: [
        ...first.item.clauses.filter((c) => c.kind === "Through").map((c) => ({
          span: c.span,
          message: "because of this",
        })),
      ],
      hint: "write `through unroll()`",
    };
  }
  return reach.read.has(leaf.name)
    ? { label: "it is read only where derivatives are zero, as in a comparison, `step` or `stop_gradient`" }
    : { label: "nothing that the objective is computed from depends on it" };
}

function stepsNow(el: Elaboration, loop: Loop): number | undefined {
  const scope = moduleScope(loop.module);
  return stepsOf(openFunction(el, "steps", { consumer: "", dry: true, scope, persistent: new Set() }).cx, loop);
}
