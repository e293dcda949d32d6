// Is a program compiled that lies at an address, with what it reads there, and is what cannot be read said with its cure?
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CompileError, compileFile, compileUrl, FileAccessError } from "../../mod.ts";
import { encodeNpy } from "../../runtime/record/npy.ts";
import { joined } from "../joined.ts";

const program = `edition 1
import double from "./parts/double.meta"
data train from "tables/a b.csv" { x : [_]   y : [_] }
data other { z : [_] from file "more.npy" }
param w = 0
inner fit { minimize mean((double(w) * train.x - train.y)^2) over w by sgd(lr = 0.01) for T = 3 steps }
gradient (w@T)^2 + sum(other.z) wrt fit.lr
`;
const npy = joined(encodeNpy({ dtype: "f64", shape: [2], data: Float64Array.of(1.5, 2.5) }));

type Answer = string | Uint8Array<ArrayBuffer> | ((request: Request) => Response);

/** Serves files on loopback while `work` goes on; which paths were asked for. */
async function serving(
  files: Readonly<Record<string, Answer>>,
  work: (host: string, asked: readonly string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname.slice(1));
    asked.push(path);
    const answer = files[path];
    if (answer === undefined) return new Response("none", { status: 404 });
    return typeof answer === "function" ? answer(request) : new Response(answer);
  });
  try {
    await work(`http://127.0.0.1:${server.addr.port}`, asked);
  } finally {
    await server.shutdown();
  }
}

const files: Readonly<Record<string, Answer>> = {
  "at/program.meta": program,
  "at/parts/double.meta": "edition 1\nfn double(x) = 2 * x\n",
  "at/tables/a b.csv": "x,y\n1,2\n2,4.5\n",
  "at/more.npy": npy,
};

Deno.test("compileUrl() gives the run that compileFile() gives of the same files, each fetched once", () =>
  serving(files, async (host, asked) => {
    const folder = Deno.makeTempDirSync();
    try {
      for (const [name, content] of Object.entries(files)) {
        const path = `${folder}/${name}`;
        Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
        Deno.writeFileSync(
          path,
          typeof content === "string" ? new TextEncoder().encode(content) : content as Uint8Array,
        );
      }
      const here = await compileFile(`${folder}/at/program.meta`).run();
      const there = await compileUrl(`${host}/at/program.meta?token=a`);
      assertEquals([...asked].sort(), Object.keys(files).sort());
      const run = await there.run();
      assertEquals([there.name, run.value(), run.gradient("fit.lr")], [
        "program.meta",
        here.value(),
        here.gradient("fit.lr"),
      ]);
      // the same call takes files of this machine
      const local = await compileUrl(new URL(`file://${folder}/at/program.meta`));
      assertEquals((await local.run()).value(), here.value());
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }));

Deno.test("compileUrl() reads data of a second address, sends what is to go with each request, and follows a redirection", () =>
  serving({
    "program.meta": (request) => Response.redirect(new URL("/moved/program.meta", request.url)),
    "moved/program.meta": (request) => new Response(request.headers.get("x-key") === "k" ? program : "none"),
    "moved/parts/double.meta": files["at/parts/double.meta"]!,
    "else/tables/a b.csv": files["at/tables/a b.csv"]!,
    "else/more.npy": npy,
    "moved/more.npy": npy,
  }, async (host) => {
    const options = { request: { headers: { "x-key": "k" } }, dataFolder: `${host}/else` };
    const error = await assertRejects(() => compileUrl(`${host}/program.meta`, options), CompileError);
    assertEquals(error.diagnostics.length, 1);
    assertStringIncludes(error.message, `\`more.npy\` lies at ${host}/moved/ and at ${host}/else/`);
    const one = program.replace(/data other.*\n/, "").replace(" + sum(other.z)", "");
    await serving(
      { ...files, "at/program.meta": one, "at/tables/a b.csv": () => new Response("", { status: 404 }) },
      async (at) => {
        const run = await (await compileUrl(`${at}/at/program.meta`, options)).run();
        assertEquals(run.outcome, "done");
      },
    );
  }));

/** What is answered in place of a file, and what is said of it. */
const refused: readonly (readonly [what: string, answer: Answer | undefined, said: string])[] = [
  ["is not there", undefined, "there is no such file"],
  [
    "may not be read",
    () => new Response("", { status: 403, statusText: "Forbidden" }),
    "the server answers 403 Forbidden",
  ],
  [
    "is a page",
    () => new Response("<html>", { headers: { "content-type": "text/html; charset=utf-8" } }),
    "it is a page for people, and not the file itself (at GitHub that is what `Raw` leads to)",
  ],
  ["is no text", new Uint8Array([255, 254, 0]), "is not UTF-8 text"],
];

for (const [what, answer, said] of refused) {
  Deno.test(`compileUrl() says of a program that ${what} why it is not read`, () =>
    serving(answer === undefined ? {} : { "a.meta": answer }, async (host) => {
      const { message } = await assertRejects(() => compileUrl(`${host}/a.meta`), FileAccessError);
      assertStringIncludes(message, `${host}/a.meta\``);
      assertStringIncludes(message, said);
      assertEquals(message.includes("secret"), false);
      const { hostname, port } = new URL(host);
      await assertRejects(() => compileUrl(`http://me:secret@${hostname}:${port}/a.meta`), FileAccessError);
    }));
}

Deno.test("compileUrl() says in the program's text which import, data or images cannot be read, and which are too large before they come", () =>
  serving({
    "a.meta": `edition 1
import f from "gone.meta"
data d from "forbidden.csv" { x : [_] }
data e from "large.csv" { x : [_] }
data i from "images/*.png" { image : u8 [_, 2, 2] }
gradient f(1) + sum(d.x) + sum(e.x) + sum(1.0 * i.image) wrt f
`,
    "forbidden.csv": () => new Response("", { status: 403 }),
    "large.csv": () =>
      new Response(
        new ReadableStream({
          pull(stream) {
            stream.enqueue(new Uint8Array(1000).fill(48));
          },
        }),
        { headers: { "content-length": "1000000000" } },
      ),
  }, async (host) => {
    const { message } = await assertRejects(
      () => compileUrl(`${host}/a.meta`, { limits: { data: 1e6 } }),
      CompileError,
    );
    assertStringIncludes(message, "There is no file `gone.meta`");
    assertStringIncludes(message, `Cannot read \`${host}/forbidden.csv\`: the server answers 403`);
    assertStringIncludes(message, "An address has no list of what lies there");
    assertStringIncludes(message, "a.meta:4:");
    assertStringIncludes(message, "the data of the program take 1000000000 bytes, and 1000000 are allowed");
  }));

Deno.test("compileUrl() says which permission is missing, and is given up by the signal of its requests", async () => {
  const { fetch } = globalThis;
  try {
    globalThis.fetch = () => Promise.reject(new Deno.errors.NotCapable("Requires net access"));
    const { message } = await assertRejects(() => compileUrl("https://a.org:8000/b.meta"), FileAccessError);
    assertEquals(
      message,
      "Cannot read `https://a.org:8000/b.meta`: Deno was not given the permission; add --allow-net=a.org:8000",
    );
  } finally {
    globalThis.fetch = fetch;
  }
  await serving(files, async (host) => {
    const request = { signal: AbortSignal.abort() };
    await assertRejects(() => compileUrl(`${host}/at/program.meta`, { request }), DOMException, "abort");
  });
  await assertRejects(() => compileUrl("examples/toy.meta"), TypeError);
  await assertRejects(() => compileUrl("ftp://a.org/b.meta"), TypeError, "begins with none of");
});

Deno.test("compileFile() of an address says what reads it", () => {
  for (const file of ["https://a.org/b.meta", new URL("http://a.org/b.meta")]) {
    try {
      compileFile(file);
      throw new Error("taken");
    } catch (error) {
      assertEquals(error instanceof FileAccessError, true);
      assertStringIncludes((error as Error).message, "is an address, and files of this machine are read here");
    }
  }
});
