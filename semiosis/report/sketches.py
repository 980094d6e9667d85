"""Games of sketches: who saw what, drew it how, and what was found; drawings of many seeds, of classes, and how they are recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer, UInt8
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.metrics.intervals import Interval
from semiosis.report import heat, naming, style
from semiosis.report.glyphs import DIGIT, prints
from semiosis.report.recall import rows_of
from semiosis.runs.gamelogs import Games, chosen

RIGHT, WRONG = style.BLUE, style.VERMILION
SIGNS = {True: "✓", False: "✗"}
ACROSS = 8  # games side by side
WANTED = 1.08  # inches: the side of a picture
GAP = 0.13  # inches between pictures
EDGE = 0.035  # inches: the frame around what the receiver points at
NAME = style.SMALL - 1.0  # points: names of classes below pictures
LINE = 0.19  # inches that a name takes

# ------------------------------------------------------------------------------------------------------------ single games


def contact(
    games: Games,
    rows: Sequence[int] | Integer[np.ndarray, " k"],
    path: str | Path,
    *,
    title: str = "What is seen, what is drawn, what is found",
    caption: str = "",
    sketches: Float[np.ndarray, "k h w c"] | None = None,
) -> Path:
    """Draw games in columns: what the sender saw, its sketch, and what the receiver pointed at; returns the path of the PNG or SVG.

    `rows` are the games to show, some 8 to 16; `sketches` a finer look of their sketches, if there is one. A right guess is framed blue
    and has a tick, a wrong one red and a cross; where it is wrong and the right one is not what the sender saw, that stands below.
    Raises `UsageError` where there is no such game.
    """
    shown = chosen(games, rows)
    count = len(shown.target)
    if not count:
        raise UsageError("no games to draw: expected the numbers of one or more")
    shown = shown if sketches is None else shown._replace(sketches=sketches)
    photos, looks = prints(games.photos / 255.0), prints(shown.sketches)
    apart = ~shown.correct & (shown.right != shown.seen)
    size = _size((shown.photos.shape[1:3], shown.sketches.shape[1:3]), WANTED)
    heads = ["sender sees" if shown.seen_known else "to be found", "sender draws", "receiver finds"]
    heads += ["right one"] if apart.any() else []
    named = shown.labels is not None
    blocks = rows_of(count, ACROSS)
    step = naming.whole(size[1] + GAP)
    before = naming.room(heads, 0.92 * style.TEXT) + 0.12
    width = max(2 * style.MARGIN + before + max(map(len, blocks)) * step - GAP, 7.0)
    told = style.wrapped(_story(games, shown, apart, caption), width - 2 * style.MARGIN)
    below = LINE if named else 0.0
    pitches = [size[0] + below + GAP, size[0] + GAP, size[0] + below + GAP, size[0] + below + GAP]
    tall = [sum(pitches[: 3 + bool(apart[list(block)].any())]) - GAP for block in blocks]
    top = style.head_height(told) + 0.15
    sheet, axes = naming.sheet(width, top + sum(tall) + 0.35 * (len(blocks) - 1) + style.MARGIN, title, told)
    y = top
    for block, high in zip(blocks, tall, strict=True):
        tops = [naming.whole(y + sum(pitches[:i])) for i in range(4)]
        for head, place in list(zip(heads, tops, strict=False))[: 3 + bool(apart[list(block)].any())]:
            _aside(axes, head, place + size[0] / 2)
        for j, i in enumerate(block):
            x = naming.whole(style.MARGIN + before + j * step)
            picture = int(shown.seen[i]), int(shown.found[i]), int(shown.right[i])
            _show(axes, photos[picture[0]], x, tops[0], size)
            _show(axes, looks[i], x, tops[1], size)
            _verdict(axes, photos[picture[1]], x, tops[2], size, right=bool(shown.correct[i]))
            _name(axes, shown.called(picture[0]), x, tops[0], size)
            _name(axes, shown.called(picture[1]), x, tops[2], size, colour=style.SOFT if shown.correct[i] else WRONG)
            if apart[i]:
                _show(axes, photos[picture[2]], x, tops[3], size)
                _name(axes, shown.called(picture[2]), x, tops[3], size)
        y += high + 0.35
    return style.save(sheet, path)


def _story(games: Games, shown: Games, apart: np.ndarray, caption: str) -> str:
    """How to read the sheet, and how all games went."""
    n, rate = len(games.target), metrics.accuracy(games.correct).value or 0.0
    same = bool((shown.right == shown.seen).all())
    told = "Framed blue, with a tick: found. Framed red, with a cross: not."
    if not shown.seen_known:
        told += " What the sender saw is not recorded; above is the photo to be found."
    elif same:
        told += " The right one is the photo that the sender saw."
    elif apart.any():
        told += " The right one is another photo than the sender saw; it stands below where it was missed."
    chance = games.chance
    among = (games.candidates >= 0).sum(axis=1)
    each = f"{among.min()}" if among.min() == among.max() else f"{among.min()} to {among.max()}"
    among_these = f"Chance among {each} candidates is {_percent(chance)}."
    overall = f"Of all {n:,} games {rate:.0%} are right. {among_these}" if n > 1 else among_these
    return "\n".join(part for part in (caption, told, overall) if part)


def _percent(share: float) -> str:
    return f"{share:.0%}" if round(share, 3) >= 0.1 else f"{share:.1%}"


def _size(shapes: Sequence[tuple[int, ...]], wanted: float) -> tuple[float, float]:
    """Inches at which pictures of different numbers of pixels stand equally large, if it can be with whole dots for each pixel of all."""
    h, w = max(shapes)
    common = 1
    for side in {max(shape) for shape in shapes}:
        common = common * side // gcd(common, side)
    dots = wanted * style.DPI
    times = max(round(dots / common), 1)
    side = times * common if 0.7 < times * common / dots < 1.4 else round(dots)
    return naming.whole(side * h / max(h, w) / style.DPI), naming.whole(side * w / max(h, w) / style.DPI)


def _show(axes: Axes, picture: np.ndarray, x: float, y: float, size: tuple[float, float], colour: str = style.FAINT) -> None:
    """A picture with a hair line around it, which parts white ones from the paper."""
    line = 2 / style.DPI
    axes.add_patch(Rectangle((x - line, y - line), size[1] + 2 * line, size[0] + 2 * line, facecolor=colour, linewidth=0, zorder=-1))
    naming.show(axes, picture, x, y, size)


def _verdict(axes: Axes, picture: np.ndarray, x: float, y: float, size: tuple[float, float], *, right: bool) -> None:
    """What the receiver points at, framed and signed: right or wrong."""
    colour = RIGHT if right else WRONG
    axes.add_patch(Rectangle((x - EDGE, y - EDGE), size[1] + 2 * EDGE, size[0] + 2 * EDGE, facecolor=colour, linewidth=0, zorder=-1))
    naming.show(axes, picture, x, y, size)
    side = 0.22
    corner = x + size[1] + EDGE - side, y + size[0] + EDGE - side
    axes.add_patch(Rectangle(corner, side, side, facecolor=colour, linewidth=0, zorder=3))
    look: dict[str, Any] = {"fontsize": style.TEXT, "color": style.PAPER, "weight": "bold", "ha": "center", "va": "center_baseline"}
    axes.text(corner[0] + side / 2, corner[1] + side / 2, SIGNS[right], zorder=4, **look)


def _name(axes: Axes, name: str, x: float, y: float, size: tuple[float, float], colour: str = style.SOFT) -> None:
    """The name of a class below a picture."""
    if name:
        text, points = style.fitted(name, size[1] * 1.1, NAME)
        axes.text(x + size[1] / 2, y + size[0] + EDGE + 0.135, text, fontsize=points, color=colour, ha="center", va="baseline")


def _aside(axes: Axes, text: str, y: float, *, bold: bool = False) -> None:
    """What a row is, before it."""
    weight = "bold" if bold else "normal"
    axes.text(style.MARGIN, y, text, fontsize=style.TEXT, color=style.INK if bold else style.SOFT, weight=weight, va="center_baseline")


# -------------------------------------------------------------------------------------------------------- seeds and classes


def averages(
    sketches: Float[np.ndarray, "a n h w c"],
    photos: UInt8[np.ndarray, "m H W C"],
    path: str | Path,
    *,
    names: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    title: str = "The same photo, drawn by pairs that never met",
    caption: str = "",
) -> Path:
    """Draw photos in columns, each above the sketch of every seed and the mean of them all; returns the path of the PNG or SVG.

    `names` are those of the photos' classes, `seeds` the numbers of the runs, 1, 2, ... where they are not given.
    """
    count, n = sketches.shape[:2]
    if not count or not n or len(photos) != n:
        raise UsageError(f"sketches of shape {sketches.shape} and {len(photos)} photos: expected one seed or more, and a photo a column")
    if (names is not None and len(names) != n) or (seeds is not None and len(seeds) != count):
        raise UsageError(f"expected {n} names, one a photo, and {count} seeds")
    above = prints(photos / 255.0)
    each = prints(sketches.reshape(-1, *sketches.shape[2:])).reshape(count, n, *sketches.shape[2:4], 3)
    size = _size((photos.shape[1:3], sketches.shape[2:4]), WANTED)
    heads = ["photo", *(f"seed {one}" for one in (range(1, count + 1) if seeds is None else seeds)), f"mean of {count}"]
    blocks = rows_of(n, ACROSS + 2)
    step, down = naming.whole(size[1] + GAP), naming.whole(size[0] + GAP)
    before = naming.room(heads, 0.92 * style.TEXT) + 0.12
    width = max(2 * style.MARGIN + before + max(map(len, blocks)) * step - GAP, 7.0)
    told = caption or "Each row: what one run draws of the photos above. Below: the pixel-wise mean, strong where they agree."
    told = style.wrapped(told, width - 2 * style.MARGIN)
    apart = 0.12  # between photos, sketches and means
    below = LINE if names is not None else 0.0
    tall = (count + 2) * down + 2 * apart + below - GAP
    top = style.head_height(told) + 0.15
    sheet, axes = naming.sheet(width, top + len(blocks) * (tall + 0.35) - 0.35 + style.MARGIN, title, told)
    for b, block in enumerate(blocks):
        y = top + b * (tall + 0.35)
        starts = [y, *(y + below + apart + (a + 1) * down for a in range(count)), y + below + 2 * apart + (count + 1) * down]
        starts = [naming.whole(one) for one in starts]
        for i, (head, place) in enumerate(zip(heads, starts, strict=True)):
            _aside(axes, head, place + size[0] / 2, bold=i == len(heads) - 1)
        for j, i in enumerate(block):
            x = naming.whole(style.MARGIN + before + j * step)
            for picture, place in zip([above[i], *each[:, i], each[:, i].mean(axis=0)], starts, strict=True):
                _show(axes, picture, x, place, size)
            if names is not None:
                _name(axes, names[i], x, starts[0], size)
    return style.save(sheet, path)


def prototypes(games: Games, path: str | Path, *, title: str = "What a class looks like, on average", caption: str = "") -> Path:
    """Draw the mean photo of each class beside its mean sketch, and how often its class is found; returns the path of the PNG or SVG.

    The class is that of what the sender saw. Contrast of the sketches is stretched, for all alike. Raises `UsageError` without classes.
    """
    kinds, found = _classes_of(games)
    there = np.unique(kinds)
    photos = np.stack([games.photos[games.seen[kinds == kind]].mean(axis=0) / 255.0 for kind in there])
    means = stretched(np.stack([games.sketches[kinds == kind].mean(axis=0) for kind in there]))
    above, drawn = prints(photos), prints(means)
    size = _size((photos.shape[1:3], means.shape[1:3]), WANTED)
    cell = 2 * size[1] + 0.05
    pitch = naming.whole(cell + 0.32), naming.whole(size[0] + 0.62)
    across = min(len(there), _columns(len(there)))
    width = max(2 * style.MARGIN + across * pitch[0] - 0.32, 7.0)
    rate = metrics.class_rate(kinds, found, _kinds_of_candidates(games))
    told = "Left the mean of the photos that senders saw, right the mean of their sketches, contrast stretched for all alike."
    told += f"\nBelow: how often the receiver points at a photo of the class, in all {rate.value:.0%}"
    told += f" ({_percent(rate.null or 0.0)} by chance)."
    told = style.wrapped("\n".join(part for part in (caption, told) if part), width - 2 * style.MARGIN)
    blocks = [range(i, min(i + across, len(there))) for i in range(0, len(there), across)]
    top = style.head_height(told) + 0.15
    sheet, axes = naming.sheet(width, top + len(blocks) * pitch[1] - 0.29 + style.MARGIN, title, told)
    for b, block in enumerate(blocks):
        y = naming.whole(top + b * pitch[1])
        for j, i in enumerate(block):
            x = naming.whole(style.MARGIN + j * pitch[0])
            _show(axes, above[i], x, y, size)
            _show(axes, drawn[i], naming.whole(x + size[1] + 0.05), y, size)
            own = found[kinds == there[i]] == there[i]
            number = f"{own.mean():.0%} of {len(own):,}"
            name, points = style.fitted(_class(games, int(there[i])), cell - DIGIT * style.SMALL * len(number), style.TEXT)
            axes.text(x, y + size[0] + 0.21, name, fontsize=points, weight="bold", color=style.INK, va="baseline")
            axes.text(x + cell, y + size[0] + 0.21, number, fontsize=style.SMALL, color=style.SOFT, ha="right", va="baseline")
            wide = naming.whole(cell * float(own.mean()))
            axes.add_patch(Rectangle((x, y + size[0] + 0.28), cell, 0.05, facecolor=style.FAINT, linewidth=0))
            axes.add_patch(Rectangle((x, y + size[0] + 0.28), wide, 0.05, facecolor=style.BLUE, linewidth=0))
    return style.save(sheet, path)


def _columns(count: int) -> int:
    """Cells side by side: at most five, fewer where the last row is then fuller."""
    return min(range(3, 6), key=lambda across: (-(-count // across) * across - count, -across)) if count > 5 else count


def stretched(pictures: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n h w c"]:
    """Pictures with more contrast, all alike: the ground (the median of all borders) stays, what is farthest from it is ink or paper."""
    border = np.concatenate([pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]], axis=1)
    ground = float(np.median(border))
    far = float(np.abs(pictures - ground).max())
    reach = max(ground, 1.0 - ground)
    return np.clip(ground + (pictures - ground) * (reach / far if far > 0 else 1.0), 0.0, 1.0)


def classes(games: Games, path: str | Path, *, title: str = "What is drawn, and what is found for it") -> Path:
    """Draw how often sketches of each class (a row) lead to photos of each (a column), as shares; returns the path of the PNG or SVG.

    Classes that nobody drew or found are left out. Raises `UsageError` without classes.
    """
    kinds, found = _classes_of(games)
    there, places = np.unique(np.concatenate([kinds, found]), return_inverse=True)
    k = len(there)
    table = metrics.confusion(places[: len(kinds)], places[len(kinds) :], k)
    with np.errstate(invalid="ignore"):
        shares = table / table.sum(axis=1, keepdims=True)
    rate = metrics.class_rate(kinds, found, _kinds_of_candidates(games))
    story = "Share of the sketches of each class (row) for which the receiver points at a photo of each (column). Framed: the same class.\n"
    story += f"The class is right in {rate.value:.0%} of {len(kinds):,} games, the photo in {games.correct.mean():.0%}."
    names = [_class(games, int(kind)) for kind in there]
    return heat.matrix(names, shares, path, title=title, story=story, sides=("drawn", "found"))


def _classes_of(games: Games) -> tuple[np.ndarray, np.ndarray]:
    """The class of what the sender saw, and of what the receiver pointed at."""
    if games.labels is None:
        raise UsageError("a figure of classes needs labels, and these games have none")
    return games.labels[games.seen], games.labels[games.found]


def _kinds_of_candidates(games: Games) -> np.ndarray:
    """The class of each candidate, -1 where there is none."""
    assert games.labels is not None
    return np.where(games.candidates >= 0, games.labels[games.candidates], -1)


def _class(games: Games, label: int) -> str:
    return games.classes[label] if label < len(games.classes) else str(label)


# ------------------------------------------------------------------------------------------------------------- recognition


def recognised(
    runs: Mapping[str, Mapping[str, Interval]],
    path: str | Path,
    *,
    chance: float | None,
    title: str = "Can those who never saw a sketch tell what it shows?",
    caption: str = "",
) -> Path:
    """Draw rates with their intervals, run by run, on one scale from 0 to 1, and chance; returns the path of the PNG or SVG.

    `runs` are those of `recognise.Recognised.rates` by the names of the runs. A rate without an interval is a point alone.
    """
    if not runs or not all(runs.values()):
        raise UsageError("no rates: expected those of one run or more")
    kinds = list(dict.fromkeys(kind for rates in runs.values() for kind in rates))
    colour = {kind: (style.SOFT if kind == "photos" else style.LINES[i % len(style.LINES)]) for i, kind in enumerate(_behind(kinds))}
    line, between = 0.3, 0.22
    before = max(1.2, style.MARGIN + 0.15 + naming.room(list(runs), 0.95 * style.TEXT))
    wide, behind, below = 5.2, 0.35 + naming.room([f"{kind} 0.00" for kind in kinds], 0.9 * style.SMALL), 0.7
    many = any(one.low is not None for rates in runs.values() for one in rates.values())
    told = "By classifiers that learned from photos alone" + (" and by CLIP" if any("CLIP" in kind for kind in kinds) else "")
    told += ", with 95 % intervals (Student t)." if many else "."
    told += "" if chance is None else f" Dashed: chance, {_percent(chance)}."
    told = style.wrapped("\n".join(part for part in (caption, told) if part), before + wide + behind - 2 * style.MARGIN)
    tall = sum(len(rates) for rates in runs.values()) * line + (len(runs) - 1) * between + 0.1
    sheet = style.figure(before + wide + behind, style.head_height(told) + 0.2 + tall + below)
    style.heading(sheet, title, told)
    axes = style.panel(sheet, before, below, wide, tall)
    style.dress(axes)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=style.FAINT, linewidth=0.7)
    axes.set(xlim=(0, 1), ylim=(tall, 0), yticks=[])
    axes.set_xlabel("share", fontsize=style.SMALL, color=style.SOFT)
    if chance is not None:
        axes.axvline(chance, color=style.INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
    y = 0.05 + line / 2
    for i, (run, rates) in enumerate(runs.items()):
        if i:
            axes.axhline(y - line / 2 - between / 2, color=style.FAINT, linewidth=0.7, xmin=(style.MARGIN - before) / wide, clip_on=False)
        _run(axes, run, y + (len(rates) - 1) * line / 2)
        for kind, one in rates.items():
            _rate(axes, kind, one, y, colour[kind])
            y += line
        y += between
    return style.save(sheet, path)


def _behind(kinds: Sequence[str]) -> list[str]:
    """Kinds of rates in the order in which they get colours: photos, a measure to compare with, last."""
    return sorted(kinds, key=lambda kind: kind == "photos")


def _run(axes: Axes, name: str, y: float) -> None:
    look: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center_baseline", "ha": "right"}
    axes.annotate(name, (0, y), (-10, 0), fontsize=style.TEXT, color=style.INK, weight="bold", **look)


def _rate(axes: Axes, kind: str, one: Interval, y: float, colour: str) -> None:
    """A point with its interval, and what it is."""
    if one.low is not None and one.high is not None:
        axes.hlines(y, max(one.low, 0.0), min(one.high, 1.0), color=colour, linewidth=6, alpha=0.28, zorder=2, clip_on=False)
    if one.mean is not None:
        axes.plot([one.mean], [y], "o", color=colour, markersize=8, markeredgecolor=style.PAPER, zorder=3, clip_on=False)
    number = "–" if one.mean is None else f"{one.mean:.2f}"
    look: dict[str, Any] = {"textcoords": "offset points", "va": "center_baseline", "fontsize": style.SMALL}
    axes.annotate(number, (1, y), (12, 0), color=style.INK, weight="bold", **look)
    axes.annotate(kind, (1, y), (44, 0), color=colour, **look)
