// What does the place where this runs offer? Deno, Node and a page differ in modules, processors and memory that threads share. What
// is asked of them is asked here, when it is first needed: no module of Node is imported, because a page has none.

/** What Node calls itself by, and Deno, too. */
interface Process {
  getBuiltinModule?(name: string): unknown;
  readonly versions?: { readonly node?: string; readonly v8?: string };
}

/** A place where programs run. */
interface Place {
  readonly process?: Process;
  readonly Deno?: { readonly version: { readonly deno: string; readonly v8: string; readonly typescript: string } };
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly crossOriginIsolated?: boolean;
  readonly SharedArrayBuffer?: unknown;
}

const place = globalThis as Place;

/** A module of Node, which Deno has, too; undefined in a page. It needs no permission. */
export const builtin = <T>(name: string): T | undefined => place.process?.getBuiltinModule?.(name) as T | undefined;

/** What runs this. */
export const platform: "Deno" | "Node" | "page" = place.Deno
  ? "Deno"
  : place.process?.getBuiltinModule
  ? "Node"
  : "page";

/** The versions of what runs this, by name. */
export function runtimeVersions(): Readonly<Record<string, string>> {
  if (place.Deno) return { ...place.Deno.version };
  const { node, v8 } = place.process?.versions ?? {};
  return node && v8 ? { node, v8 } : {};
}

/** Processors that threads may use; 1 where nobody says. */
export function processors(): number {
  const told = place.navigator?.hardwareConcurrency;
  return told ?? builtin<typeof import("node:os")>("node:os")?.availableParallelism() ?? 1;
}

/** True where threads can share memory: everywhere but in a page that is not isolated from others (by the headers
 *  `Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`). */
export const canShareMemory = (): boolean =>
  place.SharedArrayBuffer !== undefined && place.crossOriginIsolated !== false;
