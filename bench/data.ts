// How long does it take until large data are ready, and how much memory? Files that it writes into a folder of its own: an array of
// 813 MB of bytes, 100 MB of float32 and of int32, tables of 100 MB. Seconds from the file to the checked program, processor seconds
// of the whole process, and the most memory that it had (Linux); then the same once two functions have read them on `wasm`, on as many
// threads as there are processors. Half a minute and 1.3 GB of disk.
//
//     deno run -A bench/data.ts
import process from "node:process";
import { crc32 } from "node:zlib";
import { compileFile } from "../mod.ts";
import { encodeNpy } from "../runtime/record/npy.ts";
import type { HostArray } from "../runtime/ir/types.ts";

/** In a process of its own. */
async function readOne(program: string): Promise<void> {
  const start = performance.now();
  const facts = () => {
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage();
    const status = Deno.readTextFileSync("/proc/self/status");
    const most = Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) * 1024;
    return { seconds, processor: (user + system) / 1e6, most };
  };
  const experiment = compileFile(program);
  const ready = facts();
  await experiment.run({ backend: "wasm" });
  console.log(JSON.stringify({ ready, run: facts() }));
}

/** A number from 0 to 1 that looks random. */
const noise = (i: number) => (i * 0.6180339887498949 + (i % 7919) * 0.31) % 1;

function npy(array: HostArray): Uint8Array[] {
  return [...encodeNpy(array)];
}

/** An archive of one file that is stored, as `np.savez` writes it. */
function archive(name: string, pieces: readonly Uint8Array[]): Uint8Array[] {
  const size = pieces.reduce((n, piece) => n + piece.length, 0);
  const crc = pieces.reduce((sum, piece) => crc32(piece, sum), 0);
  const text = new TextEncoder().encode(`${name}.npy`);
  const facts = (view: DataView, at: number) => {
    view.setUint16(at, 20, true);
    [crc, size, size].forEach((n, k) => view.setUint32(at + 10 + 4 * k, n, true));
    view.setUint16(at + 22, text.length, true);
  };
  const before = new Uint8Array(30 + text.length);
  new DataView(before.buffer).setUint32(0, 0x04034b50, true);
  facts(new DataView(before.buffer), 4);
  before.set(text, 30);
  const listed = new Uint8Array(46 + text.length);
  const view = new DataView(listed.buffer);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, 20, true);
  facts(view, 6);
  listed.set(text, 46);
  const end = new Uint8Array(22);
  const ends = new DataView(end.buffer);
  ends.setUint32(0, 0x06054b50, true);
  [1, 1].forEach((n, k) => ends.setUint16(8 + 2 * k, n, true));
  [listed.length, before.length + size].forEach((n, k) => ends.setUint32(12 + 4 * k, n, true));
  return [before, ...pieces, listed, end];
}

/** Rows of so many cells until there are 100 MB. */
function table(columns: number, cell: (i: number) => string): Uint8Array[] {
  const names = Array.from({ length: columns }, (_, i) => `p${i}`).join(",");
  const pieces = [new TextEncoder().encode(`${names}\n`)];
  for (let [bytes, i] = [0, 0]; bytes < 100e6;) {
    const rows = Array.from({ length: 1000 }, () => Array.from({ length: columns }, () => cell(i++)).join(","));
    const piece = new TextEncoder().encode(`${rows.join("\n")}\n`);
    pieces.push(piece);
    bytes += piece.length;
  }
  return pieces;
}

interface File {
  readonly what: string;
  readonly name: string;
  readonly fields: string;
  readonly content: () => readonly Uint8Array[];
}

const files: readonly File[] = [
  {
    what: "813 MB of bytes, a stored `.npz`, as `u8`",
    name: "images.npz",
    fields: "x : u8 [64, 600, 84, 84, 3]",
    content() {
      const data = new Uint8Array(64 * 600 * 84 * 84 * 3);
      for (let i = 0; i < data.length; i++) data[i] = i * 31;
      return archive("x", npy({ dtype: "u8", shape: [64, 600, 84, 84, 3], data }));
    },
  },
  {
    what: "100 MB of float32, a `.npy`",
    name: "features.npy",
    fields: "x : [_, 1000]",
    content: () =>
      npy({ dtype: "f32", shape: [25_000, 1000], data: Float32Array.from({ length: 25e6 }, (_, i) => noise(i)) }),
  },
  {
    what: "100 MB of int32, a stored `.npz`, as floats",
    name: "counts.npz",
    fields: "x : [_, 1000]",
    content: () =>
      archive("x", npy({ dtype: "i32", shape: [25_000, 1000], data: Int32Array.from({ length: 25e6 }, (_, i) => i) })),
  },
  {
    what: "100 MB of pixels, a `.csv` of 784 columns, as `u8`",
    name: "pixels.csv",
    fields: 'x : u8 [_, 28, 28] from "p0" .. "p783"',
    content: () => table(784, (i) => noise(i) < 0.2 ? `${Math.floor(256 * noise(i + 1))}` : "0"),
  },
  {
    what: "100 MB of decimals of 4 digits, a `.csv` of 30 columns",
    name: "short.csv",
    fields: 'x : [_, 30] from "p0" .. "p29"',
    content: () => table(30, (i) => (4 * noise(i) - 2).toFixed(4)),
  },
  {
    what: "100 MB of decimals of 16 digits, a `.csv` of 3 columns",
    name: "long.csv",
    fields: 'x : [_, 3] from "p0" .. "p2"',
    content: () => table(3, (i) => `${Math.sin(i)}`),
  },
];

async function writeAll(): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    console.log(
      "| data | ready after, s | processor, s | memory at most, MB | run after, s | processor, s | memory at most, MB |",
    );
    console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (const { what, name, fields, content } of files) {
      using file = Deno.openSync(`${folder}/${name}`, { write: true, create: true });
      for (const piece of content()) for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
      const program = `${folder}/${name}.meta`;
      const text =
        `edition 1\ndata d from "${name}" { ${fields} }\nparam w = 0.5\ngradient w * mean(d.x[0]) wrt w\noutput last = w * mean(d.x[8])\n`;
      Deno.writeTextFileSync(program, text);
      const args = ["run", "-A", "--no-check", new URL(import.meta.url).pathname, "--read", program];
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
      if (!success) throw new Error(new TextDecoder().decode(stderr));
      const { ready, run } = JSON.parse(new TextDecoder().decode(stdout));
      const columns = [ready, run].flatMap((
        { seconds, processor, most },
      ) => [seconds.toFixed(1), processor.toFixed(1), (most / 1e6).toFixed(0)]);
      console.log(`| ${[what, ...columns].join(" | ")} |`);
      Deno.removeSync(`${folder}/${name}`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

if (Deno.args[0] === "--read") await readOne(Deno.args[1]!);
else await writeAll();
