"""95 % intervals: over seeds (Student t, bootstrap), over examples (bootstrap), of a proportion (Wilson)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri, stdtrit

from semiosis.errors import UsageError, unknown

METHODS = ("t", "bootstrap")  # of `over_seeds`
_BLOCK = 1 << 22  # drawn indices held at once by the bootstrap


class Interval(NamedTuple):
    """A mean with its 95 % interval; None where there is nothing to say."""

    mean: float | None
    low: float | None
    high: float | None


def finite(values: Iterable[float | None]) -> Float[np.ndarray, " n"]:
    """The values that there are: None, NaN and infinities are left out."""
    known = np.array([np.nan if value is None else value for value in values], float)
    return known[np.isfinite(known)]


def over_seeds(values: Iterable[float | None], method: str = "t", *, resamples: int = 10_000, seed: int = 0) -> Interval:
    """Mean and 95 % interval over seeds; one seed has no interval, and seeds without a value (None, or not finite) are left out.

    `t` is Student's, right for means of seeds that are about normal, however few; `bootstrap` draws seeds anew and assumes no shape, but is
    too narrow for few seeds: by sqrt((k - 1) / k), and by the tails of t (8 normal seeds: it holds the mean 88 % of the time).
    """
    if method not in METHODS:
        raise unknown("interval", method, METHODS)
    known = finite(values)
    if len(known) == 0:
        return Interval(None, None, None)
    mean = float(known.mean())
    if len(known) == 1:
        return Interval(mean, None, None)
    if method == "bootstrap":
        return bootstrap(known, resamples=resamples, seed=seed)
    half = float(stdtrit(len(known) - 1, 0.975) * known.std(ddof=1) / np.sqrt(len(known)))
    return Interval(mean, mean - half, mean + half)


def _row_means(values: np.ndarray) -> np.ndarray:
    return values.mean(axis=1)


def bootstrap(
    values: Float[np.ndarray, " n"] | Sequence[float],
    statistic: Callable[[np.ndarray], np.ndarray] = _row_means,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile interval over examples, drawn anew with replacement (Efron 1979); `statistic` maps resamples [b n] to numbers [b].

    Values that are not finite are left out.
    """
    sample = np.asarray(values, float)
    sample = sample[np.isfinite(sample)]
    n = len(sample)
    if n == 0:
        return Interval(None, None, None)
    mean = float(statistic(sample[None])[0])
    if n == 1:
        return Interval(mean, None, None)
    rng, block = np.random.default_rng(seed), max(1, _BLOCK // n)
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    draws = np.concatenate([statistic(sample[rng.integers(n, size=(size, n))]) for size in sizes])
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(mean, float(low), float(high))


def wilson(successes: float | int, n: int) -> Interval:
    """Score interval of a proportion (Wilson 1927); `successes` may be a sum of shares in [0, 1], the interval being then too wide."""
    if n == 0:
        return Interval(None, None, None)
    if not 0 <= successes <= n:
        raise UsageError(f"{successes} successes of {n} examples: expected a number from 0 to {n}")
    z, share = float(ndtri(0.975)), successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # at 0 and 1 the bound is the proportion itself; min and max keep rounding from moving it past
    return Interval(float(share), float(max(0.0, min(share, centre - half))), float(min(1.0, max(share, centre + half))))
