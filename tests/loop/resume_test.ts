// Is a run that goes on from where another stood the run that was never stopped, to the last bit? Every good program, at places between
// its items and meta-steps; what was written down is bytes in between.
import { assert, assertEquals } from "@std/assert";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import type { RunState } from "../../runtime/loop/run_state.ts";
import { wasm } from "../random/runs.ts";
import { cases, some } from "../thorough.ts";
import { goodNames, programOf } from "./good_programs.ts";
import { bytesOf, computed, marked, stateFrom, stoppedAfter } from "./goes_on.ts";

const tasks = {};

for (const [i, name] of goodNames.entries()) {
  Deno.test(`${name} goes on from anywhere`, async () => {
    const program = programOf(name);
    for (const backend of cases(i % 2, 2) === 2 ? [referenceBackend, wasm] : [i % 2 === 0 ? referenceBackend : wasm]) {
      const { result, marks } = await marked(program, backend);
      assertEquals(result.outcome, "done");
      assert(marks.length > 0 && marks.every(({ moment }) => moment !== "stop"));
      for (const { bytes } of some(marks, 2)) {
        const again = await runProgram(program, backend, { tasks, seed: 3, resume: stateFrom(bytes) });
        assertEquals(computed(again), computed(result));
      }
    }
  });
}

const long = `edition 1
  precision f64
  task problem { k ~ uniform(0, 1)  split s { x : [3] ~ normal(k, 1) } }
  param w = 0.7
  param c = 0.5
  param d = 0
  inner fit { minimize 0.5 * (w - c)^2 + 0.1 * w^2  over w by adam(lr = 0.1)  for T = 2 steps  from fit@T }
  inner adapt { minimize mean((d - s.x)^2)  over d by sgd(lr = 0.1)  for S = 3 steps }
  outer first {
    minimize 0.5 * (w@T - 2)^2  over c by adam(lr = 0.1)  for 7 steps
    until check has not improved for 4 steps  keep best of check
  }
  outer second after first { minimize mean((d@S - s.x)^2) + c^2  across 2 problem  over adapt.lr, c by rmsprop(lr = 0.01)  for 5 steps }
  evaluate check { report (w@0 - 0.9)^2  best lowest  every 2 steps of first }
  evaluate between after first { report w@0  report first.t }
  gradient w@T wrt c after second
  output o = w@T
  record c, first.loss, second.gradient_norm, w@* every 3 steps`;

Deno.test("a run that is stopped before any meta-step goes on with it", async () => {
  const program = programOf("long.meta", long);
  for (const backend of [referenceBackend, wasm]) {
    const { result, marks } = await marked(program, backend);
    assertEquals(result.outcome, "done");
    // several meta-steps may be one call
    assert(new Set(marks.map(({ steps }) => steps)).size >= 5, marks.map(({ steps }) => steps).join());
    for (let stop = 0; stop < marks.length; stop++) {
      const stopped = await stoppedAfter(stop, program, backend);
      const last = stopped.marks.at(-1)!;
      assertEquals([stopped.result.outcome, last.moment], ["stopped", "stop"]);
      const again = await runProgram(program, backend, { tasks, seed: 3, resume: stateFrom(last.bytes) });
      assertEquals(computed(again), computed(result), `stopped at event ${stop}`);
    }
  }
});

const others: { readonly [what: string]: string } = {
  "what an implicit derivative said": `param w = 0.7
    inner fit { minimize 0.5 * (w - c)^4  over w by sgd(lr = 0.1)  for T = 3 steps  through implicit() }
    outer train { minimize (w@T - 2)^2  over c by sgd(lr = 0.1)  for 6 steps }`,
  "samples that go on": `param w = 0.7
    inner fit {
      minimize 0.5 * (w - c)^2  over w by sgd(lr = 0.1, momentum = 0.9)  for T = 2 steps
      through pes(samples = 3, sigma = 0.1, horizon = 8)  from fit@T
    }
    outer train { minimize (w@T - 2)^2  over c by sgd(lr = 0.1)  for 6 steps }`,
  "tasks that were left out": `task problem { k ~ uniform(-1, 1)  split s { x = sqrt(k + 0.5) } }
    param w = 0.7
    inner fit { minimize 0.5 * (w - c)^2 + s.x  over w by sgd(lr = 0.1)  for T = 2 steps }
    outer train { minimize (w@T - 2)^2  across 9 problem  skip not finite  over c by sgd(lr = 0.1)  for 6 steps }`,
  "batches, and a rule of fixed tasks": `data d { x : [5] = [1, 2, 3, 4, 5] }
    task problem { k ~ uniform(-1, 1)  split s { x = k } }
    param w = 0.7
    inner fit {
      minimize mean((w - c * d.x)^2) + s.x * w  over w by adam(lr = 0.1)  for T = 2 steps  batch 2 of d each once  from fit@T
    }
    outer train { minimize (w@T - 2)^2  across 3 problem fixed  over c by sgd(lr = 0.1)  for 6 steps }
    record w@*`,
  "an outer that another runs": `param w = 0.7
    param d = 0.1
    inner fit { minimize 0.5 * (w - d)^2  over w by sgd(lr = 0.1, momentum = 0.9)  for T = 2 steps  from fit@T }
    outer mid { minimize (w@T - c)^2  over d by adam(lr = 0.1)  for M = 3 steps }
    outer train { minimize (d@M - 2)^2  over c, mid.lr by sgd(lr = 0.1)  for 6 steps }`,
};

for (const [what, text] of Object.entries(others)) {
  Deno.test(`a run goes on: ${what}`, async () => {
    const program = programOf("other.meta", `edition 1\nprecision f64\nparam c = 0.5\n${text}`);
    for (const backend of [referenceBackend, wasm]) {
      // other lengths of calls: each event is a stop
      const { result } = await marked(program, backend);
      assertEquals(result.outcome, "done");
      for (let stop = 2; stop < 8; stop++) {
        const { marks } = await stoppedAfter(stop, program, backend);
        const again = await runProgram(program, backend, { tasks, seed: 3, resume: stateFrom(marks.at(-1)!.bytes) });
        assertEquals(computed(again), computed(result), `stopped at event ${stop}`);
      }
    }
  });
}

Deno.test("plain data comes back as it was", () => {
  const data = {
    numbers: [0, -0, NaN, Infinity, -Infinity, 5e-324, 0.1, 1e300, 2 ** 53],
    long: Array.from({ length: 40 }, (_, i) => i === 7 ? NaN : i === 8 ? -0 : Math.sqrt(i)),
    arrays: [
      Float32Array.of(0.1, NaN),
      Float64Array.of(-0),
      Int32Array.of(-5),
      Uint8Array.of(1, 0),
      Uint8Array.of(255, 7),
      new Float64Array(0),
    ],
    map: new Map<string, unknown>([["__proto__", 1], ["a@b", new Map([["x", [true, null, "ü\n"]]])]]),
    nested: { deep: [{ $x: 1 }] },
  };
  const back: unknown = stateFrom(bytesOf(data as unknown as RunState));
  assertEquals(back, data);
  assert(Object.is((back as typeof data).numbers[1], -0) && Object.is((back as typeof data).long[8], -0));
});

Deno.test("the seconds of a loop are those of all the runs that were in it", async () => {
  const program = programOf("long", long);
  let seconds = 0;
  const now = () => 1000 * seconds++; // each look at the clock is a second later
  const stopped = await stoppedAfter(4, program, referenceBackend, { now });
  const state = stateFrom(stopped.marks.at(-1)!.bytes);
  const before = state.outer!.secondsBefore;
  assert(before > 0);
  const events: number[] = [];
  const again = await runProgram(program, referenceBackend, {
    tasks,
    seed: 3,
    resume: state,
    now: () => 0,
    report: (e) => void (e.kind === "step" && e.outer === "first" && events.push(e.secondsElapsed)),
  });
  assertEquals(again.outers[0]!.seconds, before);
  assert(events.length > 0 && events.every((each) => each === before), events.join());
});
