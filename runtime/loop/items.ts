// What does a run compute, item by item, and in which order? Gradients with the declared values, each outer with what goes on from it, and
// what needs the values at the end.
import type {
  EvaluationProgram,
  ExperimentProgram,
  GradientProgram,
  OuterProgram,
  OutputProgram,
  SimulationProgram,
} from "../program/program.ts";

/** One item of a run. */
export type RunItem =
  | { readonly kind: "gradient"; readonly item: GradientProgram }
  | { readonly kind: "outer"; readonly item: OuterProgram }
  | { readonly kind: "evaluation"; readonly item: EvaluationProgram }
  | { readonly kind: "output"; readonly item: OutputProgram }
  | { readonly kind: "simulation"; readonly item: SimulationProgram };

/** The items in the order in which a run comes to them. */
export function itemsOf(program: ExperimentProgram): readonly RunItem[] {
  const of = <K extends RunItem["kind"], T>(kind: K, items: readonly T[]) => items.map((item) => ({ kind, item }));
  const after = (name: string | undefined) => ({
    gradients: of("gradient", program.gradients.filter((g) => g.after === name)),
    evaluations: of("evaluation", program.evaluations.filter((e) => e.after === name)),
    outputs: of("output", program.outputs.filter((o) => o.after === name)),
  });
  const { gradients, evaluations, outputs } = after(undefined);
  return [
    ...gradients,
    ...program.outers.flatMap((outer) => {
      const { gradients, evaluations, outputs } = after(outer.name);
      return [{ kind: "outer", item: outer } as const, ...gradients, ...evaluations, ...outputs];
    }),
    ...evaluations,
    ...outputs,
    ...of("simulation", program.simulations),
  ];
}
