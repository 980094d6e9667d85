"""Populations and generations, naming, and accuracies compared: by hand, by enumeration, and on simulated runs."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from semiosis import metrics
from semiosis.errors import UsageError

GRID = np.array([(a, b) for a in range(4) for b in range(4)])


def h(*shares: float) -> float:
    return float(-sum(p * np.log2(p) for p in shares if p > 0))


# speaking alike


def test_agreement_by_hand():
    messages = np.array([[[0, 1], [2, 2], [3, 3]], [[0, 1], [2, 5], [3, 3]], [[0, 7], [2, 5], [3, 3]]])
    # pairs: inputs 1 and 3; input 3; inputs 2 and 3
    assert metrics.agreement(messages).value == pytest.approx((2 / 3 + 1 / 3 + 2 / 3) / 3)
    # the second symbol unsaid, all agree
    assert metrics.agreement(messages, np.ones((3, 3), int)).value == 1
    assert metrics.agreement(messages[:1]).reason == "needs 2 speakers or more"


def test_divergence_by_hand():
    one, half = np.zeros((1, 4, 1), int), np.array([[[0], [0], [1], [1]]])
    both = np.concatenate([one, half])
    assert metrics.divergence(both).value == pytest.approx(h(3 / 4, 1 / 4) - 1 / 2)
    # of what does not matter; nothing in common is 1 bit
    assert metrics.divergence(np.concatenate([half, half[:, ::-1]])).value == 0
    assert metrics.divergence(np.concatenate([one, one + 1])).value == pytest.approx(1)
    # three speakers: mean over pairs
    assert metrics.divergence(np.concatenate([one, half, one])).value == pytest.approx(2 / 3 * (h(3 / 4, 1 / 4) - 1 / 2))


def test_speakers_of_one_language_are_above_the_null_and_strangers_are_not():
    rng = np.random.default_rng(0)
    language = rng.integers(0, 5, (60, 3))
    friend = np.where(rng.random((60, 3)) < 0.2, 9, language)
    stranger = rng.integers(0, 5, (60, 3))
    for metric in (metrics.synchrony, metrics.agreement):
        near = metric(np.stack([language, friend]), null=True, bootstrap=50)
        far = metric(np.stack([language, stranger]), null=True, bootstrap=0)
        assert near.low > near.null_high > near.null
        assert far.value < 2 * far.null_high
        assert far.low is None
    apart = metrics.edit_distance(np.stack([language, friend]), null=True)
    alike = metrics.synchrony(np.stack([language, friend]), null=True)
    assert apart.null == pytest.approx(1 - alike.null)
    # the same words, dealt out anew: as far apart as samples of one language are
    words = rng.integers(0, 8, (2, 60, 1))
    found = metrics.divergence(words, null=True, bootstrap=50)
    assert 0 < found.value < 2 * found.null_high
    assert found.low <= found.value <= found.high


def test_their_null_covers_over_random_languages():
    rng = np.random.default_rng(0)
    exceed = {metrics.agreement: 0, metrics.divergence: 0}
    for seed in range(200):
        messages = rng.integers(0, 3, (2, 60, 2))
        for metric in exceed:
            found = metric(messages, null=True, permutations=39, bootstrap=0, seed=seed)
            exceed[metric] += found.value > found.null_high
    # by exchangeability 2 to 3 of 40 are above the 95 % quantile of 39 permutations: 15 at most, and 4 deviations of the binomial
    assert all(1 <= count <= 15 + 4 * (200 * 0.075 * 0.925) ** 0.5 for count in exceed.values()), exceed


def test_drift_by_hand():
    first, second, third = (GRID + np.array([0, shift]) for shift in (4, 4, 8))
    found = metrics.drift([first, second, third, np.zeros((16, 1), int)], meanings=metrics.attribute_distances(GRID))
    assert [value.value for value in found.parent] == pytest.approx([None, 1, 0.5, 1 / 8])  # a quarter keep one symbol of two
    assert [value.value for value in found.first] == pytest.approx([None, 1, 0.5, 1 / 8])
    assert [value.value for value in found.topsim] == pytest.approx([1, 1, 1, None])
    assert [value.value for value in found.messages] == [16, 16, 16, 1]
    assert found.parent[0].reason == "the first generation has no parent"
    assert metrics.drift([first]).topsim[0].reason == "no meanings were given"
    assert metrics.drift([]) == ((), (), (), ())
    with pytest.raises(UsageError, match=r"expected tokens \[n, t\] of the same n inputs"):
        metrics.drift([first, first[:3]])


# cross-play


def test_cross_play_intervals_are_those_of_all_draws_of_seeds():
    matrix = np.array([[0.9, 0.2, 0.5], [0.3, 0.8, 0.4], [0.1, 0.6, 0.7]])
    gaps, selves, others = [], [], []
    for drawn in product(range(3), repeat=3):
        selves.append(np.mean([matrix[i, i] for i in drawn]))
        strangers = [matrix[i, j] for i in drawn for j in drawn if i != j]
        if strangers:
            others.append(np.mean(strangers))
            gaps.append(selves[-1] - others[-1])
    found = metrics.cross_play(matrix, chance=0.1, bootstrap=6000)
    for value, draws in ((found.diagonal, selves), (found.off_diagonal, others), (found.gap, gaps)):
        assert (value.low, value.high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=0.03)
        assert value.how == "bootstrap over 3 seeds, rows and columns together"
    assert (found.diagonal.null, found.gap.null) == (0.1, 0.0)
    assert metrics.cross_play(matrix).gap.low is None
    one = metrics.cross_play(matrix[:1, :1], bootstrap=10)
    assert (one.diagonal.value, one.diagonal.low) == (0.9, None)


def test_agents_of_one_seed_are_drawn_together():
    """Four agents of two seeds: the seeds are drawn, (0, 0), (0, 1), (1, 0) or (1, 1), and self-play is the mean of all their agents."""
    matrix = np.diag([0.1, 0.3, 0.7, 0.9])
    found = metrics.cross_play(matrix, groups=np.array([0, 0, 1, 1]), bootstrap=400)
    assert found.diagonal.value == pytest.approx(0.5)
    assert (found.diagonal.low, found.diagonal.high) == pytest.approx((0.2, 0.8))
    # pairs within a seed are there however often it is drawn
    assert found.off_diagonal.low == found.off_diagonal.high == 0


def test_intervals_of_the_gap_cover():
    """Runs of 12 seeds with effects of speakers and of listeners: the interval holds the true gap nearly as often as it says.

    A percentile bootstrap of 12 seeds is too narrow by sqrt(11 / 12) and the tails of t, some 4 of 100: 0.91 - 4 deviations at least.
    """
    rng, held = np.random.default_rng(0), 0
    for seed in range(120):
        speakers, listeners = rng.normal(0, 0.1, (2, 12))
        matrix = 0.4 + speakers[:, None] + listeners + rng.normal(0, 0.05, (12, 12)) + np.diag(rng.normal(0.3, 0.1, 12))
        gap = metrics.cross_play(matrix, bootstrap=150, seed=seed).gap
        held += gap.low < 0.3 < gap.high
    assert held / 120 > 0.91 - 4 * (0.91 * 0.09 / 120) ** 0.5


# accuracies


def test_accuracy_differences_by_hand():
    # Newcombe (1998), table II, 56 of 70 against 48 of 80: method 10
    found = metrics.accuracy_difference(np.arange(70) < 56, np.arange(80) < 48, paired=False)
    assert found[:4] == pytest.approx((0.2, 0.0524, 0.3339, 0), abs=5e-5)
    correct, other = np.array([1, 1, 1, 0]), np.array([1, 0, 0, 0])
    both = metrics.accuracy_difference(correct, other)
    assert (both.value, both.low, both.high, both.n) == pytest.approx((0.5, 0, 1, 4))
    assert metrics.co_adaptation(correct, other) == both
    assert metrics.accuracy_difference(np.zeros(0), np.zeros(0)).reason == "no examples"
    with pytest.raises(UsageError, match="4 answers and 3: expected the same games"):
        metrics.accuracy_difference(correct, other[:3])
    with pytest.raises(UsageError, match="expected a number from 0 to 1 for each example"):
        metrics.accuracy_difference(correct * 2.0, other)


def test_intervals_of_differences_cover():
    rng, paired, apart = np.random.default_rng(0), 0, 0
    for seed in range(200):
        first = rng.random(120) < 0.7
        second = np.where(rng.random(120) < 0.5, first, rng.random(120) < 0.4)  # right with 0.55, half of them together
        found = metrics.accuracy_difference(first, second, resamples=300, seed=seed)
        paired += found.low <= 0.15 <= found.high
        found = metrics.accuracy_difference(first, rng.random(90) < 0.55, paired=False)
        apart += found.low <= 0.15 <= found.high
    for held in (paired, apart):
        assert held / 200 == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / 200) ** 0.5)


def test_accuracy_by_level_and_its_trend():
    levels, correct = np.array([3, 1, 3, 2, 1]), np.array([0, 1, 0, 1, 1])
    found = metrics.accuracy_by(levels, correct, 0.25)
    assert {level: (value.value, value.n, value.null) for level, value in found.items()} == {
        1: (1, 2, 0.25),
        2: (1, 1, 0.25),
        3: (0, 2, 0.25),
    }
    slope = metrics.trend(levels, correct, null=True, bootstrap=50)
    # ranks 4.5 1.5 4.5 3 1.5 and 1.5 4 1.5 4 4
    assert slope.value == pytest.approx(np.corrcoef([4.5, 1.5, 4.5, 3, 1.5], [1.5, 4, 1.5, 4, 4])[0, 1])
    assert metrics.trend(levels * 0, correct).reason == "all levels are equal"
    assert metrics.trend(levels, np.ones(5)).reason == "all answers are equally right"
    with pytest.raises(UsageError, match="levels of shape"):
        metrics.accuracy_by(levels[:2], correct)


# names


def test_nulls_and_intervals_of_names():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 120)
    names = np.where(rng.random(120) < 0.7, labels, rng.integers(0, 4, 120))
    for index in (metrics.adjusted_rand, metrics.normalised_information, metrics.kappa):
        found = index(names, labels, null=True, bootstrap=50)
        assert found.low <= found.value <= found.high
        assert found.low > found.null_high > found.null
    assert metrics.adjusted_rand(names, labels).null == 0
    # of two equal agents kappa is 1, of a community the mean over pairs
    community = metrics.naming(np.stack([names, names, labels]), labels, null=True, permutations=20)
    assert community["kappa@AB"].value == 1
    pairs = [community[f"kappa@{pair}"].value for pair in ("AB", "AC", "BC")]
    assert community["kappa"].value == pytest.approx(np.mean(pairs))
    assert abs(community["kappa"].null) < 0.1


def test_acceptance():
    found = metrics.acceptance(np.array([[True, False], [True, True]]))
    assert (found.value, found.n) == (0.75, 4)
    assert metrics.acceptance(np.zeros((0, 2), bool)).reason == "no proposals"


def test_pairs_without_a_value_are_left_out():
    found = metrics.cross_play(np.array([[1.0, np.nan], [0.5, 1.0]]), bootstrap=20)
    assert (found.mean.value, found.mean.n) == (2.5 / 3, 3)
    assert (found.off_diagonal.value, found.off_diagonal.n, found.gap.value, found.gap.n) == (0.5, 1, 0.5, 3)
    alone = metrics.cross_play(np.array([[np.nan, 0.25], [0.5, np.nan]]))
    assert (alone.diagonal.value, alone.gap.value) == (None, None)
    assert alone.diagonal.reason == alone.gap.reason == "no such pair has a value"
    assert alone.off_diagonal.value == 0.375


@pytest.mark.parametrize("shape", [(2, 3, 0), (2, 0, 3), (1, 3, 0), (2, 0, 0)])
def test_empty_messages(shape: tuple[int, int, int]):
    """Messages of no symbols are all alike; of no messages nothing can be said."""
    silent = np.zeros(shape, int)
    found = metrics.community(silent, bootstrap=5, permutations=5)
    if shape == (2, 3, 0):
        assert (found["agreement"].value, found["synchrony"].value, found["divergence"].value) == (1.0, 1.0, 0.0)
    else:
        assert all(value.value is None and value.reason for value in found.values())
