// Where do other threads come from? They are started one by one once a program has run for a while; each runs the same module on the
// same memory.
import { scalarFunctions } from "./math.ts";
import { control, controlBytes } from "./threads_code.ts";
import { startThread, type Thread } from "./workers.ts";

/** Milliseconds of running for which one more thread is worth its start: twice what that takes. */
export const worthAThread = 120;

/** What a thread runs, as the text of a function: the module from the message, until it is told to stop; where it looks for pauses, within
 *  a step too. */
function workerSource(): string {
  const functions = Object.entries(scalarFunctions).map(([name, fn]) => `${name}: ${fn}`).join(", ");
  return `({ module, memories, thread }) => {
  const math = { ${functions} };
  const words = new Int32Array(memories.memory.buffer, 0, ${controlBytes / 4});
  const due = () => Atomics.load(words, ${control.stop / 4});
  const ended = {};
  const pause = () => { throw ended; };
  try {
    new WebAssembly.Instance(module, { host: { ...memories, due, pause }, math }).exports.work(thread);
  } catch (error) {
    if (error !== ended) throw error;
  }
}`;
}

/** That of the program, and those of its data by the names of the module's imports. */
type Memories = Readonly<Record<string, WebAssembly.Memory>> & { readonly memory: WebAssembly.Memory };

/** The other threads of one program. */
export class Helpers {
  readonly #module: WebAssembly.Module;
  readonly #memories: Memories;
  readonly #words: Int32Array;
  #most: number;
  readonly #worth: number;
  readonly #workers: Thread[] = [];
  #milliseconds = 0;

  /** `most`: threads besides the first. */
  constructor(
    module: WebAssembly.Module,
    memories: Memories,
    blocks: { readonly first: number; readonly bytes: number; readonly most: number; readonly worth: number },
  ) {
    this.#module = module;
    this.#memories = memories;
    this.#words = new Int32Array(memories.memory.buffer, 0, controlBytes / 4);
    this.#most = blocks.most;
    this.#worth = blocks.worth;
    this.#words[control.blocks / 4] = blocks.first;
    this.#words[control.blocks / 4 + 1] = blocks.bytes;
  }

  /** Threads that take part, with the first. */
  get threads(): number {
    return 1 + Atomics.load(this.#words, control.helpers / 4);
  }

  /** Counts milliseconds that were, or will be, spent running; starts a thread when they are worth one. */
  spend(milliseconds: number): void {
    this.#milliseconds += milliseconds;
    while (this.#workers.length < this.#most && this.#milliseconds >= this.#worth) {
      this.#milliseconds -= this.#worth;
      try {
        const message = { module: this.#module, memories: this.#memories, thread: this.#workers.length + 1 };
        this.#workers.push(startThread(workerSource(), message));
      } catch {
        // where there are no workers one thread does it all
        this.#most = 0;
      }
    }
  }

  /** Ends them. */
  dispose(): void {
    if (this.#workers.length === 0) return;
    Atomics.store(this.#words, control.stop / 4, 1);
    Atomics.store(this.#words, control.ticket / 4, 0);
    Atomics.add(this.#words, control.epoch / 4, 1);
    Atomics.notify(this.#words, control.epoch / 4);
    for (const worker of this.#workers) worker.terminate();
    this.#workers.length = 0;
  }
}
