// What did runs over several seeds reach, and in what time? Reads run folders and lines of JSON, and prints the tables of
// docs/results.md: for each program the mean over seeds of what an evaluation reports last, with its 95 % interval
// (Student's t of the seeds' means), and the time of a processor; then the differences of programs over the seeds that both have.
//
//     deno run -A bench/results.ts [--evaluation test] [--report 0] [--time -1] [--lines] RUN_FOLDER … LINES.jsonl …
//
// A line is { "program", "seed", "meta_steps", "test": [at each time], "seconds", "processor" }, as the twins print them;
// `--lines` prints those of the run folders. `seconds` are those of learning, by the clock. The processor time, of the
// whole run, is read from RUN_FOLDER.log, where `/usr/bin/time -f "user %U system %S wall %e"` wrote it, once
// for each part of a run that went on.
import { parseArgs } from "node:util";
import { pairedDifference, summarize } from "../mod.ts";

interface Line {
  readonly program: string;
  readonly seed: number;
  readonly meta_steps: number;
  readonly test: readonly number[];
  readonly seconds: number;
  readonly processor?: number;
}

interface Evaluated {
  readonly name: string;
  readonly reports: readonly { readonly points: readonly { readonly mean: number }[] }[];
}

const { values: options, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    evaluation: { type: "string", default: "test" },
    report: { type: "string", default: "0" },
    time: { type: "string", default: "-1" },
    lines: { type: "boolean", default: false },
  },
});

const lines = positionals.flatMap((path) => path.endsWith(".jsonl") ? linesOf(path) : lineOfRun(path))
  .sort((a, b) => a.seed - b.seed);
if (options.lines) { for (const line of lines) console.log(JSON.stringify(line)); }
else tables(Map.groupBy(lines, (line) => `${line.program}, ${line.meta_steps} meta-steps`));

function tables(programs: ReadonlyMap<string, readonly Line[]>): void {
  row("program", "seeds", "mean", "95 % interval", "of each seed", "processor, s");
  row(...Array(6).fill("---"));
  for (const [program, of] of programs) {
    const values = of.map(reached);
    const { mean, interval } = summarize(values);
    const seeds = of.map((line) => line.seed).join(" ");
    const each = values.map((value) => value.toFixed(3)).join(" ");
    const processor = of.every((line) => line.processor !== undefined)
      ? summarize(of.map((line) => line.processor!)).mean.toFixed(0)
      : "";
    row(program, seeds, mean.toFixed(3), range(interval), each, processor);
  }
  console.log();
  row("difference", "seeds", "mean", "95 % interval");
  row(...Array(4).fill("---"));
  for (const [a, as] of programs) {
    for (const [b, bs] of programs) {
      if (a >= b || isTwin(a) !== isTwin(b)) continue;
      const pairs = as.flatMap((x) =>
        bs.filter((y) => y.seed === x.seed).map((y) => [reached(x), reached(y)] as const)
      );
      if (pairs.length === 0) continue;
      const { mean, interval } = pairedDifference(pairs.map(([x]) => x), pairs.map(([, y]) => y));
      row(`${a} − ${b}`, `${pairs.length}`, mean.toFixed(3), range(interval));
    }
  }
}

/** A twin's seeds are not ours. */
function isTwin(program: string): boolean {
  return program.includes(".py");
}

function row(...cells: readonly string[]): void {
  console.log(`| ${cells.join(" | ")} |`);
}

function range(interval: readonly [number, number] | undefined): string {
  return interval === undefined ? "" : interval.map((end) => end.toFixed(3)).join(" .. ");
}

function reached(line: Line): number {
  return line.test.at(Number(options.time))!;
}

function linesOf(path: string): Line[] {
  return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** The line of a run that is done; none of one that is not. */
function lineOfRun(folder: string): Line[] {
  const text = read(`${folder}/summary.json`);
  if (text === undefined) return [];
  const { seed, outers, evaluations } = JSON.parse(text);
  const program: string = JSON.parse(read(`${folder}/metrics.jsonl`)!.split("\n", 1)[0]!).source;
  const evaluation: Evaluated = evaluations.findLast((e: Evaluated) => e.name === options.evaluation);
  const took = [...(read(`${folder}.log`) ?? "").matchAll(/^user ([\d.]+) system ([\d.]+)/gm)];
  return [{
    program: program.split("/").at(-1)!,
    seed,
    meta_steps: outers.at(-1).steps,
    test: evaluation.reports[Number(options.report)]!.points.map((point) => point.mean),
    seconds: outers.at(-1).seconds,
    ...(took.length > 0 &&
      { processor: took.reduce((sum, [, user, system]) => sum + Number(user) + Number(system), 0) }),
  }];
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
