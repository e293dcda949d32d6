// Is a name that nothing defines said wherever an expression stands? Also where nothing is run, as in a file that is imported.
import { assertEquals } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";

const root = `edition 1
import w from "parts.meta"
gradient w^2 wrt w
`;

/** A file in which every clause and item with an expression has a name in it, `ok`, and one of them another. */
const parts = `edition 1
let ok = 2
param w = 1
data d { x : [2] = [1, 2] }
task wave { A ~ normal(0, ok)  split support { x : [2] ~ normal(0, ok) } }
inner start { minimize (w - 1)^2  over w  by sgd(lr = ok / 20)  for ok steps }
inner fit {
  minimize mean(w * d.x - ok)^2
  over     w
  by       sgd(lr = ok / 20)
  for      T = ok steps
  batch    ok of d
  clip     norm ok
  from     start@T
  through  unroll(window = ok)
}
outer train {
  minimize mean(w@T * support.x)
  over     fit.lr
  by       sgd(lr = ok / 20)
  for      ok steps
  across   ok wave
}
override start { lr = ok / 40 in 0 .. ok }
gradient w@T wrt start.lr across ok wave expect { value = ok within ok }
evaluate test { report w@t * ok at t in ok - 2 .. ok  across ok wave  every ok steps of train  for ok steps }
record w@* every ok steps of task ok
`;

const places = [...parts.matchAll(/\bok\b(?! = 2)/g)].map((m) => m.index);

for (const place of [...places, parts.indexOf("start@T")]) {
  const line = parts.slice(0, place).split("\n").length;
  const column = place - parts.lastIndexOf("\n", place);
  Deno.test(`a name that nothing defines is said where nothing runs: line ${line}, column ${column}`, () => {
    const text = `${parts.slice(0, place)}nosuch${parts.slice(place).replace(/^\w+/, "")}`;
    const { diagnostics } = compileProgram({
      root: { name: "program.meta", text: root },
      readSource: () => text,
      readData: () => undefined,
    });
    const said = diagnostics.filter((d) => d.severity === "error");
    assertEquals(said.map((d) => d.title), ["There is no `nosuch`"]);
    assertEquals(said[0]!.primary.span.start, place);
  });
}

Deno.test("what a file that is imported calls the steps of its loops is known in its items, whatever the root file calls its own", () => {
  const imported = `edition 1
param w = 4
inner fit { minimize w^2   over w   by sgd(lr = 0.1)   for S = 3 steps }
outer learn { minimize mean(fit.loss@t for t in 0 .. S)   over fit.lr   by sgd(lr = 0.1)   for N = 2 steps }
evaluate end { report mean(fit.loss@t for t in 0 .. S) * (1 - learn.t / N) }
gradient w@S wrt fit.lr
`;
  const { diagnostics } = compileProgram({
    root: {
      name: "program.meta",
      text: 'edition 1\nimport w from "parts.meta"\ninner go { minimize w   over w   by sgd(lr = 1)   for 1 steps }\n',
    },
    readSource: () => imported,
    readData: () => undefined,
  });
  assertEquals(diagnostics.map((d) => d.title), []);
});
