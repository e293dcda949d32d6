// How do declarations of the CST become items of the AST? A declaration without a name is dropped, one without a value
// has a `Missing` there.
import type { IToken } from "../tokens/chevrotain.ts";
import type * as ast from "../../syntax/ast.ts";
import {
  type Conversion,
  docAbove,
  first,
  identifier,
  isReal,
  nodeSpan,
  numberLiteral,
  present,
  quotedText,
  tokenSpan,
} from "./cst_context.ts";
import type * as cst from "../grammar/cst_types.ts";
import { expression, postfix, range, type } from "./cst_expressions.ts";

/** `name : type = value in low .. high via word` */
export function binding(c: Conversion, node: cst.BindingCstNode | undefined): ast.Binding | undefined {
  const name = identifier(c, first(node?.children.Identifier));
  if (node === undefined || name === undefined) return undefined;
  const { children } = node;
  const span = nodeSpan(c, node);
  const annotation = type(c, first(children.type));
  const value = first(children.bindingValue);
  const interval = range(c, first(children.range));
  const via = identifier(c, first(first(children.via)?.children.Name));
  return {
    kind: "Binding",
    name,
    ...(annotation && { type: annotation }),
    ...(value && {
      how: first(value.children.Tilde) ? "~" as const : "=" as const,
      value: expression(c, first(value.children.expression), span.end),
    }),
    ...(interval && { range: interval }),
    ...(via && { via }),
    ...docAbove(c, span.start),
    span,
  };
}

/** `(units : int, init = glorot())` */
export function formals(c: Conversion, node: cst.FormalsCstNode | undefined): ast.Formal[] {
  return present((node?.children.formal ?? []).map((each) => formal(c, each)));
}

function formal(c: Conversion, node: cst.FormalCstNode): ast.Formal | undefined {
  const name = identifier(c, first(node.children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  const annotation = type(c, first(node.children.type));
  const hasDefault = first(node.children.Equals) !== undefined;
  return {
    name,
    ...(annotation && { type: annotation }),
    ...(hasDefault && { default: expression(c, first(node.children.expression), span.end) }),
    span,
  };
}

/** `let y = 3.5 * x` */
export function letItem(c: Conversion, node: cst.LetItemCstNode): ast.LetItem | undefined {
  const name = identifier(c, first(node.children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  const value = expression(c, first(node.children.expression), span.end);
  return { kind: "Let", name, value, ...docAbove(c, span.start), span };
}

/** `fn sq(a) = a * a` */
export function functionItem(c: Conversion, node: cst.FunctionItemCstNode): ast.FunctionItem | undefined {
  const name = identifier(c, first(node.children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  return {
    kind: "Function",
    name,
    formals: formals(c, first(node.children.formals)),
    body: expression(c, first(node.children.expression), span.end),
    ...docAbove(c, span.start),
    span,
  };
}

/** `import dense, relu from "./layers.meta"` */
export function importItem(c: Conversion, node: cst.ImportItemCstNode): ast.ImportItem | undefined {
  const from = quotedText(c, first(node.children.String));
  if (from === undefined) return undefined;
  const span = nodeSpan(c, node);
  const names = present((node.children.Name ?? []).map((token) => identifier(c, token)));
  return { kind: "Import", names, from, ...docAbove(c, span.start), span };
}

/** `data d from "d.csv" { … }` */
export function dataItem(c: Conversion, node: cst.DataItemCstNode): ast.DataItem | undefined {
  const name = identifier(c, first(node.children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  const from = quotedText(c, first(node.children.String));
  const fields = present((node.children.dataField ?? []).map((each) => dataField(c, each)));
  const children = first(node.children.wherePart)?.children;
  const of = children && identifier(c, first(children.Name));
  const where = children && expression(c, first(children.expression), span.end);
  return {
    kind: "Data",
    name,
    ...(from && { from }),
    fields,
    ...(of && where && { part: { of, where } }),
    ...docAbove(c, span.start),
    span,
  };
}

/** `split glyphs by script into train 0.8, test 0.2` */
export function partsItem(c: Conversion, node: cst.PartsItemCstNode): ast.PartsItem | undefined {
  const { children } = node;
  const of = identifier(c, first(children.Name));
  if (of === undefined) return undefined;
  const span = nodeSpan(c, node);
  const by = identifier(c, first(children.field));
  const parts = present((children.share ?? []).map((each): ast.PartsItem["parts"][number] | undefined => {
    const name = identifier(c, first(each.children.Name));
    const own = nodeSpan(c, each);
    const share = expression(c, first(each.children.expression), own.end);
    return name && { kind: "Data", name, fields: [], part: { of, share }, span: own };
  }));
  const evenly = first(children.Evenly) !== undefined;
  return { kind: "Parts", of, evenly, ...(by && { by }), parts, ...docAbove(c, span.start), span };
}

function dataField(c: Conversion, node: cst.DataFieldCstNode): ast.DataField | undefined {
  const { children } = node;
  const field = binding(c, first(children.binding));
  if (field === undefined) return undefined;
  const from = first(children.columns)?.children;
  const ranges = present((from?.columnRange ?? []).map((range) => columnRange(c, range)));
  const word = first(from?.Name);
  const file = word?.image === "file" ? quotedText(c, first(from?.String)) : undefined;
  const folder = word?.image === "folder" ? folderRange(c, first(from?.folders)) : undefined;
  if (word && !file && !folder) reportSource(c, word);
  const missing = children.expression && expression(c, first(children.expression), field.span.end);
  const resized = identifier(c, first(children.Resized));
  return {
    ...field,
    span: nodeSpan(c, node),
    ...(ranges.length > 0 && { columns: ranges }),
    ...(file && { file }),
    ...(folder && { folder }),
    ...(missing && { missing }),
    ...(resized && { resized }),
  };
}

/** `from folders 2`, `from files "a.npy"`, `from folder "a"` */
function reportSource(c: Conversion, word: IToken): void {
  c.report({
    code: "M0102",
    title: word.image === "folder"
      ? "Folders are named by the number of their `*`"
      : `\`${word.image}\` is nothing that a field is read from`,
    at: tokenSpan(c, word),
    hint:
      'write `from file "labels.npy"` for a file of its own, `from folder 2` for the folders at the second `*`, or the names of columns: `from "a", "b"`',
  });
}

/** `2`, `1 .. 2` */
function folderRange(c: Conversion, node: cst.FoldersCstNode | undefined): ast.FolderRange | undefined {
  const [from, to] = (node?.children.Number ?? []).map((token) => numberLiteral(c, token));
  if (node === undefined || from === undefined) return undefined;
  return { first: from, ...(to && { last: to }), span: nodeSpan(c, node) };
}

function columnRange(c: Conversion, { children }: cst.ColumnRangeCstNode): ast.ColumnRange | undefined {
  const [from, to] = (children.String ?? []).map((token) => quotedText(c, token));
  if (from === undefined) return undefined;
  return { first: from, ...(to && { last: to }) };
}

/** `task sinusoid { … }`, `task episode(pool : data, ways : int = 5) { … }` */
export function taskItem(c: Conversion, node: cst.TaskItemCstNode): ast.TaskItem | undefined {
  const name = identifier(c, first(node.children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  const members = present((node.children.taskMember ?? []).map((member): ast.TaskMember | undefined => {
    const [split, classes] = [first(member.children.split), first(member.children.classes)];
    if (classes) return classesMember(c, classes);
    return split ? splitMember(c, split) : definition(c, member.children);
  }));
  const list = first(node.children.formals);
  return { kind: "Task", name, ...(list && { formals: formals(c, list) }), members, ...docAbove(c, span.start), span };
}

function splitMember(c: Conversion, node: cst.SplitCstNode): ast.SplitMember | undefined {
  const name = identifier(c, first(node.children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  const members = present((node.children.splitMember ?? []).map(({ children }) => {
    const rows = first(children.rows);
    return rows ? rowsMember(c, rows) : definition(c, children);
  }));
  return { kind: "Split", name, members, ...docAbove(c, span.start), span };
}

function classesMember(c: Conversion, node: cst.ClassesCstNode): ast.ClassesMember | undefined {
  const by = identifier(c, first(node.children.Name));
  if (by === undefined) return undefined;
  const span = nodeSpan(c, node);
  const count = expression(c, first(node.children.expression), span.end);
  const of = postfix(c, first(node.children.postfix), span.end);
  return { kind: "Classes", count, of, by, ...docAbove(c, span.start), span };
}

function rowsMember(c: Conversion, node: cst.RowsCstNode): ast.RowsMember {
  const span = nodeSpan(c, node);
  const count = expression(c, first(node.children.expression), span.end);
  const of = postfix(c, first(node.children.postfix), span.end);
  return { kind: "Rows", count, of, ...docAbove(c, span.start), span };
}

function definition(
  c: Conversion,
  children: Omit<cst.SplitMemberCstNode["children"], "rows">,
): ast.Binding | ast.FunctionItem | ast.LetItem | undefined {
  const [fn, value] = [first(children.functionItem), first(children.letItem)];
  if (fn) return functionItem(c, fn);
  if (value) return letItem(c, value);
  return binding(c, first(children.binding));
}

/** `{ mean = m, spread = s }` */
function results(c: Conversion, node: cst.ResultsCstNode | undefined): ast.ResultsExpression | undefined {
  if (node === undefined) return undefined;
  const span = nodeSpan(c, node);
  const entries = present((node.children.resultEntry ?? []).map((entry) => {
    const name = identifier(c, first(entry.children.Name));
    return name && { name, value: expression(c, first(entry.children.expression), nodeSpan(c, entry).end) };
  }));
  return { kind: "Results", entries, span };
}

/** `model mlp(x : [n, 1]) -> [n, 1] { … }` */
export function modelItem(c: Conversion, node: cst.ModelItemCstNode): ast.ModelItem | undefined {
  const { children } = node;
  const name = identifier(c, first(children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  const [head, second] = children.formals ?? [];
  const result = type(c, first(children.type));
  const members = present((children.modelMember ?? []).map((member): ast.ModelMember | undefined => {
    const [use, value] = [first(member.children.use), first(member.children.letItem)];
    if (use) return useMember(c, use);
    const [draw, scan] = [first(member.children.draw), first(member.children.scan)];
    if (draw) return drawMember(c, draw);
    if (scan) return scanMember(c, scan);
    const [state, other] = [first(member.children.state), first(member.children.binding)];
    if (state) return stateMember(c, state);
    if (other && first(other.children.Prime)) return nextMember(c, other);
    return value ? letItem(c, value) : binding(c, other);
  }));
  return {
    kind: "Model",
    name,
    ...(second && { sizes: formals(c, head) }),
    formals: formals(c, second ?? head),
    ...(result && { result }),
    members,
    body: results(c, first(children.results)) ?? expression(c, first(children.expression), span.end),
    ...docAbove(c, span.start),
    span,
  };
}

function useMember(c: Conversion, node: cst.UseCstNode): ast.UseMember | undefined {
  const name = identifier(c, first(node.children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  const value = expression(c, first(node.children.expression), span.end);
  return { kind: "Use", name, value, ...docAbove(c, span.start), span };
}

function drawMember(c: Conversion, node: cst.DrawCstNode): ast.DrawMember | undefined {
  const name = identifier(c, first(node.children.Identifier));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  const annotation = type(c, first(node.children.type));
  const value = expression(c, first(node.children.expression), span.end);
  return { kind: "Draw", name, ...(annotation && { type: annotation }), value, ...docAbove(c, span.start), span };
}

function scanMember(c: Conversion, node: cst.ScanCstNode): ast.ScanMember | undefined {
  const { children } = node;
  const [name, variable] = (children.Name ?? []).map((token) => identifier(c, token));
  if (name === undefined || variable === undefined) return undefined;
  const span = nodeSpan(c, node);
  const [over, to] = children.expression ?? [];
  return {
    kind: "Scan",
    name,
    variable,
    over: expression(c, over, span.end),
    ...(first(children.DotDot) && { to: expression(c, to, span.end) }),
    members: stepMembers(c, children.stepMember),
    ...docAbove(c, span.start),
    span,
  };
}

/** `optimizer sgd(lr) { … }` */
export function optimizerItem(c: Conversion, node: cst.OptimizerItemCstNode): ast.OptimizerItem | undefined {
  const name = identifier(c, first(node.children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  return {
    kind: "Optimizer",
    name,
    formals: formals(c, first(node.children.formals)),
    members: stepMembers(c, node.children.stepMember),
    ...docAbove(c, span.start),
    span,
  };
}

function stepMembers(c: Conversion, nodes: readonly cst.StepMemberCstNode[] | undefined): ast.StepMember[] {
  return present((nodes ?? []).map(({ children }): ast.StepMember | undefined => {
    const [state, value, next] = [first(children.state), first(children.letItem), first(children.next)];
    if (state) return stateMember(c, state);
    return value ? letItem(c, value) : next && nextMember(c, next);
  }));
}

function stateMember(c: Conversion, node: cst.StateCstNode): ast.StateMember | undefined {
  const name = identifier(c, first(node.children.Name));
  if (name === undefined) return undefined;
  const span = nodeSpan(c, node);
  const annotation = type(c, first(node.children.type));
  const value = expression(c, first(node.children.expression), span.end);
  return { kind: "State", name, ...(annotation && { type: annotation }), value, span };
}

function nextMember(c: Conversion, node: cst.NextCstNode | cst.BindingCstNode): ast.NextMember | undefined {
  const name = identifier(c, first(node.children.Identifier));
  if (name === undefined || !isReal(first(node.children.Prime))) return undefined;
  const span = nodeSpan(c, node);
  return { kind: "Next", name, value: expression(c, first(node.children.expression), span.end), span };
}
