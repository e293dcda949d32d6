import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { compile, CompileError, type HostTask, RunError, type TaskRequest } from "../../mod.ts";
import { turns } from "../waits.ts";

/** Learns the mean of its tasks' centres: one inner step of size 1/2 from w to w + (c − w) = c when lr = 1 of (w − c)²/2. */
const source = `edition 1
precision f64
task point {
  centre : []
  weight ~ uniform(1, 1)
  split support { aim = weight * centre }
  split query { goal : [2]  class : int [2] }
}
model m(s : []) -> [] { w : [] = 0  return w * s }
inner fit {
  minimize (m(1) - support.aim)^2 / 2
  over m
  by sgd(lr = 0.5)
  for T = 1 step
}
outer train {
  minimize mean((m@T(1) - query.goal)^2 * (query.class + 1))
  across 3 point
  over m@0
  by sgd(lr = 0.1)
  for 4 steps
}
evaluate test {
  across 2 point
  report (m@T(1) - support.aim)^2
}
`;

const requests: TaskRequest[] = [];
const point: HostTask = (request) => {
  requests.push(request);
  const c = request.index + 10 * request.step + (request.consumer === "test" ? 100 : 0);
  return {
    centre: { shape: [], data: [c] },
    query: { goal: { shape: [2], data: [c, c + 1] }, class: { shape: [2], data: [0, 1] } },
  };
};

/** The same by hand. */
function expected(): { weights: number[]; losses: number[]; errors: number[] } {
  let w = 0;
  const weights = [w];
  const losses: number[] = [];
  for (let step = 0; step < 4; step++) {
    let [loss, slope] = [0, 0];
    for (let index = 0; index < 3; index++) {
      const c = index + 10 * step;
      const end = w - 0.5 * (w - c);
      loss += ((end - c) ** 2 + 2 * (end - c - 1) ** 2) / 2 / 3;
      slope += ((end - c) + 2 * (end - c - 1)) * 0.5 / 3;
    }
    losses.push(loss);
    w -= 0.1 * slope;
    weights.push(w);
  }
  return { weights, losses, errors: [100, 101].map((c) => ((w - c) / 2) ** 2) };
}

for (
  const [how, task] of [["at once", point], ["later", async (r: TaskRequest) => {
    await turns(3 - r.index);
    return await point(r);
  }]] as const
) {
  Deno.test(`a host function that answers ${how} gives each task of each meta-step`, async () => {
    requests.length = 0;
    const run = await compile(source, { tasks: { point: task } }).run({ seed: 7 });
    const { weights, losses, errors } = expected();
    assertEquals([...run.losses("train")].map((x) => x.toFixed(10)), losses.map((x) => x.toFixed(10)));
    assertEquals(Number(run.parameter("m.w").data[0]).toFixed(10), weights[4]!.toFixed(10));
    const report = run.evaluation("test").reports[0]!.points[0]!;
    assertEquals([...report.values].map((x) => x.toFixed(10)), errors.map((x) => x.toFixed(10)));
    // each task once: three for each of four meta-steps, and two for the evaluation
    assertEquals(
      requests.map((r) => `${r.task} ${r.consumer} ${r.index} ${r.step} ${r.seed}`).sort(),
      [
        ...[0, 1, 2, 3].flatMap((step) => [0, 1, 2].map((index) => `point train ${index} ${step} 7`)),
        ...[0, 1].map((index) => `point test ${index} 0 7`),
      ].sort(),
    );
  });
}

Deno.test("fixed tasks are asked for once", async () => {
  requests.length = 0;
  const fixed = source.replace("across 3 point", "across 3 point fixed");
  await compile(fixed, { tasks: { point } }).run();
  assertEquals(requests.filter((r) => r.consumer === "train").map((r) => [r.index, r.step]), [[0, 0], [1, 0], [2, 0]]);
});

Deno.test("a gradient across host tasks", async () => {
  const text = source.replace(/outer[^]*/, "") +
    `gradient (m@T(1) - support.aim)^2 across 2 point wrt fit.lr\n`;
  const run = await compile(text, { tasks: { point } }).run();
  // d/dlr ((1 - lr) c)^2 = -2 (1 - lr) c^2, the mean over c = 0, 1
  assertEquals(run.gradient("fit.lr").data[0], -0.5);
});

Deno.test("recorded trajectories of a task come from the host too", async () => {
  const text = source + "record m.w@* every 2 steps of task 1\n";
  const run = await compile(text, { tasks: { point } }).run();
  const series = run.recorded("m.w@*");
  const { weights } = expected();
  series.steps.forEach((step, i) => {
    const w = weights[step]!;
    assertEquals(
      [...series.values[i]!.data].map((x) => x.toFixed(9)),
      [w, w - 0.5 * (w - 1 - 10 * step)].map((x) => x.toFixed(9)),
    );
  });
  assert(series.steps.length >= 2);
});

const wrongs: readonly (readonly [why: string, task: unknown, said: string])[] = [
  [
    "another shape",
    () => ({ ...answer, centre: { shape: [1], data: [1] } }),
    "`point.centre` is declared as [], the function gave [1]",
  ],
  ["a missing field", () => ({ query: answer.query }), "`point.centre` is not in what the function gave"],
  ["a missing split", () => ({ centre: answer.centre }), "`point.query.goal` is not in what the function gave"],
  ["nothing", () => undefined, "is not in what the function gave"],
  [
    "too few entries",
    () => ({ ...answer, query: { ...answer.query, goal: { shape: [2], data: [1] } } }),
    "`point.query.goal` has 1 entries, its shape [2] needs 2",
  ],
  [
    "a fraction as int",
    () => ({ ...answer, query: { ...answer.query, class: { shape: [2], data: [0, 0.5] } } }),
    "`point.query.class` is 0.5 at [1]: it is not a 32-bit integer",
  ],
  [
    "not a number",
    () => ({ ...answer, centre: { shape: [], data: [NaN] } }),
    "`point.centre` is NaN at []: only finite numbers are data",
  ],
  ["no shape", () => ({ ...answer, centre: 3 }), "`point.centre` must be given as { shape: [2, 1], data: [1, 2] }"],
  ["an exception", () => {
    throw new Error("no file left");
  }, "the function for `point` threw: no file left"],
  ["a rejection", () => Promise.reject(new Error("no file left")), "the function for `point` threw: no file left"],
];
const answer = {
  centre: { shape: [], data: [1] },
  query: { goal: { shape: [2], data: [1, 2] }, class: { shape: [2], data: [0, 1] } },
};

for (const [why, task, said] of wrongs) {
  Deno.test(`a host function's mistake ends the run with its place, and what was computed is kept: ${why}`, async () => {
    const late: HostTask = (r) => r.step < 2 ? point(r) : (task as HostTask)(r);
    const error = await assertRejects(() => compile(source, { tasks: { point: late } }).run(), RunError);
    assertStringIncludes(error.message, said);
    assertStringIncludes(error.message, "of `train`, meta-step 2");
    assertEquals(error.run.losses("train").length, 2);
  });
}

Deno.test("a signal stops a run that waits for a host function", async () => {
  const stop = new AbortController();
  const task: HostTask = (r) => {
    if (r.step < 1) return point(r);
    assertEquals(r.signal, stop.signal);
    turns(2).then(() => stop.abort());
    return new Promise(() => {});
  };
  const run = await compile(source, { tasks: { point: task } }).run({ signal: stop.signal });
  assertEquals(run.outcome, "stopped");
  assertEquals(run.losses("train").length, 1);
});

Deno.test("a task without its function, a function without its task, and no function at all", () => {
  const missing = assertThrows(() => compile(source), CompileError);
  assertStringIncludes(missing.message, "`point.centre` has no value");
  assertStringIncludes(missing.message, "compile(…, { tasks: { point } })");
  const unknown = assertThrows(() => compile(source, { tasks: { point, pint: point } }), CompileError);
  assertStringIncludes(unknown.message, "The program declares no task `pint`");
  assertStringIncludes(unknown.message, "did you mean `point`?");
  const drawn = source.replace(/centre : \[\]/, "centre = 1").replace(
    "goal : [2]  class : int [2]",
    "goal = [1, 2]  class = [0, 1]",
  );
  assertStringIncludes(
    assertThrows(() => compile(drawn, { tasks: { point } }), CompileError).message,
    "The task `point` has no field without a value for its function to give",
  );
  assertThrows(
    () => compile(source, { tasks: { point: 3 as unknown as HostTask } }),
    TypeError,
    "must be given as a function",
  );
});
