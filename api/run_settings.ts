// Which runs are of one setting? Those that differ by their seeds alone; a setting is called by what tells it from the others.
import { fileSystem } from "../runtime/record/file_system.ts";
import { FileAccessError, fileAccessError } from "../runtime/record/files.ts";
import type { Json } from "../runtime/record/metrics.ts";
import { quantitiesOf } from "./compared_values.ts";
import type { Setting } from "./comparison.ts";
import { knownRun, readJson, type SaidOfRun } from "./said_of_run.ts";

/** A run folder, read. */
export interface StoredRun {
  /** Its path as it was given. */
  readonly folder: string;
  readonly said: SaidOfRun;
  /** `summary.json`. */
  readonly account: { readonly [key: string]: Json };
  /** The text of the program and of its imports. */
  readonly texts: readonly string[];
}

/** Reads run folders. Throws FileAccessError for what is none, and for a run that has not ended. */
export function readRunFolder(path: string): StoredRun {
  const folder = path.replace(/(?<=.)\/+$/, "");
  const said = knownRun(folder);
  const account = readJson(`${folder}/summary.json`) as StoredRun["account"] | undefined;
  if (!account) {
    throw new FileAccessError(
      `The run of \`${folder}\` has not ended: it has no \`summary.json\`. \`resume ${folder}\` goes on with it`,
    );
  }
  return { folder, said, account, texts: readRunTexts(folder, said) };
}

/** The texts of the program and of its imports. Throws FileAccessError. */
export function readRunTexts(folder: string, { imports = [] }: Pick<SaidOfRun, "imports">): readonly string[] {
  return ["experiment.meta", ...imports.map(({ stored }) => stored)].map((name) => {
    try {
      return fileSystem.readTextFileSync(`${folder}/${name}`);
    } catch (error) {
      throw fileAccessError(error, { action: "read", path: `${folder}/${name}` });
    }
  });
}

/** How a run ended that has not computed or not written all of its program. */
export interface NotWhole {
  readonly folder: string;
  readonly outcome: string;
  /** Why it failed. */
  readonly failure?: string;
  /** Files that could not be written. */
  readonly missing?: readonly string[];
}

/** The runs that are not whole: what is absent of their numbers stands in no table, and other numbers are of where they stopped. */
export function notWhole(runs: readonly Pick<StoredRun, "folder" | "account">[]): readonly NotWhole[] {
  return runs.flatMap(({ folder, account }) => {
    const { outcome, failure, missing } = account as unknown as NotWhole;
    if (outcome === "done" && !missing) return [];
    return [{ folder, outcome, ...(failure === undefined ? {} : { failure }), ...(missing ? { missing } : {}) }];
  });
}

/** What is said of a run that is not whole: `runs/a: stopped; \`resume runs/a\` goes on`. */
export function endOf({ folder, outcome, failure, missing }: NotWhole): string {
  const how = failure === undefined ? outcome : `${outcome}: ${failure}`;
  const parts = [
    ...(outcome === "done" ? [] : [how]),
    ...(missing ? [`not written: ${missing.join(", ")}`] : []),
  ];
  const goesOn = folder !== "" && (outcome !== "done" && failure === undefined || missing)
    ? `; \`resume ${folder}\` goes on`
    : "";
  return `${folder === "" ? "A run" : folder}: ${parts.join("; ")}${goesOn}`;
}

/** What a setting is, by the names that it is told with: all that may change numbers, but for the seed. */
function factsOf({ said, account, texts, folder }: StoredRun): Map<string, string> {
  const inputs = Object.entries(said.inputs).map(([name, value]) => [name, String(value)] as const);
  return new Map([
    ...inputs,
    ["backend", String(account.backend)],
    ["memory", said.memory === null ? "not given" : String(said.memory)],
    ["precision", String(account.precision)],
    ["data", JSON.stringify(said.data.map(({ path, sha256 }) => [path, sha256]))],
    ["tasks", said.tasks?.sha256 ?? "none"],
    ["version", said.versions?.meta ?? "unknown"],
    ["program", JSON.stringify(texts)],
    ["folder", folder],
  ]);
}

/** Facts whose values are too long to be told: where they differ the folder is named. */
const untold: readonly string[] = ["data", "tasks", "program"];

/** Groups runs by their settings, in the order in which they come. Two runs of one setting with the same seed are two settings; where all
 *  are of one, it is called by its program. */
export function settingsOf(runs: readonly StoredRun[]): readonly (Setting & { readonly folders: readonly string[] })[] {
  const groups: { readonly facts: Map<string, string>; readonly runs: StoredRun[] }[] = [];
  for (const run of runs) {
    const facts = factsOf(run);
    const { folder: _, ...key } = Object.fromEntries(facts);
    const group = groups.find(({ facts, runs }) => {
      const { folder: _, ...other } = Object.fromEntries(facts);
      return sameEntries(key, other) && runs.every(({ said }) => said.seed !== run.said.seed);
    });
    if (group) group.runs.push(run);
    else groups.push({ facts, runs: [run] });
  }
  const differing = differingNames(groups.map(({ facts }) => facts));
  const [only] = groups;
  const labels = groups.length === 1 && only!.runs.length > 1
    ? [only!.runs[0]!.said.program]
    : groups.map(({ facts }) => labelOf(facts, differing));
  return groups.map(({ facts, runs }, i) => ({
    // a name of its own, where what is told of two is the same
    label: labels.filter((label) => label === labels[i]).length === 1 ? labels[i]! : facts.get("folder")!,
    folders: runs.map(({ folder }) => folder),
    runs: runs.map(({ said, account }) => ({ seed: said.seed, quantities: quantitiesOf(account) })),
  }));
}

/** What tells runs apart: of each fact that is not the same in all of them its name and its value in each; A, B, … where that is too long to
 *  be told. */
export function differencesBetween(
  runs: readonly StoredRun[],
): readonly { readonly name: string; readonly values: readonly string[] }[] {
  const facts = runs.map(factsOf);
  return differingNames(facts).map((name) => {
    const values = facts.map((each) => each.get(name) ?? "as declared");
    const each = [...new Set(values)];
    return { name, values: untold.includes(name) ? values.map((value) => lettered(each.indexOf(value))) : values };
  });
}

/** A, B, … */
export const lettered = (i: number) => i < 26 ? String.fromCharCode(65 + i) : `Z${i - 25}`;

const sameEntries = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>) => {
  const names = Object.keys({ ...a, ...b });
  return names.every((name) => a[name] === b[name]);
};

/** Names by which some settings differ, but for their folders. */
function differingNames(all: readonly Map<string, string>[]): string[] {
  const names = new Set(all.flatMap((facts) => [...facts.keys()]));
  names.delete("folder");
  return [...names].filter((name) => new Set(all.map((facts) => facts.get(name))).size > 1);
}

function labelOf(facts: ReadonlyMap<string, string>, differing: readonly string[]): string {
  const told = differing.filter((name) => !untold.includes(name));
  if (told.length < differing.length || told.length === 0) return facts.get("folder")!;
  return told.map((name) => `${name} = ${facts.get(name) ?? "as declared"}`).join(", ");
}
