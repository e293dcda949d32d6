// Fifteen optimizers on a problem of two parameters, three steps: where they end and every hypergradient, to the digits that
// an independent float64 implementation printed. Entries marked `difference` come from central differences (the framework
// that printed the rest cuts the graph there).
import { assert } from "@std/assert";
import { compile, type Run } from "../../mod.ts";

interface Row {
  readonly rule: string;
  readonly w3: readonly [number, number];
  readonly loss: number;
  readonly start: readonly [number, number];
  readonly hyper: Readonly<Record<string, number>>;
}

// f = 1/2 (1 (w1 - 1)^2 + 3 (w2 + 2)^2) + 0.1 w1 w2 + 0.05 w1^4, from (0.5, -0.25); L = 1/2 |w@3|^2
const rows: readonly Row[] = [
  {
    rule: "sgd(lr = 0.1)",
    w3: [0.646731634, -1.412044725],
    loss: 1.206066056,
    start: [0.47022452, -0.49680989],
    hyper: { lr: 11.9523703 },
  },
  {
    rule: "sgd(lr = 0.1, momentum = 0.9)",
    w3: [0.775981934, -2.510044725],
    loss: 3.451236242,
    start: [0.40889720, 0.66785804],
    hyper: { lr: 42.1063065, momentum: 4.40583903 },
  },
  {
    rule: "sgd(lr = 0.1, momentum = 0.9, nesterov = true)",
    w3: [0.881590185, -2.637656191],
    loss: 3.867215720,
    start: [0.27975054, 0.88869833],
    hyper: { lr: 25.0848529, momentum: 6.04625371 },
  },
  {
    rule: "sgd(lr = 0.1, momentum = 0.9, dampening = 0.5)",
    w3: [0.706345573, -2.125911181],
    loss: 2.509211209,
    start: [0.45468906, 0.10655091],
    hyper: { lr: 34.5818684, momentum: 3.49732147, dampening: -1.85045320 },
  },
  {
    rule: "sgd(lr = 0.1, weight_decay = 0.1)",
    w3: [0.632053091, -1.393824124],
    loss: 1.171118400,
    start: [0.44507928, -0.46978926],
    hyper: { lr: 11.3370796, weight_decay: -0.34428287 },
  },
  {
    rule: "adam(lr = 0.1)",
    w3: [0.794124390, -0.549301315],
    loss: 0.466182741,
    start: [0.76863525, -0.55076161],
    hyper: { lr: 3.88294618, beta1: 0.02446815, beta2: -0.02097191, eps: -0.53383 },
  },
  {
    rule: "adam(lr = 0.1, weight_decay = 0.1)",
    w3: [0.791504158, -0.549265892],
    loss: 0.464085926,
    start: [0.74666201, -0.55192725],
    hyper: { lr: 3.80525474, beta1: 0.02981136, beta2: -0.02482460, weight_decay: -0.02608066 },
  },
  {
    rule: "adamw(lr = 0.1, weight_decay = 0.1)",
    w3: [0.776919881, -0.538912404],
    loss: 0.447015541,
    start: [0.73297376, -0.52410827],
    hyper: { lr: 3.58828662, beta1: 0.02237978, beta2: -0.01932212, weight_decay: -0.18817868 },
  },
  {
    rule: "rmsprop(lr = 0.1, alpha = 0.99)",
    w3: [1.011557922, -1.846216422],
    loss: 2.215882254,
    start: [-0.42814911, -1.01244090],
    hyper: { lr: 11.5050170, alpha: 56.8645797 },
  },
  {
    rule: "rmsprop(lr = 0.1, alpha = 0.9, centered = true, momentum = 0.5)",
    w3: [1.055783061, -1.342286753],
    loss: 1.458205799,
    start: [-0.69447403, -1.36610078],
    hyper: { lr: 11.9512597, alpha: 4.57841154, momentum: 1.65996129 },
  },
  {
    rule: "adagrad(lr = 0.1, lr_decay = 0.1)",
    w3: [0.694369295, -0.458451135],
    loss: 0.346163081,
    start: [0.65161331, -0.46029900],
    hyper: { lr: 2.13324643, lr_decay: -0.13665980 },
  },
  {
    rule: "adadelta(lr = 1, rho = 0.9, eps = 1e-6)",
    w3: [0.509672410, -0.259698468],
    loss: 0.163604630,
    start: [0.50962058, -0.25970075],
    hyper: { lr: 0.00742817, rho: 0.03536016, eps: 3713.98 },
  },
  {
    rule: "adamax(lr = 0.1)",
    w3: [0.766220355, -0.541600979],
    loss: 0.440212626,
    start: [0.69233183, -0.54400074],
    hyper: { lr: 3.30752759, beta1: 0.01895919, beta2: -0.33501059 },
  },
  {
    rule: "asgd(lr = 0.1, lambd = 0.01, alpha = 0.75)",
    w3: [0.645146268, -1.409628894],
    loss: 1.201633663,
    start: [0.46770249, -0.49431285],
    hyper: { lr: 11.8742537, lambd: -0.44211307 },
  },
  {
    rule: "rprop(lr = 0.1)",
    w3: [0.864000000, -0.614000000],
    loss: 0.561746000,
    start: [0.864, -0.614],
    hyper: { lr: 5.37992 },
  },
];

/** Half a unit of the last digit printed, by its number of decimals as written above, and the relative error of central
 *  differences where they were used (1e-6). */
function agrees(what: string, actual: number, printed: number, decimals: number): void {
  const tolerance = 0.5000001 * 10 ** -decimals + 1e-6 * Math.abs(printed);
  assert(Math.abs(actual - printed) <= tolerance, `${what} is ${actual}, printed as ${printed}`);
}

for (const row of rows) {
  Deno.test(`${row.rule} ends where it should, with every hypergradient`, async () => {
    const names = Object.keys(row.hyper);
    const experiment = compile(`
edition 1
precision f64
param w : [2] = [0.5, -0.25]
inner fit {
  minimize 0.5 * ((w[0] - 1)^2 + 3 * (w[1] + 2)^2) + 0.1 * w[0] * w[1] + 0.05 * w[0]^4
  over w by ${row.rule}
  for T = 3 steps
}
gradient 0.5 * sum(w@T^2) wrt w@0, ${names.map((n) => `fit.${n}`).join(", ")}
record w@*
`);
    for (const backend of ["reference", "wasm"] as const) check(await experiment.run({ backend }), row);
  });
}

function check(run: Run, row: typeof rows[number]): void {
  const names = Object.keys(row.hyper);
  const end = run.parameter("w", { time: 3 }).data;
  row.w3.forEach((value, i) => agrees(`w${i}@3`, end[i]!, value, 9));
  agrees("L", run.value(), row.loss, 9);
  row.start.forEach((value, i) => agrees(`dL/dw${i}@0`, run.gradient("w@0").data[i]!, value, 8));
  for (const name of names) {
    const printed = row.hyper[name]!;
    const digits = name === "eps"
      ? (Math.abs(printed) > 1 ? 2 : 5)
      : row.rule.startsWith("rprop")
      ? 5
      : Math.abs(printed) >= 10
      ? 7
      : 8;
    agrees(`dL/d${name}`, run.gradient(`fit.${name}`).data[0]!, printed, digits);
  }
}
