"""Training, as the host sees it: compiled stretches, a line of metrics after each, a checkpoint now and then."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from semiosis.errors import UsageError
from semiosis.runs import checkpoints, directory, history, loop, records, sinks, validation
from semiosis.runs.options import Options, pace
from semiosis.runs.progress import progress
from semiosis.types import Experiment, Phase, World

Say = Callable[[str], None]


def train(
    run: directory.Run,
    experiment: Experiment,
    worlds: World,
    seeds: Sequence[int],
    options: Options,
    *,
    start: int,
    steps: int,
    title: str,
) -> tuple[World, int]:
    """Train from step `start` to `steps` and save; SIGTERM or SIGINT saves where the run stands and ends early.

    Holds no lock of its own: the caller does. Returns the worlds and the signal that ended the run, 0 for none.
    """
    log_every, save_every = pace(options, steps)
    mesh, keys = mesh_of(options, len(seeds)), loop.keys_of(seeds)
    worlds, keys = loop.place(worlds, mesh), loop.place(keys, mesh)
    stretches: dict[str, loop.Stretch] = {}
    with ExitStack() as stack:
        caught = stack.enter_context(_signals())
        outlets = [stack.enter_context(outlet) for outlet in _sinks(run, options, start)]
        update = stack.enter_context(progress(steps, start, title))
        if start == 0 and not checkpoints.steps(run):
            checkpoints.save(run, 0, worlds, score=None, keep=options.keep)
        step, told = start, set()
        while step < steps and not caught:
            phase, place = loop.locate(experiment.phases, step)
            if phase.name not in stretches:
                stretches[phase.name] = loop.stretch(phase, loop.unstack(worlds, 0), mesh, options.order)
            stop = min(steps, step + _stretch(experiment, phase, place, step, options.log_every, log_every), _next(step, save_every))
            worlds, logs = stretches[phase.name](worlds, keys, step, stop - step)
            step = stop
            rows, note, words = _rows(logs, seeds, step, "train", experiment.undefined), "", []
            if phase.watch is not None:
                kept = history.keep(phase.watch, worlds, len(seeds))
                for row, arrays in zip(rows, kept, strict=True):
                    row |= phase.watch.figures(arrays)
                history.write(run, step, seeds, kept, phase.watch.saved)
                note = phase.watch.say(kept[0]) if phase.watch.say else ""
            if step % save_every == 0 or step == steps or caught:
                judged = validation.validate(experiment, worlds, seeds)
                _write(run, rows + validation.rows_of(judged, seeds, step), outlets)
                checkpoints.save(run, step, worlds, score=validation.score(judged), keep=options.keep)
                words = [] if caught else validation.consult(run, experiment, worlds, judged, told, step=step, steps=steps)
            else:
                _write(run, rows, outlets)
            update(step, _figures(rows, experiment.shown), note, words)
        if caught and checkpoints.steps(run)[-1:] != [step]:
            checkpoints.save(run, step, worlds, score=None, keep=options.keep)
    return worlds, caught[0] if caught else 0


def mesh_of(options: Options, seeds: int) -> Any:
    """The devices that the options ask for, as a mesh."""
    devices = jax.devices()
    if options.devices > len(devices):
        raise UsageError(f"{options.devices} devices are asked for, and there are {len(devices)}")
    return loop.mesh_for(seeds, devices[: options.devices] if options.devices else None)


def _stretch(experiment: Experiment, phase: Phase, place: int, step: int, asked: int, log_every: int) -> int:
    """The steps until the next line, or until the phase ends: a phase has a pace of its own unless the user asked for one."""
    every = asked or phase.every
    ahead = _next(place, every) - place if every else _next(step, log_every) - step
    return ahead if len(experiment.phases) == 1 else min(ahead, phase.steps - place)


def _rows(
    logs: dict[str, np.ndarray], seeds: Sequence[int], step: int, split: str, undefined: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """One row a seed; a log that did not occur in the stretch is left out, and one that cannot be defined is told with its reason."""
    rows: list[dict[str, Any]] = []
    for i, seed in enumerate(seeds):
        row = {"step": step, "seed": seed, "split": split} | {name: float(values[i]) for name, values in sorted(logs.items())}
        rows.append(row | ({"reasons": dict(undefined)} if undefined else {}))
    return rows


def _figures(rows: list[dict[str, Any]], shown: Sequence[str]) -> dict[str, tuple[float | None, float | None]]:
    """Mean and standard deviation over seeds of what a progress line shows: the main success first."""
    shown = [name for name in shown if rows[0].get(name) is not None]
    shown = shown or [name for name in rows[0] if name not in ("step", "seed", "split", "reasons") and rows[0][name] is not None][:1]
    return {name: _spread([row[name] for row in rows]) for name in shown}


def _spread(values: list[float]) -> tuple[float, float | None]:
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def _next(step: int, period: int) -> int:
    """The first multiple of the period after a step."""
    return (step // period + 1) * period


def _write(run: directory.Run, rows: list[dict[str, Any]], outlets: list[sinks.Sink]) -> None:
    records.append(run, rows)
    for outlet in outlets:
        outlet(rows)


def _sinks(run: directory.Run, options: Options, start: int) -> list[Any]:
    """The sinks that the options ask for."""
    asked = [sinks.tensorboard(run, start=start)] if options.tensorboard else []
    return asked + ([sinks.wandb(run, project=options.wandb)] if options.wandb else [])


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT; the second one acts as it did before."""
    caught: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def catch(number: int, frame: Any) -> None:
        caught.append(number)
        signal.signal(number, before[signal.Signals(number)] or signal.SIG_DFL)

    try:
        for number in before:
            signal.signal(number, catch)
    except ValueError:  # not the main thread: signals are not ours to catch
        yield caught
        return
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
