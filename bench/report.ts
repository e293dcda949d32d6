// How long does a report take, and how large is it? Of one run of 70,000 meta-steps, and of a sweep of 15 runs; each is asked to take less than
// 2 s, with the start of the process, and 1 MB. `deno run -A bench/report.ts [FOLDER]`: the runs are left in FOLDER, if one is named, and
// taken from there if they are there.
import { compile } from "../mod.ts";
import { main } from "../meta.ts";
import { capturedConsole } from "../tests/cli/captured_console.ts";

const text = `edition 1
input rate : float = 0.01
input steps : int = 70_000
task sine {
  a ~ uniform(0.1, 5)  p ~ uniform(0, 3.14159)
  split s { x : [10, 1] ~ uniform(-5, 5)  y = a * sin(x + p) }
  split q { x : [10, 1] ~ uniform(-5, 5)  y = a * sin(x + p) }
}
model net(x : [n, 1]) -> [n, 1] {
  W1 : [1, 20] ~ glorot()  b1 : [20] = 0
  W2 : [20, 1] ~ glorot()  b2 : [1] = 0
  return dot(tanh(dot(x, W1) + b1), W2) + b2
}
inner fit { minimize mse(net(s.x), s.y)  over net by sgd(lr = 0.01)  for T = 5 steps }
override fit { lr = 0.01 per tensor per step }
outer train {
  minimize mse(net@T(q.x), q.y)  across 2 sine  over net@0, fit.lr by adam(lr = rate)  for M = steps steps
}
evaluate test { across 50 sine  report mse(net@t(q.x), q.y) at t in 0 .. T  every 1000 steps of train }
record net@*, fit.loss@* every 10000 steps
record train.sensitivity every 10000 steps
record train.loss every 10 steps
record fit.lr every 100 steps
`;

const named = Deno.args[0];
const folder = named ?? Deno.makeTempDirSync();
await Deno.mkdir(folder, { recursive: true });
compile(text); // a mistake is said here
const program = `${folder}/sine.meta`;
Deno.writeTextFileSync(program, text);

async function runInto(name: string, options: readonly string[]): Promise<string> {
  const out = `${folder}/${name}`;
  try {
    Deno.statSync(`${out}/summary.json`);
  } catch {
    const code = await main(["run", program, ...options, "--out", out], capturedConsole());
    if (code !== 0) throw new Error(`${name}: exit code ${code}`);
  }
  return out;
}

const long = [await runInto("long", [])];
const many: string[] = [];
for (const rate of [0.001, 0.003, 0.01]) {
  for (const seed of [0, 1, 2, 3, 4]) {
    many.push(
      await runInto(`rate-${rate}-seed-${seed}`, [
        "--set",
        `rate=${rate}`,
        "--set",
        "steps=2_000",
        "--seed",
        `${seed}`,
      ]),
    );
  }
}
for (const [name, folders] of [["70,000 meta-steps", long], ["15 runs", many]] as const) {
  for (const verb of ["report", "show"]) {
    const out = `${folder}/${folders.length}.html`;
    const args = ["run", "-A", "--no-check", new URL("../meta.ts", import.meta.url).pathname, verb, ...folders];
    const times: number[] = [];
    let bytes = 0;
    for (let k = 0; k < 5; k++) {
      const began = performance.now();
      const { code, stdout } = await new Deno.Command(Deno.execPath(), {
        args: verb === "report" ? [...args, "--out", out] : args,
      }).output();
      times.push(performance.now() - began);
      if (code !== 0) throw new Error(`${verb}: exit code ${code}`);
      bytes = verb === "report" ? Deno.statSync(out).size : stdout.length;
    }
    const [least = NaN, , median = NaN] = times.sort((a, b) => a - b);
    console.log(
      `${name}, ${verb}: ${(median / 1000).toFixed(2)} s (least of 5: ${(least / 1000).toFixed(2)} s), ${
        (bytes / 1000).toFixed(0)
      } kB`,
    );
  }
}
if (named === undefined) Deno.removeSync(folder, { recursive: true });
