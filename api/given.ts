// Is what a script gives what it may give? `deno run` and Node look at no types: an option of another name would be left out without a word,
// and a run in place of a list of runs would fail somewhere inside.
import { orNearest } from "../dsl/text/did_you_mean.ts";
import { UseError } from "../runtime/errors.ts";
import type { Run } from "./run.ts";

/** A name for each option that there is. */
export type OptionNames<Options> = Readonly<Record<keyof Required<Options>, true>>;

/** Throws UseError for an option that `of` does not have, TypeError for what are no options. */
export function checkOptions<Options>(of: string, given: unknown, names: OptionNames<Options>): void {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`\`${of}\` takes its options as \`{ ${Object.keys(names)[0]}: … }\`, not as ${said(given)}`);
  }
  const known = Object.keys(names);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const cure = of === "run" && name === "seeds" ? "; `runs({ seeds })` makes a run for each" : orNearest(name, known);
    throw new UseError(`\`${of}\` has no option \`${name}\`, only ${known.join(", ")}${cure}`);
  }
}

/** Throws TypeError for what is no text. */
export function checkText(of: string, source: unknown): void {
  if (typeof source !== "string") throw new TypeError(`\`${of}\` takes the text of a program, not ${said(source)}`);
}

/** Throws TypeError for values that stand under no names, of which none would be read. */
export function checkInputs(inputs: unknown): void {
  const named = typeof inputs === "object" && inputs !== null && !Array.isArray(inputs) && !(inputs instanceof Map);
  if (!named) throw new TypeError(`\`inputs\` must be given by their names, \`{ rate: 0.1 }\`, not as ${said(inputs)}`);
}

/** Throws TypeError for what cannot stop a run. */
export function checkSignal(signal: unknown): void {
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof aborted !== "boolean" || typeof addEventListener !== "function") {
    throw new TypeError(`\`signal\` must be an AbortSignal, as an AbortController has, not ${said(signal)}`);
  }
}

/** Throws TypeError for what is no list of seeds. */
export function checkSeeds(seeds: unknown): void {
  if (!Array.isArray(seeds)) throw new TypeError(`\`seeds\` must be a list such as [0, 1, 2], not ${said(seeds)}`);
}

/** Throws TypeError for what are no settings, each with a list of runs and paths. */
export function checkSettings(of: string, settings: unknown): void {
  const form = `\`${of}\` takes runs by settings, \`{ "a": [run0, run1] }\`, each with a list of runs or paths`;
  if (typeof settings !== "object" || settings === null || Array.isArray(settings) || isRun(settings)) {
    throw new TypeError(`${form}, not ${said(settings)}`);
  }
  for (const [label, runs] of Object.entries(settings)) {
    if (!Array.isArray(runs)) throw new TypeError(`${form}: \`${label}\` is ${said(runs)}`);
    const odd = runs.find((run) => typeof run !== "string" && !isRun(run));
    if (odd !== undefined) throw new TypeError(`${form}: \`${label}\` has ${said(odd)} in its list`);
  }
}

/** Throws TypeError for what is no run. */
export function checkRun(of: string, run: unknown): void {
  if (!isRun(run)) throw new TypeError(`\`${of}\` takes a run, not ${said(run)}`);
}

/** Whether something is a run. */
export function isRun(run: unknown): run is Run {
  const { parameter, parameters } = (run ?? {}) as Partial<Run>;
  return typeof parameter === "function" && Array.isArray(parameters);
}

function said(value: unknown): string {
  if (isRun(value)) return "a run";
  if (value instanceof Promise) return "a promise, which is to be awaited";
  if (value instanceof Map) return "a Map";
  if (ArrayBuffer.isView(value)) return "bytes or numbers";
  if (Array.isArray(value)) return value.length > 0 && value.every(isRun) ? "a list of runs" : "a list";
  return value === null || value === undefined || typeof value === "number"
    ? String(value)
    : `a ${typeof value}`.replace("a object", "an object");
}
