// How do meta-steps run on a backend whose calls cost more than they may? Many in one call, with only their numbers handed back; the
// parameters stay where they are, and are read when somebody looks at them.
import type { Backend, Burst } from "../backend/interface.ts";
import type { HostArray } from "../ir/types.ts";
import { changes, fill, type SlotValues } from "./slots.ts";
import { implicitReports, isOutside } from "./implicit_reports.ts";
import { type OpenLoop, type StepWiring } from "./step_loop.ts";
import type { PlannedFunction } from "./memory.ts";
import { allFinite } from "./non_finite.ts";
import { outsideError } from "./outside.ts";
import type { ProgramFunction } from "../program/program.ts";

/** A loop that holds memory of its own. */
export interface DeviceStepLoop extends OpenLoop {
  dispose(): void;
}

/** Opens a planned function as a loop of the backend. */
export function openDeviceLoop(
  backend: Backend,
  { fn, reports }: PlannedFunction,
  { inputs: slots, fn: written }: ProgramFunction,
  values: SlotValues,
  { feed, watched, numbers }: StepWiring,
): DeviceStepLoop {
  const said = fn.outputs.map((_, i) => i).slice(fn.outputs.length - reports.length);
  const series = [...Array(numbers).keys(), ...said];
  const counter = slots.findIndex((slot) => slot.kind === "step");
  const outside = said.filter((_, i) => reports[i]!.what === "outside");
  const loop = backend.openLoop!(fn, {
    feed,
    counter: counter < 0 ? undefined : counter,
    series,
    watched: [...Array(watched).keys(), ...outside],
  });
  slots.forEach((slot, i) => i !== counter && loop.set(i, fill(slot, values)));
  // what the host makes for every meta-step is handed over before it
  const handed = slots.flatMap((slot, i) => changes(slot) && slot.kind !== "step" ? [{ slot, i }] : []);
  let last: Burst | undefined;
  const scalar = (value: number): HostArray => ({ dtype: "f32", shape: [], data: Float32Array.of(value) });
  return {
    inputs: loop.values,
    most: handed.length > 0 ? 1 : loop.most,
    run(now, count) {
      last?.drop();
      for (const { slot, i } of handed) loop.set(i, fill(slot, now));
      last = loop.run(now.step, count);
      while (!last.finite && last.steps > 1) {
        // the steps before the one that went wrong, again: what they started from is still there
        const fine = last.steps - 1;
        last.drop();
        last = loop.run(now.step, fine);
      }
      const { steps, finite, ends, series: rows } = last;
      const row = (k: number) => series.map((_, j) => rows[k * series.length + j]!);
      const each = Array.from({ length: steps }, (_, k) => {
        const values = row(k);
        const implicit = implicitReports(reports, values.slice(numbers).map(scalar));
        return { numbers: values.slice(0, numbers), implicit };
      });
      const ending = row(steps - 1);
      if (!finite && isOutside(reports, ending.slice(numbers).map(scalar))) {
        throw outsideError(written, slots.map((slot, i) => loop.values[i] ?? fill(slot, now)), backend);
      }
      const outputs = fn.outputs.map((_, i) => ends.get(i) ?? scalar(ending[series.indexOf(i)]!));
      const bad = finite ? -1 : outputs.slice(0, watched).findIndex((x) => !allFinite(x));
      return { each, outputs, bad: bad < 0 ? undefined : bad };
    },
    accept() {
      last?.accept();
      last = undefined;
    },
    dispose() {
      last?.drop();
      loop.dispose();
    },
  };
}
