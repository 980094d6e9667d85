"""Use of the channel: influence, effects, informative positions; by hand, and the laws of listeners that are deaf."""

from __future__ import annotations

import numpy as np
import pytest

from semiosis import metrics
from semiosis.errors import UsageError


def h(p: float) -> float:
    return float(-p * np.log2(p) - (1 - p) * np.log2(1 - p))


def distributions(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), shape[:-1])


# causal influence


def test_causal_influence_by_hand():
    obeys = np.eye(2)[None]  # the answer is the message
    assert metrics.causal_influence(obeys).value == pytest.approx(1)
    assert metrics.causal_influence(obeys, np.array([[0.25, 0.75]])).value == pytest.approx(h(0.25))
    # heeds a message half of the time, else answers 0
    half = np.array([[[1.0, 0.0], [0.5, 0.5]]])
    assert metrics.causal_influence(half).value == pytest.approx(h(0.25) - 0.5)
    both = metrics.causal_influence(np.concatenate([obeys, half]), bootstrap=200)
    assert both.value == pytest.approx((1 + h(0.25) - 0.5) / 2)
    assert (both.low, both.high, both.n, both.null) == pytest.approx((h(0.25) - 0.5, 1, 2, 0))
    # weights of each situation
    assert metrics.causal_influence(np.concatenate([obeys, obeys]), np.array([[1.0, 0.0], [0.5, 0.5]])).value == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(3))
def test_causal_influence_is_the_information_that_messages_give(seed: int):
    """It is I(M; Y) of the joint p(m) p(y | do m): between 0 and the entropy of the messages; by brute force over the table."""
    p, weights = distributions(1, 5, 4, seed=seed), distributions(1, 5, seed=seed + 9)
    joint = weights[0, :, None] * p[0]
    slow = sum(joint[i, j] * np.log2(joint[i, j] / joint[i].sum() / joint[:, j].sum()) for i in range(5) for j in range(4))
    found = metrics.causal_influence(p, weights)
    assert found.value == pytest.approx(slow, abs=1e-9)
    assert 0 < slow < -(weights * np.log2(weights)).sum()


@pytest.mark.parametrize("m", [2, 10, 50])
def test_the_deaf_score_nothing_where_the_published_mean_scores_log_m(m: int):
    """With a mean over messages instead of their weighted sum, p(y) is m times too small, and every listener scores log m too much."""
    deaf = np.tile(distributions(3, 1, 6), (1, m, 1))
    assert metrics.causal_influence(deaf).value == pytest.approx(0, abs=1e-12)
    weights = np.full(m, 1 / m)
    published = [(weights[:, None] * p * np.log(p / (weights[:, None] * p).mean(axis=0))).sum() for p in deaf]
    assert np.mean(published) == pytest.approx(np.log(m))


def test_answers_must_be_probabilities():
    with pytest.raises(UsageError, match="answers are no probabilities"):
        metrics.causal_influence(np.ones((1, 2, 2)))
    assert metrics.causal_influence(np.zeros((0, 2, 3))).reason == "no examples"


# counterfactual messages


def test_message_effect_by_hand():
    actual = np.array([[1.0, 0.0], [0.5, 0.5]])
    others = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]])
    found = metrics.message_effect(actual, others, bootstrap=100)
    assert found[:4] == pytest.approx((0.5, 0, 1, 0))  # 1 bit for the first, none for the second
    # the mean effect over all messages, all of them counterfactual, is the causal influence
    p = distributions(4, 3)
    assert metrics.message_effect(p, np.tile(p, (4, 1, 1))).value == pytest.approx(metrics.causal_influence(p[None]).value)
    with pytest.raises(UsageError, match="impossible after all counterfactual ones"):
        metrics.message_effect(np.array([[1.0, 0.0]]), np.array([[[0.0, 1.0]]]))


def test_bilateral_use_by_hand():
    swayed = np.array([[1.0, 0.0]] * 4), np.array([[[1.0, 0.0], [0.0, 1.0]]] * 4)
    sometimes = np.array([[1.0, 0.0], [0.5, 0.5], [1.0, 0.0], [0.5, 0.5]]), np.array([[[1.0, 0.0], [0.0, 1.0]]] * 4)
    found = metrics.bilateral_use(swayed, sometimes)
    assert (found.a_on_b.value, found.b_on_a.value, found.both.value) == pytest.approx((1, 0.5, 0.5))
    assert found.both.how == "both effects 0.1 bits or more; Wilson"
    with pytest.raises(UsageError, match="4 conversations from A and 2 from B"):
        metrics.bilateral_use(swayed, (sometimes[0][:2], sometimes[1][:2]))


# correlation


def test_consistency_and_coordination_by_hand():
    said = np.array([[0, 1, 0, 1, 1], [1, 1, 0, 0, 1]])
    echo = np.concatenate([np.array([[1], [0]]), said[:, :-1]], axis=1)  # the other repeats what was said a step before
    assert metrics.instantaneous_coordination(said, echo).value == pytest.approx(1)  # of the eight that are followed four are 1
    with_own_step = metrics.instantaneous_coordination(said, said, delay=0, null=True)
    assert with_own_step.value == pytest.approx(h(0.4))
    assert with_own_step.how == "plug-in; all steps together, delay 0"
    assert metrics.speaker_consistency(said.reshape(-1, 1), said.reshape(-1)).value == pytest.approx(h(0.4))


# positions


def test_replaced_messages_differ_at_one_place():
    tokens, lengths = np.random.default_rng(0).integers(0, 4, (30, 5)), np.random.default_rng(1).integers(0, 6, 30)
    found = metrics.replaced(tokens, 4, lengths, draws=3, seed=2)
    assert found.shape == (30, 5, 3, 5)
    differs = found != tokens[:, None, None]
    spoken = np.arange(5) < lengths[:, None]
    # exactly at the place in question, and there only where something was said
    np.testing.assert_array_equal(differs, (np.eye(5, dtype=bool) & spoken[:, :, None])[:, :, None].repeat(3, axis=2))
    # three others of four symbols are all others
    here = found[:, np.arange(5), :, np.arange(5)].swapaxes(0, 1)[spoken]
    assert all(set(row) | {own} == {0, 1, 2, 3} for row, own in zip(here.tolist(), tokens[spoken].tolist(), strict=True))
    with pytest.raises(UsageError, match="draws is 4: expected 1 to 3"):
        metrics.replaced(tokens, 4, draws=4)
    with pytest.raises(UsageError, match="symbols from 0 to 3: expected 0 to 2"):
        metrics.replaced(tokens, 3)


def test_informative_positions_of_a_listener_that_reads_two_places():
    tokens = np.random.default_rng(0).integers(0, 4, (40, 5))
    lengths = np.where(np.arange(40) < 10, 1, 5)  # the first ten say the first place alone

    def listener(messages: np.ndarray) -> np.ndarray:
        return 4 * messages[..., 0] + messages[..., 2]

    found = metrics.informative_positions(listener(tokens), listener(metrics.replaced(tokens, 4, lengths)), lengths, bootstrap=100)
    assert found.effective_length.value == pytest.approx((10 * 1 + 30 * 2) / 40)
    assert found.density.value == pytest.approx(70 / 160)
    assert found.density.low < 70 / 160 < found.density.high
    np.testing.assert_array_equal(found.by_position, [1, 0, 1, 0, 0])
    deaf = metrics.informative_positions(np.zeros(40, int), np.zeros((40, 5, 2), int), np.zeros(40, int))
    assert (deaf.effective_length.value, deaf.density.reason) == (0, "no symbols: every message is empty")
    assert np.isnan(deaf.by_position).all()


def test_bit_sensitivity_by_hand():
    answers = np.array([0, 1, 2, 3])
    flipped = np.stack([answers ^ 1, answers, np.where(answers < 2, 7, answers)], axis=1)
    found, each = metrics.bit_sensitivity(answers, flipped)
    np.testing.assert_array_equal(each, [1, 0, 0.5])
    assert found.value == pytest.approx(0.5)
    # two steps, of which two conversations played one
    steps = np.stack([flipped, flipped ^ 0], axis=1)
    mask = np.array([[True, True], [True, False], [True, True], [True, False]])
    found, each = metrics.bit_sensitivity(answers, steps, mask)
    np.testing.assert_array_equal(each, [[1, 0, 0.5], [1, 0, 0.5]])
    assert found.value == pytest.approx(np.mean([2 / 3, 2 / 3, 1 / 3, 1 / 3]))
    assert np.isnan(metrics.bit_sensitivity(answers, steps, mask & [[True, False]])[1][1]).all()
    assert metrics.bit_sensitivity(answers[:0], flipped[:0])[0].reason == "no examples"
