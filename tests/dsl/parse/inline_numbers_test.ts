// How many numbers may a text hold? At the limit they are read, beyond it the message says to use a file, before anything is
// read.
import { assert, assertEquals } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import { tooManyNumbers } from "../../../dsl/parse/inline_numbers.ts";
import { parseProgram } from "../../../dsl/parse/parse.ts";
import { chooseLimits, usualLimits } from "../../../runtime/limits.ts";

const most = usualLimits.numbers;

/** A list of ones that is `length` characters long, with blanks before its end where need be. */
function listOf(length: number): string {
  const count = Math.floor((length - 1) / 2);
  return `[${"1,".repeat(count - 1)}1${" ".repeat(length - 2 * count - 1)}]`;
}

Deno.test("lists of two megabytes are no reason to refuse a text, one character more is", () => {
  const program = (length: number) => ({ name: "p", text: `edition 1\nlet y = [1]\nlet x = ${listOf(length)}` });
  const short = "[1]\n".length;
  assertEquals(tooManyNumbers(program(most - short)), undefined);
  const source = program(most - short + 1);
  assertEquals(tooManyNumbers(source)?.at.start, source.text.indexOf("[1,"));
  const read = parseProgram(source);
  assertEquals(read.diagnostics.map((d) => [d.code, /`data d from "d.npy"/.test(String(d.hint))]), [["M0310", true]]);
  assertEquals(read.program.items.map((item) => item.kind), ["Edition", "Let", "Let"], "and nothing after it is read");
});

Deno.test("other texts of that length are not called numbers", () => {
  const text = "// nothing but words\n".repeat(most / 20);
  assertEquals(tooManyNumbers({ name: "p", text }), undefined);
});

Deno.test("numbers in a list are no work that unfolds", () => {
  // more than the evaluations that one function may take
  const limits = chooseLimits({ evaluations: 1000 });
  const list = listOf(2 * limits.evaluations + 2000);
  const count = list.split(",").length;
  const text = `edition 1\ndata d { x : [${count}] = ${list} }\nparam w = 1\ngradient w * mean(d.x) wrt w\n`;
  const out = compileProgram({
    root: { name: "p", text },
    readSource: () => undefined,
    readData: () => undefined,
    limits,
  });
  assertEquals(out.diagnostics, []);
  assert(out.program);
});
