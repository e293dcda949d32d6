// What is known of a value while nests are made? Cores: arrays without axes of size 1 that may not lie anywhere yet, because
// whoever needs them may compute them on the way.
import { type DType, type Elementwise, type Origin, sizeOf } from "../../ir/types.ts";
import type { FrameBuilder } from "./build.ts";
import type { Access, Buffer, Loop, Nest, View } from "./types.ts";
import { wholeView } from "./views.ts";

/** Pairs of factors whose products are summed: their accesses along the axes of the output, then the summed ones. */
export interface Contraction {
  readonly pairs: readonly (readonly [Access, Access])[];
  readonly summed: readonly number[];
  /** Axes of the output, outermost first, as they should lie in memory. */
  readonly layout: readonly number[];
}

/** Rows of a table, by an index for each. */
export interface Gathered {
  readonly kind: "gather";
  readonly table: Core;
  readonly index: Core;
  /** The axis of the table that the index goes along (-1: it has size 1), and how many rows there are. */
  readonly axis: number;
  readonly rows: number;
  /** For each axis, the one of the table and the one of the index that it is; -1: none. */
  readonly along: readonly { readonly table: number; readonly index: number }[];
  /** A row is so short that whatever reads one reads it where it lies; of long ones only what alone reads them does. */
  readonly isShort: boolean;
  /** Has the rows copied to a place, row-major; the node that does. */
  readonly copy: (to: View) => number;
}

/** What a core is: one value for all entries, an array that lies somewhere already, or how it is computed from others. */
export type Definition =
  | { readonly kind: "uniform"; readonly value: number }
  | ({ readonly kind: "given" } & Made)
  | { readonly kind: "scalar"; readonly op: Elementwise; readonly inputs: readonly Core[]; readonly exponent?: number }
  | { readonly kind: "index"; readonly axis: number }
  | {
    readonly kind: "reduce";
    readonly op: "sum" | "max";
    readonly input: Core;
    readonly axes: readonly number[];
    readonly inOrder?: boolean;
  }
  | { readonly kind: "contract"; readonly contraction: Contraction }
  | Gathered
  /** Another way to read `sources`: `make` has them lie somewhere and gives the view. */
  | { readonly kind: "move"; readonly sources: readonly Core[]; readonly make: () => Made };

/** A view, and the node that it is there after if that is another than the sources'. */
export interface Made {
  readonly view: View;
  readonly ready?: number;
}

/** A nest while it is made. */
export interface OpenNest {
  readonly nest: Nest;
  /** Position among the nodes of its frame. */
  readonly order: number;
  /** Axes of the nest that are the axes of what is left after reductions, in order. */
  parallel: number[];
  /** The same for values of every point; undefined when they have no order of their own. */
  full: number[] | undefined;
  /** Computes nothing else. */
  closed: boolean;
  readonly loaded: Map<Core, number>;
  readonly uniforms: Map<string, number>;
  /** Scalar expressions by what they are of. */
  readonly computed: Map<string, number>;
}

/** A place among the steps of a stack. Its axes lie as who fills it would have them without a stack, so that what is summed of it
 *  is summed in the same order whether it is kept or computed again. */
export class Slot {
  readonly #buffer: Buffer;
  readonly #sizes: readonly number[];
  readonly #loop: Loop;
  #order: readonly number[] | undefined;

  constructor(buffer: Buffer, sizes: readonly number[], loop: Loop) {
    this.#buffer = buffer;
    this.#sizes = sizes;
    this.#loop = loop;
  }

  /** That of the present step; in this order of axes if none is settled yet, row-major when not given. */
  view(order?: readonly number[]): View {
    this.#order ??= order ?? this.#sizes.map((_, axis) => axis);
    const terms = this.#loop.length === 1 ? [] : [{ loop: this.#loop, step: sizeOf(this.#sizes) }];
    return { ...wholeView(this.#buffer, this.#sizes, this.#order), terms };
  }

  /** All steps. */
  get whole(): View {
    const one = this.view();
    if (this.#loop.length === 1) return one;
    const steps = [sizeOf(this.#sizes), ...one.steps];
    return { ...one, steps, terms: [], shape: [this.#loop.length, ...one.shape] };
  }
}

/** Where a core lies, and the node of its owner's frame that has written it; -1: there from the start. */
export interface Placed {
  readonly view: View;
  readonly ready: number;
}

/** The nest that computes a core, and which of its values it is. */
export interface Computed {
  readonly open: OpenNest;
  readonly id: number;
}

/** An array to be computed. */
export class Core {
  readonly owner: FrameBuilder;
  readonly dtype: DType;
  /** No axis has size 1. */
  readonly sizes: readonly number[];
  readonly origin: Origin | undefined;
  readonly definition: Definition;
  /** Set once it lies somewhere. */
  placed: Placed | undefined;
  /** Set once a nest computes it. */
  computed: Computed | undefined;
  /** Where it should lie. */
  target: Slot | undefined;
  /** Must lie row-major. */
  rowMajor = false;
  /** A single equation reads it. */
  readOnce = false;
  /** Scalar expressions that read it and are not computed yet. */
  readonly users: Core[] = [];
  /** Copies with the axes in another order in memory, and whose they are. */
  readonly packs: { readonly key: string; readonly builder: FrameBuilder; readonly view: View }[] = [];
  /** Expressions on the way to something that is computed already. */
  depth = 0;

  constructor(
    owner: FrameBuilder,
    type: { readonly dtype: DType; readonly sizes: readonly number[] },
    definition: Definition,
    origin?: Origin,
  ) {
    this.owner = owner;
    this.dtype = type.dtype;
    this.sizes = type.sizes;
    this.definition = definition;
    this.origin = origin;
    if (definition.kind === "given") this.placed = { view: definition.view, ready: definition.ready ?? -1 };
    const e = definition;
    let depth = 0;
    if (e.kind === "scalar") {
      for (const input of e.inputs) {
        depth = Math.max(depth, input.depth + 1);
        if (input.owner === owner && input.uniform === undefined) input.users.push(this);
      }
    } else if (e.kind === "move") { for (const source of e.sources) depth = Math.max(depth, source.depth + 1); }
    else if (e.kind === "reduce") depth = e.input.depth + 1;
    this.depth = depth;
  }

  /** The value of all entries, where they have one. */
  get uniform(): number | undefined {
    return this.definition.kind === "uniform" ? this.definition.value : undefined;
  }

  /** Not computed by anything yet. */
  get floating(): boolean {
    return this.placed === undefined && this.computed === undefined && this.definition.kind !== "uniform";
  }
}
