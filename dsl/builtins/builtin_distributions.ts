// What can be drawn? The families that initialisers, tasks and data draw from, and the fans of the shape that is drawn.
import type { Builtin } from "./builtin_arguments.ts";
import { fail } from "../world/report.ts";
import { describeValue, endingHint, errorValue, staticNumber } from "../world/values.ts";
import type { Scope } from "../world/world.ts";
import type { BaseDistribution, Fans, StaticValue, TensorValue } from "../world/value_kinds.ts";

function distribution(family: BaseDistribution["family"], arity: 1 | 2): Builtin {
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
            hint: endingHint(value),
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
  fan("fan_in"),
  fan("fan_out"),
];
