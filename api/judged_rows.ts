// What does `verify` say of one number that it compared?
import { type Comparison, judge, type Verdict } from "../runtime/verify/check_gradient.ts";
import { shortNumber } from "./numbers.ts";

/** A number that was compared, and what came of it.
 *
 *  @category Explain and verify */
export interface VerifiedNumber {
  /** `fit.lr`, `w@0 [3]`, `net along direction 1`. */
  readonly what: string;
  /** What the program computes. */
  readonly computed: number;
  /** What it is compared with: a difference of values, or what `reference` computes. */
  readonly difference: number;
  /** How sure the difference is. */
  readonly error: number;
  /** The slopes on both sides of a kink, the lower first. */
  readonly kink?: readonly [number, number];
  /** The value jumps there, as `floor` does at whole numbers. */
  readonly jumps?: boolean;
  /** `missing`: computed 0, and the value moves; `sign`: of the wrong sign; `uncertain`: the difference does not say more. */
  readonly verdict: "ok" | "zero" | "missing" | "sign" | "wrong" | "uncertain" | "biased" | "kink";
  /** The verdict in words. */
  readonly text: string;
  /** It is wrong. */
  readonly failed: boolean;
  /** What it is compared with, when that is no difference. */
  readonly other?: string;
}

/** What is said of one function. */
export interface Rows {
  readonly comparisons: readonly VerifiedNumber[];
  readonly notes: readonly string[];
}

const words: { readonly [V in Verdict]: string } = {
  ok: "ok",
  zero: "zero, and so is the difference",
  missing: "MISSING: computed 0, and the value moves",
  sign: "WRONG SIGN",
  wrong: "WRONG",
  uncertain: "ill-conditioned: the difference does not say more",
};

/** A gradient that must be that of its value. */
export function judged(c: Comparison, within?: number): VerifiedNumber {
  const verdict = judge(c, within);
  if (c.kink) {
    const [low, high] = c.kink.map(shortNumber);
    const what = c.jumps ? "where the value jumps" : "at a kink";
    return { ...c, verdict: "kink", text: `${what}, with slopes of ${low} and ${high} beside it`, failed: false };
  }
  const failed = verdict === "missing" || verdict === "sign" || verdict === "wrong";
  const text = verdict === "wrong" ? `${words.wrong}, off by ${percent(c)}` : words[verdict];
  return { ...c, verdict, text, failed };
}

/** A gradient that need not be. */
export function judgedBias(c: Comparison): VerifiedNumber {
  const verdict = judge(c);
  if (verdict === "ok" || verdict === "zero" || verdict === "uncertain") return judged(c);
  const flipped = c.computed * c.difference < 0 ? ", of the other sign" : "";
  return { ...c, verdict: "biased", text: `bias ${percent(c)}${flipped}`, failed: false };
}

/** How far off, with its sign. */
export function percent({ computed, difference }: Comparison): string {
  const part = (computed - difference) / Math.abs(difference);
  return Number.isFinite(part) ? `${part > 0 ? "+" : ""}${Number((100 * part).toPrecision(2))} %` : "all of it";
}
