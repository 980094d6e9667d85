"""Topographic similarity: do near meanings get near messages? (Brighton & Kirby 2006; Lazaridou et al. 2018)

Distances of all pairs i < j stand in one row of n (n - 1) / 2 numbers, (0,1) (0,2) ... (1,2) ..., as in `scipy.spatial.distance`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Integer
from scipy.spatial.distance import pdist, squareform

from semiosis.errors import UsageError, unknown
from semiosis.metrics.edits import edit_matrix
from semiosis.metrics.messages import checked, compact, distinct_messages, spoken, with_end
from semiosis.metrics.nulls import judged
from semiosis.metrics.ranks import by_size, midranks, spearman
from semiosis.metrics.value import Value, undefined

# ------------------------------------------------------------------------------------------------------ distances of messages

_Matrix = np.ndarray  # integers [u u], for each pair of distinct messages


def _edits(tokens: np.ndarray, lengths: np.ndarray) -> tuple[_Matrix, _Matrix | int]:
    return edit_matrix(tokens, lengths), 1


def _levenshtein(tokens: np.ndarray, lengths: np.ndarray) -> tuple[_Matrix, _Matrix | int]:
    return edit_matrix(tokens, lengths), _longer(lengths)


def _longer(lengths: np.ndarray) -> _Matrix | int:
    """The longer length of each pair: one number where all are the same."""
    alike = len(lengths) == 0 or bool((lengths == lengths[0]).all())
    return int(lengths.max(initial=0)) if alike else np.maximum.outer(lengths, lengths)


def _hamming(tokens: np.ndarray, lengths: np.ndarray) -> tuple[_Matrix, _Matrix | int]:
    codes = compact(tokens, lengths)
    differ = np.zeros((len(codes), len(codes)), np.min_scalar_type(codes.shape[1]))
    for column in codes.T:
        differ += column[:, None] != column
    return differ, _longer(lengths)


def _jaccard(tokens: np.ndarray, lengths: np.ndarray) -> tuple[_Matrix, _Matrix | int]:
    codes = compact(tokens, lengths)
    holds = np.zeros((len(codes), int(codes.max(initial=0)) + 1), np.float32)
    holds[np.nonzero(spoken(tokens, lengths))[0], codes[spoken(tokens, lengths)]] = 1.0
    both, size = np.rint(holds @ holds.T).astype(np.int32), holds.sum(axis=1).astype(np.int32)
    either = size[:, None] + size - both
    return either - both, either


_DISTANCES: dict[str, tuple[Callable[[np.ndarray, np.ndarray], tuple[_Matrix, _Matrix | int]], str]] = {
    "levenshtein": (_levenshtein, "Levenshtein / longer length"),
    "edits": (_edits, "Levenshtein, not divided by length"),
    "hamming": (_hamming, "Hamming / longer length"),
    "jaccard": (_jaccard, "Jaccard distance of the sets of symbols"),
}


def _told(distance: str, end: bool) -> str:
    """What `how` says of a distance of messages."""
    if distance not in _DISTANCES:
        raise unknown("distance of messages", distance, tuple(_DISTANCES))
    return f"{_DISTANCES[distance][1]}, end {'counted' if end else 'not counted'}"


def _message_levels(tokens: np.ndarray, lengths: np.ndarray, distance: str = "levenshtein") -> tuple[np.ndarray, np.ndarray]:
    """For each pair i < j the level of its distance, and the distances of the levels, rising; equal messages are compared once."""
    first, ids = distinct_messages(tokens, lengths)
    levels, whole = _DISTANCES[distance][0](tokens[first], lengths[first])
    most = int(levels.max(initial=0))
    if isinstance(whole, int):
        values = np.arange(most + 1) / max(whole, 1)
    else:
        table = np.arange(most + 1) / np.maximum(np.arange(int(whole.max(initial=0)) + 1), 1)[:, None]  # [whole, part]
        values, code = np.unique(table, return_inverse=True)
        levels = code.astype(np.uint16 if len(values) < 2**16 else np.uint32).reshape(table.shape)[whole, levels]
    rows = [levels[i].take(ids[k + 1 :]) for k, i in enumerate(ids)]
    return np.concatenate(rows or [levels.ravel()]), values


def message_distances(
    tokens: Integer[np.ndarray, "n t"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    distance: str = "levenshtein",
    end: bool = False,
) -> Float[np.ndarray, " p"]:
    """Distances of all pairs of messages, in [0, 1] unless they are `edits`.

    `levenshtein`: edits over the length of the longer message, which for messages of fixed length T is the papers' edits / T; `edits`: not
    divided; `hamming`: the share of the longer message's places at which they differ, where a message that has ended differs from one that
    has not; `jaccard`: 1 - the symbols both hold over the symbols either holds, whatever their order and number. Two empty messages are 0
    apart. `end` counts the end of each message as one more symbol. Raises `UsageError` for another distance.
    """
    _told(distance, end)
    known, counts = checked(tokens, lengths)
    levels, values = _message_levels(*(with_end(known, counts) if end else (known, counts)), distance)
    return values[levels]


# ------------------------------------------------------------------------------------------------------ distances of meanings


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
    if values.dtype.kind in "biu" and not ((values.sum(axis=1) == 1).all() and np.isin(values, (0, 1)).all()):
        # one-hot rows alone are vectors: of other whole numbers, attributes above all, the cosine means nothing
        raise UsageError("meanings are integers: expected float vectors, or attribute_distances(attributes) if these are attributes")
    return cosine_distances(values.astype(float)), "2 - 2 cos of meanings"


# --------------------------------------------------------------------------------------------------- topographic similarity


def topsim(
    tokens: Integer[np.ndarray, "n t"],
    meanings: np.ndarray,
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    distance: str = "levenshtein",
    end: bool = False,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """Spearman's rank correlation between the distances of messages and those of their meanings, over all pairs.

    `meanings`: vectors [n d], compared by `cosine_distances` (integers only as one-hot rows), or the distances of all pairs themselves.
    `distance` and `end`: of messages, as in `message_distances`. `null` adds its mean and 95 % quantile over `permutations` of the
    meanings; `bootstrap` > 0 an interval from that many resamples of the examples, in which an example drawn twice is not paired with
    itself (such pairs would tie at zero and feign similarity). Undefined where all distances are equal.
    """
    known, counts = checked(tokens, lengths)
    n, about = len(known), _told(distance, end)
    distances, how = _meaning_distances(meanings, n)
    how = f"Spearman; {about}; {how}"
    if n < 3:
        return undefined("topsim needs 3 messages or more", n, how)
    if not np.isfinite(distances).all():
        return undefined("a meaning is not finite", n, how)
    messages, values = _message_levels(*(with_end(known, counts) if end else (known, counts)), distance)
    order, x = by_size(distances)
    constant = "meanings are equally far apart" if x[-1] == 0 else "messages are equally far apart"
    return judged_pairs(
        order,
        x,
        messages[order].astype(np.int64),
        n,
        how,
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reason="constant language: all messages are equal" if values[messages.max()] == 0 else f"all {constant}",
    )


def judged_pairs(
    order: Integer[np.ndarray, " p"],
    x: Integer[np.ndarray, " p"],
    y: Integer[np.ndarray, " p"],
    n: int,
    how: str,
    *,
    null: bool,
    permutations: int,
    bootstrap: int,
    seed: int,
    reason: str,
) -> Value:
    """Spearman's correlation of the levels of two distances over the pairs of n examples, `x` and `y` in the same `order` of the pairs."""
    value = spearman(x, y)
    return judged(
        lambda *_: value,
        n,
        how,
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reason=reason,
        permuted=_permuted(order, x, y) if null and value is not None else None,
        resampled=_resampled(order, x, y, n) if bootstrap and value is not None else None,
    )


def _permuted(order: np.ndarray, x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], float]:
    """Topsim when meanings are permuted among messages: ranks stay, pairs move (Mantel 1967)."""

    def standard_ranks(levels: np.ndarray) -> np.ndarray:
        rank, mass = midranks(levels)
        ranks = np.empty(len(levels), np.float32)
        ranks[order] = (rank / np.sqrt(mass @ rank**2))[levels]
        return squareform(ranks, checks=False)

    meaning, message = standard_ranks(x), standard_ranks(y)
    # every pair stands twice in the square
    return lambda p: float(np.vdot(meaning[p].take(p, axis=1), message)) / 2


def _resampled(order: np.ndarray, x: np.ndarray, y: np.ndarray, n: int) -> Callable[[np.ndarray], float | None]:
    """Topsim of examples drawn anew: a pair weighs as often as both its ends were drawn, and ranks are counted afresh."""
    first, second = (ends[order] for ends in np.triu_indices(n, 1))

    def again(rows: np.ndarray) -> float | None:
        times = np.bincount(rows, minlength=n).astype(float)
        return spearman(x, y, times[first] * times[second])

    return again
