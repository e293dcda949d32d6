// How does a primitive run for all iterations of a map at once? One rule per primitive, total over the closed list. The
// batch axis always leads: one convention for every rule; pairs of transposes that this leaves cancel in the builder.
import { elementwiseRows, type PrimitiveName, requestRows, type Variable } from "../ir/types.ts";
import { InternalError } from "../errors.ts";
import { type BatchRule, lead, mappedOutput, moveAxis } from "./batching.ts";
import { convBatch, convFilterGradientBatch, convInputGradientBatch } from "./batch_convolution.ts";
import { mapBatch, scanBatch } from "./batch_structured.ts";

/** Entry by entry: every input gets the axis. Parameters do not speak of axes. */
function elementwise<P extends PrimitiveName>(op: P): BatchRule<P> {
  return ({ b, inputs, mapped, length, params }) =>
    mappedOutput(b.one(op, inputs.map((x, i) => lead(b, x, mapped[i]!, length)), params));
}

/** Nothing to map: no inputs. */
function source<P extends PrimitiveName>(op: P): BatchRule<P> {
  return () => {
    throw new InternalError(`A mapped value reached ${op}, which has no inputs`);
  };
}

const shifted = (axes: readonly number[]) => axes.map((axis) => axis + 1);

/** Leading batch axes are there already in key and counter. */
const randomBits: BatchRule<"random_bits"> = elementwise("random_bits");

const concat: BatchRule<"concat"> = ({ b, inputs, mapped, length, params }) =>
  mappedOutput(
    b.one("concat", inputs.map((x, i) => lead(b, x, mapped[i]!, length)), { axis: params.axis + 1 }),
  );

const gather: BatchRule<"gather"> = ({ b, inputs, mapped, length, params: { axis, batch } }) => {
  const [x, indices] = inputs as [Variable, Variable];
  if (batch === 0 && !mapped[1]) return mappedOutput(b.one("gather", [x, indices], { axis: axis + 1, batch }));
  if (batch === 0 && !mapped[0]) {
    // [P, n, Q] read at [batch, I]: [P, batch, I, Q]
    return mappedOutput(moveAxis(b, b.one("gather", [x, indices], { axis, batch }), axis, 0));
  }
  const both = [lead(b, x, mapped[0]!, length), lead(b, indices, mapped[1]!, length)];
  return mappedOutput(b.one("gather", both, { axis: axis + 1, batch: batch + 1 }));
};

const scatterAdd: BatchRule<"scatter_add"> = ({ b, inputs, mapped, length, params: { axis, batch, size } }) => {
  if (batch === 0 && !mapped[1]) return mappedOutput(b.one("scatter_add", inputs, { axis: axis + 1, batch, size }));
  const both = inputs.map((x, i) => lead(b, x, mapped[i]!, length));
  return mappedOutput(b.one("scatter_add", both, { axis: axis + 1, batch: batch + 1, size }));
};

/** With both operands mapped the axis is one more batch axis; with one, it is one more free axis of that operand, and the
 *  other operand is not repeated. */
const dotGeneral: BatchRule<"dot_general"> = ({ b, inputs, mapped, params: p }) => {
  const [x, y] = inputs;
  const left = mapped[0] ? shifted : (axes: readonly number[]) => axes;
  const right = mapped[1] ? shifted : (axes: readonly number[]) => axes;
  const params = {
    contractLeft: left(p.contractLeft),
    contractRight: right(p.contractRight),
    batchLeft: left(p.batchLeft),
    batchRight: right(p.batchRight),
  };
  if (mapped[0] && mapped[1]) {
    const batchLeft = [0, ...params.batchLeft];
    return mappedOutput(b.one("dot_general", inputs, { ...params, batchLeft, batchRight: [0, ...params.batchRight] }));
  }
  const batches = p.batchLeft.length;
  if (mapped[0]) return mappedOutput(moveAxis(b, b.one("dot_general", inputs, params), batches, 0));
  const freeLeft = x!.shape.length - batches - p.contractLeft.length;
  const freeRight = y!.shape.length - 1 - batches - p.contractRight.length;
  if (batches === 0 && freeRight === 0) {
    // The other way round the axis comes out in front
    return mappedOutput(b.one("dot_general", [y!, x!], {
      contractLeft: params.contractRight,
      contractRight: params.contractLeft,
      batchLeft: [],
      batchRight: [],
    }));
  }
  return mappedOutput(moveAxis(b, b.one("dot_general", inputs, params), batches + freeLeft, 0));
};

/** Systems with one matrix: every iteration's right sides are more columns, and the matrix is factored once. */
const solve: BatchRule<"solve"> = ({ b, inputs, mapped, length }) => {
  const [a, y] = inputs;
  if (mapped[0]) return mappedOutput(b.apply("solve", a!, lead(b, y!, mapped[1]!, length)));
  const rank = y!.shape.length;
  const columns = moveAxis(b, y!, 0, rank - 2); // [...B, n, length, k]
  const flat = b.reshape(columns, [...columns.shape.slice(0, -2), length * columns.shape[rank - 1]!]);
  const solved = b.reshape(b.apply("solve", a!, flat), columns.shape);
  return mappedOutput(moveAxis(b, solved, rank - 2, 0));
};

/** The table of batching rules. A primitive without a rule does not compile. */
export const batchRules: { readonly [P in PrimitiveName]: BatchRule<P> } = {
  constant: source("constant"),
  iota: source("iota"),
  random_bits: randomBits,
  ...elementwiseRows(elementwise),
  stop_gradient: elementwise("stop_gradient"),
  reduce_sum: ({ b, inputs, params }) => mappedOutput(b.sum(inputs[0]!, shifted(params.axes))),
  reduce_max: ({ b, inputs, params }) => mappedOutput(b.one("reduce_max", inputs, { axes: shifted(params.axes) })),
  argmax: ({ b, inputs, params }) => mappedOutput(b.one("argmax", inputs, { axis: params.axis + 1 })),
  reshape: ({ b, inputs, length, params }) => mappedOutput(b.reshape(inputs[0]!, [length, ...params.shape])),
  transpose: ({ b, inputs, params }) =>
    mappedOutput(b.one("transpose", inputs, { permutation: [0, ...shifted(params.permutation)] })),
  broadcast: ({ b, inputs, length, params }) =>
    mappedOutput(
      b.one("broadcast", inputs, { shape: [length, ...params.shape], axes: [0, ...shifted(params.axes)] }),
    ),
  slice: ({ b, inputs, length, params }) =>
    mappedOutput(
      b.one("slice", inputs, {
        start: [0, ...params.start],
        limit: [length, ...params.limit],
        stride: [1, ...params.stride],
      }),
    ),
  pad: ({ b, inputs, params }) =>
    mappedOutput(
      b.one("pad", inputs, {
        low: [0, ...params.low],
        high: [0, ...params.high],
        interior: [0, ...params.interior],
      }),
    ),
  concat,
  reverse: ({ b, inputs, params }) => mappedOutput(b.one("reverse", inputs, { axes: shifted(params.axes) })),
  gather,
  scatter_add: scatterAdd,
  dot_general: dotGeneral,
  conv: convBatch,
  conv_input_gradient: convInputGradientBatch,
  conv_filter_gradient: convFilterGradientBatch,
  solve,
  scan: scanBatch,
  map: mapBatch,
  ...requestRows((op) => () => {
    throw new InternalError(`${op} must be expanded before it is batched`);
  }),
};
