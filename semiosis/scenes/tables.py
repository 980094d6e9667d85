"""Image sets stored as Arrow tables in the Hub's layout: an image column of {bytes, path}, a label column, perhaps attributes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from semiosis.errors import UsageError
from semiosis.extras import first_line, need
from semiosis.scenes import celeba, images, options
from semiosis.scenes.splits import split_name
from semiosis.scenes.types import Options, Part, Source

IMAGE_COLUMNS = ("image", "img", "images", "picture")
LABEL_COLUMNS = ("label", "labels", "fine_label", "celeb_id", "identity", "class")
IMAGE_OPTIONS = ("side", "channels")


class Table(NamedTuple):
    """One split as stored: `batches(columns)` streams Arrow tables, `features` are the Hub's column types, `where` names it in errors."""

    size: int
    features: Mapping[str, Any]
    batches: Callable[[list[str]], Iterator[Any]]
    where: str


class Columns(NamedTuple):
    """Which column is what."""

    image: str
    label: str | None
    attributes: tuple[str, ...]


def source(name: str, tables: Mapping[str, Table], opts: Options) -> Source:
    """Make a source of tables by split; splits of other names than train, valid and test (`unlabeled`, `extra`) are left out."""
    options.check(name, opts, IMAGE_OPTIONS)
    tables = known_splits(name, {split: table for split, table in tables.items() if table.size})
    columns = find_columns(name, next(iter(tables.values())).features)
    values = {split: _values(table, columns) for split, table in tables.items()}
    labels, classes = labelled(name, {split: v.get(columns.label or "") for split, v in values.items()}, _names(tables, columns.label))
    attributes = {split: _attributes(name, columns.attributes, v) for split, v in values.items()}
    attribute_values = tuple(_names(tables, column) or ("no", "yes") for column in columns.attributes)
    form = _probe(next(iter(tables.values())), columns.image, opts)
    parts = {
        split: Part(
            table.size,
            (form.height, form.width, form.channels),
            np.uint8,
            _reader(name, table, columns.image, form),
            labels[split],
            attributes[split],
        )
        for split, table in tables.items()
    }
    return Source(parts, classes, columns.attributes, tuple(len(v) for v in attribute_values), attribute_values)


def known_splits(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Rename splits (`validation` to valid, ...); a lone split may have any name."""
    if len(found) == 1:
        return {split_name(split) or "all": part for split, part in found.items()}
    named: dict[str, Any] = {}
    for split, part in found.items():
        if (known := split_name(split)) is not None:
            if known in named:
                raise UsageError(f"{name!r} has two splits that both mean {known}: {', '.join(found)}")
            named[known] = part
    if "train" not in named:
        raise UsageError(f"{name!r} has the splits {', '.join(found) or '(none)'}: a split called train was expected")
    return named


def find_columns(name: str, features: Mapping[str, Any]) -> Columns:
    """Find the image, the label and the attributes: CelebA's forty where they exist, else every other column of classes or truths."""
    kinds = {column: _kind(feature) for column, feature in features.items()}
    pictures = [column for column, kind in kinds.items() if kind == "Image"]
    image = next((column for column in IMAGE_COLUMNS if column in pictures), pictures[0] if pictures else None)
    if image is None:
        raise UsageError(f"{name!r} has no column of images: its columns are {', '.join(features)}")
    classes = [column for column, kind in kinds.items() if kind == "ClassLabel"]
    known = [column for column in LABEL_COLUMNS if column in kinds and column != image]
    label = (known or classes or [None])[0]
    faces = celeba.attribute_columns(features)
    others = [column for column, kind in kinds.items() if kind in ("ClassLabel", "bool") and column != label]
    return Columns(image, label, tuple(faces or others))


def _kind(feature: Any) -> str | None:
    """The Hub's type of a column: Image, ClassLabel, or the dtype of a plain value."""
    if not isinstance(feature, Mapping):
        return None
    kind = feature.get("_type")
    return feature.get("dtype") if kind == "Value" else kind


def _names(tables: Mapping[str, Table], column: str | None) -> tuple[str, ...]:
    feature = next(iter(tables.values())).features.get(column) if column else None
    return tuple(feature.get("names") or ()) if isinstance(feature, Mapping) else ()


def _values(table: Table, columns: Columns) -> dict[str, np.ndarray]:
    """Read every column but the images."""
    wanted = [column for column in (columns.label, *columns.attributes) if column]
    if not wanted:
        return {}
    read = list(table.batches(wanted))
    found = {}
    for column in wanted:
        pieces = [batch[column] for batch in read]
        if any(piece.null_count for piece in pieces):
            raise UsageError(f"the column {column!r} of {table.where} has empty entries")
        found[column] = np.concatenate([piece.to_numpy(zero_copy_only=False) for piece in pieces])
    return found


def labelled(
    name: str, columns: Mapping[str, np.ndarray | None], names: tuple[str, ...]
) -> tuple[dict[str, np.ndarray | None], tuple[str, ...]]:
    """Labels of all splits as int32, and the names of the classes; words become classes in alphabetical order, -1 throughout means none."""
    present = {split: column for split, column in columns.items() if column is not None}
    if any(column.dtype.kind in "OUS" for column in present.values()):
        words = {split: np.array([w.decode() if isinstance(w, bytes) else str(w) for w in column]) for split, column in present.items()}
        classes = np.unique(np.concatenate(list(words.values())))
        return {s: np.searchsorted(classes, words[s]).astype(np.int32) if s in words else None for s in columns}, tuple(map(str, classes))
    found: dict[str, np.ndarray | None] = dict.fromkeys(columns)
    for split, column in present.items():
        if column.dtype.kind not in "iub":
            raise UsageError(f"the labels of {name!r} are {column.dtype}: whole numbers or words were expected")
        if column.size and column.max() < 0:
            continue  # hidden, as in the test sets of competitions
        if column.size and (column.min() < 0 or column.max() >= 2**31 or (names and column.max() >= len(names))):
            raise UsageError(
                f"the labels of {name!r} run from {column.min()} to {column.max()}: expected 0 to {len(names) - 1 if names else '2^31'}"
            )
        found[split] = column.astype(np.int32)
    return found, names


def _attributes(name: str, columns: tuple[str, ...], values: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Attributes as int32 [n k]; CelebA's come as truths or as -1 and 1."""
    if not columns:
        return None
    stacked = np.stack([values[column].astype(np.int32) for column in columns], axis=1)
    return (stacked > 0).astype(np.int32) if set(np.unique(stacked)) <= {-1, 1} else stacked


def picture(cell: Any, where: str) -> Any:
    """What holds the image in a cell: bytes, or the path of a file."""
    stored = cell if isinstance(cell, bytes) else (cell or {}).get("bytes") or (cell or {}).get("path")
    if not stored:
        raise UsageError(f"{where} holds no image")
    return stored


def _probe(table: Table, column: str, opts: Options) -> images.Format:
    """Find the format of a table's images."""
    looked = images.probed(table.size)
    cells = _cells(table, column, np.where(np.isin(np.arange(table.size), looked), 0, -1))
    return images.probe([(stored, where) for _, stored, where in cells], *images.asked(opts))


def _reader(name: str, table: Table, column: str, form: images.Format) -> Callable[[np.ndarray], np.ndarray]:
    def read(rows: np.ndarray) -> np.ndarray:
        place = np.full(table.size, -1)
        place[rows] = np.arange(len(rows))
        return images.decode(_cells(table, column, place), len(rows), form, name)

    return read


def _cells(table: Table, column: str, place: np.ndarray) -> Iterator[tuple[int, Any, str]]:
    """Stream (place, picture, where) of the rows whose place is not negative."""
    first, last = 0, np.flatnonzero(place >= 0).max(initial=-1)
    for batch in table.batches([column]):
        if first > last:
            return
        size = batch.num_rows
        rows = np.flatnonzero(place[first : first + size] >= 0)
        for row, cell in zip(rows, batch[column].take(rows).to_pylist() if len(rows) else (), strict=True):
            where = f"the image in row {first + row} of {table.where}"
            yield int(place[first + row]), picture(cell, where), where
        first += size


def from_parquet(files: list[Path]) -> Table:
    """Open the parquet files of one split, in the order of their names."""
    parquet, arrow = need("pyarrow.parquet", "reading parquet files"), need("pyarrow", "reading parquet files")

    def guarded(file: Path, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise UsageError(f"cannot read {str(file)!r}: not a parquet file, or a damaged one ({first_line(error)})") from error

    opened = [guarded(file, lambda file=file: parquet.ParquetFile(file)) for file in sorted(files)]
    schema = opened[0].schema_arrow
    stored = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = {field.name: _guess(field, arrow) for field in schema} | (stored.get("info", {}).get("features") or {})

    def batches(columns: list[str]) -> Iterator[Any]:
        for file, table in zip(sorted(files), opened, strict=True):
            stream = table.iter_batches(batch_size=1024, columns=columns)
            while (batch := guarded(file, lambda stream=stream: next(stream, None))) is not None:
                yield batch

    return Table(sum(table.metadata.num_rows for table in opened), features, batches, repr(str(files[0].parent)))


def _guess(field: Any, arrow: Any) -> dict[str, Any]:
    """A column's type where the Hub's own note is absent: structs with bytes, and bytes called image, are images."""
    kind = field.type
    struct = arrow.types.is_struct(kind) and "bytes" in [kind.field(i).name for i in range(kind.num_fields)]
    raw = arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind)
    if struct or (raw and field.name in IMAGE_COLUMNS):
        return {"_type": "Image"}
    return {"_type": "Value", "dtype": str(kind)}
