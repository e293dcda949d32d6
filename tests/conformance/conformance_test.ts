// Inner loops whose trajectories and hypergradients were computed elsewhere in float64 (README.md beside this file): written
// as programs, run on every backend, compared entry by entry.
import { assert, assertEquals } from "@std/assert";
import { compile, type Run } from "../../mod.ts";
import { compileInput } from "../../api/compile.ts";
import { makeRun } from "../../api/run.ts";
import { compileProgram } from "../../dsl/compile.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { found, modes, tensorFlow } from "../runtime/tensorflow.ts";
import { some } from "../thorough.ts";

interface Case {
  readonly name: string;
  readonly model:
    | { readonly kind: "mlp"; readonly sizes: readonly number[]; readonly activation: string }
    | {
      readonly kind: "conv";
      readonly activation: string;
      readonly norm: boolean;
      readonly pool: "max" | "avg";
    };
  readonly loss: "mse" | "cross_entropy";
  readonly support: { readonly x: Nested; readonly y: Nested };
  readonly query: { readonly x: Nested; readonly y: Nested };
  readonly inner: {
    readonly optimizer: string;
    readonly steps: number;
    readonly fixed: Hyperparameters;
    readonly learned: Hyperparameters;
    readonly per_step: Readonly<Record<string, number[]>>;
    readonly clip_global_norm: number | null;
    readonly first_order: boolean;
  };
  readonly objective: "final" | "every_step";
  readonly expected: {
    readonly parameters: Readonly<Record<string, Nested>>[];
    readonly inner_losses: number[];
    readonly meta_loss: number;
    readonly grad: {
      readonly initial: Readonly<Record<string, Nested>>;
      readonly hyper: Hyperparameters;
      readonly per_step: Readonly<Record<string, number[]>>;
    };
  };
  readonly corrected: readonly { readonly hyper: string; readonly index?: number }[];
}
type Nested = number[] | Nested[];
type Hyperparameters = Readonly<Record<string, number | boolean | readonly number[]>>;

/** 1e-9 of the largest entry with a floor of 1e-12; what comes from central differences, 2e-6 (README.md). */
function close(what: string, actual: ArrayLike<number>, expected: readonly number[], relative = 1e-9): void {
  assertEquals(actual.length, expected.length, what);
  const largest = Math.max(...expected.map(Math.abs));
  const tolerance = Math.max(relative * largest, 1e-12);
  expected.forEach((value, i) => {
    const error = Math.abs(actual[i]! - value);
    assert(error <= tolerance, `${what}[${i}] is ${actual[i]}, expected ${value} (off by ${error} > ${tolerance})`);
  });
}

/** What PyTorch gives as pairs, by our names. */
const pairs: Readonly<Record<string, readonly [string, string]>> = {
  betas: ["beta1", "beta2"],
  etas: ["eta_minus", "eta_plus"],
  step_sizes: ["step_min", "step_max"],
};

/** One entry for each number. ASGD's t0 says from when an average is kept, which is not part of the path. */
function flatten(values: Hyperparameters): [name: string, value: number | boolean][] {
  return Object.entries(values).flatMap(([name, value]): [string, number | boolean][] => {
    if (name === "t0") return [];
    if (typeof value === "object") return value.map((v, i) => [pairs[name]![i]!, v]);
    return [[name, value]];
  });
}

/** `net`, as text. A dense weight is [out, in], as in the files. */
function modelOf({ model, expected }: Case): string {
  const start = Object.entries(expected.parameters[0]!);
  const declarations = start.map(([name, value]) => `  ${ours(name)} : [${shapeOf(value)}] = start.${ours(name)}`);
  const body: string[] = [];
  if (model.kind === "mlp") {
    const layers = model.sizes.length - 1;
    let previous = "x";
    for (let i = 0; i < layers; i++) {
      const z = `dot(${previous}, transpose(fc_${i}_weight)) + fc_${i}_bias`;
      body.push(i === layers - 1 ? `  return ${z}` : `  let h${i} = ${model.activation}(${z})`);
      previous = `h${i}`;
    }
  } else {
    const conv = (layer: string, x: string) =>
      `convolve(${x}, ${layer}_weight, padding = 1) + reshape(${layer}_bias, [size(${layer}_bias), 1, 1])`;
    const along = (name: string) => `reshape(${name}, [size(${name}), 1, 1])`;
    body.push(`  let z = ${conv("c1", "x")}`);
    if (model.norm) {
      body.push(
        "  let m = mean(z, axis = [0, 2, 3], keep = true)",
        "  let v = mean((z - m)^2, axis = [0, 2, 3], keep = true)",
        `  let a = (z - m) / sqrt(v + 1e-5) * ${along("g")} + ${along("b")}`,
      );
    } else body.push("  let a = z");
    body.push(
      `  let pooled = ${model.pool}_pool(${model.activation}(a), 2)`,
      `  let top = ${model.activation}(${conv("c2", "pooled")})`,
      "  return dot(global_avg_pool(top), transpose(out_weight)) + out_bias",
    );
  }
  return `model net(x) {\n${declarations.join("\n")}\n${body.join("\n")}\n}`;
}

function programOf(test: Case, precision: "f32" | "f64", nudge: () => number): string {
  const label = test.loss === "cross_entropy" ? "int " : "";
  const table = (name: "support" | "query") =>
    `data ${name} { x : [${shapeOf(test[name].x)}]  y : ${label}[${shapeOf(test[name].y)}] }`;
  const start = Object.entries(test.expected.parameters[0]!).map(([name, value]) =>
    `${ours(name)} : [${shapeOf(value)}]`
  );
  const hyper = [...flatten(test.inner.fixed), ...flatten(test.inner.learned)]
    .map(([name, value]) => [name, typeof value === "number" ? value * nudge() : value] as const);
  const scheduled = Object.entries(test.inner.per_step);
  const first = scheduled.map(([name, values]) => `${name} = ${values[0]}`);
  const learned = [...flatten(test.inner.learned).map(([name]) => name), ...scheduled.map(([name]) => name)];
  const query = (time: string) => `${test.loss}(net@${time}(query.x), query.y)`;
  return `
edition 1
precision ${precision}
${table("support")}
${table("query")}
data start { ${start.join("  ")} }
${modelOf(test)}
inner fit {
  minimize ${test.loss}(net(support.x), support.y)
  over net by ${test.inner.optimizer}(${[...first, ...hyper.map(([name, value]) => `${name} = ${value}`)].join(", ")})
  for T = ${test.inner.steps} steps
  ${test.inner.clip_global_norm === null ? "" : `clip norm ${test.inner.clip_global_norm}`}
  through ${test.inner.first_order ? "first_order" : "unroll"}()
}
${
    scheduled.length === 0
      ? ""
      : `override fit { ${scheduled.map(([name, values]) => `${name} = [${values.join(", ")}] per step`).join("  ")} }`
  }
gradient ${test.objective === "final" ? query("T") : `sum(${query("t")} for t in 1 .. T)`}
wrt net@0, ${learned.map((name) => `fit.${name}`).join(", ")}
record net@*, fit.loss@*
`;
}

/** The numbers of a nested list, row-major. */
function numbers(values: Nested): number[] {
  return values.flatMap((v) => typeof v === "number" ? [v] : numbers(v));
}

function shapeOf(values: Nested): number[] {
  const [first] = values;
  return [values.length, ...(typeof first === "object" ? shapeOf(first) : [])];
}

function hostArray(values: Nested): { shape: number[]; data: number[] } {
  return { shape: shapeOf(values), data: numbers(values) };
}

/** `fc.0.weight` as a name of the language. */
function ours(name: string): string {
  return name.replaceAll(".", "_");
}

/** Runs a case; the start's entries and the hyperparameters are multiplied by what `nudge` gives. */
function runCase(
  file: string,
  test: Case,
  precision: "f32" | "f64",
  { backend = "reference", nudge = () => 1 }: { backend?: "reference" | "wasm" | Backend; nudge?: () => number } = {},
): Promise<Run> {
  const table = (values: Case["support"]) => ({ x: hostArray(values.x), y: hostArray(values.y) });
  const start = Object.entries(test.expected.parameters[0]!).map(([name, value]) => {
    const { shape, data } = hostArray(value);
    return [ours(name), { shape, data: data.map((x) => x * nudge()) }];
  });
  const options = {
    name: file,
    data: { support: table(test.support), query: table(test.query), start: Object.fromEntries(start) },
  };
  const text = programOf(test, precision, nudge);
  if (typeof backend === "string") return compile(text, options).run({ backend });
  const { program } = compileProgram(compileInput(text, options));
  return runProgram(program!, backend).then(makeRun);
}

/** Every result of a case: what it is, as expected and as computed. */
function results(test: Case, run: Run): { what: string; expected: readonly number[]; actual: ArrayLike<number> }[] {
  const { expected } = test;
  const list: ReturnType<typeof results> = [];
  const add = (what: string, values: readonly number[], actual: ArrayLike<number>) =>
    list.push({ what, expected: values, actual });
  expected.parameters.forEach((parameters, time) => {
    for (const [name, value] of Object.entries(parameters)) {
      add(`${name}@${time}`, numbers(value), run.parameter(`net.${ours(name)}`, { time }).data);
    }
  });
  expected.inner_losses.forEach((loss, time) => {
    add(`loss@${time}`, [loss], run.parameter("fit.loss", { time }).data);
  });
  add("the objective", [expected.meta_loss], [run.value()]);
  const initial = run.gradientGroup("net@0");
  for (const [name, value] of Object.entries(expected.grad.initial)) {
    add(`gradient of ${name}`, numbers(value), initial[`net.${ours(name)}`]!.data);
  }
  for (const [name, value] of flatten(expected.grad.hyper)) {
    add(`gradient of ${name}`, [Number(value)], run.gradient(`fit.${name}`).data);
  }
  for (const [name, values] of Object.entries(expected.grad.per_step)) {
    add(`gradient of ${name} per step`, values, run.gradient(`fit.${name}`).data);
  }
  return list;
}

/** Roundings in a row on the way through one step: the sums of the forward pass, its derivative and the derivative of that,
 *  over features, examples and the 3 × 3 × channels of a convolution; and 20 for loss and rule. */
function roundingsOf(test: Case): number {
  const examples = shapeOf(test.support.x)[0]!;
  const sums = test.model.kind === "mlp"
    ? test.model.sizes.reduce((a, b) => a + b)
    : Object.values(test.expected.parameters[0]!).reduce(
      (n, value) => n + numbers(value).length / shapeOf(value)[0]!,
      0,
    ) +
      shapeOf(test.support.x).slice(2).reduce((a, b) => a * b, 1);
  return 3 * sums + examples + 20;
}

// Each of T steps makes an error like a change of the parameters by m roundings of u = 2^-24, and the loop passes a change
// on by a factor κ. Steps add up, so a result is off by up to T m u κ of its scale. κ is measured: how far the float64
// result moves, of its scale, when the start and the hyperparameters move by u at random, as they do when they are rounded
// (1 - beta2 of 0.999 by 1000 u), over u. The scale is the largest entry; of gradients with respect to the start the
// largest of any tensor, since a bias before a batch norm has one of 0, a sum that cancels. The gradient in a beta is what is
// left of two terms, the slopes of v' and of its correction 1 - beta^t, which are 1 / (1 - beta) times as large and rounded.
async function float32Bounds(file: string, test: Case) {
  const u = 2 ** -24;
  const exact = results(test, await runCase(file, test, "f64"));
  const kappa = exact.map(() => 1);
  const largest = (values: ArrayLike<number>) => Math.max(...Array.from(values, Math.abs));
  const ofStart = exact.filter(({ what }) =>
    what.startsWith("gradient of") && what.slice(12) in test.expected.grad.initial
  );
  const shared = Math.max(...ofStart.map(({ actual }) => largest(actual)));
  const scales = exact.map((each) => ofStart.includes(each) ? shared : largest(each.actual));
  const hyper = new Map([...flatten(test.inner.fixed), ...flatten(test.inner.learned)]);
  const cancelled = exact.map(({ what }) => {
    const beta = /^gradient of (beta.)/.exec(what)?.[1];
    return beta ? 2 / (1 - Number(hyper.get(beta))) : 1;
  });
  for (let draw = 0; draw < 3; draw++) {
    let n = 0;
    const moved = results(
      test,
      await runCase(file, test, "f64", { nudge: () => 1 + (Math.sin(9.1 * ++n + draw) > 0 ? u : -u) }),
    );
    exact.forEach(({ actual }, k) => {
      const change = Math.max(...Array.from(actual, (x, i) => Math.abs(moved[k]!.actual[i]! - x)));
      if (scales[k]! > 0) kappa[k] = Math.max(kappa[k]!, change / scales[k]! / u);
    });
  }
  const relative = test.inner.steps * roundingsOf(test) * u;
  assert(relative < 1e-2, `${relative} says nothing`);
  return {
    exact,
    bounds: exact.map((_, k) => ({
      scale: scales[k]!,
      cancelled: cancelled[k]! > 1,
      relative: relative * kappa[k]! * cancelled[k]!,
    })),
  };
}

/** The kinds of results that share a pinned bound. */
function groupOf(test: Case, what: string): string {
  if (/^loss@|^the objective$/.test(what)) return "losses";
  if (/@\d+$/.test(what)) return "parameters";
  return what.slice("gradient of ".length) in test.expected.grad.initial ? "gradients of the start" : what;
}

type Family = "reference and wasm" | "tensorflow";

/** Everything that is held to a family's bounds. */
const float32Backends: readonly { readonly name: string; readonly family: Family; readonly open: () => Opened }[] = [
  { name: "reference", family: "reference and wasm", open: () => referenceBackend },
  { name: "wasm", family: "reference and wasm", open: () => makeWasmBackend({ threads: 1 }) },
  {
    name: "wasm on three threads",
    family: "reference and wasm",
    open: () => makeWasmBackend({ threads: 3, millisecondsPerThread: 0 }),
  },
  {
    name: "wasm with products rounded",
    family: "reference and wasm",
    open: () => makeWasmBackend({ threads: 1, fused: false }),
  },
  ...modes.map((mode) => (
    { name: `tensorflow, ${mode}`, family: "tensorflow", open: () => tensorFlow(mode) } as const
  )),
];
type Opened = Backend | Promise<Backend>;

const isMissing = (family: Family) => family === "tensorflow" && "missing" in found;

/** By case, family and kind of result: the bound of the error, as a part of the scale. Measured by
 *  `deno test -A tests/conformance/conformance_test.ts -- --update`: five times the largest error of the family's backends,
 *  for TensorFlow of all. */
type Pins = Readonly<Record<string, { readonly [F in Family]?: Readonly<Record<string, number>> }>>;
const pinsFile = new URL("float32_bounds.json", import.meta.url);
const updating = Deno.args.includes("--update");
const pins: Pins = JSON.parse(Deno.readTextFileSync(pinsFile));

const cases = [...Deno.readDirSync(new URL(".", import.meta.url))].map((f) => f.name).filter((f) =>
  f.endsWith(".json") && f !== "float32_bounds.json"
).sort();

const read = async (file: string): Promise<Case> => JSON.parse(await Deno.readTextFile(new URL(file, import.meta.url)));

/** Where a result of a case is off most, in float32. */
interface Off {
  readonly what: string;
  readonly group: string;
  /** The largest error, as a part of the scale. */
  readonly error: number;
  /** The derived bound of it. */
  readonly derived: number;
  readonly at: string;
}

const remembered = new Map<string, unknown>();
function once<T>(key: string, compute: () => Promise<T>): Promise<T> {
  if (!remembered.has(key)) remembered.set(key, compute());
  return remembered.get(key) as Promise<T>;
}

/** How far a backend is off, for each result. */
function float32Errors(file: string, { name, family, open }: typeof float32Backends[number]): Promise<readonly Off[]> {
  return once(`${file} ${name}`, async () => {
    const test = await read(file);
    const { exact, bounds } = await once(file, () => float32Bounds(file, test));
    const run = await runCase(file, test, "f32", { backend: await open() });
    return results(test, run).map(({ what, actual }, k) => {
      const { scale, cancelled, relative } = bounds[k]!;
      let [most, at] = [0, "nowhere"];
      Array.from(actual, (value, i) => {
        const wanted = exact[k]!.actual[i]!;
        const error = Number.isFinite(value) ? Math.abs(value - wanted) / (scale + 1e-30) : Infinity;
        if (error > most) [most, at] = [error, `[${i}]: ${value}, in float64 ${wanted}`];
      });
      // what cancels for a beta are powers of it: TensorFlow's are off by up to two units in the last place, four roundings
      const derived = relative * (family === "tensorflow" && cancelled ? 4 : 1);
      return { what, group: groupOf(test, what), error: most, derived, at };
    });
  });
}

/** The largest error of a family by kind of result. */
async function largestErrors(file: string, family: Family): Promise<Record<string, number>> {
  const largest: Record<string, number> = {};
  for (const backend of float32Backends) {
    if (backend.family !== family) continue;
    for (const { group, error } of await float32Errors(file, backend)) {
      largest[group] = Math.max(largest[group] ?? 0, error);
    }
  }
  return largest;
}

for (const file of cases) {
  for (const backend of ["reference", "wasm"] as const) {
    Deno.test(`conformance ${file} in float64 on ${backend}`, async () => {
      const test = await read(file);
      const corrected = new Set(
        test.corrected.map((c) =>
          `gradient of ${c.index === undefined ? c.hyper : pairs[c.hyper]?.[c.index] ?? c.hyper}`
        ),
      );
      for (const { what, actual, expected } of results(test, await runCase(file, test, "f64", { backend }))) {
        close(what, actual, expected, corrected.has(what) ? 2e-6 : undefined);
      }
    });
  }
}

for (const file of updating ? cases : some(cases, 4)) {
  for (const backend of float32Backends) {
    Deno.test({
      name:
        `conformance ${file} in float32 on ${backend.name}, within what its roundings and the loop's own sensitivity ` +
        "allow, and near what was measured",
      ignore: isMissing(backend.family),
      async fn() {
        const pinned = updating ? undefined : pins[file]?.[backend.family];
        for (const { what, group, error, derived, at } of await float32Errors(file, backend)) {
          const bound = Math.min(derived, pinned?.[group] ?? Infinity);
          assert(error <= bound, `${what}${at} (off by ${error} of the scale > ${bound})`);
          if (bound >= 1) console.log(`${file}, ${what}: the bound of float32 leaves no digit to compare`);
        }
      },
    });
  }

  // TensorFlow compiles for the processor that it finds, so that its errors elsewhere are others: its bounds are by the largest
  // error of all backends, and are not measured again
  const family = "reference and wasm";
  Deno.test({
    name: `the bounds of ${file} in float32 on ${family} are at most ten times the largest error there is`,
    ignore: updating,
    async fn() {
      const bounds = pins[file]![family]!;
      const largest = await largestErrors(file, family);
      assertEquals(Object.keys(bounds).sort(), Object.keys(largest).sort());
      for (const [group, error] of Object.entries(largest)) {
        assert(bounds[group]! <= 10 * error, `${group}: ${bounds[group]} is more than ten times ${error}`);
      }
    },
  });
}

Deno.test({
  name: "float32 bounds, measured anew",
  ignore: !updating,
  async fn() {
    const measured: Record<string, { [F in Family]?: Record<string, number> }> = {};
    for (const file of cases) {
      const of: { [F in Family]?: Readonly<Record<string, number>> } = measured[file] = { ...pins[file] };
      for (const family of ["reference and wasm", "tensorflow"] as const) {
        if (isMissing(family)) continue;
        const largest = Object.entries(await largestErrors(file, family));
        of[family] = Object.fromEntries(largest.map(([group, error]) => [
          group,
          Math.max(Number((5 * error).toPrecision(2)), family === "tensorflow" ? of["reference and wasm"]![group]! : 0),
        ]));
      }
    }
    await Deno.writeTextFile(pinsFile, JSON.stringify(measured, undefined, 2) + "\n");
  },
});
