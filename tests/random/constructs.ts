// What does the language have, and what does a program use of it? Every word of the tables in `dsl/`, and the situations in which
// programs went wrong. A new word is missing from the net until the generator writes it, and a test says so.
import type { Clause, Expression, Item, OverrideEntry } from "../../dsl/syntax/ast.ts";
import { builtins, constants } from "../../dsl/builtins/builtins.ts";
import { estimatorArguments, solvers } from "../../dsl/world/loop.ts";
import { keywords } from "../../dsl/syntax/keywords.ts";
import { libraryFiles } from "../../dsl/prelude/library.ts";
import { viaNames } from "../../dsl/elaborate/reparameterisations.ts";
import { treeOf } from "./compiled.ts";
import type { RandomProgram } from "./definitions.ts";
import { walk } from "./rewrites.ts";

type Node = { readonly kind: string } & Record<string, unknown>;

/** How each keyword is seen in a tree: by a node. A keyword without an entry fails to compile the test of the table. */
const keywordSeen: { readonly [word: string]: (node: Node) => boolean } = {
  import: (n) => n.kind === "Import",
  let: (n) => n.kind === "Let",
  fn: (n) => n.kind === "Function",
  edition: (n) => n.kind === "Edition",
  precision: (n) => n.kind === "Precision",
  memory: (n) => n.kind === "Memory",
  input: (n) => n.kind === "Input",
  data: (n) => n.kind === "Data",
  task: (n) => n.kind === "Task",
  model: (n) => n.kind === "Model",
  param: (n) => n.kind === "Param",
  start: (n) => n.kind === "Start",
  as: (n) => n.kind === "Start" && n["as"] !== undefined,
  inner: (n) => n.kind === "Inner",
  override: (n) => n.kind === "Override",
  optimizer: (n) => n.kind === "Optimizer",
  outer: (n) => n.kind === "Outer",
  gradient: (n) => n.kind === "Gradient",
  evaluate: (n) => n.kind === "Evaluate",
  output: (n) => n.kind === "Output",
  record: (n) => n.kind === "Record",
  return: (n) => n.kind === "Model",
  split: (n) => n.kind === "Split" || n.kind === "Parts",
  classes: (n) => n.kind === "Classes",
  where: (n) => n.kind === "Data" && n["part"] !== undefined,
  into: (n) => n.kind === "Parts",
  evenly: (n) => n.kind === "Parts" && n["evenly"] === true,
  use: (n) => n.kind === "Use",
  state: (n) => n.kind === "State",
  draw: (n) => n.kind === "Draw",
  scan: (n) => n.kind === "Scan",
  minimize: (n) => n.kind === "Minimize" && !n["maximize"],
  maximize: (n) => n.kind === "Minimize" && n["maximize"] === true,
  over: (n) => n.kind === "Over",
  by: (n) => n.kind === "By",
  for: (n) => n.kind === "For",
  until: (n) => n.kind === "Until",
  has: (n) => n.kind === "Until" && n["patience"] !== undefined,
  keep: (n) => n.kind === "Keep",
  skip: (n) => n.kind === "Skip",
  through: (n) => n.kind === "Through",
  across: (n) => n.kind === "Across" || "across" in n && n["across"] !== undefined,
  wrt: (n) => n.kind === "Gradient",
  batch: (n) => n.kind === "Batch",
  each: (n) => n.kind === "Batch" && n["once"] === true,
  clip: (n) => n.kind === "Clip",
  from: (n) => n.kind === "From",
  with: (n) => n.kind === "From" && n["fresh"] === true,
  report: (n) => n.kind === "Report",
  best: (n) => n.kind === "Best",
  every: (n) => n.kind === "Every" || n.kind === "Record" && n["every"] !== undefined,
  hold: (n) => n.kind === "Hold",
  after: (n) => n["after"] !== undefined,
  expect: (n) => n.kind === "Gradient" && (n["expect"] as readonly unknown[]).length > 0,
  in: (n) => "range" in n && n["range"] !== undefined,
  via: (n) => "via" in n && n["via"] !== undefined,
  per: (n) => n.kind === "Override" && (n["entries"] as readonly OverrideEntry[]).some((e) => e.per.length > 0),
  within: (n) => n.kind === "Gradient" && (n["expect"] as readonly unknown[]).length > 0,
  at: (n) => n.kind === "Report" && n["at"] !== undefined,
  of: (n) => n.kind === "Batch" || n.kind === "Record" && n["task"] !== undefined,
  step: (n) =>
    n.kind === "Override" &&
    (n["entries"] as readonly OverrideEntry[]).some((e) => e.per.some((p) => p.name === "step")),
  steps: (n) => n.kind === "For",
  fixed: (n) => n.kind === "Across" && n["fixed"] === true,
};

/** Words that stand only where files do, which the net has none of. */
export const wordsOfFiles: readonly string[] = ["missing", "resized"];

/** Words of the tables, and the situations. */
export const allConstructs = (): string[] => [...allWords(), ...Object.keys(situations)];

/** Words of the tables, each a construct. */
export function allWords(): string[] {
  const definitions = libraryFiles.flatMap(({ name, text }) =>
    treeOf(text).items.flatMap((i) => "name" in i && typeof i.name === "object" && name ? [i.name.name] : [])
  );
  return [
    ...keywords.filter((k) => !wordsOfFiles.includes(k.word)).map((k) => `keyword ${k.word}`),
    ...[...builtins.keys()].map((name) => `builtin ${name}`),
    ...new Set([...builtins.values()].flatMap((b) => b.named.map((n) => `argument ${n}`))),
    ...[...constants.keys()].map((name) => `constant ${name}`),
    ...definitions.map((name) => `library ${name}`),
    ...Object.keys(estimatorArguments).map((name) => `through ${name}`),
    ...Object.entries(estimatorArguments).flatMap(([name, args]) =>
      Object.keys(args).map((a) => `through ${name}, ${a}`)
    ),
    ...solvers.map((name) => `solver ${name}`),
    ...viaNames.map((name) => `via ${name}`),
    ...["int", "float", "bool", "u8"].map((name) => `type ${name}`),
    ...["+", "-", "*", "/", "^", "==", "!=", "<", "<=", ">", ">=", "|>", "comprehension", "index", "primed"].map((o) =>
      `operator ${o}`
    ),
  ];
}

interface Whole {
  readonly text: string;
  readonly items: readonly Item[];
  readonly loops: readonly (Item & { readonly kind: "Inner" | "Outer" })[];
  readonly words: (item: { readonly span: { readonly start: number; readonly end: number } }) => string;
}

const hasEpochs = (clauses: readonly Clause[]) => clauses.some((c) => c.kind === "Batch" && c.once);
const clauseOf = <K extends Clause["kind"]>(item: { readonly clauses: readonly Clause[] }, kind: K) =>
  item.clauses.find((c): c is Extract<Clause, { kind: K }> => c.kind === kind);

const acrossTasks = ({ items }: Whole) =>
  items.some((i) =>
    (i.kind === "Outer" || i.kind === "Evaluate") && clauseOf(i, "Across") || i.kind === "Gradient" && i.across
  );

/** Loops that another loop runs. */
function withinLoops({ loops, words }: Whole): boolean {
  return loops.some((around) =>
    loops.some((inside) => {
      if (around === inside) return false;
      const evolved = inside.clauses.flatMap((c) => c.kind === "Over" ? c.references : []).map((r) =>
        words(r).replace(/@.*/, "")
      );
      const objective = clauseOf(around, "Minimize");
      return objective !== undefined &&
        new RegExp(`\\b(${evolved.join("|")})@|\\b${inside.name.name}\\.loss`).test(words(objective));
    })
  );
}

/** True for an outer over the network itself, not over where it starts. */
function evolvesNetwork(loop: Whole["loops"][number], words: Whole["words"]): boolean {
  const over = loop.clauses.flatMap((c) => c.kind === "Over" ? c.references : []);
  return loop.kind === "Outer" && over.some((reference) => words(reference) === "net");
}

/** Situations by name. */
const situations: { readonly [name: string]: (whole: Whole) => boolean } = {
  "a loop within tasks": (w) => w.loops.length > 0 && Boolean(acrossTasks(w)),
  "a loop within a loop": withinLoops,
  "a loop within tasks or a loop": (w) => w.loops.length > 0 && (Boolean(acrossTasks(w)) || withinLoops(w)),
  "an outer within a loop": (w) => /\bmid\.loss@|kept@/.test(w.text),
  "tasks on two levels": ({ loops }) => loops.filter((l) => clauseOf(l, "Across")).length > 1,
  "a start from what is learned": ({ text }) => /(: \[[^\]]*\]) (= [^[\n]*theta|~ normal\([^)]*theta)/.test(text),
  "several results of a model": ({ text }) => /pair\(c\)\.(low|high)/.test(text),
  "a state that a model holds": ({ text }) => /^ {2}seen' = /m.test(text),
  "running statistics": ({ text }) => /batch_norm_running/.test(text),
  "a gain for each step": ({ text }) => /batch_norm_per_step/.test(text),
  "a slice": ({ text }) => /\)\[[^\]]* \.\. /.test(text),
  "a whole axis of what is indexed": ({ text }) => /\[_, |, _\]/.test(text),
  "a size that is left": ({ text }) => /reshape\(.*, \[1, _\]\)/.test(text),
  "integers that are drawn, read in a loop": ({ loops, words }) =>
    loops.some((l) => /\b(ways|places|some)\b/.test(words(l))),
  "a start of zeros": ({ text }) => /: \[[^\]]*\] = 0\n/.test(text),
  "rates from what is learned": ({ text }) => /= \[[^\]]*\bc\b[^\]]*\] per step/.test(text),
  "an output of many tasks": ({ items }) => items.some((i) => i.kind === "Output" && i.across),
  "an output after an outer": ({ items }) => items.some((i) => i.kind === "Output" && i.after),
  "an output of a loop that runs by itself": ({ text }) => /^output left = /m.test(text),
  "a record of a schedule": ({ text }) =>
    [...text.matchAll(/^override (\w+) \{ ([a-z][\w.]*)(?:@t =| = [^\n@=]* per step)/gm)].some(([, loop, rate]) =>
      new RegExp(`^record .*\\b${loop}\\.${rate}`, "m").test(text)
    ),
  "a warm start": ({ loops, words }) =>
    loops.some((l) => {
      const from = clauseOf(l, "From");
      return from !== undefined && words(from.value).length > 0;
    }),
  "an inner loop that may stop": ({ loops }) => loops.some((l) => l.kind === "Inner" && clauseOf(l, "Until")),
  "how many steps a loop took": ({ text }) => /\b(fit|tune|upper)\.steps\b/.test(text),
  "a loop that goes on from itself": ({ text }) => /from fit@T$/m.test(text),
  "a loop of tasks that goes on from itself": ({ text }) =>
    /from fit@T/.test(text) && /problem(\(.*\))? fixed/.test(text),
  "a loop that goes on from itself inside": ({ text }) => /from fit@T/.test(text) && /^outer mid/m.test(text),
  "a loop that goes on from between": ({ text }) => /from fit@[1-9]$/m.test(text),
  "rows of each class": ({ text }) => /draw 1 of each/.test(text),
  "rows of a whole table beside those of its classes": ({ text }) =>
    /draw 1 of each/.test(text) && /draw \d of (stock|store)/.test(text),
  "rows of a whole table": ({ text }) => /draw \d of (stock|store)/.test(text),
  "a task that is given arguments": ({ text }) => /across \d problem\(/.test(text),
  "an argument of a task from what is learned": ({ text }) => /across \d problem\([^\n]*\bc\b/.test(text),
  "a computed field of what is learned": ({ text }) =>
    /^ +mid = .*\b(c|theta)\b/m.test(text) && /\b(near|most)\.mid\b/.test(text),
  "an outer that evolves a network": ({ loops, words }) => loops.some((l) => evolvesNetwork(l, words)),
  "an outer that evolves a network with a state": ({ loops, words, text }) =>
    /^ {2}seen' = |batch_norm_running/m.test(text) && loops.some((l) => evolvesNetwork(l, words)),
  "an evaluation of no steps": ({ text }) => /for \w+ = 0 steps/.test(text),
  "a task that is not finite": ({ text }) => /sqrt\(query\.s/.test(text),
  "samples in a loop in a loop": ({ text }) => /^inner upper /m.test(text) && /through es\(/.test(text),
  "phases": ({ loops }) => loops.some((l) => l.kind === "Outer" && l.after !== undefined),
  "an objective that changes over meta-time": ({ loops, words }) =>
    loops.some((l) => {
      const objective = l.kind === "Outer" && clauseOf(l, "Minimize");
      return objective !== undefined && objective !== false && /\* \(1 \+ t \//.test(words(objective));
    }),
  "a number of meta-steps": ({ text }) => /\btrain\.t\b/.test(text),
  "a time of a loop by its name": ({ text }) => /@\(\w+@/.test(text),
  "a batch inside": ({ loops }) => loops.some((l) => l.kind === "Inner" && clauseOf(l, "Batch")),
  "a batch outside": ({ loops }) => loops.some((l) => l.kind === "Outer" && clauseOf(l, "Batch")),
  "a batch without replacement inside": ({ loops }) => loops.some((l) => l.kind === "Inner" && hasEpochs(l.clauses)),
  "a batch without replacement outside": ({ loops }) => loops.some((l) => l.kind === "Outer" && hasEpochs(l.clauses)),
  "a batch through a function": ({ text }) => /batch \d of d/.test(text) && /fn \w+s\(\) = d\./.test(text),
  "a window": ({ text }) => /window = /.test(text),
  "a window of samples in a loop in a loop": ({ text }) =>
    /^(inner upper|outer mid) /m.test(text) && /es\(.*window = /.test(text),
  "samples that go on": ({ text }) => /horizon = /.test(text),
  "two rules": ({ loops }) => loops.some((l) => l.clauses.filter((c) => c.kind === "By").length > 1),
  "a rule that does not read p": ({ text }) => /by jump\(/.test(text),
  "an own rule": ({ items }) => items.some((i) => i.kind === "Optimizer"),
  "a learned rule": ({ text }) => /by learned\(/.test(text),
  "rates per tensor": ({ text }) => /per tensor/.test(text),
  "rates per tensor per step": ({ text }) => /per tensor per step/.test(text),
  "rates of an outer per step, tensor or entry": ({ text }) => /^override (train|top|mid) \{[^}]* per /m.test(text),
  "rates per entry": ({ text }) => /per entry/.test(text),
  "a formula of the step": ({ text }) => /@t = /.test(text),
  "a take in a loop": ({ loops, words }) => loops.some((l) => /\btake\(/.test(words(l))),
  "a branch not to be taken": ({ text }) => /where\([^,]*, (log|sqrt)\(|< 0\.05, 1 - |1 \/ \(|exp\(1000/.test(text),
  "a sized model": ({ items }) => items.some((i) => i.kind === "Model" && i.sizes !== undefined),
  "a model as a value": ({ text }) => /\bnet(\.\w+)?(@\w+|@\([^()]*\))?(\^2| [-+] \d)/.test(text),
  "a distance to where a loop starts": ({ text }) => /\bnet(\.\w+)?(@T)? - net(\.\w+)?@0/.test(text),
  "a model that draws": ({ text }) => /dropout\(|\n {2}draw /.test(text),
  "the end of an evaluation's longer loop": ({ items }) =>
    items.some((i) => i.kind === "Evaluate" && clauseOf(i, "For")),
  "a sum over times": ({ text }) => /for t in \d \.\. [A-Z]/.test(text),
  "half precision of the whole: f32": ({ text }) => /precision f32/.test(text),
  "a list of axes": ({ text }) => /axis = \[/.test(text),
  "axes that are added": ({ text }) => /expand_dims\(.*, \[/.test(text),
  "a list of indices": ({ text }) => /(take|classes_of|one_hot)\(.*, \[\d/.test(text),
  "a shape of one number": ({ text }) => /reshape\(.*, \d+\)/.test(text),
  "draws that are shown": ({ text }) => /evaluate distinct/.test(text),
};

/** The constructs of a program. */
export function constructsIn({ text, files }: RandomProgram): ReadonlySet<string> {
  const found = new Set<string>();
  const sources = [...files].flatMap(([path, content]) => path.endsWith(".meta") ? [content] : []);
  const trees = [text, ...sources].map(treeOf);
  for (const { items } of trees) walk(items, (node) => seeNode(node, found));
  const { items } = trees[0]!;
  const whole: Whole = {
    text,
    items,
    loops: items.filter((i) => i.kind === "Inner" || i.kind === "Outer"),
    words: ({ span }) => text.slice(span.start, span.end),
  };
  for (const [name, seen] of Object.entries(situations)) if (seen(whole)) found.add(name);
  return found;
}

function seeNode(node: Node, found: Set<string>): void {
  for (const [word, seen] of Object.entries(keywordSeen)) if (seen(node)) found.add(`keyword ${word}`);
  const name = (e: unknown) =>
    (e as Expression).kind === "Name" ? (e as Extract<Expression, { kind: "Name" }>).name : undefined;
  if (node.kind === "Name") {
    const text = node["name"] as string;
    if (constants.has(text)) found.add(`constant ${text}`);
    found.add(`${builtins.has(text) ? "builtin" : "library"} ${text}`);
    if (node["primed"]) found.add("operator primed");
  }
  if (node.kind === "Call") {
    if (node["comprehension"]) found.add("operator comprehension");
    for (const argument of node["args"] as readonly { name?: { name: string } }[]) {
      if (argument.name) found.add(`argument ${argument.name.name}`);
    }
  }
  if (node.kind === "Binary" || node.kind === "Unary") found.add(`operator ${node["op"]}`);
  if (node.kind === "Pipe") found.add("operator |>");
  if (node.kind === "Index") found.add("operator index");
  if ("via" in node && node["via"]) found.add(`via ${(node["via"] as { name: string }).name}`);
  const type = node["type"] as { dtype?: { name: string } } | undefined;
  if (type?.dtype) found.add(`type ${type.dtype.name}`);
  for (const formal of (node["formals"] ?? []) as readonly { type?: { dtype?: { name: string } } }[]) {
    if (formal.type?.dtype) found.add(`type ${formal.type.dtype.name}`);
  }
  if (node.kind === "Override") {
    for (const entry of node["entries"] as readonly OverrideEntry[]) {
      if (entry.via) found.add(`via ${entry.via.name}`).add("keyword via");
      if (entry.range) found.add("keyword in");
    }
  }
  if (node.kind === "Through") {
    const estimator = node["estimator"] as Extract<Expression, { kind: "Call" }>;
    const called = name(estimator.callee)!;
    found.add(`through ${called}`);
    const names = Object.keys(estimatorArguments[called as keyof typeof estimatorArguments]);
    estimator.args.forEach((a, i) => {
      const argument = a.name?.name ?? names[i]!;
      found.add(`through ${called}, ${argument}`);
      if (argument === "solver") found.add(`solver ${name(a.value)}`);
    });
  }
}

/** The keywords that this file does not know. */
export const unknownKeywords = () =>
  keywords.map((k) => k.word).filter((w) => !(w in keywordSeen) && !wordsOfFiles.includes(w));
