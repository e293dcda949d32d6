// Is docs/how_it_works.md true? Every path in it exists, every function stands in its file and is called when the journeys' program
// runs, and each journey goes through every room once or the page says why not.
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { main } from "../../meta.ts";
import { capturedConsole } from "../cli/captured_console.ts";
import { functionsCalled } from "../work.ts";
import { blocksOf } from "./blocks.ts";

const root = new URL("../../", import.meta.url);
const page = Deno.readTextFileSync(new URL("docs/how_it_works.md", root));

/** All files and folders of the tree that the page may name, folders with a slash at their end. */
function* pathsIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    if (name.startsWith(".") || name === "node_modules") continue;
    const path = folder + name + (isDirectory ? "/" : "");
    yield path;
    if (isDirectory) yield* pathsIn(path);
  }
}

const tops = ["dsl/", "runtime/", "draw/", "api/", "cli/"];
const paths = [
  ...tops,
  ...["dsl/", "runtime/", "draw/", "api/", "cli/", "tests/", "docs/", "examples/", "bench/"].flatMap((top) => [
    top,
    ...pathsIn(top),
  ]),
];
const rooms = new Set(
  paths.filter((path) => /\.(ts|meta)$/.test(path) && tops.some((top) => path.startsWith(top)))
    .map((path) => path.slice(0, path.lastIndexOf("/") + 1)),
);

/** A journey: its steps, each through one room, and the rooms that it leaves out. */
interface Journey {
  readonly title: string;
  readonly steps: readonly {
    readonly room: string;
    readonly names: readonly (readonly [name: string, file: string])[];
  }[];
  readonly left: readonly string[];
}

/** `name` (`file`), the file without its room. */
const namesIn = (text: string) => [...text.matchAll(/`(\w+)`\s+\(`([\w./]+)`\)/g)].map(([, a, b]) => [a!, b!] as const);

function journeysOf(text: string): Journey[] {
  const chapter = text.slice(text.indexOf("## Three journeys"), text.indexOf("## Where truth comes from"));
  return chapter.split(/^### /m).slice(1).map((journey) => {
    const items = journey.split(/\n(?=\d+\. |- |\n)/).map((item) => item.trim());
    const steps = items.flatMap((item) => {
      const [, room] = /^\d+\. \*\*`([^`]+)`\*\*: /.exec(item) ?? [];
      return room === undefined ? [] : [{ room, names: namesIn(item) }];
    });
    const left = items.flatMap((item) =>
      item.startsWith("- ")
        ? [...item.slice(0, item.indexOf(": ")).matchAll(/`([^`]+)`/g)].map(([, room]) => room!)
        : []
    );
    return { title: journey.slice(0, journey.indexOf("\n")), steps, left };
  });
}

/** Whether a file defines a name: a function, a type, a class, or a definition of the library. */
const defines = (text: string, name: string) =>
  new RegExp(`\\b(function\\*?|class|interface|type|const|fn|model|optimizer) ${name}\\b`).test(text);

/** Whether the name is of something that can be called. */
const isCalled = (text: string, name: string) => new RegExp(`\\b(function\\*?|class) ${name}\\b`).test(text);

const journeys = journeysOf(page);

Deno.test("every path in docs/how_it_works.md exists", () => {
  const named = [...page.matchAll(/`([\w./*-]+(?:\.ts|\.meta|\/))`|\b(docs\/[\w/]+\.md)/g)].map(([, a, b]) => a ?? b!);
  assert(named.length > 60, `${named.length}`);
  const missing = named.filter((path) => {
    const pattern = new RegExp(`(^|/)${path.replaceAll(".", "\\.").replaceAll("*", "[^/]*")}$`);
    return !paths.some((known) => pattern.test(known));
  });
  assertEquals(missing, []);
});

Deno.test("every decision that docs/how_it_works.md names exists", () => {
  const decisions = paths.filter((path) => path.startsWith("docs/decisions/"));
  for (const [, number] of page.matchAll(/docs\/decisions\/(\d{4})/g)) {
    assert(decisions.some((path) => path.startsWith(`docs/decisions/${number}-`)), number);
  }
});

Deno.test("each journey goes through every room once, or says why not", () => {
  assertEquals(journeys.length, 3);
  for (const { title, steps, left } of journeys) {
    assertEquals([...steps.map((step) => step.room), ...left].sort(), [...rooms].sort(), title);
    for (const { room, names } of steps) assert(names.length > 0, `${title}: nothing is named in ${room}`);
  }
});

Deno.test("what a journey names stands in its room, and is called when its program runs", async () => {
  const blocks = blocksOf(page.slice(page.indexOf("## Three journeys")));
  const [program, printed, said] = blocks.filter(({ kind }) => kind === "meta" || kind === "text").map((b) => b.text);
  const folder = Deno.makeTempDirSync();
  const file = join(folder, "program.meta");
  const run = async (text: string) => {
    Deno.writeTextFileSync(file, text);
    const console = capturedConsole({ width: 100 });
    await main([file], console);
    return console.written;
  };
  let called = new Set<string>();
  try {
    called = await functionsCalled(async () => {
      assertEquals((await run(program!)).out.trim(), printed!.trim());
      assertEquals((await run(program!.replace("[1, 1]", "[2, 1]"))).err.trim(), said!.trim());
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  for (const { title, steps } of journeys) {
    for (const { room, names } of steps) {
      for (const [name, path] of names) {
        const text = Deno.readTextFileSync(new URL(room + path, root));
        assert(defines(text, name), `${title}: ${room}${path} has no ${name}`);
        assert(
          !isCalled(text, name) || called.has(`${root.href}${room}${path} ${name}`),
          `${title}: ${name} is not called`,
        );
      }
    }
  }
});

// after the journeys, which see what is made once in a process
Deno.test("what docs/how_it_works.md shows of examples/toy.meta is printed", async () => {
  const stages = page.slice(page.indexOf("## 1. "), page.indexOf("## Three journeys"));
  const printed = new Set<string>();
  for (const stage of ["checked", "ir", "plan"]) {
    const console = capturedConsole({ width: 100 });
    await main([new URL("examples/toy.meta", root).pathname, "--emit", stage], console);
    for (const line of console.written.out.split("\n")) printed.add(line.trim());
  }
  const shown = blocksOf(stages).flatMap(({ text }) => text.split("\n")).map((line) => line.trim());
  const whole = shown.filter((line) => line !== "…" && line !== "");
  assert(whole.length > 20);
  assertEquals(whole.filter((line) => ![...printed].some((p) => matches(line, p))), []);
});

/** Whether a line as it is shown, with `…` for what is left out, is a printed one. */
function matches(shown: string, printed: string): boolean {
  const [start, end] = shown.split("…");
  return end === undefined ? shown === printed : printed.startsWith(start!.trim());
}
