// Which nests go through the same points and read the same? A bias and a weight of one input are both sums over what comes back: they
// become one nest, which reads it once.
import { isInOrder } from "./print.ts";
import { samePlace, touchedBy } from "./place.ts";
import type { Access, Buffer, Frame, KernelProgram, Nest, Value } from "./types.ts";

/** A nest is joined to one at most so many nodes before it. */
const reach = 16;
/** Nests do not grow beyond so many values. */
const mostValues = 80;

/** Joins nests of every frame. */
export function mergeNests({ root }: KernelProgram): void {
  mergeIn(root);
}

function mergeIn(frame: Frame): void {
  const touched = frame.nodes.map(touchedBy);
  for (let i = 0; i < frame.nodes.length; i++) {
    const node = frame.nodes[i]!;
    if (node.kind === "loop") mergeIn(node.body);
    if (node.kind !== "nest" || !canMerge(node)) continue;
    const own = touched[i]!;
    for (let k = i - 1; k >= Math.max(0, i - reach); k--) {
      const [other, theirs] = [frame.nodes[k]!, touched[k]!];
      // what runs in between, and the other itself, neither make what this one reads nor touch what it writes
      if (meet(own.reads, theirs.writes) || meet(own.writes, theirs.writes) || meet(own.writes, theirs.reads)) break;
      if (other.kind !== "nest" || !canMerge(other) || !samePoints(other, node) || !shareReads(other, node)) continue;
      if (isInOrder(other) !== isInOrder(node)) continue;
      if (other.values.length + node.values.length > mostValues) continue;
      const merged = merge(other, node);
      frame.nodes[k] = merged;
      touched[k] = touchedBy(merged);
      frame.nodes.splice(i, 1);
      touched.splice(i, 1);
      i--;
      break;
    }
  }
}

function meet(a: ReadonlySet<Buffer>, b: ReadonlySet<Buffer>): boolean {
  for (const x of a) if (b.has(x)) return true;
  return false;
}

/** A nest of sums that does not live from keeping a tile of them in registers: each entry of one factor is read once. */
function canMerge({ axes, values, contraction }: Nest): boolean {
  if (!axes.some((a) => a.reduced)) return false;
  if (!contraction) return true;
  return values.some((v) => v.op === "load" && axes.every((a, axis) => a.reduced || v.access.steps[axis] === 0));
}

function samePoints(a: Nest, b: Nest): boolean {
  return a.axes.length === b.axes.length &&
    a.axes.every(({ size, reduced }, axis) => b.axes[axis]!.size === size && b.axes[axis]!.reduced === reduced);
}

const sameAccess = (a: Access, b: Access) => samePlace(a, b) && a.steps.every((step, axis) => step === b.steps[axis]);

/** Which of the values of a nest is read from here; -1: none. */
const loadOf = ({ values }: Nest, access: Access) =>
  values.findIndex((v) => v.op === "load" && !v.row && sameAccess(v.access, access));

/** Something of every point is read by both. */
function shareReads(a: Nest, b: Nest): boolean {
  return b.values.some((v) =>
    v.op === "load" && !v.row && v.access.steps.every((step) => step !== 0) && loadOf(a, v.access) >= 0
  );
}

function merge(a: Nest, b: Nest): Nest {
  const values: Value[] = [...a.values];
  const at: number[] = [];
  for (const value of b.values) {
    const known = value.op === "load" && !value.row ? loadOf(a, value.access) : -1;
    at.push(known >= 0 ? known : values.push(moved(value, at)) - 1);
  }
  const stores = b.stores.map(({ value, access }) => ({ value: at[value]!, access }));
  return { ...a, values, stores: [...a.stores, ...stores], contraction: false };
}

function moved(value: Value, at: readonly number[]): Value {
  if (value.op === "reduce") return { ...value, input: at[value.input]! };
  if (value.op === "load" && value.row) return { ...value, row: { ...value.row, index: at[value.row.index]! } };
  return "inputs" in value ? { ...value, inputs: value.inputs.map((i) => at[i]!) } : value;
}
