// Where is the standard library? Beside this file, as text in the language itself; imported as text, so that it also
// comes along when `mod.ts` is imported by URL.
import activations from "./activations.meta" with { type: "text" };
import initialisers from "./initialisers.meta" with { type: "text" };
import layers from "./layers.meta" with { type: "text" };
import losses from "./losses.meta" with { type: "text" };
import optimizers from "./optimizers.meta" with { type: "text" };
import schedules from "./schedules.meta" with { type: "text" };
import type { SourceText } from "../text/source.ts";

/** The files of the standard library. What they define is visible in every program that does not define it itself. */
export const libraryFiles: readonly SourceText[] = [
  { name: "std/activations.meta", text: activations },
  { name: "std/initialisers.meta", text: initialisers },
  { name: "std/layers.meta", text: layers },
  { name: "std/losses.meta", text: losses },
  { name: "std/optimizers.meta", text: optimizers },
  { name: "std/schedules.meta", text: schedules },
];
