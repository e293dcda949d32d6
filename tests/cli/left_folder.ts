// What does a run folder hold, for comparing two of them, and where do tests make one?
import { createHash } from "node:crypto";
import { type MetricLine, parseMetrics } from "../../runtime/record/metrics.ts";

interface Left {
  readonly arrays: readonly string[];
  readonly summary: unknown;
  readonly log: readonly MetricLine[];
}

/** All that a folder says of its run but how long it took, and what functions kept: those before are no more. */
export function left(path: string): Left {
  const bytes = (name: string) => createHash("sha256").update(Deno.readFileSync(`${path}/${name}`)).digest("hex");
  const timeless = (key: string, value: unknown) => /^(seconds|.*[sS]econds.*|stepsPerSecond)$/.test(key) ? 0 : value;
  const { plans: _plans, ...summary } = JSON.parse(Deno.readTextFileSync(`${path}/summary.json`), timeless);
  return {
    arrays: ["parameters.safetensors", "trajectories.safetensors", "outputs/o.npy"].map(bytes),
    summary,
    log: parseMetrics(Deno.readTextFileSync(`${path}/metrics.jsonl`)).map((line) => ({ ...line, seconds: 0 })),
  };
}

/** The paths of the files in a folder. */
export const files = (path: string): string[] =>
  [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
    isDirectory ? files(`${path}/${name}`).map((below) => `${name}/${below}`) : [name]
  ).sort();

export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** A folder in memory, where the system has such: for what does not ask what a disk makes of a sync. */
export function temporaryFolder(): string {
  return Deno.makeTempDirSync(exists("/dev/shm") ? { dir: "/dev/shm" } : {});
}
