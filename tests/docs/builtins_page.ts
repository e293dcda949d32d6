// What stands in docs/builtins.md? Every builtin, constant, function, layer and rule: arguments with what they are when not given, shapes
// that go in and come out, what it computes. Run by itself (`deno task docs:builtins`) it writes the page.
import type { Builtin } from "../../dsl/builtins/builtin_arguments.ts";
import { distributions } from "../../dsl/builtins/builtin_distributions.ts";
import { elementwise } from "../../dsl/builtins/builtin_elementwise.ts";
import { products } from "../../dsl/builtins/builtin_products.ts";
import { reductions } from "../../dsl/builtins/builtin_reductions.ts";
import { shapes } from "../../dsl/builtins/builtin_shapes.ts";
import { builtinSignatures, constantSignatures } from "../../dsl/builtins/signatures.ts";
import { expressionText } from "../../dsl/format/expression_text.ts";
import { parseProgram } from "../../dsl/parse/parse.ts";
import { libraryFiles } from "../../dsl/prelude/library.ts";
import { librarySignatures } from "../../dsl/prelude/signatures.ts";
import type { Formal, Item } from "../../dsl/syntax/ast.ts";

const page = new URL("../../docs/builtins.md", import.meta.url);

const intro = `# Builtins and the library

What a program can call, with the shapes that go in and come out. This page is written by \`deno task docs:builtins\` from
\`dsl/builtins/signatures.ts\`, \`dsl/prelude/signatures.ts\` and \`dsl/prelude/\`; each line of shapes is held against what
the code does (\`tests/docs/signatures_test.ts\`).

How a line is read:

- A small letter is a size, or a number known before the run: \`range(n) -> int [n]\`.
- A capital with dots is any number of axes, also none: \`[A..., k]\`. Dots alone are the same axes throughout the line.
- \`rank(A)\` is how many axes A has, \`product(A)\` how many entries, \`reverse(A)\` the same in the opposite order, \`ones(A)\`
  as many of size 1; \`broadcast(A, B)\` is what comes of them as in NumPy. A size that has a name does not broadcast,
  even when it is 1.
- Axes count from 0, or from the end: -1 is the last.
- \`int\` takes whole numbers only, \`float\` floats only. \`any\` stays what it is; where several are \`any\` and one is float,
  all become it. Without a word, what is not float becomes it.
- \`list\` is a list of so many whole numbers. \`name(sizes)(x : ...)\` is a layer, made by \`use\`; \`name() ~ [n, m]\`
  is drawn.
- A rule works on each tensor by itself: p, its gradient g and what the rule keeps have one shape,
  whatever it is.
- "Slope" says what the derivative is where one might expect another.`;

/** The builtins by family, with the file that they stand in. */
const families: readonly (readonly [string, string, readonly Builtin[]])[] = [
  ["Entry by entry", "elementwise", elementwise],
  ["Fewer entries of many", "reductions", reductions],
  ["Axes that are joined", "products", products],
  ["Entries that are moved, and shapes", "shapes", shapes],
  ["What is drawn", "distributions", distributions],
];

const libraryTitles: Readonly<Record<string, string>> = {
  activations: "Activations",
  initialisers: "Initial values",
  layers: "Layers",
  losses: "Losses",
  optimizers: "Rules",
  schedules: "Schedules",
};

/** The whole page. */
export function builtinsPage(): string {
  return [
    intro,
    "## Constants",
    fenced(Object.entries(constantSignatures).map(([name, says]) => `${name}\n    ${says}`)),
    ...families.flatMap(([title, file, list]) => [
      `## ${title} (\`dsl/builtins/builtin_${file}.ts\`)`,
      fenced(list.map(builtinEntry)),
    ]),
    ...libraryFiles.flatMap(({ name, text }) => {
      const file = name.replace("std/", "");
      const { items } = parseProgram({ name, text }).program;
      return [
        `## ${libraryTitles[file.replace(".meta", "")]} (\`dsl/prelude/${file}\`)`,
        fenced(items.flatMap((item) => libraryEntry(item, text) ?? [])),
      ];
    }),
  ].join("\n\n") + "\n";
}

const fenced = (entries: readonly string[]) => `\`\`\`text\n${entries.join("\n")}\n\`\`\``;

function builtinEntry({ name, arity: [, most] }: Builtin): string {
  const { shapes, says, slope } = builtinSignatures[name]!;
  const many = most > 3 ? `; up to ${most} of them` : "";
  return [...shapes.map(broken), indented(`${says}${many}`), ...slopeOf(slope)].join("\n");
}

/** A definition of the library as it is called, its shapes, and what stands above it. */
function libraryEntry(item: Item, source: string): string | undefined {
  if (item.kind !== "Function" && item.kind !== "Model" && item.kind !== "Optimizer") return undefined;
  const list = (formals: readonly Formal[]) => `(${formals.map((f) => formalText(f, source)).join(", ")})`;
  const sizes = item.kind === "Model" && item.sizes ? list(item.sizes) : "";
  const { shapes, slope } = librarySignatures[item.name.name]!;
  return [
    `${item.name.name}${sizes}${list(item.formals)}`,
    ...shapes.map((line) => broken(`    ${line}`)),
    indented(item.doc ?? ""),
    ...slopeOf(slope),
  ].join("\n");
}

function formalText({ name, type, default: value }: Formal, source: string): string {
  const sizes = type?.sizes?.map((size) => expressionText(source, size));
  const words = [type?.dtype?.name, sizes && `[${sizes.join(", ")}]`].filter((word) => word !== undefined);
  const typed = words.length > 0 ? ` : ${words.join(" ")}` : "";
  return `${name.name}${typed}${value ? ` = ${expressionText(source, value)}` : ""}`;
}

const slopeOf = (slope: string | undefined) => slope === undefined ? [] : [`    Slope: ${slope}`];

/** A line of shapes that is longer than 120 characters goes on in a second one. */
const broken = (line: string) => line.length <= 120 ? line : line.replace(" -> ", "\n        -> ");

/** Lines of at most 120 characters behind four blanks. */
function indented(text: string): string {
  const lines = ["   "];
  for (const word of text.split(/\s+/)) {
    if (lines.at(-1)!.length + word.length + 1 > 120) lines.push("   ");
    lines[lines.length - 1] += ` ${word}`;
  }
  return lines.join("\n");
}

if (import.meta.main) Deno.writeTextFileSync(page, builtinsPage());
