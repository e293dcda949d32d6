// Is a run that goes on the run that was never stopped, whatever it differentiates by, wherever its tasks come from, and on however many
// threads it began and goes on? It is stopped after an event, written down, read, and held to the last bit.
import { assert, assertEquals } from "@std/assert";
import { compileProgram } from "../../dsl/compile.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import type { HostTask, TaskRequest } from "../../runtime/loop/host_tasks.ts";
import { type RunOptions, runProgram } from "../../runtime/loop/run.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import { threaded, wasm } from "../random/runs.ts";
import { some, thorough } from "../thorough.ts";
import { bytesOf, computed, marked, stateFrom, stoppedAfter } from "./goes_on.ts";

function programOf(text: string, tasks: readonly string[] = []): ExperimentProgram {
  const { program, diagnostics } = compileProgram({
    root: { name: "test.meta", text: `edition 1\n${text}` },
    readSource: () => undefined,
    readData: () => undefined,
    tasks,
  });
  if (!program) throw new Error(diagnostics.map((d) => `${d.code} ${d.title}`).join("\n"));
  return program;
}

/** Stops a run after each of some events on one backend and goes on with it on another one. */
async function holds(
  program: ExperimentProgram,
  on: readonly Backend[],
  stops: readonly number[],
  more: RunOptions = {},
) {
  const [first, second = first] = on as [Backend, Backend?];
  const { result } = await marked(program, first, more);
  assertEquals([result.outcome, result.failure?.message], ["done", undefined]);
  const places = new Set<number>();
  for (const stop of stops) {
    const { result: { outcome }, marks } = await stoppedAfter(stop, program, first, more);
    if (outcome === "done") break; // stopped after all was done
    const last = marks.at(-1)!;
    assertEquals([outcome, last.moment], ["stopped", "stop"], `after event ${stop}`);
    places.add(last.steps);
    const again = await runProgram(program, second, { tasks: {}, seed: 3, ...more, resume: stateFrom(last.bytes) });
    assertEquals(computed(again), computed(result), `stopped after event ${stop}, before meta-step ${last.steps}`);
  }
  return places;
}

const across = `precision f32
  task problem { k ~ normal(0, 1)  split s { x : [4] ~ normal(k, 1)  y = tanh(k * x) } }
  model net(x : [n]) -> [n] { a : [3, 1] ~ normal(0, 1)  b : [3] = 0  return sum(tanh(a * x + 0 * x), axis = 0) + mean(b) }
  inner fit { minimize mse(net(s.x), s.y)  over net  by adam(lr = 0.1)  for T = 3 steps }
  outer train {
    minimize mse(net@T(s.x), s.y)  across 7 problem  over net@0, fit.lr  by adam(lr = 0.01)  for 6 steps
  }
  evaluate test { across 5 problem  report mse(net@t(s.x), s.y) at t in 0 .. T  every 2 steps of train }
  record train.loss, fit.lr`;

Deno.test("a run goes on on another number of threads", async () => {
  const program = programOf(across);
  const count = (threads: number) => makeWasmBackend({ threads, millisecondsPerThread: 0 });
  const pairs = [[1, 3], [3, 2], [2, 1], [1, 2], [2, 3], [3, 1]] as const;
  for (const [from, to] of some(pairs, 2)) {
    const places = await holds(program, [count(from), count(to)], [6, 14]);
    assert(places.size > 1 && [...places].some((p) => p > 0), `${[...places]}`);
  }
});

const estimators = [
  "unroll()",
  "unroll(window = 2)",
  "first_order()",
  "implicit(solver = cg, iterations = 3)",
  "implicit(solver = fixed_point, iterations = 3)",
  "finite_difference(epsilon = 1e-3)",
  "es(samples = 4, sigma = 0.1)",
  "es(samples = 4, sigma = 0.1, window = 2)",
  "pes(samples = 4, sigma = 0.1, window = 2)",
];

/** Around each estimator: alone, warm, across tasks, in an outer that another one runs. */
const around: { readonly [where: string]: (through: string) => string } = {
  "alone": (through) =>
    `param w = 0.7
    inner fit { minimize 0.5 * (w - c)^2  over w by sgd(lr = 0.1, momentum = 0.9)  for T = 4 steps  through ${through} }
    outer train { minimize (w@T - 2)^2 + 0.1 * c^2  over c by adam(lr = 0.1)  for 5 steps }`,
  "in a loop that goes on": (through) =>
    `param w = 0.7
    inner fit {
      minimize 0.5 * (w - c)^2  over w by adam(lr = 0.1)  for T = 4 steps  through ${through}  from fit@T
    }
    outer train { minimize (w@T - 2)^2 + 0.1 * c^2  over c by sgd(lr = 0.1)  for 5 steps }`,
  "across tasks": (through) =>
    `task problem { k ~ normal(0, 1)  split s { x : [2] ~ normal(k, 1) } }
    param w = 0.7
    inner fit {
      minimize mean((w - s.x)^2) + (w - c)^2  over w by sgd(lr = 0.1)  for T = 4 steps  through ${through}
    }
    outer train { minimize mean((w@T - s.x)^2) + 0.1 * c^2  across 3 problem  over c by rmsprop(lr = 0.1)  for 5 steps }`,
};

for (const [i, through] of estimators.entries()) {
  Deno.test(`a run goes on through ${through}`, async () => {
    const ways = [[wasm, threaded], [referenceBackend], [threaded, wasm]];
    for (const [k, [where, text]] of Object.entries(around).entries()) {
      // each with another one of the others
      if (!thorough && k !== i % 3) continue;
      const program = programOf(`precision f64\nparam c = 0.5\n${text(through)}\nrecord c, train.loss`);
      for (const on of thorough ? ways : [ways[Math.floor(i / 3) % 3]!]) {
        const places = await holds(program, on, thorough ? [1, 4, 5, 8, 9, 11, 13] : [4, 9]);
        assert(Math.max(...places) > 0, where);
      }
    }
  });
}

Deno.test("a run goes on through pes(horizon = 12), in the first horizon and in a later one", async () => {
  const program = programOf(`precision f64
    task problem { k ~ normal(0, 1)  split s { x : [2] ~ normal(k, 1) } }
    param w = 0.7
    param c = 0.5
    inner fit {
      minimize 0.5 * (w - c)^2  over w by sgd(lr = 0.1, momentum = 0.5)  for T = 3 steps
      through pes(samples = 4, sigma = 0.1, horizon = 12)  from fit@T
    }
    outer train { minimize (w@T - 2)^2  over c by sgd(lr = 0.01)  for 10 steps }
    record c`);
  for (const on of [[referenceBackend], [wasm, threaded]]) {
    const places = await holds(program, on, [1, 6, 13, 18]);
    assert(Math.max(...places) > 4, `${[...places]}`);
  }
});

Deno.test("a script is asked for the tasks of the meta-steps that are left, and no others", async () => {
  const program = programOf(
    `precision f64
    task point { centre : []  split support { aim = centre } }
    param w = 0
    inner fit { minimize (w - support.aim)^2  over w by sgd(lr = 0.25)  for T = 2 steps }
    outer train { minimize (w@T - support.aim)^2  across 2 point  over w@0 by sgd(lr = 0.1)  for 5 steps  keep best of test }
    evaluate test { across 3 point  report (w@T - support.aim)^2  best lowest  every 2 steps of train }
    record w@* every 2 steps of task 1`,
    ["point"],
  );
  const keysOf = (requests: readonly TaskRequest[]) =>
    requests.map(({ consumer, step, index, seed }) => `${consumer} ${step} ${index} ${seed}`).sort();
  const asked: TaskRequest[] = [];
  const point: HostTask = (request) => {
    asked.push(request);
    const { index, step, consumer } = request;
    return { centre: { shape: [], data: [Math.sin(index + 10 * step + (consumer === "test" ? 100 : 0))] } };
  };
  const more = { tasks: { point } };
  for (const on of [[referenceBackend], [wasm, threaded]] as const) {
    const { result } = await marked(program, on[0], more);
    const all = keysOf(asked.splice(0));
    for (let stop = 2; stop < 20; stop++) {
      const stopped = await stoppedAfter(stop, program, on[0], more);
      if (stopped.result.outcome === "done") break;
      const before = keysOf(asked.splice(0));
      const { bytes, steps } = stopped.marks.at(-1)!;
      const again = await runProgram(program, on.at(-1)!, { seed: 3, ...more, resume: stateFrom(bytes) });
      const after = keysOf(asked.splice(0));
      assertEquals(computed(again), computed(result), `stopped after event ${stop}`);
      assertEquals([...new Set([...before, ...after])].sort(), [...new Set(all)]);
      // of the meta-steps that were made no task is asked for again
      const left = (keys: readonly string[]) => [...new Set(keys.filter((key) => key.startsWith("train ")))];
      const due = left(all).filter((key) => Number(key.split(" ")[1]) >= steps);
      if (steps >= 0) assertEquals(left(after), due, `before meta-step ${steps}`);
    }
  }
});

Deno.test("a run that is cut off in an evaluation makes it again", async () => {
  const program = programOf(`precision f64
    task problem { k ~ normal(0, 1)  split s { x : [2] ~ normal(k, 1) } }
    param c = 0.5
    outer train {
      minimize mean((c - s.x)^2)  across 2 problem  over c by adam(lr = 0.1)  for 5 steps
      until test has not improved for 4 steps  keep best of test
    }
    evaluate test { across 40 problem  report mean((c - s.x)^2)  best lowest  every 2 steps of train }
    evaluate last { across 9 problem  report c * mean(s.x) }`);
  class Killed extends Error {}
  for (const on of [[referenceBackend], [wasm, threaded]] as const) {
    const { result } = await marked(program, on[0]);
    for (let made = 0; made < result.evaluations.length; made++) {
      let left = made;
      const marks: Uint8Array[] = [];
      const killed = runProgram(program, on[0], {
        seed: 3,
        tasks: {},
        mark: (state) => void marks.push(bytesOf(state())),
        // what an evaluation found is lost with the run
        report: ({ kind }) => {
          if (kind === "evaluation" && left-- === 0) throw new Killed();
        },
      });
      await killed.then(() => assert(false), (error) => assert(error instanceof Killed));
      const from = stateFrom(marks.at(-1)!);
      assertEquals(from.evaluations.length, made);
      const again = await runProgram(program, on.at(-1)!, { seed: 3, tasks: {}, resume: from });
      assertEquals(computed(again), computed(result), `cut off in evaluation ${made}`);
    }
  }
});
