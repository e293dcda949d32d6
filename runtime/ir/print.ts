// How does a function read as text? One line per equation, bodies indented below the equation that holds them, variables
// renamed in order of appearance: two functions print alike exactly when they differ in nothing but identities.
import {
  type ArrayType,
  bodyOf,
  type ConvolutionParameters,
  type Equation,
  formatType,
  type IrFunction,
  type LinearSolver,
  type PrimitiveName,
  type PrimitiveParameters,
  type Variable,
} from "./types.ts";
import { sectionsOf } from "./structured.ts";

/** What to show besides the equations. */
export interface PrintOptions {
  /** Ends each line with the place in the source it came from. Default: no. */
  readonly spans?: boolean;
}

/** The text of a function, for instance
 *
 *      fn square(a: f32[3] "x") {
 *        b: f32[3] = mul a a
 *        c: f32[] = reduce_sum[axes=0] b
 *        return c
 *      }
 *
 *  Bodies close over nothing, so that each numbers its variables from `a` again. In a scan's or map's inputs, and in its
 *  body's, bars separate constants, carry and stacked inputs; in a scan's results, carry and stacked outputs. */
export function printFunction(fn: IrFunction, options: PrintOptions = {}): string {
  return [...functionLines(fn, "fn " + fn.name, options, (list) => list.join(", "), (list) => list.join(", "))]
    .join("\n") + "\n";
}

type Join = (list: readonly string[]) => string;

function* functionLines(
  fn: IrFunction,
  header: string,
  options: PrintOptions,
  joinInputs: Join,
  joinOutputs: Join,
): Generator<string> {
  const names = new Map<Variable, string>();
  const define = (variable: Variable) => {
    const name = letters(names.size);
    names.set(variable, name);
    return `${name}: ${formatType(variable)}`;
  };
  const read = (variable: Variable) => names.get(variable) ?? `?${variable.id}`;
  const inputs = fn.inputs.map((x) => define(x) + (x.name === undefined ? "" : ` ${JSON.stringify(x.name)}`));
  yield `${header}(${joinInputs(inputs)}) {`;
  for (const equation of fn.equations) {
    const operands = equation.inputs.map(read);
    const span = options.spans && equation.origin
      ? `  # ${equation.origin.source}:${equation.origin.start}-${equation.origin.end}`
      : "";
    for (const line of equationLines(equation, operands, define, options, span)) yield "  " + line;
  }
  yield `  return ${joinOutputs(fn.outputs.map(read))}`;
  yield "}";
}

function* equationLines(
  equation: Equation,
  operands: readonly string[],
  define: (variable: Variable) => string,
  options: PrintOptions,
  span: string,
): Generator<string> {
  const structured = equation.op === "scan" || equation.op === "map";
  const split = structured ? bars(equation.params) : (list: readonly string[]) => list.join(" ");
  const parameters = (parameterText[equation.op] as (p: unknown) => string)(equation.params);
  const results = equation.outputs.map(define).join(", ");
  const head = `${results} = ${equation.op}${parameters && `[${parameters}]`}`;
  const line = [head, split(operands)].filter((part) => part !== "").join(" ");
  const body = bodyOf(equation);
  if (!body) {
    yield line + span;
    return;
  }
  const joinInputs: Join = structured ? bars(equation.params, ", ") : (list) => list.join(", ");
  const joinOutputs: Join = equation.op === "scan"
    ? bars({ constants: equation.params.carry }, ", ")
    : (list) => list.join(", ");
  const lines = [...functionLines(body, body.name, options, joinInputs, joinOutputs)];
  yield line + " {" + span;
  for (const inner of lines) yield "  " + inner;
  yield "}";
}

/** Joins with bars between the sections of a scan's or map's list; a trailing empty section leaves its bar. */
function bars(params: { readonly constants: number; readonly carry?: number }, separator = " "): Join {
  return (list) => {
    const { constants, carry, stacked } = sectionsOf(params, list);
    const parts = params.carry === undefined ? [constants, stacked] : [constants, carry, stacked];
    return parts.map((part) => part.join(separator)).join(" | ").trim();
  };
}

/** a, b, … z, aa, ab, … */
function letters(index: number): string {
  const last = String.fromCharCode(97 + index % 26);
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}

const nothing = () => "";
const axes = (p: { readonly axes: readonly number[] }) => `axes=${p.axes}`;
const convolution = (p: ConvolutionParameters) =>
  [
    `stride=${p.stride}`,
    `padding=${p.padding.map((pair) => pair.join(":"))}`,
    `dilation=${p.dilation}`,
    `groups=${p.groups}`,
  ].join(" ");

/** The first entries of a constant; longer ones end in their number. */
function literal(type: ArrayType, data: ArrayLike<number>): string {
  const shown = 8;
  const number = (x: number) => Object.is(x, -0) ? "-0" : type.dtype === "f32" ? shortest(x) : String(x);
  const values = Array.from({ length: Math.min(shown, data.length) }, (_, i) => number(data[i]!));
  return values.join(",") + (data.length > shown ? `,… (${data.length})` : "");
}

/** The shortest decimal that rounds to the same f32: 0.1, not 0.10000000149011612. */
function shortest(x: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(x.toPrecision(digits));
    if (Math.fround(text) === x) return String(text);
  }
  return String(x);
}

/** How each primitive's parameters are written between brackets. */
const parameterText: { readonly [P in PrimitiveName]: (p: PrimitiveParameters[P]) => string } = {
  constant: (p) => literal(p.type, p.data),
  iota: (p) => `axis=${p.axis}`,
  random_bits: (p) => `shape=${p.shape}`,
  neg: nothing,
  abs: nothing,
  sign: nothing,
  floor: nothing,
  exp: nothing,
  expm1: nothing,
  log: nothing,
  log1p: nothing,
  sin: nothing,
  cos: nothing,
  tanh: nothing,
  logistic: nothing,
  sqrt: nothing,
  erf: nothing,
  erf_inv: nothing,
  integer_pow: (p) => String(p.exponent),
  convert: (p) => p.dtype,
  stop_gradient: nothing,
  not: nothing,
  add: nothing,
  sub: nothing,
  mul: nothing,
  div: nothing,
  mod: nothing,
  pow: nothing,
  max: nothing,
  min: nothing,
  and: nothing,
  or: nothing,
  shift_right: nothing,
  eq: nothing,
  ne: nothing,
  lt: nothing,
  le: nothing,
  gt: nothing,
  ge: nothing,
  select: nothing,
  reduce_sum: (p) => axes(p) + (p.inOrder ? " in order" : ""),
  reduce_max: axes,
  argmax: (p) => `axis=${p.axis}`,
  reshape: nothing,
  transpose: (p) => String(p.permutation),
  broadcast: axes,
  slice: (p) =>
    p.start.map((start, i) => `${start}:${p.limit[i]}${p.stride[i] === 1 ? "" : `:${p.stride[i]}`}`).join(","),
  pad: (p) => p.low.map((low, i) => `${low}:${p.high[i]}${p.interior[i] === 0 ? "" : `:${p.interior[i]}`}`).join(","),
  concat: (p) => `axis=${p.axis}`,
  reverse: axes,
  gather: (p) => `axis=${p.axis}` + (p.batch === 0 ? "" : ` batch=${p.batch}`),
  scatter_add: (p) => `axis=${p.axis} size=${p.size}` + (p.batch === 0 ? "" : ` batch=${p.batch}`),
  dot_general: (p) =>
    `contract=${p.contractLeft}x${p.contractRight}` +
    (p.batchLeft.length === 0 ? "" : ` batch=${p.batchLeft}x${p.batchRight}`),
  conv: convolution,
  conv_input_gradient: (p) => `${convolution(p)} size=${p.inputSize}`,
  conv_filter_gradient: (p) => `${convolution(p)} size=${p.kernelSize}`,
  solve: nothing,
  scan: (p) => `length=${p.length}` + (p.reverse ? " reverse" : ""),
  map: (p) => `length=${p.length}`,
  gradient: (p) => `wrt=${p.wrt} mode=${p.mode}`,
  implicit: (p) => `constants=${p.constants} equation=${p.equation} ${solverText(p.solver)}`,
  linear_solve: (p) => `constants=${p.constants} ${solverText(p.solver)}`,
  finite_difference: (p) => `constants=${p.constants} epsilon=${p.epsilon}`,
  pullback: (p) => `known=${p.known}`,
  check: (p) => `${p.low} .. ${p.high}`,
};

const solverText = (s: LinearSolver) =>
  `solver=${s.kind} iterations=${s.iterations} tolerance=${s.tolerance} damping=${s.damping}`;
