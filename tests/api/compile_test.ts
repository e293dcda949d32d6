import { paperPrograms } from "../acceptance/programs.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  check,
  compile,
  CompileError,
  compileFile,
  FileAccessError,
  format,
  MetaRuntimeError,
  RunError,
  type RunEvent,
  type StepEvent,
} from "../../mod.ts";
import { diverging, line, training, wrong } from "../cli/programs.ts";

const examples = new URL("../../examples/", import.meta.url);

Deno.test("compile() and run() give the parameters at every time and the gradients", async () => {
  const run = await compile(line, { inputs: { rate: 0.05 } }).run();
  const rest = 1 - 5 * 0.05;
  for (const t of [0, 1, 2, 3]) {
    const { shape, dtype, data } = run.parameter("line.w", { time: t });
    assertEquals([shape, dtype], [[], "f64"]);
    assertAlmostEquals(data[0]!, 3 - rest ** t, 1e-14);
  }
  assertAlmostEquals(run.value(), rest ** 6, 1e-14);
  assertAlmostEquals(run.gradient("line.w@0").data[0]!, -2 * rest ** 6, 1e-14);
  assertAlmostEquals(run.gradient("fit.lr").data[0]!, -30 * rest ** 5, 1e-13);
});

const outside = line.replace(/data train .*\n/, "data train { x : [2]  y : [2] }\n");

Deno.test("compile() takes data from the script, as typed arrays or numbers, and keeps its own copy", async () => {
  const x = Float32Array.of(1, 2);
  const given = { train: { x: { shape: [2], data: x }, y: { shape: [2], data: [3, 6] } } };
  const experiment = compile(outside, { data: given });
  x.fill(0);
  assertEquals((await experiment.run()).value(), (await compile(line).run()).value());
});

Deno.test("compile() says which data does not fit", () => {
  const y = { shape: [2], data: [3, 6] };
  const bad = (x: { shape: number[]; data: number[] | Float64Array }) =>
    assertThrows(() => compile(outside, { data: { train: { x, y } } }), CompileError).message;
  assert(bad({ shape: [3], data: [1, 2, 3] }).includes("`train.x`"));
  assert(bad({ shape: [2], data: [1, NaN] }).includes("`train.x`"));
  // as from a script without types
  const untyped = [1, 2] as unknown as { shape: number[]; data: number[] };
  assertThrows(() => compile(outside, { data: { train: { x: untyped, y } } }), TypeError, "The data `train.x` must be");
  assertThrows(() => compile(outside), CompileError, "train.x");
});

Deno.test("compile() throws one error that lists every diagnostic, and check() lists them", () => {
  const two = `${wrong}let z = nothing_like_it\n`;
  const error = assertThrows(() => compile(two, { name: "two.meta" }), CompileError);
  assert(error.diagnostics.length >= 2);
  assertEquals(error.diagnostics, check(two, { name: "two.meta" }));
  for (const d of error.diagnostics) assert(error.message.includes(`${d.severity}[${d.code}]: ${d.title}`));
  assert(error.message.includes("two.meta:8:12"));
  assertEquals(check(line), []);
});

Deno.test("compile() keeps warnings on the experiment", () => {
  const experiment = compile(line.replace("edition 1\n", ""));
  assertEquals(experiment.warnings.map((d) => d.code), ["W0101"]);
});

Deno.test("compile() reads imports and data through the caller's `read` only", async () => {
  const files: Record<string, string | Uint8Array> = {
    "lib/twice.meta": new TextEncoder().encode("edition 1\nfn twice(a) = 2 * a\n"),
    "d.csv": "x,y\n1,3\n2,6\n",
  };
  const asked: string[] = [];
  const read = (path: string) => {
    asked.push(path);
    return files[path];
  };
  const source = outside.replace("data train", 'data train from "d.csv"')
    .replace("edition 1\n", 'edition 1\nimport twice from "./lib/twice.meta"\n')
    .replace("return w * x", "return twice(w * x) / 2");
  const run = await compile(source, { read }).run();
  assertEquals(run.value(), (await compile(line).run()).value());
  assertEquals(asked.sort(), ["d.csv", "lib/twice.meta"]);
  assertThrows(() => compile(source), CompileError, "lib/twice.meta");
  const refusing = () => {
    throw new Error("not today");
  };
  assertThrows(() => compile(source, { read: refusing }), CompileError, "not today");
});

Deno.test("Experiment.run() reports steps and events, and stops when asked", async () => {
  const steps: StepEvent[] = [];
  const kinds = new Set<RunEvent["kind"]>();
  const controller = new AbortController();
  const run = await compile(training(1000)).run({
    onStep(step) {
      steps.push(step);
      if (step.step === 9) controller.abort();
    },
    onEvent: (event) => kinds.add(event.kind),
    signal: controller.signal,
  });
  assertEquals(run.outcome, "stopped");
  assertEquals(steps.map((s) => s.step), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals([...run.losses()], steps.map((s) => s.loss));
  assertEquals([...kinds].sort(), ["finished", "recorded", "started", "step"]);
});

Deno.test("Experiment.run() draws by seed: its own, else the one given to compile(), else 0", async () => {
  const source = training(3);
  const losses = async (
    seed?: number,
    own?: number,
  ) => [
    ...(await compile(source, seed === undefined ? {} : { seed }).run(own === undefined ? {} : { seed: own })).losses(),
  ];
  assertEquals(await losses(), await losses(0));
  assertEquals(await losses(7), await losses(0, 7));
  assert(JSON.stringify(await losses(7)) !== JSON.stringify(await losses(0)));
  await assertRejects(() => losses(0, -1), RangeError, "A seed must be");
  assertThrows(() => compile(source, { seed: 0.5 }), RangeError, "A seed must be");
  const experiment = compile(source);
  await assertRejects(
    () => experiment.run({ backend: "referense" as "reference" }),
    RangeError,
    "Unknown backend `referense`: known are auto, wasm, tensorflow, reference; did you mean `reference`?",
  );
});

Deno.test("Experiment.run() throws what went wrong, with everything that was computed until then", async () => {
  const error = await assertRejects(() => compile(diverging).run(), RunError) as RunError;
  assert(error instanceof MetaRuntimeError);
  assert(/`fit`, step \d/.test(error.message), error.message);
  assertEquals(error.run.outcome, "failed");
  assertEquals(error.run.recorded("line.w@*").values[0]!.shape, [4]);
  assert(error.origin !== undefined);
});

Deno.test("Experiment.emit() gives each stage as text", () => {
  const experiment = compile(line);
  for (const stage of ["cst", "ast", "checked", "ir", "plan"] as const) {
    assert(experiment.emit(stage).length > 0, stage);
  }
});

Deno.test("format() gives the one style, and throws for what cannot be parsed", () => {
  const text = format("edition 1\nlet  y=1+2");
  assert(text.includes("let y = 1 + 2"));
  assertEquals(format(text), text);
  const error = assertThrows(() => format("edition 1\nlet = =", { name: "x.meta" }), CompileError);
  assert(error.message.includes("x.meta:2:"), error.message);
});

Deno.test("two files that each have a table of one name read each their own", async () => {
  const folder = Deno.makeTempDirSync();
  const program = (more: string) => `edition 1\nprecision f64\n${more}`;
  try {
    Deno.writeTextFileSync(`${folder}/own.csv`, "x\n1\n2\n");
    Deno.writeTextFileSync(`${folder}/other.csv`, "x\n100\n200\n700\n");
    Deno.writeTextFileSync(
      `${folder}/other.meta`,
      program('data d from "other.csv" { x : [_] }\nfn total() = sum(d.x)\n'),
    );
    Deno.writeTextFileSync(
      `${folder}/root.meta`,
      program(`import total from "./other.meta"
        data d from "own.csv" { x : [_] }
        param a = 1
        gradient sum(d.x) * a wrt a
        gradient total() * a wrt a`),
    );
    const run = await compileFile(`${folder}/root.meta`).run();
    assertEquals(run.gradients.map((g) => g.value), [3, 1000]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("compileFile() runs an example with its data, and its gradients are the known ones", async () => {
  const run = await compileFile(new URL("toy.meta", examples)).run();
  assertEquals(run.expectations.map((v) => v.met), [true, true, true, true]);
  assertEquals(run.parameter("linear.w", { time: 5 }).shape, [1, 1]);
  assertThrows(() => compileFile(new URL("none.meta", examples)), FileAccessError, "there is no such file");
});

/** Fewer meta-steps than in the file: the text is the same otherwise. */
const shortened: Readonly<Record<string, readonly [from: string, to: string]>> = {
  "sinusoid_maml.meta": ["70_000 steps", "3 steps"],
  "per_layer_rates.meta": ["2_000 steps", "3 steps"],
  "learned_optimizer.meta": ["500 steps", "3 steps"],
  "l2_per_coordinate.meta": ["for      100 steps", "for      3 steps"],
};

Deno.test("every example with an outer loop is tried with few steps, or as it is", () => {
  const withOuter = [...Deno.readDirSync(examples)].map((f) => f.name).filter((name) => name.endsWith(".meta"))
    .filter((name) => /^outer /m.test(Deno.readTextFileSync(new URL(name, examples))));
  assertEquals(withOuter.sort(), [...Object.keys(shortened), ...paperPrograms.map((name) => `${name}.meta`)].sort());
});

for (const [name, [from, to]] of Object.entries(shortened)) {
  Deno.test(`${name} trains for three meta-steps`, async () => {
    const text = Deno.readTextFileSync(new URL(name, examples));
    assert(text.includes(from));
    const read = (path: string) => Deno.readFileSync(new URL(path, examples));
    const run = await compile(text.replace(from, to), { read, name }).run({ seed: 1 });
    assertEquals([run.outcome, run.losses().length], ["done", 3]);
    assert(run.losses().every(Number.isFinite));
    const again = await compile(text.replace(from, to), { read, name }).run({ seed: 1 });
    assertEquals(again.losses(), run.losses());
  });
}
