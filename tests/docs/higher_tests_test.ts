// Is docs/higher_tests.md true? Every test that it names must exist, and its rows must add up to the methods of `higher`.
import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

function testNames(folder: URL): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const url = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
    if (entry.isDirectory) return testNames(url);
    if (!entry.name.endsWith("_test.ts")) return [];
    const calls = Deno.readTextFileSync(url).matchAll(/Deno\.test\(\s*(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g);
    return [...calls].map(([, plain, template]) => plain ?? template!.replace(/\$\{[^}]*\}/g, "*"));
  });
}

Deno.test("docs/higher_tests.md names tests that exist, for all 174 methods", () => {
  const text = Deno.readTextFileSync(new URL("docs/higher_tests.md", root));
  const known = new Set(testNames(new URL("tests/", root)));
  assert(known.size > 100);
  const counts = new Map<string, number>();
  let chapter = "";
  for (const line of text.split("\n")) {
    chapter = /^## `(\w+)`/.exec(line)?.[1] ?? chapter;
    const [, method, number, tests] = /^\| (test\w+) +\| +(\d+) \| (.*?) *\|$/.exec(line) ?? [];
    if (!method) continue;
    counts.set(chapter, (counts.get(chapter) ?? 0) + Number(number));
    const names = [...tests!.matchAll(/`` (.*?) ``|`([^`]+)`/g)].map(([, double, single]) => double ?? single!);
    assert(names.length > 0, `${method} names no test`);
    for (const name of names) assert(known.has(name), `${method}: there is no test \`${name}\``);
  }
  assertEquals(Object.fromEntries(counts), { test_higher: 6, test_optim: 119, test_patch: 49 });
});
