# The twin of `examples/fashion/hyper_cleaning.meta` in PyTorch: the same data, network, rules and numbers, draws of its own. Hyper-cleaning
# (Franceschi et al. 2017): a weight for each of 500 images of which about half have a wrong label, learned from 500 whose labels are right,
# through 100 steps of gradient descent. Prints a line of JSON for each figure of each seed, as bench/results.ts reads them.
#
#     python bench/twins/hyper_cleaning.py examples/fashion [SEEDS]
import sys
import time

import torch
import torch.nn.functional as F

from real_data import clothes, evenly, say

torch.set_num_threads(1)
STEPS, META_STEPS, RATE, MOMENTUM = 100, 30, 0.02, 0.9


def fit(loss, rate=RATE, create_graph=False):
    p = [torch.zeros(784, 10, requires_grad=True), torch.zeros(10, requires_grad=True)]
    v = None
    for _ in range(STEPS):
        g = torch.autograd.grad(loss(p), p, create_graph=create_graph)
        v = g if v is None else [MOMENTUM * a + b for a, b in zip(v, g)]
        p = [a - rate * b for a, b in zip(p, v)]
        if not create_graph:
            p, v = [a.detach().requires_grad_() for a in p], [b.detach() for b in v]
    return p


def net(p, x):
    return x @ p[0] + p[1]


def run(seed):
    began, rng = time.perf_counter(), torch.Generator().manual_seed(seed)
    x, y = clothes(sys.argv[1], "train")
    tx, ty = clothes(sys.argv[1], "t10k")
    x, tx = x.flatten(1), tx.flatten(1)
    train, valid = evenly(y, [50, 50], rng)
    wrong = (torch.rand(500, generator=rng) < 0.5).float()
    given = torch.where(wrong > 0, (y[train] + 1 + torch.randint(9, (500,), generator=rng)) % 10, y[train])

    def losses(p):
        return F.cross_entropy(net(p, x[train]), given, reduction="none")

    def valid_loss(p):
        return F.cross_entropy(net(p, x[valid]), y[valid])

    weight = torch.full((500,), 0.5, requires_grad=True)
    rule = torch.optim.Adam([weight], 0.05)
    learning = time.perf_counter()
    for _ in range(META_STEPS):
        p = fit(lambda p: (weight * losses(p)).mean(), create_graph=True)
        rule.zero_grad()
        valid_loss(p).backward()
        rule.step()
        weight.data.clamp_(0, 1)
    learned = time.perf_counter() - learning
    w = weight.detach()

    def tested(p):
        return (net(p, tx).argmax(1) == ty).float().mean().item()

    thrown = (w < 0.5).float()
    pairs = (1 + torch.sign(w[:, None] - w[None, :])) / 2 * (1 - wrong)[:, None] * wrong[None, :]
    say("hyper_cleaning.py", seed, META_STEPS, learned, {
        "learned weights": tested(fit(lambda p: (w * losses(p)).mean())),
        "equal weights": tested(fit(lambda p: losses(p).mean())),
        "right labels only": tested(fit(lambda p: ((1 - wrong) * losses(p)).mean(), 2 * RATE)),
        "the 500 others alone": tested(fit(valid_loss)),
        "F1": (2 * (wrong * thrown).sum() / (wrong.sum() + thrown.sum())).item(),
        "pairs": (pairs.sum() / (wrong.sum() * (1 - wrong).sum())).item(),
    })


for seed in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
    run(seed)
