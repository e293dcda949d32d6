// What stands in a table (.csv, .tsv)? RFC 4180 with any line end: its rows are found and counted once, and a cell is read where it
// lies when it is asked for, so that a table costs little more than its bytes. What is torn is refused with its row.
import { count } from "../text/words.ts";

/** A table: a row of names, then rows of as many cells. */
export interface Table {
  /** What separates its columns. */
  readonly separator: string;
  /** Names of the columns, without spaces around them. */
  readonly header: readonly string[];
  /** Rows without the header. */
  readonly rows: number;
  /** The cell of a row and a column: NaN where it is missing, its text where it is no number. Cells of a row are read fastest from
   *  left to right. */
  cell(row: number, column: number): number | string;
  /** What row i is counted as, from 1, with the header and empty lines. */
  number(i: number): number;
}

const [tab, lineFeed, carriageReturn, space, quote] = [9, 10, 13, 32, 34] as const;

/** Finds the rows of a table. Throws SyntaxError that says what is wrong with it and in which row. */
export function parseTable(bytes: Uint8Array, kind: ".csv" | ".tsv"): Table {
  const begin = beginningOf(bytes);
  const starts = new Starts();
  const emptyBefore: number[] = []; // for each empty line behind the header, the rows before it
  let header: { readonly names: readonly string[]; readonly row: number } | undefined;
  let text = new CellText(bytes, tab);
  for (let at = begin, row = 1; at < bytes.length; row++) {
    if (!header && kind === ".csv") text = new CellText(bytes, separatorOf(bytes, at).charCodeAt(0));
    const first = at;
    let [cells, end] = [0, at];
    do {
      end = text.endOf(at, row, ++cells);
      at = end + 1;
    } while (text.goesOn(end));
    if (bytes[end] === carriageReturn && bytes[at] === lineFeed) at++;
    // `""` is a cell
    const empty = cells === 1 && bytes[first] !== quote && trim(text.read(first, end)) === "";
    if (empty && header) emptyBefore.push(starts.count);
    if (empty) continue;
    if (header) {
      const expected = header.names.length;
      if (cells !== expected) {
        throw new SyntaxError(`Row ${row} has ${count(cells, "cell")}, and the header ${expected}`);
      }
      starts.push(first);
    } else header = { names: text.cellsFrom(first, cells).map(trim), row };
  }
  return {
    separator: String.fromCharCode(text.separator),
    header: header?.names ?? [],
    rows: starts.count,
    cell: reading(text, starts),
    number: rowNumbers(header?.row ?? 0, emptyBefore),
  };
}

/** It goes on from the cell that was read last where that is possible. */
function reading(text: CellText, starts: Starts): Table["cell"] {
  let [lastRow, next, at] = [-1, 0, 0];
  return (row, column) => {
    if (row !== lastRow || column < next) {
      lastRow = row;
      next = 0;
      at = starts.at(row);
    }
    for (; next < column; next++) at = text.endOf(at) + 1;
    const end = text.endOf(at);
    const value = text.number(at, end) ?? readCell(text.read(at, end));
    next = column + 1;
    at = end + 1;
    return value;
  };
}

/** Where rows begin. */
class Starts {
  count = 0;
  #places = new Uint32Array(1024);

  push(at: number): void {
    if (this.count === this.#places.length) {
      const more = new Uint32Array(2 * this.count);
      more.set(this.#places);
      this.#places = more;
    }
    this.#places[this.count++] = at;
  }

  at(row: number): number {
    return this.#places[row]!;
  }
}

/** The text of a table by its bytes: what separates cells and rows is ASCII, which no other character of UTF-8 holds. */
class CellText {
  readonly #bytes: Uint8Array;
  /** 1 for what may end a cell or stands wrongly in it. */
  readonly #special = new Uint8Array(256);
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(bytes: Uint8Array, readonly separator: number) {
    this.#bytes = bytes;
    for (const byte of [separator, lineFeed, carriageReturn, quote]) this.#special[byte] = 1;
  }

  /** Where a cell ends: its separator, the row's end or the text's. Throws SyntaxError where it is torn. */
  endOf(at: number, row = 0, cell = 0): number {
    const bytes = this.#bytes;
    const special = this.#special;
    let end = at;
    if (bytes[at] === quote) {
      end = closingQuote(bytes, at, row) + 1;
      if (end >= bytes.length || special[bytes[end]!] === 1) return end;
      throw new SyntaxError(`Row ${row}, cell ${cell}: something stands behind its closing quote`);
    }
    while (end < bytes.length && special[bytes[end]!] === 0) end++;
    if (end === bytes.length || bytes[end] !== quote) return end;
    throw new SyntaxError(
      `Row ${row}, cell ${cell}: a quote stands within it; quote the whole cell, and write \`""\` for a quote in it`,
    );
  }

  /** True where another cell of the row follows one that ends here. */
  goesOn(end: number): boolean {
    return end < this.#bytes.length && this.#bytes[end] === this.separator;
  }

  /** What a cell says. */
  read(at: number, end: number): string {
    const quoted = this.#bytes[at] === quote;
    const inner = this.#bytes.subarray(quoted ? at + 1 : at, quoted ? end - 1 : end);
    const text = this.#decoder.decode(inner);
    return quoted ? text.replaceAll('""', '"') : text;
  }

  cellsFrom(at: number, cells: number): string[] {
    return Array.from({ length: cells }, () => {
      const end = this.endOf(at);
      const text = this.read(at, end);
      at = end + 1;
      return text;
    });
  }

  /** A cell that is a decimal number of at most 15 digits, as `Number` reads it: a whole number below 2^53 times or by a power of ten
   *  that is exact, too, is rounded once (Clinger 1990). Undefined for all others. */
  number(at: number, end: number): number | undefined {
    const bytes = this.#bytes;
    while (at < end && (bytes[at] === space || bytes[at] === tab)) at++;
    while (at < end && (bytes[end - 1] === space || bytes[end - 1] === tab)) end--;
    const negative = bytes[at] === 45;
    if (negative || bytes[at] === 43) at++;
    let whole = 0;
    let digits = 0;
    let behind = 0;
    let point = false;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte >= 48 && byte <= 57) {
        whole = 10 * whole + (byte - 48);
        digits++;
        if (point) behind++;
      } else if (byte === 46 && !point) point = true;
      else return undefined;
    }
    if (digits === 0 || digits > 15) return undefined;
    const value = behind === 0 ? whole : whole / powersOfTen[behind]!;
    return negative ? -value : value;
  }
}

const powersOfTen = Float64Array.from({ length: 16 }, (_, i) => Number(`1e${i}`));

/** What tables write where nothing was measured. */
const missingCell = /^(|na|n\/a|nan|null|none|\?)$/i;

/** What a cell says: NaN where it is missing, its text where it is no number. */
export function readCell(text: string): number | string {
  const cell = trim(text);
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(cell)) return Number(cell);
  if (missingCell.test(cell)) return NaN;
  const truth = cell.toLowerCase();
  return truth === "true" ? 1 : truth === "false" ? 0 : cell;
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
function separatorOf(bytes: Uint8Array, at: number): "," | ";" {
  const found = new Set<number>();
  let quoted = false;
  for (; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === quote) quoted = !quoted;
    else if (!quoted && (byte === lineFeed || byte === carriageReturn)) break;
    else if (!quoted) found.add(byte);
  }
  if (!found.has(59)) return ",";
  if (!found.has(44)) return ";";
  throw new SyntaxError(
    "Its first row holds both `,` and `;`, and only one can separate columns: put names that hold the other in quotes",
  );
}

function closingQuote(bytes: Uint8Array, at: number, row: number): number {
  for (let end = at + 1;; end += 2) {
    end = bytes.indexOf(quote, end);
    if (end < 0) throw new SyntaxError(`Row ${row} has a quote that is never closed`);
    if (bytes[end + 1] !== quote) return end;
  }
}

/** Bytes that are looked at together: a text of all of them would cost as much again. */
const stretch = 1 << 20;

/** Where the text of a table begins, behind a mark of the byte order. Throws SyntaxError where the bytes are no text. */
function beginningOf(bytes: Uint8Array): number {
  const zero = bytes.indexOf(0);
  if (zero >= 0) {
    const wide = zero < 4 || bytes[0]! >= 0xfe;
    throw new SyntaxError(
      wide
        ? "It is no UTF-8 text but UTF-16 or none at all: save it as UTF-8"
        : `Line ${lineOf(bytes, zero)} holds a zero byte, which no text does`,
    );
  }
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for (let at = 0; at < bytes.length; at += stretch) {
      decoder.decode(bytes.subarray(at, at + stretch), { stream: true });
    }
    decoder.decode();
  } catch {
    throw new SyntaxError(`Line ${lineOf(bytes, firstWrong(bytes))} is not UTF-8 text: save it as UTF-8`);
  }
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
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
