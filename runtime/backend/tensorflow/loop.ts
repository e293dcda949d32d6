// How do many meta-steps run in one call? A loop in the graph around the step: what the step makes becomes what it is given, and only
// a few numbers of every step are handed back. It ends early after a step whose numbers are not finite.
import { allocate, type ArrayType, type HostArray, type IrFunction } from "../../ir/types.ts";
import type { Burst, DeviceLoop, LoopWiring } from "../interface.ts";
import { FunctionGraph, handedOver, Library, type TfType } from "./graph.ts";
import { lowerBody } from "./lower.ts";
import { Model } from "./model.ts";
import { Operations } from "./operations.ts";
import type { Tensor, TensorFlow } from "./package.ts";

/** Meta-steps in one call, at most. */
const mostSteps = 1024;

interface Wires extends LoopWiring {
  /** Outputs that are handed back at the end: those that are fed, then the others that are no series. */
  readonly ends: readonly number[];
}

const scalarType: ArrayType = { dtype: "i32", shape: [] };

/** Inputs: the number of steps, the first step's number, the inputs of the function (but for the counter).
 *  Outputs: steps that were run, whether all was finite, the series [most, n], the ends. */
function writeLoop(fn: IrFunction, wires: Wires, compiled: boolean) {
  const { feed, counter, series, watched, ends } = wires;
  const library = new Library(compiled);
  const given = fn.inputs.flatMap((_, i) => i === counter ? [] : [i]);
  const loose = ends.filter((output) => !feed.has(output));
  const whole = new FunctionGraph(
    library,
    [scalarType, scalarType, ...given.map((i) => fn.inputs[i]!)].map(handedOver),
  );
  const t = new Operations(whole);
  const [count, first, ...packed] = whole.inputs;
  const inputs = packed.map((x, p) => t.unpacked(x, fn.inputs[given[p]!]!));
  const state = [
    t.integer(0),
    t.fill(1, "bool", []),
    count!,
    first!,
    t.newList("f32", [series.length], mostSteps),
    ...inputs,
    ...loose.map((output) => t.fill(0, fn.outputs[output]!.dtype as TfType, fn.outputs[output]!.shape)),
  ];

  const condition = new FunctionGraph(library, state);
  const c = new Operations(condition);
  const [at, fine, end] = condition.inputs;
  const more = condition.finish("more", [c.logical("LogicalAnd", fine!, c.compare("Less", at!, end!))]);

  const step = new FunctionGraph(library, state);
  const s = new Operations(step);
  const [k, , n, start, rows, ...values] = step.inputs;
  const results = lowerBody(
    step,
    fn,
    fn.inputs.map((_, i) => {
      return i === counter ? s.binary("AddV2", start!, k!) : values[given.indexOf(i)]!;
    }),
  );
  const finite = watched.map((output) => s.all(s.isFinite(results[output]!)))
    .reduce((a, b) => s.logical("LogicalAnd", a, b));
  const row = s.concat(series.map((output) => s.reshape(results[output]!, [1])), 0);
  const source = new Map([...feed].map(([output, input]) => [input, output]));
  const next = step.finish(fn.name, [
    s.binary("AddV2", k!, s.integer(1)),
    finite,
    n!,
    start!,
    s.setItem(rows!, k!, row),
    ...given.map((i, p) => source.has(i) ? results[source.get(i)!]! : values[p]!),
    ...loose.map((output) => results[output]!),
  ]);
  const after = t.loop(more, next, state);
  const inputAt = (i: number) => after[5 + given.indexOf(i)]!;
  const outputs = [
    after[0]!,
    after[1]!,
    t.stack(after[4]!, "f32", mostSteps),
    ...ends.map((output) =>
      feed.has(output) ? inputAt(feed.get(output)!) : after[5 + given.length + loose.indexOf(output)]!
    ),
  ];
  const name = whole.finish(`${fn.name}_loop`, outputs);
  const signature = {
    name: fn.name,
    inputs: [scalarType, scalarType, ...given.map((i) => fn.inputs[i]!)],
    outputs: [
      scalarType,
      { dtype: "bool", shape: [] } as const,
      { dtype: "f32", shape: [mostSteps, series.length] } as const,
      ...ends.map((o) => fn.outputs[o]!),
    ],
  };
  return { given, signature, bytes: library.savedModel(name, signature) };
}

/** Opens a function as a loop. */
export function openLoop(tf: TensorFlow, fn: IrFunction, wiring: LoopWiring, compiled: boolean): DeviceLoop {
  const fed = [...wiring.feed.keys()];
  const others = fn.outputs.flatMap((_, i) => wiring.feed.has(i) || wiring.series.includes(i) ? [] : [i]);
  const ends = [...fed, ...others];
  const { given, signature, bytes } = writeLoop(fn, { ...wiring, ends }, compiled);
  const model = new Model(tf, signature, bytes);
  const present = new Map<number, Tensor>();
  const versions = new Map<number, number>();

  const replace = (input: number, tensor: Tensor) => {
    present.get(input)?.dispose();
    present.set(input, tensor);
    versions.set(input, (versions.get(input) ?? 0) + 1);
  };
  const host = (type: ArrayType, read: () => Tensor, version: () => number): HostArray => {
    let data = allocate(type.dtype, 0);
    let held = -1;
    return {
      dtype: type.dtype,
      shape: type.shape,
      get data() {
        if (held !== version()) [data, held] = [read().dataSync(), version()];
        return data;
      },
    };
  };
  return {
    most: mostSteps,
    set: (input, array) => replace(input, model.upload(array)),
    values: fn.inputs.map((type, i) =>
      i === wiring.counter ? undefined : host(type, () => present.get(i)!, () => versions.get(i) ?? 0)
    ),
    run(first, count): Burst {
      const numbers = [count, first].map((x) => model.upload({ ...scalarType, data: Int32Array.of(x) }));
      let made: readonly Tensor[];
      try {
        made = model.run([...numbers, ...given.map((i) => present.get(i)!)]);
      } finally {
        for (const x of numbers) x.dispose();
      }
      const [ran, fine, rows, ...last] = made;
      const steps = ran!.dataSync()[0]!;
      const series = rows!.dataSync() as Float32Array;
      const finite = fine!.dataSync()[0] === 1;
      for (const x of [ran!, fine!, rows!]) x.dispose();
      let open = true;
      return {
        steps,
        finite,
        series: series.subarray(0, steps * wiring.series.length),
        ends: new Map(ends.map((output, k) => [output, host(fn.outputs[output]!, () => last[k]!, () => 0)])),
        accept() {
          if (!open) return;
          open = false;
          last.forEach((tensor, k) => {
            const input = wiring.feed.get(ends[k]!);
            if (input === undefined) tensor.dispose();
            else replace(input, tensor);
          });
        },
        drop() {
          if (open) { for (const tensor of last) tensor.dispose(); }
          open = false;
        },
      };
    },
    dispose() {
      for (const tensor of present.values()) tensor.dispose();
      present.clear();
      model.dispose();
    },
  };
}
