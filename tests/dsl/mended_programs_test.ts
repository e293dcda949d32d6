// Can a reader who sees only the message mend the program? For each file of `tests/programs/mended/` the wrong program of the same
// name stands in `tests/programs/bad/`: it gets one message, which names at least half of what the mended one has that it has not, and
// the mended one compiles without a word and runs. Every wrong program whose name starts with `habits_` has one.
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Diagnostic } from "../../dsl/diagnostics/diagnostic.ts";
import { tokenize } from "../../dsl/parse/tokens/lexer.ts";
import { compileFile } from "../../mod.ts";
import { compiledFrom, programsIn, textOf } from "./wrong_programs.ts";

const programs = new URL("../programs/", import.meta.url);
const bad = programsIn("bad/");
const mended = programsIn("mended/");

const saidOf = (folder: string, name: string): readonly Diagnostic[] => compiledFrom(folder, name).diagnostics;

const wordsOf = (text: string) => tokenize({ name: "", text }).tokens.map((token) => token.image);
const message = (d: Diagnostic) =>
  [d.title, d.primary.message, ...d.secondary.map((l) => l.message), ...d.notes, d.hint ?? ""].join("\n");

/** The words of a text that are in it more often than in another. */
function added(text: string, before: string): string[] {
  const left = wordsOf(before);
  return wordsOf(text).filter((word) => {
    const at = left.indexOf(word);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

const said = new Map<string, string>();

for (const name of mended) {
  Deno.test(`what is said about ${name} mends it`, async () => {
    assert(bad.includes(name), `there is no wrong program bad/${name}`);
    const [wrong, right] = ["bad/", "mended/"].map((folder) => textOf(folder, name));
    assertNotEquals(right, wrong);
    const diagnostics = saidOf("bad/", name);
    assertEquals(diagnostics.map((d) => d.title).slice(1), [], "one mistake, one message");
    const [diagnostic] = diagnostics as readonly [Diagnostic];
    const words = wordsOf(message(diagnostic).replaceAll("`", " "));
    const cure = added(right!, wrong!).filter((word) => /\w/.test(word));
    const named = cure.length === 0 || 2 * cure.filter((word) => words.includes(word)).length >= cure.length;
    assert(named || /another name/.test(diagnostic.hint!), `the message names too little of ${cure}`);
    assertEquals(said.get(message(diagnostic)), undefined, "another wrong program says the same");
    said.set(message(diagnostic), name);
    assertEquals(saidOf("mended/", name).map((d) => d.title), []);
    const experiment = await compileFile(new URL(`mended/${name}`, programs));
    assertEquals((await experiment.run({ backend: "reference" })).outcome, "done");
  });
}

Deno.test("every wrong program that stands for a habit is mended", () => {
  assertEquals(bad.filter((name) => name.startsWith("habits_") && !mended.includes(name)), []);
});
