// Do right programs stay right? Each file of `tests/programs/good/` compiles without a word, is formatted as the formatter
// would, runs, and its checked form stands in the snapshot.
import { assertEquals } from "@std/assert";
import { compileProgram } from "../../dsl/compile.ts";
import { functionsOf } from "../../runtime/program/program.ts";
import { renderDiagnostics } from "../../dsl/diagnostics/render.ts";
import { compileFile, format } from "../../mod.ts";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { verifyFunction } from "../../runtime/ir/verify.ts";

const folder = new URL("../programs/good/", import.meta.url);
const files = [...Deno.readDirSync(folder)].map((f) => f.name).filter((n) => n.endsWith(".meta")).sort();

for (const name of files) {
  Deno.test(`the good program ${name} compiles and runs`, async (t) => {
    const text = Deno.readTextFileSync(new URL(name, folder));
    const out = compileProgram({
      root: { name, text },
      readSource: (path) => Deno.readTextFileSync(new URL(path, folder)),
      readData: (path) => Deno.readFileSync(new URL(path, folder)),
    });
    assertEquals(renderDiagnostics(out.diagnostics, out.sources), "");
    const { program } = out;
    if (program === undefined) throw new Error("not compiled");
    for (const { fn } of functionsOf(program)) {
      verifyFunction(fn, { allowGradient: true });
      verifyFunction(expandGradients(fn));
    }
    assertEquals(format(text), text, "formatted");
    await t.assertSnapshot(out.emit("checked"));
    const experiment = await compileFile(new URL(name, folder));
    for (const backend of ["reference", "wasm"] as const) {
      assertEquals((await experiment.run({ backend })).outcome, "done");
    }
  });
}
