// How is an `output` computed? Its array with the present values; what of it is not finite is counted, and where that leaves nothing
// the run goes on and fails. Called by `run.ts` and `measure.ts`.
import type { HostArray, TypedArray } from "../ir/types.ts";
import { MetaRuntimeError } from "../errors.ts";
import { place } from "../program/given_arrays.ts";
import type { OutputArray, OutputProgram } from "../program/program.ts";
import type { OutputResult } from "./results.ts";
import { allFinite } from "./non_finite.ts";
import type { RunContext } from "./run_context.ts";
import { describeWatched, type FirstWatched } from "./watch.ts";

/** Computes an output with the present values of the leaves. As in an evaluation, tasks in which an entry is not finite are counted and
 *  no error; when there is no other, or no task at all, the run goes on and fails. */
export async function computeOutput(item: OutputProgram, context: RunContext): Promise<void> {
  const outputs = await context.call(item.fn, { step: 0 });
  const { after, tasks } = item;
  const search = async () => item.watch && await context.watch(item.watch(), { step: 0 });
  await keepOutput(item, context, {
    value: outputs[0]!,
    mark: markOf(item, outputs),
    search,
    ...(after && { after }),
    ...(tasks && { tasks }),
  });
}

/** What a function says of the entries of an output: 1 for each that was made of NaN. */
export function markOf({ mark }: OutputArray, outputs: readonly HostArray[]): TypedArray | undefined {
  return mark === undefined ? undefined : outputs[mark]!.data;
}

/** Keeps and reports the array of an output, and says where it is not finite. */
export async function keepOutput(
  { name, label, dims, origin }: OutputArray,
  context: RunContext,
  computed: Pick<OutputResult, "value" | "after" | "tasks"> & {
    readonly mark: TypedArray | undefined;
    readonly search: () => Promise<FirstWatched | undefined>;
  },
): Promise<void> {
  const { search, mark, ...of } = computed;
  const bad = nonFinite(of.value, of.tasks ?? 1, mark);
  const result: OutputResult = { name, label, dims, nonFinite: bad.entries, ...of };
  context.outputs.push(result);
  context.report({ kind: "output", output: result });
  if (bad.tasks < (of.tasks ?? 1)) return;
  const found = await search();
  const where = found ? `; ${describeWatched(found)}` : "";
  context.doubt(new MetaRuntimeError(`${describeEmpty(result, bad.first)}${where}`, found?.origin ?? origin));
}

/** How many entries are not finite, or are marked, which is the first, and in how many tasks on axis 0 there are such. */
function nonFinite(
  array: HostArray,
  tasks: number,
  mark: TypedArray | undefined,
): { entries: number; first: number; tasks: number } {
  const found = { entries: 0, first: -1, tasks: 0 };
  if (!mark && allFinite(array)) return found;
  const { data } = array;
  const size = data.length / tasks;
  let last = -1;
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i]) && !mark?.[i]) continue;
    if (found.entries++ === 0) found.first = i;
    const task = Math.floor(i / size);
    if (task !== last) found.tasks++;
    last = task;
  }
  return found;
}

/** "`output predictions` is NaN at [3, 0], and not finite in 2 more of its 40 entries". */
function describeEmpty({ name, tasks, value: { data, shape }, nonFinite }: OutputResult, first: number): string {
  const marked = Number.isFinite(data[first]);
  if (tasks !== undefined && tasks > 1) {
    return `\`output ${name}\` is ${marked ? "made of NaN in all" : "finite in none"} of its ${tasks} tasks`;
  }
  const at = shape.length === 0 ? "" : ` at [${place(first, shape).join(", ")}]`;
  const also = marked ? "" : "not finite ";
  const more = nonFinite > 1 ? `, and ${also}in ${nonFinite - 1} more of its ${data.length} entries` : "";
  return `\`output ${name}\` is ${marked ? "made of NaN" : data[first]}${at}${more}`;
}
