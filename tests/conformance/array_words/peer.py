# What do PyTorch and NumPy make of the words for arrays, in float64? Writes values.json beside it: for each expression its value, the
# gradient g of L = sum(weights * value), and v - H v for the second derivatives H of L, which is what one step of descent by 1 gives.
# Run by hand: python peer.py (torch 2.13.0, numpy 2.4.6).
import json
import pathlib
import numpy as np
import torch

torch.set_default_dtype(torch.float64)
F = torch.nn.functional
A = [[1.5, -2.5, 0.5], [0.25, 3.0, -1.0]]
TIES = [[1.0, 0.5, 1.0], [-2.0, 0.5, -2.0]]
ZEROS = [[2.0, 0.0, -3.0], [0.0, 0.0, 5.0]]
SQUARE = [[2.0, 0.5, -1.0], [0.25, 3.0, 0.5], [-0.5, 1.0, 4.0]]
IMAGE = [[[[0.5, -1.0, 2.0, 0.25], [1.5, 3.0, -0.5, 0.75], [-2.0, 0.1, 0.9, 1.1], [0.3, -0.7, 2.2, -1.4]]]]

# the word as the language writes it, what x is, and the same in PyTorch
DIFFERENTIATED = [
    ("clip(x, -1, 1)", A, lambda x: torch.clamp(x, -1, 1)),
    ("clip(x, 0.5, 1)", TIES, lambda x: torch.clamp(x, 0.5, 1)),
    ("clip(0.25, x, 2 * x)", [0.1, 0.2, 0.25, 0.5], lambda x: torch.where(0.25 < x, x, torch.where(0.25 > 2 * x, 2 * x, 0.25))),
    ("var(x)", A, lambda x: torch.var(x, unbiased=False)),
    ("var(x, axis = 0)", A, lambda x: torch.var(x, dim=0, unbiased=False)),
    ("var(x, axis = [0, 1], keep = true)", A, lambda x: torch.var(x, dim=(0, 1), unbiased=False, keepdim=True)),
    ("std(x)", A, lambda x: torch.std(x, unbiased=False)),
    ("std(x, axis = -1, keep = true)", A, lambda x: torch.std(x, dim=-1, unbiased=False, keepdim=True)),
    ("norm(x, axis = 1)", A, lambda x: torch.linalg.norm(x, dim=1)),
    ("prod(x)", A, lambda x: torch.prod(x)),
    ("prod(x, axis = 1)", A, lambda x: torch.prod(x, dim=1)),
    ("prod(x, axis = 0, keep = true)", ZEROS, lambda x: torch.prod(x, dim=0, keepdim=True)),
    ("prod(x, axis = 1)", ZEROS, lambda x: torch.prod(x, dim=1)),
    ("cumsum(x)", A, lambda x: torch.cumsum(x, dim=-1)),
    ("cumsum(x^2, axis = 0)", A, lambda x: torch.cumsum(x**2, dim=0)),
    ("sort(x)", A, lambda x: torch.sort(x, dim=-1, stable=True).values),
    ("sort(x, axis = 0)^2", A, lambda x: torch.sort(x, dim=0, stable=True).values ** 2),
    ("sort(x)^3", TIES, lambda x: torch.sort(x, dim=-1, stable=True).values ** 3),
    ("solve(x, [1.0, -2, 0.5])", SQUARE, lambda x: torch.linalg.solve(x, torch.tensor([1.0, -2, 0.5]))),
    ("solve(x, swap_last(x))", SQUARE, lambda x: torch.linalg.solve(x, x.T)),
    ("inverse(x)", SQUARE, lambda x: torch.linalg.inv(x)),
    ("inverse(stack(x, x + 1, axis = 0))", SQUARE, lambda x: torch.linalg.inv(torch.stack([x, x + 1]))),
    ("x[0 .. 1, _]^2", SQUARE, lambda x: x[0:2, :] ** 2),
    ("x[_, -1]^2", SQUARE, lambda x: x[:, -1] ** 2),
    ("x[-2 .. -1, [0, 0, 2]]^2", SQUARE, lambda x: x[-2:][:, [0, 0, 2]] ** 2),
    ("max_pool(x, size = 3, stride = 2, padding = 1)^2", IMAGE, lambda x: F.max_pool2d(x, 3, 2, padding=1) ** 2),
    ("max_pool(x, size = 2, padding = 1)^2", IMAGE, lambda x: F.max_pool2d(x, 2, 2, padding=1) ** 2),
    ("avg_pool(x, size = 3, stride = 1, padding = 1)^2", IMAGE, lambda x: F.avg_pool2d(x, 3, 1, padding=1) ** 2),
    ("round(x) * x", A, lambda x: torch.round(x).detach() * x),
    ("int(x) * x", A, lambda x: torch.trunc(x).detach() * x),
    ("argsort(x) * x", TIES, lambda x: torch.argsort(x, dim=-1, stable=True) * x),
]

HALVES = [0.5, 1.5, 2.5, -0.5, -1.5, 2.3, -2.7, -0.49999999999999994, 0.49999999999999994, 4503599627370495.5, 1e300]
GRID = [[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, -1.0, 3.0]]
MANY = [float((37 * i) % 101 % 23) for i in range(101)]
COUNTED = [float((37 * i) % 64 % 9) for i in range(64)]

VALUES = [
    ("round(x)", HALVES, lambda x: np.round(x)),
    ("int(x)", HALVES[:9], lambda x: np.trunc(x)),
    ("any(x != 0, axis = 1)", GRID, lambda x: np.any(x, axis=1)),
    ("any(x)", GRID, lambda x: np.any(x)),
    ("all(x, axis = 0)", GRID, lambda x: np.all(x, axis=0)),
    ("all(x, axis = 1, keep = true)", GRID, lambda x: np.all(x, axis=1, keepdims=True)),
    ("isfinite(1 / x)", GRID, lambda x: np.isfinite(1 / x)),
    ("isfinite(log(x))", GRID, lambda x: np.isfinite(np.log(x))),
    ("argsort(x)", MANY, lambda x: np.argsort(x, kind="stable")),
    ("sort(x)", MANY, lambda x: np.sort(x)),
    ("argsort(x)", COUNTED, lambda x: np.argsort(x, kind="stable")),
    ("argsort(x, axis = 0)", GRID, lambda x: np.argsort(x, axis=0, kind="stable")),
    ("argsort(0 / x)", GRID, lambda x: np.argsort(0 / x, kind="stable")),
    ("argsort(0 / concat(x, x))", MANY, lambda x: np.argsort(0 / np.concatenate([x, x]), kind="stable")),
    ("argsort(int(x))", MANY, lambda x: np.argsort(x.astype(int), kind="stable")),
    ("cumsum(int(x))", COUNTED, lambda x: np.cumsum(x.astype(int))),
    ("prod(int(x[1 .. 8] + 1))", COUNTED, lambda x: np.prod(x[1:9].astype(int) + 1)),
    ("int(x)[3 .. 5]", COUNTED, lambda x: x.astype(int)[3:6]),
]


def weights(n):
    return [1 + 0.5 * ((7 * i) % 5) for i in range(n)]


def differentiated(text, given, f):
    x = torch.tensor(given, requires_grad=True)
    value = f(x)
    loss = (torch.tensor(weights(value.numel())).reshape(value.shape) * value).sum()
    (g,) = torch.autograd.grad(loss, x, create_graph=True)
    v = torch.tensor(weights(x.numel())).reshape(x.shape)
    moved = (v * (x - g)).sum()
    (second,) = torch.autograd.grad(moved, x)
    flat = lambda t: t.detach().flatten().tolist()
    return {"text": text, "x": given, "value": flat(value), "shape": list(value.shape), "gradient": flat(g), "second": flat(second)}


def valued(text, given, f):
    with np.errstate(all="ignore"):
        value = np.asarray(f(np.array(given)))
    return {"text": text, "x": given, "value": value.astype(float).flatten().tolist(), "shape": list(value.shape)}


rows = [differentiated(*row) for row in DIFFERENTIATED] + [valued(*row) for row in VALUES]
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(rows, indent=1) + "\n")
