"""Topographic similarity and disentanglement: golden languages, the slow program, the null, and where published programs differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom, spearmanr

from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.metrics.compose import conflict_count, tree_reconstruction_error
from semiosis.metrics.compositionality import message_distances, topsim
from semiosis.metrics.disentanglement import bosdis, posdis
from semiosis.metrics.lexical import associations, concept_matching, context_independence
from semiosis.metrics.meanings import checked_attributes
from semiosis.metrics.nulls import judged, judged_together
from semiosis.metrics.value import Value

languages = SimpleNamespace(**run_path(str(Path(__file__).with_name("languages.py"))))
GRID = languages.grid(4, 4)
CLOSE = 1e-9


def bits(values: list) -> float:
    """Plug-in entropy, one value at a time."""
    return -sum(count / len(values) * np.log2(count / len(values)) for count in Counter(values).values())


def gap(feature: list, attributes: np.ndarray) -> float | None:
    """[I(s; a1) - I(s; a2)] / H(s), or None where the feature never varies."""
    if len(set(feature)) < 2:
        return None
    told = [bits(feature) + bits(list(column)) - bits(list(zip(feature, column, strict=True))) for column in attributes.T]
    best, second = sorted(told)[:-3:-1]
    return (best - second) / bits(feature)


def mean_gap(features: list[tuple[list, np.ndarray]]) -> float:
    gaps = [found for feature, attributes in features if (found := gap(feature, attributes)) is not None]
    return sum(gaps) / len(gaps)


# golden languages


@pytest.mark.parametrize(
    ("language", "found"),
    [
        (languages.identity, (1.0, 1.0, 1.0)),
        (languages.permuted, (1.0, 1.0, 1.0)),
        (languages.shared, (1.0, 1.0, 0.0)),  # a count of v says that one of two attributes is v, never which
        (languages.holistic, (None, 0.0, 0.0)),  # all words are equally far apart; each tells 2 bits of either attribute
        (languages.bag, (None, 0.0, 1.0)),  # a place tells 1.5 bits of either attribute, see below for its topsim
    ],
)
def test_golden_languages(language: Callable, found: tuple):
    tokens = language(GRID)
    similarity = topsim(tokens, metrics.attribute_distances(GRID)).value
    assert found[1:] == pytest.approx((posdis(tokens, GRID).value, bosdis(tokens, GRID).value), abs=CLOSE)
    if language is not languages.bag:
        assert similarity == (None if found[0] is None else pytest.approx(found[0], abs=CLOSE))


def test_three_attributes():
    """Of 3 x 2 x 2 meanings said at three places, swapping two places for odd sums leaves the third place alone."""
    attributes = languages.grid(3, 2, 2)
    tokens = languages.identity(attributes)
    assert posdis(tokens, attributes).value == pytest.approx(1, abs=CLOSE)
    # the last two places: a symbol of b or c, 2 bits, of which b alone tells 1 bit (which pair of symbols remain), and so does c
    odd = attributes[:, 1:].sum(axis=1) % 2 == 1
    tokens[odd] = tokens[odd][:, [0, 2, 1]]
    second = gap(tokens[:, 1].tolist(), attributes)
    assert posdis(tokens, attributes).value == pytest.approx((1 + 2 * second) / 3, abs=CLOSE)
    assert bosdis(tokens, attributes).value == pytest.approx(1, abs=CLOSE)


def test_negation():
    """Colour, then "box" or "not box": each place, and each symbol that varies, speaks of one attribute."""
    attributes, tokens, lengths = languages.negation(5)
    for end in (False, True):
        assert posdis(tokens, attributes, lengths, end=end).value == pytest.approx(1, abs=CLOSE)
        assert bosdis(tokens, attributes, lengths, end=end).value == pytest.approx(1, abs=CLOSE)


def test_a_language_free_in_its_order_keeps_its_symbols():
    attributes = np.tile(GRID, (4, 1))
    tokens = languages.order_free(attributes)
    assert bosdis(tokens, attributes).value == pytest.approx(1, abs=CLOSE)
    assert posdis(tokens, attributes).value < 0.2
    # sets of symbols do not see the order: 2/3 apart with one attribute in common, 1 with none, 0 with both
    assert topsim(tokens, metrics.attribute_distances(attributes), distance="jaccard").value == pytest.approx(1, abs=CLOSE)
    assert topsim(tokens, metrics.attribute_distances(attributes)).value < 0.8


def test_constant_languages_have_a_reason():
    tokens = languages.constant(GRID)
    for metric in (posdis, bosdis):
        found = metric(tokens, GRID, null=True, bootstrap=5)
        assert found[:5] == (None,) * 5
        assert found.reason == "constant language: nothing in the messages varies"
    found = topsim(tokens, metrics.attribute_distances(GRID), null=True, bootstrap=5)
    assert (found[:5], found.reason) == ((None,) * 5, "constant language: all messages are equal")
    # the ends alone differ: nothing to hear unless the end counts
    lengths, none = np.arange(16) % 3, np.zeros((16, 0), int)
    assert posdis(none, GRID).value is bosdis(none, GRID).value is None
    assert posdis(tokens, GRID, lengths, end=False).value is None
    assert posdis(tokens, GRID, lengths).value is not None


# distances of messages


def test_distances_by_hand():
    tokens = np.array([(1, 2, 3, 9), (2, 3, 1, 9), (1, 1, 9, 9), (9, 9, 9, 9)])
    lengths = np.array([3, 3, 2, 0])
    # 123, 231, 11, nothing. Edits: drop 1, add 1; 123 to 11: 2 becomes 1, drop 3; 231 to 11: the same; to nothing: all
    assert message_distances(tokens, lengths, distance="edits").tolist() == [2, 2, 3, 2, 3, 2]
    assert message_distances(tokens, lengths).tolist() == pytest.approx([2 / 3, 2 / 3, 1, 2 / 3, 1, 1])
    # places: all three; 2 and the third; 2, 3 and the third, which has ended
    assert message_distances(tokens, lengths, distance="hamming").tolist() == pytest.approx([1, 2 / 3, 1, 1, 1, 1])
    # {1, 2, 3} twice, {1}, nothing
    assert message_distances(tokens, lengths, distance="jaccard").tolist() == pytest.approx([0, 2 / 3, 1, 2 / 3, 1, 1])
    # the end is one more symbol, and the same for all
    assert message_distances(tokens, lengths, end=True).tolist() == pytest.approx([2 / 4, 2 / 4, 3 / 4, 2 / 4, 3 / 4, 2 / 3])
    assert message_distances(tokens, lengths, distance="jaccard", end=True).tolist() == pytest.approx(
        [0, 1 / 2, 3 / 4, 1 / 2, 3 / 4, 1 / 2]
    )
    assert message_distances(tokens, lengths * 0, distance="jaccard").tolist() == [0] * 6


def slow_edits(left: list, right: list) -> int:
    if not left or not right:
        return len(left) + len(right)
    swap = slow_edits(left[1:], right[1:]) + (left[0] != right[0])
    return min(swap, slow_edits(left[1:], right) + 1, slow_edits(left, right[1:]) + 1)


SLOW = {
    "edits": slow_edits,
    "levenshtein": lambda a, b: slow_edits(a, b) / max(len(a), len(b), 1),
    "hamming": lambda a, b: (
        sum(x != y for x, y in zip(a, b, strict=False)) + abs(len(a) - len(b))
    ) / max(len(a), len(b), 1),
    "jaccard": lambda a, b: 1 - len({*a} & {*b}) / len({*a} | {*b}) if a or b else 0.0,
}  # fmt: skip


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("distance", sorted(SLOW))
def test_topsim_with_every_distance_equals_the_slow_program(distance: str, end: bool):
    attributes, tokens, lengths = languages.random(40, 4, 3, (3, 4), seed=5)
    tokens[:, 0] = attributes[:, 0]  # not all noise
    said = [row[:length] + [99] * end for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]
    slow = [SLOW[distance](a, b) for a, b in combinations(said, 2)]
    np.testing.assert_allclose(message_distances(tokens, lengths, distance=distance, end=end), slow, atol=1e-12)
    meanings = metrics.attribute_distances(attributes)
    found = topsim(tokens, meanings, lengths, distance=distance, end=end)
    assert found.value == pytest.approx(spearmanr(slow, meanings).statistic, abs=CLOSE)
    assert f"end {'counted' if end else 'not counted'}" in found.how


def test_a_distance_that_does_not_exist():
    with pytest.raises(UsageError, match=r"unknown distance of messages 'cosine': known are levenshtein, edits, hamming, jaccard"):
        topsim(GRID, np.ones((16, 2)), distance="cosine")


# disentanglement against the slow program


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_disentanglement_equals_the_slow_program(seed: int, end: bool):
    attributes, tokens, lengths = languages.random(50, 4, 5, (3, 4, 2), seed)
    tokens[:, 0] = attributes[:, 0]
    said = [[*row[:length], *[-1] * (4 - length)] for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]
    reach = [np.full(50, True) if end else lengths > j for j in range(4)]
    places = [([row[j] for row, here in zip(said, reach[j], strict=True) if here], attributes[reach[j]]) for j in range(4)]
    assert posdis(tokens, attributes, lengths, end=end).value == pytest.approx(mean_gap(places), abs=CLOSE)
    symbols = [*range(5), *[-1] * end]
    bags = [([row.count(symbol) for row in said], attributes) for symbol in symbols]
    assert bosdis(tokens, attributes, lengths, end=end).value == pytest.approx(mean_gap(bags), abs=CLOSE)


@pytest.mark.parametrize("metric", [posdis, bosdis])
def test_nulls_and_resamples_are_of_the_metric_itself(metric: Callable):
    """Counting anew what permutations and resamples change must give what the metric gives of them."""
    attributes, tokens, lengths = languages.random(40, 3, 4, (3, 4), seed=1)
    plain = metric(tokens, attributes, lengths, null=True, permutations=15, bootstrap=15, seed=3)
    rng = np.random.default_rng(3)
    slow = [metric(tokens, attributes[rng.permutation(40)], lengths).value for _ in range(15)]
    assert (plain.null, plain.null_high) == pytest.approx((np.mean(slow), np.quantile(slow, 0.95)), abs=CLOSE)
    rng, drawn = np.random.default_rng(3), []
    for _ in range(15):
        rows = rng.integers(40, size=40)
        drawn.append(metric(tokens[rows], attributes[rows], lengths[rows]).value)
    low, high = np.quantile(drawn, [0.025, 0.975]) + plain.value - np.mean(drawn)
    assert (plain.low, plain.high) == pytest.approx((max(low, 0), min(high, 1)), abs=CLOSE)
    assert plain.how.endswith("; bootstrap about the value")


def test_many_symbols_and_values_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch):
    attributes, tokens, lengths = languages.random(60, 5, 30, (7, 5), seed=2)
    whole = [metric(tokens, attributes, lengths).value for metric in (posdis, bosdis)]
    monkeypatch.setattr("semiosis.metrics.disentanglement._CELLS", 20)
    assert [metric(tokens, attributes, lengths).value for metric in (posdis, bosdis)] == pytest.approx(whole, abs=1e-12)


# the null and the interval


def similarity(tokens: np.ndarray, attributes: np.ndarray, **options: object) -> Value:
    return topsim(tokens, metrics.attribute_distances(attributes), **options)


def matching(tokens: np.ndarray, attributes: np.ndarray, **options: object) -> Value:
    return concept_matching(tokens, attributes, **options).score


def bijective(tokens: np.ndarray, attributes: np.ndarray, **options: object) -> Value:
    return associations(tokens, attributes, **options).bijective


@pytest.mark.parametrize("metric", [similarity, posdis, bosdis, context_independence, matching, bijective])
def test_nulls_cover_random_languages(metric: Callable):
    """Of languages that mean nothing, as many exceed the 95 % quantile of their null as should.

    A value and its 60 permutations are exchangeable. The quantile lies between the 57th and the 58th of the 60 in order, so a value above
    it is among the greatest 3 or, between the two, the 4th of 61: its chance is at least 3/61 and at most 4/61, less where values tie. Of
    200 languages between 1 and the 99.98 % quantile of the binomial exceed it, but for one case in 4,000: (58/61) ^ 200 = 4e-5.
    """
    above = 0
    for seed in range(200):
        attributes, tokens, _ = languages.random(25, 3, 6, (3, 3), seed)
        found = metric(tokens, attributes, null=True, permutations=60, seed=seed)
        above += found.value > found.null_high + 1e-12
    assert 1 <= above <= binom.ppf(0.9998, 200, 4 / 61)


@pytest.mark.parametrize("metric", [similarity, posdis, bosdis, context_independence, matching, bijective])
def test_a_code_stands_above_its_null(metric: Callable):
    attributes = np.tile(GRID, (3, 1))
    found = metric(languages.identity(attributes), attributes, null=True, permutations=50, bootstrap=50)
    assert found.value == pytest.approx(1, abs=CLOSE)
    assert found.null < found.null_high < 0.7
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("metric", [similarity, posdis, bosdis, context_independence, matching, bijective, conflict_count])
def test_intervals_hold_the_value(metric: Callable):
    """Also of a random language, where plug-in numbers of resamples lie nearly all above it."""
    for seed in range(3):
        attributes, tokens, _ = languages.random(60, 4, 9, (5, 4), seed)
        found = metric(tokens, attributes, bootstrap=40, seed=seed)
        assert found.low <= found.value <= found.high
        assert found.low < found.high
        assert metric(tokens, attributes, bootstrap=40, seed=seed) == found


def test_a_mean_judged_by_hand():
    x, y = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0.0, 0.0, 1.0, 1.0])
    found = judged(lambda a, b: float(x[a] @ y[b]), 4, "sum", null=True, permutations=4000, bootstrap=500, reason="none")
    # each x meets a 1 half of the time: 15 / 2; at most 4 + 8, which one order in 6 gives
    assert (found.value, found.null_high, found.n, found.how) == (12, 12, 4, "sum")
    assert found.null == pytest.approx(7.5, abs=4 * np.sqrt(9.6 / 4000))  # variance of the sum of 2 of 4: 2 (1 - 1/3) 28.75 / 4 = 9.6
    assert found.low < 12 < found.high
    assert judged(lambda a, b: None, 4, "sum", null=True, bootstrap=9, reason="why") == metrics.undefined("why", 4, "sum")
    assert judged(lambda a, b: 1.0, 0, "sum", reason="why").reason == "no messages"
    # resamples that are 1 too high are moved back, and what the metric cannot be is cut off
    biased = judged(lambda a, b: 2.0 if a is b and len(set(a.tolist())) < 4 else 1.0, 4, "", bootstrap=99, reason="", bounds=(0.9, 1.05))
    assert (biased.low, biased.high, biased.how) == (0.9, 1.05, "; bootstrap about the value")
    pair = judged_together(lambda a, b: (1.0, None), 3, ["one", "none"], null=True, bootstrap=9, reasons=["", "why"])
    assert pair == (Value(1.0, 1.0, 1.0, 1.0, 1.0, 3, how="one"), metrics.undefined("why", 3, "none"))
    with pytest.raises(UsageError, match="0 permutations for a null: expected 1 or more"):
        judged(lambda a, b: 1.0, 3, "", null=True, permutations=0, reason="")
    with pytest.raises(UsageError, match="bootstrap of -1 resamples: expected 0, for none, or more"):
        judged(lambda a, b: 1.0, 3, "", bootstrap=-1, reason="")


# published programs: their formula, in a few lines of ours, and what it gives beside what it should


def test_bosdis_with_the_end_or_without():
    """EGG drops symbol 0, its end; emlangkit counts it. Meanings (a, b) of two values each: 1 + a, then 3 + a where a = b, else the end.

    Symbols 1 and 2 tell a: gap 1 each. Symbols 3 and 4 stand in one message of 4: H = h(1/4) = 0.811, and of a as of b they tell h(1/4) -
    h(1/2) / 2 = 0.311: gap 0. EGG's mean is 2 / 4. The number of zeros, 0 or 1, tells whether a = b, so nothing of a or b: 2 / 5.
    """
    attributes = languages.grid(2, 2)
    tokens = np.array([(1, 3), (1, 0), (2, 0), (2, 4)])
    counts = [([row.count(symbol) for row in tokens.tolist()], attributes) for symbol in range(5)]
    egg, emlangkit = mean_gap(counts[1:]), mean_gap(counts)
    assert (egg, emlangkit) == pytest.approx((0.5, 0.4), abs=CLOSE)
    lengths = (tokens > 0).sum(axis=1)
    assert bosdis(tokens, attributes, lengths).value == pytest.approx(egg, abs=CLOSE)
    assert bosdis(tokens, attributes, lengths, end=True).value == pytest.approx(emlangkit, abs=CLOSE)
    # that zeros are symbols like others where messages are full is for the caller to say
    assert bosdis(tokens, attributes).value == pytest.approx(emlangkit, abs=CLOSE)


def egg_posdis(tokens: np.ndarray, attributes: np.ndarray) -> float:
    """The two greatest of the sorted informations over the entropy, summed and divided by the number of places that vary."""
    total, places = np.float64(0), np.float64(0)
    for column in tokens.T.tolist():
        told = sorted(bits(column) + bits(list(a)) - bits(list(zip(column, a, strict=True))) for a in attributes.T)
        if bits(column) > 0:
            total, places = total + (told[-1] - told[-2]) / bits(column), places + 1
    with np.errstate(invalid="ignore"):
        return float(total / places)


def test_posdis_where_egg_has_no_answer():
    tokens = languages.identity(GRID)
    assert egg_posdis(tokens, GRID) == pytest.approx(posdis(tokens, GRID).value, abs=CLOSE)
    with pytest.raises(IndexError):
        egg_posdis(tokens, GRID[:, :1])
    assert posdis(tokens, GRID[:, :1]).reason == "the gap between two attributes needs 2 attributes or more"
    assert np.isnan(egg_posdis(languages.constant(GRID), GRID))
    assert posdis(languages.constant(GRID), GRID).reason == "constant language: nothing in the messages varies"


def test_posdis_of_the_first_place_alone():
    """Korbak et al.'s program returns after the first place. First a, then one of 16 symbols for (a, b): gaps 1 and (2 - 2) / 4."""
    tokens = np.stack([GRID[:, 0], np.arange(16)], axis=1)
    first = gap(tokens[:, 0].tolist(), GRID)
    assert (first, posdis(tokens, GRID).value) == pytest.approx((1, 0.5), abs=CLOSE)
    # the other way round it would be 0
    assert gap(tokens[:, 1].tolist(), GRID) == pytest.approx(0, abs=CLOSE)


def test_association_of_what_never_meets():
    """emlangkit's nc-NPMI takes log2 of 0. Two messages for two meanings: 1 together, -1 apart (its limit), where it has nan."""
    attributes, tokens = np.array([[0], [1]]), np.array([[5], [6]])
    joint, alone = np.eye(2) / 2, np.full((2, 2), 1 / 4)
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = np.log2(joint / alone) / -np.log2(joint)
    assert np.isnan(theirs[0, 1])
    assert theirs[0, 0] == 1
    found = associations(tokens, attributes, whole=True)
    assert (found.best.value, found.bijective.value) == (1, 1)
    from semiosis.metrics.lexical import _npmi

    np.testing.assert_array_equal(_npmi(np.eye(2), np.ones(2), np.ones(2), 2), [[1, -1], [-1, 1]])


def test_two_readings_of_context_independence():
    """Bogin et al. take the symbol with the greatest p(concept | symbol), other programs that with the greatest p(symbol | concept).

    Of four messages about each of two concepts, three hold its own symbol (0 or 1), and all hold a third (9). By the first reading a
    concept goes with its own: 3/4 x 1; by the second with the third: 1 x 1/2.
    """
    attributes = np.array([[0], [0], [0], [0], [1], [1], [1], [1]])
    tokens = np.array([(0, 9), (0, 9), (0, 9), (9, 9), (1, 9), (1, 9), (1, 9), (9, 9)])
    assert context_independence(tokens, attributes).value == pytest.approx(0.75)
    assert context_independence(tokens, attributes, reading="symbol-given-concept").value == pytest.approx(0.5)


def test_empty_languages_and_misuse():
    none, nothing = np.zeros((0, 3), int), np.zeros((0, 2), int)
    for metric in (posdis, bosdis, conflict_count, tree_reconstruction_error, context_independence):
        assert metric(none, nothing).reason == "no messages"
    with pytest.raises(UsageError, match=r"attributes of shape \(3,\) and type int64: expected integers \[3, k\]"):
        checked_attributes(np.arange(3), 3)


def test_attributes_are_not_taken_for_vectors():
    """A perfect code of two binary attributes: 1 by attributes; integers, whose cosine means nothing, are refused unless one-hot."""
    attributes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert metrics.topsim(attributes, metrics.attribute_distances(attributes)).value == pytest.approx(1.0)
    for integers in (attributes, attributes - 1, attributes.astype(bool), -np.eye(4, dtype=int)):
        with pytest.raises(UsageError, match=r"^meanings are integers: expected float vectors, or attribute_distances\(attributes\)"):
            metrics.topsim(attributes, integers)
    one_hot = np.eye(4, dtype=int)[[0, 0, 1, 2]]
    assert metrics.topsim(attributes, one_hot) == metrics.topsim(attributes, one_hot.astype(float))
