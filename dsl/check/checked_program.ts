// What does a check leave? All that was found out about a program without mistakes, as data.
import type {
  Across,
  CheckedLoop,
  Elaboration,
  GivenSteps,
  LeafDeclaration,
  LoopPlan,
  MetaReference,
} from "../world/world.ts";
import type { EvaluateItem, Expression, GradientItem, OutputItem, ReportClause } from "../syntax/ast.ts";
import { expressionText } from "../format/expression_text.ts";
import type { Direction, Loop } from "../world/loop.ts";
import type { Better, Expectation, OuterProgram, RecordRequest } from "../../runtime/program/program.ts";
import type { Span } from "../text/source.ts";

export const text = (el: Elaboration, e: Expression) =>
  expressionText(el.modules.sources.get(e.span.source)?.text ?? "", e);

/** `unroll(window = 5)`. */
export function throughText(el: Elaboration, { through: { kind, args } }: Loop): string {
  return `${kind}(${[...args].map(([name, value]) => `${name} = ${text(el, value)}`).join(", ")})`;
}

/** `until train.loss < 0.01`, `keep best of valid`, `skip not finite`: what ends a loop earlier, what it gives back, and what it leaves
 *  out. */
export function endingTexts(el: Elaboration, { until, keep, skip }: Loop): string[] {
  const steps = (patience: Expression) => ` has not improved for ${text(el, patience)} steps`;
  return [
    ...until.map((u) => `until ${text(el, u.condition)}${u.patience ? steps(u.patience) : ""}`),
    ...(keep ? [`keep best of ${keep.of.name}`] : []),
    ...(skip ? ["skip not finite"] : []),
  ];
}

/** What ends an outer, and what it gives back. */
export type Stopping = Pick<OuterProgram, "until" | "keep">;

/** An `evaluate` item after its check. */
export interface CheckedEvaluation {
  readonly item: EvaluateItem;
  readonly across: Across | undefined;
  readonly steps: GivenSteps | undefined;
  readonly reports: readonly ReportClause[];
  /** Which of them says what is better. */
  readonly best: { readonly report: number; readonly better: Better } | undefined;
  readonly every: { readonly steps: number; readonly of: string } | undefined;
  /** Tasks where a report is not finite are left out of its mean. */
  readonly skips: boolean;
  readonly inners: ReadonlySet<Loop>;
  readonly runs: readonly CheckedLoop[];
}

/** An `output` item after its check. */
export interface CheckedOutput {
  readonly item: OutputItem;
  readonly across: Across | undefined;
  /** It asks for no tasks and no moment: where its loops run by themselves, it is of that run. */
  readonly plain: boolean;
  /** In what name it draws, where that is not its own: that of an item that runs its loops, too. */
  readonly drawsAs?: string | undefined;
  readonly inners: ReadonlySet<Loop>;
  readonly runs: readonly CheckedLoop[];
}

/** A trajectory that `record` asks for. */
export interface TrajectoryWish {
  readonly loop: Loop;
  /** `linear.w`, `fit.loss`. */
  readonly name: string;
  readonly leaf?: LeafDeclaration;
  readonly quantity?: "loss" | "gradient_norm";
  /** A hyperparameter at every step. */
  readonly rate?: string;
}

// --------------------------------------------------------------------------------------------------------- gradient

/** A `gradient` item after its check. */
export interface CheckedGradient {
  readonly item: GradientItem;
  readonly across: Across | undefined;
  readonly wrt: readonly MetaReference[];
  readonly expect: readonly Expectation[];
  readonly inners: ReadonlySet<Loop>;
  /** Those whose times can be recorded: none across tasks, none inside others, none in windows. */
  readonly outermost: ReadonlySet<Loop>;
  readonly direction: Direction;
  /** Every loop that was run for it, with the loop whose step ran it. */
  readonly runs: readonly CheckedLoop[];
}

/** A loop that nothing else runs, after its check. */
export interface CheckedSimulation {
  readonly loop: Loop;
  /** In what name it draws, where items run the loop and it is run once more for its end. */
  readonly drawsAs?: string | undefined;
  readonly runs: readonly CheckedLoop[];
  /** The outputs that are of this run. */
  readonly outputs: readonly CheckedOutput[];
}

/** An outer loop after its check. */
export interface CheckedOuter extends LoopPlan {
  readonly across: Across | undefined;
  /** What each rule learns. */
  readonly learned: readonly (readonly MetaReference[])[];
  /** The inner loops that its objective runs, those inside others too. */
  readonly inners: ReadonlySet<Loop>;
  /** Those that are not inside others: their times can be recorded. */
  readonly outermost: ReadonlySet<Loop>;
  /** Every loop that was run for it, with the loop whose step ran it. */
  readonly runs: readonly CheckedLoop[];
}

/** Everything that the checks found out about a program without mistakes. */
export interface CheckedProgram {
  readonly outers: readonly CheckedOuter[];
  readonly gradients: readonly CheckedGradient[];
  readonly evaluations: readonly CheckedEvaluation[];
  /** Those that are of no loop's own run. */
  readonly outputs: readonly CheckedOutput[];
  readonly simulations: readonly CheckedSimulation[];
  readonly records: CheckedRecords;
  /** What ends outers earlier, and what they give back. */
  readonly stopping: ReadonlyMap<Loop, Stopping>;
  /** The leaves that live as long as the run. */
  readonly persistent: readonly LeafDeclaration[];
  /** The loops that are run to find where these start. */
  readonly startRuns: readonly CheckedLoop[];
}

export interface CheckedRecords {
  readonly byOuter: ReadonlyMap<Loop, readonly RecordRequest[]>;
  readonly wishes: readonly (TrajectoryWish & RecordedTimes)[];
  /** The outers whose derivatives for every time are recorded. */
  readonly sensitivities: readonly (RecordedTimes & { readonly loop: Loop })[];
}

/** When and of which task the times of a loop are recorded, and where the program says so. */
export interface RecordedTimes {
  readonly every: number | undefined;
  readonly task: number;
  readonly at: Span;
}
