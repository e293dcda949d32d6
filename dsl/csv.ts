// How is a CSV text split into cells? By Deno's standard library.
import { parse } from "npm:deno-std@1.4.0/csv/parse.js";

/** The rows of a CSV text (RFC 4180: quoted cells, doubled quotes, any line end). Throws SyntaxError when it is torn. */
export function parseCsv(text: string): string[][] {
  return parse(text) as string[][];
}
