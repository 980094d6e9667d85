"""What stands beside a report as files: figures as PNG and SVG, tables as LaTeX with booktabs and as CSV with every number."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from semiosis.report import charts, heat, style, told
from semiosis.report.compare import Against, dials
from semiosis.report.gather import Found
from semiosis.report.groups import Group
from semiosis.report.measures import measure
from semiosis.runs.files import spoken, write_bytes

FIGURES = ("curves", "interventions", "crossplay", "learning")
TABLES = ("metrics", "seeds", "configurations", "language", "tests", "crossplay")
NUMBERS = ("mean", "low", "high", "chance", "null", "null_high", "n", "how", "reason")
_ESCAPES = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "\n": " ", "–": "--",
})  # fmt: skip


def write(runs: Sequence[Found], groups: Sequence[Group], home: Path) -> list[Path]:
    """Write all figures into HOME/figures and all tables into HOME/tables; returns what was written.

    What an earlier report wrote there and this one does not is deleted: a table of other runs would mislead. Raises `UsageError`.
    """
    with spoken(f"create {home}", "choose another --out"):
        for folder in ("figures", "tables"):
            (home / folder).mkdir(parents=True, exist_ok=True)
    written = figures(runs, groups, home / "figures")
    for name, text in tables(runs, groups).items():
        write_bytes(home / "tables" / name, text.encode(errors="replace"))
        written.append(home / "tables" / name)
    kept = {path.resolve() for path in written}
    for folder, stems in (("figures", FIGURES), ("tables", TABLES)):
        for path in sorted((home / folder).iterdir()):
            if re.fullmatch(rf"({'|'.join(stems)})(-[\w-]+)?\.(png|svg|tex|csv)", path.name) and path.resolve() not in kept:
                with spoken(f"delete {path}"):
                    path.unlink()
    return written


# --------------------------------------------------------------------------------------------------------------- figures


def figures(runs: Sequence[Found], groups: Sequence[Group], home: Path) -> list[Path]:
    """The drawings of the page as PNG and SVG, each under a heading of its own; of several games or runs, numbered in their order."""
    written: list[Path] = []
    for i, own in enumerate(groups):
        which = f"-{i + 1}" if len(groups) > 1 else ""
        if own.panels:
            written += _both(
                charts.sheet_of(own.panels, own.look, own.title, f"{charts.INTERVAL}; thin lines are single seeds."), home, f"curves{which}"
            )
        if own.bars:
            caption = "Messages are changed on their way. Means over seeds, with 95 % intervals." + " Dashed: chance." * bool(
                own.bars.chances
            )
            sheet = charts.bars_sheet(own.bars, own.look_of(own.runs), "What the messages are good for", caption)
            written += _both(sheet, home, f"interventions{which}")
        for task, panel in own.learning.items():
            look = charts.looks([line.name for line in panel.lines])
            caption = f"Newborn listeners hear the frozen messages of speakers and learn {task}. {charts.INTERVAL}."
            written += _both(charts.sheet_of([panel], look, "How easily it is learned", caption), home, f"learning-{task}{which}")
    for i, run in enumerate(runs):
        if run.crossplay is not None:
            which = f"-{i + 1}" if len(runs) > 1 else ""
            written += [_matrix(run.crossplay, home / f"crossplay{which}.{kind}") for kind in ("png", "svg")]
    return written


def _both(sheet: Figure, home: Path, name: str) -> list[Path]:
    return [style.save(sheet, home / f"{name}.{kind}") for kind in ("png", "svg")]


def _matrix(found: Mapping[str, Any], path: Path) -> Path:
    """Cross-play as a heat map; a file of an older semiosis says less of who they are."""
    if {"own", "groups", "roles", "over", "measure", "chances"} <= set(found):
        return heat.crossplay(found, path)
    return heat.matrix(found["names"], np.array(found["accuracy"], float), path, found.get("chance"))


# ---------------------------------------------------------------------------------------------------------------- tables


def tables(runs: Sequence[Found], groups: Sequence[Group]) -> dict[str, str]:
    """The text of each file by its name; in LaTeX, the tables of several games stand one below another."""
    against = [own for group in groups for own in group.against]
    files = {"metrics.csv": _metrics_csv(runs), "seeds.csv": _seeds_csv(runs), "configurations.csv": _configurations_csv(runs)}
    files["metrics.tex"] = "\n".join(_metrics_tex(group.runs, "evaluation") for group in groups)
    read = [own for group in groups if (own := [run for run in group.runs if run.language])]
    if read:
        files["language.tex"] = "\n".join(_metrics_tex(own, "language") for own in read)
    several = [group.runs for group in groups if len(group.runs) > 1]
    if several:
        files["configurations.tex"] = "\n".join(map(_configurations_tex, several))
    if any(own.tests for own in against):
        files["tests.csv"], files["tests.tex"] = _tests_csv(against), "\n".join(_tests_tex(own) for own in against if own.tests)
    for i, run in enumerate(runs):
        if run.crossplay is not None:
            name = "crossplay" if len(runs) == 1 else f"crossplay-{i + 1}"
            heads = run.crossplay.get("columns") or run.crossplay["names"]
            files[f"{name}.csv"] = _csv(["", *heads], _crossplay_rows(run.crossplay))
    return files


# ------------------------------------------------------------------------------------------------------------------- CSV


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def _entries(run: Found) -> Iterable[tuple[str, Mapping[str, Any], str, Mapping[str, Any]]]:
    """Each metric of a run: the file it stands in, that file's object, its name and its figures."""
    more = {f"evaluation-{key}": table for key, table in run.more.items()}
    sources = {"evaluation": run.evaluation, "language": run.language, **more}
    for source, table in sources.items():
        for name, entry in (table or {"metrics": {}})["metrics"].items():
            yield source, table or {}, name, entry


def _metrics_csv(runs: Sequence[Found]) -> str:
    head = ["run", "game", "data", "file", "split", "step", "metric", "unit", *NUMBERS, "seeds", "per_seed"]
    rows = [
        [run.name, run.game, run.record["data"].get("name"), source, table.get("split"), table.get("step"), name, measure(name).unit]
        + [entry.get(figure) for figure in NUMBERS]
        + [" ".join(map(str, table["seeds"])), " ".join("" if x is None else repr(x) for x in entry["per_seed"])]
        for run in runs
        for source, table, name, entry in _entries(run)
    ]
    return _csv(head, rows)


def _seeds_csv(runs: Sequence[Found]) -> str:
    rows = [
        [run.name, source, table.get("split"), name, seed, value]
        for run in runs
        for source, table, name, entry in _entries(run)
        for seed, value in zip(table["seeds"], entry["per_seed"], strict=False)
    ]
    return _csv(["run", "file", "split", "metric", "seed", "value"], rows)


def _configurations_csv(runs: Sequence[Found]) -> str:
    known = list(dict.fromkeys(name for run in runs for name in run.record["config"]))
    rows = [[name, *(told.value(run.record["config"].get(name)) for run in runs)] for name in known]
    return _csv(["dial", *(run.name for run in runs)], [["game", *(run.game for run in runs)], *rows])


def _tests_csv(against: Sequence[Against]) -> str:
    head = ["arm", "against", "metric", "paired", "n", "difference", "low", "high", "p", "p_holm", "effect", "how", "reason"]
    rows = [
        [own.arm, own.base, test.metric, bool(own.seeds), counted(test.n), *(test[1:6]), test.effect, test.how, test.reason]
        for own in against
        for test in own.tests
    ]
    return _csv(head, rows)


def _crossplay_rows(matrix: Mapping[str, Any]) -> list[list[Any]]:
    return [[name, *row] for name, row in zip(matrix["names"], matrix["accuracy"], strict=True)]


# ----------------------------------------------------------------------------------------------------------------- LaTeX


def latex(text: Any) -> str:
    """A text in which LaTeX reads no command."""
    return str(text).translate(_ESCAPES)


def _tabular(about: str, columns: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A tabular of cells that are LaTeX already."""
    lines = [f"% {about.translate({10: ' '})}", r"% needs \usepackage{booktabs}", rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    lines += [" & ".join(head) + r" \\", r"\midrule", *(" & ".join(row) + r" \\" for row in rows), r"\bottomrule", r"\end{tabular}"]
    return "\n".join(lines) + "\n"


def _metrics_tex(runs: Sequence[Found], source: str) -> str:
    """Mean ± half of the 95 % interval of each metric, a column a run; after them chance, and what a language without meaning has."""
    found = {run.name: (run.metrics if source == "evaluation" else run.language["metrics"] if run.language else {}) for run in runs}
    known = list(dict.fromkeys(name for table in found.values() for name in table))
    nulls = any(table[name]["null"] is not None for table in found.values() for name in table)
    rows = []
    for name in known:
        entries = [table.get(name) for table in found.values()]
        cells = [latex(told.title(name)), *(plus_minus(name, entry) for entry in entries)]
        if source == "evaluation":
            cells.append(_alike(name, entries, "chance"))
        rows.append(cells + ([_alike(name, entries, "null")] if nulls else []))
    head = ["metric", *(latex(run.name) for run in runs), *(["chance"] if source == "evaluation" else []), *(["null"] if nulls else [])]
    about = f"{runs[0].game}: mean and half of the 95 % interval over seeds; of one seed, over examples, where there is one"
    return _tabular(about, "l" + "r" * (len(head) - 1), head, rows)


def plus_minus(name: str, entry: Mapping[str, Any] | None) -> str:
    """A mean ± half of its interval."""
    if entry is None or entry["mean"] is None:
        return "--"
    decimals = measure(name).decimals
    if entry["low"] is None or entry["high"] is None:
        return f"${entry['mean']:.{decimals}f}$"
    return rf"${entry['mean']:.{decimals}f} \pm {(entry['high'] - entry['low']) / 2:.{decimals}f}$"


def _alike(name: str, entries: Iterable[Mapping[str, Any] | None], part: str) -> str:
    """A figure that runs share; the figures of all where they do not."""
    found = [None if entry is None else entry.get(part) for entry in entries]
    cells = ["--" if x is None else f"${x:.{max(measure(name).decimals, 2)}f}$" for x in found]
    return cells[0] if len(set(cells)) == 1 else " / ".join(cells)


def _configurations_tex(runs: Sequence[Found]) -> str:
    rows = [[latex(name), *(latex(told.value(value)) for value in values)] for name, values in dials(runs)]
    return _tabular("the settings in which the runs differ", "l" * (len(runs) + 1), ["dial", *(latex(run.name) for run in runs)], rows)


def _tests_tex(own: Against) -> str:
    kind = f"paired over the seeds {', '.join(map(str, own.seeds))}: sign flips" if own.seeds else "unpaired: permutations"
    rows = []
    for test in own.tests:
        decimals = measure(test.metric).decimals
        span = "--" if test.low is None or test.high is None else f"$[{test.low:.{decimals}f}, {test.high:.{decimals}f}]$"
        p, holm = ("--" if x is None else f"${x:.4f}$" for x in (test.p, test.holm))
        rows.append([latex(told.title(test.metric)), f"${_signed(test.difference or 0.0, decimals)}$", span, p, holm])
    head = ["metric", "difference", r"95\,\% interval", "$p$", "$p$ (Holm)"]
    return _tabular(f"{own.arm} minus {own.base}, {kind}", "lrrrr", head, rows)


# --------------------------------------------------------------------------------------------------------------- helpers


def counted(n: int | tuple[int, int]) -> str:
    """How many seeds a test has, of each arm where they are not paired."""
    return f"{n[0]} and {n[1]}" if isinstance(n, tuple) else str(n)


def _signed(x: float, decimals: int) -> str:
    """A difference with its sign, and none where it rounds to 0."""
    text = f"{x:+.{decimals}f}"
    return text if float(text) else text.lstrip("+-")
