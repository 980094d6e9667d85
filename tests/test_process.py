"""A real `semiosis train` that is stopped, killed, or out of disk: what it leaves is a run that goes on, bit for bit as if unbroken."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semiosis import cli
from semiosis.runs import checkpoints, directory, session
from semiosis.runs.records import read_metrics

# A game that starts fast: nothing of it is learned, all of it depends on every step, scene and key before.
GAME = """
import os, time
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from semiosis import channels
from semiosis.scenes.referential import References
from semiosis.types import Episode, Exam, Experiment, Phase, Utterance

print("reading", flush=True)
time.sleep(float(os.environ.get("SLOW", 0)))


@dataclass(frozen=True)
class Config:
    data: str = "features.npz"
    steps: int = 450


class Walk(NamedTuple):
    place: jax.Array
    seen: jax.Array


def make(config, data):
    def walk(sign):
        def rule(world, turn):
            place = 0.99 * world.place + sign * jax.random.normal(turn.key, world.place.shape) + turn.scene.seen.mean()
            return Walk(place, world.seen + turn.scene.example.sum()), {"loss": jnp.abs(place).mean(), "place": place[0]}

        return rule

    def play(world, scene, key, channel=channels.clear):
        loss = jnp.abs(scene.seen.mean(1) - world.place.mean())
        said = Utterance(jnp.ones((len(loss), 1, 1)), jnp.ones(len(loss), jnp.int32))
        return Episode((said,), scene.target, scene.target, loss, -loss, {"index": scene.example, "input": scene.seen})

    scenes = {part: References(split, 8) for part, split in data.splits.items()}
    phases = tuple(Phase(name, walk(sign), scenes["train"], steps) for name, sign, steps in (("up", 1.0, 7), ("down", -1.0, 5)))
    exams = {"valid": Exam(scenes["valid"], 1, 0.5)}
    return Experiment(lambda key: Walk(jax.random.normal(key, (4096,)), jnp.int32(0)), phases, play, exams)


PRESETS = {"tiny": Config()}
"""
PACE = ("--seeds", "2", "--log-every", "2", "--save-every", "3", "--keep", "2")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the game and its data."""
    home = tmp_path_factory.mktemp("process")
    (home / "game.py").write_text(GAME)
    np.savez(home / "features.npz", features=np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32))
    return home


@contextmanager
def semiosis(*args: Any, cwd: Path, env: Mapping[str, str] | None = None, limit: int = 0) -> Iterator[subprocess.Popen[str]]:
    """The program in a process of its own, in which no file may grow past `limit` bytes."""
    started = "import resource, sys; from semiosis.cli import main; "
    started += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); " if limit else ""
    program = [sys.executable, "-c", started + "sys.exit(main())"] if limit else [sys.executable, "-m", "semiosis.cli"]
    with subprocess.Popen(
        [*program, *map(str, args)], cwd=cwd, env=os.environ | (env or {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The status of a process that ends by itself, and what it said on standard error."""
    _, err = process.communicate()
    assert "Traceback" not in err
    return process.returncode, err


def until(process: subprocess.Popen[str], word: str) -> None:
    """Wait for a line of the output that has this word."""
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return
    raise AssertionError(f"the process ended before it said {word!r}: {process.communicate()[1]}")


def done(*args: Any, cwd: Path) -> None:
    """A run of the program from start to end."""
    with semiosis(*args, cwd=cwd) as process:
        assert ended(process) == (0, "")


def fingerprint(run: Path) -> tuple[int, str]:
    """The step and the SHA-256 of the newest world of a run that no process holds."""
    opened = directory.open_run(run)
    with directory.lock(opened):
        step = checkpoints.steps(opened)[-1]
    file = run / "checkpoints" / f"{step:09d}" / "world.safetensors"
    checkpoints.read_arrays(file.parent)  # whole
    assert not [entry.name for entry in (*run.iterdir(), *file.parents[1].iterdir()) if entry.suffix in (".tmp", ".old")]
    return step, hashlib.sha256(file.read_bytes()).hexdigest()


def lines(run: Path, split: str) -> list[dict[str, Any]]:
    """The rows of a split; each step and seed stands once."""
    rows = [row for row in read_metrics(directory.open_run(run)) if row["split"] == split]
    places = [(row["step"], row["seed"]) for row in rows]
    assert places == sorted(set(places))
    return rows


@pytest.fixture(scope="module")
def unbroken(home: Path) -> tuple[Path, float]:
    """A run that nothing happened to, and the seconds until it trained; the programs it compiled are remembered."""
    begin = time.monotonic()
    with semiosis("train", "game.py", *PACE, "--out", "unbroken", cwd=home) as process:
        until(process, "step 2 of")
        start = time.monotonic() - begin
        assert ended(process) == (0, "")
    return home / "unbroken", start


def test_a_process_killed_at_any_moment_leaves_a_run_that_goes_on_as_if_unbroken(home: Path, unbroken: tuple[Path, float]):
    """20 times SIGKILL: half of them anywhere in the start-up, half anywhere in the training, its checkpoints included."""
    chance, (whole, start), runs, kills, last = random.Random(0), unbroken, [home / "killed-0"], 0, -1
    while kills < 20:
        if last == 450:  # complete: another run takes the kills that are left
            runs, last = [*runs, home / f"killed-{len(runs)}"], -1
        run = runs[-1]
        begun = (run / "config.json").exists()
        assert begun or not run.exists() or not [entry for entry in run.iterdir() if entry.name[0] != "."]
        args = ["resume", run.name] if begun else ["train", "game.py", *PACE, "--out", run.name]
        with semiosis(*args, cwd=home) as process:
            if kills % 2:
                until(process, " of 450")
                time.sleep(chance.uniform(0, 0.4))
            else:
                time.sleep(chance.uniform(0, start))
            process.kill()
            assert process.communicate()[1] == ""
        assert process.returncode in (0, -signal.SIGKILL)
        kills += process.returncode != 0
        if (run / "checkpoints").exists() and directory.step_folders(run):
            step, _ = fingerprint(run)
            assert step >= last  # what was saved stays saved
            last = step
    if last < 450:
        done(*(["resume", run.name] if (run / "config.json").exists() else ["train", "game.py", *PACE, "--out", run.name]), cwd=home)
    for run in runs:
        assert fingerprint(run) == fingerprint(whole)
        assert (run / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    assert [row["step"] for row in lines(whole, "valid")] == [at for at in range(3, 451, 3) for _ in range(2)]
    assert len(lines(whole, "train")) > 450


assert session.resume  # imported here: a command in this process must not lose time with it while another process runs
LONG = ("game.py", "--seeds", "2", "--steps", "1500", "--log-every", "2", "--save-every", "300")


def test_a_signal_saves_and_ends_cleanly_and_the_run_goes_on_as_if_unbroken(home: Path, capsys: pytest.CaptureFixture[str]):
    done("train", *LONG, "--out", "whole", cwd=home)
    run, stops = home / "stopped", []
    for args, number in ((["train", *LONG, "--out", "stopped"], signal.SIGTERM), (["resume", "stopped"], signal.SIGINT)):
        with semiosis(*args, cwd=home) as process:
            until(process, "of 1,500")
            if number == signal.SIGTERM:  # meanwhile the run is its own
                assert cli.main(["resume", str(run)]) == 2
                told = f"semiosis: {run} is in use by another process ({process.pid}): wait until it ends, or stop it\n"
                assert capsys.readouterr().err == told
            process.send_signal(number)
            message = f"semiosis: stopped by signal {int(number)}, and saved: `semiosis resume stopped` continues\n"
            assert ended(process) == (128 + number, message)
        stops.append(fingerprint(run)[0])
    assert 0 < stops[0] < stops[1] < 1500
    done("resume", "stopped", cwd=home)
    assert fingerprint(run) == fingerprint(home / "whole")
    for split in ("train", "valid"):
        whole, broken = lines(home / "whole", split), lines(run, split)
        assert [row for row in broken if split == "train" or row["step"] not in stops] == whole  # a stop may add a look at valid


@pytest.mark.parametrize(("number", "status", "message"), [(signal.SIGINT, 130, "semiosis: interrupted\n"), (signal.SIGTERM, -15, "")])
def test_a_signal_before_there_is_anything_to_save_leaves_nothing(home: Path, number: signal.Signals, status: int, message: str):
    with semiosis("train", "game.py", *PACE, "--out", "never", cwd=home, env={"SLOW": "60"}) as process:
        until(process, "reading")
        process.send_signal(number)
        assert ended(process) == (status, message)
    assert not (home / "never").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits on file sizes are of Unix")
@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (20_000, r"cannot save the checkpoint of step 0 in full-20000: File too large; nothing was saved before it"),
        (60_000, r"cannot write full-60000/metrics.jsonl: File too large; the lines before are whole"),
    ],
)
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_as_if_unbroken(
    limit: int, sentence: str, home: Path, unbroken: tuple[Path, float]
):
    name = f"full-{limit}"
    with semiosis("train", "game.py", *PACE, "--out", name, cwd=home, limit=limit) as process:
        status, err = ended(process)
    assert status == 2
    assert re.fullmatch(rf"semiosis: {sentence}\n", err)
    assert json.loads((home / name / "config.json").read_text())["config"]["steps"] == 450
    done("resume", name, cwd=home)
    assert fingerprint(home / name) == fingerprint(unbroken[0])
    assert (home / name / "metrics.jsonl").read_bytes() == (unbroken[0] / "metrics.jsonl").read_bytes()
