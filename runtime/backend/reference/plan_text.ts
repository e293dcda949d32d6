// How does a person read a plan? As text: for `--emit plan`, for tests and for messages.
import { formatType } from "../../ir/types.ts";
import type { FramePlan, Plan } from "./plan.ts";

/** A number of bytes as a person reads it, in decimal units. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** The plan as text: one line for each value that is computed, with its bytes in the arena, bodies indented. */
export function formatPlan(plan: Plan): string {
  const lines = [`${plan.root.fn.name}: ${plan.bytes} bytes, ${plan.pinnedBytes} of them constants`];
  const write = (frame: FramePlan, indent: string) => {
    for (const { equation, body } of frame.steps) {
      const outputs = equation.outputs.map((output) => {
        const block = frame.blocks.get(output)!;
        return `${formatType(output)}@${block.region === frame.region ? "" : "^"}${block.offset}`;
      });
      lines.push(`${indent}${outputs.join(", ")} = ${equation.op}`);
      if (body) write(body, indent + "  ");
    }
  };
  write(plan.root, "  ");
  return lines.join("\n") + "\n";
}
