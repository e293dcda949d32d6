// Does what runs compute what it should? Every loop's own gradient at its first step, and every function on the backend that would
// run it: what comparing gradients with differences of values does not see.
import type { CompileOutput } from "../dsl/compile.ts";
import { withoutTelling } from "../dsl/loops/finite_objectives.ts";
import type { Backend } from "../runtime/backend/interface.ts";
import { referenceBackend } from "../runtime/backend/reference/index.ts";
import { eliminateDeadCode } from "../runtime/ir/dead_code.ts";
import { type IrFunction, sizeOf } from "../runtime/ir/types.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import { checkGradient } from "../runtime/verify/check_gradient.ts";
import { type Held, holding, holds } from "../runtime/verify/held_values.ts";
import { compareBackends } from "../runtime/verify/compare_backends.ts";
import { innerObjectives } from "../runtime/verify/inner_objectives.ts";
import { judged, judgedBias, type Rows, type VerifiedNumber } from "./judged_rows.ts";
import { duration } from "./numbers.ts";
import { evaluations, namedFunctions, patience, pointOf, saidStops, secondsOf } from "./verified_functions.ts";
import { isLibrary } from "../dsl/text/source.ts";

/** The objective of every loop that runs, each once, at the first step of the first item that runs it. */
export function innerRows(output: CompileOutput, seed: number): Rows {
  const program = output.program!;
  const seen = new Set<string>();
  const comparisons: VerifiedNumber[] = [];
  const notes: string[] = [];
  let left = patience / 2;
  for (const { fn, outer } of namedFunctions(program)) {
    const point = pointOf(program, outer === undefined ? -1 : program.outers.indexOf(outer), seed);
    for (const { scalar, body, point: first } of innerObjectives(referenceBackend, fn, point)) {
      if (seen.has(scalar.name)) continue;
      seen.add(scalar.name);
      const compared = scalar.leaves.reduce((n, name) => n + Math.min(sizeOf(first.leaves.get(name)!.shape), 6), 1);
      const seconds = compared * evaluations * secondsOf(scalar.value.fn);
      if (seconds > left) {
        notes.push(`${scalar.name} would take ${duration(seconds)} more and is left out`);
        continue;
      }
      left -= seconds;
      const held = saidStops(output);
      const { scalar: still, point: from } = holding(scalar, first, held);
      const checked = checkGradient(referenceBackend, still, from);
      const near = isApproximate(body, held);
      comparisons.push(...checked.comparisons.map((c) => {
        const row = near ? judgedBias(c) : judged(c);
        return { ...row, what: `${scalar.name} for ${c.what}` };
      }));
    }
  }
  return { comparisons, notes };
}

/** True for a loop's objective that runs loops itself whose derivatives are not those of their steps. */
function isApproximate(body: IrFunction, said: Held): boolean {
  const inside = eliminateDeadCode(withoutTelling(body));
  const has = (what: Held) => holds(inside, what);
  const cut: Held = (e) => e.op === "stop_gradient" && !said(e) && !(e.origin && isLibrary(e.origin.source));
  return has(({ op }) => op === "implicit" || op === "finite_difference") || has(({ op }) => op === "scan") && has(cut);
}

/** A precision in words. */
export const wordOf = { f32: "float32", f64: "float64" } as const;

/** Every function of a program on the backend that would run it. */
export function backendRows(
  backend: Backend,
  program: ExperimentProgram,
  { seed, memory = program.memory }: { readonly seed: number; readonly memory: number | undefined },
): Rows {
  const comparisons = namedFunctions(program).map((named): VerifiedNumber => {
    const point = pointOf(program, named.outer === undefined ? -1 : program.outers.indexOf(named.outer), seed);
    const { output, computed, reference, within, same, finite } = compareBackends(backend, named, point, memory);
    return {
      what: `${named.name}: ${output}`,
      computed,
      difference: reference,
      error: within,
      verdict: !same ? "wrong" : finite ? "ok" : "uncertain",
      text: !same ? `WRONG on ${backend.name}` : finite ? "ok" : "finite on neither",
      failed: !same,
      other: "reference",
    };
  });
  return { comparisons, notes: [] };
}
