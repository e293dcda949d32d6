import { assert, assertEquals } from "@std/assert";
import { npyEntries, readNpyHeader } from "../../dsl/data/npy.ts";
import type { HostArray } from "../../runtime/ir/types.ts";
import { encodeNpy } from "../../runtime/record/npy.ts";
import { filesOfOutputs } from "../../runtime/record/run_folder.ts";
import { joined } from "../joined.ts";

const bytesOf = (array: HostArray): Uint8Array => joined(encodeNpy(array));

Deno.test("encodeNpy() writes what numpy.save() writes, byte for byte", () => {
  // numpy 2.4: np.save(f, np.array([1.5, -2.0])) and np.save(f, np.array([[True], [False]]))
  const floats = bytesOf({ dtype: "f64", shape: [2], data: Float64Array.of(1.5, -2) });
  const text = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }";
  assertEquals([...floats.subarray(0, 10)], [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 0x76, 0]);
  assertEquals(new TextDecoder().decode(floats.subarray(10, 128)), `${text.padEnd(117)}\n`);
  assertEquals([...floats.subarray(128)], [0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0]);
  const truths = bytesOf({ dtype: "bool", shape: [2, 1], data: Uint8Array.of(1, 0) });
  assertEquals(
    new TextDecoder().decode(truths.subarray(10, 128)).trimEnd(),
    "{'descr': '|b1', 'fortran_order': False, 'shape': (2, 1), }",
  );
  assertEquals([...truths.subarray(128)], [1, 0]);
});

Deno.test("what encodeNpy() writes is read as it was, whatever its type and shape", () => {
  const arrays: readonly HostArray[] = [
    { dtype: "f64", shape: [], data: Float64Array.of(-0) },
    { dtype: "f32", shape: [2, 3], data: Float32Array.of(1, 2, 3, NaN, Infinity, 1e-40) },
    { dtype: "i32", shape: [1, 3, 1], data: Int32Array.of(-2147483648, 0, 2147483647) },
    { dtype: "bool", shape: [4], data: Uint8Array.of(1, 0, 0, 1) },
    { dtype: "f64", shape: [0, 2], data: new Float64Array(0) },
    { dtype: "f64", shape: new Array(40).fill(1), data: Float64Array.of(3) },
    // of a buffer that holds more
    { dtype: "f32", shape: [2], data: new Float32Array([9, 1, 2, 9]).subarray(1, 3) },
  ];
  for (const array of arrays) {
    const bytes = bytesOf(array);
    const header = readNpyHeader(bytes, bytes.length);
    assertEquals(header.shape, array.shape);
    assertEquals(header.begin % 64, 0);
    const { at: entry } = npyEntries(header, bytes);
    array.data.forEach((x, i) => assert(Object.is(Number(entry(i)), x), `${array.dtype} ${i}: ${entry(i)}`));
  }
});

Deno.test("outputs whose names differ by case, or are longer than names of files, have files of their own", () => {
  const long = "x".repeat(255);
  assertEquals([...filesOfOutputs(["net", "Net", "NET", long, `${long.slice(1)}y`]).values()], [
    "outputs/net.npy",
    "outputs/Net-2.npy",
    "outputs/NET-3.npy",
    `outputs/${"x".repeat(100)}.npy`,
    `outputs/${"x".repeat(100)}-2.npy`,
  ]);
});
