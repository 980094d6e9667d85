"""The figure of the project: messages beside what they name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from semiosis.report import named, style, words
from semiosis.report.words import Lexicon, Word
from semiosis.runs.evaluate import Language

MOST = 16  # words shown
ROW = 0.62  # inches, the pitch of rows
BETWEEN = 0.35  # inches between columns


def lexicon(
    language: Language,
    images: np.ndarray | None,
    labels: np.ndarray | None,
    classes: Sequence[str],
    path: str | Path,
    *,
    vocab_size: int,
    speaker: int = 0,
    attribute_names: Sequence[str] = (),
    attribute_values: Sequence[Sequence[str]] = (),
    depth: int | None = None,
    title: str = "What the messages mean",
) -> Path:
    """Draw the most used messages of one speaker beside what they name; where hardly a message is said twice, the beginnings of messages.

    `images` uint8 [n h w c] and `labels` [n] are of the split that `language.about["index"]` points into. Without images, the commonest
    value of each attribute stands in their place, or the commonest classes. `depth` forces how many symbols are looked at. Returns the
    path of the PNG.
    """
    language, index = once(language)
    found = words.grouped(language.tokens[speaker], language.lengths[speaker], depth=depth)
    label_of = labels[index] if labels is not None else None
    rows = words.in_order(found.words[:MOST], label_of)
    columns = 2 if len(rows) > MOST // 2 and images is not None else 1
    tall = -(-len(rows) // columns)
    if images is not None:
        shown = named.pictures(images[index], label_of, classes, 6 if columns == 2 else 10)
    elif "attributes" in language.about:
        shown = named.attributes(language.about["attributes"], attribute_names, attribute_values, found.words)
    else:
        shown = named.classes(label_of, classes)
    tile = min(0.42, 2.5 / max(found.depth, 1))
    before = max(found.depth * tile + (0.1 if found.whole else 0.36), 0.8) + 0.1
    panel = before + shown.width
    width = max(2 * style.MARGIN + columns * panel + (columns - 1) * BETWEEN, 7.0)
    things = "images" if images is not None else "examples"
    caption = style.wrapped(_caption(found, rows, language, speaker, things), width - 2 * style.MARGIN)
    top = style.head_height(caption) + (0.3 if shown.header else 0.1)
    height = top + tall * ROW + style.MARGIN
    sheet = style.figure(width, height)
    style.heading(sheet, title, caption)
    axes = style.panel(sheet, 0.0, 0.0, width, height)
    axes.set_axis_off()
    for i in range(columns):
        part, left = rows[i * tall : (i + 1) * tall], style.MARGIN + i * (panel + BETWEEN)
        _tree(axes, part, left, top, tile, vocab_size, whole=found.whole)
        for k, name in enumerate(shown.header):
            text, size = style.fitted(name, named.CHIP, style.SMALL)
            axes.text(left + before + k * named.CHIP + 0.03, top - 0.12, text, fontsize=size, color=style.SOFT)
        for row, word in enumerate(part):
            shown.draw(axes, word, left + before, top + (row + 0.5) * ROW)
    axes.set(xlim=(0, width), ylim=(height, 0))
    return style.save(sheet, path)


def once(language: Language) -> tuple[Language, np.ndarray]:
    """The language with each example told once, though an exam passes over them many times, and the examples' places in their split."""
    n = language.tokens.shape[1]
    index = np.asarray(language.about.get("index", np.arange(n)))
    first = np.sort(np.unique(index, return_index=True)[1])
    about = {name: np.asarray(values)[first] for name, values in language.about.items()}
    return Language(language.tokens[:, first], language.lengths[:, first], about), index[first]


def _caption(found: Lexicon, rows: Sequence[Word], language: Language, speaker: int, things: str) -> str:
    """What is shown, and how much of the language that is."""
    speakers = len(language.tokens)
    who = f"Speaker {speaker + 1} of {speakers}. " if speakers > 1 else ""
    if found.messages == 1:
        return f"{who}One message for all {found.examples:,} {things}."
    covered = f"{sum(len(word.members) for word in rows) / found.examples:.0%} of {found.examples:,} {things}"
    start = "first symbol" if found.depth == 1 else f"first {found.depth} symbols"
    some = f"all {len(rows)}" if len(rows) == len(found.words) else f"the {len(rows)} most used of {len(found.words):,}"
    if found.whole:
        what = f"Messages and the {things} they name: {some} messages, for {covered}."
    else:
        what = f"{found.messages:,} messages name {found.examples:,} {things}, so they are grouped by their {start}: {some}, for {covered}."
    return f"{who}{what}\nRead a message from left to right; rows that share a tile begin alike."


def _tree(axes: Axes, part: Sequence[Word], left: float, top: float, tile: float, vocab_size: int, *, whole: bool) -> None:
    """Messages as tiles; rows that begin alike share the tiles of their beginning."""
    deepest = max(len(word.symbols) for word in part)
    for depth in range(deepest):
        row = 0
        while row < len(part):
            start, end = part[row].symbols[: depth + 1], row + 1
            while end < len(part) and part[end].symbols[: depth + 1] == start:
                end += 1
            if len(start) > depth:
                _tile(axes, left + depth * tile, top + row * ROW, tile, (end - row) * ROW, start[-1], vocab_size)
            row = end
    for row, word in enumerate(part):
        middle = top + (row + 0.5) * ROW
        if not word.symbols:
            axes.text(left + 0.03, middle, "silence", fontsize=style.SMALL, color=style.SOFT, va="center", style="italic")
        elif not whole and len(word.symbols) == deepest:
            axes.text(left + deepest * tile + 0.05, middle, "…", fontsize=style.TEXT, color=style.SOFT, va="center")


def _tile(axes: Axes, x: float, y: float, width: float, height: float, symbol: int, vocab_size: int) -> None:
    """One symbol: a rounded tile of its colour with its letter."""
    colour, text = style.hue(symbol), words.letter(symbol, vocab_size)
    gap = 0.05 * width + 0.004
    style.box(axes, x + gap, y + 0.04, width - 2 * gap, height - 0.08, colour)
    size = min(14.0, 72 * width * (0.5 if len(text) == 1 else 0.75 / len(text)))
    middle = x + width / 2, y + height / 2
    axes.text(*middle, text, fontsize=size, weight="bold", color=style.over(colour), ha="center", va="center_baseline")
