"""What signs call to mind: the pictures that agents imagine when they hear a sign, alone and in talk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer
from matplotlib.axes import Axes

from semiosis.errors import UsageError
from semiosis.report import naming, style

ACROSS = 16  # signs side by side; from more on, those that nobody uses are left out
GAP = 0.07  # inches between pictures
COUNT = 0.2  # inches for the number below a column


def recall(
    pictures: Float[np.ndarray, "a k h w c"],
    path: str | Path,
    *,
    names: Sequence[str] | None = None,
    used: Integer[np.ndarray, " k"] | Sequence[int] | None = None,
    order: Integer[np.ndarray, " s"] | Sequence[int] | None = None,
    title: str = "What a sign calls to mind",
) -> Path:
    """Draw the picture that each agent (a row) imagines when it hears each sign (a column); returns the path of the PNG.

    `pictures` are grey or RGB from 0 to 1. `used` [k] counts how often each sign is said: what is never said is faded, or left out if there
    are more than 16 signs. `order` gives the signs to show, from left to right. An order that names no sign of these is an error.
    """
    count, n_signs = pictures.shape[:2]
    who = [naming.called(name) for name in naming.agents(count, names)]
    shown = list(range(n_signs)) if order is None else [int(sign) for sign in order]
    if not shown or min(shown) < 0 or max(shown) >= n_signs:
        raise UsageError(f"order {shown}: expected some of the signs 0 to {n_signs - 1}")
    if used is not None and len(used) != n_signs:
        raise UsageError(f"{len(used)} counts of use: expected {n_signs}, one a sign")
    said = None if used is None else np.asarray(used)
    spoken = shown if said is None else [sign for sign in shown if said[sign] > 0]
    left_out = len(shown) - len(spoken) if len(shown) > ACROSS and spoken else 0
    shown = spoken if left_out else shown
    blocks = rows_of(len(shown), ACROSS)
    across = max(map(len, blocks))
    size = naming.size_of(pictures, 0.9 if across <= 10 else 0.72)
    before = naming.room(who) + 0.2
    step = naming.whole(size[1] + GAP)
    width = max(2 * style.MARGIN + before + across * step - GAP, 7.0)
    caption = style.wrapped(_caption(said, faded=len(spoken) < len(shown), left_out=left_out), width - 2 * style.MARGIN)
    tall = naming.HEAD + GAP + count * (size[0] + GAP) + (COUNT if said is not None else 0.0)
    top = style.head_height(caption) + 0.1
    height = top + len(blocks) * tall + (len(blocks) - 1) * 0.22 + style.MARGIN - GAP
    sheet, axes = naming.sheet(width, height, title, caption)
    prints = naming.prints(pictures.reshape(-1, *pictures.shape[2:])).reshape(*pictures.shape[:-1], 3)
    left = naming.whole(style.MARGIN + before)
    for b, block in enumerate(blocks):
        y = naming.whole(top + b * (tall + 0.22))
        below = naming.whole(y + naming.HEAD + GAP)
        for i, name in enumerate(who):
            _name(axes, style.MARGIN, below + i * (size[0] + GAP) + size[0] / 2, name, bold=True)
        for j, place in enumerate(block):
            sign, x = shown[place], left + j * step
            never = said is not None and int(said[sign]) == 0
            naming.tile(axes, x, y, size[1], naming.HEAD, sign, n_signs, faded=never)
            for i in range(count):
                picture = naming.faint(prints[i, sign]) if never else prints[i, sign]
                naming.show(axes, picture, x, naming.whole(below + i * (size[0] + GAP)), size)
            if said is not None:
                times = "never" if never else f"× {int(said[sign]):,}"
                lowest = below + count * (size[0] + GAP) + 0.02
                text, points = style.fitted(times, step, style.SMALL - 1)
                axes.text(x + size[1] / 2, lowest, text, fontsize=points, color=style.SOFT, ha="center", va="top")
    return style.save(sheet, path)


def rows_of(count: int, most: int) -> list[range]:
    """Places 0 to count in as few rows of at most `most` as there need to be, nearly equal in length."""
    rows = -(-count // most)
    across = -(-count // max(rows, 1))
    return [range(start, min(start + across, count)) for start in range(0, count, max(across, 1))]


def _caption(said: np.ndarray | None, *, faded: bool, left_out: int) -> str:
    """How to read the strips, and what is not in them."""
    parts = ["Each row: the picture that an agent imagines when it hears the sign above."]
    parts += ["Below: how often the sign is said."] if said is not None else []
    parts += ["Faded: never said."] if faded else []
    parts += [f"{left_out} signs never said are left out."] if left_out > 1 else ["The sign never said is left out."] * left_out
    return " ".join(parts)


def speaking(
    seen: Float[np.ndarray, "a m h w c"],
    sign: Integer[np.ndarray, "a m"],
    drawn: Float[np.ndarray, "a a m h w c"],
    path: str | Path,
    *,
    names: Sequence[str] | None = None,
    n_signs: int | None = None,
    title: str = "One speaks, another draws",
) -> Path:
    """Draw what a speaker sees and says, what the listener then draws, and what that one sees itself; returns the path of the PNG.

    `seen` are the views of each agent, `sign` what it says of them, `drawn` [speaker listener m h w c] what the listener imagines on
    hearing it; pictures are grey or RGB from 0 to 1. Of two agents each speaks once; of more, the first speaks to all others. `n_signs`
    decides how signs are written (by default as many as occur).
    """
    count, m = sign.shape
    if count < 2 or m < 1:
        raise UsageError(f"signs of shape {sign.shape}: expected two agents or more and one object or more")
    who = naming.agents(count, names)
    talks = [(0, [1]), (1, [0])] if count == 2 else [(0, list(range(1, count)))]
    size = naming.size_of(seen, 0.72)
    before = naming.room([f"{name} draws" for name in who]) + 0.1
    step = naming.whole(size[1] + GAP)
    wide = before + m * step - GAP
    between = 0.6
    width = max(2 * style.MARGIN + len(talks) * wide + (len(talks) - 1) * between, 7.0)
    caption = style.wrapped(_story(who, talks[0]), width - 2 * style.MARGIN)
    answer = 2 * size[0] + GAP + 0.2
    top = style.head_height(caption) + 0.1
    height = top + size[0] + GAP + naming.HEAD + GAP + len(talks[0][1]) * answer - 0.2 + style.MARGIN
    sheet, axes = naming.sheet(width, height, title, caption)
    heard = [drawn[speaker, listeners] for speaker, listeners in talks]
    prints = naming.prints(np.concatenate([part.reshape(-1, *seen.shape[2:]) for part in (seen, *heard)]))
    views, rest = prints[: count * m].reshape(count, m, *prints.shape[1:]), prints[count * m :]
    drawings = rest.reshape(len(talks), -1, m, *prints.shape[1:])
    total = n_signs if n_signs is not None else int(sign.max()) + 1
    for t, (speaker, listeners) in enumerate(talks):
        left = style.MARGIN + t * (wide + between)
        xs = [naming.whole(left + before) + j * step for j in range(m)]
        y = naming.whole(top)
        _strip(axes, views[speaker], xs, left, y, size, f"{who[speaker]} sees")
        y = naming.whole(y + size[0] + GAP)
        _name(axes, left, y + naming.HEAD / 2, f"{who[speaker]} says")
        for x, one in zip(xs, sign[speaker], strict=True):
            naming.tile(axes, x, y, size[1], naming.HEAD, int(one), total)
        y = naming.whole(y + naming.HEAD + GAP)
        for i, listener in enumerate(listeners):
            _strip(axes, drawings[t, i], xs, left, y, size, f"{who[listener]} draws")
            _strip(axes, views[listener], xs, left, naming.whole(y + size[0] + GAP), size, f"{who[listener]} sees")
            y = naming.whole(y + answer)
    return style.save(sheet, path)


def _story(who: Sequence[str], talk: tuple[int, list[int]]) -> str:
    """What happens, told of the first talk."""
    speaker, listeners = who[talk[0]], [who[listener] for listener in talk[1]]
    if len(listeners) == 1:
        other = listeners[0]
        told = f"{speaker} looks at an object and says one sign; {other} hears the sign alone and draws what it calls to mind."
        return f"{told} Below, what {other} sees of the same object."
    return (
        f"{speaker} looks at an object and says one sign; the others hear the sign alone and draw what it calls to mind. "
        "Below each, what it sees of the same object."
    )


def _strip(axes: Axes, pictures: np.ndarray, xs: Sequence[float], left: float, y: float, size: tuple[float, float], text: str) -> None:
    """Pictures in a row, and what they are."""
    _name(axes, left, y + size[0] / 2, text)
    for x, picture in zip(xs, pictures, strict=True):
        naming.show(axes, picture, x, y, size)


def _name(axes: Axes, left: float, middle: float, text: str, *, bold: bool = False) -> None:
    """What a row is, before it."""
    axes.text(left, middle, text, fontsize=style.TEXT, weight="bold" if bold else "normal", color=style.INK, va="center_baseline")
