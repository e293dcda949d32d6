// Can a script explain and verify as the command line does, and does an error of a run say where?
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { inspect } from "node:util";
import { compile, compileFile, type Experiment, explain, MetaRuntimeError, RunError, verify } from "../../mod.ts";
import { main } from "../../meta.ts";
import { capturedConsole } from "../cli/captured_console.ts";

const text = `edition 1
param w : [2] = 0
param c = 0.3
inner fit { minimize sum((w - [1, 2])^2) + exp(c) * sum(w^2) over w by sgd(lr = 0.1) for T = 20 steps }
outer tune { minimize sum((w@T - 0.2)^2) over c by adam(lr = 0.01) for 50 steps }
evaluate e { report sum(w@T)  every 10 steps of tune }
`;

/** What the command line prints of the same program. */
async function printed(verb: string): Promise<string> {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/program.meta`, text);
    const console = capturedConsole();
    assertEquals(await main([verb, `${folder}/program.meta`], console), 0, console.written.err);
    return console.written.out;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("explain() gives what meta.ts explain prints, and as numbers what each function takes", async () => {
  const explanation = await explain(compile(text));
  // times are measured
  const timeless = (text: string) => text.replace(/ +[\d.]+ (µs|ms|s)\b/g, " …").replace(/about [\d.]+/, "about …");
  assertEquals(timeless(String(explanation)), timeless(await printed("explain")));
  assertEquals(inspect(explanation), String(explanation));
  const { functions: [step, evaluation], seconds, backend, memory } = explanation;
  assertEquals([step!.name, step!.runs, evaluation!.runs, backend], ["tune.step", 50, 6, "wasm"]);
  assert(memory > 1e6 && step!.flops > 0 && step!.bytes > 0 && step!.seconds > 0);
  assertEquals(seconds, 50 * step!.seconds + 6 * evaluation!.seconds);
  assertEquals(step!.loops[0]!.length, 20);
});

Deno.test("explain() says what does not fit its memory, and refuses what is no amount", async () => {
  await assertRejects(() => explain(compile(text), { memory: 10 }), MetaRuntimeError);
  await assertRejects(() => explain(compile(text), { memory: "much" }), RangeError);
  await assertRejects(() => explain({} as Experiment), TypeError, "no experiment");
});

Deno.test("verify() gives what meta.ts verify prints, and as numbers what was compared", async () => {
  const verification = await verify(compile(text));
  assertEquals(`${verification}\n`, await printed("verify"));
  assertEquals(inspect(verification), String(verification));
  const { parts: [outer], compared, wrong, undecided } = verification;
  assertEquals([wrong, undecided, outer!.comparisons.length], [0, 0, 1]);
  assertEquals(compared, verification.parts.flatMap(({ comparisons }) => comparisons).length);
  const [c] = outer!.comparisons;
  assertEquals([c!.what, c!.verdict], ["c", "ok"]);
  assert(Math.abs(c!.computed - c!.difference) <= c!.error + 1e-9 * Math.abs(c!.computed));
  // w@T → [1, 2] / (1 + e^c): 20 steps of 1 - 0.2 (1 + e^c) leave 1e-6 of the way
  const slope = (c: number) => {
    const [e, s] = [Math.exp(c), 1 / (1 + Math.exp(c))];
    return [1, 2].reduce((sum, a) => sum + 2 * (a * s - 0.2) * -a * s * s * e, 0);
  };
  assert(Math.abs(c!.computed - slope(0.3)) < 1e-3);
});

Deno.test("verify() refuses what it cannot verify, by name", async () => {
  await assertRejects(() => verify(compile("edition 1\nparam w = 0")), RangeError, "nothing to verify");
  const made = compile(
    `edition 1
    task point { split support { c : [] } }
    param w = 0
    inner fit { minimize (w - support.c)^2 over w by sgd(lr = 0.1) for T = 3 steps }
    outer train { minimize (w@T - support.c)^2 across 4 point over fit.lr by sgd(lr = 0.01) for 5 steps }`,
    { tasks: { point: () => ({ support: { c: { shape: [], data: [1] } } }) } },
  );
  await assertRejects(() => verify(made), RangeError, "runs no functions that make tasks");
  await assertRejects(() => verify({} as Experiment), TypeError, "no experiment");
});

const diverging = `edition 1
param w = 1
inner fit {
  minimize (w - 3)^4
  over w by sgd(lr = 100) for T = 20 steps
}
record w@*`;

Deno.test("an error of a run says file, line and column in its message and by themselves", async () => {
  const error = await assertRejects(() => compile(diverging, { name: "far.meta" }).run(), RunError);
  assertEquals([error.name, error.place?.file, error.place?.line], ["RunError", "far.meta", 3]);
  assertMatch(error.message, /`fit`, step \d+: .* \(far\.meta:3:\d+\)$/);
  assertEquals(error.message.endsWith(`(far.meta:3:${error.place!.column})`), true);
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/near.meta`, diverging);
    const { message } = await assertRejects(() => compileFile(`${folder}/near.meta`).run(), RunError);
    assertStringIncludes(message, "(near.meta:3:");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
