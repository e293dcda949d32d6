// Does compiling take work in proportion to a program's length? (How long it takes is for `bench/compile.ts` to say.)
import { assert, assertEquals } from "@std/assert";
import { longProgram } from "../long_program.ts";
import { compileProgram } from "../../dsl/compile.ts";
import { language } from "../../dsl/evaluate/language.ts";
import { cases } from "../thorough.ts";
import { callsOf } from "../work.ts";

Deno.test("a program four times as long compiles with about four times the work", async () => {
  const compile = (sections: number) => {
    const { program } = compileProgram({
      root: { name: "long.meta", text: longProgram(sections, false) },
      readSource: () => undefined,
      readData: () => undefined,
    });
    assert(program);
  };
  // what is made once, such as the parser
  compile(1);
  const [short, long] = [await callsOf(() => compile(12)), await callsOf(() => compile(48))];
  // with a quadratic part q of the shorter's work it is 4 + 12 q times: a twelfth is too much (it was 0.013)
  assert(long < 5 * short, `${short} and ${long} calls`);
  assert(long > 3 * short, `${short} and ${long} calls: what is counted?`);
});

/** A program of so many sections, and how many expressions were evaluated so far, counted at the door (dsl/world/evaluator.ts). */
function counted(sections: number, outers: boolean) {
  let count = 0;
  const { program } = compileProgram({
    root: { name: "long.meta", text: longProgram(sections, outers) },
    readSource: () => undefined,
    readData: () => undefined,
    evaluator: {
      ...language,
      evaluate: (cx, expression) => {
        count++;
        return language.evaluate(cx, expression);
      },
    },
  });
  assert(program);
  return { program, evaluations: () => count };
}

const evaluationsOf = (sections: number, outers: boolean) => counted(sections, outers).evaluations();

Deno.test("where a run that went wrong looks is written when it is asked for, once", () => {
  const { program, evaluations } = counted(1, true);
  const [outer] = program!.outers;
  const before = evaluations();
  const diagnosis = outer!.diagnose();
  const after = evaluations();
  assert(after > before);
  assertEquals(outer!.diagnose(), diagnosis);
  assertEquals(evaluations(), after);
});

// sections that are about 300 lines, and more of them (3,000 lines in the gate), and what the 300 took at commit 5406acc
for (
  const [name, outers, short, long, before] of [
    ["gradients", false, 18, cases(54, 188), 9108],
    ["outers", true, 12, cases(36, 125), 32124],
  ] as const
) {
  Deno.test(`300 lines of ${name} take at most half the evaluations that they took, and every section as many as the next`, () => {
    const counts = [short, 2 * short, long].map((sections) => evaluationsOf(sections, outers));
    const [first, second, last] = counts as [number, number, number];
    assert(2 * first <= before, `${first} evaluations`);
    // what is gone through once, such as a rule for a shape, is in the first
    assertEquals((last - second) / (long - 2 * short), (second - first) / short);
  });
}
