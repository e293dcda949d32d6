// Which verbs and options are there? One table of each: what is understood, what is said of it, and by which words other tools call it.
import { nearestName } from "../dsl/text/did_you_mean.ts";
import { newPrograms, usualProgram } from "./new_programs.ts";

/** A verb of the command line. */
export type Verb =
  | "new"
  | "run"
  | "resume"
  | "sweep"
  | "compare"
  | "report"
  | "show"
  | "check"
  | "fmt"
  | "explain"
  | "verify"
  | "doctor";

/** The programs that `new` can begin from. */
const programWords = Object.keys(newPrograms).map((word) => word === usualProgram ? `${word} (default)` : word)
  .join(", ");

interface VerbFacts {
  /** In half a sentence. */
  readonly text: string;
  /** What follows it. */
  readonly takes: string;
  /** A line that works, once its files are there. */
  readonly example: string;
  /** What comes of the example. */
  readonly does: string;
}

/** The verbs. */
export const verbs: Readonly<Record<Verb, VerbFacts>> = {
  new: {
    text: "write a program to begin from, with its data, into a new folder",
    takes: "NAME",
    example: "meta.ts new letters --from few_shot",
    does:
      "Writes `letters/few_shot.meta`, with comments and its data, and says which commands come next. It can begin " +
      `from ${programWords}.`,
  },
  run: {
    text: "run the program (the verb may be left out)",
    takes: "FILE.meta",
    example: "meta.ts run maml.meta --set shots=5 --seed 1 --out runs/a",
    does:
      "Runs `maml.meta` with 5 for its `input shots` and keeps all that comes of it in `runs/a`. Of a run folder, " +
      "`run DIR` repeats the run.",
  },
  resume: {
    text: "go on with the run of a folder that `--out` made; with `--set` as a longer one",
    takes: "DIR",
    example: "meta.ts resume runs/a",
    does: "Goes on from the newest checkpoint of `runs/a`, to the same numbers as a run that was never stopped.",
  },
  sweep: {
    text: "run a program for several seeds and values of its inputs, side by side",
    takes: "FILE.meta, or DIR",
    example: "meta.ts sweep maml.meta --seed 0..4 --set shots=1,5 --out runs/shots",
    does:
      "Makes 10 runs, a folder each, on all cores, and a table with the mean and the 95 % interval of each setting. What is done is not done " +
      "again: `sweep runs/shots` goes on after a stop, and more seeds or values extend it. `sweep runs/shots --only 3` makes one run of its " +
      "list.",
  },
  compare: {
    text: "say how run folders differ: means, intervals, and differences in pairs",
    takes: "DIR [DIR …]",
    example: "meta.ts compare runs/a0 runs/a1 runs/b0 runs/b1",
    does:
      "Runs that differ by their seeds alone are one setting. Differences are taken in pairs of the same seed, or of " +
      "one seed in pairs of its tasks.",
  },
  report: {
    text: "write a page about runs: curves, evaluations, trajectories, images, differences",
    takes: "DIR [DIR …]",
    example: "meta.ts report runs/a0 runs/a1 --out a.html",
    does:
      "Writes one HTML file that needs no network, from folders that `--out` made. Needs `--allow-write` for the file, " +
      "which is written over only if it is a report.",
  },
  show: {
    text: "show runs in the terminal: the tables and curves of `report`",
    takes: "DIR [DIR …]",
    example: "meta.ts show runs/a",
    does: "A run that has not ended is shown as of its newest checkpoint.",
  },
  check: {
    text: "say what is wrong with programs, without running them",
    takes: "FILE.meta [FILE.meta …]",
    example: "meta.ts check maml.meta",
    does: "Reads the program, its imports and its data. The exit code is 1 where something is wrong.",
  },
  fmt: {
    text: "rewrite programs in the one style",
    takes: "FILE.meta [FILE.meta …]",
    example: "meta.ts fmt maml.meta",
    does: "Needs `--allow-write` for the folder of the program.",
  },
  explain: {
    text: "say what a program does and takes, or what a code such as M0301 means",
    takes: "FILE.meta, or CODE",
    example: "meta.ts explain maml.meta",
    does: "Says which loop runs which, how derivatives are found, and what each function keeps, before anything runs.",
  },
  verify: {
    text: "compare gradients with differences of values, and the backend with reference",
    takes: "FILE.meta",
    example: "meta.ts verify maml.meta",
    does: "The exit code is 4 where a gradient is wrong, or a backend computes something else.",
  },
  doctor: {
    text: "say which backends work here, what is missing, and how to get it",
    takes: "",
    example: "meta.ts doctor",
    does: "Opens each backend once.",
  },
};

interface OptionFacts {
  readonly type: "string" | "boolean";
  /** What stands for the value in `--help`. */
  readonly value?: string;
  readonly text: string;
  readonly verbs: readonly Verb[];
  readonly repeats?: true;
  /** What is another thing with a verb. */
  readonly of?: Partial<Record<Verb, { readonly value: string; readonly text: string }>>;
}

/** The options. */
export const options: Readonly<Record<string, OptionFacts>> = {
  set: {
    type: "string",
    value: "NAME=VALUE",
    text: "value of an `input` of the program; may be repeated; with sweep several: shots=1,5 or depth=2..4",
    verbs: ["run", "resume", "sweep", "check", "explain", "verify"],
    repeats: true,
  },
  seed: {
    type: "string",
    value: "N",
    text: "seed of every draw, an integer from 0; default 0. Several (0..4, or 0,3,7) make a run each, as `sweep` does",
    verbs: ["run", "sweep", "verify"],
  },
  backend: {
    type: "string",
    value: "NAME",
    text: "auto (default), wasm, tensorflow or reference; of `A,B` the first that opens",
    verbs: ["run", "sweep", "explain", "verify"],
  },
  memory: {
    type: "string",
    value: "BYTES",
    text: "what each function may keep, such as 2GB; loops keep less to fit",
    verbs: ["run", "resume", "sweep", "explain", "verify"],
  },
  threads: {
    type: "string",
    value: "N",
    text: "threads that work on tasks, or on the runs of a sweep; results are the same for any number",
    verbs: ["run", "resume", "sweep", "verify"],
  },
  limits: {
    type: "string",
    value: "SET",
    text: "`untrusted` for a stranger's program: lower limits (docs/limits.md)",
    verbs: ["run", "resume", "sweep", "check", "fmt", "explain", "verify"],
  },
  limit: {
    type: "string",
    value: "NAME=N",
    text: "another number for one limit; may be repeated",
    verbs: ["run", "resume", "sweep", "check", "fmt", "explain", "verify"],
    repeats: true,
  },
  data: {
    type: "string",
    value: "DIR",
    text: "a second folder in which data and starts are looked for",
    verbs: ["run", "resume", "sweep", "check", "explain", "verify"],
  },
  tasks: {
    type: "string",
    value: "FILE.ts",
    text: "a script whose default export is functions that make tasks, by name",
    verbs: ["run", "resume", "sweep", "check", "explain"],
  },
  from: { type: "string", value: "PROGRAM", text: `with new: ${programWords}`, verbs: ["new"] },
  checkpoint: {
    type: "string",
    value: "TIME",
    text: 'with --out: what lies between checkpoints: 60s, 5min, 2h, "1000 steps", or off',
    verbs: ["run", "resume", "sweep"],
  },
  out: {
    type: "string",
    value: "DIR",
    text: "write a run folder; DIR must be new or empty. Of a sweep a folder with one for each run",
    verbs: ["run", "sweep", "report"],
    of: { report: { value: "FILE", text: "the page; report.html when not given" } },
  },
  only: {
    type: "string",
    value: "N",
    text: "with sweep: these runs of its list, from 0 (3, or 0..4), and no others",
    verbs: ["sweep"],
  },
  list: {
    type: "boolean",
    text: "with sweep: write the list of its runs, say how far they are, and run none",
    verbs: ["sweep"],
  },
  emit: { type: "string", value: "STAGE", text: "print cst, ast, checked, ir or plan, and do not run", verbs: ["run"] },
  json: {
    type: "boolean",
    text: "one JSON object a line on standard output",
    verbs: ["run", "resume", "sweep", "compare", "check", "verify"],
  },
  kernels: { type: "boolean", text: "with explain: every kernel, and where its arrays lie", verbs: ["explain"] },
  check: { type: "boolean", text: "with fmt: change nothing, exit 1 if a file would change", verbs: ["fmt"] },
  help: { type: "boolean", text: "this text", verbs: Object.keys(verbs) as Verb[] },
  version: { type: "boolean", text: "the version", verbs: Object.keys(verbs) as Verb[] },
};

/** Words by which other tools call what a verb does. */
const elsewhere: Readonly<Record<string, Verb>> = {
  init: "new",
  create: "new",
  scaffold: "new",
  template: "new",
  example: "new",
  train: "run",
  start: "run",
  exec: "run",
  continue: "resume",
  restart: "resume",
  grid: "sweep",
  multirun: "sweep",
  seeds: "sweep",
  diff: "compare",
  plot: "report",
  html: "report",
  view: "show",
  print: "show",
  summary: "show",
  lint: "check",
  validate: "check",
  format: "fmt",
  describe: "explain",
  plan: "explain",
  test: "verify",
  gradcheck: "verify",
  info: "doctor",
  env: "doctor",
};

/** The verb that a word was meant to be. */
export function verbMeant(word: string): Verb | undefined {
  if (Object.hasOwn(elsewhere, word)) return elsewhere[word];
  const near = nearestName(word, [...Object.keys(verbs), ...Object.keys(elsewhere)]);
  return near === undefined || Object.hasOwn(verbs, near) ? near as Verb | undefined : elsewhere[near];
}
