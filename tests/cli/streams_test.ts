// What becomes of a run whose output cannot be written? It goes on, its folder is complete, and what could not be said is named where there
// is still a place.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type ByteStream, processConsole } from "../../cli/console.ts";
import { main } from "../../meta.ts";
import { parseMetrics } from "../../runtime/record/metrics.ts";
import { thorough } from "../thorough.ts";
import { temporaryFolder } from "./left_folder.ts";
import { systemErrors } from "./odd_disks.ts";
import { training, wrong } from "./programs.ts";

const metaFile = new URL("../../meta.ts", import.meta.url).pathname;

/** A stream that fails from its write number `from` on, as if there was never another one. */
function streamUntil(from: number, error: () => Error = systemErrors.ENOSPC!) {
  let writes = 0;
  let text = "";
  const stream: ByteStream = {
    isTerminal: () => false,
    writeSync(bytes) {
      if (++writes >= from) throw error();
      // it takes no more than 100 bytes at once
      const part = bytes.subarray(0, 100);
      text += new TextDecoder().decode(part);
      return part.length;
    },
  };
  return { stream, text: () => text };
}

async function run(args: readonly string[], out: ByteStream, err: ByteStream, program = training(3)) {
  const folder = temporaryFolder();
  try {
    Deno.writeTextFileSync(`${folder}/t.meta`, program);
    const code = await main([`${folder}/t.meta`, "--out", `${folder}/run`, ...args], processConsole(out, err));
    let outcome: string | undefined;
    try {
      outcome = JSON.parse(Deno.readTextFileSync(`${folder}/run/summary.json`)).outcome;
    } catch {
      // it did not run
    }
    return { code, outcome };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const gone = () => new Deno.errors.BrokenPipe("Broken pipe (os error 32)");

Deno.test("results that cannot be printed are named on standard error, the run ends with 3, and its folder is complete", async () => {
  for (const [error, says] of [[systemErrors.ENOSPC!, "the disk is full"], [gone, "who reads it has gone"]] as const) {
    for (const [from, args] of [[1, []], [3, ["--json"]]] as const) {
      const [out, err] = [streamUntil(from, error), streamUntil(Infinity)];
      assertEquals(await run(args, out.stream, err.stream), { code: 3, outcome: "done" });
      assertStringIncludes(err.text(), `Cannot write \`standard output\`: ${says}: not all results were printed`);
      assertEquals(err.text().match(/not all results/g)!.length, 1);
    }
  }
});

Deno.test("progress that cannot be written is lost, and that is said among the results", async () => {
  const [out, err] = [streamUntil(Infinity), streamUntil(2, gone)];
  assertEquals(await run([], out.stream, err.stream), { code: 0, outcome: "done" });
  assertStringIncludes(out.text(), "evaluate held_out");
  assertStringIncludes(out.text(), "warning: Cannot write `standard error`: who reads it has gone");
  // with --json nothing is said there
  const json = streamUntil(Infinity);
  assertEquals((await run(["--json"], json.stream, streamUntil(1).stream)).code, 0);
  assertEquals(parseMetrics(json.text()).filter(({ kind }) => kind === "warning"), []);
});

Deno.test("an error that standard error does not take stands among the results", async () => {
  const out = streamUntil(Infinity);
  assertEquals(await run([], out.stream, streamUntil(1).stream, wrong), { code: 1, outcome: undefined });
  assertStringIncludes(out.text(), "error[M");
  assertStringIncludes(out.text(), "lime");
});

Deno.test("where no stream takes anything a run goes on, and its folder is complete", async () => {
  for (const args of [[], ["--json"]]) {
    assertEquals(await run(args, streamUntil(1).stream, streamUntil(1, gone).stream), { code: 3, outcome: "done" });
  }
});

Deno.test("a pipe that takes nothing just now is waited for", async () => {
  let text = "";
  let tries = 0;
  const stream: ByteStream = {
    isTerminal: () => false,
    writeSync(bytes) {
      if (tries++ % 2 === 0) throw new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)");
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  };
  assertEquals((await run([], stream, streamUntil(Infinity).stream)).code, 0);
  assertStringIncludes(text, "evaluate held_out");
});

/** Redirections of a shell, and the exit code of the command line behind them. */
const redirections: readonly (readonly [string, number])[] = [
  ["> /dev/full 2> /dev/full", 3],
  ["| head -1 > /dev/null", 3],
  ["> /dev/full", 3],
  ["2> /dev/full", 0],
  // the system itself puts something in the place of a closed stream
  [">&- 2>&-", 0],
];

Deno.test({
  name: "a process whose streams are closed, full, or read no further comes to its end",
  ignore: Deno.build.os === "windows" || !thorough,
  fn: async () => {
    const folder = temporaryFolder();
    try {
      // so much that a pipe does not hold it
      Deno.writeTextFileSync(`${folder}/t.meta`, training(2000));
      for (const [where, wanted] of redirections) {
        const run = `${folder}/run${redirections.findIndex(([other]) => other === where)}`;
        const [before, pipe = ""] = where.startsWith("|") ? ["", where] : [where];
        const line = `{ "$0" run -A --no-check "$1" "$2" --json --out "$3" ${before}; echo $? > "$3.code"; } ${pipe}`;
        const args = ["-c", line, Deno.execPath(), metaFile, `${folder}/t.meta`, run];
        await new Deno.Command("sh", { args, stdout: "null", stderr: "null" }).output();
        assertEquals(Number(Deno.readTextFileSync(`${run}.code`)), wanted, where);
        assertEquals(JSON.parse(Deno.readTextFileSync(`${run}/summary.json`)).outcome, "done", where);
        // of what is recorded often the log has few lines, and the last ones
        assertEquals(parseMetrics(Deno.readTextFileSync(`${run}/metrics.jsonl`)).at(-1)!.kind, "finished", where);
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
