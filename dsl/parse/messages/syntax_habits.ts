// What is said where the grammar of another language was meant? Slices, tuples, lambdas, conditions in the middle, statements: each
// gets what to write here, before the describers of `syntax_messages.ts` are asked.
import { habitOf } from "../../diagnostics/habits.ts";
import { type Description, type Failure, spanOf } from "./syntax_failure.ts";
import { misplaced } from "./syntax_misplaced.ts";
import { between, closing, isNumber, isWord, sameLine, shown } from "./syntax_words.ts";
import * as t from "../tokens/tokens.ts";
import type { IToken } from "../tokens/chevrotain.ts";

/** Asked in turn. */
export const habitDescribers: readonly ((f: Failure) => Description | undefined)[] = [
  ...misplaced,
  slice,
  decorator,
  lambda,
  wordOperator,
  textAsValue,
  tuple,
  timeAfterDot,
  record,
  rangeFunction,
  packageImport,
  statement,
  memberHabit,
  replacement,
  startHabit,
];

/** The first token of the name that ends at `end`: `net.l1.W`. */
function nameBefore(f: Failure, end: number): number {
  let i = end;
  while (f.tokens[i - 1]?.tokenType === t.Dot && f.tokens[i - 2]) i -= 2;
  return i;
}

// -------------------------------------------------------------------------------------------------------------- indices

/** `x[:, 0]`, `x[1:3]`, `x[..., 1]`: a stretch has both ends, and `_` is a whole axis. */
function slice(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  const opener = f.open.at(-1);
  if (found === undefined || !isRange(found)) return undefined;
  if (opener === undefined || f.tokens[opener]!.tokenType !== t.LBracket) return undefined;
  const before = f.tokens[opener - 1];
  if (before === undefined || !isWord(before) && before.image !== ")" && before.image !== "]") return undefined;
  const object = isWord(before) ? between(f, nameBefore(f, opener - 1), opener) : "x";
  // `..` says both ends
  const last = found.tokenType === t.DotDot ? 0 : 1;
  const read = entries(f, opener);
  const stepped = read.findIndex(([, , by = ""]) => by !== "");
  const along = stepped > 0 ? `, axis = ${stepped}` : "";
  return {
    title: found.tokenType === t.Colon
      ? "`:` does not stand in an index: a slice is `low .. high`, with both ends in it, and `_` a whole axis"
      : `\`${found.image}\` stands between both ends of a slice, and \`_\` is a whole axis`,
    at: spanOf(f.source, found),
    hint: stepped >= 0
      ? `write \`take(${object}, ${read[stepped]![2]} * range(n)${along})\``
      : `write \`${object}[${read.map((entry) => sliced(entry, last)).join(", ")}]\``,
  };
}

const isRange = ({ tokenType }: IToken) => tokenType === t.Colon || tokenType === t.DotDot;

/** The entries of an index, as texts around their colons. */
function entries(f: Failure, opener: number): string[][] {
  const end = closing(f, opener);
  const found: string[][] = [[]];
  let first = opener + 1;
  let depth = 0;
  for (let i = opener + 1; i <= end; i++) {
    const token = f.tokens[i];
    if (token && /^[([{]$/.test(token.image)) depth++;
    if (token && /^[)\]}]$/.test(token.image) && i < end) depth--;
    const ends = i === end || depth === 0 && (token!.tokenType === t.Comma || isRange(token!));
    if (!ends) continue;
    found.at(-1)!.push(i > first ? between(f, first, i) : "");
    if (token?.tokenType === t.Comma) found.push([]);
    first = i + 1;
  }
  return found;
}

/** An entry of an index as it is written here; its second number is the `past`th after its last. */
function sliced(entry: readonly string[], past: number): string {
  const [from = "", to = ""] = entry;
  if (entry.length === 1) return from;
  if (from === "" && to === "") return "_";
  const last = /^-?\d+$/.test(to) ? String(Number(to) - past) : past === 0 ? to : `${to} - ${past}`;
  return `${from === "" ? "0" : from} .. ${to === "" ? "-1" : last}`;
}

/** `(0.9, 0.99)`: values together stand in brackets. */
function tuple(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  const previous = f.tokens[f.index - 1];
  if (f.rule === "letItem" && (found?.image === "(" && previous?.image === "let" || found?.tokenType === t.Comma)) {
    return {
      title: "A `let` gives one name",
      at: spanOf(f.source, found),
      hint: "write one for each: `let a = …  let b = …`",
    };
  }
  if (f.rule !== "primary" || f.wanted !== "RParen" || found?.tokenType !== t.Comma) return undefined;
  const opener = f.open.at(-1);
  if (opener === undefined || f.tokens[opener]!.tokenType !== t.LParen) return undefined;
  const [name, sign] = [f.tokens[opener - 2], f.tokens[opener - 1]];
  const habit = name && sign?.tokenType === t.Equals ? habitOf(name.image, "argument") : undefined;
  const inside = between(f, opener + 1, closing(f, opener));
  return {
    title: "Values together stand in brackets, not in parentheses",
    at: spanOf(f.source, f.tokens[opener]!),
    hint: habit ?? `write \`[${inside}]\``,
  };
}

/** `{ lr: 0.1 }` */
function record(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  if (f.rule !== "primary" || found?.tokenType !== t.LBrace || f.around.includes("functionItem")) return undefined;
  if (!f.around.includes("letItem") && f.open.length === 0) return undefined;
  return {
    title: "There are no values with braces",
    at: spanOf(f.source, found),
    hint: "write a `let` for each value, or a list `[a, b]`",
  };
}

/** `w@(fit.100)` */
function timeAfterDot(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  const previous = f.tokens[f.index - 1];
  if (found === undefined || !isNumber(found) || previous?.tokenType !== t.Dot) return undefined;
  const loop = f.tokens[f.index - 2]?.image ?? "fit";
  const opener = f.open.at(-1);
  const timed = opener !== undefined && f.tokens[opener - 1]?.tokenType === t.At;
  const object = timed ? between(f, nameBefore(f, opener - 2), opener - 1) : "w";
  return {
    title: `A time comes after \`@\`, and \`${loop}.${found.image}\` is none`,
    at: spanOf(f.source, found),
    hint: timed
      ? `write \`${object}@${found.image}\`; which of two loops is meant, its end says: \`${object}@(${loop}.T - 1)\``
      : `write \`${object}@${found.image}\` for what the loop changes, \`${loop}.loss@${found.image}\` for its loss`,
  };
}

// ---------------------------------------------------------------------------------------------------- words in the middle

/** `lambda x: …`, `x -> …` */
function lambda(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  const previous = f.tokens[f.index - 1];
  if (found === undefined || previous === undefined) return undefined;
  const arrow = found.tokenType === t.Arrow && f.rule !== "modelItem" && isWord(previous);
  if (previous.image !== "lambda" && !arrow) return undefined;
  return {
    title: "A function has a name and stands at the top of the file",
    at: spanOf(f.source, arrow ? found : previous),
    hint: "write `fn f(x) = …`, and `f` where it is used",
  };
}

/** `a and b`, `not a`, `a if c else b` */
function wordOperator(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  const previous = f.tokens[f.index - 1];
  if (found === undefined || previous === undefined || !sameLine(f, previous, found)) return undefined;
  const word = previous.image === "not" && previous.tokenType === t.Identifier ? previous : found;
  const hint = habitOf(word.image, "operator");
  if (hint === undefined) return undefined;
  if (word === found && /^[({[,=|]|^:$/.test(previous.image)) return undefined;
  return { title: `${shown(word)} is no operator here`, at: spanOf(f.source, word), hint };
}

/** `einsum("ij,jk->ik", a, b)`: a text in a call, or anywhere else where a value should stand. */
function textAsValue(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  const opener = f.open.at(-1);
  const called = opener !== undefined && f.tokens[opener]!.tokenType === t.LParen;
  if (found?.tokenType !== t.StringToken || !called && f.rule !== "primary") return undefined;
  const callee = called ? f.tokens[opener - 1] : undefined;
  const [name, sign] = [f.tokens[f.index - 2], f.tokens[f.index - 1]];
  const argument = sign?.tokenType === t.Equals && name
    ? habitOf(name.image, "argument", callee && { callee: callee.image })
    : undefined;
  const cure = argument ?? (callee && (habitOf(callee.image, "call") ?? habitOf(callee.image, "start")));
  return {
    title: "A text in quotes is not a value",
    at: spanOf(f.source, found),
    ...(cure === undefined ? { label: "texts stand only after `from`, as names of files" } : { hint: cure }),
  };
}

/** Is it the bracket of `in range(`? */
function opensRange(f: Failure, i: number): boolean {
  return f.tokens[i]?.image === "(" && f.tokens[i - 1]?.image === "range" && f.tokens[i - 2]?.image === "in";
}

/** `for i in range(n)` */
function rangeFunction(f: Failure): Description | undefined {
  let opener = f.index - 1;
  while (opener > f.index - 100 && f.tokens[opener] && !opensRange(f, opener)) opener--;
  const found = f.tokens[f.index];
  const inList = found?.image === "for" && f.open.at(-1) !== undefined && f.tokens[f.open.at(-1)!]!.image === "[";
  if (inList) {
    return {
      title: "A list is not made by a loop",
      at: spanOf(f.source, found),
      hint: "compute with all numbers at once, as in `w * range(3)`, or sum: `sum(w^i for i in 0 .. 2)`",
    };
  }
  if (f.rule !== "steps" || !opensRange(f, opener) || closing(f, opener) !== f.index - 1) return undefined;
  const name = f.tokens[opener - 3]?.image ?? "i";
  const args = between(f, opener + 1, f.index - 1).split(",").map((text) => text.trim());
  const [from, to] = args.length > 1 ? [args[0]!, args[1]!] : ["0", args[0]!];
  const last = /^\d+$/.test(to) ? String(Number(to) - 1) : `${to} - 1`;
  return {
    title: "A range is written `low .. high`, with both ends in it",
    at: spanOf(f.source, f.tokens[opener - 1]!),
    hint: `write \`for ${name} in ${from} .. ${last}\``,
  };
}

// ------------------------------------------------------------------------------------------------------------ statements

/** `@jit` above a definition. */
function decorator(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  if (f.rule !== "program" || found?.tokenType !== t.At) return undefined;
  return {
    title: "Nothing is decorated here",
    at: spanOf(f.source, found),
    hint: "leave the line out: every program is compiled",
  };
}

/** `import torch`, `from torch import nn` */
function packageImport(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  const word = f.tokens[f.index - 1];
  if (f.rule === "program" && found?.image === "from" && f.tokens[f.index + 2]?.image === "import") {
    return noPackages(f, found);
  }
  if (f.rule !== "importItem" || f.wanted !== "From" || word === undefined || found?.image === "from") return undefined;
  return noPackages(f, word);
}

function noPackages(f: Failure, at: IToken): Description {
  return {
    title: "There are no packages to import",
    at: spanOf(f.source, at),
    hint: 'leave the line out: all functions are there; a file is imported by `import net from "./net.meta"`',
  };
}

/** `loss.backward()`, `opt.step()`: the last word of a dotted name that is called where an item should begin. */
function statement(f: Failure): Description | undefined {
  const after = f.tokens[f.index]?.tokenType === t.Dot;
  const begins = f.rule === "program" || f.rule === "loopItem";
  const start = begins && !after ? f.index : f.index - 1;
  const first = f.tokens[start];
  if (first === undefined || !isWord(first) || f.tokens[start + 1]?.tokenType !== t.Dot) return undefined;
  if (!begins && !(after && f.wanted === "Name")) return undefined;
  let end = start;
  while (f.tokens[end + 1]?.tokenType === t.Dot && f.tokens[end + 2]) end += 2;
  if (f.tokens[end + 1]?.tokenType !== t.LParen) return undefined;
  return {
    title: `\`${between(f, start, end + 1)}(…)\` is a statement, and a file holds declarations`,
    at: spanOf(f.source, first),
    hint: habitOf(f.tokens[end]!.image, "statement") ??
      "leave it out: what is to be computed is said by `inner`, `outer`, `gradient` and `evaluate`",
  };
}

/** `if`, `for` and `def` in a model, whose first word was read as the name of a parameter. */
function memberHabit(f: Failure): Description | undefined {
  const word = f.tokens[f.index - 1];
  const found = f.tokens[f.index];
  if (f.rule === "binding" && word?.image === "self" && found?.tokenType === t.Dot && f.around.includes("modelItem")) {
    const name = f.tokens[f.index + 1]?.image ?? "l1";
    return {
      title: "What a model has goes by its own name, without `self`",
      at: spanOf(f.source, word),
      hint: `write \`use ${name} = dense(8)\` for a layer, \`${name} : [3] = 0\` for a parameter`,
    };
  }
  if (f.rule !== "binding" || word === undefined || !f.around.includes("modelItem")) return undefined;
  if (!found || !isWord(found) && found.tokenType !== t.LParen || !sameLine(f, word, found)) return undefined;
  const cure = word.image === "def" || word.image === "print"
    ? "leave it out: a model is its parameters and one `return`"
    : habitOf(word.image, "start");
  return cure === undefined
    ? undefined
    : { title: `\`${word.image}\` starts no member of a \`model\``, at: spanOf(f.source, word), hint: cure };
}

/** `fn area(r) = …`, for a definition that begins with another word. */
function functionWritten(f: Failure): string | undefined {
  const [name, opener] = [f.tokens[f.index + 1], f.tokens[f.index + 2]];
  if (name === undefined || !isWord(name) || opener?.tokenType !== t.LParen) return undefined;
  const text = between(f, f.index + 1, closing(f, f.index + 2) + 1);
  return text !== "" && text.length <= 60 ? `write \`fn ${text} = …\`` : undefined;
}

/** `batch 64 of train without replacement`, `batch 64 of train shuffled` */
function replacement(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  if (found === undefined || !/^(without|once|shuffled?)$/.test(found.image)) return undefined;
  let start = f.index;
  // other clauses may stand before it on its line
  while (f.tokens[start]!.image !== "batch" && f.tokens[start - 1] && sameLine(f, f.tokens[start - 1]!, found)) start--;
  if (f.tokens[start]!.image !== "batch") return undefined;
  return {
    title: "A batch of which each row comes once before one comes again is written `each once`",
    at: spanOf(f.source, found),
    hint: `write \`${between(f, start, f.index).replaceAll(/\s+/g, " ")} each once\``,
  };
}

/** The first word of an item, a member or a clause. */
function startHabit(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  if (found === undefined || !isWord(found) || f.wanted === "LBrace") return undefined;
  const [previous, next] = [f.tokens[f.index - 1], f.tokens[f.index + 1]];
  const clause = f.around.includes("loopItem");
  const place = clause ? "clause" : "start";
  if (!clause && !["program", "modelItem"].includes(f.rule)) return undefined;
  if (clause && f.rule !== "loopItem" && f.rule !== "primary") return undefined;
  const trainable = /^(requires_grad|trainable)$/.test(found.image) && f.rule === "program";
  const cure = trainable ? habitOf(found.image, "clause") : habitOf(found.image, place);
  // a name of the program's own: `params = …` is a `let`
  if (cure === undefined || !clause && f.rule === "modelItem" && next?.tokenType === t.Equals) return undefined;
  if (!clause && next?.tokenType === t.Equals && !trainable) return undefined;
  if (f.rule === "modelItem" && /^(return|output|yield)$/.test(found.image)) return undefined;
  if (f.rule === "program" && found.image === "return" && previous !== undefined && f.open.length > 0) return undefined;
  if (clause && next?.tokenType === t.Equals && cure.startsWith("a hyperparameter")) return undefined;
  if (f.rule === "modelItem" && /^(for|while)$/.test(found.image)) {
    return {
      title: `\`${found.image}\` starts no member of a \`model\``,
      at: spanOf(f.source, found),
      hint: "steps within a model are a `scan`: `scan run over t in 0 .. 2 { state h = 0  h' = h + w }`",
    };
  }
  const number = next && isNumber(next) ? next : next?.tokenType === t.Equals ? f.tokens[f.index + 2] : undefined;
  const filled = number && isNumber(number)
    ? cure.replace("T = 5 steps`", `T = ${number.image} steps\``).replace("batch 8", `batch ${number.image}`)
    : cure;
  return {
    title: `\`${found.image}\` starts no ${
      clause ? "clause of a loop" : f.rule === "program" ? "item" : "member of a `model`"
    }`,
    at: spanOf(f.source, found),
    hint: (cure.includes("`fn f(x)") ? functionWritten(f) : undefined) ??
      (next && isWord(next) ? filled.replace("`let y = …`", `\`let ${next.image} = …\``) : filled),
  };
}
