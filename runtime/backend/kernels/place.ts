// Where does each buffer lie? Each frame has a region; buffers take and give back their bytes in the order in which nodes run, and
// the body of a loop has its region in the one around while the loop runs.
import { entryBytes } from "../../ir/types.ts";
import { blockBytes, house, type Tenant } from "./arena.ts";
import type { Access, Buffer, Frame, KernelProgram, Node } from "./types.ts";

/** Where an input lies that has its bytes in a memory of data. */
export interface Apart {
  /** From 1. */
  readonly memory: number;
  readonly offset: number;
}

/** Gives every buffer its offset and every frame its region; `apart`: inputs, by position, that lie where data lie. `bytes` of the
 *  root is all else that one thread needs. May be called again, with others. */
export function placeBuffers(
  { root, inputs, outputs, constants }: KernelProgram,
  apart: ReadonlyMap<number, Apart> = new Map(),
): void {
  inputs.forEach((view, i) => {
    if (view) Object.assign(homeOf(view.buffer), apart.get(i) ?? { memory: undefined });
  });
  const given = new Set(inputs.flatMap((view) => view ? [homeOf(view.buffer)] : []));
  // inputs stay as they are, so that what does not change from run to run is written once
  const kept = new Set([...given, ...outputs.map((view) => homeOf(view.buffer))]);
  let bytes = 0;
  for (const constant of constants) {
    constant.offset = bytes;
    bytes += blockBytes(constant.entries * entryBytes[constant.dtype]);
  }
  placeFrame(root, { first: given, last: kept, below: bytes });
}

/** The buffer whose bytes a buffer has. */
export function homeOf(buffer: Buffer): Buffer {
  let home = buffer;
  while (home.home) home = home.home;
  return home;
}

/** True when two accesses start at the same entry and move alike with the loops around; their steps may differ. */
export function samePlace(a: Access, b: Access): boolean {
  return homeOf(a.buffer) === homeOf(b.buffer) && a.offset === b.offset && a.buffer.dtype === b.buffer.dtype &&
    a.terms.length === b.terms.length &&
    a.terms.every((t, i) => t.loop === b.terms[i]!.loop && t.step === b.terms[i]!.step);
}

/** `first`: there before anything runs; `last`: still there when everything has run; nothing lies below `below`. */
function placeFrame(
  frame: Frame,
  { first, last, below }: { first: ReadonlySet<Buffer>; last: ReadonlySet<Buffer>; below: number },
): void {
  const begins = new Map<Buffer, number>();
  const ends = new Map<Buffer, number>();
  for (const buffer of first) {
    if (buffer.memory) continue;
    begins.set(buffer, -1);
    ends.set(buffer, -1);
  }
  const tenants: Tenant[] = [];
  frame.nodes.forEach((node, i) => {
    for (const buffer of buffersOf(node)) {
      if (buffer.frame !== frame || buffer.values || buffer.memory) continue;
      if (!begins.has(buffer)) begins.set(buffer, i);
      ends.set(buffer, i);
    }
    if (node.kind !== "loop") return;
    const { body } = node;
    placeFrame(body, { first: new Set(), last: new Set(), below: 0 });
    tenants.push({ bytes: blockBytes(body.bytes), from: i, to: i, settle: (offset) => body.base = offset });
  });
  for (const buffer of last) {
    if (buffer.frame !== frame || buffer.values || buffer.memory) continue;
    if (!begins.has(buffer)) begins.set(buffer, -1);
    ends.set(buffer, Infinity);
  }
  for (const [buffer, from] of begins) {
    const bytes = blockBytes(buffer.entries * entryBytes[buffer.dtype]);
    tenants.push({ bytes, from, to: ends.get(buffer)!, settle: (offset) => buffer.offset = offset });
  }
  frame.bytes = below + house(tenants, below);
}

/** What a node reads and what it writes, inside loops too. */
export interface Touched {
  readonly reads: ReadonlySet<Buffer>;
  readonly writes: ReadonlySet<Buffer>;
}

/** The buffers that a node reads and writes; a routine's scratch memory is written. */
export function touchedBy(node: Node): Touched {
  const [reads, writes] = [new Set<Buffer>(), new Set<Buffer>()];
  const visit = (n: Node) => {
    switch (n.kind) {
      case "nest":
        for (const value of n.values) if (value.op === "load") reads.add(homeOf(value.access.buffer));
        for (const { access } of n.stores) writes.add(homeOf(access.buffer));
        return;
      case "routine":
        for (const { buffer } of n.inputs) reads.add(homeOf(buffer));
        writes.add(homeOf(n.output.buffer));
        if (n.scratch) writes.add(n.scratch);
        return;
      case "loop":
        n.body.nodes.forEach(visit);
    }
  };
  visit(node);
  return { reads, writes };
}

/** Every buffer that a node reads or writes. */
function buffersOf(node: Node): ReadonlySet<Buffer> {
  const { reads, writes } = touchedBy(node);
  return new Set([...reads, ...writes]);
}
