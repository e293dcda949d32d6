// Is a call that is cut the call that runs through, to the last bit? And where it is given up, does a run that goes on end as if nothing
// had been? Every loop is cut after each step here, and the clock goes on by looking at it.
import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../runtime/backend/interface.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { type RunOptions, runProgram } from "../../runtime/loop/run.ts";
import type { Moment, RunState } from "../../runtime/loop/run_state.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import { threaded, wasm } from "../random/runs.ts";
import { cases, some } from "../thorough.ts";
import { goodNames, programOf } from "./good_programs.ts";
import { bytesOf, computed, stateFrom } from "./goes_on.ts";
import { pieces, runInPieces } from "./in_pieces.ts";

const options: RunOptions = { tasks: {}, seed: 3 };

const cut = (program: ExperimentProgram, backend: Backend, more: Parameters<typeof runInPieces>[2] = {}) =>
  runInPieces(program, backend, { ...options, ...more });

for (const [i, name] of goodNames.entries()) {
  if (!some(goodNames, 6).includes(name)) continue;
  Deno.test(`${name} computes the same in pieces`, async () => {
    const program = programOf(name);
    const backends = [referenceBackend, wasm, threaded];
    for (const backend of cases(0, 1) ? backends : [backends[i % 3]!]) {
      const whole = await runProgram(program, backend, options);
      for (const piece of pieces) {
        assertEquals(computed(await cut(program, backend, { piece })), computed(whole), `${backend.name}, ${piece}`);
      }
    }
  });
}

const text = `edition 1
  precision f64
  task problem { k ~ uniform(0, 1)  split s { x : [3] ~ normal(k, 1) } }
  param w = 0.7
  param c = 0.5
  param d = 0
  inner fit { minimize 0.5 * (w - c)^2 + 0.1 * w^2  over w by adam(lr = 0.1)  for T = 2 steps  from fit@T }
  inner adapt { minimize mean((d - s.x)^2)  over d by sgd(lr = 0.1)  for S = 3 steps }
  param v = 0.1
  param e = 0.3
  param f = 0.2
  inner deep { minimize 0.5 * (v - e)^2  over v by sgd(lr = 0.1, momentum = 0.9)  for D = 2 steps }
  outer mid { minimize (v@D - f)^2  over e by adam(lr = 0.1)  for M = 3 steps }
  override second { lr@t = 0.01 / (1 + t) }
  outer third after second { minimize (e@M - 2)^2  over f, mid.lr by sgd(lr = 0.1)  for 2 steps }
  param p = 4
  inner alone { minimize (p - 3)^2  over p by sgd(lr = 0.1)  for P = 5 steps }
  outer first {
    minimize 0.5 * (w@T - 2)^2  over c by adam(lr = 0.1)  for 4 steps
    until check has not improved for 4 steps  keep best of check
  }
  outer second after first { minimize mean((d@S - s.x)^2) + c^2  across 2 problem  over adapt.lr, c by rmsprop(lr = 0.01)  for 3 steps }
  evaluate check { report (w@0 - 0.9)^2  best lowest  every 2 steps of first }
  evaluate other { report w@T^2  every 1 steps of first }
  evaluate between after first { report w@0  report first.t }
  gradient w@T wrt c after second
  output o = w@T
  record c, first.loss, second.lr, second.gradient_norm, w@*, mid.lr, p@* every 3 steps`;

/** A whole run of a program, and one that is stopped and goes on, told where to stop. */
async function stopping(program: ExperimentProgram, backend: Backend) {
  const whole = await runProgram(program, backend, options);
  assertEquals(whole.outcome, "done");
  /** False where the signal came so late that nothing was left to stop. */
  return async (by: number, told: (stop: () => void) => Pick<RunOptions, "report"> & { looked?: () => void }) => {
    const control = new AbortController();
    let last: RunState | undefined;
    let wanted = false;
    const mark = (state: () => RunState, moment: Moment) => {
      if (moment !== "between" || wanted) last = stateFrom(bytesOf(state()));
      if (wanted) signalled = last;
      wanted = false;
    };
    const { signal } = control;
    const stop = () => {
      control.abort();
      wanted = true;
    };
    let signalled: RunState | undefined;
    const result = await cut(program, backend, { by, mark, signal, markNow: () => wanted, ...told(stop) });
    if (result.outcome === "done") {
      assertEquals(computed(result), computed(whole));
      return false;
    }
    assertEquals(result.outcome, "stopped");
    // nothing that came before is lost
    const { outers, outer, evaluations, gradients, outputs, simulations } = last!;
    assertEquals([...outers.map(({ done }) => done), ...(outer ? [outer.done] : [])], result.outers.map((o) => o.done));
    for (
      const [kept, made] of [[evaluations, result.evaluations], [gradients, result.gradients], [
        outputs,
        result.outputs,
      ], [simulations, result.simulations]]
    ) {
      assertEquals(kept!.length, made!.length);
    }
    // one that was asked for within a call stands as that does
    for (const resume of new Set([last!, signalled ?? last!])) {
      assertEquals(computed(await runProgram(program, backend, { ...options, resume })), computed(whole));
    }
    return true;
  };
}

Deno.test("a run whose call is given up anywhere is stopped, and goes on to the same bits", async () => {
  const program = programOf("long.meta", text);
  for (const backend of some<Backend>([referenceBackend, wasm, threaded], 2)) {
    const stopped = await stopping(program, backend);
    let looks = 0;
    await cut(program, backend, { by: 20, looked: () => looks++ });
    assert(looks > 500, `${looks} looks`);
    const tried = cases(4, 30);
    const stops = Array.from({ length: tried }, (_, k) => Math.floor(((k + 0.5) / tried) * looks));
    let count = 0;
    for (const at of stops) {
      let left = at;
      if (await stopped(20, (stop) => ({ looked: () => left-- === 0 && stop() }))) count++;
    }
    assert(count >= 0.5 * stops.length, `${count} of ${stops.length} were stopped`);
  }
});

Deno.test("what comes before a meta-step is not made again where it is given up in between", async () => {
  const program = programOf("long.meta", text);
  for (const [kind, count] of [["evaluation", 4], ["recorded", 3], ["until", 1], ["kept", 1]] as const) {
    const stopped = await stopping(program, referenceBackend);
    for (let at = 0; at < count; at++) {
      let left = at;
      // the next call is given up at its second look
      await stopped(300, (stop) => ({ report: (event) => event.kind === kind && left-- === 0 && stop() }));
    }
  }
});

Deno.test("an item that is given up is as if it had not begun", async () => {
  const program = programOf("long.meta", text);
  for (const backend of [referenceBackend, wasm]) {
    const stopped = await stopping(program, backend);
    const last = new Map<string, number>();
    let looks = 0;
    await cut(program, backend, { by: 300, looked: () => looks++, report: ({ kind }) => last.set(kind, looks) });
    for (const kind of ["gradient", "evaluation", "output", "simulation"]) {
      // the signal comes in the call, which is given up at the next look but one
      let left = last.get(kind)! - 12;
      assert(await stopped(300, (stop) => ({ looked: () => left-- === 0 && stop() })), kind);
    }
  }
});
