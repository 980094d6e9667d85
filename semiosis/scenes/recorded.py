"""Recorded features: HDF5 files by split, each with label ids (`Target`) and features of several layers, and texts of the classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from semiosis.errors import UsageError, unknown
from semiosis.extras import first_line, need
from semiosis.scenes import options
from semiosis.scenes.descriptions import Row, indices, read_rows
from semiosis.scenes.splits import divide, shuffled, split_name
from semiosis.scenes.types import Data, Options, Part, Source

SUFFIXES = (".hdf5", ".h5")
TARGET, NAMES, POOLED, MAPS, CONTEXT = "Target", "Location", "avgpool_512", "layer4_2", "fc"
AWAY = {"ood": "out_of_domain", "outofdomain": "out_of_domain"}  # further names of a split of classes that training lacks
TEXTS = "descriptions.csv"
STRETCH = 2**26  # bytes read at once: a map of features takes 131 kB


class Texts(NamedTuple):
    """A file of descriptions, and its rows."""

    path: Path
    rows: tuple[Row, ...]


def recognised(path: Path) -> bool:
    """Whether a path is a file with a dataset `Target`, or a folder that holds such a file."""
    files = _files(path)
    if not (files := [file for file in files if _is_hdf5(file)]):
        return False
    h5py = need("h5py", f"reading {str(path)!r}")
    return any(TARGET in _contents(h5py, file) for file in files)


def _files(path: Path) -> list[Path]:
    """The HDF5 files of a folder, or the file itself, if it is one by its name."""
    try:
        found = [path] if path.is_file() else sorted(path.iterdir()) if path.is_dir() else []
    except OSError:
        return []  # of which the reader of folders tells the reason
    return [file for file in found if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")]


def _is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 does; others are left to `features`, which says what is wrong with them."""
    try:
        with path.open("rb") as file:
            return file.read(8) == b"\x89HDF\r\n\x1a\n"
    except OSError:
        return False


def _contents(h5py: Any, path: Path) -> dict[str, tuple[int, ...]]:
    """The arrays of a file, by name, with their shapes."""
    try:
        with h5py.File(path, "r") as file:
            return {key: item.shape for key, item in file.items() if isinstance(item, h5py.Dataset)}
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: not an HDF5 file, or a damaged one ({first_line(error)})") from error


def source(name: str, opts: Options, seed: int = 0) -> Source:
    """Read `train.hdf5`, `dev.hdf5`, `test.hdf5` and any others of a folder, each a split, or one such file, which is cut 80/10/10.

    Each has `Target` [n], label ids of any numbers, perhaps `Location` [n], and features [n 1 d] or, channels first, [n 1 c h w].
    `feature` says which are the inputs, `context` which a further view; those not asked for are not read. What the ids mean stands in
    a csv of the same stem beside the file, which then gives the split its candidates, else in `descriptions.csv` or in the file that
    the option `descriptions` names. A class is an id with its label and its text.
    """
    options.check(name, opts, ("feature", "context", "descriptions"))
    root = Path(name).expanduser()
    files = _by_split(name, root)
    texts = _texts(name, root, files, opts.get("descriptions"))
    parts = {split: _part(file, opts.get("feature", POOLED), opts.get("context")) for split, file in files.items()}
    _check_alike(name, files, parts)
    rows = tuple(dict.fromkeys(row for text in texts.values() for row in text.rows))
    if texts:
        place = {row: index for index, row in enumerate(rows)}
        own = {split: {row.id: place[row] for row in texts[split].rows} for split in parts}
        parts = {
            split: part._replace(labels=indices(str(files[split]), _labels(part), own[split], texts[split].path))
            for split, part in parts.items()
        }
        classes = tuple(row.label for row in rows)
    else:
        ids = np.unique(np.concatenate([_labels(part) for part in parts.values()]))
        parts = {split: part._replace(labels=np.searchsorted(ids, _labels(part)).astype(np.int32)) for split, part in parts.items()}
        own, classes = {}, tuple(map(str, ids.tolist()))
    if empty := [split for split, part in parts.items() if not part.size]:
        raise UsageError(f"the file of {empty[0]} of {name!r} holds no examples: fill it or take it away")
    usual = {split: part.size for split, part in parts.items() if split_name(split) or len(parts) == 1}
    cut = divide(usual, name, seed)
    cut |= {split: (split, shuffled(part.size, seed)) for split, part in parts.items() if split not in usual}
    candidates = {split: np.array(sorted(own[part].values()), np.int32) for split, (part, _) in cut.items()} if texts else {}
    return Source(parts, classes, cut=cut, texts=tuple(row.text for row in rows), candidates=candidates)


def _by_split(name: str, root: Path) -> dict[str, Path]:
    """Each file by the split that its stem names; a lone file of any name is all there is."""
    files = _files(root)
    if len(files) == 1:
        return {"all": files[0]}
    found: dict[str, Path] = {}
    for file in files:
        word = re.sub(r"\W+|_+", "_", file.stem.lower()).strip("_")
        word = word if word.isidentifier() else f"_{word}"
        split = split_name(word) or AWAY.get(word, word)
        if split in found:
            raise UsageError(f"{name!r} has two files that both mean the split {split}: {found[split].name} and {file.name}")
        found[split] = file
    if "train" not in found:
        raise UsageError(f"{name!r} has the files {', '.join(file.name for file in files)}: one called train was expected")
    order = [split for split in ("train", "valid", "test", "zero_shot") if split in found]
    return {split: found[split] for split in dict.fromkeys([*order, *found])}


def _texts(name: str, root: Path, files: Mapping[str, Path], given: str | None) -> dict[str, Texts]:
    """What describes the classes of each split; empty where no text is found at all."""
    beside = (root if root.is_dir() else root.parent) / TEXTS
    common = Path(given).expanduser() if given else beside if beside.exists() else None
    lone = len(files) == 1 and given is not None
    paths = {split: own if (own := file.with_suffix(".csv")).exists() and not lone else common for split, file in files.items()}
    if given and common not in paths.values():
        raise UsageError(f"descriptions={given} would not be read: each file of {name!r} has a csv of its own")
    read = {path: Texts(path, read_rows(path)) for path in dict.fromkeys(paths.values()) if path is not None}
    for split, path in paths.items():
        if read and path is None:
            raise UsageError(f"{files[split].name} of {name!r} has no descriptions: expected {files[split].stem}.csv or {TEXTS} beside it")
    return {split: read[path] for split, path in paths.items() if path is not None}


def _part(path: Path, feature: str, context: str | None) -> Part:
    """The features of one file, not read yet, with its raw label ids, and its names where it has them."""
    h5py = need("h5py", f"reading {str(path)!r}")
    shapes = _contents(h5py, path)
    if TARGET not in shapes:
        raise UsageError(f"{str(path)!r} has no dataset {TARGET!r} of label ids: it has {', '.join(shapes) or 'none'}")
    count = shapes[TARGET][0] if shapes[TARGET] else 0
    for asked in (feature, *([] if context is None else [context])):
        if asked not in shapes or asked in (TARGET, NAMES):
            raise unknown(f"feature of {str(path)!r}", asked, [key for key in shapes if key not in (TARGET, NAMES)])
        if shapes[asked][:1] != (count,):
            raise UsageError(f"{asked} of {str(path)!r} is {list(shapes[asked])}: expected one row for each of the {count} {TARGET}")
    labels, names = _column(h5py, path, TARGET), _column(h5py, path, NAMES) if NAMES in shapes else None
    if labels.dtype.kind not in "iu":
        raise UsageError(f"{TARGET} of {str(path)!r} is {labels.dtype}: whole numbers were expected")
    if names is not None and len(names) != len(labels):
        raise UsageError(f"{str(path)!r} has {len(names)} {NAMES} but {len(labels)} {TARGET}")
    others = () if context is None else (_features(h5py, path, context, shapes[context]),)
    return _features(h5py, path, feature, shapes[feature])._replace(labels=labels, others=others, names=names)


def _column(h5py: Any, path: Path, key: str) -> np.ndarray:
    """A small array [n], whole; bytes become text."""
    with h5py.File(path, "r") as file:
        stored = file[key][()].reshape(-1)
    if stored.dtype.kind in "SO":
        return np.array([x.decode(errors="replace") if isinstance(x, bytes) else str(x) for x in stored], dtype=str)
    return stored.astype(np.int64) if stored.dtype.kind in "iu" else stored


def _features(h5py: Any, path: Path, key: str, stored: tuple[int, ...]) -> Part:
    """One array as float32 vectors [n d] or maps [n h w c]; an axis of one after the first is dropped."""
    size, shape = stored[0], stored[2:] if len(stored) > 2 and stored[1] == 1 else stored[1:]
    if len(shape) not in (1, 3):
        raise UsageError(f"{key} of {str(path)!r} is {list(stored)}: expected vectors [n 1 d] or maps, channels first, [n 1 c h w]")
    form = (*shape[1:], *shape[:1])  # channels last

    def read(rows: np.ndarray) -> np.ndarray:
        place = np.full(size, -1)
        place[rows] = np.arange(len(rows))
        out = np.empty((len(rows), *form), np.float32)
        step = max(1, STRETCH // (4 * int(np.prod(shape))))
        with h5py.File(path, "r") as file:
            for first in range(0, size, step):
                here = place[first : first + step]
                if (here >= 0).any():
                    stretch = _stretch(path, file[key], first, step).reshape(-1, *shape)[here >= 0]
                    out[here[here >= 0]] = stretch if len(shape) == 1 else np.moveaxis(stretch, 1, -1)
        if not np.isfinite(out).all():
            raise UsageError(f"{key} of {str(path)!r} holds numbers that are not finite")
        return out

    return Part(size, form, np.float32, read)


def _stretch(path: Path, dataset: Any, first: int, step: int) -> np.ndarray:
    try:
        return dataset[first : first + step]
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: the file is damaged ({first_line(error)})") from error


def _labels(part: Part) -> np.ndarray:
    assert part.labels is not None  # `_part` has put them there
    return part.labels


def _check_alike(name: str, files: Mapping[str, Path], parts: Mapping[str, Part]) -> None:
    """Refuse files whose features differ in size."""
    first = next(iter(parts))
    for split, part in parts.items():
        for own, other in zip((part, *part.others), (parts[first], *parts[first].others), strict=True):
            if own.shape != other.shape:
                sizes = f"{list(own.shape)} in {files[split].name} and {list(other.shape)} in {files[first].name}"
                raise UsageError(f"the features of {name!r} differ in shape: {sizes}")


def write_reference(data: Data, folder: Path) -> Path:
    """Write described vectors or maps as files of this layout, with `descriptions.csv` and, as GloVe has them, `glove.txt`.

    Vectors become avgpool_512, maps layer4_2 and their mean avgpool_512, a further view of vectors fc. Label ids are 3 c + 5, so that
    they are not contiguous. Splits whose candidates are not those of train get a csv of their own.
    """
    assert data.descriptions is not None
    h5py = need("h5py", "writing HDF5 files")
    folder.mkdir(parents=True, exist_ok=True)
    words = data.descriptions
    every = np.arange(len(words.texts))
    usual = words.candidates.get("train", every)
    _write_rows(folder / TEXTS, data, usual)
    for split, held in data.splits.items():
        assert held.labels is not None
        stem = "dev" if split == "valid" else split
        with h5py.File(folder / f"{stem}.hdf5", "w") as file:
            file[TARGET] = 3 * held.labels.astype(np.int64) + 5
            names = [f"{split}-{i}" for i in range(len(held.labels))] if held.names is None else held.names.tolist()
            file[NAMES] = np.array(names, dtype=np.bytes_)
            for key, array in _layers(held.inputs, held.others).items():
                file[key] = array[:, None]
        if not np.array_equal(words.candidates.get(split, every), usual):
            _write_rows(folder / f"{stem}.csv", data, words.candidates.get(split, every))
    vectors = {word: words.vectors[c, w] for c, own in enumerate(words.words) for w, word in enumerate(own) if words.known[c, w]}
    lines = (" ".join([word, *(f"{x:.9g}" for x in vector.tolist())]) for word, vector in vectors.items())
    (folder / "glove.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return folder


def _layers(inputs: np.ndarray, others: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    """The arrays of a file of this layout, without their axis of one."""
    maps = inputs.ndim == 4
    layers = {POOLED: inputs.mean((1, 2)), MAPS: np.moveaxis(inputs, -1, 1)} if maps else {POOLED: inputs}
    return layers | ({CONTEXT: others[0]} if others else {})


def _write_rows(path: Path, data: Data, classes: np.ndarray) -> None:
    assert data.descriptions is not None
    rows = [f"{3 * int(c) + 5},{data.classes[c]},{data.descriptions.texts[c]}\n" for c in classes]
    path.write_text("".join(rows), "utf-8")
