// Does compiling take work in proportion to a program's length? (How long it takes is for `bench/compile.ts` to say.)
import { assert } from "@std/assert";
import { longProgram } from "../long_program.ts";
import { compileProgram } from "../../dsl/compile.ts";
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
