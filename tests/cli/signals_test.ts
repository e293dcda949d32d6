// What do signals do to a run whose one call would take minutes? Processes of their own, and runs of a script.
import { assert, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import { parseMetrics } from "../../runtime/record/metrics.ts";
import { some } from "../thorough.ts";
import { turns, until } from "../waits.ts";

const metaFile = new URL("../../meta.ts", import.meta.url).pathname;

const endless = `edition 1
param w = 4
inner fit { minimize (w - 1)^2  over w by sgd(lr = 0.1)  for T = 1_000_000_000 steps }
`;

/** Runs a program in a process, tells it so many signals once it has begun, and what is left of it. */
async function signalled(backend: string, signals: readonly Deno.Signal[]) {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/program.meta`, endless);
    const permissions = [`--allow-read=${folder}`, `--allow-write=${folder}`];
    const args = [`${folder}/program.meta`, "--json", "--backend", backend, "--out", `${folder}/run`];
    await using child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", ...permissions, metaFile, ...args],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const [out, err] = [child.stdout, child.stderr].map((s) => s.pipeThrough(new TextDecoderStream()).getReader());
    let text = "";
    while (!text.includes('"kind":"started"')) {
      const { value, done } = await out!.read();
      if (done) break;
      text += value;
    }
    for (const signal of signals) child.kill(signal);
    for (;;) {
      const { value, done } = await out!.read();
      if (done) break;
      text += value;
    }
    const said = await err!.read();
    await err!.cancel();
    const { code } = await child.status;
    const files = [...Deno.readDirSync(`${folder}/run`)].map(({ name }) => name);
    const checkpoints = files.includes("checkpoints") ? [...Deno.readDirSync(`${folder}/run/checkpoints`)].length : 0;
    return { code, err: said.value ?? "", last: parseMetrics(text).at(-1), files, checkpoints };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const ignore = Deno.build.os === "windows";

const first = [["wasm", "SIGTERM"], ["reference", "SIGHUP"]] as const;
for (const [backend, signal] of some(first, 1)) {
  Deno.test({
    name: `${signal} ends a loop of 10^9 steps on ${backend} in good order`,
    ignore,
    fn: async () => {
      const { code, err, last, files, checkpoints } = await signalled(backend, [signal]);
      assertEquals([code, err, last?.outcome, checkpoints], [75, "", "stopped", 1]);
      assert(files.includes("summary.json") && files.includes("parameters.safetensors"), files.join());
    },
  });
}

Deno.test({
  name: "a second signal ends it at once",
  ignore,
  fn: async () => {
    const { code, files } = await signalled("wasm", ["SIGTERM", "SIGINT"]);
    assert([128 + 15, 128 + 2].includes(code), `${code}`);
    assert(!files.includes("summary.json"), files.join());
  },
});

Deno.test("a script stops such a run with its own signal, and timers are heard meanwhile", async () => {
  for (const backend of ["reference", "wasm"] as const) {
    const control = new AbortController();
    let began = false;
    const run = compile(endless).run({
      backend,
      signal: control.signal,
      onEvent: ({ kind }) => began ||= kind === "started",
    });
    await until(() => began);
    await turns(3);
    control.abort();
    assertEquals((await run).outcome, "stopped");
  }
});
