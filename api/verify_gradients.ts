// Is one gradient of a program what its estimator promises? On an instance that is small enough it is compared with differences of its
// value; exact estimators also with each other, and of the others the bias is shown.
import type { CompileOutput } from "../dsl/compile.ts";
import type { DerivativeKind } from "../dsl/describe.ts";
import type { Instance } from "../dsl/world/instance.ts";
import { referenceBackend } from "../runtime/backend/reference/index.ts";
import { type HostArray, sizeOf } from "../runtime/ir/types.ts";
import { openExecutables, seedWords } from "../runtime/loop/executables.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import {
  type CheckedGradient,
  checkGradient,
  type DifferentiatedScalar,
  gradientAt,
  type Point,
  scalarOf,
} from "../runtime/verify/check_gradient.ts";
import { holding, holds } from "../runtime/verify/held_values.ts";
import { roundedTimes } from "../runtime/verify/compare_backends.ts";
import { judged, judgedBias, percent, type Rows, type VerifiedNumber } from "./judged_rows.ts";
import { evaluations, namedFunctions, patience, pointOf, saidStops, secondsOf } from "./verified_functions.ts";

/** Smaller and smaller instances; the first that is quick enough and still a program is taken. */
const instances: readonly Instance[] = [
  {},
  { mostSteps: 100, mostTasks: 4 },
  { mostSteps: 20, mostTasks: 2 },
  { mostSteps: 6, mostTasks: 2 },
  { mostSteps: 3, mostTasks: 1 },
];

/** The program once more, as another instance of it. */
export type CompileInstance = (instance: Instance) => CompileOutput;

/** The first instance that is quick enough, and what it compiles to. */
export function smallEnough(
  whole: CompileOutput,
  compileInstance: CompileInstance,
): { instance: Instance; output: CompileOutput } {
  let best = { instance: {} as Instance, output: whole };
  for (const instance of instances) {
    const output = instance.mostSteps === undefined ? whole : compileInstance(instance);
    // a time that the smaller loop does not reach
    if (!output.program) continue;
    best = { instance, output };
    if (predictedSeconds(output.program) <= patience) break;
  }
  return best;
}

function predictedSeconds(program: ExperimentProgram): number {
  const differences = scalars(program).reduce((sum, scalar) => {
    if (!scalar || scalar.leaves.length === 0) return sum;
    const sizes = scalar.leaves.map((name) => sizeOf(program.leaves.find((l) => l.name === name)!.type.shape));
    const compared = sizes.reduce((n, size) => n + Math.min(size, 6), 1);
    return sum + compared * evaluations * secondsOf(scalar.value.fn);
  }, 0);
  // beside the backend: on `reference` as it is, and rounded otherwise
  const runs = namedFunctions(program).reduce((sum, { fn }) => sum + secondsOf(fn.fn), 0);
  return differences + (1 + roundedTimes) * runs;
}

function scalars(program: ExperimentProgram): readonly (DifferentiatedScalar | undefined)[] {
  return [
    ...program.outers.map((o) => scalarOf(o.step, o.name)),
    ...program.gradients.map((g) => scalarOf(g.fn, g.label)),
  ];
}

/** One gradient that is looked at. */
export interface GradientCheck {
  readonly kind: DerivativeKind;
  readonly index: number;
  readonly instance: Instance;
  readonly seed: number;
  readonly compileInstance: CompileInstance;
}

/** What is said of a gradient. */
export function verifyOne(output: CompileOutput, at: GradientCheck): Rows {
  const { kind, index } = at;
  if (kind.sampled) return verifySampled(output, at);
  if (kind.implicit) return verifyImplicit(output, at);
  const program = output.program!;
  const scalar = scalars(program)[index];
  if (!scalar || scalar.leaves.length === 0) return { comparisons: [], notes: ["no rule of it reads a gradient"] };
  const checked = checkHeld(output, scalar, pointOf(program, index, at.seed));
  const comparisons = checked.comparisons.map((c) => kind.biased ? judgedBias(c) : judged(c));
  if (!kind.biased) return { comparisons, notes: againstForward(at, program, scalar) };
  const seen = comparisons.some((c) => c.verdict === "biased");
  return {
    comparisons,
    notes: [seen ? "biased, as the estimator says" : "no bias is seen here, though the estimator may have one"],
  };
}

/** A gradient beside differences that do not see through the program's own `stop_gradient`s. */
function checkHeld(output: CompileOutput, scalar: DifferentiatedScalar, point: Point): CheckedGradient {
  const held = holding(scalar, point, saidStops(output));
  return checkGradient(referenceBackend, held.scalar, held.point);
}

/** The same gradient, all of its loops followed backwards and forwards. */
function againstForward(at: GradientCheck, program: ExperimentProgram, scalar: DifferentiatedScalar): string[] {
  const entries = scalar.leaves.reduce(
    (n, name) => n + sizeOf(program.leaves.find((l) => l.name === name)!.type.shape),
    0,
  );
  if (entries > 200 || 3 * entries * secondsOf(scalar.value.fn) > patience) return [];
  const [back, forth] = (["unroll", "forward"] as const).map((through) => gradientsThrough(at, { through }));
  return back && forth ? [`backwards and forwards agree to ${apart(back, forth)} of the largest entry`] : [];
}

/** The gradients of another instance. Undefined when that is no program. */
function gradientsThrough(at: GradientCheck, other: Instance): readonly HostArray[] | undefined {
  const program = at.compileInstance({ ...at.instance, ...other }).program;
  const scalar = program && scalars(program)[at.index];
  return scalar && gradientAt(referenceBackend, scalar, pointOf(program, at.index, at.seed)).gradients;
}

/** The largest difference between two lists of arrays, of the largest entry. */
function apart(a: readonly HostArray[], b: readonly HostArray[]): string {
  let most = 0;
  let size = 0;
  a.forEach((x, k) =>
    x.data.forEach((value, i) => {
      most = Math.max(most, Math.abs(value - b[k]!.data[i]!));
      size = Math.max(size, Math.abs(value));
    })
  );
  return size === 0 ? "0" : (most / size).toExponential(1);
}

/** Implicit derivatives are those of a solution: the loop is made longer until it has arrived. */
function verifyImplicit(output: CompileOutput, at: GradientCheck): Rows {
  let compiled = output;
  let program = output.program!;
  let scalar = scalars(program)[at.index]!;
  let longer = 1;
  let reports = gradientAt(referenceBackend, scalar, pointOf(program, at.index, at.seed)).implicit;
  const ratio = () => Math.max(0, ...reports.map((r) => r.gradientNorm / Math.max(r.startNorm, 1e-300)));
  while (ratio() > 1e-10 && longer < 1000) {
    const nextOutput = at.compileInstance({ ...at.instance, longer: longer * 10 });
    const next = nextOutput.program;
    const own = next && scalars(next)[at.index];
    if (!next || !own || predictedSeconds(next) > patience) break;
    [compiled, program, scalar, longer] = [nextOutput, next, own, longer * 10];
    reports = gradientAt(referenceBackend, scalar, pointOf(program, at.index, at.seed)).implicit;
  }
  const residual = Math.max(0, ...reports.map((r) => r.residual || 0));
  const near = ratio();
  const exact = near <= 1e-8 && residual <= 1e-8 && !at.kind.biased;
  const checked = checkHeld(compiled, scalar, pointOf(program, at.index, at.seed));
  const comparisons = checked.comparisons.map((c) => exact ? judged(c, 1e-5) : judgedBias(c));
  const notes = reports.map((r) =>
    `${r.loop}: its gradient fell to ${(r.gradientNorm / r.startNorm).toExponential(1)} of what it was` +
    `${longer > 1 ? `, in ${longer} times its steps` : ""}; residual of the solve ${r.residual.toExponential(1)}`
  );
  const unrolled = exact ? gradientsThrough(at, { longer, through: "unroll" }) : undefined;
  if (unrolled) notes.push(`implicit and unrolled agree to ${apart(checked.gradients, unrolled)} of the largest entry`);
  if (!exact) {
    notes.push(
      near > 1e-8
        ? "not arrived: the bias shown is that of stopping early"
        : "the system is solved in part only: the bias is shown",
    );
  }
  return { comparisons, notes };
}

/** Sampled gradients: the mean over seeds beside the exact gradient, which is itself checked. */
function verifySampled(output: CompileOutput, at: GradientCheck): Rows {
  const exactOutput = at.compileInstance({ ...at.instance, through: "unroll" });
  const exact = exactOutput.program;
  if (!exact) {
    return {
      comparisons: [],
      notes: ["what is sampled has no derivative to compare with: it is read through a step or `floor`"],
    };
  }
  const scalar = scalars(exact)[at.index]!;
  const checked = checkHeld(exactOutput, scalar, pointOf(exact, at.index, at.seed));
  const rows = checked.comparisons.map((c) => judged(c));
  const program = output.program!;
  const item = program.gradients[at.index - program.outers.length];
  if (!item) return { comparisons: rows, notes: ["checked is the exact gradient; what is used is sampled"] };
  if (at.kind.estimators.some((e) => e.includes("window"))) {
    const note =
      "checked is the exact gradient of the whole; what is used is sampled for the mean of the windows' objectives";
    return { comparisons: rows, notes: [note] };
  }
  const sees = holds(scalar.value.fn, saidStops(exactOutput));
  const names = item.wrt.flatMap((w) => w.leaves);
  const seeds = 24;
  const draws = Array.from({ length: seeds }, (_, k) => {
    const point = pointOf(program, at.index, at.seed + k);
    const executables = openExecutables(referenceBackend);
    const { outputs } = executables.call(item.fn, { ...point, step: 0, tasks: { value: () => seedWords(0) } });
    executables.dispose();
    return outputs.slice(1, 1 + names.length);
  });
  const sampled = names.map((name, k): VerifiedNumber => {
    const gradient = checked.gradients[scalar.leaves.indexOf(name)]!;
    const total = ({ data }: HostArray) => Array.from<number>(data).reduce((s, x) => s + x, 0);
    const sums = draws.map((d) => total(d[k]!));
    const mean = sums.reduce((s, x) => s + x) / seeds;
    const error = Math.sqrt(sums.reduce((s, x) => s + (x - mean) ** 2, 0) / (seeds - 1) / seeds);
    const wanted = total(gradient);
    const inside = Math.abs(mean - wanted) <= 3 * error;
    const text = inside
      ? "inside 3 standard errors"
      : sees
      ? "not compared: samples see what `stop_gradient` hides"
      : `smoothing bias ${percent({ what: "", computed: mean, difference: wanted, error })}`;
    const what = gradient.data.length === 1 ? name : `sum of ${name}`;
    return {
      what: `${what}, mean of ${seeds} seeds`,
      computed: mean,
      difference: wanted,
      error,
      verdict: inside ? "ok" : sees ? "uncertain" : "biased",
      text,
      failed: false,
      other: "exact",
    };
  });
  return { comparisons: [...rows, ...sampled], notes: [] };
}
