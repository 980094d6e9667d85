"""Runs of one game, which stand side by side: what they have in common, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from semiosis.report import charts, compare, repeat
from semiosis.report.compare import Against
from semiosis.report.gather import Found


class Group(NamedTuple):
    """The runs of a game, the game in words, the commands that repeat them, and what is drawn and tested of them.

    `look` is of the lines of `panels`: of one run its splits, of several the runs.
    """

    runs: list[Found]
    title: str
    rules: Mapping[str, str]
    commands: list[str]
    look: Mapping[str, charts.Look]
    panels: list[charts.Panel]
    bars: charts.Bars | None
    learning: dict[str, charts.Panel]
    against: list[Against]

    def look_of(self, runs: Sequence[Found]) -> Mapping[str, charts.Look]:
        """The looks of runs, where each is one bar or row."""
        return {run.name: self.look[run.name] for run in runs} if len(self.runs) > 1 else charts.looks([run.name for run in runs])


def grouped(runs: Sequence[Found], games: Mapping[str, str]) -> list[Group]:
    """The runs by game, in the order they were given."""
    known = list(dict.fromkeys(run.game for run in runs))
    return [_group([run for run in runs if run.game == game], games) for game in known]


def _group(runs: list[Found], games: Mapping[str, str]) -> Group:
    title, rules = repeat.header(runs[0].game, games)
    panels = charts.courses(runs)
    tasks = list(dict.fromkeys(task for run in runs for task in run.probes))
    return Group(
        runs,
        title.partition(":")[0].removesuffix("."),
        rules,
        [repeat.command(run.record, games, str(run.path / "config.json")) for run in runs],
        charts.looks(charts.arms(panels) if len(runs) == 1 else [run.name for run in runs]),
        panels,
        charts.interventions(runs),
        {task: panel for task in tasks if (panel := charts.learning(runs, task)) is not None},
        compare.against_first(runs) if len(runs) > 1 else [],
    )
