// How does a report stand in a terminal? Headings, tables, and small charts of braille dots, in colours where there are some; where there are
// none, lines that meet in one chart are drawn with letters.
import { displayWidth, visibleText } from "../dsl/text/display_width.ts";
import { wrapText } from "../dsl/text/wrap.ts";
import { type Axis, axisFor } from "./axis.ts";
import { lookOf } from "./looks.ts";
import {
  type Block,
  type Cell,
  type Chart,
  type Images,
  type Intervals,
  moreRows,
  mostRows,
  type Report,
  type Section,
  type Series,
  type Table,
} from "./report.ts";

/** Where it is shown. */
export interface Terminal {
  /** Cells in a line. */
  readonly width: number;
  readonly color: boolean;
}

/** Rows of a chart, and the columns that it has at most. */
const rows = 10;
const mostColumns = 72;

/** The lines of a report. */
export function textOfReport({ title, warnings, sections }: Report, terminal: Terminal): string {
  const { width, color } = terminal;
  const head = [
    ...wrapped(title, width).map((line) => bold(line, color)),
    ...warnings.flatMap((text) => wrapped(`! ${text}`, width, 2)),
  ];
  const parts = [head, ...sections.map((section) => sectionLines(section, terminal))];
  return `${parts.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function sectionLines({ title, about, blocks }: Section, terminal: Terminal): string[] {
  const { width, color } = terminal;
  const heading = wrapped(title, width);
  const rule = "─".repeat(Math.min(width, Math.max(...heading.map(displayWidth))));
  const parts = blocks.map((block) => blockLines(block, terminal));
  return [
    ...heading.map((line) => bold(line, color)),
    rule,
    ...(about === undefined ? [] : wrapped(about, width)),
    ...parts.flatMap((lines, i) => i === 0 && about === undefined ? lines : ["", ...lines]),
  ];
}

const bold = (text: string, color: boolean) => color ? `\x1b[1m${text}\x1b[22m` : text;

function blockLines(block: Block, terminal: Terminal): string[] {
  switch (block.kind) {
    case "words":
      return wrapped(block.text, terminal.width);
    case "chart":
      return chartLines(block, terminal);
    case "intervals":
      return intervalLines(block, terminal);
    case "table":
      return tableLines(block, terminal);
    case "images":
      return wrapped(imagesText(block), terminal.width);
  }
}

const imagesText = ({ title, width, height, count, range: [low, high] }: Images) =>
  `${title}: ${count} ${count === 1 ? "image" : "images"} of ${width} × ${height}, from ${shortly(low)} to ${
    shortly(high)
  }; \`report\` shows them`;

const shortly = (x: number) => String(Number(x.toPrecision(5))).replace("e+", "e");

// -------------------------------------------------------------------------------------------------------------- words

/** Lines of words that a terminal obeys in nothing. */
const wrapped = (text: string, width: number, indent = 0) => wrapText(visibleText(text), width, indent);

/** As much of it as has room. */
function cut(text: string, cells: number): string {
  const shown = visibleText(text);
  if (displayWidth(shown) <= cells) return shown;
  let kept = "";
  for (const character of shown) {
    if (displayWidth(kept + character) >= cells) break;
    kept += character;
  }
  return `${kept}…`;
}

const padded = (text: string, cells: number) => text + " ".repeat(Math.max(0, cells - displayWidth(text)));

// ------------------------------------------------------------------------------------------------------------- tables

const textOf = (cell: Cell) => visibleText(typeof cell === "string" ? cell : cell.shown);

/** A table; where the terminal is narrower, a paragraph for each row. */
function tableLines({ title, head, rows: all }: Table, { width }: Terminal): string[] {
  const rows = all.slice(0, mostRows);
  const more = moreRows(all);
  const end = more === undefined ? [] : [`  ${more}`];
  const cells = rows.map((row) => row.map(textOf));
  const right = head.map((_, c) => rows.some((row) => typeof row[c] === "object"));
  const widths = head.map((text, c) =>
    Math.max(displayWidth(visibleText(text)), ...cells.map((row) => displayWidth(row[c] ?? "")))
  );
  const heading = title === undefined ? [] : wrapped(title, width);
  const whole = widths.reduce((sum, w) => sum + w + 2, 0);
  if (whole > width) return [...heading, ...cells.flatMap((row) => rowLines(head, row, width)), ...end];
  const line = (row: readonly string[]) =>
    `  ${
      row.map((text, c) => right[c] ? " ".repeat(widths[c]! - displayWidth(text)) + text : padded(text, widths[c]!))
        .join("  ")
    }`.trimEnd();
  return [...heading, line(head.map(visibleText)), ...cells.map(line), ...end];
}

function rowLines(head: readonly string[], row: readonly string[], width: number): string[] {
  const [first = "", ...rest] = row;
  const told = rest.flatMap((text, i) => {
    const name = visibleText(head[i + 1] ?? "");
    return text === "" ? [] : [name === "" ? text : `${name}: ${text}`];
  });
  return [...indented(first, width, 2), ...told.flatMap((text) => indented(text, width, 4))];
}

/** Lines of words behind spaces, those after the first one further in. */
const indented = (text: string, width: number, by: number): string[] =>
  wrapped(text, width - by, 2).map((line) => " ".repeat(by) + line);

// ------------------------------------------------------------------------------------------------------------- charts

/** Lines that letters tell apart. */
const letters = "abcdefghijklmnopqrstuvwxyz";

function chartLines(chart: Chart, terminal: Terminal): string[] {
  const { title, x: xLabel, y: yLabel, series, note } = chart;
  const { width, color } = terminal;
  const numbers = function* (of: "x" | "y") {
    for (const { [of]: values } of series) for (let i = 0; i < values.length; i++) yield values[i]!;
  };
  const y = axisFor(numbers("y"), { ticks: 4, log: true, room: true });
  const x = axisFor(numbers("x"), { ticks: 4, whole: true });
  const margin = Math.min(16, Math.max(3, ...y.ticks.map(({ label }) => label.length)));
  const columns = Math.max(8, Math.min(mostColumns, width - margin - 2));
  const lettered = !color && series.length > 1;
  const canvas = lettered ? letterCanvas(series, { x, y, columns }) : brailleCanvas(series, { x, y, columns, color });
  const labels = new Map(y.ticks.map(({ value, label }) => [rowOf(y.at(value)), label]));
  const said = y.kind === "log" ? `${yLabel} (log scale)` : yLabel;
  return [
    ...wrapped(`${title === yLabel ? "" : `${title}: `}${said} by ${xLabel}`, width).map((line) => bold(line, color)),
    ...canvas.map((line, r) =>
      `${(labels.get(r) ?? "").padStart(margin)} ${labels.has(r) ? "┤" : "│"}${line}`.trimEnd()
    ),
    `${" ".repeat(margin)} └${"─".repeat(columns)}`,
    `${" ".repeat(margin + 2)}${tickLine(x, columns)}`.trimEnd(),
    ...legendLines(series, { ...terminal, lettered }),
    ...(note === undefined ? [] : wrapped(note, width)),
  ];
}

const rowOf = (at: number) => Math.min(rows - 1, Math.max(0, Math.floor((1 - at) * rows)));

/** Numbers below the axis, each around its place. */
function tickLine(x: Axis, columns: number): string {
  let line = "";
  for (const { value, label } of x.ticks) {
    const place = Math.round(x.at(value) * (columns - 1) - (label.length - 1) / 2);
    const begin = Math.max(0, Math.min(columns - label.length, place));
    if (begin > line.length || line === "") line = line.padEnd(begin) + label;
  }
  return line;
}

function legendLines(
  series: readonly Series[],
  { width, color, lettered }: Terminal & { readonly lettered: boolean },
): string[] {
  const named = series.filter(({ label }) => label !== "");
  if (named.length === 0) return [];
  if (series.length > letters.length) return wrapped(`${series.length} lines, not told apart`, width);
  return series.flatMap(({ label, look }, i) => {
    if (label === "") return [];
    const mark = lettered ? letters[i]! : "──";
    const text = cut(label, width - 4 - mark.length);
    return [`  ${color ? painted(mark, look) : mark} ${text}`];
  });
}

const painted = (text: string, look: number) => `\x1b[38;5;${lookOf(look).terminal}m${text}\x1b[39m`;

interface Field {
  readonly x: Axis;
  readonly y: Axis;
  readonly columns: number;
}

/** Visits every cell, of so many across and down, that a line goes through. */
function trace(
  { x: xs, y: ys }: Series,
  { x, y }: Field,
  { across, down, visit }: {
    readonly across: number;
    readonly down: number;
    readonly visit: (c: number, r: number) => void;
  },
): void {
  let before: readonly [number, number] | undefined;
  for (let i = 0; i < Math.min(xs.length, ys.length); i++) {
    if (!Number.isFinite(ys[i]!)) {
      before = undefined;
      continue;
    }
    const here = [
      Math.min(across - 1, Math.max(0, Math.round(x.at(xs[i]!) * (across - 1)))),
      Math.min(down - 1, Math.max(0, Math.round((1 - y.at(ys[i]!)) * (down - 1)))),
    ] as const;
    const [c, r] = before ?? here;
    const steps = Math.max(1, Math.abs(here[0] - c), Math.abs(here[1] - r));
    for (let k = before ? 1 : 0; k <= steps; k++) {
      visit(Math.round(c + (here[0] - c) * k / steps), Math.round(r + (here[1] - r) * k / steps));
    }
    before = here;
  }
}

/** Which bit of a braille character a dot is, by its column and row in it (Unicode, "Braille Patterns"). */
const dots = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]] as const;

function brailleCanvas(series: readonly Series[], field: Field & { readonly color: boolean }): string[] {
  const { columns, color } = field;
  const bits = Array.from({ length: rows }, () => new Uint8Array(columns));
  const looks = Array.from({ length: rows }, () => new Int32Array(columns));
  for (const one of series) {
    const visit = (c: number, r: number) => {
      bits[r >> 2]![c >> 1]! |= dots[c % 2 as 0 | 1][r % 4]!;
      looks[r >> 2]![c >> 1] = one.look;
    };
    trace(one, field, { across: columns * 2, down: rows * 4, visit });
  }
  return bits.map((line, r) => {
    const cells = Array.from(line, (bit, c) => {
      if (bit === 0) return " ";
      const dot = String.fromCharCode(0x2800 + bit);
      return color && series.length > 1 ? painted(dot, looks[r]![c]!) : dot;
    });
    return cells.join("").trimEnd();
  });
}

function letterCanvas(series: readonly Series[], field: Field): string[] {
  const cells = Array.from({ length: rows }, () => new Array<string>(field.columns).fill(" "));
  series.forEach((one, i) => {
    const mark = letters[i] ?? "·";
    const visit = (c: number, r: number) => {
      const there = cells[r]![c]!;
      cells[r]![c] = there === " " || there === mark ? mark : "*";
    };
    trace(one, field, { across: field.columns, down: rows, visit });
  });
  return cells.map((line) => line.join("").trimEnd());
}

// ---------------------------------------------------------------------------------------------------------- intervals

function intervalLines({ title, x: xLabel, rows: all, zero, note }: Intervals, { width, color }: Terminal): string[] {
  const rows = all.slice(0, mostRows);
  const more = moreRows(all);
  const numbers = rows.flatMap(({ mean, interval }) => [mean, ...interval ?? []]);
  const x = axisFor([...numbers, ...(zero ? [0] : [])], { ticks: 4, room: true });
  const margin = Math.min(
    Math.floor(width / 3),
    Math.max(4, ...rows.map(({ label }) => displayWidth(visibleText(label)))),
  );
  const columns = Math.max(8, Math.min(mostColumns, width - margin - 3));
  const place = (value: number) => Math.min(columns - 1, Math.max(0, Math.round(x.at(value) * (columns - 1))));
  const lines = rows.map(({ label, look, mean, interval }) => {
    const cells = new Array<string>(columns).fill(" ");
    if (zero) cells[place(0)] = "┊";
    if (interval?.every(Number.isFinite)) {
      const [from, to] = interval.map(place) as [number, number];
      cells.fill("─", from, to + 1);
      cells[from] = "├";
      cells[to] = "┤";
    }
    if (Number.isFinite(mean)) cells[place(mean)] = "●";
    const drawn = cells.join("").trimEnd();
    return `  ${padded(cut(label, margin), margin)} ${color ? painted(drawn, look) : drawn}`.trimEnd();
  });
  const under = " ".repeat(margin + 3);
  return [
    ...wrapped(`${title}: ${xLabel}`, width).map((line) => bold(line, color)),
    ...lines,
    ...(more === undefined ? [] : [`  ${more}`]),
    `${under}${tickLine(x, columns)}`.trimEnd(),
    ...(note === undefined ? [] : wrapped(note, width)),
  ];
}
