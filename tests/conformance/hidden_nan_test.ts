// Does a NaN that is compared, or whose place is sought, show in what is printed? And do guards, and tests whether something is a number,
// say what they say? By reports and outputs of all kinds, on both backends that are always here.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { compile, type Run, RunError } from "../../mod.ts";

/** `x` is [[1, 2, 0], [bad, 0.5, 3]], and `hole` a number; both are NaN where `bad` is -1, and numbers where it is 1. */
const setting = (bad: number) =>
  `edition 1
precision f64
param bad = ${bad}
let x = stack([1, sqrt(bad)], [2, 0.5], [0, 3])
let hole = log(bad)
data at { row : int [2] = [2, 0]   three : int [3] = [2, 0, 1] }
`;

/** What of a NaN would be lost, and what there is without one: in floats. */
const hidden: readonly (readonly [expression: string, without: number])[] = [
  ["mean(where(argmax(x) == [1, 2], 1, 0))", 1],
  ["sum(argmax(x))", 3],
  ["sum(argmax(-x))", 3],
  ["mean(where(x > 0.7, 1, 0))", 4 / 6],
  ["sum(where(hole > 5, 1, 2) * 1.0)", 2],
  ["where(hole < 5, 1, 2)", 1],
  ["where(hole != 3, 1, 2)", 1],
  ["1.0 * where(hole >= 0, 3, 4)", 3],
  ["sum(step(x))", 5],
  ["sum(where(all(x < 10, axis = 1), 1, 0))", 2],
  ["sum(where(any(x > 2, axis = 1), 1, 0))", 1],
  ["mean(where(argsort(x)[_, 2] == [1, 2], 1, 0))", 1],
  ["sum(take(at.row, argmax(x[_, 0 .. 1])) * 1.0)", 2],
  ["sum(take([5, 6, 7], argmax(x)))", 13],
  ["x[0, 1] * take([1, 2, 4], argmax(x[1]))", 8],
  ["sum(where(x > 0, x, 0))", 7.5],
  ["sum(where(x > 0, x, 0.01 * x))", 7.5],
  ["sum(max(argmax(x), [0, 0]))", 3],
  ["sum(cumsum(argmax(x)))", 4],
  ["sum(reshape(transpose(concat(argmax(x), [1])), [3])[0 .. 1])", 3],
  ["mean(one_hot(argmax(x), 3))", 1 / 3],
  ["accuracy(x, [1, 2])", 1],
  ["sum(sum(where(x > t, 1, 0)) for t in 0 .. 1)", 7],
  ["max(where(hole > t, 1, 0) for t in 0 .. 1)", 0],
];

/** What takes the other side where there is no number, or asks whether there is one: with NaN, and without. */
const guarded: readonly (readonly [expression: string, withNaN: number, without: number])[] = [
  ["mean(where(isfinite(x), where(x > 0.7, 1, 0), 0))", 3 / 6, 4 / 6],
  ["sum(where(x == x, where(x > 0.7, 1, 0), 0))", 3, 4],
  ["sum(where(x != x, 1, 0))", 1, 0],
  ["sum(where(abs(x) < inf, 1, 0))", 5, 6],
  ["where(hole == hole, where(hole > 5, 1, 2), 7)", 7, 2],
  ["sort(x[1])[0]", 0.5, 0.5],
  ["sum(where([[true, true, true], [false, true, true]], where(x > 0.7, 1, 0), 0))", 3, 3],
  ["sum(where(argmax(x[0]) == 1, 1, 0))", 1, 1],
];

/** How many entries of each output were made of NaN. */
const outputsOf = ({ outputs }: Run) => outputs.map(({ nonFinite }) => nonFinite);

for (const backend of ["reference", "wasm"] as const) {
  const valuesOf = async (bad: number, expressions: readonly string[]) => {
    const reports = expressions.map((expression) => `  report ${expression}`).join("\n");
    const program = `${setting(bad)}evaluate seen {\n${reports}\n}\n`;
    const run = await compile(program).run({ backend }).catch((error: RunError) => error.run);
    return run.evaluation("seen").reports.map(({ points }) => points[0]!.values[0]!);
  };

  Deno.test(`${backend}: a report of what was made of NaN is NaN`, async () => {
    const expressions = hidden.map(([expression]) => expression);
    const whole = await valuesOf(1, expressions);
    whole.forEach((value, i) => {
      // a mean of at most nine entries
      assert(Math.abs(value - hidden[i]![1]) <= 1e-15 * 9, `${expressions[i]} is ${value}`);
    });
    const bad = await valuesOf(-1, expressions);
    assertEquals(bad.flatMap((value, i) => Number.isNaN(value) ? [] : [`${expressions[i]} is ${value}`]), []);
  });

  Deno.test(`${backend}: guards against NaN hold, and what asks for it is answered`, async () => {
    const expressions = guarded.map(([expression]) => expression);
    for (const [bad, column] of [[-1, 1], [1, 2]] as const) {
      const values = await valuesOf(bad, expressions);
      values.forEach((value, i) => {
        assert(Math.abs(value - guarded[i]![column]) <= 1e-15, `${bad}: ${expressions[i]} is ${value}`);
      });
    }
  });

  Deno.test(`${backend}: an evaluation counts the tasks and times in which a NaN was compared`, async () => {
    const program = `edition 1
precision f64
task problem { split s { up : [] ~ uniform(-1, 1)   far : [3] ~ normal(0, 1) } }
param w = 0.5
inner fit { minimize (w - s.up)^2   over w   by sgd(lr = 0.1)   for T = 2 steps }
evaluate e {
  across 40 problem
  report where(sqrt(s.up) * w@t > 10, 1, 0) at t in 0 .. T
  report argmax(s.far * sqrt(s.up + 0 * w@T))
  report where(s.up > 0, 1, 0)
}`;
    const run = await compile(program).run({ backend });
    const [over, place, positive] = run.evaluation("e").reports;
    const negative = positive!.points[0]!.values.filter((value) => value === 0).length;
    assert(negative > 5 && negative < 35);
    assertEquals(over!.points.map(({ nonFinite }) => nonFinite), [negative, negative, negative]);
    assertEquals(place!.points[0]!.nonFinite, negative);
    positive!.points[0]!.values.forEach((value, task) => {
      assertEquals(Number.isNaN(place!.points[0]!.values[task]!), value === 0);
    });
  });

  Deno.test(`${backend}: an output of places or truth values says which were made of NaN, and the run fails`, async () => {
    const outputs = `output places = argmax(x)
output large = x > 0.7
output sorted = argsort(x[1])
output one = argmax(x[1])
output sure = where(isfinite(x), x > 0.7, false)
output ids = at.row
output guarded = where(hole == hole, argmax(x), at.row)
`;
    const whole = await compile(setting(1) + outputs).run({ backend });
    assertEquals(outputsOf(whole), [0, 0, 0, 0, 0, 0, 0]);
    assertEquals([...whole.output("places").data], [1, 2]);
    const { message, run } = await assertRejects(() => compile(setting(-1) + outputs).run({ backend }), RunError);
    assertStringIncludes(message, "`output places` is made of NaN at [1]");
    assertEquals(outputsOf(run), [1, 1, 0, 1, 0, 0, 0]);
  });

  Deno.test(`${backend}: an output of the run of its loop, and a loop's numbers beside it`, async () => {
    const program = (rate: string) =>
      `edition 1
precision f64
data d { x : [3] = [1, 2, 3]   y : int [3] = [1, 0, 1] }
param w : [2] = [0.1, -0.2]
inner fit { minimize sum((expand_dims(d.x, 1) * w)^4)   over w   by sgd(lr = ${rate})   for T = 9 steps }
output guesses = argmax(expand_dims(d.x, 1) * w@T)
output right = mean(where(argmax(expand_dims(d.x, 1) * w@T) == d.y, 1, 0))
`;
    const run = await compile(program("0.001")).run({ backend });
    assertEquals([...run.output("guesses").data], [0, 0, 0]);
    assertEquals(run.output("right").data[0], 1 / 3);
    const failed = await assertRejects(() => compile(program("1000")).run({ backend }), RunError);
    assertEquals(outputsOf(failed.run), [3, 1]);
    assert(Number.isNaN(failed.run.output("right").data[0]));
  });
}
