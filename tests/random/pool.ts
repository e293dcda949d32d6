// What came of many programs? Workers look at a few at a time, and it is counted.
import { allConstructs } from "./constructs.ts";
import { type Caught, lookAtStretch, type Stretch } from "./stretch.ts";

/** What came of many programs. */
export interface Haul {
  /** Programs that were written, and that ran. */
  readonly written: number;
  readonly ran: number;
  /** Programs that ran, by construct. */
  readonly constructs: ReadonlyMap<string, number>;
  /** What each check said, and how often. */
  readonly looked: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Why programs did not run. */
  readonly why: ReadonlyMap<string, number>;
  /** Programs in which something was found, in their order. */
  readonly found: readonly Caught[];
}

const bite = 10;

/** Looks at `programs` programs of a seed with so many workers; with none in this thread, where what they run is loaded and warm.
 *  `watch` hears of each as it comes. */
export async function haul(
  { seed, programs, jobs, watch = () => {} }: {
    readonly seed: number;
    readonly programs: number;
    readonly jobs: number;
    readonly watch?: (caught: Caught) => void;
  },
): Promise<Haul> {
  const constructs = new Map(allConstructs().map((name) => [name, 0]));
  const looked = new Map<string, Map<string, number>>();
  const why = new Map<string, number>();
  const found: Caught[] = [];
  let ran = 0;
  const take = (caught: Caught) => {
    watch(caught);
    if (caught.why === undefined) ran++;
    else count(why, caught.why.replaceAll(/`[^`]*`|\d+/g, "#"));
    for (const name of caught.constructs) if (constructs.has(name)) count(constructs, name);
    for (const [check, said] of caught.looked) {
      const counts = looked.get(check) ?? new Map<string, number>();
      looked.set(check, counts);
      count(counts, said);
    }
    if (caught.finds.length > 0) found.push(caught);
  };
  if (jobs === 0) (await lookAtStretch({ seed, from: 0, to: programs })).forEach(take);
  let next = 0;
  await Promise.all(Array.from({ length: jobs }, async () => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    while (next < programs) {
      const from = next;
      next = Math.min(programs, from + bite);
      (await asked(worker, { seed, from, to: next })).forEach(take);
    }
    worker.terminate();
  }));
  found.sort((a, b) => a.index - b.index);
  return { written: programs, ran, constructs, looked, why, found };
}

function asked(worker: Worker, stretch: Stretch): Promise<readonly Caught[]> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<readonly Caught[]>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`Programs ${stretch.from} to ${stretch.to} of seed ${stretch.seed}: ${event.message}`));
    };
    worker.postMessage(stretch);
  });
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
