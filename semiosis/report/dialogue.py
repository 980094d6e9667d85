"""Conversations in bits: how long they take, what is known when, what the bits carry, and single ones from word to word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from scipy.special import softmax

from semiosis.conversations import Conversations, check_rows
from semiosis.errors import UsageError
from semiosis.metrics import dialogue as metrics
from semiosis.metrics.value import Value
from semiosis.report import bars, heat, naming, style

SENDER, RECEIVER = style.BLUE, style.VERMILION
AGENTS = {"sender": SENDER, "receiver": RECEIVER}
PANEL, BETWEEN = 3.3, 1.25  # inches of a panel over steps, and beside it, where its lines are named
BEST = 3  # classes told at each step of a transcript
CELL, LINE = 0.165, 20  # inches of a bit in a transcript, and bits in a line at most


# ----------------------------------------------------------------------------------------------------------------- by class


def lengths(talk: Conversations, path: str | Path, *, title: str = "How long it takes to tell") -> Path:
    """Draw the mean length of the conversations about each class, the longest on top, with 95 % intervals; returns the path of the PNG."""
    found = metrics.length_by_class(talk.length, talk.target, len(talk.classes))
    rows = sorted((value.value, i) for i, value in enumerate(found) if value.value is not None)[::-1]
    mean, most = float(talk.length.mean()), talk.mask.shape[1]
    told = [(talk.classes[i], found[i], f"{found[i].value:.2f}") for _, i in rows]
    n = [found[i].n for _, i in rows]
    each = f"{min(n):,}" if min(n) == max(n) else f"{min(n):,} to {max(n):,}"
    caption = f"Means over the examples of each class ({each}), with 95 % intervals.\nDashed: over all examples, {mean:.2f}."
    sheet, axes = bars.lying(told, title, caption, unit="steps until the answer", most=float(most))
    axes.axvline(mean, color=style.INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=4)
    axes.xaxis.set_major_locator(MaxNLocator(min(most, 10), integer=True))
    return style.save(sheet, path)


def f1(talk: Conversations, path: str | Path, *, title: str = "Is what is hard to tell talked about for longer?") -> Path:
    """Draw F1 against the mean length of conversations, one point a class, with Spearman's correlation; returns the path of the PNG.

    Names are written where they cover nothing else.
    """
    c = len(talk.classes)
    long = metrics.length_by_class(talk.length, talk.target, c)
    good = metrics.f1_by_class(metrics.confusion(talk.target, talk.answer, c))
    here = [i for i in range(c) if long[i].value is not None and good[i].value is not None]
    found = metrics.length_against_f1(talk.length, talk.target, talk.answer, c)
    wide, tall, left, below = 6.6, 4.4, 0.9, 0.75
    told = style.wrapped(f"One point a class, with 95 % intervals over examples.\n{_correlated(found)}", wide + 0.5)
    sheet = style.figure(left + wide + style.MARGIN, style.head_height(told) + 0.45 + tall + below)
    style.heading(sheet, title, told)
    axes = style.panel(sheet, left, below, wide, tall)
    style.dress(axes)
    axes.grid(axis="x", color=style.FAINT, linewidth=0.7)
    ends = np.array([[_ends(long[i]), _ends(good[i])] for i in here])  # class, axis, then value, low and high
    (x, *across), (y, *upright) = ends[:, 0].T, ends[:, 1].T
    look: dict[str, Any] = {"color": SENDER, "linewidth": 1.0, "alpha": 0.35, "zorder": 2, "clip_on": False}
    axes.hlines(y, *across, **look)
    axes.vlines(x, *upright, **look)
    axes.plot(x, y, "o", color=SENDER, markersize=7, markeredgecolor=style.PAPER, zorder=3, clip_on=False)
    axes.set_xlim(*_roomy(across[0].min(), across[1].max(), 1.0, float(talk.mask.shape[1])))
    axes.set_ylim(*_roomy(upright[0].min(), upright[1].max(), 0.0, 1.0))
    axes.set_title("F1", fontsize=style.TEXT, color=style.INK, loc="left", pad=10)
    axes.set_xlabel("mean steps until the answer", fontsize=style.SMALL, color=style.SOFT)
    _name(axes, np.stack([x, y], axis=1), [talk.classes[i] for i in here], (wide, tall))
    return style.save(sheet, path)


def _correlated(found: Value) -> str:
    """Spearman's correlation in words."""
    if found.value is None:
        return f"Spearman's correlation is undefined: {found.reason}."
    interval = "" if found.low is None or found.high is None else f" (95 % interval {_signed(found.low)} to {_signed(found.high)})"
    return f"Spearman's correlation over {found.n} classes: {_signed(found.value)}{interval}."


def _signed(x: float) -> str:
    return f"{x:+.2f}".replace("-", "−")


def _ends(value: Value) -> tuple[float, float, float]:
    """A number and the ends of its interval: itself where it has none."""
    middle = 0.0 if value.value is None else value.value
    return middle, middle if value.low is None else value.low, middle if value.high is None else value.high


def _roomy(low: float, high: float, least: float, most: float) -> tuple[float, float]:
    """Bounds of an axis: what is shown and a little more, a tenth of all there could be at the least."""
    wide = max(high - low, 0.1 * (most - least), 0.1)
    return low - 0.08 * wide, high + 0.08 * wide


def _name(axes: Axes, points: Float[np.ndarray, "m 2"], names: Sequence[str], size: tuple[float, float]) -> None:
    """Names beside points where they cover neither a point nor another name nor leave the frame; else none."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    inches = ((points - (left, low)) / (right - left, high - low) * size).tolist()
    taken = [(x - 0.05, y - 0.05, x + 0.05, y + 0.05) for x, y in inches]
    for i, name in enumerate(names):
        w, h = naming.room([name], style.SMALL) * 0.88, 0.15
        x, y = inches[i]
        corners = ((0.06, 0.05), (-0.06 - w, 0.05), (0.06, -0.05 - h), (-0.06 - w, -0.05 - h))
        for dx, dy in (*corners, (0.1, -h / 2), (-0.1 - w, -h / 2), (-w / 2, 0.1), (-w / 2, -0.1 - h)):
            box = (x + dx, y + dy, x + dx + w, y + dy + h)
            inside = box[0] > 0 and box[1] > 0 and box[2] < size[0] + style.MARGIN and box[3] < size[1] + 0.2
            if inside and not any(_meet(box, other) for j, other in enumerate(taken) if j != i):
                taken.append(box)
                look: dict[str, Any] = {"textcoords": "offset points", "va": "center_baseline", "zorder": 4, "color": style.INK}
                look |= {
                    "ha": "left" if dx > 0 else "right" if dx + w < 0 else "center",
                    "path_effects": [withStroke(linewidth=2.5, foreground=style.PAPER)],
                }
                start = dx if dx > 0 else dx + w if dx + w < 0 else 0.0
                axes.annotate(name, points[i], (72 * start, 72 * (dy + h / 2)), fontsize=style.SMALL, **look)
                break


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def confusion(talk: Conversations, path: str | Path, *, title: str = "Which class is taken for which") -> Path:
    """Draw which share of each class's examples was answered as each class; returns the path of the PNG."""
    table = metrics.confusion(talk.target, talk.answer, len(talk.classes))
    n = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, n, out=np.full(table.shape, np.nan), where=n > 0)
    story = f"Share of each class's images (row) that were answered as each class (column). Right: {talk.correct.mean():.1%}, framed."
    return heat.matrix(talk.classes, shares, path, title=title, story=story.replace("%", " %"), sides=("shown", "answered"))


# ------------------------------------------------------------------------------------------------------------- step by step


def steps(talk: Conversations, path: str | Path, *, title: str = "What is known after each step") -> Path:
    """Draw accuracy, confidence, entropy of the classes and open conversations at each step; returns the path of the PNG."""
    c = len(talk.classes)
    sure = metrics.step_confidence(talk.scores, talk.target)
    right = metrics.step_accuracy(talk.scores, talk.target)
    caption = "Accuracy and probabilities as if all conversations were cut after a step; intervals are over examples (95 %)."
    sheet, (first, second, third) = _panels(3, title, caption)
    told = [metrics.accuracy(column) for column in metrics.step_correct(talk.scores, talk.target).T]
    _over_steps(first, "answers and confidence", talk)
    first.fill_between(_at(talk), [v.low for v in told], [v.high for v in told], color=style.BLUE, alpha=0.14, linewidth=0)  # type: ignore[arg-type]
    named = [("accuracy", right, style.BLUE), ("best class", sure.top, style.ORANGE), ("right class", sure.right, style.GREEN)]
    first.set_ylim(0, 1.02)
    _lines(first, named, 1 / c)
    _over_steps(second, "entropy of the classes, bits", talk)
    second.set_ylim(0, 1.02 * max(np.log2(c), 0.1))
    _lines(second, [("mean", metrics.step_entropy(talk.scores), style.BLUE)], float(np.log2(c)), "uniform")
    _over_steps(third, "still open", talk)
    third.set_ylim(0, 1.1)
    share = metrics.open_share(talk.mask)
    third.bar(_at(talk), share, width=0.62, color=bars.soft(style.BLUE), linewidth=0)
    if len(share) <= 12:
        for i, one in enumerate(share):
            third.annotate(
                f"{100 * one:.0f}",
                (i + 1, one),
                (0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=style.SMALL - 1.5,
                color=style.SOFT,
            )
    third.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25 %", "50 %", "75 %", "100 %"])
    return style.save(sheet, path)


def changes(talk: Conversations, path: str | Path, *, title: str = "How much messages change") -> Path:
    """Draw how many bits of a message differ from the same agent's last one, at each step; returns the path of the PNG."""
    caption = "Mean bits that differ from the agent's last message, the first from all zeros; of conversations that are open."
    sheet, (axes,) = _panels(1, title, caption)
    _over_steps(axes, f"bits changed, of {talk.sender.shape[2]}", talk)
    found = {agent: metrics.hamming_change(bits, talk.mask) for agent, bits in (("sender", talk.sender), ("receiver", talk.receiver))}
    top = max(float(np.nanmax(one)) for one in found.values())
    axes.set_ylim(0, 1.08 * top if top > 0 else 1.0)
    _lines(axes, [(agent, one, AGENTS[agent]) for agent, one in found.items()])
    return style.save(sheet, path)


def _panels(count: int, title: str, caption: str) -> tuple[Figure, list[Axes]]:
    """A sheet of panels over steps side by side; to the right of each is room for names."""
    left, below, tall = 0.8, 0.7, 2.9
    wide = PANEL if count > 1 else 5.6
    width = left + count * wide + (count - 1) * (BETWEEN + 0.2) + BETWEEN - (0.6 if count > 1 else 0.0)
    told = style.wrapped(caption, width - 2 * style.MARGIN)
    sheet = style.figure(width, style.head_height(told) + 0.42 + tall + below)
    style.heading(sheet, title, told)
    return sheet, [style.panel(sheet, left + i * (wide + BETWEEN + 0.2), below, wide, tall) for i in range(count)]


def _at(talk: Conversations) -> np.ndarray:
    """The steps as people count them."""
    return np.arange(1, talk.mask.shape[1] + 1)


def _over_steps(axes: Axes, title: str, talk: Conversations) -> None:
    last = talk.mask.shape[1]
    style.dress(axes)
    axes.set_title(title, fontsize=style.TEXT, color=style.INK, loc="left", pad=10)
    axes.set_xlim(0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(min(last, 10), integer=True, min_n_ticks=1))
    axes.set_xlabel("step", fontsize=style.SMALL, color=style.SOFT)


def _lines(axes: Axes, lines: Sequence[tuple[str, np.ndarray, str]], level: float | None = None, called: str = "chance") -> None:
    """Lines over steps with their names at the end, and a dashed level; what is NaN has no point."""
    ends = []
    for name, values, colour in lines:
        at = np.arange(1, len(values) + 1)
        axes.plot(at, values, color=colour, linewidth=2.2, marker="o", markersize=5, zorder=3, clip_on=False)
        known = values[~np.isnan(values)]
        ends.append((name, float(known[-1]), colour, "bold"))
    if level is not None:
        axes.axhline(level, color=style.SOFT, linewidth=1.1, linestyle=(0, (4, 3)), zorder=2)
        ends.append((called, level, style.SOFT, "normal"))
    low, high = axes.get_ylim()
    places = style.spread([end[1] for end in ends], (high - low) * 0.075, low, high)
    for (name, _, colour, weight), place in zip(ends, places, strict=True):
        look: dict[str, Any] = {"fontsize": style.SMALL, "color": colour, "weight": weight, "va": "center_baseline"}
        axes.annotate(name, (axes.get_xlim()[1], place), (6, 0), textcoords="offset points", **look)


# ----------------------------------------------------------------------------------------------------------------- messages


def bits(talk: Conversations, path: str | Path, *, title: str = "Which bits are used") -> Path:
    """Draw the entropy of each bit (a column) at each step (a row), for both agents; returns the path of the PNG."""
    t, d = talk.mask.shape[1], talk.sender.shape[2]
    cell = naming.whole(float(np.clip(4.6 / d, 0.09, 0.42)))
    row = naming.whole(float(np.clip(3.4 / t, 0.2, 0.36)))
    wide, tall, left, right = d * cell, t * row, 1.0, 1.5
    other = left + max(wide, 2.9) + 0.65  # where the receiver's begin: what stands above takes room too
    width = other + max(wide, 2.9) + right
    caption = style.wrapped(
        "Entropy of each bit over the conversations that are open: 0 always says the same, 1 is as good as a fair coin.",
        width - 2 * style.MARGIN,
    )
    top = style.head_height(caption) + 0.4
    sheet, axes = naming.sheet(width, top + tall + 0.75, title, caption)
    for x, (agent, said) in zip((left, other), (("sender", talk.sender), ("receiver", talk.receiver)), strict=True):
        found = metrics.bit_entropy(said, talk.mask)
        colours = style.HEAT(np.nan_to_num(found))[..., :3]
        colours[np.isnan(found)] = naming.to_rgb(style.TINT)
        naming.show(axes, colours, x, top, (tall, wide))
        line = {"color": style.PAPER, "linewidth": 1.0 if cell > 0.15 else 0.4}
        axes.vlines(x + cell * np.arange(d + 1), top, top + tall, **line)
        axes.hlines(top + row * np.arange(t + 1), x, x + wide, **line)
        axes.text(x, top - 0.13, agent, fontsize=style.TEXT, weight="bold", color=AGENTS[agent], va="baseline")
        mean = f"{np.nansum(found[0]):.1f} of {d} bits at step 1"
        axes.text(x + max(wide, 2.9), top - 0.13, mean, fontsize=style.SMALL, color=style.SOFT, ha="right", va="baseline")
        for place in sorted({0, *range(4, d, 5 if d <= 20 else 10), d - 1} - ({d - 2} if d > 2 else set())):
            where = (x + (place + 0.5) * cell, top + tall + 0.16)
            axes.text(*where, str(place + 1), fontsize=style.SMALL - 1, color=style.SOFT, ha="center", va="center_baseline")
        axes.text(x + wide / 2, top + tall + 0.4, "bit", fontsize=style.SMALL, color=style.SOFT, ha="center", va="center_baseline")
    _row_names(axes, talk, top, row, (left, other + wide))
    _scale(sheet, width - 0.65, 0.75, min(tall, 2.4), (0.0, 1.0))
    return style.save(sheet, path)


def _row_names(axes: Axes, talk: Conversations, top: float, row: float, sides: tuple[float, float]) -> None:
    """The steps before their rows, and behind them how many conversations are open."""
    look: dict[str, Any] = {"fontsize": style.SMALL, "va": "center_baseline"}
    for i, n in enumerate(talk.mask.sum(axis=0).tolist()):
        middle = top + (i + 0.5) * row
        axes.text(sides[0] - 0.1, middle, f"step {i + 1}", color=style.INK, ha="right", **look)
        axes.text(sides[1] + 0.1, middle, f"n {n:,}", color=style.SOFT, ha="left", **look)


def _scale(sheet: Figure, left: float, bottom: float, tall: float, ends: tuple[float, float]) -> None:
    """What the colours of the heat mean."""
    bar = sheet.colorbar(ScalarMappable(Normalize(*ends), style.HEAT), cax=style.panel(sheet, left, bottom, 0.16, tall))
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=style.SMALL - 1, labelcolor=style.SOFT, length=0)
    bar.set_ticks((ends[0], sum(ends) / 2, ends[1]))


def components(talk: Conversations, path: str | Path, *, title: str = "Do the agents share a code?") -> Path:
    """Draw all messages said on their first two principal components, by agent; returns the path of the PNG."""
    plane = metrics.message_components(talk.sender, talk.receiver, talk.mask)
    shared = metrics.code_overlap(talk.sender, talk.receiver, talk.mask)
    both = f"{100 * (shared.value or 0.0):.1f} % of the distinct messages were said by both."
    wide, tall, left, below = 6.0, 4.8, 0.95, 0.75
    caption = style.wrapped(f"Messages of open conversations; the larger a point, the more often it was said.\n{both}", left + wide)
    sheet = style.figure(left + wide + style.MARGIN + 0.9, style.head_height(caption) + 0.2 + tall + below)
    style.heading(sheet, title, caption)
    axes = style.panel(sheet, left, below, wide, tall)
    style.dress(axes)
    axes.grid(axis="x", color=style.FAINT, linewidth=0.7)
    axes.axis("equal")
    most = max(int(one.counts.max()) for one in (plane.sender, plane.receiver))
    for agent, one in (("sender", plane.sender), ("receiver", plane.receiver)):
        area = (9 if len(one.counts) < 2000 else 5) + 150 * one.counts / max(most, 20)
        axes.scatter(*one.places.T, s=area, color=AGENTS[agent], alpha=0.45, linewidth=0.5, edgecolor=style.PAPER, zorder=3)
    names = [f"{order} component, {share:.0%} of variance" for order, share in zip(("first", "second"), plane.explained, strict=True)]
    names = [name.replace("%", " %") for name in names]
    axes.set_xlabel(names[0], fontsize=style.SMALL, color=style.SOFT)
    axes.set_ylabel(names[1], fontsize=style.SMALL, color=style.SOFT)
    look: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": style.TEXT, "weight": "bold"}
    for i, (agent, one) in enumerate((("sender", plane.sender), ("receiver", plane.receiver))):
        axes.annotate(agent, (1, 1), (8, -14 - 36 * i), color=AGENTS[agent], **look)
        axes.annotate(
            f"{len(one.counts):,} distinct",
            (1, 1),
            (8, -28 - 36 * i),
            color=style.SOFT,
            **(look | {"fontsize": style.SMALL - 1, "weight": "normal"}),
        )
    return style.save(sheet, path)


# ------------------------------------------------------------------------------------------------------------ single ones


def attention(
    weight: Float[np.ndarray, "n t i"],
    rows: Sequence[int],
    names: Sequence[str],
    path: str | Path,
    *,
    shape: tuple[int, int],
    images: Float[np.ndarray, "m h w c"] | None = None,
    title: str = "Where the sender looks",
) -> Path:
    """Draw where a sender looks before each of its messages, a conversation a row; returns the path of the PNG.

    `weight` [n t i] are of places in reading order, of a map as high and as wide to each other as `shape`; `rows` are places among the
    examples, `names` and `images` (0 to 1) one a row.
    """
    if not len(rows) or not all(0 <= row < len(weight) for row in rows):
        raise UsageError(f"conversations {list(rows)}: expected one or more from 0 to {len(weight) - 1}")
    high = max(round((weight.shape[2] * shape[0] / shape[1]) ** 0.5), 1)
    maps = weight.reshape(*weight.shape[:2], high, -1)
    size = naming.size_of(maps[..., None], 1.0)
    told, gap = naming.room(names) + 0.15, 0.12
    across = weight.shape[1] + (images is not None)
    width = max(2 * style.MARGIN + told + across * (size[1] + gap), 6.0)
    caption = style.wrapped(
        f"The weight of each place of the image before each message: white 0, darkest {maps[list(rows)].max():.2f}. At the first step all "
        "weigh the same; later the receiver's last message decides.",
        width - 2 * style.MARGIN,
    )
    top = style.head_height(caption) + 0.35
    sheet, axes = naming.sheet(width, top + len(rows) * (size[0] + gap) + style.MARGIN, title, caption)
    prints = None if images is None else naming.prints(images)
    scale = max(float(maps[list(rows)].max()), 1e-6)
    for place, row in enumerate(rows):
        y = naming.whole(top + place * (size[0] + gap))
        axes.text(style.MARGIN, y + size[0] / 2, names[place], fontsize=style.TEXT, weight="bold", color=style.INK, va="center_baseline")
        pictures = [] if prints is None else [prints[place]]
        pictures += [style.mix(style.PAPER, SENDER, one[..., None] / scale) for one in maps[row]]
        for column, picture in enumerate(pictures):
            x = naming.whole(style.MARGIN + told + column * (size[1] + gap))
            naming.show(axes, picture, x, y, size)
            if not place and (step := column + 1 - (prints is not None)):
                axes.text(x + size[1] / 2, top - 0.12, str(step), fontsize=style.SMALL, color=style.SOFT, ha="center")
    return style.save(sheet, path)


def transcript(
    talk: Conversations,
    rows: Sequence[int],
    path: str | Path,
    *,
    images: Float[np.ndarray, "n h w c"] | None = None,
    title: str = "Conversations",
) -> Path:
    """Draw some conversations step by step until their answers; returns the path of the PNG.

    `rows` are places among the examples, `images` grey or colour from 0 to 1, one a row. A bit is a square, the darker the likelier a 1,
    framed where a 1 was said. Raises `UsageError` if there is nothing to draw or no such row.
    """
    check_rows(talk, rows)
    if images is not None and len(images) != len(rows):
        raise UsageError(f"{len(images)} images for {len(rows)} conversations: expected one each")
    across = -(-talk.sender.shape[2] // -(-talk.sender.shape[2] // LINE))
    message = max(across * CELL, 1.0)
    line, head, gap = 0.185, 0.5, 0.3  # inches of a class, above the first step, and between conversations
    step = naming.whole(max(BEST * line, -(-talk.sender.shape[2] // across) * CELL) + 0.16)
    size = None if images is None else naming.size_of(images, 1.2)
    picture = 0.0 if size is None else size[1] + 0.25
    names = min(1.7, max(0.9, naming.room(talk.classes, style.SMALL - 1) + 0.08))
    at = {"step": style.MARGIN + picture, "sender": style.MARGIN + picture + 0.38}
    at["classes"] = at["sender"] + message + 0.3
    at["receiver"] = at["classes"] + names + 1.75
    at["stop"] = at["receiver"] + message + 0.25
    width = at["stop"] + 1.0 + style.MARGIN
    caption = style.wrapped(
        "Each bit is a square: the darker, the likelier a 1; framed where a 1 was said. Bars: the receiver's probabilities of the best "
        "classes, the right one in green. Then the probability of going on.",
        width - 2 * style.MARGIN,
    )
    blocks = [head + max(int(talk.length[i]) * step, 0.0 if size is None else size[0]) for i in rows]
    top = style.head_height(caption) + 0.15
    sheet, axes = naming.sheet(width, top + sum(blocks) + gap * (len(rows) - 1) + style.MARGIN, title, caption)
    prints = None if images is None else naming.prints(images)
    y = top
    for place, (i, tall) in enumerate(zip(rows, blocks, strict=True)):
        if prints is not None and size is not None:
            naming.show(axes, prints[place], style.MARGIN, naming.whole(y + head), size)
        _title(axes, talk, i, y, (at["sender"], width))
        look: dict[str, Any] = {"fontsize": style.SMALL, "va": "center_baseline"}
        for what, name, colour in (
            ("sender", "sender says", SENDER),
            ("classes", "receiver thinks", style.SOFT),
            ("receiver", "receiver says", RECEIVER),
        ):
            axes.text(at[what], y + head - 0.11, name, color=colour, **look)
        for t in range(int(talk.length[i])):
            middle = naming.whole(y + head + (t + 0.5) * step - 0.04)
            axes.text(at["step"], middle, str(t + 1), color=style.SOFT, **look)
            _squares(axes, talk.sender[i, t], talk.sender_p[i, t], (at["sender"], middle), across, SENDER)
            _thoughts(axes, talk, i, t, (at["classes"], middle - BEST * line / 2), (names, line))
            _squares(axes, talk.receiver[i, t], talk.receiver_p[i, t], (at["receiver"], middle), across, RECEIVER)
            _decision(axes, talk, i, t, at["stop"], middle)
        y += tall + gap
    return style.save(sheet, path)


def _title(axes: Axes, talk: Conversations, i: int, y: float, sides: tuple[float, float]) -> None:
    """What a conversation is about, and how it ended; a line above."""
    right, kind = bool(talk.correct[i]), talk.classes[talk.target[i]]
    left, width = sides
    axes.hlines(y, style.MARGIN, width - style.MARGIN, color=style.FAINT, linewidth=0.9)
    axes.text(style.MARGIN, y + 0.19, kind, fontsize=style.TEXT, weight="bold", color=style.INK, va="center_baseline")
    axes.text(
        max(style.MARGIN + naming.room([kind]) + 0.12, left),
        y + 0.19,
        str(talk.example[i]),
        fontsize=style.SMALL - 1,
        color=style.SOFT,
        va="center_baseline",
    )
    told = "answered right" if right else f"answered {talk.classes[talk.answer[i]]}"
    look: dict[str, Any] = {"fontsize": style.SMALL, "va": "center_baseline", "ha": "right", "weight": "bold"}
    axes.text(width - style.MARGIN, y + 0.19, told, color=style.GREEN if right else style.VERMILION, **look)


def _squares(axes: Axes, said: np.ndarray, p: np.ndarray, place: tuple[float, float], across: int, colour: str) -> None:
    """Bits as squares, so many to a line, the lines around a height."""
    (x, middle), side = place, 0.82 * CELL
    top = middle - CELL * -(-len(said) // across) / 2
    shades = style.mix(style.PAPER, colour, p[:, None].astype(float))
    for k, (bit, shade) in enumerate(zip(said.tolist(), shades, strict=True)):
        edge = {"edgecolor": style.INK if bit else style.FAINT, "linewidth": 0.9 if bit else 0.7}
        corner = (x + k % across * CELL, top + k // across * CELL + (CELL - side) / 2)
        axes.add_patch(Rectangle(corner, side, side, facecolor=shade, **edge))


def _thoughts(axes: Axes, talk: Conversations, i: int, t: int, corner: tuple[float, float], size: tuple[float, float]) -> None:
    """The best classes of a step with bars of their probabilities."""
    x, y = corner
    names, line = size
    p = softmax(talk.scores[i, t].astype(float))
    for k, best in enumerate(np.argsort(-p, kind="stable")[:BEST]):
        right, middle = best == talk.target[i], y + (k + 0.5) * line
        text, points = style.fitted(talk.classes[best], (names - 0.08) * 0.6 / 0.66, style.SMALL - 1)
        look: dict[str, Any] = {"fontsize": points, "va": "center_baseline", "weight": "bold" if k == 0 else "normal"}
        axes.text(x, middle, text, color=style.GREEN if right else style.INK if k == 0 else style.SOFT, **look)
        axes.add_patch(Rectangle((x + names, middle - 0.05), 1.0, 0.1, facecolor=style.TINT, linewidth=0))
        axes.add_patch(
            Rectangle((x + names, middle - 0.05), float(p[best]), 0.1, facecolor=style.GREEN if right else style.SOFT, linewidth=0)
        )
        axes.text(x + names + 1.07, middle, f"{p[best]:.2f}", fontsize=style.SMALL - 1.5, color=style.SOFT, va="center_baseline")


def _decision(axes: Axes, talk: Conversations, i: int, t: int, x: float, middle: float) -> None:
    """Whether the conversation goes on, or why not."""
    ends = t + 1 == talk.length[i]
    told = "goes on" if not ends else "stops" if not talk.stop[i, t] else "is over"
    look: dict[str, Any] = {"fontsize": style.SMALL, "va": "center_baseline"}
    axes.text(x, middle - 0.08, told, color=style.INK if ends else style.SOFT, weight="bold" if ends else "normal", **look)
    axes.text(x, middle + 0.09, f"{talk.stop_p[i, t]:.2f}", color=style.SOFT, fontsize=style.SMALL - 1.5, va="center_baseline")
