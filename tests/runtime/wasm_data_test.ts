// Do functions read data where they lie, once, and as if they had copies? On any thread, beyond 2^31 bytes, two functions the same, and
// where an engine lets a module have one memory only; and is that memory given back?
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { gzipSync } from "node:zlib";
import { compileInput } from "../../api/compile.ts";
import { compileProgram } from "../../dsl/compile.ts";
import { encodeNpy } from "../../runtime/record/npy.ts";
import { InternalError, MetaRuntimeError } from "../../runtime/errors.ts";
import { Builder } from "../../runtime/ir/builder.ts";
import { type HostArray, type IrFunction, sizeOf, type Variable } from "../../runtime/ir/types.ts";
import { asData, dataArray, dataBytes, leastApart, memoryOf, slackBytes } from "../../runtime/program/data_memory.ts";
import { hasSeveralMemories } from "../../runtime/backend/wasm/data_apart.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend, type WasmExecutable } from "../../runtime/backend/wasm/index.ts";
import { planFunction } from "../../runtime/loop/memory.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { largeData } from "../../runtime/loop/slots.ts";
import { type ExperimentProgram, functionsOf } from "../../runtime/program/program.ts";
import { joined } from "../joined.ts";
import { repeatUntil } from "../waits.ts";
import { cases, some, thorough } from "../thorough.ts";
import { findIn } from "../found_files.ts";
import { difference, inputsOf, outcome } from "./short_programs.ts";
import { runBoth } from "./lying.ts";

const backend = makeWasmBackend({ leastApart: 0, threads: 1 });
const copying = makeWasmBackend({ leastApart: Infinity, threads: 1 });
const threads = makeWasmBackend({ leastApart: 0, threads: 3, millisecondsPerThread: 0 });

/** Bytes that look random, where data lie. */
function bytes(...shape: number[]): HostArray {
  const data = dataArray("u8", sizeOf(shape), 0);
  for (let i = 0; i < data.length; i++) data[i] = (i * 2654435761) >>> 24;
  return { dtype: "u8", shape, data };
}

/** True for an executable that reads the array where it lies, and nothing else. */
const readsOnly = ({ dataMemories: [one, ...others] }: WasmExecutable, { data }: HostArray) =>
  one !== undefined && one === memoryOf(data) && others.length === 0;

const integers = (...data: number[]): HostArray => ({
  dtype: "i32",
  shape: [data.length],
  data: Int32Array.from(data),
});

/** The rows of a table that an index names, as float32, and what else is made of them. */
function rowsOf(
  shape: readonly number[],
  count: number,
  more: (b: Builder, rows: Variable) => readonly Variable[] = () => [],
): IrFunction {
  const b = new Builder("rows");
  const table = b.input({ dtype: "u8", shape }, "table");
  const index = b.input({ dtype: "i32", shape: [count] }, "index");
  const rows = b.convert(b.one("gather", [table, index], { axis: 0, batch: 0 }), "f32");
  return b.finish([rows, ...more(b, rows)]);
}

Deno.test("engines here let a module have several memories", () => assert(hasSeveralMemories()));

Deno.test("two functions read one array in the one memory that it lies in, and hold little else", () => {
  const table = bytes(1000, 784);
  const index = integers(3, 999, 0);
  const given = [table, index];
  const expected = referenceBackend.compile(rowsOf(table.shape, 3)).run(given);
  const sums = rowsOf(table.shape, 3, (b, rows) => [b.sum(rows)]);
  const executables = [rowsOf(table.shape, 3), sums].map((fn) => backend.compile(fn, undefined, undefined, [table]));
  for (const executable of executables) {
    assert(readsOnly(executable, table));
    assert(executable.memoryBytes < table.data.byteLength, `${executable.memoryBytes} bytes`);
    assertEquals(executable.run(given)[0], expected[0]);
    // its memory is that of who runs it in place but for the table
    assertEquals(executable.memory.inputs.map((input) => input?.length), [undefined, 3]);
    const another = { ...table, data: table.data.slice() };
    assertThrows(() => executable.run([another, index]), InternalError, "another array as input 0");
    executable.dispose();
    assertEquals(executable.dataMemories, []);
  }
  const whole = copying.compile(sums, undefined, undefined, [table]);
  assertEquals(whole.dataMemories, []);
  assert(whole.memoryBytes > table.data.byteLength);
  assertEquals(whole.run(given)[0], expected[0]);
  whole.dispose();
});

Deno.test("what is only handed through is where it lies, and what a run gives is the caller's own", () => {
  const table = bytes(600, 500);
  const b = new Builder("through");
  const fn = b.finish([b.input({ dtype: "u8", shape: table.shape })]);
  const executable = backend.compile(fn, undefined, undefined, [table]);
  assertEquals(executable.memoryBytes, 65536);
  const [made] = executable.run([table]);
  assertEquals(made!.data, table.data.slice());
  assert(made!.data.buffer instanceof ArrayBuffer && made!.data.buffer !== table.data.buffer);
  executable.dispose();
});

Deno.test("threads read data where they lie", () => {
  const table = bytes(500, 2000);
  const more = (b: Builder, rows: Variable) => [b.sum(b.apply("mul", rows, rows), [1])];
  const fn = rowsOf(table.shape, 200, more);
  const given = [table, integers(...Array.from({ length: 200 }, (_, i) => (i * 37) % 500))];
  const alone = copying.compile(fn).run(given);
  const executable = threads.compile(fn, undefined, undefined, [table]);
  assert(readsOnly(executable, table));
  assert(executable.memoryBytes < 2 * alone[0]!.data.byteLength, "no thread has a copy");
  repeatUntil(() => executable.threads >= 3, () => assertEquals(executable.run(given), alone), 3);
  assertEquals(executable.threads, 3);
  executable.dispose();
});

Deno.test("data beyond 2^31 bytes are read where they are, and none beyond 2^32 would be", () => {
  // only what is written takes memory
  const [rows, columns] = [2 ** 21 + 2 ** 10, 1024];
  const data = dataArray("u8", rows * columns);
  const last = rows - 1;
  for (const row of [0, 2 ** 20, 2 ** 21 - 1, 2 ** 21, last]) {
    for (let k = 0; k < columns; k++) data[row * columns + k] = (row % 7 + k) % 251;
  }
  const table: HostArray = { dtype: "u8", shape: [rows, columns], data };
  const index = integers(last, 2 ** 20, 0, 2 ** 21, last + 1, 2 ** 21 - 1, -1);
  // by a routine that copies rows, and by a nest that reads them where they lie
  const b = new Builder("rows");
  const inputs = [b.input(table, "table"), b.input(index, "index")];
  const taken = () => b.one("gather", inputs, { axis: 0, batch: 0 });
  const fn = b.finish([taken(), b.sum(b.convert(taken(), "f32"), [1])]);
  assert(backend.kernels!(fn).text.includes("= gather("));
  const executable = backend.compile(fn, undefined, undefined, [table]);
  assert(executable.memoryBytes < 2 ** 20);
  const [read, sums] = executable.run([table, index]);
  executable.dispose();
  index.data.forEach((row, i) => {
    const own = row < 0 || row > last ? new Uint8Array(columns) : data.slice(row * columns, (row + 1) * columns);
    assertEquals([...read!.data.subarray(i * columns, (i + 1) * columns)], [...own], `row ${row}`);
    assertEquals(sums!.data[i], [...own].reduce((a, x) => a + x, 0), `row ${row}`);
  });
  // where a place is known when code is written: the last row, backwards, too
  const c = new Builder("slices");
  const whole = c.input(table);
  const part = c.one("slice", [whole], { start: [last, 0], limit: [rows, columns], stride: [1, 1] });
  const turned = c.one("reverse", [
    c.one("slice", [whole], { start: [last - 1, 0], limit: [rows, columns], stride: [1, 1] }),
  ], {
    axes: [0, 1],
  });
  const slices = backend.compile(c.finish([c.convert(part, "f32"), c.convert(turned, "i32")]), undefined, undefined, [
    table,
  ]);
  const [at, back] = slices.run([table]);
  slices.dispose();
  assertEquals([...at!.data], [...data.slice(last * columns)]);
  assertEquals([...back!.data], [...data.slice((last - 1) * columns).reverse()]);
  // a memory ends at 2^32
  assertEquals(memoryOf(dataBytes(2 ** 32 - slackBytes + 1)), undefined);
});

Deno.test("rows of data and of what is computed are copied alike, each from where it lies", () => {
  const table = bytes(50, 70);
  const index = integers(49, 3, 50, 3);
  const b = new Builder("alike");
  const inputs = [b.input(table), b.input(index)] as const;
  const turned = b.one("reverse", [inputs[0]], { axes: [0] });
  const copied = b.one("pad", [turned], { low: [0, 0], high: [0, 0], interior: [0, 0] });
  const fn = b.finish([inputs[0], copied].map((from) => b.one("gather", [from, inputs[1]], { axis: 0, batch: 0 })));
  assertEquals(backend.kernels!(fn).text.split("= gather(").length, 3);
  runBoth(backend, fn, [table, index]);
  const [first, last] = backend.compile(fn, undefined, undefined, [table]).run([table, index]);
  const row = (k: number) => [...table.data.slice(70 * k, 70 * k + 70)];
  const none = new Array<number>(70).fill(0);
  assertEquals([...first!.data], [row(49), row(3), none, row(3)].flat());
  assertEquals([...last!.data], [row(0), row(46), none, row(46)].flat());
});

Deno.test("data lie where data lie wherever they come from: a script, a file, a packed one, other fields", () => {
  const [rows, columns] = [4096, 4096];
  const table: HostArray = { dtype: "u8", shape: [rows, columns], data: new Uint8Array(rows * columns).fill(3) };
  const npy = joined(encodeNpy(table));
  const files: Readonly<Record<string, Uint8Array>> = { "b.npy": npy, "c.npy.gz": gzipSync(npy, { level: 1 }) };
  const text = `edition 1
data a { x : [_, 1024]   z = x / 2.0 }
data b from "b.npy" { x : u8 [_, 4096] }
data c from "c.npy.gz" { x : u8 [_, 4096] }
param w = 1
gradient w * (mean(a.x[0]) + mean(a.z[0]) + mean(b.x[0]) + mean(c.x[0])) wrt w`;
  const { program } = compileProgram(
    compileInput(text, {
      data: { a: { x: { shape: [4096, 1024], data: new Float32Array(4096 * 1024) } } },
      read: (path) => files[path],
    }),
  );
  const places = [...program!.data].map(([name, { data }]) => [name, memoryOf(data) !== undefined]);
  assertEquals(places.sort(), ["a.x", "a.z", "b.x", "c.x"].map((name) => [name, true]));
});

Deno.test("what is small stays where it is, what is large and elsewhere is copied once, and what lies there already is not", () => {
  const plain = (size: number): HostArray => ({ dtype: "f64", shape: [size], data: new Float64Array(size).fill(1) });
  const small = plain(leastApart / 8 - 1);
  assertEquals(asData(small), small);
  const large = plain(leastApart / 8);
  const moved = asData(large);
  assertEquals([moved.shape, moved.data], [large.shape, large.data]);
  assert(moved.data !== large.data && memoryOf(moved.data) !== undefined);
  assertEquals(asData(moved), moved);
  // behind the end of data there are bytes that vectors may read
  const memory = memoryOf(moved.data)!;
  assertEquals(memoryOf(new Uint8Array(memory.buffer as ArrayBuffer)), undefined);
});

const good = new URL("../programs/good/", import.meta.url);
const programs = [...Deno.readDirSync(good)].map(({ name }) => name).filter((name) => name.endsWith(".meta")).sort();

/** A program of that folder, its outer loops cut short. */
function compiled(name: string): ExperimentProgram {
  const file = new URL(name, good);
  const { program } = compileProgram({
    root: { name, text: Deno.readTextFileSync(file) },
    readSource: (path) => Deno.readTextFileSync(new URL(path, file)),
    readData: (path) => Deno.readFileSync(new URL(path, file)),
    findData: findIn(file),
  });
  if (!program) throw new Error(name);
  return { ...program, outers: program.outers.map((outer) => ({ ...outer, steps: Math.min(outer.steps, 3) })) };
}

Deno.test("functions of programs give the same bits whatever they read lies in another memory, on threads too", () => {
  for (const name of some(programs, 6)) {
    for (const written of functionsOf(compiled(name))) {
      const { fn } = planFunction(written.fn, backend, Infinity);
      const inputs = inputsOf(written);
      runBoth(backend, fn, inputs);
      if (thorough) runBoth(threads, fn, inputs);
    }
  }
});

Deno.test("programs that read files give the same bits where those lie, on threads too, as from copies", async () => {
  const reading = programs.filter((name) => /^\s*data \w+ from "/m.test(Deno.readTextFileSync(new URL(name, good))));
  assert(reading.length >= 4);
  for (const name of some(reading, 3)) {
    const program = compiled(name);
    const data = new Map([...program.data].map(([key, array]) => [key, asData(array, 0)]));
    assert(data.size > 0, name);
    const copied = await outcome(program, copying);
    for (const other of [backend, threads]) {
      assertEquals(difference(await outcome({ ...program, data }, other), copied, 1), { most: 0, at: "" }, name);
    }
  }
});

Deno.test("every function of a run reads its data in one memory, and the run gives all of it back", async () => {
  const { program } = compileProgram({
    root: {
      name: "means.meta",
      text: `edition 1
data d { x : u8 [_, 4096] }
param w = 0.5
gradient w * mean(d.x[0]) wrt w
output second = w * mean(d.x[1])`,
    },
    readSource: () => undefined,
    readData: () => undefined,
    data: { d: { x: { shape: [4096, 4096], data: new Uint8Array(4096 * 4096).fill(3) } } },
  });
  const [[, array]] = [...program!.data] as [[string, HostArray]];
  assert(memoryOf(array.data) !== undefined, "what a script hands over lies where data lie");
  const made: WasmExecutable[] = [];
  let reading = 0;
  const usual = makeWasmBackend();
  const counting = {
    ...usual,
    compile(...given: Parameters<typeof usual.compile>) {
      const executable = usual.compile(...given);
      made.push(executable);
      if (readsOnly(executable, array)) reading++;
      return executable;
    },
  };
  const result = await runProgram(program!, counting);
  assertEquals(result.outcome, "done");
  assertEquals(reading, 2);
  assertEquals(made.flatMap(({ dataMemories }) => dataMemories), []);
});

Deno.test("large data count in no budget, on no engine, so that a plan is the same wherever they are read", async () => {
  const x = new Uint8Array(4096 * 4096).fill(3);
  const text = `edition 1
memory 1 MB
data d { x : u8 [_, 4096] }
param w : [4096] = 0.5
inner fit { minimize sum((w - d.x[0])^2) over w by sgd(lr = 0.1) for T = 20 steps }
gradient sum(w@T) wrt w@0, fit.lr`;
  const { program } = compileProgram(compileInput(text, { data: { d: { x: { shape: [4096, 4096], data: x } } } }));
  const [lying, copied, reference] = [
    await runProgram(program!, backend),
    await runProgram(program!, copying),
    await runProgram(program!, referenceBackend),
  ];
  assertEquals([lying.outcome, copied.outcome, reference.outcome], ["done", "done", "failed"]);
  assertMatch(reference.failure!.message, /does not fit 1 MB of memory: it needs 17\.2 MB/);
  assertEquals(lying.plans, copied.plans);
  assert(lying.plans.every(({ bytes }) => bytes <= 1e6));
  assertEquals(lying.gradients[0]!.wrt, copied.gradients[0]!.wrt);
});

Deno.test("a function may read more than 4 GiB in several memories, and no array that is more", () => {
  // only what is written takes memory
  const [rows, columns] = [2 ** 21 + 2 ** 18, 1024];
  const tables = [5, 6].map((value): HostArray => {
    const data = dataArray("u8", rows * columns);
    data.fill(value, (rows - 1) * columns);
    return { dtype: "u8", shape: [rows, columns], data };
  });
  const b = new Builder("two");
  const index = b.input({ dtype: "i32", shape: [1] });
  const inputs = tables.map((table) => b.input(table));
  const read = inputs.map((table) => b.convert(b.one("gather", [table, index], { axis: 0, batch: 0 }), "f32"));
  const fn = b.finish([b.sum(b.apply("mul", read[0]!, read[1]!))]);
  const executable = backend.compile(fn, undefined, undefined, [undefined, ...tables]);
  assertEquals(executable.dataMemories.length, 2);
  assertEquals([...executable.run([integers(rows - 1), ...tables])[0]!.data], [5 * 6 * columns]);
  executable.dispose();
  assertThrows(
    () => copying.compile(fn, undefined, undefined, [undefined, ...tables]),
    MetaRuntimeError,
    "it needs 4.8 GB, more than the limit of 4.3 GB, which is what WebAssembly can address",
  );
  const c = new Builder("all");
  const whole = c.finish([c.sum(c.input({ dtype: "f32", shape: [2 ** 30] }, "d.x"))]);
  const apart = largeData({ fn: whole, inputs: [{ kind: "data", name: "d.x" }] });
  assertThrows(
    () => planFunction(whole, backend, backend.memoryLimitBytes, apart),
    MetaRuntimeError,
    "`all` cannot be run: it reads 4.3 GB, of which `d.x` is 4.3 GB, and `wasm` may take 4.3 GB at most. Keep it in fewer",
  );
});

Deno.test("programs that are compiled one after the other leave no memory of data behind", async () => {
  const programs = cases(3, 100);
  const script = new URL("freed_data.ts", import.meta.url).pathname;
  const args = ["run", "-A", "--no-check", "--v8-flags=--expose-gc", script, `${programs}`];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const { made, left } = JSON.parse(new TextDecoder().decode(stdout));
  assert(made >= programs * 2 ** 24, `${made} bytes`);
  // what ran last may still be looked at
  assert(left <= 2 ** 24 + 2 ** 20, `${left} bytes of ${made}`);
});
