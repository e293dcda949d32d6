// Is what was once found still right? Every program that was found and shrunk, looked at in every way. Those of `open/` are not
// mended yet: they are named as ignored.
import { assertEquals } from "@std/assert";
import { lookAt } from "./net.ts";

for (const place of ["found", "open"]) {
  const folder = new URL(`../programs/${place}/`, import.meta.url);
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.endsWith(".meta")) continue;
    Deno.test({
      name: place === "open" ? `found and not mended yet: ${name}` : `found once: ${name}`,
      ignore: place === "open",
      async fn() {
        const text = Deno.readTextFileSync(new URL(name, folder));
        const { finds, why, looked } = await lookAt({ text, files: new Map() }, 1, 0, "all");
        assertEquals(finds.map((f) => `${f.check}: ${f.detail}`), []);
        assertEquals(why, undefined, `it runs: ${[...looked.keys()].join(", ")}`);
      },
    });
  }
}
