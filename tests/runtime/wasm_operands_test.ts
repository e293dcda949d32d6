// Does `wasm` compute the same as `reference` wherever the operands of an equation come from? Every routine and product, in loops
// within loops, with operands that are one value, constants, inputs, views of these, results from outside, or of a loop's step.
// What is summed are integers, so that every sum is exact and its order does not matter.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Builder } from "../../runtime/ir/builder.ts";
import { type ArrayType, type HostArray, type IrFunction, sizeOf, type Variable } from "../../runtime/ir/types.ts";
import { allocate } from "../../runtime/ir/types.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { cases, some } from "../thorough.ts";

const alone = makeWasmBackend({ threads: 1 });
const shared = makeWasmBackend({ threads: 3, millisecondsPerThread: 0 });

/** An operand: its type, and its entries are in 0 .. below - 1. */
interface Operand extends ArrayType {
  readonly below: number;
}

const numbers = (...shape: number[]): Operand => ({ dtype: "f64", shape, below: 5 });
const indices = (below: number, ...shape: number[]): Operand => ({ dtype: "i32", shape, below });

/** The equations that read whole arrays: the operands of each and what it makes of them. */
const equations: Readonly<
  Record<string, { readonly operands: readonly Operand[]; readonly write: (b: Builder, x: Variable[]) => Variable }>
> = {
  gather: {
    operands: [numbers(4, 3), indices(4, 5)],
    write: (b, x) => b.one("gather", x, { axis: 0, batch: 0 }),
  },
  "gather along the last axis of a batch": {
    operands: [numbers(2, 3, 4), indices(4, 2, 3)],
    write: (b, x) => b.one("gather", x, { axis: 2, batch: 1 }),
  },
  scatter_add: {
    operands: [numbers(5, 3), indices(4, 5)],
    write: (b, x) => b.one("scatter_add", x, { axis: 0, batch: 0, size: 4 }),
  },
  argmax: { operands: [numbers(2, 17)], write: (b, x) => b.one("argmax", x, { axis: 1 }) },
  "argmax of few": { operands: [numbers(5, 2)], write: (b, x) => b.one("argmax", x, { axis: 0 }) },
  // the first operand is made regular: 8 on the diagonal beside the entries
  solve: {
    operands: [numbers(3, 3), numbers(3, 2)],
    write: (b, [a, x]) => {
      const diagonal = b.literal(Float64Array.from([16, 0, 0, 0, 16, 0, 0, 0, 16]), numbers(3, 3));
      return b.apply("solve", b.apply("add", a!, diagonal), x!);
    },
  },
  "solve as it is": { operands: [numbers(1, 1), numbers(1, 4)], write: (b, x) => b.apply("solve", ...x) },
  random_bits: {
    operands: [indices(9, 2), indices(9, 3)],
    write: (b, x) => b.one("random_bits", x, { shape: [6] }),
  },
  "random_bits of several": {
    operands: [indices(9, 3, 2), indices(9, 3, 3)],
    write: (b, x) => b.one("random_bits", x, { shape: [3] }),
  },
  dot_general: {
    operands: [numbers(6, 5), numbers(7, 5)],
    write: (b, x) => b.one("dot_general", x, { contractLeft: [1], contractRight: [1], batchLeft: [], batchRight: [] }),
  },
  "dot_general of batches": {
    operands: [numbers(2, 5, 4), numbers(2, 4, 6)],
    write: (b, x) =>
      b.one("dot_general", x, { contractLeft: [2], contractRight: [1], batchLeft: [0], batchRight: [0] }),
  },
  conv: {
    operands: [numbers(2, 2, 4, 4), numbers(3, 2, 2, 2)],
    write: (b, x) => b.one("conv", x, { ...plainConvolution, padding: [[1, 0], [0, 1]] }),
  },
  conv_input_gradient: {
    operands: [numbers(2, 3, 3, 3), numbers(3, 2, 2, 2)],
    write: (b, x) => b.one("conv_input_gradient", x, { ...plainConvolution, inputSize: [4, 4] }),
  },
  conv_filter_gradient: {
    operands: [numbers(2, 2, 4, 4), numbers(2, 3, 3, 3)],
    write: (b, x) => b.one("conv_filter_gradient", x, { ...plainConvolution, kernelSize: [2, 2] }),
  },
  concat: { operands: [numbers(2, 3), numbers(4, 3)], write: (b, x) => b.one("concat", x, { axis: 0 }) },
  pad: { operands: [numbers(2, 3)], write: (b, x) => b.one("pad", x, { low: [1, 0], high: [0, 2], interior: [1, 0] }) },
  reduce_max: { operands: [numbers(4, 3)], write: (b, x) => b.one("reduce_max", x, { axes: [0] }) },
  "a reshape that steps cannot say": {
    operands: [numbers(4, 3)],
    write: (b, x) => b.reshape(b.one("transpose", x, { permutation: [1, 0] }), [2, 6]),
  },
};

const plainConvolution = {
  stride: [1, 1],
  padding: [[0, 0], [0, 0]],
  dilation: [1, 1],
  groups: 1,
} as const;

/** Where an operand comes from. */
const sources = [
  ...["one value", "constant", "input", "row outside", "transposed outside", "broadcast outside"] as const,
  ...["computed outside", "outer step", "step", "transposed step", "computed in the step", "carried"] as const,
];
type Source = typeof sources[number];

type Level = "map" | "scan" | "reverse scan";
const contexts: readonly (readonly Level[])[] = [
  [],
  ["map"],
  ["scan"],
  ["map", "scan"],
  ["scan", "map"],
  ["scan", "scan"],
  ["map", "map"],
  ["map", "reverse scan", "map"],
];

/** Writes functions of one equation within loops and their inputs. */
class Written {
  readonly root = new Builder("operands");
  readonly inputs: { readonly type: Operand; readonly variable: Variable }[] = [];
  #state = 7;

  next(below: number): number {
    this.#state = this.#state * 48271 % 2147483647;
    return this.#state % below;
  }

  data(type: Operand) {
    const data = allocate(type.dtype, sizeOf(type.shape));
    for (let i = 0; i < data.length; i++) data[i] = this.next(type.below);
    return data;
  }

  input({ dtype, shape, below }: Operand): Variable {
    const type = { dtype, shape, below };
    const variable = this.root.input(type);
    this.inputs.push({ type, variable });
    return variable;
  }

  values(): HostArray[] {
    return this.inputs.map(({ type }) => ({ dtype: type.dtype, shape: type.shape, data: this.data(type) }));
  }
}

const length = 3;

function functionOf(name: string, from: readonly Source[], context: readonly Level[]) {
  const { operands, write } = equations[name]!;
  const w = new Written();
  const { root } = w;
  const zero = (type: Operand) => w.input({ ...type, below: 1 });
  // what is made outside
  const outside = operands.map((type, i): Variable | undefined => {
    const { shape } = type;
    switch (from[i]) {
      case "constant":
        return root.literal(w.data(type), type);
      case "input":
        return w.input(type);
      case "row outside":
        return root.reshape(root.rows(w.input({ ...type, shape: [3, ...shape] }), 1, 2), shape);
      case "transposed outside":
        return turned(root, w.input({ ...type, shape: shape.toReversed() }));
      case "broadcast outside":
        return root.broadcastTo(w.input({ ...type, shape: shape.slice(-1) }), shape);
      case "computed outside":
        return root.apply("add", w.input(type), zero(type));
    }
    return undefined;
  });
  // the steps of each level that has them, and what is carried: largest entries so far
  const stacks = operands.map((type, i): Variable | undefined => {
    const of = (shape: readonly number[]) => w.input({ ...type, shape: [length, ...shape] });
    switch (from[i]) {
      case "outer step":
      case "step":
      case "computed in the step":
      case "carried":
        return of(type.shape);
      case "transposed step":
        return of(type.shape.toReversed());
    }
    return undefined;
  });
  const start = operands.map((type, i) => from[i] === "carried" ? w.input(type) : undefined);
  const zeros = operands.map((type, i) => from[i] === "computed in the step" ? zero(type) : undefined);

  const level = (at: number, b: Builder, rows: readonly (Variable | undefined)[]): readonly Variable[] => {
    if (at === context.length) {
      const read = operands.map((type, i): Variable => {
        // without a loop, a step is the input's first
        const row = () => rows[i] ?? b.reshape(b.rows(stacks[i]!, 0, 1), stacks[i]!.shape.slice(1));
        switch (from[i]) {
          case "one value":
            return b.fill(type.below - 2, type);
          case "outer step":
          case "step":
            return row();
          case "carried":
            return b.apply("max", row(), start[i]!);
          case "transposed step":
            return turned(b, row());
          case "computed in the step":
            return b.apply("add", row(), zeros[i]!);
        }
        return outside[i]!;
      });
      return [write(b, read)];
    }
    const last = at === context.length - 1;
    // of the innermost loop that has one
    const sliced = operands.map((_, i) => stacks[i] && (from[i] === "outer step" ? at === 0 : last));
    if (context[at] === "map") {
      const scope = b.openMap(`map${at}`, length);
      const own = rows.map((row, i) => sliced[i] ? scope.slice(stacks[i]!) : row);
      return scope.close(level(at + 1, scope.body, own));
    }
    const scope = b.openScan(`scan${at}`, length, { reverse: context[at] === "reverse scan" });
    const carried = operands.map((_, i) => from[i] === "carried" ? scope.carry(start[i]!) : undefined);
    const count = scope.carry(b.fill(0, numbers()));
    const own = rows.map((row, i) => sliced[i] ? scope.slice(stacks[i]!) : row);
    const kept = carried.map((x, i) => x && own[i] ? scope.body.apply("max", x, own[i]!) : x);
    const made = level(at + 1, scope.body, own.map((row, i) => kept[i] ?? row));
    const sum = scope.body.sum(scope.body.apply("floor", scope.body.convert(made[0]!, "f64")));
    const next = [...kept.filter((x) => x !== undefined), scope.body.apply("add", count, sum)];
    const closed = scope.close(next, made);
    return [...closed.outputs, ...closed.carry];
  };
  const outputs = level(0, root, operands.map(() => undefined));
  return { fn: root.finish(outputs), values: w.values() };
}

function turned(b: Builder, x: Variable): Variable {
  return b.one("transpose", [x], { permutation: x.shape.map((_, i) => i).toReversed() });
}

function compare({ fn, values }: { fn: IrFunction; values: HostArray[] }, label: string, backend = alone): void {
  const executable = backend.compile(fn);
  const actual = executable.run(values);
  executable.dispose();
  const expected = referenceBackend.compile(fn).run(values);
  expected.forEach(({ data }, k) => assertEquals([...actual[k]!.data], [...data], `${label}: output ${k}`));
}

const labelOf = (name: string, from: readonly Source[], context: readonly Level[]) =>
  `${name} of ${from.join(" and ")} in ${context.join(" in ") || "no loop"}`;

for (const [name, { operands }] of Object.entries(equations)) {
  Deno.test(`wasm computes ${name} of one value for all entries, and of constants, in all loops`, () => {
    const known = (source: Source) => source === "one value" || source === "constant";
    const ways = operands.length === 1
      ? sources.map((a) => [a])
      : sources.flatMap((a) => sources.filter((b) => known(a) || known(b)).map((b) => [a, b]));
    const all = contexts.flatMap((context) => ways.map((from) => ({ context, from })));
    for (const { context, from } of some(all, 12)) {
      compare(functionOf(name, from, context), labelOf(name, from, context));
    }
  });
}

Deno.test("wasm computes the same wherever operands come from, on one thread and on three", () => {
  const source = fc.constantFrom(...sources);
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(equations)),
      source,
      source,
      fc.constantFrom(...contexts),
      (name, a, b, context) => {
        const from = [a, b].slice(0, equations[name]!.operands.length);
        const made = functionOf(name, from, context);
        compare(made, labelOf(name, from, context));
        compare(made, `${labelOf(name, from, context)}, three threads`, shared);
      },
    ),
    { numRuns: cases(30, 200), seed: 1 },
  );
});
