// Where will a program run? The names that `--backend` and `run({ backend })` take, and what "auto" means.
import type { Backend } from "../runtime/backend/interface.ts";
import { referenceBackend } from "../runtime/backend/reference/index.ts";
import { makeWasmBackend, wasmBackend } from "../runtime/backend/wasm/index.ts";
import { nearestName } from "../dsl/did_you_mean.ts";

/** A backend by name; "auto" picks by what is present. */
export type BackendName = "auto" | "wasm" | "reference";

/** A backend, and why it was picked. */
export interface BackendChoice {
  readonly backend: Backend;
  /** For people: "asked for". */
  readonly why: string;
}

/** What a backend may use. */
export interface BackendLimits {
  /** Threads, with the first; as many as there are processors when not given. */
  readonly threads?: number | undefined;
}

const wasm = ({ threads }: BackendLimits) => threads === undefined ? wasmBackend : makeWasmBackend({ threads });

const choices: Readonly<Record<BackendName, (limits: BackendLimits) => BackendChoice>> = {
  auto: (limits) => ({ backend: wasm(limits), why: "picked by auto" }),
  wasm: (limits) => ({ backend: wasm(limits), why: "asked for" }),
  reference: () => ({ backend: referenceBackend, why: "asked for" }),
};

/** The names of the backends. */
export const backendNames: readonly BackendName[] = Object.keys(choices) as BackendName[];

/** Picks a backend. Throws RangeError for an unknown name, or for a number of threads that is none. */
export function chooseBackend(name: string, limits: BackendLimits = {}): BackendChoice {
  const { threads } = limits;
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new RangeError(`The number of threads must be an integer from 1, not ${threads}`);
  }
  if (Object.hasOwn(choices, name)) return choices[name as BackendName](limits);
  const near = nearestName(name, backendNames);
  const hint = near === undefined ? "" : `; did you mean \`${near}\`?`;
  throw new RangeError(`Unknown backend \`${name}\`: known are ${backendNames.join(", ")}${hint}`);
}
