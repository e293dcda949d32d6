// How do the declarations of many modules become those of one? From what a module exports, through all that this speaks of; where two are
// called the same, the later one gets a number.
import ts from "npm:typescript@6.0.3";

/** A declaration that stands in a module by itself. */
type Standing =
  | ts.InterfaceDeclaration
  | ts.TypeAliasDeclaration
  | ts.ClassDeclaration
  | ts.FunctionDeclaration
  | ts.EnumDeclaration
  | ts.VariableStatement;

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The text of one module that exports the same as that file of the program. Throws where something cannot be said so. */
export function rolledUp(program: ts.Program, entry: string): string {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(entry)!;
  const rolling = new Rolling(program, checker);
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(file)!);
  for (const symbol of exported) rolling.name(symbol, symbol.name);
  const parts: string[] = [];
  const values = new Set(exported.filter((symbol) => !isTypeOnly(symbol)).map((symbol) => rolling.name(symbol)));
  for (const [symbol, name] of rolling.names) {
    for (const standing of standingOf(symbol)) parts.push(rolling.written(standing, values.has(name)));
  }
  rolling.refuseHidden();
  const types = exported.filter(isTypeOnly).map((symbol) => rolling.name(symbol));
  return [...parts, `export type { ${types.sort().join(", ")} };`].join("\n\n") + "\n";
}

/** True for what is exported as a type alone, also where it is a value. */
function isTypeOnly(symbol: ts.Symbol): boolean {
  return symbol.declarations!.some((d) => ts.isExportSpecifier(d) && (d.isTypeOnly || d.parent.parent.isTypeOnly));
}

/** Where a symbol is declared, of those that stand in a module by themselves. */
function standingOf(symbol: ts.Symbol): Standing[] {
  return (symbol.declarations ?? []).flatMap((declaration) => {
    const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
    return node.parent && ts.isSourceFile(node.parent) ? [node as Standing] : [];
  });
}

class Rolling {
  readonly #program: ts.Program;
  readonly #checker: ts.TypeChecker;
  /** What is needed, in the order in which it was met, and what it is called. */
  readonly names = new Map<ts.Symbol, string>();
  /** Names of the library that are spoken of. */
  readonly #ofLibrary = new Set<string>();

  constructor(program: ts.Program, checker: ts.TypeChecker) {
    this.#program = program;
    this.#checker = checker;
  }

  /** The name of what a symbol stands for. */
  name(symbol: ts.Symbol, wanted = symbol.name): string {
    const real = symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
    const known = this.names.get(real);
    if (known !== undefined) return known;
    if (standingOf(real).length === 0) throw new Error(`\`${symbol.name}\` is declared nowhere that can be rolled up`);
    const taken = new Set(this.names.values());
    let name = wanted;
    for (let k = 2; taken.has(name); k++) name = `${wanted}${k}`;
    this.names.set(real, name);
    return name;
  }

  /** Throws where a name of ours hides one of the library that is spoken of. */
  refuseHidden(): void {
    const hidden = [...this.names.values()].filter((name) => this.#ofLibrary.has(name));
    if (hidden.length > 0) throw new Error(`${hidden.join(", ")} of the package would hide what JavaScript calls so`);
  }

  /** The text of a declaration under its name, with all that it speaks of under theirs. */
  written(node: Standing, exported: boolean): string {
    const file = node.getSourceFile();
    const begin = node.getStart(file, true);
    const edits: Edit[] = [];
    for (const modifier of node.modifiers ?? []) {
      const kinds = [ts.SyntaxKind.ExportKeyword, ts.SyntaxKind.DeclareKeyword, ts.SyntaxKind.DefaultKeyword];
      if (kinds.includes(modifier.kind)) edits.push({ from: modifier.getStart(file), to: modifier.end + 1, text: "" });
    }
    const isType = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
    const words = `${exported ? "export " : ""}${isType ? "" : "declare "}`;
    edits.push({ from: node.getStart(file), to: node.getStart(file), text: words });
    this.#visit(node, edits);
    edits.sort((a, b) => a.from - b.from || a.to - b.to);
    let text = "";
    let at = begin;
    for (const edit of edits) {
      text += file.text.slice(at, edit.from) + edit.text;
      at = edit.to;
    }
    return text + file.text.slice(at, node.end);
  }

  #visit(node: ts.Node, edits: Edit[]): void {
    if (ts.isImportTypeNode(node) && node.qualifier && ts.isIdentifier(node.qualifier)) {
      const symbol = this.#checker.getSymbolAtLocation(node.qualifier)!;
      const what = `${node.isTypeOf ? "typeof " : ""}${this.name(symbol)}`;
      edits.push({ from: node.getStart(), to: node.qualifier.end, text: what });
      node.typeArguments?.forEach((each) => this.#visit(each, edits));
      return;
    }
    if (ts.isIdentifier(node)) this.#identifier(node, edits);
    ts.forEachChild(node, (child) => this.#visit(child, edits));
  }

  #identifier(node: ts.Identifier, edits: Edit[]): void {
    const symbol = this.#checker.getSymbolAtLocation(node);
    if (!symbol) return;
    const real = symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
    if (standingOf(real).length === 0) {
      const declared = real.declarations ?? [];
      if (declared.length === 0) throw new Error(`\`${node.text}\` in ${node.getSourceFile().fileName} is not known`);
      return;
    }
    if (standingOf(real).some((d) => this.#program.isSourceFileDefaultLibrary(d.getSourceFile()))) {
      this.#ofLibrary.add(node.text);
      return;
    }
    const name = this.name(real);
    if (name !== node.text) edits.push({ from: node.getStart(), to: node.end, text: name });
  }
}
