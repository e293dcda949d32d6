// Does an expression read nothing but what it is given? Then it means the same wherever it stands, and can be gone through once.
import type { Expression, Item } from "../syntax/ast.ts";
import { visit } from "../syntax/paths.ts";
import type { Module } from "../modules/modules.ts";
import type { Evaluator } from "../world/world.ts";

/** True when an expression uses only these names and numbers known before anything runs: inputs, values of such numbers, and
 *  functions of them. */
export function isClosed(
  evaluator: Evaluator,
  expression: Expression,
  module: Module,
  given: ReadonlySet<string> = new Set(),
  seen = new Set<Item>(),
): boolean {
  // what is used is looked at one after the other: definitions stand in each other thousands deep
  const waiting = [{ expression, module, given }];
  let closed = true;
  for (let next = waiting.pop(); next && closed; next = waiting.pop()) {
    const { expression, module, given } = next;
    visit(expression, (e) => {
      if (e.kind === "Time" || e.kind === "Call" && e.comprehension) closed = false;
      if (e.kind !== "Name" || !closed || given.has(e.name)) return;
      const definition = module.visible.get(e.name);
      const item = definition?.item;
      if (!item) {
        closed = evaluator.constants.has(e.name) || evaluator.builtins.has(e.name);
      } else if (item.kind === "Let" || item.kind === "Function") {
        if (seen.has(item)) return;
        seen.add(item);
        waiting.push({
          expression: item.kind === "Let" ? item.value : item.body,
          module: definition.module,
          given: new Set(item.kind === "Let" ? [] : item.formals.map((f) => f.name.name)),
        });
      } else closed = item.kind === "Input";
    });
  }
  return closed;
}
