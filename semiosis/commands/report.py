"""`semiosis report DIR...`."""

from __future__ import annotations

from dataclasses import dataclass

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import GAMES, opened, say
from semiosis.errors import UsageError


@dataclass(frozen=True)
class Report:
    """One page of a run, or of several side by side, that opens offline: report.html; figures and tables as files in report/ beside it."""

    dirs: Positional[tuple[str, ...]]
    """Run directories. Those of one game stand side by side, each against the first."""
    out: str = ""
    """The folder that is written in; by default the directory of the run, of several the folder that holds them all, or else this one."""
    evaluate: bool = True
    """Evaluate runs that never were, or that have learned on since, before they are reported."""


def run(args: list[str]) -> int:
    """`semiosis report DIR...`."""
    from semiosis.report import page

    chosen = tyro.cli(Report, args=args, prog="semiosis report")
    page.check(chosen.dirs)
    for path in chosen.dirs:
        _evaluated(path, asked=chosen.evaluate)
    written = page.report(chosen.dirs, page.home_of(chosen.dirs, chosen.out), GAMES)
    size = written.page.stat().st_size
    print(f"written: {written.page} ({size / 1e6:.1f} MB), {len(written.beside)} figures and tables in {written.page.parent / 'report'}")
    return 0


def _evaluated(path: str, *, asked: bool) -> None:
    """Judge a run whose evaluation is missing or older than what it has learned."""
    from semiosis.report import gather
    from semiosis.report.gallery import figures
    from semiosis.runs import session

    found = gather.read(path)
    if not gather.outdated(found):
        return
    why = "was never evaluated" if found.evaluation is None else f"has learned on since step {found.evaluation['step']:,}"
    if not asked:
        say(f"{path} {why}: the report says so")
        return
    say(f"{path} {why}: evaluating it first")
    try:
        trained = opened(path, "newest")
    except UsageError as refusal:  # the others, and what is known of this one, are still worth a page
        say(f"{path} cannot be evaluated ({refusal}): the report says so")
        return
    result, findings, _ = session.judge(trained, "test")
    figures(trained, result, findings, "test")
