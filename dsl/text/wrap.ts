// How does prose stand in a terminal of a given width? Broken between words, the lines after the first one further in; what is one word
// stays whole, however long.
import { displayWidth } from "./display_width.ts";

/** Lines of at most `cells` cells where words allow, all but the first behind `indent` spaces. */
export function wrapText(text: string, cells: number, indent = 0): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line.trim() !== "" && displayWidth(longer) > cells) {
      lines.push(line);
      line = " ".repeat(indent) + word;
    } else line = longer;
  }
  return [...lines, line];
}

/** A table of two columns, the right one wrapped beside the left. */
export function wrapTable(rows: readonly (readonly [left: string, right: string])[], cells: number): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 4;
  return rows.flatMap(([left, right]) => {
    const beside = wrapText(right, Math.max(cells - width, 24));
    return beside.map((line, i) => `  ${(i === 0 ? left : "").padEnd(width - 2)}${line}`.trimEnd());
  });
}
