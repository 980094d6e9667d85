"""The dialogue at the command line: trained, told, judged, taken apart, probed and crossed; one small run serves all tests."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as parquet
import pytest
from PIL import Image
from safetensors.numpy import save_file

from semiosis import cli, scenes
from semiosis.nets import backbones
from semiosis.runs import conversations, session
from semiosis.runs.checkpoints import read_arrays
from semiosis.runs.records import read_metrics

DATA = "digits,withheld=2+9,limit=40"
SMALL = ("--preset", "tiny", "--evaluation-size", "32", "--devices", "1")
TINY = (*SMALL, "--data", DATA, "--steps", "20", "--log-every", "10", "--save-every", "10", "--seeds", "0,3", "--samples", "1")
FIGURES = {"lengths", "steps", "f1", "bits", "components", "changes", "confusion", "transcript"}
PNG = b"\x89PNG"
Tell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mistake(tell: Tell, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The one sentence that a command answers a mistake with; nothing is written here, nor in the run."""
    monkeypatch.chdir(tmp_path)

    def sentence(*args: Any) -> str:
        before = [listing(folder) for folder in (tmp_path, trained)]
        status, out, err = tell(*args)
        assert (status, out) == (2, ""), (out, err)
        assert re.fullmatch(r"semiosis: [^\n]+\n", err), err
        assert [listing(folder) for folder in (tmp_path, trained)] == before
        return err.removeprefix("semiosis: ").rstrip("\n")

    return sentence


def listing(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder and what it holds, but for the locks."""
    found = sorted(path for path in folder.rglob("*") if path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


def run(*args: Any) -> str:
    """What a command prints that must succeed."""
    with redirect_stdout(io.StringIO()) as out:
        assert cli.main([str(arg) for arg in args]) == 0
    return out.getvalue()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of the seeds 0 and 3 with lines and checkpoints at 10 and 20, and what its training printed."""
    path = tmp_path_factory.mktemp("cli") / "dialogue"
    return path, run("train", "dialogue", *TINY, "--out", path)


@pytest.fixture(scope="module")
def trained(told: tuple[Path, str]) -> Path:
    """The run, for looking at."""
    return told[0]


@pytest.fixture(scope="module")
def analysed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A copy of the run, evaluated and analysed, and what both commands printed."""
    path = Path(shutil.copytree(trained, tmp_path_factory.mktemp("cli") / "talk"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        return path, run("evaluate", path), run("dialogue-analysis", path)


@pytest.fixture(scope="module")
def newborn(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of no steps: of agents that say eight bits, and of agents that send numbers."""
    home = tmp_path_factory.mktemp("cli")
    plain = (*SMALL, "--data", DATA, "--steps", "0")
    run("train", "dialogue", *plain, "--message-bits", "8", "--out", home / "wide")
    run("train", "dialogue", *plain, "--channel", "continuous", "--out", home / "numbers")
    return {path.name: path for path in home.iterdir()}


def reopened(path: Path) -> session.Trained:
    return session.reopen(session.open_run(path), cli.GAMES, "newest", say=pytest.fail)


# ----------------------------------------------------------------------------------------------------------------- train


def test_a_conversation_is_told_below_each_line_of_training(told: tuple[Path, str]):
    path, out = told
    parts = re.split(r"^dialogue: step (\d+) of 20 .*\n", out, flags=re.MULTILINE)
    assert parts[1::2] == ["10", "20"]
    opened = reopened(path)
    talk = conversations.of(opened, 0, "valid").talk
    assert opened.config.samples == 1
    for text in parts[2::2]:
        head, *lines = re.split(r"\n(?:trained: |warning at step )", text)[0].rstrip("\n").split("\n")
        assert head == f"valid-000000  {talk.classes[talk.target[0]]}"
        sender, receiver, end = lines[:-1:2], lines[1:-1:2], lines[-1]
        assert 1 <= len(sender) == len(receiver) <= 3
        assert all(re.fullmatch(r" +\d sender   [▁▂▃▄▅▆▇█]{4} [01]{4} +\d", line) for line in sender)
        assert all(
            re.fullmatch(r" +receiver [▁▂▃▄▅▆▇█]{4} [01]{4} +\d  \d \d\.\d\d  (goes on|stops|over) \(on \d\.\d\d\)", r) for r in receiver
        )
        assert re.fullmatch(rf" +(right|wrong: \d), after {len(sender)} steps?", end)
    said = [re.findall(r"[01]{4}", line)[0] for line in lines[:-1]]
    both = [(talk.sender[0, t], talk.receiver[0, t]) for t in range(talk.length[0])]
    assert said == ["".join("01"[int(bit)] for bit in bits) for pair in both for bits in pair]


def test_training_leaves_its_lines(trained: Path):
    rows = read_metrics(session.open_run(trained))
    assert [(row["step"], row["seed"], row["split"]) for row in rows] == [
        (step, seed, split) for step in (10, 20) for split in ("train", "valid") for seed in (0, 3)
    ]
    assert all({"accuracy", "loss", "exchanges"} <= row.keys() and 1 <= row["exchanges"] <= 3 for row in rows)
    assert not (trained / "history").exists()  # what is told is not kept


# -------------------------------------------------------------------------------------------------------------- evaluate


def test_an_evaluation_tells_steps_tampering_and_classes_that_were_withheld(analysed: tuple[Path, str, str]):
    path, out, _ = analysed
    assert max(map(len, out.partition("written: ")[0].splitlines())) <= 80
    result = json.loads((path / "evaluation.json").read_text())
    assert (result["game"], result["step"], result["split"], result["seeds"]) == ("dialogue", 20, "test", [0, 3])
    table, data = result["metrics"], scenes.load(DATA)
    names = [f"accuracy@step-{t}" for t in (1, 2, 3)]
    names += [f"accuracy_{what}" for what in ("shuffled", "silent", "noise", "truncated", "constant", "deaf", "back_shuffled")]
    names += ["accuracy", "accuracy@out_of_domain", "accuracy@out_of_domain/all-classes"]
    assert {name for name in table if name.startswith("accuracy")} == {*names}
    share = {part: np.sort(np.bincount(found.labels))[::-1] / len(found.labels) for part, found in data.splits.items()}
    for name in names:
        part = "out_of_domain" if "out_of_domain" in name else "test"
        assert table[name]["chance"] == pytest.approx(share[part][0]), name
        assert table[name]["n"] == len(data.splits[part].inputs), name
        assert all(0 <= value <= 1 for value in table[name]["per_seed"]), name
    assert table["top_3"]["chance"] == pytest.approx(share["test"][:3].sum())
    among = [table[f"accuracy@out_of_domain{more}"]["per_seed"] for more in ("", "/all-classes")]
    assert all(two >= ten for two, ten in zip(*among, strict=True))  # who is right among ten is right among two of them
    assert {found.name for found in (path / "figures").iterdir()} == {
        "curves.png", "interventions.png", "conversations.png", "steps.png", "lengths.png"
    }  # fmt: skip
    assert all(found.read_bytes().startswith(PNG) for found in (path / "figures").iterdir())
    flat = "".join(out.split("\n"))
    assert all(f"figures/{found.name}" in flat for found in (path / "figures").iterdir())


def test_classes_that_were_withheld_are_a_split_of_their_own(analysed: tuple[Path, str, str], tmp_path: Path, tell: Tell):
    path = Path(shutil.copytree(analysed[0], tmp_path / "copy"))
    before = listing(path)
    status, out, err = tell("evaluate", path, "--split", "out_of_domain", "--json")
    assert (status, err) == (0, "")
    table, usual = json.loads(out)["metrics"], json.loads(before["evaluation.json"])["metrics"]
    for name, same in (("accuracy", "accuracy@out_of_domain"), ("accuracy@all-classes", "accuracy@out_of_domain/all-classes")):
        assert table[name]["per_seed"] == pytest.approx(usual[same]["per_seed"], abs=1e-6)
    assert json.loads((path / "evaluation-out_of_domain.json").read_text()) == json.loads(out)
    written = {f"figures/{name}-out_of_domain.png" for name in ("interventions", "conversations", "steps", "lengths")}
    after = listing(path)
    assert after.keys() - before.keys() == {"evaluation-out_of_domain.json", *written}
    assert [name for name in before if after[name] != before[name] and name != "figures/curves.png"] == []


def test_other_dials_to_judge_with_leave_the_evaluation_alone(analysed: tuple[Path, str, str], tmp_path: Path, tell: Tell):
    path = Path(shutil.copytree(analysed[0], tmp_path / "copy"))
    before = listing(path)
    status, out, err = tell("evaluate", path, "--change", "max_exchange=5", "corrupt=0:2")
    assert (status, err) == (0, "")
    result = json.loads((path / "evaluation-max_exchange-5-corrupt-0-2.json").read_text())
    assert result["changed"] == {"max_exchange": 5, "corrupt": "0:2"}
    table, usual = result["metrics"], json.loads(before["evaluation.json"])["metrics"]
    assert [name for name in table if name.startswith("accuracy@step")] == [f"accuracy@step-{t}" for t in range(1, 6)]
    assert table["exchanges"]["mean"] <= 5
    assert "accuracy_deaf" in usual
    status, out, err = tell("evaluate", path, "--change", "ignore_receiver=true", "--change", "ignore_code=False", "--json")
    assert (status, err) == (0, "")  # of two flags, the last one counts
    again = json.loads(out)
    assert again["changed"] == {"ignore_code": False}
    figures = {name: entry["per_seed"] for name, entry in again["metrics"].items()}
    assert figures == {name: entry["per_seed"] for name, entry in usual.items()}  # as it was trained
    after = listing(path)
    assert after.keys() - before.keys() == {"evaluation-max_exchange-5-corrupt-0-2.json", "evaluation-ignore_code-False.json"}
    assert all(after[name] == before[name] for name in before)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("exchanges=5", "unknown setting 'exchanges': known are data, steps, batch_size, max_exchange, "),
        ("max_exchange", "--change max_exchange: expected NAME=VALUE, as in max_exchange=20"),
        ("max_exchange=many", "--change max_exchange=many: max_exchange is 3, and 'many' is no int"),
        ("max_exchange=", "--change max_exchange=: max_exchange is 3, and '' is no int"),
        ("sender_flips=x", "--change sender_flips=x: sender_flips is 0.0, and 'x' is no float"),
        ("ignore_receiver=1", "--change ignore_receiver=1: ignore_receiver is False, and '1' is no bool"),
        ("eye=4,x", "--change eye=4,x: eye is [], and '4,x' is no list"),
        ("exchange=sometimes", "unknown exchange 'sometimes': known are fixed, adaptive"),
        ("max_exchange=0", "max_exchange is 0: expected 1 to 1000"),
        ("sender_flips=2", "sender_flips is 2.0: expected 0.0 to 1.0"),
        ("corrupt=9", "corrupt is '9': a message has no bit 9, its bits are 0 to 3"),
    ],
)
def test_dials_that_cannot_be_judged_with(change: str, sentence: str, trained: Path, mistake: Callable[..., str]):
    assert mistake("evaluate", trained, "--change", change).startswith(sentence)


def test_a_dial_that_would_make_other_agents_is_refused(trained: Path, mistake: Callable[..., str]):
    told = mistake("evaluate", trained, "--change", "message_bits=8")
    assert "does not fit this program and its config.json: its leaf 'sender.net.net.code.weight' is float32[2,1,4,8] " in told


# -------------------------------------------------------------------------------------------------------------- analysis


def test_an_analysis_writes_the_conversations_and_draws_from_them_alone(analysed: tuple[Path, str, str], tmp_path: Path, tell: Tell):
    path, _, out = analysed
    home = path / "dialogue"
    names = {f"{name}.png" for name in FIGURES} | {"messages.h5", "messages.parquet", "analysis.json"}
    assert {found.name for found in home.iterdir()} == names
    assert all((home / f"{name}.png").read_bytes().startswith(PNG) for name in FIGURES)
    assert max(map(len, out.partition("written: ")[0].splitlines())) <= 80
    assert all(f"dialogue/{name}" in "".join(out.split("\n")) for name in names)
    result = json.loads((home / "analysis.json").read_text(), parse_constant=pytest.fail)  # no NaN
    shutil.copy(home / "messages.h5", tmp_path / "alone.h5")
    shutil.copy(home / "messages.parquet", tmp_path / "alone.parquet")
    status, told, err = tell("dialogue-analysis", tmp_path / "alone.h5", "--json")
    assert (status, err) == (0, "")
    assert json.loads(told) == result
    other = tmp_path / "other"
    status, told, err = tell("dialogue-analysis", tmp_path / "alone.parquet", "--samples", "2", "--letters", "--out", other)
    assert (status, err) == (0, "")
    assert json.loads((other / "analysis.json").read_text()) == result
    drawn = {f"{name}.png" for name in FIGURES} | {"analysis.json"}
    assert {found.name for found in (tmp_path / "alone").iterdir()} == {found.name for found in other.iterdir()} == drawn
    ends = re.findall(r"^ +(?:right|wrong: \d), after \d steps?$", told, re.MULTILINE)
    assert len(ends) == 2
    assert re.search(r"^  1 sender   [▁▂▃▄▅▆▇█]{4} [A-Z2-7] +\d$", told, re.MULTILINE)  # four bits are a letter


def test_the_conversations_are_those_that_were_judged(analysed: tuple[Path, str, str]):
    """Success and length from the files alone are the evaluation's: the same number of answers is right, and of exchanges."""
    home = analysed[0] / "dialogue"
    judged = json.loads((analysed[0] / "evaluation.json").read_text())["metrics"]
    result = json.loads((home / "analysis.json").read_text())
    n = judged["accuracy"]["n"]
    assert (result["examples"], result["steps"], result["bits"]) == (n, 3, 4)
    for file in ("messages.h5", "messages.parquet"):
        talk = conversations.read(home / file)
        right, exchanges = int(talk.correct.sum()), int(talk.length.sum())
        assert right == round(judged["accuracy"]["per_seed"][0] * n)
        assert exchanges == round(judged["exchanges"]["per_seed"][0] * n)
        assert result["metrics"]["accuracy"]["mean"] == pytest.approx(right / n, abs=1e-12)
        assert result["metrics"]["length"]["mean"] == pytest.approx(exchanges / n, abs=1e-12)
        for name, value in (("accuracy", right), ("exchanges", exchanges)):
            assert judged[name]["per_seed"][0] == pytest.approx(value / n, abs=1e-6)  # means of batches in single precision
        assert result["metrics"]["accuracy@3"]["mean"] == pytest.approx(judged["top_3"]["per_seed"][0], abs=1e-6)
        for t, row in enumerate(result["by_step"], 1):
            assert row["accuracy"]["mean"] == pytest.approx(judged[f"accuracy@step-{t}"]["per_seed"][0], abs=1e-6)


def test_each_file_has_a_row_for_each_example_step_and_agent(analysed: tuple[Path, str, str]):
    home, split = analysed[0] / "dialogue", scenes.load(DATA).splits["test"]
    n, t = len(split.inputs), 3
    with h5py.File(home / "messages.h5", "r") as file:
        said, thought = file["Communication"][()], file["Predictions"][()]
    assert [int((said["AgentId"] == who).sum()) for who in (b"S", b"R")] == [n * t, n * t]
    assert len(thought) == n * t
    for table in (said[said["AgentId"] == b"S"], said[said["AgentId"] == b"R"], thought):
        assert len(set(zip(table["ExampleId"].tolist(), table["Index"].tolist(), strict=True))) == n * t
    assert set((said["Index"] % 2)[said["AgentId"] == b"S"].tolist()) == {0}
    np.testing.assert_array_equal(said["BinaryVec"] == 1, said["BinaryProb"] >= 0.5)  # greedy messages
    rows = parquet.read_table(home / "messages.parquet")
    assert rows.num_rows == 2 * n * t
    first = [name.decode() for name in said["ExampleId"][:n]]
    assert first == [f"test-{i:06d}" for i in range(n)]
    classes = conversations.read(home / "messages.h5").classes
    assert classes == tuple("01345678")
    assert [int(classes[i]) for i in said["Target"][:n]] == split.labels.tolist()


def test_conversations_about_what_was_withheld(trained: Path):
    opened = reopened(trained)
    held = opened.data.splits["out_of_domain"]
    for split, classes in (("out_of_domain", ("2", "9")), ("test/out_of_domain/all-classes", tuple("0123456789"))):
        talk, images, _ = conversations.of(opened, 1, split)
        assert talk.classes == classes
        assert [int(classes[i]) for i in talk.target] == held.labels.tolist()
        assert talk.example[0] == "out_of_domain-000000"
        np.testing.assert_allclose(images, held.inputs / 255, atol=1e-6)


def test_examples_of_one_name_are_told_apart(trained: Path):
    opened = reopened(trained)
    shown = opened.data.splits["test"]
    splits = {**opened.data.splits, "test": shown._replace(names=np.array(["1.jpg"] * len(shown.inputs)))}
    talk = conversations.of(opened._replace(data=replace(opened.data, splits=splits)), 0, "test").talk
    assert talk.example[:3].tolist() == ["1.jpg", "1.jpg (2)", "1.jpg (3)"]


def test_an_analysis_of_another_seed_and_split_has_a_folder_of_its_own(trained: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch):
    from semiosis.report import dialogue_analysis as report

    made: list[Path] = []
    monkeypatch.setattr(report, "analyse", lambda talk, home, images=None: ({"classes": list(talk.classes)}, made.append(home) or []))
    path = trained.parent / "again"
    shutil.copytree(trained, path)
    status, out, err = tell("dialogue-analysis", path, "--seed", "3", "--split", "out_of_domain", "--json")
    assert (status, err, json.loads(out)) == (0, "", {"classes": ["2", "9"]})
    home = path / "dialogue-out_of_domain-seed-3"
    assert made == [home]
    assert {found.name for found in home.iterdir()} == {"messages.h5", "messages.parquet", "analysis.json"}
    expected = conversations.of(reopened(path), 1, "out_of_domain").talk
    found = conversations.read(home / "messages.parquet")
    assert all(np.array_equal(x, y) for x, y in zip(found, expected, strict=True))


def test_what_has_no_conversations_to_analyse(
    trained: Path, newborn: dict[str, Path], mistake: Callable[..., str], tmp_path: Path, repo: Path
):
    word, numbers = tmp_path / "word", newborn["numbers"]
    run("train", repo / "examples" / "one_word.py", "--preset", "tiny", "--steps", "0", "--devices", "1", "--out", word)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "torn.h5").write_text("mine")
    for path in (word, numbers):
        told = f"{path} has no conversations in bits: expected a run of dialogue that sends bits"
        assert mistake("dialogue-analysis", path) == told
    analyse = lambda *args: mistake("dialogue-analysis", *args)  # noqa: E731
    assert analyse("no") == "no is no run directory: there is no such directory"
    assert analyse("no.h5") == "cannot read no.h5: No such file or directory"
    assert analyse("notes.txt") == "unknown kind of file 'notes.txt': known are .h5, .hdf5, .parquet"
    assert analyse("torn.h5").startswith("cannot read torn.h5: not an HDF5 file, or a damaged one")
    assert analyse(trained, "--descriptions", "d.csv") == "--descriptions names the classes of a file, and a run knows its own"
    assert analyse(trained, "--samples", "-1") == "samples is -1: expected 0 or more"
    assert analyse(trained, "--seed", "1") == f"{trained} has no seed 1: its seeds are 0, 3"
    assert analyse(trained, "--split", "tset").startswith("unknown split 'tset': known are valid, test, out_of_domain, ")
    assert analyse(trained, "--out", "notes.txt").startswith("cannot write notes.txt/messages.h5: ")


# ---------------------------------------------------------------------------------------------- probe, crossplay, the rest


def test_fresh_receivers_learn_what_is_said(trained: Path, tmp_path: Path, tell: Tell):
    path = Path(shutil.copytree(trained, tmp_path / "copy"))
    before = listing(path / "checkpoints")
    status, out, _ = tell("probe", path, "--steps", "2", "--listeners", "1")
    assert status == 0
    assert "ease of learning  ·  listening, accuracy" in out
    result = json.loads((path / "probe-listening.json").read_text())
    assert all(np.shape(curve["value"]) == (2, 2) for curve in result["curves"].values())
    assert listing(path / "checkpoints") == before


def test_receivers_of_other_seeds_listen(trained: Path, newborn: dict[str, Path], tmp_path: Path, tell: Tell, mistake: Callable[..., str]):
    path = Path(shutil.copytree(trained, tmp_path / "copy"))
    told = f"{newborn['wide']} and {path} differ in their message_bits (8 and 4): their agents cannot meet"
    assert mistake("crossplay", path, newborn["wide"]) == told
    told = f"{newborn['numbers']} and {path} differ in their messages (numbers and bits): their agents cannot meet"
    assert mistake("crossplay", path, newborn["numbers"]) == told
    status, out, err = tell("crossplay", path, "--split", "valid", "--json")
    assert (status, err) == (0, "")
    result = json.loads(out)
    assert result["names"] == ["seed 0", "seed 3"]
    last = [row["accuracy"] for row in read_metrics(session.open_run(path)) if (row["step"], row["split"]) == (20, "valid")]
    assert np.diag(result["accuracy"]) == pytest.approx(last, abs=1e-6)


def test_describe_counts_the_networks_and_what_they_expect(trained: Path, tell: Tell):
    status, out, err = tell("describe", "dialogue", "--preset", "tiny", "--data", DATA)
    assert (status, err) == (0, "")
    sizes = dict.fromkeys(("sender", "receiver"), 0)
    for name, array in read_arrays(trained / "checkpoints" / "000000020").items():
        role, part, *_ = name.split(".")
        if part == "net":
            sizes[role] += array[0, 0].size
    lines = out.splitlines()
    assert [line.split()[-1] for line in lines if line.startswith("  each")] == [f"{size:,}" for size in sizes.values()]
    assert max(map(len, lines)) <= 80
    assert "frozen" in tell("describe", "dialogue", "--preset", "tiny", "--data", DATA, "--frozen", "sender")[1]


def test_data_tells_the_words_of_each_class(tell: Tell, tmp_path: Path):
    status, out, err = tell("data", DATA, "--out", tmp_path / "sheet.png")
    assert (status, err) == (0, "")
    data = scenes.load("digits")
    for label, words in zip(data.classes, data.descriptions.words, strict=True):
        assert f"\n{label}: {' '.join(words)}\n" in out
    assert re.search(r"^out_of_domain: \d+ of 8 x 8 x 1 uint8$", out, re.MULTILINE)
    assert "without a vector" not in out
    rows = "".join(f"{i},{i},{'long' if i % 2 else 'round'} zorblat {'abcdefghij'[i]}1\n" for i in range(10))
    (tmp_path / "d.csv").write_text(rows)
    (tmp_path / "glove.txt").write_text("long 1 2 3\nround 4 5 6\nother 7 8 9\n")
    status, out, err = tell(
        "data", f"digits,limit=9,descriptions={tmp_path}/d.csv,vectors={tmp_path}/glove.txt", "--out", tmp_path / "s.png"
    )
    assert (status, err) == (0, "")
    assert "3: long zorblat d1\n" in out
    assert "11 words without a vector: zorblat, a1, b1, " in out


def test_descriptions_that_do_not_fit(mistake: Callable[..., str], tmp_path: Path, trained: Path):
    train = lambda data: mistake("train", "dialogue", *SMALL, "--data", data, "--out", "new")  # noqa: E731
    rows = [f"{i},{i},{'long' if i % 2 else 'round'} thing\n" for i in range(10)]
    texts = {"few": rows[:9], "mute": [*rows[:9], "9,9,\n"], "stop": [*rows[:9], "9,9,the and of\n"], "all": rows}
    for name, lines in texts.items():
        (tmp_path / f"{name}.csv").write_text("".join(lines))
    (tmp_path / "uneven.txt").write_text("long 1 2 3\nround 4 5\n")
    (tmp_path / "deaf.txt").write_text("long 1 2 3\n")
    told = train("digits,descriptions=few.csv")
    assert told.startswith("class '9' of 'digits' has no description in 'few.csv', by label or by id: it describes 0 0, 1 1, ")
    for name, lacks in (("mute", "is empty"), ("stop", "has only stop words")):
        told = f"line 10 of '{name}.csv' is a class without a description: the text of '9' {lacks}"
        assert train(f"digits,descriptions={name}.csv") == told
    assert "uneven.txt" in train("digits,descriptions=all.csv,vectors=uneven.txt")
    told = train("digits,descriptions=all.csv,vectors=deaf.txt")
    assert told == "none of the words of class '0' has a vector in 'deaf.txt': round, thing"
    assert train("digits,withheld=2+x") == "unknown class of 'digits,withheld=2+x' 'x': known are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert train("shapes").startswith("the dialogue needs descriptions of the classes, and 'shapes' has none: add ',descriptions=")
    told = mistake("evaluate", trained, "--data", f"{DATA},vectors=9")
    assert told.startswith(f"the agents of {trained} cannot look at '{DATA},vectors=9': ")


# -------------------------------------------------------------------------------------------------------------- features

PLACES = {"train": 3, "val": 2, "test": 2}  # images of each class in each split


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a narrow ResNet-34 sees in images of two classes, and what is written of these."""
    home, rng = tmp_path_factory.mktemp("features"), np.random.default_rng(0)
    for part, count in PLACES.items():
        for name in ("ant", "bee"):
            (home / "images" / part / name).mkdir(parents=True)
            for i in range(count):
                Image.fromarray(rng.integers(0, 256, (64, 70, 3), dtype=np.uint8)).save(home / "images" / part / name / f"{i}.png")
    arrays = {name: rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)
              for name, shape in backbones.resnet34_shapes(2, 5).items()}  # fmt: skip
    save_file({name: array.astype(np.float32) for name, array in arrays.items()}, home / "weights.safetensors")
    (home / "d.csv").write_text("20,bee,it flies, and stings\n3,ant,it walks\n99,dog,it barks\n")
    request = ("--request", "layer4_2", "avgpool_16", "fc", "--side", "64", "--batch-size", "4")
    out = run("features", home / "images", "--out", home / "made", "--weights", home / "weights.safetensors", *request,
              "--descriptions", home / "d.csv")  # fmt: skip
    made = ", ".join(f"{home}/made/{name}.hdf5 ({2 * PLACES[part]} images)" for name, part in _order(out))
    assert out.splitlines()[-1] == f"written: {made}"
    return home


def _order(out: str) -> list[tuple[str, str]]:
    """The files in the order in which they are told, and the folders that they are of."""
    return [(name, "val" if name == "dev" else name) for name in re.findall(r"made/(\w+)\.hdf5", out)]


def test_features_are_data_for_a_dialogue(seen: Path, tmp_path: Path, tell: Tell):
    assert {path.name for path in (seen / "made").iterdir()} == {"train.hdf5", "dev.hdf5", "test.hdf5", "descriptions.csv"}
    name = f"{seen}/made,feature=avgpool_16,context=fc,vectors=6"
    data = scenes.load(name)
    assert {part: found.inputs.shape for part, found in data.splits.items()} == {"train": (6, 16), "valid": (4, 16), "test": (4, 16)}
    assert {part: sorted(data.classes[i] for i in found.labels) for part, found in data.splits.items()} == {
        "train": ["ant"] * 3 + ["bee"] * 3, "valid": ["ant"] * 2 + ["bee"] * 2, "test": ["ant"] * 2 + ["bee"] * 2
    }  # fmt: skip
    out = tmp_path / "run"
    status, _, err = tell(
        "train", "dialogue", *SMALL, "--data", name, "--batch-size", "4", "--steps", "2", "--max-exchange", "1", "--out", out
    )
    assert (status, err) == (0, "")
    rows = [row for row in read_metrics(session.open_run(out)) if row["split"] == "train"]
    assert all(np.isfinite(row["loss"]) and row["exchanges"] == 1 for row in rows)


def test_features_that_do_not_fit(seen: Path, mistake: Callable[..., str], tmp_path: Path):
    train = lambda data: mistake("train", "dialogue", *SMALL, "--data", data, "--batch-size", "4", "--out", "new")  # noqa: E731
    (tmp_path / "other.csv").write_text("20,bee,it flies\n4,ant,it walks\n")
    told = train(f"{seen}/made,feature=avgpool_16,descriptions=other.csv")
    assert re.fullmatch(r"'.*hdf5' has the label id 3, which 'other.csv' does not describe: it has 20, 4", told), told
    told = train(f"{seen}/made,descriptions={seen}/d.csv")
    assert re.fullmatch(r"unknown feature of '.*hdf5' 'avgpool_512': known are avgpool_16, fc, layer4_2", told), told
    made = ("features", seen / "images", "--weights", seen / "weights.safetensors", "--request", "fc", "--side", "64")
    assert mistake(*made, "--out", seen / "made").endswith("exists: choose another name, or delete it first")
    (tmp_path / "bees.csv").write_text("20,bee,it flies\n")
    told = mistake(*made, "--out", "new", "--descriptions", "bees.csv")
    assert told == "bees.csv describes no class 'ant': it has bee"
