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
