// How are kernels read by people? One block for each node: its loops, what it reads, computes and writes, and where.
import { entryBytes } from "../../ir/types.ts";
import { homeOf } from "./place.ts";
import type { Access, Buffer, Frame, KernelProgram, Loop, Nest, Node, Routine, Value, View } from "./types.ts";

/** The kernels of a function with the places of its buffers, as text. */
export function printKernels({ root, inputs, outputs, constants }: KernelProgram): string {
  const loops = new Map<Loop, string>();
  const lines: string[] = [];
  const bytes = constants.reduce((sum, c) => sum + c.entries * entryBytes[c.dtype], 0);
  lines.push(`kernels of ${root.name}: ${root.bytes} bytes, ${bytes} of them constants`);
  const names = (views: readonly (View | undefined)[]) => views.map((v) => v ? bufferName(v.buffer) : "-").join(", ");
  lines.push(`  in ${names(inputs)}`, ...printFrame(root, "  ", loops), `  out ${names(outputs)}`);
  return lines.join("\n") + "\n";
}

/** How many kernels there are of each kind. */
export function countKernels(
  { root }: KernelProgram,
): { nests: number; products: number; routines: number; loops: number } {
  const counts = { nests: 0, products: 0, routines: 0, loops: 0 };
  const visit = (frame: Frame) => {
    for (const node of frame.nodes) {
      if (node.kind === "routine") counts.routines++;
      else if (node.kind === "nest") node.contraction ? counts.products++ : counts.nests++;
      else {
        counts.loops++;
        visit(node.body);
      }
    }
  };
  visit(root);
  return counts;
}

const bufferName = (buffer: Buffer) => {
  const home = homeOf(buffer);
  return `${home.values ? "c" : "b"}${home.id}@${home.offset}`;
};

function printFrame(frame: Frame, indent: string, loops: Map<Loop, string>): string[] {
  return frame.nodes.flatMap((node) => printNode(node, indent, loops));
}

function printNode(node: Node, indent: string, loops: Map<Loop, string>): string[] {
  switch (node.kind) {
    case "nest":
      return printNest(node, indent, loops);
    case "routine":
      return [indent + printRoutine(node, loops)];
    case "loop": {
      const name = `t${loops.size}`;
      loops.set(node, name);
      const direction = node.reverse ? " backwards" : "";
      const head = `${node.op} ${name} < ${node.length}${direction}, ${node.body.bytes} bytes at ${node.body.base}:`;
      return [indent + head, ...printFrame(node.body, indent + "  ", loops)];
    }
  }
}

function printRoutine(node: Routine, loops: ReadonlyMap<Loop, string>): string {
  const { kind: _, inputs, output, scratch: __, origin: ___, op, ...sizes } = node;
  const given = inputs.map((view) => printAccess(view, loops)).join(", ");
  return `${printAccess(output, loops)} = ${op}(${given}) ${JSON.stringify(sizes)}`;
}

function printAccess(
  { buffer, offset, steps, terms }: Access,
  loops: ReadonlyMap<Loop, string>,
  row: readonly string[] = [],
): string {
  const parts = [
    ...row,
    ...(offset !== 0 ? [`${offset}`] : []),
    ...terms.map(({ loop, step }) => `${step}${loops.get(loop) ?? "t"}`),
    ...steps.flatMap((step, axis) => step === 0 ? [] : [`${step === 1 ? "" : step}${axisName(axis)}`]),
  ];
  return `${bufferName(buffer)}[${parts.join(" + ")}]`;
}

const axisName = (axis: number) => "ijklmnopq"[axis] ?? `x${axis}`;

function printNest(nest: Nest, indent: string, loops: ReadonlyMap<Loop, string>): string[] {
  const ranges = nest.axes.map(({ size, reduced }, axis) => `${axisName(axis)} < ${size}${reduced ? " summed" : ""}`);
  const used = usedValues(nest);
  // what is read more than once gets a name
  const named = new Map<number, string>();
  const write = (id: number): string => named.get(id) ?? printValue(nest.values[id]!, loops, write);
  const lines: string[] = [];
  used.forEach((count, id) => {
    const value = nest.values[id]!;
    if (count < 2 || value.op === "uniform") return;
    const name = `v${id}`;
    lines.push(`${indent}  ${name} = ${write(id)}`);
    named.set(id, name);
  });
  for (const { value, access } of nest.stores) lines.push(`${indent}  ${printAccess(access, loops)} = ${write(value)}`);
  return [`${indent}${nest.contraction ? "product" : "nest"} ${ranges.join(", ")}:`, ...lines];
}

/** True for a nest with sums that take their terms one after the other. */
export function isInOrder({ values }: Nest): boolean {
  return values.some((v) => v.op === "reduce" && v.inOrder);
}

/** How often each value is read that some store needs, in order. */
export function usedValues({ values, stores }: Nest): Map<number, number> {
  const counts = new Map<number, number>();
  const use = (id: number) => counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const { value } of stores) use(value);
  for (let id = values.length - 1; id >= 0; id--) {
    if (!counts.has(id)) continue;
    for (const input of operandsOf(values[id]!)) use(input);
  }
  return new Map([...counts].sort(([a], [b]) => a - b));
}

/** The values that a value is computed from. */
export function operandsOf(value: Value): readonly number[] {
  if (value.op === "load") return value.row ? [value.row.index] : [];
  if (value.op === "uniform" || value.op === "index") return [];
  return value.op === "reduce" ? [value.input] : value.inputs;
}

function printValue(
  value: Value,
  loops: ReadonlyMap<Loop, string>,
  operand: (id: number) => string,
): string {
  switch (value.op) {
    case "load": {
      const { row } = value;
      return printAccess(value.access, loops, row && [`${row.step}(${operand(row.index)})`]);
    }
    case "uniform":
      return String(value.value);
    case "index":
      return axisName(value.axis);
    case "reduce":
      return `${value.kind}(${operand(value.input)})`;
    default: {
      const exponent = value.exponent === undefined ? "" : `, ${value.exponent}`;
      const dtype = value.op === "convert" ? `, ${value.dtype}` : "";
      return `${value.op}(${value.inputs.map(operand).join(", ")}${exponent}${dtype})`;
    }
  }
}
