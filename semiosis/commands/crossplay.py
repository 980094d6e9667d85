"""`semiosis crossplay DIR...`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import interval, opened
from semiosis.errors import UsageError


@dataclass(frozen=True)
class Crossplay:
    """Agents that never met try to understand each other: those of all seeds and runs, of one population, or of several checkpoints."""

    dirs: Positional[tuple[str, ...]]
    """Run directories of one game on the same data; the result is written into the first."""
    over: Literal["seeds", "agents", "checkpoints"] = "seeds"
    """Who meets: all seeds of all runs; the agents of a seed, each with each; or a seed's agents at all checkpoints that were kept."""
    split: str = "test"
    """The split they are judged on."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best or a step."""
    batches: int = 0
    """Batches of the exam that are played; 0 is all of it."""
    json: bool = False
    """Print the object of crossplay.json alone."""


def run(args: list[str]) -> int:
    """`semiosis crossplay DIR...`."""
    from semiosis.report import heat
    from semiosis.runs import crossplay as cross
    from semiosis.runs import files

    chosen = tyro.cli(Crossplay, args=args, prog="semiosis crossplay")
    if not chosen.dirs:
        raise UsageError("crossplay needs one run directory or more")
    if len({Path(path).resolve() for path in chosen.dirs}) < len(chosen.dirs):
        raise UsageError(f"crossplay {' '.join(chosen.dirs)}: a directory stands twice, and a run cannot be a stranger to itself")
    if chosen.over == "checkpoints" and chosen.checkpoint != "newest":
        raise UsageError(f"--checkpoint {chosen.checkpoint} names one, and --over checkpoints compares all that were kept: leave one out")
    runs = [opened(path, chosen.checkpoint) for path in chosen.dirs]
    result = cross.summary(cross.crossplay(runs, chosen.split, chosen.over, chosen.batches))
    about = {"game": runs[0].run.record["game"], "step": runs[0].step, "split": chosen.split}
    result = (about if chosen.over != "checkpoints" else {k: v for k, v in about.items() if k != "step"}) | result
    home, name = runs[0].run.path, "crossplay" + ("" if chosen.over == "seeds" else f"-{chosen.over}")
    files.write_json(home / f"{name}.json", result)
    paths = [heat.crossplay(result, home / "figures" / f"{name}.png")]
    if "agreement" in result and len(result["names"]) > 1:
        paths.append(heat.agreement(result, home / "figures" / f"{name}-agreement.png"))
    if chosen.json:
        print(json.dumps(result))
        return 0
    for part in ("self_play", "cross_play", "gap"):
        why = f": {result[part]['reason']}" if "reason" in result[part] else ""
        print(f"{part.replace('_', '-')}: {result['measure']} {interval(result[part])}{why}")
    if result.get("agreement_mean") is not None:
        chance = result["agreement_chance"]
        beside = "" if chance is None else f", {chance:.3f} " + ("by chance" if chance == 0 else "of messages about different things")
        who = f"{result['roles'][0]}s" if len(result["roles"]) > 1 else "agents"
        print(f"likeness of {who}: {result['agreement_mean']:.3f} ({result['agreement_measure']}{beside})")
    print(f"written: {home / f'{name}.json'}, {', '.join(map(str, paths))}")
    return 0
