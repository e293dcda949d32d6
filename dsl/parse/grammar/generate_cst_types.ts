// How does the compiler know the shape of the concrete syntax tree? `deno run --allow-write=dsl dsl/parse/grammar/generate_cst_types.ts`
// writes `cst_types.ts` from the grammar, and a test compares the two.
import { MetaParser } from "./parser.ts";
import { generateCstDts } from "../tokens/chevrotain.ts";

const header =
  `// What can a concrete syntax tree hold? Written by \`generate_cst_types.ts\` from the grammar; do not edit.
// Every child is optional: recovery leaves out what the text lacks.
import type { CstNode, IToken } from "../tokens/chevrotain.ts";
`;

/** The text of `cst_types.ts`. */
export function generateCstTypes(): string {
  const grammar = new MetaParser({ skipValidations: true }).getGAstProductions();
  const declarations = generateCstDts(grammar, { includeVisitorInterface: false })
    .split("\n")
    .filter((line) => !line.startsWith("import "))
    .map((line) =>
      line
        .replace(/^ {2}(children: )/, "  readonly $1")
        .replace(/^ {2}(name: )/, "  readonly $1")
        .replace(/^ {2}([A-Za-z]+)\??: (.*)\[\];$/, (_all, name, type) =>
          `  ${name}?: ${type.replace(/^\((\w+)\)$/, "$1")}[];`)
        .replace(
          /^export interface (\w+)CstNode/,
          (all, name) =>
            `/** The rule \`${name[0].toLowerCase()}${name.slice(1)}\`. */\n${all}`,
        )
        .replace(
          /^export type (\w+)CstChildren/,
          (all, name) => `/** What \`${name[0].toLowerCase()}${name.slice(1)}\` holds, by token and rule. */\n${all}`,
        )
    )
    .join("\n")
    .replaceAll(/\n{2,}/g, "\n\n");
  return header + "\n" + declarations.trim() + "\n";
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("./cst_types.ts", import.meta.url), generateCstTypes());
}
