"""Corpora: rows that are the same in every format that can hold them, what others write, and what the agents of each game say."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import types
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from semiosis import corpora, metrics, scenes
from semiosis.conversations import Conversations
from semiosis.corpora import Corpus, egg, measure, tables
from semiosis.corpora.types import FIELDS, IMAGES, NONE
from semiosis.errors import UsageError
from semiosis.games import dialogue, glyph, lewis, naming, sketch
from semiosis.populations import pick
from semiosis.runs import conversations, loop
from semiosis.runs import corpora as plays
from semiosis.runs.directory import Run
from semiosis.runs.evaluate import KEY
from semiosis.runs.session import Trained, game_at
from semiosis.runs.setup import build

HELD = {"parquet": "a.parquet", "jsonl": "a.jsonl", "hdf5": "a.h5", "egg": "a.pt"}  # formats that hold all there is


def png(shade: int) -> bytes:
    held = io.BytesIO()
    Image.new("L", (4, 4), shade).save(held, "png")
    return held.getvalue()


def symbols() -> Corpus:
    """Two seeds, two speakers, one of whom is heard badly; a message is empty, and a thing has no class."""
    return corpora.checked(
        Corpus(
            tokens=np.array([[3, 1, 9], [0, 9, 9], [2, 2, 2], [5, 5, 5]]),  # what stands after the end is not told
            length=np.array([2, 1, 3, 0]),
            seed=np.array([0, 0, 0, 7]),
            speaker=np.array([0, 0, 1, 0]),
            listener=np.array([2, 2, NONE, 2]),
            example=np.array([4, 5, 4, 4]),
            turn=np.zeros(4, int),
            heard=np.array([[3, NONE, 0], [0, 0, 0], [2, 2, 2], [0, 0, 0]]),
            guess=np.array([[1], [0], [NONE], [2]]),
            target=np.array([[1], [2], [NONE], [2]]),
            correct=np.array([1.0, 0.0, np.nan, 1.0]),
            label=np.array([7, NONE, 7, 7]),
            attributes=np.array([[0, 2], [1, NONE], [0, 2], [0, 2]]),
            candidates=np.array([[5, 4, 8], [5, 4, NONE], [NONE, NONE, NONE], [1, 2, 4]]),
            level=np.array([0.5, 0.1, np.nan, 3.0]),
            meanings=np.array([[0.1, 2.0], [np.nan, np.nan], [1e-300, -1.0], [3.0, 4.0]]),
            reference=np.array(["digits/test/4", "digits/test/5", "digits/test/4", ""]),
            agents=("speaker 0", "speaker 1", "listener 0"),
            about={"game": "lewis", "message": {"vocab_size": 6}, "classes": ["ä", "b"]},
        )
    )


def bits() -> Corpus:
    """One conversation of three turns, one of one."""
    return corpora.checked(
        Corpus(
            tokens=np.array([[0, 1], [1, 1], [0, 0], [1, 0]]),
            length=np.full(4, 2),
            seed=np.zeros(4, int),
            speaker=np.array([0, 1, 0, 0]),
            listener=np.array([1, 0, 1, 1]),
            example=np.array([0, 0, 0, 1]),
            turn=np.array([0, 1, 2, 0]),
            guess=np.array([[3], [NONE], [2], [1]]),
            target=np.array([[2], [NONE], [2], [1]]),
            correct=np.array([0.0, np.nan, 1.0, 1.0]),
            label=np.array([2, 2, 2, 1]),
            agents=("sender 0", "receiver 0"),
            about={"message": {"kind": "bits", "vocab_size": 2}},
        )
    )


def drawings() -> Corpus:
    """Three drawings of two pictures, one of which arrived otherwise, with their strokes."""
    names = np.array([f"{IMAGES}/a.png", f"{IMAGES}/b.png", f"{IMAGES}/a.png"])
    return corpora.checked(
        Corpus(
            tokens=np.zeros((3, 0), int),
            length=np.zeros(3, int),
            seed=np.zeros(3, int),
            speaker=np.zeros(3, int),
            listener=np.ones(3, int),
            example=np.arange(3),
            turn=np.zeros(3, int),
            image=names,
            heard_image=np.array(["", f"{IMAGES}/c.png", ""]),
            strokes=np.arange(24.0).reshape(3, 8),
            agents=("sender 0", "receiver 0"),
            about={"strokes": {"shape": [2, 2, 2]}},
            pictures={f"{IMAGES}/{name}.png": png(shade) for name, shade in (("a", 0), ("b", 80), ("c", 255))},
        )
    )


CORPORA = {"symbols": symbols, "bits": bits, "drawings": drawings}


def same(one: Corpus, other: Corpus) -> None:
    """All rows, names, pictures and what is told of them, types included."""
    for name in FIELDS:
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert a.dtype.kind == b.dtype.kind
            np.testing.assert_array_equal(a, b, err_msg=name)
    assert (one.agents, one.about, dict(one.pictures)) == (other.agents, other.about, dict(other.pictures))


# -------------------------------------------------------------------------------------------------------------- round trips


@pytest.mark.parametrize("made", CORPORA.values(), ids=CORPORA)
@pytest.mark.parametrize(("form", "name"), HELD.items(), ids=HELD)
def test_a_corpus_is_the_same_after_a_round_trip(form: str, name: str, made: Any, tmp_path: Path):
    corpus = made()
    path = corpora.write(corpus, tmp_path / "one" / name, form)
    back = corpora.read(path)
    same(corpus, back)
    again = corpora.write(back, tmp_path / "two" / name, form)  # with the pictures, which are taken along
    same(corpus, corpora.read(again))
    assert path.read_bytes() == again.read_bytes() or form in ("hdf5",)


def test_from_format_to_format_nothing_is_lost(tmp_path: Path):
    corpus = symbols()
    for form in (*HELD, *HELD):
        corpus = corpora.read(corpora.write(corpus, tmp_path / form / HELD[form], form))
    same(symbols(), corpus)


def test_elcc_holds_messages_and_says_so_of_drawings(tmp_path: Path):
    home = corpora.write(symbols(), tmp_path / "out", "elcc")
    assert home == tmp_path / "out" / "systems" / "lewis"
    files = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    variants = {f"data/seed-{seed}/{name}" for seed in (0, 7) for name in ("corpus.jsonl", "metadata.json")}
    assert files == {"metadata.yml", "system.json"} | variants
    assert (home / "data" / "seed-0" / "corpus.jsonl").read_text() == "[3,1]\n[0]\n[2,2,2]\n".replace(",", ", ")
    assert json.loads((home / "data" / "seed-0" / "metadata.json").read_text())["unique_lines"] == 3
    back = corpora.read(tmp_path / "out")
    np.testing.assert_array_equal(back.tokens, symbols().tokens)
    np.testing.assert_array_equal(back.length, symbols().length)
    assert back.seed.tolist() == [0, 0, 0, 1]
    assert back.about["variants"] == ["systems/lewis/data/seed-0", "systems/lewis/data/seed-7"]
    assert corpora.read(home / "data" / "seed-7" / "corpus.jsonl").length.tolist() == [0]
    with pytest.raises(UsageError, match="ELCC holds messages of symbols, and these are drawings"):
        corpora.write(drawings(), tmp_path / "none", "elcc")
    assert not (tmp_path / "none").exists()


def test_what_several_listeners_heard_stands_in_elcc_once(tmp_path: Path):
    one = corpora.messages(np.array([[1, 2], [1, 2], [3, 3]]), agents=("s", "a", "b"))
    told = one._replace(listener=np.array([1, 2, 1]), example=np.array([0, 0, 1]))
    home = corpora.write(told, tmp_path, "elcc")
    assert (home / "data" / "seed-0" / "corpus.jsonl").read_text().splitlines() == ["[1, 2]", "[3, 3]"]


def test_rows_read_well_in_jsonl_and_parquet(tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    lines = [json.loads(line) for line in corpora.write(symbols(), tmp_path / "a.jsonl", "jsonl").read_text().splitlines()]
    assert set(lines[0]) == {"format", "agents", "about"}
    assert lines[1] == {
        "message": [3, 1], "seed": 0, "speaker": "speaker 0", "listener": "listener 0", "example": 4, "turn": 0, "heard": [3, None],
        "guess": 1, "target": 1, "correct": 1.0, "level": 0.5, "label": 7, "attributes": [0, 2], "candidates": [5, 4, 8],
        "reference": "digits/test/4", "meanings": [0.1, 2.0],
    }  # fmt: skip
    assert "listener" not in lines[3]
    table = parquet.read_table(corpora.write(symbols(), tmp_path / "a.parquet")).to_pylist()
    assert table[0]["message"] == [3, 1]
    assert table[0]["heard"] == [3, None]
    assert table[3]["message"] == []
    assert [row["label"] for row in table] == [7, None, 7, 7]
    assert [row["guess"] for row in table] == [1, 0, None, 2]
    assert [row["speaker"] for row in table] == ["speaker 0", "speaker 0", "speaker 1", "speaker 0"]


# ---------------------------------------------------------------------------------------------------------------------- EGG


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """PyTorch, and a module with a class of EGG's name and fields."""
    torch = pytest.importorskip("torch")
    for name in ("egg", "egg.core", "egg.core.interaction"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    module = sys.modules["egg.core.interaction"]
    fields = "\n".join(f"    {name}: object = None" for name in egg.PARTS)
    exec(f"from dataclasses import dataclass\n@dataclass\nclass Interaction:\n{fields}\n", module.__dict__)
    monkeypatch.setattr(torch, "Interaction", module.Interaction, raising=False)
    return torch


def test_torch_reads_what_is_written_as_an_interaction(torch: Any, tmp_path: Path):
    path = corpora.write(symbols(), tmp_path / "a.pt", "egg")
    found = torch.load(path, weights_only=False)
    assert type(found) is torch.Interaction
    assert found.message.dtype == torch.int64
    assert found.message.tolist() == [[4, 2, 0, 0], [1, 0, 0, 0], [3, 3, 3, 0], [0, 0, 0, 0]]  # up by one, and the end is 0
    assert found.message_length.tolist() == [3, 2, 4, 1]  # the end counts
    assert found.receiver_output.tolist() == [1, 0, NONE, 2]
    assert found.labels.tolist() == [1, 2, NONE, 2]
    assert found.receiver_input is None
    assert found.sender_input.dtype == torch.float64
    assert found.aux_input["label"].tolist() == [7, NONE, 7, 7]
    assert found.aux_input["heard"].tolist()[0] == [4, NONE, 0, 0]
    assert found.aux["acc"].tolist()[:2] == [1.0, 0.0]
    assert not found.message.requires_grad
    one = corpora.messages(np.array([[3], [0]]))
    assert torch.load(corpora.write(one, tmp_path / "b.pt", "egg"), weights_only=False).message.tolist() == [3, 0]


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "before 1.6"])
def test_a_dump_of_eggs_is_read(modern: bool, torch: Any, tmp_path: Path):
    found = torch.Interaction(
        sender_input=torch.eye(3),
        labels=torch.tensor([5, 6, 7]),
        aux_input={"attributes": torch.tensor([[0, 1], [1, 1], [1, 0]]), "deep": {"a": torch.ones(1)}},
        message=torch.tensor([[4, 2, 0], [1, 0, 0], [3, 3, 0]]),
        receiver_output=torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.0, 1.0]], requires_grad=True),
        message_length=torch.tensor([3.0, 2.0, 3.0]),
        aux={"acc": torch.tensor([1.0, 0.0, 1.0]), "note": ["a", 1, 2.5, None, True]},
    )
    path = tmp_path / "interaction_gpu0"
    torch.save(found, path, _use_new_zipfile_serialization=modern)
    corpus = corpora.read(path)
    assert corpus.tokens.tolist() == [[3, 1], [0, NONE], [2, 2]]
    assert corpus.length.tolist() == [2, 1, 2]
    assert corpus.label is not None
    assert corpus.label.tolist() == [5, 6, 7]
    assert corpus.guess is not None
    assert corpus.guess.tolist() == [[1], [0], [1]]
    assert corpus.attributes is not None
    assert corpus.attributes.tolist() == [[0, 1], [1, 1], [1, 0]]
    np.testing.assert_array_equal(corpus.meanings, np.eye(3))
    np.testing.assert_array_equal(corpus.correct, [1, 0, 1])
    torch.save([found, found], path, _use_new_zipfile_serialization=modern)
    assert corpora.read(path).size == 6


def test_messages_of_eggs_kinds(torch: Any, tmp_path: Path):
    def read(message: Any, length: Any = None) -> Corpus:
        torch.save(torch.Interaction(message=message, message_length=length, aux_input={}, aux={}), tmp_path / "a.pt")
        return corpora.read(tmp_path / "a.pt")

    relaxed = torch.tensor([[[0.1, 0.9, 0.0], [0.0, 0.2, 0.8], [0.9, 0.1, 0.0]]])
    assert read(relaxed).tokens.tolist() == [[0, 1]]
    assert read(torch.tensor([2, 0, 1])).tokens.tolist() == [[2], [0], [1]]  # games of one symbol have no end
    no_end = read(torch.tensor([[0, 2], [1, 0]]), torch.tensor([2, 2]))  # a 0 before the end that is told is a symbol
    assert no_end.tokens.tolist() == [[0, 2], [1, 0]]
    assert read(torch.tensor([[1, 2], [2, 1]])).tokens.tolist() == [[0, 1], [1, 0]]
    with pytest.raises(UsageError, match="holds no messages"):
        read(None)


def test_relaxed_messages_are_their_likeliest_symbols_whatever_length_is_expected(torch: Any, tmp_path: Path):
    def read(message: Any, length: Any = None, **aux: Any) -> Corpus:
        torch.save(torch.Interaction(message=message, message_length=length, aux_input={}, aux=aux), tmp_path / "a.pt")
        return corpora.read(tmp_path / "a.pt")

    one = torch.tensor([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.0, 1.0, 0.0]])  # Gumbel-Softmax senders of one symbol
    for length in (None, torch.ones(3)):
        assert read(one, length).tokens.tolist() == [[2], [0], [1]]
        assert read(one.round(), length).tokens.tolist() == [[2], [0], [1]]
    assert read(torch.tensor([[2.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), torch.tensor([3.0, 2.0])).tokens.tolist() == [[1, 0], [0, NONE]]
    several = torch.nn.functional.one_hot(torch.tensor([[2, 0, 1, 0], [1, 1, 2, 0]]), 3) * 0.8 + 0.2 / 3
    for length in (torch.tensor([3.7, 3.2]), torch.tensor([4.0, 4.0]), None):  # in training it is an expectation
        corpus = read(several, length)
        assert corpus.tokens.tolist() == [[1, NONE, NONE], [0, 0, 1]]
        assert corpus.length.tolist() == [1, 3]
    stray = torch.tensor([[1, 0, 2, 0], [2, 0, 0, 0], [1, 1, 0, 0]])  # one row is said to go on, two to end
    assert read(stray, torch.tensor([4, 2, 3])).length.tolist() == [1, 1, 2]
    assert read(stray, torch.tensor([3.5, 2.0, 3.0])).length.tolist() == [1, 1, 2]
    assert read(stray, acc=torch.tensor([3.0, 0.0, 1.0])).correct is None
    assert read(stray, acc=torch.tensor([0.5, 0.0, 1.0])).correct is not None
    with pytest.raises(UsageError, match="holds no messages: its Interactions have no rows"):
        read(stray[:0], torch.ones(0))
    with pytest.raises(UsageError, match="its message_length has 2 numbers, and there are 3 messages"):
        read(stray, torch.ones(2))


def test_messages_of_one_symbol_or_none_come_back_from_egg(tmp_path: Path):
    corpus = corpora.messages(np.array([[3], [NONE], [0]]), np.array([1, 0, 1]), agents=("a", "b"), listener=np.ones(3, int))
    path = corpora.write(corpus, tmp_path / "a.pt", "egg")
    same(corpus, corpora.read(path))
    (held,), _ = egg.load(path)
    assert held.message is not None
    assert held.message_length is not None
    assert held.message.tolist() == [[4, 0], [0, 0], [1, 0]]
    assert held.message_length.tolist() == [2, 1, 2]


class Evil:
    def __reduce__(self) -> Any:
        return (print, ("run",))


@pytest.mark.parametrize("what", [Evil(), [Evil()], np.arange(3), complex(1)], ids=["call", "in a list", "numpy", "builtin"])
def test_a_pickle_that_would_run_something_is_refused(what: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps({"message": what, "aux": {}}, protocol=2))
    (tmp_path / "a.pt").write_bytes(held.getvalue())
    with pytest.raises(UsageError, match=r"is refused: it asks for .*an Interaction has no need of"):
        corpora.read(tmp_path / "a.pt")
    assert capsys.readouterr().out == ""


def test_a_class_of_eggs_name_is_only_a_bag_of_fields(tmp_path: Path):
    stream = b"\x80\x02cos\nInteraction\n)\x81}(X\x07\x00\x00\x00messageNX\x03\x00\x00\x00aux}ub."
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("a/data.pkl", stream)
    with pytest.raises(UsageError, match="holds no messages"):
        corpora.read(tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + b"I1\n(i__main__\nthing\n.")
    with pytest.raises(UsageError, match=r"its pickle uses INST, which an Interaction has no need of"):
        corpora.read(tmp_path / "a.pt")


# ------------------------------------------------------------------------------------------------------------- tables of text


def table(folder: Path, text: str, name: str = "a.csv", **more: Any) -> Corpus:
    (folder / name).write_text(text)
    return corpora.read(folder / name, **more)


def test_a_table_of_text_is_read(tmp_path: Path):
    corpus = table(tmp_path, "message,label,a_shape,a_size,x_0,x_1\n1 2,cat,round,3,0.5,1\n2,dog,square,1,0,-1\n,cat,round,1,1,1\n")
    assert corpus.tokens.tolist() == [[1, 2], [2, NONE], [NONE, NONE]]
    assert corpus.length.tolist() == [2, 1, 0]
    assert corpus.label is not None
    assert corpus.label.tolist() == [0, 1, 0]
    assert corpus.attributes is not None
    assert corpus.attributes.tolist() == [[0, 3], [1, 1], [0, 1]]
    assert corpus.meanings is not None
    assert corpus.meanings.tolist() == [[0.5, 1], [0, -1], [1, 1]]
    assert corpus.about["classes"] == ["cat", "dog"]
    assert corpus.about["attributes"] == [{"name": "shape", "values": ["round", "square"]}, {"name": "size", "values": []}]


def test_symbols_may_stand_in_lists_in_columns_and_in_words(tmp_path: Path):
    assert table(tmp_path, 'message\n"[1, 2]"\n[]\n').tokens.tolist() == [[1, 2], [NONE, NONE]]
    assert table(tmp_path, "s1\ts2\n1\t2\n2\t\n", "a.tsv").length.tolist() == [2, 1]
    words = table(tmp_path, "said,who\nba ab,A\nab,B\nab,A\n", message="said", speaker="who")
    assert words.tokens.tolist() == [[1, 0], [0, NONE], [0, NONE]]
    assert words.about["words"] == ["ab", "ba"]
    assert words.agents == ("A", "B")
    assert words.example.tolist() == [0, 0, 1]  # the place of each among those of its speaker
    mixed = table(tmp_path, "message\n7 x\n10 7\n")
    assert mixed.about["words"] == ["10", "7", "x"]
    assert tables.read(tmp_path / "a.csv").size == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("message,label\n1 2\n", "row 2 of .* has 1 cells: expected 2"),
        ("text\n1\n", "has no column 'message' of messages, and no s1, s2, ...: its columns are text"),
        ("message\n", "has no rows"),
        ("s1,s2\n,1\n", "row 2 of .* has a symbol after an empty cell"),
        ("s1,s3\n1,1\n", "expected s1, s2, ... without gaps"),
        ("message\n[1\n", "no JSON list"),
        ("message\n[[1]]\n", "no list of symbols"),
        ("message,x_0\n1,a\n", "the column 'x_0' of .* holds what is no number"),
        ("message,message\n1,1\n", "two columns of one name"),
        ("message,seed\n1,-1\n", "row 2 of .* has the seed '-1': expected a whole number"),
    ],
)
def test_a_table_that_is_none_is_told(text: str, why: str, tmp_path: Path):
    with pytest.raises(UsageError, match=why):
        table(tmp_path, text)


def test_what_a_table_lacks_is_missing(tmp_path: Path):
    corpus = table(tmp_path, "message,label,a_c,x_0\n1,,red,1\n2,cat,,\n3,dog,red,2\n   \n")
    assert corpus.label is not None
    assert corpus.label.tolist() == [NONE, 0, 1]
    assert corpus.about["classes"] == ["cat", "dog"]
    assert corpus.attributes is not None
    assert corpus.attributes.tolist() == [[0], [NONE], [0]]
    assert corpus.meanings is not None
    np.testing.assert_array_equal(corpus.meanings, np.array([[1], [np.nan], [2]]))
    assert table(tmp_path, 'message\n1 2\n\n2\n""\n\n').length.tolist() == [2, 0, 1, 0]  # but what stands below the table is none of it


@pytest.mark.parametrize("form", HELD, ids=HELD)
def test_vectors_that_are_known_in_part_and_speakers_that_are_not(form: str, tmp_path: Path):
    meanings = np.array([[0.5, np.nan], [np.nan, np.nan], [1.0, 2.0]])
    corpus = corpora.messages(np.arange(6).reshape(3, 2), speaker=np.full(3, NONE), meanings=meanings)
    same(corpus, corpora.read(corpora.write(corpus, tmp_path / HELD[form], form)))


def test_tables_of_pandas_are_read(tmp_path: Path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def read(**columns: Any) -> Corpus:
        parquet.write_table(arrow.table(columns), tmp_path / "a.parquet")
        return corpora.read(tmp_path / "a.parquet")

    words = [["ba", "ab"], ["ab"], None]
    corpus = read(message=words, speaker=[4, 7, 4], label=["dog", None, "cat"], seed=[0.0, 1.0, 1.0], correct=[True, False, None])
    assert corpus.tokens.tolist() == [[1, 0], [0, NONE], [NONE, NONE]]
    assert corpus.agents == ("4", "7")
    assert corpus.speaker.tolist() == [0, 1, 0]
    assert corpus.seed.tolist() == [0, 1, 1]
    assert corpus.label is not None
    assert corpus.label.tolist() == [1, NONE, 0]
    assert (corpus.about["words"], corpus.about["classes"]) == (["ab", "ba"], ["cat", "dog"])
    assert read(message=[[1.0]] * 3, label=[2.0, None, 0.0]).label.tolist() == [2, NONE, 0]  # type: ignore[union-attr]
    for columns, why in (
        ({"message": ["1 2"]}, "its column 'message' is of type string, and lists of symbols are expected"),
        ({"message": [[1]], "label": [0.5]}, "its 'label' has what does not fit .0.5 where a whole number is expected"),
        ({"message": [[1]], "correct": ["a"]}, "its 'correct' has what does not fit"),
        ({"message": arrow.array([[2**63]], arrow.list_(arrow.uint64()))}, "its 'message' has what does not fit"),
    ):
        with pytest.raises(UsageError, match=why):
            read(**columns)


# ------------------------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.jsonl", "[99999999999999999999999]\n", "'message' has what does not fit .a whole number of more than 64 bits"),
        ("a.csv", "message\n99999999999999999999999\n", "a whole number of more than 64 bits"),
        ("a.jsonl", "[5000000000]\n", "tokens has the number 5000000000: expected whole numbers from -2147483648 to 2147483647"),
        ("a.jsonl", f'{{"message": [1], "meanings": [1{"0" * 400}]}}\n', "'meanings' has what does not fit"),
        ("a.csv", "message,x_0\n1,1e400\n", "meanings has an infinite number"),
        ("a.jsonl", "[" * 200_000 + "\n", "line 1 of .* is damaged"),
        ("a.csv", "message\n" + "[" * 100_000 + "\n", "row 2 of .* has a message that is no JSON list"),
        ("a.jsonl", f"[{'9' * 5000}]\n", "line 1 of .* is damaged"),
        ("a.csv", f"message,label\n1,{'9' * 5000}\n", "has a number of 5,000 digits"),
        ("a.jsonl", '{"format": 1, "agents": ["a"], "about": {"message": 5}}\n[1]\n', "about tells the message as '5'"),
        ("a.jsonl", '{"format": 1, "agents": ["a"], "about": {}}\n{"message": [1], "speaker": "b"}\n', "'b' is none of the agents: a"),
        ("a.jsonl", '{"message": [1], "correct": 5}\n', "correct is 5: expected the share of an answer that is right, from 0 to 1"),
    ],
    ids=range(12),
)
def test_numbers_and_depths_that_nothing_holds_are_told(name: str, text: str, why: str, tmp_path: Path):
    with pytest.raises(UsageError, match=why) as told:
        table(tmp_path, text, name)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400


def test_a_picture_of_an_impossible_name_is_told(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text('{"message": [], "image": "a\\u0000b.png"}\n')
    with pytest.raises(UsageError, match="has a name that no file can have"):
        corpora.read(tmp_path / "a.jsonl").pictures["a\0b.png"]


@pytest.mark.parametrize("name", HELD.values())
def test_damage_is_told_in_one_sentence(name: str, tmp_path: Path):
    form = next(form for form, called in HELD.items() if called == name)
    data = corpora.write(symbols(), tmp_path / name, form).read_bytes()
    for cut in (b"", data[:20], data[: len(data) // 2], b"nonsense" * 20):
        (tmp_path / name).write_bytes(cut)
        with pytest.raises(UsageError, match=name) as told:
            corpora.read(tmp_path / name)
        assert "\n" not in str(told.value)


def test_what_is_no_corpus_is_told(tmp_path: Path):
    with pytest.raises(UsageError, match=r"cannot read .*: No such file"):
        corpora.read(tmp_path / "a.parquet")
    with pytest.raises(UsageError, match="unknown format of a corpus 'xml': known are parquet, jsonl, hdf5, elcc, egg"):
        corpora.write(symbols(), tmp_path / "a", "xml")
    (tmp_path / "a.xml").write_text("<a/>")
    with pytest.raises(UsageError, match=r"unknown kind of file 'a.xml'"):
        corpora.read(tmp_path / "a.xml")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="is a run and no corpus: `semiosis corpus"):
        corpora.read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"it has no corpus.jsonl"):
        corpora.read(tmp_path / "empty")
    (tmp_path / "b.jsonl").write_text('[1, 2]\n{"a": 1}\n')
    with pytest.raises(UsageError, match=r"line 2 of .* is no message"):
        corpora.read(tmp_path / "b.jsonl")
    (tmp_path / "b.jsonl").write_text('{"message": [1, 2.5]}\n')
    with pytest.raises(UsageError, match=r"2.5 where a whole number is expected"):
        corpora.read(tmp_path / "b.jsonl")
    with pytest.raises(UsageError, match="label names a column of a table of text"):
        corpora.read(tmp_path / "b.jsonl", label="x")
    newer = corpora.write(symbols(), tmp_path / "c.jsonl", "jsonl")
    newer.write_text(newer.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(UsageError, match="of format 9, written by a newer semiosis"):
        corpora.read(newer)


def test_rows_that_do_not_fit_are_told():
    good = symbols()
    for wrong, why in (
        ({"length": np.array([4, 0, 0, 0])}, "lengths from 0 to 4: expected 0 to 3"),
        ({"speaker": np.array([0, 0, 0, 3])}, "expected places among the 3 agents"),
        ({"label": np.array([0.5, 0, 0, 0])}, "label of type float64: expected whole numbers"),
        ({"guess": np.zeros((3, 1), int)}, r"guess of shape \(3, 1\)"),
        ({"tokens": -np.ones((4, 3), int)}, "a symbol -1: expected 0 or more"),
        ({"candidates": np.full((4, 1), 2**40)}, "candidates has the number 1099511627776"),
        ({"attributes": np.full((4, 1), -(2**40))}, "attributes has the number -1099511627776"),
        ({"label": np.full(4, 2**63, np.uint64)}, "label has the number 9223372036854775808"),
        ({"correct": np.array([0.5, 1.5, 0, 0])}, "correct is 1.5"),
        ({"about": {"a": float("nan")}}, "cannot be written as JSON"),
    ):
        with pytest.raises(UsageError, match=why):
            corpora.checked(good._replace(**wrong))


def test_a_picture_outside_the_folder_is_not_read(tmp_path: Path):
    path = corpora.write(drawings(), tmp_path / "a.jsonl", "jsonl")
    (tmp_path.parent / "secret.png").write_bytes(b"x")
    path.write_text(path.read_text().replace(f"{IMAGES}/b.png", "../secret.png"))
    back = corpora.read(path)
    for doing in (lambda: back.pictures["../secret.png"], lambda: corpora.write(back, tmp_path / "other" / "a.jsonl", "jsonl")):
        with pytest.raises(UsageError, match="is not beside its corpus"):
            doing()
    back = corpora.read(corpora.write(drawings(), path, "jsonl"))
    (tmp_path / IMAGES / "a.png").unlink()
    with pytest.raises(UsageError, match="cannot read the picture"):
        corpora.write(back, tmp_path / "other" / "a.jsonl", "jsonl")


@pytest.mark.parametrize(("form", "absent"), [("parquet", "pyarrow"), ("hdf5", "h5py")])
def test_a_missing_extra_is_told(form: str, absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = corpora.write(symbols(), tmp_path / HELD[form], form)
    monkeypatch.setitem(sys.modules, absent, None)
    for doing in (lambda: corpora.read(path), lambda: corpora.write(symbols(), path, form)):
        with pytest.raises(UsageError, match=rf"needs {absent}, which is in the extra `data`: pip install 'semiosis\[data\]'"):
            doing()


def test_corpora_and_their_metrics_do_without_jax():
    program = "import sys; from semiosis import corpora; from semiosis.corpora import measure; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


# -------------------------------------------------------------------------------------------------------------------- metrics

QUICK = measure.Options(permutations=10, bootstrap=10)


def identity(n: int = 12) -> Corpus:
    """Two speakers who say the attributes of things: one in order, one in reverse."""
    attributes = np.stack([np.arange(n) % 3, np.arange(n) // 3], axis=1)
    tokens = np.concatenate([attributes, attributes[:, ::-1]])
    both = np.concatenate([attributes, attributes])
    corpus = corpora.messages(tokens, agents=("A", "B"), label=both[:, 0], attributes=both)
    return corpora.checked(corpus._replace(speaker=np.repeat([0, 1], n), example=np.tile(np.arange(n), 2)))


def test_each_speaker_is_measured_on_its_own():
    found = measure.measured(identity(), QUICK)
    assert found["seeds"] == [0]
    table = found["metrics"]
    assert table["messages"]["mean"] == 12  # of one alphabet they would be fewer than 24 and more than 12
    assert table["posdis"]["mean"] == pytest.approx(1.0)
    assert table["topsim_attributes"]["mean"] == pytest.approx(1.0)
    assert table["posdis"]["n"] == 12
    assert table["posdis"]["null_high"] < 1
    # their messages are equal where both attributes are: 0 0, 1 1, 2 2
    assert table["agreement"]["mean"] == pytest.approx(3 / 12)
    assert set(table["posdis"]) == {"mean", "low", "high", "per_seed", "null", "null_high", "n", "how"}


def test_seeds_have_a_mean_and_what_is_undefined_a_reason():
    one = identity()
    constant = one._replace(tokens=np.zeros_like(one.tokens), seed=one.seed + 1)
    parts = {name: [getattr(part, name) for part in (one, constant)] for name in FIELDS if getattr(one, name) is not None}
    both = corpora.checked(one._replace(**{name: np.concatenate(each) for name, each in parts.items()}))
    table = measure.measured(both, QUICK._replace(only=("topsim_attributes", "label_bits")))["metrics"]
    assert set(table) == {"topsim_attributes", "label_bits"}
    assert table["topsim_attributes"]["per_seed"] == [pytest.approx(1.0), None]
    assert "constant language" in table["topsim_attributes"]["reason"]
    assert "(in 1 of 2 seeds)" in table["topsim_attributes"]["reason"]
    # the first symbol of A is the label and of B the last: log2 3 bits; a constant tells nothing; t(1) = 12.7062 times |a - b| / 2
    half = np.log2(3) / 2
    assert table["label_bits"]["mean"] == pytest.approx(half)
    assert table["label_bits"]["high"] - half == pytest.approx(12.7062 * half, rel=1e-4)
    with pytest.raises(UsageError, match="unknown metric 'topsin'"):
        measure.measured(one, measure.Options(only=("topsin",)))


def test_both_views_of_the_end_or_one():
    tokens, length = np.array([[0, 1], [1, 0], [0, 0], [1, 0], [0, 1], [1, 1]]), np.array([1, 2, 2, 1, 2, 2])
    corpus = corpora.messages(tokens, length, attributes=np.array([[0, 1], [1, 0], [0, 0], [1, 1], [0, 1], [1, 1]]))
    both = set(measure.measured(corpus, QUICK)["metrics"])
    plain = set(measure.measured(corpus, QUICK._replace(end=False))["metrics"])
    assert {"topsim_attributes", "topsim_attributes_with_end", "posdis", "posdis_without_end"} <= both
    assert {"topsim_attributes", "posdis_without_end"} <= plain
    assert not {"topsim_attributes_with_end", "posdis", "bosdis_with_end"} & plain


def test_a_conversation_is_measured_by_messages_and_by_bits():
    table = measure.measured(bits(), QUICK)["metrics"]
    # the sender says 01 and 00 about one thing and 10 about another: three symbols, in messages of two and of one; or of four and two bits
    assert table["length"]["mean"] == pytest.approx(1.5)
    assert table["active_symbols"]["mean"] == 3
    assert table["length@bits"]["mean"] == pytest.approx(3.0)
    assert table["active_symbols@bits"]["mean"] == 2
    assert "messages@bits" not in table  # whole messages are the same
    assert table["accuracy"]["mean"] == 1.0  # of the answers; what would have been said before does not count
    assert table["accuracy"]["n"] == 2


def test_drawings_are_looked_at(tmp_path: Path):
    path = corpora.write(drawings(), tmp_path / "a.jsonl", "jsonl")
    table = measure.measured(corpora.read(path), QUICK)["metrics"]
    assert table["drawings"]["mean"] == 2
    assert table["glyph_distance"]["mean"] == pytest.approx(80 / 255)
    (tmp_path / IMAGES / "b.png").write_bytes(b"\x89PNG")
    with pytest.raises(UsageError, match="is damaged"):
        measure.measured(corpora.read(path), QUICK)


def test_meanings_are_those_of_the_corpus_or_looked_up():
    n = 12
    corpus = identity(n)
    inputs = np.concatenate([np.eye(3)[np.arange(n) % 3], np.eye(4)[np.arange(n) // 3]], axis=1)
    own = measure.measured(corpus, QUICK._replace(only=("topsim",)), inputs=inputs)["metrics"]["topsim"]
    assert own["mean"] == pytest.approx(1.0)  # one attribute more that differs is one symbol more, and one step of the cosine
    given = corpus._replace(meanings=np.tile(inputs, (2, 1)))
    assert measure.measured(given, QUICK._replace(only=("topsim",)))["metrics"]["topsim"]["mean"] == own["mean"]


def test_what_is_said_again_counts_again(tmp_path: Path):
    # thing 0: the same to a and b; thing 1: otherwise to b; thing 2: twice the same to a, once to b
    corpus = corpora.messages(
        np.array([[1], [1], [2], [3], [4], [4], [4]]),
        listener=np.array([1, 2, 1, 2, 1, 1, 2]),
        example=np.array([0, 0, 1, 1, 2, 2, 2]),
        agents=("s", "a", "b"),
    )
    assert measure.measured(corpus, QUICK._replace(only=("messages",)))["metrics"]["messages"]["n"] == 5
    home = corpora.write(corpus, tmp_path, "elcc")
    assert (home / "data" / "seed-0" / "corpus.jsonl").read_text().split() == ["[1]", "[2]", "[3]", "[4]", "[4]"]
    alone = corpora.messages(np.array([[1], [1], [2], [2]]), example=np.array([0, 0, 0, 1]), label=np.array([0, 0, 1, 1]))
    assert measure.measured(alone, QUICK._replace(only=("messages",)))["metrics"]["messages"]["n"] == 4


def test_things_as_they_are_are_told_from_meanings():
    corpus, inputs = identity(), np.eye(12)[:, :5] + 0.1
    only = QUICK._replace(only=("topsim",))
    assert "2 - 2 cos of the things as they are" in measure.measured(corpus, only, inputs=inputs)["metrics"]["topsim"]["how"]
    given = corpus._replace(meanings=np.tile(inputs, (2, 1)))
    assert "2 - 2 cos of meanings" in measure.measured(given, only)["metrics"]["topsim"]["how"]
    with pytest.raises(UsageError, match="examples from 0 to 11: expected places among 4 things"):
        measure.measured(corpus, only, inputs=inputs[:4])


def test_recorded_conversations_are_a_corpus(tmp_path: Path):
    sender = np.array([[[0, 1], [1, 1]], [[1, 0], [0, 0]]], bool)
    p, two = np.full((2, 2, 2), 0.5, np.float32), np.full((2, 2), 0.5, np.float32)
    scores = np.array([[[0, 1, 0], [2, 1, 0]], [[0, 0, 1], [0, 0, 1]]], np.float32)
    stop = np.array([[True, False], [False, False]])
    talk = Conversations(
        np.array(["a", "b"]),
        np.array([0, 2]),
        ("x", "y", "z"),
        sender,
        p,
        ~sender,
        p,
        scores,
        two,
        stop,
        np.array([[True, True], [True, False]]),
    )
    for path in (conversations.write_hdf5(talk, tmp_path / "m.h5"), conversations.write_parquet(talk, tmp_path / "m.parquet")):
        corpus = corpora.read(path)
        assert corpus.tokens.tolist() == [[0, 1], [1, 0], [1, 1], [1, 0]]
        assert corpus.turn.tolist() == [0, 1, 2, 0]
        assert [corpus.agents[i] for i in corpus.speaker] == ["sender", "receiver", "sender", "sender"]
        assert corpus.guess is not None
        assert corpus.guess[:, 0].tolist() == [1, NONE, 0, 2]
        assert corpus.reference is not None
        assert corpus.reference.tolist() == ["a", "a", "a", "b"]


# ------------------------------------------------------------------------------------------------------------- of trained runs


def newborn(game: Any, changes: dict[str, Any], seeds: tuple[int, ...] = (0,)) -> Trained:
    """A run whose agents have learned nothing: they talk all the same."""
    config = replace(game.PRESETS["tiny"], **changes)
    data = scenes.load(config.data)
    name = game.__name__.rsplit(".", 1)[-1]
    return Trained(Run(Path("nowhere"), {"game": name}), game, config, data, seeds, *build(game, config, data, seeds), 0)


def keys(corpus: Corpus) -> np.ndarray:
    return np.stack([corpus.seed, corpus.speaker, corpus.listener, corpus.example, corpus.turn], axis=1)


def check(corpus: Corpus, tmp_path: Path) -> None:
    """No utterance is told twice, and each format gives it back."""
    assert len(np.unique(keys(corpus), axis=0)) == corpus.size
    for form, name in HELD.items():
        same(corpus, corpora.read(corpora.write(corpus, tmp_path / name, form)))


def test_a_population_that_is_heard_badly(tmp_path: Path):
    changes = {
        "data": "shapes:vectors,limit=120", "variable_length": True, "erasure": 0.4, "n_speakers": 2, "n_listeners": 2,
        "evaluation_size": 12, "evaluation_passes": 2,
    }  # fmt: skip
    trained = newborn(lewis, changes, (0, 3))
    corpus = plays.of(trained)
    n = len(trained.data.splits["test"].inputs) // 12 * 12
    assert corpus.agents == ("speaker 0", "speaker 1", "listener 0", "listener 1")
    assert corpus.about["message"] | {"end": ""} == {"kind": "symbols", "vocab_size": 10, "max_len": 3, "variable_length": True, "end": ""}
    assert corpus.about["answer"] == "a place among the candidates"
    assert corpus.size == len(np.unique(corpus.example)) * 2 * 2 * 2
    assert len(np.unique(corpus.example)) >= n
    # the first batch by hand: what speaker 1 of seed 3 says, what listener 1 hears and finds
    world = loop.unstack(trained.worlds, 1)
    exam, key = trained.experiment.exams["test"], loop.seed_key(KEY)
    pair = world._replace(speaker=pick(world.speaker, 1), listener=pick(world.listener, 1))
    batch = jnp.int32(0)

    @jax.jit
    def first_batch() -> Any:
        scene, heard = exam.scenes(batch, loop.nature_key(key)), []

        def listen(message: Any, key: Any) -> Any:
            heard.append(message)
            return message

        episode = trained.experiment.play(pair, scene, jax.random.fold_in(loop.turn_key(key, batch), 1), listen)
        return scene.example, episode.said[0].message, episode.said[0].length, episode.guess, heard[0]

    example, said, length, guess, arrived = jax.device_get(first_batch())
    mine = corpora.rows(corpus, (corpus.seed == 3) & (corpus.speaker == 1) & (corpus.listener == 3))
    first = [mine.example.tolist().index(i) for i in example.tolist()]
    mine = corpora.rows(mine, np.array(first))
    tokens = said.argmax(-1)
    there = np.arange(tokens.shape[1]) < length[:, None]
    np.testing.assert_array_equal(mine.length, length)
    np.testing.assert_array_equal(mine.tokens, np.where(there, tokens, NONE)[:, : mine.tokens.shape[1]])
    expected = np.where(there & (arrived.max(-1) > 0), arrived.argmax(-1), NONE)[:, : mine.tokens.shape[1]]
    np.testing.assert_array_equal(mine.heard, expected)
    assert (mine.heard != mine.tokens).any()  # two symbols in five get lost, of twelve messages or more
    assert mine.guess is not None
    np.testing.assert_array_equal(mine.guess[:, 0], guess)
    assert mine.candidates is not None
    assert mine.target is not None
    np.testing.assert_array_equal(mine.candidates[np.arange(12), mine.target[:, 0]], mine.example)
    split = trained.data.splits["test"]
    np.testing.assert_array_equal(corpus.attributes, np.asarray(split.attributes)[corpus.example])
    assert corpus.reference is not None
    assert corpus.reference[0] == f"{trained.data.name}/test/{corpus.example[0]}"
    check(corpus, tmp_path)
    with pytest.raises(UsageError, match="has no seed 5: its seeds are 0, 3"):
        plays.of(trained, seeds=(5,))
    with pytest.raises(UsageError, match="unknown split 'tset'"):
        plays.of(trained, "tset")
    with pytest.raises(UsageError, match="draws no strokes"):
        plays.of(trained, strokes=True)


def test_all_of_a_batch_may_be_candidates(tmp_path: Path):
    trained = newborn(lewis, {"candidates": 0, "batch_size": 16, "evaluation_size": 16})
    corpus = plays.of(trained, "valid")
    assert corpus.about["answer"] == "the example, among all of its batch"
    assert corpus.target is not None
    np.testing.assert_array_equal(corpus.target[:, 0], corpus.example)
    assert corpus.candidates is None


def test_signs_are_heard_by_those_who_have_their_own(tmp_path: Path):
    trained = newborn(naming, {"data": "digits,limit=60", "objects": 40, "batch_size": 10, "agents": 3, "rotations": (0.0,)})
    corpus = plays.of(trained)
    assert corpus.agents == ("A", "B", "C")
    assert set(map(tuple, keys(corpus)[:, 1:3].tolist())) == {(a, b) for a in range(3) for b in range(3) if a != b}
    assert corpus.guess is not None
    own = {(int(s), int(e)): int(t) for s, e, t in zip(corpus.speaker, corpus.example, corpus.tokens[:, 0], strict=True)}
    assert all(own[int(b), int(e)] == g for b, e, g in zip(corpus.listener, corpus.example, corpus.guess[:, 0], strict=True))
    pairs = set(map(tuple, keys(plays.of(trained, listeners="first"))[:, 1:3].tolist()))
    assert pairs == {(0, 1), (1, 0), (2, 0)}
    assert "accuracy" not in measure.measured(corpus, QUICK._replace(only=("accuracy", "agreement")))["metrics"]
    check(corpus, tmp_path)


def test_glyphs_are_kept_with_what_they_mean(tmp_path: Path):
    changes = {"encoding": "bits", "max_len": 3, "side": 4, "filters": 2, "operations": ("static",), "evaluation_size": 16, "n_readers": 2}
    trained = newborn(glyph, changes)
    corpus = plays.of(trained)
    assert corpus.about["message"]["kind"] == "drawings of symbols"
    np.testing.assert_array_equal(corpus.tokens, corpus.target)
    assert corpus.image is not None
    assert len(np.unique(corpus.image)) <= 8  # as many as there are messages
    assert corpus.level is not None
    assert corpus.heard_image is not None
    quiet = corpus.level == 0
    np.testing.assert_array_equal(corpus.heard_image[quiet], corpus.image[quiet])
    assert set(corpus.pictures) == set(corpus.image) | set(corpus.heard_image)
    alone = plays.of(trained, listeners="first")
    np.testing.assert_array_equal(alone.image, corpus.image[corpus.listener == 1])
    assert set(alone.listener.tolist()) == {1}
    check(corpus, tmp_path)


def test_conversations_are_told_turn_by_turn(tmp_path: Path):
    trained = newborn(dialogue, {"data": "words,classes=3,per_class=12,size=4", "max_exchange": 3})
    corpus, talk = plays.of(trained), conversations.of(trained, 0, "test").talk
    assert corpus.about["message"]["kind"] == "bits"
    for i, n in enumerate(talk.length.tolist()):
        mine = corpora.rows(corpus, corpus.example == np.unique(corpus.example)[i])
        assert mine.turn.tolist() == list(range(2 * n - 1))
        np.testing.assert_array_equal(mine.tokens[::2], talk.sender[i, :n])
        np.testing.assert_array_equal(mine.tokens[1::2], talk.receiver[i, : n - 1])
        assert mine.guess is not None
        assert mine.guess[-1, 0] == talk.answer[i]
    check(corpus, tmp_path)


def test_sketches_are_kept_with_their_strokes(tmp_path: Path):
    trained = newborn(sketch, {"data": "digits,limit=60", "strokes": 2, "backbone_learns": False, "evaluation_size": 20})
    corpus = plays.of(trained, strokes=True)
    assert corpus.about["message"]["kind"] == "drawings"
    assert corpus.tokens.shape[1] == 0
    assert corpus.candidates is not None
    assert corpus.strokes is not None
    assert corpus.strokes.shape[1] == np.prod(corpus.about["strokes"]["shape"])
    assert corpus.image is not None
    check(corpus, tmp_path)


def test_a_game_of_a_users(repo: Path, tmp_path: Path):
    game = game_at(str(repo / "examples" / "one_word.py"), {})
    trained = newborn(game, {})
    corpus = plays.of(trained)
    assert corpus.agents == ("speaker 0", "listener 0")
    assert corpus.about["message"]["max_len"] == 1
    assert corpus.heard is None
    assert corpus.correct is not None
    assert corpus.guess is not None
    np.testing.assert_array_equal(corpus.correct, corpus.guess[:, 0] == corpus.target[:, 0])  # type: ignore[index]
    check(corpus, tmp_path)
    assert (
        metrics.distinct(corpus.tokens, corpus.length).value
        == measure.measured(corpus, QUICK._replace(only=("messages",)))["metrics"]["messages"]["mean"]
    )
