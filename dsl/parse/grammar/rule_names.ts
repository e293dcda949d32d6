// Which rule of the grammar writes which item and which clause? By name, so that none can be without.
import type { Clause, Item } from "../../syntax/ast.ts";

/** The rule that an item comes from. */
export type ItemRule<K extends Item["kind"] = Item["kind"]> = K extends "Memory" ? "memory"
  : K extends "Inner" | "Outer" | "Evaluate" ? "loopItem"
  : `${Uncapitalize<K>}Item`;

/** The rule that a clause comes from. */
export type ClauseRule<K extends Clause["kind"] = Clause["kind"]> = K extends "Memory" ? "memory"
  : `${Uncapitalize<K>}Clause`;
