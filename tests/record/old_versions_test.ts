// Is what earlier versions wrote still read? One run folder of each version of the checkpoints, as it was left by a run that was killed, is
// gone on with to the bits of a run that never was; and what versions to come write is refused by name. `old/program.meta` made them.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { version } from "../../api/version.ts";
import { main } from "../../meta.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../runtime/record/checkpoint_bytes.ts";
import { decodeSafetensors, encodeSafetensors } from "../../runtime/program/safetensors.ts";
import { stateVersion } from "../../runtime/record/earlier_states.ts";
import { joined } from "../joined.ts";
import type { RunIdentity } from "../../runtime/record/identity.ts";
import { capturedConsole } from "../cli/captured_console.ts";

const old = new URL("old/", import.meta.url).pathname;
/** What is kept: a folder, the version of the software that wrote it, and where its newest checkpoint stands. */
const folders = [
  { name: "run-1", by: "0.1.0", newest: "000005.safetensors", items: 2, done: 5 },
  { name: "run-2", by: "0.1.0", newest: "000004.safetensors", items: 2, done: 2 },
  { name: "run-3", by: "0.1.0", newest: "000004.safetensors", items: 2, done: 2 },
];

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(`${from}/${name}`, `${to}/${name}`);
    else Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

async function call(...args: string[]) {
  const console = capturedConsole();
  return { code: await main(args, console), ...console.written };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

for (const { name, by, newest, items, done } of folders) {
  Deno.test(`the checkpoint of ${name} is read`, () => {
    const { state } = decodeCheckpoint(Deno.readFileSync(`${old}${name}/checkpoints/${newest}`));
    assertEquals([state.items, state.outer!.name, state.outer!.done], [items, "second", done]);
    assertEquals([...state.states.keys()].length > 0, true);
  });

  Deno.test(`the run of ${name} goes on to the same bits, or is refused as one of another version`, async () => {
    await inFolder(async (folder) => {
      copyFolder(`${old}${name}`, `${folder}/run`);
      const { code, err } = await call("resume", `${folder}/run`, "--data", old);
      if (version !== by) {
        assertEquals(code, 2, err);
        assertStringIncludes(err, name === "run-1" ? "version" : `version (${by} before, now ${version})`);
        return;
      }
      // where this fails with other bits, a meta-step computes something else than it did: `version` must say so
      assertEquals(code, 0, err);
      assertStringIncludes(err, `goes on before meta-step ${done} of \`second\``);
      const whole = await call(`${old}program.meta`, "--backend", "reference", "--out", `${folder}/whole`);
      assertEquals(whole.code, 0, whole.err);
      const bytes = (run: string, file: string) => Deno.readFileSync(`${folder}/${run}/${file}`);
      for (const file of ["parameters.safetensors", "trajectories.safetensors", "outputs/o.npy"]) {
        assertEquals(bytes("run", file), bytes("whole", file), file);
      }
    });
  });
}

Deno.test("there is a folder of each version: `old_folder.ts` makes one", () => {
  const written = folders.map(({ name, newest }) => {
    const { metadata } = decodeSafetensors(Deno.readFileSync(`${old}${name}/checkpoints/${newest}`));
    return Number(metadata.get("format_version"));
  });
  assertEquals(written, Array.from({ length: stateVersion }, (_, i) => i + 1));
});

Deno.test("a checkpoint of a version to come, and a file that is none, are refused by name", async () => {
  await inFolder(async (folder) => {
    copyFolder(`${old}run-1`, `${folder}/run`);
    const path = `${folder}/run/checkpoints/000005.safetensors`;
    const { tensors, metadata } = decodeSafetensors(Deno.readFileSync(path));
    const later = { ...Object.fromEntries(metadata), format_version: `${stateVersion + 1}` };
    Deno.writeFileSync(path, joined(encodeSafetensors(tensors, later)));
    const { code, err } = await call("resume", `${folder}/run`, "--data", old);
    assertEquals(code, 2);
    assertStringIncludes(
      err,
      `000005.safetensors\`: It is of version ${stateVersion + 1}, which this one does not read`,
    );
    // one that is no checkpoint is damaged, and the one before it counts
    Deno.writeFileSync(path, joined(encodeSafetensors(tensors, {})));
    const older = await call("resume", `${folder}/run`, "--data", old);
    assert(older.err.includes("before meta-step"), older.err);
  });
});

Deno.test("what another version of the software wrote is refused by its name", async () => {
  await inFolder(async (folder) => {
    const { name, newest } = folders.at(-1)!;
    copyFolder(`${old}${name}`, `${folder}/run`);
    const path = `${folder}/run/checkpoints/${newest}`;
    const checkpoint = decodeCheckpoint(Deno.readFileSync(path));
    const of = { ...checkpoint.of as RunIdentity, version: "0.0.9" };
    Deno.writeFileSync(path, joined(encodeCheckpoint({ ...checkpoint, of })));
    const { code, err } = await call("resume", `${folder}/run`, "--data", old);
    assertEquals(code, 2, err);
    assertStringIncludes(err, `the version (0.0.9 before, now ${version}); version 0.0.9 goes on with it`);
  });
});
