"""How logits become a symbol or a bit: each choice maps logits [*n v] and a key to one-hot (or relaxed) rows, or to bits, of that shape."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.types import Choose


def greedy(logits: Float[Array, "*n v"], key: PRNGKeyArray | None = None) -> Float[Array, "*n v"]:
    """The likeliest symbol; the first of equals; the key is not used."""
    return jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1], dtype=logits.dtype)


def sample(logits: Float[Array, "*n v"], key: PRNGKeyArray) -> Float[Array, "*n v"]:
    """A symbol drawn from the softmax of the logits, as constant one-hot rows: no gradient passes.

    By the inverse of the cumulative distribution: one random number a row where the Gumbel trick takes one a symbol.
    """
    p = jax.nn.softmax(jax.lax.stop_gradient(logits), axis=-1)
    upto = jnp.triu(jnp.ones((p.shape[-1], p.shape[-1]), p.dtype))
    below = jnp.matmul(p, upto, precision="highest")  # the cumulative sum, by a product that is faster than a scan
    u = jax.random.uniform(key, (*logits.shape[:-1], 1), p.dtype) * below[..., -1:]
    symbol = jnp.sum(below[..., :-1] <= u, axis=-1)  # at most the last, whatever the rounding
    return jax.nn.one_hot(symbol, p.shape[-1], dtype=p.dtype)


def straight_through(logits: Float[Array, "*n v"], key: PRNGKeyArray) -> Float[Array, "*n v"]:
    """A drawn symbol whose gradient is that of the softmax (Bengio et al. 2013, straight-through estimator)."""
    soft = jax.nn.softmax(logits, axis=-1)
    return sample(logits, key) + soft - jax.lax.stop_gradient(soft)


def gumbel(temperature: float, *, hard: bool = False) -> Choose:
    """Gumbel-softmax rows at a temperature > 0; `hard` makes them one-hot forward, relaxed backward (Jang et al. 2017, eq. 2)."""

    def choose(logits: Float[Array, "*n v"], key: PRNGKeyArray) -> Float[Array, "*n v"]:
        soft = jax.nn.softmax((logits + jax.random.gumbel(key, logits.shape, logits.dtype)) / temperature, axis=-1)
        return jax.lax.stop_gradient(greedy(soft) - soft) + soft if hard else soft

    return choose


def forced(rows: Float[Array, "*n v"]) -> Choose:
    """Says `rows` whatever the logits are: for probing what an agent would think of another's words."""

    def choose(logits: Float[Array, "*n v"], key: PRNGKeyArray | None = None) -> Float[Array, "*n v"]:
        return jnp.broadcast_to(rows, logits.shape)

    return choose


def likelier(logits: Float[Array, "*n d"], key: PRNGKeyArray | None = None) -> Float[Array, "*n d"]:
    """The likelier value of each bit, 1 where both are alike; the key is not used."""
    return (logits >= 0.0).astype(logits.dtype)


def bernoulli(logits: Float[Array, "*n d"], key: PRNGKeyArray) -> Float[Array, "*n d"]:
    """Bits drawn with probability sigmoid(logits) of a 1, as constants: no gradient passes."""
    p = jax.nn.sigmoid(jax.lax.stop_gradient(logits))
    return (jax.random.uniform(key, logits.shape, logits.dtype) < p).astype(logits.dtype)


def straight_through_bits(logits: Float[Array, "*n d"], key: PRNGKeyArray) -> Float[Array, "*n d"]:
    """Drawn bits whose gradient is that of their probability (Bengio et al. 2013, straight-through estimator)."""
    p = jax.nn.sigmoid(logits)
    return bernoulli(logits, key) + p - jax.lax.stop_gradient(p)


def gumbel_bits(temperature: float) -> Choose:
    """Bits relaxed to sigmoid((l + logistic noise) / temperature), the Gumbel-softmax of two (Maddison et al. 2017, eq. 25)."""

    def choose(logits: Float[Array, "*n d"], key: PRNGKeyArray) -> Float[Array, "*n d"]:
        return jax.nn.sigmoid((logits + jax.random.logistic(key, logits.shape, logits.dtype)) / temperature)

    return choose


def as_they_are(logits: Float[Array, "*n d"], key: PRNGKeyArray | None = None) -> Float[Array, "*n d"]:
    """The numbers themselves, for a channel that carries numbers: no choice at all."""
    return logits
