// What words is a text made of? Text -> tokens with offsets, comments apart, and a diagnostic for whatever no token
// starts with. The second half settles which keywords are names, so that the grammar needs one token of lookahead.
import type { DiagnosticDraft } from "../../diagnostics/diagnostic.ts";
import { type ForeignToken, foreignTokens } from "./foreign.ts";
import { type Limits, raising, usualLimits } from "../../../runtime/limits.ts";
import type { SourceText } from "../../text/source.ts";
import * as t from "./tokens.ts";
import { type ILexingError, type IToken, Lexer, type TokenType } from "./chevrotain.ts";

/** A text as tokens. */
export interface LexedText {
  readonly tokens: IToken[];
  readonly comments: readonly IToken[];
  /** Every token, with those that nothing reads: foreign ones that stand for none, and what comes after too many mistakes. */
  readonly written: readonly IToken[];
  readonly diagnostics: readonly DiagnosticDraft[];
  /** It is too long: there are no tokens. */
  readonly refused?: true;
}

// Strings before the unclosed string, numbers before their malformed forms would hide those: hence the two groups.
const foreignAfter = new Set(["OpenString"]);
const lexer = new Lexer(
  [
    t.Blank,
    t.CommentToken,
    ...foreignTokens.filter(({ type }) => !foreignAfter.has(type.name)).map(({ type }) => type),
    ...t.grammarTokens.filter((type) => type !== t.Blank && type !== t.CommentToken),
    ...foreignTokens.filter(({ type }) => foreignAfter.has(type.name)).map(({ type }) => type),
  ],
  { positionTracking: "onlyOffset", ensureOptimizations: false },
);

const foreignByType: ReadonlyMap<TokenType, ForeignToken> = new Map(foreignTokens.map((f) => [f.type, f]));

/** Splits a text into tokens; never throws. */
export function tokenize(source: SourceText, limits: Limits = usualLimits): LexedText {
  const tooLong = longText(source, limits);
  if (tooLong) return { tokens: [], comments: [], written: [], diagnostics: [tooLong], refused: true };
  const { tokens: written, groups, errors } = lexer.tokenize(source.text);
  const most = mostMistakes(limits);
  const diagnostics: DiagnosticDraft[] = errors.slice(0, most).map((error) => unknownCharacters(source, error));
  const comments = groups["comments"] ?? [];
  // Chevrotain's cheapest tracking leaves the ends out, which the locations of nodes are made of.
  for (const token of written) token.endOffset = token.startOffset + token.image.length - 1;
  for (const token of comments) token.endOffset = token.startOffset + token.image.length - 1;
  const read = readForeign(source, written, diagnostics);
  const tokens = diagnostics.length < most ? read : upToMistake(read, diagnostics, most);
  settleNames(tokens);
  const refused = refuseLength(source, tokens, limits);
  if (refused) return { tokens: [], comments, written: [], diagnostics: [refused], refused: true };
  diagnostics.push(...divisionsInComments(source, tokens, comments));
  refuseDepth(source, tokens, limits, diagnostics);
  return { tokens, comments, written, diagnostics };
}

/** Mistakes in the words and the grammar of a text that are found, at most, and what follows is not read: many of them are
 *  consequences of one that is shown. */
export function mostMistakes({ diagnostics }: Limits): number {
  return 10 * diagnostics;
}

/** The tokens before the last of so many mistakes, which alone are kept. */
function upToMistake(tokens: IToken[], diagnostics: DiagnosticDraft[], most: number): IToken[] {
  diagnostics.sort((a, b) => a.at.start - b.at.start);
  diagnostics.length = most;
  const end = diagnostics.at(-1)!.at.start;
  return tokens.filter(({ startOffset }) => startOffset < end);
}

const numbersBeside = 'keep numbers in a file beside the program: `data d from "numbers.npz" { x : [_] }`';

/** A text that is refused before it is gone through. */
function longText({ name, text }: SourceText, limits: Limits): DiagnosticDraft | undefined {
  if (text.length <= limits.text) return undefined;
  return {
    code: "M0107",
    title: `\`${name}\` has ${text.length} characters, and ${limits.text} are allowed`,
    at: { source: name, start: 0, end: 0 },
    notes: [raising("text")],
    hint: numbersBeside,
  };
}

/** Refuses a word that is too long, and too many of them: then nothing is gone through. */
function refuseLength(source: SourceText, tokens: readonly IToken[], limits: Limits): DiagnosticDraft | undefined {
  const long = tokens.findIndex(({ image }) => image.length > limits.word);
  const index = long >= 0 && long < limits.tokens ? long : limits.tokens;
  const token = tokens[index];
  if (!token) return undefined;
  const at = { source: source.name, start: token.startOffset, end: token.startOffset + token.image.length };
  if (index === long) {
    return {
      code: "M0107",
      title: `This has ${token.image.length} characters, and a name, a number or a path has at most ${limits.word}`,
      at,
      notes: [raising("word")],
    };
  }
  return {
    code: "M0107",
    title: `\`${source.name}\` has ${tokens.length} words, numbers and signs, and ${limits.tokens} are allowed`,
    at,
    notes: [raising("tokens")],
    hint: numbersBeside,
  };
}

/** Replaces foreign spellings by what they stand for, and reports them. */
function readForeign(source: SourceText, written: readonly IToken[], diagnostics: DiagnosticDraft[]): IToken[] {
  const tokens: IToken[] = [];
  // the same habit again is the same mistake: its lines are told, by the diagnostic they belong to
  const first = new Map<string, { readonly index: number; readonly again: number[] }>();
  for (const token of written) {
    const foreign = foreignByType.get(token.tokenType);
    if (foreign === undefined) {
      tokens.push(token);
      continue;
    }
    const at = { source: source.name, start: token.startOffset, end: token.startOffset + token.image.length };
    const hint = foreign.hint?.(token.image);
    const draft = { code: foreign.code, title: foreign.title(token.image), at, ...(hint && { hint }) };
    const key = `${draft.code} ${draft.title} ${hint ?? ""}`;
    const earlier = first.get(key);
    if (earlier) earlier.again.push(at.start);
    else {
      first.set(key, { index: diagnostics.length, again: [] });
      diagnostics.push(draft);
    }
    if (foreign.readAs === undefined) continue;
    token.tokenType = foreign.readAs;
    token.tokenTypeIdx = foreign.readAs.tokenTypeIdx!;
    if (foreign.image) token.image = foreign.image(token.image);
    tokens.push(token);
  }
  for (const { index, again } of first.values()) {
    if (again.length === 0) continue;
    const lines = linesOf(source.text, again, 9);
    const others = lines.slice(0, 8);
    const more = lines.length > others.length ? " …" : "";
    diagnostics[index] = {
      ...diagnostics[index]!,
      notes: [`It stands on line${others.length > 1 ? "s" : ""} ${others.join(", ")}${more} too`],
    };
  }
  return tokens;
}

/** `n // 2`: what Python divides is a comment here, and the program runs on without it. */
function divisionsInComments(
  source: SourceText,
  tokens: readonly IToken[],
  comments: readonly IToken[],
): DiagnosticDraft[] {
  const found: DiagnosticDraft[] = [];
  let i = 0;
  for (const comment of comments) {
    if (!/^\/\/ ?\d+\s*(?:[-+*/)\],].*)?$/.test(comment.image)) continue;
    while (i < tokens.length && tokens[i]!.startOffset < comment.startOffset) i++;
    const before = tokens[i - 1];
    if (before === undefined || source.text.slice(before.startOffset, comment.startOffset).includes("\n")) continue;
    if (!/^(?:\d+|\)|\])$/.test(before.image) && before.tokenType !== t.Identifier) continue;
    found.push({
      code: "W0102",
      title: `\`//\` begins a comment, so nothing is divided here`,
      at: { source: source.name, start: comment.startOffset, end: comment.startOffset + comment.image.length },
      hint: "write `floor(a / b)`; a comment stands on a line of its own",
    });
  }
  return found;
}

/** A keyword before `:`, `=`, `~` or a prime is a name: no rule of the grammar has one of them after a keyword. So
 *  `step = 3` and `state' = …` are equations, while `state v = 0` and `split a {` keep their keyword. */
function settleNames(tokens: IToken[]): void {
  const settles: ReadonlySet<TokenType> = new Set([t.Colon, t.Equals, t.Tilde, t.Prime]);
  for (let i = 0; i + 1 < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.tokenType === t.Identifier || !token.tokenType.CATEGORIES?.includes(t.Name)) continue;
    if (settles.has(tokens[i + 1]!.tokenType)) {
      token.tokenType = t.Identifier;
      token.tokenTypeIdx = t.Identifier.tokenTypeIdx!;
    }
  }
}

/** The first lines that offsets, in their order, are on: at most so many. */
function linesOf(text: string, offsets: readonly number[], most: number): number[] {
  const lines: number[] = [];
  let [line, at] = [1, 0];
  for (const offset of offsets) {
    for (let end = text.indexOf("\n", at); end !== -1 && end < offset; end = text.indexOf("\n", at)) {
      line++;
      at = end + 1;
    }
    if (lines.at(-1) !== line) lines.push(line);
    if (lines.length === most) break;
  }
  return lines;
}

/** Cuts the program where brackets get too deep: the parser, and every pass after it, recurses. A program by hand stays below
 *  ten; `parser_test.ts` checks that the stack holds this many. */
function refuseDepth(
  source: SourceText,
  tokens: IToken[],
  { brackets }: Limits,
  diagnostics: DiagnosticDraft[],
): void {
  let depth = 0;
  for (const [index, { tokenType, startOffset }] of tokens.entries()) {
    if (tokenType === t.LParen || tokenType === t.LBracket || tokenType === t.LBrace) depth++;
    if (tokenType === t.RParen || tokenType === t.RBracket || tokenType === t.RBrace) depth--;
    if (depth > brackets) {
      const at = { source: source.name, start: startOffset, end: startOffset + 1 };
      diagnostics.push({
        code: "M0102",
        title: `Brackets are nested more than ${brackets} deep`,
        at,
        notes: [raising("brackets")],
        hint: "name the inner parts with `let`",
      });
      tokens.length = index;
      return;
    }
  }
}

function unknownCharacters(source: SourceText, error: ILexingError): DiagnosticDraft {
  const end = error.offset + Math.max(1, error.length);
  const written = source.text.slice(error.offset, Math.min(end, error.offset + 20));
  const plain = /^[\x21-\x7e]+$/.test(written);
  const code = `U+${written.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
  return {
    code: "M0101",
    title: plain
      ? `\`${written}\` has no meaning here`
      : `The character ${
        /^[\p{C}\p{Z}]/u.test(written) ? code : `\`${[...written][0]}\` (${code})`
      } has no meaning here`,
    at: { source: source.name, start: error.offset, end },
  };
}
