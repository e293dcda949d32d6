// Which other programs mean the same? Texts made of a text, by places in its tree: data that is read through functions, numbers
// that are moved a little, loops that are left out.
import type { Expression, InnerItem } from "../../dsl/syntax/ast.ts";
import { type HostArray, sizeOf } from "../../runtime/ir/types.ts";
import type { RunResult } from "../../runtime/loop/results.ts";
import { type Lists, treeOf } from "./compiled.ts";
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
  const stored = [...files].map(([path, content]): [string, string] => [
    path,
    path.endsWith(".meta")
      ? content
      : content.replaceAll(/\b\d+\.\d+\b(?=[,\]}])/g, (n) => `${Number(n) * (1 + part)}`),
  ]);
  // a tensor that starts at 0 is moved by a part of one: batch norm makes what rounding leaves of equal entries 300 times as large
  const started = text.replaceAll(/^(\s*\w+ : \[.*\] = )0$/gm, `$1${part.toFixed(20)}`);
  return { text: started.replaceAll(/\b\d+\.\d+\b(?!e)/g, moved), files: new Map(stored) };
}

/** What is read for a start is written where it is declared. Undefined where nothing is read. */
export function startsWritten({ text, files }: RandomProgram): RandomProgram | undefined {
  const { items } = treeOf(text);
  const edits = items.flatMap((item): Edit[] => {
    if (item.kind !== "Start") return [];
    const path = item.from.text;
    const content = files.get(path.endsWith(".safetensors") ? path : `${path}/parameters.safetensors`);
    const stored = JSON.parse(content ?? "{}") as Readonly<Record<string, unknown>>;
    const written = item.references.flatMap((reference): Edit[] => {
      const name = text.slice(reference.span.start, reference.span.end);
      const param = items.find((i) => i.kind === "Param" && i.binding.name.name === name);
      if (param?.kind !== "Param" || !param.binding.value) return [];
      const { binding: { value, name: { span: { end } } } } = param;
      const before = text.slice(end, value!.span.start).replace(/~\s*$/, "= ");
      return [{ start: end, end: value!.span.end, by: `${before}${JSON.stringify(stored[item.as?.text ?? name])}` }];
    });
    return [{ ...item.span, by: "" }, ...written];
  });
  return edits.length === 0 ? undefined : { text: edited(text, edits), files };
}

/** Declared values of what is learned, as a run made them, are read from a file. Undefined where there are none that stand for
 *  themselves. */
export function startsRead({ text, files }: RandomProgram, run: RunResult): RandomProgram | undefined {
  // what is computed from what is learned carries a derivative, and a start that is read cuts it
  const computed = /\btheta\b/.test(text) || /^start /m.test(text) || /@0\./.test(text);
  return computed ? undefined : startingAt({ text, files }, run);
}

/** What is learned starts at the values that it was declared with in a run. Undefined where one is no number, or there is none. */
function startingAt({ text, files }: RandomProgram, run: RunResult): RandomProgram | undefined {
  const declared = [...run.declared].filter(([, { data }]) => data.every((x) => Number.isFinite(x)));
  if (declared.length === 0) return undefined;
  const lists = ({ shape, data }: HostArray): Lists => {
    const nest = ([size, ...rest]: readonly number[], from: number): Lists => {
      if (size === undefined) return data[from]!;
      const step = sizeOf(rest);
      return Array.from({ length: size }, (_, i) => nest(rest, from + i * step));
    };
    return nest(shape, 0);
  };
  const stored = Object.fromEntries(declared.map(([name, array]) => [name, lists(array)]));
  return {
    text: `${text}start ${declared.map(([name]) => name).join(", ")} from "declared.safetensors"\n`,
    files: new Map([...files, ["declared.safetensors", JSON.stringify(stored)]]),
  };
}

/** An outer that evolves the network itself, alone, and the same as an inner loop, which begins at the same values. Undefined where
 *  there is none, or it has tasks, draws in its steps, may stop, or keeps what it moves in a range, as an inner loop does not. */
export function outerAsInner(
  { text, files }: RandomProgram,
  run: RunResult,
): { readonly outer: RandomProgram; readonly inner: RandomProgram } | undefined {
  const { items } = treeOf(text);
  const part = ({ span }: { readonly span: { readonly start: number; readonly end: number } }) =>
    text.slice(span.start, span.end);
  const [outer, other] = items.filter((i) => i.kind === "Outer" || i.kind === "Inner" || i.kind === "Override");
  if (outer?.kind !== "Outer" || other || !/^ *over net\b(?!@)/m.test(part(outer))) return undefined;
  const whole = [text, ...files.values()].join("\n");
  const draws = /\b(across|batch|until)\b/.test(part(outer)) || /\bdropout\(|^ *draw |\bnoisy?\(/m.test(whole);
  if (draws || /^start |^param .* (in|via) /m.test(text)) return undefined;
  const asked = ["Gradient", "Evaluate", "Output", "Record", "Outer"];
  const definitions = items.filter((i) => !asked.includes(i.kind)).map(part).join("\n");
  const begun = startingAt({ text: `${definitions}\n${part(outer)}\n`, files }, run);
  return begun && { outer: begun, inner: { ...begun, text: begun.text.replace(/^outer train /m, "inner train ") } };
}

/** A text in which no inner loop stops before its last step. */
export function withoutInnerUntil(text: string): string {
  const clauses = treeOf(text).items.flatMap((i) => i.kind === "Inner" ? i.clauses : []).filter((c) =>
    c.kind === "Until"
  );
  return edited(text, clauses.map(({ span }) => ({ ...span, by: "" })));
}

/** The inner loops are declared with more steps, and stop where they ended; and the same without. Undefined where something counts
 *  the steps. */
export function stoppedEarly(
  { text, files }: RandomProgram,
  more: number,
): { readonly stopping: RandomProgram; readonly plain: RandomProgram } | undefined {
  const { items } = treeOf(text);
  const clauses = items.flatMap((i) => i.kind === "Inner" ? i.clauses : []);
  const counts = clauses.filter((c) => c.kind === "For");
  const longer = items.some((i) => i.kind === "Evaluate" && i.clauses.some((c) => c.kind === "For"));
  if (counts.length === 0 || longer || /per step|window =|horizon =/.test(text)) return undefined;
  // every time is longer there
  const records = items.filter((i) => i.kind === "Record").map(({ span }): Edit => ({ ...span, by: "" }));
  const names = [...new Set(["T", ...counts.map(({ name }) => name?.name ?? "T")])].join("|");
  const rest = edited(text, [...records, ...counts.map(({ span }) => ({ ...span, by: "" }))]);
  const ends = new RegExp(`@(${names})\\b|@\\(\\w+[.@](${names})\\)`, "g");
  if (new RegExp(`\\b(${names})\\b`).test(rest.replaceAll(ends, ""))) return undefined;
  const stops = counts.map(({ name, count, span }): Edit => {
    const steps = Number(text.slice(count.span.start, count.span.end));
    return { ...span, by: `for ${name ? `${name.name} = ` : ""}${steps + more} steps\n  until t >= ${steps}` };
  });
  return {
    stopping: { text: edited(text, [...records, ...stops]), files },
    plain: { text: edited(text, records), files },
  };
}

/** A warm loop in pieces, and in one: what it minimizes over its last so many steps is the same. Nothing is learned meanwhile, and
 *  nothing in the loop may speak of a time. Undefined where there is no such loop. */
export function inPieces(
  { text, files }: RandomProgram,
): { readonly pieces: RandomProgram; readonly whole: RandomProgram; readonly steps: number } | undefined {
  const { items } = treeOf(text);
  const part = ({ span }: { readonly span: { readonly start: number; readonly end: number } }) =>
    text.slice(span.start, span.end);
  const fit = items.find((i) => i.kind === "Inner" && /from fit@T$/m.test(part(i)));
  const train = items.find((i) => i.kind === "Outer" && i.name.name === "train");
  if (!fit || !train) return undefined;
  const others = items.filter((i) => !["Gradient", "Evaluate", "Output", "Record", "Outer", "Inner"].includes(i.kind));
  const kept = [...others.filter((i) => i.kind !== "Override" || !part(i).includes("override train")), fit].map(part);
  const speaks = /^data [^]*~|\bbatch\b|\buntil\b|\bdropout\b|^ *draw |override fit|@0|\btrain\.t\b|\bnoisy?\(/m;
  const own = part(fit);
  const timed = /\bt\b|\bT\b/.test(own.replace(/\b(for|from) .*$/gm, ""));
  const steps = Number(/for (?:T = )?(\d+) steps/.exec(own)?.[1]);
  const inner = items.some((i) => i.kind === "Inner" && i !== fit);
  if (speaks.test(kept.join("\n")) || timed || inner || !(steps > 0)) return undefined;
  const plain = own.replace(/^ *through .*\n/m, "");
  const outer = (count: number) =>
    part(train).replaceAll(/\bby \w+\(.*\)$/gm, "by sgd(lr = 0)").replaceAll(/^ *(until|clip|keep) .*\n/gm, "")
      .replace(/for (N = )?\d+ steps/, `for ${count} steps`);
  const made = (loop: string, count: number): RandomProgram => ({
    text: [...kept.slice(0, -1), loop, outer(count), "record fit.loss@*"].join("\n") + "\n",
    files,
  });
  const whole = plain.replace(/for (?:T = )?\d+ steps/, `for T = ${3 * steps} steps`).replace(/^ *from .*\n?/m, "");
  return { pieces: made(plain, 2), whole: made(whole, 1), steps };
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

/** A program whose first evaluation of one number is an output of the same name, which then sees the same tasks and draws. Without
 *  tasks it would be of the run of a gradient, if there is one. */
export function evaluationAsOutput(
  { text, files }: RandomProgram,
): { program: RandomProgram; name: string } | undefined {
  const part = ({ span }: { readonly span: { readonly start: number; readonly end: number } }) =>
    text.slice(span.start, span.end);
  const { items } = treeOf(text);
  const gradient = items.some((i) => i.kind === "Gradient" && !i.across);
  for (const item of items) {
    if (item.kind !== "Evaluate" || item.clauses.some((c) => c.kind !== "Report" && c.kind !== "Across")) continue;
    const [report, second] = item.clauses.filter((c) => c.kind === "Report");
    if (!report || second || report.at) continue;
    const across = item.clauses.find((c) => c.kind === "Across");
    if (gradient && !across && !item.after) continue;
    const rest = `${across ? `\n${part(across)}` : ""}${item.after ? `\nafter ${item.after.name}` : ""}`;
    const output = `output ${item.name.name} = ${part(report.value)}${rest}`;
    const rewritten = `${text.slice(0, item.span.start)}${output}${text.slice(item.span.end)}`;
    return { program: { text: rewritten, files }, name: item.name.name };
  }
  return undefined;
}

/** A program with an output of what its first gradient is of, which then is of the same run. Undefined where something is learned
 *  before, or the gradient is a mean over tasks or samples. */
export function gradientAsOutput({ text, files }: RandomProgram): { program: RandomProgram; name: string } | undefined {
  const { items } = treeOf(text);
  const item = items.find((i) => i.kind === "Gradient");
  if (!item || item.across || item.after || items.some((i) => i.kind === "Outer") || /es\(/.test(text)) {
    return undefined;
  }
  const name = "value_again";
  const output = `output ${name} = ${text.slice(item.value.span.start, item.value.span.end)}\n`;
  return { program: { text: text + output, files }, name };
}
