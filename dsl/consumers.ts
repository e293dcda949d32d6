// Which functions does an experiment need? Each outer's step, each gradient, each evaluation: a builder, its inputs as they
// are asked for, and the world that expressions of it start in.
import { beginFunction, Builder, newVariable } from "../runtime/ir/builder.ts";
import { eliminateDeadCode } from "../runtime/ir/dead_code.ts";
import { type Bounds, setRange } from "../runtime/ir/ranges.ts";
import { type ArrayType, type IrFunction, largestInt, sizeOf, type Variable } from "../runtime/ir/types.ts";
import type { InputSlot, ProgramFunction } from "../runtime/loop/program.ts";
import type { AcrossClause, Expression } from "./ast.ts";
import { type Elaboration, fail } from "./elaboration.ts";
import type { Definition } from "./modules.ts";
import { evaluate } from "./evaluator.ts";
import { takeAt } from "./indexing.ts";
import { requireInteger, withinLimit } from "./sizes.ts";
import { type GivenField, newTask, openTask } from "./tasks.ts";
import {
  type ConsumerPlace,
  type Context,
  enterWorld,
  type GivenSteps,
  loopAround,
  type Scope,
  type World,
} from "./world.ts";
import { shapeOf } from "./values.ts";

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

/** The leaves that live as long as the run, as one function sees them. */
export interface LastingLeaves {
  /** Those that it is given the values of. */
  readonly persistent: ReadonlySet<string>;
  /** Those that only other items ask for: they have their declared values here. */
  readonly declared?: ReadonlySet<string>;
}

/** Before it is known which there are. */
export const noLeaves: LastingLeaves = { persistent: new Set() };

/** What a new function is like. */
export interface DraftOptions extends LastingLeaves {
  /** What it is called where its draws are made. */
  readonly consumer: string;
  readonly dry: boolean;
  readonly scope: Scope;
  /** It is called at every meta-step. */
  readonly perStep?: boolean;
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
  const slots: { slot: InputSlot; variable: Variable }[] = [];
  const typeOf = (slot: InputSlot): ArrayType => {
    switch (slot.kind) {
      case "seed":
        return { dtype: "i32", shape: [2] };
      case "step":
        return { dtype: "i32", shape: [] };
      case "leaf":
        return { dtype: el.precision, shape: shapeOf(el.leaves.get(slot.name)!.dims) };
      case "data": {
        const { dtype, shape } = el.data.get(slot.name)!;
        return { dtype, shape };
      }
      case "task":
        return slot.type;
      case "state":
        return { dtype: el.precision, shape: [] };
    }
  };
  const bounds = new Map<Variable, Bounds>();
  const known = new Map<string, Variable>();
  const input = (slot: InputSlot, type: ArrayType): Variable => {
    const first = slot.kind === "task" ? ` ${slot.first}` : "";
    const key = "name" in slot ? `${slot.kind} ${slot.name}${first}` : slot.kind;
    const existing = known.get(key);
    if (existing) return existing;
    const label = "name" in slot ? slot.name : slot.kind;
    const variable = b.input(type, label);
    if (slot.kind === "task") {
      const demand = (wanted: Bounds) => bounds.set(variable, stricter(wanted, bounds.get(variable)));
      setRange(variable, { low: -largestInt, high: largestInt, attained: false, source: { name: slot.name, demand } });
    }
    slots.push({ slot, variable });
    known.set(key, variable);
    return variable;
  };
  const byslot = (slot: InputSlot, type?: ArrayType) => input(slot, type ?? typeOf(slot));
  const consumer = {
    name: options.consumer,
    dry: options.dry,
    ...(options.steps === undefined ? {} : { steps: options.steps }),
    ...(options.place === undefined ? {} : { place: options.place }),
    input: byslot,
    runs: [],
    reading: [],
    watches: options.watches ?? false,
    differentiated: options.differentiated ?? false,
    metaStep: options.perStep ? byslot({ kind: "step" }) : undefined,
    persistent: options.persistent,
    declared: options.declared ?? new Set<string>(),
  };
  const world: World = {
    parent: undefined,
    consumer,
    b,
    values: new Map(),
    initials: new Map(),
    starts: new Map(),
    owns: new Set(),
    runs: new Map(),
  };
  return {
    b,
    world,
    cx: { elaboration: el, world, b, scope: options.scope, frames: [] },
    input,
    finish: (outputs) => {
      const whole = eliminateDeadCode(b.finish(outputs.map((x) => b.resolve(x))));
      const bounded = slots.map(({ slot, variable }) => {
        const demanded = bounds.get(variable);
        return { variable, slot: demanded && slot.kind === "task" ? { ...slot, bounds: demanded } : slot };
      });
      return pruneInputs(whole, bounded);
    },
  };
}

/** What satisfies both demands. */
function stricter(a: Bounds, b: Bounds | undefined): Bounds {
  if (!b) return a;
  const reason = a.low >= b.low && a.high <= b.high ? a.reason : b.reason;
  return { low: Math.max(a.low, b.low), high: Math.min(a.high, b.high), reason };
}

/** Leaves out the inputs that nothing reads. */
function pruneInputs(fn: IrFunction, slots: readonly { slot: InputSlot; variable: Variable }[]): ProgramFunction {
  const used = new Set<Variable>(fn.outputs);
  for (const equation of fn.equations) for (const x of equation.inputs) used.add(x);
  const kept = slots.filter((s) => used.has(s.variable));
  return { fn: { ...fn, inputs: kept.map((s) => s.variable) }, inputs: kept.map((s) => s.slot) };
}

/** How many tasks a loop or evaluation is across, and which. */
export interface Across {
  readonly definition: Definition;
  readonly count: number;
  readonly fixed: boolean;
}

/** Reads an `across` clause where a context stands. Undefined when wrong (reported). */
export function readCount(
  cx: Context,
  clause: AcrossClause & { readonly definition: Definition },
): Across | undefined {
  const n = requireInteger(cx, clause.count, "the number of tasks", 1);
  if (n === undefined) return undefined;
  const asks = `this is across ${n} tasks at a time`;
  if (!withinLimit(cx, "tasks", { count: n, asks, at: clause.count.span })) return undefined;
  const { mostTasks = Infinity } = cx.elaboration.instance;
  return { definition: clause.definition, count: Math.min(n, mostTasks), fixed: clause.fixed };
}

/** A stretch of a function that is done for every task: the world of one, and the outputs of all. */
export interface TaskScope {
  readonly cx: Context;
  /** The outputs, stacked [tasks, …]. */
  readonly close: (outputs: readonly Variable[]) => readonly Variable[];
}

/** Enters the tasks that a function is across. Without tasks the outputs get an axis of size 1 all the same. */
export function openTasks(cx: Context, across: Across | undefined): TaskScope {
  const { b, world } = cx;
  if (!across) {
    return { cx, close: (outputs) => outputs.map((x) => b.reshape(b.resolve(x), [1, ...x.shape])) };
  }
  const { definition, count, fixed } = across;
  const common = { definition, count, fixed };
  if (world.consumer.dry) {
    const index = newInput(b);
    const given = (field: GivenField) => {
      if (loopAround(world)) refuseGiven(cx, field);
      return b.input(field);
    };
    const slice = (stacked: Variable) => b.input({ dtype: stacked.dtype, shape: stacked.shape.slice(1) });
    const inside = enterWorld(world, { task: newTask({ ...common, index, given, slice }) });
    openTask(cx.elaboration, inside);
    return {
      cx: { ...cx, world: inside },
      close: (outputs) => outputs.map((x) => b.input({ dtype: x.dtype, shape: [count, ...x.shape] })),
    };
  }
  const scope = b.openMap(definition.name, count);
  const index = scope.slice(b.one("iota", [], { type: { dtype: "i32", shape: [count] }, axis: 0 }));
  const slice = (stacked: Variable) => scope.slice(b.resolve(stacked));
  const given = (field: GivenField) => slice(world.consumer.input(taskSlot(cx, across, field, 0, count)));
  const inside = enterWorld(world, { b: scope.body, task: newTask({ ...common, index, given, slice }) });
  openTask(cx.elaboration, inside);
  return { cx: { ...cx, world: inside, b: scope.body }, close: (outputs) => scope.close(outputs) };
}

/** A host function makes tasks between meta-steps, not inside a compiled loop. */
function refuseGiven(cx: Context, field: GivenField): void {
  fail(cx, {
    code: "M0701",
    title: `\`${field.name}\` is given by the host, which an outer loop inside another does not yet support`,
    at: field.span,
  });
}

/** Enters one task by its number. */
export function openOneTask(cx: Context, across: Across | undefined, number: number): Context {
  if (!across) return cx;
  const { b, world } = cx;
  const index = b.fill(number, { dtype: "i32", shape: [] });
  const given = (field: GivenField) =>
    b.reshape(world.consumer.input(taskSlot(cx, across, field, number, 1)), field.shape);
  const slice = (stacked: Variable) => takeAt({ b }, stacked, number);
  const inside = enterWorld(world, { task: newTask({ ...across, index, given, slice }) });
  openTask(cx.elaboration, inside);
  return { ...cx, world: inside };
}

/** What `count` tasks from number `first` on give to a function as one field. */
function taskSlot(cx: Context, across: Across, field: GivenField, first: number, count: number): InputSlot {
  const { consumer } = cx.world;
  return {
    kind: "task",
    name: field.name,
    task: across.definition.name,
    consumer: consumer.name,
    first,
    type: { dtype: field.dtype, shape: [count, ...field.shape] },
    perStep: consumer.metaStep !== undefined,
    fixed: across.fixed,
    origin: field.span,
  };
}

function newInput(b: Builder): Variable {
  return b.input(newVariable({ dtype: "i32", shape: [] }));
}

/** The mean over the first axis. */
export function meanOverTasks(b: Builder, stacked: Variable): Variable {
  const total = b.sum(stacked, [0]);
  return b.apply("div", total, b.fill(sizeOf([stacked.shape[0]!]), total));
}

/** Evaluates an expression only for its mistakes. */
export function checkExpression(cx: Context, expression: Expression): void {
  evaluate(cx, expression);
}
