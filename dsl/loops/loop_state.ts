// What is the state of a loop? Of each tensor that it changes the value, and the states of its rule for it: one thing, that a loop
// carries in one order.
import type { Variable } from "../../runtime/ir/types.ts";
import type { LeafDeclaration, RuledLeaves, TensorValue } from "../world/world.ts";

/** One tensor of a loop at one time. */
export interface LeafState {
  readonly leaf: LeafDeclaration;
  readonly p: TensorValue;
  /** By the names that the rule has for them. */
  readonly states: ReadonlyMap<string, TensorValue>;
}

/** All that the next step of a loop starts from, but for its number. */
export type LoopState = readonly LeafState[];

/** What is carried: the values of all tensors, then the states of all. */
export function carryOf(state: LoopState): Variable[] {
  const values = [...state.map(({ p }) => p), ...state.flatMap(({ states }) => [...states.values()])];
  return values.map((x) => x.variable);
}

/** The same state with what a loop carries elsewhere. */
export function withCarry(state: LoopState, carry: readonly Variable[]): LoopState {
  let at = state.length;
  return state.map(({ leaf, p, states }, i) => ({
    leaf,
    p: { ...p, variable: carry[i]! },
    states: new Map([...states].map(([name, x]) => [name, { ...x, variable: carry[at++]! }])),
  }));
}

/** The values by the names of the tensors. */
export function valuesOf(state: LoopState): Map<string, TensorValue> {
  return new Map(state.map(({ leaf, p }) => [leaf.name, p]));
}

/** Each tensor with the rule that changes it, in the order of a state. */
export function eachLeaf(
  rules: readonly RuledLeaves[],
): { readonly ruled: RuledLeaves; readonly leaf: LeafDeclaration }[] {
  return rules.flatMap((ruled) => ruled.leaves.map((leaf) => ({ ruled, leaf })));
}
