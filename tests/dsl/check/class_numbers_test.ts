// When is a split told of that draws of the whole table beside classes (W0602)? Where its labels are held against what those of drawn
// classes are held against, and nowhere else.
import { assertEquals } from "@std/assert";
import { saidAbout } from "../wrong_programs.ts";

const table = `edition 1
data d {
  image : [8, 2]  = [[1, 0], [1, 0.2], [0, 1], [0.1, 1], [-1, 0], [-1, 0.1], [0, -1], [0.2, -1]]
  kind  : int [8] = [0, 0, 1, 1, 2, 2, 3, 3]
}
`;
const task = (query: string, ways = 2) =>
  `task episode {
  classes ${ways} of d by kind
  split support { draw 1 of each }
  split query { ${query} }
}
`;
const net = (name: string, classes: number) =>
  `model ${name}(x : [n, 2]) -> [n, ${classes}] {\n  use head = dense(${classes})\n  return head(x)\n}\n`;
const fit =
  `inner fit { minimize cross_entropy(net(support.image), support.kind)  over net  by sgd(lr = 0.1)  for T = 2 steps }
`;
const report = (...values: string[]) =>
  `evaluate e {\n  across 2 episode\n${values.map((v) => `  report ${v}`).join("\n")}\n}\n`;
const right = "accuracy(net@T(query.image), query.kind)";

const told: Readonly<Record<string, string>> = {
  "labels of one network with as many outputs as the table has classes": table + task("draw 2 of d") + net("net", 4) +
    fit + report(right),
  "all classes of the table are drawn": table + task("draw 2 of d", 4) + net("net", 4) + fit + report(right),
  "compared with the largest score": table + task("draw 2 of d") + net("net", 2) + fit +
    report("sum(where(argmax(net@T(query.image)) != query.kind, 1, 0))"),
  "a batch of the rows": table + task("draw 4 of d") + net("net", 4) + fit +
    "inner more { minimize cross_entropy(net(query.image), query.kind)  over net  by sgd(lr = 0.1)  for S = 2 steps  batch 2 of query  from fit@T }\n" +
    report("sum(net@(more.S)(support.image))"),
  "through a function and another item": table + task("draw 2 of d") + net("net", 4) + fit +
    "fn wrong(scores, kinds) = mean(where(argmax(scores) == kinds, 0, 1))\n" + report("mean(net@T(support.image)^2)") +
    "output missed = wrong(net@T(query.image), query.kind) across 2 episode\n",
  "compared with each other": table + task("draw 2 of d") +
    "param w = 1\n" + report("w * sum(where(support.kind == query.kind, 1, 0))"),
  "entry by entry": table + task("draw 2 of d") + net("net", 2) + fit +
    report("sum(sum(where(query.kind == k, 1, 0)) * sum(net@T(support.image)[_, k]) for k in 0 .. 1)"),
};

const notTold: Readonly<Record<string, string>> = {
  "rows whose labels nothing reads": table + task("draw 2 of d") + net("net", 2) + fit +
    report("sum(net@T(query.image))"),
  "labels of each class": table + task("draw 1 of each") + net("net", 2) + fit + report(right),
  "a head of its own for the table's classes": table + task("draw 2 of d") + net("net", 2) + net("aux", 4) + fit +
    report("sum(net@T(query.image))", "cross_entropy(aux(query.image), query.kind)"),
  "a name of their own": table + task("draw 2 of d   number = kind") + net("net", 4) + fit +
    report("accuracy(net@T(query.image), query.number)"),
  "an entry for each of the table's classes": table + task("draw 2 of d") + net("net", 2) +
    "param shift : [4] = 0\n" + fit + report("sum(take(shift, query.kind)) + sum(net@T(query.image))"),
  "one class": table + task("draw 2 of d", 1) + net("net", 1) + fit +
    report("sum(where(query.kind == 0, 1, 0)) + sum(net@T(support.image))"),
  "one of the table's classes": table + task("draw 2 of d") + net("net", 2) + fit +
    report("sum(where(query.kind == 0, 1, 0)) + sum(net@T(query.image))"),
  "a field of another table": table + "data other { image : [4, 2] = 1   kind : int [4] = [0, 1, 0, 1] }\n" +
    task("draw 2 of other") + net("net", 2) + fit + report(right),
  "another task": table + task("draw 1 of each") +
    "task plain {\n  classes 2 of d by kind\n  split unlike { draw 1 of each }\n  split rows { draw 2 of d }\n}\n" +
    net("net", 4) + net("aux", 4) + fit + report(right) +
    "evaluate f {\n  across 2 plain\n  report cross_entropy(aux(rows.image), rows.kind) + sum(unlike.image)\n}\n",
};

const codes = (program: string) =>
  saidAbout(program).map(({ code, title }) => code === "W0602" ? code : `${code} ${title}`);

for (const [name, program] of Object.entries(told)) {
  Deno.test(`labels by the table's numbers are told of: ${name}`, () => assertEquals(codes(program), ["W0602"]));
}
for (const [name, program] of Object.entries(notTold)) {
  Deno.test(`the table's numbers are as good as any: ${name}`, () => assertEquals(codes(program), []));
}
