// How is a number shown? Exactly where it is an answer, shortly where it is a figure to look at.
import { type HostArray, sizeOf } from "../runtime/ir/types.ts";
import { type Sizes, sizesOf } from "../runtime/loop/statistics.ts";

/** The shortest decimal that reads back as the same number: of f32 when `dtype` says so, else of f64. */
export function exactNumber(x: number, dtype: HostArray["dtype"] = "f64"): string {
  if (dtype !== "f32" || !Number.isFinite(x)) return String(x);
  for (let digits = 1; digits < 9; digits++) {
    const text = x.toPrecision(digits);
    if (Math.fround(Number(text)) === x) return String(Number(text));
  }
  return String(Number(x.toPrecision(9))); // nine digits tell all f32 apart
}

/** The shorter of `0.25` and `2.5e-1`, exact: for tolerances. */
export function compactNumber(x: number): string {
  const exponential = x.toExponential().replace("e+", "e");
  return exponential.length < String(x).length ? exponential : String(x);
}

/** Five significant digits, zeros kept so that columns line up. */
export function shortNumber(x: number): string {
  if (!Number.isFinite(x) || x === 0) return String(x);
  const size = Math.abs(x);
  return size >= 1e-3 && size < 1e5 ? x.toPrecision(5) : x.toExponential(4).replace("e+", "e");
}

/** `5 min 23 s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "unknown time";
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const hours = Math.floor(whole / 3600);
  return `${hours} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Arrays with at most this many entries are shown in full. */
export const mostShownEntries = 8;

/** An array as far as it is shown. */
export interface ShownArray extends Pick<HostArray, "dtype" | "shape"> {
  readonly data: ArrayLike<number>;
}

/** An array in one line: one entry as a number, few in brackets, else shape, norm and extremes. */
export function arrayText({ dtype, shape, data }: ShownArray): string {
  const entry = (x: number) => dtype === "bool" ? String(x !== 0) : exactNumber(x, dtype);
  if (data.length === 1) return entry(data[0]!);
  if (sizeOf(shape) <= mostShownEntries) return nested(shape, Array.from<number>(data).map(entry));
  return manyText(shape, sizesOf(data));
}

/** `[41, 3]  norm 5.3000, from -1.0000 to 2.0000`. */
export const manyText = (shape: readonly number[], { norm, least, largest }: Sizes): string =>
  `[${shape.join(", ")}]  norm ${shortNumber(norm)}, from ${shortNumber(least)} to ${shortNumber(largest)}`;

function nested(shape: readonly number[], entries: readonly string[]): string {
  if (shape.length === 0) return entries[0]!;
  const [length, ...inner] = shape as [number, ...number[]];
  const size = sizeOf(inner);
  return `[${Array.from({ length }, (_, i) => nested(inner, entries.slice(i * size, (i + 1) * size))).join(", ")}]`;
}

/** Numbers below each other: a space stands where others have a minus. */
export function alignSigns(texts: readonly string[]): string[] {
  return texts.some((t) => t.startsWith("-")) ? texts.map((t) => t.startsWith("-") ? t : ` ${t}`) : [...texts];
}

/** Rows as text: columns two spaces apart, `right` says which are aligned to the right. */
export function tableText(rows: readonly (readonly string[])[], right: readonly boolean[]): string[] {
  const widths = right.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, c) => right[c] ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)).join("  ").trimEnd()
  );
}
