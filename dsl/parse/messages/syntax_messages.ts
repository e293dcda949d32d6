// Which words does a syntax error get? Describers are asked in turn; the first that knows the situation answers. What
// could have stood at a place comes with the failure, computed from the grammar.
import type { DiagnosticDraft } from "../../diagnostics/diagnostic.ts";
import { nearestName } from "../../text/did_you_mean.ts";
import { clausesOf, keywordOf, keywords } from "../../syntax/keywords.ts";
import type { Span } from "../../text/source.ts";
import { closesNothing, isCloser, leftOpen, ownerOf } from "./syntax_brackets.ts";
import { type Description, type Failure, spanOf } from "./syntax_failure.ts";
import { habitDescribers } from "./syntax_habits.ts";
import { situations } from "./syntax_situations.ts";
import {
  expectedLabels,
  foundLabel,
  isFirstOfLine,
  isNumber,
  isWord,
  oneOf,
  place,
  sameLine,
  shown,
} from "./syntax_words.ts";
import * as t from "../tokens/tokens.ts";
import type { IToken } from "../tokens/chevrotain.ts";

type Describer = (f: Failure) => Description | undefined;

const describers: readonly Describer[] = [
  ...habitDescribers,
  leftOpen,
  closesNothing,
  signAfterKeyword,
  misspeltMember,
  badStart,
  fromTable,
  missingName,
  missingValue,
  anything,
];

/** The diagnostic of a failure. */
export function describeFailure(f: Failure): DiagnosticDraft {
  for (const describe of describers) {
    const description = describe(f);
    if (description !== undefined) return { code: "M0102", ...description };
  }
  throw new Error("The last describer answers always");
}

// ----------------------------------------------------------------------------------------------- what starts something

/** What the rules with a list of members call one of them. */
const members: Readonly<Record<string, string>> = {
  program: "item",
  dataItem: "field of `data`",
  taskItem: "member of a `task`",
  split: "member of a `split`",
  modelItem: "member of a `model`",
  optimizerItem: "member of an `optimizer`",
  loopItem: "clause",
  overrideItem: "entry of an `override`",
  expect: "entry of `expect`",
};

/** Words of other languages, and the one to write here. */
const synonyms: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ["use", "layer sublayer module"],
    ["data", "dataset table"],
    ["inner", "inner_loop innerloop adaptation"],
    ["model", "network net class"],
    ["param", "parameter variable"],
    ["minimize", "min argmin loss objective"],
    ["maximize", "max argmax reward"],
    ["by", "with optimizer optimiser"],
    ["for", "repeat epochs iterations"],
    ["over", "params parameters wrt"],
    ["wrt", "over"],
    ["record", "save"],
    ["evaluate", "eval validate"],
    ["output", "predict dump"],
    ["gradient", "grad derivative"],
    ["outer", "meta outer_loop outerloop meta_loop"],
    ["return", "output yield"],
  ].flatMap(([word, others]) => others!.split(" ").map((other) => [other, word!])),
);

/** `report a, b`: a second value behind a comma, where a clause takes one. */
function severalValues(f: Failure, at: Span): Description | undefined {
  const next = f.tokens[f.index + 1];
  if (next === undefined || next.tokenType === t.RBrace || keywordOf(next.image)) return undefined;
  const clause = f.tokens.slice(0, f.index).findLast((token) => keywordOf(token.image) || token.tokenType === t.LBrace);
  if (clause?.image === "report") {
    return { title: "`report` takes one value", at, hint: "write `report` again in place of the `,`" };
  }
  if (clause?.image === "minimize") {
    return { title: "`minimize` takes one number", at, hint: "add them up: `minimize a + b`" };
  }
  return undefined;
}

/** `minimise x` in a loop, `modell m(x)` between items, a word that belongs elsewhere, a comma between members. */
function badStart(f: Failure): Description | undefined {
  const member = members[f.rule];
  const found = f.tokens[f.index];
  if (member === undefined || found === undefined || f.wanted === "LBrace" || f.expected.length < 2) return undefined;
  if (!["RBrace", "Return", "EOF"].includes(f.wanted ?? "")) return undefined;
  const noun = f.rule === "loopItem" ? `clause of an \`${loopWord(f)}\`` : member;
  const at = spanOf(f.source, found);
  if (found.tokenType === t.Comma) {
    return severalValues(f, at) ??
      { title: "The parts of a block are not separated by `,`", at, hint: "remove the `,`" };
  }
  const starts = startWords(f);
  const word = /^[A-Za-z_]/.test(found.image);
  const known = nearestStart(found.image, starts);
  const previous = f.tokens[f.index - 1];
  if (known === undefined && previous !== undefined && !isFirstOfLine(f, found) && !keywordOf(found.image)) {
    return cannotFollow(f, previous, found);
  }
  if (found.image === "return" || f.wanted === "Return" && found.image === "}") return returnMissing(f, at);
  if (!word) {
    return { title: `${shown(found)} starts no ${noun}`, at, ...expecting(f, starts) };
  }
  if (keywordOf(found.image) && found.tokenType !== t.Identifier) return misplacedKeyword(f, found, starts);
  const next = f.tokens[f.index + 1];
  const equals = next?.tokenType === t.Equals;
  if (f.rule === "loopItem" && (equals || next?.tokenType === t.Colon)) return equationInLoop(f, found, next!);
  const own = known === undefined && f.rule === "program" && equals
    ? { hint: `write \`let ${found.image} = …\`` }
    : didYouMean(known);
  return {
    title: `\`${found.image}\` starts no ${noun}`,
    at,
    ...(own.hint === undefined && expecting(f, starts)),
    ...own,
  };
}

/** What stands behind the value of a hyperparameter, in this order. */
const entryParts: readonly string[] = ["per", "in", "via"];

/** A keyword that begins something, but not here. */
function misplacedKeyword(f: Failure, found: IToken, starts: readonly string[]): Description {
  const at = spanOf(f.source, found);
  const known = didYouMean(nearestStart(found.image, starts));
  const homes = f.rule === "program" ? homesOf(found.image) : [];
  if (homes.length > 0) {
    return { title: `\`${found.image}\` stands only inside ${oneOf(homes)}`, at, ...known };
  }
  if (f.rule === "overrideItem" && entryParts.includes(found.image)) {
    const hint = "write these behind the value in this order: `per step in 0 .. inf via log`";
    return { title: `\`${found.image}\` is out of its place in an \`override\``, at, hint };
  }
  const owner = f.rule === "program" ? "here" : `in ${blockNoun(f)}`;
  return { title: `\`${found.image}\` has no place ${owner}`, at, ...expecting(f, starts), ...known };
}

/** Where a clause or a member belongs. */
function homesOf(word: string): readonly string[] {
  const loops = Object.entries(clausesOf).filter(([_loop, words]) => words.includes(word)).map(([loop]) => loop);
  const blocks = Object.entries(memberWords).filter(([_rule, words]) => words.includes(word)).map(([rule]) =>
    rule.replace("Item", "")
  );
  return [...loops, ...blocks].map((home) => `${/^[aeiou]/.test(home) ? "an" : "a"} \`${home}\``);
}

/** `batch = 64`, `lr = 0.1` as a clause. */
function equationInLoop(f: Failure, found: IToken, sign: IToken): Description {
  if (keywordOf(found.image)?.role === "clause") return withoutSign(f, found, sign);
  const again = f.tokens.slice(f.index + 2, f.index + 8).some((token) => token.image === found.image);
  return {
    title: `\`${found.image}\` starts no clause of an \`${loopWord(f)}\``,
    at: spanOf(f.source, found),
    hint: again
      ? `steps are made by a rule: \`over ${found.image} by sgd(lr = 0.1)\``
      : `a hyperparameter stands in \`by\`, as in \`by sgd(${found.image} = …)\`, or in \`override\``,
  };
}

function blockNoun(f: Failure): string {
  return f.rule === "loopItem"
    ? `an \`${loopWord(f)}\``
    : members[f.rule]!.replace(/^\w+ of (an? )?/, (_all, article) => article ?? "");
}

/** `splt support {`: the name was read as a binding's. */
function misspeltMember(f: Failure): Description | undefined {
  const previous = f.tokens[f.index - 1];
  const found = f.tokens[f.index];
  if (previous?.tokenType !== t.Identifier || !["binding", "next"].includes(f.rule)) return undefined;
  const block = f.around.findLast((rule) => members[rule] !== undefined && rule !== "program");
  const at = spanOf(f.source, previous);
  if (block !== undefined && found?.tokenType !== t.Equals) {
    const starts = memberWords[block] ?? [];
    const known = nearestStart(previous.image, starts);
    const twoWords = found !== undefined && isWord(found) && sameLine(f, previous, found);
    if (known !== undefined || twoWords) {
      return {
        title: `\`${previous.image}\` starts no ${members[block]}`,
        at,
        ...(known === undefined
          ? { label: oneOf(["a name", ...starts.map((word) => `\`${word}\``)], "expected ") }
          : {}),
        ...didYouMean(known),
      };
    }
  }
  if (f.rule === "next") {
    return {
      title: `An equation of an \`optimizer\` gives the next value`,
      at,
      label: "expected a prime after the name",
      hint: `write \`${previous.image}' = …\`, or \`let ${previous.image} = …\` for a value used on the way`,
    };
  }
  return { title: `After the name \`${previous.image}\` comes \`:\`, \`=\` or \`~\``, at, ...foundLabel(f) };
}

const memberWords: Readonly<Record<string, readonly string[]>> = {
  taskItem: ["split", "fn", "let"],
  split: ["fn", "let"],
  modelItem: ["use", "let", "return"],
  optimizerItem: ["state", "let"],
};

function cannotFollow(f: Failure, previous: IToken, found: IToken): Description {
  const at = spanOf(f.source, found);
  const title = `${shown(found)} cannot follow ${shown(previous)}`;
  if (isNumber(previous) && isWord(found)) {
    const word = f.tokens.slice(0, f.index).findLast(({ image }) => image === "into" || keywordOf(image));
    if (word?.image === "into") {
      return { title, at, label: "expected `,`", hint: `write \`${previous.image}, ${found.image}\`` };
    }
    return { title, at, label: "expected an operator", hint: `write \`${previous.image} * ${found.image}\`` };
  }
  if (found.tokenType === t.Equals) return { title, at, hint: "compare with `==`" };
  if (found.tokenType === t.Colon || found.tokenType === t.Tilde) return { title, at };
  if (["for", "in"].includes(found.image)) return { title, at, hint: "write `sum(… for t in 1 .. T)`" };
  if (found.image === "if") return { title, at, hint: "write `where(condition, value, other)`" };
  const noun = f.rule === "loopItem" ? "clause" : members[f.rule];
  return { title, at, label: noun ? `expected an operator, or the next ${noun}` : "expected an operator" };
}

function returnMissing(f: Failure, at: Span): Description {
  const model = f.around.includes("modelItem");
  const owner = f.open.length > 0 ? ownerOf(f, f.open.at(-1)!) : undefined;
  return model
    ? {
      title: `\`${owner ?? "model"}\` has no \`return\``,
      at,
      label: "expected `return` and the model's value before this",
    }
    : { title: "Only a `model` has a `return`", at, ...(f.rule === "program" ? {} : { hint: "remove it" }) };
}

/** The words (and "a name") that could start something here. */
function startWords(f: Failure): readonly string[] {
  const names = new Map(keywords.map(({ word }) => [t.keyword(word).name, word]));
  const all = f.expected.map((name) => names.get(name)).filter((word) => word !== undefined);
  return f.rule === "loopItem" ? all.filter((word) => clausesOf[loopWord(f)].includes(word)) : all;
}

function loopWord(f: Failure): keyof typeof clausesOf {
  const opener = f.open.at(-1) ?? f.index;
  const word = f.tokens[opener - 2]?.image;
  return word === "outer" || word === "evaluate" ? word : "inner";
}

function nearestStart(written: string, starts: readonly string[]): string | undefined {
  const synonym = synonyms[written.toLowerCase()];
  return synonym !== undefined && starts.includes(synonym) ? synonym : nearestName(written, starts);
}

function expecting(f: Failure, starts: readonly string[]): { label?: string; notes?: string[] } {
  const words = [
    ...(f.expected.includes("Identifier") || f.expected.includes("Name") ? ["a name"] : []),
    ...starts.map((word) => `\`${word}\``),
  ];
  if (words.length === 0) return {};
  if (words.length <= 4) return { label: oneOf(words, "expected ") };
  const what = f.rule === "loopItem" ? `clause of an \`${loopWord(f)}\`` : members[f.rule]!;
  return { notes: [`${/^[aeiou]/.test(what) ? "An" : "A"} ${what} starts with ${oneOf(words)}`] };
}

const didYouMean = (known: string | undefined): { hint?: string } =>
  known === undefined ? {} : { hint: `did you mean \`${known}\`?` };

// -------------------------------------------------------------------------------------------------- names and values

/** `over = mlp`, `by: sgd()` */
function signAfterKeyword(f: Failure): Description | undefined {
  const previous = f.tokens[f.index - 1];
  const found = f.tokens[f.index];
  if (found?.tokenType !== t.Equals && found?.tokenType !== t.Colon) return undefined;
  if (previous === undefined || !keywordOf(previous.image) || previous.tokenType === t.Identifier) return undefined;
  return withoutSign(f, previous, found);
}

const withoutSign = (f: Failure, word: IToken, sign: IToken): Description => ({
  title: `\`${word.image}\` is written without \`${sign.image}\``,
  at: spanOf(f.source, sign),
  hint: `remove the \`${sign.image}\``,
});

function missingName(f: Failure): Description | undefined {
  if (f.wanted !== "Name" && f.wanted !== "Identifier" && f.wanted !== "Word") return undefined;
  const previous = f.tokens[f.index - 1];
  const found = f.tokens[f.index];
  if (found !== undefined && previous !== undefined && sameLine(f, previous, found)) {
    if (keywordOf(found.image)) {
      return {
        title: `\`${found.image}\` is a keyword and cannot be a name`,
        at: spanOf(f.source, found),
        hint: "choose another name",
      };
    }
    if (f.rule === "acrossClause") return undefined;
  }
  if (f.rule === "acrossClause") return undefined;
  return {
    title: `A name is missing after ${previous ? shown(previous) : "the start"}`,
    ...place(f),
    ...foundLabel(f),
  };
}

/** A situation of `syntax_situations.ts`, by rule and wanted token. */
function fromTable(f: Failure): Description | undefined {
  const situation = situations[`${f.rule} ${f.wanted ?? ""}`.trim()];
  if (situation === undefined) return undefined;
  const { title, hint } = typeof situation === "function" ? situation(f) : situation;
  return { title, ...place(f), ...foundLabel(f), ...(hint !== undefined && { hint }) };
}

/** An operand is missing. */
function missingValue(f: Failure): Description | undefined {
  if (f.rule !== "primary") return undefined;
  const found = f.tokens[f.index];
  const previous = f.tokens[f.index - 1];
  if (found?.tokenType === t.Plus) {
    return { title: "A `+` stands between two values", at: spanOf(f.source, found), hint: "remove it" };
  }
  const after = previous === undefined ? "" : ` after ${shown(previous)}`;
  if (found !== undefined && previous !== undefined && sameLine(f, previous, found)) {
    const { tokenType, image } = found;
    const keyword = keywordOf(image)?.reserved === true &&
      !["in", "for", "per", "via", "within", "wrt"].includes(image);
    if (keyword && !isCloser(image) && tokenType !== t.Identifier && f.open.at(-1) === f.index - 1) {
      return { title: `\`${image}\` is a keyword and cannot be a name`, at: spanOf(f.source, found) };
    }
    return {
      title: `A value is missing${after}`,
      at: spanOf(f.source, found),
      label: `expected an expression before this`,
    };
  }
  return { title: `A value is missing${after}`, ...place(f), label: "expected an expression after this" };
}

/** What the grammar knows, when nothing better does. */
function anything(f: Failure): Description {
  const found = f.tokens[f.index];
  const label = oneOf(expectedLabels(f), "expected ");
  const previous = f.tokens[f.index - 1];
  if (found === undefined) return { title: "The text ends too early", ...place(f), label };
  const inCall = previous !== undefined && ["call", "list", "index"].includes(f.rule) && isWord(found);
  if (inCall && !keywordOf(found.image) && (f.tokens[f.index + 1]?.tokenType === t.Equals || !isNumber(previous))) {
    return {
      title: `${shown(found)} cannot follow ${shown(previous)}`,
      at: spanOf(f.source, found),
      label,
      hint: "put a `,` or an operator between them",
    };
  }
  const numberBefore = previous !== undefined && isNumber(previous) && isWord(found) && sameLine(f, previous, found);
  return {
    title: previous ? `${shown(found)} cannot follow ${shown(previous)}` : `${shown(found)} has no place here`,
    at: spanOf(f.source, found),
    label,
    ...(numberBefore && !keywordOf(found.image) && { hint: `write \`${previous.image} * ${found.image}\`` }),
    ...(["for", "in"].includes(found.image) && { hint: "write `sum(… for t in 1 .. T)`" }),
  };
}
