// How is each scalar operation computed on vectors? Floats fill the lanes; what has 4 bytes beside something that has 8 stays in
// the low half; a bool is a mask of all bits of a lane as wide as the widest; a u8 is an i32.
import { InternalError } from "../../errors.ts";
import type { DType, Elementwise } from "../../ir/types.ts";
import type { CodeWriter, VectorInstruction } from "./encoder.ts";
import type { MathLibrary, MathName } from "./math.ts";
import type { ConstantPool } from "./pool.ts";

/** What operations are written with. */
export interface OperationContext {
  readonly code: CodeWriter;
  readonly lanes: 2 | 4;
  /** The function that computes it on a vector. */
  readonly math: Pick<MathLibrary, "get" | "inline">;
  readonly pool: ConstantPool;
  /** The function on two i32. */
  readonly integer: (name: "div" | "mod") => number;
}

/** One operation with where its operands are. */
export interface Operation {
  readonly op: Elementwise;
  readonly dtype: DType;
  readonly operands: readonly number[];
  readonly operandType: DType;
  readonly exponent: number | undefined;
  /** The second operand if it is one number for all. */
  readonly uniform: number | undefined;
  /** Which operand of `max` or `min` is one number for all, and is not NaN. */
  readonly limit: number | undefined;
}

const prefixes = { f32: "f32x4", f64: "f64x2", i32: "i32x4", bool: "v128", u8: "i32x4" } as const;

/** Sixteen bytes that repeat a number. */
export function repeated(dtype: DType, value: number): Uint8Array {
  const buffer = new ArrayBuffer(16);
  switch (dtype) {
    case "f32":
      new Float32Array(buffer).fill(value);
      break;
    case "f64":
      new Float64Array(buffer).fill(value);
      break;
    case "i32":
    case "u8":
      new Int32Array(buffer).fill(value);
      break;
    case "bool":
      if (value !== 0) new Int32Array(buffer).fill(-1);
  }
  return new Uint8Array(buffer);
}

/** How an operation is written: the instruction on floats, on i32, of a comparison and its like on bools (a true mask is -1, so
 *  that the order of masks is turned); or a function on floats.
 *  What has none of these for its operands is written by itself. Total, so that a new one is not forgotten. */
const instructions: {
  readonly [op in Elementwise]: {
    readonly float?: string;
    readonly integer?: string;
    readonly compare?: string;
    readonly turned?: string;
    readonly math?: true;
  };
} = {
  neg: { float: "neg", integer: "neg" },
  abs: { float: "abs", integer: "abs" },
  sign: {},
  floor: { float: "floor" },
  exp: { math: true },
  expm1: { math: true },
  log: { math: true },
  log1p: { math: true },
  sin: { math: true },
  cos: { math: true },
  tanh: { math: true },
  logistic: { math: true },
  sqrt: { float: "sqrt" },
  erf: { math: true },
  erf_inv: { math: true },
  integer_pow: {},
  convert: {},
  not: {},
  add: { float: "add", integer: "add" },
  sub: { float: "sub", integer: "sub" },
  mul: { float: "mul", integer: "mul" },
  div: { float: "div" },
  mod: { math: true },
  pow: { math: true },
  max: { float: "max", integer: "max_s" },
  min: { float: "min", integer: "min_s" },
  and: {},
  or: {},
  shift_right: {},
  eq: { compare: "eq", turned: "eq" },
  ne: { compare: "ne", turned: "ne" },
  lt: { compare: "lt", turned: "gt_s" },
  le: { compare: "le", turned: "ge_s" },
  gt: { compare: "gt", turned: "lt_s" },
  ge: { compare: "ge", turned: "le_s" },
  select: {},
};

/** Leaves the result of an operation on the stack. */
export function writeOperation(context: OperationContext, operation: Operation): void {
  const { code, lanes } = context;
  const { op, operands, operandType } = operation;
  const [a, b] = operands as [number, number];
  const isFloat = operandType === "f32" || operandType === "f64";
  const known = instructions[op];
  const simple = isFloat ? known.float : operandType === "i32" ? known.integer : undefined;
  if (isFloat && (op === "max" || op === "min") && operation.limit !== undefined) {
    // one instruction where the exact one is eight: it differs in the sign of a zero
    const other = operation.limit === 0 ? b : a;
    code.get(other).get(operands[operation.limit]!).vector(`${prefixes[operandType]}.p${op}` as VectorInstruction);
    return;
  }
  if (simple !== undefined) {
    for (const operand of operands) code.get(operand);
    code.vector(`${prefixes[operandType]}.${simple}` as VectorInstruction);
    return;
  }
  if (known.compare !== undefined) {
    code.get(a).get(b);
    if (operandType === "bool") {
      code.vector(`${lanes === 2 ? "i64x2" : "i32x4"}.${known.turned}` as VectorInstruction);
      return;
    }
    const sign = operandType === "i32" && op !== "eq" && op !== "ne" ? "_s" : "";
    code.vector(`${prefixes[operandType]}.${known.compare}${sign}` as VectorInstruction);
    if (lanes === 2 && operandType !== "f64") code.vector("i64x2.extend_low_i32x4_s");
    return;
  }
  if (isFloat && known.math) {
    const type = operandType as "f32" | "f64";
    if (context.math.inline(code, op as MathName, { dtype: type, x: a })) return;
    for (const operand of operands) code.get(operand);
    code.call(context.math.get(op as MathName, type));
    return;
  }
  writeOther(context, operation);
}

/** What no single instruction and no function computes for its operands. */
function writeOther(context: OperationContext, { op, dtype, operands, operandType, ...given }: Operation): void {
  const { code, lanes } = context;
  const [a, b] = operands as [number, number];
  switch (op) {
    case "sign":
      return writeSign(context, operandType, a);
    case "integer_pow":
      return writePower(context, operandType as "f32" | "f64", a, given.exponent!);
    case "convert":
      return writeConvert(context, operandType, dtype, a);
    case "not":
      code.get(a).vector("v128.not");
      return;
    case "and":
      code.get(a).get(b).vector("v128.and");
      return;
    case "or":
      code.get(a).get(b).vector("v128.or");
      return;
    case "select": {
      code.get(b).get(operands[2]!).get(a);
      if (lanes === 2 && (dtype === "f32" || dtype === "i32")) narrowMask(code);
      code.vector("v128.bitselect");
      return;
    }
    case "shift_right":
      if (given.uniform !== undefined) code.get(a).i32(given.uniform & 31).vector("i32x4.shr_u");
      else eachLane(context, operands, () => code.numeric("i32.shr_u"));
      return;
    case "div":
    case "mod":
      eachLane(context, operands, () => code.call(context.integer(op)));
      return;
    default:
      throw new InternalError(`\`${op}\` of ${operandType} has no instructions`);
  }
}

/** An operation on two i32, lane by lane. */
function eachLane({ code, lanes }: OperationContext, [a, b]: readonly number[], write: () => void): void {
  code.get(a!);
  for (let lane = 0; lane < lanes; lane++) {
    code.get(a!).lane("i32x4.extract_lane", lane).get(b!).lane("i32x4.extract_lane", lane);
    write();
    code.lane("i32x4.replace_lane", lane);
  }
}

/** A mask of 8-byte lanes to 4-byte lanes in the low half. */
function narrowMask(code: CodeWriter): void {
  const mask = code.local("v128");
  code.tee(mask).get(mask).shuffle([0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
}

function writeSign({ code, pool }: OperationContext, dtype: DType, a: number): void {
  if (dtype === "i32") {
    const zero = repeated("i32", 0);
    code.get(a).v128(zero).vector("i32x4.lt_s").get(a).v128(zero).vector("i32x4.gt_s").vector("i32x4.sub");
    return;
  }
  const p = prefixes[dtype as "f32" | "f64"];
  // 1 with the sign of a, but a itself where it is 0 or NaN
  code.get(a);
  pool.write(code, repeated(dtype, -0));
  code.vector("v128.and");
  pool.write(code, repeated(dtype, 1));
  code.vector("v128.or");
  code.get(a).get(a).vector(`${p}.abs`).v128(repeated(dtype, 0)).vector(`${p}.gt`).vector("v128.bitselect");
}

/** By repeated squaring from the lowest bit; 1 / x^|n| for negative n. */
function writePower({ code, pool }: OperationContext, dtype: "f32" | "f64", a: number, exponent: number): void {
  const p = prefixes[dtype];
  const one = repeated(dtype, 1);
  const [square, result] = [code.local("v128"), code.local("v128")];
  code.get(a).set(square);
  let first = true;
  for (let left = Math.abs(exponent); left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) {
      code.get(square);
      if (!first) code.get(result).vector(`${p}.mul`);
      code.set(result);
      first = false;
    }
    if (left > 1) code.get(square).get(square).vector(`${p}.mul`).set(square);
  }
  if (first || exponent < 0) pool.write(code, one);
  if (!first) code.get(result);
  if (!first && exponent < 0) code.vector(`${p}.div`);
}

function writeConvert({ code, lanes, pool }: OperationContext, given: DType, to: DType, a: number): void {
  const from = given === "u8" ? "i32" : given;
  code.get(a);
  if (from === to) return;
  if (to === "bool") {
    if (from === "f32" || from === "f64") code.v128(repeated(from, 0)).vector(`${prefixes[from]}.ne`);
    else code.v128(repeated("i32", 0)).vector("i32x4.ne");
    if (lanes === 2 && from !== "f64") code.vector("i64x2.extend_low_i32x4_s");
    return;
  }
  if (from === "bool") {
    if (lanes === 2 && to !== "f64") narrowMask(code);
    pool.write(code, repeated(to, 1));
    code.vector("v128.and");
    return;
  }
  const key = `${from} ${to}`;
  const instructions: Record<string, VectorInstruction> = {
    "f32 f64": "f64x2.promote_low_f32x4",
    "f64 f32": "f32x4.demote_f64x2_zero",
    "f32 i32": "i32x4.trunc_sat_f32x4_s",
    "f64 i32": "i32x4.trunc_sat_f64x2_s_zero",
    "i32 f32": "f32x4.convert_i32x4_s",
    "i32 f64": "f64x2.convert_low_i32x4_s",
  };
  code.vector(instructions[key]!);
}
