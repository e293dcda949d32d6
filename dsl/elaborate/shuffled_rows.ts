// Which rows does a batch without replacement see? The rows of a table are shuffled for each epoch by itself, and batches take them one
// after the other, also across the border of two epochs (docs/decisions/0040). A row of an epoch is computed from its place, without a
// list of the others, so a step costs what it draws, whichever step it is.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { Context } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import type { DrawName } from "./draw_keys.ts";
import { integersBelow, rangedBelow, shiftRight, type Words } from "./drawn_integers.ts";
import { drawDistinct, drawnDry, drawWords } from "./draws.ts";

/** More rows than this do not fit into the arithmetic of places. */
export const mostShuffledRows = 2 ** 29 - 1;

/** Up to so many rows, an epoch is a permutation of them all, each as likely as the others. */
const mostListedRows = 64;

/** A batch of which each row comes once in each epoch. */
export interface EpochBatch {
  /** Of how many rows. */
  readonly rows: number;
  /** How many of them are taken at each step: at most all. */
  readonly size: number;
  /** Which step of its loop it is, where a program is written. */
  readonly step: () => StepsMade;
  readonly name: DrawName;
}

/** Which step it is. */
export interface StepsMade {
  /** Of this run of the loop (i32 scalar). */
  readonly now: Variable;
  /** Where the loop goes on from meta-step to meta-step: which of these it is (i32 scalar), and the steps of each. */
  readonly before?: { readonly metaStep: Variable; readonly steps: number } | undefined;
}

/** The numbers of the rows of one step: int [size]. Over all steps they are the rows of epoch 0 in the order of its shuffle, those of
 *  epoch 1 in another, and so on, whatever the size. */
export function drawEachOnce(cx: Context, { rows, size, step, name }: EpochBatch): TensorValue {
  const { b } = cx;
  const dims = [{ size }];
  const type = { dtype: "i32", shape: [size] } as const;
  const placed = drawnDry(cx, type, name);
  if (placed) return { kind: "tensor", variable: rangedBelow(placed, rows), dims };
  const made = step();
  const { epoch, place } = placeNow(b, made, size, rows);
  const epochs = rows % size === 0 ? [epoch] : [epoch, b.apply("add", epoch, b.fill(1, epoch))];
  const metaSteps = made.before ? [[made.before.metaStep, undefined] as const] : [];
  const drawn = epochs.map((number): DrawName => ({ ...name, instead: new Map([[made.now, number], ...metaSteps]) }));
  // the places of the second epoch stand behind those of the first
  const places = b.apply("add", b.broadcastTo(place, [size]), b.one("iota", [], { type, axis: 0 }));
  const variable = rows <= mostListedRows ? listedRows(cx, places, rows, drawn) : shuffledRows(cx, places, rows, drawn);
  return { kind: "tensor", variable: rangedBelow(variable, rows), dims };
}

interface Standing {
  readonly epoch: Variable;
  readonly place: Variable;
}

/** Where the first row of a step stands, all steps of the meta-steps before counted too where the loop goes on. */
function placeNow(b: Builder, { now, before }: StepsMade, size: number, rows: number): Standing {
  const own = firstPlace(b, now, size, rows);
  if (!before) return own;
  const { metaStep, steps } = before;
  const of = (x: number) => b.fill(x, now);
  const each = steps * size;
  const earlier = firstPlace(b, metaStep, each % rows, rows);
  const whole = b.apply("mul", metaStep, of(Math.floor(each / rows)));
  const place = b.apply("add", earlier.place, own.place);
  const passed = b.apply("ge", place, of(rows));
  const epochs = [earlier.epoch, own.epoch, b.convert(passed, "i32")];
  return {
    epoch: epochs.reduce((sum, x) => b.apply("add", sum, x), whole),
    place: rangedBelow(b.apply("select", passed, b.apply("sub", place, of(rows)), place), rows),
  };
}

/** Where the first row of a step stands: step size = epoch rows + place, 0 <= place < rows (i32 scalars). By long division, in digits of
 *  the step for which no number exceeds 2^31 - 1, since the product may. */
export function firstPlace(b: Builder, step: Variable, size: number, rows: number): Standing {
  const of = (x: number) => b.fill(x, step);
  // the rest is below rows, a digit below 2^bits, size at most rows: below 2 rows 2^bits
  const bits = 30 - (32 - Math.clz32(rows));
  let [epoch, place] = [of(0), of(0)];
  for (let at = bits * Math.ceil(31 / bits) - bits; at >= 0; at -= bits) {
    const digit = b.apply("and", shiftRight(b, step, at), of(2 ** bits - 1));
    const all = b.apply("add", b.apply("mul", place, of(2 ** bits)), b.apply("mul", digit, of(size)));
    epoch = b.apply("add", b.apply("mul", epoch, of(2 ** bits)), b.apply("div", all, of(rows)));
    place = rangedBelow(b.apply("mod", all, of(rows)), rows);
  }
  return { epoch, place };
}

/** Rows by permutations of all of them. */
function listedRows(cx: Context, places: Variable, rows: number, epochs: readonly DrawName[]): Variable {
  const { b } = cx;
  const lists = epochs.map((name) => drawDistinct(cx, [{ size: rows }], { most: rows }, name).variable);
  const all = lists.length > 1 ? b.one("concat", lists, { axis: 0 }) : lists[0]!;
  return b.one("gather", [all, rangedBelow(places, rows * lists.length)], { axis: 0, batch: 0 });
}

/** Rows by the swap-or-not shuffle (Hoang, Morris and Rogaway 2012): in each round of an epoch the places of x and K - x (modulo the
 *  number of rows) change or do not, by a bit that a keyed hash gives of the larger. Each round is its own inverse, so every row has one
 *  place. */
function shuffledRows(cx: Context, places: Variable, rows: number, epochs: readonly DrawName[]): Variable {
  const { b } = cx;
  // of a truly random bit, a round takes the distance from uniform to about 2^-0.8 of it; a row by itself to a half
  const rounds = 24 + 3 * Math.ceil(Math.log2(rows));
  const like = { dtype: "i32", shape: [rounds] } as const;
  const keys = epochs.map((name) => {
    const [high, low, first, second] = drawWords(cx, like.shape, name, 4);
    return [integersBelow(b, [high, low] as Words, b.fill(rows, like), rows), first!, second!];
  });
  const all = b.fill(rows, places);
  const later = b.apply("ge", places, all);
  const begin = b.apply("select", later, b.apply("sub", places, all), places);
  const scan = b.openScan("shuffled rows", rounds);
  const { body } = scan;
  const now = scan.carry(begin, "row");
  const [pivot, first, second] = [0, 1, 2].map((k) => {
    const [one, next] = keys.map((of) => body.broadcastTo(scan.slice(of[k]!), now.shape));
    return next ? body.apply("select", later, next, one!) : one!;
  });
  const size = body.fill(rows, now);
  const across = body.apply("sub", pivot!, now);
  const beneath = body.apply("lt", across, body.fill(0, now));
  const other = body.apply("select", beneath, body.apply("add", across, size), across);
  const change = hashBit(body, body.apply("max", now, other), first!, second!);
  return scan.close([body.apply("select", change, other, now)], []).carry[0]!;
}

/** A bit (bool) of whole numbers and two words of a key, modulo 2^32, with the factors of MurmurHash3's finalizer (Appleby). */
function hashBit(b: Builder, x: Variable, first: Variable, second: Variable): Variable {
  const mixed = (h: Variable, by: number) => b.apply("add", h, shiftRight(b, h, by));
  const times = (h: Variable, factor: number) => b.apply("mul", h, b.fill(factor | 0, h));
  const h = times(mixed(b.apply("add", x, first), 16), 0x85ebca6b);
  return b.apply("lt", times(b.apply("add", mixed(h, 13), second), 0xc2b2ae35), b.fill(0, x));
}
