// How do values move whose derivative is not that of the code that made them? By the equation that they solve, or by a
// difference; both end in products that are transposed later.
import { Builder, buildFunction } from "../ir/builder.ts";
import { implicitScalars, type IrFunction, isFloat, type PrimitiveParameters, type Variable } from "../ir/types.ts";
import { gradientInto, vjpFunction } from "./gradient.ts";
import { addTangents, type Dual, type JvpArguments, materialize, type Tangent } from "./tangent.ts";
import { partialEval } from "./partial_eval.ts";

/** Implicit function theorem: A dw = -(dF/dc) dc with A = dF/dw, both at the solution. */
export function implicitJvp({ b, inputs, tangents, params, jvp }: JvpArguments<"implicit">): Dual {
  const { body, constants, solver, label } = params;
  const outputs = b.emit("implicit", inputs, params);
  const first = implicitScalars;
  const c = inputs.slice(first, first + constants);
  const along = jvp(b, body, [...c, ...outputs], [
    ...tangents.slice(first, first + constants),
    ...outputs.map(() => undefined),
  ]);
  if (along.tangents.every((t) => t === undefined)) return { outputs, tangents: outputs.map(() => undefined) };
  const right = along.tangents.map((t, i) => b.apply("neg", materialize(b, t, outputs[i]!)));
  const { operator, residuals } = linearPart(b, body, [...c, ...outputs], constants, jvp);
  const moved = b.emit("linear_solve", [inputs[first - 1]!, ...residuals, ...right], {
    body: operator,
    constants: residuals.length,
    solver,
    label,
  });
  return { outputs, tangents: moved };
}

/** The derivative of a body along its inputs from number `fixed` on, as a function (residuals ..., v ...) -> A v; what it
 *  needs of the point is computed here, once. */
function linearPart(
  b: Builder,
  body: IrFunction,
  point: readonly Variable[],
  fixed: number,
  jvp: JvpArguments<"implicit">["jvp"],
): { readonly operator: IrFunction; readonly residuals: readonly Variable[] } {
  const j = new Builder(body.name);
  const primals = body.inputs.map((v) => j.inputLike(v));
  const directions = primals.map((v, i) => i < fixed ? undefined : j.input(v));
  const dual = jvp(j, body, primals, directions);
  const joint = j.finish(dual.tangents.map((t, i) => materialize(j, t, body.outputs[i]!)));
  const split = partialEval(joint, joint.inputs.map((_, i) => i >= primals.length));
  const known = b.inline(split.known, point);
  const o = new Builder(`${body.name} along`);
  const moved = [...o.inline(split.unknown, split.unknown.inputs.map((v) => o.input(v, v.name)))];
  const operator = o.finish(joint.outputs.map((v, i) => split.unknownOutputs[i] ? moved.shift()! : o.fill(0, v)));
  return { operator, residuals: known.slice(known.length - split.residuals) };
}

/** d(A^-1 b) = A^-1 (db - dA x). */
export function linearSolveJvp({ b, inputs, tangents, params, jvp }: JvpArguments<"linear_solve">): Dual {
  const { body, constants } = params;
  const outputs = b.emit("linear_solve", inputs, params);
  const c = inputs.slice(1, 1 + constants);
  const still = outputs.map(() => undefined);
  const bent = jvp(b, body, [...c, ...outputs], [...tangents.slice(1, 1 + constants), ...still]).tangents;
  const right = tangents.slice(1 + constants).map((t, i): Tangent => {
    const turned = bent[i] && b.apply("neg", bent[i]);
    return addTangents(b, t, turned);
  });
  if (right.every((t) => t === undefined)) return { outputs, tangents: still };
  const known = inputs.slice(0, 1 + constants);
  const moved = b.emit("linear_solve", [...known, ...right.map((t, i) => materialize(b, t, outputs[i]!))], params);
  return { outputs, tangents: moved };
}

/** dw = -factor d2f/dv dc dc, known by its transpose: a cotangent u goes to
 *  -factor (df/dc(c, v + h u) - df/dc(c, v - h u)) / (2 h) with h = epsilon / |u|. */
export function finiteDifferenceJvp({ b, inputs, tangents, params }: JvpArguments<"finite_difference">): Dual {
  const { constants } = params;
  const outputs = b.emit("finite_difference", inputs, params);
  const moving = tangents.slice(1, 1 + constants).flatMap((t, i) => t ? [{ tangent: t, index: i }] : []);
  if (moving.length === 0) return { outputs, tangents: outputs.map(() => undefined) };
  const wanted = moving.map((m) => m.index);
  const moved = b.emit("pullback", [...inputs, ...moving.map((m) => m.tangent)], {
    body: differenceBody(params, inputs, wanted),
    forward: slopeBody(params, inputs, wanted),
    known: inputs.length,
    types: outputs.map(({ dtype, shape }) => ({ dtype, shape })),
  });
  return { outputs, tangents: moved };
}

function differenceBody(
  { body, constants, epsilon }: PrimitiveParameters["finite_difference"],
  types: readonly Variable[],
  wanted: readonly number[],
): IrFunction {
  const b = new Builder(`${body.name} difference`);
  const known = types.map((v) => b.input(v, v.name));
  const c = known.slice(1, 1 + constants);
  const at = known.slice(1 + constants, 1 + body.inputs.length);
  const u = at.map((v) => b.input(v));
  const squares = u.map((x) => b.sum(b.apply("mul", x, x))).reduce((x, y) => b.apply("add", x, y));
  const norm = b.apply("sqrt", squares);
  // Without a cotangent there is nothing to follow: any step will do
  const none = b.apply("eq", norm, b.fill(0, norm));
  const h = b.apply("div", b.fill(epsilon, norm), b.apply("select", none, b.fill(1, norm), norm));
  const scaled = (x: Variable, s: Variable) => b.apply("mul", b.convert(b.broadcastTo(s, x.shape), x.dtype), x);
  const slopes = (sign: "add" | "sub") =>
    b.inline(body, [...c, ...at.map((x, i) => b.apply(sign, x, scaled(u[i]!, h)))]);
  const [up, down] = [slopes("add"), slopes("sub")];
  const floats = c.flatMap((x, i) => isFloat(x.dtype) ? [i] : []);
  const weight = b.apply("div", b.apply("mul", known[0]!, b.fill(-0.5, h)), h);
  return b.finish(wanted.map((i) => {
    const k = floats.indexOf(i);
    return scaled(b.apply("sub", up[k]!, down[k]!), weight);
  }));
}

/** -factor d/dv <df/dc(c, v), dc>: what the difference tends to, where it is asked for forwards. */
function slopeBody(
  { body, constants }: PrimitiveParameters["finite_difference"],
  types: readonly Variable[],
  wanted: readonly number[],
): IrFunction {
  const b = new Builder(`${body.name} slope`);
  const known = types.map((v) => b.input(v, v.name));
  const moved = wanted.map((i) => b.input(types[1 + i]!));
  const floats = body.inputs.slice(0, constants).flatMap((v, i) => isFloat(v.dtype) ? [i] : []);
  const cotangents = floats.map((i) => moved[wanted.indexOf(i)] ?? b.fill(0, body.inputs[i]!));
  const at = body.inputs.flatMap((_, i) => i >= constants ? [i] : []);
  const own = known.slice(1, 1 + body.inputs.length);
  const slopes = b.inline(vjpFunction(body, at), [...own, ...cotangents]).slice(body.outputs.length);
  const factor = b.apply("neg", known[0]!);
  return b.finish(slopes.map((x) => b.apply("mul", b.convert(b.broadcastTo(factor, x.shape), x.dtype), x)));
}

/** Linear in what is linear; what else it moves with is seen on its way forward. */
export function pullbackJvp({ b, inputs, tangents, params, jvp }: JvpArguments<"pullback">): Dual {
  const { known, forward } = params;
  if (tangents.slice(0, known).some((t) => t !== undefined)) return jvp(b, forward, inputs, tangents);
  const linear = tangents.slice(known).map((t, i) => materialize(b, t, inputs[known + i]!));
  return {
    outputs: b.emit("pullback", inputs, params),
    tangents: b.emit("pullback", [...inputs.slice(0, known), ...linear], params),
  };
}

/** The gradient g of f moves by dg = (d2f / dw dx) dx, known by its transpose: a cotangent u goes to d/de df/dx(w + e u), one
 *  pass forward over the gradient, because second derivatives are symmetric (Pearlmutter 1994). */
export function gradientJvp({ b, inputs, tangents, params, jvp }: JvpArguments<"gradient">): Dual {
  const { body, wrt, mode } = params;
  const outputs = b.emit("gradient", inputs, params);
  const values = jvp(b, body, inputs, tangents).tangents;
  const moving = tangents.flatMap((t, i) => t ? [{ tangent: t, index: i }] : []);
  const types = wrt.map((i) => ({ dtype: inputs[i]!.dtype, shape: inputs[i]!.shape }));
  const product = new Builder(`${body.name} product`);
  const x = body.inputs.map((v) => product.inputLike(v));
  const u = types.map((type) => product.input(type));
  const slopes = new Builder(`${body.name} slopes`);
  const point = body.inputs.map((v) => slopes.inputLike(v));
  const wanted = moving.map((m) => m.index);
  const all = slopes.finish(
    gradientInto(slopes, body, { inputs: point, wrt: wanted, mode }).slice(body.outputs.length),
  );
  const along = x.map((_, i): Tangent => {
    const directions = wrt.flatMap((w, k) => w === i ? [u[k]!] : []);
    return directions.length === 0 ? undefined : directions.reduce((p, q) => product.apply("add", p, q));
  });
  const turned = jvp(product, all, x, along).tangents;
  const ahead = new Builder(`${body.name} ahead`);
  const here = body.inputs.map((v) => ahead.inputLike(v));
  const steps = moving.map((m) => ahead.input(inputs[m.index]!));
  const gradients = buildFunction(body.name, inputs, (g, y) => gradientInto(g, body, { inputs: y, wrt, mode }));
  const forwards = jvp(ahead, gradients, here, here.map((_, i) => steps[wanted.indexOf(i)])).tangents;
  const moved = b.emit("pullback", [...inputs, ...moving.map((m) => m.tangent)], {
    body: product.finish(turned.map((t, i) => materialize(product, t, inputs[wanted[i]!]!))),
    forward: ahead.finish(types.map((type, i) => forwards[body.outputs.length + i] ?? ahead.fill(0, type))),
    known: inputs.length,
    types,
  });
  return { outputs, tangents: [...values, ...moved] };
}
