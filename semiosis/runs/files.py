"""Files that are whole or absent: written under a temporary name, flushed to the disk, then renamed."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from semiosis.errors import UsageError


@contextmanager
def spoken(doing: str, advice: str = "") -> Iterator[None]:
    """Turn the operating system's refusal into one sentence: `cannot DOING: REASON; ADVICE`.

    Raises `UsageError`; its `__cause__` is the `OSError`.
    """
    try:
        yield
    except OSError as refusal:
        raise UsageError(f"cannot {doing}: {refusal.strerror or refusal}" + (f"; {advice}" if advice else "")) from refusal


def temporary(path: Path) -> Path:
    """The name beside `path` under which it is written before it is renamed: `.NAME.PID.tmp`."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def is_temporary(path: Path) -> bool:
    """Whether `path` is such a name, left by this or another process."""
    return path.name.startswith(".") and path.suffix == ".tmp" and path.stem.rpartition(".")[2].isdigit()


def flush(path: Path, data: bytes) -> None:
    """Write `data` to `path` and wait until the disk has it. Raises `OSError`."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until the disk has the names in `folder`. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as refusal:
        if refusal.errno != errno.EINVAL:  # some network file systems cannot flush a folder, and say so this way
            raise
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes, advice: str = "") -> None:
    """Replace `path` by `data`, wholly or not at all.

    Raises `UsageError` with the path and the system's reason; the old file is then untouched and nothing is left beside it.
    """
    draft = temporary(path)
    with spoken(f"write {path}", advice):
        try:
            flush(draft, data)
            os.replace(draft, path)
        except BaseException:  # an interrupt too must leave nothing behind
            with suppress(OSError):
                draft.unlink()
            raise
        flush_folder(path.parent)


def to_json(value: object, *, indent: int | None = None) -> bytes:
    """`value` as standard JSON, one line unless `indent` is given. Raises `UsageError` on NaN, infinity and what is no JSON."""
    try:
        return json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as refusal:
        raise UsageError(f"cannot be written as JSON: {refusal}") from refusal


def write_json(path: Path | str, value: object) -> None:
    """Replace the file `path` by `value` as JSON that people can read, wholly or not at all.

    Raises `UsageError` when the value is no JSON (NaN is none: write None) or the disk refuses.
    """
    write_bytes(Path(path), to_json(value, indent=2) + b"\n")


def read_json(path: Path | str) -> Any:
    """What the JSON file `path` holds. Raises `UsageError` if it cannot be read or is no JSON."""
    path = Path(path)
    with spoken(f"read {path}"):
        text = path.read_bytes()
    try:
        return json.loads(text)
    except ValueError as damage:
        raise UsageError(f"{path} is damaged: it is no JSON ({damage})") from damage
