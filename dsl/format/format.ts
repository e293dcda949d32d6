// How should a program look? One style without options; `meta.ts fmt` writes it.
import type { Program } from "../syntax/ast.ts";
import { commentQueue } from "./format_comments.ts";
import { itemMember } from "./format_items.ts";
import { writeList } from "./format_lines.ts";
import type { SourceText } from "../text/source.ts";

/** The program in the one style: two columns of indentation, clauses and neighbouring equations aligned, parentheses only
 *  where they are needed, at most one empty line, every comment kept, 120 columns. Blocks and members that the author
 *  wrote on one line stay there while they fit. Formatting twice changes nothing more, and the tree stays the same.
 *  For programs without syntax errors; `source` is the text that `program` was parsed from. */
export function formatProgram(program: Program, source: SourceText): string {
  const queue = commentQueue(source.text, program.comments);
  const members = program.items.map((item) => itemMember(queue, item));
  const lines = writeList(queue, members, { indent: 0, from: 0, end: Infinity, keepLines: false });
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
