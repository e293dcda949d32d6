// Are there more numbers in a text than a program should hold? Asked before anything is read, since reading a number of a text
// costs a hundred times what reading it from a file does.
import type { DiagnosticDraft } from "./diagnostic.ts";
import type { SourceText } from "./source.ts";

/** Characters of a text that lists of numbers may take. */
export const maxInlineCharacters = 2_000_000;

/** Lists and nested lists of numbers, as long as nothing else stands in them. */
const lists = /\[[-+\d.eE_,\s[\]]*/g;

/** What is said of a text that holds too many numbers; nothing else need be read then. */
export function tooManyNumbers({ name, text }: SourceText): DiagnosticDraft | undefined {
  if (text.length <= maxInlineCharacters) return undefined;
  let total = 0;
  let longest = { start: 0, length: 0 };
  for (const { index, 0: { length } } of text.matchAll(lists)) {
    total += length;
    if (length > longest.length) longest = { start: index, length };
  }
  if (total <= maxInlineCharacters) return undefined;
  return {
    code: "M0310",
    title: `The numbers in this text take ${(total / 1e6).toFixed(1)} MB, and at most ${
      maxInlineCharacters / 1e6
    } MB are read`,
    at: { source: name, start: longest.start, end: longest.start + 1 },
    label: "the longest list of them",
    hint:
      'put them into a file beside the program, `data d from "d.npy" { x : [_, 3] }`, or hand them over from a script',
  };
}
