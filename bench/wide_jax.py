# An inner loop of a wide network in JAX: 1-2048-2048-1 tanh regression on 64 points, SGD 0.01 for STEPS steps, gradient to the start and
# to a rate for each step, both kept as JAX keeps them. Prints `jax milliseconds-a-meta-step seconds-of-the-first-call`; as here, the
# first call is all from the first draw of the start to the first result.
import sys
import time

import jax
import jax.numpy as jnp

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 5
before = time.perf_counter()
key = jax.random.key(0)
sizes = [(1, 2048), (2048,), (2048, 2048), (2048,), (2048, 1), (1,)]
start = [jax.random.normal(jax.random.fold_in(key, i), s) * 0.02 for i, s in enumerate(sizes)]
x = jax.random.uniform(key, (64, 1), minval=-5.0, maxval=5.0)
y = jnp.sin(x)


def loss(p):
    h = jnp.tanh(x @ p[0] + p[1])
    h = jnp.tanh(h @ p[2] + p[3])
    return jnp.mean((h @ p[4] + p[5] - y) ** 2)


def step(p, rate):
    return [a - rate * g for a, g in zip(p, jax.grad(loss)(p))], None


gradient = jax.jit(jax.value_and_grad(lambda p, rates: loss(jax.lax.scan(step, p, rates)[0]), (0, 1)))
rates = jnp.full((steps,), 0.01)
jax.block_until_ready(gradient(start, rates))
first = time.perf_counter() - before
times = []
for _ in range(5):
    before = time.perf_counter()
    jax.block_until_ready(gradient(start, rates))
    times.append(time.perf_counter() - before)
print("jax", sorted(times)[2] * 1e3, first)
