"""What one does with a run: start it, resume it, judge it. The command line is a thin layer over these functions."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from typing import Any, NamedTuple

import jax

from semiosis import scenes
from semiosis.errors import UsageError, unknown
from semiosis.runs import checkpoints, directory, doctor, files, history, provenance, records, sinks
from semiosis.runs.evaluate import Finding, evaluate
from semiosis.runs.options import Options, pace, parse_seeds
from semiosis.runs.setup import Game, build, checked, config_from
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
    changed: Mapping[str, Any] = {}  # settings replaced to judge the run otherwise than it was trained


def game_at(name: str, known: Mapping[str, str]) -> Game:
    """The module of a game: one of the known names, or the path of a Python file that has Config, PRESETS and make."""
    if name in known:
        return importlib.import_module(known[name])  # type: ignore[return-value]
    path = Path(name)
    if path.suffix != ".py":
        raise unknown("game", name, [*known, "the path of a .py file"])
    if not path.is_file():
        raise UsageError(f"there is no file {name}")
    spec = importlib.util.spec_from_file_location(f"semiosis_game_{path.stem}", path)  # a name that hides no other module
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{name} cannot be read as a game: {_cause(error, spec.origin)}") from error
    _check_game(name, module)
    return module  # type: ignore[return-value]


def _cause(error: Exception, file: str | None) -> str:
    """An error in a user's file, in words: what it is, and the line."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} (line {error.lineno})"
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == file]
    return f"{type(error).__name__}: {error}" + (f" (line {lines[-1]})" if lines else "")


def _check_game(name: str, module: Any) -> None:
    """One sentence where a user's file lacks what a game has."""
    missing = [part for part in ("Config", "PRESETS", "make") if not hasattr(module, part)]
    if missing:
        raise UsageError(f"{name} is no game: it has no {' and no '.join(missing)}")
    config = module.Config
    if not is_dataclass(config) or not {"data", "steps"} <= {field.name for field in fields(config)}:
        raise UsageError(f"{name} is no game: its Config must be a dataclass with the fields data and steps")
    bare = [field.name for field in fields(config) if field.default is MISSING and field.default_factory is MISSING]
    if bare:
        raise UsageError(f"{name} is no game: fields of its Config have no default: {', '.join(bare)}")
    if not isinstance(module.PRESETS, dict) or not module.PRESETS or not all(isinstance(x, module.Config) for x in module.PRESETS.values()):
        raise UsageError(f"{name} is no game: its PRESETS must be a dict of one Config or more, by name")


def record_at(file: Path) -> dict[str, Any]:
    """What a config.json says. Raises UsageError where it lacks what makes a run repeatable."""
    record = directory.read_record(file)
    parts = {"game": str, "config": dict, "options": dict, "seeds": list, "data": dict}
    wanting = [part for part, kind in parts.items() if not isinstance(record.get(part), kind)]
    if wanting:
        raise UsageError(f"{file} is not of a semiosis run: it says nothing of its {' and its '.join(wanting)}")
    return record


def open_run(path: Path | str) -> directory.Run:
    """The run that a directory holds, with a record that says all it must."""
    run = directory.open_run(path)
    return directory.Run(run.path, record_at(run.path / "config.json"))


def start(name: str, game: Game, config: Any, options: Options, out: Path | str) -> tuple[directory.Run, int]:
    """Train a game from scratch in a new run directory; returns the run and the signal that ended it early, 0 for none.

    Raises UsageError, one sentence, before anything is compiled or written where the directory, the data or the settings do not fit.
    """
    seeds = parse_seeds(options.seeds)
    pace(options, config.steps)
    mesh_of(options, len(seeds))
    sinks.check(tensorboard=options.tensorboard, wandb=bool(options.wandb))
    directory.check_free(Path(out))
    data = scenes.load(config.data)
    experiment, worlds = build(game, config, data, seeds)
    record = {
        "game": name,
        "config": asdict(config),
        "options": asdict(options),
        "seeds": list(seeds),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {"name": data.name, "fingerprint": data.fingerprint, "sizes": {k: len(v.inputs) for k, v in data.splits.items()}},
        **provenance.provenance(),
    }
    run = directory.create(out, record)
    with directory.lock(run):
        _, caught = train(run, experiment, worlds, seeds, options, start=0, steps=steps_of(config, experiment), title=name)
    return run, caught


def resume(path: Path | str, known: Mapping[str, str], *, steps: int | None, say: Say) -> tuple[directory.Run, int]:
    """Continue a run from its newest whole checkpoint, to the steps it was started with or to more; bit for bit as if unbroken."""
    run = open_run(path)
    options = options_from(run)
    sinks.check(tensorboard=options.tensorboard, wandb=bool(options.wandb))
    with directory.lock(run):
        opened = reopen(run, known, "newest", say=say, fresh=True)
        total = steps_of(opened.config, opened.experiment) if steps is None else steps
        if total < opened.step:
            raise UsageError(f"{path} is at step {opened.step:,}: --steps {total:,} would go back")
        if total != steps_of(opened.config, opened.experiment):
            record = run.record | {"config": asdict(replace(opened.config, steps=steps))}
            files.write_json(run.path / "config.json", record)
            run = directory.Run(run.path, record)
        records.trim(run, opened.step)
        history.trim(run, opened.step)
        if opened.step == total:
            say(f"{path} is complete at step {total:,}: --steps N trains it further")
            return run, 0
        arguments = {"start": opened.step, "steps": total, "title": run.record["game"]}
        _, caught = train(run, opened.experiment, opened.worlds, opened.seeds, options, **arguments)
    return run, caught


def steps_of(config: Any, experiment: Experiment) -> int:
    """The length of a run: as its experiment says, or else its configuration."""
    return config.steps if experiment.steps is None else experiment.steps


def options_from(run: directory.Run) -> Options:
    """The options a run was started with; a run on more devices than are here takes what there is."""
    options = checked(Options, run.record["options"])
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
    try:
        at, worlds = checkpoints.load(run, worlds, step, say=say)  # type: ignore[arg-type]
    except UsageError as misfit:
        if change and "data" in change:
            raise UsageError(f"the agents of {run.path} cannot look at {config.data!r}: {misfit}") from misfit
        if change:
            told = ", ".join(f"{name} {value}" for name, value in change.items())
            raise UsageError(f"the agents of {run.path} cannot be judged with {told}: {misfit}") from misfit
        raise
    return Trained(run, game, config, data, seeds, experiment, worlds, at, dict(change or {}))


def judge(trained: Trained, split: str) -> tuple[dict[str, Any], list[Finding], Path]:
    """Evaluate and write evaluation.json; returns its object, the findings of the split's main exam, one a seed, and the file.

    That file is of the test split, of a run judged as it was trained: any other result goes to a file named by the split and by what
    was changed, such as evaluation-train.json.
    """
    result, findings = evaluate(trained.experiment, trained.worlds, trained.seeds, split)
    result = {"game": trained.run.record["game"], "step": trained.step, **result}
    if trained.changed:
        result["changed"] = dict(trained.changed)
    else:
        result["doctor"] = doctor.words_of(result, records.read_metrics(trained.run), trained.run.record)
    file = trained.run.path / f"evaluation{suffix(split, trained.changed)}.json"
    files.write_json(file, result)
    return result, findings, file


def suffix(split: str, changed: Mapping[str, Any] | None = None) -> str:
    """What follows the name of a file about a split: nothing for the test split, `-train` for another; then what was changed."""
    parts = [] if split == "test" else [split]
    parts += [f"{name}-{value}" for name, value in (changed or {}).items()]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "".join(f"-{part}" for part in parts))
