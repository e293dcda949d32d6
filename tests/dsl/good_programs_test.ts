// Do right programs stay right? Each file of `tests/programs/good/` says in its first line what it shows, is formatted as the
// formatter would, compiles without a word and runs as it expects, and what is printed of it is in a report, too; its slopes are those of differences, its checked form, and its
// IR where that is short, stand in the snapshot. No two show the same, and together they use every word of the language.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { compileProgram } from "../../dsl/compile.ts";
import { functionsOf } from "../../runtime/program/program.ts";
import { renderDiagnostics } from "../../dsl/diagnostics/render.ts";
import { compileFile, format } from "../../mod.ts";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { verifyFunction } from "../../runtime/ir/verify.ts";
import { noneMissing } from "../places.ts";
import { treeOf } from "../random/compiled.ts";
import { allWords, constructsIn, wordsOfFiles } from "../random/constructs.ts";
import { throwDice } from "../random/dice.ts";
import { missingInReport } from "../api/said_in_report.ts";
import { compareSlope, pointOf, saidStops, scalarsOf } from "../random/slopes.ts";
import { cases, some } from "../thorough.ts";
import { snapshotOf } from "../snapshot.ts";
import { findIn } from "../found_files.ts";

const snapshots = snapshotOf(import.meta.url);

const folder = new URL("../programs/good/", import.meta.url);
const names = [...Deno.readDirSync(folder)].map((f) => f.name).filter((n) => n.endsWith(".meta")).sort();
const read = (path: string) => Deno.readTextFileSync(new URL(path, folder));

/** Longer IR is for machines. */
const shortLines = 60;

/** Those whose slopes are held against differences. */
const compared = new Set(some(names, 16));
const slopes = new Map<string, number>();

for (const name of names) {
  Deno.test(`the good program ${name} compiles and runs`, async (t) => {
    const text = read(name);
    const out = compileProgram({
      root: { name, text },
      readSource: read,
      readData: (path) => Deno.readFileSync(new URL(path, folder)),
      findData: findIn(folder),
    });
    assertEquals(renderDiagnostics(out.diagnostics, out.sources), "");
    const { program } = out;
    if (program === undefined) throw new Error("not compiled");
    for (const { fn } of functionsOf(program)) {
      verifyFunction(fn, { allowGradient: true });
      verifyFunction(expandGradients(fn));
    }
    assertMatch(text, /^\/\/.*\.\n/, "the first line says what it shows");
    assertEquals(format(text), text, "formatted");
    await t.assertSnapshot(out.emit("checked"), snapshots);
    const ir = out.emit("ir");
    if (ir.split("\n").length <= shortLines) await t.assertSnapshot(ir, snapshots);
    const experiment = await compileFile(new URL(name, folder));
    for (const backend of ["reference", "wasm"] as const) {
      const run = await experiment.run({ backend });
      assertEquals(run.outcome, "done");
      assertEquals(run.expectations.filter((e) => !e.met), [], backend);
      if (backend === "reference") assertEquals(missingInReport(run), [], "printed, and in no report");
    }
    if (program.precision !== "f64" || !compared.has(name)) return;
    const dice = throwDice(1, 0);
    const scalars = scalarsOf(program);
    out.derivatives().forEach((kind, index) => {
      const scalar = scalars[index];
      if (kind.biased || kind.implicit || kind.sampled || !scalar || scalar.leaves.length === 0) return;
      const slope = compareSlope(scalar, pointOf(program, index, 0), dice, { held: saidStops(out) });
      assert(slope.kind !== "wrong", `${kind.name}: ${slope.kind === "wrong" && slope.detail}`);
      slopes.set(slope.kind, (slopes.get(slope.kind) ?? 0) + 1);
    });
  });
}

Deno.test("of the slopes of the good programs, differences decide nine in ten", () => {
  const all = [...slopes.values()].reduce((sum, n) => sum + n, 0);
  assert(all >= cases(12, 80) && slopes.get("held")! >= 0.9 * all, JSON.stringify(Object.fromEntries(slopes)));
});

Deno.test("complete: a hundred good programs, no two of one set of constructs, use every word of the language", () => {
  const words = new Set(allWords());
  const sets = names.map((name) => {
    const text = read(name);
    const imported = treeOf(text).items.flatMap((i) => i.kind === "Import" ? [i.from.text] : []);
    const files = new Map(imported.map((path) => [path, read(path)]));
    return { name, text, uses: [...constructsIn({ text, files })].filter((word) => words.has(word)).sort() };
  });
  assert(names.length >= 100, `${names.length} programs`);
  const twins = Map.groupBy(sets, ({ uses }) => uses.join(", "));
  assertEquals([...twins.values()].filter((same) => same.length > 1).map((same) => same.map((s) => s.name)), []);
  const used = new Set(sets.flatMap(({ uses }) => uses));
  const inText = wordsOfFiles.filter((word) => sets.some(({ text }) => new RegExp(`\\b${word}\\b`).test(text)));
  noneMissing("tests/programs/good/", [...words].filter((word) => !used.has(word)));
  assertEquals(inText, wordsOfFiles);
});
