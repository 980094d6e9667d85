"""How agents perceive: where classes and signs lie among their latent vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from semiosis.errors import UsageError
from semiosis.report import naming, planes, style
from semiosis.report.clusters import counts, matched

TOLD = 30  # kinds of points told by name at most: the commonest
FEW = 12  # up to so many signs are told by large tiles
TALL = 0.82  # the height of a map as a share of its width


class Kinds(NamedTuple):
    """What points differ in, by `name`: their kind `of` [a n]; what each kind is called; the hue of each; whether it is a sign."""

    name: str
    of: np.ndarray
    text: Sequence[str]
    hue: Sequence[int]
    sign: bool


def latents(
    points: Float[np.ndarray, "a n z"],
    path: str | Path,
    *,
    labels: Integer[np.ndarray, " n"] | None = None,
    classes: Sequence[str] = (),
    signs: Integer[np.ndarray, "a n"] | None = None,
    n_signs: int | None = None,
    names: Sequence[str] | None = None,
    title: str = "How agents perceive the same objects",
    most: int = 2000,
    seed: int = 0,
) -> Path:
    """Draw the latent vectors of each agent (a row) in two dimensions, by PCA and by t-SNE; returns the path of the PNG.

    Points have the colour of their class, else of their sign; where both are known a third map, t-SNE again, is coloured by sign. At most
    `most` objects are shown, the same for all agents, drawn by `seed`. `n_signs` decides how signs are written (by default as many as
    occur).
    """
    count, n, z = points.shape
    if n < 1:
        raise UsageError(f"points of shape {points.shape}: expected one object or more")
    who = [naming.called(name) for name in naming.agents(count, names)]
    chosen = np.sort(np.random.default_rng(seed).permutation(n)[:most])
    total = n_signs if n_signs is not None else int(signs.max()) + 1 if signs is not None else 0
    told = [kinds_of_class(labels, classes, signs, total, count)] if labels is not None else []
    told += [Kinds("sign", signs, [""] * total, range(total), sign=True)] if signs is not None else []
    maps = [("PCA", told[0]), *(("t-SNE", kinds) for kinds in told)] if told else [("PCA", None), ("t-SNE", None)]
    flat = [planes.pca(own) for own in points]
    near = planes.aligned([planes.tsne(own[chosen], plane.places[chosen], seed) for own, plane in zip(points, flat, strict=True)])
    side, between, before = (3.6 if count <= 4 else 2.7), 0.25, 0.66
    width = 2 * style.MARGIN + before + len(maps) * (side + between) - between
    caption = style.wrapped(_caption(n, len(chosen), z, count, who[0], both=len(told) > 1), width - 2 * style.MARGIN)
    frame = (side, TALL * side)
    top, pitch = style.head_height(caption) + 0.36, frame[1] + 0.5
    sheet, axes = naming.sheet(width, top + count * pitch - 0.25 + style.MARGIN, title, caption)
    for a, name in enumerate(who):
        y = top + a * pitch
        look: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center"}
        text, size = style.fitted(name, frame[1], style.TEXT)
        axes.text(style.MARGIN + 0.1, y + frame[1] / 2, text, fontsize=size, weight="bold", color=style.INK, **look)
        for i, (method, kinds) in enumerate(maps):
            x = style.MARGIN + before + i * (side + between)
            if a == 0:
                by = f", coloured by {kinds.name}" if kinds else ""
                axes.text(x, y - 0.11, f"{method}{by}", fontsize=style.TEXT, color=style.INK)
            places = planes.fitted(flat[a].places[chosen] if method == "PCA" else near[a], *frame)
            _map(axes, places, kinds.of[a][chosen] if kinds else np.zeros(len(chosen), int), kinds, (x, y), frame, total)
            if method == "PCA":
                _components(axes, (x, y), frame, flat[a].shares)
    return style.save(sheet, path)


def _components(axes: Axes, corner: tuple[float, float], frame: tuple[float, float], shares: tuple[float, float]) -> None:
    """What the axes of a plane of principal components are."""
    first, second = (f"{which} component, {share:.0%}" for which, share in zip(("first", "second"), shares, strict=True))
    look: dict[str, Any] = {"fontsize": style.SMALL - 1, "color": style.SOFT, "ha": "center"}
    axes.text(corner[0] + frame[0] / 2, corner[1] + frame[1] + 0.07, f"{first} of variance", va="top", **look)
    axes.text(corner[0] - 0.13, corner[1] + frame[1] / 2, f"{second} of variance", va="center", rotation=90, **look)


def kinds_of_class(labels: np.ndarray, classes: Sequence[str], signs: np.ndarray | None, n_signs: int, count: int) -> Kinds:
    """Points by class; a class has the colour of the sign matched to it by all agents together, so that agreement shows as one colour."""
    many = max(len(classes), int(labels.max(initial=0)) + 1)
    text = [classes[i] if i < len(classes) else str(i) for i in range(many)]
    hues = list(range(many))
    if signs is not None:
        partner = matched(counts(signs, labels, n_signs, many).sum(0))
        free = iter(range(n_signs, n_signs + many))  # no sign has these
        hues = [int(sign) if sign >= 0 else next(free) for sign in partner]
    return Kinds("class", np.broadcast_to(labels, (count, len(labels))), text, hues, sign=False)


def _caption(n: int, shown: int, z: int, count: int, first: str, *, both: bool) -> str:
    """What the maps keep of the latent vectors, and how to compare them."""
    some = f"{shown:,} of {n:,}" if shown < n else f"{n:,}"
    turned = f" (turned to match {first})" if count > 1 else ""
    told = f"The {z} latent dimensions of {some} objects in two: PCA keeps directions of most variance, t-SNE keeps neighbours{turned}."
    same = "\nA class has the colour of the sign matched to it: where both maps of t-SNE agree in colour, the sign names the class."
    return told + same * both


def _map(
    axes: Axes,
    places: np.ndarray,
    of: np.ndarray,
    kinds: Kinds | None,
    corner: tuple[float, float],
    frame: tuple[float, float],
    n_signs: int,
) -> None:
    """Points in a frame, each kind told at its middle."""
    axes.add_patch(Rectangle(corner, *frame, facecolor="none", edgecolor=style.FAINT, linewidth=0.8))
    palette = np.array([style.hue(hue) for hue in kinds.hue]) if kinds else np.array([to_rgb(style.BLUE)])
    size = float(np.clip(1100 / max(len(places), 1) * frame[0] ** 2, 5.0, 26.0))
    axes.scatter(*(places + corner).T, s=size, c=palette[of], alpha=0.75, linewidths=0)
    if kinds is None:
        return
    found, number = np.unique(of, return_counts=True)
    told = [int(kind) for kind in found[np.argsort(-number, kind="stable")][:TOLD]]
    centres = np.array([middle(places[of == kind]) for kind in told])
    points = style.SMALL if frame[0] > 3 else style.SMALL - 1.5
    side = 0.23 if len(told) <= FEW else 0.18
    sizes = [(side, side) if kinds.sign else (0.63 * points / 72 * len(kinds.text[kind]) + 0.06, 1.25 * points / 72) for kind in told]
    for kind, (x, y) in zip(told, planes.apart(centres, np.array(sizes), frame) + corner, strict=True):
        if kinds.sign:
            style.box(axes, x - side / 2 - 0.02, y - side / 2 - 0.02, side + 0.04, side + 0.04, style.PAPER)
            naming.tile(axes, x - side / 2, y - side / 2, side, side, kind, n_signs)
        else:
            halo = [withStroke(linewidth=2.8, foreground=style.PAPER)]
            look: dict[str, Any] = {"fontsize": points, "weight": "bold", "color": style.INK, "ha": "center", "va": "center_baseline"}
            axes.text(x, y, kinds.text[kind], path_effects=halo, **look)


def middle(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " 2"]:
    """The point nearest to the median: unlike the median of a kind in two parts, it lies among its own."""
    return points[np.square(points - np.median(points, 0)).sum(1).argmin()]
