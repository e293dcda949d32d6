# The twin of `examples/fashion/learned_optimizer.meta` and `tuned_optimizers.meta` in PyTorch: the same data, networks, rules and numbers,
# draws of its own. A rule trained by persistent evolution strategies (Vicol et al. 2021) through runs of 400 steps, and SGD and Adam with a
# rate and a momentum that are learned through whole runs. All networks go side by side, their gradients written out. Prints a line of JSON
# for each figure of each seed, as bench/results.ts reads them.
#
#     python bench/twins/learned_optimizer.py examples/fashion [SEEDS]
import math
import sys
import time

import torch
import torch.nn.functional as F

from real_data import clothes, glorot, say

torch.set_num_threads(1)
STEPS, WINDOW, PAIRS, SIGMA, TASKS, META_STEPS, TUNING, TESTED = 400, 20, 8, 0.1, 4, 400, 20, 20
SHAPES = [(49, 16), (1, 16), (16, 10), (1, 10)]


def starts(count, rng):
    """Networks side by side: [count, ...]."""
    drawn = [[glorot(49, 16, rng), torch.zeros(1, 16), glorot(16, 10, rng), torch.zeros(1, 10)] for _ in range(count)]
    return [torch.stack(each) for each in zip(*drawn)]


def net(p, x):
    hidden = torch.relu(x @ p[0] + p[1])
    return hidden, hidden @ p[2] + p[3]


def loss_and_gradients(p, x, y):
    """Of each network: [...], and of the shapes of p."""
    hidden, logits = net(p, x)
    scores, target = logits.log_softmax(-1), F.one_hot(y, 10).float()
    d = (scores.exp() - target) / y.shape[-1]
    h = (d @ p[2].transpose(-1, -2)) * (hidden > 0)
    t = lambda a: a.transpose(-1, -2)
    loss = -(scores * target).sum((-1, -2)) / y.shape[-1]
    return loss, [t(x) @ h, h.sum(-2, keepdim=True), t(hidden) @ d, d.sum(-2, keepdim=True)]


class Rule:
    """The weights of the rule as one vector [50]: 3 to 8 to 2, tanh; a leading axis for rules side by side."""

    @staticmethod
    def start(rng):
        return torch.cat([glorot(3, 8, rng).ravel(), torch.zeros(8), 0.01 * torch.randn(16, generator=rng), torch.zeros(2)])

    @staticmethod
    def step(theta, p, g, state):
        m, v = state if state else ([0.0 * a for a in p], [0.0 * a for a in p])
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g)]
        v = [0.99 * a + 0.01 * b**2 for a, b in zip(v, g)]
        a, b, c, d = theta[..., :24].unflatten(-1, (3, 8)), theta[..., 24:32], theta[..., 32:48].unflatten(-1, (8, 2)), theta[..., 48:]
        moved = []
        for q, gq, mq, vq in zip(p, g, m, v):
            size = vq.sqrt() + 1e-8
            seen = torch.stack([gq / size, mq / size, q], -1).flatten(-3, -2)
            r = (torch.tanh(seen @ a + b[..., None, :]) @ c + d[..., None, :]).unflatten(-2, q.shape[-2:])
            moved.append(q - 0.003 * r[..., 0].exp() * (mq / size + r[..., 1]))
        return moved, (m, v)


def train(x, y, rng):
    """PES: of each pair the two runs share starts and rows; the noise of its windows adds up; pairs begin anew in turn."""
    theta = torch.nn.Parameter(Rule.start(rng))
    outer = torch.optim.Adam([theta])
    fixed = starts(TASKS, rng)
    spread = lambda: [a.expand(2, PAIRS, *a.shape).clone() for a in fixed]
    p, zero = spread(), lambda: [torch.zeros(2, PAIRS, TASKS, *shape) for shape in SHAPES]
    m, v, noise = zero(), zero(), torch.zeros(PAIRS, len(theta))
    horizon = STEPS // WINDOW
    first = torch.arange(PAIRS) * horizon // PAIRS  # where in the horizon a pair stands when the others begin
    sign = torch.tensor([1.0, -1.0])[:, None, None, None]
    for step in range(META_STEPS):
        outer.param_groups[0]["lr"] = 0.01 * (1 + math.cos(math.pi * step / META_STEPS)) / 2
        anew = (step + first) % horizon == 0 if step > 0 else torch.ones(PAIRS).bool()
        for now, begin in ((p, spread()), (m, zero()), (v, zero())):
            for a, b in zip(now, begin):
                a[:, anew] = b[:, anew]
        noise[anew] = 0
        drawn = SIGMA * torch.randn(PAIRS, len(theta), generator=rng)
        noise = noise + drawn
        with torch.no_grad():
            varied = theta + sign * drawn[None, :, None]
            total = torch.zeros(2, PAIRS)
            for t in range(WINDOW):
                rows = torch.randint(len(x), (TASKS, 64), generator=rng)
                now, g = loss_and_gradients(p, x[rows], y[rows])
                total += now.mean(-1) * (t > 0)
                p, (m, v) = Rule.step(varied, p, g, (m, v))
            rows = torch.randint(len(x), (TASKS, 64), generator=rng)
            total = (total + loss_and_gradients(p, x[rows], y[rows])[0].mean(-1)) / WINDOW
            theta.grad = (noise * (total[0] - total[1])[:, None]).mean(0) / (2 * SIGMA**2)
        torch.nn.utils.clip_grad_norm_([theta], 1)
        outer.step()
    return theta.detach()


def sgd(c, p, g, v):
    v = [c[1].sigmoid() * a + b for a, b in zip(v, g)] if v else g
    return [a - c[0].exp() * b for a, b in zip(p, v)], v


def adam(c, p, g, state):
    beta, (t, m, v) = c[1].sigmoid(), state or (0, [0.0 * a for a in p], [0.0 * a for a in p])
    m = [beta * a + (1 - beta) * b for a, b in zip(m, g)]
    v = [0.999 * a + 0.001 * b**2 for a, b in zip(v, g)]
    # eps inside the root as well, for its slope at 0
    size = [(a / (1 - 0.999 ** (t + 1)) + 1e-20).sqrt() + 1e-8 for a in v]
    return [a - c[0].exp() * b / (1 - beta ** (t + 1)) / s for a, b, s in zip(p, m, size)], (t + 1, m, v)


def whole(rule, c, p, x, y, rng):
    """The mean loss of each network over its run, at times 0 to 400, and where it ends."""
    state, total = None, 0
    for _ in range(STEPS):
        rows = torch.randint(len(x), (len(p[0]), 64), generator=rng)
        now, g = loss_and_gradients(p, x[rows], y[rows])
        total = total + now
        p, state = rule(c, p, g, state)
    rows = torch.randint(len(x), (len(p[0]), 64), generator=rng)
    return (total + loss_and_gradients(p, x[rows], y[rows])[0]) / (STEPS + 1), p


def tune(rule, rate, x, y, rng):
    """What is best on fresh networks, looked at every 4 meta-steps and at the end, as `keep best` does."""
    c = torch.tensor([math.log(rate), math.log(0.9 / 0.1)], requires_grad=True)
    outer = torch.optim.Adam([c], 0.1)
    fresh, best = starts(TESTED, rng), (math.inf, None)
    for step in range(TUNING + 1):
        if step % 4 == 0:
            with torch.no_grad():
                checked = whole(rule, c, fresh, x, y, rng)[0].mean().item()
            if checked < best[0]:
                best = checked, c.detach().clone()
        if step == TUNING:
            return best[1]
        outer.zero_grad()
        whole(rule, c, starts(TASKS, rng), x, y, rng)[0].mean().backward()
        outer.step()


def run(seed):
    rng = torch.Generator().manual_seed(seed)
    (x, y), (tx, ty) = clothes(sys.argv[1], "train"), clothes(sys.argv[1], "t10k")
    x, tx = (F.avg_pool2d(images[:, None], 4).flatten(1) for images in (x, tx))

    def tested(name, rule, c):
        with torch.no_grad():
            mean, p = whole(rule, c, starts(TESTED, rng), x, y, rng)
            right = (net(p, tx)[1].argmax(-1) == ty).float().mean().item()
        return {f"loss, {name}": mean.mean().item(), f"accuracy, {name}": right}

    for name, steps, learn, rule in (
        ("tuned SGD", TUNING, lambda: tune(sgd, 0.3, x, y, rng), sgd),
        ("tuned Adam", TUNING, lambda: tune(adam, 0.03, x, y, rng), adam),
        ("learned rule", META_STEPS, lambda: train(x, y, rng), Rule.step),
    ):
        began = time.perf_counter()
        c = learn()
        say("learned_optimizer.py", seed, steps, time.perf_counter() - began, tested(name, rule, c))


for seed in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
    run(seed)
