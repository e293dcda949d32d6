// What will the backend be given? Every function of a program with its gradients written out, as text (`--emit plan`).
import { expandGradients } from "../runtime/autodiff/expand_gradients.ts";
import { printFunction } from "../runtime/ir/print.ts";
import type { ExperimentProgram, InputSlot, ProgramFunction } from "../runtime/loop/program.ts";

/** The text of all functions, in the order in which a run first needs them, each with what its inputs stand for. */
export function planText(program: ExperimentProgram): string {
  return functionsOf(program).map(([title, { fn, inputs }]) => {
    const slots = inputs.length === 0 ? "nothing" : inputs.map(slotText).join(", ");
    return `// ${title}, from ${slots}\n${printFunction(expandGradients(fn)).trimEnd()}\n`;
  }).join("\n");
}

function functionsOf(program: ExperimentProgram): readonly (readonly [string, ProgramFunction])[] {
  const list: [string, ProgramFunction][] = [["declared values", program.initial]];
  for (const g of program.gradients) {
    list.push([`gradient ${g.label}${g.after === undefined ? "" : ` after ${g.after}`}`, g.fn]);
  }
  for (const outer of program.outers) {
    list.push([`states of ${outer.name}`, outer.initialStates], [`meta-step of ${outer.name}`, outer.step]);
    if (outer.trajectories) list.push([`trajectories of ${outer.name}`, outer.trajectories.fn]);
  }
  for (const e of program.evaluations) list.push([`evaluation ${e.name}`, e.fn]);
  for (const s of program.simulations) list.push([`inner loop ${s.loop}`, s.fn]);
  return list;
}

function slotText(slot: InputSlot): string {
  return "name" in slot ? `${slot.kind} ${slot.name}` : slot.kind;
}
