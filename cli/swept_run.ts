// How is one run of a sweep made? As `run` makes it alone, or `resume` goes on with it: here, or in a worker.
import { standingOf, type SweptProgram } from "../api/sweep_list.ts";
import type { Disk } from "../runtime/record/disk.ts";
import type { Json } from "../runtime/record/metrics.ts";
import { FolderInUse } from "../runtime/record/run_log.ts";
import { type CommandLine, parseArguments } from "./arguments.ts";
import type { Listen } from "./carried_out.ts";
import type { Console } from "./console.ts";
import { exitCodes } from "./exit_codes.ts";
import { prepare, type Prepared } from "./prepared.ts";
import { showThrown } from "./problems.ts";
import { implicitWarnings, type Progress } from "./progress.ts";
import { resumeVerb } from "./resume_verb.ts";
import { runVerb } from "./run_verb.ts";
import { refuseOtherProgram, sweptProgramOf } from "./sweep_plan.ts";

/** A run to be made. Plain data: it goes to a worker. */
export interface SweptJob {
  /** The command of the run. */
  readonly words: readonly string[];
  /** The folder of the sweep, and that of the run. */
  readonly out: string;
  readonly folder: string;
  /** What the sweep is of. */
  readonly of: SweptProgram;
  /** Threads of this run; as many as there are processors when not given. */
  readonly threads?: number;
}

/** What came of it, beside what its folder says. */
export interface SweptEnd {
  readonly code: number;
  /** Another process has it. */
  readonly inUse: boolean;
  /** Errors, warnings and diagnostics, as `--json` says them. */
  readonly lines: readonly { readonly [key: string]: Json }[];
  /** What else was written to standard error: of a bug its stack. */
  readonly text: string;
}

/** Who runs, and who is told. */
export interface SweptWays {
  readonly disk: Disk;
  readonly prepare: (asked: CommandLine) => Promise<Prepared>;
  readonly listen: Listen;
  /** Told of the share of its meta-steps that a run has made. */
  readonly tell: (share: number) => void;
}

/** Makes a run, goes on with it, or leaves it as it is where it has ended. Never throws. */
export async function sweptRun(job: SweptJob, ways: SweptWays): Promise<SweptEnd> {
  const lines: { readonly [key: string]: Json }[] = [];
  let text = "";
  const console: Console = {
    out: (line) => lines.push(...line.trim().split("\n").map((one) => JSON.parse(one))),
    err: (more) => void (text += more),
    outColor: false,
    errColor: false,
    errTerminal: false,
    width: () => 80,
    broken: () => undefined,
  };
  const progress = sharesOf(ways.tell, (warning) => lines.push(warning));
  const { disk, listen } = ways;
  try {
    const standing = standingOf(job.folder);
    if (standing === "done" || standing === "failed") return { code: exitCodes.done, inUse: false, lines, text };
    const { resume, command } = commandsOf(job);
    const own = async (asked: CommandLine) => {
      const prepared = await ways.prepare(asked);
      refuseOtherProgram(job.out, job.of, sweptProgramOf(prepared));
      return prepared;
    };
    const code = standing === "not begun"
      ? await runVerb(command, console, disk, { prepare: own, begun: true, progress, listen })
      : await resumeVerb(resume, console, disk, { progress, listen });
    return { code, inUse: false, lines, text: code === exitCodes.runFailed ? text : "" };
  } catch (error) {
    const inUse = error instanceof FolderInUse;
    const code = inUse ? exitCodes.stopped : showThrown(error, { console, json: true });
    return { code, inUse, lines, text };
  }
}

/** Programs that were compiled, so that those of one setting are compiled once. */
export interface Preparations {
  readonly prepare: (asked: CommandLine) => Promise<Prepared>;
  /** Keeps none any more. */
  readonly forget: () => void;
}

/** Keeps the last ones, but only one where data is large; one that draws parts by the seed is of that seed alone. */
export function openPreparations(): Preparations {
  let kept: { readonly key: string; readonly prepared: Prepared }[] = [];
  return {
    forget: () => void (kept = []),
    async prepare(asked) {
      const key = JSON.stringify([asked.files, asked.inputs]);
      const known = kept.find((each) =>
        each.key === key && (each.prepared.output.program?.splitBySeed ?? asked.seed) === asked.seed
      );
      if (known) return { ...known.prepared, command: { ...known.prepared.command, ...ownOf(asked) } };
      const prepared = await prepare(asked);
      if (prepared.output.program) kept.unshift({ key, prepared });
      while (kept.length > mostKept.programs || kept.length > 1 && bytesOf(kept) > mostKept.bytes) kept.pop();
      return prepared;
    },
  };
}

const mostKept = { programs: 16, bytes: 256e6 };

const bytesOf = (kept: readonly { readonly prepared: Prepared }[]) =>
  kept.flatMap(({ prepared }) => prepared.files.dataRead).reduce((sum, { bytes }) => sum + bytes, 0);

/** What runs of one setting have for themselves. */
const ownOf = ({ seed, out, threads, json }: CommandLine) => ({ seed, out, threads, json });

/** The requests to make a run, and to go on with it. */
function commandsOf(
  { words, folder, threads }: SweptJob,
): { readonly command: CommandLine; readonly resume: CommandLine } {
  const understood = (words: readonly string[]): CommandLine => {
    const parsed = parseArguments(words);
    if (parsed.kind !== "command") throw new TypeError(`\`${words.join(" ")}\` is no command`);
    return { ...parsed.command, json: true, threads };
  };
  const command = { ...understood(words), out: folder };
  return { command, resume: { ...understood(["resume", folder]), checkpoint: command.checkpoint } };
}

/** Tells of a run as a share of its meta-steps, at most so often, and of what makes its derivatives doubtful. */
function sharesOf(tell: (share: number) => void, warn: (line: { readonly [key: string]: Json }) => void): Progress {
  let outers: readonly { readonly name: string; readonly steps: number }[] = [];
  const stepsOf = (list: typeof outers) => list.reduce((sum, { steps }) => sum + steps, 0);
  let last = -Infinity;
  const warned = new Set<string>();
  const warnOnce = (about: string, message: string) => {
    if (!warned.has(about)) warn({ kind: "warning", message });
    warned.add(about);
  };
  return {
    event(event, seconds) {
      if (event.kind === "started") outers = event.outers;
      for (const { about, text } of event.kind === "implicit" ? implicitWarnings(event) : []) warnOnce(about, text);
      if (event.kind !== "step") return;
      if (seconds - last < pause) return;
      last = seconds;
      const before = outers.slice(0, outers.findIndex(({ name }) => name === event.outer));
      tell((stepsOf(before) + event.step + 1) / stepsOf(outers));
    },
    note: () => {},
    warn: (text) => warnOnce(text, text),
    end: () => {},
  };
}

/** Seconds from one time to the next. */
const pause = 0.25;
