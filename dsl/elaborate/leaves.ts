// What has a value of its own at the start? Parameters of models, free-standing ones and hyperparameters: one leaf for each
// tensor, with its declared value; and what it is "now" where an expression stands.
import type { Binding, Identifier } from "../syntax/ast.ts";
import { toTensor } from "./arithmetic.ts";
import { drawInto, failDistribution } from "./draws.ts";
import { type Path, pathText } from "../syntax/paths.ts";
import { fail, topOf } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { ownersOf } from "./ownership.ts";
import { viaNames, viaRange } from "./reparameterisations.ts";
import { requireStatic } from "./sizes.ts";
import { startingAt, startOf } from "./starts.ts";
import { isLibrary, type Span } from "../text/source.ts";
import {
  arrayHint,
  describeValue,
  errorValue,
  formatDims,
  formatRange,
  namedSizes,
  numbersOf,
  shapeOf,
} from "../world/values.ts";
import type { Consumer, Context, LeafDeclaration, Motion, Value, World } from "../world/world.ts";
import type { Dim, TensorValue } from "../world/value_kinds.ts";
import { readSources, withSources, worldBetween } from "./sources.ts";
import { beginningOf, drawingWorld, enterWorld, outermost, ownsNow } from "../world/moments.ts";
import { changesDuring, declaredHere, startsOutside } from "../diagnostics/messages.ts";
import { quoted } from "../text/words.ts";

/** Declares a leaf from a binding: `name : [sizes] = value` or `~ distribution`, `in low .. high`. `place` is where the value
 *  stands, seen from where it is asked for. */
export function makeLeaf(
  here: Context,
  path: Path,
  dims: readonly Dim[],
  binding: Binding,
  of: Pick<LeafDeclaration, "module" | "drawnAs" | "state">,
  place: (cx: Context) => Context,
): LeafDeclaration | undefined {
  const cx = place(here);
  const range = binding.range && readRange(cx, binding.range.low, binding.range.high, binding.range.span);
  if (binding.range && !range) return undefined;
  const name = leafName({ path });
  const base = {
    name,
    path,
    dims,
    ...of,
    span: binding.name.span,
    initial: (drawing: Context) => declaredValue(place(drawing), name, dims, binding, of, range),
  };
  const start = startOf(here.elaboration, base);
  const known = binding.via && binding.how === "=" && binding.value && !start ? evaluate(cx, binding.value) : undefined;
  const via = readVia(cx, binding.via, range, known, name);
  const declared: LeafDeclaration = { ...base, ...(range ? { range } : {}), ...(via ? { via } : {}) };
  const leaf = start ? startingAt(start, declared) : declared;
  here.elaboration.leaves.set(name, leaf);
  return leaf;
}

/** The printed name of a leaf: `net.body.W`, `fit.lr`, `fit.lr[l1.W]`. */
export function leafName({ path, tensor }: Pick<LeafDeclaration, "path" | "tensor">): string {
  return tensor ? `${pathText(path)}[${pathText(tensor)}]` : pathText(path);
}

/** `in low .. high`, both known before the run. Undefined when wrong (reported). */
export function readRange(
  cx: Context,
  lowAt: Parameters<typeof requireStatic>[1],
  highAt: Parameters<typeof requireStatic>[1],
  span: Span,
): readonly [number, number] | undefined {
  const low = requireStatic(cx, lowAt, "a bound");
  const high = requireStatic(cx, highAt, "a bound");
  if (!low || !high) return undefined;
  if (low.value <= high.value) return [low.value, high.value];
  return void fail(cx, {
    code: "M0304",
    title: `The range ${formatRange(low.value, high.value)} is empty`,
    at: span,
    hint: `write \`in ${formatRange(high.value, low.value)}\``,
  });
}

/** `via log`, `via logit`, `via softplus`: known, with a range that fits, from a value inside it. Undefined when nothing is
 *  written or it is wrong (reported). */
export function readVia(
  cx: Context,
  via: Identifier | undefined,
  range: readonly [number, number] | undefined,
  value: Value | undefined,
  name: string,
): Motion | undefined {
  if (!via) return undefined;
  const kind = viaNames.find((v) => v === via.name);
  if (!kind) {
    return void fail(cx, {
      code: "M0201",
      title: `There is no reparameterisation \`${via.name}\``,
      at: via.span,
      notes: [`There are ${quoted(viaNames)}`],
      hint: hintFor(via.name, viaNames),
    });
  }
  const needed = viaRange(kind, range);
  if (!needed) {
    return void fail(cx, {
      code: "M0304",
      title: kind === "logit" ? "`via logit` needs a finite range" : `\`via ${kind}\` needs a range \`low .. inf\``,
      at: via.span,
      hint: kind === "logit" ? "write `in 0 .. 1 via logit`" : `write \`in 0 .. inf via ${kind}\``,
    });
  }
  const outside = value && numbersOf(value).find((x) => !(x > needed[0] && x < needed[1]));
  if (outside !== undefined) {
    return void fail(cx, {
      code: "M0606",
      title: `\`${name}\` starts at ${outside}, which \`via ${kind}\` cannot reach: it moves strictly inside ${
        formatRange(...needed)
      }`,
      at: via.span,
    });
  }
  return { kind, range: needed };
}

function declaredValue(
  at: Context,
  name: string,
  dims: readonly Dim[],
  binding: Binding,
  { module, drawnAs }: Pick<LeafDeclaration, "module" | "drawnAs">,
  range: readonly [number, number] | undefined,
): TensorValue | undefined {
  const { value: expression } = binding;
  if (expression === undefined) {
    return void fail(at, {
      code: "M0405",
      title: `\`${name}\` has no initial value`,
      at: binding.name.span,
      hint: "write `= 0`, or draw it: `~ glorot()`",
    });
  }
  const value = evaluate(at, expression);
  if (value.kind === "error") return undefined;
  if (binding.how === "~") {
    return drawInto(at, value, dims, { module, drawnAs, called: name, floats: true }, expression.span);
  }
  if (value.kind === "distribution") return void failDistribution(at, binding);
  const outside = range && numbersOf(value).find((x) => !(x >= range[0] && x <= range[1]));
  if (range && outside !== undefined) {
    return void fail(at, {
      ...startsOutside(name, outside, formatRange(...range), binding.range!.span),
      at: expression.span,
    });
  }
  return fillTo(at, value, dims, binding);
}

/** A value as an array of the declared shape; scalars fill it. */
function fillTo(cx: Context, value: Value, dims: readonly Dim[], binding: Binding): TensorValue | undefined {
  const tensor = toTensor(cx, value, "float");
  if (tensor.kind === "error") {
    return void fail(cx, {
      code: "M0304",
      title: `\`${binding.name.name}\` cannot be ${describeValue(value)}`,
      at: binding.value!.span,
      hint: arrayHint(value),
    });
  }
  const same = tensor.dims.length === dims.length && tensor.dims.every((d, i) => d.size === dims[i]!.size);
  if (!same && tensor.dims.length > 0) {
    const typed = binding.type !== undefined;
    // a name that is defined twice was said to be; its second value was meant for the first
    const said = cx.elaboration.sink.diagnostics.some((d) =>
      d.code === "M0202" && d.primary.span.source === binding.name.span.source &&
      d.primary.span.start === binding.name.span.start
    );
    if (said) return undefined;
    const computed = binding.value?.kind !== "List" && binding.value?.kind !== "Number";
    return void fail(cx, {
      code: "M0305",
      title: typed
        ? `\`${binding.name.name}\` is declared as ${formatDims(dims)}, its value is ${formatDims(tensor.dims)}`
        : `\`${binding.name.name}\` has no type, so it is a scalar, and its value is ${formatDims(tensor.dims)}`,
      at: binding.value!.span,
      label: formatDims(tensor.dims),
      secondary: typed ? [{ span: binding.type!.span, message: "declared here" }] : [],
      sizes: namedSizes(dims, tensor.dims),
      hint: typed
        ? undefined
        : `write \`${binding.name.name} : ${formatDims(tensor.dims)} = …\` for a parameter${
          computed ? `, \`let ${binding.name.name} = …\` for a value that is computed` : ""
        }`,
    });
  }
  return { kind: "tensor", variable: cx.b.broadcastTo(tensor.variable, shapeOf(dims)), dims };
}

/** What a parameter is "now" where the context stands. Outside the loop that changes it, it has no now. `as`: the model that it is read
 *  as a part of. */
export function valueNow(cx: Context, leaf: LeafDeclaration, span: Span, as?: Path): Value {
  for (let w: World | undefined = cx.world; w; w = w.parent) {
    const value = w.values.get(leaf.name);
    if (value) return { ...value, declared: { name: leaf.name, span: leaf.span } };
  }
  const owners = ownersOf(cx.elaboration, leaf.path);
  if (owners.length > 0 && !owners.some((loop) => ownsNow(cx.world, loop))) {
    const loop = owners[0]!;
    const model = leaf.path[0]!;
    const call = outermostUserCall(cx, span);
    const what = as ? pathText(as) : call ? model : leaf.name;
    return fail({ ...cx, frames: [] }, {
      ...changesDuring(what, loop.name),
      at: call ?? span,
      label: `write \`${what}@${loop.timeName}\` (after the last step) or \`${what}@0\` (before the first)`,
      secondary: [declaredHere(loop.item.name)],
    });
  }
  const value = initialValue(cx, leaf);
  return value ? { ...value, declared: { name: leaf.name, span: leaf.span } } : errorValue;
}

/** The call through which a parameter inside a model body was reached. */
function outermostUserCall(cx: Context, span: Span): Span | undefined {
  const found = cx.frames.findLast((f) => !isLibrary(f.span.source))?.span;
  return found && (found.source !== span.source || found.start !== span.start) ? found : undefined;
}

/** What a leaf is before any inner loop changes it: learned, given from outside, or declared. A declared start belongs to the
 *  world that draws belong to, and deeper, where a world below gives what it is computed from: there it carries the derivative
 *  with respect to that. */
export function initialValue(cx: Context, leaf: LeafDeclaration): TensorValue | undefined {
  const { world } = cx;
  const { consumer } = world;
  const once = consumer.declared.has(leaf.name);
  let owner = once ? outermost(world) : drawingWorld(world);
  readSources(consumer, [leaf.name]);
  let above = false;
  for (let w: World | undefined = world; w; w = w.parent) {
    const given = w.initials.get(leaf.name);
    if (given) return given;
    const known = above ? undefined : w.starts.get(leaf.name);
    above ||= w === owner;
    if (!known || worldBetween(world, w, known.sources)) continue;
    readSources(consumer, known.sources);
    return known.value;
  }
  if (consumer.persistent.has(leaf.name)) return inputOf(consumer, leaf);
  for (;;) {
    const at = once ? declaringWorld(owner) : beginningOf(owner);
    const { value, sources } = withSources(consumer, () => leaf.initial(topOf(cx, at, leaf.module)));
    const deeper = worldBetween(world, owner, sources);
    if (!deeper) {
      if (once && [...sources].every((s) => typeof s !== "string" || !consumer.persistent.has(s))) {
        return inputOf(consumer, leaf);
      }
      if (value) owner.starts.set(leaf.name, { value, sources });
      return value;
    }
    owner = deeper;
  }
}

function inputOf(consumer: Consumer, { name, dims }: LeafDeclaration): TensorValue {
  return { kind: "tensor", variable: consumer.input({ kind: "leaf", name }), dims };
}

/** Where the start of a leaf that another item learns is computed: it is drawn once, in the name of no loop, as the initial
 *  values of a run are, from what is given where `world` stands. */
function declaringWorld(world: World): World {
  const initials = new Map<string, TensorValue>();
  for (let w: World | undefined = world; w; w = w.parent) {
    for (const [name, value] of w.initials) if (!initials.has(name)) initials.set(name, value);
  }
  const consumer: Consumer = { ...world.consumer, name: "", metaStep: undefined };
  return { ...enterWorld(world, { initials }), parent: undefined, consumer };
}
