// Which loop changes or learns what? By the paths in `over`, and by what an expression mentions.
import type { Elaboration, LoopPath, Reference } from "../world/world.ts";
import type { Expression } from "../syntax/ast.ts";
import { type Loop, withoutTime } from "../world/loop.ts";
import { headName, leadsTo, mentions, overlaps, type Path, referencePath, visit } from "../syntax/paths.ts";
import { hasPath, topName } from "./models.ts";

/** The inner loops whose times an expression reads: those that change what stands before an `@`, and those named. */
export function loopsMentioned(el: Elaboration, expression: Expression): Loop[] {
  const found = new Set<Loop>();
  visit(expression, (e) => {
    if (e.kind === "Time") {
      const path = referencePath(e.object.kind === "Index" ? e.object.object : e.object);
      if (path === undefined) return;
      const head = el.loops.get(headName(e.object) ?? "");
      if (head?.kind === "outer") found.add(head);
      const loops = [...el.loops.values()].filter((loop) => loop.kind === "inner" && evolves(loop, path));
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
  const read = outersOnlyRead(el, expression);
  const found = new Set(loopsMentioned(el, expression).filter((loop) => !read.has(loop)));
  const timed = new Set<Expression>();
  visit(expression, (e) => {
    if (e.kind === "Time") timed.add(e.object);
    if (e.kind === "Member" && timed.has(e)) timed.add(e.object);
    if (e.kind !== "Name" || timed.has(e)) return;
    for (const loop of el.loops.values()) if (loop.kind === "inner" && evolves(loop, [e.name])) found.add(loop);
  });
  return [...found];
}

/** The outers of which an expression reads rates at times and no more: these are known without a run, and to run them here would
 *  mean that they do not run by themselves. */
function outersOnlyRead(el: Elaboration, expression: Expression): ReadonlySet<Loop> {
  const read = new Set<Loop>();
  const run = new Set<Loop>();
  visit(expression, (e) => {
    if (e.kind !== "Time") return;
    const [head, ...rest] = referencePath(e.object.kind === "Index" ? e.object.object : e.object) ?? [];
    const loop = el.loops.get(head ?? "");
    if (loop?.kind !== "outer") return;
    (["loss", "gradient_norm"].includes(rest.join(".")) ? run : read).add(loop);
  });
  for (const loop of run) read.delete(loop);
  return read;
}

function evolves(loop: Loop, path: Path): boolean {
  return loop.rules.some((rule) => rule.paths.some((over) => overlaps(over, path)));
}

/** The inner loops that change a parameter. */
export function ownersOf(el: Elaboration, leaf: Path): Loop[] {
  return [...el.loops.values()].filter((loop) =>
    loop.kind === "inner" && pathsOver(el, loop).some((over) => leadsTo(over.path, leaf))
  );
}

/** True for a model, or a part of one, that a loop changes as a whole; an outer does not change what it learns the start of. */
export function evolvesWhole(el: Elaboration, loop: Loop, path: Path): boolean {
  return pathsOver(el, loop).some((over) => !over.timed && leadsTo(over.path, path));
}

/** The loops without rules, which was reported: what they are meant to change is not known. */
export function loopsWithoutRules(el: Elaboration): Loop[] {
  return [...el.loops.values()].filter((loop) => loop.rules.length === 0);
}

/** The inner loops that change any part of what a reference stands for. */
export function loopsChanging(el: Elaboration, reference: Reference): Loop[] {
  if (reference.kind === "leaf") return ownersOf(el, reference.leaf.path);
  if (reference.kind !== "model") return [];
  const { path } = reference.instance;
  return [...el.loops.values()].filter((loop) =>
    loop.kind === "inner" && pathsOver(el, loop).some((over) => overlaps(over.path, path))
  );
}

/** What a loop is over, by the names that the program has for it: those of its file may be others'. */
function pathsOver(el: Elaboration, loop: Loop): readonly LoopPath[] {
  const known = el.over.get(loop);
  if (known) return known;
  const paths = loop.rules.flatMap(({ references }) => references).flatMap((reference) => {
    const path = referencePath(withoutTime(reference));
    if (!path) return [];
    const [head, ...rest] = path;
    const definition = loop.module.visible.get(head!);
    const own = definition && hasPath(definition) ? [topName(el, definition), ...rest] : path;
    return [{ path: own, timed: reference.kind === "Time" }];
  });
  el.over.set(loop, paths);
  return paths;
}

/** The outer loops that change a thing, as their `over` names it: `theta`, `fit.lr`, and `net@0` when an inner evolves it; what
 *  an outer evolves is learned by another at its start, which changes nothing else: `theta@0`. */
export function outersLearning(el: Elaboration, path: Path | undefined, evolved: boolean): Loop[] {
  return [...el.loops.values()].filter((loop) =>
    loop.kind === "outer" && path &&
    pathsOver(el, loop).some((over) => (evolved || !over.timed) && overlaps(over.path, path))
  );
}
