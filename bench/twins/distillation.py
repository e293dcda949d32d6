# The twin of `examples/fashion/distillation.meta` in PyTorch: the same data, network, rules and numbers, draws of its own. Dataset
# distillation (Wang et al. 2018): ten images and a rate by which ten steps from any start make a network that knows clothes. Prints a line
# of JSON for each figure of each seed, as bench/results.ts reads them.
#
#     python bench/twins/distillation.py examples/fashion [SEEDS]
import math
import sys
import time

import torch
import torch.nn.functional as F

from real_data import clothes, evenly, glorot, say

torch.set_num_threads(1)
STEPS, META_STEPS, STARTS, TESTED = 10, 400, 4, 20


def start(rng):
    p = [glorot(784, 64, rng), torch.zeros(64), glorot(64, 10, rng), torch.zeros(10)]
    return [q.requires_grad_() for q in p]


def net(p, x):
    return F.relu(x @ p[0] + p[1]) @ p[2] + p[3]


def learn(p, image, rate, create_graph):
    for _ in range(STEPS):
        g = torch.autograd.grad(F.cross_entropy(net(p, image), torch.arange(10)), p, create_graph=create_graph)
        p = [a - rate * b for a, b in zip(p, g)]
        if not create_graph:
            p = [a.detach().requires_grad_() for a in p]
    return p


def adam(p, loss, rate, steps):
    rule = torch.optim.Adam(p, rate)
    for _ in range(steps):
        rule.zero_grad()
        loss(p).backward()
        rule.step()
    return p


def run(seed):
    rng = torch.Generator().manual_seed(seed)
    x, y = clothes(sys.argv[1], "train")
    tx, ty = clothes(sys.argv[1], "t10k")
    x, tx = x.flatten(1), tx.flatten(1)
    (few,) = evenly(y, [1], rng)
    image = (0.3 + 0.3 * torch.randn(10, 784, generator=rng)).requires_grad_()
    log_rate = torch.tensor(math.log(0.1), requires_grad=True)
    rule = torch.optim.Adam([image, log_rate])
    began = time.perf_counter()
    for t in range(META_STEPS):
        rule.param_groups[0]["lr"] = 0.01 * (1 + math.cos(math.pi * t / META_STEPS)) / 2
        rule.zero_grad()
        for _ in range(STARTS):
            rows = torch.randint(len(x), (200,), generator=rng)
            p = learn(start(rng), image, log_rate.exp(), True)
            (F.cross_entropy(net(p, x[rows]), y[rows]) / STARTS).backward()
        rule.step()
    learned = time.perf_counter() - began

    def batch(p):
        rows = torch.randint(len(x), (100,), generator=rng)
        return F.cross_entropy(net(p, x[rows]), y[rows])

    def tested(made):
        return sum((net(made(), tx).argmax(1) == ty).float().mean().item() for _ in range(TESTED)) / TESTED

    say("distillation.py", seed, META_STEPS, learned, {
        "ten learned images": tested(lambda: learn(start(rng), image.detach(), log_rate.exp().detach(), False)),
        "ten real images": tested(lambda: adam(start(rng), lambda p: F.cross_entropy(net(p, x[few]), y[few]), 3e-3, 100)),
        "all 1,000": tested(lambda: adam(start(rng), batch, 1e-3, 300)),
    })


for seed in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
    run(seed)
