// Do the tasks of a script run from the shell as they do from another script, also where a run goes on? And what is said of a script that
// gives none?
import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../meta.ts";
import { compile } from "../../mod.ts";
import { decodeSafetensors } from "../../runtime/program/safetensors.ts";
import { capturedConsole } from "./captured_console.ts";

const program = `edition 1
precision f64
input N : int = 6
task point { centre : []   split support { aim = 2 * centre } }
param w = 0
outer train { minimize (w - support.aim)^2   across 3 point   over w   by sgd(lr = 0.1)   for N steps }
record w
`;
const script = `export default {
  point: ({ index, step }) => ({ centre: { shape: [], data: [index + 0.5 * step] } }),
};
`;

async function meta(...args: string[]) {
  const console = capturedConsole();
  const code = await main(args, console);
  return { code, ...console.written };
}

/** A folder with the program and some scripts; gone afterwards. */
function withScripts(files: Readonly<Record<string, string>>, body: (folder: string) => Promise<void>) {
  return async () => {
    const folder = await Deno.makeTempDir();
    try {
      for (const [name, text] of Object.entries({ "p.meta": program, ...files })) {
        Deno.writeTextFileSync(`${folder}/${name}`, text);
      }
      await body(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

const recorded = (
  run: string,
) => [...decodeSafetensors(Deno.readFileSync(`${run}/trajectories.safetensors`)).tensors.get("w")!.data];

Deno.test(
  "--tasks takes the functions of a script; a run goes on with it, and with no other",
  withScripts({ "tasks.ts": script, "changed.ts": script.replace("0.5", "0.25") }, async (folder) => {
    const tasks = ["--tasks", `${folder}/tasks.ts`];
    const experiment = compile(program, {
      tasks: { point: ({ index, step }) => ({ centre: { shape: [], data: [index + 0.5 * step] } }) },
    });
    const whole = await experiment.run({ backend: "reference" });
    const first = await meta(`${folder}/p.meta`, ...tasks, "--out", `${folder}/run`, "--set", "N=3");
    assertEquals(first.code, 0, first.err);
    const changed = await meta("resume", `${folder}/run`, "--set", "N=6", "--tasks", `${folder}/changed.ts`);
    assertEquals(changed.code, 2);
    assertStringIncludes(changed.err, "is not the file that the run began with");
    const second = await meta("resume", `${folder}/run`, "--set", "N=6");
    assertEquals(second.code, 0, second.err);
    assertEquals(recorded(`${folder}/run`), [...whole.recorded("w").values].map(({ data }) => data[0]!));
    for (const verb of ["check", "explain"]) assertEquals((await meta(verb, `${folder}/p.meta`, ...tasks)).code, 0);
    const without = await meta("check", `${folder}/p.meta`);
    assertStringIncludes(without.err, "`--tasks FILE.ts`");
  }),
);

const wrong: Readonly<Record<string, readonly [text: string, said: string]>> = {
  "nothing.ts": ["export const point = 1;", "has no default export of functions that make tasks"],
  "number.ts": ["export default { point: 1 };", "The task `point` must be given as a function"],
  "other.ts": ["export default { points: () => ({}) };", "The program declares no task `points`"],
  "broken.ts": ["throw new Error('boo');", "does not load: boo"],
  "torn.ts": ["export default {", "does not load: "],
};

for (const [name, [text, said]] of Object.entries(wrong)) {
  Deno.test(
    `--tasks ${name}: ${said}`,
    withScripts({ [name]: text }, async (folder) => {
      const { code, err } = await meta("check", `${folder}/p.meta`, "--tasks", `${folder}/${name}`);
      assertEquals(code, name === "other.ts" ? 1 : 2);
      assertStringIncludes(err, said);
    }),
  );
}

Deno.test(
  "--tasks of no file says so",
  withScripts({}, async (folder) => {
    const { code, err } = await meta(`${folder}/p.meta`, "--tasks", `${folder}/none.ts`);
    assertEquals(code, 2);
    assertStringIncludes(err, "there is no such file");
  }),
);
