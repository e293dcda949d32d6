// What becomes of an error that nobody foresaw? A bug in the tool, with its stack and its place, and exit code 3: never a wrong use.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { builtins } from "../../dsl/builtins/builtins.ts";
import { compile, InternalError } from "../../mod.ts";
import { main } from "../../meta.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { asOwnError, MetaRuntimeError, UseError } from "../../runtime/errors.ts";
import { gradientProgram, quadraticProgram, settings } from "../loop/quadratic_program.ts";
import { capturedConsole } from "./captured_console.ts";

const program = `edition 1
param a = 0.5
gradient tanh(a) wrt a
`;

/** As if `tanh` had a fault of ours in it. */
async function withFault<T>(thrown: unknown, work: () => T | Promise<T>): Promise<T> {
  const table = builtins as Map<string, typeof tanh>;
  const tanh = builtins.get("tanh")!;
  const apply = () => {
    throw thrown;
  };
  table.set("tanh", { ...tanh, apply });
  try {
    return await work();
  } finally {
    table.set("tanh", tanh);
  }
}

/** Runs the command line on the program, in a folder of its own. */
async function command(...args: string[]): Promise<{ code: number; err: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/faulty.meta`, program);
    const console = capturedConsole();
    const code = await main([...args, `${folder}/faulty.meta`], console);
    return { code, err: console.written.err };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (
  const thrown of [
    new TypeError("Cannot read properties of undefined (reading 'span')"),
    new RangeError("Maximum call stack size exceeded"),
    new InternalError("A shape was lost"),
    "a word",
  ]
) {
  Deno.test(`every verb ends with 3 and says where a bug was met: ${thrown}`, async () => {
    for (const args of [[], ["check"], ["explain"], ["verify"]]) {
      const { code, err } = await withFault(thrown, () => command(...args));
      assertEquals(code, 3, args.join());
      assert(err.includes("This is a bug in the tool, not in your program"), err);
      assert(err.includes(thrown instanceof Error ? thrown.message : thrown), err);
      assert(err.split("\n").some((line) => line.startsWith("    at ")), err);
      if (!(thrown instanceof InternalError)) assert(err.includes("near faulty.meta:3:10"), err);
    }
  });
}

Deno.test("wrong use still ends with 2", async () => {
  for (const args of [["--backend", "abacus"], ["--threads", "0"]]) assertEquals((await command(...args)).code, 2);
});

Deno.test("compile() throws an InternalError for a bug, with what was thrown as its cause", async () => {
  const thrown = new TypeError("undefined is not a function");
  const error = await withFault(thrown, () => assertThrows(() => compile(program), InternalError));
  assertEquals([error.cause, error.stack], [thrown, thrown.stack]);
});

Deno.test("runProgram() names the function that a bug was met in, and leaves alone what the caller throws", async () => {
  const quadratic = quadraticProgram(settings, { gradients: [gradientProgram(settings)] });
  const faulty = {
    ...referenceBackend,
    compile: () => {
      throw new RangeError("Invalid count value: -1");
    },
  };
  const bug = await assertRejects(
    () => runProgram(quadratic, faulty),
    InternalError,
    "RangeError: Invalid count value",
  );
  assert(/, in `\w+/.test(bug.message), bug.message);
  const own = new RangeError("mine");
  const report = () => {
    throw own;
  };
  assertEquals(await assertRejects(() => runProgram(quadratic, referenceBackend, { report })), own);
});

Deno.test("asOwnError() keeps errors of ours, and takes memory that cannot be had as a failure of the run", () => {
  for (const own of [new UseError("x"), new MetaRuntimeError("x"), new InternalError("x")]) {
    assertEquals(asOwnError(own), own);
  }
  assert(asOwnError(new RangeError("Array buffer allocation failed")) instanceof MetaRuntimeError);
  assert(new UseError("x") instanceof RangeError);
});
