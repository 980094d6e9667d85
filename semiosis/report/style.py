"""The look of every figure: colours that colour-blind readers can tell apart, one ink, light paper, crisp text.

A figure is a `matplotlib.figure.Figure` of its own; nothing here or in its users touches pyplot or matplotlib's settings.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator
from scipy.optimize import isotonic_regression

from semiosis.errors import UsageError
from semiosis.runs.files import spoken, write_bytes

INK, SOFT, FAINT, PAPER, TINT = "#22252b", "#6b7079", "#d9dce1", "#ffffff", "#f3f4f6"
BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION = "#0072b2", "#e69f00", "#009e73", "#aa4499", "#56b4e9", "#d55e00"
LINES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)  # Okabe and Ito, 2008
# Tol's muted scheme (2021), then the same lighter and darker; a symbol is also told by its letter
HUES = ("#88ccee", "#cc6677", "#ddcc77", "#117733", "#44aa99", "#332288", "#aa4499", "#999933", "#882255", "#e69f00", "#7b848f", "#5a8fd6")
HEAT = LinearSegmentedColormap.from_list("heat", ["#f7fbff", "#cfe1f2", "#8fc0df", "#3f8fc4", "#125ca4", "#08306b"])
DPI = 200
MARGIN = 0.4  # inches
TITLE, TEXT, SMALL = 17.0, 12.0, 10.5  # points


def figure(width: float, height: float) -> Figure:
    """An empty sheet of that many inches."""
    sheet = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(sheet)
    return sheet


def save(sheet: Figure, path: str | Path) -> Path:
    """Write the PNG or, if the path ends so, the SVG, with the folders that lead to it, wholly or not at all; returns where.

    The same sheet gives the same bytes. In an SVG letters are outlines and pictures keep their own pixels, with sharp edges.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise UsageError(f"cannot draw {path}: expected a name that ends in .png or .svg")
    for text in sheet.findobj(Text):
        text.set_parse_math(False)  # names are a user's: a $ in them is a dollar
    drawn = BytesIO()
    if kind == "svg":
        _keep_pixels(sheet)
        with rc_context({"svg.hashsalt": "semiosis", "svg.fonttype": "path"}):  # salt: else the ids in it are drawn at random
            sheet.savefig(drawn, facecolor=PAPER, format="svg", metadata={"Date": None})
    else:
        sheet.savefig(drawn, dpi=DPI, facecolor=PAPER, format="png")
    with spoken(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, drawn.getvalue())
    return path


def _keep_pixels(sheet: Figure) -> None:
    """Let pictures go into an SVG as they are, one by one, for the viewer to enlarge without blur."""
    sheet.suppressComposite = True
    for axes in sheet.axes:
        for picture in axes.images:
            picture.set_interpolation("none")


def wrapped(text: str, width: float) -> str:
    """A caption broken into lines of that many inches; a sentence that ends a line of its own keeps doing so."""
    return "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, int(width * 72 / (0.54 * SMALL))) or [""])


def head_height(caption: str) -> float:
    """The inches that a title and its caption (`wrapped`) take at the top of a sheet."""
    return 0.78 + 0.195 * (caption.count("\n") + 1)


def heading(sheet: Figure, title: str, caption: str, *, left: float = MARGIN) -> None:
    """A title and under it what is shown, `left` inches from the edge."""
    width, height = sheet.get_size_inches()
    sheet.text(left / width, 1 - 0.5 / height, title, fontsize=TITLE, weight="bold", color=INK, va="baseline")
    sheet.text(left / width, 1 - 0.62 / height, caption, fontsize=SMALL, color=SOFT, va="top", linespacing=1.35)


def panel(sheet: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place given in inches."""
    total_w, total_h = sheet.get_size_inches()
    return sheet.add_axes((left / total_w, bottom / total_h, width / total_w, height / total_h))


def dress(axes: Axes) -> None:
    """Only the lines that are needed: a faint grid across, one axis below."""
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.grid(axis="y", color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL, labelcolor=SOFT, color=FAINT, length=3)
    axes.tick_params(axis="y", length=0)


def box(axes: Axes, x: float, y: float, width: float, height: float, colour: object) -> None:
    """A rectangle with soft corners."""
    round_ = f"round,pad=0,rounding_size={min(0.07, width / 4)}"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=round_, facecolor=colour, linewidth=0))


def steps_axis(axes: Axes, last: float) -> None:
    """The horizontal axis of training steps."""
    axes.set_xlim(0, last)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: short(x)))
    axes.set_xlabel("steps", fontsize=SMALL, color=SOFT)


def short(number: float) -> str:
    """4,000 as it is; 200,000 as 200k; 3,000,000 as 3M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= 10 * size or (letter == "M" and number >= size):
            return f"{number / size:g}{letter}"
    return f"{number:,.0f}"


def hue(symbol: int) -> tuple[float, float, float]:
    """The colour of a symbol; from the thirteenth on, lighter and darker kin of the first twelve."""
    rgb = np.array(to_rgb(HUES[symbol % len(HUES)]))
    turn = symbol // len(HUES) % 3
    rgb = rgb if turn == 0 else 0.55 * rgb + 0.45 if turn == 1 else 0.6 * rgb
    return (float(rgb[0]), float(rgb[1]), float(rgb[2]))


def fitted(text: str, width: float, size: float) -> tuple[str, float]:
    """A text and its size in points, made to fit that many inches: smaller down to 8 points, then cut short."""
    needed = 0.6 * max(len(text), 1) / 72  # inches a point
    if needed * size <= width:
        return text, size
    size = max(8.0, min(size, width / needed))
    most = int(width * 72 / (0.6 * size) + 1e-6)
    return (text if len(text) <= most else text[: most - 1].rstrip() + "…"), size


def mix(low: str, high: str, share: np.ndarray) -> np.ndarray:
    """Colours between two: share [... 1] in [0, 1] -> RGB [... 3]."""
    first, last = np.array(to_rgb(low)), np.array(to_rgb(high))
    return first + (last - first) * share


def over(colour: Any) -> str:
    """The ink that reads best on a colour."""
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in to_rgb(colour)]
    light = float(np.dot((0.2126, 0.7152, 0.0722), linear))  # relative luminance of WCAG 2
    return "#ffffff" if 1.05 / (light + 0.05) > (light + 0.05) / 0.0685 else INK


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places for labels from `low` to `high`, `gap` or more apart, as near to the wanted ones as that allows (least squares)."""
    if not len(wanted):
        return []
    order = np.argsort(wanted, kind="stable")
    room = np.arange(len(order)) * gap
    nearest = isotonic_regression(np.asarray(wanted, float)[order] - room).x
    out = np.empty(len(order))
    out[order] = np.clip(nearest, low, high - room[-1]) + room
    return out.tolist()
