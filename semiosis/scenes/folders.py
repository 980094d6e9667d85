"""Folders on this machine: a copy of a Hub set (parquet files by split), or image files by class."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from semiosis.errors import UsageError
from semiosis.scenes import images, options, tables
from semiosis.scenes.splits import split_name
from semiosis.scenes.types import Options, Part, Source

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


def source(name: str, opts: Options, seed: int = 0) -> Source:
    """Read a folder: parquet files if there are any, else images in `class/`, in `train/class/` and `test/class/`, or with no classes."""
    root = Path(name).expanduser()
    parquet = [root] if root.is_file() else _visible(root, {".parquet"})
    if parquet:
        return tables.source(name, {split: tables.from_parquet(files) for split, files in by_split(name, root, parquet).items()}, opts)
    options.check(name, opts, tables.IMAGE_OPTIONS)
    files = _visible(root, PICTURES)
    if not files:
        raise UsageError(f"the folder {name!r} holds neither parquet files nor images ({', '.join(sorted(PICTURES))})")
    return _pictures(name, root, files, opts)


def _visible(root: Path, suffixes: set[str]) -> list[Path]:
    """Files below root by suffix, without hidden ones, sorted by name so that the order is the same everywhere."""
    try:
        found = [path for path in root.rglob("*") if path.suffix.lower() in suffixes and path.is_file()]
    except OSError as error:
        raise UsageError(f"cannot look into {str(root)!r}: {error.strerror or error}") from error
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


def by_split(name: str, root: Path, files: list[Path]) -> dict[str, list[Path]]:
    """Sort files such as `data/train-00000-of-00002.parquet` or `train/0000.parquet` by split; several configurations are refused."""
    found: dict[str, list[Path]] = {}
    for file in files:
        stem = re.split(r"[-.]\d", file.stem)[0]
        split = stem if split_name(stem) else file.parent.name if split_name(file.parent.name) and file != root else stem
        found.setdefault(split, []).append(file)
    for split, group in found.items():
        folders = {str(file.parent.relative_to(root)) for file in group if file != root}
        if len(folders) > 1:
            raise UsageError(f"{name!r} holds several sets ({', '.join(sorted(folders))} each have {split}): name one of these folders")
    return found


def _pictures(name: str, root: Path, files: list[Path], opts: Options) -> Source:
    """A source of image files: a first folder called train, valid or test is a split, the next folder is the class."""
    paths = {file: file.relative_to(root).parts[:-1] for file in files}
    split_first = all(parts and split_name(parts[0]) for parts in paths.values())
    splits: dict[str, list[Path]] = {}
    for file, parts in paths.items():
        splits.setdefault(parts[0] if split_first else "all", []).append(file)
    classes = {file: parts[1:2] if split_first else parts[:1] for file, parts in paths.items()}
    if len({len(c) for c in classes.values()}) > 1:
        stray = next(file for file, c in classes.items() if not c)
        raise UsageError(f"the images of {name!r} stand partly in folders by class and partly outside, as {stray.name!r} does")
    words = {
        split: np.array([c for file in group for c in classes[file]]) if classes[group[0]] else None for split, group in splits.items()
    }
    labels, names = tables.labelled(name, tables.known_splits(name, words), ())
    splits = tables.known_splits(name, splits)
    form = images.probe([(files[i], repr(str(files[i]))) for i in images.probed(len(files))], *images.asked(opts))
    shape = (form.height, form.width, form.channels)
    parts = {split: Part(len(group), shape, np.uint8, _reader(name, group, form), labels[split]) for split, group in splits.items()}
    return Source(parts, names)


def _reader(name: str, files: list[Path], form: images.Format) -> Callable[[np.ndarray], np.ndarray]:
    def stored(rows: np.ndarray) -> Iterator[tuple[int, Path, str]]:
        return ((place, files[row], repr(str(files[row]))) for place, row in enumerate(rows))

    return lambda rows: images.decode(stored(rows), len(rows), form, name)
