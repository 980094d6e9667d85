"""The drawings of a report: arms over training, arms under interventions; on a sheet with a heading, or bare for a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.special import stdtrit

from semiosis.metrics import Interval
from semiosis.report import naming, style
from semiosis.report.gather import Found, tampered
from semiosis.report.lines import SPLITS, Line, broken, gather
from semiosis.report.measures import measure
from semiosis.report.told import title

MEASURES = ("accuracy", "kappa", "ari", "accepted", "level", "exchanges", "loss", "entropy")  # curves, as far as a run has them
MOST_POINTS = 240  # of a line; of more, means of neighbours are drawn
WIDE, TALL, LEFT, RIGHT, BELOW, ABOVE = 3.2, 2.1, 0.6, 0.28, 0.62, 0.38  # inches of a panel, and around it
ACROSS, BETWEEN = 3, 0.35
BAR, GROUP = 0.2, 0.16  # inches of a bar, and between groups of them
SOLID = 0.72  # how solid bars are: the grid is seen through them
THIN = 10  # so many thin lines can be told from each other
DASHES = ("solid", (0, (5, 1.6)), (0, (1.6, 1.2)), (0, (6, 1.4, 1.4, 1.4)))
INTERVAL = "Lines are means over seeds, bands their 95 % intervals (Student t; of two seeds, from one to the other)"


class Panel(NamedTuple):
    """One measure over training, a line an arm: `Line` has `value` [seeds k]. `chances` are levels of a guess."""

    name: str
    title: str
    lines: list[Line]
    chances: tuple[float, ...] = ()

    @property
    def range(self) -> tuple[float, float]:
        told = measure(self.name)
        return told.low, told.high


class Look(NamedTuple):
    """How the line or bar of an arm is drawn."""

    colour: str
    dash: Any


def looks(names: Sequence[str]) -> dict[str, Look]:
    """A colour and a dash for each arm, the same in all drawings."""
    many = len(names) > len(DASHES)
    dashes = [dash for dash in DASHES for _ in style.LINES] if many else DASHES
    return {name: Look(colour, dash) for name, colour, dash in zip(names, cycle(style.LINES), cycle(dashes))}


def arms(panels: Sequence[Panel]) -> list[str]:
    """The names of all lines, in order."""
    return list(dict.fromkeys(line.name for panel in panels for line in panel.lines))


# ---------------------------------------------------------------------------------------------------------------- courses


def courses(runs: Sequence[Found]) -> list[Panel]:
    """The panels of the runs of a game: of one run its splits are the lines; of several, each split is a panel and the runs are."""
    known = {name for run in runs for row in run.rows for name in row if row[name] is not None}
    names = [name for name in MEASURES if name in known]
    if not names:
        own = list(dict.fromkeys(name for run in runs for row in run.rows for name in row))
        names = [name for name in own if name in known - {"step", "seed", "split", "reasons"}][:3]
    panels = []
    for name in names:
        found = {run.name: {line.name: thinned(line) for line in gather(run.rows, name)} for run in runs}
        chances = tuple(sorted({c for run in runs if (c := run.metrics.get(name, {}).get("chance")) is not None}))
        if len(runs) == 1:
            panels.append(Panel(name, title(name), list(found[runs[0].name].values()), chances))
            continue
        splits = [split for split in SPLITS.values() if any(split in own for own in found.values())]
        for split in splits:
            lines = [own[split]._replace(name=run) for run, own in found.items() if split in own]
            panels.append(Panel(name, f"{title(name)}, {split}", lines, chances))
    return panels


def learning(runs: Sequence[Found], task: str) -> Panel | None:
    """How newborn listeners learn the languages of runs, by what `semiosis probe` wrote; untrained speakers are lines too."""
    lines, told = [], ""
    for run in runs:
        if task not in run.probes:
            continue
        told = run.probes[task].get("measure", "accuracy")
        for kind, curve in run.probes[task]["curves"].items():
            name = kind if len(runs) == 1 else f"{run.name}: {kind}"
            lines.append(Line(name, np.array(curve["steps"]), np.array(curve["value"], float)))
    return Panel(told, f"{title(told)}, newborn listeners", lines) if lines else None


def thinned(line: Line) -> Line:
    """The line with means of neighbouring points where it has more than can be seen."""
    size = -(-len(line.steps) // MOST_POINTS)
    if size < 2:
        return line
    parts = range(0, len(line.steps), size)
    steps = np.array([line.steps[start : start + size][-1] for start in parts])
    return Line(line.name, steps, np.stack([_mean(line.value[:, start : start + size], axis=1) for start in parts], axis=1))


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean of what is known; NaN where nothing is."""
    count = np.isfinite(values).sum(axis)
    return np.divide(np.nansum(values, axis), count, out=np.full(count.shape, np.nan), where=count > 0)


def band(values: np.ndarray, low: float = -math.inf, high: float = math.inf) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over seeds [seeds k] and its bounds [k]: Student's 95 % interval, of two seeds both; cut where the measure's range ends."""
    mean, count = _mean(values, 0), np.isfinite(values).sum(0)
    if len(values) == 2:
        return mean, np.fmin(*values), np.fmax(*values)
    spread = np.sqrt(_mean((values - mean) ** 2, 0) * count / np.maximum(count - 1, 1))
    half = np.where(count > 1, stdtrit(np.maximum(count - 1, 1), 0.975) * spread / np.sqrt(np.maximum(count, 1)), 0.0)
    return mean, np.clip(mean - half, low, high), np.clip(mean + half, low, high)


def alone(panel: Panel, look: Mapping[str, Look]) -> Figure:
    """A panel by itself, for a page that says in words what it shows."""
    sheet = style.figure(LEFT + WIDE + RIGHT, ABOVE + TALL + BELOW)
    _course(style.panel(sheet, LEFT, BELOW, WIDE, TALL), panel, look)
    return sheet


def sheet_of(panels: Sequence[Panel], look: Mapping[str, Look], heading: str, caption: str) -> Figure:
    """All panels on a sheet with a heading and a key."""
    across = min(ACROSS, len(panels))
    downs = -(-len(panels) // across)
    wide = LEFT + WIDE + RIGHT + BETWEEN
    width = max(across * wide - BETWEEN + style.MARGIN, 6.0)
    told = style.wrapped(caption, width - 2 * style.MARGIN)
    key = 0.42
    pitch = ABOVE + TALL + BELOW
    height = style.head_height(told) + key + downs * pitch
    sheet = style.figure(width, height)
    style.heading(sheet, heading, told)
    _key(sheet, look, style.head_height(told) - 0.08)
    for i, panel in enumerate(panels):
        down, aside = divmod(i, across)
        _course(style.panel(sheet, LEFT + aside * wide, BELOW + (downs - 1 - down) * pitch, WIDE, TALL), panel, look)
    return sheet


def _key(sheet: Figure, look: Mapping[str, Look], top: float, *, bars: bool = False) -> None:
    """Which arm is which, in a row below the caption."""
    width, height = sheet.get_size_inches()
    handles: list[Artist] = [
        Patch(color=own.colour, alpha=SOLID, linewidth=0, label=name)
        if bars
        else Line2D([], [], color=own.colour, linestyle=own.dash, linewidth=2.4, label=name)
        for name, own in look.items()
    ]
    sheet.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=((style.MARGIN - 0.07) / width, 1 - top / height),
        ncols=max(1, min(len(handles), int(width / 2.2))),
        frameon=False,
        fontsize=style.SMALL,
        labelcolor=style.INK,
        handlelength=1.4 if bars else 2.4,
        borderpad=0.0,
    )


def _course(axes: Axes, panel: Panel, look: Mapping[str, Look]) -> None:
    """The lines of a panel: mean, band, and seeds where they can be told apart."""
    style.dress(axes)
    low, high = panel.range
    style.steps_axis(axes, max((float(line.steps[-1]) for line in panel.lines), default=1.0) or 1.0)
    name, size = style.fitted(panel.title, WIDE, style.TEXT)
    axes.set_title(name, fontsize=size, color=style.INK, loc="left", pad=9)
    seeds = sum(len(line.value) for line in panel.lines)
    for whole in panel.lines:
        line, own = broken(whole), look[whole.name]
        mean, least, most = band(line.value, low, high)
        mark = "o" if len(line.steps) <= 12 else ""
        if len(line.value) > 1:
            axes.fill_between(line.steps, least, most, color=own.colour, alpha=0.15, linewidth=0)
            faint = 0.5 if seeds <= THIN else 0.22
            axes.plot(line.steps, np.ma.masked_invalid(line.value).T, color=own.colour, linewidth=0.6, alpha=faint)
        thick = {"linewidth": 2.1, "marker": mark, "markersize": 3.6, "zorder": 3, "clip_on": False}
        axes.plot(line.steps, mean, color=own.colour, linestyle=own.dash, **thick)
    values = np.concatenate([line.value.ravel() for line in panel.lines])
    known = values[np.isfinite(values)]
    if (low, high) == (0.0, 1.0):
        axes.set_ylim(0, 1.02)
    elif len(known) and known.min() >= 0:
        axes.set_ylim(0, None if known.max() > 0 else 1)
    for chance in panel.chances:
        axes.axhline(chance, color=style.SOFT, linewidth=1.1, linestyle=(0, (2, 3)), zorder=2)


# ------------------------------------------------------------------------------------------------------------------ bars


class Bars(NamedTuple):
    """A share of each arm in each row: `values` [row][arm], None where an arm has none."""

    title: str
    rows: list[str]
    arms: list[str]
    values: list[list[Interval | None]]
    chances: tuple[float, ...]
    several: bool  # seeds


def interventions(runs: Sequence[Found]) -> Bars | None:
    """The accuracy of runs as trained, and with messages changed on their way in each of the ways that any of them was judged by."""
    known = {name: entry for run in runs for name, entry in run.metrics.items() if entry["mean"] is not None}
    base, names = tampered(known)
    if not names or base not in known:
        return None
    whole = measure(base).name
    rows = ["as trained", *(measure(name).name.removeprefix(whole).strip(", ") for name in names)]
    values = [[_interval(run.metrics.get(name)) for run in runs] for name in (base, *names)]
    chances = tuple(sorted({c for run in runs if (c := run.metrics.get(base, {}).get("chance")) is not None}))
    return Bars(whole[0].upper() + whole[1:], rows, [run.name for run in runs], values, chances, any(len(run.judged) > 1 for run in runs))


def _interval(entry: Mapping[str, Any] | None) -> Interval | None:
    """A share with its interval, within what a share can be: few seeds make wide intervals."""
    if entry is None or entry["mean"] is None:
        return None
    low, high = (None if entry[end] is None else min(max(entry[end], 0.0), 1.0) for end in ("low", "high"))
    return Interval(entry["mean"], low, high)


def bars_sheet(bars: Bars, look: Mapping[str, Look], heading: str = "", caption: str = "") -> Figure:
    """Lying bars with their intervals, a group a row; under a heading with a key, or bare."""
    before = 0.25 + naming.room(bars.rows, 0.9 * style.TEXT)
    wide, behind, below = 3.3, 0.6, 0.55
    pitch = BAR * len(bars.arms) + GROUP
    tall = pitch * len(bars.rows)
    width = max(before + wide + behind, 6.0 if heading else 0.0)
    told = style.wrapped(caption, width - 2 * style.MARGIN)
    top = style.head_height(told) + (0.42 if len(bars.arms) > 1 else 0.1) if heading else 0.08
    sheet = style.figure(width, top + tall + below)
    if heading:
        style.heading(sheet, heading, told)
        if len(bars.arms) > 1:
            _key(sheet, look, style.head_height(told) - 0.08, bars=True)
    axes = style.panel(sheet, before, below, wide, tall)
    style.dress(axes)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=style.FAINT, linewidth=0.7)
    axes.set(xlim=(0, 1), ylim=(tall, 0))
    axes.set_xlabel(bars.title.lower(), fontsize=style.SMALL, color=style.SOFT)
    middles = [(i + 0.5) * pitch for i in range(len(bars.rows))]
    axes.set_yticks(middles, bars.rows, fontsize=style.TEXT - 1, color=style.INK)
    for middle, values in zip(middles, bars.values, strict=True):
        for j, (arm, value) in enumerate(zip(bars.arms, values, strict=True)):
            y = middle + (j - (len(bars.arms) - 1) / 2) * BAR
            _bar(axes, y, value, look[arm].colour)
    for chance in bars.chances:
        axes.axvline(chance, color=style.SOFT, linewidth=1.2, linestyle=(0, (3, 2)), zorder=4)
    return sheet


def _bar(axes: Axes, y: float, value: Interval | None, colour: str) -> None:
    """A bar with its interval and, behind it, its number."""
    number = "–" if value is None or value.mean is None else f"{value.mean:.3f}"
    axes.annotate(number, (1, y), (7, 0), textcoords="offset points", va="center_baseline", fontsize=style.SMALL - 1, color=style.INK)
    if value is None or value.mean is None:
        return
    axes.barh(y, value.mean, height=0.84 * BAR, color=colour, alpha=SOLID, linewidth=0)
    if value.low is not None and value.high is not None:
        axes.hlines(y, value.low, value.high, color=style.INK, linewidth=1.5, zorder=3.5, clip_on=False)
