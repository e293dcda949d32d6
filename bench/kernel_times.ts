// Which kernels of `wasm` take the time of a run? Runs a program on one thread under V8's sampling profiler, and prints each kernel's
// share of the samples; for a product also the operations of one call, and, of all products and all other nests, the shares.
//
//     deno run -A bench/kernel_times.ts FILE.meta [--set NAME=VALUE …]
//
// A kernel's name is its loops: `v` goes four at a time, `r` several at a time in registers, `+` is summed over. Shares hold on a busy
// machine, too; seconds do not.
const log = await Deno.makeTempFile({ suffix: ".log" });
const run = new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    "-A",
    "--no-check",
    `--v8-flags=--prof,--logfile=${log},--no-logfile-per-isolate`,
    new URL("../meta.ts", import.meta.url).pathname,
    ...Deno.args,
    "--threads",
    "1",
  ],
  stdout: "null",
});
const { success } = await run.output();
if (!success) Deno.exit(1);

/** Code as it was made: where it begins, its length, its name. */
const codes: { start: number; length: number; name: string }[] = [];
const samples: number[] = [];
for (const line of Deno.readTextFileSync(log).split("\n")) {
  const cells = line.split(",");
  if (cells[0] === "code-creation") {
    codes.push({ start: Number(cells[4]), length: Number(cells[5]), name: cells[6] ?? "" });
  } else if (cells[0] === "tick") samples.push(Number(cells[1]));
}
Deno.removeSync(log);
codes.sort((a, b) => a.start - b.start);

const counts = new Map<string, number>();
for (const at of samples) {
  const name = nameAt(at);
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function nameAt(address: number): string {
  let [low, high] = [0, codes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (codes[middle]!.start <= address) low = middle + 1;
    else high = middle;
  }
  const code = codes[low - 1];
  if (code === undefined || address >= code.start + code.length) return "outside of compiled code";
  return /^(product|nest) /.test(code.name) ? code.name : "other compiled code";
}

const share = (count: number) => `${(100 * count / samples.length).toFixed(1).padStart(5)} %`;
const all = (kind: string) => [...counts].reduce((sum, [name, count]) => name.startsWith(kind) ? sum + count : sum, 0);
console.log(`${samples.length} samples: products ${share(all("product"))}, other nests ${share(all("nest"))}\n`);
for (const [name, count] of [...counts].sort(([, a], [, b]) => b - a).slice(0, 40)) {
  const operations = 2 * name.split(" ").slice(1).reduce((n, loop) => n * parseInt(loop), 1);
  const each = name.startsWith("product")
    ? `${(operations / 1e6).toFixed(1)} MFLOP a call`.padStart(20)
    : " ".repeat(20);
  console.log(`${share(count)} ${each}  ${name}`);
}
