// Inner loops whose trajectories and hypergradients were computed elsewhere in float64 (README.md beside this file): written
// as programs, run on `reference`, compared entry by entry.
import { assert, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";

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

function programOf(test: Case): string {
  const label = test.loss === "cross_entropy" ? "int " : "";
  const table = (name: "support" | "query") =>
    `data ${name} { x : [${shapeOf(test[name].x)}]  y : ${label}[${shapeOf(test[name].y)}] }`;
  const start = Object.entries(test.expected.parameters[0]!).map(([name, value]) =>
    `${ours(name)} : [${shapeOf(value)}]`
  );
  const hyper = [...flatten(test.inner.fixed), ...flatten(test.inner.learned)];
  const scheduled = Object.entries(test.inner.per_step);
  const first = scheduled.map(([name, values]) => `${name} = ${values[0]}`);
  const learned = [...flatten(test.inner.learned).map(([name]) => name), ...scheduled.map(([name]) => name)];
  const query = (time: string) => `${test.loss}(net@${time}(query.x), query.y)`;
  return `
edition 1
precision f64
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

for (const file of [...Deno.readDirSync(new URL(".", import.meta.url))].map((f) => f.name).sort()) {
  if (!file.endsWith(".json")) continue;
  Deno.test(`conformance ${file} in float64`, async () => {
    const test: Case = JSON.parse(await Deno.readTextFile(new URL(file, import.meta.url)));
    const { expected } = test;
    const table = (values: Case["support"]) => ({ x: hostArray(values.x), y: hostArray(values.y) });
    const start = Object.entries(expected.parameters[0]!).map(([name, value]) => [ours(name), hostArray(value)]);
    const experiment = compile(programOf(test), {
      name: file,
      data: { support: table(test.support), query: table(test.query), start: Object.fromEntries(start) },
    });
    const run = await experiment.run({ backend: "reference" });

    expected.parameters.forEach((parameters, time) => {
      for (const [name, value] of Object.entries(parameters)) {
        close(`${name}@${time}`, run.parameter(`net.${ours(name)}`, { time }).data, numbers(value));
      }
    });
    expected.inner_losses.forEach((loss, time) => {
      close(`loss@${time}`, run.parameter("fit.loss", { time }).data, [loss]);
    });
    close("the objective", [run.value()], [expected.meta_loss]);
    const initial = run.gradientGroup("net@0");
    for (const [name, value] of Object.entries(expected.grad.initial)) {
      close(`gradient of ${name}`, initial[`net.${ours(name)}`]!.data, numbers(value));
    }
    const corrected = new Set(
      test.corrected.map((c) => c.index === undefined ? c.hyper : pairs[c.hyper]?.[c.index] ?? c.hyper),
    );
    for (const [name, value] of flatten(expected.grad.hyper)) {
      const tolerance = corrected.has(name) ? 2e-6 : undefined;
      close(`gradient of ${name}`, run.gradient(`fit.${name}`).data, [Number(value)], tolerance);
    }
    for (const [name, values] of Object.entries(expected.grad.per_step)) {
      close(`gradient of ${name} per step`, run.gradient(`fit.${name}`).data, values);
    }
  });
}
