// Is the front page true? Its chapters stand in their order, the program prints what it says, the error is what is said, and each
// number in it stands where it was measured or counted.
import { assert, assertEquals } from "@std/assert";
import { main } from "../../meta.ts";
import { libraryFiles } from "../../dsl/prelude/library.ts";
import { compileProgram } from "../../dsl/compile.ts";
import { renderDiagnostics } from "../../dsl/diagnostics/render.ts";
import { parseProgram } from "../../dsl/parse/parse.ts";
import { solvers } from "../../dsl/world/loop.ts";
import { capturedConsole } from "../cli/captured_console.ts";
import { thorough } from "../thorough.ts";
import { blocksOf } from "./blocks.ts";

const root = new URL("../../", import.meta.url);
const read = (file: string) => Deno.readTextFileSync(new URL(file, root));
const readme = read("README.md");

/** The text of a chapter. */
const chapter = (title: string) => readme.slice(readme.indexOf(`## ${title}\n`)).split(/\n(?=## )/)[0]!;

Deno.test("README has its chapters in their order, and a link to each page of docs/", () => {
  assertEquals(
    [...readme.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title),
    ["meta", "A program", "From nothing to a result", "What works, and what does not", "A number", "More"],
  );
  for (const { name, isFile } of Deno.readDirSync(new URL("docs/", root))) {
    if (isFile) assert(chapter("More").includes(`\`docs/${name}\``), `docs/${name} is not in the list`);
  }
});

Deno.test("README shows what examples/toy.meta prints", async () => {
  const console = capturedConsole({ width: 100 });
  assertEquals(await main([new URL("examples/toy.meta", root).pathname], console), 0);
  const shown = blocksOf(readme).map(({ text }) => text);
  assert(shown.includes(console.written.out), console.written.out);
});

Deno.test("README goes from nothing to a result in commands that print what it shows", async () => {
  const text = chapter("From nothing to a result");
  const commands = [...text.matchAll(/^ {4}deno run -A meta\.ts (.*)$/gm)].map(([, words]) => words!.split(" "));
  const shown = blocksOf(text).map(({ text }) => text);
  assertEquals(commands.map(([verb]) => verb), ["new", "run", "report"]);
  const folder = Deno.makeTempDirSync();
  try {
    // all of it takes a minute, and is run where much is looked at
    for (const [i, words] of commands.slice(0, thorough ? undefined : 1).entries()) {
      const console = capturedConsole({ width: 100 });
      assertEquals(
        await main(words.map((word) => word.startsWith("letters") ? `${folder}/${word}` : word), console),
        0,
      );
      const timeless = (text: string) => text.replace(/ in [\d.]+ (min \d+ )?s,| [\d.]+ kB$/gm, " …");
      assertEquals(timeless(console.written.out.replaceAll(`${folder}/`, "")), timeless(shown[i]!));
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

/** A program whose twelfth line is that of the error on the page. */
const sinusoid = `edition 1
input K : int = 10
task sinusoid {
  amplitude ~ uniform(0.1, 5)
  split support { x : [K, 1] ~ uniform(-5, 5)   y = amplitude * sin(x) }
}
model mlp(x : [n, 1]) -> [n, 1] {
  W0 : [1, 40]  ~ glorot()
  W1 : [1, 40]  ~ glorot()
  W2 : [40, 1]  ~ glorot()
  let h = tanh(dot(x, W0))
  return dot(h, W1)
}
inner adapt {
  minimize mse(mlp(support.x), support.y)
  over mlp by sgd(lr = 0.01) for T = 5 steps
}
outer train { minimize adapt.loss@T across 25 sinusoid over mlp@0 by adam(lr = 1e-3) for 100 steps }
`;

Deno.test("README shows an error as it is printed", () => {
  const { diagnostics, sources } = compileProgram({
    root: { name: "sinusoid.meta", text: sinusoid },
    readSource: () => undefined,
    readData: () => undefined,
  });
  const said = renderDiagnostics(diagnostics, sources).trim();
  assertEquals(blocksOf(readme).find(({ text }) => text.startsWith("error["))?.text.trim(), said);
});

Deno.test("every number in README is one of docs/numbers.md, and what it counts is so many", () => {
  const measured = read("docs/numbers.md");
  const numbers = [...chapter("A number").matchAll(/\d+\.\d+/g)].map(([text]) => text);
  assert(numbers.length >= 6, numbers.join());
  for (const number of numbers) assert(new RegExp(`\\b${number.replace(".", "\\.")}\\b`).test(measured), number);
  const rules = libraryFiles.flatMap((file) => parseProgram(file).program.items).filter((i) => i.kind === "Optimizer");
  assertEquals(Number(/(\d+) optimizers/.exec(readme)?.[1]), rules.length);
  const words = ["four", "five", "six", "seven", "eight", "nine"];
  assertEquals(words.indexOf(/by (\w+) solvers/.exec(readme)?.[1] ?? "") + 4, solvers.length);
});
