"""A look at the valid split in the midst of training: figures, the score of a checkpoint, and what the doctor says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semiosis import metrics
from semiosis.runs import directory, doctor, loop
from semiosis.runs.evaluate import Finding, checkup, examine
from semiosis.types import Experiment, World

SPLIT = "valid"
LOOKED = ("messages", -1)  # among what was told: that messages have been tampered with


def validate(experiment: Experiment, worlds: World, seeds: Sequence[int]) -> list[Finding]:
    """What is found of each seed; nothing where there is no such split."""
    return [examine(experiment, SPLIT, loop.unstack(worlds, place)) for place in range(len(seeds))] if SPLIT in experiment.exams else []


def rows_of(judged: Sequence[Finding], seeds: Sequence[int], step: int) -> list[dict[str, Any]]:
    """The lines of metrics."""
    return [{"step": step, "seed": seed, "split": SPLIT, **found.figures} for seed, found in zip(seeds, judged, strict=False)]


def score(judged: Sequence[Finding]) -> float | None:
    """The mean accuracy, by which the best checkpoint is chosen; without one, minus the loss."""
    scores = [accuracy if (accuracy := own.figures.get("accuracy")) is not None else -(own.figures["loss"] or 0.0) for own in judged]
    return float(np.mean(scores)) if scores else None


def consult(
    run: directory.Run,
    experiment: Experiment,
    worlds: World,
    judged: Sequence[Finding],
    told: set[tuple[str, int]],
    *,
    step: int,
    steps: int,
) -> list[str]:
    """What the doctor warns of and has not said before of the same seeds; `told` remembers, and the run's doctor.json has all of it.

    Messages are tampered with, which costs some validations, when something is understood for the first time, and at the end.
    """
    chance = experiment.exams[SPLIT].chance if judged else None
    asked = [{"n": float(found.n), "chance": chance, **_said(found)} for found in judged]
    understood = any(doctor.beyond(found.figures.get("accuracy"), found.n, chance, doctor.ALARM) for found in judged)
    if judged and (step >= steps or (understood and LOOKED not in told)):
        asked = [own | checkup(experiment, SPLIT, loop.unstack(worlds, place)) for place, own in enumerate(asked)]
        told.add(LOOKED)
    found = doctor.attend(run, step, steps, asked)
    warnings = [(seeds, word) for seeds, word in found if word.severity == "warning"]
    new = [(seeds, word) for seeds, word in warnings if any((word.about, seed) not in told for seed in seeds)]
    told.update((word.about, seed) for seeds, word in new for seed in seeds)
    return [word.says for _, word in new]


def _said(found: Finding) -> dict[str, float | None]:
    """How many messages are different, and their entropy in bits: means over speakers."""
    if found.language is None:
        return {}
    each = list(zip(found.language.tokens, found.language.lengths, strict=True))
    measures = {"messages": metrics.distinct, "message_entropy": metrics.message_entropy}
    values = {name: [value for own in each if (value := measure(*own).value) is not None] for name, measure in measures.items()}
    return {name: float(np.mean(some)) if some else None for name, some in values.items()}
