// Who takes the steps of a loop that threads share? The code of the loop runs here with a step written in this file, which plays
// the other thread at moments of its choice: a thread that comes late finds what is left.
import { assert, assertEquals } from "@std/assert";
import { ModuleWriter } from "../../runtime/backend/wasm/encoder.ts";
import { control, writeDispatch } from "../../runtime/backend/wasm/threads_code.ts";

interface Shared {
  /** A word of what threads tell each other. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly run: () => void;
  /** Steps that the first thread took, in order. */
  readonly taken: number[];
  /** Looks for a pause. */
  looks: number;
}

/** A loop of so many steps; `at` is called before each of them, with how many were taken before. */
function loopOf(length: number, at: (before: number, words: Int32Array) => void, looks = false): Shared {
  const module = new ModuleWriter();
  module.importMemory("host", "memory", 1, { most: 1 });
  const step = module.importFunction("host", "step", { parameters: ["i32", "i32"], results: [] });
  const look = module.importFunction("host", "look", { parameters: [], results: [] });
  const run = module.addFunction({ parameters: [], results: [] }, (code) => {
    // a look after each second step
    if (looks) code.looks = { work: length, every: 2, write: (at) => void at.call(look) };
    writeDispatch(code, { number: 0, step, length, arguments: 0, start: 0 }, []);
  });
  module.exportFunction("run", run);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const words = new Int32Array(memory.buffer as unknown as SharedArrayBuffer);
  const taken: number[] = [];
  const host = {
    memory,
    step: (step: number) => {
      at(taken.length, words);
      taken.push(step);
    },
    look: () => void shared.looks++,
  };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { host });
  const shared: Shared = { words, run: instance.exports.run as () => void, taken, looks: 0 };
  return shared;
}

Deno.test("writeDispatch() runs every step once where no other thread comes", () => {
  for (const length of [1, 2, 7]) {
    const { run, taken, words } = loopOf(length, () => {});
    run();
    assertEquals(taken.toSorted((a, b) => a - b), Array.from({ length }, (_, i) => i));
    assertEquals(words[control.epoch / 4], 0, "nobody was told of it");
  }
});

Deno.test("writeDispatch() shares what is left with a thread that comes in the middle", () => {
  for (const [length, late] of [[7, 0], [7, 2], [7, 5], [7, 6], [1, 0]] as const) {
    const others: number[] = [];
    const { run, taken, words } = loopOf(length, (before, words) => {
      // it is ready during a step, and takes one while each later one runs
      if (before === late) Atomics.store(words, control.helpers / 4, 1);
      if (before <= late) return;
      const ticket = Atomics.sub(words, control.ticket / 4, 1) - 1;
      if (ticket < 0) return;
      others.push(ticket);
      Atomics.add(words, control.done / 4, 1);
    });
    run();
    assertEquals([...taken, ...others].toSorted((a, b) => a - b), Array.from({ length }, (_, i) => i), `${late}`);
    const left = length - 1 - late;
    assertEquals(words[control.epoch / 4], left > 0 ? 1 : 0, "told once, where something is left");
    assertEquals(words[control.job / 4 + 1], left);
    assertEquals(others.length, Math.floor(left / 2), "every second step that was left");
  }
});

Deno.test("writeDispatch() looks for a pause as often, alone and not", () => {
  for (const helpers of [0, 1]) {
    const loop = loopOf(8, () => {}, true);
    loop.words[control.helpers / 4] = helpers;
    loop.run();
    assertEquals(loop.taken.length, 8);
    assert(loop.looks >= 3 && loop.looks <= 4, `${loop.looks} looks`);
  }
});
