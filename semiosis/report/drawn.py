"""The drawings and pictures of a report, each with what it shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from semiosis.report import captions, charts, told
from semiosis.report.charts import Look
from semiosis.report.embed import THEME, Weight, drawing, image
from semiosis.report.gather import FILMS, Found
from semiosis.report.html import Child, Element, columns, details, table, tag

NUMBERED = 24  # up to so many rows, the cells of a heat map carry their numbers
DEEP = 0.7  # from such a share of the scale on, a cell needs light letters (dark ones on a dark page)
UPRIGHT = 8  # up to so many columns, their names lie


def key(look: Mapping[str, Look], *, bars: bool = False) -> Element | None:
    """Which line or bar is which arm, where there are several."""
    if len(look) < 2:
        return None
    return tag("ul", (tag("li", _swatch(own, bars=bars), name) for name, own in look.items()), class_="key")


def _swatch(look: Look, *, bars: bool) -> Element:
    colour = f"var({THEME[look.colour]})"
    if bars:
        mark = tag("rect", x=6, y=0, width=18, height=10, rx=2, fill=colour, fill_opacity=charts.SOLID)
    else:
        dash = None if isinstance(look.dash, str) else " ".join(f"{3 * part:.1f}" for part in look.dash[1])
        mark = tag("line", x1=0, y1=5, x2=30, y2=5, stroke=colour, stroke_width=3, stroke_dasharray=dash)
    return tag("svg", mark, viewBox="0 0 30 10", width=30, height=10, aria_hidden="true")


def courses(panels: Sequence[charts.Panel], look: Mapping[str, Look]) -> list[Child]:
    """The courses of training."""
    if not panels:
        return []
    several = any(len(line.value) > 1 for panel in panels for line in panel.lines)
    note = f"{charts.INTERVAL}; thin lines are single seeds." if several else "One seed."
    note += " Dotted: chance." if any(panel.chances for panel in panels) else ""
    drawn = (tag("figure", drawing(charts.alone(panel, look), _course(panel))) for panel in panels)
    return [key(look), tag("div", drawn, class_="panels"), tag("p", note, class_="aside")]


def _course(panel: charts.Panel) -> str:
    """A course in words: where each arm ends."""
    ends = []
    for line in panel.lines:
        mean, low, high = charts.band(line.value, *panel.range)
        known = [i for i, x in enumerate(mean) if math.isfinite(x)]
        if known:
            one, least, most = (told.number(panel.name, float(values[known[-1]])) for values in (mean, low, high))
            ends.append(f"{line.name} ends at {one}" + (f" ({least} to {most})" if len(line.value) > 1 else ""))
    return f"{panel.title} over steps: {'; '.join(ends)}."


def interventions(bars: charts.Bars, look: Mapping[str, Look]) -> list[Child]:
    """What is left of the accuracy when messages are changed."""
    rows = []
    for row, values in zip(bars.rows, bars.values, strict=True):
        known = [f"{arm} {value.mean:.3f}" for arm, value in zip(bars.arms, values, strict=True) if value and value.mean is not None]
        rows.append(f"{row}: {', '.join(known) or 'not measured'}")
    words = f"{bars.title} when messages are changed on their way. {'; '.join(rows)}."
    svg = drawing(charts.bars_sheet(bars, look), words)
    several, drawn = "Bars are means over seeds, lines their", any(value and value.low is not None for row in bars.values for value in row)
    note = f"{several if bars.several else 'Bars are of one seed, lines'} 95\u00a0% intervals{'' if bars.several else ' over examples'}."
    note = (note if drawn else "Bars are of one seed.") + (" Dashed: chance." if bars.chances else "")
    figure = tag("figure", svg, class_="wide scroll", tabindex=0, role="group", aria_label="Interventions")
    return [key(look, bars=True), figure, tag("p", note, class_="aside")]


# ------------------------------------------------------------------------------------------------------------- cross-play


def crossplay(found: Mapping[str, Any]) -> list[Child]:
    """Who understands whom: self-play, cross-play and the gap in words, all pairs as a heat map that is a table."""
    measure = found.get("measure") or "accuracy"
    what = told.title(measure)
    lead = [words for part in ("self_play", "cross_play", "gap") if (words := _part(part, found.get(part), measure))]
    means = ", means over seeds" if len(found.get("seeds", [])) > 1 else ""
    chance, own = found.get("chance"), found.get("own")
    speak, listen = _roles(found)
    note = f"{what[0].upper()}{what[1:]} of each row's {speak} with each column's {listen}{means}. "
    note += "" if own is not None and all(map(all, own)) else "Framed: those that learned together. "
    note += "" if chance is None else f"Chance is {told.number(measure, chance)}."
    heads = found.get("columns") or found["names"]
    groups = found.get("groups") or [], found.get("column_groups") or found.get("groups") or []
    parts: list[Child] = [tag("p", f"{'; '.join(lead)}.")] if lead else []
    parts.append(_heat(found["names"], heads, found["accuracy"], own, chance, note, groups))
    if found.get("agreement"):
        by_chance = found.get("agreement_chance")
        note = f"How alike they speak: {found.get('agreement_measure') or 'agreement'}."
        note += "" if by_chance is None else f" Of different things, {by_chance:.3f}."
        none = [[False] * len(found["names"])] * len(found["names"])
        alike = _heat(found["names"], found["names"], found["agreement"], none, by_chance, note, (groups[0], groups[0]))
        parts.append(details("How alike they speak", alike))
    return parts


def _part(name: str, figure: Any, measure: str) -> str:
    """Self-play, cross-play or the gap, in words."""
    if not isinstance(figure, dict) or figure.get("mean") is None:
        return ""
    within = told.span(measure if name != "gap" else "gap", {"low": None, "high": None} | figure)
    words = {"self_play": "Self-play", "cross_play": "cross-play", "gap": "the gap"}[name]
    return f"{words} {told.number(measure, figure['mean'])}" + (f" ({within})" if within else "")


def _roles(found: Mapping[str, Any]) -> tuple[str, str]:
    """Who speaks and who listens, in the plural."""
    roles = found.get("roles") or (["agent"] if found.get("measure") == "kappa" else ["speaker", "listener"])
    return f"{roles[0]}s", f"{roles[-1]}s"


def _heat(
    names: Sequence[str],
    heads: Sequence[str],
    values: Any,
    own: Any,
    chance: float | None,
    note: str,
    groups: tuple[Sequence[str], Sequence[str]],
) -> Element:
    """A table whose cells are as deep as their numbers; of many rows without the numbers, which then are told on demand."""
    low = chance if chance is not None and chance < 1 else 0.0
    full = max(len(names), len(heads)) <= NUMBERED
    rows = []
    for i, (name, row) in enumerate(zip(names, values, strict=True)):
        cells = []
        for j, value in enumerate(row):
            share = 0.0 if value is None else min(max((value - low) / (1 - low), 0.0), 1.0)
            framed = own[i][j] if own is not None else heads == names and i == j
            kind = "cell" + " deep" * (share > DEEP) + " own" * bool(framed) + " new" * _parts_at(groups[1], j)
            text = "–" if value is None else f"{value:.2f}"
            cells.append(tag("td", text if full else None, class_=kind, style=f"--v:{share:.3f}", title=f"{name}, {heads[j]}: {text}"))
        rows.append(tag("tr", tag("th", name, scope="row"), cells, class_="new" if _parts_at(groups[0], i) else None))
    head = columns("", *(tag("span", head) for head in heads))
    kind = "heat" + " fine" * (not full) + " steep" * (len(heads) > UPRIGHT or max(map(len, heads), default=0) > 9)
    return table(note, head, tag("tbody", rows), class_=kind, label="Heat map")


def _parts_at(groups: Sequence[str], i: int) -> bool:
    """Whether another run begins at this place."""
    return 0 < i < len(groups) and groups[i] != groups[i - 1]


# ----------------------------------------------------------------------------------------------------------------- further


def learning(panel: charts.Panel, runs: Sequence[Found], task: str) -> list[Child]:
    """How easily newborn listeners learn the languages."""
    look = charts.looks([line.name for line in panel.lines])
    rows = []
    for run in runs:
        for kind, curve in run.probes.get(task, {"curves": {}})["curves"].items():
            cells = []
            for part in ("area", "end"):
                figure = {"mean": None, "low": None, "high": None} | curve.get(part, {})
                within = tag("small", told.span(panel.name, figure))
                cells.append(tag("td", tag("b", told.number(panel.name, figure["mean"])), within, class_="number stack"))
            rows.append(tag("tr", tag("th", kind if len(runs) == 1 else f"{run.name}: {kind}", scope="row"), cells))
    head = columns("Language", "Over learning", "At the end")
    note = f"Newborn listeners hear the frozen messages of speakers and learn {task}."
    made = table(note, head, tag("tbody", rows), label="Ease of learning")
    return [key(look), tag("div", tag("figure", drawing(charts.alone(panel, look), _course(panel))), made, class_="panels")]


def recognised(found: Mapping[str, Any]) -> Element:
    """Whether those who never saw a sketch recognise it."""
    rows = []
    for name, rate in found["rates"].items():
        rate = {"mean": None, "low": None, "high": None} | rate
        mean = tag("td", tag("b", told.number("accuracy", rate["mean"])), class_="number")
        rows.append(tag("tr", tag("th", name, scope="row"), mean, tag("td", told.span("accuracy", rate), class_="number")))
    chance = found.get("chance")
    note = "How often those who never saw a sketch tell what is drawn."
    note += "" if chance is None else f" Chance is {told.number('accuracy', chance)}."
    return table(note, columns("", "Share", "95\u00a0% interval"), tag("tbody", rows), label="Recognised by strangers")


def gallery(run: Found, weight: Weight) -> list[Child]:
    """The pictures of a run, as far as the page can bear their weight."""
    out: list[Child] = []
    for name in captions.in_order(run.pictures):
        about, path = captions.caption(name), run.pictures[name]
        if about is None:
            continue
        moving = path.suffix.lower() in FILMS
        shown = weight.film(path) if moving else weight.picture(path)
        if shown is None:
            out.append(tag("p", f"{about.title}: too heavy for this page, see {path.parent.name}/{path.name}.", class_="aside"))
            continue
        sheet = tag("div", image(shown, f"{about.title}. {about.shows}"), class_="sheet", tabindex=0, role="group", aria_label=about.title)
        body = details("Show the film", sheet) if moving else sheet  # nothing moves until it is asked to
        out.append(tag("figure", body, tag("figcaption", tag("b", about.title), f". {about.shows}"), class_="picture"))
    return [tag("div", out, class_="gallery")] if out else []
