// Where would NaN be lost on its way to a number that is printed? What is compared, or whose largest entry is sought, becomes a truth value
// or a place, and no NaN is left. This writes a function once more so that its results know: beside whole numbers and truth values goes
// which of them were made of NaN, and a float that is made of such a one is NaN. Nothing changes that a loop reads.
import { Builder } from "./builder.ts";
import { eliminateDeadCode } from "./dead_code.ts";
import { rangeOf, setRange } from "./ranges.ts";
import { valueIn } from "./structured.ts";
import { bodyOf, type Equation, type EquationOf, type IrFunction, isFloat, type Variable } from "./types.ts";

/** A function that keeps NaN. */
export interface KeptNaN {
  readonly fn: IrFunction;
  /** Of each of its former outputs that is no float and may be made of NaN: the output that says which entries are (bool). */
  readonly marks: readonly (number | undefined)[];
}

/** The same function, whose floats are NaN where they were made of a NaN that was compared. Guards hold: `where(isfinite(x), …, 0)` takes
 *  the other side, and x == x, which asks whether x is a number, is no such comparison. */
export function keepNaN(fn: IrFunction): KeptNaN {
  if (!losesNaN(fn)) return { fn, marks: fn.outputs.map(() => undefined) };
  const b = new Builder(fn.name);
  const inputs = fn.inputs.map((input) => ({ x: inputOf(b, input) }));
  // places are as good as any where NaN stands last: what is made of them need not be
  const orders = fn.outputs.every((output) => isFloat(output.dtype));
  const results = rewrite(b, fn, inputs, orders);
  const outputs = results.map(keptOf);
  const marks = results.map(({ made }) => made && outputs.push(made) - 1);
  return { fn: eliminateDeadCode(b.finish(outputs)), marks };
}

/** A variable as it is written now. */
interface Written {
  /** As loops read it. */
  readonly x: Variable;
  /** A float that is NaN where it was made of NaN, which no loop reads; the same unless said. */
  readonly kept?: Variable | undefined;
  /** Which entries of what is no float were made of NaN (bool, of its shape); undefined where none was. */
  readonly made?: Variable | undefined;
  /** Of keys that are sorted: whether one is NaN (bool scalar). An order says so as a whole. */
  readonly sorts?: Variable | undefined;
}

const keptOf = ({ x, kept }: Written): Variable => kept ?? x;

const comparisons = new Set<Equation["op"]>(["eq", "ne", "lt", "le", "gt", "ge"]);
/** Each entry of the result is one of the input, at another place. */
const moving = new Set<Equation["op"]>(["reshape", "transpose", "broadcast", "slice", "reverse", "pad"]);
/** Each entry of the result is made of the entries at its place. */
const joining = new Set<Equation["op"]>(
  ["not", "neg", "abs", "sign", "add", "sub", "mul", "div", "mod", "max", "min", "and", "or", "shift_right"],
);

/** True for a function in which a float becomes no float, outside of its loops. */
function losesNaN({ equations }: IrFunction): boolean {
  return equations.some((equation) => {
    if (equation.op === "map") return losesNaN(equation.params.body);
    const { op, inputs, outputs } = equation;
    return isFloat(inputs[0]?.dtype ?? "i32") && !isFloat(outputs[0]!.dtype) &&
      (comparisons.has(op) || op === "argmax" || op === "convert");
  });
}

/** What loops read, and all that it is computed of: it is written as it stands. */
function readByLoops(fn: IrFunction): ReadonlySet<Variable> {
  const read = new Set<Variable>();
  for (const equation of fn.equations.toReversed()) {
    if (holdsLoop(equation) || equation.outputs.some((output) => read.has(output))) {
      for (const input of equation.inputs) read.add(input);
    }
  }
  return read;
}

function holdsLoop(equation: Equation): boolean {
  const body = bodyOf(equation);
  return body !== undefined && (equation.op !== "map" || body.equations.some(holdsLoop));
}

function inputOf(b: Builder, input: Variable): Variable {
  const own = b.inputLike(input);
  setRange(own, rangeOf(input));
  return own;
}

/** Writes the equations of a function, and returns its outputs. */
function rewrite(b: Builder, fn: IrFunction, inputs: readonly Written[], orders: boolean): readonly Written[] {
  const loops = readByLoops(fn);
  const values = new Map<Variable, Written>(fn.inputs.map((input, i) => [input, inputs[i]!]));
  // the entries of what was sorted, in their order, are NaN where they are
  const sorted = new Set<Variable>();
  for (const equation of fn.equations) {
    b.origin = equation.origin;
    const given = equation.inputs.map((x) => valueIn(values, x, fn));
    const still = equation.outputs.some((output) => loops.has(output));
    const results = equation.op === "map" && !still
      ? writeMap(b, equation, given, orders)
      : writeEquation(b, equation, given, { still, sorted, orders });
    equation.outputs.forEach((output, i) => values.set(output, results[i]!));
  }
  return fn.outputs.map((x) => valueIn(values, x, fn));
}

/** An equation that is no such map: as it stands where loops read it, and with what keeps NaN. A loop is written once. */
function writeEquation(
  b: Builder,
  equation: Equation,
  given: readonly Written[],
  { still, sorted, orders }: { readonly still: boolean; readonly sorted: Set<Variable>; readonly orders: boolean },
): Written[] {
  const { op, params } = equation;
  const loop = holdsLoop(equation);
  const write = (inputs: readonly Variable[]) => b.emit(op, inputs, params);
  const plain = still || loop ? write(given.map(({ x }) => x)) : undefined;
  const kept = plain && (loop || given.every((each) => !each.kept)) ? plain : write(given.map(keptOf));
  const read = given.map((each) => ({ ...each, x: keptOf(each) }));
  const marks = madeOf(b, equation, read, { outputs: kept, sorted, orders });
  return kept.map((own, i) => {
    const { made, sorts } = marks[i] ?? {};
    const result = made && isFloat(own.dtype) ? b.apply("select", made, b.fill(NaN, own), own) : own;
    const x = plain?.[i] ?? result;
    return { x, kept: x === result ? undefined : result, made: isFloat(own.dtype) ? undefined : made, sorts };
  });
}

/** A loop over independent entries, whose body keeps NaN, too. */
function writeMap(b: Builder, equation: EquationOf<"map">, given: readonly Written[], orders: boolean): Written[] {
  const { body, length, constants } = equation.params;
  const read = holdsLoop(equation) ? ({ x }: Written) => x : keptOf;
  const inside = new Builder(body.name);
  const outer: Variable[] = [];
  const own: Written[] = [];
  const enter = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      outer.push(read(given[i]!));
      own[i] = { x: inputOf(inside, body.inputs[i]!) };
    }
    for (let i = from; i < to; i++) {
      const { made } = given[i]!;
      if (!made) continue;
      outer.push(made);
      own[i] = { ...own[i]!, made: inside.input({ dtype: "bool", shape: body.inputs[i]!.shape }) };
    }
  };
  enter(0, constants);
  const fixed = outer.length;
  enter(constants, given.length);
  const results = rewrite(inside, body, own, orders);
  const outputs = results.map(keptOf);
  const marks = results.map(({ made }) => made && outputs.push(made) - 1);
  const written = b.emit("map", outer, { body: inside.finish(outputs), length, constants: fixed });
  return marks.map((mark, i) => ({ x: written[i]!, made: mark === undefined ? undefined : written[mark] }));
}

type Marks = Pick<Written, "made" | "sorts">;

/** Which entries of the outputs of an equation are made of NaN, though they are none. */
function madeOf(
  b: Builder,
  equation: Equation,
  inputs: readonly Written[],
  { outputs, sorted, orders }: {
    readonly outputs: readonly Variable[];
    readonly sorted: Set<Variable>;
    readonly orders: boolean;
  },
): readonly Marks[] {
  const { op } = equation;
  const [x, y] = inputs as [Written, Written];
  const [output] = outputs as [Variable];
  const keys = inputs.find(({ sorts }) => sorts)?.sorts;
  if (keys) {
    // sorting goes through comparisons that know NaN; what they lead to hangs on all keys
    const made = (output: Variable) => b.uniformValue(keys) === 0 ? undefined : b.broadcastTo(keys, output.shape);
    return outputs.map((each) => isFloat(each.dtype) ? { sorts: keys } : { made: made(each), sorts: undefined });
  }
  if (comparisons.has(op)) return [{ made: comparedNaN(b, x, y) }];
  if (moving.has(op)) return [{ made: x.made && b.one(op, [x.made], equation.params as never) }];
  if (isFloat(output.dtype) ? op === "convert" : joining.has(op)) {
    return [{ made: isFloat(x.x.dtype) ? undefined : anyOf(b, inputs.map(({ made }) => made)) }];
  }
  switch (op) {
    case "stop_gradient":
      if (equation.params.of !== "order" || !isFloat(x.x.dtype)) return [{ made: x.made }];
      sorted.add(x.x);
      return [{ sorts: orders ? anyAlong(b, nanIn(b, x.x), x.x.shape.map((_, i) => i)) : unmarked(b) }];
    case "convert":
      return [{ made: isFloat(x.x.dtype) ? nanIn(b, x.x) : x.made }];
    case "argmax": {
      const largest = isFloat(x.x.dtype) ? b.one("reduce_max", [x.x], { axes: [equation.params.axis] }) : undefined;
      return [{ made: largest ? nanIn(b, largest) : anyAlong(b, x.made, [equation.params.axis]) }];
    }
    case "reduce_sum":
    case "reduce_max":
      return [{ made: isFloat(output.dtype) ? undefined : anyAlong(b, x.made, equation.params.axes) }];
    case "select":
      return [{ made: selectedNaN(b, inputs as [Written, Written, Written]) }];
    case "concat":
      return [{
        made: inputs.some(({ made }) => made)
          ? b.one("concat", inputs.map((each) => each.made ?? none(b, each.x)), equation.params)
          : undefined,
      }];
    case "gather":
      return [{ made: gatheredNaN(b, equation, [x, y], sorted) }];
    case "check":
      return [{ made: x.made }];
    default:
      return [];
  }
}

/** Where a comparison is made of NaN. Of one with itself, and with infinity, it is known what they say of NaN: they ask for it. */
function comparedNaN(b: Builder, x: Written, y: Written): Variable | undefined {
  if (x.x === y.x || [x, y].some((each) => Math.abs(b.uniformValue(each.x) ?? 0) === Infinity)) return undefined;
  return anyOf(b, [x, y].map((each) => isFloat(each.x.dtype) ? nanIn(b, each.x) : each.made));
}

/** Where what a condition takes is made of NaN: the condition is, or what it takes. */
function selectedNaN(b: Builder, [condition, x, y]: readonly [Written, Written, Written]): Variable | undefined {
  if (isFloat(x.x.dtype)) return takesItself(b, condition.x, y.x) ? undefined : condition.made;
  const sides = x.made || y.made
    ? b.apply("select", condition.x, x.made ?? none(b, x.x), y.made ?? none(b, y.x))
    : undefined;
  return anyOf(b, [condition.made, sides]);
}

/** True for `where(x <= 0, 0, x)`: where x is NaN, x is taken. */
function takesItself(b: Builder, condition: Variable, otherwise: Variable): boolean {
  const test = b.producer(condition);
  if (!test || !comparisons.has(test.op) || test.op === "ne") return false;
  const [p, q] = test.inputs as [Variable, Variable];
  return p === otherwise && isNumber(b, q) || q === otherwise && isNumber(b, p);
}

/** Where rows of x, taken by numbers, are made of NaN: these are, or the numbers. */
function gatheredNaN(
  b: Builder,
  { params }: EquationOf<"gather">,
  [x, rows]: readonly [Written, Written],
  sorted: ReadonlySet<Variable>,
): Variable | undefined {
  const taken = x.made && b.one("gather", [x.made, rows.x], params);
  const { axis, batch } = params;
  if (!rows.made || sorted.has(x.x) && axis === batch && axis === x.x.shape.length - 1) return taken;
  const shape = [...x.x.shape.slice(0, axis), ...rows.x.shape.slice(batch), ...x.x.shape.slice(axis + 1)];
  const axes = rows.x.shape.map((_, i) => i < batch ? i : axis + i - batch);
  return anyOf(b, [taken, b.one("broadcast", [rows.made], { shape, axes })]);
}

/** Where floats are NaN; undefined where they cannot be. */
function nanIn(b: Builder, x: Variable): Variable | undefined {
  return isNumber(b, x) ? undefined : b.apply("ne", x, x);
}

/** True for floats that are numbers whatever the run brings. */
function isNumber(b: Builder, x: Variable): boolean {
  const equation = b.producer(x);
  switch (equation?.op) {
    case "constant":
      return !equation.params.data.some(Number.isNaN);
    case "iota":
      return true;
    case "convert":
      return !isFloat(equation.inputs[0]!.dtype);
    case "broadcast":
    case "reshape":
      return isNumber(b, equation.inputs[0]!);
    default:
      return false;
  }
}

function none(b: Builder, { shape }: Variable): Variable {
  return b.fill(0, { dtype: "bool", shape });
}

/** Of keys that are sorted: that none is NaN. */
const unmarked = (b: Builder): Variable => b.fill(0, { dtype: "bool", shape: [] });

/** Where one of several says so. */
function anyOf(b: Builder, marks: readonly (Variable | undefined)[]): Variable | undefined {
  return marks.filter((mark) => mark !== undefined).reduce<Variable | undefined>(
    (all, mark) => all === undefined || all === mark ? mark : b.apply("or", all, mark),
    undefined,
  );
}

/** Whether one entry along some axes says so. */
function anyAlong(b: Builder, mark: Variable | undefined, axes: readonly number[]): Variable | undefined {
  return mark && b.convert(b.one("reduce_max", [b.convert(mark, "i32")], { axes }), "bool");
}
