"""`semiosis crossplay DIR...`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import interval, opened
from semiosis.errors import UsageError


@dataclass(frozen=True)
class Crossplay:
    """Every seed's speakers with every seed's listeners, within a run and between runs."""

    dirs: Positional[tuple[str, ...]]
    """Run directories of one game on the same data."""
    split: str = "test"
    """The split they are judged on."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best or a step."""
    json: bool = False
    """Print the object of crossplay.json alone."""


def run(args: list[str]) -> int:
    """`semiosis crossplay DIR...`."""
    from semiosis.report.figures import matrix
    from semiosis.runs import crossplay as cross
    from semiosis.runs import files

    chosen = tyro.cli(Crossplay, args=args, prog="semiosis crossplay")
    if not chosen.dirs:
        raise UsageError("crossplay needs one run directory or more")
    if len({Path(path).resolve() for path in chosen.dirs}) < len(chosen.dirs):
        raise UsageError(f"crossplay {' '.join(chosen.dirs)}: a directory stands twice, and a run cannot be a stranger to itself")
    runs = [opened(path, chosen.checkpoint) for path in chosen.dirs]
    found = cross.crossplay(runs, chosen.split)
    result = cross.summary(found)
    home = runs[0].run.path
    files.write_json(home / "crossplay.json", result)
    figure = matrix(found.names, found.accuracy, home / "figures" / "crossplay.png", found.chance)
    if chosen.json:
        print(json.dumps(result))
        return 0
    for name in ("self_play", "cross_play", "gap"):
        print(f"{name.replace('_', '-')}: accuracy {interval(result[name])}")
    print(f"written: {home / 'crossplay.json'}, {figure}")
    return 0
