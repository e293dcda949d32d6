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
import type { ItemRule } from "../grammar/rule_names.ts";

/** CST -> AST; never throws. */
export function cstToAst(c: Conversion, node: cst.ProgramCstNode | undefined): Program {
  return {
    items: present((node?.children.item ?? []).map((each) => item(c, each))),
    span: { source: c.source.name, start: 0, end: c.source.text.length },
    comments: c.comments.map((token) => ({ text: token.image.trimEnd(), span: tokenSpan(c, token) })),
  };
}

type Node<R extends ItemRule> = R extends keyof cst.ItemCstNode["children"]
  ? NonNullable<cst.ItemCstNode["children"][R]>[0]
  : never;

/** How each item is read. */
const items: {
  readonly [R in ItemRule]: (
    c: Conversion,
    node: Node<R>,
  ) =>
    | Extract<Item, { readonly kind: { [K in Item["kind"]]: ItemRule<K> extends R ? K : never }[Item["kind"]] }>
    | undefined;
} = {
  editionItem(c, node) {
    const value = numberLiteral(c, first(node.children.Number));
    const span = nodeSpan(c, node);
    return value && { kind: "Edition", value, ...docAbove(c, span.start), span };
  },
  precisionItem(c, node) {
    const value = identifier(c, first(node.children.Name));
    const span = nodeSpan(c, node);
    return value && { kind: "Precision", value, ...docAbove(c, span.start), span };
  },
  memory(c, node) {
    const parts = loops.memoryParts(c, node);
    return parts && { ...parts, ...docAbove(c, parts.span.start) };
  },
  importItem: declarations.importItem,
  inputItem: (c, node) => bindingItem(c, node, "Input"),
  paramItem: (c, node) => bindingItem(c, node, "Param"),
  startItem: loops.startItem,
  letItem: declarations.letItem,
  functionItem: declarations.functionItem,
  dataItem: declarations.dataItem,
  partsItem: declarations.partsItem,
  taskItem: declarations.taskItem,
  modelItem: declarations.modelItem,
  optimizerItem: declarations.optimizerItem,
  loopItem: loops.loopItem,
  overrideItem: loops.overrideItem,
  gradientItem: loops.gradientItem,
  outputItem: loops.outputItem,
  recordItem: loops.recordItem,
};

function item(c: Conversion, { children }: cst.ItemCstNode): Item | undefined {
  const [rule, nodes] = Object.entries(children)[0] ?? [];
  if (rule === undefined) return undefined;
  return (items[rule as ItemRule] as (c: Conversion, node: unknown) => Item | undefined)(c, nodes![0]);
}

function bindingItem<K extends "Input" | "Param">(
  c: Conversion,
  node: cst.InputItemCstNode | cst.ParamItemCstNode,
  kind: K,
): Extract<Item, { readonly kind: K }> | undefined {
  const binding = declarations.binding(c, first(node.children.binding));
  if (binding === undefined) return undefined;
  const span = nodeSpan(c, node);
  return { kind, binding, ...docAbove(c, span.start), span } as Extract<Item, { readonly kind: K }>;
}
