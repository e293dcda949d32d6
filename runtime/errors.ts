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
 *
 *  @category Diagnostics and errors
 */
export class MetaRuntimeError extends Error {
  /** Tells it from other errors. */
  override readonly name: string = "MetaRuntimeError";
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
 *
 *  @category Diagnostics and errors
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

/** What a caller asks for and cannot have: a seed, a backend, an amount of memory that is none. To scripts it is a RangeError; the
 *  type tells it from those that the engine throws, which are bugs. */
export class UseError extends RangeError {}

/** What was thrown, as an error of ours: memory that cannot be had, which comes as a RangeError from V8, is a failure of the run;
 *  anything else that nobody foresaw is a bug in the tool, with the stack of where it happened. `where` says what was being
 *  done, such as `near toy.meta:6:2`. */
export function asOwnError(error: unknown, where = ""): Error {
  if (error instanceof InternalError || error instanceof MetaRuntimeError || error instanceof UseError) return error;
  if (error instanceof RangeError && /allocation failed|invalid (typed )?array (buffer )?length/i.test(error.message)) {
    return new MetaRuntimeError("There is not enough memory for this experiment");
  }
  const { name, message, stack } = error instanceof Error ? error : { name: "", message: String(error), stack: "" };
  const own = new InternalError(`${name ? `${name}: ` : ""}${message}${where ? `, ${where}` : ""}`);
  own.cause = error;
  if (stack) own.stack = stack;
  return own;
}

/** A call of a compiled function was given up because the run is to stop: nothing is wrong, and nothing came of it. */
export class CallGivenUp extends Error {
  constructor() {
    super("the run was stopped");
  }
}
