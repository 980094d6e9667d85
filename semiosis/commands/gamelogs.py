"""`semiosis gamelogs PATH`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import interval, named, opened, place_of
from semiosis.errors import UsageError


@dataclass(frozen=True)
class GameLogs:
    """The games of a sketch run as files in the published layout, some of them, and a page on which people are the receiver."""

    path: Positional[str]
    """A run directory, or a folder of game logs, of this program or the published one."""
    split: str = "test"
    """The split of a run that is played."""
    seed: int | None = None
    """The seed of a run whose agents play; by default the first."""
    checkpoint: str = "newest"
    """Which checkpoint of a run: newest, best or a step."""
    receiver: str = ""
    """Another run, whose receiver of the same place reads the sketches (published --swapAgents)."""
    out: str = ""
    """The folder that is written; by default DIR/gamelogs, with split and seed where they are named; of a sample FOLDER-sampled."""
    sample: int = 0
    """Games drawn without replacement, as for a study with people; 0 is all."""
    sample_seed: int = 0
    """The seed of that draw."""
    play: tuple[int, ...] = ()
    """Games to be played on a page, play.html, by number."""
    clip: str = ""
    """CLIP's weights and tokens, a folder or hub:OWNER/NAME: writes what it sees in sketches and photos to clip-analysis.json."""


def run(args: list[str]) -> int:
    """`semiosis gamelogs PATH`."""
    from semiosis.nets.clip import zero_shot
    from semiosis.runs import files, sketches
    from semiosis.runs import gamelogs as logs
    from semiosis.runs.recognise import clip_analysis

    chosen = tyro.cli(GameLogs, args=args, prog="semiosis gamelogs")
    if chosen.sample < 0:
        raise UsageError(f"sample is {chosen.sample}: expected 0 or more")
    source = Path(chosen.path)
    if (source / logs.JSON).is_file():
        if chosen.receiver:
            raise UsageError(f"--receiver takes the place of a run's receivers, and {source} holds games that are over")
        folder = source
        _check_play(chosen, len(logs.read(folder).target))
    else:
        trained = opened(chosen.path, chosen.checkpoint)
        other = _meeting(trained, chosen.receiver, chosen.checkpoint) if chosen.receiver else None
        games = sketches.of(trained, place_of(trained, chosen.seed), chosen.split, receiver=other)
        _check_play(chosen, len(games.target))
        folder = source / ("gamelogs" + named(chosen)) if chosen.sample or not chosen.out else Path(chosen.out)
        logs.write(games, folder)
    if chosen.sample:
        folder = logs.sample(folder, Path(chosen.out or f"{folder}-sampled"), chosen.sample, chosen.sample_seed)
    games, written = logs.read(folder), [folder]
    print(f"{len(games.target):,} games, {games.correct.mean():.3f} right; chance {games.chance:.3f}")
    if chosen.play:
        written.append(folder / "play.html")
        files.write_bytes(written[-1], logs.html(games, chosen.play).encode())
    if chosen.clip:
        found = clip_analysis(games, zero_shot(chosen.clip, games.classes))
        written.append(folder / "clip-analysis.json")
        files.write_json(written[-1], {name: {"mean": x.value, "low": x.low, "high": x.high} for name, x in found.items()})
        for name, x in found.items():
            print(f"{name.replace('_', ' ')}: {interval({'mean': x.value, 'low': x.low, 'high': x.high})}")
    print("written: " + ", ".join(map(str, written)))
    return 0


def _check_play(chosen: GameLogs, count: int) -> None:
    """Refuse games to be played that there will not be."""
    count = min(chosen.sample or count, count)
    if wrong := [i for i in chosen.play if not 0 <= i < count]:
        raise UsageError(f"--play {wrong[0]}: there is no such game, expected 0 to {count - 1}")


def _meeting(trained: Any, path: str, checkpoint: str) -> Any:
    """Another run, whose agents can meet those of this one."""
    from semiosis.runs.crossplay import check_alike

    other = opened(path, checkpoint)
    check_alike([trained, other])
    if len(other.seeds) < len(trained.seeds):
        raise UsageError(f"{path} has {len(other.seeds)} seeds, and {trained.run.path} has {len(trained.seeds)}: each needs its receiver")
    return other
