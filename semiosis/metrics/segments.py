"""Are there words? Harris's articulation scheme: a boundary stands where what follows becomes harder to tell (Ueda et al. 2023)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Integer

from semiosis.errors import UsageError
from semiosis.metrics.compositionality import topsim
from semiosis.metrics.messages import checked, compact, spoken, with_end
from semiosis.metrics.nulls import judged_together
from semiosis.metrics.value import Value, undefined


class Segmentation(NamedTuple):
    """Messages as words: `words` [n w] are places in `vocabulary`, `counts` [n] how many each message has, `begins` [n t] where one begins.

    The first word of a message needs no boundary, and has none in `begins`.
    """

    words: np.ndarray
    counts: np.ndarray
    vocabulary: tuple[tuple[int, ...], ...]
    begins: np.ndarray


class Articulation(NamedTuple):
    """What segmentation finds: boundaries a message, the number of different words, and the mean length of a word.

    `characters`, `words`: topographic similarity of messages as symbols and as words; `random`: as words whose boundaries were drawn, as
    many in each message, its interval being 95 % of the draws. Words that carry meaning make `words` greater than both.
    """

    boundaries: Value
    vocabulary: Value
    word_length: Value
    characters: Value
    words: Value
    random: Value


def segment(
    tokens: Integer[np.ndarray, "n t"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    threshold: float = 0.0,
    end: bool = False,
) -> Segmentation:
    """Cut messages into words where the branching entropy of what was heard rises by more than `threshold` bits.

    For every run of 2 symbols or more from any place, h(run) - h(run without its last symbol) is looked at; h is the entropy of the symbol
    that follows the run, wherever it stands in the corpus (plug-in). `end` lets the end of the message be what follows.
    """
    known, counts = checked(tokens, lengths)
    return _cut(known, counts, _begins(known, counts, threshold, end))


def _begins(tokens: np.ndarray, lengths: np.ndarray, threshold: float, end: bool) -> Bool[np.ndarray, "n t"]:
    begins = np.zeros(tokens.shape, bool)
    before: np.ndarray | None = None
    for width, entropy in _branching(*(with_end(tokens, lengths) if end else (tokens, lengths))):
        if before is not None:
            # entropy[i, j] is of the run of `width` from j, before[i, j] of the same run without its last symbol
            rises = entropy - before[:, : len(entropy[0])] > threshold
            begins[:, width:] |= rises[:, : tokens.shape[1] - width]
        before = entropy
    return begins & spoken(tokens, lengths)


def _branching(tokens: np.ndarray, lengths: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each width of run, and the branching entropy [n t - width] of the runs that start at each place and go on; 0 where none does."""
    symbols = compact(tokens, lengths).astype(np.int64)
    base = int(symbols.max(initial=0)) + 1
    run = symbols  # number of the run of `width` that starts at each place, 0 where it does not fit
    for width in range(1, tokens.shape[1]):
        after = symbols[:, width:]
        run = run[:, : after.shape[1]]
        fits = after > 0
        if not fits.any():
            return
        longer, code, times = np.unique(run[fits] * base + after[fits], return_inverse=True, return_counts=True)
        context = longer // base
        size = int(context.max()) + 1
        total = np.bincount(context, times, minlength=size)
        spread = np.bincount(context, times * np.log2(times), minlength=size)
        # rounded, so that what is equal on paper does not rise
        entropy = np.maximum(np.round(np.log2(np.maximum(total, 1)) - spread / np.maximum(total, 1), 12), 0.0)
        here = np.zeros(after.shape)
        here[fits] = entropy[run[fits]]
        yield width, here
        run = np.zeros_like(after)
        run[fits] = code.reshape(-1) + 1


def _cut(tokens: np.ndarray, lengths: np.ndarray, begins: np.ndarray) -> Segmentation:
    """Words from the places where they begin; the first symbol always begins one."""
    starts = begins.copy()
    if starts.shape[1]:
        starts[:, 0] = True
    starts &= spoken(tokens, lengths)
    known: dict[tuple[int, ...], int] = {}
    counts = starts.sum(axis=1)
    words = np.zeros((len(tokens), int(counts.max(initial=0))), np.int64)
    for i, (row, length) in enumerate(zip(tokens.tolist(), lengths.tolist(), strict=True)):
        places = [*np.flatnonzero(starts[i]).tolist(), length]
        for j, (low, high) in enumerate(pairwise(places)):
            words[i, j] = known.setdefault(tuple(row[low:high]), len(known))
    return Segmentation(words, counts, tuple(known), begins)


def articulation(
    tokens: Integer[np.ndarray, "n t"],
    meanings: np.ndarray,
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    threshold: float = 0.0,
    distance: str = "levenshtein",
    end: bool = False,
    draws: int = 20,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Articulation:
    """Segment messages and ask whether words mean more than symbols do (Ueda et al. 2023, section 4).

    `meanings`, `distance`, `null` and `bootstrap` as in `topsim`; words are compared as symbols are, by `distance`. `draws`: random
    segmentations. `random` and `words` are undefined where there is no boundary. Raises `UsageError` for no draws.
    """
    if draws < 1:
        raise UsageError(f"{draws} random segmentations: expected 1 or more")
    known, counts = checked(tokens, lengths)
    found = segment(known, counts, threshold=threshold, end=end)
    n, per_message = len(known), found.begins.sum(axis=1)
    how = f"branching entropy rises by more than {threshold:g} bits; end {'counted' if end else 'not counted'}"

    def shape(said: np.ndarray, _: np.ndarray) -> tuple[float | None, ...]:
        some = _begins(known[said], counts[said], threshold, end)
        words = _cut(known[said], counts[said], some)
        number = int(words.counts.sum())
        return float(some.sum(axis=1).mean()), float(len(words.vocabulary)), float(counts[said].sum() / number) if number else None

    boundaries, vocabulary, word_length = judged_together(
        shape,
        n,
        [how] * 3,
        bootstrap=bootstrap,
        seed=seed,
        reasons=["", "", "no symbols: every message is empty"],
        bounds=[(0.0, np.inf), (0.0, np.inf), (1.0, np.inf)],
    )

    def similarity(words: Segmentation, *, judge: bool) -> Value:
        return topsim(
            words.words,
            meanings,
            words.counts,
            distance=distance,
            null=null and judge,
            permutations=permutations,
            bootstrap=bootstrap if judge else 0,
            seed=seed,
        )

    characters = topsim(known, meanings, counts, distance=distance, null=null, permutations=permutations, bootstrap=bootstrap, seed=seed)
    if not found.begins.any():
        none = undefined("no boundaries: every message is one word" if n else "no messages", n, how)
        return Articulation(boundaries, vocabulary, word_length, characters, none, none)
    words = similarity(found, judge=True)
    rng = np.random.default_rng(seed)
    random = [similarity(_cut(known, counts, _drawn(counts, per_message, known.shape[1], rng)), judge=False).value for _ in range(draws)]
    kept = np.array([value for value in random if value is not None], float)
    told = f"{how}; {words.how}"
    drawn = undefined("words with random boundaries are all equally far apart", n, told)
    if len(kept):
        low, high = np.quantile(kept, [0.025, 0.975])
        drawn = Value(float(kept.mean()), float(low), float(high), n=n, how=f"{told}; {draws} random segmentations")
    return Articulation(boundaries, vocabulary, word_length, characters, words._replace(how=told), drawn)


def _drawn(lengths: np.ndarray, boundaries: np.ndarray, width: int, rng: np.random.Generator) -> Bool[np.ndarray, "n t"]:
    """As many boundaries in each message, at places drawn without replacement."""
    score = rng.random((len(lengths), width))
    score[:, :1] = 2.0  # no boundary before the first symbol
    score[np.arange(width) >= lengths[:, None]] = 2.0
    return score.argsort(axis=1).argsort(axis=1) < boundaries[:, None]
