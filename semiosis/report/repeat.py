"""The command that repeats a run, from its config.json; and what a game says of itself."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from semiosis.runs.options import Options
from semiosis.runs.setup import Game


def command(record: Mapping[str, Any], known: Mapping[str, str], config: str) -> str:
    """`semiosis train GAME --flags`: the preset that needs fewest flags, then each dial that differs from it.

    A game of a user's own, whose file is not run for this, and a configuration of another version are repeated by their file `config`.
    """
    name = record["game"]
    by_file = shlex.join(["semiosis", "train", name, "--config", config])
    if name not in known:
        return by_file
    game: Game = importlib.import_module(known[name])  # type: ignore[assignment]
    told = {preset: differing(record["config"], _plain(asdict(dials))) for preset, dials in game.PRESETS.items()}
    fits = {preset: changes for preset, changes in told.items() if changes is not None}
    options = differing(record["options"], _plain(asdict(Options())))
    if not fits or options is None:
        return by_file
    preset = min(fits, key=lambda name: len(fits[name]))
    flags = [word for changes in (fits[preset], options) for dial, value in changes.items() for word in flag(dial, value)]
    return shlex.join(["semiosis", "train", name, "--preset", preset, *flags])


def differing(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values that are not the defaults; None where the names are others."""
    return {name: value for name, value in values.items() if value != defaults[name]} if values.keys() == defaults.keys() else None


def flag(name: str, value: Any) -> list[str]:
    """A dial as words of the command line."""
    dashed = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{dashed}" if value else f"--no-{dashed}"]
    if isinstance(value, list):
        return [f"--{dashed}", *map(str, value)]
    return [f"--{dashed}", str(value)]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON would have them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def header(name: str, known: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The title of a game and the table in its header: who sees what, what is sent, and so on; of a user's own file, its name alone."""
    if name not in known:
        return Path(name).name, {}
    text = importlib.import_module(known[name]).__doc__ or ""
    first, _, rest = text.partition("\n\n")
    table: dict[str, str] = {}
    for line in rest.split("\n\n")[0].splitlines():
        if found := re.fullmatch(r"(\S(?:.*?\S)?) {2,}(\S.*)", line):
            key = found[1]
            table[key] = found[2]
        elif table and line.strip():
            key = list(table)[-1]
            table[key] += " " + line.strip()
    return first.strip(), table
