"""metrics.jsonl: what is appended is read back, NaN never is written, and a torn end does no harm."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from semiosis.errors import UsageError
from semiosis.runs.directory import Run, create
from semiosis.runs.records import append, read_metrics, trim


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create(tmp_path / "run", {})


def row(step: int, **metrics: object) -> dict[str, object]:
    return {"step": step, "seed": 0, "split": "valid", **metrics}


def test_rows_are_lines_in_order(run: Run):
    assert read_metrics(run) == []
    append(run, [row(1, accuracy=0.5), row(1, accuracy=0.25) | {"seed": 1}])
    append(run, [])
    append(run, [row(2, accuracy=1, used=20)])
    text = (run.path / "metrics.jsonl").read_text()
    assert text.splitlines()[0] == '{"step": 1, "seed": 0, "split": "valid", "accuracy": 0.5}'
    assert text.count("\n") == 3
    assert read_metrics(run)[1:] == [row(1, accuracy=0.25) | {"seed": 1}, row(2, accuracy=1, used=20)]


def test_undefined_numbers_are_null_with_a_reason(run: Run):
    append(run, [row(1, a=math.nan, b=math.inf, c=-math.inf, d=None, e=None, f=0.5, reasons={"e": "one message only"})])
    line = (run.path / "metrics.jsonl").read_text()
    assert "NaN" not in line
    assert "Infinity" not in line
    reasons = {"a": "not a number", "b": "infinite", "c": "minus infinite", "d": "undefined", "e": "one message only"}
    assert json.loads(line) == row(1, a=None, b=None, c=None, d=None, e=None, f=0.5, reasons=reasons)


def test_array_scalars_are_numbers_and_longer_arrays_are_refused(run: Run):
    append(
        run,
        [{"step": np.int64(3), "seed": np.int32(1), "split": "valid", "x": jnp.float32(0.5), "n": np.int64(7), "u": jnp.float32(jnp.nan)}],
    )
    assert read_metrics(run) == [{"step": 3, "seed": 1, "split": "valid", "x": 0.5, "n": 7, "u": None, "reasons": {"u": "not a number"}}]
    with pytest.raises(UsageError, match="metric 'x' must be one number or None"):
        append(run, [row(4), row(4, x=jnp.zeros(2))])
    assert len(read_metrics(run)) == 1


def test_trim_drops_what_is_past_the_checkpoint(run: Run):
    append(run, [row(step, x=step / 3) for step in range(10)])
    trim(run, 6)
    assert read_metrics(run) == [row(step, x=step / 3) for step in range(7)]
    before = (run.path / "metrics.jsonl").stat()
    trim(run, 6)
    assert (run.path / "metrics.jsonl").stat().st_ino == before.st_ino  # nothing to do, nothing rewritten
    trim(run, -1)
    assert read_metrics(run) == []


def test_trim_without_metrics(run: Run):
    trim(run, 0)
    assert not (run.path / "metrics.jsonl").exists()


def test_a_torn_end_is_ignored_trimmed_and_overwritten(run: Run):
    """Wherever the last write stopped."""
    file = run.path / "metrics.jsonl"
    append(run, [row(1, x=0.25), row(2, x=0.25)])
    whole = file.read_bytes()
    for length in range(len(whole)):
        kept = whole[:length].count(b"\n")
        file.write_bytes(whole[:length])
        assert read_metrics(run) == [row(1, x=0.25)][:kept]
        append(run, [row(3)])
        assert [line["step"] for line in read_metrics(run)] == [*[1, 2][:kept], 3]
        file.write_bytes(whole[:length])
        trim(run, 10)
        assert file.read_bytes() == b"".join(whole.splitlines(keepends=True)[:kept])


def test_a_power_cut_may_leave_zeros(run: Run):
    append(run, [row(1)])
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write(bytes(300))
    assert read_metrics(run) == [row(1)]
    trim(run, 1)
    append(run, [row(2)])
    assert read_metrics(run) == [row(1), row(2)]


def test_damage_in_the_middle_is_told(run: Run):
    append(run, [row(1), row(2), row(3)])
    file = run.path / "metrics.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"step": 2', b'"step": ?'))
    for act in (lambda: read_metrics(run), lambda: trim(run, 3)):
        with pytest.raises(UsageError, match=r"^line 2 of .*metrics.jsonl is damaged"):
            act()
