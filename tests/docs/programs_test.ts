// Do the programs in the documentation print what stands below them? Every block marked `meta` is run (a block marked `csv
// NAME` before it is the file beside it) and compared with the block marked `text` after it; without one it must check.
// Run with `UPDATE_DOCS=1` to write what is printed into the documents.
import { assert, assertEquals } from "@std/assert";
import { main } from "../../meta.ts";
import { capturedConsole } from "../cli/captured_console.ts";
import { blocksOf } from "./blocks.ts";

const folder = new URL("../../docs/", import.meta.url);
const update = Deno.env.get("UPDATE_DOCS") === "1";

/** What a program prints, without what differs from run to run. */
async function output(program: string, files: ReadonlyMap<string, string>): Promise<string> {
  const place = Deno.makeTempDirSync();
  try {
    for (const [name, text] of files) Deno.writeTextFileSync(`${place}/${name}`, text);
    Deno.writeTextFileSync(`${place}/program.meta`, program);
    const console = capturedConsole({ width: 100 });
    const code = await main([`${place}/program.meta`], console);
    const { out, err } = console.written;
    const said = code === 1 || code === 3 ? err : out;
    return said.replace(/ in [0-9.]+ (ms|s),/g, ",").replace(/^program\.meta: .*\n\n?/m, "").trim() + "\n";
  } finally {
    Deno.removeSync(place, { recursive: true });
  }
}

for (const name of [...Deno.readDirSync(folder)].map((f) => f.name).sort()) {
  if (!name.endsWith(".md")) continue;
  const text = Deno.readTextFileSync(new URL(name, folder));
  const blocks = blocksOf(text);
  if (!blocks.some((b) => b.kind === "meta")) continue;
  Deno.test(`the programs of docs/${name} print what stands below them`, async () => {
    let written = "";
    let copied = 0;
    let files = new Map<string, string>();
    for (const [i, block] of blocks.entries()) {
      if (block.kind.startsWith("csv ")) files.set(block.kind.slice(4), block.text);
      if (block.kind !== "meta") continue;
      const printed = await output(block.text, files);
      files = new Map();
      const next = blocks[i + 1];
      const line = text.slice(0, block.start).split("\n").length;
      if (next?.kind !== "text") {
        assert(!printed.startsWith("error"), `line ${line}:\n${printed}`);
        continue;
      }
      if (update) {
        written += text.slice(copied, next.start) + printed;
        copied = next.end;
      } else assertEquals(printed, next.text, `line ${line}`);
    }
    if (update) Deno.writeTextFileSync(new URL(name, folder), written + text.slice(copied));
  });
}
