// What is said when one certain token is missing in one certain rule? Keyed "rule token", or "rule" where the grammar
// wanted one of several.
import type { Failure } from "./syntax_failure.ts";
import { keywordOf } from "../../syntax/keywords.ts";

/** The words for one situation. */
export interface Situation {
  readonly title: string;
  readonly hint?: string;
}

const rangeHasTwoEnds: Situation = { title: "A range is written `low .. high`", hint: "put `..` between its ends" };
const timeIs = (f: Failure): Situation => ({
  title: "After `@` comes a time: a number, a name, `*`, or an expression in parentheses",
  hint: f.tokens[f.index]?.image === "-"
    ? "write `@T` for the end, `@(T - 1)` for the step before"
    : "write `@(T - 1)` for a time that is computed",
});

const importsAreListed = {
  title: "An import lists the names it brings",
  hint: 'write `import a, b from "./file.meta"`',
};

/** A file's name without quotes, put into quotes. */
function fileInQuotes(f: Failure): Situation {
  let end = f.index;
  const start = f.tokens[f.index]?.startOffset ?? f.source.text.length;
  while (f.tokens[end] !== undefined && !["{", "}"].includes(f.tokens[end]!.image) && !startsLine(f, end)) end++;
  const written = f.source.text.slice(start, f.tokens[end]?.startOffset ?? f.source.text.length).trim();
  const title = "After `from` comes the name of a file in double quotes";
  return written !== "" && /^[\w./ -]{1,80}$/.test(written) ? { title, hint: `write \`"${written}"\`` } : { title };
}

function startsLine(f: Failure, index: number): boolean {
  const [before, token] = [f.tokens[index - 1], f.tokens[index]];
  return before !== undefined && token !== undefined && index > f.index &&
    f.source.text.slice(before.endOffset! + 1, token.startOffset).includes("\n");
}

/** `fn area(r) = …`, for the function whose body begins otherwise. */
function functionOf(f: Failure): string {
  let start = f.index - 1;
  while (start > f.index - 100 && start > 0 && f.tokens[start]!.image !== "fn") start--;
  const [first, last] = [f.tokens[start], f.tokens[f.index - 1]];
  const text = first && last ? f.source.text.slice(first.startOffset, last.endOffset! + 1) : "fn f(x)";
  return `write \`${text.length <= 60 && !text.includes("\n") ? text : "fn f(x)"} = …\``;
}

/** `every 10`, as written, for the number before what is found. */
function countOf(f: Failure): string | undefined {
  const start = f.tokens.slice(0, f.index).findLastIndex(({ image }) => image === "for" || image === "every");
  const [first, last] = [f.tokens[start], f.tokens[f.index - 1]];
  if (!first || !last || first === last) return undefined;
  const text = f.source.text.slice(first.startOffset, last.endOffset! + 1).replace(/\s+/g, " ");
  return text.length <= 40 ? text : undefined;
}

/** The table. */
export const situations: Readonly<Record<string, Situation | ((f: Failure) => Situation)>> = {
  stepsWord: (f) => ({
    title: "The number of steps is followed by `steps`",
    hint: `write \`${countOf(f) ?? (f.around.includes("forClause") ? "for T = 5" : "every 100")} steps\``,
  }),
  "range DotDot": rangeHasTwoEnds,
  "steps DotDot": rangeHasTwoEnds,
  "steps In": (f) => ({
    title: "After the counting name comes `in` and a range",
    hint: `write \`${f.tokens[f.index - 1]?.image ?? "t"} in 1 .. T\``,
  }),
  "steps Name": { title: "A name runs over the range", hint: "write `t in 0 .. T`" },
  time: timeIs,
  type: (f) => ({
    title: "After `:` comes a type: a dtype such as `int`, or sizes such as `[n, 1]`",
    ...(/^[(\d]/.test(f.tokens[f.index]?.image ?? "") && { hint: "write sizes in brackets, such as `[2, 3]`" }),
  }),
  "acrossClause Name": (f) => {
    const [count, task] = [f.tokens[f.index - 1], f.tokens[f.index - 2]];
    return count !== undefined && /^[A-Za-z_]/.test(count.image) && task?.image === "across"
      ? { title: "`across` says how many tasks, then which", hint: `write \`across 25 ${count.image}\`` }
      : { title: "`across` needs the name of a task after their number", hint: "write `across 25 sinusoid`" };
  },
  "classes Of": { title: "Classes are drawn `of` a table", hint: "write `classes 5 of pool by label`" },
  "classes By": {
    title: "The field that tells the classes apart comes after `by`",
    hint: "write `classes 5 of pool by label`",
  },
  "rows Of": (f) => ({
    title: "A split draws so many rows `of` a table, or `of each` of its classes",
    hint: [":", "~"].includes(f.tokens[f.index]?.image ?? "")
      ? "leave out `draw`: a field is drawn by its `~`"
      : "write `draw 5 of each`, or `draw 20 of pool`",
  }),
  "batchClause Name": {
    title: "A batch without replacement takes `each once`",
    hint: "write `batch 64 of train each once`",
  },
  "batchClause Of": { title: "A batch is taken `of` something", hint: "write `batch 64 of train`" },
  "importItem From": (f) => ({
    title: "An import ends with `from` and the name of a file",
    ...(keywordOf(f.tokens[f.index]?.image ?? "") ? {} : { hint: importsAreListed.hint }),
  }),
  importItem: importsAreListed,
  "importItem Name": importsAreListed,
  "importItem String": fileInQuotes,
  "dataItem String": fileInQuotes,
  "startItem From": {
    title: "What starts is read `from` a run folder or a file",
    hint: 'write `start net from "earlier"`',
  },
  "startItem String": fileInQuotes,
  startItem: {
    title: "After `as` comes what the file calls it: names with points between them, or any text in quotes",
    hint: 'write `as encoder.body`, or `as "encoder.0.weight"`',
  },
  "expectEntry Within": { title: "An expected value needs a tolerance", hint: "write `name = 1.5 within 1e-6`" },
  "expectEntry Equals": { title: "An expected value comes after `=`", hint: "write `name = 1.5 within 1e-6`" },
  "overrideEntry Equals": (f) => ({
    title: "The value of a hyperparameter comes after `=`",
    hint: f.tokens[f.index]?.image === "per" ? "write `lr = 0.1 per step`, or `per tensor`" : "write `lr = 0.1`",
  }),
  "letItem Equals": (f) => ({
    title: "The value of a `let` comes after `=`",
    ...(f.tokens[f.index]?.image === ":" && { hint: "leave the type out: a `let` takes that of its value" }),
  }),
  "functionItem Equals": (f) => ({
    title: "The body of a function comes after `=`",
    ...(["{", ":", "->"].includes(f.tokens[f.index]?.image ?? "") && { hint: functionOf(f) }),
  }),
  "use Equals": { title: "The sub-model comes after `=`", hint: "write `use layer = dense(8)`" },
  "state Equals": { title: "A state needs its value at step 0", hint: "write `state v = 0`" },
  "memory Number": { title: "`memory` needs an amount and a unit", hint: "write `memory 2 GB`" },
  "memory Name": { title: "`memory` needs a unit after the amount", hint: "write `memory 2 GB`" },
  "editionItem Number": { title: "`edition` needs a number", hint: "write `edition 1`" },
  "formals LParen": { title: "After the name comes a list of arguments in parentheses", hint: "write `()` for none" },
  "recordItem Task": { title: "`of` in a `record` says which task", hint: "write `of task 0`" },
};
