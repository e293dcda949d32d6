// Can the tables of the documents be read in a terminal? What is longer than a line does not stand in a cell: it is a list.
import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

function* documents(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    if (isDirectory) yield* documents(`${folder}${name}/`);
    else if (name.endsWith(".md")) yield folder + name;
  }
}

Deno.test("no cell of a table in the documents is longer than a line of 120 characters", () => {
  const long: string[] = [];
  let cells = 0;
  for (const name of [...documents("docs/"), "README.md", "CONTRIBUTING.md", "CHANGELOG.md"]) {
    for (const line of Deno.readTextFileSync(new URL(name, root)).split("\n")) {
      if (!line.startsWith("|") || line.startsWith("| -")) continue;
      for (const cell of line.split("|").map((text) => text.trim())) {
        cells++;
        if (cell.length > 120) long.push(`${name}: ${cell.slice(0, 60)} …`);
      }
    }
  }
  assert(cells > 500);
  assertEquals(long, []);
});
