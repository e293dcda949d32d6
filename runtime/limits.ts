// How much may a program ask for? One table of every limit: its number, the number for a stranger's file, its unit, and what
// is refused beyond it. All are counted before the work is done, in entries, bytes, tokens or depth, never in seconds.
import { UseError } from "./errors.ts";

/** A limit, as docs/limits.md shows it. */
interface Limit {
  /** What is counted. */
  readonly unit: string;
  readonly usual: number;
  /** With `--limits untrusted`. */
  readonly untrusted: number;
  /** Why it can be lowered but not raised. */
  readonly fixed?: string;
}

const stack = "the stack holds no more";

/** The name of a limit.
 *
 *  @category Compile */
export type LimitName =
  | "text"
  | "numbers"
  | "tokens"
  | "word"
  | "imports"
  | "brackets"
  | "terms"
  | "depth"
  | "evaluations"
  | "equations"
  | "entries"
  | "axes"
  | "steps"
  | "tasks"
  | "times"
  | "directions"
  | "data"
  | "operations"
  | "memory"
  | "diagnostics"
  | "message";

/** The table of limits. */
export const limits: Readonly<Record<LimitName, Limit>> = {
  text: { unit: "characters of a program with all that it imports", usual: 4_000_000, untrusted: 400_000 },
  numbers: { unit: "characters of the lists of numbers in one file", usual: 2_000_000, untrusted: 200_000 },
  tokens: { unit: "words, numbers and signs of one file", usual: 1_000_000, untrusted: 50_000 },
  word: { unit: "characters of one name, number or path", usual: 255, untrusted: 255 },
  imports: { unit: "files that a program imports, directly or not", usual: 1000, untrusted: 50 },
  brackets: { unit: "brackets around a place", usual: 100, untrusted: 100, fixed: stack },
  terms: {
    unit: "operators and calls of one expression, in a row or inside each other",
    usual: 500,
    untrusted: 500,
    fixed: stack,
  },
  depth: {
    unit: "expressions and calls inside each other, where definitions are written out",
    usual: 600,
    untrusted: 600,
    fixed: stack,
  },
  evaluations: {
    unit: "expressions gone through for one function, calls written out",
    usual: 200_000,
    untrusted: 50_000,
  },
  equations: {
    unit: "equations written for one function, its derivatives among them",
    usual: 100_000,
    untrusted: 20_000,
  },
  entries: {
    unit: "entries of one tensor",
    usual: 2 ** 31 - 1,
    untrusted: 100_000_000,
    fixed: "places in a tensor are 32-bit integers",
  },
  axes: { unit: "axes of one tensor", usual: 64, untrusted: 64 },
  steps: { unit: "steps of a scan, and of a loop that is differentiated", usual: 10_000_000, untrusted: 100_000 },
  tasks: {
    unit: "tasks in one meta-step or evaluation, and samples of an estimator",
    usual: 10_000_000,
    untrusted: 10_000,
  },
  times: { unit: "times at which one report is made", usual: 1_000_000, untrusted: 10_000 },
  directions: { unit: "numbers that `forward()` differentiates for", usual: 10_000, untrusted: 1000 },
  data: {
    unit: "bytes of all files of data and starts that are read, and of what is unpacked from them",
    usual: 4_000_000_000,
    untrusted: 100_000_000,
  },
  operations: { unit: "floating-point operations of a whole run", usual: Infinity, untrusted: 1e12 },
  memory: { unit: "bytes of the arrays of one function", usual: Infinity, untrusted: 1e9 },
  diagnostics: { unit: "mistakes and warnings that are shown", usual: 100, untrusted: 20 },
  message: { unit: "characters of one sentence of a message", usual: 2000, untrusted: 500 },
};

/** A number for each limit.
 *
 *  @category Compile */
export type Limits = Readonly<Record<LimitName, number>>;

/** The names of the limits. */
export const limitNames: readonly LimitName[] = Object.keys(limits) as LimitName[];

function column(which: "usual" | "untrusted"): Limits {
  return Object.fromEntries(limitNames.map((name) => [name, limits[name][which]])) as Record<LimitName, number>;
}

/** What holds when nothing is said: above what research programs need, below what harms the machine. */
export const usualLimits: Limits = column("usual");

/** For a program whose author nobody knows: docs/limits.md.
 *
 *  ```ts
 *  import { check, untrustedLimits } from "../mod.ts";
 *
 *  const found = check("edition 1\nparam w : [100_000, 2000] = 0", { limits: untrustedLimits });
 *  console.log(found[0]?.title);
 *  ```
 *
 *  @category Compile
 */
export const untrustedLimits: Limits = column("untrusted");

/** All limits, some of them other than usual. Throws UseError for a name that is none, a number that is none, and one above what
 *  can be. */
export function chooseLimits(changed: Partial<Limits> = {}): Limits {
  for (const [name, number] of Object.entries(changed)) {
    if (!Object.hasOwn(limits, name)) {
      throw new UseError(`Unknown limit \`${name}\`: known are ${limitNames.join(", ")}`);
    }
    if (!(number >= 1) || Number.isFinite(number) && !Number.isSafeInteger(number)) {
      throw new UseError(`The limit \`${name}\` must be an integer from 1, not ${number}`);
    }
    const { fixed, usual } = limits[name as LimitName];
    if (fixed !== undefined && number > usual) {
      throw new UseError(`The limit \`${name}\` is at most ${usual}: ${fixed}`);
    }
  }
  return { ...usualLimits, ...changed };
}

/** What a message says of a limit that was met: how it is raised, if it can be. */
export function raising(name: LimitName): string {
  const { fixed } = limits[name];
  return fixed === undefined
    ? `\`--limit ${name}=N\` raises this limit: docs/limits.md`
    : `This limit (\`${name}\`) cannot be raised: ${fixed}`;
}
