"""`semiosis reproduce PAPER`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.table import Table
from tyro.conf import Positional

from semiosis.commands.shared import GAMES, say
from semiosis.errors import UsageError


@dataclass(frozen=True)
class Reproduce:
    """Play a paper again: train what it trained, and compare its claims with what is found. Ends with status 1 where one is missed."""

    paper: Positional[str] = ""
    """chaabouni2022, taniguchi2023, glyphnet2020, evtimova2018 or mihai2021, or its game; none lists them."""
    quick: bool = False
    """Minutes on local data, against what the documents of this program measured; else the published setting and figures."""
    seeds: str = ""
    """How many seeds, counted from 100 on, which no document used; or which, as in 0,1,2. By default as many as the form has."""
    data: str = ""
    """Quick: a copy of MNIST, to be played with instead of digits. In full: where the data lies."""
    weights: str = ""
    """A file of published weights, where the full form needs one."""
    out: str = ""
    """Where runs and reproduce.json go; by default runs/reproduce/PAPER-FORM. What is there already is not trained again."""
    json: bool = False
    """Print the object of reproduce.json alone."""


def run(args: list[str]) -> int:
    """`semiosis reproduce PAPER [--quick]`."""
    from rich.console import Console

    chosen = tyro.cli(Reproduce, args=args, prog="semiosis reproduce")
    from semiosis.runs import files, reproduce
    from semiosis.runs.papers import PAPERS

    if not chosen.paper:
        if chosen.quick or chosen.data or chosen.weights or chosen.out or chosen.seeds:
            raise UsageError(f"reproduce needs a paper: {', '.join(PAPERS)}, or its game")
        Console().print(listing(PAPERS))
        return 0
    name = reproduce.paper_named(PAPERS, chosen.paper)
    out = Path(chosen.out or f"runs/reproduce/{name}-{'quick' if chosen.quick else 'full'}")
    given = {"quick": chosen.quick, "seeds": chosen.seeds, "data": chosen.data, "weights": chosen.weights}
    with redirect_stdout(sys.stderr) if chosen.json else nullcontext():
        plan = reproduce.plan(PAPERS, name, out, games=GAMES, **given)
        print(f"{PAPERS[name].citation}: {len(plan.form.claims)} claims, about {plan.form.cost}", flush=True)
        arms = {}
        for course in plan.courses:
            print(f"{course.command} --out {course.path}", flush=True)
            arms[course.name], caught = reproduce.train(course, PAPERS[name].game, GAMES, say)
            if caught:
                say(f"stopped by signal {caught}, and saved: the same command goes on")
                return 128 + caught
        result = reproduce.judge(plan, arms)
        files.write_json(out / "reproduce.json", result)
    if chosen.json:
        print(json.dumps(result))
    else:
        Console().print(table(result))
        print(f"{reproduce.verdict(result)}\nwritten: {out / 'reproduce.json'}")
    return 0 if result["reproduced"] else 1


def listing(papers: Mapping[str, Any]) -> Table:
    """The papers there are, their games, and how long they take. Fits 80 columns."""
    found = _table("Papers that can be played again: semiosis reproduce PAPER [--quick]")
    for title in ("paper", "game", "source, and how long"):
        found.add_column(title, no_wrap=title != "source, and how long")
    for name, paper in papers.items():
        quick = next(iter(paper.forms))
        costs = f"{paper.citation}. Quick: {paper.forms[quick].cost}; in full: {paper.forms['full'].cost}."
        found.add_row(name, paper.game, costs, end_section=True)
    return found


def table(result: Mapping[str, Any]) -> Table:
    """The object of reproduce.json as a table: each claim, what was expected and by whom, what was found. Fits 80 columns."""
    from semiosis.runs.reproduce import expectation, finding, seeds_told

    found = _table(f"{result['paper']}, {result['form']}  ·  {result['date']}  ·  {seeds_told(result['seeds'])}")
    found.add_column("claim, and who expects what", ratio=1)
    found.add_column("expected", justify="right", no_wrap=False, max_width=16)
    found.add_column("found", justify="right", max_width=16)
    found.add_column("", no_wrap=True)
    for claim in result["claims"]:
        right = "[green]within[/]" if claim["within"] else "[bold red]missed[/]"
        says = f"{claim['says']}\n[dim]{claim['expected']['source']}[/]"
        found.add_row(says, expectation(claim["expected"]), finding(claim["found"]), right, end_section=True)
    return found


def _table(title: str) -> Table:
    from rich import box

    return Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False, show_edge=False)
