// How long does a node take here, roughly? Before it has run: long calls are cut by that. Most take less.
import { sizeOf } from "../../ir/types.ts";
import { usedValues } from "../kernels/print.ts";
import type { Frame, Nest, Node, Routine } from "../kernels/types.ts";

/** Nanoseconds of a call, of a product that is summed, of another value of a point, and of a random word. */
const [ofCall, ofProduct, ofValue, ofWord] = [10, 0.5, 1, 3];

const known = new WeakMap<Node, number>();

/** Nanoseconds that a node takes on one thread; a loop counts its body as often as it runs. */
export function nanosecondsOf(node: Node): number {
  const before = known.get(node);
  if (before !== undefined) return before;
  const time = node.kind === "nest"
    ? ofCall + ofNest(node)
    : node.kind === "loop"
    ? ofCall + node.length * nanosecondsOfFrame(node.body)
    : ofCall + ofRoutine(node);
  known.set(node, time);
  return time;
}

/** Nanoseconds of all nodes of a frame. */
export function nanosecondsOfFrame({ nodes }: Frame): number {
  return nodes.reduce((sum, node) => sum + nanosecondsOf(node), 1);
}

function ofNest(nest: Nest): number {
  const points = nest.axes.reduce((product, { size }) => product * size, 1);
  return points * (nest.contraction ? ofProduct : ofValue * (usedValues(nest).size + nest.stores.length));
}

function ofRoutine(node: Routine): number {
  switch (node.op) {
    case "random_bits":
      return ofWord * node.batches * node.count;
    case "gather":
    case "scatter_add": {
      const { batches, before, axis, indices, after } = node.extents;
      return ofValue * batches * before * (axis * after + indices * (after + 4));
    }
    case "argmax":
      return 2 * ofValue * sizeOf(node.inputs[0]!.shape);
    case "solve":
      return ofValue * node.batches * (node.n ** 3 + 2 * node.k * node.n ** 2);
  }
}
