// Every primitive is differentiated right: to second order with a second path, to third order where it is smooth, forward
// as in reverse, batched as looped.
import { assert, assertEquals } from "@std/assert";
import { valueAndGradient, vjpFunction } from "../../runtime/autodiff/gradient.ts";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { batchFunction, expandMaps } from "../../runtime/autodiff/batch.ts";
import { jvpFunction } from "../../runtime/autodiff/jvp.ts";
import { jvpRules } from "../../runtime/autodiff/jvp_rules.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { Builder, buildFunction } from "../../runtime/ir/builder.ts";
import { type HostArray, type IrFunction, isFloat, type Variable } from "../../runtime/ir/types.ts";
import { type GradientRow, gradientTable, spread, type ValuelessDerivative } from "./gradient_table.ts";
import { type Column, held, measuredTest } from "./measured.ts";
import {
  centralDifference,
  countOf,
  distance,
  evaluate,
  inner,
  prepare,
  rowFunction,
  scaleOf,
  step,
} from "./autodiff_evaluate.ts";
import { some } from "../thorough.ts";

/** Of the scale of what is compared. A central difference (see there) with h = 2^-9 has an error of 3e-14 times the fifth
 *  derivative and 5e-13 times the value; fifth derivatives of the rows stay below 1e4. */
const differenceTolerance = 1e-9;

/** Of the scale of what is compared: the same sums in another order, a few thousand operations of 1e-16 each. */
const roundingTolerance = 1e-12;

/** Of the scale of what is compared: batching may change the order of a sum, here of a dozen terms. */
const batchTolerance = 1e-13;

const wasm = makeWasmBackend({ threads: 1 });

function onWasm(fn: IrFunction, inputs: readonly HostArray[]): readonly HostArray[] {
  const executable = wasm.compile(fn);
  const outputs = executable.run(inputs);
  executable.dispose();
  return outputs;
}

const directions = (list: readonly HostArray[], seed: number) => list.map((x, i) => spread(x.shape, -1, 1, seed + i));

/** <weights, float outputs>, which makes one number of several arrays. */
function weighted(b: Builder, outputs: readonly Variable[], seed: number): Variable {
  let total = b.fill(0, { dtype: "f64", shape: [] });
  outputs.forEach((y, i) => {
    if (!isFloat(y.dtype)) return;
    const weights = b.literal(spread(y.shape, -1, 1, seed + i).data, y);
    total = b.apply("add", total, b.sum(b.apply("mul", y, weights)));
  });
  return total;
}

const floatIndices = (list: readonly HostArray[]) => list.flatMap((x, i) => isFloat(x.dtype) ? [i] : []);

/** L(x) = <c, f(x)>: a scalar. */
function scalarOf(row: GradientRow): IrFunction {
  return buildFunction(row.name, row.inputs, (b, x) => [weighted(b, row.write(b, x), 20)]);
}

/** M(x) = L(x) (1 + <d, x>)^2 + L(x)^2: the row's function along a first path, its inputs and itself along a second. */
function twoPaths(row: GradientRow): IrFunction {
  return buildFunction(row.name, row.inputs, (b, x) => {
    const value = weighted(b, row.write(b, x), 20);
    const other = b.apply("add", weighted(b, x, 40), b.fill(1, value));
    return [b.apply("add", b.apply("mul", value, b.apply("mul", other, other)), b.apply("mul", value, value))];
  });
}

/** x -> <v, gradient of fn at x>: each application asks for one order more. */
function sliceOfGradient(
  fn: IrFunction,
  wrt: readonly number[],
  seed: number,
  mode: "reverse" | "forward",
): IrFunction {
  return buildFunction(fn.name, fn.inputs, (b, x) => {
    const gradients = b.emit("gradient", x, { body: fn, wrt, mode }).slice(fn.outputs.length);
    return [weighted(b, gradients, seed)];
  });
}

/** All non-empty choices of flags, or some. */
function subsets(n: number): readonly (readonly boolean[])[] {
  const all = Array.from(
    { length: 2 ** n - 1 },
    (_, k) => Array.from({ length: n }, (_, i) => ((k + 1) >> i & 1) === 1),
  );
  return some(all, 2);
}

const iterations = 3;

/** Three versions of an input: floats shrunk a little, which keeps them in their domain; the others turned round. */
function versions(x: HostArray): HostArray {
  const n = x.data.length;
  const data = isFloat(x.dtype)
    ? new Float64Array(iterations * n)
    : x.data.constructor === Int32Array
    ? new Int32Array(iterations * n)
    : new Uint8Array(iterations * n);
  for (let k = 0; k < iterations; k++) {
    x.data.forEach((value, i) =>
      data[k * n + (isFloat(x.dtype) ? i : (i + k) % n)] = isFloat(x.dtype) ? value * (1 - 0.01 * k) : value
    );
  }
  return { dtype: x.dtype, shape: [iterations, ...x.shape], data };
}

/** Floats to halves, which meet ties, zeros and the edges of domains. */
function halved(list: readonly HostArray[]): readonly HostArray[] {
  return list.map((x) => ({ ...x, data: x.data.map((value) => Math.round(2 * value) / 2) }));
}

/** Runs `fn` over three versions of the mapped inputs: looped; batched; and batched but for the maps inside, which a
 *  batching rule of their own keeps. */
function compareMaps(op: string, fn: IrFunction, row: GradientRow, mapped: readonly boolean[]): void {
  const stacked = row.inputs.map((x, i) => mapped[i] ? versions(x) : x);
  const looped = buildFunction(fn.name, stacked, (b, x) => {
    const scope = b.openMap("iterations", iterations);
    const slices = x.map((v, i) => mapped[i] ? scope.slice(v) : v);
    return scope.close(scope.body.inline(fn, slices));
  });
  const batched = expandMaps(looped);
  assertEquals(countOf(batched, "map"), 0);
  for (const inputs of [stacked, halved(stacked)]) {
    const expected = evaluate(looped, inputs);
    for (const form of [batched, batchFunction(fn, mapped, iterations)]) {
      const error = distance(evaluate(form, inputs), expected);
      const says = () => `${error} when ${mapped} are mapped`;
      held(["batched", op], error, { bound: batchTolerance, scale: scaleOf(expected), says });
    }
  }
}

Deno.test("every primitive has a row in the gradient table, and the row uses it", () => {
  const apart: readonly ValuelessDerivative[] = ["check", "implicit", "linear_solve", "finite_difference", "pullback"];
  assertEquals([...Object.keys(gradientTable), ...apart].sort(), Object.keys(jvpRules).sort());
  for (const op of Object.keys(gradientTable) as (keyof typeof gradientTable)[]) {
    assert(gradientTable[op].length > 0, op);
    // `integer_pow` to the power of 0 and 1 is folded away, which is what those rows are for
    assert(gradientTable[op].some((row) => countOf(rowFunction(row), op) > 0), op);
  }
});

for (const op of Object.keys(gradientTable) as (keyof typeof gradientTable)[]) {
  for (const row of some<GradientRow>(gradientTable[op], 2)) {
    const wrt = floatIndices(row.inputs);
    const along = directions(row.inputs, 60);
    const hold = (column: Column, bound: number, error: number, scale: number, what = "") =>
      held([column, op], error, { bound, scale, says: () => `off by ${error} of ${scale} ${what}` });

    Deno.test(`jvpFunction() agrees with central differences for ${row.name}`, () => {
      const fn = expandGradients(rowFunction(row));
      const joint = jvpFunction(fn, row.inputs.map(() => true), fn.outputs.map((y) => isFloat(y.dtype)));
      const tangents = wrt.map((i) => along[i]!);
      const moved = evaluate(joint.fn, [...row.inputs, ...tangents]).slice(fn.outputs.length);
      const run = prepare(fn);
      const expected = centralDifference((t) => run(step(row.inputs, t, along)));
      hold("forward", differenceTolerance, distance(moved, expected), scaleOf(moved));
    });

    Deno.test(`jvpFunction() leaves the values as they are for ${row.name}`, () => {
      const fn = expandGradients(rowFunction(row));
      const joint = jvpFunction(fn, row.inputs.map(() => true)).fn;
      for (const inputs of [row.inputs, halved(row.inputs)]) {
        const results = evaluate(joint, [...inputs, ...wrt.map((i) => along[i]!)]).slice(0, fn.outputs.length);
        assertEquals(distance(results, evaluate(fn, inputs)), 0);
      }
    });

    Deno.test(`valueAndGradient() gives each gradient alone as with the others for ${row.name}`, () => {
      const fn = expandGradients(scalarOf(row));
      const together = evaluate(valueAndGradient(fn, wrt), row.inputs).slice(1);
      wrt.forEach((input, i) => {
        for (const mode of ["reverse", "forward"] as const) {
          const alone = evaluate(valueAndGradient(fn, [input], { mode }), row.inputs).slice(1);
          assert(distance(alone, [together[i]!]) <= roundingTolerance * scaleOf(alone), `input ${input}, ${mode}`);
        }
      });
    });

    Deno.test(`vjpFunction() passes the dot-product test for ${row.name}`, () => {
      const fn = expandGradients(rowFunction(row));
      const joint = jvpFunction(fn, row.inputs.map(() => true), fn.outputs.map((y) => isFloat(y.dtype)));
      const tangents = wrt.map((i) => along[i]!);
      const moved = evaluate(joint.fn, [...row.inputs, ...tangents]).slice(fn.outputs.length);
      const us = directions(moved, 80);
      const back = evaluate(vjpFunction(fn, wrt), [...row.inputs, ...us]).slice(fn.outputs.length);
      const [left, right] = [inner(moved, us), inner(tangents, back)];
      hold("transposed", roundingTolerance, Math.abs(left - right), scaleOf(moved, back));
    });

    Deno.test(`valueAndGradient() gives the same forward and in reverse, and on wasm, for ${row.name}`, () => {
      const fn = expandGradients(scalarOf(row));
      const gradient = valueAndGradient(fn, wrt);
      const reverse = evaluate(gradient, row.inputs);
      const forward = evaluate(valueAndGradient(fn, wrt, { mode: "forward" }), row.inputs);
      hold("reverse", roundingTolerance, distance(reverse, forward), scaleOf(reverse));
      hold("wasm, first", roundingTolerance, distance(onWasm(gradient, row.inputs), reverse), scaleOf(reverse));
    });

    Deno.test(`expandGradients() gives second derivatives along two paths, and on wasm, for ${row.name}`, () => {
      const fn = twoPaths(row);
      const first = prepare(sliceOfGradient(fn, wrt, 90, "reverse"));
      const [expected] = centralDifference((t) => first(step(row.inputs, t, along)));
      for (const [outer, middle] of [["reverse", "reverse"], ["forward", "reverse"], ["reverse", "forward"]] as const) {
        const second = buildFunction(row.name, row.inputs, (b, x) => {
          const body = sliceOfGradient(fn, wrt, 90, middle);
          return b.emit("gradient", x, { body, wrt, mode: outer });
        });
        const results = evaluate(second, row.inputs);
        const slope = inner(results.slice(1), wrt.map((i) => along[i]!));
        const error = Math.abs(slope - expected!.data[0]!);
        hold("second", differenceTolerance, error, scaleOf(results) * wrt.length, `${outer} over ${middle}`);
        if (outer !== middle) continue;
        const ours = onWasm(expandGradients(second), row.inputs);
        hold("wasm, second", roundingTolerance, distance(ours, results), scaleOf(results));
      }
    });

    Deno.test(`expandMaps() gives what map gives for ${row.name}`, () => {
      const fn = expandGradients(rowFunction(row));
      for (const mapped of subsets(fn.inputs.length)) compareMaps(op, fn, row, mapped);
      const gradient = valueAndGradient(expandGradients(scalarOf(row)), wrt);
      for (const mapped of subsets(fn.inputs.length)) compareMaps(op, gradient, row, mapped);
    });

    if (row.smooth ?? true) {
      Deno.test(`expandGradients() gives third derivatives for ${row.name}`, () => {
        const second = sliceOfGradient(sliceOfGradient(twoPaths(row), wrt, 90, "reverse"), wrt, 95, "reverse");
        const run = prepare(second);
        const [expected] = centralDifference((t) => run(step(row.inputs, t, along)));
        const third = buildFunction(
          row.name,
          row.inputs,
          (b, x) => b.emit("gradient", x, { body: second, wrt, mode: "reverse" }),
        );
        const results = evaluate(third, row.inputs);
        const slope = inner(results.slice(1), wrt.map((i) => along[i]!));
        hold("third", 10 * differenceTolerance, Math.abs(slope - expected!.data[0]!), scaleOf(results));
      });
    }
  }
}

const ops = Object.keys(gradientTable) as (keyof typeof gradientTable)[];
const within = (bound: number, list = ops) => Object.fromEntries(list.map((op) => [op, bound]));
measuredTest({
  "forward": within(differenceTolerance),
  "transposed": within(roundingTolerance),
  "reverse": within(roundingTolerance),
  "second": within(differenceTolerance),
  "third": within(10 * differenceTolerance, ops.filter((op) => gradientTable[op].some((row) => row.smooth ?? true))),
  "batched": within(batchTolerance),
  "wasm, first": within(roundingTolerance),
  "wasm, second": within(roundingTolerance),
});
