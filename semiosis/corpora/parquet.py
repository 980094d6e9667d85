"""A corpus as one Parquet file: a row an utterance, a column a field, null for what a row does not have.

`message` and `heard` are lists of symbols; `speaker` and `listener` names; `guess` and `target` numbers, or lists of them. The file's
metadata hold `semiosis.corpus`: {"format": 1, "agents": [...], "about": {...}}.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from semiosis.corpora import dialogues
from semiosis.corpora.jsonl import gathered
from semiosis.corpora.types import (
    COUNTS,
    FIELDS,
    NONE,
    PEOPLE,
    SHARES,
    TEXTS,
    VECTORS,
    Corpus,
    assembled,
    from_head,
    head,
    ragged,
    unragged,
    write_pictures,
    write_whole,
)
from semiosis.errors import UsageError
from semiosis.extras import first_line, need
from semiosis.runs.files import to_json

KEY = "semiosis.corpus"
NAMES = {"tokens": "message"}  # where a column is not called as the field


def write(corpus: Corpus, path: Path) -> Path:
    """Write the pictures, then the table, wholly or not at all; returns where. Raises `UsageError`."""
    arrow, parquet = need("pyarrow", f"writing {str(path)!r}"), need("pyarrow.parquet", f"writing {str(path)!r}")
    columns = {}
    for name in FIELDS:
        values = getattr(corpus, name)
        if values is None or name == "length":
            continue
        columns[NAMES.get(name, name)] = _column(arrow, corpus, name, values)
    table = arrow.table(columns).replace_schema_metadata({KEY: to_json(head(corpus)).decode()})
    held = BytesIO()
    parquet.write_table(table, held, compression="zstd")
    write_pictures(corpus, path.parent)
    return write_whole(path, held.getvalue())


def _column(arrow: Any, corpus: Corpus, name: str, values: np.ndarray) -> Any:
    if name in PEOPLE:
        return arrow.DictionaryArray.from_arrays(arrow.array(values, mask=values == NONE), arrow.array(list(corpus.agents), arrow.string()))
    if name in COUNTS:
        return arrow.array(values, mask=values == NONE)
    if name in SHARES:
        return arrow.array(values, mask=np.isnan(values))
    if name in TEXTS:
        return arrow.array(values.tolist(), arrow.string(), mask=values == "").dictionary_encode()
    if name in VECTORS:
        return _lists(arrow, values.reshape(-1), np.arange(len(values) + 1) * values.shape[1], np.asarray(np.isnan(values).all(axis=1)))
    if name in ("tokens", "heard"):
        return _lists(arrow, *ragged(values, corpus.length))
    if values.shape[1] == 1 and name in ("guess", "target"):
        return arrow.array(values[:, 0], mask=values[:, 0] == NONE)
    return _lists(arrow, *ragged(values), (values == NONE).all(axis=1))


def _lists(arrow: Any, flat: np.ndarray, offsets: np.ndarray, none: np.ndarray | None = None) -> Any:
    """Lists of numbers of any length; `none` are the rows that have none."""
    numbers = arrow.array(flat, mask=flat == NONE) if flat.dtype.kind == "i" else arrow.array(flat)
    if none is not None and none.any():
        lengths = np.diff(offsets)
        if flat.dtype.kind != "i":  # a row without a vector has no numbers
            numbers = arrow.array(flat[np.repeat(~none, lengths)])
            offsets = np.concatenate([[0], np.cumsum(np.where(none, 0, lengths))])
        return arrow.LargeListArray.from_arrays(arrow.array(offsets, arrow.int64()), numbers, mask=arrow.array(none))
    return arrow.LargeListArray.from_arrays(arrow.array(offsets, arrow.int64()), numbers)


def read(path: Path) -> Corpus:
    """Read what `write` has written, recorded conversations, or any table with a column `message` of lists of symbols.

    Raises `UsageError`.
    """
    arrow, parquet = need("pyarrow", f"reading {str(path)!r}"), need("pyarrow.parquet", f"reading {str(path)!r}")
    try:
        table = parquet.ParquetFile(path).read()
        told = (table.schema.metadata or {}).get(KEY.encode())
        if not told and {"bits", "index", "agent"} <= set(table.column_names):
            return dialogues.read(path)
        if "message" not in table.column_names:
            raise UsageError(f"{path} is no corpus: it has no column 'message', only {', '.join(table.column_names) or 'nothing'}")
        return _assembled(path, table, *from_head(path, json.loads(told))) if told else _theirs(arrow, path, table)
    except UsageError:
        raise
    except (arrow.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise UsageError(f"cannot read {path}: not a parquet file of a corpus, or a damaged one ({first_line(error)})") from error


def _theirs(arrow: Any, path: Path, table: Any) -> Corpus:
    """A table that another program wrote: what may stand in JSON lines may stand in it."""
    kinds = arrow.types
    columns: dict[str, list[Any]] = {}
    for name in dict.fromkeys(NAMES.get(name, name) for name in FIELDS if name != "length"):
        if name not in table.column_names:
            continue
        values = table[name]
        columns[name] = (values.cast(arrow.int8()) if kinds.is_boolean(values.type) else values).to_pylist()
    kind = table["message"].type
    if not (kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind)):
        raise UsageError(f"{path} is no corpus: its column 'message' is of type {kind}, and lists of symbols are expected")
    columns["message"] = [said or [] for said in columns["message"]]
    return gathered(path, [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])


def _assembled(path: Path, table: Any, agents: tuple[str, ...], about: dict[str, Any]) -> Corpus:
    found: dict[str, Any] = {}
    for name in FIELDS:
        column = NAMES.get(name, name)
        if column not in table.column_names:
            continue
        values = table[column].combine_chunks()
        if name in PEOPLE:
            place = {who: i for i, who in enumerate(agents)}
            found[name] = np.array([place[who] if who is not None else NONE for who in values.to_pylist()], np.int32)
        elif name in COUNTS:
            found[name] = _integers(values)
        elif name in SHARES:
            found[name] = values.to_numpy(zero_copy_only=False).astype(np.float64)
        elif name in TEXTS:
            found[name] = np.array([text or "" for text in values.to_pylist()], np.str_)
        elif name in VECTORS:
            found[name] = _vectors(values)
        elif name in ("tokens", "heard") or hasattr(values, "value_lengths"):
            rows, length = unragged(_integers(values.flatten()), _offsets(values))
            found[name] = rows
            found |= {"length": length} if name == "tokens" else {}
        else:
            found[name] = _integers(values)[:, None]
    return assembled(path, found, agents, about)


def _integers(values: Any) -> np.ndarray:
    """Whole numbers, -1 for null. Raises `ValueError` for others."""
    if values.null_count == len(values):
        return np.full(len(values), NONE, np.int64)
    array = values.fill_null(NONE).to_numpy(zero_copy_only=False)
    if array.dtype.kind not in "iub":
        raise ValueError(f"{array.dtype} where whole numbers are expected")
    if array.dtype.kind == "u" and array.size and int(array.max()) >= 2**63:
        raise ValueError("a whole number of more than 64 bits")
    return array.astype(np.int64)


def _offsets(values: Any) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(values.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))])


def _vectors(values: Any) -> np.ndarray:
    """Vectors of one length [r d], NaN where a row has none."""
    length = values.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    wide = int(length.max(initial=0))
    if not np.isin(length, (0, wide)).all():
        raise ValueError("vectors of different lengths")
    table = np.full((len(length), wide), np.nan)
    table[length > 0] = values.flatten().to_numpy(zero_copy_only=False).reshape(-1, wide)
    return table
