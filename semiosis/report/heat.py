"""Who understands whom: accuracies of all speakers with all listeners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    framed: np.ndarray | None = None,
    groups: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Path:
    """Draw accuracies [i j] of the speakers of row i with the listeners of column j, from chance (light) to 1; returns the path of the PNG.

    `columns` are the names of the listeners where they are others than those of the rows. `framed` [i j] are the cells that are framed, by
    default the diagonal, and none where there are `columns`. `groups` says to which run each row and each column belongs: lines part them.

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
    framed = np.eye(m, n, dtype=bool) & (columns is None) if framed is None else framed
    for i, j in np.argwhere(framed):
        axes.add_patch(Rectangle((j - 0.47, i - 0.47), 0.94, 0.94, fill=False, edgecolor=style.INK, linewidth=1.4 if n <= NUMBERS else 0.7))
    _part(axes, groups)
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


def _part(axes: Axes, groups: tuple[Sequence[str], Sequence[str]] | None) -> None:
    """Lines where one run ends and the next begins."""
    rows, columns = groups or ((), ())
    for draw, names in ((axes.axhline, rows), (axes.axvline, columns)):
        for i in range(1, len(names)):
            if names[i] != names[i - 1]:
                draw(i - 0.5, color=style.INK, linewidth=2.0)


def crossplay(result: Mapping[str, Any], path: str | Path) -> Path:
    """Draw the object of crossplay.json: who understands whom; returns the path of the PNG or SVG."""
    kappa, over = result["measure"] == "kappa", result["over"]
    own = np.array(result["own"], bool)
    framed = own if not own.all() or own.size == 1 else np.zeros(own.shape, bool)  # where all grew up together, there is none to tell apart
    chance, chances = result["chance"], result["chances"]
    told = "" if kappa or chance is not None or None in chances else f" Chance is {_by_group(result)}."
    if kappa:
        story = (
            "Cohen's kappa of the signs that two agents give the same things: 1 where they always agree, 0 where no more than by chance."
        )
    else:
        story = f"{result['measure'].capitalize()} of each row's {_many(result, 0)} with each column's {_many(result, 1)}.{{chance}}{told}"
    if "seeds" in result and len(result["seeds"]) > 1:
        story += f" Means over {len(result['seeds'])} seeds."
    if framed.any() and framed.size > 1:
        story += {"checkpoints": " Framed: those of one time."}.get(over, " Framed: those that grew up together.")
    least = min((x for x in chances if x is not None), default=None) if chance is None else chance
    return matrix(
        result["names"],
        _cells(result["accuracy"]),
        path,
        chance=least,
        title="Who calls things alike" if kappa else "Who understands whom",
        story=story if chance is not None and not kappa else story.replace("{chance}", ""),
        sides=("agents", "agents") if kappa else (_many(result, 0), _many(result, 1)),
        columns=result.get("columns"),
        framed=framed,
        groups=(result["groups"], result.get("column_groups", result["groups"])),
    )


def agreement(result: Mapping[str, Any], path: str | Path) -> Path:
    """Draw how alike those who speak in the object of crossplay.json do so; returns the path of the PNG or SVG."""
    how = result["agreement_measure"]
    rand = how.startswith("adjusted")
    story = (
        "Adjusted Rand index of the signs that two agents give the same things: 1 where they sort things alike, whatever they call them."
        if rand
        else f"How alike the messages about the same things are ({how}): 1 where all are the same."
    )
    chance = result["agreement_chance"]
    about = "" if chance is None else f" Messages about different things are alike by {chance:.3g}." if not rand else " 0 by chance."
    several = f" Means over {len(result['seeds'])} seeds." if len(result.get("seeds", ())) > 1 else ""
    who = "agents" if rand else _many(result, 0)
    return matrix(
        result["names"],
        _cells(result["agreement"]),
        path,
        chance=chance,
        title="Who sorts things alike" if rand else "Who speaks alike",
        story=story + about + several,
        sides=(who, who),
        framed=np.zeros((len(result["names"]),) * 2, bool),
        groups=(result["groups"], result["groups"]),
    )


def _many(result: Mapping[str, Any], place: int) -> str:
    """Who speaks (0) or listens (1), in the plural."""
    roles = result["roles"]
    return f"{roles[min(place, len(roles) - 1)]}s"


def _by_group(result: Mapping[str, Any]) -> str:
    """The chance of each run, where runs differ: 0.1 in the rows of A, 0.05 in those of B."""
    each = dict(zip(result["groups"], result["chances"], strict=True))
    return ", ".join(f"{chance:.3g} in the rows of {group}" for group, chance in each.items())


def _cells(rows: Sequence[Sequence[float | None]]) -> np.ndarray:
    """A matrix as JSON has it, with NaN where it is undefined."""
    return np.array([[np.nan if x is None else x for x in row] for row in rows], float)


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
