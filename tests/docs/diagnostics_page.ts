// What stands in docs/diagnostics.md? For each code its title, what it means, a wrong program, what is said about it as it is printed,
// and the program mended. Run by itself (`deno task docs:diagnostics`) it writes the page.
import { codeMeanings } from "../../dsl/diagnostics/code_meanings.ts";
import { type DiagnosticCode, diagnosticCodes } from "../../dsl/diagnostics/codes.ts";
import { type CompileOutput, compileProgram } from "../../dsl/compile.ts";
import { renderDiagnostics } from "../../dsl/diagnostics/render.ts";

const page = new URL("../../docs/diagnostics.md", import.meta.url);
const programs = new URL("../programs/codes/", import.meta.url);
const root = "program.meta";

/** A program of a code, and the files beside it. */
export interface CodeProgram {
  readonly text: string;
  readonly files: ReadonlyMap<string, string>;
}

/** The program that has the mistake of a code, or the same mended. */
export function programOf(code: DiagnosticCode, side: "wrong" | "right"): CodeProgram {
  const folder = new URL(`${code}/${side}/`, programs);
  const names = [...Deno.readDirSync(folder)].map((f) => f.name).sort();
  const read = (name: string) => Deno.readTextFileSync(new URL(name, folder));
  return { text: read(root), files: new Map(names.filter((n) => n !== root).map((n) => [n, read(n)])) };
}

/** Compiles it. */
export function compileCode({ text, files }: CodeProgram): CompileOutput {
  return compileProgram({
    root: { name: root, text },
    readSource: (path) => files.get(path),
    readData: (path) => files.has(path) ? new TextEncoder().encode(files.get(path)) : undefined,
  });
}

/** The whole page. */
export function diagnosticsPage(): string {
  return [intro, ...(Object.keys(diagnosticCodes) as DiagnosticCode[]).map(chapter)].join("\n\n") + "\n";
}

const intro = `# What diagnostics mean

Every mistake that is found in a program has a code. \`meta.ts explain CODE\` prints its chapter: what is meant, a program
that has the mistake, what is said about it, and the same program mended. A code that begins with W is a warning: the
program runs.

This page is written by \`deno task docs:diagnostics\` from \`dsl/diagnostics/codes.ts\`, \`dsl/diagnostics/code_meanings.ts\` and
\`tests/programs/codes/\`. More wrong programs stand beside mended ones in \`tests/programs/bad/\` and
\`tests/programs/mended/\`.`;

function chapter(code: DiagnosticCode): string {
  const [wrong, right] = [programOf(code, "wrong"), programOf(code, "right")];
  const { diagnostics, sources } = compileCode(wrong);
  return [
    `## ${code}: ${diagnosticCodes[code].name}`,
    ...codeMeanings[code].map(wrapped),
    "Wrong:",
    ...filesOf(wrong),
    fenced("meta wrong", wrong.text),
    "What is said:",
    fenced("text said", `${renderDiagnostics(diagnostics, sources).trimEnd()}\n`),
    "Mended:",
    ...filesOf(right),
    fenced("meta right", right.text),
  ].join("\n\n");
}

const fenced = (what: string, text: string) => `\`\`\`${what}\n${text}\`\`\``;

const filesOf = ({ files }: CodeProgram) => [...files].map(([name, text]) => fenced(`${kindOf(name)} ${name}`, text));
const kindOf = (name: string) => name.slice(name.lastIndexOf(".") + 1);

/** A paragraph in lines of at most 120 characters. */
function wrapped(text: string): string {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > 120) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join("\n");
}

if (import.meta.main) Deno.writeTextFileSync(page, diagnosticsPage());
