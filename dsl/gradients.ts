// Can every meta-parameter influence its objective? Follows the derivatives through the lowered functions, after `through`,
// and names those that cannot.
import { expandGradients } from "../runtime/autodiff/expand_gradients.ts";
import { influences } from "../runtime/autodiff/influence.ts";
import type { EquationOf } from "../runtime/ir/types.ts";
import type { ExperimentProgram, ProgramFunction } from "../runtime/loop/program.ts";
import { type Elaboration, fail } from "./elaboration.ts";
import type { LeafDeclaration } from "./leaves.ts";
import type { CheckedProgram } from "./lower_program.ts";
import type { MetaReference } from "./meta_parameters.ts";
import type { Loop } from "./loops.ts";

/** Reports every entry of `over` and `wrt` of which nothing reaches the objective. */
export function checkReach(el: Elaboration, checked: CheckedProgram, program: ExperimentProgram): void {
  checked.outers.forEach((outer, i) => {
    const reached = reachedLeaves(program.outers[i]!.step);
    for (const reference of outer.learned.flat()) {
      reportUnreached(el, reference, reached, `the objective of \`${outer.loop.name}\``, outer.inners);
    }
  });
  checked.gradients.forEach((gradient, i) => {
    const reached = reachedLeaves(program.gradients[i]!.fn);
    for (const reference of gradient.wrt) {
      reportUnreached(el, reference, reached, "what is differentiated", gradient.inners);
    }
  });
}

/** The leaves whose derivatives are not zero for good. */
function reachedLeaves(fn: ProgramFunction): Set<string> {
  const request = fn.fn.equations.findLast((e): e is EquationOf<"gradient"> => e.op === "gradient");
  const reached = new Set<string>();
  if (!request) return reached;
  const { body, wrt } = request.params;
  const found = influences(expandGradients({ ...body, outputs: body.outputs.slice(0, 1) }), 0);
  for (const position of wrt) {
    if (!found.has(position)) continue;
    const outer = request.inputs[position]!;
    const slot = fn.inputs[fn.fn.inputs.indexOf(outer)];
    if (slot?.kind === "leaf") reached.add(slot.name);
  }
  return reached;
}

function reportUnreached(
  el: Elaboration,
  reference: MetaReference,
  reached: ReadonlySet<string>,
  objective: string,
  inners: ReadonlySet<Loop>,
): void {
  const dead = reference.leaves.filter((leaf) => !reached.has(leaf.name));
  if (dead.length < reference.leaves.length || dead.length === 0) return;
  const cause = causeOf(dead[0]!, inners);
  fail({ elaboration: el, frames: [] }, {
    code: "M0501",
    title: `\`${reference.label}\` cannot influence ${objective}`,
    at: reference.expression.span,
    label: cause?.label ?? "",
    secondary: cause ? [cause.secondary] : [],
    notes: ["Its derivative is zero whatever the values are, so there is nothing to learn from"],
  });
}

/** Why a leaf has no influence, when that is plain. */
function causeOf(leaf: LeafDeclaration, inners: ReadonlySet<Loop>) {
  if (!leaf.loop) return undefined;
  if (!inners.has(leaf.loop)) {
    return {
      label: `\`${leaf.loop.name}\` is not part of the objective`,
      secondary: { span: leaf.loop.item.name.span, message: `\`${leaf.loop.name}\` is declared here` },
    };
  }
  const { count } = leaf.loop.count;
  if (count.kind === "Number" && count.value === 1) {
    return {
      label: `\`${leaf.name}\` never acts: \`${leaf.loop.name}\` runs one step`,
      secondary: { span: leaf.loop.count.span, message: "one step" },
    };
  }
  return undefined;
}
