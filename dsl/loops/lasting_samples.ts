// How do the samples of a loop go on from meta-step to meta-step? Each meta-step is one window of them; what a window leaves is kept
// between meta-steps as the loop itself is, and so is the sum of the noise since a sample began.
import type { Variable } from "../../runtime/ir/types.ts";
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Loop, SampledDirection } from "../world/loop.ts";
import type { Context, LeafDeclaration } from "../world/world.ts";
import { enterWorld } from "../world/moments.ts";
import type { Differentiated, LastingSamples, WithGradients } from "./differentiated.ts";
import { everythingOf, withEverything } from "./loop_state.ts";
import { contractFirst, drawNoise, pairWeights, perturbed } from "./samples.ts";
import { ageName, firstStanding, keptNames } from "./standing.ts";

/** Samples that go on: N pairs, each of which begins anew after some windows. */
export type LastingDirection = SampledDirection & { readonly lasting: NonNullable<SampledDirection["lasting"]> };

// no parameter is called so: names have no spaces
const sampleName = (kept: string) => `samples of ${kept}`;
const agesName = (loop: Loop) => `samples of ${ageName(loop)}`;

/** Where the sum of the noise is kept that was added to what an outer learns. */
export const noiseName = (outer: Loop, leaf: LeafDeclaration): string => `noise of ${leaf.name}@${outer.name}`;

/** What is kept of the samples of a loop before the first meta-step, by name, from everything that is kept of the loop. They stand where
 *  the loop begins; so that they do not all begin anew at once, each counts from another window on. */
export function firstSamples(
  b: Builder,
  { samples, lasting: { loop, windows } }: LastingDirection,
  kept: ReadonlyMap<string, Variable>,
): Map<string, Variable> {
  const lanes = [...kept].map(([name, x]): [string, Variable] => {
    const all = b.broadcastTo(b.reshape(x, [1, ...x.shape]), [2 * samples, ...x.shape]);
    return [sampleName(name), all];
  });
  const count = { dtype: "i32", shape: [] } as const;
  const ages = Array.from(
    { length: samples },
    (_, i) => b.fill(Math.floor(i * windows / samples), { ...count, shape: [1] }),
  );
  const all = ages.length > 1 ? b.one("concat", ages, { axis: 0 }) : ages[0]!;
  return new Map([...lanes, [ageName(loop), b.fill(0, count)], [agesName(loop), all]]);
}

/** dL/dx for the window of the present meta-step, at x perturbed anew: (L+ - L-) / (2 sigma N) times the sum of the noise since the pair
 *  began (Vicol, Metz and Sohl-Dickstein 2021, equation 11). With x held still, unbiased for the smoothed objective of every window.
 *  Values are those at x itself, of the loop that is not perturbed; it begins anew after as many windows as its samples do. */
export function lastingStrategy(
  cx: Context,
  direction: LastingDirection,
  objective: Differentiated,
  { outer, run, across }: LastingSamples,
): WithGradients {
  const { b, world: { consumer: { input } }, world } = cx;
  const { samples, lasting: { windows } } = direction;
  const { loop } = run;
  // for its names and types
  const like = firstStanding(cx, across, run);
  const names = keptNames(loop, like);
  const kept = everythingOf(like).map(({ dtype, shape }, i) => {
    const leaf = i < like.length ? { leaf: like[i]!.leaf.name } : {};
    return {
      itself: input({ kind: "state", name: names[i]!, ...leaf }, { dtype, shape }),
      others: input({ kind: "state", name: sampleName(names[i]!) }, { dtype, shape: [2 * samples, ...shape] }),
    };
  });
  const age = input({ kind: "state", name: ageName(loop) }, { dtype: "i32", shape: [] });
  const ages = input({ kind: "state", name: agesName(loop) }, { dtype: "i32", shape: [samples] });
  const noise = drawNoise(cx, direction, objective);
  const scope = b.openMap(`${objective.name} pes`, 2 * samples + 1);
  const initials = perturbed(b, scope, noise, direction, objective);
  const lane = (itself: Variable, ...others: readonly Variable[]) =>
    scope.slice(b.one("concat", [b.reshape(itself, [1, ...itself.shape]), ...others], { axis: 0 }));
  const own = lane(age, ages, ages);
  const begins = scope.body.apply("eq", own, scope.body.fill(0, own));
  const state = withEverything(like, kept.map(({ itself, others }) => lane(itself, others)));
  const inside = enterWorld(world, { b: scope.body, initials, standing: new Map([[loop, { across, state, begins }]]) });
  const outputs = scope.close(objective.write({ ...cx, world: inside, b: scope.body }));
  const weight = pairWeights(b, outputs[0]!, direction);
  const first = b.apply("eq", ages, b.fill(0, ages));
  const sums = objective.leaves.map((leaf, i) => {
    const e = noise[i]!;
    const before = input({ kind: "state", name: noiseName(outer, leaf) }, e);
    const begun = b.broadcastTo(b.reshape(first, [samples, ...e.shape.slice(1).map(() => 1)]), e.shape);
    return b.apply("select", begun, e, b.apply("add", before, e));
  });
  const older = (x: Variable) => {
    const next = b.apply("add", x, b.fill(1, x));
    return b.apply("select", b.apply("lt", next, b.fill(windows, x)), next, b.fill(0, x));
  };
  return {
    outputs: outputs.map((x) => b.row(x, 0)),
    gradients: sums.map((sum) => contractFirst(b, weight, sum)),
    samples: new Map([
      ...names.map((name, i): [string, Variable] => [sampleName(name), b.rows(outputs[1 + i]!, 1, 1 + 2 * samples)]),
      ...objective.leaves.map((leaf, i): [string, Variable] => [noiseName(outer, leaf), sums[i]!]),
      [ageName(loop), older(age)],
      [agesName(loop), older(ages)],
    ]),
  };
}
