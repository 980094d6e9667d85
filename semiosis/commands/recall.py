"""`semiosis recall DIR`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import opened, place_of


@dataclass(frozen=True)
class Recall:
    """Draw what each agent imagines when it hears each sign, and what one draws of what another says; write recall.json."""

    dir: Positional[str]
    """The run directory."""
    seed: int | None = None
    """The seed whose agents are asked; by default the first of the run."""
    split: str = "test"
    """The split whose things they name: for how often a sign is said, and of what."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best or a step."""
    json: bool = False
    """Print the object of recall.json alone."""


def run(args: list[str]) -> int:
    """`semiosis recall DIR`."""
    from rich.console import Console

    from semiosis.report.tables import recall_table

    chosen = tyro.cli(Recall, args=args, prog="semiosis recall")
    trained = opened(chosen.dir, chosen.checkpoint)
    result, paths = recalled(trained, trained.seeds[0] if chosen.seed is None else chosen.seed, chosen.split)
    if chosen.json:
        print(json.dumps(result))
        return 0
    Console().print(recall_table(result))
    print("written: " + ", ".join(map(str, paths)))
    return 0


def recalled(trained: Any, seed: int, split: str) -> tuple[dict[str, Any], list[Path]]:
    """What the agents of a seed imagine: the object of recall.json, and what was written."""
    from semiosis.report import clusters, figures
    from semiosis.runs import files
    from semiosis.runs import recall as imagined
    from semiosis.runs.session import suffix

    run = trained.run
    found = imagined.recall(trained, place_of(trained, seed), split)
    n_signs = found.pictures.shape[1]
    labels, classes = found.labels, trained.data.classes
    order = list(range(n_signs)) if labels is None else clusters.columns(clusters.counts(found.signs, labels, n_signs).sum(0))
    about = {"game": run.record["game"], "step": trained.step, "split": split, "seed": seed}
    result = {**about, "signs": imagined.summary(found, classes, order)}
    home, which = run.path / "figures", suffix(split)
    paths = [run.path / f"recall{which}.json"]
    files.write_json(paths[0], result)
    paths.append(figures.recall(found.pictures, home / f"recall{which}.png", used=found.used.sum(0), order=order))
    if len(found.signs) > 1:
        said = found.signs[:, found.chosen]
        paths.append(figures.speaking(found.seen, said, found.drawn, home / f"speaking{which}.png", n_signs=n_signs))
    return result, paths
