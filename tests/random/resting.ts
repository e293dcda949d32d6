// Which loop comes to rest? Nearly every program's own one, when it is made longer and steeper and stands alone: with its rule, data,
// tasks and clips, where its step changes nothing any more there is a fixed point with a derivative.
import type { Clause, InnerItem } from "../../dsl/syntax/ast.ts";
import { treeOf } from "./compiled.ts";
import type { Dice } from "./dice.ts";
import type { RandomProgram } from "./definitions.ts";

/** Where a loop that stops wherever it is, or swings, gets it from. */
export const corners = /\b(max|min|abs|relu|sign|floor|ceil|step|mod|huber|mae|huber_entry|leaky_relu)\(/;

/** Targets of the parameters that programs evolve. */
const targets: Readonly<Record<string, string>> = { w: "goal", v: "goal", a: "c" };

/** Of each entry something else, so that entries which swing against each other do not leave the sum where it is. */
const weights: Readonly<Record<string, string>> = {
  w: " * [[1, 1.1, 1.2], [1.3, 1.4, 1.5]]",
  v: " * [1, 1.1, 1.2]",
  a: "",
};

/** What the targets are where the program does not say. */
const meanings = { c: "param c = 0.4", goal: "param goal : [3] = [0.3, (-0.2), 0.5]" };

/** The program with its first inner loop alone, as one that rests, and the derivative of its end. Undefined where it has no loop
 *  that could, or has an implicit one already. */
export function atRest({ text, files }: RandomProgram, dice: Dice): RandomProgram | undefined {
  const { items } = treeOf(text);
  const part = ({ span }: { readonly span: { readonly start: number; readonly end: number } }) =>
    text.slice(span.start, span.end);
  const loop = items.find((i): i is InnerItem => i.kind === "Inner");
  if (!loop || /implicit\(/.test(text)) return undefined;
  const evolved = loop.clauses.flatMap((c) => c.kind === "Over" ? c.references.map(part) : [])
    .filter((name) => name in targets);
  if (evolved.length === 0) return undefined;
  const shown = (clause: Clause): string[] => {
    switch (clause.kind) {
      case "Minimize": {
        const bowl = evolved.map((name) => `1.2 * sum((${name} - ${targets[name]})^2)`).join(" + ");
        const own = part(clause.value);
        return [`minimize ${bowl}${corners.test(own) || clause.maximize ? "" : ` + 0.3 * tanh(${own})`}`];
      }
      case "Over": {
        const left = clause.references.map(part).filter((name) => evolved.includes(name));
        return left.length > 0 ? [`over ${left.join(", ")}`] : [];
      }
      case "For":
        return ["for T = 40 steps"];
      case "Through":
      case "From":
      case "Batch":
        return [];
      default:
        return [part(clause)];
    }
  };
  const gone = new Set(loop.clauses.flatMap((c, i) => {
    const rule = loop.clauses[i + 1];
    return c.kind === "Over" && shown(c).length === 0 && rule?.kind === "By" ? [rule] : [];
  }));
  const clauses = loop.clauses.filter((c) => !gone.has(c as never)).flatMap(shown);
  const through = `through implicit(solver = fixed_point${
    dice.chance(0.3) ? `, iterations = ${dice.int(60, 120)}` : ""
  })`;
  const name = loop.name.name;
  const loopKinds = new Set(["Inner", "Outer", "Gradient", "Evaluate", "Output", "Record"]);
  const kept = items.filter((i) =>
    i.kind === "Override"
      ? i.loop.name === name && i.entries.every((e) => !e.time && e.value.kind !== "List")
      : !loopKinds.has(i.kind)
  ).map(part);
  const tasks = items.flatMap((i) => i.kind === "Task" ? [i.name.name] : []);
  const defined = (each: string) => items.some((i) => i.kind === "Param" && i.binding.name.name === each);
  const missing = Object.entries(meanings).filter(([each]) => !defined(each)).map(([, definition]) => definition);
  const ends = evolved.map((each) => `sum(tanh(${each}@T)${weights[each]})`).join(" + ");
  const metas = ["c", "goal", ...defined("theta") ? ["theta"] : []];
  return {
    text: [
      ...kept,
      ...missing,
      `inner ${name} {\n  ${[...clauses, through].join("\n  ")}\n}`,
      `gradient ${ends}${tasks.length > 0 ? `\nacross 2 ${tasks[0]}` : ""}\nwrt ${metas.join(", ")}\n`,
    ].join("\n"),
    files,
  };
}
