"""Small networks that look at images and are trained from scratch: named activations, the last of which an agent projects.

Published widths are defaults; all begin as He's layers do (uniform, variance 2 / fan in, biases 0).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.errors import UsageError, unknown
from semiosis.nets.convolution import conv
from semiosis.nets.glyphs import Scale, normalised
from semiosis.nets.vgg import halved

Pool = Literal["none", "max", "mean"]
GRID = 8  # places along a side to which an adaptive pool reduces any image


class Plan(NamedTuple):
    """How an eye is built: blocks of convolutions; where there is none, one hidden layer.

    `width` is the number of channels of the first block (of hidden units) unless another is asked for, `blocks` are multiples of it.
    A block has `convolutions`, each with a leaky ReLU of slope `leak`; then comes its `pool`, as long as there are two places along a side.
    `grid` pools whatever comes out to 8 x 8.
    """

    width: int
    blocks: tuple[float, ...]
    kernel: int = 3
    padding: int = 1
    stride: int = 1
    convolutions: int = 1
    pool: Pool = "none"
    leak: float = 0.0
    group: bool = False
    grid: bool = False


EYES: dict[str, Plan] = {
    "mlp": Plan(64, ()),
    "cnn": Plan(120, (1, 2.5), kernel=5, padding=0, pool="max"),
    "bettercnn": Plan(64, (1, 1, 1, 1), group=True, grid=True),
    "conv2d": Plan(32, (1, 2), stride=2),
    "strokenet": Plan(16, (1, 2, 4, 8, 16), convolutions=2, pool="mean", leak=0.2),
    "small": Plan(32, (1, 2, 4), stride=2),
}
"""Eyes by name.

mlp: one hidden layer (64) on all pixels.
cnn: two convolutions of 5 x 5 without padding (120, 300), each with ReLU and the greatest of 2 x 2; 4,800 numbers of 28 x 28 pixels.
bettercnn: four convolutions of 3 x 3 (64), normalised, with ReLU; then 8 x 8 means. Published with statistics of the batch, which have
    no place in a function of one image: here each image is normalised by itself, in groups of channels.
conv2d: two convolutions of 3 x 3 and stride 2 (32, 64) with ReLU; sizes were not published, these are ours.
strokenet: five blocks of two convolutions of 3 x 3 (16 to 256) with leaky ReLU, each block followed by the mean of 2 x 2.
small: three convolutions of 3 x 3 and stride 2 (32, 64, 128) with ReLU: ours, quick to compute and to learn.
"""


class Layer(eqx.Module):
    """A convolution with bias, its channels normalised in groups or not, and a leaky ReLU."""

    weight: Float[Array, "k k i o"]
    bias: Float[Array, " o"]
    scale: Scale | None
    stride: int = eqx.field(static=True)
    padding: int = eqx.field(static=True)
    leak: float = eqx.field(static=True)

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        y = conv(x, self.weight, self.stride, self.padding) + self.bias
        if self.scale is not None:
            y = normalised(y) * self.scale.gain + self.scale.shift
        return jax.nn.leaky_relu(y, self.leak) if self.leak else jax.nn.relu(y)


class Hidden(eqx.Module):
    """One hidden layer with ReLU on all pixels of an image."""

    weight: Float[Array, "i o"]
    bias: Float[Array, " o"]

    def __call__(self, x: Float[Array, "n h w c"]) -> dict[str, Array]:
        """`hidden` [n o]."""
        return {"hidden": jax.nn.relu(x.reshape(len(x), -1) @ self.weight + self.bias)}


class Convolutional(eqx.Module):
    """Blocks of convolutions, and pools between them."""

    blocks: tuple[tuple[Layer, ...], ...]
    names: tuple[str, ...] = eqx.field(static=True)
    pool: Pool = eqx.field(static=True)
    grid: bool = eqx.field(static=True)

    def __call__(self, x: Float[Array, "n h w c"]) -> dict[str, Array]:
        """The activations [n h w c] that `layers` names, each the last of its block, not yet pooled; `pool` is what comes out at last."""
        seen: dict[str, Array] = {}
        for name, block in zip(self.names, self.blocks, strict=False):
            for layer in block:
                x = layer(x)
            seen[name] = x
            if self.pool != "none" and min(x.shape[1:3]) > 1:
                x = halved(x) if self.pool == "max" else meaned(x)
        if self.grid:
            x = gridded(x, GRID)
        return seen if self.names[-1] in seen else seen | {self.names[-1]: x}


Trunk = Hidden | Convolutional


def eye(name: str, side: int, channels: int, *, width: int | None = None, key: PRNGKeyArray) -> Trunk:
    """The eye of this name for images [n side side channels] in [0, 1]; `width` is the published one unless given.

    Raises UsageError for an unknown name, and for an image too small for its convolutions.
    """
    plan = _plan(name)
    wide = plan.width if width is None else width
    if wide < 1:
        raise UsageError(f"width is {wide}: expected 1 or more")
    if not plan.blocks:
        weight = _drawn(key, [(side * side * channels, wide)])[0]
        return Hidden(weight, jnp.zeros(wide))
    _check_side(name, plan, side)
    shapes, inputs = [], channels
    for multiple in plan.blocks:
        outputs = round(multiple * wide)
        for _ in range(plan.convolutions):
            shapes.append((plan.kernel, plan.kernel, inputs, outputs))
            inputs = outputs
    made = [
        Layer(weight, jnp.zeros(weight.shape[-1]), Scale(weight.shape[-1]) if plan.group else None, plan.stride, plan.padding, plan.leak)
        for weight in _drawn(key, shapes)
    ]
    size = plan.convolutions
    blocks = tuple(tuple(made[first : first + size]) for first in range(0, len(made), size))
    return Convolutional(blocks, layers(name), plan.pool, plan.grid)


def layers(name: str) -> tuple[str, ...]:
    """The names of an eye's activations, in order: `hidden`, or `conv1`, `conv2` ... (`block1` ... of more than one), and a last `pool`."""
    plan = _plan(name)
    if not plan.blocks:
        return ("hidden",)
    word = "conv" if plan.convolutions == 1 else "block"
    return (*(f"{word}{number}" for number in range(1, len(plan.blocks) + 1)), *(["pool"] if plan.grid or plan.pool != "none" else []))


def _plan(name: str) -> Plan:
    if name not in EYES:
        raise unknown("eye", name, EYES)
    return EYES[name]


def _check_side(name: str, plan: Plan, side: int) -> None:
    """Whether a place is left after each block."""
    left = side
    for _ in plan.blocks:
        for _ in range(plan.convolutions):
            left = (left + 2 * plan.padding - plan.kernel) // plan.stride + 1
        if left < 1:
            raise UsageError(f"images have {side} pixels a side: too few for the eye {name}")
        left = left // 2 if plan.pool != "none" and left > 1 else left


def _drawn(key: PRNGKeyArray, shapes: list[tuple[int, ...]]) -> list[Float[Array, "..."]]:
    """Weights within sqrt(6 / fan in), cut from one draw: a program that draws many times takes long to compile."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    parts = jnp.split(jax.random.uniform(key, (sum(sizes),), minval=-1.0), np.cumsum(sizes)[:-1])
    return [(6 / np.prod(shape[:-1])) ** 0.5 * part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def meaned(x: Float[Array, "n h w c"]) -> Float[Array, "n h2 w2 c"]:
    """The mean of each 2 x 2 places; a last odd row or column is left out."""
    n, h, w, c = x.shape
    return x[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))


def gridded(x: Float[Array, "n h w c"], side: int) -> Float[Array, "n g g c"]:
    """Means of side x side blocks of an image of any size: block i is from floor(i h / side) to before ceil((i + 1) h / side)."""
    down, across = (jnp.asarray(_blocks(length, side), x.dtype) for length in x.shape[1:3])
    return jnp.einsum("gh,nhwc,fw->ngfc", down, x, across)


def _blocks(length: int, side: int) -> np.ndarray:
    """The weight [side length] of each place in each block."""
    i, place = np.arange(side)[:, None], np.arange(length)
    inside = (place >= i * length // side) & (place < -((i + 1) * -length // side))
    return inside / inside.sum(1, keepdims=True)
