"""Strokes to ink: points, lines and curves drawn on a canvas of any size, differentiable in all that they are.

A place is (row, column); pixel k of a side of S lies at -1 + 2 k / (S - 1), so that the centres of the first and the last are -1 and 1. Of a
canvas that is not square the rows go from -1 to 1, and the columns from -W/H to W/H with the same distance between pixels.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Array, Float


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
