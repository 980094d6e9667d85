"""What the words of a language mean: messages grouped so that each group names enough examples to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer

from semiosis.metrics.messages import checked

Symbols = tuple[int, ...]
ENOUGH = 3.0  # examples a group, on average, for a group to show what it means


class Word(NamedTuple):
    """A message, or the beginning of one, and the examples it names: their places among the messages, in order."""

    symbols: Symbols
    members: np.ndarray

    def share(self, labels: np.ndarray) -> tuple[int, float]:
        """The commonest label of the examples (the smallest of equals), and its share of them."""
        values, counts = np.unique(labels[self.members], return_counts=True)
        return int(values[counts.argmax()]), float(counts.max() / counts.sum())


class Lexicon(NamedTuple):
    """`words` by falling number of examples; `depth` symbols of each message were looked at, `whole` if it has no more."""

    words: list[Word]
    depth: int
    whole: bool
    messages: int  # distinct ones, whole
    examples: int


def grouped(
    tokens: Integer[np.ndarray, "n t"], lengths: Integer[np.ndarray, " n"], *, enough: float = ENOUGH, depth: int | None = None
) -> Lexicon:
    """Group examples by message; where that leaves fewer than `enough` to a group on average, by the longest beginning that does not.

    A message shorter than that beginning stands for itself. `depth` forces the number of symbols.
    """
    tokens, lengths = checked(tokens, lengths)
    said = [tuple(row[:length].tolist()) for row, length in zip(tokens, lengths, strict=True)]
    longest = max(map(len, said), default=0)
    distinct = len(set(said))
    if depth is None:
        fits = [k for k in range(longest, 0, -1) if len(said) >= enough * len({message[:k] for message in said})]
        depth = fits[0] if fits else min(1, longest)
    groups: dict[Symbols, list[int]] = {}
    for place, message in enumerate(said):
        groups.setdefault(message[:depth], []).append(place)
    words = [Word(symbols, np.array(members)) for symbols, members in groups.items()]
    words.sort(key=lambda word: (-len(word.members), word.symbols))
    return Lexicon(words, depth, all(len(message) <= depth for message in said), distinct, len(said))


def in_order(words: Sequence[Word], labels: np.ndarray | None) -> list[Word]:
    """Words as branches of a tree: those that begin alike stand together, branches by their commonest label (else most examples first)."""

    def rank(start: Symbols) -> tuple[int, int]:
        below = [word for word in words if word.symbols[: len(start)] == start]
        members = np.concatenate([word.members for word in below])
        common = Word(start, members).share(labels)[0] if labels is not None else 0
        return common, -len(members)

    ranks = {word.symbols[:k]: rank(word.symbols[:k]) for word in words for k in range(1, len(word.symbols) + 1)}

    def key(word: Word) -> list[tuple[tuple[int, int], int]]:
        return [(ranks[word.symbols[: k + 1]], symbol) for k, symbol in enumerate(word.symbols)]

    return sorted(words, key=key)


def fair_sample(word: Word, labels: np.ndarray | None, most: int) -> np.ndarray:
    """At most `most` examples of a word, its labels in their proportion (largest remainders), the commonest label first.

    Of each label its first examples: those of a split stand in random order.
    """
    if labels is None or not len(word.members):
        return word.members[:most]
    own = labels[word.members]
    found, counts = np.unique(own, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    due = counts[order] * min(1.0, most / len(own))
    seats = np.floor(due + 1e-9).astype(int)
    left = min(most, len(own)) - seats.sum()
    seats[np.argsort(seats - due, kind="stable")[:left]] += 1
    return np.concatenate([word.members[own == label][:count] for label, count in zip(found[order], seats, strict=True)])


def message(symbols: Sequence[int], vocab_size: int) -> str:
    """A message in print: bits as 0 and 1, letters, or numbers parted by dots; where there are no symbols (0), its number, as in #7."""
    if not vocab_size:
        return f"#{symbols[0]}"
    if vocab_size == 2 and len(symbols) > 1:
        return "".join(str(symbol) for symbol in symbols)
    return ("" if vocab_size <= 52 else "·").join(letter(symbol, vocab_size) for symbol in symbols)


def letter(symbol: int, vocab_size: int) -> str:
    """A symbol in print: a to z, A to Z, or its number in a larger vocabulary."""
    if vocab_size > 52:
        return str(symbol)
    return chr(ord("a") + symbol) if symbol < 26 else chr(ord("A") + symbol - 26)
