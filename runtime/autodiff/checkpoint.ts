// How does the backward pass of a long loop do with little memory? The forward loop keeps its carry at the start of every
// segment only; the backward loop goes segment by segment, runs the segment forward again, and then backward. Within a segment
// the same can be done once more: d levels need about d T^(1/(d+1)) carries and d more forward passes. The steps and their order
// stay what they were, so no bit of a result changes.
import { Builder } from "../ir/builder.ts";
import {
  bodyOf,
  entryBytes,
  type Equation,
  type EquationOf,
  type IrFunction,
  sizeOf,
  type Variable,
} from "../ir/types.ts";
import { sectionsOf } from "../ir/structured.ts";

type Scan = EquationOf<"scan">;

/** How loops are cut into segments. */
export interface CheckpointOptions {
  /** Segments within segments: 1 cuts a loop of T steps into about sqrt(T), 2 cuts those once more, and so on. */
  readonly levels: number;
  /** Each step of a segment keeps its carry only, as the residual policy `carry` does. */
  readonly carryOnly?: boolean;
}

/** Loops shorter than this are left alone. */
const shortest = 4;

/** The same function, in which loops that read what an earlier loop of the same length stacked for them get it from that loop
 *  run again, segment by segment. In bodies too. Leaves unread outputs for dead code removal. */
export function checkpointLoops(fn: IrFunction, options: CheckpointOptions): IrFunction {
  return new Checkpointing(options).deep(fn);
}

/** A backward loop and the forward loop whose stacks it reads. */
interface Pair {
  readonly maker: Scan;
  readonly loop: Scan;
  /** By position in the loop's stacked inputs: the maker's stacked output. */
  readonly behind: ReadonlyMap<number, number>;
  /** Steps of a segment, */
  readonly segment: number;
  /** and how many segments there are: what is left after them is kept as it was. */
  readonly count: number;
}

/** What a cut maker leaves for its loop. */
interface Kept {
  /** The carry at the start of every whole segment, [segments, ...]. */
  readonly checkpoints: readonly Variable[];
  /** The stacked outputs of the steps after the last whole segment. */
  readonly rest: readonly Variable[];
}

class Checkpointing {
  readonly #options: CheckpointOptions;
  readonly #done = new Map<IrFunction, IrFunction>();

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  deep(fn: IrFunction): IrFunction {
    const done = this.#done.get(fn);
    if (done) return done;
    const equations = fn.equations.map((equation) => {
      const body = bodyOf(equation);
      if (!body) return equation;
      return { ...equation, params: { ...equation.params, body: this.deep(body) } } as Equation;
    });
    const result = this.#cut({ ...fn, equations }, this.#options.levels);
    this.#done.set(fn, result);
    return result;
  }

  /** Cuts the loops of one function; bodies stay as they are. */
  #cut(fn: IrFunction, levels: number): IrFunction {
    const pairs = findPairs(fn, { ...this.#options, levels });
    if (pairs.length === 0) return fn;
    const b = new Builder(fn.name);
    const values = new Map<Variable, Variable>();
    for (const input of fn.inputs) values.set(input, b.input(input, input.name));
    const kept = new Map<Scan, Kept>();
    for (const equation of fn.equations) {
      b.origin = equation.origin;
      const inputs = equation.inputs.map((x) => values.get(x)!);
      const made = pairs.find((p) => p.maker === equation);
      const read = pairs.find((p) => p.loop === equation);
      const outputs = made
        ? writeMaker(b, made, inputs, readElsewhere(fn, made), (k) => kept.set(made.maker, k))
        : read
        ? this.#writeLoop(
          b,
          read,
          { inputs, makerInputs: read.maker.inputs.map((x) => values.get(x)!) },
          kept.get(read.maker)!,
          levels,
        )
        : b.emit(equation.op, inputs, equation.params);
      equation.outputs.forEach((output, i) => outputs[i] && values.set(output, outputs[i]));
    }
    return b.finish(fn.outputs.map((x) => values.get(x)!));
  }

  /** The backward loop: what is left over at the end of the forward loop, and the segments. */
  #writeLoop(
    b: Builder,
    pair: Pair,
    { inputs, makerInputs }: { readonly inputs: readonly Variable[]; readonly makerInputs: readonly Variable[] },
    kept: Kept,
    levels: number,
  ): readonly Variable[] {
    const { maker, loop, behind, segment, count } = pair;
    const ranges = rangesOf(maker, segment * count);
    const given = sectionsOf(loop.params, inputs);
    const made = sectionsOf(maker.params, makerInputs);
    const rest = (carry: readonly Variable[]): Part => {
      const stacked = given.stacked.map((x, i) => behind.has(i) ? kept.rest[behind.get(i)!]! : rows(b, x, ranges.rest));
      const params = { ...loop.params, length: ranges.restLength };
      return partOf(loop, b.emit("scan", [...given.constants, ...carry, ...stacked], params));
    };
    const whole = (carry: readonly Variable[]): Part => {
      const folded = (x: Variable) => fold(b, rows(b, x, ranges.whole), count, segment);
      const own = given.stacked.filter((_, i) => !behind.has(i));
      const outputs = b.emit("scan", [
        ...given.constants,
        ...made.constants,
        ...carry,
        ...kept.checkpoints,
        ...made.stacked.map(folded),
        ...own.map(folded),
      ], {
        body: this.#segment(pair, { given, made, carry, checkpoints: kept.checkpoints }, levels),
        length: count,
        constants: given.constants.length + made.constants.length,
        carry: carry.length,
        reverse: loop.params.reverse,
      });
      const part = partOf(loop, outputs);
      return { carry: part.carry, outputs: part.outputs.map((x) => unfold(b, x)) };
    };
    if (ranges.restLength === 0) {
      const only = whole(given.carry);
      return [...only.carry, ...only.outputs];
    }
    const restFirst = loop.params.reverse !== maker.params.reverse;
    const first = restFirst ? rest(given.carry) : whole(given.carry);
    const second = restFirst ? whole(first.carry) : rest(first.carry);
    const [atRest, atWhole] = restFirst ? [first, second] : [second, first];
    return [...second.carry, ...joinParts(b, maker, atWhole.outputs, atRest.outputs)];
  }

  /** One segment: the forward steps again from its checkpoint, then the backward ones that read what these make. */
  #segment(
    { maker, loop, behind, segment }: Pair,
    { given, made, carry, checkpoints }: {
      readonly given: Sections;
      readonly made: Sections;
      readonly carry: readonly Variable[];
      readonly checkpoints: readonly Variable[];
    },
    levels: number,
  ): IrFunction {
    const s = new Builder(`${loop.params.body.name} segment`);
    s.origin = loop.origin;
    const same = (x: Variable) => s.input(x, x.name);
    const slice = (x: Variable) => s.input({ dtype: x.dtype, shape: [segment, ...x.shape.slice(1)] }, x.name);
    const loopConstants = given.constants.map(same);
    const makerConstants = made.constants.map(same);
    const state = carry.map(same);
    const start = checkpoints.map((x) => s.input({ dtype: x.dtype, shape: x.shape.slice(1) }, x.name));
    const makerStacked = made.stacked.map(slice);
    const own = given.stacked.map((x, i) => behind.has(i) ? undefined : slice(x));
    const params = { ...maker.params, length: segment };
    const again = s.emit("scan", [...makerConstants, ...start, ...makerStacked], params);
    const stacked = own.map((x, i) => x ?? again[maker.params.carry + behind.get(i)!]!);
    const results = s.emit("scan", [...loopConstants, ...state, ...stacked], { ...loop.params, length: segment });
    const body = s.finish(results);
    return levels > 1 ? this.#cut(body, levels - 1) : body;
  }
}

type Sections = ReturnType<typeof sectionsOf<Variable>>;

interface Part {
  readonly carry: readonly Variable[];
  readonly outputs: readonly Variable[];
}

const partOf = ({ params }: Scan, outputs: readonly Variable[]): Part => ({
  carry: outputs.slice(0, params.carry),
  outputs: outputs.slice(params.carry),
});

const bytes = (list: readonly Variable[]) => list.reduce((n, x) => n + entryBytes[x.dtype] * sizeOf(x.shape), 0);

function findPairs(fn: IrFunction, options: CheckpointOptions): readonly Pair[] {
  const pairs: Pair[] = [];
  const makers = new Map<Variable, Scan>();
  const taken = new Set<Scan>();
  for (const equation of fn.equations) {
    if (equation.op !== "scan") continue;
    const { stacked } = sectionsOf(equation.params, equation.inputs);
    const candidates = new Map<Scan, Map<number, number>>();
    stacked.forEach((x, i) => {
      const maker = makers.get(x);
      if (!maker || taken.has(maker) || maker.params.length !== equation.params.length) return;
      const behind = candidates.get(maker) ?? new Map<number, number>();
      candidates.set(maker, behind.set(i, maker.outputs.indexOf(x) - maker.params.carry));
    });
    let best: Pair | undefined;
    let most = 0;
    for (const [maker, behind] of candidates) {
      const { length, carry } = maker.params;
      const records = [...behind.values()].map((k) => maker.params.body.outputs[carry + k]!);
      const state = maker.params.body.outputs.slice(0, carry);
      const { segment, count } = segments(length, bytes(state), bytes(records), options);
      if (bytes(records) <= most || segment < 2 || segment > length / 2) continue;
      best = { maker, loop: equation, behind, segment, count };
      most = bytes(records);
    }
    if (best) {
      pairs.push(best);
      taken.add(best.maker).add(equation);
    }
    equation.outputs.slice(equation.params.carry).forEach((x) => makers.set(x, equation));
  }
  return pairs;
}

/** Segments for which the kept carries and what one segment keeps come to the least; of those, with the fewest steps that are run
 *  again: what is left after the segments may be as long as one. */
function segments(
  steps: number,
  carry: number,
  records: number,
  { levels, carryOnly }: CheckpointOptions,
): Pick<Pair, "segment" | "count"> {
  if (steps < shortest) return { segment: 0, count: 0 };
  if (levels > 1) {
    const segment = Math.round(steps ** (levels / (levels + 1)));
    return { segment, count: Math.floor(steps / segment) };
  }
  const ratio = carryOnly ? 1 : carry / Math.max(1, records);
  const even = Math.max(1, Math.round(Math.sqrt(steps * Math.max(ratio, 1 / steps))));
  const lengths = Array.from({ length: Math.ceil(even / 2) + 1 }, (_, i) => even + i).filter((n) => n <= steps / 2);
  const choices = lengths.map((segment) => ({ segment, count: Math.ceil(steps / segment) - 1 }));
  const size = (c: typeof choices[0]) => c.count * ratio + c.segment;
  const least = Math.min(...choices.map(size));
  const again = (c: typeof choices[0]) => c.count * c.segment;
  const fewest = choices.filter((c) => size(c) === least).toSorted((a, b) => again(a) - again(b))[0];
  return fewest ?? { segment: 0, count: 0 };
}

/** The indices of the segments of so many steps, and of what is left after them in the direction of the forward loop. */
function rangesOf({ params: { length, reverse } }: Scan, steps: number) {
  const restLength = length - steps;
  const whole = reverse ? [restLength, length] as const : [0, steps] as const;
  const rest = reverse ? [0, restLength] as const : [steps, length] as const;
  return { whole, rest, restLength };
}

/** Which stacked outputs of the maker something else than its loop reads. */
function readElsewhere(fn: IrFunction, { maker, loop }: Pair): readonly boolean[] {
  const read = new Set(fn.outputs);
  for (const equation of fn.equations) {
    if (equation === loop) {
      const { constants, carry } = sectionsOf(loop.params, loop.inputs);
      for (const x of [...constants, ...carry]) read.add(x);
    } else for (const x of equation.inputs) read.add(x);
  }
  return maker.outputs.slice(maker.params.carry).map((x) => read.has(x));
}

/** The forward loop, keeping its carry at the start of every segment, and of its stacked outputs those that are read
 *  elsewhere. */
function writeMaker(
  b: Builder,
  { maker, segment, count }: Pair,
  inputs: readonly Variable[],
  wanted: readonly boolean[],
  keep: (kept: Kept) => void,
): readonly (Variable | undefined)[] {
  const { params } = maker;
  const { constants, carry, stacked } = sectionsOf(params, inputs);
  const { whole, rest, restLength } = rangesOf(maker, segment * count);
  const s = new Builder(`${params.body.name} segment`);
  s.origin = maker.origin;
  const inner = constants.map((x) => s.input(x, x.name));
  const state = carry.map((x) => s.input(x, x.name));
  const slices = stacked.map((x) => s.input({ dtype: x.dtype, shape: [segment, ...x.shape.slice(1)] }, x.name));
  const results = partOf(maker, s.emit("scan", [...inner, ...state, ...slices], { ...params, length: segment }));
  const body = s.finish([...results.carry, ...results.outputs.filter((_, i) => wanted[i]), ...state]);
  const outputs = b.emit("scan", [
    ...constants,
    ...carry,
    ...stacked.map((x) => fold(b, rows(b, x, whole), count, segment)),
  ], { body, length: count, constants: constants.length, carry: carry.length, reverse: params.reverse });
  const records = outputs.slice(carry.length, outputs.length - carry.length).map((x) => unfold(b, x));
  const checkpoints = outputs.slice(outputs.length - carry.length);
  const ends = outputs.slice(0, carry.length);
  if (restLength === 0) {
    keep({ checkpoints, rest: [] });
    let next = 0;
    return [...ends, ...wanted.map((flag) => flag ? records[next++] : undefined)];
  }
  const last = partOf(
    maker,
    b.emit("scan", [...constants, ...ends, ...stacked.map((x) => rows(b, x, rest))], { ...params, length: restLength }),
  );
  keep({ checkpoints, rest: last.outputs });
  const joined = joinParts(b, maker, records, last.outputs.filter((_, i) => wanted[i]));
  let next = 0;
  return [...last.carry, ...wanted.map((flag) => flag ? joined[next++] : undefined)];
}

/** Stacked outputs of the whole segments and of the rest, in the order of the steps. */
function joinParts(
  b: Builder,
  { params: { reverse } }: Scan,
  whole: readonly Variable[],
  rest: readonly Variable[],
): readonly Variable[] {
  return whole.map((x, i) => b.one("concat", reverse ? [rest[i]!, x] : [x, rest[i]!], { axis: 0 }));
}

const rows = (b: Builder, x: Variable, [from, to]: readonly [number, number]) => b.rows(x, from, to);

const fold = (b: Builder, x: Variable, count: number, segment: number) =>
  b.reshape(x, [count, segment, ...x.shape.slice(1)]);

const unfold = (b: Builder, x: Variable) => b.reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)]);
