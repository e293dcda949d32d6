// How are random bits drawn in a graph? Philox 4x32-10 in unsigned arithmetic (Salmon et al. 2011, "Parallel random numbers: as easy
// as 1, 2, 3", section 3.3), the blocks of all draws that are ready at once, its rounds as a loop: written out, for each draw by
// itself, they were most of what is compiled.
import { type ArrayType, type PrimitiveParameters, sizeOf } from "../../ir/types.ts";
import { FunctionGraph, type Ref } from "./graph.ts";
import { Operations } from "./operations.ts";

const multipliers = [0xd2511f53, 0xcd9e8d57] as const;
const weyl = [0x9e3779b9, 0xbb67ae85] as const;
const rounds = 10;

/** One `random_bits`: key [B, 2], counter [B, 3]. */
export interface Draw {
  readonly key: Ref;
  readonly counter: Ref;
  readonly params: PrimitiveParameters["random_bits"];
  readonly type: ArrayType;
}

/** The words of each draw, of its type. */
export function lowerDraws(t: Operations, draws: readonly Draw[]): readonly Ref[] {
  const sizes = draws.map(({ key, params }) => {
    const [lead, size] = [sizeOf(key.shape.slice(0, -1)), sizeOf(params.shape)];
    return { lead, size, blocks: Math.ceil(size / 4) };
  });
  /** A word of every block of every draw, one after the other. */
  const everywhere = (word: (draw: Draw, index: number) => Ref) =>
    t.concat(
      draws.map((draw, d) => {
        const { lead, blocks } = sizes[d]!;
        return t.reshape(t.broadcastTo(word(draw, d), [lead, blocks]), [lead * blocks]);
      }),
      0,
    );
  const column = (x: Ref, from: number, lead: number) => {
    const table = t.reshape(x, [lead, x.shape.at(-1)!]);
    return t.bits(t.slice(table, [0, from], [lead, from + 1], [1, 1]), "u32");
  };
  const numbers = (_: Draw, d: number) => {
    const { blocks } = sizes[d]!;
    return t.bits(t.reshape(t.range(blocks), [1, blocks]), "u32");
  };
  const words = [
    numbers,
    ...[0, 1, 2].map((i) => ({ counter }: Draw, d: number) => column(counter, i, sizes[d]!.lead)),
  ];
  const keys = [0, 1].map((i) => ({ key }: Draw, d: number) => column(key, i, sizes[d]!.lead));
  const state = [t.integer(0), ...words.map(everywhere), ...keys.map(everywhere)];
  const made = philox(t, state).slice(1, 5);
  const total = made[0]!.shape[0]!;
  const table = t.concat(made.map((w) => t.reshape(w, [total, 1])), 1);
  let first = 0;
  return draws.map(({ type }, d) => {
    const { lead, size, blocks } = sizes[d]!;
    const own = t.slice(table, [first, 0], [first += lead * blocks, 4], [1, 1]);
    const rows = t.slice(t.reshape(own, [lead, 4 * blocks]), [0, 0], [lead, size], [1, 1]);
    return t.reshape(t.bits(rows, "i32"), type.shape);
  });
}

/** All rounds: (round, four words, two keys) to the same. */
function philox(t: Operations, state: readonly Ref[]): readonly Ref[] {
  const { library } = t.graph;
  const condition = new FunctionGraph(library, state);
  const c = new Operations(condition);
  const more = condition.finish("more", [c.compare("Less", condition.inputs[0]!, c.integer(rounds))]);
  const body = new FunctionGraph(library, state);
  const s = new Operations(body);
  const [round, w0, w1, w2, w3, ...keys] = body.inputs as [Ref, Ref, Ref, Ref, Ref, Ref, Ref];
  const [first, second] = [product(s, multipliers[0], w0), product(s, multipliers[1], w2)];
  const mixed = (high: Ref, word: Ref, key: Ref) => s.binary("BitwiseXor", s.binary("BitwiseXor", high, word), key);
  const next = body.finish("philox", [
    s.binary("AddV2", round, s.integer(1)),
    ...[mixed(second.high, w1, keys[0]), second.low, mixed(first.high, w3, keys[1]), first.low],
    ...keys.map((key, i) => s.binary("AddV2", key, s.unsigned(weyl[i]!))),
  ]);
  return t.loop(more, next, state);
}

/** The two halves of a product of 32-bit numbers. */
function product(t: Operations, multiplier: number, x: Ref): { readonly high: Ref; readonly low: Ref } {
  const wide = (v: Ref) => t.cast(v, "u64");
  const whole = t.binary("Mul", wide(x), wide(t.unsigned(multiplier)));
  const high = t.cast(t.binary("RightShift", whole, wide(t.unsigned(32))), "u32");
  return { high, low: t.binary("Mul", x, t.unsigned(multiplier)) };
}
