// What does the command line ask for? One table of verbs and one of options: parsed, checked, and printed by `--help`.
import { parseArgs } from "node:util";
import type { Stage } from "../dsl/compile.ts";
import { parseBytes } from "../runtime/bytes.ts";
import { chooseLimits, type LimitName, limitNames, type Limits, untrustedLimits } from "../runtime/limits.ts";
import { type CheckpointTimes, parseCheckpointTimes, usualTimes } from "../runtime/record/checkpoint_times.ts";
import { nearestName, orNearest } from "../dsl/text/did_you_mean.ts";
import { namesNumbers, namesSeveral, parseOnly, parseSeeds, parseValue, parseValues } from "./value_lists.ts";
import { newPrograms } from "./new_programs.ts";
import { options, type Verb, verbMeant, verbs } from "./verbs.ts";

const onlyOne = "Only one program can be run at a time";

/** Values of inputs, by name. */
export type InputValues = Readonly<Record<string, number | string | boolean>>;

/** Seeds, and for each input its values: there is a run for each combination. */
export interface Swept {
  readonly seeds: readonly number[];
  readonly inputs: Readonly<Record<string, readonly InputValues[string][]>>;
}

/** A request, understood and checked. */
export interface CommandLine {
  readonly verb: Verb;
  readonly files: readonly string[];
  /** The options that were given, with their words. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  readonly inputs: InputValues;
  readonly seed: number;
  /** What a sweep goes through; undefined where there is one run. */
  readonly swept: Swept | undefined;
  /** Which runs of a sweep, by their places in its list, from 0; all when not given. */
  readonly only: readonly number[] | undefined;
  /** `sweep --list`. */
  readonly listOnly: boolean;
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
  /** Which program `new` writes. */
  readonly from: string | undefined;
  /** `explain --kernels`. */
  readonly kernels: boolean;
  /** `fmt --check`. */
  readonly checkOnly: boolean;
}

/** What came of the arguments. */
export type ParsedArguments =
  | { readonly kind: "command"; readonly command: CommandLine }
  | { readonly kind: "help"; readonly verb: Verb | undefined }
  /** Nothing was asked for. */
  | { readonly kind: "nothing" }
  | { readonly kind: "version" }
  /** One sentence that says what is wrong and what would be right. */
  | { readonly kind: "wrong"; readonly message: string };

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
  for (const [i, token] of tokens.entries()) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const problem = optionProblem(token, given) ?? apartProblem(token, tokens.slice(i + 1));
    if (problem !== undefined) return { kind: "wrong", message: problem };
    given.set(token.name, [...given.get(token.name) ?? [], token.value ?? ""]);
  }
  const asked = positionals[0] === "help" ? positionals[1] : positionals[0];
  const verb = asked !== undefined && Object.hasOwn(verbs, asked) ? asked as Verb : undefined;
  if (positionals[0] === "help" && asked !== undefined && !verb) {
    const near = verbMeant(asked);
    return { kind: "wrong", message: `There is no verb \`${asked}\`${near ? `; did you mean \`${near}\`?` : ""}` };
  }
  if (given.has("help") || positionals[0] === "help") return { kind: "help", verb };
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

/** What is wrong with a name and a value that should be one word, if they are not: `--set shots 3`, `--set shots = 3`. */
function apartProblem(
  { name, value = "" }: OptionToken,
  after: readonly { readonly kind: string; readonly value?: string | undefined }[],
): string | undefined {
  const form = options[name]!.value;
  if (!form?.includes("=") || /=./.test(value)) return undefined;
  const end = after.findIndex(({ kind, value }) => kind !== "positional" || value!.endsWith(".meta"));
  const [first = "", second = ""] = after.slice(0, end < 0 ? undefined : end).map(({ value }) => value!);
  const given = first === "=" ? second : first.replace(/^=/, "");
  return given === ""
    ? undefined
    : `\`--${name}\` takes ${form}, in one word: --${name} ${value.replace("=", "")}=${given}`;
}

/** What is wrong with a first word that is no verb and is followed by files. */
function unknownVerb(first: string): string {
  const meant = first.endsWith(".meta") ? undefined : verbMeant(first);
  return meant ? `There is no verb \`${first}\`; did you mean \`${meant}\`?` : onlyOne;
}

/** What is wrong with the name of a new folder, if something is. */
function newProblem([name, ...more]: readonly string[]): string | undefined {
  if (name === undefined || name.trim() === "") return "`new` needs a name for a folder: meta.ts new NAME";
  if (more.length > 0) return "`new` makes one folder: meta.ts new NAME --from PROGRAM";
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(name)) return "The name of a folder cannot hold control characters";
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(name)) return `\`${name}\` is an address: \`new\` makes a folder on this machine`;
  if (!/\.meta\/*$/.test(name)) return undefined;
  return `\`new\` makes a folder, and the program in it: meta.ts new ${name.replace(/\.meta\/*$/, "") || "NAME"}`;
}

/** What is wrong with the files that a verb gets, if something is. */
function filesProblem(verb: Verb, files: readonly string[]): string | undefined {
  if (verb === "doctor") {
    return files.length > 0 ? "`doctor` looks at this machine, not at programs: meta.ts doctor" : undefined;
  }
  if (verb === "new") return newProblem(files);
  if (verb === "explain") {
    if (files.length === 0) return "`explain` needs a program or a code: meta.ts explain FILE.meta";
    const programs = files.length > 1 && files.some((word) => word.endsWith(".meta"));
    return programs ? "Only one program can be explained at a time" : undefined;
  }
  if (verb === "resume") {
    return files.length === 1 ? undefined : "`resume` needs the folder of one run: meta.ts resume DIR";
  }
  if (verb === "sweep") {
    return files.length === 1
      ? undefined
      : "`sweep` needs one program, or the folder of a sweep: meta.ts sweep FILE.meta";
  }
  if (verb === "compare" || verb === "report" || verb === "show") {
    const some = verb === "compare" ? "DIR DIR" : "DIR";
    return files.length > 0 ? undefined : `\`${verb}\` needs the folders of runs: meta.ts ${verb} ${some}`;
  }
  if (files.length === 0) return `\`${verb}\` needs a program: meta.ts ${verb} FILE.meta`;
  return (verb === "run" || verb === "verify") && files.length > 1 ? onlyOne : undefined;
}

function understand(positionals: readonly string[], given: ReadonlyMap<string, readonly string[]>): ParsedArguments {
  const wrong = (message: string): ParsedArguments => ({ kind: "wrong", message });
  const [first] = positionals;
  if (first === undefined && given.size === 0) return { kind: "nothing" };
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

  const seedText = given.get("seed")?.[0] ?? "0";
  const seeds = parseSeeds(seedText);
  if (typeof seeds === "string") return wrong(seeds);
  const isSweep = verb === "sweep" || verb === "run" && namesSeveral(seedText);
  if (!isSweep && namesSeveral(seedText)) return wrong(`\`${verb}\` takes one seed, not \`${seedText}\``);
  const values = parseInputs(given.get("set") ?? [], verb);
  if (typeof values === "string") return wrong(values);
  const only = parseOnly(given.get("only")?.[0]);
  if (typeof only === "string") return wrong(only);
  const emit = given.get("emit")?.[0];
  if (emit !== undefined && !stages.includes(emit)) {
    return wrong(`\`--emit\` knows the stages ${stages.join(", ")}, not \`${emit}\``);
  }
  if (emit !== undefined && isSweep) return wrong("`--emit` is of one run: give one `--seed`");
  const from = given.get("from")?.[0];
  if (from !== undefined && !Object.hasOwn(newPrograms, from)) {
    const known = Object.keys(newPrograms);
    return wrong(`\`new\` has no program \`${from}\`${orNearest(from, known) || `: there are ${known.join(", ")}`}`);
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
    given,
    inputs: isSweep ? {} : Object.fromEntries(Object.entries(values).map(([name, [value]]) => [name, value!])),
    seed: seeds[0]!,
    swept: isSweep ? { seeds, inputs: values } : undefined,
    only,
    listOnly: given.has("list"),
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
    from,
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

/** The values of each input, or what is wrong with them. */
function parseInputs(texts: readonly string[], verb: Verb): Swept["inputs"] | string {
  const inputs = new Map<string, readonly InputValues[string][]>();
  for (const text of texts) {
    const equals = text.indexOf("=");
    if (equals <= 0) return `\`--set ${text}\` has no \`NAME=VALUE\``;
    const name = text.slice(0, equals).trim();
    if (inputs.has(name)) return `\`--set ${name}\` is given twice`;
    const words = text.slice(equals + 1).trim();
    const values = parseValues(words, `--set ${name}`);
    if (verb === "sweep" && typeof values === "string") return values;
    if (verb !== "sweep" && namesNumbers(words)) {
      return `\`--set ${text}\` names several values, and \`${verb}\` takes one: \`sweep\` runs each`;
    }
    inputs.set(name, verb === "sweep" ? values as readonly InputValues[string][] : [parseValue(words)]);
  }
  return Object.fromEntries(inputs);
}
