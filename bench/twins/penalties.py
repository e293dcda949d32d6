# The twin of `examples/penalties/penalties.meta` in PyTorch: the same data, model, rules and numbers, draws of its own. A penalty for each
# of 30 measurements, or one for all, learned from 171 rows through 300 steps of logistic regression on 114. Prints a line of JSON for each
# figure of each seed, as bench/results.ts reads them.
#
#     python bench/twins/penalties.py examples/penalties [SEEDS]
import gzip
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

from real_data import say

torch.set_num_threads(1)
STEPS, META_STEPS, RATE, MOMENTUM = 300, 100, 0.3, 0.9


def table(folder):
    with gzip.open(f"{folder}/tumours.csv.gz", "rt") as file:
        rows = torch.tensor(np.loadtxt(file, delimiter=",", skiprows=1)).float()
    return (rows[:, :30] - rows[:, :30].mean(0)) / rows[:, :30].std(0, unbiased=False), rows[:, 30]


def split(y, rng):
    """Shares of 0.2, 0.3, 0.2 and 0.3 of both kinds."""
    parts = [[], [], [], []]
    for kind in (0, 1):
        rows = torch.where(y == kind)[0]
        rows = rows[torch.randperm(len(rows), generator=rng)]
        ends = [round(len(rows) * share) for share in (0, 0.2, 0.5, 0.7, 1)]
        for part, low, high in zip(parts, ends, ends[1:]):
            part.append(rows[low:high])
    return [torch.cat(part) for part in parts]


def run(seed):
    rng = torch.Generator().manual_seed(seed)
    x, y = table(sys.argv[1])
    train, valid, check, test = split(y, rng)

    def score(p, rows):
        return x[rows] @ p[0] + p[1]

    def loss(p, rows):
        return F.binary_cross_entropy_with_logits(score(p, rows), y[rows])

    def fit(penalty, create_graph=False):
        p, v = [torch.zeros(30, requires_grad=True), torch.zeros((), requires_grad=True)], None
        for _ in range(STEPS):
            g = torch.autograd.grad(loss(p, train) + (penalty * p[0] ** 2).sum(), p, create_graph=create_graph)
            v = g if v is None else [MOMENTUM * a + b for a, b in zip(v, g)]
            p = [a - RATE * b for a, b in zip(p, v)]
            if not create_graph:
                p, v = [a.detach().requires_grad_() for a in p], [b.detach() for b in v]
        return p

    def tune(shape):
        """The penalties that are best on `check`, looked at every 10 meta-steps and at the end, as `keep best` does."""
        log = torch.full(shape, math.log(0.01), requires_grad=True)
        rule = torch.optim.Adam([log], 0.05)
        best = (math.inf, None)
        for step in range(META_STEPS + 1):
            if step % 10 == 0:
                checked = loss(fit(log.detach().exp()), check).item()
                if checked < best[0]:
                    best = checked, log.detach().exp()
            if step == META_STEPS:
                return best[1]
            rule.zero_grad()
            loss(fit(log.exp(), True), valid).backward()
            rule.step()
            log.data.clamp_(min=math.log(1e-6))

    began = time.perf_counter()
    found = {"one each": tune((30,)), "one for all": tune(()), "none": torch.zeros(())}
    learned = time.perf_counter() - began
    fitted = {name: fit(penalty) for name, penalty in found.items()}
    wrong = lambda p: ((score(p, test) > 0) != (y[test] > 0)).float().mean().item()
    say("penalties.py", seed, META_STEPS, learned, {
        **{f"loss, {name}": loss(p, test).item() for name, p in fitted.items()},
        **{f"error, {name}": wrong(p) for name, p in fitted.items()},
    })


for seed in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
    run(seed)
