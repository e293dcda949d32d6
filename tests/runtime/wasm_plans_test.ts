// Does `wasm` give the same bits whatever a function keeps? Task by task it does by construction. A step that is computed again may
// lie otherwise in memory, and a sum of it be made in another order (docs/decisions/0017): none of these programs shows it.
import { assert, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import type { FinishOptions } from "../../runtime/autodiff/finish.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { costOf } from "../../runtime/ir/cost.ts";
import type { ProgramFunction } from "../../runtime/program/program.ts";
import { files, folders, inputsOf, shortProgram } from "./short_programs.ts";
import { some } from "../thorough.ts";

const alone = makeWasmBackend({ threads: 1 });
const shared = makeWasmBackend({ threads: 3, millisecondsPerThread: 0 });

const plans: readonly FinishOptions[] = [
  { chunk: 1 },
  { levels: 1 },
  { levels: 2 },
  { levels: 1, chunk: 1 },
  { residuals: "carry" },
  { residuals: "carry", levels: 1 },
  { residuals: "carry", chunk: 1 },
];

function compareAll(step: ProgramFunction, name: string): void {
  const inputs = inputsOf(step);
  const run = (options: FinishOptions, backend = alone) => {
    const executable = backend.compile(expandGradients(step.fn, { wideSums: false, ...options }));
    const outputs = executable.run(inputs);
    executable.dispose();
    return outputs;
  };
  const expected = run({});
  assert(expected.every((x) => x.data.every(Number.isFinite)), name);
  const compare = (label: string, actual: typeof expected) =>
    actual.forEach(({ data }, i) =>
      data.forEach((value, k) =>
        assert(Object.is(value, expected[i]!.data[k]), `${name}, ${label}: output ${i}[${k}] is ${value}`)
      )
    );
  compare("keep all, three threads", run({}, shared));
  for (const plan of some(plans, 3)) compare(JSON.stringify(plan), run(plan));
}

for (const file of some(files, 4)) {
  const name = file.pathname.split("/").slice(-2).join("/");
  Deno.test(`every plan of ${name} gives the same bits on wasm`, () => {
    for (const precision of ["f32", "f64"] as const) {
      const { outers, gradients } = shortProgram(file, precision);
      for (const step of [...outers.map((o) => o.step), ...gradients.map((g) => g.fn)]) {
        if (costOf(expandGradients(step.fn)).flops < 1e9) compareAll(step, `${name} in ${precision}`);
      }
    }
  });
}

Deno.test("sinusoid MAML goes the same way in little memory, on one thread and on three", async () => {
  const text = Deno.readTextFileSync(new URL("sinusoid_maml.meta", folders[0])).replace("70_000 steps", "20 steps");
  const experiment = compile(text);
  const losses: (readonly number[])[] = [];
  for (const memory of ["4 GB", "200 kB"]) {
    for (const threads of [1, 3]) {
      const run = await experiment.run({ backend: "wasm", memory, threads });
      const { plan } = run.memory.find((p) => p.name === "train.step")!;
      assertEquals(plan, memory === "4 GB" ? "keep all" : "task by task");
      losses.push(Array.from(run.losses("train")));
    }
  }
  for (const other of losses) assertEquals(other, losses[0]);
});
