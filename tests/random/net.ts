// What does the net say of a program? Whether it runs, what was looked at, and what was found.
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { settle, type Settled } from "./compiled.ts";
import { type Dice, throwDice } from "./dice.ts";
import { numbersOf } from "./numbers.ts";
import { checks, type Subject } from "./oracle.ts";
import { runSeed } from "./compiled.ts";
import { runOn } from "./runs.ts";
import type { RandomProgram } from "./definitions.ts";
import { writeProgram } from "./program.ts";
import { compareSlope, pointOf, saidStops, scalarsOf } from "./slopes.ts";

/** Something that is wrong. */
export interface Find {
  /** The check, or where it was thrown. */
  readonly check: string;
  readonly detail: string;
  readonly program: RandomProgram;
}

/** What came of one program. */
export interface Catch {
  /** It ran, and its numbers are finite: it counts. */
  readonly ran: boolean;
  /** Why it does not count. */
  readonly why?: string;
  /** As it ran. */
  readonly program: RandomProgram;
  readonly finds: readonly Find[];
  /** What each check said that applies. */
  readonly looked: ReadonlyMap<string, string>;
}

/** Writes program `index` of a seed and looks at it. */
export function castNet(seed: number, index: number): Promise<Catch> {
  return lookAt(writeProgram(seed, index), seed, index);
}

/** Looks at a program. `only`: by one check alone, or by all, whatever their shares. */
export async function lookAt(program: RandomProgram, seed: number, index: number, only?: string): Promise<Catch> {
  const chosen = (name: string, share: number, dice: Dice) =>
    only === undefined ? dice.chance(share) : only === "all" || only === name;
  const looked = new Map<string, string>();
  const finds: Find[] = [];
  let settled: Settled | undefined;
  try {
    const result = settle(program);
    if (!result) return { ran: false, why: "refused", program, finds, looked };
    if ("errors" in result) {
      const [error] = result.errors;
      const find = { check: "refused", detail: `${error!.code} ${error!.title}`, program };
      return { ran: false, why: "wrongly refused", program, finds: [find], looked };
    }
    settled = result;
    const dice = throwDice(seed ^ 0x5bd1e995, index);
    const run = await runOn(settled.output.program!, referenceBackend);
    const found = (check: string, detail: string, at = settled!.program) => finds.push({ check, detail, program: at });
    if (run.failure) {
      if (chosen("not finite", 1, dice)) {
        const detail = lonelyNaN(settled, seed, index);
        if (detail) found("not finite", detail);
      }
      return { ran: false, why: `fails: ${run.failure.message.slice(0, 80)}`, program: settled.program, finds, looked };
    }
    const subject: Subject = { settled, run, numbers: numbersOf(run), dice };
    for (const { name, share, look } of checks) {
      const own = throwDice(seed ^ hash(name), index);
      if (!chosen(name, share, own)) continue;
      const outcome = await look({ ...subject, dice: own });
      if (outcome.kind === "does not apply") continue;
      looked.set(name, outcome.kind === "skipped" ? outcome.why : outcome.kind);
      if (outcome.kind === "found") found(name, outcome.detail, outcome.program);
    }
    return { ran: true, program: settled.program, finds, looked };
  } catch (error) {
    const { message, stack } = error as Error;
    const place = stack?.split("\n").find((line) =>
      /\/(dsl|runtime)\//.test(line)
    )?.replace(/.*\/((dsl|runtime)\/)/, "$1") ?? "";
    finds.push({ check: "thrown", detail: `${message.slice(0, 160)} ${place}`, program: settled?.program ?? program });
    return { ran: false, why: "thrown", program: settled?.program ?? program, finds, looked };
  }
}

/** A gradient that is no number where the value and its differences are. */
function lonelyNaN({ output }: Settled, seed: number, index: number): string | undefined {
  const program = output.program!;
  if (program.precision !== "f64") return undefined;
  const dice = throwDice(seed, index);
  const kinds = output.derivatives();
  for (const [i, scalar] of scalarsOf(program).entries()) {
    // a system without a solution may say so
    if (!scalar || scalar.leaves.length === 0 || kinds[i]!.implicit) continue;
    const slope = compareSlope(scalar, pointOf(program, i, runSeed), dice, { held: saidStops(output) });
    if (slope.kind === "wrong" && /^(NaN|-?Infinity)/.test(slope.detail)) {
      return `${scalar.name.slice(0, 60)}: the slope is ${slope.detail}`;
    }
  }
  return undefined;
}

function hash(text: string): number {
  return [...text].reduce((h, c) => Math.imul(h ^ c.charCodeAt(0), 0x01000193), 0x811c9dc5);
}
