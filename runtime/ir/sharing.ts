// Which equation of a function computes the same already? Only those are looked at that read the same variable, or the same number.
import {
  type ArrayType,
  type DType,
  type Equation,
  isRequest,
  type Origin,
  type PrimitiveName,
  type PrimitiveParameters,
  sameShape,
  type Variable,
} from "./types.ts";

/** An equation before it is written. */
interface Wanted {
  readonly op: PrimitiveName;
  readonly inputs: readonly Variable[];
  readonly params: PrimitiveParameters[PrimitiveName];
  readonly origin: Origin | undefined;
}

/** True for what is written once, however often it is asked for. */
export function isShared(op: PrimitiveName, params: PrimitiveParameters[PrimitiveName]): boolean {
  if (op === "constant") return (params as PrimitiveParameters["constant"]).data.length === 1;
  return op !== "scan" && op !== "map" && (!isRequest(op) || op === "check");
}

const commutative: ReadonlySet<PrimitiveName> = new Set(["add", "mul", "and", "or", "eq", "ne"]);

/** True when an equation computes what is wanted. */
export function computesSame(known: Equation, { op, inputs, params, origin }: Wanted): boolean {
  if (op === "constant") {
    const { data, type } = params as PrimitiveParameters["constant"];
    return fillsSame(known, data[0]!, type);
  }
  if (known.op !== op || known.inputs.length !== inputs.length) return false;
  const same = known.inputs.every((input, i) => input === inputs[i]) ||
    known.inputs[0] === inputs[1] && known.inputs[1] === inputs[0] && commutative.has(op);
  // what the program says is told from what an estimator does: differences hold the one and not the other
  return same && sameData(known.params, params) && (op !== "stop_gradient" || sameData(known.origin, origin));
}

/** True when an equation is the constant that is filled with a number. */
export function fillsSame({ op, params }: Equation, value: number, { dtype, shape }: ArrayType): boolean {
  if (op !== "constant") return false;
  return Object.is(params.data[0], value) && params.type.dtype === dtype && sameShape(params.type.shape, shape);
}

/** A number as an array of a dtype holds it. */
export const storedAs: { readonly [D in DType]: (value: number) => number } = {
  f32: Math.fround,
  f64: (value) => value,
  i32: (value) => value | 0,
  bool: (value) => value & 255,
  u8: (value) => value & 255,
};

/** True for equal numbers, texts, and lists and records of such. */
function sameData(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  let own = 0;
  for (const key in a) {
    if (!sameData((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])) return false;
    own++;
  }
  for (const _ in b) own--;
  return own === 0;
}
