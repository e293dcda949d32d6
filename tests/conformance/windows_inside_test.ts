// Does a loop that another runs go down samples window by window, where what it runs says so? Its steps are those of the estimate of
// docs/language.md, written out here, with the same draws; the derivative of where it ends is that of these steps.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compile, type Run } from "../../mod.ts";
import { derivative } from "../../runtime/verify/differences.ts";

const samples = 4;
const sigma = 0.1;
const S = 3;
/** What a window of two steps leaves of the distance of w from where it goes. */
const q = 0.7 ** 2;
const p = 1 - q;
const first = { c: 1.5, v: 0.3, rate: 0.1 };

interface Question {
  readonly kind?: "inner" | "outer";
  readonly through: string;
  readonly objective?: string;
  /** What `above` is across, and what the item is across. */
  readonly across?: string;
  readonly around?: string;
  readonly warm?: boolean;
  readonly value: string;
  readonly wrt?: string;
  readonly way?: string;
}

/** Two windows of two steps of w, at each step of v. What is looked at has one name, because draws depend on it. */
const text = (
  {
    kind = "inner",
    through,
    objective = "(w@T - c)^2 + 0.1 * v^2",
    across,
    around,
    warm,
    value,
    wrt = "v@0",
    way = "",
  }: Question,
) =>
  `edition 1
precision f64
task number { a ~ uniform(0.5, 1.5)  split s { x = a } }
param w = 2
param v = ${first.v}
let tiny = 1e-30
param c = ${first.c}
inner fit {
  minimize (w - v${across || around ? " * s.x" : ""})^2
  over w by sgd(lr = 0.15)
  for T = 4 steps
  ${through}
  ${warm ? "from fit@T" : ""}
}
${kind} above {
  minimize ${objective}
  ${across ? `across ${across}` : ""}
  over v by sgd(lr = ${first.rate})
  for S = ${S + 1} steps
  ${way}
}
let look = ${value}
gradient look ${around ? `across ${around}` : ""} wrt ${wrt}
`;

const windows = (kind: string, window = 2) =>
  `through ${kind}(samples = ${samples}, sigma = ${sigma}, window = ${window})`;

type Options = Parameters<ReturnType<typeof compile>["run"]>[0];
const valueOf = async (question: Question, options: Options = {}) =>
  (await compile(text(question)).run(options)).value();
const each = (n: number, value: (t: number) => Promise<number>) =>
  Promise.all(Array.from({ length: n }, (_, t) => value(t)));

/** The means over the samples of e1^2, e1 e2 and e2^2, where e1 and e2 are what is drawn for the windows of a step. */
interface Moments {
  readonly m11: number;
  readonly m12: number;
  readonly m22: number;
}

/** The moments of the draws of each step, by three objectives for which a window that forgets gives simple ones of them. */
function momentsFrom(paths: readonly (readonly number[])[]): Moments[] {
  const slope = (k: number, t: number) => (paths[k]![t]! - paths[k]![t + 1]!) / first.rate;
  return Array.from({ length: S + 1 }, (_, t) => {
    const sum = 2 * slope(0, t);
    const m12 = 2 * slope(1, t) / (q * p);
    const v = paths[2]![t]!;
    const [w1, w2] = [v + q * (2 - v), v + q * q * (2 - v)];
    const m11 = (2 * slope(2, t) - 2 * w2 * q * p * m12 - 2 * w2 * p * sum) / (2 * p * (w1 - w2));
    return { m11, m12, m22: sum - m11 };
  });
}

const probes = ["v + 0 * w@T", `w@T - ${p} * v`, "(w@T)^2"];

async function momentsOf(around: string | undefined): Promise<Moments[]> {
  // in a task, what w goes to is v all the same
  const question = (objective: string) =>
    text({ through: windows("es"), objective, ...(around ? { around } : {}), value: "VALUE" }).replace("v * s.x", "v");
  return momentsFrom(
    await Promise.all(probes.map(async (objective) => [
      first.v,
      ...await each(
        S + 1,
        async (t) => (await compile(question(objective).replace("VALUE", `v@${t + 1}`)).run()).value(),
      ),
    ])),
  );
}

interface Draws {
  readonly moments: readonly Moments[];
  /** What the tasks of each step have. */
  readonly tasks: readonly (readonly number[])[];
  readonly persistent: boolean;
  readonly warm: boolean;
}

/** What a plain loop makes: v, the loss and the size of the gradient at every step. */
function follow({ moments, tasks, persistent, warm }: Draws, { c, v, rate } = first) {
  let starts = tasks[0]!.map(() => 2);
  const made = { v: [v], losses: [] as number[], norms: [] as number[] };
  moments.forEach(({ m11, m12, m22 }, t) => {
    const own = tasks[t]!;
    const mean = (of: (a: number, i: number) => number) => own.reduce((sum, a, i) => sum + of(a, i), 0) / own.length;
    const w1 = (a: number, i: number) => v * a + q * (starts[i]! - v * a);
    const w2 = (a: number, i: number) => v * a + q * (w1(a, i) - v * a);
    // the objective of the first window changes by `one` e1, that of the second by `late` e1 + `two` e2
    const one = mean((a, i) => 2 * (w1(a, i) - c) * p * a) + 0.2 * v;
    const late = mean((a, i) => 2 * (w2(a, i) - c) * q * p * a);
    const two = mean((a, i) => 2 * (w2(a, i) - c) * p * a) + 0.2 * v;
    const sums = persistent ? one * m11 + late * (m11 + m12) + two * (m12 + m22) : one * m11 + late * m12 + two * m22;
    made.losses.push(mean((a, i) => ((w1(a, i) - c) ** 2 + (w2(a, i) - c) ** 2) / 2) + 0.1 * v ** 2);
    made.norms.push(Math.abs(sums / 2));
    const ends = own.map(w2);
    v -= rate * sums / 2;
    made.v.push(v);
    if (warm) starts = ends;
  });
  return made;
}

/** Some ten numbers below 8 in an objective, over 2 sigma: 4e-15 * 40; three more such, over w1 - w2 > 0.2, make the moments; and four
 *  steps of all that. Other draws change what is compared by more than 1e-3. */
const rounding = 1e-11;

interface Case extends Pick<Question, "kind" | "across" | "around" | "warm"> {
  readonly estimator: "es" | "pes";
}

const cases: { readonly [name: string]: Case } = {
  "an inner, truncated": { estimator: "es" },
  "an inner, persistent": { estimator: "pes" },
  "an inner in a task": { estimator: "pes", around: "1 number" },
  "an outer, persistent": { kind: "outer", estimator: "pes" },
  "an outer, across tasks": { kind: "outer", estimator: "pes", across: "2 number" },
  "an outer of a loop that goes on": { kind: "outer", estimator: "pes", warm: true },
  "an outer of a loop that goes on, across tasks": {
    kind: "outer",
    estimator: "es",
    across: "2 number fixed",
    warm: true,
  },
};

/** The tasks of each step, from the means of what they have and of its square. */
async function tasksOf({ kind, across, around }: Case): Promise<readonly (readonly number[])[]> {
  const means = async (what: string): Promise<number[]> => {
    if (around) return Array(S + 1).fill(await valueOf({ through: "", around, value: `${what} + tiny * v@S` }));
    return await each(
      S + 1,
      (t) =>
        valueOf({
          kind: kind!,
          through: "",
          across: across!,
          objective: `${what} + tiny * w@T`,
          value: `above.loss@${t}`,
        }),
    );
  };
  if (!across && !around) return Array(S + 1).fill([1]);
  const [mean, square] = [await means("s.x"), await means("s.x^2")];
  if (around) return mean.map((m) => [m]);
  return mean.map((m, t) => [m - Math.sqrt(square[t]! - m ** 2), m + Math.sqrt(square[t]! - m ** 2)]);
}

for (const [name, { estimator, ...place }] of Object.entries(cases)) {
  Deno.test(`window by window, by the plain loop: ${name}`, async () => {
    const draws: Draws = {
      moments: await momentsOf(place.around),
      tasks: await tasksOf({ estimator, ...place }),
      persistent: estimator === "pes",
      warm: place.warm ?? false,
    };
    const question = { ...place, through: windows(estimator) };
    const wanted = follow(draws);
    const v = await each(S + 2, (t) => valueOf({ ...question, value: `v@${t}` }));
    v.forEach((x, t) => assertAlmostEquals(x, wanted.v[t]!, rounding, `v@${t}`));
    const losses = await each(S + 1, (t) => valueOf({ ...question, value: `above.loss@${t}` }));
    losses.forEach((x, t) => assertAlmostEquals(x, wanted.losses[t]!, rounding, `loss@${t}`));
    const both = { ...question, value: "v@S^2 + above.loss@1", wrt: "c, v@0, above.lr" };
    for (const [backend, way] of [["reference", ""], ["wasm", ""], ["reference", "through forward()"]] as const) {
      const run = await compile(text({ ...both, way })).run({ backend });
      const end = (given: Partial<typeof first>) => {
        const { v, losses } = follow(draws, { ...first, ...given });
        return v[S + 1]! ** 2 + losses[1]!;
      };
      assertAlmostEquals(run.value(), end({}), rounding);
      const slopes = [
        derivative((c) => end({ c }), first.c, 0.5, 12),
        derivative((v) => end({ v }), first.v, 0.5, 12),
        derivative((rate) => end({ rate }), first.rate, 0.05, 12),
      ];
      slopes.forEach(({ value, error }, i) => {
        const { gradient } = run.gradients[0]!.wrt[i]!.leaves[0]!;
        assertAlmostEquals(gradient.data[0]!, value, 10 * rounding + 4 * error, `${backend} ${way}, ${i}`);
      });
    }
  });
}

Deno.test("what a loop is solved by at its end is the mean over the windows too", async () => {
  // the gradient of that mean is linear: p (w1 - c) + r (w2 - c) + v / 5, where w1 and w2 change by p and r with v
  const r = 1 - q * q;
  for (
    const [way, wanted] of [
      ["implicit(solver = direct)", (p + r) / (p * p + r * r + 0.2)],
      ["finite_difference(factor = 0.1)", 0.1 * (p + r)],
    ] as const
  ) {
    const question = { through: windows("pes"), way: `through ${way}`, value: "v@S", wrt: "c" };
    const run = await compile(text(question)).run();
    // a difference along 0.01 of numbers of the size 1 loses two digits
    assertAlmostEquals(run.gradient("c").data[0]!, wanted, 100 * rounding, way);
  }
});

Deno.test("what a loop has at its end is what its next step has", async () => {
  const norms = async (count: string, backend: "reference" | "wasm") => {
    const at = (value: string) => text({ through: windows("pes"), value }).replace(/for S = \d/, `for S = ${count}`);
    const look = async (value: string) => (await compile(at(value)).run({ backend })).value();
    return [await look("above.loss@2"), await look("above.gradient_norm@2")] as const;
  };
  for (const backend of ["reference", "wasm"] as const) {
    const [end, step] = [await norms("2", backend), await norms("3", backend)];
    end.forEach((x, i) => assertAlmostEquals(x, step[i]!, rounding));
  }
});

const recorded = (run: Run, name: string) => [...run.recorded(name).values[0]!.data].map(Number);

Deno.test("windows and steps draw other samples, and those of pes are unbiased", async () => {
  const seeds = 20;
  const programs = probes.map((objective) =>
    compile(`${text({ through: windows("es"), objective, value: "v@S" })}record v@*\n`)
  );
  const all: Moments[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const paths = await Promise.all(programs.map(async (program) => recorded(await program.run({ seed }), "v@*")));
    all.push(...momentsFrom(paths));
  }
  const squares = all.flatMap(({ m11, m22 }) => [m11, m22]);
  assertEquals(new Set(squares.map((x) => x.toFixed(9))).size, 2 * seeds * (S + 1));
  // what `pes` weighs the slopes by: e1^2 and e2^2 have the mean 1 and the variance 2, e1 e2 the mean 0 and the variance 1
  const z = (list: readonly number[], mean: number, variance: number) =>
    (list.reduce((sum, x) => sum + x, 0) / list.length - mean) / Math.sqrt(variance / samples / list.length);
  const distances = [z(squares, 1, 2), z(all.map(({ m12 }) => m12), 0, 1)];
  assert(distances.every((d) => Math.abs(d) < 4), `${distances}`);
});

Deno.test("es in one window as long as the loop is pes in one, and goes down the whole objective as plain es does", async () => {
  const plain = `through es(samples = ${samples}, sigma = ${sigma})`;
  // all that is drawn is the mean of the e^2: an estimate is that times the slope of what `above` minimizes
  const share = async (through: string) => {
    const after = (rate: number) =>
      valueOf({ through, objective: "v + 0 * w@T", value: "v@1" }).then((v) => (first.v - v) / rate);
    const square = await after(first.rate);
    const v = await valueOf({ through, value: "v@1" });
    const loss = await valueOf({ through, value: "above.loss@0" });
    return { slope: (first.v - v) / first.rate / square, loss };
  };
  const end = first.v + q * q * (2 - first.v);
  const slope = 2 * (end - first.c) * (1 - q * q) + 0.2 * first.v;
  for (const through of [plain, windows("es", 4), windows("pes", 4)]) {
    const found = await share(through);
    assertAlmostEquals(found.slope, slope, rounding, through);
    assertAlmostEquals(found.loss, (end - first.c) ** 2 + 0.1 * first.v ** 2, rounding, through);
  }
  const [truncated, persistent] = await Promise.all(
    ["es", "pes"].map((kind) => valueOf({ through: windows(kind, 4), value: "v@S" })),
  );
  assertEquals(truncated, persistent);
});

Deno.test("a window is of what is differentiated in it: what a step in it runs, it runs whole", async () => {
  // w is 1.51 or less where a window ends, and 1.2401 at the end of all; `above` looks at that, and stops before its first step
  const run = await compile(`edition 1
    precision f64
    param w = 2
    param c = 1
    param u = 0.5
    inner fit { minimize (w - c)^2  over w  by sgd(lr = 0.15)  for T = 4 steps  ${windows("es")} }
    inner above { minimize (u - w@T)^2  over u  by sgd(lr = 0.25)  for S = 3 steps  until w@T < 1.3 }
    gradient u@S + w@T wrt c`).run();
  const ends = [2 * 0.49 + 0.51, 2 * 0.49 ** 2 + 1 - 0.49 ** 2];
  assertAlmostEquals(run.value(), 0.5 + (ends[0]! + ends[1]!) / 2, rounding);
});

Deno.test("an outer that is run window by window takes along the loops that it moves", async () => {
  const look = async (through: string, value: string) =>
    (await compile(`edition 1
    precision f64
    task number { a ~ uniform(0.5, 1.5)  split s { x = a } }
    param w = 2
    param c = 1
    inner fit { minimize (w - c * s.x)^2  over w  by adam(lr = 0.15)  for T = 2 steps  from fit@T }
    outer mid { minimize (w@T)^2  across 2 number fixed  over c  by adam(lr = 0.1)  for M = 6 steps ${through} }
    let look = ${value}
    gradient look wrt c`).run()).value();
  const whole = await look("", "(mid.loss@2 + mid.loss@4 + mid.loss@6) / 3");
  for (const kind of ["es", "pes"]) assertAlmostEquals(await look(windows(kind), "mid.loss@M"), whole, rounding);
});
