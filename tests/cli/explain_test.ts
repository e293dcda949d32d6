import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../meta.ts";
import { capturedConsole } from "./captured_console.ts";

async function explain(...codes: string[]): Promise<{ code: number; out: string; err: string }> {
  const console = capturedConsole({ width: 100 });
  const code = await main(["explain", ...codes], console);
  return { code, ...console.written };
}

Deno.test("meta.ts explain prints what a code means, without Markdown's marks", async () => {
  const { code, out, err } = await explain("m0105");
  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "M0105: A number that cannot be read\n");
  assertStringIncludes(out, "  edition 1\n  param w = .5\n");
  assert(!out.includes("```"), out);
  assert(!out.includes("M0106"), out);
});

Deno.test("meta.ts explain names the files of its programs, and takes several codes", async () => {
  const { out } = await explain("M0601", "W0201");
  assertStringIncludes(out, "  // train.csv\n  x,y\n");
  assertStringIncludes(out, "W0201: A definition that is never used");
});

Deno.test("meta.ts explain of an unknown code says which may be meant", async () => {
  const { code, out, err } = await explain("M301", "M0101");
  assertEquals(code, 2);
  assertEquals(err, "error: There is no code `M301`; did you mean `M0301`?\n");
  assertStringIncludes(out, "M0101: ");
});

Deno.test("meta.ts explain of a loop that costs nothing gives it no share", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const text = `edition 1
data d { x : [4] = [1, 2, 3, 4]   k : int [4] = [0, 0, 1, 1] }
task t { classes 2 of d by k   split s { draw 2 of each } }
output labels = s.k across 3 t
`;
    Deno.writeTextFileSync(`${folder}/p.meta`, text);
    const { code, out } = await explain(`${folder}/p.meta`);
    assertEquals(code, 0);
    assertStringIncludes(out, "t, each of 3  0 %");
    assertStringIncludes(out, "2 of the 2 classes of d.k, which have 2 rows each");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
