// Which products does the derivative of a loop not need? The derivative of s (A B) by a scalar s is the inner product of A B with what
// comes back; that of A (s B) is the inner product of B with something that the derivative by B needs anyway. So learned rates scale a
// factor of a gradient, and a loop that is run again for its backward pass leaves the product out. Used by `gradient.ts`.
import { Builder } from "../ir/builder.ts";
import { costOf } from "../ir/cost.ts";
import { type Equation, type EquationOf, type IrFunction, sizeOf, type Variable } from "../ir/types.ts";

/** A product is rewritten if it takes so many operations for each entry of the factor that is scaled. */
const worthScaling = 8;

/** The same function, but that in the bodies of its scans scalars which move with the flagged inputs scale a moving factor of a
 *  product, where they scaled the product and nothing else reads that. The same to rounding. */
export function scaleFactors(fn: IrFunction, moving: readonly boolean[]): IrFunction {
  return rewrite(fn, moving, false);
}

/** A product that is linear in each of its two inputs. */
type Product = EquationOf<"dot_general"> | EquationOf<"conv_filter_gradient">;

interface Scaling {
  readonly scalar: Variable;
  readonly product: Product;
  /** Which input of the product is scaled. */
  readonly factor: number;
}

function rewrite(fn: IrFunction, flags: readonly boolean[], inLoop: boolean): IrFunction {
  const moving = new Set(fn.inputs.filter((_, i) => flags[i]));
  const producers = new Map<Variable, Equation>();
  const uses = new Map<Variable, number>();
  const count = (x: Variable) => uses.set(x, (uses.get(x) ?? 0) + 1);
  const bodies = new Map<Equation, IrFunction>();
  const scalings = new Map<Equation, Scaling>();
  for (const equation of fn.equations) equation.inputs.forEach(count);
  fn.outputs.forEach(count);
  for (const equation of fn.equations) {
    const moved = equation.inputs.map((x) => moving.has(x));
    for (const output of equation.outputs) producers.set(output, equation);
    if (!moved.includes(true)) continue;
    for (const output of equation.outputs) moving.add(output);
    if (equation.op === "scan") {
      bodies.set(equation, rewrite(equation.params.body, inScan(equation, moved), true));
    } else if (equation.op === "map") {
      bodies.set(equation, rewrite(equation.params.body, moved, inLoop));
    } else if (equation.op === "mul" && inLoop) {
      const scaling = scalingOf(equation, { moving, producers, uses });
      if (scaling) scalings.set(equation, scaling);
    }
  }
  const changed = fn.equations.some((e) => bodies.has(e) && bodies.get(e) !== (e as EquationOf<"scan">).params.body);
  if (scalings.size === 0 && !changed) return fn;
  const b = new Builder(fn.name);
  const values = new Map<Variable, Variable>();
  for (const input of fn.inputs) values.set(input, b.input(input, input.name));
  const read = (x: Variable) => values.get(x)!;
  for (const equation of fn.equations) {
    b.origin = equation.origin;
    const scaling = scalings.get(equation);
    const body = bodies.get(equation);
    const outputs = scaling ? [writeScaled(b, scaling, read)] : b.emit(
      equation.op,
      equation.inputs.map(read),
      (body ? { ...equation.params, body } : equation.params) as never,
    );
    equation.outputs.forEach((output, i) => values.set(output, outputs[i]!));
  }
  return b.finish(fn.outputs.map(read));
}

/** The inputs of a scan's body that move: a carry does once anything moving reaches it. */
function inScan({ params: { body, constants, carry } }: EquationOf<"scan">, moved: readonly boolean[]): boolean[] {
  const flags = [...moved];
  for (let known = -1; known < flags.filter(Boolean).length;) {
    known = flags.filter(Boolean).length;
    const moving = new Set(body.inputs.filter((_, i) => flags[i]));
    for (const { inputs, outputs } of body.equations) {
      if (inputs.some((x) => moving.has(x))) { for (const output of outputs) moving.add(output); }
    }
    for (let i = 0; i < carry; i++) flags[constants + i] ||= moving.has(body.outputs[i]!);
  }
  return flags;
}

function scalingOf(
  { inputs }: EquationOf<"mul">,
  { moving, producers, uses }: {
    readonly moving: ReadonlySet<Variable>;
    readonly producers: ReadonlyMap<Variable, Equation>;
    readonly uses: ReadonlyMap<Variable, number>;
  },
): Scaling | undefined {
  for (const [p, q] of [inputs, inputs.toReversed()] as [Variable, Variable][]) {
    const [spread, product] = [producers.get(p), producers.get(q)];
    if (spread?.op !== "broadcast" || spread.inputs[0]!.shape.length > 0 || !moving.has(spread.inputs[0]!)) continue;
    if (product?.op !== "dot_general" && product?.op !== "conv_filter_gradient" || uses.get(q) !== 1) continue;
    const size = (i: number) => sizeOf(product.inputs[i]!.shape);
    const [factor] = [0, 1].filter((i) => moving.has(product.inputs[i]!)).sort((i, j) => size(i) - size(j));
    const { flops } = costOf({ name: "", inputs: product.inputs, equations: [product], outputs: product.outputs });
    if (factor === undefined || flops < worthScaling * size(factor)) continue;
    return { scalar: spread.inputs[0]!, product, factor };
  }
  return undefined;
}

function writeScaled(b: Builder, { scalar, product, factor }: Scaling, read: (x: Variable) => Variable): Variable {
  const inputs = product.inputs.map(read);
  const scaled = b.apply("mul", b.broadcastTo(read(scalar), inputs[factor]!.shape), inputs[factor]!);
  return b.one(product.op, inputs.with(factor, scaled), product.params as never);
}
