"""Affine layers, and how their weights begin: by default from a normal of standard deviation 1/sqrt(fan in), cut at two of them."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


def truncated(key: PRNGKeyArray, shape: tuple[int, ...], deviation: float) -> Float[Array, "..."]:
    """A normal of the given standard deviation, redrawn beyond two of them (the deviation is that before cutting)."""
    return deviation * jax.random.truncated_normal(key, -2.0, 2.0, shape)


def lecun(key: PRNGKeyArray, shape: tuple[int, int]) -> Float[Array, "i o"]:
    """Weights [fan_in, fan_out] from a cut normal of standard deviation 1/sqrt(fan_in)."""
    return truncated(key, shape, shape[0] ** -0.5)


def xavier(key: PRNGKeyArray, shape: tuple[int, int]) -> Float[Array, "i o"]:
    """Weights from a normal of variance 2/(fan_in + fan_out) (Glorot and Bengio 2010, eq. 16, with a normal in the uniform's place)."""
    return (2.0 / sum(shape)) ** 0.5 * jax.random.normal(key, shape)


class Linear(eqx.Module):
    """y = x W + b over the last axis; W [fan_in, fan_out], b starts at zero."""

    weight: Float[Array, "i o"]
    bias: Float[Array, " o"]

    def __init__(self, fan_in: int, fan_out: int, *, key: PRNGKeyArray, init: Callable[[PRNGKeyArray, tuple[int, int]], Array] = lecun):
        self.weight = init(key, (fan_in, fan_out))
        self.bias = jnp.zeros(fan_out)

    def __call__(self, x: Float[Array, "*n i"]) -> Float[Array, "*n o"]:
        return x @ self.weight + self.bias


class MLP(eqx.Module):
    """Affine layers with ReLU between them, the last one linear; `sizes` are the widths after the input."""

    layers: tuple[Linear, ...]

    def __init__(self, fan_in: int, sizes: tuple[int, ...], *, key: PRNGKeyArray):
        widths = (fan_in, *sizes)
        keys = jax.random.split(key, max(len(sizes), 1))
        self.layers = tuple(Linear(i, o, key=k) for i, o, k in zip(widths, sizes, keys, strict=False))

    def __call__(self, x: Float[Array, "*n i"]) -> Float[Array, "*n o"]:
        for i, layer in enumerate(self.layers):
            x = layer(jax.nn.relu(x) if i else x)
        return x
