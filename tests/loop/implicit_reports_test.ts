// What is said of implicit derivatives while a run goes on, and afterwards?
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compile, type RunEvent } from "../../mod.ts";
import { main } from "../../meta.ts";
import { capturedConsole } from "../cli/captured_console.ts";
import { noteImplicit, type OuterState } from "../../runtime/loop/outer_state.ts";
import type { ImplicitReport } from "../../runtime/loop/results.ts";

/** `c` starts where the loop does not get far, and learns its way to where it does: its curvature is 1 + e^c. */
const source = `edition 1
  precision f64
  param w = 5
  param c = -6
  inner fit { minimize 0.5 * exp(c) * (w - 1)^2 over w by sgd(lr = 1) for T = 40 steps through implicit() }
  outer train { minimize (c + 1)^2 + 1e-9 * w@T over c by sgd(lr = 0.1) for 12 steps }`;

Deno.test("an implicit derivative is told of at the first and last meta-step, and where arriving changes", async () => {
  const told: (readonly [number, boolean])[] = [];
  const run = await compile(source).run({
    onEvent: (event: RunEvent) => {
      if (event.kind === "implicit") told.push([event.outer!.step, event.report.arrived]);
    },
  });
  const turn = told.find(([, arrived]) => arrived)![0];
  assert(turn > 0 && turn < 11, String(turn));
  assertEquals(told, [[0, false], [turn, true], [11, true]]);
  const [report] = (run.toJSON() as { outers: { implicit: { loop: string; missed: number; arrived: boolean }[] }[] })
    .outers[0]!.implicit;
  assertEquals([report!.loop, report!.missed, report!.arrived], ["fit", turn, true]);
});

Deno.test("meta.ts warns once of a loop that has not arrived, and its report says in how many meta-steps", async () => {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${folder}/far.meta`, source);
  const console = capturedConsole({ width: 200 });
  assertEquals(await main([`${folder}/far.meta`], console), 0);
  Deno.removeSync(folder, { recursive: true });
  const { out, err } = console.written;
  assertEquals(err.match(/warning: train, meta-step 0: `fit` has not arrived/g)?.length, 1);
  assertStringIncludes(out, "implicit fit: residual");
  assert(/not arrived in \d+ of 12 meta-steps/.test(out), out);
});

Deno.test("meta.ts warns of a system that is solved in part only", async () => {
  const folder = Deno.makeTempDirSync();
  const poor = `edition 1
    param w : [2] = 0
    param c = 0
    inner fit { minimize sum([1, 20] * (w - 1)^2) + exp(c) * sum(w^2) over w by sgd(lr = 0.04) for T = 400 steps through implicit(solver = cg, iterations = 0) }
    gradient sum(w@T) wrt c`;
  Deno.writeTextFileSync(`${folder}/poor.meta`, poor);
  const console = capturedConsole({ width: 200 });
  assertEquals(await main([`${folder}/poor.meta`], console), 0);
  Deno.removeSync(folder, { recursive: true });
  assertStringIncludes(
    console.written.err,
    "the implicit derivative of `fit` is solved to a residual of 1.0000 of its right side only",
  );
});

Deno.test("a loop that begins and ceases to arrive at every meta-step says so ever less often, on a run that goes on too", () => {
  const report = (step: number): ImplicitReport => ({
    loop: "fit",
    residual: 0,
    equation: "gradient",
    gradientNorm: 1,
    startNorm: 1,
    left: step % 2,
    arrived: step % 2 === 0,
  });
  let state = { implicit: new Map() } as OuterState;
  const said: number[] = [];
  for (let step = 0; step < 512; step++) {
    if (noteImplicit(state, report(step))) said.push(step);
    state = { ...state, implicit: structuredClone(state.implicit) };
  }
  const wanted = [...Array(512).keys()].filter((k) =>
    k < 64 || k < 128 && k % 2 === 0 || k < 256 && k % 4 === 0 || k % 8 === 0
  );
  assertEquals(said, wanted);
  assertEquals(state.implicit.get("fit")!.missed, 256);
});
