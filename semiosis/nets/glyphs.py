"""Networks that draw glyphs and read them: stages of convolutions that double or halve the side, and a picture as a function of place."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis import raster
from semiosis.nets.convolution import conv, transposed
from semiosis.nets.sketchers import Sketcher, sketcher

Norm = Literal["affine", "group", "none"]
GROUPS = 8  # channels are normalised in this many groups, or in as many as divide them
EPSILON = 1e-3


def weights(key: PRNGKeyArray, layers: Sequence[tuple[int, int, int]]) -> list[Float[Array, "k k i o"]]:
    """Weights of layers (inputs, outputs, kernel), uniform within sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010, eq. 16).

    All are cut from one draw: a program that draws many times takes long to compile.
    """
    shapes = [(k, k, i, o) for i, o, k in layers]
    drawn = jax.random.uniform(key, (sum(map(np.prod, shapes)),), minval=-1.0, maxval=1.0)
    parts = jnp.split(drawn, np.cumsum([np.prod(shape) for shape in shapes])[:-1])
    return [(6 / (k * k * (i + o))) ** 0.5 * part.reshape(k, k, i, o) for part, (i, o, k) in zip(parts, layers, strict=True)]


def normalised(x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
    """Mean 0 and variance 1 in each of some groups of an image's channels (Wu and He 2018)."""
    n, h, w, c = x.shape
    parts = x.reshape(n, h, w, int(np.gcd(c, GROUPS)), -1)
    middle = parts.mean((1, 2, 4), keepdims=True)
    spread = jnp.square(parts - middle).mean((1, 2, 4), keepdims=True)
    return ((parts - middle) * jax.lax.rsqrt(spread + EPSILON)).reshape(x.shape)


class Scale(eqx.Module):
    """A gain and a shift for each channel: what batch normalisation is whose statistics stay 0 and 1, as in the published networks."""

    gain: Float[Array, " c"]
    shift: Float[Array, " c"]

    def __init__(self, channels: int):
        self.gain, self.shift = jnp.ones(channels), jnp.zeros(channels)


class Unit(eqx.Module):
    """A convolution of kernel k, or one transposed that doubles the side, with bias; then its `Scale`, after normalisation if `group`."""

    weight: Float[Array, "k k2 i o"]
    bias: Float[Array, " o"]
    scale: Scale | None
    stride: int = eqx.field(static=True)
    doubles: bool = eqx.field(static=True)
    group: bool = eqx.field(static=True)

    def __init__(self, weight: Float[Array, "k k i o"], norm: Norm, *, stride: int = 1, doubles: bool = False):
        outputs = weight.shape[-1]
        self.weight = jnp.moveaxis(weight, 2, 0) if doubles else weight  # as `transposed` wants it
        self.bias = jnp.zeros(outputs)
        self.scale = None if norm == "none" else Scale(outputs)
        self.stride, self.doubles, self.group = stride, doubles, norm == "group"

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        weight, bias = self.weight, self.bias
        if self.scale is not None and not self.group:  # gain and shift of small arrays: of the large one their gradients are slow
            weight, bias = weight * self.scale.gain, bias * self.scale.gain + self.scale.shift
        y = transposed(x, weight, 2, 1, 1) if self.doubles else conv(x, weight, self.stride, weight.shape[0] // 2)
        y = y + bias
        return normalised(y) * self.scale.gain + self.scale.shift if self.group and self.scale is not None else y


class Stage(eqx.Module):
    """u = swish(unit 3x3 (x)), which halves or doubles the side; then u + swish(unit 1x1 (u))."""

    unit: Unit
    residual: Unit

    def __init__(self, weight: Float[Array, "k k i o"], residual: Float[Array, "l l o o"], norm: Norm, *, doubles: bool):
        self.unit = Unit(weight, norm, stride=1 if doubles else 2, doubles=doubles)
        self.residual = Unit(residual, norm)

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        u = jax.nn.swish(self.unit(x))
        return u + jax.nn.swish(self.residual(u))


class Drawer(eqx.Module):
    """A message [n d] -> a glyph [n side side c] in (0, 1): one pixel of filters x side channels, doubled until it has the side.

    6,779,993 parameters for 128 symbols, side 64, 16 filters, 3 colours and `Scale` (GlyphNet).
    """

    seed: Unit
    stages: tuple[Stage, ...]
    paint: Unit

    def __init__(self, inputs: int, side: int, colours: int, *, filters: int, norm: Norm, key: PRNGKeyArray):
        widths = [filters * 2**r for r in range(int(np.log2(side)), -1, -1)]
        between = [layer for i, o in pairwise(widths) for layer in ((i, o, 3), (o, o, 1))]
        seed, *drawn, paint = weights(key, [(inputs, widths[0], 1), *between, (filters, colours, 3)])
        self.seed, self.paint = Unit(seed, norm), Unit(paint, norm)
        self.stages = tuple(Stage(*pair, norm, doubles=True) for pair in zip(drawn[::2], drawn[1::2], strict=True))

    def __call__(self, message: Float[Array, "n d"]) -> Float[Array, "n h w c"]:
        x = jax.nn.swish(self.seed(message[:, None, None]))
        for stage in self.stages:
            x = stage(x)
        return jax.nn.sigmoid(self.paint(x))


class Decoder(eqx.Module):
    """An image [n side side c] -> logits [n o]: 2 filters, then stages that halve the side and double the filters, to a single pixel.

    7,837,569 parameters for side 64, 16 filters, 3 colours, 129 outputs and `Scale` (GlyphNet).
    """

    first: Unit
    stages: tuple[Stage, ...]
    answer: Unit

    def __init__(self, side: int, colours: int, outputs: int, *, filters: int, norm: Norm, key: PRNGKeyArray):
        halvings = int(np.log2(side))
        widths = [2 * filters, *(2 * filters * 2**r for r in range(halvings))]
        between = [layer for i, o in pairwise(widths) for layer in ((i, o, 3), (o, o, 1))]
        first, *drawn, answer = weights(key, [(colours, widths[0], 3), *between, (widths[-1], outputs, 1)])
        self.first, self.answer = Unit(first, norm), Unit(answer, "none")
        self.stages = tuple(Stage(*pair, norm, doubles=False) for pair in zip(drawn[::2], drawn[1::2], strict=True))

    def __call__(self, image: Float[Array, "n h w c"]) -> Float[Array, "n o"]:
        x = jax.nn.swish(self.first(image))
        for stage in self.stages:
            x = stage(x)
        return self.answer(x)[:, 0, 0]


class Places(eqx.Module):
    """A picture as a function of place (CPPN, Stanley 2007): message and (x, y, r) -> residual layers -> a pixel in (0, 1).

    x and y run from -1 to 1 between the middles of the outermost pixels, r is the distance from the centre. A glyph can be drawn at any
    side; calls draw it at the side it is trained at.
    """

    message: Float[Array, "d f"]
    place: Float[Array, "3 f"]
    bias: Float[Array, " f"]
    layers: tuple[Unit, ...]
    paint: Unit
    side: int = eqx.field(static=True)

    def __init__(self, inputs: int, colours: int, *, side: int, width: int, depth: int, norm: Norm, key: PRNGKeyArray):
        message, place, *drawn, paint = weights(key, [(inputs, width, 1), (3, width, 1), *[(width, width, 1)] * depth, (width, colours, 1)])
        self.message = message[0, 0]
        self.place = 3.0 * place[0, 0]  # so that a glyph begins with more than one slope
        self.bias = jnp.zeros(width)
        self.layers = tuple(Unit(weight, norm) for weight in drawn)
        self.paint = Unit(paint, norm)
        self.side = side

    def __call__(self, message: Float[Array, "n d"]) -> Float[Array, "n h w c"]:
        return self.at(message, self.side)

    def at(self, message: Float[Array, "n d"], side: int) -> Float[Array, "n h w c"]:
        """The glyphs with this many pixels along a side."""
        along = jnp.linspace(-1.0, 1.0, side)
        y, x = jnp.meshgrid(along, along, indexing="ij")
        where = jnp.stack([x, y, jnp.hypot(x, y)], axis=-1) @ self.place
        h = jnp.sin((message @ self.message)[:, None, None] + where[None] + self.bias)
        for layer in self.layers:
            h = h + jax.nn.swish(layer(h))
        return jax.nn.sigmoid(self.paint(h))


class Pen(eqx.Module):
    """Messages as lines drawn on black, in colour where there are 3, through the rasteriser of `raster`."""

    hand: Sketcher
    side: int = eqx.field(static=True)
    sigma2: float = eqx.field(static=True)

    def __init__(self, given: int, side: int, colours: int, *, strokes: int, sigma2: float, key: PRNGKeyArray):
        self.hand = sketcher("lines", given, strokes=strokes, coloured=colours == 3, sigma2=sigma2, key=key)
        self.side, self.sigma2 = side, sigma2

    def __call__(self, x: Float[Array, "n d"]) -> Float[Array, "n h w c"]:
        """Images in [0, 1]."""
        return raster.draw(self.hand(x), (self.side, self.side), self.sigma2)
