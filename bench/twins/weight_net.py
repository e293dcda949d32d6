# The twin of `examples/warm_reweighting.meta` in PyTorch: the same data, networks, rules and numbers, draws of its own. A weight net
# (Meta-Weight-Net, Shu et al. 2019) learns from 100 clean digits which of 1,000 to trust, while one network trains along with momentum; and
# the same network trained without weights. Prints one line of JSON for each seed.
#
#     python bench/twins/weight_net.py FOLDER [SEEDS]
#
# FOLDER has noisy.npz, clean.npz and held.npz. One meta-step, as the program says it: v' = 0.9 v + g with g the gradient of the weighted
# loss of 100 rows and of the decay, w' = w - lr v'; the weight net goes down the derivative of the loss of 50 clean rows at w'; the next
# meta-step begins at w' and v'. Batches are drawn with replacement.
import json
import sys

import numpy as np
import torch
from torch.func import functional_call, grad

torch.set_num_threads(1)
STEPS, BATCH, CLEAN_BATCH, DECAY = 1500, 100, 50, 1e-4


def table(name):
    with np.load(f"{sys.argv[1]}/{name}.npz") as arrays:
        return torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["y"]).long()


def network(sizes, end=None):
    layers = []
    for m, n in zip(sizes, sizes[1:]):
        layer = torch.nn.Linear(m, n)
        torch.nn.init.xavier_uniform_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1], *([end] if end else []))


def train(seed, weighted):
    torch.manual_seed(seed)
    (x, y), (cx, cy), (hx, hy) = table("noisy"), table("clean"), table("held")
    net, trust = network([64, 64, 10]), network([1, 16, 1], torch.nn.Sigmoid())
    w = {name: p.detach() for name, p in net.named_parameters()}
    v = {name: torch.zeros_like(p) for name, p in w.items()}
    rule = torch.optim.Adam(trust.parameters(), lr=1e-3)

    def losses(w, x, y):
        return torch.nn.functional.cross_entropy(functional_call(net, w, (x,)), y, reduction="none")[:, None]

    def objective(w, phi, x, y):
        each = losses(w, x, y)
        weights = functional_call(trust, phi, (each.detach(),)) if weighted else 1
        return (weights * each).mean() + DECAY * sum((p**2).sum() for p in w.values())

    for t in range(STEPS):
        lr = 0.1 * 0.1 ** (t // 1000)
        rows = torch.randint(len(x), (BATCH,))
        phi = dict(trust.named_parameters())
        # w and v are constants; the weights reach w' through g
        g = grad(objective)({k: p.detach() for k, p in w.items()}, phi, x[rows], y[rows])
        v = {k: 0.9 * v[k] + g[k] for k in v}
        w = {k: p - lr * v[k] for k, p in w.items()}
        if weighted:
            rows = torch.randint(len(cx), (CLEAN_BATCH,))
            rule.zero_grad()
            losses(w, cx[rows], cy[rows]).mean().backward()
            rule.step()
        w, v = ({k: p.detach() for k, p in d.items()} for d in (w, v))
    with torch.no_grad():
        accuracy = (functional_call(net, w, (hx,)).argmax(1) == hy).double().mean().item()
        return accuracy, trust(losses(w, x, y))[:, 0].double() if weighted else None


with np.load(f"{sys.argv[1]}/noisy.npz") as arrays:
    wrong = torch.from_numpy(arrays["wrong"])
for seed in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
    plain, _ = train(seed, False)
    accuracy, weights = train(seed, True)
    print(json.dumps({
        "seed": seed,
        "unweighted": plain,
        "weighted": accuracy,
        "clean": weights[~wrong].mean().item(),
        "noisy": weights[wrong].mean().item(),
    }), flush=True)
