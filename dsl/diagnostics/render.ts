// How is a diagnostic shown to people and to programs? The last stage of `dsl/`: diagnostics and the texts they point
// into become lines for a terminal (colours only when asked) or objects for JSON.
import type { Diagnostic, Label } from "./diagnostic.ts";
import { lineColumn, type SourceText, type Span } from "../text/source.ts";
import { wrapText } from "../text/wrap.ts";
import { cellAfter, cellAt, type DisplayLine, layOutLine, visibleText } from "../text/display_width.ts";

/** How to render.
 *
 *  @category Diagnostics and errors */
export interface RenderOptions {
  /** Colours (ANSI) in the text; off unless asked for. */
  readonly color?: boolean;
  /** Cells of a line: titles, notes and hints are broken between words. Not broken when not given, as for a file. */
  readonly width?: number;
}

/** What can be shown with an excerpt of the source: a diagnostic, or a run that went wrong. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** Stands in brackets after the severity. */
  readonly code?: string;
  readonly title: string;
  readonly primary?: Label;
  readonly secondary?: readonly Label[];
  readonly notes?: readonly string[];
  readonly hint?: string;
}

/** All diagnostics as text, in the given order, an empty line between two, no line end after the last. A place in a text
 *  that is not in `sources` is shown by name only.
 *
 *  ```ts
 *  import { check, renderDiagnostics } from "../../mod.ts";
 *
 *  const text = "edition 1\nlet y = x";
 *  console.log(renderDiagnostics(check(text), new Map([["program.meta", { name: "program.meta", text }]])));
 *  ```
 *
 *  @category Diagnostics and errors
 */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, SourceText>,
  options: RenderOptions = {},
): string {
  return diagnostics.map((d) => renderProblem(d, sources, options)).join("\n\n");
}

/** One problem as text, no line end after the last line. */
export function renderProblem(
  problem: Problem,
  sources: ReadonlyMap<string, SourceText>,
  options: RenderOptions = {},
): string {
  const paint = painter(options.color ?? false);
  const name = problem.code === undefined ? problem.severity : `${problem.severity}[${problem.code}]`;
  const { width = Infinity } = options;
  const said = (style: Style, word: string, text: string, rest: (text: string) => string = (text) => text) => {
    const [first, ...more] = wrapText(`${word}: ${visibleText(text)}`, width, 2) as [string, ...string[]];
    return [`${paint(style, word)}${rest(first.slice(word.length))}`, ...more.map(rest)];
  };
  const lines = said(problem.severity, name, problem.title, (text) => paint("title", text));
  const blocks = problem.primary ? groupLabels(problem.primary, problem.secondary ?? [], sources) : [];
  const gutter = Math.max(1, ...blocks.flatMap((b) => b.lines.map((n) => String(n).length)));
  blocks.forEach((block, i) =>
    lines.push(...renderBlock(block, { gutter, corner: i === 0 ? "┌─" : "├─", paint, problem }))
  );
  for (const note of problem.notes ?? []) lines.push(...said("note", "note", note));
  if (problem.hint !== undefined) lines.push(...said("hint", "hint", problem.hint));
  return lines.join("\n");
}

// ----------------------------------------------------------------------------------------------- where the labels are

/** The part of a label on one line. */
interface Mark {
  readonly line: number;
  /** Offsets in the line. */
  readonly from: number;
  readonly to: number;
  readonly primary: boolean;
  /** Only on the last line of the label. */
  readonly message: string;
}

/** Neighbouring lines shown under one heading. */
interface Block {
  readonly source: string;
  /** The text's lines; undefined when the text is not known. */
  readonly text: readonly string[] | undefined;
  readonly start: { readonly line: number; readonly column: number } | undefined;
  /** Numbers of the lines to show, ascending. */
  readonly lines: readonly number[];
  readonly marks: Mark[];
}

/** A label over more lines than this shows its first and last ones only. */
const mostLinesInFull = 4;

/** One block for the primary label and what stands on the same lines; one for each other place. */
function groupLabels(
  primary: Label,
  secondary: readonly Label[],
  sources: ReadonlyMap<string, SourceText>,
): readonly Block[] {
  const blocks: Block[] = [blockOf(primary, true, sources)];
  for (const label of secondary) {
    const own = blockOf(label, false, sources);
    const host = blocks.find((b) =>
      b.source === own.source && b.text !== undefined && own.lines.every((n) => b.lines.includes(n))
    );
    if (host) host.marks.push(...own.marks);
    else blocks.push(own);
  }
  return blocks;
}

/** A text is cut into lines once, however much is said about it. */
const knownLines = new WeakMap<SourceText, readonly string[]>();

function linesOf(source: SourceText): readonly string[] {
  const known = knownLines.get(source);
  if (known) return known;
  const lines = source.text.split("\n").map((line) => line.endsWith("\r") ? line.slice(0, -1) : line);
  knownLines.set(source, lines);
  return lines;
}

function blockOf(label: Label, primary: boolean, sources: ReadonlyMap<string, SourceText>): Block {
  const source = sources.get(label.span.source);
  if (!source) {
    const mark = { line: 0, from: 0, to: 0, primary, message: label.message };
    return { source: label.span.source, text: undefined, start: undefined, lines: [], marks: [mark] };
  }
  const text = linesOf(source);
  const { start, end } = clampSpan(label.span, source.text);
  const first = lineColumn(source.text, start);
  const last = lastPosition(source.text, start, end);
  const marks: Mark[] = [];
  for (let line = first.line; line <= last.line; line++) {
    const shown = text[line - 1]!;
    const from = line === first.line
      ? Math.min(first.column - 1, shown.length)
      : shown.length - shown.trimStart().length;
    const to = line === last.line ? Math.min(last.column - 1, shown.length) : shown.trimEnd().length;
    marks.push({ line, from, to: Math.max(from, to), primary, message: line === last.line ? label.message : "" });
  }
  const kept = marks.length <= mostLinesInFull ? marks : [marks[0]!, marks.at(-1)!];
  return { source: source.name, text, start: first, lines: kept.map((m) => m.line), marks: kept };
}

function clampSpan(span: Span, text: string): { start: number; end: number } {
  const start = Math.max(0, Math.min(span.start, text.length));
  return { start, end: Math.max(start, Math.min(span.end, text.length)) };
}

/** Line and column of the exclusive end. A span that ends with a line end ends on that line, not at the start of the
 *  next one. */
function lastPosition(text: string, start: number, end: number): { line: number; column: number } {
  if (end > start && text[end - 1] === "\n") {
    const before = lineColumn(text, end - 1);
    return { line: before.line, column: before.column + 1 };
  }
  return lineColumn(text, end);
}

// --------------------------------------------------------------------------------------------------- lines of a block

type Paint = (style: Style, text: string) => string;
type Style = keyof typeof styles;

/** What a terminal is told before and after (ECMA-48). */
const [bold, red, green, yellow, blue, cyan] = [
  [1, 22],
  [31, 39],
  [32, 39],
  [33, 39],
  [34, 39],
  [36, 39],
] as const;

const styles = {
  error: [red, bold],
  warning: [yellow, bold],
  title: [bold],
  note: [cyan, bold],
  hint: [green, bold],
  gutter: [blue],
  secondary: [cyan],
} as const;

function painter(color: boolean): Paint {
  if (!color) return (_, text) => text;
  return (style, text) =>
    text === "" ? "" : styles[style].reduceRight((inner, [on, off]) => `\x1b[${on}m${inner}\x1b[${off}m`, text);
}

interface BlockStyle {
  readonly gutter: number;
  readonly corner: string;
  readonly paint: Paint;
  readonly problem: Problem;
}

function renderBlock(block: Block, style: BlockStyle): string[] {
  const { paint, gutter } = style;
  const margin = " ".repeat(gutter + 1);
  const place = block.start ? `${block.source}:${block.start.line}:${block.start.column}` : block.source;
  const out = [`${margin}${paint("gutter", style.corner)} ${visibleText(place)}`];
  if (!block.text) {
    const message = block.marks[0]!.message;
    if (message !== "") out.push(`${margin}${paint("gutter", "│")} ${visibleText(message)}`);
    return out;
  }
  let previous: number | undefined;
  for (const line of [...new Set(block.lines)]) {
    if (previous !== undefined && line > previous + 1) out.push(`${margin}${paint("gutter", "┆")}`);
    previous = line;
    const marks = block.marks.filter((m) => m.line === line);
    const near = nearMarks(block.text[line - 1]!, marks);
    const view = cropLine(layOutLine(near.text), near.marks);
    const number = paint("gutter", `${String(line).padStart(gutter)} │`);
    out.push(view.text === "" ? number : `${number} ${view.text}`);
    for (const row of markRows(view.marks, style)) out.push(`${margin}${paint("gutter", "│")} ${row}`);
  }
  return out;
}

/** A mark in cells. */
interface CellMark {
  readonly from: number;
  readonly to: number;
  readonly primary: boolean;
  readonly message: string;
}

/** Lines wider than this many cells are cut around their first mark. */
const widestLine = 160;
/** Cells kept before the first mark of a line that is cut. */
const lead = 60;

/** Characters of a line that are laid out before and after its first mark: more than are shown. */
const [mostBefore, mostAfter] = [4 * lead, 4 * widestLine];

/** The stretch of a very long line that is shown of it, and the marks in that. */
function nearMarks(text: string, marks: readonly Mark[]): { text: string; marks: readonly Mark[] } {
  if (text.length <= mostBefore + mostAfter) return { text, marks };
  const first = Math.min(...marks.map((m) => m.from), text.length);
  const start = Math.max(0, first - mostBefore);
  return {
    text: text.slice(start, first + mostAfter),
    marks: marks.map((m) => ({ ...m, from: m.from - start, to: m.to - start })),
  };
}

function cropLine(line: DisplayLine, marks: readonly Mark[]): { text: string; marks: CellMark[] } {
  const cells = marks.map((m) => {
    const from = cellAt(line, m.from);
    // an empty span still shows one caret
    return { from, to: Math.max(from + 1, cellAfter(line, m.to)), primary: m.primary, message: visibleText(m.message) };
  });
  const whole = line.clusters.map((c) => c.text).join("").trimEnd();
  if (line.width <= widestLine) return { text: whole, marks: cells };
  const start = Math.max(0, Math.min(...cells.map((m) => m.from)) - lead);
  const kept = line.clusters.filter((c) => c.cell >= start && c.cell + c.cells <= start + widestLine);
  const first = kept[0]?.cell ?? start;
  const end = first + kept.reduce((sum, c) => sum + c.cells, 0);
  const before = first > 0 ? "…" : "";
  const shift = first - before.length;
  const text = before + kept.map((c) => c.text).join("").trimEnd() + (end < line.width ? "…" : "");
  const clip = (cell: number) => Math.max(first, Math.min(cell, end)) - shift;
  return { text, marks: cells.map((m) => ({ ...m, from: clip(m.from), to: Math.max(clip(m.from) + 1, clip(m.to)) })) };
}

/** The rows under a line: the marks with the message of the rightmost, then the other messages, rightmost first, each
 *  under its mark. */
function markRows(marks: readonly CellMark[], style: BlockStyle): string[] {
  if (marks.length === 0) return [];
  const { paint } = style;
  const styleOf = (m: CellMark): Style => m.primary ? style.problem.severity : "secondary";
  const width = Math.max(...marks.map((m) => m.to));
  const owner: (CellMark | undefined)[] = new Array(width).fill(undefined);
  // the primary label is written last, so it stays whole
  for (const m of [...marks].sort((a, b) => Number(a.primary) - Number(b.primary))) owner.fill(m, m.from, m.to);
  let row = "";
  for (let from = 0, to = 0; from < width; from = to) {
    const mark = owner[from];
    while (to < width && owner[to] === mark) to++; // one stretch, one colour
    const cell = mark ? (mark.primary ? "^" : "─") : " ";
    row += mark ? paint(styleOf(mark), cell.repeat(to - from)) : cell.repeat(to - from);
  }

  const rightmost = marks.reduce((a, b) => b.to > a.to || (b.to === a.to && b.primary) ? b : a);
  const rows = [rightmost.message === "" ? row : `${row} ${paint(styleOf(rightmost), rightmost.message)}`];
  const hanging = marks.filter((m) => m !== rightmost && m.message !== "").sort((a, b) => b.from - a.from);
  hanging.forEach((mark, i) => {
    let text = "";
    let at = 0;
    const pending = hanging.slice(i + 1).filter((m) => m.from < mark.from).sort((a, b) => a.from - b.from);
    for (const other of pending) {
      if (other.from < at) continue; // two labels at one place share their line
      text += " ".repeat(other.from - at) + paint(styleOf(other), "│");
      at = other.from + 1;
    }
    rows.push(`${text}${" ".repeat(mark.from - at)}${paint(styleOf(mark), mark.message)}`);
  });
  return rows;
}

// --------------------------------------------------------------------------------------------------------------- JSON

/** A place for programs: lines and columns count from 1, columns in UTF-16 units, ends are exclusive; null where the
 *  text is not known. */
export interface PlaceJson {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly end: { readonly line: number | null; readonly column: number | null };
}

/** A label for programs. */
export interface LabelJson extends PlaceJson {
  readonly primary: boolean;
  readonly message: string;
}

/** A diagnostic for programs. The place is that of the primary label. */
export interface DiagnosticJson extends PlaceJson {
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly title: string;
  /** The primary label first. */
  readonly labels: readonly LabelJson[];
  readonly notes: readonly string[];
  readonly hint?: string;
}

/** A diagnostic as an object that `JSON.stringify` takes. */
export function diagnosticToJson(diagnostic: Diagnostic, sources: ReadonlyMap<string, SourceText>): DiagnosticJson {
  const label = (l: Label, primary: boolean): LabelJson => ({
    ...placeToJson(l.span, sources),
    primary,
    message: l.message,
  });
  const json = {
    code: diagnostic.code,
    severity: diagnostic.severity,
    title: diagnostic.title,
    ...placeToJson(diagnostic.primary.span, sources),
    labels: [label(diagnostic.primary, true), ...diagnostic.secondary.map((l) => label(l, false))],
    notes: diagnostic.notes,
  };
  return diagnostic.hint === undefined ? json : { ...json, hint: diagnostic.hint };
}

/** A span as an object that `JSON.stringify` takes. */
export function placeToJson(span: Span, sources: ReadonlyMap<string, SourceText>): PlaceJson {
  const text = sources.get(span.source)?.text;
  if (text === undefined) return { file: span.source, line: null, column: null, end: { line: null, column: null } };
  const { start, end } = clampSpan(span, text);
  return { file: span.source, ...lineColumn(text, start), end: lineColumn(text, end) };
}
