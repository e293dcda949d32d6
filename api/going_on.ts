// May a run go on from a checkpoint? Only as what it was: program, data, seed, backend and version are the same, or it is said which of
// them is another one. Inputs may be others where the run would have stood there with them, too: so it is made longer. One answer for the
// command line and for scripts.
import type { CompileOutput } from "../dsl/compile.ts";
import type { InputValues } from "../dsl/data/inputs.ts";
import type { SourceText } from "../dsl/text/source.ts";
import { UseError } from "../runtime/errors.ts";
import type { HostArray } from "../runtime/ir/types.ts";
import { stateAs } from "../runtime/loop/past.ts";
import type { RunState } from "../runtime/loop/run_state.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import type { Checkpoint } from "../runtime/record/checkpoint_bytes.ts";
import { changesBetween, type RunIdentity, sameInputs, sumOfArray } from "../runtime/record/identity.ts";
import { sha256Of } from "../runtime/sha256.ts";
import { version } from "./version.ts";

/** A compiled program with all that it is run with. */
export interface RunOf {
  readonly root: SourceText;
  readonly output: Pick<CompileOutput, "imports">;
  readonly program: ExperimentProgram;
  readonly inputs: InputValues;
  readonly seed: number;
  readonly backend: string;
  /** Bytes that each function may keep; what the program says when not given. */
  readonly memory?: number | undefined;
}

/** Sums of arrays that were asked for: tables are large, and stay what they are. */
const sums = new WeakMap<HostArray, string>();

function sumOnce(array: HostArray): string {
  const sum = sums.get(array) ?? sumOfArray(array);
  sums.set(array, sum);
  return sum;
}

/** What a run is of. */
export function identityOf({ root, output, program, inputs, seed, backend, memory }: RunOf): RunIdentity {
  return {
    program: sha256Of([root.text]),
    imports: Object.fromEntries(output.imports.map(({ name, text }) => [name, sha256Of([text])])),
    inputs,
    data: Object.fromEntries([...program.data].map(([name, array]) => [name, sumOnce(array)])),
    seed,
    precision: program.precision,
    backend,
    memory: memory ?? program.memory ?? null,
    version,
  };
}

/** The one sum that checkpoints of version 1 say of all that a run is of. */
function sumOfVersion1({ root, output, program, inputs, seed, backend }: RunOf): string {
  const byName = <T>(entries: readonly (readonly [string, T])[]) => [...entries].sort(([a], [b]) => a < b ? -1 : 1);
  const imports = byName(output.imports.map(({ name, text }) => [name, text]));
  const values = byName(Object.entries(inputs));
  return sha256Of([JSON.stringify([root.text, imports, values, seed, program.precision, backend, version])]);
}

/** Where a run goes on from a checkpoint; or why it may not from this one although it may from an earlier one. `where` names the
 *  checkpoint, `compileWith` compiles the program with other inputs. Throws UseError where it may from none. */
export function goingOnFrom(
  { of, state }: Checkpoint,
  { where, now, compileWith }: {
    readonly where: string;
    readonly now: RunOf;
    readonly compileWith: (inputs: InputValues) => ExperimentProgram | undefined;
  },
): RunState | string {
  if ("sum" in of) {
    if (of.sum === sumOfVersion1(now)) return state;
    throw new UseError(
      `${where} is of another program, other inputs, another seed, backend or version: what has changed must be taken back`,
    );
  }
  const identity = identityOf(now);
  const changed = changesBetween(of, identity, { inputs: false });
  if (changed.length > 0) {
    const cure = of.version === version ? "take it back" : `version ${of.version} goes on with it`;
    throw new UseError(`${where} is of another run, which this one cannot go on with: ${listed(changed)}; ${cure}`);
  }
  if (sameInputs(of, identity)) return state;
  const inputs = listed(changesBetween(of, { ...of, inputs: identity.inputs }));
  const before = compileWith(of.inputs);
  if (!before) throw new UseError(`${where} is of another run: ${inputs}, with which the program has errors`);
  const found = stateAs(before, now.program, state);
  if ("state" in found) return found.state;
  const { what, tooFar } = found.other;
  const why = `${where} is of a run with another value of ${inputs}, which cannot go on as this one: ${what}`;
  if (tooFar) throw new UseError(why);
  return why;
}

const listed = (words: readonly string[]) => words.join(", ");
