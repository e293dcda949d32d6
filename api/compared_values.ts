// Which numbers of a run are compared with those of another? From the short account that `Run.toJSON()` and `summary.json` give: final
// losses, values of gradients, and the last time of each report of an evaluation, with the value of each task.
import type { Json } from "../runtime/record/metrics.ts";

/** One number of a run, or one of each task of an evaluation. */
export interface Quantity {
  /** Such as `train.loss of the last meta-step`, `test: mse(net@t(query.x), query.y)`. */
  readonly name: string;
  /** Of each task; a single value where there are none. */
  readonly values: readonly number[];
  readonly ofTasks: boolean;
}

type Account = { readonly [key: string]: Json };

const listOf = (json: Json | undefined) => (json ?? []) as readonly Account[];

/** A number as JSON has it: `NaN` and the infinities are texts there. */
const numberOf = (json: Json | undefined) => Number(json ?? NaN);

/** What is compared of a run, in the order of its account. */
export function quantitiesOf(account: Account): readonly Quantity[] {
  const single = (name: string, value: Json | undefined): Quantity => ({
    name,
    values: [numberOf(value)],
    ofTasks: false,
  });
  const outers = listOf(account.outers).filter(({ done }) => numberOf(done) > 0)
    .map(({ name, lastLoss }) => single(`${name}.loss of the last meta-step`, lastLoss));
  const simulations = listOf(account.simulations).map(({ loop, losses, last }) =>
    single(`${loop}.loss of the last step`, last ?? (losses as readonly Json[]).at(-1))
  );
  const gradients = listOf(account.gradients).map(({ label, value }) => single(`gradient of ${label}`, value));
  return [...outers, ...simulations, ...gradients, ...lastEvaluations(account).flatMap(pointsOf)];
}

/** Of an evaluation that was made often the last time. */
function lastEvaluations({ evaluations }: Account): Account[] {
  return [...new Map(listOf(evaluations).map((each) => [each.name, each] as const)).values()];
}

/** Each report at the last of its times. */
function pointsOf({ name, tasks, reports }: Account): Quantity[] {
  return listOf(reports).map(({ label, points }): Quantity => {
    const { mean, values } = listOf(points).at(-1)!;
    const each = (values as readonly Json[] | null)?.map(numberOf);
    return {
      name: `${name}: ${label}`,
      values: each ?? [numberOf(mean)],
      ofTasks: each !== undefined && numberOf(tasks) > 1,
    };
  });
}
