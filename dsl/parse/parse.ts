// How does a text become a program? The way through lexer, parser, recovery and conversion, in one call.
import type { Program } from "../syntax/ast.ts";
import type { Conversion } from "./tree/cst_context.ts";
import { cstToAst } from "./tree/cst_to_ast.ts";
import type { ProgramCstNode } from "./grammar/cst_types.ts";
import { isWarning } from "../diagnostics/codes.ts";
import type { DiagnosticDraft } from "../diagnostics/diagnostic.ts";
import type { Grammar, Production } from "./grammar/grammar_lookup.ts";
import { tooManyNumbers } from "./inline_numbers.ts";
import { mostMistakes, tokenize } from "./tokens/lexer.ts";
import { type Limits, usualLimits } from "../../runtime/limits.ts";
import { MetaParser, TooManyErrors } from "./grammar/parser.ts";
import type { SourceText, Span } from "../text/source.ts";
import { syntaxErrors } from "./messages/syntax_errors.ts";
import { EOF, type IToken } from "./tokens/chevrotain.ts";
import { Stretches, type Torn } from "./torn_items.ts";

/** What a text says, as far as it could be read. */
export interface ParsedProgram {
  /** Holes are `Missing` expressions or absent items; every hole has a diagnostic. */
  readonly program: Program;
  /** Syntax errors, in the order of their places. */
  readonly diagnostics: readonly DiagnosticDraft[];
  /** The concrete syntax tree, for `--emit cst`. */
  readonly cst: ProgramCstNode | undefined;
  /** The text is too long to be read; the program is empty. */
  readonly refused?: true;
  /** What could not be read whole. */
  readonly torn?: Torn;
}

/** The parser and what error messages read of its grammar. */
interface Machine {
  readonly parser: MetaParser;
  readonly grammar: Grammar;
}

// One instance, reused: construction records the grammar and takes longer than most parses. The grammar's own checks run
// in `parser_test.ts`, not here.
let machine: Machine | undefined;

function startMachine(): Machine {
  const parser = new MetaParser({ skipValidations: true });
  let grammar: Grammar | undefined;
  return {
    parser,
    get grammar() {
      return grammar ??= new Map(
        parser.getSerializedGastProductions().map((rule) => {
          const production = rule as Production;
          return [production.name!, production];
        }),
      );
    },
  };
}

/** Chevrotain's recovery calls itself for every mistake in one list, and some thousand mistakes exhaust the stack: then the
 *  first half of the text has more than enough to report. */
function parseTokens(
  parser: MetaParser,
  tokens: readonly IToken[],
): { readonly cst: ProgramCstNode | undefined; readonly count: number } {
  for (let count = tokens.length;; count = Math.floor(count / 2)) {
    try {
      parser.input = tokens.slice(0, count);
      return { cst: parser.program() as ProgramCstNode | undefined, count };
    } catch (error) {
      if (error instanceof TooManyErrors) {
        // once more, up to there: what is missing at the cut is a consequence of it
        const met = tokens.indexOf(error.token);
        parser.mostErrors = Infinity;
        return parseTokens(parser, met < 0 ? tokens : tokens.slice(0, met));
      }
      if (!(error instanceof RangeError) || count === 0) throw error;
    }
  }
}

/** Where items begin. */
function itemStarts(cst: ProgramCstNode | undefined): number[] {
  return (cst?.children.item ?? []).flatMap(({ location }) =>
    location && location.startOffset >= 0 ? [location.startOffset] : []
  );
}

function sameLine({ text }: SourceText, a: Span, b: Span): boolean {
  return !text.slice(Math.min(a.start, b.start), Math.max(a.start, b.start)).includes("\n");
}

/** Parses a program; never throws, whatever the text. */
export function parseProgram(source: SourceText, limits: Limits = usualLimits): ParsedProgram {
  machine ??= startMachine();
  const { parser } = machine;
  const numbers = tooManyNumbers(source, limits);
  const lexed = tokenize(numbers ? { ...source, text: source.text.slice(0, numbers.at.start) } : source, limits);
  const { tokens, comments, written } = lexed;
  const warnings = lexed.diagnostics.filter(isWarning);
  const lexical = numbers ? [numbers] : lexed.diagnostics.filter((d) => !isWarning(d));
  const refused = numbers !== undefined || lexed.refused === true;
  parser.mostErrors = mostMistakes(limits);
  const { cst, count } = parseTokens(parser, tokens);
  const syntactic = refused || parser.errors.length === 0
    ? []
    : syntaxErrors(source, tokens, parser.errors, { grammar: machine.grammar, lexical });
  const stretches = new Stretches(source.text, written, itemStarts(cst));
  const end = source.text.length;
  for (const { token } of parser.errors) stretches.tearBefore(token.tokenType === EOF ? end : token.startOffset);
  if (count < tokens.length) stretches.tear(tokens[count]!.startOffset);
  for (const { at } of lexical) stretches.tear(at.start);
  const found: DiagnosticDraft[] = [];
  const conversion: Conversion = {
    source,
    comments,
    limits,
    recovered: (place) => stretches.isTorn(place),
    // what the conversion finds in a repaired tree may be the repair's fault
    report: (draft) => stretches.isTorn(draft.at.start) || found.push(draft),
  };
  const program = cstToAst(conversion, cst);
  for (const { at } of found) stretches.tear(at.start);
  const torn = stretches.torn(program.items);
  // a bracket that a comment swallowed is that comment's fault
  const swallowed = syntactic.length === 1 && warnings.find((w) => sameLine(source, w.at, syntactic[0]!.at));
  if (swallowed) return { program, diagnostics: [{ ...swallowed, code: "M0102" }], cst, ...(torn && { torn }) };
  const all = [...warnings, ...lexical, ...syntactic, ...found].sort((a, b) => a.at.start - b.at.start);
  return { program, diagnostics: all, cst, ...(refused && { refused }), ...(torn && { torn }) };
}
