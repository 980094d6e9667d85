"""`semiosis evaluate DIR`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import GAMES, doctor_says, opened
from semiosis.errors import UsageError, unknown


@dataclass(frozen=True)
class Evaluate:
    """Judge a run on a split it was not trained on, with its variants, and write evaluation.json (evaluation-SPLIT.json of another)."""

    dir: Positional[str]
    """The run directory."""
    split: str = "test"
    """The split; its variants (test/16, test/noise) come with it. Some data has zero_shot besides."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best (by valid accuracy) or a step."""
    candidates: int | None = None
    """Judge among this many candidates instead of as trained (games of reference)."""
    data: str | None = None
    """Judge on other data of the same shape (zero-shot transfer)."""
    messages: Literal["greedy", "sampled"] | None = None
    """Judge greedy or sampled messages instead of as configured (games with that dial)."""
    change: tuple[str, ...] = ()
    """Other dials to judge with, NAME=VALUE: in a dialogue max_exchange=20, corrupt=0:3,5 or ignore_receiver=True."""
    json: bool = False
    """Print the object of evaluation.json alone."""


def run(args: list[str]) -> int:
    """`semiosis evaluate DIR`."""
    from rich.console import Console

    from semiosis.report.gallery import figures as draw
    from semiosis.report.tables import evaluation_table
    from semiosis.runs import session

    chosen = tyro.cli(Evaluate, args=args, prog="semiosis evaluate")
    asked = {"evaluation_candidates": chosen.candidates, "data": chosen.data, "evaluation_messages": chosen.messages}
    asked |= _changes(session.open_run(chosen.dir), chosen.change) if chosen.change else {}
    trained = opened(chosen.dir, chosen.checkpoint, {name: value for name, value in asked.items() if value is not None})
    result, findings, file = session.judge(trained, chosen.split)
    figures = [] if trained.changed else draw(trained, result, findings, chosen.split)
    if chosen.json:
        print(json.dumps(result))
        return 0
    Console().print(evaluation_table(result))
    print(doctor_says(result) + f"written: {file}" + "".join(f", {path}" for path in figures))
    return 0


def _changes(run: Any, pairs: Sequence[str]) -> dict[str, Any]:
    """The dials that NAME=VALUE change, each read as what it is in the game's configuration."""
    from semiosis.runs import session
    from semiosis.runs.setup import config_from

    game, known, found = session.game_at(run.record["game"], GAMES), run.record["config"], {}
    for pair in pairs:
        name, equal, text = pair.partition("=")
        if not equal:
            raise UsageError(f"--change {pair}: expected NAME=VALUE, as in max_exchange=20")
        if name not in known:
            raise unknown("setting", name, known)
        try:
            found[name] = _read(text, get_type_hints(game.Config)[name], type(known[name]))
        except (KeyError, ValueError):
            raise UsageError(f"--change {pair}: {name} is {known[name]!r}, and {text!r} is no {type(known[name]).__name__}") from None
    config_from(game, known | found)  # which refuses a word that is none of those to choose from
    return found


def _read(text: str, hint: Any, kind: type) -> Any:
    """A value from its text: of a list, each part between commas."""
    if kind is list:
        each = get_args(hint)[0]
        return tuple(_read(part, each, each) for part in text.split(",") if part)
    return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
