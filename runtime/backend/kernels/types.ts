// What is a program made of when loops have been chosen? Frames of nodes that run one after the other: fused loop nests over
// affine indices, loops around frames, and a few routines. `wasm` emits it; nothing here is particular to WebAssembly.
import type { DType, Elementwise, Origin, Shape } from "../../ir/types.ts";

/** A stretch of memory that holds one array, or all steps of one. */
export interface Buffer {
  readonly id: number;
  readonly dtype: DType;
  readonly entries: number;
  /** The frame in whose region it lies. */
  readonly frame: Frame;
  /** It has its bytes where another one has them (a loop's carry, updated in place). */
  home?: Buffer;
  /** Bytes from the start of its frame's region, or of a memory of data; set by the plan. */
  offset: number;
  /** The memory of data that it lies in, from 1; that of the function when not given. Set by the plan. */
  memory?: number | undefined;
  /** Values that are the same in every run. */
  readonly values?: ArrayLike<number>;
}

/** A multiple of the step of a loop around. */
export interface LoopTerm {
  readonly loop: Loop;
  /** Entries for each step. */
  readonly step: number;
}

/** Which entries of a buffer: offset + the sum over axes of index times step, in entries. */
export interface Access {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly steps: readonly number[];
  readonly terms: readonly LoopTerm[];
}

/** An array that lies in memory: an access for each axis of its shape. */
export interface View extends Access {
  readonly shape: Shape;
}

/** Which row of an array is read: the value of the nest that says it. A row outside reads 0. */
export interface Row {
  readonly index: number;
  /** Entries from one row to the next. */
  readonly step: number;
  /** How many there are. */
  readonly size: number;
}

/** One value for each point of a nest; values are named by their position in the nest. */
export type Value =
  /** With a row: at `access`, which is that of row 0, and as many steps further as the row says. */
  | { readonly op: "load"; readonly dtype: DType; readonly access: Access; readonly row?: Row }
  | { readonly op: "uniform"; readonly dtype: DType; readonly value: number }
  /** The index along an axis of the nest. */
  | { readonly op: "index"; readonly dtype: DType; readonly axis: number }
  /** Over the reduced axes of the nest, of a value of every point. `inOrder`: one after the other. `unrounded`: the sum of a
   *  contraction, whose products are never kept and may be added without having been rounded. Products of other sums may be kept
   *  by one plan and made again by another, so they are always rounded. */
  | {
    readonly op: "reduce";
    readonly dtype: DType;
    readonly kind: "sum" | "max";
    readonly input: number;
    readonly inOrder: boolean;
    readonly unrounded: boolean;
  }
  | {
    readonly op: Elementwise;
    readonly dtype: DType;
    readonly inputs: readonly number[];
    /** Of `integer_pow`. */
    readonly exponent?: number;
  };

/** Loops over an index space in any order: values of every point, sums over the reduced axes, values of what is left. */
export interface Nest {
  readonly kind: "nest";
  /** None has size 1. */
  readonly axes: { readonly size: number; reduced: boolean }[];
  readonly values: Value[];
  readonly stores: { readonly value: number; readonly access: Access }[];
  /** Axes from the outermost to the innermost in memory, if what it makes should lie so. */
  layout?: readonly number[];
  /** It has sums of products whose factors are read again and again: a tile of them is kept in registers. */
  contraction: boolean;
  readonly origin: Origin | undefined;
}

/** `for step in 0 .. length`, or backwards, around a frame. Steps of a `map` do not depend on each other. */
export interface Loop {
  readonly kind: "loop";
  readonly op: "scan" | "map";
  readonly length: number;
  readonly reverse: boolean;
  readonly body: Frame;
  readonly origin: Origin | undefined;
}

/** What is not a nest of loops over affine indices. Arrays are row-major. */
export type Routine =
  & {
    readonly kind: "routine";
    readonly inputs: readonly View[];
    readonly output: View;
    /** Memory that it needs while it runs. */
    readonly scratch?: Buffer;
    readonly origin: Origin | undefined;
  }
  & (
    /** Philox words: (key [batches, 2], counter [batches, 3]) -> [batches, count]. */
    | { readonly op: "random_bits"; readonly batches: number; readonly count: number }
    /** (operand [b, p, n, q], indices [b, i]) -> [b, p, i, q], where rows are copied and not computed with. */
    | { readonly op: "gather"; readonly extents: Extents }
    /** (updates [b, p, i, q], indices [b, i]) -> [b, p, n, q]. */
    | { readonly op: "scatter_add"; readonly extents: Extents }
    /** x [outer, length, inner] -> [outer, inner]. */
    | { readonly op: "argmax"; readonly outer: number; readonly length: number; readonly inner: number }
    /** (a [batches, n, n], b [batches, n, k]) -> x [batches, n, k]. */
    | { readonly op: "solve"; readonly batches: number; readonly n: number; readonly k: number }
  );

/** Sizes of indexed movement, each group of axes taken as one. */
export interface Extents {
  readonly batches: number;
  readonly before: number;
  readonly axis: number;
  readonly indices: number;
  readonly after: number;
}

/** Something that runs. */
export type Node = Nest | Loop | Routine;

/** A function, or the body of a loop. */
export interface Frame {
  readonly name: string;
  readonly parent: Frame | undefined;
  readonly nodes: Node[];
  /** Everything that lies in its region. */
  readonly buffers: Buffer[];
  /** Bytes of the region, set by the plan. */
  bytes: number;
  /** Where the region starts in the parent's, set by the plan. */
  base: number;
}

/** A whole function. */
export interface KernelProgram {
  readonly root: Frame;
  /** By position; undefined for an input that nothing reads. */
  readonly inputs: readonly (View | undefined)[];
  readonly outputs: readonly View[];
  /** Buffers with values, kept from run to run. */
  readonly constants: readonly Buffer[];
}
