// What does every part of the way from CST to AST need? Spans, names and documentation, from trees that may have holes.
import type { Identifier, MissingExpression, NumberLiteral, QuotedText } from "../../syntax/ast.ts";
import type { DiagnosticDraft } from "../../diagnostics/diagnostic.ts";
import type { Limits } from "../../../runtime/limits.ts";
import type { SourceText, Span } from "../../text/source.ts";
import type { CstNode, IToken } from "../tokens/chevrotain.ts";

/** One conversion. */
export interface Conversion {
  readonly source: SourceText;
  readonly comments: readonly IToken[];
  /** `terms`: expressions deeper than that are refused, so that every later pass may recurse. A sum of n terms is n deep. */
  readonly limits: Limits;
  /** True where the parser repaired the tree: what is missing was reported already. */
  recovered(place: number): boolean;
  report(draft: DiagnosticDraft): void;
}

/** The first of the children with one key. */
export function first<T>(children: readonly T[] | undefined): T | undefined {
  return children?.[0];
}

/** Drops the holes. */
export function present<T>(list: readonly (T | undefined)[]): T[] {
  return list.filter((element) => element !== undefined);
}

/** True for a token of the text, false for one that recovery made up. */
export function isReal(token: IToken | undefined): token is IToken {
  return token !== undefined && token.isInsertedInRecovery !== true;
}

/** Where a token stands. */
export function tokenSpan(c: Conversion, token: IToken): Span {
  return { source: c.source.name, start: token.startOffset, end: token.endOffset! + 1 };
}

/** Where a node stands; an empty node stands at `fallback`. */
export function nodeSpan(c: Conversion, node: CstNode, fallback = 0): Span {
  const { startOffset = -1, endOffset = -1 } = node.location ?? {};
  return startOffset < 0
    ? { source: c.source.name, start: fallback, end: fallback }
    : { source: c.source.name, start: startOffset, end: Math.max(startOffset, endOffset! + 1) };
}

/** The name a token holds. */
export function identifier(c: Conversion, token: IToken | undefined): Identifier | undefined {
  return isReal(token) ? { name: token.image, span: tokenSpan(c, token) } : undefined;
}

/** The text between quotes. */
export function quotedText(c: Conversion, token: IToken | undefined): QuotedText | undefined {
  return isReal(token) ? { text: token.image.replaceAll('"', ""), span: tokenSpan(c, token) } : undefined;
}

/** The number a token holds. */
export function numberLiteral(c: Conversion, token: IToken | undefined): NumberLiteral | undefined {
  if (!isReal(token)) return undefined;
  const text = token.image;
  const value = Number(text.replaceAll("_", ""));
  const span = tokenSpan(c, token);
  if (!Number.isFinite(value)) {
    c.report({ code: "M0105", title: `\`${text}\` is larger than any number`, at: span, hint: "write `inf`" });
  } else if (/_(?!\d)|__/.test(text)) {
    c.report({ code: "M0105", title: `\`${text}\` has a \`_\` that is not between two digits`, at: span });
  }
  return { kind: "Number", value, text, span };
}

/** A hole. */
export function missing(c: Conversion, offset: number): MissingExpression {
  return { kind: "Missing", span: { source: c.source.name, start: offset, end: offset } };
}

/** The `///` lines that end on the line above `start`, without the slashes. */
export function docAbove(c: Conversion, start: number): { readonly doc?: string } {
  const lines: string[] = [];
  let below = start;
  for (let i = lastCommentBefore(c.comments, start); i >= 0; i--) {
    const { image, startOffset, endOffset } = c.comments[i]!;
    if (!/^\/\/\/(?!\/)/.test(image)) break;
    if (!/^[^\S\n]*\n[^\S\n]*$/.test(c.source.text.slice(endOffset! + 1, below))) break;
    if (!/(^|\n)[^\S\n]*$/.test(c.source.text.slice(Math.max(0, startOffset - 200), startOffset))) break;
    lines.unshift(image.slice(3).replace(/^ /, "").trimEnd());
    below = startOffset;
  }
  return lines.length === 0 ? {} : { doc: lines.join("\n") };
}

function lastCommentBefore(comments: readonly IToken[], offset: number): number {
  let low = 0;
  let high = comments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comments[middle]!.startOffset < offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
