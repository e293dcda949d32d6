// A module imported from a URL gets no import map and no files: the whole package must come along by its own specifiers.
import { assertEquals } from "@std/assert";
import { line } from "../cli/programs.ts";

const root = new URL("../../", import.meta.url);
const types: Readonly<Record<string, string>> = {
  ts: "application/typescript",
  json: "application/json",
  meta: "text/plain",
};

/** Serves the package's source, nothing else, on loopback. */
function servePackage(): { readonly port: number; readonly asked: Set<string>; close(): Promise<void> } {
  const asked = new Set<string>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const path = new URL(request.url).pathname.slice(1);
    asked.add(path);
    const type = types[path.split(".").at(-1)!];
    if (path.includes("..") || path.startsWith("tests/") || type === undefined) {
      return new Response("", { status: 404 });
    }
    try {
      return new Response(Deno.readFileSync(new URL(path, root)), { headers: { "content-type": type } });
    } catch {
      return new Response("", { status: 404 });
    }
  });
  return { port: server.addr.port, asked, close: () => server.shutdown() };
}

Deno.test("mod.ts works when it is imported by URL from an empty folder", async () => {
  const served = servePackage();
  const folder = Deno.makeTempDirSync();
  try {
    const script = `
      import { compile } from "http://127.0.0.1:${served.port}/mod.ts";
      const experiment = compile(${JSON.stringify(line)});
      const run = await experiment.run({ backend: "auto" });
      console.log(JSON.stringify([run.value(), [...run.parameter("line.w", { time: 3 }).data]]));
    `;
    Deno.writeTextFileSync(`${folder}/script.ts`, script);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      // beside importing from a host that Deno does not know, no permission at all: computing needs none
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        `--allow-import=127.0.0.1:${served.port}`,
        `--reload=http://127.0.0.1:${served.port}`,
        "script.ts",
      ],
      cwd: folder,
      stdout: "piped",
      stderr: "piped",
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)), [0.5 ** 6, [3 - 0.5 ** 3]]);
    assertEquals(served.asked.has("mod.ts"), true);
  } finally {
    await served.close();
    Deno.removeSync(folder, { recursive: true });
  }
});
