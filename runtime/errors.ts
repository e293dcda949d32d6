// What kinds of failure are there below the language? A run that went wrong, and a broken invariant of our own.
import type { Origin } from "./ir/types.ts";

/** A run that went wrong: says which loop, step and quantity, and where in the source.
 *
 *  ```ts
 *  import { compile, MetaRuntimeError } from "../mod.ts";
 *
 *  try {
 *    await compile(`
 *      edition 1
 *      param w = 1
 *      inner fit { minimize (w - 3)^4 over w by sgd(lr = 100) for T = 20 steps }
 *      record w@*
 *    `).run();
 *  } catch (error) {
 *    if (error instanceof MetaRuntimeError) console.log(error.message, error.origin);
 *  }
 *  ```
 */
export class MetaRuntimeError extends Error {
  /** Tells it from other errors. */
  override readonly name = "MetaRuntimeError";
  /** Place in the source that the failing quantity came from, if known. */
  readonly origin: Origin | undefined;
  /** `message` is one sentence without a final period. */
  constructor(message: string, origin?: Origin) {
    super(message);
    this.origin = origin;
  }
}

/** A broken invariant: our mistake, not the program's.
 *
 *  ```ts
 *  import { InternalError } from "../mod.ts";
 *
 *  const report = (error: unknown) => error instanceof InternalError ? `please report: ${error.stack}` : `${error}`;
 *  console.log(report(new InternalError("a shape was lost")));
 *  ```
 */
export class InternalError extends Error {
  /** Tells it from other errors. */
  override readonly name = "InternalError";
  /** `message` says which invariant is broken, without a final period. */
  constructor(message: string) {
    super(
      `${message}. This is a bug in the tool, not in your program: please report it with the program that shows it`,
    );
  }
}
