# The twin of `examples/characters/few_shot.meta` in PyTorch: the same data, network, rules and numbers, draws of its own. 5-way 1-shot by MAML
# (Finn et al. 2017) on characters of scripts that were not seen in training. Prints one line of JSON for each seed.
#
#     python bench/twins/few_shot.py FOLDER [SEEDS] [second | first | none]
#
# FOLDER has glyphs.npz. `second` differentiates through the inner steps, `first` takes their gradients as constants, `none` does not
# adapt when it learns: one head for all episodes. Threads are PyTorch's own choice.
import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

WAYS, QUERIES, TASKS, META_STEPS, STEPS, RATE = 5, 15, 4, 2000, 5, 0.1


def load(folder):
    with np.load(f"{folder}/glyphs.npz") as arrays:
        return torch.from_numpy(arrays["image"]).float() / 255, arrays["character"].astype(int), arrays["script"].astype(int)


def start(rng):
    p = []
    for channels in (1, 32, 32):
        p += [torch.randn(32, channels, 3, 3, generator=rng) * (2 / (9 * channels)) ** 0.5, torch.zeros(32), torch.ones(32), torch.zeros(32)]
    bound = (6 / (288 + WAYS)) ** 0.5
    p += [(2 * torch.rand(WAYS, 288, generator=rng) - 1) * bound, torch.zeros(WAYS)]
    return [q.requires_grad_() for q in p]


def net(p, x):
    for i in range(3):
        w, b, gain, bias = p[4 * i : 4 * i + 4]
        x = F.max_pool2d(F.relu(F.batch_norm(F.conv2d(x, w, b, padding=1), None, None, gain, bias, training=True)), 2)
    return F.linear(x.flatten(1), p[-2], p[-1])


def adapt(p, x, y, steps, create_graph):
    w = p
    for _ in range(steps):
        g = torch.autograd.grad(F.cross_entropy(net(w, x), y), w, create_graph=create_graph)
        w = [a - RATE * b for a, b in zip(w, g)]
    return w


class Episodes:
    def __init__(self, table, kept, rng):
        self.image, character, script = table
        self.rows = [np.where(character == c)[0] for c in np.unique(character[np.isin(script, kept)])]
        self.rng = rng

    def draw(self):
        drawn = [self.rng.choice(self.rows[c], 1 + QUERIES, replace=False) for c in self.rng.choice(len(self.rows), WAYS, replace=False)]
        support, query = np.stack([r[:1] for r in drawn]).ravel(), np.stack([r[1:] for r in drawn]).ravel()
        return self.image[support], torch.arange(WAYS), self.image[query], torch.arange(WAYS).repeat_interleave(QUERIES)


def accuracy(p, episodes, count, steps):
    right = []
    for _ in range(count):
        xs, ys, xq, yq = episodes.draw()
        w = adapt([q.detach().requires_grad_() for q in p], xs, ys, steps, False)
        with torch.no_grad():
            right.append((net(w, xq).argmax(1) == yq).double().mean().item())
    return float(np.mean(right)), float(1.96 * np.std(right, ddof=1) / count**0.5)


def train(table, seed, order):
    rng = np.random.default_rng(seed)
    scripts = rng.permutation(table[2].max() + 1)
    n = len(scripts)
    parts = scripts[: round(0.7 * n)], scripts[round(0.7 * n) : round(0.8 * n)], scripts[round(0.8 * n) :]
    known, valid, unseen = (Episodes(table, part, rng) for part in parts)
    p = start(torch.Generator().manual_seed(seed))
    meta = torch.optim.Adam(p, 1e-3)
    best, began = (-1.0, None), time.perf_counter()
    for step in range(META_STEPS + 1):
        if step % 100 == 0:
            mean, _ = accuracy(p, valid, 100, STEPS)
            if mean > best[0]:
                best = mean, [q.detach().clone() for q in p]
        if step == META_STEPS:
            break
        meta.zero_grad()
        for _ in range(TASKS):
            xs, ys, xq, yq = known.draw()
            w = p if order == "none" else adapt(p, xs, ys, STEPS, order == "second")
            (F.cross_entropy(net(w, xq), yq) / TASKS).backward()
        meta.step()
    seconds = time.perf_counter() - began
    tested = {f"accuracy@{t}": accuracy(best[1], unseen, 600, t) for t in (0, 5, 10)}
    return {"seed": seed, "order": order, "valid": best[0], **tested, "seconds": round(seconds, 1)}


if __name__ == "__main__":
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    data = load(sys.argv[1])
    for seed in range(seeds):
        print(json.dumps(train(data, seed, sys.argv[3] if len(sys.argv) > 3 else "second")), flush=True)
