// What does an expression mention? Walks over trees, and the path that a reference is: words that are compared as such, and printed
// where a name is shown or looked up. A printed name is never taken apart.
import type { Expression, Item, ModelMember, SliceExpression, StepMember } from "./ast.ts";

/** Calls back for an expression and everything in it. */
export function visit(expression: Expression, enter: (e: Expression) => void): void {
  enter(expression);
  switch (expression.kind) {
    case "Member":
      return visit(expression.object, enter);
    case "Time":
      visit(expression.object, enter);
      if (expression.time !== "all") visit(expression.time, enter);
      return;
    case "Call":
      visit(expression.callee, enter);
      for (const arg of expression.args) visit(arg.value, enter);
      if (expression.comprehension) {
        visit(expression.comprehension.from, enter);
        visit(expression.comprehension.to, enter);
      }
      return;
    case "Index":
      visit(expression.object, enter);
      for (const index of expression.indices) {
        for (const each of index.kind === "Slice" ? [index.low, index.high] : [index]) visit(each, enter);
      }
      return;
    case "List":
      for (const item of expression.items) visit(item, enter);
      return;
    case "Results":
      for (const { value } of expression.entries) visit(value, enter);
      return;
    case "Unary":
      return visit(expression.operand, enter);
    case "Binary":
      visit(expression.left, enter);
      visit(expression.right, enter);
      return;
    case "Pipe":
      visit(expression.value, enter);
      visit(expression.target, enter);
      return;
  }
}

/** The word that a chain of members starts with. */
export function headName(expression: Expression): string | undefined {
  switch (expression.kind) {
    case "Name":
      return expression.name;
    case "Member":
    case "Index":
    case "Time":
      return headName(expression.object);
    default:
      return undefined;
  }
}

/** The words of `net.body.W`. */
export type Path = readonly string[];

/** `l1.W` from the expression that it parses as. */
export function referencePath(expression: Expression | SliceExpression): Path | undefined {
  if (expression.kind === "Name") return [expression.name];
  if (expression.kind !== "Member") return undefined;
  const object = referencePath(expression.object);
  return object && [...object, expression.member.name];
}

/** A path as a program writes it. */
export function pathText(path: Path): string {
  return path.join(".");
}

/** The same of an expression, when it is a path. */
export function referenceText(expression: Expression | SliceExpression): string | undefined {
  const path = referencePath(expression);
  return path && pathText(path);
}

/** True for a path and what it is the beginning of: `net` leads to `net` and to `net.body`. */
export function leadsTo(path: Path, to: Path): boolean {
  return path.length <= to.length && path.every((word, i) => word === to[i]);
}

/** True when two paths have to do with each other: one leads to the other. */
export function overlaps(a: Path, b: Path): boolean {
  return leadsTo(a, b) || leadsTo(b, a);
}

/** True when two paths are the same. */
export function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && leadsTo(a, b);
}

/** The expressions in a definition, where sizes stand. */
export function visitItem(item: Item, enter: (e: Expression) => void): void {
  const member = (each: ModelMember | StepMember) => {
    if ("type" in each) each.type?.sizes?.forEach((size) => visit(size, enter));
    if (each.kind === "Scan") {
      for (const e of [each.over, ...each.to ? [each.to] : []]) visit(e, enter);
      each.members.forEach(member);
    } else if (each.value) visit(each.value, enter);
  };
  switch (item.kind) {
    case "Function":
      return visit(item.body, enter);
    case "Let":
      return visit(item.value, enter);
    case "Param":
      return item.binding.type?.sizes?.forEach((size) => visit(size, enter));
    case "Optimizer":
      return item.members.forEach(member);
    case "Model":
      for (const { type } of [...item.sizes ?? [], ...item.formals, ...item.result ? [{ type: item.result }] : []]) {
        type?.sizes?.forEach((size) => visit(size, enter));
      }
      item.members.forEach(member);
      return visit(item.body, enter);
  }
}

/** True when an expression names something. */
export function mentions(expression: Expression, name: string): boolean {
  let found = false;
  visit(expression, (e) => found ||= e.kind === "Name" && e.name === name);
  return found;
}
