// How is a gradient estimated without a derivative? From the objective at many perturbed values: evolution strategies, of a whole
// loop or window by window.
import type { Builder, MapScope } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import { drawInto } from "../elaborate/draws.ts";
import type { SampledDirection } from "../world/loop.ts";
import type { Context } from "../world/world.ts";
import type { DistributionValue, TensorValue } from "../world/value_kinds.ts";
import { shapeOf, staticNumber } from "../world/values.ts";
import { enterWorld } from "../world/moments.ts";
import { type Differentiated, entered, type WithGradients } from "./differentiated.ts";

/** dL/dx estimated by sum over i of (L(x + sigma e_i) - L(x - sigma e_i)) e_i / (2 sigma samples), e_i normal: unbiased for the
 *  gradient of L smoothed by that normal (Nesterov and Spokoiny 2017; antithetic pairs). Values are those at x itself. */
export function evolutionStrategy(cx: Context, direction: SampledDirection, objective: Differentiated): WithGradients {
  const { b, world } = cx;
  const { samples } = direction;
  const noise = drawNoise(cx, direction, objective);
  const scope = b.openMap(`${objective.name} es`, 2 * samples + 1);
  const initials = perturbed(b, scope, noise, direction, objective);
  const inside = enterWorld(world, { b: scope.body, ...entered(objective, initials) });
  const outputs = scope.close(objective.write({ ...cx, world: inside, b: scope.body }));
  const weight = pairWeights(b, outputs[0]!, direction);
  return {
    outputs: outputs.map((x) => b.row(x, 0)),
    gradients: noise.map((e) => contractFirst(b, weight, e)),
  };
}

type SampledWindows = NonNullable<SampledDirection["windows"]>;

/** The same window by window: every pair draws its e anew and goes on from where its two runs of the loop ended. Persistent, the
 *  loss of a window is weighted by the sum of the e so far, which is unbiased for the mean of the windows' objectives (Vicol, Metz
 *  and Sohl-Dickstein 2021, equation 11); else by its own, which forgets what earlier steps did. */
export function windowStrategy(
  cx: Context,
  direction: SampledDirection & { readonly windows: SampledWindows },
  objective: Differentiated,
): WithGradients {
  const { b, world } = cx;
  const { samples, windows: { loop, length, count, persistent, carry } } = direction;
  const lanes = 2 * samples + 1;
  const { leaves, tasks, value, others = [] } = objective;
  const float = { dtype: cx.elaboration.precision, shape: [] } as const;
  const scan = b.openScan(`${objective.name} windows`, count);
  const s = scan.body;
  const index = scan.slice(b.one("iota", [], { type: { dtype: "i32", shape: [count] }, axis: 0 }));
  const from = s.apply("mul", index, s.fill(length, index));
  const total = scan.carry(b.fill(0, float));
  const sums = leaves.map((leaf) => scan.carry(b.fill(0, value(leaf).variable)));
  const paths = leaves.map((leaf) => scan.carry(b.fill(0, { ...float, shape: [samples, ...shapeOf(leaf.dims)] })));
  const states = carry.map(({ dtype, shape }) =>
    scan.carry(b.fill(0, { dtype, shape: [lanes, ...(tasks === undefined ? [] : [tasks]), ...shape] }))
  );
  for (const type of others) scan.carry(b.fill(0, type));
  const at: Context = { ...cx, world: enterWorld(world, { b: s }), b: s };
  const noise = drawNoise(at, direction, objective, index);
  const scope = s.openMap(`${objective.name} es`, lanes);
  const initials = perturbed(s, scope, noise, direction, objective);
  const window = { loop, length, from, carry: states.map((x) => scope.slice(x)), across: tasks !== undefined };
  const inside = enterWorld(at.world, { b: scope.body, ...entered(objective, initials), window });
  const written = objective.write(
    { ...at, world: inside, b: scope.body },
    (task) => task.world.runs.get(loop)!.carry,
  );
  const outputs = scope.close(written);
  const weight = pairWeights(s, outputs[0]!, direction);
  const share = (x: Variable) => s.apply("div", x, s.fill(count, x));
  const nextPaths = paths.map((path, i) => persistent ? s.apply("add", path, noise[i]!) : noise[i]!);
  const nextSums = sums.map((sum, i) => s.apply("add", sum, share(contractFirst(s, weight, nextPaths[i]!))));
  const unmoved = (x: Variable) => s.row(x, 0);
  const closed = scan.close([
    s.apply("add", total, share(unmoved(outputs[0]!))),
    ...nextSums,
    ...nextPaths,
    ...outputs.slice(1 + others.length),
    ...outputs.slice(1, 1 + others.length).map(unmoved),
  ], []);
  const last = closed.carry.slice(closed.carry.length - others.length);
  return { outputs: [closed.carry[0]!, ...last], gradients: closed.carry.slice(1, 1 + leaves.length) };
}

/** What is minimized window by window, as it is where nothing is perturbed. */
export function meanOfWindows(cx: Context, windows: SampledWindows, objective: Differentiated): Variable {
  const still = { kind: "es", samples: 0, sigma: 0, windows } as const;
  return windowStrategy(cx, still, { ...objective, leaves: [] }).outputs[0]!;
}

/** Normal numbers [samples, ...] for every leaf; other ones for every window. */
export function drawNoise(
  cx: Context,
  { samples }: SampledDirection,
  { leaves, at }: Differentiated,
  window?: Variable,
): readonly Variable[] {
  const normal: DistributionValue = {
    kind: "distribution",
    description: "normal",
    computed: false,
    make: () => ({ kind: "family", family: "normal", a: staticNumber(0, "float"), b: staticNumber(1, "float") }),
  };
  return leaves.map((leaf) => {
    const name = {
      module: leaf.module,
      drawnAs: `es ${leaf.drawnAs}`,
      ...(window ? { again: { name: "window", index: window } } : {}),
    };
    return drawInto(cx, normal, [{ size: samples }, ...leaf.dims], name, at)!.variable;
  });
}

/** The leaves of one lane: as they are, then + sigma e_i, then - sigma e_i. */
export function perturbed(
  b: Builder,
  scope: MapScope,
  noise: readonly Variable[],
  { sigma }: SampledDirection,
  { leaves, value }: Differentiated,
): Map<string, TensorValue> {
  const m = scope.body;
  return new Map(leaves.map((leaf, i) => {
    const e = noise[i]!;
    const zero = b.fill(0, { dtype: e.dtype, shape: [1, ...shapeOf(leaf.dims)] });
    const own = scope.slice(b.one("concat", [zero, e, b.apply("neg", e)], { axis: 0 }));
    const moved = m.apply("add", m.resolve(value(leaf).variable), m.apply("mul", own, m.fill(sigma, own)));
    return [leaf.name, { ...value(leaf), variable: moved }];
  }));
}

/** (L(x + sigma e_i) - L(x - sigma e_i)) / (2 sigma samples) from the values of all lanes. */
export function pairWeights(b: Builder, values: Variable, { samples, sigma }: SampledDirection): Variable {
  const up = b.rows(values, 1, 1 + samples);
  const difference = b.apply("sub", up, b.rows(values, 1 + samples, 1 + 2 * samples));
  return b.apply("mul", difference, b.fill(1 / (2 * sigma * samples), difference));
}

/** The sum over the first axis of both. */
export const contractFirst = (b: Builder, x: Variable, y: Variable) =>
  b.one("dot_general", [x, y], { contractLeft: [0], contractRight: [0], batchLeft: [], batchRight: [] });
