"""How much messages say, in bits: entropies, mutual information, and the statistics of symbols.

Plug-in entropies are too low by about (K - 1) / 2N nats (K values seen among N examples), so plug-in mutual information is too high: a
random language of 50 symbols for 10 labels shows 2 bits at N = 100. So ask for `null`, which is that bias, or for a corrected estimator;
none of them knows much of a language whose messages nearly all occur once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Integer
from scipy.special import betaln, gammaln, polygamma, psi

from semiosis.errors import UsageError, unknown
from semiosis.metrics import intervals
from semiosis.metrics.messages import checked, message_ids, spoken
from semiosis.metrics.nulls import permutation_null
from semiosis.metrics.value import Value, undefined

ESTIMATORS = ("plug-in", "miller-madow", "chao-shen", "nsb")
_END = "; end not counted"
_EMPTY = "no messages"

# ----------------------------------------------------------------------------------------------------------- estimators


def entropy(values: Integer[np.ndarray, " n"], estimator: str = "plug-in", support: float | int | None = None) -> float:
    """Entropy in bits of integers, by their frequencies (0 of nothing).

    `plug-in`: of the frequencies themselves. `miller-madow` adds (K - 1) / 2N nats (Miller 1955). `chao-shen` shares out what unseen
    values may have (Chao and Shen 2003). `nsb` is the Bayesian mean under a prior that is flat in the entropy (Nemenman et al. 2002), for
    `support` possible values: as many as were seen if it is not given, which fits labels and not messages.
    """
    return counted_entropy(np.bincount(_dense(values)), estimator, support)


def counted_entropy(counts: Integer[np.ndarray, " k"], estimator: str = "plug-in", support: float | int | None = None) -> float:
    """`entropy` from how often each value was seen."""
    if estimator not in ESTIMATORS:
        raise unknown("estimator", estimator, ESTIMATORS)
    known = np.asarray(counts)
    some = known[known > 0]
    if support is not None and support < len(some):
        raise UsageError(f"support is {support}: {len(some)} different values were seen")
    if len(some) == 0:
        return 0.0
    if estimator == "chao-shen":
        return _chao_shen(some)
    if estimator == "nsb":
        return _nsb(some, float(len(some) if support is None else support))
    total = some.sum()
    plug_in = float(np.log2(total) - (some * np.log2(some)).sum() / total)
    correction = (len(some) - 1) / (2 * total * np.log(2)) if estimator == "miller-madow" else 0.0
    return max(0.0, plug_in) + float(correction)


def _chao_shen(counts: np.ndarray) -> float:
    """Horvitz and Thompson's sum over values seen, their shares scaled by Good's coverage, 1 - (values seen once) / N."""
    total, once = int(counts.sum()), int((counts == 1).sum())
    if len(counts) == 1:
        return 0.0
    shares = (1 - min(once, total - 1) / total) * counts / total  # where all occur once the coverage would be 0: one is taken as known
    return float(-(shares * np.log2(shares) / -np.expm1(total * np.log1p(-shares))).sum())


def _nsb(counts: np.ndarray, support: float) -> float:
    """Posterior mean of the entropy, over symmetric Dirichlet priors of all concentrations b, weighted so that the entropy expected
    beforehand, psi(K b + 1) - psi(b + 1), is uniform; integrated over log b by the trapezoid rule where the posterior is."""
    if support <= 1:
        return 0.0
    size, times = np.unique(counts, return_counts=True)
    total, unseen = float(counts.sum()), support - len(counts)

    def weight(log_b: np.ndarray) -> np.ndarray:
        b = np.exp(log_b)
        all_ = support * b
        # log of the evidence, as beta functions: their arguments may be far apart
        evidence = betaln(all_, total) - gammaln(total) - times @ (betaln(b, size[:, None]) - gammaln(size)[:, None])
        slope = support * polygamma(1, all_ + 1) - polygamma(1, b + 1)  # of the expected entropy by b: the prior's density
        return evidence + np.log(np.maximum(slope, 1e-300)) + log_b

    wide = np.linspace(-np.log(support) - 25, 25, 1000)
    rough = weight(wide)
    near = wide[rough > rough.max() - 40]
    step = wide[1] - wide[0]
    log_b = np.linspace(near[0] - step, near[-1] + step, 1000)
    fine = weight(log_b)
    mass, b = np.exp(fine - fine.max()), np.exp(log_b)
    share = (size[:, None] + b) / (total + support * b)
    expected = psi(total + support * b + 1) - times @ (share * psi(size[:, None] + b + 1)) - unseen * b / (total + support * b) * psi(b + 1)
    return float(np.trapezoid(mass * expected, log_b) / np.trapezoid(mass, log_b) / np.log(2))


def _dense(values: np.ndarray) -> np.ndarray:
    """The same integers from 0, in few enough steps that counting them needs no sorting."""
    whole = np.asarray(values).astype(np.int64)
    low, high = (int(whole.min()), int(whole.max())) if len(whole) else (0, 0)
    return whole - low if high - low < 4 * len(whole) + 1024 else np.unique_inverse(whole).inverse_indices


def paired_ids(x: Integer[np.ndarray, " n"], y: Integer[np.ndarray, " n"]) -> Integer[np.ndarray, " n"]:
    """One integer for each pair of values."""
    second = _dense(y)
    return _dense(x) * (int(second.max(initial=0)) + 1) + second


def _seen(values: np.ndarray) -> int:
    return int(np.count_nonzero(np.bincount(_dense(values))))


def shared_bits(x: Integer[np.ndarray, " n"], y: Integer[np.ndarray, " n"], estimator: str = "plug-in") -> float:
    """I(x; y) = H(x) + H(y) - H(x, y) in bits; the plug-in is never negative, the corrected may be."""
    bits = entropy(x, estimator) + entropy(y, estimator) - _joint_entropy(x, y, estimator)
    return max(0.0, bits) if estimator == "plug-in" else bits


def _joint_entropy(x: np.ndarray, y: np.ndarray, estimator: str) -> float:
    """H(x, y): of a pair every value seen of one may meet every value seen of the other."""
    return entropy(paired_ids(x, y), estimator, _seen(x) * _seen(y) if estimator == "nsb" else None)


# ----------------------------------------------------------------------------------------------- messages and labels


def about(value: float, drawn: Sequence[float] | np.ndarray, floor: float | None = None) -> tuple[float | None, float | None]:
    """The 95 % range of resamples, moved so that their mean is `value`, and cut off at `floor`.

    Resamples repeat examples, so that a plug-in number is biased in each once more; their spread is what is wanted, not that shift.
    """
    if not len(drawn):
        return None, None
    low, high = value + np.quantile(drawn, [0.025, 0.975]) - np.mean(drawn)
    low, high = min(float(low), value), max(float(high), value)
    return (low if floor is None else max(low, floor)), high


def _resampled_counts(counts: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Counts [b k] of as many examples drawn anew: whichever examples are drawn, only how often each value is drawn matters."""
    total = counts.sum()
    return np.random.default_rng(seed).multinomial(total, counts / total, size=resamples)


def _labelled(tokens: object, labels: object, lengths: object) -> tuple[np.ndarray, np.ndarray]:
    ids, known = message_ids(tokens, lengths), np.asarray(labels)
    if known.shape != ids.shape or known.dtype.kind not in "iu":
        raise UsageError(f"labels of shape {known.shape} and type {known.dtype}: expected {len(ids)} integers")
    return ids, known


def told(
    x: Integer[np.ndarray, " n"],
    y: Integer[np.ndarray, " n"],
    combine: Callable[[float, float, float], float],
    estimator: str = "plug-in",
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
    how: str | None = None,
) -> Value:
    """A number of bits, `combine(H(x), H(y), H(x, y))`, of integers x and y; the rest as in `mutual_information`."""
    how = (estimator + _END if how is None else how) + ("; bootstrap about the value" if bootstrap else "")
    n = len(x)
    if n == 0:
        return undefined(_EMPTY, how=how)

    def number(first: float, second: float, both: float) -> float:
        bits = combine(first, second, both)
        return max(0.0, bits) if estimator == "plug-in" else bits

    first, second = entropy(x, estimator), entropy(y, estimator)
    value = number(first, second, _joint_entropy(x, y, estimator))
    chance = (None, None)
    if null:
        chance = permutation_null(lambda p: number(first, second, _joint_entropy(x, y[p], estimator)), n, permutations, seed)
    low, high = None, None
    if bootstrap and n > 1:
        cells, counts = np.unique(paired_ids(x, y), return_counts=True)
        width = int(_dense(y).max(initial=0)) + 1
        rows, columns = cells // width, cells % width

        def of(drawn: np.ndarray) -> float:
            one, two = (counted_entropy(np.bincount(side, drawn).astype(np.int64), estimator) for side in (rows, columns))
            some = drawn > 0
            size = len(set(rows[some])) * len(set(columns[some])) if estimator == "nsb" else None
            return number(one, two, counted_entropy(drawn, estimator, size))

        drawn = [of(row) for row in _resampled_counts(counts, bootstrap, seed)]
        low, high = about(value, drawn, 0.0 if estimator == "plug-in" else None)
    return Value(value, low, high, *chance, n=n, how=how)


def message_entropy(
    tokens: np.ndarray,
    lengths: np.ndarray | None = None,
    estimator: str = "plug-in",
    *,
    support: float | int | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """H(M) of whole messages, in bits; `support` is how many messages are possible (for `nsb`), `bootstrap` > 0 adds an interval."""
    counts = np.bincount(message_ids(tokens, lengths))
    size = "" if estimator != "nsb" else f", {len(counts) if support is None else support:g} possible messages"
    how = f"{estimator}{size}{_END}" + ("; bootstrap about the value" if bootstrap else "")
    n = int(counts.sum())
    if n == 0:
        return undefined(_EMPTY, how=how)
    value = counted_entropy(counts, estimator, support)
    drawn = [counted_entropy(row, estimator, support) for row in _resampled_counts(counts, bootstrap, seed)]
    return Value(value, *about(value, drawn if n > 1 else [], 0.0), n=n, how=how)


def mutual_information(
    tokens: np.ndarray,
    labels: Integer[np.ndarray, " n"],
    lengths: np.ndarray | None = None,
    estimator: str = "plug-in",
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """I(M; X) in bits between whole messages and labels; `null` adds its mean and 95 % quantile with labels permuted, which is its bias.

    `bootstrap` > 0 adds the 95 % range of that many resamples of the examples, moved about the value (see `about`).
    """
    ids, known = _labelled(tokens, labels, lengths)
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    return told(ids, known, lambda m, x, both: m + x - both, estimator, **options)


def determinism(
    tokens: np.ndarray,
    labels: Integer[np.ndarray, " n"],
    lengths: np.ndarray | None = None,
    estimator: str = "plug-in",
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """H(M | X) in bits: 0 where every label has one message."""
    ids, known = _labelled(tokens, labels, lengths)
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    return told(ids, known, lambda _, x, both: both - x, estimator, **options)


def ambiguity(
    tokens: np.ndarray,
    labels: Integer[np.ndarray, " n"],
    lengths: np.ndarray | None = None,
    estimator: str = "plug-in",
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """H(X | M) in bits: 0 where every message names one label."""
    ids, known = _labelled(tokens, labels, lengths)
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    return told(ids, known, lambda m, _, both: both - m, estimator, **options)


def distinct(tokens: np.ndarray, lengths: np.ndarray | None = None) -> Value:
    """How many different messages were said."""
    ids = message_ids(tokens, lengths)
    return Value(float(len(set(ids.tolist()))), n=len(ids))


def distinct_ratio(tokens: np.ndarray, lengths: np.ndarray | None = None) -> Value:
    """Different messages over messages said, in (0, 1]."""
    count = distinct(tokens, lengths)
    return count._replace(value=(count.value or 0.0) / count.n) if count.n else undefined(_EMPTY)


def effective_number(values: Integer[np.ndarray, " n"], order: float | int = 1) -> Value:
    """As many equally frequent values would be as diverse: Hill's (1973) number, (sum p^q)^(1 / (1 - q)); exp of the entropy for q = 1.

    Order 0 counts all values alike, order 2 is one over the chance that two examples have the same value. Plug-in: too low where values
    are rare. Raises `UsageError` for a negative order.
    """
    if not 0 <= order < np.inf:
        raise UsageError(f"order is {order}: expected a number from 0")
    how = f"Hill number of order {order:g}, plug-in"
    counts = np.bincount(_dense(values))
    n = int(counts.sum())
    if n == 0:
        return undefined("no examples", how=how)
    shares = counts[counts > 0] / n
    number = 2.0 ** counted_entropy(counts) if order == 1 else float((shares**order).sum() ** (1 / (1 - order)))
    return Value(number, n=n, how=how)


# -------------------------------------------------------------------------------------------------------------- symbols


def symbols_said(tokens: np.ndarray, lengths: np.ndarray | None = None, end: bool = False) -> tuple[np.ndarray, np.ndarray, int]:
    """All symbols said in one row, from 0, the message of each, and the number of messages.

    `end`: each message is followed by its end, which is one more symbol, the last.
    """
    known, counts = checked(tokens, lengths)
    n = len(known)
    if end:
        known = np.concatenate([known, np.zeros((n, 1), np.int64)], axis=1)
    place = np.arange(known.shape[1])
    stop = place == counts[:, None]
    here = spoken(known, counts)
    alphabet, codes = np.unique(known[here], return_inverse=True)
    row = np.zeros(known.shape, np.int64)
    row[here] = codes
    row[stop] = len(alphabet)
    here = here | stop if end else here
    return row[here], np.nonzero(here)[0], n


def end_rule(end: bool) -> str:
    """How a metric says whether the end of a message was a symbol."""
    return f"end {'counted' if end else 'not counted'}"


def active_symbols(tokens: np.ndarray, lengths: np.ndarray | None = None) -> Value:
    """How many different symbols were said; the end is none."""
    symbols, _, n = symbols_said(tokens, lengths)
    return Value(float(len(set(symbols.tolist()))), n=n, how="end not counted")


def symbol_perplexity(
    tokens: np.ndarray, lengths: np.ndarray | None = None, *, end: bool = False, bootstrap: int = 0, seed: int = 0
) -> Value:
    """2^H of the frequencies of symbols, positions taken together: as many equally frequent symbols would be as surprising.

    `end`: each message's end counts as one more symbol. `bootstrap` > 0 adds an interval over messages.
    """
    symbols, message, n = symbols_said(tokens, lengths, end)
    how = f"plug-in; {end_rule(end)}" + ("; bootstrap about the value" if bootstrap else "")
    if not len(symbols):
        return undefined("no symbols: every message is empty" if n else _EMPTY, n, how)
    value = 2.0 ** entropy(symbols)
    rng = np.random.default_rng(seed)
    drawn = [2.0 ** _weighted_entropy(symbols, _times(rng, n)[message]) for _ in range(bootstrap if n > 1 else 0)]
    return Value(value, *about(value, drawn, 1.0), n=n, how=how)


def _times(rng: np.random.Generator, n: int) -> Integer[np.ndarray, " n"]:
    """How often each of n examples is drawn in a resample."""
    return np.bincount(rng.integers(n, size=n), minlength=n)


def _weighted_entropy(values: np.ndarray, times: np.ndarray) -> float:
    return counted_entropy(np.bincount(values, times).astype(np.int64))


def mean_length(tokens: np.ndarray, lengths: np.ndarray | None = None, *, end: bool = False, bootstrap: int = 0, seed: int = 0) -> Value:
    """Mean number of symbols before the end, with the end where `end`; `bootstrap` > 0 adds an interval over messages."""
    _, counts = checked(tokens, lengths)
    how = end_rule(end)
    if not len(counts):
        return undefined(_EMPTY, how=how)
    sizes = counts.astype(float) + end
    _, low, high = intervals.bootstrap(sizes, resamples=bootstrap, seed=seed) if bootstrap else (None, None, None)
    return Value(float(sizes.mean()), low, high, n=len(counts), how=how)
