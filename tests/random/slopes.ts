// Is a gradient that of its value? Its product with one random direction through everything that is differentiated for, beside
// central differences; where the value has a corner nothing is said.
export { pointOf, saidStops } from "../../api/verified_functions.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { bodyOf, type Equation, type IrFunction, sizeOf } from "../../runtime/ir/types.ts";
import { openExecutables, seedWords } from "../../runtime/loop/executables.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import { type DifferentiatedScalar, gradientAt, type Point, scalarOf } from "../../runtime/verify/check_gradient.ts";
import { type Held, holding } from "../../runtime/verify/held_values.ts";
import { derivative } from "../../runtime/verify/differences.ts";
import type { Dice } from "./dice.ts";

const noTasks = { value: () => seedWords(0) };

/** The scalars that a program differentiates: of each outer, then of each gradient. Undefined where no derivative is taken. */
export function scalarsOf(program: ExperimentProgram): readonly (DifferentiatedScalar | undefined)[] {
  return [
    ...program.outers.map((o) => scalarOf(o.step, o.name)),
    ...program.gradients.map((g) => scalarOf(g.fn, g.label)),
  ];
}

/** What a comparison with differences says. */
export type Slope =
  | { readonly kind: "held" | "corner" | "corner within" | "unsure" }
  | { readonly kind: "wrong"; readonly detail: string };

/** Compares a gradient with differences along one direction, with what the program says held; `within` is the part by which they may
 *  differ besides. */
export function compareSlope(
  scalar: DifferentiatedScalar,
  point: Point,
  dice: Dice,
  { held, within = 1e-5 }: { readonly held: Held; readonly within?: number },
): Slope {
  const at = gradientAt(referenceBackend, scalar, point);
  if (!Number.isFinite(at.value)) return { kind: "unsure" };
  const moves = new Map(scalar.leaves.map((name) => {
    const n = sizeOf(point.leaves.get(name)!.shape);
    return [name, Float64Array.from({ length: n }, () => (dice.chance(0.5) ? 1 : -1) * (0.3 + dice.real()))];
  }));
  let slope = 0;
  scalar.leaves.forEach((name, k) => moves.get(name)!.forEach((d, i) => slope += d * at.gradients[k]!.data[i]!));
  const executables = openExecutables(referenceBackend);
  const leavesAt = (s: number) => {
    const leaves = new Map(point.leaves);
    for (const [name, move] of moves) {
      const before = leaves.get(name)!;
      leaves.set(name, { ...before, data: Float64Array.from(before.data, (x, i) => x + s * move[i]!) });
    }
    return leaves;
  };
  // around the point, and around one beside it, values are held as they are there
  const around = (middle: number) => {
    const still = holding(scalar, { ...point, leaves: leavesAt(middle) }, held);
    return (s: number) => {
      const leaves = new Map([...still.point.leaves, ...leavesAt(middle + s)]);
      return executables.call(still.scalar.value, { ...point, leaves, step: 0, tasks: noTasks }).outputs[0]!.data[0]!;
    };
  };
  const f = around(0);
  try {
    const said = judgeSlope(f, slope, at.value, within);
    if (said.kind !== "wrong" || !Number.isFinite(slope) || !stands(scalar)) return said;
    // a loop within stands on a corner of its gradient, which has no second derivative there, or a factor where it jumps; a
    // step aside it does not
    const aside = 1e-7;
    const beside = [aside, -aside].map((s) => {
      const here = gradientAt(referenceBackend, scalar, { ...point, leaves: leavesAt(s) });
      const own = scalar.leaves.reduce((sum, name, k) => {
        moves.get(name)!.forEach((d, i) => sum += d * here.gradients[k]!.data[i]!);
        return sum;
      }, 0);
      const near = around(s);
      return judgeSlope(near, own, near(0), Math.max(within, 1e-5)).kind;
    });
    return beside.every((kind) => kind === "held") ? { kind: "corner within" } : said;
  } finally {
    executables.dispose();
  }
}

/** True where a value can be smooth beside a point and not there: a loop within goes down a gradient of its own, or a factor jumps
 *  there and back (`sign(x^2) x` at 0). */
function stands({ value: { fn } }: DifferentiatedScalar): boolean {
  const has = ({ equations }: IrFunction, within: boolean): boolean =>
    equations.some((e) => {
      const body = bodyOf(e);
      return jumps(e) || (within && e.op === "gradient") || (body !== undefined && has(body, true));
    });
  return has(fn, false);
}

/** True for a number that jumps: a sign, a floor, a comparison as 0 or 1. A `where` chooses between values, which may meet. */
const jumps = ({ op, inputs }: Equation): boolean =>
  op === "sign" || op === "floor" || (op === "convert" && inputs[0]!.dtype === "bool");

/** Steps of a first and of finer differences. */
const steps = [2e-3, 1e-5] as const;
const rows = 6;

function judgeSlope(f: (s: number) => number, slope: number, value: number, within: number): Slope {
  const size = 1 + Math.abs(value);
  // the slopes on the two sides differ by what curvature makes of a small step, or there is a corner
  const h = 1e-7;
  const [right, left] = [(f(h) - value) / h, (value - f(-h)) / h];
  if (!(Math.abs(right - left) <= 1e-5 * (size + Math.abs(right)))) return { kind: "corner" };
  let unsure = true;
  let detail = "";
  for (const first of steps) {
    const { value: difference, error } = derivative(f, 0, first, rows);
    if (!Number.isFinite(difference)) continue;
    // differences of values that are known to rounding only
    const known = Math.max(30 * error, within * Math.max(size, Math.abs(difference)));
    if (Math.abs(slope - difference) <= known) return { kind: "held" };
    if (known <= 1e-3 * Math.max(size, Math.abs(slope)) || !Number.isFinite(slope)) {
      unsure = false;
      detail = `${slope}, by differences ${difference} ± ${error.toExponential(0)}`;
    }
  }
  return unsure ? { kind: "unsure" } : { kind: "wrong", detail };
}
