// What goes into each builtin, and what comes out? Shapes as text, for docs/builtins.md and whoever asks in an editor; the tests hold
// each line against what the code does (tests/docs/signatures_test.ts, which says how a line is read).
import type { Signature } from "../prelude/signatures.ts";

/** A builtin or a constant, in words. */
export interface BuiltinSignature extends Signature {
  /** What it computes, in one line. */
  readonly says: string;
}

const each = (name: string) => [`${name}(x : [...]) -> [...]`];

/** One line for each way to reduce. */
const reduced = (name: string, kind: "any " | "", made: string = kind) => [
  `${name}(x : ${kind}[...]) -> ${made}[]`,
  `${name}(x : ${kind}[A...], keep = true) -> ${made}[ones(A)...]`,
  `${name}(x : ${kind}[A..., n, B...], axis = rank(A)) -> ${made}[A..., B...]`,
  `${name}(x : ${kind}[A..., n, B...], axis = rank(A), keep = true) -> ${made}[A..., 1, B...]`,
  `${name}(x : ${kind}[A..., n, B..., m, C...], axis = [rank(A), rank(A) + 1 + rank(B)]) -> ${made}[A..., B..., C...]`,
];

/** One line with the last axis, one with an axis by name. */
const along = (name: string, kind: "any" | "int") => [
  `${name}(x : any [A..., n]) -> ${kind} [A..., n]`,
  `${name}(x : any [A..., n, B...], axis = rank(A)) -> ${kind} [A..., n, B...]`,
];

/** What stands for a number by itself. */
export const constantSignatures: Readonly<Record<string, string>> = {
  pi: "the circumference of a circle of diameter 1",
  inf: "larger than every number",
  true: "as a number 1",
  false: "as a number 0",
};

/** The builtins, by family. */
export const builtinSignatures: Readonly<Record<string, BuiltinSignature>> = {
  exp: { shapes: each("exp"), says: "e to the power of x" },
  expm1: { shapes: each("expm1"), says: "exp(x) - 1, exact near 0" },
  log: { shapes: each("log"), says: "the natural logarithm" },
  log1p: { shapes: each("log1p"), says: "log(1 + x), exact near 0" },
  sin: { shapes: each("sin"), says: "the sine" },
  cos: { shapes: each("cos"), says: "the cosine" },
  tanh: { shapes: each("tanh"), says: "the hyperbolic tangent" },
  sigmoid: { shapes: each("sigmoid"), says: "1 / (1 + exp(-x))" },
  sqrt: { shapes: each("sqrt"), says: "the square root", slope: "0 at 0, to every order" },
  abs: { shapes: ["abs(x : any [...]) -> any [...]"], says: "the distance from 0", slope: "0 at 0" },
  sign: { shapes: ["sign(x : any [...]) -> any [...]"], says: "-1, 0 or 1", slope: "0" },
  floor: { shapes: each("floor"), says: "the largest whole number not above x", slope: "0" },
  ceil: { shapes: each("ceil"), says: "the smallest whole number not below x", slope: "0" },
  erf: { shapes: each("erf"), says: "2 / sqrt(pi) times the integral of exp(-u^2) from 0 to x" },
  step: { shapes: each("step"), says: "1 where x > 0, else 0", slope: "0" },
  mod: {
    shapes: ["mod(x : any [A...], y : any [B...]) -> any broadcast(A, B)"],
    says: "x - y * floor(x / y): what is left of x, with the sign of y",
    slope: "1 for x, -floor(x / y) for y",
  },
  where: {
    shapes: ["where(test : [A...], x : any [B...], y : any [C...]) -> any broadcast(A, B, C)"],
    says: "x where the test holds, else y",
    slope: "what is not taken has no part in it, even where it is infinite or NaN",
  },

  int: {
    shapes: ["int(x : any [...]) -> int [...]"],
    says: "whole numbers, cut towards 0; beyond 32 bits an error",
    slope: "0",
  },
  round: { shapes: each("round"), says: "the nearest whole number, of two the even one", slope: "0" },
  clip: {
    shapes: ["clip(x : any [A...], low : any [B...], high : any [C...]) -> any broadcast(A, B, C)"],
    says: "x, or the nearer end where it is outside of low .. high",
    slope: "that of x on the closed range, that of the end outside",
  },
  isfinite: { shapes: ["isfinite(x : [...]) -> bool [...]"], says: "true where x is neither infinite nor NaN" },

  sum: { shapes: reduced("sum", "any "), says: "the sum over all axes, or over those that are named" },
  mean: { shapes: reduced("mean", ""), says: "the mean over all axes, or over those that are named" },
  max: {
    shapes: ["max(x : any [A...], y : any [B...]) -> any broadcast(A, B)", ...reduced("max", "any ")],
    says: "the larger of two, or the largest entry",
    slope: "half of each where two arguments are equal; all to the first of equal entries",
  },
  min: {
    shapes: ["min(x : any [A...], y : any [B...]) -> any broadcast(A, B)", ...reduced("min", "any ")],
    says: "the smaller of two, or the smallest entry",
    slope: "half of each where two arguments are equal; all to the first of equal entries",
  },
  norm: {
    shapes: reduced("norm", ""),
    says: "the square root of the sum of squares, over all axes, or over those that are named",
    slope: "0 at 0, to every order",
  },
  var: { shapes: reduced("var", ""), says: "the mean of (x - mean(x))^2, divided by n" },
  std: { shapes: reduced("std", ""), says: "the square root of `var`", slope: "0 where all entries are equal" },
  prod: { shapes: reduced("prod", "any "), says: "the product", slope: "right where entries are 0, too" },
  any: { shapes: reduced("any", "any ", "bool "), says: "true where an entry is not 0" },
  all: { shapes: reduced("all", "any ", "bool "), says: "true where no entry is 0" },
  argmax: {
    shapes: [
      "argmax(x : any [..., n]) -> int [...]",
      "argmax(x : any [A..., n, B...], axis = rank(A)) -> int [A..., B...]",
    ],
    says: "the place of the largest entry, of the first of equal ones",
    slope: "0",
  },

  dot: {
    shapes: ["dot(x : [A..., k], y : [k, B...]) -> [A..., B...]"],
    says: "the last axis of x summed with the first of y",
  },
  matmul: {
    shapes: ["matmul(a : [A..., n, k], b : [A..., k, m]) -> [A..., n, m]"],
    says: "matrix products, the leading axes in pairs",
  },
  convolve: {
    shapes: [
      "convolve(x : [n, c * g, h, w], filter : [o * g, c, i, j], stride = s, padding = p, dilation = d, groups = g) -> " +
      "[n, o * g, floor((h + 2 * p - d * (i - 1) - 1) / s) + 1, floor((w + 2 * p - d * (j - 1) - 1) / s) + 1]",
      "convolve(x : [n, c, h, w], filter : [o, c, i, j]) -> [n, o, h - i + 1, w - j + 1]",
    ],
    says: "the sum over each place of the filter, which is not turned around; channels first",
  },
  windows: {
    shapes: [
      "windows(x : any [n, c, h, w], s) -> any [n, c, floor(h / s), floor(w / s), s * s]",
      "windows(x : any [n, c, h, w], s, t) -> any [n, c, floor((h - s) / t) + 1, floor((w - s) / t) + 1, s * s]",
      "windows(x : any [n, c, h, w], p + q, padding = p, fill = 0) -> any [n, c, floor((h + p - q) / (p + q)) + 1, " +
      "floor((w + p - q) / (p + q)) + 1, (p + q) * (p + q)]",
    ],
    says: "the entries of each s by s window, t apart, row by row, with `fill` around the image",
  },
  cumsum: {
    shapes: along("cumsum", "any"),
    says: "running totals: x[0], x[0] + x[1], … along the last axis, or the one that is named",
  },
  sort: {
    shapes: along("sort", "any"),
    says: "the entries from the smallest to the largest, NaN last, along the last axis, or the one that is named",
    slope: "goes to the entry that stands there; of equal ones to the first",
  },
  argsort: {
    shapes: along("argsort", "int"),
    says: "where the entries of `sort(x)` stand in x; of equal ones the first stands first",
    slope: "0",
  },
  solve: {
    shapes: [
      "solve(a : [A..., n, n], b : [A..., n]) -> [A..., n]",
      "solve(a : [A..., n, n], b : [A..., n, k]) -> [A..., n, k]",
    ],
    says: "z with matmul(a, z) = b, by LU with partial pivoting; not finite where a is singular",
  },
  inverse: { shapes: ["inverse(a : [A..., n, n]) -> [A..., n, n]"], says: "the inverse matrix" },
  take: {
    shapes: [
      "take(x : any [n, B...], i : int [I...]) -> any [I..., B...]",
      "take(x : any [A..., n, B...], i : int [I...], axis = rank(A)) -> any [A..., I..., B...]",
    ],
    says: "the rows of x that i names, each from 0 to n - 1",
  },

  reshape: {
    shapes: [
      "reshape(x : any [A...], [n, B...]) -> any [n, B...] if product(A) == n * product(B)",
      "reshape(x : any [A...], product(A)) -> any [product(A)]",
    ],
    says: "the same entries, in the same order, in another shape with as many",
  },
  ravel: { shapes: ["ravel(x : any [A...]) -> any [product(A)]"], says: "all entries as a vector" },
  flatten: {
    shapes: [
      "flatten(x : any [n, m, A...]) -> any [n, m * product(A)]",
      "flatten(x : any [n]) -> any [n]",
      "flatten(x : any []) -> any []",
    ],
    says: "the first axis stays, all others become one",
  },
  stack: {
    shapes: [
      "stack(x : any [...], y : any [...]) -> any [..., 2]",
      "stack(x : any [A..., B...], y : any [A..., B...], axis = rank(A)) -> any [A..., 2, B...]",
    ],
    says: "arrays of one shape along a new axis, the last one unless said",
  },
  concat: {
    shapes: [
      "concat(x : any [n, B...], y : any [m, B...]) -> any [n + m, B...]",
      "concat(x : any [A..., n, B...], y : any [A..., m, B...], axis = rank(A)) -> any [A..., n + m, B...]",
    ],
    says: "one after the other along an axis, the first unless said",
  },
  expand_dims: {
    shapes: [
      "expand_dims(x : any [A..., B...], rank(A)) -> any [A..., 1, B...]",
      "expand_dims(x : any [A..., B...], [rank(A), rank(A) + 1]) -> any [A..., 1, 1, B...]",
    ],
    says: "axes of size 1 put in; the places are those in the result",
  },
  transpose: {
    shapes: ["transpose(x : any [A...]) -> any [reverse(A)...]"],
    says: "the axes in the opposite order",
  },
  swap_last: { shapes: ["swap_last(x : any [..., n, m]) -> any [..., m, n]"], says: "the last two axes exchanged" },
  swap_axes: {
    shapes: [
      "swap_axes(x : any [A..., n, B..., m, C...], rank(A), rank(A) + 1 + rank(B)) -> any [A..., m, B..., n, C...]",
    ],
    says: "two axes exchanged",
  },
  shape: {
    shapes: ["shape(x : [A...]) -> list [rank(A)]"],
    says: "the sizes of all axes, for `reshape` and declarations",
  },
  size: {
    shapes: ["size(x : [A...]) -> number product(A)", "size(x : [A..., n, B...], rank(A)) -> number n"],
    says: "how many entries there are, or how many along an axis",
  },
  other_axes: {
    shapes: [
      "other_axes(x : [A..., n, B...], rank(A)) -> list [rank(A) + rank(B)]",
      "other_axes(x : [A..., n, m, B...], [rank(A), rank(A) + 1]) -> list [rank(A) + rank(B)]",
    ],
    says: "the places of all axes but those that are named",
  },
  range: { shapes: ["range(n) -> int [n]"], says: "0, 1, ... n - 1" },
  stop_gradient: { shapes: each("stop_gradient"), says: "x itself", slope: "0" },
  same_shape: {
    shapes: ["same_shape(x : any [...], y : [...]) -> any [...]"],
    says: "x, which must have the shape of y: for losses",
  },
  same_rows: {
    shapes: ["same_rows(labels : int [n], logits : [n, k]) -> int [n]"],
    says: "labels, of which there must be one for each row of logits",
  },
  classes_of: {
    shapes: ["classes_of(labels : any [...], n) -> any [...]"],
    says: "labels, each of which must be one of 0, 1, ... n - 1",
  },

  uniform: { shapes: ["uniform(low : [], high : []) ~ [...]"], says: "evenly between low and high" },
  normal: { shapes: ["normal(mean : [], deviation : []) ~ [...]"], says: "the normal distribution" },
  truncated_normal: {
    shapes: ["truncated_normal(deviation : []) ~ [...]"],
    says: "the normal distribution around 0, drawn again beyond two deviations",
  },
  choice: {
    shapes: ["choice(n) ~ int [...]"],
    says: "whole numbers 0 … n - 1, each as likely as the others",
  },
  permutation: {
    shapes: ["permutation(n) ~ int [A..., n]"],
    says: "different numbers of 0 … n - 1 along the last axis, which may be shorter, in random order",
  },
  categorical: {
    shapes: ["categorical(p : [k]) ~ int [...]", "categorical(p : [A..., k]) ~ int [A...]"],
    says: "places along the last axis of p, in proportion to what stands there",
  },
  bernoulli: {
    shapes: ["bernoulli(p : []) ~ bool [...]", "bernoulli(p : [...]) ~ bool [...]"],
    says: "true with probability p",
  },
  fan_in: {
    shapes: ["normal(0, fan_in()) ~ [n, m]"],
    says: "fan_in() is how many entries of what comes in reach one that goes out: n of [n, m]",
  },
  fan_out: {
    shapes: ["normal(0, fan_out()) ~ [n, m]"],
    says: "fan_out() is how many entries that go out are reached by one that comes in: m of [n, m]",
  },
};
