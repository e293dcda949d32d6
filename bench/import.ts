// How long does a script wait that imports the package by URL? From the start of its process to the first result of a small program, over
// a server on this machine: `mod.ts`, whose modules come one by one, and the built file; the first time (everything is fetched, nothing is
// compiled yet) and later. Medians of processes in turn; requests as the server counted them.
//
//     deno run -A bench/import.ts [ROUNDS]
import { build } from "../build/build.ts";

const root = new URL("../", import.meta.url);
const rounds = Number(Deno.args[0] ?? 5);
const work = new URL(`file://${Deno.makeTempDirSync()}/`);
await build(work);

let requests = 0;
const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
  requests++;
  const { pathname } = new URL(request.url);
  const type = pathname.endsWith(".ts")
    ? "application/typescript"
    : /js$/.test(pathname)
    ? "text/javascript"
    : "text/plain";
  const file = new URL(`.${pathname}`, pathname.startsWith("/meta.") ? work : root);
  return new Response(Deno.readFileSync(file), { headers: { "content-type": type } });
});
const url = `http://127.0.0.1:${server.addr.port}`;

/** Milliseconds of one process. */
async function take(module: string, first: boolean): Promise<number> {
  const script = new URL("script.ts", work);
  Deno.writeTextFileSync(
    script,
    `import { compile } from "${url}/${module}";
const text = "edition 1\\nparam w = 0\\ninner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }\\ngradient w@T wrt fit.lr";
console.log((await compile(text).run()).value());`,
  );
  const again = first ? [`--reload=${url}`] : [];
  const args = [
    "run",
    "--quiet",
    "--no-check",
    "--no-lock",
    `--allow-import=${new URL(url).host}`,
    ...again,
    script.href,
  ];
  const began = performance.now();
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, stdout: "null" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return performance.now() - began;
}

const cases = ["mod.ts", "meta.mjs"].flatMap((module) => [true, false].map((first) => ({ module, first })));
const times = cases.map((): number[] => []);
const asked = cases.map(() => 0);
for (let round = 0; round < rounds; round++) {
  for (const [i, { module, first }] of cases.entries()) {
    requests = 0;
    times[i]!.push(await take(module, first));
    asked[i] = requests;
  }
}
for (const [i, { module, first }] of cases.entries()) {
  const sorted = times[i]!.sort((a, b) => a - b);
  const median = (sorted[Math.floor(rounds / 2)]! / 1000).toFixed(2);
  console.log(`${module.padEnd(9)} ${first ? "first time" : "later     "} ${median} s, ${asked[i]} requests`);
}
await server.shutdown();
Deno.removeSync(work, { recursive: true });
