"""How agents of the sketch game look: a trunk of layers, and a projection of what it sees; what is frozen is held apart and shared."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.nets.convolution import Affine

Trunk = Callable[[Float[Array, "n h w c"]], dict[str, Array]]  # images -> named activations in order, the last to be projected


class Eye(eqx.Module):
    """What an agent sees with: a trunk that learns, or None where it is frozen and held apart; then a linear projection."""

    trunk: Trunk | None
    projection: Affine

    def __call__(self, last: Float[Array, "n f"]) -> Float[Array, "n z"]:
        """The code of what the trunk saw last, laid out flat."""
        return self.projection(last)


class Receiver(eqx.Module):
    """An eye, and the layers behind it that photos and sketches pass alike: affine, ReLU, affine."""

    eye: Eye
    first: Affine
    second: Affine

    def __init__(self, eye: Eye, sizes: tuple[int, int, int], *, key: PRNGKeyArray):
        keys = jax.random.split(key)
        self.eye = eye
        self.first, self.second = (Affine(i, o, key=k) for i, o, k in zip(sizes, sizes[1:], keys, strict=False))

    def __call__(self, last: Float[Array, "n f"]) -> Float[Array, "n e"]:
        """Where in the space of meanings that lies whose trunk's last activations these are."""
        return self.second(jax.nn.relu(self.first(self.eye(last))))


class Sight(eqx.Module):
    """How images come to a trunk: in so many channels, normalised, of the side it takes; and the trunks that do not learn.

    `frozen` holds none, one for both agents, or the sender's and the receiver's. `reduced` computes those in bfloat16.
    """

    mean: Float[Array, " c"]
    deviation: Float[Array, " c"]
    frozen: tuple[Trunk, ...]
    side: int | None = eqx.field(static=True)
    reduced: bool = eqx.field(static=True)

    def prepared(self, images: Float[Array, "n h w k"]) -> Float[Array, "n h2 w2 c"]:
        """Images in [0, 1] as a trunk takes them; grey ones in all channels alike."""
        channels = self.mean.shape[0]
        if images.shape[-1] != channels:
            images = jnp.broadcast_to(images.mean(-1, keepdims=True), (*images.shape[:-1], channels))
        if self.side is not None and images.shape[1:3] != (self.side, self.side):
            images = jax.image.resize(images, (images.shape[0], self.side, self.side, channels), "cubic")
        return (images - self.mean) / self.deviation

    def maps(self, images: Float[Array, "n h w k"], trunk: Trunk | None, place: int) -> dict[str, Array]:
        """What `trunk` sees of images, or the frozen one of the sender (place 0) or receiver (1) where it is None."""
        x = self.prepared(images)
        if trunk is not None:
            return trunk(x)
        frozen = self.frozen[min(place, len(self.frozen) - 1)]
        if not self.reduced:
            return frozen(x)
        half = jax.tree.map(lambda w: w.astype(jnp.bfloat16) if eqx.is_inexact_array(w) else w, frozen)
        return OrderedDict((name, y.astype(jnp.float32)) for name, y in half(x.astype(jnp.bfloat16)).items())


def last(maps: dict[str, Array]) -> Float[Array, "n f"]:
    """The last activations, laid out flat."""
    x = list(maps.values())[-1]
    return x.reshape(x.shape[0], -1)
