// Is every name known? Goes through all definitions, used or not, so that a name is wrong even where nothing runs; and says
// which parameters nothing uses.
import type { Expression, Item } from "./ast.ts";
import { type Elaboration } from "./elaboration.ts";
import { builtins, constants } from "./builtins.ts";
import { hintFor } from "./hints.ts";
import type { Module } from "./modules.ts";
import { nameOf } from "./modules.ts";
import { visit } from "./comprehensions.ts";

/** Reports unknown names in every definition of the program's own files. What the checks already said is not said again. */
export function resolveNames(el: Elaboration): void {
  for (const module of el.modules.modules) {
    const used = new Set<string>();
    const splits = splitsOf(module);
    for (const item of module.program.items) resolveItem(el, module, item, splits, used);
    if (module === el.modules.root && !el.sink.hasErrors) reportUnused(el, module, used);
  }
}

function splitsOf(module: Module): Set<string> {
  const splits = new Set<string>();
  for (const definition of module.visible.values()) {
    if (definition.item.kind !== "Task") continue;
    for (const member of definition.item.members) if (member.kind === "Split") splits.add(member.name.name);
  }
  return splits;
}

/** Walks one item with the names that are local in it. */
function resolveItem(
  el: Elaboration,
  module: Module,
  item: Item,
  splits: ReadonlySet<string>,
  used: Set<string>,
): void {
  const check = (expression: Expression | undefined, locals: ReadonlySet<string>): void => {
    if (!expression) return;
    const bound = new Set(locals);
    visit(expression, (e) => {
      if (e.kind === "Call" && e.comprehension) bound.add(e.comprehension.variable.name);
    });
    visit(expression, (e) => {
      if (e.kind !== "Name" || e.name === "") return;
      used.add(e.name);
      const name = e.primed ? `${e.name}'` : e.name;
      if (bound.has(name) || module.visible.has(name) || splits.has(name) || constants.has(name) || builtins.has(name)) {
        return;
      }
      const known = [...bound, ...module.visible.keys(), ...splits, ...constants.keys(), ...builtins.keys()];
      el.sink.report({
        code: "M0201",
        title: `There is no \`${name}\``,
        at: e.span,
        hint: hintFor(name, known),
      });
    });
  };
  const none = new Set<string>();
  switch (item.kind) {
    case "Function":
      for (const formal of item.formals) check(formal.default, none);
      check(item.body, new Set(item.formals.map((f) => f.name.name)));
      return;
    case "Let":
      check(item.value, none);
      return;
    case "Input":
    case "Param":
      check(item.binding.value, none);
      return;
    case "Model": {
      const locals = new Set<string>();
      for (const formal of item.sizes ?? []) {
        check(formal.default, locals);
        locals.add(formal.name.name);
      }
      for (const formal of item.formals) {
        locals.add(formal.name.name);
        // names of sizes that nothing defines are bound by the call
        for (const size of formal.type?.sizes ?? []) if (size.kind === "Name") locals.add(size.name);
      }
      for (const member of item.members) {
        check(member.value, locals);
        if (member.kind === "Binding") { for (const size of member.type?.sizes ?? []) check(size, locals); }
        locals.add(member.name.name);
      }
      check(item.body, locals);
      return;
    }
    case "Optimizer": {
      const locals = new Set(["p", "g", "t"]);
      for (const formal of item.formals) {
        check(formal.default, none);
        locals.add(formal.name.name);
      }
      for (const member of item.members) {
        locals.add(member.kind === "Next" ? `${member.name.name}'` : member.name.name);
      }
      for (const member of item.members) check(member.value, locals);
      return;
    }
    case "Inner":
    case "Outer":
    case "Evaluate":
      // what runs is checked where it runs; here only what it uses is noted
      for (const clause of item.clauses) {
        if (clause.kind === "Minimize" || clause.kind === "Report") note(clause.value, used);
        if (clause.kind === "Over") { for (const reference of clause.references) note(reference, used); }
        if (clause.kind === "By") note(clause.rule, used);
        if (clause.kind === "For" || clause.kind === "Across") note(clause.count, used);
      }
      return;
    case "Override":
      for (const entry of item.entries) note(entry.value, used);
      return;
    case "Gradient":
      note(item.value, used);
      for (const reference of item.wrt) note(reference, used);
      return;
    default:
      return;
  }
}

function note(expression: Expression, used: Set<string>): void {
  visit(expression, (e) => {
    if (e.kind === "Name") used.add(e.name);
  });
}

/** A free-standing parameter that nothing reads is a mistake that is worth saying. */
function reportUnused(el: Elaboration, module: Module, used: ReadonlySet<string>): void {
  for (const item of module.program.items) {
    const name = nameOf(item);
    if (item.kind !== "Param" || !name || used.has(name.name)) continue;
    el.sink.report({ code: "W0201", title: `\`${name.name}\` is never used`, at: name.span });
  }
}
