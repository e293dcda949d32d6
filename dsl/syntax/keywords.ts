// Which words mean something to the grammar, and where? Read by the lexer, by error messages and by editors' grammars.
/** What a keyword begins or joins. */
export type KeywordRole = "item" | "member" | "clause" | "link";

/** A word of the grammar. */
export interface Keyword {
  readonly word: string;
  readonly role: KeywordRole;
  /** A reserved word is a name only after a dot; every other word is a name wherever the grammar has no other use for it. */
  readonly reserved: boolean;
}

function words(role: KeywordRole, reserved: boolean, list: string): readonly Keyword[] {
  return list.split(" ").map((word) => ({ word, role, reserved }));
}

/** Every keyword. The reserved ones are those that may follow an expression or whose absence would make a forgotten
 *  value swallow the next line; words that researchers use as names (`data`, `batch`, `step`, `inner`) stay free. */
export const keywords: readonly Keyword[] = [
  ...words("item", true, "import let fn"),
  ...words("item", false, "edition precision memory input data task model param inner override optimizer outer"),
  ...words("item", false, "gradient evaluate record"),
  ...words("member", true, "return"),
  ...words("member", false, "split use state draw scan"),
  ...words("clause", true, "minimize maximize over by for through across wrt"),
  ...words("clause", false, "batch clip from report every hold after expect"),
  ...words("link", true, "in via per within"),
  ...words("link", false, "at of step steps fixed missing"),
];

const byWord: ReadonlyMap<string, Keyword> = new Map(keywords.map((keyword) => [keyword.word, keyword]));

/** The keyword with this spelling, if there is one. */
export function keywordOf(word: string): Keyword | undefined {
  return byWord.get(word);
}

const training = ["minimize", "maximize", "over", "by", "for", "batch", "clip", "through"];

/** Which clauses each loop can have, in the order in which they are written. */
export const clausesOf: Readonly<Record<"inner" | "outer" | "evaluate", readonly string[]>> = {
  inner: [...training, "from"],
  outer: [...training.slice(0, 2), "across", ...training.slice(2)],
  evaluate: ["across", "for", "report", "every", "hold"],
};

/** What follows the keyword and the name of a block. No expression goes on so: a name, a name, and one of these. */
export const blockOpeners: ReadonlyMap<string, readonly string[]> = new Map(Object.entries({
  data: ["{", "from"],
  task: ["{"],
  model: ["("],
  inner: ["{"],
  override: ["{"],
  optimizer: ["("],
  outer: ["{"],
  evaluate: ["{"],
  split: ["{"],
  scan: ["over"],
}));
