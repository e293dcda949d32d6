// How wide does a line of source stand on a terminal? Between offsets in the text (UTF-16 units) and cells on the screen:
// tabs, wide characters, combining marks; and nothing that could steer a terminal gets through.
/** What a reader sees as one character. */
export interface Cluster {
  /** As shown: a tab becomes spaces, a control character its picture. */
  readonly text: string;
  /** First UTF-16 unit in the line, and the number of them. */
  readonly offset: number;
  readonly length: number;
  /** First cell on the screen, and the number of them (0 for a lone combining mark). */
  readonly cell: number;
  readonly cells: number;
}

/** A line, cut into what is shown. */
export interface DisplayLine {
  readonly clusters: readonly Cluster[];
  /** Cells. */
  readonly width: number;
}

/** A tab reaches to the next multiple of this many cells. */
const tabStop = 4;

let segmenter: Intl.Segmenter | undefined;

/** Blocks of East Asian Wide and Fullwidth code points (Unicode 16, EastAsianWidth.txt, merged); emoji are found by
 *  their own property. */
const wideBlocks: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x20000, 0x3fffd],
];

function cellsOf(cluster: string): number {
  if (/^[\p{Mn}\p{Me}\p{Cf}]+$/u.test(cluster)) return 0;
  if (/\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F/u.test(cluster)) return 2;
  const point = cluster.codePointAt(0)!;
  return wideBlocks.some(([from, to]) => point >= from && point <= to) ? 2 : 1;
}

/** The text without anything that a terminal would obey: control characters become pictures (`␛`), characters that
 *  reorder what follows and halves of surrogate pairs become `�`. Line ends become spaces. */
export function visibleText(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\r?\n/g, " ").replace(/[\u0000-\u001f\u007f]/g, picture)
    .replace(/[\u0080-\u009f\u202a-\u202e\u2066-\u2069]|\p{Cs}/gu, "\ufffd");
}

function picture(control: string): string {
  const code = control.charCodeAt(0);
  return code === 0x7f ? "\u2421" : String.fromCharCode(0x2400 + code);
}

/** Lays a line out from cell 0. The line has no line end. */
export function layOutLine(line: string): DisplayLine {
  const clusters: Cluster[] = [];
  let cell = 0;
  // made when it is first needed: that takes as long as reading a short program
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  for (const { segment, index } of segmenter.segment(line)) {
    const shown = visibleText(segment);
    const cells = segment === "\t" ? tabStop - cell % tabStop : cellsOf(shown);
    const text = segment === "\t" ? " ".repeat(cells) : shown;
    clusters.push({ text, offset: index, length: segment.length, cell, cells });
    cell += cells;
  }
  return { clusters, width: cell };
}

/** The cell at which the character that holds `offset` begins; the line's width after its end. */
export function cellAt(line: DisplayLine, offset: number): number {
  for (const c of line.clusters) if (offset < c.offset + c.length) return c.cell;
  return line.width;
}

/** The cell after the characters before `offset` (exclusive); a character cut by `offset` counts whole. */
export function cellAfter(line: DisplayLine, offset: number): number {
  let end = 0;
  for (const c of line.clusters) if (c.offset < offset) end = c.cell + c.cells;
  return end;
}

/** Number of cells of a text without tabs and line ends. */
export function displayWidth(text: string): number {
  return layOutLine(text).width;
}
