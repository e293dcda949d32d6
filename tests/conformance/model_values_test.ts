// What does a model stand for among operators? Against the same program written out tensor by tensor, and against closed forms, on
// both backends that are always there.
import { assertAlmostEquals, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { compile, CompileError, MetaRuntimeError } from "../../mod.ts";

const backends = ["reference", "wasm"] as const;

/** Sums and products of at most some hundred numbers below 16 in float64, in another order. */
const rounding = 500 * 16 * 2 ** -52;

/** `tied` is called twice, `drop` has no parameters; what `net` stands for are these. */
const tensors = ["scale", "tied.W", "tied.b", "out.W", "out.b"] as const;
const shapes = [[], [3, 3], [3], [3, 1], [1]] as const;
const sizes = shapes.map((shape) => shape.reduce<number>((n, size) => n * size, 1));
const count = 17;

const net = `edition 1
precision f64
data d { x : [3, 3] = [[0.5, -1, 0.25], [1, 0.5, -0.5], [0, 1, 2]]  y : [3, 1] = [[1], [-1], [0.5]] }
task line { split support { x : [3, 3] ~ normal(0, 1)  y : [3, 1] ~ normal(0, 1) } }
model net(x : [n, 3]) -> [n, 1] {
  scale = 0.75
  use tied = dense(3)
  use drop = dropout(0.5)
  use out  = dense(1)
  return scale * out(tanh(tied(tanh(tied(x)))))
}
param c = 0.4
`;

/** Of each tensor, put together. */
const each = (make: (tensor: string) => string, by = " + ") => `(${tensors.map((t) => make(`net.${t}`)).join(by)})`;

/** A value of a model, and the same of its tensors; `NOW` is the time at which it is read, `START` where the loop starts. */
const pairs: readonly (readonly [string, string])[] = [
  ["0.5 * c * sum(netNOW^2)", `0.5 * c * ${each((t) => `sum(${t}NOW^2)`)}`],
  ["0.5 * c * sum((netNOW - netSTART)^2)", `0.5 * c * ${each((t) => `sum((${t}NOW - ${t}START)^2)`)}`],
  ["c * sum(abs(netNOW))", `c * ${each((t) => `sum(abs(${t}NOW))`)}`],
  ["c * mean(netNOW * netSTART)", `c * ${each((t) => `sum(${t}NOW * ${t}START)`)} / ${count}`],
  ["c * mse(netNOW, netSTART)", `c * ${each((t) => `sum((${t}NOW - ${t}START)^2)`)} / ${count}`],
  ["norm(netNOW - c)", `sqrt${each((t) => `sum((${t}NOW - c)^2)`)}`],
  ["norm(c / (2 + net.tiedNOW))", "sqrt(sum((c / (2 + net.tied.WNOW))^2) + sum((c / (2 + net.tied.bNOW))^2))"],
  ["max(c * netNOW) + min(netNOW)", `max(${list((t) => `max(c * ${t}NOW)`)}) + min(${list((t) => `min(${t}NOW)`)})`],
  ["c * dot(netNOW, tanh(netSTART))", `c * ${each((t) => `sum(${t}NOW * tanh(${t}START))`)}`],
  ["c * sum(netNOW^2) / size(netNOW)", `c * ${each((t) => `sum(${t}NOW^2)`)} / ${count}`],
  [
    "sum(-where(netNOW > c, c * netNOW, netNOW^2))",
    `-${each((t) => `sum(where(${t}NOW > c, c * ${t}NOW, ${t}NOW^2))`)}`,
  ],
  ["sum(stop_gradient(netNOW) * netNOW) * c", `${each((t) => `sum(stop_gradient(${t}NOW) * ${t}NOW)`)} * c`],
  ["sum(max(netNOW, c) - 2^netNOW)", each((t) => `sum(max(${t}NOW, c) - 2^${t}NOW)`)],
  [
    "half(netNOW - netSTART) + half(net.outNOW)",
    `0.5 * c * (${each((t) => `sum((${t}NOW - ${t}START)^2)`)} + sum(net.out.WNOW^2) + sum(net.out.bNOW^2))`,
  ],
  ["c * sum((netNOW - netSTART).tied.W^2)", "c * sum((net.tied.WNOW - net.tied.WSTART)^2)"],
  ["c * norm(netNOW |> sin |> sigmoid)", `c * sqrt${each((t) => `sum(sigmoid(sin(${t}NOW))^2)`)}`],
];

/** Four values at once. */
const groups = Array.from(
  { length: 4 },
  (_, g) => [0, 1].map((k) => pairs.slice(4 * g, 4 * g + 4).map((pair, i) => `${1 + i} * (${pair[k]})`).join(" + ")),
) as unknown as typeof pairs;

function list(make: (tensor: string) => string): string {
  return `[${tensors.map((t) => make(`net.${t}`)).join(", ")}]`;
}

const at = (text: string, now: string, start = "@0") => text.replaceAll("NOW", now).replaceAll("START", start);

/** Within a loop and at its end, at all its times, for tasks, and where no loop evolves it; each with what it is differentiated for. */
const places: readonly (readonly [string, (value: string) => string])[] = [
  ["where no loop evolves it", (value) => `gradient ${at(value, "", " * 0.5")} + mse(net(d.x), d.y) wrt net, c`],
  [
    "in a loop and at its end",
    (value) =>
      `inner fit { minimize mse(net(d.x), d.y) + ${
        at(value, "")
      }  over net  by sgd(lr = 0.05, momentum = 0.5)  for T = 3 steps }
       gradient mse(net@T(d.x), d.y) + ${at(value, "@T")} + ${at(value, "@(fit@2)")} wrt net@0, c, fit.lr`,
  ],
  [
    "at every time",
    (value) =>
      `inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.05)  for T = 3 steps  through forward() }
       gradient sum((1 + t) * (${at(value, "@t")}) for t in 0 .. T) wrt net.tied.W@0, c, fit.lr`,
  ],
  [
    "of each task",
    (value) =>
      `inner fit { minimize mse(net(support.x), support.y) + ${
        at(value, "")
      }  over net  by sgd(lr = 0.05)  for T = 2 steps }
       outer train { minimize mse(net@T(support.x), support.y) + ${
        at(value, "@T")
      }  across 2 line  over net@0, c  by sgd(lr = 0.02)  for M = 2 steps }
       evaluate test { across 3 line  report ${at(value, "@T")} }`,
  ],
];

const half = "fn half(m) = 0.5 * c * sum(m^2)\n";

/** Where the tensors start: draws are those of the expression that they are for. */
const starts = Object.fromEntries(
  tensors.map((name, k) => {
    const [size, shape] = [sizes[k]!, shapes[k]!];
    return [`net.${name}`, { shape, data: Array.from({ length: size }, (_, i) => Math.sin(1 + 3 * k + 1.7 * i)) }];
  }),
);

/** The numbers of a run: of gradients, of losses and evaluations, and what is learned. */
async function numbersOf(program: string, backend: "reference" | "wasm"): Promise<Map<string, number>> {
  const run = await compile(program).run({ backend, start: starts });
  assertEquals(run.outcome, "done");
  const found = new Map<string, number>();
  const put = (name: string, data: ArrayLike<number>) =>
    Array.from(data).forEach((x, i) => found.set(`${name}[${i}]`, x));
  for (const { value, wrt } of run.gradients) {
    put("value", [value]);
    for (const { name, gradient } of wrt.flatMap(({ leaves }) => leaves)) put(name, gradient.data);
  }
  if (!/^ *outer /m.test(program)) return found;
  put("loss", run.losses("train"));
  put("reported", run.evaluation("test").reports.map(({ points }) => points[0]!.mean));
  for (const name of tensors) put(name, run.parameter(`net.${name}`, { time: 0 }).data);
  put("c", run.parameter("c").data);
  return found;
}

for (const [place, program] of places) {
  Deno.test(`a model is what its tensors are, ${place}`, async () => {
    // one by one where that is quick
    const single = place.startsWith("where");
    for (const [value, written] of single ? pairs : groups) {
      const [short, long] = [value, written].map((v) => `${net}${/\bhalf\(/.test(v) ? half : ""}${program(v)}`) as [
        string,
        string,
      ];
      const expected = await numbersOf(long, "reference");
      for (const backend of single ? backends.slice(0, 1) : backends) {
        const found = await numbersOf(short, backend);
        assertEquals([...found.keys()], [...expected.keys()]);
        for (const [name, x] of found) {
          assertAlmostEquals(
            x,
            expected.get(name)!,
            rounding * Math.max(1, Math.abs(x)),
            `${value}: ${name} (${backend})`,
          );
        }
      }
    }
  });
}

/** Two tensors of five entries, none of them 0, that a loop evolves from fixed starts; `part` is called twice. */
const two = (objective: string, rest: string, through = "") =>
  `edition 1
precision f64
model layer(x : [n, 2]) -> [n, 2] { W : [2, 2] = [[1, -2], [3, -4]]  return dot(x, W) }
model net(x : [n, 2]) -> [n, 2] { use part = layer  b = 5.0  return part(part(x)) + b }
let shaped = 0 * sum(net([[1, 1]]))
param c = 0.5
param g = 2
inner fit { minimize ${objective} + shaped  over net  by sgd(lr = 0.1)  for T = 4 steps ${through} }
${rest}`;
const starts5 = [1, -2, 3, -4, 5];
const squares = 55;

interface Closed {
  readonly name: string;
  readonly program: string;
  readonly value: number;
  readonly slopes: Readonly<Record<string, readonly number[]>>;
}

// w_T = w_0 s^T with s = 1 - lr c
const s = 1 - 0.1 * 0.5;
// d_T = w_T - w_0 = -(g / c)(1 - s^T), the same for each entry: d' = d - lr (g + c d)
const moved = -(2 / 0.5) * (1 - s ** 4);
const movedByC = (2 / 0.25) * (1 - s ** 4) - (2 / 0.5) * 4 * s ** 3 * 0.1;
// w* = (h g + c w_0) / (h + c), with h = 3
const [h, c, g] = [3, 0.5, 2];
const stay = c / (h + c);

const closed: readonly Closed[] = [
  {
    name: "weight decay",
    program: two("0.5 * c * sum(net^2)", "gradient sum(net@T^2) wrt net.part.W@0, net.b@0, c, fit.lr"),
    value: squares * s ** 8,
    slopes: {
      "net.part.W": starts5.slice(0, 4).map((w) => 2 * w * s ** 8),
      "net.b": [10 * s ** 8],
      c: [squares * 8 * s ** 7 * -0.1],
      "fit.lr": [squares * 8 * s ** 7 * -0.5],
    },
  },
  {
    name: "the derivative of a step along the slope of weight decay",
    program: two(
      "0.5 * c * sum(net^2)",
      "outer tune { minimize sum(net@T^2)  over c  by sgd(lr = 0.001)  for M = 1 steps }\ngradient c@M wrt c@0, tune.lr",
    ),
    // c' = c - r 8 squares s^7 (-0.1)
    value: 0.5 + 0.001 * squares * 0.8 * s ** 7,
    slopes: { c: [1 + 0.001 * squares * 0.8 * 7 * s ** 6 * -0.1], "tune.lr": [squares * 0.8 * s ** 7] },
  },
  {
    name: "absolute values",
    program: two("c * sum(abs(net))", "gradient sum(abs(net@T)) wrt net.part.W@0, c, fit.lr"),
    // four steps of 0.05 towards 0, which none reaches
    value: 15 - 5 * 4 * 0.05,
    slopes: { "net.part.W": [1, -1, 1, -1], c: [-5 * 4 * 0.1], "fit.lr": [-5 * 4 * 0.5] },
  },
  {
    name: "a proximal term",
    program: two("g * sum(net) + 0.5 * c * sum((net - net@0)^2)", "gradient sum(net@T - net@0) wrt net@0, c, g"),
    value: 5 * moved,
    slopes: { "net.part.W": [0, 0, 0, 0], "net.b": [0], c: [5 * movedByC], g: [5 * moved / 2] },
  },
  {
    name: "a proximal term at its solution",
    program: two(
      "1.5 * sum((net - g)^2) + 0.5 * c * sum((net - net@0)^2)",
      "gradient sum(net@T) wrt net@0, c, g",
      "through implicit(solver = direct)",
    ).replace("lr = 0.1", "lr = 1 / 3.5"),
    value: (5 * h * g + c * 3) / (h + c),
    slopes: {
      "net.part.W": [stay, stay, stay, stay],
      "net.b": [stay],
      c: [h * (3 - 5 * g) / (h + c) ** 2],
      g: [5 * h / (h + c)],
    },
  },
  {
    name: "norms, extremes and products",
    program: two(
      "0 * sum(net)",
      "gradient norm(net@T) + max(net@T) + 10 * min(net@T) + dot(net@T, net@T) / 2 wrt net@0",
    ),
    value: Math.sqrt(squares) + 5 - 40 + squares / 2,
    slopes: {
      "net.part.W": [1, -2, 3, -4].map((w, i) => w / Math.sqrt(squares) + (i === 3 ? 10 : 0) + w),
      "net.b": [5 / Math.sqrt(squares) + 1 + 5],
    },
  },
  {
    name: "the first of equal entries, and a norm of nothing",
    program: two(
      "0 * sum(net)",
      "gradient max(0 * net@T) + norm(0 * net@T) + max(min(net@T, 1)) + min(max(net@T - 5, -3)) wrt net@0",
    ).replace("b = 5.0", "b = 1.0"),
    // of min(w, 1): 1, -2, 1, -4, 1, the first 1 of which is a tie; of max(w - 5, -3): -3, -3, -2, -3, -3, the first of which is held
    value: 0 + 0 + 1 - 3,
    slopes: { "net.part.W": [0.5, 0, 0, 0], "net.b": [0] },
  },
];

for (const { name, program, value, slopes } of closed) {
  Deno.test(`a model as a value, in closed form: ${name}`, async () => {
    for (const backend of backends) {
      const run = await compile(program).run({ backend });
      assertAlmostEquals(run.value(), value, rounding * Math.max(1, Math.abs(value)), backend);
      const found = new Map(
        run.gradients[0]!.wrt.flatMap(({ leaves }) =>
          leaves.map((l) => [l.name, [...l.gradient.data].map(Number)] as const)
        ),
      );
      assertEquals([...found.keys()].sort(), Object.keys(slopes).sort());
      for (const [leaf, expected] of Object.entries(slopes)) {
        expected.forEach((x, i) =>
          assertAlmostEquals(found.get(leaf)![i]!, x, rounding * Math.max(1, Math.abs(x)), `${leaf}[${i}] (${backend})`)
        );
      }
    }
  });
}

/** Of a first item the model is not shaped yet, of the second a part of it. */
const shapedLater = (between: string) =>
  `edition 1
  data d { x : [1, 2] = [[1, 1]]  y : [1, 1] = [[1]] }
  model net(x : [n, 2]) -> [n, 1] { use a = dense(3)  use b = dense(1)  return b(a(x)) }
  output all = sum(net == net)
  output first = net.a(d.x)
  ${between}`;

Deno.test("what an item reads of a model that later items shape is all of it", async () => {
  const program = shapedLater(`param each : [size(net)] = 1
    output number = sum(each) + sum(net.b == net.b)
    output last = net(d.x)`);
  const run = await compile(program).run({ backend: "reference" });
  assertEquals([...run.output("all").data, ...run.output("number").data], [13, 17]);
});

Deno.test("of a part that later items shape the time must be said, too", () => {
  const program = shapedLater(`output rest = sum(net^2)
    inner fit { minimize mse(net.b(net.a(d.x)), d.y)  over net.b  by sgd(lr = 0.1)  for T = 2 steps }
    output last = net@T(d.x)`).replace("output all = sum(net == net)", "");
  assertThrows(() => compile(program), CompileError, "`net` changes during `fit`");
});

Deno.test("a number that is taken for all entries counts as many", async () => {
  const program = two(
    "0 * sum(net)",
    `input wide : bool = true
    output number = sum(where(wide, 2, net@T)) + norm(where(wide, 2, net@T))^2 + sum(net@T^0)`,
  );
  assertEquals([...(await compile(program).run({ backend: "reference" })).output("number").data], [10 + 20 + 5]);
});

Deno.test("whole numbers of several tensors are counted, and beyond 32 bits that is said", async () => {
  const counted = (many: number, start: string) =>
    two(
      "0 * sum(net)",
      `data k { many : int [] = ${many}  none : int [] = 0 }
      output sign = sum(where(net@T > 0, k.many, k.none))`,
    ).replace("[[1, -2], [3, -4]]", start);
  for (const backend of backends) {
    const { data } = (await compile(counted(7, "[[1, -2], [3, -4]]")).run({ backend })).output("sign");
    assertEquals([data instanceof Int32Array, data[0]], [true, 21]);
    // one of each tensor is positive: no tensor alone is too much
    const far = compile(counted(2147483647, "[[-1, -2], [3, -4]]"));
    const error = await assertRejects(() => far.run({ backend }), MetaRuntimeError);
    assertMatch(error.message, /4294967294/);
  }
});

/** Where two loops end, of which each stays near its own start, as one number that all entries follow alike but for where they begin. */
function stayingNear(w: number, c: number, rate: number): number {
  for (const [goal, steps] of [[3, 4], [2, 3]] as const) {
    const start = w;
    for (let t = 0; t < steps; t++) w -= rate * (2 * (w - goal) + c * (w - start));
  }
  return w;
}

Deno.test("each of two loops over one model stays near where it starts itself", async () => {
  const program = two(
    "sum((net - 3)^2) + 0.5 * c * sum((net - net@0)^2)",
    `inner second { minimize sum((net - 2)^2) + 0.5 * c * sum((net - net@0)^2)  over net  by sgd(lr = fit.lr)  for S = 3 steps  from fit@T }
    gradient sum([1, 2] * net.part.W@(second.S)) + net.b@(second.S) wrt c, net@0`,
  );
  // w' is affine in w: the slope in it is a difference
  const weights = [1, 2, 1, 2, 1];
  const total = (ws: readonly number[], c: number) =>
    ws.reduce((n, w, i) => n + weights[i]! * stayingNear(w, c, 0.1), 0);
  const inC = (total(starts5, 0.5 + 1e-5) - total(starts5, 0.5 - 1e-5)) / 2e-5;
  const inW = stayingNear(1, 0.5, 0.1) - stayingNear(0, 0.5, 0.1);
  for (const backend of backends) {
    const run = await compile(program).run({ backend });
    assertAlmostEquals(run.value(), total(starts5, 0.5), rounding);
    // a third derivative below 100 makes 2e-9, and rounding 16 * 2^-52 / 1e-5 another 4e-10
    assertAlmostEquals(run.gradient("c").data[0]!, inC, 1e-8);
    const slopes = run.gradientGroup("net@0");
    const found = [...slopes["net.part.W"]!.data, ...slopes["net.b"]!.data].map(Number);
    weights.forEach((weight, i) => assertAlmostEquals(found[i]!, weight * inW, rounding));
  }
});

Deno.test("where a loop begins that goes on from one with batches is one place, for all its steps", async () => {
  const program = `edition 1
    precision f64
    data d { x : [6] = [1, 2, 3, 4, 10, 20] }
    param w = 0
    inner fit { minimize mean((w - d.x)^2)  over w  by sgd(lr = 0.25)  for T = 3 steps  batch 1 of d }
    inner stay { minimize (w - w@0)^2  over w  by sgd(lr = 0.25)  for S = 3 steps  from fit@T }
    evaluate e { report w@(fit.T)  report w@(stay.S) - w@(fit.T)  report stay.loss@S }
    gradient w@(stay.S) wrt fit.lr`;
  for (const backend of backends) {
    const run = await compile(program).run({ backend });
    const [end, moved, loss] = run.evaluation("e").reports.map(({ points }) => points[0]!.mean);
    // three rows were drawn, of which no mean with weights 1/8, 1/4 and 1/2 is 0
    assertEquals([end! > 0, moved, loss], [true, 0, 0]);
    assertEquals(run.value() > 0, true);
  }
});

Deno.test("a loop that goes on across meta-steps stays near where each begins", async () => {
  const run = await compile(
    two(
      "sum((net - 3)^2) + c * sum((net - net@0)^2)",
      "outer train { minimize sum((net@T - 2)^2)  over c  by sgd(lr = 0.001)  for 3 steps }",
      "from fit@T",
    ),
  ).run();
  let ws = starts5.map((w) => ({ w, slope: 0 }));
  let c = 0.5;
  for (const loss of run.losses("train")) {
    ws = ws.map(({ w: start }) => {
      let [w, slope] = [start, 0];
      for (let t = 0; t < 4; t++) {
        // what the meta-step before left is a constant
        slope -= 0.1 * ((2 + 2 * c) * slope + 2 * (w - start));
        w -= 0.1 * (2 * (w - 3) + 2 * c * (w - start));
      }
      return { w, slope };
    });
    // losses are below 160
    assertAlmostEquals(loss, ws.reduce((n, { w }) => n + (w - 2) ** 2, 0), 10 * rounding);
    c -= 0.001 * ws.reduce((n, { w, slope }) => n + 2 * (w - 2) * slope, 0);
  }
});
