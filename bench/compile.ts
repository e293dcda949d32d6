// How long does it take to check and to compile a program, and does that grow with its length and nothing more? Milliseconds of
// the fastest of seven rounds, the engine warm, from the text to the intermediate representation, which the check needs too:
// whether a gradient can reach a parameter is seen there. And microseconds a line, which stay level when the time is linear.
//
//     deno run -A bench/compile.ts
import { compileProgram } from "../dsl/compile.ts";
import { longProgram } from "../tests/long_program.ts";

function fastest(work: () => void, rounds = 7): number {
  let best = Infinity;
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const nothing = { readSource: () => undefined, readData: () => undefined };
for (const outers of [false, true]) {
  console.log(`
| lines, each section a model, an inner loop${
    outers ? ", an outer loop, an evaluation" : ""
  } and a gradient | compiled, ms | µs a line |
| ---: | ---: | ---: |`);
  for (const sections of [2, 6, 12, 24, 48, 96]) {
    const text = longProgram(sections, outers);
    const lines = text.split("\n").length - 1;
    const ms = fastest(() => {
      const { diagnostics, program } = compileProgram({ root: { name: "long.meta", text }, ...nothing });
      if (!program) throw new Error(diagnostics[0]!.title);
    });
    console.log(`| ${lines} | ${ms.toFixed(1)} | ${(1000 * ms / lines).toFixed(0)} |`);
  }
}
