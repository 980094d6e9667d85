"""Words that Harris's scheme finds, inventories of morphemes, and measures of variation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest

from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.metrics.compositionality import topsim
from semiosis.metrics.inventory import inventory
from semiosis.metrics.segments import articulation, segment
from semiosis.metrics.variation import variation

languages = SimpleNamespace(**run_path(str(Path(__file__).with_name("languages.py"))))
GRID = languages.grid(4, 4)
CLOSE = 1e-9


def spoken(tokens: np.ndarray, lengths: np.ndarray) -> list[list[int]]:
    return [row[:length] for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]


def bits(values: list) -> float:
    return -sum(count / len(values) * np.log2(count / len(values)) for count in Counter(values).values())


# segmentation


def test_boundaries_by_hand():
    """AB then C or D: after A always B, 0 bits; after AB 1 bit, a rise: a boundary before the third symbol; nothing follows that."""
    tokens = np.array([(0, 1, 2), (0, 1, 3)])
    found = segment(tokens)
    np.testing.assert_array_equal(found.begins, [[False, False, True]] * 2)
    assert found.vocabulary == ((0, 1), (2,), (3,))
    np.testing.assert_array_equal(found.words, [[0, 1], [0, 2]])
    assert not segment(tokens, threshold=1.0).begins.any()  # more than a bit is asked for
    # after B comes C, D or, where the end counts and AB ends twice, nothing more: log2 3 bits or so, once more a rise
    shorter = segment(tokens, np.array([2, 3]), end=True)
    np.testing.assert_array_equal(shorter.begins, [[False, False, False], [False, False, True]])
    assert not segment(tokens, np.array([2, 3])).begins.any()  # after AB always D
    assert segment(np.zeros((3, 0), int)).vocabulary == ()


def test_words_are_found():
    """Words of three symbols, then of two: the boundary between stands in every message."""
    found = segment(languages.words(GRID))
    assert found.begins[:, 3].all()
    assert {tuple(word) for word in languages.FIRST} <= set(found.vocabulary)
    # one cut too many, (5, 1) of the last message: after (6, 4), 2 bits; after (6, 4, 5), 0; (1) is what remains of 1 0 3 5 1
    assert found.begins[:, [1, 2]].sum() == 0


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_segmentation_equals_the_slow_program(seed: int, end: bool):
    _, tokens, lengths = languages.random(30, 6, 3, (2, 2), seed)
    said = spoken(tokens, lengths)
    heard = [[*row, "end"] for row in said] if end else said
    after = {}
    for row in heard:
        for i in range(len(row)):
            for j in range(i + 1, len(row)):
                after.setdefault(tuple(row[i:j]), []).append(row[j])
    slow = np.zeros(tokens.shape, bool)
    for k, row in enumerate(said):
        for i in range(len(row)):
            for j in range(i + 2, len(row)):  # the run is row[i:j], and row[j] follows it
                rise = bits(after[tuple(row[i:j])]) - bits(after[tuple(row[i : j - 1])])
                slow[k, j] |= rise > 0.01
    found = segment(tokens, lengths, threshold=0.01, end=end)
    np.testing.assert_array_equal(found.begins, slow)
    assert slow.any()
    for row, words, count in zip(said, found.words, found.counts, strict=True):
        assert [symbol for word in words[:count] for symbol in found.vocabulary[word]] == row


def test_words_mean_more_than_symbols():
    attributes = metrics.attribute_distances(GRID)
    found = articulation(languages.words(GRID), attributes, null=True, permutations=20, bootstrap=20)
    assert found.words.value > found.characters.value > found.random.high
    assert found.words.value > found.words.null_high
    # 16 between the words and one too many; 8 words, and two pieces of one
    assert (found.boundaries.value, found.vocabulary.value, found.word_length.value) == (17 / 16, 10, 80 / 33)
    assert found.boundaries.low <= found.boundaries.value <= found.boundaries.high
    assert found.characters.value == topsim(languages.words(GRID), attributes).value
    assert "rises by more than 0 bits" in found.words.how
    assert "20 random segmentations" in found.random.how


def test_random_boundaries_are_as_many():
    _, tokens, lengths = languages.random(40, 7, 3, (2, 2), seed=1)
    from semiosis.metrics.segments import _drawn

    begins = segment(tokens, lengths).begins
    drawn = _drawn(lengths, begins.sum(axis=1), 7, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.sum(axis=1), begins.sum(axis=1))
    assert not drawn[:, 0].any()
    assert not drawn[np.arange(7) >= lengths[:, None]].any()


def test_articulation_without_boundaries_says_so():
    found = articulation(languages.constant(GRID), metrics.attribute_distances(GRID))
    assert found.boundaries.value == 0
    assert found.words.reason == found.random.reason == "no boundaries: every message is one word"
    assert found.characters.reason == "constant language: all messages are equal"
    silent = articulation(np.zeros((4, 0), int), np.eye(4))
    assert silent.word_length.reason == "no symbols: every message is empty"
    assert articulation(GRID[:0], np.zeros((0, 2))).words.reason == "no messages"
    with pytest.raises(UsageError, match="0 random segmentations: expected 1 or more"):
        articulation(GRID, metrics.attribute_distances(GRID), draws=0)


# inventory


def entropy_of(p: float) -> float:
    return -p * np.log2(p) - (1 - p) * np.log2(1 - p)


@pytest.mark.parametrize(
    ("language", "copies", "found"),
    [
        # size, synonymy, polysemy, form length, coverage
        (languages.identity, 1, (8, 0, 0, 1, 1)),
        (languages.permuted, 1, (8, 0, 0, 1, 1)),
        (languages.bag, 1, (8, 0, 0, 1, 1)),
        (languages.shared, 1, (8, 0, 1, 1, 1)),  # each symbol has two meanings, four messages each
        (languages.holistic, 3, (16, 0, 0, 1, 1)),
        (languages.order_free, 3, (8, 0, 0, 1, 1)),
    ],
)
def test_inventories_of_golden_languages(language, copies: int, found: tuple):
    attributes = np.tile(GRID, (copies, 1))
    result = inventory(language(attributes), attributes)
    assert [value.value for value in result[:5]] == pytest.approx(list(found), abs=CLOSE)
    assert len(result.morphemes) == found[0]


def test_morphemes_by_hand():
    """ "Red not box": "not box" means circle, 1 bit, and is longer than "not", which tells as much; what is left of "box" means box.

    Each of four colours is in a quarter of the messages: h(1/4) bits. Circles have 3 symbols, boxes 2, and all are said for.
    """
    attributes, tokens, lengths = languages.negation(4)
    found = inventory(tokens, attributes, lengths)
    first, second, *colours = found.morphemes
    assert first == ((4, 5), ((1, 0),), 1.0, 4)
    assert second == ((5,), ((1, 1),), 1.0, 4)
    assert {(one.form, one.meaning) for one in colours} == {((c,), ((0, c),)) for c in range(4)}
    assert [one.bits for one in colours] == pytest.approx([entropy_of(1 / 4)] * 4, abs=1e-7)
    assert [value.value for value in found[:5]] == pytest.approx([6, 0, 0, (4 * 2 + 4 + 8) / 16, 1], abs=CLOSE)


def test_synonyms_by_hand():
    """One meaning has two words, used 3 and 1 times of 4; the other one word: (4 h(1/4) + 0) / 8 bits."""
    attributes = np.array([[0]] * 4 + [[1]] * 4)
    tokens = np.array([[0], [0], [0], [1], [2], [2], [2], [2]])
    found = inventory(tokens, attributes, least=1)
    assert (found.size.value, found.synonymy.value, found.polysemy.value) == pytest.approx((3, entropy_of(1 / 4) / 2, 0))
    # a word said once is not enough by default
    assert inventory(tokens, attributes).size.value == 2


def slow_inventory(said: list[list], meant: list[set], longest: int, most: int, least: int) -> Iterator[list]:
    """Count, select, ablate and repeat, counting all anew each time: says which pairs are best, and is sent the one to take."""
    n = len(said)

    def runs(row: list) -> set:
        every = {tuple(row[i : i + size]) for size in range(1, longest + 1) for i in range(len(row) - size + 1)}
        return {run for run in every if None not in run}

    def subsets(about: set) -> set:
        return {some for size in range(1, most + 1) for some in combinations(sorted(about), size)}

    first = Counter(run for row in said for run in runs(row))
    allowed = {run for run, count in first.items() if count >= least}
    while True:
        holds, means = [runs(row) & allowed for row in said], [subsets(about) for about in meant]
        pairs = Counter((run, some) for a, b in zip(holds, means, strict=True) for run in a for some in b)
        weights = {}
        for (run, some), both in pairs.items():
            with_run, with_some = sum(run in row for row in holds), sum(some in row for row in means)
            if both >= least and both * n > with_run * with_some:
                labels = [(run in a, some in b) for a, b in zip(holds, means, strict=True)]
                shared = bits([a for a, _ in labels]) + bits([b for _, b in labels]) - bits(labels)
                weights[run, some] = (round(shared, 8), len(run), len(some))
        best = max(weights.values(), default=None)
        run, some = yield [pair for pair, weight in weights.items() if weight == best]
        for i in (i for i in range(n) if run in holds[i] and some in means[i]):
            place = next(j for j in range(len(said[i])) if tuple(said[i][j : j + len(run)]) == run)
            said[i][place : place + len(run)] = [None] * len(run)
            meant[i] -= set(some)


@pytest.mark.parametrize("seed", range(3))
def test_inventories_equal_the_slow_program(seed: int):
    """Ties may be broken either way, so the slow program says which pairs are best, and is told which was taken."""
    attributes, tokens, lengths = languages.random(40, 4, 3, (2, 3), seed)
    found = inventory(tokens, attributes, lengths, longest=2)
    slow = slow_inventory(spoken(tokens, lengths), [set(enumerate(row)) for row in attributes.tolist()], 2, 2, 2)
    ties, taken = next(slow), []
    for one in found.morphemes:
        assert (one.form, one.meaning) in ties
        taken.append((one.form, one.meaning, one.messages))
        ties = slow.send((one.form, one.meaning))
    assert ties == []
    symbols = sum(len(one.form) * one.messages for one in found.morphemes)
    assert found.coverage.value == pytest.approx(symbols / lengths.sum(), abs=CLOSE)
    assert found.size.value == len(taken)


def test_inventories_of_noise_are_what_noise_gives():
    attributes, tokens, lengths = languages.random(40, 3, 5, (3, 3), seed=2)
    found = inventory(tokens, attributes, lengths, null=True, permutations=10, bootstrap=10)
    assert found.size.null > 0
    assert found.polysemy.value < 2 * found.polysemy.null_high
    for value in found[:5]:
        assert value.low <= value.value <= value.high
        assert value.n == 40
    code = inventory(languages.identity(np.tile(GRID, (3, 1))), np.tile(GRID, (3, 1)), null=True, permutations=10)
    assert code.coverage.value > code.coverage.null_high
    assert code.polysemy.value < code.polysemy.null


def test_inventories_without_a_pair_say_so():
    reason = "no form and meaning go together in 2 messages or more"
    assert {value.reason for value in inventory(languages.holistic(GRID), GRID)[:5]} == {reason}
    assert inventory(languages.constant(GRID), GRID).size.reason == "constant language: all messages are equal"
    assert inventory(GRID[:0], GRID[:0]).size.reason == "no messages"
    with pytest.raises(UsageError, match="most of 0: expected 1 or more"):
        inventory(GRID, GRID, most=0)


# variation


@pytest.mark.parametrize(
    ("language", "found"),
    [
        # synonymy, homonymy, freedom, entanglement
        (languages.identity, (0, 0, 0, 0)),
        (languages.permuted, (0, 0, 0, 0)),
        (languages.shared, (0, 0, 0, 0)),
        # four of 16 words for a value, 2 of 4 bits; a word tells the value; both attributes alike
        (languages.holistic, (1 / 2, 0, 1 / 2, 1)),
        # of a value: its symbol (1/2), or one of two of the other attribute (1/4 each), 1.5 bits of 3. Of a symbol: its value, 0 bits, for
        # the own four, one of two values, 1 bit of 2, for the other four
        (languages.bag, (1 / 2, 1 / 4, 1 / 2, 1)),
    ],
)
def test_variation_of_golden_languages(language, found: tuple):
    assert [value.value for value in variation(language(GRID), GRID)] == pytest.approx(list(found), abs=CLOSE)


def test_variation_of_synonyms_by_hand():
    """Value 0 has two words, half of the time each, 1 bit of the log2 3 in use; value 1 has one. No word has two values."""
    attributes, tokens = np.array([[0], [0], [1], [1]]), np.array([[0], [1], [2], [2]])
    found = variation(tokens, attributes)
    half = 1 / np.log2(3) / 2
    assert [value.value for value in found[:3]] == pytest.approx([half, 0, half])
    assert found.entanglement.reason == "fewer than 2 attributes that vary"
    # and the other way round: a word for two values of three, 1 bit of log2 3, a word for one
    back = variation(np.array([[0], [0], [1], [1]]), np.array([[0], [1], [2], [2]]))
    assert [value.value for value in back[:3]] == pytest.approx([0, half, 0])


def test_variation_with_and_without_the_end():
    """a, then in every other message of each meaning b: regular for those that reach it, half silence otherwise."""
    attributes = np.tile(GRID, (2, 1))
    tokens, lengths = languages.identity(attributes), np.arange(32) // 16 + 1
    assert [value.value for value in variation(tokens, attributes, lengths, end=False)] == pytest.approx([0, 0, 0, 0], abs=CLOSE)
    # b's best place holds b or silence, 1 bit of the log2 9 in use; of silence b is unknown, 2 bits of 2, of five symbols there
    bit = 1 / np.log2(9)
    found = variation(tokens, attributes, lengths)
    assert [value.value for value in found[:3]] == pytest.approx([bit / 2, 1 / 5 / 2, bit / 2], abs=CLOSE)
    # a: 0 at its place, and at the other half silence, half four symbols, 2 bits; b: 2 bits at the first, 1 bit at the second
    assert found.entanglement.value == pytest.approx(1 - 2 / 2, abs=CLOSE)


@pytest.mark.parametrize("end", [False, True])
def test_variation_equals_the_slow_program(end: bool):
    attributes, tokens, lengths = languages.random(80, 3, 4, (3, 2), seed=3)
    said = [[*row, *[-1] * (3 - len(row))] for row in spoken(tokens, lengths)]
    rows = [[i for i in range(80) if end or said[i][j] >= 0] for j in range(3)]
    used = np.log2(len({said[i][j] for j in range(3) for i in rows[j]}))
    synonymy, homonymy, freedom, profiles = [], [], [], []
    for column in attributes.T.tolist():
        values = sorted(set(column))
        spread = np.array([[bits([said[i][j] for i in rows[j] if column[i] == value]) / used for j in range(3)] for value in values])
        doubt = []
        for j in range(3):
            symbols = {said[i][j] for i in rows[j]}
            doubt.append(np.mean([bits([column[i] for i in rows[j] if said[i][j] == symbol]) / np.log2(len(values)) for symbol in symbols]))
        synonymy.append(spread.min(axis=1).mean())
        freedom.append(spread.mean(axis=0).min())
        homonymy.append(min(doubt))
        profiles.append(spread.mean(axis=0))
    apart = 1 - max(abs(profiles[0] - profiles[1])) / max(*profiles[0], *profiles[1])
    found = variation(tokens, attributes, lengths, end=end)
    slow = [np.mean(synonymy), np.mean(homonymy), np.mean(freedom), apart]
    assert [value.value for value in found] == pytest.approx(slow, abs=CLOSE)


def test_variation_of_codes_and_noise():
    attributes, tokens, _ = languages.random(150, 3, 5, (4, 4), seed=4)
    noise = variation(tokens, attributes, null=True, permutations=20, bootstrap=20)
    code = variation(languages.identity(attributes), attributes, null=True, permutations=20)
    for random, regular in zip(noise, code, strict=True):
        assert abs(random.value - random.null) < 0.1
        assert random.low <= random.value <= random.high
        assert regular.value == pytest.approx(0, abs=CLOSE)
        assert regular.null > 0.3


def test_variation_of_a_constant_language_has_a_reason():
    assert {value.reason for value in variation(languages.constant(GRID), GRID)} == {"constant language: nothing in the messages varies"}
    assert {value.reason for value in variation(GRID, GRID * 0)} == {"no attribute varies"}
    assert {value.reason for value in variation(GRID[:0], GRID[:0])} == {"no messages"}
