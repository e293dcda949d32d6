// Which functions are built in? Those that the language cannot say itself: one primitive each, reductions, movement, shapes
// and the families of distributions. Everything else is in `prelude/`, in the language.
import type { CallExpression, Expression } from "./ast.ts";
import type { Span } from "./source.ts";
import type { ParameterlessPrimitive } from "../runtime/ir/builder.ts";
import { isFloat, sizeOf } from "../runtime/ir/types.ts";
import { fail } from "./elaboration.ts";
import { asFloat, broadcastBinary, broadcastDims, declaredLabels, toTensor } from "./arithmetic.ts";
import { evaluate } from "./expressions.ts";
import { hintFor } from "./hints.ts";
import { count } from "./models.ts";
import type { Context, Scope } from "./world.ts";
import {
  type BaseDistribution,
  capital,
  describeValue,
  type Dim,
  errorValue,
  formatDims,
  shapeOf,
  staticNumber,
  type StaticValue,
  type TensorValue,
  type Value,
} from "./values.ts";

/** A function that the language has by itself. */
export interface Builtin {
  readonly name: string;
  /** Number of positional arguments: at least, at most. */
  readonly arity: readonly [number, number];
  /** Names of further arguments; also the names that positional ones may be given by. */
  readonly named: readonly string[];
  readonly apply: (call: BuiltinCall) => Value;
}

/** One application: values, and the places to point at. */
export interface BuiltinCall {
  readonly cx: Context;
  readonly name: string;
  readonly args: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
  readonly call: CallExpression;
  /** The place of a positional argument. */
  readonly at: (i: number) => Span;
}

/** Names with a value of their own. */
export const constants: Readonly<Record<string, StaticValue>> = {
  pi: staticNumber(Math.PI, "float"),
  inf: staticNumber(Infinity, "float"),
  true: staticNumber(1, "bool"),
  false: staticNumber(0, "bool"),
};

/** Evaluates the arguments of a call of a builtin and applies it. */
export function callBuiltin(cx: Context, builtin: Builtin, call: CallExpression): Value {
  const args: Value[] = [];
  const named = new Map<string, Value>();
  let wrong = false;
  for (const arg of call.args) {
    const value = evaluate(cx, arg.value);
    if (value.kind === "error") wrong = true;
    if (!arg.name) {
      args.push(value);
      continue;
    }
    if (!builtin.named.includes(arg.name.name)) {
      wrong = true;
      fail(cx, {
        code: "M0303",
        title: `\`${builtin.name}\` has no argument \`${arg.name.name}\``,
        at: arg.name.span,
        notes: builtin.named.length > 0 ? [`It takes ${builtin.named.map((n) => `\`${n}\``).join(", ")} by name`] : [],
        hint: hintFor(arg.name.name, builtin.named),
      });
    }
    named.set(arg.name.name, value);
  }
  const [least, most] = builtin.arity;
  if (args.length < least || args.length > most) {
    const expected = least === most ? count(least, "argument") : `${least} to ${most} arguments`;
    return fail(cx, {
      code: "M0302",
      title: `\`${builtin.name}\` takes ${expected}, not ${args.length}`,
      at: call.span,
      hint: builtin.name === "dot" && args.length === 1 ? "write `dot(x, W)`" : undefined,
    });
  }
  return wrong ? errorValue : callBuiltinWith(cx, builtin, args, named, call);
}

/** Applies a builtin to values. */
export function callBuiltinWith(
  cx: Context,
  builtin: Builtin,
  args: readonly Value[],
  named: ReadonlyMap<string, Value>,
  call: CallExpression,
): Value {
  const positional = call.args.filter((a) => !a.name).map((a) => a.value as Expression);
  return builtin.apply({
    cx,
    name: builtin.name,
    args,
    named,
    call,
    at: (i) => positional[i]?.span ?? call.span,
  });
}

// ------------------------------------------------------------------------------------------------ argument readers

/** A positional argument as a float array; undefined when it is not one (reported). */
function floatArg(c: BuiltinCall, i: number): TensorValue | undefined {
  const tensor = tensorArg(c, i);
  return tensor && asFloat(c.cx, tensor);
}

function tensorArg(c: BuiltinCall, i: number): TensorValue | undefined {
  const tensor = toTensor(c.cx, c.args[i]!);
  if (tensor.kind === "tensor") return tensor;
  if (c.args[i]!.kind !== "error") {
    fail(c.cx, {
      code: "M0304",
      title: `\`${c.name}\` takes numbers and tensors, not ${describeValue(c.args[i]!)}`,
      at: c.at(i),
    });
  }
  return undefined;
}

/** A whole number known now, by name or position; `missing` when it is not given. */
function integerArg<M>(c: BuiltinCall, value: Value | undefined, what: string, missing: M): number | M | undefined {
  if (value === undefined) return missing;
  if (value.kind === "static" && Number.isInteger(value.value) && value.type !== "bool") return value.value;
  if (value.kind === "shape" && value.dims.length === 1) return value.dims[0]!.size;
  if (value.kind !== "error") {
    fail(c.cx, {
      code: "M0304",
      title: `${capital(what)} of \`${c.name}\` must be a whole number known before the run, not ${
        describeValue(value)
      }`,
      at: c.call.span,
    });
  }
  return undefined;
}

/** An axis, counted from the end when negative; undefined when wrong (reported). */
function axisArg(c: BuiltinCall, value: Value | undefined, x: TensorValue, more = 0): number | undefined {
  const axis = integerArg(c, value, "the axis", undefined);
  if (axis === undefined) return undefined;
  const rank = x.dims.length + more;
  const k = axis < 0 ? axis + rank : axis;
  if (k >= 0 && k < rank) return k;
  fail(c.cx, {
    code: "M0301",
    title: `${describeValue(x)} has no axis ${axis}`,
    at: c.call.span,
  });
  return undefined;
}

function flag(value: Value | undefined): boolean {
  return value?.kind === "static" && value.value !== 0;
}

function tensor(variable: TensorValue["variable"], dims: readonly Dim[]): TensorValue {
  return { kind: "tensor", variable, dims };
}

// -------------------------------------------------------------------------------------------------------- families

function unary(name: string, op: ParameterlessPrimitive, compute: (x: number) => number): Builtin {
  return {
    name,
    arity: [1, 1],
    named: [],
    apply: (c) => {
      const [value] = c.args as [Value];
      if (value.kind === "static") return staticNumber(compute(value.value), "float");
      const x = op === "abs" || op === "sign" ? tensorArg(c, 0) : floatArg(c, 0);
      if (!x) return errorValue;
      const input = x.variable.dtype === "bool" ? asFloat(c.cx, x) : x;
      return tensor(c.cx.b.apply(op, input.variable), x.dims);
    },
  };
}

function reduction(name: "sum" | "mean" | "max" | "min"): Builtin["apply"] {
  return (c) => {
    const { b } = c.cx;
    const given = tensorArg(c, 0);
    if (!given) return errorValue;
    const x = name === "mean" || given.variable.dtype === "bool" ? asFloat(c.cx, given) : given;
    const axisValue = c.named.get("axis");
    let axes = x.dims.map((_, i) => i);
    if (axisValue?.kind === "shape" && axisValue.dims.every((d) => d.name === undefined)) {
      axes = axisValue.dims.map((d) => d.size);
      if (axes.some((a) => a >= x.dims.length) || new Set(axes).size < axes.length) {
        return fail(c.cx, {
          code: "M0301",
          title: `${capital(describeValue(x))} does not have these axes`,
          at: c.call.span,
        });
      }
      axes.sort((p, q) => p - q);
    } else if (axisValue !== undefined) {
      const axis = axisArg(c, axisValue, x);
      if (axis === undefined) return errorValue;
      axes = [axis];
    }
    const n = axes.reduce((product, axis) => product * x.dims[axis]!.size, 1);
    let result = x.variable;
    if (name === "min") result = b.apply("neg", b.one("reduce_max", [b.apply("neg", result)], { axes }));
    else if (name === "max") result = b.one("reduce_max", [result], { axes });
    else result = b.sum(result, axes);
    if (name === "mean") result = b.apply("div", result, b.fill(n, result));
    if (flag(c.named.get("keep"))) {
      const dims = x.dims.map((d, i) => axes.includes(i) ? { size: 1 } : d);
      return tensor(b.reshape(result, shapeOf(dims)), dims);
    }
    return tensor(result, x.dims.filter((_, i) => !axes.includes(i)));
  };
}

/** `max(x)`, `max(x, axis = -1)` reduce; `max(a, b)` is elementwise. */
function extremum(name: "max" | "min"): Builtin {
  const compute = name === "max" ? Math.max : Math.min;
  return {
    name,
    arity: [1, 2],
    named: ["axis", "keep"],
    apply: (c) => {
      if (c.args.length === 1) return reduction(name)(c);
      const [a, d] = c.args as [Value, Value];
      if (a.kind === "static" && d.kind === "static") return staticNumber(compute(a.value, d.value));
      const x = tensorArg(c, 0);
      const y = tensorArg(c, 1);
      return x && y ? broadcastBinary(c.cx, name, x, y, c.call.span) : errorValue;
    },
  };
}

function dot(c: BuiltinCall): Value {
  const a = floatArg(c, 0);
  const d = floatArg(c, 1);
  if (!a || !d) return errorValue;
  const last = a.dims.at(-1);
  const first = d.dims[0];
  if (!last || !first) {
    return fail(c.cx, {
      code: "M0301",
      title: `\`dot\` joins axes, and ${describeValue(last ? d : a)} has none`,
      at: c.call.span,
      hint: "multiply by a scalar with `*`",
    });
  }
  if (last.size !== first.size) {
    return fail(c.cx, {
      code: "M0301",
      title: `\`dot\` cannot join ${formatDims(a.dims)} with ${formatDims(d.dims)}`,
      at: c.at(1),
      label: `its first size (${first.size}) must equal the last size (${last.size}) of the other`,
      secondary: [{ span: c.at(0), message: formatDims(a.dims) }, ...declaredLabels([d])],
    });
  }
  const variable = c.cx.b.one("dot_general", [a.variable, d.variable], {
    contractLeft: [a.dims.length - 1],
    contractRight: [0],
    batchLeft: [],
    batchRight: [],
  });
  return tensor(variable, [...a.dims.slice(0, -1), ...d.dims.slice(1)]);
}

function where(c: BuiltinCall): Value {
  const [condition, a, d] = c.args as [Value, Value, Value];
  if (condition.kind === "static") return condition.value !== 0 ? a : d;
  const test = tensorArg(c, 0);
  let x = tensorArg(c, 1);
  let y = tensorArg(c, 2);
  if (!test || !x || !y) return errorValue;
  const { b } = c.cx;
  if (
    x.variable.dtype !== y.variable.dtype || x.variable.dtype === "bool" || a.kind === "static" && d.kind === "static"
  ) {
    x = asFloat(c.cx, x);
    y = asFloat(c.cx, y);
  }
  const inner = broadcastDims(x.dims, y.dims);
  const dims = inner && broadcastDims(test.dims, inner);
  if (!dims) {
    return fail(c.cx, {
      code: "M0301",
      title: `${formatDims(test.dims)}, ${formatDims(x.dims)} and ${
        formatDims(y.dims)
      } do not fit together in \`where\``,
      at: c.call.span,
      secondary: [0, 1, 2].map((i) => ({ span: c.at(i), message: formatDims([test, x!, y!][i]!.dims) })),
    });
  }
  const shape = shapeOf(dims);
  const flagged = test.variable.dtype === "bool" ? test.variable : b.convert(test.variable, "bool");
  return tensor(
    b.apply(
      "select",
      b.broadcastTo(flagged, shape),
      b.broadcastTo(x.variable, shape),
      b.broadcastTo(y.variable, shape),
    ),
    dims,
  );
}

function reshape(c: BuiltinCall): Value {
  const x = tensorArg(c, 0);
  const target = c.args[1]!;
  if (!x || target.kind === "error") return errorValue;
  if (target.kind !== "shape") {
    return fail(c.cx, {
      code: "M0304",
      title: `\`reshape\` takes a shape, not ${describeValue(target)}`,
      at: c.at(1),
      hint: "write sizes in brackets, such as `[n, 4]`, or `shape(p)`",
    });
  }
  if (sizeOf(shapeOf(target.dims)) !== sizeOf(shapeOf(x.dims))) {
    return fail(c.cx, {
      code: "M0301",
      title: `${formatDims(x.dims)} cannot be reshaped to ${formatDims(target.dims)}`,
      at: c.call.span,
      notes: [`They have ${sizeOf(shapeOf(x.dims))} and ${sizeOf(shapeOf(target.dims))} entries`],
    });
  }
  return tensor(c.cx.b.reshape(x.variable, shapeOf(target.dims)), target.dims);
}

function joined(c: BuiltinCall, name: "stack" | "concat"): Value {
  const { b } = c.cx;
  const parts: TensorValue[] = [];
  for (let i = 0; i < c.args.length; i++) {
    const part = tensorArg(c, i);
    if (!part) return errorValue;
    parts.push(part);
  }
  const sameDtype = parts.every((p) => p.variable.dtype === parts[0]!.variable.dtype);
  const inputs = sameDtype ? parts : parts.map((p) => asFloat(c.cx, p));
  const [first] = inputs as [TensorValue, ...TensorValue[]];
  const axis = name === "stack"
    ? axisArg(c, c.named.get("axis") ?? staticNumber(-1), first, 1)
    : axisArg(c, c.named.get("axis") ?? staticNumber(0), first);
  if (axis === undefined) return errorValue;
  const odd = inputs.findIndex((p) =>
    p.dims.length !== first.dims.length ||
    p.dims.some((d, i) => d.size !== first.dims[i]!.size && !(name === "concat" && i === axis))
  );
  if (odd > 0) {
    return fail(c.cx, {
      code: "M0301",
      title: `\`${name}\` cannot join ${formatDims(first.dims)} with ${formatDims(inputs[odd]!.dims)}`,
      at: c.at(odd),
      label: formatDims(inputs[odd]!.dims),
      secondary: [{ span: c.at(0), message: formatDims(first.dims) }],
    });
  }
  if (name === "concat") {
    const size = inputs.reduce((n, p) => n + p.dims[axis]!.size, 0);
    const dims = first.dims.map((d, i) => i === axis ? { size } : d);
    return tensor(b.one("concat", inputs.map((p) => p.variable), { axis }), dims);
  }
  const expand = (dims: readonly Dim[], size: number) => [...dims.slice(0, axis), { size }, ...dims.slice(axis)];
  const rows = inputs.map((p) => b.reshape(p.variable, shapeOf(expand(p.dims, 1))));
  return tensor(b.one("concat", rows, { axis }), expand(first.dims, inputs.length));
}

function distribution(family: BaseDistribution["family"], arity: 1 | 2): Builtin {
  return {
    name: family,
    arity: [arity, arity],
    named: [],
    apply: (c) => {
      for (const value of c.args) {
        if (value.kind === "error") return errorValue;
        if (value.kind !== "static" && value.kind !== "tensor") {
          return fail(c.cx, {
            code: "M0304",
            title: `\`${family}\` takes numbers, not ${describeValue(value)}`,
            at: c.call.span,
          });
        }
      }
      const [x, y] = c.args as [StaticValue | TensorValue, (StaticValue | TensorValue)?];
      const [a, second] = family === "truncated_normal" ? [staticNumber(0, "float"), x] : [x, y!];
      const spread = second.kind === "static" ? second.value : undefined;
      if (family === "uniform" && a.kind === "static" && spread !== undefined && !(a.value <= spread)) {
        return fail(c.cx, { code: "M0304", title: `The interval ${a.value} .. ${spread} is empty`, at: c.call.span });
      }
      if (family !== "uniform" && spread !== undefined && !(spread >= 0)) {
        return fail(c.cx, { code: "M0304", title: `A standard deviation cannot be ${spread}`, at: c.call.span });
      }
      return {
        kind: "distribution",
        description: family,
        computed: a.kind === "tensor" || second.kind === "tensor",
        make: () => ({ kind: "family", family, a, b: second }),
      };
    },
  };
}

function fan(name: "fan_in" | "fan_out"): Builtin {
  return {
    name,
    arity: [0, 0],
    named: [],
    apply: (c) => {
      for (let s: Scope | undefined = c.cx.scope; s; s = s.parent) {
        // written with a blank, so that no program can define it
        const local = s.locals.get(`${name} `);
        if (local) return local.value();
      }
      return fail(c.cx, {
        code: "M0203",
        title: `\`${name}()\` is known only where a distribution is drawn`,
        at: c.call.span,
        notes: ["It comes from the shape that is drawn, so it stands in functions whose value is a distribution"],
      });
    },
  };
}

function shapeBuiltin(c: BuiltinCall): Value {
  const x = tensorArg(c, 0);
  return x ? { kind: "shape", dims: x.dims } : errorValue;
}

function sameShapeBuiltin(c: BuiltinCall): Value {
  const a = tensorArg(c, 0);
  const d = tensorArg(c, 1);
  if (!a || !d) return errorValue;
  const same = a.dims.length === d.dims.length && a.dims.every((dim, i) => dim.size === d.dims[i]!.size);
  if (same) return a;
  const call = c.cx.frames.find((f) => !f.span.source.startsWith("std/"));
  return fail(c.cx, {
    code: "M0307",
    title: `${formatDims(a.dims)} and ${formatDims(d.dims)} must be the same shape${
      call ? ` in \`${call.callee}\`` : ""
    }: losses do not broadcast`,
    at: c.call.span,
    secondary: declaredLabels([a, d]),
    hint: sizeOf(shapeOf(a.dims)) === sizeOf(shapeOf(d.dims))
      ? "`reshape` one of them, or declare both with the same axes"
      : undefined,
  });
}

function sameRows(c: BuiltinCall): Value {
  const a = tensorArg(c, 0);
  const d = tensorArg(c, 1);
  if (!a || !d) return errorValue;
  if (a.variable.dtype === "i32" && a.dims.length === 1 && d.dims.length === 2 && a.dims[0]!.size === d.dims[0]!.size) {
    return a;
  }
  return fail(c.cx, {
    code: "M0307",
    title: a.variable.dtype === "i32"
      ? `${describeValue(a)} labels do not fit logits ${formatDims(d.dims)}: [n] and [n, classes] are needed`
      : `Labels must be int [n], not ${describeValue(a)}`,
    at: c.call.span,
    secondary: declaredLabels([a, d]),
  });
}

const simple = (
  name: string,
  arity: readonly [number, number],
  apply: (c: BuiltinCall) => Value,
  named: readonly string[] = [],
): Builtin => ({ name, arity, named, apply });

/** log(1 + x) and exp(x) - 1 of numbers, as the primitives. */
const list: readonly Builtin[] = [
  unary("exp", "exp", Math.exp),
  unary("expm1", "expm1", Math.expm1),
  unary("log", "log", Math.log),
  unary("log1p", "log1p", Math.log1p),
  unary("sin", "sin", Math.sin),
  unary("cos", "cos", Math.cos),
  unary("tanh", "tanh", Math.tanh),
  unary("sigmoid", "logistic", (x) => 1 / (1 + Math.exp(-x))),
  unary("sqrt", "sqrt", Math.sqrt),
  unary("abs", "abs", Math.abs),
  unary("sign", "sign", Math.sign),
  unary("floor", "floor", Math.floor),
  simple("erf", [1, 1], (c) => {
    const x = floatArg(c, 0);
    return x ? tensor(c.cx.b.apply("erf", x.variable), x.dims) : errorValue;
  }),
  /** 1 where x > 0, else 0; the derivative is 0. */
  simple("step", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    if (!x) return errorValue;
    const { b } = c.cx;
    const positive = b.apply("gt", x.variable, b.fill(0, x.variable));
    return tensor(b.convert(positive, c.cx.elaboration.precision), x.dims);
  }),
  simple("sum", [1, 1], reduction("sum"), ["axis", "keep"]),
  simple("mean", [1, 1], reduction("mean"), ["axis", "keep"]),
  extremum("max"),
  extremum("min"),
  simple("argmax", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    const axis = x && axisArg(c, c.named.get("axis") ?? staticNumber(-1), x);
    if (!x || axis === undefined) return errorValue;
    return tensor(c.cx.b.one("argmax", [x.variable], { axis }), x.dims.filter((_, i) => i !== axis));
  }, ["axis"]),
  simple("mod", [2, 2], (c) => {
    const x = tensorArg(c, 0);
    const y = tensorArg(c, 1);
    return x && y ? broadcastBinary(c.cx, "mod", x, y, c.call.span) : errorValue;
  }),
  simple("where", [3, 3], where),
  simple("dot", [2, 2], dot),
  simple("reshape", [2, 2], reshape),
  simple("shape", [1, 1], shapeBuiltin),
  simple("size", [1, 2], (c) => {
    const x = tensorArg(c, 0);
    if (!x) return errorValue;
    if (c.args.length === 1) return staticNumber(sizeOf(shapeOf(x.dims)), "int");
    const axis = axisArg(c, c.args[1], x);
    return axis === undefined
      ? errorValue
      : { kind: "shape", dims: [{ name: String(x.dims[axis]!.size), ...x.dims[axis]! }] };
  }),
  simple("ravel", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    if (!x) return errorValue;
    const dims = x.dims.length === 1 ? x.dims : [{ size: sizeOf(shapeOf(x.dims)) }];
    return tensor(c.cx.b.reshape(x.variable, shapeOf(dims)), dims);
  }),
  simple("flatten", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    if (!x) return errorValue;
    if (x.dims.length < 2) return x;
    const dims = x.dims.length === 2 ? x.dims : [x.dims[0]!, { size: sizeOf(shapeOf(x.dims.slice(1))) }];
    return tensor(c.cx.b.reshape(x.variable, shapeOf(dims)), dims);
  }),
  simple("stack", [1, 64], (c) => joined(c, "stack"), ["axis"]),
  simple("concat", [1, 64], (c) => joined(c, "concat"), ["axis"]),
  simple("expand_dims", [2, 2], (c) => {
    const x = tensorArg(c, 0);
    const axis = x && axisArg(c, c.args[1], x, 1);
    if (!x || axis === undefined) return errorValue;
    const dims = [...x.dims.slice(0, axis), { size: 1 }, ...x.dims.slice(axis)];
    return tensor(c.cx.b.reshape(x.variable, shapeOf(dims)), dims);
  }),
  simple("transpose", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    if (!x) return errorValue;
    const permutation = x.dims.map((_, i) => x.dims.length - 1 - i);
    return tensor(c.cx.b.one("transpose", [x.variable], { permutation }), permutation.map((i) => x.dims[i]!));
  }),
  simple("stop_gradient", [1, 1], (c) => {
    const x = floatArg(c, 0);
    return x ? tensor(c.cx.b.apply("stop_gradient", x.variable), x.dims) : errorValue;
  }),
  /** 0, 1, … n - 1 as integers. */
  simple("range", [1, 1], (c) => {
    const n = integerArg(c, c.args[0], "the length", undefined);
    if (n === undefined) return errorValue;
    if (n < 1) return fail(c.cx, { code: "M0306", title: "`range` needs a positive length", at: c.call.span });
    return tensor(c.cx.b.one("iota", [], { type: { dtype: "i32", shape: [n] }, axis: 0 }), [{ size: n }]);
  }),
  simple("same_shape", [2, 2], sameShapeBuiltin),
  simple("same_rows", [2, 2], sameRows),
  distribution("uniform", 2),
  distribution("normal", 2),
  distribution("truncated_normal", 1),
  fan("fan_in"),
  fan("fan_out"),
];

/** The builtins by name. */
export const builtins: ReadonlyMap<string, Builtin> = new Map(list.map((b) => [b.name, b]));

/** True for arrays that gradients flow through. */
export function isDifferentiable(x: TensorValue): boolean {
  return isFloat(x.variable.dtype);
}
