// Is there a program that goes silently wrong? Random well-typed programs of a seed are run in several ways (tests/random/oracle.ts);
// what is found is shrunk to the smallest program that still fails. The exit code is 1 when something was found.
//
//     deno run -A bench/fuzz.ts [--programs 1500] [--seed 7] [--jobs 2] [--shrink 500] [--only 42]
//
// With RANDOM_TENSORFLOW=1 in the environment, and TensorFlow set up, programs are held against it too.
// A find is pinned by saving its program as `tests/programs/found/NAME.meta`.
import { parseArgs } from "node:util";
import { castNet } from "../tests/random/net.ts";
import { type Haul, haul } from "../tests/random/pool.ts";
import { markOf, shrink } from "../tests/random/shrink.ts";

const { values } = parseArgs({
  options: {
    programs: { type: "string", default: "1500" },
    seed: { type: "string", default: `${crypto.getRandomValues(new Uint32Array(1))[0]}` },
    jobs: { type: "string", default: `${navigator.hardwareConcurrency}` },
    shrink: { type: "string", default: "500" },
    only: { type: "string" },
  },
});
const seed = Number(values.seed);

/** Prints a find with its smallest program. */
async function show(index: number, check: string): Promise<void> {
  const caught = await castNet(seed, index);
  const find = caught.finds.find((f) => f.check === check)!;
  const small = await shrink(find, { seed, index, program: caught.program }, Number(values.shrink));
  console.log(`\n${check}, program ${index} of seed ${seed}: ${small.detail}`);
  for (const [path, text] of [...small.program.files, ["program.meta", small.program.text] as const]) {
    console.log(`--- ${path}\n${text.trim()}`);
  }
}

function summary({ written, ran, constructs, looked, why }: Haul): void {
  console.log(`\n${written} programs of seed ${seed}, ${ran} ran`);
  for (const [check, counts] of [...looked].sort()) {
    console.log(`  ${check.padEnd(24)} ${[...counts].map(([said, n]) => `${said} ${n}`).join(", ")}`);
  }
  console.log("why programs did not run");
  for (const [reason, n] of [...why].sort((a, b) => b[1] - a[1])) console.log(`  ${n}  ${reason}`);
  const rare = [...constructs].sort((a, b) => a[1] - b[1]).slice(0, 12);
  console.log("rarest, part of the programs that ran");
  for (const [name, n] of rare) console.log(`  ${(100 * n / ran).toFixed(1).padStart(5)} %  ${name}`);
}

if (values.only !== undefined) {
  const index = Number(values.only);
  const { program, finds, why, looked } = await castNet(seed, index);
  console.log(program.text, why ?? "runs", Object.fromEntries(looked));
  for (const { check } of finds) await show(index, check);
  Deno.exit(finds.length > 0 ? 1 : 0);
}

const result = await haul({
  seed,
  programs: Number(values.programs),
  jobs: Number(values.jobs),
  watch: ({ index, finds }) => finds.forEach((f) => console.log(`${index}: ${f.check}: ${f.detail.slice(0, 200)}`)),
});
summary(result);

// one of each sort, the first that was found
const sorts = new Map<string, { index: number; check: string; count: number }>();
for (const { index, finds } of result.found) {
  for (const find of finds) {
    const sort = find.check === "thrown" || find.check === "mistakes" || find.check === "refused"
      ? markOf(find)
      : find.check;
    const before = sorts.get(sort);
    if (before) before.count++;
    else sorts.set(sort, { index, check: find.check, count: 1 });
  }
}
console.log(`\n${result.found.length} programs with finds, of ${sorts.size} sorts`);
for (const { index, check, count } of sorts.values()) {
  await show(index, check);
  console.log(`(${count} of this sort)`);
}
Deno.exit(result.found.length > 0 ? 1 : 0);
