// Which files make up a program, and what does each define? Loads the root and everything it imports, parses each once,
// and says for every file which definition a name stands for: its own, an imported one, or the standard library's.
import { type LimitName, type Limits, raising, usualLimits } from "../../runtime/limits.ts";
import type { Identifier, ImportItem, Item, Program } from "../syntax/ast.ts";
import type { DiagnosticSink } from "../diagnostics/diagnostic.ts";
import type { SourceText } from "../text/source.ts";
import { definitionsIn } from "../parse/definitions.ts";
import { parseProgram } from "../parse/parse.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { libraryFiles } from "../prelude/library.ts";
import { definedTwice } from "../diagnostics/messages.ts";
import { quoted } from "../text/words.ts";

/** An item that has a name of its own. */
export type NamedItem = Exclude<
  Item,
  { kind: "Edition" | "Precision" | "Memory" | "Import" | "Parts" | "Start" | "Override" | "Gradient" | "Record" }
>;

/** What a name at the top of a file stands for. */
export interface Definition {
  readonly name: string;
  readonly item: NamedItem;
  readonly module: Module;
}

/** One file. */
export interface Module {
  readonly source: SourceText;
  readonly program: Program;
  /** True for the files of the standard library. */
  readonly library: boolean;
  /** The file's own definitions. */
  readonly own: ReadonlyMap<string, Definition>;
  /** Every name visible at the top of the file. */
  readonly visible: ReadonlyMap<string, Definition>;
  /** Names whose import failed: that was said, nothing is said of their use. */
  readonly unresolved: ReadonlySet<string>;
  /** The text is too long to be read. */
  readonly refused?: true;
  /** Some of its items could not be read whole: they are not in the program, and what they may define is unresolved. */
  readonly torn: boolean;
}

/** What the names of a file stand for, but for those of the library, which need not be read. */
export function definedAround({ visible }: Module): Definition[] {
  return [...visible.values()].filter(({ module }) => !module.library);
}

/** All files of a program. */
export interface ModuleSet {
  readonly root: Module;
  /** The root first, then in the order of import; the standard library is not in it. */
  readonly modules: readonly Module[];
  readonly library: readonly Module[];
  readonly sources: ReadonlyMap<string, SourceText>;
  /** True when a text is too long to be read: what is checked would only give consequences of that. */
  readonly refused: boolean;
}

/** Gives the text of an imported file, by its path relative to the root file's folder; undefined when there is none.
 *  Throws an Error whose message is for the user when the file is there but may not be read. */
export type ReadSource = (path: string) => string | undefined;

/** The items that have names, those of the parts of a split among them. */
export function namedItems({ items }: Program): readonly Item[] {
  return items.flatMap((item): readonly Item[] => item.kind === "Parts" ? item.parts : [item]);
}

/** The name that an item defines, if it defines one. */
export function nameOf(item: Item): Identifier | undefined {
  switch (item.kind) {
    case "Input":
    case "Param":
      return item.binding.name;
    case "Let":
    case "Function":
    case "Data":
    case "Task":
    case "Model":
    case "Inner":
    case "Optimizer":
    case "Outer":
    case "Evaluate":
    case "Output":
      return item.name;
    case "Edition":
    case "Precision":
    case "Memory":
    case "Import":
    case "Parts":
    case "Start":
    case "Override":
    case "Gradient":
    case "Record":
      return undefined;
    default:
      return item satisfies never;
  }
}

interface MutableModule {
  source: SourceText;
  program: Program;
  library: boolean;
  own: Map<string, Definition>;
  visible: Map<string, Definition>;
  unresolved: Set<string>;
  refused?: true;
  torn: boolean;
}

/** Any name may be meant. */
class AllNames extends Set<string> {
  override has(): boolean {
    return true;
  }
}

let parsedLibrary: { modules: readonly Module[]; names: ReadonlyMap<string, Definition> } | undefined;

/** The standard library; an item is parsed when it is first asked for. */
function library(): { modules: readonly Module[]; names: ReadonlyMap<string, Definition> } {
  if (parsedLibrary) return parsedLibrary;
  const names = new Map<string, Definition>();
  const modules = libraryFiles.map((source) => {
    let program: Program | undefined;
    const own = new Map<string, Definition>();
    // every file of the library sees all of it
    const module: Module = {
      source,
      get program() {
        return program ??= parseProgram(source).program;
      },
      library: true,
      own,
      visible: names,
      unresolved: new Set(),
      torn: false,
    };
    for (const { name, item } of definitionsIn(source)) {
      const definition: Definition = {
        name,
        get item() {
          return item() as NamedItem;
        },
        module,
      };
      own.set(name, definition);
      names.set(name, definition);
    }
    return module;
  });
  parsedLibrary = { modules, names };
  return parsedLibrary;
}

/** What is known while files are loaded. */
interface Loading {
  readonly readSource: ReadSource;
  readonly sink: DiagnosticSink;
  readonly limits: Limits;
  /** Names of the library, which every file sees. */
  readonly libraryNames: ReadonlyMap<string, Definition>;
  readonly sources: Map<string, SourceText>;
  readonly loaded: Map<string, MutableModule>;
  readonly order: MutableModule[];
  /** The files whose imports are being loaded, the innermost last. */
  readonly path: string[];
  refused: boolean;
  /** Of all files together. */
  characters: number;
}

/** Loads and parses the root file and its imports. */
export function loadModules(
  root: SourceText,
  readSource: ReadSource,
  sink: DiagnosticSink,
  limits: Limits = usualLimits,
): ModuleSet {
  const { modules: libraryModules, names: libraryNames } = library();
  const sources = new Map<string, SourceText>(libraryModules.map((m) => [m.source.name, m.source]));
  const order: MutableModule[] = [];
  const loading: Loading = {
    readSource,
    sink,
    limits,
    libraryNames,
    sources,
    loaded: new Map(),
    order,
    path: [],
    refused: false,
    characters: 0,
  };
  const rootModule = load(loading, root);
  return { root: rootModule, modules: order, library: libraryModules, sources, refused: loading.refused };
}

function load(loading: Loading, source: SourceText): MutableModule {
  loading.characters += source.text.length;
  const parsed = parseProgram(source, loading.limits);
  for (const draft of parsed.diagnostics) loading.sink.report(draft);
  if (parsed.refused) loading.refused = true;
  const { program, torn } = parsed;
  const module: MutableModule = {
    source,
    program: torn ? { ...program, items: program.items.filter((item) => !torn.items.has(item)) } : program,
    library: false,
    own: new Map(),
    visible: new Map(loading.libraryNames),
    unresolved: torn?.nameless ? new AllNames() : new Set(),
    ...(parsed.refused && { refused: parsed.refused }),
    torn: torn !== undefined,
  };
  loading.loaded.set(source.name, module);
  loading.sources.set(source.name, source);
  loading.order.push(module);
  loading.path.push(source.name);
  define(loading, module);
  for (const item of module.program.items) {
    if (item.kind === "Import") importFrom(loading, module, item);
  }
  for (const [name, definition] of module.own) module.visible.set(name, definition);
  for (const word of torn ? [...torn.words, "T"] : []) if (!module.visible.has(word)) module.unresolved.add(word);
  loading.path.pop();
  return module;
}

function define(loading: Loading, module: MutableModule): void {
  for (const item of namedItems(module.program)) {
    const name = nameOf(item);
    if (!name || name.name === "") continue;
    const earlier = module.own.get(name.name);
    if (earlier) {
      loading.sink.report(definedTwice(name.name, name.span, nameOf(earlier.item)!.span));
      continue;
    }
    module.own.set(name.name, { name: name.name, item: item as NamedItem, module });
  }
}

function importFrom(loading: Loading, module: MutableModule, item: ImportItem): void {
  const imported = importedModule(loading, module, item);
  for (const name of item.names) {
    if (name.name === "") continue;
    if (imported) importName(loading, module, imported, name);
    else if (!module.own.has(name.name)) module.unresolved.add(name.name);
  }
}

/** The file that an import names. Undefined when it cannot be had (reported). */
function importedModule(loading: Loading, module: MutableModule, item: ImportItem): MutableModule | undefined {
  const { path, sink, loaded, limits } = loading;
  const target = resolvePath(module.source.name, item.from.text);
  if (target === undefined) {
    return void sink.report({
      code: "M0605",
      title: `\`${item.from.text}\` lies outside the program's folder`,
      at: item.from.span,
      hint: 'import files of the program\'s own folder by relative paths, such as "./layers.meta"',
    });
  }
  if (path.includes(target)) {
    return void sink.report({
      code: "M0207",
      title: `\`${target}\` imports itself${path.at(-1) === target ? "" : ` through \`${path.at(-1)}\``}`,
      at: item.from.span,
      notes: [`The cycle is ${quoted([...path.slice(path.indexOf(target)), target], " → ")}`],
    });
  }
  let imported = loaded.get(target);
  if (!imported) {
    if (loaded.size > limits.imports) {
      return tooMany(loading, "imports", `This is file ${loaded.size} that is imported`, item);
    }
    let text: string | undefined;
    try {
      text = loading.readSource(target);
    } catch (error) {
      return void sink.report({
        code: "M0206",
        title: `\`${item.from.text}\` cannot be read`,
        at: item.from.span,
        notes: [(error as Error).message],
      });
    }
    if (text === undefined) {
      return void sink.report({ code: "M0206", title: `There is no file \`${target}\``, at: item.from.span });
    }
    if (loading.characters + text.length > limits.text) {
      return tooMany(
        loading,
        "text",
        `With \`${target}\` the program has ${loading.characters + text.length} characters`,
        item,
      );
    }
    imported = load(loading, { name: target, text });
  }
  return imported;
}

function tooMany(loading: Loading, name: LimitName, asks: string, item: ImportItem): undefined {
  loading.refused = true;
  loading.sink.report({
    code: "M0107",
    title: `${asks}, and ${loading.limits[name]} are allowed`,
    at: item.from.span,
    notes: [raising(name)],
  });
}

function importName(loading: Loading, module: MutableModule, imported: MutableModule, name: Identifier): void {
  const definition = imported.own.get(name.name);
  if (!definition) {
    module.unresolved.add(name.name);
    if (imported.refused || imported.unresolved.has(name.name)) return;
    loading.sink.report({
      code: "M0201",
      title: `\`${imported.source.name}\` does not define \`${name.name}\``,
      at: name.span,
      notes: definitionsOf(imported),
      hint: () => hintFor(name.name, imported.own.keys()),
    });
    return;
  }
  const clash = module.own.get(name.name);
  const earlier = module.visible.get(name.name);
  if (clash || earlier && !earlier.module.library && earlier.item !== definition.item) {
    loading.sink.report({
      code: "M0202",
      title: clash ? `\`${name.name}\` is imported and defined` : `\`${name.name}\` is imported from two files`,
      at: name.span,
      secondary: clash
        ? [{ span: nameOf(clash.item)!.span, message: "defined here" }]
        : [{ span: nameOf(earlier!.item)!.span, message: "the other one" }],
    });
    return;
  }
  module.visible.set(name.name, definition);
}

/** Names that a message lists. */
const mostListed = 20;

function definitionsOf({ own }: Module): string[] {
  if (own.size === 0) return [];
  const names: string[] = [];
  for (const name of own.keys()) {
    if (names.length === mostListed) break;
    names.push(`\`${name}\``);
  }
  const others = own.size - names.length;
  return [`It defines ${names.join(", ")}${others > 0 ? ` and ${others} others` : ""}`];
}

/** A relative path seen from a file, as a path relative to the root's folder; undefined when it leaves the folder or is
 *  not relative. */
export function resolvePath(from: string, relative: string): string | undefined {
  if (
    relative === "" || relative.startsWith("/") || relative.includes("\\") || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(relative)
  ) {
    return undefined;
  }
  const parts = from.split("/").slice(0, -1);
  for (const part of relative.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.length === 0) return undefined;
      parts.pop();
    } else parts.push(part);
  }
  return parts.join("/");
}

/** A file's path seen from the folder of the root file; the root's own is empty: what it is called means nothing. */
export function pathFromRoot(root: Module, module: Module): string {
  if (module === root) return "";
  if (module.library) return module.source.name;
  const from = root.source.name.split("/").slice(0, -1);
  const to = module.source.name.split("/");
  const shared = from.findIndex((part, i) => part !== to[i]);
  const common = shared === -1 ? from.length : shared;
  return [...from.slice(common).map(() => ".."), ...to.slice(common)].join("/");
}

/** The same without the ending. */
export function moduleName(root: Module, module: Module): string {
  return pathFromRoot(root, module).replace(/\.meta$/, "");
}
