// Do the arrays that a function is given have the types of its inputs?
import {
  formatType,
  type HostArray,
  type IrFunction,
  sameShape,
  sizeOf,
  storageClasses,
  type TypedArray,
} from "../ir/types.ts";
import { formatBytes } from "../bytes.ts";
import { MetaRuntimeError } from "../errors.ts";

/** What is thrown where a function is run that was given back. */
export const disposed = ({ name }: { readonly name: string }): TypeError =>
  new TypeError(`Cannot run ${name}: it was disposed of`);

/** Throws MetaRuntimeError for a function that needs more bytes than a backend may take; `why` says whose limit it is. */
export function checkMemory(fn: IrFunction, bytes: number, limit: number, why = ""): void {
  if (bytes <= limit) return;
  const needs = `it needs ${formatBytes(bytes)}, more than the limit of ${formatBytes(limit)}`;
  throw new MetaRuntimeError(`Cannot run ${fn.name}: ${needs}${why}`);
}

/** Throws TypeError or RangeError when the arrays do not fit the function's inputs. */
export function checkInputs(fn: IrFunction, inputs: readonly HostArray[]): void {
  if (inputs.length !== fn.inputs.length) {
    throw new TypeError(`Cannot run ${fn.name}: it takes ${fn.inputs.length} inputs, not ${inputs.length}`);
  }
  for (let i = 0; i < inputs.length; i++) checkInput(fn, i, inputs[i]!);
}

function checkInput(fn: IrFunction, i: number, given: HostArray): void {
  const wanted = fn.inputs[i]!;
  const complain = (problem: string) =>
    `Cannot run ${fn.name}: input ${i}${wanted.name === undefined ? "" : ` (${wanted.name})`} ${problem}`;
  if (given.dtype !== wanted.dtype) {
    throw new TypeError(complain(`has dtype ${given.dtype}, expected ${wanted.dtype}`));
  }
  if (!sameShape(given.shape, wanted.shape)) {
    throw new RangeError(complain(`is ${formatType(given)}, expected ${formatType(wanted)}`));
  }
  if (!(given.data instanceof storageClasses[wanted.dtype])) {
    throw new TypeError(
      complain(`is stored in ${(given.data as TypedArray).constructor.name}, not as ${wanted.dtype}`),
    );
  }
  if (given.data.length !== sizeOf(wanted.shape)) {
    throw new RangeError(complain(`has ${given.data.length} values, expected ${sizeOf(wanted.shape)}`));
  }
}
