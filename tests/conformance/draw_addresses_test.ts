// Does any draw of a nested program have the bits of another? Every key with its counter, collected where the program draws.
import { assertEquals } from "@std/assert";
import { compileProgram } from "../../dsl/compile.ts";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { newVariable } from "../../runtime/ir/builder.ts";
import { type Equation, type IrFunction, sizeOf, type Variable } from "../../runtime/ir/types.ts";

/** A function that gives, in place of its outputs, [..., 5]: key and counter of all that is drawn. What is only a key is left out. */
function addresses(fn: IrFunction): IrFunction {
  const read = new Set(fn.equations.flatMap((e) => e.op === "random_bits" ? [e.inputs[0]!] : []));
  const found: Variable[] = [];
  const equations = fn.equations.flatMap((equation): Equation[] => {
    if (equation.op === "random_bits" && !read.has(equation.outputs[0]!)) {
      const address = newVariable({ dtype: "i32", shape: [5] });
      found.push(address);
      return [equation, {
        op: "concat",
        inputs: equation.inputs,
        outputs: [address],
        params: { axis: 0 },
        origin: equation.origin,
      }];
    }
    if (equation.op !== "map" && equation.op !== "scan") return [equation];
    const inside = addresses(equation.params.body);
    const more = inside.outputs.map(({ shape }) =>
      newVariable({ dtype: "i32", shape: [equation.params.length, ...shape] })
    );
    found.push(...more);
    const body = { ...inside, outputs: [...equation.params.body.outputs, ...inside.outputs] };
    return [{
      ...equation,
      outputs: [...equation.outputs, ...more],
      params: { ...equation.params, body },
    } as Equation];
  });
  return { ...fn, equations, outputs: found };
}

/** Every address of a program, drawn for seed 0, that its functions compute. */
function collect(source: string): string[] {
  const { program, diagnostics } = compileProgram({
    root: { name: "program.meta", text: source },
    readSource: () => undefined,
    readData: () => undefined,
  });
  if (!program) throw new Error(JSON.stringify(diagnostics));
  const functions = [...program.outers.map((o) => o.step), ...program.evaluations.map((e) => e.fn)];
  return functions.flatMap(({ fn }) => {
    const all = addresses(expandGradients(fn));
    const inputs = all.inputs.map(({ dtype, shape }) => ({ dtype, shape, data: new Int32Array(sizeOf(shape)) }));
    return referenceBackend.compile(all).run(inputs as never).flatMap(({ data }) =>
      Array.from({ length: data.length / 5 }, (_, i) => data.slice(5 * i, 5 * i + 5).join(" "))
    );
  });
}

const definitions = `edition 1
  precision f64
  task t { split s { c : [] ~ uniform(0, 1) } }
  model noise() -> [] { draw u : [] ~ uniform(0, 1) return u }
  model walk() -> [] { scan run over t in 0 .. 4 { state h : [] = 0  h' = h + noise() } return run.h[-1] + noise() }
  model net() -> [] { w : [] ~ normal(0, 1) return w }
  data d { x : [4] = [1, 2, 3, 4] }
  param theta = 0
  param phi = 0
  inner low { minimize (net() - s.c)^2 * walk() * sum(d.x)  batch 2 of d  over net by sgd(lr = 0.1) for T = 3 steps }
  inner fit { minimize (theta - low.loss@T)^2 * walk()  over theta by sgd(lr = 0.1) for S = 2 steps }`;

Deno.test("no two draws of four nested loops have an address in common", () => {
  const found = collect(`${definitions}
    outer mid { minimize (phi - fit.loss@S)^2 * walk() * s.c  across 2 t  over phi by sgd(lr = 0.1) for M = 3 steps }
    evaluate e { across 3 t report mid.loss@M + walk() + s.c report fit.loss@S }
    evaluate f { across 3 t report mid.loss@M + walk() + s.c report fit.loss@S }`);
  // of an evaluation's task: c, walk, and fit as it is run there, M + 1 times 2 tasks of mid with the same; of fit: S + 1 times walk,
  // low, and the start of what low evolves where fit begins; of low: T + 1 times walk and a batch
  const walk = 5 + 1;
  const low = 4 * (walk + 1);
  const fit = 3 * (walk + low) + 1;
  const task = 1 + walk + fit;
  assertEquals(found.length, 2 * 3 * (task + 4 * 2 * task));
  assertEquals(new Set(found).size, found.length);
});
