"""A corpus as EGG keeps one: an `Interaction` saved by torch.save, here written and read without PyTorch, and without running a pickle.

What it holds, a tensor a field with a row an utterance: `message`, `message_length`, `receiver_output` (the guess), `labels` (the right
answer, or the class of the thing where there is none), `sender_input` (meanings, where there are any), in `aux_input` everything else that
is a number, in `aux` `acc`, the share of the guess that is right. In EGG the symbol 0 ends a message: symbols of longer messages are
counted up by one, a 0 follows the last, and message_length counts it, as EGG's own senders do. A language of one symbol a message has no
end, in EGG as here: its `message` is [r] and its symbols stay. Names, references and paths, which no tensor can hold, stand in the archive
beside the tensors, as semiosis.json, which torch.load leaves alone.
"""

from __future__ import annotations

import json
import pickle
import struct
import sys
import zipfile
from collections.abc import Mapping
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from semiosis.corpora.types import FIELDS, NONE, TEXTS, Corpus, assembled, from_head, head, write_pictures, write_whole
from semiosis.errors import UsageError
from semiosis.extras import first_line
from semiosis.nets import weights
from semiosis.runs.files import spoken, to_json

PARTS = ("sender_input", "receiver_input", "labels", "aux_input", "message", "receiver_output", "message_length", "aux")
CLASS = ("egg.core.interaction", "Interaction")
BESIDE = "semiosis.json"
END = 0
TYPES = {np.dtype(np.float64): "Double", np.dtype(np.float32): "Float", np.dtype(np.int64): "Long"}


class Interaction(NamedTuple):
    """EGG's record of a game, with arrays for tensors and None for what was not logged."""

    sender_input: np.ndarray | None = None
    receiver_input: np.ndarray | None = None
    labels: np.ndarray | None = None
    aux_input: Mapping[str, Any] | None = None
    message: np.ndarray | None = None
    receiver_output: np.ndarray | None = None
    message_length: np.ndarray | None = None
    aux: Mapping[str, Any] = {}


# -------------------------------------------------------------------------------------------------------------- our corpora


def write(corpus: Corpus, path: Path) -> Path:
    """Write the pictures, then the Interaction, wholly or not at all; returns where. Raises `UsageError`."""
    fields = {name: getattr(corpus, name) for name in FIELDS}
    texts = {name: fields[name].tolist() for name in TEXTS if fields[name] is not None}
    write_pictures(corpus, path.parent)
    return write_whole(path, saved(of(corpus), {BESIDE: to_json(head(corpus) | {"texts": texts})}))


def of(corpus: Corpus) -> Interaction:
    """A corpus as an Interaction; what a row does not have is -1, or NaN."""
    aux_input = {
        name: values
        for name in FIELDS
        if name not in ("tokens", "length", "correct", "meanings", *TEXTS) and (values := getattr(corpus, name)) is not None
    }
    if corpus.heard is not None:
        aux_input["heard"] = _ended(corpus.heard, corpus.length)
    labels = corpus.target if corpus.target is not None else corpus.label
    aux = {} if corpus.correct is None else {"acc": corpus.correct}
    message, length = _ended(corpus.tokens, corpus.length), corpus.length + (not _endless(corpus.tokens, corpus.length))
    return Interaction(corpus.meanings, None, _flat(labels), aux_input, message, _flat(corpus.guess), length, aux)


def _flat(values: np.ndarray | None) -> np.ndarray | None:
    """One number a row where there is one."""
    return values[:, 0] if values is not None and values.ndim == 2 and values.shape[1] == 1 else values


def _endless(tokens: np.ndarray, length: np.ndarray) -> bool:
    """Whether each message is one symbol, which nothing ends."""
    return tokens.shape[1] == 1 and bool((length == 1).all())


def _ended(tokens: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Messages as in EGG: symbols from 1, then 0; a symbol that got lost stays -1. Of one symbol each, they are as they are, [r]."""
    if _endless(tokens, length):
        return tokens[:, 0]
    out = np.full((len(tokens), tokens.shape[1] + 1), END)
    out[:, :-1] = np.where(np.arange(tokens.shape[1]) < length[:, None], np.where(tokens == NONE, NONE, tokens + 1), END)
    return out


def read(path: Path) -> Corpus:
    """Read what `write`, or EGG, has written: an Interaction, or a list of them, one after another.

    Of EGG's own, `labels` are those of the things, `sender_input` their meanings, `attributes` in `aux_input` theirs where it has any, and
    scores are their best. `acc` that is no share is left out. Raises `UsageError`: no such file, no Interaction, a pickle that asks for
    anything else, tensors that do not fit each other, damage.
    """
    found, told = load(path)
    if told is not None:
        return _ours(path, found, told)
    logged = [part for part in found if part.message is not None]
    if not logged:
        raise UsageError(f"{path} holds no messages: its Interactions were logged without them")
    logged = [part for part in logged if np.asarray(part.message).size]
    if not logged:
        raise UsageError(f"{path} holds no messages: its Interactions have no rows")
    try:
        return _joined(path, [_theirs(path, part) for part in logged])
    except UsageError:
        raise
    except weights.DAMAGE as error:
        raise UsageError(f"{path} is no dump of EGG's: its tensors do not fit each other ({first_line(error)})") from error


def _ours(path: Path, found: list[Interaction], told: Any) -> Corpus:
    agents, about = from_head(path, told)
    try:
        (part,) = found
        fields = dict(part.aux_input or {})
        tokens, length = _begun(np.asarray(part.message), np.asarray(part.message_length))
        fields |= {"tokens": tokens, "length": length, "meanings": part.sender_input, "correct": part.aux.get("acc")}
        fields |= {name: np.array(values, np.str_) for name, values in told["texts"].items()}
        if "heard" in fields:
            fields["heard"] = _begun(np.asarray(fields["heard"]), np.asarray(part.message_length))[0]
    except (*weights.DAMAGE, AttributeError) as error:
        raise UsageError(f"{path} is damaged: it is not as semiosis writes it ({first_line(error)})") from error
    known = {name: values for name, values in fields.items() if name in FIELDS and values is not None}
    return assembled(path, known, agents, about)


def _begun(message: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The messages of `_ended`, and their lengths."""
    if message.ndim == 1:
        return message[:, None], length
    return np.where(message > END, message - 1, NONE)[:, :-1], length - 1


# ----------------------------------------------------------------------------------------------------------------- EGG's own


def _theirs(path: Path, part: Interaction) -> dict[str, np.ndarray]:
    """The fields of a corpus in an Interaction of EGG's."""
    message, told = np.asarray(part.message), _told_length(path, part)
    if message.ndim == 3 or _one_relaxed(message, told):
        message, told = message.argmax(axis=-1), None  # relaxed symbols, of which message_length is an expectation
    if message.ndim not in (1, 2) or (message != message.round()).any() or (message.size and message.min() < 0):
        raise UsageError(f"{path} has messages of shape {message.shape} and type {message.dtype}: expected symbols [n t], or rows of them")
    tokens, length = _read_symbols(message.astype(np.int64), told)
    n = len(tokens)
    found: dict[str, np.ndarray] = {"tokens": tokens, "length": length}
    labels = None if part.labels is None else np.asarray(part.labels)
    if labels is not None and labels.shape[:1] == (n,) and labels.size == n and (labels == labels.round()).all():
        found["label"] = labels.reshape(n).astype(np.int64)
    elif labels is not None and labels.ndim == 2 and len(labels) == n and labels.min(initial=0) >= 0 and (labels == labels.round()).all():
        found["attributes"] = labels.astype(np.int64)
    if part.sender_input is not None and len(part.sender_input) == n and np.asarray(part.sender_input).dtype.kind in "iufb":
        found["meanings"] = np.asarray(part.sender_input, np.float64).reshape(n, -1)
    attributes = (part.aux_input or {}).get("attributes")
    if isinstance(attributes, np.ndarray) and attributes.ndim == 2 and len(attributes) == n:
        found["attributes"] = attributes.astype(np.int64)
    guess = None if part.receiver_output is None else np.asarray(part.receiver_output)
    if guess is not None and guess.ndim == 2 and len(guess) == n and guess.dtype.kind == "f":
        found["guess"] = guess.argmax(axis=1)[:, None]
    elif guess is not None and guess.ndim == 1 and len(guess) == n and (guess == guess.round()).all():
        found["guess"] = guess.astype(np.int64)[:, None]
    right = part.aux.get("acc")
    if isinstance(right, np.ndarray) and right.size == n and right.shape[:1] == (n,) and not ((right < 0) | (right > 1)).any():
        found["correct"] = right.reshape(n).astype(np.float64)
    return found


def _told_length(path: Path, part: Interaction) -> np.ndarray | None:
    """message_length [n], None where it is not told in whole numbers: while relaxed messages are trained, it is an expectation."""
    if part.message_length is None:
        return None
    length, n = np.asarray(part.message_length), len(np.asarray(part.message))
    if length.size != n:
        raise UsageError(f"{path} is no dump of EGG's: its message_length has {length.size:,} numbers, and there are {n:,} messages")
    length = length.reshape(n).astype(np.float64)
    return length.astype(np.int64) if np.isfinite(length).all() and (length == length.round()).all() else None


def _one_relaxed(message: np.ndarray, told: np.ndarray | None) -> bool:
    """Whether each row is one relaxed symbol, a share for each that there is, as Gumbel-Softmax senders of one symbol give it."""
    if message.ndim != 2 or message.shape[1] < 2 or message.dtype.kind != "f" or not (told is None or (told == 1).all()):
        return False
    return bool((message >= 0).all() and (np.abs(message.astype(np.float64).sum(axis=1) - 1) < 1e-3).all())


def _read_symbols(message: np.ndarray, length: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Symbols from 0 and lengths without the end.

    Where messages go on after a 0 as `length` tells, 0 is a symbol like others; but not where more of them end with it, or all do in the
    last place: a stray row does not change what the symbols of all others are.
    """
    if message.ndim == 1:
        return message[:, None], np.ones(len(message), np.int64)
    t = message.shape[1]
    ends = message == END
    first = np.where(ends.any(axis=1), ends.argmax(axis=1), t)
    if length is not None and not ends[:, -1:].all():
        told = np.clip(length, 0, t)
        go_on, end = first < told - 1, (first == told - 1) & (told < t)
        if go_on.sum() > end.sum():
            return message, told
    return np.where(np.arange(t) < first[:, None], message - 1, NONE), first


def _joined(path: Path, parts: list[dict[str, np.ndarray]]) -> Corpus:
    """One corpus of several Interactions; what not all of them have is left out, and so are vectors of different lengths."""
    found: dict[str, Any] = {}
    for name in parts[0]:
        each = [part[name] for part in parts if name in part]
        if len(each) < len(parts):
            continue
        if name == "tokens":
            wide = max(x.shape[1] for x in each)
            each = [np.pad(x, ((0, 0), (0, wide - x.shape[1])), constant_values=NONE) for x in each]
        if len({x.shape[1:] for x in each}) == 1:
            found[name] = np.concatenate(each)
    shifted = found["tokens"].shape[1] > 1
    about = {"source": "EGG", **({"symbols": "EGG's, less one: its 0 is the end"} if shifted else {})}
    return assembled(path, found, ("sender",), about)


# --------------------------------------------------------------------------------------------------------------- the archive


def saved(interaction: Interaction, beside: Mapping[str, bytes] | None = None) -> bytes:
    """The file that torch.save would write of an Interaction: an archive of a pickle and the tensors' bytes, and further members."""
    tensors: list[np.ndarray] = []
    stream = b"\x80\x02" + _pickled(interaction, tensors) + pickle.STOP
    held = BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        members = {"data.pkl": stream, "byteorder": sys.byteorder.encode()}
        members |= {f"data/{key}": tensor.tobytes() for key, tensor in enumerate(tensors)}
        for name, data in {**members, "version": b"3\n", **(beside or {})}.items():
            archive.writestr(zipfile.ZipInfo(f"interaction/{name}"), data)  # with no date, so that equal corpora are equal files
    return held.getvalue()


def _pickled(value: Any, tensors: list[np.ndarray]) -> bytes:
    """The instructions that make a value, of protocol 2; tensors are added to the list, by which they are called."""
    if value is None:
        return pickle.NONE
    if isinstance(value, str):
        text = value.encode()
        return pickle.BINUNICODE + struct.pack("<I", len(text)) + text
    if isinstance(value, int):
        return pickle.BININT + struct.pack("<i", value) if abs(value) < 2**31 else pickle.LONG1 + b"\x08" + struct.pack("<q", value)
    if isinstance(value, np.ndarray):
        return _tensor(value, tensors)
    if isinstance(value, Interaction):
        made = _global(*CLASS) + pickle.EMPTY_TUPLE + pickle.NEWOBJ
        return made + _pickled(value._asdict(), tensors) + pickle.BUILD
    if isinstance(value, tuple):
        return pickle.MARK + b"".join(_pickled(item, tensors) for item in value) + pickle.TUPLE
    if isinstance(value, Mapping):
        items = b"".join(_pickled(key, tensors) + _pickled(item, tensors) for key, item in value.items())
        return pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS
    raise UsageError(f"an Interaction cannot hold a {type(value).__name__}")


def _tensor(value: np.ndarray, tensors: list[np.ndarray]) -> bytes:
    """A call that makes a tensor of its storage: (storage, offset, shape, strides, requires_grad, hooks)."""
    array = np.ascontiguousarray(value, np.int64 if value.dtype.kind in "iub" else value.dtype)
    key = str(len(tensors))
    tensors.append(array)
    place = _pickled("storage", tensors) + _global("torch", f"{TYPES[array.dtype]}Storage") + _pickled(key, tensors)
    storage = pickle.MARK + place + _pickled("cpu", tensors) + _pickled(array.size, tensors) + pickle.TUPLE + pickle.BINPERSID
    strides = tuple(step // array.itemsize for step in array.strides)
    shape = _pickled(0, tensors) + _pickled(array.shape, tensors) + _pickled(strides, tensors)
    hooks = _global("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE
    return (
        _global("torch._utils", "_rebuild_tensor_v2")
        + pickle.MARK
        + storage
        + shape
        + pickle.NEWFALSE
        + hooks
        + pickle.TUPLE
        + pickle.REDUCE
    )


def _global(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def is_dump(first: bytes) -> bool:
    """Whether a file that begins so may be one of torch.save."""
    return first[:4] == b"PK\x03\x04" or first[:1] == b"\x80"


def load(path: Path) -> tuple[list[Interaction], Any]:
    """The Interactions of a file of torch.save, of either of its formats, and what semiosis has put beside them, or None.

    The pickle runs on a machine that imports and calls nothing: it knows tensors, containers and Interaction. Raises `UsageError`.
    """
    told: Any = None
    with spoken(f"read {path}"):
        file = path.open("rb")
    with file:
        try:
            if file.peek(4)[:4] == b"PK\x03\x04":
                value, told = _zipped(path, file)
            else:
                value = _legacy(path, file)
            return _interactions(path, value), told
        except UsageError:
            raise
        except weights.DAMAGE as error:
            raise UsageError(f"cannot read {path}: the file is damaged or cut short ({first_line(error)})") from error


class Reader(weights.Machine):
    """The machine for pickles that hold Interactions; wherever their class is from, it is a bag of fields."""

    holds = "an Interaction has"

    def _allowed(self, module: Any, name: Any) -> weights.Name:
        asked = weights.Name(f"{module}.{name}")
        if name == CLASS[1] or asked in weights.CALLS or asked in weights.STORAGES:
            return asked
        raise UsageError(
            f"{self.path} is refused: it asks for {' '.join(asked.split())}, and an Interaction has no need of what could run code"
        )

    def _made(self, asked: Any, arguments: Any) -> Any:
        if isinstance(asked, weights.Name) and asked.endswith(f".{CLASS[1]}") and not arguments:
            return weights.Module()
        return super()._made(asked, arguments)


def _zipped(path: Path, file: BufferedReader) -> tuple[Any, Any]:
    with zipfile.ZipFile(file) as archive:
        members = archive.namelist()
        root = next((name[: -len("data.pkl")] for name in members if name.split("/")[1:] == ["data.pkl"]), None)
        if root is None:
            raise UsageError(f"{path} is no dump of EGG's: it is a zip archive without PyTorch's data.pkl")
        order = archive.read(f"{root}byteorder").decode() if f"{root}byteorder" in members else "little"
        told = json.loads(archive.read(f"{root}{BESIDE}")) if f"{root}{BESIDE}" in members else None
        value = Reader(path).run(BytesIO(archive.read(f"{root}data.pkl")))

        def fetch(storage: weights.Storage) -> np.ndarray:
            return weights.numbers_of(archive.read(f"{root}data/{storage.key}"), storage, order)

        return _filled(value, fetch), told


def _legacy(path: Path, file: BufferedReader) -> Any:
    """PyTorch's format before 1.6, see `weights`."""
    if Reader(path).run(file) != weights.MAGIC:
        raise UsageError(f"{path} is no dump of EGG's: it is a pickle, but not one that PyTorch wrote")
    _protocol, _system = Reader(path).run(file), Reader(path).run(file)
    machine = Reader(path)
    value = machine.run(file)
    numbers = {}
    for key in Reader(path).run(file):
        (size,) = struct.unpack("<q", file.read(8))
        data = file.read(size * machine.storages[key].itemsize)
        numbers[key] = weights.numbers_of(data, weights.Storage(key, machine.storages[key], -1), "little")
    return _filled(value, lambda storage: weights.part_of(numbers[storage.key], storage))


def _filled(value: Any, fetch: Any) -> Any:
    """The value with arrays for tensors."""
    if isinstance(value, weights.Tensor):
        return weights.array_of(value, fetch(value.storage))
    if isinstance(value, weights.Module):
        return weights.Module({name: _filled(leaf, fetch) for name, leaf in value.items()})
    if isinstance(value, dict):
        return {name: _filled(leaf, fetch) for name, leaf in value.items()}
    return [_filled(leaf, fetch) for leaf in value] if isinstance(value, list | tuple) else value


def _interactions(path: Path, value: Any) -> list[Interaction]:
    """One Interaction or several; a dictionary with the same fields counts as one."""
    several = value if isinstance(value, list) else [value]
    if not several or not all(isinstance(part, dict) and {"message", "aux"} <= set(part) for part in several):
        raise UsageError(f"{path} is no dump of EGG's: expected an Interaction, or a list of them")
    return [_interaction(path, part) for part in several]


def _interaction(path: Path, part: Mapping[str, Any]) -> Interaction:
    known = {name: part.get(name) for name in PARTS}
    for name, value in known.items():
        kinds = (dict, type(None)) if name in ("aux", "aux_input") else (np.ndarray, type(None))
        if not isinstance(value, kinds):
            raise UsageError(f"{path} is no dump of EGG's: its {name} is a {type(value).__name__}")
    return Interaction(**{**known, "aux": known["aux"] or {}})
