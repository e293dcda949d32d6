// Is docs/diagnostics.md true? Every code has a chapter under its name; its first program says that code and no other, the
// second nothing at all.
import { assert, assertEquals } from "@std/assert";
import { diagnosticCodes } from "../../dsl/codes.ts";
import { compileProgram } from "../../dsl/compile.ts";
import diagnostics from "../../docs/diagnostics.md" with { type: "text" };
import { chapterOf } from "../../cli/explain.ts";

/** The codes of what is said about a program, each once. */
function codesOf(text: string, files: ReadonlyMap<string, string>): string[] {
  const said = compileProgram({
    root: { name: "program.meta", text },
    readSource: (path) => files.get(path),
    readData: (path) => files.has(path) ? new TextEncoder().encode(files.get(path)) : undefined,
  });
  return [...new Set(said.diagnostics.map((d) => d.code))];
}

for (const [code, title] of Object.entries(diagnosticCodes)) {
  Deno.test(`explain ${code} says what is meant, with a program that says it and one that does not`, () => {
    const chapter = chapterOf(code)!;
    assertEquals(chapter.split("\n")[0], `## ${code}: ${title}`);
    const blocks = [...chapter.matchAll(/^```(\w+) (\S+)\n([^]*?)^```$/gm)];
    const files = new Map<string, string>();
    const checked: string[] = [];
    for (const [, kind, name, text] of blocks) {
      if (kind !== "meta" || name!.includes(".")) files.set(name!, text!);
      else {
        checked.push(name!);
        assertEquals(codesOf(text!, files), name === "wrong" ? [code] : [], text);
      }
    }
    assertEquals(checked, ["wrong", "right"]);
    const [, explanation] = chapter.split("\n\n");
    assert(explanation!.length > 40);
  });
}

Deno.test("docs/diagnostics.md explains no code that there is not", () => {
  const explained = [...diagnostics.matchAll(/^## (\w+): /gm)].map(([, code]) => code!);
  assertEquals(explained, Object.keys(diagnosticCodes));
});
