"""A corpus as one HDF5 file: a dataset a field with one number or text a row.

Rows of different lengths (`message`, `heard`, `guess`, ...) are two datasets: all numbers one after another, and NAME_offsets [r + 1],
where each row begins. Vectors are tables [r d]. -1 stands for no symbol, nobody and no answer, NaN for no number, "" for no text. `speaker`
and `listener` are places in `agents` of the attribute `semiosis.corpus`: {"format": 1, "agents": [...], "about": {...}}.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from semiosis.corpora import dialogues
from semiosis.corpora.types import FIELDS, LISTS, TEXTS, Corpus, assembled, from_head, head, ragged, unragged, write_pictures, write_whole
from semiosis.errors import UsageError
from semiosis.extras import first_line, need
from semiosis.runs.files import spoken, to_json

KEY = "semiosis.corpus"
RAGGED = ("tokens", "heard", *LISTS)


def write(corpus: Corpus, path: Path) -> Path:
    """Write the pictures, then the file, wholly or not at all; returns where. Raises `UsageError`."""
    h5py = need("h5py", f"writing {str(path)!r}")
    held = BytesIO()
    with h5py.File(held, "w") as file:
        file.attrs[KEY] = to_json(head(corpus)).decode()
        for name in FIELDS:
            values = getattr(corpus, name)
            if values is None or name == "length":
                continue
            called = "message" if name == "tokens" else name
            if name in TEXTS:
                file.create_dataset(called, data=values.astype(object), dtype=h5py.string_dtype())
                continue
            if name in RAGGED:
                values, offsets = ragged(values, corpus.length if name in ("tokens", "heard") else None)
                file.create_dataset(f"{called}_offsets", data=offsets, **_small(offsets))
            file.create_dataset(called, data=values, **_small(values))
    write_pictures(corpus, path.parent)
    return write_whole(path, held.getvalue())


def _small(values: np.ndarray) -> dict[str, Any]:
    """How an array is compressed; an empty one cannot be."""
    return {"compression": "gzip", "shuffle": True} if values.size else {}


def read(path: Path) -> Corpus:
    """Read what `write` has written, or conversations in bits as Evtimova et al.'s code writes them. Raises `UsageError`."""
    h5py = need("h5py", f"reading {str(path)!r}")
    with spoken(f"read {path}"), path.open("rb"):  # what is missing is told in the system's words
        pass
    found: dict[str, Any] = {}
    try:
        with h5py.File(path, "r") as file:
            if {"Communication", "Predictions"} <= set(file):
                return dialogues.read(path)
            if KEY not in file.attrs or "message" not in file:
                raise UsageError(
                    f"{path} is no corpus: it has no dataset `message` with `{KEY}`, only {', '.join(sorted(file)) or 'nothing'}"
                )
            agents, about = from_head(path, json.loads(file.attrs[KEY]))
            for name in FIELDS:
                called = "message" if name == "tokens" else name
                if called not in file:
                    continue
                values = file[called][()] if name not in TEXTS else np.array(file[called].asstr()[()].tolist(), np.str_)
                if name in RAGGED:
                    values, length = unragged(values, file[f"{called}_offsets"][()])
                    found |= {"length": length} if name == "tokens" else {}
                found[name] = values
    except UsageError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, OverflowError) as error:
        raise UsageError(f"cannot read {path}: not an HDF5 file of a corpus, or a damaged one ({first_line(error)})") from error
    return assembled(path, found, agents, about)
