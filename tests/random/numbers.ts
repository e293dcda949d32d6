// Do two runs of a program say the same? Every number of a run under a name, and how far two runs are apart.
import { recordedList } from "../loop/recorded_list.ts";
import type { RunResult } from "../../runtime/loop/results.ts";

/** Everything that a run computed, by name. */
export type Numbers = ReadonlyMap<string, ArrayLike<number>>;

export function numbersOf(run: RunResult): Numbers {
  const all = new Map<string, ArrayLike<number>>();
  for (const [name, { data }] of run.leaves) all.set(`value of ${name}`, data);
  for (const { name, losses, gradientNorms } of run.outers) {
    all.set(`losses of ${name}`, losses);
    all.set(`gradient norms of ${name}`, gradientNorms);
  }
  run.gradients.forEach(({ value, wrt }, i) => {
    all.set(`gradient ${i}: value`, [value]);
    for (const { leaves } of wrt) {
      for (const { name, gradient } of leaves) all.set(`gradient ${i}: ${name}`, gradient.data);
    }
  });
  run.evaluations.forEach(({ name, reports, during }, i) => {
    reports.forEach(({ points }, k) => {
      for (const { time, values } of points) {
        const when = `${time === undefined ? "" : ` at ${time}`}${during ? ` during ${during.step}` : ""}`;
        all.set(`${name} ${i}: report ${k}${when}`, values);
      }
    });
  });
  for (const { name, value } of run.outputs) all.set(`output ${name}`, value.data);
  recordedList(run).forEach(({ name, value }, i) => all.set(`record ${i} ${name}`, value.data));
  run.simulations.forEach((each) => {
    for (const [key, value] of Object.entries(each)) {
      if (value instanceof Float64Array || value instanceof Float32Array) {
        all.set(`${each.loop} by itself: ${key}`, value);
      }
    }
  });
  return all;
}

/** The largest difference, of the largest number of either run, and where; Infinity where one has what the other has not. */
export function apart(a: Numbers, b: Numbers): { readonly part: number; readonly where: string } {
  let worst = { part: 0, where: "" };
  let scale = 1;
  for (const data of [...a.values(), ...b.values()]) {
    for (const x of Array.from(data)) if (Number.isFinite(x)) scale = Math.max(scale, Math.abs(x));
  }
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const [x, y] = [a.get(name), b.get(name)];
    if (!x || !y || x.length !== y.length) {
      return { part: Infinity, where: `${name}: ${x?.length ?? "no"} and ${y?.length ?? "no"} numbers` };
    }
    for (let i = 0; i < x.length; i++) {
      if (Object.is(x[i], y[i]) || x[i] === y[i]) continue;
      const part = Math.abs(x[i]! - y[i]!) / scale;
      if (!(part <= worst.part)) {
        worst = { part: Number.isNaN(part) ? Infinity : part, where: `${name} [${i}]: ${x[i]} and ${y[i]}` };
      }
    }
  }
  return worst;
}
