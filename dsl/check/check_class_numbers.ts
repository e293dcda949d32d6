// Are labels by the numbers of a table held against what labels by drawn classes are held against? Then a split draws of the whole table
// where rows of each class are meant, most likely.
import { rowsOf } from "../elaborate/drawn_rows.ts";
import type { Elaboration } from "../world/world.ts";
import type { NumbersUse } from "../world/value_kinds.ts";

/** Tells of each split whose rows are of the whole table, and whose class field is read as that of another split is, which has the
 *  numbers of drawn classes. */
export function checkClassNumbers(el: Elaboration): void {
  const uses = [...el.numbered.values()];
  for (const table of uses.filter(({ numbers }) => numbers.by === "table")) {
    const drawn = uses.find(({ numbers, count }) =>
      numbers.by === "draw" && numbers.task === table.numbers.task && count === table.count
    );
    if (drawn) tell(el, table, drawn);
  }
}

function tell(el: Elaboration, table: NumbersUse, drawn: NumbersUse): void {
  const { split, field } = table.numbers;
  const of = table.count === 0 ? "they are compared" : `both are read as one of ${table.count}`;
  const names = (use: NumbersUse) => `\`${use.numbers.split.name.name}.${field}\``;
  const rows = rowsOf(split)!;
  const { source, start } = table.at;
  const same = source === drawn.at.source && start === drawn.at.start;
  el.sink.report({
    code: "W0602",
    title: `${names(table)} has the numbers of the table, and ${names(drawn)} those of the drawn classes; ${of}`,
    at: rows.span,
    label: "rows of the whole table",
    secondary: same ? [{ span: table.at, message: "both are read here" }] : [
      { span: table.at, message: `${names(table)} is read here` },
      { span: drawn.at, message: `${names(drawn)} is read here` },
    ],
    hint:
      `write \`of each\` for rows of each class; if the numbers of the table are meant, give them a name of their own ` +
      `in \`${split.name.name}\`: \`number = ${field}\``,
  });
}
