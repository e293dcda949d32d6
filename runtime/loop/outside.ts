// Which integer was outside its range, and where? Asked once it is known that one was: the checks of the function are run alone, on
// the inputs that it had, and the first that fails says its value, its entry, and the step and task.
import { expandChecks } from "../autodiff/expand_gradients.ts";
import type { CheckReport } from "../autodiff/lower_solves.ts";
import type { Backend, Pauses } from "../backend/interface.ts";
import { MetaRuntimeError } from "../errors.ts";
import type { HostArray, IrFunction } from "../ir/types.ts";
import { place } from "../program/given_arrays.ts";
import { isFailedSearch, runChecks } from "./run_checks.ts";

/** The error for a function that reported an integer outside its range when it was called so. */
export function outsideError(fn: IrFunction, inputs: readonly HostArray[], backend: Backend): MetaRuntimeError {
  try {
    const { fn: checks, reports } = expandChecks(fn);
    return describeFirst(fn, reports, runChecks(checks, inputs, backend));
  } catch (error) {
    return searchFailed(fn, error);
  }
}

/** The same with pauses. */
export async function outsideErrorWithPauses(
  fn: IrFunction,
  inputs: readonly HostArray[],
  backend: Backend,
  pauses: Pauses,
): Promise<MetaRuntimeError> {
  try {
    const { fn: checks, reports } = expandChecks(fn);
    return describeFirst(fn, reports, await runChecks(checks, inputs, backend, pauses));
  } catch (error) {
    return searchFailed(fn, error);
  }
}

function searchFailed({ name }: IrFunction, error: unknown): MetaRuntimeError {
  if (!isFailedSearch(error)) throw error;
  return new MetaRuntimeError(
    `\`${name}\`: an integer is outside its range; looking for the place failed: ${error.message}`,
  );
}

function describeFirst(
  { name }: IrFunction,
  reports: readonly CheckReport[],
  vectors: readonly (readonly number[])[],
): MetaRuntimeError {
  const first = vectors.findIndex(([failed]) => failed !== 0);
  if (first >= 0) return describeFailure(name, reports[first]!, vectors[first]!);
  return new MetaRuntimeError(`\`${name}\`: an integer is outside its range`);
}

/** "`fit`, step 3 (task 2, meta-step 5 of `train`): a label of `cross_entropy` is 7 at [4], outside 0 .. 2: there are 3 classes". */
function describeFailure(
  name: string,
  { check: { subject, low, high, reason, counters, at }, shape }: CheckReport,
  [, entry, value, ...counts]: readonly number[],
): MetaRuntimeError {
  const said = counters.map(({ what, of }, i) => ({ what, of, count: counts[i]! }));
  const inLoop = said[0]?.what === "step" ? said.shift() : undefined;
  const around = said.map(({ what, of, count }) => `${what} ${count}${of === undefined ? "" : ` of \`${of}\``}`);
  // of a loop that runs by itself, or is a function of a meta-step, the counters say enough
  if (inLoop && /^(gradient|evaluate|output) /.test(name)) around.push(`\`${name}\``);
  const first = inLoop ? `\`${inLoop.of}\`, step ${inLoop.count}` : around.shift() ?? `\`${name}\``;
  const where = around.length === 0 ? first : `${first} (${around.join(", ")})`;
  const position = shape.length === 0 ? "" : ` at [${place(entry!, shape).join(", ")}]`;
  return new MetaRuntimeError(
    `${where}: ${subject} is ${value}${position}, outside ${low} .. ${high}: ${reason}`,
    at,
  );
}
