// Do odd shapes come out right? Products, sums and convolutions of sizes around the lengths of vectors and tiles, with transposed
// factors, something computed before and after, and with work enough for copies of factors and sums in parts.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MetaRuntimeError } from "../../runtime/errors.ts";
import { newVariable } from "../../runtime/ir/builder.ts";
import { inferTypes } from "../../runtime/ir/shapes.ts";
import type {
  DType,
  Equation,
  HostArray,
  IrFunction,
  PrimitiveName,
  PrimitiveParameters,
  Variable,
} from "../../runtime/ir/types.ts";
import { allocate, sizeOf } from "../../runtime/ir/types.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { repeatUntil, sleep } from "../waits.ts";
import { cases } from "../thorough.ts";
import { runBoth } from "./lying.ts";

const backend = makeWasmBackend({ leastApart: 0, threads: 1 });
const unfused = makeWasmBackend({ leastApart: 0, threads: 1, fused: false });

/** Equations one after the other. */
class Writer {
  readonly equations: Equation[] = [];
  readonly inputs: Variable[] = [];
  readonly dtype: DType;
  constructor(dtype: DType) {
    this.dtype = dtype;
  }
  input(...shape: number[]): Variable {
    const variable = newVariable({ dtype: this.dtype, shape });
    this.inputs.push(variable);
    return variable;
  }
  write<P extends PrimitiveName>(op: P, params: PrimitiveParameters[P], ...inputs: Variable[]): Variable {
    const outputs = inferTypes(op, inputs, params).map((type) => newVariable(type));
    this.equations.push({ op, inputs, outputs, params, origin: undefined } as unknown as Equation);
    return outputs[0]!;
  }
  done(...outputs: Variable[]): IrFunction {
    return { name: "odd", inputs: this.inputs, equations: this.equations, outputs };
  }
}

/** Numbers between -1 and 1 that look random. */
function values(fn: IrFunction): HostArray[] {
  let state = 12345;
  return fn.inputs.map(({ dtype, shape }) => {
    const data = allocate(dtype, sizeOf(shape));
    for (let i = 0; i < data.length; i++) {
      state = state * 48271 % 2147483647;
      data[i] = state / 1073741823.5 - 1;
    }
    return { dtype, shape, data };
  });
}

/** Compares the backends; `terms` of the longest sum. */
function compare(fn: IrFunction, terms: number, label: string): void {
  const inputs = values(fn);
  const expected = referenceBackend.compile(fn).run(inputs);
  for (const b of [backend, unfused]) {
    const actual = runBoth(b, fn, inputs);
    const executable = b.compile(fn);
    assertEquals(executable.memoryBytes, Math.ceil(b.arenaBytes(fn) / 65536) * 65536);
    executable.dispose();
    actual.forEach(({ data, dtype }, k) => {
      const unit = dtype === "f32" ? 2 ** -24 : 2 ** -53;
      const scale = Math.max(1, ...Array.from(expected[k]!.data, Math.abs));
      for (let i = 0; i < data.length; i++) {
        const error = Math.abs(data[i]! - expected[k]!.data[i]!);
        assert(error <= 4 * (terms + 8) * unit * scale, `${label}: output ${k}[${i}] is off by ${error}`);
      }
    });
  }
}

const size = fc.constantFrom(1, 2, 3, 5, 7, 17, 33);
const dtypes = fc.constantFrom<DType>("f32", "f64");

Deno.test("products of odd sizes, factors lying either way, with an epilogue", () => {
  fc.assert(
    fc.property(
      size,
      size,
      size,
      size,
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      dtypes,
      (b, m, n, k, ta, tb, batched, dtype) => {
        const w = new Writer(dtype);
        const lead = batched ? [b] : [];
        const rank = lead.length;
        const x = w.input(...lead, ...(ta ? [k, m] : [m, k]));
        const y = w.input(...lead, ...(tb ? [n, k] : [k, n]));
        const bias = w.input(n);
        const product = w.write(
          "dot_general",
          {
            contractLeft: [rank + (ta ? 0 : 1)],
            contractRight: [rank + (tb ? 1 : 0)],
            batchLeft: lead.map((_, i) => i),
            batchRight: lead.map((_, i) => i),
          },
          x,
          y,
        );
        const wide = w.write("broadcast", { shape: product.shape, axes: [rank + 1] }, bias);
        const active = w.write("tanh", {}, w.write("add", {}, product, wide));
        const sums = w.write("reduce_sum", { axes: [rank] }, active);
        const turned = w.write("transpose", { permutation: [...lead.map((_, i) => i), rank + 1, rank] }, active);
        compare(
          w.done(product, active, sums, w.write("mul", {}, turned, turned)),
          k + m,
          `${[b, m, n, k, ta, tb, batched, dtype]}`,
        );
      },
    ),
    { numRuns: cases(15, 120), seed: 7 },
  );
});

Deno.test("sums, maxima and softmax over odd sizes in every position", () => {
  fc.assert(
    fc.property(size, size, size, fc.subarray([0, 1, 2]), dtypes, (a, b, c, axes, dtype) => {
      const w = new Writer(dtype);
      const x = w.input(a, b, c);
      const kept = [0, 1, 2].filter((axis) => !axes.includes(axis));
      const back = (v: Variable) => w.write("broadcast", { shape: [a, b, c], axes: kept }, v);
      const most = w.write("reduce_max", { axes }, x);
      const e = w.write("exp", {}, w.write("sub", {}, x, back(most)));
      const sum = w.write("reduce_sum", { axes }, e);
      const softmax = w.write("div", {}, e, back(sum));
      const square = w.write("reduce_sum", { axes: [0, 1, 2] }, w.write("mul", {}, softmax, softmax));
      compare(w.done(most, sum, softmax, square), a * b * c, `${[a, b, c, axes, dtype]}`);
    }),
    { numRuns: cases(15, 120), seed: 8 },
  );
});

Deno.test("movement of odd sizes: slices, pads, joins, turns", () => {
  fc.assert(
    fc.property(size, size, size, dtypes, (a, b, c, dtype) => {
      const w = new Writer(dtype);
      const x = w.input(a, b, c);
      const turned = w.write("transpose", { permutation: [2, 0, 1] }, x);
      const flat = w.write("reshape", { shape: [c * a, b] }, turned);
      const back = w.write("reverse", { axes: [0] }, flat);
      const joined = w.write("concat", { axis: 1 }, flat, w.write("neg", {}, back));
      const part = w.write("slice", { start: [0, 1], limit: [c * a, 2 * b], stride: [1, 2] }, joined);
      const padded = w.write("pad", { low: [1, 0], high: [0, 2], interior: [1, 0] }, part);
      compare(
        w.done(
          flat,
          joined,
          part,
          padded,
          w.write("reshape", { shape: [padded.shape[0]! * padded.shape[1]!] }, padded),
        ),
        1,
        `${[a, b, c, dtype]}`,
      );
    }),
    { numRuns: cases(10, 80), seed: 9 },
  );
});

Deno.test("products with work enough to copy a factor", () => {
  for (const dtype of ["f32", "f64"] as const) {
    for (const [m, k, n] of [[67, 131, 45], [130, 257, 66], [24, 2000, 9], [1, 700, 500], [500, 700, 1]] as const) {
      const w = new Writer(dtype);
      const params = { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] };
      const product = w.write("dot_general", params, w.input(m, k), w.input(k, n));
      compare(w.done(w.write("max", {}, product, product)), k, `${m} ${k} ${n} ${dtype}`);
    }
  }
});

Deno.test("convolutions and their transposes with work enough for sums in parts", () => {
  for (const dtype of ["f32", "f64"] as const) {
    for (const [stride, groups] of [[1, 1], [2, 1], [1, 2]] as const) {
      const w = new Writer(dtype);
      const [n, c, o, h] = [6, 14, 18, 21];
      const shared = { stride: [stride, stride], padding: [[1, 1], [1, 1]], dilation: [1, 1], groups } as const;
      const x = w.input(n, c, h, h);
      const f = w.input(o, c / groups, 3, 3);
      const y = w.write("conv", shared, x, f);
      const dx = w.write("conv_input_gradient", { ...shared, inputSize: [h, h] }, y, f);
      const df = w.write("conv_filter_gradient", { ...shared, kernelSize: [3, 3] }, x, w.write("tanh", {}, y));
      compare(w.done(y, dx, df), n * h * h, `stride ${stride}, groups ${groups}, ${dtype}`);
    }
  }
});

Deno.test("what needs more than 4 GiB is refused before anything is allocated", () => {
  const w = new Writer("f32");
  const x = w.input(1_200_000_000);
  const fn = w.done(w.write("neg", {}, x));
  const error = assertThrows(() => backend.compile(fn), MetaRuntimeError);
  assert(
    /needs 9\.6 GB, more than the limit of 4\.3 GB, which is what WebAssembly can address/.test(error.message),
    error.message,
  );
});

Deno.test("steps of a map are shared by threads, with the same bits and memory of their own", () => {
  const w = new Writer("f32");
  const inner = new Writer("f32");
  const [row, matrix] = [inner.input(40), inner.input(40, 40)];
  const params = { contractLeft: [0], contractRight: [0], batchLeft: [], batchRight: [] };
  const body = inner.done(inner.write("tanh", {}, inner.write("dot_general", params, row, matrix)));
  const [rows, matrices] = [w.input(301, 40), w.input(301, 40, 40)];
  const fn = w.done(w.write("map", { body, length: 301, constants: 0 }, rows, matrices));
  const inputs = values(fn);
  const alone = backend.compile(fn).run(inputs)[0]!.data;
  const threads = makeWasmBackend({ threads: 4, millisecondsPerThread: 0 });
  const executable = threads.compile(fn);
  assert(executable.memoryBytes >= backend.arenaBytes(fn) + 3 * 160);
  repeatUntil(() => executable.threads >= 4, () => assertEquals(executable.run(inputs)[0]!.data, alone), 200);
  assertEquals(executable.threads, 4);
  executable.dispose();
});

Deno.test("a carry that is written over in place is read before, whatever reads it", () => {
  for (const n of [1, 3, 40]) {
    const w = new Writer("f64");
    const inner = new Writer("f64");
    const [matrix, carry, x] = [inner.input(n, n), inner.input(n), inner.input(n)];
    const next = inner.write("mul", {}, x, x);
    const params = { contractLeft: [0], contractRight: [0], batchLeft: [], batchRight: [] };
    const product = inner.write("dot_general", params, next, matrix);
    const old = inner.write("mul", {}, next, carry);
    const body = inner.done(next, product, old, inner.write("sub", {}, old, x));
    const [m, start, xs] = [w.input(n, n), w.input(n), w.input(5, n)];
    const scan = { body, length: 5, constants: 1, carry: 1, reverse: false };
    const types = inferTypes("scan", [m, start, xs], scan);
    const outputs = types.map((type) => newVariable(type));
    w.equations.push({ op: "scan", inputs: [m, start, xs], outputs, params: scan, origin: undefined } as Equation);
    compare(w.done(...outputs), 5 * n, `${n}`);
  }
});

Deno.test("one large product is shared by threads, too, with the same bits", () => {
  const w = new Writer("f32");
  const params = { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] };
  const product = w.write("dot_general", params, w.input(240, 300), w.input(300, 200));
  const fn = w.done(product, w.write("reduce_sum", { axes: [1] }, w.write("tanh", {}, product)));
  compare(fn, 300, "shared");
  const inputs = values(fn);
  const alone = backend.compile(fn).run(inputs).map((o) => o.data);
  const executable = makeWasmBackend({ threads: 3, millisecondsPerThread: 0 }).compile(fn);
  repeatUntil(() => executable.threads >= 3, () => {
    assertEquals(executable.run(inputs).map((o) => o.data), alone);
  }, 50);
  assertEquals(executable.threads, 3);
  executable.dispose();
});

Deno.test("nests of a scan are shared by threads whatever their sizes, with the same bits", () => {
  for (const [n, m] of [[97, 64], [4, 300], [5, 290], [7, 200], [33, 80], [41, 65], [1, 700]] as const) {
    const w = new Writer("f32");
    const inner = new Writer("f32");
    const [matrix, carry, x] = [inner.input(m, m), inner.input(n, m), inner.input(n, m)];
    const params = { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] };
    const product = inner.write("tanh", {}, inner.write("dot_general", params, carry, matrix));
    const next = inner.write("add", {}, product, inner.write("cos", {}, x));
    const body = inner.done(next, inner.write("reduce_sum", { axes: [0] }, inner.write("mul", {}, next, x)));
    const [matrices, start, xs] = [w.input(m, m), w.input(n, m), w.input(6, n, m)];
    const scan = { body, length: 6, constants: 1, carry: 1, reverse: false };
    const outputs = inferTypes("scan", [matrices, start, xs], scan).map((type) => newVariable(type));
    w.equations.push({
      op: "scan",
      inputs: [matrices, start, xs],
      outputs,
      params: scan,
      origin: undefined,
    } as Equation);
    const fn = w.done(...outputs);
    compare(fn, 6 * m, `${n} x ${m}`);
    const inputs = values(fn);
    const alone = makeWasmBackend({ threads: 1 }).compile(fn).run(inputs).map((o) => o.data);
    const executable = makeWasmBackend({ threads: 3, millisecondsPerThread: 0 }).compile(fn);
    repeatUntil(() => executable.threads >= 3, (run) => {
      assertEquals(executable.run(inputs).map((o) => o.data), alone, `${n} x ${m}`);
      // now and then long enough for threads to fall asleep
      if (run % 25 === 24) sleep(2);
    }, 100);
    assertEquals(executable.threads, 3);
    executable.dispose();
  }
});

Deno.test("sums over the same points are one nest, unless one reads what is written on the way", () => {
  const params = { contractLeft: [0], contractRight: [0], batchLeft: [], batchRight: [] };
  const kernels = (write: (w: Writer) => IrFunction) => {
    const fn = write(new Writer("f32"));
    compare(fn, 20, "merged");
    return backend.kernels!(fn).summary;
  };
  const both = kernels((w) => {
    const [x, slope] = [w.input(20, 1), w.input(20, 12)];
    return w.done(w.write("dot_general", params, x, slope), w.write("reduce_sum", { axes: [0] }, slope));
  });
  assert(both.includes("0 products, 1 other nests"), both);
  // the second needs the first
  const chain = kernels((w) => {
    const [x, slope] = [w.input(20, 1), w.input(20, 12)];
    const first = w.write("dot_general", params, x, slope);
    const scaled = w.write("mul", {}, slope, w.write("broadcast", { shape: [20, 12], axes: [0, 1] }, first));
    return w.done(first, w.write("reduce_sum", { axes: [0] }, scaled));
  });
  assert(chain.includes("1 products, 1 other nests"), chain);
});

Deno.test("long sums in float32 lose no more than short ones", () => {
  const w = new Writer("f32");
  const params = { contractLeft: [0], contractRight: [0], batchLeft: [], batchRight: [] };
  const [long, tall, narrow] = [w.input(400_003), w.input(100_001, 3), w.input(50_001, 2)];
  const fn = w.done(
    w.write("reduce_sum", { axes: [0] }, long),
    w.write("reduce_sum", { axes: [0] }, tall),
    w.write(
      "dot_general",
      params,
      narrow,
      w.write("slice", { start: [0, 0], limit: [50_001, 3], stride: [1, 1] }, tall),
    ),
    w.write("reduce_max", { axes: [0] }, long),
  );
  // all of one sign, so that every rounding counts
  const inputs = values(fn).map(({ dtype, shape, data }) => ({ dtype, shape, data: data.map(Math.abs) }));
  const expected = referenceBackend.compile(fn).run(inputs);
  backend.compile(fn).run(inputs).forEach(({ data }, k) =>
    data.forEach((x, i) => {
      const e = expected[k]!.data[i]!;
      assert(Math.abs(x - e) <= 3e-6 * e, `output ${k}: ${x} for ${e}`);
    })
  );
});
