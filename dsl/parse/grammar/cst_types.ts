// What does each rule of the grammar hold in a concrete syntax tree? Written by `generate_cst_types.ts`; do not edit.
// Every child is optional: recovery leaves out what the text lacks.
import type { CstNode, IToken } from "../tokens/chevrotain.ts";

export interface ExpressionCstNode extends CstNode {
  readonly name: "expression";
  readonly children: { operand?: OperandCstNode[]; Operator?: IToken[] };
}

export interface OperandCstNode extends CstNode {
  readonly name: "operand";
  readonly children: { Minus?: IToken[]; postfix?: PostfixCstNode[] };
}

export interface PostfixCstNode extends CstNode {
  readonly name: "postfix";
  readonly children: { primary?: PrimaryCstNode[]; suffix?: SuffixCstNode[] };
}

export interface PrimaryCstNode extends CstNode {
  readonly name: "primary";
  readonly children: {
    Number?: IToken[];
    Name?: IToken[];
    Prime?: IToken[];
    LParen?: IToken[];
    expression?: ExpressionCstNode[];
    RParen?: IToken[];
    list?: ListCstNode[];
  };
}

export interface ListCstNode extends CstNode {
  readonly name: "list";
  readonly children: { LBracket?: IToken[]; expression?: ExpressionCstNode[]; Comma?: IToken[]; RBracket?: IToken[] };
}

export interface SuffixCstNode extends CstNode {
  readonly name: "suffix";
  readonly children: { time?: TimeCstNode[]; member?: MemberCstNode[]; call?: CallCstNode[]; index?: IndexCstNode[] };
}

export interface TimeCstNode extends CstNode {
  readonly name: "time";
  readonly children: {
    AtSign?: IToken[];
    Number?: IToken[];
    Name?: IToken[];
    Star?: IToken[];
    LParen?: IToken[];
    expression?: ExpressionCstNode[];
    RParen?: IToken[];
  };
}

export interface MemberCstNode extends CstNode {
  readonly name: "member";
  readonly children: { Dot?: IToken[]; Word?: IToken[] };
}

export interface CallCstNode extends CstNode {
  readonly name: "call";
  readonly children: {
    LParen?: IToken[];
    argument?: ArgumentCstNode[];
    comprehension?: ComprehensionCstNode[];
    Comma?: IToken[];
    RParen?: IToken[];
  };
}

export interface ArgumentCstNode extends CstNode {
  readonly name: "argument";
  readonly children: { expression?: ExpressionCstNode[]; Equals?: IToken[] };
}

export interface ComprehensionCstNode extends CstNode {
  readonly name: "comprehension";
  readonly children: { For?: IToken[]; steps?: StepsCstNode[] };
}

export interface StepsCstNode extends CstNode {
  readonly name: "steps";
  readonly children: { Name?: IToken[]; In?: IToken[]; expression?: ExpressionCstNode[]; DotDot?: IToken[] };
}

export interface IndexCstNode extends CstNode {
  readonly name: "index";
  readonly children: { LBracket?: IToken[]; indexEntry?: IndexEntryCstNode[]; Comma?: IToken[]; RBracket?: IToken[] };
}

export interface IndexEntryCstNode extends CstNode {
  readonly name: "indexEntry";
  readonly children: { expression?: ExpressionCstNode[]; DotDot?: IToken[] };
}

export interface ReferencesCstNode extends CstNode {
  readonly name: "references";
  readonly children: { postfix?: PostfixCstNode[]; Comma?: IToken[] };
}

export interface TypeCstNode extends CstNode {
  readonly name: "type";
  readonly children: { Name?: IToken[]; list?: ListCstNode[] };
}

export interface RangeCstNode extends CstNode {
  readonly name: "range";
  readonly children: { In?: IToken[]; expression?: ExpressionCstNode[]; DotDot?: IToken[] };
}

export interface EditionItemCstNode extends CstNode {
  readonly name: "editionItem";
  readonly children: { Edition?: IToken[]; Number?: IToken[] };
}

export interface PrecisionItemCstNode extends CstNode {
  readonly name: "precisionItem";
  readonly children: { Precision?: IToken[]; Name?: IToken[] };
}

export interface MemoryCstNode extends CstNode {
  readonly name: "memory";
  readonly children: { Memory?: IToken[]; Number?: IToken[]; Name?: IToken[] };
}

export interface ImportItemCstNode extends CstNode {
  readonly name: "importItem";
  readonly children: { Import?: IToken[]; Name?: IToken[]; Comma?: IToken[]; From?: IToken[]; String?: IToken[] };
}

export interface InputItemCstNode extends CstNode {
  readonly name: "inputItem";
  readonly children: { Input?: IToken[]; binding?: BindingCstNode[] };
}

export interface ParamItemCstNode extends CstNode {
  readonly name: "paramItem";
  readonly children: { Param?: IToken[]; binding?: BindingCstNode[] };
}

export interface LetItemCstNode extends CstNode {
  readonly name: "letItem";
  readonly children: { Let?: IToken[]; Name?: IToken[]; Equals?: IToken[]; expression?: ExpressionCstNode[] };
}

export interface FunctionItemCstNode extends CstNode {
  readonly name: "functionItem";
  readonly children: {
    Fn?: IToken[];
    Name?: IToken[];
    formals?: FormalsCstNode[];
    Equals?: IToken[];
    expression?: ExpressionCstNode[];
  };
}

export interface FormalsCstNode extends CstNode {
  readonly name: "formals";
  readonly children: { LParen?: IToken[]; formal?: FormalCstNode[]; Comma?: IToken[]; RParen?: IToken[] };
}

export interface FormalCstNode extends CstNode {
  readonly name: "formal";
  readonly children: {
    Name?: IToken[];
    Colon?: IToken[];
    type?: TypeCstNode[];
    Equals?: IToken[];
    expression?: ExpressionCstNode[];
  };
}

export interface BindingCstNode extends CstNode {
  readonly name: "binding";
  readonly children: {
    Identifier?: IToken[];
    Colon?: IToken[];
    type?: TypeCstNode[];
    bindingValue?: BindingValueCstNode[];
    Prime?: IToken[];
    Equals?: IToken[];
    expression?: ExpressionCstNode[];
    range?: RangeCstNode[];
    via?: ViaCstNode[];
  };
}

export interface BindingValueCstNode extends CstNode {
  readonly name: "bindingValue";
  readonly children: { Equals?: IToken[]; Tilde?: IToken[]; expression?: ExpressionCstNode[] };
}

export interface ViaCstNode extends CstNode {
  readonly name: "via";
  readonly children: { Via?: IToken[]; Name?: IToken[] };
}

export interface DataItemCstNode extends CstNode {
  readonly name: "dataItem";
  readonly children: {
    Data?: IToken[];
    Name?: IToken[];
    wherePart?: WherePartCstNode[];
    From?: IToken[];
    String?: IToken[];
    LBrace?: IToken[];
    dataField?: DataFieldCstNode[];
    RBrace?: IToken[];
  };
}

export interface WherePartCstNode extends CstNode {
  readonly name: "wherePart";
  readonly children: { Equals?: IToken[]; Name?: IToken[]; Where?: IToken[]; expression?: ExpressionCstNode[] };
}

export interface PartsItemCstNode extends CstNode {
  readonly name: "partsItem";
  readonly children: {
    Split?: IToken[];
    Name?: IToken[];
    Evenly?: IToken[];
    By?: IToken[];
    field?: IToken[];
    Into?: IToken[];
    share?: ShareCstNode[];
    Comma?: IToken[];
  };
}

export interface ShareCstNode extends CstNode {
  readonly name: "share";
  readonly children: { Name?: IToken[]; expression?: ExpressionCstNode[] };
}

export interface DataFieldCstNode extends CstNode {
  readonly name: "dataField";
  readonly children: {
    binding?: BindingCstNode[];
    columns?: ColumnsCstNode[];
    Missing?: IToken[];
    expression?: ExpressionCstNode[];
    Resized?: IToken[];
  };
}

export interface ColumnsCstNode extends CstNode {
  readonly name: "columns";
  readonly children: {
    From?: IToken[];
    Name?: IToken[];
    String?: IToken[];
    folders?: FoldersCstNode[];
    columnRange?: ColumnRangeCstNode[];
    Comma?: IToken[];
  };
}

export interface FoldersCstNode extends CstNode {
  readonly name: "folders";
  readonly children: { Number?: IToken[]; DotDot?: IToken[] };
}

export interface ColumnRangeCstNode extends CstNode {
  readonly name: "columnRange";
  readonly children: { String?: IToken[]; DotDot?: IToken[] };
}

export interface TaskItemCstNode extends CstNode {
  readonly name: "taskItem";
  readonly children: {
    Task?: IToken[];
    Name?: IToken[];
    formals?: FormalsCstNode[];
    LBrace?: IToken[];
    taskMember?: TaskMemberCstNode[];
    RBrace?: IToken[];
  };
}

export interface TaskMemberCstNode extends CstNode {
  readonly name: "taskMember";
  readonly children: {
    split?: SplitCstNode[];
    classes?: ClassesCstNode[];
    functionItem?: FunctionItemCstNode[];
    letItem?: LetItemCstNode[];
    binding?: BindingCstNode[];
  };
}

export interface ClassesCstNode extends CstNode {
  readonly name: "classes";
  readonly children: {
    Classes?: IToken[];
    expression?: ExpressionCstNode[];
    Of?: IToken[];
    postfix?: PostfixCstNode[];
    By?: IToken[];
    Name?: IToken[];
  };
}

export interface SplitCstNode extends CstNode {
  readonly name: "split";
  readonly children: {
    Split?: IToken[];
    Name?: IToken[];
    LBrace?: IToken[];
    splitMember?: SplitMemberCstNode[];
    RBrace?: IToken[];
  };
}

export interface SplitMemberCstNode extends CstNode {
  readonly name: "splitMember";
  readonly children: {
    rows?: RowsCstNode[];
    functionItem?: FunctionItemCstNode[];
    letItem?: LetItemCstNode[];
    binding?: BindingCstNode[];
  };
}

export interface RowsCstNode extends CstNode {
  readonly name: "rows";
  readonly children: { Draw?: IToken[]; expression?: ExpressionCstNode[]; Of?: IToken[]; postfix?: PostfixCstNode[] };
}

export interface ModelItemCstNode extends CstNode {
  readonly name: "modelItem";
  readonly children: {
    Model?: IToken[];
    Name?: IToken[];
    formals?: FormalsCstNode[];
    Arrow?: IToken[];
    type?: TypeCstNode[];
    LBrace?: IToken[];
    modelMember?: ModelMemberCstNode[];
    Return?: IToken[];
    results?: ResultsCstNode[];
    expression?: ExpressionCstNode[];
    RBrace?: IToken[];
  };
}

export interface ResultsCstNode extends CstNode {
  readonly name: "results";
  readonly children: { LBrace?: IToken[]; resultEntry?: ResultEntryCstNode[]; Comma?: IToken[]; RBrace?: IToken[] };
}

export interface ResultEntryCstNode extends CstNode {
  readonly name: "resultEntry";
  readonly children: { Name?: IToken[]; Equals?: IToken[]; expression?: ExpressionCstNode[] };
}

export interface ModelMemberCstNode extends CstNode {
  readonly name: "modelMember";
  readonly children: {
    use?: UseCstNode[];
    draw?: DrawCstNode[];
    scan?: ScanCstNode[];
    state?: StateCstNode[];
    letItem?: LetItemCstNode[];
    binding?: BindingCstNode[];
  };
}

export interface UseCstNode extends CstNode {
  readonly name: "use";
  readonly children: { Use?: IToken[]; Name?: IToken[]; Equals?: IToken[]; expression?: ExpressionCstNode[] };
}

export interface DrawCstNode extends CstNode {
  readonly name: "draw";
  readonly children: {
    Draw?: IToken[];
    Identifier?: IToken[];
    Colon?: IToken[];
    type?: TypeCstNode[];
    Tilde?: IToken[];
    expression?: ExpressionCstNode[];
  };
}

export interface ScanCstNode extends CstNode {
  readonly name: "scan";
  readonly children: {
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
}

export interface OptimizerItemCstNode extends CstNode {
  readonly name: "optimizerItem";
  readonly children: {
    Optimizer?: IToken[];
    Name?: IToken[];
    formals?: FormalsCstNode[];
    LBrace?: IToken[];
    stepMember?: StepMemberCstNode[];
    RBrace?: IToken[];
  };
}

export interface StepMemberCstNode extends CstNode {
  readonly name: "stepMember";
  readonly children: { state?: StateCstNode[]; letItem?: LetItemCstNode[]; next?: NextCstNode[] };
}

export interface StateCstNode extends CstNode {
  readonly name: "state";
  readonly children: {
    State?: IToken[];
    Name?: IToken[];
    Colon?: IToken[];
    type?: TypeCstNode[];
    Equals?: IToken[];
    expression?: ExpressionCstNode[];
  };
}

export interface NextCstNode extends CstNode {
  readonly name: "next";
  readonly children: { Identifier?: IToken[]; Prime?: IToken[]; Equals?: IToken[]; expression?: ExpressionCstNode[] };
}

export interface ProgramCstNode extends CstNode {
  readonly name: "program";
  readonly children: { item?: ItemCstNode[]; EOF?: IToken[] };
}

export interface ItemCstNode extends CstNode {
  readonly name: "item";
  readonly children: {
    editionItem?: EditionItemCstNode[];
    precisionItem?: PrecisionItemCstNode[];
    memory?: MemoryCstNode[];
    importItem?: ImportItemCstNode[];
    inputItem?: InputItemCstNode[];
    paramItem?: ParamItemCstNode[];
    startItem?: StartItemCstNode[];
    letItem?: LetItemCstNode[];
    functionItem?: FunctionItemCstNode[];
    dataItem?: DataItemCstNode[];
    partsItem?: PartsItemCstNode[];
    taskItem?: TaskItemCstNode[];
    modelItem?: ModelItemCstNode[];
    optimizerItem?: OptimizerItemCstNode[];
    loopItem?: LoopItemCstNode[];
    overrideItem?: OverrideItemCstNode[];
    gradientItem?: GradientItemCstNode[];
    outputItem?: OutputItemCstNode[];
    recordItem?: RecordItemCstNode[];
  };
}

export interface LoopItemCstNode extends CstNode {
  readonly name: "loopItem";
  readonly children: {
    keyword?: IToken[];
    Name?: IToken[];
    After?: IToken[];
    after?: IToken[];
    LBrace?: IToken[];
    clause?: ClauseCstNode[];
    RBrace?: IToken[];
  };
}

export interface ClauseCstNode extends CstNode {
  readonly name: "clause";
  readonly children: {
    minimizeClause?: MinimizeClauseCstNode[];
    overClause?: OverClauseCstNode[];
    byClause?: ByClauseCstNode[];
    forClause?: ForClauseCstNode[];
    untilClause?: UntilClauseCstNode[];
    keepClause?: KeepClauseCstNode[];
    skipClause?: SkipClauseCstNode[];
    acrossClause?: AcrossClauseCstNode[];
    batchClause?: BatchClauseCstNode[];
    clipClause?: ClipClauseCstNode[];
    throughClause?: ThroughClauseCstNode[];
    fromClause?: FromClauseCstNode[];
    memory?: MemoryCstNode[];
    reportClause?: ReportClauseCstNode[];
    bestClause?: BestClauseCstNode[];
    everyClause?: EveryClauseCstNode[];
    holdClause?: HoldClauseCstNode[];
  };
}

export interface MinimizeClauseCstNode extends CstNode {
  readonly name: "minimizeClause";
  readonly children: { Minimize?: IToken[]; Maximize?: IToken[]; expression?: ExpressionCstNode[] };
}

export interface OverClauseCstNode extends CstNode {
  readonly name: "overClause";
  readonly children: { Over?: IToken[]; references?: ReferencesCstNode[] };
}

export interface ByClauseCstNode extends CstNode {
  readonly name: "byClause";
  readonly children: { By?: IToken[]; postfix?: PostfixCstNode[] };
}

export interface ForClauseCstNode extends CstNode {
  readonly name: "forClause";
  readonly children: {
    For?: IToken[];
    expression?: ExpressionCstNode[];
    Equals?: IToken[];
    stepsWord?: StepsWordCstNode[];
  };
}

export interface StepsWordCstNode extends CstNode {
  readonly name: "stepsWord";
  readonly children: { Steps?: IToken[]; Step?: IToken[] };
}

export interface UntilClauseCstNode extends CstNode {
  readonly name: "untilClause";
  readonly children: {
    Until?: IToken[];
    expression?: ExpressionCstNode[];
    Has?: IToken[];
    Name?: IToken[];
    For?: IToken[];
    stepsWord?: StepsWordCstNode[];
  };
}

export interface KeepClauseCstNode extends CstNode {
  readonly name: "keepClause";
  readonly children: { Keep?: IToken[]; Best?: IToken[]; Of?: IToken[]; Name?: IToken[] };
}

export interface SkipClauseCstNode extends CstNode {
  readonly name: "skipClause";
  readonly children: { Skip?: IToken[]; Name?: IToken[] };
}

export interface AcrossClauseCstNode extends CstNode {
  readonly name: "acrossClause";
  readonly children: {
    Across?: IToken[];
    expression?: ExpressionCstNode[];
    Name?: IToken[];
    call?: CallCstNode[];
    Fixed?: IToken[];
  };
}

export interface BatchClauseCstNode extends CstNode {
  readonly name: "batchClause";
  readonly children: {
    Batch?: IToken[];
    expression?: ExpressionCstNode[];
    Of?: IToken[];
    postfix?: PostfixCstNode[];
    Each?: IToken[];
    Name?: IToken[];
  };
}

export interface ClipClauseCstNode extends CstNode {
  readonly name: "clipClause";
  readonly children: { Clip?: IToken[]; Name?: IToken[]; expression?: ExpressionCstNode[] };
}

export interface ThroughClauseCstNode extends CstNode {
  readonly name: "throughClause";
  readonly children: { Through?: IToken[]; postfix?: PostfixCstNode[] };
}

export interface FromClauseCstNode extends CstNode {
  readonly name: "fromClause";
  readonly children: { From?: IToken[]; postfix?: PostfixCstNode[]; With?: IToken[]; kept?: IToken[]; what?: IToken[] };
}

export interface ReportClauseCstNode extends CstNode {
  readonly name: "reportClause";
  readonly children: { Report?: IToken[]; expression?: ExpressionCstNode[]; At?: IToken[]; steps?: StepsCstNode[] };
}

export interface BestClauseCstNode extends CstNode {
  readonly name: "bestClause";
  readonly children: { Best?: IToken[]; Name?: IToken[] };
}

export interface EveryClauseCstNode extends CstNode {
  readonly name: "everyClause";
  readonly children: {
    Every?: IToken[];
    expression?: ExpressionCstNode[];
    stepsWord?: StepsWordCstNode[];
    Of?: IToken[];
    Name?: IToken[];
  };
}

export interface HoldClauseCstNode extends CstNode {
  readonly name: "holdClause";
  readonly children: { Hold?: IToken[]; Name?: IToken[] };
}

export interface OverrideItemCstNode extends CstNode {
  readonly name: "overrideItem";
  readonly children: {
    Override?: IToken[];
    Name?: IToken[];
    LBrace?: IToken[];
    overrideEntry?: OverrideEntryCstNode[];
    RBrace?: IToken[];
  };
}

export interface OverrideEntryCstNode extends CstNode {
  readonly name: "overrideEntry";
  readonly children: {
    reference?: ReferenceCstNode[];
    Equals?: IToken[];
    expression?: ExpressionCstNode[];
    Per?: IToken[];
    Name?: IToken[];
    range?: RangeCstNode[];
    via?: ViaCstNode[];
  };
}

export interface ReferenceCstNode extends CstNode {
  readonly name: "reference";
  readonly children: { Name?: IToken[]; suffix?: SuffixCstNode[] };
}

export interface StartItemCstNode extends CstNode {
  readonly name: "startItem";
  readonly children: {
    Start?: IToken[];
    references?: ReferencesCstNode[];
    From?: IToken[];
    String?: IToken[];
    As?: IToken[];
    reference?: ReferenceCstNode[];
  };
}

export interface GradientItemCstNode extends CstNode {
  readonly name: "gradientItem";
  readonly children: {
    Gradient?: IToken[];
    expression?: ExpressionCstNode[];
    Wrt?: IToken[];
    references?: ReferencesCstNode[];
    acrossClause?: AcrossClauseCstNode[];
    afterWhich?: AfterWhichCstNode[];
    expect?: ExpectCstNode[];
  };
}

export interface AfterWhichCstNode extends CstNode {
  readonly name: "afterWhich";
  readonly children: { After?: IToken[]; Name?: IToken[] };
}

export interface OutputItemCstNode extends CstNode {
  readonly name: "outputItem";
  readonly children: {
    Output?: IToken[];
    Name?: IToken[];
    Equals?: IToken[];
    expression?: ExpressionCstNode[];
    acrossClause?: AcrossClauseCstNode[];
    afterWhich?: AfterWhichCstNode[];
  };
}

export interface ExpectCstNode extends CstNode {
  readonly name: "expect";
  readonly children: { Expect?: IToken[]; LBrace?: IToken[]; expectEntry?: ExpectEntryCstNode[]; RBrace?: IToken[] };
}

export interface ExpectEntryCstNode extends CstNode {
  readonly name: "expectEntry";
  readonly children: {
    reference?: ReferenceCstNode[];
    Equals?: IToken[];
    expression?: ExpressionCstNode[];
    Within?: IToken[];
  };
}

export interface RecordItemCstNode extends CstNode {
  readonly name: "recordItem";
  readonly children: {
    Record?: IToken[];
    references?: ReferencesCstNode[];
    Every?: IToken[];
    expression?: ExpressionCstNode[];
    stepsWord?: StepsWordCstNode[];
    Of?: IToken[];
    Task?: IToken[];
  };
}
