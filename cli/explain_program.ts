// What does `meta.ts explain FILE.meta` print? What the program means, then what its functions will take.
import { chooseBackend } from "../api/backends.ts";
import { explainCompiled, functionsText, headText } from "../api/explain.ts";
import { openProgramFiles } from "../api/program_files.ts";
import { compileProgram } from "../dsl/compile.ts";
import { MetaRuntimeError } from "../runtime/errors.ts";
import { type CommandLine } from "./arguments.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";
import { loadReadersFor } from "./data_readers.ts";
import { sayProblem, showDiagnostics } from "./problems.ts";
import { wrongCode } from "./run_verb.ts";
import { namedScript, namesOf } from "./task_script.ts";

/** `meta.ts explain FILE.meta`: prints what the program means and what it will take; the exit code is 1 when it is wrong and 3
 *  when it does not fit its memory. Throws FileAccessError or RangeError for wrong use. */
export async function explainProgram(command: CommandLine, console: Console): Promise<number> {
  const { files: [file], inputs, limits, seed, memory, backend: name, kernels, dataFolder } = command;
  const files = openProgramFiles(file!, { dataFolder });
  await loadReadersFor(files, limits);
  const script = await namedScript(command);
  const output = compileProgram({ ...files, inputs, limits, seed, ...namesOf(script) });
  if (showDiagnostics(output.diagnostics, output.sources, { console, json: false })) return wrongCode(files);
  const program = output.program!;
  const { backend } = await chooseBackend(name, {}, program);
  const parts = { output, program, backend, memory };
  console.out(headText(parts));
  try {
    console.out(functionsText(explainCompiled(parts), kernels));
  } catch (error) {
    if (!(error instanceof MetaRuntimeError)) throw error;
    sayProblem(`error: ${error.message}\n`, console);
    return exitCodes.runFailed;
  }
  return exitCodes.done;
}
