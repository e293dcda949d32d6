// What cannot act is found before anything runs; what can is never overlooked.
import { assert, assertEquals } from "@std/assert";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { valueAndGradient } from "../../runtime/autodiff/gradient.ts";
import { allInfluences, influences } from "../../runtime/autodiff/influence.ts";
import { Builder, buildFunction } from "../../runtime/ir/builder.ts";
import { printFunction } from "../../runtime/ir/print.ts";
import { type ArrayType, isFloat, type Variable } from "../../runtime/ir/types.ts";
import { evaluate, rowFunction } from "./autodiff_evaluate.ts";
import { heavyBall, maml } from "./autodiff_programs.ts";
import { gradientTable, spread } from "./gradient_table.ts";
import { cases } from "../thorough.ts";

const f64 = (...shape: number[]): ArrayType => ({ dtype: "f64", shape });
const names = (fn: Parameters<typeof influences>[0], output = 0) => [...influences(fn, output)];

Deno.test("influences() sees that momentum never acts when there is one step", () => {
  // Inputs: p, rate, momentum
  assertEquals(names(heavyBall(1)), [0, 1]);
  for (const steps of [2, 3, 100]) assertEquals(names(heavyBall(steps)), [0, 1, 2]);
});

Deno.test("influences() agrees with the gradient itself when the inner gradient is a constant", () => {
  assertEquals(names(heavyBall(1, true)), [0, 1]);
  assertEquals(names(heavyBall(2, true)), [0, 1, 2]);
});

Deno.test("influences() lists nothing when stop_gradient, sign, floor or a comparison stands between", () => {
  const cut = (write: (b: Builder, x: Variable) => Variable) =>
    names(buildFunction("f", [f64(2), f64(2)], (b, [x, y]) => [b.sum(b.apply("mul", write(b, x!), y!))]));
  assertEquals(cut((_, x) => x), [0, 1]);
  assertEquals(cut((b, x) => b.apply("stop_gradient", b.apply("exp", x))), [1]);
  assertEquals(cut((b, x) => b.apply("sign", x)), [1]);
  assertEquals(cut((b, x) => b.apply("floor", x)), [1]);
  assertEquals(cut((b, x) => b.convert(b.apply("gt", x, b.fill(0, x)), "f64")), [1]);
  assertEquals(cut((b, x) => b.convert(b.convert(x, "i32"), "f64")), [1]);
  assertEquals(cut((b, x) => b.broadcastTo(b.convert(b.one("argmax", [x], { axis: 0 }), "f64"), [2])), [1]);
});

Deno.test("influences() sees only second derivatives when the first is a linear loss's", () => {
  // d/dx sum(a x) = a: the step does not depend on x, only on a
  const fn = buildFunction("f", [f64(2), f64(2)], (b, [x, a]) => {
    const request = b.openGradient("inner");
    const y = request.wrt(x!);
    const { gradients } = request.close([request.body.sum(request.body.apply("mul", y, request.body.resolve(a!)))]);
    return [b.sum(gradients[0]!)];
  });
  assertEquals(names(fn), [1]);
});

/** A scan over `length` steps that reads schedule[t] of a table, or a scalar at one step only. */
function scheduled(length: number, used: number): ReturnType<typeof buildFunction> {
  return buildFunction("f", [f64(), f64(length), f64()], (b, [x, table, once]) => {
    const scope = b.openScan("steps", length);
    const s = scope.body;
    const state = scope.carry(x!);
    const count = scope.carry(b.fill(0, { dtype: "i32", shape: [] }));
    const rate = scope.slice(table!);
    const here = s.apply("eq", count, s.fill(used, count));
    const extra = s.apply("select", here, s.resolve(once!), s.fill(0, once!));
    const next = s.apply("add", s.apply("mul", state, rate), extra);
    const closed = scope.close([next, s.apply("add", count, s.fill(1, count))], [state]);
    return [
      closed.carry[0]!,
      ...Array.from({ length: Math.min(length, 3) }, (_, t) => {
        const row = b.one("slice", [closed.outputs[0]!], { start: [t], limit: [t + 1], stride: [1] });
        return b.reshape(row, []);
      }),
    ];
  });
}

Deno.test("influences() follows counters when a value acts at one step only", () => {
  const fn = scheduled(4, 1);
  const sets = allInfluences(fn).map((set) => [...set]);
  // The state before steps 0, 1 and 2: x; x and the table; and, after step 1, the value that acts there
  assertEquals(sets, [[0, 1, 2], [0], [0, 1], [0, 1, 2]]);
  assertEquals(names(scheduled(4, 7)), [0, 1]);
});

Deno.test("influences() takes late steps together when a loop is long, and overlooks nothing", () => {
  assertEquals(names(scheduled(1000, 999)), [0, 1, 2]);
});

Deno.test("influences() lists every input with a gradient other than zero, for every row of the gradient table", () => {
  for (const row of Object.values(gradientTable).flat()) {
    const fn = expandGradients(rowFunction(row));
    const seen = allInfluences(fn);
    fn.outputs.forEach((y, k) => {
      if (!isFloat(y.dtype)) return;
      const scalar = buildFunction(row.name, fn.inputs, (b, x) => [b.sum(b.apply("sin", b.inline(fn, x)[k]!))]);
      const wrt = fn.inputs.flatMap((x, i) => isFloat(x.dtype) ? [i] : []);
      const gradients = evaluate(valueAndGradient(scalar, wrt), row.inputs).slice(1);
      wrt.forEach((input, i) => {
        if (gradients[i]!.data.some((g) => g !== 0)) {
          assert(seen[k]!.has(input), `${row.name}: output ${k}, input ${input}`);
        }
      });
    });
  }
});

Deno.test("influences() sees all parameters and the rate act when a net is trained", () => {
  const fn = maml({ batch: 2, layers: [1, 3, 1], activation: "tanh" }, 2);
  // Inputs: x, y, W1, b1, W2, b2, x', y', rate; the first output is the loss, the others its gradients
  assertEquals(names(fn), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

/** Numbers in 0 .. n - 1 that do not change from run to run. */
function randomNumbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * n);
  };
}

/** One random step of a program: movement and arithmetic on arrays of which parts are known to be zero. */
function randomStep(b: Builder, pool: Variable[], random: (n: number) => number): Variable | undefined {
  const pick = () => pool[random(pool.length)]!;
  const x = pick();
  const rank = x.shape.length;
  const axis = rank > 0 ? random(rank) : 0;
  const along = (value: (axis: number) => number) => x.shape.map((_, i) => value(i));
  switch (random(16)) {
    case 0: {
      const y = pool.filter((v) => String(v.shape) === String(x.shape));
      return b.apply("mul", x, y[random(y.length)]!);
    }
    case 1: {
      const y = pool.filter((v) => String(v.shape) === String(x.shape));
      return b.apply("add", x, y[random(y.length)]!);
    }
    case 2: {
      const start = along((i) => random(x.shape[i]!));
      const stride = along(() => 1 + random(2));
      return b.one("slice", [x], {
        start,
        limit: along((i) => start[i]! + 1 + random(x.shape[i]! - start[i]!)),
        stride,
      });
    }
    case 3:
      return b.one("pad", [x], {
        low: along(() => random(2)),
        high: along(() => random(2)),
        interior: along(() => random(2)),
      });
    case 4:
      return rank > 0 ? b.one("concat", [x, random(2) === 0 ? x : b.fill(0, x)], { axis }) : undefined;
    case 5:
      return b.one("reverse", [x], { axes: rank > 0 ? [axis] : [] });
    case 6:
      return random(2) === 0
        ? b.reshape(x, [1, ...x.shape])
        : x.shape[0] === 1
        ? b.reshape(x, x.shape.slice(1))
        : undefined;
    case 7:
      return rank > 1 ? b.reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)]) : undefined;
    case 8:
      return rank < 3
        ? b.one(
          "broadcast",
          [x],
          random(2) === 0
            ? { shape: [2, ...x.shape], axes: along((i) => i + 1) }
            : { shape: [...x.shape, 2], axes: along((i) => i) },
        )
        : undefined;
    case 9:
      return rank > 0 ? b.one("reduce_sum", [x], { axes: [axis] }) : undefined;
    case 10:
      return b.one("transpose", [x], { permutation: along((i) => (i + 1) % rank) });
    case 11: {
      const index = b.literal(new Int32Array([random(4), random(4)]), { dtype: "i32", shape: [2] });
      return rank > 0 && rank < 3 ? b.one("gather", [x, index], { axis, batch: 0 }) : undefined;
    }
    case 12: {
      if (rank === 0) return undefined;
      const mask = b.one("iota", [], { type: { dtype: "i32", shape: x.shape }, axis });
      const test = b.apply(random(2) === 0 ? "lt" : "eq", mask, b.fill(random(3), mask));
      return b.apply("select", test, x, random(2) === 0 ? b.fill(0, x) : b.apply("sin", x));
    }
    default: {
      if (rank === 0) return undefined;
      // state' = row, out = state + row t: the first row of the outputs knows only the start
      const scope = b.openScan("shift", x.shape[0]!, { reverse: random(2) === 0 });
      const state = scope.carry(b.fill(0, { dtype: "f64", shape: x.shape.slice(1) }));
      const slice = scope.slice(x);
      const next = random(2) === 0 ? slice : scope.body.apply("add", state, slice);
      return scope.close([next], [random(2) === 0 ? state : scope.body.apply("mul", state, slice)]).outputs[0];
    }
  }
}

Deno.test("influences() overlooks nothing, and little is listed for nothing, in random programs of moved zeros", () => {
  let [listed, vain] = [0, 0];
  const programs = cases(150, 1500);
  for (let seed = 1; seed <= programs; seed++) {
    const random = randomNumbers(seed);
    const types = [f64(3, 2), f64(3, 2), f64(2)];
    const fn = buildFunction(`program ${seed}`, types, (b, inputs) => {
      const holes = b.literal(new Float64Array([1, 2, 0, 0, 0.5, 0]), f64(3, 2));
      const pool = [...inputs, holes, b.apply("mul", inputs[0]!, holes)];
      for (let k = 0; k < 12; k++) {
        const made = randomStep(b, pool, random);
        if (made && made.shape.reduce((n, size) => n * size, 1) <= 64 && made.shape.length <= 3) pool.push(made);
      }
      // One slice of one of the last values
      const last = pool[pool.length - 1 - random(3)]!;
      const at = last.shape.map((n) => random(n));
      const one = b.one("slice", [last], { start: at, limit: at.map((i) => i + 1), stride: at.map(() => 1) });
      return [b.sum(one)];
    });
    const seen = influences(fn, 0);
    const inputs = types.map((type, i) => spread(type.shape, 0.3, 1.2, seed + i));
    const gradients = evaluate(valueAndGradient(fn, [0, 1, 2]), inputs).slice(1);
    gradients.forEach((gradient, input) => {
      const moves = gradient.data.some((g) => g !== 0);
      if (moves) assert(seen.has(input), `${printFunction(fn)}overlooks input ${input}`);
      if (seen.has(input)) listed++;
      if (seen.has(input) && !moves) vain++;
    });
  }
  // Zeros that need more than one axis to be told apart are not seen
  assert(listed > programs / 2 && vain < 0.25 * listed, `${vain} of ${listed} in vain`);
});
