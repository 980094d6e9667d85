"""Corpora: who said what to whom about what, as files that other tools read; in numpy, without JAX.

from semiosis import corpora
corpus = corpora.read("runs/a/episodes.parquet")      # or .jsonl, .h5, .csv, .tsv, a folder of ELCC, a dump of EGG
corpora.write(corpus, "episodes.pt", "egg")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from semiosis.corpora import egg, elcc, hdf5, jsonl, parquet, tables
from semiosis.corpora.types import IMAGES, NONE, Corpus, checked, messages, rows
from semiosis.errors import UsageError, unknown
from semiosis.runs.files import spoken

__all__ = ["FORMATS", "IMAGES", "NONE", "Corpus", "checked", "messages", "read", "rows", "write"]


class Format(NamedTuple):
    """How a corpus is written: by whom, and the ending of its file, none where it is a folder."""

    write: Callable[[Corpus, Path], Path]
    suffix: str


FORMATS = {
    "parquet": Format(parquet.write, ".parquet"),
    "jsonl": Format(jsonl.write, ".jsonl"),
    "hdf5": Format(hdf5.write, ".h5"),
    "elcc": Format(elcc.write, ""),
    "egg": Format(egg.write, ".pt"),
}
READERS: dict[str, Callable[[Path], Corpus]] = {
    ".parquet": parquet.read,
    ".jsonl": jsonl.read,
    ".h5": hdf5.read,
    ".hdf5": hdf5.read,
    ".pt": egg.read,
    ".pth": egg.read,
}
TABLES = (".csv", ".tsv")


def write(corpus: Corpus, path: str | Path, format: str = "parquet") -> Path:
    """Write a corpus, wholly or not at all, and the drawings it names beside it; returns the file, of ELCC the system's folder.

    Raises `UsageError`: no such format, one that cannot hold this corpus, a missing extra, a disk that refuses.
    """
    if format not in FORMATS:
        raise unknown("format of a corpus", format, FORMATS)
    return FORMATS[format].write(checked(corpus), Path(path))


def read(
    path: str | Path,
    *,
    message: str = "",
    label: str = "",
    attributes: Sequence[str] = (),
    meanings: Sequence[str] = (),
    speaker: str = "",
) -> Corpus:
    """Read a corpus of any of our formats, a folder or corpus.jsonl of ELCC, a table of text, or a dump of EGG's.

    The kind is told by the name's ending or, where it has none that is known, by the first bytes. The arguments name the columns of a
    table, see `tables.read`. Raises `UsageError`, one sentence, where there is no corpus, or a damaged one.
    """
    path = Path(path)
    named = {"message": message, "label": label, "attributes": attributes, "meanings": meanings, "speaker": speaker}
    if path.is_dir():
        if (path / "config.json").exists():
            raise UsageError(f"{path} is a run and no corpus: `semiosis corpus {path}` plays one")
        kind = elcc.read
    else:
        with spoken(f"read {path}"), path.open("rb") as file:
            first = file.read(8)
        suffix = path.suffix.lower()
        kind = None if suffix in TABLES else READERS.get(suffix) or _sniffed(path, first)
        if kind is None:
            return tables.read(path, **named)
    if given := [name for name, value in named.items() if value]:
        raise UsageError(f"{given[0]} names a column of a table of text, and {path} is none")
    return kind(path)


def _sniffed(path: Path, first: bytes) -> Callable[[Path], Corpus] | None:
    """Who reads a file that begins with these bytes; None for a table of text."""
    if first.startswith(b"PAR1"):
        return parquet.read
    if first.startswith(b"\x89HDF"):
        return hdf5.read
    if egg.is_dump(first):
        return egg.read
    if first.lstrip()[:1] in (b"{", b"["):
        return jsonl.read
    if path.suffix.lower() in (".txt", ".tab", ""):
        return None
    raise unknown("kind of file", path.name, [*READERS, *TABLES, "a folder of ELCC", "a dump of EGG's"])
