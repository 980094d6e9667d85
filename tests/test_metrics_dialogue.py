"""Metrics of conversations, on values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.metrics import f1_score

from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.metrics import dialogue

# three conversations of two steps about three classes; scores are logarithms of probabilities
P = np.array([[[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], [[0.25, 0.5, 0.25], [0.125, 0.75, 0.125]], [[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]])
SCORES, TARGET = np.log(P), np.array([0, 1, 2])
MASK = np.array([[1, 0], [1, 1], [1, 1]], bool)


def bits(text: str) -> np.ndarray:
    """Bits from `01 10|11 00`: messages of a conversation parted by spaces."""
    return np.array([[[bit == "1" for bit in message] for message in row.split()] for row in text.split("|")])


def binary(p: float) -> float:
    return -sum(q * math.log2(q) for q in (p, 1 - p) if q)


# ------------------------------------------------------------------------------------------------------------------ answers


def test_rank():
    assert dialogue.target_rank(SCORES, TARGET).tolist() == [[1, 2], [1, 1], [2, 1]]  # ties share a place
    assert dialogue.target_rank(np.array([[3.0, 1.0, 2.0], [5.0, 5.0, 5.0]]), np.array([1, 2])).tolist() == [3, 1]
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(9, 4, 6)), rng.integers(6, size=9)
    ranks = dialogue.target_rank(scores, target)
    for i, t in np.ndindex(9, 4):
        assert ranks[i, t] == sorted(scores[i, t], reverse=True).index(scores[i, t, target[i]]) + 1


def test_accuracy_among_the_best():
    last = SCORES[:, 1]
    assert [dialogue.accuracy_at(last, TARGET, k).value for k in (1, 2, 3)] == [2 / 3, 1.0, 1.0]
    one = dialogue.accuracy_at(last, TARGET, 2)
    assert (one.null, one.n, one.how) == (2 / 3, 3, "Wilson")
    same = np.zeros((4, 4))  # a receiver that has no opinion is right as often as chance has it
    assert [dialogue.accuracy_at(same, np.arange(4), k).value for k in (1, 2, 4)] == [0.25, 0.5, 1.0]
    for k in (0, 4):
        with pytest.raises(UsageError, match=f"among the best {k} of 3 classes: expected 1 to 3"):
            dialogue.accuracy_at(last, TARGET, k)


def test_no_example_is_lost_in_a_last_batch():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(53, 5)), rng.integers(5, size=53)
    found = dialogue.accuracy_at(scores, target, 1)
    assert found.n == 53
    assert found.value == pytest.approx(sum(scores[i].argmax() == target[i] for i in range(53)) / 53)


def test_answers_at_the_end_and_on_demand():
    assert dialogue.answered_scores(SCORES, MASK).tolist() == [SCORES[0, 0].tolist(), SCORES[1, 1].tolist(), SCORES[2, 1].tolist()]
    assert dialogue.answered_accuracy(SCORES, MASK, TARGET).value == 1.0
    assert dialogue.answered_accuracy(SCORES, np.ones((3, 2), bool), TARGET).value == pytest.approx(2 / 3)
    assert dialogue.answered_accuracy(SCORES, MASK, TARGET).null == pytest.approx(1 / 3)
    assert dialogue.step_correct(SCORES, TARGET).tolist() == [[True, False], [True, True], [False, True]]
    assert dialogue.step_accuracy(SCORES, TARGET).tolist() == pytest.approx([2 / 3, 2 / 3])


def test_confidence_and_entropy():
    sure = dialogue.step_confidence(SCORES.astype(np.float32), TARGET)
    assert sure.top.tolist() == pytest.approx([0.5, (0.5 + 0.75 + 0.75) / 3], rel=1e-6)
    assert sure.right.tolist() == pytest.approx([(0.5 + 0.5 + 0.25) / 3, (0.25 + 0.75 + 0.75) / 3], rel=1e-6)
    late = 0.75 * math.log2(4 / 3) + 0.25 * 3
    assert dialogue.step_entropy(SCORES).tolist() == pytest.approx([1.5, (1.5 + 2 * late) / 3])
    assert dialogue.step_entropy(np.array([[[0.0, -np.inf]]])).tolist() == [0.0]


def test_confusion_has_all_classes():
    table = dialogue.confusion(np.array([0, 0, 2, 2]), np.array([0, 2, 2, 2]), 4)
    assert table.tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]]
    assert dialogue.confusion(np.array([15] * 3, np.int8), np.array([15] * 3, np.int8), 16)[15, 15] == 3
    with pytest.raises(UsageError, match="answers from 0 to 3: expected 0 to 2"):
        dialogue.confusion(np.array([0, 1]), np.array([0, 3]), 3)


def test_f1():
    target, answer = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2, 2])
    found = dialogue.f1_by_class(dialogue.confusion(target, answer, 5))
    assert [f1.value for f1 in found[:3]] == pytest.approx([0.8, 0.5, 2 / 3])
    assert [f1.value for f1 in found[:3]] == pytest.approx(f1_score(target, answer, average=None))
    assert [f1.n for f1 in found] == [3, 2, 1, 0, 0]
    assert found[3].value is None
    assert found[3].reason == "no examples of this class"
    for f1 in found[:3]:
        assert 0 <= f1.low <= f1.value <= f1.high <= 1
    sure = dialogue.f1_by_class(np.diag([50, 50]))
    assert [(f1.low, f1.high) for f1 in sure] == [(1.0, 1.0)] * 2
    assert [f1.value for f1 in dialogue.f1_by_class(np.zeros((2, 2), int))] == [None, None]


def test_the_interval_of_f1_shrinks_with_examples():
    wide = []
    for times in (10, 1000):
        low, high = dialogue.f1_by_class(times * np.array([[3, 1], [1, 3]]))[0][1:3]
        wide.append(high - low)
    assert wide[1] == pytest.approx(wide[0] / 10, rel=0.15)
    # the delta method: F1 = 2a / (2a + e) of shares a = 3/8 and e = 2/8 has gradient (1/2, -3/4), and its variance over 80 is 15/64
    assert wide[0] == pytest.approx(2 * 1.96 * (15 / 64 / 80) ** 0.5, rel=0.1)


# ------------------------------------------------------------------------------------------------------------------ lengths


def test_lengths():
    found = dialogue.length_by_class(np.array([1, 2, 3, 5, 5]), np.array([0, 0, 0, 2, 2]), 3)
    assert [length.value for length in found] == [2.0, None, 5.0]
    assert [length.n for length in found] == [3, 0, 2]
    assert (found[2].low, found[2].high) == (5.0, 5.0)
    assert (found[0].low, found[0].high) == (1.0, 3.0)
    assert dialogue.open_share(MASK).tolist() == pytest.approx([1.0, 2 / 3])


def test_bits_of_a_conversation():
    found = dialogue.bits_per_dialogue(np.array([1, 3]), 8)
    assert found.value == 8 * (1 + 5) / 2  # the sender says 1 and 3 messages, the receiver 0 and 2 that are read
    assert (found.low, found.high) == (8.0, 40.0)
    assert dialogue.bits_per_dialogue(np.zeros(0, int), 8).value is None


def hard_takes_long() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths, targets and answers of six classes: the first is told at once, the last late and mostly wrong."""
    rng = np.random.default_rng(0)
    target = rng.permutation(np.repeat(np.arange(6), 40))
    lengths = 1 + target // 2 + rng.integers(2, size=240)
    answer = np.where(rng.random(240) < target / 7, rng.integers(6, size=240), target)
    return lengths, target, answer


def test_length_against_f1():
    lengths, target, answer = hard_takes_long()
    found = dialogue.length_against_f1(lengths, target, answer, 8)  # two classes have no examples
    means = [lengths[target == i].mean() for i in range(6)]
    f1 = f1_score(target, answer, average=None)
    assert found.value == pytest.approx(spearmanr(means, f1).statistic)
    assert found.n == 6
    assert -1 <= found.low <= found.value <= found.high < 0
    other = dialogue.length_against_f1(lengths, target, answer, 8, seed=1)
    assert other.low == pytest.approx(found.low, abs=0.1)


def test_length_against_f1_is_undefined_where_nothing_varies():
    lengths, target, answer = hard_takes_long()
    assert dialogue.length_against_f1(np.full(240, 3), target, answer, 6).reason == "all classes have the same mean length"
    assert dialogue.length_against_f1(lengths, target, target, 6).reason == "all classes have the same F1"
    few = target < 2
    assert dialogue.length_against_f1(lengths[few], target[few], answer[few], 6).reason == "fewer than 3 classes"
    rare = np.array([1, 2, 3]), np.array([0, 1, 2]), np.array([0, 1, 0])  # one example a class: every resample is the same
    assert dialogue.length_against_f1(*rare, 3).low == dialogue.length_against_f1(*rare, 3).value


def test_calibration():
    go = np.array([[0.95, 0.05], [0.95, 0.05], [0.45, 0.05]])
    correct = np.array([[False, True], [True, True], [True, False]])
    mask = np.array([[1, 1], [1, 1], [1, 0]], bool)
    found = dialogue.go_calibration(go, correct, mask)
    assert found.n.tolist() == [2, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert found.stop[[0, 5, 9]].tolist() == pytest.approx([0.05, 0.55, 0.95])
    assert found.right[[0, 5, 9]].tolist() == [0.5, 1.0, 1.0]
    assert np.isnan(found.stop[1])
    assert found.error.value == pytest.approx((2 * 0.45 + 1 * 0.45 + 2 * 0.05) / 5)
    assert found.error.n == 5
    assert found.auroc.value == pytest.approx(3.5 / 4)  # stops of 0.05 (tied), 0.55, 0.95, 0.95 against 0.05
    sure = dialogue.go_calibration(go, np.ones((3, 2), bool), mask).auroc
    assert (sure.value, sure.reason) == (None, "no answer is wrong")
    assert dialogue.go_calibration(np.array([[0.0, 1.0]]), np.array([[True, False]]), np.array([[True, True]])).error.value == 0.0


# ----------------------------------------------------------------------------------------------------------------- messages

SAID = bits("01 11|01 10|00 10")
OPEN = np.array([[1, 1], [1, 1], [1, 0]], bool)


def test_entropy_of_bits():
    found = dialogue.bit_entropy(SAID, OPEN)
    assert found.tolist() == [[0.0, pytest.approx(binary(2 / 3))], [0.0, 1.0]]
    closed = dialogue.bit_entropy(SAID, np.array([[1, 0]] * 3, bool))
    assert np.isnan(closed[1]).all()


def test_entropy_of_probabilities():
    p = np.array([[[0.5, 1.0], [0.5, 0.5]], [[0.25, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.5, 0.5]]], np.float32)
    assert dialogue.probability_entropy(p, OPEN).tolist() == pytest.approx([(0.5 + binary(0.25) / 2) / 3, (1.0 + 0.0) / 2])
    assert np.isnan(dialogue.probability_entropy(p, np.array([[1, 0]] * 3, bool))[1])


def test_change_between_messages():
    # from 00: 1, 1, 0 bits; then of the open ones 01 -> 11 is 1, 01 -> 10 is 2
    assert dialogue.hamming_change(SAID, OPEN).tolist() == pytest.approx([2 / 3, 1.5])
    assert dialogue.hamming_change(SAID, np.ones((3, 2), bool)).tolist() == pytest.approx([2 / 3, 4 / 3])
    assert np.isnan(dialogue.hamming_change(SAID, np.array([[1, 0]] * 3, bool))[1])


def test_components_are_those_of_all_messages_said():
    rng = np.random.default_rng(0)
    sender, receiver = rng.random((40, 3, 6)) < 0.3, rng.random((40, 3, 6)) < 0.7
    mask = np.minimum.accumulate(rng.random((40, 3)) < 0.8, axis=1) | np.array([True, False, False])
    found = dialogue.message_components(sender, receiver, mask)
    points = np.concatenate([sender[mask], receiver[mask]]).astype(float)
    by = PCA(2).fit(points)
    assert found.explained == pytest.approx(by.explained_variance_ratio_)
    assert found.sender.counts.sum() == found.receiver.counts.sum() == mask.sum()
    theirs = {tuple(message): place for message, place in zip(sender[mask].tolist(), by.transform(sender[mask].astype(float)), strict=True)}
    signs = np.sign(by.components_[np.arange(2), np.abs(by.components_).argmax(1)])
    for message, place in zip(np.unique(sender[mask], axis=0).tolist(), found.sender.places, strict=True):
        assert place == pytest.approx(signs * theirs[tuple(message)])


def test_components_of_what_does_not_vary():
    one = bits("01|01")
    found = dialogue.message_components(one, one, np.ones((2, 1), bool))
    assert found.explained == (0.0, 0.0)
    assert (found.sender.places == 0).all()
    assert found.sender.counts.tolist() == [2]
    single = dialogue.message_components(bits("0|1"), bits("1|1"), np.ones((2, 1), bool))
    assert single.explained == pytest.approx((1.0, 0.0))
    assert single.sender.places[:, 1].tolist() == [0.0, 0.0]


def test_overlap_of_codes():
    other = bits("10 00|10 01|10 11")
    # the sender has said 01, 11, 10, 00; the receiver 10, 00, 01, and 11 only when nobody listened
    assert dialogue.code_overlap(SAID, other, OPEN).value == 0.75
    assert dialogue.code_overlap(SAID, SAID, OPEN).value == 1.0
    assert dialogue.code_overlap(SAID, ~SAID, np.array([[1, 0], [1, 0], [0, 0]], bool)).value == 0.0
    assert dialogue.code_overlap(SAID, SAID, OPEN).n == 10
    assert dialogue.distinct_by_step(SAID, OPEN).tolist() == [2, 2]


def test_information():
    said = bits("00 00|01 00|10 10|11 10")
    target = np.arange(4)
    first, second = dialogue.information_by_step(said, target, np.ones((4, 2), bool))
    assert (first.value, second.value) == (2.0, 1.0)
    assert first.null == pytest.approx(2.0)  # four messages for four examples tell whatever there is
    half = np.array([[1, 1], [1, 1], [1, 0], [1, 0]], bool)
    assert dialogue.information_by_step(said, target, half, permutations=0)[1].value == 0.0
    closed = dialogue.information_by_step(said, target, np.array([[1, 0]] * 4, bool))[1]
    assert (closed.value, closed.reason) == (None, "no messages")


def test_information_stands_above_its_bias():
    rng = np.random.default_rng(0)
    target = rng.integers(4, size=400)
    code = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1]], bool)
    told, noise = code[target][:, None], rng.random((400, 1, 3)) < 0.5
    good, bad = (dialogue.information_by_step(said, target, np.ones((400, 1), bool))[0] for said in (told, noise))
    assert good.value > 1.9 > 0.1 > good.null_high
    assert bad.value == pytest.approx(bad.null, abs=0.03)


# what each step adds


def test_turns_and_answers_that_are_cut():
    mask = np.array([[True, True, True], [True, False, False], [True, True, False]])
    assert metrics.turns(mask).value == 2
    assert metrics.turns(mask[:0]).reason == "no conversations"
    # right from the second step on; right at the first, wrong if it had gone on; never right
    answers = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 1]])
    scores = np.eye(2)[answers]
    found = metrics.cut_accuracy(scores, mask, np.zeros(3, int))
    assert [value.value for value in found] == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert found[0].null == 0.5
    assert found[-1] == metrics.answered_accuracy(scores, mask, np.zeros(3, int))
    # nobody stopped: every step as it is
    np.testing.assert_allclose(
        [value.value for value in metrics.cut_accuracy(scores, mask | True, np.zeros(3, int))], [1 / 3, 1 / 3, 1 / 3]
    )


def test_information_added_by_hand():
    """The class is the parity of two bits: the first says nothing, the second, once the first is known, all of it."""
    first, second = (np.array(column) for column in zip(*[(i, j) for i in (0, 1) for j in (0, 1)] * 10, strict=True))
    bits = np.stack([first, second, second], axis=1)[..., None].astype(bool)
    target, mask = first ^ second, np.ones((40, 3), bool)
    found = metrics.information_added(bits, target, mask, permutations=20, bootstrap=20)
    assert [value.value for value in found] == pytest.approx([0, 1, 0], abs=1e-9)
    assert [value.value for value in metrics.information_by_step(bits, target, mask, permutations=5)] == pytest.approx([0, 0, 0], abs=1e-9)
    assert found[1].null < 0.2  # within the same past the second bit is dealt out anew
    assert found[1].low <= 1 <= found[1].high + 1e-9
    assert found[2].null == pytest.approx(0, abs=1e-9)
    # the other agent told the second bit before: nothing is left to add
    told = np.stack([second, second, second], axis=1)[..., None].astype(bool)
    answered = metrics.information_added(bits, target, mask, told, permutations=5)
    assert answered[1].value == pytest.approx(0, abs=1e-9)
    assert answered[1].how.startswith("plug-in; given both agents messages before")
    # steps sum up to all that is said (chain rule)
    rng = np.random.default_rng(0)
    bits, target = rng.integers(0, 2, (80, 3, 2)).astype(bool), rng.integers(0, 3, 80)
    total = metrics.mutual_information(bits.reshape(80, 6).astype(int), target).value
    steps = metrics.information_added(bits, target, np.ones((80, 3), bool), null=False)
    assert sum(value.value for value in steps) == pytest.approx(total, abs=1e-9)
    assert metrics.information_added(bits, target, np.zeros((80, 3), bool))[0].reason == "no conversation is open"


def test_the_null_of_information_added_covers_over_random_conversations():
    rng, exceed = np.random.default_rng(0), 0
    for seed in range(200):
        bits, target = rng.integers(0, 2, (60, 2, 2)).astype(bool), rng.integers(0, 3, 60)
        found = metrics.information_added(bits, target, np.array([[False, True]] * 60), permutations=39, seed=seed)[1]
        exceed += found.value > found.null_high
    # by exchangeability 2 to 3 of 40 are above the 95 % quantile of 39 permutations: 15 at most, and 4 deviations of the binomial
    assert 1 <= exceed <= 15 + 4 * (200 * 0.075 * 0.925) ** 0.5
