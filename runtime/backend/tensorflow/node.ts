// Which modules of Node does TensorFlow need? These; each is there when it is asked for, which is in Deno only.
import { builtin } from "../../platform.ts";

interface Modules {
  readonly module: typeof import("node:module");
  readonly os: typeof import("node:os");
  readonly path: typeof import("node:path");
  readonly url: typeof import("node:url");
  readonly util: typeof import("node:util");
}

/** One of them. */
export const node = <Name extends keyof Modules>(name: Name): Modules[Name] => builtin<Modules[Name]>(`node:${name}`)!;

/** Puts a path together. */
export const join = (...parts: string[]): string => node("path").join(...parts);
