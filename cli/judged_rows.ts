// What does `verify` say of one number that it compared?
import { type Comparison, judge, type Verdict } from "../runtime/verify/check_gradient.ts";
import { shortNumber } from "../api/numbers.ts";

/** A number that was compared, and what came of it. */
export interface Judged extends Comparison {
  readonly verdict: Verdict | "biased" | "kink";
  readonly text: string;
  readonly failed: boolean;
  /** What it is compared with, when that is no difference. */
  readonly other?: string;
}

/** What is said of one function. */
export interface Rows {
  readonly comparisons: readonly Judged[];
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
export function judged(c: Comparison, within?: number): Judged {
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
export function judgedBias(c: Comparison): Judged {
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
