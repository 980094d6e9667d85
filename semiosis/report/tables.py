"""Tables for the terminal: what a run was found to do, how fast its language is learned, what its agents are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from semiosis.report import words
from semiosis.report.measures import AGENTS, LANGUAGE, TAMPERED, TOP, UNDERSTANDING, WITHOUT, measure, variant
from semiosis.rules import Difficulty
from semiosis.types import Agent, Experiment


def evaluation_table(result: Mapping[str, Any]) -> Table:
    """The object of evaluation.json as a table: mean, 95 % interval, chance and the range of the seeds of each metric.

    The interval is Student's over seeds; of one seed, Wilson's over examples where a metric is a share. Such an interval of few seeds
    can pass what the metric can be: it is then cut, marked with * and told in the caption. The object itself is not touched.
    What is undefined is a dash, and the caption says why. Fits 80 columns.
    """
    metrics, seeds = result["metrics"], result["seeds"]
    table = _table(_title(result))
    table.add_column("", overflow="fold")  # the one column that may wrap: numbers stay whole
    table.add_column("mean", justify="right", style="bold", no_wrap=True, min_width=6)
    table.add_column("95 % interval", justify="center", no_wrap=True, min_width=14)
    table.add_column("chance", justify="right", no_wrap=True, min_width=6)
    if len(seeds) > 1:
        title = f"range of {len(seeds)} seeds" if len(seeds) > 2 else "seeds " + ", ".join(map(str, seeds))
        table.add_column(title, style="dim", no_wrap=True, min_width=max(14, len(title)))
    notes = [_source(len(seeds))] + [_NULL] * any("null" in entry and entry["chance"] is None for entry in metrics.values())
    for section in sections(metrics):
        for title in section:
            row = _row(title, metrics[title])
            notes += [_CUT] * (row.cut and _CUT not in notes) + row.notes
            table.add_row(*row.cells[: len(table.columns)], end_section=title == section[-1])
    low = [measure(title).name for title, entry in metrics.items() if _by_chance(entry)]
    notes += [f"Not above 95 % of such languages: {', '.join(low)}."] * bool(low)
    table.caption = Text("\n".join(notes))
    return table


def _table(title: str | Text) -> Table:
    """The look of all tables."""
    look: dict[str, Any] = {
        "title_justify": "left",
        "title_style": "bold",
        "caption_justify": "left",
        "caption_style": "dim",
        "show_edge": False,
        "padding": (0, 1, 0, 0),
    }
    return Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, **look)


def _title(result: Mapping[str, Any]) -> Text:
    """Game, step, split and sizes, as far as the object has them."""
    own = [entry for title, entry in result["metrics"].items() if "@" not in title] or result["metrics"].values()  # a variant has its own
    n = max((entry.get("n") or 0 for entry in own), default=0)
    parts = [result["game"]] if "game" in result else []
    parts += [f"step {result['step']:,}"] if "step" in result else []
    parts += [f"{result['split']} split" + (f" of {n:,}" if n else ""), _counted(len(result["seeds"]), "seed")]
    parts += [f"{name} {value}" for name, value in result.get("changed", {}).items()]
    return Text("  ·  ".join(parts))


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}" + ("" if n == 1 else "s")


def sections(metrics: Mapping[str, Any]) -> list[list[str]]:
    """The metrics in the order of being read: success, the language, what else a game measures; those of agents follow their mean."""
    orders = [{title: i for i, title in enumerate(part)} for part in (UNDERSTANDING, LANGUAGE)]

    def place(title: str, order: Mapping[str, int]) -> tuple[int, float]:
        plain, _, what = title.partition("@")
        if title in order:
            return order[title], -4.0
        if found := WITHOUT.fullmatch(title):
            return order[found[1]], -3.0 + ([*TAMPERED, found[2]].index(found[2]) + 1) / 100
        if AGENTS.fullmatch(what) or TOP.fullmatch(title):
            return order.get(plain, 0), -1.0
        size = re.search(r"\d+$", what)
        return order[plain], float(size[0]) if size else np.inf

    def of(order: Mapping[str, int]) -> list[str]:
        found = [t for t in metrics if t.partition("@")[0] in order]
        found += [t for t in metrics if order is orders[0] and t not in found and (TOP.fullmatch(t) or WITHOUT.fullmatch(t))]
        return sorted(found, key=lambda t: place(t, order))

    own = [of(order) for order in orders]
    rest = [t for t in metrics if t not in own[0] and t not in own[1]]
    if "reward" in own[0] and "accuracy" in metrics and metrics["reward"]["per_seed"] == metrics["accuracy"]["per_seed"]:
        own[0].remove("reward")  # the same figures by another name
    return [section for section in (*own, rest) if section]


class _Row(NamedTuple):
    """The cells of a metric, whether its interval was cut, and what the caption must say of it."""

    cells: list[Text]
    cut: bool
    notes: list[str]


def _row(title: str, entry: Mapping[str, Any]) -> _Row:
    """A metric's line of the table."""
    told = measure(title)
    name = Text(_short(title, told.name))
    unit = f"of {entry['n']:,}" if title == "messages" and entry.get("n") else told.unit
    if title == "informative_positions" and (most := re.match(r"of \d+", entry.get("how", ""))):
        unit = most[0]
    name.append(f" {unit}" if unit else "", style="dim")

    decimals = 0 if abs(entry["mean"] or 0) >= 1000 else told.decimals

    def number(x: float | None) -> str:
        return "–" if x is None else f"{x:,.{decimals}f}"

    interval, cut = "", False
    if entry["low"] is not None and entry["high"] is not None:
        low, high = max(entry["low"], told.low), min(entry["high"], told.high)
        cut = low != entry["low"] or high != entry["high"]
        interval = f"{number(low)} to {number(high)}{'*' if cut else ' '}"
    values = entry["per_seed"]
    known = [x for x in values if x is not None]
    range_ = [number(x) for x in values] if len(values) < 3 else [number(min(known)), number(max(known))] if known else ["–"]
    notes, missing = [], len(values) - len(known)
    if missing:
        where = "" if not known else f" for {missing} of {len(values)} seeds"
        notes.append(f"{told.name}: undefined{where}, {entry.get('reason') or 'no reason given'}")
    chance = "" if entry["chance"] is None else f"{entry['chance']:.{3 if entry['chance'] >= 0.00095 else 4}f}"
    if entry["chance"] is None and entry.get("null") is not None and entry["mean"] is not None:
        chance = number(entry["null"])
    between = " to " if len(values) > 2 else "  "
    return _Row([name, Text(number(entry["mean"])), Text(interval), Text(chance), Text(between.join(range_))], cut, notes)


_NULL = "Chance of what is no accuracy: its mean where messages are given to other examples."


def _by_chance(entry: Mapping[str, Any]) -> bool:
    """Whether a mean is not above the 95 % quantile of its null."""
    high = entry.get("null_high")
    return high is not None and entry["mean"] is not None and entry["mean"] <= high


def _short(title: str, name: str) -> str:
    """A metric's name in its line: what belongs to agents, to places or to tampering stands below the figure of all."""
    plain, _, who = title.partition("@")
    if AGENTS.fullmatch(who):
        return f"  {variant(who)}"
    if (found := WITHOUT.fullmatch(title)) and title not in UNDERSTANDING:
        return f"  {name.removeprefix(measure(found[1]).name).removeprefix(', ')}"
    return f"  {name}" if plain == "influence" else name


_CUT = "* cut where the measure's range ends: few seeds make wide intervals"


def _source(seeds: int) -> str:
    """Where the intervals come from."""
    if seeds == 1:
        return "Intervals over examples (Wilson), for shares of right answers; one seed says nothing about others."
    return f"Intervals over {seeds} seeds (Student t)."


def curve_summary(result: Mapping[str, Any]) -> Table:
    """The object of probe.json as a table: for each language how well fresh listeners do, over all of their learning and at its end."""
    table = _table(f"ease of learning  ·  {result['task']}, {result['measure']}")
    table.add_column("", overflow="fold")
    for name in ("over learning", "95 % interval", "at the end", "95 % interval"):
        table.add_column(name, justify="right" if "interval" not in name else "center", no_wrap=True, min_width=13)
    for title, curve in result["curves"].items():
        cells = []
        for part in ("area", "end"):
            figure = curve[part]
            cells.append(Text("–" if figure["mean"] is None else f"{figure['mean']:.3f}", style="bold"))
            cells.append(Text("" if figure["low"] is None else f"{figure['low']:.3f} to {figure['high']:.3f}"))
        table.add_row(Text(title), *cells)
    return table


MOST_SIGNS = 30  # of which a table tells at most


def recall_table(result: Mapping[str, Any]) -> Table:
    """The object of recall.json as a table: each sign that is said, how often each agent says it, and the class that it mostly names."""
    title = "  ·  ".join((result["game"], f"step {result['step']:,}", f"{result['split']} split", f"seed {result['seed']}"))
    table = _table(title)
    table.min_width = len(title)
    said = [row for row in result["signs"] if any(row["said"].values())]
    named = any("class" in row for row in said)
    table.add_column("sign", no_wrap=True)
    if named:
        table.add_column("mostly names", overflow="fold")
    who = list(result["signs"][0]["said"])
    for name in who:
        table.add_column(f"said by {name}" if len(who) <= 3 else name, justify="right", no_wrap=True)
    for row in said[:MOST_SIGNS]:
        cells = [Text(words.letter(row["sign"], len(result["signs"])), style="bold")]
        if named:
            cells.append(Text(row["class"]).append(f"  {row['share']:.0%}", style="dim"))
        table.add_row(*cells, *(f"{times:,}" for times in row["said"].values()))
    never, more = len(result["signs"]) - len(said), len(said) - MOST_SIGNS
    notes = [f"{_counted(more, 'more sign')} in recall.json."] * (more > 0) + [f"{_counted(never, 'sign')} never said."] * (never > 0)
    table.caption = Text(" ".join(notes))
    return table


# -------------------------------------------------------------------------------------------------------------- describe


def describe_table(experiment: Experiment, config: Any) -> Table:
    """The agents of one seed's world: each array of their networks with its shape and parameters, then what an agent and a crowd weigh.

    A role that `config.frozen` names does not learn. What the world holds besides agents is shown as its state, without parameters.
    """
    frozen = getattr(config, "frozen", None)
    table = _table("the agents")
    table.add_column("", no_wrap=True)
    table.add_column("shape", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    total = learning = 0
    crowds, state = _parts(experiment)
    for role, crowd in crowds:
        number, each = _describe_crowd(table, role, crowd, frozen == role.split()[0])
        total += number * each
        learning += 0 if frozen == role.split()[0] else number * each
    for role, arrays in state.items():
        table.add_row(Text(role, style="bold").append("  state", style="not bold dim"), "", "")
        for name, shape in arrays:
            table.add_row(Text(f"  {name}"), _shape(shape), "")
        table.add_section()
    table.add_row(Text("all agents", style="bold"), "", Text(f"{total:,}", style="bold"))
    table.add_row(Text("that learn", style="bold"), "", Text(f"{learning:,}", style="bold"))
    return table


def _parts(experiment: Experiment) -> tuple[list[tuple[str, Agent]], dict[str, list[tuple[str, tuple[int, ...]]]]]:
    """The crowds and lone agents of the world by name, a role may mix several makes; and its other arrays with their shapes, by field."""
    world = jax.eval_shape(experiment.birth, jax.random.key(0))
    # agents that are kept to be called back are copies
    without = lambda part: part._replace(safe=None) if isinstance(part, Difficulty) else part  # noqa: E731
    world = jax.tree.map(without, world, is_leaf=lambda part: isinstance(part, Difficulty))
    makes: dict[str, list[Agent]] = {}
    state: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for path, part in jax.tree_util.tree_leaves_with_path(world, is_leaf=lambda x: isinstance(x, Agent)):
        role = _path(path[:1]) or "world"
        if isinstance(part, Agent):
            makes.setdefault(role, []).append(part)
        else:
            state.setdefault(role, []).append((_path(path[1:]), part.shape))
    crowds = [(f"{role} {i + 1}" if len(own) > 1 else role, make) for role, own in makes.items() for i, make in enumerate(own)]
    return crowds, state


def _describe_crowd(table: Table, role: str, crowd: Agent, frozen: bool) -> tuple[int, int]:
    """Add the rows of one crowd; returns the number of its agents and the parameters of each."""
    several = crowd.age.ndim == 1
    number = crowd.age.shape[0] if several else 1
    shapes = [(path, x.shape[1:] if several else x.shape) for path, x in jax.tree_util.tree_leaves_with_path(crowd.net)]
    heading = Text(role, style="bold")
    heading.append(f"  {_counted(number, 'agent')}", style="not bold dim")
    if frozen:
        heading.append("  frozen", style="not bold yellow")
    table.add_row(heading, "", "")
    for path, shape in shapes:
        table.add_row(Text(f"  {_path(path)}"), _shape(shape), f"{int(np.prod(shape)):,}")
    each = sum(int(np.prod(shape)) for _, shape in shapes)
    table.add_row("  each", "", Text(f"{each:,}", style="bold"))
    if number > 1:
        table.add_row(f"  all {number}", "", Text(f"{number * each:,}", style="bold"))
    beside = {"slow copy": crowd.slow, "optimiser's state": crowd.opt}
    for name, tree in beside.items():
        held = sum(x.size for x in jax.tree.leaves(tree)) // number
        if held and not frozen:
            table.add_row(Text(f"  {name}, each", style="dim"), "", Text(f"{held:,}", style="dim"))
    table.add_section()
    return number, each


def _shape(shape: Sequence[int]) -> Text:
    """The shape of an array."""
    return Text(" × ".join(map(str, shape)) or "scalar", style="dim")


def _path(path: Sequence[Any]) -> str:
    """A leaf's place in words: cell.input.weight, layers.0.bias."""
    return jax.tree_util.keystr(tuple(path), simple=True, separator=".")
