// What must a backend do? Turn a function without `gradient` requests into something that can be called many times.
import type { DType, HostArray, IrFunction, TypedArray } from "../ir/types.ts";

/** A place where compiled functions run. */
export interface Backend {
  readonly name: string;
  /** The dtypes it computes in. */
  readonly dtypes: readonly DType[];
  /** Functions that need a larger arena are refused. */
  readonly memoryLimitBytes: number;
  /** The bytes of the arena that a function would run in, on one thread; nothing is allocated. */
  arenaBytes(fn: IrFunction): number;
  /** What a function is compiled to, for people. */
  kernels?(fn: IrFunction): KernelText;
  /** Prepares a function; threads may take memory up to `budget`. Throws `MetaRuntimeError` when the function cannot be run
   *  here, and says why. */
  compile(fn: IrFunction, budget?: number): Executable;
}

/** A prepared function. */
export interface Executable {
  /** Runs it. The inputs are only read; the outputs are new arrays that the caller may keep. */
  run(inputs: readonly HostArray[]): readonly HostArray[];
  /** Its memory, for a caller that runs it again and again: an input keeps what is written into it, an output is there until
   *  the next run. An input that nothing reads is undefined. */
  readonly memory: InPlace;
  /** Gives back what it holds. Calling it twice is harmless. */
  dispose(): void;
}

/** Where a prepared function reads and writes. */
export interface InPlace {
  readonly inputs: readonly (TypedArray | undefined)[];
  readonly outputs: readonly TypedArray[];
  /** Runs the function on what the inputs hold. */
  run(): void;
}

/** Kernels, for people. */
export interface KernelText {
  /** A line: how many of each kind, from how many equations. */
  readonly summary: string;
  /** Every loop, what is computed in it, and where it lies in memory. */
  readonly text: string;
}
