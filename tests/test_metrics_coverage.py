"""Nulls cover: over 200 languages in which nothing means anything, a value exceeds its null's 95 % quantile as often as it should.

A language is as likely as any of its 21 permutations to be the greatest. Their 95 % quantile is their second greatest (numpy's rule puts it
at 0.95 x 20 = 19 from the least), so that a value without ties exceeds it in 2 of 22 languages, and with ties in fewer. The margin is 4
standard deviations of the binomial on either side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from semiosis import metrics

LANGUAGES, RATE = 200, 2 / 22
NULL = {"null": True, "permutations": 21}


def labels(rng: np.random.Generator, n: int = 40, k: int = 4) -> np.ndarray:
    return rng.integers(0, k, n)


CASES: dict[str, Callable[[np.random.Generator, int], metrics.Value]] = {
    "bigram_entropy": lambda rng, seed: metrics.bigram_entropy(rng.integers(0, 3, (30, 4)), seed=seed, **NULL),
    "edit_distance": lambda rng, seed: metrics.edit_distance(rng.integers(0, 4, (2, 40, 3)), bootstrap=0, seed=seed, **NULL),
    "rsa": lambda rng, seed: metrics.rsa(rng.normal(size=(15, 3)), rng.normal(size=(15, 4)), seed=seed, **NULL),
    "class_spread": lambda rng, seed: metrics.class_spread(rng.random((20, 2, 2, 1)), labels(rng, 20), seed=seed, **NULL).separation,
    "trend": lambda rng, seed: metrics.trend(rng.normal(size=40), rng.random(40), seed=seed, **NULL),
    "kappa": lambda rng, seed: metrics.kappa(labels(rng, 200), labels(rng, 200), seed=seed, **NULL),
    "image_topsim": lambda rng, seed: metrics.image_topsim(rng.integers(0, 2, (15, 5)), rng.random((15, 2, 2, 1)), seed=seed, **NULL),
}


@pytest.mark.parametrize("name", CASES)
def test_a_null_covers_over_random_languages(name: str):
    rng = np.random.default_rng(0)
    found = [CASES[name](rng, seed) for seed in range(LANGUAGES)]
    exceed = sum(one.value > one.null_high for one in found)
    margin = 4 * (LANGUAGES * RATE * (1 - RATE)) ** 0.5
    assert 1 <= exceed <= LANGUAGES * RATE + margin, exceed
    # and its mean is theirs: the values are draws of the null's own distribution
    values = np.array([one.value for one in found])
    assert np.mean([one.null for one in found]) == pytest.approx(values.mean(), abs=5 * values.std() / LANGUAGES**0.5)
