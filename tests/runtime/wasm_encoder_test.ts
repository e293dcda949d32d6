// Does the encoder write modules that an engine takes, and that compute what they say?
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  CodeWriter,
  type FunctionType,
  type MemoryInstruction,
  ModuleWriter,
} from "../../runtime/backend/wasm/encoder.ts";
import { cases } from "../thorough.ts";

/** The exported function of a module with one page of memory, and the memory. */
function build(type: FunctionType, write: (code: CodeWriter) => void) {
  const writer = new ModuleWriter();
  writer.importMemory("env", "memory", 1);
  writer.exportFunction("f", writer.addFunction(type, write));
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(writer.finish()), { env: { memory } });
  return { f: instance.exports["f"] as (...args: number[]) => number, memory };
}

const binary = (type: "i32" | "f32" | "f64"): FunctionType => ({ parameters: [type, type], results: [type] });

Deno.test("numeric instructions are those of their names", () => {
  const rows: readonly (readonly [string, "i32" | "f32" | "f64", (a: number, b: number) => number])[] = [
    ["i32.add", "i32", (a, b) => (a + b) | 0],
    ["i32.mul", "i32", Math.imul],
    ["i32.xor", "i32", (a, b) => a ^ b],
    ["i32.shr_u", "i32", (a, b) => (a >>> b) | 0],
    ["i32.rotl", "i32", (a, b) => (b & 31) === 0 ? a : (a << (b & 31)) | (a >>> (32 - (b & 31)))],
    ["f32.div", "f32", (a, b) => Math.fround(Math.fround(a) / Math.fround(b))],
    ["f32.copysign", "f32", (a, b) => Object.is(b, -0) || b < 0 ? -Math.abs(Math.fround(a)) : Math.abs(Math.fround(a))],
    ["f64.sub", "f64", (a, b) => a - b],
    ["f64.max", "f64", Math.max],
  ];
  for (const [name, type, expected] of rows) {
    const { f } = build(binary(type), (code) => code.get(0).get(1).numeric(name));
    const number = type === "i32" ? fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) : fc.double({ noNaN: true });
    const same = fc.property(number, number, (a, b) => Object.is(f(a, b), expected(a, b)));
    fc.assert(same, { numRuns: cases(40, 200), seed: 21 });
  }
  const unary = (name: string, from: "i32" | "f64", to: "i32" | "f64") => {
    const { f } = build({ parameters: [from], results: [to] }, (code) => code.get(0).numeric(name));
    return (x: number) => f(x);
  };
  assertEquals([2.5, -1.5, 9].map(unary("f64.nearest", "f64", "f64")), [2, -2, 9]);
  assertEquals([7, -7].map(unary("f64.convert_i32_s", "i32", "f64")), [7, -7]);
  assertEquals([1, 0, 6].map(unary("i32.ctz", "i32", "i32")), [0, 32, 1]);
  assertThrows(() => new CodeWriter(0).numeric("f64.sine"), RangeError, "no numeric instruction");
});

Deno.test("constants of every size come back", () => {
  const i32 = (value: number) => build({ parameters: [], results: ["i32"] }, (code) => code.i32(value)).f();
  const edges = [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, -8193, 2 ** 31 - 1, -(2 ** 31)];
  for (const value of edges) assertEquals(i32(value), value);
  const f64 = (value: number) => build({ parameters: [], results: ["f64"] }, (code) => code.f64(value)).f();
  for (const value of [0, -0, Math.PI, 1e-308, -Infinity, 5e-324]) assert(Object.is(f64(value), value));
  const f32 = (value: number) => build({ parameters: [], results: ["f32"] }, (code) => code.f32(value)).f();
  for (const value of [0.1, -0, 3e38]) assert(Object.is(f32(value), Math.fround(value)));
});

Deno.test("loops run as often as they say, nested, and not at all when there is nothing", () => {
  const count = (from: number, to: number, step: number) =>
    build({ parameters: [], results: ["i32"] }, (code) => {
      const [i, k, sum] = [code.local("i32"), code.local("i32"), code.local("i32")];
      code.loop(i, { from, to, step }, () =>
        code.loop(k, { from: 0, to: 3 }, () =>
          code.get(sum).get(i).numeric("i32.add").set(sum)));
      code.get(sum);
    }).f();
  for (const [from, to, step] of [[0, 5, 1], [2, 9, 3], [4, 4, 1], [5, 4, 1], [0, 1, 7]] as const) {
    let sum = 0;
    for (let i = from; i < to; i += step) sum += 3 * i;
    assertEquals(count(from, to, step), sum, `${from} .. ${to} by ${step}`);
  }
});

Deno.test("memory is read and written at its offsets, and vectors of it are multiplied and added", () => {
  const dot = (madd: boolean) =>
    build({ parameters: ["i32", "i32"], results: ["f32"] }, (code) => {
      const [at, sum] = [code.local("i32"), code.local("v128")];
      code.loop(at, { from: 0, to: 64, step: 16 }, () => {
        const load = (base: number) => code.get(base).get(at).numeric("i32.add").memory("v128.load", 256);
        load(0);
        load(1);
        if (madd) code.get(sum).vector("f32x4.relaxed_madd");
        else code.vector("f32x4.mul").get(sum).vector("f32x4.add");
        code.set(sum);
      });
      for (let lane = 0; lane < 4; lane++) code.get(sum).lane("f32x4.extract_lane", lane);
      for (let lane = 0; lane < 3; lane++) code.numeric("f32.add");
    });
  const check = ({ f, memory }: ReturnType<typeof build>) => {
    const x = new Float32Array(memory.buffer, 256, 16).map((_, i) => i);
    new Float32Array(memory.buffer, 256, 16).set(x);
    new Float32Array(memory.buffer, 256 + 1024, 16).set(x.map((v) => v + 1));
    assertEquals(f(0, 1024), x.reduce((s, v) => s + v * (v + 1), 0));
  };
  check(dot(false));
  // an engine without relaxed vectors refuses the module
  try {
    check(dot(true));
  } catch (error) {
    assert(error instanceof WebAssembly.CompileError);
    console.log("f32x4.relaxed_madd: not in this engine");
  }
});

Deno.test("conditions, calls between functions, imports, and a shared memory", () => {
  const writer = new ModuleWriter();
  writer.importMemory("env", "memory", 1, { most: 4 });
  const unary: FunctionType = { parameters: ["f64"], results: ["f64"] };
  const sine = writer.importFunction("math", "sin", unary);
  const positive = writer.addFunction(unary, (code) => {
    const result = code.local("f64");
    code.get(0).f64(0).numeric("f64.gt").when(() => code.get(0).call(sine).set(result)).get(result);
  });
  writer.exportFunction("twice", writer.addFunction(unary, (code) => code.get(0).call(positive).call(positive)));
  assertThrows(() => writer.importFunction("math", "cos", unary), RangeError, "before functions");
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
  const module = new WebAssembly.Module(writer.finish());
  const { twice } = new WebAssembly.Instance(module, { env: { memory }, math: { sin: Math.sin } }).exports;
  const f = twice as (x: number) => number;
  assertEquals([1, -1, 4].map(f), [Math.sin(Math.sin(1)), 0, 0]);
});

Deno.test("loops that look take the same turns, and look after as much work as they are told", () => {
  for (const [from, to, step] of [[0, 10, 1], [3, 20, 4], [-5, 6, 2], [0, 1, 1], [4, 4, 1]] as const) {
    for (const every of [0, 1, 2, 3, 7, 100]) {
      const seen: number[] = [];
      const looks: number[] = [];
      const writer = new ModuleWriter();
      const type: FunctionType = { parameters: ["i32"], results: [] };
      const see = writer.importFunction("env", "see", type);
      const look = writer.importFunction("env", "look", type);
      const turns = Math.max(0, Math.ceil((to - from) / step));
      const fn = writer.addFunction({ parameters: [], results: [] }, (code) => {
        const index = code.local("i32");
        code.looks = { work: turns, every, write: (code) => code.get(index).call(look) };
        code.loop(index, { from, to, step }, () => code.get(index).call(see));
      });
      writer.exportFunction("f", fn);
      const env = { see: (i: number) => seen.push(i), look: (i: number) => looks.push(i) };
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(writer.finish()), { env });
      (exports["f"] as () => void)();
      const expected = Array.from({ length: turns }, (_, i) => from + i * step);
      assertEquals(seen, expected);
      // turns of one piece of work each: a turn that is a whole piece leaves the looks to what is in it, one without any work to itself
      const between = every === 1 ? Infinity : Math.max(1, every);
      const after = expected.map((i) => i + step).filter((_, i) => (i + 1) % between === 0 || i === turns - 1);
      assertEquals(looks, between >= turns ? [] : after, `${from} to ${to} by ${step}, every ${every}`);
    }
  }
});

Deno.test("what is read of another memory is what lies there, whatever reads it", () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => 200 + i * 7);
  const at = 3;
  const taken = (...places: number[]) => places.map((k) => k < 0 ? 0 : bytes[at + k]!);
  const run = (count: number) => Array.from({ length: count }, (_, k) => k);
  const padded = (count: number, size = 16) => Array.from({ length: size }, (_, k) => k < count ? k : -1);
  const again = (count: number) => Array.from({ length: 16 }, (_, k) => k % count);
  const number = (load: MemoryInstruction, store: MemoryInstruction) => (code: CodeWriter) =>
    code.i32(0).i32(1).memory(load, at - 1, 2).memory(store);
  const vector = (load: MemoryInstruction) => number(load, "v128.store");
  const rows: readonly (readonly [string, (code: CodeWriter) => unknown, readonly number[]])[] = [
    ["i32.load8_u", number("i32.load8_u", "i32.store"), padded(1, 4)],
    ["i32.load16_u", number("i32.load16_u", "i32.store"), padded(2, 4)],
    ["i32.load", number("i32.load", "i32.store"), run(4)],
    ["i64.load", number("i64.load", "i64.store"), run(8)],
    ["f32.load", number("f32.load", "f32.store"), run(4)],
    ["f64.load", number("f64.load", "f64.store"), run(8)],
    ["v128.load", vector("v128.load"), run(16)],
    ["v128.load32_splat", vector("v128.load32_splat"), again(4)],
    ["v128.load64_splat", vector("v128.load64_splat"), again(8)],
    ["v128.load32_zero", vector("v128.load32_zero"), padded(4)],
    ["v128.load64_zero", vector("v128.load64_zero"), padded(8)],
    ["a lane", (code) => {
      code.i32(0).i32(1).v128(new Uint8Array(16)).laneMemory("v128.load32_lane", 2, at - 1, 2).memory("v128.store");
    }, [...padded(0, 8), ...run(4), ...padded(0, 4)]],
    ["memory.copy", (code) => code.i32(0).i32(at).i32(16).memoryCopy(2), run(16)],
  ];
  for (const [name, write, places] of rows) {
    const writer = new ModuleWriter();
    ["own", "unused"].forEach((memory) => writer.importMemory("env", memory, 1));
    writer.importMemory("env", "data", 1, { most: 1 });
    writer.exportFunction("f", writer.addFunction({ parameters: [], results: [] }, (code) => void write(code)));
    const [own, unused] = [0, 1].map(() => new WebAssembly.Memory({ initial: 1 }));
    const data = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    new Uint8Array(data.buffer).set(bytes);
    const env = { own: own!, unused: unused!, data };
    (new WebAssembly.Instance(new WebAssembly.Module(writer.finish()), { env }).exports["f"] as () => void)();
    assertEquals([...new Uint8Array(own!.buffer, 0, places.length)], taken(...places), name);
    assert([own!, unused!].every(({ buffer }) => new Uint8Array(buffer, 16).every((byte) => byte === 0)), name);
    assertEquals(new Uint8Array(data.buffer, 0, 64).slice(), bytes, name);
  }
});
