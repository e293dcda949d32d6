// How is each item written? Items and members as the lines and blocks of `format_lines.ts`.
import type * as ast from "../syntax/ast.ts";
import {
  align,
  type Document,
  fill,
  flatText,
  group,
  indent as indented,
  layOut,
  valueAfter,
} from "../text/document.ts";
import { type CommentQueue, gap, onOneLine } from "./format_comments.ts";
import {
  argumentsDocument,
  callTexts,
  expressionDocument,
  firstOffset,
  formalsDocument,
  rangeDocument,
  referencesDocument,
  stepsDocument,
  typeDocument,
} from "./format_expressions.ts";
import {
  type BlockEntry,
  flatMembers,
  type LineEntry,
  lineWidth,
  type Member,
  withComment,
  writeList,
} from "./format_lines.ts";

/** A whole item. */
export function itemMember(q: CommentQueue, item: ast.Item): Member {
  return { span: item.span, make: (indent) => makeItem(q, item, indent) };
}

function makeItem(q: CommentQueue, item: ast.Item, indent: number): LineEntry | BlockEntry {
  switch (item.kind) {
    case "Edition":
      return plain(`edition ${item.value.text}`);
    case "Precision":
      return plain(`precision ${item.value.name}`);
    case "Memory":
      return plain(`memory ${item.amount.text} ${item.unit.name}`);
    case "Import":
      return plain([
        "import ",
        align(fill(item.names.map(({ name }) => name))),
        ` from "${item.from.text}"`,
      ]);
    case "Input":
      return bindingEntry(q, item.binding, "input");
    case "Param":
      return bindingEntry(q, item.binding, "param");
    case "Start":
      return plain(startDocument(q, item));
    case "Let":
    case "Function":
      return memberEntry(q, item, indent);
    case "Parts":
      return plain(partsDocument(q, item));
    case "Data":
      if (item.part) {
        const { of, where } = item.part;
        return plain([`data ${item.name.name} = ${of.name} where `, expressionDocument(q, where!)]);
      }
      return block(q, {
        node: item,
        heading: () => `data ${item.name.name}${item.from ? ` from "${item.from.text}"` : ""}`,
        headingEnd: item.from?.span.end ?? item.name.span.end,
        members: item.fields.map((field) => ({ span: field.span, make: () => dataFieldEntry(q, field) })),
        family: item.from ? "" : "data",
      }, indent);
    case "Task":
    case "Model":
    case "Optimizer":
      return definitionBlock(q, item, indent);
    case "Override":
      return block(q, {
        node: item,
        heading: () => `override ${item.loop.name}`,
        headingEnd: item.loop.span.end,
        members: item.entries.map((entry) => ({ span: entry.span, make: () => overrideEntry(q, entry) })),
        family: "override",
      }, indent);
    case "Inner":
    case "Outer":
    case "Evaluate":
      return block(q, {
        node: item,
        heading: () => loopHeading(item),
        headingEnd: (item.kind !== "Inner" && item.after || item.name).span.end,
        members: item.clauses.map((clause) => ({ span: clause.span, make: () => clauseEntry(q, clause) })),
        family: "",
      }, indent);
    case "Gradient":
      return gradientBlock(q, item, indent);
    case "Output":
      return outputBlock(q, item, indent);
    case "Record":
      return plain(recordDocument(q, item));
    default:
      return item satisfies never;
  }
}

/** `split glyphs evenly by script into train 0.8, test 0.2` */
function partsDocument(q: CommentQueue, { of, evenly, by, parts }: ast.PartsItem): Document {
  const shares = parts.map(({ name, part }) => [`${name.name} `, expressionDocument(q, part.share!)]);
  return [`split ${of.name}${evenly ? " evenly" : ""}${by ? ` by ${by.name}` : ""} into `, align(fill(shares))];
}

/** `outer second after first` */
function loopHeading(item: ast.InnerItem | ast.OuterItem | ast.EvaluateItem): string {
  const after = item.kind !== "Inner" && item.after ? ` after ${item.after.name}` : "";
  return `${item.kind.toLowerCase()} ${item.name.name}${after}`;
}

// ------------------------------------------------------------------------------------------------------------- blocks

interface BlockParts {
  readonly node: { readonly span: ast.Item["span"] };
  readonly heading: () => Document;
  /** Where the heading ends in the text. */
  readonly headingEnd: number;
  readonly members: readonly Member[];
  readonly family: string;
}

/** A block stays on one line if the author wrote it on one and it fits. */
function block(q: CommentQueue, parts: BlockParts, indent: number): LineEntry | BlockEntry {
  const { node: { span }, members } = parts;
  const onOne = onOneLine(q.text, span.start, span.end);
  if (onOne || members.length === 0 && !q.has(span.end)) {
    const heading = flatText(parts.heading());
    const body = flatMembers(members);
    if (heading !== undefined && body !== undefined) {
      const rest = body === "" ? "{}" : `{ ${body} }`;
      if (indent + heading.length + 1 + rest.length <= lineWidth) {
        return { kind: "line", family: parts.family, columns: [heading], rest };
      }
    }
  }
  const heading = group([parts.heading(), " {"]);
  const margin = " ".repeat(indent);
  const first = layOut(margin, heading, { indent, width: lineWidth }).split("\n");
  let behind: ast.Comment | undefined;
  const body = writeList(q, members, {
    indent: indent + 2,
    from: parts.headingEnd,
    end: span.end,
    keepLines: !onOne,
    onHeading: (comment) => behind = comment,
  });
  const last = withComment(q.text, first.pop()!, behind);
  return { kind: "block", lines: [...first, last, ...body, `${margin}}`] };
}

function definitionBlock(
  q: CommentQueue,
  item: ast.TaskItem | ast.ModelItem | ast.OptimizerItem,
  indent: number,
): LineEntry | BlockEntry {
  if (item.kind === "Task") {
    const members = item.members.map((member) => memberOf(q, member));
    const heading = () => [`task ${item.name.name}`, item.formals ? formalsDocument(q, item.formals) : ""];
    const headingEnd = item.formals?.at(-1)?.span.end ?? item.name.span.end;
    return block(q, { node: item, heading, headingEnd, members, family: "" }, indent);
  }
  if (item.kind === "Optimizer") {
    const members = item.members.map((member) => memberOf(q, member));
    const heading = () => [`optimizer ${item.name.name}`, formalsDocument(q, item.formals)];
    const headingEnd = item.formals.at(-1)?.span.end ?? item.name.span.end;
    return block(q, { node: item, heading, headingEnd, members, family: "" }, indent);
  }
  const heading = () => [
    `model ${item.name.name}`,
    item.sizes ? formalsDocument(q, item.sizes) : "",
    formalsDocument(q, item.formals),
    item.result ? [" -> ", typeDocument(q, item.result)] : "",
  ];
  const body: Member = {
    span: { ...item.body.span, start: q.keywordBefore("return", item.body.span.start) },
    make: () => plain(["return", gap(q, firstOffset(item.body), " "), expressionDocument(q, item.body)]),
  };
  const headingEnd = (item.result ?? item.formals.at(-1) ?? item.sizes?.at(-1))?.span.end ?? item.name.span.end;
  const members = [...item.members.map((member) => memberOf(q, member)), body];
  return block(q, { node: item, heading, headingEnd, members, family: "" }, indent);
}

/** Not a block in the text, but lines that are aligned like clauses, and perhaps a block of expected values. */
function gradientBlock(q: CommentQueue, item: ast.GradientItem, indent: number): BlockEntry | LineEntry {
  const members: Member[] = [
    clauseMember("gradient", { ...item.value.span, start: item.span.start }, () => expressionDocument(q, item.value)),
    clauseMember("wrt", keywordSpan(q, "wrt", item.wrt) ?? item.span, () => referencesDocument(q, item.wrt)),
  ];
  members.push(...whereAndWhen(q, item));
  const span = keywordSpan(q, "expect", item.expect);
  if (span) members.push({ span, make: (indent) => expectBlock(q, item, indent) });
  return clauseLines(q, item, members, indent);
}

/** `across 4 episode`, `after first`. */
function whereAndWhen(q: CommentQueue, { across, after }: Pick<ast.OutputItem, "across" | "after">): Member[] {
  return [
    ...(across ? [{ span: across.span, make: () => clauseEntry(q, across) }] : []),
    ...(after ? [clauseMember("after", keywordSpan(q, "after", [after])!, () => after.name)] : []),
  ];
}

function clauseLines(
  q: CommentQueue,
  item: ast.Item,
  members: readonly Member[],
  indent: number,
): BlockEntry | LineEntry {
  const oneLine = onOneLine(q.text, item.span.start, item.span.end) ? flatMembers(members, " ") : undefined;
  if (oneLine !== undefined && indent + oneLine.length <= lineWidth) return plain(oneLine);
  const options = { indent, from: item.span.start, end: item.span.end, keepLines: false };
  return { kind: "block", lines: writeList(q, members, options) };
}

/** The array, with the tasks and the time that it is computed at below it where they do not fit beside it. */
function outputBlock(q: CommentQueue, item: ast.OutputItem, indent: number): BlockEntry | LineEntry {
  const entry = () => equation(q, `output ${item.name.name}`, item.value, "output");
  const rest = whereAndWhen(q, item);
  if (rest.length === 0) return entry();
  return clauseLines(q, item, [{ span: { ...item.value.span, start: item.span.start }, make: entry }, ...rest], indent);
}

function expectBlock(q: CommentQueue, item: ast.GradientItem, indent: number): LineEntry | BlockEntry {
  const span = keywordSpan(q, "expect", item.expect)!;
  const onOne = onOneLine(q.text, span.start, span.end) && /^[^\S\r\n]*\}/.test(q.text.slice(span.end));
  const members = item.expect.map((entry): Member => ({
    span: entry.span,
    make: () => expectEntry(q, entry),
  }));
  // The braces are not in the tree: from the first entry to the last, or to the end of the item where `expect` is last.
  const node = onOne ? { span } : { span: { ...span, end: item.span.end } };
  return block(
    q,
    { node, heading: () => "expect", headingEnd: span.start + "expect".length, members, family: "" },
    indent,
  );
}

/** From a keyword to the last of what follows it. */
function keywordSpan(
  q: CommentQueue,
  keyword: string,
  nodes: readonly { readonly span: ast.Item["span"] }[],
): ast.Item["span"] | undefined {
  const [first, last] = [nodes[0], nodes.at(-1)];
  return first && last && { ...first.span, start: q.keywordBefore(keyword, first.span.start), end: last.span.end };
}

// ------------------------------------------------------------------------------------------------------------ members

function plain(rest: Document): LineEntry {
  return { kind: "line", family: "", columns: [], rest };
}

type AnyMember = ast.TaskMember | ast.RowsMember | ast.ModelMember | ast.StepMember;

function memberOf(q: CommentQueue, member: AnyMember): Member {
  return { span: member.span, make: (indent) => memberEntry(q, member, indent) };
}

function memberEntry(q: CommentQueue, member: AnyMember, indent: number): LineEntry | BlockEntry {
  switch (member.kind) {
    case "Binding":
      return bindingEntry(q, member);
    case "Let":
      return equation(q, `let ${member.name.name}`, member.value, "let");
    case "Function": {
      const formals = formalsDocument(q, member.formals);
      return plain([`fn ${member.name.name}`, formals, " =", valueDocument(q, member.body)]);
    }
    case "Split":
      return block(q, {
        node: member,
        heading: () => `split ${member.name.name}`,
        headingEnd: member.name.span.end,
        members: member.members.map((each) => memberOf(q, each)),
        family: "split",
      }, indent);
    case "Classes": {
      const { count, of, by } = member;
      return plain(["classes ", expressionDocument(q, count), " of ", expressionDocument(q, of), ` by ${by.name}`]);
    }
    case "Rows":
      return plain(["draw ", expressionDocument(q, member.count), " of ", expressionDocument(q, member.of)]);
    case "Use":
      return useEntry(q, member);
    case "Draw": {
      const parts = { name: member.name, type: member.type, how: "~" as const, value: member.value };
      return bindingEntry(q, parts, "draw");
    }
    case "Scan":
      return scanBlock(q, member, indent);
    case "State": {
      const parts = { name: member.name, type: member.type, how: "=" as const, value: member.value };
      return bindingEntry(q, parts, "state");
    }
    case "Next":
      return equation(q, `${member.name.name}'`, member.value, "next");
  }
}

function scanBlock(q: CommentQueue, member: ast.ScanMember, indent: number): LineEntry | BlockEntry {
  const { name, variable, over, to } = member;
  const heading = () => [
    `scan ${name.name} over ${variable.name} in`,
    valueDocument(q, over),
    ...(to ? [" ..", valueDocument(q, to)] : []),
  ];
  const members = member.members.map((each) => memberOf(q, each));
  return block(q, { node: member, heading, headingEnd: (to ?? over).span.end, members, family: "scan" }, indent);
}

function equation(q: CommentQueue, left: string, value: ast.Expression, family: string): LineEntry {
  return { kind: "line", family, columns: [left], rest: ["=", valueDocument(q, value)] };
}

/** A value with the blank, or the comments, before it. */
function valueDocument(q: CommentQueue, value: ast.Expression): Document {
  const start = firstOffset(value);
  if (!q.has(start)) return valueAfter(expressionDocument(q, value));
  return [gap(q, start, ""), expressionDocument(q, value)];
}

/** Layers under each other are a table: their arguments are aligned too. */
function useEntry(q: CommentQueue, { name, value }: ast.UseMember): LineEntry {
  const start = `use ${name.name}`;
  const texts = callTexts(q, value);
  if (texts === undefined) return equation(q, start, value, "use");
  const [first, ...others] = texts;
  const last = others.pop()!;
  const key = `${first!.slice(0, first!.indexOf("("))} ${texts.length}`;
  const entry: LineEntry = {
    kind: "line",
    family: "use",
    columns: [start, `= ${first}`, ...others],
    key,
    rest: last,
  };
  const width = [start, "=", ...texts].join(" ").length;
  return width + 2 <= lineWidth ? entry : equation(q, start, value, "use");
}

/** What a binding and a state have in common. */
interface BindingParts {
  readonly name: ast.Identifier;
  readonly type?: ast.TypeExpression | undefined;
  readonly how?: "=" | "~";
  readonly value?: ast.Expression;
  readonly range?: ast.RangeClause;
  readonly via?: ast.Identifier;
}

function dataFieldEntry(q: CommentQueue, field: ast.DataField): LineEntry {
  const entry = bindingEntry(q, field);
  const columns = field.columns?.map(({ first, last }) => `"${first.text}"${last ? ` .. "${last.text}"` : ""}`);
  if (!columns && !field.file && !field.folder && !field.missing && !field.resized) return entry;
  const missing = field.missing && [" missing", valueDocument(q, field.missing)];
  return {
    ...entry,
    rest: [
      entry.rest,
      columns ? ` from ${columns.join(", ")}` : "",
      field.file ? ` from file "${field.file.text}"` : "",
      field.folder ? ` from folder ${folderText(field.folder)}` : "",
      missing ?? "",
      field.resized ? " resized" : "",
    ],
  };
}

const folderText = ({ first, last }: ast.FolderRange) => `${first.text}${last ? ` .. ${last.text}` : ""}`;

function bindingEntry(q: CommentQueue, binding: BindingParts, keyword?: string): LineEntry {
  const start = keyword ? `${keyword} ${binding.name.name}` : binding.name.name;
  const type = binding.type && typeDocument(q, binding.type);
  const value = binding.value && [binding.how ?? "=", valueDocument(q, binding.value)];
  const tail = [
    binding.range ? [" in ", rangeDocument(q, binding.range)] : "",
    binding.via ? ` via ${binding.via.name}` : "",
  ];
  const family = keyword ?? "binding";
  const typeText = type && flatText(type);
  if (type === undefined || value === undefined || typeText === undefined) {
    const rest = [type ? [": ", type] : "", type && value ? " " : "", value ?? "", tail];
    return { kind: "line", family, columns: [start], rest };
  }
  return { kind: "line", family, columns: [start, `: ${typeText}`], rest: [value, tail] };
}

function overrideEntry(q: CommentQueue, entry: ast.OverrideEntry): LineEntry {
  const path = entry.qualifier ? [expressionDocument(q, entry.qualifier), "."] : "";
  const left = [path, `${entry.name.name}${entry.time ? `@${entry.time.name}` : ""}`];
  const text = flatText(left);
  const rest = [
    text === undefined ? [left, " "] : "",
    "=",
    valueDocument(q, entry.value),
    ...entry.per.map(({ name }) => ` per ${name}`),
    entry.range ? [" in ", rangeDocument(q, entry.range)] : "",
    entry.via ? ` via ${entry.via.name}` : "",
  ];
  return { kind: "line", family: "override entry", columns: text === undefined ? [] : [text], rest };
}

function expectEntry(q: CommentQueue, entry: ast.ExpectEntry): LineEntry {
  const left = expressionDocument(q, entry.reference);
  const value = valueDocument(q, entry.value);
  const within = ["within", valueDocument(q, entry.within)];
  const [leftText, valueText] = [flatText(left), flatText(value)];
  if (leftText === undefined || valueText === undefined) return plain([left, " =", value, " ", within]);
  return { kind: "line", family: "expect", columns: [leftText, `=${valueText}`], rest: within };
}

// ------------------------------------------------------------------------------------------------------------ clauses

function clauseMember(keyword: string, span: ast.Item["span"], rest: () => Document): Member {
  return { span, make: () => clause(keyword, rest()) };
}

function clause(keyword: string, rest: Document): LineEntry {
  return { kind: "line", family: "clause", columns: [keyword], rest, hanging: true };
}

function clauseEntry(q: CommentQueue, c: ast.Clause): LineEntry {
  switch (c.kind) {
    case "Minimize":
      return clause(c.maximize ? "maximize" : "minimize", expressionDocument(q, c.value));
    case "Over":
      return clause("over", referencesDocument(q, c.references));
    case "By":
      return clause("by", expressionDocument(q, c.rule));
    case "For":
      return clause("for", [c.name ? `${c.name.name} = ` : "", expressionDocument(q, c.count), " steps"]);
    case "Until":
      return clause("until", [
        expressionDocument(q, c.condition),
        c.patience ? [" has not improved for ", expressionDocument(q, c.patience), " steps"] : "",
      ]);
    case "Keep":
      return clause("keep", `best of ${c.of.name}`);
    case "Skip":
      return clause("skip", "not finite");
    case "Batch":
      return clause("batch", [
        expressionDocument(q, c.size),
        " of ",
        expressionDocument(q, c.of),
        c.once ? " each once" : "",
      ]);
    case "Clip":
      return clause("clip", [`${c.what.name} `, expressionDocument(q, c.bound)]);
    case "Through":
      return clause("through", expressionDocument(q, c.estimator));
    case "From":
      return clause("from", [expressionDocument(q, c.value), c.fresh ? " with fresh states" : ""]);
    case "Across":
      return clause("across", [
        expressionDocument(q, c.count),
        ` ${c.task.name}`,
        c.args ? group(argumentsDocument(q, { args: c.args, span: c.span })) : "",
        c.fixed ? " fixed" : "",
      ]);
    case "Memory":
      return clause("memory", `${c.amount.text} ${c.unit.name}`);
    case "Report":
      return clause("report", [
        expressionDocument(q, c.value),
        c.at ? indented([gap(q, c.at.span.start, " "), "at ", stepsDocument(q, c.at)]) : "",
      ]);
    case "Best":
      return clause("best", c.what.name);
    case "Every":
      return clause("every", [expressionDocument(q, c.count), ` steps${c.of ? ` of ${c.of.name}` : ""}`]);
    case "Hold":
      return clause("hold", c.what.name);
    default:
      return c satisfies never;
  }
}

function startDocument(q: CommentQueue, { references, from, as }: ast.StartItem): Document {
  return [
    "start ",
    align(referencesDocument(q, references)),
    ` from "${from.text}"`,
    as ? ` as ${as.quoted ? `"${as.text}"` : as.text}` : "",
  ];
}

function recordDocument(q: CommentQueue, item: ast.RecordItem): Document {
  return [
    "record ",
    align(referencesDocument(q, item.references)),
    item.every ? [" every ", expressionDocument(q, item.every), " steps"] : "",
    item.task ? [" of task ", expressionDocument(q, item.task)] : "",
  ];
}
