"""Feature files: vectors (or small images) with labels and attributes in one .npz or HDF5 file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from semiosis.errors import UsageError, unknown
from semiosis.extras import first_line, need
from semiosis.scenes import options, tables
from semiosis.scenes.celeba import ATTRIBUTES, attribute_columns, celeba_split
from semiosis.scenes.splits import ALIASES, Cut, shuffled, split_name
from semiosis.scenes.types import Options, Part, Source

SUFFIXES = (".npz", ".h5", ".hdf5")
INPUTS = ("features", "x", "logit", "inputs", "images", "image")  # `logit` is what the published files call the representation
LABELS = ("labels", "label", "y")
CHUNK = 8192


class Stored(NamedTuple):
    """One array of a file, not read yet: `chunks` gives successive stretches of its rows."""

    shape: tuple[int, ...]
    dtype: np.dtype
    chunks: Callable[[], Any]


def source(name: str, opts: Options, seed: int = 0) -> Source:
    """Read `features` (or x, logit, images), `labels` (label, y) and `attributes` from a file, whole or by split.

    Splits: arrays called `train_features` or `train/features`, or an array `split` of words or of 0, 1, 2; else 80/10/10. A file
    with `logit`, `label`, `image_id` and the forty attributes has the published CelebA layout and gets its split by identity,
    unless the option `split=random` is given.
    """
    options.check(name, opts, ("split",))
    rule = options.choice(opts, "split", ("stored", "random", "celeba"))
    arrays = contents(Path(name).expanduser())
    groups = by_split(arrays)
    if "all" in groups and len(groups) > 1:
        raise UsageError(f"{name!r} holds arrays both by split and without one: {', '.join(sorted(arrays))}")
    if rule != "stored" and "all" not in groups:
        raise UsageError(f"split={rule} is for files without splits, and {name!r} has {', '.join(groups)}")
    parts, classes, (attribute_names, attribute_sizes) = _parts(name, groups)
    cut = _cut(name, rule, groups["all"], parts["all"].size, seed) if "all" in groups else None
    values = tuple(("no", "yes") if size == 2 else () for size in attribute_sizes)
    return Source(parts, classes, attribute_names, attribute_sizes, values if any(values) else (), cut)


def by_split(arrays: Mapping[str, Stored]) -> dict[str, dict[str, Stored]]:
    """Group arrays by the split that their names begin with; those without are `all`."""
    groups: dict[str, dict[str, Stored]] = {}
    for key, stored in arrays.items():
        word, _, rest = key.replace("/", "_").partition("_")
        split = split_name(word) if rest else None
        groups.setdefault(split or "all", {})[key[len(word) + 1 :] if split else key] = stored
    return groups


def contents(path: Path) -> dict[str, Stored]:
    """What a file holds, by name; members of HDF5 groups are called `group/name`."""
    if path.suffix.lower() not in SUFFIXES:
        raise unknown("kind of file", path.name, SUFFIXES)
    try:
        return _npz(path) if path.suffix.lower() == ".npz" else _hdf5(path)
    except UsageError:
        raise
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise UsageError(f"cannot read {str(path)!r}: not a {path.suffix} file, or a damaged one ({first_line(error)})") from error


def _npz(path: Path) -> dict[str, Stored]:
    """Arrays of an .npz; their shapes come from their headers. Pickled objects are refused."""
    found = {}

    def load(key: str) -> list[np.ndarray]:
        with np.load(path, allow_pickle=False) as arrays:
            return [arrays[key]]

    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            with archive.open(member) as stream:
                version = np.lib.format.read_magic(stream)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(stream)
            key = member.removesuffix(".npy")
            if dtype.hasobject:
                raise UsageError(
                    f"the array {key!r} of {str(path)!r} is a pickled object, which is not read: store numbers or fixed-width text"
                )
            found[key] = Stored(shape, dtype, _guarded(path, lambda key=key: load(key)))
    return found


def _hdf5(path: Path) -> dict[str, Stored]:
    """Arrays of an HDF5 file."""
    h5py = need("h5py", f"reading {str(path)!r}")
    found: dict[str, Stored] = {}

    def chunks(key: str) -> Any:
        with h5py.File(path, "r") as file:
            for first in range(0, file[key].shape[0], CHUNK):
                yield file[key][first : first + CHUNK]

    def visit(key: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape:
            found[key] = Stored(item.shape, item.dtype, _guarded(path, lambda: chunks(key)))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def _guarded(path: Path, chunks: Callable[[], Any]) -> Callable[[], Any]:
    """Turn the errors of reading into a sentence."""

    def stream() -> Any:
        try:
            yield from chunks()
        except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise UsageError(f"cannot read {str(path)!r}: the file is damaged ({first_line(error)})") from error

    return stream


def _whole(stored: Stored) -> np.ndarray:
    pieces = list(stored.chunks())
    return np.concatenate(pieces) if pieces else np.empty(stored.shape, stored.dtype)


def _parts(
    name: str, groups: Mapping[str, Mapping[str, Stored]]
) -> tuple[dict[str, Part], tuple[str, ...], tuple[tuple[str, ...], tuple[int, ...]]]:
    """The parts of a file, the names of its classes and of its attributes."""
    attributes = {split: _attributes(group) for split, group in groups.items()}
    columns = {split: _labels(group) for split, group in groups.items()}
    labels, classes = tables.labelled(name, columns, ())
    parts = {}
    for split, group in groups.items():
        inputs = next((group[key] for key in INPUTS if key in group), None)
        if inputs is None:
            raise UsageError(f"{name!r} has no features for {split}: expected one of {', '.join(INPUTS)}, found {', '.join(sorted(group))}")
        part = _part(name, inputs)._replace(labels=labels[split], attributes=attributes[split][1])
        for what, array in (("labels", part.labels), ("attributes", part.attributes)):
            if array is not None and len(array) != part.size:
                raise UsageError(f"{name!r} has {part.size} features but {len(array)} {what} for {split}")
        parts[split] = part
    names = next(iter(attributes.values()))[0]
    stacked = [array for _, array in attributes.values() if array is not None]
    if stacked and (len(stacked) < len(groups) or len({array.shape[1] for array in stacked}) > 1):
        raise UsageError(f"the splits of {name!r} do not have the same attributes")
    sizes = tuple(int(s) for s in np.max([array.max(0) + 1 for array in stacked], axis=0)) if stacked else ()
    return parts, classes, (names, tuple(max(size, 2) for size in sizes))


def _labels(group: Mapping[str, Stored]) -> np.ndarray | None:
    """Labels [n]; one-hot rows [n classes] are read as their class."""
    stored = next((group[key] for key in LABELS if key in group), None)
    if stored is None:
        return None
    labels = _whole(stored)
    labels = labels.argmax(1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.reshape(len(labels))
    whole = labels.dtype.kind == "f" and np.array_equal(labels, np.round(labels))
    return labels.astype(np.int64) if whole else labels


def _attributes(group: Mapping[str, Stored]) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Names and values [n k]: one array, or one array an attribute in a group (`attributes/Male`)."""
    if "attributes" in group:
        values = _whole(group["attributes"])
        values = values.reshape(len(values), -1)
        names = ATTRIBUTES if values.shape[1] == len(ATTRIBUTES) else tuple(f"attribute {i + 1}" for i in range(values.shape[1]))
    else:
        members = {key[len("attributes/") :]: stored for key, stored in group.items() if key.startswith("attributes/")}
        if not members:
            return (), None
        names = tuple(attribute_columns(members) or sorted(members))
        values = np.stack([_whole(members[key]).reshape(-1) for key in names], axis=1)
        names = ATTRIBUTES if attribute_columns(members) else names
    values = values.astype(np.int32)
    return names, (values > 0).astype(np.int32) if set(np.unique(values)) <= {-1, 1} else values


def _part(name: str, stored: Stored) -> Part:
    """Vectors [n d] become float32; uint8 images [n h w] or [n h w c] stay as they are."""
    size, shape = stored.shape[0], stored.shape[1:]
    image = stored.dtype == np.uint8 and len(shape) in (2, 3)
    if not image and (len(shape) != 1 or stored.dtype.kind not in "fiub"):
        raise UsageError(
            f"the features of {name!r} are {stored.dtype} {list(stored.shape)}: expected numbers [n d] or uint8 images [n h w c]"
        )
    shape = (*shape, 1) if image and len(shape) == 2 else shape
    dtype = np.uint8 if image else np.float32

    def read(rows: np.ndarray) -> np.ndarray:
        place = np.full(size, -1)
        place[rows] = np.arange(len(rows))
        out, first = np.empty((len(rows), *shape), dtype), 0
        for chunk in stored.chunks():
            here = place[first : first + len(chunk)]
            out[here[here >= 0]] = chunk[here >= 0].reshape(-1, *shape)
            first += len(chunk)
        if not image and not np.isfinite(out).all():
            raise UsageError(f"the features of {name!r} hold numbers that are not finite")
        return out

    return Part(size, shape, dtype, read)


def _cut(name: str, rule: str, group: Mapping[str, Stored], size: int, seed: int) -> Cut | None:
    """The split that the file itself tells, or None for the usual shares."""
    faces = "image_id" in group and "label" in group and len(_attributes(group)[0]) == len(ATTRIBUTES)
    if rule == "random":
        return None
    if rule == "stored" and "split" in group:
        words = _whole(group["split"]).reshape(-1)
        named = np.array([_word(word) for word in words.tolist()], dtype=object)
        if len(named) != size or any(word is None for word in named):
            raise UsageError(f"the array split of {name!r} must say train, valid or test (or 0, 1, 2) for each of its {size} features")
        rows = {split: np.flatnonzero(named == split) for split in ALIASES}
    elif rule == "celeba" or (rule == "stored" and faces):
        if "label" not in group:
            raise UsageError(f"split=celeba needs the identities, and {name!r} has no array 'label'")
        order = np.argsort(_whole(group["image_id"]), kind="stable") if "image_id" in group else np.arange(size)
        rows = {split: order[chosen] for split, chosen in celeba_split(_whole(group["label"])[order]).items()}
    else:
        return None
    if short := [split for split in ("train", "valid", "test") if len(rows[split]) == 0]:
        raise UsageError(f"the split of {name!r} leaves {', '.join(short)} empty")
    return {split: ("all", chosen[shuffled(len(chosen), seed)]) for split, chosen in rows.items() if len(chosen)}


def _word(value: Any) -> str | None:
    """The split that an entry of the array `split` stands for."""
    text = value.decode() if isinstance(value, bytes) else str(value)
    return {"0": "train", "1": "valid", "2": "test", "3": "zero_shot"}.get(text, split_name(text))
