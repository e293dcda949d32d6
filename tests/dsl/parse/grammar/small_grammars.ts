// Which grammars need more than one token of lookahead? The smallest of each kind, for the test that must see it.
import type { Grammar } from "../../../../dsl/parse/grammar/grammar_lookup.ts";
import {
  createToken,
  type CstNode,
  CstParser,
  Lexer,
  type ParserMethod,
  type TokenType,
} from "../../../../dsl/parse/tokens/chevrotain.ts";
import { grammarOf } from "./lookahead.ts";

const word: TokenType = createToken({ name: "AnyWord", pattern: Lexer.NA });
const plain: TokenType = createToken({ name: "Plain", pattern: /[a-z]+/, categories: [word] });
const key: TokenType = createToken({ name: "Key", pattern: "key", categories: [word] });
const comma: TokenType = createToken({ name: "Comma", pattern: "," });
const end: TokenType = createToken({ name: "End", pattern: ";" });

/** The tokens of these grammars: `AnyWord` stands for `Plain` and `Key`. */
export const smallTokens: readonly TokenType[] = [key, plain, comma, end, word];

type Rule = ParserMethod<[], CstNode>;

abstract class Small extends CstParser {
  constructor() {
    super([...smallTokens], { maxLookahead: 1, skipValidations: true });
  }

  recorded(): Grammar {
    this.performSelfAnalysis();
    return grammarOf(this);
  }

  words: Rule = this.RULE("words", () => {
    this.AT_LEAST_ONE_SEP({ SEP: comma, DEF: () => this.CONSUME(word) });
  });

  perhaps: Rule = this.RULE("perhaps", () => {
    this.OPTION(() => this.CONSUME(key));
  });
}

/** Each with its one clash. */
export const ambiguous: Readonly<Record<string, readonly [clash: string, small: () => Small]>> = {
  "two alternatives begin alike": [
    "start: Plain begins alternatives 1 and 3",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.OR([
            { ALT: () => this.CONSUME(plain) },
            { ALT: () => this.CONSUME(key) },
            {
              ALT: () => {
                this.CONSUME2(plain);
                this.CONSUME(comma);
              },
            },
          ]);
        });
      }(),
  ],
  "a keyword is a name too": [
    "start: Key begins alternatives 1 and 2",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.OR([{ ALT: () => this.CONSUME(key) }, { ALT: () => this.CONSUME(word) }]);
        });
      }(),
  ],
  "an empty alternative, and what comes after": [
    "inner: Key begins alternatives 1 and 2",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.SUBRULE(this.inner);
          this.CONSUME(key);
        });
        inner: Rule = this.RULE("inner", () => {
          this.OR([{ ALT: () => this.CONSUME(key) }, { ALT: () => this.OPTION(() => this.CONSUME(comma)) }]);
        });
      }(),
  ],
  "a part that may be left out, and what comes after its rule": [
    "perhaps: Key begins a part and what comes after",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.SUBRULE(this.perhaps);
          this.CONSUME(key);
        });
      }(),
  ],
  "what comes after lies behind two more that may be empty": [
    "perhaps: Key begins a part and what comes after",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.SUBRULE(this.middle);
          this.MANY(() => this.CONSUME(comma));
          this.OPTION(() => this.CONSUME(end));
          this.CONSUME(key);
        });
        middle: Rule = this.RULE("middle", () => {
          this.SUBRULE(this.perhaps);
        });
      }(),
  ],
  "a repetition ends with what it begins with": [
    "perhaps: Key begins a part and what comes after",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.MANY(() => {
            this.CONSUME(key);
            this.CONSUME(comma);
            this.SUBRULE(this.perhaps);
          });
        });
      }(),
  ],
  "a repetition, and what comes after": [
    "start: Key begins a part and what comes after",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.MANY(() => this.CONSUME(key));
          this.CONSUME(word);
        });
      }(),
  ],
  "a repetition of one at least, and what comes after": [
    "start: Key goes on and comes after",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.AT_LEAST_ONE(() => this.CONSUME(key));
          this.CONSUME(word);
        });
      }(),
  ],
  "a separator that comes after too": [
    "words: Comma goes on and comes after",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.SUBRULE(this.words);
          this.OPTION(() => {
            this.CONSUME(comma);
            this.CONSUME(end);
          });
        });
      }(),
  ],
  "lists of lists with one separator": [
    "words: Comma goes on and comes after",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.AT_LEAST_ONE_SEP({ SEP: comma, DEF: () => this.SUBRULE(this.words) });
          this.CONSUME(end);
        });
      }(),
  ],
  "a list that may be empty, and what comes after": [
    "start: Plain begins a part and what comes after",
    () =>
      new class extends Small {
        start: Rule = this.RULE("start", () => {
          this.MANY_SEP({ SEP: comma, DEF: () => this.CONSUME(plain) });
          this.CONSUME2(plain);
        });
      }(),
  ],
};
