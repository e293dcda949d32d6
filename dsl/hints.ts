// Which name was meant? The hint that goes with an unknown one: the nearest known name, or what is written here for a word
// that other languages use.
import { nearestName } from "./did_you_mean.ts";

/** "did you mean `x`?", or nothing when no known name is near. */
export function hintFor(name: string, known: Iterable<string>): string | undefined {
  const nearest = nearestName(name, [...known]);
  return nearest === undefined ? undefined : `did you mean \`${nearest}\`?`;
}

/** Words of NumPy, PyTorch and JAX that have another name here; each cure is used only when what it names is known. */
const habits: ReadonlyMap<string, readonly [needs: string, cure: string]> = new Map([
  ["mm", ["dot", "the matrix product is `dot(x, W)`"]],
  ["bmm", ["matmul", "the batched product is `matmul(a, b)`"]],
  ["square", ["sum", "write `x^2`"]],
  ["pow", ["sum", "write `x^n`"]],
  ["power", ["sum", "write `x^n`"]],
  ["norm", ["sum", "write `sqrt(sum(x^2))`"]],
  ["cat", ["concat", "write `concat(a, b)`"]],
  ["concatenate", ["concat", "write `concat(a, b)`"]],
  ["clamp", ["max", "write `max(low, min(x, high))`"]],
  ["maximum", ["max", "write `max(a, b)`"]],
  ["minimum", ["min", "write `min(a, b)`"]],
  ["arange", ["range", "write `range(n)`"]],
  ["detach", ["stop_gradient", "write `stop_gradient(x)`"]],
  ["heaviside", ["step", "write `step(x)`: 1 where x > 0"]],
  ["ones", ["sum", "a number fills any declared shape: `w : [2, 3] = 1`"]],
  ["zeros", ["sum", "a number fills any declared shape: `w : [2, 3] = 0`"]],
  ["randn", ["normal", "draw it: `w : [2, 3] ~ normal(0, 1)`"]],
  ["rand", ["uniform", "draw it: `w : [2, 3] ~ uniform(0, 1)`"]],
  ["True", ["true", "write `true`"]],
  ["False", ["false", "write `false`"]],
  ["Linear", ["dense", "write `use l1 = dense(units)`"]],
  ["linear", ["dense", "write `use l1 = dense(units)`"]],
  ["SGD", ["sgd", "write `sgd`"]],
  ["dim", ["axis", "write `axis`"]],
  ["keepdim", ["keep", "write `keep`"]],
  ["keepdims", ["keep", "write `keep`"]],
  ["initializer", ["init", "write `init`"]],
  ["learning_rate", ["lr", "write `lr`"]],
  ["in_features", ["units", "write `units`: the size of the input is taken from the call"]],
  ["out_features", ["units", "write `units`"]],
]);

/** The nearest known name, else what is written here for a word of other languages. */
export function hintOrHabit(name: string, known: Iterable<string>): string | undefined {
  const names = [...known];
  const habit = habits.get(name);
  if (habit && names.includes(habit[0])) return habit[1];
  return hintFor(name, names);
}
