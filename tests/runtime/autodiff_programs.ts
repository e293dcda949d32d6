// Small learning programs that several tests differentiate: a perceptron, its training steps, optimizers with state.
import { Builder, buildFunction } from "../../runtime/ir/builder.ts";
import type { ArrayType, DType, HostArray, IrFunction, Variable } from "../../runtime/ir/types.ts";
import { spread } from "./gradient_table.ts";

/** Sizes of the perceptron's layers and of its batch. */
export interface PerceptronSizes {
  readonly batch: number;
  readonly layers: readonly number[];
  readonly activation: "relu" | "tanh";
  readonly dtype?: DType;
}

/** x [batch, first], y [batch, last], then W [in, out] and bias [out] of every layer. */
export function perceptronTypes({ batch, layers, dtype = "f64" }: PerceptronSizes): readonly ArrayType[] {
  const parameters = layers.slice(1).flatMap((out, i) => [[layers[i]!, out], [out]]);
  return [[batch, layers[0]!], [batch, layers.at(-1)!], ...parameters].map((shape) => ({ dtype, shape }));
}

/** Values for them. */
export function perceptronValues(sizes: PerceptronSizes): readonly HostArray[] {
  return perceptronTypes(sizes).map((type, i) => spread(type.shape, -1, 1, i + 1));
}

/** where(x <= 0, 0, x), as the library has it. */
function relu(b: Builder, x: Variable): Variable {
  return b.apply("select", b.apply("le", x, b.fill(0, x)), b.fill(0, x), x);
}

/** Mean square error of the perceptron. */
export function perceptronLoss(
  b: Builder,
  { activation }: PerceptronSizes,
  [x, y, ...parameters]: readonly Variable[],
): Variable {
  let h = x!;
  for (let i = 0; i < parameters.length; i += 2) {
    if (i > 0) h = activation === "relu" ? relu(b, h) : b.apply("tanh", h);
    h = b.one("dot_general", [h, parameters[i]!], {
      contractLeft: [1],
      contractRight: [0],
      batchLeft: [],
      batchRight: [],
    });
    h = b.apply("add", h, b.broadcastTo(parameters[i + 1]!, h.shape));
  }
  const error = b.apply("sub", h, y!);
  const total = b.sum(b.apply("mul", error, error));
  return b.apply("mul", total, b.fill(1 / error.shape.reduce((n, k) => n * k, 1), total));
}

/** Gradients of the loss with respect to the parameters, by a `gradient` request. */
export function lossGradients(
  b: Builder,
  sizes: PerceptronSizes,
  data: readonly Variable[],
  parameters: readonly Variable[],
): { readonly loss: Variable; readonly gradients: readonly Variable[] } {
  const request = b.openGradient("loss");
  const inner = parameters.map((p) => request.wrt(p));
  const { outputs, gradients } = request.close([perceptronLoss(request.body, sizes, [...data, ...inner])]);
  return { loss: outputs[0]!, gradients };
}

/** x * factor, the factor a known number or a scalar. */
export function scaled(b: Builder, x: Variable, factor: number | Variable): Variable {
  const broad = typeof factor === "number" ? b.fill(factor, x) : b.broadcastTo(b.resolve(factor), x.shape);
  return b.apply("mul", x, broad);
}

/** (x, y, parameters …, x', y', rate) -> (query loss, its gradients with respect to the parameters and the rate): MAML
 *  with `steps` of gradient descent, unrolled (`unroll`) or as a scan. */
export function maml(sizes: PerceptronSizes, steps: number, unroll = false): IrFunction {
  const types = perceptronTypes(sizes);
  const rate: ArrayType = { dtype: sizes.dtype ?? "f64", shape: [] };
  const inputs = [...types, types[0]!, types[1]!, rate];
  return buildFunction("maml", inputs, (b, v) => {
    const n = types.length;
    const outer = b.openGradient("meta");
    const start = v.slice(2, n).map((p) => outer.wrt(p));
    const lr = outer.wrt(v[n + 2]!);
    const o = outer.body;
    const update = (s: Builder, parameters: readonly Variable[]) =>
      lossGradients(s, sizes, [v[0]!, v[1]!], parameters).gradients.map((g, i) =>
        s.apply("sub", parameters[i]!, scaled(s, g, lr))
      );
    let trained = start;
    if (unroll) { for (let t = 0; t < steps; t++) trained = update(o, trained); }
    else {
      const scope = o.openScan("steps", steps);
      trained = [...scope.close(update(scope.body, start.map((p) => scope.carry(p))), []).carry];
    }
    const closed = outer.close([perceptronLoss(o, sizes, [v[n]!, v[n + 1]!, ...trained])]);
    return [...closed.outputs, ...closed.gradients];
  });
}

/** Values for the inputs of `maml`. */
export function mamlValues(sizes: PerceptronSizes, rate = 0.1): readonly HostArray[] {
  const values = perceptronValues(sizes);
  return [
    ...values,
    spread(values[0]!.shape, -1, 1, 31),
    spread(values[1]!.shape, -1, 1, 32),
    { dtype: "f64", shape: [], data: new Float64Array([rate]) },
  ];
}

/** (p, rate, momentum) -> loss after `steps` of heavy ball on sum((sin p)^2), with v starting at zero. With
 *  `firstOrder` the inner gradient is a constant. */
export function heavyBall(steps: number, firstOrder = false): IrFunction {
  const f64 = (...shape: number[]): ArrayType => ({ dtype: "f64", shape });
  return buildFunction("heavy ball", [f64(3), f64(), f64()], (b, [start, rate, momentum]) => {
    const loss = (s: Builder, p: Variable) => {
      const y = s.apply("sin", p);
      return s.sum(s.apply("mul", y, y));
    };
    const scope = b.openScan("steps", steps);
    const p = scope.carry(start!);
    const v = scope.carry(b.fill(0, start!));
    const s = scope.body;
    const request = s.openGradient("loss");
    const { gradients } = request.close([loss(request.body, request.wrt(p))]);
    const g = firstOrder ? s.apply("stop_gradient", gradients[0]!) : gradients[0]!;
    const next = s.apply("add", scaled(s, v, momentum!), g);
    const { carry } = scope.close([s.apply("sub", p, scaled(s, next, rate!)), next], []);
    return [loss(b, carry[0]!)];
  });
}
