// How is a function in the intermediate representation put together? Equation by equation, simplified while it is
// written: equal equations are shared, what is known is folded, what changes nothing is left out.
import {
  allocate,
  type ArrayType,
  type DType,
  type Equation,
  type GradientMode,
  type IrFunction,
  isFloat,
  type Origin,
  type PrimitiveName,
  type PrimitiveParameters,
  sameShape,
  type Shape,
  type TypedArray,
  type Variable,
} from "./types.ts";
import type { FloatRange } from "./float_range.ts";
import { noteRanges, rangeOf, setRange } from "./ranges.ts";
import { inferTypes } from "./shapes.ts";
import { computesSame, fillsSame, isShared, storedAs } from "./sharing.ts";
import { bytesOf, simplifyEquation } from "./simplify.ts";
import { specializeLoop } from "./specialize.ts";
import { InternalError } from "../errors.ts";
import { valueIn } from "./structured.ts";

let nextId = 0;

/** Equations that were written since a function was begun, and how many may be. */
const written = { count: 0, most: Infinity };

/** Does work that may write so many equations for each function that it begins, what is thrown away too: else throws
 *  TooManyEquations. */
export function writingAtMost<T>(equations: number, work: () => T): T {
  const before = { ...written };
  Object.assign(written, { count: 0, most: equations });
  try {
    return work();
  } finally {
    Object.assign(written, before);
  }
}

/** From here on equations count for another function. */
export function beginFunction(): void {
  written.count = 0;
}

/** Writes a function apart, which may be put in several times: its equations count where it is put in. */
export function writingApart<T>(work: () => T): T {
  const { count } = written;
  written.count = 0;
  try {
    return work();
  } finally {
    written.count = count;
  }
}

/** More equations than `writingAtMost` allows. */
export class TooManyEquations extends Error {
  /** What the last of them was written for. */
  readonly origin: Origin | undefined;
  constructor(origin: Origin | undefined) {
    super("Too many equations");
    this.origin = origin;
  }
}

/** A fresh variable of a type. */
export function newVariable(type: ArrayType, name?: string, range?: FloatRange): Variable {
  return { id: nextId++, dtype: type.dtype, shape: type.shape, name, range };
}

/** The body of a `map` being written. */
export interface MapScope {
  readonly body: Builder;
  /** The slice of a stacked array [length, ...] that belongs to one iteration. */
  slice(stacked: Variable): Variable;
  /** Ends the body; the outputs come back stacked [length, ...], in the enclosing function. */
  close(outputs: readonly Variable[]): readonly Variable[];
}

/** The body of a `scan` being written. */
export interface ScanScope {
  readonly body: Builder;
  carry(initial: Variable, name?: string): Variable;
  slice(stacked: Variable): Variable;
  /** `next` pairs with the calls of `carry`, in order. The first `still` steps are constants to every derivative: a loop
   *  of their own, through which nothing is differentiated. */
  close(next: readonly Variable[], outputs: readonly Variable[], still?: number): ClosedScan;
}

/** A scan that is written. */
export interface ClosedScan {
  readonly carry: readonly Variable[];
  readonly outputs: readonly Variable[];
  /** One step: (constants ..., carry ..., slices ...) -> (carry ..., outputs ...), and its constants and stacked inputs. */
  readonly body: IrFunction;
  readonly constants: readonly Variable[];
  readonly stacked: readonly Variable[];
}

/** A function being written whose reads of the enclosing functions become its first inputs. */
export interface ClosureScope {
  readonly body: Builder;
  /** An input of its own, after the captured ones. */
  input(type: ArrayType): Variable;
  /** The function, and the variables outside that it captured: its first inputs. */
  close(outputs: readonly Variable[]): { readonly fn: IrFunction; readonly captured: readonly Variable[] };
}

/** The body of a `gradient` request being written. */
export interface GradientScope {
  readonly body: Builder;
  /** The variable inside the body that stands for `outer`, with respect to which the gradient is taken. */
  wrt(outer: Variable): Variable;
  /** `outputs[0]` is the differentiated scalar. Gradients pair with the calls of `wrt`. Followed backwards unless said. */
  close(outputs: readonly Variable[], mode?: GradientMode): {
    readonly outputs: readonly Variable[];
    readonly gradients: readonly Variable[];
  };
}

/** What is known of a variable of a function that is being written. */
interface Known {
  /** The equation that assigned it, if one did. */
  readonly producer: Equation | undefined;
  /** The equations of which it is the last made of what they read. */
  readers: Equation[] | undefined;
}

/** Writes one function. A builder with a parent reads the parent's variables freely: each becomes a constant input of
 *  the body, once, when it is first used. */
export class Builder {
  readonly name: string;
  readonly #parent: Builder | undefined;
  readonly #known = new Map<Variable, Known>();
  /** Constants of one value by that value; what else reads nothing. */
  readonly #constants = new Map<number, Equation[]>();
  readonly #sources: Equation[] = [];
  readonly #equations: Equation[] = [];
  readonly #inputs: Variable[] = [];
  readonly #captured = new Map<Variable, Variable>();
  /** The origin given to the equations emitted from now on. */
  origin: Origin | undefined;

  constructor(name: string, parent?: Builder) {
    this.name = name;
    this.#parent = parent;
    this.origin = parent?.origin;
  }

  /** A new input that stands for another function's: it takes the same values. */
  inputLike(other: Variable): Variable {
    return this.input(other, other.name, other.range);
  }

  /** A new input of the function being written; `range`: what is known of its values. */
  input(type: ArrayType, name?: string, range?: FloatRange): Variable {
    const variable = newVariable(type, name, range);
    this.#inputs.push(variable);
    this.#known.set(variable, { producer: undefined, readers: undefined });
    return variable;
  }

  /** An input that goes through the entries of an array along its first axis. */
  #sliceInput(outer: Variable): Variable {
    const inner = this.input({ dtype: outer.dtype, shape: outer.shape.slice(1) }, outer.name);
    setRange(inner, rangeOf(outer));
    return inner;
  }

  /** What a body sees of a stacked array: bytes go in as they are, and are converted there. */
  #sliceAs(outer: Variable, body: Builder, stacked: Variable[], inputs: Variable[] = []): Variable {
    const bytes = bytesOf(this, outer);
    stacked.push(this.resolve(bytes ?? outer));
    const inner = body.#sliceInput(bytes ?? outer);
    inputs.push(inner);
    return bytes ? body.convert(inner, outer.dtype) : inner;
  }

  /** The equation of this function or of one around it that made a variable, seen through captures; undefined for inputs. */
  definition(variable: Variable): Equation | undefined {
    return this.#find(this.original(variable));
  }

  /** A variable as the outermost function knows it that it comes from as a constant. */
  original(variable: Variable): Variable {
    let found = variable;
    // deno-lint-ignore no-this-alias
    for (let b: Builder | undefined = this; b; b = b.#parent) {
      found = b.#captures.find(([, inner]) => inner === found)?.[0] ?? found;
    }
    return found;
  }

  /** The equation of this function that assigned a variable, if one did. */
  producer(variable: Variable): Equation | undefined {
    return this.#known.get(variable)?.producer;
  }

  /** The one value that fills a constant, seen through captures; undefined when it is not such a constant. */
  uniformValue(variable: Variable): number | undefined {
    const equation = this.#find(variable);
    if (equation?.op === "constant" && equation.params.data.length === 1) return equation.params.data[0];
    return undefined;
  }

  #find(variable: Variable): Equation | undefined {
    // deno-lint-ignore no-this-alias
    for (let b: Builder | undefined = this; b; b = b.#parent) {
      const equation = b.#known.get(variable)?.producer;
      if (equation) return equation;
    }
    return undefined;
  }

  /** The variable as this function sees it: itself, or a constant input that stands for an enclosing function's. */
  resolve(variable: Variable): Variable {
    if (this.#known.has(variable)) return variable;
    const already = this.#captured.get(variable);
    if (already) return already;
    if (!this.#parent) throw new InternalError(`Variable ${variable.id} is not defined in ${this.name}`);
    const outer = this.#parent.resolve(variable);
    // A variable of a function further out may already be here under the parent's name for it
    const alias = this.#captured.get(outer);
    if (alias) return alias;
    const equation = this.#parent.producer(outer);
    let inner: Variable;
    if (equation?.op === "constant" && equation.params.data.length === 1) {
      inner = this.emit("constant", [], equation.params)[0]!;
    } else {
      inner = newVariable(outer, outer.name);
      setRange(inner, rangeOf(outer));
      this.#known.set(inner, { producer: undefined, readers: undefined });
      this.#captures.push([outer, inner]);
    }
    this.#captured.set(variable, inner).set(outer, inner);
    return inner;
  }

  readonly #captures: (readonly [Variable, Variable])[] = [];

  /** Writes one equation and returns its outputs; equal equations are written once. */
  emit<P extends PrimitiveName>(
    op: P,
    inputs: readonly Variable[],
    params: PrimitiveParameters[P],
  ): readonly Variable[] {
    const resolved = inputs.every((x) => this.#known.has(x)) ? inputs : inputs.map((x) => this.resolve(x));
    const types = inferTypes(op, resolved, params);
    const simpler = simplifyEquation(this, op, resolved, params, types);
    if (simpler) return simpler;
    if (op === "scan" || op === "map") {
      const leaner = specializeLoop(this, resolved, params as PrimitiveParameters["scan" | "map"]);
      if (leaner) return this.emit(op, leaner.inputs, leaner.params as PrimitiveParameters[P]);
    }
    const alike = isShared(op, params) ? this.#alike(op, resolved, params) : undefined;
    if (alike) {
      const wanted = { op, inputs: resolved, params, origin: this.origin };
      for (const known of alike) if (computesSame(known, wanted)) return known.outputs;
    }
    if (++written.count > written.most) throw new TooManyEquations(this.origin);
    const outputs = types.map((type) => newVariable(type));
    noteRanges(op, resolved, params, outputs);
    const equation = { op, inputs: resolved, outputs, params, origin: this.origin } as unknown as Equation;
    this.#equations.push(equation);
    for (const output of outputs) this.#known.set(output, { producer: equation, readers: undefined });
    alike?.push(equation);
    return outputs;
  }

  #filledWith(value: number): Equation[] {
    const known = this.#constants.get(value) ?? [];
    if (known.length === 0) this.#constants.set(value, known);
    return known;
  }

  /** Among these is an equation that computes the same, if there is one. */
  #alike(op: PrimitiveName, inputs: readonly Variable[], params: PrimitiveParameters[PrimitiveName]): Equation[] {
    if (op === "constant") return this.#filledWith((params as PrimitiveParameters["constant"]).data[0]!);
    if (inputs.length === 0) return this.#sources;
    // what was made last has the fewest readers
    let last = inputs[0]!;
    for (const x of inputs) if (x.id > last.id) last = x;
    return this.#known.get(last)!.readers ??= [];
  }

  /** `emit` for primitives with one output. */
  one<P extends PrimitiveName>(op: P, inputs: readonly Variable[], params: PrimitiveParameters[P]): Variable {
    return this.emit(op, inputs, params)[0]!;
  }

  /** An elementwise primitive without parameters. */
  apply(op: ParameterlessPrimitive, ...inputs: Variable[]): Variable {
    return this.one(op, inputs, none);
  }

  /** An array filled with one value. */
  fill(value: number, type: ArrayType): Variable {
    const stored = storedAs[type.dtype](value);
    const shared = this.#constants.get(stored)?.find((known) => fillsSame(known, stored, type));
    if (shared) return shared.outputs[0]!;
    const data = allocate(type.dtype, 1);
    data[0] = value;
    return this.one("constant", [], { type: { dtype: type.dtype, shape: type.shape }, data });
  }

  /** An array of literal values. */
  literal(data: TypedArray, type: ArrayType): Variable {
    return this.one("constant", [], { type: { dtype: type.dtype, shape: type.shape }, data });
  }

  /** NumPy broadcasting of one array to a shape (trailing axes line up). */
  broadcastTo(x: Variable, shape: Shape): Variable {
    const offset = shape.length - x.shape.length;
    return this.one("broadcast", [x], { shape, axes: x.shape.map((_, i) => i + offset) });
  }

  convert(x: Variable, dtype: DType): Variable {
    return this.one("convert", [x], { dtype });
  }

  reshape(x: Variable, shape: Shape): Variable {
    return this.one("reshape", [x], { shape });
  }

  /** Sum over the named axes, or over all of them. */
  sum(x: Variable, axes: readonly number[] = x.shape.map((_, i) => i)): Variable {
    return this.one("reduce_sum", [x], { axes });
  }

  /** Writes the equations of a closed function here, with its inputs replaced. Returns its outputs. */
  inline(fn: IrFunction, inputs: readonly Variable[]): readonly Variable[] {
    const environment = new Map<Variable, Variable>();
    fn.inputs.forEach((input, i) => environment.set(input, inputs[i]!));
    const read = (x: Variable) => valueIn(environment, x, fn);
    const origin = this.origin;
    for (const equation of fn.equations) {
      this.origin = equation.origin ?? origin;
      const outputs = this.emit(equation.op, equation.inputs.map(read), equation.params);
      equation.outputs.forEach((output, i) => environment.set(output, outputs[i]!));
    }
    this.origin = origin;
    return fn.outputs.map(read);
  }

  /** Opens the body of a `map` of `length` independent iterations. */
  openMap(name: string, length: number): MapScope {
    const body = new Builder(name, this);
    const stacked: Variable[] = [];
    return {
      body,
      slice: (outer) => this.#sliceAs(outer, body, stacked),
      close: (outputs) => {
        const [fn, captured] = body.#finishBody(outputs);
        return this.emit("map", [...captured, ...stacked], { body: fn, length, constants: captured.length });
      },
    };
  }

  /** Opens the body of a `scan` of `length` steps. */
  openScan(name: string, length: number, options: { readonly reverse?: boolean } = {}): ScanScope {
    const body = new Builder(name, this);
    const initial: Variable[] = [];
    const stacked: Variable[] = [];
    const carryInputs: Variable[] = [];
    const sliceInputs: Variable[] = [];
    return {
      body,
      carry: (outer, name = outer.name) => {
        initial.push(this.resolve(outer));
        const inner = body.input(outer, name);
        carryInputs.push(inner);
        return inner;
      },
      slice: (outer) => this.#sliceAs(outer, body, stacked, sliceInputs),
      close: (next, outputs, still = 0) => {
        body.#inputs.splice(0, body.#inputs.length, ...carryInputs, ...sliceInputs);
        const [fn, captured] = body.#finishBody([...next, ...outputs]);
        const run = (from: number, to: number, carry: readonly Variable[], constant: boolean) => {
          const cut = (x: Variable) => constant && isFloat(x.dtype) ? this.apply("stop_gradient", x) : x;
          const part = stacked.map((x) => from === 0 && to === length ? x : this.rows(x, from, to));
          return this.emit("scan", [...captured, ...carry, ...part].map(cut), {
            body: fn,
            length: to - from,
            constants: captured.length,
            carry: initial.length,
            reverse: options.reverse ?? false,
          });
        };
        const first = still > 0 ? run(0, still, initial, true) : undefined;
        const last = still < length || !first
          ? run(still, length, first?.slice(0, initial.length) ?? initial, false)
          : undefined;
        const results = last ?? first!;
        const records = first && last
          ? first.slice(initial.length).map((x, i) => this.one("concat", [x, last[initial.length + i]!], { axis: 0 }))
          : results.slice(initial.length);
        return { carry: results.slice(0, initial.length), outputs: records, body: fn, constants: captured, stacked };
      },
    };
  }

  /** Entries `from` .. `to` - 1 along the first axis. */
  rows(x: Variable, from: number, to: number): Variable {
    const rest = x.shape.slice(1);
    return this.one("slice", [x], {
      start: [from, ...rest.map(() => 0)],
      limit: [to, ...rest],
      stride: x.shape.map(() => 1),
    });
  }

  /** Entry `k` along the first axis, without that axis. */
  row(x: Variable, k: number): Variable {
    return this.reshape(this.rows(x, k, k + 1), x.shape.slice(1));
  }

  /** Opens a function that may read the enclosing ones. */
  openClosure(name: string): ClosureScope {
    const body = new Builder(name, this);
    return {
      body,
      input: (type) => body.input(type),
      close: (outputs) => {
        const [fn, captured] = body.#finishBody(outputs);
        return { fn, captured };
      },
    };
  }

  /** Opens the body of a `gradient` request. */
  openGradient(name: string): GradientScope {
    const body = new Builder(name, this);
    const outers: Variable[] = [];
    return {
      body,
      wrt: (outer) => {
        const resolved = this.resolve(outer);
        outers.push(resolved);
        return body.input(resolved, outer.name);
      },
      close: (outputs, mode = "reverse") => {
        const [fn, captured] = body.#finishBody(outputs);
        const wrt = outers.map((_, i) => captured.length + i);
        const results = this.emit("gradient", [...captured, ...outers], { body: fn, wrt, mode });
        return { outputs: results.slice(0, outputs.length), gradients: results.slice(outputs.length) };
      },
    };
  }

  #finishBody(outputs: readonly Variable[]): [IrFunction, Variable[]] {
    const resolved = outputs.map((x) => this.resolve(x));
    const fn: IrFunction = {
      name: this.name,
      inputs: [...this.#captures.map(([, inner]) => inner), ...this.#inputs],
      equations: this.#equations,
      outputs: resolved,
    };
    return [fn, this.#captures.map(([outer]) => outer)];
  }

  /** Ends a function that has no enclosing function. */
  finish(outputs: readonly Variable[]): IrFunction {
    if (this.#parent) throw new InternalError(`${this.name} is a body: close its scope`);
    return { name: this.name, inputs: this.#inputs, equations: this.#equations, outputs: [...outputs] };
  }
}

const none = {};

/** Primitives without parameters. */
export type ParameterlessPrimitive = {
  [P in PrimitiveName]: PrimitiveParameters[P] extends Record<never, never>
    ? Record<never, never> extends PrimitiveParameters[P] ? P : never
    : never;
}[PrimitiveName];

/** One function written by a callback that receives its inputs. */
export function buildFunction(
  name: string,
  inputs: readonly ArrayType[],
  write: (b: Builder, inputs: readonly Variable[]) => readonly Variable[],
): IrFunction {
  const b = new Builder(name);
  const variables = inputs.map((type) => b.input(type, (type as Variable).name));
  return b.finish(write(b, variables).map((x) => b.resolve(x)));
}

/** True when two types agree. */
export function sameType(a: ArrayType, b: ArrayType): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}
