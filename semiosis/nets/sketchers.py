"""Networks that draw: from what an agent has in mind, a latent [n z], to strokes of no size.

A sketcher is a hand, which gives the places of all strokes at once or one stroke after another; a form, which makes strokes of the places:
points, lines, curves, or lines between pairs of points; and heads for what a stroke has besides its corners. All begins as PyTorch's layers
do, so that strokes start clustered in the middle of the canvas.

The decoders of *Learning to Draw* (Mihai and Hare 2021) are among them: 20 lines from a latent of 64 take 41,360 parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.errors import UsageError, unknown
from semiosis.nets.convolution import Affine
from semiosis.nets.recurrent import GRU
from semiosis.raster import Strokes, bezier, catmull_rom

KINDS = ("lines", "polylines", "curves", "bezier", "points", "connected", "bezier-connected")
FEWEST = {"polylines": 2, "curves": 4, "connected": 2, "bezier-connected": 2}  # points of a stroke, or of a connected drawing

# ---------------------------------------------------------------------------------------------- forms: from places to strokes


class Corners(eqx.Module):
    """The places of a row are the corners of its stroke: one of a point, two of a line, more of a polyline."""

    rows: int = eqx.field(static=True)
    places: int = eqx.field(static=True)

    @property
    def strokes(self) -> int:
        """How many are drawn."""
        return self.rows

    def __call__(self, places: Float[Array, "n r k 2"], latent: Float[Array, "n z"]) -> Strokes:
        return Strokes(places)


class Knots(eqx.Module):
    """The places of a row are the knots of a Catmull-Rom curve, drawn from the second to the last but one with so many corners a span."""

    rows: int = eqx.field(static=True)
    places: int = eqx.field(static=True)
    corners: int = eqx.field(static=True)
    alpha: float = eqx.field(static=True)

    @property
    def strokes(self) -> int:
        """How many are drawn."""
        return self.rows

    def __call__(self, places: Float[Array, "n r k 2"], latent: Float[Array, "n z"]) -> Strokes:
        return Strokes(catmull_rom(places, self.corners, self.alpha))


class Pieces(eqx.Module):
    """The places of a row are the control points of cubic Bezier pieces with so many corners each; a piece begins where the last one ends.

    They are the start, then of each piece its two inner points and its end. In a smooth curve only the first piece has its own first inner
    point: that of any other is the second one of the piece before, reflected at the point between, and may lie off the canvas.
    """

    rows: int = eqx.field(static=True)
    pieces: int = eqx.field(static=True)
    corners: int = eqx.field(static=True)
    smooth: bool = eqx.field(static=True)

    @property
    def places(self) -> int:
        """Of each row."""
        return 2 + 2 * self.pieces if self.smooth else 1 + 3 * self.pieces

    @property
    def strokes(self) -> int:
        """How many are drawn."""
        return self.rows

    def control(self, places: Float[Array, "n r k 2"]) -> Float[Array, "n r g 4 2"]:
        """The four control points of each piece."""
        n, rows = places.shape[:2]
        if self.smooth:
            second, end = jnp.moveaxis(places[:, :, 2:].reshape(n, rows, self.pieces, 2, 2), 3, 0)
            first = jnp.concatenate([places[:, :, 1:2], 2 * end[:, :, :-1] - second[:, :, :-1]], axis=2)
        else:
            first, second, end = jnp.moveaxis(places[:, :, 1:].reshape(n, rows, self.pieces, 3, 2), 3, 0)
        start = jnp.concatenate([places[:, :, :1], end[:, :, :-1]], axis=2)
        return jnp.stack([start, first, second, end], axis=3)

    def __call__(self, places: Float[Array, "n r k 2"], latent: Float[Array, "n z"]) -> Strokes:
        drawn = bezier(self.control(places), self.corners)
        n, rows = drawn.shape[:2]
        rest = drawn[:, :, 1:, 1:].reshape(n, rows, -1, 2)  # a piece begins with a corner that is drawn already
        return Strokes(jnp.concatenate([drawn[:, :, 0], rest], axis=2))


class Links(eqx.Module):
    """A row is a point; a stroke joins each pair of points, as dark as the two are connected, from 0 to 1: sigmoid of linear in the latent.

    `loops` joins each point to itself as well, which draws it. `hard` rounds the connections, and lets their gradient through as if it did
    not. With `bend` the strokes are cubic Bezier curves: the inner control points lie at the thirds of the line between the two, each moved
    by tanh of what is linear in the latent, so by at most 1 down and right; a point's own is a loop.
    """

    link: Affine
    bend: Affine | None
    rows: int = eqx.field(static=True)
    loops: bool = eqx.field(static=True)
    hard: bool = eqx.field(static=True)
    corners: int = eqx.field(static=True)

    def __init__(self, latent_size: int, points: int, *, curved: bool, loops: bool, hard: bool, corners: int, key: PRNGKeyArray):
        self.rows, self.loops, self.hard, self.corners = points, loops, hard, corners
        key_link, key_bend = jax.random.split(key)
        self.link = Affine(latent_size, self.strokes, key=key_link)
        self.bend = Affine(latent_size, 4 * self.strokes, key=key_bend) if curved else None

    places = 1

    @property
    def pairs(self) -> np.ndarray:
        """The two points of each stroke [s 2], the lower number first, in the order of the upper triangle of the connection matrix."""
        return np.stack(np.triu_indices(self.rows, 0 if self.loops else 1), axis=-1)

    @property
    def strokes(self) -> int:
        """How many are drawn: the pairs."""
        return self.rows * (self.rows + (1 if self.loops else -1)) // 2

    def __call__(self, places: Float[Array, "n r 1 2"], latent: Float[Array, "n z"]) -> Strokes:
        ends = places[:, self.pairs, 0]
        if self.bend is not None:
            start, end = ends[:, :, :1], ends[:, :, 1:]
            thirds = start + jnp.array([[1 / 3], [2 / 3]]) * (end - start)
            inner = thirds + jnp.tanh(self.bend(latent)).reshape(thirds.shape)
            ends = bezier(jnp.concatenate([start, inner, end], axis=2), self.corners)
        linked = jax.nn.sigmoid(self.link(latent))
        return Strokes(ends, opacity=rounded(linked) if self.hard else linked)


Form = Corners | Knots | Pieces | Links


def rounded(share: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """1 above 0.5, else 0, with the gradient of the share itself (straight-through, Bengio et al. 2013)."""
    return (share > 0.5).astype(share.dtype) + (share - lax.stop_gradient(share))


# ------------------------------------------------------------------------------------------- hands: from the latent to places


class AtOnce(eqx.Module):
    """Affine layers with ReLU between them; the last gives all places, within the canvas by tanh if they are squashed."""

    layers: tuple[Affine, ...]
    rows: int = eqx.field(static=True)
    squash: bool = eqx.field(static=True)

    def __init__(self, latent_size: int, rows: int, places: int, hidden: Sequence[int], squash: bool, *, key: PRNGKeyArray):
        self.layers = _stack((latent_size, *hidden, 2 * rows * places), key)
        self.rows, self.squash = rows, squash

    def __call__(self, latent: Float[Array, "n z"]) -> Float[Array, "n r k 2"]:
        places = _through(self.layers, latent).reshape(len(latent), self.rows, -1, 2)
        return jnp.tanh(places) if self.squash else places


class OneByOne(eqx.Module):
    """A recurrent unit that is given the places of the row it drew last, zeros at first, and gives those of the next.

    Its first state is tanh of the same hidden layers as `AtOnce` has, whose last is as wide as the unit; or the latent where there is none.
    """

    layers: tuple[Affine, ...]
    cell: GRU
    draw: Affine
    rows: int = eqx.field(static=True)
    squash: bool = eqx.field(static=True)

    def __init__(self, latent_size: int, rows: int, places: int, hidden: Sequence[int], squash: bool, *, key: PRNGKeyArray):
        key_layers, key_cell, key_draw = jax.random.split(key, 3)
        widths = (latent_size, *hidden)
        self.layers = _stack(widths, key_layers)
        self.cell = GRU(2 * places, widths[-1], key=key_cell)
        self.draw = Affine(widths[-1], 2 * places, key=key_draw)
        self.rows, self.squash = rows, squash

    def __call__(self, latent: Float[Array, "n z"]) -> Float[Array, "n r k 2"]:
        def row(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
            state, last = carry
            (state,) = self.cell(self.cell.project(last), (state,))
            places = self.draw(state)
            places = jnp.tanh(places) if self.squash else places
            return (state, places), places

        state = jnp.tanh(_through(self.layers, latent)) if self.layers else latent
        nothing = jnp.zeros((len(latent), self.cell.input.shape[0]), latent.dtype)
        rows = lax.scan(row, (state, nothing), length=self.rows)[1]
        return rows.swapaxes(0, 1).reshape(len(latent), self.rows, -1, 2)


def _stack(widths: tuple[int, ...], key: PRNGKeyArray) -> tuple[Affine, ...]:
    return tuple(Affine(i, o, key=k) for (i, o), k in zip(pairwise(widths), jax.random.split(key, len(widths)), strict=False))


def _through(layers: tuple[Affine, ...], x: Float[Array, "n i"]) -> Float[Array, "n o"]:
    for number, layer in enumerate(layers):
        x = layer(jax.nn.relu(x) if number else x)
    return x


# ------------------------------------------------------------------------------------------------------------------- sketchers


class Heads(NamedTuple):
    """What a stroke has besides its corners, each linear in the latent; None where all strokes are alike."""

    colour: Affine | None
    opacity: Affine | None
    width: Affine | None


class Sketcher(eqx.Module):
    """A latent [n z] -> strokes [n s k 2], (row, column), with colours and opacities in (0, 1) where they are drawn so.

    Where strokes have widths of their own, `sigma2` is the middle one, in squared units of the canvas: theirs are sigma2 4^tanh(.), from a
    fourth of it to four times as much.
    """

    hand: AtOnce | OneByOne
    form: Form
    heads: Heads
    sigma2: float = eqx.field(static=True)

    @property
    def strokes(self) -> int:
        """How many are drawn, those too of which nothing is seen: of connected points the pairs."""
        return self.form.strokes

    def __call__(self, latent: Float[Array, "n z"]) -> Strokes:
        drawn, heads = self.form(self.hand(latent), latent), self.heads
        if heads.colour is not None:
            drawn = drawn._replace(colour=jax.nn.sigmoid(heads.colour(latent)).reshape(len(latent), -1, 3))
        if heads.opacity is not None:
            drawn = drawn._replace(opacity=jax.nn.sigmoid(heads.opacity(latent)))
        if heads.width is not None:
            drawn = drawn._replace(sigma2=self.sigma2 * 4 ** jnp.tanh(heads.width(latent)))
        return drawn


def finer(hand: Sketcher, corners: int) -> Sketcher:
    """The same hand, whose curves have so many corners a span or piece; strokes that are not curves stay."""
    return replace(hand, form=replace(hand.form, corners=corners)) if isinstance(hand.form, Knots | Pieces) else hand


def sketcher(
    kind: str,
    latent_size: int,
    *,
    strokes: int = 20,
    points: int = 16,
    segments: int = 1,
    hidden: Sequence[int] = (64, 256),
    coloured: bool = False,
    opacity: bool = False,
    width: bool = False,
    sigma2: float | int = 5e-4,
    recurrent: bool = False,
    squash: bool = True,
    smooth: bool = False,
    alpha: float | int = 0.5,
    corners: int = 10,
    hard: bool = False,
    allow_points: bool = True,
    key: PRNGKeyArray,
) -> Sketcher:
    """A sketcher of one of the KINDS. Dials that a kind does not have are passed over.

    `strokes` are how many points, lines, polylines, curves (Catmull-Rom) or Bezier curves. `points` are the corners of a polyline, the
    knots of a curve, or the points of a connected drawing, which has a stroke for each two of them (and, if `allow_points`, for each with
    itself) and connections that are `hard` or not. `segments` are the pieces of a Bezier curve, joined at the same slope if `smooth`;
    `alpha` is 0 for uniform, 0.5 for centripetal and 1 for chordal curves; a piece or a span of a curve is drawn with so many `corners`.

    `hidden` are the widths of hidden layers; `recurrent` draws one stroke (one point of a connected drawing) after another. `squash` keeps
    places on a square canvas. `coloured`, `opacity` and `width` let strokes differ in these, see `Sketcher`. Raises UsageError for an
    unknown kind, for too few of anything, and for an `opacity` besides that of connections.
    """
    if kind not in KINDS:
        raise unknown("kind of strokes", kind, KINDS)
    connected = kind.endswith("connected")
    for what, number, fewest in (("strokes", strokes, 1), ("segments", segments, 1), ("corners", corners, 2)):
        if number < fewest:
            raise UsageError(f"{what} is {number}: expected {fewest} or more")
    if points < FEWEST.get(kind, 0):
        raise UsageError(f"points is {points}: expected {FEWEST[kind]} or more for {kind}")
    if connected and opacity:
        raise UsageError(f"opacity is True: the strokes of {kind} have their connections for it")
    key_form, key_hand, *keys = jax.random.split(key, 5)
    if connected:
        curved = kind == "bezier-connected"
        form = Links(latent_size, points, curved=curved, loops=allow_points, hard=hard, corners=corners, key=key_form)
    elif kind == "curves":
        form = Knots(strokes, points, corners, float(alpha))
    elif kind == "bezier":
        form = Pieces(strokes, segments, corners, smooth)
    else:
        form = Corners(strokes, {"points": 1, "lines": 2}.get(kind, points))
    hand = (OneByOne if recurrent else AtOnce)(latent_size, form.rows, form.places, hidden, squash, key=key_hand)
    numbers = (3 * coloured, 1 * opacity, 1 * width)
    heads = [Affine(latent_size, number * form.strokes, key=k) if number else None for number, k in zip(numbers, keys, strict=True)]
    return Sketcher(hand, form, Heads(*heads), float(sigma2))
