"""`semiosis metrics FILE|DIR`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import tyro
from tyro.conf import Positional

from semiosis.commands.corpus import check_seed
from semiosis.errors import UsageError, unknown

WIDTH = 78  # of what stands below the table


@dataclass(frozen=True)
class Metrics:
    """Measure a language: that of a run, or any messages in a file. Each number with its interval, and what it would be by chance."""

    path: Positional[str]
    """A run directory, a corpus (.parquet, .jsonl, .h5), a table (.csv, .tsv), a folder or corpus.jsonl of ELCC, a dump of EGG's."""
    only: tuple[str, ...] = ()
    """The metrics that are wanted, by name; all by default."""
    permutations: int = 100
    """Permutations of meanings among messages, for the null; 0 for none."""
    bootstrap: int = 100
    """Resamples of the messages, for the interval of one seed; 0 for none."""
    most: int = 2000
    """Messages at most whose pairs are compared (topographic similarity), drawn at random."""
    end: bool = True
    """Show what depends on the end of messages also with the end as a symbol, where messages differ in length."""
    inputs: bool = False
    """Look up in its data what a corpus names, for topographic similarity to inputs; of a run this is always done."""
    split: str = "test"
    """The split that the agents of a run talk about."""
    checkpoint: str = "newest"
    """Which checkpoint of a run: newest, best or a step."""
    seed: str = "all"
    """The seed of a run, or all."""
    message: str = ""
    """The column of a table that holds messages (message; or s1, s2, ...)."""
    label: str = ""
    """The column of classes (label)."""
    attributes: tuple[str, ...] = ()
    """The columns of attributes (a_*)."""
    meanings: tuple[str, ...] = ()
    """The columns of meaning vectors (x_*)."""
    speaker: str = ""
    """The column of speakers (speaker)."""
    json: bool = False
    """Print the object alone: that of language.json."""


def run(args: list[str]) -> int:
    """`semiosis metrics PATH`."""
    from rich.console import Console

    from semiosis.corpora import measure

    chosen = tyro.cli(Metrics, args=args, prog="semiosis metrics")
    check_seed(chosen.seed)
    for name, least in (("permutations", 0), ("bootstrap", 0), ("most", 3)):
        if getattr(chosen, name) < least:
            raise UsageError(f"{name} is {getattr(chosen, name)}: expected {least} or more")
    options = measure.Options(chosen.only, chosen.permutations, chosen.bootstrap, 0, chosen.most, chosen.end)
    source, written = Path(chosen.path), None
    is_run = source.is_dir() and (source / "config.json").exists()
    corpus, inputs = _played(chosen) if is_run else _read(chosen)
    with _watched(chosen.json) as watch:
        result = measure.measured(corpus, options, inputs=inputs, watch=watch)
    if is_run:
        written = _written(source, chosen, result)
    else:
        result = {"corpus": str(source), **result}
    if chosen.json:
        print(json.dumps(result))
        return 0
    Console().print(table(result))
    if written is not None:
        print(f"written: {written}")
    return 0


def _played(chosen: Metrics) -> tuple[Any, Any]:
    """The corpus of a run, and the things it is about."""
    from semiosis.commands.shared import opened
    from semiosis.runs import corpora as plays

    _tables_only(chosen)
    trained = opened(chosen.path, chosen.checkpoint)
    return plays.measurable(trained, chosen.split, seeds=() if chosen.seed == "all" else (int(chosen.seed),))


def _read(chosen: Metrics) -> tuple[Any, Any]:
    """The corpus of a file, and the things it is about where they are asked for."""
    from semiosis import corpora

    if (chosen.split, chosen.checkpoint) != ("test", "newest"):
        raise UsageError("--split and --checkpoint are of a run, and a file holds what it holds")
    named = {name: getattr(chosen, name) for name in ("message", "label", "attributes", "meanings", "speaker")}
    corpus = corpora.read(chosen.path, **named)
    if chosen.seed != "all":
        if int(chosen.seed) not in corpus.seed:
            raise UsageError(
                f"{chosen.path} has no seed {chosen.seed}: its seeds are {', '.join(map(str, sorted(set(corpus.seed.tolist()))))}"
            )
        corpus = corpora.rows(corpus, corpus.seed == int(chosen.seed))
    if not chosen.inputs:
        return corpus, None
    data = corpus.about.get("data") or {}
    if not all(isinstance(data.get(name), str) for name in ("name", "split", "fingerprint")):
        raise UsageError(f"{chosen.path} does not say what it is about: --inputs is for the corpus of a run")

    from semiosis import scenes
    from semiosis.runs import corpora as plays

    loaded = scenes.load(data["name"])
    if loaded.fingerprint != data["fingerprint"]:
        raise UsageError(f"the data {data['name']!r} is not what {chosen.path} was played with: its content has changed since")
    if data["split"] not in loaded.splits:
        raise unknown("split", data["split"], loaded.splits)
    return corpus, plays.inputs(loaded, data["split"])


def _tables_only(chosen: Metrics) -> None:
    if given := [name for name in ("message", "label", "attributes", "meanings", "speaker") if getattr(chosen, name)]:
        raise UsageError(f"--{given[0]} names a column of a table of text, and {chosen.path} is a run")


def _written(source: Path, chosen: Metrics, result: Mapping[str, Any]) -> Path | None:
    """Write language.json, where all is measured as usual; what was asked for otherwise is only shown."""
    from semiosis.runs import files
    from semiosis.runs.session import suffix

    if chosen.only or not chosen.end:
        return None
    told = {} if chosen.seed == "all" else {"seed": chosen.seed}
    told |= {} if chosen.checkpoint == "newest" else {"checkpoint": chosen.checkpoint}
    file = source / f"language{suffix(chosen.split, told)}.json"
    files.write_json(file, result)
    return file


@contextmanager
def _watched(silent: bool) -> Iterator[Any]:
    """Show on a terminal which speaker is looked at: permutations take their time."""
    from rich.console import Console

    console = Console(stderr=True)
    if silent or not console.is_terminal:
        yield None
        return
    with console.status("measuring") as status:
        yield lambda who: status.update(f"measuring {who}")


# ------------------------------------------------------------------------------------------------------------------- the table


def table(result: Mapping[str, Any]) -> Any:
    """The object of language.json as a table of 80 columns: value, interval, what chance gives, and how each was computed below."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    seeds = result["seeds"]
    grid = Table(
        title=Text("  ·  ".join(_title(result))), title_justify="left", title_style="bold", caption_justify="left", caption_style="dim",
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0),
    )  # fmt: skip
    grid.add_column("", overflow="fold")
    grid.add_column("mean" if len(seeds) > 1 else "value", justify="right", no_wrap=True, min_width=6)
    grid.add_column("95 % interval", justify="center", no_wrap=True, min_width=14)
    grid.add_column("null", justify="right", no_wrap=True, min_width=6)
    grid.add_column("95 % null", justify="right", no_wrap=True, min_width=9)
    grid.add_column("n", justify="right", no_wrap=True, min_width=5)
    cut = False
    for section in _sections(list(result["metrics"])):
        for name in section:
            cells, was_cut = _row(name, result["metrics"][name])
            cut |= was_cut
            grid.add_row(*cells, end_section=name == section[-1])
    grid.caption = Text("\n".join(_notes(result, cut)))
    grid.min_width = WIDTH
    return grid


def _sections(names: list[str]) -> list[list[str]]:
    """Success; how much is said and how; what about; how alike speakers are; drawings; bit by bit."""
    from semiosis.corpora.measure import BITS, COMMUNITY, DRAWINGS, SUCCESS

    def part(name: str) -> int:
        plain = name.removesuffix(BITS)
        groups = (SUCCESS, COMMUNITY, DRAWINGS)
        return 4 if name.endswith(BITS) else next((2 * i for i, group in enumerate(groups) if plain in group), 1)

    sections = [[name for name in names if part(name) == i] for i in range(5)]
    return [section for section in sections if section]


def _title(result: Mapping[str, Any]) -> list[str]:
    parts = [Path(str(result["game"])).stem] if "game" in result else [Path(result["corpus"]).name] if "corpus" in result else []
    parts += [f"step {result['step']:,}" if isinstance(result["step"], int) else f"step {result['step']}"] if "step" in result else []
    parts += [f"{result['split']} split"] if "split" in result else []
    return [*parts, f"{len(result['seeds'])} seed" + ("" if len(result["seeds"]) == 1 else "s")]


def _row(name: str, entry: Mapping[str, Any]) -> tuple[list[Any], bool]:
    """A metric's line, which stands out where it is above what chance gives; and whether its interval was cut to what it can be."""
    from rich.text import Text

    from semiosis.corpora.measure import BITS
    from semiosis.report.measures import LOW_IS_MUCH

    known = _measure(name)
    decimals = 0 if abs(entry["mean"] or 0) >= 1000 else known.decimals

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:,.{decimals}f}"

    above = name.removesuffix(BITS) not in LOW_IS_MUCH and None not in (entry["mean"], entry["null_high"])
    above = above and entry["mean"] > entry["null_high"]
    span, cut = "", False
    if entry["low"] is not None:
        low, high = max(entry["low"], known.low), min(entry["high"], known.high)
        cut = (low, high) != (entry["low"], entry["high"])
        span = f"{number(low)} to {number(high)}{'*' if cut else ' '}"
    title = Text(known.name)
    title.append(f" {known.unit}" if known.unit else "", style="dim")
    value = Text("–" if entry["mean"] is None else number(entry["mean"]), style="bold" if above else "")
    return [
        title,
        value,
        Text(span),
        Text(number(entry["null"])),
        Text(number(entry["null_high"])),
        Text(f"{entry['n']:,}", style="dim"),
    ], cut


def _measure(name: str) -> Any:
    """How a metric is told to people."""
    from semiosis.corpora.measure import BITS
    from semiosis.report.measures import measure

    known = measure(name.removesuffix(BITS))
    return known._replace(name=f"{known.name}, bit by bit") if name.endswith(BITS) else known


def _notes(result: Mapping[str, Any], cut: bool) -> list[str]:
    """What the numbers are: intervals, nulls, estimators, and why some are undefined."""
    seeds, found = len(result["seeds"]), result["metrics"]
    one = "Intervals over messages (bootstrap); one seed says nothing about others."
    notes = [f"Intervals over {seeds} seeds (Student t)." if seeds > 1 else one]
    notes += ["* cut where the measure's range ends: few seeds make wide intervals."] * cut
    if any(entry["null"] is not None for entry in found.values()):
        notes.append(
            "Null: what a language gives that has nothing to do with meanings, its mean and what 95 % of such stay below; bold is above."
        )
    said: dict[str, list[str]] = {}
    for name, entry in found.items():
        if how := re.sub("([;,] )?(end not counted|bootstrap about the value)", "", entry["how"]):
            said.setdefault(how, []).append(_measure(name).name)
    notes += ["Unless it is said, the end of a message does not count as a symbol."] * bool(said)
    notes += [f"{', '.join(names)}: {how}." for how, names in said.items()]
    missing: dict[str, list[str]] = {}
    for name, entry in found.items():
        if entry.get("reason"):
            missing.setdefault(entry["reason"], []).append(_measure(name).name)
    notes += [f"{', '.join(names)}: undefined, {why}." for why, names in missing.items()]
    return [line for note in notes for line in wrap(note, WIDTH, subsequent_indent="  ")]
