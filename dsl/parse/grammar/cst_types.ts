// What can a concrete syntax tree hold? Written by `generate_cst_types.ts` from the grammar; do not edit.
// Every child is optional: recovery leaves out what the text lacks.
import type { CstNode, IToken } from "../tokens/chevrotain.ts";

/** The rule `expression`. */
export interface ExpressionCstNode extends CstNode {
  readonly name: "expression";
  readonly children: ExpressionCstChildren;
}

/** What `expression` holds, by token and rule. */
export type ExpressionCstChildren = {
  operand?: OperandCstNode[];
  Operator?: IToken[];
};

/** The rule `operand`. */
export interface OperandCstNode extends CstNode {
  readonly name: "operand";
  readonly children: OperandCstChildren;
}

/** What `operand` holds, by token and rule. */
export type OperandCstChildren = {
  Minus?: IToken[];
  postfix?: PostfixCstNode[];
};

/** The rule `postfix`. */
export interface PostfixCstNode extends CstNode {
  readonly name: "postfix";
  readonly children: PostfixCstChildren;
}

/** What `postfix` holds, by token and rule. */
export type PostfixCstChildren = {
  primary?: PrimaryCstNode[];
  suffix?: SuffixCstNode[];
};

/** The rule `primary`. */
export interface PrimaryCstNode extends CstNode {
  readonly name: "primary";
  readonly children: PrimaryCstChildren;
}

/** What `primary` holds, by token and rule. */
export type PrimaryCstChildren = {
  Number?: IToken[];
  Name?: IToken[];
  Prime?: IToken[];
  LParen?: IToken[];
  expression?: ExpressionCstNode[];
  RParen?: IToken[];
  list?: ListCstNode[];
};

/** The rule `list`. */
export interface ListCstNode extends CstNode {
  readonly name: "list";
  readonly children: ListCstChildren;
}

/** What `list` holds, by token and rule. */
export type ListCstChildren = {
  LBracket?: IToken[];
  expression?: ExpressionCstNode[];
  Comma?: IToken[];
  RBracket?: IToken[];
};

/** The rule `suffix`. */
export interface SuffixCstNode extends CstNode {
  readonly name: "suffix";
  readonly children: SuffixCstChildren;
}

/** What `suffix` holds, by token and rule. */
export type SuffixCstChildren = {
  time?: TimeCstNode[];
  member?: MemberCstNode[];
  call?: CallCstNode[];
  index?: IndexCstNode[];
};

/** The rule `time`. */
export interface TimeCstNode extends CstNode {
  readonly name: "time";
  readonly children: TimeCstChildren;
}

/** What `time` holds, by token and rule. */
export type TimeCstChildren = {
  AtSign?: IToken[];
  Number?: IToken[];
  Name?: IToken[];
  Star?: IToken[];
  LParen?: IToken[];
  expression?: ExpressionCstNode[];
  RParen?: IToken[];
};

/** The rule `member`. */
export interface MemberCstNode extends CstNode {
  readonly name: "member";
  readonly children: MemberCstChildren;
}

/** What `member` holds, by token and rule. */
export type MemberCstChildren = {
  Dot?: IToken[];
  Word?: IToken[];
};

/** The rule `call`. */
export interface CallCstNode extends CstNode {
  readonly name: "call";
  readonly children: CallCstChildren;
}

/** What `call` holds, by token and rule. */
export type CallCstChildren = {
  LParen?: IToken[];
  argument?: ArgumentCstNode[];
  comprehension?: ComprehensionCstNode[];
  Comma?: IToken[];
  RParen?: IToken[];
};

/** The rule `argument`. */
export interface ArgumentCstNode extends CstNode {
  readonly name: "argument";
  readonly children: ArgumentCstChildren;
}

/** What `argument` holds, by token and rule. */
export type ArgumentCstChildren = {
  expression?: ExpressionCstNode[];
  Equals?: IToken[];
};

/** The rule `comprehension`. */
export interface ComprehensionCstNode extends CstNode {
  readonly name: "comprehension";
  readonly children: ComprehensionCstChildren;
}

/** What `comprehension` holds, by token and rule. */
export type ComprehensionCstChildren = {
  For?: IToken[];
  steps?: StepsCstNode[];
};

/** The rule `steps`. */
export interface StepsCstNode extends CstNode {
  readonly name: "steps";
  readonly children: StepsCstChildren;
}

/** What `steps` holds, by token and rule. */
export type StepsCstChildren = {
  Name?: IToken[];
  In?: IToken[];
  expression?: ExpressionCstNode[];
  DotDot?: IToken[];
};

/** The rule `index`. */
export interface IndexCstNode extends CstNode {
  readonly name: "index";
  readonly children: IndexCstChildren;
}

/** What `index` holds, by token and rule. */
export type IndexCstChildren = {
  LBracket?: IToken[];
  expression?: ExpressionCstNode[];
  Comma?: IToken[];
  RBracket?: IToken[];
};

/** The rule `references`. */
export interface ReferencesCstNode extends CstNode {
  readonly name: "references";
  readonly children: ReferencesCstChildren;
}

/** What `references` holds, by token and rule. */
export type ReferencesCstChildren = {
  postfix?: PostfixCstNode[];
  Comma?: IToken[];
};

/** The rule `type`. */
export interface TypeCstNode extends CstNode {
  readonly name: "type";
  readonly children: TypeCstChildren;
}

/** What `type` holds, by token and rule. */
export type TypeCstChildren = {
  Name?: IToken[];
  list?: ListCstNode[];
};

/** The rule `range`. */
export interface RangeCstNode extends CstNode {
  readonly name: "range";
  readonly children: RangeCstChildren;
}

/** What `range` holds, by token and rule. */
export type RangeCstChildren = {
  In?: IToken[];
  expression?: ExpressionCstNode[];
  DotDot?: IToken[];
};

/** The rule `editionItem`. */
export interface EditionItemCstNode extends CstNode {
  readonly name: "editionItem";
  readonly children: EditionItemCstChildren;
}

/** What `editionItem` holds, by token and rule. */
export type EditionItemCstChildren = {
  Edition?: IToken[];
  Number?: IToken[];
};

/** The rule `precisionItem`. */
export interface PrecisionItemCstNode extends CstNode {
  readonly name: "precisionItem";
  readonly children: PrecisionItemCstChildren;
}

/** What `precisionItem` holds, by token and rule. */
export type PrecisionItemCstChildren = {
  Precision?: IToken[];
  Name?: IToken[];
};

/** The rule `memory`. */
export interface MemoryCstNode extends CstNode {
  readonly name: "memory";
  readonly children: MemoryCstChildren;
}

/** What `memory` holds, by token and rule. */
export type MemoryCstChildren = {
  Memory?: IToken[];
  Number?: IToken[];
  Name?: IToken[];
};

/** The rule `importItem`. */
export interface ImportItemCstNode extends CstNode {
  readonly name: "importItem";
  readonly children: ImportItemCstChildren;
}

/** What `importItem` holds, by token and rule. */
export type ImportItemCstChildren = {
  Import?: IToken[];
  Name?: IToken[];
  Comma?: IToken[];
  From?: IToken[];
  String?: IToken[];
};

/** The rule `inputItem`. */
export interface InputItemCstNode extends CstNode {
  readonly name: "inputItem";
  readonly children: InputItemCstChildren;
}

/** What `inputItem` holds, by token and rule. */
export type InputItemCstChildren = {
  Input?: IToken[];
  binding?: BindingCstNode[];
};

/** The rule `paramItem`. */
export interface ParamItemCstNode extends CstNode {
  readonly name: "paramItem";
  readonly children: ParamItemCstChildren;
}

/** What `paramItem` holds, by token and rule. */
export type ParamItemCstChildren = {
  Param?: IToken[];
  binding?: BindingCstNode[];
};

/** The rule `letItem`. */
export interface LetItemCstNode extends CstNode {
  readonly name: "letItem";
  readonly children: LetItemCstChildren;
}

/** What `letItem` holds, by token and rule. */
export type LetItemCstChildren = {
  Let?: IToken[];
  Name?: IToken[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `functionItem`. */
export interface FunctionItemCstNode extends CstNode {
  readonly name: "functionItem";
  readonly children: FunctionItemCstChildren;
}

/** What `functionItem` holds, by token and rule. */
export type FunctionItemCstChildren = {
  Fn?: IToken[];
  Name?: IToken[];
  formals?: FormalsCstNode[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `formals`. */
export interface FormalsCstNode extends CstNode {
  readonly name: "formals";
  readonly children: FormalsCstChildren;
}

/** What `formals` holds, by token and rule. */
export type FormalsCstChildren = {
  LParen?: IToken[];
  formal?: FormalCstNode[];
  Comma?: IToken[];
  RParen?: IToken[];
};

/** The rule `formal`. */
export interface FormalCstNode extends CstNode {
  readonly name: "formal";
  readonly children: FormalCstChildren;
}

/** What `formal` holds, by token and rule. */
export type FormalCstChildren = {
  Name?: IToken[];
  Colon?: IToken[];
  type?: TypeCstNode[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `binding`. */
export interface BindingCstNode extends CstNode {
  readonly name: "binding";
  readonly children: BindingCstChildren;
}

/** What `binding` holds, by token and rule. */
export type BindingCstChildren = {
  Identifier?: IToken[];
  Colon?: IToken[];
  type?: TypeCstNode[];
  bindingValue?: BindingValueCstNode[];
  range?: RangeCstNode[];
  via?: ViaCstNode[];
};

/** The rule `bindingValue`. */
export interface BindingValueCstNode extends CstNode {
  readonly name: "bindingValue";
  readonly children: BindingValueCstChildren;
}

/** What `bindingValue` holds, by token and rule. */
export type BindingValueCstChildren = {
  Equals?: IToken[];
  Tilde?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `via`. */
export interface ViaCstNode extends CstNode {
  readonly name: "via";
  readonly children: ViaCstChildren;
}

/** What `via` holds, by token and rule. */
export type ViaCstChildren = {
  Via?: IToken[];
  Name?: IToken[];
};

/** The rule `dataItem`. */
export interface DataItemCstNode extends CstNode {
  readonly name: "dataItem";
  readonly children: DataItemCstChildren;
}

/** What `dataItem` holds, by token and rule. */
export type DataItemCstChildren = {
  Data?: IToken[];
  Name?: IToken[];
  From?: IToken[];
  String?: IToken[];
  LBrace?: IToken[];
  dataField?: DataFieldCstNode[];
  RBrace?: IToken[];
};

/** The rule `dataField`. */
export interface DataFieldCstNode extends CstNode {
  readonly name: "dataField";
  readonly children: DataFieldCstChildren;
}

/** What `dataField` holds, by token and rule. */
export type DataFieldCstChildren = {
  binding?: BindingCstNode[];
  columns?: ColumnsCstNode[];
  Missing?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `columns`. */
export interface ColumnsCstNode extends CstNode {
  readonly name: "columns";
  readonly children: ColumnsCstChildren;
}

/** What `columns` holds, by token and rule. */
export type ColumnsCstChildren = {
  From?: IToken[];
  columnRange?: ColumnRangeCstNode[];
  Comma?: IToken[];
};

/** The rule `columnRange`. */
export interface ColumnRangeCstNode extends CstNode {
  readonly name: "columnRange";
  readonly children: ColumnRangeCstChildren;
}

/** What `columnRange` holds, by token and rule. */
export type ColumnRangeCstChildren = {
  String?: IToken[];
  DotDot?: IToken[];
};

/** The rule `taskItem`. */
export interface TaskItemCstNode extends CstNode {
  readonly name: "taskItem";
  readonly children: TaskItemCstChildren;
}

/** What `taskItem` holds, by token and rule. */
export type TaskItemCstChildren = {
  Task?: IToken[];
  Name?: IToken[];
  LBrace?: IToken[];
  taskMember?: TaskMemberCstNode[];
  RBrace?: IToken[];
};

/** The rule `taskMember`. */
export interface TaskMemberCstNode extends CstNode {
  readonly name: "taskMember";
  readonly children: TaskMemberCstChildren;
}

/** What `taskMember` holds, by token and rule. */
export type TaskMemberCstChildren = {
  split?: SplitCstNode[];
  functionItem?: FunctionItemCstNode[];
  letItem?: LetItemCstNode[];
  binding?: BindingCstNode[];
};

/** The rule `split`. */
export interface SplitCstNode extends CstNode {
  readonly name: "split";
  readonly children: SplitCstChildren;
}

/** What `split` holds, by token and rule. */
export type SplitCstChildren = {
  Split?: IToken[];
  Name?: IToken[];
  LBrace?: IToken[];
  splitMember?: SplitMemberCstNode[];
  RBrace?: IToken[];
};

/** The rule `splitMember`. */
export interface SplitMemberCstNode extends CstNode {
  readonly name: "splitMember";
  readonly children: SplitMemberCstChildren;
}

/** What `splitMember` holds, by token and rule. */
export type SplitMemberCstChildren = {
  functionItem?: FunctionItemCstNode[];
  letItem?: LetItemCstNode[];
  binding?: BindingCstNode[];
};

/** The rule `modelItem`. */
export interface ModelItemCstNode extends CstNode {
  readonly name: "modelItem";
  readonly children: ModelItemCstChildren;
}

/** What `modelItem` holds, by token and rule. */
export type ModelItemCstChildren = {
  Model?: IToken[];
  Name?: IToken[];
  formals?: FormalsCstNode[];
  Arrow?: IToken[];
  type?: TypeCstNode[];
  LBrace?: IToken[];
  modelMember?: ModelMemberCstNode[];
  Return?: IToken[];
  expression?: ExpressionCstNode[];
  RBrace?: IToken[];
};

/** The rule `modelMember`. */
export interface ModelMemberCstNode extends CstNode {
  readonly name: "modelMember";
  readonly children: ModelMemberCstChildren;
}

/** What `modelMember` holds, by token and rule. */
export type ModelMemberCstChildren = {
  use?: UseCstNode[];
  draw?: DrawCstNode[];
  scan?: ScanCstNode[];
  letItem?: LetItemCstNode[];
  binding?: BindingCstNode[];
};

/** The rule `use`. */
export interface UseCstNode extends CstNode {
  readonly name: "use";
  readonly children: UseCstChildren;
}

/** What `use` holds, by token and rule. */
export type UseCstChildren = {
  Use?: IToken[];
  Name?: IToken[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `draw`. */
export interface DrawCstNode extends CstNode {
  readonly name: "draw";
  readonly children: DrawCstChildren;
}

/** What `draw` holds, by token and rule. */
export type DrawCstChildren = {
  Draw?: IToken[];
  Identifier?: IToken[];
  Colon?: IToken[];
  type?: TypeCstNode[];
  Tilde?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `scan`. */
export interface ScanCstNode extends CstNode {
  readonly name: "scan";
  readonly children: ScanCstChildren;
}

/** What `scan` holds, by token and rule. */
export type ScanCstChildren = {
  Scan?: IToken[];
  Name?: IToken[];
  Over?: IToken[];
  In?: IToken[];
  expression?: ExpressionCstNode[];
  DotDot?: IToken[];
  LBrace?: IToken[];
  stepMember?: StepMemberCstNode[];
  RBrace?: IToken[];
};

/** The rule `optimizerItem`. */
export interface OptimizerItemCstNode extends CstNode {
  readonly name: "optimizerItem";
  readonly children: OptimizerItemCstChildren;
}

/** What `optimizerItem` holds, by token and rule. */
export type OptimizerItemCstChildren = {
  Optimizer?: IToken[];
  Name?: IToken[];
  formals?: FormalsCstNode[];
  LBrace?: IToken[];
  stepMember?: StepMemberCstNode[];
  RBrace?: IToken[];
};

/** The rule `stepMember`. */
export interface StepMemberCstNode extends CstNode {
  readonly name: "stepMember";
  readonly children: StepMemberCstChildren;
}

/** What `stepMember` holds, by token and rule. */
export type StepMemberCstChildren = {
  state?: StateCstNode[];
  letItem?: LetItemCstNode[];
  next?: NextCstNode[];
};

/** The rule `state`. */
export interface StateCstNode extends CstNode {
  readonly name: "state";
  readonly children: StateCstChildren;
}

/** What `state` holds, by token and rule. */
export type StateCstChildren = {
  State?: IToken[];
  Name?: IToken[];
  Colon?: IToken[];
  type?: TypeCstNode[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `next`. */
export interface NextCstNode extends CstNode {
  readonly name: "next";
  readonly children: NextCstChildren;
}

/** What `next` holds, by token and rule. */
export type NextCstChildren = {
  Identifier?: IToken[];
  Prime?: IToken[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `program`. */
export interface ProgramCstNode extends CstNode {
  readonly name: "program";
  readonly children: ProgramCstChildren;
}

/** What `program` holds, by token and rule. */
export type ProgramCstChildren = {
  item?: ItemCstNode[];
  EOF?: IToken[];
};

/** The rule `item`. */
export interface ItemCstNode extends CstNode {
  readonly name: "item";
  readonly children: ItemCstChildren;
}

/** What `item` holds, by token and rule. */
export type ItemCstChildren = {
  editionItem?: EditionItemCstNode[];
  precisionItem?: PrecisionItemCstNode[];
  memory?: MemoryCstNode[];
  importItem?: ImportItemCstNode[];
  inputItem?: InputItemCstNode[];
  paramItem?: ParamItemCstNode[];
  letItem?: LetItemCstNode[];
  functionItem?: FunctionItemCstNode[];
  dataItem?: DataItemCstNode[];
  taskItem?: TaskItemCstNode[];
  modelItem?: ModelItemCstNode[];
  optimizerItem?: OptimizerItemCstNode[];
  loopItem?: LoopItemCstNode[];
  overrideItem?: OverrideItemCstNode[];
  gradientItem?: GradientItemCstNode[];
  recordItem?: RecordItemCstNode[];
};

/** The rule `loopItem`. */
export interface LoopItemCstNode extends CstNode {
  readonly name: "loopItem";
  readonly children: LoopItemCstChildren;
}

/** What `loopItem` holds, by token and rule. */
export type LoopItemCstChildren = {
  keyword?: IToken[];
  Name?: IToken[];
  LBrace?: IToken[];
  clause?: ClauseCstNode[];
  RBrace?: IToken[];
};

/** The rule `clause`. */
export interface ClauseCstNode extends CstNode {
  readonly name: "clause";
  readonly children: ClauseCstChildren;
}

/** What `clause` holds, by token and rule. */
export type ClauseCstChildren = {
  minimizeClause?: MinimizeClauseCstNode[];
  overClause?: OverClauseCstNode[];
  byClause?: ByClauseCstNode[];
  forClause?: ForClauseCstNode[];
  acrossClause?: AcrossClauseCstNode[];
  batchClause?: BatchClauseCstNode[];
  clipClause?: ClipClauseCstNode[];
  throughClause?: ThroughClauseCstNode[];
  fromClause?: FromClauseCstNode[];
  memory?: MemoryCstNode[];
  reportClause?: ReportClauseCstNode[];
  everyClause?: EveryClauseCstNode[];
  holdClause?: HoldClauseCstNode[];
};

/** The rule `minimizeClause`. */
export interface MinimizeClauseCstNode extends CstNode {
  readonly name: "minimizeClause";
  readonly children: MinimizeClauseCstChildren;
}

/** What `minimizeClause` holds, by token and rule. */
export type MinimizeClauseCstChildren = {
  Minimize?: IToken[];
  Maximize?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `overClause`. */
export interface OverClauseCstNode extends CstNode {
  readonly name: "overClause";
  readonly children: OverClauseCstChildren;
}

/** What `overClause` holds, by token and rule. */
export type OverClauseCstChildren = {
  Over?: IToken[];
  references?: ReferencesCstNode[];
};

/** The rule `byClause`. */
export interface ByClauseCstNode extends CstNode {
  readonly name: "byClause";
  readonly children: ByClauseCstChildren;
}

/** What `byClause` holds, by token and rule. */
export type ByClauseCstChildren = {
  By?: IToken[];
  postfix?: PostfixCstNode[];
};

/** The rule `forClause`. */
export interface ForClauseCstNode extends CstNode {
  readonly name: "forClause";
  readonly children: ForClauseCstChildren;
}

/** What `forClause` holds, by token and rule. */
export type ForClauseCstChildren = {
  For?: IToken[];
  expression?: ExpressionCstNode[];
  Equals?: IToken[];
  stepsWord?: StepsWordCstNode[];
};

/** The rule `stepsWord`. */
export interface StepsWordCstNode extends CstNode {
  readonly name: "stepsWord";
  readonly children: StepsWordCstChildren;
}

/** What `stepsWord` holds, by token and rule. */
export type StepsWordCstChildren = {
  Steps?: IToken[];
  Step?: IToken[];
};

/** The rule `acrossClause`. */
export interface AcrossClauseCstNode extends CstNode {
  readonly name: "acrossClause";
  readonly children: AcrossClauseCstChildren;
}

/** What `acrossClause` holds, by token and rule. */
export type AcrossClauseCstChildren = {
  Across?: IToken[];
  expression?: ExpressionCstNode[];
  Name?: IToken[];
  Fixed?: IToken[];
};

/** The rule `batchClause`. */
export interface BatchClauseCstNode extends CstNode {
  readonly name: "batchClause";
  readonly children: BatchClauseCstChildren;
}

/** What `batchClause` holds, by token and rule. */
export type BatchClauseCstChildren = {
  Batch?: IToken[];
  expression?: ExpressionCstNode[];
  Of?: IToken[];
  postfix?: PostfixCstNode[];
};

/** The rule `clipClause`. */
export interface ClipClauseCstNode extends CstNode {
  readonly name: "clipClause";
  readonly children: ClipClauseCstChildren;
}

/** What `clipClause` holds, by token and rule. */
export type ClipClauseCstChildren = {
  Clip?: IToken[];
  Name?: IToken[];
  expression?: ExpressionCstNode[];
};

/** The rule `throughClause`. */
export interface ThroughClauseCstNode extends CstNode {
  readonly name: "throughClause";
  readonly children: ThroughClauseCstChildren;
}

/** What `throughClause` holds, by token and rule. */
export type ThroughClauseCstChildren = {
  Through?: IToken[];
  postfix?: PostfixCstNode[];
};

/** The rule `fromClause`. */
export interface FromClauseCstNode extends CstNode {
  readonly name: "fromClause";
  readonly children: FromClauseCstChildren;
}

/** What `fromClause` holds, by token and rule. */
export type FromClauseCstChildren = {
  From?: IToken[];
  postfix?: PostfixCstNode[];
};

/** The rule `reportClause`. */
export interface ReportClauseCstNode extends CstNode {
  readonly name: "reportClause";
  readonly children: ReportClauseCstChildren;
}

/** What `reportClause` holds, by token and rule. */
export type ReportClauseCstChildren = {
  Report?: IToken[];
  expression?: ExpressionCstNode[];
  At?: IToken[];
  steps?: StepsCstNode[];
};

/** The rule `everyClause`. */
export interface EveryClauseCstNode extends CstNode {
  readonly name: "everyClause";
  readonly children: EveryClauseCstChildren;
}

/** What `everyClause` holds, by token and rule. */
export type EveryClauseCstChildren = {
  Every?: IToken[];
  expression?: ExpressionCstNode[];
  stepsWord?: StepsWordCstNode[];
  Of?: IToken[];
  Name?: IToken[];
};

/** The rule `holdClause`. */
export interface HoldClauseCstNode extends CstNode {
  readonly name: "holdClause";
  readonly children: HoldClauseCstChildren;
}

/** What `holdClause` holds, by token and rule. */
export type HoldClauseCstChildren = {
  Hold?: IToken[];
  Name?: IToken[];
};

/** The rule `overrideItem`. */
export interface OverrideItemCstNode extends CstNode {
  readonly name: "overrideItem";
  readonly children: OverrideItemCstChildren;
}

/** What `overrideItem` holds, by token and rule. */
export type OverrideItemCstChildren = {
  Override?: IToken[];
  Name?: IToken[];
  LBrace?: IToken[];
  overrideEntry?: OverrideEntryCstNode[];
  RBrace?: IToken[];
};

/** The rule `overrideEntry`. */
export interface OverrideEntryCstNode extends CstNode {
  readonly name: "overrideEntry";
  readonly children: OverrideEntryCstChildren;
}

/** What `overrideEntry` holds, by token and rule. */
export type OverrideEntryCstChildren = {
  reference?: ReferenceCstNode[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
  Per?: IToken[];
  Name?: IToken[];
  range?: RangeCstNode[];
  via?: ViaCstNode[];
};

/** The rule `reference`. */
export interface ReferenceCstNode extends CstNode {
  readonly name: "reference";
  readonly children: ReferenceCstChildren;
}

/** What `reference` holds, by token and rule. */
export type ReferenceCstChildren = {
  Name?: IToken[];
  suffix?: SuffixCstNode[];
};

/** The rule `gradientItem`. */
export interface GradientItemCstNode extends CstNode {
  readonly name: "gradientItem";
  readonly children: GradientItemCstChildren;
}

/** What `gradientItem` holds, by token and rule. */
export type GradientItemCstChildren = {
  Gradient?: IToken[];
  expression?: ExpressionCstNode[];
  Wrt?: IToken[];
  references?: ReferencesCstNode[];
  acrossClause?: AcrossClauseCstNode[];
  After?: IToken[];
  Name?: IToken[];
  expect?: ExpectCstNode[];
};

/** The rule `expect`. */
export interface ExpectCstNode extends CstNode {
  readonly name: "expect";
  readonly children: ExpectCstChildren;
}

/** What `expect` holds, by token and rule. */
export type ExpectCstChildren = {
  Expect?: IToken[];
  LBrace?: IToken[];
  expectEntry?: ExpectEntryCstNode[];
  RBrace?: IToken[];
};

/** The rule `expectEntry`. */
export interface ExpectEntryCstNode extends CstNode {
  readonly name: "expectEntry";
  readonly children: ExpectEntryCstChildren;
}

/** What `expectEntry` holds, by token and rule. */
export type ExpectEntryCstChildren = {
  reference?: ReferenceCstNode[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
  Within?: IToken[];
};

/** The rule `recordItem`. */
export interface RecordItemCstNode extends CstNode {
  readonly name: "recordItem";
  readonly children: RecordItemCstChildren;
}

/** What `recordItem` holds, by token and rule. */
export type RecordItemCstChildren = {
  Record?: IToken[];
  references?: ReferencesCstNode[];
  Every?: IToken[];
  expression?: ExpressionCstNode[];
  stepsWord?: StepsWordCstNode[];
  Of?: IToken[];
  Task?: IToken[];
};
