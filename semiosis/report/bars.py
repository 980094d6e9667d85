"""Lying bars with their intervals: one number a row, from 0 to the most that it can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from semiosis.metrics.value import Value
from semiosis.report import naming, style

BAR = 0.27  # inches from one bar to the next


def lying(
    rows: Sequence[tuple[str, Value, str]], title: str, caption: str, *, unit: str, most: float, first: bool = False
) -> tuple[Figure, Axes]:
    """Lying bars from 0 to `most` with their intervals; names before, numbers behind. `first` is set apart."""
    before = max(1.0, style.MARGIN + 0.1 + naming.room([name for name, _, _ in rows], 0.9 * style.TEXT))
    wide, behind, below = 5.0, 0.85, 0.65
    told = style.wrapped(caption, before + wide + behind - 2 * style.MARGIN)
    tall = BAR * len(rows) + 0.1
    sheet = style.figure(before + wide + behind, style.head_height(told) + 0.15 + tall + below)
    style.heading(sheet, title, told)
    axes = style.panel(sheet, before, below, wide, tall)
    style.dress(axes)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=style.FAINT, linewidth=0.7)
    axes.set(xlim=(0, most), ylim=(len(rows) - 0.5 + 0.05 / BAR, -0.5 - 0.05 / BAR))
    axes.set_xlabel(unit, fontsize=style.SMALL, color=style.SOFT)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows], fontsize=style.TEXT - 1, color=style.INK)
    beyond: dict[str, Any] = {"textcoords": "offset points", "va": "center_baseline", "fontsize": style.SMALL}
    for i, (_, value, number) in enumerate(rows):
        colour = style.INK if first and i == 0 else style.BLUE
        axes.barh(i, value.value or 0.0, height=0.72, color=soft(colour), linewidth=0)
        if value.low is not None and value.high is not None:
            axes.hlines(i, value.low, value.high, color=style.PAPER, linewidth=3.6, zorder=3, clip_on=False)
            axes.hlines(i, value.low, value.high, color=style.INK, linewidth=1.6, zorder=3.5, clip_on=False)
        axes.annotate(number, (most, i), (8, 0), color=style.INK, **beyond)
    return sheet, axes


def soft(colour: str) -> np.ndarray:
    """A colour for large areas."""
    return style.mix(style.PAPER, colour, np.array([0.82]))
