// How are diagnostics and failures shown on the command line? As text on standard error, or as objects with `--json`.
import type { Diagnostic } from "../dsl/diagnostics/diagnostic.ts";
import { diagnosticToJson, placeToJson, renderDiagnostics, renderProblem } from "../dsl/diagnostics/render.ts";
import type { SourceText } from "../dsl/text/source.ts";
import { asOwnError, InternalError, MetaRuntimeError, UseError } from "../runtime/errors.ts";
import { FileAccessError, isDiskFailure } from "../runtime/record/files.ts";
import type { Console } from "./console.ts";
import { exitCodes } from "./exit_codes.ts";

type Sources = ReadonlyMap<string, SourceText>;

/** Shows what the front end found; true when there is an error among it. */
export function showDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: Sources,
  to: { readonly console: Console; readonly json: boolean },
): boolean {
  const { console, json } = to;
  const errors = diagnostics.filter((d) => d.severity === "error").length;
  if (json) {
    for (const d of diagnostics) {
      console.out(`${JSON.stringify({ kind: "diagnostic", ...diagnosticToJson(d, sources) })}\n`);
    }
  } else if (diagnostics.length > 0) {
    const text = renderDiagnostics(diagnostics, sources, looksOf(console));
    sayProblem(`${text}\n\n${counted(errors, diagnostics.length - errors)}\n`, console);
  }
  return errors > 0;
}

/** How problems look: on a terminal their titles are broken between words. */
const looksOf = (console: Console) => ({
  color: console.errColor,
  ...(console.errTerminal ? { width: console.width() } : {}),
});

function counted(errors: number, warnings: number): string {
  const parts = [[errors, "error"], [warnings, "warning"]] as const;
  return parts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}${n === 1 ? "" : "s"}`).join(", ");
}

/** Shows an error that is no diagnostic, with its place in the source if it has one. */
export function showError(
  error: Error,
  sources: Sources,
  to: { readonly console: Console; readonly json: boolean },
): void {
  const { console, json } = to;
  const origin = error instanceof MetaRuntimeError ? error.origin : undefined;
  if (json) {
    const place = origin ? placeToJson(origin, sources) : {};
    console.out(`${JSON.stringify({ kind: "error", message: error.message, ...place })}\n`);
    return;
  }
  const problem = { severity: "error" as const, title: error.message };
  const shown = origin ? { ...problem, primary: { span: origin, message: "" } } : problem;
  sayProblem(`${renderProblem(shown, sources, looksOf(console))}\n`, console);
}

/** Shows what a verb threw; the exit code. */
export function showThrown(error: unknown, to: { readonly console: Console; readonly json: boolean }): number {
  const own = error instanceof FileAccessError ? error : asOwnError(error);
  showError(own, new Map(), to);
  if (own instanceof FileAccessError && isDiskFailure(own)) return exitCodes.runFailed;
  // what the user can cure: files, permissions, names of backends
  if (own instanceof FileAccessError || own instanceof UseError) return exitCodes.wrongUse;
  if (own instanceof InternalError) sayProblem(`${own.stack}\n`, to.console);
  return exitCodes.runFailed;
}

/** Says on standard error why something is not what was asked for; where that takes nothing, among the results. */
export function sayProblem(text: string, console: Console): void {
  console.err(text);
  if (console.broken("err")) console.out(text);
}

/** Says of a stream that took nothing on the other one; false where results are missing. */
export function sayWhatIsUnsaid({ console, json }: { readonly console: Console; readonly json: boolean }): boolean {
  const [out, err] = [console.broken("out"), console.broken("err")];
  if (out) console.err(`error: ${out.message}: not all results were printed\n`);
  else if (err) {
    const message = `${err.message}: not all progress and warnings were shown`;
    console.out(json ? `${JSON.stringify({ kind: "warning", message })}\n` : `warning: ${message}\n`);
  }
  return out === undefined;
}
