// What is a run of? Its program with all that it is run with, in parts that have names: a run goes on only with the same, and which part
// is another one can be said. Written into every checkpoint.
import type { HostArray } from "../ir/types.ts";
import { sha256Of } from "../sha256.ts";

/** What a run is of. Sums are SHA-256, hexadecimal. */
export interface RunIdentity {
  /** Sum of the text of the root file. */
  readonly program: string;
  /** Sums of the texts of the files that it imports, by their paths. */
  readonly imports: Readonly<Record<string, string>>;
  /** Values of its inputs, those that were given. */
  readonly inputs: Readonly<Record<string, number | string | boolean>>;
  /** Sums of the tables and starts that it reads, by their names. */
  readonly data: Readonly<Record<string, string>>;
  readonly seed: number;
  /** Arithmetic of the experiment. */
  readonly precision: string;
  /** Name of the backend. */
  readonly backend: string;
  /** Bytes that each function may keep, if that was said. Another amount is the same run to rounding. */
  readonly memory: number | null;
  /** Of this software: another one may compute other bits. */
  readonly version: string;
}

/** The sum of an array with its type. */
export function sumOfArray({ dtype, shape, data }: HostArray): string {
  return sha256Of([`${dtype} [${shape}] `, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

/** Why a run of one is not a run of the other: what has changed, for people; empty where they are the same. `inputs` false: those may be
 *  others. */
export function changesBetween(before: RunIdentity, now: RunIdentity, { inputs = true } = {}): string[] {
  return [
    ...(before.program === now.program ? [] : ["the text of the program"]),
    ...namesThatDiffer(before.imports, now.imports).map((name) => `the import \`${name}\``),
    ...(inputs ? namesThatDiffer(before.inputs, now.inputs) : []).map((name) =>
      `the input \`${name}\` (${saidOf(before.inputs, name)} before, now ${saidOf(now.inputs, name)})`
    ),
    ...namesThatDiffer(before.data, now.data).filter((name) => before.seed === now.seed || !isDrawn(name)).map((name) =>
      `the data \`${name}\``
    ),
    ...(["seed", "precision", "backend", "version"] as const).filter((part) => before[part] !== now[part]).map((part) =>
      `the ${part} (${before[part]} before, now ${now[part]})`
    ),
  ];
}

/** The rows of a part that the seed draws: another seed says enough. */
const isDrawn = (name: string) => name.endsWith(": rows");

/** True when two runs have the same values of their inputs. */
export function sameInputs(a: RunIdentity, b: RunIdentity): boolean {
  return namesThatDiffer(a.inputs, b.inputs).length === 0;
}

type Values = Readonly<Record<string, unknown>>;

const valueOf = (values: Values, name: string) => Object.hasOwn(values, name) ? values[name] : undefined;

function namesThatDiffer(before: Values, now: Values): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => !Object.is(valueOf(before, name), valueOf(now, name)));
}

const saidOf = (values: Values, name: string) => `${valueOf(values, name) ?? "not given"}`;
