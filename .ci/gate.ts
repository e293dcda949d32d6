// Is everything as it was promised? The gate: `.ci/run` and `deno task ok` run these parts in this order, up to the first that fails,
// and print what each took. README's commands are run as they stand there; the last part is every test again, with as many random
// cases as are promised (tests/thorough.ts) and on TensorFlow where it can be set up.

interface Part {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it means that it fails, where the gate goes on without it. */
  readonly without?: string;
}

const root = new URL("../", import.meta.url);

/** What README tells a machine with nothing but Node to run: its first indented lines that begin with `npx`. */
export function frontPageCommands(readme: string): string[] {
  return (/(?:^ {4}npx .*\n)+/m.exec(readme)?.[0] ?? "").split("\n").map((line) => line.trim()).filter(Boolean);
}

const documented = [
  "mod.ts",
  "api",
  "docs/api.md",
  "dsl/diagnostics/render.ts",
  "runtime/errors.ts",
  "runtime/loop",
  "runtime/record",
];

/** The parts of the gate. */
export function gateParts(readme: string): Part[] {
  return [
    { name: "format", command: ["deno", "fmt", "--check"] },
    { name: "lint", command: ["deno", "lint"] },
    {
      name: "types",
      command: ["deno", "check", "--quiet", "mod.ts", "meta.ts", "cli", "tests", "bench", "build", ".ci/gate.ts"],
    },
    { name: "documentation", command: ["deno", "doc", "--lint", "mod.ts"] },
    { name: "examples in the documentation", command: ["deno", "test", "-A", "--doc", ...documented] },
    ...frontPageCommands(readme).map((line) => ({ name: line, command: line.split(" ") })),
    {
      name: "TensorFlow, where pip has its wheel",
      command: ["deno", "task", "setup:tensorflow"],
      without: "not set up: the tests that need it are named as ignored",
    },
    {
      name: "Chromium, where apt has it",
      command: ["deno", "task", "setup:chromium"],
      without: "not installed: the tests of pages are named as ignored",
    },
    { name: "one file of the package, with its types", command: ["deno", "task", "build"] },
    {
      name: "the built file in Deno, Node and Chromium, beside mod.ts",
      command: ["deno", "test", "-A", "--no-check", "tests/built/"],
    },
    {
      name: "every test, with many random cases",
      command: ["deno", "test", "-A", "--parallel", "--no-check"],
      env: { THOROUGH: "1" },
    },
  ];
}

/** Runs a part under its name; false when it failed. */
function run({ name, command: [program, ...args], env = {}, without }: Part): boolean {
  console.log(`== ${name}`);
  const path = program === "deno" ? Deno.execPath() : program!;
  const options = { args, env, cwd: root, stdin: "null", stdout: "inherit", stderr: "inherit" } as const;
  const { success } = new Deno.Command(path, options).outputSync();
  if (!success && without !== undefined) console.log(without);
  return success || without !== undefined;
}

if (import.meta.main) {
  const took: string[] = [];
  let failed: string | undefined;
  for (const part of gateParts(Deno.readTextFileSync(new URL("README.md", root)))) {
    const began = performance.now();
    if (!run(part)) failed = part.name;
    took.push(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${part.name}`);
    if (failed !== undefined) break;
  }
  console.log(["", "what each part took", ...took, ...(failed === undefined ? [] : [`failed: ${failed}`])].join("\n"));
  Deno.exit(failed === undefined ? 0 : 1);
}
