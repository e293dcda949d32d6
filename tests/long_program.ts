// A program of any length, as a researcher's grows: sections of data, a model, an inner loop with overrides, an outer loop, an
// evaluation, a gradient and records, every section with its own names, in the formatter's layout.
import { format } from "../mod.ts";

/** A program of so many sections: with outer loops and evaluations 24 lines each, without them 17. */
export function longProgram(sections: number, outers: boolean): string {
  const outer = (i: number) =>
    `outer train${i} {
  minimize mse(net${i}@T(d${i}.x), d${i}.y)
  over net${i}@0, fit${i}.lr, fit${i}.momentum
  by adam(lr = 1e-3)
  for 2 steps
}
evaluate test${i} { report mse(net${i}@t(d${i}.x), d${i}.y) at t in 0 .. T }
record train${i}.loss, fit${i}.momentum every 1 steps
`;
  const section = (i: number) => `
data d${i} { x : [2, 3] = [[1, 0, 2], [0, 1, ${i}]]  y : [2, 1] = [[1], [2]] }
model net${i}(x : [n, 3]) -> [n, 1] {
  use hidden = dense(4)
  use out = dense(1)
  return x |> hidden |> tanh |> out
}
fn penalty${i}(w) = 1e-3 * sum(w^2)
inner fit${i} {
  minimize mse(net${i}(d${i}.x), d${i}.y) + penalty${i}(net${i}.out.W)
  over net${i}
  by sgd(lr = 0.1, momentum = 0.5)
  for T = 3 steps
}
override fit${i} { lr = 0.05 per step  momentum = 0.4 in 0 .. 1 }
${outers ? outer(i) : ""}gradient sum(net${i}.out.W@T^2) wrt net${i}.out.W@0, fit${i}.lr
`;
  return format(`edition 1\n${Array.from({ length: sections }, (_, i) => section(i)).join("")}`);
}
