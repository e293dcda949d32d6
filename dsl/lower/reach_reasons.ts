// Why does a meta-parameter have no influence? Asked once it is known that it has none. Each reason is tried: it is given only
// where the parameter would reach the objective if just that were otherwise.
import { expandForInfluence, influencesIf, isCrossing, type Supposition } from "../../runtime/autodiff/influence.ts";
import { buildFunction } from "../../runtime/ir/builder.ts";
import { eliminateDeadCode } from "../../runtime/ir/dead_code.ts";
import { neededInputs } from "../../runtime/ir/structured.ts";
import {
  bodyOf,
  type Equation,
  type EquationOf,
  type IrFunction,
  type PrimitiveName,
  type PrimitiveParameters,
  type Variable,
} from "../../runtime/ir/types.ts";
import { leafOf, type ProgramFunction } from "../../runtime/program/program.ts";
import type { Label } from "../diagnostics/diagnostic.ts";
import { solvesStep } from "../loops/estimators.ts";
import { withoutTelling } from "../loops/finite_objectives.ts";
import type { LeafDeclaration } from "../world/world.ts";
import type { EstimatorKind, Loop } from "../world/loop.ts";
import { isWarm } from "../loops/standing.ts";
import { leadsTo, referenceText } from "../syntax/paths.ts";
import { isLibrary, type Span } from "../text/source.ts";

/** What is said at a meta-parameter that has no influence. */
export interface Cause {
  readonly label: string;
  readonly secondary?: readonly Label[];
  readonly hint?: string;
}

/** What is looked at to find a reason. */
export interface Evidence {
  /** The function that is differentiated, loops and products with 0 written out, and nothing in it that nobody reads. */
  readonly fn: IrFunction;
  /** The inputs of `fn` that a leaf is, by its name. */
  readonly inputs: ReadonlyMap<string, number>;
  /** The same before anything was differentiated. */
  readonly written: IrFunction;
}

/** The evidence in a function of a program. Samples take no derivative: there what counts is its value. */
export function evidenceOf({ fn, inputs }: ProgramFunction): Evidence {
  const request = fn.equations.findLast((e): e is EquationOf<"gradient"> => e.op === "gradient");
  const named = (position: number, variable: Variable): [string, number][] => {
    const name = leafOf(inputs[fn.inputs.indexOf(variable)]);
    return name === undefined ? [] : [[name, position]];
  };
  const of = request?.params.body ?? fn;
  const names = request
    ? request.params.wrt.flatMap((position) => named(position, request.inputs[position]!))
    : fn.inputs.flatMap((variable, position) => named(position, variable));
  const written = { ...of, outputs: of.outputs.slice(0, 1) };
  // steps that are written out would be no loop's
  const expanded = expandForInfluence(written, 0);
  return { fn: eliminateDeadCode(withoutTelling(expanded)), inputs: new Map(names), written };
}

/** What is asked: why nothing of these leaves, which are one reference, reaches what is differentiated. */
export interface Question {
  readonly leaves: readonly LeafDeclaration[];
  /** The reference is to where something starts. */
  readonly start: boolean;
  /** The loops that what is differentiated runs. */
  readonly inners: ReadonlySet<Loop>;
  /** What they change. */
  readonly evolved: readonly LeafDeclaration[];
  /** The number of steps of a loop. */
  readonly steps: (loop: Loop) => number | undefined;
}

/** Why leaves have no influence; the most that can be shown. */
export function causeOf(question: Question, evidence: Evidence): Cause {
  const { fn, inputs } = evidence;
  const used = usedInputs(fn);
  const positions = question.leaves.flatMap((leaf) => {
    const position = inputs.get(leaf.name);
    return position !== undefined && used.has(position) ? [position] : [];
  });
  const bits = positions.reduce((all, p) => all | 1n << BigInt(p), 0n);
  const reaches = (supposed: Supposition) => {
    const found = influencesIf(fn, supposed);
    return positions.length > 0 && positions.every((p) => found.has(p));
  };
  const trial: Trial = { question, fn, bits, reaches };
  return warmCause(question) ?? estimatorCause(trial) ?? crossingCause(trial) ?? laterCause(trial) ??
    startCause(trial) ?? zeroCause(trial) ??
    branchCause(trial) ?? flatCause(question, evidence) ??
    {
      label: positions.length > 0
        ? "every way from it to the objective has derivative zero"
        : "nothing that the objective is computed from depends on it",
    };
}

interface Trial {
  readonly question: Question;
  readonly fn: IrFunction;
  /** The leaves as bits of what is reached. */
  readonly bits: bigint;
  readonly reaches: (supposed: Supposition) => boolean;
}

/** The start of what goes on from meta-step to meta-step acts once, before the first. */
function warmCause({ start, inners, leaves }: Question): Cause | undefined {
  const changes = (loop: Loop, { path }: LeafDeclaration) =>
    loop.rules.some((r) => r.paths.some((p) => leadsTo(p, path)));
  const loop = start ? [...inners].find((l) => isWarm(l) && leaves.every((leaf) => changes(l, leaf))) : undefined;
  return loop && {
    label: `\`${loop.name}\` goes on from where the meta-step before left it, so where it starts acts once`,
    secondary: [{ span: loop.from!.span, message: "because of this" }],
    hint: "leave out `from`, or learn the start in an outer before this one, by a loop without `from`",
  };
}

// ------------------------------------------------------------------------------------------------ what an estimator cuts

function estimatorCause({ question, reaches }: Trial): Cause | undefined {
  const estimated = [...question.inners].filter((l) => l.through.span);
  const loop = estimated.find((l) => reaches({ passes: (e) => isAt(e, l.through.span!) }));
  if (!loop) return undefined;
  const secondary = [{ span: loop.through.span!, message: "because of this" }];
  return { ...cuts[loop.through.kind](loop, question, question.leaves.every((leaf) => leaf.loop === loop)), secondary };
}

/** What each estimator does not let through; the rest of what it says is that of `estimatorCause`. */
type Cut = (loop: Loop, question: Question, own: boolean) => { readonly label: string; readonly hint?: string };

const unrolling = "write `through unroll()`";

const cuts: { readonly [K in EstimatorKind]: Cut } = {
  unroll: window,
  forward: window,
  es: window,
  pes: window,
  first_order: ({ name }) => ({
    label: `it acts only through the gradient of \`${name}\`, which counts as a constant`,
    hint: unrolling,
  }),
  finite_difference: ({ name, through: { kind } }, _question, own) => ({
    label: own
      ? `\`${kind}\` sees the objective of \`${name}\` at its end only, and no step of it`
      : `\`${kind}\` sees only what \`${name}\` minimizes at its end`,
    hint: unrolling,
  }),
  implicit(loop, { start }, own) {
    const sees = `\`implicit\` sees where \`${loop.name}\` ends as a solution`;
    if (own) {
      const label = solvesStep(loop)
        ? `\`fixed_point\` sees one step where \`${loop.name}\` ends, and that has no derivative with respect to it`
        : `${sees}, and a solution does not depend on how it was reached`;
      return { label, hint: unrolling };
    }
    if (start) {
      return {
        label: `${sees}, which forgets its start`,
        hint: `${unrolling}, or keep the start in what is minimized: \`+ 0.5 * sum((w - w@0)^2)\``,
      };
    }
    const equation = solvesStep(loop) ? "what one step changes there" : "the gradient that is zero there";
    return { label: `${sees}, and ${equation} does not move with it` };
  },
};

function window({ name }: Loop): ReturnType<Cut> {
  return {
    label: `the window of \`${name}\` ends before derivatives get there`,
    hint: `${unrolling}, or give a longer \`window\``,
  };
}

// ------------------------------------------------------------------------------------------- what no derivative passes

const crossingText: { readonly [P in PrimitiveName]?: string } = {
  stop_gradient: "no derivative passes `stop_gradient`",
  sign: "the derivative of `sign` is zero",
  floor: "a number rounded to an integer has derivative zero",
  argmax: "an index has no derivative",
  convert: "an integer has no derivative",
};

function crossingCause({ fn, bits, reaches }: Trial): Cause | undefined {
  if (!reaches({ passes: () => true })) return undefined;
  const met = new Map<string, { readonly span: Span; readonly op: PrimitiveName; readonly of: Stopped | undefined }>();
  influencesIf(fn, { passes: () => true }, (equation, inputs) => {
    const { origin, op } = equation;
    if (!origin || !isCrossing(equation) || !inputs.some((x) => (x.reached & bits) !== 0n)) return;
    const key = `${origin.source} ${origin.start} ${origin.end}`;
    met.set(key, { span: origin, op, of: stoppedOf(equation) ?? met.get(key)?.of });
  });
  const places = [...met.values()];
  const enough = places.filter(({ span }) => reaches({ passes: (e) => isAt(e, span) }));
  const shown = (enough.length > 0 ? enough : places).filter(({ span }) => !isLibrary(span.source)).slice(0, 3);
  const draws = shown.length > 0 && shown.every((place) => place.of === "probabilities");
  return {
    label: draws ? "it acts only through the probabilities of a draw" : "it is read only where derivatives are zero",
    secondary: shown.map(({ span, op, of }) => ({
      span,
      message: of ? stoppedText[of] : crossingText[op] ?? "a comparison has no derivative",
    })),
    ...(draws && { hint: sampling }),
  };
}

/** What a `stop_gradient` stands for that the program does not say. */
type Stopped = NonNullable<PrimitiveParameters["stop_gradient"]["of"]>;

const stoppedText: { readonly [S in Stopped]: string } = {
  probabilities: "no derivative passes a draw by probabilities",
  order: "the order of entries has no derivative",
};

const stoppedOf = ({ op, params }: Equation): Stopped | undefined =>
  op === "stop_gradient" && "of" in params ? params.of : undefined;

const sampling = "an inner loop with `through es(…)` needs no derivative";

/** True where the probabilities of a draw are handed to it. */
const weighs = (equation: Equation) => stoppedOf(equation) === "probabilities";

/** True when a function draws by probabilities that it computes. */
export function drawsByProbabilities({ equations }: IrFunction): boolean {
  return equations.some((equation) => {
    const body = bodyOf(equation);
    return weighs(equation) || body !== undefined && drawsByProbabilities(body);
  });
}

/** Where leaves act on probabilities by which something is drawn that is read. */
export function probabilitiesOf(leaves: readonly LeafDeclaration[], { fn, inputs }: Evidence): readonly Span[] {
  const bits = leaves.reduce((all, { name }) => {
    const position = inputs.get(name);
    return position === undefined ? all : all | 1n << BigInt(position);
  }, 0n);
  const places = new Map<string, Span>();
  influencesIf(fn, {}, (equation, [x]) => {
    const { origin } = equation;
    if (!origin || !weighs(equation) || (x!.reached & bits) === 0n) return;
    places.set(`${origin.source} ${origin.start} ${origin.end}`, origin);
  });
  return [...places.values()];
}

// -------------------------------------------------------------------------------------------- what is not so soon, or 0

function laterCause({ question: { inners, steps }, reaches }: Trial): Cause | undefined {
  for (const loop of inners) {
    const T = steps(loop);
    const secondary = [{ span: loop.count.span, message: T === 1 ? "one step" : "" }];
    if (T !== undefined && reaches({ longer: loop.name })) {
      let more = 1;
      while (!reaches({ longer: loop.name, more })) more++;
      return {
        label: T === 1
          ? `it acts from the second step on, and \`${loop.name}\` runs one step`
          : `it acts only after the last step of \`${loop.name}\``,
        secondary,
        hint: `run \`${loop.name}\` for ${T + more} steps at least`,
      };
    }
    if (reaches({ later: loop.name })) {
      return {
        label: `it acts only at other times of \`${loop.name}\` than those that are read`,
        secondary,
        hint: `read a later time, such as \`@${loop.timeName}\``,
      };
    }
  }
  return undefined;
}

/** What something multiplies that starts where its factor is 0. */
function startCause({ question: { evolved }, fn, reaches }: Trial): Cause | undefined {
  const leaf = evolved.find((l) => reaches({ started: l.name }));
  if (!leaf) return undefined;
  let value: number | undefined;
  influencesIf(fn, {}, (equation, inputs) => {
    if (equation.op !== "scan") return;
    const { constants, carry, body } = equation.params;
    const i = body.inputs.findIndex((v, i) => i >= constants && i < constants + carry && v.name === leaf.name);
    value ??= inputs[i]?.value;
  });
  const starts = value === undefined ? "starts here" : `starts at ${value}`;
  return {
    label: `the derivative with respect to it is zero where \`${leaf.name}\` ${starts}`,
    secondary: [{ span: leaf.span, message: starts }],
    hint: `start \`${leaf.name}\` elsewhere, such as at ${value === 0.1 ? 0.2 : 0.1}`,
  };
}

const zeroText = "one factor of this is 0 for good";

function zeroCause({ fn, bits, reaches }: Trial): Cause | undefined {
  if (!reaches({ nothingZero: true })) return undefined;
  const places = new Map<string, Span>();
  influencesIf(fn, {}, ({ op, origin }, inputs) => {
    if (!origin || isLibrary(origin.source) || !products.has(op)) return;
    if (!inputs.some((x) => x.value === 0) || !inputs.some((x) => (x.reached & bits) !== 0n)) return;
    places.set(`${origin.source} ${origin.start} ${origin.end}`, origin);
  });
  return {
    label: "whatever depends on it is multiplied by 0",
    secondary: [...places.values()].slice(0, 3).map((span) => ({ span, message: zeroText })),
  };
}

const products: ReadonlySet<PrimitiveName> = new Set(["mul", "div", "dot_general", "conv"] as const);

function branchCause({ fn, bits, reaches }: Trial): Cause | undefined {
  if (!reaches({ anyBranch: true })) return undefined;
  const places = new Map<string, Span>();
  influencesIf(fn, { anyBranch: true }, ({ op, origin }, inputs) => {
    if (op !== "select" || !origin || isLibrary(origin.source) || inputs[0]!.value === undefined) return;
    if (!inputs.some((x) => (x.reached & bits) !== 0n)) return;
    places.set(`${origin.source} ${origin.start} ${origin.end}`, origin);
  });
  return {
    label: "it is read only where a condition does not hold",
    secondary: [...places.values()].slice(0, 3).map((span) => ({ span, message: "this takes the other branch" })),
  };
}

// ------------------------------------------------------------------------------------------------------ what is not read

/** What a loop minimizes depends on the leaves, and its gradient does not. */
function flatCause({ leaves, inners }: Question, { written }: Evidence): Cause | undefined {
  const names = new Set(leaves.map((leaf) => leaf.name));
  for (const loop of inners) {
    const found = requestsOf(written, `${loop.name}.loss`);
    const reading = found.filter(({ body }) => readNames(body).some((name) => names.has(name)));
    if (reading.length === 0 || reading.some((request) => gradientReads(request, names))) continue;
    return {
      label: `the gradient of what \`${loop.name}\` minimizes does not depend on it`,
      secondary: [{ span: loop.objective.span, message: "it is a term of its own here, or flat" }],
      hint: `let it act on what \`${loop.name}\` changes: ${changed(loop)}`,
    };
  }
  return undefined;
}

const changed = (loop: Loop) =>
  loop.rules.flatMap((rule) => rule.references).flatMap((r) => `\`${referenceText(r) ?? "its parameters"}\``).join(
    ", ",
  );

type Request = EquationOf<"gradient">["params"];

function requestsOf(fn: IrFunction, name: string): Request[] {
  return fn.equations.flatMap((equation) => {
    const body = bodyOf(equation);
    const own = equation.op === "gradient" && equation.params.body.name === name ? [equation.params] : [];
    return body ? [...own, ...requestsOf(body, name)] : own;
  });
}

function readNames(fn: IrFunction): string[] {
  const used = usedInputs(fn);
  return fn.inputs.flatMap((v, i) => used.has(i) && v.name !== undefined ? [v.name] : []);
}

/** True when the gradients of a request, but for its value, read an input of one of these names. */
function gradientReads({ body, wrt, mode }: Request, names: ReadonlySet<string>): boolean {
  const alone = buildFunction(
    "gradient",
    body.inputs,
    (b, inputs) =>
      b.emit("gradient", inputs, { body: { ...body, outputs: body.outputs.slice(0, 1) }, wrt, mode }).slice(1),
  );
  const used = usedInputs(expandForInfluence(alone));
  return body.inputs.some((v, i) => used.has(i) && v.name !== undefined && names.has(v.name));
}

/** The positions of the inputs that a function reads. */
export function usedInputs(fn: IrFunction): ReadonlySet<number> {
  const needed = neededInputs(withoutTelling(fn), fn.outputs.map(() => true));
  return new Set(fn.inputs.flatMap((_, i) => needed[i] ? [i] : []));
}

const isAt = ({ origin }: Equation, span: Span) =>
  origin?.source === span.source && origin.start === span.start && origin.end === span.end;
