// Is every name known? Goes through all definitions, used or not, so that a name is wrong even where nothing runs; and says
// which parameters nothing uses.
import {
  type AcrossClause,
  type Binding,
  type CallExpression,
  type Clause,
  type Expression,
  type Formal,
  type FunctionItem,
  isEach,
  type Item,
  type LetItem,
  type ModelItem,
  type OptimizerItem,
  type ScanMember,
  type SplitMember,
  type StepMember,
  type TablePart,
  type TaskItem,
  type TypeExpression,
} from "../syntax/ast.ts";
import { builtins, constants } from "../builtins/builtins.ts";
import { referenceText, visit } from "../syntax/paths.ts";
import type { Elaboration } from "../world/world.ts";
import { estimatorArguments, type EstimatorKind } from "../world/loop.ts";
import { habitOf } from "../diagnostics/habits.ts";
import { definedAround, type Module, nameOf } from "../modules/modules.ts";
import { packageChain, packageName, unknownHint } from "../elaborate/unknown_names.ts";
import { wordsOfCalls } from "../evaluate/model_states.ts";

type Names = ReadonlySet<string>;

const none: Names = new Set();

/** Reports unknown names in every definition of the program's own files. What the checks already said is not said again. */
export function resolveNames(el: Elaboration): void {
  for (const module of el.modules.modules) {
    const used = new Set<string>();
    const resolver = new Resolver(el, module, used);
    for (const item of module.program.items) resolver.item(item);
    if (module === el.modules.root && !el.sink.hasErrors) reportUnused(el, module, used);
  }
}

/** Where `_` stands for what is left open: a whole axis of what is indexed, the size that is left in a `reshape`. */
function freeNames(e: Expression): readonly Expression[] {
  const among = e.kind === "Index" ? e.indices : e.kind === "Call" ? openList(e) : undefined;
  return (among ?? []).filter((each) => each.kind === "Name" && each.name === "_") as Expression[];
}

/** The sizes that a call is given, of which one may be left open. */
function openList({ callee, args }: CallExpression): readonly Expression[] {
  if (callee.kind !== "Name" || !builtins.get(callee.name)?.leavesOpen) return [];
  return args.flatMap(({ value }) => value.kind === "List" ? value.items : []);
}

/** A walk over one file. */
class Resolver {
  readonly #el: Elaboration;
  readonly #module: Module;
  readonly #used: Set<string>;
  readonly #splits: Names;

  constructor(el: Elaboration, module: Module, used: Set<string>) {
    this.#el = el;
    this.#module = module;
    this.#used = used;
    this.#splits = splitsOf(module);
  }

  item(item: Item): void {
    switch (item.kind) {
      case "Function":
        return this.#function(item, none);
      case "Let":
        // one that stands for a rule was spoken of where the rule is wanted
        return this.#el.said.has(item) ? undefined : this.#check(item.value, none);
      case "Input":
      case "Param":
        return this.#binding(item.binding, none);
      case "Data":
        for (const field of item.fields) {
          // `_` is as many as there are in what is read; what is computed reads the others
          const others = item.fields.flatMap((each) => each === field ? [] : [each.name.name]);
          this.#binding(field, new Set(field.value ? others : ["_"]));
          this.#check(field.missing, none);
        }
        return item.part && this.#part(item.part);
      case "Parts":
        for (const { part } of item.parts) this.#part(part);
        return;
      case "Task":
        return this.#task(item);
      case "Model":
        return this.#model(item);
      case "Optimizer":
        return this.#optimizer(item);
      case "Inner":
      case "Outer":
      case "Evaluate": {
        // an evaluation may call its number of steps otherwise than the loop does
        const counts = new Set(this.#counts());
        for (const clause of item.clauses) if (clause.kind === "For" && clause.name) counts.add(clause.name.name);
        for (const clause of item.clauses) this.#clause(clause, counts);
        return;
      }
      case "Override":
        for (const entry of item.entries) {
          // what is overridden, and the loop, are read with the loops
          if (this.#el.said.has(entry.value)) continue;
          this.#check(entry.value, new Set([entry.time?.name ?? "", ...this.#counts()]));
          this.#all([entry.range?.low, entry.range?.high], none);
        }
        return;
      case "Gradient":
        this.#all([item.value, ...item.wrt], this.#counts());
        this.#across(item.across);
        return this.#all(item.expect.flatMap((entry) => [entry.value, entry.within]), this.#counts());
      case "Output":
        this.#check(item.value, this.#counts());
        return this.#across(item.across);
      case "Record":
        this.#all(item.references, this.#counts());
        return this.#all([item.every, item.task], none);
      case "Edition":
      case "Precision":
      case "Memory":
      case "Import":
      // what starts was read with the starts, and to say where it does is no use of it
      case "Start":
        return;
      default:
        item satisfies never;
    }
  }

  /** The condition of a part reads the fields of its table, whose names are those of what it is a part of. */
  #part({ of, where, share }: TablePart): void {
    this.#check({ kind: "Name", name: of.name, primed: false, span: of.span }, none);
    const fields = tableFields(this.#module, of.name);
    if (fields) this.#check(where, fields);
    this.#check(share, none);
  }

  /** Names of numbers of steps, which an expression over times may use. */
  /** The names of times: those of the loops that the root file sees, and of the file's own, which an import does not run. */
  #counts(): Names {
    const names = new Set(["T", "t"]);
    for (const loop of this.#el.loops.values()) names.add(loop.timeName);
    for (const item of this.#module.program.items) {
      if (item.kind !== "Inner" && item.kind !== "Outer") continue;
      for (const clause of item.clauses) if (clause.kind === "For" && clause.name) names.add(clause.name.name);
    }
    return names;
  }

  #clause(clause: Clause, counts: Names): void {
    switch (clause.kind) {
      case "Minimize":
      case "From":
        return this.#check(clause.value, counts);
      case "Report":
        this.#check(clause.value, new Set([...counts, clause.at?.variable.name ?? ""]));
        return this.#all([clause.at?.from, clause.at?.to], counts);
      case "Over":
        return this.#all(clause.references, counts);
      case "By":
        // the rule's own name is read with the loop
        if (clause.rule.kind === "Call") {
          for (const arg of clause.rule.args) if (!this.#el.said.has(arg.value)) this.#check(arg.value, none);
        }
        this.#note(clause.rule);
        return;
      case "Across":
        return this.#across(clause);
      case "For":
      case "Every":
        return this.#check(clause.count, none);
      case "Until":
        this.#check(clause.condition, counts);
        return this.#check(clause.patience, none);
      case "Clip":
        return this.#check(clause.bound, none);
      case "Batch":
        return this.#all([clause.size, clause.of], none);
      case "Through": {
        // the estimator and a solver are words of the clause, read with the loop
        const { estimator } = clause;
        if (estimator.kind !== "Call" || estimator.callee.kind !== "Name") return;
        const takes = Object.entries<string>(estimatorArguments[estimator.callee.name as EstimatorKind] ?? {});
        return estimator.args.forEach(({ name, value }, i) => {
          const kind = takes.find(([word], at) => name ? word === name.name : at === i)?.[1];
          if (kind !== "solver") this.#check(value, none);
        });
      }
      case "Memory":
      case "Keep":
      case "Skip":
      case "Best":
      case "Hold":
        return;
      default:
        clause satisfies never;
    }
  }

  #across(clause: AcrossClause | undefined): void {
    this.#all([clause?.count, ...clause?.args?.map(({ value }) => value) ?? []], none);
  }

  #function(item: FunctionItem, around: Names): void {
    this.#all(item.formals.map((f) => f.default), around);
    this.#check(item.body, new Set([...around, ...item.formals.map((f) => f.name.name)]));
  }

  #binding(binding: Binding, locals: Names): void {
    this.#type(binding.type, locals);
    this.#all([binding.value, binding.range?.low, binding.range?.high], locals);
  }

  #type(type: TypeExpression | undefined, locals: Names): void {
    this.#all(type?.sizes ?? [], locals);
  }

  /** Members of a task see each other, and its splits; members of a split see those too. */
  #task(item: TaskItem): void {
    const locals = new Set<string>();
    this.#formals(item.formals ?? [], locals);
    for (const { type } of item.formals ?? []) this.#type(type, locals);
    for (const member of item.members) if (member.kind !== "Classes") locals.add(member.name.name);
    for (const member of item.members) {
      if (member.kind === "Split") this.#split(member, locals);
      else if (member.kind === "Classes") this.#all([member.count, member.of], locals);
      else this.#member(member, locals);
    }
  }

  #split(split: SplitMember, around: Names): void {
    const rows = split.members.find((m) => m.kind === "Rows");
    const own = split.members.filter((m) => m.kind !== "Rows");
    // which table it is shows where the task is drawn: here the fields of all are known
    const locals = new Set([...around, ...own.map((m) => m.name.name), ...rows ? fieldsOf(this.#el) : []]);
    if (rows) this.#all([rows.count, isEach(rows.of) ? undefined : rows.of], locals);
    for (const member of own) this.#member(member, locals);
  }

  #member(member: Binding | FunctionItem | LetItem, locals: Names): void {
    if (member.kind === "Function") this.#function(member, locals);
    else if (member.kind === "Let") this.#check(member.value, locals);
    else this.#binding(member, locals);
  }

  /** A model is read from top to bottom. */
  #model(item: ModelItem): void {
    const locals = new Set<string>(wordsOfCalls);
    this.#formals(item.sizes ?? [], locals);
    for (const formal of item.formals) {
      // names of sizes that nothing defines are bound by the call
      for (const size of formal.type?.sizes ?? []) {
        if (size.kind === "Name") locals.add(size.name);
        else this.#check(size, locals);
      }
    }
    for (const formal of item.formals) locals.add(formal.name.name);
    const later = new Set(item.members.map((m) => m.name.name));
    for (const member of item.members) {
      later.delete(member.name.name);
      if (member.kind === "Scan") this.#scan(member, locals, later);
      else {
        if (member.kind !== "Use" && "type" in member) this.#type(member.type, locals);
        this.#check(member.value, locals, later);
      }
      locals.add(member.kind === "Next" ? `${member.name.name}'` : member.name.name);
    }
    this.#type(item.result, new Set([...locals, "_"]));
    this.#check(item.body, locals);
  }

  #scan(scan: ScanMember, around: Names, later: Names): void {
    this.#all([scan.over, scan.to], around, later);
    for (const member of scan.members) {
      if (member.kind !== "State") continue;
      this.#type(member.type, around);
      this.#check(member.value, around, later);
    }
    const locals = new Set([...around, scan.variable.name]);
    this.#steps(scan.members.filter((m) => m.kind !== "State"), locals, scan.members);
  }

  #formals(formals: readonly Formal[], locals: Set<string>): void {
    for (const formal of formals) {
      this.#check(formal.default, locals);
      locals.add(formal.name.name);
    }
  }

  #optimizer(item: OptimizerItem): void {
    const locals = new Set(["p", "g", "t", "end"]);
    for (const formal of item.formals) {
      this.#check(formal.default, none);
      locals.add(formal.name.name);
    }
    this.#steps(item.members, locals, item.members);
  }

  /** The equations of a step, of which each may use all. */
  #steps(members: readonly StepMember[], locals: Set<string>, all: readonly StepMember[]): void {
    for (const member of all) {
      locals.add(member.name.name);
      if (member.kind === "Next") locals.add(`${member.name.name}'`);
    }
    for (const member of members) {
      if (member.kind === "State") this.#type(member.type, locals);
      this.#check(member.value, locals);
    }
  }

  /** Notes the names of an expression as used. */
  #note(expression: Expression): void {
    visit(expression, (e) => {
      if (e.kind === "Name") this.#used.add(e.name);
    });
  }

  #all(expressions: readonly (Expression | undefined)[], locals: Names, later: Names = none): void {
    for (const expression of expressions) this.#check(expression, locals, later);
  }

  #check(expression: Expression | undefined, locals: Names, later: Names = none): void {
    if (!expression) return;
    this.#note(expression);
    const bound = new Set(locals);
    // an index of a hyperparameter is a parameter's path, not an expression
    const paths = new Set<Expression>();
    const calls = new Map<Expression, CallExpression>();
    visit(expression, (e) => {
      if (e.kind === "Call") calls.set(e.callee, e);
      // what a method of another language is given is part of that mistake
      if (e.kind === "Call" && e.callee.kind === "Member" && habitOf(e.callee.member.name, "part")) {
        for (const { value } of e.args) visit(value, (i) => paths.add(i));
      }
      if (e.kind === "Call" && e.comprehension) bound.add(e.comprehension.variable.name);
      // which times there are is known where a time is read
      if (e.kind === "Time" && e.time !== "all" && e.time.kind === "Name") paths.add(e.time);
      if (e.kind === "Index" && e.object.kind === "Member") {
        for (const index of e.indices) {
          for (const each of index.kind === "Slice" ? [index.low, index.high] : [index]) {
            visit(each, (i) => paths.add(i));
          }
        }
      }
      for (const free of freeNames(e)) paths.add(free);
    });
    visit(expression, (e) => {
      const chain = paths.has(e) ? undefined : packageChain(e, (name) => bound.has(name) || this.#isKnown(name));
      if (chain) {
        visit(e, (inside) => paths.add(inside));
        // what it is given is part of that mistake
        for (const { value } of calls.get(e)?.args ?? []) visit(value, (inside) => paths.add(inside));
        this.#package(e, chain, calls.has(e));
      } else if (e.kind === "Name" && e.name !== "" && !paths.has(e)) {
        this.#name(e, bound, { later, called: calls.has(e), first: calls.get(e)?.args[0]?.value });
      }
    });
  }

  #isKnown(name: string): boolean {
    const { visible, unresolved } = this.#module;
    return visible.has(name) || unresolved.has(name) || this.#splits.has(name) || constants.has(name) ||
      builtins.has(name);
  }

  #package(e: Expression, chain: readonly string[], called: boolean): void {
    const known = [...this.#module.visible.keys(), ...constants.keys(), ...builtins.keys()];
    const draft = packageName(this.#el, chain, e, { known, place: called ? "call" : "value" });
    if (draft) this.#el.sink.report(draft);
  }

  #name(
    e: Expression & { kind: "Name" },
    bound: Names,
    { later, called, first }: {
      readonly later: Names;
      readonly called: boolean;
      readonly first: Expression | undefined;
    },
  ): void {
    const module = this.#module;
    const name = e.primed ? `${e.name}'` : e.name;
    if (bound.has(name) || this.#isKnown(name)) return;
    const locals = () => [...bound, ...this.#splits];
    const subject = first && referenceText(first);
    this.#el.sink.report({
      code: "M0201",
      title: `There is no ${called ? "function " : ""}\`${name}\`${later.has(name) ? " yet" : ""}`,
      at: e.span,
      notes: later.has(name) ? [`\`${name}\` is declared below, and a model is read from top to bottom`] : [],
      hint: () =>
        later.has(name) ? undefined : unknownHint(this.#el, { name, module, locals: locals(), called, subject }),
    });
  }
}

/** The fields of every table of the program. */
function fieldsOf({ modules }: Elaboration): string[] {
  const items = modules.modules.flatMap(({ program }) => program.items);
  return items.flatMap((item) => item.kind === "Data" ? item.fields.map((field) => field.name.name) : []);
}

function splitsOf(module: Module): Names {
  const splits = new Set<string>();
  for (const { item } of definedAround(module)) {
    if (item.kind !== "Task") continue;
    for (const member of item.members) if (member.kind === "Split") splits.add(member.name.name);
  }
  return splits;
}

/** The names of the fields of a table, or of the table that a part is taken of; undefined where there is none. */
function tableFields(module: Module, name: string, seen: Names = none): Names | undefined {
  const definition = module.visible.get(name);
  if (definition?.item.kind !== "Data" || seen.has(name)) return undefined;
  const { part, fields } = definition.item;
  return part
    ? tableFields(definition.module, part.of.name, new Set([...seen, name]))
    : new Set(fields.map((field) => field.name.name));
}

/** A free-standing parameter that nothing reads is a mistake that is worth saying. */
function reportUnused(el: Elaboration, module: Module, used: ReadonlySet<string>): void {
  for (const item of module.program.items) {
    const name = nameOf(item);
    if (item.kind !== "Param" || !name || used.has(name.name)) continue;
    el.sink.report({ code: "W0201", title: `\`${name.name}\` is never used`, at: name.span });
  }
}
