"""`semiosis describe GAME`: takes the dials of the game, as `train` does."""

from __future__ import annotations

from dataclasses import field, make_dataclass
from typing import Any

import tyro
from tyro.conf import OmitArgPrefixes

from semiosis.commands.shared import GAMES, game_of, preset_field


def run(args: list[str]) -> int:
    """`semiosis describe GAME`: takes the dials of the game, as `train` does."""
    from rich.console import Console

    from semiosis import scenes
    from semiosis.report.tables import describe_table

    if args and args[0] in ("-h", "--help"):
        print("semiosis describe GAME [--preset ...] [dials of the game]: its agents, layer by layer")
        print(f"\nGAME is {', '.join(GAMES)}, or the path of a Python file; `semiosis describe GAME --help` shows every dial.")
        return 0
    name, flags, game, preset = game_of(args, "describe")
    dials = ("game", OmitArgPrefixes[game.Config], field(default=game.PRESETS[preset]))
    settings = make_dataclass("Describe", [preset_field(game, preset), dials], frozen=True)
    chosen: Any = tyro.cli(settings, args=flags, prog=f"semiosis describe {name}", description="The agents of a game, layer by layer.")
    config = chosen.game
    experiment = game.make(config, scenes.load(config.data))
    Console().print(describe_table(experiment, config))
    return 0
