// What does a function of a program come to, before anything runs? Asked while the program is compiled, which knows neither
// derivative rules nor backends: its text with the derivatives written out, and what it gives for numbers at hand.
import { expandGradients } from "../autodiff/expand_gradients.ts";
import type { Executable } from "../backend/interface.ts";
import { referenceBackend } from "../backend/reference/index.ts";
import { printFunction } from "../ir/print.ts";
import type { IrFunction } from "../ir/types.ts";

/** The text of a function as it is planned: without `gradient` requests. */
export function printExpanded(fn: IrFunction): string {
  return printFunction(expandGradients(fn));
}

/** A function that can be tried on numbers, without its checks of integers. To be disposed of. */
export function openPreview(fn: IrFunction): Executable {
  return referenceBackend.compile(expandGradients(fn));
}
