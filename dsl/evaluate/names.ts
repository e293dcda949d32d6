// What does a name stand for where an expression is evaluated? Locals first, then splits of the task that is drawn, then what
// the file sees, then the constants of the language.
import type { CallExpression, Expression, LetItem } from "../syntax/ast.ts";
import { builtins, constants } from "../builtins/builtins.ts";
import { dataRecord } from "../elaborate/data_values.ts";
import { fail, firstTime, moduleScope, sourceText } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import type { Label } from "../diagnostics/diagnostic.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { evaluateIndex } from "./indexing.ts";
import { partOf } from "../elaborate/model_tensors.ts";
import { modelAt, modelValue } from "../elaborate/models.ts";
import { readTable, readWhole } from "../loops/minibatches.ts";
import { type Definition, nameOf } from "../modules/modules.ts";
import { resolveReference } from "../elaborate/references.ts";
import { headName, referenceText } from "../syntax/paths.ts";
import { loopsWithoutRules } from "../elaborate/ownership.ts";
import type { Context, Scope, Value } from "../world/world.ts";
import type { ErrorValue } from "../world/value_kinds.ts";
import type { Span } from "../text/source.ts";
import { readSources, withSources } from "../elaborate/sources.ts";
import { isProductMistake, referenceNow } from "./times.ts";
import { describeValue, errorValue } from "../world/values.ts";
import { capital, quoted } from "../text/words.ts";
import { packageChain, packageName, unknownHint } from "../elaborate/unknown_names.ts";
import { taskOf } from "../world/moments.ts";
import { exampleAcross } from "../elaborate/task_arguments.ts";
import { localNames, methodHint, namesInScope } from "../elaborate/scope_names.ts";

export function evaluateName(cx: Context, name: string, span: Span): Value {
  const value = wholeName(cx, name, span);
  return value.kind === "record" ? readTable(cx, value) : readWhole(cx, value, [name], span);
}

/** What a name stands for, whatever batch is read. */
function wholeName(cx: Context, name: string, span: Span): Value {
  for (let s: Scope | undefined = cx.scope; s; s = s.parent) {
    const local = s.locals.get(name);
    if (local) {
      const value = local.value(span);
      if (value.kind !== "model") return value;
      return value.moment ? modelAt(cx, value.instance, value.moment) : modelValue(cx, value.instance);
    }
  }
  const { module } = cx.scope;
  const split = taskOf(cx.world)?.splits.get(name);
  const definition = module.visible.get(name);
  if (split) {
    if (!definition || definition.module.library) return split;
    if (definition.item.kind === "Inner" || definition.item.kind === "Outer") {
      const task = taskOf(cx.world)!.definition.name;
      if (!firstTime(cx.elaboration, `clash ${name} ${task}`)) return errorValue;
      // nothing that is said of the loop can be trusted
      const loop = cx.elaboration.loops.get(name);
      if (loop) cx.elaboration.entered.add(loop);
      return fail(cx, {
        code: "M0209",
        title: `\`${name}\` is both a loop and a split of \`${task}\``,
        at: span,
        label: "which one?",
        secondary: [
          { span: definition.item.name.span, message: "the loop" },
          { span: split.span, message: "the split" },
        ],
        hint: `write \`${task}.${name}\` for the split`,
      });
    }
  }
  const task = taskOf(cx.world);
  if (task && definition === task.definition) {
    return {
      kind: "record",
      name,
      what: "task",
      span: nameOf(definition.item)!.span,
      members: new Map([...task.splits].map(([k, v]) => [k, () => v])),
    };
  }
  if (definition) return definitionValue(cx, name, span);
  const constant = constants.get(name);
  if (constant) return constant;
  return unknownName(cx, name, span);
}

function definitionValue(cx: Context, name: string, span: Span): Value {
  const definition = cx.scope.module.visible.get(name)!;
  const { item, module } = definition;
  const el = cx.elaboration;
  switch (item.kind) {
    case "Input": {
      const value = el.inputs.get(`${module.source.name}\n${name}`);
      return value ? { ...value, name } : errorValue;
    }
    case "Let":
      return letValue(cx, item, definition, span);
    case "Function":
      return { kind: "function", item, scope: moduleScope(module) };
    case "Data":
      return dataRecord(cx, definition);
    case "Task": {
      const splits = item.members.filter((m) => m.kind === "Split").map((m) => m.name.name);
      return fail(cx, {
        code: "M0203",
        title: `No task \`${name}\` is drawn here`,
        at: span,
        hint: splits.length > 0
          ? `add \`${exampleAcross(definition)}\` to the outer, gradient or evaluate that uses it`
          : undefined,
      });
    }
    default: {
      const reference = resolveReference(cx, { kind: "Name", name, primed: false, span });
      if (reference && reference !== "not a reference") return referenceNow(cx, reference, span);
      if (reference === undefined || item.kind === "Inner" || item.kind === "Outer" || item.kind === "Param") {
        return errorValue; // its own mistakes are reported where it is declared
      }
      return fail(cx, {
        code: "M0203",
        title: `\`${name}\` is not a value: it is ${noValues[item.kind]}`,
        at: span,
        hint: valueHints[item.kind],
      });
    }
  }
}

/** What has a name and no value. */
const noValues = {
  Evaluate: "an evaluation",
  Output: "an output",
  Optimizer: "an optimizer",
  Model: "a model",
} as const;

const valueHints: { readonly [kind in keyof typeof noValues]?: string } = {
  Evaluate: "only an outer reads it, in its `until` and `keep best`",
  Output: "write what it is made of, or name that by a `let` that both read",
};

/** The value of a `let`, computed once in each world. */
function letValue(cx: Context, item: LetItem, { name, module }: Definition, span: Span): Value {
  const el = cx.elaboration;
  if (el.said.has(item)) return errorValue;
  if (el.busy.has(item)) return dependsOnItself(cx, item, span);
  const known = cx.world.lets.get(item);
  if (known?.b === cx.b) {
    readSources(cx.world.consumer, known.found.sources);
    return known.found.value;
  }
  el.busy.add(item);
  try {
    const found = withSources(cx.world.consumer, () => {
      const value = evaluate({ ...cx, scope: moduleScope(module), frames: [], batch: undefined }, item.value);
      return value.kind === "static" ? { ...value, name } : value;
    });
    cx.world.lets.set(item, { b: cx.b, found });
    return found.value;
  } finally {
    el.busy.delete(item);
  }
}

/** Reports a `let` that is read while it is computed. */
function dependsOnItself(cx: Context, item: LetItem, span: Span): ErrorValue {
  const el = cx.elaboration;
  const chain = [...el.busy].filter((i): i is LetItem => (i as LetItem).kind === "Let");
  const circle = chain.slice(chain.indexOf(item));
  if (!firstTime(el, item)) return errorValue;
  for (const other of circle) el.said.add(other);
  const names = [...circle, item].map((i) => `\`${i.name.name}\``);
  return fail({ ...cx, frames: [] }, {
    code: "M0210",
    title: `${names[0]} depends on itself`,
    at: item.name.span,
    secondary: [{ span, message: "and is read here" }],
    notes: circle.length > 1 ? [`The way is ${names.join(" → ")}`] : [],
  });
}

function unknownName(cx: Context, name: string, span: Span): ErrorValue {
  const { module } = cx.scope;
  if (name === "" || module.unresolved.has(name)) return errorValue;
  if (loopsWithoutRules(cx.elaboration).some((loop) => loop.timeName === name)) return errorValue;
  const task = [...module.visible.values()].find(({ item }) =>
    item.kind === "Task" && item.members.some((m) => m.kind === "Split" && m.name.name === name)
  );
  if (task) return noTask(cx, task, name, span);
  if (builtins.has(name)) {
    return fail(cx, {
      code: "M0203",
      title: `\`${name}\` is a function, and this is not a call of it`,
      at: span,
      hint: `write \`${name}(x)\``,
    });
  }
  return fail(cx, {
    code: "M0201",
    title: `There is no \`${name}\``,
    at: span,
    hint: () => unknownHint(cx.elaboration, { name, module, locals: localNames(cx), called: false }),
  });
}

/** Reports a split that is read where no task, or another one, is drawn: once for each loop or item that draws none. */
function noTask(cx: Context, task: Definition, split: string, span: Span): ErrorValue {
  const { consumer } = cx.world;
  const drawn = taskOf(cx.world)?.definition;
  if (!firstTime(cx.elaboration, `no task ${consumer.name} ${task.name}`)) return errorValue;
  const { place } = consumer;
  return fail({ ...cx, frames: [] }, {
    code: "M0203",
    title: drawn
      ? `${capital(place?.what ?? "this")} is across \`${drawn.name}\`, which has no split \`${split}\``
      : `${capital(place?.what ?? "this")} is not across a task, and \`${split}\` is a split of \`${task.name}\``,
    at: place?.span ?? span,
    secondary: [{ span, message: `\`${split}\` is read here` }],
    hint: place?.alone
      ? `use it in an outer, a gradient or an evaluate that is \`${exampleAcross(task)}\``
      : drawn || place?.start
      ? undefined
      : `add \`${exampleAcross(task)}\``,
  });
}

/** Reports a call of something that nothing defines. */
export function unknownFunction(cx: Context, name: string, { callee, args }: CallExpression): ErrorValue {
  if (cx.scope.module.unresolved.has(name)) return errorValue;
  const first = args[0]?.value;
  return fail(cx, {
    code: "M0201",
    title: `There is no function \`${name}\``,
    at: callee.span,
    hint: () =>
      unknownHint(cx.elaboration, {
        name,
        module: cx.scope.module,
        locals: localNames(cx),
        called: true,
        subject: first && referenceText(first),
      }),
  });
}

/** Reports a name of a package, such as `np.exp`; false where it is none. */
function isOfPackage(cx: Context, expression: Expression, called: boolean): boolean {
  const chain = packageChain(expression, (name) => namesInScope(cx).includes(name));
  if (chain === undefined || cx.scope.module.unresolved.has(chain[0]!)) return false;
  const place = called ? "call" : "value";
  const draft = packageName(cx.elaboration, chain, expression, { known: namesInScope(cx), place });
  if (draft) fail(cx, draft);
  return true;
}

/** The value of `a.b` or `a[i]`; `called`: it stands before the arguments of a call. */
export function evaluatePart(
  cx: Context,
  expression: Expression & { kind: "Member" | "Index" },
  called = false,
): Value {
  if (isOfPackage(cx, expression, called) || isProductMistake(cx, expression)) return errorValue;
  if (isReferenceLike(cx, expression)) {
    const reference = resolveReference(cx, expression);
    if (reference === undefined) return errorValue;
    if (reference !== "not a reference") return referenceNow(cx, reference, expression.span);
  }
  if (expression.kind === "Index") {
    const object = evaluate(cx, expression.object);
    if (object.kind === "error") return object;
    return evaluateIndex(cx, object, expression);
  }
  const named = behindTime(cx, expression);
  if (named !== undefined) {
    return fail(cx, {
      code: "M0203",
      title: "A time stands behind the whole name of what it is of",
      at: expression.span,
      hint: `write \`${named}\``,
    });
  }
  return memberOf(cx, expression, evaluate(cx, expression.object));
}

/** The value of `a.b` where a is no reference. */
function memberOf(cx: Context, expression: Expression & { kind: "Member" }, object: Value): Value {
  const { name, span: at } = expression.member;
  if (object.kind === "error" || name === "") return errorValue;
  const without = (title: string, known: readonly string[], secondary: Label[] = []) =>
    fail(cx, { code: "M0201", title, at, secondary, notes: [`It has ${quoted(known)}`], hint: hintFor(name, known) });
  if (object.kind === "record") {
    const member = object.members.get(name);
    if (member) return readWhole(cx, readPart(cx, member()), [object.name, name], expression.span);
    const title = `The ${object.what} \`${object.name}\` has no \`${name}\``;
    return without(title, [...object.members.keys()], [{ span: object.span, message: "declared here" }]);
  }
  if (object.kind === "tensors") {
    const part = partOf(cx, object, name, expression.span);
    const known = new Set(object.tensors.map(({ path }) => path[0]!));
    return part ?? without(`${capital(describeValue(object))} has no \`${name}\``, [...known]);
  }
  return fail(cx, {
    code: "M0203",
    title: `${capital(describeValue(object))} has no parts, so there is no \`.${name}\``,
    at: expression.span,
    hint: methodHint(cx, name, referenceText(expression.object) ?? "x"),
  });
}

/** `net@t.l1` as it is meant: `net.l1@t`; undefined where it is something else. */
function behindTime(cx: Context, expression: Expression & { kind: "Member" }): string | undefined {
  const parts = [expression.member.name];
  let object = expression.object;
  for (; object.kind === "Member"; object = object.object) parts.unshift(object.member.name);
  if (object.kind !== "Time" || object.time === "all" || parts.some((part) => part === "")) return undefined;
  const whole = referenceText(object.object);
  if (whole === undefined || evaluate(cx, object).kind !== "model") return undefined;
  const { time } = object;
  const at = sourceText(cx.elaboration, time);
  return `${[whole, ...parts].join(".")}@${time.kind === "Name" || time.kind === "Number" ? at : `(${at})`}`;
}

/** A part as it is read: the splits of a task by its name are tables too. */
function readPart(cx: Context, value: Value): Value {
  return value.kind === "record" ? readTable(cx, value) : value;
}

/** True when a chain starts with a model, parameter or loop, not with data or a split. */
function isReferenceLike(cx: Context, expression: Expression): boolean {
  const head = headName(expression);
  if (head === undefined) return false;
  for (let s: Scope | undefined = cx.scope; s; s = s.parent) {
    const local = s.locals.get(head);
    if (local) return local.value().kind === "model";
  }
  if (taskOf(cx.world)?.splits.has(head)) return false;
  const kind = cx.scope.module.visible.get(head)?.item.kind;
  return kind === "Model" || kind === "Inner" || kind === "Outer" || kind === "Param" && expression.kind === "Member";
}
