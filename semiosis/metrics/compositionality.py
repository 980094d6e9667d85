"""Topographic similarity: do near meanings get near messages? (Brighton & Kirby 2006; Lazaridou et al. 2018)

Distances of all pairs i < j stand in one row of n (n - 1) / 2 numbers, (0,1) (0,2) ... (1,2) ..., as in `scipy.spatial.distance`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer
from scipy.spatial.distance import pdist, squareform

from semiosis.errors import UsageError
from semiosis.metrics.edits import edit_matrix
from semiosis.metrics.messages import checked, distinct_messages
from semiosis.metrics.nulls import permutation_null
from semiosis.metrics.ranks import by_size, midranks, spearman
from semiosis.metrics.value import Value, undefined

_HOW = "Spearman; Levenshtein / longer length, end not counted; "


def _message_levels(tokens: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each pair i < j the level of its distance, and the distances of the levels, rising; equal messages are compared once."""
    first, ids = distinct_messages(tokens, lengths)
    levels, lengths = edit_matrix(tokens[first], lengths[first]), lengths[first]
    most = int(lengths.max(initial=0))
    values = np.arange(most + 1) / max(most, 1)
    if len(set(lengths.tolist())) > 1:
        table = np.arange(most + 1) / np.maximum(np.arange(most + 1), 1)[:, None]  # [longer length, edits]
        values, code = np.unique(table, return_inverse=True)
        levels = code.astype(np.uint16 if len(values) < 2**16 else np.uint32).reshape(table.shape)[
            np.maximum.outer(lengths, lengths), levels
        ]
    rows = [levels[i].take(ids[k + 1 :]) for k, i in enumerate(ids)]
    return np.concatenate(rows or [levels.ravel()]), values


def message_distances(tokens: Integer[np.ndarray, "n t"], lengths: Integer[np.ndarray, " n"] | None = None) -> Float[np.ndarray, " p"]:
    """Levenshtein distance over the length of the longer message, in [0, 1].

    For messages of fixed length T that is the papers' edits / T. Two empty messages are 0 apart. The end is not a symbol: to count it as
    one, pass tokens that hold it and lengths one longer.
    """
    levels, values = _message_levels(*checked(tokens, lengths))
    return values[levels]


def cosine_distances(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " p"]:
    """Squared distance of unit vectors, 2 - 2 cos, in [0, 4]; a zero vector is its own unit vector, so 1 from all others.

    Rounded to 12 decimals: distances that are equal on paper tie, whatever the order of a sum. Takes 8 n^2 bytes.
    """
    vectors = np.asarray(x, float)
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(norm > 0, norm, 1.0)
    # the pair's two squared lengths, each 1 (or 0), less twice the product
    square = (norm[:, 0] > 0).astype(float)
    return np.maximum(np.round(squareform(square[:, None] + square - 2 * unit @ unit.T, checks=False), 12), 0.0)


def attribute_distances(attributes: Integer[np.ndarray, "n k"]) -> Float[np.ndarray, " p"]:
    """Twice the share of attributes that differ, in [0, 2]: the mean over attributes of 2 - 2 cos of their one-hot rows."""
    return 2.0 * pdist(np.asarray(attributes, float), "hamming")


def _meaning_distances(meanings: np.ndarray, n: int) -> tuple[np.ndarray, str]:
    """Distances of all pairs, from meanings [n d] or already computed [n (n - 1) / 2], and how they came about."""
    values = np.asarray(meanings)
    if values.shape == (n * (n - 1) // 2,):
        return np.asarray(values, float), "given meaning distances"
    if values.ndim != 2 or len(values) != n:
        raise UsageError(
            f"meanings of shape {values.shape} for {n} messages: expected vectors [{n}, d] or {n * (n - 1) // 2} distances of pairs"
        )
    if values.dtype.kind in "iu" and values.size and values.max() > 1:
        raise UsageError("meanings are integers: expected float vectors, or attribute_distances(attributes) if these are attributes")
    return cosine_distances(values), "2 - 2 cos of meanings"


def topsim(
    tokens: Integer[np.ndarray, "n t"],
    meanings: np.ndarray,
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """Spearman's rank correlation between the distances of messages and those of their meanings, over all pairs.

    `meanings`: vectors [n d], compared by `cosine_distances`, or the distances of all pairs themselves. `null` adds its mean and 95 %
    quantile over `permutations` of the meanings; `bootstrap` > 0 an interval from that many resamples of the examples, in which an example
    drawn twice is not paired with itself (such pairs would tie at zero and feign similarity). Undefined where all distances are equal.
    """
    tokens, counts = checked(tokens, lengths)
    n = len(tokens)
    distances, how = _meaning_distances(meanings, n)
    how = _HOW + how
    if n < 3:
        return undefined("topsim needs 3 messages or more", n, how)
    if not np.isfinite(distances).all():
        return undefined("a meaning is not finite", n, how)
    messages, _ = _message_levels(tokens, counts)
    order, x = by_size(distances)
    y = messages[order].astype(np.int64)
    value = spearman(x, y)
    if value is None:
        constant = "meanings are equally far apart" if x[-1] == 0 else "messages are equally far apart"
        return undefined("constant language: all messages are equal" if messages.max() == 0 else f"all {constant}", n, how)
    low, high = _bootstrap(order, x, y, n, bootstrap, seed) if bootstrap else (None, None)
    chance, chance_high = _null(order, x, y, n, permutations, seed) if null else (None, None)
    return Value(value, low, high, chance, chance_high, n, how=how)


def _null(order: np.ndarray, x: np.ndarray, y: np.ndarray, n: int, permutations: int, seed: int) -> tuple[float | None, float | None]:
    """Mean and 95 % quantile of topsim when meanings are permuted among messages: ranks stay, pairs move (Mantel 1967)."""

    def standard_ranks(levels: np.ndarray) -> np.ndarray:
        rank, mass = midranks(levels)
        ranks = np.empty(len(levels), np.float32)
        ranks[order] = (rank / np.sqrt(mass @ rank**2))[levels]
        return squareform(ranks, checks=False)

    meaning, message = standard_ranks(x), standard_ranks(y)
    # every pair stands twice in the square
    return permutation_null(lambda p: float(np.vdot(meaning[p].take(p, axis=1), message)) / 2, n, permutations, seed)


def _bootstrap(order: np.ndarray, x: np.ndarray, y: np.ndarray, n: int, resamples: int, seed: int) -> tuple[float | None, float | None]:
    """Percentile interval over examples drawn anew: a pair weighs as often as both its ends were drawn, and ranks are counted afresh."""
    rng = np.random.default_rng(seed)
    first, second = (ends[order] for ends in np.triu_indices(n, 1))
    drawn = []
    for _ in range(resamples):
        times = np.bincount(rng.integers(n, size=n), minlength=n).astype(float)
        drawn.append(spearman(x, y, times[first] * times[second]))
    known = [value for value in drawn if value is not None]
    return (float(np.quantile(known, 0.025)), float(np.quantile(known, 0.975))) if known else (None, None)
