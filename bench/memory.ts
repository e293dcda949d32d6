// What do budgets of memory cost? The `unroll` workload: a 1-40-40-1 tanh network on 100 points, T steps of SGD with a rate of
// its own for each, differentiated to the start and to every rate, in float32 on one thread of `wasm`. For each T and budget: the plan,
// its predicted bytes, the bytes of the memory that is made for it (whole pages), operations, and time against keeping everything, the two
// alternating.
//
//     deno run -A bench/memory.ts [LARGEST T]
import { compileProgram } from "../dsl/compile.ts";
import { makeWasmBackend } from "../runtime/backend/wasm/index.ts";
import { formatBytes } from "../runtime/bytes.ts";
import { MetaRuntimeError } from "../runtime/errors.ts";
import { allocate, type HostArray, sizeOf } from "../runtime/ir/types.ts";
import { planFunction, type PlannedFunction } from "../runtime/loop/memory.ts";

const largest = Number(Deno.args[0] ?? 10_000);
const backend = makeWasmBackend({ threads: 1 });
const budgets = [1e6, 10e6, 100e6, Infinity];

const source = (T: number) =>
  `edition 1
  data d {
    x : [100, 1] = [${Array.from({ length: 100 }, (_, i) => `[${(-5 + i / 10).toFixed(1)}]`).join(", ")}]
  }
  model net(x : [n, 1]) -> [n, 1] {
    use l1 = dense(40, init = normal(0, 0.3))  use l2 = dense(40, init = normal(0, 0.3))
    use l3 = dense(1, init = normal(0, 0.3))
    return x |> l1 |> tanh |> l2 |> tanh |> l3
  }
  inner fit { minimize mse(net(d.x), sin(d.x)) over net by sgd(lr = 0.01) for T = ${T} steps }
  override fit { lr = 0.01 per step }
  gradient mse(net@T(d.x), sin(d.x)) wrt net@0, fit.lr`;

interface Ready {
  readonly planned: PlannedFunction;
  readonly held: number;
  readonly run: () => number;
}

function prepare(T: number, budget: number): Ready {
  const { program } = compileProgram({
    root: { name: "unroll.meta", text: source(T) },
    readSource: () => undefined,
    readData: () => undefined,
  });
  const { fn, inputs } = program!.gradients[0]!.fn;
  const planned = planFunction(fn, backend, budget);
  const executable = backend.compile(planned.fn);
  const held = executable.memoryBytes;
  const values = fn.inputs.map(({ dtype, shape }, k): HostArray => {
    const slot = inputs[k]!;
    if (slot.kind === "data") return program!.data.get(slot.name)!;
    const data = allocate(dtype, sizeOf(shape));
    const rate = slot.kind === "leaf" && slot.name.startsWith("fit.lr");
    data.forEach((_, i) => data[i] = rate ? 0.01 : 0.3 * Math.sin(1.3 * i + k));
    return { dtype, shape, data };
  });
  return {
    planned,
    held,
    run: () => {
      const start = performance.now();
      executable.run(values);
      return performance.now() - start;
    },
  };
}

const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!;

console.log("| T | budget | plan | predicted | held | FLOPs | ms | time of keeping all |");
console.log("| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |");
for (const T of [10, 100, 1000, 10_000].filter((n) => n <= largest)) {
  const all = prepare(T, Infinity);
  all.run();
  for (const budget of budgets) {
    const budgetText = budget === Infinity ? "none" : formatBytes(budget);
    try {
      const own = budget === Infinity ? all : prepare(T, budget);
      const turns = T >= 10_000 ? 1 : T >= 1000 ? 3 : 9;
      const pairs = Array.from({ length: turns }, () => [own.run(), all.run()] as const);
      const { plan, bytes, flops } = own.planned.memory;
      const cells = [
        T,
        budgetText,
        plan,
        formatBytes(bytes),
        formatBytes(own.held),
        flops.toExponential(2),
        median(pairs.map(([a]) => a)).toFixed(1),
        median(pairs.map(([a, b]) => a / b)).toFixed(2),
      ];
      console.log(`| ${cells.join(" | ")} |`);
    } catch (error) {
      if (!(error instanceof MetaRuntimeError)) throw error;
      console.log(`| ${T} | ${budgetText} | refused: ${error.message.split(": ")[1]} | | | | | |`);
    }
  }
}
