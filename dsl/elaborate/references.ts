// What does a reference stand for? `mlp`, `net.body`, `linear.w@0`, `fit.lr`, `adapt.lr[l1.W]@t`, `train.loss`: the same
// words in `over`, `wrt`, `record`, `expect` and in expressions.
import type { Expression, ModelMember, TypeExpression } from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";
import { openLook } from "./functions.ts";
import { fail, firstTime, insideLoop, needShape, unheard } from "../world/report.ts";
import type { Context, Elaboration, LeafDeclaration, Reference, Scope } from "../world/world.ts";
import type { HyperparameterValue } from "../world/value_kinds.ts";
import { hintAt, hintFor } from "../diagnostics/hints.ts";
import { methodHint } from "./scope_names.ts";
import { partOfLoop } from "./unknown_names.ts";
import { hyperparameterPath, type Loop, type LoopRule, withoutTime } from "../world/loop.ts";
import { makeLeaf } from "./leaves.ts";
import { childOf, leavesOf, tensorsIn, topInstance, topName } from "./models.ts";
import { evaluateType } from "./sizes.ts";
import type { Definition } from "../modules/modules.ts";
import { leadsTo, type Path, pathText, referenceText, samePath } from "../syntax/paths.ts";
import { dependsOnItself } from "../diagnostics/messages.ts";
import { quoted } from "../text/words.ts";

/** A local or global name as a reference. Undefined when it would be one and is wrong (reported). */
function referenceOfName(cx: Context, name: string, span: Span): Reference | "not a reference" | undefined {
  for (let s: Scope | undefined = cx.scope; s; s = s.parent) {
    const local = s.locals.get(name);
    if (!local) continue;
    const value = local.value(span);
    if (value.kind === "error") return undefined;
    if (value.kind !== "model") return "not a reference";
    return { kind: "model", instance: value.instance, ...(value.moment ? { moment: value.moment } : {}) };
  }
  const definition = cx.scope.module.visible.get(name);
  if (!definition) return "not a reference";
  const { item, module } = definition;
  switch (item.kind) {
    case "Model":
      return { kind: "model", instance: topInstance(cx.elaboration, item, module) };
    case "Param": {
      const leaf = declareParam(cx, definition);
      return leaf && { kind: "leaf", leaf };
    }
    case "Inner":
    case "Outer": {
      const loop = cx.elaboration.loops.get(name);
      if (loop?.item === item) return { kind: "loop", loop };
      // an import runs no loop: one that is only used inside another file is not known here
      return void fail(cx, {
        code: "M0203",
        title: `The loop \`${name}\` of \`${module.source.name}\` is used here and not imported`,
        at: span,
        hint: `add \`${name}\` to the import from \`${module.source.name}\``,
      });
    }
    default:
      return "not a reference";
  }
}

/** The leaf of a free-standing `param`. */
export function declareParam(cx: Context, definition: Definition): LeafDeclaration | undefined {
  if (definition.item.kind !== "Param") return undefined;
  const { binding } = definition.item;
  const el = cx.elaboration;
  const name = topName(el, definition);
  const existing = el.leaves.get(name);
  if (existing) return existing;
  if (el.busy.has(definition.item)) {
    if (firstTime(el, definition.item)) {
      fail({ ...cx, frames: [] }, dependsOnItself(definition.name, binding.name.span));
    }
    return undefined;
  }
  const place = (at: Context) => insideLoop(at, definition);
  const type: TypeExpression = binding.type ?? { sizes: [], span: binding.name.span };
  el.busy.add(definition.item);
  try {
    const dims = evaluateType(place(cx), type);
    return dims &&
      makeLeaf(cx, [name], dims, binding, { module: definition.module, drawnAs: definition.name }, place);
  } finally {
    el.busy.delete(definition.item);
  }
}

/** Finds what a reference stands for. Undefined when it is not one (then nothing is reported) or is wrong (reported). */
export function resolveReference(cx: Context, expression: Expression): Reference | "not a reference" | undefined {
  switch (expression.kind) {
    case "Name":
      return referenceOfName(cx, expression.name, expression.span);
    case "Member": {
      const object = resolveReference(cx, expression.object);
      if (object === undefined || object === "not a reference") return object;
      return memberOf(cx, object, expression.member.name, expression.member.span);
    }
    case "Index": {
      const object = resolveReference(cx, expression.object);
      if (object === undefined || object === "not a reference") return object;
      if (object.kind !== "hyperparameter") return "not a reference";
      const index = expression.indices[0];
      const wanted = index && referenceText(index);
      const leaves = hyperparameterLeaves(cx.elaboration, object);
      const labels = leaves.flatMap((l) => l.tensor ? [pathText(l.tensor)] : []);
      const leaf = leaves[labels.indexOf(wanted ?? "")];
      if (leaf && expression.indices.length === 1) return { kind: "leaf", leaf };
      // what could not be read may have been that tensor
      if (cx.elaboration.modules.root.torn) return undefined;
      return void fail(cx, {
        code: "M0201",
        title: `\`${pathText(hyperparameterPath(object.loop, object.declared))}\` has no value for \`${
          wanted ?? "this"
        }\``,
        at: index?.span ?? expression.span,
        notes: [
          labels.length > 0 ? `It has one for each of ${quoted(labels)}` : "It has one value for all tensors",
        ],
        hint: hintFor(wanted ?? "", labels),
      });
    }
    default:
      return "not a reference";
  }
}

function memberOf(cx: Context, object: Reference, name: string, span: Span): Reference | undefined {
  if (name === "") return undefined;
  const unknown = (what: string, known: readonly string[] = [], hint?: string) =>
    void fail(cx, {
      code: "M0201",
      title: `${what} has no \`${name}\``,
      at: span,
      notes: [known.length > 0 ? `It has ${quoted(known)}` : "It has no parts"],
      hint: hint ?? hintAt("part", name, known),
    });
  switch (object.kind) {
    case "model":
      return memberOfModel(cx, object, name, span, unknown);
    case "loop":
      return memberOfLoop(cx, object.loop, name, span, unknown);
    case "rule": {
      const { loop, path } = object;
      const own = ruleOver(loop, path)?.hyperparameters ?? [];
      const found = own.find((h) => h.name === name);
      if (found) return { kind: "hyperparameter", loop, declared: found };
      return wayToRule(loop, [...path, name]) ??
        unknown(`\`${pathText([loop.name, ...path])}\``, own.map((h) => h.name));
    }
    case "leaf":
      return unknown(`The tensor \`${object.leaf.name}\``, [], methodHint(cx, name, object.leaf.name));
    case "hyperparameter":
      return unknown(`The hyperparameter \`${pathText(hyperparameterPath(object.loop, object.declared))}\``);
    case "quantity":
      return unknown(`\`${object.loop.name}.${object.quantity}\``);
    case "sensitivity":
      return unknown(`\`${object.loop.name}.sensitivity\``);
    case "count":
      return unknown(`\`${object.loop.name}.${object.loop.timeName}\``);
    case "taken":
      return unknown(`\`${object.loop.name}.steps\``);
    case "made":
      return unknown(`\`${object.loop.name}.t\``);
  }
}

/** Reports that something has no such part. */
type UnknownPart = (what: string, known?: readonly string[], hint?: string) => undefined;

function memberOfModel(
  cx: Context,
  { instance, moment }: Reference & { kind: "model" },
  name: string,
  span: Span,
  unknown: UnknownPart,
): Reference | undefined {
  const then = moment ? { moment } : {};
  const parts = instance.model.item.members.filter(isPart);
  const member = parts.find((m) => m.name.name === name);
  if (member?.kind === "Use") {
    const child = childOf(cx, instance, member);
    return child && { kind: "model", instance: child, ...then };
  }
  if (!member) return unknown(`The model \`${pathText(instance.path)}\``, parts.map((m) => m.name.name));
  const leaf = instance.own.get(name);
  if (leaf) return { kind: "leaf", leaf, ...then };
  // shaped by a call that was not seen yet: the check comes back to it
  needShape(cx.elaboration, [...instance.path, name], span);
  return undefined;
}

function memberOfLoop(
  cx: Context,
  loop: Loop,
  name: string,
  span: Span,
  unknown: UnknownPart,
): Reference | undefined {
  if (name === "loss" || name === "gradient_norm") return { kind: "quantity", loop, quantity: name };
  if (name === "sensitivity" && loop.kind === "outer") return { kind: "sensitivity", loop };
  const all = loop.rules.flatMap((r) => r.hyperparameters);
  if (name === "steps" && loop.kind === "inner") {
    const other = loop.timeName === name ? loop.count : all.find((h) => h.name === name);
    if (!other) return { kind: "taken", loop };
    if (loop.until.length > 0) {
      return void fail(cx, {
        code: "M0209",
        title: `\`${loop.name}.steps\` is how many steps \`${loop.name}\` took, and something else of it`,
        at: span,
        label: "which one?",
        secondary: [{ span: other.span, message: "this is called so too" }],
        hint: "give that another name",
      });
    }
  }
  if (name === loop.timeName || name === "T") return { kind: "count", loop };
  if (name === "t" && loop.kind === "outer") return { kind: "made", loop };
  const found = all.filter((h) => h.name === name);
  if (found.length === 1) return { kind: "hyperparameter", loop, declared: found[0]! };
  if (found.length > 1) {
    return void fail(cx, {
      code: "M0204",
      title: `Two rules of \`${loop.name}\` have a \`${name}\``,
      at: span,
      hint: `write ${found.slice(0, 2).map((h) => `\`${pathText(hyperparameterPath(loop, h))}\``).join(" or ")}`,
    });
  }
  const way = wayToRule(loop, [name]);
  if (way || loop.rules.length === 0 || loop.rules.some((r) => r.unknown)) return way;
  const known = [...new Set([...all.map((h) => pathText(h.path)), "loss", "gradient_norm", loop.timeName])];
  return unknown(`The loop \`${loop.name}\``, known, partOfLoop(loop, name, known));
}

/** What a rule changes, on the way to one of its hyperparameters. */
function wayToRule(loop: Loop, path: Path): Reference | undefined {
  return loop.rules.some((r) => r.paths.some((p) => leadsTo(path, p))) ? { kind: "rule", loop, path } : undefined;
}

/** The rule of a loop that changes what a path names. */
export function ruleOver(loop: Loop, path: Path): LoopRule | undefined {
  return loop.rules.find((r) => r.paths.some((p) => samePath(p, path)));
}

/** The leaves of a hyperparameter that are known; empty for one computed by a formula. */
export function hyperparameterLeaves(el: Elaboration, { loop, declared }: HyperparameterValue): LeafDeclaration[] {
  const path = hyperparameterPath(loop, declared);
  return [...el.leaves.values()].filter((l) => l.loop && samePath(l.path, path));
}

/** The leaves that a reference is made of, as far as they are known; of a model its parameters. */
export function referenceLeaves(el: Elaboration, reference: Reference): LeafDeclaration[] {
  switch (reference.kind) {
    case "model": {
      const { instance } = reference;
      // they only become more
      if (!el.counted.has(instance)) el.counted.set(instance, tensorsIn(instance).length);
      return leavesOf(instance);
    }
    case "leaf":
      return [reference.leaf];
    case "hyperparameter":
      return hyperparameterLeaves(el, reference);
    default:
      return [];
  }
}

/** True when it is not known of every loop what it changes (reported): nothing can be said to change never. */
export function changesUnknown(el: Elaboration): boolean {
  return el.modules.modules.some((module) => module.torn) ||
    [...el.loops.values()].some((loop) =>
      loop.rules.length === 0 || loop.rules.some((rule) => rule.references.some((r) => !isFound(el, loop, r)))
    );
}

/** True when what stands in an `over` is found; nothing is reported. */
function isFound(el: Elaboration, loop: Loop, expression: Expression): boolean {
  if (expression.kind === "Missing") return false;
  const cx = openLook(unheard(el), "over", loop.module);
  return typeof resolveReference(cx, withoutTime(expression)) === "object";
}

/** True for what a model has wherever it is called: parameters, states and sub-models. */
function isPart(member: ModelMember): boolean {
  return member.kind === "Binding" || member.kind === "State" || member.kind === "Use";
}
