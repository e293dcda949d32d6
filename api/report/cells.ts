// How does a number of a run stand in a table? Shortly, with all its digits behind it.
import type { Cell } from "../../draw/report.ts";
import type { HostArray } from "../../runtime/ir/types.ts";
import { exactNumber, shortNumber } from "../numbers.ts";
import { type Figure, figure } from "./account.ts";

/** Five digits; nothing where there is no number. */
export const short = (value: Figure | undefined): Cell =>
  value === null || value === undefined ? "" : cell(figure(value), shortNumber);

/** All digits that tell it from its neighbours. */
export const exact = (value: Figure | undefined, dtype: HostArray["dtype"] = "f64"): Cell =>
  cell(figure(value), (x) => exactNumber(x, dtype));

/** A count. */
export const whole = (value: number | undefined): Cell => value === undefined ? "" : cell(value, grouped);

/** `10,000`. */
export const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

const cell = (value: number, shown: (value: number) => string): Cell => ({ value, shown: shown(value) });

/** `0.1 .. 0.2`, empty where there is none. */
export const intervalText = (interval: readonly Figure[] | null | undefined): string =>
  interval ? interval.map((end) => shortNumber(figure(end))).join(" .. ") : "";
