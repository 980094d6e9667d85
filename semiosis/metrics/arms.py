"""Is one arm of an experiment better than another? Differences over seeds, with their interval, exact p and size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import comb, isfinite
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr, stdtrit

from semiosis.errors import UsageError
from semiosis.metrics.intervals import finite

_EXACT = 1 << 16  # flips or splits that are all looked at; of more, as many are drawn


class Paired(NamedTuple):
    """What arm a has over arm b on the same seeds: the mean of a - b, its 95 % interval (Student t), a two-sided `p` and Cohen's d_z.

    `effect` is the mean over the standard deviation of the differences. `wins` counts seeds on which a is above b. None, with the
    `reason`, where there is nothing to say; `n` is the number of pairs.
    """

    difference: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    effect: float | None = None
    wins: int = 0
    n: int = 0
    reason: str = ""
    how: str = ""


class Unpaired(NamedTuple):
    """What arm a has over arm b on seeds of their own: the difference of the means and its 95 % interval (Welch 1947).

    `p` is that of the permutation test, `welch_p` that of Welch's t; `effect` is Hedges' g, the difference over the pooled standard
    deviation less its bias. None, with the `reason`, where there is nothing to say; `n` is the seeds of each arm.
    """

    difference: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    welch_p: float | None = None
    effect: float | None = None
    n: tuple[int, int] = (0, 0)
    reason: str = ""
    how: str = ""


def paired(values_a: Iterable[float | None], values_b: Iterable[float | None], *, seed: int = 0) -> Paired:
    """The paired test of two arms over seeds: place i of both is the same seed; pairs without both are left out.

    A value that is None, or not finite, is none. `p` is the share of sign flips of the differences whose mean is as far from 0 as the one
    found (Fisher 1935): all 2^n flips of up to 16 seeds, else 65,536 drawn ones, the one found among them. It cannot be below 2 / 2^n: 5
    seeds never show less than 0.0625. Raises `UsageError` where the arms have not as many values.
    """
    first, second = list(values_a), list(values_b)
    if len(first) != len(second):
        raise UsageError(f"{len(first)} values and {len(second)}: a paired test expects one of each arm for every seed")
    given = [np.array([np.nan if x is None else x for x in arm], float) for arm in (first, second)]
    there = np.isfinite(given[0]) & np.isfinite(given[1])
    gaps = given[0][there] - given[1][there]
    n = len(gaps)
    if n == 0:
        return Paired(None, reason="no seed has a value in both arms")
    mean, wins = float(gaps.mean()), int((gaps > 0).sum())
    if n == 1:
        return Paired(mean, wins=wins, n=1, reason="one seed has neither interval nor test")
    spread = float(gaps.std(ddof=1))
    spread = spread if spread > 1e-12 * abs(mean) else 0.0  # differences that are equal on paper differ by roundings
    half = float(stdtrit(n - 1, 0.975)) * spread / n**0.5
    p, flips = _flipped(gaps, seed)
    how = f"Student t over {n} seeds; sign flips, {flips}"
    reason = "" if spread else "the differences are equal: no effect size"
    return Paired(mean, mean - half, mean + half, p, mean / spread if spread else None, wins, n, reason, how)


def _flipped(gaps: Float[np.ndarray, " n"], seed: int) -> tuple[float, str]:
    """The share of sign flips whose sum is as far from 0, and how many were looked at. The first sign stays: only |sum| is compared."""
    n = len(gaps)
    found, slack = abs(gaps.sum()), 1e-9 * np.abs(gaps).sum()  # sums that are equal on paper count as equal
    if 2**n <= _EXACT:
        sums = gaps[:1]
        for gap in gaps[1:]:
            sums = np.concatenate([sums + gap, sums - gap])
        return float((np.abs(sums) >= found - slack).mean()), f"all {2**n}"
    signs = np.random.default_rng(seed).integers(0, 2, (_EXACT - 1, n), dtype=np.int8) * 2 - 1
    as_far = int((np.abs(signs @ gaps) >= found - slack).sum())
    return (as_far + 1) / _EXACT, f"{_EXACT:,} drawn, seed {seed}"


def unpaired(values_a: Iterable[float | None], values_b: Iterable[float | None], *, seed: int = 0) -> Unpaired:
    """The test of two arms whose seeds have nothing in common, as those of different data or sizes; what is None, or
    not finite, is left out.

    `p` is the share of ways to part all values into arms of these sizes whose means are as far apart: all ways if they are 65,536 or
    fewer, else as many drawn ones, the one found among them. Undefined where an arm has no value; without interval where one has one.
    """
    a, b = finite(values_a), finite(values_b)
    n, m = len(a), len(b)
    if not (n and m):
        return Unpaired(None, n=(n, m), reason="an arm has no value")
    difference = float(a.mean() - b.mean())
    if min(n, m) == 1:
        return Unpaired(difference, n=(n, m), reason="an arm of one seed has neither interval nor test")
    p, splits = _parted(a, b, seed)
    how = f"Welch's t; permutations, {splits}"
    own, other = a.var(ddof=1) / n, b.var(ddof=1) / m
    pooled = ((n - 1) * a.var(ddof=1) + (m - 1) * b.var(ddof=1)) / (n + m - 2)
    if own + other <= (1e-12 * np.abs(np.concatenate([a, b])).max()) ** 2:
        reason = "the values of each arm are equal: no t and no effect size"
        return Unpaired(difference, difference, difference, p, None, None, (n, m), reason, how)
    error = float(np.sqrt(own + other))
    freedom = float((own + other) ** 2 / (own**2 / (n - 1) + other**2 / (m - 1)))
    half = float(stdtrit(freedom, 0.975)) * error
    effect = difference / float(np.sqrt(pooled)) * (1 - 3 / (4 * (n + m) - 9))
    welch = 2 * float(stdtr(freedom, -abs(difference) / error))
    return Unpaired(difference, difference - half, difference + half, p, welch, effect, (n, m), "", how)


def _parted(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"], seed: int) -> tuple[float, str]:
    """The share of partings of all values with means as far apart, and how many were looked at."""
    together, n = np.concatenate([a, b]), len(a)
    total, ways = together.sum(), comb(len(together), n)
    slack = 1e-9 * np.abs(together).sum()

    def apart(sums: np.ndarray) -> np.ndarray:
        return np.abs(sums / n - (total - sums) / len(b))

    found = float(apart(a.sum(keepdims=True))[0]) - slack
    if ways <= _EXACT:
        chosen = np.array(list(combinations(range(len(together)), n)))
        return float((apart(together[chosen].sum(axis=1)) >= found).mean()), f"all {ways:,}"
    rng = np.random.default_rng(seed)
    chosen = rng.permuted(np.tile(np.arange(len(together)), (_EXACT - 1, 1)), axis=1)[:, :n]
    as_far = int((apart(together[chosen].sum(axis=1)) >= found).sum())
    return (as_far + 1) / _EXACT, f"{_EXACT:,} drawn, seed {seed}"


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's (1979) adjusted p of several tests, so that one false finding among all of them has 5 % at most.

    What is None, or not finite, is no test and stays as it is.
    """
    adjusted = list(p)
    known = sorted((value, i) for i, value in enumerate(p) if value is not None and isfinite(value))
    highest = 0.0
    for rank, (value, i) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * value))
        adjusted[i] = highest
    return adjusted
