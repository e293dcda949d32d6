// How are the checks of a function run alone? Once, with pauses where that may take long. Used by `outside.ts` and `watch.ts`.
import type { Backend, Pauses } from "../backend/interface.ts";
import { referenceBackend } from "../backend/reference/index.ts";
import { CallGivenUp, MetaRuntimeError } from "../errors.ts";
import type { HostArray, IrFunction } from "../ir/types.ts";
import type { Later } from "./step_loop.ts";

type Vectors = readonly (readonly number[])[];

/** What the checks say: of each a vector. Numbers that do not fit 32 bits are told in float64. */
export function runChecks(checks: IrFunction, inputs: readonly HostArray[], backend: Backend): Vectors;
export function runChecks(
  checks: IrFunction,
  inputs: readonly HostArray[],
  backend: Backend,
  pauses: Pauses | undefined,
): Later<Vectors>;
export function runChecks(
  checks: IrFunction,
  inputs: readonly HostArray[],
  backend: Backend,
  pauses?: Pauses,
): Later<Vectors> {
  const able = backend.dtypes.includes("f64") ? backend : referenceBackend;
  // it is run once, on these
  const executable = able.compile(checks, undefined, pauses, inputs);
  const vectors = (arrays: readonly HostArray[]) => arrays.map(({ data }) => Array.from<number>(data));
  if (executable.runWithPauses) {
    return executable.runWithPauses(inputs).then(vectors).finally(() => executable.dispose());
  }
  try {
    return vectors(executable.run(inputs));
  } finally {
    executable.dispose();
  }
}

/** True where a search did not come to its end: it may need memory that the run did not, or the run is to stop. */
export function isFailedSearch(error: unknown): error is Error {
  return error instanceof MetaRuntimeError || error instanceof RangeError || error instanceof CallGivenUp;
}
