"""The report: one page that needs nothing but itself, and beside it the same figures and tables as files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files as resources
from pathlib import Path
from typing import NamedTuple

from semiosis.errors import UsageError
from semiosis.report import captions, drawn, exports, gather, measured, sections, told
from semiosis.report.embed import Weight
from semiosis.report.gather import Found
from semiosis.report.groups import Group, grouped
from semiosis.report.html import Child, Element, details, document, tag
from semiosis.runs.files import write_bytes

MOST = 3_400_000  # bytes of pictures in a page, as they are written there: with all else it stays below 5 MB
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


class Written(NamedTuple):
    """The page, and what was written beside it."""

    page: Path
    beside: list[Path]


def home_of(paths: Sequence[Path | str], out: str = "") -> Path:
    """Where a report is written: `out`; else the directory of the one run, the folder that holds all of several, or the current one."""
    if out:
        return Path(out)
    if len(paths) == 1:
        return Path(paths[0])
    parents = {Path(path).resolve().parent for path in paths}
    return Path(os.path.relpath(parents.pop())) if len(parents) == 1 else Path()


def report(paths: Sequence[Path | str], out: Path, games: Mapping[str, str]) -> Written:
    """Write OUT/report.html, OUT/report/figures and OUT/report/tables of one run or several; returns what was written.

    `games` are the modules of the known games by name. The same run directories give the same bytes. Raises `UsageError` where a
    directory is no run, a file in one is damaged, or the disk refuses.
    """
    runs = [gather.read(path, name) for path, name in zip(paths, gather.names(paths), strict=True)]
    groups = grouped(runs, games)
    html = render(runs, groups)
    beside = exports.write(runs, groups, out / "report")
    page = out / "report.html"
    write_bytes(page, html, "choose another --out")
    return Written(page, beside)


# ---------------------------------------------------------------------------------------------------------------- the page


def render(runs: Sequence[Found], groups: Sequence[Group]) -> bytes:
    """The page."""
    names = told.joined([run.name for run in runs])
    titled = f"{groups[0].title}: {names}" if len(groups) == 1 else f"{len(runs)} runs of {len(groups)} games"
    weight = Weight(MOST, sum(captions.caption(name) is not None for run in runs for name in run.pictures))
    links: list[tuple[str, str]]
    if len(groups) == 1:
        parts = _parts(groups[0], weight, 3)
        body = [_section(part, 2) for part in parts]
        links = [(part.anchor, part.heading) for part in parts]
        top = [_leads(groups[0])]
    else:
        body = [_game(own, weight, f"game-{i + 1}") for i, own in enumerate(groups)]
        links = [(f"game-{i + 1}", own.title) for i, own in enumerate(groups)]
        top = [sections.overview(runs)]
    items = (tag("li", tag("a", heading, href=f"#{anchor}")) for anchor, heading in links)
    nav = tag("nav", tag("ul", items), aria_label="Parts of the page")
    head = [
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", titled),
        tag("style", (resources("semiosis.report") / "page.css").read_text(encoding="utf-8")),
    ]
    end = f"Written by semiosis {version('semiosis')} from {len(runs)} run {'directory' if len(runs) == 1 else 'directories'}."
    return document(head, [tag("header", tag("h1", titled), top, nav), tag("main", body), tag("footer", tag("p", end))])


class Part(NamedTuple):
    """A section of the page."""

    anchor: str
    heading: str
    children: list[Child]


def _section(part: Part, level: int) -> Element:
    return tag("section", tag(f"h{level}", part.heading, id=part.anchor), part.children)


def _game(own: Group, weight: Weight, anchor: str) -> Element:
    """All about the runs of one game, on a page with others."""
    parts = (_section(part, 3) for part in _parts(own, weight, 4, f"{anchor}-"))
    return tag("section", tag("h2", own.title, id=anchor), _leads(own), parts, class_="game")


def _leads(own: Group) -> Element:
    """A sentence for each run, and the commands that repeat them."""
    several = len(own.runs) > 1
    leads = (tag("p", tag("b", f"{run.name}: ") if several else None, told.sentence(run), class_="lead") for run in own.runs)
    return tag("div", leads, sections.commands(own.runs, own.commands))


def _parts(own: Group, weight: Weight, level: int, before: str = "") -> list[Part]:
    """Each part of the story of a game that has something to tell; what stands below its heading has headings of `level`."""
    runs, several = own.runs, len(own.runs) > 1
    judged, read = [run for run in runs if run.metrics], [run for run in runs if run.language]
    probes = [part for task, panel in own.learning.items() for part in drawn.learning(panel, runs, task)]
    bars = drawn.interventions(own.bars, own.look_of(runs)) if own.bars else []
    strangers = _each(runs, lambda run: drawn.crossplay(run.crossplay) if run.crossplay else [], level)
    recognised = _each(runs, lambda run: [drawn.recognised(run.recognised)] if run.recognised else [], level)
    story: dict[str, tuple[str, list[Child]]] = {
        "doctor": ("What the doctor says", [sections.doctor(runs)]),
        "differences": ("What differs", [sections.differences(runs)] if several else []),
        "training": ("Training", drawn.courses(own.panels, own.look)),
        "measures": ("What was measured", [*measured.measures(judged, own.look_of(judged)), measured.otherwise(judged)]),
        "tests": ("Is one arm better?", measured.contrasts(own.against)),
        "interventions": ("When messages are changed", bars),
        "gallery": ("The language, seen", _galleries(runs, weight)),
        "crossplay": ("Strangers: cross-play", strangers),
        "learning": ("Ease of learning", probes),
        "recognised": ("Recognised by strangers", recognised),
        "language": ("The language in depth", measured.measures(read, own.look_of(read), of="language")),
        "setting": ("What was run", [sections.rules(own.rules), *sections.setting(runs), sections.missing(runs)]),
    }
    return [Part(before + key, heading, parts) for key, (heading, parts) in story.items() if any(part is not None for part in parts)]


def _each(runs: Sequence[Found], make: Callable[[Found], Sequence[Child]], level: int) -> list[Child]:
    """The same part for each run that has it, under its name where there are several."""
    made = [(run, children) for run in runs if (children := make(run))]
    return [part for run, children in made for part in ([tag(f"h{level}", run.name)] if len(made) > 1 else []) + list(children)]


def _galleries(runs: Sequence[Found], weight: Weight) -> list[Child]:
    """The pictures of each run; of several they can be folded away."""
    made = [(run, pictures) for run in runs if (pictures := drawn.gallery(run, weight))]
    if len(runs) == 1 or not made:
        return [part for _, pictures in made for part in pictures]
    return [tag("div", (details(run.name, pictures, open_=True) for run, pictures in made), class_="runs")]


def check(paths: Sequence[str]) -> None:
    """One sentence where there is nothing to report, or a run stands twice."""
    if not paths:
        raise UsageError("report needs one run directory or more")
    if len({Path(path).resolve() for path in paths}) < len(paths):
        raise UsageError(f"report {' '.join(paths)}: a directory stands twice")
