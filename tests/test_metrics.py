"""Metrics: numbers derived by hand, numbers of the slow and obvious program, and laws."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

import semiosis
from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.metrics.ranks import by_size, midranks, spearman

GRID = np.array([(a, b) for a in range(4) for b in range(4)])  # 16 meanings: two attributes of four values
ONE_HOT = np.concatenate([np.eye(4)[GRID[:, 0]], np.eye(4)[GRID[:, 1]]], axis=1)

# languages for the grid
IDENTITY = GRID + np.array([0, 4])  # one place and one set of symbols for each attribute
PERMUTED = np.array([5, 2, 7, 0, 1, 6, 3, 4])[IDENTITY][:, ::-1]  # other symbols, the other way round
SHARED = GRID  # the same symbols for both attributes: only the place tells which is meant
HOLISTIC = np.arange(16)[:, None]  # a word for each meaning
BAG = np.where(GRID.sum(axis=1, keepdims=True) % 2, IDENTITY[:, ::-1], IDENTITY)  # the place says nothing
CONSTANT = np.full((16, 3), 7)

FIRST = np.array([(0, 0), (0, 1), (2, 0), (2, 1)])
STRUCTURED = np.concatenate([FIRST[GRID[:, 0]], GRID[:, 1:]], axis=1)
SHUFFLED = np.array(list(map(int, "123220301131103200311101023020001031120221300130"))).reshape(16, 3)


def levenshtein(left: list[int], right: list[int]) -> int:
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        above, row = row, [i]
        for j, b in enumerate(right, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


def slow_distances(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    said = [list(row[:end]) for row, end in zip(tokens, lengths, strict=True)]
    return np.array([levenshtein(a, b) / max(len(a), len(b), 1) for a, b in combinations(said, 2)])


def slow_cosines(x: np.ndarray) -> np.ndarray:
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return np.array([((a - b) ** 2).sum() for a, b in combinations(unit, 2)])


def random_language(n: int, t: int, v: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, v, (n, t)), rng.integers(0, t + 1, n)


# distances


@pytest.mark.parametrize(("n", "t", "v"), [(1, 3, 4), (2, 1, 2), (40, 1, 3), (60, 5, 2), (50, 10, 20), (12, 130, 3), (30, 6, 400)])
def test_message_distances_equal_the_slow_program(n: int, t: int, v: int):
    tokens, lengths = random_language(n, t, v)
    np.testing.assert_allclose(metrics.message_distances(tokens), slow_distances(tokens, np.full(n, t)), rtol=0, atol=1e-15)
    np.testing.assert_allclose(metrics.message_distances(tokens, lengths), slow_distances(tokens, lengths), rtol=0, atol=1e-15)


def test_message_distances_over_many_blocks():
    """Blocks of rows must meet without a seam, and equal messages, compared once, must come back to all their places."""
    tokens, lengths = random_language(700, 3, 3)
    distances = metrics.message_distances(tokens, lengths)
    pick = np.random.default_rng(1).choice(len(distances), 500, replace=False)
    pairs = np.stack(np.triu_indices(700, 1), axis=1)[pick]
    for (i, j), found in zip(pairs, distances[pick], strict=True):
        assert found == slow_distances(tokens[[i, j]], lengths[[i, j]])[0]


def test_message_distances_by_hand():
    tokens = np.array([[1, 2, 3, 9], [2, 3, 4, 9], [1, 2, 3, 4], [5, 5, 5, 5]])
    lengths = np.array([3, 3, 4, 0])
    # 123 to 234: drop one, add one; 123 to 1234: add one of four; all to the empty message: everything
    np.testing.assert_array_equal(metrics.message_distances(tokens, lengths), [2 / 3, 1 / 4, 1, 1 / 4, 1, 1])
    np.testing.assert_array_equal(metrics.message_distances(tokens, np.zeros(4, int)), np.zeros(6))


def test_what_stands_after_the_end_does_not_matter():
    tokens, lengths = random_language(30, 5, 3)
    other = np.where(np.arange(5) < lengths[:, None], tokens, -7)
    np.testing.assert_array_equal(metrics.message_distances(tokens, lengths), metrics.message_distances(other, lengths))
    np.testing.assert_array_equal(metrics.message_ids(tokens, lengths), metrics.message_ids(other, lengths))


def test_cosine_distances():
    x = np.random.default_rng(0).normal(size=(40, 7))
    np.testing.assert_allclose(metrics.cosine_distances(x), slow_cosines(x), atol=2e-12)
    # orthogonal, opposite, and a zero vector, which is 1 from everything and 0 from itself
    np.testing.assert_array_equal(
        metrics.cosine_distances(np.array([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])), [2, 4, 1, 1, 2, 1, 1, 1, 1, 0]
    )


def test_attribute_distances_are_the_mean_over_attributes_of_one_hot_cosines():
    attributes = np.random.default_rng(0).integers(0, 3, (30, 4))
    mean = np.mean([metrics.cosine_distances(np.eye(3)[column]) for column in attributes.T], axis=0)
    np.testing.assert_allclose(metrics.attribute_distances(attributes), mean, atol=1e-12)
    np.testing.assert_array_equal(metrics.attribute_distances(np.array([[0, 0], [0, 1], [1, 1]])), [1, 2, 1])


# topographic similarity


def test_topsim_golden_values():
    assert round(metrics.topsim(STRUCTURED, ONE_HOT).value or 0, 4) == 0.8171
    assert round(metrics.topsim(SHUFFLED, ONE_HOT).value or 0, 4) == 0.4019
    assert metrics.topsim(STRUCTURED, metrics.attribute_distances(GRID)).value == metrics.topsim(STRUCTURED, ONE_HOT).value


@pytest.mark.parametrize("language", [IDENTITY, PERMUTED])
def test_topsim_of_a_compositional_code_is_one(language: np.ndarray):
    assert metrics.topsim(language, ONE_HOT).value == pytest.approx(1, abs=1e-12)
    assert metrics.topsim(language, metrics.attribute_distances(GRID)).value == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("variable", [False, True])
def test_topsim_equals_the_slow_program(variable: bool):
    tokens, lengths = random_language(200, 10, 4)
    lengths = lengths if variable else np.full(200, 10)
    x = np.random.default_rng(1).normal(size=(200, 8)) + np.eye(4)[tokens[:, 0]].repeat(2, axis=1)
    found = metrics.topsim(tokens, x, lengths if variable else None)
    slow = spearmanr(slow_distances(tokens, lengths), slow_cosines(x)).statistic
    assert found.value == pytest.approx(slow, abs=1e-12)
    assert abs(slow) > 0.01  # the comparison is not between zeros
    assert found.n == 200


def test_topsim_does_not_see_names_or_order():
    tokens, x = random_language(80, 6, 9)[0], np.random.default_rng(2).normal(size=(80, 5))
    order = np.random.default_rng(3).permutation(80)
    plain = metrics.topsim(tokens, x).value
    assert metrics.topsim(np.random.default_rng(4).permutation(1000)[tokens], x).value == pytest.approx(plain, abs=1e-12)
    assert metrics.topsim(tokens[order], x[order]).value == pytest.approx(plain, abs=1e-12)
    assert metrics.topsim(tokens, 3 * x).value == pytest.approx(plain, abs=1e-9)


def test_topsim_null_is_topsim_of_permuted_meanings():
    tokens, x = random_language(40, 3, 3)[0], np.random.default_rng(2).normal(size=(40, 5))
    rng = np.random.default_rng(9)
    slow = [metrics.topsim(tokens, x[rng.permutation(40)]).value for _ in range(20)]
    found = metrics.topsim(tokens, x, null=True, permutations=20, seed=9)
    assert found.null == pytest.approx(np.mean(slow), abs=1e-6)
    assert found.null_high == pytest.approx(np.quantile(slow, 0.95), abs=1e-6)


def test_topsim_null_tells_a_code_from_chance():
    random = metrics.topsim(random_language(300, 4, 5)[0], np.random.default_rng(1).normal(size=(300, 6)), null=True, bootstrap=60)
    code = metrics.topsim(STRUCTURED, ONE_HOT, null=True, bootstrap=60)
    assert random.low < 0 < random.high
    assert abs(random.null) < 0.01
    assert code.low > code.null_high
    assert code.low < code.value <= code.high <= 1


def test_topsim_bootstrap_never_pairs_an_example_with_itself():
    tokens, x = random_language(12, 3, 3)[0], np.random.default_rng(2).normal(size=(12, 5))
    rng, slow = np.random.default_rng(5), []
    for _ in range(15):
        drawn = [(i, j) for i, j in combinations(rng.integers(12, size=12), 2) if i != j]
        pairs = [metrics.message_distances(tokens[[i, j]])[0] for i, j in drawn], [metrics.cosine_distances(x[[i, j]])[0] for i, j in drawn]
        slow.append(spearmanr(*pairs).statistic)
    found = metrics.topsim(tokens, x, bootstrap=15, seed=5)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])), abs=1e-9)


@pytest.mark.parametrize(
    ("tokens", "meanings", "reason"),
    [
        (CONSTANT, ONE_HOT, "constant language: all messages are equal"),
        (HOLISTIC, ONE_HOT, "all messages are equally far apart"),
        (IDENTITY, np.ones((16, 3)), "all meanings are equally far apart"),
        (IDENTITY, np.full((16, 3), np.nan), "a meaning is not finite"),
        (IDENTITY[:2], ONE_HOT[:2], "topsim needs 3 messages or more"),
        (IDENTITY[:0], ONE_HOT[:0], "topsim needs 3 messages or more"),
    ],
)
def test_topsim_without_a_value_says_why(tokens: np.ndarray, meanings: np.ndarray, reason: str):
    found = metrics.topsim(tokens, meanings, null=True, bootstrap=5)
    assert found.value is None
    assert found.null is None
    assert found.low is None
    assert found.reason == reason


def test_misuse_is_told_in_a_sentence():
    with pytest.raises(UsageError, match=r"integers.*attribute_distances"):
        metrics.topsim(IDENTITY, GRID)
    with pytest.raises(UsageError, match=r"expected vectors \[16, d\] or 120 distances"):
        metrics.topsim(IDENTITY, ONE_HOT[:5])
    with pytest.raises(UsageError, match=r"lengths from 0 to 3: expected 0 to 2"):
        metrics.mean_length(GRID, GRID[:, 0])
    with pytest.raises(UsageError, match=r"tokens of shape \(16, 8\) and type float64"):
        metrics.message_ids(ONE_HOT)
    with pytest.raises(UsageError, match=r"expected 16 integers"):
        metrics.mutual_information(IDENTITY, GRID[:3, 0])


def test_weighted_ranks_are_ranks_of_repeated_examples():
    rng = np.random.default_rng(0)
    x, y, times = rng.integers(0, 6, 50), rng.integers(0, 4, 50), rng.integers(0, 4, 50)
    many_x, many_y = x.repeat(times), y.repeat(times)
    assert spearman(x, y, times.astype(float)) == pytest.approx(spearmanr(many_x, many_y).statistic, abs=1e-12)
    np.testing.assert_allclose(midranks(x)[0][x], rankdata(x) - 25.5)
    values = rng.normal(size=50).round(1)
    order, levels = by_size(values)
    np.testing.assert_array_equal(np.unique(values)[levels], values[order])


@pytest.mark.parametrize("scale", [0.0, 1e-310, 1.0, 1e300])
def test_sizes_of_any_spread_are_sorted(scale: float):
    values = np.random.default_rng(0).lognormal(sigma=5, size=3000).round(2) * scale / 1e9
    order, levels = by_size(np.concatenate([values, -values]))
    known, slow = np.unique(np.concatenate([values, -values]), return_inverse=True)
    np.testing.assert_array_equal(levels, np.sort(slow))
    np.testing.assert_array_equal(slow[order], levels)
    assert levels[-1] == len(known) - 1


# disentanglement


@pytest.mark.parametrize(
    ("language", "posdis", "bosdis"),
    [
        (IDENTITY, 1.0, 1.0),
        (PERMUTED, 1.0, 1.0),
        (SHARED, 1.0, 0.0),  # a count of v says that one of two attributes is v, never which
        (HOLISTIC, 0.0, 0.0),
        (BAG, 0.0, 1.0),  # a place tells 1.5 bits of either attribute
        # second place (a // 2, b // 2): one bit of each
        (np.stack([GRID[:, 0], 4 + 2 * (GRID[:, 0] // 2) + GRID[:, 1] // 2], axis=1), 0.5, None),
        # second place (a, b // 2): 2 bits and 1 bit of 3
        (np.stack([GRID[:, 0], 4 + 2 * GRID[:, 0] + GRID[:, 1] // 2], axis=1), 2 / 3, None),
        # a place that never varies is left out
        (np.stack([GRID[:, 0], np.full(16, 9)], axis=1), 1.0, 1.0),
    ],
)
def test_disentanglement_by_hand(language: np.ndarray, posdis: float, bosdis: float | None):
    assert metrics.posdis(language, GRID).value == pytest.approx(posdis, abs=1e-12)
    if bosdis is not None:
        assert metrics.bosdis(language, GRID).value == pytest.approx(bosdis, abs=1e-12)


def test_disentanglement_with_and_without_the_end():
    """First symbol a; then, where b < 2, a second one that names a again."""
    tokens, lengths = np.stack([GRID[:, 0], 4 + GRID[:, 0]], axis=1), np.where(GRID[:, 1] < 2, 2, 1)

    def h(p: float) -> float:
        return -p * np.log2(p) - (1 - p) * np.log2(1 - p)

    # the second place: silence half of the time, else one of four symbols: 2 bits, of which 1 of a (2 of a half of the time) and 1 of b
    assert metrics.posdis(tokens, GRID, lengths).value == pytest.approx(0.5)
    # among those who reach it, it tells all of a
    assert metrics.posdis(tokens, GRID, lengths, end=False).value == pytest.approx(1.0)
    # a second symbol stands in 1 of 8: known a, in a half or never; known b, in a quarter or never
    gap = ((h(1 / 8) - h(1 / 2) / 4) - (h(1 / 8) - h(1 / 4) / 2)) / h(1 / 8)
    assert metrics.bosdis(tokens, GRID, lengths).value == pytest.approx((4 + 4 * abs(gap)) / 8)
    assert metrics.bosdis(tokens, GRID, lengths, end=True).value == pytest.approx((4 + 4 * abs(gap) + 1) / 9)
    assert metrics.posdis(tokens, GRID, lengths, end=False).how == "plug-in; end not counted"


def test_disentanglement_without_a_value_says_why():
    for metric in (metrics.posdis, metrics.bosdis):
        assert metric(CONSTANT, GRID).reason == "constant language: nothing in the messages varies"
        assert metric(IDENTITY, GRID[:, :1]).reason == "the gap between two attributes needs 2 attributes or more"
        assert metric(IDENTITY, GRID[:, :1]).value is None
        assert metric(IDENTITY[:0], GRID[:0]).reason == "no messages"


def test_random_languages_are_no_more_than_their_null():
    rng = np.random.default_rng(0)
    tokens, attributes = rng.integers(0, 10, (100, 3)), rng.integers(0, 10, (100, 2))
    for metric in (metrics.posdis, metrics.bosdis):
        random, code = metric(tokens, attributes, null=True), metric(attributes + np.array([0, 10]), attributes, null=True)
        assert 0 < random.null < random.null_high < 0.1
        assert random.value < 2 * random.null_high
        assert code.value > 0.5 > code.null_high


# information


def test_entropies_by_hand():
    tokens = np.array([[0, 0], [0, 0], [1, 0], [1, 1]])
    assert metrics.message_entropy(tokens).value == pytest.approx(1.5)  # 1/2, 1/4, 1/4
    assert metrics.message_entropy(tokens, estimator="miller-madow").value == pytest.approx(1.5 + 2 / (8 * np.log(2)))
    assert metrics.distinct(tokens).value == 3
    assert metrics.distinct_ratio(tokens).value == 0.75
    assert metrics.active_symbols(tokens).value == 2
    assert metrics.symbol_perplexity(tokens).value == pytest.approx(2 ** (3 - 5 / 8 * np.log2(5) - 3 / 8 * np.log2(3)))
    assert metrics.mean_length(tokens).value == 2
    lengths = np.array([2, 1, 1, 0])  # 00, 0, 1, and nothing
    assert metrics.message_entropy(tokens, lengths).value == pytest.approx(2)
    assert metrics.distinct(tokens, lengths).value == 4
    assert metrics.symbol_perplexity(tokens, lengths).value == pytest.approx(2 ** (2 - 3 / 4 * np.log2(3)))
    assert metrics.mean_length(tokens, lengths).value == 1


def test_symbols_used_alike_have_the_perplexity_of_their_number():
    assert metrics.symbol_perplexity(IDENTITY).value == pytest.approx(8)
    assert metrics.message_entropy(IDENTITY).value == pytest.approx(4)
    assert metrics.message_entropy(CONSTANT).value == 0


def test_information_between_messages_and_labels_by_hand():
    tokens, labels = np.array([[0], [0], [1], [2]]), np.array([0, 0, 1, 1])
    assert metrics.mutual_information(tokens, labels).value == pytest.approx(1)
    assert metrics.determinism(tokens, labels).value == pytest.approx(0.5)  # label 1 has two messages
    assert metrics.ambiguity(tokens, labels).value == pytest.approx(0)
    assert metrics.determinism(labels[:, None], tokens[:, 0]).value == pytest.approx(0)
    assert metrics.ambiguity(labels[:, None], tokens[:, 0]).value == pytest.approx(0.5)
    assert metrics.mutual_information(np.zeros((4, 2), int), labels).value == 0
    # independent by construction
    assert metrics.mutual_information(GRID[:, :1], GRID[:, 1]).value == pytest.approx(0, abs=1e-12)
    assert metrics.mutual_information(IDENTITY, GRID[:, 1]).value == pytest.approx(2)


@pytest.mark.parametrize(("n", "bits"), [(100, 2.0), (1000, 0.37), (10_000, 0.03)])
def test_information_of_a_random_language_is_its_null(n: int, bits: float):
    rng = np.random.default_rng(0)
    tokens, labels = rng.integers(0, 50, (n, 1)), rng.integers(0, 10, n)
    plain = metrics.mutual_information(tokens, labels, null=True, permutations=20)
    corrected = metrics.mutual_information(tokens, labels, estimator="miller-madow")
    assert plain.null == pytest.approx(bits, rel=0.1)
    assert plain.value == pytest.approx(plain.null, rel=0.1)
    assert corrected.value < plain.value


def test_information_without_a_value_says_why():
    none = np.zeros((0, 3), int)
    for metric in (metrics.message_entropy, metrics.distinct_ratio, metrics.mean_length):
        assert metric(none) == metrics.undefined("no messages", how=metric(none).how)
    assert metrics.distinct(none).value == 0
    assert metrics.symbol_perplexity(GRID, np.zeros(16, int)).reason == "no symbols: every message is empty"
    with pytest.raises(UsageError, match=r"unknown estimator 'bayes': known are plug-in, miller-madow, chao-shen, nsb"):
        metrics.message_entropy(GRID, estimator="bayes")


# populations


def test_synchrony_by_hand():
    messages = np.array([[[0, 1, 2, 3], [5, 5, 5, 5]], [[0, 1, 2, 3], [6, 6, 6, 6]], [[1, 2, 3, 4], [5, 5, 6, 6]]])
    # first input: 0, 2 and 2 edits; second: 4, 2 and 2; of 4
    found = metrics.edit_distance(messages)
    assert found.value == pytest.approx((4 / 12 + 8 / 12) / 2)
    assert found.low == pytest.approx(4 / 12)
    assert found.high == pytest.approx(8 / 12)
    alike = metrics.synchrony(messages)
    assert alike.value == pytest.approx(0.5)
    assert alike[1:3] == pytest.approx((4 / 12, 8 / 12))
    # one symbol, two, none: 1 of 2, 1 of 1, 2 of 2; the second input: nobody says anything
    lengths = np.array([[1, 0], [2, 0], [0, 0]])
    assert metrics.edit_distance(messages, lengths).value == pytest.approx((0.5 + 1 + 1) / 6)


def test_synchrony_equals_the_slow_program():
    rng = np.random.default_rng(0)
    messages, lengths = rng.integers(0, 3, (4, 25, 6)), rng.integers(0, 7, (4, 25))
    slow = np.mean([slow_distances(messages[:, i], lengths[:, i]).mean() for i in range(25)])
    assert metrics.edit_distance(messages, lengths).value == pytest.approx(slow, abs=1e-12)


def test_synchrony_needs_two_speakers():
    assert metrics.synchrony(GRID[None]).reason == "needs 2 speakers or more"
    assert metrics.edit_distance(GRID[None]).value is None
    assert metrics.synchrony(np.stack([GRID, GRID])).value == 1
    assert metrics.synchrony(np.zeros((2, 0, 3), int)).reason == "no messages"


def test_vote_is_right_where_each_listener_is_not():
    """Two of three listeners know each answer, and the third is unsure: each is wrong once, together they are right."""
    sure, unsure = [0.8, 0.1, 0.1], [0.3, 0.4, 0.3]
    probabilities = np.array([[unsure, sure, sure], [sure, unsure, sure], [sure, sure, unsure]])
    target = np.zeros(3, int)
    assert (probabilities.argmax(axis=-1) == target).mean(axis=1) == pytest.approx(2 / 3)
    # scores are logs up to a constant of each listener and example
    offsets = np.random.default_rng(0).normal(size=(3, 3, 1)) * 1000
    np.testing.assert_array_equal(metrics.vote(np.log(probabilities) + offsets), target)


def test_vote_is_over_probabilities_and_not_over_heads():
    scores = np.log(np.array([[[0.98, 0.02]], [[0.45, 0.55]], [[0.45, 0.55]]]))
    np.testing.assert_array_equal(metrics.vote(scores), [0])


def test_vote_of_equal_listeners_is_theirs():
    scores = np.random.default_rng(0).normal(size=(1, 20, 7)) * 100
    np.testing.assert_array_equal(metrics.vote(scores.repeat(5, axis=0)), scores[0].argmax(axis=-1))
    leaves = np.random.default_rng(0).normal(size=(3, 20, 4, 7))
    np.testing.assert_array_equal(metrics.vote(leaves)[:, 2], metrics.vote(leaves[:, :, 2]))
    # a candidate ruled out by all is no nuisance
    np.testing.assert_array_equal(metrics.vote(np.array([[[-np.inf, 0.0, 1.0]], [[-np.inf, 3.0, 1.0]]])), [1])


def test_cross_play_by_hand():
    matrix = np.array([[0.9, 0.5], [0.3, 0.7]])
    found = metrics.cross_play(matrix, partners=np.array([[True, True], [False, True]]))
    assert [value.value for value in found] == pytest.approx([0.6, 0.8, 0.4, 0.4, 0.7, 0.3])
    assert [value.n for value in found] == [4, 2, 2, 4, 3, 1]
    assert metrics.cross_play(matrix).in_partner.reason == "partners not given"
    assert metrics.cross_play(matrix, np.full((2, 2), True)).out_partner.reason == "all pairs trained together"


def test_cross_play_without_pairs_says_why():
    one = metrics.cross_play(np.array([[0.5]]))
    assert (one.diagonal.value, one.off_diagonal.reason, one.gap.reason) == (0.5, "one pair only", "one pair only")
    wide = metrics.cross_play(np.array([[0.5, 0.7]]))
    assert wide.mean.value == pytest.approx(0.6)
    assert wide.gap.reason == wide.diagonal.reason == "1 speakers and 2 listeners: nobody's own partner is known"


# success and intervals


def test_accuracy_has_wilsons_interval_and_chance():
    found = metrics.accuracy(np.arange(10) < 8, metrics.chance(10))
    assert found[:4] == pytest.approx((0.8, 0.4901625, 0.9433178, 0.1))
    assert found.n == 10
    assert metrics.accuracy(np.zeros(10))[:3] == pytest.approx((0, 0, 0.2775328))
    assert metrics.accuracy(np.ones(10))[:3] == pytest.approx((1, 0.7224672, 1))
    assert metrics.accuracy(np.zeros(0)).reason == "no examples"


def test_correctness_is_the_share_that_is_right():
    np.testing.assert_array_equal(metrics.correctness(np.array([1, 2]), np.array([1, 3])), [1, 0])
    np.testing.assert_array_equal(metrics.correctness(np.array([[1, 2], [3, 4]]), np.array([[1, 0], [3, 4]])), [0.5, 1])
    assert metrics.correctness(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0,)
    with pytest.raises(UsageError, match="expected the same shape"):
        metrics.correctness(np.zeros(2), np.zeros(3))


def test_relative_drop():
    assert metrics.relative_drop(0.8, 0.6).value == pytest.approx(25)
    assert metrics.relative_drop(0.0, 0.0).reason == "the clean accuracy is zero"


def test_over_seeds():
    # t(0.975, 2) = 4.302653
    assert metrics.over_seeds([1.0, 2.0, 3.0]) == pytest.approx((2, 2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5))
    assert metrics.over_seeds([0.5]) == (0.5, None, None)
    assert metrics.over_seeds([0.5, None]) == (0.5, None, None)
    assert metrics.over_seeds([]) == (None, None, None)


def test_bootstrap_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=400)
    mean, low, high = metrics.bootstrap(values, resamples=4000)
    half = 1.96 * values.std() / 20
    assert mean == values.mean()
    assert (mean - low, high - mean) == pytest.approx((half, half), rel=0.1)
    assert metrics.bootstrap(values, seed=1) == metrics.bootstrap(values, seed=1) != metrics.bootstrap(values, seed=2)
    assert metrics.bootstrap(values, lambda rows: np.median(rows, axis=1)).mean == np.median(values)
    assert metrics.bootstrap([0.5]) == (0.5, None, None)


def test_intervals_of_a_proportion():
    assert metrics.wilson(0, 0) == (None, None, None)
    with pytest.raises(UsageError, match="3 successes of 2 examples"):
        metrics.wilson(3, 2)


def alone(code: str) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own, where annotations are not checked."""
    path = os.pathsep.join([str(Path(semiosis.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)


def test_metrics_need_no_jax():
    """A corpus of another program can be judged where jax is not installed."""
    done = alone("import sys, semiosis.metrics; print('jax' in sys.modules)")
    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_shapes_are_checked_in_use_too():
    done = alone("import numpy as np, semiosis.metrics as m; m.posdis(np.ones((4, 2), int), np.ones((3, 2), int))")
    assert "UsageError: attributes of shape (3, 2) and type int64: expected integers [4, k]" in done.stderr


# ------------------------------------------------------------------------------------------------ what is missing, and lists


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf")])
def test_what_is_not_finite_is_missing(missing: float | None):
    assert metrics.over_seeds([0.5, missing]) == (0.5, None, None)
    assert metrics.over_seeds([0.25, missing, 0.75], "bootstrap").mean == 0.5
    assert metrics.over_seeds([missing]) == (None, None, None)
    one = metrics.paired([1.0, missing], [0.0, 0.0])
    assert (one.difference, one.p, one.n, one.reason) == (1.0, None, 1, "one seed has neither interval nor test")
    assert metrics.paired([missing, 1.0], [0.0, missing]).reason == "no seed has a value in both arms"
    assert metrics.unpaired([1.0, missing, 2.0], [0.0, 1.0, 0.0]) == metrics.unpaired([1.0, 2.0], [0.0, 1.0, 0.0])
    assert metrics.unpaired([missing], [1.0]).reason == "an arm has no value"
    first, *others = metrics.holm([missing, 0.01, 0.04])
    assert others == [0.02, 0.04]  # two tests, not three
    assert first is missing


def test_the_bootstrap_leaves_out_what_is_not_finite():
    assert metrics.bootstrap([1.0, np.nan, 2.0], seed=3) == metrics.bootstrap([1.0, 2.0], seed=3)
    assert metrics.bootstrap([np.nan]) == (None, None, None)


def test_other_figures_without_a_value():
    assert metrics.relative_drop(0.5, float("nan")).reason == "an accuracy is not finite"
    assert metrics.rank_correlation(np.array([1.0, 2.0, np.nan, 3.0]), np.array([1.0, 2.0, 0.0, 3.0])) == pytest.approx(1.0)
    seen = np.array([1, 2])
    assert metrics.class_rate(seen, seen, np.array([[1, 2], [-1, -1]])).null == 0.5  # the second has no candidates
    assert metrics.class_rate(seen, seen, np.full((2, 2), -1)).null is None


LISTS = """
import numpy as np
from semiosis import metrics as m
from semiosis.errors import UsageError

names, others = [0, 1, 1, 2], [1, 1, 0, 2]
scores, mask = [[[0.0, 1.0]], [[2.0, 1.0]]], [[True], [True]]
calls = [
    (m.kappa, names, others), (m.adjusted_rand, names, others), (m.normalised_information, names, others), (m.matched, names, others),
    (m.contingency, names, others), (m.naming, [names, others], names), (m.davies_bouldin, [[0.0], [1.0], [1.5], [3.0]], [0, 0, 1, 1]),
    (m.entropy, names), (m.effective_number, names), (m.counted_entropy, [2, 1]), (m.class_rate, names, others, [names] * 4),
    (m.strokes_in_use, [[0.5, 0.0], [0.2, 0.9]]), (m.answered_accuracy, scores, mask, [1, 1]), (m.target_rank, scores, [1, 1]),
    (m.step_entropy, scores), (m.confusion, names, others, 3), (m.f1_by_class, [[3, 1], [1, 2]]), (m.turns, mask),
    (m.length_by_class, names, others, 3), (m.bit_entropy, [[[True, False]], [[True, True]]], mask), (m.kappa, names, others[:3]),
]
for call, *given in calls:
    told = []
    for kind in (list, np.array):
        try:
            told.append(repr(call(*[kind(x) if isinstance(x, list) else x for x in given])))
        except UsageError as error:
            told.append(str(error))
    assert told[0] == told[1], (call.__name__, told)
"""


def test_lists_are_as_good_as_arrays():
    """In a program of its own: here, types are checked, and lists are none of those that are told."""
    subprocess.run([sys.executable, "-W", "error", "-c", LISTS], check=True)


def test_why_names_do_not_part_what_they_name():
    latent = np.random.default_rng(0).normal(size=(4, 2))
    for names, reason in (([1] * 4, "one name for all 4 examples"), ([0, 1, 2, 3], "each example has a name of its own")):
        assert metrics.davies_bouldin(latent, np.array(names)).reason == reason
    assert metrics.davies_bouldin(latent[:2], np.array([0, 1])).reason == "fewer than 3 examples"
    with pytest.raises(UsageError, match=r"names of shape \(0, 3\): expected integers \[agents, examples\]"):
        metrics.naming(np.zeros((0, 3), int))
