// What is recorded, and can it be? Reads every `record`: what changes at meta-steps, and the times of loops.
import type { RecordRequest } from "../../runtime/program/program.ts";
import { declaredHere, neverChanges } from "../diagnostics/messages.ts";
import type { DiagnosticDraft } from "../diagnostics/diagnostic.ts";
import { openLook } from "../elaborate/functions.ts";
import { loopsChanging } from "../elaborate/ownership.ts";
import { changesUnknown, referenceLeaves, resolveReference } from "../elaborate/references.ts";
import { requireInteger } from "../elaborate/sizes.ts";
import { isSchedule } from "../loops/hyperparameters.ts";
import type { Expression } from "../syntax/ast.ts";
import { headName, pathText } from "../syntax/paths.ts";
import { quoted } from "../text/words.ts";
import { hyperparameterPath, type Loop } from "../world/loop.ts";
import { fail, sourceText } from "../world/report.ts";
import type { Context, Elaboration, LeafDeclaration, Reference } from "../world/world.ts";
import type { HyperparameterValue } from "../world/value_kinds.ts";
import type { CheckedOuter, CheckedRecords, RecordedTimes, TrajectoryWish } from "./checked_program.ts";
import { lost } from "./lost_items.ts";

/** What may be recorded. */
interface Recordable {
  readonly outers: readonly CheckedOuter[];
  readonly persistent: readonly LeafDeclaration[];
  /** The loops whose times are kept. */
  readonly recordable: ReadonlySet<Loop>;
  /** Every item could be gone through, and every outer: what none of them does is done by none. */
  readonly whole: boolean;
  readonly learners: boolean;
}

/** Where a `record` is read, and what all say so far. */
interface Reading extends Recordable {
  readonly cx: Context;
  readonly byOuter: Map<Loop, RecordRequest[]>;
  readonly wishes: CheckedRecords["wishes"][number][];
  readonly sensitivities: CheckedRecords["sensitivities"][number][];
}

/** One thing that is recorded, as written. */
interface Entry {
  readonly expression: Expression;
  /** Without its time, as text; and with it. */
  readonly name: string;
  readonly label: string;
  /** `@0` counts as none but is no bare name. */
  readonly time: "none" | "start" | "all" | "other";
  readonly times: RecordedTimes;
}

/** Reads every `record` of the root file. Mistakes are reported. */
export function readRecords(el: Elaboration, may: Recordable): CheckedRecords {
  const cx = openLook(el, "record", el.modules.root);
  const reading: Reading = { ...may, cx, byOuter: new Map(), wishes: [], sensitivities: [] };
  const { byOuter, wishes, sensitivities } = reading;
  const made = () => [...byOuter.values()].reduce((n, list) => n + list.length, wishes.length + sensitivities.length);
  for (const item of el.modules.root.program.items) {
    if (item.kind !== "Record") continue;
    const every = item.every && requireInteger(cx, item.every, "the number of steps", 1);
    const task = item.task ? requireInteger(cx, item.task, "the task", 0) : 0;
    if (item.every && every === undefined || task === undefined) continue;
    for (const reference of item.references) {
      const before = made();
      readRecord(reading, reference, { every, task, at: reference.span });
      if (made() === before && !el.sink.hasErrors && el.unshaped.size === 0) throw lost(el, "A record", reference.span);
    }
  }
  return { byOuter, wishes, sensitivities };
}

/** The times of an outer's loops are kept for one task, at one interval. */
export function refuseDifferentTimes(
  el: Elaboration,
  outer: CheckedOuter,
  { wishes, sensitivities }: CheckedRecords,
): void {
  const cx = { elaboration: el, frames: [] };
  const own = [
    ...wishes.filter((w) => outer.inners.has(w.loop)),
    ...sensitivities.filter((s) => s.loop === outer.loop),
  ];
  const [first] = own;
  const missing = own.find((o) => outer.across && o.task >= outer.across.count);
  // a smaller instance may have fewer
  if (missing && el.instance.mostTasks === undefined) {
    fail(cx, {
      code: "M0314",
      title: `There is no task ${missing.task}: \`${outer.loop.name}\` has tasks 0 .. ${outer.across!.count - 1}`,
      at: missing.at,
    });
  }
  const other = own.find((o) => o.every !== first!.every || o.task !== first!.task);
  if (!first || !other) return;
  fail(cx, {
    code: "M0701",
    title: `Records of times of \`${outer.loop.name}\` at two intervals, or of two tasks, are not yet supported`,
    at: other.at,
    secondary: [{ span: first.at, message: "recorded otherwise" }],
    hint: "write them in one `record`",
  });
}

function readRecord(reading: Reading, expression: Expression, times: RecordedTimes): void {
  const { cx } = reading;
  const el = cx.elaboration;
  if (expression.kind === "Missing") return;
  const object = expression.kind === "Time" ? expression.object : expression;
  const reference = resolveReference(cx, object);
  const label = sourceText(el, expression);
  if (reference === undefined || cx.scope.module.unresolved.has(headName(object) ?? "")) return;
  if (reference === "not a reference") {
    const last = [...el.loops.values()].at(-1);
    return void fail(cx, {
      code: "M0201",
      title: `\`${label}\` cannot be recorded: it is not a loop's loss, a parameter or a hyperparameter`,
      at: expression.span,
      hint: label === "loss" && last
        ? `write \`record ${last.name}.loss${last.kind === "inner" ? "@*" : ""}\``
        : undefined,
    });
  }
  const entry: Entry = { expression, name: sourceText(el, object), label, time: timeOf(expression), times };
  switch (reference.kind) {
    case "sensitivity":
      return readSensitivity(reading, entry, reference.loop);
    case "quantity":
      return readQuantity(reading, entry, reference);
    case "model":
    case "leaf":
      return readLeaves(reading, entry, reference, referenceLeaves(el, reference));
    case "hyperparameter": {
      const leaves = referenceLeaves(el, reference);
      return readSchedule(reading, entry, reference, leaves)
        ? undefined
        : readLeaves(reading, entry, reference, leaves);
    }
    default: {
      const hint = reference.kind === "taken" &&
        `write \`report ${label}\` in an \`evaluate\`, or \`output n = ${label}\``;
      return refuse(reading, entry, {
        code: "M0203",
        title: `\`${label}\` cannot be recorded`,
        ...(hint ? { hint } : {}),
      });
    }
  }
}

function timeOf(expression: Expression): Entry["time"] {
  if (expression.kind !== "Time") return "none";
  const { time } = expression;
  if (time === "all") return "all";
  return time.kind === "Number" && time.value === 0 ? "start" : "other";
}

function refuse({ cx }: Reading, { expression }: Entry, what: Omit<DiagnosticDraft, "at">): void {
  fail(cx, { ...what, at: expression.span });
}

/** Records what an outer says of each of its meta-steps. */
function add({ byOuter }: Reading, loop: Loop, request: RecordRequest): void {
  byOuter.set(loop, [...(byOuter.get(loop) ?? []), request]);
}

/** Records every time of a loop; not where nothing keeps them (reported). */
function wish(reading: Reading, entry: Entry, wishes: readonly TrajectoryWish[], loop: Loop): void {
  if (isUnrecordable(reading, entry, loop)) return;
  reading.wishes.push(...wishes.map((w) => ({ ...w, ...entry.times })));
}

/** True for a loop whose times nothing keeps (reported). */
function isUnrecordable(reading: Reading, entry: Entry, loop: Loop): boolean {
  if (reading.recordable.has(loop)) return false;
  if (!reading.whole) return true;
  refuse(reading, entry, {
    code: "M0701",
    title: `A record of the times of \`${loop.name}\` is not yet supported where it runs`,
    secondary: [declaredHere(loop.item.name)],
    notes: [
      "Kept are the times of loops that an outer, a gradient without tasks or windows, or nothing else uses directly",
    ],
  });
  return true;
}

function readSensitivity(reading: Reading, entry: Entry, loop: Loop): void {
  const outer = reading.outers.find((o) => o.loop === loop);
  if (!outer) return void isUnrecordable(reading, entry, loop);
  if (outer.direction.kind !== "es") return void reading.sensitivities.push({ loop, ...entry.times });
  const sampled = [...outer.inners].find((l) => l.through.span)!;
  refuse(reading, entry, {
    code: "M0504",
    title: `\`${entry.label}\` is a derivative, and \`es\` takes none`,
    secondary: [{ span: sampled.through.span!, message: "because of this" }],
  });
}

/** Records a loss or the norm of a gradient. */
function readQuantity(reading: Reading, entry: Entry, { loop, quantity }: Reference & { kind: "quantity" }): void {
  const { name, label, time, times } = entry;
  if (loop.kind === "inner") {
    if (time === "all") return wish(reading, entry, [{ loop, name, quantity }], loop);
    return refuse(reading, entry, {
      code: "M0401",
      title: `\`${label}\` changes during \`${loop.name}\`; \`record\` keeps every time`,
      hint: `write \`${name}@*\``,
    });
  }
  if (!reading.outers.some((o) => o.loop === loop)) return void isUnrecordable(reading, entry, loop);
  if (time === "none") return add(reading, loop, { label, what: { kind: quantity }, every: times.every ?? 1 });
  refuse(reading, entry, {
    code: "M0403",
    title: "A record runs over the meta-steps by itself",
    hint: `write \`${name}\``,
  });
}

/** Records a hyperparameter that its loop changes as it goes, at every step; true when it is one. What an outer learns is recorded
 *  as that. */
function readSchedule(
  reading: Reading,
  entry: Entry,
  { loop, declared }: HyperparameterValue,
  leaves: readonly LeafDeclaration[],
): boolean {
  const { cx, outers } = reading;
  const { time, times } = entry;
  if (time === "start" || time === "other" || !isSchedule(cx, declared)) return false;
  const learned = new Set(outers.flatMap((o) => o.leaves));
  if (time === "none" && leaves.some((leaf) => learned.has(leaf))) return false;
  const names = leaves.length > 0 ? leaves.map((leaf) => leaf.name) : [pathText(hyperparameterPath(loop, declared))];
  const own = outers.some((o) => o.loop === loop);
  if (own && time === "all") return false;
  if (!own && isUnrecordable(reading, entry, loop)) return true;
  for (const rate of names) {
    cx.elaboration.recordedRates.add(rate);
    if (own) add(reading, loop, { label: rate, what: { kind: "rate", name: rate }, every: times.every ?? 1 });
    else reading.wishes.push({ loop, name: rate, rate, ...times });
  }
  return true;
}

/** Records tensors: where they start, at meta-steps, or at every time of the loop that changes them. */
function readLeaves(reading: Reading, entry: Entry, reference: Reference, leaves: readonly LeafDeclaration[]): void {
  const { name, time } = entry;
  const loops = loopsChanging(reading.cx.elaboration, reference);
  if (time === "all" || time === "other") return readTimes(reading, entry, loops, leaves);
  if (time === "start" || loops.length === 0) return readLearned(reading, entry, leaves);
  refuse(reading, entry, {
    code: "M0401",
    title: `\`${name}\` changes during \`${loops[0]!.name}\`; say which times are to be kept`,
    hint: `write \`${name}@*\` for every time, or \`${name}@0\` for where it starts`,
  });
}

function readTimes(
  reading: Reading,
  entry: Entry,
  loops: readonly Loop[],
  leaves: readonly LeafDeclaration[],
): void {
  const { name, time } = entry;
  const [loop, other] = loops;
  if (!loop) {
    if (changesUnknown(reading.cx.elaboration)) return;
    return refuse(reading, entry, { ...neverChanges(name), hint: `write \`${name}\`` });
  }
  if (time === "other") {
    return refuse(reading, entry, {
      code: "M0402",
      title: "`record` keeps the start (`@0`) or every time (`@*`)",
      hint: `write \`${name}@*\``,
    });
  }
  if (other) {
    const title = `\`${name}\` is changed by ${quoted(loops.map((l) => l.name), " and ")}`;
    return refuse(reading, entry, { code: "M0404", title });
  }
  wish(reading, entry, leaves.map((leaf) => ({ loop, name: leaf.name, leaf })), loop);
}

/** Records what outers learn of some leaves. */
function readLearned(reading: Reading, entry: Entry, leaves: readonly LeafDeclaration[]): void {
  const { outers, persistent, learners } = reading;
  const learned = leaves.filter((leaf) => persistent.includes(leaf));
  let found = false;
  for (const outer of outers) {
    const moved = new Set(outer.leaves);
    for (const { name } of learned.filter((l) => moved.has(l))) {
      add(reading, outer.loop, { label: name, what: { kind: "leaf", name }, every: entry.times.every ?? 1 });
      found = true;
    }
  }
  if (found || !learners) return;
  refuse(reading, entry, { code: "M0503", title: `\`${entry.label}\` never changes: no outer learns it` });
}
