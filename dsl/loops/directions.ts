// Which way are the derivatives of an objective followed? As the loops in it say: backwards, forwards, or by samples.
import { raising } from "../../runtime/limits.ts";
import { fail, insideLoop } from "../world/report.ts";
import type { CheckedLoop, Context, LeafDeclaration } from "../world/world.ts";
import { type Direction, follows, type Loop, samplesLast } from "../world/loop.ts";
import { requireStatic } from "../elaborate/sizes.ts";
import { shapeOf } from "../world/values.ts";
import { isWarm } from "./standing.ts";

/** The direction that the loops which an objective runs agree on. Undefined when they do not (reported). */
export function directionOf(
  cx: Context,
  runs: readonly CheckedLoop[],
  leaves: readonly LeafDeclaration[],
): Direction | undefined {
  const loops = [...new Set(runs.map((r) => r.loop))];
  const sampled = loops.filter((l) => follows(l) === "samples");
  const forward = loops.find((l) => follows(l) === "forwards");
  const first = sampled[0];
  if (first) {
    const at = insideLoop(cx, first);
    const number = (loop: Loop, name: string) => {
      const given = loop.through.args.get(name);
      return given && requireStatic(at, given, name)!.value;
    };
    const windowed = sampled.filter((l) => l.through.args.has("window") || samplesLast(l));
    const other = windowed.length > 0 && loops.length > 1
      ? loops.find((l) => l !== windowed[0] && l.through.span)
      : loops.find((l) =>
        l.through.span && (l.through.kind !== first.through.kind || number(l, "samples") !== number(first, "samples") ||
          number(l, "sigma") !== number(first, "sigma"))
      );
    if (!other) {
      const own = windowed[0] ?? first;
      const base = { kind: "es", samples: number(own, "samples")!, sigma: number(own, "sigma")! } as const;
      const run = runs.find((r) => r.loop === own)!;
      if (samplesLast(own)) {
        const beside = loops.find((l) => l !== own && isWarm(l));
        if (beside) return refuseBeside(at, own, beside);
        return { ...base, lasting: { loop: own, windows: number(own, "horizon")! / run.steps } };
      }
      const length = number(own, "window");
      // of no steps, as an evaluation may ask, there are no windows
      if (length === undefined || run.steps === 0) return base;
      const persistent = own.through.kind === "pes";
      return { ...base, windows: { loop: own, length, count: run.steps / length, persistent, carry: run.carry } };
    }
    return void fail(at, {
      code: "M0504",
      title: "`es` estimates the gradient of the whole objective, and the loops in it do not agree",
      at: other.through.span!,
      secondary: [{ span: first.through.span!, message: `\`${first.name}\` says this` }],
      hint: "say the same in both, or leave out one",
    });
  }
  if (!forward) return { kind: "reverse" };
  const entries = new Set(leaves);
  const count = [...entries].reduce((n, leaf) => n + shapeOf(leaf.dims).reduce((p, d) => p * d, 1), 0);
  const { directions } = cx.elaboration.limits;
  if (count <= directions) return { kind: "forward" };
  return void fail(insideLoop(cx, forward), {
    code: "M0504",
    title: `\`forward()\` makes one pass for each of the ${count} numbers that are differentiated for`,
    at: forward.through.span!,
    notes: [
      `It pays for a handful of hyperparameters over many steps; ${directions} is the limit`,
      raising("directions"),
      ...[...entries].filter((leaf) => shapeOf(leaf.dims).reduce((p, d) => p * d, 1) > 1000).slice(0, 3)
        .map((leaf) => `\`${leaf.name}\` has ${shapeOf(leaf.dims).reduce((p, d) => p * d, 1)}`),
    ],
    hint: "write `through unroll()`: one pass back, whatever the number",
  });
}

/** Samples go on with one loop: what another has would have to go on for each of them too. */
function refuseBeside(cx: Context, own: Loop, beside: Loop): undefined {
  return void fail(cx, {
    code: "M0701",
    title: `A \`horizon\` beside another loop that goes on from meta-step to meta-step is not yet supported`,
    at: own.through.span!,
    secondary: [{ span: beside.from!.span, message: `\`${beside.name}\` goes on too` }],
  });
}
