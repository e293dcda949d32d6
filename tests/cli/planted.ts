// What does `verify` say of a program, also of one that was compiled wrongly? A planted fault leaves the values as they are and loses
// a term of every derivative.
import { parseArguments } from "../../cli/arguments.ts";
import { type Verified, verifyVerb } from "../../cli/verify.ts";
import { compileProgram } from "../../dsl/compile.ts";
import { main } from "../../meta.ts";
import { newVariable } from "../../runtime/ir/builder.ts";
import { bodyOf, type Equation, type IrFunction } from "../../runtime/ir/types.ts";
import type { ProgramFunction } from "../../runtime/program/program.ts";
import { capturedConsole } from "./captured_console.ts";

/** Runs `meta.ts verify` on a text. */
export async function verifyText(source: string, planted?: Verified, ...more: string[]) {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/program.meta`, source);
    const console = capturedConsole({ width: 120 });
    const args = ["verify", `${folder}/program.meta`, ...more];
    const command = parseArguments(args);
    if (command.kind !== "command") throw new Error(command.kind);
    const code = planted ? await verifyVerb(command.command, console, planted) : await main(args, console);
    return { code, ...console.written };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** A compiler that loses the derivative of one primitive. */
export function cutting(op: Equation["op"]): typeof compileProgram {
  const cut = <F extends ProgramFunction>(program: F): F => ({ ...program, fn: withoutDerivative(program.fn, op) });
  return (input) => {
    const output = compileProgram(input);
    const { program } = output;
    if (!program) return output;
    return {
      ...output,
      program: {
        ...program,
        outers: program.outers.map((o) => ({ ...o, step: cut(o.step) })),
        gradients: program.gradients.map((g) => ({ ...g, fn: cut(g.fn) })),
        simulations: program.simulations.map((s) => ({ ...s, fn: cut(s.fn) })),
        evaluations: program.evaluations.map((e) => ({ ...e, fn: cut(e.fn) })),
      },
    };
  };
}

function withoutDerivative(fn: IrFunction, op: Equation["op"]): IrFunction {
  const equations = fn.equations.flatMap((equation): Equation[] => {
    const body = bodyOf(equation);
    if (body) return [{ ...equation, params: { ...equation.params, body: withoutDerivative(body, op) } } as Equation];
    if (equation.op !== op) return [equation];
    const still = equation.inputs.map((x) => newVariable(x));
    const stops = equation.inputs.map((x, i): Equation => ({
      op: "stop_gradient",
      inputs: [x],
      outputs: [still[i]!],
      params: {},
      origin: undefined,
    }));
    return [...stops, { ...equation, inputs: still } as Equation];
  });
  return { ...fn, equations };
}
