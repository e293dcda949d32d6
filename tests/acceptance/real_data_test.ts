// Do the programs on real data in the folders of `examples/` compile without a word, and do all of their items run? Each outer makes one
// meta-step, and evaluations take two tasks: the whole takes minutes, and is what docs/results.md is about.
import { assertEquals } from "@std/assert";
import { gunzipSync } from "node:zlib";
import { compileProgram } from "../../dsl/compile.ts";
import { wasmBackend } from "../../runtime/backend/wasm/index.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { some } from "../thorough.ts";

const examples = new URL("../../examples/", import.meta.url);
const programs = [...Deno.readDirSync(examples)].filter((f) => f.isDirectory).flatMap(({ name }) => {
  const folder = new URL(`${name}/`, examples);
  return [...Deno.readDirSync(folder)].filter((f) => f.name.endsWith(".meta")).map((f) => new URL(f.name, folder));
});

function compiled(file: URL, change: (text: string) => string) {
  const text = change(Deno.readTextFileSync(file));
  const { program, diagnostics } = compileProgram({
    root: { name: file.pathname.split("/").at(-1)!, text },
    readSource: (path) => Deno.readTextFileSync(new URL(path, file)),
    readData: (path) => Deno.readFileSync(new URL(path, file)),
  });
  assertEquals(diagnostics, [], file.pathname);
  return program!;
}

Deno.test("the programs on real data compile without a word", () => {
  assertEquals(programs.length > 0, true);
  for (const file of programs) compiled(file, (text) => text);
});

Deno.test("all items of the programs on real data run", async () => {
  for (const file of some(programs, 0)) {
    const program = compiled(file, (text) => text.replace(/\bacross \d{2,} /g, "across 2 "));
    const outers = program.outers.map((outer) => ({ ...outer, steps: 1 }));
    const { outcome, evaluations } = await runProgram({ ...program, outers }, wasmBackend);
    assertEquals([outcome, evaluations.length > 0], ["done", true], file.pathname);
  }
});

Deno.test("nearest neighbours on pixels name between 0.4 and 0.6 of the letters: the drawings are neither alike nor noise", async () => {
  const program = compiled(new URL("characters/pixels.meta", examples), (text) => text);
  const { evaluations } = await runProgram(program, wasmBackend);
  const { mean } = evaluations[0]!.reports[0]!.points[0]!;
  assertEquals(mean > 0.4 && mean < 0.6, true, `${mean}`);
});

Deno.test("the part of Fashion-MNIST has 100 images of each class, to learn of and to be tested on, and none is in both", () => {
  const rows = ["train", "t10k"].map((part) => {
    const of = (name: string) => gunzipSync(Deno.readFileSync(new URL(`fashion/${part}-${name}-ubyte.gz`, examples)));
    const [images, labels] = [of("images-idx3").subarray(16), of("labels-idx1").subarray(8)];
    assertEquals([images.length, labels.length], [1000 * 784, 1000]);
    assertEquals(
      Array.from({ length: 10 }, (_, k) => labels.filter((label) => label === k).length),
      Array(10).fill(100),
    );
    return Array.from(labels.keys(), (row) => images.subarray(row * 784, (row + 1) * 784).join());
  });
  assertEquals(new Set(rows.flat()).size, 2000);
});
