// Where does a loop stand that goes on from meta-step to meta-step (`from fit@T` in `fit`)? How that begins, what a meta-step leaves for
// the next, and what of it is there where the loop is run.
import type { ArrayType, Variable } from "../../runtime/ir/types.ts";
import { setRange } from "../../runtime/ir/ranges.ts";
import { initialValue } from "../elaborate/leaves.ts";
import { fail } from "../world/report.ts";
import { type Loop, samplesLast } from "../world/loop.ts";
import { taskOf } from "../world/moments.ts";
import { shapeOf, staticNumber } from "../world/values.ts";
import type {
  Across,
  CheckedLoop,
  Consumer,
  Context,
  LeafDeclaration,
  LeafState,
  LoopPlan,
  LoopState,
  TaskInstance,
} from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { firstEntry, hyperparameterLocals } from "./hyperparameters.ts";
import { eachLeaf, everythingOf, heldByModels, withEverything } from "./loop_state.ts";
import { anyMade, countsSteps, startStates } from "./rules.ts";
import { openTasks } from "./task_scopes.ts";

/** Where one tensor of a loop starts, and what its rule goes on with there: nothing, where that begins anew. */
export interface LeafStart {
  readonly p: TensorValue;
  readonly goesOn?: {
    /** A state that is like the one with which the rule would begin. */
    readonly state: (name: string, fresh: TensorValue) => Variable;
    /** The steps that the rule has made (i32 scalar). */
    readonly made: () => Variable | undefined;
  };
}

/** True for `inner fit { ... from fit@T }`: it goes on where it ended at the meta-step before. */
export function isWarm({ name, from }: Loop): boolean {
  const value = from?.value;
  return value?.kind === "Time" && value.object.kind === "Name" && value.object.name === name;
}

/** What is kept of one tensor of a loop goes by its own name, or that of a state of its rule, with the loop: `w@fit`, `w.v@fit`. */
export const keptName = (loop: Loop, leaf: LeafDeclaration, part?: string) =>
  `${leaf.name}${part === undefined ? "" : `.${part}`}@${loop.name}`;

/** The names of everything that is kept of a loop, in the order of `everythingOf`. */
export function keptNames(loop: Loop, state: LoopState): string[] {
  return [
    ...state.map(({ leaf }) => keptName(loop, leaf)),
    ...state.flatMap(({ leaf, states }) => [...states.keys()].map((name) => keptName(loop, leaf, name))),
    // no state can be called so
    ...state.flatMap(({ leaf, made }) => made ? [keptName(loop, leaf, "t")] : []),
  ];
}

/** Where a warm loop stands before the first meta-step, for all tasks: [tasks, ...], when there are tasks. */
export function firstStanding(cx: Context, across: Across | undefined, plan: LoopPlan): LoopState {
  const tasks = openTasks(cx, across);
  const inside = tasks.cx;
  const { b } = inside;
  const { loop, steps } = plan;
  const time = { t: staticNumber(0, "int"), steps, b, entry: firstEntry(b) };
  const ruledState = eachLeaf(plan.rules).map(({ ruled, leaf }): LeafState => {
    const p = initialValue(inside, leaf)!;
    if (loop.from!.fresh) return { leaf, p, states: new Map() };
    const states = startStates(inside, ruled.rule, leaf, p, hyperparameterLocals(inside, loop, ruled, leaf, time))!;
    const made = countsSteps(ruled.rule) ? b.fill(0, { dtype: "i32", shape: [] }) : undefined;
    return { leaf, p, states, made };
  });
  const state = [...ruledState, ...heldByModels(plan.leaves, (leaf) => initialValue(inside, leaf)!)];
  const all = tasks.close(everythingOf(state));
  return withEverything(state, across ? all : all.map((x) => cx.b.reshape(x, x.shape.slice(1))));
}

/** Types of everything that is kept of a warm loop, as `firstStanding` has it. */
export function standingTypes(
  across: Across | undefined,
  { loop, rules, leaves, carry }: CheckedLoop,
): ArrayType[] {
  const all: readonly ArrayType[] = loop.from!.fresh
    ? carry.slice(0, leaves.length)
    : [...carry, ...eachLeaf(rules).flatMap(({ ruled }) => countsSteps(ruled.rule) ? [steps] : [])];
  return all.map(({ dtype, shape }) => ({ dtype, shape: across ? [across.count, ...shape] : shape }));
}

const steps: ArrayType = { dtype: "i32", shape: [] };

/** What the run of a warm loop leaves for the next meta-step, of the task that a context stands in. */
export function leftBehind({ world }: Context, { loop }: CheckedLoop): LoopState {
  const run = world.runs.get(loop)!;
  return run.leaves.map((leaf) => {
    const end = run.state(leaf, run.steps);
    return loop.from!.fresh ? { ...end, states: new Map(), made: undefined } : end;
  });
}

/** Where a tensor of a warm loop starts: where the loop stands; where nothing moves it, at the initial value. Undefined when wrong
 *  (reported). */
export function standingOf(cx: Context, loop: Loop, leaf: LeafDeclaration): LeafStart | undefined {
  const { consumer } = cx.world;
  let task: TaskInstance | undefined;
  let metaStep = consumer.metaStep !== undefined;
  for (let w: typeof cx.world | undefined = cx.world; w; w = w.parent) {
    const standing = w.standing?.get(loop);
    if (standing) {
      const { p, states, made } = standing.state.find((own) => own.leaf === leaf)!;
      const own = (x: Variable) => standing.across ? taskOf(cx.world)!.slice(x) : cx.b.resolve(x);
      const start = {
        p: { ...p, variable: own(p.variable) },
        ...(loop.from!.fresh ? {} : {
          goesOn: { state: (name: string) => own(states.get(name)!.variable), made: () => made && own(made) },
        }),
      };
      return standing.begins ? unlessBegun(cx, leaf, standing.begins, start) : start;
    }
    const around = [...w.owns].find((other) => other.kind === "inner" && other !== loop);
    if (around) return refuseInside(cx, loop, around);
    task ??= w.task;
    if (!w.metaStep) continue;
    metaStep = true;
    break;
  }
  if (metaStep && task && !task.fixed) return refuseOtherTasks(cx, loop, task);
  const given = consumer.metaStep ? undefined : givenStart(cx, leaf);
  if (!isLasting(consumer, loop)) {
    const p = given ?? initialValue(cx, leaf);
    return p && { p };
  }
  return standingInRun(cx, loop, leaf, given);
}

/** Where a tensor starts, but where its loop begins anew. */
function unlessBegun(cx: Context, leaf: LeafDeclaration, begins: Variable, { p, goesOn }: LeafStart): LeafStart {
  const { b } = cx;
  const choose = (first: Variable, on: Variable) =>
    b.apply("select", b.broadcastTo(b.resolve(begins), on.shape), first, on);
  const first = initialValue(cx, leaf)!;
  return {
    p: { ...p, variable: choose(first.variable, p.variable) },
    ...(goesOn && {
      goesOn: {
        state: (name, fresh) => choose(fresh.variable, goesOn.state(name, fresh)),
        made: () => {
          const made = goesOn.made();
          return made && choose(b.fill(0, made), made);
        },
      },
    }),
  };
}

/** True where a function begins a loop where outers have left it. */
export function isLasting({ present, lasting }: Consumer, loop: Loop): boolean {
  return present && lasting.has(loop);
}

/** What is differentiated for in place of where a tensor stands. */
function givenStart({ world }: Context, leaf: LeafDeclaration): TensorValue | undefined {
  for (let w: typeof world | undefined = world; w; w = w.parent) {
    const given = w.initials.get(leaf.name);
    if (given) return given;
  }
  return undefined;
}

/** Where a loop stands in the run, as the inputs of a function say it. */
function standingInRun(cx: Context, loop: Loop, leaf: LeafDeclaration, given: TensorValue | undefined): LeafStart {
  const { elaboration: { precision: dtype }, world } = cx;
  const across = world.consumer.lasting.get(loop);
  const read = ({ dtype, shape }: ArrayType, part?: string) => {
    const type = { dtype, shape: across ? [across.count, ...shape] : shape };
    const slot = {
      kind: "state",
      name: keptName(loop, leaf, part),
      ...(part === undefined ? { leaf: leaf.name } : {}),
    } as const;
    const kept = world.consumer.input(slot, type);
    return across ? taskOf(world)!.slice(kept) : cx.b.resolve(kept);
  };
  const made = () => {
    const steps = read({ dtype: "i32", shape: [] }, "t");
    setRange(steps, anyMade);
    return steps;
  };
  const { dims } = leaf;
  const start: LeafStart = {
    p: given ?? { kind: "tensor", variable: read({ dtype, shape: shapeOf(dims) }), dims },
    ...(loop.from!.fresh ? {} : { goesOn: { state: (name, { variable }) => read(variable, name), made } }),
  };
  if (!world.consumer.metaStep || !samplesLast(loop)) return start;
  const age = world.consumer.input({ kind: "state", name: ageName(loop) }, { dtype: "i32", shape: [] });
  return unlessBegun(cx, leaf, cx.b.apply("eq", cx.b.resolve(age), cx.b.fill(0, age)), start);
}

/** Where the number of windows is kept that a loop has behind it which begins anew after some; 0 where it begins. */
export const ageName = (loop: Loop): string => `windows of ${loop.name}`;

/** A loop has no meta-step before it where each step of an inner loop runs it. */
function refuseInside(cx: Context, loop: Loop, around: Loop): undefined {
  return void fail(cx, {
    code: "M0203",
    title: `\`${loop.name}\` goes on from meta-step to meta-step, and here each step of \`${around.name}\` runs it`,
    at: loop.from!.value.span,
    secondary: [{ span: around.item.name.span, message: `\`${around.name}\` runs it` }],
    hint: `leave out \`from\`: it then starts at the initial values at each step of \`${around.name}\``,
  });
}

function refuseOtherTasks(cx: Context, loop: Loop, { count, text }: TaskInstance): undefined {
  return void fail(cx, {
    code: "M0203",
    title: `\`${loop.name}\` cannot go on from the meta-step before, which had other tasks`,
    at: loop.from!.value.span,
    hint: `write \`across ${count} ${text} fixed\``,
  });
}
