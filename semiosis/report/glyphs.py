"""Glyphs, the pictures that stand for messages: the alphabet, what arrives of it, and how well it is read."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from math import ceil, log
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from semiosis.errors import UsageError
from semiosis.metrics.intervals import over_seeds
from semiosis.report import clusters, naming, style
from semiosis.report.measures import Measure, measure
from semiosis.report.recall import rows_of

GOLDEN = (1 + 5**0.5) / 2
ACROSS = 16  # messages side by side on a contact sheet
LEAST, LINES, LEAD = 8.0, 4, 1.2  # points of a name that still can be read, lines it is broken into at most, and their distance
DIGIT = 0.64 / 72  # inches that a digit takes at one point
LABELLED = 64  # up to so many messages have their names beside the table of answers
RIGHT, WRONG = style.BLUE, style.VERMILION
NOTHING = "nothing"

# -------------------------------------------------------------------------------------------------------- pictures and names


def prints(glyphs: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n h w 3"]:
    """Glyphs as RGB from 0 to 1, as they are: what lies outside is clipped, NaN is black, grey stays grey."""
    if glyphs.shape[-1] not in (1, 3) or 0 in glyphs.shape:
        raise UsageError(f"glyphs of shape {glyphs.shape}: expected one or more, with 1 (grey) or 3 (colour) channels last")
    return np.broadcast_to(np.clip(np.nan_to_num(glyphs), 0.0, 1.0), (*glyphs.shape[:-1], 3))


def one_each(what: str, given: Sequence[str], count: int) -> None:
    """Refuse names or guesses that are not as many as the glyphs."""
    if len(given) != count:
        raise UsageError(f"{len(given)} {what}: expected {count}, one a glyph")


def broken(names: Sequence[str], across: int, most: int = LINES) -> list[str]:
    """Names in lines of at most `across` characters, broken at spaces if they have any; cut short after `most` lines."""
    return ["\n".join(textwrap.wrap(name, across, max_lines=most, placeholder="…")) for name in names]


def fitted(names: Sequence[str], width: float, size: float = style.TEXT) -> tuple[list[str], float, float]:
    """Names in as few lines as fit that many inches, all of one size in points; the inches that the tallest takes."""
    longest = max(map(len, names), default=1)
    most = max(int(width / (DIGIT * LEAST) + 1e-6), 1)
    across = min(ceil(longest / min(ceil(longest / most), LINES)), most) if longest else 1
    points = style.fitted("0" * across, width * 0.6 / 0.64, size)[1]
    texts = broken(names, across)
    tall = max((text.count("\n") + 1 for text in texts), default=1)
    return texts, points, (tall * LEAD - 0.2) * points / 72


def _show(axes: Axes, picture: np.ndarray, x: float, y: float, size: tuple[float, float]) -> None:
    """A glyph with a hair line around it, which parts white ones from the paper."""
    line = 2 / style.DPI
    axes.add_patch(Rectangle((x - line, y - line), size[1] + 2 * line, size[0] + 2 * line, facecolor=style.FAINT, linewidth=0, zorder=-1))
    naming.show(axes, picture, x, y, size)


def _write(axes: Axes, text: str, x: float, y: float, points: float, colour: str = style.INK, *, bold: bool = False) -> None:
    """Lines of text centred on x, below y; letters with and without tails stand on the same line."""
    for i, line in enumerate(text.split("\n")):
        base = y + (0.78 + i * LEAD) * points / 72
        axes.text(x, base, line, fontsize=points, color=colour, weight="bold" if bold else "normal", ha="center", va="baseline")


def _cell(names: Sequence[str], size: tuple[float, float]) -> float:
    """The width of a column: that of a glyph, or of eight characters of a long name."""
    return naming.whole(max(size[1], DIGIT * LEAST * min(max(map(len, names), default=1), 8) + 0.01))


# -------------------------------------------------------------------------------------------------------------- the alphabet


def alphabet(
    glyphs: Float[np.ndarray, "n h w c"], names: Sequence[str], path: str | Path, *, title: str = "The alphabet", caption: str = ""
) -> Path:
    """Draw every glyph with its name beneath, on a page near the golden section; returns the path of the PNG or SVG.

    Glyphs are grey or RGB from 0 to 1, and clipped to that.
    """
    pictures = prints(glyphs)
    one_each("names", names, len(pictures))
    size = naming.size_of(pictures, float(np.clip(6.2 / len(pictures) ** 0.5, 0.45, 1.4)))
    wide = _cell(names, size)
    texts, points, below = fitted(names, wide, 13.0 if size[1] > 0.8 else style.TEXT)
    pitch = naming.whole(wide + 0.08 + 0.12 * size[1]), naming.whole(size[0] + 0.06 + below + 0.06 + 0.08 * size[0])
    least = max(5.0, 2 * style.MARGIN + naming.room([title], style.TITLE))
    across = _columns(len(pictures), pitch, least)
    width = max(2 * style.MARGIN + across * pitch[0] - (pitch[0] - wide), least)
    told = style.wrapped(caption, width - 2 * style.MARGIN) if caption else ""
    top = naming.whole(style.head_height(told) + 0.1 if told else 0.85)
    rows = ceil(len(pictures) / across)
    sheet, axes = naming.sheet(width, top + rows * pitch[1] - (pitch[1] - size[0] - 0.06 - below) + style.MARGIN, title, told)
    for i, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        x, y = style.MARGIN + i % across * pitch[0], top + i // across * pitch[1]
        _show(axes, picture, naming.whole(x + (wide - size[1]) / 2), y, size)
        _write(axes, text, x + wide / 2, y + size[0] + 0.06, points)
    return style.save(sheet, path)


def _columns(count: int, pitch: tuple[float, float], least: float) -> int:
    """How many cells of a width and height to set side by side: near the golden section, and with a last row that is nearly full."""

    def cost(across: int) -> float:
        rows = ceil(count / across)
        width = max(2 * style.MARGIN + across * pitch[0], least)
        return abs(log(width / (1.2 + rows * pitch[1]) / GOLDEN)) + 0.35 * (rows * across - count) / across

    return min(range(1, count + 1), key=cost)


# --------------------------------------------------------------------------------------------------------- what arrives


def contact(
    said: Float[np.ndarray, "n h w c"],
    heard: Float[np.ndarray, "n h w c"],
    names: Sequence[str],
    path: str | Path,
    *,
    guesses: Sequence[str] | None = None,
    title: str = "What is drawn, and what arrives",
    caption: str = "",
) -> Path:
    """Draw glyphs in columns, each as it was drawn and below as it arrived, and what it was read as; returns the path of the PNG or SVG.

    Both are grey or RGB from 0 to 1, and clipped to that. A guess that is the name is right.
    """
    pictures = prints(said), prints(heard)
    one_each("names", names, len(said))
    one_each("guesses", names if guesses is None else guesses, len(said))
    blocks = rows_of(len(said), ACROSS)
    across = max(map(len, blocks))
    size = naming.size_of(said, 0.95 if across <= 10 else 0.72)
    wide = _cell([*names, *(guesses or ())], size)
    step = naming.whole(wide + 0.09)
    texts, points, head = fitted([*names, *(guesses or ())], 0.92 * wide, 13.0)  # misread ones are bold, and wider
    before = naming.room(["arrives"], style.TEXT) + 0.15
    width = max(2 * style.MARGIN + before + across * step - 0.09, 7.0)
    told = style.wrapped(caption + ("" if guesses is None else _marks(names, guesses, spaced=bool(caption))), width - 2 * style.MARGIN)
    tall = head + 0.07 + 2 * size[0] + 0.06 + (0.0 if guesses is None else 0.07 + head)
    top = style.head_height(told) + 0.1 if told else 0.85
    sheet, axes = naming.sheet(width, top + len(blocks) * (tall + 0.32) - 0.32 + style.MARGIN, title, told)
    for b, block in enumerate(blocks):
        y = naming.whole(top + b * (tall + 0.32))
        upper = naming.whole(y + head + 0.07)
        lower = naming.whole(upper + size[0] + 0.06)
        last = lower + size[0] + 0.07
        _aside(axes, "drawn", upper + size[0] / 2)
        _aside(axes, "arrives", lower + size[0] / 2)
        if guesses is not None:
            _aside(axes, "read as", last + 0.42 * points / 72)
        for j, i in enumerate(block):
            left = style.MARGIN + before + j * step
            middle, x = left + wide / 2, naming.whole(left + (wide - size[1]) / 2)
            _write(axes, texts[i], middle, y, points)
            _show(axes, pictures[0][i], x, upper, size)
            _show(axes, pictures[1][i], x, lower, size)
            if guesses is not None:
                right = guesses[i] == names[i]
                _write(axes, texts[len(said) + i], middle, last, points, RIGHT if right else WRONG, bold=not right)
    return style.save(sheet, path)


def _marks(names: Sequence[str], guesses: Sequence[str], *, spaced: bool) -> str:
    """How many were read right, and how that is told."""
    right = sum(name == guess for name, guess in zip(names, guesses, strict=True))
    told = f"Read right: {right} of {len(names)}, in blue; what was misread is bold and red."
    return f" {told}" if spaced else told


def _aside(axes: Axes, text: str, y: float) -> None:
    """What a row is, before it."""
    axes.text(style.MARGIN, y, text, fontsize=style.TEXT, color=style.SOFT, va="center_baseline")


# ------------------------------------------------------------------------------------------------- accuracy level by level


def ladder(
    accuracy: Float[np.ndarray, "seeds levels"],
    path: str | Path,
    *,
    chance: float | None,
    level: Sequence[int] | Integer[np.ndarray, " s"] | None = None,
    title: str = "How much noise the reader bears",
    shown: str = "accuracy",
) -> Path:
    """Draw a measure at each level of difficulty, with its mean and interval over seeds; returns the path of the PNG or SVG.

    `shown` is the measure as in metrics.jsonl, NaN where it is undefined. `level` is the one that training has got to, one a seed.
    """
    seeds, count = accuracy.shape
    if 0 in accuracy.shape:
        raise UsageError(f"{shown} of shape {accuracy.shape}: expected one seed or more by one level or more")
    if level is not None and (len(level) != seeds or min(level) < 0 or max(level) >= count):
        raise UsageError(f"level {[int(one) for one in level]}: expected {seeds}, one a seed, from 0 to {count - 1}")
    what = measure(shown)
    wide, high, left, below = 6.4, 3.5, 0.85, 0.75
    width = left + wide + 1.25
    told = style.wrapped(_story(seeds, trained=level is not None, known=not np.isnan(accuracy).all()), width - 2 * style.MARGIN)
    sheet = style.figure(width, style.head_height(told) + 0.5 + high + below)
    style.heading(sheet, title, told)
    axes = style.panel(sheet, left, below, wide, high)
    style.dress(axes)
    axes.set_title(
        what.name + (f", {what.unit}" if what.unit else ""),
        fontsize=style.TEXT,
        color=style.INK,
        loc="left",
        pad=22 if level is not None else 12,
    )
    axes.set_xlim(-0.4, count - 0.6)
    axes.set_xlabel("level of difficulty", fontsize=style.SMALL, color=style.SOFT, labelpad=4)
    axes.set_xticks(range(count)) if count <= 20 else axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    end = _over_levels(axes, accuracy, what)
    if (what.low, what.high) == (0.0, 1.0):
        axes.set_ylim(0, 1.04)
    _named(axes, end if seeds > 1 else None, chance, count - 0.6)
    if level is not None:
        _reached(axes, [int(one) for one in level])
    return style.save(sheet, path)


def _story(seeds: int, *, trained: bool, known: bool) -> str:
    """How to read the ladder."""
    told = f"Thick: mean over {seeds} seeds. Thin: each seed. Band: 95 % interval (Student t)." if seeds > 1 else "One seed."
    told = told if known else "Not defined at any level."
    return told + ("\n▼ The level that training has reached." if trained else "")


def _over_levels(axes: Axes, accuracy: np.ndarray, what: Measure) -> tuple[float, float] | None:
    """Seeds, their mean and its interval, cut where the measure ends; where the mean ends, None if nothing is defined."""
    at = np.arange(accuracy.shape[1])
    found = [over_seeds([None if np.isnan(one) else float(one) for one in column]) for column in accuracy.T]
    mean, low, high = (np.array([np.nan if one is None else one for one in side], float) for side in zip(*found, strict=True))
    if len(accuracy) > 1:
        axes.fill_between(at, np.maximum(low, what.low), np.minimum(high, what.high), color=style.BLUE, alpha=0.14, linewidth=0)
        axes.plot(at, accuracy.T, color=style.BLUE, linewidth=0.8, alpha=0.5)
    axes.plot(at, mean, color=style.BLUE, linewidth=2.2, marker="o", markersize=5, zorder=3, clip_on=False)
    known = np.flatnonzero(~np.isnan(mean))
    return (float(known[-1]), float(mean[known[-1]])) if len(known) else None


def _named(axes: Axes, end: tuple[float, float] | None, chance: float | None, right: float) -> None:
    """Names at the right end of the lines: the mean, and chance, which is drawn."""
    ends = [("mean", end[1], style.BLUE)] if end else []
    if chance is not None:
        axes.axhline(chance, color=style.SOFT, linewidth=1.1, linestyle=(0, (4, 3)), zorder=2)
        ends.append(("chance", chance, style.SOFT))
    low, high = axes.get_ylim()
    for (name, _, colour), place in zip(ends, style.spread([one[1] for one in ends], (high - low) * 0.075, low, high), strict=True):
        weight = "normal" if colour == style.SOFT else "bold"
        look: dict[str, Any] = {"fontsize": style.SMALL, "color": colour, "weight": weight, "va": "center_baseline"}
        axes.annotate(name, (right, place), (7, 0), textcoords="offset points", **look)


def _reached(axes: Axes, level: Sequence[int]) -> None:
    """A mark above each level that training has got to, with the number of seeds if there are more."""
    above = axes.get_xaxis_transform()
    for one in sorted(set(level)):
        axes.axvline(one, color=style.INK, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        axes.plot([one], [1.02], marker="v", markersize=8, color=style.INK, clip_on=False, zorder=4, transform=above)
        if level.count(one) > 1:
            beside: dict[str, Any] = {"xycoords": above, "textcoords": "offset points", "va": "center_baseline"}
            axes.annotate(f"× {level.count(one)}", (one, 1.02), (8, 0), fontsize=style.SMALL - 1, color=style.INK, **beside)


# ------------------------------------------------------------------------------------------------------- what was read for what


def answers(
    said: Integer[np.ndarray, " n"],
    guess: Integer[np.ndarray, " n"],
    names: Sequence[str],
    path: str | Path,
    *,
    title: str = "What is read for what",
) -> Path:
    """Draw how often each message (a row) is read as each message (a column), as shares of its row; returns the path of the PNG or SVG.

    Both are places in `names`; a guess `len(names)` says that there is nothing to read, and has a column of its own if it occurs. Of more
    than 64 messages the names are not written. What is no such place is an error.
    """
    k = len(names)
    if not 0 < len(said) == len(guess):
        raise UsageError(f"{len(said)} messages and {len(guess)} guesses: expected one or more, and as many of each")
    if max(said) >= k or max(guess) > k or min(guess) < 0:
        found = f"messages up to {max(said)} and guesses from {min(guess)} to {max(guess)}"
        raise UsageError(f"{found}: expected 0 to {k - 1}, and the guess {k} for nothing")
    empty = bool((guess == k).any())
    table = clusters.counts(guess[None], said, k + empty, k)[0]
    numbers, labelled = k <= clusters.NUMBERS, k <= LABELLED
    cell = naming.whole(0.46 if numbers else max(0.16, 7.5 / k) if labelled else max(0.015, 7.5 / k))
    points = min(style.SMALL, 72 * cell * 0.75)
    told = broken(names, 20, 1) if labelled else []
    beside = DIGIT * points * max(map(len, told), default=0) + 0.1
    upright = beside - 0.1 < 0.9 * cell
    above = 0.27 if upright else max(beside, DIGIT * points * len(NOTHING) + 0.1 if empty else 0.0)
    left = style.MARGIN + 0.3 + beside
    last, gap = (cell, 0.0) if labelled else (0.16, 0.08)  # of many messages, a column of one cell would hardly be seen
    wide = k * cell + empty * (gap + last)
    width = max(left + wide + (max(0.75 - last, 0.0) if empty and upright else 0.0) + style.MARGIN, 6.2)
    caption = style.wrapped(_found(said, guess, k, numbers=numbers), width - 2 * style.MARGIN)
    x, y = naming.whole(left), naming.whole(style.head_height(caption) + 0.35 + above)
    sheet, axes = naming.sheet(width, y + k * cell + style.MARGIN, title, caption)
    if labelled:
        clusters._table(axes, table, x, y, cell, range(k), numbers=numbers)
    else:
        shares = table / np.maximum(table.sum(1, keepdims=True), 1)
        naming.show(axes, style.HEAT(shares[:, :k])[..., :3], x, y, (k * cell, k * cell))
        if empty:
            naming.show(axes, style.HEAT(shares[:, k:])[..., :3], x + k * cell + gap, y, (k * cell, last))
    _sides(axes, told, (x, y), (k * cell, above), points, upright=upright)
    if empty:
        _nothing(axes, x + k * cell + gap, y, last, k * cell if labelled else 0.0, points, upright=upright)
    return style.save(sheet, path)


def _nothing(axes: Axes, x: float, y: float, width: float, line: float, points: float, *, upright: bool) -> None:
    """The name of the last column, and a line of some inches that sets it apart."""
    if line:
        axes.vlines(x, y - 0.04, y + line, color=style.INK, linewidth=1.0)
    lean: dict[str, Any] = {"ha": "left"} if upright else {"ha": "center", "rotation": 90}
    where = x + (0.06 if line else 0.0) if upright else x + width / 2
    axes.text(where, y - 0.07, NOTHING, fontsize=points if line else style.SMALL, color=style.INK, va="bottom", **lean)


def _found(said: np.ndarray, guess: np.ndarray, k: int, *, numbers: bool) -> str:
    """How to read the table, and what it comes to."""
    what = "Messages (row) by what they were read as (column)" if numbers else "Share of each message (row) that was read as each (column)"
    told = f"{what}; the darker, the larger the share of its row.\nRead right: {np.mean(said == guess):.0%} of {len(said):,}."
    none = float(np.mean(guess == k))
    return told + (f" Read as {NOTHING}: {none:.0%}." if none else "")


def _sides(
    axes: Axes, names: Sequence[str], corner: tuple[float, float], room: tuple[float, float], points: float, *, upright: bool
) -> None:
    """What rows and columns are, and their names; `room` is the side of the table, and the height of the names above it."""
    x, y = corner
    side, above = room
    axes.text(style.MARGIN, y + side / 2, "meant", fontsize=style.SMALL, color=style.SOFT, rotation=90, ha="left", va="center")
    axes.text(x + side / 2, y - above - 0.05, "read as", fontsize=style.SMALL, color=style.SOFT, ha="center", va="bottom")
    for i, name in enumerate(names):
        middle = (i + 0.5) * side / len(names)
        axes.text(x - 0.07, y + middle, name, fontsize=points, color=style.INK, ha="right", va="center_baseline")
        axes.text(x + middle, y - 0.07, name, fontsize=points, color=style.INK, ha="center", va="bottom", rotation=0 if upright else 90)
