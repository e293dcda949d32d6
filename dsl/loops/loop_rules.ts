// By which rules does a loop go? Pairs every `over` with its `by`, and every hyperparameter with the value that the call, an
// override or the optimizer's own declaration gives it.
import type { Clause, Expression, InnerItem, OptimizerItem, OuterItem, OverrideEntry } from "../syntax/ast.ts";
import type { Elaboration } from "../world/world.ts";
import { hintAt, hintFor } from "../diagnostics/hints.ts";
import { type DeclaredHyperparameter, type Loop, type LoopRule, pathsOf } from "../world/loop.ts";
import { declaredHere } from "../diagnostics/messages.ts";
import { definedAround, type Module, nameOf } from "../modules/modules.ts";
import { type Path, pathText, referencePath, samePath } from "../syntax/paths.ts";
import { isLibrary, type Span } from "../text/source.ts";
import { isScheduleWithoutTime } from "./schedules.ts";
import { packageChain, packageName } from "../elaborate/unknown_names.ts";
import { quoted } from "../text/words.ts";

/** Pairs every `over` with the `by` after it. Undefined when there is none of both (not reported). */
export function readRules(el: Elaboration, item: InnerItem | OuterItem, module: Module): LoopRule[] | undefined {
  const rules: LoopRule[] = [];
  const shared = sharedNames(item, module);
  let open: Extract<Clause, { kind: "Over" }> | undefined;
  let found = false;
  const unpaired = (over: Extract<Clause, { kind: "Over" }>) => {
    const hint = "say by which rule, such as `by sgd(lr = 0.1)`";
    el.sink.report({ code: "M0104", title: "This `over` has no `by`", at: over.span, hint });
    rules.push(unknownRule(module, over, over.span));
  };
  for (const clause of item.clauses) {
    if (clause.kind === "Over") {
      if (open) unpaired(open);
      open = clause;
      found = true;
    } else if (clause.kind === "By") {
      found = true;
      if (!open) {
        const hint = "say what it changes, such as `over net`";
        el.sink.report({ code: "M0104", title: "This `by` has no `over` before it", at: clause.span, hint });
        continue;
      }
      const at: RulePlace = { item, module, over: open, shared };
      rules.push(readRule(el, at, clause.rule) ?? unknownRule(module, open, clause.rule.span));
      open = undefined;
    }
  }
  if (open) unpaired(open);
  return found ? rules : undefined;
}

/** Stands for a rule that is not known: it changes nothing. */
function unknownRule(module: Module, over: Extract<Clause, { kind: "Over" }>, span: Span): LoopRule {
  const p = { name: "p", span };
  const item: OptimizerItem = {
    kind: "Optimizer",
    name: { name: "", span },
    formals: [],
    members: [{ kind: "Next", name: p, value: { kind: "Name", name: "p", primed: false, span }, span }],
    span,
  };
  const { references } = over;
  return {
    references,
    paths: pathsOf(references),
    optimizer: { item, module },
    hyperparameters: [],
    unknown: true,
    span,
  };
}

/** The names of hyperparameters that more than one rule of a loop has. */
function sharedNames(item: InnerItem | OuterItem, module: Module): ReadonlySet<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const clause of item.clauses) {
    if (clause.kind !== "By") continue;
    const callee = clause.rule.kind === "Call" ? clause.rule.callee : clause.rule;
    const optimizer = callee.kind === "Name" ? module.visible.get(callee.name)?.item : undefined;
    if (optimizer?.kind !== "Optimizer") continue;
    for (const { name: { name } } of optimizer.formals) {
      if (seen.has(name)) shared.add(name);
      seen.add(name);
    }
  }
  return shared;
}

/** Where a rule stands. */
interface RulePlace {
  readonly item: InnerItem | OuterItem;
  readonly module: Module;
  readonly over: Extract<Clause, { kind: "Over" }>;
  readonly shared: ReadonlySet<string>;
}

function readRule(el: Elaboration, place: RulePlace, rule: Expression): LoopRule | undefined {
  const { item, over, shared } = place;
  const optimizer = findOptimizer(el, place, rule);
  if (!optimizer) return undefined;
  const { formals } = optimizer.item;
  const given = givenHyperparameters(el, rule, optimizer);
  const paths = pathsOf(over.references);
  const overrides = overridesOf(el, item.name.name).filter(({ entry }) =>
    entry.qualifier ? isAmong(paths, referencePath(entry.qualifier)) : !shared.has(entry.name.name)
  );
  const hyperparameters = formals.map((formal): DeclaredHyperparameter => {
    const name = formal.name.name;
    const path = shared.has(name) ? [...paths[0] ?? [""], name] : [name];
    const override = overrides.find((e) => e.entry.name.name === name);
    const value = override?.entry.value ?? given.get(name) ?? formal.default;
    const hole = (span: Span) => ({ kind: "Missing", span } as const);
    if (!value) {
      // an argument under a wrong name was meant for it
      const meant = argumentsOf(rule).some((a) => a.name && !formals.some((f) => f.name.name === a.name!.name));
      if (!meant) {
        const callee = optimizer.called;
        el.sink.report({
          code: "M0302",
          title: `\`${callee}\` needs a value for \`${name}\``,
          at: rule.span,
          hint: `write \`${callee}(${name} = …)\``,
        });
      }
      return { name, path, value: hole(rule.span), module: place.module, override: undefined, span: rule.span };
    }
    const module = override ? override.module : given.has(name) ? place.module : optimizer.module;
    const wrong = value !== formal.default && !override?.entry.time &&
      isScheduleWithoutTime(el, name, value, { loop: item, module, inOverride: override !== undefined });
    const { span } = value;
    return { name, path, value: wrong ? hole(span) : value, module, override: override?.entry, span };
  });
  const { item: definition, module } = optimizer;
  const { references } = over;
  return { references, paths, optimizer: { item: definition, module }, hyperparameters, span: rule.span };
}

const argumentsOf = (rule: Expression) => rule.kind === "Call" ? rule.args : [];

/** An optimizer, and what it is called where it is used. */
type UsedOptimizer = LoopRule["optimizer"] & { readonly called: string };

/** The optimizer that a rule names. Undefined when there is none (reported). */
function findOptimizer(el: Elaboration, { module }: RulePlace, rule: Expression): UsedOptimizer | undefined {
  const callee = rule.kind === "Call" ? rule.callee : rule;
  if (callee.kind !== "Name") {
    const chain = packageChain(callee, (name) => module.visible.has(name));
    if (chain) {
      const draft = packageName(el, chain, callee, { known: optimizersOf(module), place: "rule" });
      if (draft) el.sink.report(draft);
    } else if (callee.kind !== "Missing") {
      el.sink.report({
        code: "M0203",
        title: "This is not an optimizer",
        at: callee.span,
        hint: "write a rule such as `sgd(lr = 0.1)`",
      });
    }
    return undefined;
  }
  const definition = module.visible.get(callee.name);
  if (definition?.item.kind === "Optimizer") {
    return { item: definition.item, module: definition.module, called: callee.name };
  }
  if (module.unresolved.has(callee.name)) return undefined;
  if (definition) el.said.add(definition.item);
  const hidden = el.modules.library.some(({ own }) => own.get(callee.name)?.item.kind === "Optimizer");
  return void el.sink.report({
    code: definition ? "M0203" : "M0201",
    title: definition ? `\`${callee.name}\` is not an optimizer` : `There is no optimizer \`${callee.name}\``,
    at: callee.span,
    secondary: definition && !definition.module.library ? [declaredHere(nameOf(definition.item)!)] : [],
    hint: hidden
      ? `give that another name: its own takes the place of the library's \`${callee.name}\``
      : definition?.item.kind === "Let"
      ? "name the rule in the loop itself: `by adam(lr = 1e-3)`"
      : hintAt("rule", callee.name, optimizersOf(module)),
  });
}

/** What a rule gives its optimizer, by the names of the hyperparameters. Mistakes are reported. */
function givenHyperparameters(
  el: Elaboration,
  rule: Expression,
  { item, called }: UsedOptimizer,
): ReadonlyMap<string, Expression> {
  const { formals } = item;
  const given = new Map<string, Expression>();
  argumentsOf(rule).forEach((arg, i) => {
    const formal = arg.name ? formals.find((f) => f.name.name === arg.name!.name) : formals[i];
    const at = arg.name?.span ?? arg.value.span;
    if (!formal) {
      const names = formals.map((f) => f.name.name);
      el.sink.report({
        code: arg.name ? "M0204" : "M0302",
        title: arg.name
          ? `\`${called}\` has no hyperparameter \`${arg.name.name}\``
          : `\`${called}\` takes at most ${formals.length} hyperparameters`,
        at,
        secondary: isLibrary(item.name.span.source) ? [] : [{ span: item.name.span, message: "declared here" }],
        notes: [`It has ${quoted(names)}`],
        hint: arg.name ? hintAt("argument", arg.name.name, names, { callee: called }) : undefined,
      });
    } else if (given.has(formal.name.name)) {
      el.sink.report({ code: "M0303", title: `\`${formal.name.name}\` is given twice`, at });
    } else given.set(formal.name.name, arg.value);
  });
  return given;
}

const isAmong = (paths: readonly Path[], path: Path | undefined) =>
  path !== undefined && paths.some((p) => samePath(p, path));

const optimizersOf = (module: Module) =>
  [...module.visible.values()].filter((d) => d.item.kind === "Optimizer").map((d) => d.name);

function overridesOf(el: Elaboration, loop: string): { entry: OverrideEntry; module: Module }[] {
  const root = el.modules.root;
  return root.program.items.flatMap((item) =>
    item.kind === "Override" && item.loop.name === loop ? item.entries.map((entry) => ({ entry, module: root })) : []
  );
}

/** Every override must name a loop and a hyperparameter, once. */
export function checkOverrides(el: Elaboration): void {
  const root = el.modules.root;
  const declared = definedAround(root).filter((d) => d.item.kind === "Inner" || d.item.kind === "Outer");
  const seen = new Map<string, Span>();
  for (const item of root.program.items) {
    if (item.kind !== "Override" || item.loop.name === "") continue;
    const target = declared.find((d) => d.name === item.loop.name);
    if (!target) {
      if (root.unresolved.has(item.loop.name)) continue;
      const other = root.visible.get(item.loop.name);
      el.sink.report({
        code: other ? "M0203" : "M0201",
        title: other ? `\`${item.loop.name}\` is not a loop` : `There is no loop \`${item.loop.name}\` to override`,
        at: item.loop.span,
        hint: hintFor(item.loop.name, declared.map((d) => d.name)),
      });
      continue;
    }
    const loop = el.loops.get(item.loop.name);
    for (const entry of item.entries) {
      const name = entry.name.name;
      const qualifier = entry.qualifier && referencePath(entry.qualifier);
      const key = pathText([item.loop.name, ...qualifier ?? [], name]);
      const earlier = seen.get(key);
      if (earlier) {
        el.sink.report({
          code: "M0205",
          title: `\`${key}\` is overridden twice`,
          at: entry.name.span,
          secondary: [{ span: earlier, message: "overridden here first" }],
        });
        continue;
      }
      seen.set(key, entry.name.span);
      // a loop without rules was reported
      if (!loop || name === "" || loop.rules.length === 0) continue;
      checkEntry(el, loop, entry, qualifier);
    }
  }
}

/** What an override names must be a hyperparameter of one rule. */
function checkEntry(el: Elaboration, loop: Loop, entry: OverrideEntry, qualifier: Path | undefined): void {
  const { name } = entry.name;
  const rules = loop.rules.filter((r) => qualifier === undefined || isAmong(r.paths, qualifier));
  const known = rules.flatMap((r) => r.hyperparameters.map((h) => h.name));
  const having = rules.filter((r) => r.hyperparameters.some((h) => h.name === name));
  if (rules.length === 0) {
    const paths = loop.rules.flatMap((r) => r.paths).map(pathText);
    el.sink.report({
      code: "M0204",
      title: `\`${loop.name}\` has no rule over \`${pathText(qualifier!)}\``,
      at: entry.qualifier!.span,
      notes: paths.length > 0 ? [`It has rules over ${quoted(paths)}`] : [],
      hint: hintFor(pathText(qualifier!), paths),
    });
  } else if (having.length > 1) {
    el.sink.report({
      code: "M0204",
      title: `Two rules of \`${loop.name}\` have a \`${name}\``,
      at: entry.name.span,
      secondary: having.map((rule) => ({ span: rule.span, message: "" })),
      hint: `say which, such as \`${pathText([...having[0]!.paths[0] ?? [], name])} = …\``,
    });
  } else if (!known.includes(name) && loop.rules.every((r) => !r.unknown)) {
    el.sink.report({
      code: "M0204",
      title: `\`${loop.name}\` has no hyperparameter \`${name}\``,
      at: entry.name.span,
      secondary: loop.rules.map((rule) => ({
        span: rule.span,
        message: `\`${loop.name}\` is run by \`${rule.optimizer.item.name.name}\``,
      })),
      notes: known.length > 0 ? [`It has ${quoted(new Set(known))}`] : [],
      hint: hintAt("argument", name, known, { callee: rules[0]?.optimizer.item.name.name }),
    });
  }
}
