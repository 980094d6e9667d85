"""What is written of the classes: texts from a file or from this program, parted into words that say something, each with its vector."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from semiosis.errors import UsageError
from semiosis.scenes import wordvectors
from semiosis.scenes.stopwords import STOP_WORDS
from semiosis.scenes.texts import embedded
from semiosis.scenes.types import Data, Descriptions, Source

LINE = "label_id,label,free text, as in 7,cat,a small animal with soft fur"
WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
SHOWN = 12  # ids or words that a sentence lists at most


class Row(NamedTuple):
    """One line of a file of descriptions: the number and the name of a class, and what is written of it."""

    id: int
    label: str
    text: str


def content(text: str) -> tuple[str, ...]:
    """The words of a text that say something: lower case, without stop words, each once, in order.

    Hyphens and apostrophes inside a word stay (`long-tailed`), a final 's goes (`cat's` is `cat`).
    """
    words = (word.removesuffix("'s") for word in WORD.findall(text.lower().replace("’", "'")))
    return tuple(dict.fromkeys(word for word in words if word not in STOP_WORDS))


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read lines `label_id,label,free text` without a header: the text is all after the second comma, in quotes or not."""
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise UsageError(f"cannot read the descriptions {str(path)!r}: {reason}") from error
    rows: dict[int, Row] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where, row = f"line {number} of {str(path)!r}", _row(path, number, line)
        if row.id in rows:
            raise UsageError(f"{where} gives the id {row.id} to {row.label!r}, and {rows[row.id].label!r} has it already")
        if not content(row.text):
            lacks = "has only stop words" if row.text else "is empty"
            raise UsageError(f"{where} is a class without a description: the text of {row.label!r} {lacks}")
        rows[row.id] = row
    if not rows:
        raise UsageError(f"{str(path)!r} describes no class: expected lines {LINE}")
    return tuple(rows.values())


def _row(path: Path, number: int, line: str) -> Row:
    fields = [field.strip() for field in line.split(",", 2)]
    if any(field.startswith('"') for field in fields[:2]):  # as a spreadsheet writes a label with a comma
        cells = next(csv.reader([line.strip()]))
        fields = [*(cell.strip() for cell in cells[:2]), ",".join(cells[2:]).strip()]
    if len(fields) < 3 or not re.fullmatch(r"-?\d{1,18}", fields[0]) or not _bare(fields[1]):
        raise UsageError(f"line {number} of {str(path)!r} reads {line[:60]!r}: expected {LINE}, with no header")
    return Row(int(fields[0]), _bare(fields[1]), _bare(fields[2]))


def _bare(field: str) -> str:
    """A field without the quotes around it."""
    return field[1:-1].replace('""', '"').strip() if len(field) > 1 and field[0] == field[-1] == '"' else field


def attached(name: str, source: Source, path: Path) -> Source:
    """Give the classes of a source the texts of a file; classes that only the file has are appended.

    Rows belong to classes by their label if every class of the source is among the labels, else by their id, which is then the number
    of the class. Where the source has no names for its classes they get those of the file, in the order of the ids.
    """
    rows = read_rows(path)
    if not any(part.labels is not None for part in source.parts.values()):
        raise UsageError(f"descriptions are of classes, and {name!r} has no labels")
    if not source.classes:
        rows = tuple(sorted(rows))
        place = {row.id: index for index, row in enumerate(rows)}
        parts = {
            split: part if part.labels is None else part._replace(labels=indices(name, part.labels, place, path))
            for split, part in source.parts.items()
        }
        return source._replace(parts=parts, classes=tuple(row.label for row in rows), texts=tuple(row.text for row in rows))
    own = _matched(name, source.classes, rows, path)
    extra = tuple(row for row in rows if row not in own)
    classes = (*source.classes, *(row.label for row in extra))
    return source._replace(classes=classes, texts=tuple(row.text for row in (*own, *extra)))


def indices(name: str, ids: np.ndarray, place: Mapping[int, int], path: Path) -> np.ndarray:
    """The classes [n] that label ids [n] stand for, int32; an id that the descriptions lack is refused."""
    found, inverse = np.unique(ids, return_inverse=True)
    lacking = [int(i) for i in found if int(i) not in place]
    if lacking:
        raise UsageError(f"{name!r} has the label id {lacking[0]}, which {str(path)!r} does not describe: it has {_some(list(place))}")
    return np.array([place[int(i)] for i in found], np.int32)[inverse.reshape(-1)]


def _matched(name: str, classes: tuple[str, ...], rows: Sequence[Row], path: Path) -> list[Row]:
    """The row of each class, by label or else by id."""
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        by_label.setdefault(row.label, []).append(row)
    if all(label in by_label for label in classes):
        if twice := [label for label in classes if len(by_label[label]) > 1]:
            raise UsageError(f"class {twice[0]!r} of {name!r} has several descriptions in {str(path)!r}")
        return [by_label[label][0] for label in classes]
    by_id = {row.id: row for row in rows}
    for index, label in enumerate(classes):
        row = by_id.get(index)
        if row is None or (row.label != label and (row.label in classes or label in by_label)):  # an id of other classes, in another order
            lacking = label if row is None else next(c for c in classes if c not in by_label)
            raise UsageError(
                f"class {lacking!r} of {name!r} has no description in {str(path)!r}, by label or by id: "
                f"it describes {_some([f'{row.id} {row.label}' for row in rows])}"
            )
    return [by_id[index] for index in range(len(classes))]


def _some(things: Sequence[object]) -> str:
    """The first of many things, for a sentence."""
    more = len(things) - SHOWN
    return ", ".join(map(str, things[:SHOWN])) + (f" and {more} more" if more > 0 else "")


def described(name: str, source: Source, vectors: str | None = None) -> Descriptions | None:
    """Descriptions of a source's classes, by its own texts or by those of this program; None where there are none.

    `vectors` is the option of that name: a file, or the size of random vectors.
    """
    texts = source.texts or embedded(source.classes)
    if texts:
        return describe(source.classes, texts, wordvectors.chosen(vectors), source.candidates, vectors)
    if vectors is not None:
        raise UsageError(f"vectors={vectors} are of the words of descriptions, and {name!r} has none: add ',descriptions=FILE.csv'")
    return None


def describe(
    classes: Sequence[str],
    texts: Sequence[str],
    look: wordvectors.Look | None = None,
    candidates: Mapping[str, np.ndarray] = MappingProxyType({}),
    where: str | None = None,
) -> Descriptions:
    """Part the text of each class into words and look up their vectors, by default random ones; `where` names their file in errors."""
    words = tuple(content(text) for text in texts)
    for label, own in zip(classes, words, strict=True):
        if not own:
            raise UsageError(f"class {label!r} has a text in which no word says anything")
    every = tuple(dict.fromkeys(word for own in words for word in own))
    found = (look or wordvectors.chosen(None))(every)
    for label, own in zip(classes, words, strict=True):
        if not any(word in found for word in own):
            raise UsageError(f"none of the words of class {label!r} has a vector in {where!r}: {_some(own)}")
    vectors = np.zeros((len(words), max(map(len, words)), len(next(iter(found.values())))), np.float32)
    there, known = np.zeros(vectors.shape[:2], bool), np.zeros(vectors.shape[:2], bool)
    for c, own in enumerate(words):
        there[c, : len(own)] = True
        for w, word in enumerate(own):
            if word in found:
                vectors[c, w], known[c, w] = found[word], True
    return Descriptions(tuple(texts), words, vectors, there, known, tuple(word for word in every if word not in found), candidates)


def fingerprint(descriptions: Descriptions) -> str:
    """The sha256 of the words, their vectors and the candidates."""
    digest = hashlib.sha256("\n".join(" ".join(words) for words in descriptions.words).encode())
    digest.update(f"\n{descriptions.vectors.shape}\n".encode() + np.ascontiguousarray(descriptions.vectors, "<f4").tobytes())
    for split in sorted(descriptions.candidates):
        digest.update(f"{split} {descriptions.candidates[split].tolist()}\n".encode())
    return digest.hexdigest()


def told(data: Data) -> list[str]:
    """Descriptions for a reader: a line `name: words` a class, and one for the words without a vector; no lines where there are none."""
    if data.descriptions is None:
        return []
    lines = [f"{label}: {' '.join(words)}" for label, words in zip(data.classes, data.descriptions.words, strict=True)]
    if unknown := data.descriptions.unknown:
        lines.append(f"{len(unknown)} word{'s' * (len(unknown) > 1)} without a vector: {', '.join(unknown)}")
    return lines
