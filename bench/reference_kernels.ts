// How fast are the reference backend's kernels? Prints GFLOP/s of contractions and convolutions, and nanoseconds for one
// small equation. Run: deno run bench/reference_kernels.ts
import { Builder, buildFunction } from "../runtime/ir/builder.ts";
import { allocate, type ArrayType, type DType, type HostArray, sizeOf, type Variable } from "../runtime/ir/types.ts";
import { referenceBackend } from "../runtime/backend/reference/index.ts";

const array = (shape: readonly number[], dtype: DType = "f32"): ArrayType => ({ dtype, shape });

function values(type: ArrayType): HostArray {
  const data = allocate(type.dtype, sizeOf(type.shape));
  for (let i = 0; i < data.length; i++) data[i] = ((i * 7919) % 1009) / 1009 + 0.1;
  return { ...type, data };
}

/** Seconds of one run: the least mean of five timed batches, after a warm-up. */
function secondsPerRun(run: () => void, seconds = 0.2): number {
  let count = 1;
  for (;;) {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    if (performance.now() - start > seconds * 500) break;
    count *= 2;
  }
  let best = Infinity;
  for (let batch = 0; batch < 5; batch++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    best = Math.min(best, (performance.now() - start) / 1000 / count);
  }
  return best;
}

type Write = (b: Builder, inputs: readonly Variable[]) => Variable;

/** Seconds for one application: it is the body of a scan, so that copying inputs and outputs hardly counts. */
function measure(inputs: readonly ArrayType[], write: Write): number {
  const time = (length: number) => {
    const fn = buildFunction("bench", inputs, (b, xs) => {
      const type = write(new Builder("type", b), xs);
      const scope = b.openScan("body", length);
      scope.carry(b.fill(0, type));
      return scope.close([write(scope.body, xs)], []).carry;
    });
    const executable = referenceBackend.compile(fn);
    const given = inputs.map(values);
    return secondsPerRun(() => executable.run(given));
  };
  const times = time(1) > 1e-3 ? 4 : 200;
  return time(times) / times;
}

/** Seconds for one equation of a chain of them. */
function measureChain(input: readonly ArrayType[], write: Write, length = 1000): number {
  const time = (n: number) => {
    const fn = buildFunction("bench", input, (b, xs) => {
      let x = xs[0]!;
      for (let i = 0; i < n; i++) x = write(b, [x, ...xs.slice(1)]);
      return [x];
    });
    const executable = referenceBackend.compile(fn);
    const given = input.map(values);
    return secondsPerRun(() => executable.run(given));
  };
  return time(length) / length;
}

function report(name: string, seconds: number, flop?: number): void {
  const rate = flop === undefined ? "" : `${(flop / seconds / 1e9).toFixed(2)} GFLOP/s`.padStart(16);
  const time = seconds < 1e-3 ? `${(seconds * 1e6).toFixed(3)} us` : `${(seconds * 1e3).toFixed(2)} ms`;
  console.log(`${name.padEnd(46)} ${time.padStart(12)} ${rate}`);
}

const plain = { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] };
const leftTransposed = { ...plain, contractLeft: [0] };
const rightTransposed = { ...plain, contractRight: [1] };

for (const dtype of ["f32", "f64"] as const) {
  const products: [string, number[], number[], typeof plain, number][] = [
    ["10x40 . 40x40", [10, 40], [40, 40], plain, 2 * 10 * 40 * 40],
    ["10x1 . 1x40", [10, 1], [1, 40], plain, 2 * 10 * 40],
    ["10x40 . 40x1", [10, 40], [40, 1], plain, 2 * 10 * 40],
    ["(10x40)' . 10x40", [10, 40], [10, 40], leftTransposed, 2 * 40 * 40 * 10],
    ["10x40 . (40x40)'", [10, 40], [40, 40], rightTransposed, 2 * 10 * 40 * 40],
    ["500x20 . 20x500", [500, 20], [20, 500], plain, 2 * 500 * 20 * 500],
    ["20x500 . 500x20", [20, 500], [500, 20], plain, 2 * 500 * 20 * 20],
    ["256x256 . 256x256", [256, 256], [256, 256], plain, 2 * 256 ** 3],
    ["512x512 . 512x512", [512, 512], [512, 512], plain, 2 * 512 ** 3],
  ];
  for (const [name, a, b, params, flop] of products) {
    const inputs = [array(a, dtype), array(b, dtype)];
    report(`${dtype} ${name}`, measure(inputs, (b, [x, y]) => b.one("dot_general", [x!, y!], params)), flop);
  }
}

const geometry = { stride: [1, 1], padding: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 } as const;
const image = array([5, 32, 28, 28]);
const filter = array([32, 32, 3, 3]);
const convolutionFlop = 2 * 5 * 32 * 28 * 28 * 32 * 9;
report(
  "f32 conv 5x32x28x28, 32 3x3",
  measure([image, filter], (b, [x, f]) => b.one("conv", [x!, f!], geometry)),
  convolutionFlop,
);
report(
  "f32 conv_input_gradient",
  measure([image, filter], (b, [y, f]) => b.one("conv_input_gradient", [y!, f!], { ...geometry, inputSize: [28, 28] })),
  convolutionFlop,
);
report(
  "f32 conv_filter_gradient",
  measure([image, image], (b, [x, y]) => b.one("conv_filter_gradient", [x!, y!], { ...geometry, kernelSize: [3, 3] })),
  convolutionFlop,
);

for (const size of [1, 40, 1600]) {
  const x = array([size]);
  report(`f32[${size}] add`, measureChain([x, x], (b, [a, c]) => b.apply("add", a!, c!)));
  report(`f32[${size}] mul`, measureChain([x, x], (b, [a, c]) => b.apply("mul", a!, c!)));
  report(`f32[${size}] tanh`, measureChain([x], (b, [a]) => b.apply("tanh", a!)));
  report(
    `f32[${size}] select(lt)`,
    measureChain([x, x], (b, [a, c]) => b.apply("select", b.apply("lt", a!, c!), a!, c!)) / 2,
  );
}
report(
  "f32[40,40] transpose",
  measureChain([array([40, 40])], (b, [a]) => b.one("transpose", [b.apply("neg", a!)], { permutation: [1, 0] })),
);
report(
  "f32[10] -> [10,40] broadcast, reduce_sum (each)",
  measureChain([array([10])], (b, [a]) => b.sum(b.one("broadcast", [a!], { shape: [10, 40], axes: [0] }), [1])) / 2,
);
report(
  "f32[40] -> [10,40] broadcast, reduce_sum (each)",
  measureChain([array([40])], (b, [a]) => b.sum(b.broadcastTo(a!, [10, 40]), [0])) / 2,
);
{
  const key = array([2], "i32");
  const counter = array([3], "i32");
  const seconds = measure([key, counter], (b, [k, c]) => b.one("random_bits", [k!, c!], { shape: [100000] }));
  report("random_bits, each word of 100000", seconds / 100000);
}
{
  const steps = 1000;
  const fn = buildFunction("bench", [array([40]), array([steps, 40])], (b, [x, xs]) => {
    const scope = b.openScan("body", steps);
    const carry = scope.carry(x!);
    const slice = scope.slice(xs!);
    const next = scope.body.apply("add", carry, slice);
    const { carry: last, outputs } = scope.close([next], [next]);
    return [last[0]!, outputs[0]!];
  });
  const executable = referenceBackend.compile(fn);
  const given = [values(array([40])), values(array([steps, 40]))];
  report("scan step: f32[40] add, one slice in, one out", secondsPerRun(() => executable.run(given)) / steps);
}
