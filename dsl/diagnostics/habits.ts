// What does a user of NumPy, PyTorch, JAX, higher or optax write first, and what is written here? The table that hints are taken
// from, by the place that a word stands in: one row for words that have one cure. A word that the language gets later leaves
// the table.
/** Where a word stands: what is called, what is read, what comes after a dot, what names an argument, the rule in a `by`, the
 *  layer in a `use`, the first word of an item or member, of a clause, the way in a `through`; what stands between values, or is
 *  called for its own sake. */
export type Place =
  | "call"
  | "operator"
  | "value"
  | "part"
  | "argument"
  | "rule"
  | "layer"
  | "start"
  | "statement"
  | "clause"
  | "estimator";

type Rows = readonly (readonly [words: string, cure: string])[];

// said of words in several places
const both = "multiply the comparisons: `(a > 0) * (b > 0)`";
const either = "take the larger of the comparisons: `max(a > 0, b > 0)`";
const choice = "write `where(condition, value, other)`";
const oneMode =
  "leave it out: a call in what a loop minimizes trains, every other does not; a model's body asks by `training`";
const seedIsGiven = "leave it out: the seed is given as `--seed 1`";
const kept = "`record w@*` keeps values, and a `gradient` item prints them";
const ownSchedule = "leave it out, and write `override fit { lr@t = 0.1 * cosine(t, T) }`";
const learnedStart = "leave it out: a start is learned when it stands in `over w@0` or `wrt w@0`";
const firstOrder = "leave it out; `through first_order()` takes no second derivatives";

const calls: Rows = [
  // statistics and norms
  ["stddev", "write `std(x)`, which divides by n"],
  ["variance", "write `var(x)`, which divides by n"],
  ["l2_norm global_norm", "write `norm(x)`"],
  ["l2_loss", "write `0.5 * sum(x^2)`"],
  ["average reduce_mean nanmean", "write `mean(x)`"],
  ["reduce_sum nansum", "write `sum(x)`"],
  ["median quantile percentile", "there is no such function; `mean`, `max` and `min` are near it"],
  ["cumprod", "write `exp(cumsum(log(x)))` for numbers above 0"],
  ["cummax cummin", "write a `scan`, whose state is the `max(h, x)` so far"],
  ["argmin", "write `argmax(-x)`"],
  ["topk top_k", "write `sort(x)[-k .. -1]`, and `argsort(x)[-k .. -1]` for where they stand"],
  ["unique", "how many there are is known only while the program runs; `sort(x)` puts equal ones together"],
  // entry by entry
  ["clamp", "write `clip(x, low, high)`"],
  ["square", "write `x^2`"],
  ["pow power", "write `x^n`"],
  ["maximum amax fmax", "write `max(a, b)`"],
  ["minimum amin fmin", "write `min(a, b)`"],
  ["add subtract multiply divide true_divide mul div sub", "write the operator: `a + b`, `a - b`, `a * b`, `a / b`"],
  ["rsqrt", "write `1 / sqrt(x)`"],
  ["reciprocal", "write `1 / x`"],
  ["isnan", "write `x != x`, which is true for NaN alone"],
  ["isinf", "write `abs(x) == inf`"],
  ["nan_to_num", "write `where(x != x, 0, x)`"],
  ["isclose allclose", "write `abs(a - b) < 1e-6`"],
  ["rint", "write `round(x)`"],
  ["trunc fix", "write `sign(x) * floor(abs(x))`"],
  ["log2", "write `log(x) / log(2)`"],
  ["log10", "write `log(x) / log(10)`"],
  ["exp2", "write `2^x`"],
  ["tan", "write `sin(x) / cos(x)`"],
  ["fmod remainder", "write `mod(a, b)`"],
  ["floor_divide floordiv", "write `floor(a / b)`"],
  ["heaviside", "write `step(x)`: 1 where x > 0"],
  ["not logical_not", "exchange the branches, `where(c, b, a)`, or write `1 - c`"],
  ["logical_and", both],
  ["logical_or", either],
  ["if cond select ifelse if_else", choice],
  ["float to_float asfloat", "write `1.0 * x`"],
  ["astype", "write `int(x)`, which cuts towards 0; a float comes of `1.0 * i`"],
  ["identity", "write the value itself"],
  // activations
  ["logistic expit", "write `sigmoid(x)`"],
  ["swish", "write `silu(x)`"],
  ["mish", "write `x * tanh(softplus(x))`"],
  ["relu6", "write `min(relu(x), 6)`"],
  ["logsigmoid log_sigmoid", "write `-softplus(-x)`"],
  ["hardtanh", "write `max(-1, min(x, 1))`"],
  ["log_sum_exp", "write `logsumexp(x)`"],
  // products and linear algebra
  ["mm mv inner vdot tensordot", "write `dot(a, b)`: the last axis of `a` with the first of `b`"],
  ["bmm", "the batched product is `matmul(a, b)`"],
  ["einsum", "write `dot(a, b)`, `matmul(a, b)` for batches, or `sum(a * b, axis = …)` with axes from `expand_dims`"],
  ["outer", "write `expand_dims(a, 1) * b`"],
  ["kron", "write `reshape(expand_dims(a, 1) * b, [n * m])`"],
  ["eye", "write `one_hot(range(n), n)`"],
  ["diag", "write `expand_dims(x, 1) * one_hot(range(n), n)`"],
  ["trace", "write `sum(A * one_hot(range(n), n))`"],
  ["tril", "write `where(range(n) <= expand_dims(range(n), 1), A, 0)`"],
  ["triu", "write `where(range(n) >= expand_dims(range(n), 1), A, 0)`"],
  [
    "inv",
    "write `inverse(A)`",
  ],
  [
    "pinv lstsq cholesky",
    "let an `inner` minimize `sum((dot(A, z) - b)^2)`; `solve(A, b)` and `inverse(A)` take square matrices",
  ],
  ["det logdet slogdet eig eigh eigvals svd qr", "this version has no decompositions of matrices"],
  // shapes
  ["view", "write `reshape(x, [n, m])`"],
  ["unsqueeze", "write `expand_dims(x, 0)`"],
  ["squeeze", "sum over the axis of one entry, `sum(x, axis = 1)`, or write `ravel(x)`"],
  ["permute moveaxis swapaxes", "exchange two axes: `swap_axes(x, 0, 1)`"],
  ["cat concatenate hstack vstack append", "write `concat(a, b)`"],
  ["tile repeat broadcast_to expand", "an axis of size 1 broadcasts: `expand_dims(x, 0) + b`"],
  ["flip", "write `take(x, n - 1 - range(n))`"],
  ["gather index_select", "write `take(x, indices)`"],
  ["pad", "join zeros: `concat(z, x)`"],
  ["len numel", "write `size(x, 0)` for the first axis, `size(x)` for all entries"],
  ["dim ndim", "the number of axes is known where `x` is declared"],
  // numbers and draws
  ["ones full", "a number fills any declared shape: `w : [2, 3] = 1`"],
  ["zeros", "a number fills any declared shape: `w : [2, 3] = 0`"],
  ["zeros_like", "write `0 * x`"],
  ["ones_like full_like", "write `0 * x + 1`"],
  ["tensor array asarray Tensor as_tensor", "a list is a tensor: `w : [3] = [1, 2, 3]`"],
  ["arange", "write `range(n)`, `a + range(n)` from `a` on"],
  ["linspace", "write `a + (b - a) * range(n) / (n - 1)`"],
  ["randn gaussian Normal normal_ standard_normal", "draw it: `w : [2, 3] ~ normal(0, 1)`"],
  ["rand random Uniform uniform_", "draw it: `w : [2, 3] ~ uniform(0, 1)`"],
  ["log_uniform loguniform", "draw the logarithm, `u ~ uniform(log(a), log(b))`, and read `exp(u)`"],
  ["randint integers", "draw it: `i : int [5] ~ choice(n)` is of 0 … n - 1"],
  ["multinomial", "draw it: `i : int [5] ~ categorical(p)`"],
  ["randperm shuffle sample", "draw it: `i : int [5] ~ permutation(n)`, different numbers of 0 … n - 1"],
  ["manual_seed seed PRNGKey", seedIsGiven],
  ["xavier_uniform xavier xavier_uniform_ glorot_uniform", "write `glorot()`"],
  ["xavier_normal xavier_normal_", "write `glorot_normal()`"],
  ["kaiming_normal kaiming kaiming_normal_ he_normal", "write `he()`"],
  ["kaiming_uniform kaiming_uniform_", "write `he_uniform()`"],
  ["lecun_normal", "write `lecun()`"],
  ["constant", "write the number with `=`: `b : [3] = 0.1`"],
  // losses
  ["mse_loss MSELoss mean_squared_error squared_error l2", "write `mse(prediction, target)`"],
  ["l1_loss L1Loss mean_absolute_error", "write `mae(prediction, target)`"],
  ["smooth_l1_loss huber_loss SmoothL1Loss HuberLoss", "write `huber(prediction, target)`"],
  [
    "CrossEntropyLoss nll_loss NLLLoss nll softmax_cross_entropy sparse_categorical_crossentropy " +
    "softmax_cross_entropy_with_integer_labels categorical_crossentropy crossentropy ce",
    "write `cross_entropy(logits, labels)`: logits [n, classes], labels int [n]",
  ],
  [
    "bce BCELoss BCEWithLogitsLoss binary_cross_entropy_with_logits sigmoid_binary_cross_entropy bce_loss",
    "write `binary_cross_entropy(logits, labels)`",
  ],
  ["kl_div kl_divergence KLDivLoss", "write `kl(p_logits, q_logits)`"],
  // schedules
  [
    "cosine_annealing cosine_decay cosine_schedule CosineAnnealingLR cosine_decay_schedule cosine_lr",
    "write `0.1 * cosine(t, T)`",
  ],
  ["step_lr StepLR multi_step MultiStepLR", "write `0.1 * step_decay(t, 0.5, 10)`: times 0.5 after every 10 steps"],
  ["exponential_decay ExponentialLR exp_decay", "write `0.1 * exponential(t, 0.9)`: times 0.9 at every step"],
  ["linear_decay LinearLR polynomial polynomial_decay", "write `0.1 * linear_schedule(t, T)`"],
  ["linear", "the layer is `use l1 = dense(units)`, the schedule `linear_schedule(t, T)`"],
  [
    "warmup_cosine warmup_cosine_decay warmup_cosine_decay_schedule linear_warmup",
    "write `0.1 * warmup(t, 10) * cosine(t, T)`",
  ],
  ["constant_schedule", "write the number"],
  // transformations
  ["detach stop_grad no_grad", "write `stop_gradient(x)`"],
  [
    "grad gradient value_and_grad jacobian jacrev jacfwd hessian jvp vjp hvp backward",
    "ask for it by an item: `gradient E wrt w`",
  ],
  ["vmap pmap map", "leave it out: functions take whole tensors, and `across 8 task` goes over tasks"],
  [
    "jit compile checkpoint remat function",
    "leave it out: every program is compiled, and `memory 2 GB` bounds what is kept",
  ],
  [
    "scan fori_loop while_loop reduce cumulative",
    "a `scan` stands in a model: `scan run over v in xs { state h = 0  h' = h + v }`",
  ],
  ["print", kept],
  ["per_step", "write `override fit { lr = 0.1 per step }`"],
  [
    "learnable trainable Parameter parameter Variable meta learned",
    "write the number alone: learned is what stands in `over` or `wrt`",
  ],
  ["load loadtxt read_csv open genfromtxt load_dataset", 'write `data d from "d.csv" { x : [_, 3] }`'],
];

const operators: Rows = [
  ["and", both],
  ["or", either],
  ["not", "exchange the branches of the `where`, or write `1 - (a > 0)`"],
  ["if else", choice],
  ["is", "compare with `==`"],
  ["mod", "write `mod(a, b)`"],
  ["div", "write `floor(a / b)`"],
];

const values: Rows = [
  [
    "_",
    "write how many there are; `_` stands in an index, in the list of `reshape`, in what a model returns and where a file is read",
  ],
  ["True TRUE", "write `true`"],
  ["False FALSE", "write `false`"],
  [
    "None nil null NULL undefined",
    "there is no empty value: leave the argument out; a new axis is `expand_dims(x, 0)`",
  ],
  ["nan NaN NAN", "there is no NaN to write: `missing 0` in a field says what stands for a missing entry"],
  ["Inf infinity Infinity INF", "write `inf`"],
  ["PI Pi", "write `pi`"],
  ["e", "write `exp(1)` for the number e; a number with an exponent begins with a digit: `1e-3`"],
  [
    "fast_weights adapted_params fnet fmodel updated_params new_params",
    "what a loop has learned is its parameters at the end: `w@T`",
  ],
  ["epoch iteration iter step_num global_step", "the step is `t`, known in a formula: `override fit { lr@t = … }`"],
  ["float32 float64 float16 bfloat16", "`precision f64` at the top says how numbers are kept"],
];

const parts: Rows = [
  ["T mT t transpose", "write `transpose(x)`"],
  ["shape", "write `shape(x)`, or `size(x, 0)` for one axis"],
  ["size", "write `size(x, 0)`"],
  ["numel", "write `size(x)`"],
  ["view reshape", "write `reshape(x, [n, m])`"],
  ["permute swapaxes", "write `swap_axes(x, 0, 1)`"],
  ["unsqueeze", "write `expand_dims(x, 0)`"],
  ["squeeze", "write `ravel(x)`, or sum over the axis of one entry"],
  ["pow", "write `x^n`"],
  ["clamp clip", "write `clip(x, low, high)`"],
  ["mm matmul", "write `dot(x, W)`"],
  ["detach", "write `stop_gradient(x)`"],
  ["data", "write `stop_gradient(x)`, or the name alone"],
  ["clone copy contiguous cpu cuda to item numpy tolist float double", "leave it out: write the name alone"],
  ["astype int long", "leave it out: an `int` is declared, as in `y : int [n]`"],
  ["grad", "ask for it by an item: `gradient E wrt w`"],
  ["backward", "ask for gradients by an item: `gradient E wrt w`"],
  ["weight kernel", "write `W`"],
  ["bias", "write `b`"],
  [
    "parameters params state_dict trainable_variables",
    "write the model's name alone: it stands for all of its parameters",
  ],
  ["forward apply", "call it by its name: `net(x)`"],
  ["train eval", oneMode],
];

/** Of arguments: `argument`, or `callee argument` for that of one function, layer or rule. */
const args: Rows = [
  ["learning_rate step_size alpha eta inner_lr outer_lr meta_lr init_lr base_lr rate", "write `lr`"],
  ["reptile.lr reptile.learning_rate reptile.epsilon reptile.step_size", "write `rate`"],
  ["dim axes", "write `axis`"],
  ["keepdim keepdims keep_dims", "write `keep`"],
  ["initializer kernel_init kernel_initializer weight_init", "write `init`"],
  ["epsilon", "write `eps`"],
  ["b1", "write `beta1`"],
  ["b2", "write `beta2`"],
  ["betas beta", "write `beta1 = 0.9, beta2 = 0.999`"],
  ["rmsprop.rho rmsprop.decay", "write `alpha`"],
  [
    "in_features in_channels in_dim input_size num_inputs",
    "leave it out: the size of the input is taken from the call",
  ],
  ["out_features hidden_size out_dim width features hidden_dim", "write `units`"],
  ["out_channels channels", "write `filters`"],
  ["kernel_size", "write `kernel`"],
  ["strides", "write `stride`"],
  ["num_heads nhead n_heads", "write `heads`"],
  ["num_embeddings", "write `vocabulary`"],
  ["embedding_dim", "write `width`"],
  ["dropout.p dropout.prob", "write `rate`"],
  ["num_groups", "write `groups`"],
  ["label_smoothing", "write `smoothing`"],
  ["reduction", "leave it out: a loss is the mean over its rows"],
  ["weight ignore_index", "leave it out, and write the weighted mean: `mean(c * (prediction - target)^2)`"],
  [
    "softmax.axis softmax.dim log_softmax.axis log_softmax.dim logsumexp.axis logsumexp.dim",
    "leave it out: this goes along the last axis, and `swap_axes(x, 0, -1)` brings another one there",
  ],
  ["activation", "leave it out, and call the function on the result: `relu(l1(x))`"],
  ["bias use_bias", "leave it out; a layer without one is a parameter and `dot(x, W)`"],
  ["inplace", "leave it out: nothing is changed in place"],
  ["momentum", "write `beta1`"],
  ["momentum", "leave it out: `sgd` and `rmsprop` have a momentum"],
  [
    "batch_norm.momentum batch_norm.track_running_stats",
    "leave it out: `batch_norm` takes the batch's own mean and variance; `batch_norm_running(momentum = 0.1)` keeps running ones",
  ],
  [
    "batch_norm.training batch_norm.use_running_average",
    "leave it out: `batch_norm` takes the batch's own mean and variance; `batch_norm_running` takes running ones where a call is " +
    "none of the training",
  ],
  ["num_features normalized_shape affine elementwise_affine", "leave it out: the sizes are taken from the call"],
  ["padding_mode dilation groups", "`convolve(x, W, stride = 1, padding = 0, dilation = 1, groups = 1)` takes more"],
  [
    "weight_decay wd l2 l2_reg",
    "leave it out, and add the penalty to the objective: `minimize E + 0.5 * c * sum(w^2)`",
  ],
  ["nesterov", "leave it out: `sgd(lr = 0.1, momentum = 0.9, nesterov = true)` has it, and `nadam` is Adam with it"],
  ["norm.p norm.ord", "leave it out: `norm` is Euclidean; others are `sum(abs(x))` and `max(abs(x))`"],
  ["amsgrad", "leave it out: `adam` and `adamw` have it"],
  ["eps", "leave it out: nothing is divided by a root here"],
  ["maximize", "leave it out, and write `maximize E` for `minimize E`"],
  ["clip_norm clipnorm grad_clip max_norm gradient_clip clip", "leave it out, and write the clause `clip norm 1.0`"],
  ["lr_decay decay schedule lr_schedule scheduler", ownSchedule],
  ["params parameters foreach fused capturable differentiable", "leave it out: what changes stands in `over`"],
  ["copy_initial_weights", learnedStart],
  ["track_higher_grads create_graph retain_graph second_order", firstOrder],
  ["first_order", "leave it out, and write `through first_order()`"],
  ["truncate truncation steps horizon length K", "write `window`"],
];

const rules: Rows = [
  ["momentum Momentum nesterov heavy_ball", "write `sgd(lr = 0.1, momentum = 0.9)`"],
  ["gd descent gradient_descent GradientDescent noisy_sgd SGDM", "write `sgd(lr = 0.1)`"],
  ["MetaSGD meta_sgd", "write `sgd(lr = 0.1)` and `override fit { lr = 0.1 per entry }`"],
  ["MAML maml", "write `sgd(lr = 0.1)`: that the start is learned says an `outer` over `w@0`"],
  ["lbfgs LBFGS bfgs newton cg conjugate_gradient", "this version has first-order rules, such as `adam(lr = 1e-2)`"],
];

const layers: Rows = [
  ["Linear Dense linear fc fully_connected", "write `dense(units)`: the size of the input is taken from the call"],
  ["Conv2d Conv2D Conv conv", "write `conv2d(filters, kernel = 3)`: the channels of the input are taken from the call"],
  ["Conv1d conv1d", "write `conv2d(filters)` with an axis of size 1"],
  [
    "BatchNorm BatchNorm1d BatchNorm2d batchnorm BatchNormalization bn",
    "write `batch_norm()`, or `batch_norm_running()`, which keeps running statistics for evaluations",
  ],
  ["LayerNorm layernorm LayerNormalization", "write `layer_norm()`"],
  ["GroupNorm InstanceNorm2d", "write `group_norm(groups)`"],
  ["Embedding Embed", "write `embedding(vocabulary, width)`"],
  ["Dropout", "write `dropout(0.5)`, called as `drop(x, 1)`"],
  ["LSTM LSTMCell", "write `lstm(units)`"],
  ["GRU GRUCell RNN", "write `gru(units)`"],
  ["MultiheadAttention MultiHeadDotProductAttention TransformerEncoderLayer", "write `attention(heads = 4)`"],
  ["Sequential ModuleList serial", "name each layer, `use l1 = dense(8)`, and join them: `x |> l1 |> relu |> l2`"],
  ["ReLU Tanh Sigmoid GELU SiLU Softmax ELU LeakyReLU", "leave it out: activations are functions, as in `relu(l1(x))`"],
  [
    "MaxPool2d MaxPool2D AvgPool2d AvgPool2D",
    "leave it out: pools are functions, `max_pool(x, 2)` and `avg_pool(x, 2)`",
  ],
  ["AdaptiveAvgPool2d GlobalAveragePooling2D", "leave it out, and write `global_avg_pool(x)`"],
  ["Flatten", "leave it out, and write `flatten(x)`"],
];

const starts: Rows = [
  ["def function func fun lambda", "write `fn f(x) = x^2`"],
  ["class", "write `model net(x : [n, 3]) -> [n, 1] { …  return … }`"],
  [
    "for while loop repeat",
    "steps are a loop of their own: `inner fit { minimize E  over w by sgd(lr = 0.1)  for T = 10 steps }`",
  ],
  ["if elif else switch match", choice],
  ["with try async", "write a loop: `inner fit { minimize E  over w by sgd(lr = 0.1)  for T = 1 steps }`, then `w@T`"],
  ["from", 'leave it out: all functions are there, and files are read by `import net from "./net.meta"`'],
  ["print log log_dict wandb", kept],
  ["yield output", "leave it out: a file ends in items such as `gradient E wrt w`"],
  ["assert", "write `gradient E wrt w expect { value = 1 within 1e-6 }`"],
  ["const val set auto", "write `let y = …`"],
  ["var", "write `let y = …`, or `param w = …` for what is learned"],
  ["include require using", 'write `import net from "./net.meta"`'],
  [
    "dataloader DataLoader loader TensorDataset",
    'write `data d from "d.csv" { x : [_, 3] }`, and `batch 8 of d` in a loop',
  ],
  ["seed manual_seed", seedIsGiven],
  ["device dtype backend", "leave it out: `--backend` says where it runs, `precision f64` how numbers are kept"],
  ["params theta weights", "write `param w : [3] = 0`"],
];

const statements: Rows = [
  ["backward", "leave it out: an `inner` takes its own gradients, and `gradient E wrt w` asks for others"],
  ["step update", "leave it out: an `inner` makes all steps, `for T = 5 steps`"],
  ["zero_grad", "leave it out: gradients do not add up from step to step"],
  ["train eval", oneMode],
  ["append", "leave it out: `record w@*` keeps values"],
  ["to cuda", "leave it out: `--backend` says where a program runs"],
  ["manual_seed seed", seedIsGiven],
];

const clauses: Rows = [
  [
    "freeze requires_grad no_grad detach stop_gradient frozen trainable",
    "leave it out: only what stands in `over` or `wrt` is learned, as in `over net.b`",
  ],
  [
    "epochs num_epochs n_epochs iterations num_steps n_steps steps max_iter num_iterations inner_steps",
    "write `for T = 5 steps`",
  ],
  ["batch_size minibatch batchsize bs mini_batch", "write `batch 8 of d`"],
  ["shuffle num_workers drop_last", "leave it out: `batch 8 of d` draws rows anew for each step"],
  ["using with optimizer", "write `by sgd(lr = 0.1)`"],
  ["print log", "leave it out: `record fit.loss@*` keeps the loss of every step"],
  ["lr learning_rate momentum weight_decay", "a hyperparameter stands in its rule: `by sgd(lr = 0.1)`"],
  ["scheduler lr_scheduler schedule", ownSchedule],
  ["grad_clip clip_norm clip_grad_norm max_grad_norm", "write `clip norm 1.0`"],
  ["copy_initial_weights", learnedStart],
  ["track_higher_grads create_graph", firstOrder],
  ["first_order second_order", "write `through first_order()`"],
];

const estimators: Rows = [
  ["fomaml FOMAML foMAML first_order_maml", "write `first_order()`"],
  ["ift imaml iMAML implicit_function implicit_diff implicit_gradient cg", "write `implicit()`"],
  ["bptt backprop maml MAML backward reverse exact full", "write `unroll()`"],
  ["truncated tbptt truncated_bptt truncate", "write `unroll(window = 10)`"],
  ["darts DARTS finite_differences", "write `finite_difference(at = 0)`"],
  ["rtrl forward_mode jvp", "write `forward()`"],
  ["evolution_strategies ES openes", "write `es(samples = 32, sigma = 0.1)`"],
  ["reptile", "write it as the rule of an outer: `over w@0 by reptile(rate = 0.1)`"],
];

function table(rows: Rows): ReadonlyMap<string, readonly string[]> {
  const cures = new Map<string, string[]>();
  for (const [words, cure] of rows) {
    for (const word of words.split(" ")) cures.set(word, [...cures.get(word) ?? [], cure]);
  }
  return cures;
}

const tables: Readonly<Record<Place, ReadonlyMap<string, readonly string[]>>> = {
  call: table(calls),
  operator: table(operators),
  value: table(values),
  part: table(parts),
  argument: table(args),
  rule: table(rules),
  layer: table(layers),
  start: table(starts),
  statement: table(statements),
  clause: table(clauses),
  estimator: table(estimators),
};

/** What to write for a word of another language: the first cure whose name is known, where it is one. `callee` is whose argument it
 *  is, or whose part. */
export function habitOf(
  word: string,
  place: Place,
  { known, callee }: { readonly known?: readonly string[]; readonly callee?: string | undefined } = {},
): string | undefined {
  const cures = tables[place].get(`${callee}.${word}`) ?? tables[place].get(word);
  return cures?.find((cure) => {
    const name = /^write `(\w+)(?: = [^`]*)?`$/.exec(cure)?.[1];
    return name === undefined || known === undefined || known.includes(name);
  });
}

/** A word that is meant for the last step: `w@end`. */
export function saysEnd(word: string): boolean {
  return /^(end|last|final|inf|infinity|n|N|K|S|steps)$/.test(word);
}

/** What a word of another language is meant to be the start or the end of: `w_T`, `w_init`. */
export function timedName(word: string): { readonly of: string; readonly start: boolean } | undefined {
  const [, of, time] = /^(\w+?)_(T|t|0|end|final|init|start)$/.exec(word) ?? [];
  return of && time ? { of, start: ["0", "init", "start"].includes(time) } : undefined;
}

/** Every row: for the test that goes through them. */
export function allHabits(): readonly { readonly place: Place; readonly word: string; readonly cure: string }[] {
  return (Object.keys(tables) as Place[]).flatMap((place) =>
    [...tables[place]].flatMap(([word, cures]) => cures.map((cure) => ({ place, word, cure })))
  );
}
