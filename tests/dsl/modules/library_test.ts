// Is what a program reads of the library what stands there? An item is read when it is first asked for.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { functionsCalled } from "../../work.ts";
import { compileProgram } from "../../../dsl/compile.ts";
import { definitionsIn } from "../../../dsl/parse/definitions.ts";
import { loadModules, nameOf } from "../../../dsl/modules/modules.ts";
import { DiagnosticSink } from "../../../dsl/diagnostics/diagnostic.ts";
import { usualLimits } from "../../../runtime/limits.ts";

const load = () =>
  loadModules({ name: "a.meta", text: "edition 1\n" }, () => undefined, new DiagnosticSink(usualLimits), usualLimits);

// the first of its process: what was read stays read
Deno.test("a program reads of the library what it uses", async () => {
  const text = `edition 1
    param w = 1
    inner fit { minimize relu(w)  over w by sgd(lr = 0.1)  for T = 2 steps }
    override fit { momentum = 0.5 }
    gradient w@T wrt fit.lr`;
  const { program } = compileProgram({
    root: { name: "a.meta", text },
    readSource: () => undefined,
    readData: () => undefined,
  });
  assert(program);
  const items = load().library.flatMap(({ own }) => [...own.values()]);
  const read: string[] = [];
  for (const definition of items) {
    const called = await functionsCalled(() => void definition.item);
    if (![...called].some((name) => name.endsWith(" itemIn"))) read.push(definition.name);
  }
  assertEquals(read, ["relu", "sgd"]);
});

Deno.test("each item of the library is the one that stands in its file, with its places and its documentation", () => {
  for (const { own, program } of load().library) {
    const named = program.items.filter((item) => nameOf(item) !== undefined);
    assertEquals([...own.values()].map(({ item }) => item), named);
    assertEquals([...own.keys()], named.map((item) => nameOf(item)!.name));
  }
});

Deno.test("a definition is read when it is asked for, once", () => {
  const [right, wrong] = definitionsIn({
    name: "std/a.meta",
    text: "edition 1\nfn f(x) = x\n/// Wrong.\nfn g(x) = )\n",
  });
  assertEquals(right!.item(), right!.item());
  assertThrows(() => wrong!.item(), Error, "std/a.meta");
});
