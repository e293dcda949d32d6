// What kinds of failure are there below the language? A run that went wrong, and a broken invariant of our own.
import type { Origin } from "./ir/types.ts";

/** A run that went wrong: says which loop, step and quantity, and where in the source. */
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

/** A broken invariant: our mistake, not the program's. */
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
