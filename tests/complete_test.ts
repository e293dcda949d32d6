// Does every word of the language, and every backend, stand where a reader or a test looks for it? What was added is missed by these
// tests wherever it does not stand yet, and the name of the place is said.
import { assert } from "@std/assert";
import { backendNames } from "../api/backends.ts";
import { builtins } from "../dsl/builtins/builtins.ts";
import { builtinSignatures } from "../dsl/builtins/signatures.ts";
import { keywords } from "../dsl/syntax/keywords.ts";
import { estimatorArguments } from "../dsl/world/loop.ts";
import { noneMissing } from "./places.ts";
import { allConstructs, constructsIn, unknownKeywords } from "./random/constructs.ts";
import { writeProgram } from "./random/program.ts";
import { suiteOf, suites, testFiles } from "./suites/suites.ts";

const root = new URL("../", import.meta.url);

/** Random programs that are written to see every word in one; from 130 to 300 are needed, as the dice fall. */
const programs = 500;

Deno.test("complete: the net knows every keyword", () => {
  noneMissing("tests/random/constructs.ts", unknownKeywords());
});

Deno.test("complete: the random programs use every word", () => {
  const missing = new Set(allConstructs());
  for (let index = 0; index < programs && missing.size > 0; index++) {
    for (const construct of constructsIn(writeProgram(20261129, index))) missing.delete(construct);
  }
  noneMissing("tests/random/program.ts", [...missing]);
});

Deno.test("complete: every builtin has a signature", () => {
  noneMissing("dsl/builtins/signatures.ts", [...builtins.keys()].filter((name) => !(name in builtinSignatures)));
});

Deno.test("complete: the page of the language speaks of every keyword and every estimator", () => {
  const page = Deno.readTextFileSync(new URL("docs/language.md", root));
  assert(page.length > 20_000);
  const words = [...keywords.map(({ word }) => word), ...Object.keys(estimatorArguments)];
  noneMissing("docs/language.md", words.filter((word) => !new RegExp(`\\b${word}\\b`).test(page)));
});

const own = backendNames.filter((name) => name !== "auto");

Deno.test("complete: the page of backends speaks of each", () => {
  const page = Deno.readTextFileSync(new URL("docs/backends.md", root));
  noneMissing("docs/backends.md", own.filter((name) => !page.includes(`\`${name}\``)));
});

for (const kind of ["primitives", "programs"]) {
  Deno.test(`complete: every backend has a test of ${kind} beside \`reference\``, () => {
    const there = new Set([...Deno.readDirSync(new URL("tests/runtime/", root))].map(({ name }) => name));
    const others = own.filter((name) => name !== "reference");
    noneMissing(`tests/runtime/NAME_${kind}_test.ts`, others.filter((name) => !there.has(`${name}_${kind}_test.ts`)));
  });
}

Deno.test("complete: every test file is taken by a suite that is there, and every suite takes some", () => {
  const there = [...Deno.readDirSync(new URL("tests/suites/", root))].map(({ name }) => name);
  const taken = new Set(testFiles().map(suiteOf));
  assert(testFiles().length > 100);
  const loading = there.flatMap((name) => /^(.*)_test\.ts$/.exec(name)?.[1] ?? []);
  noneMissing("tests/suites/suites.ts", loading.filter((suite) => !taken.has(suite)));
  noneMissing("tests/suites/", [...taken, ...Object.keys(suites)].filter((suite) => !loading.includes(suite)));
});
