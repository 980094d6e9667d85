"""Runs and their figures in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from semiosis.report.gather import Found
from semiosis.report.measures import measure
from semiosis.runs.facts import CROWDS

PERCENT = "95\u00a0%"  # of an interval: the two stay in one line


def title(name: str) -> str:
    """The name of a metric, with its unit."""
    about = measure(name)
    return about.name + (f", {about.unit}" if about.unit else "")


def number(name: str, x: float | None) -> str:
    """A figure with the decimals of its metric."""
    if x is None:
        return "–"
    decimals = 0 if abs(x) >= 1000 else measure(name).decimals
    text = f"{x:,.{decimals}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.removeprefix("-")


def signed(name: str, x: float | None) -> str:
    """A difference, with its sign."""
    text = number(name, x)
    return f"+{text}" if x is not None and x > 0 and text.strip("0.,") else text


def span(name: str, entry: Mapping[str, Any]) -> str:
    """The interval of a metric, cut with a * where the metric's range ends; nothing where there is none."""
    if entry["low"] is None or entry["high"] is None:
        return ""
    about = measure(name)
    low, high = max(entry["low"], about.low), min(entry["high"], about.high)
    return f"{number(name, low)} to {number(name, high)}" + ("*" if (low, high) != (entry["low"], entry["high"]) else "")


def probability(x: float | None) -> str:
    """A p."""
    return "–" if x is None else "< 0.0001" if x < 0.0001 else f"{x:.4f}"


def joined(words: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def counts(n: int, thing: str) -> str:
    """1 seed, 8 seeds."""
    return f"{n:,} {thing}" + ("" if n == 1 else "s")


def value(x: Any) -> str:
    """A setting."""
    if x is None:
        return "–"
    if isinstance(x, bool):
        return "yes" if x else "no"
    if isinstance(x, list | tuple):
        return ", ".join(map(value, x)) or "none"
    return str(x) if x != "" else "none"


def seeds(run: Found) -> str:
    """The seeds of a run: 8 seeds (0 to 7)."""
    own = run.judged
    if len(own) == 1:
        return f"1 seed ({own[0]})"
    whole = own == list(range(own[0], own[0] + len(own)))
    return f"{len(own)} seeds ({f'{own[0]} to {own[-1]}' if whole else ', '.join(map(str, own))})"


def steps(run: Found) -> int:
    """The step at which a run was evaluated, or else its newest."""
    return run.newest if run.evaluation is None else run.evaluation.get("step", run.newest)


def population(run: Found) -> str:
    """Who took part, as the configuration tells it: 1 speaker and 1 listener."""
    config = run.record["config"]
    roles = [counts(config[name], name.removeprefix("n_").removesuffix("s")) for name in CROWDS if type(config.get(name)) is int]
    return joined(roles) if roles else counts(config["agents"], "agent") if type(config.get("agents")) is int else "agents"


def talked_about(run: Found) -> str:
    """The name of a run's data; nothing where a game needs none."""
    name = str(run.record["data"].get("name") or "")
    return "" if name == "none" else name


def sentence(run: Found) -> str:
    """What a run is, and how well its agents understand each other."""
    data = talked_about(run)
    about = f"{counts(len(run.seeds), 'seed')} of {population(run)}" + (f", on {data}" if data else "") + f", after {steps(run):,} steps."
    if run.evaluation is None:
        return f"{about} The run has not been evaluated."
    name = run.headline
    if name is None:
        return f"{about} No measure of the run has a value."
    entry, within = run.metrics[name], span(name, run.metrics[name])
    what = title(name)
    found = f"{what[0].upper()}{what[1:]} on the {run.evaluation.get('split', 'test')} split is {number(name, entry['mean'])}"
    found += f" ({PERCENT} interval {within})" if within else ""
    return f"{about} {found}" + ("." if entry["chance"] is None else f"; chance is {number(name, entry['chance'])}.")
