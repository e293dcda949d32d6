// Is an implicit derivative that of the solution? The loop is made longer until another length makes no difference; then it must say
// that it has arrived, and its derivative is that of differences, as far as its system was solved.
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { compileFiles } from "./compiled.ts";
import type { Dice } from "./dice.ts";
import { gradientAt } from "../../runtime/verify/check_gradient.ts";
import { type Outcome, runSeed } from "./runs.ts";
import type { RandomProgram } from "./program.ts";
import { compareSlope, pointOf, scalarsOf } from "./slopes.ts";

const apply: Outcome = { kind: "does not apply" };

/** Looks at one implicit derivative of a program. */
export function lookAtImplicit(program: RandomProgram, dice: Dice): Outcome {
  const outputs = [4, 6].map((longer) => compileFiles(program, undefined, { longer, precision: "f64" }));
  const [, long] = outputs;
  if (outputs.some((o) => !o.program)) return apply;
  const kinds = long!.derivatives();
  const index = kinds.findIndex((k) => k.implicit && !k.biased && !k.sampled);
  if (index < 0) return apply;
  const scalars = outputs.map((o) => scalarsOf(o.program!)[index]);
  if (scalars.some((s) => !s || s.leaves.length === 0)) return apply;
  const point = pointOf(long!.program!, index, runSeed);
  const [before, after] = scalars.map((s) => gradientAt(referenceBackend, s!, point));
  const moved = Math.abs(before!.value - after!.value);
  if (!(moved <= 1e-13 * (1 + Math.abs(after!.value)))) return { kind: "skipped", why: "not stationary" };
  const stuck = after!.implicit.find((r) => !r.arrived);
  if (stuck) {
    return {
      kind: "found",
      detail: `${stuck.loop} stands still and is said not to have arrived: ${stuck.gradientNorm} of ${stuck.startNorm}`,
    };
  }
  const residual = Math.max(...after!.implicit.map((r) => r.residual || 0));
  if (!(residual <= 1e-8) || /damping/.test(program.text)) return { kind: "skipped", why: "solved in part" };
  const slope = compareSlope(scalars[1]!, point, dice, 1e-4);
  if (slope.kind === "wrong") return { kind: "found", detail: `the implicit slope is ${slope.detail}` };
  return slope.kind === "held" ? { kind: "held" } : { kind: "skipped", why: slope.kind };
}
