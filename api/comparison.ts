// How do settings differ, each run with several seeds? Of each number the mean and its interval, and the difference to the first setting:
// in pairs of the same seed and the same task, whose draws are the same, so that what both have in common drops out.
import { pairedDifference, summarize } from "../runtime/loop/statistics.ts";
import type { Quantity } from "./compared_values.ts";

/** One way to run a program, with a run for each seed. */
export interface Setting {
  /** What tells it from the others: `shots = 5`. */
  readonly label: string;
  readonly runs: readonly { readonly seed: number; readonly quantities: readonly Quantity[] }[];
}

/** A mean with its 95 % interval (Student's t); none where there is one value only.
 *
 *  @category Compare and report */
export interface Estimate {
  /** Arithmetic mean. */
  readonly mean: number;
  /** Its 95 % interval, [low, high]. */
  readonly interval?: readonly [number, number];
  /** How many values that is of. */
  readonly count: number;
  /** What these are: runs of different seeds, or tasks of one run. */
  readonly over: "seeds" | "tasks";
}

/** One number in one setting.
 *
 *  @category Compare and report */
export interface ComparedSetting {
  /** What tells it from the others. */
  readonly setting: string;
  /** Those of its runs that have this number. */
  readonly seeds: readonly number[];
  /** Over seeds the mean of the runs' means; of one seed over its tasks. */
  readonly value: Estimate;
  /** This one's minus the first setting's, in pairs; none for the first, and where they have no seed in common. */
  readonly difference?: Estimate;
}

/** One number in every setting that has it.
 *
 *  @category Compare and report */
export interface ComparedQuantity {
  /** Such as `train.loss of the last meta-step`, `test: mse(net@t(query.x), query.y)`. */
  readonly name: string;
  /** The first of them is what the others are compared with. */
  readonly settings: readonly ComparedSetting[];
}

interface Values {
  readonly seed: number;
  readonly quantity: Quantity;
}

/** Compares settings by every number that they have, in the order of the first.
 *
 *  With seeds s = 1 … S and tasks i = 1 … n of values x_si (setting) and y_si (first setting): d_s = Σ_i (x_si − y_si) / n, and the
 *  difference is their mean with the interval of S values; for S = 1 that of the n differences x_1i − y_1i. */
export function compareSettings(settings: readonly Setting[]): readonly ComparedQuantity[] {
  const names = new Set(settings.flatMap(({ runs }) => runs.flatMap((run) => run.quantities.map(({ name }) => name))));
  return [...names].map((name) => {
    const valued = settings.map(({ label, runs }) => ({ label, values: runs.flatMap((run) => valuesOf(run, name)) }));
    const there = valued.filter(({ values }) => values.length > 0);
    const [first] = there;
    return {
      name,
      settings: there.map(({ label, values }) => {
        const difference = values === first!.values ? undefined : differenceOf(values, first!.values);
        const seeds = values.map(({ seed }) => seed);
        return { setting: label, seeds, value: estimateOf(values), ...(difference ? { difference } : {}) };
      }),
    };
  });
}

function valuesOf({ seed, quantities }: Setting["runs"][number], name: string): Values[] {
  const quantity = quantities.find((each) => each.name === name);
  return quantity ? [{ seed, quantity }] : [];
}

function estimateOf(values: readonly Values[]): Estimate {
  const [only] = values;
  return values.length === 1
    ? asEstimate(summarize(only!.quantity.values), only!.quantity.ofTasks ? "tasks" : "seeds")
    : asEstimate(summarize(values.map(({ quantity }) => meanOf(quantity.values))), "seeds");
}

const meanOf = (values: readonly number[]) => summarize(values).mean;

/** Undefined where no two of them can be paired. */
function differenceOf(values: readonly Values[], first: readonly Values[]): Estimate | undefined {
  const pairs = values.flatMap(({ seed, quantity }) => {
    const other = first.find((each) => each.seed === seed)?.quantity;
    return other ? [{ own: quantity, other }] : [];
  });
  const [only] = pairs;
  if (!only) return undefined;
  const ofTasks = only.own.ofTasks && only.other.ofTasks && only.own.values.length === only.other.values.length;
  if (pairs.length === 1 && ofTasks) return asEstimate(pairedDifference(only.own.values, only.other.values), "tasks");
  const means = (side: "own" | "other") => pairs.map((pair) => meanOf(pair[side].values));
  return asEstimate(pairedDifference(means("own"), means("other")), "seeds");
}

function asEstimate({ mean, interval, count }: ReturnType<typeof summarize>, over: Estimate["over"]): Estimate {
  return { mean, ...(interval ? { interval } : {}), count, over };
}
