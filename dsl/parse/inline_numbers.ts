// Are there more numbers in a text than a program should hold? Asked before anything is read, since reading a number of a text
// costs a hundred times what reading it from a file does.
import type { DiagnosticDraft } from "../diagnostics/diagnostic.ts";
import { type Limits, raising, usualLimits } from "../../runtime/limits.ts";
import type { SourceText } from "../text/source.ts";

/** Lists and nested lists of numbers, as long as nothing else stands in them. */
const lists = /\[[-+\d.eE_,\s[\]]*/g;

/** What is said of a text that holds too many numbers; nothing else need be read then. */
export function tooManyNumbers(
  { name, text }: SourceText,
  { numbers, text: most }: Limits = usualLimits,
): DiagnosticDraft | undefined {
  if (text.length <= numbers || text.length > most) return undefined;
  let total = 0;
  let longest = { start: 0, length: 0 };
  for (const { index, 0: { length } } of text.matchAll(lists)) {
    total += length;
    if (length > longest.length) longest = { start: index, length };
  }
  if (total <= numbers) return undefined;
  return {
    code: "M0310",
    title: `The lists of numbers in this text take ${total} characters, and ${numbers} are allowed`,
    at: { source: name, start: longest.start, end: longest.start + 1 },
    label: "the longest list of them",
    notes: [raising("numbers")],
    hint:
      'put them into a file beside the program, `data d from "d.npy" { x : [_, 3] }`, or hand them over from a script',
  };
}
