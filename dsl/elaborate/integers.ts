// Which integers may stand where? Indices and labels lie in a range, and so does every result of `+`, `-`, `*` and `sum`. What is
// known now is decided now, what a script gives is looked at when it gives it, and for the rest equations look when the program
// runs; where ranges show that nothing can go wrong, none is written.
import { Builder } from "../../runtime/ir/builder.ts";
import { type Bounds, exactRanges, type IntRange, rangeOf, setRange } from "../../runtime/ir/ranges.ts";
import {
  type HostArray,
  isFloat,
  isRequest,
  largestInt,
  type PrimitiveName,
  sizeOf,
  type Variable,
} from "../../runtime/ir/types.ts";
import { openPreview } from "../../runtime/program/preview.ts";
import { place } from "../../runtime/program/given_arrays.ts";
import { fail, userPlace } from "../world/report.ts";
import { isLibrary, type Span } from "../text/source.ts";
import type { Context } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { noteNumbers } from "./class_numbers.ts";
import { arithmetic, mostSummed, wrappedSum } from "./wrapped.ts";
import { runningTotals } from "./running_totals.ts";
import { capital } from "../text/words.ts";

/** What numbers are, and between which numbers they must lie. */
export interface Demand extends Bounds {
  /** "an index of `take`". */
  readonly subject: string;
  readonly hint?: string;
  readonly at: Span;
}

/** Numbers that stand for one of `size` things, each in 0 .. size - 1. */
export function checkedIndices(
  cx: Context,
  x: TensorValue,
  { size, kind, of, unit, at }: {
    readonly size: number;
    readonly kind: "an index" | "a label";
    /** The function that takes them. */
    readonly of?: string;
    /** What there are `size` of: ["class", "classes"]. */
    readonly unit: readonly [one: string, many: string];
    readonly at: Span;
  },
): TensorValue {
  noteNumbers(cx, x, size, at);
  const callee = isLibrary(at.source) ? cx.frames.find((f) => !isLibrary(f.span.source))?.callee : of;
  const subject = callee === undefined ? kind : `${kind} of \`${callee}\``;
  const reason = size === 1 ? `there is 1 ${unit[0]}` : `there are ${size} ${unit[1]}`;
  return { ...x, variable: inRange(cx, x.variable, { low: 0, high: size - 1, reason, subject, at }) };
}

/** What an axis has as many of as its size. */
export function entriesAlong(axis: number): readonly [string, string] {
  return axis === 0 ? ["row", "rows"] : [`entry along axis ${axis}`, `entries along axis ${axis}`];
}

/** The sum, difference or product of two arrays of integers of one shape, which an int holds. */
export function checkedArithmetic(
  cx: Context,
  op: keyof typeof arithmetic,
  operands: readonly [Variable, Variable],
  at: Span,
): Variable {
  const [x, y] = operands;
  const { sign, wrapped } = arithmetic[op];
  const result = cx.b.apply(op, x, y);
  return inInt(cx, result, {
    range: exactRanges[op](rangeOf(x), rangeOf(y)),
    inputs: operands,
    value: (b, [p, q]) => b.apply(op, b.convert(p!, "f64"), b.convert(q!, "f64")),
    failed: (b) => wrapped(b, result, x, y),
  }, { subject: `the result of \`${sign}\``, at });
}

/** The sums of integers along axes, which an int holds. */
export function checkedSum(cx: Context, x: Variable, axes: readonly number[], at: Span): Variable {
  const result = cx.b.sum(x, axes);
  const count = axes.reduce((n, axis) => n * x.shape[axis]!, 1);
  const range = exactRanges.sum(rangeOf(x), count);
  if (count > mostSummed && Math.max(-range.low, range.high) > largestInt) {
    fail(cx, {
      code: "M0701",
      title: `A \`sum\` of more than ${mostSummed} ints that may need more than 32 bits is not yet supported`,
      at,
      hint: "sum floats: `sum(1.0 * x)`",
    });
    return result;
  }
  return inInt(cx, result, {
    range,
    inputs: [x],
    value: (b, [p]) => b.sum(b.convert(p!, "f64"), axes),
    failed: (b) => wrappedSum(b, x, (v) => b.sum(v, axes)),
  }, { subject: "the `sum`", at });
}

/** Running totals of integers along an axis, which an int holds. */
export function checkedTotals(cx: Context, x: Variable, axis: number, at: Span): Variable {
  const n = x.shape[axis]!;
  const one = rangeOf(x);
  return inInt(cx, runningTotals(cx.b, x, axis), {
    range: { low: Math.min(one.low, n * one.low), high: Math.max(one.high, n * one.high), attained: false },
    inputs: [x],
    value: (b, [p]) => runningTotals(b, b.convert(p!, "f64"), axis),
    failed: (b) => wrappedSum(b, x, (v) => runningTotals(b, v, axis)),
  }, { subject: "the `cumsum`", at });
}

/** A result in 32 bits that must be what it would be with more. */
function inInt(
  cx: Context,
  result: Variable,
  exact: Tested,
  { subject, at }: { readonly subject: string; readonly at: Span },
): Variable {
  const bounds = { low: -largestInt, high: largestInt, reason: "an int has 32 bits" };
  const hint = "make one of the numbers a float, such as `1.0 * t`";
  const least = (b: Builder) => b.apply("eq", result, b.fill(-largestInt - 1, result));
  const failed = (b: Builder) => b.apply("or", exact.failed(b), least(b));
  const checked = inRange(cx, result, { ...bounds, subject, at, hint }, { ...exact, failed });
  // whoever reads it may trust that it did not wrap
  const { low, high } = exact.range;
  if (low < -largestInt || high > largestInt) {
    setRange(result, { low: Math.max(low, -largestInt), high: Math.min(high, largestInt), attained: false });
  }
  return checked;
}

/** The numbers that a demand is of: they may be others than those that are handed on. */
interface Tested {
  readonly range: IntRange;
  /** What they are computed from, and how: in float64 where they may need more than 32 bits. */
  readonly inputs: readonly Variable[];
  readonly value: (b: Builder, inputs: readonly Variable[]) => Variable;
  /** True (bool) where they are not as demanded, by operations that every backend has. */
  readonly failed: (b: Builder) => Variable;
}

/** The same integers or floats, of which it is sure that a demand is met, or it was reported, or the run will say so. */
function inRange(cx: Context, x: Variable, demand: Demand, tested: Tested = itself(x, demand)): Variable {
  const { low, high } = demand;
  const { range } = tested;
  if (!isFloat(x.dtype)) {
    if (range.low >= low && range.high <= high) return x;
    if (range.source?.demand) {
      range.source.demand(demand);
      return x;
    }
    const known = knownValues(cx.b, tested);
    if (known || range.attained) {
      const odd = known?.data.findIndex((v) => v < low || v > high);
      if (odd === -1) return x;
      reportOutside(cx, demand, range, known && { array: known, entry: odd! });
      return cx.b.fill(0, x); // so that nothing is said of what follows from it
    }
  }
  return checkedAtRun(cx, x, demand, tested);
}

/** The demand is of what is handed on. A float must be whole, too; what is no number is not. */
function itself(x: Variable, { low, high }: Bounds): Tested {
  return {
    range: rangeOf(x),
    inputs: [x],
    value: (_, [same]) => same!,
    failed: (b) => {
      const bounds = b.apply("and", b.apply("ge", x, b.fill(low, x)), b.apply("le", x, b.fill(high, x)));
      return b.apply("not", isFloat(x.dtype) ? b.apply("and", bounds, b.apply("eq", x, b.apply("floor", x))) : bounds);
    },
  };
}

/** x, and an equation that looks when it is computed. */
function checkedAtRun(
  cx: Context,
  x: Variable,
  { low, high, reason, subject, at }: Demand,
  { inputs, value, failed }: Tested,
): Variable {
  const { b } = cx;
  const counters = countersOf(cx);
  const given = rangeOf(x).source?.name;
  return b.one("check", [x, failed(b), value(b, inputs), ...counters.map((c) => b.resolve(c.count))], {
    low,
    high,
    subject: given === undefined ? subject : `\`${given}\`, ${subject},`,
    reason,
    counters: counters.map(({ what, of }) => ({ what, of })),
    at: userPlace(cx, at),
  });
}

/** Floats that 32 bits hold once they are cut to whole numbers, or the run will say so. */
export function floatsOfInts(cx: Context, x: Variable, at: Span): Variable {
  const { b } = cx;
  const bounds = { low: -largestInt, high: largestInt, reason: "an int has 32 bits" };
  const held = b.apply("lt", b.apply("abs", x), b.fill(2 ** 31, x));
  return demandedAtRun(cx, x, { ...bounds, subject: "the argument of `int`", at }, b.apply("not", held));
}

/** Floats, and an equation that looks when they are computed: `failed` (bool) is true where one is not as demanded. */
export function demandedAtRun(cx: Context, x: Variable, demand: Demand, failed: Variable): Variable {
  return checkedAtRun(cx, x, demand, { ...itself(x, demand), failed: () => failed });
}

/** What counts where a context stands. */
export interface Counter {
  readonly what: string;
  readonly of: string | undefined;
  readonly count: Variable;
}

/** What counts where a context stands, from the inside out: steps of loops and scans, tasks, meta-steps. */
export function countersOf({ world }: Context): Counter[] {
  const found: Counter[] = [];
  for (let w: typeof world | undefined = world; w; w = w.parent) {
    if (w.step) found.push({ what: "step", of: w.step.name, count: w.step.number });
    if (w.metaStep) found.push({ what: "meta-step", of: w.metaStep.name, count: w.metaStep.number });
    if (w.task?.index) found.push({ what: "task", of: undefined, count: w.task.index });
  }
  const { metaStep, name } = world.consumer;
  if (metaStep) found.push({ what: "meta-step", of: name, count: metaStep });
  return found;
}

/** Says that a number is outside: which, and where it stands. */
function reportOutside(
  cx: Context,
  { low, high, reason, subject, hint, at }: Demand,
  range: IntRange,
  known?: { readonly array: HostArray; readonly entry: number },
): void {
  const { source } = range;
  const found = source?.data ? source.data.findIndex((v) => v < low || v > high) : undefined;
  const value = found !== undefined
    ? source!.data![found]!
    : known
    ? known.array.data[known.entry]!
    : range.low < low
    ? range.low
    : range.high;
  const entry = known && known.array.shape.length > 0
    ? ` at [${place(known.entry, known.array.shape).join(", ")}]`
    : "";
  const where = found !== undefined && source!.where
    ? `${source!.where(found)} is ${value}`
    : source
    ? `\`${source.name}\` is ${value}${entry}`
    : `${capital(subject)} is ${value}${entry}`;
  fail(cx, {
    code: "M0314",
    title: `${where}, outside ${low} .. ${high}`,
    at,
    hint,
    notes: [
      `${capital(reason)}${low === 0 ? ", counted from 0" : ""}`,
      ...(source ? [`\`${source.name}\` is read here as ${subject}`, ...source.notes ?? []] : []),
    ],
  });
}

/** The entries of an array that depends on nothing but what is known now: data, constants, numbers in a row. */
function knownValues(b: Builder, { inputs, value }: Tested): HostArray | undefined {
  const f = new Builder("known");
  const copies = new Map<Variable, Variable | undefined>();
  let work = 0;
  const copy = (variable: Variable): Variable | undefined => {
    const own = b.original(variable);
    if (copies.has(own)) return copies.get(own);
    copies.set(own, undefined);
    work += sizeOf(own.shape);
    if (isFloat(own.dtype) || work > mostKnown) return undefined;
    const equation = b.definition(own);
    const data = rangeOf(own).source?.data;
    let made: Variable | undefined;
    if (!equation) made = data?.length === sizeOf(own.shape) ? f.literal(data, own) : undefined;
    else if (equation.op === "check") made = copy(equation.inputs[0]!);
    else if (evaluable(equation.op)) {
      const inputs = equation.inputs.map(copy);
      if (!inputs.includes(undefined)) made = f.one(equation.op, inputs as Variable[], equation.params as never);
    }
    copies.set(own, made);
    return made;
  };
  const own = inputs.map(copy);
  if (own.includes(undefined)) return undefined;
  const executable = openPreview(f.finish([value(f, own as Variable[])]));
  const [array] = executable.run([]);
  executable.dispose();
  return array;
}

/** Entries that are looked at before the run, at most. */
const mostKnown = 1e7;

const evaluable = (op: PrimitiveName) => op !== "scan" && op !== "map" && op !== "random_bits" && !isRequest(op);
