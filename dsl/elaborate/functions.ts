// How is a function for the runtime opened? A builder, its inputs as they are asked for, and a world to evaluate in.
import { beginFunction, Builder } from "../../runtime/ir/builder.ts";
import type { Loop } from "../world/loop.ts";
import type {
  Across,
  Consumer,
  ConsumerPlace,
  Context,
  Elaboration,
  GivenSteps,
  LoopPlan,
  Scope,
  World,
} from "../world/world.ts";
import type { InputSlot, ProgramFunction } from "../../runtime/program/program.ts";
import { type ArrayType, type IrFunction, largestInt, type Variable } from "../../runtime/ir/types.ts";
import type { Module } from "../modules/modules.ts";
import { moduleScope } from "../world/report.ts";
import { shapeOf } from "../world/values.ts";
import { type Bounds, setRange } from "../../runtime/ir/ranges.ts";
import { eliminateDeadCode } from "../../runtime/ir/dead_code.ts";

/** A function being written for the runtime. */
export interface Draft {
  readonly b: Builder;
  readonly world: World;
  readonly cx: Context;
  /** An input that only this function has, such as an optimizer's state. */
  readonly input: (slot: InputSlot, type: ArrayType) => Variable;
  /** Ends it: dead code and unused inputs are left out. */
  readonly finish: (outputs: readonly Variable[]) => ProgramFunction;
}

/** What is known of a function when it is written. */
export interface Given {
  /** The leaves that live as long as the run and whose values it is given. */
  readonly persistent: ReadonlySet<string>;
  /** Those that only other items ask for: they have their declared values here. */
  readonly declared?: Pick<ReadonlySet<string>, "has">;
  /** The loops that outers move from meta-step to meta-step, with the tasks that they stand in. */
  readonly lasting?: Consumer["lasting"];
  /** How its loops are run; undefined: it is gone through to find that out, and not written. */
  readonly plans?: ReadonlyMap<Loop, LoopPlan>;
}

/** Before anything is known. */
export const onlyChecked: Given = { persistent: new Set() };

/** Whatever may be learned is an input. */
class AllLeaves extends Set<string> {
  override has(): boolean {
    return true;
  }
}

/** Of a function that shows what is known before the run: what is not is among its inputs. */
export const forKnown: Given = { persistent: new AllLeaves(), plans: new Map() };

/** What a new function is like. */
export interface DraftOptions extends Given {
  /** What it is called where its draws are made. */
  readonly consumer: string;
  readonly scope: Scope;
  /** It is called at every meta-step of this one. */
  readonly outer?: Loop;
  /** It sees what outers have made so far. */
  readonly present?: boolean;
  /** Its loops say where a number is first not finite. */
  readonly watches?: boolean;
  /** Its derivatives are asked for. */
  readonly differentiated?: boolean;
  /** T of every inner loop, when an evaluation says so. */
  readonly steps?: GivenSteps;
  /** What the function is for, for messages. */
  readonly place?: ConsumerPlace;
}

/** Starts a function. */
export function openFunction(el: Elaboration, name: string, options: DraftOptions): Draft {
  const b = new Builder(name);
  el.work.evaluations = 0;
  beginFunction();
  const { slots, input } = openInputs(b);
  const byslot = (slot: InputSlot, type = typeOfSlot(el, slot)) => input(slot, type);
  const consumer = {
    name: options.consumer,
    dry: options.plans === undefined,
    plans: options.plans ?? new Map<Loop, LoopPlan>(),
    ...(options.steps === undefined ? {} : { steps: options.steps }),
    ...(options.place === undefined ? {} : { place: options.place }),
    input: byslot,
    runs: [],
    reading: [],
    watches: options.watches ?? false,
    differentiated: options.differentiated ?? false,
    metaStep: options.outer ? byslot({ kind: "step" }) : undefined,
    outer: options.outer,
    lasting: options.lasting ?? new Map<Loop, Across | undefined>(),
    present: options.present ?? options.outer !== undefined,
    persistent: options.persistent,
    declared: options.declared ?? new Set<string>(),
  };
  const world = rootWorld(consumer, b);
  return {
    b,
    world,
    cx: { elaboration: el, world, b, scope: options.scope, frames: [] },
    input,
    finish: (outputs) => {
      const whole = eliminateDeadCode(b.finish(outputs.map((x) => b.resolve(x))));
      return pruneInputs(whole, slots());
    },
  };
}

/** The inputs of a function, each made when it is first asked for; `slots`: what they are, with what is demanded of them by then. */
function openInputs(b: Builder): {
  readonly input: (slot: InputSlot, type: ArrayType) => Variable;
  readonly slots: () => readonly BoundSlot[];
} {
  const known = new Map<string, BoundSlot>();
  const bounds = new Map<Variable, Bounds>();
  return {
    input(slot, type) {
      const first = slot.kind === "task" ? ` ${slot.first}` : "";
      const key = "name" in slot ? `${slot.kind} ${slot.name}${first}` : slot.kind;
      const existing = known.get(key);
      if (existing) return existing.variable;
      const variable = b.input(type, "name" in slot ? slot.name : slot.kind);
      if (slot.kind === "task") {
        const demand = (wanted: Bounds) => bounds.set(variable, stricter(wanted, bounds.get(variable)));
        setRange(variable, {
          low: -largestInt,
          high: largestInt,
          attained: false,
          source: { name: slot.name, demand },
        });
      }
      known.set(key, { slot, variable });
      return variable;
    },
    slots: () =>
      [...known.values()].map(({ slot, variable }) => {
        const demanded = bounds.get(variable);
        return { variable, slot: demanded && slot.kind === "task" ? { ...slot, bounds: demanded } : slot };
      }),
  };
}

interface BoundSlot {
  readonly slot: InputSlot;
  readonly variable: Variable;
}

function typeOfSlot(el: Elaboration, slot: InputSlot): ArrayType {
  switch (slot.kind) {
    case "seed":
      return { dtype: "i32", shape: [2] };
    case "step":
    case "made":
      return { dtype: "i32", shape: [] };
    case "leaf":
      return { dtype: el.precision, shape: shapeOf(el.leaves.get(slot.name)!.dims) };
    case "data": {
      const { dtype, shape } = el.data.get(slot.name)!;
      return { dtype, shape };
    }
    case "task":
    case "argument":
      return slot.type;
    case "state":
      return { dtype: el.precision, shape: [] };
  }
}

/** Where what stands at the top of a file is evaluated when nothing is made of it. */
export function openLook(el: Elaboration, name: string, module: Module): Context {
  return openFunction(el, name, { consumer: "", scope: moduleScope(module), ...onlyChecked }).cx;
}

/** The world of a whole function. */
export function rootWorld(consumer: Consumer, b: Builder): World {
  return {
    parent: undefined,
    consumer,
    b,
    values: new Map(),
    initials: new Map(),
    starts: new Map(),
    owns: new Set(),
    runs: new Map(),
    begun: new Map(),
    lets: new Map(),
  };
}

/** What satisfies both demands. */
function stricter(a: Bounds, b: Bounds | undefined): Bounds {
  if (!b) return a;
  const reason = a.low >= b.low && a.high <= b.high ? a.reason : b.reason;
  return { low: Math.max(a.low, b.low), high: Math.min(a.high, b.high), reason };
}

/** Leaves out the inputs that nothing reads. */
function pruneInputs(fn: IrFunction, slots: readonly BoundSlot[]): ProgramFunction {
  const used = new Set<Variable>(fn.outputs);
  for (const equation of fn.equations) for (const x of equation.inputs) used.add(x);
  const kept = slots.filter((s) => used.has(s.variable));
  return { fn: { ...fn, inputs: kept.map((s) => s.variable) }, inputs: kept.map((s) => s.slot) };
}
