// Tests that need TensorFlow: where it is not set up they are named as ignored, and why is said once.
import { findTensorFlow } from "../../runtime/backend/tensorflow/package.ts";
import { openTensorFlow } from "../../api/backends.ts";
import type { TensorFlowBackend } from "../../runtime/backend/tensorflow/index.ts";

/** What there is. */
export const found = findTensorFlow();
if ("missing" in found) console.log(`Tests of the tensorflow backend are ignored: ${found.missing}; ${found.cure}`);

/** How graphs are run: every one compiled by XLA, or none. */
export type Mode = "compiled by XLA" | "run node by node";

/** The modes that the library has. */
export const modes: readonly Mode[] = "missing" in found || found.proof.xla
  ? ["compiled by XLA", "run node by node"]
  : ["run node by node"];

/** The backend in a mode. */
export function tensorFlow(mode: Mode): Promise<TensorFlowBackend> {
  return openTensorFlow(found, { compiled: mode === "compiled by XLA" });
}

/** A test that is ignored without TensorFlow. */
export function tensorFlowTest(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name, ignore: "missing" in found, fn });
}
