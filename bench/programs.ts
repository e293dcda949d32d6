// How long do the programs of `examples/` take? Checks each, runs some meta-steps on a backend, and prints milliseconds:
// the whole compilation (text to IR), until the first meta-step is done, and the median of the meta-steps after it.
//
//     deno run -A bench/programs.ts [BACKEND]
import { compile, compileFile } from "../mod.ts";

const backend = (Deno.args[0] ?? "auto") as "auto";
const folder = new URL("../examples/", import.meta.url);
const stop = 600;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** Runs at most `stop` meta-steps. */
async function measure(label: string, compileIt: () => ReturnType<typeof compile>): Promise<void> {
  compileIt(); // the parser and the standard library are read once
  const start = performance.now();
  const experiment = compileIt();
  const compiled = performance.now();
  const times: number[] = [];
  const controller = new AbortController();
  await experiment.run({
    backend,
    signal: controller.signal,
    onStep: () => {
      times.push(performance.now());
      if (times.length >= stop) controller.abort();
    },
  });
  const steps = times.slice(1).map((t, i) => t - times[i]!);
  const ms = (x: number | undefined) => x === undefined ? "-" : x.toFixed(1);
  const row = [
    label,
    ms(compiled - start),
    ms(times[0] && times[0] - compiled),
    ms(steps.length ? median(steps) : undefined),
  ];
  console.log(`| ${row.join(" | ")} |`);
}

console.log("| program | compile | first meta-step | meta-step |\n| --- | --- | --- | --- |");
for (const name of ["sinusoid_maml", "per_layer_rates", "l2_per_coordinate", "learned_optimizer"]) {
  await measure(name, () => compileFile(new URL(`${name}.meta`, folder)));
}
const five = Deno.readTextFileSync(new URL("sinusoid_maml.meta", folder)).replace("T = 1 steps", "T = 5 steps");
await measure("sinusoid_maml, 5 inner steps", () => compile(five));
