"""Lines over training steps: how a run went, and how fast newborn listeners learn its language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from semiosis.report import style
from semiosis.report.measures import measure, variant
from semiosis.runs.probe import Curve

WIDTH, HEIGHT, LEFT, BETWEEN, BELOW, NAMES = 3.6, 2.9, 0.75, 1.05, 0.7, 1.0  # inches, of one panel and around it
SPLITS = {"train": "training", "valid": "held out"}
SHOWN = ("accuracy", "loss", "entropy")
MANY = (*style.LINES, *(style.HUES[i] for i in (5, 7, 8, 10)))  # colours for up to ten agents
ACROSS = 3  # panels side by side at most
LATE, SHORT = 0.5, 0.25  # what begins after such a share of the run and takes less than such a share of it has an axis of its own
PAUSE = 8  # so many times its usual pace without a value break a line
BAND = "Thick: mean over {n} seeds. Thin: each seed. Band: from the lowest to the highest."


class Line(NamedTuple):
    """The values of one measure: `steps` [k], and `value` [seeds k] with NaN where a seed has none."""

    name: str
    steps: np.ndarray
    value: np.ndarray


def curves(
    rows: Iterable[Mapping[str, Any]],
    path: str | Path,
    chance: float | None = None,
    title: str = "How the run went",
    shown: Sequence[str] = SHOWN,
) -> Path:
    """Draw measures of metrics.jsonl over steps, in training and on held-out examples; one that nobody has is left out.

    `shown` says which, in their order; a run without any of these shows its first other measures. Variants of a shown measure (`ari@A` and
    `ari@B` of `ari`) are lines of its panel, in training. A measure that exists only late and for a short time has an axis of its own.
    `chance` is drawn in the panel of accuracy. Returns the path of the PNG.
    """
    rows = list(rows)
    known = list(dict.fromkeys(name for row in rows for name in row if name not in ("step", "seed", "split", "reasons")))
    trained = {name for row in rows if row["split"] == "train" for name in row if row[name] is not None}
    parts = {name: _parts(name, [other for other in known if other in trained]) for name in dict.fromkeys(shown)}
    names = [name for name in parts if name in known or parts[name]] or known[: len(SHOWN)]
    colours = _colours(other.partition("@")[2] for name in names for other in parts.get(name, ()))
    panels = {name: lines for name in names if (lines := _lines(rows, name, parts.get(name, ())))}
    seeds = max((len(line.value) for lines in panels.values() for line in lines), default=0)
    downs = max(-(-len(panels) // ACROSS), 1)
    across = max(-(-len(panels) // downs), 1)
    longest = 0.12 + 0.105 * max((len(name) for name in colours), default=0)
    between, beyond = (max(BETWEEN, 0.45 + longest, 1.4), max(NAMES, longest)) if colours else (BETWEEN, NAMES)
    width = LEFT + across * WIDTH + (across - 1) * between + beyond
    caption = style.wrapped(BAND.format(n=seeds) if seeds > 1 else "One seed.", width - 2 * style.MARGIN)
    pitch = 0.35 + HEIGHT + BELOW
    height = style.head_height(caption) + downs * pitch
    sheet = style.figure(width, height)
    style.heading(sheet, title, caption)
    last = float(max((row["step"] for row in rows), default=1))
    for i, (name, lines) in enumerate(panels.items()):
        down, aside = divmod(i, across)
        axes = style.panel(sheet, LEFT + aside * (WIDTH + between), BELOW + (downs - 1 - down) * pitch, WIDTH, HEIGHT)
        told = bool(colours) or aside == across - 1 or i == len(panels) - 1
        span = _span(lines, last)
        _panel(axes, lines, span, _title(name), chance if name == "accuracy" else None, names=told, colours=colours)
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
    _panel(axes, lines, (0.0, last), f"{_title(curves[0].measure)} in training", chance, names=True)
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


def _parts(name: str, known: Sequence[str]) -> list[str]:
    """The variants of a measure that are lines beside it: none where one says the same or many cannot be told apart."""
    found = [other for other in known if other.startswith(f"{name}@")]
    return [] if name in known and not 1 < len(found) <= len(MANY) else sorted(found)


def _lines(rows: Sequence[Mapping[str, Any]], name: str, variants: Sequence[str]) -> list[Line]:
    """The lines of a measure, and of its variants in training; beside its agents, the measure itself is their mean."""
    trained = [row for row in rows if row["split"] == "train"]
    own = {other: variant(other.partition("@")[2]) for other in variants}
    among = any(told.startswith("agent") for told in own.values())
    plain = [line._replace(name="mean") if among and line.name == SPLITS["train"] else line for line in gather(rows, name)]
    return plain + [line._replace(name=told) for other, told in own.items() for line in gather(trained, other)]


def _colours(found: Iterable[str]) -> dict[str, str]:
    """A colour for each variant by the name of its line, the same in all panels; agents come before pairs of them."""
    return dict(zip(map(variant, sorted(set(found), key=lambda what: (len(what), what))), cycle(MANY)))


def _span(lines: Sequence[Line], last: float) -> tuple[float, float]:
    """The steps of a panel's axis: the whole run, or those of its lines where they begin late and are short."""
    first, end = min(float(line.steps[0]) for line in lines), max(float(line.steps[-1]) for line in lines)
    return (first, end) if first > LATE * last and 0 < end - first < SHORT * last else (0.0, last)


def broken(line: Line) -> Line:
    """The line with a gap where its measure paused for long: it is not drawn over steps at which nothing was measured."""
    pace = np.diff(line.steps)
    after = np.flatnonzero(pace > PAUSE * np.median(pace)) if len(pace) else pace
    steps = np.insert(line.steps.astype(float), after + 1, line.steps[after] + 0.5)
    return Line(line.name, steps, np.insert(line.value, after + 1, np.nan, axis=1)) if len(after) else line


def _title(name: str) -> str:
    told = measure(name)
    return told.name + (f", {told.unit}" if told.unit else "")


def _panel(
    axes: Axes,
    lines: Sequence[Line],
    span: tuple[float, float],
    title: str,
    chance: float | None,
    *,
    names: bool,
    colours: Mapping[str, str] | None = None,
) -> None:
    """Lines with their bands; the name of each stands at its end, in its colour. Beside variants with `colours`, others are grey."""
    own = colours or {}
    others = cycle((style.INK, style.SOFT) if own else style.LINES)
    style.dress(axes)
    style.steps_axis(axes, span[1])
    axes.set_xlim(*span)
    axes.set_title(title, fontsize=style.TEXT, color=style.INK, loc="left", pad=10)
    ends = []
    for line in lines:
        colour = own[line.name] if line.name in own else next(others)
        line = broken(line)
        seen = np.ma.masked_invalid(line.value)
        mark = "o" if len(line.steps) <= 12 else ""
        axes.plot(line.steps, seen.mean(0), color=colour, linewidth=2.2, marker=mark, markersize=4, zorder=3, clip_on=False)
        if len(line.value) > 1:
            axes.fill_between(line.steps, seen.min(0), seen.max(0), color=colour, alpha=0.14, linewidth=0)
            axes.plot(line.steps, seen.T, color=colour, linewidth=0.7, alpha=0.45)
        ends.append((line.name, float(seen.mean(0).compressed()[-1]), colour))
    if "accuracy" in title:
        axes.set_ylim(0, 1.02)
    elif min(float(np.nanmin(line.value)) for line in lines) >= 0:
        axes.set_ylim(0, None if max(float(np.nanmax(line.value)) for line in lines) > 0 else 1)
    ends = ends if names else []
    if chance is not None:
        axes.axhline(chance, color=style.SOFT, linewidth=1.1, linestyle=(0, (4, 3)), zorder=2)
        ends.append(("chance", chance, style.SOFT))
    low, high = axes.get_ylim()
    for (name, _, colour), place in zip(ends, style.spread([end[1] for end in ends], (high - low) * 0.075, low, high), strict=True):
        bold = "normal" if colour == style.SOFT else "bold"
        axes.annotate(
            name,
            (span[1], place),
            (7, 0),
            textcoords="offset points",
            fontsize=style.SMALL,
            color=colour,
            weight=bold,
            va="center_baseline",
        )
