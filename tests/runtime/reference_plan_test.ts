// Does the reference backend keep every value apart for as long as it is needed? Random programs with loops, reshapes and
// carries that change places are compared with the naive implementation, bit by bit; then the contracts of `run`.
import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type ArrayType,
  type DType,
  type Equation,
  type HostArray,
  type IrFunction,
  type PrimitiveName,
  type PrimitiveParameters,
  sizeOf,
  type Variable,
} from "../../runtime/ir/types.ts";
import { buildFunction, newVariable, sameType } from "../../runtime/ir/builder.ts";
import { inferTypes } from "../../runtime/ir/shapes.ts";
import { InternalError, MetaRuntimeError } from "../../runtime/errors.ts";
import { makeReferenceBackend, referenceBackend } from "../../runtime/backend/reference/index.ts";
import { planMemory } from "../../runtime/backend/reference/plan.ts";
import { formatPlan } from "../../runtime/backend/reference/plan_text.ts";
import { evaluateNaively, TestRandom, toHost } from "./reference_naive.ts";
import { cases } from "../thorough.ts";

/** Writes one random function; everything written is a candidate for being read or returned. */
class RandomWriter {
  readonly equations: Equation[] = [];
  readonly pool: Variable[];
  constructor(readonly r: TestRandom, readonly inputs: readonly Variable[]) {
    this.pool = [...inputs];
  }

  emit<P extends PrimitiveName>(op: P, inputs: readonly Variable[], params: PrimitiveParameters[P]): Variable {
    const outputs = inferTypes(op, inputs, params).map((type) => newVariable(type));
    this.equations.push({ op, inputs, outputs, params, origin: undefined } as unknown as Equation);
    this.pool.push(...outputs);
    return outputs[0]!;
  }

  float(): Variable {
    return this.r.pick(this.pool.filter((x) => x.dtype === "f32" || x.dtype === "f64"));
  }

  /** A variable of the same type as another, often the same one. */
  like(x: ArrayType): Variable {
    const candidates = this.pool.filter((y) => sameType(x, y));
    return this.r.next() < 0.5 ? candidates.at(-1)! : this.r.pick(candidates);
  }

  stacked(length: number): Variable {
    const x = this.r.pick(this.pool.filter((y) => sizeOf(y.shape) <= 12));
    const shape = [length, ...x.shape];
    return this.emit("broadcast", [this.r.next() < 0.5 ? x : this.like(x)], {
      shape,
      axes: x.shape.map((_, i) => i + 1),
    });
  }

  step(depth: number): void {
    const r = this.r;
    const x = this.float();
    const rank = x.shape.length;
    const choices: (() => void)[] = [
      () => this.emit(r.pick(["neg", "abs", "sin", "tanh"] as const), [x], {}),
      () => this.emit(r.pick(["add", "sub", "mul", "max"] as const), [x, this.like(x)], {}),
      () => this.emit("select", [this.emit("lt", [x, this.like(x)], {}), this.like(x), this.like(x)], {}),
      () => this.emit("reshape", [x], { shape: r.pick([[sizeOf(x.shape)], [1, ...x.shape], [...x.shape, 1]]) }),
      () => this.emit("stop_gradient", [x], {}),
      () => this.emit("convert", [x], { dtype: r.pick(["f32", "f64"] as const) }),
      () => this.emit("constant", [], { type: { dtype: x.dtype, shape: x.shape }, data: Float64Array.of(r.next()) }),
      () => rank > 0 && this.emit("reverse", [x], { axes: [rank - 1] }),
      () => rank > 0 && this.emit("reduce_sum", [x], { axes: [r.between(0, rank - 1)] }),
      () => rank > 1 && this.emit("transpose", [x], { permutation: x.shape.map((_, i) => rank - 1 - i) }),
      () =>
        rank < 3 && sizeOf(x.shape) < 20 && this.emit("broadcast", [x], {
          shape: [2, ...x.shape],
          axes: x.shape.map((_, i) => i + 1),
        }),
      () =>
        rank === 2 && sizeOf(x.shape) < 20 &&
        this.emit("dot_general", [x, this.like(x)], {
          contractLeft: [1],
          contractRight: [1],
          batchLeft: [],
          batchRight: [],
        }),
    ];
    if (depth > 0) choices.push(() => this.loop(depth, true), () => this.loop(depth, false));
    r.pick(choices)();
  }

  loop(depth: number, isScan: boolean): void {
    const r = this.r;
    const length = r.pick([0, 1, 2, 3]);
    const several = (low: number, make: () => Variable) => Array.from({ length: r.between(low, 2) }, make);
    const small = () => {
      const candidates = this.pool.filter((x) => sizeOf(x.shape) <= 12);
      return r.next() < 0.5 ? candidates.at(-1)! : r.pick(candidates);
    };
    const constants = several(0, small);
    const first = small();
    // carries of one type are what can change places
    const carry = isScan ? [first, ...several(0, () => r.next() < 0.7 ? this.like(first) : small())] : [];
    const slices = several(isScan ? 0 : 1, () => this.stacked(length));
    const types = [...constants, ...carry, ...slices.map((x) => ({ dtype: x.dtype, shape: x.shape.slice(1) }))];
    const body = randomFunction(r, types, { depth: depth - 1, returned: carry });
    if (isScan) {
      const params = { body, length, constants: constants.length, carry: carry.length, reverse: r.next() < 0.5 };
      this.emit("scan", [...constants, ...carry, ...slices], params);
    } else this.emit("map", [...constants, ...slices], { body, length, constants: constants.length });
  }
}

/** A random function of some inputs that returns values of the types `returned`, then a few others. */
function randomFunction(
  r: TestRandom,
  inputTypes: readonly ArrayType[],
  { depth, returned }: { depth: number; returned: readonly ArrayType[] },
): IrFunction {
  const inputs = inputTypes.map((type) => newVariable(type));
  const w = new RandomWriter(r, inputs);
  w.emit("constant", [], { type: { dtype: "f64", shape: [2, 3] }, data: Float64Array.of(1, 2, 3, 4, 5, 6) });
  const steps = r.between(1, 12);
  for (let i = 0; i < steps; i++) w.step(depth);
  const others = Array.from({ length: r.between(1, 3) }, () => r.pick(w.pool));
  return {
    name: "random",
    inputs,
    equations: w.equations,
    outputs: [...returned.map((type) => w.like(type)), ...others],
  };
}

function assertSameBits(
  actual: readonly HostArray[],
  expected: readonly { values: readonly number[] }[],
  label: string,
) {
  assertEquals(actual.length, expected.length);
  actual.forEach((array, i) => {
    const wanted = expected[i]!.values;
    assertEquals(array.data.length, wanted.length, label);
    for (let k = 0; k < wanted.length; k++) {
      assert(
        Object.is(array.data[k], wanted[k]),
        `${label}, output ${i}[${k}]: ${array.data[k]}, expected ${wanted[k]}`,
      );
    }
  });
}

Deno.test("random programs give the same bits as the naive implementation, in every run", () => {
  const types: ArrayType[] = [
    { dtype: "f64", shape: [2, 3] },
    { dtype: "f32", shape: [3] },
    { dtype: "f64", shape: [] },
    { dtype: "f64", shape: [2, 3] },
  ];
  for (let seed = 0; seed < cases(60, 600); seed++) {
    const r = new TestRandom(seed);
    const fn = randomFunction(r, types, { depth: 2, returned: [] });
    const executable = referenceBackend.compile(fn);
    let kept: { outputs: readonly HostArray[]; copy: readonly HostArray[] } | undefined;
    for (let run = 0; run < 3; run++) {
      const inputs = types.map((type) => r.array(type.dtype, type.shape, 0));
      const host = inputs.map(toHost);
      const outputs = executable.run(host);
      assertSameBits(outputs, evaluateNaively(fn, inputs), `seed ${seed}, run ${run}`);
      assertEquals(host, inputs.map(toHost), `seed ${seed}: an input was changed`);
      assertEquals(executable.run(host), outputs, `seed ${seed}: a second run differs`);
      if (kept) assertEquals(kept.outputs, kept.copy, `seed ${seed}: an earlier output was changed`);
      kept = { outputs, copy: structuredClone(outputs) };
    }
  }
});

const vector: ArrayType = { dtype: "f32", shape: [3] };
const host = (...values: number[]): HostArray => ({
  dtype: "f32",
  shape: [values.length],
  data: Float32Array.from(values),
});

Deno.test("run() returns arrays of its own when an output is an input, a constant, or another output", () => {
  const fn = buildFunction("aliases", [vector], (b, [x]) => {
    const reshaped = b.reshape(x!, [3, 1]);
    return [x!, x!, reshaped, b.fill(7, vector), b.apply("stop_gradient", x!)];
  });
  const executable = referenceBackend.compile(fn);
  const input = host(1, 2, 3);
  const outputs = executable.run([input]);
  assertEquals(outputs.map((x) => [...x.data]), [[1, 2, 3], [1, 2, 3], [1, 2, 3], [7, 7, 7], [1, 2, 3]]);
  assertEquals(outputs[2]!.shape, [3, 1]);
  for (const output of outputs) {
    assertNotStrictEquals(output.data.buffer, input.data.buffer);
    output.data.fill(-1);
  }
  assertEquals([...input.data], [1, 2, 3]);
  assertEquals(executable.run([input]).map((x) => x.data[0]), [1, 1, 1, 7, 1]);
});

Deno.test("run() takes inputs that are views into larger arrays, and the same array twice", () => {
  const fn = buildFunction("sum", [vector, vector], (b, [x, y]) => [b.apply("add", x!, y!)]);
  const x: HostArray = { ...vector, data: new Float32Array([9, 1, 2, 3, 9]).subarray(1, 4) };
  assertEquals([...referenceBackend.compile(fn).run([x, x])[0]!.data], [2, 4, 6]);
});

Deno.test("run() rejects inputs that do not fit, with the input's name", () => {
  const fn = buildFunction("step", [{ ...vector, name: "weights" } as ArrayType], (b, [x]) => [b.apply("neg", x!)]);
  const { run } = referenceBackend.compile(fn);
  const call = (...inputs: HostArray[]) => () => run.call(referenceBackend.compile(fn), inputs);
  assertThrows(call(), TypeError, "Cannot run step: it takes 1 inputs, not 0");
  assertThrows(
    call({ dtype: "f64", shape: [3], data: new Float64Array(3) }),
    TypeError,
    "Cannot run step: input 0 (weights) has dtype f64, expected f32",
  );
  assertThrows(call(host(1, 2)), RangeError, "input 0 (weights) is f32[2], expected f32[3]");
  assertThrows(call({ ...vector, data: new Float64Array(3) }), TypeError, "is stored in Float64Array, not as f32");
  assertThrows(call({ ...vector, data: new Float32Array(2) }), RangeError, "has 2 values, expected 3");
});

Deno.test("run() after dispose() fails, and dispose() may be called twice", () => {
  const executable = referenceBackend.compile(buildFunction("id", [vector], (_b, [x]) => [x!]));
  executable.dispose();
  executable.dispose();
  assertThrows(() => executable.run([host(1, 2, 3)]), TypeError, "it was disposed of");
});

Deno.test("compile() refuses a function that needs more than the memory limit, and names its largest array's place", () => {
  const shape = [100_000, 100_000];
  const origin = { source: "big.meta", start: 3, end: 9 };
  const fn = buildFunction("outer", [{ dtype: "f32", shape: [100_000] }], (b, [x]) => {
    b.origin = origin;
    const product = b.one("dot_general", [x!, x!], {
      contractLeft: [],
      contractRight: [],
      batchLeft: [],
      batchRight: [],
    });
    return [b.sum(b.one("transpose", [product], { permutation: [1, 0] }), [0])];
  });
  assertEquals(sizeOf(shape), 1e10);
  const error = assertThrows(
    () => referenceBackend.compile(fn),
    MetaRuntimeError,
    "Cannot run outer: it needs 80 GB, more than the limit of 8 GB; its largest array takes 40 GB",
  );
  assertStrictEquals((error as MetaRuntimeError).origin, origin);
  assertThrows(
    () =>
      makeReferenceBackend({ memoryLimitBytes: 1e18 }).compile(
        buildFunction("huge", [{ dtype: "f64", shape: [1e8, 1e6] }], (_b, [x]) => [x!]),
      ),
    MetaRuntimeError,
    "more than can be allocated here",
  );
});

const chain = (length: number, shape: readonly number[], dtype: DType = "f32") =>
  buildFunction("chain", [{ dtype, shape }], (b, [x]) => {
    let y = x!;
    for (let i = 0; i < length; i++) {
      const row = b.reshape(b.apply("exp", y), [1, ...shape]);
      y = b.sum(b.broadcastTo(b.apply("tanh", row), [2, ...shape]), [0]);
    }
    return [y];
  });

Deno.test("plannedBytes does not grow with the length of a chain", () => {
  const bytes = (length: number) => referenceBackend.compile(chain(length, [1000])).plannedBytes;
  assertEquals(bytes(50), bytes(2));
  assert(bytes(50) <= 4 * 4096, `${bytes(50)} bytes`);
});

Deno.test("a carry whose last reader makes its successor is updated in place, and reshapes take no memory", () => {
  const fn = buildFunction("train", [vector, vector], (b, [w, g]) => {
    const scope = b.openScan("body", 4);
    const carry = scope.carry(w!);
    const step = scope.body.apply("mul", g!, scope.body.fill(0.5, vector));
    const next = scope.body.reshape(scope.body.reshape(scope.body.apply("sub", carry, step), [1, 3]), [3]);
    return [scope.close([next], []).carry[0]!];
  });
  assertEquals(
    formatPlan(planMemory(fn)),
    `train: 256 bytes, 64 of them constants
  f32[3]@0 = scan
    f32[3]@0 = mul
    f32[3]@^0 = sub
`,
  );
  assertEquals([...referenceBackend.compile(fn).run([host(1, 2, 3), host(2, 2, 2)])[0]!.data], [-3, -2, -1]);
});

Deno.test("carries that change places in the body change places", () => {
  const fn = buildFunction("rotate", [vector, vector, vector], (b, [x, y, z]) => {
    const scope = b.openScan("body", 4);
    const [a, c, d] = [scope.carry(x!), scope.carry(y!), scope.carry(z!)];
    return scope.close([c, d, scope.body.reshape(a, [3])], [a]).carry;
  });
  const outputs = referenceBackend.compile(fn).run([host(1, 1, 1), host(2, 2, 2), host(3, 3, 3)]);
  assertEquals(outputs.map((x) => x.data[0]), [2, 3, 1]);
});

Deno.test("an initial carry that is also a constant of the loop stays as it was", () => {
  const fn = buildFunction("twice", [vector], (b, [x]) => {
    const initial = b.apply("exp", x!);
    const scope = b.openScan("body", 3);
    const carry = scope.carry(initial);
    return scope.close([scope.body.apply("add", carry, initial)], []).carry;
  });
  assertEquals([...referenceBackend.compile(fn).run([host(0, 0, 0)])[0]!.data], [4, 4, 4]);
});

Deno.test("constants of one value share memory, also across loop bodies, and keep their own lengths", () => {
  const fn = buildFunction("shared", [vector], (b, [x]) => {
    const small = b.apply("add", x!, b.fill(3, vector));
    const scope = b.openScan("body", 2);
    const carry = scope.carry(small);
    const { carry: [last] } = scope.close([scope.body.apply("add", carry, scope.body.fill(3, vector))], []);
    const large = b.apply("add", b.broadcastTo(last!, [50, 3]), b.fill(3, { dtype: "f32", shape: [50, 3] }));
    return [b.sum(large), b.fill(-3, vector)];
  });
  assertEquals(planMemory(fn).pinnedBytes, 640 + 64);
  const [sum, negative] = referenceBackend.compile(fn).run([host(0, 0, 0)]);
  assertEquals([...sum!.data, ...negative!.data], [12 * 150, -3, -3, -3]);
});

Deno.test("planMemory() rejects a function that reads what nothing defines", () => {
  const [x, y, z] = [newVariable(vector), newVariable(vector), newVariable(vector)];
  const add = { op: "add", inputs: [x, y], outputs: [z], params: {}, origin: undefined } as const;
  assertThrows(
    () => planMemory({ name: "f", inputs: [x], equations: [add], outputs: [z] }),
    InternalError,
    "not defined",
  );
});
