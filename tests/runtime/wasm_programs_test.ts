// Does `wasm` agree with `reference` on whole programs, in all that comes out, in float64 and in float32, and are the bits the same
// for any number of threads?
import { assert, assertEquals } from "@std/assert";
import { compileProgram } from "../../dsl/compile.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { planFunction } from "../../runtime/loop/memory.ts";
import { callsOf } from "../work.ts";
import { difference, files, folders, outcome, programRows, rowOf, shortProgram } from "./short_programs.ts";
import { held, measuredTest } from "./measured.ts";
import { some } from "../thorough.ts";

const backend = makeWasmBackend({ threads: 1 });

/** What may differ, as a part of the largest entry of an array, or of the floor where all entries are small: sums are made in
 *  another order, in float32 in float32. Measured: 2e-13 and 1e-5 at most. */
const allowed = { f64: { most: 1e-12, floor: 1e-5 }, f32: { most: 2e-5, floor: 1e-3 } } as const;

for (const file of some(files, 5)) {
  const name = file.pathname.split("/").slice(-2).join("/");
  for (const precision of ["f64", "f32"] as const) {
    Deno.test(`wasm and reference agree on ${name} in ${precision}`, async () => {
      const program = shortProgram(file, precision);
      const ours = await outcome(program, backend);
      const { most, floor } = allowed[precision];
      const found = difference(ours, await outcome(program, referenceBackend), floor);
      held([`programs on wasm, ${precision}`, rowOf(file)], found.most, {
        bound: most,
        scale: 1,
        says: () => found.at,
      });
    });
  }
}

Deno.test("a program gives the same bits with other threads at work", async () => {
  const program = shortProgram(new URL("sinusoid_maml.meta", folders[0]), "f32");
  const long = { ...program, outers: program.outers.map((o) => ({ ...o, steps: 200 })) };
  const alone = await outcome(long, backend);
  const shared = await outcome(long, makeWasmBackend({ threads: 3, millisecondsPerThread: 0 }));
  assertEquals(difference(shared, alone, 1).most, 0);
});

Deno.test("the code of a loop does not grow with its steps, nor the work to make it", async () => {
  const sizes: { bytes: number; calls: number }[] = [];
  for (const T of [100, 100_000]) {
    const text = `edition 1
param w : [3] = 1
inner fit { minimize sum((w - 3)^2) over w by adam(lr = 0.01) for T = ${T} steps }
gradient sum(w@T^2) wrt w@0, fit.lr`;
    const { program } = compileProgram({
      root: { name: "long.meta", text },
      readSource: () => undefined,
      readData: () => undefined,
    });
    const { fn } = planFunction(program!.gradients[0]!.fn.fn, backend, Infinity);
    let bytes = 0;
    const calls = await callsOf(() => {
      const executable = backend.compile(fn);
      bytes = executable.codeBytes!;
      executable.dispose();
    });
    sizes.push({ bytes, calls });
  }
  const [short, long] = sizes as [typeof sizes[0], typeof sizes[0]];
  assert(Math.abs(long.bytes - short.bytes) < 0.02 * short.bytes, `${short.bytes} and ${long.bytes} bytes`);
  // longer numbers have more digits
  assert(long.calls < 1.02 * short.calls, `${short.calls} and ${long.calls} calls`);
});

measuredTest({
  "programs on wasm, f64": programRows(allowed.f64.most),
  "programs on wasm, f32": programRows(allowed.f32.most),
});
