"""What happens to a message on its way: each channel maps what is said [n t v] and a key to what is heard, of the same shape."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.types import Channel


def clear(message: Array, key: PRNGKeyArray) -> Array:
    """The channel that changes nothing."""
    return message


def compose(*channels: Channel) -> Channel:
    """The channels one after another, each with a key of its own."""

    def channel(message: Array, key: PRNGKeyArray) -> Array:
        for i, each in enumerate(channels):
            message = each(message, jax.random.fold_in(key, i))
        return message

    return channel


def erase(rate: float, *, end: int | None = None) -> Channel:
    """Each symbol is lost with probability `rate`: its row becomes zero, which is no symbol; the symbol `end` is never lost."""

    def channel(message: Float[Array, "n t v"], key: PRNGKeyArray) -> Float[Array, "n t v"]:
        lost = jax.random.bernoulli(key, rate, message.shape[:-1])
        if end is not None:
            lost &= message[..., end] < 0.5
        return jnp.where(lost[..., None], 0.0, message)

    return channel


def flip(rate: float, *, end: int | None = None) -> Channel:
    """Each symbol becomes any other with probability `rate`, all equally likely; the symbol `end` is neither changed nor put in."""

    def channel(message: Float[Array, "n t v"], key: PRNGKeyArray) -> Float[Array, "n t v"]:
        key_rate, key_shift = jax.random.split(key)
        vocab_size = message.shape[-1] if end is None else end
        changed = jax.random.bernoulli(key_rate, rate, message.shape[:-1])
        if end is not None:
            changed &= message[..., end] < 0.5
        shift = jax.random.randint(key_shift, message.shape[:-1], 1, vocab_size)
        column = jnp.arange(vocab_size)
        source = (column - shift[..., None]) % vocab_size
        moved = jnp.take_along_axis(message[..., :vocab_size], source, axis=-1)
        moved = jnp.concatenate([moved, message[..., vocab_size:]], axis=-1)
        return jnp.where(changed[..., None], moved, message)

    return channel


def flip_bits(rate: float) -> Channel:
    """Each bit is inverted with probability `rate`, independently."""

    def channel(message: Array, key: PRNGKeyArray) -> Array:
        return jnp.where(jax.random.bernoulli(key, rate, message.shape), 1.0 - message, message)

    return channel


def invert(places: Sequence[int]) -> Channel:
    """The bits at these places of the last axis are inverted, always."""

    def channel(message: Array, key: PRNGKeyArray) -> Array:
        chosen = jnp.zeros(message.shape[-1], bool).at[jnp.asarray(places, jnp.int32)].set(True)
        return jnp.where(chosen, 1.0 - message, message)

    return channel


def keep(places: Sequence[int]) -> Channel:
    """Only the numbers at these places of the last axis arrive; 0 stands for the others."""

    def channel(message: Array, key: PRNGKeyArray) -> Array:
        return message * jnp.zeros(message.shape[-1]).at[jnp.asarray(places, jnp.int32)].set(1.0)

    return channel


def silence(message: Array, key: PRNGKeyArray) -> Array:
    """Nothing arrives: every number is 0."""
    return jnp.zeros_like(message)


def shuffle(message: Array, key: PRNGKeyArray) -> Array:
    """Messages permuted between the examples of a batch: what is heard was said, but of another example, never of the same."""
    order = jax.random.permutation(key, message.shape[0])
    return message.at[order].set(message[jnp.roll(order, 1)])  # one step along a random circle
