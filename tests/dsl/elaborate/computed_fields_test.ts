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

/** Fields that read what is learned, and what `d.z` is written out. Numbers with few digits and steps that are exact: the same numbers. */
const learnedFields: { readonly [what: string]: readonly [fields: string, written: string] } = {
  "made of others": ["z = c * x", "(c * d.x)"],
  "by itself": ["z : [4] = c * [1, 2, 3, 5]", "(c * d.x)"],
  "made of one that is learned": ["y = c * x   z = y + c^2", "(c * d.x + c^2)"],
  "of where a loop ends": ["z = x * w@T", "(d.x * w@T)"],
};

/** What is learned through `z`, of the table, of a part and of a batch, and in a loop in a loop. */
const learners = (z: string, few: string) => [
  `gradient c * sum(${z}^2) + sum(${few}) wrt c`,
  `outer train { minimize mean((${z} - 2)^2) - mean(${few})  over c by sgd(lr = 0.125)  for 2 steps }
   output end = c`,
  `outer train { minimize mean((${z} - 2)^2)  over c by sgd(lr = 0.125)  for 2 steps  batch 2 of d }
   output end = c`,
  `param v = 0
   inner mid { minimize (v - sum(${z}))^2  over v by sgd(lr = 0.125)  for M = 2 steps }
   gradient v@M wrt c`,
];

for (const [what, [fields, written]] of Object.entries(learnedFields)) {
  Deno.test(`a field that reads what is learned carries its derivative: ${what}`, async () => {
    const program = (fields: string, item: string, way: string) =>
      `edition 1
precision f64
param c = 0.5
param w = 0
inner fit { minimize 0.5 * (w - c^2)^2  over w by sgd(lr = 0.5)  for T = 2 steps  ${way} }
data d { x : [4] = [1, 2, 3, 5]   k : [4] = [0, 1, 1, 1]   ${fields} }
data few = d where k > 0
${item}`;
    const numbersOf = async (source: string) => {
      const run = await compile(source).run({ backend: "reference" });
      const gradients = run.gradients.flatMap(({ wrt }) => wrt.flatMap(({ leaves }) => leaves.map((l) => l.gradient)));
      return [...gradients, ...source.includes("output") ? [run.output("end")] : []].map(({ data }) => [...data]);
    };
    const asked = learners("d.z", "few.z");
    const plain = learners(written, written.replaceAll("d.x", "few.x"));
    for (const way of ["", "through forward()", "through es(samples = 2, sigma = 0.5)"]) {
      if (way !== "" && !written.includes("@")) continue;
      for (const [i, item] of asked.entries()) {
        // perturbations go by the text of a gradient
        if (way.includes("es(") && item.includes("gradient")) continue;
        const [found, expected] = await Promise.all([
          numbersOf(program(fields, item, way)),
          numbersOf(program("", plain[i]!, way)),
        ]);
        assertEquals(found, expected, `${way} ${item}`);
      }
    }
  });
}
