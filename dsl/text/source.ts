// What text is a program made of, and where in it does something stand?
import type { Origin } from "../../runtime/ir/types.ts";

/** A stretch of a source text: the `source` it is in, `start` and `end` (exclusive) in UTF-16 units.
 *
 *  @category Diagnostics and errors */
export type Span = Origin;

/** A source text and the name that spans know it by.
 *
 *  @category Diagnostics and errors */
export interface SourceText {
  /** Path relative to the root file's folder, with forward slashes; `std/…` for the standard library. */
  readonly name: string;
  /** The text, without a byte order mark. */
  readonly text: string;
}

/** A position for people: both count from 1. */
export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

/** The line and column of an offset. */
export function lineColumn(text: string, offset: number): LineColumn {
  let line = 1;
  let lineStart = 0;
  for (let i = text.indexOf("\n"); i !== -1 && i < offset; i = text.indexOf("\n", i + 1)) {
    line++;
    lineStart = i + 1;
  }
  return { line, column: offset - lineStart + 1 };
}

/** `toy.meta:6:2`. */
export function placeText(sources: ReadonlyMap<string, SourceText>, { source, start }: Span): string {
  const { line, column } = lineColumn(sources.get(source)?.text ?? "", start);
  return `${source}:${line}:${column}`;
}

/** The smallest span that covers both. */
export function joinSpans(a: Span, b: Span): Span {
  return { source: a.source, start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}

/** True for a file of the standard library. */
export function isLibrary(source: string): boolean {
  return source.startsWith("std/");
}
