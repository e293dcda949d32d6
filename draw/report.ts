// What is a report? Sections of charts, tables and images as plain data, which know nothing of where they came from and nothing of how they
// are drawn: `html_report.ts` makes a page of them, `text_report.ts` lines for a terminal.

/** A report. */
export interface Report {
  readonly title: string;
  /** What must be known beside all of it: a run that failed, programs that differ. */
  readonly warnings: readonly string[];
  readonly sections: readonly Section[];
}

/** A part of a report under a heading. */
export interface Section {
  readonly title: string;
  /** How its charts are read, in a sentence or two. */
  readonly about?: string;
  readonly blocks: readonly Block[];
}

/** What stands in a section. */
export type Block = Chart | Intervals | Table | Images | Words;

/** A paragraph. */
export interface Words {
  readonly kind: "words";
  readonly text: string;
}

/** Lines over one axis. */
export interface Chart {
  readonly kind: "chart";
  readonly title: string;
  /** What its axes say, with a unit where there is one. */
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  /** What its lines are, where that needs words. */
  readonly note?: string;
  /** What its bands are. */
  readonly bands?: string;
}

/** A line. Where a value is not finite it is broken. */
export interface Series {
  readonly label: string;
  /** Which colour and which dashes: the same in every chart for what is the same. */
  readonly look: number;
  /** From left to right. */
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** A band from one to the other, entry by entry as `y`. */
  readonly band?: { readonly low: ArrayLike<number>; readonly high: ArrayLike<number> };
  /** It stands behind the others, thin. */
  readonly faint?: true;
}

/** Means with their intervals, one below the other on one axis. */
export interface Intervals {
  readonly kind: "intervals";
  readonly title: string;
  readonly x: string;
  readonly rows: readonly IntervalRow[];
  /** A line at 0: what crosses it may be nothing. */
  readonly zero?: true;
  readonly note?: string;
}

/** One of them. */
export interface IntervalRow {
  readonly label: string;
  readonly look: number;
  readonly mean: number;
  readonly interval?: readonly [number, number];
}

/** Rows of texts and numbers. */
export interface Table {
  readonly kind: "table";
  readonly title?: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Rows of a table, and of intervals, that are drawn; how many more there are is said. */
export const mostRows = 200;

/** `and 12 more`, where there are more rows than are drawn. */
export const moreRows = (rows: readonly unknown[]): string | undefined =>
  rows.length > mostRows ? `and ${rows.length - mostRows} more` : undefined;

/** A text, or a number with how it is shown. */
export type Cell = string | { readonly value: number; readonly shown: string };

/** Images of one size, from what they were made of. */
export interface Images {
  readonly kind: "images";
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** 1: grey; 3: red, green, blue, pixel by pixel. */
  readonly channels: 1 | 3;
  /** Image after image, row by row; what is least is black, what is largest is white. */
  readonly pixels: ArrayLike<number>;
  readonly count: number;
  /** Which numbers are black and white. */
  readonly range: readonly [low: number, high: number];
  readonly note?: string;
}
