// Is a rule that is written once put in rightly where it is given something else? Loops whose ends are closed forms.
import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import { language } from "../../../dsl/evaluate/language.ts";
import { compile } from "../../../mod.ts";

/** One loop on w^2 / 2, from 1: its gradient is w itself. */
const loop = (i: number, rule: string, steps: number) => `
param w${i} = 1
inner fit${i} { minimize 0.5 * w${i}^2 over w${i} by ${rule} for ${steps} steps }`;

/** The end of one of several such loops in one program, and what is differentiated for. */
async function endsOf(rules: readonly (readonly [rule: string, steps: number])[], more: string, wrt = "w0@0") {
  const loops = rules.map(([rule, steps], i) => loop(i, rule, steps)).join("");
  const sum = rules.map((_, i) => `${10 ** i} * w${i}@(fit${i}.T)`).join(" + ");
  const source = `edition 1\nprecision f64\n${more}\n${loops}\ngradient ${sum} wrt ${wrt}`;
  const run = await compile(source).run({ backend: "reference" });
  return { value: run.value(), slope: run.gradient(wrt).data[0]! };
}

// a few roundings of numbers up to 10^3
const near = (a: number, b: number) => assertAlmostEquals(a, b, 1e-12);

Deno.test("a rule is put in with other constants, other steps and other switches as if it were written there", async () => {
  const plain = "optimizer plain(lr, twice = false) { p' = p - lr * where(twice, 2 * g, g) }";
  const rules = [["plain(lr = 0.1)", 3], ["plain(lr = 0.2)", 3], ["plain(lr = 0.1, twice = true)", 2]] as const;
  near((await endsOf(rules, plain)).value, 0.9 ** 3 + 10 * 0.8 ** 3 + 100 * 0.8 ** 2);
});

Deno.test("a rule is put in where its rate is learned beside one where it is a constant", async () => {
  const plain = "optimizer plain(lr) { p' = p - lr * g }";
  const { value, slope } = await endsOf([["plain(lr = 0.1)", 3], ["plain(lr = 0.1)", 3]], plain, "fit1.lr");
  near(value, 11 * 0.9 ** 3);
  near(slope, -10 * 3 * 0.9 ** 2);
});

Deno.test("a rule that reads the step is put in for loops of other lengths", async () => {
  const late = "optimizer late(lr) { p' = p - lr * t * g }";
  // at steps 0, 1, 2: 1, 1 - lr, 1 - 2 lr
  near((await endsOf([["late(lr = 0.1)", 2], ["late(lr = 0.1)", 3]], late)).value, 0.9 + 10 * 0.9 * 0.8);
});

Deno.test("a rule whose whole numbers fit in a short loop is refused in a longer one", async () => {
  // 2 * 30,000^2 is less than 2^31, 3 * 30,000^2 is more
  const huge = "optimizer huge(lr) { p' = p - lr * (t * 30000 * 30000) * 0 * g }";
  assertEquals((await endsOf([["huge(lr = 0.1)", 3]], huge)).value, 1);
  await assertRejects(() => endsOf([["huge(lr = 0.1)", 3], ["huge(lr = 0.1)", 4]], huge), Error, "2147483647");
});

Deno.test("a rule that reads a parameter is gone through where it stands", async () => {
  const open = "param rate = 0.1\noptimizer open() { p' = p - rate * g }";
  const { value, slope } = await endsOf([["open()", 1], ["open()", 2]], open, "rate");
  near(value, 0.9 + 10 * 0.9 ** 2);
  near(slope, -1 - 10 * 2 * 0.9);
});

Deno.test("a rule is gone through once for each shape, however many loops and functions it is in", () => {
  const evaluationsOf = (loops: number) => {
    let count = 0;
    const text = `edition 1\noptimizer plain(lr) { p' = p - lr * g }\n${
      Array.from({ length: loops }, (_, i) => loop(i, "plain(lr = 0.1)", 3)).join("")
    }`;
    const { program } = compileProgram({
      root: { name: "rules.meta", text },
      readSource: () => undefined,
      readData: () => undefined,
      evaluator: {
        ...language,
        evaluate: (cx, e) => {
          if (text.slice(e.span.start, e.span.end) === "lr * g") count++;
          return language.evaluate(cx, e);
        },
      },
    });
    assertEquals(program?.simulations.length, loops);
    return count;
  };
  assertEquals([1, 5].map(evaluationsOf), [1, 1]);
});
