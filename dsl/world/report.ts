// How is a mistake reported that is found in the middle of an evaluation? At the place that a reader of the program would look
// at. Also: everything empty, before a program is read.
import { usualLimits } from "../../runtime/limits.ts";
import { type DiagnosticDraft, DiagnosticSink, type Label } from "../diagnostics/diagnostic.ts";
import { codeRow } from "../diagnostics/codes.ts";
import { isLibrary, type Span } from "../text/source.ts";
import type { Loop } from "./loop.ts";
import type { Module } from "../modules/modules.ts";
import type { Context, Elaboration, Frame, Scope, World } from "./world.ts";
import type { ErrorValue } from "./value_kinds.ts";
import { errorValue, formatDims } from "./values.ts";
import { type Path, pathText } from "../syntax/paths.ts";
import type { Expression } from "../syntax/ast.ts";
import { onOneLine } from "../text/words.ts";

/** Everything empty, before a program is read. */
export function newElaboration(
  given:
    & Pick<Elaboration, "modules" | "sink" | "precision" | "evaluator" | "inputs">
    & Partial<Pick<Elaboration, "hostTasks" | "instance" | "limits" | "seed">>,
): Elaboration {
  return {
    hostTasks: new Set(),
    instance: {},
    limits: usualLimits,
    seed: 0,
    ...given,
    loops: new Map(),
    data: new Map(),
    starts: [],
    parts: new Map(),
    computed: new Set(),
    dataRanges: new Map(),
    classTables: new Map(),
    recordedRates: new Set(),
    ...newPass(),
  };
}

/** The same program with nothing gone through yet, and mistakes that go elsewhere; `valued` notes which expressions had a value. */
export function elaborationApart(
  el: Elaboration,
  sink: DiagnosticSink,
): Elaboration & { readonly valued: Set<string> } {
  const pass = newPass();
  const valued = new Set<string>();
  return { ...el, ...pass, sink, work: { ...pass.work, valued }, valued };
}

/** What changes while a program is gone through. */
function newPass() {
  return {
    instances: new Map(),
    leaves: new Map(),
    busy: new Set(),
    entered: new Set(),
    halfway: new Set(),
    asked: new Map(),
    called: new Set(),
    rules: new Map(),
    over: new Map(),
    distributions: new Map(),
    startsRead: new Set(),
    said: new Set(),
    work: { depth: 0, evaluations: 0, unshaped: 0, dataBytes: 0, uncalled: 0 },
    unshaped: new Map(),
    waiting: new Map(),
    counted: new Map(),
    numbered: new Map(),
  } satisfies Partial<Elaboration>;
}

/** The same elaboration for what is tried: nobody hears what it reports. */
export function unheard(el: Elaboration): Elaboration {
  return {
    ...el,
    sink: new DiagnosticSink(el.limits, { after: true }),
    said: new Set(el.said),
    unshaped: new Map(el.unshaped),
  };
}

/** Says that a parameter has no shape yet. The last one stands last. */
export function needShape(el: Pick<Elaboration, "unshaped" | "work">, path: Path, span: Span): void {
  const name = pathText(path);
  el.work.unshaped++;
  el.unshaped.delete(name);
  el.unshaped.set(name, { path, span });
}

/** The outermost scope of a file. */
export function moduleScope(module: Module): Scope {
  return { module, parent: undefined, locals: new Map() };
}

/** Reports a mistake and gives the error value. What goes wrong inside the standard library is shown at the call in the
 *  user's own text; a mistake in a shape inside a called body also shows the calls that led there, with what they passed. */
export function fail(cx: Pick<Context, "elaboration" | "frames">, draft: DiagnosticDraft): ErrorValue {
  const shapes = codeRow(draft.code).shows === "shapes";
  const own = cx.frames.filter((f) => !isLibrary(f.span.source));
  // what goes wrong in the library is shown at the call that led there
  const call = isLibrary(draft.at.source) ? own[0] : undefined;
  const placed = call
    ? {
      ...draft,
      at: call.span,
      label: call.message ?? "",
      notes: [...(draft.notes ?? []), `This happens in \`${cx.frames[0]!.callee}\` of the standard library`],
    }
    : draft;
  const isHere = ({ span }: Frame) => span.source === draft.at.source && span.start === draft.at.start;
  const secondary = [
    ...(shapes && call && !call.silent ? passedLabels(call) : []),
    ...(draft.secondary ?? []).filter((l) => !isLibrary(l.span.source)),
    ...(shapes ? callLabels(own.filter((f) => f !== call && !isHere(f))) : []),
  ];
  cx.elaboration.sink.report({ ...placed, secondary: withoutRepeats(secondary) });
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

/** True the first time that something is to be complained about. */
export function firstTime(el: Pick<Elaboration, "said">, about: unknown): boolean {
  if (el.said.has(about)) return false;
  el.said.add(about);
  return true;
}

/** A context that sees the names of a loop's file, or of another's, and no call. */
export function insideLoop(cx: Context, { module }: Pick<Loop, "module">): Context {
  return { ...cx, scope: moduleScope(module), frames: [], batch: undefined };
}

/** The top of a file, in a world. */
export function topOf({ elaboration }: Pick<Context, "elaboration">, world: World, module: Module): Context {
  return { elaboration, world, b: world.b, scope: moduleScope(module), frames: [] };
}

/** The text of an expression as written, on one line. */
export function sourceText(el: Elaboration, expression: Expression): string {
  const text = el.modules.sources.get(expression.span.source)?.text ?? "";
  return onOneLine(text.slice(expression.span.start, expression.span.end));
}
