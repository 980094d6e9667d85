"""Entropies and information: estimators by hand and by quadrature, and nulls that cover over 200 random languages."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln, polygamma, psi

from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.metrics.information import ESTIMATORS, about, shared_bits

LANGUAGES = 200


def h(*shares: float) -> float:
    return float(-sum(p * np.log2(p) for p in shares if p > 0))


def covered(exceed: int) -> bool:
    """Is the number of 200 random languages that exceed the 95 % quantile of 41 permutations of them what chance gives?

    A language is as likely as any of its permutations to be the greatest, and that quantile is the third greatest of 41: 3 in 42 exceed
    it, 14 of 200, and 4 deviations of the binomial either way.
    """
    return abs(exceed - 200 * 3 / 42) < 4 * (200 * 3 / 42 * 39 / 42) ** 0.5


# estimators


def test_estimators_by_hand():
    values = np.array([5, 5, 9, 7])
    assert metrics.entropy(values) == pytest.approx(1.5)
    assert metrics.entropy(values, "miller-madow") == pytest.approx(1.5 + 2 / (8 * np.log(2)))
    # two of four were seen once, so that half of what is said has been seen: shares 1/4, 1/8, 1/8, each over its chance to be seen at all
    known = 0.25 * 2 / (1 - 0.75**4) + 2 * 0.125 * 3 / (1 - 0.875**4)
    assert metrics.entropy(values, "chao-shen") == pytest.approx(known)
    for estimator in ESTIMATORS:
        assert metrics.entropy(np.full(6, 3), estimator) == 0
        assert metrics.entropy(np.zeros(0, int), estimator) == 0
    assert np.isfinite(metrics.entropy(np.arange(50), "chao-shen"))  # nothing was seen twice


def nsb(counts: list[int], support: int) -> float:
    """Both integrals of Nemenman et al. by quadrature, over the concentration itself, in nats."""
    total, k1 = sum(counts), len(counts)

    def weight(log_b: float) -> float:
        b = np.exp(log_b)
        evidence = gammaln(support * b) - gammaln(total + support * b) + sum(gammaln(n + b) - gammaln(b) for n in counts)
        return np.exp(evidence + 10) * (support * polygamma(1, support * b + 1) - polygamma(1, b + 1)) * b

    def expected(log_b: float) -> float:
        b = np.exp(log_b)
        all_ = total + support * b
        seen = sum((n + b) / all_ * psi(n + b + 1) for n in counts)
        return psi(all_ + 1) - seen - (support - k1) * b / all_ * psi(b + 1)

    def integral(function: Callable[[float], float]) -> float:
        return quad(function, -20, 20, points=[-3, 0, 3], limit=400, epsabs=1e-15, epsrel=1e-11)[0]

    return integral(lambda x: weight(x) * expected(x)) / integral(weight)


@pytest.mark.parametrize(("counts", "support"), [([3, 2, 1], 3), ([3, 2, 1], 10), ([12, 1], 4), ([1, 1, 1, 1], 5)])
def test_nsb_equals_quadrature(counts: list[int], support: int):
    values = np.repeat(np.arange(len(counts)), counts)
    assert metrics.entropy(values, "nsb", support) == pytest.approx(nsb(counts, support) / np.log(2), abs=1e-8)


def test_nsb_knows_what_it_cannot_have_seen():
    rng = np.random.default_rng(0)
    errors = {estimator: [] for estimator in ESTIMATORS}
    for _ in range(40):
        drawn = rng.integers(0, 100, 60)
        for estimator in ESTIMATORS:
            errors[estimator].append(metrics.entropy(drawn, estimator, 100 if estimator == "nsb" else None) - np.log2(100))
    means = {estimator: abs(np.mean(found)) for estimator, found in errors.items()}
    # 60 draws of 100 values see about 45: the plug-in falls 1.2 bits short
    assert means["plug-in"] > 1
    assert means["nsb"] < means["miller-madow"] < means["plug-in"]
    # more possible values than atoms are no obstacle
    assert 5 < metrics.entropy(np.arange(40), "nsb", 1e90) < np.log2(1e90)
    with pytest.raises(UsageError, match="support is 2: 3 different values were seen"):
        metrics.entropy(np.arange(3), "nsb", 2)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_estimators_agree_where_much_was_seen(estimator: str):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, 20_000)
    y = np.where(rng.random(20_000) < 0.5, x, rng.integers(0, 4, 20_000))
    # y is x with probability 5/8, each other with 1/8; a standard error of the entropies is below 0.01 bits
    assert shared_bits(x, y, estimator) == pytest.approx(2 - h(5 / 8, 1 / 8, 1 / 8, 1 / 8), abs=0.03)


def test_the_spread_of_resamples_is_that_of_the_entropy():
    """The deviation of a plug-in entropy is that of -log2 p over the root of n (Basharin 1959)."""
    tokens = np.repeat([0, 1, 2], [1400, 400, 200])[:, None]
    found = metrics.message_entropy(tokens, bootstrap=3000)
    p = np.array([0.7, 0.2, 0.1])
    half = 1.96 * np.sqrt((p * np.log2(p) ** 2).sum() - h(*p) ** 2) / 2000**0.5
    assert found.value == pytest.approx(h(*p))
    assert (found.value - found.low, found.high - found.value) == pytest.approx((half, half), rel=0.1)
    told = metrics.mutual_information(tokens, tokens[:, 0], bootstrap=3000)
    assert told[:3] == pytest.approx(found[:3], abs=1e-3)
    assert metrics.message_entropy(tokens).low is None


def test_intervals_stand_about_their_value():
    # quantiles of 1 to 5 at 0.025 and 0.975 are 1.1 and 4.9, their mean is 3
    assert about(10.0, [1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx((8.1, 11.9))
    assert about(0.5, [1.0, 2.0, 3.0, 4.0, 5.0], 0.0) == pytest.approx((0.0, 2.4))
    assert about(1.0, []) == (None, None)


def test_hill_numbers_by_hand():
    values = np.array([3, 3, 8, 9])
    assert metrics.effective_number(values).value == pytest.approx(2**1.5)
    assert metrics.effective_number(values, 0).value == 3
    assert metrics.effective_number(values, 2).value == pytest.approx(1 / (1 / 4 + 1 / 16 + 1 / 16))
    assert metrics.effective_number(np.zeros(0, int)).reason == "no examples"
    with pytest.raises(UsageError, match="order is -1"):
        metrics.effective_number(values, -1)


def test_symbols_with_and_without_the_end():
    tokens, lengths = np.array([[4, 4], [4, 7], [7, 4]]), np.array([2, 2, 0])
    assert metrics.symbol_perplexity(tokens, lengths).value == pytest.approx(2 ** h(3 / 4, 1 / 4))
    assert metrics.symbol_perplexity(tokens, lengths, end=True).value == pytest.approx(2 ** h(3 / 7, 1 / 7, 3 / 7))
    assert metrics.mean_length(tokens, lengths, end=True).value == pytest.approx(7 / 3)
    assert metrics.mean_length(tokens, lengths, end=True).how == "end counted"
    some = metrics.symbol_perplexity(tokens, lengths, bootstrap=50)
    assert 1 <= some.low <= some.value <= some.high
    # nothing but ends: one symbol, always the same
    assert metrics.symbol_perplexity(tokens, np.zeros(3, int), end=True).value == pytest.approx(1)


# nulls


def test_the_null_is_the_mean_over_permutations():
    rng = np.random.default_rng(3)
    tokens, labels = rng.integers(0, 4, (30, 2)), rng.integers(0, 3, 30)
    rng = np.random.default_rng(7)
    slow = [metrics.ambiguity(tokens, labels[rng.permutation(30)]).value for _ in range(20)]
    found = metrics.ambiguity(tokens, labels, null=True, permutations=20, seed=7)
    assert (found.null, found.null_high) == pytest.approx((np.mean(slow), np.quantile(slow, 0.95)), abs=1e-9)


@pytest.mark.parametrize(
    ("metric", "estimator"),
    [(metrics.mutual_information, "plug-in"), (metrics.determinism, "plug-in"), (metrics.ambiguity, "miller-madow")],
)
def test_nulls_cover_over_random_languages(metric: Callable[..., metrics.Value], estimator: str):
    rng, exceed = np.random.default_rng(0), 0
    for seed in range(LANGUAGES):
        tokens, labels = rng.integers(0, 6, (80, 2)), rng.integers(0, 5, 80)
        found = metric(tokens, labels, None, estimator, null=True, permutations=41, seed=seed)
        exceed += found.value > found.null_high
    assert covered(exceed), exceed
