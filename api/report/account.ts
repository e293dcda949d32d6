// What does the account of a run hold? `summary.json`, as `runtime/record/summary.ts` writes it, with what earlier versions had not left open.
// What is not there is read as none.
import type { Json } from "../../runtime/record/metrics.ts";

/** A number, or the text that JSON has for one that is not finite. */
export type Figure = number | string | null;

/** `summary.json`. */
export interface Account {
  readonly outcome?: string;
  readonly failure?: string;
  readonly missing?: readonly string[];
  readonly backend?: string;
  readonly seed?: number;
  readonly precision?: string;
  readonly seconds?: number;
  readonly outers?: readonly OuterAccount[];
  readonly gradients?: readonly GradientAccount[];
  readonly evaluations?: readonly EvaluationAccount[];
  readonly outputs?: readonly ArrayAccount[];
  readonly simulations?: readonly SimulationAccount[];
  readonly recorded?: readonly {
    readonly name: string;
    readonly by: string;
    readonly count?: number;
    readonly shape: readonly number[];
  }[];
  readonly plans?: readonly PlanAccount[];
  readonly parameters?: readonly ArrayAccount[];
}

/** An outer loop. */
export interface OuterAccount {
  readonly name: string;
  readonly steps: number;
  readonly done: number;
  readonly firstLoss?: Figure;
  readonly lastLoss?: Figure;
  readonly seconds?: number;
  readonly curve?: CurveAccount;
  readonly until?: { readonly until: string; readonly value: Figure };
  readonly kept?: { readonly evaluation: string; readonly step: number; readonly value: Figure };
  readonly leftOut?: { readonly tasks: number; readonly steps: number };
  readonly implicit?: readonly ImplicitAccount[];
}

/** A loop that was differentiated implicitly, the last time. */
export interface ImplicitAccount {
  readonly loop: string;
  /** What is 0 at a solution: its gradient, or what one more step changes. */
  readonly equation?: string;
  readonly residual?: Figure;
  readonly startNorm?: Figure;
  readonly gradientNorm?: Figure;
  readonly arrived?: boolean;
  /** Meta-steps in which it had not arrived. */
  readonly missed?: number;
}

/** What its meta-steps said. */
export interface CurveAccount {
  readonly metaSteps: readonly number[];
  readonly losses: readonly Figure[];
  readonly gradientNorms: readonly Figure[];
  /** Where not every meta-step is among them, the means over each `every` of them. */
  readonly means?: {
    readonly every: number;
    readonly losses: readonly Figure[];
    readonly gradientNorms: readonly Figure[];
  };
}

/** A `gradient` item. */
export interface GradientAccount {
  readonly label: string;
  readonly after?: string;
  readonly value: Figure;
  readonly implicit?: readonly ImplicitAccount[];
  readonly wrt?: readonly {
    readonly label: string;
    readonly leaves: readonly {
      readonly name: string;
      readonly shape: readonly number[];
      /** A number, a flat list, or null where there are many: then it has what follows. */
      readonly gradient: Json;
      readonly norm?: Figure;
      readonly least?: Figure;
      readonly largest?: Figure;
    }[];
  }[];
  readonly expectations?: readonly {
    readonly label: string;
    readonly expected: readonly Figure[];
    readonly actual: readonly Figure[];
    readonly within: number;
    readonly difference: Figure;
    readonly met: boolean;
  }[];
}

/** An evaluation, at one moment. */
export interface EvaluationAccount {
  readonly name: string;
  readonly tasks: number;
  readonly during?: { readonly outer: string; readonly step: number };
  readonly reports: readonly { readonly label: string; readonly points: readonly PointAccount[] }[];
}

/** A report at one time. */
export interface PointAccount {
  readonly time: number | null;
  readonly mean: Figure;
  readonly median?: Figure;
  readonly interval: readonly [Figure, Figure] | null;
  readonly nonFinite?: number;
}

/** A loop that ran by itself. */
export interface SimulationAccount {
  readonly loop: string;
  readonly losses: readonly Figure[];
  readonly every?: number;
  readonly steps?: number;
  readonly last?: Figure;
  readonly taken?: number;
}

/** A learned value or an output. */
export interface ArrayAccount {
  readonly name: string;
  readonly of?: string;
  readonly dtype?: string;
  readonly shape: readonly number[];
  readonly perStep?: boolean;
  readonly value: Json;
  /** Of an output: the outer after which it was made, its tasks, its entries that are not finite, its file. */
  readonly after?: string;
  readonly tasks?: number;
  readonly nonFinite?: number;
  readonly file?: string;
}

/** What a function kept. */
export interface PlanAccount {
  readonly name: string;
  readonly plan: string;
  readonly bytes: number;
  readonly flops: number;
  readonly keepAll?: { readonly bytes: number; readonly flops: number };
}

/** The number: NaN where there is none. */
export const figure = (value: Figure | undefined): number =>
  value === null || value === undefined ? NaN : Number(value);

/** Numbers of a list. */
export const figures = (values: readonly Figure[]): Float64Array => Float64Array.from(values, figure);

/** The numbers of an array as JSON has it: one, or a flat list; undefined where it has none. */
export function entriesOf(value: Json | undefined): Float64Array | undefined {
  if (value === null || value === undefined) return undefined;
  return Array.isArray(value) ? figures(value as Figure[]) : Float64Array.of(figure(value as Figure));
}
