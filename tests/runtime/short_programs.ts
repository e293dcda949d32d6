// Which programs are all backends run with? Every example and those of `tests/programs/good` that have a model, a task or two loops,
// with at most three meta-steps of each outer loop, and all numbers that come out of one. The others are a formula or a single loop,
// and many of their numbers are 0 but for rounding: `tests/dsl/good_programs_test.ts` holds them against what they expect.
import { recordedList } from "../loop/recorded_list.ts";
import { assertEquals } from "@std/assert";
import { compileProgram } from "../../dsl/compile.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { allocate, type HostArray, sizeOf } from "../../runtime/ir/types.ts";
import type { ExperimentProgram, ProgramFunction } from "../../runtime/program/program.ts";
import type { RunResult } from "../../runtime/loop/results.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { findIn } from "../found_files.ts";

const manyParts = /^(model|task) |^(inner|outer) [^]*^(inner|outer) /m;

/** Where they are. */
export const folders = ["../../examples/", "../programs/good/"].map((f) => new URL(f, import.meta.url));
/** Their files. */
export const files = folders.flatMap((folder, k) =>
  [...Deno.readDirSync(folder)].map((f) => f.name).filter((n) => n.endsWith(".meta")).sort().map((n) =>
    new URL(n, folder)
  ).filter((file) => k === 0 || manyParts.test(Deno.readTextFileSync(file)))
);

/** The row of docs/correctness.md that a program belongs to: its own for an example. */
export const rowOf = (file: URL): string =>
  file.href.startsWith(folders[0]!.href) ? file.pathname.split("/").slice(-2).join("/") : "tests/programs/good/";

/** All rows, with what errors may be. */
export const programRows = (bound: number): Readonly<Record<string, number>> =>
  Object.fromEntries(files.map((file) => [rowOf(file), bound]));

/** The program in a precision, its outer loops cut short. */
export function shortProgram(file: URL, precision: "f32" | "f64"): ExperimentProgram {
  const plain = Deno.readTextFileSync(file).replace(/^precision .*$/m, "");
  const text = plain.replace(/^edition 1$/m, `edition 1\nprecision ${precision}`);
  const { program, diagnostics } = compileProgram({
    root: { name: file.pathname.split("/").at(-1)!, text },
    readSource: (path) => Deno.readTextFileSync(new URL(path, file)),
    readData: (path) => Deno.readFileSync(new URL(path, file)),
    findData: findIn(file),
  });
  if (!program) throw new Error(diagnostics.map((d) => d.code).join());
  return { ...program, outers: program.outers.map((o) => ({ ...o, steps: Math.min(o.steps, 3) })) };
}

/** Numbers that do not change from run to run. */
export function inputsOf({ fn, inputs }: ProgramFunction): HostArray[] {
  return fn.inputs.map(({ dtype, shape }, k) => {
    const data = allocate(dtype, sizeOf(shape));
    const slot = inputs[k]!;
    const rate = slot.kind === "leaf" && /\blr$/.test(slot.name);
    data.forEach((_, i) =>
      data[i] = dtype === "i32" || dtype === "bool"
        ? 1
        : rate
        ? 0.02
        : slot.kind === "state"
        ? 0.01 + 0.001 * i
        : Math.sin(1.3 * i + k) * 0.1
    );
    return { dtype, shape, data };
  });
}

/** Every number that came out, by what it is. */
function numbersOf(result: RunResult): Map<string, ArrayLike<number>> {
  if (result.failure) throw result.failure;
  const all = new Map<string, ArrayLike<number>>();
  for (const [name, value] of result.leaves) all.set(`leaf ${name}`, value.data);
  for (const o of result.outers) all.set(`losses of ${o.name}`, o.losses).set(`norms of ${o.name}`, o.gradientNorms);
  for (const [i, r] of recordedList(result).entries()) all.set(`record ${i} ${r.name}`, r.value.data);
  for (const [i, g] of result.gradients.entries()) {
    all.set(`value ${i}`, [g.value]);
    for (const w of g.wrt) for (const l of w.leaves) all.set(`gradient ${i} of ${l.name}`, l.gradient.data);
  }
  for (const [i, e] of result.evaluations.entries()) {
    for (const r of e.reports) for (const p of r.points) all.set(`evaluation ${i} ${r.label} ${p.time}`, p.values);
  }
  for (const o of result.outputs) all.set(`output ${o.name}`, o.value.data);
  for (const [i, s] of result.simulations.entries()) all.set(`simulation ${i}`, s.losses);
  return all;
}

/** What comes out of a program. */
export async function outcome(program: ExperimentProgram, backend: Backend): Promise<Map<string, ArrayLike<number>>> {
  return numbersOf(await runProgram(program, backend));
}

/** Largest difference, as a part of the largest entry of its array (at least `floor`). */
export function difference(
  a: Map<string, ArrayLike<number>>,
  b: Map<string, ArrayLike<number>>,
  floor: number,
): { readonly most: number; readonly at: string } {
  assertEquals([...a.keys()], [...b.keys()]);
  let [most, at] = [0, ""];
  for (const [name, x] of a) {
    const y = b.get(name)!;
    assertEquals(x.length, y.length, name);
    const scale = Math.max(floor, ...Array.from(y, (v) => Number.isFinite(v) ? Math.abs(v) : 0));
    for (let i = 0; i < x.length; i++) {
      if (Object.is(x[i], y[i])) continue;
      const d = Math.abs(x[i]! - y[i]!) / scale;
      if (!(d <= most)) [most, at] = [d, `${name}[${i}]: ${x[i]} and ${y[i]}`];
    }
  }
  return { most, at };
}
