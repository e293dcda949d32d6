// How does the compiler know the shape of the concrete syntax tree? `deno run --allow-write=dsl dsl/parse/grammar/generate_cst_types.ts`
// writes `cst_types.ts` from the grammar, and a test compares the two.
import { MetaParser } from "./parser.ts";
import { generateCstDts } from "../tokens/chevrotain.ts";

const header =
  `// What does each rule of the grammar hold in a concrete syntax tree? Written by \`generate_cst_types.ts\`; do not edit.
// Every child is optional: recovery leaves out what the text lacks.
import type { CstNode, IToken } from "../tokens/chevrotain.ts";
`;

/** The text of `cst_types.ts`. */
export function generateCstTypes(): string {
  const grammar = new MetaParser({ skipValidations: true }).getGAstProductions();
  const declarations = generateCstDts(grammar, { includeVisitorInterface: false }).matchAll(
    /export interface (\w+) extends CstNode \{\s*name: "(\w+)";[^}]*\}\s*export type \w+ = (\{[^}]*\});/g,
  );
  return header + [...declarations].map(([, node, rule, children]) => {
    const held = [...children!.matchAll(/(\w+)\??: \(?([\w.]+)\)?\[\];/g)].map(([, name, type]) =>
      `${name}?: ${type}[]`
    );
    const line = `  readonly children: { ${held.join("; ")} };`;
    return `
export interface ${node} extends CstNode {
  readonly name: "${rule}";
${line.length <= 120 ? line : `  readonly children: {\n${held.map((each) => `    ${each};\n`).join("")}  };`}
}
`;
  }).join("");
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("./cst_types.ts", import.meta.url), generateCstTypes());
}
