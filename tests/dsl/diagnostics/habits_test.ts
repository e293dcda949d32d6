// Is the table of first words right in today's language? What a cure calls exists, and no word of the table is one of ours.
import { assertEquals } from "@std/assert";
import { builtins, constants } from "../../../dsl/builtins/builtins.ts";
import { estimatorArguments } from "../../../dsl/world/loop.ts";
import { allHabits } from "../../../dsl/diagnostics/habits.ts";
import { parseProgram } from "../../../dsl/parse/parse.ts";
import { libraryFiles } from "../../../dsl/prelude/library.ts";

const library = libraryFiles.flatMap((source) => parseProgram(source).program.items);
const named = (...kinds: readonly string[]) =>
  library.filter((item) => kinds.includes(item.kind)).flatMap((item) => "name" in item ? [item.name.name] : []);
const known = new Set([
  ...builtins.keys(),
  ...named("Function", "Model", "Optimizer"),
  ...Object.keys(estimatorArguments),
]);

/** What a program defines itself: models and layers by names that the cures give them. */
const own = ["net", "l1", "f", "drop"];

Deno.test("what the cures of other languages' words call exists", () => {
  const missing = allHabits().flatMap(({ word, cure }) =>
    [...cure.matchAll(/`([^`]*)`/g)].flatMap(([, code]) =>
      [...code!.matchAll(/([A-Za-z_]\w*)\(/g)].map(([, callee]) => callee!).filter((callee) =>
        !known.has(callee) && !own.includes(callee)
      ).map((callee) => `${word}: ${callee}`)
    )
  );
  assertEquals(missing, []);
});

Deno.test("no word of the table is one that is known in its place", () => {
  const places: Readonly<Record<string, ReadonlySet<string>>> = {
    call: new Set([...builtins.keys(), ...named("Function")]),
    value: new Set(constants.keys()),
    rule: new Set(named("Optimizer")),
    layer: new Set(named("Model")),
    estimator: new Set(Object.keys(estimatorArguments)),
  };
  assertEquals(allHabits().filter(({ place, word }) => places[place]?.has(word)).map(({ word }) => word), []);
});
