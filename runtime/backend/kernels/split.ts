// When is one nest work for several threads? When it stands outside of what threads share anyway and has enough to do: then it
// becomes a `map` over parts of one of its axes. Which parts does not depend on how many threads there are, so results do not.
import { operandsOf, usedValues } from "./print.ts";
import type { Access, Frame, KernelProgram, Loop, Nest, Node } from "./types.ts";

/** So many computed values are worth sharing: one to two microseconds. Sharing less gained nothing on `unroll` (bench/peers.ts). */
const worthSharing = 2 ** 16;
/** As many make a part, if that leaves parts enough. */
const partWork = 2 ** 17;
const fewestParts = 4;
const mostParts = 16;

/** Shares the large nests of a program. */
export function shareNests({ root }: KernelProgram): void {
  shareIn(root);
}

function shareIn(frame: Frame): void {
  const nodes = frame.nodes.flatMap((node): readonly Node[] => {
    if (node.kind === "nest") return shared(node, frame);
    if (node.kind === "loop" && (node.op === "scan" || node.length === 1)) shareIn(node.body);
    return [node];
  });
  frame.nodes.splice(0, frame.nodes.length, ...nodes);
}

/** The nest, or a loop over parts of it and what is left. */
function shared(nest: Nest, frame: Frame): readonly Node[] {
  const used = usedValues(nest);
  const work = workOf(nest, used);
  if (work < worthSharing) return [nest];
  const most = Math.min(mostParts, Math.max(fewestParts, Math.floor(work / partWork)));
  const indexed = new Set<number>();
  for (const id of used.keys()) {
    const value = nest.values[id]!;
    if (value.op === "index") indexed.add(value.axis);
  }
  const stride = (axis: number) => Math.max(0, ...nest.stores.map((s) => Math.abs(s.access.steps[axis]!)));
  // every point of a part must be written by it alone
  const axes = nest.axes.flatMap((a, axis) =>
    a.reduced || indexed.has(axis) || a.size < fewestParts || nest.stores.some((s) => s.access.steps[axis] === 0)
      ? []
      : [axis]
  );
  const counts = Array.from({ length: most - fewestParts + 1 }, (_, i) => most - i);
  // the axis that goes farthest in memory, so that parts lie apart
  for (const axis of axes.toSorted((a, b) => stride(b) - stride(a))) {
    const { size } = nest.axes[axis]!;
    const fitting = counts.filter((parts) => size >= 2 * parts || size % parts === 0);
    const parts = fitting.toSorted((a, b) => size % a - size % b)[0];
    if (parts === undefined) continue;
    const rest = size % parts;
    const loop = loopOverParts(nest, frame, { axis, parts });
    return rest === 0 ? [loop] : [loop, { ...nest, ...restricted(nest, { axis, size: rest, from: size - rest }) }];
  }
  return [nest];
}

/** A stretch of an axis of a nest. */
function restricted(
  { axes, values, stores }: Nest,
  { axis, size, from, loop }: { axis: number; size: number; from: number; loop?: Loop },
): Pick<Nest, "axes" | "values" | "stores"> {
  const at = (access: Access): Access => {
    const step = access.steps[axis]!;
    const terms = loop && step !== 0 ? [...access.terms, { loop, step: step * size }] : access.terms;
    return { ...access, offset: access.offset + step * from, terms };
  };
  return {
    axes: axes.map((a, i) => i === axis ? { ...a, size } : a),
    values: values.map((v) => v.op === "load" ? { ...v, access: at(v.access) } : v),
    stores: stores.map((s) => ({ ...s, access: at(s.access) })),
  };
}

/** How often values are computed: those that sums need for every point, the others once for each sum. */
function workOf({ axes, values }: Nest, used: ReadonlyMap<number, number>): number {
  const points = axes.reduce((n, a) => n * a.size, 1);
  const sums = axes.reduce((n, a) => a.reduced ? n : n * a.size, 1);
  const inner = new Set<number>();
  const visit = (id: number) => {
    if (inner.has(id)) return;
    inner.add(id);
    for (const operand of operandsOf(values[id]!)) visit(operand);
  };
  for (const id of used.keys()) {
    const value = values[id]!;
    if (value.op === "reduce") visit(value.input);
  }
  let [ofPoints, ofSums] = [0, 0];
  for (const id of used.keys()) {
    const { op } = values[id]!;
    const cost = longOps.has(op) ? 10 : 1;
    if (inner.has(id)) ofPoints += cost;
    else ofSums += cost;
  }
  return points * ofPoints + sums * ofSums;
}

/** Operations that take as long as ten others. */
const longOps: ReadonlySet<string> = new Set([
  ...["exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "logistic", "erf", "erf_inv", "pow", "mod"],
]);

function loopOverParts(nest: Nest, frame: Frame, { axis, parts }: { axis: number; parts: number }): Loop {
  const body: Frame = { name: "part", parent: frame, nodes: [], buffers: [], bytes: 0, base: 0 };
  const loop: Loop = { kind: "loop", op: "map", length: parts, reverse: false, body, origin: nest.origin };
  const size = Math.floor(nest.axes[axis]!.size / parts);
  body.nodes.push({ ...nest, ...restricted(nest, { axis, size, from: 0, loop }) });
  return loop;
}
