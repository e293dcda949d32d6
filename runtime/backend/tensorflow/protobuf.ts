// How are bytes of the protobuf wire format written? Only what a graph of TensorFlow needs: varints, and fields of known length. (https://protobuf.dev/programming-guides/encoding, "Message structure".)

/** A message being written, field by field. */
export class Message {
  #bytes = new Uint8Array(64);
  #length = 0;

  /** What was written. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** An int32, int64, bool or enum field. Negative numbers take ten bytes, as the format wants it. */
  integer(field: number, value: number): this {
    return this.#varint(field * 8).#varint(value);
  }

  /** A `string` field. */
  text(field: number, value: string): this {
    return this.data(field, new TextEncoder().encode(value));
  }

  /** A `bytes` field, or a message that was written before. */
  data(field: number, value: Uint8Array): this {
    return this.#varint(field * 8 + 2).#varint(value.length).#append(value);
  }

  /** A message in the message. */
  message(field: number, write: (message: Message) => unknown): this {
    const inner = new Message();
    write(inner);
    return this.data(field, inner.bytes);
  }

  /** An entry of a map from strings. */
  entry(field: number, key: string, write: (value: Message) => unknown): this {
    return this.message(field, (m) => m.text(1, key).message(2, write));
  }

  #varint(value: number): this {
    let rest = BigInt.asUintN(64, BigInt(value));
    const out: number[] = [];
    do {
      const low = Number(rest & 127n);
      rest >>= 7n;
      out.push(rest > 0n ? low | 128 : low);
    } while (rest > 0n);
    return this.#append(Uint8Array.from(out));
  }

  #append(more: Uint8Array): this {
    const needed = this.#length + more.length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(more, this.#length);
    this.#length = needed;
    return this;
  }
}
