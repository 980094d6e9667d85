"""What happens to a message on its way: each channel maps what is said [n t v] and a key to what is heard, of the same shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from semiosis.types import Channel, Tampering

SHARE = 0.1  # of symbols, bits or pixels that noise changes
SAID = "said"  # the way that every play has: from who says something to who hears it
Place = Int[Array, ""] | int


def clear(message: Any, key: PRNGKeyArray) -> Any:
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


def invert(places: Sequence[int] | Int[Array, " m"]) -> Channel:
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


def truncate(end: int | None = None) -> Channel:
    """The first half of each message arrives, rounded down: then come ends, or rows of zeros where messages have no `end`."""

    def channel(message: Float[Array, "n t v"], key: PRNGKeyArray) -> Float[Array, "n t v"]:
        t, v = message.shape[1:]
        if end is None:
            return message * (jnp.arange(t) < t // 2)[None, :, None]
        said = jnp.cumsum(message[..., end] > 0.5, axis=1) == 0
        arrives = jnp.arange(t)[None] < jnp.sum(said, axis=1, keepdims=True) // 2
        return jnp.where(arrives[..., None], message, jax.nn.one_hot(end, v)[None, None])

    return channel


def replace(place: Place, *, end: int | None = None) -> Channel:
    """The symbol at this place becomes any other, all equally likely; the symbol `end` is neither changed nor put in."""
    change = flip(1.0, end=end)

    def channel(message: Float[Array, "n t v"], key: PRNGKeyArray) -> Float[Array, "n t v"]:
        return jnp.where((jnp.arange(message.shape[1]) == place)[None, :, None], change(message, key), message)

    return channel


def static(rate: float) -> Channel:
    """Each pixel of images [n h w c] becomes another with probability `rate`, each of its colours uniform from 0 to 1."""

    def channel(message: Float[Array, "n h w c"], key: PRNGKeyArray) -> Float[Array, "n h w c"]:
        key_rate, key_colour = jax.random.split(key)
        changed = jax.random.bernoulli(key_rate, rate, message.shape[:-1])
        return jnp.where(changed[..., None], jax.random.uniform(key_colour, message.shape, message.dtype), message)

    return channel


def paper(background: float) -> Channel:
    """Nothing is on the image: every pixel is the background."""

    def channel(message: Array, key: PRNGKeyArray) -> Array:
        return jnp.full_like(message, background)

    return channel


def upper_half(background: float) -> Channel:
    """The lower half of images [n h w c] is covered by the background; of an odd number of rows, the larger half."""

    def channel(message: Float[Array, "n h w c"], key: PRNGKeyArray) -> Float[Array, "n h w c"]:
        shown = jnp.arange(message.shape[1]) < message.shape[1] // 2
        return jnp.where(shown[None, :, None, None], message, background)

    return channel


def silence(message: Array, key: PRNGKeyArray) -> Array:
    """Nothing arrives: every number is 0."""
    return jnp.zeros_like(message)


def empty(end: int) -> Channel:
    """Nothing is said: every symbol is the end."""

    def channel(message: Float[Array, "n t v"], key: PRNGKeyArray) -> Float[Array, "n t v"]:
        return jnp.broadcast_to(jax.nn.one_hot(end, message.shape[-1], dtype=message.dtype), message.shape)

    return channel


def shuffle(message: Array, key: PRNGKeyArray, steps: Place = 1) -> Array:
    """Messages permuted between the examples of a batch: what is heard was said, but of another example, never of the same.

    `steps` along a random circle of the n examples: 1 to n - 1 give each example the messages of n - 1 others, one after another.
    """
    order = jax.random.permutation(key, message.shape[0])
    return message.at[order].set(message[jnp.roll(order, steps)])


def constant(message: Array, key: PRNGKeyArray) -> Array:
    """One and the same message reaches all: that of one example of the batch, drawn at random."""
    return jnp.broadcast_to(message[jax.random.randint(key, (), 0, message.shape[0])], message.shape)


# ------------------------------------------------------------------------------------------------------------- tampering


def symbols(end: int | None = None, *, share: float = SHARE) -> Tampering:
    """What may be done to messages of one-hot rows [n t v], which `end` ends early: an empty message, other symbols, half of it."""
    ways = {"silent": silence if end is None else empty(end), "noise": flip(share, end=end), "truncated": truncate(end)}
    return Tampering(ways, lambda place: replace(place, end=end))


def bits(count: int, *, share: float = SHARE) -> Tampering:
    """What may be done to messages of so many bits [n d]: zeros, inverted bits, the first half (rounded down) and then zeros."""
    ways = {"silent": silence, "noise": flip_bits(share), "truncated": keep(range(count // 2))}
    return Tampering(ways, lambda place: invert(place[None]))


def pictures(background: float, *, share: float = SHARE) -> Tampering:
    """What may be done to images [n h w c]: an empty one, pixels of any colour, the upper half."""
    return Tampering({"silent": paper(background), "noise": static(share), "truncated": upper_half(background)})


KINDS = ("clear", "shuffled", "constant", "replaced")  # what may be done in every game, before its own ways


def kinds(tampering: Tampering) -> tuple[str, ...]:
    """All that `tampered` can do, by number; in the order of names, which a dict has inside a compiled program as well."""
    return (*KINDS, *sorted(tampering.ways))


class Chosen(NamedTuple):
    """One of many channels, whose number is known only while the program runs: so one compiled program plays them all.

    Each option is a channel on some of the ways that a play has, and clear on the others.
    """

    options: tuple[Mapping[str, Channel], ...]
    number: Int[Array, ""]

    def __call__(self, message: Any, key: PRNGKeyArray) -> Any:
        """What is heard of what is said."""
        return self.on(SAID)(message, key)

    def on(self, way: str) -> Channel:
        """The channel on another way."""
        wanted = [option.get(way, clear) for option in self.options]
        distinct = list({id(channel): channel for channel in wanted}.values())
        if len(distinct) == 1:
            return distinct[0]
        table = jnp.asarray([[id(channel) for channel in distinct].index(id(channel)) for channel in wanted])
        return lambda message, key: jax.lax.switch(table[self.number], distinct, message, key)


def tampered(tampering: Tampering, number: Int[Array, ""], place: Int[Array, ""], key: PRNGKeyArray) -> Chosen:
    """The channel that does what stands in `kinds` at this number; `place` is where a message is changed, or how far it goes round.

    What crosses examples goes by `key`: all that a conversation says comes from one other conversation, whatever keys its steps have.
    """

    def shuffled(message: Array, _: PRNGKeyArray) -> Array:
        return shuffle(message, key, place)

    def alike(message: Array, _: PRNGKeyArray) -> Array:
        return constant(message, key)

    def own(channel: Channel) -> Channel:
        return {shuffle: shuffled, constant: alike}.get(channel, channel)

    every: list[Mapping[str, Channel]] = [{}, {SAID: shuffled}, {SAID: alike}]
    every.append({SAID: tampering.replace(place)} if tampering.replace else {})
    for name in sorted(tampering.ways):
        way = tampering.ways[name]
        every.append({part: own(channel) for part, channel in (way if isinstance(way, Mapping) else {SAID: way}).items()})
    return Chosen(tuple(every), number)


def on(channel: Channel, way: str) -> Channel:
    """What `channel` does on another of the ways of a play, such as the way back: nothing, unless it says so."""
    return channel.on(way) if isinstance(channel, Chosen) else clear
