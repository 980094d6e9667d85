"""Which forms mean what, once others are taken away? An inventory of morphemes: count, select, ablate, repeat (Boldt & Mortensen 2025)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer
from scipy.special import xlogy

from semiosis.errors import UsageError
from semiosis.metrics.meanings import checked_attributes, concepts
from semiosis.metrics.messages import checked, compact, message_ids, ngrams
from semiosis.metrics.nulls import judged_together
from semiosis.metrics.value import Value, undefined

Form = tuple[int, ...]


class Morpheme(NamedTuple):
    """A run of symbols and what it means: (attribute, value) pairs; `bits` they shared when it was found, and messages it was found in."""

    form: Form
    meaning: tuple[tuple[int, int], ...]
    bits: float
    messages: int


class Inventory(NamedTuple):
    """The morphemes of a language, in the order they were found, and what they are like.

    `size`: how many; `synonymy`: H(form | meaning), `polysemy`: H(meaning | form), in bits, morphemes weighted by their messages;
    `form_length`: mean symbols of a form; `coverage`: the share of all symbols said that are part of a morpheme.
    """

    size: Value
    synonymy: Value
    polysemy: Value
    form_length: Value
    coverage: Value
    morphemes: tuple[Morpheme, ...]


class _Found(NamedTuple):
    form: int
    meaning: int
    bits: float
    messages: int


def inventory(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    longest: int = 3,
    most: int = 2,
    least: int = 2,
    null: bool = False,
    permutations: int = 20,
    bootstrap: int = 0,
    seed: int = 0,
) -> Inventory:
    """Find pairs of a form and a meaning, greedily by the mutual information of their occurring in a message.

    Forms are runs of 1 to `longest` symbols, meanings 1 to `most` values of attributes; a pair counts if it occurs in `least` messages and
    more often than if it were independent. The best pair is taken; of those that tie the longer form, then the larger meaning. It is then
    taken out of the messages that hold both (the form once, where it first stands), and so on until no pair is left. In the manner of CSAR;
    ties, and what counts, are ours. Undefined for a constant language and where there is no pair. Raises `UsageError` for sizes below 1.
    """
    for name, number in (("longest", longest), ("most", most), ("least", least)):
        if number < 1:
            raise UsageError(f"{name} of {number}: expected 1 or more")
    known, counts = checked(tokens, lengths)
    n, meant = len(known), checked_attributes(attributes, len(known))
    pairs_ = f"forms of 1 to {longest} symbols, meanings of 1 to {most} values, {least} messages or more"
    how = f"greedy mutual information; {pairs_}; end not counted"
    if n == 0 or message_ids(known, counts).max() == 0:
        none = undefined("constant language: all messages are equal" if n else "no messages", n, how)
        return Inventory(none, none, none, none, none, ())
    codes = compact(known, counts).astype(np.int64)
    symbols = np.zeros(int(codes.max()) + 1, np.int64)
    symbols[codes] = known
    about, pairs = concepts(meant)

    def induced(said: np.ndarray, mean: np.ndarray) -> tuple[list[_Found], list[Form], list[Form]]:
        return _induce(codes[said], about[mean], longest, most, least)

    def figures(said: np.ndarray, mean: np.ndarray) -> tuple[float | None, ...]:
        return _figures(*induced(said, mean)[:2], int(counts[said].sum()))

    everyone = np.arange(n)
    found, forms, meanings = induced(everyone, everyone)
    none = f"no form and meaning go together in {least} messages or more"
    size, synonymy, polysemy, form_length, coverage = judged_together(
        lambda *_: _figures(found, forms, int(counts.sum())),
        n,
        [how] * 5,
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reasons=[none] * 5,
        bounds=[(1.0, np.inf), (0.0, np.inf), (0.0, np.inf), (1.0, float(longest)), (0.0, 1.0)],
        permuted=lambda order: figures(everyone, order),
        resampled=lambda rows: figures(rows, rows),
    )
    morphemes = tuple(
        Morpheme(
            tuple(symbols[list(forms[one.form])].tolist()),
            tuple((attribute, value) for attribute, value in pairs[list(meanings[one.meaning])].tolist()),
            one.bits,
            one.messages,
        )
        for one in found
    )
    return Inventory(size, synonymy, polysemy, form_length, coverage, morphemes)


def _figures(found: list[_Found], forms: list[Form], said: int) -> tuple[float | None, ...]:
    if not found:
        return (None,) * 5
    total = sum(one.messages for one in found)
    symbols = sum(one.messages * len(forms[one.form]) for one in found)
    synonymy = _spread((one.meaning, one.messages) for one in found)
    polysemy = _spread((one.form, one.messages) for one in found)
    return float(len(found)), synonymy / total, polysemy / total, symbols / total, symbols / said


def _spread(weights: Iterable[tuple[int, int]]) -> float:
    """The sum over keys of weight x entropy of the weights it has, in bits."""
    groups = defaultdict(list)
    for key, weight in weights:
        groups[key].append(weight)
    whole = [np.array(group, float) for group in groups.values()]
    return float(sum(xlogy(group.sum(), group.sum()) - xlogy(group, group).sum() for group in whole) / np.log(2))


def _induce(codes: np.ndarray, about: np.ndarray, longest: int, most: int, least: int) -> tuple[list[_Found], list[Form], list[Form]]:
    """Pairs in the order they are found, and the forms and meanings that their numbers mean; 0 in `codes` is no symbol."""
    codes, n = codes.copy(), len(codes)
    counted, runs = ngrams(codes, (codes > 0).sum(axis=1), longest)
    counted.sum_duplicates()
    kept = np.flatnonzero(np.bincount(counted.indices, minlength=len(runs)) >= least)
    forms = [runs[place] for place in kept]
    number = {form: place for place, form in enumerate(forms)}
    holds = np.asarray(counted[:, kept].todense() > 0, np.float32).reshape(n, len(forms))
    left = [set(row) for row in about.tolist()]
    subsets: dict[Form, int] = {}
    rows = [[subsets.setdefault(some, len(subsets)) for some in _subsets(row, most)] for row in left]
    meanings = list(subsets)
    means = np.zeros((n, len(meanings)), np.float32)
    for i, row in enumerate(rows):
        means[i, row] = 1.0
    together = np.rint(holds.T @ means).astype(float)
    # of pairs that tie, the longer form and the larger meaning
    taste = np.add.outer(1e-9 * np.array([len(form) for form in forms]), 1e-10 * np.array([len(some) for some in meanings]))
    found: list[_Found] = []
    if not together.size:
        return found, forms, meanings

    def score(some: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Bits and taste of these forms and those meanings, 0 for pairs that do not count."""
        part = np.ix_(some, other)
        bits = _shared(together[part], said[some], meant[other], n, least)
        return bits + taste[part] * (bits > 0)

    said, meant = holds.sum(axis=0, dtype=float), means.sum(axis=0, dtype=float)
    every = np.arange(len(forms)), np.arange(len(meanings))
    scores = score(*every)
    while scores.max() > 0:
        form, meaning = np.unravel_index(np.argmax(scores), scores.shape)
        both = np.flatnonzero((holds[:, form] > 0) & (means[:, meaning] > 0))
        found.append(_Found(int(form), int(meaning), round(float(scores[form, meaning] - taste[form, meaning]), 8), len(both)))
        # all that changes is what these messages hold and mean
        some, other = (np.flatnonzero(kind[both].any(axis=0)) for kind in (holds, means))
        together[np.ix_(some, other)] -= holds[np.ix_(both, some)].T @ means[np.ix_(both, other)]
        said[some] -= holds[np.ix_(both, some)].sum(axis=0)
        meant[other] -= means[np.ix_(both, other)].sum(axis=0)
        for i in both:
            _take(codes[i], forms[form])
            left[i] -= set(meanings[meaning])
            holds[i] = 0.0
            holds[i, [number[run] for run in _runs(codes[i].tolist(), longest) if run in number]] = 1.0
            means[i] = 0.0
            means[i, [subsets[rest] for rest in _subsets(left[i], most)]] = 1.0
        together[np.ix_(some, other)] += holds[np.ix_(both, some)].T @ means[np.ix_(both, other)]
        said[some] += holds[np.ix_(both, some)].sum(axis=0)
        meant[other] += means[np.ix_(both, other)].sum(axis=0)
        scores[some] = score(some, every[1])
        scores[:, other] = score(every[0], other)
    return found, forms, meanings


def _shared(together: np.ndarray, said: np.ndarray, meant: np.ndarray, n: int, least: int) -> np.ndarray:
    """Mutual information in bits of a form's and a meaning's occurring, to 8 decimals; 0 where they occur together too seldom."""
    bits = np.zeros(together.shape)
    some = np.nonzero((together >= least) & (together * n > said[:, None] * meant))
    both, form, meaning = together[some], said[some[0]], meant[some[1]]
    cells = (both, form - both, meaning - both, n - form - meaning + both)
    whole = sum(xlogy(cell, cell) for cell in cells) + xlogy(n, n)
    apart = sum(xlogy(cell, cell) for cell in (form, n - form, meaning, n - meaning))
    bits[some] = np.round((whole - apart) / (n * np.log(2)), 8)
    return bits


def _subsets(concepts_: Iterable[int], most: int) -> list[Form]:
    return [some for size in range(1, most + 1) for some in combinations(sorted(concepts_), size)]


def _runs(symbols: list[int], longest: int) -> list[Form]:
    """The runs of a message in which symbols that were taken are 0."""
    runs = [tuple(symbols[j : j + size]) for size in range(1, longest + 1) for j in range(len(symbols) - size + 1)]
    return [run for run in runs if 0 not in run]


def _take(symbols: np.ndarray, form: Form) -> None:
    """Take the first occurrence of a form out of a message, in place."""
    windows = np.lib.stride_tricks.sliding_window_view(symbols, len(form))
    place = int(np.flatnonzero((windows == form).all(axis=1))[0])
    symbols[place : place + len(form)] = 0
