// What do checks of integers leave behind? One number that says whether any failed, whatever is done to the function around them;
// a function that says which and where; and nothing at all in values and derivatives.
import { assertEquals } from "@std/assert";
import { expandChecks, expandGradients, expandWithReports } from "../../runtime/autodiff/expand_gradients.ts";
import { finishGradients } from "../../runtime/autodiff/finish.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { buildFunction } from "../../runtime/ir/builder.ts";
import { rangeOf } from "../../runtime/ir/ranges.ts";
import { bodyOf, type Check, type HostArray, type IrFunction, type Variable } from "../../runtime/ir/types.ts";

const at = { source: "test", start: 0, end: 0 };
const check = (low: number, high: number, more: Partial<Check> = {}): Check => ({
  low,
  high,
  subject: "an index",
  reason: "",
  counters: [],
  at,
  ...more,
});
const ints = (...data: number[]): HostArray => ({ dtype: "i32", shape: [data.length], data: Int32Array.from(data) });
const floats = (...data: number[]): HostArray => ({
  dtype: "f64",
  shape: [data.length],
  data: Float64Array.from(data),
});

/** sum over tasks r and steps t of (w + 1) table[index[r, t]], whose derivative by w is the sum of what is read. */
function objective(tasks: number, steps: number): IrFunction {
  const table = floats(10, 20, 30);
  const index = { dtype: "i32", shape: [tasks, steps] } as const;
  return buildFunction("L", [{ dtype: "f64", shape: [] }, index], (b, [w, indices]) => {
    const map = b.openMap("task", tasks);
    const own = map.slice(indices!);
    const task = map.slice(b.one("iota", [], { type: { dtype: "i32", shape: [tasks] }, axis: 0 }));
    const m = map.body;
    const scan = m.openScan("fit", steps);
    const s = scan.body;
    const k = scan.slice(own);
    const t = scan.slice(m.one("iota", [], { type: { dtype: "i32", shape: [steps] }, axis: 0 }));
    const total = scan.carry(m.fill(0, { dtype: "f64", shape: [] }));
    const counters = [{ what: "step", of: "fit" }, { what: "task", of: undefined }];
    const failed = s.apply("not", s.apply("and", s.apply("ge", k, s.fill(0, k)), s.apply("le", k, s.fill(2, k))));
    const safe = s.one("check", [k, failed, k, t, s.resolve(task)], { ...rule, counters });
    const read = s.one("gather", [s.literal(table.data, table), safe], { axis: 0, batch: 0 });
    const term = s.apply("mul", s.apply("add", s.resolve(w!), s.fill(1, read)), read);
    const [sums] = map.close(scan.close([s.apply("add", total, term)], []).carry);
    return [b.sum(sums!)];
  });
}
const rule = check(0, 2);

const counted = (fn: IrFunction, op: string): number =>
  fn.equations.reduce((n, e) => n + (e.op === op ? 1 : 0) + (bodyOf(e) ? counted(bodyOf(e)!, op) : 0), 0);

for (const mode of ["reverse", "forward"] as const) {
  Deno.test(`a check in a loop in a map is reported once, and says the first place: ${mode}`, () => {
    const body = objective(2, 3);
    const gradient = buildFunction("g", body.inputs, (b, x) => b.emit("gradient", x, { body, wrt: [0], mode }));
    const w: HostArray = { dtype: "f64", shape: [], data: Float64Array.of(1) };
    const indices = (...data: number[]) => ({ ...ints(...data), shape: [2, 3] });
    const fine = indices(0, 1, 2, 2, 2, 0);
    const wrong = indices(0, 1, 2, 2, 7, -1);
    for (const options of [{}, { levels: 1 }, { residuals: "carry" }, { chunk: 1 }] as const) {
      const { fn, reports } = expandWithReports(gradient);
      const planned = finishGradients(fn, options);
      assertEquals(reports, [{ label: "", what: "outside" }]);
      assertEquals(counted(planned, "check"), 0);
      const run = (x: HostArray) => referenceBackend.compile(planned).run([w, x]).map(({ data }) => data[0]);
      // twice the sum of 10, 20, 30, 30, 30, 10, and the sum itself
      assertEquals(run(fine), [260, 130, 0]);
      assertEquals(run(wrong)[2], Infinity);
    }
    const { fn: places, reports } = expandChecks(gradient);
    const say = (x: HostArray) => referenceBackend.compile(places).run([w, x]).map(({ data }) => [...data]);
    assertEquals(reports.map((r) => r.check.counters), [[{ what: "step", of: "fit" }, {
      what: "task",
      of: undefined,
    }]]);
    assertEquals(say(fine)[0]![0], 0);
    // failed, entry, value, step, task
    assertEquals(say(wrong), [[1, 0, 7, 1, 1]]);
  });
}

Deno.test("a check is the identity to derivatives, and on its own leaves nothing", () => {
  const x = floats(0, 1, 2);
  const fn = buildFunction("f", [x], (b, [v]) => {
    const same = b.one("check", [v!, b.apply("lt", v!, b.fill(0, v!)), v!], check(0, 2));
    return [b.sum(b.one("integer_pow", [same], { exponent: 3 }))];
  });
  for (const mode of ["reverse", "forward"] as const) {
    const gradient = buildFunction("g", fn.inputs, (b, v) => b.emit("gradient", v, { body: fn, wrt: [0], mode }));
    const [value, slope] = referenceBackend.compile(expandGradients(gradient)).run([x]);
    assertEquals([...value!.data, ...slope!.data], [9, 0, 3, 12]);
  }
});

Deno.test("equal checks are one, and arrays without entries have nothing to check", () => {
  const fn = buildFunction("f", [ints(1, 2), { dtype: "i32", shape: [0] }], (b, [x, none]) => {
    const one = (v: Variable) => b.one("check", [v, b.apply("lt", v, b.fill(0, v)), v], rule);
    return [b.apply("add", one(x!), one(x!)), one(none!)];
  });
  assertEquals(counted(fn, "check"), 2);
  const [sum, , report] = referenceBackend.compile(expandWithReports(fn).fn).run([ints(1, 2), ints()]);
  assertEquals([[...sum!.data], report!.data[0]], [[2, 4], 0]);
});

// ------------------------------------------------------------------------------------------------------------ ranges

/** Every operation that has a range of its own, on all integers of some small ranges: no result lies outside. */
Deno.test("results of integers lie in their ranges, whose ends are attained where that is said", () => {
  const spans: readonly (readonly [number, number])[] = [[0, 3], [-2, 2], [-5, -2], [3, 3], [1, 4]];
  const binary = ["add", "sub", "mul", "mod", "max", "min"] as const;
  const unary = ["neg", "abs", "sign"] as const;
  const all = (low: number, high: number) => Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const judge = (variable: Variable, values: readonly number[], what: string) => {
    const { low, high, attained } = rangeOf(variable);
    const ends = [Math.min(...values), Math.max(...values)] as const;
    assertEquals(low <= ends[0] && ends[1] <= high, true, `${what}: ${ends} in ${low} .. ${high}`);
    if (attained) assertEquals([low, high], [...ends], what);
  };
  for (const [low, high] of spans) {
    const x = all(low, high);
    for (const op of unary) {
      let made: Variable | undefined;
      const fn = buildFunction(op, [], (b) => [made = b.apply(op, b.literal(Int32Array.from(x), ints(...x)))]);
      judge(made!, [...referenceBackend.compile(fn).run([])[0]!.data], op);
    }
    for (const [from, to] of spans) {
      const y = all(from, to);
      const pairs = x.flatMap((p) => y.map((q) => [p, q] as const));
      for (const op of binary) {
        let made: Variable | undefined;
        const type = { dtype: "i32", shape: [pairs.length] } as const;
        const side = (k: 0 | 1) => Int32Array.from(pairs, (pair) => pair[k]);
        const fn = buildFunction(op, [], (b) => {
          // of length one, so that it is seen as one number
          const constant = (k: 0 | 1, [p, q]: readonly [number, number]) =>
            p === q ? b.fill(p, type) : b.literal(side(k), type);
          return [made = b.apply(op, constant(0, [low, high]), constant(1, [from, to]))];
        });
        judge(made!, [...referenceBackend.compile(fn).run([])[0]!.data], `${op} ${x} | ${y}`);
      }
    }
  }
});

Deno.test("ranges pass movement, loops and captures", () => {
  const seen: Record<string, readonly [number, number, boolean]> = {};
  buildFunction("f", [{ dtype: "f64", shape: [2, 5] }], (b, [x]) => {
    const note = (name: string, v: Variable) => {
      const { low, high, attained } = rangeOf(v);
      seen[name] = [low, high, attained];
    };
    const count = b.one("iota", [], { type: { dtype: "i32", shape: [6] }, axis: 0 });
    note("reshape", b.reshape(count, [2, 3]));
    note("slice", b.rows(count, 1, 3));
    note("argmax", b.one("argmax", [x!], { axis: 1 }));
    note("sum", b.sum(count));
    const scan = b.openScan("s", 6);
    const t = scan.slice(count);
    note("t", t);
    note("captured", scan.body.apply("add", scan.body.resolve(count), scan.body.fill(10, count)));
    const { outputs } = scan.close([], [scan.body.apply("mul", t, scan.body.fill(-2, t))]);
    note("stacked", outputs[0]!);
    const far = b.apply("mul", count, b.fill(1e9, count));
    note("wraps", far);
    return [b.convert(b.sum(outputs[0]!), "f64")];
  });
  assertEquals(seen, {
    reshape: [0, 5, true],
    slice: [0, 5, false],
    argmax: [0, 4, false],
    sum: [0, 30, false],
    t: [0, 5, true],
    captured: [10, 15, true],
    stacked: [-10, 0, true],
    wraps: [-(2 ** 31), 2 ** 31 - 1, false],
  });
});
