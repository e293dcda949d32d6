// What is said about a bracket that is not closed, or closes nothing?
import { blockOpeners, keywordOf } from "../../syntax/keywords.ts";
import { type Description, type Failure, spanOf } from "./syntax_failure.ts";
import { isFirstOfLine, shown } from "./syntax_words.ts";
import * as t from "../tokens/tokens.ts";

const closers: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
/** Is it a closing bracket? */
export const isCloser = (image: string): boolean => image === ")" || image === "]" || image === "}";

/** The text ends, or a new item starts, inside brackets. */
export function leftOpen(f: Failure): Description | undefined {
  const opener = f.open.at(-1);
  if (opener === undefined) return undefined;
  const bracket = f.tokens[opener]!;
  const owner = ownerOf(f, opener);
  const found = f.tokens[f.index];
  if (found === undefined) {
    return {
      title: `${owner ? `The \`${bracket.image}\` of \`${owner}\`` : `This \`${bracket.image}\``} is never closed`,
      at: spanOf(f.source, bracket),
      hint: `close it with \`${closers[bracket.image]}\``,
    };
  }
  const wantsCloser = f.expected.includes(bracketName(closers[bracket.image]!)) || f.expected.includes("Return");
  if (!wantsCloser || found.image === closers[bracket.image]) return undefined;
  const startsAnother = isFirstOfLine(f, found) &&
    (isCloser(found.image) || startsItem(f) || bracket.image !== "{" && startsClause(f));
  if (!startsAnother && !isCloser(found.image)) return undefined;
  return {
    title: `${owner ? `The \`${bracket.image}\` of \`${owner}\`` : `The \`${bracket.image}\``} is not closed before ${
      shown(found)
    }`,
    at: isFirstOfLine(f, found) ? spanOf(f.source, f.tokens[f.index - 1]!) : spanOf(f.source, found),
    label: isFirstOfLine(f, found)
      ? `expected \`${closers[bracket.image]}\` after this`
      : `expected \`${closers[bracket.image]}\``,
    secondary: [{ span: spanOf(f.source, bracket), message: "opened here" }],
  };
}

/** A closing bracket that nothing opened. */
export function closesNothing(f: Failure): Description | undefined {
  const found = f.tokens[f.index];
  if (found === undefined || !isCloser(found.image) || f.open.length > 0) return undefined;
  return { title: `This \`${found.image}\` closes nothing`, at: spanOf(f.source, found) };
}

function bracketName(image: string): string {
  return image === ")" ? "RParen" : image === "]" ? "RBracket" : "RBrace";
}

/** `inner fit` for the brace of `inner fit {`, `mse` for the bracket of `mse(`. */
export function ownerOf(f: Failure, opener: number): string | undefined {
  const before = f.tokens[opener - 1];
  if (f.tokens[opener]!.image !== "{") {
    return before?.tokenType === t.Identifier && before.endOffset! + 1 === f.tokens[opener]!.startOffset
      ? before.image
      : undefined;
  }
  for (let i = opener - 1; i >= Math.max(0, opener - 60); i--) {
    const { image } = f.tokens[i]!;
    if (image === "{" || image === "}") return undefined;
    if (image === "expect" && i === opener - 1) return image;
    if (blockOpeners.has(image) && f.tokens[i]!.tokenType !== t.Identifier) return `${image} ${f.tokens[i + 1]!.image}`;
  }
  return undefined;
}

function startsItem(f: Failure): boolean {
  const found = f.tokens[f.index]!;
  return keywordOf(found.image)?.role === "item" && found.tokenType !== t.Identifier && found.image !== "let" &&
    found.image !== "fn" && (found.image !== "memory" || f.rule !== "loopItem");
}

function startsClause(f: Failure): boolean {
  const found = f.tokens[f.index]!;
  return ["clause", "member"].includes(keywordOf(found.image)?.role ?? "") || startsItem(f) ||
    found.image === "let" || found.image === "fn";
}
