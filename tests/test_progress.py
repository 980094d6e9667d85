"""Progress: numbers said right, a bar on a terminal, and few whole lines elsewhere."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import semiosis
from semiosis.runs import progress as module
from semiosis.runs.progress import describe, duration, figure, progress

IMPORTS = Path(semiosis.__file__).parents[1]  # where a process that a test starts finds the package


class Clock:
    """A time that stands still until it is told."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_words():
    assert [duration(seconds) for seconds in (-1.0, 0.0, 7.4, 754.0, 3723.0)] == ["0:00", "0:00", "0:07", "12:34", "1:02:03"]
    assert figure("accuracy", (0.9123, 0.0109)) == "accuracy 0.912 ± 0.011"
    assert figure("accuracy", (0.9123, None)) == "accuracy 0.912"
    assert figure("topsim", (float("nan"), 0.1)) == figure("topsim", (None, None)) == "topsim undefined"
    assert describe(1200, 4000, 412.3, {"accuracy": (0.5, 0.25)}) == (
        "step 1,200 of 4,000 (30%), 412 steps/s, 0:07 left, accuracy 0.500 ± 0.250"
    )
    assert describe(0, 0, 0.0, {}) == "step 0 of 0"
    assert describe(1, 10, 0.125, {}) == "step 1 of 10 (10%), 0.12 steps/s, 1:12 left"


def test_lines_are_the_first_the_last_and_one_every_few_seconds(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with progress(100, 0, "lewis", every=5.0) as update:
        for step in range(10, 101, 10):
            clock.now += 2
            update(step, {"accuracy": (step / 100, None)})
    lines = capsys.readouterr().out.splitlines()
    assert [int(re.findall(r"step (\d+) of 100", line)[0]) for line in lines] == [10, 40, 70, 100]
    assert lines[0] == "lewis: step 10 of 100 (10%), 5 steps/s, 0:18 left, accuracy 0.100"
    assert lines[-1] == "lewis: step 100 of 100 (100%), 5 steps/s, 0:00 left, accuracy 1.000"


def test_the_last_line_is_shown_however_the_run_ends(clock: Clock, capsys: pytest.CaptureFixture[str]):
    def interrupted() -> None:
        with progress(100, 50, "lewis") as update:
            for step in (60, 70):
                clock.now += 1
                update(step, {})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr().out.splitlines() == [
        "lewis: step 60 of 100 (60%), 10 steps/s, 0:04 left",
        "lewis: step 70 of 100 (70%), 10 steps/s, 0:03 left",
    ]


def test_a_note_stands_below_its_line_and_is_shown_as_seldom(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with progress(100, 0, "dialogue", every=5.0) as update:
        for step in range(10, 101, 10):
            clock.now += 2
            update(step, {"accuracy": (0.5, None)}, "" if step == 70 else f"[what] they said\nat {step}")
    lines = capsys.readouterr().out.splitlines()
    shown = [line.split(" of ")[0] if line.startswith("dialogue: ") else line for line in lines]
    of = lambda step: [f"dialogue: step {step}", "[what] they said", f"at {step}"]  # noqa: E731
    assert shown == [*of(10), *of(40), "dialogue: step 70", *of(100)]


def test_the_note_of_the_last_line_is_shown_however_the_run_ends(clock: Clock, capsys: pytest.CaptureFixture[str]):
    def interrupted() -> None:
        with progress(100, 0, "dialogue") as update:
            for step in (10, 20, 30):
                clock.now += 1
                update(step, {}, f"note {step}")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" of ")[0] for line in lines] == ["dialogue: step 10", "note 10", "dialogue: step 30", "note 30"]


def test_a_warning_is_shown_at_once_and_below_its_line(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with progress(100, 0, "lewis", every=5.0) as update:
        for step in range(10, 101, 10):
            clock.now += 1
            update(step, {"accuracy": (0.1, None)}, "a note" if step == 30 else "", ["a leak", "a collapse"] if step == 30 else [])
    shown = [line.split(" of ")[0] for line in capsys.readouterr().out.splitlines()]
    told = ["a note", "warning at step 30: a leak", "warning at step 30: a collapse"]
    assert shown == ["lewis: step 10", "lewis: step 30", *told, "lewis: step 80", "lewis: step 100"]


def test_the_rate_forgets_the_compilation(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with progress(1000, 0, "lewis", every=0.0) as update:
        clock.now += 60
        for step in range(10, 400, 10):
            clock.now += 1
            update(step, {})
    lines = capsys.readouterr().out.splitlines()
    assert "0.16 steps/s" in lines[0]
    assert ", 10 steps/s," in lines[-1]


def test_a_terminal_gets_a_bar():
    program = """
from semiosis.runs.progress import progress
with progress(100, 40, "lewis") as update:
    update(70, {"accuracy": (0.9123, 0.0109), "topsim": (0.4, 0.1)}, "[b]a note\\n▁▃ 01")
    update(71, {"accuracy": (0.9123, 0.0109)}, "another, too soon", ["a leak: [red] 0.5"])
    print("saved")
    update(100, {"accuracy": (0.95, None)})
"""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"}
    subprocess.run([sys.executable, "-c", program], cwd=IMPORTS, env=environment, stdout=theirs, stderr=theirs, check=True)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 2**16):
            shown += part
    except OSError:  # the end of a terminal that nobody writes to any more
        pass
    finally:
        os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"lewis .*━.* 70% .*steps/s, 0:0\d left, accuracy 0\.912 ± 0\.011", text)
    assert re.search(r"(^|\n|\r)saved", text)
    assert re.search(r"(^|\n|\r)\[b\]a note *\r*\n▁▃ 01", text)  # as it is written: no markup
    assert "too soon" not in text
    assert re.search(r"(^|\n|\r)warning at step 71: a leak: \[red\] 0\.5", text)
    assert re.search(r"lewis .*100% .*accuracy 0\.950", text)
