// Do the walls of the house stand? Which folder of `dsl/` may import which is a table; nothing goes in circles; `runtime/` knows
// nothing of the language, and no backend of another; no test looks at a clock. A wall is changed by a decision, never by an exception.
import { assert, assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url);

/** Each folder imports only from floors above its own; wings of one floor do not know each other. Types too. */
const floors: readonly (readonly string[])[] = [
  ["dsl/text"],
  ["dsl/syntax"],
  ["dsl/diagnostics"],
  ["dsl/prelude"],
  ["dsl/format"],
  ["dsl/parse/tokens"],
  ["dsl/parse/grammar"],
  ["dsl/parse/tree"],
  ["dsl/parse/messages"],
  ["dsl/parse"],
  ["dsl/modules"],
  ["dsl/world"],
  ["dsl/elaborate"],
  ["dsl/builtins", "dsl/data", "dsl/loops"],
  ["dsl/evaluate"],
  ["dsl/check"],
  ["dsl/lower"],
  ["dsl"],
];

/** The rooms at the top. */
const shippedRooms: readonly string[] = ["api/", "cli/", "draw/", "dsl/", "runtime/"];

interface Import {
  readonly from: string;
  readonly to: string;
  /** It brings types only. */
  readonly types: boolean;
}

function* modulesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    if (isDirectory) yield* modulesIn(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

/** What a module imports from this project, types included. */
function importsOf(module: string, text: string): Import[] {
  const specifiers = text.matchAll(
    /(?:^|\n)(?:import|export)\b([^;"=(]*?)(?:\bfrom\s+)?"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"/g,
  );
  return [...specifiers].map(([, names = "", specifier, later]) => {
    const to = new URL((specifier ?? later)!, new URL(module, root)).href.slice(root.href.length);
    const each = names.replaceAll(/[{}]/g, "").split(",").map((name) => name.trim()).filter((name) => name !== "");
    const types = each.length > 0 &&
      (names.trim().startsWith("type ") || each.every((name) => name.startsWith("type ")));
    return { from: module, to, types };
  });
}

const folderOf = (module: string) => module.slice(0, module.lastIndexOf("/"));

const modules = [...modulesIn("dsl/"), ...modulesIn("runtime/")];
const imports = modules.flatMap((module) => importsOf(module, Deno.readTextFileSync(new URL(module, root))));

/** Imports that no floor allows. */
function againstFloors(list: readonly Import[]): string[] {
  const height = new Map(floors.flatMap((folders, k) => folders.map((folder) => [folder, k] as const)));
  return list.flatMap(({ from, to }) => {
    const [a, b] = [folderOf(from), folderOf(to)];
    if (!from.startsWith("dsl/") || !to.startsWith("dsl/") || a === b) return [];
    const [here, there] = [height.get(a), height.get(b)];
    return here === undefined || there === undefined || there >= here ? [`${from} imports ${to}`] : [];
  });
}

/** Modules that import each other, directly or through others. */
function circles(list: readonly Import[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of list) next.set(from, [...(next.get(from) ?? []), to]);
  const reached = (start: string) => {
    const seen = new Set<string>();
    const open = [...(next.get(start) ?? [])];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      open.push(...(next.get(at) ?? []));
    }
    return seen;
  };
  const all = new Map([...next.keys()].map((module) => [module, reached(module)]));
  const found = new Map<string, string[]>();
  for (const [module, seen] of all) {
    if (!seen.has(module)) continue;
    const circle = [...seen].filter((other) => all.get(other)?.has(module)).sort();
    found.set(circle.join(" "), circle);
  }
  return [...found.values()];
}

Deno.test("every folder of dsl/ imports from the floors above it only", () => {
  assert(imports.length > 500, "the imports are read");
  assertEquals(againstFloors(imports), []);
  // one against the floors is seen
  const wrong = { from: "dsl/text/source.ts", to: "dsl/loops/loops.ts", types: true };
  assertEquals(againstFloors([...imports, wrong]).length, 1);
});

Deno.test("nothing in dsl/ goes in circles, types included, so that every module of it can be imported first", () => {
  const own = imports.filter(({ from, to }) => from.startsWith("dsl/") && to.startsWith("dsl/"));
  assertEquals(circles(own), []);
  const [{ from, to }] = own as [Import];
  assertEquals(circles([...own, { from: to, to: from, types: true }]).length, 1, "a circle is seen");
});

Deno.test("the circles of runtime/ are those that are essential, and each module in them can be imported first", async () => {
  const own = imports.filter(({ from, types }) => from.startsWith("runtime/") && !types);
  const found = circles(own);
  // a derivative may ask for derivatives; what is written may be made special for what is known
  assertEquals(found.map((circle) => folderOf(circle[0]!)), ["runtime/autodiff", "runtime/ir"]);
  const failed: string[] = [];
  for (const module of found.flat()) {
    const code = `import ${JSON.stringify(new URL(module, root).href)}; postMessage(0);`;
    const worker = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, { type: "module" });
    await new Promise<void>((resolve) => {
      worker.onmessage = () => resolve();
      worker.onerror = (event) => {
        event.preventDefault();
        failed.push(`${module}: ${event.message}`);
        resolve();
      };
    });
    worker.terminate();
  }
  assertEquals(failed, []);
});

Deno.test("dsl/ knows of runtime/ the representation, the form of a program, and what reaches what", () => {
  const known =
    /^runtime\/(ir\/|program\/|errors\.ts$|limits\.ts$|bytes\.ts$|platform\.ts$|packages\.ts$|autodiff\/influence\.ts$)/;
  const beyond = (list: readonly Import[]) =>
    list.filter(({ from, to }) => from.startsWith("dsl/") && to.startsWith("runtime/") && !known.test(to));
  assertEquals(beyond(imports), []);
  const wrong = { from: "dsl/lower/reach.ts", to: "runtime/loop/run.ts", types: true };
  assertEquals(beyond([...imports, wrong]), [wrong]);
});

Deno.test("runtime/ imports nothing of the language, and no backend another one's folder", () => {
  const upwards = imports.filter(({ from, to }) => from.startsWith("runtime/") && !to.startsWith("runtime/"));
  assertEquals(upwards, []);
  const backends = modules.filter((module) => /^runtime\/backend\/\w+\/index\.ts$/.test(module)).map(folderOf);
  assert(backends.length >= 3);
  const backendOf = (module: string) => backends.find((folder) => folderOf(module) === folder);
  const between = imports.flatMap(({ from, to }) => {
    const [a, b] = [backendOf(from), backendOf(to)];
    return a && b && a !== b ? [`${from} imports ${to}`] : [];
  });
  assertEquals(between, []);
});

Deno.test("draw/ knows nothing of runs, and running a program loads nothing that draws", () => {
  const own = [...modulesIn("draw/")].flatMap((module) =>
    importsOf(module, Deno.readTextFileSync(new URL(module, root)))
  );
  const beyond = (list: readonly Import[]) =>
    list.filter(({ from, to }) => from.startsWith("draw/") && !/^(draw|dsl\/text)\//.test(to));
  assert(own.length > 10);
  assertEquals(beyond(own), []);
  const wrong = { from: "draw/axis.ts", to: "api/run.ts", types: true };
  assertEquals(beyond([...own, wrong]), [wrong]);
  // what is loaded with a module: all that it imports, but for types and what it imports when it is first asked for
  const loaded = (more: Readonly<Record<string, string>> = {}) => {
    const seen = new Set<string>();
    const open = ["meta.ts", "mod.ts"];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const text = (more[at] ?? "") + Deno.readTextFileSync(new URL(at, root));
      const now = importsOf(at, text.replaceAll(/\bimport\(\s*"/g, 'later("'));
      // examples in comments import programs, too
      open.push(...now.filter(({ types, to }) => !types && to.endsWith(".ts")).map(({ to }) => to));
    }
    return [...seen].filter((module) => /^(draw|api\/report)\//.test(module));
  };
  assertEquals(loaded(), []);
  assert(loaded({ "cli/run_verb.ts": '\nimport { axisFor } from "../draw/axis.ts";\n' }).includes("draw/axis.ts"));
});

/** Lines of code, not comments, of the tests. This file is not asked. */
const testLines = [...modulesIn("tests/")].filter((module) => module !== "tests/architecture_test.ts").flatMap((
  module,
) =>
  Deno.readTextFileSync(new URL(module, root)).split("\n").filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line))
    .map((line) => ({ module, line }))
);
/** Those in which something stands. */
const linesWith = (what: RegExp, lines = testLines) =>
  lines.filter(({ line }) => what.test(line)).map(({ module, line }) => `${module}: ${line.trim()}`);

Deno.test("no test reads a clock", () => {
  const clocks = /\bperformance\.\w|\bDate\b|\bTemporal\b|\bhrtime\b|\bconsole\.time/;
  assertEquals(linesWith(clocks), []);
  assertEquals(linesWith(clocks, [{ module: "a.ts", line: "  const began = performance.now();" }]).length, 1);
});

Deno.test("no test waits but for other threads, other processes and later turns, in one file", () => {
  const waits = /\bset(Timeout|Interval)\b|\bAtomics\.wait|\bAbortSignal\.timeout\b|@std\/async|node:timers/;
  assertEquals(new Set(linesWith(waits).map((line) => line.split(":")[0])), new Set(["tests/waits.ts"]));
});

Deno.test("tests import nothing of bench/, and what is shipped nothing of either", () => {
  const shipped = ["mod.ts", "meta.ts", ...shippedRooms.flatMap((f) => [...modulesIn(f)])];
  const reading = (list: readonly string[]) =>
    list.flatMap((module) => importsOf(module, Deno.readTextFileSync(new URL(module, root))));
  const all = [...reading([...modulesIn("tests/")]), ...reading(shipped)];
  const wrong = (list: readonly Import[]) =>
    list.filter(({ from, to }) => to.startsWith("bench/") || to.startsWith("tests/") && !from.startsWith("tests/"));
  assertEquals(wrong(all), []);
  const seen = ["tests/work.ts", "api/run.ts"].map((from) => ({ from, to: "bench/compile.ts", types: true }));
  assertEquals(wrong([...all, ...seen, { from: "mod.ts", to: "tests/work.ts", types: true }]).length, 3);
});

Deno.test("no name is taken apart where a program is understood: it has a path, which is compared as words", () => {
  // text is read in dsl/{text, parse, format}, files are in dsl/{modules, data}, sentences and foreign words in dsl/diagnostics
  const rooms = ["world", "elaborate", "builtins", "loops", "evaluate", "check", "lower"].map((room) => `dsl/${room}/`);
  const files = ["dsl/compile.ts", "dsl/describe.ts", ...rooms.flatMap((room) => [...modulesIn(room)])];
  const lines = files.flatMap((module) =>
    Deno.readTextFileSync(new URL(module, root)).split("\n").map((line) => ({ module, line }))
  );
  const apart =
    /\.(startsWith|endsWith|lastIndexOf|charAt|charCodeAt|substring|replace|replaceAll|match|matchAll|exec|test|search)\(|\.split\((?!" "\))|\.(indexOf|includes)\("[^\w\\]/;
  assertEquals(linesWith(apart, lines), []);
  const old = [
    "l.name.startsWith(`${name}[`)",
    'leaf.name.split(".")[0]',
    'l.name.slice(l.name.indexOf("[") + 1, -1)',
    'r.label.replace(/@0$/, "")',
    "/^.*:/.test(name)",
  ];
  assertEquals(linesWith(apart, old.map((line) => ({ module: "a.ts", line }))).length, old.length);
});

Deno.test("numbers of random cases come from one setting, tests/thorough.ts, and are of a seed", () => {
  const own = /\bnumRuns: (?!cases\([\d_]+, [\d_]+\), seed: )/;
  assertEquals(linesWith(own), []);
  assertEquals(linesWith(own, [{ module: "a_test.ts", line: "  { numRuns: cases(40, 500) }," }]).length, 1);
  assertEquals(linesWith(own, [{ module: "a_test.ts", line: "  { numRuns: 200, seed: 1 }," }]).length, 1);
});

Deno.test("what a run writes goes through one layer, in whose place tests put disks that fail", () => {
  const changing =
    /\bDeno\.(open|create|mkdir|rename|remove|truncate|write\w*|copyFile|link|symlink|chmod|utime)(Sync)?\b/;
  const sweeps = ["lanes", "plan", "verb", "worker"].map((name) => `cli/sweep_${name}.ts`);
  const verbs = ["run_verb", "resume_verb", "prepared", "carried_out", "swept_run"].map((name) => `cli/${name}.ts`);
  const lines = [...modulesIn("runtime/record/"), ...verbs, ...sweeps]
    .filter((module) => module !== "runtime/record/disk.ts").flatMap((module) =>
      Deno.readTextFileSync(new URL(module, root)).split("\n").map((line) => ({ module, line }))
    );
  assertEquals(linesWith(changing, lines), []);
  assertEquals(linesWith(changing, [{ module: "a.ts", line: "  Deno.removeSync(path);" }]).length, 1);
});

Deno.test("packages have exact versions and one file each, and only that of the parser comes with an import of the product", () => {
  const shipped = ["mod.ts", "meta.ts", ...shippedRooms.flatMap((f) => [...modulesIn(f)])];
  const packages = (list: readonly { module: string; text: string }[]) =>
    list.flatMap(({ module, text }) =>
      [...text.matchAll(/(import\(|from)?\s*["`](npm:[^"`]+)["`]/g)].map(([, how = "", name]) =>
        `${module} ${how} ${name}`
      )
    );
  const found = packages(shipped.map((module) => ({ module, text: Deno.readTextFileSync(new URL(module, root)) })));
  assertEquals([...new Set(found)].sort(), [
    "dsl/data/jpeg.ts  npm:jpeg-js@0.4.4",
    "dsl/data/parquet_package.ts  npm:hyparquet@1.31.5",
    "dsl/parse/tokens/chevrotain.ts from npm:chevrotain@13.2.0",
    "runtime/backend/tensorflow/package.ts  npm:${name}@${packageVersion}",
  ]);
  assertEquals(packages([{ module: "a.ts", text: 'await import("npm:a@1");' }]), ["a.ts import( npm:a@1"]);
});

/** What an import of `mod.ts` brings, at once or when it is first needed. */
function reachedFromTheApi(): string[] {
  const reached = new Set(["mod.ts"]);
  for (const module of reached) {
    for (const { to } of importsOf(module, Deno.readTextFileSync(new URL(module, root)))) {
      if (to.endsWith(".ts")) reached.add(to);
    }
  }
  return [...reached];
}

Deno.test("what mod.ts reaches runs in a page: it imports no module of Node, and asks in few files for what Deno alone has", () => {
  const reached = reachedFromTheApi();
  assert(reached.length > 250 && reached.includes("runtime/backend/tensorflow/index.ts"), "imports are followed");
  const lines = reached.flatMap((module) =>
    Deno.readTextFileSync(new URL(module, root)).split("\n").filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line))
      .map((line) => ({ module, line }))
  );
  const ofNode = /(?<!typeof )\bimport(\(|\s)[^;]*"node:|\bfrom "node:/;
  assertEquals(linesWith(ofNode, lines), []);
  const planted = [
    'import { join } from "node:path";',
    'import "node:path";',
    'await import("node:os");',
    '} from "node:fs";',
  ];
  assertEquals(linesWith(ofNode, planted.map((line) => ({ module: "a.ts", line }))).length, 4);
  // TensorFlow is loaded in Deno only
  const doors = ["runtime/platform.ts", "runtime/record/file_system.ts", "runtime/backend/wasm/workers.ts"];
  const others = lines.filter(({ module }) =>
    !doors.includes(module) && !module.startsWith("runtime/backend/tensorflow/")
  );
  const ofOne = /\bDeno\.(?!customInspect)|\bnavigator\b|\bprocess\.|\bnew Worker\b|\bBuffer\.(from|alloc|concat)\b/;
  assertEquals(linesWith(ofOne, others), []);
  const asked = ["Deno.cwd()", "navigator.gpu", "process.env", "new Worker(url)", 'Buffer.from("a")'];
  assertEquals(linesWith(ofOne, asked.map((line) => ({ module: "a.ts", line }))).length, asked.length);
  // of what is newer than ES2023 the most tempting; `deno task build` finds all
  const methods =
    "union|intersection|difference|symmetricDifference|isSubsetOf|isSupersetOf|isDisjointFrom|toBase64|fromBase64";
  const newer = new RegExp(
    `(?<!\\.)\\.(${methods})\\(|\\b(groupBy|withResolvers|fromAsync)\\(|\\busing \\w+ =|` +
      "\\.(values|keys|entries)\\(\\)\\.(map|filter|some|every|find|reduce|toArray|flatMap|take|drop)\\(",
  );
  assertEquals(linesWith(newer, lines), []);
  const tempting = ["a.union(b)", "Map.groupBy(a, f)", "using file = open();", "map.keys().map(f)"];
  assertEquals(linesWith(newer, tempting.map((line) => ({ module: "a.ts", line }))).length, tempting.length);
});

Deno.test("the built file brings every package that is loaded when it is first asked for", () => {
  const entry = Deno.readTextFileSync(new URL("build/entry.ts", root));
  const asked = reachedFromTheApi().flatMap((module) => {
    const text = Deno.readTextFileSync(new URL(module, root));
    return text.includes("loadPackage") ? [...text.matchAll(/"(npm:[^"]+)"/g)].map(([, name]) => name!) : [];
  });
  assert(asked.length >= 2, asked.join());
  assertEquals(asked.filter((name) => !entry.includes(`import("${name}`)), []);
});

Deno.test("every verb that compiles loads what reads images before", () => {
  const compiling = [...modulesIn("cli/")].filter((module) => {
    const text = Deno.readTextFileSync(new URL(module, root));
    return /\bopenProgramFiles\(/.test(text) && /\bcompile(Program)?\(/.test(text);
  });
  const without = compiling.filter((module) =>
    !Deno.readTextFileSync(new URL(module, root)).includes("await loadReadersFor(")
  );
  assertEquals([compiling.length, without], [5, []]);
});
