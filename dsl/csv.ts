// How is a table's text split into cells? By Deno's standard library.
import { parse } from "npm:deno-std@1.4.0/csv/parse.js";

/** The rows of a table in text (RFC 4180: quoted cells, doubled quotes, any line end). Throws SyntaxError when it is torn. */
export function parseTable(text: string, separator: "," | "\t"): string[][] {
  return parse(text, { separator }) as string[][];
}
