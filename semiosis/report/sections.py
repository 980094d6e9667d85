"""What was run: the command, the data, the settings and where they differ, and what the doctor says."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from semiosis.report import told
from semiosis.report.compare import dials
from semiosis.report.gather import Found
from semiosis.report.html import Child, Element, columns, details, table, tag, terms

MARKS = {"warning": ("▲", "Warning"), "note": ("●", "Note"), "ok": ("✓", "Fine")}
FURTHER = {  # what other commands would add: to which games (None is all), and what
    "crossplay": (None, "who understands whom that never met"),
    "metrics": (None, "the language in depth: every measure, with its null"),
    "probe": (("lewis", "glyph"), "how easily newborn listeners learn the language"),
    "recall": (("naming",), "what each sign calls to mind"),
    "film": (("glyph", "sketch"), "how the drawings came to be"),
    "dialogue-analysis": (("dialogue",), "what recorded conversations tell"),
    "recognise": (("sketch",), "whether strangers recognise the sketches"),
}


def overview(runs: Sequence[Found]) -> Element:
    """All runs of the report in a table."""
    rows, examined = [], any(run.words for run in runs)
    for run in runs:
        name = run.headline
        entry = run.metrics[name] if name else None
        figure: list[Child] = ["–"]
        chance = "–"
        if entry is not None and name is not None:
            figure = [tag("b", told.number(name, entry["mean"])), f" {told.title(name)}", tag("small", told.span(name, entry))]
            chance = told.number(name, entry["chance"])
        said = [word["severity"] for word in run.words]
        doctor = [f"{MARKS[kind][0]} {told.counts(said.count(kind), kind)}" for kind in ("warning", "note") if kind in said]
        fine = f"{MARKS['ok'][0]} fine" if "ok" in said else "–"
        first = [tag("td", figure, class_="stack"), tag("td", chance, class_="number")]
        first += [tag("td", ", ".join(doctor) or fine, class_="number")] * examined
        cells = [run.game, told.talked_about(run) or "–", told.seeds(run), f"{told.steps(run):,}"]
        rows.append(tag("tr", tag("th", run.name, scope="row"), first, (tag("td", cell, class_="number") for cell in cells)))
    heads = ["Run", "How well", "Chance", *["Doctor"] * examined, "Game", "Data", "Seeds", "Steps"]
    return table(None, columns(*heads), tag("tbody", rows), label="All runs")


def commands(runs: Sequence[Found], lines: Sequence[str]) -> list[Child]:
    """The commands that repeat runs."""
    once = list(dict.fromkeys(lines))
    parts = [part for line in once for part in (*_words(line), "\n")]
    shown = tag("pre", tag("code", parts[:-1]), class_="command", tabindex=0, role="region", aria_label="Commands")
    return [tag("p", f"To repeat {'it' if len(runs) == 1 else 'them'}:", class_="aside"), shown]


def _words(line: str) -> list[Element | str]:
    """The words of a command, each of which stays in one line."""
    return [part for word in line.split(" ") for part in (" ", tag("span", word))][1:]


def setting(runs: Sequence[Found]) -> list[Child]:
    """The data, versions and dials of runs: once what all share, by run what differs."""
    own = [_facts(run) for run in runs]
    shared = {name: own[0].get(name) for name in dict.fromkeys(name for facts in own for name in facts)}
    facts: dict[str, Child | list[Child]] = {}
    for name, text in shared.items():
        if all(part.get(name) == text for part in own):
            facts[name] = tag("code", text, class_="long") if name == "Fingerprint" and text else text
        else:
            lines = zip(runs, own, strict=True)
            facts[name] = [tag("div", tag("b", run.name), f" {part.get(name) or '–'}", class_="long") for run, part in lines]
    known = list(dict.fromkeys(name for run in runs for name in run.record["config"]))
    rows = (
        tag("tr", tag("th", tag("code", name), scope="row"), (tag("td", told.value(run.record["config"].get(name))) for run in runs))
        for name in known
    )
    heads = ["Value"] if len(runs) == 1 else [run.name for run in runs]
    every = table(None, columns("Dial", *heads), tag("tbody", rows), class_="narrow", label="All dials")
    return [terms(facts), details(f"All {len(known)} dials", every)]


def _facts(run: Found) -> dict[str, str | None]:
    """What made the numbers of a run."""
    record, data = run.record, run.record["data"]
    git = record.get("git") or {}
    versions = [f"{name} {version}" for name, version in record.get("versions", {}).items() if version]
    versions += [f"commit {git['commit'][:12]}{' with changes' if git.get('dirty') else ''}"] if git.get("commit") else []
    sizes = ", ".join(f"{split} {size:,}" for split, size in data.get("sizes", {}).items())
    seconds = record.get("seconds")
    return {
        "Data": str(data.get("name") or "none") + (f" ({sizes})" if sizes else ""),
        "Fingerprint": str(data.get("fingerprint") or "") or None,
        "Seeds": told.seeds(run),
        "Steps": f"{told.steps(run):,}" + (f" of {run.newest:,} trained" if told.steps(run) < run.newest else ""),
        "Training": f"{seconds:,.0f} s" if isinstance(seconds, int | float) else None,
        "Versions": ", ".join(versions) or None,
        "Platform": record.get("platform"),
        "Date": run.dated,
    }


def rules(header: Mapping[str, str]) -> Element | None:
    """The game in a few lines, as its own header tells it."""
    return terms({name[0].upper() + name[1:]: text for name, text in header.items()}) if header else None


def differences(runs: Sequence[Found]) -> Element:
    """The settings in which runs differ."""
    found = dials(runs)
    if not found:
        return tag("p", "The runs have the same settings throughout.")
    rows = (tag("tr", tag("th", tag("code", name), scope="row"), (tag("td", _short(x)) for x in values)) for name, values in found)
    return table("All other settings are the same.", columns("Dial", *(run.name for run in runs)), tag("tbody", rows), label="What differs")


def _short(x: Any) -> Child:
    """A setting, in a table: a list that counts up without its middle."""
    whole = isinstance(x, list) and len(x) > 4 and all(type(i) is int for i in x) and x == list(range(x[0], x[0] + len(x)))
    return f"{x[0]} to {x[-1]}" if whole else told.value(x)


def doctor(runs: Sequence[Found]) -> Element | None:
    """What the doctor says of runs, the gravest first."""
    words = [(run, word) for severity in MARKS for run in runs for word in run.words if _severity(word) == severity]
    return tag("ul", (_word(run, word, several=len(runs) > 1) for run, word in words), class_="doctor") if words else None


def _severity(word: Mapping[str, str]) -> str:
    return word["severity"] if word["severity"] in MARKS else "note"


def _word(run: Found, word: Mapping[str, str], *, several: bool) -> Element:
    """One word: how grave, of which run, about what, and the sentence; what it quotes is a command."""
    mark, kind = MARKS[_severity(word)]
    about = [run.name] * several + [word["about"].replace("_", " ")] * (word["about"] not in ("", "all"))
    said = word["says"].strip()
    said = said[:1].upper() + said[1:] + "." * (not said.endswith((".", "!", "?")))
    parts = (tag("code", part) if i % 2 else part for i, part in enumerate(said.split("`")))
    text = tag("div", tag("b", " · ".join([kind, *about])), tag("p", parts))
    return tag("li", tag("span", mark, class_="mark", aria_hidden="true"), text, class_=f"word {_severity(word)}")


def missing(runs: Sequence[Found]) -> Element | None:
    """What other commands would add to the page."""
    have = {
        "crossplay": lambda run: any(other.crossplay is not None for other in runs),
        "metrics": lambda run: run.language is not None,
        "probe": lambda run: bool(run.probes),
        "recall": lambda run: any(name.startswith("recall") for name in run.pictures),
        "film": lambda run: any(name.startswith("film") for name in run.pictures),
        "dialogue-analysis": lambda run: any(name.startswith("dialogue/") for name in run.pictures),
        "recognise": lambda run: run.recognised is not None,
    }
    items = []
    for command, (games, what) in FURTHER.items():
        lacking = [run for run in runs if (games is None or run.game in games) and not have[command](run)]
        if command == "crossplay" and sum(len(run.seeds) for run in runs) < 2:
            continue
        together = command in ("crossplay", "recognise")
        if lacking:
            where = shlex.join(str(run.path) for run in lacking) if together or len(lacking) == 1 else "DIR"
            items.append(tag("li", tag("code", f"semiosis {command} {where}"), f" adds {what}"))
    return details("What further commands would add", tag("ul", items, class_="more")) if items else None
