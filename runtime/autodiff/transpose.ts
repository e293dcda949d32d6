// Reverse mode's own step: given how the outputs of a linear function count, how do its inputs count?
import { Builder, newVariable } from "../ir/builder.ts";
import type { Equation, IrFunction, PrimitiveName, PrimitiveParameters, Variable } from "../ir/types.ts";
import type { FloatRange } from "../ir/float_range.ts";
import { InternalError } from "../errors.ts";
import {
  type Cotangent,
  notLinear,
  type TransposeArguments,
  type TransposeBody,
  type TransposeRule,
} from "./cotangent.ts";
import { factorIn, factorOf, factorsBefore, mixes } from "./factors.ts";
import { partialEvalInto, type Remainder } from "./partial_eval.ts";
import { floatRangeOf } from "./float_ranges.ts";
import { supportOfInput, taken } from "./support_rules.ts";
import { both, cleared, either, everywhere, only, type Share, sumOfShares, uniform, varies } from "./supports.ts";
import { transposeRules } from "./transpose_rules.ts";
import { mapTranspose, scanTranspose } from "./transpose_structured.ts";

/** Transposes a function that is linear in its flagged inputs:
 *  (inputs that are not flagged …, a cotangent for each output …) -> (a cotangent for each flagged input …). `ranges`: what is
 *  known of the inputs. */
export function transposeLinear(
  fn: IrFunction,
  linear: readonly boolean[],
  ranges: readonly FloatRange[] = [],
): IrFunction {
  const b = new Builder(fn.name);
  const inputs = fn.inputs.map((v, i) => linear[i] ? undefined : b.input(v, v.name, ranges[i] ?? v.range));
  const cotangents = fn.outputs.map((v) => b.input(v, v.name === undefined ? undefined : `ct ${v.name}`));
  const results = transposeInto(b, fn, inputs, cotangents.map(everywhere));
  return b.finish(fn.inputs.flatMap((v, i) => linear[i] ? [results[i]?.value ?? b.fill(0, v)] : []));
}

/** Writes the transpose of `fn` into `b`. An input is given where it is known and undefined where `fn` is linear in it. */
const transposeInto: TransposeBody = (b, fn, given, cotangents, wanted = []) => {
  const inputs = given.map((x, i) => x ?? newVariable(fn.inputs[i]!));
  const open = inputs.filter((_, i) => given[i] === undefined);
  const rest = partialEvalInto(b, fn, inputs, new Set(open));
  const partial = new Set(inputs.filter((_, i) => given[i] === undefined && wanted[i] === "where it counts"));
  const result = transposeRemainder(b, rest, cotangents, partial);
  return inputs.map((x, i) => given[i] === undefined ? result(x) : undefined);
};

/** Runs cotangents of a remainder's outputs back through its equations. Answers with each unknown's: everywhere, but for the
 *  unknowns in `partial`, where it counts. */
export function transposeRemainder(
  b: Builder,
  rest: Remainder,
  outputs: readonly (Share | undefined)[],
  partial: ReadonlySet<Variable> = new Set(),
): (unknown: Variable) => Share | undefined {
  const shares = new Map<Variable, readonly Share[]>();
  let before: ReturnType<typeof factorsBefore> | undefined;
  const ahead = (x: Variable) => (before ??= factorsBefore(b, rest, partial))(x);
  const add = (variable: Variable, share: Share | undefined) => {
    if (!share || !rest.unknown.has(variable) || b.uniformValue(share.value) === 0) return;
    const list = shares.get(variable);
    const [only] = list ?? [];
    if (!only) shares.set(variable, [share]);
    else if (list!.length > 1 || only.support || share.support) shares.set(variable, [...list!, share]);
    else shares.set(variable, [everywhere(b.apply("add", only.value, share.value))]);
  };
  const total = (variable: Variable): Share | undefined => {
    const list = shares.get(variable);
    return list && sumOfShares(b, list, either(b, list.map((share) => share.support)));
  };
  rest.outputs.forEach((output, i) => add(output, outputs[i]));
  const origin = b.origin;
  for (let k = rest.equations.length - 1; k >= 0; k--) {
    const equation = rest.equations[k]!;
    if (!equation.outputs.some((output) => shares.has(output))) continue;
    b.origin = equation.origin ?? origin;
    const results = new Step(b, equation, rest.unknown, ahead).back(equation.outputs.map(total));
    equation.inputs.forEach((input, i) => add(input, results[i]));
  }
  b.origin = origin;
  return (unknown) => {
    const share = total(unknown);
    return share && !partial.has(unknown) ? everywhere(cleared(b, share)) : share;
  };
}

/** One equation, run back. */
class Step {
  readonly #b: Builder;
  readonly #equation: Equation;
  readonly #unknown: ReadonlySet<Variable>;
  readonly #ahead: ReturnType<typeof factorsBefore>;

  constructor(
    b: Builder,
    equation: Equation,
    unknown: ReadonlySet<Variable>,
    ahead: ReturnType<typeof factorsBefore>,
  ) {
    this.#b = b;
    this.#equation = equation;
    this.#unknown = unknown;
    this.#ahead = ahead;
  }

  back(us: readonly (Share | undefined)[]): readonly (Share | undefined)[] {
    const { op } = this.#equation;
    if (op === "select") return this.#choice(us[0]!);
    const present = us.filter((u) => u !== undefined);
    const condition = this.#oneCondition(present);
    if (condition) return this.#allOrNothing(us, condition);
    if (op === "scan" || op === "map") return this.#loop(us);
    if (op === "linear_solve" || op === "pullback") return this.#rule(us.map((u) => u && this.#clear(u)));
    return us[0]!.support ? this.#partly(us[0]!, us[0]!.support) : this.#rule(us);
  }

  /** The one condition on which all of the shares count, each as a whole; undefined where there are several, or none. */
  #oneCondition(shares: readonly Share[]): Variable | undefined {
    const conditions = shares.map(({ support }) =>
      varies(support) || !support ? undefined : uniform(this.#b, support, 0)
    );
    return conditions.every((c) => c === conditions[0]) ? conditions[0] : undefined;
  }

  /** Either everything counts or nothing: that is asked once more where the cotangents go. */
  #allOrNothing(us: readonly (Share | undefined)[], condition: Variable): readonly (Share | undefined)[] {
    const b = this.#b;
    const { op, inputs } = this.#equation;
    const factor = factorIn(this.#equation, (x) => this.#unknown.has(x));
    const product = factor
      ? b.uniformValue(factor) === undefined
      : us.length > 1 || op === "scan" || op === "map" || op === "solve";
    const exact = !product && us.every((u) => u === undefined || u.exact);
    // A loop says by itself where what comes out of it counts
    return this.#rule(us).map((share, i) =>
      share && {
        value: share.value,
        support: both(b, uniform(b, condition, inputs[i]!.shape.length), share.support),
        exact: exact && share.exact,
      }
    );
  }

  /** What `where` takes counts in what it was taken from. */
  #choice(u: Share): readonly (Share | undefined)[] {
    const b = this.#b;
    return this.#rule([everywhere(u.value)]).map((share, i) => {
      if (!share) return undefined;
      const support = both(b, u.support, taken(b, this.#equation.inputs[0]!, i === 1));
      return u.exact && varies(support) && !this.#follows(this.#equation.inputs[i]!)
        ? everywhere(share.value)
        : { value: share.value, support, exact: u.exact };
    });
  }

  /** Some entries count, others do not. */
  #partly(u: Share, support: Variable): readonly (Share | undefined)[] {
    const b = this.#b;
    const isUnknown = (x: Variable) => this.#unknown.has(x);
    const mixed = mixes(this.#equation);
    const factor = factorOf(this.#equation, isUnknown, (x) => floatRangeOf(b, x));
    let equation = this.#equation;
    if (mixed && factor === "wild") {
      // What the entries that count never meet is left out
      const known = factorIn(equation, isUnknown);
      const inputs = equation.inputs.map((x, i) =>
        x === known ? only(b, x, supportOfInput(b, equation, i, support)) : x
      );
      equation = { ...equation, inputs } as Equation;
    }
    const value = mixed ? cleared(b, u) : u.value;
    const safe = factor === "tame" || factor === "overflows" && !this.#ahead(equation.outputs[0]!).near;
    const exact = safe && (u.exact || mixed);
    return this.#rule([everywhere(value)], equation).map((share, i) => {
      if (!share) return undefined;
      const { far, near } = this.#ahead(this.#equation.inputs[i]!);
      return exact && !far && (mixed || !near)
        ? everywhere(share.value)
        : { value: share.value, support: supportOfInput(b, this.#equation, i, support), exact };
    });
  }

  /** Whether it is of use to know where a cotangent counts. */
  #follows(x: Variable): boolean {
    const { far, near } = this.#ahead(x);
    return far || near;
  }

  #loop(us: readonly (Share | undefined)[]): readonly (Share | undefined)[] {
    const kept = us.map((u, i) => u && !this.#follows(this.#equation.outputs[i]!) ? this.#clear(u) : u);
    return this.#equation.op === "scan"
      ? scanTranspose(this.#arguments<"scan">(kept))
      : mapTranspose(this.#arguments<"map">(kept));
  }

  #clear(u: Share): Share {
    return everywhere(cleared(this.#b, u));
  }

  #rule(us: readonly (Share | undefined)[], equation = this.#equation): readonly (Share | undefined)[] {
    if (equation.op === "scan" || equation.op === "map") return this.#loop(us.map((u) => u && everywhere(u.value)));
    const rule = transposeRules[equation.op] as TransposeRule<typeof equation.op> | typeof notLinear;
    if (rule === notLinear) throw new InternalError(`${equation.op} is not linear and has no transpose`);
    return rule(this.#arguments<typeof equation.op>(us, equation)).map((value) => value && everywhere(value));
  }

  #arguments<P extends PrimitiveName>(
    us: readonly (Share | undefined)[],
    equation = this.#equation,
  ): TransposeArguments<P> {
    return {
      b: this.#b,
      inputs: equation.inputs.map((x) => this.#unknown.has(x) ? undefined : x),
      types: equation.inputs,
      cotangents: us.map((u): Cotangent => u?.value),
      shares: us,
      params: equation.params as PrimitiveParameters[P],
      followed: (i) => this.#follows(equation.inputs[i]!),
      transpose: transposeInto,
    };
  }
}
