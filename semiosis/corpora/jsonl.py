"""A corpus as JSON lines: the first line tells of all rows, {"format": 1, "agents": [...], "about": {...}}, then an object a row.

A row leaves out what it does not have: {"seed": 0, "speaker": "speaker 0", "listener": "listener 0", "example": 17, "turn": 0, "message":
[3, 1], "heard": [3, null], "guess": 2, "target": 2, "correct": 1.0, "label": 7, "reference": "digits/test/17"}. A symbol that got lost on
its way is null. One file and not two: what tells of a corpus does not come apart from it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from semiosis.corpora.types import (
    COUNTS,
    FIELDS,
    NEEDED,
    NONE,
    PEOPLE,
    SHARES,
    TEXTS,
    VECTORS,
    Corpus,
    assembled,
    from_head,
    head,
    write_pictures,
    write_whole,
)
from semiosis.errors import UsageError
from semiosis.extras import first_line
from semiosis.runs.files import spoken, to_json


def write(corpus: Corpus, path: Path) -> Path:
    """Write the pictures, then the lines, wholly or not at all; returns where. Raises `UsageError`."""
    columns = {name: _cells(corpus, name, values) for name in FIELDS if name != "length" and (values := getattr(corpus, name)) is not None}
    columns = {"message" if name == "tokens" else name: cells for name, cells in columns.items()}
    lines = [head(corpus)]
    void = {name for name in NEEDED if name in columns and all(cell is None for cell in columns[name])}  # else they would be filled in
    lines += [{name: cells[i] for name, cells in columns.items() if cells[i] is not None or name in void} for i in range(corpus.size)]
    write_pictures(corpus, path.parent)
    return write_whole(path, b"".join(to_json(line) + b"\n" for line in lines))


def _cells(corpus: Corpus, name: str, values: np.ndarray) -> list[Any]:
    """A field as JSON, a row each; None where a row has none."""
    plain = values.tolist()
    if name in PEOPLE:
        return [None if who == NONE else corpus.agents[who] for who in plain]
    if name in COUNTS:
        return [None if x == NONE else x for x in plain]
    if name in SHARES:
        return [None if x != x else x for x in plain]
    if name in TEXTS:
        return [text or None for text in plain]
    if name in VECTORS:
        return [None if all(x != x for x in row) else [None if x != x else x for x in row] for row in plain]
    lengths = corpus.length if name in ("tokens", "heard") else [_last(row) for row in plain]
    rows = [[None if x == NONE else x for x in row[:length]] for row, length in zip(plain, lengths, strict=True)]
    if name in ("tokens", "heard"):
        return rows
    if name in ("guess", "target") and values.shape[1] == 1:
        return [row[0] if row else None for row in rows]
    return [row or None for row in rows]


def _last(row: list[int]) -> int:
    """How many numbers a row has, up to the last that is not -1."""
    return next((len(row) - i for i, x in enumerate(reversed(row)) if x != NONE), 0)


def read(path: Path) -> Corpus:
    """Read what `write` has written, objects with a `message` each, or bare messages, as in ELCC. Raises `UsageError`."""
    with spoken(f"read {path}"):
        text = path.read_bytes()
    told: Any = None
    rows: list[Any] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"line {number} of {path} is damaged: it is no JSON ({first_line(error)})") from error
        if isinstance(row, dict) and "message" not in row and not rows and told is None:
            told = row
        elif isinstance(row, dict) and isinstance(row.get("message"), list):
            rows.append(row)
        elif isinstance(row, list):
            rows.append({"message": row})
        else:
            raise UsageError(f"line {number} of {path} is no message: expected an array of symbols, or an object with a `message`")
    agents, about = from_head(path, told) if told is not None else ((), {})
    return gathered(path, rows, agents, about)


def gathered(path: Path, rows: list[dict[str, Any]], agents: tuple[str, ...] = (), about: dict[str, Any] | None = None) -> Corpus:
    """A corpus of rows as they stand in a file; words may stand for symbols and classes. Raises `UsageError`."""
    if not rows:
        raise UsageError(f"{path} is no corpus: it has no messages")
    about = dict(about or {})
    known = [str(row[name]) for name in PEOPLE for row in rows if row.get(name) is not None]
    agents = agents or tuple(dict.fromkeys(known))
    found: dict[str, Any] = {}
    place = {who: i for i, who in enumerate(agents)}
    for name in FIELDS:
        column = "message" if name == "tokens" else name
        cells: list[Any] = [row.get(column) for row in rows]
        if name == "length" or (all(cell is None for cell in cells) and not (name in NEEDED and any(column in row for row in rows))):
            continue
        try:
            if name == "tokens":
                if words := symbols(cells):
                    about["words"] = list(words)
                    cells = [[words[str(word)] for word in cell] for cell in cells]
                found["length"] = np.array([len(cell) for cell in cells])
            if name == "label" and any(isinstance(cell, str) for cell in cells):
                about["classes"] = sorted({str(cell) for cell in cells if cell is not None})
                codes = {word: i for i, word in enumerate(about["classes"])}
                cells = [None if cell is None else codes[str(cell)] for cell in cells]
            found[name] = _values(name, cells, place, int(found["length"].max()))
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise UsageError(f"{path} is no corpus: its {column!r} has what does not fit ({first_line(error)})") from error
    return assembled(path, found, agents, about)


def _values(name: str, cells: list[Any], place: dict[str, int], wide: int) -> np.ndarray:
    """A field of its cells, a row each. Raises what Python does where they do not fit."""
    if name in PEOPLE:
        if unheard := [cell for cell in cells if cell is not None and str(cell) not in place]:
            raise ValueError(f"{str(unheard[0])[:60]!r} is none of the agents: {', '.join(place)}")
        return np.array([NONE if cell is None else place[str(cell)] for cell in cells])
    if name in COUNTS:
        return np.array([_integer(cell) for cell in cells], np.int64)
    if name in SHARES:
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    if name in TEXTS:
        if wrong := [cell for cell in cells if not isinstance(cell, str | int | None)]:
            raise ValueError(f"{str(wrong[0])[:60]} where a text is expected")
        return np.array(["" if cell is None else str(cell) for cell in cells], np.str_)
    if name in VECTORS:
        length = max(len(cell) for cell in cells if cell is not None)
        return np.array([[np.nan] * length if cell is None else [np.nan if x is None else float(x) for x in cell] for cell in cells])
    return _filled([cell if isinstance(cell, list) else [cell] for cell in cells], wide if name == "heard" else None)


def symbols(said: list[list[Any]]) -> dict[str, int]:
    """The number of each word, in the order of the alphabet, where messages are made of words; nothing where they are numbers."""
    if not any(isinstance(symbol, str) for message in said for symbol in message):
        return {}
    return {word: i for i, word in enumerate(sorted({str(symbol) for message in said for symbol in message}))}


def _integer(cell: Any) -> int:
    if cell is None or cell != cell:
        return NONE
    if isinstance(cell, float) and cell.is_integer():  # tables that lack some numbers often hold all of them as floats
        cell = int(cell)
    if isinstance(cell, bool) or not isinstance(cell, int):
        raise ValueError(f"{repr(cell)[:60]} where a whole number is expected")
    if not -(2**63) <= cell < 2**63:
        raise ValueError("a whole number of more than 64 bits")
    return cell


def _filled(table: list[list[Any]], wide: int | None = None) -> np.ndarray:
    """Rows of whole numbers, filled up with -1."""
    wide = max(map(len, table)) if wide is None else wide
    return np.array([[_integer(x) for x in row] + [NONE] * (wide - len(row)) for row in table], np.int64).reshape(len(table), -1)
