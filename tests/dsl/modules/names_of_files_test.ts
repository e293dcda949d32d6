// Do parameters and models of one name in two files stay apart? The root's go by their names, another file's by that file too.
import { assertEquals } from "@std/assert";
import type { Run } from "../../../api/run.ts";
import { compile } from "../../../api/compile.ts";

const files: Readonly<Record<string, string>> = {
  "parts/a.meta": `edition 1
    param w = 5
    model net() -> [] { v : [] = 7  return v }
    fn of_a() = w
    fn net_of_a() = net()
    inner fit_a { minimize (w - 9)^2  over w by sgd(lr = 0.25)  for R = 2 steps }
    fn end_of_a() = w@(fit_a.R)`,
};

const run = (source: string): Promise<Run> =>
  compile(`edition 1\nprecision f64\n${source}`, { read: (path) => files[path] }).run();

const values = (r: Run, name: string) => r.evaluation(name).reports.map((e) => e.points[0]!.mean);

for (const order of ["report of_a() report w", "report w report of_a()"]) {
  Deno.test(`a parameter of the root and one that another file keeps to itself: ${order}`, async () => {
    const r = await run(`import of_a from "./parts/a.meta"\nparam w = 1\nevaluate e { ${order} }`);
    assertEquals(new Set(values(r, "e")), new Set([5, 1]));
    assertEquals(values(r, "e")[0], order.startsWith("report of_a") ? 5 : 1);
  });
}

Deno.test("a loop over a model of the root leaves another file's alone, whichever is called first", async () => {
  const r = await run(`import net_of_a from "./parts/a.meta"
    model net() -> [] { v : [] = 1  return v }
    evaluate first { report net_of_a() }
    inner fit { minimize (net() - 3)^2  over net by sgd(lr = 0.25)  for T = 2 steps }
    evaluate e { report net@T() report net@0() report net_of_a() }`);
  // half of the way to 3, twice
  assertEquals(values(r, "e"), [2.5, 1, 7]);
  assertEquals(values(r, "first"), [7]);
});

Deno.test("a loop of another file over its own parameter leaves the root's alone", async () => {
  const r = await run(`import fit_a, end_of_a, of_a from "./parts/a.meta"
    param w = 1
    evaluate e { report end_of_a() report w report fit_a.loss@2 }
    gradient end_of_a() + 2 * w wrt w`);
  assertEquals(values(r, "e"), [8, 1, 1]);
  assertEquals(r.gradient("w").data[0], 2);
});
