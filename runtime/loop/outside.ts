// Which integer was outside its range, and where? Asked once it is known that one was: the checks of the function are run alone, on
// the inputs that it had, and the first that fails says its value, its entry, and the step and task.
import { expandChecks } from "../autodiff/expand_gradients.ts";
import type { CheckReport } from "../autodiff/lower_solves.ts";
import type { Backend } from "../backend/interface.ts";
import { referenceBackend } from "../backend/reference/index.ts";
import { MetaRuntimeError } from "../errors.ts";
import type { HostArray, IrFunction } from "../ir/types.ts";
import { place } from "../program/given_arrays.ts";

/** The error for a function that reported an integer outside its range when it was called so. */
export function outsideError(fn: IrFunction, inputs: readonly HostArray[], backend: Backend): MetaRuntimeError {
  try {
    const { fn: checks, reports } = expandChecks(fn);
    // the numbers that did not fit 32 bits are told in float64
    const executable = (backend.dtypes.includes("f64") ? backend : referenceBackend).compile(checks);
    const vectors = executable.run(inputs).map(({ data }) => Array.from<number>(data));
    executable.dispose();
    const first = vectors.findIndex(([failed]) => failed !== 0);
    if (first >= 0) return describeFailure(fn.name, reports[first]!, vectors[first]!);
  } catch (error) {
    if (!(error instanceof MetaRuntimeError || error instanceof RangeError)) throw error;
    return new MetaRuntimeError(
      `\`${fn.name}\`: an integer is outside its range; looking for the place failed: ${error.message}`,
    );
  }
  return new MetaRuntimeError(`\`${fn.name}\`: an integer is outside its range`);
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
