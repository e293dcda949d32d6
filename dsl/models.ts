// Which parameters does a model have, and what does it compute? A model used at the top of a file is one instance, every
// `use` inside a model is another; their parameters are named by the path to them and shaped by the first call.
import type { Binding, Expression, Formal, ModelItem, TypeExpression, UseMember } from "./ast.ts";
import type { Span } from "./source.ts";
import type { Module } from "./modules.ts";
import { type Elaboration, fail, moduleScope } from "./elaboration.ts";
import { toTensor } from "./arithmetic.ts";
import { bindArguments } from "./calls.ts";
import { evaluate } from "./expressions.ts";
import { evaluateType, requireStatic } from "./sizes.ts";
import { drawInto } from "./draws.ts";
import { type Context, drawingWorld, known, type Local, ownsNow, type World } from "./world.ts";
import {
  describeValue,
  type Dim,
  errorValue,
  formatDims,
  type ModelValue,
  shapeOf,
  type TensorValue,
  type UserModel,
  type Value,
} from "./values.ts";
import { hintFor } from "./hints.ts";
import { ownersOf } from "./references.ts";
import type { Loop } from "./loops.ts";

/** A model with its place in the program. */
export interface InstanceNode {
  /** `mlp`, `mlp.l1`. */
  readonly path: string;
  readonly model: UserModel;
  /** Values of the first list of a sized model. */
  readonly sizes: ReadonlyMap<string, Local>;
  /** Own parameters by name, as far as they are known. */
  readonly own: Map<string, LeafDeclaration>;
  readonly children: Map<string, InstanceNode>;
}

/** One tensor that has a value at the start: a parameter or a hyperparameter. */
export interface LeafDeclaration {
  readonly name: string;
  readonly dims: readonly Dim[];
  readonly module: Module;
  readonly span: Span;
  readonly range?: readonly [number, number];
  /** The declared value: a constant, or a draw that belongs to a world. */
  readonly initial: (cx: Context) => TensorValue | undefined;
  /** What it belongs to, for ownership: the path of its model, or its own name; a loop for a hyperparameter. */
  readonly loop?: Loop;
  /** A hyperparameter with one entry for each step, along axis 0. */
  readonly perStep?: boolean;
}

/** The instance of a model that is declared at the top of a file. */
export function topInstance(el: Elaboration, item: ModelItem, module: Module): InstanceNode {
  const name = item.name.name;
  const same = el.instances.get(name);
  if (same && same.model.item === item) return same;
  // two files may each have a private model of one name: the second goes by its file too
  const path = same ? `${module.source.name.replace(/\.meta$/, "")}:${name}` : name;
  const existing = el.instances.get(path);
  if (existing) return existing;
  const node = newInstance(path, { item, module }, new Map());
  el.instances.set(path, node);
  return node;
}

function newInstance(path: string, model: UserModel, sizes: ReadonlyMap<string, Local>): InstanceNode {
  return { path, model, sizes, own: new Map(), children: new Map() };
}

/** Every parameter of an instance, in the order of the declarations, as far as they are known. */
export function leavesOf(instance: InstanceNode): LeafDeclaration[] {
  return instance.model.item.members.flatMap((member) => {
    if (member.kind === "Binding") {
      const leaf = instance.own.get(member.name.name);
      return leaf ? [leaf] : [];
    }
    if (member.kind === "Use") {
      const child = instance.children.get(member.name.name);
      return child ? leavesOf(child) : [];
    }
    return [];
  });
}

/** The sub-model `name` of an instance, made from its `use` when it is first asked for. */
export function childOf(cx: Context, instance: InstanceNode, member: UseMember): InstanceNode | undefined {
  const name = member.name.name;
  const existing = instance.children.get(name);
  if (existing) return existing;
  const call = member.value;
  const callee = call.kind === "Call" ? call.callee : call;
  if (callee.kind === "Missing") return undefined;
  const { module } = instance.model;
  const inside: Context = { ...cx, scope: { ...moduleScope(module), locals: instance.sizes } };
  const definition = callee.kind === "Name" ? module.visible.get(callee.name) : undefined;
  if (definition?.item.kind !== "Model") {
    const models = [...module.visible.values()].filter((d) => d.item.kind === "Model").map((d) => d.name);
    fail(inside, {
      code: definition || callee.kind !== "Name" ? "M0203" : "M0201",
      title: callee.kind === "Name"
        ? definition ? `\`${callee.name}\` is not a model` : `There is no model \`${callee.name}\``
        : "This is not a model",
      at: callee.span,
      hint: callee.kind === "Name" && !definition ? hintFor(callee.name, models) : undefined,
    });
    return undefined;
  }
  const formals = definition.item.sizes;
  if (formals === undefined && call.kind === "Call") {
    fail(inside, {
      code: "M0302",
      title: `\`${definition.name}\` takes no sizes`,
      at: call.span,
      hint: `write \`use ${name} = ${definition.name}\``,
    });
    return undefined;
  }
  let sizes: ReadonlyMap<string, Local> = new Map();
  if (formals !== undefined) {
    const args = call.kind === "Call" ? call.args : [];
    const bound = bindArguments(inside, definition.name, formals, args, call.span, definition.module);
    if (!bound) return undefined;
    for (const formal of formals) {
      // `units : int` is checked when the model is used, not when it is called
      if (formal.type?.dtype?.name === "int" && formal.type.sizes === undefined) {
        const value = bound.get(formal.name.name)!.value();
        if (value.kind === "error") return undefined;
        if (value.kind !== "static" || !Number.isInteger(value.value) || value.value < 1) {
          const given = args.find((a, i) => a.name ? a.name.name === formal.name.name : formals[i] === formal);
          fail(inside, {
            code: "M0306",
            title: `\`${formal.name.name}\` of \`${definition.name}\` must be a positive integer`,
            at: given?.value.span ?? call.span,
            label: value.kind === "static" ? `this is ${value.value}` : `this is ${describeValue(value)}`,
          });
          return undefined;
        }
      }
    }
    for (const [i, arg] of args.entries()) {
      const value = bound.get(arg.name?.name ?? formals[i]!.name.name)!.value();
      if (value.kind === "error") return undefined;
      if (value.kind === "tensor" || value.kind === "distribution" && value.computed) {
        fail(inside, {
          code: "M0701",
          title: "A size or initialiser that is computed while the program runs is not yet supported",
          at: arg.value.span,
        });
        return undefined;
      }
    }
    sizes = bound;
  }
  const child = newInstance(`${instance.path}.${name}`, { item: definition.item, module: definition.module }, sizes);
  instance.children.set(name, child);
  return child;
}

/** Evaluates a model's body for arguments. */
export function callModel(cx: Context, model: ModelValue, args: readonly Value[], span: Span): Value {
  const { instance, world } = model;
  const { item, module } = instance.model;
  const el = cx.elaboration;
  if (item.sizes !== undefined && instance.sizes.size < item.sizes.length) {
    return fail(cx, {
      code: "M0203",
      title: `\`${item.name.name}\` is a sized model: it has no parameters of its own`,
      at: span,
      hint: `write \`use layer = ${item.name.name}(…)\` inside a model, then \`layer(x)\``,
    });
  }
  if (el.busy.has(instance)) {
    return fail(cx, { code: "M0210", title: `The model \`${item.name.name}\` calls itself`, at: span });
  }
  if (args.length !== item.formals.length) {
    return fail(cx, {
      code: "M0302",
      title: `\`${item.name.name}\` takes ${count(item.formals.length, "argument")}, not ${args.length}`,
      at: span,
    });
  }
  if (args.some((a) => a.kind === "error")) return errorValue;
  const locals = new Map<string, Local>(instance.sizes);
  const body: Context = {
    elaboration: el,
    world,
    b: cx.b,
    scope: { module, parent: undefined, locals },
    frames: [{ callee: item.name.name, span }, ...cx.frames],
  };
  const values: TensorValue[] = [];
  for (const [i, formal] of item.formals.entries()) {
    const value = toTensor(body, args[i]!);
    if (value.kind === "error") {
      return args[i]!.kind === "error" ? errorValue : fail(cx, {
        code: "M0304",
        title: `\`${formal.name.name}\` of \`${item.name.name}\` cannot be ${describeValue(args[i]!)}`,
        at: span,
      });
    }
    const bound = bindFormal(cx, body, locals, item, formal, value, span);
    if (!bound) return errorValue;
    values.push(bound);
  }
  item.formals.forEach((formal, i) => locals.set(formal.name.name, known(values[i]!)));
  el.busy.add(instance);
  try {
    return evaluateBody(body, instance, locals);
  } finally {
    el.busy.delete(instance);
  }
}

/** Matches an argument with `x : [n, 1]`: names of sizes that nothing else defines are bound by the first use. */
function bindFormal(
  cx: Context,
  body: Context,
  locals: Map<string, Local>,
  item: ModelItem,
  formal: Formal,
  value: TensorValue,
  span: Span,
): TensorValue | undefined {
  const sizes = formal.type?.sizes;
  const wantsInt = formal.type?.dtype?.name === "int";
  if (wantsInt !== (value.variable.dtype === "i32") && formal.type) {
    fail(cx, {
      code: "M0304",
      title: `\`${formal.name.name}\` of \`${item.name.name}\` is ${wantsInt ? "int" : "a float"}, given ${
        describeValue(value)
      }`,
      at: span,
      secondary: [{ span: formal.span, message: "declared here" }],
    });
    return undefined;
  }
  if (sizes === undefined) {
    if (!formal.type?.dtype || value.dims.length === 0) return value;
  }
  const wanted = sizes ?? [];
  const text = `[${wanted.map((s) => s.kind === "Name" ? s.name : s.kind === "Number" ? s.text : "…").join(", ")}]`;
  const mismatch = (why: string) =>
    fail(cx, {
      code: "M0305",
      title: `\`${item.name.name}\` takes \`${formal.name.name}\` : ${text}, given ${describeValue(value)}`,
      at: span,
      label: why,
      secondary: [
        { span: formal.span, message: "declared here" },
        ...(value.declared && value.declared.span.source === span.source
          ? [{ span: value.declared.span, message: `\`${value.declared.name}\` is ${formatDims(value.dims)}` }]
          : []),
      ].filter((l) => !l.span.source.startsWith("std/")),
    });
  if (wanted.length !== value.dims.length) {
    mismatch(`${count(value.dims.length, "axis", "axes")} given, ${wanted.length} expected`);
    return undefined;
  }
  const dims: Dim[] = [];
  for (const [axis, size] of wanted.entries()) {
    const actual = value.dims[axis]!;
    if (size.kind === "Missing") return undefined;
    if (isFreeSize(body, locals, size)) {
      const name = (size as { name: string }).name;
      const dim: Dim = actual.name !== undefined ? actual : { size: actual.size, name };
      locals.set(name, known({ kind: "shape", dims: [dim] }));
      dims.push(dim);
      continue;
    }
    const expected = sizeValue(body, size);
    if (!expected) return undefined;
    if (expected.size !== actual.size) {
      mismatch(
        `axis ${axis} is ${actual.name ? `${actual.name} = ` : ""}${actual.size}, expected ${
          expected.name ? `${expected.name} = ` : ""
        }${expected.size}`,
      );
      return undefined;
    }
    dims.push(expected.name === undefined && actual.name !== undefined && expected.size !== 1 ? actual : expected);
  }
  return { ...value, dims };
}

function isFreeSize(body: Context, locals: ReadonlyMap<string, Local>, size: Expression): boolean {
  return size.kind === "Name" && !locals.has(size.name) && !body.scope.module.visible.has(size.name);
}

/** A size expression as one axis. */
export function sizeValue(cx: Context, size: Expression): Dim | undefined {
  const type = evaluateType(cx, { sizes: [size], span: size.span });
  return type?.[0];
}

function evaluateBody(body: Context, instance: InstanceNode, locals: Map<string, Local>): Value {
  const { item } = instance.model;
  for (const member of item.members) {
    if (member.kind === "Binding") {
      const leaf = declareParameter(body, instance, member);
      const value = leaf ? valueNow(body, leaf, member.name.span) : errorValue;
      locals.set(member.name.name, known(value));
    } else if (member.kind === "Use") {
      const child = childOf(body, instance, member);
      locals.set(
        member.name.name,
        known(child ? { kind: "model", instance: child, world: body.world } : errorValue),
      );
    } else {
      const value = evaluate(body, member.value);
      locals.set(member.name.name, known(value));
    }
  }
  const result = toTensor(body, evaluate(body, item.body));
  if (result.kind === "error" || item.result?.sizes === undefined) return result;
  const expected = evaluateType(body, item.result);
  if (!expected) return errorValue;
  if (expected.length !== result.dims.length || expected.some((d, i) => d.size !== result.dims[i]!.size)) {
    return fail(body, {
      code: "M0305",
      title: `\`${item.name.name}\` promises ${formatDims(expected)} and returns ${formatDims(result.dims)}`,
      at: item.body.span,
      label: `this is ${formatDims(result.dims)}`,
      secondary: [{ span: item.result.span, message: "promised here" }],
    });
  }
  return { ...result, dims: expected.map((d, i) => d.name ? d : result.dims[i]!) };
}

/** The parameter that a binding of a model declares, shaped at the first call and checked at every other. */
function declareParameter(body: Context, instance: InstanceNode, binding: Binding): LeafDeclaration | undefined {
  const name = `${instance.path}.${binding.name.name}`;
  const type: TypeExpression = binding.type ?? { sizes: [], span: binding.name.span };
  const dims = evaluateType(body, type);
  if (!dims) return undefined;
  const existing = instance.own.get(binding.name.name);
  if (existing) {
    if (existing.dims.length !== dims.length || existing.dims.some((d, i) => d.size !== dims[i]!.size)) {
      fail(body, {
        code: "M0309",
        title: `\`${name}\` would be ${formatDims(existing.dims)} in one call and ${formatDims(dims)} in another`,
        at: binding.span,
        hint: "a parameter's sizes must not depend on the batch: name them by inputs or numbers",
      });
      return undefined;
    }
    return existing;
  }
  // the initial value is evaluated later, in the world that draws it: sizes bound by this call stay known there
  const { scope } = body;
  const leaf = makeLeaf(body, name, dims, binding, instance.model.module, (cx) => ({ ...cx, scope }));
  if (leaf) instance.own.set(binding.name.name, leaf);
  return leaf;
}

/** Declares a leaf from a binding: `name : [sizes] = value` or `~ distribution`, `in low .. high`. */
export function makeLeaf(
  here: Context,
  name: string,
  dims: readonly Dim[],
  binding: Binding,
  module: Module,
  place: (cx: Context) => Context,
): LeafDeclaration | undefined {
  const cx = place(here);
  let range: readonly [number, number] | undefined;
  if (binding.range) {
    const low = requireStatic(cx, binding.range.low, "a bound");
    const high = requireStatic(cx, binding.range.high, "a bound");
    if (!low || !high) return undefined;
    if (!(low.value <= high.value)) {
      fail(cx, { code: "M0304", title: `The range ${low.value} .. ${high.value} is empty`, at: binding.range.span });
      return undefined;
    }
    range = [low.value, high.value];
  }
  if (binding.via) {
    fail(cx, { code: "M0701", title: "`via` is not yet supported", at: binding.via.span });
    return undefined;
  }
  const base = {
    name,
    dims,
    module,
    span: binding.name.span,
    initial: (drawing: Context): TensorValue | undefined => {
      const at = place(drawing);
      if (binding.value === undefined) {
        fail(at, {
          code: "M0405",
          title: `\`${name}\` has no initial value`,
          at: binding.name.span,
          hint: "write `= 0`, or draw it: `~ glorot()`",
        });
        return undefined;
      }
      const value = evaluate(at, binding.value);
      if (value.kind === "error") return undefined;
      if (binding.how === "~") return drawInto(at, value, dims, { module, name }, binding.value.span);
      if (value.kind === "distribution") {
        fail(at, {
          code: "M0304",
          title: `\`${binding.name.name} = …\` needs a value, not a distribution`,
          at: binding.value.span,
          hint: `write \`${binding.name.name} ~ …\` to draw it`,
        });
        return undefined;
      }
      if (range && value.kind === "static" && (value.value < range[0] || value.value > range[1])) {
        fail(at, {
          code: "M0606",
          title: `The initial value ${value.value} of \`${name}\` is outside its range ${range[0]} .. ${range[1]}`,
          at: binding.value.span,
        });
        return undefined;
      }
      return fillTo(at, value, dims, binding);
    },
  };
  const leaf: LeafDeclaration = range ? { ...base, range } : base;
  here.elaboration.leaves.set(name, leaf);
  return leaf;
}

/** A value as an array of the declared shape; scalars fill it. */
function fillTo(cx: Context, value: Value, dims: readonly Dim[], binding: Binding): TensorValue | undefined {
  const tensor = toTensor(cx, value, "float");
  if (tensor.kind === "error") {
    fail(cx, {
      code: "M0304",
      title: `\`${binding.name.name}\` cannot be ${describeValue(value)}`,
      at: binding.value!.span,
    });
    return undefined;
  }
  const same = tensor.dims.length === dims.length && tensor.dims.every((d, i) => d.size === dims[i]!.size);
  if (!same && tensor.dims.length > 0) {
    fail(cx, {
      code: "M0305",
      title: `\`${binding.name.name}\` is declared as ${formatDims(dims)}, its value is ${formatDims(tensor.dims)}`,
      at: binding.value!.span,
      secondary: [{ span: binding.type?.span ?? binding.name.span, message: "declared here" }],
    });
    return undefined;
  }
  return { kind: "tensor", variable: cx.b.broadcastTo(tensor.variable, shapeOf(dims)), dims };
}

/** What a parameter is "now" where the context stands. Outside the loop that changes it, it has no now. */
export function valueNow(cx: Context, leaf: LeafDeclaration, span: Span): Value {
  for (let w: World | undefined = cx.world; w; w = w.parent) {
    const value = w.values.get(leaf.name);
    if (value) return { ...value, declared: { name: leaf.name, span: leaf.span } };
  }
  const owners = ownersOf(cx.elaboration, leaf.name);
  if (owners.length > 0 && !owners.some((loop) => ownsNow(cx.world, loop))) {
    const loop = owners[0]!;
    const model = leaf.name.split(".")[0]!;
    const call = outermostUserCall(cx, span);
    return fail({ ...cx, frames: [] }, {
      code: "M0401",
      title: `\`${call ? model : leaf.name}\` changes during \`${loop.name}\`; say at which step you want it`,
      at: call ?? span,
      label: `write \`${call ? model : leaf.name}@${loop.timeName}\` (after the last step) or \`${
        call ? model : leaf.name
      }@0\` (before the first)`,
      secondary: [{ span: loop.item.name.span, message: `\`${loop.name}\` is declared here` }],
    });
  }
  const value = initialValue(cx, leaf);
  return value ? { ...value, declared: { name: leaf.name, span: leaf.span } } : errorValue;
}

/** The call through which a parameter inside a model body was reached. */
function outermostUserCall(cx: Context, span: Span): Span | undefined {
  const found = cx.frames.findLast((f) => !f.span.source.startsWith("std/"))?.span;
  return found && (found.source !== span.source || found.start !== span.start) ? found : undefined;
}

/** What a leaf is before any inner loop changes it: learned, given from outside, or declared. */
export function initialValue(cx: Context, leaf: LeafDeclaration): TensorValue | undefined {
  let root = cx.world;
  for (let w: World | undefined = cx.world; w; w = w.parent) {
    const value = w.initials.get(leaf.name);
    if (value) return value;
    root = w;
  }
  const { consumer } = cx.world;
  if (consumer.persistent.has(leaf.name)) {
    const variable = consumer.input({ kind: "leaf", name: leaf.name });
    const value: TensorValue = { kind: "tensor", variable, dims: leaf.dims };
    root.initials.set(leaf.name, value);
    return value;
  }
  const owner = drawingWorld(cx.world);
  const value = leaf.initial({
    elaboration: cx.elaboration,
    world: owner,
    b: owner.b,
    scope: moduleScope(leaf.module),
    frames: [],
  });
  if (value) owner.initials.set(leaf.name, value);
  return value;
}

/** `3 arguments`, `1 argument`. */
export function count(n: number, word: string, plural = `${word}s`): string {
  return `${n} ${n === 1 ? word : plural}`;
}

/** The model value of an instance where a context stands. */
export function modelValue(cx: Context, instance: InstanceNode): ModelValue {
  return { kind: "model", instance, world: cx.world };
}
