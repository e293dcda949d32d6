// What do the verbs do that run nothing? `check` says what is wrong, `fmt` rewrites.
import { formatText } from "../api/format_text.ts";
import { openProgramFiles } from "../api/program_files.ts";
import { compileProgram } from "../dsl/compile.ts";
import { fileAccessError } from "../runtime/record/files.ts";
import { type CommandLine } from "./arguments.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";
import { loadReadersFor } from "./data_readers.ts";
import { showDiagnostics } from "./problems.ts";
import { wrongCode } from "./run_verb.ts";
import { namedScript, namesOf } from "./task_script.ts";

/** `meta.ts check FILES`: the exit code is 1 when a program is wrong, 2 when one of its files may not be
 *  read. Throws FileAccessError for wrong use. */
export async function checkVerb(command: CommandLine, console: Console): Promise<number> {
  const { files, inputs, limits, seed, json, dataFolder } = command;
  const script = await namedScript(command);
  let code: number = exitCodes.done;
  for (const file of files) {
    const program = openProgramFiles(file, { dataFolder });
    await loadReadersFor(program, limits);
    const { diagnostics, sources } = compileProgram({ ...program, inputs, limits, seed, ...namesOf(script) });
    const wrong = showDiagnostics(diagnostics, sources, { console, json });
    if (wrong) code = Math.max(code, wrongCode(program));
    else if (!json) console.out(`${file}: ok\n`);
  }
  return code;
}

/** `meta.ts fmt FILES`: rewrites what is not in the one style. With `--check` only names it, and the exit code is 1. A
 *  file that cannot be parsed is left as it is, and the exit code is 1. Throws FileAccessError for wrong use. */
export function fmtVerb({ files, limits, checkOnly }: CommandLine, console: Console): number {
  let wrong = false;
  for (const file of files) {
    const { root, folder } = openProgramFiles(file);
    const { text, diagnostics } = formatText(root, limits);
    if (text === undefined) {
      showDiagnostics(diagnostics, new Map([[root.name, root]]), { console, json: false });
      wrong = true;
    } else if (text !== root.text) {
      console.out(`${file}\n`);
      if (checkOnly) wrong = true;
      else rewrite(file, folder, text);
    }
  }
  return wrong ? exitCodes.wrongProgram : exitCodes.done;
}

function rewrite(path: string, folder: string, text: string): void {
  try {
    Deno.writeTextFileSync(path, text);
  } catch (error) {
    throw fileAccessError(error, { action: "write", path, folder });
  }
}
