// Is docs/diagnostics.md true, and up to date? Every code has a chapter; its wrong program gets that code, once and alone, the mended
// one nothing at all.
import { assert, assertEquals } from "@std/assert";
import { codeMeanings } from "../../dsl/diagnostics/code_meanings.ts";
import { type DiagnosticCode, diagnosticCodes } from "../../dsl/diagnostics/codes.ts";
import diagnostics from "../../docs/diagnostics.md" with { type: "text" };
import { chapterOf } from "../../cli/explain.ts";
import { compileCode, diagnosticsPage, programOf } from "./diagnostics_page.ts";

const codes = Object.keys(diagnosticCodes) as DiagnosticCode[];

for (const code of codes) {
  Deno.test(`explain ${code} says what is meant, with a program that says it and one that does not`, () => {
    const said = (side: "wrong" | "right") => compileCode(programOf(code, side)).diagnostics.map((d) => d.code);
    assertEquals(said("wrong"), [code]);
    assertEquals(said("right"), []);
    assertEquals(chapterOf(code)!.split("\n")[0], `## ${code}: ${diagnosticCodes[code].name}`);
    assert(codeMeanings[code].join(" ").length > 40);
  });
}

Deno.test("docs/diagnostics.md is what the table of codes and the programs make of it (deno task docs:diagnostics)", () => {
  assertEquals(diagnostics, diagnosticsPage());
});

Deno.test("no folder of tests/programs/codes/ is of a code that there is not", () => {
  const folders = [...Deno.readDirSync(new URL("../programs/codes/", import.meta.url))].map((f) => f.name).sort();
  assertEquals(folders, [...codes].sort());
});
