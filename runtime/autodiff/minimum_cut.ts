// What is the cheapest set of values that stands between what is there and what is wanted? The minimum cut of a graph with
// costs on its nodes, by maximum flow (Dinic 1970).

/** A directed graph with costs on its nodes. */
export interface CutGraph {
  /** Cost of each node, a whole number >= 0. */
  readonly cost: readonly number[];
  /** Pairs (from, to). */
  readonly edges: readonly (readonly [number, number])[];
  readonly sources: readonly number[];
  readonly sinks: readonly number[];
}

interface Network {
  /** Arcs come in pairs: arc k and its reverse, k ^ 1. */
  readonly target: number[];
  readonly capacity: number[];
  readonly arcs: number[][];
}

/** The nodes whose removal parts all sources from all sinks at the least total cost. Of several such sets, the one nearest
 *  the sinks. A node can be both source and sink: then it is in every cut. */
export function minimumCut({ cost, edges, sources, sinks }: CutGraph): ReadonlySet<number> {
  // Node n becomes 2n -> 2n + 1 with its cost as capacity
  const count = 2 * cost.length + 2;
  const [start, end] = [count - 2, count - 1];
  const network: Network = { target: [], capacity: [], arcs: Array.from({ length: count }, () => []) };
  const connect = (from: number, to: number, capacity: number) => {
    network.arcs[from]!.push(network.target.length);
    network.arcs[to]!.push(network.target.length + 1);
    network.target.push(to, from);
    network.capacity.push(capacity, 0);
  };
  cost.forEach((c, n) => connect(2 * n, 2 * n + 1, c));
  for (const [from, to] of edges) connect(2 * from + 1, 2 * to, Infinity);
  for (const n of sources) connect(start, 2 * n, Infinity);
  for (const n of sinks) connect(2 * n + 1, end, Infinity);
  while (true) {
    const level = levelsFrom(network, start, (arc) => network.capacity[arc]! > 0);
    if (level[end]! < 0) break;
    const next = new Array<number>(count).fill(0);
    while (augment(network, { level, next, start, end })) { /* until the layered graph is full */ }
  }
  // Backwards from the end, along arcs that still have room
  const reaches = levelsFrom(network, end, (arc) => network.capacity[arc ^ 1]! > 0);
  const cut = new Set<number>();
  cost.forEach((_, n) => {
    if (reaches[2 * n]! < 0 && reaches[2 * n + 1]! >= 0) cut.add(n);
  });
  return cut;
}

/** Distance of every vertex from one, in arcs that are open; -1 where there is no way. */
function levelsFrom({ target, arcs }: Network, from: number, open: (arc: number) => boolean): number[] {
  const level = new Array<number>(arcs.length).fill(-1);
  level[from] = 0;
  const queue = [from];
  for (let k = 0; k < queue.length; k++) {
    for (const arc of arcs[queue[k]!]!) {
      const to = target[arc]!;
      if (level[to]! < 0 && open(arc)) {
        level[to] = level[queue[k]!]! + 1;
        queue.push(to);
      }
    }
  }
  return level;
}

/** Sends flow along one path of the layered graph; false when there is none left. */
function augment(
  { target, capacity, arcs }: Network,
  { level, next, start, end }: { level: readonly number[]; next: number[]; start: number; end: number },
): boolean {
  const path: number[] = [];
  let at = start;
  while (at !== end) {
    const arc = arcs[at]![next[at]!];
    if (arc === undefined) {
      // A dead end: back up, and never come here again
      if (at === start) return false;
      at = target[path.pop()! ^ 1]!;
      next[at]!++;
    } else if (capacity[arc]! > 0 && level[target[arc]!] === level[at]! + 1) {
      path.push(arc);
      at = target[arc]!;
    } else next[at]!++;
  }
  const flow = Math.min(...path.map((arc) => capacity[arc]!));
  for (const arc of path) {
    capacity[arc]! -= flow;
    capacity[arc ^ 1]! += flow;
  }
  return true;
}
