// What becomes of a random program that is edited? An error with a code, or a program whose every item leaves something behind;
// nothing else is thrown, and no text is read with more work than its length allows.
import { assert, assertEquals } from "@std/assert";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { MetaRuntimeError } from "../../runtime/errors.ts";
import { costOf } from "../../runtime/ir/cost.ts";
import { bodyOf, type IrFunction } from "../../runtime/ir/types.ts";
import { functionsOf } from "../../runtime/program/program.ts";
import { type Edit, editKinds, mutate } from "../dsl/program_mutations.ts";
import { compileFiles, errorsOf, settle } from "./compiled.ts";
import { cases, thorough } from "../thorough.ts";
import { throwDice } from "./dice.ts";
import { lostItems } from "./oracle.ts";
import { writeProgram } from "./program.ts";
import { runOn } from "./runs.ts";

const mutants = cases(10, 400);
const seed = 20261130;

/** Steps of the reference backend that a mutant may take to be run here. */
const mostCalls = 1e5;
/** `dsl/evaluate/expressions.ts` stops an expression that unfolds into more values than this; a program is gone through a few times, and its
 *  derivatives are a few times what is differentiated. */
const mostEquations = 20 * 200_000;

function equationsOf(fn: IrFunction): number {
  return fn.equations.reduce((n, e) => {
    const body = bodyOf(e);
    return n + 1 + (body ? equationsOf(body) : 0);
  }, 0);
}

Deno.test("edited random programs are refused with a code, or no item of them is lost", async () => {
  let ran = 0;
  for (let index = 0; index < mutants; index++) {
    const dice = throwDice(seed, index);
    const settled = settle(writeProgram(seed, index));
    if (!settled || "errors" in settled) continue;
    const { text, files } = settled.program;
    const edits = Array.from({ length: dice.pick([1, 1, 1, 2, 3]) }, (): Edit => ({
      kind: dice.pick(editKinds),
      a: dice.int(0, 1e6),
      b: dice.int(0, 1e6),
      c: dice.int(0, 1e6),
    }));
    const mutant = { text: mutate(text, edits), files };
    const where = `mutant ${index}:\n${mutant.text}`;
    try {
      const output = compileFiles(mutant);
      assertEquals(
        output.program === undefined,
        errorsOf(output).length > 0,
        `a program exactly when there is no error, ${where}`,
      );
      if (!output.program) continue;
      const functions = functionsOf(output.program).map((f) => f.fn);
      assert(functions.reduce((n, fn) => n + equationsOf(fn), 0) <= mostEquations, `bounded work, ${where}`);
      if (functions.reduce((n, fn) => n + costOf(expandGradients(fn)).calls, 0) > mostCalls) continue;
      const run = await runOn(output.program, referenceBackend);
      if (run.failure) continue;
      assertEquals(lostItems(mutant, run), [], where);
      ran++;
    } catch (error) {
      if (error instanceof MetaRuntimeError || (error as Error).name === "AssertionError") throw error;
      throw new Error(`${(error as Error).message}, ${where}`, { cause: error });
    }
  }
  // most edits are refused, which was looked at above; of what still runs there must be enough
  if (thorough) assert(ran >= mutants / 10, `${ran} of ${mutants} ran`);
});
