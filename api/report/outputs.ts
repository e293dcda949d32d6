// What is shown of outputs? Each in a row: its entries where these are few, else shape, extremes and mean; a matrix that has room as a table.
import type { Block, Cell, Section, Table } from "../../draw/report.ts";
import type { HostArray } from "../../runtime/ir/types.ts";
import { mostShownEntries } from "../numbers.ts";
import { oddEntries, outputValue } from "../report_text.ts";
import type { ArrayAccount } from "./account.ts";
import { exact, short } from "./cells.ts";
import { imagesIn } from "./image_shapes.ts";
import { namedRuns, type RunGroup } from "./lines.ts";
import type { NumberArray, ReportedRun } from "./reported_run.ts";

/** Outputs that are shown. */
const mostOutputs = 60;

/** Rows and columns of a matrix that is a table. */
const mostRows = 20;
const mostColumns = 12;

/** Matrices that are tables. */
const mostTables = 12;

/** Outputs of every shape; those that are images stand below as such, too. */
export function outputSection(groups: readonly RunGroup[]): Section[] {
  const runs = namedRuns(groups);
  const several = runs.length > 1;
  const there = runs.flatMap(({ run, label }) => (run.account.outputs ?? []).map((output) => ({ run, label, output })));
  if (there.length === 0) return [];
  // of what is not shown no file is read
  const all = there.slice(0, mostOutputs);
  const rows = all.map(({ run, label, output }): Cell[] => [
    ...(several ? [label] : []),
    output.name,
    output.after === undefined ? "" : `after ${output.after}`,
    output.tasks === undefined ? "" : `${output.tasks}, on axis 0`,
    valueCell(run, output),
  ]);
  const columns = [...(several ? ["run"] : []), "output", "when", "tasks", "value"];
  const told = columns.map((_, c) => rows.some((row) => row[c] !== ""));
  const table: Table = {
    kind: "table",
    head: columns.filter((_, c) => told[c]),
    rows: rows.map((row) => row.filter((_, c) => told[c])),
  };
  const more = there.length - all.length;
  const rest: Block[] = more > 0 ? [{ kind: "words", text: `${more} more stand in the folders, in outputs/` }] : [];
  const matrices = all.flatMap(({ run, label, output }) =>
    matrixOf(run, output, label === "" ? output.name : `${output.name}, ${label}`)
  );
  return [{ title: "Outputs", blocks: [table, ...rest, ...matrices.slice(0, mostTables)] }];
}

function valueCell(run: ReportedRun, output: ArrayAccount): Cell {
  const { dtype, shape, nonFinite = 0 } = output;
  const array = run.entries(output);
  if (!array) return `[${shape.join(", ")}], not in the folder`;
  const value = hostArray(array, dtype);
  const note = oddEntries(value, nonFinite);
  const [only] = value.shape.length === 0 && note === "" ? Array.from(array.data) : [];
  return only !== undefined && value.dtype !== "bool" ? exact(only, value.dtype) : `${outputValue(value)}${note}`;
}

const hostArray = ({ shape, data }: NumberArray, dtype: string | undefined) => ({
  shape,
  data,
  dtype: (dtype ?? "f64") as HostArray["dtype"],
});

/** A matrix with more entries than stand in a row, and no more than a table has. */
function matrixOf(run: ReportedRun, output: ArrayAccount, title: string): Table[] {
  const { shape, dtype } = output;
  const [rows = 0, columns = 0] = shape;
  const size = rows * columns;
  if (shape.length !== 2 || size <= mostShownEntries || rows > mostRows || columns > mostColumns) return [];
  const array = run.entries(output);
  if (!array || imagesIn(shape, () => array)) return [];
  const isBool = dtype === "bool";
  const entry = (x: number): Cell =>
    isBool ? String(x !== 0) : dtype === "f32" || dtype === "f64" ? short(x) : exact(x);
  return [{
    kind: "table",
    title: `output ${title}`,
    head: ["", ...Array.from({ length: columns }, (_, c) => String(c))],
    rows: Array.from({ length: rows }, (_, r): Cell[] => [
      String(r),
      ...Array.from({ length: columns }, (_, c) => entry(array.data[r * columns + c]!)),
    ]),
  }];
}
