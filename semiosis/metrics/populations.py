"""Many speakers and listeners: do they speak alike, and does a message reach whom it was not made for?"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.special import log_softmax, logsumexp

from semiosis.errors import UsageError
from semiosis.metrics.edits import edit_counts
from semiosis.metrics.intervals import bootstrap
from semiosis.metrics.messages import checked
from semiosis.metrics.value import Value, undefined


def edit_distance(messages: Integer[np.ndarray, "a n t"], lengths: Integer[np.ndarray, "a n"] | None = None) -> Value:
    """How differently speakers name the same input: Levenshtein over the longer length (T where it is fixed), mean over pairs of speakers.

    In [0, 1], with a bootstrap interval over inputs; undefined for one speaker (Chaabouni et al. 2022).
    """
    tokens, counts = checked(messages, lengths)
    if tokens.ndim != 3:
        raise UsageError(f"messages of shape {tokens.shape}: expected tokens [speakers, n, t]")
    how = "Levenshtein / longer length, end not counted"
    speakers, n = counts.shape
    if speakers < 2:
        return undefined("needs 2 speakers or more", n, how)
    if n == 0:
        return undefined("no messages", n, how)
    pairs = list(combinations(range(speakers), 2))
    total = sum(edit_counts(tokens, counts, i, j) / np.maximum(np.maximum(counts[i], counts[j]), 1) for i, j in pairs)
    mean, low, high = bootstrap(np.asarray(total) / len(pairs))
    return Value(mean, low, high, n=n, how=how)


def synchrony(messages: Integer[np.ndarray, "a n t"], lengths: Integer[np.ndarray, "a n"] | None = None) -> Value:
    """How alike speakers name the same input: 1 - `edit_distance`; undefined for one speaker (Rita et al. 2022)."""
    apart = edit_distance(messages, lengths)
    value, low, high = (None if x is None else 1.0 - x for x in (apart.value, apart.high, apart.low))
    return apart._replace(value=value, low=low, high=high)


def vote(scores: Float[np.ndarray, "l n ... c"]) -> Integer[np.ndarray, "n ..."]:
    """What listeners guess together: the argmax of the mean of their probabilities.

    `scores`: log-probabilities of each listener, up to a constant; the mean is taken in logs, so that no probability is lost to rounding.
    """
    return np.argmax(logsumexp(log_softmax(np.asarray(scores, float), axis=-1), axis=0), axis=-1)


class CrossPlay(NamedTuple):
    """Who understands whom, from a matrix of accuracies [speakers, listeners]; `gap` is `diagonal` - `off_diagonal`."""

    mean: Value
    diagonal: Value
    off_diagonal: Value
    gap: Value
    in_partner: Value
    out_partner: Value


def cross_play(matrix: Float[np.ndarray, "s l"], partners: Bool[np.ndarray, "s l"] | None = None) -> CrossPlay:
    """Accuracy of all pairs, of speaker i with listener i, of all others, and of those who trained together (`partners`) and who did not.

    `n` counts pairs. Undefined, with the reason, where no such pair exists: the diagonal unless there are as many speakers as listeners.
    """
    played = np.asarray(matrix, float)
    together = None if partners is None else np.asarray(partners, bool)
    if played.ndim != 2 or (together is not None and together.shape != played.shape):
        other = "" if together is None else f", partners of shape {together.shape}"
        raise UsageError(f"matrix of shape {played.shape}{other}: expected [speakers, listeners]")

    def mean(where: np.ndarray, none: str) -> Value:
        return Value(float(played[where].mean()), n=int(where.sum())) if where.any() else undefined(none)

    square = played.shape[0] == played.shape[1]
    own = np.eye(*played.shape, dtype=bool)
    unequal = undefined(f"{played.shape[0]} speakers and {played.shape[1]} listeners: nobody's own partner is known")
    diagonal = mean(own, "no pairs") if square else unequal
    off_diagonal = mean(~own, "one pair only") if square else unequal
    gap = off_diagonal._replace(n=played.size)
    if diagonal.value is not None and off_diagonal.value is not None:
        gap = gap._replace(value=diagonal.value - off_diagonal.value)
    untold = undefined("partners not given")
    return CrossPlay(
        mean(np.full(played.shape, True), "no pairs"),
        diagonal,
        off_diagonal,
        gap,
        untold if together is None else mean(together, "no pair trained together"),
        untold if together is None else mean(~together, "all pairs trained together"),
    )
