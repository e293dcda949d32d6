// What do signals do to a run whose one call would take minutes? Processes of their own, and runs of a script.
import { assert, assertEquals } from "@std/assert";
import { countSignals } from "../../cli/carried_out.ts";
import { compile } from "../../mod.ts";
import { parseMetrics } from "../../runtime/record/metrics.ts";
import { some } from "../thorough.ts";
import { turns, until } from "../waits.ts";

const metaFile = new URL("../../meta.ts", import.meta.url).pathname;

const endless = `edition 1
param w = 4
inner fit { minimize (w - 1)^2  over w by sgd(lr = 0.1)  for T = 1_000_000_000 steps }
`;

/** Runs a program in a process until it has begun; then `tell` it signals, and see what is left of it. */
async function signalled(
  backend: string,
  tell: (child: Deno.ChildProcess, checkpoints: () => number) => void | Promise<void>,
) {
  const folder = Deno.makeTempDirSync();
  const names = (path: string) => {
    try {
      return [...Deno.readDirSync(`${folder}/run/${path}`)].map(({ name }) => name);
    } catch {
      return [];
    }
  };
  const checkpoints = () => names("checkpoints").filter((name) => name.endsWith(".safetensors")).length;
  try {
    Deno.writeTextFileSync(`${folder}/program.meta`, endless);
    const permissions = [`--allow-read=${folder}`, `--allow-write=${folder}`];
    const args = [`${folder}/program.meta`, "--json", "--backend", backend, "--out", `${folder}/run`];
    await using child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", ...permissions, metaFile, ...args],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const err = new Response(child.stderr).text();
    let text = "";
    const read = async () => {
      const { value, done } = await out.read();
      text += value ?? "";
      return !done;
    };
    while (!text.includes('"kind":"started"') && await read());
    await tell(child, checkpoints);
    while (await read());
    const { code } = await child.status;
    return { code, err: await err, last: parseMetrics(text).at(-1), files: names(""), checkpoints: checkpoints() };
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
      const { code, err, last, files, checkpoints } = await signalled(backend, (child) => child.kill(signal));
      assertEquals([code, err, last?.outcome, checkpoints], [75, "", "stopped", 1]);
      assert(files.includes("summary.json") && files.includes("parameters.safetensors"), files.join());
    },
  });
}

Deno.test("the signal of `timeout`, which comes twice, is one; another one, or the same later, is the second", () => {
  let now = 0;
  const count = () => {
    const which = countSignals(() => now);
    return (signal: string, at: number) => {
      now = at;
      return which(signal);
    };
  };
  const [twice, other, later] = [count(), count(), count()];
  assertEquals([twice("SIGTERM", 0), twice("SIGTERM", 1)], ["first", "same"]);
  assertEquals([other("SIGTERM", 0), other("SIGINT", 1)], ["first", "second"]);
  assertEquals([later("SIGINT", 0), later("SIGINT", 1), later("SIGINT", 200)], ["first", "same", "second"]);
});

// each is a process of its own, of which one is looked at in short
for (
  const test of some([
    {
      name: "a second signal ends it at once",
      ignore,
      fn: async () => {
        const { code, files } = await signalled("wasm", (child) => {
          child.kill("SIGTERM");
          child.kill("SIGINT");
        });
        assert([128 + 15, 128 + 2].includes(code), `${code}`);
        assert(!files.includes("summary.json"), files.join());
      },
    },
    {
      name: "SIGUSR2 writes a checkpoint, also within one long call, and the run goes on",
      ignore,
      fn: async () => {
        const { code, err, checkpoints } = await signalled("wasm", async (child, checkpoints) => {
          child.kill("SIGUSR2");
          assert(await until(() => checkpoints() === 1));
          child.kill("SIGTERM");
        });
        assertEquals([code, err, checkpoints], [75, "", 2]);
      },
    },
  ], 1)
) Deno.test(test);

Deno.test("a script stops such a run with its own signal, and timers are heard meanwhile", async () => {
  for (const backend of some(["reference", "wasm"] as const, 1)) {
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
