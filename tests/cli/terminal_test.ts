// How does what is said stand in a terminal? Titles, notes and hints are broken between words; a pipe and a terminal that calls itself dumb
// get plain lines.
import { assert, assertEquals } from "@std/assert";
import { check, renderDiagnostics } from "../../mod.ts";
import { processConsole } from "../../cli/console.ts";
import { displayWidth } from "../../dsl/text/display_width.ts";
import { main } from "../../meta.ts";
import { capturedConsole } from "./captured_console.ts";
import { training } from "./programs.ts";

const wrong = Deno.readTextFileSync(new URL("../programs/bad/through_implicit_decay.meta", import.meta.url));
const sources = new Map([["program.meta", { name: "program.meta", text: wrong }]]);
const said = /^(error|warning|note|hint)\b/;

/** What is said beside the excerpts, each in one line. */
function sentences(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    if (said.test(line)) lines.push(line);
    else if (/^ {2}\S/.test(line) && lines.length > 0 && !/^ +[┌├│┆]|^ *\d+ │/.test(line)) {
      lines[lines.length - 1] += ` ${line.trim()}`;
    }
  }
  return lines;
}

Deno.test("titles, notes and hints are broken between words at the width of a terminal, and nowhere else", () => {
  const diagnostics = check(wrong);
  const whole = renderDiagnostics(diagnostics, sources);
  assert(whole.split("\n").some((line) => said.test(line) && displayWidth(line) > 80), whole);
  for (const width of [60, 80, 120]) {
    for (const color of [false, true]) {
      // deno-lint-ignore no-control-regex
      const text = renderDiagnostics(diagnostics, sources, { width, color }).replaceAll(/\x1b\[\d+m/g, "");
      const long = text.split("\n").filter((line) => displayWidth(line) > width && !/^ +[┌├│┆\d]|^ *\d+ │/.test(line));
      assertEquals(long, []);
      assertEquals(sentences(text), whole.split("\n").filter((line) => said.test(line)));
    }
  }
});

Deno.test("check breaks titles on a terminal of its width, and not in a pipe", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/program.meta`, wrong);
    const widest = async (terminal: boolean) => {
      const console = capturedConsole({ terminal, width: 60 });
      assertEquals(await main(["check", `${folder}/program.meta`], console), 1);
      return Math.max(...console.written.err.split("\n").filter((line) => said.test(line)).map(displayWidth));
    };
    assert(await widest(true) <= 60);
    assert(await widest(false) > 80);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a terminal that calls itself dumb gets plain lines, as a pipe does", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/t.meta`, training(5));
    const written = async (isTerminal: boolean, term: string | undefined) => {
      let text = "";
      const stream = {
        isTerminal: () => isTerminal,
        writeSync: (bytes: Uint8Array) => (text += new TextDecoder().decode(bytes), bytes.length),
      };
      assertEquals(await main([`${folder}/t.meta`], processConsole(stream, stream, term)), 0);
      return text.includes("\u001b");
    };
    assertEquals([
      await written(true, "xterm-256color"),
      await written(true, undefined),
      await written(true, "dumb"),
      await written(false, "xterm-256color"),
    ], [true, true, false, false]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
