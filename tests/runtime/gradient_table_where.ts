// What `where` does not take: rows of the gradient table in which it is infinite or NaN, or has derivatives that are. The condition
// is an input of its own, so that every row is in general position.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { ConvolutionParameters, HostArray, Shape, Variable } from "../../runtime/ir/types.ts";
import { array, type GradientRow, spread } from "./gradient_row.ts";

type Write = GradientRow["write"];

/** `count` entries, all 1 but those at some places. */
const flags = (shape: Shape, off: readonly number[]) => {
  const count = shape.reduce((x, y) => x * y, 1);
  return array("bool", shape, Array.from({ length: count }, (_, i) => off.includes(i) ? 0 : 1));
};

/** Numbers between 0.5 and 1.5, but `bad` at some places. */
function except(shape: Shape, places: readonly number[], bad: number, seed = 1): HostArray {
  const x = spread(shape, 0.5, 1.5, seed);
  for (const place of places) x.data[place] = bad;
  return x;
}

const log = (b: Builder, x: Variable) => b.apply("log", x);
const square = (b: Builder, x: Variable) => b.apply("mul", x, x);
const choose = (b: Builder, c: Variable, x: Variable, y: Variable) => b.apply("select", c, x, y);
const zeros = (b: Builder, like: Variable) => b.fill(0, like);
const rows = (b: Builder, c: Variable, shape: Shape) => b.one("broadcast", [c], { shape, axes: [0] });

function product(b: Builder, x: Variable, y: Variable): Variable {
  return b.one("dot_general", [x, y], { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] });
}

/** One entry by one: where(c, f(x), sin(x)) with x = `bad` at the second and fifth entry, which are not taken. */
function entrywise(name: string, bad: number, f: (b: Builder, x: Variable) => Variable): GradientRow {
  return {
    name: `where around ${name}`,
    inputs: [flags([2, 3], [1, 4]), except([2, 3], [1, 4], bad)],
    write: (b, [c, x]) => [choose(b, c!, f(b, x!), b.apply("sin", x!))],
  };
}

/** One taken condition for everything, beside one that is not. */
function wholly(name: string, inputs: readonly HostArray[], f: Write): GradientRow {
  return {
    name: `where around the whole of ${name}`,
    inputs: [array("bool", [], [0]), ...inputs],
    write: (b, [c, ...x]) =>
      f(b, x).map((y) => {
        const all = b.broadcastTo(c!, y.shape);
        const rest = b.broadcastTo(b.sum(square(b, x[0]!)), y.shape);
        return choose(b, all, y, rest);
      }),
  };
}

const geometry: ConvolutionParameters = { stride: [2, 1], padding: [[1, 0], [0, 1]], dilation: [1, 1], groups: 1 };

/** Twice x' = x log(x) + s, and sums of the logarithms. */
function iterated(b: Builder, [x, s]: readonly Variable[], condition?: Variable): readonly Variable[] {
  const scope = b.openScan("iterated", s!.shape[0]!);
  const i = scope.body;
  const at = scope.carry(x!);
  const slice = scope.slice(s!);
  const own = i.apply("add", i.apply("mul", at, log(i, at)), i.apply("add", at, slice));
  const next = condition ? choose(i, i.resolve(condition), own, at) : own;
  const { carry, outputs } = scope.close([next], [log(i, at)]);
  return [carry[0]!, outputs[0]!];
}

/** Gradient steps on sum(where(c, log(w) w, w^2)). */
function descent(b: Builder, [c, w, rate]: readonly Variable[]): readonly Variable[] {
  const scope = b.openScan("descent", 2);
  const s = scope.body;
  const p = scope.carry(w!);
  const request = s.openGradient("loss");
  const g = request.body;
  const q = request.wrt(p);
  const { gradients } = request.close([
    g.sum(choose(g, g.resolve(c!), g.apply("mul", q, log(g, q)), square(g, q))),
  ]);
  const step = s.apply("mul", gradients[0]!, s.broadcastTo(s.resolve(rate!), p.shape));
  return [...scope.close([s.apply("sub", p, step)], []).carry];
}

/** A loop whose entries do not meet, some of which run away: x' = x^2 - 0.4, twelve times. */
function runaway(b: Builder, [c, x]: readonly Variable[]): readonly Variable[] {
  const scope = b.openScan("runaway", 12);
  const s = scope.body;
  const at = scope.carry(x!);
  const { carry } = scope.close([s.apply("sub", square(s, at), s.fill(0.4, at))], []);
  return [choose(b, c!, carry[0]!, b.apply("sin", x!))];
}

const table = [except([3, 2], [2, 3], 0), spread([2, 4], -1, 1, 5)];

/** Rows for `select`. */
export const whereRows: readonly GradientRow[] = [
  entrywise("a logarithm of 0", 0, log),
  entrywise("a logarithm of a negative number", -1, log),
  entrywise("a quotient by 0", 0, (b, x) => b.apply("div", b.apply("sin", x), x)),
  entrywise("a negative power of 0", 0, (b, x) => b.one("integer_pow", [x], { exponent: -2 })),
  entrywise("a power of 0", 0, (b, x) => b.apply("pow", x, b.fill(-0.5, x))),
  entrywise("an exponential that overflows", 800, (b, x) => b.apply("exp", x)),
  entrywise("a power that overflows", 8, (b, x) => {
    const half = b.apply("mul", x, b.fill(0.6, x));
    return b.one("integer_pow", [half], { exponent: 500 });
  }),
  entrywise("a root of a negative number", -1, (b, x) => b.apply("sqrt", x)),
  entrywise("log1p of -1", -1, (b, x) => b.apply("log1p", x)),
  entrywise("x log x at 0", 0, (b, x) => b.apply("mul", x, log(b, x))),
  entrywise("the larger of log(0) and a number", 0, (b, x) => b.apply("max", log(b, x), b.fill(-3, x))),
  entrywise("moved entries", 0, (b, x) => {
    const turned = b.one("transpose", [b.one("reverse", [log(b, x)], { axes: [1] })], { permutation: [1, 0] });
    const joined = b.one("concat", [b.reshape(turned, [6]), b.fill(1, { dtype: "f64", shape: [2] })], { axis: 0 });
    const part = b.one("slice", [joined], { start: [0], limit: [6], stride: [1] });
    const wide = b.one("pad", [part], { low: [1], high: [1], interior: [0] });
    const back = b.one("slice", [wide], { start: [1], limit: [7], stride: [1] });
    const straight = b.one("transpose", [b.reshape(back, [3, 2])], { permutation: [1, 0] });
    return b.one("reverse", [straight], { axes: [1] });
  }),
  {
    name: "where in where",
    inputs: [flags([4], [1]), flags([4], [2]), except([4], [1, 2], 0)],
    write: (b, [c, d, x]) => [choose(b, c!, choose(b, d!, log(b, x!), square(b, x!)), b.apply("sin", x!))],
  },
  {
    name: "where beside another use of what it does not take",
    inputs: [flags([4], [1]), except([4], [1], 0)],
    write: (b, [c, x]) => {
      const twice = b.apply("mul", x!, b.fill(2, x!));
      return [b.apply("add", choose(b, c!, log(b, twice), zeros(b, x!)), b.apply("sin", twice))];
    },
  },
  {
    name: "where around sums",
    inputs: [flags([3], [1]), except([3, 2], [2, 3], 0)],
    write: (b, [c, x]) => [choose(b, c!, b.sum(log(b, x!), [1]), b.sum(square(b, x!), [1]))],
  },
  {
    name: "where around repeated entries",
    inputs: [flags([3], [1]), except([3], [1], 0), spread([3, 2], -1, 1, 5)],
    write: (b, [c, x, y]) => {
      const scaled = b.apply("mul", b.one("broadcast", [log(b, x!)], { shape: [3, 2], axes: [0] }), y!);
      return [choose(b, rows(b, c!, [3, 2]), scaled, y!)];
    },
  },
  {
    name: "where around the largest entries",
    inputs: [flags([3], [1]), except([3, 2], [2, 3], 0)],
    write: (b, [c, x]) => [choose(b, c!, b.one("reduce_max", [log(b, x!)], { axes: [1] }), b.sum(x!, [1]))],
  },
  {
    name: "where around taken entries",
    inputs: [flags([4], [1, 3]), except([3], [2], 0), array("i32", [4], [0, 2, 1, 2])],
    write: (b, [c, x, i]) => {
      const found = b.one("gather", [log(b, x!), i!], { axis: 0, batch: 0 });
      return [choose(b, c!, found, b.apply("sin", b.one("gather", [x!, i!], { axis: 0, batch: 0 })))];
    },
  },
  {
    name: "where around scattered entries",
    inputs: [flags([4], [2]), except([3], [1], 0), array("i32", [3], [0, 2, 3])],
    write: (b, [c, x, i]) => {
      const put = b.one("scatter_add", [log(b, x!), i!], { axis: 0, batch: 0, size: 4 });
      return [choose(b, c!, put, zeros(b, put)), b.apply("sin", x!)];
    },
  },
  {
    name: "where around rows of a product",
    inputs: [flags([3], [1]), ...table],
    write: (b, [c, x, w]) => {
      const y = product(b, log(b, x!), w!);
      return [choose(b, rows(b, c!, y.shape), y, zeros(b, y)), square(b, x!)];
    },
  },
  {
    name: "where around columns of a product",
    inputs: [flags([4], [1, 2]), spread([3, 2], -1, 1), except([2, 4], [1, 2, 5], 0, 5)],
    write: (b, [c, x, w]) => {
      const y = product(b, x!, log(b, w!));
      return [choose(b, b.broadcastTo(c!, y.shape), y, zeros(b, y))];
    },
  },
  {
    name: "where around entries of a product with rows to the left and columns to the right",
    inputs: [flags([3, 4], [1, 4, 5, 6, 7, 9]), except([3, 2], [2], 0), except([2, 4], [1], 0, 5)],
    write: (b, [c, x, w]) => {
      const y = product(b, log(b, x!), log(b, w!));
      return [choose(b, c!, y, zeros(b, y))];
    },
  },
  {
    name: "where around a network",
    inputs: [flags([3], [1]), ...table, spread([4, 2], -1, 1, 6)],
    write: (b, [c, x, w, v]) => {
      const hidden = product(b, log(b, x!), w!);
      const active = choose(b, b.apply("le", hidden, zeros(b, hidden)), zeros(b, hidden), hidden);
      const y = product(b, active, v!);
      return [choose(b, rows(b, c!, y.shape), b.apply("tanh", y), zeros(b, y))];
    },
    smooth: false,
  },
  {
    name: "where around systems, one of which is singular",
    inputs: [
      flags([2], [1]),
      array("f64", [2, 2, 2], [4, 1, 0.5, -3, 1, 2, 2, 4]),
      spread([2, 2, 1], -1, 1),
    ],
    write: (b, [c, a, x]) => {
      const y = b.apply("solve", a!, x!);
      return [choose(b, rows(b, c!, y.shape), y, zeros(b, y))];
    },
  },
  {
    name: "where around images",
    inputs: [flags([2], [0]), except([2, 2, 4, 5], [3, 17], 0), spread([2, 2, 3, 2], -1, 1, 5)],
    write: (b, [c, x, filter]) => {
      const y = b.one("conv", [log(b, x!), filter!], geometry);
      return [choose(b, rows(b, c!, y.shape), y, zeros(b, y))];
    },
  },
  {
    name: "where around places of an image",
    inputs: [flags([2, 5], [0, 1]), except([2, 2, 4, 5], [1, 41], 0), spread([2, 2, 3, 2], -1, 1, 5)],
    write: (b, [c, x, filter]) => {
      const y = b.one("conv", [log(b, x!), filter!], geometry);
      const places = b.one("broadcast", [c!], { shape: y.shape, axes: [2, 3] });
      return [choose(b, places, y, zeros(b, y))];
    },
  },
  {
    name: "where around channels that a filter makes",
    inputs: [flags([2], [1]), spread([2, 2, 4, 5], -1, 1), except([2, 2, 3, 2], [12, 17], 0, 5)],
    write: (b, [c, x, filter]) => {
      const y = b.one("conv", [x!, log(b, filter!)], geometry);
      return [choose(b, b.one("broadcast", [c!], { shape: y.shape, axes: [1] }), y, zeros(b, y))];
    },
  },
  {
    name: "where in a loop",
    inputs: [flags([3], [1]), except([3], [1], 0), spread([3, 3], 0.1, 0.4, 5)],
    write: (b, [c, x, s]) => [iterated(b, [x!, s!], c!)[0]!],
  },
  {
    name: "where around the end of a loop",
    inputs: [flags([3], [1]), except([3], [1], 0), array("f64", [3, 3], [0.1, 0, 0.3, 0.2, 0, 0.1, 0.4, 0, 0.2])],
    write: (b, [c, x, s]) => [choose(b, c!, iterated(b, [x!, s!])[0]!, square(b, x!))],
  },
  {
    name: "where around the record of a loop",
    inputs: [flags([3, 3], [1, 4, 7]), except([3], [1], 0), array("f64", [3, 3], [0.1, 0, 0, 0.2, 0, 0, 0.4, 0, 0])],
    write: (b, [c, x, s]) => {
      const record = iterated(b, [x!, s!])[1]!;
      return [choose(b, c!, record, zeros(b, record)), b.apply("sin", x!)];
    },
  },
  {
    name: "where around the sum over a loop",
    inputs: [flags([3], [1]), except([3], [1], 0), spread([3, 3], 0.1, 0.4, 5)],
    write: (b, [c, x, s]) => {
      const total = b.sum(iterated(b, [x!, s!])[1]!, [0]);
      return [choose(b, c!, total, square(b, x!))];
    },
  },
  {
    name: "where around entries of a loop that run away",
    inputs: [flags([3], [1]), array("f64", [3], [0.1, 100, 0.15])],
    write: runaway,
  },
  {
    name: "where in the loss of a loop",
    inputs: [flags([3], [1]), except([3], [1], -1), array("f64", [], [0.1])],
    write: descent,
  },
  {
    name: "where in a map",
    inputs: [flags([3], [1]), except([3, 2], [2, 3], 0), spread([2], -1, 1, 5)],
    write: (b, [c, x, y]) => {
      const scope = b.openMap("rows", 3);
      const m = scope.body;
      const [own, row] = [scope.slice(c!), scope.slice(x!)];
      const scaled = m.apply("mul", log(m, row), m.resolve(y!));
      return scope.close([choose(m, m.broadcastTo(own, row.shape), scaled, m.resolve(y!))]);
    },
  },
  {
    name: "where around a map",
    inputs: [flags([3], [1]), except([3, 2], [2, 3], 0), spread([2], -1, 1, 5)],
    write: (b, [c, x, y]) => {
      const scope = b.openMap("rows", 3);
      const m = scope.body;
      const [stacked] = scope.close([m.apply("mul", log(m, scope.slice(x!)), m.resolve(y!))]);
      return [choose(b, rows(b, c!, [3, 2]), stacked!, x!)];
    },
  },
  {
    name: "where around the whole of a loop with a where inside",
    inputs: [array("bool", [], [1]), flags([2, 3], [1, 4]), except([2, 3], [1, 4], 0)],
    write: (b, [all, c, x]) => {
      const before = log(b, x!);
      const scope = b.openScan("chosen", 2);
      const s = scope.body;
      const total = scope.carry(b.fill(0.3, { dtype: "f64", shape: [] }));
      const [own, row] = [scope.slice(c!), scope.slice(before)];
      const taken = s.sum(choose(s, own, s.apply("mul", row, s.broadcastTo(total, row.shape)), zeros(s, row)));
      const { carry } = scope.close([s.apply("sin", taken)], []);
      return [choose(b, all!, carry[0]!, zeros(b, carry[0]!))];
    },
  },
  {
    name: "where around the end of a loop, beside where around its record",
    inputs: [array("bool", [], [0]), array("bool", [], [1]), spread([2], 0.5, 1.5), spread([3, 2], 0.1, 0.4, 5)],
    write: (b, [c, d, x, s]) => {
      const scope = b.openScan("two outputs", 3);
      const at = scope.carry(x!);
      const next = scope.body.apply("add", scope.body.apply("sin", at), scope.slice(s!));
      const { carry, outputs } = scope.close([next], [next]);
      const [end, record] = [carry[0]!, outputs[0]!];
      const far = b.apply("exp", b.apply("mul", b.fill(1000, end), b.apply("exp", end)));
      return [
        choose(b, b.broadcastTo(c!, end.shape), far, zeros(b, end)),
        choose(b, b.broadcastTo(d!, record.shape), b.apply("sin", record), zeros(b, record)),
      ];
    },
  },
  {
    name: "where around the outputs of a map, each with a condition of its own",
    inputs: [array("bool", [], [0]), array("bool", [], [1]), array("f64", [1], [0])],
    write: (b, [c, d, x]) => {
      const scope = b.openMap("one", 1);
      const row = scope.slice(x!);
      const [far, near] = scope.close([log(scope.body, row), scope.body.apply("sin", row)]);
      return [
        choose(b, b.broadcastTo(c!, [1]), far!, zeros(b, far!)),
        choose(b, b.broadcastTo(d!, [1]), near!, zeros(b, near!)),
      ];
    },
  },
  wholly("a product", table, (b, [x, w]) => [product(b, log(b, x!), w!)]),
  wholly("a loop", [except([3], [1], 0), spread([3, 3], 0.1, 0.4, 5)], iterated),
  wholly("a loop that runs away", [array("f64", [3], [0.1, 100, 0.15])], (b, [x]) => {
    const never = b.fill(1, { dtype: "bool", shape: [3] });
    return runaway(b, [never, x!]);
  }),
  wholly("the largest", [except([3], [1], 0)], (b, [x]) => [b.one("reduce_max", [log(b, x!)], { axes: [0] })]),
  wholly("a system", [array("f64", [2, 2], [1, 2, 2, 4]), spread([2, 1], -1, 1)], (b, [a, x]) => [
    b.apply("solve", a!, x!),
  ]),
];
