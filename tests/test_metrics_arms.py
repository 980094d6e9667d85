"""Differences between arms and their intervals: numbers derived by hand, all permutations counted, and coverage on simulated seeds."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from semiosis import metrics
from semiosis.errors import UsageError


def outside(rate: float, trials: int) -> float:
    """How far a share of trials may be from its rate: 4 standard deviations of the binomial."""
    return 4 * (rate * (1 - rate) / trials) ** 0.5


def test_paired_by_hand():
    found = metrics.paired([0.9, 0.8, 0.7], [0.6, 0.7, 0.5])
    # differences .3 .1 .2: mean .2, deviation .1; t(0.975, 2) = 4.302653; of 8 flips only +++ and --- are as far from 0
    assert found[:5] == pytest.approx((0.2, 0.2 - 4.302653 * 0.1 / 3**0.5, 0.2 + 4.302653 * 0.1 / 3**0.5, 0.25, 2.0))
    assert (found.wins, found.n, found.how) == (3, 3, "Student t over 3 seeds; sign flips, all 8")
    assert metrics.paired([1.0, None, 3.0], [0.0, 5.0, None])[:7] == (1.0, None, None, None, None, 1, 1)
    assert metrics.paired([None], [1.0]).reason == "no seed has a value in both arms"
    same = metrics.paired([0.3, 0.4, 0.5], [0.2, 0.3, 0.4])
    assert (same.effect, same.reason) == (None, "the differences are equal: no effect size")
    assert same.p == 0.25
    with pytest.raises(UsageError, match="2 values and 1: a paired test expects one of each arm for every seed"):
        metrics.paired([1.0, 2.0], [1.0])


@pytest.mark.parametrize("n", [2, 5, 9])
def test_paired_counts_all_flips(n: int):
    gaps = np.random.default_rng(n).normal(0.5, size=n)
    slow = np.mean([abs(np.dot(signs, gaps)) >= abs(gaps.sum()) - 1e-12 for signs in product((-1, 1), repeat=n)])
    assert metrics.paired(gaps.tolist(), [0.0] * n).p == pytest.approx(slow, abs=1e-12)


def test_many_seeds_draw_flips():
    gaps = np.random.default_rng(0).normal(0.3, size=40)
    found = metrics.paired(gaps.tolist(), [0.0] * 40)
    assert found.how.endswith("65,536 drawn, seed 0")
    # for as many the test is that of t
    assert found.p == pytest.approx(stats.ttest_1samp(gaps, 0).pvalue, abs=0.01)


def test_unpaired_is_welchs():
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, 6), rng.normal(0, 3, 5)
    found, known = metrics.unpaired(a.tolist(), b.tolist()), stats.ttest_ind(a, b, equal_var=False)
    interval = known.confidence_interval()
    assert found[:3] == pytest.approx((a.mean() - b.mean(), interval.low, interval.high))
    assert found.welch_p == pytest.approx(known.pvalue)
    together = np.concatenate([a, b])
    apart = [abs(together[list(own)].mean() - np.delete(together, own).mean()) for own in combinations(range(11), 6)]
    assert found.p == pytest.approx(np.mean(np.array(apart) >= abs(a.mean() - b.mean()) - 1e-12), abs=1e-12)
    pooled = (5 * a.var(ddof=1) + 4 * b.var(ddof=1)) / 9
    assert found.effect == pytest.approx((a.mean() - b.mean()) / pooled**0.5 * (1 - 3 / 35))
    assert found.n == (6, 5)
    assert metrics.unpaired([1.0], [None]).reason == "an arm has no value"
    assert metrics.unpaired([1.0], [0.5, 0.6])[:4] == pytest.approx((0.45, None, None, None))
    assert metrics.unpaired([1.0, 1.0], [0.0, 0.0])[:6] == pytest.approx((1.0, 1.0, 1.0, 1 / 3, None, None))


def test_intervals_over_seeds_hold_the_mean_as_often_as_they_say():
    """Student's t of 8 normal seeds holds the mean 95 times of 100; the bootstrap does so 86 to 92 times, as documented."""
    rng, trials = np.random.default_rng(0), 1500
    t = paired = 0
    for values in rng.normal(3.0, 2.0, (trials, 8)).tolist():
        own = metrics.over_seeds(values)
        t += own.low < 3 < own.high
        gap = metrics.paired(values, [0.0] * 8)
        assert (gap.low, gap.high) == pytest.approx((own.low, own.high))
        paired += gap.p > 0.05
    assert t / trials == pytest.approx(0.95, abs=outside(0.95, trials))
    boot = [metrics.over_seeds(values, "bootstrap", resamples=400) for values in rng.normal(3.0, 2.0, (500, 8)).tolist()]
    held = np.mean([interval.low < 3 < interval.high for interval in boot])
    assert 0.86 - outside(0.86, 500) < held < 0.92 + outside(0.92, 500)
    with pytest.raises(UsageError, match="unknown interval 'normal': known are t, bootstrap"):
        metrics.over_seeds([1.0, 2.0], "normal")


def test_tests_find_nothing_where_nothing_is():
    """p is at most 0.05 in 5 of 100 trials at most: exact tests keep their level whatever the distribution."""
    rng, trials = np.random.default_rng(1), 1000
    paired = [metrics.paired(a, b).p for a, b in rng.exponential(size=(trials, 2, 7)).tolist()]
    unpaired = [metrics.unpaired(a, b).p for a, b in rng.exponential(size=(300, 2, 5)).tolist()]
    # 6 of 128 flips, and 12 of 252 partings, are the most that is not above 0.05
    assert np.mean(np.array(paired) <= 0.05) == pytest.approx(6 / 128, abs=outside(6 / 128, trials))
    assert np.mean(np.array(unpaired) <= 0.05) == pytest.approx(12 / 252, abs=outside(12 / 252, 300))


def test_holm_by_hand():
    assert metrics.holm([0.01, 0.04, None, 0.03]) == pytest.approx([0.03, 0.06, None, 0.06])
    assert metrics.holm([0.6, 0.5]) == [1.0, 1.0]
    assert metrics.holm([]) == []
