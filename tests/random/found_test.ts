// Is what was once found still right? Every program that was found and shrunk, looked at in every way.
import { assertEquals } from "@std/assert";
import { lookAt } from "./net.ts";

const folder = new URL("../programs/found/", import.meta.url);
for (const { name } of Deno.readDirSync(folder)) {
  if (!name.endsWith(".meta")) continue;
  Deno.test(`found once: ${name}`, async () => {
    const text = Deno.readTextFileSync(new URL(name, folder));
    const { finds, why, looked } = await lookAt({ text, files: new Map() }, 1, 0, "all");
    assertEquals(finds.map((f) => `${f.check}: ${f.detail}`), []);
    assertEquals(why, undefined, `it runs: ${[...looked.keys()].join(", ")}`);
  });
}
