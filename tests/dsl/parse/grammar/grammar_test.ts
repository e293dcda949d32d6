// Does the grammar keep its promises: one token of lookahead, no hidden clash, a current type of its trees?
import { assert, assertEquals } from "@std/assert";
import { generateCstTypes } from "../../../../dsl/parse/grammar/generate_cst_types.ts";
import { firstOf, type Grammar, isNullable, type Production } from "../../../../dsl/parse/grammar/grammar_lookup.ts";
import { keywords } from "../../../../dsl/syntax/keywords.ts";
import { MetaParser } from "../../../../dsl/parse/grammar/parser.ts";
import { grammarTokens, keyword, Name, Word } from "../../../../dsl/parse/tokens/tokens.ts";

Deno.test("MetaParser passes Chevrotain's own checks with one token of lookahead", () => {
  new MetaParser({ skipValidations: false });
});

Deno.test("no optional part of the grammar clashes with what may follow it", () => {
  // Chevrotain checks alternatives against each other only; a clash here would silently take the optional part.
  const grammar = serializedGrammar();
  const follow = followSets(grammar);
  const clashes: string[] = [];
  for (const [rule, { definition }] of grammar) {
    walk(grammar, definition!, follow.get(rule)!, (part, after) => {
      if (!["Option", "Repetition", "RepetitionWithSeparator"].includes(part.type)) return;
      const starts = concrete(firstOf(grammar, part.definition!));
      for (const token of starts) if (after.has(token)) clashes.push(`${rule}: ${token}`);
    });
  }
  assertEquals(clashes, []);
});

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

function serializedGrammar(): Grammar {
  const rules = new MetaParser({ skipValidations: true }).getSerializedGastProductions();
  return new Map(rules.map((rule) => [(rule as Production).name!, rule as Production]));
}

/** The tokens of a text that token names with categories stand for. */
function concrete(names: Iterable<string>): Set<string> {
  const wanted = new Set(names);
  const members = grammarTokens.filter((type) => (type.CATEGORIES ?? []).some(({ name }) => wanted.has(name)));
  return new Set([...wanted, ...members.map(({ name }) => name)]);
}

type Visit = (part: Production, after: ReadonlySet<string>) => void;

/** Calls `visit` with every part and the tokens that can come after it. */
function walk(grammar: Grammar, sequence: readonly Production[], outside: ReadonlySet<string>, visit: Visit): void {
  sequence.forEach((part, i) => {
    const rest = sequence.slice(i + 1);
    const after = new Set(concrete(firstOf(grammar, rest)));
    if (rest.every((each) => isNullable(grammar, each))) { for (const token of outside) after.add(token); }
    visit(part, after);
    if (part.type === "Alternation") {
      for (const each of part.definition!) walk(grammar, each.definition!, after, visit);
    } else if (part.definition) {
      const again = part.type.startsWith("Repetition")
        ? concrete(part.separator ? [part.separator.name] : firstOf(grammar, part.definition))
        : [];
      walk(grammar, part.definition, new Set([...after, ...again]), visit);
    }
  });
}

/** What can follow each rule: grows until nothing is added. */
function followSets(grammar: Grammar): Map<string, Set<string>> {
  const follow = new Map([...grammar.keys()].map((rule) => [rule, new Set<string>()]));
  for (let size = -1; size !== total(follow);) {
    size = total(follow);
    for (const [rule, { definition }] of grammar) {
      walk(grammar, definition!, follow.get(rule)!, (part, after) => {
        if (part.type === "NonTerminal") { for (const token of after) follow.get(part.name!)!.add(token); }
      });
    }
  }
  return follow;
}

function total(follow: ReadonlyMap<string, ReadonlySet<string>>): number {
  return [...follow.values()].reduce((sum, set) => sum + set.size, 0);
}
