// Is the array that an `output` writes the one that the program says? Against values by hand, against an evaluation of the same name,
// which sees the same tasks, and against what is recorded of the run that it is of; on both backends that are always here.
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { compile, RunError, type TaskRequest } from "../../mod.ts";

const near = (a: ArrayLike<number>, b: readonly number[], tolerance: number) => {
  assertEquals(a.length, b.length);
  b.forEach((x, i) => assertAlmostEquals(a[i]!, x, tolerance));
};

/** Two steps of rate 0.1 of the mean of (g x - y)² at x = 0, 1, 2 and y = 1, 3, 5: g goes from 0.5 by 7 / 10 and 14 / 30. */
const learned = `edition 1
precision f64
data line { x : [3, 1] = [[0], [1], [2]]   y : [3, 1] = [[1], [3], [5]]   kind : int [3] = [0, 1, 1] }
input K : int = 3
param shift = 0
model net(x : [n, 1]) -> [n, 1] { g : [] = 0.5   return g * x + shift }
outer tune { minimize mse(net(line.x), line.y)   over net   by sgd(lr = 0.1)   for 2 steps }
outer move { minimize mse(net(line.x), line.y)   over shift   by sgd(lr = 0.1)   for 1 steps }
output first = net(line.x) after tune
output last = net(line.x)
output right = net(line.x) > 1
output next = line.kind + 1
output rows = size(line.x, 0)
output listed = [7, 8]
output one = net.g
output wide = net.g * [[1, 2, 3], [4, 5, 6]]
`;

for (const backend of ["reference", "wasm"] as const) {
  Deno.test(`${backend}: an output after an outer has its values, one without has those of the end, in its own type`, async () => {
    const run = await compile(learned).run({ backend });
    const g = 0.5 + 0.7 + 14 / 30;
    // each entry is a few operations on numbers below 8: 2^-52 of that, ten times over
    near(run.output("first").data, [0, g, 2 * g], 2e-14);
    // mean of 2 (g x - y) is 2 (g - 3)
    const shift = -0.1 * 2 * (g - 3);
    near(run.output("last").data, [shift, g + shift, 2 * g + shift], 2e-14);
    const { dtype, shape, data, dims } = run.output("right");
    assertEquals([dtype, shape, [...data], dims], ["bool", [3, 1], [0, 1, 1], ["3", "1"]]);
    assertEquals(run.output("next"), { dtype: "i32", shape: [3], data: Int32Array.of(1, 2, 2), dims: ["3"] });
    assertEquals(run.output("rows"), { dtype: "i32", shape: [], data: Int32Array.of(3), dims: [] });
    assertEquals(run.output("listed").data, Int32Array.of(7, 8));
    near(run.output("one").data, [g], 2e-14);
    near(run.output("wide").data, [1, 2, 3, 4, 5, 6].map((k) => k * g), 2e-14);
    assertEquals(run.output("wide").shape, [2, 3]);
    // the array is the caller's own
    run.output("wide").data[0] = 100;
    near(run.output("wide").data.subarray(0, 1), [g], 2e-14);
  });

  Deno.test(`${backend}: an output sees the tasks and draws of an evaluation of its name, tasks first`, async () => {
    const program = (item: string) =>
      `edition 1
precision f64
input K : int = 3
task wave { a ~ uniform(1, 2)   split support { x : [4, 1] ~ normal(0, 1)   y = a * x }   split query { x : [K, 1] ~ normal(0, 1)   y = a * x } }
model net(x : [n, 1]) -> [n, 1] { w : [1, 1] ~ normal(0, 1)   return dot(x, w) }
inner adapt { minimize mse(net(support.x), support.y)   over net   by sgd(lr = 0.1, momentum = 0.5)   for T = 3 steps }
outer train { minimize mse(net@T(query.x), query.y)   across 4 wave   over adapt.lr   by sgd(lr = 0.01)   for 5 steps }
${item}`;
    const losses = "mse(net@T(query.x), query.y)";
    const evaluated = await compile(program(`evaluate test { across 6 wave   report ${losses} }`)).run({ backend });
    const output = await compile(program(`output test = ${losses} across 6 wave`)).run({ backend });
    assertEquals([...output.output().data], [...evaluated.evaluation().point().values]);
    const whole = await compile(program("output test = net@T(query.x) - query.y across 6 wave")).run({ backend });
    const { shape, dims, data } = whole.output("test");
    assertEquals([shape, dims], [[6, 3, 1], ["6", "K", "1"]]);
    const squares = Array.from({ length: 6 }, (_, task) => {
      return Array.from<number>(data.slice(3 * task, 3 * task + 3)).reduce((sum, x) => sum + x * x, 0) / 3;
    });
    // a mean of three squares, added in another order
    squares.forEach((x, task) => assertAlmostEquals(x, evaluated.evaluation().point().values[task]!, 4e-16 * x));
  });

  Deno.test(`${backend}: outputs of a loop that runs by itself are of one run, which is what is recorded`, async () => {
    const source = `edition 1
precision f64
param w : [3] ~ normal(0, 1)
inner fit { minimize sum((w - [1, 2, 3])^2)   over w   by sgd(lr = 0.1)   for T = 4 steps }
inner again { minimize sum(w^2)   over w   by sgd(lr = 0.1)   for S = 2 steps   from fit@T }
output ends = w@(fit.T)
output path = sum(fit.loss@t for t in 0 .. fit.T)
output later = w@(again.S)
record fit.loss@*`;
    const run = await compile(source).run({ backend });
    const { losses } = run.simulations.find(({ loop }) => loop === "fit")!;
    const ends = [...run.output("ends").data];
    // one more loss, at the end
    const last = ends.reduce((sum, x, i) => sum + (x - (i + 1)) ** 2, 0);
    const sum = [...losses].reduce((a, b) => a + b, 0) + last;
    assertAlmostEquals(run.output("path").data[0]!, sum, 1e-14 * sum);
    // (1 - 0.2)² of where the run of `again` began, which draws a start of its own: it is not of the run of `fit`
    const own = run.output("later").data;
    assert(own.length === 3 && own.every((x, i) => x !== 0.64 * ends[i]!));
  });

  Deno.test(`${backend}: outputs, and a model, of a loop that an item runs draw what that draws`, async () => {
    const program = (items: string) =>
      `edition 1
precision f64
data train { x : [8] = [1, -2, 3, 0, 2, -1, 4, 1]   y : [8] = [0, 1, 5, 2, 2, 1, 0, 7] }
model net(x : [n]) -> [n] {
  w : [3] ~ normal(0, 1)
  return sum(w) * x + w[0]
}
inner fit { minimize mse(net(train.x), train.y)   over net   by sgd(lr = 0.01)   for T = 6 steps   batch 2 of train }
${items}
output ends = net.w@T
output fitted = net@T(train.x)
`;
    const value = "sum(net.w@T^2)";
    const squares = (data: ArrayLike<number>) => Array.from(data).reduce((sum, x) => sum + x * x, 0);
    const ends: number[] = [];
    for (const item of [`gradient ${value} wrt fit.lr\nrecord net.w@*`, `evaluate e { report ${value} }`]) {
      // of two such items the first counts, gradients before evaluations
      const other = `\nevaluate other { report 2 * ${value} }`;
      const run = await compile(program(item + other)).run({ backend });
      const said = run.gradients[0]?.value ?? run.evaluation("e").point().values[0]!;
      const { data } = run.output("ends");
      // six steps, and three squares, of numbers of the size of 1
      assertAlmostEquals(squares(data), said, 1e-13 * said);
      assert(Math.abs(2 * said - run.evaluation("other").point().values[0]!) > 1e-3, "another draws for itself");
      if (run.gradients.length > 0) near(run.parameter("net.w", { time: 6 }).data, [...data] as number[], 1e-13);
      const called = run.model("net").call({ x: { shape: [2], data: [0, 1] } });
      const [w0, w1, w2] = data as Float64Array as unknown as [number, number, number];
      near(called.data, [w0, w0 + w0 + w1 + w2], 1e-13);
      ends.push(data[0]!);
    }
    assert(ends[0] !== ends[1], "they draw in different names");
  });

  Deno.test(`${backend}: an output that is finite in some of its tasks is counted; in none, the run fails and keeps it`, async () => {
    const program = (value: string) =>
      `edition 1
task point { c ~ uniform(-1, 1)   split s { at = c } }
output logs = ${value} across 12 point
output other = [1, 2]
`;
    const some = await compile(program("log(s.at) * [1, 1]")).run({ backend });
    const [result] = some.outputs;
    const { data, shape } = some.output("logs");
    const bad = [...data].filter((x) => !Number.isFinite(x)).length;
    assertEquals([result!.nonFinite, shape], [bad, [12, 2]]);
    assert(bad > 0 && bad < 24);
    const none = await assertRejects(() => compile(program("log(-abs(s.at)) * [1, 1]")).run({ backend }), RunError);
    assertStringIncludes(none.message, "`output logs` is finite in none of its 12 tasks");
    assertEquals([none.run.output("logs").data.length, none.run.output("other").data.length], [24, 2]);
  });

  Deno.test(`${backend}: one entry that is not finite fails a run whose output is across no tasks`, async () => {
    const source = `edition 1
param w = 1
inner fit { minimize (w - 3)^2   over w   by sgd(lr = 0.1)   for T = 2 steps }
output logs = log([1, 0, w@T - w@T])
`;
    const error = await assertRejects(() => compile(source).run({ backend }), RunError);
    assertStringIncludes(error.message, "`output logs` is -Infinity at [1], and not finite in 1 more of its 3 entries");
    assertEquals(error.origin?.start, source.indexOf("logs"));
  });

  Deno.test(`${backend}: where an output is not finite because a loop is not, that is said with its step`, async () => {
    const source = `edition 1
precision f64
param w = 1
inner fit { minimize (w - 3)^4   over w   by sgd(lr = 100)   for T = 20 steps }
task any { split s { c = 1 } }
output ends = w@T across 2 any`;
    const error = await assertRejects(() => compile(source).run({ backend }), RunError);
    assertStringIncludes(
      error.message,
      "`output ends` is finite in none of its 2 tasks; `fit`, step 4: `fit.loss@4` is Infinity",
    );
  });
}

Deno.test("an output knows how many meta-steps were made, also in the loops that it runs", async () => {
  // a step of half the way from 1 to 4, less an eighth of it for each meta-step that was made
  const run = await compile(`edition 1
precision f64
param a = 1
task p { split s { goal = 4 } }
inner fit { minimize 0.5 * (a - s.goal)^2 * (1 - train.t / 8)   over a   by sgd(lr = 0.5)   for T = 1 steps }
outer train { minimize (a@T - 3)^2   across 1 p   over fit.lr   by sgd(lr = 0)   for 2 steps }
outer more after train { minimize (a@T - 3)^2   across 1 p   over fit.lr   by sgd(lr = 0)   for 3 steps }
output made = [train.t, more.t]
output between = [train.t, more.t] after train
output ends = a@T across 1 p
`).run();
  assertEquals([...run.output("made").data], [2, 3]);
  assertEquals([...run.output("between").data], [2, 0]);
  assertEquals([...run.output("ends").data], [1 + 0.5 * (1 - 2 / 8) * 3]);
});

Deno.test("an index that leaves its range in a loop of an output is said with the output", async () => {
  const source = `edition 1
data d { x : [3] = [1, 2, 3] }
task any { split s { one = 1 } }
param w = 0
inner fit { minimize (w - take(d.x, 2 + argmax([0.5, w * s.one])))^2   over w   by sgd(lr = 0.2)   for T = 3 steps }
output ends = w@T across 2 any`;
  // w goes to 1.2, and then counts as the largest
  const error = await assertRejects(() => compile(source).run(), RunError);
  assertStringIncludes(error.message, "`fit`, step 1 (task 0, `output ends`): an index of `take` is 3, outside 0 .. 2");
});

Deno.test("a host function is asked for the tasks of an output by its name", async () => {
  const asked: TaskRequest[] = [];
  const run = await compile(
    `edition 1
precision f64
task point { split s { x : [2] } }
output doubled = 2 * s.x across 3 point`,
    {
      tasks: {
        point(request) {
          asked.push(request);
          return { s: { x: { shape: [2], data: [request.index, 10 * request.index] } } };
        },
      },
    },
  ).run({ seed: 7 });
  assertEquals([...run.output("doubled").data], [0, 0, 2, 20, 4, 40]);
  assertEquals(asked.map(({ consumer, index, step, seed }) => [consumer, index, step, seed]), [
    ["doubled", 0, 0, 7],
    ["doubled", 1, 0, 7],
    ["doubled", 2, 0, 7],
  ]);
});

Deno.test("where a loop across tasks starts that an outer learns is what was learned, and needs no task", async () => {
  const source = `edition 1
precision f64
task t { split s { x : [3] ~ normal(0, 1) } }
param w = 0.5
model net(x : [n]) -> [n] { a : [] = 2  b : [] ~ normal(0, 1)  return a * x + b }
inner fit { minimize mean((net(s.x) - w)^2)  over net, w by sgd(lr = 0.1)  for T = 3 steps }
outer train { minimize mean((net@T(s.x) - 2 * w@T)^2)  across 4 t  over net@0, w@0 by sgd(lr = 0.1)  for 3 steps }
`;
  const run = await compile(`${source}
output start = w@0
output line = net@0([0, 1]) after train
output both = [net.b@0, w@0] across 2 t`).run();
  const [w, a, b] = ["w", "net.a", "net.b"].map((name) => Number(run.parameter(name).data[0]));
  assert(w !== 0.5 && a !== 2);
  assertEquals([...run.output("start").data], [w]);
  assertEquals([...run.output("line").data], [b, a! + b!]);
  assertEquals([...run.output("both").data], [b, w, b, w]);
  // what is drawn for each task has no value without one
  const drawn = source.replace("param w = 0.5", "param w ~ normal(0, 1)").replace("net@0, w@0 by", "net@0 by");
  await assertRejects(async () => await compile(`${drawn}output start = w@0`).run(), Error, "not across a task");
});
