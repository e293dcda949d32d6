// What is an expression, as a grammar? The lowest third of the parser; `parser_declarations.ts` and
// `parser.ts` add the rest.
// A `CstParser` runs its rules once at construction to record them: no actions here, only grammar.
import { blockOpeners } from "../../syntax/keywords.ts";
import { encodingMessages } from "./parser_messages.ts";
import * as t from "../tokens/tokens.ts";
import { keyword } from "../tokens/tokens.ts";
import { type CstNode, CstParser, EOF, type ParserMethod } from "../tokens/chevrotain.ts";

/** A grammar rule. */
export type Rule = ParserMethod<[], CstNode>;

/** A rule that reads more where it is told to. */
export type WiderRule = ParserMethod<[wider?: boolean], CstNode>;

/** Expressions, types and names. Operators are parsed as a flat list; `cst_expressions.ts` folds it by precedence. */
export abstract class ExpressionParser extends CstParser {
  constructor(skipValidations: boolean) {
    super([...t.grammarTokens], {
      recoveryEnabled: true,
      maxLookahead: 1,
      nodeLocationTracking: "onlyOffset",
      errorMessageProvider: encodingMessages,
      skipValidations,
    });
  }

  /** Is the next word the start of a block that follows a forgotten value (`let y =`, then `inner fit {`)? No
   *  expression continues with a name and a bracket, so no right program is read otherwise; but what
   *  follows a value that is called like a keyword may begin so: `report model  report (a + b)`. */
  #startsBlock(): boolean {
    const first = this.LA(1);
    const openers = first.tokenType === t.Identifier ? undefined : blockOpeners.get(first.image);
    if (openers === undefined || !this.LA(2).tokenType.CATEGORIES?.includes(t.Name)) return false;
    const third = this.LA(3).image;
    if (third === "(" && (this.LA(2).tokenType !== t.Identifier || !this.#startsBody(4))) return false;
    if (third === "after") return openers.includes(third) && this.LA(5).tokenType === t.LBrace;
    return openers.includes(third) && (third !== "from" || this.LA(4).tokenType === t.StringToken);
  }

  /** Does a body, or a second list, follow the list that token `ahead` is the first in? `across model episode(known)` is a clause. */
  #startsBody(ahead: number): boolean {
    for (let open = 1; open > 0; ahead++) {
      const { tokenType } = this.LA(ahead);
      if (tokenType === EOF) return true;
      open += tokenType === t.LParen ? 1 : tokenType === t.RParen ? -1 : 0;
    }
    return ["{", "(", "->"].includes(this.LA(ahead).image);
  }

  /** `for t in`, also `for t = 1 ..`, but not the clause `for T = 5 steps` after a forgotten bracket. */
  #startsComprehension(): boolean {
    if (this.LA(3).tokenType !== t.Equals) {
      return this.LA(3).image !== "steps" && this.LA(2).tokenType !== t.NumberToken;
    }
    return [4, 5, 6, 7, 8].some((ahead) => this.LA(ahead).tokenType === t.DotDot);
  }

  /** Is the next word an entry's name, and not the keyword of an item that follows a forgotten bracket? */
  protected startsEntry(): boolean {
    const next = this.LA(2).tokenType;
    return this.LA(1).tokenType === t.Identifier || next === t.Dot || next === t.At || next === t.LBracket;
  }

  /** `operand { operator operand }`; assignment, `in` and the other links are no operators. */
  expression: Rule = this.RULE("expression", () => {
    this.SUBRULE(this.operand);
    this.MANY(() => {
      this.CONSUME(t.Operator);
      this.SUBRULE2(this.operand);
    });
  });

  operand: Rule = this.RULE("operand", () => {
    this.MANY(() => this.CONSUME(t.Minus));
    this.SUBRULE(this.postfix);
  });

  postfix: Rule = this.RULE("postfix", () => {
    this.SUBRULE(this.primary);
    this.MANY(() => this.SUBRULE(this.suffix));
  });

  primary: Rule = this.RULE("primary", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.NumberToken) },
      {
        GATE: () => !this.#startsBlock(),
        ALT: () => {
          this.CONSUME(t.Name);
          this.OPTION(() => this.CONSUME(t.Prime));
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.LParen);
          this.SUBRULE(this.expression);
          this.CONSUME(t.RParen);
        },
      },
      { ALT: () => this.SUBRULE(this.list) },
    ]);
  });

  /** `[a, b]`; `[]` is the empty list of sizes. */
  list: Rule = this.RULE("list", () => {
    this.CONSUME(t.LBracket);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) });
    this.CONSUME(t.RBracket);
  });

  suffix: Rule = this.RULE("suffix", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.time) },
      { ALT: () => this.SUBRULE(this.member) },
      { ALT: () => this.SUBRULE(this.call) },
      { ALT: () => this.SUBRULE(this.index) },
    ]);
  });

  /** `@0`, `@t`, `@*`, `@(T - 1)` */
  time: Rule = this.RULE("time", () => {
    this.CONSUME(t.At);
    this.OR([
      { ALT: () => this.CONSUME(t.NumberToken) },
      { ALT: () => this.CONSUME(t.Name) },
      { ALT: () => this.CONSUME(t.Star) },
      {
        ALT: () => {
          this.CONSUME(t.LParen);
          this.SUBRULE(this.expression);
          this.CONSUME(t.RParen);
        },
      },
    ]);
  });

  member: Rule = this.RULE("member", () => {
    this.CONSUME(t.Dot);
    this.CONSUME(t.Word);
  });

  /** `(a, name = b)` or `(body for t in 1 .. T)` */
  call: Rule = this.RULE("call", () => {
    this.CONSUME(t.LParen);
    this.OPTION(() => {
      this.SUBRULE(this.argument);
      this.OPTION2({ GATE: () => this.#startsComprehension(), DEF: () => this.SUBRULE(this.comprehension) });
      this.MANY(() => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.argument);
      });
    });
    this.CONSUME(t.RParen);
  });

  /** `value` or `name = value`: one rule, as both may start with a name; the left side is checked afterwards. */
  argument: Rule = this.RULE("argument", () => {
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE2(this.expression);
    });
  });

  comprehension: Rule = this.RULE("comprehension", () => {
    this.CONSUME(keyword("for"));
    this.SUBRULE(this.steps);
  });

  /** `t in 1 .. T` */
  steps: Rule = this.RULE("steps", () => {
    this.CONSUME(t.Name);
    this.CONSUME(keyword("in"));
    this.SUBRULE(this.expression);
    this.CONSUME(t.DotDot);
    this.SUBRULE2(this.expression);
  });

  index: Rule = this.RULE("index", () => {
    this.CONSUME(t.LBracket);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.indexEntry) });
    this.CONSUME(t.RBracket);
  });

  /** `i`, or `low .. high` */
  indexEntry: Rule = this.RULE("indexEntry", () => {
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(t.DotDot);
      this.SUBRULE2(this.expression);
    });
  });

  references: Rule = this.RULE("references", () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.postfix) });
  });

  /** `int`, `[n, 1]`, `int [100]`: the dtype first, or it could not be told from the next member's name. */
  type: Rule = this.RULE("type", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Name);
          this.OPTION(() => this.SUBRULE(this.list));
        },
      },
      { ALT: () => this.SUBRULE2(this.list) },
    ]);
  });

  /** `in low .. high` */
  range: Rule = this.RULE("range", () => {
    this.CONSUME(keyword("in"));
    this.SUBRULE(this.expression);
    this.CONSUME(t.DotDot);
    this.SUBRULE2(this.expression);
  });
}
