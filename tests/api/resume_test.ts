// Does a script's run go on, from bytes, from a run, and from a run folder, to the last bit as if it had never ended? And is what does not
// belong to it refused by name?
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { readRun } from "../../api/run_text.ts";
import { main } from "../../meta.ts";
import {
  type CheckpointEvent,
  compile,
  type CompileOptions,
  FileAccessError,
  restoreRun,
  type Run,
  RunError,
} from "../../mod.ts";
import { some } from "../thorough.ts";
import { capturedConsole } from "../cli/captured_console.ts";

const source = `edition 1
input steps : int = 6
data train { x : [3]  y : [3] = [1, 3, 5] }
param w = 0.7
param c = 0.5
param d = 0
task problem { k ~ uniform(0, 1)  split s { x : [3] ~ normal(k, 1) } }
task given { split s { k : [] } }
inner fit { minimize 0.5 * (w - c)^2 + mean(train.x)  over w by adam(lr = 0.1)  for T = 2 steps  from fit@T }
inner adapt { minimize mean((d - s.x)^2)  over d by sgd(lr = 0.1)  for S = 3 steps }
outer first { minimize 0.5 * (w@T - 2)^2  over c by adam(lr = 0.1)  for 5 steps  keep best of check }
outer second after first {
  minimize mean((d@S - s.x)^2) + c^2  across 2 problem  over adapt.lr, c by adam(lr = 0.01)  for M = steps steps
}
evaluate check { report c^2  best lowest  every 2 steps of first }
evaluate last { across 2 given  report mean(s.k - c)^2 }
output o = c + adapt.lr
record c, first.loss every 3 steps
`;
const data = { train: { x: { shape: [3], data: [1, 2, 3] } } };
const tasks: NonNullable<CompileOptions["tasks"]> = {
  given: ({ index }) => ({ s: { k: { shape: [], data: [index] } } }),
};
const experiment = (inputs: NonNullable<CompileOptions["inputs"]> = {}, more: CompileOptions = {}) =>
  compile(source, { data, tasks, inputs, ...more });

/** All that a run says, but how long things took and what was kept on the way. */
function said(run: Run): unknown {
  const { plans: _, ...result } = readRun(run.serialize());
  return { ...result, seconds: 0, outers: result.outers.map((outer) => ({ ...outer, seconds: 0 })) };
}

/** Runs, with the bytes of every checkpoint. */
async function keeping(
  run: (options: { onCheckpoint: (c: CheckpointEvent) => void; checkpoint: string }) => Promise<Run>,
) {
  const kept: { readonly event: CheckpointEvent; readonly bytes: Uint8Array }[] = [];
  const whole = await run({
    checkpoint: "1 steps",
    onCheckpoint: (event) => kept.push({ event, bytes: event.bytes() }),
  });
  return { whole, kept };
}

Deno.test("a run goes on from the bytes of any checkpoint: seed and backend are those of the run", async () => {
  for (const backend of ["reference", "wasm"] as const) {
    const { whole, kept } = await keeping((o) => experiment().run({ seed: 7, backend, ...o }));
    assert(kept.length >= 6, `${kept.length}`);
    assertEquals(kept.map(({ event }) => event.kind), kept.map(() => "checkpoint"));
    assertEquals(kept.filter(({ event }) => event.moment === "end").map(({ event }) => event.outer), [
      { name: "first", step: 5 },
      { name: "second", step: 6 },
    ]);
    for (const { bytes } of some(kept, 4)) {
      const again = await experiment().run({ resume: bytes });
      assertEquals([again.seed, again.backend], [7, backend]);
      assertEquals(said(again), said(whole));
    }
    assertThrows(() => kept[0]!.event.bytes(), RangeError, "while `onCheckpoint` is called");
  }
});

Deno.test("a run that was stopped goes on, from the run and from its bytes; what is done is what it was", async () => {
  const whole = await experiment().run({ seed: 2 });
  for (const at of some([0, 3, 5, 1], 2)) {
    const stop = new AbortController();
    const onStep = ({ outer, step }: { readonly outer: string; readonly step: number }) => {
      if (outer === "second" && step >= at) stop.abort();
    };
    const stopped = await experiment().run({ seed: 2, signal: stop.signal, onStep });
    assertEquals(stopped.outcome, "stopped");
    const before = said(stopped);
    assertEquals(said(await experiment().run({ resume: stopped })), said(whole));
    const again = await experiment().run({ resume: stopped.checkpoint() });
    assertEquals(said(again), said(whole));
    assertEquals(said(stopped), before, "the run that was stopped stays what it was");
    // and once more, of one that went on
    assertEquals(said(await experiment().run({ resume: again })), said(whole));
  }
  assertEquals(said(await experiment().run({ resume: whole })), said(whole));
  const restored = restoreRun(whole.serialize());
  assertThrows(() => restored.checkpoint(), RangeError, "keep `run.checkpoint()` beside");
  await assertRejects(() => experiment().run({ resume: restored }), RangeError, "keep `run.checkpoint()` beside");
  const plain = await compile("edition 1\nparam w = 0\noutput o = w").run();
  assertThrows(() => plain.checkpoint(), RangeError, "no outer loop");
});

Deno.test("a run is made longer by another value of an input, or it is said why not", async () => {
  const short = await experiment().run({ seed: 3 });
  const whole = await experiment({ steps: 11 }).run({ seed: 3 });
  const steps: number[] = [];
  const longer = await experiment({ steps: 11 }).run({ resume: short, onStep: ({ step }) => steps.push(step) });
  assertEquals(steps, [6, 7, 8, 9, 10]);
  assertEquals(said(longer), said(whole));
  await assertRejects(
    () => experiment({ steps: 4 }).run({ resume: short }),
    RangeError,
    "`second` has made 6 meta-steps already, and is to make 4",
  );
});

Deno.test("a run that failed goes on from the last checkpoint whose bytes were taken", async () => {
  const text = `edition 1
param c = 0.5
task given { split s { k : [] } }
outer train { minimize mean((c - s.k)^2)  across 2 given  over c by adam(lr = 0.1)  for 8 steps }
`;
  let broken = true;
  const flaky = () =>
    compile(text, {
      tasks: {
        given({ index, step }) {
          if (broken && step === 5) throw new Error("the network is down");
          return { s: { k: { shape: [], data: [index + step] } } };
        },
      },
    });
  const failed = await assertRejects(() => flaky().run(), RunError, "the network is down");
  assertThrows(() => failed.run.checkpoint(), RangeError, "it took none");
  const caught = await assertRejects(
    () => flaky().run({ checkpoint: "1 steps", onCheckpoint: ({ bytes }) => void bytes() }),
    RunError,
  );
  broken = false;
  const steps: number[] = [];
  const again = await flaky().run({ resume: caught.run, onStep: ({ step }) => steps.push(step) });
  assert(steps[0]! > 0 && steps[0]! <= 5, steps.join());
  assertEquals(said(again), said(await flaky().run()));
});

Deno.test("a checkpoint of another program, data, seed, backend or version is refused by name", async () => {
  const bytes = (await experiment().run({ seed: 3 })).checkpoint();
  const refused = async (run: () => Promise<Run>, says: string) => {
    const { message } = await assertRejects(run, RangeError);
    assertMatch(message, new RegExp(`is of another run, which this one cannot go on with: ${says}; take it back`));
  };
  await refused(
    () => compile(source.replace("c = 0.5", "c = 0.6"), { data, tasks }).run({ resume: bytes }),
    "the text of the program",
  );
  const other = { train: { x: { shape: [3], data: [1, 2, 4] } } };
  await refused(() => experiment({}, { data: other }).run({ resume: bytes }), "the data `train.x`");
  await refused(() => experiment().run({ resume: bytes, seed: 4 }), "the seed \\(3 before, now 4\\)");
  await refused(
    () => experiment().run({ resume: bytes, backend: "reference" }),
    "the backend \\(wasm before, now reference\\)",
  );
  await refused(
    () => experiment().run({ resume: bytes, start: { c: { shape: [], data: [1] } } }),
    "the data `start c`",
  );
});

Deno.test("bytes that are damaged, cut off or none are refused, and so is what is no checkpoint", async () => {
  const bytes = (await experiment().run()).checkpoint();
  const wrong: readonly (readonly [unknown, string])[] = [
    [bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1), "Its sum is not that of what it holds"],
    [bytes.subarray(0, bytes.length - 100), "The checkpoint cannot be gone on from"],
    [bytes.subarray(0, 4), "shorter than 8 bytes"],
    [new Uint8Array(), "The checkpoint cannot be gone on from"],
    [5, "`resume` must be the bytes"],
    [null, "`resume` must be the bytes"],
    [{}, "`resume` must be the bytes"],
  ];
  for (const [resume, says] of wrong) {
    await assertRejects(() => experiment().run({ resume: resume as Uint8Array }), TypeError, says);
  }
  await assertRejects(() => experiment().run({ checkpoint: "soon" }), RangeError, 'such as "60 s"');
  const own = new Error("the script's own");
  const throwing = () => {
    throw own;
  };
  const thrown = await assertRejects(() => experiment().run({ checkpoint: "1 steps", onCheckpoint: throwing }));
  assertEquals(thrown, own);
});

Deno.test("functions of a script that answer later are waited for, and fail the run", async () => {
  let written = 0;
  const steps: number[] = [];
  await experiment().run({
    checkpoint: "1 steps",
    async onCheckpoint({ bytes }) {
      const kept = bytes();
      await Promise.resolve();
      written += kept.length;
    },
    onStep: async ({ step }) => void steps.push(await step),
  });
  assert(written > 0 && steps.length > 1);
  const own = new Error("the script's own");
  let answered: (() => void) | undefined;
  const last = new Promise<void>((resolve) => answered = resolve);
  const calls = {
    onCheckpoint: () => Promise.reject(own),
    onStep: () => Promise.reject(own),
    onEvent: async () => {
      await last;
      throw own;
    },
  };
  for (const [name, call] of Object.entries(calls)) {
    const run = experiment().run({ checkpoint: "1 steps", [name]: call });
    queueMicrotask(() => answered!());
    assertEquals(await assertRejects(() => run), own, name);
  }
});

Deno.test("a run goes on from a run folder of the command line, which stays as it is", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const text = source.replace(/task given.*\n/, "").replace(/evaluate last.*\n/, "").replace(
      "x : [3] ",
      "x : [3] = [1, 2, 3] ",
    );
    Deno.writeTextFileSync(`${folder}/program.meta`, text);
    const console = capturedConsole();
    const args = [`${folder}/program.meta`, "--out", `${folder}/run`, "--seed", "5", "--checkpoint", "2 steps"];
    assertEquals(await main(args, console), 0, console.written.err);
    const of = compile(text, { name: "program.meta" });
    const whole = await of.run({ seed: 5 });
    const names = () => [...Deno.readDirSync(`${folder}/run/checkpoints`)].map(({ name }) => name).sort();
    const before = names();
    assertEquals(said(await of.run({ resume: `${folder}/run` })), said(whole));
    assertEquals(said(await of.run({ resume: new URL(`file://${folder}/run`) })), said(whole));
    for (const name of before) {
      assertEquals(said(await of.run({ resume: `${folder}/run/checkpoints/${name}` })), said(whole), name);
    }
    assertEquals(names(), before);
    const longer = compile(text, { name: "program.meta", inputs: { steps: 9 } });
    assertEquals(said(await longer.run({ resume: `${folder}/run` })), said(await longer.run({ seed: 5 })));
    await assertRejects(() => of.run({ resume: folder }), FileAccessError, "There is no checkpoint in");
    await assertRejects(() => of.run({ resume: `${folder}/nothing` }), FileAccessError, "no such file or folder");
    await assertRejects(() => of.run({ resume: `${folder}/program.meta` }), TypeError, "cannot be gone on from");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
