"""A corpus in the layout of the Emergent Language Corpus Collection (ELCC, Boldt and Mortensen 2024): messages alone, a line each.

    FOLDER/systems/NAME/metadata.yml                  where the system comes from
    FOLDER/systems/NAME/system.json                   what is talked about and how, as far as a corpus tells
    FOLDER/systems/NAME/data/VARIANT/corpus.jsonl     a JSON array of integers a line, one message
    FOLDER/systems/NAME/data/VARIANT/metadata.json    how many, how long

A variant is the language of one seed. What was said to several listeners stands there once. Who spoke, to whom and about what, guesses,
drawings and everything else a corpus knows is left out: the layout has no place for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from semiosis.corpora import jsonl
from semiosis.corpora.types import NONE, Corpus, checked, rows, write_whole
from semiosis.errors import UsageError
from semiosis.runs.files import read_json, spoken, to_json

LINES = "corpus.jsonl"


def once(corpus: Corpus) -> Corpus:
    """What was said, without to whom: of rows in which a speaker says the same of a thing to several listeners, the first.

    What is said twice to one listener, or otherwise to another, stays: it was said.
    """
    if (corpus.turn > 0).any():  # in a conversation, what is said depends on who answers
        return corpus
    drawn = np.zeros(corpus.size, int) if corpus.image is None else np.unique(corpus.image, return_inverse=True)[1]
    keys = np.column_stack([corpus.seed, corpus.speaker, corpus.example, corpus.turn, corpus.length, drawn, corpus.tokens])
    same = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
    pairs = np.column_stack([same, corpus.listener])
    order = np.lexsort((np.arange(corpus.size), *pairs.T))
    new = np.append(True, (pairs[order][1:] != pairs[order][:-1]).any(axis=1))[: corpus.size]
    begins = np.maximum.accumulate(np.where(new, np.arange(corpus.size), 0))
    time = np.empty(corpus.size, int)
    time[order] = np.arange(corpus.size) - begins  # how often it has been said to this listener before
    return rows(corpus, np.sort(np.unique(np.column_stack([same, time]), axis=0, return_index=True)[1]))


def write(corpus: Corpus, folder: Path) -> Path:
    """Write the messages of each seed as a variant of one system; returns the system's folder. Raises `UsageError`."""
    if corpus.drawn or not corpus.length.any():
        raise UsageError("ELCC holds messages of symbols, and these are drawings: write parquet, jsonl, hdf5 or egg")
    said, about = once(corpus), corpus.about
    home = folder / "systems" / _name(about)
    for seed in np.unique(said.seed).tolist():
        own = rows(said, said.seed == seed)
        place = home / "data" / f"seed-{seed}"
        lines = [to_json(row[:n]) for row, n in zip(own.tokens.tolist(), own.length.tolist(), strict=True)]
        write_whole(place / "metadata.json", to_json(_counted(own, seed), indent=2) + b"\n")
        write_whole(place / LINES, b"\n".join(lines) + b"\n")
    write_whole(home / "system.json", to_json(_system(corpus), indent=2) + b"\n")
    write_whole(home / "metadata.yml", _yaml(_source(about)).encode())
    return home


def _name(about: Mapping[str, Any]) -> str:
    """A name for the system, fit for a folder."""
    parts = [Path(str(about.get("game") or "corpus")).stem, str((about.get("data") or {}).get("name") or "").rpartition("/")[2]]
    return re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(part for part in parts if part)).strip("-.").lower() or "corpus"


def _counted(own: Corpus, seed: int) -> dict[str, Any]:
    """What is counted of a variant."""
    distinct = {tuple(row[:n]) for row, n in zip(own.tokens.tolist(), own.length.tolist(), strict=True)}
    told = {"split": (own.about.get("data") or {}).get("split"), "step": own.about.get("step")}
    return {
        "seed": seed,
        "lines": own.size,
        "unique_lines": len(distinct),
        "tokens": int(own.length.sum()),
        "unique_tokens": len(np.unique(own.tokens[own.tokens != NONE])),
        "mean_line_length": float(own.length.mean()),
        **{name: value for name, value in told.items() if value is not None},
    }


def _system(corpus: Corpus) -> dict[str, Any]:
    """How the system talks."""
    message = dict(corpus.about.get("message") or {})
    return {
        "game": corpus.about.get("game"),
        "data": corpus.about.get("data"),
        "vocab_size": message.get("vocab_size"),
        "message_length": int(corpus.length.max(initial=0)),
        "variable_length": len(np.unique(corpus.length)) > 1,
        "multi_step": bool((corpus.turn > 0).any()),
        "agents": list(corpus.agents),
        "config": corpus.about.get("config"),
    }


def _source(about: Mapping[str, Any]) -> dict[str, Any]:
    source = {"program": "semiosis", "versions": about.get("versions"), "game": about.get("game"), "data": about.get("data")}
    return {"source": {name: value for name, value in source.items() if value}, "format": "one JSON array of integers a line"}


def _yaml(value: Mapping[str, Any], indent: str = "") -> str:
    """A tree of names as YAML; its leaves are JSON, of which YAML is a superset."""
    lines = []
    for name, leaf in value.items():
        key = name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)
        nested = isinstance(leaf, Mapping) and leaf
        lines.append(f"{indent}{key}:\n{_yaml(leaf, indent + '  ')}" if nested else f"{indent}{key}: {to_json(leaf).decode()}\n")
    return "".join(lines)


def read(folder: Path) -> Corpus:
    """Read a collection, a system or a variant: each variant is told as a seed of its own, by its name in about["variants"].

    Raises `UsageError` where there is no corpus.jsonl, or a damaged one.
    """
    with spoken(f"read {folder}"):
        files = sorted(folder.rglob(LINES), key=_order)
    if not files:
        raise UsageError(f"{folder} is no corpus: it has no {LINES}, as ELCC has them in systems/NAME/data/VARIANT/")
    parts = [jsonl.read(file) for file in files]
    if words := [part for part in parts if "words" in part.about]:
        raise UsageError(f"{files[parts.index(words[0])]} has words for symbols: expected arrays of integers")
    wide = max(part.tokens.shape[1] for part in parts)
    tokens = np.concatenate([np.pad(part.tokens, ((0, 0), (0, wide - part.tokens.shape[1])), constant_values=NONE) for part in parts])
    names = [str(file.parent.relative_to(folder)) if file.parent != folder else folder.name for file in files]
    about: dict[str, Any] = {"variants": names} | _told(files[0])
    return checked(
        parts[0]._replace(
            tokens=tokens,
            length=np.concatenate([part.length for part in parts]),
            seed=np.repeat(np.arange(len(parts)), [part.size for part in parts]),
            example=np.concatenate([np.arange(part.size) for part in parts]),
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in ("speaker", "listener", "turn")},
            about=about,
        )
    )


def _order(file: Path) -> list[Any]:
    """Variants in the order of people: seed-2 before seed-10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", str(file))]


def _told(file: Path) -> dict[str, Any]:
    """What our own system.json says; others have other names for it."""
    path = file.parent.parent.parent / "system.json"
    told = read_json(path) if path.exists() else None
    return {
        name: told[name] for name, kind in (("game", str), ("data", dict)) if isinstance(told, dict) and isinstance(told.get(name), kind)
    }
