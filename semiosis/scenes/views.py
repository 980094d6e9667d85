"""Another look at the same scene: scaled pixels, random affine views, noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, UInt8

Size = Float[Array, ""] | float | int


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
    h, w = images.shape[1:3]
    middle = jnp.array([(h - 1) / 2, (w - 1) / 2])
    pixel = jnp.stack(jnp.meshgrid(jnp.arange(h), jnp.arange(w), indexing="ij"), axis=-1) - middle[None, None]  # [h w 2]
    moved = pixel[None] - (move * jnp.array([[h, w]]))[:, None, None]  # where the content that lands here comes from, undone step by step
    cos, sin = (f(angle)[:, None, None] / size[:, None, None] for f in (jnp.cos, jnp.sin))
    down = cos * moved[..., 0] - sin * moved[..., 1]
    right = sin * moved[..., 0] + cos * moved[..., 1]
    return jax.vmap(bilinear)(images, jnp.stack([down, right], axis=-1) + middle[None, None, None])


def bilinear(image: Float[Array, "h w c"], at: Float[Array, "*s 2"]) -> Float[Array, "*s c"]:
    """Read an image between its pixels, at (row, column); pixels outside are 0."""
    h, w = image.shape[:2]
    corner = jnp.floor(at)
    share = at - corner
    total = jnp.zeros((*at.shape[:-1], image.shape[-1]), image.dtype)
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        row, column = corner[..., 0].astype(jnp.int32) + dy, corner[..., 1].astype(jnp.int32) + dx
        inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
        weight = (share[..., 0] if dy else 1 - share[..., 0]) * (share[..., 1] if dx else 1 - share[..., 1])
        value = image[jnp.clip(row, 0, h - 1), jnp.clip(column, 0, w - 1)]
        total += jnp.where(inside, weight, 0)[..., None].astype(image.dtype) * value
    return total


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
