"""Films of a run: how the images that agents make of the same messages changed while they learned, and how one turns into another.

A game whose messages are images keeps them at each line of metrics: `drawn` and, if it likes, `arrived` or the `photo` that was drawn,
[seeds m h w c] of bytes, with `meant` [seeds m t], `symbols` [seeds] and `level` [seeds k] (`types.Watch`). For films from message to
message it has a function `morph(config, data, world, share, count)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from semiosis.errors import UsageError
from semiosis.runs import history, loop
from semiosis.runs.session import Trained


class Shot(NamedTuple):
    """One picture of a film: images [m h w c] in [0, 1] as drawn, what they mean, and the run's step and level.

    `beside` are the images as they arrived, or the photos that were drawn. `share` of the film has passed.
    """

    drawn: np.ndarray
    beside: np.ndarray | None
    meant: np.ndarray | None
    symbols: int
    step: int
    level: float | None
    share: float


def past(trained: Trained, place: int, most: int) -> list[Shot]:
    """The images of the seed at `place`, at each of at most `most` lines of the run, evenly over its length.

    Raises UsageError where nothing was kept.
    """
    steps = np.array(history.steps(trained.run))
    if not len(steps) or "drawn" not in history.read(trained.run, steps[:1].tolist())[int(steps[0])]:
        raise UsageError(f"{trained.run.path} keeps no images to film: expected a run of a game that draws, such as glyph")
    steps = steps[np.unique(np.linspace(len(steps) - 1, 0, min(most, len(steps))).round().astype(int))]  # the last in any case
    kept = ((step, history.read(trained.run, [step])[step]) for step in steps.tolist())  # one at a time: they are large
    return [_shot(arrays, place, step, step / steps[-1]) for step, arrays in kept]


def _shot(arrays: dict[str, np.ndarray], place: int, step: int, share: float) -> Shot:
    def own(name: str) -> np.ndarray | None:
        return np.asarray(arrays[name][place]) if name in arrays else None

    level, symbols = own("level"), own("symbols")
    beside = own("photo") if own("arrived") is None else own("arrived")
    return Shot(
        arrays["drawn"][place].astype(np.float32) / 255,
        None if beside is None else beside.astype(np.float32) / 255,
        own("meant"),
        0 if symbols is None else int(symbols),
        step,
        None if level is None else float(np.mean(level)),
        float(share),
    )


def between(trained: Trained, place: int, *, count: int, steps: int) -> Iterator[tuple[float, np.ndarray]]:
    """At most `count` images [m h w c] at a time, each on its way along all m messages and back, `steps` pictures from one to the next.

    Before them the share of the way that lies behind.

    Raises UsageError where the game has no `morph`.
    """
    game: Any = trained.game
    if not hasattr(game, "morph"):
        raise UsageError(f"the game {trained.run.record['game']} has no images between messages: it defines no morph")
    world = loop.unstack(trained.worlds, place)
    draw = eqx.filter_jit(lambda world, share: game.morph(trained.config, trained.data, world, share, count))
    stops = draw(world, jnp.float32(0)).shape[0]
    for share in np.arange(stops * steps) / steps:
        yield float(share / stops), np.asarray(draw(world, jnp.float32(share)))
