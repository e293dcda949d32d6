// Which other programs mean the same? Texts made of a text, by places in its tree: data that is read through functions, numbers
// that are moved a little, loops that are left out.
import type { Expression, InnerItem } from "../../dsl/syntax/ast.ts";
import { treeOf } from "./compiled.ts";
import type { RandomProgram } from "./definitions.ts";

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

function edited(text: string, edits: readonly Edit[]): string {
  return edits.toSorted((a, b) => b.start - a.start).reduce(
    (whole, { start, end, by }) => whole.slice(0, start) + by + whole.slice(end),
    text,
  );
}

/** Goes through a tree; `visit` says false where it does not want to go below. */
export function walk(
  node: unknown,
  visit: (node: { readonly kind: string } & Record<string, unknown>) => boolean | void,
): void {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, visit);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  if ("kind" in node && visit(node as never) === false) return;
  for (const [key, child] of Object.entries(node)) if (key !== "span" && key !== "comments") walk(child, visit);
}

/** Every field of a table that is read by name is read by a function instead. Undefined when there is none. */
export function throughFunctions({ text, files }: RandomProgram): RandomProgram | undefined {
  const { items } = treeOf(text);
  const tables = new Set(items.flatMap((i) => i.kind === "Data" ? [i.name.name] : []));
  const edits: Edit[] = [];
  const made = new Map<string, string>();
  walk(items, (node) => {
    // what a gradient item draws goes by its text
    if (node.kind === "Batch" || node.kind === "Gradient") return false;
    if (node.kind !== "Member") return;
    const { object, member, span } = node as unknown as Extract<Expression, { kind: "Member" }>;
    if (object.kind !== "Name" || !tables.has(object.name)) return;
    const name = `read_${object.name}_${member.name}`;
    made.set(name, `fn ${name}() = ${object.name}.${member.name}`);
    edits.push({ ...span, by: `${name}()` });
    return false;
  });
  if (edits.length === 0) return undefined;
  return { text: `${edited(text, edits)}${[...made.values()].join("\n")}\n`, files };
}

/** Every number with a point is a little larger: by this part of itself. */
export function jittered({ text, files }: RandomProgram, part: number): RandomProgram {
  // what a gradient item draws goes by its text
  const items = treeOf(text).items.filter((i) => i.kind === "Gradient").map((i) => i.value.span);
  const drawn = (at: number) => items.some(({ start, end }) => start <= at && at < end);
  const moved = (number: string, at: number) => drawn(at) ? number : `${Number(number) * (1 + part)}`;
  return { text: text.replaceAll(/\b\d+\.\d+\b(?!e)/g, moved), files };
}

/** What a loop minimizes, differentiated where the loop starts: the program without its loops, for each inner loop that is said
 *  without what loops make. */
export function innerGradients({ text, files }: RandomProgram): RandomProgram[] {
  const { items } = treeOf(text);
  const loopKinds = new Set(["Inner", "Outer", "Override", "Gradient", "Evaluate", "Output", "Record"]);
  const definitions = items.filter((i) => !loopKinds.has(i.kind)).map((i) => text.slice(i.span.start, i.span.end));
  const tasks = items.flatMap((i) => i.kind === "Task" ? [i.name.name] : []);
  return items.filter((i): i is InnerItem => i.kind === "Inner").flatMap((item) => {
    const minimize = item.clauses.find((c) => c.kind === "Minimize");
    const over = item.clauses.flatMap((c) => c.kind === "Over" ? c.references : []);
    if (!minimize) return [];
    const part = ({ span }: { readonly span: { readonly start: number; readonly end: number } }) =>
      text.slice(span.start, span.end);
    const objective = part(minimize.value);
    if (objective.includes("@") || /\b(loss|t|T)\b/.test(objective)) return [];
    const across = tasks.length > 0 ? `across 2 ${tasks[0]}\n` : "";
    return [{
      text: `${definitions.join("\n")}\ngradient ${objective}\n${across}wrt ${over.map(part).join(", ")}\n`,
      files,
    }];
  });
}
