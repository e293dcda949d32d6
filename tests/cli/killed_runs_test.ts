// Does a run whose process is killed (SIGKILL) come to the end that it would have had? At fixed points, named by counters, not by times:
// the processes end themselves. In the gate's larger run; `disks_test.ts` has the same points, and every other one, without processes.
import { assert, assertEquals } from "@std/assert";
import { main } from "../../meta.ts";
import { checkpointsIn, newestCheckpoint } from "../../runtime/record/checkpoints.ts";
import { thorough } from "../thorough.ts";
import { capturedConsole } from "./captured_console.ts";
import type { KillPoint } from "./killed_run.ts";
import { exists, files, left, temporaryFolder } from "./left_folder.ts";

// records before each meta-step: however fast it goes, each is a call of its own
const program = (steps: number) =>
  `edition 1
task problem { k ~ uniform(0, 1)  split s { x : [4] ~ normal(k, 1) } }
param c = 0.5
param d = 0
inner adapt { minimize mean((d - s.x)^2)  over d by adam(lr = 0.1)  for S = 3 steps }
outer train {
  minimize mean((d@S - s.x)^2) + c^2  across 3 problem  over adapt.lr, c by adam(lr = 0.01)  for ${steps} steps
  keep best of check
}
evaluate check { report c^2  best lowest  every 5 steps of train }
output o = c^2
record c, train.loss every 1 steps
`;

interface Case {
  readonly first: KillPoint;
  /** Where the first process that goes on is killed, too. */
  readonly second?: KillPoint;
  /** Meta-steps in all, and from one checkpoint to the next; 21 and 4 when not given. */
  readonly steps?: readonly [number, number];
  /** The meta-steps before one of which it goes on in the end; none where it begins anew. */
  readonly from: readonly number[];
}

const at = (kind: string, ending: string, count = 1): KillPoint => ({ operation: { kind, ending, count } });

// a checkpoint every 4 of 21 meta-steps: at 4, 8, 12, 16, 20 and the end
const points: Readonly<Record<string, Case>> = {
  "before the first checkpoint": { first: at("open", "000001.safetensors.tmp"), from: [] },
  "in the temporary file of a checkpoint": { first: at("write", "000002.safetensors.tmp", 2), from: [4] },
  "after the temporary file of a checkpoint": { first: at("rename", "000003.safetensors"), from: [8] },
  "between the rename of a checkpoint and the sync of its folder": {
    first: at("syncFolder", "checkpoints/", 2),
    from: [8],
  },
  "while an old checkpoint is removed": { first: at("remove", "000001.safetensors"), from: [16] },
  // it is written before a checkpoint, and every quarter of a second
  "in the middle of the log": { first: at("write", "metrics.jsonl", 4), from: [4, 8, 12] },
  "in an evaluation": { first: { line: { kind: "evaluation", count: 3 } }, from: [8] },
  "between two checkpoints": { first: { line: { kind: "recorded", count: 20 } }, from: [8] },
  // stopped after a checkpoint at 2,000, within some hundred meta-steps
  "while it is being stopped": {
    first: { stopAt: { kind: "recorded", count: 4100 }, ...at("sync", "000002.safetensors.tmp") },
    steps: [6000, 2000],
    from: [2000],
  },
  "where resume cuts the log": {
    first: at("rename", "000003.safetensors"),
    second: at("truncate", "metrics.jsonl"),
    from: [8],
  },
  "in a checkpoint of a run that goes on": {
    first: at("rename", "000003.safetensors"),
    second: at("write", "000004.safetensors.tmp"),
    from: [12],
  },
  "in the learned values": { first: at("write", "parameters.safetensors.tmp"), from: [21] },
  "between the learned values and what was recorded": { first: at("open", "trajectories.safetensors.tmp"), from: [21] },
  "before the summary": { first: at("open", "summary.json.tmp"), from: [21] },
};

const child = new URL("killed_run.ts", import.meta.url).pathname;

/** The exit code of a process that may end itself. */
async function ended(point: KillPoint, args: readonly string[]): Promise<{ code: number; err: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", child, JSON.stringify(point), ...args, "--json"],
    stdout: "null",
    stderr: "piped",
  });
  const { code, stderr } = await command.output();
  return { code, err: new TextDecoder().decode(stderr) };
}

const killed = 128 + 9;
const wholes = new Map<number, ReturnType<typeof left>>();

async function wholeOf(steps: number): Promise<ReturnType<typeof left>> {
  const known = wholes.get(steps);
  if (known) return known;
  const folder = temporaryFolder();
  try {
    Deno.writeTextFileSync(`${folder}/program.meta`, program(steps));
    const console = capturedConsole();
    assertEquals(await main([`${folder}/program.meta`, "--out", `${folder}/run`], console), 0, console.written.err);
    wholes.set(steps, left(`${folder}/run`));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  return wholes.get(steps)!;
}

for (const [place, { first, second, steps: [steps, every] = [21, 4], from }] of Object.entries(points)) {
  Deno.test({
    name: `a process that is killed ${place}: its run comes to the same end`,
    // two or three processes each; without any they are in disks_test.ts
    ignore: Deno.build.os === "windows" || !thorough,
    fn: async () => {
      const folder = temporaryFolder();
      try {
        Deno.writeTextFileSync(`${folder}/program.meta`, program(steps));
        const run = `${folder}/run`;
        const often = ["--checkpoint", `${every} steps`];
        const dead = await ended(first, [`${folder}/program.meta`, "--out", run, ...often]);
        assertEquals(dead.code, killed, dead.err);
        if (second) {
          const again = await ended(second, ["resume", run, ...often]);
          assertEquals(again.code, killed, again.err);
        }
        assert(!exists(`${run}/summary.json`));
        const newest = newestCheckpoint(run, ({ state }) => state);
        const console = capturedConsole();
        assertEquals(await main(["resume", run, ...often], console), 0, console.written.err);
        const [, step] = /goes on before meta-step (\d+) of/.exec(console.written.err) ?? [];
        if (newest) assert(from.includes(Number(step)) && newest.state.outer!.done === Number(step), `${step}`);
        else assert(from.length === 0 && console.written.err.includes("from its beginning"));
        assertEquals(left(run), await wholeOf(steps));
        assertEquals(files(run).filter((name) => name.endsWith(".tmp")), []);
        assert(checkpointsIn(run).length <= 4, "three, and that of the end");
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    },
  });
}
