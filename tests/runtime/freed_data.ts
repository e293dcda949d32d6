// Is the memory of data given back? Asked in a process of its own (`--v8-flags=--expose-gc`), where memories can be counted: programs with
// a table of 16 MiB are compiled and run, one after the other, and the bytes of all memories of data that were made are printed, and of those
// that are still there then.
//
//     deno run -A --v8-flags=--expose-gc tests/runtime/freed_data.ts [programs]
import { turns } from "../waits.ts";

const made: { readonly memory: WeakRef<WebAssembly.Memory>; readonly bytes: number }[] = [];
const Own = WebAssembly.Memory;
class Counted extends Own {
  constructor(limits: WebAssembly.MemoryDescriptor) {
    super(limits);
    made.push({ memory: new WeakRef(this), bytes: limits.initial * 65_536 });
  }
}
(WebAssembly as { Memory: typeof WebAssembly.Memory }).Memory = Counted;

const { compile } = await import("../../mod.ts");

const text = `edition 1
data d { x : u8 [_, 4096] }
param w = 0.5
gradient w * mean(d.x[0]) wrt w
output second = w * mean(d.x[1])`;

async function compileAndRun(seed: number): Promise<void> {
  const data = new Uint8Array(4096 * 4096).fill(seed);
  const run = await compile(text, { data: { d: { x: { shape: [4096, 4096], data } } } }).run({ backend: "wasm", seed });
  if (run.outcome !== "done") throw new Error(run.outcome);
}

for (let program = 0; program < Number(Deno.args[0] ?? 100); program++) await compileAndRun(program);
// what was looked at in this turn stays until the next
await turns(1);
(globalThis as unknown as { gc(): void }).gc();
const sum = (list: typeof made) => list.reduce((bytes, one) => bytes + one.bytes, 0);
console.log(JSON.stringify({ made: sum(made), left: sum(made.filter(({ memory }) => memory.deref() !== undefined)) }));
