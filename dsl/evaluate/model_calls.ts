// What does a model compute for arguments? Matches them with the formals, shapes the parameters at the first call, and
// evaluates the body in the world that the call stands in.
import { numberTypes } from "../modules/declarations.ts";
import type {
  Binding,
  Expression,
  Formal,
  ModelItem,
  ModelMember,
  NameExpression,
  ResultsExpression,
  TypeExpression,
} from "../syntax/ast.ts";
import { asFloat, toTensor } from "../elaborate/arithmetic.ts";
import { fail } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import { makeLeaf, valueNow } from "../elaborate/leaves.ts";
import type {
  Context,
  Frame,
  InstanceNode,
  LeafDeclaration,
  Local,
  ModelValue,
  Passed,
  RecordValue,
  Value,
} from "../world/world.ts";
import type { Dim, TensorValue } from "../world/value_kinds.ts";
import { asBinding, moveStates, nextLocal, stateNow, wordsOfCall } from "./model_states.ts";
import { evaluateDraw, evaluateScan } from "./model_scans.ts";
import { childOf, lacksSizes, memberNames, usesOf } from "../elaborate/models.ts";
import { count } from "../text/words.ts";
import { axisOf, rowsAsIn, withRows } from "../elaborate/row_origins.ts";
import { evaluateSize, evaluateType, isUnknown, unknownSize } from "../elaborate/sizes.ts";
import type { Span } from "../text/source.ts";
import { arrayHint, describeValue, errorValue, formatDims, namedSizes, shapeOf } from "../world/values.ts";
import { known } from "../world/moments.ts";
import { pathText } from "../syntax/paths.ts";

/** One call of a model while its body is evaluated. */
interface ModelCall {
  /** Where the call stands. */
  readonly cx: Context;
  /** Where the body stands. */
  readonly body: Context;
  readonly instance: InstanceNode;
  readonly locals: Map<string, Local>;
  /** Sizes that this call named and that have no name outside of it. */
  readonly named: Set<Dim>;
  readonly span: Span;
}

/** Evaluates a model's body for arguments. `silent`: the program makes no such call, so nothing is said of it. */
export function callModel(cx: Context, model: ModelValue, args: readonly Passed[], span: Span, silent?: true): Value {
  const { instance, world } = model;
  const { item, module } = instance.model;
  const el = cx.elaboration;
  if (lacksSizes(cx, instance, span)) return errorValue;
  if (el.busy.has(instance)) {
    return fail(cx, { code: "M0210", title: `The model \`${item.name.name}\` calls itself`, at: span });
  }
  el.called.add(item);
  if (args.length !== item.formals.length) {
    return fail(cx, {
      code: "M0302",
      title: `\`${item.name.name}\` takes ${count(item.formals.length, "argument")}, not ${args.length}`,
      at: span,
    });
  }
  if (args.some((a) => a.value.kind === "error")) return errorValue;
  const frames: Frame[] = [{ callee: item.name.name, span, ...(silent ? { silent } : { args }) }, ...cx.frames];
  // every name of the model's own comes before the words for the call, sizes that it binds too
  const words = { module, parent: undefined, locals: wordsOfCall({ ...cx, world }, instance) };
  const locals = new Map<string, Local>(instance.sizes);
  const call: ModelCall = {
    cx,
    body: { ...cx, world, scope: { module, parent: words, locals }, frames },
    instance,
    locals,
    named: new Set(),
    span,
  };
  const values: TensorValue[] = [];
  for (const [i, formal] of item.formals.entries()) {
    const bound = bindFormal(call, formal, args[i]!);
    if (!bound) return errorValue;
    values.push(bound);
  }
  item.formals.forEach((formal, i) => locals.set(formal.name.name, known(values[i]!)));
  el.busy.add(instance);
  try {
    const result = evaluateBody(call);
    if (result.kind === "record") return resultsOutside(call, result);
    return result.kind === "tensor" ? { ...result, dims: result.dims.map((d) => outside(call, d)) } : result;
  } finally {
    el.busy.delete(instance);
  }
}

/** Several results as the caller knows them. */
function resultsOutside(call: ModelCall, results: RecordValue): RecordValue {
  const members = [...results.members].map(([name, read]): [string, () => Value] => {
    const value = read();
    const seen = value.kind === "tensor" ? { ...value, dims: value.dims.map((d) => outside(call, d)) } : value;
    return [name, () => seen];
  });
  return { ...results, members: new Map(members) };
}

/** A size as the caller knows it: a name that the call gave it is left inside. */
function outside(call: ModelCall, dim: Dim): Dim {
  return call.named.has(axisOf(dim)) ? withRows({ size: dim.size }, dim.rows) : dim;
}

/** Matches an argument with `x : [n, 1]`: names of sizes that nothing else defines are bound by the first use. */
function bindFormal(call: ModelCall, formal: Formal, arg: Passed): TensorValue | undefined {
  const { cx, body } = call;
  const { item } = call.instance.model;
  const wanted = formal.type?.dtype?.name ?? (formal.type ? "float" : undefined);
  // a list of whole numbers stays a list of ints where no type is said: it may be indices
  const listed = wanted === undefined && isIntegerList(arg.value);
  const other = arg.value.kind === "tensor" ? undefined : "float";
  const value = toTensor(body, arg.value, wanted === "int" || listed ? "int" : other);
  const what = `\`${formal.name.name}\` of \`${item.name.name}\``;
  if (value.kind === "error") {
    return void fail(cx, {
      code: "M0304",
      title: `${what} takes a tensor, not ${describeValue(arg.value)}`,
      at: arg.span,
      hint: arrayHint(arg.value),
    });
  }
  const dtype = value.variable.dtype === "i32" ? "int" : value.variable.dtype === "bool" ? "bool" : "float";
  const known = wanted !== undefined && numberTypes.includes(wanted); // another was reported with the declarations
  if (known && wanted !== dtype && !(wanted === "float" && dtype === "bool")) {
    return void fail(cx, {
      code: "M0304",
      title: `${what} is ${wanted}, given ${
        dtype === "float" ? `float ${formatDims(value.dims)}` : describeValue(value)
      }`,
      at: arg.span,
      secondary: [{ span: formal.span, message: "declared here" }],
    });
  }
  const typed = wanted === "float" ? asFloat(body, value) : value;
  const sizes = formal.type?.sizes;
  if (sizes === undefined && (!formal.type?.dtype || value.dims.length === 0)) return typed;
  const dims = matchSizes(call, formal, sizes ?? [], value, arg.span);
  const { declared } = value;
  return dims && { ...typed, dims, ...(declared ? { declared: { dims: value.dims, ...declared } } : {}) };
}

/** `[0, 2]`, which may be indices. */
function isIntegerList(value: Value): boolean {
  return value.kind === "shape" && !value.single || value.kind === "literal" && value.type === "int";
}

function matchSizes(
  call: ModelCall,
  formal: Formal,
  wanted: readonly Expression[],
  value: TensorValue,
  at: Span,
): Dim[] | undefined {
  const { cx, body, locals } = call;
  const { item } = call.instance.model;
  const mismatch = (why: string) => {
    const text = `[${wanted.map((s) => s.kind === "Name" ? s.name : s.kind === "Number" ? s.text : "…").join(", ")}]`;
    const declared = value.declared && value.declared.span.source === at.source ? value.declared : undefined;
    return void fail(cx, {
      code: "M0305",
      title: `\`${item.name.name}\` takes \`${formal.name.name}\` : ${text}, given ${formatDims(value.dims)}`,
      at,
      label: why,
      secondary: [
        { span: formal.span, message: "declared here" },
        ...(declared ? [{ span: declared.span, message: `\`${declared.name}\` is ${formatDims(value.dims)}` }] : []),
      ],
    });
  };
  if (wanted.length !== value.dims.length) {
    return mismatch(`${count(value.dims.length, "axis", "axes")} given, ${wanted.length} expected`);
  }
  const dims: Dim[] = [];
  for (const [axis, size] of wanted.entries()) {
    const actual = value.dims[axis]!;
    if (size.kind === "Missing") return undefined;
    if (isFreeSize(body, locals, size)) {
      const dim: Dim = actual.name !== undefined ? actual : { ...actual, name: size.name };
      if (dim !== actual) call.named.add(axisOf(dim));
      locals.set(size.name, known({ kind: "shape", dims: [dim], single: true }));
      dims.push(dim);
      continue;
    }
    const expected = evaluateSize(body, size);
    if (!expected) return undefined;
    if (expected.size !== actual.size) {
      return mismatch(`axis ${axis} is ${sized(actual)}, expected ${sized(expected)}`);
    }
    const given = expected.name === undefined && actual.name !== undefined && expected.size !== 1;
    dims.push(given ? actual : withRows(expected, actual.rows));
  }
  return dims;
}

/** `K = 10`, `40`. */
function sized(dim: Dim): string {
  return dim.name === undefined || dim.name === String(dim.size) ? String(dim.size) : `${dim.name} = ${dim.size}`;
}

/** True for a name of a size that the call binds. */
function isFreeSize(
  body: Context,
  locals: ReadonlyMap<string, Local>,
  size: Expression,
): size is Expression & { kind: "Name" } {
  return size.kind === "Name" && !locals.has(size.name) && !body.scope.module.visible.has(size.name);
}

function evaluateBody(call: ModelCall): Value {
  const { body, instance, locals } = call;
  const { item } = instance.model;
  for (const member of item.members) {
    const name = nameOfMember(member);
    if (locals.has(name)) continue;
    locals.set(name, {
      value: (at) =>
        fail(body, {
          code: "M0201",
          title: `There is no \`${name}\` yet`,
          at: at ?? member.span,
          notes: [`\`${name}\` is declared below, and a model is read from top to bottom`],
        }),
    });
  }
  for (const member of item.members) {
    const name = nameOfMember(member);
    if (item.members.some((m) => m !== member && nameOfMember(m) === name)) {
      locals.set(name, known(errorValue)); // defined twice: reported
    } else if (member.kind === "Binding") {
      locals.set(name, known(parameterValue(call, member)));
    } else if (member.kind === "State") {
      locals.set(name, known(parameterValue(call, asBinding(member), true)));
    } else if (member.kind === "Next") {
      locals.set(name, nextLocal(body, member));
    } else if (member.kind === "Use") {
      const child = childOf(body, instance, member);
      locals.set(
        name,
        known(child ? { kind: "model", instance: child, world: body.world } : errorValue),
      );
    } else if (member.kind === "Draw") {
      locals.set(name, known(evaluateDraw(body, instance, member)));
    } else if (member.kind === "Scan") {
      locals.set(name, known(evaluateScan(body, instance, member, locals)));
    } else {
      const value = evaluate(body, member.value);
      locals.set(name, known(value));
    }
  }
  const result = returnedValue(body, item);
  return moveStates(body, instance, locals) ? result : errorValue;
}

/** What a member is called in the lines below it. */
const nameOfMember = ({ kind, name: { name } }: ModelMember) => kind === "Next" ? `${name}'` : name;

/** What a model returns, of the shape that it promises. */
function returnedValue(body: Context, item: ModelItem): Value {
  if (item.body.kind === "Results") return returnedValues(body, item, item.body);
  const returned = evaluate(body, item.body);
  const result = toTensor(body, returned);
  if (result.kind === "error") {
    return returned.kind === "error" ? result : fail(body, {
      code: "M0304",
      title: `A model returns a tensor, and \`${item.name.name}\` returns ${describeValue(returned)}`,
      at: item.body.span,
      hint: arrayHint(returned),
    });
  }
  if (item.result?.sizes === undefined) return result;
  const expected = promisedDims(body, item.result, result.dims);
  if (!expected) return errorValue;
  if (expected.length !== result.dims.length || expected.some((d, i) => d.size !== result.dims[i]!.size)) {
    const written = expected.map((d, i) => isOpen(item.result!.sizes![i]) ? { size: 1, name: "_" } : d);
    return fail(body, {
      code: "M0305",
      title: `\`${item.name.name}\` promises ${formatDims(written)} and returns ${formatDims(result.dims)}`,
      at: item.body.span,
      label: `this is ${formatDims(result.dims)}`,
      secondary: [{ span: item.result.span, message: "promised here" }],
      sizes: namedSizes(expected, result.dims),
    });
  }
  return { ...result, dims: rowsAsIn(expected.map((d, i) => d.name ? d : result.dims[i]!), result.dims) };
}

/** Several values that a model returns, by their names. */
function returnedValues(body: Context, { name, result }: ModelItem, { entries, span }: ResultsExpression): Value {
  if (result) {
    return fail(body, {
      code: "M0305",
      title: `\`${name.name}\` promises one result and returns ${count(entries.length, "value")} by name`,
      at: result.span,
      secondary: [{ span, message: "returned here" }],
      hint: "leave out the `->`",
    });
  }
  const members = new Map<string, () => Value>();
  for (const entry of entries) {
    const { name: own, value: expression } = entry;
    if (members.has(own.name)) {
      return fail(body, { code: "M0202", title: `\`${own.name}\` is returned twice`, at: own.span });
    }
    const returned = evaluate(body, expression);
    const value = toTensor(body, returned);
    if (value.kind === "error" && returned.kind !== "error") {
      return fail(body, {
        code: "M0304",
        title: `A model returns tensors, and \`${own.name}\` is ${describeValue(returned)}`,
        at: expression.span,
        hint: arrayHint(returned),
      });
    }
    members.set(own.name, () => value);
  }
  if ([...members.values()].some((read) => read().kind === "error")) return errorValue;
  return { kind: "record", name: name.name, what: "result of", span, members };
}

/** The axes that a model promises; of those that are left open, what is returned. Undefined when wrong (reported). */
function promisedDims(body: Context, type: TypeExpression, returned: readonly Dim[]): readonly Dim[] | undefined {
  const sizes = type.sizes!;
  const unknown = sizes.filter((size) => !isOpen(size) && isUnknown(body, size));
  for (const size of unknown) unknownSize(body, size as NameExpression, "write `_` for a size that follows by itself");
  if (unknown.length > 0) return undefined;
  if (!sizes.some(isOpen)) return evaluateType(body, type);
  const dims = sizes.map((size, i) => {
    if (isOpen(size)) return returned[i] ?? { size: 1 };
    return evaluateSize(body, size);
  });
  return dims.every((d) => d !== undefined) ? dims : undefined;
}

/** The `_` of `-> [n, _]`: whatever it is. */
const isOpen = (size: Expression | undefined) => size?.kind === "Name" && size.name === "_";

/** A parameter or state of a model where its body stands: named as the call names its sizes. */
function parameterValue(call: ModelCall, binding: Binding, state = false): Value {
  const { body, instance } = call;
  const type: TypeExpression = binding.type ?? { sizes: [], span: binding.name.span };
  const dims = evaluateType(body, type);
  const leaf = dims && declareParameter(call, { binding, type, dims, state });
  if (!leaf) return errorValue;
  const value = (state && stateNow(body, instance, leaf)) || valueNow(body, leaf, binding.name.span);
  return value.kind === "tensor" && instance.own.get(binding.name.name) === leaf ? { ...value, dims } : value;
}

/** The parameter or state that a binding of a model declares, shaped at the first call and checked at every other. */
function declareParameter(
  call: ModelCall,
  { binding, type, dims, state }: {
    readonly binding: Binding;
    readonly type: TypeExpression;
    readonly dims: readonly Dim[];
    readonly state: boolean;
  },
): LeafDeclaration | undefined {
  const { body, instance } = call;
  const path = [...instance.path, binding.name.name];
  const existing = instance.own.get(binding.name.name);
  if (existing) {
    const axis = dims.findIndex((d, i) => d.size !== existing.dims[i]?.size);
    if (axis === -1 && existing.dims.length === dims.length) return existing;
    const size = type.sizes?.[axis];
    return void fail(body, {
      code: "M0309",
      title: `\`${pathText(path)}\` would be [${shapeOf(existing.dims).join(", ")}] in one call and [${
        shapeOf(dims).join(", ")
      }] in another`,
      at: size?.span ?? binding.span,
      label: "this is not the same in all calls",
      hint: "a parameter's sizes must not depend on the batch: name them by inputs or numbers",
    });
  }
  // the initial value is evaluated later, in the world that draws it: sizes and numbers of this call stay known there, and neither the
  // words for the call nor what is computed in it
  const scope = (cx: Context) => ({ ...body.scope, parent: undefined, locals: beforeCalls(cx, call, binding) });
  const uses = usesOf(instance);
  const kept = dims.map((d) => outside(call, d));
  const { drawnAs } = memberNames(body.elaboration, instance, binding.name.name);
  const of = { module: instance.model.module, drawnAs, ...(state ? { state } as const : {}) };
  const leaf = makeLeaf(body, path, kept, binding, of, (cx) => ({
    ...cx,
    scope: scope(cx),
    frames: uses,
    batch: undefined,
  }));
  if (leaf) instance.own.set(binding.name.name, leaf);
  return leaf;
}

/** The names of a body as the start of a parameter may read them: what is computed for one call is not there yet. */
function beforeCalls(cx: Context, { locals, instance }: ModelCall, binding: Binding): Map<string, Local> {
  const model = instance.model.item.name.name;
  return new Map([...locals].map(([name, local]) => [name, {
    value: (at) => {
      const value = local.value(at);
      if (value.kind !== "tensor" && value.kind !== "record") return value;
      return fail(cx, {
        code: "M0304",
        title: `\`${binding.name.name}\` starts before \`${model}\` is called: its start cannot read \`${name}\``,
        at: at ?? binding.value!.span,
        hint: "write a number, a distribution, or a `param` of the program",
      });
    },
  }]));
}
