// Where does each buffer lie? Each frame has a region; buffers take and give back their bytes in the order in which nodes run, and
// the body of a loop has its region in the one around while the loop runs.
import { entryBytes } from "../../ir/types.ts";
import { blockBytes, RegionPlanner } from "./arena.ts";
import type { Buffer, Frame, KernelProgram, Node } from "./types.ts";

/** Gives every buffer its offset and every frame its region. `bytes` of the root is all that one thread needs. */
export function placeBuffers({ root, inputs, outputs, constants }: KernelProgram): void {
  const given = new Set(inputs.flatMap((view) => view ? [homeOf(view.buffer)] : []));
  // inputs stay as they are, so that what does not change from run to run is written once
  const kept = new Set([...given, ...outputs.map((view) => homeOf(view.buffer))]);
  const planner = new RegionPlanner();
  for (const constant of constants) {
    constant.offset = planner.take(blockBytes(constant.entries * entryBytes[constant.dtype]));
  }
  placeFrame(root, planner, { first: given, last: kept });
  root.bytes = planner.bytes;
}

/** The buffer whose bytes a buffer has. */
export function homeOf(buffer: Buffer): Buffer {
  let home = buffer;
  while (home.home) home = home.home;
  return home;
}

/** `first`: there before anything runs; `last`: still there when everything has run. */
function placeFrame(
  frame: Frame,
  planner: RegionPlanner,
  { first, last }: { first: ReadonlySet<Buffer>; last: ReadonlySet<Buffer> },
): void {
  const begins = new Map<Buffer, number>();
  const ends = new Map<Buffer, number>();
  for (const buffer of first) {
    begins.set(buffer, -1);
    ends.set(buffer, -1);
  }
  frame.nodes.forEach((node, i) => {
    for (const buffer of buffersOf(node)) {
      if (buffer.frame !== frame || buffer.values) continue;
      if (!begins.has(buffer)) begins.set(buffer, i);
      ends.set(buffer, i);
    }
  });
  for (const buffer of last) {
    if (buffer.frame === frame && !buffer.values) {
      if (!begins.has(buffer)) begins.set(buffer, -1);
      ends.set(buffer, Infinity);
    }
  }
  const bytesOf = (buffer: Buffer) => blockBytes(buffer.entries * entryBytes[buffer.dtype]);
  const starting = groupBy(begins);
  const ending = groupBy(ends);
  const start = (at: number) => {
    for (const buffer of starting.get(at) ?? []) buffer.offset = planner.take(bytesOf(buffer));
  };
  const end = (at: number) => {
    for (const buffer of ending.get(at) ?? []) planner.give(buffer.offset, bytesOf(buffer));
  };
  start(-1);
  end(-1);
  frame.nodes.forEach((node, i) => {
    start(i);
    if (node.kind === "loop") {
      const inside = new RegionPlanner();
      placeFrame(node.body, inside, { first: new Set(), last: new Set() });
      node.body.bytes = inside.bytes;
      const bytes = blockBytes(inside.bytes);
      node.body.base = planner.take(bytes);
      planner.give(node.body.base, bytes);
    }
    end(i);
  });
}

function groupBy(times: ReadonlyMap<Buffer, number>): Map<number, Buffer[]> {
  const groups = new Map<number, Buffer[]>();
  for (const [buffer, time] of times) {
    const group = groups.get(time);
    if (group) group.push(buffer);
    else groups.set(time, [buffer]);
  }
  return groups;
}

/** Every buffer that a node reads or writes, inside loops too. */
export function buffersOf(node: Node): Set<Buffer> {
  const found = new Set<Buffer>();
  const visit = (n: Node) => {
    switch (n.kind) {
      case "nest":
        for (const value of n.values) if (value.op === "load") found.add(homeOf(value.access.buffer));
        for (const { access } of n.stores) found.add(homeOf(access.buffer));
        return;
      case "routine":
        for (const { buffer } of n.inputs) found.add(homeOf(buffer));
        found.add(homeOf(n.output.buffer));
        if (n.scratch) found.add(n.scratch);
        return;
      case "loop":
        n.body.nodes.forEach(visit);
    }
  };
  visit(node);
  return found;
}
