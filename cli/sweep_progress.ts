// What is said while a sweep goes on? Of the whole: how many runs are done, how many are running, and the time left; and a line for each run
// that ends. On a terminal one line is rewritten in place, elsewhere it comes now and then.
import type { Standing, SweepRun } from "../api/sweep_list.ts";
import { displayWidth } from "../dsl/text/display_width.ts";
import { duration } from "../api/numbers.ts";
import type { Json } from "../runtime/record/metrics.ts";
import type { Console } from "./console.ts";
import { linesToPeople } from "./lines_to_people.ts";
import type { SweptEnd } from "./swept_run.ts";

/** Where a sweep stands. */
export interface SweepState {
  /** Runs that are asked for. */
  readonly of: number;
  /** Those of them that are done, and that failed. */
  readonly done: number;
  readonly failed: number;
  /** The shares that those at work have made. */
  readonly shares: readonly number[];
  /** Runs that are still to come. */
  readonly left: number;
  /** What was made since the sweep began, in runs, and the seconds that this took. */
  readonly made: number;
  readonly seconds: number;
}

/** A run that has ended. */
export interface EndedRun {
  readonly place: number;
  readonly run: SweepRun;
  readonly folder: string;
  readonly standing: Standing;
  readonly end: SweptEnd;
  /** Seconds of the run, as its folder says; none where it says nothing. */
  readonly seconds: number | undefined;
}

/** Shows a sweep while it goes on. */
export interface SweepProgress {
  state(state: SweepState, now: number): void;
  ended(run: EndedRun): void;
  note(text: string): void;
  /** Takes the unfinished line away. */
  end(): void;
}

/** `7/15 runs done  1 failed  2 running  12 min 3 s left`. In fewer `cells` what runs is left out, then what failed; never the time left. */
export function sweepLine({ of, done, failed, shares, left, made, seconds }: SweepState, cells = Infinity): string {
  const open = left + shares.reduce((sum, share) => sum + 1 - share, 0);
  const count = `${String(done).padStart(String(of).length)}/${of} runs done`;
  const failures = failed === 0 ? "" : `${failed} failed`;
  const running = `${shares.length} running`;
  // what little was made at first took the time of a beginning
  const time = made > 0 && (seconds >= 5 || 50 * made >= open) ? `${duration(seconds * open / made)} left` : "";
  const line = (gone: readonly string[]) =>
    [count, failures, running, time].filter((part) => part !== "" && !gone.includes(part)).join("  ");
  const lines = [[], [running], [running, failures], [running, failures, count]].map(line);
  return lines.find((each) => displayWidth(each) <= cells) ?? lines.at(-1)!;
}

/** Seconds between two lines, or two rewritings of the line on a terminal. */
const pause = { terminal: 0.1, plain: 60 } as const;

/** Progress for people. */
export function textSweep(console: Console): SweepProgress {
  const { errTerminal } = console;
  const every = errTerminal ? pause.terminal : pause.plain;
  const { width, note, rewrite, clear } = linesToPeople(console);
  let last = errTerminal ? -Infinity : 0;
  const warned = new Set<string>();
  return {
    note,
    end: clear,
    ended({ folder, standing, end, seconds }) {
      const took = seconds === undefined ? "" : ` after ${duration(seconds)}`;
      note(`${folder}: ${end.inUse ? "another process makes it" : `${standing}${took}`}`);
      for (const { kind, ...line } of end.lines) {
        const text = lineText(line);
        const first = kind !== "warning" || !warned.has(text);
        if (first) note(`  ${kind === "warning" ? "warning" : "error"}: ${text}`);
        warned.add(text);
      }
      if (end.text !== "") note(end.text.trimEnd());
    },
    state(state, now) {
      if (now - last < every) return;
      last = now;
      rewrite(sweepLine(state, width()));
    },
  };
}

/** What an error or a diagnostic of a run says, with its place. */
function lineText({ file, line, column, code, message, title }: { readonly [key: string]: Json | undefined }): string {
  const place = file === undefined ? "" : ` (${file}:${line}:${column})`;
  return `${code === undefined ? "" : `${code}: `}${message ?? title}${place}`;
}

/** Progress for programs: a line for each run that ends, after those that it said itself. */
export function jsonSweep(console: Console): SweepProgress {
  const say = (line: { readonly [key: string]: Json }) => console.out(`${JSON.stringify(line)}\n`);
  return {
    state: () => {},
    note: () => {},
    end: () => {},
    ended({ place, run: { dir, seed, set }, standing, end, seconds }) {
      for (const line of end.lines) say({ ...line, dir });
      if (end.text !== "") console.err(end.text);
      const at = end.inUse ? "in use" : standing;
      say({ kind: "ended", run: place, dir, seed, set, standing: at, seconds: seconds ?? null });
    },
  };
}
