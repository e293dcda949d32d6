// Does NaN stay NaN through all functions of the library, and through the words that choose among numbers? One that is lost looks like a
// result.
import { assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";

/** The last argument of a call, with NaN in one entry, and what else the function takes. */
const calls: Readonly<Record<string, string>> = {
  relu: "relu(x)",
  softplus: "softplus(x)",
  leaky_relu: "leaky_relu(x)",
  elu: "elu(x)",
  selu: "selu(x)",
  gelu: "gelu(x)",
  silu: "silu(x)",
  logsumexp: "logsumexp(x)",
  log_softmax: "log_softmax(x)",
  softmax: "softmax(x)",
  mse: "mse(x, 0 * one)",
  cross_entropy: "cross_entropy(x, [0, 1])",
  binary_cross_entropy: "binary_cross_entropy(x, one)",
  mae: "mae(x, one)",
  huber: "huber(x, one)",
  huber_entry: "huber_entry(x, 1)",
  kl: "kl(x, one)",
  accuracy: "accuracy(x, [0, 1])",
  smoothed: "smoothed(x, 0.1)",
};
/** Functions of the library that take no floats. */
const ofIntegers = ["one_hot"];

/** Builtins that choose. */
const choosing = [
  ...["max(x, 0)", "max(0, x)", "min(x, 0)", "max(x)", "min(x)", "max(x, axis = 0)", "clip(x, -1, 1)", "norm(x)"],
  ...["std(x)", "sort(x)", "cumsum(x)", "prod(x)", "abs(x)", "sign(x)", "max_pool(reshape(x, [1, 1, 2, 2]))"],
];

const library = ["activations", "losses"].map((name) =>
  Deno.readTextFileSync(new URL(`../../dsl/prelude/${name}.meta`, import.meta.url))
).join("\n");

Deno.test("every function of activations and losses is looked at", () => {
  const names = [...library.matchAll(/^fn (\w+)/gm)].map(([, name]) => name!);
  assertEquals(names.filter((name) => !ofIntegers.includes(name)).sort(), Object.keys(calls).sort());
});

for (const backend of ["reference", "wasm"] as const) {
  Deno.test(`NaN stays NaN on ${backend}`, async () => {
    const expressions = [...Object.values(calls), ...choosing];
    const outputs = (bad: number) =>
      `edition 1
param bad = ${bad}
let x = [[1, log(bad)], [-0.5, 2]]
let one = [[0.5, 1], [1, 1]]
${expressions.map((call, i) => `output o${i} = sum(${call})`).join("\n")}
`;
    const values = async (bad: number) => {
      const run = await compile(outputs(bad)).run({ backend }).catch((error) => error.run);
      return expressions.map((_, i) => run.output(`o${i}`).data[0] as number);
    };
    const lost = (await values(-1)).flatMap((value, i) => Number.isNaN(value) ? [] : [`${expressions[i]} is ${value}`]);
    assertEquals(lost, []);
    const made = (await values(1)).flatMap((value, i) =>
      Number.isFinite(value) ? [] : [`${expressions[i]} is ${value}`]
    );
    assertEquals(made, []);
  });
}
