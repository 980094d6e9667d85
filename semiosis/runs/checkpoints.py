"""Checkpoints: a world at a step, whole or absent.

    OUT/checkpoints/000001000/world.safetensors    the arrays, by the names of trees.py
    OUT/checkpoints/000001000/manifest.json        format, step, score, size and SHA-256 of the arrays, their shapes and dtypes

A checkpoint is written under a temporary name, flushed to the disk and renamed; only then are older ones deleted.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np

from semiosis.errors import UsageError
from semiosis.runs import trees
from semiosis.runs.directory import FORMAT, Run, check_format, settle, step_folders
from semiosis.runs.files import flush, flush_folder, spoken, temporary, to_json
from semiosis.runs.provenance import versions

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
    "BOOL": "bool", "C64": "complex64",
}  # fmt: skip


class Damaged(Exception):
    """Why a checkpoint is not whole."""


def save(run: Run, step: int, world: Any, *, score: float | None, keep: int) -> None:
    """Save `world` at `step`, then delete all but the newest `keep` checkpoints and the one of the highest score (of equals the newest).

    Only for who holds the run's lock. Raises `UsageError` if the disk refuses: the checkpoints before are then as they were.
    """
    save_arrays(run, step, trees.to_arrays(world), score=score, keep=keep)


def save_arrays(run: Run, step: int, arrays: dict[str, np.ndarray], *, score: float | None, keep: int) -> None:
    """`save` for a world that is named arrays already."""
    if step < 0 or keep < 1:
        raise UsageError(f"a checkpoint wants a step of 0 or more and keeps 1 or more, not step {step} and keep {keep}")
    data = _pack(arrays)
    manifest = {
        "format": FORMAT,
        "step": int(step),
        "score": float(score) if score is not None and math.isfinite(score) else None,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "leaves": {name: trees.describe(array) for name, array in arrays.items()},
        "versions": versions(),
    }
    with spoken(f"save the checkpoint of step {step} in {run.path}", _what_is_safe(run)):
        _write(run, step, {"world.safetensors": data, "manifest.json": to_json(manifest, indent=1)})
    with spoken(f"delete old checkpoints in {run.path}", f"step {step} is saved"):
        _prune(run, step, keep)


def load(run: Run, like: Any, step: int | Literal["newest", "best"] = "newest", *, say: Callable[[str], None]) -> tuple[int, Any]:
    """A checkpoint's step and its world, in the structure of `like` (arrays or `jax.ShapeDtypeStruct`).

    `newest` and `best` pass over damaged checkpoints to the next, and `say` so in a sentence each. To resume, hold the lock:
    taking it brings back a checkpoint that a killed process was about to replace.
    Raises `UsageError` if none is whole, the one asked for does not exist or is damaged, or its leaves are not those of `like`.
    """
    wanted = trees.to_spec(like)
    for folder in _candidates(run, step, say):
        try:
            arrays = read_arrays(folder)
        except Damaged as damage:
            say(f"{folder} is damaged ({damage}) and is not used")
            continue
        saved = {name: trees.describe(array) for name, array in arrays.items()}
        if mismatch := trees.difference(saved, wanted):
            raise UsageError(f"{folder} does not fit this program and its config.json: {mismatch}")
        return int(folder.name), trees.to_world(like, arrays)
    whole = ", ".join(map(str, steps(run))) or "none"
    raise UsageError(f"{run.path} has no whole checkpoint to load as {step!r}: steps saved are {whole}")


def steps(run: Run) -> list[int]:
    """The steps of the whole checkpoints, ascending; sizes are looked at, sums are left to `load`."""
    return [step for step, manifest in _manifests(run).items() if manifest is not None]


def read_arrays(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of the checkpoint in `folder` by name; raises `Damaged` unless every byte is as it was written."""
    manifest = read_manifest(folder)
    try:
        data = (folder / "world.safetensors").read_bytes()
    except OSError as refusal:
        raise Damaged(f"world.safetensors: {refusal.strerror}") from refusal
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise Damaged("the SHA-256 of world.safetensors is not the one in manifest.json")
    arrays = _unpack(data)
    if {name: trees.describe(array) for name, array in arrays.items()} != manifest["leaves"]:
        raise Damaged("world.safetensors holds other leaves than manifest.json says")
    return {name: arrays[name] for name in manifest["leaves"]}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the checkpoint in `folder`; raises `Damaged` if it or the size of the arrays is not as it was written."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        if isinstance(manifest["format"], int):
            check_format(folder / "manifest.json", manifest["format"])
        score, size = manifest["score"], manifest["bytes"]
        sound = manifest["step"] == int(folder.name) and (score is None or math.isfinite(score)) and {"sha256", "leaves"} <= {*manifest}
        found = (folder / "world.safetensors").stat().st_size
    except OSError as refusal:
        raise Damaged(f"{Path(refusal.filename or folder).name}: {refusal.strerror}") from refusal
    except UsageError:
        raise
    except (ValueError, KeyError, TypeError) as damage:
        raise Damaged("manifest.json is not as it was written") from damage
    if not sound:
        raise Damaged("manifest.json is not as it was written")
    if found != size:
        raise Damaged(f"world.safetensors has {found} bytes of {size}")
    return manifest


def _write(run: Run, step: int, files: dict[str, bytes]) -> None:
    """Write a checkpoint's files beside its place and rename; whatever fails, the folders are as before. Raises `OSError`."""
    home = run.path / "checkpoints"
    home.mkdir(exist_ok=True)
    settle(run)
    folder = home / f"{step:09d}"
    draft, old = temporary(folder), home / f".{folder.name}.old"
    try:
        draft.mkdir()
        for name, data in files.items():
            flush(draft / name, data)
        flush_folder(draft)
        if folder.exists():  # the same step again: a full folder cannot be renamed over, so `settle` minds the moment between
            os.replace(folder, old)
        os.replace(draft, folder)
    except BaseException:
        with suppress(OSError):
            settle(run)
        raise
    flush_folder(home)
    settle(run)


def _prune(run: Run, step: int, keep: int) -> None:
    """Delete checkpoints up to `step` but the newest `keep` and the best. Raises `OSError`.

    What lies beyond `step` is a damaged checkpoint that was passed over; it goes when the run has passed it again.
    """
    manifests = {number: manifest for number, manifest in _manifests(run).items() if number <= step}
    whole = [number for number, manifest in manifests.items() if manifest is not None]
    kept = {*whole[-keep:], *_by_score(manifests)[:1]}
    folders = step_folders(run.path)
    for folder in (folders[number] for number in manifests.keys() - kept):
        os.replace(folder, temporary(folder))  # out of sight at once: a half-deleted folder must not pass for a checkpoint
    settle(run)


def _manifests(run: Run) -> dict[int, dict[str, Any] | None]:
    """Each checkpoint's manifest by step, ascending; None for one that is not whole."""
    found: dict[int, dict[str, Any] | None] = {}
    for number, folder in step_folders(run.path).items():
        try:
            found[number] = read_manifest(folder)
        except Damaged:
            found[number] = None
    return found


def _by_score(manifests: dict[int, dict[str, Any] | None]) -> list[int]:
    """The steps that have a score, best first, of equals the newest first."""
    scores = {number: manifest["score"] for number, manifest in manifests.items() if manifest is not None}
    return sorted((n for n, score in scores.items() if score is not None), key=lambda n: (scores[n], n), reverse=True)


def _candidates(run: Run, step: int | str, say: Callable[[str], None]) -> Iterator[Path]:
    """The folders to try, in order."""
    folders = step_folders(run.path)
    if step == "newest":
        yield from reversed(folders.values())
    elif step == "best":
        for folder in folders.values():
            try:
                read_manifest(folder)
            except Damaged as damage:
                say(f"{folder} is damaged ({damage}) and is not used")
        yield from (folders[number] for number in _by_score(_manifests(run)))
    elif step in folders:
        yield folders[int(step)]


def _what_is_safe(run: Run) -> str:
    saved = steps(run)
    if not saved:
        return "nothing was saved before it"
    return f"step {saved[-1]} is safe: `semiosis resume {run.path}` continues from there once the cause is gone"


def _pack(arrays: dict[str, np.ndarray]) -> bytes:
    from safetensors.numpy import save as pack

    for name, array in arrays.items():
        if array.dtype.name not in _DTYPES.values():
            raise UsageError(f"leaf {name!r} has dtype {array.dtype.name}, and a checkpoint holds only {', '.join(_DTYPES.values())}")
    return pack(arrays)


def _unpack(data: bytes) -> dict[str, np.ndarray]:
    import ml_dtypes  # noqa: F401  NumPy learns the names bfloat16 and float8_* from it
    from safetensors import SafetensorError, deserialize

    try:
        leaves = deserialize(data)
        return {name: np.frombuffer(leaf["data"], np.dtype(_DTYPES[leaf["dtype"]])).reshape(leaf["shape"]) for name, leaf in leaves}
    except (SafetensorError, KeyError, ValueError) as damage:
        raise Damaged(f"world.safetensors: {damage}") from damage
