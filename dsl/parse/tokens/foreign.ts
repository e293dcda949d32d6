// Which spellings from other languages, or from a word processor, are understood well enough to say what to write
// instead? Each is read as the token it stands for, so that the rest of the program is parsed as if it were right.
import type { DiagnosticCode } from "../../diagnostics/codes.ts";
import { habitOf } from "../../diagnostics/habits.ts";
import * as t from "./tokens.ts";
import { createToken, type TokenType } from "./chevrotain.ts";

/** A spelling that is not ours. */
export interface ForeignToken {
  readonly type: TokenType;
  /** The token it is read as; undefined: it is left out. */
  readonly readAs?: TokenType;
  /** The spelling it is read as, where that is another one than was written. */
  readonly image?: (written: string) => string;
  readonly code: DiagnosticCode;
  readonly title: (written: string) => string;
  readonly hint?: (written: string) => string;
}

interface ForeignRow {
  readonly name: string;
  readonly pattern: RegExp | string;
  readonly readAs?: TokenType;
  readonly image?: (written: string) => string;
  readonly code?: DiagnosticCode;
  readonly title?: (written: string) => string;
  /** What to write instead, or a whole hint. */
  readonly instead?: string | ((written: string) => string);
  readonly hint?: string;
  /** The whole hint, from what was written. */
  readonly cure?: (written: string) => string;
}

const greekNames =
  "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau upsilon phi chi psi omega"
    .split(" ");

/** A name in a-z for a name with Greek letters or accents: `θ` is `theta`, `é` is `e`; empty if there is none. */
export function plainName(written: string): string {
  let plain = "";
  for (const letter of written.replaceAll("\u00b5", "\u03bc").replaceAll("\u03d5", "\u03c6").normalize("NFKD")) {
    const lower = letter.toLowerCase().codePointAt(0)!;
    if (lower >= 0x3b1 && lower <= 0x3c9) {
      const name = greekNames[lower - 0x3b1]!;
      plain += letter === letter.toLowerCase() ? name : name[0]!.toUpperCase() + name.slice(1);
    } else if (/[A-Za-z_0-9]/.test(letter)) plain += letter;
    else if (!/\p{M}/u.test(letter)) return "";
  }
  return /^[A-Za-z_]/.test(plain) ? plain : "";
}

const quoted = (text: string) => `"${text.slice(1, text.length - 1).replaceAll('"', "")}"`;

/** `h2`, for a name that a later value of `h` may have. */
const nextName = (name: string) => `${name}2`;

function laterValue(written: string): string {
  const [, name, operator, value] = /^([\w.]+)\s*([-+*/])=\s*(.*)$/.exec(written)!;
  const next = nextName(name!.replaceAll(".", "_"));
  return `nothing is changed once it is defined: write \`let ${next} = ${name} ${operator} ${value}\`, and read \`${next}\` from there on`;
}

const rows: readonly ForeignRow[] = [
  {
    name: "DocString",
    pattern: /"""[\s\S]*?(?:"""|(?![\s\S]))|\'\'\'[\s\S]*?(?:\'\'\'|(?![\s\S]))/,
    title: () => "A comment starts with `//` and ends with its line here",
    hint: "start each of its lines with `//`, and leave the quotes out",
  },
  {
    name: "Augmented",
    pattern: /(?<!\.)[A-Za-z_][\w.]*[ \t]*[-+*/]=(?!=)[ \t]*[\w.]+(?:[ \t]*[-+*/^][ \t]*[\w.]+)*(?:\([^()\r\n]*\))?/,
    title: (written) => `\`${/[-+*/]=/.exec(written)![0]}\` is not written so here`,
    cure: laterValue,
  },
  {
    name: "AllButLast",
    pattern: /(?<=\[[ \t]*)\.\.\.[ \t]*,?/,
    title: () => "`...` does not stand in an index",
    hint: "the last axis is −1: write `take(x, 0, axis = -1)`",
  },
  {
    name: "AndAnd",
    pattern: /&&?/,
    readAs: t.Star,
    hint: habitOf("and", "operator")!,
  },
  {
    name: "Bars",
    pattern: /\|(?![>|])[\w.@ ()+*/^-]+\|(?![>|])/,
    readAs: t.Identifier,
    title: () => "An absolute value is not written between bars",
    instead: (written) => `abs(${written.slice(1, -1).trim()})`,
  },
  {
    name: "OrOr",
    pattern: /\|\|?(?!>)/,
    readAs: t.Star,
    hint: habitOf("or", "operator")!,
  },
  {
    name: "Not",
    pattern: /!(?!=)/,
    hint: habitOf("not", "operator")!,
  },
  {
    name: "Question",
    pattern: "?",
    readAs: t.Comma,
    hint: habitOf("if", "operator")!,
  },
  {
    name: "PercentComment",
    pattern: /(?<=\n[ \t]*)%[^\r\n]*/,
    title: () => "A comment starts with `//` here",
    instead: "//",
  },
  { name: "Percent", pattern: "%", readAs: t.Star, hint: habitOf("mod", "operator")! },
  {
    name: "Backslash",
    pattern: /\\(?=[ \t]*\r?\n)/,
    title: () => "An expression goes on in the next line by itself",
    hint: "remove the `\\`",
  },
  {
    name: "DotExponent",
    pattern: /\d[\d_]*\.[eE][+-]?\d+/,
    readAs: t.NumberToken,
    code: "M0105",
    title: (written) => `\`${written}\` has no digit after its dot`,
    instead: (written) => written.replace(".", ""),
  },
  {
    name: "NumberSuffix",
    pattern: /\d[\d_]*\.\d+(?:[eE][+-]?\d+)?[fFlLdD](?![A-Za-z_0-9])/,
    readAs: t.NumberToken,
    code: "M0105",
    title: (written) => `\`${written}\` ends with a letter`,
    instead: (written) => written.slice(0, -1),
  },
  { name: "HashComment", pattern: /#[^\r\n]*/, title: () => "A comment starts with `//` here", instead: "//" },
  {
    name: "BlockComment",
    pattern: /\/\*[\s\S]*?(?:\*\/|(?![\s\S]))/,
    title: () => "A comment starts with `//` and ends with its line here",
    hint: "start each of its lines with `//`",
  },
  { name: "StarStar", pattern: "**", readAs: t.Caret, title: () => "A power is written with `^`", instead: "^" },
  {
    name: "MatrixRow",
    pattern: /;(?=[^[\]\r\n]{0,200}\])/,
    readAs: t.Comma,
    title: () => "The rows of a matrix are lists",
    hint: "write a list for each row: `[[1, 2], [3, 4]]`",
  },
  { name: "Semicolon", pattern: ";", title: () => "Nothing ends with `;` here", hint: "remove the `;`" },
  { name: "TripleEquals", pattern: "===", readAs: t.EqualEqual, instead: "==" },
  { name: "ColonEquals", pattern: ":=", readAs: t.Equals, instead: "=" },
  { name: "FatArrow", pattern: "=>", readAs: t.Arrow, instead: "->" },
  { name: "ThreeDots", pattern: "...", readAs: t.DotDot, instead: ".." },
  {
    name: "BareFraction",
    // after a name it is a part that there is not: `fit.100`
    pattern: /(?<![A-Za-z_0-9)\]])\.\d[\d_]*(?:[eE][+-]?\d+)?/,
    readAs: t.NumberToken,
    image: (written) => `0${written}`,
    code: "M0105",
    title: (written) => `\`${written}\` starts without a digit`,
    instead: (written) => `0${written}`,
  },
  {
    name: "BareDot",
    pattern: /\d[\d_]*\.(?![\d.A-Za-z_])/,
    readAs: t.NumberToken,
    code: "M0105",
    title: (written) => `\`${written}\` ends with a dot`,
    instead: (written) => `${written}0`,
  },
  {
    name: "HexNumber",
    pattern: /0[xXbBoO][0-9A-Fa-f]+/,
    readAs: t.NumberToken,
    code: "M0105",
    title: (written) => `\`${written}\` is not a decimal number`,
    instead: (written) => String(Number(written)),
  },
  {
    name: "OpenString",
    pattern: /"[^"\r\n]*/,
    readAs: t.StringToken,
    title: () => "This text is never closed",
    hint: 'close it with `"` on the same line',
  },
  {
    name: "SmartString",
    pattern: /[\u201c\u201d\u201e\u00ab][^\u201c\u201d\u00bb"\r\n]*[\u201c\u201d\u00bb"]/,
    readAs: t.StringToken,
    image: quoted,
    title: () => "These are typographic quotes",
    instead: quoted,
  },
  {
    // A prime follows a name directly; a quote that starts a text does not.
    name: "SingleString",
    pattern: /(?<![A-Za-z_0-9])['\u2018\u2019][\w./ -]*['\u2018\u2019]/,
    readAs: t.StringToken,
    image: quoted,
    title: () => "Texts stand between double quotes",
    instead: quoted,
  },
  { name: "SmartPrime", pattern: /[\u2018\u2019\u2032]/, readAs: t.Prime, instead: "'" },
  { name: "LongMinus", pattern: /[\u2212\u2013\u2014]/, readAs: t.Minus, instead: "-" },
  { name: "Times", pattern: /[\u00d7\u22c5\u00b7\u2217]/, readAs: t.Star, instead: "*" },
  { name: "Divide", pattern: /[\u00f7\u2215]/, readAs: t.Slash, instead: "/" },
  { name: "AtMost", pattern: "\u2264", readAs: t.LessEqual, instead: "<=" },
  { name: "AtLeast", pattern: "\u2265", readAs: t.GreaterEqual, instead: ">=" },
  { name: "Unequal", pattern: "\u2260", readAs: t.NotEqual, instead: "!=" },
  { name: "LongArrow", pattern: "\u2192", readAs: t.Arrow, instead: "->" },
  { name: "Ellipsis", pattern: "\u2026", readAs: t.DotDot, instead: ".." },
  { name: "DrawnFrom", pattern: "\u223c", readAs: t.Tilde, instead: "~" },
  { name: "Infinity", pattern: "\u221e", readAs: t.Identifier, image: () => "inf", instead: "inf" },
  {
    name: "ForeignName",
    pattern:
      /[A-Za-z_0-9]*[\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u1f00-\u1fff][A-Za-z_0-9\u0300-\u036f\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u1f00-\u1fff]*/,
    readAs: t.Identifier,
    image: (written) => plainName(written) || written,
    title: (written) => `\`${written}\` cannot be a name: names are made of a-z, A-Z, 0-9 and _`,
    instead: plainName,
  },
];

function foreignToken(row: ForeignRow): ForeignToken {
  const { instead, hint } = row;
  const cure = row.cure ?? ((written: string) => {
    const replacement = typeof instead === "function" ? instead(written) : instead;
    return replacement ? `write \`${replacement}\`` : "";
  });
  return {
    type: createToken({
      name: row.name,
      pattern: row.pattern,
      line_breaks: row.name === "BlockComment" || row.name === "DocString",
    }),
    ...(row.readAs && { readAs: row.readAs }),
    ...(row.image && { image: row.image }),
    code: row.code ?? "M0101",
    title: row.title ?? ((written) => `\`${written}\` is not written so here`),
    hint: hint === undefined ? cure : () => hint,
  };
}

/** The table, in the order the lexer tries them, all before the grammar's own tokens. */
export const foreignTokens: readonly ForeignToken[] = rows.map(foreignToken);
