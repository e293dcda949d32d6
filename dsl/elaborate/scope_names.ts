// Which names may an expression use where it stands?
import type { Context, Scope } from "../world/world.ts";
import { taskOf } from "../world/moments.ts";
import { hintAt } from "../diagnostics/hints.ts";

/** True for a name that is known only where an expression stands. */
export function isLocal(cx: Context, name: string): boolean {
  for (let s: Scope | undefined = cx.scope; s; s = s.parent) if (s.locals.has(name)) return true;
  return false;
}

/** Names that are known only where an expression stands. */
export function localNames(cx: Context): string[] {
  const names: string[] = [...(taskOf(cx.world)?.splits.keys() ?? [])];
  for (let s: Scope | undefined = cx.scope; s; s = s.parent) names.push(...s.locals.keys());
  return names;
}

/** Every name that an expression may use here. */
export function namesInScope(cx: Context): string[] {
  const { evaluator } = cx.elaboration;
  return [
    ...localNames(cx),
    ...cx.scope.module.visible.keys(),
    ...evaluator.constants.keys(),
    ...evaluator.builtins.keys(),
  ];
}

/** What to write for `x.mean()` or `x.T`. */
export function methodHint(cx: Context, name: string, subject: string): string | undefined {
  const cure = hintAt("part", name, [], { subject });
  if (cure !== undefined) return cure;
  const { builtins } = cx.elaboration.evaluator;
  const axes = builtins.get(name)?.named.includes("axis")
    ? `, or \`${name}(${subject}, axis = 0)\` along one axis`
    : "";
  const known = builtins.has(name) || cx.scope.module.visible.get(name)?.item.kind === "Function";
  if (known) return `write \`${name}(${subject})\`${axes}`;
  return hintAt("call", name, [], { subject });
}
