// Does a function that is given a model of some time read that time? Against the same expressions written out, and a closed form.
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";

const program = (penalty: string, more: string) =>
  `edition 1
  precision f64
  data d { x : [2] = [1, 2] }
  model part(x : [n]) -> [n] { W = 2.0  return x * W }
  model net(x : [n]) -> [n] { use inside = part  return inside(x) }
  fn apart(a, b) = sum((a(d.x) - b(d.x))^2) / 5
  fn between(a, b) = (a.inside.W - b.inside.W)^2
  fn parts(a, b) = apart(a.inside, b.inside)
  fn handed(f, g) = apart(f, g)
  fn loss(m) = mean((m(d.x) - 3)^2)
  inner fit {
    minimize (net.inside.W - 3)^2 + 0 * sum(net(d.x)) + 0.5 * ${penalty}
    over net by sgd(lr = 0.25) for T = 2 steps
  }
  ${more}`;

for (
  const penalty of [
    "sum((net(d.x) - net@0(d.x))^2) / 5",
    "apart(net, net@0)",
    "between(net, net@0)",
    "parts(net, net@0)",
    "handed(net, net@0)",
    "between(net@0, net)",
  ]
) {
  Deno.test(`the distance to where a loop starts: ${penalty}`, async () => {
    const run = await compile(program(penalty, "gradient net.inside.W@T wrt net.inside.W@0")).run();
    // w1 = 2 - 0.25 (-2) = 2.5, w2 = 2.5 - 0.25 (-1 + 0.5); slopes 1 - 0.5 = 0.5, then 0.5 - 0.25 (1 + 0.5 - 1)
    assertAlmostEquals(run.value(), 2.625, 1e-14);
    assertAlmostEquals(run.gradient("net.inside.W@0").data[0]!, 0.375, 1e-14);
  });
}

Deno.test("functions of the model at the end, at every time, and of two times", async () => {
  const asked = (value: string) => compile(program("0", `gradient ${value} wrt net.inside.W@0, fit.lr`)).run();
  for (
    const [called, written] of [
      ["loss(net@T)", "mean((net@T(d.x) - 3)^2)"],
      ["mean(loss(net@t) for t in 0 .. T)", "mean(mean((net@t(d.x) - 3)^2) for t in 0 .. T)"],
      [
        "apart(net@T, net@1) + between(net@0, net@T)",
        "2 * 0.1 * sum((net@T(d.x) - net@1(d.x))^2) + " +
        "sum((net@0(d.x) - net@T(d.x))^2) / 5",
      ],
    ] as const
  ) {
    const [found, right] = [await asked(called), await asked(written)];
    assertAlmostEquals(found.value(), right.value(), 1e-14, called);
    for (const name of ["net.inside.W@0", "fit.lr"]) {
      assertAlmostEquals(found.gradient(name).data[0]!, right.gradient(name).data[0]!, 1e-13, `${called}, ${name}`);
    }
  }
  // w1 = 2.5, w2 = 2.75 without the penalty
  assertEquals((await asked("between(net@T, net@1)")).value(), 0.0625);
});
