// What do paths mean here? What Node says of this machine. In a page, whose only use for one is to be told that there are no files, they
// are put together with slashes.
import { builtin } from "../runtime/platform.ts";

type Paths = Pick<typeof import("node:path"), "basename" | "dirname" | "join" | "sep">;

const slashes: Paths = {
  sep: "/",
  join: (...parts) => parts.filter((part) => part !== "").join("/"),
  dirname: (path) => path.includes("/") ? path.slice(0, path.lastIndexOf("/")) || "/" : ".",
  basename: (path) => path.slice(path.lastIndexOf("/") + 1),
};

export const { basename, dirname, join, sep }: Paths = builtin<Paths>("node:path") ?? slashes;

/** The path of what a script names. */
export function pathOf(file: string | URL): string {
  if (!(file instanceof URL)) return file;
  const url = builtin<Pick<typeof import("node:url"), "fileURLToPath">>("node:url");
  return url ? url.fileURLToPath(file) : decodeURIComponent(file.pathname);
}
