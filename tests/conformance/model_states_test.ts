// Are states that models hold what PyTorch makes of batch norm: batch statistics in the calls that train, running ones in all others, and
// the same derivatives? The numbers were computed by batch_norm/peer.py. What a state is elsewhere stands in model_state_ways_test.ts.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import peer from "./batch_norm/values.json" with { type: "json" };

/** At most 400 numbers below 16 are summed up behind an entry, five steps long, each rounded by half a unit in the last place, and the
 *  roundings of a step go through factors up to 16 in all. */
function near(own: ArrayLike<number>, theirs: readonly number[], what: string): void {
  assertEquals(own.length, theirs.length, what);
  const most = Math.max(1, ...theirs.map(Math.abs));
  const close = 5 * 400 * 16 * 2 ** -53 * most;
  theirs.forEach((p, i) => assert(Math.abs(own[i]! - p) <= close, `${what}: ${own[i]}, not ${p}`));
}

const backends = ["reference", "wasm"] as const;
const shapeOf = (x: unknown): number[] => Array.isArray(x) ? [x.length, ...shapeOf(x[0])] : [];
const entry = (name: string, x: unknown) => `${name} : [${shapeOf(x).join(", ")}] = ${JSON.stringify(x)}`;

/** Running statistics through which no derivative goes. */
const cut = `model cut(x : [n, c]) {
      gain : [c] = 1
      bias : [c] = 0
      state average : [c] = 0
      state spread  : [c] = 1
      let m = where(training, mean(x, axis = 0), average)
      let v = where(training, mean((x - m)^2, axis = 0), spread)
      average' = 0.9 * average + 0.1 * stop_gradient(m)
      spread'  = 0.9 * spread + 0.1 * n / (n - 1) * stop_gradient(v)
      return (x - m) * gain / sqrt(v + 1e-5) + bias
    }`;

function program(given: { x: unknown; y: unknown; q: unknown; W: unknown; V: unknown }, norm: string, rule: string) {
  const image = shapeOf(given.x).length === 4;
  return `edition 1
    precision f64
    data d { ${entry("x", given.x)}  ${entry("y", given.y)} }
    data other { ${entry("q", given.q)} }
    ${norm === "cut" ? cut : ""}
    model net(x) {
      ${entry("W", given.W)}
      ${entry("V", given.V)}
      use after = ${norm}
      let h = ${image ? "convolve(x, W, padding = 1)" : "dot(x, W)"}
      return dot(reshape(tanh(after(h)), [size(x, 0), _]), V)
    }
    inner fit {
      minimize mse(net(d.x), d.y)
      over net
      ${rule}
    }
    `;
}

for (const row of peer.steps) {
  Deno.test(`batch_norm_running is nn.BatchNorm in train and eval mode: ${row.kind}`, async () => {
    const momentum = row.kind === "rank 4" ? "momentum = 0.25" : "";
    const norm = `batch_norm_running(${momentum})`;
    const times = row.mean.map((_, t) => t);
    const experiment = compile(
      program(row.given, norm, "by sgd(lr = 0.1, momentum = 0.9)\n for T = 4 steps") +
        times.map((t) =>
          `output mean${t} = net.after.running_mean@${t}
         output var${t} = net.after.running_var@${t}
         output bias${t} = net.after.bias@${t}
         output eval${t} = net@${t}(other.q)
         output loss${t} = fit.loss@${t}\n`
        ).join(""),
    );
    for (const backend of backends) {
      const run = await experiment.run({ backend });
      const found = (name: string) => [...run.output(name).data].map(Number);
      for (const t of times) {
        near(found(`mean${t}`), row.mean[t]!, `running mean at ${t}`);
        near(found(`var${t}`), row.var[t]!, `running variance at ${t}`);
        near(found(`bias${t}`), row.bias[t]!, `bias at ${t}`);
        near(found(`eval${t}`), row.eval[t]!, `evaluation at ${t}`);
        near(found(`loss${t}`), [row.loss[t]!], `loss at ${t}`);
      }
      // the network as it stands after the loop, on new inputs
      const q = { dtype: "f64", shape: shapeOf(row.given.q), data: Float64Array.from(numbers(row.given.q)) } as const;
      const made = await run.model("net").call({ x: q });
      near([...made.data].map(Number), row.eval[4]!, "the trained network");
    }
  });
}

for (const row of peer.steps) {
  Deno.test(`an outer that evolves the model itself trains it as a loop does: ${row.kind}`, async () => {
    const norm = `batch_norm_running(${row.kind === "rank 4" ? "momentum = 0.25" : ""})`;
    const inner = program(row.given, norm, "by sgd(lr = 0.1, momentum = 0.9)\n for 4 steps");
    const experiment = compile(
      `${inner.replace("inner fit", "outer fit")}
       record net.after.running_mean, net.after.running_var
       output eval = net(other.q) after fit`,
    );
    for (const backend of backends) {
      const run = await experiment.run({ backend });
      const means = run.recorded("net.after.running_mean").values;
      const variances = run.recorded("net.after.running_var").values;
      row.mean.slice(0, 4).forEach((mean, t) => {
        near(means[t]!.data, mean, `running mean at ${t}`);
        near(variances[t]!.data, row.var[t]!, `running variance at ${t}`);
        near([run.losses()[t]!], [row.loss[t]!], `loss at ${t}`);
      });
      near(run.parameter("net.after.running_mean").data, row.mean[4]!, "running mean at the end");
      near([...run.output("eval").data].map(Number), row.eval[4]!, "evaluation at the end");
    }
  });
}

const numbers = (x: unknown): number[] => Array.isArray(x) ? x.flatMap(numbers) : [x as number];

for (const row of peer.meta) {
  Deno.test(`derivatives through steps with batch norm are PyTorch's: ${row.way}`, async () => {
    const norm = row.way === "per step"
      ? "batch_norm_per_step(3)"
      : row.way === "torch"
      ? "cut"
      : "batch_norm_running()";
    const through = row.way === "first order" ? "through first_order()" : "";
    const text = program(peer.steps[0]!.given, norm, `by sgd(lr = 0.3)\n for T = 3 steps ${through}`) +
      `gradient mean(net@T(other.q)^2) wrt fit.lr, net.W@0, net.V@0, net.after.gain@0, net.after.bias@0\n`;
    for (const backend of backends) {
      const run = await compile(text).run({ backend });
      const [{ value, wrt }] = run.gradients as [typeof run.gradients[number]];
      near([value], [row.value], "value");
      wrt.forEach(({ label, leaves }, i) => near(leaves[0]!.gradient.data, row.slopes[i]!, `${row.way}: ${label}`));
    }
  });
}

for (const backend of ["reference", "wasm"] as const) {
  Deno.test(`${backend}: of a model that outers evolve, t is the number of meta-steps that they made`, async () => {
    const run = await compile(`edition 1
precision f64
data d { x : [2] = [1, 2]   y : [2] = [0, 1] }
model net(x : [n]) -> [n] { w = 0.5   return w * x + 0.25 * t }
outer train { minimize mse(net(d.x), d.y)   over net   by sgd(lr = 0.1)   for 3 steps }
outer more after train { minimize mse(net(d.x), d.y)   over net   by sgd(lr = 0.1)   for 2 steps }
evaluate ended { report sum(net([0])) }
evaluate between after train { report sum(net([0])) }
evaluate during { report sum(net([0]))   every 1 steps of train }
gradient sum(net([0])) + net.w wrt net
output last = net([0])
`).run({ backend });
    // a plain loop: the mean of (w x + t / 4 - y)^2, and its slope
    let w = 0.5;
    const losses = Array.from({ length: 5 }, (_, t) => {
      const [a, c] = [w + t / 4, 2 * w + t / 4 - 1];
      w -= 0.1 * (a + 2 * c);
      return (a * a + c * c) / 2;
    });
    const own = [...run.losses("train"), ...run.losses("more")];
    // five steps of a few operations on numbers below 2
    own.forEach((loss, t) => assertAlmostEquals(loss, losses[t]!, 1e-14));
    const value = (name: string) => run.evaluation(name).point().values[0];
    assertEquals([value("ended"), value("between"), run.output("last").data[0]], [1.25, 0.75, 1.25]);
    const during = [0, 1, 2].map((step) => run.evaluation("during", { step }).point().values[0]);
    assertEquals(during, [0, 0.25, 0.5]);
    // a gradient is computed at declared values
    assertEquals(run.gradients[0]!.value, 0.5);
    assertEquals([...run.model("net").call({ x: { shape: [1], data: [0] } }).data], [1.25]);
  });
}
