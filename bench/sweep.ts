// What does a sweep cost? 3 settings and 5 seeds by `sweep`, against one process that makes the same 15 runs in turn, with folders; on one core
// and on two (`taskset`). Processes of both alternate; the ratio is the median of those of the pairs, by the clock and by the processors'
// time, start and end of the processes included.
//
//     deno run -A bench/sweep.ts [ROUNDS] [META_STEPS]
import { fileURLToPath } from "node:url";

const rounds = Number(Deno.args[0] ?? 5);
const steps = Number(Deno.args[1] ?? 4000);

const text = `edition 1
input width : int = 40
task sinusoid {
  amplitude ~ uniform(0.1, 5)
  phase     ~ uniform(0, pi)
  split support { x : [10, 1] ~ uniform(-5, 5)  y = amplitude * sin(x + phase) }
  split query   { x : [10, 1] ~ uniform(-5, 5)  y = amplitude * sin(x + phase) }
}
model net(x : [n, 1]) -> [n, 1] {
  use l1 = dense(width)  use l2 = dense(width)  use l3 = dense(1)
  return x |> l1 |> relu |> l2 |> relu |> l3
}
inner adapt { minimize mse(net(support.x), support.y)  over net by sgd(lr = 0.01)  for T = 1 steps }
outer train {
  minimize mse(net@T(query.x), query.y)  across 4 sinusoid  over net@0 by adam(lr = 0.001)  for ${steps} steps
}
evaluate test { across 100 sinusoid  report mse(net@T(query.x), query.y) }
`;

const widths = [30, 40, 50];
const seeds = [0, 1, 2, 3, 4];
const meta = fileURLToPath(new URL("../meta.ts", import.meta.url));

/** A process that makes the runs in turn. */
const inTurn = (folder: string, threads: number) => {
  const runs = widths.flatMap((width) =>
    seeds.map((seed) => [
      ...["run", `${folder}/p.meta`, "--set", `width=${width}`, "--seed", `${seed}`, "--threads", `${threads}`],
      ...["--out", `${folder}/turn/${width}-${seed}`],
    ])
  );
  const quiet =
    `{ out() {}, err() {}, outColor: false, errColor: false, errTerminal: false, width: () => 80, broken() {} }`;
  return [
    "eval",
    "--quiet",
    `import { main } from ${JSON.stringify(meta)};
for (const words of ${JSON.stringify(runs)}) if (await main(words, ${quiet}) !== 0) Deno.exit(1);`,
  ];
};

const swept = (folder: string, threads: number) => [
  ...["run", "-A", "--quiet", meta, "sweep", `${folder}/p.meta`, "--set", `width=${widths}`, "--seed", "0..4"],
  ...["--threads", `${threads}`, "--out", `${folder}/sweep`],
];

/** Seconds by the clock, and of processors, of a process on so many cores. */
interface Taken {
  readonly clock: number;
  readonly processor: number;
}

async function taken(args: readonly string[], cores: number): Promise<Taken> {
  const cpus = Array.from({ length: cores }, (_, i) => i).join();
  const begin = performance.now();
  // `times` of the shell says what its children took
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: [
      "-c",
      '"$@" > /dev/null; code=$?; times; exit $code',
      "bash",
      "taskset",
      "-c",
      cpus,
      Deno.execPath(),
      ...args,
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const clock = (performance.now() - begin) / 1000;
  const [user, system] = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!.split(" ").map((time) => {
    const [, minutes, seconds] = /^(\d+)m([\d.]+)s$/.exec(time)!;
    return 60 * Number(minutes) + Number(seconds);
  }) as [number, number];
  return { clock, processor: user + system };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

console.log("cores  by         in turn, s  sweep, s  sweep / in turn (of pairs)");
for (const cores of [1, 2]) {
  const pairs: { readonly turn: Taken; readonly sweep: Taken }[] = [];
  for (let round = 0; round < rounds; round++) {
    const folder = Deno.makeTempDirSync();
    Deno.writeTextFileSync(`${folder}/p.meta`, text);
    const early = round % 2 === 0 ? await taken(inTurn(folder, cores), cores) : undefined;
    const sweep = await taken(swept(folder, cores), cores);
    pairs.push({ turn: early ?? await taken(inTurn(folder, cores), cores), sweep });
    Deno.removeSync(folder, { recursive: true });
  }
  for (const by of ["clock", "processor"] as const) {
    const ratios = pairs.map(({ turn, sweep }) => sweep[by] / turn[by]);
    const [turn, sweep] = [median(pairs.map(({ turn }) => turn[by])), median(pairs.map(({ sweep }) => sweep[by]))];
    const range = `${Math.min(...ratios).toFixed(2)} .. ${Math.max(...ratios).toFixed(2)}`;
    const times = `${turn.toFixed(1).padStart(10)}  ${sweep.toFixed(1).padStart(8)}`;
    console.log(`${cores}      ${by.padEnd(9)}  ${times}  ${median(ratios).toFixed(2)} (${range})`);
  }
}
