// What does `meta.ts compare DIR DIR …` print? For each number of the runs a table of the settings: mean, interval, and the difference to
// the first one, in pairs.
import { type ComparedSetting, compareSettings, type Estimate } from "../api/comparison.ts";
import { type NotWhole, notWhole, readRunFolder, settingsOf } from "../api/run_settings.ts";
import { count } from "../dsl/text/words.ts";
import { UseError } from "../runtime/errors.ts";
import { jsonNumber } from "../runtime/record/metrics.ts";
import { type CommandLine } from "./arguments.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";
import { shortNumber, tableText } from "../api/numbers.ts";

/** Runs the verb; the exit code. Throws FileAccessError for what is no run folder, UseError for one that is given twice. */
export function compareVerb({ files, json }: CommandLine, console: Console): number {
  const runs = files.map(readRunFolder);
  refuseTwice(files);
  const broken = notWhole(runs);
  const settings = settingsOf(runs);
  const compared = compareSettings(settings);
  if (json) {
    for (const run of broken) console.out(`${JSON.stringify({ kind: "notWhole", ...run })}\n`);
    for (const { name, settings } of compared) {
      for (const setting of settings) console.out(`${JSON.stringify(lineOf(name, setting))}\n`);
    }
    return exitCodes.done;
  }
  const named = settings.filter(({ label, folders }) => folders.length > 1 || folders[0] !== label);
  const heading = named.map(({ label, folders }) => [label, folders.join(" ")]);
  const parts = compared.map(({ name, settings }) => [name, ...tableOf(settings)].join("\n"));
  const lists = heading.length > 0 ? [tableText(heading, [false, false]).join("\n")] : [];
  const ends = broken.length > 0 ? [broken.map(endOf).join("\n")] : [];
  console.out(`${[...lists, ...ends, ...parts].join("\n\n")}\n`);
  return exitCodes.done;
}

/** A run beside itself would be a setting of its own, and its differences 0. */
function refuseTwice(folders: readonly string[]): void {
  const places = folders.map((folder) => Deno.realPathSync(folder));
  const again = places.findIndex((place, i) => places.indexOf(place) < i);
  if (again >= 0) throw new UseError(`\`${folders[again]}\` is given twice`);
}

/** What is said of a run that is not whole, beside the tables. */
function endOf({ folder, outcome, failure, missing }: NotWhole): string {
  const how = failure === undefined ? outcome : `${outcome}: ${failure}`;
  const parts = [
    ...(outcome === "done" ? [] : [how]),
    ...(missing ? [`not written: ${missing.join(", ")}`] : []),
  ];
  const goesOn = outcome === "stopped" || missing ? `; \`resume ${folder}\` goes on` : "";
  return `${folder}: ${parts.join("; ")}${goesOn}`;
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
