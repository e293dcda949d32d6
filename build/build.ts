// How does one file come of the package? `deno task build` writes `dist/meta.mjs` and its types, `dist/meta.d.mts`: for a folder with a
// `package.json`, for Node and for pages. Modules are put together by `deno bundle`, types by `declarations.ts`.
import { version } from "../api/version.ts";
import { declarations } from "./declarations.ts";

const root = new URL("../", import.meta.url);

const head =
  `// meta ${version}, MIT licence. One file for Deno, Node from 20.16 on, and pages; its types lie beside it.
// @ts-self-types="./meta.d.mts"
`;

/** Writes the two files to a folder; their sizes in bytes. Throws where something is left that a page or Node has not. */
export async function build(folder: URL): Promise<Readonly<Record<string, number>>> {
  Deno.mkdirSync(folder, { recursive: true });
  const bundle = await bundled();
  // where packages lie on the machine that builds is nobody's concern
  const code = head + bundle.replaceAll(packageFolder, "npm:$1/$2") + licences(bundle);
  const left = leftOutside(code);
  if (left.length > 0) throw new Error(`The built file still imports ${left.join(", ")}`);
  const files = { "meta.mjs": code, "meta.d.mts": declarations() };
  const sizes = Object.entries(files).map(([name, text]) => {
    const bytes = new TextEncoder().encode(text);
    Deno.writeFileSync(new URL(name, folder), bytes);
    return [name, bytes.length] as const;
  });
  return Object.fromEntries(sizes);
}

/** What `deno bundle` makes of the package. */
async function bundled(): Promise<string> {
  const args = ["bundle", "--quiet", "--platform=browser", "--format=esm", "build/entry.ts"];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root, stderr: "piped" })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Where a package lies: its name and its version. */
const packageFolder = /(?:\.\.\/)*[^\s"']*\/registry\.npmjs\.org\/((?:@[^/]+\/)?[^/]+)\/([^/\s"']+)/g;

/** What the package and those that are inside ask to be said, as comments: their licences, each text once. */
function licences(bundle: string): string {
  const read = (path: string) => Deno.readTextFileSync(new URL(path, root));
  const texts = new Map([[read("LICENSE"), [`meta ${version}`]]]);
  const folders = new Map([...bundle.matchAll(packageFolder)].map(([folder, ...named]) => [folder, named.join(" ")]));
  for (const [folder, name] of folders) {
    const file = [...Deno.readDirSync(new URL(`${folder}/`, root))].find((each) => /^licen[cs]e/i.test(each.name));
    if (!file) throw new Error(`${name} says nowhere under which licence it is`);
    const text = read(`${folder}/${file.name}`);
    texts.set(text, [...(texts.get(text) ?? []), name]);
  }
  const all = [...texts].map(([text, names]) => `${names.join(", ")}\n\n${text.trim()}`).join("\n\n\n");
  return `\n${all.split("\n").map((line) => `// ${line}`.trimEnd()).join("\n")}\n`;
}

/** What a module names by a text to be imported. */
export function leftOutside(code: string): string[] {
  const named = code.matchAll(
    /^\s*(?:import|export)\b[^;()"'`]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["'`]([^"'`]+)["'`]/gm,
  );
  return [...named].map(([, from, alone, later]) => (from ?? alone ?? later)!);
}

async function packed(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).arrayBuffer()).byteLength;
}

if (import.meta.main) {
  const folder = Deno.args[0] === undefined
    ? new URL("dist/", root)
    : new URL(`file://${Deno.realPathSync(Deno.args[0])}/`);
  for (const [name, bytes] of Object.entries(await build(folder))) {
    const zipped = await packed(Deno.readFileSync(new URL(name, folder)));
    console.log(`${name}: ${Math.round(bytes / 1e3)} kB, ${Math.round(zipped / 1e3)} kB by gzip`);
  }
}
