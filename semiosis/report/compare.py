"""Runs side by side: which of their dials differ, and whether one arm is better than another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from semiosis import metrics
from semiosis.report.gather import Found


class Contrast(NamedTuple):
    """A metric of an arm against the first arm: the difference with its 95 % interval, p, p after Holm's correction, and the seeds."""

    metric: str
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    holm: float | None
    n: int | tuple[int, int]
    effect: float | None
    reason: str
    how: str


class Against(NamedTuple):
    """All tests of an arm against the first; `seeds` are those that both have, empty where arms were compared without pairing.

    `main` is the metric whose p needs no correction, being the one that was asked for.
    """

    arm: str
    base: str
    seeds: list[int]
    main: str | None
    tests: list[Contrast]


def dials(runs: Sequence[Found]) -> list[tuple[str, list[Any]]]:
    """The settings in which runs differ: of the game, of the run, of the data and of versions; None where a run has no such setting."""
    own = [_settings(run) for run in runs]
    known = list(dict.fromkeys(name for settings in own for name in settings))
    rows = [(name, [settings.get(name) for settings in own]) for name in known]
    return [(name, values) for name, values in rows if any(value != values[0] for value in values)]


def _settings(run: Found) -> dict[str, Any]:
    found = {name: value for name, value in run.record["config"].items() if name != "data"}
    fingerprint = str(run.record["data"].get("fingerprint", ""))[:12]
    place = {name: value for name, value in run.record["options"].items() if name != "seeds"}
    versions = {f"version of {name}": value for name, value in run.record.get("versions", {}).items()}
    data = {"data": run.record["data"].get("name"), "fingerprint of the data": fingerprint}
    return {**data, "seeds": run.seeds, **found, **place, **versions}


def against_first(runs: Sequence[Found]) -> list[Against]:
    """Each arm against the first, in every metric that both have: paired over common seeds where there are two or more.

    The headline of the first is the main outcome, whose p stands alone; Holm's correction is over the others of one pair of arms.
    """
    first, *others = runs
    return [_against(first, other) for other in others]


def _against(first: Found, other: Found) -> Against:
    common = sorted(set(first.judged) & set(other.judged))
    paired = len(common) > 1
    found: list[tuple[str, Any]] = []
    for name in _compared(first, other):
        a, b = (dict(zip(run.judged, run.metrics[name]["per_seed"], strict=False)) for run in (other, first))
        if paired:
            result = metrics.paired([a.get(seed) for seed in common], [b.get(seed) for seed in common])
        else:
            result = metrics.unpaired(a.values(), b.values())
        if result.difference is not None:
            found.append((name, result))
    main = next((name for name, _ in found if name == first.headline), None)
    adjusted = metrics.holm([None if name == main else result.p for name, result in found])
    tests = [
        Contrast(name, result.difference, result.low, result.high, result.p, corrected, result.n, result.effect, result.reason, result.how)
        for (name, result), corrected in zip(found, adjusted, strict=True)
    ]
    return Against(other.name, first.name, common if paired else [], main, tests)


def _compared(first: Found, other: Found) -> list[str]:
    """The metrics that both have; a reward that is the accuracy by another name would only be counted twice."""
    both = [name for name in first.metrics if name in other.metrics]
    return [name for name in both if name != "reward" or any(not _same(run, name, "accuracy") for run in (first, other))]


def _same(run: Found, name: str, other: str) -> bool:
    return other in run.metrics and run.metrics[name]["per_seed"] == run.metrics[other]["per_seed"]
