// The whole way from a text to a program for the runtime, in one call. Pure: whoever calls hands in the files.
import { type DerivativeKind, derivativeKinds, describeProgram } from "./describe.ts";
import { readMemory } from "./data/memory_budget.ts";
import { type ExperimentProgram, functionsOf, type ModelProgram } from "../runtime/program/program.ts";
import { TooManyEquations, writingAtMost } from "../runtime/ir/builder.ts";
import { printFunction } from "../runtime/ir/print.ts";
import { printExpanded } from "../runtime/program/preview.ts";
import { type Diagnostic, DiagnosticSink } from "./diagnostics/diagnostic.ts";
import { placeText, type SourceText } from "./text/source.ts";
import { asOwnError, UseError } from "../runtime/errors.ts";
import { checkDeclarations } from "./modules/declarations.ts";
import { type HostData, loadData } from "./data/data.ts";
import type { ReadData } from "./data/data_files.ts";
import type { FindFiles } from "./data/file_names.ts";
import { type HostStart, loadStarts, reportUnusedStarts } from "./data/starts.ts";
import { type Limits, raising, usualLimits } from "../runtime/limits.ts";
import type { Elaboration, Evaluator, Precision } from "./world/world.ts";
import type { StaticValue } from "./world/value_kinds.ts";
import { newElaboration } from "./world/report.ts";
import type { Instance } from "./world/instance.ts";
import { type InputValues, readInputs } from "./data/inputs.ts";
import { readLoops } from "./loops/loops.ts";
import { language } from "./evaluate/language.ts";
import { type CheckedProgram } from "./check/checked_program.ts";
import { checkProgram, printChecked } from "./check/check_program.ts";
import { openModel } from "./lower/lower_model.ts";
import { lowerProgram } from "./lower/lower_program.ts";
import { lost, refuseLostItems } from "./check/lost_items.ts";
import { loadModules, type ModuleSet, type ReadSource } from "./modules/modules.ts";
import { parseProgram } from "./parse/parse.ts";
import { printAst, printCst } from "./parse/print_tree.ts";
import { resolveNames } from "./check/resolve.ts";
import { checkHostTasks } from "./elaborate/tasks.ts";

/** What a program is compiled from. */
export interface CompileInput {
  readonly root: SourceText;
  readonly readSource: ReadSource;
  readonly readData: ReadData;
  /** Finds the files of a pattern; without it a program names single files. */
  readonly findData?: FindFiles;
  readonly inputs?: InputValues;
  readonly data?: HostData;
  /** Where something starts, in place of what the program says. */
  readonly start?: readonly HostStart[];
  /** With which splits draw their parts; 0 when not given. A program that has some runs with no other one. */
  readonly seed?: number;
  /** Names of the tasks that host functions make. */
  readonly tasks?: readonly string[];
  /** What differs from the program as written. */
  readonly instance?: Instance;
  /** The usual ones when not given. */
  readonly limits?: Limits;
  /** The language when not given; one that looks on is made of it. */
  readonly evaluator?: Evaluator;
}

/** The stages whose output can be printed.
 *
 *  @category Compile */
export type Stage = "cst" | "ast" | "checked" | "ir" | "plan";

/** What came of it. */
export interface CompileOutput {
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: ReadonlyMap<string, SourceText>;
  /** The files that the root imports, directly or not. */
  readonly imports: readonly SourceText[];
  /** Absent when there are errors. */
  readonly program?: ExperimentProgram;
  /** The text of a stage. Stages after `ast` need a program without errors; without one the text is empty. */
  emit(stage: Stage): string;
  /** What the program means, for people; empty when there are errors. */
  describe(): string;
  /** A model of the program by its name. Throws UseError when there is none, or it has no one value after a run. */
  model(name: string): ModelProgram;
  /** How the derivatives of each outer and each gradient are found; empty when there are errors. */
  derivatives(): readonly DerivativeKind[];
}

/** Compiles a program: parses, checks, lowers. Never throws for what is wrong with the program, and an InternalError for what is
 *  wrong with us. */
export function compileProgram(input: CompileInput): CompileOutput {
  const place: { at?: () => string } = {};
  try {
    return compileStages(input, place);
  } catch (error) {
    throw asOwnError(error, place.at?.());
  }
}

/** `place.at` says where the last expression stands that was gone through. */
function compileStages(input: CompileInput, place: { at?: () => string }): CompileOutput {
  const { limits = usualLimits } = input;
  const sink = new DiagnosticSink(limits);
  const modules = loadModules(input.root, input.readSource, sink, limits);
  let el: Elaboration | undefined;
  let checked: CheckedProgram | undefined;
  let program: ExperimentProgram | undefined;
  checkHeader(modules, sink);
  // a text that is not read would only give consequences of that
  if (!modules.refused) {
    for (const module of modules.modules) checkDeclarations(module, sink);
    const inputs = new Map<string, StaticValue>();
    const { instance = {} } = input;
    const precision = instance.precision ?? precisionOf(modules);
    el = newElaboration({
      modules,
      sink,
      precision,
      evaluator: input.evaluator ?? language,
      inputs,
      hostTasks: new Set(input.tasks),
      instance,
      limits,
      seed: input.seed ?? 0,
    });
    const { work } = el;
    place.at = () => work.at ? `near ${placeText(modules.sources, work.at)}` : "";
    checkHostTasks(el);
    readInputs(el, inputs, input.inputs ?? {});
    loadData(el, input, input.data ?? {});
    readLoops(el);
    loadStarts(el, input.readData, input.start ?? []);
    const elaboration = el;
    const whole = withinEquations(elaboration, () => {
      const found = checkProgram(elaboration);
      resolveNames(elaboration);
      program = lowerProgram(elaboration, found);
      if (!sink.hasErrors) reportUnusedStarts(elaboration);
      if (!sink.hasErrors) checked = found;
    });
    if (whole && !sink.hasErrors) {
      if (!checked || !program) throw lost(el, "The program", { source: input.root.name, start: 0, end: 0 });
      refuseLostItems(el, checked, program);
    }
  }
  const output = {
    diagnostics: sink.diagnostics,
    sources: modules.sources,
    imports: modules.modules.flatMap(({ source }) => source.name === input.root.name ? [] : [source]),
    emit: (stage: Stage) => emit(stage, { root: input.root, limits }, { el, checked, program }),
    describe: () => el && checked && program ? describeProgram(el, checked) : "",
    model(name: string) {
      if (!el || !checked || !program) throw new UseError("A program with errors has no models");
      return openModel({ el, checked, simulations: program.simulations }, name);
    },
    derivatives: () => el && checked && program ? derivativeKinds(el, checked) : [],
  };
  return program && !sink.hasErrors ? { ...output, program } : output;
}

/** Does work that writes functions. False when these get too long (reported). */
function withinEquations(el: Elaboration, work: () => void): boolean {
  const { limits, sink, modules } = el;
  try {
    writingAtMost(limits.equations, work);
    return true;
  } catch (error) {
    if (!(error instanceof TooManyEquations)) throw error;
    sink.report({
      code: "M0311",
      title: `This unfolds into more than ${limits.equations} equations`,
      at: el.work.at ?? error.origin ?? { source: modules.root.source.name, start: 0, end: 0 },
      notes: [
        "Derivatives are written out: each loop that is differentiated inside another one that is doubles what there is",
        raising("equations"),
      ],
      hint: "nest fewer loops that are differentiated, or put what is repeated into a `scan`",
    });
    return false;
  }
}

function precisionOf(modules: ModuleSet): Precision {
  const item = modules.root.program.items.find((i) => i.kind === "Precision");
  return item?.kind === "Precision" && item.value.name === "f64" ? "f64" : "f32";
}

/** `edition` and `precision` of every file. */
function checkHeader(modules: ModuleSet, sink: DiagnosticSink): void {
  for (const module of modules.modules) {
    if (module.refused) continue;
    const { items } = module.program;
    const edition = items.find((i) => i.kind === "Edition");
    if (!edition && !module.torn) {
      sink.report({
        code: "W0101",
        title: "The file does not say which edition of the language it is written in",
        at: { source: module.source.name, start: 0, end: 0 },
        hint: "begin it with `edition 1`",
      });
    } else if (edition?.kind === "Edition" && edition.value.value !== 1) {
      sink.report({
        code: "M0106",
        title: `There is no edition ${edition.value.text}`,
        at: edition.value.span,
        notes: ["This version knows edition 1"],
      });
    }
    for (const item of items) {
      if (item.kind === "Precision" && item.value.name !== "" && !["f32", "f64"].includes(item.value.name)) {
        sink.report({
          code: "M0106",
          title: `There is no precision \`${item.value.name}\``,
          at: item.value.span,
          hint: "write `f32` or `f64`",
        });
      }
      if (item.kind === "Memory") readMemory(item, sink);
    }
  }
}

function emit(
  stage: Stage,
  { root, limits }: { readonly root: SourceText; readonly limits: Limits },
  { el, checked, program }: {
    readonly el: Elaboration | undefined;
    readonly checked: CheckedProgram | undefined;
    readonly program: ExperimentProgram | undefined;
  },
): string {
  const parsed = parseProgram(root, limits);
  switch (stage) {
    case "cst":
      return parsed.cst ? printCst(parsed.cst) : "";
    case "ast":
      return printAst(parsed.program);
    case "checked":
      return el && checked ? printChecked(el, checked) : "";
    case "ir":
      return program ? functionsOf(program).map((f) => printFunction(f.fn)).join("\n") : "";
    case "plan":
      return program ? functionsOf(program).map((f) => printExpanded(f.fn)).join("\n") : "";
  }
}
