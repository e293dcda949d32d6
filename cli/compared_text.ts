// How is a comparison printed? The runs that are not whole or missed something, then for each number of the runs a table of the settings:
// mean, interval, and the difference to the first one, in pairs. Of `compare`, and at the end of a sweep.
import { type ComparedSetting, compareSettings, type Estimate } from "../api/comparison.ts";
import { shortNumber, tableText } from "../api/numbers.ts";
import { openText } from "../api/run_folders.ts";
import { endOf, type NotWhole, notWhole, readRunFolder, settingsOf, type StoredRun } from "../api/run_settings.ts";
import type { NamedRuns } from "../api/sweep_list.ts";
import { count } from "../dsl/text/words.ts";
import { type Json, jsonNumber } from "../runtime/record/metrics.ts";

/** Runs to compare, and those of them that no table has. */
export interface ToCompare {
  readonly compared: readonly StoredRun[];
  readonly broken: readonly NotWhole[];
  /** Runs of a sweep that have not ended, by their sweep. */
  readonly open: readonly { readonly sweep: string; readonly count: number; readonly of: number }[];
}

/** Reads the runs that folders stand for. Of a sweep those are compared that are done; what is named alone is compared as far as it got.
 *  Throws FileAccessError, also where a run that is named alone has not ended. */
export function readCompared(named: readonly NamedRuns[]): ToCompare {
  const compared: StoredRun[] = [];
  const broken: NotWhole[] = [];
  const open: ToCompare["open"][number][] = [];
  for (const { path, sweep, runs } of named) {
    const ended = runs.filter(({ standing }) => !sweep || standing !== "not begun" && standing !== "not ended");
    const read = ended.map(({ folder }) => readRunFolder(folder));
    broken.push(...notWhole(read));
    compared.push(...read.filter((_, i) => !sweep || ended[i]!.standing === "done"));
    if (ended.length < runs.length) open.push({ sweep: path, count: runs.length - ended.length, of: runs.length });
  }
  return { compared, broken, open };
}

/** All of it as text. */
export function comparedText(runs: ToCompare): string {
  const settings = settingsOf(runs.compared);
  const compared = compareSettings(settings);
  const named = settings.filter(({ label, folders }) => folders.length > 1 || folders[0] !== label);
  const heading = named.map(({ label, folders }) => [label, foldersText(folders)]);
  const parts = compared.map(({ name, settings }) => [name, ...tableOf(settings)].join("\n"));
  const lists = heading.length > 0 ? [tableText(heading, [false, false]).join("\n")] : [];
  const ends = [
    ...endLines(runs),
    ...runs.open.map(openText),
  ];
  const none = compared.length === 0 ? ["no loss, gradient or evaluation to compare"] : [];
  return `${[...lists, ...(ends.length > 0 ? [ends.join("\n")] : []), ...parts, ...none].join("\n\n")}\n`;
}

/** What is said of each run that is not whole or missed an `expect`. */
export function endLines({ broken, compared }: Pick<ToCompare, "broken" | "compared">): string[] {
  return [
    ...broken.map(endOf),
    ...missedOf(compared).map(({ folder, missed, expectations }) =>
      `${folder}: ${missed} of ${count(expectations, "expectation")} missed`
    ),
  ];
}

/** The same as objects. */
export function endObjects({ broken, compared }: Pick<ToCompare, "broken" | "compared">) {
  return [
    ...broken.map(({ missing, ...run }) => ({ kind: "notWhole", ...run, ...(missing ? { missing } : {}) })),
    ...missedOf(compared).map((run) => ({ kind: "missed", ...run })),
  ];
}

/** Of many folders the first and the last. */
function foldersText(folders: readonly string[]): string {
  return folders.length <= 5 ? folders.join(" ") : `${folders[0]} … ${folders.at(-1)} (${folders.length})`;
}

/** All of it as objects, a line each. */
export function comparedLines(runs: ToCompare): readonly { readonly [key: string]: Json }[] {
  const numbers = compareSettings(settingsOf(runs.compared));
  return [
    ...endObjects(runs),
    ...runs.open.map((sweep) => ({ kind: "notEnded", ...sweep })),
    ...numbers.flatMap(({ name, settings }) => settings.map((setting) => lineOf(name, setting))),
  ];
}

/** The runs that missed an `expect`. */
function missedOf(runs: readonly StoredRun[]) {
  return runs.flatMap(({ folder, account }) => {
    const [missed, expectations] = [Number(account.missed ?? 0), Number(account.expectations ?? 0)];
    return missed > 0 ? [{ folder, missed, expectations }] : [];
  });
}

/** The settings of one number, a row each. */
export function tableOf(settings: readonly ComparedSetting[]): string[] {
  const [first] = settings;
  const rows = settings.map(({ setting, value, difference }) => [
    setting,
    shortNumber(value.mean),
    intervalText(value),
    overText(value),
    ...(difference ? [shortNumber(difference.mean), intervalText(difference), `pairs: ${overText(difference)}`] : []),
  ]);
  const less = settings.length > 1 ? [`less ${first!.setting}`, "95 % interval"] : [];
  const head = ["", "mean", "95 % interval", "of", ...less];
  const right = [false, true, false, false, true, false, false];
  return tableText([head, ...rows], right).map((line) => `  ${line}`);
}

function intervalText({ interval }: Estimate): string {
  return interval ? `${shortNumber(interval[0])} .. ${shortNumber(interval[1])}` : "";
}

function overText({ count: number, over }: Estimate): string {
  return count(number, over.slice(0, -1));
}

function lineOf(name: string, { setting, seeds, value, difference }: ComparedSetting) {
  const estimate = ({ mean, interval, count, over }: Estimate) => ({
    value: jsonNumber(mean),
    interval: interval?.map(jsonNumber) ?? null,
    count,
    over,
  });
  const less = difference ? { difference: estimate(difference) } : {};
  return { kind: "compared", name, setting, seeds, ...estimate(value), ...less };
}
