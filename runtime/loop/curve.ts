// What is left of what many meta-steps said? All of it up to 100,000 meta-steps; of more, the first, the last, and in stretches of equal
// length those at which the loss or the norm was least or largest. Which these are depends on the numbers alone, so a run that goes on
// has the points of the run that was not stopped.
import { type Column, openColumn } from "./column.ts";
import type { OuterResult } from "./results.ts";

/** What meta-steps said. */
export type CurvePoints = Pick<OuterResult, "metaSteps" | "losses" | "gradientNorms">;

/** So many meta-steps are kept whole, and at most so many points of more. */
export const mostPoints = 100_000;

/** The least and the largest of each of two numbers. */
const extremesOfStretch = 4;

/** A curve that grows. */
export interface Curve {
  /** Adds what the next meta-step said. */
  add(loss: number, gradientNorm: number): void;
  /** Its points now. They are overwritten when it grows. */
  points(): CurvePoints;
}

/** Meta-steps in one stretch: a power of two, so that a stretch is made of whole ones of before. Beside those of whole stretches there
 *  are the points of one that is not whole, the first and the last. */
function stretchOf(steps: number, most: number): number {
  if (steps <= most) return 1;
  let stretch = 2;
  while (extremesOfStretch * steps > (most - extremesOfStretch - 2) * stretch) stretch *= 2;
  return stretch;
}

/** Opens the curve of a loop that has made `done` meta-steps, with a copy of its points. */
export function openCurve(done: number, start: Partial<CurvePoints> = {}, most: number = mostPoints): Curve {
  const columns = namesOfPoints.map((name) => openColumn("f64", start[name])) as [Column, Column, Column];
  const [steps, losses, norms] = columns;
  const views = () => columns.map((c) => c.view()) as Points;
  let stretch = stretchOf(done, most);
  /** Where the stretch of the last meta-step begins among the points: what is not its extreme leaves with the next one. */
  const begin = () => Math.max(0, steps.view().findIndex((s) => s >= done - 1 - (done - 1) % stretch));
  let begun = begin();
  const thin = (from: number) => {
    const left = thinPoints(views(), stretch, from);
    for (const column of columns) column.cut(left);
  };
  return {
    add(loss, gradientNorm) {
      const needed = stretchOf(done + 1, most);
      if (needed > stretch) {
        stretch = needed;
        thin(0);
        begun = begin();
      } else if (stretch > 1) thin(begun);
      if (done % stretch === 0) begun = steps.length;
      steps.push(done++);
      losses.push(loss);
      norms.push(gradientNorm);
    },
    points: () => asPoints(views()),
  };
}

/** A copy of the points, at most `most` of them (some ten at least): those of a curve that keeps no more. */
export function fewerPoints(points: CurvePoints, most: number): CurvePoints {
  const all = namesOfPoints.map((name) => points[name].slice()) as Points;
  const last = all[0].length - 1;
  if (last < most) return asPoints(all);
  const ends = all.map((x) => x[last]!);
  const left = thinPoints(all.map((x) => x.subarray(0, last)) as Points, stretchOf(ends[0]! + 1, most), 0);
  all.forEach((x, i) => x[left] = ends[i]!);
  return asPoints(all.map((x) => x.slice(0, left + 1)) as Points);
}

const namesOfPoints = ["metaSteps", "losses", "gradientNorms"] as const;

type Points = [Float64Array, Float64Array, Float64Array];

const asPoints = ([metaSteps, losses, gradientNorms]: Points): CurvePoints => ({ metaSteps, losses, gradientNorms });

/** Moves the points that stay to the front, from point `from` on: of each stretch those at which a number is least or largest, the first
 *  where there are several, and the first of all. How many there are then. */
function thinPoints([steps, ...numbers]: Points, stretch: number, from: number): number {
  const count = steps.length;
  let left = from;
  for (let begin = from; begin < count;) {
    const which = Math.floor(steps[begin]! / stretch);
    let end = begin + 1;
    while (end < count && Math.floor(steps[end]! / stretch) === which) end++;
    const stay = begin === 0 ? [0] : [];
    for (const y of numbers) {
      let [least, largest] = [begin, begin];
      for (let i = begin + 1; i < end; i++) {
        if (y[i]! < y[least]!) least = i;
        if (y[i]! > y[largest]!) largest = i;
      }
      stay.push(least, largest);
    }
    stay.sort((a, b) => a - b);
    stay.forEach((i, k) => {
      if (i === stay[k - 1]) return;
      for (const column of [steps, ...numbers]) column[left] = column[i]!;
      left++;
    });
    begin = end;
  }
  return left;
}
