// Is the gradient right that the steps of a loop go down? From outside it cannot be seen: a loop that follows another direction is
// another loop. So each loop's own objective is taken out of the program as it stands at the first step.
import { Builder, buildFunction } from "../ir/builder.ts";
import { eliminateDeadCode } from "../ir/dead_code.ts";
import { sectionsOf } from "../ir/structured.ts";
import type { EquationOf, IrFunction, Variable } from "../ir/types.ts";
import type { Backend } from "../backend/interface.ts";
import { openExecutables } from "../loop/executables.ts";
import type { InputSlot, ProgramFunction } from "../program/program.ts";
import { type DifferentiatedScalar, noTasks, type Point } from "./check_gradient.ts";

/** What a loop goes down, at its first step in the first task. */
export interface InnerObjective {
  readonly scalar: DifferentiatedScalar;
  /** Its code: (what it reads ..., parameters ...) -> (value, ...). */
  readonly body: IrFunction;
  readonly point: Point;
}

interface Found {
  readonly request: EquationOf<"gradient">;
  readonly inputs: readonly Variable[];
}

/** The objectives of the loops that a function runs, also of those inside others, each once. */
export function innerObjectives(backend: Backend, { fn, inputs }: ProgramFunction, point: Point): InnerObjective[] {
  const b = new Builder(`${fn.name} first steps`);
  const found: Found[] = [];
  const own = fn.equations.findLast((e) => e.op === "gradient");
  enter(b, fn, fn.inputs.map((v) => b.input(v, v.name)), (request, at) => {
    const { body, wrt } = request.params;
    const known = found.some((f) => f.request.params.body.name === body.name);
    // a loop of which only what stands beside its objective is read goes down nothing
    if (request !== own && !known && wrt.length > 0) found.push({ request, inputs: at });
  });
  if (found.length === 0) return [];
  const values = eliminateDeadCode(b.finish(found.flatMap((f) => f.inputs.map((x) => b.resolve(x)))));
  const executables = openExecutables(backend);
  const arrays = [...executables.call({ fn: values, inputs }, { ...point, step: 0, tasks: noTasks }).outputs];
  executables.dispose();
  return found.map(({ request }) => objectiveOf(request, arrays.splice(0, request.inputs.length), point));
}

/** Writes a function, and of the loops in it the first turn, so that what stands inside has a value outside. */
function enter(
  b: Builder,
  fn: IrFunction,
  inputs: readonly Variable[],
  meet: (request: EquationOf<"gradient">, inputs: readonly Variable[]) => void,
): void {
  const values = new Map(fn.inputs.map((v, i): [Variable, Variable] => [v, inputs[i]!]));
  const turn = (x: Variable, index: number) => b.row(x, index);
  for (const equation of fn.equations) {
    const own = equation.inputs.map((x) => values.get(x)!);
    const outputs = b.emit(equation.op, own, equation.params);
    equation.outputs.forEach((x, i) => values.set(x, outputs[i]!));
    if (equation.op === "gradient") {
      meet(equation, own);
      enter(b, equation.params.body, own, meet);
    } else if ((equation.op === "map" || equation.op === "scan") && equation.params.length > 0) {
      const { body, length } = equation.params;
      const { constants, carry, stacked } = sectionsOf(equation.params, own);
      const first = equation.op === "scan" && equation.params.reverse ? length - 1 : 0;
      enter(b, body, [...constants, ...carry, ...stacked.map((x) => turn(x, first))], meet);
    }
  }
}

function objectiveOf(
  { params: { body, wrt, mode }, inputs }: EquationOf<"gradient">,
  arrays: readonly (InnerObjective["point"]["seed"])[],
  point: Point,
): InnerObjective {
  const names = inputs.map((_, i) => wrt.includes(i) ? body.inputs[i]!.name ?? `parameter ${i}` : `input ${i}`);
  const slots = names.map((name): InputSlot => ({ kind: "leaf", name }));
  const value = buildFunction(body.name, inputs, (b, x) => [b.inline(body, x)[0]!]);
  const gradient = buildFunction(body.name, inputs, (b, x) => {
    const [first, ...rest] = b.emit("gradient", x, { body, wrt, mode });
    return [first!, ...rest.slice(body.outputs.length - 1)];
  });
  return {
    body,
    scalar: {
      name: body.name,
      value: { fn: value, inputs: slots },
      gradient: { fn: gradient, inputs: slots },
      leaves: wrt.map((i) => names[i]!),
    },
    point: { ...point, leaves: new Map(names.map((name, i) => [name, arrays[i]!])) },
  };
}
