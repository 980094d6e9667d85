"""The greatest of each window of a map, with a gradient that is quick on a CPU: XLA's own searches every window once more."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int8


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def greatest(x: Float[Array, "n h w c"], k: int, stride: int, padding: int = 0) -> Float[Array, "n h2 w2 c"]:
    """The greatest of each k x k places, a stride of at most k apart: h2 = (h + 2 padding - k) // stride + 1.

    A gradient goes to the first of equals in the order of reading, as PyTorch's does.
    """
    return _winners(x, k, stride, padding)[0]


def _winners(x: Float[Array, "n h w c"], k: int, stride: int, padding: int) -> tuple[Float[Array, "n h2 w2 c"], Int8[Array, "n h2 w2 c"]]:
    """The greatest of each window and which it is, k a + b for row a and column b."""
    _, h, w, _ = x.shape
    h2, w2 = ((side + 2 * padding - k) // stride + 1 for side in (h, w))
    if padding:
        x = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), constant_values=-jnp.inf)
    best, which = x[:, : stride * h2 : stride, : stride * w2 : stride], jnp.zeros((), jnp.int8)
    for number in range(1, k * k):
        a, b = divmod(number, k)
        other = x[:, a : a + stride * (h2 - 1) + 1 : stride, b : b + stride * (w2 - 1) + 1 : stride]
        which = jnp.where(other > best, jnp.int8(number), which)
        best = jnp.maximum(best, other)
    return best, which


def _forward(x: Array, k: int, stride: int, padding: int) -> tuple[Array, tuple[Array, tuple[int, ...]]]:
    best, which = _winners(x, k, stride, padding)
    return best, (which, x.shape)


def _backward(k: int, stride: int, padding: int, kept: tuple[Array, tuple[int, ...]], g: Array) -> tuple[Array]:
    """Places of one phase, row and column by the stride, are reached by the same taps of windows near them: a plane each, then woven."""
    which, (n, h, w, c) = kept
    edge = -(-k // stride) - 1  # windows before the nearest one that reach a place too, along an axis
    rows, columns = g.shape[1] + edge, g.shape[2] + edge
    around = ((0, 0), (edge, edge), (edge, edge), (0, 0))
    # the barrier keeps XLA from padding anew in each tap, number by number
    which, g = lax.optimization_barrier((jnp.pad(which, around, constant_values=-1), jnp.pad(g, around))) if edge else (which, g)

    def tap(a: int, b: int) -> Array:
        down, across = edge - a // stride, edge - b // stride
        near = (slice(None), slice(down, down + rows), slice(across, across + columns))
        return jnp.where(which[near] == k * a + b, g[near], 0)

    planes = [sum(tap(a, b) for a in range(p, k, stride) for b in range(q, k, stride)) for p in range(stride) for q in range(stride)]
    woven = jnp.stack(planes, 3).reshape(n, rows, columns, stride, stride, c).swapaxes(2, 3).reshape(n, stride * rows, stride * columns, c)
    short = [(0, max(0, padding + side - made)) for side, made in zip((h, w), woven.shape[1:3], strict=True)]
    woven = jnp.pad(woven, ((0, 0), *short, (0, 0)))  # places behind the last window
    return (woven[:, padding : padding + h, padding : padding + w],)


greatest.defvjp(_forward, _backward)
