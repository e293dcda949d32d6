// What is fenced in a document? Each block with its kind and the places of what is between the fences.

/** A fenced block. */
export interface Block {
  /** What stands behind the opening fence. */
  readonly kind: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The fenced blocks of a text, in their order. */
export function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map((m) => {
    const start = m.index + m[0].indexOf("\n") + 1;
    return { kind: m[1]!.trim(), text: m[2]!, start, end: start + m[2]!.length };
  });
}
