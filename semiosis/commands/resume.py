"""`semiosis resume DIR`."""

from __future__ import annotations

from dataclasses import dataclass

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import GAMES, ended, say


@dataclass(frozen=True)
class Resume:
    """Continue a run from its newest whole checkpoint."""

    dir: Positional[str]
    """The run directory."""
    steps: int | None = None
    """Train to this step instead of the one it was started with."""


def run(args: list[str]) -> int:
    """`semiosis resume DIR`."""
    from semiosis.runs import session

    chosen = tyro.cli(Resume, args=args, prog="semiosis resume")
    run, caught = session.resume(chosen.dir, GAMES, steps=chosen.steps, say=say)
    return ended(run.path, caught)
