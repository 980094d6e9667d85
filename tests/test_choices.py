"""How logits become a symbol.

Frequencies are judged by chi-square: with k cells whose expected counts are 100 or more the statistic has the law chi2(k - 1), and each
test asks for less than the value that this law exceeds with probability 1e-6. Keys are fixed, so a test fails always or never.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from semiosis import choices

P = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
LOGITS = jnp.log(jnp.asarray(P, jnp.float32)) + 3.0  # a shift changes no probability


def assert_frequencies(counts, expected):
    counts, expected = np.asarray(counts, float).ravel(), np.asarray(expected, float).ravel()
    assert counts.sum() == pytest.approx(expected.sum())
    assert expected.min() >= 100
    assert ((counts - expected) ** 2 / expected).sum() < stats.chi2.isf(1e-6, counts.size - 1)


def assert_one_hot(rows, atol=0.0):
    rows = np.asarray(rows)
    assert np.all((np.abs(rows) <= atol) | (np.abs(rows - 1.0) <= atol))
    np.testing.assert_allclose(rows.sum(-1), 1.0, atol=rows.shape[-1] * atol)


def test_greedy_says_the_likeliest_symbol_and_the_first_of_equals():
    logits = jnp.array([[0.0, 2.0, 1.0], [5.0, 5.0, -1.0], [-3.0, -2.0, -1.0]])
    assert choices.greedy(logits).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_greedy_does_not_use_the_key():
    logits = jax.random.normal(jax.random.key(0), (50, 4, 7))
    rows = [choices.greedy(logits, key) for key in (None, jax.random.key(1), jax.random.key(2))]
    assert rows[0].shape == logits.shape
    assert all(np.array_equal(rows[0], other) for other in rows[1:])


def test_a_sample_has_the_frequencies_of_the_softmax():
    n = 20_000
    rows = choices.sample(jnp.broadcast_to(LOGITS, (n, 5)), jax.random.key(3))
    assert_one_hot(rows)
    assert_frequencies(rows.sum(0), n * P)


def test_places_are_sampled_independently():
    n = 60_000  # 25 cells, the rarest of expected count 60,000 x 0.05^2 = 150
    rows = np.asarray(choices.sample(jnp.broadcast_to(LOGITS, (n, 2, 5)), jax.random.key(4)))
    assert_frequencies(rows[:, 0].T @ rows[:, 1], n * np.outer(P, P))
    assert_frequencies(rows[:-1, 0].T @ rows[1:, 0], (n - 1) * np.outer(P, P))


def test_no_gradient_passes_a_sample():
    weight = jnp.arange(5.0)
    grad = jax.grad(lambda logits: jnp.sum(choices.sample(logits, jax.random.key(0)) * weight))(LOGITS)
    assert grad.tolist() == [0.0] * 5


def test_straight_through_is_a_sample_forward_and_the_softmax_backward():
    logits = jax.random.normal(jax.random.key(5), (40, 5))
    weight, key = jax.random.normal(jax.random.key(6), (40, 5)), jax.random.key(7)
    rows = choices.straight_through(logits, key)
    assert_one_hot(rows, atol=2e-7)  # (1 + s) - s, each rounded once
    np.testing.assert_allclose(rows, choices.sample(logits, key), atol=2e-7)
    grad = jax.grad(lambda x: jnp.sum(choices.straight_through(x, key) * weight))(logits)
    soft = np.asarray(jax.nn.softmax(logits))
    by_hand = soft * (weight - (soft * weight).sum(-1, keepdims=True))  # J of the softmax is diag(s) - s s'
    np.testing.assert_allclose(grad, by_hand, atol=1e-6)


def test_gumbel_rows_are_probabilities_at_any_temperature():
    logits = jax.random.normal(jax.random.key(8), (100, 5))
    for temperature in (0.1, 1.0, 10.0):
        rows = np.asarray(choices.gumbel(temperature)(logits, jax.random.key(9)))
        assert np.all(rows >= 0)
        np.testing.assert_allclose(rows.sum(-1), 1.0, atol=1e-6)


def test_a_hot_gumbel_is_uniform_and_a_cold_one_a_symbol():
    logits, key = jax.random.normal(jax.random.key(10), (64, 5)), jax.random.key(11)
    np.testing.assert_allclose(choices.gumbel(1e6)(logits, key), 0.2, atol=1e-4)
    # the largest exceeds the next by 1e-3 in each of these 64 rows, and exp(-1e-3 / 1e-5) is nothing
    assert_one_hot(choices.gumbel(1e-5)(logits, key), atol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_largest_of_a_gumbel_row_has_the_frequencies_of_the_softmax(temperature):
    n = 20_000
    rows = choices.gumbel(temperature)(jnp.broadcast_to(LOGITS, (n, 5)), jax.random.key(12))
    assert_frequencies(np.bincount(np.argmax(rows, axis=-1), minlength=5), n * P)


def test_a_hard_gumbel_is_one_hot_forward_and_relaxed_backward():
    logits, key = jax.random.normal(jax.random.key(13), (30, 5)), jax.random.key(14)
    weight = jax.random.normal(jax.random.key(15), (30, 5))
    soft, hard = choices.gumbel(0.7), choices.gumbel(0.7, hard=True)
    rows = hard(logits, key)
    assert_one_hot(rows, atol=2e-7)
    assert np.array_equal(np.argmax(rows, -1), np.argmax(soft(logits, key), -1))
    grads = [jax.grad(lambda x, choose=choose: jnp.sum(choose(x, key) * weight))(logits) for choose in (soft, hard)]
    assert np.abs(grads[0]).max() > 0.01
    np.testing.assert_allclose(grads[0], grads[1], atol=1e-6)


def test_forced_says_its_rows_whatever_the_logits():
    rows = jnp.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    logits = jnp.array([[9.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
    assert np.array_equal(choices.forced(rows)(logits), rows)
    assert np.array_equal(choices.forced(rows)(logits, jax.random.key(0)), rows)
    assert choices.forced(rows[0])(logits).tolist() == [[0, 1, 0], [0, 1, 0]]
