"""The tables of a report: every measure with its interval, chance and null; and whether one arm is better than another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from semiosis.report import told
from semiosis.report.charts import Look
from semiosis.report.compare import Against, Contrast
from semiosis.report.embed import THEME
from semiosis.report.gather import Found, tampered
from semiosis.report.html import Child, Element, columns, details, table, tag, terms
from semiosis.report.measures import LANGUAGE, UNDERSTANDING, measure
from semiosis.report.tables import sections as in_order

STRIP, ROW, EDGE = 132, 11, 4  # pixels of a strip of seeds, from one arm to the next in it, and beside what it shows
CHANGED = "With messages changed on their way"
PARTS = ("Understanding", CHANGED, "Language", "Further measures")
NULL = "Null: the same number when messages and meanings have nothing to do with each other; below it, the 95\u00a0% quantile of that."
Entries = Sequence[Mapping[str, Any] | None]


def measures(runs: Sequence[Found], look: Mapping[str, Look], *, of: str = "evaluation") -> list[Child]:
    """All measures of runs by their evaluation or `language`: mean, interval, seeds, chance, null and n; of several runs side by side."""
    tables = {run.name: run.metrics if of == "evaluation" else (run.language or {"metrics": {}})["metrics"] for run in runs}
    seeds = {run.name: run.judged if of == "evaluation" or run.language is None else run.language["seeds"] for run in runs}
    union = {name: entry for own in reversed(list(tables.values())) for name, entry in own.items()}
    if not union:
        return []
    every = [(name, entry) for own in tables.values() for name, entry in own.items()]
    shown = [part for part in ("chance", "null", "n") if any(entry[part] is not None for _, entry in every)]
    heads: list[Child] = ["Measure", *(["Mean", "95\u00a0% interval"] if len(runs) == 1 else tables)]
    heads += ["Seeds", *(part if part == "n" else part.capitalize() for part in shown)]
    body = []
    for part, names in _parted(union):
        head = tag("tr", tag("th", part, colspan=len(heads), scope="rowgroup"), class_="part")
        body.append(tag("tbody", head, (_row(name, [own.get(name) for own in tables.values()], look, shown) for name in names)))
    notes = [_source([len(own) for own in seeds.values()])]
    notes += [NULL] * ("null" in shown)
    notes += ["* cut where the range of the measure ends."] * any("*" in told.span(name, entry) for name, entry in every)
    how = {told.title(name): entry["how"] for name, entry in every if entry.get("how")}
    return [
        table(" ".join(notes), columns(*heads), *body, class_="measures", label="Measures"),
        details("Values of each seed", (_seeds(name if len(runs) > 1 else None, seeds[name], own) for name, own in tables.items())),
        details("How they are computed", terms(how)) if how else None,
    ]


def _source(many: Sequence[int]) -> str:
    """Where the numbers and their intervals come from."""
    if max(many) == 1:
        return "Intervals are over examples; one seed says nothing about others."
    return "Means over seeds, with 95\u00a0% intervals (Student t); of one seed over examples. Dots are seeds, dashed lines chance."


def _parted(union: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """The measures in the order of being read, under headings."""
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    changed = {*tampered(union)[1], "causal_influence"}
    for section in in_order(dict(union)):
        for name in section:
            plain = name.partition("@")[0]
            success = plain in UNDERSTANDING or plain.startswith("top_")
            parts[CHANGED if name in changed else PARTS[0] if success else "Language" if plain in LANGUAGE else PARTS[-1]].append(name)
    if sum(map(bool, parts.values())) == 1:
        return [("All measures", names) for names in parts.values() if names]
    return [(part, names) for part, names in parts.items() if names]


def _row(name: str, entries: Entries, look: Mapping[str, Look], shown: Sequence[str]) -> Element:
    """A measure of each run."""
    about = measure(name)
    known = [entry for entry in entries if entry is not None]
    cells: list[Element] = []
    for entry in entries:
        mean = "–" if entry is None else tag("b", told.number(name, entry["mean"]))
        within = "" if entry is None else told.span(name, entry)
        if len(entries) == 1:
            cells += [tag("td", mean, class_="number"), tag("td", within, class_="number")]
        else:
            cells.append(tag("td", mean, tag("small", within) if within else None, class_="number stack"))
    cells.append(tag("td", _strip(name, entries, look)))
    for part in shown:
        figures = [f"{entry[part]:,}" if part == "n" else told.number(name, entry[part]) for entry in known if entry[part] is not None]
        high = [told.number(name, entry["null_high"]) for entry in known if part == "null" and entry["null_high"] is not None]
        below = tag("small", _once(high)) if high else None
        cells.append(tag("td", _once(figures), below, class_="number stack"))
    unit = tag("small", about.unit) if about.unit else None
    why = tag("small", reason, class_="reason") if (reason := _undefined(known)) else None
    return tag("tr", tag("th", about.name, " " if about.unit else None, unit, why, scope="row"), cells)


def _undefined(entries: Sequence[Mapping[str, Any]]) -> str:
    """Why a measure has no value, for all seeds or for some."""
    for entry in entries:
        lacking = sum(x is None for x in entry["per_seed"])
        if lacking or entry["mean"] is None:
            some = f" for {lacking} of {len(entry['per_seed'])} seeds" if entry["mean"] is not None else ""
            return f"undefined{some}: {entry.get('reason') or 'no reason given'}"
    return ""


def _once(texts: Sequence[str]) -> str:
    """One text where all are the same, two where there are two, the ends of more; figures are texts already."""
    known = list(dict.fromkeys(texts))
    if len(known) < 3:
        return " / ".join(known)
    known.sort(key=lambda text: float(text.replace(",", "").replace("−", "-")))
    return f"{known[0]} to {known[-1]}"


def _strip(name: str, entries: Entries, look: Mapping[str, Look]) -> Element | None:
    """Seeds as dots and intervals as lines, on the range of a measure that has one; the numbers stand beside it."""
    about = measure(name)
    known = [entry for entry in entries if entry is not None]
    values = [x for entry in known for x in (*entry["per_seed"], entry["mean"]) if x is not None]
    bounded = math.isfinite(about.low) and math.isfinite(about.high)
    low, high = (about.low, about.high) if bounded else (min([0.0, *values]), 1.1 * max([0.0, *values]))
    if not values or high <= low:
        return None

    def x(value: float) -> str:
        return f"{EDGE + (STRIP - 2 * EDGE) * (min(max(value, low), high) - low) / (high - low):.1f}"

    tall = ROW * len(entries) + 3
    marks = [_line(str(EDGE), str(STRIP - EDGE), tall - 1, tall - 1, "var(--line)")]
    for chance in sorted({entry["chance"] for entry in known if entry["chance"] is not None}):
        marks.append(_line(x(chance), x(chance), 0, tall - 1, "var(--soft)", stroke_dasharray="2 2"))
    colours = [f"var({THEME[own.colour]})" for own in look.values()] if len(entries) > 1 else ["var(--arm-0)"]
    for i, (entry, colour) in enumerate(zip(entries, colours, strict=False)):
        if entry is None or entry["mean"] is None:
            continue
        y = 1 + ROW * (i + 0.5)
        if entry["low"] is not None and entry["high"] is not None:
            marks.append(_line(x(entry["low"]), x(entry["high"]), y, y, colour, stroke_width=2))
        seeds = entry["per_seed"] if len(entry["per_seed"]) > 1 else [entry["mean"]]
        marks += [tag("circle", cx=x(value), cy=y, r=2.6, fill=colour, fill_opacity=0.55) for value in seeds if value is not None]
    return tag("svg", marks, viewBox=f"0 0 {STRIP} {tall}", width=STRIP, height=tall, aria_hidden="true", class_="strip")


def _line(x1: str, x2: str, y1: float | int, y2: float | int, stroke: str, **more: str | int) -> Element:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, **more)


def _seeds(run: str | None, seeds: Sequence[int], metrics: Mapping[str, Any]) -> Element:
    """The value of each seed of a run."""
    rows = (
        tag("tr", tag("th", told.title(name), scope="row"), (tag("td", told.number(name, x), class_="number") for x in entry["per_seed"]))
        for name, entry in metrics.items()
    )
    heads = columns("Measure", *(f"seed {seed}" for seed in seeds))
    return table(run, heads, tag("tbody", rows), label=f"Values of each seed{f' of {run}' if run else ''}")


def otherwise(runs: Sequence[Found]) -> Element | None:
    """How well agents do on other splits, or judged otherwise than they were trained."""
    rows = []
    for run in runs:
        for which, judged in run.more.items():
            name = run.headline
            entry = judged["metrics"].get(name)
            if name is None or entry is None:
                continue
            said = which.replace("-", " ") if len(runs) == 1 else f"{run.name}: {which.replace('-', ' ')}"
            cells = [tag("b", told.number(name, entry["mean"])), told.span(name, entry), told.number(name, entry["chance"])]
            head = [tag("th", said, scope="row"), tag("td", told.title(name))]
            rows.append(tag("tr", head, (tag("td", cell, class_="number") for cell in cells)))
    heads = columns("Judged on", "Measure", "Mean", "95\u00a0% interval", "Chance")
    return table("Other splits, and other ways to be judged.", heads, tag("tbody", rows), label="Judged otherwise") if rows else None


# ----------------------------------------------------------------------------------------------------------------- tests


def contrasts(against: Sequence[Against]) -> list[Child]:
    """Each arm against the first: what was asked in a sentence, all differences with intervals and tests in a table."""
    some = [own for own in against if own.tests]
    if not some:
        return []
    known = {test.metric: {"per_seed": []} for own in some for test in own.tests}
    names = [name for _, names in _parted(known) for name in names]
    rows = []
    for name in names:
        cells: list[Element] = []
        for own in some:
            test = next((test for test in own.tests if test.metric == name), None)
            cells += _cells(test, main=name == own.main)
        rows.append(tag("tr", tag("th", told.title(name), scope="row"), cells))
    arms = tag("tr", tag("td"), (tag("th", f"{own.arm} minus {own.base}", colspan=3, scope="colgroup") for own in some))
    names_of = ["Measure", *(head for _ in some for head in ("Difference", "p", "p (Holm)"))]
    heads = tag("tr", (tag("th", head, scope="col") for head in names_of))
    note = "Paired: p by sign flips of the differences over common seeds. " * any(own.seeds for own in some)
    note += "Not paired: p by permutations of all seeds, intervals by Welch. " * any(not own.seeds for own in some)
    note += "Holm's correction is for all measures of an arm but the main outcome, which stands alone. Bold is what stays below 0.05."
    made = table(note, tag("thead", arms if len(some) > 1 else None, heads), tag("tbody", rows), class_="tests", label="Differences")
    return [tag("ul", (tag("li", part) for own in some for part in [_sentence(own)]), class_="plain"), made]


def _sentence(own: Against) -> list[Child]:
    """The main outcome of an arm, and how it was tested."""
    test = next((test for test in own.tests if test.metric == own.main), own.tests[0])
    lead = [tag("b", f"{own.arm} minus {own.base}"), f": {told.title(test.metric)} {told.signed(test.metric, test.difference)}"]
    within = _within(test)
    if test.p is None:
        return [*lead, f"; {test.reason}."]
    if own.seeds:
        n, least = len(own.seeds), 2 / 2 ** len(own.seeds)
        how = f"paired over {n} seeds" + (f", of which p cannot be below {least:.2g}: too few to tell" if least > 0.05 else "")
    else:
        how = "other seeds, not paired"
    return [*lead, f" (95\u00a0% interval {within}; p = {told.probability(test.p)}; {how})."]


def _within(test: Contrast) -> str:
    if test.low is None or test.high is None:
        return ""
    return f"{told.signed(test.metric, test.low)} to {told.signed(test.metric, test.high)}"


def _cells(test: Contrast | None, *, main: bool) -> list[Element]:
    """Difference with interval, p and p after Holm."""
    if test is None:
        return [tag("td", "–", class_="number") for _ in range(3)]
    deciding = test.p if main else test.holm
    bold = "b" if deciding is not None and deciding < 0.05 else "span"
    difference = [tag(bold, told.signed(test.metric, test.difference)), tag("small", _within(test))]
    corrected = "main outcome" if main else tag(bold, told.probability(test.holm))
    p = tag(bold if main else "span", told.probability(test.p))
    return [tag("td", difference, class_="number stack"), tag("td", p, class_="number"), tag("td", corrected, class_="number")]
