// Does a mistake of syntax keep what it does not touch from being checked, or bring messages that follow from it? In every pinned
// program one token after another is left out, written twice, or has a bracket before it: what is said is what the parser says.
import { assert, assertEquals } from "@std/assert";
import { parseProgram } from "../../../dsl/parse/parse.ts";
import { tokenize } from "../../../dsl/parse/tokens/lexer.ts";
import { cases } from "../../thorough.ts";
import { compileIn, programsIn, saidAbout, textOf } from "../wrong_programs.ts";

const changes: { readonly [change: string]: (before: string, token: string, after: string) => string } = {
  "left out": (before, _token, after) => `${before} ${after}`,
  "written twice": (before, token, after) => `${before}${token} ${token}${after}`,
  "after a loose `]`": (before, token, after) => `${before} ] ${token}${after}`,
  "after a loose `{`": (before, token, after) => `${before} { ${token}${after}`,
};

/** Every so many tokens are changed; another number for each program, so that all kinds of places come up. */
const stride = cases(127, 7);

Deno.test("of a program that is right but for its syntax nothing is said but what the parser says", () => {
  let torn = 0;
  for (const [n, name] of programsIn("good/").entries()) {
    const text = textOf("good/", name);
    const { tokens } = tokenize({ name, text });
    for (let i = n % stride; i < tokens.length; i += stride) {
      const { startOffset: start, image } = tokens[i]!;
      for (const [change, write] of Object.entries(changes)) {
        const changed = write(text.slice(0, start), image, text.slice(start + image.length));
        const own = parseProgram({ name, text: changed }).diagnostics;
        if (own.length === 0) continue;
        torn++;
        const said = compileIn("good/", name, changed).diagnostics.filter((d) => d.severity === "error");
        const more = said.map((d) => d.title).filter((title) => !own.some((d) => d.title === title));
        assertEquals(more, [], `${name}: \`${image}\` at ${start} ${change}`);
      }
    }
  }
  assert(torn > cases(400, 5000), `${torn}`);
});

const rest = "gradient nosuch * w wrt w\nfn f(x) = x + other\n";

for (
  const [what, broken] of [
    ["a model that is not closed", "model net(x : [n, 1]) -> [n, 1] {\n  W : [1, 1] = 0\n  return dot(x, W)\n"],
    ["a loop with a stray word", "inner fit { minimize w^2  over w  by sgd(lr = 0.1) yes for T = 3 steps }\n"],
    ["a value that is missing", "let a = )\n"],
    ["a word that starts no item", "lett a = 3\n"],
    ["a character of no token", "let a = 3 ? 4\n"],
    ["a comment in what is torn", "let a = ) // nosuch, other }\n"],
    ["a text in quotes in what is torn", 'let a = ) "nosuch, other }"\n'],
  ] as const
) {
  Deno.test(`what stands around ${what} is checked`, () => {
    for (const program of [`param w = 1\n${broken}${rest}`, `param w = 1\n${rest}param v = 2\n${broken}`]) {
      const titles = saidAbout(`edition 1\n${program}`).map((d) => d.title);
      assertEquals(titles.length, 3, titles.join("\n"));
      assert(titles.some((title) => title.includes("nosuch")) && titles.some((title) => title.includes("other")));
    }
  });
}

Deno.test("a brace in a comment opens nothing", () => {
  const titles = saidAbout("edition 1\nparam w = 1\n// {\nfn f(x) = x + other\nlet a = )\n").map((d) => d.title);
  assertEquals(titles.length, 2, titles.join("\n"));
  assert(titles.some((title) => title.includes("other")));
});

Deno.test("nothing follows from what could not be read: its names, times, overrides and an edition", () => {
  const program = `editio 1
param w = 1
input K int = 3
inner fit { minimize (w - 1)^2  over w  by sgd() for T = K steps
override fit { lr = = 0.1 }
outer train { minimize fit.loss@T  over fit.lr by sgd(lr = 0.1)  for 3 step }
gradient (w@T)^2 * K wrt fit.lr after train
record w@*, train.loss
`;
  const codes = new Set(saidAbout(program).map((d) => d.code));
  assertEquals([...codes], ["M0102"]);
});
