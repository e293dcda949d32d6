// Which words mean something to the grammar, and where? Read by the lexer, by error messages and by editors' grammars.
import type { Clause, Item } from "./ast.ts";

/** What a keyword begins or joins. */
export type KeywordRole = "item" | "member" | "clause" | "link";

/** A word of the grammar. */
export interface Keyword {
  readonly word: string;
  readonly role: KeywordRole;
  /** A reserved word is a name only after a dot; every other word is a name wherever the grammar has no other use for it. */
  readonly reserved: boolean;
}

function words(role: KeywordRole, reserved: boolean, list: readonly string[] | string): readonly Keyword[] {
  return (typeof list === "string" ? list.split(" ") : list).map((word) => ({ word, role, reserved }));
}

/** The word that each item begins with, whether it is reserved, and for a block what may follow its name. */
const itemWords: Readonly<Record<Item["kind"], readonly [word: string, reserved: boolean, opens?: readonly string[]]>> =
  {
    Import: ["import", true],
    Let: ["let", true],
    Function: ["fn", true],
    Edition: ["edition", false],
    Precision: ["precision", false],
    Memory: ["memory", false],
    Input: ["input", false],
    Data: ["data", false, ["{", "from"]],
    Parts: ["split", false],
    Task: ["task", false, ["{", "("]],
    Model: ["model", false, ["("]],
    Param: ["param", false],
    Start: ["start", false],
    Inner: ["inner", false, ["{"]],
    Override: ["override", false, ["{"]],
    Optimizer: ["optimizer", false, ["("]],
    Outer: ["outer", false, ["{", "after"]],
    Gradient: ["gradient", false],
    Evaluate: ["evaluate", false, ["{", "after"]],
    Output: ["output", false],
    Record: ["record", false],
  };

type LoopWord = "inner" | "outer" | "evaluate";

/** The words that each clause begins with, whether they are reserved, and the loops that can have it; in the order in which clauses are
 *  written. */
const clauseWords: Readonly<
  Record<Clause["kind"], readonly [words: readonly string[], reserved: boolean, loops: readonly LoopWord[]]>
> = {
  Minimize: [["minimize", "maximize"], true, ["inner", "outer"]],
  Across: [["across"], true, ["outer", "evaluate"]],
  Over: [["over"], true, ["inner", "outer"]],
  By: [["by"], true, ["inner", "outer"]],
  For: [["for"], true, ["inner", "outer", "evaluate"]],
  Until: [["until"], false, ["inner", "outer"]],
  Keep: [["keep"], false, ["outer"]],
  Skip: [["skip"], false, ["outer", "evaluate"]],
  Batch: [["batch"], false, ["inner", "outer"]],
  Clip: [["clip"], false, ["inner", "outer"]],
  Through: [["through"], true, ["inner", "outer"]],
  From: [["from"], false, ["inner"]],
  // an item
  Memory: [[], false, []],
  Report: [["report"], false, ["evaluate"]],
  Best: [["best"], false, ["evaluate"]],
  Every: [["every"], false, ["evaluate"]],
  Hold: [["hold"], false, ["evaluate"]],
};

const everyItem = Object.values(itemWords);
const everyClause = Object.values(clauseWords);
const ofItems = (reserved: boolean) => everyItem.filter(([_word, own]) => own === reserved).map(([word]) => word);
const ofClauses = (reserved: boolean) =>
  everyClause.filter(([_words, own]) => own === reserved).flatMap(([words]) => words);

/** Every keyword. The reserved ones are those that may follow an expression or whose absence would make a forgotten
 *  value swallow the next line; words that researchers use as names (`data`, `batch`, `step`, `inner`) stay free. */
export const keywords: readonly Keyword[] = [
  ...words("item", true, ofItems(true)),
  ...words("item", false, ofItems(false)),
  ...words("member", true, "return"),
  ...words("member", false, "classes use state draw scan"),
  ...words("clause", true, [...ofClauses(true), "wrt"]),
  ...words("clause", false, [...ofClauses(false), "after", "expect"]),
  ...words("link", true, "in via per within"),
  ...words("link", false, "at of step steps fixed missing as has with each where into evenly resized"),
];

const byWord: ReadonlyMap<string, Keyword> = new Map(keywords.map((keyword) => [keyword.word, keyword]));

/** The keyword with this spelling, if there is one. */
export function keywordOf(word: string): Keyword | undefined {
  return byWord.get(word);
}

const clausesIn = (loop: LoopWord) =>
  everyClause.filter(([_words, _reserved, loops]) => loops.includes(loop)).flatMap(([words]) => words);

/** Which clauses each loop can have, in the order in which they are written. */
export const clausesOf: Readonly<Record<LoopWord, readonly string[]>> = {
  inner: clausesIn("inner"),
  outer: clausesIn("outer"),
  evaluate: clausesIn("evaluate"),
};

/** What follows the keyword and the name of a block. No expression goes on so: a name, a name, and one of these. */
export const blockOpeners: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...everyItem.flatMap(([word, _reserved, opens]) => opens ? [[word, opens] as const] : []),
  ["split", ["{"]],
  ["scan", ["over"]],
]);
