// Has every item of the tree become something that runs? What a check could not make it must have reported: an item that is gone
// without an error is our mistake, and is said so rather than run without.
import { InternalError } from "../../runtime/errors.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import type { Item } from "../syntax/ast.ts";
import type { Elaboration } from "../world/world.ts";
import type { CheckedProgram } from "./checked_program.ts";
import { placeText, type Span } from "../text/source.ts";

/** Compares a program without errors with the tree of its root file. Throws an `InternalError` that names what was lost. */
export function refuseLostItems(el: Elaboration, checked: CheckedProgram, program: ExperimentProgram): void {
  const { items } = el.modules.root.program;
  const is = <K extends Item["kind"]>(kind: K) => items.filter((i): i is Extract<Item, { kind: K }> => i.kind === kind);
  const at = (span: Span) => (made: { readonly origin: Span }) => made.origin.start === span.start;
  const inside = new Set(
    [...checked.outers, ...checked.gradients, ...checked.evaluations, ...checked.outputs].flatMap((
      item,
    ) => [...item.inners]),
  );
  for (const item of is("Gradient")) {
    const made = program.gradients.find(at(item.span));
    const whole = made && made.wrt.length === item.wrt.length && made.expect.length === item.expect.length;
    if (!whole) throw lost(el, "A gradient, or a part of one", item.span);
  }
  for (const item of is("Evaluate")) {
    const made = program.evaluations.find(at(item.name.span));
    const reports = item.clauses.filter((c) => c.kind === "Report");
    if (made?.reports.length !== reports.length) throw lost(el, "An evaluation, or a report of one", item.span);
  }
  for (const item of is("Output")) {
    const outputs = [...program.outputs, ...program.simulations.flatMap((s) => s.outputs)];
    if (!outputs.some(at(item.name.span))) throw lost(el, "An output", item.span);
  }
  const runs = new Set([...program.outers.map((o) => o.name), ...program.simulations.map((s) => s.loop)]);
  for (const item of [...is("Inner"), ...is("Outer")]) {
    const loop = el.loops.get(item.name.name);
    if (!loop || !runs.has(loop.name) && !inside.has(loop)) throw lost(el, "A loop", item.span);
  }
  const kept = new Set([
    ...program.outers.flatMap((o) => o.trajectories?.quantities ?? []),
    ...[...program.gradients, ...program.simulations].flatMap((g) => g.trajectories),
  ].map((q) => q.name));
  for (const { name, at } of checked.records.wishes) if (!kept.has(name)) throw lost(el, "A record", at);
}

/** The error for what is gone and stood at a place. */
export function lost(el: Elaboration, what: string, at: Span): InternalError {
  return new InternalError(`${what} at ${placeText(el.modules.sources, at)} was lost without a word`);
}
