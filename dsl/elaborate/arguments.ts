// Which argument belongs to which formal? By position, then by name.
import type { Context, Local, Scope } from "../world/world.ts";
import type { Argument, Expression, Formal } from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";
import type { Module } from "../modules/modules.ts";
import { fail, moduleScope } from "../world/report.ts";
import { count, quoted } from "../text/words.ts";
import { hintAt } from "../diagnostics/hints.ts";
import { habitOf } from "../diagnostics/habits.ts";
import { evaluate } from "../world/evaluator.ts";
import { lazily } from "../world/moments.ts";
import { dependsOnItself } from "../diagnostics/messages.ts";

/** Pairs arguments with formals. Values are computed where the call stands, defaults where the callee is declared. */
export function bindArguments(
  cx: Context,
  callee: string,
  formals: readonly Formal[],
  args: readonly Argument[],
  span: Span,
  module: Module,
): Map<string, Local> | undefined {
  const { given, wrong } = pairArguments(cx, callee, formals, args);
  const bound = new Map<string, Local>();
  const missing: string[] = [];
  let consequence = false;
  for (const formal of formals) {
    const name = formal.name.name;
    const expression = given.get(name);
    if (expression) {
      const value = evaluate(cx, expression);
      if (value.kind === "error") consequence = true;
      bound.set(name, { value: () => value });
    } else if (formal.default) {
      const value = formal.default;
      const scope: Scope = { module, parent: moduleScope(module), locals: bound };
      bound.set(
        name,
        lazily(
          () => evaluate({ ...cx, scope }, value),
          () => fail(cx, dependsOnItself(name, formal.span)),
        ),
      );
    } else if (!wrong) missing.push(name);
  }
  // with an argument that is wrong, a parenthesis may stand at the wrong place: that was said
  if (missing.length > 0 && !consequence) {
    fail(cx, {
      code: "M0302",
      title: `\`${callee}\` needs ${quoted(missing, " and ")}${args.length > 0 ? " too" : ""}`,
      at: span,
      notes: [`It takes ${quoted(formals.map((f) => f.name.name))}`],
      hint: module.source.name === "std/schedules.meta"
        ? "a schedule is a formula of the step: `override fit { lr@t = 0.1 * cosine(t, T) }`"
        : undefined,
    });
  }
  return wrong || missing.length > 0 ? undefined : bound;
}

/** What is given for each formal, by its name; `wrong`: some of it is for none (reported). */
function pairArguments(
  cx: Context,
  callee: string,
  formals: readonly Formal[],
  args: readonly Argument[],
): { readonly given: ReadonlyMap<string, Expression>; readonly wrong: boolean } {
  const given = new Map<string, Expression>();
  let wrong = false;
  for (const [i, arg] of args.entries()) {
    const formal = arg.name ? formals.find((f) => f.name.name === arg.name!.name) : formals[i];
    if (!formal) {
      wrong = true;
      const names = formals.map((f) => f.name.name);
      fail(cx, {
        code: arg.name ? "M0303" : "M0302",
        title: arg.name
          ? `\`${callee}\` has no argument \`${arg.name.name}\``
          : `\`${callee}\` takes ${count(formals.length, "argument")}, not ${args.length}`,
        at: arg.name?.span ?? arg.value.span,
        notes: names.length > 0 ? [`It takes ${quoted(names)}`] : [],
        hint: arg.name ? hintAt("argument", arg.name.name, names, { callee }) : habitOf("axis", "argument", { callee }),
      });
      if (!arg.name) break;
      continue;
    }
    if (given.has(formal.name.name)) {
      wrong = true;
      const at = arg.name?.span ?? arg.value.span;
      fail(cx, { code: "M0303", title: `\`${formal.name.name}\` is given twice`, at });
      continue;
    }
    given.set(formal.name.name, arg.value);
  }
  return { given, wrong };
}
