"""Runs whose messages are images, at the command line: evaluated, filmed, probed, crossed and resumed; one run serves all tests."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semiosis import cli
from semiosis.runs import directory, film, history, session
from semiosis.runs.checkpoints import read_arrays
from semiosis.runs.records import read_metrics
from semiosis.runs.tampering import UNIFORM

# a channel that rises one level after each five steps, whatever is understood; one operation and few pixels: quick to compile
RISING = ("--curriculum", "loss", "--raise-below", "1e6", "--lower-above", "2e6", "--judge-every", "5")
PLAIN = ("--generator", "cppn", "--cppn-depth", "0", "--norm", "none", "--operations", "static")
SMALL = ("--side", "4", "--filters", "1", *PLAIN)
TINY = ("--preset", "tiny", "--steps", "20", "--log-every", "5", "--save-every", "10", "--keep", "9", "--seeds", "0,3", "--devices", "1")
LEVELS = [f"accuracy@level-{level}" for level in range(16)]
PNG = b"\x89PNG"
Tell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mistake(tell: Tell) -> Callable[..., str]:
    """The one sentence that a command answers a mistake with; nothing is written in the run that it names."""

    def sentence(command: str, run: Path, *args: Any) -> str:
        before = listing(run)
        status, out, err = tell(command, run, *args)
        assert (status, out) == (2, ""), (out, err)
        assert re.fullmatch(r"semiosis: [^\n]+\n", err), err
        assert listing(run) == before
        return err.removeprefix("semiosis: ").rstrip("\n")

    return sentence


def listing(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder and what it holds, but for the locks."""
    found = sorted(path for path in folder.rglob("*") if path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the seeds 0 and 3 with lines and glyphs at 5, 10, 15 and 20 and checkpoints at 0, 10 and 20; for looking at."""
    path = tmp_path_factory.mktemp("cli") / "glyph"
    assert cli.main(["train", "glyph", *TINY, *SMALL, *RISING, "--out", str(path)]) == 0
    return path


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """The run, to be written in."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


@pytest.fixture
def wordless(trained: Path, tmp_path: Path) -> Path:
    """The run without its images, as that of a game that draws none."""
    path = Path(shutil.copytree(trained, tmp_path / "wordless"))
    shutil.rmtree(path / "history")
    return path


def frames(path: Path) -> list[np.ndarray]:
    """The frames of a GIF, as they are shown."""
    with Image.open(path) as opened:
        return [np.array(opened.convert("RGB")) for at in range(opened.n_frames) if opened.seek(at) is None]  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------------------------------- resume


def test_a_resumed_run_is_the_unbroken_one_the_level_included(copy: Path, trained: Path, tell: Tell):
    (copy / "metrics.jsonl").write_bytes((trained / "metrics.jsonl").read_bytes() + b'{"step": 20, "se')  # as it is when killed
    shutil.rmtree(copy / "checkpoints" / "000000020")
    assert tell("resume", copy)[0] == 0
    whole, resumed = (read_arrays(run / "checkpoints" / "000000020") for run in (trained, copy))
    assert whole.keys() == resumed.keys()
    assert all(whole[name].tobytes() == resumed[name].tobytes() for name in whole)
    level = next(array for name, array in whole.items() if name.endswith("level"))
    assert level.tolist() == [[4], [4]]  # of both seeds: after 5, 10, 15 and 20 steps
    assert read_metrics(directory.open_run(copy)) == read_metrics(directory.open_run(trained))
    before, after = (history.read(directory.open_run(run)) for run in (trained, copy))
    assert sorted(after) == sorted(before) == [5, 10, 15, 20]
    assert all(np.array_equal(after[step][name], array) for step in before for name, array in before[step].items())


def test_the_lines_tell_the_level_at_which_they_were_played(trained: Path):
    rows = [row for row in read_metrics(directory.open_run(trained)) if row["split"] == "train"]
    assert [(row["step"], row["seed"], row["level"]) for row in rows] == [(5 * i, seed, i - 1.0) for i in (1, 2, 3, 4) for seed in (0, 3)]
    kept = history.read(directory.open_run(trained))
    assert [kept[step]["level"].tolist() for step in (5, 20)] == [[[1], [1]], [[4], [4]]]
    assert kept[5]["drawn"].shape == kept[5]["arrived"].shape == (2, 6, 4, 4, 1)
    assert kept[5]["drawn"].dtype == np.uint8


# -------------------------------------------------------------------------------------------------------------- evaluate


def test_evaluate_judges_every_level_and_draws_the_glyphs(copy: Path, tell: Tell):
    status, out, err = tell("evaluate", copy)
    assert (status, err) == (0, "")
    assert max(map(len, out.partition("written: ")[0].splitlines())) <= 80
    result = json.loads((copy / "evaluation.json").read_text())
    assert (result["game"], result["step"], result["split"], result["seeds"]) == ("glyph", 20, "test", [0, 3])
    table = result["metrics"]
    looks = {"glyph_distance", "nearest_glyph", "ink", "colours"}
    figures = {"bits", "no_signal_auroc", "level", "causal_influence", *looks, *(f"accuracy_{how}" for how in UNIFORM)}
    assert {"accuracy", "loss", *LEVELS, *figures} == table.keys()
    for title, entry in table.items():
        assert {"mean", "low", "high", "per_seed", "chance", "n"} <= entry.keys()
        assert len(entry["per_seed"]) == 2
        # without noise a message is one trial, however often it is sent, and one glyph
        assert entry["n"] == (6 if title in {"accuracy@level-0", *looks} else 64), title
        assert entry["chance"] == (pytest.approx(1 / 6) if title.startswith("accuracy") else None)
    assert table["level"]["per_seed"] == [4.0, 4.0]
    by_level = [line for line in out.splitlines() if line.startswith("accuracy at level ")]
    assert [int(line.split()[3]) for line in by_level] == list(range(16))
    drawn = {"curves.png", "alphabet.png", "alphabet.svg", "glyphs.png", "answers.png", "levels.png", "interventions.png"}
    assert {path.name for path in (copy / "figures").iterdir()} == drawn
    for name in drawn:
        assert (copy / "figures" / name).read_bytes().startswith(PNG if name.endswith(".png") else b"<?xml")
        assert f"figures/{name}" in "".join(out.split("\n"))

    status, out, err = tell("evaluate", copy, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == result


def test_another_split_has_no_exams_of_levels(copy: Path, tell: Tell):
    assert tell("evaluate", copy, "--split", "valid")[0] == 0
    result = json.loads((copy / "evaluation-valid.json").read_text())
    assert not [title for title in result["metrics"] if "@" in title]
    assert {path.name for path in (copy / "figures").iterdir()} == {
        "curves.png", "alphabet-valid.png", "alphabet-valid.svg", "glyphs-valid.png", "answers-valid.png", "interventions-valid.png"
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------ film


def test_the_film_has_a_frame_for_each_line(copy: Path, tell: Tell):
    status, out, err = tell("film", copy, "--formats", "gif", "--glyphs", "4")
    home = copy / "figures"
    assert (status, err) == (0, "")
    assert out == f"written: {home / 'film.gif'}, {home / 'between.gif'}\n"
    assert {path.name for path in home.iterdir()} == {"film.gif", "between.gif"}
    lines = {row["step"] for row in read_metrics(directory.open_run(copy))}
    shown = frames(home / "film.gif")
    assert len(shown) == len(lines) == 4
    bars = [int((frame[-1] == shown[-1][-1, 0]).all(-1).sum()) for frame in shown]
    assert bars == [round(frame.shape[1] * i / 4) for i, frame in enumerate(shown, 1)]
    assert len(frames(home / "between.gif")) == 4 * 8  # eight from one message to the next


def test_films_of_another_seed_of_fewer_shots_and_glyphs(copy: Path, tell: Tell):
    assert tell("film", copy, "--formats", "gif", "--glyphs", "2", "--shots", "2", "--seed", "3")[0] == 0
    assert {path.name for path in (copy / "figures").iterdir()} == {"film-seed-3.gif", "between-seed-3.gif"}
    assert len(frames(copy / "figures" / "film-seed-3.gif")) == 2
    assert len(frames(copy / "figures" / "between-seed-3.gif")) == 2 * 8


def test_shots_are_what_the_history_keeps(trained: Path):
    opened = session.reopen(session.open_run(trained), cli.GAMES, "newest", say=pytest.fail)
    kept = history.read(directory.open_run(trained))
    shots = film.past(opened, 1, 3)
    assert [(shot.step, shot.share, shot.level) for shot in shots] == [(5, 0.25, 1.0), (15, 0.75, 3.0), (20, 1.0, 4.0)]
    for shot in shots:
        assert np.array_equal(np.round(shot.drawn * 255), kept[shot.step]["drawn"][1])
        assert np.array_equal(np.round(shot.beside * 255), kept[shot.step]["arrived"][1])
        assert shot.meant.tolist() == [[0], [1], [2], [3], [4], [5]]
        assert shot.symbols == 6
    assert not np.array_equal(kept[5]["drawn"][0], kept[5]["drawn"][1])
    assert [shot.step for shot in film.past(opened, 0, 1)] == [20]
    assert [shot.step for shot in film.past(opened, 0, 99)] == [5, 10, 15, 20]

    way = list(film.between(opened, 1, count=4, steps=2))
    assert [share for share, _ in way] == [i / 8 for i in range(8)]
    assert all(images.shape == (4, 4, 4, 1) for _, images in way)
    np.testing.assert_allclose(way[0][1], shots[-1].drawn[:4], atol=0.5 / 255 + 1e-6)  # at the stops, the glyphs of the newest world
    np.testing.assert_allclose(way[2][1], shots[-1].drawn[[1, 2, 3, 0]], atol=0.5 / 255 + 1e-6)


@pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="MP4 needs av, which the extra `film` brings")
def test_an_mp4_stands_beside_the_gif(copy: Path, tell: Tell):
    import av

    assert tell("film", copy, "--glyphs", "2")[0] == 0
    home = copy / "figures"
    assert {path.name for path in home.iterdir()} == {"film.gif", "film.mp4", "between.gif", "between.mp4"}
    for name, count in (("film", 4), ("between", 16)):
        with av.open(str(home / f"{name}.mp4")) as opened:
            assert sum(1 for _ in opened.decode(video=0)) == count
            assert opened.streams.video[0].average_rate == 12
            size = opened.streams.video[0].height, opened.streams.video[0].width
        assert size == frames(home / f"{name}.gif")[0].shape[:2]


def test_who_has_no_av_is_told_before_anything_is_written(trained: Path, mistake: Callable[..., str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "av", None)
    for formats in ((), ("--formats", "mp4"), ("--formats", "gif", "mp4")):
        assert "pip install 'semiosis[film]'" in mistake("film", trained, *formats)


@pytest.mark.parametrize(("flags", "sentence"), [
    (["--seed", "1"], "{run} has no seed 1: its seeds are 0, 3"),
    (["--shots", "0"], "shots is 0: expected 1 or more"),
    (["--glyphs", "1"], "glyphs is 1: expected 2 or more"),
    (["--fps", "0"], "fps is 0.0: expected 0.1 to 50 frames a second"),
    (["--fps", "nan"], "fps is nan: expected 0.1 to 50 frames a second"),
    (["--fps", "0.001"], "fps is 0.001: expected 0.1 to 50 frames a second"),  # more than a GIF can count
    (["--fps", "51"], "fps is 51.0: expected 0.1 to 50 frames a second"),
    (["--formats"], "no formats: expected gif, mp4 or both"),
    (["--checkpoint", "7"], "{run} has no whole checkpoint to load as 7: steps saved are 0, 10, 20"),
])  # fmt: skip
def test_a_film_that_cannot_be(flags: list[str], sentence: str, trained: Path, mistake: Callable[..., str]):
    gif = [] if "--formats" in flags else ["--formats", "gif"]
    assert mistake("film", trained, *gif, *flags).startswith(sentence.format(run=trained))


@pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="MP4 needs av, which the extra `film` brings")
def test_a_rate_that_only_one_format_has_is_told_before_the_other_is_written(trained: Path, mistake: Callable[..., str]):
    assert mistake("film", trained, "--formats", "mp4", "gif", "--fps", "100") == "fps is 100.0: expected 0.1 to 50 frames a second"


def test_runs_without_images_cannot_be_filmed(wordless: Path, mistake: Callable[..., str], tmp_path: Path):
    expected = f"{wordless} keeps no images to film: expected a run of a game that draws, such as glyph"
    assert mistake("film", wordless, "--formats", "gif") == expected
    (wordless / "history").mkdir()
    np.savez(wordless / "history" / "000000005.npz", signs=np.zeros((2, 3)))  # what other games keep
    assert mistake("film", wordless, "--formats", "gif") == expected


# ---------------------------------------------------------------------------------------------- probe, crossplay, the rest


def test_fresh_readers_learn_noisy_glyphs(copy: Path, tell: Tell):
    before = listing(copy / "checkpoints")
    status, out, _ = tell("probe", copy, "--task", "noisy", "--steps", "2", "--listeners", "1")
    assert status == 0
    assert "ease of learning  ·  noisy, accuracy" in out
    assert max(map(len, out.partition("written: ")[0].partition("ease")[2].splitlines())) <= 80
    result = json.loads((copy / "probe-noisy.json").read_text())
    assert (result["task"], result["measure"]) == ("noisy", "accuracy")
    assert result["curves"].keys() == {"its language", "untrained speakers"}
    assert all(np.shape(curve["value"]) == (2, 2) for curve in result["curves"].values())
    assert (copy / "figures" / "probe-noisy.png").read_bytes().startswith(PNG)
    assert listing(copy / "checkpoints") == before


def test_what_glyphs_are_not_asked_for(trained: Path, mistake: Callable[..., str]):
    assert mistake("probe", trained, "--task", "discrimination") == "unknown task 'discrimination': known are clean, noisy"
    assert "imagine nothing" in mistake("recall", trained)
    assert mistake("evaluate", trained, "--candidates", "5") == "the game glyph has no setting 'evaluation_candidates' to judge with"
    assert "set --data none, or --encoding dense to draw 'digits'" in mistake("evaluate", trained, "--data", "digits")


def test_seeds_read_each_others_glyphs(copy: Path, tell: Tell):
    status, out, err = tell("crossplay", copy, "--split", "valid", "--json")
    assert (status, err) == (0, "")
    result = json.loads(out)
    assert (result["names"], result["chance"]) == (["seed 0", "seed 3"], pytest.approx(1 / 6))
    assert np.shape(result["accuracy"]) == (2, 2)
    last = [row for row in read_metrics(directory.open_run(copy)) if (row["step"], row["split"]) == (20, "valid")]
    assert np.diag(result["accuracy"]) == pytest.approx([row["accuracy"] for row in last], abs=1e-6)
    assert (copy / "figures" / "crossplay.png").read_bytes().startswith(PNG)


def test_describe_tells_each_agent_and_the_difficulty(trained: Path, tell: Tell):
    status, out, err = tell("describe", "glyph", "--preset", "tiny", *SMALL)
    assert (status, err) == (0, "")
    sizes = dict.fromkeys(("generator", "reader"), 0)
    for name, array in read_arrays(trained / "checkpoints" / "000000020").items():
        if ".net" in name or "/net" in name:
            sizes[next(role for role in sizes if role in name)] += array[0, 0].size
    lines = out.splitlines()
    assert [line.split()[-1] for line in lines if line.startswith("  each")] == [f"{size:,}" for size in sizes.values()]
    assert next(line for line in lines if line.startswith("all agents")).split()[-1] == f"{sum(sizes.values()):,}"
    assert any(line.split() == ["difficulty", "state"] for line in lines)
    assert max(map(len, lines)) <= 80
    assert tell("describe", "glyph", "--preset", "tiny", *SMALL, "--collapse", "0.1")[1].splitlines()[-2:] == lines[-2:]


def test_no_data_is_nothing_to_look_at(tell: Tell, tmp_path: Path):
    status, out, err = tell("data", "none", "--out", tmp_path / "sheet.png")
    assert (status, out) == (2, "")
    assert err == "semiosis: 'none' is no data: there is nothing to show of it\n"
    assert not list(tmp_path.iterdir())
    assert "none" in tell("data")[1]
    status, out, err = tell("train", "lewis", "--preset", "tiny", "--data", "none", "--out", tmp_path / "run")
    assert (status, out) == (2, "")
    assert err == "semiosis: this game needs data, and 'none' has none: choose a data set that `semiosis data` lists\n"
    assert not (tmp_path / "run").exists()
