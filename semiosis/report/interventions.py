"""What messages are good for: success where they are tampered with, beside success as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semiosis.errors import UsageError
from semiosis.metrics.intervals import Interval
from semiosis.metrics.value import Value
from semiosis.report import bars, style
from semiosis.report.measures import WITHOUT, measure

FIGURES = ("accuracy", "accepted")  # that are shares, and that interventions change


def tampered(metrics: Mapping[str, Any]) -> tuple[str, dict[str, Interval]]:
    """The share that interventions change, by name, and its rows from the metrics of evaluation.json, the untouched one first.

    Nothing where there is no intervention.
    """
    named = {name: WITHOUT.fullmatch(name) for name in metrics}
    for figure in FIGURES:
        names = [name for name, found in named.items() if found and found[1] == figure and found[2] != "vote"]
        known = [name for name in (figure, *names) if metrics.get(name, {}).get("mean") is not None]
        if len(known) > 1 and known[0] == figure:
            whole = measure(figure).name
            rows = {measure(name).name.removeprefix(f"{whole}, "): _share(metrics[name]) for name in known[1:]}
            return whole, {"messages as sent": _share(metrics[figure]), **rows}
    return "", {}


def _share(entry: Mapping[str, Any]) -> Interval:
    """Mean and interval, within what a share can be: few seeds make wide intervals."""
    low, high = (None if entry[end] is None else min(max(entry[end], 0.0), 1.0) for end in ("low", "high"))
    return Interval(entry["mean"], low, high)


def interventions(
    table: Mapping[str, Interval],
    path: str | Path,
    *,
    chance: float | None,
    unit: str = "accuracy",
    title: str = "What the messages are good for",
) -> Path:
    """Draw a share for each intervention on messages, from the top in the order of the table; returns the path of the PNG.

    The first row is what the others are compared with. Intervals that are None are left out. `unit` names the share. Raises UsageError
    where there is nothing to draw.
    """
    if not table:
        raise UsageError("no interventions: expected one or more")
    told = [
        (name, Value(one.mean, one.low, one.high), "–" if one.mean is None else f"{one.mean:.1%}".replace("%", " %"))
        for name, one in table.items()
    ]
    known = any(value.low is not None for _, value, _ in told)
    caption = f"{unit[0].upper()}{unit[1:]} when messages are changed on their way" + (", with 95 % intervals." if known else ".")
    caption += "" if chance is None else f" Dashed: chance, {chance:.1%}.".replace("%", " %")
    sheet, axes = bars.lying(told, title, caption, unit=unit, most=1.0, first=True)
    if chance is not None:
        axes.axvline(chance, color=style.INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=4)
    return style.save(sheet, path)
