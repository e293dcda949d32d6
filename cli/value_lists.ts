// Which values does a word of the command line name? One, several with commas between them, or whole numbers from one to another (`0..4`).
import { count } from "../dsl/text/words.ts";

type Value = number | string | boolean;

/** Runs in a sweep, at most: a larger number is a slip. */
export const mostRuns = 10_000;

/** A number as the language writes it, `true`, `false`, or the text itself. */
export function parseValue(text: string): Value {
  if (text === "true" || text === "false") return text === "true";
  const number = /^[+-]?(\d[\d_]*(\.\d[\d_]*)?|\.\d[\d_]*)([eE][+-]?\d+)?$/.test(text);
  return number ? Number(text.replaceAll("_", "")) : text;
}

/** Whether a word has the form of several: a comma, or two points. */
export const namesSeveral = (text: string) => /,|\.\./.test(text);

/** Whether it is of that form, and each part is a value that an input may have. */
export function namesNumbers(text: string): boolean {
  return namesSeveral(text) &&
    text.split(/,|\.\./).every((part) => part.trim() !== "" && typeof parseValue(part.trim()) !== "string");
}

/** The values that a word names, or what is wrong with it. `what`: such as `--set shots`. */
export function parseValues(text: string, what: string): readonly Value[] | string {
  if (/^\[.*\]$/.test(text)) {
    return `\`${what}\` takes values with commas between them, without brackets: ${text.slice(1, -1)}`;
  }
  const values: Value[] = [];
  for (const part of text.split(",").map((part) => part.trim())) {
    if (part === "" && namesSeveral(text)) return `\`${what}\` has an empty place in \`${text}\``;
    const range = part.includes("..") ? parseRange(part, what) : [parseValue(part)];
    if (typeof range === "string") return range;
    values.push(...range);
    if (values.length > mostRuns) return tooMany(values.length, what);
  }
  const twice = values.find((value, i) => values.findIndex((other) => String(other) === String(value)) < i);
  return twice === undefined ? values : `\`${what}\` names ${twice} twice`;
}

/** The whole numbers of `0..4`. */
function parseRange(text: string, what: string): readonly number[] | string {
  const ends = text.split("..").map((end) => parseValue(end.trim()));
  const [from, to] = ends as [number, number];
  if (ends.length !== 2 || !Number.isSafeInteger(from) || !Number.isSafeInteger(to)) {
    return `\`${what}\` takes whole numbers such as 0..4, not \`${text}\``;
  }
  if (from > to) return `\`${what}\` counts down in \`${text}\`: write ${to}..${from}`;
  const length = to - from + 1;
  return length > mostRuns ? tooMany(length, what) : Array.from({ length }, (_, i) => from + i);
}

const tooMany = (length: number, what: string) =>
  `\`${what}\` names ${count(length, "value")}: a sweep has at most ${mostRuns} runs`;

/** The seeds that `--seed` names, or what is wrong with it. */
export function parseSeeds(text: string): readonly number[] | string {
  const largest = Number.MAX_SAFE_INTEGER;
  const isSeed = (value: Value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  if (!namesSeveral(text)) {
    const seed = parseValue(text);
    if (/^\d[\d_]*$/.test(text) && isSeed(seed)) return [seed as number];
    return `\`--seed\` must be an integer from 0 to ${largest}, not \`${text}\``;
  }
  const seeds = parseValues(text, "--seed");
  if (typeof seeds === "string" || seeds.every(isSeed)) return seeds as readonly number[] | string;
  return `\`--seed\` takes integers from 0 to ${largest} such as 0..4 or 0,3,7, not \`${text}\``;
}

/** The runs that `--only` names. */
export function parseOnly(text: string | undefined): readonly number[] | undefined | string {
  if (text === undefined) return undefined;
  const places = parseValues(text, "--only");
  const fine = typeof places !== "string" && places.every((place) => Number.isSafeInteger(place) && Number(place) >= 0);
  if (typeof places === "string" || fine) return places as readonly number[] | string;
  return `\`--only\` takes the places of runs in the list, from 0, such as 3 or 0..4, not \`${text}\``;
}
