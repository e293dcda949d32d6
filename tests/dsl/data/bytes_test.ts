// Are bytes kept as bytes until rows of them are taken, and are arrays read all at once what they are entry by entry?
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import { heldAs, type NumberArray, openValues, readAll } from "../../../dsl/data/entries.ts";
import { functionsOf } from "../../../runtime/program/program.ts";
import { expandGradients } from "../../../runtime/autodiff/expand_gradients.ts";
import { bodyOf, type DType, type IrFunction, sizeOf } from "../../../runtime/ir/types.ts";
import { chooseLimits } from "../../../runtime/limits.ts";
import { compile } from "../../../mod.ts";
import { readData, saidOf } from "./read_data.ts";

const array = (name: string) => Deno.readFileSync(new URL(`arrays/${name}`, import.meta.url));

Deno.test("bytes of a file stay where they were read to, unless they were packed", () => {
  for (const [name, stays] of [["u1.npy", true], ["little_i4.npy", false], ["fortran_u1.npy", false]] as const) {
    const bytes = name === "fortran_u1.npy" ? columns() : array(name);
    const read = readData(`data d from "${name}" { x : u8 [2, 3] }`, { [name]: bytes });
    const { dtype, data } = read.arrays.get("d.x")!;
    assertEquals([dtype, ...data], ["u8", 0, 1, 2, 3, 4, 5]);
    assertEquals(data.buffer === bytes.buffer, stays, name);
  }
});

/** Those of `u1.npy`, column by column. */
function columns(): Uint8Array {
  const bytes = array("u1.npy");
  const text = String.fromCharCode(...bytes).replace("'fortran_order': False", "'fortran_order': True ");
  return Uint8Array.from([...text.slice(0, -6)].map((c) => c.charCodeAt(0)).concat([0, 3, 1, 4, 2, 5]));
}

const kinds: readonly (new (numbers: number[]) => NumberArray)[] = [
  Float32Array,
  Float64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
];
const numbers = [0, 1, 2, 255, 256, -1, 1.5, 1e39, NaN, -Infinity, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1, -0];

Deno.test("arrays of every kind are read all at once as entry by entry, or not at all", () => {
  let taken = 0;
  for (const kind of kinds) {
    for (const dtype of ["f32", "f64", "i32", "bool", "u8"] satisfies DType[]) {
      for (const x of numbers) {
        const open = openValues(new kind([1, x, 0]));
        const one = readAll(open, { dtype, count: 3, missing: undefined });
        const all = heldAs(dtype, open);
        assertEquals(all, "read" in one ? undefined : one, `${kind.name} to ${dtype}: ${x}`);
        if (all) taken++;
      }
    }
  }
  assert(taken > kinds.length * numbers.length, `${taken}`);
});

Deno.test("what a script hands over is its own: bytes are copied from it, and others are held against 0 to 255", () => {
  const source = "edition 1\nprecision f64\ndata d { x : u8 [3] }\nparam w = 1\ngradient w * sum(d.x) wrt w\n";
  const data = Uint8Array.of(1, 2, 255);
  const experiment = compile(source, { data: { d: { x: { shape: [3], data } } } });
  data.fill(7);
  return experiment.run().then((run) => {
    assertEquals(run.gradient("w").data[0], 258);
    for (const [wrong, said] of [[256, "256"], [-1, "-1"], [0.5, "0.5"]] as const) {
      const given = { d: { x: { shape: [3], data: [1, wrong, 2] } } };
      const { message } = trying(() => compile(source, { data: given }));
      assert(message.includes(`is ${said}: a byte is a whole number from 0 to 255`), message);
    }
  });
});

function trying(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("a byte in a table is held against 0 to 255, with its row and column", () => {
  const said = saidOf(readData(`data d from "d.csv" { x : u8 [_] }`, { "d.csv": "x\n0\n255\n256\n" }));
  assert(said.includes("Row 4, column `x` of `d.csv` is 256: a byte is a whole number from 0 to 255"), said);
});

/** What a function computes, bodies too. */
function* computedIn(fn: IrFunction): Generator<IrFunction["outputs"][number]> {
  for (const equation of fn.equations) {
    yield* equation.outputs;
    const body = bodyOf(equation);
    if (body) yield* computedIn(body);
  }
}

const limits = chooseLimits({});

const uses: Readonly<Record<string, string>> = {
  "a batch": `inner fit { minimize mean((w * net(d.x))^2)   over w   by sgd(lr = 0.1)   for T = 3 steps   batch 2 of d }
gradient w@T wrt fit.lr`,
  "a row": "gradient w * sum(d.x[3] / 255) wrt w",
  "rows by index": "gradient w * sum(take(d.x, [1, 0])) wrt w",
  "rows of a task": `task pair { split s { x = d.x[2]   y = take(d.x, [1, 4]) } }
gradient w * sum(s.x) + w * sum(s.y / 255) wrt w across 3 pair`,
  "rows by a drawn index": "task one { i ~ uniform(0, 1)   split s { x = d.x[argmax([i, 0.5])] } }\n" +
    "gradient w * sum(s.x) wrt w across 3 one",
  "row by row": "gradient w * sum(mean(d.x[i]) / 255 for i in 0 .. 63) wrt w",
  "a part of its shape, turned": "gradient w * sum(transpose(reshape(d.x, [64, 6]))[1]) wrt w",
};

for (const [name, text] of Object.entries(uses)) {
  Deno.test(`where ${name} is taken of bytes, nothing as long as the table is made but bytes`, () => {
    const root = {
      name: "program.meta",
      text: `edition 1\nprecision f64\ndata d { x : u8 [64, 6] }\nparam w = 0.5\n` +
        `model net(x : int [n, 6]) -> [n] { return mean(x, axis = 1) / 255 }\n${text}\n`,
    };
    const data = { d: { x: { shape: [64, 6], data: Uint8Array.from({ length: 384 }, (_, i) => i % 256) } } };
    const none = () => undefined;
    const { program, diagnostics } = compileProgram({ root, readSource: none, readData: none, limits, data });
    assertEquals(diagnostics.filter((d) => d.severity === "error").map((d) => d.title), []);
    const long = functionsOf(program!).flatMap(({ fn }) => [...computedIn(expandGradients(fn))])
      .filter(({ shape }) => sizeOf(shape) >= 384);
    assertEquals(long.filter(({ dtype }) => dtype !== "u8").map(({ dtype }) => dtype), []);
    assertStrictEquals(program!.data.get("d.x")!.dtype, "u8");
  });
}
