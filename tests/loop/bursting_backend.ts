// How does a backend look whose calls make many meta-steps? The reference, with loops that go on by themselves.
import type { Backend, Burst, DeviceLoop, LoopWiring } from "../../runtime/backend/interface.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { copyOf, type HostArray, type IrFunction } from "../../runtime/ir/types.ts";

/** The reference, with up to `most` steps in a call; `counts` is how many each call was asked for. */
export function burstingBackend(most: number): Backend & { readonly counts: number[] } {
  const counts: number[] = [];
  return { ...referenceBackend, counts, openLoop: (fn, wiring) => openLoop(fn, wiring, { most, counts }) };
}

function openLoop(
  fn: IrFunction,
  { feed, counter, series, watched }: LoopWiring,
  { most, counts }: { readonly most: number; readonly counts: number[] },
): DeviceLoop {
  const executable = referenceBackend.compile(fn);
  let held: (HostArray | undefined)[] = fn.inputs.map(() => undefined);
  const filled = (step: number): HostArray[] =>
    held.map((value, i) => i === counter ? { dtype: "i32", shape: [], data: Int32Array.of(step) } : value!);
  const values = fn.inputs.map(({ dtype, shape }, i): HostArray | undefined =>
    i === counter ? undefined : {
      dtype,
      shape,
      // read when it is asked for
      get data() {
        return held[i]!.data;
      },
    }
  );
  return {
    most,
    values,
    set: (input, array) => void (held[input] = copyOf(array)),
    run(first, count): Burst {
      counts.push(count);
      const before = held;
      const rows: number[] = [];
      let outputs: readonly HostArray[] = [];
      let [steps, finite] = [0, true];
      for (; steps < count && finite; steps++) {
        if (steps > 0) held = afterStep(held, outputs, feed);
        outputs = executable.run(filled(first + steps));
        rows.push(...series.map((i) => outputs[i]!.data[0]!));
        finite = watched.every((i) => Array.from<number>(outputs[i]!.data).every(Number.isFinite));
      }
      const made = afterStep(held, outputs, feed);
      held = before;
      return {
        steps,
        finite,
        series: rows,
        ends: new Map(outputs.flatMap((array, i) => series.includes(i) ? [] : [[i, array] as const])),
        accept: () => void (held = made),
        drop: () => void (held = before),
      };
    },
    dispose: () => executable.dispose(),
  };
}

function afterStep(
  held: readonly (HostArray | undefined)[],
  outputs: readonly HostArray[],
  feed: ReadonlyMap<number, number>,
): (HostArray | undefined)[] {
  const next = [...held];
  for (const [output, input] of feed) next[input] = outputs[output]!;
  return next;
}
