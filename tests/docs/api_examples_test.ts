// Does everything that `mod.ts` exports and that can be called or caught have an example? The gate runs them all
// (`deno test --doc`).
import { assert, assertEquals } from "@std/assert";

interface Declaration {
  readonly kind: string;
  readonly jsDoc?: {
    readonly doc?: string;
    readonly tags?: readonly { readonly kind: string; readonly doc?: string }[];
  };
}
interface Symbol {
  readonly name: string;
  readonly declarations: readonly Declaration[];
}

/** Interfaces that a script writes or is given, beside all functions, classes and values. */
const centralTypes = ["Experiment", "HostTask", "Run", "RunOptions"];

/** What `mod.ts` exports. */
async function exported(): Promise<readonly Symbol[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", new URL("../../mod.ts", import.meta.url).href],
  }).output();
  assert(success);
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Readonly<Record<string, { readonly symbols: readonly Symbol[] }>>;
  };
  return Object.values(nodes).flatMap((each) => each.symbols);
}

const symbols = await exported();

/** Under which `deno doc --html` lists what is exported, and how many are under each at least. */
const categories: Readonly<Record<string, number>> = {
  "Compile": 20,
  "Run": 15,
  "Compare and report": 8,
  "Explain and verify": 8,
  "Diagnostics and errors": 8,
  "Events": 8,
  "Results": 8,
  "Arrays": 4,
};

Deno.test("everything that mod.ts exports is under one category of its documentation", () => {
  const under = symbols.flatMap(({ name, declarations }) =>
    declarations.map(({ jsDoc }) => ({
      name,
      of: (jsDoc?.tags ?? []).filter(({ kind }) => kind === "category").map(({ doc }) => doc),
    }))
  );
  assertEquals(under.filter(({ of }) => of.length !== 1 || !((of[0] ?? "") in categories)), []);
  for (const [category, least] of Object.entries(categories)) {
    assert(under.filter(({ of }) => of[0] === category).length >= least, category);
  }
});

Deno.test("every function, class and value that mod.ts exports has an example, and so have the central types", () => {
  assert(symbols.length > 40);
  const callable = (d: Declaration) => ["function", "class", "variable"].includes(d.kind);
  const wanted = symbols.filter((s) =>
    centralTypes.includes(s.name) || s.declarations.some(callable) && s.name !== "diagnosticCodes" // exported as a type
  );
  assert(wanted.length > 15);
  const bare = wanted.filter((s) => !s.declarations.some((d) => d.jsDoc?.doc?.includes("```ts")));
  assertEquals(bare.map((s) => s.name), []);
});
