// Which number of a loop was first not finite? Asked once a result is not: the item is run once more with every loop watched
// (dsl/loops/watched_loops.ts), on the inputs that it had, and of what failed the earliest is said with its loop, step and task.
import { expandChecks } from "../autodiff/expand_gradients.ts";
import type { CheckReport } from "../autodiff/lower_solves.ts";
import type { Backend, Pauses } from "../backend/interface.ts";
import type { HostArray, IrFunction, Origin } from "../ir/types.ts";
import { place } from "../program/given_arrays.ts";
import { isFailedSearch, runChecks } from "./run_checks.ts";

/** The first number that is not finite. */
export interface FirstWatched {
  readonly loop: string;
  /** "`fit`, step 3: `fit.loss@3` is Infinity". */
  readonly what: string;
  /** "meta-step 2 of `mid`", "task 1": what is around the loop, from the outside inwards. */
  readonly around: readonly string[];
  readonly origin: Origin;
}

/** Runs a watched function. Undefined when every number of its loops is finite, or the search itself failed: it may need memory
 *  that the run did not. */
export async function firstNotFinite(
  fn: IrFunction,
  inputs: readonly HostArray[],
  backend: Backend,
  pauses?: Pauses,
): Promise<FirstWatched | undefined> {
  try {
    const { fn: checks, reports } = expandChecks(fn);
    const vectors = await runChecks(checks, inputs, backend, pauses);
    const failed = reports.flatMap((report, i) => {
      const [failed, entry, value, ...counts] = vectors[i]!;
      return failed !== 0 && report.check.watched ? [{ report, entry: entry!, value: value!, counts }] : [];
    });
    // a stable sort: what is computed first stays first
    const [first] = failed.sort(earlier);
    return first && describe(first);
  } catch (error) {
    if (isFailedSearch(error)) return undefined;
    throw error;
  }
}

interface Failed {
  readonly report: CheckReport;
  readonly entry: number;
  readonly value: number;
  /** Of the loops, tasks and meta-steps around, innermost first. */
  readonly counts: readonly number[];
}

/** By what counts around both, outermost first; within one step as it is computed. */
function earlier(a: Failed, b: Failed): number {
  const [p, q] = [a, b].map(({ report: { check }, counts }) =>
    check.counters.map(({ what, of }, i) => ({ key: `${what} ${of}`, count: counts[i]! })).reverse()
  ) as [{ key: string; count: number }[], { key: string; count: number }[]];
  for (let i = 0; i < Math.min(p.length, q.length) && p[i]!.key === q[i]!.key; i++) {
    if (p[i]!.count !== q[i]!.count) return p[i]!.count - q[i]!.count;
  }
  return 0;
}

function describe({ report: { check, shape }, entry, value, counts }: Failed): FirstWatched {
  const { loop, quantity, when } = check.watched!;
  const around = check.counters.map(({ what, of }, i) =>
    `${what} ${counts[i]}${of === undefined ? "" : ` of \`${of}\``}`
  );
  const step = when === "start" ? undefined : counts[0]!;
  if (step !== undefined) around.shift();
  const time = when === "step" ? step! : when === "next" ? step! + 1 : 0;
  const name = quantity === "loss" ? `${loop}.loss` : quantity;
  const at = shape.length === 0 ? "" : ` at [${place(entry, shape).join(", ")}]`;
  const stands = step === undefined ? "before the first step" : `step ${step}`;
  return {
    loop,
    what: `\`${loop}\`, ${stands}: \`${name}@${time}\` is ${value}${at}`,
    around: around.reverse(),
    origin: check.at,
  };
}

/** "`fit`, step 3: `w@4` is NaN (meta-step 2 of `mid`, task 1)". */
export function describeWatched({ what, around }: FirstWatched): string {
  return around.length === 0 ? what : `${what} (${around.join(", ")})`;
}
