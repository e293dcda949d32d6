// Small programs for the tests of the command line and the API, each for one way a run can go.

/** y = w x, two points; three steps; everything about it is known by hand: w@t = 3 + (1 − 5 lr)^t (w@0 − 3). */
export const line = `edition 1
precision f64
input rate : float = 0.1
model line(x : [n]) -> [n] { w : [] = 2  return w * x }
data train { x : [2] = [1, 2]  y : [2] = [3, 6] }
inner fit {
  minimize mse(line(train.x), train.y)
  over     line
  by       sgd(lr = rate)
  for      T = 3 steps
}
gradient (line.w@T - 3)^2 wrt line.w@0, fit.lr
record line.w@*
`;

/** The same, with an expectation that is wrong. */
export const missing = line.replace("wrt line.w@0, fit.lr", "wrt line.w@0 expect { value = 1 within 1e-9 }");

/** The inner loop leaves the finite numbers. */
export const diverging = line.replace("= 0.1", "= 1e200");

/** A name that does not exist. */
export const wrong = line.replace("over     line", "over     lime");

/** An outer loop that takes as long as one wants. */
export function training(steps: number): string {
  return `edition 1
precision f64
task points {
  slope ~ uniform(1, 2)
  split train { x : [5, 1] ~ uniform(-1, 1)  y = slope * x }
  split test  { x : [5, 1] ~ uniform(-1, 1)  y = slope * x }
}
model line(x : [n, 1]) -> [n, 1] { w : [1, 1] = 0  return dot(x, w) }
inner fit {
  minimize mse(line(train.x), train.y)
  over     line
  by       sgd(lr = 0.1)
  for      T = 2 steps
}
outer learn {
  minimize mse(line@T(test.x), test.y)
  across   4 points
  over     line@0, fit.lr
  by       sgd(lr = 0.01)
  for      ${steps} steps
}
evaluate held_out {
  across 10 points
  for    T = 2 steps
  report mse(line@t(test.x), test.y) at t in 0 .. 2
}
record learn.loss, fit.lr
`;
}
