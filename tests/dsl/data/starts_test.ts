// Where does a program start that says `start`? At the numbers of a file or of a script, bit for bit, by name; and what is wrong
// with them is said before anything runs.
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { compile, CompileError, type HostArray } from "../../../mod.ts";
import { compileProgram } from "../../../dsl/compile.ts";
import { allocate, type DType, sizeOf } from "../../../runtime/ir/types.ts";
import { encodeSafetensors } from "../../../runtime/program/safetensors.ts";
import { joined } from "../../joined.ts";
import { type Dice, throwDice } from "../../random/dice.ts";
import { cases } from "../../thorough.ts";

type Numbers = number | readonly Numbers[];

/** An array of nested lists. */
function array(numbers: Numbers, dtype: DType = "f64"): HostArray {
  const shape: number[] = [];
  for (let at = numbers; typeof at !== "number"; at = at[0]!) shape.push(at.length);
  const data = allocate(dtype, sizeOf(shape));
  data.set(typeof numbers === "number" ? [numbers] : numbers.flat(9) as number[]);
  return { dtype, shape, data };
}

/** A `.safetensors` file. */
function file(tensors: Readonly<Record<string, HostArray | Numbers>>): Uint8Array {
  const arrays = Object.entries(tensors).map(([name, value]): [string, HostArray] => [
    name,
    typeof value === "object" && "dtype" in value ? value : array(value as Numbers),
  ]);
  return joined(encodeSafetensors(new Map(arrays)));
}

type Files = Readonly<Record<string, string | Uint8Array>>;

const program = (items: string, precision = "f64") => `edition 1\nprecision ${precision}\n${items}`;

/** What a program is, with files beside it. */
const experiment = (items: string, files: Files, precision = "f64") =>
  compile(program(items, precision), { read: (path) => files[path] });

/** What is said of a program, on one line each. */
function saidOf(items: string, files: Files, precision = "f64"): string {
  const { diagnostics } = compileProgram({
    root: { name: "program.meta", text: program(items, precision) },
    readSource: (path) => files[path] as string | undefined,
    readData: (path) => files[path] as Uint8Array | undefined,
  });
  return diagnostics.map((d) => [d.code, d.title, ...d.notes, d.hint ?? ""].join(" | ")).join("\n");
}

const mlp = `model mlp() -> [2] { w : [2] ~ normal(0, 1)  return w }
inner fit { minimize sum((mlp() - 3)^2) over mlp by sgd(lr = 0.1) for T = 2 steps }
record mlp.w@*
`;

Deno.test("a model starts at the tensors of its name, a hyperparameter at its number", async () => {
  // w' = w - 0.25 * 2 (w - 3) = w / 2 + 3 / 2
  const run = await experiment(`start mlp, fit.lr from "earlier"\n${mlp}`, {
    "earlier/parameters.safetensors": file({ "mlp.w": [1, -7], "fit.lr": 0.25, other: [1] }),
  }).run();
  assertEquals([...run.recorded("mlp.w@*").values[0]!.data], [1, -7, 2, -2, 2.5, 0.5]);
});

Deno.test("a part starts under another name: a path, a text, or none at all", async () => {
  const nested = `model part() -> [2] { w : [2] = 0  return w }
model net() -> [2] { use body = part  use head = part  return body() * head() }
inner fit { minimize sum(net()) over net by sgd(lr = 0) for T = 1 steps }
record net.body.w@*, net.head.w@*
`;
  for (
    const [as, name] of [["as encoder", "encoder.w"], ["as a.b", "a.b.w"], ['as "m.0"', "m.0.w"], [
      'as ""',
      "w",
    ]] as const
  ) {
    const files = { "f.safetensors": file({ [name]: [1, 2], "net.head.w": [3, 4] }) };
    const run = await experiment(
      `${nested}start net.body from "f.safetensors" ${as}\nstart net.head from "f.safetensors"\n`,
      files,
    ).run();
    assertEquals([...run.parameter("net.body.w", { time: 1 }).data], [1, 2], as);
    assertEquals([...run.parameter("net.head.w", { time: 1 }).data], [3, 4], as);
  }
  const whole = { "f.safetensors": file({ "fc1.weight": [5, 6] }) };
  const run = await experiment(`${mlp}start mlp.w from "f.safetensors" as "fc1.weight"\n`, whole).run();
  assertEquals([...run.parameter("mlp.w", { time: 0 }).data], [5, 6]);
});

Deno.test("what is learned begins at the start, and the derivative is taken there", async () => {
  // w@T = a + (w@0 - a) (1 - 2 lr)^2 for a = 3: at w@0 = 1, lr = 0.25 the value (w@T - 3)^2 is 4 / 16
  const text = `param w = 100
inner fit { minimize (w - 3)^2 over w by sgd(lr = 7) for T = 2 steps }
outer learn { minimize (w@T - 3)^2 over w@0 by sgd(lr = 1) for 1 steps }
gradient (w@T - 3)^2 wrt w@0, fit.lr
start w, fit.lr from "f.safetensors"
`;
  const run = await experiment(text, { "f.safetensors": file({ w: 1, "fit.lr": 0.25 }) }).run();
  assertEquals(run.losses("learn")[0], 0.25);
  assertEquals(run.value(), 0.25);
  assertEquals(run.gradient("w@0").data[0], 2 * -0.5 * 0.25);
  // d/dlr: 2 (w@T - 3) (w@0 - 3) 2 (1 - 2 lr) (-2)
  assertEquals(run.gradient("fit.lr").data[0], 2 * -0.5 * -2 * 2 * 0.5 * -2);
  assertEquals(run.parameter("w").data[0], 1 - 2 * -0.5 * 0.25);
});

Deno.test("a start stands in place of one that is computed, and of one that nothing declares", async () => {
  const text = `param theta = 5
param w = theta
param v : [2]
start w, v from "f.safetensors"
inner fit { minimize (w - theta)^2 + sum(v) over w by sgd(lr = 0.25) for T = 1 steps }
record w@*
`;
  const files = { "f.safetensors": file({ w: 1, v: [2, 3] }) };
  assertEquals([...(await experiment(text, files).run()).parameter("w", { time: 1 }).data], [1 - 0.25 * 2 * -4]);
  // what is not computed from theta any more does not depend on it
  const outer = "\nouter learn { minimize w@T over theta by sgd(lr = 1) for 1 steps }\n";
  const alone =
    `param theta = 5\nparam w = theta\ninner fit { minimize w^2 over w by sgd(lr = 0.1) for T = 1 steps }${outer}`;
  assertEquals(saidOf(alone, files), "");
  assertStringIncludes(saidOf(`${alone}start w from "f.safetensors"\n`, files), "M0501");
});

Deno.test("hyperparameters start for each tensor and each step", async () => {
  const text = (override: string, start: string) =>
    `param a = 0
param b = 0
inner fit { minimize a + 10 * b over a, b by sgd(lr = 0) for T = 2 steps }
override fit { ${override} }
start ${start} from "f.safetensors"
record a@*, b@*
`;
  const ends = async (override: string, start: string, tensors: Parameters<typeof file>[0]) => {
    const run = await experiment(text(override, start), { "f.safetensors": file(tensors) }).run();
    return ["a", "b"].map((name) => run.parameter(name, { time: 2 }).data[0]);
  };
  assertEquals(await ends("lr = 0 per tensor", "fit.lr", { "fit.lr[a]": 0.5, "fit.lr[b]": 2 }), [-1, -40]);
  assertEquals(await ends("lr = 0 per tensor", "fit.lr[b]", { "fit.lr[b]": 2 }), [0, -40]);
  assertEquals(await ends("lr = 0 per step", "fit.lr", { "fit.lr": [0.5, 0.25] }), [-0.75, -7.5]);
  const both = { "fit.lr[a]": [1, 2], "fit.lr[b]": [3, 4] };
  assertEquals(await ends("lr = 0 per tensor per step", "fit.lr", both), [-3, -70]);
  assertEquals(await ends("lr = 0 per tensor", "fit.lr[a]", { "fit.lr[a]": 4 }), [-8, 0]);
});

Deno.test("every task starts there, and a thing that nothing changes is used as it is", async () => {
  const text = `task t { split support { x : [] ~ uniform(1, 2) } }
param w = 0
param shift = 0
inner fit { minimize (w - shift - support.x)^2 over w by sgd(lr = 0) for T = 1 steps }
evaluate ends { across 3 t  report w@T - shift }
start w, shift from "f.safetensors"
`;
  const run = await experiment(text, { "f.safetensors": file({ w: 7, shift: 2 }) }).run();
  assertEquals(run.evaluation("ends").point().mean, 5);
});

Deno.test("what is stored in less precision is the number that it stands for; what does not fit is said", async () => {
  // 1, -2, 2^-24 (the smallest of binary16), 65504 (the largest)
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff);
  // 1, -2, 3.140625, 2^127
  const brains = Uint16Array.of(0x3f80, 0xc000, 0x4049, 0x7f00);
  const text =
    `param w : [4] = 0\nrecord fit.loss@*\ninner fit { minimize sum(w * u) over u by sgd(lr = -1) for T = 1 steps }
param u : [4] = 0\nrecord u@*\nstart w from "f.safetensors"\n`;
  const read = async (
    bytes: Uint8Array,
    precision: string,
  ) => [...(await experiment(text, { "f.safetensors": bytes }, precision).run()).parameter("u", { time: 1 }).data];
  for (const precision of ["f32", "f64"]) {
    assertEquals(await read(raw("F16", [4], halves), precision), [1, -2, 2 ** -24, 65504]);
    assertEquals(await read(raw("BF16", [4], brains), precision), [1, -2, 3.140625, 2 ** 127]);
  }
  const large = { "f.safetensors": file({ w: [1, 1e39, 0, 0] }) };
  assertEquals(await read(large["f.safetensors"], "f64"), [1, 1e39, 0, 0]);
  assertStringIncludes(
    saidOf(text, large, "f32"),
    "M0602 | Entry [1] of `w` in `f.safetensors` is 1e+39: a 32-bit number holds at most 3.4e38",
  );
  for (const [bits, shown] of [[0x7e00, "NaN"], [0xfc00, "-Infinity"]] as const) {
    const files = { "f.safetensors": raw("F16", [4], Uint16Array.of(0, 0, bits, 0)) };
    assertStringIncludes(saidOf(text, files), `Entry [2] of \`w\` in \`f.safetensors\` is ${shown}: `);
  }
  const whole = { "f.safetensors": raw("I64", [4], new BigInt64Array(4)) };
  assertStringIncludes(saidOf(text, whole), "M0602 | `w` in `f.safetensors` is of I64, and `w` is made of floats");
});

/** A file of one tensor `w`. */
function raw(dtype: string, shape: readonly number[], data: ArrayBufferView): Uint8Array {
  const header = `{"w":${JSON.stringify({ dtype, shape, data_offsets: [0, data.byteLength] })}}`;
  return joined([
    lengthOf(header.length),
    new TextEncoder().encode(header),
    new Uint8Array(data.buffer as ArrayBuffer),
  ]);
}

function lengthOf(length: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  return bytes;
}

for (const precision of ["f32", "f64"] as const) {
  Deno.test(`what one run learned another begins with, bit for bit (${precision})`, async () => {
    const text = `model net(x : [3]) -> [] { w : [3] ~ normal(0, 1)  b = 0.1 in 0 .. 0.1  return dot(w, x) + b }
data d { x : [3] = [0.1, -0.7, 1.3] }
inner fit { minimize (net(d.x) - 2)^2 over net by sgd(lr = 0.01) for T = 3 steps }
override fit { lr = 0.01 in 0 .. 1 via logit }
outer learn { minimize (net@T(d.x) - 2)^2 over net@0, fit.lr by adam(lr = 0.003) for 7 steps }
record net@0, fit.lr every 1 steps
`;
    const first = await experiment(text, {}, precision).run();
    const stored = joined(encodeSafetensors(new Map(first.parameters.map((name) => [name, first.parameter(name)]))));
    const files = { "runs/1/parameters.safetensors": stored };
    const second = await experiment(`${text}start net, fit.lr from "runs/1"\n`, files, precision).run();
    assert(first.parameters.length === 3);
    for (const name of first.parameters) {
      assertEquals(second.parameter(name, { step: 0 }), first.parameter(name), name);
    }
    const third = await experiment(text, {}, precision).run({ start: first });
    assertEquals(third.losses(), second.losses());
    assertEquals(third.parameter("net.w"), second.parameter("net.w"));
  });
}

Deno.test("a start in an imported file is read beside that file, and is of what is visible there", async () => {
  const files = {
    "parts/net.meta": `edition 1\nmodel net() -> [2] { w : [2] = 0  return w }\nstart net from "start.safetensors"\n`,
    "parts/start.safetensors": file({ "net.w": [1, 2] }),
  };
  const text = `import net from "parts/net.meta"
inner fit { minimize sum(net()) over net by sgd(lr = 0) for T = 1 steps }
record net.w@*
`;
  assertEquals([...(await experiment(text, files).run()).parameter("net.w", { time: 1 }).data], [1, 2]);
});

/** A program, its file, and what is said of it. */
const mistakes: readonly (readonly [string, Parameters<typeof file>[0], string])[] = [
  [
    `start mlp from "f.safetensors"`,
    { "mlp.v": [1, 2], a: 1 },
    "M0602 | `f.safetensors` has no `mlp.w` | It holds `a`, `mlp.v` | did you mean `mlp.v`?",
  ],
  [`start mlp from "f.safetensors"`, { "enc.w": [1, 2] }, "if `enc.w` is meant, write `start mlp from … as enc`"],
  [`start mlp from "f.safetensors"`, { "m.0.w": [1, 2] }, 'if `m.0.w` is meant, write `start mlp from … as "m.0"`'],
  [`start mlp from "f.safetensors"`, {}, "M0602 | `f.safetensors` has no `mlp.w` | It holds nothing"],
  [
    `start mlp from "f.safetensors"`,
    { "mlp.w": [1, 2, 3] },
    "M0602 | `mlp.w` is [2], and `mlp.w` in `f.safetensors` is [3]",
  ],
  [`start mlp from "f.safetensors"`, { "mlp.w": 1 }, "`mlp.w` in `f.safetensors` is []"],
  [
    `start mlp from "f.safetensors"`,
    { "mlp.w": [1, NaN] },
    "M0602 | Entry [1] of `mlp.w` in `f.safetensors` is NaN: a run starts at finite numbers only",
  ],
  [`start mlp from "f.safetensors"`, { "mlp.w": array([1, 2], "i32") }, "is of I32, and `mlp.w` is made of floats"],
  [`start mlp, mlp.w from "f.safetensors"`, { "mlp.w": [1, 2] }, "M0208 | `mlp.w` starts at two things"],
  [
    `start mlp@0 from "f.safetensors"`,
    { "mlp.w": [1, 2] },
    "M0203 | A `start` says where something is before its first step",
  ],
  [`start mlp.w[0] from "f.safetensors"`, { "mlp.w": [1, 2] }, "M0203 | What starts is a whole tensor"],
  [
    `start mlq from "f.safetensors"`,
    { "mlp.w": [1, 2] },
    "M0201 | There is no `mlq` | There is `mlp`, and what loops have",
  ],
  [`start mlp.v from "f.safetensors"`, { "mlp.w": [1, 2] }, "M0201 | The model `mlp` has no `v`"],
  [`start fit from "f.safetensors"`, { "fit.lr": 1 }, "M0203 | `fit` does not start at anything"],
  [`start fit.loss from "f.safetensors"`, { "fit.loss": 1 }, "M0203 | `fit.loss` does not start at anything"],
  [`start fit.nesterov from "f.safetensors"`, { "fit.nesterov": 1 }, "M0203 | `fit.nesterov` is computed or a choice"],
  [`start fit.lr[w] from "f.safetensors"`, { "fit.lr[w]": 1 }, "M0203 | `fit.lr[w]` starts at what nothing reads"],
  [`start d from "f.safetensors"\ndata d { x : [1] = [1] }`, { d: 1 }, "M0203 | `d` does not start at anything"],
  [
    `start other from "f.safetensors"\nmodel other() -> [] { u = 1  return u }`,
    { "other.u": 1 },
    "M0203 | `other` starts at what nothing reads",
  ],
  [
    `start fit.lr from "f.safetensors"\noverride fit { lr = 0.1 in 0 .. 0.2 }`,
    { "fit.lr": 0.3 },
    "M0606 | The initial value 0.3 of `fit.lr` is outside its range 0 .. 0.2",
  ],
  [
    `start fit.lr from "f.safetensors"\noverride fit { lr = 0.1 via log }`,
    { "fit.lr": 0 },
    "M0606 | `fit.lr` starts at 0, which `via log` cannot reach",
  ],
  [
    `start fit.lr from "f.safetensors"\noverride fit { lr@t = 0.1 / (t + 1) }`,
    { "fit.lr": 1 },
    "`fit.lr` is computed or a choice",
  ],
  [
    `start fit.lr from "f.safetensors"\noverride fit { lr = 0.1 per tensor }`,
    { "fit.lr": 1 },
    "has no `fit.lr[w]` | It holds `fit.lr`",
  ],
  [`start mlp from "g.safetensors"`, {}, "M0601 | There is no file `g.safetensors`"],
  [`start mlp from "f"`, {}, "M0601 | `f` is no run folder: there is no `f/parameters.safetensors`"],
  [`start mlp from "f.pt"`, {}, "save the weights as `.safetensors`"],
  [`start mlp from "../f.safetensors"`, {}, "M0605 | `../f.safetensors` lies outside"],
  [`start mlp, fit.lr from "f.safetensors" as x`, {}, "M0102 | What stands after `as`"],
  [`start mlp from "f.safetensors" as x[1]`, {}, "M0102 | After `as` comes what the file calls it"],
];

Deno.test("what is wrong with a start is said at once, with what there is", () => {
  for (const [start, tensors, said] of mistakes) {
    const found = saidOf(`${start}\n${mlp}`, { "f.safetensors": file(tensors) });
    assertStringIncludes(found, said, start);
    assertEquals(found.split("\n").length, 1, found);
  }
});

Deno.test("of a matrix that stands turned around, that is said", () => {
  const text = `start w from "f.safetensors"\nparam w : [2, 3] = 0\ngradient sum(w) wrt w\n`;
  const turned = file({ w: [[1, 2], [3, 4], [5, 6]] });
  assertStringIncludes(saidOf(text, { "f.safetensors": turned }), "save its transpose");
});

Deno.test("a start counts among the data that a program reads", () => {
  const bytes = file({ "mlp.w": [1, 2] });
  const compiled = (data: number) =>
    compile(program(`start mlp from "f.safetensors"\n${mlp}`), { read: () => bytes, limits: { data } });
  compiled(bytes.length);
  const error = assertThrows(() => compiled(bytes.length - 1), CompileError);
  assertStringIncludes(error.message, `With \`f.safetensors\` the data of the program take ${bytes.length} bytes`);
});

Deno.test("a script says where a run starts: by an array, by the run that learned it, by that run alone", async () => {
  const text = `param w : [2] = 0
inner fit { minimize sum((w - 3)^2) over w by sgd(lr = 0.1) for T = 1 steps }
outer learn { minimize sum((w@T - 3)^2) over w@0, fit.lr by sgd(lr = 0.01) for 3 steps }
start w from "f.safetensors"
`;
  const files = { "f.safetensors": file({ w: [1, 2] }) };
  const base = experiment(text, files);
  const losses = async (start?: Parameters<typeof base.run>[0]) => (await base.run(start)).losses()[0];
  // (w - 3)^2 shrinks by (1 - 2 lr)^2
  const expected = (w: readonly number[], lr: number) => w.reduce((sum, x) => sum + ((x - 3) * (1 - 2 * lr)) ** 2, 0);
  const near = (actual: number | undefined, wanted: number) =>
    assert(Math.abs(actual! - wanted) < 1e-14, `${actual} ${wanted}`);
  near(await losses(), expected([1, 2], 0.1));
  near(await losses({ start: { w: { shape: [2], data: [5, 7] } } }), expected([5, 7], 0.1));
  near(await losses({ start: { "fit.lr": { shape: [], data: [0.25] } } }), expected([1, 2], 0.25));
  const first = await base.run();
  const [w, lr] = [first.parameter("w").data, first.parameter("fit.lr").data[0]!];
  near(await losses({ start: first }), expected([...w], lr));
  near(await losses({ start: { w: first } }), expected([...w], 0.1));
  near(
    await losses({ start: { "fit.lr": first, w: { shape: [2], data: Float32Array.of(0, 1) } } }),
    expected([0, 1], lr),
  );
  near(await losses(), expected([1, 2], 0.1));
});

Deno.test("a model that is called after a run is the one that the run started at", async () => {
  const text = `model net(x : [2]) -> [] { w : [2] = 0  return dot(w, x) }
evaluate e { report net([1, 1]) }
start net from "f.safetensors"
`;
  const base = experiment(text, { "f.safetensors": file({ "net.w": [1, 2] }) });
  const x = { shape: [2], data: [10, 100] };
  const called = async (start?: Parameters<typeof base.run>[0]) =>
    ((await base.run(start)).model("net").call({ x }) as HostArray).data[0];
  assertEquals(await called(), 210);
  assertEquals(await called({ start: { "net.w": { shape: [2], data: [3, 4] } } }), 430);
});

Deno.test("a script is told what is wrong with its start", async () => {
  const text = `${mlp}outer learn { minimize sum(mlp.w@T) over mlp@0 by sgd(lr = 0.01) for 1 steps }\n`;
  const base = experiment(text, {});
  const one = { shape: [2], data: [1, 2] };
  const other = await compile("edition 1\nparam v = 1\ngradient v wrt v").run();
  const empty = await compile("edition 1\nparam v = 1\nevaluate e { report v }").run();
  const told: readonly (readonly [Parameters<typeof base.run>[0], string])[] = [
    [{ start: { "mlp.v": one } }, "There is no `mlp.v` to start"],
    [{ start: { mlp: one } }, "`mlp` is no tensor, and one array was handed over"],
    [{ start: { "mlp.w": { shape: [3], data: [1, 2, 3] } } }, "`mlp.w` is [2], and the array for `mlp.w` is [3]"],
    [{ start: { "mlp.w": { shape: [2], data: [1] } } }, "`mlp.w` is [2], and the array for `mlp.w` is [1]"],
    [{ start: { "mlp.w": { shape: [2], data: [1, NaN] } } }, "Entry [1] of the array for `mlp.w` is NaN"],
    [{ start: { "mlp.w": { shape: [2], data: [1, null as unknown as number] } } }, "is null: it is not a number"],
    [{ start: { mlp: other } }, "The run handed over for `mlp` has no `mlp.w`"],
    [{ start: { mlp: await base.run(), "mlp.w": one } }, "`mlp.w` starts at two things"],
    [{ start: other }, "The program has no `v`, which the run handed over learned"],
    [{ start: empty }, "The run handed over learned nothing"],
  ];
  for (const [options, message] of told) {
    const error = await assertRejects(() => base.run(options), CompileError);
    assertStringIncludes(error.message, message);
  }
  await assertRejects(
    () => base.run({ start: { mlp: [1, 2] as never } }),
    TypeError,
    "The start `mlp` must be given as",
  );
  await assertRejects(() => base.run({ start: "earlier" as never }), TypeError, "`start` must be a run");
});

interface StoredEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** What a changed file says of `w`, read by the format's own words; undefined where it says nothing of six floats, says two things,
 *  or leaves a byte to none or to two. */
function toldBy(bytes: Uint8Array): readonly number[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const header = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  const tensors: Readonly<Record<string, StoredEntry>> = JSON.parse(header);
  const owners = new Uint8Array(bytes.length - 8 - length);
  for (const [name, { data_offsets }] of Object.entries(tensors)) {
    if (name !== "__metadata__") { for (let i = data_offsets[0]; i < data_offsets[1]; i++) owners[i]!++; }
  }
  if (owners.some((n) => n !== 1) || header.split('"w":').length > 2) return undefined;
  const { dtype, shape, data_offsets: [begin, end] } = tensors["w"]!;
  if (JSON.stringify(shape) !== "[2,3]") return undefined;
  const at = (i: number, size: number) => 8 + length + begin + i * size;
  const brain = new DataView(new ArrayBuffer(4));
  const entries: Readonly<Record<string, readonly [size: number, read: (i: number) => number]>> = {
    F64: [8, (i) => view.getFloat64(at(i, 8), true)],
    F32: [4, (i) => view.getFloat32(at(i, 4), true)],
    F16: [2, (i) => view.getFloat16(at(i, 2), true)],
    BF16: [2, (i) => (brain.setUint16(0, view.getUint16(at(i, 2), true)), brain.getFloat32(0))],
  };
  const [size, read] = entries[dtype] ?? [0, () => 0];
  return end - begin === 6 * size ? Array.from({ length: 6 }, (_, i) => read(i)) : undefined;
}

/** A file with one thing changed. */
function mutant(bytes: Uint8Array, dice: Dice): Uint8Array {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  const data = bytes.slice(8 + length);
  const whole = (text: string, rest = data) => joined([lengthOf(text.length), new TextEncoder().encode(text), rest]);
  const changed = bytes.slice();
  return dice.pick([
    () => (changed[dice.int(0, 7)] = dice.int(0, 255), changed),
    () => (changed[dice.int(0, bytes.length - 1)]! ^= 1 << dice.int(0, 7), changed),
    () => (changed[dice.int(8 + length, bytes.length - 1)] = dice.int(0, 255), changed),
    () => bytes.slice(0, dice.int(0, bytes.length - 1)),
    () => joined([bytes, new Uint8Array(dice.int(1, 9))]),
    () => whole(header, data.slice(dice.int(1, 8))),
    () =>
      whole(
        header.replace(/\d+(?=[,\]])/g, (n) =>
          dice.chance(0.3) ? `${dice.pick([n, 0, 1, 2, 3, 6, 24, 48, 1e300, -1, 2 ** 53])}` : n),
      ),
    () =>
      whole(
        header.replaceAll(
          /F64|F32|F16|BF16/g,
          (type) => dice.chance(0.4) ? dice.pick(["F64", "F32", "F16", "BF16", "I32", "F8_E4M3", "Q4", "f32"]) : type,
        ),
      ),
    () => {
      const places = header.match(/\[\d+,\d+\]\}/g)!;
      return whole(header.replaceAll(/\[\d+,\d+\]\}/g, () => dice.pick(places)));
    },
    () => {
      // the one reads what is the other's, and the last byte has an owner
      const [begin, end] = /\[(\d+),(\d+)\]\}/.exec(header)!.slice(1).map(Number) as [number, number];
      return whole(
        header.replaceAll(
          /\[(\d+),(\d+)\]\}/g,
          (place, from, to) => from === `${end}` ? `[${dice.pick([begin, end - 8, end - 1])},${to}]}` : place,
        ),
      );
    },
    () => whole(header.replace('"w"', dice.pick(['"v"', '"W"', '"w "', '"\\u0077"', '"__metadata__"', '"__proto__"']))),
    () => whole(header.replace("{", `{"w":{"dtype":"F64","shape":[2,3],"data_offsets":[0,48]},`)),
    () =>
      whole(header.replace(/[{}[\],:"]/g, (sign) => dice.chance(0.05) ? dice.pick(["", sign + sign, "[", "}"]) : sign)),
  ])();
}

Deno.test("a changed file is read for what it says, or refused by its name: never for another number", () => {
  const text = program(`param w : [2, 3] = 0\nstart w from "f.safetensors"\ngradient sum(w) wrt w\n`);
  const numbers = [[1, -2, 0.5], [3, 0.25, -8]];
  const other: HostArray = { dtype: "i32", shape: [2], data: Int32Array.of(1, 2) };
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x4200, 0x3400, 0xc800);
  const files = [
    file({ w: numbers, a: [1, 2], other }),
    file({ w: array(numbers, "f32"), z: 3 }),
    raw("F16", [2, 3], halves),
    raw("BF16", [2, 3], Uint16Array.of(0x3f80, 0xc000, 0x3f00, 0x4040, 0x3e80, 0xc100)),
  ];
  const seen = { read: 0, refused: 0 };
  for (let k = 0; k < cases(400, 20_000); k++) {
    const dice = throwDice(19, k);
    const bytes = k < files.length ? files[k]! : mutant(dice.pick(files), dice);
    const { diagnostics, program: compiled } = compileProgram({
      root: { name: "program.meta", text },
      readSource: () => undefined,
      readData: () => bytes,
    });
    if (k < files.length) assertEquals([...compiled!.data.get("start w")!.data], numbers.flat());
    if (compiled) {
      assertEquals([...compiled.data.get("start w")!.data], toldBy(bytes), `${k}`);
      seen.read++;
      continue;
    }
    const [first, ...others] = diagnostics;
    const { code, title } = first!;
    assert(/^M060[12]$/.test(code) && title.includes("f.safetensors") && others.length === 0, `${k}: ${code} ${title}`);
    seen.refused++;
  }
  assert(seen.read > 40 && seen.refused > 100, JSON.stringify(seen));
});

Deno.test("a header of millions of letters is read, or refused, without running out of room", () => {
  const long = "x".repeat(5_000_000);
  const header = `{"__metadata__":{"a":"${long}"},"${long}":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`;
  const bytes = joined([lengthOf(header.length), new TextEncoder().encode(header), new Uint8Array(8)]);
  assertStringIncludes(saidOf(`start mlp from "f.safetensors"\n${mlp}`, { "f.safetensors": bytes }), "has no `mlp.w`");
  const nested = `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
  const deep = joined([lengthOf(nested.length), new TextEncoder().encode(nested)]);
  assertStringIncludes(saidOf(`start mlp from "f.safetensors"\n${mlp}`, { "f.safetensors": deep }), "M0601");
});
