// Which operator binds tighter? One table, for the parser (`cst_expressions.ts`) and the formatter (`format_expressions.ts`).
/** How an operator groups. */
export interface OperatorRow {
  /** Higher binds tighter. */
  readonly level: number;
  readonly groups: "left" | "right" | "none";
}

/** The levels that have a name elsewhere. */
export const pipeLevel = 1;
/** Between `*` and `^`, as on paper: `-x^2` is `-(x^2)`. */
export const negationLevel = 5;
/** Calls, members, times, indices. */
export const postfixLevel = 7;

/** The binary operators. */
export const operators: Readonly<Record<string, OperatorRow>> = {
  "|>": { level: pipeLevel, groups: "left" },
  "==": { level: 2, groups: "none" },
  "!=": { level: 2, groups: "none" },
  "<": { level: 2, groups: "none" },
  "<=": { level: 2, groups: "none" },
  ">": { level: 2, groups: "none" },
  ">=": { level: 2, groups: "none" },
  "+": { level: 3, groups: "left" },
  "-": { level: 3, groups: "left" },
  "*": { level: 4, groups: "left" },
  "/": { level: 4, groups: "left" },
  "^": { level: 6, groups: "right" },
};
