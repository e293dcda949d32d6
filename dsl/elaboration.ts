// What is known of a program while it is checked and lowered? The tables that all analyses share, and how a mistake found in
// the middle of an evaluation is reported: at the place that a reader of the program would look at.
import { type Limits, usualLimits } from "../runtime/limits.ts";
import type { DType } from "../runtime/ir/types.ts";
import type { DiagnosticDraft, DiagnosticSink, Label } from "./diagnostic.ts";
import type { HostArray } from "../runtime/ir/types.ts";
import type { IntRange } from "../runtime/ir/ranges.ts";
import type { Span } from "./source.ts";
import type { Instance } from "./instance.ts";
import type { Direction } from "./directions.ts";
import type { Loop } from "./loops.ts";
import type { Module, ModuleSet } from "./modules.ts";
import type { InstanceNode } from "./models.ts";
import type { LeafDeclaration } from "./leaves.ts";
import type { Context, Evaluator, Frame, Scope } from "./world.ts";
import { type ErrorValue, errorValue, formatDims, type StaticValue } from "./values.ts";

/** The arithmetic of an experiment. */
export type Precision = DType & ("f32" | "f64");

export interface Elaboration {
  readonly modules: ModuleSet;
  readonly sink: DiagnosticSink;
  readonly precision: Precision;
  /** How expressions are evaluated and loops are run. */
  readonly evaluator: Evaluator;
  /** What differs from the program as written. */
  readonly instance: Instance;
  readonly limits: Limits;
  /** Values of `input`s, by module name and input name joined with a newline. */
  readonly inputs: ReadonlyMap<string, StaticValue>;
  readonly loops: Map<string, Loop>;
  /** How outers that other loops run are differentiated. */
  readonly directions: Map<Loop, Direction>;
  /** Top-level models by path. */
  readonly instances: Map<string, InstanceNode>;
  /** Every parameter tensor and hyperparameter seen so far, by name. */
  readonly leaves: Map<string, LeafDeclaration>;
  /** Loaded tables, by `name.field`. */
  readonly data: Map<string, HostArray>;
  /** What is known of their integers, and where each stands. */
  readonly dataRanges: Map<string, IntRange>;
  /** Names of the tasks whose fields without values a host function gives. */
  readonly hostTasks: ReadonlySet<string>;
  /** Names of the hyperparameters whose values at every step are recorded. */
  readonly recordedRates: Set<string>;
  /** Definitions being evaluated, to find those that depend on themselves. */
  readonly busy: Set<object>;
  /** Loops that were gone through in this round of the check, whether to their end or not. */
  readonly entered: Set<Loop>;
  /** Models that some call went into. */
  readonly called: Set<object>;
  /** Things that were complained about once, so that the same is not said of every use. */
  readonly said: Set<unknown>;
  /** How far the evaluation of expressions has gone, to stop what would not end, and where it is in the program's own files;
   *  how often a parameter without a shape was met; bytes of data that were read; the places of expressions that had a value, where it is asked; whether products
   *  with a number that is 0 are written as they are. */
  readonly work: {
    depth: number;
    evaluations: number;
    unshaped: number;
    dataBytes: number;
    at?: Span | undefined;
    readonly valued?: Set<string>;
    writesZeros?: boolean;
  };
  /** Parameters that were asked for before a call shaped them, with the places: the check is run once more. */
  readonly unshaped: Map<string, Span>;
  /** Calls that could not be gone into, by the model that they would have shaped: the parameter that an argument needs first. */
  readonly waiting: Map<string, { readonly name: string; readonly span: Span }>;
}

/** Everything empty, before a program is read. */
export function newElaboration(
  given:
    & Pick<Elaboration, "modules" | "sink" | "precision" | "evaluator" | "inputs">
    & Partial<Pick<Elaboration, "hostTasks" | "instance" | "limits">>,
): Elaboration {
  return {
    hostTasks: new Set(),
    instance: {},
    limits: usualLimits,
    ...given,
    loops: new Map(),
    directions: new Map(),
    instances: new Map(),
    leaves: new Map(),
    data: new Map(),
    dataRanges: new Map(),
    recordedRates: new Set(),
    busy: new Set(),
    entered: new Set(),
    called: new Set(),
    said: new Set(),
    work: { depth: 0, evaluations: 0, unshaped: 0, dataBytes: 0 },
    unshaped: new Map(),
    waiting: new Map(),
  };
}

/** Says that a parameter has no shape yet. The last one stands last. */
export function needShape(el: Pick<Elaboration, "unshaped" | "work">, name: string, span: Span): void {
  el.work.unshaped++;
  el.unshaped.delete(name);
  el.unshaped.set(name, span);
}

/** The outermost scope of a file. */
export function moduleScope(module: Module): Scope {
  return { module, parent: undefined, locals: new Map() };
}

/** Reports a mistake and gives the error value. What goes wrong inside the standard library is shown at the call in the
 *  user's own text; a mistake in a shape inside a called body also shows the calls that led there, with what they passed. */
export function fail(cx: Pick<Context, "elaboration" | "frames">, draft: DiagnosticDraft): ErrorValue {
  const { frames } = cx;
  const shapes = draft.code.startsWith("M03");
  const own = frames.filter((f) => !isLibrary(f.span.source));
  let placed = draft;
  if (isLibrary(draft.at.source)) {
    const call = own[0];
    if (call) {
      const secondary = (draft.secondary ?? []).filter((l) => !isLibrary(l.span.source));
      placed = {
        ...draft,
        at: call.span,
        label: call.message ?? "",
        secondary: [
          ...(shapes && !call.silent ? passedLabels(call) : []),
          ...secondary,
          ...(shapes ? callLabels(own.slice(1)) : []),
        ],
        notes: [...(draft.notes ?? []), `This happens in \`${frames[0]!.callee}\` of the standard library`],
      };
    }
  } else {
    const secondary = (draft.secondary ?? []).filter((l) => !isLibrary(l.span.source));
    const around = shapes
      ? own.filter((f) => f.span.source !== draft.at.source || f.span.start !== draft.at.start)
      : [];
    placed = { ...draft, secondary: [...secondary, ...callLabels(around)] };
  }
  cx.elaboration.sink.report({ ...placed, secondary: withoutRepeats(placed.secondary ?? []) });
  return errorValue;
}

/** The place in the user's own text that a mistake at a place is shown at. */
export function userPlace({ frames }: Pick<Context, "frames">, at: Span): Span {
  return isLibrary(at.source) ? frames.find((f) => !isLibrary(f.span.source))?.span ?? at : at;
}

/** The calls that led to a place, innermost first, each with the shapes of its arguments. */
function callLabels(frames: readonly Frame[]): Label[] {
  return frames.filter((f) => !f.silent).slice(0, 3).flatMap((f) => [
    { span: f.span, message: f.message ?? `in this call of \`${f.callee}\`` },
    ...passedLabels(f),
  ]);
}

/** The shape under each argument of a call. */
function passedLabels(frame: Frame): Label[] {
  return (frame.args ?? []).flatMap(({ value, span }) =>
    value.kind === "tensor" && !isLibrary(span.source) ? [{ span, message: formatDims(value.dims) }] : []
  );
}

function withoutRepeats(labels: readonly Label[]): Label[] {
  const seen = new Set<string>();
  return labels.filter(({ span, message }) => {
    const key = `${span.source} ${span.start} ${span.end} ${message}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}

/** True for a file of the standard library. */
export function isLibrary(source: string): boolean {
  return source.startsWith("std/");
}

/** True the first time that something is to be complained about. */
export function firstTime(el: Pick<Elaboration, "said">, about: unknown): boolean {
  if (el.said.has(about)) return false;
  el.said.add(about);
  return true;
}
