// What do the outputs after those of the program say? How far implicit loops have come, and whether an integer was outside.
import type { SolveReport } from "../autodiff/lower_solves.ts";
import type { HostArray } from "../ir/types.ts";
import type { ImplicitReport } from "./results.ts";

/** A loop has arrived when no more than this part is left of its way to a solution. */
const arrivedLeft = 1e-3;

/** What the outputs after those of the program say. */
export function implicitReports(reports: readonly SolveReport[], values: readonly HostArray[]): ImplicitReport[] {
  const loops = [...new Set(reports.flatMap((r) => r.what === "outside" ? [] : [r.label]))];
  return loops.map((loop) => {
    const at = (what: SolveReport["what"]) => values[reports.findIndex((r) => r.label === loop && r.what === what)];
    const left = at("left")!.data[0]!;
    return {
      loop,
      residual: at("residual")?.data[0] ?? NaN,
      equation: reports.find((r) => r.label === loop && r.equation)!.equation!,
      gradientNorm: at("reached")!.data[0]!,
      startNorm: at("started")!.data[0]!,
      left,
      arrived: left <= arrivedLeft,
    };
  });
}

/** True when the outputs after those of the program say that an integer is outside its range. */
export function isOutside(reports: readonly SolveReport[], values: readonly HostArray[]): boolean {
  const position = reports.findIndex((r) => r.what === "outside");
  return position >= 0 && values[position]!.data[0] !== 0;
}
