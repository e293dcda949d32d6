// What is the language, as one value? How expressions are evaluated and loops are run, and its words: for the door in
// `evaluator.ts`.
import { builtins, constants } from "../builtins/builtins.ts";
import { evaluate } from "./expressions.ts";
import { runLoop } from "../loops/run_loop.ts";
import type { Evaluator } from "../world/world.ts";

export const language: Evaluator = { evaluate, runLoop, builtins, constants };
