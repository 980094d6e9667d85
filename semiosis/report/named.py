"""What a word names, as it stands beside the word in a figure: pictures, attributes or classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from semiosis.report import style, words
from semiosis.report.words import Word

PICTURE, GAP = 0.54, 0.06  # inches: the side of an image, what lies between images
CHIP, TOLD = 1.35, 1.15  # inches: the width of an attribute, of what is told after images
ATTRIBUTES = 8  # attributes shown at most


class Named(NamedTuple):
    """How to show what a word names: drawn from `left`, centred on `middle`, in a `width` of inches, below a `header` of column names."""

    draw: Callable[[Axes, Word, float, float], None]
    width: float
    header: Sequence[str] = ()


def pictures(images: np.ndarray, labels: np.ndarray | None, class_names: Sequence[str], most: int) -> Named:
    """Images in a row, and their commonest class."""
    wide = most * (PICTURE + GAP)

    def draw(axes: Axes, word: Word, left: float, middle: float) -> None:
        for i, place in enumerate(words.fair_sample(word, labels, most)):
            x = left + i * (PICTURE + GAP)
            extent = (x, x + PICTURE, middle + PICTURE / 2, middle - PICTURE / 2)
            axes.imshow(printed(images[place]), extent=extent, interpolation="antialiased", aspect="auto")
        if labels is None:
            _count(axes, word, left + wide + 0.1, middle)
        else:
            _commonest(axes, word, labels, class_names, left + wide + 0.1, middle)

    return Named(draw, wide + TOLD)


def printed(image: np.ndarray) -> np.ndarray:
    """An image [h w c] in print: RGB in [0, 1], enlarged by whole pixels; grey strokes on a dark ground become ink on paper."""
    picture = image / 255.0
    if image.shape[-1] == 1:
        edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        ink = picture if np.median(edge) < 64 else 1.0 - picture
        picture = style.mix(style.TINT, style.INK, ink)
    scale = max(1, -(-120 // min(image.shape[:2])))
    return picture[..., :3].repeat(scale, 0).repeat(scale, 1)


def attributes(values: np.ndarray, names: Sequence[str], value_names: Sequence[Sequence[str]], all_words: Sequence[Word]) -> Named:
    """The commonest value of each attribute [n k], on a ground as deep as the examples agree in it; of many, the `telling` ones."""
    chosen = telling(values, all_words)[:ATTRIBUTES]

    def draw(axes: Axes, word: Word, left: float, middle: float) -> None:
        for i, k in enumerate(chosen):
            value, share = word.share(values[:, k])
            known = k < len(value_names) and value < len(value_names[k])
            _chip(axes, left + i * CHIP, middle, value_names[k][value] if known else str(value), share)
        _count(axes, word, left + CHIP * len(chosen) + 0.1, middle)

    header = [names[k] if k < len(names) else f"attribute {k + 1}" for k in chosen]
    return Named(draw, CHIP * len(chosen) + 0.8, header)


def telling(values: np.ndarray, all_words: Sequence[Word]) -> list[int]:
    """The attributes in their order; if more than can be shown, first those for which knowing the word helps a guess most."""
    if values.shape[1] <= ATTRIBUTES:
        return list(range(values.shape[1]))
    whole = Word((), np.concatenate([word.members for word in all_words]))

    def gain(column: np.ndarray) -> float:
        return sum(word.share(column)[1] * len(word.members) for word in all_words) / len(whole.members) - whole.share(column)[1]

    return np.argsort([-gain(column) for column in values.T], kind="stable").tolist()


def classes(labels: np.ndarray | None, names: Sequence[str]) -> Named:
    """The three commonest classes, where that is all that is known."""
    shown = 0 if labels is None else 3

    def draw(axes: Axes, word: Word, left: float, middle: float) -> None:
        if labels is not None:
            found, counts = np.unique(labels[word.members], return_counts=True)
            for i, place in enumerate(np.argsort(-counts, kind="stable")[:shown]):
                _chip(axes, left + i * CHIP, middle, _class(int(found[place]), names), float(counts[place] / counts.sum()))
        _count(axes, word, left + shown * CHIP + 0.1, middle)

    return Named(draw, shown * CHIP + 0.8)


def _chip(axes: Axes, x: float, middle: float, text: str, share: float) -> None:
    """A value with its share, deeper where it is surer."""
    colour = style.HEAT(0.5 * share**2)[:3]
    ink = style.over(colour)
    style.box(axes, x + 0.03, middle - 0.22, CHIP - 0.06, 0.44, colour)
    text, size = style.fitted(text, CHIP - 0.6, style.SMALL)
    axes.text(x + 0.11, middle, text, fontsize=size, color=ink, va="center_baseline", weight="bold" if share == 1 else "normal")
    axes.text(x + CHIP - 0.11, middle, f"{share:.0%}", fontsize=style.SMALL - 1.5, color=ink, va="center_baseline", ha="right")


def _class(label: int, names: Sequence[str]) -> str:
    return names[label] if label < len(names) else str(label)


def _count(axes: Axes, word: Word, x: float, middle: float) -> None:
    """How many examples there are."""
    axes.text(x, middle, f"× {len(word.members):,}", fontsize=style.SMALL, color=style.SOFT, va="center_baseline")


def _commonest(axes: Axes, word: Word, labels: np.ndarray, names: Sequence[str], x: float, middle: float) -> None:
    """The commonest class with its share, and how many examples there are."""
    label, share = word.share(labels)
    name, size = style.fitted(_class(label, names), TOLD - 0.2, style.TEXT + 2)
    axes.text(x, middle + 0.01, name, fontsize=size, weight="bold", color=style.INK, va="baseline")
    axes.text(x, middle + 0.05, f"{share:.0%} of {len(word.members):,}", fontsize=style.SMALL - 0.5, color=style.SOFT, va="top")
