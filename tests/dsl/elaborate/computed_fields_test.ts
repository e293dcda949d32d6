// Are computed fields what their words say, and computed once? Against plain loops; and what is left of them in the program.
import { assert, assertEquals } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import { compile } from "../../../mod.ts";
import { cases } from "../../thorough.ts";
import { throwDice } from "../../random/dice.ts";

const text = (precision: string) =>
  `edition 1
precision ${precision}
data d {
  x : [20, 3]
  k : u8 [20]
  z = (x - mean(x, axis = 0)) / sqrt(mean((x - mean(x, axis = 0))^2, axis = 0))
}
split d into train 12, test 8
param w = 1
gradient w wrt w
output z = d.z
output t = train.z
`;

Deno.test("a computed field is what loops over its table make, for all of it and for a part", async () => {
  for (let index = 0; index < cases(3, 30); index++) {
    const dice = throwDice(9, index);
    const x = Float64Array.from({ length: 60 }, () => dice.real() * 10 - 3);
    const data = { d: { x: { shape: [20, 3], data: x }, k: { shape: [20], data: new Uint8Array(20) } } };
    const source = text("f64");
    const run = await compile(source, { data }).run({ backend: "reference" });
    const z = run.output("z").data;
    const wanted = new Float64Array(60);
    for (let c = 0; c < 3; c++) {
      const column = Array.from({ length: 20 }, (_, r) => x[3 * r + c]!);
      const mean = column.reduce((s, v) => s + v) / 20;
      const spread = Math.sqrt(column.reduce((s, v) => s + (v - mean) ** 2, 0) / 20);
      column.forEach((v, r) => wanted[3 * r + c] = (v - mean) / spread);
    }
    // two sums of 20 terms below 13, a difference, a root and a division: some 50 roundings of numbers below 13
    wanted.forEach((v, i) => assert(Math.abs(v - z[i]!) < 50 * 13 * 2 ** -52, `${v} ${z[i]}`));
    const rows = new Set(Array.from({ length: 20 }, (_, r) => z.slice(3 * r, 3 * r + 3).join()));
    const part = run.output("t").data;
    for (let r = 0; r < 12; r++) {
      assert(rows.has(part.slice(3 * r, 3 * r + 3).join()), "a row of the part is one of the table");
    }
  }
});

Deno.test("a computed field is data where the program runs, and is computed where it reads what is learned", () => {
  const none = () => undefined;
  const program = (field: string) => {
    const source =
      `edition 1\ndata d { x : [4] = [1, 2, 3, 5]   z = ${field} }\nparam w = 1\ngradient w * sum(d.z) wrt w\n`;
    const out = compileProgram({ root: { name: "p.meta", text: source }, readSource: none, readData: none });
    assertEquals(out.diagnostics.map((d) => d.title), []);
    return out.emit("ir");
  };
  assert(!program("tanh(x)").includes("tanh"));
  assert(program("tanh(w * x)").includes("tanh"));
});

Deno.test("a computed field may read where a loop ends, and is known only then", async () => {
  const text = `edition 1
precision f64
data book { px : [3] = [1, 2, 3]  off = (w@T - px)^2 }
param w : [3] = 0
inner fit { minimize sum((w - 1)^2) over w by sgd(lr = 0.25) for T = 2 steps }
`;
  const run = await compile(`${text}output off = book.off\n`).run();
  // w goes from 0 to 0.5 to 0.75
  assertEquals([...run.output("off").data], [1, 2, 3].map((x) => (0.75 - x) ** 2));
  const { diagnostics } = compileProgram({
    root: { name: "t.meta", text: `${text}data few = book where off < 1\noutput n = size(few.px, 0)\n` },
    readSource: () => undefined,
    readData: () => undefined,
  });
  assertEquals(diagnostics.map(({ code, title }) => `${code} ${title}`), [
    "M0602 The condition must be known before the run, and it is learned",
  ]);
});
