"""The run directory: what a run is, on disk.

    OUT/config.json        what was run: enough to repeat it
    OUT/metrics.jsonl      what was measured: see records.py
    OUT/checkpoints/STEP/  what was learned: see checkpoints.py
    OUT/history/STEP.npz   what was kept on the way: see history.py
    OUT/.lock              held by the one process that writes

Whatever happens to a process, what it leaves here is a run that opens: every file is written under a temporary name first.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semiosis.errors import UsageError
from semiosis.runs.files import flush_folder, is_temporary, read_json, spoken, write_json

FORMAT = 1  # of config.json and of a checkpoint; counts up when an older program could not read what is written


@dataclass(frozen=True)
class Run:
    """A run directory and the record in its config.json."""

    path: Path
    record: dict[str, Any]


def create(path: Path | str, record: dict[str, Any]) -> Run:
    """Make the run directory `path` and write `record` to its config.json.

    Raises `UsageError` if `path` holds a run or anything else, or cannot be written.
    """
    path = Path(path)
    check_free(path)
    with spoken(f"create {path}", "choose another --out"):
        path.mkdir(parents=True, exist_ok=True)
        flush_folder(path.parent)
    run = Run(path, {"format": FORMAT, **record})
    with lock(run):
        check_free(path)  # again: another process may have been faster
        write_json(path / "config.json", run.record)
    return run


def open_run(path: Path | str) -> Run:
    """The run that the directory `path` holds; nothing is written.

    Raises `UsageError` if there is none, its config.json is damaged, or a newer program wrote it.
    """
    path = Path(path)
    config = path / "config.json"
    with spoken(f"read {path}"):
        if not path.is_dir():
            raise UsageError(f"{path} is no run directory: " + ("it is a file" if path.exists() else "there is no such directory"))
        if not config.exists():
            raise UsageError(f"{path} is no run directory: it has no config.json, which `semiosis train` writes first")
    return Run(path, read_record(config))


def read_record(config: Path) -> dict[str, Any]:
    """What a config.json says, wherever it lies. Raises `UsageError` if it is damaged, no record of a run, or of a newer program."""
    record = read_json(config)
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise UsageError(f"{config} is not of a semiosis run: it has no format number")
    check_format(config, record["format"])
    return record


def check_format(file: Path, found: int) -> None:
    """Raise `UsageError` if `file` is of a format that this program does not know."""
    if found > FORMAT:
        raise UsageError(
            f"{file} has format {found} and this semiosis reads formats up to {FORMAT}, because a newer semiosis wrote it in a way "
            "that this one would misread: upgrade with `pip install -U semiosis`"
        )


@contextmanager
def lock(run: Run) -> Iterator[None]:
    """Be the one process that writes to the run, and clear away what a killed one left.

    The operating system releases the lock when the process ends, however it ends. Raises `UsageError` if another process holds it.
    """
    with spoken(f"write in {run.path}"):
        descriptor = os.open(run.path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _take(descriptor, run.path)
        with spoken(f"clear away what a killed process left in {run.path}"):
            settle(run)
        yield
    finally:
        os.close(descriptor)


def settle(run: Run) -> None:
    """Undo what a killed process was in the midst of; only for who holds the lock. Raises `OSError`."""
    for leftover in filter(is_temporary, run.path.iterdir()):
        if not _is_alive(leftover):  # evaluation.json is written without the lock: its draft may be another's, in the making
            leftover.unlink(missing_ok=True)
    for leftover in filter(is_temporary, (run.path / "history").glob(".*")):
        leftover.unlink(missing_ok=True)
    for leftover in (run.path / "checkpoints").glob(".*"):
        step = leftover.with_name(leftover.stem[1:])
        if leftover.suffix == ".old" and not step.exists():  # killed between the two renames of a replacement
            os.replace(leftover, step)
        elif leftover.suffix == ".old" or is_temporary(leftover):
            shutil.rmtree(leftover)


def step_folders(path: Path) -> dict[int, Path]:
    """The checkpoint folders in the run directory `path` by step, ascending; whole or not."""
    folders = (folder for folder in (path / "checkpoints").glob("*") if folder.name.isdecimal())
    return {int(folder.name): folder for folder in sorted(folders, key=lambda folder: int(folder.name))}


def check_free(path: Path) -> None:
    """Raise `UsageError` unless `path` is absent or holds nothing but what a killed `create` leaves."""
    with spoken(f"create {path}", "choose another --out"):
        if not path.exists():
            _check_writable(path)
            return
        if not path.is_dir():
            raise UsageError(f"{path} is a file: choose another --out")
        if (path / "config.json").exists():
            step = max(step_folders(path), default=0)
            raise UsageError(f"{path} holds a run at step {step}: `semiosis resume {path}` continues it, or choose another --out")
        if any(entry.name != ".lock" and not is_temporary(entry) for entry in path.iterdir()):
            raise UsageError(f"{path} is not empty and holds no run: choose another --out")
    if not os.access(path, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write in {path}: {os.strerror(errno.EACCES)}")


def _check_writable(path: Path) -> None:
    """Raise `UsageError` unless a directory can be made at `path`, as far as one can tell without making it."""
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        reason = os.strerror(errno.EACCES if above.is_dir() else errno.ENOTDIR)
        raise UsageError(f"cannot create {path}: {reason}; choose another --out")


def _take(descriptor: int, path: Path) -> None:
    """Lock the open file `path/.lock` and leave our process number in it; raise `UsageError` if another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        raise UsageError(f"{path} is in use by another process ({owner}): wait until it ends, or stop it") from taken
    except OSError as refusal:
        raise UsageError(f"cannot lock {path}/.lock: {refusal.strerror}; choose an --out on a local disk") from refusal
    with suppress(OSError):  # the number only helps the sentence above: a full disk must not forbid to open the run
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _is_alive(leftover: Path) -> bool:
    """Whether another process, the one in the name `.NAME.PID.tmp`, may still be writing it."""
    process = int(leftover.stem.rpartition(".")[2])
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return process != os.getpid()
