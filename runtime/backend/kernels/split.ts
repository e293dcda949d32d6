// When is one nest work for several threads? When it stands outside of what threads share anyway and has enough to do: then it
// becomes a `map` over parts of one of its axes. Which parts does not depend on how many threads there are, so results do not.
import { operandsOf, usedValues } from "./print.ts";
import type { Access, Frame, KernelProgram, Loop, Nest, Node } from "./types.ts";

/** So many computed values are worth sharing: some tenths of a millisecond, twenty times what it takes to wake a thread. */
const worthSharing = 2 ** 21;
const fewestParts = 4;
const mostParts = 16;

/** Shares the large nests of a program. */
export function shareNests({ root }: KernelProgram): void {
  shareIn(root);
}

function shareIn(frame: Frame): void {
  frame.nodes.forEach((node, i) => {
    if (node.kind === "nest") frame.nodes[i] = shared(node, frame);
    else if (node.kind === "loop" && (node.op === "scan" || node.length === 1)) shareIn(node.body);
  });
}

function shared(nest: Nest, frame: Frame): Node {
  const used = usedValues(nest);
  if (workOf(nest, used) < worthSharing) return nest;
  const indexed = new Set<number>();
  for (const id of used.keys()) {
    const value = nest.values[id]!;
    if (value.op === "index") indexed.add(value.axis);
  }
  const stride = (axis: number) => Math.max(0, ...nest.stores.map((s) => Math.abs(s.access.steps[axis]!)));
  const axes = nest.axes.flatMap((a, axis) => a.reduced || indexed.has(axis) ? [] : [axis]);
  // the axis that goes farthest in memory, so that parts lie apart
  for (const axis of axes.toSorted((a, b) => stride(b) - stride(a))) {
    // every point of a part must be written by it alone
    if (nest.stores.some((s) => s.access.steps[axis] === 0)) continue;
    const { size } = nest.axes[axis]!;
    for (let parts = mostParts; parts >= fewestParts; parts--) {
      if (size % parts === 0 && size > parts) return loopOverParts(nest, frame, { axis, parts });
    }
  }
  return nest;
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
  return points * inner.size + sums * (used.size - inner.size);
}

function loopOverParts(nest: Nest, frame: Frame, { axis, parts }: { axis: number; parts: number }): Loop {
  const body: Frame = { name: "part", parent: frame, nodes: [], buffers: [], bytes: 0, base: 0 };
  const loop: Loop = { kind: "loop", op: "map", length: parts, reverse: false, body, origin: nest.origin };
  const size = nest.axes[axis]!.size / parts;
  const at = (access: Access): Access => {
    const step = access.steps[axis]! * size;
    return step === 0 ? access : { ...access, terms: [...access.terms, { loop, step }] };
  };
  body.nodes.push({
    ...nest,
    axes: nest.axes.map((a, i) => i === axis ? { ...a, size } : a),
    values: nest.values.map((v) => v.op === "load" ? { ...v, access: at(v.access) } : v),
    stores: nest.stores.map((s) => ({ ...s, access: at(s.access) })),
  });
  return loop;
}
