// Does a run say so when an integer that only it knows leaves its range, wherever that is, on every backend?
import { assertEquals, assertRejects } from "@std/assert";
import { compile, type CompileOptions, type HostTask, RunError } from "../../mod.ts";
import { withoutPlace } from "../places.ts";
import { some } from "../thorough.ts";

type Backend = "reference" | "wasm";
const backends: readonly Backend[] = ["reference", "wasm"];

async function failure(text: string, options: CompileOptions, backend: Backend, memory?: string): Promise<string> {
  const experiment = compile(`edition 1\n${text}`, options);
  const run = () => experiment.run({ backend, ...(memory === undefined ? {} : { memory }) });
  return withoutPlace(await assertRejects(run, RunError));
}

/** Three rows; the largest entry of w is its second one all along, so step t reads row 1 + t: there is none at step 2. */
const start = "param p : [3] = [1, 2, 3]\nparam w : [3] = [0, 1, 0]\nparam c = 0.1\n";
const loss = "p[argmax(w) + t] * sum((w - c * [0.1, 1, 0.2])^2)";
const inner = (steps: number, through = "unroll()") =>
  `inner fit { minimize ${loss}  over w by sgd(lr = 0.01)  for T = ${steps} steps  through ${through} }\n`;
const there = "an index is 3, outside 0 .. 2: there are 3 rows";

const items: readonly (readonly [name: string, text: string, where: string])[] = [
  ["an inner loop by itself", inner(3), "`fit`, step 2"],
  ["a gradient", inner(3) + "gradient sum(w@T^2) wrt fit.lr", "`fit`, step 2 (`gradient sum(w@T^2)`)"],
  ["a gradient of what stands still", "gradient c * p[argmax(w) + argmax(w) + argmax(w)] wrt c", ""],
  ["an evaluation", inner(3) + "evaluate test { report sum(w@t^2) at t in 0 .. T }", "`fit`, step 2 (`evaluate test`)"],
  [
    "an evaluation of more steps",
    inner(2) + "evaluate test { for T = 4 steps  report sum(w@T^2) }",
    "`fit`, step 2 (`evaluate test`)",
  ],
  [
    "an outer",
    inner(3) + "outer top { minimize sum(w@T^2)  over c by sgd(lr = 0.01)  for 4 steps }",
    "`fit`, step 2 (meta-step 0 of `top`)",
  ],
  [
    "an outer of which nothing asks for a gradient",
    inner(3) + "outer top { minimize sum(w@T^2)  over w@0 by reptile(rate = 0.01)  for 4 steps }",
    "`fit`, step 2 (meta-step 0 of `top`)",
  ],
  [
    "an outer that another runs",
    inner(3) + `outer mid { minimize sum(w@T^2)  over c by sgd(lr = 0.01)  for M = 2 steps }
outer top { minimize mid.loss@M  over mid.lr by sgd(lr = 0.01)  for 4 steps }`,
    "`fit`, step 2 (meta-step 0 of `mid`, meta-step 0 of `top`)",
  ],
  [
    "an outer's own objective",
    `outer top { minimize (c - 1)^2 * p[argmax(w) + round]  over c by sgd(lr = 0.1)  for 4 steps }`.replace(
      "p[argmax(w) + round]",
      "sum(p[argmax(w) + k] for k in 0 .. 2)",
    ),
    "meta-step 0 of `top`",
  ],
  [
    "a rule",
    `optimizer odd(lr) { p' = p - lr * take([1, 1, 1], argmax(p) + t) * g }
inner fit { minimize sum((w - c)^2)  over w by odd(lr = 0.001)  for T = 3 steps }
gradient sum(w@T^2) wrt c`,
    "`fit`, step 2 (`gradient sum(w@T^2)`)",
  ],
  [
    "a scan in a model",
    `model m(x : [n]) -> [] {
  scan s over i in 0 .. 2 { state h = 0  h' = h + x[argmax(x) + i] }
  return s.h[-1]
}
gradient c * m(w) wrt c`,
    "`m.s`, step 2 (`gradient c * m(w)`)",
  ],
  [
    "what is recorded",
    inner(3) + "gradient (c - 1)^2 wrt c\nrecord w@*, fit.loss@*",
    "`fit`, step 2",
  ],
  [
    "a derivative for every time",
    inner(3) + `outer top { minimize sum(w@T^2)  over c by sgd(lr = 0.01)  for 4 steps }
record top.sensitivity`,
    "`fit`, step 2 (meta-step 0 of `top`)",
  ],
];

for (const precision of ["f32", "f64"]) {
  for (const [name, text, where] of some(items, 6)) {
    Deno.test(`an index outside its range ends the run with its place: ${name}, ${precision}`, async () => {
      for (const backend of backends) {
        const message = await failure(`precision ${precision}\n${start}${text}`, {}, backend);
        const label = where || "`gradient c * p[argmax(w) + argmax(w) + argmax(w)]`";
        assertEquals(message.replace("an index of `take`", "an index"), `${label}: ${there}`);
      }
    });
  }
}

const estimators = [
  "unroll()",
  "unroll(window = 1)",
  "first_order()",
  "forward()",
  "implicit(solver = direct)",
  "implicit(solver = fixed_point)",
  "finite_difference()",
  "es(samples = 2, sigma = 1e-3)",
  "es(samples = 2, sigma = 1e-3, window = 1)",
  "pes(samples = 2, sigma = 1e-3, window = 1)",
];

for (const through of estimators) {
  Deno.test(`an index outside its range ends the run whatever the estimator: ${through}`, async () => {
    // these see no rate, and also ask for the objective at the end, which is step 2 of two
    const atEnd = /implicit|finite/.test(through);
    const top = `outer top { minimize sum((w@T - 1)^2)  over ${
      atEnd ? "c" : "fit.lr"
    } by sgd(lr = 1e-3)  for 2 steps }`;
    const last = atEnd ? 1 : 2;
    for (const backend of backends) {
      const message = await failure(`precision f64\n${start}${inner(3, through)}${top}`, {}, backend);
      assertEquals(message, `\`fit\`, step 2 (meta-step 0 of \`top\`): ${there}`);
      const fine = await compile(`edition 1\nprecision f64\n${start}${inner(last, through)}${top}`).run({ backend });
      assertEquals(fine.outcome, "done");
    }
  });
}

Deno.test("a derivative that keeps little is looked at, too", async () => {
  const text = "precision f64\nparam p : [200] = 1\nparam v : [300] = 0.5\nparam c = 0.1\n" +
    `inner fit { minimize p[argmax(v) + t] * sum((v - c)^2)  over v by sgd(lr = 0.01)  for T = 201 steps }
outer top { minimize sum(v@T^2)  over c by sgd(lr = 1e-3)  for 2 steps }`;
  const wanted = "`fit`, step 200 (meta-step 0 of `top`): an index is 200, outside 0 .. 199: there are 200 rows";
  for (const backend of backends) assertEquals(await failure(text, {}, backend, "200kB"), wanted);
});

/** Tasks whose number k is one too large for one of them at one meta-step. */
const odd: HostTask = ({ index, step, consumer }) => {
  const k = consumer === "train" && index === 2 && step === 3 ? 3 : 1;
  return { s: { k: { shape: [2], data: [0, k] } } };
};

Deno.test("what a script gives: read as it is, it is looked at as it comes; computed with, where it is read", async () => {
  const text = (read: string) =>
    `precision f64\ntask t { split s { k : int [2] } }\nparam p : [3] = [1, 2, 3]
inner fit { minimize sum((p - 1)^2) * sum(take(p, ${read}))  over p by sgd(lr = 0.01)  for T = 2 steps }
outer train { minimize sum(p@T^2)  across 4 t  over fit.lr by sgd(lr = 1e-4)  for 5 steps }
evaluate test { across 4 t  report sum(take(p@T, s.k)) }`;
  for (const backend of backends) {
    const options = { tasks: { t: odd } };
    assertEquals(
      await failure(text("s.k"), options, backend),
      "Task 2 of `train`, meta-step 3: `t.s.k` is 3 at [1], outside 0 .. 2: there are 3 rows",
    );
    assertEquals(
      await failure(text("s.k * 2 - s.k"), options, backend),
      "`fit`, step 0 (task 2, meta-step 3 of `train`): an index of `take` is 3 at [1], outside 0 .. 2: there are 3 rows",
    );
  }
});

Deno.test("labels that a script gives", async () => {
  const text = `task t { split s { x : [2, 4]  y : int [2] } }
model net(x : [n, 4]) -> [n, 3] { use l = dense(3)  return l(x) }
inner fit { minimize cross_entropy(net(s.x), s.y)  over net by sgd(lr = 0.1)  batch 1 of s  for T = 2 steps }
outer train { minimize accuracy(net@T(s.x), s.y) + sum(net.l.W@T^2)  across 4 t  over net@0 by adam()  for 5 steps }`;
  const t: HostTask = ({ index, step }) => ({
    s: {
      x: { shape: [2, 4], data: Array(8).fill(1) },
      y: { shape: [2], data: [index === 3 && step === 1 ? -1 : 2, 0] },
    },
  });
  for (const backend of backends) {
    assertEquals(
      await failure(text, { tasks: { t } }, backend),
      "Task 3 of `train`, meta-step 1: `t.s.y` is -1 at [0], outside 0 .. 2: there are 3 classes",
    );
  }
});

Deno.test("labels that are floats must be whole", async () => {
  const text = (y: string) =>
    `data d { y : [3] = [0, 1, ${y}] }\nparam w : [3, 2] = 1\ngradient sum(w * one_hot(d.y, 2)) wrt w`;
  for (const backend of backends) {
    for (const y of ["2", "0.5", "-1"]) {
      assertEquals(
        await failure(text(y), {}, backend),
        `\`gradient sum(w * one_hot(d.y, 2))\`: a label of \`one_hot\` is ${y} at [2], outside 0 .. 1: there are 2 classes`,
      );
    }
    const run = await compile(`edition 1\n${text("1")}`).run({ backend });
    assertEquals([...run.gradient("w").data], [1, 0, 0, 1, 0, 1]);
  }
});

const beyond = "outside -2147483647 .. 2147483647: an int has 32 bits";

for (const precision of ["f32", "f64"]) {
  Deno.test(`results beyond 32 bits that only the run knows: ${precision}`, async () => {
    const run = (text: string, backend: Backend) =>
      failure(
        `precision ${precision}\n${start}data d { a : int [2] = [2000000000, -147483647] }\n${text}`,
        {},
        backend,
      );
    const gradient = (e: string) => [`gradient c * (${e}) wrt c`, `\`gradient c * (${e})\``] as const;
    // the largest entry of w is the second: argmax(w) is 1, which is not known before
    const cases = [
      ["sum(d.a * argmax(w) + d.a * argmax(w))", "the result of `+` is 4000000000 at [0]"],
      ["sum(d.a * argmax(w) * 2)", "the result of `*` is 4000000000 at [0]"],
      ["sum(d.a * argmax(w) * d.a)", "the result of `*` is 4000000000000000000 at [0]"],
      ["sum(0 - d.a * argmax(w) - 147483648)", "the result of `-` is -2147483648 at [0]"],
      ["sum(stack(d.a, d.a) * argmax(w), axis = 1)[0]", "the `sum` is 4000000000 at [0]"],
    ] as const;
    for (const backend of backends) {
      for (const [e, said] of cases) {
        const [text, name] = gradient(e);
        assertEquals(await run(text, backend), `${name}: ${said}, ${beyond}`);
      }
      const inLoop = "inner fit { minimize sum((w - c)^2) * ((t + argmax(w)) * 1000000000)  over w by sgd(lr = 1e-13)" +
        "  for T = 3 steps }\nrecord fit.loss@*";
      assertEquals(await run(inLoop, backend), `\`fit\`, step 2: the result of \`*\` is 3000000000, ${beyond}`);
      // at the edge, and one number that is no more than the bound after all
      const [fine] = gradient("sum(d.a * argmax(w) + 147483647)");
      const value = (await compile(`edition 1\nprecision f64\n${start}data d { a : int [2] = [2000000000, -147483647] }
${fine}`).run({ backend })).gradient("c").data[0];
      assertEquals(value, 2147483647);
    }
  });
}
