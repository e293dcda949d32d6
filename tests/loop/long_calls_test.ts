// Is it said beforehand that a call will take long? By its operations and equations, not by a clock.
import { assertEquals } from "@std/assert";
import { compileProgram } from "../../dsl/compile.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { type HostArray, sizeOf } from "../../runtime/ir/types.ts";
import { isLong } from "../../runtime/loop/executables.ts";
import { runProgram } from "../../runtime/loop/run.ts";

/** Computes nothing: every output is 0. */
const idle: Backend = {
  ...referenceBackend,
  compile: ({ outputs }) => ({
    run: () =>
      outputs.map(({ dtype, shape }): HostArray => ({
        dtype,
        shape,
        data: dtype === "i32"
          ? new Int32Array(sizeOf(shape))
          : dtype === "bool"
          ? new Uint8Array(sizeOf(shape))
          : new Float32Array(sizeOf(shape)),
      })),
    dispose() {},
  }),
};

async function longCalls(steps: number): Promise<number> {
  const text = `edition 1
    param w = 4
    inner fit { minimize (w - 1)^2  over w by sgd(lr = 0.1)  for T = ${steps} steps }`;
  const { program } = compileProgram({
    root: { name: "program.meta", text },
    readSource: () => undefined,
    readData: () => undefined,
  });
  let long = 0;
  await runProgram(program!, idle, {
    aroundLong(call) {
      long++;
      return call();
    },
  });
  return long;
}

Deno.test("a call of ten seconds' work is told before it begins, a shorter one is not", async () => {
  assertEquals(isLong({ flops: 1e12, calls: 0 }), true);
  assertEquals(isLong({ flops: 5e11, calls: 4.9e7 }), false);
  assertEquals(isLong({ flops: 0, calls: 1e8 }), true);
  assertEquals(await longCalls(1000), 0);
  assertEquals(await longCalls(50_000_000), 1);
});
