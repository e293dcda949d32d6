// Which products does the derivative of a loop not need? That of s grad L by a scalar s is the inner product of the gradient with what
// comes back; that of grad (s L) is the derivative of L along what comes back, which its second derivative passes anyway. So learned
// rates scale what a gradient is of; and where only a product is scaled, a factor of it: that of A (s B) is the inner product of B with
// something that the derivative by B needs anyway. A loop that is run again for its backward pass then leaves the gradient out.
// Used before requests are expanded, and before what they became is differentiated.
import { Builder } from "../ir/builder.ts";
import { costOf } from "../ir/cost.ts";
import { type Equation, type EquationOf, type IrFunction, sizeOf, type Variable } from "../ir/types.ts";

/** A product is rewritten if it takes so many operations for each entry of the factor that is scaled. */
const worthScaling = 8;

/** The same function, but that in the bodies of its scans scalars which move with the flagged inputs scale the value that a gradient
 *  is taken of, or a moving factor of a product, where they scaled the gradients or the product and nothing else reads those.
 *  The same to rounding. */
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

/** Gradients that one scalar scales, all of them. */
interface ScaledRequest {
  readonly scalar: Variable;
  /** The equations that scale them, with what they read. */
  readonly products: ReadonlyMap<Equation, Variable>;
}

/** What is known of a function on the way through it. */
interface Known {
  readonly moving: Set<Variable>;
  readonly producers: Map<Variable, Equation>;
  readonly users: Map<Variable, Equation[]>;
  /** Outputs, which something outside may read. */
  readonly outputs: ReadonlySet<Variable>;
}

function rewrite(fn: IrFunction, flags: readonly boolean[], inLoop: boolean): IrFunction {
  // without loops there is nothing to find
  if (!inLoop && !fn.equations.some(({ op }) => op === "scan" || op === "map")) return fn;
  const moving = new Set(fn.inputs.filter((_, i) => flags[i]));
  const producers = new Map<Variable, Equation>();
  const users = new Map<Variable, Equation[]>();
  const bodies = new Map<Equation, IrFunction>();
  const scalings = new Map<Equation, Scaling>();
  const requests = new Map<Equation, ScaledRequest>();
  for (const equation of fn.equations) {
    for (const output of equation.outputs) producers.set(output, equation);
    for (const x of equation.inputs) {
      const list = users.get(x);
      if (list) list.push(equation);
      else users.set(x, [equation]);
    }
  }
  const known: Known = { moving, producers, users, outputs: new Set(fn.outputs) };
  const before = new Set(fn.inputs);
  for (const equation of fn.equations) {
    const moved = equation.inputs.map((x) => moving.has(x));
    const request = inLoop && equation.op === "gradient" ? scaledRequest(equation, known, before) : undefined;
    if (request) requests.set(equation, request);
    for (const output of equation.outputs) before.add(output);
    if (!moved.includes(true)) continue;
    for (const output of equation.outputs) moving.add(output);
    if (equation.op === "scan") {
      bodies.set(equation, rewrite(equation.params.body, inScan(equation, moved), true));
    } else if (equation.op === "map") {
      bodies.set(equation, rewrite(equation.params.body, moved, inLoop));
    } else if (equation.op === "mul" && inLoop) {
      const scaling = scalingOf(equation, known);
      if (scaling) scalings.set(equation, scaling);
    }
  }
  const changed = fn.equations.some((e) => bodies.has(e) && bodies.get(e) !== (e as EquationOf<"scan">).params.body);
  if (scalings.size === 0 && requests.size === 0 && !changed) return fn;
  const replaced = new Map([...requests.values()].flatMap(({ products }) => [...products]));
  const b = new Builder(fn.name);
  const values = new Map<Variable, Variable>();
  for (const input of fn.inputs) values.set(input, b.inputLike(input));
  const read = (x: Variable) => values.get(x)!;
  const write = (equation: Equation): readonly Variable[] => {
    const gradient = replaced.get(equation);
    if (gradient) return [read(gradient)];
    const scaling = scalings.get(equation);
    if (scaling) return [writeScaled(b, scaling, read)];
    const inputs = equation.inputs.map(read);
    const request = requests.get(equation);
    if (request) return writeRequest(b, equation as EquationOf<"gradient">, inputs, read(request.scalar));
    const body = bodies.get(equation);
    return b.emit(equation.op, inputs, (body ? { ...equation.params, body } : equation.params) as never);
  };
  for (const equation of fn.equations) {
    b.origin = equation.origin;
    const outputs = write(equation);
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

/** The number that a variable repeats, if it moves. */
function spreadNumber(x: Variable, { moving, producers }: Known): Variable | undefined {
  const spread = producers.get(x);
  if (spread?.op !== "broadcast") return x.shape.length === 0 && moving.has(x) ? x : undefined;
  const number = spread.inputs[0]!;
  return number.shape.length === 0 && moving.has(number) ? number : undefined;
}

/** The one scalar, there `before` the request, that is all that its gradients are multiplied with. */
function scaledRequest(
  { outputs, params }: EquationOf<"gradient">,
  known: Known,
  before: ReadonlySet<Variable>,
): ScaledRequest | undefined {
  const products = new Map<Equation, Variable>();
  let scalar: Variable | undefined;
  for (const gradient of outputs.slice(params.body.outputs.length)) {
    const users = known.users.get(gradient) ?? [];
    if (users.length === 0 && !known.outputs.has(gradient)) continue;
    const [user, other] = users;
    if (other || known.outputs.has(gradient) || user?.op !== "mul") return undefined;
    const factor = user.inputs[user.inputs[0] === gradient ? 1 : 0]!;
    const number = factor === gradient ? undefined : spreadNumber(factor, known);
    if (!number || number.dtype !== gradient.dtype || scalar && number !== scalar) return undefined;
    scalar = number;
    products.set(user, gradient);
  }
  return scalar && before.has(scalar) ? { scalar, products } : undefined;
}

/** The request for the gradient of the scaled value, which gives the value itself, too. */
function writeRequest(
  b: Builder,
  { params }: EquationOf<"gradient">,
  inputs: readonly Variable[],
  scalar: Variable,
): readonly Variable[] {
  const { body } = params;
  const g = new Builder(body.name);
  const own = body.inputs.map((x) => g.inputLike(x));
  const scale = g.input(scalar, scalar.name);
  const [value, ...others] = g.inline(body, own);
  const scaled = g.finish([g.apply("mul", g.convert(scale, value!.dtype), value!), ...others, value!]);
  const outputs = b.emit("gradient", [...inputs, scalar], { ...params, body: scaled });
  const n = body.outputs.length;
  return [outputs[n]!, ...outputs.slice(1, n), ...outputs.slice(n + 1)];
}

function scalingOf({ inputs }: EquationOf<"mul">, known: Known): Scaling | undefined {
  const { moving, producers, users, outputs } = known;
  for (const [p, q] of [inputs, inputs.toReversed()] as [Variable, Variable][]) {
    const [scalar, product] = [spreadNumber(p, known), producers.get(q)];
    if (!scalar || product?.op !== "dot_general" && product?.op !== "conv_filter_gradient") continue;
    if (users.get(q)!.length !== 1 || outputs.has(q) || p === q) continue;
    const size = (i: number) => sizeOf(product.inputs[i]!.shape);
    const [factor] = [0, 1].filter((i) => moving.has(product.inputs[i]!)).sort((i, j) => size(i) - size(j));
    const { flops } = costOf({ name: "", inputs: product.inputs, equations: [product], outputs: product.outputs });
    if (factor === undefined || flops < worthScaling * size(factor)) continue;
    return { scalar, product, factor };
  }
  return undefined;
}

function writeScaled(b: Builder, { scalar, product, factor }: Scaling, read: (x: Variable) => Variable): Variable {
  const inputs = product.inputs.map(read);
  const scaled = b.apply("mul", b.broadcastTo(read(scalar), inputs[factor]!.shape), inputs[factor]!);
  return b.one(product.op, inputs.with(factor, scaled), product.params as never);
}
