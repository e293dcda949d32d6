// What does the API throw for a wrong program? One error that lists every diagnostic.
import type { Diagnostic } from "../dsl/diagnostics/diagnostic.ts";
import { renderDiagnostics } from "../dsl/diagnostics/render.ts";
import type { SourceText } from "../dsl/text/source.ts";

/** A program that cannot be run. Its message is the text a terminal would show, without colours.
 *
 *  ```ts
 *  import { compile, CompileError } from "../mod.ts";
 *
 *  try {
 *    compile("edition 1\nlet y = x");
 *  } catch (error) {
 *    if (error instanceof CompileError) console.log(error.diagnostics[0]!.code);
 *  }
 *  ```
 *
 *  @category Compile
 */
export class CompileError extends Error {
  /** Tells it from other errors. */
  override readonly name = "CompileError";
  /** Everything that is wrong, warnings included, in the order of the places. */
  readonly diagnostics: readonly Diagnostic[];
  /** The texts that the diagnostics point into. */
  readonly sources: ReadonlyMap<string, SourceText>;
  /** Made by `compile` and `format`. */
  constructor(diagnostics: readonly Diagnostic[], sources: ReadonlyMap<string, SourceText>) {
    super(renderDiagnostics(diagnostics, sources));
    this.diagnostics = diagnostics;
    this.sources = sources;
  }
}
