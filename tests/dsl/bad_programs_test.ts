// What is said about wrong programs? Each file of `tests/programs/bad/` has one mistake; its source and the rendering of what
// is said stand in the snapshot.
import { assert, assertEquals } from "@std/assert";
import { type DiagnosticCode, diagnosticCodes } from "../../dsl/diagnostics/codes.ts";
import { renderDiagnostics } from "../../dsl/diagnostics/render.ts";
import { compiledFrom, programsIn, saidAbout, textOf } from "./wrong_programs.ts";
import { snapshotOf } from "../snapshot.ts";

const snapshots = snapshotOf(import.meta.url);

const files = programsIn("bad/");
const seen = new Set<DiagnosticCode>();

for (const name of files) {
  Deno.test(`what is said about ${name}`, async (t) => {
    const text = textOf("bad/", name);
    const { diagnostics, sources, program } = compiledFrom("bad/", name);
    assert(diagnostics.length > 0, "nothing is said");
    assertEquals(new Set(diagnostics.map((d) => d.code)).size, 1, "one mistake, one kind of diagnostic");
    assertEquals(program === undefined, diagnostics.some((d) => d.severity === "error"));
    for (const { code } of diagnostics) seen.add(code);
    await t.assertSnapshot(`${text}\n${renderDiagnostics(diagnostics, sources)}`, snapshots);
  });
}

Deno.test("there are at least 80 bad programs, and every code has one", () => {
  assert(files.length >= 80, `${files.length}`);
  // codes that no program alone can show, with the reason
  const elsewhere: Partial<Record<DiagnosticCode, string>> = {};
  const missing = (Object.keys(diagnosticCodes) as DiagnosticCode[]).filter((c) => !seen.has(c) && !(c in elsewhere));
  assertEquals(missing, []);
});

Deno.test("five independent mistakes in one program give five diagnostics", () => {
  const diagnostics = saidAbout(`edition 1
let rate = halff / 10
data train { x : [3, 2] = [[1, 2], [3, 4], [5, 6]]  y : [3, 1] = [[1], [2], [3]] }
model net(x : [n, 2]) -> [n, 1] {
  W : [2, 1] ~ glorot()
  V : [3, 1] ~ glorot()
  return dot(x, W) + dot(x, V)
}
inner fit {
  minimize mse(net(train.x), train.z)
  over     net
  by       sgd(lr = 0.1)
  for      T = 5 steps
}
override fit { momentun = 0.5 }
gradient mse(net(train.x), train.y) wrt net@0
`);
  assertEquals(diagnostics.map((d) => d.code).sort(), ["M0201", "M0201", "M0204", "M0301", "M0401"]);
});
