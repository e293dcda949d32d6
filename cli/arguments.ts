// What does the command line ask for? One table of verbs and one of options: parsed, checked, and printed by `--help`.
import { parseArgs } from "node:util";
import type { Stage } from "../dsl/compile.ts";
import { parseBytes } from "../runtime/bytes.ts";
import { chooseLimits, type LimitName, limitNames, type Limits, untrustedLimits } from "../runtime/limits.ts";
import { type CheckpointTimes, parseCheckpointTimes, usualTimes } from "../runtime/record/checkpoint_times.ts";
import { nearestName, orNearest } from "../dsl/text/did_you_mean.ts";

const onlyOne = "Only one program can be run at a time";

/** A verb of the command line. */
export type Verb = "run" | "resume" | "compare" | "check" | "fmt" | "explain" | "verify" | "doctor";

/** What a verb does, for `--help`. */
export const verbs: Readonly<Record<Verb, { readonly text: string }>> = {
  run: { text: "run the program (the verb may be left out)" },
  resume: { text: "go on with the run of a folder that `--out` made; with `--set` as a longer one" },
  compare: { text: "say how run folders differ: means, intervals, and differences in pairs" },
  check: { text: "say what is wrong with programs, without running them" },
  fmt: { text: "rewrite programs in the one style" },
  explain: { text: "say what a program does and takes, or what a code such as M0301 means" },
  verify: { text: "compare gradients with differences of values, and the backend with reference" },
  doctor: { text: "say which backends work here, what is missing, and how to get it" },
};

/** A request, understood and checked. */
export interface CommandLine {
  readonly verb: Verb;
  readonly files: readonly string[];
  /** Names of the options that were given. */
  readonly given: ReadonlySet<string>;
  readonly inputs: Readonly<Record<string, number | string | boolean>>;
  readonly seed: number;
  readonly backend: string;
  /** Bytes. */
  readonly memory: number | undefined;
  readonly threads: number | undefined;
  readonly limits: Limits;
  /** Those of them that were given. */
  readonly limitsGiven: Partial<Limits>;
  readonly json: boolean;
  readonly out: string | undefined;
  /** How often a run with a folder writes down where it stands: after so many seconds or meta-steps, where that takes no more than a
   *  share of its time. */
  readonly checkpoint: CheckpointTimes;
  /** A second folder of data. */
  readonly dataFolder: string | undefined;
  /** A script whose functions make tasks. */
  readonly tasksFile: string | undefined;
  readonly emit: Stage | undefined;
  /** `explain --kernels`. */
  readonly kernels: boolean;
  /** `fmt --check`. */
  readonly checkOnly: boolean;
}

/** What came of the arguments. */
export type ParsedArguments =
  | { readonly kind: "command"; readonly command: CommandLine }
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  /** One sentence that says what is wrong and what would be right. */
  | { readonly kind: "wrong"; readonly message: string };

interface OptionFacts {
  readonly type: "string" | "boolean";
  /** What stands for the value in `--help`. */
  readonly value?: string;
  readonly text: string;
  readonly verbs: readonly Verb[];
  readonly repeats?: true;
}

/** The options. */
export const options: Readonly<Record<string, OptionFacts>> = {
  set: {
    type: "string",
    value: "NAME=VALUE",
    text: "value of an `input` of the program; may be repeated",
    verbs: ["run", "resume", "check", "explain", "verify"],
    repeats: true,
  },
  seed: {
    type: "string",
    value: "N",
    text: "seed of every draw, an integer from 0; default 0",
    verbs: ["run", "verify"],
  },
  backend: {
    type: "string",
    value: "NAME",
    text: "auto (default), wasm, tensorflow or reference; of `A,B` the first that opens",
    verbs: ["run", "explain", "verify"],
  },
  memory: {
    type: "string",
    value: "BYTES",
    text: "what each function may keep, such as 2GB; loops keep less to fit",
    verbs: ["run", "resume", "explain", "verify"],
  },
  threads: {
    type: "string",
    value: "N",
    text: "threads that work on tasks; results are the same for any number",
    verbs: ["run", "resume", "verify"],
  },
  limits: {
    type: "string",
    value: "SET",
    text: "`untrusted` for a stranger's program: lower limits (docs/limits.md)",
    verbs: ["run", "resume", "check", "fmt", "explain", "verify"],
  },
  limit: {
    type: "string",
    value: "NAME=N",
    text: "another number for one limit; may be repeated",
    verbs: ["run", "resume", "check", "fmt", "explain", "verify"],
    repeats: true,
  },
  data: {
    type: "string",
    value: "DIR",
    text: "a second folder in which data and starts are looked for",
    verbs: ["run", "resume", "check", "explain", "verify"],
  },
  tasks: {
    type: "string",
    value: "FILE.ts",
    text: "a script whose default export is functions that make tasks, by name",
    verbs: ["run", "resume", "check", "explain"],
  },
  checkpoint: {
    type: "string",
    value: "TIME",
    text: 'with --out: what lies between checkpoints: 60s, 5min, 2h, "1000 steps", or off',
    verbs: ["run", "resume"],
  },
  out: { type: "string", value: "DIR", text: "write a run folder; DIR must be new or empty", verbs: ["run"] },
  emit: { type: "string", value: "STAGE", text: "print cst, ast, checked, ir or plan, and do not run", verbs: ["run"] },
  json: {
    type: "boolean",
    text: "one JSON object a line on standard output",
    verbs: ["run", "resume", "compare", "check", "verify"],
  },
  kernels: { type: "boolean", text: "with explain: every kernel, and where its arrays lie", verbs: ["explain"] },
  check: { type: "boolean", text: "with fmt: change nothing, exit 1 if a file would change", verbs: ["fmt"] },
  help: { type: "boolean", text: "this text", verbs: Object.keys(verbs) as Verb[] },
  version: { type: "boolean", text: "the version", verbs: Object.keys(verbs) as Verb[] },
};

const stages: readonly string[] = ["cst", "ast", "checked", "ir", "plan"] satisfies Stage[];

/** Understands the arguments. */
export function parseArguments(args: readonly string[]): ParsedArguments {
  const types = Object.fromEntries(Object.entries(options).map(([name, { type }]) => [name, { type, multiple: true }]));
  // not strict: its messages know no verbs, and no near names
  const { tokens } = parseArgs({
    args: [...args],
    options: types,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const problem = optionProblem(token, given);
    if (problem !== undefined) return { kind: "wrong", message: problem };
    given.set(token.name, [...given.get(token.name) ?? [], token.value ?? ""]);
  }
  if (given.has("help")) return { kind: "help" };
  if (given.has("version")) return { kind: "version" };
  return understand(positionals, given);
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function optionProblem(token: OptionToken, given: ReadonlyMap<string, unknown>): string | undefined {
  const { name, rawName, value, inlineValue } = token;
  if (!Object.hasOwn(options, name)) {
    const near = nearestName(name, Object.keys(options));
    return `Unknown option \`${rawName}\`${
      near === undefined ? "; --help lists them" : `; did you mean \`--${near}\`?`
    }`;
  }
  const facts = options[name]!;
  if (facts.type === "boolean") return value === undefined ? undefined : `\`--${name}\` takes no value`;
  if (value === undefined || value === "" || (!inlineValue && value.startsWith("--"))) {
    return `\`--${name}\` needs a value: --${name} ${facts.value}`;
  }
  return given.has(name) && !facts.repeats ? `\`--${name}\` is given twice` : undefined;
}

/** What is wrong with a first word that is no verb and is followed by files. */
function unknownVerb(first: string): string {
  const nearest = orNearest(first, Object.keys(verbs));
  return nearest ? `Unknown verb \`${first}\`${nearest}` : onlyOne;
}

/** What is wrong with the files that a verb gets, if something is. */
function filesProblem(verb: Verb, files: readonly string[]): string | undefined {
  if (verb === "doctor") {
    return files.length > 0 ? "`doctor` looks at this machine, not at programs: meta.ts doctor" : undefined;
  }
  if (verb === "explain") {
    if (files.length === 0) return "`explain` needs a program or a code: meta.ts explain FILE.meta";
    const programs = files.length > 1 && files.some((word) => word.endsWith(".meta"));
    return programs ? "Only one program can be explained at a time" : undefined;
  }
  if (verb === "resume") {
    return files.length === 1 ? undefined : "`resume` needs the folder of one run: meta.ts resume DIR";
  }
  if (verb === "compare") {
    return files.length > 0 ? undefined : "`compare` needs the folders of runs: meta.ts compare DIR DIR";
  }
  if (files.length === 0) return `\`${verb}\` needs a program: meta.ts ${verb} FILE.meta`;
  return (verb === "run" || verb === "verify") && files.length > 1 ? onlyOne : undefined;
}

function understand(positionals: readonly string[], given: ReadonlyMap<string, readonly string[]>): ParsedArguments {
  const wrong = (message: string): ParsedArguments => ({ kind: "wrong", message });
  const [first] = positionals;
  if (first === undefined) return wrong("Name a program to run: deno run meta.ts FILE.meta; --help says more");
  const isVerb = Object.hasOwn(verbs, first);
  const verb = isVerb ? first as Verb : "run";
  const files = isVerb ? positionals.slice(1) : positionals;
  for (const name of given.keys()) {
    if (!options[name]!.verbs.includes(verb)) {
      return wrong(`\`--${name}\` does not go with \`${verb}\`, only with ${options[name]!.verbs.join(", ")}`);
    }
  }
  const problem = !isVerb && files.length > 1 ? unknownVerb(first) : filesProblem(verb, files);
  if (problem !== undefined) return wrong(problem);

  const inputs = parseInputs(given.get("set") ?? []);
  if (typeof inputs === "string") return wrong(inputs);
  const seedText = given.get("seed")?.[0] ?? "0";
  const seed = Number(seedText.replaceAll("_", ""));
  if (!/^\d[\d_]*$/.test(seedText) || !Number.isSafeInteger(seed)) {
    return wrong(`\`--seed\` must be an integer from 0 to ${Number.MAX_SAFE_INTEGER}, not \`${seedText}\``);
  }
  const emit = given.get("emit")?.[0];
  if (emit !== undefined && !stages.includes(emit)) {
    return wrong(`\`--emit\` knows the stages ${stages.join(", ")}, not \`${emit}\``);
  }
  const memoryText = given.get("memory")?.[0];
  const memory = memoryText === undefined ? undefined : parseBytes(memoryText);
  if (memoryText !== undefined && memory === undefined) {
    return wrong(`\`--memory\` must be an amount such as 2GB, 500MB or a number of bytes, not \`${memoryText}\``);
  }
  const threadsText = given.get("threads")?.[0];
  const threads = threadsText === undefined ? undefined : Number(threadsText);
  if (threadsText !== undefined && !/^[1-9]\d{0,3}$/.test(threadsText)) {
    return wrong(`\`--threads\` must be an integer from 1, not \`${threadsText}\``);
  }
  const limits = parseLimits(given.get("limits")?.[0], given.get("limit") ?? []);
  if (typeof limits === "string") return wrong(limits);
  const every = given.get("checkpoint")?.[0];
  const checkpoint = every === undefined ? usualTimes : parseCheckpointTimes(every);
  if (!checkpoint) {
    return wrong(
      `\`--checkpoint\` must be a time such as 60s or 5min, a number such as "1000 steps", or off, not \`${every}\``,
    );
  }
  const command: CommandLine = {
    verb,
    files,
    given: new Set(given.keys()),
    inputs,
    seed,
    backend: given.get("backend")?.[0] ?? "auto",
    memory,
    threads,
    ...limits,
    json: given.has("json"),
    out: given.get("out")?.[0],
    checkpoint,
    dataFolder: given.get("data")?.[0],
    tasksFile: given.get("tasks")?.[0],
    emit: emit as Stage | undefined,
    kernels: given.has("kernels"),
    checkOnly: given.has("check"),
  };
  return { kind: "command", command };
}

/** The limits that hold, or what is wrong with them. */
function parseLimits(
  set: string | undefined,
  texts: readonly string[],
): Pick<CommandLine, "limits" | "limitsGiven"> | string {
  if (set !== undefined && set !== "untrusted") return `\`--limits\` knows \`untrusted\`, not \`${set}\``;
  const changed: Partial<Record<LimitName, number>> = set === undefined ? {} : { ...untrustedLimits };
  const seen = new Set<string>();
  for (const text of texts) {
    const [name = "", number = ""] = text.split("=", 2).map((part) => part.trim());
    if (!Object.hasOwn(untrustedLimits, name)) {
      return `Unknown limit \`${name}\`${orNearest(name, limitNames) || `: known are ${limitNames.join(", ")}`}`;
    }
    if (seen.has(name)) return `\`--limit ${name}\` is given twice`;
    seen.add(name);
    const value = number === "inf" ? Infinity : parseValue(number);
    if (typeof value !== "number") return `\`--limit ${name}\` must be an integer from 1, or inf, not \`${number}\``;
    changed[name as LimitName] = value;
  }
  try {
    return { limits: chooseLimits(changed), limitsGiven: changed };
  } catch (error) {
    return (error as Error).message;
  }
}

/** Values by name, or what is wrong with them. */
function parseInputs(texts: readonly string[]): Record<string, number | string | boolean> | string {
  const inputs = new Map<string, number | string | boolean>();
  for (const text of texts) {
    const equals = text.indexOf("=");
    if (equals <= 0) return `\`--set ${text}\` has no \`NAME=VALUE\``;
    const name = text.slice(0, equals).trim();
    if (inputs.has(name)) return `\`--set ${name}\` is given twice`;
    inputs.set(name, parseValue(text.slice(equals + 1).trim()));
  }
  return Object.fromEntries(inputs);
}

/** A number as the language writes it, `true`, `false`, or the text itself. */
function parseValue(text: string): number | string | boolean {
  if (text === "true" || text === "false") return text === "true";
  const number = /^[+-]?(\d[\d_]*(\.\d[\d_]*)?|\.\d[\d_]*)([eE][+-]?\d+)?$/.test(text);
  return number ? Number(text.replaceAll("_", "")) : text;
}

/** What `--help` prints. */
export function helpText(): string {
  const optionName = (name: string) => {
    const { value } = options[name]!;
    return value === undefined ? `--${name}` : `--${name} ${value}`;
  };
  const table = (rows: readonly (readonly [string, string])[]) =>
    rows.map(([left, right]) => `  ${left.padEnd(18)}${right}`).join("\n");
  return `Runs programs in the .meta language for meta-learning and hyperparameter optimization.

  deno run --allow-read=FOLDER meta.ts [VERB] FOLDER/FILE.meta [OPTIONS]

Verbs
${table(Object.entries(verbs).map(([name, { text }]) => [name, text]))}

Options
${table(Object.keys(options).map((name) => [optionName(name), options[name]!.text]))}

Exit codes
${table(exitCodeTexts)}
`;
}

/** The exit codes, and what they say. */
export const exitCodes = { done: 0, wrongProgram: 1, wrongUse: 2, runFailed: 3, missed: 4, stopped: 75 } as const;

const exitCodeTexts: readonly (readonly [string, string])[] = [
  ["0", "done"],
  ["1", "the program is wrong; fmt --check: a file would change"],
  ["2", "wrong use: arguments, files, permissions"],
  ["3", "the run failed"],
  ["4", "an `expect` was missed"],
  ["75", "stopped early by SIGINT, SIGTERM or SIGHUP; `resume DIR` goes on"],
];
