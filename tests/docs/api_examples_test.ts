// Does everything that `mod.ts` exports and that can be called or caught have an example? The gate runs them all
// (`deno test --doc`).
import { assert, assertEquals } from "@std/assert";

interface Declaration {
  readonly kind: string;
  readonly jsDoc?: { readonly doc?: string };
}
interface Symbol {
  readonly name: string;
  readonly declarations: readonly Declaration[];
}

/** Interfaces that a script writes or is given, beside all functions, classes and values. */
const centralTypes = ["Experiment", "HostTask", "Run", "RunOptions"];

Deno.test("every function, class and value that mod.ts exports has an example, and so have the central types", async () => {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", new URL("../../mod.ts", import.meta.url).href],
  }).output();
  assert(success);
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Readonly<Record<string, { readonly symbols: readonly Symbol[] }>>;
  };
  const symbols = Object.values(nodes).flatMap((each) => each.symbols);
  assert(symbols.length > 40);
  const callable = (d: Declaration) => ["function", "class", "variable"].includes(d.kind);
  const wanted = symbols.filter((s) =>
    centralTypes.includes(s.name) || s.declarations.some(callable) && s.name !== "diagnosticCodes" // exported as a type
  );
  assert(wanted.length > 15);
  const bare = wanted.filter((s) => !s.declarations.some((d) => d.jsDoc?.doc?.includes("```ts")));
  assertEquals(bare.map((s) => s.name), []);
});
