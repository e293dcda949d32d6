// What the builder does not write: identities, known arithmetic, movement of movement. Every rewrite keeps the value.
import { assertEquals } from "@std/assert";
import { Builder, buildFunction } from "../../runtime/ir/builder.ts";
import type { ArrayType, HostArray, PrimitiveName, Variable } from "../../runtime/ir/types.ts";
import { eliminateDeadCode } from "../../runtime/ir/dead_code.ts";
import { verifyFunction } from "../../runtime/ir/verify.ts";
import { evaluate } from "./autodiff_evaluate.ts";
import { array, spread } from "./gradient_table.ts";

const f64 = (...shape: number[]): ArrayType => ({ dtype: "f64", shape });
const none = { contractLeft: [], contractRight: [], batchLeft: [], batchRight: [] };

/** A function, the primitives that remain of it, and what it returns for x = 0.1 0.2 … in [2, 3]. */
interface Case {
  readonly name: string;
  readonly write: (b: Builder, x: Variable) => Variable;
  readonly remains: readonly PrimitiveName[];
  readonly value: (x: readonly number[]) => readonly number[];
}

const same = (x: readonly number[]) => x;
const transposed = (x: readonly number[]) => [0, 3, 1, 4, 2, 5].map((i) => x[i]!);

const cases: readonly Case[] = [
  { name: "zero is added", write: (b, x) => b.apply("add", b.fill(0, x), x), remains: [], value: same },
  {
    name: "a negative is added",
    write: (b, x) => b.apply("add", b.apply("neg", x), b.fill(2, x)),
    remains: ["constant", "sub"],
    value: (x) => x.map((v) => 2 - v),
  },
  {
    name: "a negative is subtracted",
    write: (b, x) => b.apply("sub", x, b.apply("neg", x)),
    remains: ["add"],
    value: (x) => x.map((v) => v + v),
  },
  {
    name: "something is subtracted from zero",
    write: (b, x) => b.apply("sub", b.fill(0, x), x),
    remains: ["neg"],
    value: (x) => x.map((v) => -v),
  },
  { name: "signs cancel", write: (b, x) => b.apply("neg", b.apply("neg", x)), remains: [], value: same },
  {
    name: "the factor is one",
    write: (b, x) => b.apply("mul", b.apply("div", x, b.fill(1, x)), b.fill(1, x)),
    remains: [],
    value: same,
  },
  {
    name: "the factor is minus one",
    write: (b, x) => b.apply("mul", b.fill(-1, x), x),
    remains: ["neg"],
    value: (x) => x.map((v) => -v),
  },
  {
    name: "a negative meets a known factor",
    write: (b, x) => b.apply("mul", b.apply("neg", x), b.fill(3, x)),
    remains: ["constant", "mul"],
    value: (x) => x.map((v) => -3 * v),
  },
  {
    name: "the factor is zero, which may meet infinity",
    write: (b, x) => b.apply("mul", b.fill(0, x), x),
    remains: ["constant", "mul"],
    value: (x) => x.map((v) => 0 * v),
  },
  {
    name: "everything is known",
    write: (b, x) => b.apply("sqrt", b.apply("max", b.fill(4, x), b.apply("abs", b.fill(-9, x)))),
    remains: ["constant"],
    value: (x) => x.map(() => 3),
  },
  {
    name: "an array is transposed twice",
    write: (b, x) => b.one("transpose", [b.one("transpose", [x], { permutation: [1, 0] })], { permutation: [1, 0] }),
    remains: [],
    value: same,
  },
  {
    name: "only axes of size one move",
    write: (b, x) => b.reshape(b.one("transpose", [b.reshape(x, [2, 1, 3])], { permutation: [1, 0, 2] }), [2, 3]),
    remains: [],
    value: same,
  },
  {
    name: "an array is reshaped twice",
    write: (b, x) => b.reshape(b.reshape(b.apply("exp", x), [6]), [3, 2]),
    remains: ["exp", "reshape"],
    value: (x) => x.map(Math.exp),
  },
  {
    name: "an array is reversed twice",
    write: (b, x) => b.one("reverse", [b.one("reverse", [x], { axes: [0, 1] })], { axes: [1, 0] }),
    remains: [],
    value: same,
  },
  {
    name: "a broadcast is broadcast",
    write: (b, x) =>
      b.one("broadcast", [b.one("broadcast", [x], { shape: [1, 2, 3], axes: [1, 2] })], {
        shape: [1, 1, 2, 3],
        axes: [1, 2, 3],
      }),
    remains: ["broadcast"],
    value: same,
  },
  {
    name: "an axis is added before a broadcast",
    write: (b, x) => b.broadcastTo(b.reshape(x, [2, 1, 3]), [2, 2, 3]),
    remains: ["broadcast"],
    value: (x) => [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5].map((i) => x[i]!),
  },
  {
    name: "a conversion is undone",
    write: (b, x) => {
      const test = b.apply("gt", x, b.fill(0.35, x));
      return b.apply("select", b.convert(b.convert(test, "i32"), "bool"), x, b.fill(0, x));
    },
    remains: ["constant", "gt", "constant", "select"],
    value: (x) => x.map((v) => v > 0.35 ? v : 0),
  },
  { name: "a known sum is whole", write: (b, x) => b.sum(b.fill(2, x)), remains: ["constant"], value: () => [12] },
  {
    name: "a known sum is rounded",
    write: (b, x) => b.sum(b.fill(0.1, x)),
    remains: ["constant", "reduce_sum"],
    value: () => [0.6],
  },
  {
    name: "both branches are one",
    write: (b, x) => b.apply("select", b.apply("gt", x, b.fill(0, x)), x, x),
    remains: [],
    value: same,
  },
  {
    name: "the condition is turned round",
    write: (b, x) => b.apply("select", b.apply("not", b.apply("gt", x, b.fill(0.35, x))), b.fill(0, x), x),
    remains: ["constant", "gt", "constant", "select"],
    value: (x) => x.map((v) => v > 0.35 ? v : 0),
  },
  {
    name: "a product reads a transpose",
    write: (b, x) =>
      b.one("dot_general", [b.one("transpose", [x], { permutation: [1, 0] }), b.fill(1, f64(2, 1))], {
        ...none,
        contractLeft: [1],
        contractRight: [0],
      }),
    remains: ["constant", "dot_general"],
    value: (x) => [0, 1, 2].map((i) => x[i]! + x[i + 3]!),
  },
  {
    name: "a transpose is all there is",
    write: (b, x) => b.one("transpose", [x], { permutation: [1, 0] }),
    remains: ["transpose"],
    value: transposed,
  },
  {
    name: "zeros are padded",
    write: (b, x) =>
      b.apply(
        "add",
        x,
        b.one("slice", [b.one("pad", [b.fill(0, f64(1, 3))], { low: [1, 0], high: [0, 0], interior: [0, 0] })], {
          start: [0, 0],
          limit: [2, 3],
          stride: [1, 1],
        }),
      ),
    remains: [],
    value: same,
  },
  {
    name: "the exponent is zero or one",
    write: (b, x) =>
      b.apply("add", b.one("integer_pow", [x], { exponent: 0 }), b.one("integer_pow", [x], { exponent: 1 })),
    remains: ["constant", "add"],
    value: (x) => x.map((v) => 1 + v),
  },
  {
    name: "a known value is converted",
    write: (b, x) =>
      b.apply(
        "mul",
        b.convert(b.convert(b.fill(2.7, x), "i32"), "f64"),
        b.convert(b.convert(b.fill(2.7, x), "bool"), "f64"),
      ),
    remains: ["constant"],
    value: (x) => x.map(() => 2),
  },
  {
    name: "a conversion loses digits",
    write: (b, x) => b.convert(b.convert(b.apply("add", x, b.fill(0.1, x)), "f32"), "f64"),
    remains: ["constant", "add", "convert", "convert"],
    value: (x) => x.map((v) => Math.fround(v + 0.1)),
  },
  {
    name: "a conversion loses what is behind the point",
    write: (b, x) =>
      b.convert(b.convert(b.convert(b.convert(b.apply("mul", x, b.fill(10.5, x)), "f32"), "i32"), "f32"), "f64"),
    remains: ["constant", "mul", "convert", "convert", "convert", "convert"],
    value: (x) => x.map((v) => Math.trunc(Math.fround(10.5 * v))),
  },
  {
    name: "equal pieces are joined",
    write: (b, x) => b.apply("add", x, b.one("concat", [b.fill(0, f64(1, 3)), b.fill(0, f64(1, 3))], { axis: 0 })),
    remains: [],
    value: same,
  },
  {
    name: "different pieces are joined",
    write: (b, x) => b.apply("mul", x, b.one("concat", [b.fill(1, f64(1, 3)), b.fill(2, f64(1, 3))], { axis: 0 })),
    remains: ["constant", "constant", "concat", "mul"],
    value: (x) => x.map((v, i) => i < 3 ? v : 2 * v),
  },
  { name: "one piece is joined", write: (b, x) => b.one("concat", [x], { axis: 1 }), remains: [], value: same },
  {
    name: "an array is reversed along two axes in turn",
    write: (b, x) => b.one("reverse", [b.one("reverse", [x], { axes: [0, 1] })], { axes: [0] }),
    remains: ["reverse"],
    value: (x) => [2, 1, 0, 5, 4, 3].map((i) => x[i]!),
  },
  {
    name: "free axes come in another order",
    write: (b, x) => {
      const turned = b.one("transpose", [b.reshape(x, [2, 3, 1])], { permutation: [1, 0, 2] });
      return b.one("dot_general", [turned, b.fill(1, f64(1))], { ...none, contractLeft: [2], contractRight: [0] });
    },
    remains: ["reshape", "transpose", "constant", "dot_general"],
    value: transposed,
  },
  {
    name: "axes of size one change places before a broadcast",
    write: (b, x) =>
      b.broadcastTo(b.reshape(b.one("slice", [x], { start: [0, 0], limit: [1, 3], stride: [1, 1] }), [3, 1]), [3, 2]),
    remains: ["slice", "reshape", "broadcast"],
    value: (x) => [0, 0, 1, 1, 2, 2].map((i) => x[i]!),
  },
  {
    name: "a constant is stopped, and an array twice",
    write: (b, x) =>
      b.apply("mul", b.apply("stop_gradient", b.fill(1, x)), b.apply("stop_gradient", b.apply("stop_gradient", x))),
    remains: ["stop_gradient"],
    value: same,
  },
  {
    name: "conditions are known or doubly denied",
    write: (b, x) => {
      const test = b.apply("gt", x, b.fill(0.35, x));
      const [no, yes] = [b.convert(b.fill(0, x), "bool"), b.convert(b.fill(1, x), "bool")];
      const known = b.apply("or", b.apply("and", yes, b.apply("not", b.apply("not", test))), b.apply("not", yes));
      return b.apply("select", b.apply("or", known, b.apply("and", no, test)), x, b.fill(0, x));
    },
    remains: ["constant", "gt", "constant", "select"],
    value: (x) => x.map((v) => v > 0.35 ? v : 0),
  },
  {
    name: "the largest, the sign and the floor of constants are taken",
    write: (b, x) => {
      const largest = b.broadcastTo(b.one("reduce_max", [b.fill(-2.5, x)], { axes: [0] }), x.shape);
      return b.apply("min", b.apply("add", b.apply("sign", largest), b.apply("floor", largest)), b.fill(7, x));
    },
    remains: ["constant"],
    value: (x) => x.map(() => -4),
  },
];

Deno.test("Builder.emit() writes no equation that can be known, and keeps the value", async (t) => {
  for (const { name, write, remains, value } of cases) {
    await t.step(`when ${name}`, () => {
      const input: HostArray = array("f64", [2, 3], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
      const fn = buildFunction("f", [input], (b, [x]) => [write(b, x!)]);
      verifyFunction(fn);
      // What only fed something that was folded away is left for dead code removal
      assertEquals(eliminateDeadCode(fn).equations.map((e) => e.op), remains);
      const [result] = evaluate(fn, [input]);
      const expected = value([...input.data]);
      expected.forEach((v, i) =>
        assertEquals(Math.abs(result!.data[i]! - v) < 1e-15, true, `${result!.data[i]} for ${v}`)
      );
      assertEquals(result!.data.length, expected.length);
    });
  }
});

Deno.test("Builder.emit() shares equal equations, whatever the order of a sum's terms", () => {
  const fn = buildFunction("f", [f64(2), f64(2)], (b, [x, y]) => [
    b.apply("sub", b.apply("add", x!, y!), b.apply("mul", x!, y!)),
    b.apply("sub", b.apply("add", y!, x!), b.apply("mul", y!, x!)),
    b.apply("sub", b.apply("mul", y!, x!), b.apply("add", x!, y!)),
  ]);
  assertEquals(fn.equations.map((e) => e.op), ["add", "mul", "sub", "sub"]);
});

Deno.test("Builder.emit() writes known constants into the body of a loop and passes an array once", () => {
  const body = buildFunction("body", [f64(), f64(), f64(), f64(), f64()], (b, [zero, two, x, y, z]) => [
    b.apply("add", b.apply("mul", x!, two!), b.apply("add", zero!, b.apply("mul", y!, z!))),
  ]);
  const fn = buildFunction("f", [f64(), f64(3)], (b, [x, ys]) => {
    const scalar = b.fill(0, f64());
    const inputs = [scalar, b.fill(2, f64()), x!, ys!, ys!];
    return b.emit("scan", inputs, { body, length: 3, constants: 2, carry: 1, reverse: false });
  });
  verifyFunction(fn);
  const scan = fn.equations.find((e) => e.op === "scan")!;
  assertEquals(scan.inputs.length, 2);
  assertEquals(scan.params.body.equations.map((e) => e.op).filter((op) => op !== "constant"), ["mul", "mul", "add"]);
  const inputs = [spread([], -1, 1), array("f64", [3], [1, 2, 3])];
  const expected = [1, 2, 3].reduce((s, y) => s * 2 + y * y, inputs[0]!.data[0]!);
  assertEquals(evaluate(fn, inputs)[0]!.data[0], expected);
});

Deno.test("Builder.resolve() captures a variable once when it comes through two functions", () => {
  const fn = buildFunction("f", [f64(), f64(2)], (b, [x, ys]) => {
    const outer = b.openScan("outer", 2);
    const o = outer.body;
    const state = outer.carry(x!);
    const inner = o.openMap("inner", 2);
    const m = inner.body;
    // Once by its name outside, once by its name in between
    const sum = m.apply("add", m.resolve(x!), m.resolve(o.resolve(x!)));
    const [parts] = inner.close([m.apply("mul", sum, inner.slice(o.resolve(ys!)))]);
    return outer.close([o.apply("add", state, o.sum(parts!))], []).carry;
  });
  const scan = fn.equations[0]!;
  if (scan.op !== "scan") throw new Error("the scan comes first");
  assertEquals(scan.params.constants, 2);
  const map = scan.params.body.equations[0]!;
  assertEquals(map.op === "map" && map.params.constants, 1);
});

Deno.test("Builder.emit() takes rows of rows at once where all are there, and else as they are said", () => {
  const table = array("f64", [3, 2], [1, 2, 3, 4, 5, 6]);
  const given: HostArray = { dtype: "i32", shape: [2], data: Int32Array.of(1, 7) };
  const rows = (b: Builder, x: Variable) => {
    const two = b.literal(Int32Array.of(2, 0), { dtype: "i32", shape: [2] });
    return b.one("gather", [x, two], { axis: 0, batch: 0 });
  };
  const known = buildFunction("known", [table], (b, [x]) => {
    const last = b.literal(Int32Array.of(1, 1), { dtype: "i32", shape: [2] });
    return [b.one("gather", [rows(b, x!), last], { axis: 0, batch: 0 })];
  });
  const gathered = ({ equations }: ReturnType<typeof eliminateDeadCode>) =>
    equations.filter((e) => e.op === "gather").map((e) => [e.inputs[0]!.dtype, ...e.outputs[0]!.shape]);
  assertEquals(gathered(eliminateDeadCode(known)), [["i32", 2], ["f64", 2, 2]]);
  assertEquals([...evaluate(known, [table])[0]!.data], [1, 2, 1, 2]);
  // 7 reads 0, and not row 2 or 0 of the table
  const unknown = buildFunction("unknown", [table, given], (b, [x, i]) => {
    return [b.one("gather", [rows(b, x!), i!], { axis: 0, batch: 0 })];
  });
  assertEquals(gathered(eliminateDeadCode(unknown)), [["f64", 2, 2], ["f64", 2, 2]]);
  assertEquals([...evaluate(unknown, [table, given])[0]!.data], [1, 2, 0, 0]);
});
