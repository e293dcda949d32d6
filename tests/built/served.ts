// Where is the built file while it is tested? On a server of its own on this machine, which counts what it is asked for, beside the page
// that tries it.

const types: Readonly<Record<string, string>> = {
  mjs: "text/javascript",
  js: "text/javascript",
  mts: "application/typescript",
  ts: "application/typescript",
  html: "text/html",
  json: "application/json",
};

/** What a page sent. */
export interface FromPage {
  readonly isolated?: boolean;
  readonly facts?: unknown;
  readonly wrong: readonly string[];
}

/** A server of files. */
export interface Served {
  readonly url: string;
  /** Paths that were asked for since this was last called. */
  asked(): string[];
  /** What the next page that is done sends. */
  nextPage(): Promise<FromPage>;
  close(): Promise<void>;
}

const page = (inWorker: boolean) =>
  `<!doctype html><title>meta</title><script type="module">
const wrong = [];
console.error = console.warn = (...all) => wrong.push(all.join(" "));
const send = (said) => fetch("/said", { method: "POST", body: JSON.stringify({ isolated: crossOriginIsolated, wrong, ...said }) });
addEventListener("error", (event) => send({ wrong: [event.message] }));
addEventListener("unhandledrejection", ({ reason }) => send({ wrong: [String(reason?.stack ?? reason)] }));
const place = await (await fetch("/place.json")).json();
place.address = new URL(place.address, location).href;
${
    inWorker
      ? `const code = \`import * as meta from "\${location.origin}/meta.mjs";
import { facts } from "\${location.origin}/everywhere.js";
onmessage = async ({ data }) => postMessage(await facts(meta, data));\`;
const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
worker.onerror = (event) => send({ wrong: [event.message] });
worker.onmessage = ({ data }) => send({ facts: data });
worker.postMessage(place);`
      : `const [meta, { facts }] = await Promise.all([import("/meta.mjs"), import("/everywhere.js")]);
await send({ facts: await facts(meta, place) });`
  }
</script>`;

/** Serves files by their names, those of `source` by their paths, and at \`/page.html\` what tries them: with \`?isolated\` so that threads may share memory there, with
 *  \`?worker\` in a worker. */
export function serve(files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>, source: URL): Served {
  const asked: string[] = [];
  let tell: (said: FromPage) => void = () => {};
  const sourceAt = (path: string) => {
    try {
      return /\.(ts|meta|md|csv|base64)$/.test(path) && !path.includes("..")
        ? Deno.readTextFileSync(new URL(`.${path}`, source))
        : undefined;
    } catch {
      return undefined;
    }
  };
  const answer = async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    asked.push(pathname);
    if (pathname === "/said") {
      tell(await request.json());
      return new Response();
    }
    const content = pathname === "/page.html"
      ? page(searchParams.has("worker"))
      : files[pathname.slice(1)] ?? sourceAt(pathname);
    if (content === undefined) return new Response("", { status: 404 });
    const headers = new Headers({ "content-type": types[pathname.split(".").at(-1)!] ?? "text/plain" });
    if (searchParams.has("isolated")) {
      headers.set("Cross-Origin-Opener-Policy", "same-origin");
      headers.set("Cross-Origin-Embedder-Policy", "require-corp");
    }
    return new Response(content, { headers });
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked: () => asked.splice(0),
    nextPage: () => new Promise((resolve) => tell = resolve),
    close: () => server.shutdown(),
  };
}
