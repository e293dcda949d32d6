// What is known of a place where the parser failed? Made by `syntax_errors.ts`, put into words by `syntax_messages.ts`.
import type { DiagnosticDraft } from "../../diagnostics/diagnostic.ts";
import type { SourceText, Span } from "../../text/source.ts";
import type { IToken } from "../tokens/chevrotain.ts";

/** What a message says; the code is added by `describeFailure`. */
export type Description = Omit<DiagnosticDraft, "code">;

/** One failure of the parser, made readable. */
export interface Failure {
  readonly source: SourceText;
  /** The rule that failed, and the rules around it, outermost first. */
  readonly rule: string;
  readonly around: readonly string[];
  /** The token that was wanted, if only one was. */
  readonly wanted: string | undefined;
  /** Names of all tokens that could have stood here. */
  readonly expected: readonly string[];
  /** All tokens, the index of the one that was found, which is past the end at the end of the text. */
  readonly tokens: readonly IToken[];
  readonly index: number;
  /** Opening brackets that are open here, outermost first, as indices. */
  readonly open: readonly number[];
}

/** Where a token of the text stands. */
export function spanOf(source: SourceText, token: IToken): Span {
  return { source: source.name, start: token.startOffset, end: token.endOffset! + 1 };
}
