// How does an expression read on one line? As the formatter writes it, whatever its layout in the file.
import { InternalError } from "../../runtime/errors.ts";
import type { Expression } from "../syntax/ast.ts";
import { flatText } from "../text/document.ts";
import { commentQueue } from "./format_comments.ts";
import { expressionDocument } from "./format_expressions.ts";

/** The text of an expression of `source` on one line. */
export function expressionText(source: string, expression: Expression): string {
  const text = flatText(expressionDocument(commentQueue(source, []), expression));
  if (text === undefined) throw new InternalError("An expression without comments always fits on one line");
  return text;
}
