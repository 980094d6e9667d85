"""`semiosis report`: where it writes, what it evaluates first, and what it answers to mistakes."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from semiosis import cli

TINY = ("--preset", "tiny", "--devices", "1", "--steps", "2", "--seeds", "2")
Tell = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two seeds that was never evaluated; for copying."""
    path = tmp_path_factory.mktemp("report") / "lewis"
    assert cli.main(["train", "lewis", *TINY, "--out", str(path)]) == 0
    return path


def test_a_run_is_evaluated_first_and_its_page_lies_in_it(trained: Path, tell: Tell, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    status, out, err = tell("report", run, "--no-evaluate")
    assert (status, err) == (0, f"semiosis: {run} was never evaluated: the report says so\n")
    assert not (run / "evaluation.json").exists()
    assert "The run has not been evaluated." in (run / "report.html").read_text()
    status, out, err = tell("report", run)
    assert (status, err) == (0, f"semiosis: {run} was never evaluated: evaluating it first\n")
    assert re.fullmatch(rf"written: {run}/report\.html \(\d\.\d MB\), \d+ figures and tables in {run}/report\n", out)
    mean = json.loads((run / "evaluation.json").read_text())["metrics"]["accuracy"]["mean"]
    text = (run / "report.html").read_text()
    assert f"<b>{mean:.3f}</b>" in text
    assert "Lexicon" in text
    assert "semiosis train lewis --preset tiny --steps 2 --seeds 2 --devices 1" in re.sub("</?span>", "", text)
    before = (run / "evaluation.json").stat().st_mtime_ns
    assert tell("report", run)[2] == ""  # and not evaluated again
    assert (run / "evaluation.json").stat().st_mtime_ns == before
    assert (run / "report.html").read_text() == text
    judged = json.loads((run / "evaluation.json").read_text())
    (run / "evaluation.json").write_text(json.dumps(judged | {"step": 1}))
    os.utime(run / "evaluation.json", (0, 0))
    assert tell("report", run, "--no-evaluate")[2] == f"semiosis: {run} has learned on since step 1: the report says so\n"
    assert "1 of 2 trained" in (run / "report.html").read_text()


def test_a_report_of_several_lies_in_the_folder_that_holds_them(
    trained: Path, tell: Tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("runs/a", "runs/b", "other/c"):
        shutil.copytree(trained, place)
    assert tell("report", "runs/a", "runs/b", "--no-evaluate")[0] == 0
    assert "The Lewis game: a and b" in Path("runs/report.html").read_text()
    assert tell("report", "runs/a", "other/c", "--no-evaluate")[0] == 0
    assert Path("report.html").exists()
    assert tell("report", "runs/a", "--no-evaluate", "--out", "there")[0] == 0
    assert Path("there/report/tables/metrics.csv").exists()
    assert not Path("runs/a/report.html").exists()


def test_mistakes(trained: Path, tell: Tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, "run")
    Path("file").touch()
    for arguments, sentence in {
        (): "report needs one run directory or more",
        ("run", "../" + tmp_path.name + "/run"): "a directory stands twice",
        ("none",): "none is no run directory: there is no such directory",
        ("run", "--no-evaluate", "--out", "file"): "cannot create file/report",
    }.items():
        status, out, err = tell("report", *arguments)
        assert (status, out) == (2, ""), arguments
        assert sentence in err.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run"]
    assert not (tmp_path / "run" / "report").exists()
    (tmp_path / "run" / "evaluation.json").write_text('{"step": 2}')
    status, _, err = tell("report", "run")
    assert (status, err.count("\n")) == (2, 1)
    assert "evaluation.json is not as semiosis writes it: it has no metrics and no seeds; delete it, or make it anew" in err
