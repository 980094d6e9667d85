"""`semiosis bench [GAME...]`."""

from __future__ import annotations

import json
from dataclasses import dataclass

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import GAMES
from semiosis.errors import unknown


@dataclass(frozen=True)
class Bench:
    """CPU seconds of a training step on one thread, beside the published reference and this machine's matrix-product peak."""

    games: Positional[tuple[str, ...]] = ()
    """Games to time; none is all."""
    repeats: int = 3
    """Times each case is measured; the least is told."""
    json: bool = False
    """Print the figures as JSON."""


def run(args: list[str]) -> int:
    """`semiosis bench [GAME...]`."""
    from semiosis.runs.bench import bench as measure
    from semiosis.runs.bench import table

    chosen = tyro.cli(Bench, args=args, prog="semiosis bench")
    for name in chosen.games:
        if name not in GAMES:
            raise unknown("game", name, GAMES)
    rows = [row for name in chosen.games or GAMES for row in measure(GAMES[name], chosen.repeats)]
    if chosen.json:
        print(json.dumps(rows))
        return 0
    from rich.console import Console

    Console().print(table(rows))
    return 0
