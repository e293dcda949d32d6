// How is what was deflated (RFC 1951) unpacked where there is no `node:zlib`, in a page? Here, in the same words where it is wrong.

/** What was unpacked. */
export interface Unpacked {
  readonly made: Uint8Array;
  /** Bytes that were read. */
  readonly taken: number;
  /** False where the bytes end before what was deflated does. */
  readonly ended: boolean;
}

/** There is more than may be unpacked. */
export class TooMuch extends Error {}

/** No more bytes. */
const end = Symbol("end");

/** Codes of up to `bits` bits: at the next bits, first bit lowest, 16 times the symbol and its length; 0 for no code. */
interface Codes {
  readonly bits: number;
  readonly at: Uint16Array | Uint32Array;
}

const orderOfLengths = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/** Extra bits and first values of lengths (symbols from 257 on) and distances. */
const lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBits = Array.from({ length: 30 }, (_, k) => Math.max(0, (k >> 1) - 1));
const firstValues = (bits: readonly number[], first: number) =>
  bits.map((_, k) => bits.slice(0, k).reduce((sum, b) => sum + 2 ** b, first));
const lengths = firstValues(lengthBits, 3).with(28, 258);
const distances = firstValues(distanceBits, 1);

const fixed = () => ({
  literals: codesOf(Uint8Array.from({ length: 288 }, (_, k) => k < 144 ? 8 : k < 256 ? 9 : k < 280 ? 7 : 8)),
  copies: codesOf(new Uint8Array(32).fill(5)),
});

function codesOf(lengths: Uint8Array, what = "code lengths"): Codes {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length]!++;
  const bits = counts.findLastIndex((count, length) => length > 0 && count > 0);
  const at = new Uint32Array(2 ** Math.max(bits, 0));
  const next = new Uint16Array(17);
  let free = 1;
  for (let length = 1; length < 16; length++) {
    free = 2 * free - counts[length]!;
    if (free < 0) throw new Error(`invalid ${what} set`);
    next[length + 1] = next[length]! + counts[length]! << 1;
  }
  // one code alone may leave some free, of lengths and distances
  if (free > 0 && bits > 0 && (bits > 1 || what === "code lengths")) throw new Error(`invalid ${what} set`);
  lengths.forEach((length, symbol) => {
    if (length === 0) return;
    const code = next[length]!++;
    let turned = 0;
    for (let k = 0; k < length; k++) turned |= (code >> k & 1) << length - 1 - k;
    for (let i = turned; i < at.length; i += 1 << length) at[i] = symbol << 4 | length;
  });
  return { bits: Math.max(bits, 0), at };
}

/** Unpacks what begins where the bytes do, as far as they go. Throws TooMuch for more than `most` bytes, and an Error that says what is
 *  wrong. */
export function inflateHere(bytes: Uint8Array, most: number): Unpacked {
  const unpacking = new Unpacking(bytes, most);
  let ended = false;
  try {
    while (!unpacking.block());
    ended = true;
  } catch (error) {
    if (error !== end) throw error;
  }
  return { made: unpacking.made(), taken: unpacking.taken(), ended };
}

class Unpacking {
  readonly #bytes: Uint8Array;
  readonly #most: number;
  #at = 0;
  /** Bits that were read and not used, the next one lowest. */
  #held = 0;
  #count = 0;
  #out: Uint8Array;
  #length = 0;

  constructor(bytes: Uint8Array, most: number) {
    this.#bytes = bytes;
    this.#most = most;
    this.#out = new Uint8Array(Math.min(most, 4 * bytes.length + 1024));
  }

  made(): Uint8Array {
    return this.#out.subarray(0, this.#length);
  }

  taken(): number {
    return this.#at - (this.#count >> 3);
  }

  /** Unpacks a block; true where it is the last one. */
  block(): boolean {
    const last = this.#bits(1) === 1;
    const kind = this.#bits(2);
    if (kind === 0) this.#stored();
    else if (kind === 1) this.#coded(fixed());
    else if (kind === 2) this.#coded(this.#readCodes());
    else throw new Error("invalid block type");
    return last;
  }

  #bits(count: number): number {
    while (this.#count < count) {
      if (this.#at === this.#bytes.length) throw end;
      this.#held |= this.#bytes[this.#at++]! << this.#count;
      this.#count += 8;
    }
    const value = this.#held & (1 << count) - 1;
    this.#held >>>= count;
    this.#count -= count;
    return value;
  }

  #symbol({ bits, at }: Codes, what: string): number {
    while (this.#count < bits && this.#at < this.#bytes.length) {
      this.#held |= this.#bytes[this.#at++]! << this.#count;
      this.#count += 8;
    }
    const found = at[this.#held & (1 << bits) - 1]!;
    const length = found & 15;
    if (length === 0 && this.#count >= bits) throw new Error(`invalid ${what} code`);
    if (length === 0 || length > this.#count) throw end;
    this.#held >>>= length;
    this.#count -= length;
    return found >> 4;
  }

  #room(count: number): void {
    if (this.#length + count > this.#most) throw new TooMuch();
    if (this.#length + count <= this.#out.length) return;
    const larger = new Uint8Array(Math.min(this.#most, Math.max(2 * this.#out.length, this.#length + count)));
    larger.set(this.made());
    this.#out = larger;
  }

  #stored(): void {
    this.#bits(this.#count & 7);
    const [length, inverse] = [this.#bits(16), this.#bits(16)];
    if ((length ^ inverse) !== 0xffff) throw new Error("invalid stored block lengths");
    // whole bytes may be held
    this.#at -= this.#count >> 3;
    this.#held = this.#count = 0;
    const there = this.#bytes.subarray(this.#at, this.#at + length);
    this.#room(there.length);
    this.#out.set(there, this.#length);
    this.#length += there.length;
    this.#at += there.length;
    if (there.length < length) throw end;
  }

  #readCodes() {
    const [literals, copies, described] = [this.#bits(5) + 257, this.#bits(5) + 1, this.#bits(4) + 4];
    if (literals > 286 || copies > 30) throw new Error("too many length or distance symbols");
    const ofLengths = new Uint8Array(19);
    for (let k = 0; k < described; k++) ofLengths[orderOfLengths[k]!] = this.#bits(3);
    const codes = codesOf(ofLengths);
    const all = new Uint8Array(literals + copies);
    for (let k = 0; k < all.length;) {
      const symbol = this.#symbol(codes, "code lengths");
      if (symbol < 16) {
        all[k++] = symbol;
        continue;
      }
      if (symbol === 16 && k === 0) throw new Error("invalid bit length repeat");
      const repeated = symbol === 16 ? all[k - 1]! : 0;
      const count = symbol === 16 ? 3 + this.#bits(2) : symbol === 17 ? 3 + this.#bits(3) : 11 + this.#bits(7);
      if (k + count > all.length) throw new Error("invalid bit length repeat");
      all.fill(repeated, k, k + count);
      k += count;
    }
    if (all[256] === 0) throw new Error("invalid code -- missing end-of-block");
    return {
      literals: codesOf(all.subarray(0, literals), "literal/lengths"),
      copies: codesOf(all.subarray(literals), "distances"),
    };
  }

  #coded({ literals, copies }: { readonly literals: Codes; readonly copies: Codes }): void {
    for (;;) {
      const symbol = this.#symbol(literals, "literal/length");
      if (symbol === 256) return;
      if (symbol < 256) {
        this.#room(1);
        this.#out[this.#length++] = symbol;
        continue;
      }
      if (symbol > 285) throw new Error("invalid literal/length code");
      const length = lengths[symbol - 257]! + this.#bits(lengthBits[symbol - 257]!);
      const coded = this.#symbol(copies, "distance");
      if (coded > 29) throw new Error("invalid distance code");
      const distance = distances[coded]! + this.#bits(distanceBits[coded]!);
      if (distance > this.#length) throw new Error("invalid distance too far back");
      this.#room(length);
      for (let k = 0; k < length; k++, this.#length++) this.#out[this.#length] = this.#out[this.#length - distance]!;
    }
  }
}
