// Which tests run in which process? Deno gives each file that it is told of a process of its own, which loads everything again and has
// compiled nothing yet. `deno test` is told of the suites in this folder, so that few processes do the work; any file may still be named
// alone (`deno test -A tests/dsl/format`).

/** What each suite takes: folders and files of `tests/`. Where two fit, the longer one holds. Each begins cold, so they are few; they
 *  begin in the order of their names, so that two cores that take them by turns end together. */
export const suites: Readonly<Record<string, readonly string[]>> = {
  conformance: ["acceptance/", "api/", "conformance/"],
  // these two see what is made once in a process
  how_it_works: ["docs/how_it_works_test.ts"],
  library: ["dsl/modules/library_test.ts"],
  language: ["docs/", "dsl/", "limits/"],
  runtime: ["loop/", "record/", "runtime/"],
  tree: ["", "cli/", "random/"],
};

const tests = new URL("../", import.meta.url);

/** Folders whose tests are run by their own names: what is long and rare, the suites, and the built file, which is made first. */
const apart = ["slow", "suites", "built"];

/** The test files under a folder of `tests/`, by their paths in it; none of those that are run by their own names. */
export function testFiles(folder = ""): string[] {
  return [...Deno.readDirSync(new URL(folder, tests))].flatMap(({ name, isDirectory }) => {
    const path = folder + name;
    if (isDirectory) return apart.includes(path) ? [] : testFiles(`${path}/`);
    return name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}

/** The suite that takes a test file. */
export function suiteOf(path: string): string {
  const fitting = Object.entries(suites).flatMap(([suite, starts]) =>
    starts.filter((start) => path.startsWith(start)).map((start) => ({ suite, start }))
  );
  return fitting.reduce((best, next) => next.start.length > best.start.length ? next : best).suite;
}

/** Loads the tests of the suite whose file asks, `import.meta.url`. */
export async function loadSuite(url: string): Promise<void> {
  const suite = url.slice(url.lastIndexOf("/") + 1).replace("_test.ts", "");
  for (const path of testFiles()) if (suiteOf(path) === suite) await import(new URL(path, tests).href);
}
