// Is the value of a hyperparameter computed from the step, where one number is asked for? `lr = 0.1 * cosine(t, T)` is what users of
// schedulers write first; a formula of the step is an `override` with a time.
import type { Expression, ForClause, InnerItem, OuterItem } from "../syntax/ast.ts";
import { visit } from "../syntax/paths.ts";
import type { Elaboration } from "../world/world.ts";
import { expressionText } from "../format/expression_text.ts";
import type { Module } from "../modules/modules.ts";

/** Where a value stands: in the call of the rule, or in an `override`. */
export interface RatePlace {
  readonly loop: InnerItem | OuterItem;
  readonly module: Module;
  readonly inOverride: boolean;
}

/** Reports a value that reads the step of its loop; true where it does. */
export function isScheduleWithoutTime(el: Elaboration, name: string, value: Expression, place: RatePlace): boolean {
  const { loop, module, inOverride } = place;
  const count = loop.clauses.find((c): c is ForClause => c.kind === "For");
  const times = ["t", count?.name?.name ?? "T"].filter((n) => !module.visible.has(n));
  const bound = new Set<string>();
  let found: Expression | undefined;
  visit(value, (e) => {
    if (e.kind === "Call" && e.comprehension) bound.add(e.comprehension.variable.name);
    if (e.kind === "Name" && times.includes(e.name) && !bound.has(e.name)) found ??= e;
  });
  if (found === undefined) return false;
  const source = module.source;
  const formula = `${name}@t = ${expressionText(source.text, value)}`;
  el.said.add(value);
  el.sink.report({
    code: "M0201",
    title: `There is no \`${source.text.slice(found.span.start, found.span.end)}\` in a value that holds for all steps`,
    at: found.span,
    hint: inOverride ? `write \`${formula}\`` : `write \`override ${loop.name.name} { ${formula} }\``,
  });
  return true;
}
