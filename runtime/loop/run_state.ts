// Where does a run stand? Everything that what is left of it depends on, and all that it has computed so far, as plain data: who writes
// it down can let another run go on from it, with the same bits. Draws need no state: they depend on the seed and on numbers.
import type { HostArray, Origin, TypedArray } from "../ir/types.ts";
import { MetaRuntimeError } from "../errors.ts";
import { type CurvePoints, openCurve } from "./curve.ts";
import type { OuterState } from "./outer_state.ts";
import type { RunResult } from "./results.ts";
import type { RunContext } from "./run_context.ts";

/** What a run computes, item by item. */
const lists = ["outers", "gradients", "evaluations", "outputs", "simulations"] as const;

/** Where a run stands. Arrays may lie in memory that the run goes on in: what is to stay is written down before it does. */
export interface RunState extends Pick<RunResult, typeof lists[number] | "recorded" | "declared"> {
  /** Items that are done, in the order in which the run comes to them. */
  readonly items: number;
  readonly leaves: ReadonlyMap<string, HostArray>;
  readonly states: ReadonlyMap<string, HostArray>;
  /** Where the outer at work stands; none between items. */
  readonly outer?: Omit<OuterState, "leaves" | "states" | "curve" | "latest" | "seconds"> & CurvePoints & {
    /** Seconds spent in it so far. */
    readonly secondsBefore: number;
  };
  /** Why the run has failed although it goes on. */
  readonly doubts: readonly { readonly message: string; readonly origin?: Origin }[];
}

/** What a place is at which another run could go on: the run goes on itself; it was stopped there; or an outer has made its last
 *  meta-step and has not ended, so that it could be made longer. */
export type Moment = "between" | "stop" | "end";

/** Where a run stands now. */
export function stateOf(context: RunContext): RunState {
  const { items, declared, leaves, states, outer, doubts } = context;
  const { outers, records, gradients, evaluations, outputs, simulations } = context;
  return {
    items,
    declared,
    leaves,
    states,
    ...(outer ? { outer: ownOf(outer) } : {}),
    ...{ outers, recorded: records.values(), gradients, evaluations, outputs, simulations },
    doubts: doubts.map(({ message, origin }) => ({ message, ...(origin ? { origin } : {}) })),
  };
}

/** The same, to stay: nothing in it lies in memory that the run goes on in. */
export function keptState(state: RunState): RunState {
  const { leaves, states, outer } = state;
  const own = Object.fromEntries(lists.map((name) => [name, [...state[name]]])) as unknown as Pick<
    RunState,
    typeof lists[number]
  >;
  return {
    ...state,
    ...own,
    leaves: copied(leaves),
    states: copied(states),
    ...(outer ? { outer: copied(outer) } : {}),
  };
}

/** Plain data with arrays of its own. */
function copied<T>(data: T): T {
  if (typeof data !== "object" || data === null) return data;
  if (ArrayBuffer.isView(data)) return (data as unknown as TypedArray).slice() as T;
  if (data instanceof Map) return new Map([...data].map(([key, value]) => [key, copied(value)])) as T;
  if (Array.isArray(data)) return data.map(copied) as T;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, copied(value)])) as T;
}

/** What an outer has of its own. */
function ownOf(
  { leaves: _leaves, states: _states, latest: _latest, curve, seconds, ...own }: OuterState,
): NonNullable<RunState["outer"]> {
  return { ...own, secondsBefore: seconds(), ...curve.points() };
}

/** Goes on from where another run stood; the records begin with what it recorded. */
export function goOnFrom(state: RunState, context: RunContext): void {
  context.items = state.items;
  context.declared = state.declared;
  for (const [name, value] of state.leaves) context.leaves.set(name, value);
  for (const [name, value] of state.states) context.states.set(name, value);
  const { leaves, states } = context;
  if (state.outer) {
    const { metaSteps, losses, gradientNorms, implicit, said, secondsBefore, ...own } = state.outer;
    const last = losses.length - 1;
    context.outer = {
      ...own,
      seconds: () => secondsBefore,
      leaves,
      states,
      curve: openCurve(own.done, { metaSteps, losses, gradientNorms }),
      latest: last < 0 ? undefined : { loss: losses[last]!, gradient_norm: gradientNorms[last]! },
      implicit: new Map(implicit),
      said: new Map(said),
    };
  }
  for (const name of lists) (context[name] as unknown[]).push(...state[name]);
  context.doubts.push(...state.doubts.map(({ message, origin }) => new MetaRuntimeError(message, origin)));
}
