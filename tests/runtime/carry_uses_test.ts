// Is a loop differentiated right whatever its body does with a carry: reads it, or not, or only in what it stacks, hands it on, swaps
// it with another, forgets it? To second order, backwards and forwards, against the same loop written out step by step.
import { assert } from "@std/assert";
import { type Builder, buildFunction } from "../../runtime/ir/builder.ts";
import { verifyFunction } from "../../runtime/ir/verify.ts";
import { eliminateDeadCode } from "../../runtime/ir/dead_code.ts";
import type { ArrayType, GradientMode, IrFunction, Variable } from "../../runtime/ir/types.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { expandGradients, type ExpandOptions } from "../../runtime/autodiff/expand_gradients.ts";
import { distance, prepare, scaleOf } from "./autodiff_evaluate.ts";
import { spread } from "./gradient_table.ts";
import { some } from "../thorough.ts";

const f64 = (...shape: number[]): ArrayType => ({ dtype: "f64", shape });
const wasm = makeWasmBackend({ threads: 1 });

/** What a body sees: the carries, the present slice, a constant. */
interface Step {
  readonly s: Builder;
  readonly carry: readonly Variable[];
  readonly slice: Variable;
  readonly constant: Variable;
}

/** Ways to make the next value of carry i. */
const next: Readonly<Record<string, (step: Step, i: number) => Variable>> = {
  "reads itself": ({ s, carry, slice }, i) => s.apply("sin", s.apply("mul", carry[i]!, slice)),
  "reads the other": ({ s, carry, constant }, i) => s.apply("mul", s.apply("cos", carry[1 - i]!), constant),
  "reads both": ({ s, carry, slice }, i) =>
    s.apply("sin", s.apply("add", s.apply("mul", carry[0]!, carry[1]!), i ? slice : carry[0]!)),
  "reads no carry": ({ s, slice, constant }) => s.apply("mul", slice, s.apply("mul", constant, constant)),
  "becomes a constant": ({ s, constant }) => s.resolve(constant),
  "becomes a number": ({ s, constant }) => s.fill(0.7, constant),
  "becomes a slice": ({ slice }) => slice,
  "is handed on": ({ carry }, i) => carry[i]!,
  "is the other": ({ carry }, i) => carry[1 - i]!,
};

/** What the loop stacks. */
const stacked: Readonly<Record<string, (step: Step) => Variable>> = {
  nothing: ({ s, constant }) => s.fill(0, constant),
  "the first carry": ({ carry }) => carry[0]!,
  "a function of the second carry": ({ s, carry, slice }) => s.apply("mul", s.apply("sin", carry[1]!), slice),
};

interface Loop {
  readonly next: readonly [string, string];
  readonly stacks: string;
  /** Which carries are read when the loop has ended. */
  readonly read: readonly [boolean, boolean];
  readonly length: number;
  /** In a map, or in a scan of two steps that carries the results. */
  readonly around: "nothing" | "map" | "scan";
}

/** (a, b, constant, slices [length]) -> a scalar that depends on what the loop leaves. */
function objective(loop: Loop): IrFunction {
  return buildFunction("objective", [f64(), f64(), f64(), f64(loop.length)], (b, [x, y, constant, slices]) => {
    const run = (b: Builder, x: Variable, y: Variable, constant: Variable): Variable[] => {
      const scope = b.openScan("loop", loop.length);
      const carry = [scope.carry(x), scope.carry(y)];
      const step = { s: scope.body, carry, slice: scope.slice(slices!), constant };
      const made = loop.next.map((name, i) => next[name]!(step, i));
      const { carry: last, outputs } = scope.close(made, [stacked[loop.stacks]!(step)]);
      const weighted = last.map((v, i) => b.apply("mul", b.apply("sin", v), b.fill(i + 1, v)));
      return [...weighted.filter((_, i) => loop.read[i]), b.sum(b.apply("sin", outputs[0]!))];
    };
    const total = (b: Builder, terms: readonly Variable[]) => terms.reduce((p, q) => b.apply("add", p, q));
    if (loop.around === "nothing") return [total(b, run(b, x!, y!, constant!))];
    if (loop.around === "map") {
      const scope = b.openMap("tasks", 2);
      const task = scope.slice(b.one("concat", [b.reshape(x!, [1]), b.reshape(constant!, [1])], { axis: 0 }));
      return [b.sum(scope.close([total(scope.body, run(scope.body, task, y!, constant!))])[0]!)];
    }
    const scope = b.openScan("outer", 2);
    const [p, q] = [scope.carry(x!), scope.carry(y!)];
    const value = total(scope.body, run(scope.body, p, q, constant!));
    // the second carry of the outer loop is read by the inner one at the first step alone
    return [total(b, [...scope.close([value, scope.body.apply("mul", constant!, constant!)], []).carry])];
  });
}

/** The gradient of a scalar function with respect to all inputs, after its value. */
function gradientOf(fn: IrFunction, mode: GradientMode): IrFunction {
  return buildFunction(
    "gradient",
    fn.inputs,
    (b, x) => [...b.emit("gradient", x, { body: fn, wrt: x.map((_, i) => i), mode })],
  );
}

/** A scalar of the value and the gradient: its gradient holds second derivatives. */
function mixed(fn: IrFunction, mode: GradientMode): IrFunction {
  const gradient = gradientOf(fn, mode);
  return buildFunction("mixed", fn.inputs, (b, x) => {
    const sums = b.inline(gradient, x).map((g, i) => b.apply("mul", b.sum(g), b.fill(1 + i / 3, f64())));
    return [sums.reduce((p, q) => b.apply("add", p, q))];
  });
}

/** Compares both ways on the loop as it is and written out. Both are sums and products of numbers of about 1: rounding. */
function check(loop: Loop): void {
  const fn = objective(loop);
  const at = [spread([], 0.3, 0.3), spread([], 0.8, 0.8), spread([], 0.6, 0.6), spread([loop.length], 0.5, 1.1, 1)];
  const ways: readonly (readonly [IrFunction, ExpandOptions])[] = [
    [fn, {}],
    [gradientOf(fn, "reverse"), {}],
    [gradientOf(fn, "forward"), {}],
    [gradientOf(mixed(fn, "reverse"), "reverse"), {}],
    [gradientOf(mixed(fn, "forward"), "reverse"), {}],
    [gradientOf(mixed(fn, "reverse"), "forward"), {}],
    [gradientOf(mixed(fn, "reverse"), "reverse"), { products: "forward" }],
  ];
  verifyFunction(eliminateDeadCode(fn));
  for (const [way, options] of ways) {
    const expected = prepare(way, { unroll: 100 })(at);
    const expanded = expandGradients(way, { ...options, unroll: 0 });
    const label = `${way.name} of ${JSON.stringify(loop)}`;
    const near = (actual: typeof expected, who: string) => {
      const difference = distance(actual, expected) / scaleOf(expected);
      assert(difference < 1e-13, `${who} on ${label}: off by ${difference}`);
    };
    near(prepare(way, { ...options, unroll: 0 })(at), "reference");
    const executable = wasm.compile(expanded);
    near(executable.run(at), "wasm");
    executable.dispose();
  }
}

const names = Object.keys(next);
const places = ["nothing", "map", "scan"] as const;
const reads = [[true, true], [true, false], [false, true]] as const;

for (const first of names) {
  Deno.test(`a carry that ${first}, beside others`, () => {
    some([...names.entries()], 1).forEach(([k, second]) => {
      const stacks = Object.keys(stacked);
      reads.filter((_, i) => i !== k % 3).forEach((read, i) => {
        const around = places[(k + i + names.indexOf(first)) % 3]!;
        check({ next: [first, second], stacks: stacks[(k + i) % 3]!, read, length: 3, around });
      });
    });
  });
}

Deno.test("carries of loops of no step, one and two", () => {
  for (const length of [0, 1, 2]) {
    for (const first of some(names, 1)) {
      for (const second of ["reads no carry", "reads itself", "is the other"]) {
        check({ next: [first, second], stacks: "the first carry", read: [true, true], length, around: "nothing" });
      }
    }
  }
});
