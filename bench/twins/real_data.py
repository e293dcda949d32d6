# What the twins of the programs on clothes and tumours share: how they read their data, and what they print.
import gzip
import json
import time

import numpy as np
import torch


def idx(path, head):
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=head)


def clothes(folder, part):
    images = idx(f"{folder}/{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = idx(f"{folder}/{part}-labels-idx1-ubyte.gz", 8)
    return torch.tensor(images).float() / 255, torch.tensor(labels).long()


def evenly(y, sizes, rng):
    """Rows of parts that share none and have so many of each class."""
    parts = [[] for _ in sizes]
    for kind in y.unique():
        rows = torch.where(y == kind)[0]
        rows = rows[torch.randperm(len(rows), generator=rng)]
        for part, size, end in zip(parts, sizes, np.cumsum(sizes)):
            part.append(rows[end - size : end])
    return [torch.cat(part) for part in parts]


def glorot(n, m, rng):
    return (2 * torch.rand(n, m, generator=rng) - 1) * (6 / (n + m)) ** 0.5


processor = time.process_time()


def say(program, seed, steps, seconds, figures):
    """A line for each figure; `processor` is the time since the line before, of the whole seed."""
    global processor
    took, processor = time.process_time() - processor, time.process_time()
    for name, value in figures.items():
        line = {"program": f"{program}: {name}", "seed": seed, "meta_steps": steps, "test": [value]}
        print(json.dumps({**line, "seconds": round(seconds, 2), "processor": round(took, 2)}), flush=True)
