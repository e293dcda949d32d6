import { usualLimits } from "../../runtime/limits.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { type CommandLine, parseArguments } from "../../cli/arguments.ts";
import { firstScreen, helpText } from "../../cli/help.ts";
import { options, type Verb, verbs } from "../../cli/verbs.ts";
import { displayWidth } from "../../dsl/text/display_width.ts";

function command(...args: string[]): CommandLine {
  const parsed = parseArguments(args);
  if (parsed.kind !== "command") throw new Error(JSON.stringify(parsed));
  return parsed.command;
}

function wrong(...args: string[]): string {
  const parsed = parseArguments(args);
  if (parsed.kind !== "wrong") throw new Error(`${args.join(" ")} was taken as right`);
  return parsed.message;
}

Deno.test("parseArguments() runs a file without a verb, and with it", () => {
  const defaults: CommandLine = {
    verb: "run",
    files: ["a.meta"],
    given: new Map(),
    inputs: {},
    seed: 0,
    swept: undefined,
    only: undefined,
    listOnly: false,
    backend: "auto",
    json: false,
    out: undefined,
    checkpoint: { seconds: 60, steps: 10_000, share: 0.02 },
    dataFolder: undefined,
    tasksFile: undefined,
    emit: undefined,
    from: undefined,
    memory: undefined,
    threads: undefined,
    limits: usualLimits,
    limitsGiven: {},
    kernels: false,
    checkOnly: false,
  };
  assertEquals(command("a.meta"), defaults);
  assertEquals(command("run", "a.meta"), defaults);
  assertEquals(command("run", "check").files, ["check"]);
  assertEquals(
    command("a.meta", "--seed", "7", "--backend=reference", "--out", "runs/a", "--json", "--emit", "ir"),
    {
      ...defaults,
      given: new Map([["seed", ["7"]], ["backend", ["reference"]], ["out", ["runs/a"]], ["json", [""]], ["emit", [
        "ir",
      ]]]),
      ...{ seed: 7, backend: "reference", out: "runs/a", json: true, emit: "ir" },
    },
  );
});

Deno.test("parseArguments() reads inputs as numbers, truth values and text", () => {
  const { inputs } = command(
    "a.meta",
    "--set",
    "K=5",
    "--set=rate=1e-3",
    "--set",
    "n=10_000",
    "--set",
    "on=true",
    "--set",
    "s=a=b",
    "--set",
    "m=-.5",
  );
  assertEquals(inputs, { K: 5, rate: 1e-3, n: 10000, on: true, s: "a=b", m: -0.5 });
  assertEquals(command("a.meta", "--set", "__proto__=1").inputs["__proto__"], 1);
});

Deno.test("parseArguments() takes several files for check and fmt only", () => {
  assertEquals(command("check", "a.meta", "b.meta", "--json").files, ["a.meta", "b.meta"]);
  assertEquals(command("fmt", "--check", "a.meta", "b.meta").checkOnly, true);
  assertEquals(wrong("run", "a.meta", "b.meta"), "Only one program can be run at a time");
  assertEquals(wrong("a.meta", "b.meta"), "Only one program can be run at a time");
});

const mistakes: readonly (readonly [string[], string])[] = [
  [["--json"], "Name a program to run: deno run meta.ts FILE.meta; --help says more"],
  [["--sede", "1", "a.meta"], "Unknown option `--sede`; did you mean `--seed`?"],
  [["--zzzzzz", "a.meta"], "Unknown option `--zzzzzz`; --help lists them"],
  [["-s", "a.meta"], "Unknown option `-s`; --help lists them"],
  [["a.meta", "--seed"], "`--seed` needs a value: --seed N"],
  [["a.meta", "--seed", "--json"], "`--seed` needs a value: --seed N"],
  [["a.meta", "--out="], "`--out` needs a value: --out DIR"],
  [["a.meta", "--seed", "1", "--seed", "2"], "`--seed` is given twice"],
  [["a.meta", "--seed", "-1"], "`--seed` must be an integer from 0 to 9007199254740991, not `-1`"],
  [["a.meta", "--seed", "1.5"], "`--seed` must be an integer from 0 to 9007199254740991, not `1.5`"],
  [["a.meta", "--json=yes"], "`--json` takes no value"],
  [["a.meta", "--set", "K"], "`--set K` has no `NAME=VALUE`"],
  [["a.meta", "--set", "K", "3"], "`--set` takes NAME=VALUE, in one word: --set K=3"],
  [["--set", "K", "3", "a.meta"], "`--set` takes NAME=VALUE, in one word: --set K=3"],
  [["check", "a.meta", "--set", "K", "=", "3"], "`--set` takes NAME=VALUE, in one word: --set K=3"],
  [["check", "a.meta", "--set", "K=", "3", "b.meta"], "`--set` takes NAME=VALUE, in one word: --set K=3"],
  [["a.meta", "--set=K", "=3"], "`--set` takes NAME=VALUE, in one word: --set K=3"],
  [["--set", "K", "a.meta"], "`--set K` has no `NAME=VALUE`"],
  [["a.meta", "--limit", "equations", "3"], "`--limit` takes NAME=N, in one word: --limit equations=3"],
  [["a.meta", "--set", "=5"], "`--set =5` has no `NAME=VALUE`"],
  [["a.meta", "--set", "K=1", "--set", "K=2"], "`--set K` is given twice"],
  [["a.meta", "--emit", "asm"], "`--emit` knows the stages cst, ast, checked, ir, plan, not `asm`"],
  [["a.meta", "--check"], "`--check` does not go with `run`, only with fmt"],
  [["fmt", "a.meta", "--seed", "1"], "`--seed` does not go with `fmt`, only with run, sweep, verify"],
  [["chek", "a.meta"], "There is no verb `chek`; did you mean `check`?"],
  [["train", "a.meta"], "There is no verb `train`; did you mean `run`?"],
  [["help", "tarin"], "There is no verb `tarin`; did you mean `run`?"],
  [["check"], "`check` needs a program: meta.ts check FILE.meta"],
  [["a.meta", "--threads", "0"], "`--threads` must be an integer from 1, not `0`"],
  [["explain"], "`explain` needs a program or a code: meta.ts explain FILE.meta"],
  [["explain", "a.meta", "b.meta"], "Only one program can be explained at a time"],
  [["verify", "a.meta", "b.meta"], "Only one program can be run at a time"],
  [["a.meta", "--memory", "2 Gb"], "`--memory` must be an amount such as 2GB, 500MB or a number of bytes, not `2 Gb`"],
  [["a.meta", "--set", "K=1,5"], "`--set K=1,5` names several values, and `run` takes one: `sweep` runs each"],
  [
    ["check", "a.meta", "--set", "K=0..4"],
    "`--set K=0..4` names several values, and `check` takes one: `sweep` runs each",
  ],
  [["verify", "a.meta", "--seed", "0..4"], "`verify` takes one seed, not `0..4`"],
  [["a.meta", "--seed", "4..0"], "`--seed` counts down in `4..0`: write 0..4"],
  [["a.meta", "--seed", "0..4,3"], "`--seed` names 3 twice"],
  [["a.meta", "--seed", "0..1e9"], "`--seed` names 1000000001 values: a sweep has at most 10000 runs"],
  [
    ["a.meta", "--seed", "0,-1"],
    "`--seed` takes integers from 0 to 9007199254740991 such as 0..4 or 0,3,7, not `0,-1`",
  ],
  [["a.meta", "--seed", "0.."], "`--seed` takes whole numbers such as 0..4, not `0..`"],
  [["a.meta", "--seed", "0,,1"], "`--seed` has an empty place in `0,,1`"],
  [["a.meta", "--seed", "0,1", "--emit", "ir"], "`--emit` is of one run: give one `--seed`"],
  [["sweep"], "`sweep` needs one program, or the folder of a sweep: meta.ts sweep FILE.meta"],
  [["sweep", "a.meta", "--set", "K=[1, 5]"], "`--set K` takes values with commas between them, without brackets: 1, 5"],
  [["sweep", "a.meta", "--set", "K=1,5,1.0"], "`--set K` names 1 twice"],
  [["sweep", "a.meta", "--set", "K=0.1..0.5"], "`--set K` takes whole numbers such as 0..4, not `0.1..0.5`"],
  [
    ["sweep", "s", "--only", "-1"],
    "`--only` takes the places of runs in the list, from 0, such as 3 or 0..4, not `-1`",
  ],
  [["new"], "`new` needs a name for a folder: meta.ts new NAME"],
  [["new", " "], "`new` needs a name for a folder: meta.ts new NAME"],
  [["new", "a", "b"], "`new` makes one folder: meta.ts new NAME --from PROGRAM"],
  [["new", "a.meta"], "`new` makes a folder, and the program in it: meta.ts new a"],
  [["new", "a\nb"], "The name of a folder cannot hold control characters"],
  [["new", "https://a.org/b"], "`https://a.org/b` is an address: `new` makes a folder on this machine"],
  [["new", "a", "--from", "few_shots"], "`new` has no program `few_shots`; did you mean `few_shot`?"],
  [
    ["new", "a", "--from", "zzz"],
    "`new` has no program `zzz`: there are maml, few_shot, hyper, distill, learned_optimizer",
  ],
  [["new", "a", "--seed", "1"], "`--seed` does not go with `new`, only with run, sweep, verify"],
  [["a.meta", "--from", "maml"], "`--from` does not go with `run`, only with new"],
  [["init", "a.meta"], "There is no verb `init`; did you mean `new`?"],
  [["doctor", "a.meta"], "`doctor` looks at this machine, not at programs: meta.ts doctor"],
];

for (const [args, message] of mistakes) {
  Deno.test(`parseArguments() refuses \`${args.join(" ")}\``, () => assertEquals(wrong(...args), message));
}

Deno.test("parseArguments() reads what a sweep goes through", () => {
  const { swept, inputs } = command(
    ...["sweep", "a.meta", "--seed", "0..2, 7", "--set", "K=1, 5", "--set", "n=2..4", "--set", "on=true,false"],
    ...["--set", "rate=1e-3"],
  );
  assertEquals(swept, { seeds: [0, 1, 2, 7], inputs: { K: [1, 5], n: [2, 3, 4], on: [true, false], rate: [1e-3] } });
  assertEquals(inputs, {});
  assertEquals(command("sweep", "a.meta").swept, { seeds: [0], inputs: {} });
  assertEquals(command("a.meta", "--seed", "0..1", "--set", "K=1").swept, { seeds: [0, 1], inputs: { K: [1] } });
  // one seed is one run
  assertEquals(command("a.meta", "--seed", "3", "--set", "s=a,b").inputs, { s: "a,b" });
  assertEquals(command("sweep", "s", "--only", "0..1,4", "--list").only, [0, 1, 4]);
});

Deno.test("parseArguments() answers --help and --version whatever else is there, if it is known", () => {
  assertEquals(parseArguments(["--help"]).kind, "help");
  assertEquals(parseArguments(["explain", "--help"]).kind, "help");
  assertEquals(parseArguments(["--version"]).kind, "version");
  assertEquals(parseArguments(["--helpp"]).kind, "wrong");
});

Deno.test("parseArguments() reads what lies between two checkpoints, and the folder of one run", () => {
  const between = (text: string) => command("a.meta", "--out", "r", "--checkpoint", text).checkpoint;
  assertEquals(between("5min"), { seconds: 300, steps: Infinity, share: 1 });
  assertEquals(between("1_000 steps"), { seconds: Infinity, steps: 1000, share: 1 });
  assertEquals(between("off"), { seconds: Infinity, steps: Infinity, share: 1 });
  for (const text of ["5", "0s", "often", "-1s", "5 min 3s"]) {
    assertStringIncludes(wrong("a.meta", "--checkpoint", text), "`--checkpoint` must be a time such as 60s or 5min");
  }
  assertEquals(command("resume", "runs/a").files, ["runs/a"]);
  assertStringIncludes(wrong("resume"), "needs the folder of one run");
  assertStringIncludes(wrong("resume", "a", "b"), "needs the folder of one run");
  assertStringIncludes(wrong("resume", "a", "--seed", "3"), "does not go with `resume`");
});

const widths = [60, 80, 120];

Deno.test("helpText() lists every verb and option", () => {
  for (const width of widths) {
    const text = helpText(undefined, width);
    for (const verb of Object.keys(verbs)) assert(text.includes(`\n  ${verb} `), verb);
    for (const option of Object.keys(options)) assert(text.includes(`\n  --${option}`), option);
  }
});

Deno.test("help of a verb has its options and an example that the command line understands", () => {
  for (const verb of Object.keys(verbs) as Verb[]) {
    for (const args of [["help", verb], [verb, "--help"]]) {
      const parsed = parseArguments(args);
      assert(parsed.kind === "help" && parsed.verb === verb);
    }
    const { example } = verbs[verb];
    assertStringIncludes(helpText(verb, 80), `\nExample\n  ${example}\n`);
    assertEquals(command(...example.split(" ").slice(1)).verb, verb, example);
    for (const [name, { verbs }] of Object.entries(options)) {
      assertEquals(helpText(verb, 80).includes(`\n  --${name} `), verbs.includes(verb), `${verb} --${name}`);
    }
  }
  assertEquals(parseArguments(["help"]), { kind: "help", verb: undefined });
  assertEquals(parseArguments([]), { kind: "nothing" });
});

Deno.test("what the command line says of itself fits its terminal, and breaks between words", () => {
  const words = (text: string) => text.split(/\s+/).join(" ");
  const screens = [
    firstScreen,
    ...[undefined, ...Object.keys(verbs)].map((verb) => (width: number) => helpText(verb as Verb, width)),
  ];
  for (const screen of screens) {
    for (const width of widths) {
      const text = screen(width);
      const long = text.split("\n").filter((line) => displayWidth(line) > width);
      // lines to be copied stay whole
      assertEquals(long.filter((line) => !/^ {2}(deno run|meta\.ts) /.test(line)), [], `${width}`);
      assertEquals(words(text), words(screen(1000)));
    }
  }
});

Deno.test("parseArguments() never throws", () => {
  const words = fc.oneof(
    fc.string(),
    fc.constantFrom("--set", "--seed", "--json", "--", "-", "run", "a.meta", "K=1", ...Object.keys(verbs)),
  );
  fc.assert(fc.property(fc.array(words, { maxLength: 6 }), (args) => {
    assert(["command", "help", "nothing", "version", "wrong"].includes(parseArguments(args).kind));
  }));
});
