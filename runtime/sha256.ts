// How is SHA-256 (FIPS 180-4) computed, at once and everywhere? By `node:crypto` where it is; in a page, whose own answers later, here.
import { builtin } from "./platform.ts";

type Crypto = Pick<typeof import("node:crypto"), "createHash">;

/** SHA-256 of texts (as UTF-8) and bytes, one after the other, hexadecimal. */
export function sha256Of(parts: Iterable<string | Uint8Array>): string {
  const crypto = builtin<Crypto>("node:crypto");
  if (!crypto) return sha256Here(parts);
  const hash = crypto.createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** The first 32 bits of the fractions of roots of the first primes. */
function fractions(root: (prime: number) => number, count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) prime &&= n % d !== 0;
    if (prime) found.push((root(n) % 1) * 2 ** 32 | 0);
  }
  return found;
}

const constants = Int32Array.from(fractions(Math.cbrt, 64));
const beginning = fractions(Math.sqrt, 8);
const blockBytes = 64;

/** The same without Node. */
export function sha256Here(parts: Iterable<string | Uint8Array>): string {
  const state = Int32Array.from(beginning);
  const block = new Uint8Array(blockBytes);
  const view = new DataView(block.buffer);
  const words = new Int32Array(64);
  let filled = 0;
  let total = 0;
  const take = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) {
      const count = Math.min(blockBytes - filled, bytes.length - at);
      block.set(bytes.subarray(at, at + count), filled);
      at += count;
      filled += count;
      if (filled < blockBytes) return;
      compress(state, view, words);
      filled = 0;
    }
  };
  for (const part of parts) {
    const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
    total += bytes.length;
    take(bytes);
  }
  // a bit, zeros to 8 bytes before the end of a block, and how many bits there were
  const padding = new Uint8Array((filled < 56 ? 56 : 120) - filled + 8);
  padding[0] = 0x80;
  new DataView(padding.buffer).setBigUint64(padding.length - 8, BigInt(total) * 8n);
  take(padding);
  return [...state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

const turned = (x: number, by: number) => x >>> by | x << 32 - by;

function compress(state: Int32Array, block: DataView, words: Int32Array): void {
  for (let t = 0; t < 16; t++) words[t] = block.getInt32(4 * t);
  for (let t = 16; t < 64; t++) {
    const [before, two] = [words[t - 15]!, words[t - 2]!];
    const low = turned(before, 7) ^ turned(before, 18) ^ before >>> 3;
    const high = turned(two, 17) ^ turned(two, 19) ^ two >>> 10;
    words[t] = words[t - 16]! + low + words[t - 7]! + high;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let t = 0; t < 64; t++) {
    const first = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + (e & f ^ ~e & g) + constants[t]! + words[t]!;
    const second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + (a & b ^ a & c ^ b & c);
    [h, g, f, e, d, c, b, a] = [g, f, e, d + first | 0, c, b, a, first + second | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => state[i]! += word);
}
