// Is an implicit derivative that of the solution? The loop is made longer until another length makes no difference; then it must say
// that it has arrived, and its derivative is that of differences, as far as its system was solved.
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import type { ImplicitReport } from "../../runtime/loop/results.ts";
import { compileFiles, treeOf } from "./compiled.ts";
import type { Dice } from "./dice.ts";
import { gradientAt } from "../../runtime/verify/check_gradient.ts";
import { runSeed } from "./compiled.ts";
import type { Outcome } from "./runs.ts";
import type { RandomProgram } from "./definitions.ts";
import { corners } from "./resting.ts";
import { withoutInnerUntil } from "./rewrites.ts";
import { compareSlope, pointOf, saidStops, scalarsOf } from "./slopes.ts";

/** What the inner loops and their overrides say. */
const innerTexts = (text: string) =>
  treeOf(text).items.filter((i) => i.kind === "Inner" || i.kind === "Override").map(({ span }) =>
    text.slice(span.start, span.end)
  )
    .join("\n");

const apply: Outcome = { kind: "does not apply" };

/** Looks at one implicit derivative of a program. */
export function lookAtImplicit(given: RandomProgram, dice: Dice): Outcome {
  // a loop that may stop is made longer in vain
  const program = { ...given, text: withoutInnerUntil(given.text) };
  // an odd and an even number of steps: what swings to and fro does not rest
  const odd = { ...program, text: program.text.replaceAll(/\b40 steps/g, "41 steps") };
  if (odd.text === program.text) return apply;
  const outputs = [[odd, 5] as const, [program, 6] as const].map(([files, longer]) =>
    compileFiles(files, undefined, { longer, precision: "f64" })
  );
  const [, long] = outputs;
  if (outputs.some((o) => !o.program)) return apply;
  const kinds = long!.derivatives();
  const index = kinds.findIndex((k) => k.implicit && !k.biased && !k.sampled);
  if (index < 0) return apply;
  const scalars = outputs.map((o) => scalarsOf(o.program!)[index]);
  if (scalars.some((s) => !s || s.leaves.length === 0)) return apply;
  const points = outputs.map((o) => pointOf(o.program!, index, runSeed));
  const [before, after] = scalars.map((s, k) => gradientAt(referenceBackend, s!, points[k]!));
  const moved = Math.abs(before!.value - after!.value);
  if (!(moved <= 1e-13 * (1 + Math.abs(after!.value)))) return { kind: "skipped", why: "not stationary" };
  // a rate that falls stops a loop wherever it is, and around a corner a loop swings
  const texts = innerTexts(program.text);
  const stops = texts.includes("@t = ") || corners.test(texts);
  // the value can be the same though a loop goes on: a step of which the sign alone counts
  const rests = ({ gradientNorm }: ImplicitReport, k: number) =>
    Math.abs(gradientNorm - before!.implicit[k]!.gradientNorm) <= 1e-6 * (1e-3 + Math.abs(gradientNorm));
  const stuck = stops ? undefined : after!.implicit.find((r, k) => !r.arrived && rests(r, k));
  if (stuck) {
    return {
      kind: "found",
      detail: `${stuck.loop} stands still and is said not to have arrived: ${stuck.gradientNorm} of ${stuck.startNorm}`,
    };
  }
  // then it is not the solution that differences see
  if (stops && after!.implicit.some((r) => !(r.left <= 1e-8))) return { kind: "skipped", why: "stopped on the way" };
  const residual = Math.max(...after!.implicit.map((r) => r.residual || 0));
  if (!(residual <= 1e-8) || /damping/.test(program.text)) return { kind: "skipped", why: "solved in part" };
  const slope = compareSlope(scalars[1]!, points[1]!, dice, { held: saidStops(long!), within: 1e-4 });
  if (slope.kind === "wrong") return { kind: "found", detail: `the implicit slope is ${slope.detail}` };
  return slope.kind === "held" ? { kind: "held" } : { kind: "skipped", why: slope.kind };
}
