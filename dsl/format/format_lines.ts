// How do the members of a block become lines? The author's grouping into lines and single empty lines are kept; what
// starts neighbouring lines of one kind is aligned; comments keep their place.
import type { Comment } from "../syntax/ast.ts";
import { align, type Document, flatText, layOut } from "../text/document.ts";
import { type CommentQueue, hasEmptyLine, isTrailing, lineStart, onOneLine } from "./format_comments.ts";
import type { Span } from "../text/source.ts";

/** No line is longer, if it can be helped. */
export const lineWidth = 120;
/** Between members on one line. */
const memberGap = "   ";

/** A member that is written in a line: texts that start columns, then the rest. */
export interface LineEntry {
  readonly kind: "line";
  /** Neighbours of the same family are aligned; "" never is. */
  readonly family: string;
  readonly columns: readonly string[];
  /** Columns after the first are aligned only with those of the same key. */
  readonly key?: string;
  readonly rest: Document;
  /** True: further lines start where the rest starts, and the first column is as wide in the whole block. */
  readonly hanging?: boolean;
}

/** A member with a block of its own, over several lines. */
export interface BlockEntry {
  readonly kind: "block";
  readonly lines: readonly string[];
}

/** A member to come: where it stood, and how to make it once the comments before it are written. */
export interface Member {
  readonly span: Span;
  readonly make: (indent: number) => LineEntry | BlockEntry;
}

/** How to write a list of members. */
export interface ListOptions {
  readonly indent: number;
  /** Where in the text the list starts (the end of its heading) and ends. */
  readonly from: number;
  readonly end: number;
  /** Members that stood on one line stay there; false at the level of items and for a line that became too long. */
  readonly keepLines: boolean;
  /** Takes the comment behind the heading, if the list has one. */
  readonly onHeading?: (comment: Comment) => void;
}

interface CommentPiece {
  readonly kind: "comment";
  readonly text: string;
  readonly blank: boolean;
}
interface LinePiece {
  readonly kind: "line";
  readonly entries: LineEntry[];
  readonly blank: boolean;
  behind?: Comment;
}
interface BlockPiece {
  readonly kind: "block";
  readonly block: BlockEntry;
  readonly blank: boolean;
  behind?: Comment;
}
type Piece = CommentPiece | LinePiece | BlockPiece;

/** The lines of a list of members. */
export function writeList(q: CommentQueue, members: readonly Member[], options: ListOptions): string[] {
  const pieces = splitLong(collect(q, members, options), options.indent);
  return emit(q.text, alignSigns(pieces), options.indent);
}

/** A line entry on one line, without alignment; undefined if it needs several. */
function flatEntry(entry: LineEntry): string | undefined {
  const rest = flatText(entry.rest);
  return rest === undefined ? undefined : [...entry.columns, rest].filter((part) => part !== "").join(" ");
}

/** Members on one line, as in `{ a   b }`; undefined if that cannot be. */
export function flatMembers(members: readonly Member[], between = memberGap): string | undefined {
  const texts: string[] = [];
  for (const member of members) {
    const entry = member.make(0);
    const text = entry.kind === "line" ? flatEntry(entry) : undefined;
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts.join(between);
}

// ---------------------------------------------------------------------------------------------------------- collecting

function collect(q: CommentQueue, members: readonly Member[], options: ListOptions): Piece[] {
  const pieces: Piece[] = [];
  let end = options.from;

  function place(comments: readonly Comment[]): void {
    for (const [i, comment] of comments.entries()) {
      const last = pieces.at(-1);
      const near = comment.span.start < end || onOneLine(q.text, end, comment.span.start);
      const behind = i === 0 && isTrailing(q.text, comment);
      if (behind && last === undefined && options.onHeading) options.onHeading(comment);
      else if (behind && near && last !== undefined && last.kind !== "comment" && !last.behind) last.behind = comment;
      else {
        const blank = last !== undefined && hasEmptyLine(q.text, end, comment.span.start);
        pieces.push({ kind: "comment", text: comment.text, blank });
      }
      end = Math.max(end, comment.span.end);
    }
  }

  for (const member of members) {
    const before = q.take(member.span.start);
    place(before);
    const blank = pieces.length > 0 && hasEmptyLine(q.text, end, member.span.start);
    const entry = member.make(options.indent);
    const last = pieces.at(-1);
    const joins = options.keepLines && before.length === 0 && member.span.start >= end &&
      onOneLine(q.text, end, member.span.start);
    if (entry.kind === "block") pieces.push({ kind: "block", block: entry, blank });
    else if (joins && last?.kind === "line" && last.behind === undefined) last.entries.push(entry);
    else pieces.push({ kind: "line", entries: [entry], blank });
    end = member.span.end;
    place(q.take(member.span.end));
  }
  place(q.take(options.end));
  return pieces;
}

/** Lines of several members that do not fit become one line for each. */
function splitLong(pieces: readonly Piece[], indent: number): Piece[] {
  return pieces.flatMap((piece): Piece[] => {
    if (piece.kind !== "line" || piece.entries.length === 1) return [piece];
    const texts = piece.entries.map(flatEntry);
    const fits = texts.every((text) => text !== undefined) && indent + texts.join(memberGap).length <= lineWidth;
    if (fits) return [piece];
    return piece.entries.map((entry, i) => ({
      kind: "line",
      entries: [entry],
      blank: i === 0 && piece.blank,
      ...(i === piece.entries.length - 1 && piece.behind && { behind: piece.behind }),
    }));
  });
}

/** Where one value has a sign, those above and below leave room for one. */
function alignSigns(pieces: readonly Piece[]): readonly Piece[] {
  const isSigned = (entry: LineEntry | undefined) => entry?.columns[1]?.startsWith("= -") === true;
  if (!pieces.some((piece) => piece.kind === "line" && isSigned(piece.entries[0]))) return pieces;
  return pieces.map((piece) => {
    const entry = piece.kind === "line" ? piece.entries[0] : undefined;
    if (piece.kind !== "line" || entry?.family !== "expect" || isSigned(entry)) return piece;
    const [left, right, ...others] = entry.columns;
    const roomy = { ...entry, columns: [left!, right!.replace("= ", "=  "), ...others] };
    return { ...piece, entries: [roomy, ...piece.entries.slice(1)] };
  });
}

// ------------------------------------------------------------------------------------------------------------ emitting

function emit(text: string, pieces: readonly Piece[], indent: number): string[] {
  const widths = columnWidths(pieces, indent);
  const lines: string[] = [];
  for (const piece of pieces) {
    if (piece.blank) lines.push("");
    if (piece.kind === "comment") lines.push(" ".repeat(indent) + piece.text);
    else {
      const own = piece.kind === "block" ? piece.block.lines : emitLine(piece, widths.get(piece), indent);
      lines.push(...own.slice(0, -1), withComment(text, own.at(-1) ?? "", piece.behind));
    }
  }
  return lines;
}

function emitLine(piece: LinePiece, widths: readonly number[] | undefined, indent: number): string[] {
  const [entry, ...others] = piece.entries;
  const { columns, rest, hanging } = entry!;
  const start = columns.map((column, i) => `${column.padEnd(widths?.[i] ?? 0)} `).join("");
  const before = " ".repeat(indent) + start;
  const first = layOut(before, hanging ? align(rest) : rest, { indent, width: lineWidth });
  const written = [first, ...others.map((other) => flatEntry(other)!)].join(memberGap);
  return written.split("\n").map((each) => each.trimEnd());
}

/** A comment behind a line: where the author had it, if the line leaves room. */
export function withComment(text: string, written: string, comment: Comment | undefined): string {
  if (comment === undefined) return written;
  const column = comment.span.start - lineStart(text, comment.span.start);
  return `${written.padEnd(Math.max(written.length + 2, column))}${comment.text}`;
}

/** The widths of the columns of every line that is aligned with others. */
function columnWidths(pieces: readonly Piece[], indent: number): Map<LinePiece, number[]> {
  const widths = new Map<LinePiece, number[]>();
  const hanging = pieces.filter((piece) => piece.kind === "line" && piece.entries[0]!.hanging) as LinePiece[];
  alignRun(hanging, widths);
  let run: LinePiece[] = [];
  for (const piece of pieces) {
    const family = piece.kind === "line" ? alignable(piece, indent) : "";
    const goesOn = family !== "" && !piece.blank && run.length > 0 && run[0]!.entries[0]!.family === family;
    if (!goesOn) {
      alignRun(run, widths);
      run = [];
    }
    if (family !== "") run.push(piece as LinePiece);
  }
  alignRun(run, widths);
  return widths;
}

/** The family of a line that can be aligned, or "". A line that is broken for its length is not, whatever its neighbours. */
function alignable(piece: LinePiece, indent: number): string {
  const entry = piece.entries[0]!;
  const text = entry.hanging ? undefined : flatEntry(entry);
  return text !== undefined && indent + text.length <= lineWidth ? entry.family : "";
}

function alignRun(run: readonly LinePiece[], widths: Map<LinePiece, number[]>): void {
  const most = new Map<string, number>();
  const slot = (entry: LineEntry, i: number) => i === 0 ? "0" : `${i} ${entry.key ?? ""}`;
  for (const { entries: [entry] } of run) {
    entry!.columns.forEach((column, i) =>
      most.set(slot(entry!, i), Math.max(most.get(slot(entry!, i)) ?? 0, column.length))
    );
  }
  for (const piece of run) {
    const entry = piece.entries[0]!;
    widths.set(piece, entry.columns.map((_column, i) => most.get(slot(entry, i))!));
  }
}
