"""What happens to an image on its way, by a level of difficulty from 0 to 15: noise, blur, another place and size, another look.

Images [n h w c] in [0, 1] go in, images of the same shape and type come out, differentiable in the images. The operations follow two
published programs: GlyphNet's channel (N. Tren, 2020) and that of its successor, Cooperative-Communication-Networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from semiosis.errors import UsageError, unknown
from semiosis.scenes.views import Fill, frame, outside, resample

Draws = Literal["image", "batch"]  # random amounts drawn for each image, or once a batch as published

Images = Float[Array, "n h w c"]
Amounts = Mapping[str, Array]  # by operation, what was drawn for each image: see `amounts`

OPERATIONS = ("static", "blur", "gain", "resize", "shear", "translate", "rotate", "cutout", "threshold", "invert", "kernel")
AFFINE = ("resize", "shear", "translate", "rotate")  # one resampling does all of these
GREY = ("invert", "kernel")  # for images of one colour only
TAPS = 7  # of the blur, along each axis


class Ladder(NamedTuple):
    """How far each operation goes at each level.

    `amplitudes[operation]` is its table by level: [levels] or, for a range, [levels 2]. Units: static in brightness, blur in pixels,
    gain and resize as factors, shear and rotate in degrees, translate and cutout in shares of the side, coins as probabilities.
    `drawn` says whether an amplitude is drawn anew each time, uniform from 0 to the table's (ccn), or is the table's (glyphnet).
    """

    amplitudes: Mapping[str, np.ndarray]
    drawn: bool


def _ladder(drawn: bool, **amplitudes: object) -> Ladder:
    return Ladder({name: np.asarray(table, np.float32) for name, table in amplitudes.items()}, drawn)


_RISE = np.linspace(0.0, 1.0, 16)
_COIN = 0.5 * (np.arange(16) > 0)

LADDERS: dict[str, Ladder] = {
    "glyphnet": _ladder(
        False,
        static=[0, 0.02, 0.04, 0.06, 0.08, 0.10, 0.13, 0.16, 0.18, 0.20, 0.21, 0.22, 0.23, 0.24, 0.25, 0.26],
        blur=[0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.25, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1, 2.2],
        resize=np.stack(
            [
                [1, 0.90, 0.85, 0.80, 0.75, 0.70, 0.65, 0.60, 0.55, 0.50, 0.48, 0.46, 0.44, 0.42, 0.40, 0.40],
                [1, 1.10, 1.15, 1.20, 1.25, 1.30, 1.325, 1.35, 1.375, 1.40, 1.42, 1.44, 1.46, 1.48, 1.50, 1.50],
            ],
            axis=1,
        ),
        translate=[0, 0.025, 0.05, 0.07, 0.09, 0.10, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18, 0.19, 0.20],
        rotate=[0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 57, 60, 63, 66, 69, 72],
        threshold=_COIN,
        invert=_COIN,
        kernel=_COIN,
    ),
    "ccn": _ladder(
        True,
        static=0.5 * _RISE,
        blur=3.8 * _RISE,
        gain=np.stack([1 - 0.65 * _RISE, 1 + 0.6 * _RISE], axis=1),
        resize=np.stack([1 - 0.5 * _RISE, 1 + 0.5 * _RISE], axis=1),
        shear=15 * _RISE,
        translate=0.2 * _RISE,
        rotate=30 * _RISE,
        cutout=0.4 * _RISE,
        threshold=_COIN,
    ),
}


def operations_of(ladder: Ladder, colours: int) -> tuple[str, ...]:
    """The operations that a ladder has for images of that many colours, in the order they act; invert and kernel for grey images only."""
    return tuple(name for name in OPERATIONS if name in ladder.amplitudes and (colours == 1 or name not in GREY))


def top(ladder: Ladder) -> int:
    """The highest level."""
    return min(len(table) for table in ladder.amplitudes.values()) - 1


def visual(
    ladder: Ladder, operations: tuple[str, ...], *, draws: Draws = "image", fill: Fill = "black"
) -> Callable[[Images, Int[Array, "n k"], PRNGKeyArray], Images]:
    """The channel of these operations: images, the level [n k] of each image in each of the k operations as listed, and a key.

    They act in the order of OPERATIONS, however they are listed. At level 0 an operation leaves its image as it is, one of the fused
    resize, shear, translate and rotate to rounding; where all levels are 0, the image comes out bit for bit. What is not listed is not
    compiled. Raises UsageError for an operation that the ladder lacks.
    """
    for name in operations:
        if name not in ladder.amplitudes:
            raise unknown("operation", name, [name for name in OPERATIONS if name in ladder.amplitudes])
    if len(set(operations)) < len(operations):
        raise UsageError(f"operations are {', '.join(operations)}: expected each once")

    def channel(images: Images, level: Int[Array, "n k"], key: PRNGKeyArray) -> Images:
        key_amounts, key_pixels = jax.random.split(key)
        levels = {name: level[:, i] for i, name in enumerate(operations)}
        drawn = amounts(ladder, levels, key_amounts, images.shape[1:], draws=draws)
        if "static" in drawn:
            images = static(images, drawn["static"], key_pixels)
        if "blur" in drawn:
            images = blur(images, drawn["blur"], fill)
        if "gain" in drawn:
            images = gain(images, drawn["gain"])
        if any(name in drawn for name in AFFINE):
            images = resample(images, *undo(drawn), fill)
        if "cutout" in drawn:
            images = cutout(images, drawn["cutout"], fill)
        if "threshold" in drawn:
            images = threshold(images, drawn["threshold"])
        if "invert" in drawn:
            images = invert(images, drawn["invert"])
        if "kernel" in drawn:
            images = kernel(images, drawn["kernel"], fill)
        return images

    return channel


# ------------------------------------------------------------------------------------------------------------- how much


def amounts(
    ladder: Ladder, levels: Mapping[str, Int[Array, " n"]], key: PRNGKeyArray, shape: tuple[int, ...], *, draws: Draws = "image"
) -> dict[str, Array]:
    """What is drawn for images of a shape (h, w, c) at the levels of each operation.

    static [n] and blur [n]: standard deviations, in brightness and in pixels; gain [n c] and resize [n 2]: factors, of each colour and
    down, right; shear [n] and rotate [n]: radians; translate [n 2]: whole pixels down, right; cutout [n 3]: side, top and left in whole
    pixels; threshold [n] and invert [n]: whether; kernel [n 3 3]: weights, 1 in the middle where it does not act.
    """
    if not levels:
        return {}
    key_uniform, key_kernel = jax.random.split(key)
    n, wide = len(next(iter(levels.values()))), {"gain": shape[2], "resize": 2, "translate": 2, "cutout": 2}
    columns = np.cumsum([1 + wide.get(name, 1) for name in levels])
    uniform = jax.random.uniform(key_uniform, (n, columns[-1]))
    drawn: dict[str, Array] = {}
    for (name, level), own in zip(levels.items(), jnp.split(uniform, columns[:-1], axis=1), strict=True):
        shared = jnp.broadcast_to(own[:1], own.shape) if draws == "batch" else own
        u = own[:, 1:] if name == "rotate" else shared[:, 1:]  # published so: each image of a batch has its own angle
        drawn[name] = _amount(name, jnp.asarray(ladder.amplitudes[name])[level], shared[:, 0] if ladder.drawn else jnp.ones(n), u, shape)
    if "kernel" in drawn:
        weights = jax.random.normal(key_kernel, (1 if draws == "batch" else n, 3, 3))
        weights /= jnp.abs(weights).sum(axis=(1, 2), keepdims=True)  # the published signed sum may be near 0, and the image then anything
        drawn["kernel"] = jnp.where(drawn["kernel"][:, None, None], weights, jnp.zeros((1, 3, 3)).at[0, 1, 1].set(1.0))
    return drawn


def _amount(name: str, table: Float[Array, "n *b"], reach: Float[Array, " n"], u: Float[Array, "n d"], shape: tuple[int, ...]) -> Array:
    """One operation's amount from uniform numbers; `reach` is how much of the table's amplitude there is this time."""
    sides = jnp.array([shape[:2]], jnp.float32)
    if name in ("gain", "resize"):
        low, high = (1 + reach[:, None] * (table[:, i, None] - 1) for i in (0, 1))
        return low + (high - low) * u
    if name in ("shear", "rotate"):
        return jnp.deg2rad(table * reach) * (2 * u[:, 0] - 1)
    if name == "translate":
        most = jnp.round((table * reach)[:, None] * sides)
        return jnp.floor(u * (2 * most + 1)) - most
    if name == "cutout":
        side = jnp.round(table * reach * min(shape[:2]))[:, None]
        return jnp.concatenate([side, jnp.floor(u * (sides - side + 1))], axis=1)
    if name in ("static", "blur"):
        return table * reach
    return u[:, 0] < table  # a coin


# ------------------------------------------------------------------------------------------------------------- operations


def static(images: Images, sigma: Float[Array, " n"], key: PRNGKeyArray) -> Images:
    """Normal noise of standard deviation `sigma` on each pixel of each colour; not clipped."""
    return images + _each(sigma, images) * jax.random.normal(key, images.shape, images.dtype)


def blur(images: Images, sigma: Float[Array, " n"], fill: Fill = "black") -> Images:
    """Convolution with a normalised Gaussian of standard deviation `sigma` pixels, cut to 7 x 7; 0 leaves an image bit for bit."""
    distance = np.arange(TAPS)[None] - TAPS // 2
    weights = jnp.exp(-0.5 * (distance / jnp.maximum(sigma, 0.01)[:, None]) ** 2)  # at 0.01, exactly 0 beside the middle
    weights /= weights.sum(axis=1, keepdims=True)
    h, w = images.shape[1:3]
    down, right = (_band(weights, side, fill).astype(images.dtype) for side in (h, w))
    rows = jnp.einsum("nyi,niwc->nywc", down, images, precision="highest")  # lest a GPU rounds an image that nothing blurs
    blurred = jnp.einsum("nxj,nyjc->nyxc", right, rows, precision="highest")
    if fill in ("black", "edge"):
        return blurred
    missing = 1 - down.sum(axis=2)[:, :, None] * right.sum(axis=2)[:, None]  # what the window saw outside
    return blurred + missing[..., None] * outside(images, fill)


def _band(weights: Float[Array, "n k"], side: int, fill: Fill) -> Float[Array, "n s s"]:
    """The matrix that slides weights along an axis: as a matrix product, which a CPU does faster than it adds shifted images."""
    reads = np.arange(side)[:, None] + np.arange(weights.shape[1]) - weights.shape[1] // 2
    reads = np.clip(reads, 0, side - 1) if fill == "edge" else reads
    return jnp.einsum("nk,yki->nyi", weights, (reads[..., None] == np.arange(side)).astype(np.float32), precision="highest")


def gain(images: Images, factor: Float[Array, "n c"]) -> Images:
    """Each colour of each image times its factor."""
    return images * factor[:, None, None].astype(images.dtype)


def undo(drawn: Amounts) -> tuple[Float[Array, "n 2 2"], Float[Array, "n 2"]]:
    """The map `resample` needs for the amounts drawn of resize, shear, translate and rotate; what was not drawn does nothing.

    The content is scaled about the centre, down and right apart; sheared, to the right by the shear's tangent for each pixel down; moved;
    and turned about the centre, clockwise on screen. The map goes back: p -> scale^-1 (shear^-1 (turn^-1 p - move)).
    """
    n = len(next(drawn[name] for name in AFFINE if name in drawn))
    tall, wide = drawn.get("resize", jnp.ones((n, 2))).T
    lean = jnp.tan(drawn.get("shear", jnp.zeros(n)))
    down, right = drawn.get("translate", jnp.zeros((n, 2))).T
    angle = drawn.get("rotate", jnp.zeros(n))
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    to_row = jnp.stack([cos, -sin, -down], axis=-1) / tall[:, None]
    to_column = jnp.stack([sin - lean * cos, cos + lean * sin, lean * down - right], axis=-1) / wide[:, None]
    both = jnp.stack([to_row, to_column], axis=1)
    return both[..., :2], both[..., 2]


def cutout(images: Images, square: Float[Array, "n 3"], fill: Fill = "black") -> Images:
    """A square (side, top, left) in whole pixels gets the colour outside; with fill `edge`, which names no one colour, the mean."""
    h, w = images.shape[1:3]
    side, top, left = (square[:, i, None, None] for i in range(3))
    row, column = jnp.arange(h)[None, :, None], jnp.arange(w)[None, None]
    hole = (row >= top) & (row < top + side) & (column >= left) & (column < left + side)
    return jnp.where(hole[..., None], outside(images, "mean" if fill == "edge" else fill), images)


def threshold(images: Images, happens: Bool[Array, " n"]) -> Images:
    """Contrast turned up to nearly black and white, where it happens: sigmoid(30 (x - 1/2))."""
    return jnp.where(happens[:, None, None, None], jax.nn.sigmoid(30 * (images - 0.5)), images)


def invert(images: Images, happens: Bool[Array, " n"]) -> Images:
    """The negative 1 - x, where it happens."""
    return jnp.where(happens[:, None, None, None], 1 - images, images)


def kernel(images: Images, weights: Float[Array, "n 3 3"], fill: Fill = "black") -> Images:
    """Cross-correlation of each colour with the image's weights; with absolute values that sum to 1 no pixel grows beyond the brightest."""
    return _slid(frame(images, 1, fill), weights)


def _each(amount: Float[Array, " n"], images: Images) -> Float[Array, "n 1 1 1"]:
    return amount[:, None, None, None].astype(images.dtype)


@jax.custom_vjp
def _slid(framed: Images, weights: Float[Array, "n a b"]) -> Float[Array, "n h2 w2 c"]:
    """The weighted sum of an image's shifts, down by each of a and right by each of b: smaller by a - 1 and b - 1.

    The weights are given no gradient.
    """
    a, b = weights.shape[1:]
    h, w = framed.shape[1] - a + 1, framed.shape[2] - b + 1
    total = jnp.zeros((), framed.dtype)
    for y, x in np.ndindex(a, b):
        total += _each(weights[:, y, x], framed) * framed[:, y : y + h, x : x + w]
    return total


def _slid_forward(framed: Array, weights: Array) -> tuple[Array, Array]:
    return _slid(framed, weights), weights


def _slid_backward(weights: Array, g: Array) -> tuple[Array, None]:
    a, b = weights.shape[1:]
    return _slid(jnp.pad(g, ((0, 0), (a - 1, a - 1), (b - 1, b - 1), (0, 0))), weights[:, ::-1, ::-1]), None


_slid.defvjp(_slid_forward, _slid_backward)
