// How is the gradient of an objective written? As a request that the runtime expands, backwards or forwards; or, for evolution
// strategies, as the objective at many perturbed values: no derivative at all.
import type { Builder } from "../runtime/ir/builder.ts";
import type { Variable } from "../runtime/ir/types.ts";
import { drawInto } from "./draws.ts";
import type { Direction } from "./estimators.ts";
import type { LeafDeclaration } from "./leaves.ts";
import type { Span } from "./source.ts";
import { type DistributionValue, shapeOf, staticNumber, type TensorValue } from "./values.ts";
import { type Context, enterWorld } from "./world.ts";

/** An objective and what it is differentiated for. */
export interface Differentiated {
  readonly name: string;
  readonly at: Span;
  readonly leaves: readonly LeafDeclaration[];
  /** The present value of a leaf. */
  readonly value: (leaf: LeafDeclaration) => TensorValue;
  /** Writes the objective, a scalar, and what else is wanted, where a context stands. */
  readonly write: (cx: Context) => readonly Variable[];
}

/** What `write` wrote, and the gradient of its first output for every leaf. */
export interface WithGradients {
  readonly outputs: readonly Variable[];
  readonly gradients: readonly Variable[];
}

/** Writes an objective with its gradient. */
export function differentiate(cx: Context, direction: Direction, objective: Differentiated): WithGradients {
  if (direction.kind === "es") return evolutionStrategy(cx, direction, objective);
  const request = cx.b.openGradient(objective.name);
  const initials = new Map<string, TensorValue>();
  for (const leaf of objective.leaves) {
    const value = objective.value(leaf);
    initials.set(leaf.name, { ...value, variable: request.wrt(value.variable) });
  }
  const world = enterWorld(cx.world, { b: request.body, initials });
  const outputs = objective.write({ ...cx, world, b: request.body });
  return request.close(outputs, direction.kind);
}

/** dL/dx estimated by sum over i of (L(x + sigma e_i) - L(x - sigma e_i)) e_i / (2 sigma samples), e_i normal: unbiased for the
 *  gradient of L smoothed by that normal (Nesterov and Spokoiny 2017; antithetic pairs). Values are those at x itself. */
function evolutionStrategy(
  cx: Context,
  { samples, sigma }: Direction & { kind: "es" },
  { name, at, leaves, value, write }: Differentiated,
): WithGradients {
  const { b, world } = cx;
  const noise = leaves.map((leaf) => {
    const normal: DistributionValue = {
      kind: "distribution",
      description: "normal",
      computed: false,
      make: () => ({ kind: "family", family: "normal", a: staticNumber(0, "float"), b: staticNumber(1, "float") }),
    };
    const drawn = { module: leaf.module, name: `es ${leaf.name}` };
    return drawInto(cx, normal, [{ size: samples }, ...leaf.dims], drawn, at)!.variable;
  });
  const scope = b.openMap(`${name} es`, 2 * samples + 1);
  const initials = new Map<string, TensorValue>();
  leaves.forEach((leaf, i) => {
    const e = noise[i]!;
    const zero = b.fill(0, { dtype: e.dtype, shape: [1, ...shapeOf(leaf.dims)] });
    const offsets = b.one("concat", [zero, e, b.apply("neg", e)], { axis: 0 });
    const m = scope.body;
    const own = scope.slice(offsets);
    const moved = m.apply("add", m.resolve(value(leaf).variable), m.apply("mul", own, m.fill(sigma, own)));
    initials.set(leaf.name, { ...value(leaf), variable: moved });
  });
  const inside = enterWorld(world, { b: scope.body, initials });
  const outputs = scope.close(write({ ...cx, world: inside, b: scope.body }));
  const values = outputs[0]!;
  const weight = b.apply(
    "sub",
    rows(b, values, 1, 1 + samples),
    rows(b, values, 1 + samples, 1 + 2 * samples),
  );
  const scaled = b.apply("mul", weight, b.fill(1 / (2 * sigma * samples), weight));
  const gradients = noise.map((e) =>
    b.one("dot_general", [scaled, e], { contractLeft: [0], contractRight: [0], batchLeft: [], batchRight: [] })
  );
  return { outputs: outputs.map((x) => b.reshape(rows(b, x, 0, 1), x.shape.slice(1))), gradients };
}

function rows(b: Builder, x: Variable, from: number, to: number): Variable {
  const rest = x.shape.slice(1);
  const start = [from, ...rest.map(() => 0)];
  return b.one("slice", [x], { start, limit: [to, ...rest], stride: x.shape.map(() => 1) });
}
