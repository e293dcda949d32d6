// What do the trees look like? Text for `--emit cst` and `--emit ast`: nested lists that stay on a line while they fit.
import type * as ast from "../syntax/ast.ts";
import { type Document, group, indent, join, layOut, line, newline } from "../text/document.ts";
import { type CstElement, type CstNode, EOF } from "./tokens/chevrotain.ts";

const width = 100;

/** The concrete syntax tree: `(rule "token" (rule …) …)` in the order of the text; `!` marks a rule that recovery left
 *  unfinished, `?` a token that it made up. */
export function printCst(cst: CstNode | undefined): string {
  if (cst === undefined) return "()\n";
  return `${layOut("", cstDocument(cst), { indent: 0, width })}\n`;
}

function cstDocument(node: CstNode): Document {
  const elements = Object.values(node.children).flat()
    .filter((element) => "children" in element || element.tokenType !== EOF)
    .sort((a, b) => startOf(a) < startOf(b) ? -1 : 1);
  const parts = elements.map((element): Document => {
    if ("children" in element) return cstDocument(element);
    return element.isInsertedInRecovery ? `?${element.tokenType.name}` : JSON.stringify(element.image);
  });
  return list(node.recoveredNode ? `${node.name}!` : node.name, parts);
}

function startOf(element: CstElement): number {
  const start = "children" in element ? element.location?.startOffset : element.startOffset;
  // What recovery made up stands nowhere: it comes last.
  return start === undefined || start < 0 ? Infinity : start;
}

/** The abstract syntax tree: `(Kind name field: value …)`; expressions are written with their operators first. */
export function printAst(program: ast.Program): string {
  const items = program.items.map((item) => layOut("", fieldsDocument(item), { indent: 0, width }));
  return items.map((item) => `${item}\n`).join("");
}

function list(head: Document, parts: readonly Document[]): Document {
  return group(["(", head, indent(parts.map((part) => [line, part])), ")"]);
}

/** Fields that say nothing about the program. */
const silent: ReadonlySet<string> = new Set(["kind", "span"]);

function fieldsDocument(node: object): Document {
  const fields = Object.entries(node)
    .filter(([key, value]) => !silent.has(key) && value !== undefined && value !== false)
    // An empty list says nothing, but for `[]`, the type of a scalar.
    .filter(([key, value]) => !Array.isArray(value) || value.length > 0 || key === "sizes")
    .map(([key, value]): Document => key === "name" ? valueDocument(value) : [`${key}: `, valueDocument(value)]);
  const [first = "", ...others] = fields;
  return "kind" in node ? list(String(node.kind), fields) : list(first, others);
}

function valueDocument(value: unknown): Document {
  if (Array.isArray(value)) return arrayDocument(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isIdentifier(value)) return value.name;
  return isExpression(value) ? expressionDocument(value) : fieldsDocument(value);
}

/** Names and expressions side by side, anything larger on lines of its own. */
function arrayDocument(values: readonly unknown[]): Document {
  const parts = values.map((value) => valueDocument(value));
  if (!values.every((value) => isExpression(value) || isIdentifier(value))) {
    return indent(parts.map((part) => [newline, part]));
  }
  return group(["[", indent(join(parts, line)), "]"]);
}

function isIdentifier(value: unknown): value is ast.Identifier {
  return typeof value === "object" && value !== null && "name" in value && typeof value.name === "string" &&
    Object.keys(value).length === 2;
}

const expressionKinds: ReadonlySet<string> = new Set(
  ["Number", "Name", "Member", "Time", "Call", "Index", "List", "Unary", "Binary", "Pipe", "Missing"],
);

function isExpression(value: unknown): value is ast.Expression {
  return typeof value === "object" && value !== null && "kind" in value && expressionKinds.has(String(value.kind));
}

function expressionDocument(e: ast.Expression): Document {
  switch (e.kind) {
    case "Number":
      return e.text;
    case "Name":
      return e.primed ? `${e.name}'` : e.name;
    case "Member":
      return list(".", [expressionDocument(e.object), e.member.name]);
    case "Time":
      return list("@", [expressionDocument(e.object), e.time === "all" ? "*" : expressionDocument(e.time)]);
    case "Call":
      return list("call", [
        expressionDocument(e.callee),
        ...e.args.map(({ name, value }): Document =>
          name ? [`${name.name}=`, expressionDocument(value)] : expressionDocument(value)
        ),
        ...(e.comprehension ? [comprehensionDocument(e.comprehension)] : []),
      ]);
    case "Index":
      return list("index", [
        expressionDocument(e.object),
        ...e.indices.map((each) =>
          each.kind === "Slice"
            ? list("slice", [expressionDocument(each.low), expressionDocument(each.high)])
            : expressionDocument(each)
        ),
      ]);
    case "List":
      return list("list", e.items.map((each) => expressionDocument(each)));
    case "Unary":
      return list("-", [expressionDocument(e.operand)]);
    case "Binary":
      return list(e.op, [expressionDocument(e.left), expressionDocument(e.right)]);
    case "Pipe":
      return list("|>", [expressionDocument(e.value), expressionDocument(e.target)]);
    case "Results":
      return list(
        "results",
        e.entries.map(({ name, value }): Document => [`${name.name}=`, expressionDocument(value)]),
      );
    case "Missing":
      return "?";
  }
}

function comprehensionDocument({ variable, from, to }: ast.Comprehension): Document {
  return list("for", [variable.name, expressionDocument(from), expressionDocument(to)]);
}
