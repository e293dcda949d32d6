// What becomes of functions of a script that answer later? The run does not wait for each, but for all of them before it ends; the first
// that fails ends it, as one that throws at once does.

/** What a script's functions answer. */
export interface Answers {
  /** Takes one answer. Throws what an earlier one failed with. */
  take(answer: unknown): void;
  /** Waits for all of them. Throws what the first failed with. */
  settled(): Promise<void>;
}

/** The answers of one run. */
export function openAnswers(): Answers {
  const pending = new Set<Promise<void>>();
  let failed: { readonly error: unknown } | undefined;
  const throwFailed = () => {
    if (failed) throw failed.error;
  };
  return {
    take(answer) {
      if (isPromiseLike(answer)) {
        const settled: Promise<void> = Promise.resolve(answer)
          .then(() => {}, (error) => void (failed ??= { error }))
          .finally(() => pending.delete(settled));
        pending.add(settled);
      }
      throwFailed();
    },
    async settled() {
      while (pending.size > 0) await Promise.all(pending);
      throwFailed();
    },
  };
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return value instanceof Promise || typeof (value as Partial<PromiseLike<unknown>> | undefined)?.then === "function";
}
