// Which tokens does the lexer see?
import { assertEquals } from "@std/assert";
import { tokenize } from "../../../../dsl/parse/tokens/lexer.ts";
import { foreignTokens } from "../../../../dsl/parse/tokens/foreign.ts";

function tokensOf(text: string): string {
  return tokenize({ name: "t.meta", text }).tokens.map(({ tokenType, image }) => `${tokenType.name}:${image}`).join(
    " ",
  );
}

function complaintsOf(text: string): string[] {
  return tokenize({ name: "t.meta", text }).diagnostics.map(({ code, title, hint, at }) =>
    `${code} ${at.start}-${at.end} ${title}${hint ? ` | ${hint}` : ""}`
  );
}

Deno.test("tokenize() leaves the dots of a range to the range", () => {
  assertEquals(tokensOf("0..1"), "Number:0 DotDot:.. Number:1");
  assertEquals(tokensOf("0.5..1e-3"), "Number:0.5 DotDot:.. Number:1e-3");
  assertEquals(tokensOf("1e-8 .. inf"), "Number:1e-8 DotDot:.. Identifier:inf");
  assertEquals(tokensOf("10_000.5"), "Number:10_000.5");
});

Deno.test("tokenize() reads the longest word", () => {
  assertEquals(
    tokensOf("step steps stepper in input inner"),
    "Step:step Steps:steps Identifier:stepper In:in Input:input Inner:inner",
  );
});

Deno.test("tokenize() takes a keyword before a sign of definition for a name", () => {
  assertEquals(tokensOf("state = 1"), "Identifier:state Equals:= Number:1");
  assertEquals(tokensOf("state' = 1"), "Identifier:state Prime:' Equals:= Number:1");
  assertEquals(tokensOf("batch : int"), "Identifier:batch Colon:: Identifier:int");
  assertEquals(tokensOf("split ~ f()"), "Identifier:split Tilde:~ Identifier:f LParen:( RParen:)");
  assertEquals(tokensOf("state v"), "State:state Identifier:v");
  assertEquals(tokensOf("batch == 3"), "Batch:batch EqualEqual:== Number:3");
  assertEquals(tokensOf("for = 3"), "For:for Equals:= Number:3");
});

Deno.test("tokenize() keeps comments apart, with their places", () => {
  const { comments, tokens } = tokenize({ name: "t.meta", text: "a // b\r\n/// c\nd //" });
  assertEquals(comments.map(({ image, startOffset, endOffset }) => [image, startOffset, endOffset]), [
    ["// b", 2, 5],
    ["/// c", 8, 12],
    ["//", 16, 17],
  ]);
  assertEquals(tokens.map(({ image }) => image), ["a", "d"]);
});

Deno.test("tokenize() understands spellings from elsewhere and says how to write them", () => {
  const cases: Record<string, [string, string[]]> = {
    "x ** 2": ["Identifier:x Caret:** Number:2", ["M0101 2-4 A power is written with `^` | write `^`"]],
    "a # b\nc": ["Identifier:a Identifier:c", ["M0101 2-5 A comment starts with `//` here | write `//`"]],
    "a /* b\n */ c": ["Identifier:a Identifier:c", [
      "M0101 2-10 A comment starts with `//` and ends with its line here | start each of its lines with `//`",
    ]],
    "a; b": ["Identifier:a Identifier:b", ["M0101 1-2 Nothing ends with `;` here | remove the `;`"]],
    "θ_1 = 2": ["Identifier:theta_1 Equals:= Number:2", [
      "M0101 0-3 `θ_1` cannot be a name: names are made of a-z, A-Z, 0-9 and _ | write `theta_1`",
    ]],
    "“d.csv”": ['String:"d.csv"', ['M0101 0-7 These are typographic quotes | write `"d.csv"`']],
    "from 'd.csv'": ['From:from String:"d.csv"', ['M0101 5-12 Texts stand between double quotes | write `"d.csv"`']],
    '"open': ['String:"open', ['M0101 0-5 This text is never closed | close it with `"` on the same line']],
    "a − b": ["Identifier:a Minus:− Identifier:b", ["M0101 2-3 `−` is not written so here | write `-`"]],
    ".5": ["Number:0.5", ["M0105 0-2 `.5` starts without a digit | write `0.5`"]],
    "1.": ["Number:1.", ["M0105 0-2 `1.` ends with a dot | write `1.0`"]],
    "0x1F": ["Number:0x1F", ["M0105 0-4 `0x1F` is not a decimal number | write `31`"]],
    "a $ b": ["Identifier:a Identifier:b", ["M0101 2-3 `$` has no meaning here"]],
    "a 😀": ["Identifier:a", ["M0101 2-4 The character `😀` (U+1F600) has no meaning here"]],
    "a\u0000": ["Identifier:a", ["M0101 1-2 The character U+0000 has no meaning here"]],
    "m' + reshape(v', w')": [
      "Identifier:m Prime:' Plus:+ Identifier:reshape LParen:( Identifier:v Prime:' Comma:, Identifier:w Prime:' RParen:)",
      [],
    ],
  };
  for (const [text, [tokens, complaints]] of Object.entries(cases)) {
    assertEquals(tokensOf(text), tokens, text);
    assertEquals(complaintsOf(text), complaints, text);
  }
});

Deno.test("tokenize() refuses brackets that are nested too deeply for the passes that recurse", () => {
  assertEquals(complaintsOf("(".repeat(100) + ")".repeat(100)), []);
  assertEquals(complaintsOf("(".repeat(101)), [
    "M0102 100-101 Brackets are nested more than 100 deep | name the inner parts with `let`",
  ]);
});

Deno.test("no word of another language is looked for in the middle of a dotted name, which would read the rest of it each time", () => {
  const text = `a${".b".repeat(50)} -= 1`;
  for (const { type } of foreignTokens) {
    if (!(type.PATTERN instanceof RegExp)) continue;
    const pattern = new RegExp(type.PATTERN.source, "y");
    const found = [...text.slice(0, 100).matchAll(/b/g)].filter(({ index }) => {
      pattern.lastIndex = index;
      return pattern.test(text);
    });
    assertEquals(found.length, 0, type.name);
  }
  assertEquals(complaintsOf(text).length, 1);
});
