"""Recorded conversations: what is written is read, in both formats, and the published code's files are read however they were batched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.recfunctions import drop_fields

from semiosis.conversations import Conversations
from semiosis.errors import UsageError
from semiosis.runs.conversations import read, write_hdf5, write_parquet

h5py = pytest.importorskip("h5py")
pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402


def chatter(n: int = 53, t: int = 4, d: int = 5, c: int = 7, seed: int = 0, names: list[str] | None = None) -> Conversations:
    """Random conversations about shuffled classes."""
    rng = np.random.default_rng(seed)
    said, said_p, heard, heard_p = (rng.random((n, t, d), np.float32) for _ in range(4))
    stop_p = rng.random((n, t), np.float32)
    going = np.minimum.accumulate(stop_p >= 0.3, axis=1)
    return Conversations(
        example=np.array(names or [f"{i:04d}.jpg" for i in range(n)]),
        target=rng.permutation(np.arange(n) % c),
        classes=tuple(f"class {i}" for i in range(c)),
        sender=said_p > said,
        sender_p=said_p,
        receiver=heard_p > heard,
        receiver_p=heard_p,
        scores=rng.normal(size=(n, t, c)).astype(np.float32),
        stop_p=stop_p,
        stop=stop_p >= 0.3,
        mask=np.concatenate([np.ones((n, 1), bool), going[:, :-1]], axis=1),
    )


def same(one: Conversations, other: Conversations) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def sentence(action: Any, *args: Any) -> str:
    with pytest.raises(UsageError) as told:
        action(*args)
    return str(told.value)


def test_length_answer_and_rank_are_counted():
    talk = chatter()
    for i in range(53):
        length = next((t + 1 for t in range(4) if not talk.stop[i, t]), 4)
        assert talk.length[i] == length
        assert talk.answer[i] == int(talk.scores[i, length - 1].argmax())
        for t in range(4):
            order = sorted(range(7), key=lambda k: -talk.scores[i, t, k])
            assert talk.rank[i, t] == order.index(talk.target[i]) + 1
    assert talk.correct.mean() == np.mean([talk.rank[i, talk.length[i] - 1] == 1 for i in range(53)])


@pytest.mark.parametrize(("write", "name"), [(write_hdf5, "a/talk.bv.hdf5"), (write_hdf5, "talk.h5"), (write_parquet, "talk.parquet")])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_written_is_read(tmp_path: Path, write: Any, name: str, seed: int):
    talk = chatter(seed=seed)
    assert write(talk, tmp_path / name) == tmp_path / name
    found = read(tmp_path / name)
    assert same(talk, found)
    assert [a.dtype.kind for a in found if isinstance(a, np.ndarray)] == list("Uibfbfffbb")
    assert np.array_equal(found.length, talk.length)
    assert [file.name for file in (tmp_path / name).parent.iterdir()] == [(tmp_path / name).name]


@pytest.mark.parametrize("write", [write_hdf5, write_parquet])
def test_one_conversation_of_one_step_and_one_bit(tmp_path: Path, write: Any):
    talk = chatter(1, 1, 1, 1)
    path = write(talk, tmp_path / ("t.h5" if write is write_hdf5 else "t.parquet"))
    assert same(talk, read(path))


@pytest.mark.parametrize("write", [write_hdf5, write_parquet])
def test_the_same_conversations_are_the_same_bytes(tmp_path: Path, write: Any):
    suffix = "h5" if write is write_hdf5 else "parquet"
    one, two = (write(chatter(), tmp_path / f"{i}.{suffix}").read_bytes() for i in range(2))
    assert one == two


def test_the_layout_of_the_published_code(tmp_path: Path):
    talk = chatter()
    with h5py.File(write_hdf5(talk, tmp_path / "t.hdf5"), "r") as file:
        said, thought = file["Communication"][()], file["Predictions"][()]
    assert said.dtype.names == ("ExampleId", "AgentId", "Index", "Target", "Rank", "BinaryProb", "BinaryVec")
    assert thought.dtype.names == ("ExampleId", "AgentId", "Index", "Target", "Rank", "Predictions", "StopProb", "StopVec", "StopMask")
    assert said.dtype["ExampleId"].itemsize == 50
    assert said.dtype["AgentId"].itemsize == 1
    for field in ("Index", "Target", "Rank"):
        assert said.dtype[field] == thought.dtype[field] == np.int32
    assert said.dtype["BinaryProb"] == np.dtype((np.float32, (5,)))
    assert thought.dtype["Predictions"] == np.dtype((np.float32, (7,)))
    assert thought.dtype["StopMask"] == np.dtype((np.float32, (1,)))
    for agent, parity in ((b"S", 0), (b"R", 1)):
        rows = said[said["AgentId"] == agent]
        assert len(rows) == 53 * 4
        assert (rows["Index"] % 2 == parity).all()
        assert (rows["ExampleId"] == thought["ExampleId"]).all()  # the notebook relies on one order
        assert (rows["Rank"] == thought["Rank"]).all()
    heard = said[said["AgentId"] == b"R"]
    assert (heard["Index"] == thought["Index"]).all()
    assert said["AgentId"][:106].tolist() == [b"S"] * 53 + [b"R"] * 53
    assert thought["StopMask"].sum() == talk.length.sum()
    assert len(set(thought["ExampleId"].tolist())) == 53
    row = thought[2 * 53 + 7]  # example 7 at step 2
    assert row["Index"] == 5
    assert row["Target"] == talk.target[7]
    assert row["Rank"] == talk.rank[7, 2]
    assert np.array_equal(row["Predictions"], talk.scores[7, 2])


def test_the_columns_of_parquet(tmp_path: Path):
    talk = chatter()
    table = parquet.read_table(write_parquet(talk, tmp_path / "t.parquet"))
    assert len(table) == 53 * 4 * 2
    rows = table.to_pylist()
    row = rows[7 * 8 + 2 * 2 + 1]  # example 7, step 2, the receiver
    told = {"example": "0007.jpg", "agent": "receiver", "index": 5, "step": 2, "target": talk.target[7], "rank": talk.rank[7, 2]}
    assert {name: row[name] for name in told} == told
    assert row["class"] == f"class {talk.target[7]}"
    assert row["bits"] == talk.receiver[7, 2].tolist()
    assert row["predictions"] == talk.scores[7, 2].tolist()
    assert row["go"] is bool(talk.stop[7, 2])
    assert row["open"] is bool(talk.mask[7, 2])
    assert rows[7 * 8 + 2 * 2]["predictions"] is rows[7 * 8 + 2 * 2]["go"] is rows[7 * 8 + 2 * 2]["go_probability"] is None


def test_long_names_stay_different(tmp_path: Path):
    names = [f"{'ä' * 40}{i}" for i in range(6)] + ["é" * 25]
    talk = chatter(7, names=names)
    found = read(write_hdf5(talk, tmp_path / "t.h5"))
    assert len(set(found.example.tolist())) == 7
    assert all(len(name.encode()) <= 50 for name in found.example.tolist())
    assert found.example[0].startswith("ä" * 20 + "~")
    assert found.example[6] == "é" * 25
    assert same(talk._replace(example=found.example), found)
    assert same(talk, read(write_parquet(talk, tmp_path / "t.parquet")))


# ----------------------------------------------------------------------------------------------- files of the published code


def foreign(talk: Conversations, path: Path, batch: int) -> Path:
    """A file as their code writes it: batch after batch, step after step, with its own idea of Rank and no names of classes."""
    said, thought = [], []
    for first in range(0, len(talk.target), batch):
        rows = range(first, min(first + batch, len(talk.target)))
        for t in range(talk.mask.shape[1]):
            for letter, index, vec, p in (("S", 2 * t, talk.sender, talk.sender_p), ("R", 2 * t + 1, talk.receiver, talk.receiver_p)):
                said += [(talk.example[i], letter, index, talk.target[i], 99, p[i, t], vec[i, t]) for i in rows]
            for i in rows:
                stop = [talk.stop_p[i, t]], [talk.stop[i, t]], [talk.mask[i, t]]
                thought.append((talk.example[i], "R", 2 * t + 1, talk.target[i], 99, talk.scores[i, t], *stop))
    head = [("ExampleId", "S50"), ("AgentId", "S1"), ("Index", "i4"), ("Target", "i4"), ("Rank", "i4")]
    d, c = talk.sender.shape[2], len(talk.classes)
    with h5py.File(path, "w") as file:
        file["Communication"] = np.array(said, [*head, ("BinaryProb", "f4", (d,)), ("BinaryVec", "f4", (d,))])
        stops = [(name, "f4", (1,)) for name in ("StopProb", "StopVec", "StopMask")]
        file["Predictions"] = np.array(thought, [*head, ("Predictions", "f4", (c,)), *stops])
    return path


@pytest.mark.parametrize("batch", [5, 13, 1, 50])
def test_any_batches_are_read(tmp_path: Path, batch: int):
    talk = chatter(13)
    found = read(foreign(talk, tmp_path / "t.bv.hdf5", batch))
    assert found.classes == tuple("0123456")
    assert same(talk._replace(classes=found.classes), found)
    assert np.array_equal(found.rank, talk.rank)


def test_names_that_occur_again_and_classes_from_a_file(tmp_path: Path):
    talk = chatter(13, names=["a", "b", "a", "a", *(f"{i}.jpg" for i in range(9))])
    (tmp_path / "d.csv").write_text("".join(f'{10 * i},kind {i},"long, and winding"\n' for i in range(7)))
    path = foreign(talk, tmp_path / "t.hdf5", 5)
    found = read(path, tmp_path / "d.csv")
    assert found.example[:4].tolist() == ["a", "b", "a (2)", "a (3)"]
    assert found.classes[6] == "kind 6"
    assert np.array_equal(found.scores, talk.scores)
    (tmp_path / "short.csv").write_text("0,one,text\n")
    assert "1 classes are named for scores of 7" in sentence(read, path, tmp_path / "short.csv")
    (tmp_path / "odd.csv").write_text("nothing\n")
    assert "expected label_id,label,free text" in sentence(read, path, tmp_path / "odd.csv")


# ------------------------------------------------------------------------------------------------------------------- faults


def changed(path: Path, table: str, change: Any) -> Path:
    """The same file with a table put through `change`."""
    with h5py.File(path, "a") as file:
        rows = change(file[table][()])
        del file[table]
        file[table] = rows
    return path


def test_files_that_are_none_of_these(tmp_path: Path):
    assert "No such file" in sentence(read, tmp_path / "none.h5")
    assert "unknown kind of file 'talk.txt'" in sentence(read, tmp_path / "talk.txt")
    for name, kind in (("t.h5", "an HDF5 file"), ("t.parquet", "a parquet file")):
        (tmp_path / name).write_bytes(b"PAR1 nothing of the sort PAR1")
        assert f"not {kind}, or a damaged one" in sentence(read, tmp_path / name)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["features"] = np.zeros(3)
    assert "expected tables Communication and Predictions, found features" in sentence(read, tmp_path / "other.h5")
    import pyarrow

    parquet.write_table(pyarrow.table({"image": [1]}), tmp_path / "other.parquet")
    assert "it has no example, agent" in sentence(read, tmp_path / "other.parquet")


def test_tables_that_do_not_fit(tmp_path: Path):
    def written() -> Path:
        return write_hdf5(chatter(13), tmp_path / "t.h5")

    def field(name: str, value: Any) -> Any:
        def change(rows: np.ndarray) -> np.ndarray:
            rows[name][5] = value
            return rows

        return change

    assert "not all conversations have rows for all steps" in sentence(read, changed(written(), "Communication", lambda rows: rows[1:]))
    assert "different numbers of conversations" in sentence(read, changed(written(), "Predictions", lambda rows: rows[:13]))
    assert "lacks rows" in sentence(read, changed(written(), "Communication", lambda rows: rows[:0]))
    assert "rows of the sender have an Index that is odd" in sentence(read, changed(written(), "Communication", field("Index", 3)))
    assert "examples or targets differ" in sentence(read, changed(written(), "Predictions", field("Target", 6)))
    assert "begins closed" in sentence(read, changed(written(), "Predictions", field("StopMask", 0)))
    assert "scores holds what is no number" in sentence(read, changed(written(), "Predictions", field("Predictions", np.nan)))
    assert "has no Target, only" in sentence(read, changed(written(), "Predictions", lambda rows: drop_fields(rows, "Target")))
    with h5py.File(written(), "a") as file:
        file.attrs["format"] = 2
    assert "written by a newer semiosis" in sentence(read, tmp_path / "t.h5")


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path):
    talk = chatter()
    twice = talk._replace(example=np.array(["same"] * 53))
    for write, name in ((write_hdf5, "t.h5"), (write_parquet, "t.parquet")):
        assert "53 examples with 1 different names" in sentence(write, twice, tmp_path / name)
        assert "targets from 0 to 6: expected 0 to 2" in sentence(
            write, talk._replace(classes=("a", "b", "c"), scores=talk.scores[..., :3]), tmp_path / name
        )
        assert "stop_p of shape (53,): expected (53, 4)" in sentence(write, talk._replace(stop_p=talk.stop_p[:, 0]), tmp_path / name)
        assert "sender_p holds what is no probability" in sentence(write, talk._replace(sender_p=2 * talk.sender_p), tmp_path / name)
    assert "and 0 classes" in sentence(write_hdf5, talk._replace(classes=()), tmp_path / "t.h5")
    (tmp_path / "file").write_bytes(b"")
    assert "cannot write" in sentence(write_hdf5, talk, tmp_path / "file" / "t.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("module", "name"), [("h5py", "t.h5"), ("pyarrow", "t.parquet")])
def test_a_library_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str):
    (tmp_path / name).write_bytes(b"")
    monkeypatch.setitem(sys.modules, module, None)
    assert f"needs {module}, which is in the extra `data`" in sentence(read, tmp_path / name)
    write = write_hdf5 if module == "h5py" else write_parquet
    assert f"needs {module}" in sentence(write, chatter(), tmp_path / name)


@pytest.mark.parametrize("told", [b"[]", b'{"format": "x"}', b'{"format": null}'])
def test_parquet_of_others_gets_a_sentence(tmp_path: Path, told: bytes):
    path = write_parquet(chatter(n=3), tmp_path / "a.parquet")
    table = parquet.read_table(path)
    parquet.write_table(table.replace_schema_metadata({b"semiosis": told}), path)
    assert "damaged" in sentence(read, path)


def test_an_index_of_words_gets_a_sentence(tmp_path: Path):
    path = write_parquet(chatter(n=3), tmp_path / "a.parquet")
    table = parquet.read_table(path)
    place = table.column_names.index("index")
    words = table["index"].cast("string")
    parquet.write_table(table.set_column(place, "index", words), path)
    assert "what is no whole number" in sentence(read, path)
