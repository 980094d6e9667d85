"""Cross-play: agents that never met, from other seeds and other runs, try to understand each other (Hu et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from semiosis.errors import UsageError
from semiosis.metrics import cross_play
from semiosis.runs import loop
from semiosis.runs.evaluate import examine
from semiosis.runs.session import Trained


class Matrix(NamedTuple):
    """`accuracy` [i j] of the speakers of row i with the listeners of column j, each a seed of a run, named in `names`."""

    names: list[str]
    accuracy: np.ndarray
    chance: float | None


def crossplay(runs: Sequence[Trained], split: str) -> Matrix:
    """Every seed's first role with every seed's second; means over the agents of a population.

    Raises UsageError where a game has no two roles, or agents of one run cannot be understood in another at all.
    """
    first = runs[0].experiment
    if len(first.roles) != 2:
        raise UsageError(f"cross-play needs a game of two roles, and {runs[0].run.record['game']} has {len(first.roles)}")
    check_alike(runs)
    places = [(trained, place) for trained in runs for place in range(len(trained.seeds))]
    several = len({trained.run.path for trained in runs}) > 1
    names = [(f"{trained.run.path.name} " if several else "") + f"seed {trained.seeds[place]}" for trained, place in places]
    _, receiver = first.roles
    table = np.zeros((len(places), len(places)))
    for i, (speaking, place) in enumerate(places):
        world = loop.unstack(speaking.worlds, place)
        for j, (listening, other) in enumerate(places):
            pair = world._replace(**{receiver: getattr(loop.unstack(listening.worlds, other), receiver)})
            figure = examine(speaking.experiment, split, pair).figures.get("accuracy")
            if figure is None:
                raise UsageError(f"cross-play compares accuracies, and the split {split!r} of {speaking.run.path} has none")
            table[i, j] = figure
    return Matrix(names, table, first.exams[split].chance)


def check_alike(runs: Sequence[Trained]) -> None:
    """One sentence where runs differ in what their agents must share: game, data, and what the game's `common(config)` names."""

    def shared(trained: Trained) -> dict[str, Any]:
        common = getattr(trained.game, "common", lambda config: {})
        return {"game": trained.run.record["game"], "data": trained.run.record["data"]["fingerprint"], **common(trained.config)}

    for trained in runs[1:]:
        for what, value in shared(runs[0]).items():
            other = shared(trained).get(what)
            if other != value:
                told = f" ({other} and {value})" if what not in ("game", "data") else ""
                raise UsageError(f"{trained.run.path} and {runs[0].run.path} differ in their {what}{told}: their agents cannot meet")


def summary(matrix: Matrix) -> dict[str, Any]:
    """The object of crossplay.json: the matrix, self-play, cross-play and the gap between them."""
    found = cross_play(matrix.accuracy)
    parts = {"self_play": found.diagonal, "cross_play": found.off_diagonal, "gap": found.gap}
    figures = {name: {"mean": value.value, "low": value.low, "high": value.high} for name, value in parts.items()}
    return {"names": matrix.names, "accuracy": matrix.accuracy.tolist(), "chance": matrix.chance, **figures}
