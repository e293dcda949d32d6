// How does a run become a text and come back? As JSON: plain data as a checkpoint has it (`runtime/record/plain_data.ts`), with its arrays
// in base64, so that every bit of them, and every number that is not finite, is kept. Texts of version 1 said the same in other words.
import { fromBase64, toBase64 } from "../runtime/base64.ts";
import { formatBytes } from "../runtime/bytes.ts";
import { MetaRuntimeError, UseError } from "../runtime/errors.ts";
import { allocate, type DType, type HostArray, type Origin, sizeOf, type TypedArray } from "../runtime/ir/types.ts";
import { gatherRecorded } from "../runtime/loop/records.ts";
import type { Recorded, RunResult } from "../runtime/loop/results.ts";
import { SafetensorsError } from "../runtime/program/safetensors.ts";
import { readPlainData, sumOfData, writePlainData } from "../runtime/record/plain_data.ts";

const format = "meta-run";
const formatVersion = 2;

type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** A list of numbers in a text. */
interface Vector {
  readonly dtype: DType;
  readonly base64: string;
}

/** What a text holds; each part may be missing. */
interface RunFile {
  readonly format?: unknown;
  readonly version?: number;
  readonly result?: Plain;
  readonly arrays?: Readonly<Record<string, Vector>>;
  readonly sha256?: string;
}

/** Characters that a text may have in this engine, with some left for the names. */
const longestText = 2 ** 29 - 2 ** 16;

/** A result as a text. Throws UseError where that would be longer than a text may be. */
export function writeRun({ failure, ...rest }: RunResult): string {
  const said = failure && { message: failure.message, ...(failure.origin ? { origin: failure.origin } : {}) };
  const data = writePlainData(said ? { ...rest, failure: said } : rest);
  const characters = [...data.tensors.values()].reduce((sum, x) => sum + x.data.byteLength * 4 / 3, data.text.length);
  if (characters > longestText) {
    throw new UseError(
      `This run has ${
        formatBytes(characters)
      } as a text, which may have 0.5 GB: record less, or keep \`run.checkpoint()\``,
    );
  }
  const arrays = Object.fromEntries([...data.tensors].map(([name, { dtype, data }]) => [
    name,
    { dtype, base64: toBase64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) },
  ]));
  const file = { format, version: formatVersion, sha256: sumOfData(data), result: JSON.parse(data.text), arrays };
  return JSON.stringify(file);
}

/** The result that a text holds.
 *  Throws TypeError when it is no run, was cut off or altered, or comes from a later version of this program. */
export function readRun(text: string): RunResult {
  let file: RunFile;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new TypeError(`This is no serialised run: ${(error as Error).message}`);
  }
  if (file?.format !== format) throw new TypeError("This is no serialised run");
  if (file.version !== 1 && file.version !== formatVersion) {
    throw new TypeError(`This run was serialised in format ${file.version}; this version reads 1 to ${formatVersion}`);
  }
  const read = file.version === 1 ? decode(file.result ?? null) : decodeFile(file);
  return completed(read as Partial<RunResult> | null, file.version);
}

function decodeFile({ result, arrays, sha256 }: RunFile): unknown {
  const tensors = new Map(
    Object.entries(arrays ?? {}).map(([name, vector]): [string, HostArray] => {
      const data = decodeData(vector);
      return [name, { dtype: vector.dtype, shape: [data.length], data }];
    }),
  );
  const written = { text: JSON.stringify(result ?? null), tensors };
  if (sha256 === undefined) throw notComplete();
  if (sumOfData(written) !== sha256) throw new TypeError("This serialised run has been altered");
  try {
    const { failure, ...rest } = readPlainData(written) as { readonly [key: string]: unknown };
    const { message, origin } = (failure ?? {}) as { readonly message?: string; readonly origin?: Origin };
    return message === undefined ? rest : { ...rest, failure: new MetaRuntimeError(message, origin) };
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new TypeError(`This serialised run has been altered: ${error.message}`);
  }
}

const notComplete = () => new TypeError("This serialised run is not complete");

/** A result with all that later versions added. Throws TypeError where something is missing that each has. */
function completed(result: Partial<RunResult> | null, version: number): RunResult {
  const lists = ["outers", "recorded", "gradients", "evaluations", "simulations", "plans"] as const;
  const complete = result && typeof result.outcome === "string" && typeof result.seed === "number" &&
    result.leaves instanceof Map && result.declared instanceof Map && lists.every((key) => Array.isArray(result[key]));
  if (!complete) throw notComplete();
  // what was written before there were outputs, ends of loops and counts of meta-steps has none
  const outers = result.outers!.map((o) => ({
    ...o,
    done: o.done ?? o.losses.length,
    metaSteps: o.metaSteps ?? Float64Array.from(o.losses.keys()),
  }));
  const simulations = result.simulations!.map((s) => ({ ...s, ends: s.ends ?? new Map() }));
  // what was recorded was a list of single values
  const recorded = version === 1 ? gatherRecorded(result.recorded as unknown as Recorded[]) : result.recorded;
  return { ...result, outers, recorded, outputs: result.outputs ?? [], simulations } as unknown as RunResult;
}

/** What version 1 wrote. */
function decode(value: Plain): unknown {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(decode);
  const tagged = value as { readonly [key: string]: Plain };
  switch (tagged.$) {
    case undefined:
      return Object.fromEntries(Object.entries(tagged).map(([key, each]) => [key, decode(each)]));
    case "number":
      return Number(tagged.value);
    case "map":
      return new Map((tagged.entries as [string, Plain][]).map(([key, each]) => [key, decode(each)]));
    case "error":
      return new MetaRuntimeError(String(tagged.message), tagged.origin ? decode(tagged.origin) as Origin : undefined);
    case "vector":
      return decodeData(tagged as unknown as Vector);
    case "array": {
      const shape = tagged.shape as readonly number[];
      const data = decodeData(tagged as unknown as Vector);
      if (data.length !== sizeOf(shape)) throw cutOff();
      return { dtype: tagged.dtype, shape, data };
    }
    default:
      throw new TypeError(`This serialised run holds something unknown, \`${String(tagged.$)}\``);
  }
}

const cutOff = () => new TypeError("This serialised run has been altered: an array is cut off");

function decodeData({ dtype, base64 }: Vector): TypedArray {
  const bytes = fromBase64(String(base64));
  const width = allocate(dtype, 1).BYTES_PER_ELEMENT;
  if (bytes.length % width !== 0) throw cutOff();
  const data = allocate(dtype, bytes.length / width);
  new Uint8Array(data.buffer).set(bytes);
  return data;
}
