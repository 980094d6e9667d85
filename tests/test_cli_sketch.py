"""Runs of the sketch game at the command line: evaluated, kept as games, recognised, filmed, crossed, probed, resumed; one run for all."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semiosis import cli
from semiosis.runs import directory, gamelogs, history
from semiosis.runs.checkpoints import read_arrays

TINY = ("--preset", "tiny", "--steps", "20", "--log-every", "10", "--save-every", "10", "--keep", "9", "--seeds", "0,3", "--devices", "1")
FROZEN = ("--no-backbone-learns", "--strokes", "2")
Tell = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the seeds 0 and 3 with lines at 10 and 20 and checkpoints at 0, 10 and 20; for looking at."""
    path = tmp_path_factory.mktemp("cli") / "sketch"
    assert cli.main(["train", "sketch", *TINY, *FROZEN, "--out", str(path)]) == 0
    return path


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """The run, to be written in."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def test_an_evaluation_tells_and_shows_what_is_drawn(tell: Tell, copy: Path):
    status, out, err = tell("evaluate", copy)
    assert (status, err) == (0, "")
    result = json.loads((copy / "evaluation.json").read_text())
    table = result["metrics"]
    assert table["accuracy"]["chance"] == table["accuracy_silent"]["chance"] == 0.1
    assert {"accuracy_shuffled", "accuracy_truncated", "accuracy_noise", "causal_influence", "top_5", "ink", "strokes"} <= set(table)
    assert not {"glyph_distance", "colours"} & set(table)  # of alphabets
    for words in ("  silence", "  half of each message", "strokes in use", "right among the best 5"):
        assert words in out
    figures = copy / "figures"
    for name in ("curves", "interventions", "sketches", "gallery", "prototypes", "classes", "seeds"):
        with Image.open(figures / f"{name}.png") as picture:
            assert picture.size[0] > 600
    drawings = sorted((figures / "svg").glob("*.svg"))
    assert len(drawings) == 12
    root = ET.parse(drawings[0]).getroot()
    assert root.tag.endswith("svg")
    assert len(list(root.iter())) > 2  # paper and strokes


def test_games_are_kept_sampled_and_played(tell: Tell, copy: Path, tmp_path: Path):
    status, out, err = tell("gamelogs", copy, "--sample", "7", "--play", "0", "2", "--receiver", copy)
    assert (status, err) == (0, "")
    whole, some = (gamelogs.read(copy / f"gamelogs-receiver-copy{end}") for end in ("", "-sampled"))
    assert (len(whole.target), len(some.target)) == (120, 7)
    assert (whole.labels[whole.seen] == whole.labels[whole.right]).all()
    assert (whole.seen == whole.right).all()
    assert "7 games, " in out
    page = (copy / "gamelogs-receiver-copy-sampled" / "play.html").read_text()
    assert page.count("data:image/png;base64,") >= 2 * 11
    again = tell("gamelogs", copy / "gamelogs-receiver-copy", "--sample", "7", "--out", tmp_path / "again")
    assert again[0] == 0
    assert (tmp_path / "again" / "games.json").read_bytes() == (copy / "gamelogs-receiver-copy-sampled" / "games.json").read_bytes()


def test_a_damaged_picture_is_drawn_again_and_a_strangers_games_lie_apart(tell: Tell, copy: Path):
    assert tell("gamelogs", copy)[0] == 0
    picture = next((copy / "gamelogs" / "sketch-images").iterdir())
    picture.write_bytes(b"damaged")
    assert tell("gamelogs", copy)[0] == 0
    with Image.open(picture) as image:
        assert image.size == (8, 8)
    assert tell("gamelogs", copy, "--receiver", copy, "--checkpoint", "10")[0] == 0
    assert (copy / "gamelogs-checkpoint-10-receiver-copy" / "games.json").exists()


def test_the_logged_accuracy_is_that_of_the_evaluation(tell: Tell, copy: Path):
    assert tell("evaluate", copy, "--json")[0] == 0
    assert tell("gamelogs", copy, "--seed", "3", "--out", copy / "logs")[0] == 0
    table = json.loads((copy / "evaluation.json").read_text())["metrics"]
    games = gamelogs.read(copy / "logs")
    assert games.correct.mean() == pytest.approx(table["accuracy"]["per_seed"][1], abs=1e-6)
    inverted = np.abs(games.sketches).mean()
    assert inverted == pytest.approx(table["ink"]["per_seed"][1], abs=0.005)  # of 8 bits, light on black


def test_a_classifier_of_photos_is_shown_the_sketches(tell: Tell, copy: Path):
    status, out, err = tell("recognise", copy, "--steps", "20", "--classifiers", "2")
    assert (status, err) == (0, "")
    told = json.loads((copy / "recognised.json").read_text())
    assert [each["seed"] for each in told["sketches"]] == [0, 3]
    assert "sketches" in out
    assert (copy / "figures" / "recognised.png").exists()


def test_a_film_shows_photos_and_what_became_of_their_sketches(tell: Tell, copy: Path):
    assert tell("film", copy, "--formats", "gif", "--glyphs", "2")[0] == 0
    kept = history.read(directory.open_run(copy))
    assert sorted(kept) == [10, 20]
    assert kept[20]["drawn"].shape == kept[20]["photo"].shape == (2, 12, 8, 8, 1)
    with Image.open(copy / "figures" / "film.gif") as film, Image.open(copy / "figures" / "between.gif") as between:
        assert film.n_frames == 2
        assert between.n_frames > 2


def test_strangers_and_newborns_read_the_sketches(tell: Tell, copy: Path):
    assert tell("crossplay", copy)[0] == 0
    assert np.array(json.loads((copy / "crossplay.json").read_text())["accuracy"]).shape == (2, 2)
    assert tell("probe", copy, "--steps", "4", "--listeners", "1")[0] == 0
    assert json.loads((copy / "probe-discrimination.json").read_text())["measure"] == "accuracy"


def test_a_resumed_run_is_the_unbroken_one(tell: Tell, trained: Path, copy: Path):
    shutil.rmtree(copy / "checkpoints" / "000000020")
    assert tell("resume", copy)[0] == 0
    again, whole = (read_arrays(run / "checkpoints" / "000000020") for run in (copy, trained))
    assert again.keys() == whole.keys()
    assert all(np.array_equal(again[name], whole[name]) for name in whole)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("gamelogs RUN --sample -1", "sample is -1: expected 0 or more"),
        ("gamelogs RUN --sample 1000", "1000"),
        ("gamelogs RUN --split tset", "unknown split 'tset'"),
        ("gamelogs RUN --seed 7", "has no seed 7: its seeds are 0, 3"),
        ("gamelogs RUN --sample 5 --play 0 99", "--play 99: there is no such game, expected 0 to 4"),
        ("gamelogs nowhere", "nowhere"),
        ("recognise", "recognise needs one run directory or more"),
        ("recognise RUN --steps 0", "steps 0 must both be 1 or more"),
        ("recognise RUN --clip nowhere", "nowhere"),
        ("train sketch --preset tiny --data words", "the sketch game needs images, and 'words' has none"),
        ("train sketch --preset tiny --data none", "this game needs data, and 'none' has none"),
        ("train sketch --preset tiny --backbone vgg16 --layer relu1_2 --no-backbone-learns --weights no.pth", "no.pth"),
        ("train sketch --preset tiny --game different --data nothing", "unknown data 'nothing'"),
    ],
)
def test_a_mistake_is_one_sentence(tell: Tell, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, sentence: str):
    monkeypatch.chdir(tmp_path)
    status, out, err = tell(*(str(copy) if word == "RUN" else word for word in line.split()))
    assert (status, out) == (2, ""), (out, err)
    assert err.startswith("semiosis: ")
    assert err.count("\n") == 1
    assert sentence in err
    assert not (tmp_path / "runs").exists()
