// How do the types of all modules become one file? TypeScript writes the declarations of each module; of these, what `mod.ts` exports and
// whatever that speaks of is put together, each under one name.
import ts from "npm:typescript@6.0.3";
import { rolledUp } from "./rolled_up.ts";

const root = new URL("../", import.meta.url).pathname;

const options: ts.CompilerOptions = {
  strict: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  // what Node 20 and pages of its time have: newer functions than these are errors
  lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
  types: [],
  noEmit: true,
};

/** The declarations of the package as the text of one module. Throws where something newer is used than there is everywhere. */
export function declarations(): string {
  const written: ts.CompilerOptions = { ...options, noEmit: false, declaration: true, emitDeclarationOnly: true };
  const program = ts.createProgram([`${root}mod.ts`], written);
  const newer = program.getSemanticDiagnostics().filter(isTooNew);
  if (newer.length > 0) throw new Error(newer.map(said).join("\n"));
  const texts = new Map<string, string>();
  program.emit(undefined, (path, text) => texts.set(path, text));
  const whole = together(texts, `${root}mod.d.ts`);
  // examples name what lies beside
  return whole.replaceAll(/(?<= from ")(\.\.?\/)+mod\.ts(?=")/g, "./meta.mjs");
}

/** The declarations of modules, by their paths, as those of one that exports what `entry` does. Throws where that is wrong by itself. */
export function together(texts: ReadonlyMap<string, string>, entry: string): string {
  const whole = rolledUp(ts.createProgram([entry], options, hostOf(texts)), entry);
  checkAlone(whole);
  return whole;
}

/** What names something of a later library: "do you need to change your target library?" */
function isTooNew({ code, messageText }: ts.Diagnostic): boolean {
  return [2550, 2568, 2583].includes(code) && !ts.flattenDiagnosticMessageText(messageText, "\n").includes("'Deno'");
}

function said({ file, start = 0, messageText }: ts.Diagnostic): string {
  const at = file ? `${file.fileName}:${file.getLineAndCharacterOfPosition(start).line + 1}: ` : "";
  return at + ts.flattenDiagnosticMessageText(messageText, "\n");
}

/** Throws where the file is not right by itself, with nothing of Deno. */
function checkAlone(text: string): void {
  const name = "/meta.d.mts";
  const program = ts.createProgram([name], { ...options, skipLibCheck: false }, hostOf(new Map([[name, text]])));
  const wrong = ts.getPreEmitDiagnostics(program);
  if (wrong.length > 0) throw new Error(wrong.map(said).join("\n"));
}

/** Files that are texts, beside those of TypeScript itself. Modules name each other by the files that they were written as. */
function hostOf(texts: ReadonlyMap<string, string>): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  return {
    ...host,
    fileExists: (path) => texts.has(path) || host.fileExists(path),
    readFile: (path) => texts.get(path) ?? host.readFile(path),
    getSourceFile(path, language, ...more) {
      const text = texts.get(path);
      return text === undefined
        ? host.getSourceFile(path, language, ...more)
        : ts.createSourceFile(path, text, language, true);
    },
    resolveModuleNameLiterals: (names, from) =>
      names.map(({ text }) => {
        const resolvedFileName = new URL(text, `file://${from}`).pathname.replace(/\.ts$/, ".d.ts");
        const resolvedModule = { resolvedFileName, extension: ts.Extension.Dts, isExternalLibraryImport: false };
        return { resolvedModule: texts.has(resolvedFileName) ? resolvedModule : undefined };
      }),
  };
}
