// Do the programs that people read look as `fmt` leaves them? Those of the library, the examples, the pinned good ones, those of the
// chapters on codes, and every block marked `meta` in a document. Run with `UPDATE_DOCS=1` to write them so.
import { assert, assertEquals } from "@std/assert";
import { formatText } from "../../api/format_text.ts";
import { blocksOf } from "./blocks.ts";

const root = new URL("../../", import.meta.url);
const update = Deno.env.get("UPDATE_DOCS") === "1";

/** The files of a folder, and of those in it, whose names end so. */
function filesIn(folder: string, end: string): string[] {
  return [...Deno.readDirSync(new URL(folder, root))].map(({ name, isDirectory }) => ({ name, isDirectory }))
    .sort((a, b) => a.name < b.name ? -1 : 1)
    .flatMap(({ name, isDirectory }) =>
      isDirectory ? filesIn(`${folder}${name}/`, end) : name.endsWith(end) ? [folder + name] : []
    );
}

const read = (file: string) => Deno.readTextFileSync(new URL(file, root));

/** A program as `fmt` leaves it; undefined where it does not parse. */
const formatted = (text: string) => formatText({ name: "program.meta", text }).text;

/** Those chapters are about what does not parse: their wrong programs have no other form. */
const withoutForm = ["M0101", "M0102", "M0105", "M0107"].map((code) =>
  `tests/programs/codes/${code}/wrong/program.meta`
);

const folders = ["dsl/prelude/", "examples/", "tests/programs/good/", "tests/programs/codes/"];
const programs = folders.flatMap((folder) => filesIn(folder, ".meta"));

Deno.test("the library, the examples, the pinned programs and those of the codes look as `fmt` leaves them", () => {
  assert(programs.length > 100, `${programs.length} programs`);
  const others = programs.filter((file) => {
    const [text, best] = [read(file), formatted(read(file))];
    if (update && best !== undefined) Deno.writeTextFileSync(new URL(file, root), best);
    return best !== text;
  });
  assertEquals(others, update ? others : withoutForm);
});

for (const file of [...filesIn("docs/", ".md"), "README.md", "CHANGELOG.md"]) {
  const document = read(file);
  const blocks = blocksOf(document).filter(({ kind }) => /^meta(?! wrong)/.test(kind));
  if (blocks.length === 0) continue;
  Deno.test(`the programs of ${file} look as \`fmt\` leaves them`, () => {
    const others = blocks.filter(({ text }) => formatted(text) !== text);
    const best = others.toReversed().reduce(
      (written, { text, start, end }) => written.slice(0, start) + formatted(text) + written.slice(end),
      document,
    );
    if (update) Deno.writeTextFileSync(new URL(file, root), best);
    else assertEquals(others.map(({ start }) => `line ${document.slice(0, start).split("\n").length}`), []);
  });
}

Deno.test("README shows examples/toy.meta as it stands, without its comments", () => {
  const program = read("examples/toy.meta").replaceAll(/^\/\/\/.*\n/gm, "");
  assert(blocksOf(read("README.md")).some(({ text }) => text === program), program);
});
