// How do lines reach people while something goes on? One after the other; on a terminal an unfinished one is rewritten in place.
import { wrapText } from "../dsl/text/wrap.ts";
import type { Console } from "./console.ts";

/** Where lines of progress are written. */
export interface LinesToPeople {
  /** Cells of a line that can be rewritten: one that wraps could not be. */
  width(): number;
  /** A line that stays. */
  note(text: string): void;
  /** A line that the next one takes the place of; where nothing can be rewritten it stays. */
  rewrite(line: string): void;
  /** Takes the unfinished line away. */
  clear(): void;
}

/** Lines on the error stream. */
export function linesToPeople(console: Console): LinesToPeople {
  const { errTerminal } = console;
  let unfinished = false;
  const clear = () => {
    if (unfinished) console.err("\r\u001b[K");
    unfinished = false;
  };
  const note = (text: string) => {
    clear();
    console.err(`${errTerminal ? wrapText(text, console.width(), 2).join("\n") : text}\n`);
  };
  return {
    width: () => errTerminal ? console.width() - 1 : Infinity,
    note,
    rewrite(line) {
      if (!errTerminal) return note(line);
      console.err(`\r\u001b[K${line}`);
      unfinished = true;
    },
    clear,
  };
}
