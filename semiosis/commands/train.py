"""`semiosis train GAME`: the flags are the fields of the game's Config and of Options."""

from __future__ import annotations

from dataclasses import asdict, field, make_dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import tyro
from tyro.conf import OmitArgPrefixes

from semiosis.commands.overview import overview
from semiosis.commands.shared import before, ended, game_of, preset_field
from semiosis.errors import UsageError


def run(args: list[str]) -> int:
    """`semiosis train GAME`: the flags are the fields of the game's Config and of Options."""
    from semiosis.runs import session
    from semiosis.runs.options import Options
    from semiosis.runs.setup import checked, config_from

    if args and args[0] in ("-h", "--help"):
        print(overview())
        return 0
    name, flags, game, preset = game_of(args, "train")
    config, options = game.PRESETS[preset], Options()
    taken = {"preset", "config", "out", *asdict(options)} & {*asdict(config)}
    if taken:
        raise UsageError(f"{name}: {', '.join(sorted(taken))} in its Config would hide a flag of `semiosis train`: choose another name")
    if file := before(flags, "--config"):
        record = session.record_at(Path(file))
        if record["game"] != name:
            raise UsageError(f"--config {file}: it is of a run of {record['game']}, not of {name}")
        config, options = config_from(game, record["config"]), checked(Options, record["options"])
    settings = make_dataclass(
        "Train",
        [
            preset_field(game, preset),
            ("config", Annotated[str, tyro.conf.arg(help="Repeat the run of this config.json; flags change it.")], field(default="")),
            ("out", Annotated[str, tyro.conf.arg(help="The run directory; by default runs/GAME-PRESET-TIME.")], field(default="")),
            ("game", OmitArgPrefixes[game.Config], field(default=config)),
            ("run", OmitArgPrefixes[Options], field(default=options)),
        ],
        frozen=True,
    )
    chosen: Any = tyro.cli(settings, args=flags, prog=f"semiosis train {name}", description=game.__doc__ or "")
    out = chosen.out or f"runs/{Path(name).stem}-{preset}-{datetime.now():%Y%m%d-%H%M%S}"
    made, caught = session.start(name, game, chosen.game, chosen.run, out)
    return ended(made.path, caught)
