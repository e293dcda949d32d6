// Which function runs all iterations of a map at once? For backends that are fast on large arrays rather than on many
// small ones.
import { Builder } from "../ir/builder.ts";
import { eliminateDeadCode } from "../ir/dead_code.ts";
import { type IrFunction, isRequest, type PrimitiveName, type Variable } from "../ir/types.ts";
import { InternalError } from "../errors.ts";
import { batchRules } from "./batch_rules.ts";
import { type Batched, type BatchRule, lead } from "./batching.ts";
import { valueIn } from "../ir/structured.ts";

/** A function for all iterations at once: flagged inputs and all outputs have a leading axis of the given length. */
export function batchFunction(fn: IrFunction, mapped: readonly boolean[], length: number): IrFunction {
  const b = new Builder(fn.name);
  const inputs = fn.inputs.map((v, i) =>
    b.input(mapped[i] ? { dtype: v.dtype, shape: [length, ...v.shape] } : v, v.name)
  );
  const { outputs, mapped: flags } = batchInto(b, fn, { inputs, mapped, length });
  return eliminateDeadCode(b.finish(outputs.map((x, i) => lead(b, x, flags[i]!, length))));
}

/** Writes the batched function into a builder. What depends on no mapped input is written once, without the axis. */
function batchInto(
  b: Builder,
  fn: IrFunction,
  given: { readonly inputs: readonly Variable[]; readonly mapped: readonly boolean[]; readonly length: number },
): Batched {
  const { length } = given;
  const values = new Map<Variable, Variable>();
  const mapped = new Set<Variable>();
  const set = (variable: Variable, value: Variable, flag: boolean) => {
    values.set(variable, value);
    if (flag) mapped.add(variable);
  };
  const read = (variable: Variable) => valueIn(values, variable, fn);
  fn.inputs.forEach((input, i) => set(input, given.inputs[i]!, given.mapped[i]!));
  const origin = b.origin;
  for (const equation of fn.equations) {
    b.origin = equation.origin ?? origin;
    const inputs = equation.inputs.map(read);
    const flags = equation.inputs.map((x) => mapped.has(x));
    if (!flags.includes(true)) {
      const outputs = b.emit(equation.op, inputs, equation.params);
      equation.outputs.forEach((output, i) => set(output, outputs[i]!, false));
      continue;
    }
    const rule = batchRules[equation.op] as BatchRule<PrimitiveName>;
    const result = rule({ b, inputs, mapped: flags, length, params: equation.params, batch: batchInto });
    equation.outputs.forEach((output, i) => set(output, result.outputs[i]!, result.mapped[i]!));
  }
  b.origin = origin;
  return { outputs: fn.outputs.map(read), mapped: fn.outputs.map((x) => mapped.has(x)) };
}

/** The same function without `map` equations, in loops and maps of maps too: all iterations at once, or a loop over them where
 *  `looped` says so of the body. Expects no `gradient` requests. */
export function expandMaps(fn: IrFunction, looped: (body: IrFunction) => boolean = () => false): IrFunction {
  const done = new Map<IrFunction, IrFunction>();
  const expand = (f: IrFunction): IrFunction => {
    const known = done.get(f);
    if (known) return known;
    const b = new Builder(f.name);
    const values = new Map<Variable, Variable>();
    for (const input of f.inputs) values.set(input, b.input(input, input.name));
    for (const equation of f.equations) {
      b.origin = equation.origin;
      const inputs = equation.inputs.map((x) => values.get(x)!);
      let outputs: readonly Variable[];
      if (equation.op === "map") {
        const { length, constants } = equation.params;
        const body = expand(equation.params.body);
        const mapped = equation.inputs.map((_, i) => i >= constants);
        // Shapes of size 0 do not say how to split them
        if (length === 0) outputs = equation.outputs.map((type) => b.fill(0, type));
        else if (looped(body)) outputs = b.emit("scan", inputs, { body, length, constants, carry: 0, reverse: false });
        else {
          const batched = batchInto(b, body, { inputs, mapped, length });
          outputs = batched.outputs.map((x, i) => lead(b, x, batched.mapped[i]!, length));
        }
      } else if (equation.op === "scan") {
        outputs = b.emit("scan", inputs, { ...equation.params, body: expand(equation.params.body) });
      } else if (isRequest(equation.op)) {
        throw new InternalError(`The ${equation.op} in ${f.name} must be expanded before maps are`);
      } else {
        outputs = b.emit(equation.op, inputs, equation.params);
      }
      equation.outputs.forEach((output, i) => values.set(output, outputs[i]!));
    }
    const result = b.finish(f.outputs.map((x) => values.get(x)!));
    done.set(f, result);
    return result;
  };
  return eliminateDeadCode(expand(fn));
}
