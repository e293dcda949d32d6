// How does a person read a plan? As text: for `--emit plan`, for tests and for messages.
import { formatType } from "../../ir/types.ts";
import type { FramePlan, Plan } from "./plan.ts";

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
