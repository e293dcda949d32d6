// The text of functions, pinned: what `--emit ir` shows, and what the other tests of transforms read.
import { assertEquals } from "@std/assert";
import { expandMaps } from "../../runtime/autodiff/batch.ts";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { valueAndGradient } from "../../runtime/autodiff/gradient.ts";
import { buildFunction } from "../../runtime/ir/builder.ts";
import { printFunction } from "../../runtime/ir/print.ts";
import type { ArrayType, IrFunction } from "../../runtime/ir/types.ts";

const f32 = (...shape: number[]): ArrayType => ({ dtype: "f32", shape });

/** Compares without the indentation of the test's own source. */
function assertPrints(fn: IrFunction, expected: string, options = {}): void {
  const lines = expected.replace(/^\n/, "").split("\n");
  const indent = lines[0]!.match(/^ */)![0].length;
  assertEquals(printFunction(fn, options), lines.map((line) => line.slice(indent)).join("\n"));
}

Deno.test("printFunction() numbers variables in order and names inputs when they have names", () => {
  const fn = buildFunction("affine", [{ ...f32(2, 3), name: "x" } as ArrayType, f32(3)], (b, [x, y]) => [
    b.apply("add", b.apply("mul", x!, b.fill(0.1, x!)), b.broadcastTo(y!, [2, 3])),
  ]);
  assertPrints(
    fn,
    `
    fn affine(a: f32[2,3] "x", b: f32[3]) {
      c: f32[2,3] = constant[0.1]
      d: f32[2,3] = mul a c
      e: f32[2,3] = broadcast[axes=1] b
      f: f32[2,3] = add d e
      return f
    }
    `,
  );
});

Deno.test("printFunction() shows the parameters of movement, contraction and convolution", () => {
  const fn = buildFunction("moves", [f32(2, 4), f32(1, 2, 5, 5), f32(4, 1, 3, 3)], (b, [x, image, filter]) => {
    const padded = b.one("pad", [x!], { low: [0, 1], high: [0, 2], interior: [1, 0] });
    const cut = b.one("slice", [padded], { start: [0, 1], limit: [3, 7], stride: [2, 1] });
    const turned = b.one("transpose", [cut], { permutation: [1, 0] });
    const index = b.literal(new Int32Array([1, 0, 5]), { dtype: "i32", shape: [3] });
    return [
      b.one("dot_general", [cut, turned], { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] }),
      b.one("gather", [turned, index], { axis: 1, batch: 0 }),
      b.one("conv", [image!, filter!], { stride: [2, 1], padding: [[1, 1], [0, 0]], dilation: [1, 1], groups: 2 }),
    ];
  });
  assertPrints(
    fn,
    `
    fn moves(a: f32[2,4], b: f32[1,2,5,5], c: f32[4,1,3,3]) {
      d: f32[3,7] = pad[0:0:1,1:2] a
      e: f32[2,6] = slice[0:3:2,1:7] d
      f: f32[6,2] = transpose[1,0] e
      g: i32[3] = constant[1,0,5]
      h: f32[2,2] = dot_general[contract=1x1] e e
      i: f32[6,3] = gather[axis=1] f g
      j: f32[1,4,3,3] = conv[stride=2,1 padding=1:1,0:0 dilation=1,1 groups=2] b c
      return h, i, j
    }
    `,
  );
});

Deno.test("printFunction() separates constants, carry and slices with bars when there are loops", () => {
  const fn = buildFunction("loops", [f32(3), f32(), f32(4, 3)], (b, [x, rate, rows]) => {
    const scan = b.openScan("step", 4, { reverse: true });
    const s = scan.body;
    const state = scan.carry(x!);
    const next = s.apply("add", s.apply("mul", state, s.broadcastTo(s.resolve(rate!), [3])), scan.slice(rows!));
    const { carry, outputs } = scan.close([next], [s.sum(next)]);
    const map = b.openMap("each", 4);
    return [...carry, ...map.close([map.body.apply("exp", map.slice(outputs[0]!))])];
  });
  assertPrints(
    fn,
    `
    fn loops(a: f32[3], b: f32[], c: f32[4,3]) {
      d: f32[3], e: f32[4] = scan[length=4 reverse] b | a | c {
        step(a: f32[] | b: f32[3] | c: f32[3]) {
          d: f32[3] = broadcast[axes=] a
          e: f32[3] = mul b d
          f: f32[3] = add e c
          g: f32[] = reduce_sum[axes=0] f
          return f | g
        }
      }
      f: f32[4] = map[length=4] | e {
        each(| a: f32[]) {
          b: f32[] = exp a
          return b
        }
      }
      return d, f
    }
    `,
  );
});

Deno.test("printFunction() ends lines with their places in the source when asked", () => {
  const fn = buildFunction("spans", [f32()], (b, [x]) => {
    b.origin = { source: "net.meta", start: 12, end: 20 };
    return [b.apply("exp", x!)];
  });
  assertPrints(
    fn,
    `
    fn spans(a: f32[]) {
      b: f32[] = exp a  # net.meta:12-20
      return b
    }
    `,
    { spans: true },
  );
});

Deno.test("valueAndGradient() multiplies by one known slope when the function is a chain", () => {
  const fn = buildFunction("chain", [f32(3)], (b, [x]) => [b.sum(b.apply("tanh", b.apply("sin", x!)))]);
  assertPrints(
    valueAndGradient(fn, [0]),
    `
    fn chain(a: f32[3]) {
      b: f32[3] = sin a
      c: f32[3] = cos a
      d: f32[3] = tanh b
      e: f32[3] = constant[1]
      f: f32[3] = mul d d
      g: f32[3] = sub e f
      h: f32[] = reduce_sum[axes=0] d
      i: f32[3] = mul g c
      return h, i
    }
    `,
  );
});

Deno.test("valueAndGradient() keeps one slice a step when it reverses a scan", () => {
  // x' = sin(a x): cos(a x) is the only thing that costs anything to compute again; x and a x are not
  const fn = buildFunction("power", [f32(), f32()], (b, [a, x]) => {
    const scope = b.openScan("step", 5);
    const s = scope.body;
    const state = scope.carry(x!);
    return [scope.close([s.apply("sin", s.apply("mul", state, s.resolve(a!)))], []).carry[0]!];
  });
  assertPrints(
    valueAndGradient(fn, [0, 1]),
    `
    fn power(a: f32[], b: f32[]) {
      c: f32[], d: f32[5], e: f32[5] = scan[length=5] a | b | {
        step(a: f32[] | b: f32[] |) {
          c: f32[] = mul b a
          d: f32[] = sin c
          e: f32[] = cos c
          return d | b, e
        }
      }
      f: f32[] = constant[1]
      g: f32[] = constant[0]
      h: f32[], i: f32[] = scan[length=5 reverse] a | g f | d e {
        step(a: f32[] | b: f32[], c: f32[] | d: f32[], e: f32[]) {
          f: f32[] = mul c e
          g: f32[] = mul f d
          h: f32[] = mul f a
          i: f32[] = add b g
          return i, h |
        }
      }
      return c, h, i
    }
    `,
  );
  assertPrints(
    valueAndGradient(fn, [0, 1], { residuals: "carry" }),
    `
    fn power(a: f32[], b: f32[]) {
      c: f32[], d: f32[5] = scan[length=5] a | b | {
        step(a: f32[] | b: f32[] |) {
          c: f32[] = mul b a
          d: f32[] = sin c
          return d | b
        }
      }
      e: f32[] = constant[1]
      f: f32[] = constant[0]
      g: f32[], h: f32[] = scan[length=5 reverse] a | f e | d {
        step(a: f32[] | b: f32[], c: f32[] | d: f32[]) {
          e: f32[] = mul d a
          f: f32[] = cos e
          g: f32[] = mul c f
          h: f32[] = mul g d
          i: f32[] = mul g a
          j: f32[] = add b h
          return j, i |
        }
      }
      return c, g, h
    }
    `,
  );
});

Deno.test("expandGradients() puts a task's backward pass behind its forward pass when tasks are mapped", () => {
  const fn = buildFunction("tasks", [f32(3), f32(2, 3)], (b, [w, xs]) => {
    const request = b.openGradient("meta");
    const m = request.body;
    const p = request.wrt(w!);
    const scope = m.openMap("task", 2);
    const t = scope.body;
    const y = t.apply("exp", t.apply("mul", t.resolve(p), scope.slice(m.resolve(xs!))));
    const [losses] = scope.close([t.sum(y)]);
    const { outputs, gradients } = request.close([m.sum(losses!)]);
    return [...outputs, ...gradients];
  });
  const expanded = expandGradients(fn);
  assertPrints(
    expanded,
    `
    fn tasks(a: f32[3], b: f32[2,3]) {
      c: f32[2], d: f32[2,3] = map[length=2] a | b {
        task(a: f32[3] | b: f32[3]) {
          c: f32[3] = mul a b
          d: f32[3] = exp c
          e: f32[] = reduce_sum[axes=0] d
          f: f32[3] = mul d b
          return e, f
        }
      }
      e: f32[] = reduce_sum[axes=0 in order] c
      f: f32[3] = reduce_sum[axes=0 in order] d
      return e, f
    }
    `,
  );
  assertPrints(
    expandMaps(expanded),
    `
    fn tasks(a: f32[3], b: f32[2,3]) {
      c: f32[2,3] = broadcast[axes=1] a
      d: f32[2,3] = mul c b
      e: f32[2,3] = exp d
      f: f32[2] = reduce_sum[axes=1] e
      g: f32[2,3] = mul e b
      h: f32[] = reduce_sum[axes=0 in order] f
      i: f32[3] = reduce_sum[axes=0 in order] g
      return h, i
    }
    `,
  );
});

Deno.test("expandGradients() differentiates twice when a request holds a request", () => {
  // d/dx (d/dx sum(sin x)) x = cos x - x sin x
  const fn = buildFunction("second", [f32(3)], (b, [x]) => {
    const outer = b.openGradient("outer");
    const y = outer.wrt(x!);
    const inner = outer.body.openGradient("inner");
    const z = inner.wrt(y);
    const { gradients } = inner.close([inner.body.sum(inner.body.apply("sin", z))]);
    return outer.close([outer.body.sum(outer.body.apply("mul", gradients[0]!, y))]).gradients;
  });
  assertPrints(
    expandGradients(fn),
    `
    fn second(a: f32[3]) {
      b: f32[3] = cos a
      c: f32[3] = sin a
      d: f32[3] = neg c
      e: f32[3] = mul a d
      f: f32[3] = add b e
      return f
    }
    `,
  );
});

Deno.test("valueAndGradient() maps over the entries of an input when it goes forward", () => {
  const fn = buildFunction("forward", [f32(2)], (b, [x]) => [b.sum(b.apply("exp", x!))]);
  assertPrints(
    valueAndGradient(fn, [0], { mode: "forward" }),
    `
    fn forward(a: f32[2]) {
      b: f32[2] = exp a
      c: f32[] = reduce_sum[axes=0] b
      d: i32[2] = iota[axis=0]
      e: f32[2] = map[length=2] a | d {
        forward along(a: f32[2] | b: i32[]) {
          c: i32[2] = iota[axis=0]
          d: i32[2] = broadcast[axes=] b
          e: bool[2] = eq c d
          f: f32[2] = convert[f32] e
          g: f32[2] = exp a
          h: f32[2] = mul f g
          i: f32[] = reduce_sum[axes=0] h
          return i
        }
      }
      return c, e
    }
    `,
  );
});
