// From how much work on is TensorFlow faster than `wasm` on this machine? An inner loop of five steps of a 1-W-W-1 network on 64 points,
// differentiated to its start, for widths W; meta-steps of both alternate, and the first calls with compilation are printed beside them.
//
//     deno run -A bench/crossover.ts
import { chooseBackend } from "../api/backends.ts";
import { compileProgram } from "../dsl/compile.ts";
import { planFunction } from "../runtime/loop/memory.ts";
import { runProgram } from "../runtime/loop/run.ts";

const points = Array.from({ length: 64 }, (_, i) => `[${(-5 + i * 10 / 64).toFixed(3)}]`).join(", ");

function programOf(width: number, steps: number) {
  const spread = (0.5 / Math.sqrt(width)).toFixed(4);
  const { program } = compileProgram({
    root: {
      name: `wide${width}.meta`,
      text: `edition 1
data d { x : [64, 1] = [${points}] }
model net(x : [n, 1]) -> [n, 1] {
  use l1 = dense(${width}, init = normal(0, ${spread}))  use l2 = dense(${width}, init = normal(0, ${spread}))
  use l3 = dense(1, init = normal(0, ${spread}))
  return x |> l1 |> tanh |> l2 |> tanh |> l3
}
inner fit { minimize mse(net(d.x), sin(d.x)) over net by sgd(lr = 0.01) for T = 5 steps }
outer train { minimize mse(net@T(d.x), sin(d.x)) over net@0 by sgd(lr = 1e-9) for ${steps} steps }`,
    },
    readSource: () => undefined,
    readData: () => undefined,
  });
  return program!;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

console.log("| width | MFLOP a meta-step | wasm, ms | tensorflow, ms | ratio | first, s | first, s |");
console.log("| ----: | ----------------: | -------: | -------------: | ----: | -------: | -------: |");
const wasm = (await chooseBackend("wasm")).backend;
const tensorflow = (await chooseBackend("tensorflow")).backend;
for (const width of [32, 64, 128, 256, 512, 1024, 2048]) {
  const { fn } = programOf(width, 1).outers[0]!.step;
  const { flops } = planFunction(fn, wasm, Infinity).memory;
  const steps = Math.max(6, Math.min(400, Math.round(4e9 / flops)));
  const program = programOf(width, steps);
  const times: [number[], number[]] = [[], []];
  const firsts: [number[], number[]] = [[], []];
  for (let round = 0; round < 3; round++) {
    for (const [k, backend] of [wasm, tensorflow].entries()) {
      const start = performance.now();
      const marks: number[] = [];
      const report = (e: { readonly kind: string }) => e.kind === "step" && marks.push(performance.now());
      const { failure } = await runProgram(program, backend, { report });
      if (failure) throw failure;
      firsts[k as 0 | 1].push((marks[0]! - start) / 1000);
      times[k as 0 | 1].push((marks.at(-1)! - marks[0]!) / (marks.length - 1));
    }
  }
  const ratio = median(times[0].map((t, i) => times[1][i]! / t));
  const numbers = [...times.map(median), ratio, firsts[0][0]!, firsts[1][0]!];
  const cells = [width, (flops / 1e6).toPrecision(3), ...numbers.map((x) => x.toPrecision(3))];
  console.log(`| ${cells.join(" | ")} |`);
}
