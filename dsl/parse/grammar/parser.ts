// What is a program, as a grammar? Items and loops, over `parser_declarations.ts` and `parser_expressions.ts`. The rules
// need one token of lookahead; tokens -> concrete syntax tree, with recovery after mistakes.
import { DeclarationParser } from "./parser_declarations.ts";
import type { Rule } from "./parser_expressions.ts";
import type { ClauseRule, ItemRule } from "./rule_names.ts";
import * as t from "../tokens/tokens.ts";
import { keyword } from "../tokens/tokens.ts";
import { EOF, type IRecognitionException, type IToken } from "../tokens/chevrotain.ts";

/** A text with more mistakes than are looked for. */
export class TooManyErrors extends Error {
  /** Where the next one was found. */
  readonly token: IToken;
  constructor(token: IToken) {
    super("Too many mistakes");
    this.token = token;
  }
}

/** The whole grammar. */
export class MetaParser extends DeclarationParser implements Readonly<Record<ItemRule | ClauseRule, Rule>> {
  /** Mistakes after which the text is not read on. */
  mostErrors = Infinity;

  constructor(options: { readonly skipValidations: boolean }) {
    super(options.skipValidations);
    this.performSelfAnalysis();
    // Chevrotain's own place for each error that it recovers from, which its types leave out
    const own = this as unknown as { SAVE_ERROR(error: IRecognitionException): IRecognitionException };
    const save = own.SAVE_ERROR;
    own.SAVE_ERROR = (error) => {
      if (this.errors.length >= this.mostErrors) throw new TooManyErrors(error.token);
      return save.call(this, error);
    };
  }

  program: Rule = this.RULE("program", () => {
    this.MANY(() => this.SUBRULE(this.item));
    // Explicit, or a missing bracket at the end of the text is not repaired.
    this.CONSUME(EOF);
  });

  item: Rule = this.RULE("item", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.editionItem) },
      { ALT: () => this.SUBRULE(this.precisionItem) },
      { ALT: () => this.SUBRULE(this.memory) },
      { ALT: () => this.SUBRULE(this.importItem) },
      { ALT: () => this.SUBRULE(this.inputItem) },
      { ALT: () => this.SUBRULE(this.paramItem) },
      { ALT: () => this.SUBRULE(this.startItem) },
      { ALT: () => this.SUBRULE(this.letItem) },
      { ALT: () => this.SUBRULE(this.functionItem) },
      { ALT: () => this.SUBRULE(this.dataItem) },
      { ALT: () => this.SUBRULE(this.partsItem) },
      { ALT: () => this.SUBRULE(this.taskItem) },
      { ALT: () => this.SUBRULE(this.modelItem) },
      { ALT: () => this.SUBRULE(this.optimizerItem) },
      { ALT: () => this.SUBRULE(this.loopItem) },
      { ALT: () => this.SUBRULE(this.overrideItem) },
      { ALT: () => this.SUBRULE(this.gradientItem) },
      { ALT: () => this.SUBRULE(this.outputItem) },
      { ALT: () => this.SUBRULE(this.recordItem) },
    ]);
  });

  // ---------------------------------------------------------------------------------------------------------- loops

  /** inner, outer and evaluate take any clause here; which one fits where is said by `cst_loops.ts`, in better words. */
  loopItem: Rule = this.RULE("loopItem", () => {
    this.OR([
      { ALT: () => this.CONSUME(keyword("inner"), { LABEL: "keyword" }) },
      { ALT: () => this.CONSUME(keyword("outer"), { LABEL: "keyword" }) },
      { ALT: () => this.CONSUME(keyword("evaluate"), { LABEL: "keyword" }) },
    ]);
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(keyword("after"));
      this.CONSUME2(t.Name, { LABEL: "after" });
    });
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.clause));
    this.CONSUME(t.RBrace);
  });

  clause: Rule = this.RULE("clause", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.minimizeClause) },
      { ALT: () => this.SUBRULE(this.overClause) },
      { ALT: () => this.SUBRULE(this.byClause) },
      { ALT: () => this.SUBRULE(this.forClause) },
      { ALT: () => this.SUBRULE(this.untilClause) },
      { ALT: () => this.SUBRULE(this.keepClause) },
      { ALT: () => this.SUBRULE(this.skipClause) },
      { ALT: () => this.SUBRULE(this.acrossClause) },
      { ALT: () => this.SUBRULE(this.batchClause) },
      { ALT: () => this.SUBRULE(this.clipClause) },
      { ALT: () => this.SUBRULE(this.throughClause) },
      { ALT: () => this.SUBRULE(this.fromClause) },
      { ALT: () => this.SUBRULE(this.memory) },
      { ALT: () => this.SUBRULE(this.reportClause) },
      { ALT: () => this.SUBRULE(this.bestClause) },
      { ALT: () => this.SUBRULE(this.everyClause) },
      { ALT: () => this.SUBRULE(this.holdClause) },
    ]);
  });

  minimizeClause: Rule = this.RULE("minimizeClause", () => {
    this.OR([
      { ALT: () => this.CONSUME(keyword("minimize")) },
      { ALT: () => this.CONSUME(keyword("maximize")) },
    ]);
    this.SUBRULE(this.expression);
  });

  overClause: Rule = this.RULE("overClause", () => {
    this.CONSUME(keyword("over"));
    this.SUBRULE(this.references);
  });

  byClause: Rule = this.RULE("byClause", () => {
    this.CONSUME(keyword("by"));
    this.SUBRULE(this.postfix);
  });

  /** `for T = 5 steps` and `for K steps` begin alike: both sides are expressions here. */
  forClause: Rule = this.RULE("forClause", () => {
    this.CONSUME(keyword("for"));
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE2(this.expression);
    });
    this.SUBRULE(this.stepsWord);
  });

  stepsWord: Rule = this.RULE("stepsWord", () => {
    this.OR([{ ALT: () => this.CONSUME(keyword("steps")) }, { ALT: () => this.CONSUME(keyword("step")) }]);
  });

  /** `until valid > 0.95`, `until valid has not improved for 500 steps` */
  untilClause: Rule = this.RULE("untilClause", () => {
    this.CONSUME(keyword("until"));
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(keyword("has"));
      this.CONSUME(t.Name);
      this.CONSUME2(t.Name);
      this.CONSUME(keyword("for"));
      this.SUBRULE2(this.expression);
      this.SUBRULE(this.stepsWord);
    });
  });

  keepClause: Rule = this.RULE("keepClause", () => {
    this.CONSUME(keyword("keep"));
    this.CONSUME(keyword("best"));
    this.CONSUME(keyword("of"));
    this.CONSUME(t.Name);
  });

  /** `skip not finite` */
  skipClause: Rule = this.RULE("skipClause", () => {
    this.CONSUME(keyword("skip"));
    this.CONSUME(t.Name);
    this.CONSUME2(t.Name);
  });

  acrossClause: Rule = this.RULE("acrossClause", () => {
    this.CONSUME(keyword("across"));
    this.SUBRULE(this.expression);
    this.CONSUME(t.Name);
    this.OPTION2(() => this.SUBRULE(this.call));
    this.OPTION(() => this.CONSUME(keyword("fixed")));
  });

  batchClause: Rule = this.RULE("batchClause", () => {
    this.CONSUME(keyword("batch"));
    this.SUBRULE(this.expression);
    this.CONSUME(keyword("of"));
    this.SUBRULE(this.postfix);
    this.OPTION(() => {
      this.CONSUME(keyword("each"));
      this.CONSUME(t.Name);
    });
  });

  clipClause: Rule = this.RULE("clipClause", () => {
    this.CONSUME(keyword("clip"));
    this.CONSUME(t.Name);
    this.SUBRULE(this.expression);
  });

  throughClause: Rule = this.RULE("throughClause", () => {
    this.CONSUME(keyword("through"));
    this.SUBRULE(this.postfix);
  });

  fromClause: Rule = this.RULE("fromClause", () => {
    this.CONSUME(keyword("from"));
    this.SUBRULE(this.postfix);
    this.OPTION(() => {
      this.CONSUME(keyword("with"));
      this.CONSUME(t.Name, { LABEL: "kept" });
      this.CONSUME2(t.Name, { LABEL: "what" });
    });
  });

  reportClause: Rule = this.RULE("reportClause", () => {
    this.CONSUME(keyword("report"));
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(keyword("at"));
      this.SUBRULE(this.steps);
    });
  });

  bestClause: Rule = this.RULE("bestClause", () => {
    this.CONSUME(keyword("best"));
    this.CONSUME(t.Name);
  });

  everyClause: Rule = this.RULE("everyClause", () => {
    this.CONSUME(keyword("every"));
    this.SUBRULE(this.expression);
    this.SUBRULE(this.stepsWord);
    this.OPTION(() => {
      this.CONSUME(keyword("of"));
      this.CONSUME(t.Name);
    });
  });

  holdClause: Rule = this.RULE("holdClause", () => {
    this.CONSUME(keyword("hold"));
    this.CONSUME(t.Name);
  });

  overrideItem: Rule = this.RULE("overrideItem", () => {
    this.CONSUME(keyword("override"));
    this.CONSUME(t.Name);
    this.CONSUME(t.LBrace);
    this.MANY({ GATE: () => this.startsEntry(), DEF: () => this.SUBRULE(this.overrideEntry) });
    this.CONSUME(t.RBrace);
  });

  overrideEntry: Rule = this.RULE("overrideEntry", () => {
    this.SUBRULE(this.reference);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
    this.MANY(() => {
      this.CONSUME(keyword("per"));
      this.CONSUME(t.Name);
    });
    this.OPTION(() => this.SUBRULE(this.range));
    this.OPTION2(() => this.SUBRULE(this.via));
  });

  /** What an entry of `override` and `expect` is about; it starts with a name, so that a wrong start is seen at once. */
  reference: Rule = this.RULE("reference", () => {
    this.CONSUME(t.Name);
    this.MANY(() => this.SUBRULE(this.suffix));
  });

  startItem: Rule = this.RULE("startItem", () => {
    this.CONSUME(keyword("start"));
    this.SUBRULE(this.references);
    this.CONSUME(keyword("from"));
    this.CONSUME(t.StringToken);
    this.OPTION(() => {
      this.CONSUME(keyword("as"));
      this.OR([
        { ALT: () => this.SUBRULE(this.reference) },
        { ALT: () => this.CONSUME2(t.StringToken) },
      ]);
    });
  });

  gradientItem: Rule = this.RULE("gradientItem", () => {
    this.CONSUME(keyword("gradient"));
    this.SUBRULE(this.expression);
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(keyword("wrt"));
            this.SUBRULE(this.references);
          },
        },
        { ALT: () => this.SUBRULE(this.acrossClause) },
        { ALT: () => this.SUBRULE(this.afterWhich) },
        { ALT: () => this.SUBRULE(this.expect) },
      ]);
    });
  });

  /** `after train` */
  afterWhich: Rule = this.RULE("afterWhich", () => {
    this.CONSUME(keyword("after"));
    this.CONSUME(t.Name);
  });

  outputItem: Rule = this.RULE("outputItem", () => {
    this.CONSUME(keyword("output"));
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
    this.MANY(() => {
      this.OR([
        { ALT: () => this.SUBRULE(this.acrossClause) },
        { ALT: () => this.SUBRULE(this.afterWhich) },
      ]);
    });
  });

  expect: Rule = this.RULE("expect", () => {
    this.CONSUME(keyword("expect"));
    this.CONSUME(t.LBrace);
    this.MANY({ GATE: () => this.startsEntry(), DEF: () => this.SUBRULE(this.expectEntry) });
    this.CONSUME(t.RBrace);
  });

  expectEntry: Rule = this.RULE("expectEntry", () => {
    this.SUBRULE(this.reference);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
    this.CONSUME(keyword("within"));
    this.SUBRULE2(this.expression);
  });

  recordItem: Rule = this.RULE("recordItem", () => {
    this.CONSUME(keyword("record"));
    this.SUBRULE(this.references);
    this.OPTION(() => {
      this.CONSUME(keyword("every"));
      this.SUBRULE(this.expression);
      this.SUBRULE(this.stepsWord);
    });
    this.OPTION2(() => {
      this.CONSUME(keyword("of"));
      this.CONSUME(keyword("task"));
      this.SUBRULE2(this.expression);
    });
  });
}
