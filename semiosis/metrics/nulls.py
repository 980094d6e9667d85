"""What a metric would be if messages and meanings had nothing to do with each other, and how far it moves with the inputs drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from semiosis.errors import UsageError
from semiosis.metrics.value import Value, undefined

Rows = np.ndarray  # integers [n]: places of examples
Bounds = tuple[float, float]  # the least and the greatest that a metric can be
Statistic = Callable[[Rows, Rows], float | None]  # rows of messages, rows of meanings -> the number, None where it has no meaning


def permutation_null(
    statistic: Callable[[np.ndarray], float | None], n: int, permutations: int, seed: int
) -> tuple[float | None, float | None]:
    """Mean and 95 % quantile of `statistic(order)` over random orders of n examples; orders where it is undefined are left out."""
    rng = np.random.default_rng(seed)
    drawn = [statistic(rng.permutation(n)) for _ in range(permutations)]
    return _null([(value,) for value in drawn], 0)


def judged(
    statistic: Statistic,
    n: int,
    how: str,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
    reason: str,
    bounds: Bounds | None = None,
    permuted: Callable[[Rows], float | None] | None = None,
    resampled: Callable[[Rows], float | None] | None = None,
) -> Value:
    """A metric of n examples with its null and its interval: `statistic(rows of messages, rows of meanings)` evaluated on rows drawn anew.

    `null`: mean and 95 % quantile over `permutations` of the meanings. `bootstrap` > 0: the percentile interval of that many resamples of
    the examples (Efron 1979). Examples that repeat look like structure, so numbers made of entropies or of best matches come out too high
    in each resample once more: with `bounds`, the least and greatest the metric can be, the interval is moved so that the mean of the
    resamples is the value, cut off there, and `how` says so. `reason`: why there is no number where `statistic` is None. `permuted(order)`
    and `resampled(rows)` may stand in for it where much of the work does not change. Draws where it is None are left out. Raises
    `UsageError` for a null of no permutations.
    """
    return judged_together(
        lambda said, meant: (statistic(said, meant),),
        n,
        [how],
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reasons=[reason],
        bounds=[bounds],
        permuted=_single(permuted),
        resampled=_single(resampled),
    )[0]


def judged_together(
    statistic: Callable[[Rows, Rows], Sequence[float | None]],
    n: int,
    hows: Sequence[str],
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
    reasons: Sequence[str],
    bounds: Sequence[Bounds | None] | None = None,
    permuted: Callable[[Rows], Sequence[float | None]] | None = None,
    resampled: Callable[[Rows], Sequence[float | None]] | None = None,
) -> tuple[Value, ...]:
    """As `judged`, for several metrics that one pass computes together: one `how`, one `reason`, and one pair of bounds or None each."""
    if null and permutations < 1:
        raise UsageError(f"{permutations} permutations for a null: expected 1 or more")
    if bootstrap < 0:
        raise UsageError(f"bootstrap of {bootstrap} resamples: expected 0, for none, or more")
    if n == 0:
        return tuple(undefined("no messages", 0, how) for how in hows)
    everyone = np.arange(n)
    values = statistic(everyone, everyone)
    known = any(value is not None for value in values)
    shuffled: list[Sequence[float | None]] = []
    drawn: list[Sequence[float | None]] = []
    if null and known:
        rng, anew = np.random.default_rng(seed), permuted or (lambda rows: statistic(everyone, rows))
        shuffled = [anew(rng.permutation(n)) for _ in range(permutations)]
    if known and n > 1:
        rng, again = np.random.default_rng(seed), resampled or (lambda rows: statistic(rows, rows))
        drawn = [again(rng.integers(n, size=n)) for _ in range(bootstrap)]
    found = []
    limits = bounds or [None] * len(hows)
    for place, (value, how, reason, limit) in enumerate(zip(values, hows, reasons, limits, strict=True)):
        if value is None:
            found.append(undefined(reason, n, how))
        else:
            low, high = _interval(_column(drawn, place), float(value), limit)
            told = how + ("; bootstrap about the value" if limit is not None and low is not None else "")
            found.append(Value(float(value), low, high, *_null(shuffled, place), n=n, how=told))
    return tuple(found)


def _single(function: Callable[[Rows], float | None] | None) -> Callable[[Rows], Sequence[float | None]] | None:
    return None if function is None else lambda rows: (function(rows),)


def _column(draws: Sequence[Sequence[float | None]], place: int) -> np.ndarray:
    """The numbers of one metric, those that are undefined left out."""
    return np.array([value for draw in draws if (value := draw[place]) is not None], float)


def _null(draws: Sequence[Sequence[float | None]], place: int) -> tuple[float | None, float | None]:
    known = _column(draws, place)
    return (float(known.mean()), float(np.quantile(known, 0.95))) if len(known) else (None, None)


def _interval(drawn: np.ndarray, value: float, bounds: Bounds | None) -> tuple[float | None, float | None]:
    """The middle 95 % of resamples, never without the value."""
    if not len(drawn):
        return None, None
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    if bounds is not None:
        shift = value - float(drawn.mean())
        low, high = max(low + shift, bounds[0]), min(high + shift, bounds[1])
    return min(low, value), max(high, value)
