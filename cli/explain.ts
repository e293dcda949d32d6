// What does a code mean? Its chapter of docs/diagnostics.md.
import diagnostics from "../docs/diagnostics.md" with { type: "text" };
import { orNearest } from "../dsl/text/did_you_mean.ts";
import { diagnosticCodes } from "../dsl/diagnostics/codes.ts";
import { type CommandLine } from "./arguments.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";
import { sayProblem } from "./problems.ts";

/** The chapter of a code, in Markdown; undefined when there is no such code. */
export function chapterOf(code: string): string | undefined {
  const start = diagnostics.indexOf(`## ${code}: `);
  if (start === -1) return undefined;
  const next = diagnostics.indexOf("\n## ", start);
  return diagnostics.slice(start, next === -1 ? undefined : next).trimEnd();
}

/** `meta.ts explain CODES`: prints what each means. Unknown codes are said, with the nearest, and the exit code is 2. */
export function explainVerb({ files: codes }: CommandLine, console: Console): number {
  let code: number = exitCodes.done;
  for (const word of codes) {
    const chapter = chapterOf(word.toUpperCase());
    if (chapter !== undefined) {
      console.out(`${forTerminal(chapter)}\n`);
      continue;
    }
    const nearest = orNearest(word.toUpperCase(), Object.keys(diagnosticCodes));
    sayProblem(`error: There is no code \`${word}\`${nearest}\n`, console);
    code = exitCodes.wrongUse;
  }
  return code;
}

/** The chapter without the marks of Markdown, its programs indented. */
function forTerminal(chapter: string): string {
  return chapter
    .replace(/^## /, "")
    .replace(/^```(\S+) (\S+)\n([^]*?)^```$/gm, (_, __, name: string, text: string) => {
      const heading = /^(wrong|right|said)$/.test(name) ? "" : `  // ${name}\n`;
      return heading + text.trimEnd().replace(/^(?=.)/gm, "  ");
    });
}
