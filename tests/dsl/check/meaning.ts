// What does a program compute, in f64 on the reference backend, or what is wrong with it? For the tests of what the language says.
import { compileProgram } from "../../../dsl/compile.ts";
import type { InputValues } from "../../../dsl/data/inputs.ts";
import type { Run } from "../../../api/run.ts";
import { compile } from "../../../api/compile.ts";

interface Settings {
  readonly inputs?: InputValues;
  readonly seed?: number;
}

/** Runs a program in f64 on the reference backend. */
export function run(source: string, { inputs = {}, seed = 0 }: Settings = {}): Promise<Run> {
  const experiment = compile(`edition 1\nprecision f64\n${source}`, { inputs });
  return experiment.run({ backend: "reference", seed });
}

/** The codes of what is wrong with a program. */
export function codes(source: string, inputs: InputValues = {}): string[] {
  const text = `edition 1\nprecision f64\n${source}`;
  const { diagnostics } = compileProgram({
    root: { name: "a.meta", text },
    readSource: () => undefined,
    readData: () => undefined,
    inputs,
  });
  return diagnostics.filter((d) => d.severity === "error").map((d) => d.code);
}

/** The slope of the program's one gradient item in one input: (f(x + h) - f(x - h)) / 2h, error h^2 + 1e-16 / h. */
export async function slope(
  source: string,
  name: string,
  at: number,
  settings: Settings = {},
  h = 1e-5,
): Promise<number> {
  const value = async (x: number) =>
    (await run(source, { ...settings, inputs: { ...settings.inputs, [name]: x } })).value();
  return (await value(at + h) - await value(at - h)) / (2 * h);
}

/** The gradient for one number. */
export const scalar = (result: Run, name: string) => result.gradient(name).data[0]!;
