// Which part of a function can be computed before the rest of its inputs are known? The second step of a gradient: after
// `jvp`, the values are known and the tangents are not, and what remains is linear in them.
import { Builder, newVariable } from "../ir/builder.ts";
import { dependentCarry, dependentOutputs, sectionsOf, valueIn } from "../ir/structured.ts";
import type { Equation, EquationOf, IrFunction, Variable } from "../ir/types.ts";
import { emitAll } from "./emit.ts";
import { floatRangeOf } from "./float_ranges.ts";
import { planResiduals, type ResidualPlan } from "./residuals.ts";

/** The two halves of a function. */
export interface PartialEvaluation {
  /** (known inputs …) -> (known outputs …, residuals …). */
  readonly known: IrFunction;
  /** (residuals …, unknown inputs …) -> (unknown outputs …). */
  readonly unknown: IrFunction;
  /** How many residuals pass from one to the other. */
  readonly residuals: number;
  /** Which outputs of the function are unknown. */
  readonly unknownOutputs: readonly boolean[];
}

/** Splits a function: an output is known when no unknown input can influence it. */
export function partialEval(fn: IrFunction, unknownInputs: readonly boolean[]): PartialEvaluation {
  const b = new Builder(fn.name);
  const inputs = fn.inputs.map((v, i) => unknownInputs[i] ? newVariable(v, v.name) : b.inputLike(v));
  const rest = partialEvalInto(b, fn, inputs, new Set(inputs.filter((_, i) => unknownInputs[i])));
  const read = knownReads(rest);
  const unknownOutputs = rest.outputs.map((x) => rest.unknown.has(x));
  const u = new Builder(fn.name);
  const values = new Map<Variable, Variable>();
  const residuals: Variable[] = [];
  for (const x of read) {
    const value = b.uniformValue(x);
    if (value === undefined) residuals.push(x);
    values.set(x, value === undefined ? u.input(x, x.name, floatRangeOf(b, x)) : u.fill(value, x));
  }
  inputs.forEach((x, i) => unknownInputs[i] && values.set(x, u.input(x, x.name)));
  emitAll(u, rest.equations, values);
  return {
    known: b.finish([...rest.outputs.filter((_, i) => !unknownOutputs[i]), ...residuals]),
    unknown: u.finish(rest.outputs.filter((_, i) => unknownOutputs[i]).map((x) => values.get(x)!)),
    residuals: residuals.length,
    unknownOutputs,
  };
}

/** What is left of a function when its known part is written. */
export interface Remainder {
  /** In order; they read known variables of the builder, unknown inputs, and each other's outputs. */
  readonly equations: readonly Equation[];
  /** The unknown inputs, and everything that the equations assign. */
  readonly unknown: ReadonlySet<Variable>;
  /** The function's outputs: variables of the builder where known. */
  readonly outputs: readonly Variable[];
}

/** Writes the known part of `fn` into `b`. The inputs in `unknown` are placeholders; the others are variables of `b`. */
export function partialEvalInto(
  b: Builder,
  fn: IrFunction,
  inputs: readonly Variable[],
  unknown: ReadonlySet<Variable>,
): Remainder {
  const values = new Map<Variable, Variable>();
  fn.inputs.forEach((input, i) => values.set(input, inputs[i]!));
  const read = (x: Variable) => valueIn(values, x, fn);
  const placeholders = new Set(unknown);
  const equations: Equation[] = [];
  const origin = b.origin;
  for (const equation of fn.equations) {
    b.origin = equation.origin ?? origin;
    const operands = equation.inputs.map(read);
    const flags = operands.map((x) => placeholders.has(x));
    let outputs: readonly Variable[];
    if (!flags.includes(true)) outputs = b.emit(equation.op, operands, equation.params);
    else {
      const split = equation.op === "scan" || equation.op === "map"
        ? splitLoop(b, equation, operands, flags)
        : undefined;
      const rest = split?.equation ??
        { ...equation, inputs: operands, outputs: equation.outputs.map((x) => newVariable(x)) } as Equation;
      equations.push(rest);
      rest.outputs.forEach((x) => placeholders.add(x));
      outputs = split?.outputs ?? rest.outputs;
    }
    equation.outputs.forEach((output, i) => values.set(output, outputs[i]!));
  }
  b.origin = origin;
  return { equations, unknown: placeholders, outputs: fn.outputs.map(read) };
}

/** The known variables that a remainder reads, in order of first use; outputs count only where `outputs` flags them. */
function knownReads(rest: Remainder, outputs: readonly boolean[] = []): Set<Variable> {
  const read = new Set<Variable>();
  for (const equation of rest.equations) {
    for (const input of equation.inputs) if (!rest.unknown.has(input)) read.add(input);
  }
  rest.outputs.forEach((output, i) => outputs[i] && !rest.unknown.has(output) && read.add(output));
  return read;
}

/** Splits a scan or a map into a loop over what is known, written into `b`, and one over the rest, returned. The loop is
 *  left whole (undefined) when nothing of what it returns is known: then nothing is gained by looping twice. */
function splitLoop(
  b: Builder,
  equation: EquationOf<"scan"> | EquationOf<"map">,
  operands: readonly Variable[],
  flags: readonly boolean[],
): { readonly equation: Equation; readonly outputs: readonly Variable[] } | undefined {
  const { body } = equation.params;
  const scan = equation.op === "scan" ? equation : undefined;
  const carries = scan ? dependentCarry(scan, flags, "use") : [];
  const given = sectionsOf(equation.params, flags);
  const inputFlags = [...given.constants, ...carries, ...given.stacked];
  const outputFlags = dependentOutputs(body, inputFlags, "use").map((flag, i) => flag || (carries[i] ?? false));
  if (!outputFlags.includes(false)) return undefined;

  // The loop over what is known, with a stacked output for each stored residual
  const k = new Builder(body.name);
  k.origin = b.origin;
  const inputs = body.inputs.map((v, i) => inputFlags[i] ? newVariable(v, v.name) : k.inputLike(v));
  const rest = partialEvalInto(k, body, inputs, new Set(inputs.filter((_, i) => inputFlags[i])));
  const inner = sectionsOf(equation.params, inputs);
  const known = (list: readonly Variable[]) => list.filter((x) => !rest.unknown.has(x));
  const knownBody = {
    constants: known(inner.constants),
    carry: known(inner.carry),
    stacked: known(inner.stacked),
    equations: k.finish([]).equations,
  };
  const plan = planResiduals(knownBody, knownReads(rest, outputFlags), "all");
  const knownOutputs = rest.outputs.filter((_, i) => !outputFlags[i]);
  const recorded = knownOutputs.slice(knownBody.carry.length);
  const extra = plan.stored.filter((x) => !recorded.includes(x));
  const outer = operands.filter((_, i) => !inputFlags[i]);
  const fn = k.finish([...knownOutputs, ...extra]);
  const results = scan
    ? b.emit("scan", outer, {
      ...scan.params,
      body: fn,
      constants: knownBody.constants.length,
      carry: knownBody.carry.length,
    })
    : b.emit("map", outer, { ...equation.params, body: fn, constants: knownBody.constants.length });
  const stacks = new Map<Variable, Variable>();
  [...recorded, ...extra].forEach((x, i) => stacks.set(x, results[knownBody.carry.length + i]!));

  const outside = new Map<Variable, Variable>();
  inputs.forEach((x, i) => outside.set(x, operands[i]!));
  emitAll(b, plan.outside, outside);
  const unknownLoop = writeUnknownLoop(equation, outputFlags, { inputs, rest, plan, stacks, outside });
  const outputs: Variable[] = [];
  let fromKnown = 0;
  let fromUnknown = 0;
  for (const flag of outputFlags) {
    outputs.push(flag ? unknownLoop.outputs[fromUnknown++]! : results[fromKnown++]!);
  }
  return { equation: unknownLoop, outputs };
}

/** What the loop over the unknown part is made of. */
interface UnknownLoop {
  /** Inputs of the body as the remainder knows them. */
  readonly inputs: readonly Variable[];
  readonly rest: Remainder;
  readonly plan: ResidualPlan;
  /** Stored residuals, stacked, outside. */
  readonly stacks: ReadonlyMap<Variable, Variable>;
  /** Body inputs and hoisted residuals, outside. */
  readonly outside: ReadonlyMap<Variable, Variable>;
}

/** The loop over the unknown part. Constants: residuals, then unknown ones; stacked inputs likewise. */
function writeUnknownLoop(
  equation: EquationOf<"scan"> | EquationOf<"map">,
  outputFlags: readonly boolean[],
  { inputs, rest, plan, stacks, outside }: UnknownLoop,
): Equation {
  const u = new Builder(equation.params.body.name);
  u.origin = equation.origin;
  const sections = sectionsOf(equation.params, inputs);
  const unknown = (list: readonly Variable[]) => list.filter((x) => rest.unknown.has(x));
  const taken = (list: readonly Variable[]) => list.filter((x) => plan.inputs.has(x));
  const constants = [...taken(sections.constants), ...plan.hoisted, ...unknown(sections.constants)];
  const carry = unknown(sections.carry);
  const streams = [...taken(sections.stacked), ...plan.stored, ...unknown(sections.stacked)];
  const values = new Map<Variable, Variable>();
  for (const x of [...constants, ...carry, ...streams]) values.set(x, u.input(x, x.name));
  emitAll(u, plan.again, values);
  emitAll(u, rest.equations, values);
  const body = u.finish(rest.outputs.filter((_, i) => outputFlags[i]).map((x) => values.get(x)!));
  // A constant that the loop also returns has a stack, too; what is asked for is the constant
  const outer = (x: Variable) => plan.stored.includes(x) ? stacks.get(x)! : outside.get(x)!;
  const outputs = equation.outputs.filter((_, i) => outputFlags[i]).map((x) => newVariable(x));
  const shared = { inputs: [...constants, ...carry, ...streams].map(outer), outputs, origin: equation.origin };
  return equation.op === "scan"
    ? {
      ...shared,
      op: "scan",
      params: { ...equation.params, body, constants: constants.length, carry: carry.length },
    }
    : { ...shared, op: "map", params: { ...equation.params, body, constants: constants.length } };
}
