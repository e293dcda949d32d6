// Is an `output` without mistakes? Its tasks, the outer that it comes after, and the array that it writes.
import type { Context, Elaboration, Value } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import type { OutputItem } from "../syntax/ast.ts";
import { onlyChecked } from "../elaborate/functions.ts";
import { fail, sourceText } from "../world/report.ts";
import { openEvaluation } from "./check_evaluation.ts";
import { areAmong, nameOfRun, outermostOf } from "./check_items.ts";
import { type CheckedOutput, type CheckedProgram, type CheckedSimulation } from "./checked_program.ts";
import { checkedLoops } from "../loops/loop_record.ts";
import { isAfterRun, readAcross } from "../loops/loops.ts";
import { openTasks, readCount } from "../loops/task_scopes.ts";
import { tooLarge } from "../elaborate/sizes.ts";
import { loopsTouched } from "../elaborate/ownership.ts";
import { evaluate, runLoop } from "../world/evaluator.ts";
import { withLocals } from "../world/moments.ts";
import { timeLocals } from "../elaborate/time_points.ts";
import { toTensor } from "../elaborate/arithmetic.ts";
import { leavesOf } from "../elaborate/models.ts";
import { arrayHint, describeValue } from "../world/values.ts";

/** Goes through an output once without running anything. */
export function checkOutput(el: Elaboration, item: OutputItem): CheckedOutput | undefined {
  const { cx } = openEvaluation(el, { item }, onlyChecked);
  const clause = item.across && readAcross(el, item.across, el.modules.root);
  const across = clause && readCount(cx, clause);
  const runs = isAfterRun(cx, item.after, "`after` names the outer whose trained values are used");
  if (item.across && !across || !runs) return undefined;
  const tasks = openTasks(cx, across);
  const value = outputValue(tasks.cx, item);
  if (!value) {
    // one mistake must not hide those in the loops
    for (const inner of loopsTouched(el, item.value)) runLoop(tasks.cx, inner, item.name.span);
    return undefined;
  }
  const stacked = [...(across ? [{ size: across.count }] : []), ...value.dims];
  if (tooLarge(cx, stacked, item.value.span)) return undefined;
  const loops = checkedLoops(tasks.cx.world.consumer);
  const plain = !item.across && !item.after;
  return { item, across, plain, runs: loops, inners: new Set(loops.map((r) => r.loop)) };
}

/** Gives each output to the run that all of its loops are of, where there is one. The others run them for themselves, and those that
 *  ask for neither tasks nor a moment as an item runs them that does not either. */
export function outputsOfRuns(
  el: Elaboration,
  simulations: readonly Omit<CheckedSimulation, "outputs">[],
  outputs: readonly CheckedOutput[],
  items: Pick<CheckedProgram, "gradients" | "evaluations">,
): Pick<CheckedProgram, "simulations" | "outputs"> {
  const owners = new Map(outputs.map((output) => {
    const loops = outermostOf(output.runs);
    const owner = output.plain && loops.size > 0
      ? simulations.find((s) => areAmong(loops, outermostOf(s.runs)))
      : undefined;
    return [output, owner];
  }));
  const others = outputs.filter((output) => !owners.get(output));
  return {
    simulations: simulations.map((s) => ({ ...s, outputs: outputs.filter((o) => owners.get(o) === s) })),
    outputs: others.map((o) => o.plain ? { ...o, drawsAs: nameOfRun(el, items, outermostOf(o.runs)) } : o),
  };
}

/** The array for one task: whole numbers stay ints, what is true or false stays so. */
export function outputValue(cx: Context, item: OutputItem): TensorValue | undefined {
  const value = evaluate(withLocals(cx, timeLocals(cx, item.value)), item.value);
  if (value.kind === "error") return undefined;
  const tensor = toTensor(cx, value, isWhole(value) ? "int" : undefined);
  if (tensor.kind === "tensor") return tensor;
  return void fail(cx, {
    code: "M0304",
    title: `An output is an array, and this is ${describeValue(value)}`,
    at: item.value.span,
    hint: partOf(cx, item, value) ?? arrayHint(value),
  });
}

/** A part of what is no array that is one. */
function partOf(cx: Context, { value: written }: OutputItem, value: Value): string | undefined {
  if (value.kind === "model") {
    const [leaf] = leavesOf(value.instance);
    const time = written.kind === "Time" && written.time !== "all" ? sourceText(cx.elaboration, written.time) : "";
    const such = leaf ? `, such as \`${leaf.name}${time && `@${time}`}\`` : "";
    return `call it, or name one of its parameters${such}`;
  }
  if (value.kind !== "record" || value.what === "task") return undefined;
  return `name one of its fields, such as \`${value.name}.${[...value.members.keys()][0]}\``;
}

/** A list of whole numbers: where it stands decides whether it is one of floats. */
function isWhole(value: Value): boolean {
  return value.kind === "shape" || value.kind === "literal" && value.type === "int";
}
