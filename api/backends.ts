// Where will a program run? The names that `--backend` and `run({ backend })` take, and what "auto" means.
import type { Backend } from "../runtime/backend/interface.ts";
import { referenceBackend } from "../runtime/backend/reference/index.ts";
import { wasmBackend } from "../runtime/backend/wasm/index.ts";
import { nearestName } from "../dsl/did_you_mean.ts";

/** A backend by name; "auto" picks by what is present. */
export type BackendName = "auto" | "wasm" | "reference";

/** A backend, and why it was picked. */
export interface BackendChoice {
  readonly backend: Backend;
  /** For people: "asked for". */
  readonly why: string;
}

const choices: Readonly<Record<BackendName, () => BackendChoice>> = {
  auto: () => ({ backend: wasmBackend, why: "picked by auto" }),
  wasm: () => ({ backend: wasmBackend, why: "asked for" }),
  reference: () => ({ backend: referenceBackend, why: "asked for" }),
};

/** The names of the backends. */
export const backendNames: readonly BackendName[] = Object.keys(choices) as BackendName[];

/** Picks a backend. Throws RangeError for an unknown name. */
export function chooseBackend(name: string): BackendChoice {
  if (Object.hasOwn(choices, name)) return choices[name as BackendName]();
  const near = nearestName(name, backendNames);
  const hint = near === undefined ? "" : `; did you mean \`${near}\`?`;
  throw new RangeError(`Unknown backend \`${name}\`: known are ${backendNames.join(", ")}${hint}`);
}
