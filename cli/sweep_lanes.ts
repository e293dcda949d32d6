// Where are the runs of a sweep made? In lanes, each with one run at a time: workers side by side, or this thread alone. A lane goes on with
// the setting that it has compiled, as long as there is something left of it.
import { fileURLToPath } from "node:url";
import type { Disk } from "../runtime/record/disk.ts";
import { exitCodes } from "./exit_codes.ts";
import {
  openPreparations,
  type Preparations,
  type SweptEnd,
  type SweptJob,
  sweptRun,
  type SweptWays,
} from "./swept_run.ts";

/** One run at a time. */
export interface Lane {
  /** Never throws. */
  run(job: SweptJob, tell: (share: number) => void): Promise<SweptEnd>;
  /** Ends the present run, and every later one at its beginning. */
  stop(): void;
  /** The present run writes down where it stands. */
  save(): void;
  close(): void;
}

/** This thread. */
export function ownLane(disk: Disk, { prepare }: Preparations = openPreparations()): Lane {
  let on: Parameters<SweptWays["listen"]>[0] | undefined;
  let stopping = false;
  const listen: SweptWays["listen"] = (to) => {
    on = to;
    if (stopping) to.stop();
    return () => on = undefined;
  };
  return {
    run: (job, tell) => sweptRun(job, { disk, prepare, listen, tell }),
    stop() {
      stopping = true;
      on?.stop();
    },
    save: () => on?.save(),
    close: () => {},
  };
}

/** What a worker is told, and what it answers. */
export type ToWorker = { readonly kind: "run"; readonly job: SweptJob } | { readonly kind: "stop" | "save" };
export type FromWorker =
  | { readonly kind: "share"; readonly share: number }
  | { readonly kind: "end"; readonly end: SweptEnd }
  /** It ends itself. */
  | { readonly kind: "gone" };

/** A worker; another one where it ended by an error. */
export function workerLane(): Lane {
  let worker: Worker | undefined;
  let stopping = false;
  let running: { readonly tell: (share: number) => void; readonly end: (end: SweptEnd) => void } | undefined;
  const ended = (end: SweptEnd) => {
    const { end: done } = running ?? {};
    running = undefined;
    done?.(end);
  };
  const open = () => {
    const made = new Worker(new URL("./sweep_worker.ts", import.meta.url).href, { type: "module" });
    const gone = (why: string) => {
      worker = undefined;
      const lines = [{ kind: "error", message: `The thread of this run ended: ${why}` }];
      ended({ code: exitCodes.runFailed, inUse: false, lines, text: "" });
    };
    made.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "share") running?.tell(data.share);
      else if (data.kind === "end") ended(data.end);
      else gone("the script that makes its tasks called for that");
    };
    made.onerror = (event) => {
      event.preventDefault();
      gone(event.message);
    };
    if (stopping) made.postMessage({ kind: "stop" } satisfies ToWorker);
    return made;
  };
  const say = (message: ToWorker) => worker?.postMessage(message);
  worker = open();
  return {
    run: (job, tell) =>
      new Promise((end) => {
        running = { tell, end };
        worker ??= open();
        say({ kind: "run", job });
      }),
    stop() {
      stopping = true;
      say({ kind: "stop" });
    },
    save: () => say({ kind: "save" }),
    close: () => worker?.terminate(),
  };
}

/** Why there can be no workers; undefined where there can. They load the modules of the command line, which Deno has to permit. */
export function whyNoWorkers(): string | undefined {
  const root = new URL("../", import.meta.url);
  const local = root.protocol === "file:";
  const path = local ? fileURLToPath(root) : root.host;
  const state = local
    ? Deno.permissions.querySync({ name: "read", path }).state
    : Deno.permissions.querySync({ name: "import", host: path }).state;
  return state === "granted" ? undefined : `--allow-${local ? "read" : "import"}=${path}`;
}

/** Makes all jobs in lanes. `settingOf`: jobs of one are compiled once. `stopped` is asked before each. */
export async function runInLanes(
  jobs: readonly SweptJob[],
  lanes: readonly Lane[],
  { settingOf, stopped, begins, tell, ended }: {
    readonly settingOf: (job: number) => string;
    readonly stopped: () => boolean;
    readonly begins: (job: number) => void;
    readonly tell: (job: number, share: number) => void;
    readonly ended: (job: number, end: SweptEnd) => void;
  },
): Promise<void> {
  const left = new Map<string, number[]>();
  jobs.forEach((_, job) => left.set(settingOf(job), [...left.get(settingOf(job)) ?? [], job]));
  const at = new Map<Lane, string>();
  const next = (lane: Lane): number | undefined => {
    const lanesAt = (setting: string) => [...at.values()].filter((each) => each === setting).length;
    const own = at.get(lane);
    const open = [...left.keys()].filter((setting) => left.get(setting)!.length > 0);
    const fewest = Math.min(...open.map(lanesAt));
    const setting = own !== undefined && open.includes(own) ? own : open.find((each) => lanesAt(each) === fewest);
    if (setting === undefined) return undefined;
    at.set(lane, setting);
    return left.get(setting)!.shift();
  };
  await Promise.all(lanes.map(async (lane) => {
    for (let job = stopped() ? undefined : next(lane); job !== undefined; job = stopped() ? undefined : next(lane)) {
      const own = job;
      begins(own);
      ended(own, await lane.run(jobs[own]!, (share) => tell(own, share)));
    }
  }));
}
