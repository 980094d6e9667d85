"""`semiosis dialogue-analysis PATH`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import named, opened, place_of
from semiosis.errors import UsageError


@dataclass(frozen=True)
class DialogueAnalysis:
    """What recorded conversations tell: writes those of a run as HDF5 and Parquet, then every figure and analysis.json from them alone."""

    path: Positional[str]
    """A run directory, or a file of recorded conversations: .h5 as the published code writes it, or .parquet."""
    split: str = "test"
    """The split of a run that is talked about."""
    seed: int | None = None
    """The seed of a run whose agents talk; by default the first."""
    checkpoint: str = "newest"
    """Which checkpoint of a run: newest, best or a step."""
    descriptions: str = ""
    """A file of lines label_id,label,text that names the classes of a file which does not say them."""
    out: str = ""
    """The folder that is written; by default DIR/dialogue, with split and seed where they are named, or FILE without its ending."""
    samples: int = 0
    """Conversations printed as bars and bits."""
    letters: bool = False
    """Print five bits as one letter."""
    json: bool = False
    """Print the object of analysis.json alone."""


def run(args: list[str]) -> int:
    """`semiosis dialogue-analysis PATH`."""
    from rich.console import Console

    from semiosis.conversations import printed
    from semiosis.report.dialogue_analysis import analyse, samples, tables
    from semiosis.runs import conversations, files

    chosen = tyro.cli(DialogueAnalysis, args=args, prog="semiosis dialogue-analysis")
    if chosen.samples < 0:
        raise UsageError(f"samples is {chosen.samples}: expected 0 or more")
    source, written, images = Path(chosen.path), [], None
    if source.is_dir() or not (source.is_file() or source.suffix.lower() in conversations.SUFFIXES):
        if chosen.descriptions:
            raise UsageError("--descriptions names the classes of a file, and a run knows its own")
        trained = opened(chosen.path, chosen.checkpoint)
        home = Path(chosen.out) if chosen.out else source / ("dialogue" + named(chosen))
        talk, images, _ = conversations.of(trained, place_of(trained, chosen.seed), chosen.split)
        written = [conversations.write_hdf5(talk, home / "messages.h5"), conversations.write_parquet(talk, home / "messages.parquet")]
        talk = conversations.read(written[0])
    else:
        talk = conversations.read(source, Path(chosen.descriptions) if chosen.descriptions else None)
        home = Path(chosen.out) if chosen.out else source.with_suffix("")
    with files.spoken(f"create {home}", "choose another --out"):
        home.mkdir(parents=True, exist_ok=True)
    result, drawn = analyse(talk, home, images=images)
    files.write_json(home / "analysis.json", result)
    if chosen.json:
        print(json.dumps(result))
        return 0
    for table in tables(result):
        Console().print(table)
    if chosen.samples:
        print(printed(talk, samples(talk, chosen.samples), letters=chosen.letters))
    print("written: " + ", ".join(map(str, [*written, home / "analysis.json", *drawn])))
    return 0
