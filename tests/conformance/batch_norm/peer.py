# What does PyTorch make of batch norm in train and eval mode, in float64? Writes values.json beside it: two small networks after each step
# of SGD with momentum (nn.BatchNorm1d, nn.BatchNorm2d, torch.optim.SGD), and the derivatives of a loss on other data after three steps of
# gradient descent, by second order: with running statistics as PyTorch has them (functional_call; no derivative goes through them), with
# the derivative that goes through them (written out), by first order of the same, and with a gain and a bias for each step (MAML++).
# Run by hand: python peer.py (torch 2.13.0).
import json
import math
import pathlib
import torch
from torch import nn
from torch.func import functional_call

torch.set_default_dtype(torch.float64)


def wave(shape, a, b):
    n = math.prod(shape)
    return torch.tensor([round(math.sin(a * i + b) * 1.5, 3) for i in range(n)]).reshape(shape)


def flat(x):
    return [float(v) for v in x.detach().reshape(-1)]


class Net(nn.Module):
    def __init__(self, W, V, norm):
        super().__init__()
        self.W, self.V, self.after = nn.Parameter(W.clone()), nn.Parameter(V.clone()), norm

    def forward(self, x):
        h = x @ self.W if x.dim() == 2 else nn.functional.conv2d(x, self.W, padding=1)
        h = torch.tanh(self.after(h))
        return h.reshape(h.shape[0], -1) @ self.V


def steps(kind, x, y, q, W, V):
    norm = nn.BatchNorm2d(3, momentum=0.25) if x.dim() == 4 else nn.BatchNorm1d(3)
    net = Net(W, V, norm)
    rule = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    found = {"mean": [], "var": [], "loss": [], "eval": [], "bias": []}
    for t in range(5):
        found["mean"].append(flat(norm.running_mean))
        found["var"].append(flat(norm.running_var))
        net.eval()
        found["eval"].append(flat(net(q)))
        net.train()
        found["bias"].append(flat(norm.bias))
        loss = ((net(x) - y) ** 2).mean()
        found["loss"].append(loss.item())
        rule.zero_grad()
        loss.backward()
        rule.step()
    given = {"x": x.tolist(), "y": y.tolist(), "q": q.tolist(), "W": W.tolist(), "V": V.tolist()}
    return {"kind": kind, "given": given, **found}


x2, y2, q2 = wave((5, 2), 1.7, 0.3), wave((5, 2), 2.3, 1.0), wave((3, 2), 0.9, 2.0)
W2, V2 = wave((2, 3), 1.1, 0.5), wave((3, 2), 2.9, 0.2)
x4, y4, q4 = wave((4, 2, 3, 3), 1.7, 0.3), wave((4, 2), 2.3, 1.0), wave((2, 2, 3, 3), 0.9, 2.0)
W4, V4 = wave((3, 2, 3, 3), 1.1, 0.5), wave((27, 2), 2.9, 0.2) / 4


def meta(way):
    net = Net(W2, V2, nn.BatchNorm1d(3))
    names = ["W", "V", "after.weight", "after.bias"]
    start = {n: p.detach().clone().requires_grad_() for n, p in net.named_parameters()}
    if way == "per step":
        for n, rows in (("after.weight", 1.0), ("after.bias", 0.0)):
            start[n] = torch.full((3, 3), rows).requires_grad_()
    lr = torch.tensor(0.3, requires_grad=True)
    params = dict(start)
    mean, var = torch.zeros(3), torch.ones(3)
    for t in range(3):
        if way == "torch":
            buffers = {"after.running_mean": mean.clone(), "after.running_var": var.clone(),
                       "after.num_batches_tracked": torch.tensor(0)}
            net.train()
            out = functional_call(net, {**params, **buffers}, (x2,))
            mean, var = buffers["after.running_mean"], buffers["after.running_var"]
        else:
            h = x2 @ params["W"]
            m, v = h.mean(0), h.var(0, unbiased=False)
            gain, bias = (params[n][t] if way == "per step" else params[n] for n in names[2:])
            out = torch.tanh((h - m) / torch.sqrt(v + 1e-5) * gain + bias) @ params["V"]
            mean, var = 0.9 * mean + 0.1 * m, 0.9 * var + 0.1 * v * 5 / 4
        loss = ((out - y2) ** 2).mean()
        slopes = torch.autograd.grad(loss, [params[n] for n in names], create_graph=way != "first order", retain_graph=True)
        params = {n: params[n] - lr * g for n, g in zip(names, slopes)}
    if way == "torch":
        net.eval()
        buffers = {"after.running_mean": mean, "after.running_var": var, "after.num_batches_tracked": torch.tensor(0)}
        out = functional_call(net, {**params, **buffers}, (q2,))
    else:
        h = q2 @ params["W"]
        gain, bias = (params[n][2] if way == "per step" else params[n] for n in names[2:])
        if way == "per step":
            mean, var = h.mean(0), h.var(0, unbiased=False)
        out = torch.tanh((h - mean) / torch.sqrt(var + 1e-5) * gain + bias) @ params["V"]
    value = (out**2).mean()
    slopes = torch.autograd.grad(value, [lr] + [start[n] for n in names])
    return {"way": way, "value": value.item(), "mean": flat(mean), "var": flat(var),
            "slopes": [flat(g) for g in slopes]}


rows = {
    "steps": [steps("rank 2", x2, y2, q2, W2, V2), steps("rank 4", x4, y4, q4, W4, V4)],
    "meta": [meta(way) for way in ("torch", "through", "first order", "per step")],
}
pathlib.Path(__file__).with_name("values.json").write_text(json.dumps(rows) + "\n")
