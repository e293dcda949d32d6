// Does a script hear of what it gives that it may not give, where no compiler looks at its types?
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as meta from "../../mod.ts";

const {
  check,
  format,
  compareRuns,
  compile,
  compileFile,
  compileUrl,
  explain,
  reportRuns,
  showRuns,
  verify,
  writeRunFolder,
} = meta as unknown as Record<string, (...given: unknown[]) => never>;

const text = `edition 1
input rate = 0.1
param w = 3
outer train { minimize (w - 1)^2  over w by sgd(lr = rate)  for 2 steps }
`;
const experiment = meta.compile(text);
const { run, runs } = experiment as unknown as Record<string, (given: unknown) => Promise<never>>;

Deno.test("an option of a name that there is none of is no option left out", async () => {
  const toy = new URL("../../examples/toy.meta", import.meta.url);
  for (
    const [call, message] of [
      [
        () => run!({ seeds: [1, 2] }),
        "`run` has no option `seeds`, only seed, backend, memory, threads, start, resume, signal, checkpoint, onStep, onEvent, onCheckpoint; `runs({ seeds })` makes a run for each",
      ],
      [
        () => run!({ sede: 1 }),
        "`run` has no option `sede`, only seed, backend, memory, threads, start, resume, signal, checkpoint, onStep, onEvent, onCheckpoint; did you mean `seed`?",
      ],
      [
        () => runs!({ seeds: [1], seed: 2 }),
        "`runs` has no option `seed`, only seeds, backend, memory, threads, start, signal, checkpoint, onStep, onEvent, onCheckpoint; did you mean `seeds`?",
      ],
      [
        () => runs!({ seeds: [1], resume: "a" }),
        "`runs` has no option `resume`, only seeds, backend, memory, threads, start, signal, checkpoint, onStep, onEvent, onCheckpoint",
      ],
      [
        async () => await compile!(text, { input: { rate: 1 } }),
        "`compile` has no option `input`, only inputs, data, tasks, limits, seed, name, read, list; did you mean `inputs`?",
      ],
      [
        async () => await check!(text, { dataFolder: "." }),
        "`check` has no option `dataFolder`, only inputs, data, tasks, limits, seed, name, read, list",
      ],
      [
        async () => await compileFile!(toy, { read: () => "" }),
        "`compileFile` has no option `read`, only inputs, data, tasks, limits, seed, dataFolder",
      ],
      [
        () => compileUrl!(toy, { name: "a" }),
        "`compileUrl` has no option `name`, only inputs, data, tasks, limits, seed, dataFolder, request",
      ],
      [() => explain!(experiment, { seed: 1 }), "`explain` has no option `seed`, only backend, memory"],
      [
        () => verify!(experiment, { thread: 1 }),
        "`verify` has no option `thread`, only seed, backend, memory, threads; did you mean `threads`?",
      ],
      [() => showRuns!([], { columns: 60 }), "`showRuns` has no option `columns`, only width, color"],
    ] as const
  ) {
    const { message: heard } = await assertRejects(call, RangeError);
    assertEquals(heard, message);
  }
  // what there is is taken, also where it is undefined
  const one = await experiment.run({ seed: undefined, backend: "reference" } as object);
  assertEquals(one.seed, 0);
});

Deno.test("what is no list, no run, no path and no number is said to be that", async () => {
  const one = await experiment.run();
  for (
    const [call, message] of [
      [() => runs!({}), "`seeds` must be a list such as [0, 1, 2], not undefined"],
      [() => runs!({ seeds: 3 }), "`seeds` must be a list such as [0, 1, 2], not 3"],
      [() => runs!(undefined), "`runs` takes its options as `{ seeds: … }`, not as undefined"],
      ...([compile, check, format] as const).flatMap((take, i) => {
        const form = `\`${["compile", "check", "format"][i]}\` takes the text of a program, not `;
        return ([
          [undefined, "undefined"],
          [new TextEncoder().encode(text), "bytes or numbers"],
          [Promise.resolve(text), "a promise, which is to be awaited"],
          [new URL("https://a.b/c.meta"), "an object"],
        ] as const).map(([given, more]) => [async () => await take!(given), form + more] as const);
      }),
      ...([[new Map([["rate", 1]]), "a Map"], [[["rate", 1]], "a list"], [null, "null"], [
        "rate=1",
        "a string",
      ]] as const).map((
        [inputs, more],
      ) =>
        [
          async () => await compile!(text, { inputs }),
          `\`inputs\` must be given by their names, \`{ rate: 0.1 }\`, not as ${more}`,
        ] as const
      ),
      [
        async () => await compile!("examples/toy.meta"),
        '`compile` takes the text of a program: `compileFile("examples/toy.meta")` reads a file',
      ],
      [() => run!({ signal: "stop" }), "`signal` must be an AbortSignal, as an AbortController has, not a string"],
      [
        () => run!({ signal: new AbortController() }),
        "`signal` must be an AbortSignal, as an AbortController has, not an object",
      ],
      [
        async () => await compareRuns!({ a: [experiment.run()] }),
        '`compareRuns` takes runs by settings, `{ "a": [run0, run1] }`, each with a list of runs or paths: `a` has a promise, which ' +
        "is to be awaited in its list",
      ],
      [() => run!(7), "`run` takes its options as `{ seed: … }`, not as 7"],
      ...([compareRuns, reportRuns, showRuns] as const).flatMap((take, i) => {
        const form = `\`${["compareRuns", "reportRuns", "showRuns"][i]}\` takes runs by settings, ` +
          '`{ "a": [run0, run1] }`, each with a list of runs or paths';
        return ([
          [one, ", not a run"],
          [[one], ", not a list of runs"],
          ["runs/a", ", not a string"],
          [undefined, ", not undefined"],
          [{ a: one }, ": `a` is a run"],
          [{ a: "runs/a" }, ": `a` is a string"],
          [{ a: [one], b: [3] }, ": `b` has 3 in its list"],
          [{ a: [[one]] }, ": `a` has a list of runs in its list"],
        ] as const).map(([given, more]) => [async () => await take!(given), form + more] as const);
      }),
    ] as const
  ) {
    const { message: heard } = await assertRejects(call, TypeError);
    assertEquals(heard, message);
  }
  for (const width of [0, -5, 60.5, NaN]) {
    await assertRejects(async () => await showRuns!({ a: [one] }, { width }), RangeError, `such as 80, not ${width}`);
  }
  for (const folder of [undefined, "", 3]) {
    assertThrows(() => writeRunFolder!(one, folder), TypeError, "takes the path of a folder after the run");
  }
  assertThrows(() => writeRunFolder!("runs/a", one), TypeError, "`writeRunFolder` takes a run, not a string");
  assertThrows(() => writeRunFolder!([one], "runs/a"), TypeError, "`writeRunFolder` takes a run, not a list of runs");
});
