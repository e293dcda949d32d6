// What stands in a table (.csv, .tsv)? RFC 4180 with any line end: its rows are found and counted once, and a row is split
// into cells when it is read, so that a table costs little more than its text. What is torn is refused with its row.
import { count } from "../text/words.ts";

/** A table: a row of names, then rows of as many cells. */
export interface Table {
  /** What separates its columns. */
  readonly separator: string;
  /** Names of the columns, without spaces around them. */
  readonly header: readonly string[];
  /** Rows without the header. */
  readonly rows: number;
  /** The cells of row i. The array is another row's when that is asked for. */
  cells(i: number): readonly string[];
  /** What row i is counted as, from 1, with the header and empty lines. */
  number(i: number): number;
}

/** The bytes of the largest table: the longest text that V8 holds, in UTF-16 units. */
export const largestTable = 2 ** 29 - 24;

/** Finds the rows of a table. Throws SyntaxError that says what is wrong with it and in which row. */
export function parseTable(bytes: Uint8Array, kind: ".csv" | ".tsv"): Table {
  const text = decode(bytes);
  const starts: number[] = [];
  const emptyBefore: number[] = []; // for each empty line behind the header, the rows before it
  const cells: string[] = [];
  let header: { readonly names: readonly string[]; readonly row: number } | undefined;
  let separator = "\t";
  for (let at = 0, row = 1; at < text.length; row++) {
    if (!header && kind === ".csv") separator = separatorOf(text, at);
    const begin = at;
    at = readRow(text, { at, row, separator }, cells);
    const empty = cells.length === 1 && trim(cells[0]!) === "" && text[begin] !== '"'; // `""` is a cell
    if (empty && header) emptyBefore.push(starts.length);
    if (empty) continue;
    header ??= { names: cells.map(trim), row };
    if (row === header.row) continue;
    const [found, expected] = [cells.length, header.names.length];
    if (found !== expected) {
      throw new SyntaxError(`Row ${row} has ${count(found, "cell")}, and the header ${expected}`);
    }
    starts.push(begin);
  }
  let last = -1;
  return {
    separator,
    header: header?.names ?? [],
    rows: starts.length,
    cells(i) {
      if (i !== last) readRow(text, { at: starts[i]!, row: 0, separator }, cells);
      last = i;
      return cells;
    },
    number: rowNumbers(header?.row ?? 0, emptyBefore),
  };
}

/** It is kept longer than the table's text: so it is made where that is not known. */
function rowNumbers(headerRow: number, emptyBefore: readonly number[]): Table["number"] {
  return (i) => headerRow + i + 1 + emptyBefore.filter((rows) => rows <= i).length;
}

/** A cell or name without the spaces around it. */
export function trim(cell: string): string {
  return cell.replace(/^[ \t]+|[ \t]+$/g, "");
}

/** What separates the columns of a .csv, by its first row: commas, or semicolons where there are none. */
function separatorOf(text: string, at: number): "," | ";" {
  const found = new Set<string>();
  let quoted = false;
  for (; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') quoted = !quoted;
    else if (!quoted && /[\r\n]/.test(character)) break;
    else if (!quoted) found.add(character);
  }
  if (!found.has(";")) return ",";
  if (!found.has(",")) return ";";
  throw new SyntaxError(
    "Its first row holds both `,` and `;`, and only one can separate columns: put names that hold the other in quotes",
  );
}

interface RowPlace {
  /** Where it begins. */
  readonly at: number;
  readonly row: number;
  readonly separator: string;
}

/** Puts the cells of a row into `cells`; where the next row begins. */
function readRow(text: string, { at, row, separator }: RowPlace, cells: string[]): number {
  cells.length = 0;
  for (;;) {
    const quoted = text[at] === '"';
    let end = at;
    if (quoted) {
      end = closingQuote(text, at, row) + 1;
      cells.push(text.slice(at + 1, end - 1).replaceAll('""', '"'));
    } else {
      while (end < text.length && text[end] !== separator && text[end] !== "\n" && text[end] !== "\r") {
        if (text[end] === '"') {
          throw new SyntaxError(
            `Row ${row}, cell ${
              cells.length + 1
            }: a quote stands within it; quote the whole cell, and write \`""\` for a quote in it`,
          );
        }
        end++;
      }
      cells.push(text.slice(at, end));
    }
    at = end + 1;
    if (text[end] === separator) continue;
    if (end >= text.length || text[end] === "\n") return at;
    if (text[end] === "\r") return text[at] === "\n" ? at + 1 : at;
    throw new SyntaxError(`Row ${row}, cell ${cells.length}: something stands behind its closing quote`);
  }
}

function closingQuote(text: string, at: number, row: number): number {
  for (let end = at + 1;; end += 2) {
    end = text.indexOf('"', end);
    if (end < 0) throw new SyntaxError(`Row ${row} has a quote that is never closed`);
    if (text[end + 1] !== '"') return end;
  }
}

/** The text of a table; a mark of the byte order at its beginning is none of it. */
function decode(bytes: Uint8Array): string {
  const zero = bytes.indexOf(0);
  if (zero >= 0) {
    const wide = zero < 4 || bytes[0]! >= 0xfe;
    throw new SyntaxError(
      wide
        ? "It is no UTF-8 text but UTF-16 or none at all: save it as UTF-8"
        : `Line ${lineOf(bytes, zero)} holds a zero byte, which no text does`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new SyntaxError(`Line ${lineOf(bytes, firstWrong(bytes))} is not UTF-8 text: save it as UTF-8`);
  }
}

/** Where the first line stands that is not UTF-8. */
function firstWrong(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at);
    try {
      decoder.decode(bytes.subarray(at, end < 0 ? bytes.length : end));
    } catch {
      return at;
    }
    if (end < 0) break;
    at = end + 1;
  }
  return bytes.length;
}

/** The line of a byte, from 1. */
function lineOf(bytes: Uint8Array, at: number): number {
  let line = 1;
  for (let i = 0; i < at; i++) {
    if (bytes[i] === 10 || bytes[i] === 13 && bytes[i + 1] !== 10) line++;
  }
  return line;
}
