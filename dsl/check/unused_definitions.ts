// Is what nothing runs well formed too? Values, tasks and data are gone through once; a model that nothing calls and an
// optimizer that nothing uses are gone through with stand-ins for the sizes that a call would bring, and only those mistakes
// are reported that no choice of sizes avoids.
import type { ArrayType } from "../../runtime/ir/types.ts";
import type { Expression, Formal, Item, ModelItem, OptimizerItem, TaskItem } from "../syntax/ast.ts";
import { visitItem } from "../syntax/paths.ts";
import { isClosed } from "../elaborate/closed.ts";
import { onlyChecked, openFunction } from "../elaborate/functions.ts";
import { dataRecord } from "../elaborate/data_values.ts";
import { codeRow } from "../diagnostics/codes.ts";
import { type Diagnostic, DiagnosticSink } from "../diagnostics/diagnostic.ts";
import { raising } from "../../runtime/limits.ts";
import { elaborationApart, firstTime, moduleScope } from "../world/report.ts";
import type { Context, Elaboration, InstanceNode, LeafDeclaration, Local, Value } from "../world/world.ts";
import type { Dim, TensorValue } from "../world/value_kinds.ts";
import { evaluate, placeOf } from "../world/evaluator.ts";
import type { LoopRule, NamedAcross } from "../world/loop.ts";
import { callModel } from "../evaluate/model_calls.ts";
import type { Definition, Module } from "../modules/modules.ts";
import { declareParam } from "../elaborate/references.ts";
import { checkRule } from "../loops/rules.ts";
import {
  firstShape,
  firstSizes,
  shapeChoices,
  shapesIn,
  sizeChoices,
  type Sizes,
  type SpokenSizes,
} from "./size_choices.ts";
import { taskText } from "../elaborate/task_arguments.ts";
import { lookAtTask } from "../loops/task_scopes.ts";
import { errorValue, staticNumber } from "../world/values.ts";
import { known, taskOf } from "../world/moments.ts";

/** Goes through the definitions of the program's own files that nothing ran. Reports into `el.sink`. */
export function checkUnused(el: Elaboration): void {
  for (const module of el.modules.modules) checkModule(el, module);
}

/** The same for one file, which may be one of the standard library. */
export function checkModule(el: Elaboration, module: Module): void {
  for (const definition of module.own.values()) {
    const { item } = definition;
    switch (item.kind) {
      case "Let":
        if (isClosed(el.evaluator, item.value, module, new Set(), new Set([item]))) {
          evaluate(openCheck(el, module), named(item));
        }
        break;
      case "Param":
        declareParam(openCheck(el, module), definition);
        break;
      case "Data":
        checkData(openCheck(el, module), definition);
        break;
      case "Task":
        for (const clause of clausesAcross(el, definition)) checkTask(openCheck(el, module), clause);
        break;
      case "Model":
        if (!el.called.has(item) && !el.said.has("uncalled")) checkModel(el, item, module);
        break;
      case "Optimizer":
        if (!el.called.has(item) && !el.said.has("uncalled")) checkOptimizer(el, item, module);
        break;
    }
  }
}

function checkData(cx: Context, definition: Definition): void {
  const table = dataRecord(cx, definition);
  if (table.kind === "record") { for (const member of table.members.values()) member(); }
}

function openCheck(el: Elaboration, module: Module): Context {
  return openFunction(el, "check", { consumer: "check", scope: moduleScope(module), ...onlyChecked }).cx;
}

function named(item: Item & { readonly kind: "Let" }): Expression {
  return { kind: "Name", name: item.name.name, primed: false, span: item.name.span };
}

/** The clauses that name a task, one for each way in which they give it arguments; one without any where it needs none. */
function clausesAcross(el: Elaboration, definition: Definition): Iterable<NamedAcross> {
  const { item, module } = definition as Definition & { readonly item: TaskItem };
  const found = new Map<string, NamedAcross>();
  for (const from of el.modules.modules) {
    for (const other of from.program.items) {
      const clauses = "clauses" in other ? other.clauses : "across" in other && other.across ? [other.across] : [];
      for (const clause of clauses) {
        if (clause.kind !== "Across" || from.visible.get(clause.task.name)?.item !== item) continue;
        const named = { ...clause, definition, module: from };
        found.set(`${from.source.name} ${taskText(named)}`, named);
      }
    }
  }
  if (found.size > 0 || item.formals?.some((formal) => !formal.default)) return found.values();
  const { name: task, span } = item;
  return [{ kind: "Across", count: { kind: "Missing", span }, task, fixed: false, span, definition, module }];
}

/** Reads every member of a task once. */
function checkTask(cx: Context, clause: NamedAcross): void {
  const inside = lookAtTask(cx, clause);
  if (!inside) return;
  for (const member of (clause.definition.item as TaskItem).members) {
    if (member.kind !== "Split") {
      if (member.kind !== "Classes") inside.scope.locals.get(member.name.name)?.value();
      continue;
    }
    for (const part of taskOf(inside.world)!.splits.get(member.name.name)?.members.values() ?? []) part();
  }
}

// -------------------------------------------------------------------------------------------------------- stand-ins

/** Goes through something with several choices of sizes and reports what goes wrong with all of them. `attempt` says whether
 *  it could do anything with a choice. A choice clears a mistake where its expression has a value with it; that another mistake
 *  comes before it says nothing. */
function reportCertain<Choice>(
  el: Elaboration,
  item: ModelItem | OptimizerItem,
  choices: Iterable<Choice>,
  attempt: (el: Elaboration, choice: Choice) => boolean,
): void {
  let certain: Map<string, Diagnostic> | undefined;
  let evaluations = 0;
  let tried = 0;
  for (const choice of choices) {
    const apart = elaborationApart(el, new DiagnosticSink(el.limits, { standIns: true }));
    const worked = attempt(apart, choice);
    if (!mayGoOn(el, apart, item)) return;
    if (!worked) continue;
    const found = new Map<string, Diagnostic>();
    for (const d of apart.sink.diagnostics) {
      if (codeRow(d.code).anywhere) found.set(`${d.code} ${placeOf(d.primary.span)}`, d);
    }
    const { valued } = apart;
    certain = certain === undefined ? found : new Map(
      [...certain].filter(([key, d]) => found.has(key) || found.size > 0 && !valued.has(placeOf(d.primary.span))),
    );
    if (certain.size === 0) return;
    evaluations += apart.work.evaluations;
    if (++tried >= leastChoices && evaluations > mostWork) break;
  }
  for (const d of certain?.values() ?? []) {
    const { hint } = d;
    el.sink.report({
      code: d.code,
      title: d.title,
      at: d.primary.span,
      label: d.primary.message,
      secondary: d.secondary,
      notes: d.notes,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** Adds up what was done for definitions that nothing calls. Refuses one that makes it more than ten functions may take. */
function mayGoOn(el: Elaboration, apart: Elaboration, { name }: ModelItem | OptimizerItem): boolean {
  const { work, limits } = el;
  const most = 10 * limits.evaluations;
  work.uncalled += apart.work.evaluations;
  if (work.uncalled <= most) return true;
  if (firstTime(el, "uncalled")) {
    el.sink.report({
      code: "M0311",
      title: "What nothing calls unfolds into too much work",
      at: name.span,
      notes: [
        `Definitions that nothing calls are gone through too, with ${most} expressions at most`,
        raising("evaluations"),
      ],
      hint: "leave out what is not used",
    });
  }
  return false;
}

/** Evaluations of expressions after which no more choices are tried than these: about a second. */
const mostWork = 100_000;
const leastChoices = 200;

/** Goes through a model that nothing calls. */
function checkModel(el: Elaboration, item: ModelItem, module: Module): void {
  const free = freeSizes(item, module);
  // a formal of unknown rank, or a size of unknown kind, leaves nothing to check but names
  if (item.formals.some((f) => f.type === undefined)) return;
  if ((item.sizes ?? []).some((f) => !f.default && f.type?.dtype?.name !== "int")) return;
  const spoken = () => {
    const first = firstSizes(free);
    const { numbers, shapes } = spokenSizes(el, item, module, (a, cx) => callWithStandIns(a, cx, item, module, first));
    const result = item.result?.sizes?.map((size) => size.kind === "Number" ? size.value : 1);
    const types = item.formals.map(({ type }) =>
      type?.sizes?.flatMap((size) => size.kind === "Name" && free.includes(size.name) ? [size.name] : []) ?? []
    );
    return { numbers, shapes: result ? [result, ...shapes] : shapes, types };
  };
  reportCertain(
    el,
    item,
    sizeChoices(free, spoken),
    (apart, sizes) => callWithStandIns(apart, openCheck(apart, module), item, module, sizes),
  );
}

/** The names in a model's formals that a call would bind, and its own sizes. */
function freeSizes(item: ModelItem, module: Module): string[] {
  const names = new Set<string>();
  for (const formal of item.sizes ?? []) if (!formal.default) names.add(formal.name.name);
  const own = new Set((item.sizes ?? []).map((f) => f.name.name));
  for (const formal of item.formals) {
    for (const size of formal.type?.sizes ?? []) {
      if (size.kind === "Name" && !own.has(size.name) && !module.visible.has(size.name)) names.add(size.name);
    }
  }
  return [...names];
}

/** What the program says of sizes: the numbers of a file and of the inputs, and the shapes of what a first attempt meets. */
function spokenSizes(
  el: Elaboration,
  item: ModelItem | OptimizerItem,
  module: Module,
  attempt: (el: Elaboration, cx: Context) => void,
): Omit<SpokenSizes, "types"> {
  const numbers = new Set<number>();
  const apart = elaborationApart(el, new DiagnosticSink(el.limits));
  const inside = openCheck(apart, module);
  const note = (n: number) => Number.isInteger(n) && n > 0 && n <= el.limits.entries && numbers.add(n);
  const noteExpression = (e: Expression) => {
    if (e.kind === "Number") note(e.value);
    if (e.kind !== "Binary" && e.kind !== "Name" || !isClosed(el.evaluator, e, module)) return;
    const value = evaluate(inside, e);
    if (value.kind === "static") note(value.value);
  };
  for (const each of [item, ...module.program.items.filter((other) => other !== item)]) visitItem(each, noteExpression);
  for (const input of el.inputs.values()) note(input.value);
  const first = openCheck(apart, module);
  attempt(apart, first);
  mayGoOn(el, apart, item);
  return { numbers: [...numbers], shapes: shapesIn(first.b.finish([])) };
}

function callWithStandIns(el: Elaboration, cx: Context, item: ModelItem, module: Module, sizes: Sizes): boolean {
  const bound = new Map<string, Local>();
  for (const formal of item.sizes ?? []) {
    const value = sizes.get(formal.name.name);
    bound.set(formal.name.name, known(value === undefined ? defaultOf(cx, formal, bound) : staticNumber(value, "int")));
  }
  const instance: InstanceNode = {
    path: [item.name.name],
    model: { item, module },
    sizes: bound,
    own: new Map(),
    children: new Map(),
  };
  const locals = new Map([...bound, ...[...sizes].map(([k, v]) => [k, known(staticNumber(v, "int"))] as const)]);
  const inside: Context = { ...cx, scope: { module, parent: undefined, locals } };
  const args = item.formals.map((formal) => ({ value: standIn(inside, formal), span: formal.span }));
  if (args.some((a) => a.value.kind === "error")) return false;
  const result = callModel(cx, { kind: "model", instance, world: cx.world }, args, item.name.span, true);
  // initial values too
  for (const leaf of el.leaves.values()) leaf.initial(cx);
  return result !== undefined;
}

function defaultOf(cx: Context, formal: Formal, locals: ReadonlyMap<string, Local>): Value {
  return formal.default ? evaluate({ ...cx, scope: { ...cx.scope, locals } }, formal.default) : errorValue;
}

/** A tensor of a formal's type. */
function standIn(cx: Context, formal: Formal): Value {
  const dims: Dim[] = [];
  for (const size of formal.type?.sizes ?? []) {
    const value = evaluate(cx, size);
    if (value.kind !== "static" || !Number.isInteger(value.value) || value.value < 1) return errorValue;
    dims.push(value.name === undefined ? { size: value.value } : { size: value.value, name: value.name });
  }
  const dtype = formal.type?.dtype?.name;
  const type: ArrayType = {
    dtype: dtype === "int" ? "i32" : dtype === "bool" ? "bool" : cx.elaboration.precision,
    shape: dims.map((d) => d.size),
  };
  return { kind: "tensor", variable: cx.b.input(type), dims };
}

/** Goes through an optimizer that nothing uses, for parameters of many shapes. */
function checkOptimizer(el: Elaboration, item: OptimizerItem, module: Module): void {
  const attempt = (apart: Elaboration, cx: Context, shape: readonly number[]): boolean => {
    const { b } = cx;
    const dims = shape.map((size): Dim => ({ size }));
    const hyperparameters = new Map<string, Local>();
    for (const formal of item.formals) {
      const value = formal.default
        ? evaluate(cx, formal.default)
        : { kind: "tensor", variable: b.input({ dtype: apart.precision, shape: [] }), dims: [] } as const;
      hyperparameters.set(formal.name.name, known(value));
    }
    const { span } = item.name;
    const rule: LoopRule = { references: [], paths: [], optimizer: { item, module }, hyperparameters: [], span };
    const leaf: LeafDeclaration = {
      name: "p",
      path: ["p"],
      drawnAs: "p",
      dims,
      module,
      span,
      initial: () => undefined,
    };
    const t: TensorValue = { kind: "tensor", variable: b.input({ dtype: "i32", shape: [] }), dims: [] };
    checkRule(cx, rule, leaf, { t, hyperparameters });
    return true;
  };
  const choices = shapeChoices(() => spokenSizes(el, item, module, (apart, cx) => attempt(apart, cx, firstShape)));
  reportCertain(el, item, choices, (apart, shape) => attempt(apart, openCheck(apart, module), shape));
}
