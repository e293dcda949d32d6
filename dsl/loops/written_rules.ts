// How often is one step of a rule gone through? Once for tensors of one shape: what a rule makes of what it is given is the same
// in every loop and function. The check writes it as a function of its own, and lowering puts that in.
import { Builder, writingApart } from "../../runtime/ir/builder.ts";
import { eliminateDeadCode } from "../../runtime/ir/dead_code.ts";
import { rangeOf, setRange } from "../../runtime/ir/ranges.ts";
import { bodyOf, type IrFunction } from "../../runtime/ir/types.ts";
import type { Module } from "../modules/modules.ts";
import type { OptimizerItem } from "../syntax/ast.ts";
import { isClosed } from "../elaborate/closed.ts";
import { rootWorld } from "../elaborate/functions.ts";
import type { LoopRule, WrittenStep } from "../world/loop.ts";
import { lazily } from "../world/moments.ts";
import { errorValue } from "../world/values.ts";
import type { Context, Elaboration, Local, Value } from "../world/world.ts";
import type { Dim, TensorValue } from "../world/value_kinds.ts";

/** What a rule is given at one step, for one tensor. */
export interface RuleMoment {
  readonly p: TensorValue;
  readonly g: TensorValue;
  readonly t: TensorValue;
  readonly states: ReadonlyMap<string, TensorValue>;
  readonly hyperparameters: ReadonlyMap<string, Local>;
  /** Where the inner loop ends that starts at `p`: the mean over the tasks. */
  readonly end?: TensorValue;
}

/** What it makes of that. */
export interface RuleStep {
  readonly p: TensorValue;
  readonly states: ReadonlyMap<string, TensorValue>;
}

/** A step that is written, what it is put in for, and the axes of what it makes: of `p`, then of the states. */
export interface PlacedStep {
  readonly fn: WrittenStep["fn"];
  readonly given: readonly TensorValue[];
  readonly dims: readonly (readonly Dim[])[];
}

/** The function that a step of a rule is: found, or written by `evaluate`. Undefined when the rule is wrong (reported); "open" where
 *  it reads more than it is given, or a number is looked at in the run. */
export function placedStep(
  cx: Context,
  { optimizer: { item, module } }: LoopRule,
  now: RuleMoment,
  evaluate: (cx: Context, now: RuleMoment) => RuleStep | undefined,
): PlacedStep | "open" | undefined {
  const { elaboration: el } = cx;
  const written = el.rules.get(item) ?? (isClosedRule(el, item, module) ? new Map<string, WrittenStep[]>() : "open");
  el.rules.set(item, written);
  const fixed = [now.p, now.g, now.t, ...now.states.values(), ...(now.end ? [now.end] : [])];
  const likes = fixed.map((x) => likeOf(cx, x));
  if (written === "open" || likes.includes(undefined)) return "open";
  const key = [...likes, ...now.states.keys(), now.end !== undefined, el.work.writesZeros].join("; ");
  const known = written.get(key) ?? [];
  written.set(key, known);
  const isGiven = (x: TensorValue) => cx.b.uniformValue(x.variable) === undefined;
  for (const { fn, reads } of known) {
    const rates = readAlike(cx, now, reads);
    const dims = [now.p, ...now.states.values()].map((x) => x.dims);
    if (rates) return { fn, given: [...fixed, ...rates].filter(isGiven), dims };
  }
  return writingApart(() => {
    const b = new Builder(item.name.name);
    const apart = (x: TensorValue): TensorValue => {
      const uniform = cx.b.uniformValue(x.variable);
      const variable = uniform === undefined ? b.input(x.variable) : b.fill(uniform, x.variable);
      setRange(variable, rangeOf(x.variable));
      return { ...x, variable };
    };
    const reads: WrittenStep["reads"][number][] = [];
    const rates: TensorValue[] = [];
    const read = (name: string, value: Value): Value => {
      reads.push({ name, like: likeOf(cx, value) });
      if (value.kind !== "tensor") return value;
      rates.push(value);
      return apart(value);
    };
    const inside: RuleMoment = {
      p: apart(now.p),
      g: apart(now.g),
      t: apart(now.t),
      states: new Map([...now.states].map(([name, state]) => [name, apart(state)])),
      ...(now.end ? { end: apart(now.end) } : {}),
      hyperparameters: new Map(
        [...now.hyperparameters].map((
          [name, local],
        ) => [name, lazily(() => read(name, local.value()), () => errorValue)]),
      ),
    };
    const consumer = { ...cx.world.consumer, metaStep: undefined };
    const step = evaluate({ ...cx, b, world: rootWorld(consumer, b), batch: undefined }, inside);
    if (!step) return undefined;
    const results = [step.p, ...[...now.states.keys()].map((name) => step.states.get(name)!)];
    const fn = eliminateDeadCode(b.finish(results.map((x) => x.variable)));
    if (looksAtNumbers(fn)) return "open";
    if (reads.every((r) => r.like !== undefined)) known.push({ fn, reads });
    return { fn, given: [...fixed, ...rates].filter(isGiven), dims: results.map((x) => x.dims) };
  });
}

/** True where numbers are looked at in the run: what is said then names the step, which a function apart does not know. */
function looksAtNumbers({ equations }: IrFunction): boolean {
  return equations.some((e) => {
    const body = bodyOf(e);
    return e.op === "check" || body !== undefined && looksAtNumbers(body);
  });
}

/** True when a rule reads what it is given, and numbers. */
function isClosedRule({ evaluator }: Elaboration, { formals, members }: OptimizerItem, module: Module): boolean {
  const own = new Set(["p", "g", "t", "end", ...[...formals, ...members].map((m) => m.name.name)]);
  return members.every((m) => isClosed(evaluator, m.value, module, own));
}

/** The arrays among the hyperparameters that a written step reads, where all are what they were when it was written. They are read in
 *  the same order, and no further than the first that is another. */
function readAlike(cx: Context, now: RuleMoment, reads: WrittenStep["reads"]): TensorValue[] | undefined {
  const arrays: TensorValue[] = [];
  for (const { name, like } of reads) {
    const value = now.hyperparameters.get(name)!.value();
    if (likeOf(cx, value) !== like) return undefined;
    if (value.kind === "tensor") arrays.push(value);
  }
  return arrays;
}

/** Text that is equal for values that a rule cannot tell from each other, but for the numbers in an array; undefined where more is known
 *  of a value than that says. */
function likeOf(cx: Context, value: Value): string | undefined {
  if (value.kind === "static") {
    const number = Object.is(value.value, -0) ? "-0" : value.value;
    return `${value.type} ${number} ${value.name ?? ""}`;
  }
  if (value.kind !== "tensor" || value.time || value.dims.some((d) => d.rows)) return undefined;
  const { low, high, attained, source } = rangeOf(value.variable);
  if (source) return undefined;
  const dims = value.dims.map((d) => `${d.size}${d.name === undefined ? "" : ` ${d.name}`}`);
  return `${value.variable.dtype}[${dims}] ${cx.b.uniformValue(value.variable)} ${low} ${high} ${attained}`;
}
