// How far off was what the tests compared, at worst? Each column of docs/correctness.md is measured while its tests run; the last test of
// a file compares with the page, or hands the numbers over where the page is made (`deno task docs:correctness`).
import { assert, assertEquals, AssertionError } from "@std/assert";

/** What is measured of every primitive, estimator or program, and in what: roundings of a number, standard errors, parts of the largest
 *  number, or the difference itself. */
export const columns = {
  "reference": "roundings",
  "wasm, f32": "roundings",
  "wasm, f64": "roundings",
  "tensorflow, f32": "roundings",
  "forward": "parts",
  "transposed": "parts",
  "reverse": "parts",
  "second": "parts",
  "third": "parts",
  "batched": "parts",
  "wasm, first": "parts",
  "wasm, second": "parts",
  "closed form": "difference",
  "over seeds": "standard errors",
  "programs on wasm, f64": "difference",
  "programs on wasm, f32": "difference",
  "programs on tensorflow, f32": "difference",
} as const;

/** One of them. */
export type Column = keyof typeof columns;

/** What an error may be, and the worst that was; 0 where none may be. */
export interface Measured {
  readonly bound: number;
  readonly worst?: number | undefined;
}

/** Of each column, what errors of each primitive may be. */
export type Bounds = { readonly [column in Column]?: Readonly<Record<string, number>> };

const worst = new Map<string, number>();
const key = (column: Column, row: string) => `${column}: ${row}`;

/** Notes an error. */
function note(column: Column, row: string, error: number): void {
  const place = key(column, row);
  worst.set(place, Math.max(error, worst.get(place) ?? 0));
}

/** Asserts that an error is at most `bound` parts of `scale`, and notes it. */
export function held(
  [column, row]: readonly [Column, string],
  error: number,
  { bound, scale, says }: { readonly bound: number; readonly scale: number; readonly says: () => string },
): void {
  if (!(error <= bound * scale)) throw new AssertionError(says());
  note(column, row, error === 0 ? 0 : error / scale);
}

const counted = (column: Column) => /roundings|errors/.test(columns[column]);

/** How the page names an error: rounded up to whole roundings or standard errors, to a power of ten, or to one digit; below 1e-16
 *  nothing is told apart. */
function named(column: Column, error: number): number {
  if (counted(column)) return Math.ceil(error);
  const [digit, power] = Math.max(error, 1e-16).toExponential().split("e");
  const least = Math.ceil(Number(digit) - 1e-6);
  return Number(columns[column] === "parts" && least > 1 ? `1e${Number(power) + 1}` : `${least}e${power}`);
}

/** `2e-5`, as it stands on the page. */
export const written = (n: number): string => n > 0 && n < 1e-3 ? n.toExponential() : String(n);

/** Another processor, with or without fused multiplication, may round otherwise: one rounding more, or less than one power of ten. A
 *  rounding is 2e-16, in f32 1.2e-7, so that a few of them are no more than 1e-15 or 5e-7. */
const allowed = (column: Column, told: number) =>
  counted(column) ? told + 1 : 10 * Math.max(told, column.endsWith("f32") ? 5e-7 : 1e-15);

/** `2 of 3`, `exact`, and `of 3` for what was not measured. */
export function cellOf(column: Column, { bound, worst }: Measured): string {
  if (bound === 0) return "exact";
  return `${worst === undefined ? "" : `${written(named(column, worst))} `}of ${written(bound)}`;
}

/** The row of the page with the bounds of columns in which all are the same. */
export const boundsRow = "allowed";
/** Stands there for what was not measured. */
export const unmeasured = "—";

/** What the page says, by column and primitive. */
function cellsOf(page: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const found = new Map<string, Map<string, string>>();
  const common = new Map<string, string>();
  let titles: readonly string[] = [];
  for (const line of page.split("\n")) {
    const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
    if (cells.length === 0) titles = [];
    else if (titles.length === 0) titles = cells;
    else if (!cells[0]!.startsWith("-")) {
      const op = cells[0]!.replaceAll("`", "");
      cells.slice(1).forEach((cell, i) => {
        const title = titles[i + 1]!;
        if (op === boundsRow) common.set(title, ` of ${cell}`);
        else if (cell !== "") {
          const whole = `${cell}${common.get(title) ?? ""}`.replace(`${unmeasured} `, "");
          found.set(title, (found.get(title) ?? new Map()).set(op, whole));
        }
      });
    }
  }
  return found;
}

/** The last test of a file: rows and bounds are those of the page, and no error is larger than the page names it. */
export function measuredTest(mine: Bounds): void {
  const names = Object.keys(mine) as Column[];
  Deno.test(`docs/correctness.md says what was measured: ${names.join("; ")}`, () => {
    const measured = Object.fromEntries(names.map((name) => [
      name,
      Object.fromEntries(
        Object.entries(mine[name]!).map(([op, bound]) => [op, { bound, worst: worst.get(key(name, op)) }]),
      ),
    ]));
    const folder = Deno.env.get("MEASURED");
    if (folder !== undefined) {
      Deno.writeTextFileSync(`${folder}/${names.join(" ")}.json`, JSON.stringify(measured));
      return;
    }
    const page = cellsOf(Deno.readTextFileSync(new URL("../../docs/correctness.md", import.meta.url)));
    for (const name of names) {
      const told = page.get(name) ?? new Map<string, string>();
      const bounds = (cells: Iterable<readonly [string, string]>) =>
        Object.fromEntries([...cells].map(([op, cell]) => [op, cell.replace(/^\S+ (?=of)/, "")]));
      const expected = Object.entries(measured[name]!).map(([op, { bound }]) => [op, cellOf(name, { bound })] as const);
      assertEquals(bounds(told), bounds(expected), `${name}: run deno task docs:correctness`);
      for (const [op, { bound, worst }] of Object.entries(measured[name]!)) {
        if (worst === undefined) continue;
        const most = bound === 0
          ? 0
          : told.get(op)!.startsWith("of")
          ? bound
          : allowed(name, parseFloat(told.get(op)!));
        assert(worst <= most, `${name}, ${op}: ${worst}, and the page says ${told.get(op)}`);
      }
    }
  });
}
