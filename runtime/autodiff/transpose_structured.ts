// How do cotangents run back through a loop? Through a scan from the last step to the first, carrying the cotangents of
// the carry and the sums for the constants; through a map for every iteration by itself.
import { Builder } from "../ir/builder.ts";
import { neededCarry, neededInputs, type Sections, sectionsOf } from "../ir/structured.ts";
import type { ArrayType, EquationOf, IrFunction, Variable } from "../ir/types.ts";
import type { LoopTransposeRule, TransposeArguments } from "./cotangent.ts";
import { floatRangeOf } from "./float_ranges.ts";
import { along, cleared, type Share, spread, type Support } from "./supports.ts";

const present = <T>(list: readonly (T | undefined)[]) => list.filter((x) => x !== undefined);

/** Splits the body's inputs: the known ones become inputs of the transposed body, the linear ones stay open. `b`: where what is
 *  given stands. */
function knownInputs(
  t: Builder,
  variables: readonly Variable[],
  given: readonly (Variable | undefined)[],
  b: Builder,
): readonly (Variable | undefined)[] {
  return variables.map((v, i) => given[i] && t.input(v, v.name, floatRangeOf(b, given[i])));
}

const cotangentName = (v: Variable) => v.name === undefined ? undefined : `ct ${v.name}`;

/** A support as one slice of a stack sees it. */
const sliceOf = ({ dtype, shape }: Variable): ArrayType => ({ dtype, shape: shape.slice(1) });

/** The supports of stacked cotangents that are alike in all slices, without the axis of the slices, and the others. */
function dealt(b: Builder, shares: readonly (Share | undefined)[]) {
  const alike = shares.map((share) =>
    share?.support?.shape[0] === 1 ? b.reshape(share.support, share.support.shape.slice(1)) : undefined
  );
  const stacked = shares.map((share, i) => alike[i] ? undefined : share?.support);
  return { alike, stacked };
}

const shareOf = (value: Variable | undefined, support: Support, exact: boolean): Share | undefined =>
  value && { value, support, exact };

/** The reverse scan. Its constants: the known constants. Its carry: sums of the cotangents of the linear constants,
 *  cotangents of the carry, and where these count. Its stacked inputs: the known ones, cotangents of the stacked outputs; its
 *  stacked outputs: cotangents of the linear stacked inputs. A carry of a linear scan is linear even if it starts at a known (zero)
 *  value: whatever is not linear in it has been split off before. */
export const scanTranspose: LoopTransposeRule<"scan"> = (args) => {
  const { shares, params } = args;
  // What has no cotangent from outside counts nowhere at the end
  const some = shares.some((share) => share?.support);
  let counted: readonly boolean[] = shares.slice(0, params.carry).map((share) => some && (!share || !!share.support));
  while (true) {
    const { results, everywhere } = reverseScan(args, counted);
    if (!counted.some((flag, i) => flag && everywhere[i])) return results;
    // Followed in vain
    counted = counted.map((flag, i) => flag && !everywhere[i]);
  }
};

type Cotangents = readonly (Variable | undefined)[];

/** One step of the reverse scan, and what it returns, in this order. */
interface ReverseStep {
  readonly body: IrFunction;
  /** For the constants, summed over the steps so far. */
  readonly sums: Cotangents;
  readonly carry: Cotangents;
  /** Where those of the carry count, of those that are followed. */
  readonly supports: Cotangents;
  /** For the linear stacked inputs. */
  readonly slices: Cotangents;
  /** Where those of the constants and of the stacked inputs count in this step. */
  readonly where: Cotangents;
  /** What the body's transpose said of its inputs. */
  readonly result: Sections<Share | undefined>;
}

/** What is known of a scan that is turned around. */
function surveyScan({ b, inputs, shares, params }: TransposeArguments<"scan">) {
  const { body, carry } = params;
  const flags = shares.map((u) => u !== undefined);
  const liveCarry = neededCarry({ op: "scan", params } as EquationOf<"scan">, flags);
  const needed = sectionsOf(params, neededInputs(body, [...liveCarry, ...flags.slice(carry)]));
  const given = sectionsOf(params, inputs);
  const records = shares.slice(carry);
  return {
    given,
    liveCarry,
    linearConstant: given.constants.map((x, i) => x === undefined && needed.constants[i]!),
    linearStacked: given.stacked.map((x, i) => x === undefined && needed.stacked[i]!),
    ends: shares.slice(0, carry),
    records,
    counting: dealt(b, records),
  };
}

/** Writes one step of the reverse scan. */
function reverseStep(
  { b, params, followed, transpose }: TransposeArguments<"scan">,
  { given, liveCarry, linearConstant, linearStacked, records, counting }: ReturnType<typeof surveyScan>,
  counted: readonly boolean[],
): ReverseStep {
  const { body, constants: fixed, carry: carries } = params;
  const shape = sectionsOf(params, body.inputs);
  const t = new Builder(body.name);
  t.origin = b.origin;
  const constants = knownInputs(t, shape.constants, given.constants, b);
  const inAll = counting.alike.map((support) => support && t.input(support));
  const input = (v: Variable, flag: boolean) => flag ? t.input(v, cotangentName(v)) : undefined;
  const sums = shape.constants.map((v, i) => input(v, linearConstant[i]!));
  const carry = shape.carry.map((v, i) => input(v, liveCarry[i]!));
  const supports = shape.carry.map((v, i) => carry[i] && counted[i] ? t.input({ ...v, dtype: "bool" }) : undefined);
  const stacked = knownInputs(t, shape.stacked, given.stacked, b);
  const inEach = counting.stacked.map((support) => support && t.input(sliceOf(support)));
  const outputs = body.outputs.slice(carries).map((v, i) => input(v, records[i] !== undefined));
  const result = sectionsOf(
    params,
    transpose(
      t,
      body,
      [...constants, ...shape.carry.map(() => undefined), ...stacked],
      [
        ...carry.map((u, i) => shareOf(u, supports[i], true)),
        ...outputs.map((u, i) => shareOf(u, inAll[i] ?? inEach[i], records[i]?.exact ?? true)),
      ],
      body.inputs.map((_, i) => (supports[i - fixed] ?? followed(i)) ? "where it counts" : "everywhere"),
    ),
  );
  const next = {
    sums: sums.map((sum, i) => {
      const u = result.constants[i];
      return sum && u ? t.apply("add", sum, cleared(t, u)) : sum;
    }),
    carry: carry.map((u, i) => {
      const share = result.carry[i];
      return u && (share ? cleared(t, share) : t.fill(0, u));
    }),
    supports: supports.map((support, i) => support && spread(t, supportIn(t, result.carry[i], support), support.shape)),
    slices: shape.stacked.map((v, i) => linearStacked[i] ? result.stacked[i]?.value ?? t.fill(0, v) : undefined),
  };
  const where = [
    ...result.constants.map((share, i) => sums[i] && share?.support),
    ...result.stacked.map((share, i) => next.slices[i] && share?.support),
  ];
  const returned = [...next.sums, ...next.carry, ...next.supports, ...next.slices, ...where];
  return { body: t.finish(present(returned)), ...next, where, result };
}

/** The reverse scan that follows where some cotangents of the carry count; `everywhere`: which of these do everywhere, seen from
 *  one step. */
function reverseScan(
  args: TransposeArguments<"scan">,
  counted: readonly boolean[],
): { readonly results: readonly (Share | undefined)[]; readonly everywhere: readonly boolean[] } {
  const { b, params } = args;
  const survey = surveyScan(args);
  const { given, ends, records, counting } = survey;
  const { body, sums, carry, supports, slices, where, result } = reverseStep(args, survey, counted);
  const starts = present([
    ...sums.map((sum) => sum && b.fill(0, sum)),
    ...carry.map((u, i) => u && (ends[i] ? cleared(b, ends[i]) : b.fill(0, u))),
    ...supports.map((support, i) => support && spread(b, supportIn(b, ends[i], support), support.shape)),
  ]);
  const known = [...present(given.constants), ...present(counting.alike)];
  const results = b.emit("scan", [
    ...known,
    ...starts,
    ...present(given.stacked),
    ...present(counting.stacked),
    ...present(records).map((share) => share.value),
  ], { body, length: params.length, constants: known.length, carry: starts.length, reverse: !params.reverse });
  let position = 0;
  const take = (list: Cotangents) => list.map((x) => x && results[position++]);
  const [ofSums, ofCarry, ofSupports] = [take(sums), take(carry), take(supports)];
  const [ofSlices, ofWhere] = [take(slices), take(where)];
  return {
    everywhere: supports.map((support, i) => {
      const share = result.carry[i];
      return support !== undefined && share !== undefined && share.support === undefined;
    }),
    results: [
      ...ofSums.map((x, i) => shareOf(x, anySlice(b, ofWhere[i]), true)),
      ...ofCarry.map((x, i) => shareOf(x, ofSupports[i], true)),
      ...ofSlices.map((x, i) => shareOf(x, ofWhere[params.constants + i], result.stacked[i]?.exact ?? true)),
    ],
  };
}

/** Where a share counts, as an array: nowhere if there is none. */
function supportIn(b: Builder, share: Share | undefined, like: Variable): Variable {
  return share?.support ?? b.fill(share ? 1 : 0, like);
}

/** Where any slice of a stack counts. */
function anySlice(b: Builder, stacked: Support): Support {
  return stacked && b.reshape(along(b, stacked, [0]), stacked.shape.slice(1));
}

/** The transposed map. Every iteration makes its own cotangents, also of the constants: these are stacked and summed
 *  over the iterations afterwards, so that the order of summation does not depend on who ran which iteration. */
export const mapTranspose: LoopTransposeRule<"map"> = ({ b, inputs, shares, params, followed, transpose }) => {
  const { body, length } = params;
  const given = sectionsOf(params, inputs);
  const shape = sectionsOf(params, body.inputs);
  const counting = dealt(b, shares);
  const t = new Builder(body.name);
  t.origin = b.origin;
  const constants = knownInputs(t, shape.constants, given.constants, b);
  const inAll = counting.alike.map((support) => support && t.input(support));
  const stacked = knownInputs(t, shape.stacked, given.stacked, b);
  const inEach = counting.stacked.map((support) => support && t.input(sliceOf(support)));
  const outputs = body.outputs.map((v, i) => shares[i] && t.input(v, cotangentName(v)));
  const transposed = transpose(
    t,
    body,
    [...constants, ...stacked],
    outputs.map((u, i) => shareOf(u, inAll[i] ?? inEach[i], shares[i]?.exact ?? true)),
    body.inputs.map((_, i) => followed(i) ? "where it counts" : "everywhere"),
  ).map((share, i) => share && i < params.constants ? { ...share, value: cleared(t, share) } : share);
  const counted = transposed.map((share) => share?.support);
  const known = [...present(given.constants), ...present(counting.alike)];
  const results = b.emit("map", [
    ...known,
    ...present(given.stacked),
    ...present(counting.stacked),
    ...present(shares).map((share) => share.value),
  ], {
    body: t.finish([...present(transposed).map((share) => share.value), ...present(counted)]),
    length,
    constants: known.length,
  });
  let position = 0;
  const take = <T>(list: readonly (T | undefined)[]) => list.map((x) => x && results[position++]);
  const [values, supports] = [take(transposed), take(counted)];
  return transposed.map((share, i) =>
    share && i < params.constants
      ? shareOf(b.sum(values[i]!, [0]), anySlice(b, supports[i]), true)
      : shareOf(values[i], supports[i], share?.exact ?? true)
  );
};
