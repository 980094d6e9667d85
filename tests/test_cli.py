"""The command line: every command does what it says, and every mistake of a user's is one sentence, status 2, nothing written."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from semiosis import cli
from semiosis.commands.bench import Bench
from semiosis.commands.corpus import Corpus
from semiosis.commands.crossplay import Crossplay
from semiosis.commands.data import DataSets
from semiosis.commands.demo import Demo
from semiosis.commands.dialogue_analysis import DialogueAnalysis
from semiosis.commands.evaluate import Evaluate
from semiosis.commands.features import Features
from semiosis.commands.film import Film
from semiosis.commands.gamelogs import GameLogs
from semiosis.commands.metrics import Metrics
from semiosis.commands.probe import Probe
from semiosis.commands.recall import Recall
from semiosis.commands.recognise import Recognise
from semiosis.commands.report import Report
from semiosis.commands.reproduce import Reproduce
from semiosis.commands.resume import Resume
from semiosis.errors import UsageError
from semiosis.runs import bench, directory, loop, recall, session
from semiosis.runs.bench import table
from semiosis.runs.checkpoints import read_arrays
from semiosis.runs.draw import Drawing
from semiosis.runs.evaluate import Finding, _enter
from semiosis.runs.files import to_json
from semiosis.runs.options import Options
from semiosis.runs.probe import Curve, ease_of_learning, summary
from semiosis.runs.records import read_metrics
from semiosis.types import Exam

TINY = ("--preset", "tiny", "--devices", "1")
Tell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mistake(tell: Tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The one sentence that a command answers a mistake with; nothing is written where it was given."""
    monkeypatch.chdir(tmp_path)

    def sentence(*args: Any) -> str:
        before = listing(tmp_path)
        status, out, err = tell(*args)
        assert (status, out) == (2, ""), (out, err)
        assert re.fullmatch(r"semiosis: [^\n]+\n", err), err
        assert listing(tmp_path) == before
        return err.removeprefix("semiosis: ").rstrip("\n")

    return sentence


def listing(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder and what it holds, but for the locks."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock" and "__pycache__" not in path.parts
    }


def world(run: Path, step: int) -> dict[str, np.ndarray]:
    return read_arrays(run / "checkpoints" / f"{step:09d}")


def same_world(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two seeds with checkpoints at 0, 20, 40 and 60; for looking at."""
    path = tmp_path_factory.mktemp("cli") / "lewis"
    assert cli.main(["train", "lewis", *TINY, "--seeds", "2", "--save-every", "20", "--keep", "9", "--out", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the naming game, of seeds 0 and 3."""
    path = tmp_path_factory.mktemp("cli") / "naming"
    short = ("--objects", "150", "--epochs", "1", "--iterations", "3")
    assert cli.main(["train", "naming", *TINY, *short, "--seeds", "0,3", "--out", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def one_word(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Path:
    """A run of a user's own game."""
    path = tmp_path_factory.mktemp("cli") / "word"
    assert cli.main(["train", str(repo / "examples" / "one_word.py"), *TINY, "--steps", "10", "--out", str(path)]) == 0
    return path


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """The run, to be written in."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


# ------------------------------------------------------------------------------------------------------------------ train


def test_train_leaves_the_directory_of_the_design(trained: Path):
    record = json.loads((trained / "config.json").read_text())
    assert record.keys() == {"format", "game", "config", "options", "seeds", "started", "data", "versions", "platform", "git"}
    assert (record["game"], record["seeds"], record["config"]["steps"], record["data"]["name"]) == ("lewis", [0, 1], 60, "digits")
    assert sorted(entry.name for entry in (trained / "checkpoints").iterdir()) == [f"{at:09d}" for at in (0, 20, 40, 60)]
    rows = read_metrics(directory.open_run(trained))
    assert [(row["step"], row["seed"]) for row in rows if row["split"] == "train"] == [(at, s) for at in range(1, 61) for s in (0, 1)]
    assert [(row["step"], row["seed"]) for row in rows if row["split"] == "valid"] == [(at, s) for at in (20, 40, 60) for s in (0, 1)]
    assert all({"accuracy", "loss"} <= row.keys() for row in rows)


def test_train_of_ones_own_game(one_word: Path, tell: Tell):
    assert json.loads((one_word / "config.json").read_text())["game"].endswith("one_word.py")
    status, out, _ = tell("evaluate", one_word, "--json")
    assert status == 0
    assert json.loads(out)["metrics"]["accuracy"]["chance"] == 0.25
    assert tell("resume", one_word, "--steps", "12")[0] == 0
    assert "000000012" in [entry.name for entry in (one_word / "checkpoints").iterdir()]


def test_config_repeats_a_run_bit_for_bit_and_flags_change_it(trained: Path, tmp_path: Path, tell: Tell):
    file = shutil.copy(trained / "config.json", tmp_path / "saved.json")  # a record is a record, whatever its name
    status, out, err = tell("train", "lewis", "--config", file, "--out", tmp_path / "again")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == f"trained: {tmp_path}/again; `semiosis evaluate {tmp_path}/again` shows how well"
    records = [json.loads((run / "config.json").read_text()) for run in (trained, tmp_path / "again")]
    assert all(records[0][part] == records[1][part] for part in ("game", "config", "options", "seeds", "data"))
    assert same_world(world(trained, 60), world(tmp_path / "again", 60))
    assert (trained / "metrics.jsonl").read_bytes() == (tmp_path / "again" / "metrics.jsonl").read_bytes()
    assert tell("train", "lewis", "--config", file, "--steps", "20", "--seeds", "1,", "--out", tmp_path / "less")[0] == 0
    less, whole = world(tmp_path / "less", 20), world(trained, 20)
    assert all(less[name].tobytes() == whole[name][1:2].tobytes() for name in whole)  # seed 1, alone


def test_the_python_functions_do_the_same(trained: Path, tmp_path: Path):
    game = session.game_at("lewis", cli.GAMES)
    config = dataclasses.replace(game.PRESETS["tiny"], steps=20)
    run, caught = session.start("lewis", game, config, Options(seeds="2", devices=1), tmp_path / "run")
    assert caught == 0
    assert same_world(world(trained, 20), world(run.path, 20))
    said: list[str] = []
    again, caught = session.resume(run.path, cli.GAMES, steps=40, say=said.append)
    assert (caught, said) == (0, [])
    assert same_world(world(trained, 40), world(again.path, 40))
    opened = session.reopen(session.open_run(run.path), cli.GAMES, 40, say=said.append)
    result, findings, _ = session.judge(opened, "valid")
    assert (result["step"], result["split"], len(findings)) == (40, "valid", 2)
    assert json.loads((run.path / "evaluation-valid.json").read_text()) == result
    assert not (run.path / "evaluation.json").exists()
    row = read_metrics(run)[-1]  # what validation saw of seed 1
    assert (row["split"], row["step"], row["seed"], row["accuracy"]) == ("valid", 40, 1, findings[1].figures["accuracy"])


# ----------------------------------------------------------------------------------------------------------------- resume


def test_resume_trains_further_and_tells_what_is_complete(copy: Path, tell: Tell):
    assert tell("resume", copy) == (
        0,
        f"trained: {copy}; `semiosis evaluate {copy}` shows how well\n",
        f"semiosis: {copy} is complete at step 60: --steps N trains it further\n",
    )
    assert tell("resume", copy, "--steps", "70")[0] == 0
    assert json.loads((copy / "config.json").read_text())["config"]["steps"] == 70
    rows = read_metrics(directory.open_run(copy))
    places = [(row["step"], row["seed"], row["split"]) for row in rows]
    assert len(places) == len(set(places))
    assert max(places) == (70, 1, "valid")


def test_a_damaged_newest_checkpoint_is_told_and_the_one_before_it_used(copy: Path, trained: Path, tell: Tell):
    newest = copy / "checkpoints" / "000000060" / "world.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"?")
    lines = len(read_metrics(directory.open_run(copy)))
    status, _, err = tell("resume", copy)
    assert status == 0
    assert re.fullmatch(r"semiosis: .*000000060 is damaged \(the SHA-256 .*\) and .*\n", err)
    assert same_world(world(copy, 60), world(trained, 60))
    assert len(read_metrics(directory.open_run(copy))) == lines


# --------------------------------------------------------------------------------------------------------------- evaluate


def test_evaluate_prints_a_table_and_writes_the_object_of_the_design(copy: Path, tell: Tell):
    status, out, err = tell("evaluate", copy)
    assert (status, err) == (0, "")
    assert "  messages shuffled" in out
    assert f"{copy}/evaluation.json" in "".join(out.split("\n"))
    result = json.loads((copy / "evaluation.json").read_text())
    assert result.keys() == {"game", "step", "split", "seeds", "metrics", "doctor"}
    assert (result["game"], result["step"], result["split"], result["seeds"]) == ("lewis", 60, "test", [0, 1])
    assert {"accuracy", "accuracy_shuffled", "accuracy@16", "accuracy@noise", "topsim", "loss"} <= result["metrics"].keys()
    for entry in result["metrics"].values():
        assert {"mean", "low", "high", "per_seed", "chance", "n"} <= entry.keys()
        assert len(entry["per_seed"]) == 2
    accuracy = result["metrics"]["accuracy"]
    assert accuracy["chance"] == 0.25
    assert accuracy["low"] <= accuracy["mean"] <= accuracy["high"]
    for figure in ("curves", "lexicon"):
        assert (copy / "figures" / f"{figure}.png").read_bytes().startswith(b"\x89PNG")


def test_evaluate_json_is_the_object_alone(copy: Path, tell: Tell):
    def json_of(*flags: Any) -> Any:
        status, out, err = tell("evaluate", copy, "--json", *flags)
        assert (status, err) == (0, "")
        return json.loads(out, parse_constant=pytest.fail)  # no NaN

    usual = json_of()
    assert usual == json.loads((copy / "evaluation.json").read_text())
    few = json_of("--checkpoint", "20", "--candidates", "8")
    assert few["step"] == 20
    assert (few["metrics"]["accuracy"]["chance"], few["metrics"]["accuracy"]["n"]) == (0.125, usual["metrics"]["accuracy"]["n"])
    scores = {int(f.name): json.loads((f / "manifest.json").read_text())["score"] for f in (copy / "checkpoints").iterdir()}
    scores.pop(0)  # the newborn were not judged
    best = json_of("--checkpoint", "best", "--split", "valid")
    assert best["step"] == max(scores, key=lambda step: (scores[step], step))
    assert best["metrics"]["accuracy"]["mean"] == pytest.approx(scores[best["step"]])  # the same exam every time
    drawn = json_of("--messages", "sampled")["metrics"]
    assert drawn["accuracy"]["chance"] == 0.25
    assert drawn["messages"]["mean"] > usual["metrics"]["messages"]["mean"]  # of a language hardly learned, greedy says little


def test_evaluate_of_worlds_gone_wrong_tells_what_is_undefined(copy: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch):
    reopen = session.reopen

    def broken(*args: Any, **options: Any) -> session.Trained:
        found = reopen(*args, **options)
        return found._replace(worlds=jax.tree.map(lambda x: x * np.nan if x.dtype == np.float32 else x, found.worlds))

    monkeypatch.setattr(session, "reopen", broken)
    status, out, _ = tell("evaluate", copy, "--json")
    assert status == 0
    loss = json.loads(out, parse_constant=pytest.fail)["metrics"]["loss"]
    assert (loss["mean"], loss["per_seed"], loss["reason"]) == (None, [None, None], "not a number")
    curve = Curve("its language", "loss", np.array([1, 2]), np.array([[1.0, np.nan], [0.5, 0.5]]))
    told = json.loads(to_json(summary([curve], "reconstruction")))["curves"]["its language"]
    assert told["value"] == [[1.0, None], [0.5, 0.5]]


def test_a_figure_that_one_seed_lacks_is_undefined_for_it():
    none = np.zeros((0, 0))
    lacks = Finding({"davies_bouldin": None}, 5, none, None, {"davies_bouldin": "1 names for 5 examples"})
    has = Finding({"davies_bouldin": 0.5, "davies_bouldin@A": 0.5}, 5, none, None, {})
    table: dict[str, Any] = {}
    _enter(table, "", [lacks, has], Exam(lambda step, key: None, 1))
    assert table.keys() == {"davies_bouldin", "davies_bouldin@A"}
    for entry in table.values():
        assert (entry["per_seed"], entry["reason"]) == ([None, 0.5], "1 names for 5 examples")


def test_another_split_has_files_of_its_own(named: Path, tell: Tell, tmp_path: Path):
    copy = Path(shutil.copytree(named, tmp_path / "copy"))
    assert tell("evaluate", copy)[0] == 0
    figures = {f"figures/{name}.png" for name in ("curves", "lexicon", "confusion", "latents", "interventions")}
    written = listing(copy)
    assert {name for name in written if name.startswith("figures/")} == figures
    status, out, err = tell("evaluate", copy, "--split", "train")
    assert (status, err) == (0, "")
    assert "evaluation-train.json" in out.replace("\n", "")
    after = listing(copy)
    assert after.keys() - written.keys() == {
        "evaluation-train.json", "figures/lexicon-train.png", "figures/confusion-train.png", "figures/latents-train.png",
        "figures/interventions-train.png",
    }  # fmt: skip
    assert {name for name in written if after[name] != written[name]} <= {"figures/curves.png"}
    tested, trained = (json.loads((copy / f"evaluation{which}.json").read_text()) for which in ("", "-train"))
    assert (tested["split"], trained["split"]) == ("test", "train")
    assert trained["metrics"]["kappa"]["n"] == 150


def test_what_is_drawn_and_told_is_what_the_language_has_the_data_for(
    trained: Path, named: Path, one_word: Path, tell: Tell, tmp_path: Path
):
    def found(run: Path) -> tuple[set[str], set[str]]:
        run = Path(shutil.copytree(run, tmp_path / run.name, ignore=shutil.ignore_patterns("figures")))
        metrics = json.loads(tell("evaluate", run, "--json")[1])["metrics"]
        return {path.stem for path in (run / "figures").iterdir()}, set(metrics)

    figures, metrics = found(trained)  # two symbols a message
    assert figures == {"curves", "lexicon", "interventions"}
    assert "length" in metrics
    figures, metrics = found(one_word)  # one symbol of ten, and no latents
    assert figures == {"curves", "lexicon", "confusion", "interventions"}
    assert "length" not in metrics
    assert {"ari", "messages"} <= metrics
    figures, metrics = found(named)
    assert figures == {"curves", "lexicon", "confusion", "latents", "interventions"}
    assert "length" not in metrics
    assert {"kappa", "ari@A", "ari@B", "davies_bouldin"} <= metrics


# ----------------------------------------------------------------------------------------------------------------- recall


def test_recall_draws_what_signs_call_to_mind(named: Path, tell: Tell, tmp_path: Path):
    run = Path(shutil.copytree(named, tmp_path / "copy"))
    status, out, err = tell("recall", run)
    assert (status, err) == (0, "")
    assert "mostly names" in out
    written = f"written: {run}/recall.json, {run}/figures/recall.png, {run}/figures/speaking.png"
    assert out.endswith(written + "\n")
    result = json.loads((run / "recall.json").read_text())
    assert (result["game"], result["split"], result["seed"]) == ("naming", "test", 0)
    assert sorted(row["sign"] for row in result["signs"]) == list(range(10))
    assert [sum(row["said"][who] for row in result["signs"]) for who in "AB"] == [179, 179]
    for row in result["signs"]:
        assert (row["class"] is None) == (row["share"] is None) == (not any(row["said"].values()))
    for figure in ("recall", "speaking"):
        assert (run / "figures" / f"{figure}.png").read_bytes().startswith(b"\x89PNG")
    status, out, err = tell("recall", run, "--seed", "3", "--split", "valid", "--json")
    assert (status, err) == (0, "")
    other = json.loads(out)
    assert (other["seed"], other["split"]) == (3, "valid")
    assert json.loads((run / "recall-valid.json").read_text()) == other
    assert (run / "figures" / "speaking-valid.png").exists()
    assert json.loads((run / "recall.json").read_text()) == result


def test_recall_of_one_agent_and_of_images_learned_as_vectors(tell: Tell, tmp_path: Path):
    short = ("--objects", "60", "--epochs", "1", "--batch-size", "20", "--iterations", "1", "--rotations", "90")
    alone = ("--agents", "1", "--mode", "no-communication", "--network", "none")
    assert tell("train", "naming", *TINY, *short, *alone, "--out", tmp_path / "alone")[0] == 0
    status, out, _ = tell("recall", tmp_path / "alone")
    assert status == 0
    assert "speaking" not in out
    assert [path.name for path in (tmp_path / "alone" / "figures").iterdir()] == ["recall.png"]
    assert tell("evaluate", tmp_path / "alone")[0] == 0


def test_what_recall_finds(named: Path):
    opened = session.reopen(session.open_run(named), cli.GAMES, "newest", say=pytest.fail)
    found = recall.recall(opened, 1, "test")
    assert found.pictures.shape == (2, 10, 8, 8, 1)
    assert 0 <= found.pictures.min() <= found.pictures.max() <= 1
    assert found.seen.shape == (2, 8, 8, 8, 1)
    images = opened.data.splits["test"].inputs[found.chosen]
    np.testing.assert_allclose(found.seen[0], images / 255, atol=1e-6)  # A sees things as they are
    assert found.labels is not None
    assert found.labels[found.chosen].tolist() == list(range(8))
    assert found.used.sum(1).tolist() == [179, 179]
    assert found.drawn.shape == (2, 2, 8, 8, 8, 1)
    for speaker, listener, thing in ((0, 1, 3), (1, 0, 6), (1, 1, 0)):
        sign = found.signs[speaker, found.chosen[thing]]
        np.testing.assert_array_equal(found.drawn[speaker, listener, thing], found.pictures[listener, sign])


def test_summary_of_recall_by_hand():
    pictures, signs = np.zeros((2, 3, 4, 4, 1)), np.array([[0, 0, 2, 2], [0, 2, 2, 2]])
    found = recall.Recall(pictures, signs, np.array([1, 0, 0, 0]), np.array([0]), np.zeros((2, 1, 4, 4, 1)))
    assert recall.summary(found, ("zero", "one"), [2, 0, 1]) == [
        {"sign": 2, "said": {"A": 2, "B": 3}, "class": "zero", "share": 1.0, "class_of": {"A": "zero", "B": "zero"}},
        {"sign": 0, "said": {"A": 2, "B": 1}, "class": "one", "share": pytest.approx(2 / 3), "class_of": {"A": "zero", "B": "one"}},
        {"sign": 1, "said": {"A": 0, "B": 0}, "class": None, "share": None, "class_of": {"A": None, "B": None}},
    ]
    assert recall.summary(found._replace(labels=None), (), [1]) == [{"sign": 1, "said": {"A": 0, "B": 0}}]


def test_things_of_different_classes_are_chosen():
    labels = np.array([2, 2, 0, 2, 0, 1])
    assert recall._some(labels, 6, 2).tolist() == [2, 5]
    assert recall._some(labels, 6, 4).tolist() == [2, 5, 0, 1]
    assert recall._some(None, 6, 4).tolist() == [0, 1, 2, 3]


def test_recall_of_vectors(mistake: Callable[..., str], tell: Tell, tmp_path: Path):
    chance = np.random.default_rng(0)
    np.savez(tmp_path / "features.npz", features=chance.normal(size=(60, 4)).astype(np.float32))
    short = ("--objects", "40", "--signs", "3", "--epochs", "1", "--batch-size", "10", "--iterations", "1", "--rotations", "0")
    assert tell("train", "naming", *TINY, *short, "--data", "features.npz", "--network", "none", "--out", "vectors")[0] == 0
    assert mistake("recall", "vectors") == "recall draws images of one shape, and the agents of vectors see vectors of 4"


def test_recall_of_what_cannot_be_drawn_side_by_side(named: Path, monkeypatch: pytest.MonkeyPatch):
    opened = session.reopen(session.open_run(named), cli.GAMES, "newest", say=pytest.fail)
    finding = recall.examine(opened.experiment, "test", loop.unstack(opened.worlds, 0))
    views = tuple(np.zeros((179, 1, side, side, 1)) for side in (8, 12))
    exam = Exam(lambda step, key: SimpleNamespace(views=views), 1)
    odd = opened._replace(experiment=opened.experiment._replace(exams={"test": exam}))
    monkeypatch.setattr(recall, "examine", lambda *_: finding)
    with pytest.raises(UsageError, match=r"images of one shape, and the agents of .* see 8 x 8 x 1 and 12 x 12 x 1$"):
        recall.recall(odd, 0, "test")
    assert finding.language is not None
    longer = finding._replace(language=finding.language._replace(tokens=np.zeros((2, 179, 2), int)))
    monkeypatch.setattr(recall, "examine", lambda *_: longer)
    with pytest.raises(UsageError, match=r"recall needs messages of one sign, and those of .* are longer$"):
        recall.recall(odd, 0, "test")


# ----------------------------------------------------------------------------------------------- probe, crossplay, the rest


def test_probe_teaches_newborn_listeners_and_leaves_the_speakers_be(copy: Path, tell: Tell):
    before = listing(copy / "checkpoints")
    status, out, err = tell("probe", copy, "--steps", "4", "--listeners", "2", "--json")
    assert status == 0
    assert "its language: step 4 of 4" in err  # the progress goes where the object is not
    result = json.loads(out)
    assert result == json.loads((copy / "probe-discrimination.json").read_text())
    assert (result["task"], result["measure"]) == ("discrimination", "accuracy")
    assert result["curves"].keys() == {"its language", "untrained speakers"}
    for curve in result["curves"].values():
        assert curve["steps"] == [1, 2, 3, 4]
        assert np.shape(curve["value"]) == (2, 4)
        assert {"mean", "low", "high"} == curve["area"].keys() == curve["end"].keys()
    assert (copy / "figures" / "probe-discrimination.png").read_bytes().startswith(b"\x89PNG")
    assert listing(copy / "checkpoints") == before
    status, out, _ = tell("probe", copy, "--steps", "4", "--listeners", "2")
    assert status == 0
    assert "ease of learning" in out


def test_the_speakers_of_a_probe_are_frozen(trained: Path, monkeypatch: pytest.MonkeyPatch):
    opened = session.reopen(session.open_run(trained), cli.GAMES, "newest", say=pytest.fail)
    stretch, seen = loop.stretch, []

    def watched(*args: Any) -> loop.Stretch:
        run = stretch(*args)

        def watch(worlds: Any, *rest: Any) -> Any:
            before = arrays(worlds)
            worlds, logs = run(worlds, *rest)
            seen.append((before, arrays(worlds)))
            return worlds, logs

        return watch

    def arrays(worlds: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
        return tuple([np.array(x) for x in jax.tree.leaves(role.net)] for role in (worlds.speaker, worlds.listener))  # type: ignore[return-value]

    monkeypatch.setattr(loop, "stretch", watched)
    ease_of_learning(opened, task="discrimination", steps=2, speakers=1, listeners=2, lr=1e-3)
    taught = [np.array(x) for x in jax.tree.leaves(opened.worlds.speaker.net)]
    assert len(seen) == 4  # two steps of each language
    for i, ((speaker, listener), (speaker_after, listener_after)) in enumerate(seen):
        assert all(np.array_equal(a, b) for a, b in zip(speaker, speaker_after, strict=True))
        assert not all(np.array_equal(a, b) for a, b in zip(listener, listener_after, strict=True))
        assert all(np.array_equal(a, b) for a, b in zip(speaker, taught, strict=True)) == (i < 2)
    (_, fresh), (_, control) = seen[0][0], seen[2][0]
    assert all(np.array_equal(a, b) for a, b in zip(fresh, control, strict=True))  # the same newborn listeners


def test_crossplay_within_a_run_and_between_two(copy: Path, trained: Path, tell: Tell):
    status, out, err = tell("crossplay", copy, "--json")
    assert (status, err) == (0, "")
    one = json.loads(out)
    assert (one["names"], one["chance"]) == (["seed 0", "seed 1"], 0.25)
    accuracy = json.loads(tell("evaluate", copy, "--json")[1])["metrics"]["accuracy"]
    assert np.diag(one["accuracy"]) == pytest.approx(accuracy["per_seed"])
    assert one["self_play"]["mean"] == pytest.approx(accuracy["mean"])
    assert one["gap"]["mean"] == pytest.approx(one["self_play"]["mean"] - one["cross_play"]["mean"])
    status, out, err = tell("crossplay", copy, trained)
    assert (status, err) == (0, "")
    assert "cross-play: accuracy" in out
    two = json.loads((copy / "crossplay.json").read_text())
    assert two["names"] == ["copy seed 0", "copy seed 1", "lewis seed 0", "lewis seed 1"]
    assert np.array_equal(two["accuracy"], np.tile(one["accuracy"], (2, 2)))  # the two runs are the same
    assert (copy / "figures" / "crossplay.png").read_bytes().startswith(b"\x89PNG")


def test_data_lists_and_shows(tell: Tell, tmp_path: Path):
    status, out, err = tell("data")
    assert (status, err) == (0, "")
    assert all(name in out for name in ("digits", "shapes:vectors", "mnist", "hub:OWNER/NAME", ".npz"))
    status, out, err = tell("data", "digits", "--out", tmp_path / "sheets" / "digits.png")
    assert (status, err) == (0, "")
    assert "train: 1,439 of 8 x 8 x 1 uint8" in out
    assert (tmp_path / "sheets" / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert "attributes: " in tell("data", "shapes:vectors,attributes=2,values=3", "--out", tmp_path / "shapes.png")[1]


def test_describe_shows_every_parameter(tell: Tell, trained: Path, repo: Path):
    status, out, err = tell("describe", "lewis", "--preset", "tiny")
    assert (status, err) == (0, "")
    count = sum(x[0].size for name, x in world(trained, 60).items() if ".net." in name)
    assert re.search(rf"all agents +{count:,}\n", out)
    assert re.search(r"reader\.core\.recurrent +16 × 64 +1,024\n", out)
    assert "frozen" not in out
    wider = tell("describe", "lewis", "--preset=tiny", "--listener-hidden", "32", "--frozen", "speaker")[1]
    assert re.search(r"reader\.core\.recurrent +32 × 128 +4,096\n", wider)
    assert "frozen" in wider
    assert tell("describe", repo / "examples" / "one_word.py")[0] == 0
    assert "64 × 256" in tell("describe", "lewis")[1]  # of several presets, the one that train takes


def test_demo_plays_games_and_ends_with_one_page(tell: Tell, mistake: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    games = {name: session.game_at(name, cli.GAMES) for name in ("naming", "dialogue", "sketch")}
    tiny = {name: game.PRESETS["tiny"] for name, game in games.items()}
    quick = dataclasses.replace(tiny["naming"], objects=150, epochs=1, iterations=3)
    monkeypatch.setitem(games["naming"].PRESETS, "quick", quick)
    monkeypatch.setitem(games["dialogue"].PRESETS, "quick", dataclasses.replace(tiny["dialogue"], max_exchange=2))
    monkeypatch.setitem(games["sketch"].PRESETS, "quick", tiny["sketch"])
    status, out, err = tell("demo", "--steps", "4", "--seeds", "2", "--out", "demo", "--only", "naming", "unseen", "sketch")
    assert (status, err) == (0, "")
    demo = tmp_path / "demo"
    common, met = {"curves", "interventions", "crossplay"}, {"crossplay-agreement"}
    drawn = {"naming": common | met | {"lexicon", "confusion", "latents", "recall", "speaking"}}
    drawn["unseen"] = common | met | {"conversations", "steps", "lengths"}
    drawn["sketch"] = common | {"sketches", "gallery", "prototypes", "classes", "seeds", "svg", "film", "between"}
    assert {path.name for path in demo.iterdir()} == {*drawn, "report", "report.html"}
    assert "All of this on one page: demo/report.html" in out
    page = (demo / "report.html").read_text()
    for name, figures in drawn.items():
        assert json.loads((demo / name / "evaluation.json").read_text())["game"] == ("dialogue" if name == "unseen" else name)
        assert {path.stem for path in (demo / name / "figures").iterdir()} == figures
        assert all(f"demo/{name}/figures/{figure}" in out for figure in figures)
        assert json.loads((demo / name / "config.json").read_text())["seeds"] == [0, 1]
        assert (demo / name / "language.json").exists() == (name != "sketch")
        assert f">{name}<" in page
    told = ("The naming game: ", "Cohen's kappa", "The dialogue again, ", "The sketch game: ")
    places = [out.index(text) for text in told]
    assert places == sorted(places)
    config = {name: json.loads((demo / name / "config.json").read_text())["config"] for name in drawn}
    assert (config["naming"]["data"], config["naming"]["rotations"]) == ("digits", [0.0, 45.0])
    assert (config["unseen"]["steps"], config["sketch"]["steps"], config["unseen"]["data"]) == (4, 1, "digits,withheld=3+8")
    unseen = json.loads((demo / "unseen" / "evaluation.json").read_text())["metrics"]
    assert unseen["accuracy@out_of_domain"]["chance"] == pytest.approx(183 / 357)  # of the digits 3 and 8
    assert mistake("demo", "--out", "demo").startswith("demo/naming holds a run at step ")  # before any game is trained
    assert mistake("demo", "--only", "chess") == "unknown run of the demo 'chess': known are lewis, naming, glyph, dialogue, unseen, sketch"


def test_bench_times_a_case_and_says_what_it_is(tell: Tell, monkeypatch: pytest.MonkeyPatch):
    from semiosis.games import lewis
    from semiosis.types import Bench

    case = Bench("a small case", lewis.PRESETS["tiny"], 16, 2, 2, 0.001, {"as shipped": 0.5})
    monkeypatch.setattr(lewis, "BENCHES", (case,))
    row = bench.time_case("semiosis.games.lewis", 0, 1)
    assert (row["case"], row["gflop"], row["reference"]) == ("a small case", 0.001, {"as shipped": 0.5})
    assert row["share_of_peak"] == pytest.approx(0.001 / row["cpu_seconds"] / row["peak_gflop_per_second"])
    monkeypatch.setattr(bench, "_elsewhere", lambda module, place, repeats: row | {"repeats": repeats})
    status, out, err = tell("bench", "lewis", "--json", "--repeats", "2")
    assert (status, err, json.loads(out)) == (0, "", [row | {"repeats": 2}])
    status, out, _ = tell("bench")
    assert status == 0
    assert "a small case" in out
    shown = table([row | {"cpu_seconds": 0.5, "share_of_peak": 0.25, "peak_gflop_per_second": 200.0}])
    assert [list(column.cells) for column in shown.columns][1::3] == [["0.5"], ["25% of 200"]]


def test_a_failing_bench_case_is_one_sentence(mistake: Callable[..., str], monkeypatch: pytest.MonkeyPatch):
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\nMemoryError: no room\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: failed)
    assert mistake("bench", "lewis") == "the case 0 of semiosis.games.lewis failed: MemoryError: no room"


# ------------------------------------------------------------------------------------------------------------------- help


PLACES = ("dir", "dirs", "name", "games", "path", "folder", "image", "paper")  # arguments that are known by where they stand


def flags_of(kind: Any) -> list[str]:
    return ["--" + field.name.replace("_", "-") for field in dataclasses.fields(kind) if field.name not in PLACES]


HELPS = {
    "demo": (["demo"], flags_of(Demo)),
    "train": (["train", "lewis"], ["--preset", "--config", "--out", *flags_of(Options)]),
    "resume": (["resume"], flags_of(Resume)),
    "evaluate": (["evaluate"], flags_of(Evaluate)),
    "report": (["report"], flags_of(Report)),
    "reproduce": (["reproduce"], flags_of(Reproduce)),
    "corpus": (["corpus"], flags_of(Corpus)),
    "metrics": (["metrics"], flags_of(Metrics)),
    "recall": (["recall"], flags_of(Recall)),
    "probe": (["probe"], flags_of(Probe)),
    "crossplay": (["crossplay"], flags_of(Crossplay)),
    "data": (["data"], flags_of(DataSets)),
    "describe": (["describe", "lewis"], ["--preset"]),
    "film": (["film"], flags_of(Film)),
    "dialogue-analysis": (["dialogue-analysis"], flags_of(DialogueAnalysis)),
    "features": (["features"], flags_of(Features)),
    "draw": (["draw"], flags_of(Drawing)),
    "gamelogs": (["gamelogs"], flags_of(GameLogs)),
    "recognise": (["recognise"], flags_of(Recognise)),
    "bench": (["bench"], flags_of(Bench)),
}


def meanings(text: str) -> dict[str, str]:
    """What the help says of each flag, without its default."""
    bare = re.sub(r"[│╭╮╰╯─]", " ", text)
    parts = re.split(r"\n +(?=-)", bare)[1:]
    found = {}
    for part in parts:
        head, _, meaning = part.partition("  ") if "\n" not in part.split("  ")[0] else part.partition("\n")
        for flag in re.findall(r"--[a-z0-9-]+", head):
            found[flag] = " ".join(re.sub(r"\(default:.*", "", meaning, flags=re.DOTALL).split())
    return found


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_names_every_flag_with_a_meaning(command: str, tell: Tell):
    words, flags = HELPS[command]
    status, out, err = tell(*words, "--help")
    assert (status, err) == (0, "")
    if command in ("train", "describe"):
        flags = [*flags, *flags_of(session.game_at("lewis", cli.GAMES).Config)]
        assert tell(command, "--help")[0] == 0
    told = meanings(out)
    assert set(flags) <= told.keys()
    assert not [flag for flag in flags if len(told[flag].split()) < 2]


def test_the_help_of_the_program_names_every_command(tell: Tell):
    for words in ((), ("--help",), ("-h",), ("help",)):
        status, out, err = tell(*words)
        assert (status, err) == (0, "")
        assert all(f"semiosis {command}" in out for command in cli.COMMANDS)
    assert re.fullmatch(r"semiosis \d+\.\d+\.\d+\S*\n", tell("--version")[1])


# --------------------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("frobnicate", "unknown command 'frobnicate': known are demo, train, resume, "),
        ("train", "`semiosis train` needs a game: lewis, naming, glyph, dialogue, sketch, or the path of a .py file"),
        ("describe", "`semiosis describe` needs a game: lewis, naming, glyph, dialogue, sketch, or the path of a .py file"),
        ("train lewiss", "unknown game 'lewiss': known are lewis, "),
        ("describe lewiss", "unknown game 'lewiss': known are lewis, "),
        ("bench lewiss", "unknown game 'lewiss': known are lewis"),
        ("bench --repeats 0", "repeats is 0: expected 1 or more"),
        ("train no.py", "there is no file no.py"),
        ("train lewis --preset tinny", "unknown preset 'tinny': known are tiny, quick, paper"),
        ("describe lewis --preset=tinny", "unknown preset 'tinny': known are tiny, quick, paper"),
        ("train lewis --preset paper", "no file or folder 'imagenet.h5'"),
        ("train TINY --data minst", "unknown data 'minst': known are digits, shapes, mnist, "),
        ("data minst", "unknown data 'minst': known are digits, shapes, mnist, "),
        ("data digits,sides=3", "unknown option of 'digits' 'sides': known are side"),
        ("train TINY --seeds x", "seeds 'x': expected how many, as in 8, or which, as in 3,5,7"),
        ("train TINY --seeds 0", "seeds '0': expected one or more, all different, "),
        ("train TINY --seeds 3,3", "seeds '3,3': expected one or more, all different, "),
        ("train TINY --seeds -1", "seeds '-1': expected one or more, all different, "),
        ("train TINY --steps -5", "steps is -5: expected 0 or more"),
        ("train ONE_WORD --steps -5", "steps is -5: expected 0 or more"),
        ("train TINY --save-every -1", "save_every is -1: expected 0 (choose for me) or more"),
        ("train TINY --log-every -1", "log_every is -1: expected 0 (choose for me) or more"),
        ("train TINY --keep 0", "keep is 0: expected 1 or more"),
        ("train TINY --devices -1", "devices is -1: expected 0 (choose for me) or more"),
        ("train TINY --devices 99", "99 devices are asked for, and there are 4"),
        ("train TINY --batch-size 5000", "a batch of 5000 does not fit a split of 1439 examples: choose a batch size from 1 to 1439"),
        ("train ONE_WORD --candidates 5000", "5000 candidates cannot be drawn, target included: choose 2 to 64, "),
        ("describe TINY --batch-size 5000", "a batch of 5000 does not fit a split of 1439 examples: "),
        ("train TINY --candidates 17", "17 candidates cannot be drawn, target included: choose 2 to 16, "),
        ("train TINY --task attributes", "the task attributes needs attributes, and 'digits' has none"),
        ("train TINY --torso 0", "torso is (0,): expected widths of 1 or more"),
        ("train TINY --speaker-lr nan", "speaker_lr is nan: expected 0.0 or more"),
        ("train TINY --out file", "file is a file: choose another --out"),
        ("train TINY --out file/run", "cannot create file/run: Not a directory; choose another --out"),
        ("train TINY --out full", "full is not empty and holds no run: choose another --out"),
        ("train TINY --out RUN", "RUN holds a run at step 60: `semiosis resume RUN` continues it, or choose another --out"),
        ("train lewis --config no.json", "cannot read no.json: No such file or directory"),
        ("train lewis --config torn/config.json", "torn/config.json is damaged: it is no JSON "),
        ("train lewis --config newer/config.json", "newer/config.json has format 99 and this semiosis reads formats up to 1, "),
        ("train lewis --config bare/config.json", "bare/config.json is not of a semiosis run: it says nothing of its game and "),
        ("train ONE_WORD --config RUN/config.json", "--config RUN/config.json: it is of a run of lewis, not of "),
        ("resume no", "no is no run directory: there is no such directory"),
        ("resume file", "file is no run directory: it is a file"),
        ("resume full", "full is no run directory: it has no config.json, which `semiosis train` writes first"),
        ("resume torn", "torn/config.json is damaged: it is no JSON "),
        ("resume newer", "newer/config.json has format 99 and this semiosis reads formats up to 1, because a newer semiosis wrote it"),
        ("resume bare", "bare/config.json is not of a semiosis run: it says nothing of its game and "),
        ("resume RUN --steps 59", "RUN is at step 60: --steps 59 would go back"),
        ("evaluate bare", "bare/config.json is not of a semiosis run: it says nothing of its game and "),
        ("evaluate RUN --split tset", "unknown split 'tset': known are valid, test, "),
        ("evaluate RUN --checkpoint newst", "checkpoint 'newst': expected newest, best or a step"),
        ("evaluate RUN --checkpoint 33", "RUN has no whole checkpoint to load as 33: steps saved are 0, 20, 40, 60"),
        ("evaluate RUN --candidates 5000", "5000 candidates cannot be drawn, target included: choose 2 to 179, "),
        ("evaluate RUN --data minst", "unknown data 'minst': known are "),
        ("evaluate RUN --data shapes:vectors,values=2", "the agents of RUN cannot look at 'shapes:vectors,values=2': "),
        ("evaluate WORD --messages greedy", "the game ONE_WORD has no setting 'evaluation_messages' to judge with"),
        ("recall no", "no is no run directory: there is no such directory"),
        ("recall RUN", "the agents of lewis imagine nothing when they hear a message, as those of naming do"),
        ("recall NAMED --seed 1", "NAMED has no seed 1: its seeds are 0, 3"),
        ("recall NAMED --split tset", "unknown split 'tset': known are train, valid, test"),
        ("recall NAMED --checkpoint newst", "checkpoint 'newst': expected newest, best or a step"),
        ("probe WORD", "the game ONE_WORD has no language to learn by ear: it defines no probe"),
        ("probe RUN --steps 0", "steps 0, speakers 5 and listeners 3 must all be 1 or more"),
        ("probe RUN --lr -1", "lr is -1.0: expected a number above 0"),
        ("probe RUN --task attributes", "the task attributes needs attributes, and 'digits' has none"),
        ("crossplay", "crossplay needs one run directory or more"),
        ("crossplay RUN no", "no is no run directory: there is no such directory"),
        ("crossplay RUN WORD", "WORD and RUN differ in their game: their agents cannot meet"),
        ("crossplay RUN --split tset", "unknown split 'tset': known are valid, test, "),
        ("data digits --out full", "cannot write full: Is a directory; choose another --out"),
    ],
)
def test_a_mistake_is_one_sentence(
    line: str, sentence: str, mistake: Callable[..., str], trained: Path, named: Path, one_word: Path, tmp_path: Path, repo: Path
):
    (tmp_path / "file").write_text("mine")
    for name, text in {"full": None, "torn": "{", "newer": '{"format": 99}', "bare": '{"format": 1}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / ("mine.txt" if text is None else "config.json")).write_text(text or "")
    names = {"TINY": "lewis --preset tiny", "ONE_WORD": str(repo / "examples/one_word.py")}
    names |= {"RUN": str(trained), "NAMED": str(named), "WORD": str(one_word)}
    fill = lambda text: re.sub(r"\b(?:TINY|ONE_WORD|RUN|NAMED|WORD)\b", lambda found: names[found[0]], text)  # noqa: E731
    runs = (trained, named, one_word)
    before = [listing(run) for run in runs]
    args = fill(line).split()
    if args[0] == "train" and "--out" not in args and len(args) > 1:
        args += ["--out", "new"]
    assert mistake(*args).startswith(fill(sentence))
    assert [listing(run) for run in runs] == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train lewis --preset tiny --nosuch 3 --out new", ["--nosuch"]),
        ("train lewis --preset tiny --batch-size many --out new", ["--batch-size", "many"]),
        ("train lewis --preset tiny --distractors odd --out new", ["odd", "--distractors", "hard"]),
        ("train lewis --preset tiny --order sideways --out new", ["sideways", "side-by-side"]),
        ("resume", ["run directory"]),
        ("resume run --steps x", ["--steps", "x"]),
        ("evaluate run --messages loud", ["loud", "greedy"]),
        ("demo --nosuch", ["--nosuch"]),
    ],
)
def test_a_flag_that_is_not_understood(line: str, words: list[str], tell: Tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = tell(*line.split())
    assert (status, out) == (2, "")
    assert all(word in err for word in words)
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


CONFIG = """
from dataclasses import dataclass
@dataclass
class Config:
    data: str = "digits"
    steps: int = 1
"""
MAKE = "PRESETS = {'tiny': Config()}\ndef make(*_): pass"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1", "is no game: it has no Config and no PRESETS and no make"),
        (CONFIG + "PRESETS = {'tiny': Config()}", "is no game: it has no make"),
        (CONFIG.replace("    steps: int = 1\n", "") + MAKE, "is no game: its Config must be a dataclass with the fields data and steps"),
        (CONFIG + "PRESETS = {}\ndef make(*_): pass", "is no game: its PRESETS must be a dict of one Config or more, by name"),
        (CONFIG.replace(' = "digits"', "") + MAKE.replace("()", "('x')"), "is no game: fields of its Config have no default: data"),
        (CONFIG.replace(" = 1", "") + MAKE, "cannot be read as a game: TypeError: non-default argument 'steps' follows default argument"),
        ("import nosuchmodule", "cannot be read as a game: ModuleNotFoundError: No module named 'nosuchmodule' (line 1)"),
        ("x = 1\ny = [", "cannot be read as a game: SyntaxError: '[' was never closed (line 2)"),
    ],
)
def test_a_file_that_is_no_game(text: str, sentence: str, mistake: Callable[..., str], tmp_path: Path):
    (tmp_path / "game.py").write_text(text)
    told = mistake("train", "game.py", "--out", "new")
    # Python 3.13 words one of them otherwise
    assert told.startswith(f"game.py {sentence}") or ("non-default argument" in told and "non-default argument" in sentence)


def test_a_game_with_a_setting_of_the_name_of_a_flag(mistake: Callable[..., str], tmp_path: Path):
    (tmp_path / "game.py").write_text(CONFIG + "    out: str = ''\n" + MAKE)
    told = "game.py: out in its Config would hide a flag of `semiosis train`: choose another name"
    assert mistake("train", "game.py", "--out", "new") == told


def test_a_game_file_hides_no_module_of_the_same_name(tmp_path: Path):
    (tmp_path / "json.py").write_text(CONFIG + MAKE)
    assert session.game_at(str(tmp_path / "json.py"), {}).PRESETS["tiny"].steps == 1  # type: ignore[attr-defined]
    assert sys.modules["json"] is json


def edit(run: Path, **changes: dict[str, Any]) -> None:
    record = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(
        json.dumps({part: {**value, **changes[part]} if part in changes else value for part, value in record.items()})
    )


@pytest.mark.parametrize(
    ("part", "change", "sentence"),
    [
        ("config", {"vocabulary": 3}, "unknown setting 'vocabulary': known are data, steps, "),
        ("config", {"vocab_size": "many"}, "setting vocab_size is 'many': expected an int"),
        ("config", {"learning": "osmosis"}, "unknown learning 'osmosis': known are reinforce, policy-gradient, gumbel, straight-through"),
        ("options", {"colour": "red"}, "unknown setting 'colour': known are seeds, order, "),
        ("options", {"keep": None}, "setting keep is None: expected an int"),
    ],
)
def test_a_record_that_was_meddled_with(part: str, change: dict[str, Any], sentence: str, copy: Path, mistake: Callable[..., str]):
    edit(copy, **{part: change})
    assert mistake("resume", copy).startswith(sentence)
    assert mistake("train", "lewis", "--config", copy / "config.json", "--out", "new").startswith(sentence)


def test_data_that_has_changed_since(mistake: Callable[..., str], tmp_path: Path, tell: Tell):
    chance = np.random.default_rng(0)
    features = chance.normal(size=(300, 6)).astype(np.float32)
    np.savez(tmp_path / "features.npz", features=features)
    assert tell("train", "lewis", *TINY, "--data", "features.npz", "--steps", "0", "--evaluation-noise", "0", "--out", "run")[0] == 0
    features[0, 0] += 1
    np.savez(tmp_path / "features.npz", features=features)
    for command in ("resume", "evaluate", "probe", "crossplay"):
        assert mistake(command, "run") == "the data 'features.npz' is not what run was trained on: its content has changed since"
    (tmp_path / "features.npz").unlink()
    assert "features.npz" in mistake("resume", "run")


def test_a_run_in_use_and_a_run_without_a_whole_checkpoint(copy: Path, mistake: Callable[..., str]):
    with directory.lock(directory.open_run(copy)):
        assert re.fullmatch(rf"{copy} is in use by another process \(\d+\): wait until it ends, or stop it", mistake("resume", copy))
    for folder in (copy / "checkpoints").iterdir():
        (folder / "manifest.json").write_text("{")
    status_lines = [mistake_of(copy, command) for command in (["resume"], ["evaluate"])]
    for lines in status_lines:
        assert [line for line in lines if "Traceback" in line] == []
        assert lines[-1] == f"semiosis: {copy} has no whole checkpoint to load as 'newest': steps saved are none"
        assert len(lines) == 5  # and one for each that is damaged


def mistake_of(run: Path, command: list[str]) -> list[str]:
    """What a command says on standard error before it ends with status 2."""
    import contextlib
    import io

    with contextlib.redirect_stderr(io.StringIO()) as err:
        assert cli.main([*command, str(run)]) == 2
    return err.getvalue().splitlines()


@pytest.mark.parametrize(("flags", "module", "what"), [
    (["--tensorboard"], "tensorboardX", "TensorBoard needs the extra 'tensorboard'"),
    (["--wandb", "project"], "wandb", "Weights & Biases needs the extra 'wandb'"),
])  # fmt: skip
def test_a_missing_extra_is_told_before_anything_is_made(
    flags: list[str], module: str, what: str, mistake: Callable[..., str], copy: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, module, None)
    assert mistake("train", "lewis", *TINY, *flags, "--out", "new").startswith(f"{what}, and {module} is not installed: pip install")
    edit(copy, options={"tensorboard": True} if module == "tensorboardX" else {"wandb": "project"})
    assert mistake("resume", copy, "--steps", "70").startswith(what)


def test_data_that_needs_an_extra(mistake: Callable[..., str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    expected = "data from the Hub (ylecun/mnist) needs datasets, which is in the extra `data`: pip install 'semiosis[data]'"
    assert mistake("train", "lewis", *TINY, "--data", "mnist", "--out", "new") == expected


def test_what_may_not_be_written_is_told_before_anything_is_compiled(mistake: Callable[..., str], tmp_path: Path, monkeypatch: Any):
    from semiosis.runs import setup

    (tmp_path / "locked").mkdir()
    real = directory.os.access
    monkeypatch.setattr(
        directory.os, "access", lambda path, mode: "locked" not in str(path) and real(path, mode)
    )  # root may write anywhere
    monkeypatch.setattr(setup, "build", pytest.fail)
    assert mistake("train", "lewis", *TINY, "--out", "locked/run") == "cannot create locked/run: Permission denied; choose another --out"
    assert mistake("train", "lewis", *TINY, "--out", "locked") == "cannot write in locked: Permission denied"


def test_too_little_memory_is_one_sentence(mistake: Callable[..., str], monkeypatch: pytest.MonkeyPatch):
    def refuse(args: list[str]) -> int:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 640 bytes.")

    monkeypatch.setitem(cli.COMMANDS, "train", refuse)
    assert mistake("train", "lewis") == "out of memory: choose smaller sizes, fewer seeds, or a smaller batch"
    monkeypatch.setitem(cli.COMMANDS, "train", lambda args: bool(1 / 0))
    with pytest.raises(ZeroDivisionError):  # an error of the program's is not a mistake of the user's
        cli.main(["train", "lewis"])


def test_pictures_that_the_disk_refuses_are_told(copy: Path, mistake: Callable[..., str]):
    shutil.rmtree(copy / "figures", ignore_errors=True)
    (copy / "figures").write_text("a file")
    for name in ("evaluation.json", "probe-discrimination.json", "crossplay.json"):
        (copy / name).unlink(missing_ok=True)
    assert mistake_of(copy, ["evaluate"]) == [f"semiosis: cannot write {copy}/figures/curves.png: File exists"]


def test_a_mistake_in_a_process_of_its_own(tmp_path: Path):
    done = subprocess.run([sys.executable, "-m", "semiosis.cli", "resume", "no"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "semiosis: no is no run directory: there is no such directory\n",
    )


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-m", "semiosis.cli", "--help"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_usage_errors_are_value_errors():
    with pytest.raises(ValueError, match=r"^unknown game 'x': known are lewis"):
        session.game_at("x", cli.GAMES)
    assert issubclass(UsageError, ValueError)
