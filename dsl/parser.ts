// What is a program, as a grammar? Declarations and loops over the expressions of `parser_expressions.ts`. The rules
// need one token of lookahead; tokens -> concrete syntax tree, with recovery after mistakes.
import { EOF } from "./chevrotain.ts";
import { ExpressionParser, type Rule } from "./parser_expressions.ts";
import * as t from "./tokens.ts";
import { keyword } from "./tokens.ts";

/** The whole grammar. */
export class MetaParser extends ExpressionParser {
  constructor(options: { readonly skipValidations: boolean }) {
    super(options.skipValidations);
    this.performSelfAnalysis();
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
      { ALT: () => this.SUBRULE(this.letItem) },
      { ALT: () => this.SUBRULE(this.functionItem) },
      { ALT: () => this.SUBRULE(this.dataItem) },
      { ALT: () => this.SUBRULE(this.taskItem) },
      { ALT: () => this.SUBRULE(this.modelItem) },
      { ALT: () => this.SUBRULE(this.optimizerItem) },
      { ALT: () => this.SUBRULE(this.loopItem) },
      { ALT: () => this.SUBRULE(this.overrideItem) },
      { ALT: () => this.SUBRULE(this.gradientItem) },
      { ALT: () => this.SUBRULE(this.recordItem) },
    ]);
  });

  // -------------------------------------------------------------------------------------------------- declarations

  editionItem: Rule = this.RULE("editionItem", () => {
    this.CONSUME(keyword("edition"));
    this.CONSUME(t.NumberToken);
  });

  precisionItem: Rule = this.RULE("precisionItem", () => {
    this.CONSUME(keyword("precision"));
    this.CONSUME(t.Name);
  });

  /** `memory 2 GB`, as an item and as a clause */
  memory: Rule = this.RULE("memory", () => {
    this.CONSUME(keyword("memory"));
    this.CONSUME(t.NumberToken);
    this.CONSUME(t.Name);
  });

  importItem: Rule = this.RULE("importItem", () => {
    this.CONSUME(keyword("import"));
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Name) });
    this.CONSUME(keyword("from"));
    this.CONSUME(t.StringToken);
  });

  inputItem: Rule = this.RULE("inputItem", () => {
    this.CONSUME(keyword("input"));
    this.SUBRULE(this.binding);
  });

  paramItem: Rule = this.RULE("paramItem", () => {
    this.CONSUME(keyword("param"));
    this.SUBRULE(this.binding);
  });

  letItem: Rule = this.RULE("letItem", () => {
    this.CONSUME(keyword("let"));
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  functionItem: Rule = this.RULE("functionItem", () => {
    this.CONSUME(keyword("fn"));
    this.CONSUME(t.Name);
    this.SUBRULE(this.formals);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  formals: Rule = this.RULE("formals", () => {
    this.CONSUME(t.LParen);
    this.MANY_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.formal) });
    this.CONSUME(t.RParen);
  });

  formal: Rule = this.RULE("formal", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.type);
    });
    this.OPTION2(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    });
  });

  /** `name : type = value in low .. high via word`; `lexer.ts` makes every name before `:`, `=` and `~` an identifier. */
  binding: Rule = this.RULE("binding", () => {
    this.CONSUME(t.Identifier);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Colon);
          this.SUBRULE(this.type);
          this.OPTION(() => this.SUBRULE(this.bindingValue));
        },
      },
      { ALT: () => this.SUBRULE2(this.bindingValue) },
    ]);
    this.OPTION2(() => this.SUBRULE(this.range));
    this.OPTION3(() => this.SUBRULE(this.via));
  });

  bindingValue: Rule = this.RULE("bindingValue", () => {
    this.OR([{ ALT: () => this.CONSUME(t.Equals) }, { ALT: () => this.CONSUME(t.Tilde) }]);
    this.SUBRULE(this.expression);
  });

  via: Rule = this.RULE("via", () => {
    this.CONSUME(keyword("via"));
    this.CONSUME(t.Name);
  });

  dataItem: Rule = this.RULE("dataItem", () => {
    this.CONSUME(keyword("data"));
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(keyword("from"));
      this.CONSUME(t.StringToken);
    });
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.binding));
    this.CONSUME(t.RBrace);
  });

  taskItem: Rule = this.RULE("taskItem", () => {
    this.CONSUME(keyword("task"));
    this.CONSUME(t.Name);
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.taskMember));
    this.CONSUME(t.RBrace);
  });

  taskMember: Rule = this.RULE("taskMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.split) },
      { ALT: () => this.SUBRULE(this.functionItem) },
      { ALT: () => this.SUBRULE(this.letItem) },
      { ALT: () => this.SUBRULE(this.binding) },
    ]);
  });

  split: Rule = this.RULE("split", () => {
    this.CONSUME(keyword("split"));
    this.CONSUME(t.Name);
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.splitMember));
    this.CONSUME(t.RBrace);
  });

  splitMember: Rule = this.RULE("splitMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.functionItem) },
      { ALT: () => this.SUBRULE(this.letItem) },
      { ALT: () => this.SUBRULE(this.binding) },
    ]);
  });

  /** Two lists make a sized model: `model dense(units : int)(x : [n, m]) -> [n, units] { … }` */
  modelItem: Rule = this.RULE("modelItem", () => {
    this.CONSUME(keyword("model"));
    this.CONSUME(t.Name);
    this.SUBRULE(this.formals);
    this.OPTION(() => this.SUBRULE2(this.formals));
    this.OPTION2(() => {
      this.CONSUME(t.Arrow);
      this.SUBRULE(this.type);
    });
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.modelMember));
    this.CONSUME(keyword("return"));
    this.SUBRULE(this.expression);
    this.CONSUME(t.RBrace);
  });

  modelMember: Rule = this.RULE("modelMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.use) },
      { ALT: () => this.SUBRULE(this.letItem) },
      { ALT: () => this.SUBRULE(this.binding) },
    ]);
  });

  use: Rule = this.RULE("use", () => {
    this.CONSUME(keyword("use"));
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  optimizerItem: Rule = this.RULE("optimizerItem", () => {
    this.CONSUME(keyword("optimizer"));
    this.CONSUME(t.Name);
    this.SUBRULE(this.formals);
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.optimizerMember));
    this.CONSUME(t.RBrace);
  });

  optimizerMember: Rule = this.RULE("optimizerMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.state) },
      { ALT: () => this.SUBRULE(this.letItem) },
      { ALT: () => this.SUBRULE(this.next) },
    ]);
  });

  state: Rule = this.RULE("state", () => {
    this.CONSUME(keyword("state"));
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.type);
    });
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  /** `v' = …` */
  next: Rule = this.RULE("next", () => {
    this.CONSUME(t.Identifier);
    this.CONSUME(t.Prime);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
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
      { ALT: () => this.SUBRULE(this.acrossClause) },
      { ALT: () => this.SUBRULE(this.batchClause) },
      { ALT: () => this.SUBRULE(this.clipClause) },
      { ALT: () => this.SUBRULE(this.throughClause) },
      { ALT: () => this.SUBRULE(this.fromClause) },
      { ALT: () => this.SUBRULE(this.memory) },
      { ALT: () => this.SUBRULE(this.reportClause) },
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

  acrossClause: Rule = this.RULE("acrossClause", () => {
    this.CONSUME(keyword("across"));
    this.SUBRULE(this.expression);
    this.CONSUME(t.Name);
    this.OPTION(() => this.CONSUME(keyword("fixed")));
  });

  batchClause: Rule = this.RULE("batchClause", () => {
    this.CONSUME(keyword("batch"));
    this.SUBRULE(this.expression);
    this.CONSUME(keyword("of"));
    this.SUBRULE(this.postfix);
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
  });

  reportClause: Rule = this.RULE("reportClause", () => {
    this.CONSUME(keyword("report"));
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(keyword("at"));
      this.SUBRULE(this.steps);
    });
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
        {
          ALT: () => {
            this.CONSUME(keyword("after"));
            this.CONSUME(t.Name);
          },
        },
        { ALT: () => this.SUBRULE(this.expect) },
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
