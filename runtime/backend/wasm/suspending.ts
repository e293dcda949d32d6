// Can code be left in the middle and gone on with later? Where the engine has JavaScript Promise Integration for WebAssembly: V8 from
// 13.7 on (Deno; Node from 25 on).
interface Integration {
  readonly Suspending?: new (fn: () => Promise<void>) => object;
  readonly promising?: (fn: unknown) => () => Promise<void>;
}

const { Suspending, promising } = WebAssembly as Integration;

/** True where calls can pause. */
export const canPause: boolean = Suspending !== undefined && promising !== undefined;

/** An import that code waits for; code may call it when an export of `later` called it. */
export const waitedFor = (fn: () => Promise<void>): object => new Suspending!(fn);

/** An export that answers later. */
export const later = (fn: unknown): () => Promise<void> => promising!(fn);
