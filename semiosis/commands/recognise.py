"""`semiosis recognise DIR...`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import interval, opened
from semiosis.errors import UsageError


@dataclass(frozen=True)
class Recognise:
    """Can those who never saw a sketch tell what it shows? A classifier that learned from photos alone judges sketches, and CLIP may."""

    dirs: Positional[tuple[str, ...]]
    """Run directories of the sketch game, to be compared."""
    split: str = "test"
    """The split whose photos are drawn."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best or a step."""
    classifiers: int = 3
    """Classifiers, each with a seed of its own."""
    steps: int = 1500
    """Steps each of them learns."""
    clip: str = ""
    """CLIP's weights and tokens, a folder or hub:OWNER/NAME, which judges too."""
    json: bool = False
    """Print the object of recognised.json alone."""


def run(args: list[str]) -> int:
    """`semiosis recognise DIR...`."""
    from semiosis.nets.clip import zero_shot
    from semiosis.report.sketches import recognised as draw
    from semiosis.runs import files, sketches
    from semiosis.runs.recognise import negative
    from semiosis.runs.recognise import recognise as judge
    from semiosis.runs.session import suffix

    chosen = tyro.cli(Recognise, args=args, prog="semiosis recognise")
    if not chosen.dirs:
        raise UsageError("recognise needs one run directory or more")
    rates, chance, written = {}, None, []
    for path in chosen.dirs:
        trained = opened(path, chosen.checkpoint)
        games = {seed: sketches.of(trained, place, chosen.split) for place, seed in enumerate(trained.seeds)}
        first = next(iter(games.values()))
        given = {seed: (own.sketches, own.seen) for seed, own in games.items()}
        clip = zero_shot(chosen.clip, first.classes) if chosen.clip else None
        side, channels = first.sketches.shape[2:]
        asked = {"side": side, "channels": channels, "seeds": chosen.classifiers, "steps": chosen.steps, "split": chosen.split}
        turned = negative(trained.data.splits["train"].inputs, first.sketches)
        found = judge(trained.data, given, invert=turned, clip=clip, **asked)
        told = {"game": trained.run.record["game"], "step": trained.step, "split": chosen.split, "inverted": turned}
        told |= found.told(first.classes)
        file = trained.run.path / f"recognised{suffix(chosen.split)}.json"
        files.write_json(file, told)
        written.append(file)
        name = trained.run.path.name if len({Path(p).name for p in chosen.dirs}) == len(chosen.dirs) else str(trained.run.path)
        rates[name], chance = found.rates, found.chance
        if chosen.json:
            print(json.dumps(told))
            continue
        for what, rate in found.rates.items():
            shown = {end: x and min(max(x, 0.0), 1.0) for end, x in rate._asdict().items()}
            print(f"{name}: {what} {interval(shown)}; chance {found.chance:.3f}")
    figure = draw(rates, Path(chosen.dirs[0]) / "figures" / f"recognised{suffix(chosen.split)}.png", chance=chance)
    if not chosen.json:
        print("written: " + ", ".join(map(str, [*written, figure])))
    return 0
