// Which items could not be read whole? The text from where one item begins to where the next does is one stretch: a mistake of syntax
// tears the stretch that it stands in, and nothing else. What is torn is shown and formatted, and not checked.
import type { Item } from "../syntax/ast.ts";
import type { IToken } from "./tokens/chevrotain.ts";

/** What could not be read whole. */
export interface Torn {
  readonly items: ReadonlySet<Item>;
  /** The words of the torn stretches: any of them may be meant to be defined there. */
  readonly words: ReadonlySet<string>;
  /** A definition has lost its name, which may be any. */
  readonly nameless: boolean;
}

const wordsOf = (text: string): readonly string[] => text.match(/[A-Za-z_]\w*/g) ?? [];

/** The beginning of a definition without a name after it (what follows `data from` is a file, and `outer after` another outer); and an import, as the splits of a task come with it, and
 *  a split of a table, as each of its parts is a name. */
const nameless =
  /^\s*import\b|^\s*split\b(?!\s+\w+\s*\{)|^\s*(let|fn|param|input|data|task|model|optimizer|inner|outer)\b(?!\.|\s+(?!(?:from|after)\b)[A-Za-z_])|\bsplit\s*\{/m;

/** The stretches of a text, by number; number 0 is what stands before the first item. */
export class Stretches {
  readonly #text: string;
  readonly #written: readonly IToken[];
  readonly #starts: readonly number[];
  readonly #torn = new Set<number>();
  readonly #places: number[] = [];

  /** `written`: every token. `starts`: where items begin. */
  constructor(text: string, written: readonly IToken[], starts: readonly number[]) {
    this.#text = text;
    this.#written = written;
    this.#starts = starts;
  }

  /** The stretch that a place is in. */
  #of(place: number): number {
    return this.#starts.findLastIndex((start) => start <= place) + 1;
  }

  isTorn(place: number): boolean {
    return this.#torn.size > 0 && this.#torn.has(this.#of(place));
  }

  /** A mistake stands there. */
  tear(place: number): void {
    this.#torn.add(this.#of(place));
    this.#places.push(place);
  }

  /** The parser met what it did not want: at the beginning of an item that is the end of the one before. */
  tearBefore(place: number): void {
    this.tear(this.#starts.includes(place) ? place - 1 : place);
  }

  /** What is torn of the items that were read; undefined when nothing is. */
  torn(items: readonly Item[]): Torn | undefined {
    if (this.#torn.size === 0) return undefined;
    const source = wordsAndSigns(this.#text, this.#written);
    const found = new Set<Item>();
    const wholeUpTo = new Map<number, number>();
    // where braces are not closed, a `let` or a `fn` may be part of what stands before
    let [whole, sinceOther] = [0, 0];
    let read = 0;
    for (const item of items) {
      const depth = braces(source.slice(read, item.span.start));
      [whole, sinceOther, read] = [whole + depth, sinceOther + depth, item.span.start];
      const inside = (item.kind === "Let" || item.kind === "Function") && whole !== 0 && sinceOther !== 0;
      if (inside) this.tear(item.span.start);
      // an import ends where it ends: what follows is no part of it
      const isWhole = item.kind === "Import" &&
        !this.#places.some((place) => place >= item.span.start && place < item.span.end);
      if (isWhole) wholeUpTo.set(item.span.start, item.span.end);
      else if (this.isTorn(item.span.start)) found.add(item);
      else if (item.kind !== "Let" && item.kind !== "Function") sinceOther = 0;
    }
    const text = [...this.#torn].map((n) => {
      const start = this.#starts[n - 1] ?? 0;
      return source.slice(wholeUpTo.get(start) ?? start, this.#starts[n]);
    }).join("\n");
    // of a loop whose hyperparameters are not known nothing can be said
    const overrides = [...text.matchAll(/\boverride\b([^{]*)/g)].map(([, head]) => wordsOf(head!));
    const words = new Set(wordsOf(text));
    for (const item of items) {
      if (item.kind !== "Inner" && item.kind !== "Outer") continue;
      if (!overrides.some((names) => names.length === 0 || names.includes(item.name.name))) continue;
      found.add(item);
      for (const word of wordsOf(source.slice(item.span.start, item.span.end))) words.add(word);
    }
    return { items: found, words, nameless: nameless.test(text) };
  }
}

/** A text with its words and signs only: blanks where no token is, and in numbers and in closed quotes, so that places stay. */
function wordsAndSigns(text: string, written: readonly IToken[]): string {
  let found = "";
  for (const { startOffset, endOffset } of written) {
    const token = text.slice(startOffset, endOffset! + 1);
    found += text.slice(found.length, startOffset).replaceAll(/./g, " ");
    found += /^(\d|".*"$)/.test(token) ? token[0]!.padEnd(token.length) : token;
  }
  return found;
}

/** How many more braces a text opens than it closes. */
function braces(text: string): number {
  return text.split("{").length - text.split("}").length;
}
