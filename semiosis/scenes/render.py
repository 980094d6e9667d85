"""Eight flat shapes with a front, drawn from signed distances: exact edges, antialiased, the same pixels everywhere."""

from __future__ import annotations

import numpy as np

PAPER = (248, 246, 241)
INKS = {
    "red": (214, 62, 62),
    "blue": (52, 112, 196),
    "green": (58, 158, 96),
    "yellow": (240, 190, 50),
    "purple": (136, 82, 176),
    "orange": (236, 128, 44),
    "pink": (236, 130, 176),
    "grey": (84, 88, 100),
}

Plane = np.ndarray
Number = float | int


def disc(x: Plane, y: Plane, cx: Number, cy: Number, r: Number) -> Plane:
    """Signed distance to a disc: negative inside."""
    return np.hypot(x - cx, y - cy) - r


def polygon(x: Plane, y: Plane, *corners: tuple[Number, Number]) -> Plane:
    """Signed distance to the nearest edge line of a convex polygon, corners counter-clockwise with y up."""
    edges = []
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        length = float(np.hypot(bx - ax, by - ay))
        edges.append(((by - ay) * (x - ax) - (bx - ax) * (y - ay)) / length)
    return np.maximum.reduce(edges)


def heart(x: Plane, y: Plane) -> Plane:
    """A square on its corner under two discs on its upper edges."""
    body = polygon(x, y, (0, -0.95), (0.71, -0.24), (0, 0.47), (-0.71, -0.24))
    return np.minimum.reduce([body, disc(x, y, -0.355, 0.115, 0.502), disc(x, y, 0.355, 0.115, 0.502)])


def drop(x: Plane, y: Plane) -> Plane:
    """A disc and its two tangents from a point above."""
    tip = polygon(x, y, (0, 1), (-0.5362, -0.0519), (0.5362, -0.0519))
    return np.minimum(tip, disc(x, y, 0, -0.33, 0.61))


def moon(x: Plane, y: Plane) -> Plane:
    """A disc that another disc bites into from above."""
    return np.maximum(disc(x, y, 0, -0.06, 0.9), -disc(x, y, 0, 0.42, 0.72))


def pie(x: Plane, y: Plane) -> Plane:
    """A disc without a wedge of a quarter that opens upwards."""
    return np.maximum(disc(x, y, 0, 0, 0.88), -polygon(x, y, (0, 0), (2, 2), (-2, 2)))


def arrow(x: Plane, y: Plane) -> Plane:
    """A triangle on a shaft."""
    head = polygon(x, y, (0, 0.98), (-0.78, 0.12), (0.78, 0.12))
    return np.minimum(head, polygon(x, y, (-0.3, 0.2), (-0.3, -0.9), (0.3, -0.9), (0.3, 0.2)))


def triangle(x: Plane, y: Plane) -> Plane:
    """Taller than wide, so that its front is plain."""
    return polygon(x, y, (0, 1.0), (-0.66, -0.78), (0.66, -0.78))


def house(x: Plane, y: Plane) -> Plane:
    """A square with a roof."""
    return polygon(x, y, (0, 0.98), (-0.72, 0.28), (-0.72, -0.76), (0.72, -0.76), (0.72, 0.28))


def half(x: Plane, y: Plane) -> Plane:
    """Half a disc, round side up."""
    return np.maximum(disc(x, y, 0, -0.4, 0.92), -0.4 - y)


SHAPES = {"heart": heart, "drop": drop, "moon": moon, "house": house, "arrow": arrow, "pie": pie, "triangle": triangle, "half": half}


def ink(shape: str, centre: Plane, radius: Plane, turn: Plane, side: int) -> Plane:
    """How much of each pixel the shape covers: float32 [n side side] in [0, 1], a ramp one pixel wide at the edge.

    `centre` [n 2] (x to the right, y down) and `radius` [n] in shares of the side, `turn` [n] in degrees clockwise from upright.
    """
    grid = (np.arange(side, dtype=np.float32) + 0.5) / side
    dx = (grid[None, None, :] - centre[:, 0, None, None]) / radius[:, None, None]
    up = (centre[:, 1, None, None] - grid[None, :, None]) / radius[:, None, None]
    cos, sin = (f(np.deg2rad(turn))[:, None, None].astype(np.float32) for f in (np.cos, np.sin))
    distance = SHAPES[shape](cos * dx - sin * up, sin * dx + cos * up)
    return np.clip(0.5 - distance * radius[:, None, None] * side, 0, 1).astype(np.float32)


def paint(cover: Plane, colours: Plane) -> Plane:
    """Ink over paper: uint8 [n h w 3] from coverage [n h w] and RGB colours [n 3] in 0..255."""
    paper = np.asarray(PAPER, np.float32)
    return np.round(paper + cover[..., None] * (colours[:, None, None].astype(np.float32) - paper)).astype(np.uint8)
