// Which tokens are there? Their types, for the lexer (`lexer.ts`) and the grammar (`parser.ts`).
import { keywords } from "../../syntax/keywords.ts";
import { createToken, Lexer, type TokenType } from "./chevrotain.ts";

/** What may stand after a dot: a name or any keyword. */
export const Word: TokenType = createToken({ name: "Word", pattern: Lexer.NA, label: "a name" });
/** What may name a thing: an identifier or a keyword that is not reserved. */
export const Name: TokenType = createToken({ name: "Name", pattern: Lexer.NA, label: "a name" });

/** A word that is no keyword, or a keyword whose neighbour shows that it is a name here (see `lexer.ts`). */
export const Identifier: TokenType = createToken({
  name: "Identifier",
  pattern: /[A-Za-z_][A-Za-z_0-9]*/,
  categories: [Name, Word],
  label: "a name",
});

/** `10`, `10_000`, `0.5`, `1e-3`; the dot needs a digit after it, so `0..1` is a range. */
export const NumberToken: TokenType = createToken({
  name: "Number",
  pattern: /\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d[\d_]*)?/,
  label: "a number",
});

/** Text between double quotes; it has no escapes. */
export const StringToken: TokenType = createToken({
  name: "String",
  pattern: /"[^"\r\n]*"/,
  label: "a text in double quotes",
});

/** `//` and `///` up to the end of the line; kept beside the tokens. */
export const CommentToken: TokenType = createToken({ name: "Comment", pattern: /\/\/[^\r\n]*/, group: "comments" });

/** Blanks and line ends; nothing depends on them. */
export const Blank: TokenType = createToken({ name: "Blank", pattern: /\s+/, group: Lexer.SKIPPED, line_breaks: true });

function symbol(name: string, pattern: string, categories: TokenType[] = []): TokenType {
  return createToken({ name, pattern, label: `\`${pattern}\``, categories });
}

/** What may stand between two operands. */
export const Operator: TokenType = createToken({ name: "Operator", pattern: Lexer.NA, label: "an operator" });

/** `|>` */
export const Pipe: TokenType = symbol("Pipe", "|>", [Operator]);
/** `->` */
export const Arrow: TokenType = symbol("Arrow", "->");
/** `..` */
export const DotDot: TokenType = symbol("DotDot", "..");
/** `.` */
export const Dot: TokenType = symbol("Dot", ".");
/** `==` */
export const EqualEqual: TokenType = symbol("EqualEqual", "==", [Operator]);
/** `!=` */
export const NotEqual: TokenType = symbol("NotEqual", "!=", [Operator]);
/** `<=` */
export const LessEqual: TokenType = symbol("LessEqual", "<=", [Operator]);
/** `>=` */
export const GreaterEqual: TokenType = symbol("GreaterEqual", ">=", [Operator]);
/** `<` */
export const Less: TokenType = symbol("Less", "<", [Operator]);
/** `>` */
export const Greater: TokenType = symbol("Greater", ">", [Operator]);
/** `+` */
export const Plus: TokenType = symbol("Plus", "+", [Operator]);
/** `-` */
export const Minus: TokenType = symbol("Minus", "-", [Operator]);
/** `*` */
export const Star: TokenType = symbol("Star", "*", [Operator]);
/** `/` */
export const Slash: TokenType = symbol("Slash", "/", [Operator]);
/** `^` */
export const Caret: TokenType = symbol("Caret", "^", [Operator]);
/** `=` */
export const Equals: TokenType = symbol("Equals", "=");
/** `~` */
export const Tilde: TokenType = symbol("Tilde", "~");
/** `@` */
export const At: TokenType = symbol("AtSign", "@");
/** `,` */
export const Comma: TokenType = symbol("Comma", ",");
/** `:` */
export const Colon: TokenType = symbol("Colon", ":");
/** `'` */
export const Prime: TokenType = symbol("Prime", "'");
/** `(` */
export const LParen: TokenType = symbol("LParen", "(");
/** `)` */
export const RParen: TokenType = symbol("RParen", ")");
/** `[` */
export const LBracket: TokenType = symbol("LBracket", "[");
/** `]` */
export const RBracket: TokenType = symbol("RBracket", "]");
/** `{` */
export const LBrace: TokenType = symbol("LBrace", "{");
/** `}` */
export const RBrace: TokenType = symbol("RBrace", "}");

const keywordTokens: ReadonlyMap<string, TokenType> = new Map(
  keywords.map(({ word, reserved }) => [
    word,
    createToken({
      name: word[0]!.toUpperCase() + word.slice(1),
      pattern: word,
      longer_alt: Identifier,
      label: `\`${word}\``,
      categories: reserved ? [Word] : [Name, Word],
    }),
  ]),
);

/** The token type of a keyword. */
export function keyword(word: string): TokenType {
  const type = keywordTokens.get(word);
  if (type === undefined) throw new Error(`No keyword "${word}"`);
  return type;
}

/** The tokens the grammar knows, in the order the lexer tries them: longer symbols before their beginnings, keywords
 *  before identifiers. */
export const grammarTokens: readonly TokenType[] = [
  Blank,
  CommentToken,
  // Longest first: `step` would match the start of `steps`, find the longer identifier, and miss the longer keyword.
  ...[...keywordTokens].sort(([a], [b]) => b.length - a.length).map(([_word, type]) => type),
  Identifier,
  NumberToken,
  StringToken,
  ...[Pipe, Arrow, DotDot, Dot, EqualEqual, NotEqual, LessEqual, GreaterEqual, Less, Greater, Plus, Minus, Star],
  ...[Slash, Caret, Equals, Tilde, At, Comma, Colon, Prime, LParen, RParen, LBracket, RBracket, LBrace, RBrace],
  Name,
  Word,
  Operator,
];
