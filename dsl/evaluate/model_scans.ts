// What do `scan` and `draw` in a model make? Equations gone through once for each entry of a tensor, or for each number: a
// scan whose carry is the states; and an array drawn anew wherever the model is called.
import type { DrawMember, ScanMember } from "../syntax/ast.ts";
import { toTensor } from "../elaborate/arithmetic.ts";
import { drawInto } from "../elaborate/draws.ts";
import type { DrawName } from "../elaborate/draw_keys.ts";
import { fail } from "../world/report.ts";
import { bindStep, checkStates, nextValue, startState } from "../elaborate/equations.ts";
import { evaluate } from "../world/evaluator.ts";
import { memberNames } from "../elaborate/models.ts";
import type { Context, InstanceNode, Local, Value } from "../world/world.ts";
import type { Dim, Table, TensorValue } from "../world/value_kinds.ts";
import { withRows } from "../elaborate/row_origins.ts";
import { evaluateType, requireInteger, tooLarge, withinLimit } from "../elaborate/sizes.ts";
import { arrayHint, describeValue, errorValue } from "../world/values.ts";
import { enterWorld, known } from "../world/moments.ts";
import { pathText } from "../syntax/paths.ts";

/** What a scan goes through, outside of it. */
interface Sequence {
  readonly length: Dim;
  /** Entries along the first axis. */
  readonly entries: TensorValue;
}

/** The value of a scan in a model's body: its states after each step, and its other values at each, stacked. */
export function evaluateScan(
  body: Context,
  instance: InstanceNode,
  member: ScanMember,
  names: ReadonlyMap<string, Local>,
): Value {
  checkStates(body, member.members, []);
  const sequence = member.to ? numbers(body, member) : entriesOf(body, member);
  const starts = startStates(body, member);
  if (!sequence || !starts) return errorValue;
  const asks = `the scan \`${member.name.name}\` runs ${sequence.length.size} steps`;
  if (!withinLimit(body, "steps", { count: sequence.length.size, asks, at: member.over.span })) return errorValue;
  const { b } = body;
  const { length } = sequence;
  const name = member.name.name;
  const scan = b.openScan(name, length.size);
  const t = scan.slice(b.one("iota", [], { type: { dtype: "i32", shape: [length.size] }, axis: 0 }));
  const step = { ...memberNames(body.elaboration, instance, name), number: t };
  const world = enterWorld(body.world, { b: scan.body, step });
  // sub-models are called at this step too
  const locals = new Map<string, Local>([...names].map(([key, local]): [string, Local] => [key, {
    value: (at) => {
      const value = local.value(at);
      return value.kind === "model" ? { ...value, world } : value;
    },
  }]));
  const states = new Map<string, TensorValue>();
  for (const [key, start] of starts) states.set(key, { ...start, variable: scan.carry(start.variable) });
  for (const [key, value] of states) locals.set(key, known(value));
  const { entries } = sequence;
  locals.set(
    member.variable.name,
    known({ kind: "tensor", variable: scan.slice(entries.variable), dims: entries.dims.slice(1) }),
  );
  const indexed = new Set<Table>();
  const scope = { ...body.scope, locals };
  const inside: Context = { ...body, world, b: scan.body, scope, indexed };
  bindStep(inside, member.members, locals);
  const next = new Map<string, TensorValue>();
  for (const [key, value] of states) {
    const after = nextValue(inside, member, locals, key, value);
    if (after) next.set(key, after);
  }
  const lets = letsOf(member, locals);
  if (!lets || next.size < states.size) return errorValue;
  const made = new Map([...next, ...lets]);
  for (const { dims } of made.values()) if (tooLarge(body, [length, ...dims], member.over.span)) return errorValue;
  const results = scan.close([...next.values()].map((v) => v.variable), [...made.values()].map((v) => v.variable));
  const members = [...made].map(([key, { dims }], i): [string, () => Value] => {
    const stacked: TensorValue = {
      kind: "tensor",
      variable: results.outputs[i]!,
      dims: [withRows(length, [...indexed]), ...dims],
    };
    return [key, () => stacked];
  });
  return { kind: "record", name, what: "scan", span: member.name.span, members: new Map(members) };
}

/** The arrays that the `let`s of a step make, by name. Undefined when one is wrong (reported). */
function letsOf(member: ScanMember, locals: ReadonlyMap<string, Local>): Map<string, TensorValue> | undefined {
  const made = new Map<string, TensorValue>();
  for (const { kind, name: { name } } of member.members) {
    const value = kind === "Let" ? locals.get(name)!.value() : undefined;
    if (value?.kind === "error") return undefined;
    if (value?.kind === "tensor") made.set(name, value);
  }
  return made;
}

/** The states before the first step, by name. */
function startStates(body: Context, member: ScanMember): Map<string, TensorValue> | undefined {
  const states = new Map<string, TensorValue>();
  let count = 0;
  for (const state of member.members) {
    if (state.kind !== "State") continue;
    count++;
    const start = startState(body, state);
    if (start) states.set(state.name.name, start);
  }
  if (count > 0) return states.size === count ? states : undefined;
  return void fail(body, {
    code: "M0104",
    title: `The scan \`${member.name.name}\` has no state`,
    at: member.name.span,
    hint: "add a state and its equation: `state h : [n, 8] = 0  h' = …`",
  });
}

function numbers(body: Context, member: ScanMember): Sequence | undefined {
  const from = requireInteger(body, member.over, "the first number", 0);
  const to = requireInteger(body, member.to!, "the last number", 0);
  if (from === undefined || to === undefined) return undefined;
  if (to < from) {
    const at = { ...member.over.span, end: member.to!.span.end };
    return void fail(body, { code: "M0402", title: `The numbers ${from} .. ${to} are none`, at });
  }
  const length: Dim = { size: to - from + 1 };
  if (tooLarge(body, [length], member.over.span)) return undefined;
  const { b } = body;
  const count = b.one("iota", [], { type: { dtype: "i32", shape: [length.size] }, axis: 0 });
  const variable = b.apply("add", count, b.fill(from, count));
  return { length, entries: { kind: "tensor", variable, dims: [length] } };
}

function entriesOf(body: Context, member: ScanMember): Sequence | undefined {
  const value = evaluate(body, member.over);
  if (value.kind === "error") return undefined;
  const tensor = toTensor(body, value);
  const length = tensor.kind === "tensor" ? tensor.dims[0] : undefined;
  if (tensor.kind === "tensor" && length) return { length, entries: tensor };
  return void fail(body, {
    code: "M0304",
    title: `A scan goes through the first axis of a tensor, and this is ${describeValue(value)}`,
    at: member.over.span,
    hint: value.kind === "static" ? "for numbers write `over t in 0 .. 9`" : arrayHint(value),
  });
}

/** The array that a `draw` makes in a call: drawn anew for each meta-step, task, and step of the loops and scans around. */
export function evaluateDraw(body: Context, instance: InstanceNode, member: DrawMember): Value {
  const dims = evaluateType(body, member.type ?? { sizes: [], span: member.name.span });
  const value = evaluate(body, member.value);
  if (!dims) return errorValue;
  const name: DrawName = {
    module: instance.model.module,
    drawnAs: memberNames(body.elaboration, instance, member.name.name).drawnAs,
    called: pathText([...instance.path, member.name.name]),
    value: `let ${member.name.name} = …`,
  };
  return drawInto(body, value, dims, name, member.value.span, member.type) ?? errorValue;
}
