// Does the tensorflow backend agree with `reference` on whole programs, is XLA on, and what happens over many meta-steps in one call,
// when numbers go wrong, and when something is missing?
import { marked, stateFrom, stoppedAfter } from "../loop/goes_on.ts";
import { recordedList } from "../loop/recorded_list.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { chooseBackend, openTensorFlow } from "../../api/backends.ts";
import { compileProgram } from "../../dsl/compile.ts";
import { MetaRuntimeError } from "../../runtime/errors.ts";
import { Builder } from "../../runtime/ir/builder.ts";
import { FunctionGraph, Library } from "../../runtime/backend/tensorflow/graph.ts";
import { Model } from "../../runtime/backend/tensorflow/model.ts";
import { removeStaleModels } from "../../runtime/backend/tensorflow/models.ts";
import { findTensorFlow } from "../../runtime/backend/tensorflow/package.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import type { RunEvent } from "../../runtime/loop/events.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { difference, files, outcome, programRows, rowOf, shortProgram } from "./short_programs.ts";
import { found, modes, tensorFlow, tensorFlowTest } from "./tensorflow.ts";
import { held, measuredTest } from "./measured.ts";
import { some } from "../thorough.ts";

/** What may differ, as a part of the largest entry of an array, or of 1e-3 where all are smaller. */
const allowed = 5e-5;

for (const mode of modes) {
  for (const file of some(files, 4)) {
    const name = file.pathname.split("/").slice(-2).join("/");
    tensorFlowTest(`tensorflow, ${mode}, and reference agree on ${name}`, async () => {
      const program = shortProgram(file, "f32");
      const backend = await tensorFlow(mode);
      const { numTensors } = backend.tf.memory();
      const ours = await outcome(program, backend);
      const { most, at } = difference(ours, await outcome(program, referenceBackend), 1e-3);
      held(["programs on tensorflow, f32", rowOf(file)], most, { bound: allowed, scale: 1, says: () => at });
      assertEquals(backend.tf.memory().numTensors, numTensors, "tensors are left");
    });
  }
}

function programOf(text: string): ExperimentProgram {
  const { program, diagnostics } = compileProgram({
    root: { name: "test.meta", text: `edition 1\n${text}` },
    readSource: () => undefined,
    readData: () => undefined,
  });
  if (!program) throw new Error(diagnostics.map((d) => d.code).join("\n"));
  return program;
}

const tuned = (steps: number, rate: number, direction = "minimize") =>
  programOf(`
param w : [3] = 1
param r = 0.1
inner fit { minimize sum((w - 3)^2) over w by sgd(lr = r) for T = 20 steps }
outer tune { ${direction} sum((w@T - 3)^2) over r by sgd(lr = ${rate}) for ${steps} steps }`);

tensorFlowTest("10,000 meta-steps in few calls are the meta-steps of the reference, and leave no tensor", async () => {
  const backend = await tensorFlow(modes[0]!);
  const { numTensors } = backend.tf.memory();
  let calls = 0;
  const counting = {
    ...backend,
    openLoop(...given: Parameters<typeof backend.openLoop>) {
      const loop = backend.openLoop(...given);
      return { ...loop, run: (first: number, count: number) => (calls++, loop.run(first, count)) };
    },
  };
  const program = tuned(10_000, 1e-4);
  const result = await runProgram(program, counting);
  assertEquals(result.outcome, "done");
  assertEquals(result.outers[0]!.losses.length, 10_000);
  assert(calls < 1000, `${calls} calls`);
  const wanted = await runProgram(program, referenceBackend);
  result.outers[0]!.losses.forEach((loss, k) => {
    const expected = wanted.outers[0]!.losses[k]!;
    assert(Math.abs(loss - expected) <= 1e-4 * Math.abs(expected) + 1e-9, `step ${k}: ${loss}, not ${expected}`);
  });
  assertEquals(backend.tf.memory().numTensors, numTensors);
});

tensorFlowTest(
  "a run that goes wrong within a call says at which meta-step, and keeps what was before it",
  async () => {
    const program = tuned(300, 1e-3, "maximize");
    const failed = await runProgram(program, await tensorFlow(modes[0]!));
    const wanted = await runProgram(program, referenceBackend);
    assertEquals(failed.outcome, "failed");
    assert(wanted.outers[0]!.losses.length > 20, `${wanted.outers[0]!.losses.length} meta-steps`);
    assertEquals(failed.failure?.message, wanted.failure?.message);
    assertEquals(failed.outers[0]!.losses.length, wanted.outers[0]!.losses.length);
    assertEquals(
      difference(
        new Map([["r", failed.leaves.get("r")!.data]]),
        new Map([["r", wanted.leaves.get("r")!.data]]),
        1e-3,
      ).most < 1e-3,
      true,
    );
  },
);

tensorFlowTest("what is recorded on the way, and every event of a meta-step, is as with one step a call", async () => {
  const text = `
param w : [3] = 1
param r = 0.1
inner fit { minimize sum((w - 3)^2) over w by sgd(lr = r) for T = 20 steps }
outer tune { minimize sum((w@T - 3)^2) over r by sgd(lr = 1e-4) for 100 steps }
record r every 7 steps
record tune.loss every 3 steps`;
  const run = async (backend: Parameters<typeof runProgram>[1]) => {
    const events: string[] = [];
    const report = (e: RunEvent) => e.kind === "step" && events.push(`step ${e.step} of ${e.steps}`);
    const { failure, ...result } = await runProgram(programOf(text), backend, { report });
    if (failure) throw failure;
    const recorded = recordedList(result);
    return { events, recorded: recorded.map((r) => [r.name, r.by.kind === "outer" && r.by.step]), values: recorded };
  };
  const ours = await run(await tensorFlow(modes[0]!));
  const wanted = await run(referenceBackend);
  assertEquals([ours.events, ours.recorded], [wanted.events, wanted.recorded]);
  const values = (r: typeof ours) => new Map(r.values.map((v, i) => [`${i}`, v.value.data]));
  assert(difference(values(ours), values(wanted), 1e-6).most < 1e-4);
});

tensorFlowTest("auto takes TensorFlow where the work is large, and wasm where it is small or in float64", async () => {
  const wide = (steps: number, precision: string) =>
    programOf(`
precision ${precision}
param w : [1000, 1000] = 0.01
inner fit { minimize sum(dot(w, w)^2) over w by sgd(lr = 1e-9) for T = 5 steps }
outer tune { minimize sum(w@T^2) over w@0 by sgd(lr = 1e-9) for ${steps} steps }`);
  const names = [[wide(1000, "f32"), "tensorflow"], [wide(1, "f32"), "wasm"], [wide(1000, "f64"), "wasm"]] as const;
  for (const [program, name] of names) {
    const { backend, why } = await chooseBackend("auto", {}, program);
    const cuda = !("missing" in found) && found.proof.cuda && program.precision === "f32";
    assertEquals(backend.name, cuda ? "tensorflow" : name, why);
  }
});

tensorFlowTest("a signal stops a run between two calls", async () => {
  const stop = new AbortController();
  const report = (e: RunEvent) => e.kind === "step" && e.step === 5 && stop.abort();
  const result = await runProgram(tuned(100_000, 1e-5), await tensorFlow(modes[0]!), { report, signal: stop.signal });
  assertEquals(result.outcome, "stopped");
  assert(result.outers[0]!.losses.length >= 6 && result.outers[0]!.losses.length < 100_000);
});

tensorFlowTest(
  "a run goes on to rounding: with the states of its rule, the record and the meta-steps that are left",
  async () => {
    const steps = 60;
    const program = programOf(`
param w : [3] = 1
param r = 0.1
inner fit { minimize sum((w - 3)^2) over w by sgd(lr = r) for T = 20 steps }
outer tune { minimize sum((w@T - 3)^2) over r by adam(lr = 1e-3) for ${steps} steps }
evaluate test { report r  every 20 steps of tune }
record tune.loss every 10 steps`);
    const backend = await tensorFlow(modes[0]!);
    const { result } = await marked(program, backend);
    // evaluations and records end calls: there are places within the loop
    const { marks } = await stoppedAfter(17, program, backend);
    const { bytes, steps: done } = marks.at(-1)!;
    assert(done > 0 && done < steps, `stopped before meta-step ${done}`);
    const again = await runProgram(program, backend, { tasks: {}, seed: 3, resume: stateFrom(bytes) });
    assertEquals([again.outcome, again.outers[0]!.done], ["done", steps]);
    const numbers = (run: typeof result) =>
      new Map<string, ArrayLike<number>>([
        ["r", run.leaves.get("r")!.data],
        ["losses", run.outers[0]!.losses],
        ["recorded", run.recorded[0]!.values.data],
        ["evaluations", run.evaluations.flatMap((e) => [...e.reports[0]!.points[0]!.values])],
      ]);
    // some hundred roundings of float32 for each of the meta-steps that are left
    assert(difference(numbers(again), numbers(result), 1e-6).most < 100 * steps * 2 ** -23);
    assertEquals(again.recorded[0]!.steps, result.recorded[0]!.steps);
  },
);

/** Runs a script of Deno in a process of its own. */
async function inProcess(script: string, env: Record<string, string>) {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", `${script}`],
    env,
    cwd: new URL("../..", import.meta.url).pathname,
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, out: decode(output.stdout), err: decode(output.stderr) };
}

const backendUrl = new URL("../../runtime/backend/tensorflow/", import.meta.url).href;

Deno.test({
  name: "XLA compiles what it is asked to: TensorFlow says so, and an operation that it has not is refused",
  ignore: modes.length < 2 || "missing" in found,
  async fn() {
    const script = `
      const { openTensorFlow } = await import("${new URL("../../api/backends.ts", import.meta.url).href}");
      const { findTensorFlow } = await import("${backendUrl}package.ts");
      const { Builder } = await import("${new URL("../../runtime/ir/builder.ts", import.meta.url).href}");
      const compiled = { yes: { compiled: true }, no: { compiled: false }, later: {} }[Deno.env.get("COMPILED")];
      const backend = await openTensorFlow(findTensorFlow(), compiled);
      const b = new Builder("double");
      const x = b.input({ dtype: "f32", shape: [2] });
      const e = backend.compile(b.finish([b.apply("add", x, x)]));
      const run = () => console.log(e.run([{ dtype: "f32", shape: [2], data: Float32Array.of(1, 2) }])[0].data.join());
      run();
      console.error("once");
      run();`;
    for (const compiled of ["yes", "no", "later"]) {
      const { out, err } = await inProcess(script, { TF_CPP_MIN_LOG_LEVEL: "0", COMPILED: compiled });
      assertEquals(out.trim().split("\n").slice(-2), ["2,4", "2,4"]);
      const [first, second] = err.split("once").map((part) => part.includes("Compiled cluster using XLA"));
      assertEquals([first, second], [compiled === "yes", compiled === "later"], err);
    }
    const backend = await tensorFlow("compiled by XLA");
    const type = { dtype: "f32", shape: [1, 1] } as const;
    // a factorization that only the processor's kernels have
    const model = (compiled: boolean) => {
      const library = new Library(compiled);
      const graph = new FunctionGraph(library, [{ type: "f32", shape: [1, 1] }]);
      const attributes = { T: { type: "f32" }, output_idx_type: { type: "i32" } } as const;
      const lu = graph.node("Lu", graph.inputs, attributes, [{ argument: "lu", type: "f32", shape: [1, 1] }]);
      const signature = { name: "lu", inputs: [type], outputs: [type] };
      return new Model(backend.tf, signature, library.savedModel(graph.finish("lu", lu), signature));
    };
    const input = () => [backend.tf.tensor(Float32Array.of(2), [1, 1], "float32")];
    const plain = model(false);
    assertEquals([...plain.run(input())[0]!.dataSync()], [2]);
    const refused = model(true);
    assertThrows(() => refused.run(input()), MetaRuntimeError);
  },
});

tensorFlowTest("a function in float64, or one that does not fit, is refused before anything runs", async () => {
  const wide = new Builder("wide");
  const x = wide.input({ dtype: "f64", shape: [2] });
  const fn = wide.finish([wide.apply("add", x, x)]);
  const backend = await tensorFlow(modes[0]!);
  assertStringIncludes(assertThrows(() => backend.compile(fn), MetaRuntimeError).message, "computes in f32");
  const small = await openTensorFlow(found, { memoryLimitBytes: 1000 });
  const large = new Builder("large");
  const y = large.input({ dtype: "f32", shape: [1000] });
  const tooLarge = large.finish([large.apply("add", y, y)]);
  assertStringIncludes(
    assertThrows(() => small.compile(tooLarge), MetaRuntimeError).message,
    "more than the limit of 1 kB",
  );
});

tensorFlowTest("no memory, and no place for the graph, are errors that say what to do", async () => {
  const backend = await openTensorFlow(found, { memoryLimitBytes: Infinity, compiled: false });
  const b = new Builder("huge");
  const x = b.input({ dtype: "f32", shape: [1] });
  const wide = b.broadcastTo(b.reshape(x, [1, 1]), [2 ** 20, 2 ** 21]);
  const executable = backend.compile(b.finish([b.sum(b.apply("mul", wide, wide))]));
  const input = { dtype: "f32", shape: [1], data: Float32Array.of(1) } as const;
  assertStringIncludes(assertThrows(() => executable.run([input]), MetaRuntimeError).message, "not enough memory");
  executable.dispose();
  const script = `
    const { openTensorFlow } = await import("${new URL("../../api/backends.ts", import.meta.url).href}");
    const { findTensorFlow } = await import("${backendUrl}package.ts");
    const { Builder } = await import("${new URL("../../runtime/ir/builder.ts", import.meta.url).href}");
    const backend = await openTensorFlow(findTensorFlow(), { compiled: false });
    const b = new Builder("double");
    const x = b.input({ dtype: "f32", shape: [2] });
    backend.compile(b.finish([b.apply("add", x, x)]));`;
  const { code, err } = await inProcess(script, { TMPDIR: "/nowhere" });
  assertEquals(code, 1);
  assertStringIncludes(err, "There is no place for the graph that TensorFlow reads, in /nowhere");
});

Deno.test("folders of graphs that a killed process left are removed, those of living ones are not", () => {
  const [dead, alive] = [`meta-tensorflow-${2 ** 22 + 1}-x`, `meta-tensorflow-${Deno.pid}-x`].map((n) =>
    join(tmpdir(), n)
  );
  for (const folder of [dead!, alive!]) Deno.mkdirSync(folder, { recursive: true });
  removeStaleModels();
  assertThrows(() => Deno.statSync(dead!), Deno.errors.NotFound);
  Deno.removeSync(alive!);
});

Deno.test("without a set-up, or with a broken one, the error says what is missing and what to do", async () => {
  const folder = Deno.makeTempDirSync();
  const look = (known = false) => {
    const result = findTensorFlow({ folders: [folder], known });
    if (!("missing" in result)) throw new Error("It should not be found");
    return result;
  };
  try {
    const error = await assertRejects(() => openTensorFlow(look()), MetaRuntimeError);
    assertStringIncludes(error.message, "TensorFlow is not here: no set-up of TensorFlow was found");
    assertStringIncludes(error.message, "deno task setup:tensorflow");
    const addon = join(folder, "node_modules", "@tensorflow", "tfjs-node", "lib", "napi-v8");
    Deno.mkdirSync(addon, { recursive: true });
    Deno.writeTextFileSync(join(addon, "tfjs_binding.node"), "no library");
    assertStringIncludes(look().cure, `remove ${folder}`);
    assertStringIncludes(look(true).missing, "was not tried out");
    // one whose import ends the process
    const name = join(folder, "node_modules", "@tensorflow", "tfjs-node");
    Deno.writeTextFileSync(join(name, "package.json"), '{ "name": "@tensorflow/tfjs-node", "main": "index.js" }');
    Deno.writeTextFileSync(join(name, "index.js"), "process.kill(process.pid, 'SIGKILL');");
    assertStringIncludes(look().missing, "it ended with SIGKILL");
    Deno.mkdirSync(join(folder, "python"));
    assertStringIncludes(look().missing, "has no python/tensorflow/libtensorflow_cc.so.2");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

measuredTest({ "programs on tensorflow, f32": programRows(allowed) });
