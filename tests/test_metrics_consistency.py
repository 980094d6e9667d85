"""Consistency of meanings, entropy gap, repeats, and similarity of representations: by hand and by brute force."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from semiosis import metrics
from semiosis.errors import UsageError

FOUR = np.array([[0.0], [2.0], [10.0], [12.0]])
PAIRS = np.array([[1], [1], [5], [5]])


def test_semantic_consistency_by_hand():
    found = metrics.semantic_consistency(PAIRS, FOUR, null=True, permutations=200, bootstrap=100)
    assert found.value == pytest.approx(1 - 1 / 26)  # within: 1; of all about 6: (36 + 16) / 2
    assert found.null == pytest.approx(1 / 3)  # one of three degrees of freedom
    assert found.low <= found.value <= found.high <= 1
    every = [metrics.semantic_consistency(PAIRS, FOUR[list(order)]).value for order in permutations(range(4))]
    assert np.mean(every) == pytest.approx(1 / 3)


def test_semantic_consistency_equals_the_slow_program():
    rng = np.random.default_rng(0)
    tokens, lengths, x = rng.integers(0, 3, (80, 3)), rng.integers(0, 3, 80), rng.normal(3, 1, (80, 5))
    ids = metrics.message_ids(tokens, lengths)
    within = np.mean([((x[i] - x[ids == ids[i]].mean(axis=0)) ** 2).sum() for i in range(80)])
    assert metrics.semantic_consistency(tokens, x, lengths).value == pytest.approx(1 - within / x.var(axis=0).sum(), abs=1e-9)


def test_semantic_consistency_without_a_value_says_why():
    metric = metrics.semantic_consistency
    assert metric(PAIRS, np.ones((4, 2))).reason == "all meanings are equal"
    assert metric(PAIRS * 0, FOUR).reason == "constant language: all messages are equal"
    assert metric(np.arange(4)[:, None], FOUR).reason == "every message occurs once"
    assert metric(PAIRS, FOUR * np.nan).reason == "a meaning is not finite"
    assert metric(PAIRS[:0], FOUR[:0]).reason == "no messages"


def test_its_null_covers_over_random_languages():
    rng, exceed = np.random.default_rng(0), 0
    for seed in range(200):
        found = metrics.semantic_consistency(
            rng.integers(0, 4, (40, 2)), rng.exponential(size=(40, 3)), null=True, permutations=99, seed=seed
        )
        exceed += found.value > found.null_high
    assert 1 <= exceed <= 25  # 5 to 6 of 100 by exchangeability; 4 deviations of the binomial


def test_entropy_gap_by_hand():
    tokens, labels = np.arange(8)[:, None], np.arange(8) // 4
    assert metrics.entropy_gap(tokens, 1.0).value == pytest.approx(2)
    assert metrics.entropy_gap(tokens, labels).value == pytest.approx(2)
    assert metrics.entropy_gap(labels[:, None], np.arange(8), bootstrap=20).value == pytest.approx(-2)  # what cannot be done
    assert metrics.entropy_gap(tokens, labels).how == "plug-in, least entropy 1 bits, of the labels; end not counted"
    some = metrics.entropy_gap(np.arange(40)[:, None] % 8, 1.0, bootstrap=50)
    assert some.low <= some.value <= some.high
    assert metrics.entropy_gap(tokens[:0], 1.0).reason == "no messages"
    with pytest.raises(UsageError, match="needed is -1"):
        metrics.entropy_gap(tokens, -1.0)


def test_repeats_find_a_word_for_the_same_again():
    rng = np.random.default_rng(0)
    objects = rng.integers(0, 3, 300)
    again = np.concatenate([[False], objects[1:] == objects[:-1]])
    found = metrics.repeats(np.where(again, 9, objects)[:, None], objects, null=True)
    assert found.value == 1
    assert found.null < found.null_high < 0.7
    # an object is the one before last in a third of all cases, whatever is said
    assert metrics.repeats(np.where(again, 9, objects)[:, None], objects, back=2).value < 0.7
    assert metrics.repeats(objects[:3, None], objects[:3]).reason == "no message was said 5 times after the first 1"
    with pytest.raises(UsageError, match="back is 0"):
        metrics.repeats(objects[:, None], objects, back=0)


def test_the_information_plane():
    tokens, meanings = np.array([[0], [0], [1], [1]]), np.arange(4)
    bits, wrong = metrics.complexity(tokens, meanings, np.array([0.0, 1.0, 0.0, 3.0]), bootstrap=50)
    assert (bits.value, wrong.value) == pytest.approx((1, 1))
    assert wrong.low <= 1 <= wrong.high


# representations


def test_rsa_equals_the_slow_program():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 6)), rng.normal(size=(30, 4))
    y[:, 0] += 2 * x[:, 0]
    found = metrics.rsa(x, y, null=True, bootstrap=50)
    assert found.value == pytest.approx(spearmanr(pdist(x, "cosine"), pdist(y, "cosine")).statistic, abs=1e-9)
    assert found.null == pytest.approx(0, abs=0.05)
    assert found.low < found.value < found.high
    assert found.value > found.null_high
    # turned and stretched, the distances are the same
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert metrics.rsa(x, 3 * x @ turn).value == pytest.approx(1)
    # against distances of inputs
    assert metrics.rsa(x, pdist(y, "cosine")).value == pytest.approx(found.value, abs=1e-9)


def test_rsa_is_brute_force_spearman_of_pairs():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 3))
    cosine = [[1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in combinations(side, 2)] for side in (x, y)]
    assert metrics.rsa(x, y).value == pytest.approx(spearmanr(*cosine).statistic, abs=1e-9)


def test_rsa_without_a_value_says_why():
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert metrics.rsa(np.ones((5, 2)), x).reason == "all distances of the first representation are equal"
    assert metrics.rsa(x, np.eye(5)).reason == "all distances of the second representation are equal"
    assert metrics.rsa(x[:2], x[:2]).reason == "needs 3 inputs or more"
    assert metrics.rsa(x, x * np.nan).reason == "a representation is not finite"
    with pytest.raises(UsageError, match=r"float64 \(5, 3\) and float64 \(4, 3\): expected float vectors"):
        metrics.rsa(x, x[:4])
