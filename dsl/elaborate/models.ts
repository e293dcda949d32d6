// Which parameters does a model have? A model used at the top of a file is one instance, every `use` inside a model is
// another; their parameters are named by the path to them, and shaped by the first call (`model_calls.ts`).
import type { CallExpression, Expression, ModelItem, UseMember } from "../syntax/ast.ts";
import { type Definition, type Module, moduleName, pathFromRoot } from "../modules/modules.ts";
import { isLibrary, type Span } from "../text/source.ts";
import { fail, moduleScope } from "../world/report.ts";
import type {
  Context,
  Elaboration,
  Frame,
  InstanceNode,
  LeafDeclaration,
  Local,
  ModelValue,
  Moment,
  UserModel,
} from "../world/world.ts";
import { type Path, pathText, visit } from "../syntax/paths.ts";
import { bindArguments } from "./arguments.ts";
import { hintAt } from "../diagnostics/hints.ts";
import { packageChain, packageName } from "./unknown_names.ts";
import { describeValue } from "../world/values.ts";
import { enterWorld } from "../world/moments.ts";

/** The first word of a parameter, model or table at the top of a file: its name, where the root file means it by that or, knowing none of that
 *  name, no file before has one; else its file and its name. */
export function topName({ modules: { root, modules } }: Elaboration, { name, item, module }: Definition): string {
  const seen = root.visible.get(name);
  const first = seen && !seen.module.library ? seen : modules.map((m) => m.own.get(name)).find((d) => d && hasPath(d));
  if (!first || first.item === item) return name;
  return `${moduleName(root, module)}:${name}`;
}

/** True for what a program knows by its name. */
export function hasPath({ item }: Definition): boolean {
  return item.kind === "Model" || item.kind === "Param" || item.kind === "Data";
}

/** The instance of a model that is declared at the top of a file. */
export function topInstance(el: Elaboration, item: ModelItem, module: Module): InstanceNode {
  const name = topName(el, { name: item.name.name, item, module });
  const existing = el.instances.get(name);
  if (existing) return existing;
  const node = newInstance([name], { item, module }, new Map());
  el.instances.set(name, node);
  return node;
}

function newInstance(path: Path, model: UserModel, sizes: ReadonlyMap<string, Local>): InstanceNode {
  return { path, model, sizes, own: new Map(), children: new Map() };
}

/** Where a program brings a state about: the `use` of a model of the library, or the state itself. */
export function placeOf(el: Elaboration, { path, span }: LeafDeclaration): Span {
  const [top, ...words] = path.slice(0, -1);
  let node = el.instances.get(top!);
  for (const word of words) node = node?.children.get(word);
  return isLibrary(span.source) ? node?.use?.span ?? span : span;
}

/** The calls that a mistake inside an instance's declarations is shown at: the `use`s that led to it. */
export function usesOf(instance: InstanceNode): Frame[] {
  const frames: Frame[] = [];
  for (let at: InstanceNode | undefined = instance; at; at = at.parent) if (at.use) frames.push(at.use);
  return frames;
}

/** What something of an instance is called in the file of the model at the top, and what it is drawn as: that file too, which its path
 *  says only sometimes. */
export function memberNames(
  el: Elaboration,
  instance: InstanceNode,
  member: string,
): { name: string; drawnAs: string } {
  let top = instance;
  while (top.parent) top = top.parent;
  const { item, module } = top.model;
  const name = pathText([item.name.name, ...instance.path.slice(1), member]);
  return { name, drawnAs: `${pathFromRoot(el.modules.root, module)}:${name}` };
}

/** Every model of a program that can be called, and the parts of each as far as they are known. */
export function instancesOf(el: Elaboration): InstanceNode[] {
  const { root } = el.modules;
  for (const { item, module } of root.visible.values()) {
    if (item.kind === "Model" && !module.library && item.sizes === undefined) topInstance(el, item, module);
  }
  const below = (
    node: InstanceNode,
  ): InstanceNode[] => [node, ...[...node.children.values()].flatMap((c) => c ? below(c) : [])];
  const isWhole = ({ model: { item }, sizes }: InstanceNode) => sizes.size >= (item.sizes?.length ?? 0);
  return [...el.instances.values()].flatMap(below).filter(isWhole);
}

/** True for a sized model at the top of a file, which has no parameters of its own (reported). */
export function lacksSizes(cx: Context, { model: { item }, sizes }: InstanceNode, span: Span): boolean {
  if (item.sizes === undefined || sizes.size >= item.sizes.length) return false;
  fail(cx, {
    code: "M0203",
    title: `\`${item.name.name}\` is a sized model: it has no parameters of its own`,
    at: span,
    hint: `write \`use layer = ${item.name.name}(…)\` inside a model, then \`layer(x)\``,
  });
  return true;
}

/** Every parameter of an instance, in the order of the declarations, as far as they are known. */
export const leavesOf = (instance: InstanceNode): LeafDeclaration[] =>
  tensorsIn(instance).filter((leaf) => !leaf.state);

/** Every state of an instance, in the same order. */
export const statesOf = (instance: InstanceNode): LeafDeclaration[] => tensorsIn(instance).filter((leaf) => leaf.state);

/** Every parameter and state of an instance. */
export function tensorsIn(instance: InstanceNode): LeafDeclaration[] {
  return instance.model.item.members.flatMap((member) => {
    if (member.kind === "Binding" || member.kind === "State") {
      const leaf = instance.own.get(member.name.name);
      return leaf ? [leaf] : [];
    }
    if (member.kind === "Use") {
      const child = instance.children.get(member.name.name);
      return child ? tensorsIn(child) : [];
    }
    return [];
  });
}

/** The sub-model that a `use` of an instance makes, made when it is first asked for. Undefined when wrong (reported). */
export function childOf(cx: Context, instance: InstanceNode, member: UseMember): InstanceNode | undefined {
  const name = member.name.name;
  if (instance.children.has(name)) return instance.children.get(name);
  const child = makeChild(cx, instance, member);
  instance.children.set(name, child);
  return child;
}

function makeChild(cx: Context, instance: InstanceNode, member: UseMember): InstanceNode | undefined {
  const name = member.name.name;
  const call = member.value;
  const callee = call.kind === "Call" ? call.callee : call;
  if (callee.kind === "Missing") return undefined;
  const { module } = instance.model;
  const inside: Context = {
    ...cx,
    scope: { ...moduleScope(module), locals: instance.sizes },
    frames: usesOf(instance),
    batch: undefined,
  };
  const definition = callee.kind === "Name" ? module.visible.get(callee.name) : undefined;
  if (definition?.item.kind !== "Model") {
    if (callee.kind === "Name" && module.unresolved.has(callee.name)) return undefined;
    notAModel(inside, callee, definition);
    return undefined;
  }
  for (let around: InstanceNode | undefined = instance; around; around = around.parent) {
    if (around.model.item !== definition.item) continue;
    const first = around === instance;
    return void fail(inside, {
      code: "M0210",
      title: `The model \`${definition.name}\` contains itself`,
      at: callee.span,
      secondary: [{ span: definition.item.name.span, message: `\`${definition.name}\` is defined here` }],
      notes: first ? [] : [`The way is \`${pathText([...instance.path, name])}\``],
    });
  }
  if (call.kind === "Call" && readsArgument(inside, instance, call)) return undefined;
  const formals = definition.item.sizes;
  if (formals === undefined && call.kind === "Call") {
    return void fail(inside, {
      code: "M0302",
      title: `\`${definition.name}\` takes no sizes`,
      at: call.span,
      hint: `write \`use ${name} = ${definition.name}\``,
    });
  }
  const sizes = formals === undefined ? new Map() : readSizes(inside, definition.item, definition.module, call);
  if (!sizes) return undefined;
  const child: InstanceNode = {
    ...newInstance([...instance.path, name], { item: definition.item, module: definition.module }, sizes),
    use: { callee: definition.name, span: call.span },
    parent: instance,
  };
  return child;
}

/** Reports a `use` that reads an argument of the model's calls: its parts are made before any of them. */
function readsArgument(cx: Context, instance: InstanceNode, call: CallExpression): boolean {
  const { item, module } = instance.model;
  const formals = item.formals.map((f) => f.name.name).filter((n) => !instance.sizes.has(n) && !module.visible.has(n));
  let found: Expression & { kind: "Name" } | undefined;
  for (const arg of call.args) {
    visit(arg.value, (e) => {
      if (e.kind === "Name" && formals.includes(e.name)) found ??= e;
    });
  }
  if (found === undefined) return false;
  fail(cx, {
    code: "M0201",
    title: `There is no \`${found.name}\` yet where the parts of \`${item.name.name}\` are made`,
    at: found.span,
    secondary: [{ span: item.formals.find((f) => f.name.name === found!.name)!.span, message: "known in each call" }],
    hint: `take it out of the arguments, and write \`let ${found.name} = …\` at the top of the file`,
  });
  return true;
}

/** Reports what a `use` names, when it is no model. */
function notAModel(cx: Context, callee: Expression, definition: Definition | undefined): void {
  const { module } = cx.scope;
  const models = [...module.visible.values()].filter((d) => d.item.kind === "Model").map((d) => d.name);
  const chain = packageChain(callee, (name) => module.visible.has(name));
  if (chain) {
    const draft = packageName(cx.elaboration, chain, callee, { known: models, place: "layer" });
    if (draft) fail(cx, draft);
    return;
  }
  const name = callee.kind === "Name" ? callee.name : undefined;
  const isFunction = name !== undefined &&
    (definition?.item.kind === "Function" || !definition && cx.elaboration.evaluator.builtins.has(name));
  fail(cx, {
    code: definition || isFunction || name === undefined ? "M0203" : "M0201",
    title: name === undefined
      ? "This is not a model"
      : isFunction
      ? `\`${name}\` is a function, which has no parameters`
      : definition
      ? `\`${name}\` is not a model`
      : `There is no model \`${name}\``,
    at: callee.span,
    hint: isFunction
      ? `leave the \`use\` out, and call it where it is wanted: \`${name}(x)\``
      : name !== undefined && !definition
      ? hintAt("layer", name, models)
      : "write `let` for a value; `use` makes a part with parameters of its own",
  });
}

/** The values of the first list of a sized model. Undefined when wrong (reported). */
function readSizes(
  cx: Context,
  item: ModelItem,
  module: Module,
  call: CallExpression | Expression,
): ReadonlyMap<string, Local> | undefined {
  const formals = item.sizes!;
  const args = call.kind === "Call" ? call.args : [];
  const bound = bindArguments(cx, item.name.name, formals, args, call.span, module);
  if (!bound) return undefined;
  const positional = args.filter((a) => !a.name);
  for (const [i, formal] of formals.entries()) {
    const name = formal.name.name;
    const value = bound.get(name)!.value();
    if (value.kind === "error") return undefined;
    const given = args.find((a) => a.name?.name === name) ?? positional[i];
    const at = given?.value.span ?? call.span;
    // `units : int` is checked when the model is used, not when it is called
    const wantsInt = formal.type?.dtype?.name === "int" && formal.type.sizes === undefined;
    const isSize = value.kind === "static" && Number.isSafeInteger(value.value) && value.value >= 1 &&
      value.type !== "bool";
    if (wantsInt && !isSize) {
      return void fail(cx, {
        code: "M0306",
        title: `\`${name}\` of \`${item.name.name}\` must be a positive whole number`,
        at,
        label: value.kind === "static" ? `this is ${value.value}` : `this is ${describeValue(value)}`,
      });
    }
    if (value.kind === "tensor" || value.kind === "distribution" && value.computed) {
      return void fail(cx, {
        code: "M0701",
        title: "A size or initialiser that is computed while the program runs is not yet supported",
        at,
      });
    }
  }
  return bound;
}

/** The model value of an instance where a context stands. */
export function modelValue(cx: Context, instance: InstanceNode): ModelValue {
  return { kind: "model", instance, world: cx.world };
}

/** The model value of an instance at one time of a loop. */
export function modelAt(cx: Context, instance: InstanceNode, moment: Moment): ModelValue {
  return { kind: "model", instance, world: enterWorld(cx.world, moment), moment };
}
