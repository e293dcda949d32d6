// The part of Fashion-MNIST beside this file: of each class the first 100 images of the training file and the first 100 of the test file, in
// the order of these files, in MNIST's own format and under the names of the whole.
//
//     deno run -A examples/fashion/take_part.ts /usr/share/datasets/fashion-mnist [FOLDER]
//
// The folder is that of Debian's package `dataset-fashion-mnist`.
import { gunzipSync, gzipSync } from "node:zlib";

const [pixels, classes, ofEach] = [28 * 28, 10, 100];
const [source, target = new URL(".", import.meta.url).pathname] = Deno.args;
if (source === undefined) throw new Error("say where the whole is: /usr/share/datasets/fashion-mnist");
const read = (name: string) => gunzipSync(Deno.readFileSync(`${source}/${name}`));

/** An IDX file of bytes, packed: two zeros, 8 for bytes, the number of axes, their sizes, most significant byte first. */
function write(name: string, sizes: readonly number[], bytes: Uint8Array) {
  const head = new DataView(new ArrayBuffer(4 + 4 * sizes.length));
  head.setUint32(0, 0x800 + sizes.length);
  sizes.forEach((size, axis) => head.setUint32(4 + 4 * axis, size));
  const file = new Uint8Array([...new Uint8Array(head.buffer), ...bytes]);
  Deno.writeFileSync(`${target}/${name}`, gzipSync(file, { level: 9 }));
}

for (const part of ["train", "t10k"]) {
  const images = read(`${part}-images-idx3-ubyte.gz`).subarray(16);
  const labels = read(`${part}-labels-idx1-ubyte.gz`).subarray(8);
  const seen = new Array<number>(classes).fill(0);
  const rows = Array.from(labels.keys()).filter((row) => seen[labels[row]!]!++ < ofEach);
  const chosen = Uint8Array.from(rows.flatMap((row) => [...images.subarray(row * pixels, (row + 1) * pixels)]));
  write(`${part}-images-idx3-ubyte.gz`, [rows.length, 28, 28], chosen);
  write(`${part}-labels-idx1-ubyte.gz`, [rows.length], Uint8Array.from(rows, (row) => labels[row]!));
}
