// Which packages does a program need before it is compiled? Compiling does not wait, and loading them does.
import type { ProgramFiles } from "../api/program_files.ts";
import { areJpeg } from "../dsl/data/images.ts";
import { loadJpegReader } from "../dsl/data/jpeg.ts";
import { kindOf } from "../dsl/data/data_files.ts";
import { loadParquetReader } from "../dsl/data/parquet_package.ts";
import { DiagnosticSink } from "../dsl/diagnostics/diagnostic.ts";
import { loadModules } from "../dsl/modules/modules.ts";
import type { Limits } from "../runtime/limits.ts";

/** Loads what reads the images and Parquet files that a program, or what it imports, names. Throws UseError when that cannot be
 *  loaded. */
export async function loadReadersFor({ root, readSource }: ProgramFiles, limits: Limits): Promise<void> {
  // most programs name none, and import nothing
  if (!/\.jpe?g|\.parquet|\bimport\b/i.test(root.text)) return;
  const { modules } = loadModules(root, readSource, new DiagnosticSink(limits), limits);
  const named = modules.flatMap(({ program }) =>
    program.items.flatMap((item) => item.kind === "Data" ? [item.from, ...item.fields.map((f) => f.file)] : [])
  );
  if (named.some((file) => file && areJpeg(file.text))) await loadJpegReader();
  if (named.some((file) => file && kindOf(file.text).kind === ".parquet")) await loadParquetReader();
}
