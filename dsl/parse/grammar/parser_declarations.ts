// What is a declaration, as a grammar? Data, tasks, models, optimizers and small items; the middle third of the parser.
import { ExpressionParser, type Rule, type WiderRule } from "./parser_expressions.ts";
import * as t from "../tokens/tokens.ts";
import { keyword } from "../tokens/tokens.ts";

/** Everything that declares something and is not a loop. */
export abstract class DeclarationParser extends ExpressionParser {
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
  binding: WiderRule = this.RULE("binding", (inModel = false) => {
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
      {
        // what a state of a model becomes: `v' = …`
        GATE: () => inModel,
        ALT: () => {
          this.CONSUME(t.Prime);
          this.CONSUME(t.Equals);
          this.SUBRULE(this.expression);
        },
      },
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
    this.OR([
      { ALT: () => this.SUBRULE(this.wherePart) },
      {
        ALT: () => {
          this.OPTION(() => {
            this.CONSUME(keyword("from"));
            this.CONSUME(t.StringToken);
          });
          this.CONSUME(t.LBrace);
          this.MANY(() => this.SUBRULE(this.dataField));
          this.CONSUME(t.RBrace);
        },
      },
    ]);
  });

  /** `= glyphs where script < 30` */
  wherePart: Rule = this.RULE("wherePart", () => {
    this.CONSUME(t.Equals);
    this.CONSUME(t.Name);
    this.CONSUME(keyword("where"));
    this.SUBRULE(this.expression);
  });

  /** `split glyphs evenly by script into train 0.8, test 0.2` */
  partsItem: Rule = this.RULE("partsItem", () => {
    this.CONSUME(keyword("split"));
    this.CONSUME(t.Name);
    this.OPTION(() => this.CONSUME(keyword("evenly")));
    this.OPTION2(() => {
      this.CONSUME(keyword("by"));
      this.CONSUME2(t.Name, { LABEL: "field" });
    });
    this.CONSUME(keyword("into"));
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.share) });
  });

  share: Rule = this.RULE("share", () => {
    this.CONSUME(t.Name);
    this.SUBRULE(this.expression);
  });

  /** `x : [n, 3] from "a", "c" .. "d" missing 0`, `image : u8 [_, 28, 28] resized` */
  dataField: Rule = this.RULE("dataField", () => {
    this.SUBRULE(this.binding);
    this.OPTION(() => this.SUBRULE(this.columns));
    this.OPTION2(() => {
      this.CONSUME(keyword("missing"));
      this.SUBRULE(this.expression);
    });
    this.OPTION3(() => this.CONSUME(keyword("resized")));
  });

  columns: Rule = this.RULE("columns", () => {
    this.CONSUME(keyword("from"));
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Name);
          this.OR2([{ ALT: () => this.CONSUME(t.StringToken) }, { ALT: () => this.SUBRULE(this.folders) }]);
        },
      },
      { ALT: () => this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.columnRange) }) },
    ]);
  });

  /** `2`, `1 .. 2` */
  folders: Rule = this.RULE("folders", () => {
    this.CONSUME(t.NumberToken);
    this.OPTION(() => {
      this.CONSUME(t.DotDot);
      this.CONSUME2(t.NumberToken);
    });
  });

  columnRange: Rule = this.RULE("columnRange", () => {
    this.CONSUME(t.StringToken);
    this.OPTION(() => {
      this.CONSUME(t.DotDot);
      this.CONSUME2(t.StringToken);
    });
  });

  taskItem: Rule = this.RULE("taskItem", () => {
    this.CONSUME(keyword("task"));
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.formals));
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.taskMember));
    this.CONSUME(t.RBrace);
  });

  taskMember: Rule = this.RULE("taskMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.split) },
      { ALT: () => this.SUBRULE(this.classes) },
      { ALT: () => this.SUBRULE(this.functionItem) },
      { ALT: () => this.SUBRULE(this.letItem) },
      { ALT: () => this.SUBRULE(this.binding) },
    ]);
  });

  /** `classes ways of pool by character` */
  classes: Rule = this.RULE("classes", () => {
    this.CONSUME(keyword("classes"));
    this.SUBRULE(this.expression);
    this.CONSUME(keyword("of"));
    this.SUBRULE(this.postfix);
    this.CONSUME(keyword("by"));
    this.CONSUME(t.Name);
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
      { ALT: () => this.SUBRULE(this.rows) },
      { ALT: () => this.SUBRULE(this.functionItem) },
      { ALT: () => this.SUBRULE(this.letItem) },
      { ALT: () => this.SUBRULE(this.binding) },
    ]);
  });

  /** `draw shots of each`, `draw 20 of pool` */
  rows: Rule = this.RULE("rows", () => {
    this.CONSUME(keyword("draw"));
    this.SUBRULE(this.expression);
    this.CONSUME(keyword("of"));
    this.SUBRULE(this.postfix);
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
    this.OR([{ ALT: () => this.SUBRULE(this.results) }, { ALT: () => this.SUBRULE(this.expression) }]);
    this.CONSUME(t.RBrace);
  });

  /** `{ mean = m, spread = s }` */
  results: Rule = this.RULE("results", () => {
    this.CONSUME(t.LBrace);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.resultEntry) });
    this.CONSUME(t.RBrace);
  });

  resultEntry: Rule = this.RULE("resultEntry", () => {
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  modelMember: Rule = this.RULE("modelMember", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.use) },
      { ALT: () => this.SUBRULE(this.draw) },
      { ALT: () => this.SUBRULE(this.scan) },
      { ALT: () => this.SUBRULE(this.state) },
      { ALT: () => this.SUBRULE(this.letItem) },
      { ALT: () => this.SUBRULE(this.binding, { ARGS: [true] }) },
    ]);
  });

  use: Rule = this.RULE("use", () => {
    this.CONSUME(keyword("use"));
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  /** `draw u : [n] ~ uniform(0, 1)` */
  draw: Rule = this.RULE("draw", () => {
    this.CONSUME(keyword("draw"));
    this.CONSUME(t.Identifier);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.type);
    });
    this.CONSUME(t.Tilde);
    this.SUBRULE(this.expression);
  });

  /** `scan run over x in xs { … }`, `scan run over t in 0 .. 9 { … }` */
  scan: Rule = this.RULE("scan", () => {
    this.CONSUME(keyword("scan"));
    this.CONSUME(t.Name);
    this.CONSUME(keyword("over"));
    this.CONSUME2(t.Name);
    this.CONSUME(keyword("in"));
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(t.DotDot);
      this.SUBRULE2(this.expression);
    });
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.stepMember));
    this.CONSUME(t.RBrace);
  });

  optimizerItem: Rule = this.RULE("optimizerItem", () => {
    this.CONSUME(keyword("optimizer"));
    this.CONSUME(t.Name);
    this.SUBRULE(this.formals);
    this.CONSUME(t.LBrace);
    this.MANY(() => this.SUBRULE(this.stepMember));
    this.CONSUME(t.RBrace);
  });

  /** What is said of one step, by an optimizer or by a `scan` */
  stepMember: Rule = this.RULE("stepMember", () => {
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
}
