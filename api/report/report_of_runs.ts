// What is in the report of runs, and in which order? From runs that were read to a report as data.
import type { Block, Cell, Report, Section, Table } from "../../draw/report.ts";
import { compareSettings } from "../comparison.ts";
import { quantitiesOf } from "../compared_values.ts";
import { count } from "../../dsl/text/words.ts";
import { duration } from "../numbers.ts";
import { differencesBetween, endOf, lettered, notWhole, settingsOf } from "../run_settings.ts";
import { costSection } from "./cost.ts";
import { implicitDoubts, implicitSection } from "./implicit.ts";
import { recordedSections } from "./inner.ts";
import { imageSection, learnedSection } from "./learned.ts";
import { namedRuns, type RunGroup } from "./lines.ts";
import { differenceSection, evaluationSection, gradientSection } from "./measures.ts";
import { outputSection } from "./outputs.ts";
import type { ReportedRun } from "./reported_run.ts";
import { simulationSection, trainingSection } from "./training.ts";

/** Runs that differ by their seeds alone, with what tells them from the others. */
export interface LabelledRuns {
  readonly label: string;
  readonly runs: readonly ReportedRun[];
}

/** Groups runs by what they were run with. */
export function labelledRuns(runs: readonly ReportedRun[]): readonly LabelledRuns[] {
  const byFolder = new Map(runs.map((run) => [run.folder, run]));
  return settingsOf(runs).map(({ label, folders }) => ({
    label,
    runs: folders.map((folder) => byFolder.get(folder)!),
  }));
}

/** The report of runs. `absent`: what is said of runs that are not among them. */
export function reportOf(settings: readonly LabelledRuns[], absent: readonly string[] = []): Report {
  const alone = settings.length === 1;
  const groups = settings.map(({ label, runs }, look): RunGroup => ({ label: alone ? "" : label, look, runs }));
  const runs = settings.flatMap(({ runs }) => runs);
  const isWhole = (run: ReportedRun) => notWhole([run]).length === 0;
  const compared = compareSettings(settings.map(({ label, runs }) => ({
    label,
    runs: runs.filter(isWhole).map(({ said, account }) => ({ seed: said.seed, quantities: quantitiesOf(account) })),
  })));
  const looks = new Map(groups.map(({ label, look }) => [label, look]));
  const programs = new Set(runs.map(({ texts }) => JSON.stringify(texts))).size;
  return {
    title: titleOf(runs),
    warnings: firstOf([
      ...(programs > 1 ? [`These runs are of ${programs} different programs`] : []),
      ...absent,
      ...notWhole(runs).map(endOf),
      ...runs.flatMap(missedOf),
      ...runs.flatMap(implicitDoubts),
    ]),
    sections: [
      runsSection(groups),
      ...differingSection(groups),
      ...trainingSection(groups),
      ...simulationSection(groups),
      ...evaluationSection(groups),
      ...(alone ? [] : differenceSection(compared, looks)),
      ...gradientSection(groups),
      ...implicitSection(groups),
      ...recordedSections(groups),
      ...learnedSection(groups),
      ...outputSection(groups),
      ...imageSection(groups),
      ...costSection(groups),
    ],
  };
}

/** So many of a list; how many there are besides is said. */
function firstOf(warnings: readonly string[]): readonly string[] {
  const most = 20;
  return warnings.length <= most
    ? warnings
    : [...warnings.slice(0, most), `and ${warnings.length - most} more such runs`];
}

/** What is said of a run that missed an `expect`. */
function missedOf({ folder, account }: ReportedRun): string[] {
  const verdicts = (account.gradients ?? []).flatMap(({ expectations = [] }) => expectations);
  const missed = verdicts.filter(({ met }) => !met).length;
  const name = folder === "" ? "A run" : folder;
  return missed === 0 ? [] : [`${name}: ${missed} of ${count(verdicts.length, "expectation")} missed`];
}

function titleOf(runs: readonly ReportedRun[]): string {
  const programs = [...new Set(runs.map(({ said }) => said.program))];
  const [program] = programs;
  const named = programs.length === 1 && program ? program : "";
  if (runs.length === 1) return named === "" ? "A run" : `A run of ${named}`;
  return named === "" ? `${runs.length} runs` : `${runs.length} runs of ${named}`;
}

/** What each run is, and how it ended; what is the same in all of them is said once. */
function runsSection(groups: readonly RunGroup[]): Section {
  const runs = namedRuns(groups);
  const several = runs.length > 1;
  const columns: readonly (readonly [head: string, of: (run: ReportedRun) => Cell])[] = [
    ["seed", ({ said }) => ({ value: said.seed, shown: String(said.seed) })],
    ["ended", ({ account }) => account.outcome ?? "unknown"],
    ["time", ({ account: { seconds } }) => seconds === undefined ? "" : { value: seconds, shown: duration(seconds) }],
    ["backend", ({ account, said }) => account.backend ?? said.backend],
    ["precision", ({ account }) => account.precision ?? ""],
    ["version", ({ said }) => said.versions?.meta ?? ""],
    // where that is the name of each run it is said already
    ["folder", ({ folder }) => runs.every(({ run, label }) => run.folder === label) ? "" : folder],
  ];
  const shown = columns.map(([head, of]) => ({ head, cells: runs.map(({ run }) => of(run)) }));
  const isSame = ({ cells }: typeof shown[number]) =>
    several && new Set(cells.map((cell) => JSON.stringify(cell))).size === 1;
  // names of runs say it where there are several of a setting
  const named = (head: string) => head === "seed" && groups.some(({ runs }) => runs.length > 1);
  const told = shown.filter((column) =>
    !isSame(column) && !named(column.head) && column.cells.some((cell) => cell !== "")
  );
  const same = shown.filter((column) => isSame(column) && column.cells[0] !== "");
  const rows = runs.map(({ label }, i): Cell[] => [...(several ? [label] : []), ...told.map(({ cells }) => cells[i]!)]);
  const inputs = several ? [] : Object.entries(runs[0]!.run.said.inputs).map(([name, value]) => `${name} = ${value}`);
  const words = [
    ...inputs,
    ...same.map(({ head, cells: [cell] }) => `${head} ${typeof cell === "string" ? cell : cell!.shown}`),
  ];
  const what = several ? "All of them: " : "With ";
  return {
    title: several ? "Runs" : "Run",
    blocks: [
      ...(words.length === 0 ? [] : [{ kind: "words" as const, text: `${what}${words.join(", ")}` }]),
      { kind: "table", head: [...(several ? ["run"] : []), ...told.map(({ head }) => head)], rows },
    ],
  };
}

/** What tells settings apart. */
function differingSection(groups: readonly RunGroup[]): Section[] {
  if (groups.length < 2) return [];
  const differences = differencesBetween(groups.map(({ runs }) => runs[0]!));
  if (differences.length === 0) return [];
  const rows = groups.map(({ label }, i): Cell[] => [label, ...differences.map(({ values }) => values[i]!)]);
  const table = { kind: "table" as const, head: ["setting", ...differences.map(({ name }) => name)], rows };
  return [{ title: "What differs", blocks: [table, ...programBlocks(groups)] }];
}

/** Lines of both programs that are shown. */
const mostLines = 20;

/** The lines that one of two programs has and the other has not. */
function programBlocks(groups: readonly RunGroup[]): Block[] {
  // of one program may be several settings: both are called by the letters of the table
  const programs = new Map(groups.map(({ runs: [run] }) => [JSON.stringify(run!.texts), run!.texts]));
  if (programs.size !== 2) return [];
  const [a, b] = Array.from(
    programs.values(),
    (texts, i): LabelledLines => ({ label: `program ${lettered(i)}`, lines: texts.flatMap(saidLines) }),
  ) as [
    LabelledLines,
    LabelledLines,
  ];
  const [onlyA, onlyB] = [without(a, b), without(b, a)];
  if (onlyA.lines.length + onlyB.lines.length === 0) {
    return [{
      kind: "words",
      text: "The programs differ in comments and in how their lines are set, or in the order of these",
    }];
  }
  // what one does not take is the other's
  const room = (other: LabelledLines) => Math.max(mostLines / 2, mostLines - other.lines.length);
  return [...linesTable(onlyA, room(onlyB)), ...linesTable(onlyB, room(onlyA))];
}

function linesTable({ label, lines }: LabelledLines, most: number): Table[] {
  if (lines.length === 0) return [];
  const more = lines.length - most;
  const rest = more > 0 ? [[`and ${count(more, "line")} more`]] : [];
  const rows = [...lines.slice(0, most).map((line) => [line]), ...rest];
  return [{ kind: "table", title: `Lines that only ${label} has`, head: ["line"], rows }];
}

/** The lines of a program without comments and without the space in which they are set. */
const saidLines = (text: string) =>
  text.split("\n")
    .map((line) => line.replace(/("[^"]*")|\/\/.*/g, (_, quoted?: string) => quoted ?? "").replace(/\s+/g, " ").trim())
    .filter((line) => line !== "");

function without(own: LabelledLines, other: LabelledLines): LabelledLines {
  const there = new Set(other.lines);
  return { label: own.label, lines: own.lines.filter((line) => !there.has(line)) };
}

interface LabelledLines {
  readonly label: string;
  readonly lines: readonly string[];
}
