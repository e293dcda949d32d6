// How fast can one thread multiply and add in WebAssembly? Twelve sums in registers, float32, nothing loaded: no product of matrices
// of the `wasm` backend can be faster than this.
//
//     deno run bench/ceiling.ts
import { ModuleWriter } from "../runtime/backend/wasm/encoder.ts";

const [turns, each] = [1_000_000, 2];
const module = new ModuleWriter();
module.importMemory("host", "memory", 1);
const fn = module.addFunction({ parameters: [], results: [] }, (code) => {
  const sums = Array.from({ length: 12 }, () => code.local("v128"));
  const [a, b] = [code.local("v128"), code.local("v128")];
  code.i32(0).memory("v128.load", 0).set(a);
  code.i32(0).memory("v128.load", 16).set(b);
  code.loop(code.local("i32"), { from: 0, to: turns }, () => {
    for (let i = 0; i < each; i++) {
      for (const sum of sums) code.get(a).get(b).get(sum).vector("f32x4.relaxed_madd").set(sum);
    }
  });
  for (const sum of sums) code.i32(0).get(sum).memory("v128.store", 64);
});
module.exportFunction("run", fn);
const memory = new WebAssembly.Memory({ initial: 1 });
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { host: { memory } });
const rates = Array.from({ length: 15 }, () => {
  const start = performance.now();
  (exports.run as () => void)();
  return turns * each * 12 * 4 * 2 / (performance.now() - start) / 1e6;
});
console.log(`${rates.toSorted((x, y) => x - y)[7]!.toFixed(1)} GFLOP/s`);
