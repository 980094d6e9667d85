"""Other views of photos, at random: moved and sheared, cut out, mirrored, in other colours, seen at a slant.

Functions of (key, images [n h w c] in [0, 1]), each image by its own draws. With dials that change nothing, each gives the images
themselves, bit for bit. Geometry is one bilinear resampling. All are differentiable in the images, almost everywhere.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from semiosis.errors import UsageError
from semiosis.scenes.views import Fill, Size, bilinear, frame, resample

Range = tuple[float | int, float | int]
GREY = (0.299, 0.587, 0.114)  # how bright red, green and blue are (ITU-R BT.601)


def sender_view(
    key: PRNGKeyArray,
    images: Float[Array, "n h w c"],
    *,
    rotation: Size = 10.0,
    shift: Size = 0.1,
    scale: Range = (0.95, 1.01),
    shear: Size = 1.0,
    noise: Size = 0.05,
) -> Float[Array, "n h w c"]:
    """Turn, shear, scale and move each image about its centre, outside is 0; then multiply each of its numbers by 1 + U(-noise, noise).

    Uniform in +-`rotation` and +-`shear` degrees (rows slide along themselves, before the turn), within `scale`, and in +-`shift` of height
    and width.
    A sender's view in *Learning to Draw* (Mihai and Hare 2021).
    """
    n, h, w, _ = images.shape
    key_move, key_noise = jax.random.split(key)
    turn, slide, down, right, grown = jax.random.uniform(key_move, (5, n), minval=-1.0, maxval=1.0)
    angle, slope = jnp.deg2rad(rotation) * turn, jnp.tan(jnp.deg2rad(shear) * slide)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    size = scale[0] + (scale[1] - scale[0]) * (grown + 1) / 2
    # the shear undone after the turn is: [[1, 0], [-slope, 1]] [[cos, -sin], [sin, cos]]
    undo = jnp.stack([jnp.stack([cos, -sin], axis=-1), jnp.stack([sin - slope * cos, cos + slope * sin], axis=-1)], axis=-2)
    undo = undo / size[:, None, None]
    move = shift * jnp.stack([down * h, right * w], axis=-1)
    seen = resample(images, undo, -(undo * move[:, None]).sum(axis=-1))
    return seen * (1 + noise * jax.random.uniform(key_noise, images.shape, minval=-1.0, maxval=1.0))


# ------------------------------------------------------------------------------------------------------ photos in training


def augmented(
    key: PRNGKeyArray,
    images: Float[Array, "n h w 3"],
    side: int,
    *,
    mirror: Size = 0.5,
    recolour: Size = 0.8,
    brightness: Size = 0.4,
    contrast: Size = 0.4,
    saturation: Size = 0.2,
    hue: Size = 0.1,
) -> Float[Array, "n side side 3"]:
    """A window of each image, mirrored with probability `mirror`, its colours changed with probability `recolour`.

    The published training on Caltech-101 has images 10 pixels larger than the window. See `cropped`, `flipped` and `jittered`.
    """
    key_crop, key_flip, key_who, key_colour = jax.random.split(key, 4)
    seen = flipped(key_flip, cropped(key_crop, images, side), mirror)
    changed = jittered(key_colour, seen, brightness=brightness, contrast=contrast, saturation=saturation, hue=hue)
    return jnp.where(_some(key_who, seen, recolour), changed, seen)


def cropped(key: PRNGKeyArray, images: Float[Array, "n h w c"], side: int) -> Float[Array, "n side side c"]:
    """A window anywhere within each image. Raises UsageError for one that is larger than the images."""
    n, h, w, c = images.shape
    _check_window(images.shape, side)
    keys = jax.random.split(key)
    top, left = (jax.random.randint(k, (n,), 0, room - side + 1) for k, room in zip(keys, (h, w), strict=True))
    return jax.vmap(lambda image, y, x: lax.dynamic_slice(image, (y, x, 0), (side, side, c)))(images, top, left)


def middle(key: PRNGKeyArray, images: Float[Array, "n h w c"], side: int) -> Float[Array, "n side side c"]:
    """The window in the middle, or half a pixel up and left of it: for judging, in the place of `cropped`. The key is not used."""
    _check_window(images.shape, side)
    top, left = ((room - side) // 2 for room in images.shape[1:3])
    return images[:, top : top + side, left : left + side]


def _check_window(shape: tuple[int, ...], side: int) -> None:
    if not 1 <= side <= min(shape[1:3]):
        raise UsageError(f"a window has {side} pixels a side: expected 1 to {min(shape[1:3])}, those of the images")


def flipped(key: PRNGKeyArray, images: Float[Array, "n h w c"], share: Size = 0.5) -> Float[Array, "n h w c"]:
    """Each image mirrored, left and right, with probability `share`."""
    return jnp.where(_some(key, images, share), images[:, :, ::-1], images)


def _some(key: PRNGKeyArray, images: Float[Array, "n h w c"], share: Size) -> Array:
    """Which images are meant, [n 1 1 1]."""
    return jax.random.uniform(key, (len(images), 1, 1, 1)) < share


def jittered(
    key: PRNGKeyArray,
    images: Float[Array, "n h w 3"],
    *,
    brightness: Size = 0.4,
    contrast: Size = 0.4,
    saturation: Size = 0.2,
    hue: Size = 0.1,
) -> Float[Array, "n h w 3"]:
    """Each image brighter or darker, of more or less contrast, more or less saturated, and its hue turned, in this order.

    The first three are drawn toward or away from black, the image's mean grey and each pixel's grey: other + f (x - other), f uniform in
    1 +- the dial, kept in [0, 1]. `hue` is +- a share of the whole circle.
    """
    light, depth, strength, turn = jax.random.uniform(key, (4, len(images), 1, 1, 1), minval=-1.0, maxval=1.0)
    x = jnp.clip(images * (1 + brightness * light), 0, 1)
    x = _apart(x, grey(x).mean((1, 2), keepdims=True), contrast * depth)
    x = _apart(x, grey(x), saturation * strength)
    angle = hue * turn
    return jnp.where(angle == 0, x, hue_turned(x, angle))


def _apart(x: Float[Array, "n h w 3"], other: Array, more: Array) -> Float[Array, "n h w 3"]:
    """So much farther away from the other, within [0, 1]."""
    return jnp.clip(x + more * (x - other), 0, 1)


def grey(x: Float[Array, "n h w 3"]) -> Float[Array, "n h w 1"]:
    """How bright each pixel is."""
    return (x * jnp.array(GREY)).sum(axis=-1, keepdims=True)


def hue_turned(x: Float[Array, "n h w 3"], angle: Float[Array, "n 1 1 1"]) -> Float[Array, "n h w 3"]:
    """Colours with their hue turned by so much of a whole circle (red, yellow, green, ...); value and saturation stay (Smith 1978, HSV)."""
    red, green, blue = (x[..., i : i + 1] for i in range(3))
    most, least = jnp.maximum(jnp.maximum(red, green), blue), jnp.minimum(jnp.minimum(red, green), blue)
    chroma = most - least
    unit = jnp.where(chroma > 0, chroma, 1)
    # compared with each other and not with the most: XLA may compute x twice, rounded otherwise, and then none would equal it
    sixth = jnp.where(green > blue, 2 + (blue - red) / unit, 4 + (red - green) / unit)
    sixth = jnp.where((red >= green) & (red >= blue), (green - blue) / unit, sixth)
    # a channel is full within a sixth of the circle of its colour, and fades over the next
    away = (sixth + 6 * angle + jnp.array([5.0, 3.0, 1.0])) % 6
    return most - chroma * jnp.clip(jnp.minimum(away, 4 - away), 0, 1)


# ---------------------------------------------------------------------------------------------------- sketches, at a slant


def clip_views(
    key: PRNGKeyArray,
    images: Float[Array, "n h w c"],
    count: int,
    side: int,
    *,
    distortion: Size = 0.5,
    scale: Range = (0.7, 0.9),
    ratio: Range = (3 / 4, 4 / 3),
    fill: Fill = "white",
) -> Float[Array, "m side side c"]:
    """`count` views of each image, those of all images one after the other: `perspective`, of which `resized_crop`, as one resampling.

    [count n side side c]: view i of image j is number i n + j. CLIPDraw's (Frans et al. 2021), as *Learning to Draw* has them.
    """
    n, h, w, c = images.shape
    key_slant, key_crop = jax.random.split(key)
    places = _window_places(key_crop, count * n, (h, w), side, scale, ratio)
    places = _slanted(_slants(key_slant, count * n, (h, w), distortion), places, (h, w))
    # all views of an image are read as one, so that it need not be there once for each
    places = places.reshape(count, n, side, side, 2).swapaxes(0, 1).reshape(n, count * side, side, 2)
    views = _read(images, places, fill).reshape(n, count, side, side, c)
    return views.swapaxes(0, 1).reshape(count * n, side, side, c)


def perspective(
    key: PRNGKeyArray, images: Float[Array, "n h w c"], *, distortion: Size = 0.5, fill: Fill = "white"
) -> Float[Array, "n h w c"]:
    """Each image with its corners moved inward, at most by half of `distortion` (below 2/3) times height and width; `fill` lies outside."""
    n, h, w, _ = images.shape
    return _read(images, _slanted(_slants(key, n, (h, w), distortion), _grid(h, w), (h, w)), fill)


def resized_crop(
    key: PRNGKeyArray, images: Float[Array, "n h w c"], side: int, *, scale: Range = (0.7, 0.9), ratio: Range = (3 / 4, 4 / 3)
) -> Float[Array, "n side side c"]:
    """A window of each image, bilinearly resampled to side x side, without smoothing.

    The window has a share of the area uniform in `scale`, and log-uniform in `ratio`, as far as it then fits, how much more of the width it
    has than of the height; it lies anywhere within the image.
    """
    n, h, w, _ = images.shape
    return bilinear(images, lax.optimization_barrier(_window_places(key, n, (h, w), side, scale, ratio)))


def _window_places(key: PRNGKeyArray, n: int, size: tuple[int, int], side: int, scale: Range, ratio: Range) -> Float[Array, "n s s 2"]:
    """Where the pixels of n windows lie, (row, column) within an image of this size."""
    area, shape, top, left = jax.random.uniform(key, (4, n))
    area = scale[0] + (scale[1] - scale[0]) * area
    low, high = jnp.maximum(np.log(ratio[0]), jnp.log(area)), jnp.minimum(np.log(ratio[1]), -jnp.log(area))
    ratios = jnp.exp(low + (high - low) * shape)
    shares = jnp.minimum(jnp.stack([jnp.sqrt(area / ratios), jnp.sqrt(area * ratios)], axis=-1), 1)  # of height and of width
    first = jnp.stack([top, left], axis=-1) * (1 - shares)
    sides = jnp.array(size, jnp.float32)
    along = (first * sides)[:, None] + (jnp.arange(side)[:, None] + 0.5) * (shares * sides / side)[:, None] - 0.5
    along = jnp.clip(along, 0, sides - 1)
    return jnp.stack(jnp.broadcast_arrays(along[:, :, None, 0], along[:, None, :, 1]), axis=-1)


def _grid(h: int, w: int) -> Float[Array, "1 h w 2"]:
    """The places of all pixels."""
    return jnp.stack(jnp.meshgrid(jnp.arange(h, dtype=jnp.float32), jnp.arange(w, dtype=jnp.float32), indexing="ij"), axis=-1)[None]


def _slants(key: PRNGKeyArray, n: int, size: tuple[int, int], distortion: Size) -> Float[Array, "n 3 3"]:
    """The homographies that undo n perspectives, of (row, column, 1) in pixels from the first."""
    far = jnp.array([[0, 0], [0, 1], [1, 1], [1, 0]]) * (jnp.array(size, jnp.float32) - 1)  # corners in order around the image
    inward = jnp.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * (distortion * jnp.array(size, jnp.float32) / 2)
    return homography(far + inward * jax.random.uniform(key, (n, 4, 2)), size)


def homography(corners: Float[Array, "n 4 2"], size: tuple[int, int]) -> Float[Array, "n 3 3"]:
    """The projective maps of (row, column, 1) that take these four places to the corners of an image; they are in order around it.

    First that from the image to the four (Heckbert 1989, section 2.2.3), then its inverse by cofactors: up to a factor, which is positive
    where the four are convex. The image's own corners give the identity, bit for bit.
    """
    h, w = size
    p0, p1, p2, p3 = (corners[:, i] for i in range(4))
    total, one, other = p0 - p1 + p2 - p3, p1 - p2, p3 - p2
    base = _cross(one, other)
    g, k = _cross(total, other) / base / (w - 1), _cross(one, total) / base / (h - 1)
    right, down = (p1 - p0) / (w - 1) + g[:, None] * p1, (p3 - p0) / (h - 1) + k[:, None] * p3
    to_quad = jnp.stack(
        [
            jnp.stack([down[:, 0], right[:, 0], p0[:, 0]], axis=-1),
            jnp.stack([down[:, 1], right[:, 1], p0[:, 1]], axis=-1),
            jnp.stack([k, g, jnp.ones_like(g)], axis=-1),
        ],
        axis=-2,
    )
    rows = [jnp.cross(to_quad[:, i], to_quad[:, j]) for i, j in ((1, 2), (2, 0), (0, 1))]
    return jnp.stack(rows, axis=-1)


def _cross(a: Float[Array, "n 2"], b: Float[Array, "n 2"]) -> Float[Array, " n"]:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _slanted(matrix: Float[Array, "n 3 3"], places: Float[Array, "m a b 2"], size: tuple[int, int]) -> Float[Array, "n a b 2"]:
    """Where places (of all alike, if m is 1) come to lie; what would lie beyond the horizon is outside the image."""
    m = matrix[:, None, None]
    row, column = places[..., 0], places[..., 1]
    down, right, depth = (m[..., i, 0] * row + m[..., i, 1] * column + m[..., i, 2] for i in range(3))
    there = jnp.stack([down, right], axis=-1) / jnp.where(depth > 0, depth, 1)[..., None]
    return jnp.where((depth > 0)[..., None], there, -1 - jnp.array(size, jnp.float32))


def _read(images: Float[Array, "n h w c"], places: Float[Array, "n a b 2"], fill: Fill) -> Float[Array, "n a b c"]:
    """The images at these places, with `fill` around them."""
    within = jnp.clip(places + 1, 0, jnp.array(images.shape[1:3], jnp.float32) + 1)  # a frame is all that lies outside
    return bilinear(frame(images, 1, fill), lax.optimization_barrier(within))


# ---------------------------------------------------------------------------------------------------------- classes alike


def balanced(labels: np.ndarray) -> Int[np.ndarray, " m"]:
    """Indices that take the classes in turn, in order of first appearance, and each one's images in a circle, until the largest is through.

    As many of each class as the largest has: of Caltech-101's 101 classes, of at most 560 images, 56,560.
    """
    _, first, inverse, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    members, starts, order = np.argsort(inverse, kind="stable"), np.cumsum(counts) - counts, np.argsort(first)
    lap = np.arange(counts.max(initial=0))[:, None]
    return members[starts[order] + lap % counts[order]].reshape(-1).astype(np.int32)
