// What does a model compute for new inputs once a program has run? Where each of its parameters then stands, and the function that it is
// for arguments of given shapes.
import { UseError } from "../../runtime/errors.ts";
import { TooManyEquations, writingAtMost } from "../../runtime/ir/builder.ts";
import type { ArrayType } from "../../runtime/ir/types.ts";
import type { ModelProgram, SimulationProgram, WrittenModel } from "../../runtime/program/program.ts";
import { checkSimulation, nameOfRun, outermostOf } from "../check/check_items.ts";
import type { CheckedProgram, CheckedSimulation } from "../check/checked_program.ts";
import { DiagnosticSink } from "../diagnostics/diagnostic.ts";
import { type Draft, openFunction } from "../elaborate/functions.ts";
import { instancesOf, modelValue, tensorsIn } from "../elaborate/models.ts";
import { outersLearning, ownersOf } from "../elaborate/ownership.ts";
import { dtypeOf } from "../elaborate/sizes.ts";
import { callModel } from "../evaluate/model_calls.ts";
import type { Formal } from "../syntax/ast.ts";
import { pathText, visitItem } from "../syntax/paths.ts";
import { orNearest } from "../text/did_you_mean.ts";
import { quoted } from "../text/words.ts";
import type { Loop } from "../world/loop.ts";
import { stepsOf } from "../elaborate/steps.ts";
import { stops } from "../loops/until.ts";
import { staticNumber } from "../world/values.ts";
import { enterWorld } from "../world/moments.ts";
import { moduleScope } from "../world/report.ts";
import type { Context, Elaboration, InstanceNode, LeafDeclaration, Passed } from "../world/world.ts";
import type { Dim, StaticValue, TensorValue } from "../world/value_kinds.ts";
import { lowerSimulation } from "./lower_items.ts";
import { givenTrained, plansOf } from "./lower_program.ts";

/** What was written of a program, for the ends of loops that ran. */
interface Compiled {
  readonly el: Elaboration;
  readonly checked: CheckedProgram;
  readonly simulations: readonly SimulationProgram[];
}

/** A model of a program, or a part of one, by its name: `net`, `net.body`. Throws UseError when there is none of that name, and when it
 *  has no one value after a run. */
export function openModel(compiled: Compiled, name: string): ModelProgram {
  const { el } = compiled;
  const instances = instancesOf(el);
  const instance = instances.find(({ path }) => pathText(path) === name);
  if (!instance) {
    const names = instances.map(({ path }) => pathText(path));
    const there = names.length === 0 ? "it has no models" : `there is ${quoted(names)}`;
    throw new UseError(`This program has no model \`${name}\`: ${there}${orNearest(name, names)}`);
  }
  const ends = endsOf(compiled, instance);
  const { formals } = instance.model.item;
  const source = el.modules.sources.get(instance.model.module.source.name)!.text;
  return {
    name,
    arguments: formals.map(({ name: { name }, type }) => ({
      name,
      type: type && source.slice(type.span.start, type.span.end),
      dtype: type && dtypeOf(type.dtype?.name ?? "float", el.precision),
    })),
    ends,
    write: (types) => writeModel(compiled, instance, { types, ends }),
  };
}

// ------------------------------------------------------------------------------------------------ where its parameters stand

/** The loops in whose own runs parameters end, by the names of these. What stands elsewhere has its learned or declared value. */
function endsOf(compiled: Compiled, instance: InstanceNode): ReadonlyMap<string, SimulationProgram> {
  const { el, checked } = compiled;
  const learned = new Set(checked.outers.flatMap((o) => o.leaves));
  const ends = new Map<string, SimulationProgram>();
  const groups = new Map<string, ReturnType<typeof tensorsIn>[number][]>();
  for (const leaf of tensorsIn(instance)) {
    const owners = ownersOf(el, leaf.path).map((l) => l.name).join();
    groups.set(owners, [...(groups.get(owners) ?? []), leaf]);
  }
  for (const leaves of groups.values()) {
    refuseRunByOthers(compiled, instance, leaves);
    const owners = ownersOf(el, leaves[0]!.path);
    if (standsAfterRun(compiled, instance, owners)) continue;
    // what is learned of a network whose every start is learned is that start
    if (owners.length === 0 || leaves.every((leaf) => learned.has(leaf))) continue;
    const run = runOf(compiled, instance, owners);
    for (const name of run.ends) ends.set(name, run);
  }
  return ends;
}

const noOne = ({ path }: InstanceNode) => `There is no one \`${pathText(path)}\` after a run`;
const asOutput = "write what it computes as an `output`";

/** Throws where an outer that another loop runs learns a parameter. */
function refuseRunByOthers(
  { el, checked }: Compiled,
  instance: InstanceNode,
  leaves: readonly LeafDeclaration[],
): void {
  const own = new Set(checked.outers.map((o) => o.loop));
  const inside = leaves.flatMap((leaf) => outersLearning(el, leaf.path, false)).find((loop) => !own.has(loop));
  if (inside) throw new UseError(`${noOne(instance)}: each run of \`${inside.name}\` learns its own; ${asOutput}`);
}

/** True for what the only one of these loops changes that goes on from meta-step to meta-step: it has the value with which that stands
 *  after the run. Throws UseError where each task has its own. */
function standsAfterRun(
  { checked }: Compiled,
  instance: InstanceNode,
  owners: readonly Loop[],
): boolean {
  const movers = owners.flatMap((loop) => checked.outers.find((o) => o.warm.some((w) => w.loop === loop)) ?? []);
  if (movers.length !== 1) return false;
  const [{ loop, across }] = movers as [CheckedProgram["outers"][number]];
  if (!across) return true;
  throw new UseError(
    `${noOne(instance)}: each of the ${across.count} tasks of \`${loop.name}\` has its own; ${asOutput}`,
  );
}

/** The run of a loop by itself that goes through all loops that change something. Throws UseError when there is none. */
function runOf(compiled: Compiled, instance: InstanceNode, owners: readonly Loop[]): SimulationProgram {
  const { checked, simulations } = compiled;
  let why = "";
  for (const loop of owners) {
    const known = checked.simulations.find((s) => s.loop === loop);
    const found = known ? { checked: known } : checkAlone(compiled, loop);
    if ("why" in found) {
      why ||= found.why;
      continue;
    }
    const passed = outermostOf(found.checked.runs);
    if (!owners.every((owner) => passed.has(owner))) continue;
    return simulations.find((s) => s.loop === loop.name) ?? writeAlone(compiled, found.checked);
  }
  const names = quoted(owners.map((l) => l.name), " and ");
  throw new UseError(
    why
      ? `${noOne(instance)}: ${names} changes it, and cannot run by itself (${why}). Learn where it starts ` +
        `(\`over ${pathText(instance.path)}@0\` in an outer), or ${asOutput}, which has one for each task`
      : `${noOne(instance)}: ${names} change it, each from a start of its own; ${asOutput}, which says at what time`,
  );
}

/** A loop that items run, gone through as one that runs by itself; else why it cannot. */
function checkAlone({ el }: Compiled, loop: Loop): { readonly checked: CheckedSimulation } | { readonly why: string } {
  const sink = new DiagnosticSink(el.limits);
  const found = checkSimulation({ ...el, sink }, loop);
  const [mistake] = sink.diagnostics;
  return found && !mistake ? { checked: { ...found, outputs: [] } } : { why: mistake?.title ?? "it needs more" };
}

/** It draws as an item that runs the loop for itself: what is called then is what that printed. */
function writeAlone({ el, checked }: Compiled, simulation: CheckedSimulation): SimulationProgram {
  const drawsAs = nameOfRun(el, checked, outermostOf(simulation.runs));
  return within(el, () => lowerSimulation(el, { ...simulation, drawsAs }, givenTrained(checked, simulation.runs), []));
}

// ----------------------------------------------------------------------------------------------------------- the function

/** Writes the model for arguments of given types. Throws UseError where these do not fit its declaration. */
function writeModel(
  { el, checked }: Compiled,
  instance: InstanceNode,
  { types, ends }: Pick<ModelProgram, "ends"> & { readonly types: readonly ArrayType[] },
): WrittenModel {
  const { item, module } = instance.model;
  const own = { ...el, sink: new DiagnosticSink(el.limits) };
  return within(el, () => {
    // drawn as declared values are, in the name of no loop
    const draft = openFunction(own, `model ${pathText(instance.path)}`, {
      consumer: "",
      scope: moduleScope(module),
      present: true,
      persistent: new Set(checked.persistent.map((leaf) => leaf.name)),
      plans: plansOf(checked.startRuns),
    });
    const standing = new Set(checked.outers.flatMap(({ across, warm }) => across ? [] : warm.flatMap((w) => w.leaves)));
    const values = new Map<string, TensorValue>();
    for (const leaf of el.leaves.values()) {
      const evolved = ends.has(leaf.name) || checked.persistent.includes(leaf) || standing.has(leaf);
      if (evolved) values.set(leaf.name, { kind: "tensor", variable: inputOf(draft, leaf), dims: leaf.dims });
    }
    const time = timeAtEnd(draft.cx, instance, ends);
    const world = enterWorld(draft.world, { values, ...(time === undefined ? {} : { time }) });
    const cx = { ...draft.cx, world };
    const named = namesOfSizes(item.formals, types, (name) => module.visible.has(name));
    const args = item.formals.map((formal, i) => passed(draft, formal, types[i]!, named));
    const result = callModel(cx, modelValue(cx, instance), args, item.name.span);
    const [mistake] = own.sink.diagnostics;
    if (result.kind === "record" && !mistake) {
      throw new UseError(
        `\`${pathText(instance.path)}\` returns several values: a script calls a model that returns one`,
      );
    }
    if (result.kind !== "tensor" || mistake) {
      const label = mistake?.primary.message ? `: ${mistake.primary.message}` : "";
      throw new UseError(`${mistake?.title ?? `\`${pathText(instance.path)}\` cannot be called so`}${label}`);
    }
    return {
      fn: draft.finish([result.variable]),
      dims: result.dims.map((d) => d.name ?? String(d.size)),
    };
  });
}

/** How many steps have made what a model is: those of the loop at whose end it is called. Throws UseError where only the loop knows
 *  that, and the model asks. */
function timeAtEnd(cx: Context, instance: InstanceNode, ends: ModelProgram["ends"]): StaticValue | undefined {
  const [run] = ends.values();
  const loop = run && cx.elaboration.loops.get(run.loop);
  if (!loop) return undefined;
  if (!stops(loop)) return staticNumber(stepsOf(cx, loop)!, "int");
  if (!asksForTime(instance)) return undefined;
  throw new UseError(`${noOne(instance)}: it reads \`t\`, and \`${loop.name}\` may stop at any step; ${asOutput}`);
}

/** True for a model whose body reads `t`, itself or in its parts. */
function asksForTime({ model: { item }, children }: InstanceNode): boolean {
  let asks = false;
  visitItem(item, (e) => asks ||= e.kind === "Name" && e.name === "t");
  return asks || [...children.values()].some((child) => child !== undefined && asksForTime(child));
}

const inputOf = ({ world }: Draft, { name }: LeafDeclaration) => world.consumer.input({ kind: "leaf", name });

/** The sizes that the declaration names for itself, where all arguments agree in them; of others a message shows the numbers. */
function namesOfSizes(
  formals: readonly Formal[],
  types: readonly ArrayType[],
  isDefined: (name: string) => boolean,
): ReadonlySet<string> {
  const sizes = new Map<string, Set<number>>();
  formals.forEach(({ type }, i) =>
    type?.sizes?.forEach((said, axis) => {
      if (said.kind !== "Name" || isDefined(said.name)) return;
      const size = type.sizes!.length === types[i]!.shape.length ? types[i]!.shape[axis]! : NaN;
      sizes.set(said.name, (sizes.get(said.name) ?? new Set()).add(size));
    })
  );
  return new Set([...sizes].flatMap(([name, found]) => found.size === 1 && !found.has(NaN) ? [name] : []));
}

/** An argument, with the names that its declaration has for its sizes. */
function passed(
  draft: Draft,
  { name: { name }, type, span }: Formal,
  given: ArrayType,
  named: ReadonlySet<string>,
): Passed {
  const variable = draft.input({ kind: "argument", name, type: given }, given);
  const dims = given.shape.map((size, axis): Dim => {
    const said = type?.sizes?.[axis];
    return said?.kind === "Name" && named.has(said.name) ? { size, name: said.name } : { size };
  });
  return { value: { kind: "tensor", variable, dims }, span };
}

/** Writes functions within the limit of a program's. */
function within<T>({ limits }: Elaboration, work: () => T): T {
  try {
    return writingAtMost(limits.equations, work);
  } catch (error) {
    if (!(error instanceof TooManyEquations)) throw error;
    throw new UseError(`This unfolds into more than ${limits.equations} equations`);
  }
}
