// Small pieces that all messages about syntax share: tokens in words, places, lists of what was expected.
import { lineColumn, type Span } from "../../text/source.ts";
import { type Failure, spanOf } from "./syntax_failure.ts";
import * as t from "../tokens/tokens.ts";
import type { IToken } from "../tokens/chevrotain.ts";

const labels = new Map(t.grammarTokens.map((type) => [type.name, type.LABEL ?? type.name]));

/** What could have stood here, in words. */
export function expectedLabels(f: Failure): readonly string[] {
  const value = ["Number", "Name", "LParen", "LBracket"];
  const isValue = value.every((name) => f.expected.includes(name));
  const hidden = isValue ? [...value, "Minus"] : f.wanted === "RParen" ? ["For"] : [];
  const rest = f.expected.filter((name) => !hidden.includes(name));
  const words = rest.map((name) => labels.get(name) ?? (name === "EOF" ? "the end of the text" : name));
  return [...new Set(isValue ? ["an expression", ...words] : words)];
}

/** `a, b or c` */
export function oneOf(words: readonly string[], before = ""): string {
  if (words.length <= 1) return before + (words[0] ?? "something else");
  return `${before}${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** A token as written, in backquotes. */
export function shown(token: IToken): string {
  const image = token.image.length > 40 ? `${token.image.slice(0, 40)}…` : token.image;
  return `\`${image}\``;
}

/** Points at what was found, or, when that stands on another line, at what comes before. */
export function place(f: Failure): { at: Span } {
  const previous = f.tokens[f.index - 1];
  const found = f.tokens[f.index];
  if (previous !== undefined && (found === undefined || !sameLine(f, previous, found))) {
    return { at: spanOf(f.source, previous) };
  }
  return { at: found ? spanOf(f.source, found) : { source: f.source.name, start: 0, end: 0 } };
}

/** Names what was found, if the message points at it. */
export function foundLabel(f: Failure): { label?: string } {
  const previous = f.tokens[f.index - 1];
  const found = f.tokens[f.index];
  if (found === undefined || previous !== undefined && !sameLine(f, previous, found)) return {};
  return { label: `found ${shown(found)}` };
}

/** Is there no line end between two tokens? */
export function sameLine(f: Failure, a: IToken, b: IToken): boolean {
  return !f.source.text.slice(a.endOffset! + 1, b.startOffset).includes("\n");
}

/** Do only blanks stand before the token on its line? */
export function isFirstOfLine(f: Failure, token: IToken): boolean {
  const { column } = lineColumn(f.source.text, token.startOffset);
  return f.source.text.slice(token.startOffset - column + 1, token.startOffset).trim() === "";
}

/** Is it a number? */
export function isNumber(token: IToken): boolean {
  return token.tokenType === t.NumberToken;
}

/** Is it a name or a keyword? */
export function isWord(token: IToken): boolean {
  return token.tokenType.CATEGORIES?.includes(t.Word) === true;
}

/** The text from one token to before another. */
export function between(f: Failure, first: number, end: number): string {
  const last = f.tokens[end - 1];
  return last && f.tokens[first] ? f.source.text.slice(f.tokens[first]!.startOffset, last.endOffset! + 1) : "";
}

/** Tokens that a message looks around, at most: each of many mistakes has one. */
const farthest = 200;

/** The index of the token that closes the bracket at `opener`; past the end when nothing does. */
export function closing(f: Failure, opener: number): number {
  let depth = 0;
  const end = Math.min(f.tokens.length, opener + farthest);
  for (let i = opener; i < end; i++) {
    if (/^[([{]$/.test(f.tokens[i]!.image)) depth++;
    if (/^[)\]}]$/.test(f.tokens[i]!.image) && --depth === 0) return i;
  }
  return end;
}
