// What is known of a program while it is checked and lowered? The tables that all analyses share.
import type { DType } from "../runtime/ir/types.ts";
import type { DiagnosticDraft, DiagnosticSink } from "./diagnostic.ts";
import type { HostArray } from "../runtime/ir/types.ts";
import type { Span } from "./source.ts";
import type { Loop } from "./loops.ts";
import type { Module, ModuleSet } from "./modules.ts";
import type { InstanceNode, LeafDeclaration } from "./models.ts";
import type { Context, Scope } from "./world.ts";
import { type ErrorValue, errorValue, type StaticValue } from "./values.ts";

/** The arithmetic of an experiment. */
export type Precision = DType & ("f32" | "f64");

export interface Elaboration {
  readonly modules: ModuleSet;
  readonly sink: DiagnosticSink;
  readonly precision: Precision;
  /** Values of `input`s, by module name and input name joined with a newline. */
  readonly inputs: ReadonlyMap<string, StaticValue>;
  readonly loops: Map<string, Loop>;
  /** Top-level models by path. */
  readonly instances: Map<string, InstanceNode>;
  /** Every parameter tensor and hyperparameter seen so far, by name. */
  readonly leaves: Map<string, LeafDeclaration>;
  /** Loaded tables, by `name.field`. */
  readonly data: Map<string, HostArray>;
  /** Definitions being evaluated, to find those that depend on themselves. */
  readonly busy: Set<object>;
  /** Parameters that were asked for before a call shaped them, with the places: the check is run once more. */
  readonly unshaped: Map<string, Span>;
}

/** The outermost scope of a file. */
export function moduleScope(module: Module): Scope {
  return { module, parent: undefined, locals: new Map() };
}

/** Reports a mistake and gives the error value. What goes wrong inside the standard library is shown at the call in the
 *  user's own text; a mistake in a shape inside a called body also shows the call. */
export function fail(cx: Pick<Context, "elaboration" | "frames">, draft: DiagnosticDraft): ErrorValue {
  const { frames } = cx;
  let placed = draft;
  if (isLibrary(draft.at.source)) {
    const call = frames.find((f) => !isLibrary(f.span.source));
    if (call) {
      placed = {
        ...draft,
        at: call.span,
        secondary: (draft.secondary ?? []).filter((l) => !isLibrary(l.span.source)),
        notes: [...(draft.notes ?? []), `This happens in \`${call.callee}\` of the standard library`],
      };
    }
  } else if (draft.code.startsWith("M03") && frames[0] && !isLibrary(frames[0].span.source)) {
    const span = frames[0].span;
    if (span.source !== draft.at.source || span.start !== draft.at.start) {
      placed = {
        ...draft,
        secondary: [...(draft.secondary ?? []), { span, message: `in this call of \`${frames[0].callee}\`` }],
      };
    }
  }
  cx.elaboration.sink.report(placed);
  return errorValue;
}

function isLibrary(source: string): boolean {
  return source.startsWith("std/");
}
