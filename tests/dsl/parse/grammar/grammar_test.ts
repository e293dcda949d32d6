// Does the grammar keep its promises: one token of lookahead, no hidden clash, a current type of its trees?
import { assert, assertEquals } from "@std/assert";
import { generateCstTypes } from "../../../../dsl/parse/grammar/generate_cst_types.ts";
import { keywords } from "../../../../dsl/syntax/keywords.ts";
import { MetaParser } from "../../../../dsl/parse/grammar/parser.ts";
import { grammarTokens, keyword, Name, Word } from "../../../../dsl/parse/tokens/tokens.ts";
import { clashesOf, grammarOf } from "./lookahead.ts";
import { ambiguous, smallTokens } from "./small_grammars.ts";

Deno.test("MetaParser passes Chevrotain's own checks with one token of lookahead", () => {
  new MetaParser({ skipValidations: false });
});

Deno.test("one token of lookahead tells what is read, everywhere in the grammar", () => {
  // No exception is made. The parser's gates (a block after a forgotten value, a clause or an item after a forgotten bracket) are
  // not seen here and need not be: a gate only takes away.
  const grammar = grammarOf(new MetaParser({ skipValidations: true }));
  assert(grammar.size > 70, "the grammar is read");
  assertEquals(clashesOf(grammar, grammarTokens), []);
});

for (const [name, [clash, small]] of Object.entries(ambiguous)) {
  Deno.test(`a grammar that one token of lookahead does not settle is seen: ${name}`, () => {
    assertEquals(clashesOf(small().recorded(), smallTokens), [clash]);
  });
}

Deno.test("no two tokens share a name, which is their key in the trees", () => {
  const names = grammarTokens.map(({ name }) => name);
  assertEquals(names.filter((name, i) => names.indexOf(name) !== i), []);
});

Deno.test("every keyword but the reserved ones is a name", () => {
  for (const { word, reserved } of keywords) {
    assertEquals(keyword(word).CATEGORIES?.includes(Name), !reserved, word);
    assert(keyword(word).CATEGORIES?.includes(Word), word);
  }
});

Deno.test("cst_types.ts is what the grammar generates", async () => {
  const committed = await Deno.readTextFile(new URL("../../../../dsl/parse/grammar/cst_types.ts", import.meta.url));
  const words = (text: string) => text.split(/\s+/).join(" ");
  assertEquals(
    words(committed),
    words(generateCstTypes()),
    "run `deno run -A dsl/parse/grammar/generate_cst_types.ts`",
  );
});
