// How is an `output` computed? Its array with the present values; what of it is not finite is counted, and where that leaves nothing
// the run goes on and fails. Called by `run.ts` and `measure.ts`.
import { type HostArray, sizeOf } from "../ir/types.ts";
import { MetaRuntimeError } from "../errors.ts";
import { place } from "../program/given_arrays.ts";
import type { OutputArray, OutputProgram } from "../program/program.ts";
import type { OutputResult } from "./results.ts";
import type { RunContext } from "./run_context.ts";
import { describeWatched, type FirstWatched } from "./watch.ts";

/** Computes an output with the present values of the leaves. As in an evaluation, tasks in which an entry is not finite are counted and
 *  no error; when there is no other, or no task at all, the run goes on and fails. */
export function computeOutput(item: OutputProgram, context: RunContext): void {
  const [value] = context.call(item.fn, { step: 0 }) as [HostArray];
  const { after, tasks } = item;
  const search = () => item.watch && context.watch(item.watch(), { step: 0 });
  keepOutput(item, context, { value, search, ...(after && { after }), ...(tasks && { tasks }) });
}

/** Keeps and reports the array of an output, and says where it is not finite. */
export function keepOutput(
  { name, label, dims, origin }: OutputArray,
  context: RunContext,
  computed: Pick<OutputResult, "value" | "after" | "tasks"> & { readonly search: () => FirstWatched | undefined },
): void {
  const { search, ...of } = computed;
  const bad = nonFiniteEntries(of.value);
  const result: OutputResult = { name, label, dims, nonFinite: bad.length, ...of };
  context.outputs.push(result);
  context.report({ kind: "output", output: result });
  const { value, tasks = 1 } = of;
  const size = sizeOf(value.shape) / tasks;
  if (new Set(bad.map((entry) => Math.floor(entry / size))).size < tasks) return;
  const found = search();
  const where = found ? `; ${describeWatched(found)}` : "";
  context.doubt(new MetaRuntimeError(`${describeEmpty(result, bad)}${where}`, found?.origin ?? origin));
}

function nonFiniteEntries({ dtype, data }: HostArray): number[] {
  const found: number[] = [];
  if (dtype === "i32" || dtype === "bool") return found;
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) found.push(i);
  return found;
}

/** "`output predictions` is NaN at [3, 0], and in 2 more of its 40 entries". */
function describeEmpty({ name, tasks, value }: OutputResult, bad: readonly number[]): string {
  if (tasks !== undefined && tasks > 1) return `\`output ${name}\` is finite in none of its ${tasks} tasks`;
  const [entry] = bad as [number];
  const at = value.shape.length === 0 ? "" : ` at [${place(entry, value.shape).join(", ")}]`;
  const more = bad.length > 1 ? `, and not finite in ${bad.length - 1} more of its ${value.data.length} entries` : "";
  return `\`output ${name}\` is ${value.data[entry]}${at}${more}`;
}
