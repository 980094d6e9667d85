"""OUT/history/STEP.npz: arrays that a game wants kept of its world at each line of metrics, such as who called what by which name.

One file a line, whole or absent; each array has the name that the game's `Watch` gives it and a leading axis of seeds, and `seeds` names
them. A file past the checkpoint is deleted on resume, so that no step is told twice.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from semiosis.runs import loop
from semiosis.runs.directory import Run
from semiosis.runs.files import spoken, write_bytes
from semiosis.types import Watch, World


@eqx.filter_jit
def _kept(keep: Any, worlds: World) -> dict[str, jax.Array]:
    return jax.vmap(keep)(worlds)


def keep(watch: Watch, worlds: World, seeds: int) -> list[dict[str, np.ndarray]]:
    """What the watch takes from each seed's world."""
    kept = jax.device_get(_kept(watch.keep, worlds))
    return [loop.unstack(kept, place) for place in range(seeds)]


def write(run: Run, step: int, seeds: Sequence[int], kept: Sequence[Mapping[str, np.ndarray]], saved: Iterable[str]) -> None:
    """Write the arrays to be saved, if any. Raises `UsageError` if the disk refuses."""
    arrays: dict[str, Any] = {name: np.stack([part[name] for part in kept]) for name in saved}
    if not arrays:
        return
    packed = io.BytesIO()
    np.savez_compressed(packed, seeds=np.asarray(seeds), **arrays)
    home = run.path / "history"
    with spoken(f"write {home}", f"`semiosis resume {run.path}` continues once the cause is gone"):
        home.mkdir(exist_ok=True)
    write_bytes(home / f"{step:09d}.npz", packed.getvalue(), f"`semiosis resume {run.path}` continues once the cause is gone")


def trim(run: Run, step: int) -> None:
    """Drop what lies past `step`."""
    for number, path in _files(run).items():
        if number > step:
            with spoken(f"delete {path}"):
                path.unlink()


def steps(run: Run) -> list[int]:
    """The steps of which arrays were kept, ascending."""
    return sorted(_files(run))


def read(run: Run, of: Collection[int] | None = None) -> dict[int, dict[str, np.ndarray]]:
    """The arrays of each step that was kept, ascending; of these steps alone, where any are named."""
    found = {}
    for number, path in _files(run).items():
        if of is not None and number not in of:
            continue
        with spoken(f"read {path}"), np.load(path, allow_pickle=False) as file:
            found[number] = {name: file[name] for name in file.files}
    return found


def _files(run: Run) -> dict[int, Any]:
    home = run.path / "history"
    return {int(path.stem): path for path in sorted(home.glob("*.npz")) if path.stem.isdecimal()} if home.is_dir() else {}
