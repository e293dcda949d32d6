// Does compiling take time in proportion to a program's length? (How long it takes is for `bench/compile.ts` to say.)
import { assert } from "@std/assert";
import { longProgram } from "../../bench/long_program.ts";
import { compileProgram } from "../../dsl/compile.ts";

Deno.test("a program four times as long compiles in about four times the time", () => {
  const texts = [12, 48].map((sections) => longProgram(sections, false));
  const fastest = [Infinity, Infinity];
  // alternating, so that what else the machine does falls on both
  for (let round = 0; round < 6; round++) {
    texts.forEach((text, k) => {
      const start = performance.now();
      const { program } = compileProgram({
        root: { name: "long.meta", text },
        readSource: () => undefined,
        readData: () => undefined,
      });
      assert(program);
      fastest[k] = Math.min(fastest[k]!, performance.now() - start);
    });
  }
  // anything quadratic would make it sixteen times
  assert(fastest[1]! < 8 * fastest[0]!, `${fastest[0]} ms and ${fastest[1]} ms`);
});
