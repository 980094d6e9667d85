"""metrics.jsonl: one measurement a line, appended as the run goes.

{"step": 500, "seed": 3, "split": "valid", "accuracy": 0.91, "topsim": null, "reasons": {"topsim": "not a number"}}
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

from semiosis.errors import UsageError
from semiosis.runs.directory import Run
from semiosis.runs.files import spoken, to_json, write_bytes

Row = Mapping[str, Any]  # {"step", "seed", "split", <metric>: number or None, "reasons": {<metric>: why it is None}}
_PLACE = ("step", "seed", "split")  # where a row belongs; all else in it was measured


def append(run: Run, rows: Iterable[Row]) -> None:
    """Add rows to metrics.jsonl in one write and wait until the disk has them; call it before `save` of the same step.

    A number that is not finite becomes null, and `reasons` says why. Raises `UsageError` if the disk refuses: nothing is then added.
    """
    data = b"".join(to_json(clean(row)) + b"\n" for row in rows)
    path = run.path / "metrics.jsonl"
    with spoken(f"write {path}", "the lines before are whole"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            _append(descriptor, data)
        finally:
            os.close(descriptor)


def trim(run: Run, step: int) -> None:
    """Drop the lines past `step`, and one that a killed process left torn; on resume, so that no step is told twice.

    Raises `UsageError` if a line before the last is damaged, or the disk refuses: the file is then as it was.
    """
    path = run.path / "metrics.jsonl"
    if not path.exists():
        return
    kept = b"".join(to_json(row) + b"\n" for row in read_metrics(run) if row["step"] <= step)
    if kept != path.read_bytes():
        write_bytes(path, kept, "the file is as it was")


def read_metrics(run: Run) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl in order, without a torn end; none if there is no file yet.

    Raises `UsageError` if a line that others follow is damaged.
    """
    path = run.path / "metrics.jsonl"
    if not path.exists():
        return []
    with spoken(f"read {path}"):
        lines = path.read_bytes().splitlines(keepends=True)
    rows = [_parse(line) for line in lines]
    while rows and rows[-1] is None:  # one write may hold several lines, and a power cut tear all of them
        rows.pop()
    if None in rows:
        raise UsageError(f"line {rows.index(None) + 1} of {path} is damaged: mend or delete that line, the lines after it are whole")
    return [row for row in rows if row is not None]


def clean(row: Row) -> dict[str, Any]:
    """A row as it is written: plain numbers, and null with a reason for what is undefined."""
    given = row.get("reasons") or {}
    numbers = {name: _number(name, value) for name, value in row.items() if name not in (*_PLACE, "reasons")}
    finite = {name: value if value is not None and math.isfinite(value) else None for name, value in numbers.items()}
    reasons = {name: given.get(name) or _reason(numbers[name]) for name, value in finite.items() if value is None}
    place = {name: getattr(row[name], "item", lambda name=name: row[name])() for name in _PLACE}
    return place | finite | ({"reasons": reasons} if reasons else {})


def _number(name: str, value: Any) -> int | float | None:
    number = value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else value
    if number is not None and not isinstance(number, int | float):
        raise UsageError(f"metric {name!r} must be one number or None, not {value!r}")
    return number


def _reason(value: float | None) -> str:
    if value is None:
        return "undefined"
    return "not a number" if math.isnan(value) else "infinite" if value > 0 else "minus infinite"


def _parse(line: bytes) -> dict[str, Any] | None:
    """The row in a line; None if the line is torn or damaged."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if line.endswith(b"\n") and isinstance(row, dict) and isinstance(row.get("step"), int) else None


def _append(descriptor: int, data: bytes) -> None:
    """Write at the end of the file, all or nothing; a torn end goes first. Raises `OSError`."""
    end = _whole(descriptor)
    os.ftruncate(descriptor, end)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise


def _whole(descriptor: int) -> int:
    """The length of the file up to the end of its last whole line."""
    end = os.fstat(descriptor).st_size
    if end == 0 or os.pread(descriptor, 1, end - 1) == b"\n":
        return end
    start = max(0, end - 2**20)  # a line is far shorter
    return start + os.pread(descriptor, end - start, start).rfind(b"\n") + 1
