// What does a call make of the states that a model holds? Where a loop goes down its objective, the calls of what it evolves are
// training calls: each moves the states of what it calls by one update. Every other call reads them, and changes nothing.
import { type Binding, isOfStep, type NextMember, type StateMember } from "../syntax/ast.ts";
import { nextValue } from "../elaborate/equations.ts";
import { evolvesWhole } from "../elaborate/ownership.ts";
import { known, lazily } from "../world/moments.ts";
import { fail } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import { errorValue, staticNumber } from "../world/values.ts";
import { metaStepsMade } from "../loops/meta_steps.ts";
import type { Context, InstanceNode, LeafDeclaration, Local, Training, Value, World } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { dependsOnItself } from "../diagnostics/messages.ts";

/** The objective that a call moves states for, with the world that it is written in; undefined where it is not a training call. */
function trainingOf({ elaboration, world }: Context, { path }: InstanceNode) {
  for (let w: World | undefined = world; w; w = w.parent) {
    const { training } = w;
    if (training) return evolvesWhole(elaboration, training.loop, path) ? { training, b: w.b } : undefined;
    // what stands in a model at a time beside what its loop changes is there as it is now
    const beside = isMoment(w) && ![...w.owns].some((loop) => evolvesWhole(elaboration, loop, path));
    // what another loop or a task runs, and a model at a time, are no part of what is gone down
    if (w.task || w.owns.size > 0 && !beside) return undefined;
  }
  return undefined;
}

/** True for the world of a model at a time. */
const isMoment = ({ time, step }: World) => time !== undefined && step === undefined;

/** What a body may call the call that it is gone through for. */
export const wordsOfCalls = ["training", "t"] as const;

/** The words that a body has for the call that it is gone through for: `training` holds in a training call, and `t` is the number of
 *  steps after which the model stands as it is called: the time of `net@t`, the step of the loop around; where there is none, how many
 *  meta-steps the outers that evolve the model have made. */
export function wordsOfCall(body: Context, instance: InstanceNode): Map<string, Local> {
  const { visible } = instance.model.module;
  const words = new Map<string, Local>();
  const training = trainingOf(body, instance) !== undefined;
  const add = (name: typeof wordsOfCalls[number], local: Local) => visible.has(name) || words.set(name, local);
  add("training", known({ kind: "static", type: "bool", value: training ? 1 : 0 }));
  add("t", lazily(() => timeOf(body, instance), () => errorValue));
  return words;
}

function timeOf(cx: Context, { path, model: { item } }: InstanceNode): Value {
  const { elaboration: el, b } = cx;
  for (let w: World | undefined = cx.world; w; w = w.parent) if (w.time) return w.time;
  const made = [...el.loops.values()].flatMap((loop) =>
    loop.kind === "outer" && evolvesWhole(el, loop, path) ? [metaStepsMade(cx, loop, item.name.span)] : []
  );
  return made.reduce((all, steps): Value => {
    if (all.kind === "static" && all.value === 0 || steps.kind === "error") return steps;
    if (steps.kind !== "tensor" || all.kind !== "tensor") return all;
    return { kind: "tensor", variable: b.apply("add", all.variable, steps.variable), dims: [] };
  }, staticNumber(0, "int") as Value);
}

/** A state as the parameter would be that stands where it does. */
export function asBinding(member: StateMember): Binding {
  const { name, type, value, span } = member;
  return { kind: "Binding", name, ...(type ? { type } : {}), how: "=", value, span };
}

/** The value of a state where a call reads it: what the calls before have made of it, where they move it too. */
export function stateNow(body: Context, instance: InstanceNode, leaf: LeafDeclaration): TensorValue | undefined {
  return trainingOf(body, instance)?.training.next.get(leaf.name);
}

/** The next value of a state as the lines of the body below may read it. */
export function nextLocal(body: Context, member: NextMember): Local {
  return lazily(
    () => evaluate(body, member.value),
    () => fail({ ...body, frames: [] }, dependsOnItself(`${member.name.name}'`, member.name.span)),
  );
}

/** Goes on with the states that a body moves, where it is called in training; elsewhere they stay. False when wrong (reported). */
export function moveStates(body: Context, instance: InstanceNode, locals: ReadonlyMap<string, Local>): boolean {
  const { item } = instance.model;
  const members = item.members.filter(isOfStep);
  if (members.length === 0) return true;
  const found = trainingOf(body, instance);
  if (!found && !body.world.consumer.dry) return true;
  const next = new Map<string, TensorValue>();
  for (const { kind, name: { name }, span } of members) {
    const leaf = kind === "State" ? instance.own.get(name) : undefined;
    if (!leaf) continue;
    const like: TensorValue = {
      kind: "tensor",
      variable: body.b.fill(0, { dtype: "i32", shape: [] }),
      dims: leaf.dims,
    };
    const value = nextValue(body, { name: item.name, members, span: item.span }, locals, name, like);
    if (!value) return false;
    if (found && found.b !== body.b) return refuseInside(body, leaf, found.training, span);
    next.set(leaf.name, { ...value, dims: leaf.dims });
  }
  if (found) { for (const [name, value] of next) found.training.next.set(name, value); }
  return true;
}

/** A call inside a `scan` or a sum over numbers would have to hand on what it makes from entry to entry. */
function refuseInside(body: Context, leaf: LeafDeclaration, { loop }: Training, at: StateMember["span"]): false {
  const call = body.frames[0];
  fail(body, {
    code: "M0701",
    title: `A training call inside a \`scan\` or a \`… for …\` is not yet supported: it moves \`${leaf.name}\``,
    at: call?.span ?? at,
    secondary: [{ span: loop.item.name.span, message: `a step of \`${loop.name}\` goes down this` }],
    hint: "call the model once, on all entries",
  });
  return false;
}
