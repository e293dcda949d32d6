// What must the forward pass of a loop keep for the backward pass? Of the known values that the unknown part of a body
// reads, some are inputs of the body anyway, some cost nothing to compute again, some are the same at every step. What is
// stacked, one slice a step, is the smallest set of values from which all the others follow.
import { entryBytes, type Equation, isCheap, sizeOf, type Variable } from "../ir/types.ts";
import { minimumCut } from "./minimum_cut.ts";

/** What a differentiated loop keeps of its forward pass.
 *  - `all`: what the backward pass reads, or less where the rest is cheap to compute again: fastest.
 *  - `carry`: only the carry of every step; the backward pass computes the step again from it: least memory.
 *  Gradients are the same to the last bit. */
export type ResidualPolicy = "all" | "carry";

/** How the unknown part of a body comes by the known values it reads. All variables are those of the known body. */
export interface ResidualPlan {
  /** Inputs of the body that the unknown body takes as well. */
  readonly inputs: ReadonlySet<Variable>;
  /** The same at every step, and not cheap: computed once, outside, by `outside`, and passed as constants. */
  readonly hoisted: readonly Variable[];
  readonly outside: readonly Equation[];
  /** Stacked by the known loop, one slice a step. */
  readonly stored: readonly Variable[];
  /** Written again at the start of the unknown body. */
  readonly again: readonly Equation[];
}

/** A body whose known part is written. */
export interface KnownBody {
  readonly constants: readonly Variable[];
  readonly carry: readonly Variable[];
  readonly stacked: readonly Variable[];
  readonly equations: readonly Equation[];
}

/** Where a value comes from in the unknown body. */
type Source = "input" | "stored" | "hoisted" | Equation;

/** Plans the residuals of a loop: `read` are the known variables that the unknown part of the body reads. */
export function planResiduals(
  body: KnownBody,
  read: ReadonlySet<Variable>,
  policy: ResidualPolicy,
): ResidualPlan {
  const sources = new Map<Variable, Source>();
  const invariant = new Set<Variable>(body.constants);
  for (const input of [...body.constants, ...body.stacked]) sources.set(input, "input");
  if (policy === "carry") { for (const input of body.carry) sources.set(input, "stored"); }
  for (const equation of body.equations) {
    const fixed = equation.inputs.every((x) => invariant.has(x));
    const again = isCheap(equation.op) || (policy === "carry" && !fixed);
    const available = again && equation.inputs.every((x) => sources.has(x));
    for (const output of equation.outputs) {
      if (fixed) invariant.add(output);
      if (available) sources.set(output, equation);
      else if (fixed) sources.set(output, "hoisted");
    }
  }
  for (const x of leastStored(body, read, sources)) sources.set(x, "stored");
  for (const equation of body.equations) {
    if (!isCheap(equation.op) || !equation.inputs.every((x) => sources.has(x))) continue;
    for (const output of equation.outputs) if (!sources.has(output)) sources.set(output, equation);
  }
  return demand(body, read, sources);
}

/** The values to stack: the smallest in bytes that cut what is read off from everything that is neither available nor
 *  cheap. A value that is read itself counts for three quarters: keeping it saves computing it again. */
function leastStored(
  body: KnownBody,
  read: ReadonlySet<Variable>,
  sources: ReadonlyMap<Variable, Source>,
): readonly Variable[] {
  const numbers = new Map<Variable, number>();
  const number = (x: Variable) => {
    if (!numbers.has(x)) numbers.set(x, numbers.size);
    return numbers.get(x)!;
  };
  const sinks = [...read].filter((x) => !sources.has(x)).map(number);
  const edges: [number, number][] = [];
  const follows = new Set<Variable>();
  for (let k = body.equations.length - 1; k >= 0; k--) {
    const equation = body.equations[k]!;
    if (!isCheap(equation.op)) continue;
    for (const output of equation.outputs) {
      if (!numbers.has(output)) continue;
      follows.add(output);
      for (const input of equation.inputs) if (!sources.has(input)) edges.push([number(input), number(output)]);
    }
  }
  const nodes = [...numbers.keys()];
  const roots = nodes.flatMap((x, n) => follows.has(x) ? [] : [n]);
  const cost = nodes.map((x) => (read.has(x) ? 3 : 4) * entryBytes[x.dtype] * Math.max(1, sizeOf(x.shape)));
  return [...minimumCut({ cost, edges, sources: roots, sinks })].map((n) => nodes[n]!);
}

/** Follows the sources back from what is read, and keeps what is really asked for, in the body's order. */
function demand(
  body: KnownBody,
  read: ReadonlySet<Variable>,
  sources: ReadonlyMap<Variable, Source>,
): ResidualPlan {
  const { again, asked } = backwards(body, read, (equation, output) => sources.get(output) === equation);
  const inOrder = [...body.constants, ...body.carry, ...body.stacked, ...body.equations.flatMap((e) => e.outputs)];
  const from = (kind: Source) => inOrder.filter((x) => asked.has(x) && sources.get(x) === kind);
  const hoisted = from("hoisted");
  return {
    inputs: new Set(from("input")),
    hoisted,
    outside: backwards(body, new Set(hoisted), () => true).again,
    stored: from("stored"),
    again,
  };
}

/** The equations that make what is wanted, back through those that `follow` accepts, and all the variables on the way. */
function backwards(
  body: KnownBody,
  wanted: ReadonlySet<Variable>,
  follow: (equation: Equation, output: Variable) => boolean,
): { readonly again: readonly Equation[]; readonly asked: ReadonlySet<Variable> } {
  const asked = new Set(wanted);
  const again: Equation[] = [];
  for (let k = body.equations.length - 1; k >= 0; k--) {
    const equation = body.equations[k]!;
    if (!equation.outputs.some((output) => asked.has(output) && follow(equation, output))) continue;
    again.push(equation);
    for (const input of equation.inputs) asked.add(input);
  }
  return { again: again.reverse(), asked };
}
