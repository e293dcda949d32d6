// Where does a state that a model holds go? Everywhere the parameters of its loop go, against a plain loop over numbers; its derivative
// against differences of that loop.
import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { compile, CompileError } from "../../mod.ts";
import { derivative } from "../../runtime/verify/differences.ts";
import { encodeSafetensors } from "../../runtime/program/safetensors.ts";
import { joined } from "../joined.ts";

const [a, b] = [[1, 2], [0.5, -1.5]];
const mean = (x: readonly number[]) => x.reduce((sum, each) => sum + each, 0) / x.length;

const model = `edition 1
precision f64
data d { a : [2] = [1, 2]   b : [2] = [0.5, -1.5] }
model gate(x : [n]) -> [n] {
  w = 0.5
  state level = 0.2
  level' = 0.5 * level + 0.25 * w * mean(x)
  return w * x + where(training, 0.3, 0.7) * level
}
`;
const fit = (more = "", steps = 3) =>
  `inner fit { minimize mse(gate(d.a), d.b) + mean((gate(d.b) - 1)^2)  over gate by sgd(lr = 0.1)  for T = ${steps} steps ${more} }
`;

interface State {
  readonly w: number;
  readonly level: number;
}
const begin: State = { w: 0.5, level: 0.2 };

/** The same loop: the second call of a step goes on from what the first made of the state, and the gradient goes through that. */
function run({ w, level }: State, lr: number, steps: number): State {
  for (let t = 0; t < steps; t++) {
    const [first, second] = [level, 0.5 * level + 0.25 * w * mean(a!)];
    const slopeA = mean(a!.map((x, i) => 2 * (w * x + 0.3 * first - b![i]!) * x));
    const slopeB = mean(b!.map((x) => 2 * (w * x + 0.3 * second - 1) * (x + 0.3 * 0.25 * mean(a!))));
    level = 0.5 * second + 0.25 * w * mean(b!);
    w -= lr * (slopeA + slopeB);
  }
  return { w, level };
}
const asked = ({ w, level }: State) => mean(a!.map((x) => (w * x + 0.7 * level) ** 2)) + level;
const goal = "mean(gate@T(d.a)^2) + gate.level@T";

/** A few hundred roundings of numbers below 4 in another order. */
const close = 500 * 4 * 2 ** -53;

function near(own: number, other: number, what: string): void {
  assertAlmostEquals(own, other, close, what);
}

/** A derivative by differences of the plain loop: what the table is unsure of, and roundings. */
function slope(own: number, f: (x: number) => number, at: number, what: string): void {
  const { value, error } = derivative(f, at, 0.05);
  assert(error < 1e-8, `the difference for ${what} is not sure: ${error}`);
  assertAlmostEquals(own, value, 20 * error + close, what);
}

const backends = ["reference", "wasm"] as const;

for (const backend of backends) {
  Deno.test(`calls of one step go on from each other, in the order of the text; derivatives go through (${backend})`, async () => {
    for (const through of ["", "through forward()", "through unroll(window = 3)"]) {
      const text = `${model}${fit(through)}gradient ${goal} wrt gate@0, fit.lr
        ${[0, 1, 2, 3].map((t) => `output level${t} = gate.level@${t}  output w${t} = gate.w@${t}`).join("\n")}`;
      const made = await compile(text).run({ backend });
      const found = (name: string) => Number(made.output(name).data[0]);
      for (const t of [0, 1, 2, 3]) {
        near(found(`level${t}`), run(begin, 0.1, t).level, `level@${t}`);
        near(found(`w${t}`), run(begin, 0.1, t).w, `w@${t}`);
      }
      const [{ value, wrt }] = made.gradients as [typeof made.gradients[number]];
      near(value, asked(run(begin, 0.1, 3)), "value");
      const [w, lr] = wrt.map(({ leaves }) => leaves[0]!.gradient.data[0]!);
      slope(w!, (w) => asked(run({ ...begin, w }, 0.1, 3)), 0.5, `w ${through}`);
      slope(lr!, (lr) => asked(run(begin, lr, 3)), 0.1, `lr ${through}`);
    }
  });
}

Deno.test("a window cuts the derivative through a state where it cuts that of parameters", async () => {
  const made = await compile(`${model}${fit("through unroll(window = 1)")}gradient ${goal} wrt fit.lr`).run();
  const before = run(begin, 0.1, 2);
  slope(made.gradients[0]!.wrt[0]!.leaves[0]!.gradient.data[0]!, (lr) => asked(run(before, lr, 1)), 0.1, "lr");
});

Deno.test("a state starts where a param says, and that is learned", async () => {
  const text = model.replace("model gate", "param low = 0.2\nmodel gate").replace("level = 0.2", "level = low");
  const made = await compile(`${text}${fit()}gradient ${goal} wrt low`).run();
  const found = made.gradients[0]!.wrt[0]!.leaves[0]!.gradient.data[0]!;
  slope(found, (level) => asked(run({ ...begin, level }, 0.1, 3)), 0.2, "low");
});

Deno.test("a loop that goes on from another takes its states, from the end and from between, also with fresh states", async () => {
  const more = (from: string) =>
    `inner more { minimize mse(gate(d.a), d.b) + mean((gate(d.b) - 1)^2)  over gate by sgd(lr = 0.05)  for S = 2 steps from ${from} }
     output level = gate.level@(more.S)`;
  for (const [from, steps] of [["fit@T", 3], ["fit@1", 1], ["fit@1 with fresh states", 1], ["fit@0", 0]] as const) {
    const made = await compile(`${model}${fit()}${more(from)}`).run();
    near(Number(made.output("level").data[0]), run(run(begin, 0.1, steps), 0.05, 2).level, from);
  }
});

Deno.test("a state stands still with the loop that stops", async () => {
  const made = await compile(
    `${model}${fit("until t >= 2", 5)}output level = gate.level@T  output early = gate.level@2`,
  )
    .run();
  near(Number(made.output("level").data[0]), run(begin, 0.1, 2).level, "where it stopped");
  near(Number(made.output("early").data[0]), run(begin, 0.1, 2).level, "before");
});

const warm = (clause = "fit@T") =>
  `${model}input M : int = 4
${fit(`from ${clause}`)}
   outer train { minimize ${goal}  over fit.lr by sgd(lr = 0)  for M steps }
   output level = gate.level@0 after train
   output w = gate.w@0 after train`;

Deno.test("a warm loop goes on with its states, a checkpoint holds them, and a start reads them", async () => {
  const end = run(begin, 0.1, 12);
  for (const clause of ["fit@T", "fit@T with fresh states"]) {
    const made = await compile(warm(clause)).run();
    near(Number(made.output("level").data[0]), end.level, clause);
    near(Number(made.output("w").data[0]), end.w, clause);
  }
  const whole = await compile(warm()).run();
  const part = await compile(warm(), { inputs: { M: 2 } }).run();
  const longer = await compile(warm()).run({ resume: part.checkpoint() });
  assertEquals(longer.output("level").data, whole.output("level").data);
  assertEquals(whole.parameter("gate.level").data, whole.output("level").data);
  // the run folder holds them with the parameters
  const stored = joined(encodeSafetensors(new Map(whole.parameters.map((name) => [name, whole.parameter(name)]))));
  const again = (items: string) =>
    compile(`${model}${fit()}${items}output level = gate.level@T`, { read: () => stored }).run();
  const made = await again(`start gate from "earlier"\n`);
  near(Number(made.output("level").data[0]), run(end, 0.1, 3).level, "from the folder");
});

Deno.test("a run that learned where a model starts has its states as they are declared; other files must have them", async () => {
  const stored = joined(
    encodeSafetensors(new Map([["gate.w", { dtype: "f64", shape: [], data: Float64Array.of(0.3) }]])),
  );
  const again = (from: string) =>
    compile(`${model}${fit()}start ${from}\noutput level = gate.level@T`, { read: () => stored });
  const made = await again(`gate from "earlier"`).run();
  near(Number(made.output("level").data[0]), run({ w: 0.3, level: 0.2 }, 0.1, 3).level, "as declared");
  const said = (from: string) => assertThrows(() => again(from), CompileError).message;
  assertMatch(said(`gate from "earlier.safetensors"`), /has no `gate\.level`[^]*a state is read with its model/);
  assertMatch(said(`gate.level from "earlier"`), /has no `gate\.level`/);
});

Deno.test("each task has states of its own, and es sees what becomes of them", async () => {
  const tasks = `edition 1
precision f64
task one { shift : [] ~ uniform(0, 1)  split support { x : [2] ~ normal(0, 1) } }
model gate(x : [n]) -> [n] {
  w = 0.5
  state level = 0.2
  level' = level + 1
  return w * x + level
}
inner fit { minimize mean(gate(support.x)^2) over gate by sgd(lr = 0.1) for T = 3 steps THROUGH }
outer train { minimize (gate.level@T - fit.lr)^2 across 3 one over fit.lr by sgd(lr = 0.5) for 1 steps }
record train.loss`;
  for (const through of ["", "through es(samples = 2, sigma = 0.1)"]) {
    const made = await compile(tasks.replace("THROUGH", through)).run();
    near(made.losses()[0]!, (3.2 - 0.1) ** 2, through);
  }
});

Deno.test("a fixed point of a step is one of its states too", async () => {
  // at rest w = c, level = 2 * 0.25 * w: d level / d c = 0.5
  const text = `edition 1
precision f64
param c = 0.8
model gate(x : [n]) -> [n] {
  w = 0.5
  state level = 0.2
  level' = 0.5 * level + 0.25 * w * mean(x)
  return w * x
}
inner fit { minimize mean((gate([1, 1]) - c)^2) over gate by sgd(lr = 0.2) for T = 200 steps
  through implicit(solver = fixed_point, iterations = 200) }
gradient gate.level@T wrt c`;
  const made = await compile(text).run();
  // what is left of 0.6^200 and 0.5^200 is no number
  assertAlmostEquals(made.gradients[0]!.wrt[0]!.leaves[0]!.gradient.data[0]!, 0.5, 1e-12);
  assertAlmostEquals(made.gradients[0]!.value, 0.4, 1e-12);
});

Deno.test("`training` and `t` in a body come after names of its own, and are known inside a scan", async () => {
  const text = `edition 1
precision f64
model sized(x : [t, c]) -> [t, c] {
  w = 1
  state k = 0
  k' = k + t
  return w * x
}
model counts(x : [n]) -> [n] {
  w = 1
  state k = 0
  k' = k + t
  scan run over now in x { state h = 0  h' = where(training, 0, 1) * now * t }
  return w * run.h
}
inner fit { minimize sum(sized([[1], [2]])^2) + sum(counts([1, 2]))  over sized, counts by sgd(lr = 0)  for T = 3 steps }
output size = sized.k@T
output time = counts.k@T
output later = mean(counts@t([1, 2]) for t in 0 .. T)
output none = fit.loss@1`;
  const made = await compile(text).run();
  assertEquals(Number(made.output("size").data[0]), 6);
  assertEquals(Number(made.output("time").data[0]), 0 + 1 + 2);
  assertEquals([...made.output("later").data], [1.5, 3]);
  assertEquals(Number(made.output("none").data[0]), 5);
});

Deno.test("the model after a run stands at the time of its end", async () => {
  const text = (until: string) =>
    `edition 1
precision f64
model net(x : [n]) -> [n] {
  w = 1
  return w * x + t
}
inner fit { minimize sum(net([1, 2])^2) over net by sgd(lr = 0) for T = 3 steps ${until} }
output end = net@T([1])`;
  const x = { dtype: "f64", shape: [1], data: Float64Array.of(1) } as const;
  const made = await compile(text("")).run();
  assertEquals([...(await made.model("net").call({ x })).data, ...made.output("end").data], [4, 4]);
  const stopped = await compile(text("until t >= 2")).run();
  assertEquals([...stopped.output("end").data], [3]);
  await assertRejects(async () => await stopped.model("net").call({ x }), Error, "it reads `t`");
});

const ofTasks = (objective: string, more: string, next = "0.5 * level + sqrt(mean(x))") =>
  `edition 1
precision f64
task one { split support { x : [2] ~ normal(0.3, 1) } }
model gate(x : [n]) -> [] {
  w = 1
  state level = 0.4
  level' = ${next}
  return w * sqrt(mean(x))
}
input M : int = 3
outer train { minimize ${objective}  across 4 one fixed  over gate by sgd(lr = 0)  for M steps ${more} }
record gate.level`;

Deno.test("an outer that evolves a model itself moves its states by the mean over its tasks, of those that count", async () => {
  // at a rate of 0 the loss is the mean of what is added; tasks with a mean below 0 are not finite
  const made = await compile(ofTasks("gate(support.x)", "skip not finite")).run();
  const [added] = made.losses();
  const { values } = made.recorded("gate.level");
  let level = 0.4;
  for (const { data } of values.slice(0, 4)) {
    near(Number(data[0]), level, "level");
    level = 0.5 * level + added!;
  }
  const positive = await compile(ofTasks("gate(support.x^2)", "")).run();
  near(Number(positive.parameter("gate.level").data[0]), 0.4 / 8 + 1.75 * positive.losses()[0]!, "all tasks");
  // a checkpoint holds it
  const part = await compile(ofTasks("gate(support.x^2)", ""), { inputs: { M: 2 } }).run();
  const longer = await compile(ofTasks("gate(support.x^2)", "")).run({ resume: part.checkpoint() });
  assertEquals(longer.parameter("gate.level"), positive.parameter("gate.level"));
});

Deno.test("what an outer learns beside an inner loop is trained by the outer's own calls, at whatever time of the inner", async () => {
  const text = `edition 1
precision f64
data d { x : [2] = [1, 2] }
model body(x : [n]) -> [n] {
  w = 1
  state calls = 0
  calls' = calls + 1
  return where(training, w, 2 * w) * x
}
model net(x : [n]) -> [n] {
  use first = body
  v = 1
  return v * first(x)
}
inner adapt { minimize sum((net(d.x) - 1)^2)  over net.v by sgd(lr = 0)  for T = 3 steps }
outer train { minimize sum(net@T(d.x))  over net.first, net.v@0 by sgd(lr = 0)  for 2 steps }
output asked = sum(net@T(d.x)) after train
record net.first.calls`;
  const made = await compile(text).run();
  // training: w sum(x) = 3; the evaluation asks for twice that; support calls of the inner loop move nothing
  assertEquals([...made.losses()], [3, 3]);
  assertEquals(Number(made.parameter("net.first.calls").data[0]), 2);
  assertEquals(Number(made.output("asked").data[0]), 6);
});

Deno.test("phases go on with the states, and what is kept of the best has those of then", async () => {
  const text = (more: string) =>
    `edition 1
precision f64
data d { x : [2] = [1, 2] }
model gate(x : [n]) -> [n] {
  w = 1
  state calls = 0
  calls' = calls + 1
  return w * x
}
outer train { minimize sum(gate(d.x)^2)  over gate by sgd(lr = 0.01)  for 5 steps ${more} }
evaluate valid { report abs(gate.calls - 3)  best lowest  every 1 steps of train }
outer later after train { minimize sum(gate(d.x)^2)  over gate by adam(lr = 0.01)  for 4 steps }
output then = gate.calls after train
output end = gate.calls after later`;
  for (const [more, steps] of [["", 5], ["keep best of valid", 3]] as const) {
    const made = await compile(text(more)).run();
    assertEquals([...made.output("then").data, ...made.output("end").data], [steps, steps + 4]);
  }
});
