"""Lines over training steps: how a run went, and how fast newborn listeners learn its language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from semiosis.report import style
from semiosis.report.measures import measure
from semiosis.runs.probe import Curve

WIDTH, HEIGHT, LEFT, BETWEEN, BELOW, NAMES = 3.6, 2.9, 0.75, 1.05, 0.7, 1.0  # inches, of one panel and around it
SPLITS = {"train": "training", "valid": "held out"}
SHOWN = ("accuracy", "loss", "entropy")
BAND = "Thick: mean over {n} seeds. Thin: each seed. Band: from the lowest to the highest."


class Line(NamedTuple):
    """The values of one measure: `steps` [k], and `value` [seeds k] with NaN where a seed has none."""

    name: str
    steps: np.ndarray
    value: np.ndarray


def curves(rows: Iterable[Mapping[str, Any]], path: str | Path, chance: float | None = None, title: str = "How the run went") -> Path:
    """Draw accuracy, loss and entropy of metrics.jsonl over steps, in training and on held-out examples; a measure nobody has is left out.

    A run without any of these shows its first other measures. `chance` is drawn in the panel of accuracy. Returns the path of the PNG.
    """
    rows = list(rows)
    known = list(dict.fromkeys(name for row in rows for name in row if name not in ("step", "seed", "split", "reasons")))
    shown = [name for name in SHOWN if name in known] or known[: len(SHOWN)]
    panels = {name: lines for name in shown if (lines := gather(rows, name))}
    seeds = max((len(line.value) for lines in panels.values() for line in lines), default=0)
    count = max(len(panels), 1)
    width = LEFT + count * WIDTH + (count - 1) * BETWEEN + NAMES
    caption = style.wrapped(BAND.format(n=seeds) if seeds > 1 else "One seed.", width - 2 * style.MARGIN)
    height = style.head_height(caption) + 0.35 + HEIGHT + BELOW
    sheet = style.figure(width, height)
    style.heading(sheet, title, caption)
    last = float(max((row["step"] for row in rows), default=1))
    for i, (name, lines) in enumerate(panels.items()):
        axes = style.panel(sheet, LEFT + i * (WIDTH + BETWEEN), BELOW, WIDTH, HEIGHT)
        name_there = i == count - 1
        _panel(axes, lines, last, _title(name), chance if name == "accuracy" else None, names=name_there)
    return style.save(sheet, path)


def learning(curves: Sequence[Curve], path: str | Path, chance: float | None = None, title: str = "How easily it is learned") -> Path:
    """Draw how newborn listeners learn languages (`runs.probe`), one line a language; returns the path of the PNG."""
    lines = [Line(curve.title, np.asarray(curve.steps), np.asarray(curve.value)) for curve in curves]
    seeds = max(len(line.value) for line in lines)
    names = 0.35 + 0.105 * max(len(line.name) for line in lines)
    wide = 5.2
    width = LEFT + wide + names + 0.2
    what = "Newborn listeners hear the frozen messages of speakers. "
    caption = style.wrapped(what + (BAND.format(n=seeds) if seeds > 1 else "One seed."), width - 2 * style.MARGIN)
    sheet = style.figure(width, style.head_height(caption) + 0.35 + 3.4 + BELOW)
    style.heading(sheet, title, caption)
    axes = style.panel(sheet, LEFT, BELOW, wide, 3.4)
    last = float(max(line.steps[-1] for line in lines))
    _panel(axes, lines, last, f"{_title(curves[0].measure)} in training", chance, names=True)
    return style.save(sheet, path)


def gather(rows: Iterable[Mapping[str, Any]], measure: str) -> list[Line]:
    """The lines of a measure, one a split; a step told twice counts as told last, and what is undefined (None) is left out."""
    found: dict[str, dict[int, dict[int, float]]] = {}
    for row in rows:
        if row.get(measure) is not None:
            found.setdefault(row["split"], {}).setdefault(row["seed"], {})[row["step"]] = row[measure]
    order = [split for split in SPLITS if split in found] + [split for split in found if split not in SPLITS]
    lines = []
    for split in order:
        steps = sorted({step for values in found[split].values() for step in values})
        value = np.array([[values.get(step, np.nan) for step in steps] for _, values in sorted(found[split].items())])
        lines.append(Line(SPLITS.get(split, split), np.array(steps), value))
    return lines


def _title(name: str) -> str:
    told = measure(name)
    return told.name + (f", {told.unit}" if told.unit else "")


def _panel(axes: Axes, lines: Sequence[Line], last: float, title: str, chance: float | None, *, names: bool) -> None:
    """Lines with their bands; the name of each stands at its end, in its colour."""
    style.dress(axes)
    style.steps_axis(axes, last)
    axes.set_title(title, fontsize=style.TEXT, color=style.INK, loc="left", pad=10)
    ends = []
    for line, colour in zip(lines, style.LINES * len(lines), strict=False):
        seen = np.ma.masked_invalid(line.value)
        mark = "o" if len(line.steps) <= 12 else ""
        axes.plot(line.steps, seen.mean(0), color=colour, linewidth=2.2, marker=mark, markersize=4, zorder=3, clip_on=False)
        if len(line.value) > 1:
            axes.fill_between(line.steps, seen.min(0), seen.max(0), color=colour, alpha=0.14, linewidth=0)
            axes.plot(line.steps, seen.T, color=colour, linewidth=0.7, alpha=0.45)
        ends.append((line.name, float(seen.mean(0).compressed()[-1]), colour))
    if "accuracy" in title:
        axes.set_ylim(0, 1.02)
    elif axes.get_ylim()[0] > 0 and min(float(np.nanmin(line.value)) for line in lines) >= 0:
        axes.set_ylim(bottom=0)
    ends = ends if names else []
    if chance is not None:
        axes.axhline(chance, color=style.SOFT, linewidth=1.1, linestyle=(0, (4, 3)), zorder=2)
        ends.append(("chance", chance, style.SOFT))
    low, high = axes.get_ylim()
    for (name, _, colour), place in zip(ends, style.spread([end[1] for end in ends], (high - low) * 0.075, low, high), strict=True):
        bold = "normal" if colour == style.SOFT else "bold"
        axes.annotate(
            name, (last, place), (7, 0), textcoords="offset points", fontsize=style.SMALL, color=colour, weight=bold, va="center_baseline"
        )
