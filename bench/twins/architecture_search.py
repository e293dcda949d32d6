# Twenty steps of a differentiable architecture search (DARTS, Liu, Simonyan and Yang 2019) in PyTorch, float64: what
# `tests/conformance/architecture_search/search.meta` must give. Writes into FOLDER the data (data.npz), where both begin
# (start.safetensors) and, for the search of first and of second order, every alpha and its gradient to 17 digits (twin.json).
#
#     python bench/twins/architecture_search.py tests/conformance/architecture_search
#
# A cell of three edges, 0 -> 1, 0 -> 2 and 1 -> 2, each a softmax mixture of x, tanh(x W + b) and sin(x W + b). Weights w and alphas
# are learned along with each other. Step k, from w, the velocity v and alpha as the step before left them:
#     g      = the gradient of the training loss at (w, alpha), and of a decay of 1e-3 / 2 |w|^2
#     v'     = 0.9 v + g,  w' = w - 0.05 v'       (v = 0 at first)
#     alpha' = a step of Adam (0.05, betas 0.5 and 0.999, decay 1e-3) along dL/d alpha, L the validation loss at (w', alpha)
# In first order w' is a constant in alpha; in second order it depends on it through g, and the velocity that the step found is a
# constant. The next step begins at w' and v': the unrolled step is the one that is made.
import json
import struct
import sys

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
STEPS, WIDTH, RATE, MOMENTUM, DECAY = 20, 4, 0.05, 0.9, 1e-3
EDGES = ["e01", "e02", "e12"]


def start(random):
    """Weights by their names in the program: W is [inputs, outputs]."""
    sizes = {"stem": (2, WIDTH), **{f"{e}.{op}": (WIDTH, WIDTH) for e in EDGES for op in ("a", "b")}, "head": (WIDTH, 1)}
    w = {}
    for name, (m, n) in sizes.items():
        w[f"net.{name}.W"] = random.normal(0, (2 / (m + n)) ** 0.5, (m, n))
        w[f"net.{name}.b"] = random.normal(0, 0.1, n)
    return w


def data(random):
    def target(x):
        return np.sin(2 * x[:, :1]) * x[:, 1:] + 0.3 * np.tanh(3 * x[:, 1:])

    arrays = {}
    for part, rows in (("train", 24), ("valid", 20)):
        x = random.uniform(-1.5, 1.5, (rows, 2))
        arrays[f"{part}_x"], arrays[f"{part}_y"] = x, target(x) + random.normal(0, 0.05, (rows, 1))
    return arrays


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, a in tensors.items():
        header[name] = {"dtype": "F64", "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for a in tensors.values():
            file.write(np.ascontiguousarray(a, "<f8").tobytes())


def net(w, alpha, x):
    share = alpha.softmax(1)

    def dense(name, x):
        return x @ w[f"net.{name}.W"] + w[f"net.{name}.b"]

    def edge(k, x):
        name = EDGES[k]
        a, b = torch.tanh(dense(f"{name}.a", x)), torch.sin(dense(f"{name}.b", x))
        return share[k, 0] * x + share[k, 1] * a + share[k, 2] * b

    x0 = dense("stem", x)
    x1 = edge(0, x0)
    return dense("head", edge(1, x0) + edge(2, x1))


def search(first_order, w, alpha, arrays):
    x, y, vx, vy = (torch.tensor(arrays[name]) for name in ("train_x", "train_y", "valid_x", "valid_y"))
    w = {name: torch.tensor(a) for name, a in w.items()}
    v = {name: torch.zeros_like(p) for name, p in w.items()}
    alpha = torch.nn.Parameter(torch.tensor(alpha))
    rule = torch.optim.Adam([alpha], lr=0.05, betas=(0.5, 0.999), weight_decay=1e-3)
    alphas, gradients, losses = [alpha.tolist()], [], []
    for _ in range(STEPS):
        w = {name: p.detach().requires_grad_() for name, p in w.items()}
        loss = ((net(w, alpha, x) - y) ** 2).mean() + DECAY / 2 * sum((p**2).sum() for p in w.values())
        g = torch.autograd.grad(loss, list(w.values()), create_graph=not first_order)
        v = {name: MOMENTUM * v[name].detach() + each for name, each in zip(v, g)}
        w = {name: p.detach() - RATE * v[name] for name, p in w.items()}
        if first_order:
            w = {name: p.detach() for name, p in w.items()}
        valid = ((net(w, alpha, vx) - vy) ** 2).mean()
        alpha.grad = torch.autograd.grad(valid, alpha)[0]
        gradients.append(alpha.grad.tolist())
        losses.append(valid.item())
        rule.step()
        alphas.append(alpha.tolist())
    return {"alphas": alphas, "gradients": gradients, "losses": losses}


if __name__ == "__main__":
    folder = sys.argv[1]
    random = np.random.default_rng(19)
    arrays, w = data(random), start(random)
    alpha = random.normal(0, 1e-3, (3, 3))
    np.savez(f"{folder}/data.npz", **arrays)
    write_safetensors(f"{folder}/start.safetensors", {**w, "alpha": alpha})
    twin = {name: search(name == "first_order", w, alpha, arrays) for name in ("first_order", "second_order")}
    with open(f"{folder}/twin.json", "w") as file:
        json.dump({"torch": torch.__version__, **twin}, file, indent=1)
