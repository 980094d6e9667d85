"""Recorded conversations, one file each: HDF5 in the layout of Evtimova et al.'s code, or Parquet for everything else.

HDF5 holds two tables of rows. `Communication` is what was said: ExampleId, AgentId (`S` or `R`), Index (2t for the sender, 2t + 1 for the
receiver), Target, Rank, BinaryProb [d], BinaryVec [d]. `Predictions` is what the receiver thought, at the same Index: Predictions [c]
(logits), StopProb, StopVec, StopMask [1]. Rows stand as in one batch of n: at each step n of the sender, then n of the receiver. Names of
examples have at most 50 bytes. Rank is the right class's place among the scores (their code tells another number). The file's attribute
`classes` names the classes, so that the file alone is enough; `format` is 1.

Parquet holds one row an example, step and agent, in this order, with columns of the same content by plainer names; what only the receiver
has is null for the sender. Its metadata hold `semiosis`, {"format": 1, "classes": [...]}.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from semiosis import channels
from semiosis.conversations import PARTS, Conversations, recorded
from semiosis.errors import UsageError, unknown
from semiosis.extras import first_line, need
from semiosis.populations import pick
from semiosis.runs import loop
from semiosis.runs.evaluate import KEY
from semiosis.runs.files import spoken, write_bytes
from semiosis.runs.session import Trained
from semiosis.scenes.descriptions import read_rows
from semiosis.scenes.topics import Topics
from semiosis.types import Play, Scenes, World

FORMAT = 1
SUFFIXES = (".h5", ".hdf5", ".parquet")
NAME = 50  # bytes of an example's name in HDF5
AGENTS = ("sender", "receiver")
COMMUNICATION = ("ExampleId", "AgentId", "Index", "Target", "BinaryProb", "BinaryVec")  # what is read; Rank is counted anew
PREDICTIONS = ("ExampleId", "Index", "Target", "Predictions", "StopProb", "StopVec", "StopMask")
COLUMNS = ("example", "agent", "index", "target", "bits", "probabilities", "predictions", "go_probability", "go", "open")

Columns = Mapping[str, np.ndarray]  # rows of a table, by the names of Parquet


class Overheard(NamedTuple):
    """Conversations, the images [n h w c] in [0, 1] that they were about, and where senders looked [n t i]; None where there are none."""

    talk: Conversations
    images: np.ndarray | None
    attention: np.ndarray | None


def of(trained: Trained, place: int, split: str) -> Overheard:
    """What the first pair of the seed at `place` says about the things of a split.

    Raises `UsageError` where a game has no conversations in bits, or no such split.
    """
    experiment = trained.experiment
    if split not in experiment.exams:
        raise unknown("split", split, experiment.exams)
    exam, key = experiment.exams[split], loop.seed_key(KEY)
    pair = loop.unstack(trained.worlds, place)
    pair = pair._replace(**{role: pick(getattr(pair, role), 0) for role in experiment.roles})
    batches = [jax.device_get(_talked(experiment.play, exam.scenes, pair, jnp.int32(batch), key)) for batch in range(exam.batches)]
    if any(part not in batches[0] for part in PARTS) or not np.isin(batches[0]["code"], (0, 1)).all():
        raise UsageError(f"{trained.run.path} has no conversations in bits: expected a run of dialogue that sends bits")
    there = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    counted = there["weight"] > 0
    info = {name: values[counted] for name, values in there.items()}
    part = next(name for name in reversed(split.split("/")) if name in trained.data.splits)
    shown, classes = trained.data.splits[part], [trained.data.classes[i] for i in cast(Topics, exam.scenes).candidates]
    names = [f"{part}-{i:06d}" for i in info["index"]] if shown.names is None else shown.names[info["index"]]
    images = shown.inputs[info["index"]] / np.float32(255) if shown.inputs.dtype == np.uint8 else None
    return Overheard(checked(recorded(info, info["target"], _different(names), classes)), images, info.get("attention"))


@eqx.filter_jit
def _talked(play: Play, scenes: Scenes, pair: World, batch: Int[Array, ""], key: PRNGKeyArray) -> dict[str, Array]:
    """The parts of a batch of episodes from which conversations are made."""
    episode = play(pair, scenes(batch, loop.nature_key(key)), loop.turn_key(key, batch), channels.clear)
    known = {name: episode.info[name] for name in (*PARTS, "index", "weight", "attention") if name in episode.info}
    return known | {"target": episode.target}


def checked(talk: Conversations) -> Conversations:
    """The same in the types told above. Raises `UsageError` where arrays do not fit each other or hold what cannot be."""
    n, t, d = talk.sender.shape if np.ndim(talk.sender) == 3 else (0, 0, 0)
    c = len(talk.classes)
    if 0 in (n, t, d, c):
        raise UsageError(f"sender's bits of shape {np.shape(talk.sender)} and {c} classes: expected [n t d], and one or more of each")
    message, step = (n, t, d), (n, t)
    shapes = {"example": (n,), "target": (n,), "sender_p": message, "receiver": message, "receiver_p": message}
    shapes |= {"scores": (n, t, c), "stop_p": step, "stop": step, "mask": step}
    for name, shape in shapes.items():
        if np.shape(getattr(talk, name)) != shape:
            raise UsageError(f"{name} of shape {np.shape(getattr(talk, name))}: expected {shape}, as the sender's bits {message} say")
    kinds: dict[str, type] = {"target": np.int64, "sender": np.bool_, "receiver": np.bool_, "stop": np.bool_, "mask": np.bool_}
    kinds |= {"example": np.str_, "sender_p": np.float32, "receiver_p": np.float32, "scores": np.float32, "stop_p": np.float32}
    talk = talk._replace(**{name: np.asarray(getattr(talk, name)).astype(kind) for name, kind in kinds.items()})
    if not 0 <= talk.target.min() <= talk.target.max() < c:
        raise UsageError(f"targets from {talk.target.min()} to {talk.target.max()}: expected 0 to {c - 1}, places of the classes")
    if len(np.unique(talk.example)) < n:
        raise UsageError(f"{n} examples with {len(np.unique(talk.example))} different names: expected all to differ")
    if not talk.mask[:, 0].all() or (talk.mask[:, 1:] > talk.mask[:, :-1]).any():
        raise UsageError("a mask of a conversation that begins closed or opens again: expected ones, then zeros")
    for name in ("sender_p", "receiver_p", "stop_p", "scores"):
        values = getattr(talk, name)
        if not np.isfinite(values).all() or (name != "scores" and not 0 <= values.min() <= values.max() <= 1):
            raise UsageError(f"{name} holds what is no {'number' if name == 'scores' else 'probability'}")
    return talk


# ------------------------------------------------------------------------------------------------------------- writing


def write_hdf5(talk: Conversations, path: str | Path) -> Path:
    """Write conversations in the layout of the published code, wholly or not at all; returns where.

    A name of more than 50 bytes is cut, and ends in a hash of the whole. Raises `UsageError`.
    """
    h5py = need("h5py", f"writing {str(path)!r}")
    talk = checked(talk)
    n, t, d = talk.sender.shape
    head = [("ExampleId", f"S{NAME}"), ("AgentId", "S1"), ("Index", "<i4"), ("Target", "<i4"), ("Rank", "<i4")]
    said = np.zeros((t, 2, n), [*head, ("BinaryProb", "<f4", (d,)), ("BinaryVec", "<f4", (d,))])
    bits = [("StopProb", "<f4", (1,)), ("StopVec", "<f4", (1,)), ("StopMask", "<f4", (1,))]
    thought = np.zeros((t, n), [*head, ("Predictions", "<f4", (len(talk.classes),)), *bits])
    names, first = _short(talk.example.tolist()), 2 * np.arange(t)
    for table, agent, index in ((said[:, 0], b"S", first), (said[:, 1], b"R", first + 1), (thought, b"R", first + 1)):
        table["ExampleId"], table["AgentId"], table["Index"] = names, agent, index[:, None]
        table["Target"], table["Rank"] = talk.target, talk.rank.T
    for side, (vec, p) in enumerate(((talk.sender, talk.sender_p), (talk.receiver, talk.receiver_p))):
        said["BinaryVec"][:, side], said["BinaryProb"][:, side] = vec.swapaxes(0, 1), p.swapaxes(0, 1)
    thought["Predictions"] = talk.scores.swapaxes(0, 1)
    for name, values in (("StopProb", talk.stop_p), ("StopVec", talk.stop), ("StopMask", talk.mask)):
        thought[name] = values.T[..., None]
    held = BytesIO()
    with h5py.File(held, "w") as file:
        file.create_dataset("Communication", data=said.reshape(-1))
        file.create_dataset("Predictions", data=thought.reshape(-1))
        file.attrs["format"] = FORMAT
        file.attrs["classes"] = np.array(talk.classes, h5py.string_dtype())
    return _write(path, held.getvalue())


def _short(names: Sequence[str]) -> np.ndarray:
    """Names in 50 bytes, all different."""
    raw = [name.encode() for name in names]
    cut = [b if len(b) <= NAME else b[: NAME - 9].decode(errors="ignore").encode() + b"~" + _hash(b) for b in raw]
    if len(set(cut)) < len(cut) or any(b.endswith(b"\0") for b in cut):
        raise UsageError(f"names of examples that do not differ in {NAME} bytes: expected shorter ones")
    return np.array(cut, f"S{NAME}")


def _hash(name: bytes) -> bytes:
    return hashlib.sha256(name).hexdigest()[:8].encode()


def write_parquet(talk: Conversations, path: str | Path) -> Path:
    """Write conversations as a table with one row an example, step and agent, wholly or not at all; returns where. Raises `UsageError`."""
    arrow, parquet = need("pyarrow", f"writing {str(path)!r}"), need("pyarrow.parquet", f"writing {str(path)!r}")
    talk = checked(talk)
    n, t, d = talk.sender.shape
    rows = n * t * 2
    hears = np.arange(rows) % 2 == 1  # whether a row is the receiver's

    def each(values: np.ndarray) -> np.ndarray:
        """Values of an example [n] or a step [n t] for all of its rows."""
        return np.broadcast_to(values.reshape(n, -1, 1), (n, t, 2)).reshape(-1)

    def own(values: np.ndarray) -> Any:
        return arrow.array(each(values), mask=~hears)

    def lists(values: np.ndarray, wide: int, given: np.ndarray) -> Any:
        """`wide` values for each given row, null for the others."""
        offsets = np.concatenate([[0], np.cumsum(given * wide)]).astype(np.int32)
        return arrow.ListArray.from_arrays(arrow.array(offsets), arrow.array(values.reshape(-1)), mask=arrow.array(~given))

    def both(first: np.ndarray, second: np.ndarray) -> Any:
        return lists(np.stack([first, second], axis=2), d, np.ones(rows, bool))

    def words(places: np.ndarray, known: Sequence[str]) -> Any:
        return arrow.DictionaryArray.from_arrays(arrow.array(places.astype(np.int32)), arrow.array(list(known)))

    index = np.tile(np.arange(2 * t, dtype=np.int32), n)
    table = arrow.table(
        {
            "example": words(each(np.arange(n)), talk.example.tolist()),
            "agent": words(index % 2, AGENTS),
            "index": index,
            "step": index // 2,
            "target": each(talk.target).astype(np.int32),
            "class": words(each(talk.target), talk.classes),
            "rank": each(talk.rank).astype(np.int32),
            "bits": both(talk.sender, talk.receiver),
            "probabilities": both(talk.sender_p, talk.receiver_p),
            "predictions": lists(talk.scores, len(talk.classes), hears),
            "go_probability": own(talk.stop_p),
            "go": own(talk.stop),
            "open": each(talk.mask),
        }
    )
    told = json.dumps({"format": FORMAT, "classes": list(talk.classes)}, ensure_ascii=False)
    held = BytesIO()
    parquet.write_table(table.replace_schema_metadata({"semiosis": told}), held)
    return _write(path, held.getvalue())


def _write(path: str | Path, data: bytes) -> Path:
    path = Path(path)
    with spoken(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)
    return path


# ------------------------------------------------------------------------------------------------------------- reading


def read(path: str | Path, descriptions: str | Path | None = None) -> Conversations:
    """Read what `write_hdf5`, `write_parquet` or the published code has written, in batches of any size.

    `descriptions` is a file of lines `label_id,label,text`, one a class in order; without it a file that names no classes has 0, 1, ...
    An example that occurs again (their extractor gives names twice) is called `NAME (2)`. Ranks are counted anew. Raises `UsageError` if
    there is no such file, it is none of these, or its rows do not fit each other.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise unknown("kind of file", path.name, SUFFIXES)
    with spoken(f"read {path}"), path.open("rb"):  # what is missing is told in the system's words
        pass
    tables, classes = _parquet(path) if path.suffix.lower() == ".parquet" else _hdf5(path)
    named = tuple(row.label for row in read_rows(Path(descriptions))) if descriptions is not None else classes
    talk = _assembled(path, *tables, named)
    try:
        return checked(talk)
    except UsageError as fault:
        raise UsageError(f"{path} is no record of conversations: {fault}") from fault


def _damaged(path: Path, what: str) -> UsageError:
    return UsageError(f"{path} is no record of conversations: {what}")


def _hdf5(path: Path) -> tuple[tuple[Columns, Columns, Columns], tuple[str, ...] | None]:
    """What the sender said, what the receiver said, what it thought, and the names of the classes if it holds any."""
    h5py = need("h5py", f"reading {str(path)!r}")
    try:
        with h5py.File(path, "r") as file:
            if not all(isinstance(file.get(name), h5py.Dataset) for name in ("Communication", "Predictions")):
                raise _damaged(path, f"expected tables Communication and Predictions, found {', '.join(sorted(file)) or 'none'}")
            said, thought = file["Communication"][()], file["Predictions"][()]
            names, version = file.attrs.get("classes"), int(file.attrs.get("format", FORMAT))
    except UsageError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise UsageError(f"cannot read {path}: not an HDF5 file, or a damaged one ({first_line(error)})") from error
    _known(path, version)
    for table, fields in ((said, COMMUNICATION), (thought, PREDICTIONS)):
        _complete(path, table.dtype.names or (), fields)
    who = said["AgentId"].astype("S1")
    sender, receiver = (_renamed(said[who == letter]) for letter in (b"S", b"R"))
    return (sender, receiver, _renamed(thought)), None if names is None else tuple(str(name) for name in names)


def _renamed(rows: np.ndarray) -> Columns:
    """Rows of HDF5 as columns by the names of Parquet."""
    known = {"Index": "index", "Target": "target", "BinaryVec": "bits", "BinaryProb": "probabilities", "Predictions": "predictions"}
    out = {new: rows[old] for old, new in known.items() if old in (rows.dtype.names or ())}
    known = {"StopProb": "go_probability", "StopVec": "go", "StopMask": "open"}
    out |= {new: rows[old].reshape(len(rows)) for old, new in known.items() if old in (rows.dtype.names or ())}
    out |= {name: out[name].astype(float).round() > 0 for name in ("bits", "go", "open") if name in out}
    return out | {"example": np.char.decode(rows["ExampleId"].astype(bytes), errors="replace")}


def _parquet(path: Path) -> tuple[tuple[Columns, Columns, Columns], tuple[str, ...] | None]:
    """The same from a table of Parquet."""
    arrow, parquet = need("pyarrow", f"reading {str(path)!r}"), need("pyarrow.parquet", f"reading {str(path)!r}")
    try:
        _complete(path, parquet.read_schema(path).names, COLUMNS)
        table = parquet.ParquetFile(path).read(columns=list(COLUMNS))
        told = json.loads((table.schema.metadata or {}).get(b"semiosis", b"{}"))
        version = int(told.get("format", FORMAT))
    except UsageError:
        raise
    except (arrow.ArrowException, OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"cannot read {path}: not a parquet file, or a damaged one ({first_line(error)})") from error
    _known(path, version)
    who = np.asarray(table["agent"].to_pylist())
    sender, receiver = (_columns(path, table.filter(who == name)) for name in AGENTS)
    names = told.get("classes")
    return (sender, receiver, receiver), None if names is None else tuple(str(name) for name in names)


def _columns(path: Path, table: Any) -> Columns:
    """Columns as arrays, lists of one length as rows [k d]; without those that are all null."""
    out = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if column.null_count == len(column):
            continue
        if column.null_count:
            raise _damaged(path, f"the column {name!r} has no value in some rows of an agent")
        if name in ("bits", "probabilities", "predictions"):
            flat = column.flatten().to_numpy(zero_copy_only=False)
            if len(flat) % len(column) or len(set(column.value_lengths().to_pylist())) > 1:
                raise _damaged(path, f"the column {name!r} has rows of different lengths")
            out[name] = flat.reshape(len(column), -1)
        else:
            out[name] = np.asarray(column.to_pylist())
            if name in ("index", "target") and out[name].dtype.kind not in "iu":
                raise _damaged(path, f"the column {name!r} holds what is no whole number")
    return out


def _known(path: Path, version: int) -> None:
    if version > FORMAT:
        raise UsageError(f"{path} is of format {version}, written by a newer semiosis: this one reads up to {FORMAT}")


def _complete(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    if lacking := [name for name in wanted if name not in names]:
        raise _damaged(path, f"it has no {', '.join(lacking)}, only {', '.join(names) or 'numbers'}")


def _assembled(path: Path, sender: Columns, receiver: Columns, thought: Columns, classes: tuple[str, ...] | None) -> Conversations:
    """Conversations from rows of any batches: the k-th row of an Index is of the k-th example, for examples keep their order."""
    parts = [sender, receiver, thought]
    for part, wanted in zip(parts, ("bits", "bits", "predictions"), strict=True):
        if not len(part.get("index", ())) or wanted not in part:
            raise _damaged(path, "it lacks rows of the sender or of the receiver")
    orders = [_order(path, part["index"], side) for part, side in zip(parts, (0, 1, 1), strict=True)]
    if len({order.shape for order in orders}) > 1:
        shapes = ", ".join(f"{n} by {t}" for n, t in (order.shape for order in orders))
        raise _damaged(path, f"its tables hold different numbers of conversations and steps ({shapes})")
    sender, receiver, thought = ({k: v[order] for k, v in part.items()} for part, order in zip(parts, orders, strict=True))
    example, target = sender["example"][:, 0], sender["target"][:, 0]
    for part in (sender, receiver, thought):
        if (part["example"] != example[:, None]).any() or (part["target"] != target[:, None]).any():
            raise _damaged(path, "its rows do not stand in one order: examples or targets differ between steps")
    count = thought["predictions"].shape[2]
    if classes is not None and len(classes) != count:
        raise _damaged(path, f"{len(classes)} classes are named for scores of {count}")
    return Conversations(
        _different(example.tolist()),
        target,
        classes or tuple(str(i) for i in range(count)),
        sender["bits"],
        sender["probabilities"],
        receiver["bits"],
        receiver["probabilities"],
        thought["predictions"],
        thought["go_probability"],
        thought["go"],
        thought["open"],
    )


def _order(path: Path, index: np.ndarray, side: int) -> np.ndarray:
    """Which row is of which example and step [n t], of an agent whose rows have an even (0) or odd (1) Index."""
    if (index < 0).any() or (index % 2 != side).any():
        raise _damaged(path, f"rows of the {AGENTS[side]} have an Index that is {'even' if side else 'odd'}")
    counts = np.bincount(index // 2)
    if len(set(counts.tolist())) > 1:
        raise _damaged(path, "not all conversations have rows for all steps: write it with a fixed number of exchanges")
    return np.argsort(index, kind="stable").reshape(len(counts), counts[0]).T


def _different(names: Sequence[str] | np.ndarray) -> np.ndarray:
    """Names of which no two are the same."""
    taken: set[str] = set()
    out = []
    for name in names:
        told, times = name, 1
        while told in taken:
            times += 1
            told = f"{name} ({times})"
        taken.add(told)
        out.append(told)
    return np.array(out, np.str_)
