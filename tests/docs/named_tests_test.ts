// Are docs/higher_tests.md and docs/rule_tests.md true? Every test that they name must exist; the rows of the first must add up
// to the methods of `higher`, those of the second are the fourteen rules.
import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

function testNames(folder: URL): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const url = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
    if (entry.isDirectory) return testNames(url);
    if (!entry.name.endsWith("_test.ts")) return [];
    const calls = Deno.readTextFileSync(url).matchAll(/Deno\.test\(\s*(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g);
    return [...calls].map(([, plain, template]) =>
      plain ?? template!.replace(/\$\{[^}]*\}/g, "*").replaceAll("\\`", "`")
    );
  });
}

const known = new Set(testNames(new URL("tests/", root)));

/** The tests that a cell names; all of them exist. */
function namedTests(cell: string, row: string): string[] {
  const names = [...cell.matchAll(/`` ?(.*?) ?``(?!`)|`([^`]+)`/g)].map(([, double, single]) => double ?? single!);
  assert(names.length > 0, `${row} names no test`);
  for (const name of names) assert(known.has(name), `${row}: there is no test \`${name}\``);
  return names;
}

Deno.test("docs/higher_tests.md names tests that exist, for all 174 methods", () => {
  const text = Deno.readTextFileSync(new URL("docs/higher_tests.md", root));
  const counts = new Map<string, number>();
  let chapter = "";
  for (const line of text.split("\n")) {
    chapter = /^## `(\w+)`/.exec(line)?.[1] ?? chapter;
    const [, method, number, tests] = /^\| (test\w+) +\| +(\d+) \| (.*?) *\|$/.exec(line) ?? [];
    if (!method) continue;
    counts.set(chapter, (counts.get(chapter) ?? 0) + Number(number));
    namedTests(tests!, method);
  }
  assertEquals(Object.fromEntries(counts), { test_higher: 6, test_optim: 119, test_patch: 49 });
});

Deno.test("docs/rule_tests.md names tests that exist, for all fourteen rules", () => {
  const text = Deno.readTextFileSync(new URL("docs/rule_tests.md", root));
  const rules: number[] = [];
  for (const item of text.split(/\n(?=\d+\. )/).slice(1)) {
    const [, number, title, tests] = /^(\d+)\. \*\*(.*?)\*\*: (.*)$/.exec(item.replaceAll(/\s+/g, " ").trim())!;
    rules.push(Number(number));
    namedTests(tests!, title!);
  }
  assertEquals(rules, Array.from({ length: 14 }, (_, i) => i + 1));
});
