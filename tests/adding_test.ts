// Does whoever adds something learn where it is missing? An empty primitive, builtin, clause, item, estimator and backend are added to a
// copy of the tree: the places that the compiler and the tests then name are those that CONTRIBUTING.md says they name.
import { assertEquals } from "@std/assert";
import { thorough } from "./thorough.ts";

const root = new URL("../", import.meta.url);

/** What is added: a text in a file, before which or after which something is written. */
interface Edit {
  readonly file: string;
  readonly at: string;
  readonly becomes: string;
}

interface Addition {
  /** As CONTRIBUTING.md calls it. */
  readonly what: string;
  /** Stands in what is said of it, whatever its case. */
  readonly word: string;
  readonly begin: readonly Edit[];
  /** What the tests need beside it to see it. */
  readonly further?: readonly Edit[];
}

const kindOf = (name: string, base: string) =>
  `export interface ${name} ${base}{\n  readonly kind: "${name}";\n  readonly span: Span;\n}\n\nexport type `;

const additions: readonly Addition[] = [
  {
    what: "primitive",
    word: "newprimitive",
    begin: [{
      file: "runtime/ir/types.ts",
      at: "  solve: None;\n",
      becomes: "  solve: None;\n  newprimitive: None;\n",
    }],
  },
  {
    what: "builtin",
    word: "newbuiltin",
    begin: [{
      file: "dsl/builtins/builtin_shapes.ts",
      at: "export const shapes: readonly Builtin[] = [\n",
      becomes: 'export const shapes: readonly Builtin[] = [\n  simple("newbuiltin", [1, 1], () => errorValue),\n',
    }],
  },
  {
    what: "clause of a loop",
    word: "newclause",
    begin: [{
      file: "dsl/syntax/ast.ts",
      at: "export type Clause =\n",
      becomes: `${kindOf("Newclause", "")}Clause =\n  | Newclause\n`,
    }],
    further: [{
      file: "dsl/syntax/keywords.ts",
      at: '  Hold: [["hold"]',
      becomes: '  Newclause: [["newclause"], false, ["outer"]],\n  Hold: [["hold"]',
    }],
  },
  {
    what: "item",
    word: "newitem",
    begin: [{
      file: "dsl/syntax/ast.ts",
      at: "export type Item =\n",
      becomes: `${kindOf("Newitem", "extends ItemBase ")}Item =\n  | Newitem\n`,
    }],
    further: [{
      file: "dsl/syntax/keywords.ts",
      at: '    Record: ["record"',
      becomes: '    Newitem: ["newitem", false],\n    Record: ["record"',
    }],
  },
  {
    what: "estimator",
    word: "newestimator",
    begin: [{
      file: "dsl/world/loop.ts",
      at: "  first_order: {},\n",
      becomes: "  first_order: {},\n  newestimator: {},\n",
    }],
  },
  {
    what: "backend",
    word: "newbackend",
    begin: [{ file: "api/backends.ts", at: '= "auto" |', becomes: '= "auto" | "newbackend" |' }],
    further: [{
      file: "api/backends.ts",
      at: "  async auto(",
      becomes: '  newbackend: () => ({ backend: wasmBackend, why: "new" }),\n  async auto(',
    }],
  },
];

/** The tests that know every word. */
const knowing = ["tests/complete_test.ts", "tests/dsl/good_programs_test.ts"];

function edit(copy: string, { file, at, becomes }: Edit): void {
  const text = Deno.readTextFileSync(copy + file);
  assertEquals(text.split(at).length, 2, `${file} has one place for what is added`);
  Deno.writeTextFileSync(copy + file, text.replace(at, () => becomes));
}

function copyFolder(from: URL, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(new URL(`${name}/`, from), `${to}${name}/`);
    else Deno.copyFileSync(new URL(name, from), to + name);
  }
}

function copyTree(): string {
  const copy = `${Deno.makeTempDirSync({ prefix: "adding" })}/`;
  // all but what is made: `dist/`, what is set up in hidden folders
  const folders = [...Deno.readDirSync(root)].filter(({ name, isDirectory }) =>
    isDirectory && (name === ".ci" || !name.startsWith(".") && name !== "dist")
  );
  for (const { name } of folders) copyFolder(new URL(`${name}/`, root), `${copy}${name}/`);
  const files = [...Deno.readDirSync(root)].filter(({ name, isFile }) => isFile && /\.(ts|md|json|lock)$/.test(name));
  for (const { name } of files) Deno.copyFileSync(new URL(name, root), copy + name);
  return copy;
}

async function said(copy: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: copy, env: { NO_COLOR: "1", THOROUGH: "" } });
  const { stdout, stderr } = await command.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

/** The files that errors of the compiler name, with what each says. */
function* compilerPlaces(text: string, copy: string): Generator<{ readonly place: string; readonly says: string }> {
  for (const says of text.split(/\n(?=TS\d+ \[ERROR\])/).slice(text.startsWith("TS") ? 0 : 1)) {
    const at = /\n +at file:\/\/(\S+?):\d+:\d+/.exec(says);
    if (at) yield { place: at[1]!.replace(copy, ""), says: says.toLowerCase() };
  }
}

function* testPlaces(text: string): Generator<{ readonly place: string; readonly says: string }> {
  for (const [, place, missing] of text.matchAll(/AssertionError: `(\S+)` lacks (.*)/g)) {
    yield { place: place!, says: missing!.toLowerCase() };
  }
}

/** What CONTRIBUTING.md says of something new: where it begins, and where it is missed by whom. */
function row(page: string, what: string) {
  const text = new RegExp(`^- \\*\\*${what}\\*\\*:([^]*?)(?=\n- \\*\\*|\n\n)`, "m").exec(page)?.[1];
  if (text === undefined) throw new Error(`CONTRIBUTING.md says nothing of a new ${what}`);
  const line = text.replaceAll(/\s+/g, " ");
  const listed = (from: string) => {
    const sentence = line.split(new RegExp(`${from} `))[1]?.split(/\.(?: |$)|, the tests name/)[0] ?? "";
    return [...sentence.matchAll(/`([^`]+)`/g)].map(([, place]) => place!).sort();
  };
  return { begin: listed("Begin in"), compiler: listed("The compiler names"), tests: listed("the tests name") };
}

Deno.test({
  name: "what is added is missed where CONTRIBUTING.md says, by the compiler and by the tests, and nowhere else",
  // a type check of everything: about 12 seconds of one processor
  ignore: !thorough,
  fn: async () => {
    const copy = copyTree();
    try {
      for (const { begin } of additions) for (const each of begin) edit(copy, each);
      const wrong = [...compilerPlaces(await said(copy, "check", "--quiet", "mod.ts", "meta.ts", "tests"), copy)];
      for (const { further } of additions) for (const each of further ?? []) edit(copy, each);
      const failing = [
        ...testPlaces(await said(copy, "test", "-A", "--no-check", "--quiet", "--filter", "complete:", ...knowing)),
      ];
      const page = Deno.readTextFileSync(new URL("CONTRIBUTING.md", root));
      for (const { what, word, begin } of additions) {
        const of = (places: readonly { readonly place: string; readonly says: string }[]) =>
          [...new Set(places.filter(({ says }) => says.includes(word)).map(({ place }) => place))].sort();
        assertEquals(
          { begin: begin.map(({ file }) => file), compiler: of(wrong), tests: of(failing) },
          row(page, what),
          what,
        );
      }
      const unnamed = [...wrong, ...failing].filter(({ says }) => !additions.some(({ word }) => says.includes(word)));
      assertEquals(unnamed, [], "what is said names what is missing");
    } finally {
      Deno.removeSync(copy, { recursive: true });
    }
  },
});
