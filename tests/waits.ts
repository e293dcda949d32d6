// What do tests wait for? Other threads, other processes, and later turns of the event loop: nothing here says how long something
// takes, and no test elsewhere waits or looks at a clock (tests/architecture_test.ts).

/** Waits until `done`, looking every few milliseconds and at most so often; false when it never was. For other processes. */
export async function until(done: () => boolean, looks = 6000): Promise<boolean> {
  for (let look = 0; look < looks && !done(); look++) await new Promise((resolve) => setTimeout(resolve, 5));
  return done();
}

/** Lets other threads work for a few milliseconds while this one sleeps. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Runs `task` so often, and then until `done`, asleep in between so that other threads can start; false when it never was. */
export function repeatUntil(done: () => boolean, task: (run: number) => void, times: number, more = 4000): boolean {
  for (let run = 0; run < times || run < times + more && !done(); run++) {
    if (run >= times) sleep(5);
    task(run);
  }
  return done();
}

/** So many turns of the event loop later. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}
