"""Papers played again: tolerances by hand and by law, commands that say what is run, runs that are not trained twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from semiosis import cli, metrics, scenes
from semiosis.commands import reproduce as command
from semiosis.commands.shared import GAMES
from semiosis.errors import UsageError
from semiosis.runs import papers, reproduce, session
from semiosis.runs.directory import step_folders
from semiosis.runs.reproduce import Arm, Claim, Expected, Form, Lab, Need, Paper, figure, less
from semiosis.scenes import Data

GAME = str(Path(__file__).resolve().parent.parent / "examples" / "one_word.py")  # little to compile
TINY = {"steps": 40, "candidates": 8}
SURE = Claim("a share is no more than 1", figure("pair", "accuracy"), Expected(0.5, "a law", 0.5))
NEVER = Claim("a share is more than 1", figure("pair", "accuracy"), Expected(1.0, "nobody", kind="more"))
MADE_UP = {
    "tiny2026": Paper(
        GAME,
        "Nobody 2026",
        {
            "digits": Form({"pair": Arm("tiny", TINY)}, (SURE, NEVER), 1, "seconds"),
            "full": Form(
                {"pair": Arm("tiny", {**TINY, "data": "absent.npz"})},
                (SURE,),
                1,
                "days",
                Need("absent.npz, a file", "make it yourself", lambda data: len(data.classes) == 3),
            ),
        },
    )
}


def silent(sentence: str) -> None:
    """Nobody listens."""


def plan(out: Path, **given: Any) -> reproduce.Plan:
    return reproduce.plan(MADE_UP, "tiny2026", out, games=GAMES, **given)


# --------------------------------------------------------------------------------------------------------------- tolerances


def test_a_tolerance_is_the_prediction_interval_of_new_seeds():
    known = Expected(0.955, "", half=0.039, seeds=4)
    assert known.tolerance(4) == pytest.approx(0.039 * 2**0.5)
    assert known.tolerance(1) == pytest.approx(0.039 * 5**0.5)
    assert known.tolerance(10**9) == pytest.approx(0.039)
    assert Expected(0.9, "", half=0.05).tolerance(3) == 0.05  # a margin is a margin, however many seeds
    assert Expected(1.0, "", half=0.0, seeds=3).tolerance(2) == reproduce.ROUNDED
    sample, m = np.array([0.93, 0.94, 0.98, 0.97]), 3
    half = float(student.ppf(0.975, 3) * sample.std(ddof=1) / 2)
    by_hand = student.ppf(0.975, 3) * sample.std(ddof=1) * (1 / 4 + 1 / m) ** 0.5
    assert Expected(0.955, "", half, 4).tolerance(m) == pytest.approx(by_hand)


def test_one_in_twenty_true_claims_is_missed():
    """k seeds were told, m are new, all of one normal law: the new mean is within tolerance 95 times in 100."""
    rng, trials, k, m = np.random.default_rng(0), 4000, 4, 2
    old, new = rng.normal(0.5, 0.1, (trials, k)), rng.normal(0.5, 0.1, (trials, m))
    within = 0
    for told, found in zip(old, new, strict=True):
        mean, low, _ = metrics.over_seeds(told.tolist())
        assert mean is not None
        assert low is not None
        within += Expected(mean, "", mean - low, k).within(found.tolist())
    assert within / trials == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / trials) ** 0.5)


@pytest.mark.parametrize(("expected", "values", "within"), [
    (Expected(0.5, "", 0.1), [0.55, 0.64], True),
    (Expected(0.5, "", 0.1), [0.6, 0.62], False),
    (Expected(0.5, "", 0.1), [0.3, 0.3], False),
    (Expected(0.5, "", 0.1, kind="at least"), [0.9], True),
    (Expected(0.5, "", 0.1, kind="at least"), [0.39], False),
    (Expected(0.0, "", kind="more"), [0.2, 0.1], True),
    (Expected(0.0, "", kind="more"), [0.9, 0.0], False),
    (Expected(0.5, "", 0.1), [0.5, None], False),
    (Expected(0.5, "", 0.1), [], False),
])  # fmt: skip
def test_within_is_by_the_kind_of_claim(expected: Expected, values: list[float | None], within: bool):
    assert expected.within(values) is within


def test_measures_are_by_seed():
    lab = Lab({}, {("a", "crossplay"): np.array([[0.9, 0.1, 0.3], [0.2, 0.8, 0.4], [0.0, 0.6, 0.7]])})
    assert reproduce.strangers("a")(lab) == pytest.approx([0.2, 0.3, 0.3])
    alone = Lab({}, {("a", "crossplay"): np.array([[0.9]])})
    assert reproduce.strangers("a")(alone) == [None]
    assert less(lambda _: [0.5, None, 0.25], lambda _: [0.25, 1.0, 0.5])(lab) == [0.25, None, -0.25]


# ------------------------------------------------------------------------------------------------------------------ the five


@pytest.mark.parametrize(("name", "form"), [(name, form) for name, paper in papers.PAPERS.items() for form in paper.forms])
def test_the_commands_that_are_printed_do_what_is_done(name: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`semiosis train`, given these words, would start the very run."""
    monkeypatch.chdir(tmp_path)
    digest = reproduce.FINGERPRINTS.get(form, "")
    monkeypatch.setattr(scenes, "load", lambda name: Data(name, {}, fingerprint=digest + "f00d"))
    monkeypatch.setattr(reproduce, "_have", lambda *needed: None)  # what the full form needs nobody ships
    (tmp_path / "vgg16.pth").touch()
    started = []

    def start(name: str, game: Any, config: Any, options: Any, out: Any) -> tuple[Any, int]:
        started.append((name, config, options, Path(out)))
        return session.directory.Run(Path(out), {}), 0

    monkeypatch.setattr(session, "start", start)
    data = form if form in reproduce.FINGERPRINTS else ""
    made = reproduce.plan(papers.PAPERS, name, Path("out"), games=GAMES, quick=form != "full", data=data)
    assert made.name == form
    assert len(made.form.claims) in range(2, 6)
    for course in made.courses:
        words = course.command.split()
        assert words[:2] == ["semiosis", "train"]
        assert cli.main([*words[1:], "--out", str(course.path)]) == 0
        assert started.pop() == (papers.PAPERS[name].game, course.config, course.options, course.path)


def test_the_seeds_of_a_form_are_new_ones():
    chosen = reproduce.plan(papers.PAPERS, "lewis", Path("nowhere"), games=GAMES, seeds="3")
    assert chosen.paper == "chaabouni2022"
    assert chosen.seeds == (100, 101, 102)
    assert reproduce.plan(papers.PAPERS, "chaabouni2022", Path("nowhere"), games=GAMES, seeds="0,7").seeds == (0, 7)
    assert reproduce.plan(papers.PAPERS, "dialogue", Path("nowhere"), games=GAMES, data="digits").courses[1].config.data == "words"


# ------------------------------------------------------------------------------------------------------------------- mistakes


def mistake(call: Callable[[], Any]) -> str:
    with pytest.raises(UsageError) as told:
        call()
    sentence = str(told.value)
    assert "\n" not in sentence
    return sentence


def test_mistakes_are_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    assert mistake(lambda: reproduce.plan(papers.PAPERS, "nobody1900", out, games=GAMES)).startswith(
        "unknown paper 'nobody1900': known are chaabouni2022, taniguchi2023"
    )
    missing = mistake(lambda: plan(out, quick=False))
    assert missing == "tiny2026 in full needs absent.npz, a file (no file or folder 'absent.npz'); make it yourself"
    other = mistake(lambda: plan(out, quick=False, data="digits"))
    told = "--data digits is something else, 10 classes of 8 x 8 x 1"
    assert other == f"tiny2026 in full needs absent.npz, a file ({told}); make it yourself"
    np.savez("mine.npz", features=np.zeros((10, 4), np.float32))
    assert "mine.npz is none that it has figures of" in mistake(lambda: plan(out, data="mine.npz"))
    assert (
        mistake(lambda: plan(out, weights="vgg16.pth"))
        == "--weights vgg16.pth: tiny2026 in this form has no network with published weights"
    )
    assert "seeds 'x'" in mistake(lambda: plan(out, seeds="x"))
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]
    (out / "pair").mkdir(parents=True)
    (out / "pair" / "letter.txt").touch()
    assert "is not empty and holds no run" in mistake(lambda: plan(out))


@pytest.mark.parametrize("name", [name for name, paper in papers.PAPERS.items() if paper.forms["full"].need])
def test_other_data_is_not_what_a_full_form_needs(name: str, tmp_path: Path):
    need = papers.PAPERS[name].forms["full"].need
    assert need is not None
    assert not need.is_it(scenes.load("digits"))
    assert mistake(lambda: reproduce.plan(papers.PAPERS, name, tmp_path / "out", games=GAMES, quick=False, data="digits")).startswith(
        f"{name} in full needs {need.what} (--data digits "
    )
    assert not (tmp_path / "out").exists()


def test_the_command_wants_a_paper_for_its_flags():
    assert mistake(lambda: command.run(["--quick"])).startswith("reproduce needs a paper: chaabouni2022, ")


# ----------------------------------------------------------------------------------------------------------------------- runs


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up paper, played."""
    out = tmp_path_factory.mktemp("reproduce") / "tiny"
    made = plan(out)
    _, caught = reproduce.train(made.courses[0], GAME, GAMES, silent)
    assert caught == 0
    return out


@pytest.fixture
def copy(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in a program that knows no other paper."""
    shutil.copytree(trained, tmp_path / "tiny")
    monkeypatch.setattr(papers, "PAPERS", MADE_UP)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "tiny"


def refuse(*args: Any, **given: Any) -> Any:
    raise AssertionError("this run is complete and must not be trained again")


def test_a_finished_run_is_judged_and_not_trained_again(copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(session, "start", refuse)
    monkeypatch.setattr(session, "resume", refuse)
    assert command.run(["tiny2026", "--quick", "--out", str(copy)]) == 1
    out = capsys.readouterr().out
    assert f"semiosis train {GAME} --preset tiny --steps 40 --candidates 8 --seeds 100, --out" in out
    assert "tiny2026: 1 of 2 claims missed: a share is more than 1" in out
    result = json.loads((copy / "reproduce.json").read_text())
    assert result["paper"] == "tiny2026"
    assert (result["form"], result["seeds"], result["reproduced"]) == ("digits", [100], False)
    sure, never = result["claims"]
    assert (sure["within"], never["within"]) == (True, False)
    assert sure["found"]["per_seed"] == never["found"]["per_seed"] == [sure["found"]["mean"]]
    assert sure["expected"] == {"value": 0.5, "kind": "about", "source": "a law", "tolerance": 0.5}
    evaluation = json.loads((copy / "pair" / "evaluation.json").read_text())
    assert sure["found"]["mean"] == evaluation["metrics"]["accuracy"]["mean"]
    assert {"jax", "python", "semiosis"} <= set(result["versions"])


def test_the_table_fits_a_terminal_and_json_is_json_alone(copy: Path, capsys: pytest.CaptureFixture[str]):
    assert command.run([GAME, "--quick", "--out", str(copy), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    from rich.console import Console

    screen = Console(width=80)
    with screen.capture() as seen:
        screen.print(command.table(result))
        screen.print(command.listing(papers.PAPERS))
    assert max(map(len, seen.get().splitlines())) <= 80
    assert "missed" in seen.get()
    assert "above 1 in every" in seen.get()


def test_an_interrupted_run_goes_on_where_it_was(copy: Path, trained: Path):
    run = copy / "pair"
    folders = step_folders(run)
    newest = max(folders)
    for step, folder in folders.items():
        if step > min(folders):
            shutil.rmtree(folder)
    course = plan(copy).courses[0]
    went_on, caught = reproduce.train(course, GAME, GAMES, silent)
    assert caught == 0
    assert went_on is not None
    assert went_on.step == newest == 40
    parts = [path / "pair" / "checkpoints" / f"{newest:09d}" / "world.safetensors" for path in (copy, trained)]
    assert parts[0].read_bytes() == parts[1].read_bytes()


def test_a_directory_of_another_run_is_refused(copy: Path):
    told = f"{copy / 'pair'} holds another run, whose seeds is [100] and not [5]: choose another --out"
    assert mistake(lambda: plan(copy, seeds="5,")) == told


def test_a_signal_is_passed_on(copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(reproduce, "train", lambda *args: (None, 15))
    assert command.run(["tiny2026", "--quick", "--out", str(copy)]) == 128 + 15
    assert "the same command goes on" in capsys.readouterr().err
    assert not (copy / "reproduce.json").exists()


# ------------------------------------------------------------------------------------------------------------------ documents


RESULT = {
    "paper": "tiny2026",
    "form": "digits",
    "date": "2026-11-21",
    "seeds": [100, 101],
    "commands": ["semiosis train lewis --preset tiny --seeds 100,101"],
    "versions": {"jax": "0.10.2"},
    "platform": "Linux x86_64",
    "reproduced": False,
    "claims": [
        {
            "says": "accuracy",
            "expected": {"value": 0.955, "kind": "about", "source": "docs", "tolerance": 0.055},
            "found": {"mean": 0.9512, "low": 0.9, "high": 1.0024, "per_seed": [0.95, 0.9524]},
            "within": True,
        },
        {
            "says": "more than nothing",
            "expected": {"value": 0.0, "kind": "more", "source": "a paper"},
            "found": {"mean": None, "low": None, "high": None, "per_seed": [None]},
            "within": False,
        },
    ],
}


def test_markdown_by_hand():
    assert reproduce.markdown([RESULT]).splitlines() == [
        "### tiny2026, quick, on digits",
        "",
        "2026-11-21, seeds 100 to 101; JAX 0.10.2, Linux x86_64. tiny2026: 1 of 2 claims missed: more than nothing.",
        "",
        "| claim | expected | found (95 % interval) | | source of what is expected |",
        "|---|---|---|---|---|",
        "| accuracy | 0.955\u00a0±\u00a00.055 | 0.951 (0.900 to 1.002) | within | docs |",
        "| more than nothing | above 0 in every seed | undefined | **missed** | a paper |",
        "",
        "```sh",
        "semiosis train lewis --preset tiny --seeds 100,101",
        "```",
    ]


def test_the_document_tells_every_claim_as_it_is_made_now(repo: Path):
    text = (repo / "docs" / "reproduce.md").read_text().replace("\u00a0", " ")
    for name, paper in papers.PAPERS.items():
        for form in (next(iter(paper.forms.values())), paper.forms["full"]):
            for claim in form.claims:
                expected = claim.expected
                told = {"value": expected.value, "kind": expected.kind, "tolerance": expected.tolerance(form.seeds)}
                row = f"| {claim.says} | {reproduce.expectation(told)} |"
                assert row in text, f"docs/reproduce.md lacks, of {name}: {row}"
                assert f"| {expected.source} |" in text
