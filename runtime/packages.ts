// Where does a package come from that only some programs need? It is loaded when it is first asked for: by its specifier, or, in the built
// file (`deno task build`), out of that file.
import { UseError } from "./errors.ts";
import { platform } from "./platform.ts";

const carried = new Map<string, () => Promise<unknown>>();

/** The built file brings a package. */
export function carry(specifier: string, load: () => Promise<unknown>): void {
  carried.set(specifier, load);
}

/** Loads a package of an exact version. `what`: what it is needed for. Throws UseError with the cure where it can neither be found nor
 *  downloaded. */
export async function loadPackage<T>(specifier: string, what: string): Promise<T> {
  // Node finds what is installed, by its name alone
  const place = platform === "Deno" ? specifier : specifier.slice(4).replace(/(?<=.)@[^@/]*/, "");
  const [name] = /(?<=^npm:)@?[^@]+@[^/]*/.exec(specifier)!;
  try {
    return await (carried.get(specifier) ?? (() => import(place)))() as T;
  } catch (error) {
    const cure = platform === "Node"
      ? `\`npm install ${name}\` installs it`
      : "it is downloaded once, which needs the network";
    const [why] = (error as Error).message.split("\n");
    throw new UseError(`${what}, ${name}, cannot be loaded (${why}): ${cure}`);
  }
}
