"""`semiosis film DIR`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import opened, place_of
from semiosis.errors import UsageError


@dataclass(frozen=True)
class Film:
    """Films of a run whose messages are images: the history of its language, and how messages turn into one another."""

    dir: Positional[str]
    """The run directory."""
    seed: int | None = None
    """The seed that is shown; by default the first of the run."""
    formats: tuple[Literal["gif", "mp4"], ...] = ("gif", "mp4")
    """What is written of each film; mp4 needs the extra `film`."""
    fps: float = 12.0
    """Pictures a second."""
    shots: int = 150
    """Most pictures of the history, which has one for each line of metrics."""
    glyphs: int = 12
    """Messages that turn into one another."""
    arrived: bool = True
    """Show beside each glyph how it arrives, where the run kept it, and beside each sketch its photo."""
    checkpoint: str = "newest"
    """Which checkpoint those are drawn of: newest, best or a step."""


def run(args: list[str]) -> int:
    """`semiosis film DIR`."""
    from semiosis.report.film import check_rate, need_av

    chosen = tyro.cli(Film, args=args, prog="semiosis film")
    for name, least in (("shots", 1), ("glyphs", 2)):
        if getattr(chosen, name) < least:
            raise UsageError(f"{name} is {getattr(chosen, name)}: expected {least} or more")
    if not chosen.formats:
        raise UsageError("no formats: expected gif, mp4 or both")
    for kind in chosen.formats:
        check_rate(chosen.fps, kind)
    if "mp4" in chosen.formats:
        need_av()
    trained = opened(chosen.dir, chosen.checkpoint)
    print("written: " + ", ".join(map(str, films(trained, place_of(trained, chosen.seed), chosen))))
    return 0


def films(trained: Any, place: int, chosen: Film) -> list[Path]:
    """The films of a seed: of its history, and from message to message; returns what was written."""
    from semiosis.report import film as screen
    from semiosis.runs import film as reel

    home, which = trained.run.path / "figures", "" if chosen.seed is None else f"-seed-{chosen.seed}"
    past = reel.past(trained, place, chosen.shots)
    way = reel.between(trained, place, count=chosen.glyphs, steps=8)
    films = {
        "film": [_frame(shot, chosen.arrived) for shot in past],
        "between": [screen.frame(images, words="from message to message", share=share) for share, images in way],
    }
    write = {"gif": screen.gif, "mp4": screen.mp4}
    told = [(name, kind) for name in films for kind in chosen.formats]
    return [write[kind](films[name], home / f"{name}{which}.{kind}", fps=chosen.fps) for name, kind in told]


def _frame(shot: Any, arrived: bool) -> Any:
    """A picture of the history of a language."""
    from semiosis.report import film as screen
    from semiosis.report.words import message

    names = [] if shot.meant is None else [message(row.tolist(), shot.symbols) for row in shot.meant]
    words = f"step {shot.step:,}" + ("" if shot.level is None else f"  ·  level {shot.level:.3g}")
    return screen.frame(shot.drawn, heard=shot.beside if arrived else None, words=words, names=names, share=shot.share)
