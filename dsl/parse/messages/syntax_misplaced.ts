// What is said where a right word stands in a place or form that another grammar gives it? `w[3] = 0`, `over (w, v)`, `gradient(E, w)`:
// each is known by the tokens around the failure.
import { type Description, type Failure, spanOf } from "./syntax_failure.ts";
import { between, closing, isNumber, isWord } from "./syntax_words.ts";
import * as t from "../tokens/tokens.ts";
import type { IToken } from "../tokens/chevrotain.ts";

/** The tokens around a failure: two before it, what was found, and the next one. */
interface Around {
  readonly before: IToken | undefined;
  readonly previous: IToken | undefined;
  readonly found: IToken;
  readonly next: IToken | undefined;
  readonly say: (title: string, hint: string) => Description;
}

type Row = (f: Failure, around: Around) => Description | undefined;

/** The tables, as describers. */
export const misplaced: readonly ((f: Failure) => Description | undefined)[] = [declarations, clauses, items].map(
  (table) => (f) => {
    const [before, previous, found, next] = [-2, -1, 0, 1].map((i) => f.tokens[f.index + i]);
    if (found === undefined) return undefined;
    const say = (title: string, hint: string) => ({ title, at: spanOf(f.source, found), hint });
    return table(f, { before, previous, found, next, say });
  },
);

/** Types, sizes and files of what is declared. */
function declarations(f: Failure, { previous, found, say }: Around): ReturnType<Row> {
  if (previous?.image === "]" && ["float", "int", "bool"].includes(found.image)) {
    return say("The type of the entries comes before their sizes", `write \`${found.image} [2, 3]\``);
  }
  if (f.rule === "binding" && found.image === "[" && previous) {
    const sizes = between(f, f.index, closing(f, f.index) + 1);
    return say("Sizes come after `:`", `write \`${previous.image} : ${sizes} = …\``);
  }
  if (f.rule === "binding" && found.image === "{" && previous && f.around.includes("taskItem")) {
    return say("The splits of a task begin with `split`", `write \`split ${previous.image} { … }\``);
  }
  const drawn = rowsMisplaced(f, previous, found);
  if (drawn) return say(...drawn);
  const table = f.rule === "dataItem" && (["=", "("].includes(found.image) || found.tokenType === t.StringToken);
  return table && previous
    ? say("A table is read from a file by `from`", `write \`data ${previous.image} from "d.csv" { x : [_, 3] }\``)
    : undefined;
}

/** Classes outside a task, rows outside a split, and rows that another word draws: what is said, and the cure. */
function rowsMisplaced(f: Failure, previous: IToken | undefined, found: IToken): [string, string] | undefined {
  const [inTask, inSplit] = [f.around.includes("taskItem"), f.around.includes("split")];
  if (found.image === "classes" && !inTask) {
    return ["Classes are drawn in a task", "write it inside `task episode { … }`, before the splits"];
  }
  if (found.image === "draw" && inTask && !inSplit) {
    return ["Rows are drawn in a split", "write `split support { draw … }`"];
  }
  if (inSplit && f.rule === "binding" && /^(sample|pick|choose|take|select)$/.test(previous?.image ?? "")) {
    return [
      `Rows are drawn by \`draw\`, not by \`${previous!.image}\``,
      "write `draw 5 of each`, or `draw 20 of pool`",
    ];
  }
  return undefined;
}

/** What stands in the clauses of a loop. */
function clauses(f: Failure, { before, previous, found, next, say }: Around): ReturnType<Row> {
  if (!f.around.includes("loopItem")) return undefined;
  const word = found.image.slice(1, -1);
  if (found.tokenType === t.StringToken && /^(by|=|through)$/.test(previous?.image ?? "") && /^[a-z]\w*$/.test(word)) {
    return say("A name is written without quotes", `write \`${word}\``);
  }
  const opener = f.open.at(-1);
  if (found.tokenType === t.Comma && opener !== undefined && f.tokens[opener - 1]?.image === "over") {
    const names = between(f, opener + 1, closing(f, opener));
    return say("What is learned is listed without brackets", `write \`over ${names}\``);
  }
  const inOver = f.tokens.slice(Math.max(0, f.index - 4), f.index).some((token) => token.image === "over");
  if (found.image === "and" && previous && inOver) {
    return say("What is learned is listed with commas", `write \`over ${previous.image}, ${next?.image ?? "v"}\``);
  }
  if (before?.image === "by" && previous && isWord(found) && next?.tokenType === t.Equals) {
    return say("Hyperparameters stand in parentheses", `write \`by ${previous.image}(${found.image} = …)\``);
  }
  if (isNumber(found) && next?.image === "steps") {
    return say("The number of steps comes after `for`", `write \`for T = ${found.image} steps\``);
  }
  if (previous?.image === "clip" && isNumber(found)) {
    return say("A gradient is clipped by its norm", `write \`clip norm ${found.image}\``);
  }
  return undefined;
}

/** What stands between items, and in a `gradient`. */
function items(f: Failure, { before, previous, found, next, say }: Around): ReturnType<Row> {
  if (found.image === "of" && (previous?.image === "tasks" || previous?.image === "across")) {
    const count = before && isNumber(before) ? before.image : "25";
    return say("`across` says how many tasks, then which", `write \`across ${count} ${next?.image ?? "sinusoid"}\``);
  }
  if (previous?.image === "of" && before?.image === "gradient") {
    return say("What is differentiated comes first", "write `gradient E wrt w`");
  }
  const dotted = found.image === "w" && between(f, f.index, f.index + 5) === "w.r.t";
  if (found.image === "with" && next?.image === "respect" || dotted) {
    return say("What it is differentiated for comes after `wrt`", "write `wrt w`");
  }
  if (before?.image === "output" && previous && (found.image === "after" || found.image === "across")) {
    const end = found.image === "after" ? f.index + 2 : f.index + 3;
    const title = `\`${found.image}\` stands behind what an output is`;
    return say(title, `write \`output ${previous.image} = … ${between(f, f.index, end)}\``);
  }
  const opener = f.open.at(-1);
  if (opener !== undefined && f.tokens[opener - 1]?.image === "gradient" && found.tokenType === t.Comma) {
    const [value, ...wrt] = between(f, opener + 1, closing(f, opener)).split(",");
    return say("`gradient` is an item, and no function", `write \`gradient ${value} wrt${wrt.join(",")}\``);
  }
  if (previous && before?.image === "override" && found.tokenType === t.Dot) {
    const cure = `write \`override ${previous.image} { ${next?.image ?? "lr"} = … }\``;
    return say("An override lists hyperparameters in braces", cure);
  }
  if (f.rule !== "program") return undefined;
  if (found.image === "-" && next?.image === "-" && next.startOffset === found.startOffset + 1) {
    return say("A comment starts with `//` here", "write `//`");
  }
  const [name, equals] = [f.tokens[f.index + 2], f.tokens[f.index + 3]];
  if (isWord(found) && next?.tokenType === t.Dot && name && equals?.tokenType === t.Equals) {
    return say(
      `\`${found.image}.${name.image}\` is given its value by an item`,
      `write \`override ${found.image} { ${name.image} = … }\``,
    );
  }
  return undefined;
}
