// Which runs is a sweep to make? The product of its seeds and values, each with a folder and a command of its own; where a folder holds a
// sweep already, those of the list, and what is new to it behind them.
import { resolve } from "node:path";
import {
  readSweep,
  standingOf,
  sweepFormatVersion,
  type SweepList,
  type SweepRun,
  type SweptProgram,
} from "../api/sweep_list.ts";
import { realPathOf } from "../api/folder_contents.ts";
import { saidOf, whatIsAt } from "../api/said_of_run.ts";
import { version } from "../api/version.ts";
import { count, quoted } from "../dsl/text/words.ts";
import { UseError } from "../runtime/errors.ts";
import { FileAccessError } from "../runtime/record/files.ts";
import { sha256Of } from "../runtime/sha256.ts";
import { type CommandLine, type InputValues, parseArguments, type Swept } from "./arguments.ts";
import type { Prepared } from "./prepared.ts";
import { mostRuns } from "./value_lists.ts";

/** What is asked of a sweep. */
export interface SweepPlan {
  /** Its folder, as it was named. */
  readonly out: string;
  readonly options: readonly string[];
  /** All its runs. */
  readonly runs: readonly SweepRun[];
  /** The places in the list of those that are asked for. */
  readonly asked: readonly number[];
  /** What the folder says already. */
  readonly before: SweepList | undefined;
  /** The folder was named, and no program. */
  readonly byFolder: boolean;
}

/** The plan of a command line. Throws UseError and FileAccessError. */
export function planSweep(command: CommandLine): SweepPlan {
  const [file] = command.files as [string];
  const own = file.endsWith(".meta") ? undefined : readSweep(file);
  const plan = own ? goneOn(command, own) : begun(command);
  const places = plan.asked;
  const { only = places } = command;
  const beyond = only.find((place) => place >= plan.runs.length);
  if (beyond !== undefined) {
    throw new UseError(`\`--only ${beyond}\` is no run of the list: it has those from 0 to ${plan.runs.length - 1}`);
  }
  for (const { dir, seed, set } of plan.runs) {
    const folder = `${plan.out}/${dir}`;
    const said = saidOf(folder);
    const same = !said ||
      said.seed === seed && Object.entries(set).every(([name, value]) => said.inputs[name] === value);
    if (!same) throw new UseError(`\`${folder}\` holds another run than the list of the sweep says`);
  }
  return { ...plan, asked: only };
}

/** Whether the plan has runs that the folder's list has not. */
export const isLarger = ({ before, runs }: SweepPlan) => before?.runs.length !== runs.length;

/** What may be said beside the folder of a sweep. */
const besideFolder: readonly string[] = ["json", "threads", "only", "list"];

function goneOn({ files: [file], given }: CommandLine, before: SweepList): SweepPlan {
  const other = [...given.keys()].find((name) => !besideFolder.includes(name));
  if (other !== undefined) {
    throw new UseError(
      `\`${file}\` is the folder of a sweep, which goes on as its list says, without \`--${other}\`. To make it larger, name its program again, ` +
        `with all seeds and values and \`--out ${file}\``,
    );
  }
  const { options, runs } = before;
  return { out: file!.replace(/(?<=.)\/+$/, ""), options, runs, asked: runs.map((_, i) => i), before, byFolder: true };
}

function begun(command: CommandLine): SweepPlan {
  const { swept, files: [file] } = command;
  if (command.out === undefined) {
    if (!file!.endsWith(".meta") && whatIsAt(file!) === "folder" && !saidOf(file!)) {
      throw new FileAccessError(`\`${file}\` is no folder of a sweep: it has no \`sweep.json\``);
    }
    throw new UseError("A sweep keeps a folder of each run: say where by `--out DIR`");
  }
  const out = command.out.replace(/(?<=.)\/+$/, "");
  const wanted = productOf(swept!);
  const before = readSweep(out);
  if (!before) refuseOccupied(out);
  const options = commonWords(command);
  if (before) refuseOtherOptions(out, before, { options, names: Object.keys(swept!.inputs) });
  const runs = [...before?.runs ?? []];
  const taken = new Set(runs.map(({ dir }) => dir.toLowerCase()));
  const places = new Map(runs.map((run, place) => [keyOf(run), place]));
  const asked = wanted.map(({ seed, set }) => {
    const known = places.get(keyOf({ seed, set }));
    if (known !== undefined) return known;
    const dir = folderName({ seed, set }, taken, runs.length);
    taken.add(dir.toLowerCase());
    const inputs = Object.entries(set).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    const words = [
      "run",
      resolve(file!),
      ...inputs,
      "--seed",
      `${seed}`,
      ...options,
      "--out",
      `${resolve(out)}/${dir}`,
    ];
    return runs.push({ dir, seed, set, command: words }) - 1;
  });
  if (runs.length > mostRuns) throw tooMany(runs.length);
  return { out, options, runs, asked, before, byFolder: false };
}

const tooMany = (length: number) => new UseError(`These are ${count(length, "run")}: a sweep has at most ${mostRuns}`);

/** Every combination: the seeds of a setting behind each other, and of the inputs the last one first. */
function productOf({ seeds, inputs }: Swept): readonly Pick<SweepRun, "seed" | "set">[] {
  const names = Object.entries(inputs);
  const length = names.reduce((product, [, values]) => product * values.length, seeds.length);
  if (length > mostRuns) throw tooMany(length);
  let settings: InputValues[] = [{}];
  for (const [name, values] of names) {
    settings = settings.flatMap((setting) =>
      values.map((value) => Object.fromEntries([...Object.entries(setting), [name, value]]))
    );
  }
  return settings.flatMap((set) => seeds.map((seed) => ({ seed, set })));
}

/** What tells a run from the others of a sweep, whatever the order of its inputs. */
const keyOf = ({ seed, set }: Pick<SweepRun, "seed" | "set">) =>
  JSON.stringify([seed, Object.entries(set).sort(([a], [b]) => a < b ? -1 : 1)]);

/** `shots=5_seed=0`; a number where that would be no name for a folder, or is one already. */
function folderName({ seed, set }: Pick<SweepRun, "seed" | "set">, taken: ReadonlySet<string>, place: number): string {
  const name = [...Object.entries(set), ["seed", seed]].map(([name, value]) => `${name}=${value}`).join("_");
  if (/^[\w.+=-]{1,200}$/.test(name) && !taken.has(name.toLowerCase())) return name;
  let number = place;
  while (taken.has(`run=${number}`)) number++;
  return `run=${number}`;
}

/** Options that are not of the runs, or each run's own. */
const notCommon: readonly string[] = ["set", "seed", "out", "json", "threads", "only", "list"];

/** The options that all runs have, in words that mean the same from anywhere. */
function commonWords({ given }: CommandLine): readonly string[] {
  return [...given].filter(([name]) => !notCommon.includes(name)).sort(([a], [b]) => a < b ? -1 : 1)
    .flatMap(([name, values]) =>
      values.flatMap((value) => [`--${name}`, name === "data" || name === "tasks" ? resolve(value) : value])
    );
}

function refuseOccupied(out: string): void {
  let names: readonly string[];
  try {
    names = [...Deno.readDirSync(out)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof Deno.errors.NotADirectory) throw new FileAccessError(`\`${out}\` is no folder`);
    throw new FileAccessError(`Cannot read \`${out}\`: Deno was not given the permission; add --allow-read=${out}`);
  }
  // a first list that was cut off by a kill
  if (names.some((name) => name !== "sweep.json.tmp")) {
    throw new FileAccessError(
      `The folder \`${out}\` is not empty and holds no sweep: name another folder, or move that one`,
    );
  }
}

function refuseOtherOptions(
  out: string,
  before: SweepList,
  { options, names }: { readonly options: readonly string[]; readonly names: readonly string[] },
): void {
  const said = Object.keys(before.runs[0]?.set ?? {});
  const saying = (list: readonly string[]) => list.length === 0 ? "no input" : quoted(list);
  if ([...said].sort().join() !== [...names].sort().join()) {
    throw new UseError(
      `\`${out}\` holds a sweep that sets ${saying(said)}, and this one sets ${saying(names)}: ${cure}`,
    );
  }
  const words = (list: readonly string[]) => list.length === 0 ? "no other options" : `\`${list.join(" ")}\``;
  if (before.options.join("\0") !== options.join("\0")) {
    throw new UseError(
      `\`${out}\` holds a sweep with ${words(before.options)}, and this one has ${words(options)}: ${cure}`,
    );
  }
}

const cure = "name another folder";

/** The command of a run, for the folder where the sweep lies now. */
export function commandOf({ command, dir }: SweepRun, out: string): CommandLine {
  const parsed = parseArguments([...command]);
  if (parsed.kind !== "command" || parsed.command.verb !== "run") {
    const why = parsed.kind === "wrong" ? `: ${parsed.message}` : "";
    throw new FileAccessError(`The command of \`${dir}\` in the list of the sweep is none${why}`);
  }
  return { ...parsed.command, out: `${out}/${dir}` };
}

/** The runs that are still to be made, by their places in the list. */
export const pendingOf = ({ out, runs, asked }: SweepPlan): readonly number[] =>
  asked.filter((place) => !["done", "failed"].includes(standingOf(`${out}/${runs[place]!.dir}`)));

/** What a prepared program is of. */
export function sweptProgramOf({ said, files, script, output }: Prepared): SweptProgram {
  return {
    program: files.root.name,
    folder: said?.folder ?? realPathOf(files.folder),
    sha256: sha256Of([files.root.text]),
    imports: Object.fromEntries(output.imports.map(({ name, text }) => [name, sha256Of([text])])),
    data: files.dataRead,
    tasks: script ? { path: script.path, sha256: script.sha256 } : null,
    version,
  };
}

/** What has changed from one to the other, for people; files of data that only one of them has read are of another setting. */
export function changesOfProgram(before: SweptProgram, now: SweptProgram): string[] {
  const imports = new Set([...Object.keys(before.imports), ...Object.keys(now.imports)]);
  return [
    ...(before.sha256 === now.sha256 ? [] : [`the text of \`${now.program}\``]),
    ...[...imports].filter((name) => before.imports[name] !== now.imports[name]).map((name) =>
      `the import \`${name}\``
    ),
    ...now.data.filter(({ path, sha256 }) => before.data.some((each) => each.path === path && each.sha256 !== sha256))
      .map(({ path }) => `the data \`${path}\``),
    ...(before.tasks?.sha256 === now.tasks?.sha256 ? [] : ["the script of `--tasks`"]),
    ...(before.version === now.version ? [] : [`the version (${before.version} before, now ${now.version})`]),
  ];
}

/** Throws FileAccessError where a program is not the one that a sweep began with. */
export function refuseOtherProgram(out: string, before: SweptProgram, now: SweptProgram): void {
  const changed = changesOfProgram(before, now);
  if (changed.length === 0) return;
  throw new FileAccessError(
    `The sweep of \`${out}\` began with another program, and goes on with the same only: ${
      changed.join(", ")
    }. Take it back, or ${cure}`,
  );
}

/** `sweep.json` of a plan. */
export function listOf({ options, runs }: SweepPlan, program: SweptProgram): SweepList {
  return { formatVersion: sweepFormatVersion, ...program, options, runs };
}
