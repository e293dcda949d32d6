// How do bytes become text and come back? In base64 (RFC 4648): by `node:buffer` where it is, in a page by its own two functions.
import { builtin } from "./platform.ts";

type Buffers = Pick<typeof import("node:buffer"), "Buffer">;

const buffers = () => builtin<Buffers>("node:buffer")?.Buffer;

/** Bytes as text. */
export function toBase64(bytes: Uint8Array): string {
  const buffer = buffers();
  return buffer
    ? buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
    : toBase64Here(bytes);
}

/** The bytes of a text; fewer where it is no such text. */
export function fromBase64(text: string): Uint8Array {
  return buffers()?.from(text, "base64") ?? fromBase64Here(text);
}

/** Bytes that are turned at once: whole groups of three, and few enough for one call. */
const piece = 3 * 2 ** 13;

/** The same without Node. */
export function toBase64Here(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += piece) {
    parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + piece))));
  }
  return parts.join("");
}

/** The same without Node; none where it is no such text. */
export function fromBase64Here(text: string): Uint8Array {
  let characters: string;
  try {
    characters = atob(text);
  } catch {
    return new Uint8Array(0);
  }
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
