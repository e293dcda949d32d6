// Is it told right where 32 bits do not hold a result? Beside integers of any size, at the edges and at random.
import { assertEquals } from "@std/assert";
import { arithmetic, wrappedSum } from "../../../dsl/elaborate/wrapped.ts";
import { referenceBackend } from "../../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../../runtime/backend/wasm/index.ts";
import { buildFunction } from "../../../runtime/ir/builder.ts";
import { largestInt } from "../../../runtime/ir/types.ts";

const backends = [referenceBackend, makeWasmBackend()];

/** Numbers at the edges, and others by a linear congruential generator (Lehmer, 48271 mod 2^31 - 1), of all sizes. */
function numbers(): number[] {
  const edges = [0, 1, 2, 3, 46340, 46341, 65535, 65536, 2 ** 24, 2 ** 30, largestInt - 1, largestInt];
  const list = edges.flatMap((n) => [n, -n]);
  let state = 1;
  for (let i = 0; i < 60; i++) {
    state = state * 48271 % 2147483647;
    const size = 2 ** (state % 31 + 1);
    state = state * 48271 % 2147483647;
    list.push((state % size) * (i % 2 === 0 ? 1 : -1));
  }
  return list;
}

const outside = (n: bigint) => n < -2147483648n || n > 2147483647n ? 1 : 0;

for (const backend of backends) {
  for (const op of ["add", "sub", "mul"] as const) {
    Deno.test(`${op} on ${backend.name}`, () => {
      const pairs = numbers().flatMap((x) => numbers().map((y) => [x, y] as const));
      const type = { dtype: "i32", shape: [pairs.length] } as const;
      const fn = buildFunction(op, [type, type], (b, [x, y]) => [
        arithmetic[op].wrapped(b, b.apply(op, x!, y!), x!, y!),
      ]);
      const side = (k: 0 | 1) => ({ ...type, data: Int32Array.from(pairs, (pair) => pair[k]) });
      const executable = backend.compile(fn);
      const [told] = executable.run([side(0), side(1)]);
      executable.dispose();
      const exact = {
        add: (x: bigint, y: bigint) => x + y,
        sub: (x: bigint, y: bigint) => x - y,
        mul: (x: bigint, y: bigint) => x * y,
      };
      assertEquals([...told!.data], pairs.map(([x, y]) => outside(exact[op](BigInt(x), BigInt(y)))));
    });
  }

  Deno.test(`sum on ${backend.name}`, () => {
    const list = numbers();
    const rows = list.flatMap((
      x,
      i,
    ) => [[x, list[(i * 7 + 3) % list.length]!, x], [x, -x, list[i]!], [largestInt, x, -largestInt]]);
    const type = { dtype: "i32", shape: [rows.length, 3] } as const;
    const fn = buildFunction("sum", [type], (b, [x]) => [wrappedSum(b, x!, (v) => b.sum(v, [1]))]);
    const executable = backend.compile(fn);
    const [told] = executable.run([{ ...type, data: Int32Array.from(rows.flat()) }]);
    executable.dispose();
    assertEquals([...told!.data], rows.map((row) => outside(row.reduce((s, x) => s + BigInt(x), 0n))));
    // many of one sign
    const long = { dtype: "i32", shape: [70000] } as const;
    const whole = backend.compile(buildFunction("sum", [long], (b, [x]) => [wrappedSum(b, x!, (v) => b.sum(v, [0]))]));
    const of = (x: number) => whole.run([{ ...long, data: new Int32Array(70000).fill(x) }])[0]!.data[0];
    assertEquals([30678, 30679, -30678, -30679, 255, -1].map(of), [0, 1, 0, 1, 0, 0]); // 70000 * 30678 = 2147460000
    whole.dispose();
  });
}
