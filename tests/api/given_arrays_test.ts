import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { compile, CompileError, type GivenEntries, type HostTask, RunError } from "../../mod.ts";
import { turns } from "../waits.ts";

/** What scripts without types hand over where a number is wanted, and how it is named. */
const noNumbers: readonly (readonly [given: unknown, named: string])[] = [
  [null, "null"],
  [undefined, "undefined"],
  ["", '""'],
  ["3", '"3"'],
  [true, "true"],
  [[5], "[5]"],
  [{}, "{}"],
  [2n ** 70n, String(2n ** 70n)],
];

const taskSource = (dtype: string) =>
  `edition 1
precision f64
task t { split s { x : ${dtype} [2] } }
param w = 0
outer train { minimize mean((w - s.x)^2)  across 3 t  over w  by sgd(lr = 0.1)  for 2 steps }
`;

for (const dtype of ["float", "int", "bool"]) {
  for (const [given, named] of noNumbers) {
    if (dtype === "bool" && given === true) continue;
    Deno.test(`${named} is no ${dtype}, in tasks and in data`, async () => {
      const data = [0, given] as unknown as GivenEntries;
      const t: HostTask = ({ index, step }) => ({
        s: { x: { shape: [2], data: step === 1 && index === 2 ? data : [0, 1] } },
      });
      const failure = await assertRejects(() => compile(taskSource(dtype), { tasks: { t } }).run(), RunError);
      assertStringIncludes(
        failure.message,
        `Task 2 of \`train\`, meta-step 1: \`t.s.x\` is ${named} at [1]: it is not a number`,
      );
      const text = `edition 1\ndata d { x : ${dtype} [_] }\nparam w = 0\ngradient mean((w - d.x)^2) wrt w\n`;
      const error = assertThrows(
        () => compile(text, { data: { d: { x: { shape: [2], data } } } }),
        CompileError,
      );
      assertStringIncludes(error.message, `Entry [1] of the array for \`d.x\` is \`${named}\`: it is not a number`);
    });
  }
}

Deno.test("true and false are bools, and typed arrays of every width are read", async () => {
  const text = `edition 1\nprecision f64\ndata d { x : bool [2]  y : int [2] }\nparam w = 1
gradient w * sum(d.y * where(d.x, 1, 0)) wrt w\n`;
  const entries: GivenEntries[] = [
    Uint8Array.of(3, 9),
    Uint8ClampedArray.of(3, 9),
    Int8Array.of(3, 9),
    Uint16Array.of(3, 9),
    Int16Array.of(3, 9),
    Uint32Array.of(3, 9),
    Int32Array.of(3, 9),
    Float32Array.of(3, 9),
    Float64Array.of(3, 9),
    BigInt64Array.of(3n, 9n),
    BigUint64Array.of(3n, 9n),
    [3, 9],
  ];
  for (const y of entries) {
    const x = [true, false] as unknown as GivenEntries;
    const run = await compile(text, { data: { d: { x: { shape: [2], data: x }, y: { shape: [2], data: y } } } }).run();
    assertEquals(run.gradient("w").data[0], 3);
  }
});

for (
  const [why, value, said] of [
    ["a whole number beyond 32 bits", 2147483648, "it is not a 32-bit integer"],
    ["the one that has no negative", -2147483648, "an int is at least -2147483647"],
    ["a fraction", 1.5, "it is not a 32-bit integer"],
    ["infinity", Infinity, "only finite numbers are data"],
  ] as const
) {
  Deno.test(`ints from a script: ${why}`, async () => {
    const t: HostTask = ({ index }) => ({ s: { x: { shape: [2], data: index === 1 ? [value, 1] : [0, 1] } } });
    const failure = await assertRejects(() => compile(taskSource("int"), { tasks: { t } }).run(), RunError);
    assertStringIncludes(failure.message, `Task 1 of \`train\`, meta-step 0: \`t.s.x\` is ${value} at [0]: ${said}`);
    const text = "edition 1\ndata d { x : int [_] }\nparam w = 0\ngradient mean((w - d.x)^2) wrt w\n";
    const given = { d: { x: { shape: [2], data: [value, 1] } } };
    assertStringIncludes(
      assertThrows(() => compile(text, { data: given }), CompileError).message,
      `Entry [0] of the array for \`d.x\` is ${value}: ${said}`,
    );
  });
}

for (const how of ["at once", "as a promise", "after a while"] as const) {
  Deno.test(`a buffer that is filled again and again holds each task's own numbers: ${how}`, async () => {
    const buffer = new Float64Array(2);
    const answer = { s: { x: { shape: [2], data: buffer } } };
    const fill = (index: number, step: number) => {
      buffer.fill(index + 10 * step);
      return answer;
    };
    const t: HostTask = how === "at once"
      ? ({ index, step }) => fill(index, step)
      // deno-lint-ignore require-await
      : async ({ index, step }) => {
        if (how === "after a while") return turns(3 - index).then(() => fill(index, step));
        return fill(index, step);
      };
    const run = await compile(taskSource("float"), { tasks: { t } }).run();
    // mean over index of (w - index - 10 step)^2: 5/3 at w = 0; then w = 0.2, and (9.8^2 + 10.8^2 + 11.8^2) / 3
    assertEquals([...run.losses("train")].map((x) => x.toFixed(9)), ["1.666666667", (351.92 / 3).toFixed(9)]);
  });
}

for (const given of [null, [5], {}, "", "  ", "five", NaN]) {
  Deno.test(`${JSON.stringify(given)} is no input`, () => {
    for (const type of ["int", "float"]) {
      const text = `edition 1\ninput K : ${type} = 1\nparam w = 0\ngradient (w - K)^2 wrt w\n`;
      const inputs = { K: given as unknown as number };
      assertStringIncludes(assertThrows(() => compile(text, { inputs }), CompileError).message, "M0604");
    }
  });
}

Deno.test("what an array holds when it is handed over is what runs read, small or large, whatever is written into it later", async () => {
  const text = `edition 1\ndata d { x : [_]  n : u8 [_] }\nparam w = 1\ngradient w * mean(d.x + d.n) wrt w\n`;
  for (const size of [4, 2 ** 22]) {
    const [x, n] = [new Float32Array(size).fill(2), new Uint8Array(size).fill(3)];
    const given = (data: Float32Array | Uint8Array) => ({ shape: [size], data });
    const experiment = compile(text, { data: { d: { x: given(x), n: given(n) } } });
    const slope = async () => (await experiment.run({ backend: "wasm", threads: 1 })).gradient("w").data[0];
    assertEquals(await slope(), 5);
    x.fill(7);
    n.fill(7);
    assertEquals(await slope(), 5);
    assertEquals([x[0], n[0]], [7, 7]);
  }
});
