"""What one does with a run: start it, resume it, judge it. The command line is a thin layer over these functions."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax

from semiosis import scenes
from semiosis.errors import UsageError, unknown
from semiosis.runs import checkpoints, directory, files, loop, provenance, records
from semiosis.runs.evaluate import Finding, evaluate
from semiosis.runs.options import Options, pace, parse_seeds
from semiosis.runs.setup import Game, build, config_from
from semiosis.runs.train import mesh_of, train
from semiosis.scenes import Data
from semiosis.types import Experiment, World

Say = Callable[[str], None]


class Trained(NamedTuple):
    """A run opened again: everything that was made of its config.json, and its worlds at a step."""

    run: directory.Run
    game: Game
    config: Any
    data: Data
    seeds: tuple[int, ...]
    experiment: Experiment
    worlds: World
    step: int


def game_at(name: str, known: Mapping[str, str]) -> Game:
    """The module of a game: one of the known names, or the path of a Python file that has Config, PRESETS and make."""
    if name in known:
        return importlib.import_module(known[name])  # type: ignore[return-value]
    path = Path(name)
    if path.suffix != ".py":
        raise unknown("game", name, [*known, "the path of a .py file"])
    if not path.exists():
        raise UsageError(f"there is no file {name}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    missing = [part for part in ("Config", "PRESETS", "make") if not hasattr(module, part)]
    if missing:
        raise UsageError(f"{name} is no game: it has no {' and no '.join(missing)}")
    return module  # type: ignore[return-value]


def start(name: str, game: Game, config: Any, options: Options, out: Path | str) -> tuple[directory.Run, int]:
    """Train a game from scratch in a new run directory; returns the run and the signal that ended it early, 0 for none.

    Raises UsageError, one sentence, before anything is compiled or written where the directory, the data or the settings do not fit.
    """
    seeds = parse_seeds(options.seeds)
    pace(options, config.steps)
    mesh_of(options, len(seeds))
    directory.check_free(Path(out))
    data = scenes.load(config.data)
    experiment, worlds = build(game, config, data, seeds)
    record = {
        "game": name,
        "config": asdict(config),
        "options": asdict(options),
        "seeds": list(seeds),
        "data": {"name": data.name, "fingerprint": data.fingerprint, "sizes": {k: len(v.inputs) for k, v in data.splits.items()}},
        **provenance.provenance(),
    }
    run = directory.create(out, record)
    with directory.lock(run):
        _, caught = train(run, experiment, worlds, seeds, options, start=0, steps=config.steps, title=name)
    return run, caught


def resume(path: Path | str, known: Mapping[str, str], *, steps: int | None, say: Say) -> tuple[directory.Run, int]:
    """Continue a run from its newest whole checkpoint, to the steps it was started with or to more; bit for bit as if unbroken."""
    run = directory.open_run(path)
    with directory.lock(run):
        opened = reopen(run, known, "newest", say=say, fresh=True)
        options = options_from(run)
        total = opened.config.steps if steps is None else steps
        if total < opened.step:
            raise UsageError(f"{path} is at step {opened.step:,}: --steps {total:,} would go back")
        if steps is not None and steps != opened.config.steps:
            record = run.record | {"config": asdict(replace(opened.config, steps=steps))}
            files.write_json(run.path / "config.json", record)
            run = directory.Run(run.path, record)
        records.trim(run, opened.step)
        if opened.step == total:
            say(f"{path} is complete at step {total:,}: --steps N trains it further")
            return run, 0
        arguments = {"start": opened.step, "steps": total, "title": run.record["game"]}
        _, caught = train(run, opened.experiment, opened.worlds, opened.seeds, options, **arguments)
    return run, caught


def options_from(run: directory.Run) -> Options:
    """The options a run was started with; a run on more devices than are here takes what there is."""
    options = Options(**run.record["options"])
    return options if options.devices <= jax.device_count() else replace(options, devices=0)


def reopen(
    run: directory.Run,
    known: Mapping[str, str],
    step: int | str,
    *,
    say: Say,
    fresh: bool = False,
    change: Mapping[str, Any] | None = None,
) -> Trained:
    """Everything a run directory stands for, its worlds at `step` (a number, `newest` or `best`).

    `fresh` takes newborn worlds where nothing was saved yet; `change` replaces settings that leave the agents as they are.
    Raises UsageError where the data is not what the run was trained on, or the checkpoint does not fit.
    """
    game = game_at(run.record["game"], known)
    config = replace(config_from(game, run.record["config"]), **(change or {}))
    data = scenes.load(config.data)
    if data.fingerprint != run.record["data"]["fingerprint"] and not (change and "data" in change):
        raise UsageError(f"the data {config.data!r} is not what {run.path} was trained on: its content has changed since")
    seeds = tuple(run.record["seeds"])
    experiment, worlds = build(game, config, data, seeds)
    if fresh and not directory.step_folders(run.path):
        return Trained(run, game, config, data, seeds, experiment, worlds, 0)
    at, worlds = checkpoints.load(run, worlds, step, say=say)  # type: ignore[arg-type]
    return Trained(run, game, config, data, seeds, experiment, worlds, at)


def judge(trained: Trained, split: str) -> tuple[dict[str, Any], list[Finding]]:
    """Evaluate and write evaluation.json; returns its object and the findings of the split's main exam, one a seed."""
    result, findings = evaluate(trained.experiment, trained.worlds, trained.seeds, split)
    result = {"game": trained.run.record["game"], "step": trained.step, **result}
    files.write_json(trained.run.path / "evaluation.json", result)
    return result, findings


def world_of(trained: Trained, place: int) -> World:
    """The world of one seed."""
    return loop.unstack(trained.worlds, place)
