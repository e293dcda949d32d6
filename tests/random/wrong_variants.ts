// Which programs must be refused? A right program with one mistake that could count as something: a label that is no class, an index
// that is no row, a table without rows, a batch that nothing reads. An error with a code, or a run that says where it failed, is
// right; numbers are wrong.
import type { Dice } from "./dice.ts";
import type { RandomProgram } from "./definitions.ts";
import { treeOf } from "./compiled.ts";

/** One mistake: what it is, and how it is made. Undefined where a program has no place for it. */
interface Mistake {
  readonly name: string;
  readonly make: (text: string, dice: Dice) => string | undefined;
}

/** The first whole number of a field of `data NAME`. */
function intoField(text: string, data: string, field: string, number: string): string | undefined {
  const item = treeOf(text).items.find((i) => i.kind === "Data" && i.name.name === data);
  if (item?.kind !== "Data") return undefined;
  const value = item.fields.find((f) => f.name.name === field)?.value;
  if (!value) return undefined;
  const old = text.slice(value.span.start, value.span.end);
  return text.slice(0, value.span.start) + old.replace(/\d+/, number) + text.slice(value.span.end);
}

/** A clause more in the first inner loop. */
function intoLoop(text: string, clause: string): string | undefined {
  return /inner fit \{/.test(text) && !/inner fit \{[^}]*\bbatch\b/.test(text)
    ? text.replace("inner fit {", `inner fit {\n  ${clause}`)
    : undefined;
}

/** What loops minimize, differentiate or report: the text without its definitions. */
const asked = (text: string) => text.slice(text.search(/^(inner|outer|gradient) /m));

const outside = ["5", "-1", "1000000", "2147483647"];

const mistakes: readonly Mistake[] = [
  {
    name: "a part without rows",
    make: (text, dice) =>
      `${text}data leaf { n : int [3] = [1, 2, 3] }\ndata blank = leaf where ${dice.pick(["n > 3", "n < 1"])}\n`,
  },
  {
    name: "parts that take more than there is",
    make: (text, dice) =>
      `${text}data leaf { n : int [3] = [1, 2, 3] }\nsplit leaf into one ${dice.pick(["0.8", "3"])}, two ${
        dice.pick(["0.5", "2"])
      }\n`,
  },
  {
    name: "a label that is no class",
    make: (text, dice) =>
      /cross_entropy\([^\n]*d\.label\)/.test(asked(text)) && !/batch \d of d/.test(text)
        ? intoField(text, "d", "label", dice.pick(outside))
        : undefined,
  },
  {
    name: "an index that is no row",
    make: (text, dice) =>
      /take\([^\n]*, ix\.two\)/.test(asked(text)) && !/argmax/.test(text)
        ? intoField(text, "ix", "two", dice.pick(outside))
        : undefined,
  },
  {
    name: "a token that has no row",
    make: (text, dice) =>
      /x : int /.test(text) && /net[@(]/.test(asked(text)) && /\bd\.x\b/.test(asked(text)) &&
        !/batch \d of d/.test(text)
        ? intoField(text, "d", "x", dice.pick(outside))
        : undefined,
  },
  {
    name: "a table without rows",
    make: (text) =>
      `${text}data nothing { q : [0] = [] }\ngradient sum(nothing.q * lonely) + lonely wrt lonely\nparam lonely = 0.5\n`,
  },
  {
    name: "a mean over a table without rows",
    make: (text) =>
      `${text}data nothing { q : [0, 2] = [] }\nparam lonely = 0.5\nevaluate hollow { report mean(nothing.q) + lonely }\n`,
  },
  {
    name: "a batch that nothing reads",
    make: (text, dice) => {
      const changed = intoLoop(text, `batch ${dice.int(1, 2)} of unread`);
      return changed && `${changed}data unread { q : [3] = [1, 2, 3] }\n`;
    },
  },
  {
    name: "rows that a let read before the batch",
    make: (text, dice) => {
      const changed = intoLoop(text, `batch ${dice.int(1, 2)} of table`);
      return changed &&
        `${
          changed.replace(
            /(inner fit \{[^}]*imize )/,
            `$1${dice.pick(["sum(copied)", "0.1 * mean(copied^2)"])} + 0 * sum(table.q) + `,
          )
        }data table { q : [3] = [1, 2, 3] }\nlet copied = table.q - ${dice.pick(["1", "mean(table.q)"])}\n`;
    },
  },
  {
    name: "a start at a loop that changes nothing of it",
    make: (text) =>
      /inner fit \{/.test(text)
        ? `${text}param lonely = 0.5\ninner second {\n  minimize (lonely - 1)^2\n  over lonely by sgd(lr = 0.1)\n  for Q = 2 steps\n  from fit@${
          /for T = /.test(text) ? "T" : "1"
        }\n}\n`
        : undefined,
  },
  {
    name: "two starts of one tensor",
    make: (text) => {
      const start = /^start .*$/m.exec(text)?.[0];
      return start && `${text}${start}\n`;
    },
  },
  {
    name: "a start that the file does not have",
    make: (text, dice) =>
      text.replace(/^(start [\w.]+ from "[^"]*").*$/m, `$1 as ${dice.pick(["nobody", '"0.bias"'])}`),
  },
  {
    name: "an output that is no array",
    make: (text, dice) => `${text}output odd = ${dice.pick(["ix", "normal(0, 1)", "dense", "sgd"])}\n`,
  },
  {
    name: "an expected value that is drawn",
    make: (text) =>
      `${text}param lonely = 0.5\ngradient lonely^2 wrt lonely expect { value = normal(0, 1) within 1 }\n`,
  },
  {
    name: "an expected value that is a model",
    make: (text) => `${text}param lonely = 0.5\ngradient lonely^2 wrt lonely expect { lonely = dense within 1 }\n`,
  },
  {
    name: "a batch of a table without rows",
    make: (text, dice) => {
      const changed = intoLoop(text, `batch ${dice.int(1, 2)} of nothing`);
      return changed &&
        `${changed.replace(/(inner fit \{[^}]*imize )/, "$1sum(nothing.q) + ")}data nothing { q : [0] = [] }\n`;
    },
  },
];

/** A program with one mistake, by chance one that it has a place for. */
export function withMistake(
  { text, files }: RandomProgram,
  dice: Dice,
): { name: string; program: RandomProgram } | undefined {
  // in a random order, so that a smaller program has the same mistake as long as there is a place for it
  for (const { name, make } of dice.some(mistakes, mistakes.length)) {
    const changed = make(text, dice);
    if (changed && changed !== text) return { name, program: { text: changed, files } };
  }
  return undefined;
}

/** Sums of whole numbers that do not fit 32 bits: the same as of the floats, or refused. */
export function withLargeIntegers({ text, files }: RandomProgram, dice: Dice): RandomProgram {
  const numbers = Array.from(
    { length: 3 },
    () => dice.pick(["2147483647", "2_000_000_000", "-2147483648", "65536", "123456789"]),
  );
  const [whole, float] = dice.pick([
    ["sum(big.i)", "sum(big.x)"],
    ["big.i[0] + big.i[1]", "big.x[0] + big.x[1]"],
    ["big.i[0] * big.i[1]", "big.x[0] * big.x[1]"],
    ["big.i[0] - big.i[1] - big.i[2]", "big.x[0] - big.x[1] - big.x[2]"],
    ["sum(big.i * 3)", "sum(big.x * 3)"],
  ]);
  const fields = `i : int [3] = [${numbers.join(", ")}]  x : [3] = [${numbers.join(", ")}]`;
  return { text: `${text}data big { ${fields} }\nevaluate ${zeroName} { report ${whole} - (${float}) }\n`, files };
}

/** Evaluations of this name report 0, but for rounding of numbers as large as 2^64. */
export const zeroName = "zero";
