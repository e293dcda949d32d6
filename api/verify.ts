// Are the gradients of a program right, and does what runs compute what it should? Part by part: each gradient, what each loop goes down,
// and each function on its backend. The command line prints what comes of it, a script is given it.
import { type CompileOutput, compileProgram } from "../dsl/compile.ts";
import type { Instance } from "../dsl/world/instance.ts";
import { UseError } from "../runtime/errors.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import { checkOptions } from "./given.ts";
import { type BackendChoice, type BackendName, chooseBackend } from "./backends.ts";
import { CompileError } from "./compile_error.ts";
import { bytesOf, compilationOf, type Experiment } from "./experiment.ts";
import type { Rows, VerifiedNumber } from "./judged_rows.ts";
import { shortNumber, tableText } from "./numbers.ts";
import { shownAs } from "./shown.ts";
import { namedFunctions } from "./verified_functions.ts";
import { type CompileInstance, smallEnough, verifyOne } from "./verify_gradients.ts";
import { backendRows, innerRows, wordOf } from "./verify_runs.ts";

/** How to verify.
 *
 *  @category Explain and verify */
export interface VerifyOptions {
  /** Seed of every draw; that given to `compile`, else 0, when not given. */
  readonly seed?: number;
  /** What would run: "auto" when not given. Of several, the first that can be opened. */
  readonly backend?: BackendName | readonly BackendName[];
  /** What each compiled function may keep, as for `run`. */
  readonly memory?: number | string;
  /** Threads, as for `run`. */
  readonly threads?: number;
}

/** What was compared of one gradient, of all loops, or of all functions on their backend.
 *
 *  @category Explain and verify */
export interface VerifiedPart {
  /** Which: `gradient (w@T)^2, through unroll`. */
  readonly of: string;
  /** The numbers that were compared. */
  readonly comparisons: readonly VerifiedNumber[];
  /** What is to be said of them. */
  readonly notes: readonly string[];
}

/** What came of it all.
 *
 *  @category Explain and verify */
export interface Verification {
  /** The program, and on which instance of it gradients were compared. */
  readonly about: string;
  /** Part by part. */
  readonly parts: readonly VerifiedPart[];
  /** So many numbers were compared. */
  readonly compared: number;
  /** So many of them are wrong. */
  readonly wrong: number;
  /** So many say neither: ill-conditioned, or at a kink. */
  readonly undecided: number;
  /** What the command line prints. */
  toString(): string;
}

/** Compares every gradient of a program with differences of its value, the gradient of every loop with differences of what it minimizes,
 *  and every function on its backend with `reference`: what `meta.ts verify` does and docs/cli.md explains. Nothing is wrong when `wrong`
 *  is 0. It takes up to half a minute; larger programs are compared on smaller instances, which `about` says.
 *  Throws RangeError for a program without loops and items, and for one whose tasks functions of a script make: these are drawn by nobody.
 *
 *  ```ts
 *  import { compile, verify } from "../mod.ts";
 *
 *  const experiment = compile(`
 *    edition 1
 *    param w = 0
 *    inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }
 *    gradient (w@T - 2)^2 wrt fit.lr
 *  `);
 *  const verification = await verify(experiment);
 *  console.log(verification.wrong, verification.parts[0]!.comparisons[0]!.verdict);
 *  ```
 *
 *  @category Explain and verify
 */
export async function verify(experiment: Experiment, options: VerifyOptions = {}): Promise<Verification> {
  checkOptions<VerifyOptions>("verify", options, { seed: true, backend: true, memory: true, threads: true });
  const { input, seed: own } = compilationOf(experiment);
  if ((input.tasks ?? []).length > 0) {
    throw new UseError("`verify` runs no functions that make tasks: declare their fields as draws, with a `~`, for it");
  }
  const { seed = own, backend = "auto", memory, threads } = options;
  const compileInstance = (instance: Instance) =>
    compileProgram({ ...input, seed, instance: { precision: "f64", ...instance } });
  const whole = compileInstance({});
  if (!whole.program) throw new CompileError(whole.diagnostics, whole.sources);
  return await verifyCompiled({
    whole,
    compileInstance,
    seed,
    memory: memory === undefined ? undefined : bytesOf(memory),
    choose: (program) => chooseBackend([backend].flat().join(","), { threads }, program),
  });
}

/** What is verified. */
export interface VerifyParts {
  /** As it is, without errors. */
  readonly whole: CompileOutput;
  readonly compileInstance: CompileInstance;
  readonly seed: number;
  /** Bytes. */
  readonly memory: number | undefined;
  /** What would run. */
  choose(program: ExperimentProgram): Promise<BackendChoice>;
}

/** Verifies part by part; `tell` is told of each when it is there. Throws UseError where there is nothing to verify. */
export async function verifyCompiled(
  { whole, compileInstance, seed, memory, choose }: VerifyParts,
  tell: { about(text: string): void; part(part: VerifiedPart): void } = { about: () => {}, part: () => {} },
): Promise<Verification> {
  if (namedFunctions(whole.program!).length === 0) {
    throw new UseError("The program has no loop and no item, so there is nothing to verify");
  }
  const { instance, output } = smallEnough(whole, compileInstance);
  const about = aboutText(output.program!, instance);
  tell.about(about);
  const parts: VerifiedPart[] = [];
  const add = (of: string, rows: Rows) => {
    const part = { of, ...rows };
    parts.push(part);
    tell.part(part);
  };
  output.derivatives().forEach((kind, index) => {
    const of = [kind.name, ...kind.estimators.map((e) => `through ${e}`)].join(", ");
    add(of, verifyOne(output, { kind, index, instance, seed, compileInstance }));
  });
  const inner = innerRows(output, seed);
  if (inner.comparisons.length > 0) add("what each loop goes down, at its first step", inner);
  const runs = compileInstance({ ...instance, precision: undefined }).program!;
  const { backend } = await choose(runs);
  if (backend.name === "reference") add("reference is also what would run", { comparisons: [], notes: [] });
  else {
    const of = `${backend.name} beside reference, ${wordOf[runs.precision]}`;
    add(of, backendRows(backend, runs, { seed, memory }));
  }
  return asVerification(about, parts);
}

function asVerification(about: string, parts: readonly VerifiedPart[]): Verification {
  const all = parts.flatMap(({ comparisons }) => comparisons);
  const counts = {
    compared: all.length,
    wrong: all.filter((c) => c.failed).length,
    undecided: all.filter((c) => c.verdict === "uncertain" || c.verdict === "kink").length,
  };
  const toString = () => [about, ...parts.map((part) => `\n${partText(part)}`), `\n${verdictText(counts)}`].join("\n");
  return { ...shownAs(toString), about, parts, ...counts, toString };
}

function aboutText({ source }: ExperimentProgram, { mostSteps, mostTasks }: Instance): string {
  const tasks = `${mostTasks} ${mostTasks === 1 ? "task" : "tasks"}`;
  const smaller = mostSteps === undefined ? "" : `, loops of at most ${mostSteps} steps, ${tasks}`;
  return `${source}: float64, reference${smaller}`;
}

/** A part in lines: its comparisons as a table, then what is to be said of them. */
export function partText({ of, comparisons, notes }: VerifiedPart): string {
  const cells = comparisons.map((c) => [
    c.what,
    shortNumber(c.computed),
    c.other ?? "difference",
    shortNumber(c.difference),
    c.error > 0 ? `± ${c.error.toExponential(0)}` : "",
    c.text,
  ]);
  const lines = [...tableText(cells, [false, true, false, true, false, false]), ...notes];
  return [of, ...lines.map((line) => `  ${line}`)].join("\n");
}

/** The last line. */
export function verdictText(
  { compared, wrong, undecided }: Pick<Verification, "compared" | "wrong" | "undecided">,
): string {
  if (compared === 0) return "verdict: there was nothing to compare";
  const count = `${compared} ${compared === 1 ? "comparison" : "comparisons"}`;
  const open = undecided === 0 ? "" : `; ${undecided} of them decide nothing`;
  return `verdict: ${wrong === 0 ? `${count}, as promised${open}` : `${wrong} of ${count} are wrong${open}`}`;
}
