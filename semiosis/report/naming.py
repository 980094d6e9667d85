"""What the figures of the naming game share: agents by name, signs as tiles, pictures in print on a sheet measured in inches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from semiosis.errors import UsageError
from semiosis.report import style, words
from semiosis.report.named import printed

HEAD = 0.34  # inches, the height of a tile that heads a column


def sheet(width: float, height: float, title: str, caption: str) -> tuple[Figure, Axes]:
    """A sheet with its heading, and axes over all of it in inches from its upper left corner; `whole` places fall on dots."""
    width, height = whole(width), whole(height)
    paper = style.figure(width, height)
    style.heading(paper, title, caption)
    axes = style.panel(paper, 0.0, 0.0, width, height)
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    return paper, axes


def whole(inches: float) -> float:
    """The nearest whole number of dots, in inches."""
    return round(inches * style.DPI) / style.DPI


def agents(count: int, names: Sequence[str] | None) -> list[str]:
    """The names of the agents; without names A, B, ..., Z, A1, ..."""
    if names is not None and len(names) != count:
        raise UsageError(f"{len(names)} names {list(names)}: expected {count}, one an agent")
    return list(names) if names is not None else [chr(ord("A") + i % 26) + (str(i // 26) if i >= 26 else "") for i in range(count)]


def called(name: str) -> str:
    """An agent as it is spoken of: a letter, or one with a number, needs the word before it."""
    return f"agent {name}" if len(name) == 1 or name[1:].isdecimal() else name


def room(texts: Sequence[str], size: float = style.TEXT) -> float:
    """The inches that the longest of some texts takes, in bold."""
    return 0.66 * size / 72 * max(map(len, texts), default=0)


def tile(axes: Axes, x: float, y: float, width: float, height: float, sign: int, n_signs: int, *, faded: bool = False) -> None:
    """A sign: a rounded tile of its colour with its letter, its upper left corner at a place in inches."""
    colour, text = faint(np.array(style.hue(sign))) if faded else np.array(style.hue(sign)), words.letter(sign, n_signs)
    style.box(axes, x, y, width, height, tuple(colour))
    size = min(14.0, 72 * height * 0.6, 72 * width * (0.6 if len(text) == 1 else 1.1 / len(text)))
    ink = style.PAPER if faded else style.over(colour)
    axes.text(x + width / 2, y + height / 2, text, fontsize=size, weight="bold", color=ink, ha="center", va="center_baseline")


def faint(colours: np.ndarray) -> np.ndarray:
    """RGB [... 3] as what is hardly there."""
    return np.array(to_rgb(style.PAPER)) * 0.72 + 0.28 * colours


def prints(pictures: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n h w 3"]:
    """Pictures from 0 to 1 in print, as RGB; all of them become ink on paper or none, so that they can be compared."""
    if pictures.shape[-1] not in (1, 3, 4):
        raise UsageError(f"pictures of shape {pictures.shape}: expected 1 (grey) or 3 (colour) channels last")
    n, h, w, _ = pictures.shape
    strip = printed(np.concatenate(255.0 * np.clip(np.nan_to_num(pictures), 0.0, 1.0), axis=1))
    scale = strip.shape[0] // h
    return np.stack(np.split(strip[::scale, ::scale], n, axis=1)).reshape(n, h, w, 3)


def size_of(pictures: np.ndarray, wanted: float) -> tuple[float, float]:
    """The height and width in inches of pictures [... h w c], near the wanted, that give each pixel a whole number of dots."""
    h, w = pictures.shape[-3:-1]
    dots = wanted * style.DPI / max(h, w)
    dots = round(dots) if dots >= 1 else dots
    return whole(h * dots / style.DPI), whole(w * dots / style.DPI)


def show(axes: Axes, picture: np.ndarray, x: float, y: float, size: tuple[float, float]) -> None:
    """A picture in print (`prints`), its upper left corner at a place in inches."""
    crisp = "nearest" if size[1] * style.DPI >= picture.shape[1] else "antialiased"
    extent = (x, x + size[1], y + size[0], y)
    axes.imshow(picture, extent=extent, interpolation=crisp, aspect="auto")
