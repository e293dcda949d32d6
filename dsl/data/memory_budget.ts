// What does `memory 2 GB` allow? A number of bytes.
import { byteUnits } from "../../runtime/bytes.ts";
import type { MemoryItem } from "../syntax/ast.ts";
import type { DiagnosticSink } from "../diagnostics/diagnostic.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { quoted } from "../text/words.ts";

/** The bytes that an item stands for. Undefined when wrong (reported). */
export function readMemory({ amount, unit, span }: MemoryItem, sink: DiagnosticSink): number | undefined {
  const factor = byteUnits.get(unit.name);
  if (factor === undefined) {
    if (unit.name !== "") {
      sink.report({
        code: "M0106",
        title: `There is no unit \`${unit.name}\` of memory`,
        at: unit.span,
        notes: [`The units are ${quoted(byteUnits.keys())}`],
        hint: hintFor(unit.name, byteUnits.keys()),
      });
    }
    return undefined;
  }
  const bytes = amount.value * factor;
  if (bytes > 0 && Number.isFinite(bytes)) return bytes;
  return void sink.report({ code: "M0304", title: "A budget of memory must be positive", at: span });
}
