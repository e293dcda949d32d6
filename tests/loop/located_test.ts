// Does an error say where a number was first not finite: loop, step, task and quantity, also in loops inside loops and for every kind
// of item? The steps come from the same loops written out here in float32.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { compile, RunError } from "../../mod.ts";
import { withoutPlace } from "../places.ts";

async function failureOf(text: string): Promise<string> {
  const run = compile(`edition 1\n${text}`).run({ backend: "reference" });
  return withoutPlace(await assertRejects(() => run, RunError));
}

/** The first step at which (w - goal)^4 is infinite in float32, for w' = w - lr 4 (w - goal)^3. */
function firstInfinite(w: number, goal: number, lr: number): number {
  const f = Math.fround;
  for (let step = 0;; step++) {
    const e = f(w - goal);
    const cube = f(f(e * e) * e);
    if (f(cube * e) === Infinity) return step;
    w = f(w - f(f(lr) * f(4 * cube)));
  }
}

const fit = (goal = "1") => `inner fit { minimize (w - ${goal})^4  over w  by sgd(lr = 50)  for T = 20 steps }`;
const step = firstInfinite(0, 1, 50);
const line = `\`fit\`, step ${step}: \`fit.loss@${step}\` is Infinity`;

Deno.test("a gradient names the step of the loop where its value went wrong", async () => {
  assertEquals(step, 3);
  assertEquals(
    await failureOf(`param w = 0\n${fit()}\ngradient w@T wrt fit.lr`),
    `\`gradient w@T\`: its value is NaN; ${line}`,
  );
});

Deno.test("an evaluation and a loop by itself name it, too", async () => {
  assertEquals(
    await failureOf(`param w = 0\n${fit()}\nevaluate test { report w@T }`),
    `\`evaluate test\`: \`w@T\` is NaN; ${line}`,
  );
  assertEquals(await failureOf(`param w = 0\n${fit()}`), line);
});

Deno.test("of several tasks the first that goes wrong is named", async () => {
  const text = `edition 1\ntask p { split s { x : [1] } }
param w = 0\n${fit("s.x[0]")}\ngradient w@T across 4 p wrt fit.lr`;
  const p = ({ index }: { readonly index: number }) => ({ s: { x: { shape: [1], data: [index < 2 ? 0 : 1] } } });
  const run = compile(text, { tasks: { p } }).run({ backend: "reference" });
  assertStringIncludes((await assertRejects(() => run, RunError)).message, `${line} (task 2)`);
});

Deno.test("in a loop that another runs, the meta-step is named", async () => {
  const nested = `param w = 0\nparam theta = 1\n${fit("theta")}
outer mid { minimize (w@T - 2)^2  over theta  by sgd(lr = 0.1)  for M = 3 steps }\n`;
  assertEquals(
    await failureOf(`${nested}gradient mid.loss@M wrt mid.lr`),
    `\`gradient mid.loss@M\`: its value is NaN; ${line} (meta-step 0 of \`mid\`)`,
  );
  assertEquals(
    await failureOf(`${nested}outer top { minimize mid.loss@M  over mid.lr  by sgd(lr = 0.1)  for 2 steps }`),
    `${line} (meta-step 0 of \`top\`, meta-step 0 of \`mid\`)`,
  );
});

Deno.test("a loop that goes wrong at a later meta-step of the one around it is found there", async () => {
  // theta' = theta + 1 as the loss of mid is -theta and its rate 1: 0, 1, 2; fit is still while theta < 2
  const text = `param w = 0\nparam theta = 0
inner fit { minimize where(theta < 1.5, w^2, exp(200 * theta) * (w + 1))  over w  by sgd(lr = 0.1)  for T = 4 steps }
outer mid { minimize -theta + 0 * stop_gradient(w@T) + 0.0001 * w@T  over theta  by sgd(lr = 1)  for M = 4 steps }
gradient mid.loss@M wrt mid.lr`;
  // exp(400) is infinite in float32
  assertStringIncludes(await failureOf(text), "`fit`, step 0: `fit.loss@0` is Infinity (meta-step 2 of `mid`)");
});

Deno.test("a start that is not finite is named before the first step", async () => {
  const text = `param w = log(0 - 1.0)\ninner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 2 steps }
gradient w@T wrt fit.lr`;
  assertStringIncludes(await failureOf(text), "`fit`, before the first step: `w@0` is NaN");
});

Deno.test("where only the derivative goes wrong, it says which, and from which time on", async () => {
  // w stays 0 and d w@30 / d w@t = 101^(30 - t), beyond float32 from 20 steps on: 101^19 = 1.2e38
  const text = `param w = 0
inner fit { minimize -50 * w^2  over w  by sgd(lr = 1)  for T = 30 steps }
gradient w@T + 1 wrt w@0`;
  assertEquals(
    await failureOf(text),
    "`gradient w@T + 1`: its derivative with respect to `w` is Infinity, although its value is finite; `fit`: the derivative " +
      "with respect to `w@10` is Infinity; those for later times are finite",
  );
});
