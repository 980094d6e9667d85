"""Corpora and metrics at the command line: of a small run, and of files that others write."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semiosis import cli, corpora
from semiosis.commands import corpus as corpus_command
from semiosis.commands import metrics as metrics_command
from semiosis.errors import UsageError

REPO = Path(__file__).resolve().parent.parent
QUICK = ("--permutations", "5", "--bootstrap", "5")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the seeds 0 and 3."""
    path = tmp_path_factory.mktemp("cli") / "run"
    words = ["train", str(REPO / "examples" / "one_word.py"), "--preset", "tiny", "--steps", "20", "--seeds", "0,3", "--out", str(path)]
    with redirect_stdout(io.StringIO()):
        assert cli.main(words) == 0
    return path


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command prints on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def said(command: Any, *args: Any) -> str:
        capsys.readouterr()
        assert command.run([str(arg) for arg in args]) == 0
        return capsys.readouterr().out

    return said


def test_a_run_is_written_down_in_each_format(trained: Path, say: Any, tmp_path: Path):
    out = say(corpus_command, trained)
    whole = corpora.read(trained / "episodes.parquet")
    count = len(np.unique(whole.tokens))
    assert out == (
        f"{whole.size} utterances of 2 seeds about {whole.size // 2} things, {count} different messages\n"
        f"written: {trained}/episodes.parquet\n"
    )
    assert whole.about["seeds"] == [0, 3]
    told = json.loads(say(corpus_command, trained, "--format", "jsonl", "--seed", "3", "--json"))
    assert told["written"] == str(trained / "episodes-seed-3.jsonl")
    one = corpora.read(told["written"])
    assert (one.size, told["rows"], told["seeds"]) == (whole.size // 2, whole.size // 2, [3])
    np.testing.assert_array_equal(one.tokens, whole.tokens[whole.seed == 3])
    for form, name in (("hdf5", "a.h5"), ("egg", "a.pt"), ("elcc", "elcc")):
        say(corpus_command, trained, "--format", form, "--out", tmp_path / name)
        np.testing.assert_array_equal(corpora.read(tmp_path / name).tokens, whole.tokens)
    say(corpus_command, trained, "--split", "valid", "--format", "elcc")
    assert corpora.read(trained / "elcc-valid").about["game"] == whole.about["game"]


def test_a_run_is_measured(trained: Path, say: Any, tmp_path: Path):
    out = say(metrics_command, trained, *QUICK)
    assert max(map(len, out.splitlines()[:-1])) <= 80
    assert "Null: " in out
    assert out.endswith(f"written: {trained}/language.json\n")
    told = json.loads((trained / "language.json").read_text())
    assert (told["step"], told["split"], told["seeds"]) == (20, "test", [0, 3])
    entry = told["metrics"]["label_bits"]
    assert set(entry) == {"mean", "low", "high", "per_seed", "null", "null_high", "n", "how"}
    assert len(entry["per_seed"]) == 2
    assert entry["null"] < entry["null_high"]
    assert "topsim" in told["metrics"]  # of the inputs, which a run knows
    few = say(metrics_command, trained, *QUICK, "--only", "label_bits", "messages")
    assert "message tells class" in few
    assert "topographic" not in few
    assert json.loads((trained / "language.json").read_text()) == told  # what is asked for otherwise is only shown
    # the corpus has the same language, and finds its inputs again where it is told to
    say(corpus_command, trained, "--out", tmp_path / "a.parquet")
    plain = json.loads(say(metrics_command, tmp_path / "a.parquet", *QUICK, "--json"))
    assert plain["metrics"]["label_bits"] == entry
    assert "topsim" not in plain["metrics"]
    looked = json.loads(say(metrics_command, tmp_path / "a.parquet", *QUICK, "--inputs", "--only", "topsim", "--json"))
    assert looked["metrics"]["topsim"] == told["metrics"]["topsim"]
    alone = json.loads(say(metrics_command, tmp_path / "a.parquet", *QUICK, "--seed", "3", "--only", "messages", "--json"))
    assert alone["metrics"]["messages"]["mean"] == told["metrics"]["messages"]["per_seed"][1]


def test_files_of_others_are_measured(say: Any, tmp_path: Path):
    attributes = np.stack([np.arange(16) % 4, np.arange(16) // 4], axis=1)
    table = tmp_path / "words.tsv"
    lines = [f"{'abcd'[a]} {'efgh'[b]}\t{a}\t{b}" for a, b in attributes]
    table.write_text("\n".join(["said\tfirst\tsecond", *lines]) + "\n")
    found = json.loads(say(metrics_command, table, "--message", "said", "--attributes", "first", "second", *QUICK, "--json"))
    assert found["corpus"] == str(table)
    assert found["metrics"]["posdis"]["mean"] == pytest.approx(1.0)  # each place tells one attribute and nothing of the other
    assert found["metrics"]["topsim_attributes"]["mean"] == pytest.approx(1.0)
    corpora.write(corpora.read(table, message="said"), tmp_path / "elcc", "elcc")
    for path in (tmp_path / "elcc", next((tmp_path / "elcc").rglob("corpus.jsonl"))):
        assert json.loads(say(metrics_command, path, *QUICK, "--json"))["metrics"]["messages"]["mean"] == 16
    out = say(metrics_command, table, "--message", "said", *QUICK, "--only", "posdis")
    assert "undefined, no attributes" in out


def test_what_a_stranger_tells_of_a_file_is_shown_or_refused(say: Any, tmp_path: Path):
    file = tmp_path / "a.jsonl"
    head = {"format": 1, "agents": [], "about": {"step": "last", "data": {"name": 5, "split": "test", "fingerprint": "x"}}}
    file.write_text(json.dumps(head) + "\n[1, 2]\n[2, 1]\n")
    assert "step last" in say(metrics_command, file, *QUICK, "--only", "messages")
    with pytest.raises(UsageError, match="does not say what it is about"):
        metrics_command.run([str(file), "--inputs"])


def test_mistakes_are_told_in_a_sentence(trained: Path, tmp_path: Path):
    def sentence(command: Any, *args: Any) -> str:
        with pytest.raises(UsageError) as told:
            command.run([str(arg) for arg in args])
        return str(told.value)

    before = sorted(trained.rglob("*"))
    assert sentence(corpus_command, trained, "--seed", "x") == "seed 'x': expected a seed of the run, or all"
    assert "has no seed 1: its seeds are 0, 3" in sentence(corpus_command, trained, "--seed", "1")
    assert "unknown split 'tset'" in sentence(corpus_command, trained, "--split", "tset")
    assert "no such directory" in sentence(corpus_command, tmp_path / "none")
    assert "most is 2: expected 3 or more" in sentence(metrics_command, trained, "--most", "2")
    assert "names a column of a table" in sentence(metrics_command, trained, "--label", "a")
    (tmp_path / "a.csv").write_text("message\n1\n2\n")
    assert "unknown metric 'tops'" in sentence(metrics_command, tmp_path / "a.csv", "--only", "tops")
    assert "does not say what it is about" in sentence(metrics_command, tmp_path / "a.csv", "--inputs")
    assert "a file holds what it holds" in sentence(metrics_command, tmp_path / "a.csv", "--split", "valid")
    assert "has no seed 4: its seeds are 0" in sentence(metrics_command, tmp_path / "a.csv", "--seed", "4")
    assert sentence(metrics_command, tmp_path / "none.csv") == f"cannot read {tmp_path}/none.csv: No such file or directory"
    assert sorted(trained.rglob("*")) == before
