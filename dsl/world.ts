// When and where is an expression evaluated? A world knows which parameters have which value "now", which task is drawn,
// and which builder the equations of that moment go to. Worlds nest as loops do.
import type { Builder } from "../runtime/ir/builder.ts";
import type { ArrayType, Variable } from "../runtime/ir/types.ts";
import type { InputSlot } from "../runtime/loop/program.ts";
import type { Module } from "./modules.ts";
import type { Loop } from "./loops.ts";
import type { LoopRun } from "./loop_record.ts";
import type { Batch } from "./minibatches.ts";
import type { Table } from "./row_origins.ts";
import type { Source, Sourced } from "./sources.ts";
import type { TaskInstance } from "./tasks.ts";
import type { StaticValue, TensorValue, Value } from "./values.ts";
import type { Elaboration } from "./elaboration.ts";
import type { Expression } from "./ast.ts";
import type { Span } from "./source.ts";

/** One function that is being lowered (or, `dry`, only checked): the step of an outer, a gradient, an evaluation. */
export interface Consumer {
  /** What it is called where its draws are made. */
  readonly name: string;
  /** Nothing is run: every parameter is a placeholder, loops are gone through once. */
  readonly dry: boolean;
  /** T of every inner loop, when `evaluate … for T = 10 steps` says so. */
  readonly steps?: GivenSteps;
  /** The input of the function that a slot stands for, made when first asked for. */
  readonly input: (slot: InputSlot, type?: ArrayType) => Variable;
  /** The meta-step of an outer (i32 scalar). */
  readonly metaStep: Variable | undefined;
  /** The item that it is written for, for messages. */
  readonly place?: ConsumerPlace;
  /** Every inner loop that was run for it, inside others too. */
  readonly runs: LoopRun[];
  /** What each value that is being computed was computed from so far, innermost last. */
  readonly reading: Set<Source>[];
  /** Its loops say where a number is first not finite (watched_loops.ts). */
  readonly watches: boolean;
  /** Its derivatives are asked for: those of an evaluation are not. */
  readonly differentiated: boolean;
  /** Leaves whose values come from outside. */
  readonly persistent: ReadonlySet<string>;
  /** Leaves of other items: drawn once as for those, and computed here where they follow what is learned. */
  readonly declared: ReadonlySet<string>;
}

/** A number of steps that an evaluation gives, with its place. */
export interface GivenSteps {
  /** The loop that it is for. */
  readonly loop: Loop | undefined;
  /** What the evaluation calls it: `S` in `for S = 10 steps`. */
  readonly name: string | undefined;
  readonly count: number;
  readonly span: Span;
  /** Arrays over the steps are cut or keep their last entry (`hold last`), rather than having to fit. */
  readonly holdLast: boolean;
}

/** What a function is written for, as a reader of the program knows it. */
export interface ConsumerPlace {
  /** `train`, this gradient. */
  readonly what: string;
  readonly span: Span;
  /** An inner loop that nothing uses. */
  readonly alone?: boolean;
  /** Where something starts that is learned: alike for all tasks. */
  readonly start?: boolean;
}

/** The two ways through the circle of evaluation, and the words that it knows. */
export interface Evaluator {
  readonly evaluate: (cx: Context, expression: Expression) => Value;
  readonly runLoop: (cx: Context, loop: Loop, span: Span) => LoopRun | undefined;
  /** Builtins by their names, with the arguments that are given by name; and constants. For hints. */
  readonly builtins: ReadonlyMap<string, { readonly named: readonly string[] }>;
  readonly constants: ReadonlyMap<string, StaticValue>;
}

export interface World {
  readonly parent: World | undefined;
  readonly consumer: Consumer;
  /** Where what belongs to this world is computed. An expression may be evaluated deeper, never higher. */
  readonly b: Builder;
  /** Values "now", by leaf name. */
  readonly values: ReadonlyMap<string, TensorValue>;
  /** Values at the start that are given here, by leaf name: what is differentiated for, perturbed or learned. */
  readonly initials: ReadonlyMap<string, TensorValue>;
  /** Values at the start that were computed here, by leaf name: what is drawn for a task in the world of that task. */
  readonly starts: Map<string, Sourced<TensorValue>>;
  /** Loops whose parameters have a value now in this world. */
  readonly owns: ReadonlySet<Loop>;
  /** Inner loops already run here. */
  readonly runs: Map<Loop, LoopRun>;
  readonly task?: TaskInstance;
  /** The step of an inner loop or a scan. */
  readonly step?: StepNow;
  /** The step of an outer loop that another loop or item runs. */
  readonly metaStep?: StepNow;
  /** What is evaluated here is there from the beginning of a task: what it is made of, and where parameters start. */
  readonly beginning?: boolean;
  /** Zeros [T + 1, ...] that are added to what loops evolve, by loop and leaf, so that derivatives for every time can be asked
   *  for. */
  readonly disturbed?: ReadonlyMap<Loop, ReadonlyMap<string, Variable>>;
  /** A loop that is run window by window, and which window this is. */
  readonly window?: LoopWindow;
}

/** Some of the steps of a loop, going on from where those before ended. */
export interface LoopWindow {
  readonly loop: Loop;
  readonly length: number;
  /** Its first step (i32 scalar). */
  readonly from: Variable;
  /** What the loop carries there: parameters, then states, as `LoopRun.carry` gives them; with tasks [tasks, ...]. At step 0 the
   *  loop's own start counts. */
  readonly carry: readonly Variable[];
}

/** The window that a loop is run in where a world stands. */
export function windowOf(world: World, loop: Loop): LoopWindow | undefined {
  for (let w: World | undefined = world; w; w = w.parent) if (w.window?.loop === loop) return w.window;
  return undefined;
}

/** Which step it is of a loop or scan. */
export interface StepNow {
  readonly name: string;
  /** i32 scalar. */
  readonly number: Variable;
}

/** A world inside another: equal to it where nothing is said. */
export function enterWorld(parent: World, inside: Partial<Omit<World, "parent" | "consumer">>): World {
  return {
    parent,
    consumer: parent.consumer,
    b: inside.b ?? parent.b,
    values: inside.values ?? new Map(),
    initials: inside.initials ?? new Map(),
    starts: inside.starts ?? new Map(),
    owns: inside.owns ?? new Set(),
    runs: inside.runs ?? new Map(),
    ...(inside.task ? { task: inside.task } : {}),
    ...(inside.step ? { step: inside.step } : {}),
    ...(inside.metaStep ? { metaStep: inside.metaStep } : {}),
    ...(inside.beginning ? { beginning: true } : {}),
    ...(inside.disturbed ? { disturbed: inside.disturbed } : {}),
    ...(inside.window ? { window: inside.window } : {}),
  };
}

/** The innermost task that a world is in. */
export function taskOf(world: World): TaskInstance | undefined {
  for (let w: World | undefined = world; w; w = w.parent) if (w.task) return w.task;
  return undefined;
}

/** The world that draws belong to: that of the task, of the meta-step of a nested outer, or the outermost. */
export function drawingWorld(world: World): World {
  let w = world;
  while (!w.task && !w.metaStep && w.parent) w = w.parent;
  return w;
}

/** Where what is there from the beginning of a task is evaluated. It matters where the task is kept: what it begins with is then drawn
 *  once, and a model that is called later draws anew at every meta-step. */
export function beginningOf(world: World): World {
  return drawingWorld(world).task?.fixed ? enterWorld(world, { beginning: true }) : world;
}

/** The world of the whole function. */
export function outermost(world: World): World {
  let w = world;
  while (w.parent) w = w.parent;
  return w;
}

/** True when a loop's parameters have a value now. */
export function ownsNow(world: World, loop: Loop): boolean {
  for (let w: World | undefined = world; w; w = w.parent) if (w.owns.has(loop)) return true;
  return false;
}

/** The innermost loop whose step a world is in. */
export function loopAround(world: World): Loop | undefined {
  for (let w: World | undefined = world; w; w = w.parent) for (const loop of w.owns) return loop;
  return undefined;
}

/** What is added to the parameters of a loop that a function runs directly. */
export function disturbanceOf(world: World, loop: Loop): ReadonlyMap<string, Variable> | undefined {
  for (let w: World | undefined = world; w; w = w.parent) {
    if (w.owns.size > 0) return undefined;
    if (w.disturbed) return w.disturbed.get(loop);
  }
  return undefined;
}

/** Names known at a place in the text, innermost first. */
export interface Scope {
  readonly module: Module;
  readonly parent: Scope | undefined;
  readonly locals: ReadonlyMap<string, Local>;
}

/** A call on the way to where we are. */
export interface Frame {
  readonly callee: string;
  readonly span: Span;
  /** What was handed over, with its place in the call. */
  readonly args?: readonly Passed[];
  /** What is said at the place instead of "in this call of …". */
  readonly message?: string;
  /** A stand-in for a call that the program does not make: nothing is said of it. */
  readonly silent?: true;
  /** The definition that is called. */
  readonly item?: object;
}

/** An argument as a value and as a place. */
export interface Passed {
  readonly value: Value;
  readonly span: Span;
}

/** A local name. `value` is computed at most once; `at` is where it is read. */
export interface Local {
  readonly value: (at?: Span) => Value;
}

/** Where an expression is evaluated. */
export interface Context {
  readonly elaboration: Elaboration;
  readonly world: World;
  readonly scope: Scope;
  /** Where equations go now: the world's builder, or one nested in it. */
  readonly b: Builder;
  /** The calls that we are in, innermost first. */
  readonly frames: readonly Frame[];
  /** The rows that are read of a table, in the objective of a loop that takes a batch of it. */
  readonly batch?: Batch | undefined;
  /** The tables that the body of a comprehension or a scan goes through row by row. */
  readonly indexed?: Set<Table>;
}

/** The same place with more names. */
export function withLocals(cx: Context, locals: ReadonlyMap<string, Local>): Context {
  return { ...cx, scope: { module: cx.scope.module, parent: cx.scope, locals } };
}

/** A local whose value is known. */
export function known(value: Value): Local {
  return { value: () => value };
}

/** A local computed when first read; reading it while it is computed calls `onCycle`. */
export function lazily(
  compute: () => Value,
  onCycle: () => Value,
): Local {
  let state: "new" | "busy" | "done" = "new";
  let value: Value;
  return {
    value: () => {
      if (state === "done") return value;
      if (state === "busy") return onCycle();
      state = "busy";
      value = compute();
      state = "done";
      return value;
    },
  };
}
