"""How much messages say, in bits: entropies, mutual information, and the statistics of symbols.

Plug-in entropies are too low by about (K - 1) / 2N nats (K values seen among N examples), so plug-in mutual information is too high: a
random language of 50 symbols for 10 labels shows 2 bits at N = 100. So ask for `null`, or for Miller & Madow's correction, which adds
that term; both fail where most messages occur once.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer

from semiosis.errors import UsageError, unknown
from semiosis.metrics.messages import checked, message_ids, spoken
from semiosis.metrics.nulls import permutation_null
from semiosis.metrics.value import Value, undefined

ESTIMATORS = ("plug-in", "miller-madow")
_END = "; end not counted"
_EMPTY = "no messages"


def entropy(values: Integer[np.ndarray, " n"], estimator: str = "plug-in") -> float:
    """Entropy in bits of integers, by their frequencies (0 of nothing); `miller-madow` adds (K - 1) / 2N nats (Miller 1955)."""
    if estimator not in ESTIMATORS:
        raise unknown("estimator", estimator, ESTIMATORS)
    if len(values) == 0:
        return 0.0
    counts = np.bincount(_dense(values))
    counts = counts[counts > 0]
    total = counts.sum()
    plug_in = float(np.log2(total) - (counts * np.log2(counts)).sum() / total)
    correction = (len(counts) - 1) / (2 * total * np.log(2)) if estimator == "miller-madow" else 0.0
    return max(0.0, plug_in) + float(correction)


def _dense(values: np.ndarray) -> np.ndarray:
    """The same integers from 0, in few enough steps that counting them needs no sorting."""
    whole = values.astype(np.int64)
    low, high = (int(whole.min()), int(whole.max())) if len(whole) else (0, 0)
    return whole - low if high - low < 4 * len(whole) + 1024 else np.unique_inverse(whole).inverse_indices


def _joint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One integer for each pair of values."""
    second = _dense(y)
    return _dense(x) * (int(second.max(initial=0)) + 1) + second


def shared_bits(x: Integer[np.ndarray, " n"], y: Integer[np.ndarray, " n"], estimator: str = "plug-in") -> float:
    """I(x; y) = H(x) + H(y) - H(x, y) in bits; the plug-in is never negative, the corrected may be."""
    bits = entropy(x, estimator) + entropy(y, estimator) - entropy(_joint(x, y), estimator)
    return max(0.0, bits) if estimator == "plug-in" else bits


def _labelled(tokens: object, labels: object, lengths: object) -> tuple[np.ndarray, np.ndarray]:
    ids, known = message_ids(tokens, lengths), np.asarray(labels)
    if known.shape != ids.shape or known.dtype.kind not in "iu":
        raise UsageError(f"labels of shape {known.shape} and type {known.dtype}: expected {len(ids)} integers")
    return ids, known


def message_entropy(tokens: np.ndarray, lengths: np.ndarray | None = None, estimator: str = "plug-in") -> Value:
    """H(M) of whole messages, in bits."""
    ids = message_ids(tokens, lengths)
    how = estimator + _END
    return Value(entropy(ids, estimator), n=len(ids), how=how) if len(ids) else undefined(_EMPTY, how=how)


def mutual_information(
    tokens: np.ndarray,
    labels: Integer[np.ndarray, " n"],
    lengths: np.ndarray | None = None,
    estimator: str = "plug-in",
    *,
    null: bool = False,
    permutations: int = 100,
    seed: int = 0,
) -> Value:
    """I(M; X) in bits between whole messages and labels; `null` adds its mean and 95 % quantile with labels permuted, which is its bias."""
    ids, known = _labelled(tokens, labels, lengths)
    how = estimator + _END
    if len(ids) == 0:
        return undefined(_EMPTY, how=how)
    value = shared_bits(ids, known, estimator)
    chance = permutation_null(lambda p: shared_bits(ids, known[p], estimator), len(ids), permutations, seed) if null else (None, None)
    return Value(value, null=chance[0], null_high=chance[1], n=len(ids), how=how)


def determinism(
    tokens: np.ndarray, labels: Integer[np.ndarray, " n"], lengths: np.ndarray | None = None, estimator: str = "plug-in"
) -> Value:
    """H(M | X) in bits: 0 where every label has one message."""
    ids, known = _labelled(tokens, labels, lengths)
    return _given(ids, known, estimator)


def ambiguity(
    tokens: np.ndarray, labels: Integer[np.ndarray, " n"], lengths: np.ndarray | None = None, estimator: str = "plug-in"
) -> Value:
    """H(X | M) in bits: 0 where every message names one label."""
    ids, known = _labelled(tokens, labels, lengths)
    return _given(known, ids, estimator)


def _given(what: np.ndarray, given: np.ndarray, estimator: str) -> Value:
    """H(what | given) = H(what, given) - H(given)."""
    how = estimator + _END
    if len(what) == 0:
        return undefined(_EMPTY, how=how)
    bits = entropy(_joint(what, given), estimator) - entropy(given, estimator)
    return Value(max(0.0, bits) if estimator == "plug-in" else bits, n=len(what), how=how)


def distinct(tokens: np.ndarray, lengths: np.ndarray | None = None) -> Value:
    """How many different messages were said."""
    ids = message_ids(tokens, lengths)
    return Value(float(len(set(ids.tolist()))), n=len(ids))


def distinct_ratio(tokens: np.ndarray, lengths: np.ndarray | None = None) -> Value:
    """Different messages over messages said, in (0, 1]."""
    count = distinct(tokens, lengths)
    return count._replace(value=(count.value or 0.0) / count.n) if count.n else undefined(_EMPTY)


def _symbols(tokens: np.ndarray, lengths: np.ndarray | None) -> tuple[np.ndarray, int]:
    """All symbols said, in one row, and the number of messages."""
    known, counts = checked(tokens, lengths)
    return known[spoken(known, counts)], len(known)


def active_symbols(tokens: np.ndarray, lengths: np.ndarray | None = None) -> Value:
    """How many different symbols were said; the end is none."""
    symbols, n = _symbols(tokens, lengths)
    return Value(float(len(set(symbols.tolist()))), n=n, how="end not counted")


def symbol_perplexity(tokens: np.ndarray, lengths: np.ndarray | None = None) -> Value:
    """2^H of the frequencies of symbols, positions taken together: as many equally frequent symbols would be as surprising."""
    symbols, n = _symbols(tokens, lengths)
    how = "plug-in" + _END
    return Value(2.0 ** entropy(symbols), n=n, how=how) if len(symbols) else undefined("no symbols: every message is empty", n, how)


def mean_length(tokens: np.ndarray, lengths: np.ndarray | None = None) -> Value:
    """Mean number of symbols before the end."""
    _, counts = checked(tokens, lengths)
    return Value(float(counts.mean()), n=len(counts), how="end not counted") if len(counts) else undefined(_EMPTY)
