// How does a text become the same program in the one style? Used by `format` and by the verb `fmt`.
import { type Diagnostic, DiagnosticSink } from "../dsl/diagnostics/diagnostic.ts";
import { formatProgram } from "../dsl/format/format.ts";
import { parseProgram } from "../dsl/parse/parse.ts";
import type { SourceText } from "../dsl/text/source.ts";
import { type Limits, usualLimits } from "../runtime/limits.ts";

/** The formatted text; without one, what is wrong with the syntax. */
export interface FormattedText {
  readonly text?: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** Formats a program. Never throws for what is wrong with it. */
export function formatText(source: SourceText, limits: Limits = usualLimits): FormattedText {
  const parsed = parseProgram(source, limits);
  const sink = new DiagnosticSink(limits);
  for (const draft of parsed.diagnostics) sink.report(draft);
  const { diagnostics } = sink;
  return sink.hasErrors ? { diagnostics } : { diagnostics, text: formatProgram(parsed.program, source) };
}
