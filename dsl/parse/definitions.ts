// What does a text define that is known to be right? Names stand at the beginnings of lines; what a name stands for is read when it is
// first asked for: of the library a program uses little, and to read all of it takes longer than to read the program.
import type { Item } from "../syntax/ast.ts";
import type { SourceText } from "../text/source.ts";
import { InternalError } from "../../runtime/errors.ts";
import { parseProgram } from "./parse.ts";

/** A definition and the lines of documentation above it. */
const definition = /^(?:\/\/\/.*\n)*(?:fn|model|optimizer) (\w+)/gm;

/** The functions, models and optimizers that a text defines, in its order. */
export function definitionsIn(source: SourceText): { readonly name: string; readonly item: () => Item }[] {
  const found = [...source.text.matchAll(definition)];
  return found.map((match, i) => {
    let item: Item | undefined;
    return { name: match[1]!, item: () => item ??= itemIn(source, match.index, found[i + 1]?.index) };
  });
}

/** The item between two places of a text. */
function itemIn({ name, text }: SourceText, start: number, end?: number): Item {
  // as far into the text as it stands, so that its places are right
  const { program, diagnostics } = parseProgram({ name, text: " ".repeat(start) + text.slice(start, end) });
  const [item] = program.items;
  if (!item || diagnostics.length > 0) throw new InternalError(`${name}: ${diagnostics[0]?.title}`);
  return item;
}
