// Which programs do the property tests try? Random syntax trees of every construct, and random texts. Spans are all zero:
// the trees are written by the formatter, and compared without spans.
import fc from "fast-check";
import type * as ast from "../../dsl/syntax/ast.ts";
import { keywords } from "../../dsl/syntax/keywords.ts";

const span = { source: "", start: 0, end: 0 };
const freeKeywords = keywords.filter(({ reserved }) => !reserved).map(({ word }) => word);
const plainNames = ["x", "w", "T", "train", "loss", "mlp", "l1", "_a", "a_rather_long_name_for_a_column"];

const plainName = fc.constantFrom(...plainNames);
const anyName = fc.oneof({ weight: 4, arbitrary: plainName }, fc.constantFrom(...freeKeywords));
const identifierOf = (name: fc.Arbitrary<string>): fc.Arbitrary<ast.Identifier> => name.map((name) => ({ name, span }));
const identifier = identifierOf(anyName);
const word = identifierOf(fc.oneof(anyName, fc.constantFrom(...keywords.map(({ word }) => word))));

const numberLiteral: fc.Arbitrary<ast.NumberLiteral> = fc
  .constantFrom("0", "1", "10_000", "0.5", "1e-3", "2.5E+10", "0.30000001192092896", "007")
  .map((text) => ({ kind: "Number", text, value: Number(text.replaceAll("_", "")), span }));

const named = (name: string, primed: boolean): ast.NameExpression => ({ kind: "Name", name, primed, span });
const nameExpression = fc.oneof(anyName.map((name) => named(name, false)), plainName.map((name) => named(name, true)));

function optional<T, K extends string>(key: K, value: fc.Arbitrary<T>): fc.Arbitrary<{ [P in K]?: T }> {
  return fc.option(value, { nil: undefined }).map((value) =>
    (value === undefined ? {} : { [key]: value }) as { [P in K]?: T }
  );
}

// Branches get rarer with depth; `fc.memo` gives each depth its own generators.
const expressionAt: (depth?: number) => fc.Arbitrary<ast.Expression> = fc.memo((depth) => {
  const leaf: fc.Arbitrary<ast.Expression> = fc.oneof(numberLiteral, nameExpression);
  if (depth <= 1) return leaf;
  const inner = expressionAt();
  const few = fc.array(inner, { maxLength: 3 });
  const binary = fc.constantFrom<ast.BinaryOperator>("+", "-", "*", "/", "^", "==", "!=", "<", "<=", ">", ">=");
  return fc.oneof(
    leaf,
    fc.tuple(binary, inner, inner).map(([op, left, right]): ast.Expression => ({
      kind: "Binary",
      op,
      left,
      right,
      span,
    })),
    inner.map((operand): ast.Expression => ({ kind: "Unary", op: "-", operand, span })),
    fc.tuple(inner, inner).map(([value, target]): ast.Expression => ({ kind: "Pipe", value, target, span })),
    fc.tuple(inner, word).map(([object, member]): ast.Expression => ({ kind: "Member", object, member, span })),
    fc.tuple(inner, fc.oneof(fc.constant("all" as const), inner))
      .map(([object, time]): ast.Expression => ({ kind: "Time", object, time, span })),
    fc.tuple(inner, fc.array(argumentOf(inner), { maxLength: 3 }))
      .map(([callee, args]): ast.Expression => ({ kind: "Call", callee, args, span })),
    fc.tuple(inner, inner, comprehensionOf(inner))
      .map(([callee, value, comprehension]): ast.Expression => ({
        kind: "Call",
        callee,
        args: [{ value }],
        comprehension,
        span,
      })),
    fc.tuple(inner, fc.array(fc.oneof(inner, sliceOf(inner)), { minLength: 1, maxLength: 3 }))
      .map(([object, indices]): ast.Expression => ({ kind: "Index", object, indices, span })),
    few.map((items): ast.Expression => ({ kind: "List", items, span })),
  );
});

function argumentOf(value: fc.Arbitrary<ast.Expression>): fc.Arbitrary<ast.Argument> {
  return fc.tuple(optional("name", identifier), value).map(([name, value]) => ({ ...name, value }));
}
function sliceOf(end: fc.Arbitrary<ast.Expression>): fc.Arbitrary<ast.SliceExpression> {
  return fc.record({ kind: fc.constant("Slice" as const), low: end, high: end, span: fc.constant(span) });
}
function comprehensionOf(bound: fc.Arbitrary<ast.Expression>): fc.Arbitrary<ast.Comprehension> {
  return fc.record({ variable: identifier, from: bound, to: bound, span: fc.constant(span) });
}

/** Every kind of expression. */
export const expression: fc.Arbitrary<ast.Expression> = expressionAt(5);
const small = expressionAt(2);
const results: fc.Arbitrary<ast.ResultsExpression> = fc.record({
  kind: fc.constant("Results" as const),
  entries: fc.array(fc.record({ name: identifier, value: expression }), { minLength: 1, maxLength: 3 }),
  span: fc.constant(span),
});

// An entry's left side starts with a name, and a keyword there only before `=`, `.`, `@` or `[`.
const path: fc.Arbitrary<ast.Expression> = fc.tuple(anyName, fc.array(word, { maxLength: 2 })).map(([name, members]) =>
  members.reduce<ast.Expression>((object, member) => ({ kind: "Member", object, member, span }), named(name, false))
);
const entryReference: fc.Arbitrary<ast.Expression> = fc.tuple(path, fc.option(small)).map(([object, time]) =>
  time === null ? object : { kind: "Time", object, time, span }
);
const postfix = fc.tuple(path, fc.array(argumentOf(small), { maxLength: 2 }))
  .map(([callee, args]): ast.Expression => ({ kind: "Call", callee, args, span }));
const reference: fc.Arbitrary<ast.Expression> = fc.oneof(entryReference, postfix);
const references = fc.array(reference, { minLength: 1, maxLength: 4 });

const type: fc.Arbitrary<ast.TypeExpression> = fc
  .tuple(fc.option(identifier), fc.option(fc.array(small, { maxLength: 3 })))
  .filter(([dtype, sizes]) => dtype !== null || sizes !== null)
  .map(([dtype, sizes]) => ({ ...(dtype && { dtype }), ...(sizes && { sizes }), span }));
const range: fc.Arbitrary<ast.RangeClause> = fc.record({ low: small, high: small, span: fc.constant(span) });
const formals = fc.array(
  fc.tuple(identifier, optional("type", type), optional("default", small))
    .map(([name, type, value]): ast.Formal => ({ name, ...type, ...value, span })),
  { maxLength: 4 },
);

const binding: fc.Arbitrary<ast.Binding> = fc
  .tuple(
    identifier,
    optional("type", type),
    fc.option(fc.tuple(fc.constantFrom("=" as const, "~" as const), expression)),
    optional("range", range),
    optional("via", identifier),
  )
  .filter(([_name, type, value]) => type.type !== undefined || value !== null)
  .map(([name, type, value, range, via]) => ({
    kind: "Binding",
    name,
    ...type,
    ...(value && { how: value[0], value: value[1] }),
    ...range,
    ...via,
    span,
  }));

const letItem = fc.record({
  kind: fc.constant("Let" as const),
  name: identifier,
  value: expression,
  span: fc.constant(span),
});
const functionItem = fc.record({
  kind: fc.constant("Function" as const),
  name: identifier,
  formals,
  body: expression,
  span: fc.constant(span),
});
const definition = fc.oneof(binding, letItem, functionItem);
const list = <T>(element: fc.Arbitrary<T>) => fc.array(element, { maxLength: 4 });
const file = fc.constantFrom("d.csv", "./a b.meta", "", "//x").map((text) => ({ text, span }));

/** What stands behind `as`. */
const storedPath = fc.array(identifier, { minLength: 1, maxLength: 3 }).map((path) => ({
  as: { text: path.map(({ name }) => name).join("."), quoted: false, span },
}));
const storedText = fc.constantFrom("", "encoder.0.weight", "a b").map((text) => ({ as: { text, quoted: true, span } }));

const column = fc.tuple(optional("last", file), file).map(([last, first]): ast.ColumnRange => ({ first, ...last }));
const folderNumber = fc.constantFrom(1, 2, 30).map((value) => ({
  kind: "Number" as const,
  value,
  text: `${value}`,
  span,
}));
const folders = fc.tuple(optional("last", folderNumber), folderNumber)
  .map(([last, first]): ast.FolderRange => ({ first, ...last, span }));
const dataField = fc.tuple(
  binding,
  fc.oneof(
    optional("columns", fc.array(column, { minLength: 1, maxLength: 3 })),
    optional("file", file),
    optional("folder", folders),
  ),
  optional("missing", expression),
  optional("resized", fc.constant({ name: "resized", span })),
)
  .map(([field, columns, missing, resized]): ast.DataField => ({ ...field, ...columns, ...missing, ...resized }));

/** Every clause. */
const clauses = {
  Minimize: fc.record({
    kind: fc.constant("Minimize" as const),
    maximize: fc.boolean(),
    value: expression,
    span: fc.constant(span),
  }),
  Over: fc.record({ kind: fc.constant("Over" as const), references, span: fc.constant(span) }),
  By: fc.record({ kind: fc.constant("By" as const), rule: postfix, span: fc.constant(span) }),
  For: fc.tuple(optional("name", identifier), small).map(([name, count]): ast.Clause => ({
    kind: "For",
    ...name,
    count,
    span,
  })),
  Until: fc.tuple(expression, optional("patience", small))
    .map(([condition, patience]): ast.Clause => ({ kind: "Until", condition, ...patience, span })),
  Skip: fc.constant({ kind: "Skip" as const, span }),
  Keep: fc.record({ kind: fc.constant("Keep" as const), of: identifier, span: fc.constant(span) }),
  Batch: fc.record({
    kind: fc.constant("Batch" as const),
    size: small,
    of: reference,
    once: fc.boolean(),
    span: fc.constant(span),
  }),
  Clip: fc.record({ kind: fc.constant("Clip" as const), what: identifier, bound: small, span: fc.constant(span) }),
  Through: fc.record({ kind: fc.constant("Through" as const), estimator: postfix, span: fc.constant(span) }),
  From: fc.record({
    kind: fc.constant("From" as const),
    value: reference,
    fresh: fc.boolean(),
    span: fc.constant(span),
  }),
  Across: fc.tuple(small, identifier, optional("args", list(argumentOf(small))), fc.boolean())
    .map(([count, task, args, fixed]) => ({ kind: "Across" as const, count, task, ...args, fixed, span })),
  Memory: fc.record({
    kind: fc.constant("Memory" as const),
    amount: numberLiteral,
    unit: identifier,
    span: fc.constant(span),
  }),
  Report: fc.tuple(expression, optional("at", comprehensionOf(small)))
    .map(([value, at]): ast.Clause => ({ kind: "Report", value, ...at, span })),
  Best: fc.record({ kind: fc.constant("Best" as const), what: identifier, span: fc.constant(span) }),
  Every: fc.tuple(small, optional("of", identifier))
    .map(([count, of]): ast.Clause => ({ kind: "Every", count, ...of, span })),
  Hold: fc.record({ kind: fc.constant("Hold" as const), what: identifier, span: fc.constant(span) }),
} satisfies Readonly<Record<ast.Clause["kind"], fc.Arbitrary<ast.Clause>>>;
const {
  Minimize,
  Over,
  By,
  For,
  Until,
  Keep,
  Skip,
  Batch,
  Clip,
  Through,
  From,
  Across,
  Memory,
  Report,
  Best,
  Every,
  Hold,
} = clauses;
const training = [Minimize, Over, By, For, Batch, Clip, Through];

function loop<K extends "Inner" | "Outer" | "Evaluate">(kind: K, clause: readonly fc.Arbitrary<ast.Clause>[]) {
  return fc.record({
    kind: fc.constant(kind),
    name: identifier,
    clauses: fc.array(fc.oneof(...clause), { maxLength: 6 }),
    span: fc.constant(span),
  });
}

const overrideEntry: fc.Arbitrary<ast.OverrideEntry> = fc
  .tuple(
    fc.tuple(fc.option(path), fc.oneof(identifier)),
    optional("time", identifier),
    expression,
    fc.array(identifier, { maxLength: 2 }),
    optional("range", range),
    optional("via", identifier),
  )
  .map(([[qualifier, name], time, value, per, range, via]) => ({
    ...(qualifier && { qualifier }),
    name,
    ...time,
    value,
    per,
    ...range,
    ...via,
    span,
  }));

const stepMember: fc.Arbitrary<ast.StepMember> = fc.oneof(
  fc.tuple(identifier, optional("type", type), expression)
    .map(([name, type, value]): ast.StepMember => ({ kind: "State", name, ...type, value, span })),
  letItem,
  fc.record({ kind: fc.constant("Next" as const), name: identifier, value: expression, span: fc.constant(span) }),
);
const steps: fc.Arbitrary<ast.StepMember[]> = list(stepMember);

/** Every item. */
const items = {
  Edition: fc.record({ kind: fc.constant("Edition" as const), value: numberLiteral, span: fc.constant(span) }),
  Precision: fc.record({ kind: fc.constant("Precision" as const), value: identifier, span: fc.constant(span) }),
  Memory,
  Import: fc.record({
    kind: fc.constant("Import" as const),
    names: fc.array(identifier, { minLength: 1, maxLength: 20 }),
    from: file,
    span: fc.constant(span),
  }),
  Input: fc.record({ kind: fc.constant("Input" as const), binding, span: fc.constant(span) }),
  Param: fc.record({ kind: fc.constant("Param" as const), binding, span: fc.constant(span) }),
  Start: fc.oneof(
    fc.tuple(references, file, fc.constant({})),
    fc.tuple(fc.array(reference, { minLength: 1, maxLength: 1 }), file, fc.oneof(storedPath, storedText)),
  ).map(([references, from, as]): ast.Item => ({ kind: "Start", references, from, ...as, span })),
  Let: letItem,
  Function: functionItem,
  Data: fc.oneof(
    fc.tuple(identifier, optional("from", file), list(dataField))
      .map(([name, from, fields]): ast.Item => ({ kind: "Data", name, ...from, fields, span })),
    fc.tuple(identifier, identifier, expression)
      .map(([name, of, where]): ast.Item => ({ kind: "Data", name, fields: [], part: { of, where }, span })),
  ),
  Parts: fc.tuple(
    identifier,
    fc.boolean(),
    optional("by", identifier),
    fc.array(fc.tuple(identifier, expression), { minLength: 1, maxLength: 5 }),
  ).map(([of, evenly, by, shares]): ast.Item => {
    const parts = shares.map(([name, share]) => ({
      kind: "Data" as const,
      name,
      fields: [],
      part: { of, share },
      span,
    }));
    return { kind: "Parts", of, evenly, ...by, parts, span };
  }),
  Task: fc.tuple(
    identifier,
    optional("formals", formals),
    list(fc.oneof(
      definition,
      fc.record({
        kind: fc.constant("Classes" as const),
        count: small,
        of: postfix,
        by: identifier,
        span: fc.constant(span),
      }),
      fc.record({
        kind: fc.constant("Split" as const),
        name: identifier,
        members: list(fc.oneof(
          definition,
          fc.record({ kind: fc.constant("Rows" as const), count: small, of: postfix, span: fc.constant(span) }),
        )),
        span: fc.constant(span),
      }),
    )),
  ).map(([name, formals, members]): ast.Item => ({ kind: "Task", name, ...formals, members, span })),
  Model: fc.tuple(
    fc.tuple(identifier, optional("sizes", formals), formals, optional("result", type)),
    list(fc.oneof(
      binding,
      stepMember,
      fc.record({ kind: fc.constant("Use" as const), name: identifier, value: expression, span: fc.constant(span) }),
      fc.tuple(identifier, optional("type", type), expression)
        .map(([name, type, value]): ast.ModelMember => ({ kind: "Draw", name, ...type, value, span })),
      fc.tuple(identifier, identifier, expression, optional("to", expression), steps)
        .map(([name, variable, over, to, members]): ast.ModelMember => ({
          kind: "Scan",
          name,
          variable,
          over,
          ...to,
          members,
          span,
        })),
    )),
    fc.oneof({ arbitrary: expression, weight: 3 }, results),
  ).map(([[name, sizes, formals, result], members, body]): ast.Item => ({
    kind: "Model",
    name,
    ...sizes,
    formals,
    ...result,
    members,
    body,
    span,
  })),
  Optimizer: fc.record({
    kind: fc.constant("Optimizer" as const),
    name: identifier,
    formals,
    members: steps,
    span: fc.constant(span),
  }),
  Inner: loop("Inner", [...training, From, Until]) as fc.Arbitrary<ast.Item>,
  Outer: loop("Outer", [...training, Across, Until, Keep, Skip]) as fc.Arbitrary<ast.Item>,
  Evaluate: loop("Evaluate", [Across, For, Report, Best, Every, Hold]) as fc.Arbitrary<ast.Item>,
  Override: fc.record({
    kind: fc.constant("Override" as const),
    loop: identifier,
    entries: list(overrideEntry),
    span: fc.constant(span),
  }),
  Gradient: fc.tuple(
    expression,
    references,
    optional("across", Across),
    optional("after", identifier),
    list(fc.record({ reference: entryReference, value: small, within: small, span: fc.constant(span) })),
  ).map(([value, wrt, across, after, expect]): ast.Item => ({
    kind: "Gradient",
    value,
    wrt,
    ...across,
    ...after,
    expect,
    span,
  })),
  Output: fc.tuple(identifier, expression, optional("across", Across), optional("after", identifier))
    .map(([name, value, across, after]): ast.Item => ({ kind: "Output", name, value, ...across, ...after, span })),
  Record: fc.tuple(references, optional("every", small), optional("task", small))
    .map(([references, every, task]): ast.Item => ({ kind: "Record", references, ...every, ...task, span })),
} satisfies Readonly<Record<ast.Item["kind"], fc.Arbitrary<ast.Item>>>;

/** Programs of every item. */
export const program: fc.Arbitrary<ast.Program> = fc
  .array(fc.oneof(...Object.values<fc.Arbitrary<ast.Item>>(items)), { maxLength: 5 })
  .map((items) => ({ items, span, comments: [] }));

/** A tree without places and documentation, for comparing. */
export function withoutPlaces(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, part) => ["span", "comments", "doc"].includes(key) ? undefined : part));
}

const pieces = [
  ...keywords.map(({ word }) => word),
  ...plainNames,
  ..."+ - * / ^ == != < <= > >= |> = ~ @ . .. , : ( ) [ ] { } -> ' \" # ; ** // /// /* */ 1 1. .5 1e 0x1F θ “ \n \t"
    .split(" "),
  "\n",
  "// comment\n",
  '"text"',
  "\u0000",
  "\ud800",
];

/** Texts made of tokens in any order. */
export const tokenSoup: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.constantFrom(...pieces), fc.constantFrom("", " ", " ", "\n")), { maxLength: 60 })
  .map((list) => list.flat().join(""));
