// How does the concrete syntax tree become the abstract one? Spans, documentation and names as plain data; total on
// trees with holes, as it runs after recovery too. The parts are in `cst_expressions.ts`, `cst_declarations.ts` and
// `cst_loops.ts`.
import type { Item, Program } from "../../syntax/ast.ts";
import {
  type Conversion,
  docAbove,
  first,
  identifier,
  nodeSpan,
  numberLiteral,
  present,
  tokenSpan,
} from "./cst_context.ts";
import * as declarations from "./cst_declarations.ts";
import * as loops from "./cst_loops.ts";
import type * as cst from "../grammar/cst_types.ts";

/** CST -> AST; never throws. */
export function cstToAst(c: Conversion, node: cst.ProgramCstNode | undefined): Program {
  return {
    items: present((node?.children.item ?? []).map((each) => item(c, each))),
    span: { source: c.source.name, start: 0, end: c.source.text.length },
    comments: c.comments.map((token) => ({ text: token.image.trimEnd(), span: tokenSpan(c, token) })),
  };
}

function item(c: Conversion, { children }: cst.ItemCstNode): Item | undefined {
  const binding = first(children.inputItem) ?? first(children.paramItem);
  if (binding) return bindingItem(c, binding);
  const letItem = first(children.letItem);
  if (letItem) return declarations.letItem(c, letItem);
  const functionItem = first(children.functionItem);
  if (functionItem) return declarations.functionItem(c, functionItem);
  const dataItem = first(children.dataItem);
  if (dataItem) return declarations.dataItem(c, dataItem);
  const taskItem = first(children.taskItem);
  if (taskItem) return declarations.taskItem(c, taskItem);
  const modelItem = first(children.modelItem);
  if (modelItem) return declarations.modelItem(c, modelItem);
  const optimizerItem = first(children.optimizerItem);
  if (optimizerItem) return declarations.optimizerItem(c, optimizerItem);
  const loopItem = first(children.loopItem);
  if (loopItem) return loops.loopItem(c, loopItem);
  const overrideItem = first(children.overrideItem);
  if (overrideItem) return loops.overrideItem(c, overrideItem);
  const gradientItem = first(children.gradientItem);
  if (gradientItem) return loops.gradientItem(c, gradientItem);
  const recordItem = first(children.recordItem);
  if (recordItem) return loops.recordItem(c, recordItem);
  return headItem(c, children);
}

function bindingItem(c: Conversion, node: cst.InputItemCstNode | cst.ParamItemCstNode): Item | undefined {
  const binding = declarations.binding(c, first(node.children.binding));
  if (binding === undefined) return undefined;
  const span = nodeSpan(c, node);
  return { kind: node.name === "inputItem" ? "Input" : "Param", binding, ...docAbove(c, span.start), span };
}

/** The items of the head of a file: edition, precision, memory, import. */
function headItem(c: Conversion, children: cst.ItemCstChildren): Item | undefined {
  const edition = first(children.editionItem);
  if (edition) {
    const value = numberLiteral(c, first(edition.children.Number));
    const span = nodeSpan(c, edition);
    return value && { kind: "Edition", value, ...docAbove(c, span.start), span };
  }
  const precision = first(children.precisionItem);
  if (precision) {
    const value = identifier(c, first(precision.children.Name));
    const span = nodeSpan(c, precision);
    return value && { kind: "Precision", value, ...docAbove(c, span.start), span };
  }
  const memory = first(children.memory);
  if (memory) {
    const parts = loops.memoryParts(c, memory);
    return parts && { ...parts, ...docAbove(c, parts.span.start) };
  }
  const imported = first(children.importItem);
  return imported && declarations.importItem(c, imported);
}
