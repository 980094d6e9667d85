"""Strokes to ink: points, lines and curves drawn on a canvas of any size, differentiable in all that they are.

A place is (row, column). Of a canvas of h x w pixels the centres of the first and the last row are at -1 and 1; columns are as far apart
as rows, 2 / (h - 1), and (0, 0) is the middle. A square one goes from -1 to 1 both ways: pixel k lies at -1 + 2 k / (h - 1).

A pixel at distance D of a stroke has its ink R = exp(-D^2 / sigma2), or 2 sigmoid(-D^2 / sigma2), or all of it within a reach (Mihai and
Hare 2021, arXiv:2103.16194). The gradient is written by hand: ink is composed stroke by stroke, and each is computed anew on the way back,
so that memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import comb, log
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from semiosis.errors import UsageError, unknown

Ink = Literal["exponential", "sigmoid", "hard"]
Compose = Literal["over", "screen"]
Size = Float[Array, ""] | float | int
Paper = Float[Array, " 3"] | float | int

LEAST = 2.0**-17  # of what full ink lets through, for gradients: less could not be told from the rounding of 1 - R
FINE = 2.0**-60  # the product of what strokes let through is kept above this, and how often it was lifted is counted
NUMBERS = 2**17  # pixels drawn at once on a CPU: fields of 0.5 MB, of which a few stay in the cache of a core
LANES = 8  # numbers of a vector of 256 bits
NEAR = 1e-8  # squared distance of knots below which a curve does not follow the direction from one to the next


class Strokes(NamedTuple):
    """What is drawn, of no size: `points` [n s k 2] are the corners of s strokes of each of n drawings.

    A stroke of one corner is a point, of two a line, of more a polyline (curves become those, see `bezier` and `catmull_rom`).
    `opacity` [n s] from 0 to 1 (None: 1), `colour` [n s 3] RGB from 0 to 1 (None: ink without colour); `sigma2` [n s] the width of each
    stroke in squared units of the canvas (None: all have that which `draw` is given).
    """

    points: Float[Array, "n s k 2"]
    opacity: Float[Array, "n s"] | None = None
    colour: Float[Array, "n s 3"] | None = None
    sigma2: Float[Array, "n s"] | None = None


class _How(NamedTuple):
    """What is known before anything is computed."""

    canvas: tuple[int, int]
    ink: Ink
    over: bool

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the rows and columns are that are computed: of those some more, since a CPU takes them LANES at a time."""
        rows, columns = axes(self.canvas)
        more = np.arange(len(columns), -(-len(columns) // LANES) * LANES)
        return rows, np.concatenate([columns, columns[0] + more.astype(np.float32) * 2 / (len(rows) - 1)])

    def inside(self, x: Array) -> Array:
        """Of what was computed [n h w ...], that which is on the canvas."""
        return x[:, :, : self.canvas[1]]

    def padded(self, x: Array) -> Array:
        """What is on the canvas [n h w ...], with zeros where more is computed."""
        return jnp.pad(x, ((0, 0), (0, 0), (0, -self.canvas[1] % LANES)) + ((0, 0),) * (x.ndim - 3))


class _Marks(NamedTuple):
    """Strokes as they are drawn, one after the other: nothing is None, and ink without colour has one channel c, of ones."""

    corners: Float[Array, "s n k 2"]
    sigma2: Float[Array, "s n"]
    opacity: Float[Array, "s n"]
    colour: Float[Array, "s n c"]


class _Field(NamedTuple):
    """Of each pixel of n drawings [n h w]: squared distance to a stroke, from its nearest place to the pixel, and where that place is.

    `place` is j + t, the share t of the way from corner j to the next.
    """

    distance2: Array
    down: Array
    right: Array
    place: Array


def draw(
    strokes: Strokes,
    canvas: tuple[int, int],
    sigma2: Size,
    *,
    ink: Ink = "exponential",
    compose: Compose = "over",
    paper: Paper = 0.0,
) -> Float[Array, "n h w c"]:
    """Draw strokes on a canvas of (h, w) pixels; `sigma2`, in squared units of the canvas, is the width of those without one of their own.

    Without colour: ink [n h w 1] from 0 (none) to 1, 1 - prod_i (1 - opacity_i R_i). With colour [n h w 3]: `over` covers, a later stroke
    what is below it, on `paper` (a grey or an RGB); `screen` mixes light, 1 - prod_i (1 - colour_i opacity_i R_i) in each channel, whatever
    the order. `hard` ink is 1 where D^2 <= sigma2 (see `thresholds`) and gives points and widths no gradient.
    The gradient reaches points, opacity, colour, widths, `sigma2` and paper. Where the ink of a stroke is full, gradients go as if it let
    LEAST through. Memory beside the result is that of a few images, whatever the number of strokes.
    """
    how, marks, ground = _prepared(strokes, canvas, sigma2, ink, compose, paper)
    return _drawn(how, marks, ground)


def _prepared(
    strokes: Strokes, canvas: tuple[int, int], sigma2: Size, ink: Ink, compose: Compose, paper: Paper
) -> tuple[_How, _Marks, Array]:
    """What `draw` is told, with everything filled in that was left out. Raises UsageError for what cannot be drawn."""
    if ink not in _SLOPES:
        raise unknown("ink", ink, _SLOPES)
    if compose not in ("over", "screen"):
        raise unknown("way to compose", compose, ("over", "screen"))
    if canvas[0] < 2 or canvas[1] < 1:
        raise UsageError(f"a canvas of {canvas[0]} x {canvas[1]} pixels: expected 2 rows and 1 column or more")
    points, opacity, colour, own = strokes
    if points.shape[2] == 1:
        points = jnp.concatenate([points, points], axis=2)  # a point is a line of no length
    n, s = points.shape[:2]
    widths = jnp.broadcast_to(jnp.asarray(sigma2, points.dtype), (n, s)) if own is None else own
    opacity = jnp.ones((n, s), points.dtype) if opacity is None else opacity
    ground = jnp.broadcast_to(jnp.asarray(paper, points.dtype), (3,))
    marks = _Marks(points, widths, opacity, jnp.ones((n, s, 1), points.dtype) if colour is None else colour)
    over = compose == "over" and colour is not None  # ink of one colour comes to the same either way
    return _How(canvas, ink, over), _swapped(marks), ground


def thresholds(canvas: tuple[int, int]) -> tuple[float, float]:
    """Reaches of hard ink, whose squares are `sigma2`: half a pixel's diagonal inks all that a line touches, half its side a thin line."""
    pitch = 2 / (canvas[0] - 1)
    return pitch * 2**-0.5, pitch / 2


def axes(canvas: tuple[int, int]) -> tuple[Float[np.ndarray, " h"], Float[np.ndarray, " w"]]:
    """Where the pixels of a canvas are: the places of its rows and of its columns."""
    h, w = canvas
    rows, columns = (((2 * np.arange(side) - (side - 1)) / (h - 1)).astype(np.float32) for side in (h, w))
    return rows, columns


# ------------------------------------------------------------------------------------------------------- one stroke at a time


def _field(how: _How, corners: Float[Array, "n k 2"]) -> _Field:
    """Where the nearest place of each stroke is, as seen from each pixel."""
    rows, columns = how.places
    if corners.shape[1] == 2:
        return _segment(corners[:, 0], corners[:, 1], rows, columns)

    def nearer(best: _Field, part: tuple[Array, Array, Array]) -> tuple[_Field, None]:
        j, a, b = part
        new = _segment(a, b, rows, columns)
        new = new._replace(place=j + new.place)
        return jax.tree.map(lambda x, y: jnp.where(new.distance2 < best.distance2, y, x), best, new), None

    parts = jnp.moveaxis(corners, 1, 0)
    first = _segment(parts[0], parts[1], rows, columns)
    return lax.scan(nearer, first, (jnp.arange(1.0, len(parts) - 1), parts[1:-1], parts[2:]))[0]


def _segment(a: Float[Array, "n 2"], b: Float[Array, "n 2"], rows: np.ndarray, columns: np.ndarray) -> _Field:
    """The field of straight lines from a to b: with m = b - a, the nearest place is a + t m, t = (q - a).m / |m|^2 within 0 and 1.

    (q - a).m is a number for each row and one for each column, added. A line of no length has t = 1/2: half of its gradient for each end.
    """
    m = b - a
    square = (m * m).sum(axis=-1, keepdims=True)
    short = square < 1e-30
    along = jnp.where(short, 0.0, m / jnp.where(short, 1.0, square))
    above, left = jnp.asarray(rows) - a[:, :1], jnp.asarray(columns) - a[:, 1:]
    share = (above * along[:, :1] + 0.5 * short)[:, :, None] + (left * along[:, 1:])[:, None]
    t = jnp.clip(share, 0.0, 1.0)
    down, right = above[:, :, None] - t * m[:, :1, None], left[:, None] - t * m[:, 1:, None]
    return _Field(down * down + right * right, down, right, t)


def _rub(distance2: Float[Array, "n h w"], sigma2: Float[Array, " n"], ink: Ink) -> Float[Array, "n h w"]:
    """The ink R of a stroke where nothing else is."""
    if ink == "hard":
        return (distance2 <= sigma2[:, None, None]).astype(distance2.dtype)
    falling = jnp.exp(distance2 * (-1 / sigma2)[:, None, None])
    return falling if ink == "exponential" else 2 * falling / (1 + falling)


_SLOPES: dict[str, Callable[[Array], Array]] = {  # dR/dx, where x is D^2 / sigma2, told by R
    "exponential": lambda r: -r,
    "sigmoid": lambda r: r * (r / 2 - 1),
    "hard": jnp.zeros_like,
}


def _pull(field: _Field, r: Array, g: Array, mark: _Marks, ink: Ink) -> tuple[Array, Array]:
    """From the gradient g of R that of the corners [n k 2] and of sigma2 [n].

    Because t is the best there is, moving it changes no distance: with e from the nearest place to the pixel, dD^2/da = -2 (1 - t) e and
    dD^2/db = -2 t e, with no term for how t changes.
    """
    slope = g * _SLOPES[ink](r)
    inverse = (1 / mark.sigma2)[:, None, None]
    down, right = slope * field.down, slope * field.right

    def corner(j: Array | int) -> Array:
        near = jnp.maximum(1 - jnp.abs(field.place - j), 0.0)
        return jnp.stack([(near * down).sum(axis=(1, 2)), (near * right).sum(axis=(1, 2))], axis=-1)

    k = mark.corners.shape[1]
    corners = jnp.stack([corner(0), corner(1)]) if k == 2 else lax.map(corner, jnp.arange(float(k)))
    width = (slope * field.distance2).sum(axis=(1, 2))
    return -2 * jnp.moveaxis(corners, 0, 1) * inverse, -width * inverse[:, 0, 0] ** 2


# ---------------------------------------------------------------------------------------------------------- all of them


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _drawn(how: _How, marks: _Marks, paper: Float[Array, " 3"]) -> Float[Array, "n h w c"]:
    return _by_parts(lambda marks, _: how.inside(_inked(how, marks, paper)[0]), how, marks, None)


def _drawn_forward(how: _How, marks: _Marks, paper: Array) -> tuple[Array, tuple[_Marks, Array, Any]]:
    def part(marks: _Marks, _: None) -> tuple[Array, Any]:
        image, through = _inked(how, marks, paper)
        return how.inside(image), through

    image, through = _by_parts(part, how, marks, None)
    return image, (marks, paper, through)


def _drawn_backward(how: _How, kept: tuple[_Marks, Array, Any], g: Array) -> tuple[_Marks, Array]:
    marks, paper, through = kept
    back = _uncover if how.over else _unscreen

    def part(marks: _Marks, rest: tuple[Any, Array]) -> tuple[_Marks, Array]:
        grads, ground = back(how, marks, paper, rest[0], how.padded(rest[1]))
        return _swapped(grads), ground

    grads, ground = _by_parts(part, how, marks, (through, g))
    return _swapped(grads), ground.sum(axis=0)


_drawn.defvjp(_drawn_forward, _drawn_backward)


def _swapped(marks: _Marks) -> _Marks:
    """Strokes and drawings in the other order of axes."""
    return jax.tree.map(lambda x: x.swapaxes(0, 1), marks)


def _by_parts(work: Callable[[_Marks, Any], Any], how: _How, marks: _Marks, rest: Any) -> Any:
    """What `work` makes of the marks and the rest, a few drawings at a time on a CPU, so that what it looks at stays in the cache.

    Drawings are the second axis of marks, and the first of the rest and of all that is made.
    """
    n, size = marks.opacity.shape[1], how.canvas[0] * how.canvas[1]
    few = max(m for m in range(1, n + 1) if n % m == 0 and (m == 1 or m * size <= NUMBERS)) if n else 0
    if few == n or jax.default_backend() != "cpu":
        return work(marks, rest)
    marks = jax.tree.map(lambda x: jnp.moveaxis(x.reshape(len(x), -1, few, *x.shape[2:]), 1, 0), marks)
    rest = jax.tree.map(lambda x: x.reshape(-1, few, *x.shape[1:]), rest)
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), lax.map(lambda part: work(*part), (marks, rest)))


def _inked(how: _How, marks: _Marks, paper: Array) -> tuple[Array, Any]:
    """The image [n h w c] of some drawings, and what its gradient wants to know: what all strokes together let through.

    Channels are apart, here and on the way back: a CPU is slow at sums over an axis of three.
    """
    shape, channels = (marks.opacity.shape[1], *map(len, how.places)), range(marks.colour.shape[2])
    blank = jnp.ones(shape, marks.opacity.dtype)
    if how.over:
        (image, through), _ = lax.scan(partial(_cover, how), ([paper[c] * blank for c in channels], (blank, 0 * blank)), marks)
        return jnp.stack(image, axis=-1), through
    clear = [blank for _ in channels]
    (dark, through), _ = lax.scan(partial(_screen, how), (clear, clear), marks)
    return 1 - jnp.stack(dark, axis=-1), through


def _hues(mark: _Marks) -> list[Array]:
    """The channels of a stroke's colour, [n 1 1] each."""
    return [mark.colour[:, c, None, None] for c in range(mark.colour.shape[1])]


def _laid(how: _How, mark: _Marks) -> Array:
    """How much a stroke covers of each pixel: opacity R [n h w]."""
    return mark.opacity[:, None, None] * _rub(_field(how, mark.corners).distance2, mark.sigma2, how.ink)


def _screen(how: _How, state: tuple[list[Array], list[Array]], mark: _Marks) -> tuple[tuple[list[Array], list[Array]], None]:
    """What strokes let through of each channel, one stroke more; once exactly and once as gradients want it."""
    laid = _laid(how, mark)
    let = [1 - hue * laid for hue in _hues(mark)]
    dark, through = state
    return ([x * y for x, y in zip(dark, let, strict=True)], [x * jnp.maximum(y, LEAST) for x, y in zip(through, let, strict=True)]), None


def _unscreen(how: _How, marks: _Marks, paper: Array, through: list[Array], g: Array) -> tuple[_Marks, Array]:
    """The gradient of light: that of one stroke sees what all the others let through, which is what all do over what it does."""
    through = [g[..., c] * x for c, x in enumerate(through)]

    def back(_: None, mark: _Marks) -> tuple[None, _Marks]:
        field = _field(how, mark.corners)
        r, opacity = _rub(field.distance2, mark.sigma2, how.ink), mark.opacity[:, None, None]
        laid, hues = opacity * r, _hues(mark)
        others = [x / jnp.maximum(1 - hue * laid, LEAST) for x, hue in zip(through, hues, strict=True)]
        both = sum((hue * x for hue, x in zip(hues, others, strict=True)), jnp.zeros(()))
        corners, sigma2 = _pull(field, r, opacity * both, mark, how.ink)
        colour = jnp.stack([(laid * x).sum(axis=(1, 2)) for x in others], axis=-1)
        return None, _Marks(corners, sigma2, (both * r).sum(axis=(1, 2)), colour)

    return lax.scan(back, None, marks)[1], jnp.zeros((len(g), 3), g.dtype)


def _cover(how: _How, state: tuple[list[Array], tuple[Array, Array]], mark: _Marks) -> tuple[tuple[list[Array], tuple[Array, Array]], None]:
    """Paint one stroke over the others: C <- C (1 - a R) + colour a R."""
    laid = _laid(how, mark)
    image = [x + laid * (hue - x) for x, hue in zip(state[0], _hues(mark), strict=True)]
    return (image, _lift(state[1], jnp.maximum(1 - laid, LEAST))), None


def _lift(through: tuple[Array, Array], let: Array) -> tuple[Array, Array]:
    """A product times one factor more, as x FINE^k: of hundreds of full strokes it would else be 0, and could not be taken apart."""
    x, k = through[0] * let, through[1]
    return jnp.where(x < FINE, x / FINE, x), jnp.where(x < FINE, k + 1, k)


def _drop(through: tuple[Array, Array], let: Array) -> tuple[Array, Array]:
    """The product without that factor."""
    x, k = through[0] / let, through[1]
    large = (x >= 1) & (k > 0)
    return jnp.where(large, x * FINE, x), jnp.where(large, k - 1, k)


def _told(through: tuple[Array, Array]) -> Array:
    """The product as a number: 0 where it is below FINE."""
    return jnp.where(through[1] > 0, 0.0, through[0])


def _uncover(how: _How, marks: _Marks, paper: Array, through: tuple[Array, Array], g: Array) -> tuple[_Marks, Array]:
    """The gradient of paint, from the first stroke to the last.

    With T what the strokes above one let through, and C the image below it, its ink has the gradient T (colour - C).g. C.g is carried
    along, painted over as C itself was. T is what all let through over what this one and those below do. Taking paint off again, from the
    last stroke to the first, would not do: nothing can be told of what lies below full ink.
    """
    wanted = [g[..., c] for c in range(3)]

    def dot(hues: Sequence[Array]) -> Array:
        return sum((hue * x for hue, x in zip(hues, wanted, strict=True)), jnp.zeros(()))

    def back(state: tuple[Array, tuple[Array, Array]], mark: _Marks) -> tuple[tuple[Array, tuple[Array, Array]], _Marks]:
        below, through = state
        field = _field(how, mark.corners)
        r, opacity = _rub(field.distance2, mark.sigma2, how.ink), mark.opacity[:, None, None]
        laid, change = opacity * r, dot(_hues(mark)) - below
        through = _drop(through, jnp.maximum(1 - laid, LEAST))
        above = _told(through)
        corners, sigma2 = _pull(field, r, opacity * above * change, mark, how.ink)
        colour = jnp.stack([(above * laid * x).sum(axis=(1, 2)) for x in wanted], axis=-1)
        return (below + laid * change, through), _Marks(corners, sigma2, (above * change * r).sum(axis=(1, 2)), colour)

    ground = jnp.stack([(_told(through) * x).sum(axis=(1, 2)) for x in wanted], axis=-1)
    return lax.scan(back, (dot([paper[c] for c in range(3)]), through), marks)[1], ground


def visible(
    strokes: Strokes, canvas: tuple[int, int], sigma2: Size, *, ink: Ink = "exponential", compose: Compose = "screen"
) -> Float[Array, "n s"]:
    """How much is seen of each stroke, 0 to 1: the most that any pixel's ink changes where it is left out.

    Colours are passed over. With `over` it is the most of it that later strokes leave uncovered, whatever is below.
    """
    how, marks, ground = _prepared(strokes._replace(colour=None), canvas, sigma2, ink, "screen", 0.0)

    def left_out(marks: _Marks, _: None) -> Array:
        through = _inked(how, marks, ground)[1][0]

        def most(_: None, mark: _Marks) -> tuple[None, Array]:
            laid = _laid(how, mark)
            return None, how.inside(laid * (through / jnp.maximum(1 - laid, LEAST))).max(axis=(1, 2))

        return lax.scan(most, None, marks)[1].T

    def uncovered(marks: _Marks, _: None) -> Array:
        def most(above: Array, mark: _Marks) -> tuple[Array, Array]:
            laid = _laid(how, mark)
            return above * (1 - laid), how.inside(laid * above).max(axis=(1, 2))

        clear = jnp.ones((marks.opacity.shape[1], *map(len, how.places)), marks.opacity.dtype)
        return lax.scan(most, clear, marks, reverse=True)[1].T

    return _by_parts(uncovered if compose == "over" else left_out, how, marks, None)


# ------------------------------------------------------------------------------------------------- the same, told plainly


def plain(
    strokes: Strokes,
    canvas: tuple[int, int],
    sigma2: Size,
    *,
    ink: Ink = "exponential",
    compose: Compose = "over",
    paper: Paper = 0.0,
) -> Float[Array, "n h w c"]:
    """What `draw` draws, by the formulas alone: every stroke on every pixel at once, the gradient left to JAX.

    It takes many times the memory and the time, and is there to be compared with.
    """
    how, marks, ground = _prepared(strokes, canvas, sigma2, ink, compose, paper)
    corners, widths, opacity, colour = _swapped(marks)
    places = jnp.stack(jnp.meshgrid(*axes(canvas), indexing="ij"), axis=-1)
    a, m = corners[:, :, :-1, None, None], (corners[:, :, 1:] - corners[:, :, :-1])[:, :, :, None, None]
    square = (m * m).sum(axis=-1)
    share = ((places - a) * m).sum(axis=-1) / jnp.where(square > 0, square, 1.0)
    t = jnp.where(square > 0, jnp.clip(share, 0.0, 1.0), 0.5)
    distance2 = ((places - a - t[..., None] * m) ** 2).sum(axis=-1).min(axis=2)
    x = distance2 / widths[:, :, None, None]
    r = {"exponential": lambda: jnp.exp(-x), "sigmoid": lambda: 2 * jax.nn.sigmoid(-x), "hard": lambda: jnp.where(x <= 1, 1.0, 0.0)}[ink]()
    laid = opacity[:, :, None, None] * r
    if how.over:
        return over(laid, colour, ground)
    return jnp.stack([softor(laid * colour[:, :, c, None, None]) for c in range(colour.shape[2])], axis=-1)


def softor(rasters: Float[Array, "*n s h w"]) -> Float[Array, "*n h w"]:
    """Ink of strokes together, where each lets through what it does not ink: 1 - prod_i (1 - R_i)."""
    return 1 - jnp.prod(1 - rasters, axis=-3)


def over(rasters: Float[Array, "*n s h w"], colour: Float[Array, "*n s c"], paper: Float[Array, " c"]) -> Float[Array, "*n h w c"]:
    """Painter's order, told from the top: each stroke's colour, as far as those above let it through."""
    let = jnp.cumprod(jnp.flip(1 - rasters, axis=-3), axis=-3)
    above = jnp.flip(jnp.concatenate([jnp.ones_like(let[..., :1, :, :]), let[..., :-1, :, :]], axis=-3), axis=-3)
    return jnp.einsum("...shw,...sc->...hwc", rasters * above, colour) + let[..., -1, :, :, None] * paper


def smoothmax(rasters: Float[Array, "*n s h w"], temperature: Size = 1.0) -> Float[Array, "*n h w"]:
    """The mean of the strokes' ink, weighted by its softmax: near 0 the largest, at a high temperature the mean."""
    return (jax.nn.softmax(rasters / temperature, axis=-3) * rasters).sum(axis=-3)


# --------------------------------------------------------------------------------------------------------------- curves


def bezier(control: Float[Array, "*n k 2"], corners: int) -> Float[Array, "*n m 2"]:
    """Bezier curves as polylines of so many corners, evenly along t from 0 to 1: of 2 points a line, of 3 quadratic, of 4 cubic."""
    return bezier_at(control, _even(corners))


def bezier_at(control: Float[Array, "*n k 2"], t: Float[Array | np.ndarray, " m"]) -> Float[Array, "*n m 2"]:
    """Where Bezier curves are at t: sum_i C(k - 1, i) t^i (1 - t)^(k - 1 - i) P_i."""
    order = control.shape[-2] - 1
    weights = jnp.stack([comb(order, i) * t**i * (1 - t) ** (order - i) for i in range(order + 1)], axis=-1)
    return jnp.einsum("mk,...kd->...md", weights.astype(control.dtype), control, precision="highest")


def catmull_rom(knots: Float[Array, "*n k 2"], corners: int, alpha: Size = 0.5) -> Float[Array, "*n m 2"]:
    """Curves through all knots but the first and the last, as polylines: `corners` of each of k - 3 spans, where two meet one for both."""
    spans = knots.shape[-2] - 3
    if spans < 1:
        raise UsageError(f"a curve of {knots.shape[-2]} knots: expected 4 or more, since the first and the last only lead to it")
    four = jnp.stack([knots[..., i : i + spans, :] for i in range(4)], axis=-2)
    lines = catmull_rom_at(four, _even(corners), alpha)
    inner = lines[..., :-1, :].reshape(*lines.shape[:-3], -1, 2)
    return jnp.concatenate([inner, lines[..., -1, -1:, :]], axis=-2)


def catmull_rom_at(p: Float[Array, "*n 4 2"], t: Float[Array | np.ndarray, " m"], alpha: Size = 0.5) -> Float[Array, "*n m 2"]:
    """Where Catmull-Rom curves are on their way from P1 (t = 0) to P2 (t = 1).

    Knots are |P_(i+1) - P_i|^alpha apart: alpha 0 is uniform, 0.5 centripetal (neither cusps nor loops), 1 chordal. Knots that fall
    together count as 1e-4 apart, which leaves their gradients finite.
    """
    step = p[..., 1:, :] - p[..., :-1, :]
    apart = ((step**2).sum(axis=-1, keepdims=True) + NEAR) ** (alpha / 2)
    speed = step / apart
    # the curve's slope at P1 and P2: that of the parabola through the point, the one before and the one after
    pair = (step[..., 1:, :] + step[..., :-1, :]) / (apart[..., 1:, :] + apart[..., :-1, :])
    slope = (speed[..., 1:, :] + speed[..., :-1, :] - pair) * apart[..., 1:2, :]
    t = jnp.asarray(t)[:, None]
    first, last = p[..., 1:2, :], p[..., 2:3, :]
    leave, arrive = slope[..., :1, :], slope[..., 1:, :]
    rise = t**2 * (3 - 2 * t)
    return (1 - rise) * first + rise * last + t * (1 - t) ** 2 * leave - t**2 * (1 - t) * arrive


def _even(corners: int) -> np.ndarray:
    """Numbers from 0 to 1. Raises UsageError for fewer than 2."""
    if corners < 2:
        raise UsageError(f"a curve of {corners} corners: expected 2 or more")
    return np.linspace(0, 1, corners, dtype=np.float32)


# ------------------------------------------------------------------------------------------------------------------- SVG


def svg(
    strokes: Strokes,
    canvas: tuple[int, int],
    sigma2: Size,
    *,
    index: int = 0,
    ink: Ink = "exponential",
    compose: Compose = "over",
    paper: Paper = 0.0,
    invert: bool = False,
) -> str:
    """One of the drawings as an SVG document that looks like its raster, in units of a pixel.

    Strokes are as wide as where their ink is one half or more (hard ink: all of it), 2 sqrt(sigma2 ln 2) for exponential ink. Ink without
    colour is white on black, or black on white with `invert`, which turns every colour to its opposite.
    """
    how, marks, ground = _prepared(strokes, canvas, sigma2, ink, compose, paper)
    corners, widths, opacity, colour = (np.asarray(x[:, index], float) for x in marks)
    (h, w), scale = canvas, (canvas[0] - 1) / 2  # pixels in a unit
    places = corners * scale + np.array([h, w]) / 2
    wide = 2 * np.sqrt(widths * {"exponential": log(2), "sigmoid": log(3), "hard": 1.0}[ink]) * scale
    back = np.asarray(ground, float) if how.over else np.zeros(3)
    # blending light is told of the group, and turning it round of all
    mix = ' style="mix-blend-mode:screen"' if colour.shape[1] == 3 and not how.over else ""
    turn = (lambda c: 1 - c) if invert and not mix else (lambda c: c)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}">',
        f'<g fill="none" stroke-linecap="round" stroke-linejoin="round"{_opposite(bool(mix) and invert)}>',
        f'<rect width="{w}" height="{h}" fill="{_hex(turn(back))}"/>',
        *(
            _shape(place, width, solid, _hex(turn(np.broadcast_to(hue, 3))), mix)
            for place, width, solid, hue in zip(places, wide, opacity, colour, strict=True)
        ),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _shape(places: np.ndarray, width: float, opacity: float, colour: str, mix: str) -> str:
    """One stroke: a circle where it has no length, else a polyline."""
    if (places == places[0]).all():
        row, column = places[0]
        return f'<circle cx="{column:.6g}" cy="{row:.6g}" r="{width / 2:.6g}" fill="{colour}" fill-opacity="{opacity:.4g}"{mix}/>'
    corners = " ".join(f"{column:.6g},{row:.6g}" for row, column in places)
    return f'<polyline points="{corners}" stroke="{colour}" stroke-width="{width:.6g}" stroke-opacity="{opacity:.4g}"{mix}/>'


def _hex(colour: np.ndarray) -> str:
    return "#" + "".join(f"{round(255 * float(c)):02x}" for c in np.clip(colour, 0, 1))


def _opposite(wanted: bool) -> str:
    return ' style="filter:invert(1)"' if wanted else ""
