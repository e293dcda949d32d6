// What can be drawn? The families that initialisers, tasks, models and data draw from, and the fans of the shape that is drawn.
import { type Builtin, type BuiltinCall, integerArg } from "./builtin_arguments.ts";
import { fail } from "../world/report.ts";
import { arrayHint, describeValue, errorValue, numbersOf, staticNumber } from "../world/values.ts";
import { sizeAsNumber } from "../elaborate/arithmetic.ts";
import type { Scope } from "../world/world.ts";
import { largestInt } from "../../runtime/ir/types.ts";
import type { ErrorValue, Fans, FloatDistribution, StaticValue, TensorValue, Weights } from "../world/value_kinds.ts";

function distribution(family: FloatDistribution["family"], arity: 1 | 2): Builtin {
  return {
    name: family,
    arity: [arity, arity],
    named: [],
    family: true,
    apply: (c) => {
      for (const value of c.args) {
        if (value.kind === "error") return errorValue;
        if (value.kind !== "static" && value.kind !== "tensor") {
          return fail(c.cx, {
            code: "M0304",
            title: `\`${family}\` takes numbers, not ${describeValue(value)}`,
            at: c.call.span,
            hint: arrayHint(value),
          });
        }
      }
      const [x, y] = c.args as [StaticValue | TensorValue, (StaticValue | TensorValue)?];
      const [a, second] = family === "truncated_normal" ? [staticNumber(0, "float"), x] : [x, y!];
      const spread = second.kind === "static" ? second.value : undefined;
      if (family === "uniform" && a.kind === "static" && spread !== undefined && !(a.value <= spread)) {
        return fail(c.cx, { code: "M0304", title: `The interval ${a.value} .. ${spread} is empty`, at: c.call.span });
      }
      if (family !== "uniform" && spread !== undefined && !(spread >= 0)) {
        return fail(c.cx, { code: "M0304", title: `A standard deviation cannot be ${spread}`, at: c.call.span });
      }
      return {
        kind: "distribution",
        description: family,
        computed: a.kind === "tensor" || second.kind === "tensor",
        make: () => ({ kind: "family", family, a, b: second }),
      };
    },
  };
}

/** `choice(n)`, `permutation(n)`: whole numbers below one that is known now. */
function ofRange(family: "choice" | "permutation"): Builtin {
  return {
    name: family,
    arity: [1, 1],
    named: [],
    family: true,
    apply: (c) => {
      const count = integerArg(c, c.args[0], "the number", undefined);
      if (count === undefined) return errorValue;
      if (count < 1 || count > largestInt) {
        return fail(c.cx, {
          code: "M0306",
          title: `\`${family}\` draws of 1 number at least and ${largestInt} at most, not of ${count}`,
          at: c.at(0),
        });
      }
      return {
        kind: "distribution",
        description: family,
        computed: false,
        make: () => ({ kind: "family", family, count }),
      };
    },
  };
}

/** `categorical(p)`, `bernoulli(p)`: by probabilities, known now or computed. */
function byWeights(family: "categorical" | "bernoulli"): Builtin {
  return {
    name: family,
    arity: [1, 1],
    named: [],
    family: true,
    apply: (c) => {
      const weights = weightsOf(c, family);
      if (weights.kind === "error") return weights;
      const computed = weights.kind === "tensor";
      return { kind: "distribution", description: family, computed, make: () => ({ kind: "family", family, weights }) };
    },
  };
}

/** The probabilities of a draw; where they are known now, they are looked at. */
function weightsOf(c: BuiltinCall, family: "categorical" | "bernoulli"): Weights | ErrorValue {
  const value = sizeAsNumber(c.args[0]!);
  if (value.kind === "error") return value;
  const places = family === "categorical";
  const numbers = value.kind === "static" || value.kind === "literal" || value.kind === "shape" ||
    value.kind === "tensor";
  const scalar = value.kind === "static" || value.kind === "tensor" && value.dims.length === 0;
  if (!numbers || places && scalar) {
    return fail(c.cx, {
      code: "M0304",
      title: `\`${family}\` takes ${places ? "a probability for each of several" : "a probability"}, not ${
        describeValue(value)
      }`,
      at: c.at(0),
      hint: places && numbers ? "what happens with one probability is drawn from `bernoulli(p)`" : arrayHint(value),
    });
  }
  const known = numbersOf(value);
  const odd = known.findIndex((p) => !(p >= 0 && p <= (places ? Number.MAX_VALUE : 1)));
  if (odd >= 0) {
    return fail(c.cx, {
      code: "M0304",
      title: `A probability of \`${family}\` cannot be ${known[odd]}`,
      at: c.at(0),
      label: known.length > 1 ? `entry ${odd}` : "",
    });
  }
  const size = value.kind === "literal" ? value.dims.at(-1)!.size : known.length;
  for (let row = 0; places && row < known.length; row += size) {
    const sum = known.slice(row, row + size).reduce((all, p) => all + p, 0);
    if (sum > 0 && sum < Infinity) continue;
    return fail(c.cx, {
      code: "M0304",
      title: `The probabilities of \`categorical\` add up to ${sum}`,
      at: c.at(0),
      hint: "one of them at least must be above 0: what is drawn is in proportion to them",
    });
  }
  return value;
}

function fan(name: keyof Fans): Builtin {
  return {
    name,
    arity: [0, 0],
    named: [],
    apply: (c) => {
      for (let s: Scope | undefined = c.cx.scope; s; s = s.parent) {
        if (s.fans) return staticNumber(s.fans[name]);
      }
      return fail(c.cx, {
        code: "M0203",
        title: `\`${name}()\` is known only where a distribution is drawn`,
        at: c.call.span,
        notes: ["It comes from the shape that is drawn, so it stands in functions whose value is a distribution"],
      });
    },
  };
}

/** The builtins of this file. */
export const distributions: readonly Builtin[] = [
  distribution("uniform", 2),
  distribution("normal", 2),
  distribution("truncated_normal", 1),
  ofRange("choice"),
  ofRange("permutation"),
  byWeights("categorical"),
  byWeights("bernoulli"),
  fan("fan_in"),
  fan("fan_out"),
];
