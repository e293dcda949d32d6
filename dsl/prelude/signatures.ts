// Which shapes go into each function and layer of the library, and which come out? As text, for docs/builtins.md and whoever asks in an
// editor; the tests hold each line against what the library does (tests/docs/signatures_test.ts, which says how a line is read).

/** What goes in and comes out, one line for each way to call it. */
export interface Signature {
  readonly shapes: readonly string[];
  /** Its derivative, where that is not what one would expect. */
  readonly slope?: string;
}

const each = (name: string, slope?: string): Signature => ({
  shapes: [`${name}(x : [...]) -> [...]`],
  ...(slope !== undefined && { slope }),
});
const drawn = (name: string): Signature => ({ shapes: [`${name}() ~ [n, m]`] });
const pooled = (name: string, kind: "any " | ""): Signature => ({
  shapes: [
    `${name}(x : ${kind}[n, c, h, w], size = s) -> ${kind}[n, c, floor(h / s), floor(w / s)]`,
    `${name}(x : ${kind}[n, c, h, w], size = s, stride = t) -> ` +
    `${kind}[n, c, floor((h - s) / t) + 1, floor((w - s) / t) + 1]`,
    `${name}(x : ${kind}[n, c, h, w], size = p + q, padding = p) -> ` +
    `${kind}[n, c, floor((h + p - q) / (p + q)) + 1, floor((w + p - q) / (p + q)) + 1]`,
  ],
});
const pair = (name: string, slope?: string): Signature => ({
  shapes: [`${name}(prediction : [...], target : [...]) -> []`],
  ...(slope !== undefined && { slope }),
});
const rule = (slope?: string): Signature => ({ shapes: [], ...(slope !== undefined && { slope }) });
const recurrent = (name: string): Signature => ({
  shapes: [`${name}(units = u)(x : float [time, n, m]) -> [time, n, u]`],
});

/** The functions, layers and rules of the library. A rule works on each tensor by itself, whatever its shape. */
export const librarySignatures: Readonly<Record<string, Signature>> = {
  relu: { shapes: ["relu(x : any [...]) -> any [...]"] },
  softplus: each("softplus"),
  leaky_relu: each("leaky_relu", "`slope` at 0"),
  elu: each("elu", "`alpha` at 0"),
  selu: each("selu", "that of the lower branch at 0"),
  gelu: each("gelu"),
  silu: each("silu"),
  logsumexp: { shapes: ["logsumexp(x : [..., n]) -> [..., 1]"] },
  log_softmax: { shapes: ["log_softmax(x : [..., n]) -> [..., n]"] },
  softmax: { shapes: ["softmax(x : [..., n]) -> [..., n]"] },
  one_hot: { shapes: ["one_hot(labels : any [...], n) -> [..., n]"] },

  mse: pair("mse"),
  mae: pair("mae", "0 where the two are equal"),
  huber: pair("huber"),
  huber_entry: { shapes: ["huber_entry(d : [A...], delta : [B...]) -> broadcast(A, B)"] },
  cross_entropy: { shapes: ["cross_entropy(logits : [n, k], labels : int [n]) -> []"] },
  smoothed: { shapes: ["smoothed(target : [..., k], smoothing : []) -> [..., k]"] },
  binary_cross_entropy: { shapes: ["binary_cross_entropy(logits : [...], labels : [...]) -> []"] },
  kl: { shapes: ["kl(p_logits : [n, A...], q_logits : [n, A...]) -> []"] },
  accuracy: { shapes: ["accuracy(logits : [n, k], labels : int [n]) -> []"], slope: "0" },

  glorot: drawn("glorot"),
  glorot_normal: drawn("glorot_normal"),
  he: drawn("he"),
  he_uniform: drawn("he_uniform"),
  lecun: drawn("lecun"),

  dense: { shapes: ["dense(units = u)(x : float [n, m]) -> [n, u]"] },
  conv2d: {
    shapes: [
      "conv2d(filters = f)(x : float [n, c, h, w]) -> [n, f, h, w]",
      "conv2d(filters = f, kernel = k, stride = s, padding = p)(x : float [n, c, h, w]) -> " +
      "[n, f, floor((h + 2 * p - k) / s) + 1, floor((w + 2 * p - k) / s) + 1]",
    ],
  },
  batch_norm: { shapes: ["batch_norm()(x : [n, c, A...]) -> [n, c, A...]"] },
  batch_norm_running: { shapes: ["batch_norm_running()(x : [n, c, A...]) -> [n, c, A...]"] },
  batch_norm_per_step: { shapes: ["batch_norm_per_step(steps = s)(x : [n, c, A...]) -> [n, c, A...]"] },
  layer_norm: { shapes: ["layer_norm()(x : [..., m]) -> [..., m]"] },
  group_norm: { shapes: ["group_norm(groups = g)(x : float [n, g * k, h, w]) -> [n, g * k, h, w]"] },
  embedding: { shapes: ["embedding(vocabulary = v, width = w)(labels : int [...]) -> [..., w]"] },
  dropout: { shapes: ["dropout()(x : [...], training : []) -> [...]"] },
  lstm: recurrent("lstm"),
  gru: recurrent("gru"),
  attention: { shapes: ["attention(heads = h)(x : float [n, time, h * k]) -> [n, time, h * k]"] },
  attend: { shapes: ["attend(queries : [A..., q, d], keys : [A..., k, d], values : [A..., k, v]) -> [A..., q, v]"] },
  max_pool: pooled("max_pool", "any "),
  avg_pool: pooled("avg_pool", ""),
  global_avg_pool: { shapes: ["global_avg_pool(x : [n, c, h, w, A...]) -> [n, c, A...]"] },
  global_max_pool: {
    shapes: ["global_max_pool(x : any [n, c, h, w, A...]) -> any [n, c, A...]"],
    slope: "all to the first of equal entries",
  },

  cosine: { shapes: ["cosine(t : [A...], T : [B...]) -> broadcast(A, B)"] },
  linear_schedule: { shapes: ["linear_schedule(t : [A...], T : [B...]) -> broadcast(A, B)"] },
  exponential: { shapes: ["exponential(t : [A...], factor : [B...]) -> broadcast(A, B)"] },
  step_decay: { shapes: ["step_decay(t : [A...], factor : [B...], every : [C...]) -> broadcast(A, B, C)"] },
  warmup: {
    shapes: ["warmup(t : [A...], steps : [B...]) -> broadcast(A, B)"],
    slope: "half at the step where it reaches 1",
  },
  inverse_time: { shapes: ["inverse_time(t : [A...], rate : [B...]) -> broadcast(A, B)"] },

  sgd: rule(),
  adam: rule(),
  adamw: rule(),
  rmsprop: rule(),
  adagrad: rule(),
  adadelta: rule(),
  adamax: rule("half of each where the two of its maximum are equal"),
  asgd: rule(),
  rprop: rule(),
  nadam: rule(),
  radam: rule(),
  lion: rule("signs alone act: second derivatives vanish"),
  lamb: rule(),
  reptile: rule(),
};
