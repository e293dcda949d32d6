// Is a rate that changes from step to step recorded as its formula says? Every value from the formula, written out here.
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { compile, CompileError, type Run } from "../../mod.ts";

const head = "edition 1\nprecision f64\n";
const run = (text: string): Promise<Run> => compile(head + text).run({ backend: "reference" });

/** Each record of a name, as numbers. */
const numbers = (of: Run, name: string) => of.recorded(name).values.map((v) => Array.from<number>(v.data));

/** Rounding of a formula of a few operations around 1, twice. */
const tolerance = 1e-14;

function assertNear(actual: readonly number[] | undefined, expected: readonly number[]): void {
  assertEquals(actual?.length, expected.length);
  expected.forEach((x, i) => assertAlmostEquals(actual![i]!, x, tolerance * Math.max(1, Math.abs(x))));
}

const steps = [0, 1, 2, 3];
const fit = "inner fit { minimize (w - v)^2  over w  by sgd(lr = 0.1, weight_decay = 0.01)  for T = 4 steps }\n";
const params = "param w = 3\nparam v = 1\nparam peak = 0.1\n";

Deno.test("a record of a scheduled rate keeps it at every step of a loop that a gradient runs", async () => {
  const text = `${params}${fit}override fit { lr@t = peak * cosine(t, T) }
gradient (w@T)^2 wrt peak
record fit.lr`;
  const [lr] = numbers(await run(text), "fit.lr@*");
  assertNear(lr, steps.map((t) => 0.1 * 0.5 * (1 + Math.cos(Math.PI * t / 4))));
  // said with its times it is the same
  assertEquals(numbers(await run(text.replace("record fit.lr", "record fit.lr@*")), "fit.lr@*"), [lr!]);
});

Deno.test("any hyperparameter with a formula is recorded, in a loop by itself too, and a warm-up by `where`", async () => {
  const text = `${params}${fit}override fit { weight_decay@t = where(t < 2, 0.1 * t, peak) }
record fit.weight_decay, fit.loss@*`;
  const [decay] = numbers(await run(text), "fit.weight_decay@*");
  assertNear(decay, [0, 0.1, 0.1, 0.1]);
});

Deno.test("an array over the steps, and one of each tensor, are recorded entry by entry", async () => {
  const text = `${params}inner fit { minimize (w - 1)^2 + (v - 2)^2  over w, v  by sgd(lr = 0.1)  for T = 3 steps }
override fit { lr = [0.3, 0.2, 0.1] per step per tensor }
record fit.lr`;
  const found = await run(text);
  assertNear(numbers(found, "fit.lr[w]@*")[0], [0.3, 0.2, 0.1]);
  assertNear(numbers(found, "fit.lr[v]@*")[0], [0.3, 0.2, 0.1]);
});

Deno.test("a rate that follows what an outer learns is recorded as it was at that meta-step", async () => {
  // (w@1)^2 with w@1 = w - 2 lr (w - v), lr = peak: d/dpeak = 2 w@1 (-2 (w - v))
  const text = `param w = 3\nparam v = 1\nparam peak = 0.1
inner fit { minimize (w - v)^2  over w  by sgd(lr = 0.1)  for T = 1 steps }
override fit { lr@t = peak * (t + 1) }
outer train { minimize (w@T)^2  over peak  by sgd(lr = 0.01)  for 3 steps }
record fit.lr every 1 steps`;
  const expected = [0.1];
  for (let k = 0; k < 3; k++) {
    const peak = expected[k]!;
    expected.push(peak - 0.01 * 2 * (3 - 2 * peak * 2) * (-2 * 2));
  }
  numbers(await run(text), "fit.lr@*").forEach((lr, k) => assertNear(lr, [expected[k]!]));
});

Deno.test("an outer's own schedule is recorded before each meta-step, thinned by `every`", async () => {
  const text = (every: string) =>
    `${params}inner fit { minimize (w - v)^2  over w  by sgd(lr = 0.1)  for T = 2 steps }
outer train { minimize (w@T)^2  over v  by sgd(lr = 0.1)  for 4 steps }
override train { lr@t = 0.1 / (t + 1) }
record train.lr${every}`;
  assertNear(numbers(await run(text("")), "train.lr").flat(), [0.1, 0.1 / 2, 0.1 / 3, 0.1 / 4]);
  assertNear(numbers(await run(text(" every 2 steps")), "train.lr").flat(), [0.1, 0.1 / 3]);
});

Deno.test("an outer that a gradient runs has its rate at every one of its steps", async () => {
  const text = `${params}inner fit { minimize (w - v)^2  over w  by sgd(lr = 0.1)  for T = 2 steps }
outer mid { minimize (w@T)^2  over v  by sgd(lr = 0.1)  for M = 3 steps }
override mid { lr@t = peak / (t + 1) }
gradient mid.loss@M wrt peak
record mid.lr`;
  assertNear(numbers(await run(text), "mid.lr@*")[0], [0.1, 0.1 / 2, 0.1 / 3]);
});

Deno.test("a rate that is one number for all steps still never changes", () => {
  const error = assertThrows(
    () => compile(`${head}${params}${fit}record fit.lr, fit.loss@*`),
    CompileError,
  ) as CompileError;
  assertEquals(error.diagnostics.filter((d) => d.severity === "error").map((d) => d.code), ["M0503"]);
});
