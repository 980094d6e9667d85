"""How agents divide the world: which sign they use for which class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Integer
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from scipy.optimize import linear_sum_assignment

from semiosis.errors import UsageError
from semiosis.report import naming, style

NUMBERS = 16  # up to so many signs, all are shown and each cell carries its number
WIDEST = 15.0  # inches of panels side by side


def confusion(
    signs: Integer[np.ndarray, "a n"],
    labels: Integer[np.ndarray, " n"],
    classes: Sequence[str],
    path: str | Path,
    *,
    n_signs: int,
    names: Sequence[str] | None = None,
    title: str = "Which sign for which class",
) -> Path:
    """Draw how often each agent names the objects of each class (a row) by each sign (a column); returns the path of the PNG.

    `labels` are places in `classes`. The signs stand in one order for all agents, each beneath the class it is matched to (`matched`). Of
    more than 16 signs, those that nobody uses are left out. A sign that is not from 0 to n_signs - 1 is an error.
    """
    who = [naming.called(name) for name in naming.agents(len(signs), names)]
    tables = counts(signs, labels, n_signs, len(classes))
    total = tables.sum(0)
    partner, order = matched(total), columns(total)
    if n_signs > NUMBERS:
        order = [sign for sign in order if total[:, sign].any() or sign in partner]
    tall = tables.shape[1]
    kinds = [classes[i] if i < len(classes) else str(i) for i in range(tall)]
    most = max(tall, len(order))
    cell = naming.whole(0.46 if most <= NUMBERS else max(0.17, 7.5 / most))
    head = max(0.24, 0.75 * cell)
    wide, between = cell * len(order), 0.35
    block = max(wide, naming.room(who) + 1.0)
    points = min(style.SMALL, 72 * cell * 0.75)
    before = naming.room(kinds, 0.88 * points) + 0.12
    fit = max(1, int((WIDEST - before + between) // (block + between)))
    across = -(-len(who) // -(-len(who) // fit))
    downs = -(-len(who) // across)
    width = max(2 * style.MARGIN + before + across * (block + between) - between, 7.0)
    caption = style.wrapped(_told(n_signs - len(order), numbers=most <= NUMBERS), width - 2 * style.MARGIN)
    top = style.head_height(caption) + 0.1
    pitch = 0.34 + head + 0.05 + tall * cell + 0.3
    sheet, axes = naming.sheet(width, top + downs * pitch - 0.3 + style.MARGIN, title, caption)
    for a, name in enumerate(who):
        x = naming.whole(style.MARGIN + before + a % across * (block + between))
        y = top + a // across * pitch
        right = tables[a][np.arange(tall)[partner >= 0], partner[partner >= 0]].sum() / max(tables[a].sum(), 1)
        axes.text(x, y + 0.14, name, fontsize=style.TEXT, weight="bold", color=style.INK, va="center_baseline")
        axes.text(x + block, y + 0.14, f"{right:.0%} framed", fontsize=style.SMALL, color=style.SOFT, va="center_baseline", ha="right")
        for j, sign in enumerate(order):
            naming.tile(axes, x + (j + 0.04) * cell, y + 0.34, 0.92 * cell, head, sign, n_signs)
        low = naming.whole(y + 0.34 + head + 0.05)
        _table(axes, tables[a][:, order], x, low, cell, [order.index(s) if s >= 0 else -1 for s in partner], numbers=most <= NUMBERS)
        if a % across == 0:
            for i, kind in enumerate(kinds):
                middle = low + (i + 0.5) * cell
                axes.text(x - 0.1, middle, kind, fontsize=points, color=style.INK, ha="right", va="center_baseline")
    return style.save(sheet, path)


def counts(
    signs: Integer[np.ndarray, "a n"], labels: Integer[np.ndarray, " n"], n_signs: int, n_classes: int = 0
) -> Integer[np.ndarray, "a c k"]:
    """How often each agent names the objects of each class by each sign: c is `n_classes`, or more where labels say so."""
    if signs.size and not 0 <= signs.min() <= signs.max() < n_signs:
        raise UsageError(f"signs from {signs.min()} to {signs.max()}: expected 0 to {n_signs - 1}")
    if labels.size and labels.min() < 0:
        raise UsageError(f"label {labels.min()}: expected 0 or more")
    out = np.zeros((len(signs), max(n_classes, int(labels.max(initial=0)) + 1), n_signs), int)
    for table, own in zip(out, signs, strict=True):
        np.add.at(table, (labels, own), 1)
    return out


def matched(table: Integer[np.ndarray, "c k"]) -> Integer[np.ndarray, " c"]:
    """The sign of each class in the matching, one to one, that covers most objects (the Hungarian method); -1 for a class left over."""
    out = np.full(len(table), -1)
    rows, signs = linear_sum_assignment(table, maximize=True)
    met = table[rows, signs] > 0  # a pair that never occurs is no match
    out[rows[met]] = signs[met]
    return out


def columns(table: Integer[np.ndarray, "c k"]) -> list[int]:
    """Signs in the order of the classes they are matched to; then those left over by their commonest class, last those never used."""
    first = [int(sign) for sign in matched(table) if sign >= 0]
    rest = [sign for sign in range(table.shape[1]) if sign not in first]
    return first + sorted(rest, key=lambda sign: (not table[:, sign].any(), int(table[:, sign].argmax())))


def _told(left_out: int, *, numbers: bool) -> str:
    """How to read the tables."""
    what = "Objects of a class (row) by the sign they are named by (column); the darker, the larger the share of its row."
    out = f" {left_out} signs that nobody uses are left out." if left_out > 1 else " The sign that nobody uses is left out." * left_out
    return f"{what if numbers else what.replace('Objects', 'Share of the objects', 1)}\nFramed: class and sign that belong together.{out}"


def _table(axes: Axes, table: np.ndarray, x: float, y: float, cell: float, framed: Sequence[int], *, numbers: bool) -> None:
    """One agent's counts [c k] as cells from a place on, in row i the cell framed[i] framed."""
    tall, wide = table.shape
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    axes.imshow(style.HEAT(shares)[..., :3], extent=(x, x + wide * cell, y + tall * cell, y), interpolation="nearest", aspect="auto")
    line = {"color": style.PAPER, "linewidth": 1.5 if numbers else 0.5}
    axes.vlines(x + cell * np.arange(wide + 1), y, y + tall * cell, **line)
    axes.hlines(y + cell * np.arange(tall + 1), x, x + wide * cell, **line)
    for i, j in enumerate(framed):
        if j >= 0:
            edge = 0.03 * cell
            place, side = (x + j * cell + edge, y + i * cell + edge), cell - 2 * edge
            axes.add_patch(Rectangle(place, side, side, fill=False, edgecolor=style.INK, linewidth=1.2 if numbers else 0.7))
    if numbers:
        size = min(style.SMALL, 72 * cell * 0.86 / (0.64 * len(str(table.max(initial=0)))))
        for i, j in np.argwhere(table):
            ink = style.over(style.HEAT(shares[i, j])[:3])
            middle = x + (j + 0.5) * cell, y + (i + 0.5) * cell
            axes.text(*middle, str(table[i, j]), fontsize=size, color=ink, ha="center", va="center_baseline")
