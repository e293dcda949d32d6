// Where do random programs run? On each backend with one seed; and what can come of a comparison.
import { runSeed } from "./compiled.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { findTensorFlow } from "../../runtime/backend/tensorflow/package.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import type { RunResult } from "../../runtime/loop/results.ts";
import type { RandomProgram } from "./definitions.ts";
import { runProgram } from "../../runtime/loop/run.ts";

/** What came of one comparison. */
export type Outcome =
  | { readonly kind: "held" | "does not apply" }
  /** It could not decide, and why. */
  | { readonly kind: "skipped"; readonly why: string }
  | {
    readonly kind: "found";
    readonly detail: string;
    /** Where it is not the program itself that is wrong. */
    readonly program?: RandomProgram;
  };

/** Backends live as long as the process: their threads are started once. */
export const wasm = makeWasmBackend({ threads: 1 });
export const threaded = makeWasmBackend({ threads: 3, millisecondsPerThread: 0 });

let opened: Promise<Backend | undefined> | undefined;

/** TensorFlow's backend where it is set up and `RANDOM_TENSORFLOW` is set: a second of compilation for each function is more than
 *  the gate has time for. */
export function tensorflow(): Promise<Backend | undefined> {
  opened ??= (async () => {
    if (!Deno.env.get("RANDOM_TENSORFLOW")) return undefined;
    const found = findTensorFlow();
    if ("missing" in found) return undefined;
    const { openTensorFlow } = await import("../../api/backends.ts");
    return await openTensorFlow(found, {});
  })();
  return opened;
}

export function runOn(program: ExperimentProgram, backend: Backend, memory?: number): Promise<RunResult> {
  return runProgram(program, backend, { seed: runSeed, ...(memory !== undefined && { memory }) });
}
