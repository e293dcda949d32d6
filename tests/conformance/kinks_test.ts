// What are slopes at kinks, and what does `where` let through? Programs whose derivatives have closed forms, on both backends that
// are always there, through the steps backwards and forwards.
import { assertAlmostEquals, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { compile, MetaRuntimeError } from "../../mod.ts";

const backends = ["reference", "wasm"] as const;

/** A program, and what its only gradient is. `THROUGH` stands for each way through a loop that there is. */
interface Row {
  readonly name: string;
  readonly program: string;
  readonly expected: Readonly<Record<string, readonly number[]>>;
}

// Results are sums and products of at most some hundred numbers near 1 in float64
const tolerance = 1e-12;

const logistic = "fn logistic_loss(z, y) = max(z, 0) - z * y + log1p(exp(-abs(z)))";

/** x_t = x_0 (1 - 0.2 c)^t: at c = 1, x_2 = 0.64 x_0, and d log x_t / dc = -0.2 t / (1 - 0.2 c) = -t / 4. */
const shrinking = `param x : [3] = [0, 2, 3]
  param c = 1
  inner fit { minimize sum(c * x^2) over x by sgd(lr = 0.1) for T = 2 steps THROUGH }`;

/** x' = s x^2 - 0.4, whatever is minimized: from 3 it leaves the numbers in a few steps, from 0.1 it stays. */
const runaway = `optimizer square(s) { p' = s * p^2 - 0.4 }
  param x : [2] = [0.1, 3]
  param s = 1
  inner fit { minimize sum(tanh(x)) over x by square(s = s) for T = 12 steps THROUGH }`;

/** d x_12 / ds of the entry that stays, by the recursion itself: d' = x^2 + 2 s x d at s = 1. */
function staying(): number {
  let [x, d] = [0.1, 0];
  for (let t = 0; t < 12; t++) [x, d] = [x ** 2 - 0.4, x ** 2 + 2 * x * d];
  return d;
}

const rows: readonly Row[] = [
  {
    name: "the stable logistic loss has slope sigmoid(0) - y at 0",
    program: `${logistic}
      param s : [2] = 0
      gradient sum(logistic_loss(s, [1, 0])) wrt s`,
    expected: { s: [-0.5, 0.5] },
  },
  {
    // d/dw of its gradient X'(sigmoid - y) is X' diag(1/4) X at 0: |X'(1/2 - y)|^2 has the gradient 2 X' 1/4 X X'(1/2 - y)
    name: "a step on the stable logistic loss from 0",
    program: `${logistic}
      param w : [2] = 0
      param lr = 1
      inner fit { minimize sum(logistic_loss(dot([[1, 2], [3, -1]], w), [1, 0])) over w by sgd(lr = lr) for T = 1 steps THROUGH }
      gradient sum(w@T) wrt lr`,
    // w_1 = lr X'(y - 1/2) = lr ([1, 2] / 2 - [3, -1] / 2) = lr [-1, 1.5]
    expected: { lr: [0.5] },
  },
  {
    name: "two equal numbers share, in either order",
    program: `param a = 2
      param b = 2
      gradient max(a, b) + 10 * min(b, a) + 100 * max(a, 2) + 1000 * min(2, b) wrt a, b`,
    expected: { a: [0.5 + 5 + 50], b: [0.5 + 5 + 500] },
  },
  {
    name: "a number shares with itself what it has",
    program: `param a = 3
      gradient max(a, a) + min(a^2, 3 * a) wrt a`,
    // half of 2 a and half of 3
    expected: { a: [1 + 4.5] },
  },
  {
    name: "reductions and pools send all to the first",
    program: `param x : [1, 1, 2, 2] = 1
      gradient sum(max_pool(x)) + 10 * max(x) + 100 * sum(min(x, axis = 3)) wrt x`,
    expected: { x: [111, 0, 100, 0] },
  },
  {
    name: "the largest over times is the first of equal ones",
    program: `param w = 1
      param lr = 0
      inner fit { minimize w over w by sgd(lr = lr) for T = 3 steps THROUGH }
      gradient max(w@t + 0 * lr for t in 1 .. T) wrt lr`,
    expected: { lr: [-1] },
  },
  {
    name: "relu and its like have the slopes of PyTorch at 0",
    program: `param x : [7] = 0
      gradient relu(x[0]) + leaky_relu(x[1], slope = 0.1) + elu(x[2], alpha = 0.7) + selu(x[3]) + softplus(x[4]) + gelu(x[5])
        + silu(x[6]) wrt x`,
    expected: { x: [0, 0.1, 0.7, 1.0507009873554805 * 1.6732632423543772, 0.5, 0.5, 0.5] },
  },
  {
    name: "losses at their kinks",
    program: `param x : [3] = [0, 1, -2]
      gradient 3 * huber(x, [0, 0, 0]) + 30 * mae(x, [0, 0, 0]) wrt x`,
    // d, 1 and -1 of huber, sign of the absolute value
    expected: { x: [0, 11, -11] },
  },
  {
    name: "projection has slope 1 at the ends of its range",
    program: `param w : [2] = [1, 0] in 0 .. 1
      param lr = 0
      inner fit { minimize w[0] - 2 * w[1] over w by sgd(lr = lr) for T = 1 steps THROUGH }
      gradient w@T[0] + 10 * w@T[1] wrt lr`,
    expected: { lr: [-1 + 20] },
  },
  {
    // Within the bound nothing is scaled; at |g| + 1e-6 = c the scale is 1 and does not move
    name: "a clipped gradient of the bound's own norm is not scaled",
    program: `param w = 0
      param a = 3
      inner fit { minimize a * w over w by sgd(lr = 1) for T = 1 steps clip norm 3.000001 THROUGH }
      gradient w@T wrt a`,
    expected: { a: [-1] },
  },
  {
    name: "powers between 0 and 1 are flat at 0, as roots are",
    program: `param x : [4] = [0, 0, 0, 4]
      gradient x[0]^0.5 + x[1]^0.3 + (x[2]^2)^0.5 + x[3]^0.5 wrt x`,
    expected: { x: [0, 0, 0, 0.25] },
  },
  {
    name: "norms written as powers, at 0 and elsewhere",
    program: `param w : [2] = 0
      param v : [2] = [3, 4]
      gradient sum(w^2)^0.5 + sum(v^2)^0.5 wrt w, v`,
    expected: { w: [0, 0], v: [0.6, 0.8] },
  },
  {
    name: "norms, at 0 and elsewhere, over an axis and over all",
    program: `param w : [2] = 0
      param m : [2, 2] = [[3, 0], [4, 0]]
      param v : [2, 2] = [[1, 4], [2, 2]]
      gradient norm(w) + sum([1, 10] * norm(m, axis = 0)) + norm(v) wrt w, m, v`,
    // x / |x|: (3, 4) / 5, a column of zeros, and |v| = 5
    expected: { w: [0, 0], m: [0.6, 0, 0.8, 0], v: [0.2, 0.8, 0.4, 0.4] },
  },
  {
    // w_1 = w - lr (|w|' + c w), the slope of the norm being w / |w|, and 0 at 0 to every order: d w_1 / d w = 1 - lr (0 + c)
    name: "a norm's second derivative at 0 and along what it is the norm of",
    program: `param w : [2] = [0, 0]
      param v : [1] = 2
      param c = 3
      inner fit { minimize norm(w) + norm(v) + 0.5 * c * (sum(w^2) + sum(v^2)) over w, v by sgd(lr = 0.1) for T = 1 steps THROUGH }
      gradient sum([1, 2] * w@T) + 4 * v@T[0] wrt w@0, v@0, c`,
    // of v, of one entry, the norm is |v|: slope 1, curvature 0
    expected: { "w@0": [0.7, 1.4], "v@0": [4 * 0.7], c: [4 * -0.1 * 2] },
  },
  {
    // v' = v - lr v / |v| with |0| = 0 flat: v stays where its gradient is 0
    name: "a loop on a norm written as a power, from 0",
    program: `param v : [2] = 0
      param lr = 0.5
      inner fit { minimize sum(v^2)^0.5 over v by sgd(lr = lr) for T = 2 steps THROUGH }
      gradient sum(v@T) wrt lr, v@0`,
    expected: { lr: [0], v: [1, 1] },
  },
  {
    name: "the entropy of probabilities, one of them 0",
    program: `param p : [3] = [0.5, 0.5, 0]
      gradient -sum(where(p > 0, p * log(p), 0)) wrt p`,
    expected: { p: [Math.LN2 - 1, Math.LN2 - 1, 0] },
  },
  {
    name: "where beside the end of a loop",
    program: `${shrinking}
      gradient sum(where(x@T > 1, log(x@T), c * x@T)) wrt c`,
    // -1/2 for each of the two entries that are above 1; x_T = 0 of the other
    expected: { c: [-1] },
  },
  {
    name: "where around a sum over times",
    program: `${shrinking}
      gradient sum(where(x@T > 1, sum(stack(log(x@0), log(x@1), log(x@2), axis = 0), axis = 0), c * x@T)) wrt c`,
    // -(0 + 1 + 2) / 4 for each of two
    expected: { c: [-1.5] },
  },
  {
    name: "where in a sum over times",
    program: `${shrinking}
      gradient sum(sum(where(x@t > 1, log(x@t), 0)) for t in 0 .. T) wrt c`,
    expected: { c: [-1.5] },
  },
  {
    name: "one condition around all of a sum over times",
    program: `${shrinking}
      param n = 0
      gradient where(n > 0, sum(sum(log(x@t)) for t in 0 .. T), c^3) wrt c`,
    expected: { c: [3] },
  },
  {
    name: "one condition around a loop that runs away",
    program: `${runaway}
      gradient where(abs(sum(x@T)) < 100, sum(x@T), s^3) wrt s`,
    expected: { s: [3] },
  },
  {
    name: "where around the entries of a loop of which one runs away",
    program: `${runaway}
      gradient sum(where(abs(x@T) < 100, x@T, s^3)) wrt s`,
    expected: { s: [staying() + 3] },
  },
  {
    // x' = x + lr / x where x is positive, else it stays
    name: "where in what a loop minimizes",
    program: `param x : [2] = [2, 0]
      param lr = 1
      inner fit { minimize -sum(where(x > 0, log(x), 0)) over x by sgd(lr = lr) for T = 2 steps THROUGH }
      gradient sum(x@T) wrt lr, x@0`,
    // x_1 = 2 + lr / 2 = 2.5, x_2 = x_1 + lr / x_1; d/dlr = 1/2 + 1 / 2.5 - 0.5 / 2.5^2; d/dx_0 = (1 - 1/4) (1 - 1 / 2.5^2)
    expected: { lr: [0.5 + 0.4 - 0.08], x: [0.75 * 0.84, 1] },
  },
  {
    name: "where in a rule, at a gradient of 0",
    program: `optimizer unit(lr) { p' = p - lr * where(g^2 > 0, g / sqrt(g^2), 0) }
      param x : [2] = [2, 0]
      param a = 3
      param lr = 0.5
      inner fit { minimize a * sum(x^2) over x by unit(lr = lr) for T = 2 steps THROUGH }
      gradient sum(x@T) wrt lr, a, x@0`,
    // the sign of the gradient, whose derivative is 0
    expected: { lr: [-2], a: [0], x: [1, 1] },
  },
  {
    name: "a constant of a loop that is infinite where it is not taken",
    program: `data d { x : [3] = [1, 0, 3] }
      let logs = log(d.x)
      param w : [3] = 1
      param c = 2
      inner fit { minimize c * sum(where(d.x > 0, logs * w^2, 0)) over w by sgd(lr = 0.1) for T = 1 steps THROUGH }
      gradient sum(w@T) wrt c`,
    expected: { c: [-0.2 * Math.log(3)] },
  },
  {
    name: "rows of a table that are not taken, through a layer",
    program: `data d { x : [3, 1] = [[1], [0], [2]] }
      model line(x : [n, 1]) -> [n, 1] { use l = dense(1, init = normal(0, 1))  return dot(log(x), l.W) + l.b }
      param w : [1, 2] = [[1, -1]]
      gradient sum(where(d.x > 0, dot(log(d.x), w), 0)) wrt w`,
    expected: { w: [Math.LN2, Math.LN2] },
  },
  {
    // a two-step scan: h' = where(x > 0, h + a log(x), h)
    name: "where in a model's scan",
    program: `data d { x : [3] = [2, 0, 4] }
      param a = 1
      model sums(x : [n]) {
        scan run over now in x {
          state h : [] = 0
          h' = where(now > 0, h + a * log(now), h)
        }
        return run.h
      }
      gradient sum(sums(d.x)) wrt a`,
    // log 2 three times, log 4 once
    expected: { a: [5 * Math.LN2] },
  },
  {
    name: "where in what a loop solves, by the implicit derivative",
    program: `param w : [2] = [1, 0]
      param c = 2
      inner fit { minimize sum(where(w > 0, 0.5 * w^2 - c * log(w), 0.5 * w^2)) over w by sgd(lr = 0.3) for T = 200 steps
        through implicit() }
      gradient sum(w@T) wrt c`,
    // w^2 = c of the first, so 1 / (2 sqrt(c)); the second stays 0
    expected: { c: [0.5 / Math.SQRT2] },
  },
];

const ways = ["", "through forward()"];

for (const { name, program, expected } of rows) {
  const versions = program.includes("THROUGH") ? ways.map((way) => program.replace("THROUGH", way)) : [program];
  Deno.test(`slopes: ${name}`, async () => {
    for (const version of versions) {
      for (const backend of backends) {
        const run = await compile(`edition 1\nprecision f64\n${version}`).run({ backend });
        for (const [leaf, values] of Object.entries(expected)) {
          const { data } = run.gradient(leaf);
          assertEquals(data.length, values.length);
          values.forEach((value, i) => assertAlmostEquals(data[i]!, value, tolerance, `${leaf}[${i}] on ${backend}`));
        }
      }
    }
  });
}

/** Programs with something infinite or NaN that `where` does not stand in the way of: the run says so. */
const visible: readonly (readonly [string, string])[] = [
  ["0 * log(0)", "p * log(p)"],
  ["the branch that is taken", "where(p >= 0, log(p), 0)"],
  ["the branch that is taken, in a derivative only", "where(p >= 0, sqrt(p) * sqrt(p) / (p + 1) + p^1.5 / p, 0)"],
  ["an infinite factor of what `where` gives", "where(p > 0, p, 0) * log(p)"],
  ["a term beside it", "where(p > 0, log(p), 0) + p * log(p)"],
  ["another use of what is not taken", "where(p > 0, log(p), 0) + log(p)"],
  ["the power of a number at which it is infinite", "p^(-0.5)"],
  ["relu", "relu(p / p)"],
  ["relu of the library's kind", "leaky_relu(p / p) + elu(p / p) + softplus(p / p)"],
];

for (const [name, expression] of visible) {
  Deno.test(`where hides nothing that comes another way: ${name}`, async () => {
    for (const backend of backends) {
      const experiment = compile(`edition 1\nprecision f64\nparam p = 0\ngradient ${expression} wrt p`);
      const error = await assertRejects(() => experiment.run({ backend }), MetaRuntimeError);
      assertMatch(error.message, /is NaN|is -?Infinity|is not finite/);
    }
  });
}

const fewShot = (steps: number, rule: string) =>
  `edition 1
  task fewshot {
    split support { x : [5, 1, 16, 16] ~ normal(0, 1)  y = range(5) }
    split query   { x : [10, 1, 16, 16] ~ normal(0, 1)  y = mod(range(10), 5) }
  }
  model net(x : [n, 1, 16, 16]) -> [n, 5] {
    use c1 = conv2d(4)  use b1 = batch_norm()  use c2 = conv2d(4)  use b2 = batch_norm()  use l1 = dense(8)  use head = dense(5)
    let h = x |> c1 |> b1 |> relu |> max_pool |> c2 |> b2 |> relu |> max_pool
    return h |> flatten |> l1 |> relu |> head
  }
  inner adapt { minimize cross_entropy(net(support.x), support.y) over net by ${rule} for T = ${steps} steps }
  outer train { minimize cross_entropy(net@T(query.x), query.y) across 2 fewshot over net@0, adapt.lr by adam() for 1 steps }`;

for (const rule of ["sgd(lr = 0.1)", "adam(lr = 0.1)"]) {
  for (const steps of [1, 3]) {
    Deno.test(`networks ask nowhere which of their entries count: ${rule}, ${steps} steps`, () => {
      // Supports are conditions that are joined, turned or looked for along axes; nothing else here does that
      assertEquals(compile(fewShot(steps, rule)).emit("plan").match(/= (and|not) .*|i32.*= reduce_max.*/g), null);
    });
  }
}
