// Do loops whose step does not read what they evolve give the right values and derivatives? Closed forms: such a rule forgets where it
// stood, and so does the derivative of an implicit one from any start.
import { assertAlmostEquals, assertThrows } from "@std/assert";
import { compile, CompileError } from "../../mod.ts";

const backends = ["reference", "wasm"] as const;
const jump = `edition 1
precision f64
param k = 0.4
param w = 0.3
optimizer jump(a) { p' = a - g }
`;

for (const backend of backends) {
  Deno.test(`${backend}: a rule that does not read p, by the loss's gradient alone`, async () => {
    for (const through of ["", "through forward()", "through unroll(window = 2)"]) {
      const source = `${jump}
inner fit { minimize 3 * w * k over w by jump(a = 1) for T = 3 steps ${through} }
gradient w@T wrt k, fit.a
record w@*`;
      const run = await compile(source).run({ backend });
      // w@T = a - 3 k
      assertAlmostEquals(run.value(), 1 - 3 * 0.4, 1e-15);
      assertAlmostEquals(run.gradient("k").data[0]!, -3, 1e-15);
      assertAlmostEquals(run.gradient("fit.a").data[0]!, 1, 1e-15);
    }
  });

  Deno.test(`${backend}: a rule that reads p through the gradient alone, across tasks`, async () => {
    const source = `${jump}
task p { split s { c : [] ~ uniform(1, 2) } }
inner fit { minimize 0.5 * s.c * (w - k)^2 over w by jump(a = 1) for T = 1 steps }
gradient w@T across 4 p wrt k, w@0`;
    const run = await compile(source).run({ backend });
    // w@1 = 1 - c (w@0 - k): both slopes are the mean of c
    const slope = run.gradient("k").data[0]!;
    assertAlmostEquals(run.value(), 1 - slope * (0.3 - 0.4), 1e-14);
    assertAlmostEquals(run.gradient("w@0").data[0]!, -slope, 1e-14);
  });

  Deno.test(`${backend}: a rule that reads nothing at all`, async () => {
    const source = `edition 1
precision f64
param k = 0.5
optimizer heavy_ball(lr, mu = 0.9) { state v = 0  v' = mu * v + g  p' = 2 - -1 }
param w = 4
inner fit { minimize (w - 1)^2 over w by heavy_ball(lr = 0.1) for T = 4 steps }
gradient (w@T - k)^2 + sum(w@t for t in 0 .. 2) wrt k`;
    const run = await compile(source).run({ backend });
    assertAlmostEquals(run.value(), 2.5 ** 2 + 4 + 3 + 3, 1e-14);
    assertAlmostEquals(run.gradient("k").data[0]!, -2 * 2.5, 1e-14);
    assertThrows(
      () => compile(source.replace(/wrt k$/, "wrt fit.lr")),
      CompileError,
      "`fit.lr` cannot influence",
    );
  });

  Deno.test(`${backend}: an implicit loop that is differentiated as a fixed point, from a start that is not 0`, async () => {
    const source = `edition 1
precision f64
param w = 0.3
param k = 0.4
inner fit {
  minimize (w - k)^2 over w by sgd(lr = 0.25) for T = 20 steps
  through implicit(solver = fixed_point, iterations = 60)
}
gradient (w@T - 1)^2 wrt k`;
    const run = await compile(source).run({ backend });
    // w' = (w + k) / 2, so w@20 = k - 0.1 / 2^20; the fixed point moves as k does, to 2^-60
    const end = 0.4 - 0.1 * 2 ** -20;
    assertAlmostEquals(run.value(), (end - 1) ** 2, 1e-15);
    assertAlmostEquals(run.gradient("k").data[0]!, 2 * (end - 1), 1e-14);
  });
}
