# The twin of `examples/characters/few_shot.meta` in PyTorch, and of its relatives: the same data, network, rules and numbers, draws of its own.
# 5-way 1-shot on characters of scripts that were not seen in training (MAML, Finn et al. 2017). One line of JSON for each seed.
#
#     python bench/twins/few_shot.py FOLDER [SEEDS] [ORDER] [META-STEPS]
#
# SEEDS are 1-5 or one number, ORDER is second, first, none or anil, META-STEPS 2000, or 500,1000 to test after 500, too.
#
# FOLDER has glyphs.npz. `second` differentiates through the inner steps, `first` takes their gradients as constants, `none` does not
# adapt when it learns (one head for all episodes), `anil` adapts the head alone. Threads are PyTorch's own choice (OMP_NUM_THREADS=1).
# The checks go to stderr as they come.
import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

WAYS, QUERIES, TASKS, STEPS, RATE, PATIENCE = 5, 15, 4, 5, 0.03, 500


def load(folder):
    with np.load(f"{folder}/glyphs.npz") as arrays:
        return torch.from_numpy(arrays["image"]).float() / 255, arrays["character"].astype(int), arrays["script"].astype(int)


def start(rng):
    p = []
    for channels in (1, 32, 32):
        p += [torch.randn(32, channels, 3, 3, generator=rng) * (2 / (9 * channels)) ** 0.5, torch.zeros(32), torch.ones(32), torch.zeros(32)]
    p += [0.01 * torch.randn(WAYS, 288, generator=rng), torch.zeros(WAYS)]
    return [q.requires_grad_() for q in p]


def body(p, x):
    for i in range(3):
        w, b, gain, bias = p[4 * i : 4 * i + 4]
        x = F.max_pool2d(F.relu(F.batch_norm(F.conv2d(x, w, b, padding=1), None, None, gain, bias, training=True)), 2)
    return x.flatten(1)


def net(p, x):
    return F.linear(body(p, x), p[-2], p[-1])


def adapt(p, x, y, steps, order, create_graph):
    """Parameters at the times 0 .. steps."""
    path = [list(p)]
    first, at = (len(p) - 2, body(p, x)) if order == "anil" else (0, None)
    for _ in range(steps):
        w = path[-1]
        logits = net(w, x) if at is None else F.linear(at, w[-2], w[-1])
        g = torch.autograd.grad(F.cross_entropy(logits, y), w[first:], create_graph=create_graph, retain_graph=at is not None or None)
        path.append(w[:first] + [a - RATE * b for a, b in zip(w[first:], g)])
    return path


class Episodes:
    def __init__(self, table, kept, rng):
        self.image, character, script = table
        self.rows = [np.where(character == c)[0] for c in np.unique(character[np.isin(script, kept)])]
        self.rng = rng

    def draw(self):
        drawn = [self.rng.choice(self.rows[c], 1 + QUERIES, replace=False) for c in self.rng.choice(len(self.rows), WAYS, replace=False)]
        support, query = np.stack([r[:1] for r in drawn]).ravel(), np.stack([r[1:] for r in drawn]).ravel()
        return self.image[support], torch.arange(WAYS), self.image[query], torch.arange(WAYS).repeat_interleave(QUERIES)


def accuracies(p, episodes, steps, order, times):
    """Mean accuracy at each time, and half the width of its 95 % interval over the episodes."""
    right = []
    for xs, ys, xq, yq in episodes:
        path = adapt([q.detach().requires_grad_() for q in p], xs, ys, steps, order, False)
        with torch.no_grad():
            right.append([(net(path[t], xq).argmax(1) == yq).double().mean().item() for t in times])
    return np.mean(right, 0).tolist(), (1.96 * np.std(right, 0, ddof=1) / len(right) ** 0.5).tolist()


def train(table, seed, order, marks):
    rng = np.random.default_rng(seed)
    scripts = rng.permutation(table[2].max() + 1)
    n = len(scripts)
    known = Episodes(table, scripts[: round(0.7 * n)], rng)
    valid = Episodes(table, scripts[round(0.7 * n) : round(0.8 * n)], rng)
    checked = [valid.draw() for _ in range(100)]
    p = start(torch.Generator().manual_seed(seed))
    meta = torch.optim.Adam(p, 1e-3)
    losses, best, began, used, aside = [], (-1.0, 0, None), time.perf_counter(), time.process_time(), [0.0, 0.0]
    for step in range(marks[-1] + 1):
        if step % 100 == 0:
            (mean,), _ = accuracies(p, checked, STEPS, order, [STEPS])
            loss = np.mean(losses[-100 * TASKS :]) if losses else float("nan")
            spent = time.process_time() - used - aside[1]
            print(f"{order} seed {seed} step {step} check {mean:.4f} loss {loss:.4f} processor {spent:.0f} s", file=sys.stderr, flush=True)
            if mean > best[0]:
                best = mean, step, [q.detach().clone() for q in p]
        ended = step - best[1] >= PATIENCE
        if step in marks or ended:
            now = time.perf_counter(), time.process_time()
            seconds, processor = now[0] - began - aside[0], now[1] - used - aside[1]
            unseen = Episodes(table, scripts[round(0.8 * n) :], np.random.default_rng([seed, 2]))
            # at every time, as the program reports it; two of them are written down
            mean, half = ([m[5], m[10]] for m in accuracies(best[2], (unseen.draw() for _ in range(600)), 10, order, range(11)))
            test = time.perf_counter() - now[0], time.process_time() - now[1]
            aside = [aside[0] + test[0], aside[1] + test[1]]
            for mark in marks if ended else [step]:
                if mark >= step:
                    yield {
                        "program": f"few_shot.py {order}", "seed": seed, "meta_steps": mark, "made": step, "kept": best[1], "check": best[0],
                        "test": mean, "half": half, "seconds": round(seconds, 1), "processor": round(processor + test[1], 1),
                    }  # fmt: skip
        if step == marks[-1] or ended:
            return
        meta.zero_grad()
        for _ in range(TASKS):
            xs, ys, xq, yq = known.draw()
            w = p if order == "none" else adapt(p, xs, ys, STEPS, order, order != "first")[-1]
            loss = F.cross_entropy(net(w, xq), yq)
            (loss / TASKS).backward()
            losses.append(loss.item())
        meta.step()


if __name__ == "__main__":
    seeds, order, marks = (sys.argv[2:] + ["1-5", "second", "2000"][len(sys.argv[2:]) :])[:3]
    first, last = seeds.split("-")[0], seeds.split("-")[-1]
    data = load(sys.argv[1])
    for seed in range(int(first), int(last) + 1):
        for line in train(data, seed, order, [int(mark) for mark in marks.split(",")]):
            print(json.dumps(line), flush=True)
