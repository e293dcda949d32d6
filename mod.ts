/**
 * The public API: compile a `.meta` program, run it, ask the run.
 *
 * ```ts
 * import { compile } from "./mod.ts";
 *
 * const experiment = compile(`
 *   edition 1
 *   precision f64
 *   input rate : float = 0.1
 *   model line(x : [n, 1]) -> [n, 1] { w : [1, 1] = 2  return dot(x, w) }
 *   data train { x : [2, 1]  y : [2, 1] }
 *   inner fit { minimize mse(line(train.x), train.y) over line by sgd(lr = rate) for T = 3 steps }
 *   gradient sum((line.w@T - 3)^2) wrt line.w@0, fit.lr
 *   record line.w@*
 * `, {
 *   inputs: { rate: 0.2 },
 *   data: { train: { x: { shape: [2, 1], data: [1, 2] }, y: { shape: [2, 1], data: [3, 6] } } },
 * });
 * const run = await experiment.run({ seed: 1 });
 * console.log(run.parameter("line.w", { time: 3 }).data[0], run.gradient("fit.lr").data[0]);
 * ```
 *
 * @module
 */
export { check, compile, compileFile, compileUrl, format } from "./api/compile.ts";
export { loadJpegReader } from "./dsl/data/jpeg.ts";
export { loadParquetReader } from "./dsl/data/parquet_package.ts";
export type { CompileFileOptions, CompileOptions, CompileUrlOptions } from "./api/compile.ts";
export { CompileError } from "./api/compile_error.ts";
export { RunError, RunsError } from "./api/experiment.ts";
export type { Experiment, RunOptions, SeedsOptions, Starts } from "./api/experiment.ts";
export type { CheckpointEvent } from "./api/checkpoint_events.ts";
export type { Resume } from "./api/resume.ts";
export type { BackendName } from "./api/backends.ts";
export { restoreRun } from "./api/run.ts";
export type { OuterEnding, ParameterAt, RecordedSeries, Run } from "./api/run.ts";
export type { LearnedModel, NamedArray } from "./api/model.ts";
export type { Evaluation, PointAt } from "./api/evaluation.ts";
export { writeRunFolder } from "./api/write_run_folder.ts";
export { compareRuns } from "./api/compare.ts";
export type { ComparedRun, Comparison, RunNotWhole } from "./api/compare.ts";
export type { ComparedQuantity, ComparedSetting, Estimate } from "./api/comparison.ts";
export { reportRuns, showRuns } from "./api/report_runs.ts";
export type { ReportedRuns } from "./api/report_runs.ts";
export { explain } from "./api/explain.ts";
export type { ExplainedFunction, ExplainOptions, Explanation } from "./api/explain.ts";
export { verify } from "./api/verify.ts";
export type { Verification, VerifiedPart, VerifyOptions } from "./api/verify.ts";
export type { VerifiedNumber } from "./api/judged_rows.ts";
export type { LoopCost } from "./runtime/ir/cost.ts";
export type { KernelText } from "./runtime/backend/interface.ts";
export { version } from "./api/version.ts";

export type { Stage } from "./dsl/compile.ts";
export type { HostData } from "./dsl/data/data.ts";
export type { GivenEntries, HostValues } from "./runtime/program/given_arrays.ts";
export type { HostTask, HostTasks, TaskFields, TaskRequest } from "./runtime/loop/host_tasks.ts";
export type { TaskArgument } from "./runtime/program/program.ts";
export { renderDiagnostics } from "./dsl/diagnostics/render.ts";
export type { RenderOptions } from "./dsl/diagnostics/render.ts";
export type { Diagnostic, Label } from "./dsl/diagnostics/diagnostic.ts";
export type { DiagnosticCode, diagnosticCodes } from "./dsl/diagnostics/codes.ts";
export type { SourceText, Span } from "./dsl/text/source.ts";

export { untrustedLimits } from "./runtime/limits.ts";
export type { LimitName, Limits } from "./runtime/limits.ts";
export { InternalError, MetaRuntimeError } from "./runtime/errors.ts";
export { FileAccessError } from "./runtime/record/files.ts";
export { pairedDifference, summarize } from "./runtime/loop/statistics.ts";
export type { Summary } from "./runtime/loop/statistics.ts";
export type { ArrayType, DType, HostArray, Origin, Shape, TypedArray } from "./runtime/ir/types.ts";
export type {
  EvaluationEvent,
  FinishedEvent,
  GradientEvent,
  ImplicitEvent,
  KeptEvent,
  OutputEvent,
  RecordedEvent,
  RunEvent,
  SimulationEvent,
  StartedEvent,
  StepEvent,
  UntilEvent,
} from "./runtime/loop/events.ts";
export type {
  EvaluationResult,
  GradientResult,
  ImplicitReport,
  KeptEvaluation,
  LeftOut,
  Outcome,
  OuterResult,
  OutputResult,
  Recorded,
  RecordedBy,
  ReportPoint,
  ReportResult,
  SimulationResult,
  UntilHeld,
  Verdict,
} from "./runtime/loop/results.ts";
export type { MemoryPlan } from "./runtime/loop/memory.ts";
export type { Json } from "./runtime/record/metrics.ts";
