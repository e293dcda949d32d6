// What is said when the parser fails? Chevrotain's exceptions -> diagnostics in the language's own words, one for each
// mistake: what recovery stumbles over afterwards is not repeated. The words are in `syntax_messages.ts`.
import type { DiagnosticDraft } from "../../diagnostics/diagnostic.ts";
import { type Grammar, optionalBefore } from "../grammar/grammar_lookup.ts";
import { keywordOf } from "../../syntax/keywords.ts";
import { decodeExpectation } from "../grammar/parser_messages.ts";
import type { SourceText } from "../../text/source.ts";
import type { Failure } from "./syntax_failure.ts";
import { describeFailure } from "./syntax_messages.ts";
import * as t from "../tokens/tokens.ts";
import { EOF, type IRecognitionException, type IToken } from "../tokens/chevrotain.ts";

/** Tokens that must be read well after a mistake, besides the rest of its line, before the next failure counts as another
 *  mistake: recovery starts in the middle of something, and what it trips over at once is the same mistake seen twice.
 *  `syntax_errors_test.ts` counts how often one changed token gives more than one error. */
const quietTokens = 4;

/** The diagnostics of a parse. `lexical` are those of the lexer: a failure right beside one is its consequence. */
export function syntaxErrors(
  source: SourceText,
  tokens: readonly IToken[],
  errors: readonly IRecognitionException[],
  options: { readonly grammar: Grammar; readonly lexical: readonly DiagnosticDraft[] },
): DiagnosticDraft[] {
  if (errors.length === 0) return [];
  const indices = new Map(tokens.map((token, index) => [token, index]));
  const open = openBrackets(tokens);
  const indexOf = (token: IToken) => token.tokenType === EOF ? tokens.length : indices.get(token) ?? tokens.length;
  const drafts: DiagnosticDraft[] = [];
  // Brackets of the lines with mistakes: what is wrong inside them later is a consequence.
  const doubtful = new Set<number>();
  let quietUntil = -1;
  let lastIndex = 0;
  let line = { first: 0, last: -1 };
  for (const error of [...errors].sort((a, b) => indexOf(a.token) - indexOf(b.token))) {
    const index = indexOf(error.token);
    const last = error.resyncedTokens.at(-1);
    const resumed = Math.max(index, last === undefined ? index : indexOf(last) + 1);
    const consequence = index <= quietUntil || open[index]!.some((opener) => doubtful.has(opener)) ||
      drafts.length > 0 && isLooseEnd(error, tokens.slice(lastIndex, index + 1)) ||
      besideLexical(options.lexical, source, tokens, index);
    lastIndex = index;
    if (index > line.last) {
      line = lineOf(source, tokens, index);
      for (let i = line.first; i <= line.last; i++) if (tokens[i]?.image !== "{") doubtful.add(i);
    }
    quietUntil = Math.max(quietUntil, resumed + quietTokens, line.last);
    if (consequence) continue;
    drafts.push(describeFailure(failure(source, tokens, error, { index, open, grammar: options.grammar })));
  }
  return drafts;
}

/** After an earlier mistake, the rest of a list, or the rest of a block when no item has begun since, is a leftover.
 *  `since` are the tokens from the earlier mistake to this one. */
function isLooseEnd(error: IRecognitionException, since: readonly IToken[]): boolean {
  if (error.token.tokenType === EOF) return true;
  if ([t.Comma, t.RParen, t.RBracket, t.RBrace].includes(error.token.tokenType)) return true;
  const beginsItem = ({ image, tokenType }: IToken) => keywordOf(image)?.role === "item" && tokenType !== t.Identifier;
  if (error.context.ruleStack.length > 1) return false;
  return !beginsItem(error.token) && keywordOf(error.token.image) !== undefined || !since.slice(1, -1).some(beginsItem);
}

/** The first and last token on the line of another. */
function lineOf(source: SourceText, tokens: readonly IToken[], index: number): { first: number; last: number } {
  const offset = tokens[index]?.startOffset ?? source.text.length;
  const start = source.text.lastIndexOf("\n", offset - 1) + 1;
  const nextLine = source.text.indexOf("\n", offset);
  const end = nextLine === -1 ? source.text.length : nextLine;
  let [first, last] = [index, index];
  while (first > 0 && tokens[first - 1]!.startOffset >= start) first--;
  while (last + 1 < tokens.length && tokens[last + 1]!.startOffset < end) last++;
  return { first, last };
}

function failure(
  source: SourceText,
  tokens: readonly IToken[],
  error: IRecognitionException,
  at: { readonly index: number; readonly open: readonly (readonly number[])[]; readonly grammar: Grammar },
): Failure {
  const around = error.context.ruleStack;
  const rule = around.at(-1) ?? "program";
  const expectation = decodeExpectation(error.message);
  const previous = tokens[at.index - 1]?.tokenType;
  const names = previous ? [previous.name, ...(previous.CATEGORIES ?? []).map(({ name }) => name)] : [];
  const wanted = expectation.kind === "token" ? expectation.token : undefined;
  return {
    source,
    rule,
    around,
    wanted,
    expected: expectation.kind === "token"
      ? [...new Set([...optionalBefore(at.grammar, rule, expectation.token, names), expectation.token])]
      : expectation.tokens,
    tokens,
    index: at.index,
    open: at.open[at.index]!,
  };
}

/** For each token (and the end), which brackets are open before it. */
function openBrackets(tokens: readonly IToken[]): readonly (readonly number[])[] {
  const states: (readonly number[])[] = [];
  let open: readonly number[] = [];
  for (const [index, { tokenType }] of tokens.entries()) {
    states.push(open);
    if (tokenType === t.LParen || tokenType === t.LBracket || tokenType === t.LBrace) open = [...open, index];
    else if (tokenType === t.RParen || tokenType === t.RBracket || tokenType === t.RBrace) open = open.slice(0, -1);
  }
  states.push(open);
  return states;
}

/** Is there a lexical error between the tokens around the failure, or in one of them? */
function besideLexical(
  lexical: readonly DiagnosticDraft[],
  source: SourceText,
  tokens: readonly IToken[],
  index: number,
): boolean {
  const start = tokens[index - 2]?.startOffset ?? 0;
  const after = tokens[index + 1];
  const end = after ? after.startOffset : source.text.length;
  return lexical.some(({ at }) => at.end > start && at.start < end);
}
