// Which loop changes or learns what? By the paths in `over`, and by what an expression mentions.
import type { Elaboration, Reference } from "../world/world.ts";
import type { Expression } from "../syntax/ast.ts";
import type { Loop } from "../world/loop.ts";
import { headName, mentions, referenceText, visit } from "../syntax/paths.ts";
import type { Module } from "../modules/modules.ts";
import { hasPath, topPath } from "./models.ts";

/** The inner loops whose times an expression reads: those that change what stands before an `@`, and those named. */
export function loopsMentioned(el: Elaboration, expression: Expression): Loop[] {
  const found = new Set<Loop>();
  visit(expression, (e) => {
    if (e.kind === "Time") {
      const text = referenceText(e.object.kind === "Index" ? e.object.object : e.object);
      if (text === undefined) return;
      const head = el.loops.get(headName(e.object) ?? "");
      if (head?.kind === "outer") found.add(head);
      const loops = [...el.loops.values()].filter((loop) => loop.kind === "inner" && evolves(loop, text));
      const { time } = e;
      // `net@(second.T)` says which
      const named = time === "all" ? [] : loops.filter((loop) => loops.length > 1 && mentions(time, loop.name));
      for (const loop of named.length > 0 ? named : loops) found.add(loop);
    }
    if (e.kind === "Member") {
      const loop = el.loops.get(headName(e) ?? "");
      if (loop?.kind === "inner") found.add(loop);
    }
  });
  return [...found];
}

/** Every inner loop that an expression has to do with, by mistake or not: those it reads at times, and those that change
 *  what it names without a time. Gone through by checks, so that one mistake does not hide those in the loop. */
export function loopsTouched(el: Elaboration, expression: Expression): Loop[] {
  const found = new Set(loopsMentioned(el, expression));
  const timed = new Set<Expression>();
  visit(expression, (e) => {
    if (e.kind === "Time") timed.add(e.object);
    if (e.kind === "Member" && timed.has(e)) timed.add(e.object);
    if (e.kind !== "Name" || timed.has(e)) return;
    for (const loop of el.loops.values()) if (loop.kind === "inner" && evolves(loop, e.name)) found.add(loop);
  });
  return [...found];
}

function evolves(loop: Loop, text: string): boolean {
  return loop.rules.some((rule) =>
    rule.references.some((r) => {
      const over = referenceText(r);
      return over !== undefined && (over === text || over.startsWith(`${text}.`) || text.startsWith(`${over}.`));
    })
  );
}

/** The inner loops that change a parameter. */
export function ownersOf(el: Elaboration, leaf: string): Loop[] {
  const owners: Loop[] = [];
  for (const loop of el.loops.values()) {
    if (loop.kind !== "inner") continue;
    if (loop.rules.some((rule) => rule.references.some((r) => covers(el, loop, r, leaf)))) owners.push(loop);
  }
  return owners;
}

/** The loops without rules, which was reported: what they are meant to change is not known. */
export function loopsWithoutRules(el: Elaboration): Loop[] {
  return [...el.loops.values()].filter((loop) => loop.rules.length === 0);
}

/** True when a reference in the `over` of a loop covers a leaf, by their names alone. */
function covers(el: Elaboration, loop: Loop, reference: Expression, leaf: string): boolean {
  const text = pathText(el, loop.module, reference.kind === "Time" ? reference.object : reference);
  return text !== undefined && (leaf === text || leaf.startsWith(`${text}.`));
}

/** The inner loops that change any part of what a reference stands for. */
export function loopsChanging(el: Elaboration, reference: Reference): Loop[] {
  if (reference.kind === "leaf") return ownersOf(el, reference.leaf.name);
  if (reference.kind !== "model") return [];
  const path = reference.instance.path;
  return [...el.loops.values()].filter((loop) =>
    loop.kind === "inner" &&
    loop.rules.some((rule) =>
      rule.references.some((r) => {
        const text = pathText(el, loop.module, r);
        return text !== undefined && (text === path || text.startsWith(`${path}.`) || path.startsWith(`${text}.`));
      })
    )
  );
}

/** A chain of names in a file, by the names that the program has for them. */
function pathText(el: Elaboration, module: Module, expression: Expression): string | undefined {
  const text = referenceText(expression);
  const head = text?.split(".")[0];
  const definition = head === undefined ? undefined : module.visible.get(head);
  return text && head && definition && hasPath(definition) ? topPath(el, definition) + text.slice(head.length) : text;
}

/** The outer loops that change a thing, as their `over` names it: `theta`, `fit.lr`, and `net@0` when an inner evolves it; what
 *  an outer evolves is learned by another at its start, which changes nothing else: `theta@0`. */
export function outersLearning(el: Elaboration, object: Expression, evolved: boolean): Loop[] {
  const path = referenceText(object);
  return [...el.loops.values()].filter((loop) =>
    loop.kind === "outer" &&
    loop.rules.some((rule) =>
      rule.references.some((r) => {
        if (r.kind === "Time" && !evolved) return false;
        const text = pathText(el, loop.module, r.kind === "Time" ? r.object : r);
        return path !== undefined && text !== undefined &&
          (text === path || text.startsWith(`${path}.`) || path.startsWith(`${text}.`));
      })
    )
  );
}
