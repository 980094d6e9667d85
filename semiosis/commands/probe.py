"""`semiosis probe DIR`."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import opened


@dataclass(frozen=True)
class Probe:
    """Ease of learning: newborn listeners learn the frozen language of a run; beside it, as a control, that of untrained speakers."""

    dir: Positional[str]
    """The run directory."""
    task: str = ""
    """What the listeners must learn to do with the messages: discrimination (by default), classification, attributes or reconstruction in
    the Lewis game; in the glyph game to read clean glyphs (by default) or noisy ones."""
    steps: int = 1000
    """Steps of learning (paper: 10,000)."""
    speakers: int = 5
    """Speakers of each population, at most (paper: 5)."""
    listeners: int = 3
    """Newborn listeners for each speaker (paper: 3)."""
    lr: float = 1e-3
    """The listeners' learning rate (paper: 1e-3)."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best or a step."""
    json: bool = False
    """Print the object of probe.json alone."""


def run(args: list[str]) -> int:
    """`semiosis probe DIR`."""
    from rich.console import Console

    from semiosis.report.figures import learning
    from semiosis.report.tables import curve_summary
    from semiosis.runs import files
    from semiosis.runs.probe import ease_of_learning, summary

    chosen = tyro.cli(Probe, args=args, prog="semiosis probe")
    trained = opened(chosen.dir, chosen.checkpoint)
    task = chosen.task or getattr(trained.game, "TASKS", ("",))[0]
    with redirect_stdout(sys.stderr) if chosen.json else nullcontext():  # the progress
        curves = ease_of_learning(
            trained, task=task, steps=chosen.steps, speakers=chosen.speakers, listeners=chosen.listeners, lr=chosen.lr
        )
    result = summary(curves, task)
    files.write_json(trained.run.path / f"probe-{task}.json", result)
    chance = (
        trained.experiment.exams["test"].chance
        if task == getattr(trained.config, "task", task) and "test" in trained.experiment.exams
        else None
    )
    figure = learning(curves, trained.run.path / "figures" / f"probe-{task}.png", chance)
    if chosen.json:
        print(json.dumps(result))
        return 0
    Console().print(curve_summary(result))
    print(f"written: {trained.run.path / f'probe-{task}.json'}, {figure}")
    return 0
