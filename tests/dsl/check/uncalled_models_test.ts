// Has a model the same verdict whether the program calls it or not? Where a call with some sizes is right, nothing is said of the
// model alone; where no sizes would do, the mistake is found without a call, too.
import { assert, assertEquals } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";

function said(source: string): string[] {
  const { diagnostics } = compileProgram({
    root: { name: "uncalled.meta", text: `edition 1\n${source}` },
    readSource: () => undefined,
    readData: () => undefined,
  });
  return diagnostics.filter((d) => d.severity === "error").map((d) => `${d.code} ${d.title}`);
}

/** The program with a call of `net` for arguments of these shapes. */
const called = (source: string, shapes: readonly string[]) =>
  [
    source,
    ...shapes.map((shape, i) => `param argument${i} : ${shape} = 0.5`),
    `evaluate e { report sum(net(${shapes.map((_, i) => `argument${i}`).join(", ")})) }`,
  ].join("\n");

type Case = readonly [definitions: string, shapes: readonly string[]];

/** Definitions, and shapes with which `net` is right. */
const right: Readonly<Record<string, Case>> = {
  "a draw beside a free size": ["model net(x : [n, m]) -> [n, m] { draw u : [3] ~ normal(0, 1)  return x + u }", [
    "[2, 3]",
  ]],
  "a drawn table": ["model net(x : [n, m]) -> [n, 2] { draw u : [14, 2] ~ normal(0, 1)  return dot(x, u) }", [
    "[5, 14]",
  ]],
  "an entry far in": ["model net(x : [n]) -> [] { return x[12] + x[13] }", ["[14]"]],
  "an entry very far in": ["model net(x : [n]) -> [] { return x[150] }", ["[151]"]],
  "a column": ["model net(x : [n, m]) -> [n] { return transpose(x)[43] }", ["[2, 44]"]],
  "a slice": ["model net(x : [n, m]) -> [20, m] { return take(x, 30 + range(20)) }", ["[50, 3]"]],
  "a reshape": ["model net(x : [n]) -> [6, 8] { return reshape(x, [6, 8]) }", ["[48]"]],
  "a reshape of two": ["model net(x : [n, m]) -> [6, 8] { return reshape(x, [6, 8]) }", ["[4, 12]"]],
  "a reshape of three": ["model net(x : [n, m, k]) -> [6, 8] { return reshape(x, [6, 8]) }", ["[4, 6, 2]"]],
  "a reshape with a factor": ["model net(x : [n, 3]) -> [6, 9] { return reshape(x, [6, 9]) }", ["[18, 3]"]],
  "a reshape with two factors": ["model net(x : [n, 3, m, 2]) -> [6, 9, 10] { return reshape(x, [6, 9, 10]) }", [
    "[18, 3, 5, 2]",
  ]],
  "images to rows": ["model net(x : [n, h, w]) -> [n, 784] { return reshape(x, [n, 784]) }", ["[2, 28, 28]"]],
  "images to rows by a product": [
    "model net(x : [n, c, h, w]) -> [n, 10] { W : [3 * 32 * 32, 10] = 0.1  return dot(reshape(x, [n, 3 * 32 * 32]), W) }",
    ["[2, 3, 32, 32]"],
  ],
  "a join": ["model net(x : [n]) -> [10] { W : [10] = 0  return concat(x, [1, 2, 3]) + W }", ["[7]"]],
  "a join of two": ["model net(x : [n], y : [m]) -> [100] { W : [100] = 0  return concat(x, y) + W }", [
    "[64]",
    "[36]",
  ]],
  "a join of three": [
    "model net(x : [n], y : [m], z : [k]) -> [100] { W : [100] = 0  return concat(x, concat(y, z)) + W }",
    ["[64]", "[30]", "[6]"],
  ],
  "a join of columns": [
    "model net(x : [n, m], y : [n, k]) -> [n, 4] { W : [50, 4] = 0.1  return dot(concat(x, y, axis = 1), W) }",
    ["[2, 20]", "[2, 30]"],
  ],
  "two equal sizes": ["model net(x : [n, k], y : [n, m]) -> [n] { return sum(x * y, axis = 1) }", ["[2, 5]", "[2, 5]"]],
  "three equal sizes": ["model net(x : [n, k], y : [m, l]) -> [] { return sum(x * y) }", ["[2, 5]", "[2, 5]"]],
  "a square": ["model net(x : [n, m]) -> [n, m] { return dot(x, x) }", ["[4, 4]"]],
  "a size that is a square": ["model net(x : [n]) -> [9, 9] { return reshape(x, [9, 9]) }", ["[81]"]],
  "a size plus one": [
    "model net(x : [n, m], y : [n, k]) -> [n, k] { return concat(x, expand_dims(x[0, 0] * range(n), 1), axis = 1) * y }",
    ["[2, 4]", "[2, 5]"],
  ],
  "twice a size": ["model net(x : [n], y : [m]) -> [m] { return concat(x, x) + y }", ["[4]", "[8]"]],
  "a product of two sizes": ["model net(x : [n, m], y : [k]) -> [k] { return ravel(x) + y }", ["[4, 3]", "[12]"]],
  "a ratio of two sizes": ["model net(x : [n, 3], y : [m, 7]) -> [m, 7] { return reshape(x, [m, 7]) + y }", [
    "[14, 3]",
    "[6, 7]",
  ]],
  "a ratio of large sizes": ["model net(x : [n, 30], y : [m, 70]) -> [m, 70] { return reshape(x, [m, 70]) + y }", [
    "[70, 30]",
    "[30, 70]",
  ]],
  "half of a size": ["model net(x : [n, m]) -> [n, m] { W : [m / 2, 2] = 0.1  return x + sum(W) }", ["[3, 6]"]],
  "a third of a size": ["model net(x : [n, m]) -> [n, m] { W : [m / 3, 2] = 0.1  return x + sum(W) }", ["[2, 6]"]],
  "a size less five": ["model net(x : [n]) -> [n] { W : [n - 5] = 0.1  return x + sum(W) }", ["[8]"]],
  "a size less fifty": ["model net(x : [n]) -> [n] { W : [n - 50] = 0.1  return x + sum(W) }", ["[58]"]],
  "a size less another": ["model net(x : [n], y : [m]) -> [] { W : [n - m] = 0.1  return sum(x) + sum(y) + sum(W) }", [
    "[8]",
    "[3]",
  ]],
  "a size of a param": ["param w : [23] = 0.5\nmodel net(x : [n, m]) -> [n, m] { return x * w }", ["[2, 23]"]],
  "a size of data": [
    "data d { y : [2, 5] = [[1, 2, 3, 4, 5], [1, 2, 3, 4, 6]] }\nmodel net(x : [n, m]) -> [n, 2] { return dot(x, transpose(d.y)) }",
    ["[3, 5]"],
  ],
  "a size of a value": ["let mu = [1, 2, 3, 4, 5, 6]\nmodel net(x : [n, m]) -> [n, m] { return x - mu }", ["[2, 6]"]],
  "a size of an input": [
    "input H : int = 24\nmodel net(x : [n, m]) -> [n, 1] { W : [3 * H, 1] = 0.1  return dot(x, W) }",
    ["[2, 72]"],
  ],
  "a size of a let": ["let H = 6 * 4 + 5\nmodel net(x : [n, m]) -> [n, 1] { W : [H, 1] = 0.1  return dot(x, W) }", [
    "[2, 29]",
  ]],
  "a list": ["model net(x : [n]) -> [n] { return x + [1, 2, 3, 4, 5, 6] }", ["[6]"]],
  "a table of numbers": ["model net(x : [n, m]) -> [n, m] { return x + [[1, 2, 3], [4, 5, 6]] }", ["[2, 3]"]],
  "a comprehension": ["model net(x : [n]) -> [n] { return x + sum(0.1 * i * [1, 2, 3] for i in 1 .. 18) }", ["[3]"]],
  "a scan": [
    "model net(x : [n, m]) -> [8] { scan run over z in x { state h : [8] = 0  h' = tanh(h + z) }  return run.h[0] }",
    ["[3, 8]"],
  ],
  "a convolution": [
    "model net(x : [n, 1, h, w]) -> [n, 10] { use a = conv2d(6, kernel = 5, padding = 0)  use b = conv2d(16, kernel = 5, padding = 0)  W : [400, 10] = 0.1  return dot(x |> a |> max_pool |> b |> max_pool |> flatten, W) }",
    ["[2, 1, 32, 32]"],
  ],
  "a convolution of a large image": [
    "model net(x : [n, 3, h, w]) -> [n, 10] { use a = conv2d(2, kernel = 3)  W : [2 * 14 * 14, 10] = 0.1  return dot(x |> a |> max_pool |> max_pool |> flatten, W) }",
    ["[1, 3, 56, 56]"],
  ],
  "a kernel as large as the image": [
    "model net(x : [n, 1, h, w]) -> [n, 5] { use a = conv2d(2, kernel = 43, padding = 0)  use b = dense(5)  return x |> a |> flatten |> b }",
    ["[1, 1, 44, 44]"],
  ],
  "a model within": [
    "model part(x : [n, 17]) -> [n, 2] { use a = dense(2)  return a(x) }\nmodel net(x : [n, m]) -> [n, 2] { return part(x) }",
    ["[2, 17]"],
  ],
  "where": ["model net(x : [n, m]) -> [n, m] { return where(x > 0, x, [1, 2, 3, 4, 5]) }", ["[2, 5]"]],
  "a triangle": ["model net(x : [n]) -> [3, 3] { return reshape(concat(x, [1, 2, 3]), [3, 3]) }", ["[6]"]],
  "a loss": ["model net(x : [n, m]) -> [] { return mse(x, [[1, 2, 3, 4, 5, 6]]) }", ["[1, 6]"]],
  "a promise": ["model net(x : [n, m]) -> [n, 9] { return x }", ["[2, 9]"]],
  "a promise of rows": ["model net(x : [n, m]) -> [7, 3] { return 2 * x }", ["[7, 3]"]],
  "heads": ["model net(x : [n, d]) -> [n, 8, 16] { return reshape(x, [n, 8, 16]) }", ["[2, 128]"]],
  "heads of free size": ["model net(x : [n, d]) -> [n, 8, d / 8] { return reshape(x, [n, 8, d / 8]) }", ["[2, 128]"]],
  "patches": ["model net(x : [n, h, w]) -> [n, h / 4, 4, w / 4, 4] { return reshape(x, [n, h / 4, 4, w / 4, 4]) }", [
    "[2, 8, 12]",
  ]],
  "a sum of sizes": ["model net(x : [n], y : [m]) -> [n + m] { W : [n + m] = 1  return W * concat(x, y) }", [
    "[2]",
    "[3]",
  ]],
  "a difference of sizes": ["model net(x : [n], y : [m]) -> [m] { W : [n - 5] = 0  return W - y + sum(x) }", [
    "[9]",
    "[4]",
  ]],
  "a sized model": [
    "model part(units : int)(x : [n, m]) -> [n, units] { W : [m, units] = 0.1  return dot(x, W) + [1, 2, 3, 4, 5] }\nmodel net(x : [n, m]) -> [n, 5] { use a = part(5)  return a(x) }",
    ["[2, 3]"],
  ],
  "outer product": ["model net(x : [n], y : [m]) -> [5, 9] { return reshape(x, [n, 1]) * reshape(y, [1, m]) }", [
    "[5]",
    "[9]",
  ]],
  "three axes": ["model net(x : [n, m, k]) -> [n, m, k] { W : [5, 6, 70] = 1  return x * W }", ["[5, 6, 70]"]],
  "three axes turned": ["model net(x : [n, m, k]) -> [70, 6, 5] { W : [70, 6, 5] = 1  return transpose(x) * W }", [
    "[5, 6, 70]",
  ]],
  "four axes": ["model net(x : [n, c, h, w]) -> [n, c, h, w] { mu : [3, 20, 30] = 1  return x - mu }", [
    "[1, 3, 20, 30]",
  ]],
  "an entry in two": ["model net(x : [n, m]) -> [] { return x[30, 40] }", ["[31, 41]"]],
  "an entry from behind": ["model net(x : [n]) -> [] { return x[-1] + x[-20] }", ["[20]"]],
  "a range": ["model net(x : [n]) -> [n] { return x + range(21) }", ["[21]"]],
  "four sizes of four arguments": [
    "model net(x : [n], y : [m], z : [k], u : [l]) -> [] { return sum(concat(concat(x, y), concat(z, u)) * range(90)) }",
    ["[40]", "[30]", "[11]", "[9]"],
  ],
  "a window": ["model net(x : [n, 1, m]) -> [n, 1] { W : [18, 1] = 0.1  return dot(reshape(x, [n, m]), W) }", [
    "[2, 1, 18]",
  ]],
  "batches of a group norm": ["model net(x : [n, c, h, w]) -> [n, c, h, w] { use g = group_norm(4)  return g(x) }", [
    "[1, 8, 2, 2]",
  ]],
  "attention": ["model net(x : [n, s, d]) -> [n, s, d] { use a = attention(3)  return a(x) }", ["[1, 5, 6]"]],
  "a U": [
    "model net(x : [n, 1, h, w]) -> [n, 1, h, w] { use a = conv2d(4)  use b = conv2d(4)  use c = conv2d(1)  let p = a(x) |> relu  let q = b(p)  return c(concat(p, q, axis = 1)) }",
    ["[1, 1, 8, 8]"],
  ],
  "images that are halved twice": [
    "model net(x : [n, 1, h, w]) -> [n, 8] { use a = conv2d(4)  use d = dense(8)  W : [4 * 7 * 7, 16] = 0.1  return d(dot(flatten(max_pool(max_pool(a(x)))), W)) }",
    ["[1, 1, 28, 28]"],
  ],
  "positions": ["model net(x : [n, s, d]) -> [n, s, d] { P : [50, 32] = 0.1  return x + P }", ["[2, 50, 32]"]],
  "distances": [
    "model net(x : [n, d], y : [m, d]) -> [n, m] { return sum((expand_dims(x, 1) - expand_dims(y, 0))^2, axis = 2) }",
    ["[3, 2]", "[4, 2]"],
  ],
  "rows by classes": ["model net(x : [n, d]) -> [5, d] { return mean(reshape(x, [5, n / 5, d]), axis = 1) }", [
    "[10, 3]",
  ]],
  "a kernel of data": [
    "data d { x : [6, 3] = [[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,4]]  y : [6] = [1,2,3,4,5,6] }\nmodel net(x : [n, k]) -> [n] { let g = exp(-sum((expand_dims(x, 1) - expand_dims(d.x, 0))^2, axis = 2))  return dot(g, d.y) }",
    ["[2, 3]"],
  ],
  "two that must be one number": ["model net(x : [n, k], z : [k]) -> [n, k] { G : [64] = 1  return x * G + z }", [
    "[2, 64]",
    "[64]",
  ]],
  "a gate": ["model net(x : [n, k], z : [n, m]) -> [n, k] { W : [m, k] = 0.1  return x * dot(z, W) }", [
    "[2, 3]",
    "[2, 5]",
  ]],
  "twice a size that is said": ["model net(x : [n, k]) -> [n, 130] { return concat(x, 0 * x, axis = 1) * 1.0 }", [
    "[2, 65]",
  ]],
  "thrice a size that is said": [
    "model net(x : [n, k]) -> [n, 99] { return concat(x, concat(x, x, axis = 1), axis = 1) }",
    ["[2, 33]"],
  ],
  "whole images": ["model net(x : [n, 3, h, w]) -> [n, 196, 768] { return reshape(x, [n, 196, 768]) }", [
    "[1, 3, 224, 224]",
  ]],
  "a triangle of a size": [
    "model net(x : [n, m]) -> [m] { T : [n * (n + 1) / 2] = 0.1  return sum(x, axis = 0) * sum(T) }",
    ["[3, 2]"],
  ],
  "a triangle of two sizes": ["model net(x : [n], y : [m]) -> [m] { T : [n * (n - 1) / 2] = 0.1  return T * y }", [
    "[5]",
    "[10]",
  ]],
  "a sized model of a fraction": [
    "model blk(units : int, heads = 4)(x : [n, d]) -> [n, units / heads, heads] { W : [d, units] = 0.1  return reshape(dot(x, W), [n, units / heads, heads]) }\nmodel net(x : [n, d]) -> [n, 4, 4] { use b = blk(16)  return b(x) }",
    ["[2, 3]"],
  ],
  "two draws": [
    "model net(x : [n, m]) -> [n, m] { draw u : [n, 12] ~ normal(0, 1)  draw v : [12, 9] ~ normal(0, 1)  return x + dot(u, v) }",
    ["[2, 9]"],
  ],
  "a size in an index": ["model net(x : [n, m]) -> [m] { return x[n - 1] + x[25] }", ["[26, 2]"]],
  "four axes at once": ["model net(x : [a, b, c, d]) -> [a, b, c, d] { W : [2, 30, 17, 5] = 0.1  return x * W }", [
    "[2, 30, 17, 5]",
  ]],
  "three axes in another order": [
    "model net(x : [a, b, c]) -> [c, a, b] { W : [17, 2, 30] = 0.1  return W * swap_axes(swap_axes(x, 0, 2), 1, 2) }",
    ["[2, 30, 17]"],
  ],
  "an outer product of three": [
    "model net(x : [n], y : [m], z : [k]) -> [4, 5, 6] { return reshape(x, [n, 1, 1]) * reshape(y, [m, 1]) * z }",
    ["[4]", "[5]", "[6]"],
  ],
  "strides": [
    "model net(x : [n, c, h, w]) -> [n, 32, 4, 4] { use a = conv2d(32, kernel = 4, stride = 2, padding = 1)  use b = conv2d(32, kernel = 4, stride = 2, padding = 1)  use d = conv2d(32, kernel = 4, stride = 2, padding = 1)  return x |> a |> b |> d }",
    ["[1, 3, 32, 32]"],
  ],
  "images that are halved four times": [
    "model net(x : [n, c, h, w]) -> [n, 10] { use a = conv2d(64)  use d = dense(10)  W : [64, 64] = 0.1  return d(dot(flatten(max_pool(max_pool(max_pool(max_pool(a(x)))))), W)) }",
    ["[1, 1, 28, 28]"],
  ],
};
for (const [name, [source, shapes]] of Object.entries(right)) {
  Deno.test(`a model is right, called or not: ${name}`, () => {
    assertEquals(said(called(source, shapes)), []);
    assertEquals(said(source), []);
  });
}

/** Definitions that are wrong with any sizes, and shapes with which a call says so. */
const wrong: Readonly<Record<string, Case>> = {
  "layers that do not fit": [
    "model net(x : [n, m]) -> [n, 3] { use a = dense(10)  return a(x) + [1, 2, 3] }",
    ["[2, 3]"],
  ],
  "layers that do not fit after much that needs large images": [
    "model net(x : [n, 1, h, w]) -> [n, 10] { use a = conv2d(6, kernel = 5, padding = 0)  use b = dense(10)  return (x |> a |> max_pool |> flatten |> b) + [1, 2, 3] }",
    ["[2, 1, 28, 28]"],
  ],
  "a reshape to another count": ["model net(x : [n, 3]) -> [5, 4] { return reshape(x, [5, 4]) }", ["[2, 3]"]],
  "a list beside twice a size": ["model net(x : [n]) -> [] { return sum(concat(x, x) + [1, 2, 3]) }", ["[2]"]],
  "an entry outside a layer": ["model net(x : [n, m]) -> [n] { use a = dense(4)  return transpose(a(x))[4] }", [
    "[2, 3]",
  ]],
  "a promise of another width": ["model net(x : [n, m]) -> [n, 9] { return concat(x, x, axis = 1) }", ["[2, 3]"]],
  "a size that is never whole": ["model net(x : [n]) -> [n] { W : [n + 0.5] = 1  return x + sum(W) }", ["[2]"]],
  "a size that is never positive": ["model net(x : [n]) -> [n] { W : [n - n] = 1  return x + sum(W) }", ["[2]"]],
};
for (const [name, [source, shapes]] of Object.entries(wrong)) {
  Deno.test(`a model is wrong, called or not: ${name}`, () => {
    const [of, alone] = [said(called(source, shapes)), said(source)];
    assert(of.length > 0 && alone.length > 0, `called: ${of.join("; ")}; alone: ${alone.join("; ")}`);
    const code = (text: string) => text.slice(0, 5);
    assertEquals(alone.map(code), of.map(code));
  });
}

Deno.test("an optimizer that nothing uses is right where parameters of some shape make it so", () => {
  for (
    const rule of [
      "p' = p - lr * g * [1, 2, 3]",
      "p' = p - lr * g * [[1, 2, 3], [4, 5, 6]]",
      "p' = p - lr * dot(g, [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]])",
      "state h : [14, 15] = 0\n h' = h + g\n p' = p - lr * h",
      "p' = p - lr * reshape(reshape(g, [24]), shape(p))",
      "p' = p - lr * g[13]",
      "p' = p - lr * transpose(g)",
      "p' = p - lr * reshape(concat(ravel(g), [1, 2]), [50])[0]",
    ]
  ) assertEquals(said(`optimizer o(lr) {\n${rule}\n}`), [], rule);
  assertEquals(said("optimizer o(lr) { p' = p - lr * g * ([1, 2] + [1, 2, 3]) }"), [
    "M0301 [2] and [3] do not fit together in `+`",
  ]);
});
