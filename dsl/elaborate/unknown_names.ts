// What is said of a name that nothing defines, where an expression calls or reads it? Offered are names that could stand there:
// functions where something is called, values where something is read; and what a loop or a model has under that name.
import type { Expression } from "../syntax/ast.ts";
import { firstTime } from "../world/report.ts";
import type { Elaboration } from "../world/world.ts";
import type { DiagnosticDraft } from "../diagnostics/diagnostic.ts";
import { habitOf, timedName } from "../diagnostics/habits.ts";
import { hintAt } from "../diagnostics/hints.ts";
import { hyperparameterPath, type Loop } from "../world/loop.ts";
import { pathText } from "../syntax/paths.ts";
import type { Definition, Module } from "../modules/modules.ts";
import { quoted } from "../text/words.ts";

/** Where a name stands that nothing defines. */
export interface UnknownName {
  readonly name: string;
  readonly module: Module;
  /** Names that are known only here. */
  readonly locals: readonly string[];
  /** It is called, with this text as its first argument. */
  readonly called: boolean;
  readonly subject?: string | undefined;
}

type Kind = Definition["item"]["kind"];
const callable: ReadonlySet<Kind> = new Set(["Function", "Model"]);
const readable: ReadonlySet<Kind> = new Set(["Let", "Input", "Param", "Data", "Task", "Model", "Inner", "Outer"]);

/** The hint of an unknown name. */
export function unknownHint(el: Elaboration, unknown: UnknownName): string | undefined {
  const { name, module, locals, called, subject } = unknown;
  const kinds = called ? callable : readable;
  const visible = [...module.visible.values()].filter((d) => kinds.has(d.item.kind)).map((d) => d.name);
  const known = [...locals, ...visible, ...(called ? el.evaluator.builtins : el.evaluator.constants).keys()];
  return (called ? undefined : partOfSomething(el, name)) ??
    hintAt(called ? "call" : "value", name, known, { subject });
}

/** A rate, a loss or a number of steps by its own name; one of up to three of that name is meant. */
function partOfSomething(el: Elaboration, name: string): string | undefined {
  const loops = [...el.loops.values()];
  const only = (found: readonly string[]) =>
    found.length === 0 || found.length > 3 ? undefined : `write ${quoted(found, " or ")}`;
  if (name === "loss" || name === "gradient_norm") return only(loops.map((l) => `${l.name}.${name}@${l.timeName}`));
  if (name === "T") return only(loops.filter((l) => l.timeName !== "T").map((l) => l.timeName));
  const timed = timedName(name);
  const changes = timed &&
    loops.find((l) => l.rules.some((r) => r.references.some((e) => e.kind === "Name" && e.name === timed.of)));
  if (changes) return `write \`${timed.of}@${timed.start ? "0" : changes.timeName}\``;
  const rate = habitOf(name, "argument") === "write `lr`" ? "lr" : name;
  // the rate of an outer is its own business: what is learned or differentiated for is that of an inner
  const inner = loops.filter((l) => l.kind === "inner");
  const rates = (inner.length > 0 ? inner : loops).flatMap((l) =>
    l.rules.flatMap((r) =>
      r.hyperparameters.filter((h) => h.name === rate).map((h) => pathText(hyperparameterPath(l, h)))
    )
  );
  if (rates.length > 0) return only(rates);
  return only(
    [...el.leaves.values()].flatMap((l) => !l.tensor && l.path.length > 1 && l.path.at(-1) === name ? [l.name] : []),
  );
}

/** What of a loop is meant by a part that it does not have: `fit.w` is where the loop brings `w`. */
export function partOfLoop(loop: Loop, name: string, known: readonly string[]): string | undefined {
  const evolved = loop.rules.flatMap((r) => r.references).flatMap((r) => r.kind === "Name" ? [r.name] : []);
  if (loop.kind === "inner" && evolved.includes(name)) return `write \`${name}@${loop.timeName}\``;
  return hintAt("argument", name, known);
}

// ------------------------------------------------------------------------------------------------------------ packages

const packages: ReadonlySet<string> = new Set(
  ("torch np numpy jnp jax nn F optim optax tf keras math lax functional higher torchopt TorchOpt haiku hk flax " +
    "linen scipy sp autograd self torchmeta learn2learn l2l nnx eqx equinox diffopt random").split(" "),
);

/** `jax.nn.relu` as its words, when it begins with a package and nothing here has that name. */
export function packageChain(
  expression: Expression,
  isKnown: (name: string) => boolean,
): readonly string[] | undefined {
  const words: string[] = [];
  let at = expression;
  while (at.kind === "Member") {
    words.unshift(at.member.name);
    at = at.object;
  }
  if (at.kind !== "Name" || words.length === 0 || !packages.has(at.name) || isKnown(at.name)) return undefined;
  return [at.name, ...words];
}

/** What is said of a name of a package. Nothing, where the same was said of another one of it. */
export function packageName(
  el: Elaboration,
  chain: readonly string[],
  expression: Expression,
  { known, place }: { readonly known: readonly string[]; readonly place: "call" | "value" | "rule" | "layer" },
): DiagnosticDraft | undefined {
  const word = chain.at(-1)!;
  const written = chain.join(".");
  const head = chain[0]!;
  const same = known.find((name) => name === word) ?? known.find((n) => n.toLowerCase() === word.toLowerCase());
  const cure = habitOf(word, place);
  const plain = same !== undefined && cure === undefined;
  if (plain && !firstTime(el, `package ${head} ${same === word}`)) return undefined;
  return {
    code: "M0201",
    title: head === "self"
      ? `There is no \`self\`: what a model has goes by its own name`
      : `There are no packages, so there is no \`${written}\``,
    at: expression.span,
    hint: plain
      ? `write \`${same}\`: everything goes by its own name`
      : hintAt(place, word, known) ?? (head === "self" ? `write \`${word}\`` : undefined),
  };
}
