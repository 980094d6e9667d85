"""Messages in a table of text, comma or tab separated: what people, other programs and other toolkits write."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semiosis.corpora.jsonl import gathered
from semiosis.corpora.types import NONE, Corpus
from semiosis.errors import UsageError, unknown
from semiosis.extras import first_line
from semiosis.runs.files import spoken

WHOLE = ("seed", "example", "turn")


def read(
    path: Path, *, message: str = "", label: str = "", attributes: Sequence[str] = (), meanings: Sequence[str] = (), speaker: str = ""
) -> Corpus:
    """Read a table with a row an utterance.

    Messages stand in the column `message` (symbols parted by spaces, or a JSON list), or one symbol a column in s1, s2, ..., empty from the
    end on. What is known of things stands in `label`, in attributes a_NAME and in numbers x_NAME; `speaker`, `listener`, `seed`, `example`
    and `turn` may stand there too. Any of them may have other names, which the arguments tell. Words may stand for numbers: they are
    numbered in the order of the alphabet, and about["words"], about["classes"] and about["attributes"] keep them. Raises `UsageError`.
    """
    columns, lines = _lines(path)
    rows: list[dict[str, Any]] = [{"message": said} for said in _messages(path, columns, lines, message)]
    about: dict[str, Any] = {}

    def column(name: str, kind: str) -> list[str]:
        if name not in columns:
            raise unknown(f"column for {kind} of {path}", name, columns)
        return [line[columns.index(name)].strip() for line in lines]

    if label or "label" in columns:
        codes, names = _coded(path, column(label or "label", "the label"))
        about |= {"classes": names} if names else {}
        rows = [row | {"label": code} for row, code in zip(rows, codes, strict=True)]
    if found := list(attributes) or _some(columns, "a_", ("attributes",)):
        values = [_coded(path, column(name, "an attribute")) for name in found]
        about["attributes"] = [{"name": name.removeprefix("a_"), "values": words} for name, (_, words) in zip(found, values, strict=True)]
        rows = [row | {"attributes": list(own)} for row, own in zip(rows, zip(*(codes for codes, _ in values), strict=True), strict=True)]
    if found := list(meanings) or _some(columns, "x_", ()):
        vectors = zip(*(_numbers(path, name, column(name, "a meaning")) for name in found), strict=True)
        rows = [row | {"meanings": list(own)} for row, own in zip(rows, vectors, strict=True)]
    for name in ("speaker", "listener"):
        if (name == "speaker" and speaker) or name in columns:
            cells = column(speaker if name == "speaker" and speaker else name, f"the {name}")
            rows = [row | ({name: cell} if cell else {}) for row, cell in zip(rows, cells, strict=True)]
    for name in WHOLE:
        if name in columns:
            cells = [_whole(path, name, i, cell) for i, cell in enumerate(column(name, name), 2)]
            rows = [row | {name: cell} for row, cell in zip(rows, cells, strict=True)]
    if any("example" in row for row in rows) or all("speaker" not in row for row in rows):
        return gathered(path, rows, about=about)
    return gathered(path, _counted(rows), about=about)


def _counted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the place of each among those of its speaker."""
    seen: dict[Any, int] = {}
    out = []
    for row in rows:
        who = (row.get("seed"), row.get("speaker"))
        out.append(row | {"example": seen.get(who, 0)})
        seen[who] = seen.get(who, 0) + 1
    return out


def _lines(path: Path) -> tuple[list[str], list[list[str]]]:
    """The names of the columns and the cells below them."""
    with spoken(f"read {path}"):
        data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no table of text: expected UTF-8") from error
    first = text.partition("\n")[0]
    tab = "\t" in first if path.suffix.lower() not in (".csv", ".tsv") else path.suffix.lower() == ".tsv"
    try:
        cells = _told(list(csv.reader(text.splitlines(keepends=True), delimiter="\t" if tab else ",", strict=True)))
    except csv.Error as error:
        raise UsageError(f"{path} is no table: {first_line(error)}") from error
    if len(cells) < 2:
        raise UsageError(f"{path} has no rows: expected the names of the columns, then a row an utterance")
    columns = [name.strip() for name in cells[0]]
    if len(set(columns)) < len(columns):
        raise UsageError(f"{path} has two columns of one name: {', '.join(columns)}")
    for number, row in enumerate(cells[1:], 2):
        if len(row) != len(columns):
            raise UsageError(f"row {number} of {path} has {len(row)} cells: expected {len(columns)}, as its first row names them")
    return columns, cells[1:]


def _told(cells: list[list[str]]) -> list[list[str]]:
    """Rows without empty lines; but within a table of one column, an empty line is an empty message."""
    empty = [not row or (len(row) == 1 and row[0] != "" and not row[0].strip()) for row in cells]
    there = [i for i, void in enumerate(empty) if not void]
    if not there:
        return []
    if len(cells[there[0]]) > 1:
        return [cells[i] for i in there]
    return [row or [""] for row in cells[there[0] : there[-1] + 1]]


def _messages(path: Path, columns: list[str], lines: list[list[str]], name: str) -> list[list[Any]]:
    """The symbols of each message, numbers where all are."""
    apart = sorted((one for one in columns if re.fullmatch(r"s[1-9]\d{0,8}", one)), key=lambda one: int(one[1:]))
    if not name and "message" not in columns and apart:
        if apart != [f"s{i}" for i in range(1, len(apart) + 1)]:
            raise UsageError(f"{path} has the columns {', '.join(apart)}: expected s1, s2, ... without gaps")
        said = [_until_the_end(path, i, [line[columns.index(one)].strip() for one in apart]) for i, line in enumerate(lines, 2)]
    else:
        name = name or "message"
        if name not in columns:
            raise UsageError(f"{path} has no column {name!r} of messages, and no s1, s2, ...: its columns are {', '.join(columns)}")
        said = [_symbols(path, i, line[columns.index(name)].strip()) for i, line in enumerate(lines, 2)]
    if all(isinstance(symbol, int) or symbol.isdecimal() for message in said for symbol in message):
        return [[symbol if isinstance(symbol, int) else _int(path, symbol) for symbol in message] for message in said]
    return [[str(symbol) for symbol in message] for message in said]


def _until_the_end(path: Path, row: int, cells: list[str]) -> list[str]:
    length = next((i for i, cell in enumerate(cells) if not cell), len(cells))
    if any(cells[length:]):
        raise UsageError(f"row {row} of {path} has a symbol after an empty cell: expected the message first, then empty cells")
    return cells[:length]


def _symbols(path: Path, row: int, cell: str) -> list[Any]:
    if not cell.startswith("["):
        return cell.split()
    try:
        said = json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"row {row} of {path} has a message that is no JSON list: {cell[:60]!r}") from error
    if not all(isinstance(symbol, int | str) and not isinstance(symbol, bool) for symbol in said):
        raise UsageError(f"row {row} of {path} has a message that is no list of symbols: {cell[:60]!r}")
    return said


def _some(columns: list[str], prefix: str, other: tuple[str, ...]) -> list[str]:
    return [name for name in columns if name.startswith(prefix) or name in other]


def _coded(path: Path, cells: list[str]) -> tuple[list[int], list[str]]:
    """Numbers as they are; words by their place in the order of the alphabet, and the words. An empty cell is -1, as what is missing."""
    if all(cell.isdecimal() for cell in cells if cell):
        return [_int(path, cell) if cell else NONE for cell in cells], []
    words = sorted({cell for cell in cells if cell})
    place = {"": NONE} | {word: i for i, word in enumerate(words)}
    return [place[cell] for cell in cells], words


def _int(path: Path, cell: str) -> int:
    """A number of digits. Raises `UsageError` where it is longer than any that a corpus can hold."""
    if len(cell) > 1000:
        raise UsageError(f"{path} has a number of {len(cell):,} digits: expected whole numbers of 64 bits at most")
    return int(cell)


def _numbers(path: Path, name: str, cells: list[str]) -> list[float]:
    try:
        return [float(cell) if cell else math.nan for cell in cells]
    except ValueError as error:
        raise UsageError(f"the column {name!r} of {path} holds what is no number: {first_line(error)}") from error


def _whole(path: Path, name: str, row: int, cell: str) -> int:
    if not cell.isdecimal():
        raise UsageError(f"row {row} of {path} has the {name} {cell!r}: expected a whole number")
    return _int(path, cell)
