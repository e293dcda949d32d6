// Which bits does a key and a counter give? Philox 4x32-10, a counter-based generator: no state, the same words on every
// machine. Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; constants and test
// vectors as in its reference implementation, Random123.

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
/** Added to the key words after each round: the golden ratio and sqrt(3) - 1, times 2^32. */
const weyl0 = 0x9e3779b9 | 0;
const weyl1 = 0xbb67ae85 | 0;
const rounds = 10;

// halves of the multipliers: a 32 x 32 -> 64 bit product is put together from 16 x 16 -> 32 bit ones
const low0 = multiplier0 & 0xffff;
const high0 = multiplier0 >>> 16;
const low1 = multiplier1 & 0xffff;
const high1 = multiplier1 >>> 16;

/** Where and with what `fillPhilox` writes. */
export interface PhiloxStream {
  /** Key words (any int32 or uint32 numbers). */
  readonly key: readonly [number, number];
  /** Counter words c0, c1, c2. */
  readonly counter: readonly [number, number, number];
  /** First word written in the output. */
  readonly offset: number;
  /** Number of words written. */
  readonly count: number;
  /** First counter word of the first block. Default 0. */
  readonly firstBlock?: number;
}

/** Philox 4x32-10 words: word i, written at out[offset + i], is word i mod 4 of the block with counter
 *  (firstBlock + floor(i / 4) mod 2^32, c0, c1, c2). Words are stored as int32 (the same 32 bits). */
export function fillPhilox(out: Int32Array, { key, counter, offset, count, firstBlock = 0 }: PhiloxStream): void {
  fillPhiloxWords(out, offset, count, key[0], key[1], counter[0], counter[1], counter[2], firstBlock);
}

/** `fillPhilox` with everything positional, for loops over many streams. */
export function fillPhiloxWords(
  out: Int32Array,
  offset: number,
  count: number,
  key0: number,
  key1: number,
  c0: number,
  c1: number,
  c2: number,
  firstBlock = 0,
): void {
  const end = offset + count;
  let at = offset;
  for (let block = firstBlock | 0; at < end; block = block + 1 | 0) {
    let x0 = block;
    let x1 = c0 | 0;
    let x2 = c1 | 0;
    let x3 = c2 | 0;
    let k0 = key0 | 0;
    let k1 = key1 | 0;
    for (let round = 0; round < rounds; round++) {
      // high words of multiplier0 * x0 and multiplier1 * x2
      const a = x0 & 0xffff;
      const b = x0 >>> 16;
      const middle0 = Math.imul(b, low0) + (Math.imul(a, low0) >>> 16) | 0;
      const cross0 = Math.imul(a, high0) + (middle0 & 0xffff) | 0;
      const upper0 = Math.imul(b, high0) + (middle0 >>> 16) + (cross0 >>> 16) | 0;
      const c = x2 & 0xffff;
      const d = x2 >>> 16;
      const middle1 = Math.imul(d, low1) + (Math.imul(c, low1) >>> 16) | 0;
      const cross1 = Math.imul(c, high1) + (middle1 & 0xffff) | 0;
      const upper1 = Math.imul(d, high1) + (middle1 >>> 16) + (cross1 >>> 16) | 0;
      const lower0 = Math.imul(x0, multiplier0);
      const lower1 = Math.imul(x2, multiplier1);
      x0 = upper1 ^ x1 ^ k0;
      x2 = upper0 ^ x3 ^ k1;
      x1 = lower1;
      x3 = lower0;
      k0 = k0 + weyl0 | 0;
      k1 = k1 + weyl1 | 0;
    }
    out[at] = x0;
    if (at + 3 < end) {
      out[at + 1] = x1;
      out[at + 2] = x2;
      out[at + 3] = x3;
    } else {
      if (at + 1 < end) out[at + 1] = x1;
      if (at + 2 < end) out[at + 2] = x2;
    }
    at += 4;
  }
}
