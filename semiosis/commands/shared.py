"""What several commands share: the games, a run opened, a seed's place, how an interval reads."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import Annotated, Any, Literal

import tyro

from semiosis.errors import UsageError, unknown

GAMES = {
    "lewis": "semiosis.games.lewis",
    "naming": "semiosis.games.naming",
    "glyph": "semiosis.games.glyph",
    "dialogue": "semiosis.games.dialogue",
    "sketch": "semiosis.games.sketch",
}


def say(sentence: str) -> None:
    """A remark beside the result, on standard error."""
    print(f"semiosis: {sentence}", file=sys.stderr)


def game_of(args: list[str], command: str) -> tuple[str, list[str], Any, str]:
    """The game that a command is given: its name, the flags after it, its module, and the preset its dials start from."""
    from semiosis.runs import session

    if not args:
        raise UsageError(f"`semiosis {command}` needs a game: {', '.join(GAMES)}, or the path of a .py file")
    name, flags = args[0], args[1:]
    game = session.game_at(name, GAMES)
    preset = before(flags, "--preset") or ("quick" if "quick" in game.PRESETS else next(iter(game.PRESETS)))
    if preset not in game.PRESETS:
        raise unknown("preset", preset, game.PRESETS)
    return name, flags, game, preset


def preset_field(game: Any, preset: str) -> tuple[str, Any, Any]:
    """The flag --preset, for `make_dataclass`."""
    names = Literal[tuple(game.PRESETS)]  # type: ignore[valid-type]
    return "preset", Annotated[names, tyro.conf.arg(help="Where the dials of the game start from.")], field(default=preset)


def opened(path: str, checkpoint: str, change: dict[str, Any] | None = None) -> Any:
    """A run opened to be looked at."""
    from semiosis.runs import session

    if checkpoint not in ("newest", "best") and not checkpoint.isdecimal():
        raise UsageError(f"checkpoint {checkpoint!r}: expected newest, best or a step")
    run = session.open_run(path)
    fields = {*run.record["config"]}
    for name in change or {}:
        if name not in fields:
            raise UsageError(f"the game {run.record['game']} has no setting {name!r} to judge with")
    step = int(checkpoint) if checkpoint.isdecimal() else checkpoint
    return session.reopen(run, GAMES, step, say=say, change=change)


def place_of(trained: Any, seed: int | None) -> int:
    """Where a seed stands among those of a run; the first by default."""
    if seed is None:
        return 0
    if seed not in trained.seeds:
        raise UsageError(f"{trained.run.path} has no seed {seed}: its seeds are {', '.join(map(str, trained.seeds))}")
    return trained.seeds.index(seed)


def interval(figure: dict[str, float | None]) -> str:
    """A mean with its interval, as text."""
    if figure["mean"] is None:
        return "undefined"
    span = "" if figure["low"] is None else f" [{figure['low']:.3f}, {figure['high']:.3f}]"
    return f"{figure['mean']:.3f}{span}"


def doctor_says(result: Mapping[str, Any]) -> str:
    """What the doctor said of an evaluation, a line each, the gravest first; nothing where it said nothing."""
    words = result.get("doctor", [])
    lines = (f"{word['severity'] if word['severity'] != 'ok' else 'fine'}: {word['says']}" for word in words)
    columns = get_terminal_size().columns
    return "".join(fill(line, columns, subsequent_indent="  ", break_on_hyphens=False) + "\n" for line in lines)


def before(flags: list[str], name: str) -> str | None:
    """The value of a flag that decides the defaults of the others, read ahead of them."""
    found = None
    for i, flag in enumerate(flags):  # of two, the last one counts, as for every flag
        if flag == name and i + 1 < len(flags):
            found = flags[i + 1]
        if flag.startswith(f"{name}="):
            found = flag.split("=", 1)[1]
    return found


def ended(path: Path, caught: int) -> int:
    """The last line of a run; a run that a signal ended has the shell's usual status of it."""
    if caught:
        say(f"stopped by signal {caught}, and saved: `semiosis resume {path}` continues")
        return 128 + caught
    print(f"trained: {path}; `semiosis evaluate {path}` shows how well")
    return 0


def named(chosen: Any) -> str:
    """What the folder of an analysis or of game logs is called by, where it is not of the first seed on the test split."""
    from semiosis.runs.session import suffix

    told: dict[str, Any] = {} if chosen.seed is None else {"seed": chosen.seed}
    told |= {} if chosen.checkpoint == "newest" else {"checkpoint": chosen.checkpoint}
    if receiver := getattr(chosen, "receiver", ""):
        told["receiver"] = Path(receiver).resolve().name
    return suffix(chosen.split, told)
