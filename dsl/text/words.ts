// How are counts and sentences written?
/** `3 arguments`, `1 argument`. */
export function count(n: number, word: string, plural = `${word}s`): string {
  return `${n} ${n === 1 ? word : plural}`;
}

/** Names in quotes: "`a`, `b`". */
export function quoted(names: Iterable<string>, joint = ", "): string {
  return [...names].map((name) => `\`${name}\``).join(joint);
}

/** Of many names the first: "`a`, `b` and 781 more". */
export function listed(names: Iterable<string>): string {
  const all = [...names];
  return all.length <= 12 ? quoted(all) : `${quoted(all.slice(0, 10))} and ${all.length - 10} more`;
}

/** First letter in upper case. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Blanks and line ends as one blank each. */
export function onOneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

/** True for a number that is written as a fraction or with an exponent: `1.0`, `1e3`. */
export function isFraction(number: string): boolean {
  return /[.eE]/.test(number);
}
