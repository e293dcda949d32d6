// Do the declarations of a file contradict themselves, whatever runs? Names given twice inside an item, and types that there
// are not. Needs nothing but the tree.
import {
  type Formal,
  type Identifier,
  isEach,
  type Item,
  type SplitMember,
  type StepMember,
  type TaskMember,
  type TypeExpression,
} from "../syntax/ast.ts";
import type { DiagnosticSink } from "../diagnostics/diagnostic.ts";
import { hintFor } from "../diagnostics/hints.ts";
import type { Module } from "./modules.ts";
import type { Span } from "../text/source.ts";
import { definedTwice } from "../diagnostics/messages.ts";

/** Checks every item of a file. */
export function checkDeclarations(module: Module, sink: DiagnosticSink): void {
  for (const item of module.program.items) checkItem(item, sink);
}

function checkItem(item: Item, sink: DiagnosticSink): void {
  const names = new Names(sink);
  switch (item.kind) {
    case "Function":
      names.formals(item.formals);
      return;
    case "Input":
    case "Param":
      checkType(item.binding.type, item.kind === "Input" ? numberTypes : ["float"], sink);
      return;
    case "Data":
      for (const field of item.fields) {
        names.add(field.name);
        checkType(field.type, [...numberTypes, byteType], sink);
      }
      return;
    case "Task":
      names.formals(item.formals ?? []);
      for (const formal of item.formals ?? []) checkType(formal.type, taskTypes, sink);
      checkTask(item.members, names, sink);
      return;
    case "Model":
      names.formals(item.sizes ?? []);
      names.formals(item.formals);
      for (const formal of [...item.sizes ?? [], ...item.formals]) checkType(formal.type, numberTypes, sink);
      checkType(item.result, numberTypes, sink);
      for (const member of item.members) {
        names.add(member.kind === "Next" ? { ...member.name, name: `${member.name.name}'` } : member.name);
        if (member.kind === "Binding" || member.kind === "State") checkType(member.type, ["float"], sink);
        if (member.kind === "Draw") checkType(member.type, numberTypes, sink);
        if (member.kind === "Scan") checkSteps(new Names(sink), member.members, sink);
      }
      return;
    case "Optimizer":
      for (const word of ["p", "g", "t"]) names.reserve(word, `\`${word}\` is ${meanings[word]} in every optimizer`);
      names.formals(item.formals);
      checkSteps(names, item.members, sink);
      return;
    case "Edition":
    case "Precision":
    case "Memory":
    case "Import":
    case "Parts":
    case "Start":
    case "Let":
    case "Inner":
    case "Outer":
    case "Evaluate":
    case "Output":
    case "Override":
    case "Gradient":
    case "Record":
      return;
    default:
      item satisfies never;
  }
}

const meanings: Readonly<Record<string, string>> = { p: "the parameter", g: "its gradient", t: "the step" };

function checkSteps(names: Names, members: readonly StepMember[], sink: DiagnosticSink): void {
  for (const member of members) {
    if (member.kind === "Next") names.add({ ...member.name, name: `${member.name.name}'` });
    else names.add(member.name);
    if (member.kind === "State") checkType(member.type, ["float"], sink);
  }
}

function checkTask(members: readonly TaskMember[], names: Names, sink: DiagnosticSink): void {
  for (const member of members) {
    if (member.kind === "Classes") continue;
    names.add(member.name);
    if (member.kind === "Binding") checkType(member.type, numberTypes, sink);
    if (member.kind === "Function") new Names(sink).formals(member.formals);
    if (member.kind === "Split") checkSplit(member, members.some((m) => m.kind === "Classes"), sink);
  }
  onlyOnce(members, "Classes", "`classes`", "A task draws classes once: what is drawn `of each` goes by them", sink);
}

/** Reports what a block says twice. */
function onlyOnce<M extends { readonly kind: string; readonly span: Span }>(
  members: readonly M[],
  kind: M["kind"],
  word: string,
  why: string,
  sink: DiagnosticSink,
): void {
  const [first, ...others] = members.filter((member) => member.kind === kind);
  for (const { span } of others) {
    sink.report({
      code: "M0103",
      title: `${word} is given twice`,
      at: span,
      secondary: [{ span: first!.span, message: "given here first" }],
      notes: [why],
    });
  }
}

/** `classes`: the task draws some. */
function checkSplit(split: SplitMember, classes: boolean, sink: DiagnosticSink): void {
  const names = new Names(sink);
  onlyOnce(split.members, "Rows", "`draw`", "A split draws rows once: write a split for each table", sink);
  for (const member of split.members) {
    if (member.kind === "Rows") {
      if (!classes && isEach(member.of)) {
        sink.report({
          code: "M0104",
          title: "Rows are drawn `of each` of the classes of a task, and this one draws none",
          at: member.span,
          hint: "write `classes 5 of pool by label` before the splits, or `draw 20 of pool`",
        });
      }
      continue;
    }
    names.add(member.name);
    if (member.kind === "Binding") checkType(member.type, numberTypes, sink);
    if (member.kind === "Function") new Names(sink).formals(member.formals);
  }
}

/** The names of one item, each of which may be given once. */
class Names {
  readonly #seen = new Map<string, Span>();
  readonly #reserved = new Map<string, string>();
  readonly #sink: DiagnosticSink;

  constructor(sink: DiagnosticSink) {
    this.#sink = sink;
  }

  /** A name that the language gives a meaning here. */
  reserve(name: string, why: string): void {
    this.#reserved.set(name, why);
  }

  formals(formals: readonly Formal[]): void {
    for (const formal of formals) this.add(formal.name);
  }

  add({ name, span }: Identifier): void {
    if (name === "" || name === "'") return;
    const why = this.#reserved.get(name);
    const earlier = this.#seen.get(name);
    if (why !== undefined) {
      this.#sink.report({
        code: "M0202",
        title: `\`${name}\` has a meaning here already`,
        at: span,
        notes: [why],
        hint: "choose another name",
      });
    } else if (earlier) {
      this.#sink.report({
        ...definedTwice(name, span, earlier),
        hint: `choose another name, such as \`${name}2\`: nothing is overwritten here`,
      });
    } else this.#seen.set(name, span);
  }
}

/** The types that numbers are declared with. */
export const numberTypes: readonly string[] = ["int", "float", "bool"];

/** What a task may be given, too: the rows that it is drawn from. */
const taskTypes = [...numberTypes, "data"];

/** The type of bytes in data, which are ints wherever they are read. */
export const byteType = "u8";

/** Names of types in other languages. */
const foreignTypes = /^(f|float|double|fp|bfloat|half)\d*$/;

function checkType(type: TypeExpression | undefined, allowed: readonly string[], sink: DiagnosticSink): void {
  const dtype = type?.dtype;
  if (!dtype || dtype.name === "") return;
  if (allowed.includes(dtype.name)) {
    if (dtype.name === "data" && type.sizes) {
      sink.report({
        code: "M0304",
        title: "A table has no sizes of its own",
        at: type.span,
        hint: "write `data` alone",
      });
    }
    return;
  }
  const known = numberTypes.includes(dtype.name);
  if (dtype.name === byteType) {
    return sink.report({
      code: "M0304",
      title: `\`${byteType}\` is how data are kept, and what is read of them is an \`int\``,
      at: dtype.span,
      hint: allowed.includes("int") ? "write `int`" : "leave it out: a parameter is made of floats",
    });
  }
  sink.report({
    code: "M0304",
    title: known ? `A parameter is made of floats, not of \`${dtype.name}\`s` : `There is no type \`${dtype.name}\``,
    at: dtype.span,
    hint: known
      ? undefined
      : foreignTypes.test(dtype.name)
      ? "leave it out: numbers have the precision of the experiment, `precision f32` or `precision f64`"
      : allowed.includes("data") && /^(table|dataset|dataframe|rows|pool)$/i.test(dtype.name)
      ? "write `data` for a table"
      : /^(tensor|array|ndarray|matrix|vector|list|scalar|number|real|Tensor|Array)$/.test(dtype.name)
      ? "say its sizes: `[2, 3]` for a matrix, `[]` for one number"
      : hintFor(dtype.name, allowed) ??
        (type.sizes ? undefined : `write \`[${dtype.name}]\` for a vector of that size`),
  });
}
