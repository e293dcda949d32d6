// What holds for every text and every program? Parsing never throws; formatting keeps the tree and the comments, and a
// second time changes nothing.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Program } from "../../../dsl/syntax/ast.ts";
import { formatProgram } from "../../../dsl/format/format.ts";
import { tokenize } from "../../../dsl/parse/tokens/lexer.ts";
import { parseProgram } from "../../../dsl/parse/parse.ts";
import { printAst, printCst } from "../../../dsl/parse/print_tree.ts";
import { program, tokenSoup, withoutPlaces } from "../arbitrary_programs.ts";
import { anyText } from "../arbitrary_texts.ts";
import { cases, some } from "../../thorough.ts";

const files = [...Deno.readDirSync(new URL("../../../examples/", import.meta.url))]
  .filter(({ name }) => name.endsWith(".meta"))
  .map(({ name }) => Deno.readTextFileSync(new URL(`../../../examples/${name}`, import.meta.url)));

const parse = (text: string) => parseProgram({ name: "p.meta", text });

/** Parses, and checks what must hold of any answer. */
function parseAnything(text: string): void {
  const { program, diagnostics, cst } = parse(text);
  for (const { at, title } of diagnostics) {
    assert(at.source === "p.meta" && 0 <= at.start && at.start <= at.end && at.end <= text.length, title);
    assert(title !== "" && !/undefined|NaN|\[object/.test(title), title);
  }
  if (/"kind":"Missing"/.test(JSON.stringify(program))) assert(diagnostics.length > 0, "a hole without a diagnostic");
  printAst(program);
  printCst(cst);
}

Deno.test("parseProgram() throws on no string", () => {
  fc.assert(fc.property(anyText(200), parseAnything), { numRuns: cases(40, 500), seed: 22 });
  fc.assert(fc.property(fc.string({ maxLength: 200 }), parseAnything), { numRuns: cases(40, 500), seed: 23 });
});

Deno.test("parseProgram() throws on no sequence of tokens", () => {
  fc.assert(fc.property(tokenSoup, parseAnything), { numRuns: cases(120, 1000), seed: 24 });
});

Deno.test("parseProgram() throws on no truncated or altered program", () => {
  const altered = fc.tuple(fc.constantFrom(...files), fc.nat(), fc.nat(40), tokenSoup).map(
    ([text, at, length, soup]) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + soup.slice(0, 30) + text.slice(start + length);
    },
  );
  fc.assert(fc.property(altered, parseAnything), { numRuns: cases(40, 500), seed: 25 });
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.nat(), (text, at) => parseAnything(text.slice(0, at % text.length))),
    { numRuns: cases(40, 300), seed: 26 },
  );
});

Deno.test("parseProgram() throws on no text of thousands of mistakes", () => {
  const mistakes = [
    "let y = 3 x ",
    "inner fit { minimise ",
    "[1 x, 2 x, ",
    "f(a b) ",
    "x : 3 ",
    "} ",
    "' ",
    ". ",
    "override o { a.b ",
  ];
  for (const mistake of some([...mistakes, "task t { x : [3] ~ 1 2 3 y = "], 2)) parseAnything(mistake.repeat(3000));
  for (const mistake of some(["x", "x : ", "x = 3 3 ", "1 "], 1)) {
    parseAnything(`task t { ${mistake.repeat(3000)} }`);
    parseAnything(`let y = [${mistake.repeat(3000)}]`);
  }
});

/** The program as text: with everything on one line that can be, or with blocks on lines of their own. */
function written(tree: Program, onLines: boolean): string {
  if (!onLines) return formatProgram(tree, { name: "", text: "" });
  const span = { source: "", start: 0, end: 1 };
  const spread = JSON.parse(JSON.stringify(tree, (key, value) => key === "span" ? span : value));
  return formatProgram(spread, { name: "", text: "\n" });
}

Deno.test("a formatted program parses to the same tree, and formats to itself", () => {
  fc.assert(
    fc.property(program, fc.boolean(), (tree, onLines) => {
      const text = written(tree, onLines);
      const parsed = parse(text);
      assertEquals(parsed.diagnostics, [], text);
      assertEquals(withoutPlaces(parsed.program.items), withoutPlaces(tree.items), text);
      assertEquals(formatProgram(parsed.program, { name: "p.meta", text }), text);
    }),
    { numRuns: cases(120, 1000), seed: 27 },
  );
});

Deno.test("a primed name that is called keeps its prime where arguments stand in columns", () => {
  const text = "edition 1\nmodel m(x) {\n  use a = b'(1, 2)\n  use c = d(1, 2)\n  return x\n}\n";
  assertEquals(formatProgram(parse(text).program, { name: "p.meta", text }).includes("b'(1, 2)"), true);
});

/** A text with comments, line ends and empty lines between its tokens. */
const commented = fc
  .tuple(
    fc.oneof(
      fc.tuple(program, fc.boolean()).map(([tree, onLines]) => written(tree, onLines)),
      fc.constantFrom(...files),
    ),
    fc.infiniteStream(fc.tuple(fc.nat(99), fc.nat(3))),
    fc.constantFrom(0, 3, 9),
  )
  .map(([text, dice, percent]) => {
    const { tokens, comments } = tokenize({ name: "", text });
    let result = "";
    let end = 0;
    let before = "";
    const pieces = ["\n// own\n", " // behind\n", "\n\n\n  // apart\n\n", "\n"];
    for (const token of [...tokens, ...comments].sort((a, b) => a.startOffset - b.startOffset)) {
      const [chance, kind] = dice.next().value!;
      result += text.slice(end, token.startOffset);
      // A prime and a member's name stand close to what they belong to: `1.` and `'…'` mean something else.
      if (chance < percent && token.image !== "'" && before !== ".") result += pieces[kind];
      result += token.image;
      end = token.endOffset! + 1;
      before = token.image;
    }
    return result + text.slice(end);
  });

Deno.test("formatting keeps all comments and the tree of a program with comments anywhere", () => {
  fc.assert(
    fc.property(commented, (text) => {
      const parsed = parse(text);
      assertEquals(parsed.diagnostics, [], text);
      const formatted = formatProgram(parsed.program, { name: "p.meta", text });
      const again = parse(formatted);
      assertEquals(again.diagnostics, [], formatted);
      assertEquals(withoutPlaces(again.program.items), withoutPlaces(parsed.program.items), formatted);
      const texts = (tree: Program) => tree.comments.map((comment) => comment.text).sort();
      assertEquals(texts(again.program), texts(parsed.program), formatted);
      assertEquals(formatProgram(again.program, { name: "p.meta", text: formatted }), formatted);
      assert(!/[ \t]\n|\n\n\n|^\n/.test(formatted), formatted);
    }),
    { numRuns: cases(120, 1000), seed: 28 },
  );
});
