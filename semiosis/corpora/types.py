"""What a corpus is: one row an utterance, in arrays that need no framework; the same rows in every format that can hold them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from semiosis.errors import UsageError
from semiosis.runs.files import spoken, temporary, to_json, write_bytes

FORMAT = 1  # of what files hold; counts up when an older program could not read what is written
NONE = -1  # stands for no symbol, nobody, no answer; in files it is null
SIGN = "the sign that the listener itself gives"  # of what kind a guess is where agents name things and nobody answers
IMAGES = "corpus-images"  # the folder beside a file in which the drawings are that it names

COUNTS = ("seed", "example", "turn", "label")  # one whole number a row
PEOPLE = ("speaker", "listener")  # a place in `agents`
SHARES = ("correct", "level")  # one number a row
LISTS = ("guess", "target", "attributes", "candidates")  # whole numbers, as many in each row
VECTORS = ("meanings", "strokes")  # numbers
TEXTS = ("reference", "image", "heard_image")
NEEDED = ("tokens", "length", "seed", "speaker", "listener", "example", "turn")
FIELDS = (*NEEDED, "heard", "guess", "target", "correct", "level", "label", "attributes", "candidates", *TEXTS, *VECTORS)


class Corpus(NamedTuple):
    """r utterances: who said what to whom about what, at which step, heard as what, guessed as what.

    `tokens` [r t] are the symbols of a message, of which the first `length` [r] were said; the end is no symbol. `speaker` and `listener`
    [r] are places in `agents`. `example` [r] is the thing's place in its split, `reference` [r] says where the thing itself is
    (data/split/place). `turn` [r] counts the utterances of a conversation from 0. `heard` [r t] is what arrived, None where nothing was
    altered; a symbol that got lost is -1. `guess` and `target` [r k] are the listener's answer and the right one (about["answer"] says of
    what kind), `correct` [r] the share of the guess that is right, `candidates` [r c] the examples it chose among. `label` [r] and
    `attributes` [r a] are what is known of the thing, `meanings` [r d] a vector that stands for it, `level` [r] how noisy the way was.
    A drawn message has an `image`, and a `heard_image` where it arrived otherwise: paths beside the file, whose bytes are in `pictures`.
    `strokes` [r s] are the corners of its lines, flat; about["strokes"] has their shape.

    -1, an empty text and NaN stand for what a row does not have; None for what no row has. `about` is plain JSON.
    """

    tokens: np.ndarray
    length: np.ndarray
    seed: np.ndarray
    speaker: np.ndarray
    listener: np.ndarray
    example: np.ndarray
    turn: np.ndarray
    heard: np.ndarray | None = None
    guess: np.ndarray | None = None
    target: np.ndarray | None = None
    correct: np.ndarray | None = None
    level: np.ndarray | None = None
    label: np.ndarray | None = None
    attributes: np.ndarray | None = None
    candidates: np.ndarray | None = None
    reference: np.ndarray | None = None
    image: np.ndarray | None = None
    heard_image: np.ndarray | None = None
    meanings: np.ndarray | None = None
    strokes: np.ndarray | None = None
    agents: tuple[str, ...] = ()
    about: Mapping[str, Any] = MappingProxyType({})
    pictures: Mapping[str, bytes] = MappingProxyType({})

    @property
    def size(self) -> int:
        """How many utterances there are."""
        return len(self.length)

    @property
    def drawn(self) -> bool:
        """Whether messages are images."""
        return self.image is not None


def rows(corpus: Corpus, which: np.ndarray | slice) -> Corpus:
    """Some of the utterances, by places or a mask."""
    held = {name: getattr(corpus, name) for name in FIELDS}
    return corpus._replace(**{name: values[which] for name, values in held.items() if values is not None})


def messages(
    tokens: np.ndarray,
    length: np.ndarray | None = None,
    *,
    agents: Sequence[str] = ("speaker",),
    about: Mapping[str, Any] | None = None,
    **more: Any,
) -> Corpus:
    """A corpus of messages [n t] alone: one speaker, nobody who listens, each about another thing; `more` are further fields.

    Raises `UsageError` where they do not fit.
    """
    n = len(tokens)
    zeros = np.zeros(n, np.int32)
    known = {"seed": zeros, "speaker": zeros, "listener": np.full(n, NONE), "example": np.arange(n), "turn": zeros}
    length = np.full(n, np.shape(tokens)[1] if np.ndim(tokens) == 2 else 0) if length is None else length
    return checked(Corpus(tokens, length, **(known | more), agents=tuple(agents), about=dict(about or {})))


# ------------------------------------------------------------------------------------------------------------------ checks


def checked(corpus: Corpus) -> Corpus:
    """The same in the types of all formats, no wider than need be. Raises `UsageError` where arrays do not fit each other."""
    r = len(np.asarray(corpus.length))
    found: dict[str, Any] = {
        name: _whole(name, getattr(corpus, name), r) for name in (*COUNTS, *PEOPLE) if getattr(corpus, name) is not None
    }
    length = found["length"] = _whole("length", corpus.length, r)
    tokens = _table("tokens", corpus.tokens, r, np.int32)
    if r and (length.min() < 0 or length.max() > tokens.shape[1]):
        raise UsageError(f"lengths from {length.min()} to {length.max()}: expected 0 to {tokens.shape[1]}, the width of tokens")
    said = np.arange(tokens.shape[1]) < length[:, None]
    if (tokens[said] < 0).any():
        raise UsageError(f"a symbol {tokens[said].min()}: expected 0 or more")
    wide = int(length.max(initial=0))
    found["tokens"] = np.where(said, tokens, NONE)[:, :wide]
    if corpus.heard is not None:
        heard = _table("heard", corpus.heard, r, np.int32)
        if heard.shape != tokens.shape:
            raise UsageError(f"heard of shape {heard.shape}: expected {tokens.shape}, as tokens have")
        found["heard"] = np.where(said, np.maximum(heard, NONE), NONE)[:, :wide]
    for name in LISTS:
        if getattr(corpus, name) is not None:
            found[name] = _trimmed(_table(name, getattr(corpus, name), r, np.int32))
    for name in VECTORS:
        if getattr(corpus, name) is not None:
            found[name] = _table(name, getattr(corpus, name), r, np.float64)
            if np.isinf(found[name]).any():
                raise UsageError(f"{name} has an infinite number: expected finite ones, and NaN where there is none")
    for name in SHARES:
        if getattr(corpus, name) is not None:
            found[name] = _numbers(name, getattr(corpus, name))
    if "correct" in found and ((found["correct"] < 0) | (found["correct"] > 1)).any():
        wrong = found["correct"][(found["correct"] < 0) | (found["correct"] > 1)]
        raise UsageError(f"correct is {wrong.flat[0]:g}: expected the share of an answer that is right, from 0 to 1")
    for name in TEXTS:
        if getattr(corpus, name) is not None:
            found[name] = np.asarray(getattr(corpus, name), np.str_)
    for name, values in found.items():
        if len(values) != r or (name not in (*LISTS, *VECTORS, "tokens", "heard") and values.ndim != 1):
            raise UsageError(f"{name} of shape {values.shape}: expected one a row, of {r:,} rows")
    for name in PEOPLE:
        who = found[name]
        if r and (who.min() < NONE or who.max() >= len(corpus.agents)):
            raise UsageError(
                f"{name} from {who.min()} to {who.max()}: expected places among the {len(corpus.agents)} agents, or -1 for nobody"
            )
    about = json.loads(to_json(dict(corpus.about)))
    for name in ("message", "data"):
        if about.get(name) is not None and not isinstance(about[name], dict):
            raise UsageError(f"about tells the {name} as {str(about[name])[:60]!r}: expected an object")
    kept = {name: values for name, values in found.items() if name in NEEDED or not _void(values)}
    blank = dict.fromkeys((name for name in FIELDS if name not in NEEDED), None)
    return corpus._replace(**(blank | kept), agents=tuple(str(name) for name in corpus.agents), about=about)


def _whole(name: str, values: Any, r: int) -> np.ndarray:
    """Whole numbers, one a row."""
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iub":
        raise UsageError(f"{name} of type {array.dtype}: expected whole numbers")
    return _narrowed(name, array, np.int64 if name in ("seed", "example", "label") else np.int32)


def _narrowed(name: str, array: np.ndarray, kind: type) -> np.ndarray:
    """Whole numbers in a type that holds them. Raises `UsageError` where it does not: they would come out as others."""
    bounds = np.iinfo(kind)
    if array.size and array.dtype.kind in "iu" and (int(array.min()) < bounds.min or int(array.max()) > bounds.max):
        wrong = int(array.max()) if int(array.max()) > bounds.max else int(array.min())
        raise UsageError(f"{name} has the number {wrong}: expected whole numbers from {bounds.min} to {bounds.max}")
    return array.astype(kind)


def _numbers(name: str, values: Any) -> np.ndarray:
    """Numbers, NaN where there is none."""
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iubf":
        raise UsageError(f"{name} of type {array.dtype}: expected numbers")
    return array.astype(np.float64)


def _table(name: str, values: Any, r: int, kind: type) -> np.ndarray:
    """Numbers in rows of one width."""
    array = np.asarray(values)
    if array.ndim != 2 or len(array) != r:
        raise UsageError(f"{name} of shape {array.shape}: expected rows of one width, {r:,} of them")
    if array.size and array.dtype.kind not in ("iub" if kind is np.int32 else "iubf"):
        raise UsageError(f"{name} of type {array.dtype}: expected {'whole ' if kind is np.int32 else ''}numbers")
    return _narrowed(name, array, kind) if kind is np.int32 else array.astype(kind)


def _trimmed(table: np.ndarray) -> np.ndarray:
    """Without the last columns that no row fills."""
    filled = np.flatnonzero((table != NONE).any(axis=0))
    return table[:, : filled[-1] + 1 if len(filled) else 0]


def _void(values: np.ndarray) -> bool:
    """Whether no row has one."""
    if values.size == 0:
        return True
    if values.dtype.kind == "U":
        return bool((values == "").all())
    return bool(np.isnan(values).all() if values.dtype.kind == "f" else (values == NONE).all())


# ------------------------------------------------------------------------------------------------------------- for the formats


def ragged(table: np.ndarray, length: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Rows [r k] one after another, and where each begins [r + 1]; without `length`, a row goes up to the last that is not -1."""
    k = table.shape[1]
    if length is None:
        there = table != NONE
        length = np.where(there.any(axis=1), k - there[:, ::-1].argmax(axis=1), 0) if k else np.zeros(len(table), int)
    return table[np.arange(k) < np.asarray(length)[:, None]], np.concatenate([[0], np.cumsum(length)]).astype(np.int64)


def unragged(flat: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows [r k] filled up with -1, and the length of each. Raises `ValueError` where they do not fit."""
    offsets = np.asarray(offsets, np.int64)
    length = np.diff(offsets)
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(flat) or (length < 0).any():
        raise ValueError("the bounds of its rows do not fit their numbers")
    table = np.full((len(length), int(length.max(initial=0))), NONE, np.asarray(flat).dtype)
    table[np.arange(table.shape[1]) < length[:, None]] = flat
    return table, length


def head(corpus: Corpus) -> dict[str, Any]:
    """What is told once of all rows: format, names of the agents, what the corpus is about."""
    return {"format": FORMAT, "agents": list(corpus.agents), "about": dict(corpus.about)}


def from_head(path: Path, told: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Agents and about from a file's head. Raises `UsageError` where it is damaged, or of a newer program."""
    agents, about, version = (told.get(name) for name in ("agents", "about", "format")) if isinstance(told, dict) else (None, None, None)
    if not isinstance(version, int) or not isinstance(agents, list) or not isinstance(about, dict):
        raise UsageError(f"{path} is damaged: what it tells of its rows is not format, agents and about")
    if version > FORMAT:
        raise UsageError(f"{path} is of format {version}, written by a newer semiosis: this one reads up to {FORMAT}")
    return tuple(str(name) for name in agents), about


def assembled(path: Path, found: Mapping[str, Any], agents: Sequence[str], about: Mapping[str, Any], *, files: bool = True) -> Corpus:
    """A corpus of what a file held, where it lies; what it lacks is filled in as `messages` does. Raises `UsageError`."""
    if "tokens" not in found:
        raise UsageError(f"{path} is no corpus: it has no messages")
    try:
        corpus = messages(
            found["tokens"], **{"agents": agents or ("speaker",), "about": about, **{k: v for k, v in found.items() if k != "tokens"}}
        )
    except UsageError as fault:
        raise UsageError(f"{path} is no corpus: {fault}") from fault
    return corpus._replace(pictures=Beside(path.parent, corpus)) if files and corpus.drawn else corpus


class Beside(Mapping[str, bytes]):
    """The pictures that a corpus names, read from beside its file when they are asked for. Raises `UsageError` where one is missing."""

    def __init__(self, folder: Path, corpus: Corpus):
        self.folder = folder
        named = [column for column in (corpus.image, corpus.heard_image) if column is not None]
        self.names = [name for name in np.unique(np.concatenate(named)).tolist() if name] if named else []

    def __getitem__(self, name: str) -> bytes:
        if name not in self.names:
            raise KeyError(name)
        place = _within(self.folder, name)
        with spoken(f"read the picture {place}"):
            return place.read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _within(folder: Path, name: str) -> Path:
    """Where a picture lies. Raises `UsageError` for one that is not in the folder: a corpus of somebody's may name any file."""
    try:
        possible = b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise UsageError(f"the picture {name!r} has a name that no file can have")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UsageError(f"the picture {name!r} is not beside its corpus: expected a path within {folder}")
    return folder / name


def write_pictures(corpus: Corpus, folder: Path) -> None:
    """Put the pictures that a corpus names where its file will lie; those that are there already stay. Raises `UsageError`."""
    if isinstance(corpus.pictures, Beside) and corpus.pictures.folder.resolve() == folder.resolve():
        return
    for name, data in corpus.pictures.items():
        place = _within(folder, name)
        draft = temporary(place)
        with spoken(f"write {place}"):  # not flushed one by one as `write_bytes` does: there are thousands, and any can be drawn again
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists() and place.read_bytes() == data:
                continue
            try:
                draft.write_bytes(data)
                os.replace(draft, place)
            except BaseException:
                with suppress(OSError):
                    draft.unlink()
                raise


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file and the folders above it, wholly or not at all; returns where."""
    with spoken(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)
    return path
