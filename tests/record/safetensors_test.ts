import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { allocate, type DType, type HostArray, sizeOf } from "../../runtime/ir/types.ts";
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from "../../runtime/program/safetensors.ts";
import { joined } from "../joined.ts";
import { cases } from "../thorough.ts";

/** A file with the given header text and number of data bytes. */
function file(header: string, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const vector: HostArray = { dtype: "f32", shape: [2], data: Float32Array.of(1, -2.5) };

Deno.test("encodeSafetensors() writes the format byte by byte", () => {
  const bytes = joined(encodeSafetensors(new Map([["w@*", vector]]), { seed: "7" }));
  const header = '{"__metadata__":{"seed":"7"},"w@*":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8, " ");
  assertEquals(new DataView(bytes.buffer).getBigUint64(0, true), BigInt(padded.length));
  assertEquals(new TextDecoder().decode(bytes.subarray(8, 8 + padded.length)), padded);
  assertEquals([...bytes.subarray(8 + padded.length)], [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0]);
});

Deno.test("encodeSafetensors() puts wide entries first, then orders by name, and keeps odd names", () => {
  const scalar = (dtype: DType): HostArray => ({ dtype, shape: [], data: allocate(dtype, 1) });
  const names: [string, DType][] = [["z", "bool"], ["b", "f32"], ["a", "i32"], ["1", "f64"], ["__proto__", "f64"]];
  const bytes = joined(encodeSafetensors(new Map(names.map(([name, dtype]) => [name, scalar(dtype)]))));
  const { tensors } = decodeSafetensors(bytes);
  assertEquals([...tensors.keys()], ["1", "__proto__", "a", "b", "z"]);
  assertThrows(() => encodeSafetensors(new Map([["__metadata__", vector]])), SafetensorsError);
});

const anyArray = fc.record({
  dtype: fc.constantFrom<DType>("f32", "f64", "i32", "bool"),
  shape: fc.array(fc.nat(3), { maxLength: 3 }),
  bytes: fc.uint8Array({ minLength: 8 * 27, maxLength: 8 * 27 }),
}).map(({ dtype, shape, bytes }): HostArray => {
  const data = allocate(dtype, sizeOf(shape));
  const raw = new Uint8Array(data.buffer);
  raw.set(bytes.subarray(0, raw.length));
  if (dtype === "bool") data.forEach((x, i) => data[i] = x % 2);
  return { dtype, shape, data };
});

Deno.test("decodeSafetensors() gives back every bit that encodeSafetensors() wrote", () => {
  const files = fc.tuple(
    fc.dictionary(fc.string().filter((s) => s !== "__metadata__"), anyArray, { maxKeys: 5 }),
    fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
  );
  fc.assert(fc.property(files, ([arrays, metadata]) => {
    const read = decodeSafetensors(joined(encodeSafetensors(new Map(Object.entries(arrays)), metadata)));
    assertEquals([...read.metadata].sort(), Object.entries(metadata).sort());
    assertEquals(read.tensors.size, Object.keys(arrays).length);
    for (const [name, array] of Object.entries(arrays)) {
      const other = read.tensors.get(name)!;
      assertEquals([other.dtype, other.shape], [array.dtype, array.shape]);
      // bytes, so that NaN payloads count
      const bytes = (a: HostArray) => [...new Uint8Array(a.data.buffer, a.data.byteOffset, a.data.byteLength)];
      assertEquals(bytes(other), bytes(array));
    }
  }));
});

const entry = (begin: number, end: number, shape = [end - begin]) =>
  JSON.stringify({ dtype: "BOOL", shape, data_offsets: [begin, end] });

const refused: readonly (readonly [string, Uint8Array, string])[] = [
  ["a torn length", new Uint8Array(5), "shorter than 8 bytes"],
  ["a torn header", file("{}", 0).subarray(0, 9), "ends within its header"],
  ["a huge header", file("{}", 0).fill(255, 0, 8), "bytes"],
  ["a header that is not JSON", file("{oops}", 0), "not JSON"],
  ["a header that is not an object", file("[]", 0), "does not begin with `{`"],
  ["a leading space", file(" {}", 0), "does not begin with `{`"],
  ["a hole at the start", file(`{"a":${entry(1, 2)}}`, 2), "a hole before `a`"],
  ["a hole between", file(`{"a":${entry(0, 1)},"b":${entry(2, 3)}}`, 3), "a hole before `b`"],
  ["an overlap", file(`{"a":${entry(0, 2)},"b":${entry(1, 3)}}`, 3), "an overlap before `b`"],
  ["bytes after the end", file(`{"a":${entry(0, 1)}}`, 2), "1 bytes after the last tensor"],
  ["a tensor outside", file(`{"a":${entry(0, 9)}}`, 2), "lies outside"],
  ["a wrong size", file(`{"a":${entry(0, 2, [3])}}`, 2), "needs 3 bytes and has 2"],
  ["a duplicate tensor", file(`{"a":${entry(0, 1)},"\\u0061":${entry(0, 1)}}`, 1), "`a` twice"],
  [
    "a duplicate field",
    file('{"a":{"dtype":"F32","dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}', 1),
    "`dtype` twice",
  ],
  ["another dtype", file('{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}', 2), '"BF16"'],
  ["an inherited name as dtype", file('{"a":{"dtype":"toString","shape":[],"data_offsets":[0,1]}}', 1), '"toString"'],
  ["a further field", file('{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1],"x":1}}', 1), "exactly"],
  ["a negative size", file('{"a":{"dtype":"BOOL","shape":[-1],"data_offsets":[0,1]}}', 1), "list of sizes"],
  ["metadata that is not text", file('{"__metadata__":{"a":1}}', 0), "is not a text"],
];

for (const [name, bytes, message] of refused) {
  Deno.test(`decodeSafetensors() refuses ${name}`, () => {
    assertThrows(() => decodeSafetensors(bytes), SafetensorsError, message);
  });
}

Deno.test("decodeSafetensors() refuses a truth value that is neither 0 nor 1", () => {
  const bytes = file(`{"a":${entry(0, 1)}}`, 1);
  bytes[bytes.length - 1] = 2;
  assertThrows(() => decodeSafetensors(bytes), SafetensorsError, "neither 0 nor 1");
});

Deno.test("decodeSafetensors() accepts or refuses any changed file, with no other outcome", () => {
  const good = joined(
    encodeSafetensors(new Map([["a", vector], ["b", { ...vector, dtype: "f32" as const }]]), { k: "v" }),
  );
  let refusals = 0;
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, length) => {
      const bytes = good.slice(0, Math.max(length, at + 1));
      bytes[at] = byte;
      try {
        decodeSafetensors(bytes);
      } catch (error) {
        if (!(error instanceof SafetensorsError)) throw error;
        refusals++;
      }
    }),
    { numRuns: cases(100, 1000), seed: 29 },
  );
  assert(refusals > 0);
});
