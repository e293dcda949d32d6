// Does a test look at a clock? What a machine does besides must decide no test: work is counted (tests/work.ts), and what has to be
// waited for is waited for in one file.
import { assertEquals } from "@std/assert";

const clocks = /\bperformance\.\w|\bDate\b|\bTemporal\b|\bhrtime\b|\bconsole\.time/;
const waits = /\bset(Timeout|Interval)\b|\bAtomics\.wait|\bAbortSignal\.timeout\b|@std\/async|node:timers/;

/** Waits that cannot be avoided: for other threads, other processes, and later turns of the event loop. */
const waiting = "waits.ts";

const tests = new URL("../", import.meta.url);

function* sources(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (/\.tsx?$|\.js$/.test(name)) yield new URL(name, folder);
  }
}

/** Lines of code, not comments, in which something stands, by the file in which they do. */
function linesWith(what: RegExp): string[] {
  return [...sources(tests)].filter((file) => file.href !== import.meta.url).flatMap((file) => {
    const code = Deno.readTextFileSync(file).split("\n").filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line));
    const place = file.pathname.slice(tests.pathname.length);
    return code.filter((line) => what.test(line)).map((line) => `${place}: ${line.trim()}`);
  });
}

Deno.test("no test reads a clock", () => assertEquals(linesWith(clocks), []));

Deno.test("no test waits but for what cannot be had otherwise", () => {
  assertEquals(linesWith(waits).filter((line) => !line.startsWith(`${waiting}:`)), []);
});
