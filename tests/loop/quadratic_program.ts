// A whole experiment made by hand, with every answer known in closed form: the inner loop `fit` minimizes
// (w − c)² / 2 by T steps of gradient descent, so w@T = c + (1 − lr)^T (w@0 − c); the outer `train` moves w@0 by plain
// gradient descent on (w@T − goal)².
import { type Builder, buildFunction } from "../../runtime/ir/builder.ts";
import type { ArrayType, HostArray, Variable } from "../../runtime/ir/types.ts";
import type {
  EvaluationProgram,
  ExperimentProgram,
  GradientProgram,
  InputSlot,
  OuterProgram,
  ProgramFunction,
  SimulationProgram,
} from "../../runtime/program/program.ts";

export const scalar: ArrayType = { dtype: "f64", shape: [] };
export const origin = { source: "quadratic.meta", start: 0, end: 9 };

export interface QuadraticSettings {
  readonly w0: number;
  readonly lr: number;
  readonly c: number;
  readonly goal: number;
  /** Inner steps. */
  readonly T: number;
  /** Meta-steps. */
  readonly steps: number;
  readonly outerRate: number;
}

export const settings: QuadraticSettings = { w0: 2, lr: 0.25, c: 1, goal: 0, T: 3, steps: 8, outerRate: 0.5 };

const leaf = (name: string): InputSlot => ({ kind: "leaf", name });

/** w@0 … w@T stacked, and the losses before each step. */
function unroll(b: Builder, w0: Variable, lr: Variable, s: QuadraticSettings): { w: Variable; losses: Variable } {
  const scan = b.openScan("fit", s.T);
  const w = scan.carry(w0);
  const error = scan.body.apply("sub", w, scan.body.fill(s.c, scalar));
  const loss = scan.body.apply("mul", scan.body.fill(0.5, scalar), scan.body.apply("mul", error, error));
  const next = scan.body.apply("sub", w, scan.body.apply("mul", lr, error));
  const { outputs } = scan.close([next], [next, loss]);
  const first = b.reshape(w0, [1]);
  return { w: b.one("concat", [first, outputs[0]!], { axis: 0 }), losses: outputs[1]! };
}

function objective(b: Builder, w: Variable, s: QuadraticSettings): Variable {
  const last = b.reshape(b.one("slice", [w], { start: [s.T], limit: [s.T + 1], stride: [1] }), []);
  const error = b.apply("sub", last, b.fill(s.goal, scalar));
  return b.apply("mul", error, error);
}

/** (w@0, lr) → objective, its two gradients, the trajectory. */
function gradientOfObjective(b: Builder, w0: Variable, lr: Variable, s: QuadraticSettings) {
  const scope = b.openGradient("objective");
  const [w, rate] = [scope.wrt(w0), scope.wrt(lr)];
  const trajectory = unroll(scope.body, w, rate, s).w;
  const { outputs, gradients } = scope.close([objective(scope.body, trajectory, s), trajectory]);
  return { value: outputs[0]!, trajectory: outputs[1]!, gradients };
}

export const trajectory = (s: QuadraticSettings) => ({
  name: "net.w",
  loop: "fit",
  type: { dtype: "f64" as const, shape: [s.T + 1] },
});

export function outerProgram(s: QuadraticSettings, extra: Partial<OuterProgram> = {}): OuterProgram {
  const step = buildFunction("train_step", [scalar, scalar, scalar], (b, [w0, lr, velocity]) => {
    const { value, gradients } = gradientOfObjective(b, w0!, lr!, s);
    const g = gradients[0]!;
    const moved = b.apply("sub", w0!, b.apply("mul", b.fill(s.outerRate, scalar), g));
    return [value, b.apply("abs", g), moved, b.apply("add", velocity!, b.fill(1, scalar))];
  });
  const diagnose = buildFunction("diagnose", [scalar, scalar], (b, [w0, lr]) => {
    const { w, losses } = unroll(b, w0!, lr!, s);
    return [w, losses];
  });
  return {
    name: "train",
    origin,
    steps: s.steps,
    over: ["net.w"],
    states: [{ name: "count", type: scalar }],
    warm: [],
    initialStates: { fn: buildFunction("states", [], (b) => [b.fill(0, scalar)]), inputs: [] },
    step: { fn: step, inputs: [leaf("net.w"), leaf("fit.lr"), { kind: "state", name: "count" }] },
    until: [],
    records: [],
    diagnose: () => ({
      fn: { fn: diagnose, inputs: [leaf("net.w"), leaf("fit.lr")] },
      quantities: [
        { loop: "fit", quantity: "net.w", tasks: false, origin: { ...origin, start: 3 } },
        { loop: "fit", quantity: "loss", tasks: false, origin },
      ],
    }),
    ...extra,
  };
}

export function gradientProgram(s: QuadraticSettings, extra: Partial<GradientProgram> = {}): GradientProgram {
  const fn = buildFunction("gradient", [scalar, scalar], (b, [w0, lr]) => {
    const { value, trajectory, gradients } = gradientOfObjective(b, w0!, lr!, s);
    return [value, ...gradients, trajectory];
  });
  return {
    label: "(net.w@T - goal)^2",
    origin,
    wrt: [{ label: "net.w@0", leaves: ["net.w"] }, { label: "fit.lr", leaves: ["fit.lr"] }],
    fn: { fn, inputs: [leaf("net.w"), leaf("fit.lr")] },
    trajectories: [trajectory(s)],
    expect: [],
    ...extra,
  };
}

/** Reports w@t of three "tasks", which start at w@0, w@0 + 1 and w@0 + 2. */
export function evaluationProgram(s: QuadraticSettings, extra: Partial<EvaluationProgram> = {}): EvaluationProgram {
  const fn = buildFunction("test", [scalar, scalar], (b, [w0, lr]) => {
    const rows = [0, 1, 2].map((shift) =>
      b.reshape(unroll(b, b.apply("add", w0!, b.fill(shift, scalar)), lr!, s).w, [1, s.T + 1])
    );
    return [b.one("concat", rows, { axis: 0 })];
  });
  return {
    name: "test",
    origin,
    tasks: 3,
    fn: { fn, inputs: [leaf("net.w"), leaf("fit.lr")] },
    reports: [{ label: "net.w@t", times: Array.from({ length: s.T + 1 }, (_, t) => t) }],
    ...extra,
  };
}

export function simulationProgram(s: QuadraticSettings): SimulationProgram {
  const fn = buildFunction("simulate", [scalar, scalar], (b, [w0, lr]) => {
    const { w, losses } = unroll(b, w0!, lr!, s);
    return [losses, w];
  });
  return {
    loop: "fit",
    origin,
    steps: s.T,
    fn: { fn, inputs: [leaf("net.w"), leaf("fit.lr")] },
    trajectories: [trajectory(s)],
    outputs: [],
    ends: [],
  };
}

export function trajectoryFunction(s: QuadraticSettings): ProgramFunction {
  const fn = buildFunction("trajectories", [scalar, scalar], (b, [w0, lr]) => [unroll(b, w0!, lr!, s).w]);
  return { fn, inputs: [leaf("net.w"), leaf("fit.lr")] };
}

export function quadraticProgram(
  s: QuadraticSettings,
  parts: Partial<ExperimentProgram> = {},
): ExperimentProgram {
  const initial = buildFunction("initial", [], (b) => [b.fill(s.w0, scalar), b.fill(s.lr, scalar)]);
  return {
    source: "quadratic.meta",
    precision: "f64",
    data: new Map<string, HostArray>(),
    leaves: [
      { name: "net.w", type: scalar, dims: [], origin },
      { name: "fit.lr", type: scalar, dims: [], origin },
    ],
    initial: { fn: initial, inputs: [] },
    outers: [],
    standing: [],
    gradients: [],
    evaluations: [],
    outputs: [],
    simulations: [],
    ...parts,
  };
}

/** w@t from w@0, in closed form. */
export function wAt(t: number, w0: number, s: QuadraticSettings): number {
  return s.c + (1 - s.lr) ** t * (w0 - s.c);
}

/** Objective and its derivatives with respect to w@0 and lr, in closed form. */
export function closedForm(w0: number, s: QuadraticSettings): { value: number; w0: number; lr: number } {
  const error = wAt(s.T, w0, s) - s.goal;
  return {
    value: error ** 2,
    w0: 2 * error * (1 - s.lr) ** s.T,
    lr: -2 * error * s.T * (1 - s.lr) ** (s.T - 1) * (w0 - s.c),
  };
}
