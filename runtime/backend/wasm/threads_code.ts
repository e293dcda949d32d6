// How do threads share the steps of a `map`? A ticket counts down in shared memory; whoever takes a number above 0 runs that step
// and counts it as done. The one that started it goes on when all are done. A thread that finds nothing to do looks again for a
// while, then sleeps until it is woken.
import type { CodeWriter } from "./encoder.ts";

/** Words at the start of memory. */
export const control = {
  /** Steps that nobody has taken; below 1: none. */
  ticket: 0,
  /** Steps that are done. On a line of its own, as everything that many write. */
  done: 64,
  /** Goes up with every loop that threads share; threads sleep on it. */
  epoch: 128,
  /** Which loop it is, how many steps it has, then the loops around it. */
  job: 192,
  /** Threads besides the first that are ready. */
  helpers: 256,
  /** Those of them that sleep, or are about to. */
  sleepers: 320,
  /** Not 0: threads end. */
  stop: 384,
  /** Bytes from the first thread's memory of the loop to those of other threads: start of the first block, bytes of each. */
  blocks: 448,
} as const;

/** Bytes of them all. */
export const controlBytes = 512;
/** Words of `job` before the loops around; those, at most. */
const [ahead, mostArguments] = [2, 14];

/** A `map` that threads share. */
export interface ParallelLoop {
  readonly number: number;
  /** The function of one step. */
  readonly step: number;
  readonly length: number;
  /** Loops around it. */
  readonly arguments: number;
  /** First byte of the memory of a step, for the first thread. */
  readonly start: number;
}

/** How often a thread looks before it sleeps: some 100 microseconds. */
const patience = 20_000;

/** Runs a loop with all threads that there are, from its last step to its first: alone until another thread is ready, which may be in
 *  the middle; what is left then is shared. `around`: locals of the loops around it. */
export function writeDispatch(code: CodeWriter, job: ParallelLoop, around: readonly number[]): void {
  if (around.length > mostArguments) throw new RangeError("Loops are nested deeper than threads can be told");
  const [left, step] = [code.local("i32"), code.local("i32")];
  const run = (step: number) => {
    code.get(step).i32(0);
    for (const local of around) code.get(local);
    code.call(job.step);
  };
  const alone = () => code.i32(0).atomic("i32.atomic.load", control.helpers).numeric("i32.eqz");
  code.i32(job.length).set(left);
  alone().when(() => {
    const between = stepsBetweenLooks(code, job.length);
    const counter = between < job.length ? code.local("i32") : -1;
    code.repeat(() => {
      code.get(left).i32(1).numeric("i32.sub").set(left);
      run(left);
      if (counter >= 0) lookSometimes(code, counter, between);
      code.get(left).i32(0).numeric("i32.gt_s");
      alone().numeric("i32.and");
    });
  });
  code.get(left).when(() => {
    code.i32(0).i32(job.number).memory("i32.store", control.job);
    code.i32(0).get(left).atomic("i32.atomic.store", control.job + 4);
    around.forEach((local, i) => code.i32(0).get(local).memory("i32.store", control.job + 4 * (ahead + i)));
    code.i32(0).i32(0).atomic("i32.atomic.store", control.done);
    code.i32(0).get(left).atomic("i32.atomic.store", control.ticket);
    code.i32(0).i32(1).atomic("i32.atomic.rmw.add", control.epoch).drop();
    // a thread that counts itself among the sleepers later than this sees the new epoch and does not sleep
    code.i32(0).atomic("i32.atomic.load", control.sleepers).when(() => {
      code.i32(0).i32(-1).atomic("memory.atomic.notify", control.epoch).drop();
    });
    takeSteps(code, step, () => run(step), job.length);
    // the others may still be at theirs
    const counter = code.looks ? code.local("i32") : -1;
    code.repeat(() => {
      lookSometimes(code, counter, looksWhileWaiting);
      code.i32(0).atomic("i32.atomic.load", control.done).get(left).numeric("i32.lt_s");
    });
  });
}

/** How often the first thread looks at whether the others are done before it looks whether it is time for a pause: some 10
 *  microseconds. */
const looksWhileWaiting = 1024;

/** One look for a pause in so many times. */
function lookSometimes(code: CodeWriter, counter: number, times: number): void {
  if (!code.looks) return;
  code.get(counter).i32(1).numeric("i32.add").tee(counter).i32(times).numeric("i32.ge_s").when(() => {
    code.i32(0).set(counter);
    code.looks!.write(code);
  });
}

/** How many steps of a loop of so many there are from one look for a pause to the next: all where nothing looks. */
function stepsBetweenLooks({ looks }: CodeWriter, of: number): number {
  return looks ? Math.max(1, Math.floor(looks.every * of / looks.work)) : of;
}

/** Takes steps while there are some; `of` so many there is a look for a pause where their work says so. */
function takeSteps(code: CodeWriter, step: number, run: () => void, of = 1): void {
  const taken = code.local("i32");
  const between = stepsBetweenLooks(code, of);
  const looks = between < of ? code.local("i32") : -1;
  code.repeat(() => {
    code.i32(0).i32(1).atomic("i32.atomic.rmw.sub", control.ticket).i32(1).numeric("i32.sub").set(step);
    code.get(step).i32(0).numeric("i32.ge_s").tee(taken).when(() => {
      run();
      if (looks >= 0) lookSometimes(code, looks, between);
      code.i32(0).i32(1).atomic("i32.atomic.rmw.add", control.done).drop();
    });
    code.get(taken);
  });
}

/** What another thread does until it is told to stop. Its parameter: which one it is, from 1. A loop of few steps is left to as many
 *  threads: more would only stand in their way. */
export function writeWorker(code: CodeWriter, jobs: readonly ParallelLoop[]): void {
  const thread = 0;
  const [step, epoch, looks, own] = ["i32", "i32", "i32", "i32"].map(() => code.local("i32")) as [
    number,
    number,
    number,
    number,
  ];
  // its memory: the first block, and as many more as there are threads before it
  code.i32(0).memory("i32.load", control.blocks).get(thread).i32(1).numeric("i32.sub");
  code.i32(0).memory("i32.load", control.blocks + 4).numeric("i32.mul").numeric("i32.add").set(own);
  const running = () => code.i32(0).atomic("i32.atomic.load", control.stop).numeric("i32.eqz");
  const idle = () => {
    code.i32(0).atomic("i32.atomic.load", control.ticket).i32(1).numeric("i32.lt_s");
    code.get(thread).i32(0).atomic("i32.atomic.load", control.job + 4).numeric("i32.ge_s").numeric("i32.or");
  };
  const run = (from: number, to: number): void => {
    if (to - from > 1) {
      const middle = Math.floor((from + to) / 2);
      code.i32(0).memory("i32.load", control.job).i32(middle).numeric("i32.lt_s");
      return void code.when(() => run(from, middle), () => run(middle, to));
    }
    const job = jobs[from]!;
    code.get(step).get(own).i32(job.start).numeric("i32.sub");
    for (let i = 0; i < job.arguments; i++) code.i32(0).memory("i32.load", control.job + 4 * (ahead + i));
    code.call(job.step);
  };
  code.i32(0).i32(1).atomic("i32.atomic.rmw.add", control.helpers).drop();
  code.repeat(() => {
    code.i32(0).atomic("i32.atomic.load", control.epoch).set(epoch);
    idle();
    code.numeric("i32.eqz").when(() => takeSteps(code, step, () => run(0, jobs.length)));
    code.i32(patience).set(looks);
    code.repeat(() => {
      code.get(looks).i32(1).numeric("i32.sub").set(looks);
      idle();
      code.get(looks).i32(0).numeric("i32.gt_s").numeric("i32.and");
      running().numeric("i32.and");
    });
    idle();
    running().numeric("i32.and").when(() => {
      code.i32(0).i32(1).atomic("i32.atomic.rmw.add", control.sleepers).drop();
      code.i32(0).get(epoch).i64(-1n).atomic("memory.atomic.wait32", control.epoch).drop();
      code.i32(0).i32(1).atomic("i32.atomic.rmw.sub", control.sleepers).drop();
    });
    running();
  });
}
