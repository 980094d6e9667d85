"""Sinks: what TensorBoard and W&B write to the disk is read back; no network, no account."""

from __future__ import annotations

import importlib.util
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import semiosis
from semiosis.errors import UsageError
from semiosis.runs import sinks
from semiosis.runs.directory import Run, create, open_run

IMPORTS = Path(semiosis.__file__).parents[1]  # where a process that a test starts finds the package
needs_wandb = pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="needs the extra wandb")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create(tmp_path / "run", {"game": "lewis", "seeds": [0, 1]})


def rows(step: int) -> list[dict[str, Any]]:
    """Two seeds; the second has an undefined metric."""
    place = {"step": step, "split": "valid"}
    return [{**place, "seed": 0, "accuracy": step / 8, "topsim": 0.5}, {**place, "seed": 1, "accuracy": 0.25, "topsim": None}]


def events(folder: Path) -> list[tuple[int, dict[str, float] | str]]:
    """The steps and scalars, or the start marks, in a folder of TensorBoard event files: records of length, sum, bytes, sum."""
    from tensorboardX.proto.event_pb2 import Event

    found: list[tuple[int, dict[str, float] | str]] = []
    for file in sorted(folder.iterdir()):
        data, at = file.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = Event.FromString(data[at + 12 : at + 12 + length])
            at += 12 + length + 4
            if event.HasField("summary"):
                found.append((event.step, {value.tag: value.simple_value for value in event.summary.value}))
            elif event.HasField("session_log"):
                found.append((event.step, "start"))
    return found


def test_tensorboard_has_a_curve_a_seed_and_resumes_at_the_right_step(run: Run):
    pytest.importorskip("tensorboardX", reason="needs the extra tensorboard")
    with sinks.tensorboard(run) as write:
        write(rows(1))
        write(rows(2) + rows(3))
    with sinks.tensorboard(open_run(run.path), start=2) as write:  # what was written of step 3 is hidden by the start mark
        write(rows(3))
    start, *scalars = events(run.path / "tensorboard" / "seed-1")
    assert start == (1, "start")
    assert scalars == [
        *((step, {"valid/accuracy": 0.25}) for step in (1, 2, 3)),
        (3, "start"),
        (3, {"valid/accuracy": 0.25}),
    ]


OFFLINE = {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
LOG = """
import json, sys
from semiosis.runs import sinks
from semiosis.runs.directory import open_run
with sinks.wandb(open_run(sys.argv[1])) as write:
    for rows in json.loads(sys.argv[2]):
        write(rows)
    assert sys.argv[3] == "0"
"""


def wandb_in_a_process(run: Run, *calls: list[dict[str, Any]], code: int) -> None:
    """Log to W&B as a run does: one process, one run of theirs, told to stay on this machine."""
    places = dict.fromkeys(("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"), str(run.path.parent / "home"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")} | OFFLINE | places
    done = subprocess.run([sys.executable, "-c", LOG, run.path, json.dumps(calls), str(code)], cwd=IMPORTS, env=environment, check=False)
    assert done.returncode == code


def wandb_records(file: Path) -> Iterator[Any]:
    """The records in a .wandb file shorter than a block of 32 KiB: after 7 bytes, sum, length, kind, bytes."""
    records = importlib.import_module("wandb.proto.wandb_internal_pb2")
    data, at = file.read_bytes(), 7
    assert len(data) < 2**15
    while at < len(data):
        _, length, _ = struct.unpack_from("<IHB", data, at)
        yield records.Record.FromString(data[at + 7 : at + 7 + length])
        at += 7 + length


@needs_wandb
def test_wandb_offline_is_one_run_of_theirs_with_our_steps(run: Run):
    wandb_in_a_process(run, rows(4) + rows(8), code=0)
    wandb_in_a_process(run, rows(5), code=1)  # resumed from a checkpoint at step 4, and failed
    files = list((run.path / "wandb").glob("offline-run-*/*.wandb"))
    records = [record for file in files for record in wandb_records(file)]
    assert {record.run.run_id for record in records if record.HasField("run")} == {json.loads((run.path / "wandb.json").read_text())["id"]}
    histories = [{item.nested_key[0] if item.nested_key else item.key: item.value_json for item in r.history.item} for r in records]
    logged = {history["step"]: {name: float(x) for name, x in history.items() if "/" in name} for history in histories if history}
    assert logged == {
        str(step): {"valid/accuracy/seed 0": step / 8, "valid/topsim/seed 0": 0.5, "valid/accuracy/seed 1": 0.25} for step in (4, 5, 8)
    }
    assert {record.exit.exit_code for record in records if record.HasField("exit")} == {0, 1}


@needs_wandb
def test_wandb_that_refuses_says_why(run: Run, monkeypatch: pytest.MonkeyPatch):
    client = importlib.import_module("wandb")

    def refuse(**_: Any):
        raise client.Error("no API key configured")

    monkeypatch.setattr(client, "init", refuse)
    with pytest.raises(UsageError, match=r"^Weights & Biases refuses: no API key configured; WANDB_MODE=offline"), sinks.wandb(run):
        pass


@pytest.mark.parametrize(
    ("sink", "package", "extra"), [(sinks.tensorboard, "tensorboardX", "tensorboard"), (sinks.wandb, "wandb", "wandb")]
)
def test_a_missing_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, sink: Any, package: str, extra: str):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match=rf"{package} is not installed: pip install 'semiosis\[{extra}\]'$"), sink(run):
        pass
    assert sorted(file.name for file in run.path.iterdir()) == [".lock", "config.json"]
