// What does `meta.ts verify FILE.meta` print? What comes of each gradient, of each loop and of each function, when it is there.
import { chooseBackend } from "../api/backends.ts";
import { openProgramFiles } from "../api/program_files.ts";
import { partText, verdictText, type VerifiedPart, verifyCompiled } from "../api/verify.ts";
import { compileProgram } from "../dsl/compile.ts";
import type { Instance } from "../dsl/world/instance.ts";
import { jsonNumber } from "../runtime/record/metrics.ts";
import { type CommandLine } from "./arguments.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";
import { loadReadersFor } from "./data_readers.ts";
import { showDiagnostics } from "./problems.ts";
import { wrongCode } from "./run_verb.ts";

/** What is verified: what chooses the backend, and what compiles. */
export interface Verified {
  readonly choose?: typeof chooseBackend;
  readonly compile?: typeof compileProgram;
}

/** `meta.ts verify FILE.meta`: the exit code is 0 when every gradient is what its estimator promises and the backend computes what
 *  `reference` does, 4 when not. Throws FileAccessError or RangeError for wrong use. */
export async function verifyVerb(
  command: CommandLine,
  console: Console,
  { choose = chooseBackend, compile = compileProgram }: Verified = {},
): Promise<number> {
  const { files: [file], inputs, limits, seed, json, memory, threads } = command;
  const files = openProgramFiles(file!, command);
  await loadReadersFor(files, limits);
  const compileInstance = (instance: Instance) =>
    compile({ ...files, inputs, limits, seed, instance: { precision: "f64", ...instance } });
  const whole = compileInstance({});
  if (showDiagnostics(whole.diagnostics, whole.sources, { console, json })) return wrongCode(files);
  const line = (text: string) => console.out(`${text}\n`);
  const verification = await verifyCompiled({
    whole,
    compileInstance,
    seed,
    memory,
    choose: async (program) => await choose(command.backend, { threads }, program),
  }, {
    about: (text) => json || line(text),
    part: (part) => json ? jsonLines(part).forEach(line) : line(`\n${partText(part)}`),
  });
  const { compared, wrong, undecided } = verification;
  line(json ? JSON.stringify({ kind: "verdict", compared, wrong, undecided }) : `\n${verdictText(verification)}`);
  return wrong === 0 ? exitCodes.done : exitCodes.missed;
}

/** Each comparison as an object. */
function jsonLines({ of, comparisons }: VerifiedPart): string[] {
  return comparisons.map(({ what, computed, difference, error, verdict, text }) => {
    const numbers = { computed: jsonNumber(computed), difference: jsonNumber(difference), error: jsonNumber(error) };
    return JSON.stringify({ kind: "verify", of, what, ...numbers, verdict, text });
  });
}
