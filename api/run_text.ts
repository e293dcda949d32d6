// How does a run become a text and come back? As JSON in which arrays are base64, so that every bit of them, and every number
// that is not finite, is kept.
import { Buffer } from "node:buffer";
import { MetaRuntimeError } from "../runtime/errors.ts";
import { allocate, type DType, type HostArray, type Origin, sizeOf, type TypedArray } from "../runtime/ir/types.ts";
import { gatherRecorded } from "../runtime/loop/records.ts";
import type { Recorded, RunResult } from "../runtime/loop/results.ts";

const format = "meta-run";
const formatVersion = 2;

type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** A result as a text. */
export function writeRun(result: RunResult): string {
  return JSON.stringify({ format, version: formatVersion, result: encode(result) });
}

/** The result that a text holds.
 *  Throws TypeError when it is no run, was cut off or altered, or comes from a later version of this program. */
export function readRun(text: string): RunResult {
  let file: { readonly format?: unknown; readonly version?: unknown; readonly result?: Plain };
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new TypeError(`This is no serialised run: ${(error as Error).message}`);
  }
  if (file?.format !== format) throw new TypeError("This is no serialised run");
  if (file.version !== 1 && file.version !== formatVersion) {
    throw new TypeError(`This run was serialised in format ${file.version}; this version reads 1 to ${formatVersion}`);
  }
  const result = decode(file.result ?? null) as Partial<RunResult> | null;
  const lists = ["outers", "recorded", "gradients", "evaluations", "simulations", "plans"] as const;
  const complete = result && typeof result.outcome === "string" && typeof result.seed === "number" &&
    result.leaves instanceof Map && result.declared instanceof Map && lists.every((key) => Array.isArray(result[key]));
  if (!complete) throw new TypeError("This serialised run is not complete");
  // what was recorded was a list of single values
  const recorded = file.version === 1 ? gatherRecorded(result.recorded as unknown as Recorded[]) : result.recorded;
  // what was written before there were outputs, ends of loops and counts of meta-steps has none
  const outers = result.outers!.map((o) => ({
    ...o,
    done: o.done ?? o.losses.length,
    metaSteps: o.metaSteps ?? Float64Array.from(o.losses.keys()),
  }));
  const simulations = result.simulations!.map((s) => ({ ...s, ends: s.ends ?? new Map() }));
  return { ...result, outers, recorded, outputs: result.outputs ?? [], simulations } as unknown as RunResult;
}

function encode(value: unknown): Plain {
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { $: "number", value: Object.is(value, -0) ? "-0" : String(value) };
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (ArrayBuffer.isView(value)) {
    return { $: "vector", ...encodeData(value as TypedArray, value instanceof Int32Array ? "i32" : "f64") };
  }
  if (Array.isArray(value)) return value.map(encode);
  if (value instanceof Map) return { $: "map", entries: [...value].map(([key, each]) => [String(key), encode(each)]) };
  if (value instanceof MetaRuntimeError) {
    return { $: "error", message: value.message, ...(value.origin && { origin: encode(value.origin) }) };
  }
  if (isHostArray(value)) return { $: "array", shape: value.shape, ...encodeData(value.data, value.dtype) };
  const entries = Object.entries(value as object).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([key, each]) => [key, encode(each)]));
}

function isHostArray(value: unknown): value is HostArray {
  const { dtype, shape, data } = value as Partial<HostArray>;
  return typeof dtype === "string" && Array.isArray(shape) && ArrayBuffer.isView(data);
}

function encodeData(data: TypedArray, dtype: DType): { dtype: DType; base64: string } {
  return { dtype, base64: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") };
}

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
      return decodeData(tagged);
    case "array": {
      const shape = tagged.shape as readonly number[];
      const data = decodeData(tagged);
      if (data.length !== sizeOf(shape)) throw cutOff();
      return { dtype: tagged.dtype, shape, data };
    }
    default:
      throw new TypeError(`This serialised run holds something unknown, \`${String(tagged.$)}\``);
  }
}

const cutOff = () => new TypeError("This serialised run has been altered: an array is cut off");

function decodeData({ dtype, base64 }: { readonly [key: string]: Plain }): TypedArray {
  const bytes = Buffer.from(String(base64), "base64");
  const width = allocate(dtype as DType, 1).BYTES_PER_ELEMENT;
  if (bytes.length % width !== 0) throw cutOff();
  const data = allocate(dtype as DType, bytes.length / width);
  new Uint8Array(data.buffer).set(bytes);
  return data;
}
