// What does `meta.ts sweep FILE.meta` do? Makes the runs of a list, a folder each, side by side; what is done is not done again. Then it prints
// how the settings compare, and says by its exit code whether all runs are done.
import { chooseBackend } from "../api/backends.ts";
import { readJson } from "../api/said_of_run.ts";
import {
  namedRuns,
  type Standing,
  standingOf,
  sweepFile,
  type SweepRun,
  type SweptProgram,
} from "../api/sweep_list.ts";
import { tableText } from "../api/numbers.ts";
import { count } from "../dsl/text/words.ts";
import { InternalError } from "../runtime/errors.ts";
import type { Disk } from "../runtime/record/disk.ts";
import { fileAccessError, removeQuietly, writeFileSafely } from "../runtime/record/files.ts";
import type { CommandLine } from "./arguments.ts";
import { type Listen, listenToSignals } from "./carried_out.ts";
import { comparedLines, comparedText, endLines, endObjects, readCompared } from "./compared_text.ts";
import type { Console } from "./console.ts";
import { exitCodes } from "./exit_codes.ts";
import { sayProblem, showDiagnostics } from "./problems.ts";
import { wrongCode } from "./run_verb.ts";
import { type Lane, ownLane, runInLanes, whyNoWorkers, workerLane } from "./sweep_lanes.ts";
import {
  commandOf,
  isLarger,
  listOf,
  pendingOf,
  planSweep,
  refuseOtherProgram,
  type SweepPlan,
  sweptProgramOf,
} from "./sweep_plan.ts";
import { jsonSweep, type SweepProgress, textSweep } from "./sweep_progress.ts";
import { openPreparations, type Preparations, type SweptEnd, type SweptJob } from "./swept_run.ts";

/** Runs the verb; the exit code. Throws FileAccessError and UseError for wrong use. */
export async function sweepVerb(
  command: CommandLine,
  console: Console,
  disk: Disk,
  listen: Listen = listenToSignals,
): Promise<number> {
  const { json } = command;
  const plan = planSweep(command);
  const pending = pendingOf(plan);
  const preparations = openPreparations();
  const places = command.listOnly && !isLarger(plan) ? [] : pending;
  const checked = await checkSettings(plan, places, { ...preparations, console, json });
  if (typeof checked === "number") return checked;
  writeList(plan, checked.of, disk);
  if (command.listOnly) {
    console.out(listText(plan, json));
    return exitCodes.done;
  }
  const progress = json ? jsonSweep(console) : textSweep(console);
  if (!json) {
    const there = plan.asked.length - pending.length;
    const ended = there === 0 ? "" : `, of which ${there} ${there === 1 ? "has" : "have"} ended before`;
    console.err(`${checked.of.program}: ${count(plan.asked.length, "run")} in ${plan.out}${ended}\n\n`);
  }
  const lanes = openLanes(pending.length, { command, checked, disk, preparations, progress });
  const { stopped, ends } = await makeRuns(plan, pending, { of: checked.of, lanes, progress, listen });
  if (command.only === undefined) {
    const compared = readCompared([namedRuns(plan.out)]);
    if (json) { for (const line of comparedLines(compared)) console.out(`${JSON.stringify(line)}\n`); }
    else {
      if (ends.size > 0) console.err("\n"); // between the progress and the tables
      console.out(comparedText(compared));
    }
  } else sayEnds(plan, ends, { console, json });
  return exitCodeOf(plan, { stopped, ends });
}

/** Says of single runs that had ended before which are not whole: no table does, and they count for the exit code. */
function sayEnds(
  { out, runs, asked }: SweepPlan,
  ends: ReadonlyMap<number, SweptEnd>,
  { console, json }: { readonly console: Console; readonly json: boolean },
): void {
  const folders = asked.filter((place) => !ends.has(place)).map((place) => `${out}/${runs[place]!.dir}`);
  const before = folders.map((folder) => ({ folder, standing: standingOf(folder) }));
  const compared = readCompared([{ path: out, sweep: true, runs: before }]);
  if (json) { for (const object of endObjects(compared)) console.out(`${JSON.stringify(object)}\n`); }
  else for (const line of endLines(compared)) console.err(`${line}\n`);
}

/** What is known once the settings are compiled. */
interface Checked {
  readonly of: SweptProgram;
  /** Whether runs may go side by side on this backend: native code may not be loaded by several threads. */
  readonly sideBySide: boolean;
}

/** Compiles every setting of which a run is to be made, so that what is wrong is said before any work. Gives the exit code where something
 *  is. */
async function checkSettings(
  plan: SweepPlan,
  pending: readonly number[],
  { prepare, console, json }: Pick<Preparations, "prepare"> & { readonly console: Console; readonly json: boolean },
): Promise<Checked | number> {
  const { runs, out, before, asked, byFolder } = plan;
  // a program that is named must be that of the sweep, also where all is done
  const places = pending.length > 0 || byFolder ? pending : asked.slice(0, 1);
  const settings = new Set<string>();
  let of: SweptProgram | undefined;
  let sideBySide = true;
  for (const place of places) {
    const run = runs[place]!;
    const setting = JSON.stringify(run.set);
    if (settings.has(setting)) continue;
    settings.add(setting);
    const prepared = await prepare(commandOf(run, out));
    const { files, output: { diagnostics, sources, program }, command } = prepared;
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    const label = Object.entries(run.set).map(([name, value]) => `${name} = ${value}`).join(", ");
    if (errors.length > 0 && label !== "" && !json) sayProblem(`with ${label}:\n\n`, console);
    const to = json ? { ...console, out: (line: string) => console.out(withSet(line, run)) } : console;
    const shown = settings.size === 1 ? diagnostics : errors;
    if (showDiagnostics(shown, sources, { console: to, json })) return wrongCode(files);
    if (!program) throw new InternalError("The front end gave neither a program nor an error");
    const now = sweptProgramOf(prepared);
    if (of) {
      of = {
        ...of,
        data: [...of.data, ...now.data.filter(({ path }) => !of!.data.some((d) => d.path === path))],
      };
    } else {
      of = now;
      const limits = { threads: command.threads, memoryLimitBytes: command.limits.memory };
      const { backend } = await chooseBackend(command.backend, limits, program);
      sideBySide = backend.name !== "tensorflow";
    }
    if (before) refuseOtherProgram(out, before, now);
  }
  return { of: before ?? of!, sideBySide };
}

/** A line of JSON with the setting that it is of. */
const withSet = (line: string, { set }: SweepRun) => `${JSON.stringify({ ...JSON.parse(line), set })}\n`;

/** Writes `sweep.json` where it says something new. */
function writeList(plan: SweepPlan, of: SweptProgram, disk: Disk): void {
  if (!isLarger(plan)) return;
  const { out } = plan;
  try {
    disk.makeFolder(out, { parents: true });
  } catch (error) {
    throw fileAccessError(error, { action: "write", path: out });
  }
  const path = `${out}/${sweepFile}`;
  removeQuietly(`${path}.tmp`, disk);
  const text = `${JSON.stringify(listOf(plan, of), null, 2)}\n`;
  writeFileSafely(path, [new TextEncoder().encode(text)], { disk });
}

/** The runs and how far they are. */
function listText({ out, runs, asked }: SweepPlan, json: boolean): string {
  const rows = asked.map((place) => ({ place, run: runs[place]!, standing: standingOf(`${out}/${runs[place]!.dir}`) }));
  if (!json) {
    return `${
      tableText(rows.map(({ place, run, standing }) => [`${place}`, run.dir, standing]), [true, false, false]).join(
        "\n",
      )
    }\n`;
  }
  return rows.map(({ place, run: { dir, seed, set }, standing }) =>
    `${JSON.stringify({ kind: "listed", run: place, dir, seed, set, standing })}\n`
  ).join("");
}

/** As many lanes as there are processors for, or as may be; one is this thread. */
function openLanes(
  runs: number,
  { command, checked, disk, preparations, progress }: {
    readonly command: CommandLine;
    readonly checked: Checked;
    readonly disk: Disk;
    readonly preparations: Preparations;
    readonly progress: SweepProgress;
  },
): { readonly lanes: readonly Lane[]; readonly threads: number | undefined } {
  const cores = command.threads ?? navigator.hardwareConcurrency ?? 1;
  const wanted = checked.sideBySide ? Math.min(cores, runs) : 1;
  const why = wanted > 1 ? whyNoWorkers() : undefined;
  if (why !== undefined) progress.note(`one run after the other; with ${why} they go side by side\n`);
  if (wanted <= 1 || why !== undefined) return { lanes: [ownLane(disk, preparations)], threads: command.threads };
  preparations.forget();
  return { lanes: Array.from({ length: wanted }, workerLane), threads: Math.floor(cores / wanted) };
}

/** Makes the runs that are to be made. */
async function makeRuns(
  { out, runs, asked }: SweepPlan,
  pending: readonly number[],
  { of, lanes: { lanes, threads }, progress, listen }: {
    readonly of: SweptProgram;
    readonly lanes: ReturnType<typeof openLanes>;
    readonly progress: SweepProgress;
    readonly listen: Listen;
  },
): Promise<{ readonly stopped: boolean; readonly ends: ReadonlyMap<number, SweptEnd> }> {
  const folderOf = (place: number) => `${out}/${runs[place]!.dir}`;
  const jobs = pending.map((place): SweptJob => ({
    words: runs[place]!.command,
    out,
    folder: folderOf(place),
    of,
    ...(threads === undefined ? {} : { threads }),
  }));
  const ends = new Map<number, SweptEnd>();
  const shares = new Map<number, number>();
  let finished = 0;
  let stopped = false;
  let done = asked.filter((place) => standingOf(folderOf(place)) === "done").length;
  let failed = asked.length - pending.length - done;
  const begin = performance.now();
  const show = () => {
    const seconds = (performance.now() - begin) / 1000;
    const made = finished + [...shares.values()].reduce((sum, share) => sum + share, 0);
    const left = pending.length - ends.size - shares.size;
    progress.state({ of: asked.length, done, failed, shares: [...shares.values()], left, made, seconds }, seconds);
  };
  const unlisten = listen({
    stop() {
      stopped = true;
      for (const lane of lanes) lane.stop();
      progress.note("stopping; interrupt again to leave at once");
    },
    save() {
      for (const lane of lanes) lane.save();
      progress.note("the runs at work are saved");
    },
  });
  try {
    await runInLanes(jobs, lanes, {
      settingOf: (job) => JSON.stringify(runs[pending[job]!]!.set),
      stopped: () => stopped,
      begins(job) {
        shares.set(job, 0);
        show();
      },
      tell(job, share) {
        shares.set(job, share);
        show();
      },
      ended(job, end) {
        const place = pending[job]!;
        const folder = folderOf(place);
        const standing = standingOf(folder);
        shares.delete(job);
        ends.set(place, end);
        finished++;
        if (standing === "done") done++;
        else if (standing !== "stopped" && !end.inUse) failed++;
        progress.ended({ place, run: runs[place]!, folder, standing, end, seconds: secondsOf(folder) });
        show();
      },
    });
  } finally {
    unlisten();
    for (const lane of lanes) lane.close();
    progress.end();
  }
  return { stopped, ends };
}

function secondsOf(folder: string): number | undefined {
  return (readJson(`${folder}/summary.json`) as { readonly seconds?: number } | undefined)?.seconds;
}

/** What all runs that were asked for say together. */
function exitCodeOf(
  { out, runs, asked }: SweepPlan,
  { stopped, ends }: { readonly stopped: boolean; readonly ends: ReadonlyMap<number, SweptEnd> },
): number {
  const folders = asked.map((place) => `${out}/${runs[place]!.dir}`);
  const standings = folders.map(standingOf);
  const open: readonly Standing[] = ["not begun", "not ended", "stopped"];
  const broken = standings.some((standing, i) => {
    const end = ends.get(asked[i]!);
    const wrong = end !== undefined && ![exitCodes.done, exitCodes.missed, exitCodes.stopped].includes(end.code as 0);
    return standing === "failed" || standing === "not written" || wrong;
  });
  if (stopped && standings.some((standing) => open.includes(standing))) return exitCodes.stopped;
  if (broken) return exitCodes.runFailed;
  if (standings.some((standing) => open.includes(standing))) return exitCodes.stopped;
  const missed = folders.some((folder) =>
    Number((readJson(`${folder}/summary.json`) as { readonly missed?: number }).missed ?? 0) > 0
  );
  return missed ? exitCodes.missed : exitCodes.done;
}
