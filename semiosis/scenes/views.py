"""Another look at the same scene: scaled pixels, random affine views, noise."""

from __future__ import annotations

import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray, UInt8

Size = Float[Array, ""] | float | int
Fill = Literal["black", "white", "mean", "edge"]  # what lies outside an image: 0, 1, the image's mean colour, or its nearest pixel


def to_float(images: UInt8[Array, "*s"]) -> Float[Array, "*s"]:
    """Pixels 0..255 as float32 in [0, 1]."""
    return jnp.asarray(images).astype(jnp.float32) / 255


def affine(
    key: PRNGKeyArray, images: Float[Array, "n h w c"], *, rotation: Size = 0.0, shift: Size = 0.0, scale: Size = 0.0
) -> Float[Array, "n h w c"]:
    """Turn, move and scale each image about its centre by random amounts, with one bilinear resampling; outside is 0.

    Uniform in +-`rotation` degrees, +-`shift` of the height and of the width, and 1 +- `scale` (below 1; above 1 the content
    grows). All zero gives the images themselves, bit for bit. Differentiable in the images.
    """
    n = images.shape[0]
    turn, size, down, right = jax.random.uniform(key, (4, n), minval=-1.0, maxval=1.0)
    return warp(images, jnp.deg2rad(rotation) * turn, 1 + scale * size, shift * jnp.stack([down, right], axis=-1))


def warp(
    images: Float[Array, "n h w c"], angle: Float[Array, " n"], size: Float[Array, " n"], move: Float[Array, "n 2"]
) -> Float[Array, "n h w c"]:
    """Turn by `angle` (radians, clockwise on screen), scale by `size`, then move by `move` (down, right) in shares of height and width."""
    cos, sin = jnp.cos(angle) / size, jnp.sin(angle) / size
    undo = jnp.stack([jnp.stack([cos, -sin], axis=-1), jnp.stack([sin, cos], axis=-1)], axis=-2)
    pixels = move * jnp.array([images.shape[1:3]])
    return resample(images, undo, -(undo * pixels[:, None]).sum(axis=-1))


def resample(
    images: Float[Array, "n h w c"], matrix: Float[Array, "n 2 2"], offset: Float[Array, "n 2"], fill: Fill = "black"
) -> Float[Array, "n h w c"]:
    """Each pixel p of the result reads its image, bilinearly, at `matrix` p + `offset`: (down, right) in pixels from the centre.

    Outside lies what `fill` says. The identity gives the images themselves, bit for bit. Differentiable in the images.
    """
    h, w = images.shape[1:3]
    down, right = jnp.arange(h)[None, :, None] - (h - 1) / 2, jnp.arange(w)[None, None] - (w - 1) / 2
    places = []
    for i, side in enumerate((h, w)):
        at = matrix[:, i, 0, None, None] * down + matrix[:, i, 1, None, None] * right + offset[:, i, None, None]
        places.append(jnp.clip(at + (side + 1) / 2, 0, side + 1))  # no farther than the frame, which stands for all that lies outside
    return bilinear(frame(images, 1, fill), lax.optimization_barrier(jnp.stack(places, axis=-1)))


@jax.custom_vjp
def bilinear(images: Float[Array, "n h w c"], places: Float[Array, "n h2 w2 2"]) -> Float[Array, "n h2 w2 c"]:
    """Read images between their pixels, at (row, column) inside them. The places are given no gradient."""
    n, h, w, c = images.shape
    row, column, weights = _corners(places, h, w)
    first, pixels = (jnp.arange(n)[:, None, None] * h + row) * w + column, images.reshape(-1, c)
    total = jnp.zeros((), images.dtype)
    for weight, step in zip(weights, (0, 1, w, w + 1), strict=True):
        total += weight[..., None].astype(images.dtype) * pixels.at[first + step].get(mode="promise_in_bounds")
    return total


def _corners(places: Array, h: int, w: int) -> tuple[Array, Array, tuple[Array, ...]]:
    """The row and column of the first of the four pixels around each place, and the weights of all four."""
    row, column = jnp.minimum(jnp.floor(places[..., 0]), h - 2), jnp.minimum(jnp.floor(places[..., 1]), w - 2)
    y, x = places[..., 0] - row, places[..., 1] - column
    return row.astype(jnp.int32), column.astype(jnp.int32), ((1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x)


def _bilinear_forward(images: Array, places: Array) -> tuple[Array, tuple[Array, tuple[int, ...]]]:
    return bilinear(images, places), (places, images.shape[1:3])


def _bilinear_backward(kept: tuple[Array, tuple[int, ...]], g: Array) -> tuple[Array, None]:
    """The pixels' gradient; of large batches on a CPU a few images at a time, whose sums stay in its cache: a fourth of the time."""
    (places, size), n = kept, len(g)
    if jax.default_backend() != "cpu" or g.size < 2**17:
        return _spread(places, g, *size), None
    few = math.gcd(n, 8)
    parts = (x.reshape(n // few, few, *x.shape[1:]) for x in (places, g))
    return lax.map(lambda part: _spread(*part, *size), tuple(parts)).reshape(n, *size, -1), None


def _spread(places: Float[Array, "n h2 w2 2"], g: Float[Array, "n h2 w2 c"], h: int, w: int) -> Float[Array, "n h w c"]:
    """What `bilinear` reads, written back: each place adds to its four pixels.

    With one write, to a sum that holds the four apart, and these are then folded together: a CPU is slow at scattered writes.
    """
    places, g = lax.optimization_barrier((places, g))  # else XLA computes both anew for each of the four
    n, c = len(g), g.shape[-1]
    row, column, weights = _corners(places, h, w)
    first = (jnp.arange(n)[:, None, None] * (h - 1) + row) * (w - 1) + column
    added = jnp.stack(weights, axis=-1)[..., None].astype(g.dtype) * g[..., None, :]
    apart = jnp.zeros((n * (h - 1) * (w - 1), 4 * c), g.dtype).at[first].add(added.reshape(*first.shape, -1), mode="promise_in_bounds")
    apart = apart.reshape(n, h - 1, w - 1, 2, 2, c)
    total = jnp.zeros((), g.dtype)
    for i, j in np.ndindex(2, 2):
        total += jnp.pad(apart[:, :, :, i, j], ((0, 0), (i, 1 - i), (j, 1 - j), (0, 0)))
    return total


bilinear.defvjp(_bilinear_forward, _bilinear_backward)


def frame(images: Float[Array, "n h w c"], width: int, fill: Fill) -> Float[Array, "n h2 w2 c"]:
    """The images with `width` more pixels on each side, of what `fill` says lies outside."""
    around = ((0, 0), (width, width), (width, width), (0, 0))
    if fill == "edge":
        return jnp.pad(images, around, mode="edge")
    beyond = 1 - np.pad(np.ones((1, *images.shape[1:3], 1), images.dtype), around)
    return jnp.pad(images, around) + (0 if fill == "black" else beyond * outside(images, fill))


def outside(images: Float[Array, "n h w c"], fill: Fill) -> Float[Array, "n 1 1 c"]:
    """The one colour that lies outside an image: black, white or the image's mean."""
    mean = images.mean(axis=(1, 2), keepdims=True)
    return mean if fill == "mean" else jnp.full_like(mean, 1 if fill == "white" else 0)


def noise(key: PRNGKeyArray, x: Float[Array, " n *d"], coefficient: Size) -> Float[Array, " n *d"]:
    """Add normal noise in proportion to each feature's standard deviation over the batch: x + coefficient std(x) N(0, 1).

    Chaabouni et al. (2022), robustness test, with coefficient 0.5; draw the two agents' views with different keys.
    """
    return x + coefficient * x.std(axis=0, keepdims=True) * jax.random.normal(key, x.shape, x.dtype)


def turned(images: np.ndarray, degrees: float) -> np.ndarray:
    """The same turn for all: uint8 images [n h w c] turned counter-clockwise about their centre, nearest neighbour, outside 0."""
    if not degrees % 360:
        return images
    from scipy.ndimage import rotate

    return rotate(images, degrees, axes=(2, 1), reshape=False, order=0, mode="constant", cval=0)
