"""Who understands whom: accuracies of all speakers with all listeners."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from semiosis.report import style

NUMBERS = 12  # up to so many rows each cell carries its number


def matrix(
    names: Sequence[str],
    accuracy: np.ndarray,
    path: str | Path,
    chance: float | None = None,
    title: str = "Who understands whom",
    story: str = "Accuracy of each row's speakers with each column's listeners.{chance} Framed: those that grew up together.",
    sides: tuple[str, str] = ("speakers", "listeners"),
    columns: Sequence[str] | None = None,
) -> Path:
    """Draw accuracies [i j] of the speakers of row i with the listeners of column j, from chance (light) to 1; returns the path of the PNG.

    `columns` are the names of the listeners where they are others than those of the rows; then nothing is framed.

    What is below chance has the colour of chance. `story` and `sides` tell of another figure than accuracy; it is 0 by chance if `chance`
    is None. What is NaN is a dash.
    """
    heads, m = names if columns is None else columns, len(names)
    n = len(heads)
    most = max(n, m)
    cell = 0.62 if most <= NUMBERS else max(0.16, 7.5 / most)
    longest = max(map(len, heads))
    upright = n <= NUMBERS and longest * 0.09 < cell  # column names fit side by side
    before = 0.75 + 0.088 * max(map(len, names))
    above = 0.55 if upright else 0.45 + 0.063 * longest
    beyond = 1.25 if upright else max(1.25, 0.07 * longest + 0.1)  # the last slanted name leans out
    width = max(before + n * cell + beyond, 6.2)
    low = 0.0 if chance is None or chance >= 1 else chance
    told = "" if chance is None else f" Chance is {chance:.3g}."
    caption = style.wrapped(story.format(chance=told), width - 0.8)
    height = style.head_height(caption) + above + m * cell + style.MARGIN
    sheet = style.figure(width, height)
    style.heading(sheet, title, caption)
    axes = style.panel(sheet, before, style.MARGIN, n * cell, m * cell)
    scale = Normalize(low, 1.0, clip=True)
    values = np.ma.masked_invalid(np.asarray(accuracy, float))
    axes.imshow(values, cmap=style.HEAT, norm=scale, interpolation="nearest", aspect="auto")
    _dress(axes, names, heads, sides, size=min(style.SMALL, 72 * cell * 0.75), upright=upright)
    for i in range(n if columns is None else 0):
        axes.add_patch(Rectangle((i - 0.47, i - 0.47), 0.94, 0.94, fill=False, edgecolor=style.INK, linewidth=1.4 if n <= NUMBERS else 0.7))
    if most <= NUMBERS:
        for (i, j), value in np.ndenumerate(values.filled(np.nan)):
            ink = style.SOFT if np.isnan(value) else style.over(style.HEAT(scale(value))[:3])
            axes.text(j, i, "–" if np.isnan(value) else f"{value:.2f}", fontsize=style.SMALL, color=ink, ha="center", va="center_baseline")
    bar = sheet.colorbar(ScalarMappable(scale, style.HEAT), cax=style.panel(sheet, before + n * cell + 0.25, style.MARGIN, 0.16, m * cell))
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=style.SMALL - 1, labelcolor=style.SOFT, length=0)
    ticks = (low, (low + 1) / 2, 1.0)
    bar.set_ticks(ticks, labels=[f"{tick:.2f}" for tick in ticks])
    return style.save(sheet, path)


def _dress(axes: Axes, names: Sequence[str], heads: Sequence[str], sides: tuple[str, str], *, size: float, upright: bool) -> None:
    """Names on top and at the left, white lines between the cells."""
    m, n = len(names), len(heads)
    lean: dict[str, Any] = {"rotation": 0, "ha": "center"} if upright else {"rotation": 45, "ha": "left", "rotation_mode": "anchor"}
    axes.set_xticks(range(n), heads, fontsize=size, color=style.INK, **lean)
    axes.set_yticks(range(m), names, fontsize=size, color=style.INK)
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    axes.set_ylabel(sides[0], fontsize=style.SMALL, color=style.SOFT)
    axes.set_xlabel(sides[1], fontsize=style.SMALL, color=style.SOFT)
    axes.xaxis.set_label_position("top")
    for edge in axes.spines.values():
        edge.set_visible(False)
    axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(m + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=style.PAPER, linewidth=1.5 if max(n, m) <= NUMBERS else 0.5)
    axes.tick_params(which="minor", length=0)
