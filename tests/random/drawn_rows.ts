// Which tables do the tasks of random programs draw rows of? One with classes of different numbers of rows, not in their order: enough for
// a row of each in both splits.
import type { Dice } from "./dice.ts";
import { literal } from "./expressions.ts";
import { fields, type Network } from "./networks.ts";

/** A table, and what a task says of it. */
export interface DrawnRows {
  /** Its definition. */
  readonly table: string;
  /** What the task says before its splits. */
  readonly classes: (table: string) => string;
  /** What each split says, with a field made of what is drawn. */
  readonly draw: (table: string, split: "support" | "query") => string;
}

/** Rows for both splits of a task, `rows` in each. Undefined where a network has them on another axis. */
export function drawnRows(dice: Dice, network: Network | undefined, rows: number): DrawnRows | undefined {
  if (network && network.input.rowAxis !== 0) return undefined;
  const names = [7, -1, 40, 3].slice(0, rows + dice.int(0, 1));
  const counts = names.map(() => dice.int(2, 3));
  const kinds = [0, 1, 2].flatMap((turn) => names.filter((_, i) => counts[i]! > turn));
  const all = kinds.length;
  const own = network
    ? fields(
      dice,
      { ...network, input: { ...network.input, shape: [all, ...network.input.shape.slice(1)] } },
      all,
      "data",
    )
    : `x : [${all}, 3] = ${literal(dice, [all, 3])}`;
  const table = `data stock {\n    ${own}\n    kind : int [${all}] = [${kinds.join(", ")}]\n}`;
  const computed = dice.pick(["", "", "   half = 0.5 * kind"]);
  if (dice.chance(0.4)) {
    return { table, classes: () => "", draw: (name) => `draw ${rows} of ${name}${computed}` };
  }
  const other = dice.chance(0.4) ? dice.pick(["support", "query"]) : undefined;
  return {
    table,
    classes: (name) => `  classes ${rows} of ${name} by kind\n`,
    draw: (name, split) => split === other ? `draw ${rows} of ${name}${computed}` : `draw 1 of each${computed}`,
  };
}
