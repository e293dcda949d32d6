// What must a backend do? Turn a function without `gradient` requests into something that can be called many times.
import type { DType, HostArray, IrFunction, TypedArray } from "../ir/types.ts";

/** A place where compiled functions run. */
export interface Backend {
  readonly name: string;
  /** The dtypes it computes in. */
  readonly dtypes: readonly DType[];
  /** Functions that need a larger arena are refused. */
  readonly memoryLimitBytes: number;
  /** Sums of float32 are made in float64 and rounded once. */
  readonly wideSums?: boolean;
  /** The bytes of the arena that a function would run in, on one thread; nothing is allocated. `apart`: inputs, by position, that are
   *  large data. Where those are read where they lie they do not count, whether or not the engine here can. */
  arenaBytes(fn: IrFunction, apart?: ReadonlySet<number>): number;
  /** What a function is compiled to, for people. */
  kernels?(fn: IrFunction): KernelText;
  /** Prepares a function; threads may take memory up to `budget`. With `pauses`, one whose calls may take long can run with them.
   *  Throws `MetaRuntimeError` when the function cannot be run here, and says why. */
  compile(fn: IrFunction, budget?: number, pauses?: Pauses, fixed?: FixedInputs): Executable;
  /** Opens a function for running many steps in one call, where calls cost more than they may. */
  openLoop?(fn: IrFunction, wiring: LoopWiring): DeviceLoop;
}

/** Arrays that inputs hold in every run, by position. Who runs the function gives them all the same; it may read them where they lie. */
export type FixedInputs = readonly (HostArray | undefined)[];

/** What a call that takes long asks now and then, so that signals, timers and callbacks are heard meanwhile. */
export interface Pauses {
  /** Is it time for one? Asked every `piece` milliseconds of work or so. */
  due(): boolean;
  /** Gives everything else a turn. Rejects where the call is to be given up. */
  pause(): Promise<void>;
  /** Calls that may take so many milliseconds are cut; */
  readonly long: number;
  /** into pieces of so many. */
  readonly piece: number;
}

/** How the steps of a loop hang together. Inputs and outputs are given by position. */
export interface LoopWiring {
  /** Outputs that become inputs of the next step. */
  readonly feed: ReadonlyMap<number, number>;
  /** The input, an i32 scalar, that is the number of the step. */
  readonly counter: number | undefined;
  /** Scalar outputs whose value is wanted of every step. */
  readonly series: readonly number[];
  /** Outputs that must be finite for the loop to go on. */
  readonly watched: readonly number[];
}

/** A function that runs many times in one call. What it works on stays with the backend. */
export interface DeviceLoop {
  /** Steps in one call, at most. */
  readonly most: number;
  /** Gives an input its value. */
  set(input: number, array: HostArray): void;
  /** What the inputs hold now, read when its data is asked for; the counter holds nothing. */
  readonly values: readonly (HostArray | undefined)[];
  /** Runs steps `first`, `first` + 1, …; `count` of them, or to the first with an output that is not finite. */
  run(first: number, count: number): Burst;
  dispose(): void;
}

/** What the steps of one call made. Either `accept` or `drop` ends it. */
export interface Burst {
  /** How many were run. */
  readonly steps: number;
  /** False when the last one made something that is not finite. */
  readonly finite: boolean;
  /** The series, step by step. */
  readonly series: ArrayLike<number>;
  /** Outputs of the last step that are no series, read when their data is asked for. */
  readonly ends: ReadonlyMap<number, HostArray>;
  /** The outputs become the inputs. */
  accept(): void;
  /** The inputs stay as they were. */
  drop(): void;
}

/** A prepared function. */
export interface Executable {
  /** Runs it. The inputs are only read; the outputs are new arrays that the caller may keep. */
  run(inputs: readonly HostArray[]): readonly HostArray[];
  /** The same with pauses, where it was compiled with some and a call may take long. Once it has rejected, what was prepared is of no
   *  use any more. */
  readonly runWithPauses?: ((inputs: readonly HostArray[]) => Promise<readonly HostArray[]>) | undefined;
  /** Its memory, for a caller that runs it again and again: an input keeps what is written into it, an output is there until
   *  the next run. An input that nothing reads is undefined, and one that is read where it lies. Backends that open loops need not have it. */
  readonly memory?: InPlace | undefined;
  /** Gives back what it holds. Calling it twice is harmless. */
  dispose(): void;
}

/** Where a prepared function reads and writes. */
export interface InPlace {
  readonly inputs: readonly (TypedArray | undefined)[];
  readonly outputs: readonly TypedArray[];
  /** Runs the function on what the inputs hold. */
  run(): void;
  /** As `Executable.runWithPauses`. The inputs stay as they are, also when it rejects. */
  readonly runWithPauses?: (() => Promise<void>) | undefined;
}

/** Kernels, for people.
 *
 *  @category Explain and verify */
export interface KernelText {
  /** A line: how many of each kind, from how many equations. */
  readonly summary: string;
  /** Every loop, what is computed in it, and where it lies in memory. */
  readonly text: string;
}
