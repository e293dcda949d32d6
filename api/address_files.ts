// How is a program read that lies at an address? Compiling does not wait: what it asks for and is not there yet is fetched, and it is
// compiled once more, until it asks for nothing new. As on a disk, a program reads what lies in its own folder, and data of one more that
// its caller names.
import { loadJpegReader } from "../dsl/data/jpeg.ts";
import { loadParquetReader } from "../dsl/data/parquet_package.ts";
import type { ReadData } from "../dsl/data/data_files.ts";
import type { SourceText } from "../dsl/text/source.ts";
import { FileAccessError } from "../runtime/record/files.ts";
import { decodeSource, refuseOutside, takeSource } from "./program_files.ts";

/** What lies at an address, as far as it was asked for. */
export interface AddressFiles {
  readonly root: SourceText;
  readSource(path: string): string | undefined;
  readonly readData: ReadData;
  findData(pattern: string, why?: "hint"): never[];
  /** Whether data came from there. */
  gaveData(): boolean;
  /** Fetches what was asked for and is not there yet; false when that is nothing. Throws what the signal of the requests says. */
  more(): Promise<boolean>;
}

/** How an address is read. */
export interface AddressOptions {
  /** The address of a second folder in which data and starts are looked for. */
  readonly dataFolder?: string | URL | undefined;
  /** Headers, a signal, and what else belongs to each request. */
  readonly request?: RequestInit | undefined;
  /** Bytes that no file exceeds. */
  readonly most: number;
}

type Take = (bytes: number) => boolean;

/** What came of a request: the content, or its size where nobody takes so much; undefined where there is no such file. */
type Fetched = { readonly bytes?: Uint8Array<ArrayBuffer>; readonly size: number; readonly url: string } | undefined;

/** Fetches the root text. Throws FileAccessError that says why it cannot be read. */
export async function openAddress(
  address: URL,
  { dataFolder, request = {}, most }: AddressOptions,
): Promise<AddressFiles> {
  const fetched = await fetchFile(address, { take: takeSource(shown(address)), request, most });
  if (!fetched?.bytes) throw new FileAccessError(`Cannot read \`${shown(address)}\`: there is no such file`);
  const root = { name: nameOf(address), text: decodeSource(shown(address), fetched.bytes) };
  // what lies beside the program lies beside where a redirection led
  const own = new URL(".", fetched.url);
  const others = dataFolder === undefined ? [] : [folderAt(dataFolder)];
  const known = new Map<string, Fetched | FileAccessError>();
  const wanted = new Map<string, { readonly folders: readonly URL[]; readonly take: Take }>();
  await loadReaders(root.text);

  function read(kind: "source" | "data", path: string, take: Take): Uint8Array | undefined {
    refuseOutside(path);
    const key = `${kind} ${path}`;
    if (!known.has(key)) return void wanted.set(key, { folders: kind === "data" ? [own, ...others] : [own], take });
    const found = known.get(key);
    if (found instanceof FileAccessError) throw found;
    return found && take(found.size) ? found.bytes : undefined;
  }

  /** Where a file lies, in one of the folders. */
  async function find(path: string, folders: readonly URL[], take: Take): Promise<Fetched | FileAccessError> {
    try {
      const all = await Promise.all(
        folders.map((folder) => fetchFile(new URL(encoded(path), folder), { take, request, most })),
      );
      const [first, second] = all.filter((each) => each !== undefined);
      if (!second || second.url === first!.url) return first;
      throw new FileAccessError(
        `\`${path}\` lies at ${shown(own)} and at ${shown(others[0]!)}: rename or remove one, or name another folder`,
      );
    } catch (error) {
      if (error instanceof FileAccessError) return error;
      throw error;
    }
  }
  return {
    root,
    readSource(path) {
      const bytes = read("source", path, takeSource(path));
      return bytes && decodeSource(path, bytes);
    },
    readData: (path, take = () => true) => read("data", path, take),
    findData(pattern, why) {
      if (why === "hint") return [];
      throw new FileAccessError(
        `An address has no list of what lies there, so nobody says which files \`${pattern}\` are: name single files, or read a folder of this machine`,
      );
    },
    gaveData: () => [...known].some(([key, found]) => key.startsWith("data ") && found && "bytes" in found),
    async more() {
      if (wanted.size === 0) return false;
      const now = [...wanted];
      wanted.clear();
      await Promise.all(now.map(async ([key, { folders, take }]) => {
        const found = await find(key.slice(key.indexOf(" ") + 1), folders, take);
        known.set(key, found);
        if (key.startsWith("source ") && found && "bytes" in found) {
          await loadReaders(new TextDecoder().decode(found.bytes));
        }
      }));
      return true;
    },
  };
}

/** The package that reads JPEG images is loaded before a program is compiled that names some. */
async function loadReaders(text: string): Promise<void> {
  if (/\.jpe?g\b/i.test(text)) await loadJpegReader();
  if (/\.parquet\b/i.test(text)) await loadParquetReader();
}

interface FetchOptions extends Pick<AddressOptions, "most"> {
  readonly take: Take;
  readonly request: RequestInit;
}

/** Throws FileAccessError that says why it cannot be read. */
async function fetchFile(url: URL, { take, request, most }: FetchOptions): Promise<Fetched> {
  const refusal = (why: string) => new FileAccessError(`Cannot read \`${shown(url)}\`: ${why}`);
  try {
    const response = await fetch(url, request);
    const at = response.url || url.href;
    const refused = refusalOf(response);
    if (refused !== undefined || response.status === 404 || response.status === 410) {
      await response.body?.cancel();
      if (refused !== undefined) throw refusal(refused);
      return undefined;
    }
    const length = response.headers.has("content-encoding")
      ? NaN
      : Number(response.headers.get("content-length") ?? NaN);
    if (length > most || length >= 0 && !take(length)) {
      await response.body?.cancel();
      return { size: length, url: at };
    }
    const bytes = await contentOf(response, most);
    if (bytes.length > most) return { size: bytes.length, url: at };
    // a body that ends early is an error of the connection, but not with every server
    if (length >= 0 && bytes.length < length) throw refusal(`it ends after ${bytes.length} of ${length} bytes`);
    return { bytes, size: bytes.length, url: at };
  } catch (error) {
    if (error instanceof FileAccessError || request.signal?.aborted) throw error;
    const { name, message } = error as Error;
    if (name === "NotCapable") throw refusal(`Deno was not given the permission; add --allow-net=${url.host}`);
    throw refusal(message.split("\n")[0]!);
  }
}

/** Why what was answered is no file, if it is none; none at all is another matter. */
function refusalOf({ ok, status, statusText, headers }: Response): string | undefined {
  if (status === 404 || status === 410) return undefined;
  if (!ok) return `the server answers ${[status, statusText].join(" ").trim()}`;
  const html = headers.get("content-type")?.startsWith("text/html");
  return html ? "it is a page for people, and not the file itself (at GitHub that is what `Raw` leads to)" : undefined;
}

/** The content, or what exceeds `most` of it. */
async function contentOf({ body }: Response, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // not every browser goes through a stream with `for await`
  for (const reader = body?.getReader(); reader;) {
    const { value, done } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    if (length <= most) continue;
    await reader.cancel();
    break;
  }
  const bytes = new Uint8Array(length);
  parts.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
  return bytes;
}

/** Throws TypeError for what is no address. */
const folderAt = (folder: string | URL) => new URL(`${String(folder).replace(/\/+$/, "")}/`);

/** A path with what has a meaning in addresses written out. */
const encoded = (path: string) => path.split("/").map(encodeURIComponent).join("/");

function nameOf({ pathname }: URL): string {
  const last = pathname.slice(pathname.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last) || "program.meta";
  } catch {
    return last;
  }
}

/** An address without a name and a password in it. */
function shown(url: URL): string {
  const { href } = Object.assign(new URL(url), { username: "", password: "" });
  return href;
}
