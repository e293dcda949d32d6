// Does a run that is killed some 200 times at random times come to the end that it would have had? A process for each part of it; `deno task
// slow`, some minutes. What each kill left is printed in short: at which meta-step the run went on.
import { assert, assertEquals } from "@std/assert";
import { exists } from "../cli/left_folder.ts";
import { until } from "../waits.ts";

const kills = 200;

const program = `edition 1
task problem { k ~ uniform(0, 1)  split s { x : [20] ~ normal(k, 1) } }
model line(x : [n]) -> [n] { w = 0.7  b = 0  return w * x + b }
param c = 0.5
inner fit { minimize mse(line(s.x), c * s.x + 1)  over line by adam(lr = 0.01)  for T = 10 steps  from fit@T }
outer train { minimize mse(line@T(s.x), 2 * s.x)  across 10 problem fixed  over c, fit.lr by adam(lr = 1e-4)  for 1_000_000 steps }
record c, train.loss every 1_000 steps
`;

const often = ["--checkpoint", "1000 steps"];
const folder = Deno.makeTempDirSync();
const root = new URL("../../", import.meta.url).pathname;

function start(...args: string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${root}meta.ts`, ...args],
    stdout: "null",
    stderr: "piped",
  });
  return command.spawn();
}

Deno.test(`a run that is killed at most ${kills} times ends as it would have`, async () => {
  Deno.writeTextFileSync(`${folder}/program.meta`, program);
  const whole = await start(`${folder}/program.meta`, "--out", `${folder}/whole`).output();
  assert(whole.success, new TextDecoder().decode(whole.stderr));
  let process = start(`${folder}/program.meta`, "--out", `${folder}/run`, ...often);
  const places: string[] = [];
  for (let k = 0;; k++) {
    const ended = process.output();
    let over = false;
    ended.finally(() => over = true);
    const looks = k < kills ? 80 + 180 * Math.random() : Infinity;
    if (!await until(() => over, looks)) process.kill("SIGKILL");
    const { code, stderr } = await ended;
    const said = new TextDecoder().decode(stderr);
    const [, place] = / goes on (.*)/.exec(said) ?? [];
    if (place) places.push(place);
    if (code === 0) break;
    assert(k < kills && code === 137, said);
    // killed before it began: nothing says of what it is a run
    const began = exists(`${folder}/run/effective.json`);
    if (!began && exists(`${folder}/run`)) Deno.removeSync(`${folder}/run`, { recursive: true });
    process = began
      ? start("resume", `${folder}/run`, ...often)
      : start(`${folder}/program.meta`, "--out", `${folder}/run`, ...often);
  }
  console.log(`${places.length} kills; it went on\n${places.join("\n")}`);
  assert(places.length > 1, "it was killed and went on");
  // once there is a checkpoint, no run begins anew
  const first = places.findIndex((place) => place.startsWith("before meta-step"));
  assert(first >= 0 && places.slice(first).every((place) => !place.includes("beginning")));
  const bytes = (run: string, name: string) => Deno.readFileSync(`${folder}/${run}/${name}`);
  for (const name of ["parameters.safetensors", "trajectories.safetensors"]) {
    assertEquals(bytes("run", name), bytes("whole", name), name);
  }
  const lines = (run: string) => Deno.readTextFileSync(`${folder}/${run}/metrics.jsonl`).split("\n").length;
  assertEquals(lines("run"), lines("whole"));
  const names = [...Deno.readDirSync(`${folder}/run`), ...Deno.readDirSync(`${folder}/run/checkpoints`)].map((f) =>
    f.name
  );
  assertEquals(names.filter((name) => name.endsWith(".tmp")), []);
  Deno.removeSync(folder, { recursive: true });
});
