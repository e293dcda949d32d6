// Is all of a curve there up to its bound, and of a longer one what its rule says: the first, the last, the extremes of stretches, and
// nothing that depends on when somebody looked or went on?
import { assert, assertEquals } from "@std/assert";
import { compile, restoreRun } from "../../mod.ts";
import { type CurvePoints, fewerPoints, openCurve } from "../../runtime/loop/curve.ts";

/** Numbers from 0 to 9 that look random, so that many are equal. */
const digit = (k: number) => Math.floor(1e4 * Math.abs(Math.sin(1 + k ** 1.5))) % 10;

/** Its rule, written out: meta-steps that stay of `count`, in stretches of `stretch`. */
function kept(losses: readonly number[], norms: readonly number[], stretch: number): number[] {
  const stay = new Set([0, losses.length - 1]);
  for (let begin = 0; begin < losses.length - 1; begin += stretch) {
    for (const y of [losses, norms]) {
      // what is last of all stays anyway, and is looked at when there is a next one
      const own = y.slice(begin, Math.min(begin + stretch, losses.length - 1));
      stay.add(begin + own.indexOf(Math.min(...own))).add(begin + own.indexOf(Math.max(...own)));
    }
  }
  return [...stay].sort((a, b) => a - b);
}

const most = 40;
// 4 points of each stretch, with 6 that may stand beside whole ones
const stretchOf = (count: number) => count <= most ? 1 : [4, 8, 16, 32, 64].find((s) => 4 * count / s <= most - 6)!;

Deno.test("a curve is whole up to its bound, then the first, the last and the extremes of stretches", () => {
  const curve = openCurve(0, {}, most);
  const [losses, norms]: [number[], number[]] = [[], []];
  for (let k = 0; k < 500; k++) {
    losses.push(digit(k));
    norms.push(digit(k + 0.5));
    curve.add(losses[k]!, norms[k]!);
    const points = curve.points();
    const steps = kept(losses, norms, stretchOf(k + 1));
    assertEquals([...points.metaSteps], steps, `after ${k + 1}`);
    assertEquals([...points.losses], steps.map((s) => losses[s]!));
    assertEquals([...points.gradientNorms], steps.map((s) => norms[s]!));
    assert(steps.length <= most);
    if (k % 7 === 0 && steps.length > 20) assertEquals(fewerPoints(points, 20), fewerPoints(wholeCurve(k + 1), 20));
  }
});

function wholeCurve(count: number): CurvePoints {
  const curve = openCurve(0, {}, Infinity);
  for (let k = 0; k < count; k++) curve.add(digit(k), digit(k + 0.5));
  return curve.points();
}

Deno.test("a curve that goes on from its points is the curve that was not stopped", () => {
  const whole = openCurve(0, {}, most);
  for (let k = 0; k < 300; k++) {
    const before = structuredClone(whole.points());
    const other = openCurve(k, before, most);
    for (let next = k; next < k + 40; next++) other.add(digit(next), digit(next + 0.5));
    const there = openCurve(0, {}, most);
    for (let next = 0; next < k + 40; next++) there.add(digit(next), digit(next + 0.5));
    assertEquals(other.points(), there.points(), `from ${k}`);
    assertEquals(before, whole.points()); // and it has left what it was given
    whole.add(digit(k), digit(k + 0.5));
  }
});

Deno.test("fewer points are at most as many as asked for, with the ends and the extremes", () => {
  for (const count of [1, 10, 19, 20, 21, 100, 1000, 1024]) {
    const all = wholeCurve(count);
    const few = fewerPoints(all, 20);
    assert(few.metaSteps.length <= 20, `${few.metaSteps.length} of ${count}`);
    assertEquals([few.metaSteps[0], few.metaSteps.at(-1)], [0, count - 1]);
    for (const  of of["losses", "gradientNorms"] as const) {
      assertEquals([Math.min(...few[of]), Math.max(...few[of])], [Math.min(...all[of]), Math.max(...all[of])]);
    }
  }
});

Deno.test("a run of more meta-steps than a curve keeps whole says which ones its losses belong to", async () => {
  // c = k / 8 before meta-step k, with no rounding
  const run = await compile(`edition 1
    precision f64
    param c = 0
    outer train { minimize -c  over c by sgd(lr = 0.125)  for 110_000 steps }
  `).run({ backend: "wasm" });
  const again = restoreRun(run.serialize());
  for (const { losses, gradientNorms, metaSteps, ending } of [run, again]) {
    assertEquals(ending().done, 110_000);
    const steps = metaSteps();
    assert(steps.length === losses().length && steps.length === gradientNorms().length);
    assert(steps.length > 20_000 && steps.length < 100_000, `${steps.length} points`);
    assertEquals([steps[0], steps.at(-1)], [0, 109_999]);
    assertEquals(losses(), steps.map((k) => -k / 8));
  }
});
