// Does `es` perturb everything that it differentiates for? With a small spread its estimate is the exact gradient times the second
// moments of its draws, which are its estimates for the entries themselves.
import type { AcrossClause, Expression, GradientItem, OuterItem } from "../../dsl/syntax/ast.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import type { Instance } from "../../dsl/world/instance.ts";
import { compileFiles, treeOf } from "./compiled.ts";
import type { RandomProgram } from "./definitions.ts";
import type { Dice } from "./dice.ts";
import { runSeed } from "./compiled.ts";
import { type Outcome, runOn } from "./runs.ts";
import { compareSlope, pointOf, scalarsOf } from "./slopes.ts";

/** Entries that are differentiated for, at most: each needs a program of its own. */
const mostEntries = 7;
/** With a spread s the estimate differs from that of a linear function by terms with s^2; with s where the second derivative
 *  jumps, as that of `elu` does at 0. What it must not do is to stay with a smaller spread. */
const spreads = [1e-4, 1e-5] as const;

export async function lookAtSamples({ text, files }: RandomProgram, dice: Dice): Promise<Outcome> {
  // samples see what `stop_gradient` hides
  if (!/through es\((?!.*window)/.test(text) || text.includes("stop_gradient")) return { kind: "does not apply" };
  // there they are the steps of the loop around, and what is asked is differentiated as that says
  if (/^inner upper /m.test(text)) return { kind: "does not apply" };
  const { items } = treeOf(text);
  const asked = items.flatMap((i) =>
    i.kind === "Outer" ? [outerQuestion(i)] : i.kind === "Gradient" && !i.after ? [gradientQuestion(i)] : []
  );
  const [question] = asked;
  if (!question) return { kind: "does not apply" };
  const loops = new Set(["Outer", "Evaluate", "Output", "Record", "Gradient"]);
  const rest = items.filter((i) => !loops.has(i.kind)).map((i) => text.slice(i.span.start, i.span.end)).join("\n");
  const part = ({ span }: { readonly span: { readonly start: number; readonly end: number } }) =>
    text.slice(span.start, span.end);
  const value = part(question.value);
  const across = question.across ? `across ${part(question.across).replace(/^across /, "")}` : "";
  // an outer of one step of rate 1 moves by the gradient; what goes in a range, or by the logarithm, moves otherwise
  const over = question.over.map(part).filter((name) => !name.includes(".") && name !== "c");
  if (over.length === 0) return { kind: "does not apply" };
  const compiled = (objective: string, spread: number, instance?: Instance) => {
    const probe = `outer probe {\n  minimize ${objective}\n  ${across}\n  over ${
      over.join(", ")
    } by sgd(lr = 1)\n  for 1 steps\n}\n`;
    const spreading = rest.replaceAll(/sigma = [\d.]+/g, `sigma = ${spread}`);
    return compileFiles({ text: `${spreading}\n${probe}`, files }, undefined, { precision: "f64", ...instance })
      .program;
  };
  const gradient = async (objective: string, spread: number, instance?: Instance) => {
    const program = compiled(objective, spread, instance);
    const run = program && await runOn(program, referenceBackend);
    if (!run || run.failure) return undefined;
    return program.outers[0]!.over.flatMap((name) => {
      const [before, after] = [run.declared.get(name)!, run.leaves.get(name)!];
      return Array.from<number, Entry>(
        before.data,
        (x, i) => ({ name, shape: before.shape, slope: x - after.data[i]!, i }),
      );
    });
  };
  const [wide, narrow] = spreads;
  const exact = await gradient(value, wide, { through: "unroll" });
  if (!exact || exact.length > mostEntries) return { kind: "does not apply" };
  // at a corner the samples see both sides
  const smooth = compiled(value, wide, { through: "unroll" })!;
  // samples see what is said to be held: such programs are not looked at
  const held = () => false;
  const slope = compareSlope(scalarsOf(smooth)[0]!, pointOf(smooth, 0, runSeed), dice, { held });
  if (slope.kind === "wrong") return { kind: "found", detail: `the exact slope is ${slope.detail}` };
  if (slope.kind !== "held") return { kind: "skipped", why: slope.kind };

  /** How far the estimate is from what its draws make of the exact gradient, of the largest. */
  const off = async (spread: number): Promise<{ readonly part: number; readonly detail: string } | string> => {
    const sampled = await gradient(value, spread);
    if (!sampled) return "no samples";
    const expected = sampled.map(() => 0);
    for (const { name, slope, i, shape } of exact) {
      const read = over.find((o) => o === name || o === `${name}@0`)!;
      const at = shape.length === 0 ? read : `ravel(${read})[${i}]`;
      const moments = await gradient(`0 * (${value}) + ${at}`, spread);
      if (!moments) return "no moments";
      moments.forEach((m, k) => expected[k]! += m.slope * slope);
    }
    const size = Math.max(1, ...expected.map(Math.abs));
    const worst = Math.max(...expected.map((e, k) => Math.abs(e - sampled[k]!.slope)));
    return {
      part: worst / size,
      detail: `samples give ${sampled.map((s) => s.slope)}, their draws with the exact gradient ${expected}`,
    };
  };
  const far = await off(wide);
  if (typeof far === "string") return { kind: "skipped", why: far };
  if (far.part <= 1e-5) return { kind: "held" };
  const near = await off(narrow);
  // a tenth of the spread leaves a tenth, but for the rounding of a difference over it
  const goes = typeof near !== "string" && near.part <= 0.2 * far.part;
  return goes ? { kind: "skipped", why: "the second derivative jumps" } : { kind: "found", detail: far.detail };
}

/** What is differentiated, and for what. */
interface Question {
  readonly value: Expression;
  readonly across: AcrossClause | undefined;
  readonly over: readonly Expression[];
}

const gradientQuestion = ({ value, across, wrt }: GradientItem): Question => ({ value, across, over: wrt });

function outerQuestion({ clauses }: OuterItem): Question {
  const minimize = clauses.find((c) => c.kind === "Minimize")!;
  const across = clauses.find((c) => c.kind === "Across");
  return { value: minimize.value, across, over: clauses.flatMap((c) => c.kind === "Over" ? c.references : []) };
}

interface Entry {
  readonly name: string;
  readonly slope: number;
  readonly i: number;
  readonly shape: readonly number[];
}
