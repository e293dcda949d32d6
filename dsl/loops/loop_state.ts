// What is the state of a loop? Of each tensor that it changes the value, and the states of its rule for it: one thing, that a loop
// carries in one order.
import type { Variable } from "../../runtime/ir/types.ts";
import type { LeafDeclaration, LeafState, LoopState, RuledLeaves } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";

/** What is carried: the values of all tensors, then the states of all. */
export function carryOf(state: LoopState): Variable[] {
  const values = [...state.map(({ p }) => p), ...state.flatMap(({ states }) => [...states.values()])];
  return values.map((x) => x.variable);
}

/** The same state with what a loop carries elsewhere. */
export function withCarry(state: LoopState, carry: readonly Variable[]): LoopState {
  let at = state.length;
  return state.map(({ p, states, ...rest }, i) => ({
    ...rest,
    p: { ...p, variable: carry[i]! },
    states: new Map([...states].map(([name, x]) => [name, { ...x, variable: carry[at++]! }])),
  }));
}

/** Everything, what is the same all along too: what is carried, then the numbers of steps made before. */
export function everythingOf(state: LoopState): Variable[] {
  return [...carryOf(state), ...state.flatMap(({ made }) => made ? [made] : [])];
}

/** The same state with everything it is made of elsewhere. */
export function withEverything(state: LoopState, everything: readonly Variable[]): LoopState {
  let at = carryOf(state).length;
  return withCarry(state, everything).map((leaf) => leaf.made ? { ...leaf, made: everything[at++]! } : leaf);
}

/** The values by the names of the tensors. */
export function valuesOf(state: LoopState): Map<string, TensorValue> {
  return new Map(state.map(({ leaf, p }) => [leaf.name, p]));
}

/** The part of a state that models hold: no rule changes it, and keeps nothing of it. */
export function heldByModels(
  leaves: readonly LeafDeclaration[],
  value: (leaf: LeafDeclaration) => TensorValue,
): LeafState[] {
  return leaves.filter((leaf) => leaf.state).map((leaf) => ({ leaf, p: value(leaf), states: new Map() }));
}

/** Each tensor with the rule that changes it, in the order of a state. */
export function eachLeaf(
  rules: readonly RuledLeaves[],
): { readonly ruled: RuledLeaves; readonly leaf: LeafDeclaration }[] {
  return rules.flatMap((ruled) => ruled.leaves.map((leaf) => ({ ruled, leaf })));
}
