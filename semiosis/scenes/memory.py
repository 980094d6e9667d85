"""What a network that does not change sees of each photo of a set: computed once, kept on the device, and on disk between runs.

Files lie in SEMIOSIS_CACHE or, by default, semiosis/features of the user's cache. They are mapped into memory: on a CPU no more is loaded
than is read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from semiosis.errors import UsageError
from semiosis.scenes.build import bytes_of, free_memory

Look = Callable[[Float[Array, "n h w c"]], dict[str, Array]]
CHUNK = 64  # photos that are looked at together


def folder() -> Path:
    """Where features are kept."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("SEMIOSIS_CACHE") or home / "semiosis" / "features")


def remembered(
    look: Look, photos: np.ndarray, *, key: str = "", share: float | int = 0.25, required: bool = False
) -> dict[str, np.ndarray] | None:
    """What `look` sees of photos [m h w c] of bytes, by name, [m ...] float32 each; None where it takes more than a share of the memory.

    A `key` that stands for photos and network together keeps it on disk: what lies there under it is taken, else computed and put there,
    wholly or not at all. Where the disk refuses, it is kept in memory alone. Raises UsageError if it is `required` and does not fit.
    """
    some = photos[:CHUNK]
    shapes = eqx.filter_eval_shape(look, jax.ShapeDtypeStruct(some.shape, jnp.float32))
    needed, free = 4 * len(photos) * sum(int(np.prod(x.shape[1:])) for x in shapes.values()), free_memory()
    if free is not None and needed > (0.9 if required else share) * free:
        if not required:
            return None
        raise UsageError(
            f"what is seen of {len(photos):,} photos takes {bytes_of(needed)} and {bytes_of(free)} are free: set --remember no"
        )
    home = folder() / key
    if key and home.is_dir():
        try:
            return {name: _fitting(np.load(home / f"{_plain(name)}.npy", mmap_mode="r"), shapes[name], len(photos)) for name in shapes}
        except (OSError, ValueError):  # damaged or of another version: made anew
            shutil.rmtree(home, ignore_errors=True)
    see = eqx.filter_jit(look)
    found = {name: np.empty((len(photos), *x.shape[1:]), np.float32) for name, x in shapes.items()}
    for first in range(0, len(photos), CHUNK):
        part = photos[first : first + CHUNK]
        filled = np.concatenate([part, np.repeat(part[-1:], len(some) - len(part), 0)])  # one program for all
        for name, x in see(jnp.asarray(filled, jnp.float32) / 255).items():
            found[name][first : first + CHUNK] = np.asarray(x)[: len(part)]
    if key:
        _write(home, found)
    return found


def _fitting(array: np.ndarray, shape: jax.ShapeDtypeStruct, count: int) -> np.ndarray:
    if array.shape != (count, *shape.shape[1:]) or array.dtype != np.float32:
        raise ValueError("of another shape")
    return array


def _plain(name: str) -> str:
    return name.replace(":", "-")


def _write(home: Path, found: dict[str, np.ndarray]) -> None:
    """Put arrays into a folder that is whole or absent."""
    draft = home.with_name(f".{home.name}.{os.getpid()}.tmp")
    try:
        draft.mkdir(parents=True, exist_ok=True)
        for name, x in found.items():
            np.save(draft / f"{_plain(name)}.npy", x)
        os.replace(draft, home)
    except OSError:  # a full disk, or another process was first: it is in memory all the same
        shutil.rmtree(draft, ignore_errors=True)
